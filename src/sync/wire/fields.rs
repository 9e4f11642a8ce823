//! Building and taking apart the integer-keyed maps every message is made of.
//!
//! A thin layer over `meterkit_tokens::cbor`: it turns numbers into the program's own types and
//! every failure into a [`WireError`], and refuses keys nobody asked for.

use super::{VERSION, VERSION_KEY, WireError};
use crate::units::{AccountNo, Credit, CreditUnit, DeviceId, MeterNo, TokenId};
use meterkit_tokens::cbor::{CborError, Fields, Value};

/// A map value; the codec puts the keys in order.
pub(super) fn map<const N: usize>(entries: [(i64, Value); N]) -> Value {
    Value::Map(entries.into())
}

/// A counter. Counters stay below 2^63: one entry a nanosecond would take 292 years.
pub(super) fn seq(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A list of byte strings.
pub(super) fn byte_list(list: &[Vec<u8>]) -> Value {
    Value::Array(list.iter().cloned().map(Value::Bytes).collect())
}

/// A list of byte strings of one length.
pub(super) fn array_list<const N: usize>(list: &[[u8; N]]) -> Value {
    Value::Array(list.iter().map(|item| Value::Bytes(item.to_vec())).collect())
}

/// A credit as `[value, unit]`.
pub(super) fn credit(credit: Credit) -> Value {
    let unit = match credit.unit {
        CreditUnit::Yuan => 0,
        CreditUnit::Kwh => 1,
    };
    Value::Array(vec![Value::Int(credit.value), Value::Int(unit)])
}

/// Reads what [`credit`] wrote.
pub(super) fn read_credit(value: Value) -> Result<Credit, WireError> {
    let Value::Array(items) = value else { return Err(shape("credit")) };
    let unit = match items.get(1) {
        Some(Value::Int(0)) => CreditUnit::Yuan,
        Some(Value::Int(1)) => CreditUnit::Kwh,
        _ => return Err(shape("credit unit")),
    };
    match items.as_slice() {
        [Value::Int(value), _] => Ok(Credit { value: *value, unit }),
        _ => Err(shape("credit")),
    }
}

fn byte_string(value: Value, name: &str) -> Result<Vec<u8>, WireError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(shape(name)),
    }
}

/// The error of a field that is there but wrong.
pub(super) fn shape(what: &str) -> WireError {
    WireError::Shape(what.to_owned())
}

impl From<CborError> for WireError {
    fn from(error: CborError) -> Self {
        Self::Shape(error.to_string())
    }
}

/// Takes a map apart, key by key.
pub(super) struct Reader(Fields);

impl Reader {
    /// A map without a version of its own.
    pub fn of(value: Value) -> Result<Self, WireError> {
        Ok(Self(Fields::of(value)?))
    }

    /// A map whose key 1 must be our version.
    pub fn versioned(value: Value) -> Result<Self, WireError> {
        let mut reader = Self::of(value)?;
        match reader.int(VERSION_KEY)? {
            VERSION => Ok(reader),
            other => Err(WireError::Version(other)),
        }
    }

    pub fn int(&mut self, key: i64) -> Result<i64, WireError> {
        Ok(self.0.int(key)?)
    }

    pub fn u64(&mut self, key: i64) -> Result<u64, WireError> {
        u64::try_from(self.int(key)?).map_err(|_| shape("negative counter"))
    }

    pub fn u32(&mut self, key: i64) -> Result<u32, WireError> {
        u32::try_from(self.int(key)?).map_err(|_| shape("number out of range"))
    }

    pub fn bool(&mut self, key: i64) -> Result<bool, WireError> {
        Ok(self.0.bool(key)?)
    }

    pub fn bytes(&mut self, key: i64) -> Result<Vec<u8>, WireError> {
        Ok(self.0.bytes(key)?)
    }

    pub fn opt_int(&mut self, key: i64) -> Result<Option<i64>, WireError> {
        match self.0.opt_value(key) {
            None => Ok(None),
            Some(Value::Int(value)) => Ok(Some(value)),
            Some(_) => Err(shape("a number is of another type")),
        }
    }

