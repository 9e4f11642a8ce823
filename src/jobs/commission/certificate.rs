//! The certificate: what the journal says of a commissioning, step by step, with all figures.
//!
//! It is made from the journal alone, so it can be made again at any time and says the same. What
//! was left out stands on it with the reason.

use super::steps::{Notes, of};
use super::{Commission, STEPS, SURVEY};
use crate::jobs::errand::{self, Errand, Row, Sign, Values};
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::Store;
use crate::units::{MeterNo, StepState, UnixSeconds, WorkId};

/// One step on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The step's stable name.
    pub name: &'static str,
    /// How it ended; none: it was not done yet.
    pub state: Option<StepState>,
    /// When.
    pub at: UnixSeconds,
    /// By whom.
    pub operator: String,
    /// The journal entry that says so.
    pub seq: u64,
    /// Its figures.
    pub notes: Notes,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Which errand.
    pub work: WorkId,
    /// The meter.
    pub meter: MeterNo,
    /// When it began, and when its last entry was made.
    pub from: UnixSeconds,
    /// When the last entry was made.
    pub to: UnixSeconds,
    /// Whether it came to its end, and whether nothing was left out on the way.
    pub ended: bool,
    /// All steps done, none left out.
    pub whole: bool,
    /// What was wanted.
    pub wanted: Values,
    /// The steps, in order.
    pub entries: Vec<Entry>,
}

/// The certificate of a commissioning, as far as it has come.
///
/// # Errors
/// [`Code::WorkUnknown`]; [`Code::WorkPartial`] before there is a meter.
pub fn certificate(store: &Store, work: WorkId) -> Result<Certificate, Failure> {
    let kind = Commission.kind();
    let wanted = errand::wanted(store, work, kind)?;
    // Nothing was chosen of what answered: there is no paper yet.
    let meter = wanted.meter("meter").map_err(|_| fail(Code::WorkPartial, work.to_string()))?;
    let mut entries = Vec::new();
    for (name, applies) in STEPS {
        if !applies(&wanted) {
            continue;
        }
        let about = Some(meter).filter(|_| *name != SURVEY);
        let row = store.step(work, about, name);
        entries.push(match row {
            None => Entry {
                name,
                state: None,
                at: UnixSeconds(0),
                operator: String::new(),
                seq: 0,
                notes: Notes::new(),
            },
            Some(row) => Entry {
                name,
                state: Some(row.step.state),
                at: row.at,
                operator: row.operator,
                seq: row.seq,
                notes: row.step.notes,
            },
        });
    }
    let whole = store.errand(work);
    let (from, to, ended) = whole.map_or((UnixSeconds(0), UnixSeconds(0), false), |row| {
        (row.begun, row.at, row.step.state != StepState::Begun)
    });
    let to = entries.iter().map(|entry| entry.at).max().unwrap_or(to).max(to);
    let all = entries.iter().all(|entry| entry.state == Some(StepState::Done));
    Ok(Certificate { work, meter, from, to, ended, whole: ended && all, wanted, entries })
}

/// The certificate as rows of a sheet: what it comes to first, then each step with its figures.
///
/// # Errors
/// As [`certificate`].
pub fn rows(store: &Store, work: WorkId) -> Result<Vec<Row>, Failure> {
    let paper = certificate(store, work)?;
    let stands = match (paper.ended, paper.whole) {
        (_, true) => "comm-whole",
        (true, false) => "comm-with-gaps",
        (false, _) => "comm-unfinished",
    };
    let sign = if paper.whole { Sign::Good } else { Sign::Warn };
    let mut rows = vec![
        Row::info("comm-certificate", paper.work.to_string()).at(paper.meter),
        Row::new(sign, stands, ""),
    ];
    rows.extend(figures(&paper.wanted.notes()));
    for entry in &paper.entries {
        let sign = entry.state.map_or(Sign::Todo, Sign::of);
        let by = match entry.state {
            Some(_) => format!("{}  #{}", entry.operator, entry.seq),
            None => "comm-not-done".to_owned(),
        };
        rows.push(Row::new(sign, entry.name, by));
        rows.extend(figures(&entry.notes));
    }
    Ok(rows)
}

/// Notes with their names; how a step is waited for and failed is none of a certificate's figures.
fn figures(notes: &Notes) -> impl Iterator<Item = Row> {
    let told = |(name, value): &&(String, String)| {
        !value.is_empty() && !["wait", "code", "detail"].contains(&name.as_str())
    };
    notes.iter().filter(told).map(|(name, value)| Row::info(&format!("comm-{name}"), value.clone()))
}

/// Three figures of a note, as they were measured.
pub fn three(notes: &Notes, name: &str) -> [Option<i64>; 3] {
    let mut words = of(notes, name).split(' ');
    [0, 1, 2].map(|_| words.next().and_then(|word| word.parse().ok()))
}
