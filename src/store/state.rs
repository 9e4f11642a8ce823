//! The one row that says what the index reflects: position, counters, sums of rows.
//!
//! It is written in every batch, so it is as old or as new as the rows beside it.

use super::event::{DocKind, Position};
use super::index::Tree;
use super::records::{RecordError, parts, people};
use super::rows::{ClockMemory, Summary};
use super::schema::{INDEX_FORMAT, MAX_INDEX_VALUE, MAX_OPERATOR, MAX_TEXT};
use crate::units::{Exposure, UnixSeconds};
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};
use std::collections::BTreeMap;

/// Rows of a part of the index that decides about money or rights: how many, and the sum over a
/// hash of each. Shows a row that sled lost or brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub rows: u64,
    /// The sum.
    pub digest: u64,
}

/// A document in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doc {
    /// Its version.
    pub version: u64,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
}

/// What the index reflects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Which journal: a draw of its enrolment.
    pub life: [u8; 16],
    /// The last entry that is in the index.
    pub head: Position,
    /// Where the frame of that entry begins in its segment.
    pub start: u64,
    /// The byte behind it.
    pub offset: u64,
    /// Meters in the area list.
    pub meters: u64,
    /// Tokens a recharge may begin with.
    pub tokens_live: u64,
    /// The sums, in the order of [`Tree::SUMMED`].
    pub sums: [Sum; Tree::SUMMED.len()],
    /// What the office acknowledged, and with which receipt.
    pub acked: Option<(u64, Position)>,
    /// When the newest receipt was stored.
    pub last_sync: Option<UnixSeconds>,
    /// The office's time, and time and boot time of its entry.
    pub anchor: Option<(UnixSeconds, UnixSeconds, u64)>,
    /// The newest stamp of our own since the newest time of the office.
    pub stamps: UnixSeconds,
    /// The newest time of signing on a token or a grant.
    pub issued: UnixSeconds,
    /// The area version whose meters are all in the index.
    pub area_version: u64,
    /// Unacknowledged money acts by operator.
    pub exposed: BTreeMap<String, Exposure>,
    /// The documents in force.
    pub docs: BTreeMap<DocKind, Doc>,
    /// The program that wrote last: version and digest.
    pub software: Option<(String, [u8; 32])>,
}

impl State {
    /// Nothing yet: before the first record of a journal.
    pub fn empty(life: [u8; 16], genesis: Position, offset: u64) -> Self {
        Self {
            life,
            head: genesis,
            start: 0,
            offset,
            meters: 0,
            tokens_live: 0,
            sums: Default::default(),
            acked: None,
            last_sync: None,
            anchor: None,
            stamps: UnixSeconds(0),
            issued: UnixSeconds(0),
            area_version: 0,
            exposed: BTreeMap::new(),
            docs: BTreeMap::new(),
            software: None,
        }
    }

    /// The sum of a part of the index; zero for one that is not summed.
    pub fn sum(&self, tree: Tree) -> Sum {
        tree.summed().map(|at| self.sums[at]).unwrap_or_default()
    }

    /// Open recharges.
    pub fn open_intents(&self) -> u64 {
        self.sum(Tree::Open).rows
    }

    /// Unacknowledged money acts: of everybody, or of one operator.
    pub fn exposure(&self, operator: Option<&str>) -> Exposure {
        match operator {
            Some(operator) => self.exposed.get(operator).copied().unwrap_or_default(),
            None => self.exposed.values().fold(Exposure::default(), |all, one| Exposure {
                acts: all.acts.saturating_add(one.acts),
                yuan: all.yuan.saturating_add(one.yuan),
                kwh: all.kwh.saturating_add(one.kwh),
                oldest: [all.oldest, one.oldest].into_iter().flatten().min(),
            }),
        }
    }

    /// The document in force.
    pub fn doc(&self, kind: DocKind) -> Option<Doc> {
        self.docs.get(&kind).copied()
    }

    /// What the journal knows about the time.
    pub fn clock(&self) -> ClockMemory {
        ClockMemory {
            anchor: self.anchor.map(|(server, _, boot_ms)| (server, boot_ms)),
            stamps: self.stamps,
            issued: self.issued,
        }
    }

    /// The figures for people.
    pub fn summary(&self) -> Summary {
        let acked_seq = self.acked.map_or(0, |(_, at)| at.seq);
        Summary {
            meters: self.meters,
            tokens: self.sum(Tree::Token).rows,
            tokens_live: self.tokens_live,
            open_intents: self.open_intents(),
            unsynced: self.head.seq.saturating_sub(acked_seq),
            events: self.head.seq,
            head: self.head,
            acked: self.acked.map(|(_, at)| at),
            receipt: self.acked.map(|(number, _)| number),
            last_sync: self.last_sync,
            area_version: self.area_version,
            anchor: self.anchor,
        }
    }

