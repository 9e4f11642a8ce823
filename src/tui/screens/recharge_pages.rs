//! The pages of a recharge. Pure: values in, a view out.

use crate::jobs::views::{FinishedView, MeterView, PreflightView, Stage, TokenView};
use crate::text::{decisions, status};
use crate::tui::screens::{facts, trust};
use crate::tui::shared::{Errand, Shared};
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Row};
use crate::tui::{when, words};
use crate::units::{Credit, Evidence, Money};

/// Cells of one side of the comparison; a meter number fits with a space.
const SIDE_CELLS: usize = 14;
/// Cells of an amount with its unit.
const AMOUNT_CELLS: usize = 13;
/// Steps of the progress bar.
const BAR_CELLS: u32 = 16;

/// What kind of waiting it is.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// Reading back only.
    pub resolving: bool,
    /// The operator wants to stop although it is sent, and was told what that means.
    pub warned: bool,
}

/// Which token?
pub fn choose(shared: &Shared, meter: &MeterView, cursor: usize) -> View {
    let (lang, width) = (shared.lang, shared.size.page_width());
    let mut head = vec![
        facts::fact(lang.fact_number(), Meaning::Strong, meter.row.no.to_string()),
        facts::fact(lang.fact_customer(), Meaning::Plain, &meter.row.customer),
        Row::blank(),
    ];
    if meter.tokens.is_empty() {
        head.extend(facts::say(Meaning::Plain, lang.choose_none(), width));
    }
    let list = meter.tokens.iter().enumerate().map(|(at, token)| {
        let sign = if at == cursor { ">" } else { " " };
        let left = width.saturating_sub(3);
        let mut row = Row::plain(format!("{sign}{} ", (at + 1) % 10));
        row = row.number(Meaning::Strong, &lang.token_amount(token), AMOUNT_CELLS);
        let text = format!("  {}  {}", facts::step(shared, token), lang.token_state(token.state));
        row.column(words::token_sign(token.state).1, &text, left.saturating_sub(AMOUNT_CELLS))
    });
    let list = list.collect();
    let title = lang.title_choose().to_owned();
    View { title, head, list, cursor: Some(cursor), ..View::default() }
}

/// The meter is being read.
pub fn reading(shared: &Shared, token: &TokenView, errand: Option<Errand>) -> View {
    let (lang, width) = (shared.lang, shared.size.page_width());
    let mut list = vec![
        facts::fact(lang.fact_number(), Meaning::Strong, token.meter.to_string()),
        facts::fact(lang.fact_amount(), Meaning::Strong, lang.credit(token.credit)),
        Row::blank(),
        stage_line(shared, errand),
        bar(errand),
        Row::blank(),
    ];
    list.extend(facts::say(Meaning::Plain, lang.reading_note(), width));
    View { title: lang.title_reading().to_owned(), list, ..View::default() }
}

fn stage_line(shared: &Shared, errand: Option<Errand>) -> Row {
    let lang = shared.lang;
    let stage = lang.stage(errand.and_then(|errand| errand.stage));
    let seconds = errand.map_or(0, |e| shared.now.up.saturating_sub(e.since).as_secs());
    Row::of(Meaning::Strong, stage).and(Meaning::Plain, format!("  {}", lang.elapsed(seconds)))
}

/// `[######..........] 3/8`; empty while the number of steps is not known.
fn bar(errand: Option<Errand>) -> Row {
    let Some(errand) = errand.filter(|errand| errand.of > 0) else { return Row::blank() };
    let done = errand.done.min(errand.of);
    let filled = (u64::from(done) * u64::from(BAR_CELLS) / u64::from(errand.of)) as usize;
    let empty = BAR_CELLS as usize - filled;
    let bar = format!("[{}{}] {done}/{}", "#".repeat(filled), ".".repeat(empty), errand.of);
    Row::plain(bar)
}

/// One row of the comparison.
fn side(name: &str, meter: &str, token: &str, meaning: Meaning) -> Row {
    Row::blank()
        .column(Meaning::Faint, name, facts::NAME_CELLS)
        .column(meaning, meter, SIDE_CELLS)
        .and(Meaning::Plain, token)
}

