//! Limits in two steps on what may be done before the office has heard of it.
//!
//! The office signs them, for a handheld in its status and for a person in a grant. The first
//! number of each pair warns, the second refuses.

use crate::cbor::{Fields, Value};
use crate::error::TokenError;

/// Most money acts a limit may allow.
pub const MAX_ACTS: i64 = 1_000_000;
/// Largest sum a limit may allow, in minor units: ten thousand million yuan or kilowatt-hours.
pub const MAX_SUM: i64 = 1_000_000_000_000;
/// Highest age a limit may allow: 400 days.
pub const MAX_AGE_S: i64 = 400 * 86_400;

/// Keys of the map.
mod key {
    pub(super) const ACTS: i64 = 1;
    pub(super) const YUAN: i64 = 2;
    pub(super) const KWH: i64 = 3;
    pub(super) const AGE: i64 = 4;
}

/// `[soft, hard]` of each limit, `0 <= soft <= hard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Number of money acts, at most [`MAX_ACTS`].
    pub acts: [i64; 2],
    /// Their sum in hundredths of a yuan, at most [`MAX_SUM`].
    pub yuan: [i64; 2],
    /// Their sum in hundredths of a kilowatt-hour, at most [`MAX_SUM`].
    pub kwh: [i64; 2],
    /// Age of the oldest in seconds, at most [`MAX_AGE_S`].
    pub age_s: [i64; 2],
}

impl Caps {
    /// The highest limits that can be signed.
    pub const MOST: Self =
        Self { acts: [MAX_ACTS; 2], yuan: [MAX_SUM; 2], kwh: [MAX_SUM; 2], age_s: [MAX_AGE_S; 2] };

    pub(crate) fn value(&self) -> Value {
        let pair = |pair: [i64; 2]| Value::Array(pair.map(Value::Int).to_vec());
        Value::Map(vec![
            (key::ACTS, pair(self.acts)),
            (key::YUAN, pair(self.yuan)),
            (key::KWH, pair(self.kwh)),
            (key::AGE, pair(self.age_s)),
        ])
    }

    /// Takes the map at `at`. Ranges are [`Self::check`].
    pub(crate) fn take(fields: &mut Fields, at: i64) -> Result<Self, TokenError> {
        let mut map = fields.map(at)?;
        let mut pair = |key| match map.array(key)?.as_slice() {
            [Value::Int(soft), Value::Int(hard)] => Ok([*soft, *hard]),
            _ => Err(TokenError::Claim("limits")),
        };
        let caps = Self {
            acts: pair(key::ACTS)?,
            yuan: pair(key::YUAN)?,
            kwh: pair(key::KWH)?,
            age_s: pair(key::AGE)?,
        };
        map.finish()?;
        Ok(caps)
    }

    pub(crate) fn check(&self) -> Result<(), TokenError> {
        let within = |[soft, hard]: [i64; 2], most| 0 <= soft && soft <= hard && hard <= most;
        let good = within(self.acts, MAX_ACTS)
            && within(self.yuan, MAX_SUM)
            && within(self.kwh, MAX_SUM)
            && within(self.age_s, MAX_AGE_S);
        if good { Ok(()) } else { Err(TokenError::Claim("limits")) }
    }
}
