//! The entry and the row of a round of the office.

use super::{RecordError, parts};
use crate::store::rounds::{RoundRow, RoundTaken};
use crate::store::schema::{MAX_INDEX_VALUE, MAX_TEXT};
use crate::units::UnixSeconds;
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};

type Result<T> = std::result::Result<T, RecordError>;

/// Number of the entry.
pub const ROUND_TAKEN: i64 = 28;

const LIMITS: Limits = Limits { bytes: MAX_INDEX_VALUE, depth: 3 };

/// 1 identity, 2 name, 3 hash of the document, 4 when it is due (an empty list where that is not
/// said), 5 end, 6 meters.
pub fn fields(taken: &RoundTaken) -> Vec<(i64, Value)> {
    let due = taken.due.iter().map(|due| Value::Int(due.0)).collect();
    vec![
        (1, parts::token(taken.id)),
        (2, Value::from(taken.name.as_str())),
        (3, Value::bytes(taken.digest)),
        (4, Value::Array(due)),
        (5, Value::Int(taken.expires.0)),
        (6, Value::from(taken.meters)),
    ]
}

/// Reads the fields of the entry.
///
/// # Errors
/// A missing field, a value out of range.
pub fn take(f: &mut Fields) -> Result<RoundTaken> {
    Ok(RoundTaken {
        id: parts::take_token(f, 1)?,
        name: parts::take_text(f, 2, MAX_TEXT, "name")?,
        digest: f.array_bytes(3)?,
        due: match f.array(4)?.as_slice() {
            [] => None,
            [Value::Int(due)] => Some(UnixSeconds(*due)),
            _ => return Err(RecordError::Value("due")),
        },
        expires: UnixSeconds(f.int(5)?),
        meters: f.number(6)?,
    })
}

/// The row of a round that was taken in by entry `seq`: the entry's fields, 7 when it was written,
/// 8 entry.
pub fn row_of(taken: &RoundTaken, at: UnixSeconds, seq: u64) -> Vec<u8> {
    let mut fields = fields(taken);
    fields.extend([(7, Value::Int(at.0)), (8, parts::number(seq))]);
    encode(&Value::Map(fields))
}

/// Reads a row; whether it was withdrawn stands elsewhere.
///
/// # Errors
/// As [`take`].
pub fn decode_row(bytes: &[u8]) -> Result<RoundRow> {
    let mut f = Fields::of(decode(bytes, LIMITS)?)?;
    let taken = take(&mut f)?;
    let (at, seq) = (UnixSeconds(f.int(7)?), f.number(8)?);
    f.finish()?;
    Ok(RoundRow { taken, at, seq, revoked: false })
}
