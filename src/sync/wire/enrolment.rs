//! The enrolment file: everything a new handheld needs to know its office.
//!
//! Signed by the office's root key, which the file itself names: it is trusted because a person
//! carried it from the office. It holds a one-time secret, so it is worth as much as a handheld
//! until it is used or its time is over.

use super::fields::{Reader, map};
use super::{VERSION, VERSION_KEY, WireError};
use crate::units::{DeviceId, UnixSeconds};
use meterkit_tokens::cbor::Value;

/// The payload of an enrolment file.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Whose office.
    pub tenant: String,
    /// The name the handheld gets.
    pub device: DeviceId,
    /// Where the office is reached.
    pub url: String,
    /// The office's root public key.
    pub root: [u8; 32],
    /// The keyset document, signed by that root.
    pub keyset: Vec<u8>,
    /// Proves, once, that the bearer holds this file.
    pub secret: [u8; 32],
    /// After this the office no longer accepts the secret.
    pub expires: UnixSeconds,
}

impl Enrolment {
    /// The payload to sign.
    pub fn payload(&self) -> Value {
        map([
            (VERSION_KEY, Value::Int(VERSION)),
            (2, Value::Text(self.tenant.clone())),
            (3, Value::Text(self.device.to_string())),
            (4, Value::Text(self.url.clone())),
            (5, Value::Bytes(self.root.to_vec())),
            (6, Value::Bytes(self.keyset.clone())),
            (7, Value::Bytes(self.secret.to_vec())),
            (8, Value::Int(self.expires.0)),
        ])
    }

    /// Reads a payload. Its signature can only be checked with the root key found in it.
    pub fn read(payload: Value) -> Result<Self, WireError> {
        let mut r = Reader::versioned(payload)?;
        let enrolment = Self {
            tenant: r.text(2)?,
            device: r.device(3)?,
            url: r.text(4)?,
            root: r.array(5)?,
            keyset: r.bytes(6)?,
            secret: r.array(7)?,
            expires: UnixSeconds(r.int(8)?),
        };
        r.finish()?;
        Ok(enrolment)
    }
}

impl std::fmt::Debug for Enrolment {
    /// Never prints the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tenant, device, url, expires, .. } = self;
        f.debug_struct("Enrolment")
            .field("tenant", tenant)
            .field("device", device)
            .field("url", url)
            .field("expires", expires)
            .finish_non_exhaustive()
    }
}
