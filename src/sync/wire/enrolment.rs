//! The enrolment file: everything a new handheld needs to know its office.
//!
//! ```text
//! file     [tenant, root hash, [root file, ...], keyset, document]
//! document signed by a key the keyset allows `en`; repeats all of it, the two in the middle as
//!          hashes, and adds what is for this handheld
//! ```
//!
//! The root hash is what a person compares with what the office reads out; everything else hangs
//! on it. The file holds one-time secrets, so it is worth as much as a handheld until it is used
//! or its time is over.

use super::fields::{self, Reader, map, shape};
use super::{MAX_GRANTS, VERSION, VERSION_KEY, WireError, digest, join, join_list, split};
use crate::units::{DeviceId, UnixSeconds};
use meterkit_tokens::cbor::Value;
use zeroize::Zeroize;

/// Most root files in an enrolment file: with a rotation every year, more than any key lives.
const MAX_CHAIN: usize = 32;
/// Most pins: the server's key, its successor, and two for a change of both.
pub const MAX_PINS: usize = 4;
/// Recovery secrets in one file.
pub const RECOVERY: usize = 4;
/// Longest certificate of the office's own authority.
const MAX_CA: usize = 4096;

/// The payload of an enrolment document, with the root files and the keyset it names by hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Whose office.
    pub tenant: String,
    /// The name the handheld gets.
    pub device: DeviceId,
    /// Where the office is reached.
    pub url: String,
    /// SHA-256 of the payload of the first root: what a person compares.
    pub root_hash: [u8; 32],
    /// The root files, from version 1 to the newest.
    pub roots: Vec<Vec<u8>>,
    /// The keyset document, signed by a keyset key of the newest root.
    pub keyset: Vec<u8>,
    /// Proves, once, that the bearer holds this file.
    pub secret: [u8; 32],
    /// After this the office no longer accepts the secret.
    pub expires: UnixSeconds,
    /// The certificate (DER) of the office's own authority; empty for an office at `http://`.
    pub ca: Vec<u8>,
    /// SHA-256 of the public keys (SPKI) the office's server may show, the present one first.
    pub pins: Vec<[u8; 32]>,
    /// One-time secrets, [`RECOVERY`] of them, that open the store when every PIN is lost.
    pub recovery: Vec<[u8; 16]>,
    /// Operators' grants for this handheld; whoever enrols is one of them.
    pub grants: Vec<Vec<u8>>,
    /// The first status document.
    pub status: Vec<u8>,
    /// The journal epoch to start; above 1 the handheld had a life before.
    pub epoch: u32,
}

/// An enrolment file taken apart; nothing in it is checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Whose office, as the file says.
    pub tenant: String,
    /// The root hash, as the file says.
    pub root_hash: [u8; 32],
    /// The root files.
    pub roots: Vec<Vec<u8>>,
    /// The keyset document.
    pub keyset: Vec<u8>,
    /// The enrolment document.
    pub document: Vec<u8>,
}

impl Envelope {
    /// Takes a file apart.
    ///
    /// # Errors
    /// [`WireError`]: not the parts of an enrolment file.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let [tenant, root_hash, roots, keyset, document] = split(bytes)?;
        Ok(Self {
            tenant: String::from_utf8(tenant).map_err(|_| shape("tenant"))?,
            root_hash: root_hash.try_into().map_err(|_| shape("root hash"))?,
            roots: super::split_list(&roots, MAX_CHAIN, "roots")?,
            keyset,
            document,
        })
    }
}

impl Enrolment {
    /// The payload to sign.
    pub fn payload(&self) -> Value {
        map([
            (VERSION_KEY, Value::Int(VERSION)),
            (2, Value::Text(self.tenant.clone())),
            (3, Value::Text(self.device.to_string())),
            (4, Value::Text(self.url.clone())),
            (5, Value::Bytes(self.root_hash.to_vec())),
            (6, Value::Bytes(chain_digest(&self.roots, &self.keyset).to_vec())),
            (7, Value::Bytes(self.secret.to_vec())),
            (8, Value::Int(self.expires.0)),
            (9, Value::Bytes(self.ca.clone())),
            (10, fields::array_list(&self.pins)),
            (11, fields::array_list(&self.recovery)),
            (12, fields::byte_list(&self.grants)),
            (13, Value::Bytes(self.status.clone())),
            (14, Value::Int(i64::from(self.epoch))),
        ])
    }

    /// The file, around the signed payload.
    pub fn file(&self, document: &[u8]) -> Vec<u8> {
        let roots = join_list(&self.roots);
        join(&[self.tenant.as_bytes(), &self.root_hash, &roots, &self.keyset, document])
    }

    /// Reads a payload whose signature was checked with the keyset found in the envelope, and puts
    /// both together.
    ///
    /// # Errors
    /// [`WireError`]: a field is missing or wrong, or payload and envelope contradict each other.
    pub fn read(payload: Value, envelope: &Envelope) -> Result<Self, WireError> {
        let mut r = Reader::versioned(payload)?;
        if r.array(6)? != chain_digest(&envelope.roots, &envelope.keyset) {
            return Err(shape("roots and keyset are not the ones it names"));
        }
        let enrolment = Self {
            tenant: r.text(2)?,
            device: r.device(3)?,
            url: r.text(4)?,
            root_hash: r.array(5)?,
            roots: envelope.roots.clone(),
            keyset: envelope.keyset.clone(),
            secret: r.array(7)?,
            expires: UnixSeconds(r.int(8)?),
            ca: r.bytes(9)?,
            pins: r.arrays(10, MAX_PINS, "pins")?,
            recovery: r.arrays(11, RECOVERY, "recovery secrets")?,
            grants: r.byte_strings(12, MAX_GRANTS, "grants")?,
            status: r.bytes(13)?,
            epoch: r.u32(14)?,
        };
        r.finish()?;
        if enrolment.ca.len() > MAX_CA {
            return Err(WireError::Limit("certificate"));
        }
        if enrolment.recovery.len() != RECOVERY || enrolment.recovery.contains(&[0; 16]) {
            return Err(shape("recovery secrets"));
        }
        if enrolment.epoch == 0 {
            return Err(shape("epoch"));
        }
        if (&enrolment.tenant, enrolment.root_hash) != (&envelope.tenant, envelope.root_hash) {
            return Err(shape("it contradicts itself"));
        }
        Ok(enrolment)
    }
}

impl Drop for Enrolment {
    fn drop(&mut self) {
        self.secret.zeroize();
        self.recovery.zeroize();
    }
}

/// What the document names roots and keyset by.
fn chain_digest(roots: &[Vec<u8>], keyset: &[u8]) -> [u8; 32] {
    digest(&join(&[&join_list(roots), keyset]))
}

impl std::fmt::Debug for Enrolment {
    /// Never prints a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment")
            .field("tenant", &self.tenant)
            .field("device", &self.device)
            .field("url", &self.url)
            .field("epoch", &self.epoch)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
