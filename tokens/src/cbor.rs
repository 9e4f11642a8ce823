//! Our own CBOR value, and the only module that names `serde_cbor`.
//!
//! `serde_cbor` is unmaintained (RUSTSEC-2021-0127: archived, no open vulnerability) and lenient;
//! it only reads, into our [`Value`] alone, never through derive, and only bytes that passed
//! [`crate::canonical::scan`]. To replace it, replace the private visitor at the end. Its own value
//! is passed by: that one keeps maps as trees, and an office takes entries apart by the million.
//! Writing is ours: one form for each value leaves nothing for a codec to choose, and a load of ten
//! thousand tokens is written twice.
//!
//! Limits: map keys are integers, integers fit `i64`, no floats, no tags.

pub use crate::canonical::Limits;
pub use crate::error::CborError;

use crate::canonical::{put_bytes, put_head, scan};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// A CBOR value of the subset we use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// A map; [`encode`] sorts it. Of entries with one key the last one counts.
    Map(Vec<(i64, Value)>),
}

impl Value {
    /// A byte string from anything that holds bytes.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(bytes.as_ref().to_vec())
    }

    /// A map from the entries that are present: optional fields are `(key, None)`.
    pub fn map_of(entries: impl IntoIterator<Item = (i64, Option<Value>)>) -> Self {
        Self::Map(entries.into_iter().filter_map(|(k, v)| Some((k, v?))).collect())
    }
}

impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}

impl From<u32> for Value {
    fn from(v: u32) -> Self {
        Self::Int(i64::from(v))
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}

impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}

impl From<Vec<Value>> for Value {
    fn from(v: Vec<Value>) -> Self {
        Self::Array(v)
    }
}

/// Encodes deterministically (RFC 8949 4.2.1): shortest heads, map keys sorted bytewise.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    put(value, &mut out);
    out
}

fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Bool(false) => out.push(0xF4),
        Value::Bool(true) => out.push(0xF5),
        Value::Null => out.push(0xF6),
        Value::Int(number) => put_int(*number, out),
        Value::Bytes(bytes) => put_bytes(out, bytes),
        Value::Text(text) => {
            put_head(out, 3, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(values) => {
            put_head(out, 4, values.len() as u64);
            values.iter().for_each(|value| put(value, out));
        }
        Value::Map(entries) => put_map(entries, out),
    }
}

/// Integers sort bytewise as (sign, magnitude): their heads are as short as they can be.
fn put_map(entries: &[(i64, Value)], out: &mut Vec<u8>) {
    let order = |key: i64| if key < 0 { (true, !key) } else { (false, key) };
    let mut sorted: Vec<&(i64, Value)> = entries.iter().collect();
    // Stable: of one key the last one stays last, and that one counts.
    sorted.sort_by_key(|(key, _)| order(*key));
    let same = || sorted.chunk_by(|a, b| a.0 == b.0);
    put_head(out, 5, same().count() as u64);
    for (key, value) in same().filter_map(<[_]>::last) {
        put_int(*key, out);
        put(value, out);
    }
}

fn put_int(number: i64, out: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => put_head(out, 0, number),
        // -1 - n is all bits turned over.
        Err(_) => put_head(out, 1, !number as u64),
    }
}

/// Decodes exactly one value in deterministic form, and nothing else.
///
/// # Errors
/// The first broken rule of [`crate::canonical::scan`]; [`CborError::KeyType`] for a map key that
/// is no integer; [`CborError::Range`] for an integer beyond `i64`.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<Value, CborError> {
    scan(bytes, limits, &[])?;
    let fault = Cell::new(None);
    let mut codec = serde_cbor::Deserializer::from_slice(bytes);
    let read = Item(&fault).deserialize(&mut codec).and_then(|value| codec.end().map(|()| value));
    let value = read.map_err(|_| fault.take().unwrap_or(CborError::Codec))?;
    // The second belt: what was accepted is the one encoding of what was decoded.
    debug_assert_eq!(encode(&value), bytes);
    Ok(value)
}

/// Takes the fields of a map by hand: each is asked for once, whatever is left over is an error.
#[derive(Debug)]
pub struct Fields(Vec<(i64, Value)>);

impl Fields {
    /// Opens a map.
    ///
    /// # Errors
    /// [`CborError::NotMap`].
    pub fn of(value: Value) -> Result<Self, CborError> {
        match value {
            Value::Map(entries) => Ok(Self(entries)),
            _ => Err(CborError::NotMap),
        }
    }

