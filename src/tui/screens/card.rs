//! A meter's card: the quick read, its tokens, its last journal entries.

use super::{Recharge, Sheet, facts, moved, movement};
use crate::jobs::views::{ErrandId, MeterView, QuickRead, Request, TokenView, Update};
use crate::report::Code;
use crate::text::items;
use crate::text::status::{self, Grade};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::layout::Class;
use crate::tui::shared::{ErrandKind, Shared};
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::when;
use crate::tui::widgets::Row;
use crate::units::{Evidence, MeterNo};

/// Journal entries shown on a card.
const JOURNAL_ROWS: usize = 5;

/// One meter.
#[derive(Debug)]
pub struct Card {
    no: MeterNo,
    meter: Option<Box<MeterView>>,
    errand: Option<ErrandId>,
    top: usize,
}

impl Card {
    /// The card of a meter, listed or not.
    pub fn new(no: MeterNo) -> Self {
        Self { no, meter: None, errand: None, top: 0 }
    }

    /// Starts a quick read.
    pub fn read(&mut self, shared: &mut Shared) {
        let errand = shared.begin(ErrandKind::Read, Some(self.no));
        self.errand = Some(errand);
        shared.ask(Request::Read { errand, meter: self.no });
    }

    fn recharge(&self, shared: &mut Shared) {
        let Some(meter) = &self.meter else { return };
        let mut ready = meter.tokens.iter().filter(|token| token.recharges());
        match (ready.next(), ready.next()) {
            (Some(only), None) => {
                let recharge = Recharge::with_token(shared, only);
                shared.go(recharge);
            }
            _ => shared.go(Recharge::choose(meter.clone())),
        }
    }

    fn resolve(&self, shared: &mut Shared) {
        if let Some(open) = self.meter.as_ref().and_then(|meter| meter.open.as_ref()) {
            let recharge = Recharge::resolve(shared, open.meter, open.credit);
            shared.go(recharge);
        }
    }

    /// Who and where, and what must not be overlooked.
    fn head(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let mut rows = vec![facts::fact(lang.fact_number(), Meaning::Strong, self.no.to_string())];
        let Some(meter) = &self.meter else { return rows };
        let mut named = |name, value: &str| {
            if !value.is_empty() {
                rows.extend(facts::long_fact(name, Meaning::Plain, value, width));
            }
        };
        named(lang.fact_customer(), &meter.row.customer);
        named(lang.fact_location(), &meter.row.location);
        if let Some(open) = &meter.open {
            let text = lang.card_open(lang.act(open.act), &lang.credit(open.credit));
            rows.extend(facts::say(Meaning::Alarm, &text, width));
        }
        rows
    }

    /// The running read, the last read, or what the journal still knows.
    fn figures(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let mut rows = Vec::new();
        if let Some(errand) = shared.line.filter(|e| Some(e.id) == self.errand) {
            let seconds = shared.now.up.saturating_sub(errand.since).as_secs();
            let text = format!("{} {} ...", lang.stage(errand.stage), lang.elapsed(seconds));
            rows.push(Row::of(Meaning::Strong, text));
        }
        let last = self.meter.as_ref().and_then(|meter| meter.last.as_ref());
        match (&shared.read, last) {
            (Some(read), _) if read.meter == self.no => {
                rows.extend(quick_read(shared, read, width));
            }
            (_, Some(last)) => {
                rows.push(Row::of(Meaning::Faint, lang.card_from_journal()));
                rows.extend(evidence(shared, last));
            }
            _ if rows.is_empty() => {
                rows.extend(facts::say(Meaning::Plain, lang.card_not_read(), width));
            }
            _ => {}
        }
        rows
    }

