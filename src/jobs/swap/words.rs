//! Notes and rows of a swap: figures as they are written down, and as they are shown.

use super::amounts::Claim;
use super::certificate;
use super::state::{Next, State, step};
use crate::jobs::errand::{Ask, FieldKind, Row, Sheet, Sign};
use crate::jobs::{fallen, meter_log};
use crate::report::Code;
use crate::store::{Store, SwapFacts, TokenRow, TokenState};
use crate::units::{Credit, CreditUnit, Energy, ErrandKind, Evidence, RelayState, StepState};

/// Names and values of a step.
pub type Notes = Vec<(String, String)>;

/// One note.
pub fn note(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// What a meter showed: money in hundredths, energy in 0.01 kWh.
pub fn figures(seen: &Evidence) -> Notes {
    let mut notes = vec![
        note("balance", seen.balance.value),
        note("overdraft", seen.overdraft),
        note("unit", seen.balance.unit.symbol()),
        note("count", seen.count),
        note("read-at", seen.read_at.0),
    ];
    notes.extend(seen.account.map(|account| note("account", account)));
    notes.extend(seen.energy.map(|energy| note("energy", energy.0)));
    if let Some(bought) = seen.last_purchase {
        notes.extend([note("bought", bought.amount), note("bought-count", bought.count)]);
    }
    notes.extend(seen.relay.map(|relay| match relay {
        RelayState::Closed => note("relay", "closed"),
        RelayState::Open => note("relay", "open"),
    }));
    notes
}

/// What is known of a balance that cannot be taken out.
pub fn claim_notes(claim: &Claim) -> Notes {
    vec![
        note("proved", claim.proved),
        note("overdraft", claim.overdraft),
        note("age", claim.age_s),
        note("used", claim.used),
        note("by", by(claim)),
        note("suggested", claim.amount),
    ]
}

/// What the figures rest on.
fn by(claim: &Claim) -> &'static str {
    match (claim.known, claim.average) {
        (false, _) => NEVER_READ,
        (_, true) => "average",
        _ => "largest-load",
    }
}

/// No figure: this handheld has no reading of the meter, and zero would be taken for one.
const NEVER_READ: &str = "never-read";

/// What can be credited in advance, and what that rests on.
pub fn claim_rows(claim: &Claim, unit: CreditUnit) -> Vec<Row> {
    if !claim.known {
        return vec![Row::new(Sign::Warn, "last-proved", NEVER_READ)];
    }
    let rows =
        [("last-proved", claim.proved), ("used-since", claim.used), ("suggested", claim.amount)];
    rows.map(|(name, value)| Row::info(name, money(value, unit))).into()
}

/// An amount with its unit.
pub fn money(value: i64, unit: CreditUnit) -> String {
    Credit { value, unit }.to_string()
}

/// The choices where an act did not work.
pub fn choices(next: Next, state: &State) -> Ask {
    let moved = state.money_moved();
    match next {
        Next::ReadOld => Ask::Choice("old-silent", &["again", "dead", "stop"]),
        Next::TakeOut if moved => Ask::Choice("debit-failed", &["again", "sealed"]),
        Next::TakeOut => Ask::Choice("debit-failed", &["again", "sealed", "stop"]),
        Next::ResolveOut => Ask::Choice("debit-unknown", &["again", "dead"]),
        Next::AskDisputed => Ask::Choice("debit-disputed", &["office"]),
        Next::CloseOld => Ask::Choice("old-unread", &["again", "unread"]),
        Next::ReadNew => Ask::Choice("new-silent", &["again", "office"]),
        Next::OpenNew => Ask::Choice("open-failed", &["again", "office"]),
        Next::Credit => Ask::Choice("credit-failed", &["again", "office"]),
        Next::ResolveNew => Ask::Choice("credit-unknown", &["again", "office"]),
        Next::AskClaim => Ask::Enter("swap-advance", FieldKind::Money),
        Next::AskOldDigits => Ask::Digits(state.old()),
        Next::AskNewDigits => Ask::Digits(state.replacement()),
        Next::AskChange => Ask::Go("swap-change"),
        Next::Leave(_) | Next::Arrears | Next::Bind | Next::Certify | Next::Finish | Next::End => {
            Ask::Nothing
        }
    }
}

/// How a swap stands.
pub fn sheet(store: &Store, state: &State) -> Sheet {
    let mut sheet = Sheet::new(ErrandKind::Swap, Some(state.work));
    sheet.rows = head(store, &state.swap.facts);
    sheet.rows.extend(old_rows(state));
    sheet.rows.extend(new_rows(state));
    for (name, done) in [("arrears", step::ARREARS), ("meter-bound", step::BOUND)] {
        if let Some(row) = state.step(done) {
            let value = state.figure(done, "amount");
            let value = value.map_or(String::new(), |value| money(value, unit(state)));
            sheet.rows.push(Row::new(Sign::of(row.step.state), name, value));
        }
    }
    sheet.done = state.whole.step.state != StepState::Begun;
    sheet.certificate = certificate::rows(state);
    if sheet.done && (state.in_transit() > 0 || state.step(step::LEFT).is_some()) {
        sheet.exit = Some(Code::InTransit);
    }
    let waits = matches!(
        state.next(),
        Next::AskClaim
            | Next::AskOldDigits
            | Next::AskDisputed
            | Next::AskChange
            | Next::AskNewDigits
    );
    if waits {
        sheet.ask = choices(state.next(), state);
    }
    sheet
}

fn unit(state: &State) -> CreditUnit {
    state.swap.facts.unit
}