    /// Takes a field of any type, if it is there.
    pub fn opt_value(&mut self, key: i64) -> Option<Value> {
        let at = self.0.iter().position(|(k, _)| *k == key)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a field of any type.
    ///
    /// # Errors
    /// [`CborError::Missing`].
    pub fn value(&mut self, key: i64) -> Result<Value, CborError> {
        self.opt_value(key).ok_or(CborError::Missing(key))
    }

    /// Says that every field was taken.
    ///
    /// # Errors
    /// [`CborError::Unknown`] with the lowest key that is left.
    pub fn finish(self) -> Result<(), CborError> {
        match self.0.iter().map(|(k, _)| *k).min() {
            Some(key) => Err(CborError::Unknown(key)),
            None => Ok(()),
        }
    }

    /// Takes a whole number into any integer type.
    ///
    /// # Errors
    /// Missing, not a whole number, or [`CborError::Range`].
    pub fn number<T: TryFrom<i64>>(&mut self, key: i64) -> Result<T, CborError> {
        T::try_from(self.int(key)?).map_err(|_| CborError::Range)
    }

    /// Takes a byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// Missing, not a byte string, or [`CborError::Length`].
    pub fn array_bytes<const N: usize>(&mut self, key: i64) -> Result<[u8; N], CborError> {
        let bytes = self.bytes(key)?;
        let found = bytes.len();
        bytes.try_into().map_err(|_| CborError::Length { key, want: N, found })
    }

    /// Takes a byte string of exactly `N` bytes, if it is there.
    ///
    /// # Errors
    /// Not a byte string, or [`CborError::Length`].
    pub fn opt_array_bytes<const N: usize>(
        &mut self,
        key: i64,
    ) -> Result<Option<[u8; N]>, CborError> {
        let Some(bytes) = self.opt_bytes(key)? else { return Ok(None) };
        let found = bytes.len();
        bytes.try_into().map(Some).map_err(|_| CborError::Length { key, want: N, found })
    }

    /// Takes a list of byte strings of exactly `N` bytes each.
    ///
    /// # Errors
    /// Missing, not a list of byte strings, or [`CborError::Length`].
    pub fn list_bytes<const N: usize>(&mut self, key: i64) -> Result<Vec<[u8; N]>, CborError> {
        let one = |value| match value {
            Value::Bytes(bytes) => {
                let found = bytes.len();
                bytes.try_into().map_err(|_| CborError::Length { key, want: N, found })
            }
            _ => Err(CborError::Type { key, want: "a list of byte strings" }),
        };
        self.array(key)?.into_iter().map(one).collect()
    }

    /// Takes a map.
    ///
    /// # Errors
    /// Missing, or not a map.
    pub fn map(&mut self, key: i64) -> Result<Fields, CborError> {
        self.opt_map(key)?.ok_or(CborError::Missing(key))
    }

    /// Takes a map, if it is there.
    ///
    /// # Errors
    /// Not a map.
    pub fn opt_map(&mut self, key: i64) -> Result<Option<Fields>, CborError> {
        match self.opt_value(key) {
            None => Ok(None),
            Some(Value::Map(entries)) => Ok(Some(Self(entries))),
            Some(_) => Err(CborError::Type { key, want: "a map" }),
        }
    }
}

/// `name` takes a required, `opt_name` an optional field of one type.
macro_rules! takers {
    ($($name:ident, $opt:ident, $variant:ident, $out:ty, $want:literal;)*) => {
        impl Fields {$(
            #[doc = concat!("Takes ", $want, ".\n\n# Errors\nMissing, or of another type.")]
            pub fn $name(&mut self, key: i64) -> Result<$out, CborError> {
                self.$opt(key)?.ok_or(CborError::Missing(key))
            }

            #[doc = concat!("Takes ", $want, ", if it is there.\n\n# Errors\nOf another type.")]
            pub fn $opt(&mut self, key: i64) -> Result<Option<$out>, CborError> {
                match self.opt_value(key) {
                    None => Ok(None),
                    Some(Value::$variant(v)) => Ok(Some(v)),
                    Some(_) => Err(CborError::Type { key, want: $want }),
                }
            }
        )*}
    };
}

takers! {
    bool, opt_bool, Bool, bool, "a truth value";
    int, opt_int, Int, i64, "a whole number";
    bytes, opt_bytes, Bytes, Vec<u8>, "a byte string";
    text, opt_text, Text, String, "a text";
    array, opt_array, Array, Vec<Value>, "an array";
}

/// Takes one item from the codec; what it finds wrong is put down for [`decode`].
struct Item<'f>(&'f Cell<Option<CborError>>);

impl Item<'_> {
    fn fail<E: Error>(&self, fault: CborError) -> E {
        self.0.set(Some(fault));
        E::custom("not in the subset")
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, codec: D) -> Result<Value, D::Error> {
        codec.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a truth value, a whole number, bytes, a text, an array or a map")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::Int).map_err(|_| self.fail(CborError::Range))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        i64::try_from(value).map(Value::Int).map_err(|_| self.fail(CborError::Range))
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Item(self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        // The scan has counted them: no head claims more than there are.
        let mut map = Vec::with_capacity(entries.size_hint().unwrap_or(0));
        while let Some(key) = entries.next_key_seed(Item(self.0))? {
            let Value::Int(key) = key else { return Err(self.fail(CborError::KeyType)) };
            map.push((key, entries.next_value_seed(Item(self.0))?));
        }
        Ok(Value::Map(map))
    }
}
