//! The certificate of a swap: both meters' figures, for the customer and the file.
//!
//! Everything on it is in the journal; its last note is the hash of the journal before it, so that
//! whoever holds the paper can have it compared.

use super::state::{State, step};
use super::words::{Notes, note};
use crate::jobs::errand::{Row, Site};
use crate::jobs::failure::fail;
use crate::jobs::meter_log;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::Store;
use crate::units::{CreditUnit, Energy, Evidence, Money, UnixSeconds, WorkId};

/// The notes of the step: figures as they are written down.
pub fn notes(site: &Site<'_>, state: &State, last: Option<&Evidence>) -> Notes {
    let facts = &state.swap.facts;
    let mut notes = vec![
        note("leave", facts.id),
        note("old", facts.old),
        note("old-account", facts.old_account),
        note("new", facts.meter),
        note("account", facts.account),
        note("account-unit", facts.unit.symbol()),
    ];
    let closed =
        if state.figure(step::CLOSED, "energy").is_some() { step::CLOSED } else { step::OLD };
    let pairs = [
        ("old-energy", closed, "energy"),
        ("old-balance", step::OLD, "balance"),
        ("old-left", step::CLOSED, "balance"),
        ("old-count", step::OLD, "count"),
        ("old-bought", step::OLD, "bought"),
        ("claim", step::CLAIM, "amount"),
        ("proved", step::GIVEN_UP, "proved"),
        ("age", step::GIVEN_UP, "age"),
        ("new-energy", step::NEW, "energy"),
        ("arrears", step::ARREARS, "amount"),
    ];
    for (name, from, key) in pairs {
        notes.extend(state.note(from, key).map(|value| note(name, value)));
    }
    let shown = state.step(step::OLD).map(|row| row.step.notes.as_slice()).unwrap_or_default();
    notes.extend(meter_log::paper(shown));
    notes.extend(state.taken().map(|taken| note("taken", taken)));
    notes.push(note("credited", state.credited()));
    notes.push(note("in-transit", state.in_transit()));
    if let Some(last) = last {
        notes.push(note("new-balance", last.balance.value));
        notes.push(note("new-count", last.count));
    }
    let head = site.desk.store.summary().head;
    let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    notes.extend([note("entry", head.seq), note("journal", hash)]);
    notes
}

/// A line of a certificate: a stable name, with words in `text::work`, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its figure, with its unit.
    pub value: String,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The errand.
    pub work: WorkId,
    /// When it was written.
    pub at: UnixSeconds,
    /// By whom.
    pub operator: String,
    /// Its entry in the journal.
    pub seq: u64,
    /// What it says.
    pub lines: Vec<Line>,
}

/// Names that are amounts of the account's unit.
const AMOUNTS: [&str; 11] = [
    "old-bought",
    "old-balance",
    "old-left",
    "claim",
    "proved",
    "arrears",
    "taken",
    "credited",
    "in-transit",
    "new-balance",
    "suggested",
];

/// A swap's certificate.
///
/// # Errors
/// [`Code::WorkUnknown`]; [`Code::WorkPartial`] before there is one.
pub fn read(store: &Store, work: WorkId) -> Result<Certificate, Failure> {
    let state = State::read(store, work)?;
    of(&state).ok_or_else(|| fail(Code::WorkPartial, work.to_string()))
}

/// The same of a swap whose state is known; none before it was written.
fn of(state: &State) -> Option<Certificate> {
    let row = state.step(step::CERTIFICATE)?;
    let unit = state.swap.facts.unit;
    let lines = row
        .step
        .notes
        .iter()
        .map(|(name, value)| Line { name: name.clone(), value: shown(name, value, unit) });
    Some(Certificate {
        work: state.work,
        at: row.at,
        operator: row.operator.clone(),
        seq: row.seq,
        lines: lines.collect(),
    })
}

/// The certificate as rows of a sheet; none before there is one.
pub fn rows(state: &State) -> Vec<Row> {
    let Some(paper) = of(state) else { return Vec::new() };
    let head = [
        Row::info("swap-certificate", paper.work.to_string()),
        Row::info("certified-by", paper.operator),
    ];
    let lines = paper.lines.into_iter().map(|line| Row::info(&line.name, line.value));
    head.into_iter().chain(lines).collect()
}

fn shown(name: &str, value: &str, unit: CreditUnit) -> String {
    let number = value.parse::<i64>().ok();
    match number {
        Some(number) if AMOUNTS.contains(&name) => format!("{} {}", Money(number), unit.symbol()),
        Some(number) if name.ends_with("energy") => format!("{} kWh", Energy(number)),
        Some(number) if name == "age" => format!("{} h", number / 3_600),
        _ => value.to_owned(),
    }
}