    /// Account, tokens and journal.
    fn papers(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let Some(meter) = &self.meter else {
            return vec![Row::of(Meaning::Faint, lang.waiting())];
        };
        let mut rows = Vec::new();
        if let Some(account) = meter.account {
            rows.push(facts::fact(lang.fact_account(), Meaning::Plain, account.to_string()));
        }
        if !meter.profile.is_empty() {
            rows.push(facts::fact(lang.fact_profile(), Meaning::Plain, &meter.profile));
        }
        let place = &meter.place;
        if !place.terminal.is_empty() {
            let user = lang.box_user(&place.terminal, place.user);
            rows.extend(facts::long_fact(lang.fact_box(), Meaning::Plain, &user, width));
        }
        if !place.address.is_empty() {
            rows.push(facts::fact(lang.fact_address(), Meaning::Plain, &place.address));
        }
        if !place.line.is_empty() {
            rows.extend(facts::long_fact(lang.fact_line(), Meaning::Plain, &place.line, width));
        }
        rows.push(Row::of(Meaning::Faint, lang.fact_tokens()));
        rows.extend(meter.tokens.iter().map(|token| facts::token(shared, token, width)));
        if meter.tokens.is_empty() {
            rows.push(Row::plain(format!("  {}", lang.card_no_tokens())));
        }
        rows.push(Row::of(Meaning::Faint, lang.fact_journal()));
        let entries = meter.journal.iter().take(JOURNAL_ROWS);
        rows.extend(entries.map(|row| facts::journal(shared, row, false, width)));
        rows
    }
}

/// The quick-read card's figures.
fn quick_read(shared: &Shared, read: &QuickRead, width: usize) -> Vec<Row> {
    let lang = shared.lang;
    let mut rows = Vec::new();
    if let Some(balance) = read.balance {
        let overdraft = read.overdraft.unwrap_or(0);
        let meaning = facts::balance(balance, overdraft);
        rows.push(facts::fact(lang.balance_name(balance.unit), meaning, lang.credit(balance)));
        if overdraft != 0 {
            rows.push(facts::overdraft(shared, overdraft, balance.unit));
        }
    }
    let mut figure = |name, value: Option<String>| {
        if let Some(value) = value {
            rows.push(facts::fact(name, Meaning::Plain, value));
        }
    };
    figure(lang.fact_count(), read.count.map(|count| count.to_string()));
    figure(lang.fact_energy(), read.energy.map(|energy| format!("{energy} kWh")));
    figure(lang.fact_voltage(), phases(&read.voltage_dv, |dv| tenths(dv, 10, 1), "V"));
    figure(lang.fact_current(), phases(&read.current_ma, |ma| tenths(ma, 1000, 3), "A"));
    figure(lang.fact_power(), read.power_dw.map(|dw| format!("{} W", tenths(dw, 10, 1))));
    figure(lang.fact_clock(), read.clock.map(when::civil));
    if let Some(drift) = read.drift_s {
        rows.push(facts::drift(shared, drift));
    }
    if let Some(relay) = read.relay {
        let (text, meaning) = lang.relay(relay);
        rows.push(facts::fact(lang.fact_load(), meaning, text));
    }
    for (name, value) in &read.others {
        let value = items::value(lang, value);
        rows.extend(facts::long_fact(items::item(lang, name), Meaning::Plain, &value, width));
    }
    rows.extend(alarms(shared, read, width));
    if !read.missing.is_empty() {
        let names: Vec<&str> =
            read.missing.iter().map(|name| status::missing(lang, name)).collect();
        let text = names.join(lang.list_comma());
        rows.extend(facts::long_fact(lang.fact_missing(), Meaning::Faint, &text, width));
    }
    let text = format!("{}  {}", shared.age(read.read_at), lang.fact_took(read.took_ms));
    rows.push(facts::fact(lang.fact_read(), Meaning::Faint, text));
    rows
}

fn alarms(shared: &Shared, read: &QuickRead, width: usize) -> Vec<Row> {
    let lang = shared.lang;
    if read.status.iter().all(Option::is_none) && read.alarms.is_empty() {
        return Vec::new();
    }
    let found = status::alarms(lang, &read.alarms, &read.status);
    if found.is_empty() {
        return vec![facts::fact(lang.fact_alarms(), Meaning::Good, lang.alarms_none())];
    }
    let rows = found.iter().enumerate().flat_map(|(at, alarm)| {
        let (sign, meaning) = match alarm.grade {
            Grade::Fault => ("X", Meaning::Fault),
            Grade::Alarm => ("!", Meaning::Alarm),
            Grade::Note => ("-", Meaning::Plain),
        };
        let name = if at == 0 { lang.fact_alarms() } else { "" };
        facts::long_fact(name, meaning, &format!("{sign} {}", alarm.text), width)
    });
    rows.collect()
}

