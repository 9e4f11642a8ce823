//! Rows that several screens show: named figures, tokens, journal entries, failures.

use crate::jobs::views::{Failure, JournalKind, JournalRow, TokenView};
use crate::report::Code;
use crate::text::{Lang, decisions, errors};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
pub use crate::tui::widgets::{NAME_CELLS, fact, long_fact, mark, say};
use crate::tui::widgets::{Row, wrapped};
use crate::tui::words;
use crate::tui::{when, wrap};
use crate::units::{Credit, CreditUnit, Decision, UnixSeconds};

/// A token on one line: sign, last digits, amount, step, state.
pub fn token(shared: &Shared, token: &TokenView, width: usize) -> Row {
    let lang = shared.lang;
    let (sign, meaning) = words::token_sign(token.state);
    let amount = lang.token_amount(token);
    let state = lang.token_state(token.state);
    Row::blank()
        .column(meaning, sign, 2)
        .column(Meaning::Plain, &token.id.short(), 7)
        .number(Meaning::Strong, &amount, 13)
        .and(meaning, format!(" {}", wrap::truncate(state, width.saturating_sub(23))))
}

/// The purchase step of a token: `3 -> 4`.
pub fn step(shared: &Shared, token: &TokenView) -> String {
    shared.lang.token_step(token)
}

/// A journal entry on one line: acknowledged or not, number, time, kind, outcome.
pub fn journal(shared: &Shared, row: &JournalRow, selected: bool, width: usize) -> Row {
    let lang = shared.lang;
    let (sign, meaning) = if row.acked { (" ", Meaning::Plain) } else { ("-", Meaning::Alarm) };
    let line = Row::of(meaning, mark(selected, sign))
        .number(Meaning::Plain, &row.seq.to_string(), 6)
        .and(Meaning::Faint, format!(" {} ", when::short(&shared.zone, row.at)));
    let left = width.saturating_sub(line.width());
    match row.outcome {
        Some(outcome) => {
            let text = format!("{} {}", decisions::sign(outcome), lang.outcome(outcome));
            line.column(words::outcome_meaning(outcome), &text, left)
        }
        None => line.column(Meaning::Plain, lang.journal_kind(row.kind), left),
    }
}

/// A balance or overdraft: arrears are red and carry their sign.
pub fn balance(credit: Credit, overdraft: i64) -> Meaning {
    if overdraft > 0 || credit.value < 0 { Meaning::Fault } else { Meaning::Strong }
}

/// The overdraft as a figure.
pub fn overdraft(shared: &Shared, value: i64, unit: CreditUnit) -> Row {
    let lang = shared.lang;
    let text = lang.credit(Credit { value, unit });
    let (meaning, sign) = if value > 0 { (Meaning::Fault, "! ") } else { (Meaning::Plain, "") };
    fact(lang.fact_overdraft(), meaning, format!("{sign}{text}"))
}

/// A failure in one row with its code, for lists of refusals.
pub fn failure(shared: &Shared, failure: &Failure, width: usize) -> Vec<Row> {
    let text = format!("X {} {}", failure.code.as_str(), shared.sentence(failure.code));
    let mut rows = say(Meaning::Fault, &text, width);
    if !failure.detail.is_empty() {
        let about = errors::detail(shared.lang, failure.code, &failure.detail);
        rows.extend(wrapped(Meaning::Faint, &about, width - 2).map(Row::indented));
    }
    rows
}

/// Something to be warned of: what, with its code, and what to do about it.
pub fn warned(shared: &Shared, what: &Failure, meaning: Meaning, width: usize) -> Vec<Row> {
    let told = errors::words(what.code);
    let sign = if meaning == Meaning::Fault { "X" } else { "!" };
    let text = format!("{sign} {} {}", what.code.as_str(), told.title(shared.lang));
    let mut rows = say(meaning, &text, width);
    if !what.detail.is_empty() {
        let about = errors::detail(shared.lang, what.code, &what.detail);
        rows.extend(wrapped(Meaning::Faint, &about, width - 2).map(Row::indented));
    }
    let next = wrapped(Meaning::Plain, told.next(shared.lang), width - 2);
    rows.extend(next.map(Row::indented));
    rows
}

