//! KEYS: roots and keyset for a handheld that cannot check an office's answer any more.
//!
//! Neither question nor answer is signed: a handheld that was away while the keys changed has no
//! key to check a signature with. It needs none. Every root file is signed by the one before it,
//! the keyset by a key of the last, and the first was pinned at enrolment.

use super::fields::{self, Reader, map};
use super::{MAX_ROOTS, VERSION, VERSION_KEY, WireError, decode};
use meterkit_tokens::cbor::{self, Value};

/// The question: the version of the root the handheld holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysAsk {
    /// Its root.
    pub root: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The root files that follow, oldest first; one that gets [`MAX_ROOTS`] asks again.
    pub roots: Vec<Vec<u8>>,
    /// The newest keyset.
    pub keyset: Vec<u8>,
}

impl KeysAsk {
    /// The body of the request.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&map([(VERSION_KEY, Value::Int(VERSION)), (2, fields::seq(self.root))]))
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`WireError`]: it is none.
    pub fn read(body: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::versioned(decode(body)?)?;
        let ask = Self { root: r.u64(2)? };
        r.finish()?;
        Ok(ask)
    }
}

impl Keys {
    /// The body of the answer.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&map([
            (VERSION_KEY, Value::Int(VERSION)),
            (2, fields::byte_list(&self.roots)),
            (3, Value::Bytes(self.keyset.clone())),
        ]))
    }

    /// Reads the body of an answer; what is in it is still to be checked.
    ///
    /// # Errors
    /// [`WireError`]: it is none.
    pub fn read(body: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::versioned(decode(body)?)?;
        let keys = Self { roots: r.byte_strings(2, MAX_ROOTS, "roots")?, keyset: r.bytes(3)? };
        r.finish()?;
        Ok(keys)
    }
}