/// What the journal knows of a meter that was not read in this session.
fn evidence(shared: &Shared, last: &Evidence) -> Vec<Row> {
    let lang = shared.lang;
    let meaning = facts::balance(last.balance, last.overdraft);
    let name = lang.balance_name(last.balance.unit);
    let mut rows = vec![facts::fact(name, meaning, lang.credit(last.balance))];
    if last.overdraft != 0 {
        rows.push(facts::overdraft(shared, last.overdraft, last.balance.unit));
    }
    rows.push(facts::fact(lang.fact_count(), Meaning::Plain, last.count.to_string()));
    if let Some(energy) = last.energy {
        rows.push(facts::fact(lang.fact_energy(), Meaning::Plain, format!("{energy} kWh")));
    }
    rows.push(facts::fact(lang.fact_read(), Meaning::Faint, shared.age(last.read_at)));
    rows
}

/// Up to three phases on one row: `220.1 220.3 219.8 V`; a meter with one phase shows one.
fn phases(values: &[Option<i64>; 3], text: fn(i64) -> String, unit: &str) -> Option<String> {
    let last = values.iter().rposition(Option::is_some)?;
    let shown: Vec<String> =
        values[..=last].iter().map(|v| v.map_or_else(|| "-".to_owned(), text)).collect();
    Some(format!("{} {unit}", shown.join(" ")))
}

/// An integer as a decimal number: `tenths(2201, 10, 1)` is `220.1`.
fn tenths(value: i64, scale: u64, places: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    format!("{sign}{}.{:0places$}", size / scale, size % scale)
}

impl Screen for Card {
    fn place(&self) -> Place {
        Place::Card
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Meter(self.no));
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        let Some(meter) = &self.meter else { return need == Need::NoOpenIntent };
        match need {
            Need::Port => meter.row.own_line,
            Need::ReadyToken => meter.tokens.iter().any(TokenView::recharges),
            Need::NoOpenIntent => meter.open.is_none(),
            Need::OpenIntent => meter.open.is_some(),
            Need::Readable => meter.open.as_ref().is_some_and(|open| open.readable),
            _ => true,
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let title = shared.lang.title_card().to_owned();
        let wide = shared.size.class() == Class::Normal;
        let width = if wide { shared.size.list_width() } else { shared.size.page_width() };
        let mut list = self.head(shared, width);
        list.extend(self.figures(shared, width));
        let detail = if wide {
            Some(self.papers(shared, shared.size.detail_width()))
        } else {
            list.push(Row::blank());
            list.extend(self.papers(shared, width));
            None
        };
        View { title, list, top: self.top, detail, ..View::default() }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::Meter(meter) if meter.row.no == self.no => self.meter = Some(meter.clone()),
            Update::Read { errand, result } if Some(*errand) == self.errand => {
                self.errand = None;
                match result {
                    Ok(_) => shared.ask(Request::Meter(self.no)),
                    Err(failure) if failure.code == Code::Cancelled => {
                        shared.say(Meaning::Plain, shared.lang.stopped());
                    }
                    Err(failure) => shared.go(Sheet::new(failure.clone())),
                }
            }
            _ => {}
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Read => self.read(shared),
            Action::Recharge => self.recharge(shared),
            Action::Resolve => self.resolve(shared),
            // The first Esc stops a running read, the second leaves.
            Action::Back => match shared.line {
                Some(errand) if Some(errand.id) == self.errand && !errand.stopping => {
                    shared.stop_line();
                    shared.say(Meaning::Plain, shared.lang.stopping());
                }
                _ => shared.back(),
            },
            action => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}