/// Evidence first: what the meter says beside what the token says.
pub fn evidence(shared: &Shared, seen: &PreflightView, top: usize) -> View {
    let (lang, width) = (shared.lang, shared.size.page_width());
    let (meter, token) = (&seen.evidence, &seen.token);
    let mut list = facts::say(Meaning::Strong, lang.evidence_compare(), width);
    list.extend(facts::long_fact(lang.fact_customer(), Meaning::Strong, &seen.customer, width));
    list.extend(facts::long_fact(lang.fact_location(), Meaning::Plain, &seen.location, width));
    list.push(side("", lang.column_meter(), lang.column_token(), Meaning::Faint));
    let number = (meter.meter.to_string(), token.meter.to_string());
    list.push(side(lang.fact_number(), &number.0, &number.1, Meaning::Strong));
    let account = meter.account.map_or_else(|| "-".to_owned(), |account| account.to_string());
    // The preflight went through only because the token names the same customer number.
    list.push(side(lang.fact_account(), &account, lang.same(), Meaning::Plain));
    let step = facts::step(shared, token);
    list.push(side(lang.fact_count(), &meter.count.to_string(), &step, Meaning::Plain));
    let balance = lang.credit(meter.balance);
    let plus = format!("+{}", Money(token.credit.value));
    let colour = facts::balance(meter.balance, meter.overdraft);
    list.push(side(lang.balance_name(meter.balance.unit), &balance, &plus, colour));
    if meter.overdraft > 0 {
        list.push(facts::overdraft(shared, meter.overdraft, meter.balance.unit));
        let amount = lang.credit(meter.balance.with(meter.overdraft));
        list.extend(facts::say(Meaning::Plain, &lang.evidence_repaid(&amount), width));
    }
    let after = lang.credit(seen.expected_balance);
    list.push(facts::fact(lang.fact_after(), Meaning::Strong, after));
    if let Some((meaning, left)) =
        trust::left_after(lang, token.credit, [&seen.device, &seen.operator])
    {
        list.extend(facts::long_fact(lang.after_this(), meaning, &left, width));
    }
    for warning in &seen.warnings {
        let text = format!("! {} {}", shared.sentence(warning.code), warning.detail);
        list.extend(facts::say(Meaning::Alarm, text.trim_end(), width));
    }
    list.extend(more_evidence(shared, seen));
    View { title: lang.title_evidence().to_owned(), list, top, ..View::default() }
}

/// What rounds the picture off: last purchase, clock, load, the token's time.
fn more_evidence(shared: &Shared, seen: &PreflightView) -> Vec<Row> {
    let lang = shared.lang;
    let meter = &seen.evidence;
    let mut rows = Vec::new();
    if let Some(last) = meter.last_purchase {
        let amount = lang.credit(meter.balance.with(last.amount));
        let text = format!("{}  {amount}", lang.count_times(last.count.0));
        rows.push(facts::fact(lang.fact_last_buy(), Meaning::Plain, text));
    }
    if let Some(drift) = seen.drift_s {
        rows.push(facts::drift(shared, drift));
    }
    if let Some(relay) = meter.relay {
        let (text, meaning) = lang.relay(relay);
        rows.push(facts::fact(lang.fact_load(), meaning, text));
    }
    let until = when::minute(&shared.zone, seen.token.expires);
    rows.push(facts::fact(lang.fact_valid_until(), Meaning::Plain, until));
    rows
}

/// The last four digits. The number itself is not on this page: it must come from the meter.
pub fn digits(shared: &Shared, seen: &PreflightView, typed: &Field) -> View {
    let (lang, width) = (shared.lang, shared.size.page_width());
    let mut list = facts::long_fact(lang.fact_customer(), Meaning::Plain, &seen.customer, width);
    list.push(facts::fact(lang.fact_amount(), Meaning::Strong, lang.credit(seen.token.credit)));
    let after = lang.credit(seen.expected_balance);
    list.push(facts::fact(lang.fact_after(), Meaning::Plain, after));
    list.push(Row::blank());
    list.extend(facts::say(Meaning::Plain, lang.digits_ask(), width));
    list.push(Row::blank());
    list.push(typed.row(lang.digits_label(), width));
    list.push(Row::blank());
    list.extend(facts::say(Meaning::Faint, lang.digits_then(), width));
    View { title: lang.title_digits().to_owned(), list, ..View::default() }
}

