//! The versioned form of everything on disk: deterministic CBOR with integer keys.
//!
//! Mirror of the program's types, written by hand so that the bytes never depend on how a Rust type
//! happens to look. A record body is a map: 0 format, 1 sequence number, 2 time, 3 milliseconds
//! since boot, 4 operator, 5 kind, 6 the kind's own map. Keys are never used again for something
//! else; unknown keys and kinds are errors, because a journal is only as good as the reader that
//! understands all of it (`docs/store-format.md` has the tables).

pub mod bundle;
pub mod errand;
pub mod event;
pub mod parts;
pub mod people;
pub mod round;
pub mod rows;
pub mod swap;

use super::event::{Event, Stamp};
use super::schema::{JOURNAL_FORMAT, MAX_BODY, MAX_OPERATOR};
use crate::units::UnixSeconds;
use meterkit_tokens::cbor::{CborError, Fields, Limits, Value, decode, encode};

/// Why bytes are not a record of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not canonical CBOR, or not the expected fields.
    #[error("{0}")]
    Cbor(#[from] CborError),
    /// Written by a newer version.
    #[error("record format {0} is not known")]
    Format(i64),
    /// A kind of entry this version does not know.
    #[error("entry kind {0} is not known")]
    Kind(i64),
    /// A field holds a value its type does not allow.
    #[error("{0} is out of range")]
    Value(&'static str),
}

/// A decoded record body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Sequence number.
    pub seq: u64,
    /// When and by whom.
    pub stamp: Stamp,
    /// What.
    pub event: Event,
}

/// Depth in use: body, payload, judgement, evidence, purchase record.
const LIMITS: Limits = Limits { bytes: MAX_BODY, depth: 8 };

/// Writes a record body.
pub fn encode_body(seq: u64, stamp: &Stamp, event: &Event) -> Vec<u8> {
    let (kind, payload) = event::to_value(event);
    encode(&Value::Map(vec![
        (0, Value::from(JOURNAL_FORMAT)),
        (1, parts::number(seq)),
        (2, Value::Int(stamp.at.0)),
        (3, parts::number(stamp.boot_ms)),
        (4, Value::Text(stamp.operator.clone())),
        (5, Value::Int(kind)),
        (6, payload),
    ]))
}

/// Reads a record body.
///
/// # Errors
/// [`RecordError`] with the first thing that is wrong; never panics on any bytes.
pub fn decode_body(bytes: &[u8]) -> Result<Body, RecordError> {
    let mut fields = Fields::of(decode(bytes, LIMITS)?)?;
    let format = fields.int(0)?;
    if format != i64::from(JOURNAL_FORMAT) {
        return Err(RecordError::Format(format));
    }
    let seq = fields.number(1)?;
    let stamp = Stamp {
        at: UnixSeconds(fields.int(2)?),
        boot_ms: fields.number(3)?,
        operator: fields.text(4)?,
    };
    if stamp.operator.len() > MAX_OPERATOR {
        return Err(RecordError::Value("operator"));
    }
    let kind = fields.int(5)?;
    let event = event::from_fields(kind, fields.map(6)?)?;
    fields.finish()?;
    Ok(Body { seq, stamp, event })
}

#[cfg(test)]
mod swap_tests;
#[cfg(test)]
mod tests;