/// A failure in its own words: what happened, what it is about, what to do next.
pub fn told(shared: &Shared, failure: &Failure, width: usize) -> Vec<Row> {
    let told = errors::words(failure.code);
    let mut rows = say(Meaning::Fault, &format!("X {}", told.title(shared.lang)), width);
    if !failure.detail.is_empty() {
        let about = errors::detail(shared.lang, failure.code, &failure.detail);
        rows.extend(wrapped(Meaning::Faint, &about, width - 2).map(Row::indented));
    }
    rows.extend(say(Meaning::Plain, told.next(shared.lang), width));
    rows
}

/// A clock drift as a figure; one that matters carries a sign.
pub fn drift(shared: &Shared, seconds: i64) -> Row {
    let lang = shared.lang;
    let meaning = words::drift_meaning(seconds);
    let sign = if meaning == Meaning::Plain { "" } else { "! " };
    fact(lang.fact_drift(), meaning, format!("{sign}{}", lang.drift(seconds)))
}

/// A stable detail of the journal (`jobs/journal.rs`) in words, where there are words for it.
pub fn detail(shared: &Shared, row: &JournalRow) -> String {
    let lang = shared.lang;
    let detail = row.detail.as_str();
    let flat = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    if let Some(code) = Code::ALL.iter().find(|code| code.as_str() == detail) {
        return format!("{detail} {}", shared.sentence(*code));
    }
    let same = |decision: &&Decision| flat(&format!("{decision:?}")) == flat(detail);
    if let Some(decision) = DECISIONS.iter().find(same) {
        return lang.decision(*decision).to_owned();
    }
    match (row.kind, detail, detail.split_once(' ')) {
        (JournalKind::LoggedIn | JournalKind::LoggedOut | JournalKind::PinSet, _, Some(parts)) => {
            whose(lang, parts)
        }
        (JournalKind::OverrideUsed, _, _) => {
            detail.parse().map_or(detail, |verb| lang.verb(verb)).to_owned()
        }
        (JournalKind::Unproven, _, Some((verb, model))) => {
            let verb = verb.parse().map_or(verb, |verb| lang.verb(verb));
            format!("{verb}: {model}")
        }
        (_, "voided", _) => lang.detail_voided().to_owned(),
        (_, "settled", _) => lang.detail_settled().to_owned(),
        (_, "superseded", _) => lang.detail_superseded().to_owned(),
        (_, "booked", _) => lang.detail_booked().to_owned(),
        (_, "not-booked", _) => lang.detail_not_booked().to_owned(),
        (_, _, Some(("recharged", at))) => match at.parse() {
            Ok(at) => lang.detail_recharged(&when::minute(&shared.zone, UnixSeconds(at))),
            Err(_) => detail.to_owned(),
        },
        (_, _, Some((n, "items"))) => lang.detail_items(n),
        (_, _, Some((n, "bytes"))) => lang.detail_bytes(n),
        (_, _, Some(("count", n))) => lang.detail_count(n),
        _ => detail.to_owned(),
    }
}

/// `1001 recharge, 3 wrong`: an operator and what was done, or the role and the wrong PINs before.
fn whose(lang: Lang, (operator, what): (&str, &str)) -> String {
    let (what, wrong) = match what.split_once(", ") {
        Some((what, wrong)) => (what, wrong.strip_suffix(" wrong")),
        None => (what, None),
    };
    let word = match what {
        "asked" => lang.detail_asked(),
        "idle" => lang.detail_idle(),
        "shift-end" => lang.detail_shift_end(),
        "ended" => lang.detail_ended(),
        "set" => lang.detail_pin_set(),
        "changed" => lang.detail_pin_changed(),
        "removed" => lang.detail_pin_removed(),
        "freed" => lang.detail_pin_freed(),
        "recovered" => lang.detail_pin_recovered(),
        other => other.parse().map_or(other, |role| lang.role(role)),
    };
    match wrong {
        Some(n) => format!("{operator} {word}{}{}", lang.list_comma(), lang.detail_wrong(n)),
        None => format!("{operator} {word}"),
    }
}

/// Every decision, to find one by its stable name.
const DECISIONS: [Decision; 8] = [
    Decision::Confirmed,
    Decision::ConfirmedWeak,
    Decision::NotApplied,
    Decision::Raced,
    Decision::TornWrite,
    Decision::Reset,
    Decision::Contradiction,
    Decision::Unreachable,
];