/// Sending and reading back.
pub fn running(shared: &Shared, what: &str, errand: Option<Errand>, how: Waiting) -> View {
    let (lang, width) = (shared.lang, shared.size.page_width());
    let title = if how.resolving { lang.title_resolving() } else { lang.title_running() };
    let mut list = vec![Row::of(Meaning::Strong, what), Row::blank()];
    let steps: &[Stage] = if how.resolving {
        &[Stage::Opening, Stage::ReadingBack]
    } else {
        &[Stage::Reading, Stage::Sending, Stage::ReadingBack]
    };
    let now = errand.and_then(|errand| errand.stage);
    let at = steps.iter().position(|step| Some(*step) == now);
    for (place, step) in steps.iter().enumerate() {
        let (sign, meaning) = match at {
            Some(at) if place < at => ("+", Meaning::Good),
            Some(at) if place == at => (">", Meaning::Strong),
            _ => (" ", Meaning::Faint),
        };
        list.push(Row::of(meaning, format!(" {sign} {}", lang.stage(Some(*step)))));
    }
    list.push(Row::blank());
    list.push(stage_line(shared, errand));
    list.push(bar(errand));
    list.push(Row::blank());
    list.extend(facts::say(Meaning::Alarm, &format!("! {}", lang.running_stay()), width));
    if how.resolving {
        list.extend(facts::say(Meaning::Plain, lang.running_resolving(), width));
    }
    list.push(Row::blank());
    list.extend(stopping(shared, errand, how, width));
    View { title: title.to_owned(), list, ..View::default() }
}

/// What pressing Esc meant, or would mean.
fn stopping(shared: &Shared, errand: Option<Errand>, how: Waiting, width: usize) -> Vec<Row> {
    let lang = shared.lang;
    let Some(errand) = errand else { return Vec::new() };
    match (errand.stopping, errand.sent()) {
        (true, true) => facts::say(Meaning::Alarm, lang.running_stopping(), width),
        (true, false) if how.resolving => Vec::new(),
        (true, false) => facts::say(Meaning::Plain, lang.running_not_sent(), width),
        (false, true) if how.warned => facts::say(Meaning::Alarm, lang.running_sent(), width),
        (false, _) => Vec::new(),
    }
}

/// How it ended: what happened, the customer's money, what to do next.
pub fn outcome(shared: &Shared, end: &FinishedView, top: usize) -> View {
    let (lang, width) = (shared.lang, shared.size.page_width());
    let outcome = end.outcome();
    let meaning = words::outcome_meaning(outcome);
    let told = decisions::words(end.decision);
    let sign = decisions::sign(outcome);
    let mut list = vec![
        Row::of(meaning, format!("{sign} {}", lang.outcome(outcome)))
            .and(Meaning::Strong, format!("  {}", lang.credit(end.credit))),
    ];
    list.extend(facts::say(Meaning::Plain, told.title(lang), width));
    list.push(Row::of(Meaning::Strong, lang.outcome_money()));
    list.extend(facts::say(Meaning::Plain, told.money(lang), width));
    list.push(Row::of(Meaning::Strong, lang.outcome_next()));
    list.extend(facts::say(Meaning::Plain, told.next(lang), width));
    if let Some(word) = end.refusal {
        let text = lang.refusal_word(&status::refusal(lang, word));
        list.extend(facts::say(Meaning::Alarm, &text, width));
    }
    list.push(facts::fact(lang.fact_number(), Meaning::Plain, end.meter.to_string()));
    list.extend(before_after(shared, &end.before, end.after.as_ref()));
    let entry = end.journal_seq.to_string();
    list.push(facts::fact(lang.fact_entry(), Meaning::Faint, entry));
    View { title: lang.title_outcome().to_owned(), list, top, ..View::default() }
}

/// Count, balance and overdraft before and after.
fn before_after(shared: &Shared, before: &Evidence, after: Option<&Evidence>) -> Vec<Row> {
    let lang = shared.lang;
    let of = |figure: fn(&Evidence) -> String| {
        let after = after.map_or_else(|| "?".to_owned(), figure);
        (figure(before), after)
    };
    let count = of(|evidence| evidence.count.to_string());
    let balance = of(|evidence| Money(evidence.balance.value).to_string());
    let overdraft = of(|evidence| Money(evidence.overdraft).to_string());
    let unit = Credit { value: 0, ..before.balance }.unit;
    let mut rows = vec![
        side("", lang.fact_before(), lang.fact_after(), Meaning::Faint),
        side(lang.fact_count(), &count.0, &count.1, Meaning::Plain),
        side(lang.balance_name(unit), &balance.0, &balance.1, Meaning::Plain),
    ];
    if before.overdraft != 0 || after.is_some_and(|after| after.overdraft != 0) {
        rows.push(side(lang.fact_overdraft(), &overdraft.0, &overdraft.1, Meaning::Plain));
    }
    rows
}
