//! The entry and the row of a bundle taken in.

use super::{RecordError, parts};
use crate::store::bundles::{BundleRow, BundleTaken};
use crate::store::schema::{MAX_INDEX_VALUE, MAX_TEXT, MAX_TOKEN};
use crate::units::UnixSeconds;
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};

type Result<T> = std::result::Result<T, RecordError>;

/// Number of the entry.
pub const BUNDLE_TAKEN: i64 = 26;

const LIMITS: Limits = Limits { bytes: MAX_INDEX_VALUE, depth: 4 };

/// 1 identity, 2 name, 3 version, 4 hash of the file, 5 end, 6 the signed document.
pub fn fields(taken: &BundleTaken) -> Vec<(i64, Value)> {
    vec![
        (1, parts::token(taken.id)),
        (2, Value::from(taken.name.as_str())),
        (3, Value::from(taken.version)),
        (4, Value::bytes(taken.digest)),
        (5, Value::Int(taken.expires.0)),
        (6, Value::Bytes(taken.bytes.clone())),
    ]
}

/// Reads the fields of the entry.
///
/// # Errors
/// A missing field, a value out of range.
pub fn take(f: &mut Fields) -> Result<BundleTaken> {
    Ok(BundleTaken {
        id: parts::take_token(f, 1)?,
        name: parts::take_text(f, 2, MAX_TEXT, "name")?,
        version: f.number(3)?,
        digest: f.array_bytes(4)?,
        expires: UnixSeconds(f.int(5)?),
        bytes: parts::take_blob(f, 6, MAX_TOKEN, "bundle")?,
    })
}

/// A row: the entry's fields, 7 when it was written, 8 entry.
fn encode_row(row: &BundleRow) -> Vec<u8> {
    let mut fields = fields(&row.taken);
    fields.extend([(7, Value::Int(row.at.0)), (8, parts::number(row.seq))]);
    encode(&Value::Map(fields))
}

/// The row of a bundle that was taken in by entry `seq`.
pub fn row_of(taken: &BundleTaken, at: UnixSeconds, seq: u64) -> Vec<u8> {
    encode_row(&BundleRow { taken: taken.clone(), at, seq, revoked: false })
}

/// Reads a row; whether it was revoked stands elsewhere.
///
/// # Errors
/// As [`take`].
pub fn decode_row(bytes: &[u8]) -> Result<BundleRow> {
    let mut f = Fields::of(decode(bytes, LIMITS)?)?;
    let taken = take(&mut f)?;
    let (at, seq) = (UnixSeconds(f.int(7)?), f.number(8)?);
    f.finish()?;
    Ok(BundleRow { taken, at, seq, revoked: false })
}