    /// The row.
    pub fn encode(&self) -> Vec<u8> {
        encode(&Value::map_of([
            (0, Some(Value::from(INDEX_FORMAT))),
            (1, Some(Value::bytes(self.life))),
            (2, Some(parts::position(&self.head))),
            (3, Some(parts::number(self.offset))),
            (4, Some(parts::number(self.meters))),
            (5, Some(parts::number(self.tokens_live))),
            (6, Some(Value::Array(self.sums.iter().map(sum).collect()))),
            (7, self.acked.map(|(number, _)| parts::number(number))),
            (8, self.acked.as_ref().map(|(_, at)| parts::position(at))),
            (9, self.last_sync.map(|t| Value::Int(t.0))),
            (10, self.anchor.map(|a| Value::Int(a.0.0))),
            (11, self.anchor.map(|a| Value::Int(a.1.0))),
            (12, self.anchor.map(|a| parts::number(a.2))),
            (13, Some(parts::number(self.area_version))),
            (14, Some(parts::number(self.start))),
            (15, Some(Value::Int(self.stamps.0))),
            (16, Some(Value::Int(self.issued.0))),
            (17, Some(Value::Array(self.exposed.iter().map(exposed).collect()))),
            (18, Some(Value::Array(self.docs.iter().map(doc).collect()))),
            (19, self.software.as_ref().map(|(version, _)| Value::from(version.as_str()))),
            (20, self.software.as_ref().map(|(_, digest)| Value::bytes(digest))),
        ]))
    }

    /// Reads the row.
    ///
    /// # Errors
    /// [`RecordError`] for anything this version did not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let limits = Limits { bytes: MAX_INDEX_VALUE, depth: 4 };
        let mut f = Fields::of(decode(bytes, limits)?)?;
        let format = f.int(0)?;
        if format != i64::from(INDEX_FORMAT) {
            return Err(RecordError::Format(format));
        }
        let acked = match (f.opt_int(7)?, f.opt_map(8)?) {
            (Some(number), Some(at)) => {
                let number = u64::try_from(number).map_err(|_| RecordError::Value("receipt"))?;
                Some((number, parts::take_position(at)?))
            }
            _ => None,
        };
        let anchor = match (f.opt_int(10)?, f.opt_int(11)?, f.opt_int(12)?) {
            (Some(server), Some(at), Some(boot)) => {
                let boot = u64::try_from(boot).map_err(|_| RecordError::Value("anchor"))?;
                Some((UnixSeconds(server), UnixSeconds(at), boot))
            }
            _ => None,
        };
        let software = match f.opt_array_bytes(20)? {
            Some(digest) => Some((parts::take_text(&mut f, 19, MAX_TEXT, "software")?, digest)),
            None => None,
        };
        let sums: Vec<Sum> = list(f.array(6)?, take_sum)?;
        let state = Self {
            life: f.array_bytes(1)?,
            head: parts::take_position(f.map(2)?)?,
            offset: f.number(3)?,
            meters: f.number(4)?,
            tokens_live: f.number(5)?,
            sums: sums.try_into().map_err(|_| RecordError::Value("sums"))?,
            acked,
            last_sync: f.opt_int(9)?.map(UnixSeconds),
            anchor,
            area_version: f.number(13)?,
            start: f.number(14)?,
            stamps: UnixSeconds(f.int(15)?),
            issued: UnixSeconds(f.int(16)?),
            exposed: list(f.array(17)?, take_exposed)?,
            docs: list(f.array(18)?, take_doc)?,
            software,
        };
        f.finish()?;
        Ok(state)
    }
}

fn list<T, C: FromIterator<T>>(
    values: Vec<Value>,
    take: impl Fn(&mut Fields) -> Result<T, RecordError>,
) -> Result<C, RecordError> {
    let one = |value| {
        let mut f = Fields::of(value)?;
        let found = take(&mut f)?;
        f.finish()?;
        Ok(found)
    };
    values.into_iter().map(one).collect()
}

fn sum(sum: &Sum) -> Value {
    Value::Map(vec![(1, parts::number(sum.rows)), (2, Value::bytes(sum.digest.to_be_bytes()))])
}

fn take_sum(f: &mut Fields) -> Result<Sum, RecordError> {
    Ok(Sum { rows: f.number(1)?, digest: u64::from_be_bytes(f.array_bytes(2)?) })
}

fn exposed((operator, of): (&String, &Exposure)) -> Value {
    Value::map_of([
        (1, Some(Value::from(operator.as_str()))),
        (2, Some(Value::from(of.acts))),
        (3, Some(Value::Int(of.yuan))),
        (4, Some(Value::Int(of.kwh))),
        (5, of.oldest.map(|at| Value::Int(at.0))),
    ])
}

fn take_exposed(f: &mut Fields) -> Result<(String, Exposure), RecordError> {
    let operator = parts::take_text(f, 1, MAX_OPERATOR, "operator")?;
    let of = Exposure {
        acts: f.number(2)?,
        yuan: f.int(3)?,
        kwh: f.int(4)?,
        oldest: f.opt_int(5)?.map(UnixSeconds),
    };
    Ok((operator, of))
}

fn doc((kind, doc): (&DocKind, &Doc)) -> Value {
    Value::Map(vec![
        (1, Value::Int(people::document_code(*kind))),
        (2, parts::number(doc.version)),
        (3, Value::bytes(doc.digest)),
    ])
}

fn take_doc(f: &mut Fields) -> Result<(DocKind, Doc), RecordError> {
    let kind = people::document_from(f.int(1)?)?;
    Ok((kind, Doc { version: f.number(2)?, digest: f.array_bytes(3)? }))
}