    pub fn opt_bytes(&mut self, key: i64) -> Result<Option<Vec<u8>>, WireError> {
        Ok(self.0.opt_bytes(key)?)
    }

    pub fn opt_array<const N: usize>(&mut self, key: i64) -> Result<Option<[u8; N]>, WireError> {
        let bytes = self.opt_bytes(key)?.map(<[u8; N]>::try_from).transpose();
        bytes.map_err(|_| shape("bytes of another length"))
    }

    pub fn array<const N: usize>(&mut self, key: i64) -> Result<[u8; N], WireError> {
        Ok(self.0.array_bytes::<N>(key)?)
    }

    pub fn text(&mut self, key: i64) -> Result<String, WireError> {
        Ok(self.0.text(key)?)
    }

    pub fn opt_text(&mut self, key: i64) -> Result<Option<String>, WireError> {
        Ok(self.0.opt_text(key)?)
    }

    pub fn map(&mut self, key: i64) -> Result<Self, WireError> {
        Ok(Self(self.0.map(key)?))
    }

    pub fn opt_map(&mut self, key: i64) -> Result<Option<Self>, WireError> {
        Ok(self.0.opt_map(key)?.map(Self))
    }

    /// A list with at most `limit` members.
    pub fn list(
        &mut self,
        key: i64,
        limit: usize,
        name: &'static str,
    ) -> Result<Vec<Value>, WireError> {
        let list = self.0.array(key)?;
        if list.len() > limit { Err(WireError::Limit(name)) } else { Ok(list) }
    }

    /// A list of byte strings with at most `limit` members.
    pub fn byte_strings(
        &mut self,
        key: i64,
        limit: usize,
        name: &'static str,
    ) -> Result<Vec<Vec<u8>>, WireError> {
        let list = self.list(key, limit, name)?;
        list.into_iter().map(|value| byte_string(value, name)).collect()
    }

    /// A list of byte strings that may be missing.
    pub fn opt_byte_strings(
        &mut self,
        key: i64,
        limit: usize,
        name: &'static str,
    ) -> Result<Vec<Vec<u8>>, WireError> {
        match self.0.opt_value(key) {
            None => Ok(vec![]),
            Some(Value::Array(list)) if list.len() > limit => Err(WireError::Limit(name)),
            Some(Value::Array(list)) => {
                list.into_iter().map(|value| byte_string(value, name)).collect()
            }
            Some(_) => Err(shape(name)),
        }
    }

    /// A list of byte strings of one length that may be missing.
    pub fn opt_arrays<const N: usize>(
        &mut self,
        key: i64,
        limit: usize,
        name: &'static str,
    ) -> Result<Vec<[u8; N]>, WireError> {
        let list = self.opt_byte_strings(key, limit, name)?.into_iter();
        list.map(|bytes| bytes.try_into().map_err(|_| shape(name))).collect()
    }

    /// A list of byte strings of one length with at most `limit` members.
    pub fn arrays<const N: usize>(
        &mut self,
        key: i64,
        limit: usize,
        name: &'static str,
    ) -> Result<Vec<[u8; N]>, WireError> {
        let list = self.byte_strings(key, limit, name)?.into_iter();
        list.map(|bytes| bytes.try_into().map_err(|_| shape(name))).collect()
    }

    pub fn device(&mut self, key: i64) -> Result<DeviceId, WireError> {
        self.text(key)?.parse().map_err(|_| shape("device name"))
    }

    pub fn meter(&mut self, key: i64) -> Result<MeterNo, WireError> {
        MeterNo::from_bcd(self.array(key)?).ok_or_else(|| shape("meter number"))
    }

    pub fn account(&mut self, key: i64) -> Result<AccountNo, WireError> {
        AccountNo::from_bcd(self.array(key)?).ok_or_else(|| shape("account number"))
    }

    pub fn token(&mut self, key: i64) -> Result<TokenId, WireError> {
        Ok(TokenId(self.array(key)?))
    }

    /// Every key must have been asked for.
    pub fn finish(self) -> Result<(), WireError> {
        Ok(self.0.finish()?)
    }
}
