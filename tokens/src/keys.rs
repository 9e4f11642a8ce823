//! Public keys, their ids, and the keyring a document is checked against.
//!
//! The algorithm is part of the key, never negotiated: every key here is Ed25519, and a document
//! under it must say `alg` -19 (RFC 9864). The id is the front of the RFC 9679 thumbprint, so
//! anyone can recompute it from the key.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::claims::DocType;
use crate::error::{KeyError, TokenError};

/// `alg` of Ed25519 in COSE (RFC 9864); the older, polymorphic -8 (EdDSA) is refused.
pub const ALG_ED25519: i64 = -19;

/// First 8 bytes of the RFC 9679 SHA-256 thumbprint of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// An Ed25519 public key that is neither weak nor spelled in a second way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    kid: KeyId,
}

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032 5.1.5.
    ///
    /// # Errors
    /// Not canonical, no point of the curve, or of small order.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        if !is_canonical(&bytes) {
            return Err(KeyError::NotCanonical);
        }
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self { key, kid: thumbprint(&bytes) })
    }

    /// The public half of a signing key; such a key is never weak.
    pub(crate) fn of(key: &ed25519_dalek::SigningKey) -> Self {
        let key = key.verifying_key();
        Self { key, kid: thumbprint(key.as_bytes()) }
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The id.
    pub fn kid(&self) -> KeyId {
        self.kid
    }

    /// The same key on the curve's Montgomery form, as X25519 takes it (RFC 7748 4.1).
    pub(crate) fn montgomery(&self) -> [u8; 32] {
        self.key.to_montgomery().to_bytes()
    }

    /// Checks a signature strictly: canonical S, no small-order points.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), TokenError> {
        self.key
            .verify_strict(message, &Signature::from_bytes(signature))
            .map_err(|_| TokenError::Signature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kid)
    }
}

/// The coordinate, without the sign bit, is below the field prime 2^255 - 19 (RFC 8032 5.1.3).
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let middle_full = bytes[1..31].iter().all(|b| *b == 0xff);
    !(middle_full && bytes[31] & 0x7f == 0x7f && bytes[0] >= 0xed)
}

/// RFC 9679: SHA-256 over the deterministic COSE_Key `{1: 1 (OKP), -1: 6 (Ed25519), -2: x}`.
fn thumbprint(x: &[u8; 32]) -> KeyId {
    let mut hash = Sha256::new();
    hash.update([0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20]);
    hash.update(x);
    let mut kid = [0; 8];
    kid.copy_from_slice(&hash.finalize()[..8]);
    KeyId(kid)
}

/// A key and what it is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key.
    pub key: PublicKey,
    /// First second at which it may sign.
    pub not_before: i64,
    /// Last second at which it may sign, and at which what it signed may still be valid.
    pub not_after: i64,
    /// What it may sign.
    pub types: Vec<DocType>,
    /// Most it may grant in one token, in minor units.
    pub max_amount: Option<i64>,
}

impl KeyRecord {
    /// Says that a document is valid only while its key is.
    pub(crate) fn check_outlived(&self, not_before: i64, expires: i64) -> Result<(), TokenError> {
        if not_before < self.not_before || expires > self.not_after {
            return Err(TokenError::KeyExpired(self.key.kid()));
        }
        Ok(())
    }
}

/// The keys a document is checked against.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: BTreeMap<KeyId, KeyRecord>,
    revoked: BTreeMap<KeyId, i64>,
}

impl From<Vec<KeyRecord>> for Keyring {
    /// Of two records with one id the first counts.
    fn from(records: Vec<KeyRecord>) -> Self {
        let mut ring = Self::default();
        for record in records {
            ring.keys.entry(record.key.kid()).or_insert(record);
        }
        ring
    }
}

impl Keyring {
    /// A ring of keys that may sign one type of document at any time.
    pub(crate) fn only<'k>(keys: impl IntoIterator<Item = &'k PublicKey>, doc: DocType) -> Self {
        Self::always(keys, &[doc])
    }

    /// A ring with one handheld's key, which may sign every device document at any time.
    pub fn device(key: PublicKey) -> Self {
        let device = |doc: &DocType| doc.signer() == crate::claims::Signer::Device;
        let types: Vec<DocType> = DocType::ALL.into_iter().filter(device).collect();
        Self::always([&key], &types)
    }

    fn always<'k>(keys: impl IntoIterator<Item = &'k PublicKey>, types: &[DocType]) -> Self {
        let record = |key: &PublicKey| KeyRecord {
            key: *key,
            not_before: i64::MIN,
            not_after: i64::MAX,
            types: types.to_vec(),
            max_amount: None,
        };
        keys.into_iter().map(record).collect::<Vec<_>>().into()
    }

    /// The record of a key.
    pub fn find(&self, kid: KeyId) -> Option<&KeyRecord> {
        self.keys.get(&kid)
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// No key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whatever this key signed at `from` or later is refused. Of two cut-offs the earlier counts.
    pub fn revoke(&mut self, kid: KeyId, from: i64) {
        self.revoked.entry(kid).and_modify(|old| *old = from.min(*old)).or_insert(from);
    }

    /// The record of a key that may sign `doc`.
    pub(crate) fn admit(&self, kid: KeyId, doc: DocType) -> Result<&KeyRecord, TokenError> {
        let record = self.find(kid).ok_or(TokenError::Kid(kid))?;
        if record.types.contains(&doc) { Ok(record) } else { Err(TokenError::KeyTyp(kid)) }
    }

    /// Says that the key was in force at `at`. Without a time to compare, a revoked key is dead.
    pub(crate) fn check_time(&self, record: &KeyRecord, at: Option<i64>) -> Result<(), TokenError> {
        let kid = record.key.kid();
        if at.is_some_and(|at| at < record.not_before || at > record.not_after) {
            return Err(TokenError::KeyExpired(kid));
        }
        match self.revoked.get(&kid) {
            Some(cut) if at.is_none_or(|at| at >= *cut) => Err(TokenError::KeyRevoked(kid)),
            _ => Ok(()),
        }
    }
}
