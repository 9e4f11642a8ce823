//! The one row that says what the index reflects: position, counters, digests.
//!
//! It is written in every batch, so it is as old or as new as the rows beside it.

use super::event::Position;
use super::records::{RecordError, parts};
use super::rows::Summary;
use super::schema::{INDEX_FORMAT, MAX_INDEX_VALUE};
use crate::units::UnixSeconds;
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};

/// What the index reflects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Which journal: a draw of its enrolment.
    pub life: [u8; 16],
    /// The last entry that is in the index.
    pub head: Position,
    /// Where that entry begins in its segment.
    pub start: u64,
    /// The byte behind it.
    pub offset: u64,
    /// Meters in the area list.
    pub meters: u64,
    /// Tokens ever imported.
    pub tokens: u64,
    /// Tokens a recharge may begin with.
    pub tokens_live: u64,
    /// Open recharges.
    pub open_intents: u64,
    /// Sum over a hash of every token row: shows a row that sled lost or brought back.
    pub token_digest: u64,
    /// The same for the open recharges.
    pub open_digest: u64,
    /// What the office acknowledged, and with which receipt.
    pub acked: Option<(u64, Position)>,
    /// When the newest receipt was stored.
    pub last_sync: Option<UnixSeconds>,
    /// The office's time, and time and boot time of its entry.
    pub anchor: Option<(UnixSeconds, UnixSeconds, u64)>,
    /// The area version whose meters are all in the index.
    pub area_version: u64,
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
            tokens: 0,
            tokens_live: 0,
            open_intents: 0,
            token_digest: 0,
            open_digest: 0,
            acked: None,
            last_sync: None,
            anchor: None,
            area_version: 0,
        }
    }

    /// The figures for people.
    pub fn summary(&self) -> Summary {
        let acked_seq = self.acked.map_or(0, |(_, at)| at.seq);
        Summary {
            meters: self.meters,
            tokens: self.tokens,
            tokens_live: self.tokens_live,
            open_intents: self.open_intents,
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
        let digest = |d: u64| Value::bytes(d.to_be_bytes());
        encode(&Value::map_of([
            (0, Some(Value::from(INDEX_FORMAT))),
            (1, Some(Value::bytes(self.life))),
            (2, Some(parts::position(&self.head))),
            (3, Some(parts::number(self.offset))),
            (4, Some(parts::number(self.meters))),
            (5, Some(parts::number(self.tokens))),
            (6, Some(parts::number(self.tokens_live))),
            (7, Some(parts::number(self.open_intents))),
            (8, Some(digest(self.token_digest))),
            (9, Some(digest(self.open_digest))),
            (10, self.acked.map(|(number, _)| parts::number(number))),
            (11, self.acked.as_ref().map(|(_, at)| parts::position(at))),
            (12, self.last_sync.map(|t| Value::Int(t.0))),
            (13, self.anchor.map(|a| Value::Int(a.0.0))),
            (14, self.anchor.map(|a| Value::Int(a.1.0))),
            (15, self.anchor.map(|a| parts::number(a.2))),
            (16, Some(parts::number(self.area_version))),
            (17, Some(parts::number(self.start))),
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
        let (number, at) = (f.opt_int(10)?, f.opt_map(11)?);
        let acked = match (number, at) {
            (Some(number), Some(at)) => {
                let number = u64::try_from(number).map_err(|_| RecordError::Value("receipt"))?;
                Some((number, parts::take_position(at)?))
            }
            _ => None,
        };
        let anchor = match (f.opt_int(13)?, f.opt_int(14)?, f.opt_int(15)?) {
            (Some(server), Some(at), Some(boot)) => {
                let boot = u64::try_from(boot).map_err(|_| RecordError::Value("anchor"))?;
                Some((UnixSeconds(server), UnixSeconds(at), boot))
            }
            _ => None,
        };
        let state = Self {
            life: f.array_bytes(1)?,
            head: parts::take_position(f.map(2)?)?,
            offset: f.number(3)?,
            meters: f.number(4)?,
            tokens: f.number(5)?,
            tokens_live: f.number(6)?,
            open_intents: f.number(7)?,
            token_digest: u64::from_be_bytes(f.array_bytes(8)?),
            open_digest: u64::from_be_bytes(f.array_bytes(9)?),
            acked,
            last_sync: f.opt_int(12)?.map(UnixSeconds),
            anchor,
            area_version: f.number(16)?,
            start: f.number(17)?,
        };
        f.finish()?;
        Ok(state)
    }
}
