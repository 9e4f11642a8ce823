//! The receipt: what the office took, told once and kept for ever.
//!
//! A receipt acknowledges a contiguous prefix of one journal by its chain hash, never a maximum,
//! and names the outcome of every entry in the pack it answers. The office stores the signed bytes
//! and repeats exactly those when asked again.

use super::fields::{self, Reader, map, shape};
use super::{MAX_PACK_ENTRIES, Position, VERSION, VERSION_KEY, WireError};
use crate::units::{DeviceId, UnixSeconds};
use meterkit_tokens::cbor::Value;

/// Longest reason behind an outcome, in bytes.
const MAX_REASON: usize = 200;

/// What became of one journal entry at the office.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryOutcome {
    /// Kept; it moves no money.
    Noted,
    /// Kept, and the ledger or a token's state follows it.
    Applied,
    /// Was here before, the same byte for byte.
    Duplicate,
    /// Kept, but not acted on yet; the reason.
    Parked(String),
    /// Kept, and a person will look at it; the conflict class (C0 to C10) and why.
    Review(String),
}

impl EntryOutcome {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Noted => "noted",
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Parked(_) => "parked",
            Self::Review(_) => "review",
        }
    }

    /// The reason, where there is one.
    pub fn reason(&self) -> &str {
        match self {
            Self::Parked(reason) | Self::Review(reason) => reason,
            _ => "",
        }
    }

    /// From [`EntryOutcome::name`] and [`EntryOutcome::reason`]; `None` for another name.
    pub fn from_parts(name: &str, reason: &str) -> Option<Self> {
        Some(match name {
            "noted" => Self::Noted,
            "applied" => Self::Applied,
            "duplicate" => Self::Duplicate,
            "parked" => Self::Parked(reason.to_owned()),
            "review" => Self::Review(reason.to_owned()),
            _ => return None,
        })
    }
}

/// A run of entries with the same outcome; most packs are one or two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How many entries.
    pub count: u32,
    /// What became of each.
    pub outcome: EntryOutcome,
}

/// One receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whose journal.
    pub device: DeviceId,
    /// Number of this receipt, 1 upwards per device.
    pub number: u64,
    /// First entry of the pack it answers.
    pub first: u64,
    /// Last entry of the pack it answers.
    pub last: u64,
    /// The contiguous prefix the office holds now.
    pub acked: Position,
    /// The office's time.
    pub at: UnixSeconds,
    /// The outcomes of `first..=last`, in order.
    pub runs: Vec<Run>,
}

impl Receipt {
    /// Joins equal neighbours.
    pub fn runs_of(outcomes: impl IntoIterator<Item = EntryOutcome>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for outcome in outcomes {
            match runs.last_mut() {
                Some(run) if run.outcome == outcome => run.count += 1,
                _ => runs.push(Run { count: 1, outcome }),
            }
        }
        runs
    }

    /// Every entry's outcome: (sequence number, outcome).
    pub fn outcomes(&self) -> impl Iterator<Item = (u64, &EntryOutcome)> {
        let each = |run: &'_ Run| run.count as usize;
        let flat =
            self.runs.iter().flat_map(move |run| std::iter::repeat_n(&run.outcome, each(run)));
        (self.first..).zip(flat)
    }

    /// The payload to sign.
    pub fn payload(&self) -> Value {
        map([
            (VERSION_KEY, Value::Int(VERSION)),
            (2, Value::Text(self.device.to_string())),
            (3, fields::seq(self.number)),
            (4, fields::seq(self.first)),
            (5, fields::seq(self.last)),
            (6, self.acked.value()),
            (7, Value::Int(self.at.0)),
            (8, Value::Array(self.runs.iter().map(run_value).collect())),
        ])
    }

    /// Reads a payload whose signature was checked. The runs must cover `first..=last` exactly.
    pub fn read(payload: Value) -> Result<Self, WireError> {
        let mut r = Reader::versioned(payload)?;
        let (device, number) = (r.device(2)?, r.u64(3)?);
        let (first, last) = (r.u64(4)?, r.u64(5)?);
        let (acked, at) = (Position::read(r.map(6)?)?, UnixSeconds(r.int(7)?));
        let runs = r.list(8, MAX_PACK_ENTRIES, "outcomes")?;
        r.finish()?;
        let runs = runs.into_iter().map(read_run).collect::<Result<Vec<_>, _>>()?;
        let covered: u64 = runs.iter().map(|run| u64::from(run.count)).sum();
        let wanted = last.checked_sub(first).and_then(|span| span.checked_add(1));
        if wanted != Some(covered) || covered > MAX_PACK_ENTRIES as u64 {
            return Err(shape("outcomes do not cover the pack"));
        }
        Ok(Self { device, number, first, last, acked, at, runs })
    }
}

fn run_value(run: &Run) -> Value {
    let (code, reason) = match &run.outcome {
        EntryOutcome::Noted => (0, None),
        EntryOutcome::Applied => (1, None),
        EntryOutcome::Duplicate => (2, None),
        EntryOutcome::Parked(reason) => (3, Some(reason)),
        EntryOutcome::Review(reason) => (4, Some(reason)),
    };
    let mut items = vec![Value::Int(i64::from(run.count)), Value::Int(code)];
    items.extend(reason.map(|reason| Value::Text(cut(reason))));
    Value::Array(items)
}

/// Keeps a reason within its limit, at a character boundary.
fn cut(reason: &str) -> String {
    let end = (0..=MAX_REASON.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at));
    reason[..end.unwrap_or(0)].to_owned()
}

fn read_run(value: Value) -> Result<Run, WireError> {
    let Value::Array(items) = value else { return Err(shape("outcome run")) };
    let (count, outcome) = match items.as_slice() {
        [Value::Int(count), Value::Int(0)] => (count, EntryOutcome::Noted),
        [Value::Int(count), Value::Int(1)] => (count, EntryOutcome::Applied),
        [Value::Int(count), Value::Int(2)] => (count, EntryOutcome::Duplicate),
        [Value::Int(count), Value::Int(code @ 3..=4), Value::Text(reason)] => {
            if reason.len() > MAX_REASON {
                return Err(WireError::Limit("reason"));
            }
            let parked = *code == 3;
            let reason = reason.clone();
            let outcome =
                if parked { EntryOutcome::Parked(reason) } else { EntryOutcome::Review(reason) };
            (count, outcome)
        }
        _ => return Err(shape("outcome run")),
    };
    match u32::try_from(*count) {
        Ok(count) if count > 0 => Ok(Run { count, outcome }),
        _ => Err(shape("outcome run length")),
    }
}