/// Both meters and the limits.
pub fn head(store: &Store, facts: &SwapFacts) -> Vec<Row> {
    let mut rows = Vec::new();
    // Whose meter it is, as the list has it: what a person can compare with the place he is at.
    if let Some(row) = store.meter(facts.old) {
        rows.push(Row::info("customer", row.customer));
        rows.push(Row::info("location", row.location));
    }
    rows.extend([
        Row::info("old-meter", facts.old_account.to_string()).at(facts.old),
        Row::info("new-meter", facts.account.to_string()).at(facts.meter),
        Row::info("most-carried", money(facts.most, facts.unit)),
        Row::info("most-provisional", money(facts.provisional, facts.unit)),
        Row::info("most-arrears", money(facts.arrears, facts.unit)),
    ]);
    rows
}

/// The figures a step holds, in one line.
pub fn shown(state: &State, name: &str) -> String {
    let mut parts = Vec::new();
    let unit = unit(state);
    let figure = |key| state.figure(name, key);
    if let Some(balance) = figure("balance") {
        let net = balance.saturating_sub(figure("overdraft").unwrap_or(0));
        parts.push(money(net, unit));
    }
    parts.extend(state.note(name, "count").map(|count| format!("n={count}")));
    parts.extend(figure("energy").map(|energy| format!("{} kWh", Energy(energy))));
    parts.join(", ")
}

fn reading(state: &State, name: &str) -> Option<Row> {
    let row = state.step(name)?;
    Some(Row::new(Sign::of(row.step.state), name, shown(state, name)))
}

fn old_rows(state: &State) -> Vec<Row> {
    let unit = unit(state);
    let mut rows: Vec<Row> = reading(state, step::OLD).into_iter().collect();
    rows.extend(bought(state));
    rows.extend(happened(state));
    if state.step(step::NOTHING).is_some() {
        let why = state.note(step::NOTHING, "why").unwrap_or_default();
        rows.push(Row::new(Sign::Good, step::NOTHING, why));
    }
    rows.extend(state.out.as_ref().map(|out| leg("carry-out", out)));
    if state.step(step::GIVEN_UP).is_some() {
        let mode = state.note(step::GIVEN_UP, "mode").unwrap_or_default();
        rows.push(Row::new(Sign::Warn, step::GIVEN_UP, mode));
        rows.extend(given_up(state));
        let notes = state.step(step::GIVEN_UP).map(|row| row.step.notes.as_slice());
        rows.extend(fallen::rows(notes.unwrap_or_default(), state.old()));
    }
    if let Some(amount) = state.figure(step::CLAIM, "amount") {
        rows.push(Row::new(Sign::Warn, step::CLAIM, money(amount, unit)));
    }
    rows.extend(reading(state, step::CLOSED));
    let stays = state.figure(step::CLOSED, "balance").filter(|stays| *stays > 0);
    rows.extend(stays.map(|stays| Row::new(Sign::Warn, "stays-in-old", money(stays, unit))));
    let meter = state.old();
    rows.into_iter().map(|row| row.at(meter)).collect()
}

/// The old meter's newest purchase record.
fn bought(state: &State) -> Option<Row> {
    let amount = state.figure(step::OLD, "bought")?;
    let count = state.note(step::OLD, "bought-count").unwrap_or_default();
    Some(Row::info("old-bought", format!("{}, n={count}", money(amount, unit(state)))))
}

/// What the old meter wrote down of what happened to it.
fn happened(state: &State) -> Vec<Row> {
    let notes = state.step(step::OLD).map(|row| row.step.notes.as_slice());
    meter_log::rows(notes.unwrap_or_default(), state.old())
}

/// What was known of the old meter when it was given up.
fn given_up(state: &State) -> Vec<Row> {
    let by = state.note(step::GIVEN_UP, "by").unwrap_or_default();
    if by == NEVER_READ {
        return vec![Row::new(Sign::Warn, "last-proved", NEVER_READ)];
    }
    let figures = [("last-proved", "proved"), ("used-since", "used"), ("suggested", "suggested")];
    let row = |(name, key)| {
        let value = state.figure(step::GIVEN_UP, key)?;
        Some(Row::info(name, money(value, unit(state))))
    };
    let mut rows: Vec<Row> = figures.into_iter().filter_map(row).collect();
    let age = state.figure(step::GIVEN_UP, "age").unwrap_or(0);
    rows.push(Row::info("age-hours", (age / 3_600).to_string()));
    rows.push(Row::info("used-by", by));
    rows
}

fn new_rows(state: &State) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(row) = state.step(step::CHANGED) {
        rows.push(Row::new(Sign::of(row.step.state), step::CHANGED, ""));
    }
    rows.extend(reading(state, step::NEW));
    rows.extend(state.opening.as_ref().map(|row| leg("opening", row)));
    rows.extend(state.credit.as_ref().map(|row| leg("carry-in", row)));
    if state.step(step::LEFT).is_some() {
        let why = state.note(step::LEFT, "why").unwrap_or_default();
        rows.push(Row::new(Sign::Bad, step::LEFT, why));
    }
    if state.in_transit() > 0 {
        let amount = money(state.in_transit(), unit(state));
        rows.push(Row::new(Sign::Warn, "in-transit", amount));
    }
    let meter = state.replacement();
    rows.into_iter().map(|row| row.at(meter)).collect()
}

/// A money act: its amount, and by its sign what became of it.
fn leg(name: &str, row: &TokenRow) -> Row {
    let sign = match row.state {
        TokenState::Cached => Sign::Todo,
        TokenState::Intent | TokenState::Disputed => Sign::Unknown,
        TokenState::Accepted => Sign::Good,
        TokenState::NotApplied => Sign::Doing,
        TokenState::Raced | TokenState::Withdrawn => Sign::Bad,
    };
    Row::new(sign, name, row.facts.credit.to_string())
}
