//! The status: what the office knows of one handheld, for at most three days.
//!
//! It names the versions in force (so that an old root, keyset or status is noticed), the journal
//! head the office has acknowledged (so that a copied or restored store is noticed), the limits and
//! what was revoked. Without one in force a handheld moves no money. Versions never go back: the
//! caller keeps the version in use and offers it to [`Status::check_follows`].

use crate::caps::Caps;
use crate::cbor::{Fields, Value};
use crate::claims::{
    AUD, DocType, EXP, IAT, ISS, NBF, PRIVATE, Window, check_device, check_tenant, distinct,
    number_value, take_time,
};
use crate::cose;
use crate::error::TokenError;
use crate::keys::Keyring;

/// Longest life of a status: 72 hours.
pub const MAX_LIFE_S: i64 = 72 * 3600;
/// Most revoked ids in a status.
pub const MAX_REVOKED: usize = 500;
/// Most pins in a status: current and next, of two servers.
pub const MAX_PINS: usize = 4;
/// Longest time after expiry in which recharges within the soft limits go on: 31 days.
pub const MAX_GRACE_S: i64 = 31 * 86_400;
/// Longest time without a key press before the screen locks: a day.
pub const MAX_IDLE_S: i64 = 86_400;

/// Keys of the private map.
mod key {
    pub(super) const VERSION: i64 = 1;
    pub(super) const ROOT: i64 = 2;
    pub(super) const KEYSET: i64 = 3;
    pub(super) const EPOCH: i64 = 4;
    pub(super) const ACKED_SEQ: i64 = 5;
    pub(super) const ACKED_HASH: i64 = 6;
    pub(super) const LEASES: i64 = 7;
    pub(super) const CAPS: i64 = 8;
    pub(super) const REVOKED: i64 = 9;
    pub(super) const GRACE: i64 = 10;
    pub(super) const IDLE: i64 = 11;
    pub(super) const PINS: i64 = 12;
}

/// What the office knows of one handheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `iss`: the deployment.
    pub tenant: String,
    /// `aud`: the handheld.
    pub device: String,
    /// `iat`: when it was signed.
    pub issued: i64,
    /// `nbf`: first second at which it may be used.
    pub not_before: i64,
    /// `exp`: first second at which a newer one is due; at most [`MAX_LIFE_S`] after `issued`.
    pub expires: i64,
    /// Counts up by at least one with every status of this handheld; 1..=2^63-1.
    pub version: u64,
    /// Version of the newest root; 1..=2^63-1.
    pub root: u64,
    /// Version of the newest keyset; at most 2^63-1.
    pub keyset: u64,
    /// The journal epoch the office takes entries of.
    pub epoch: u32,
    /// Last journal entry acknowledged in that epoch; at most 2^63-1.
    pub acked_seq: u64,
    /// Hash of that entry.
    pub acked_hash: [u8; 32],
    /// Digest of the list of tokens leased to this handheld.
    pub leases: [u8; 32],
    /// The handheld's limits.
    pub caps: Caps,
    /// Tokens, grants and overrides that are revoked; at most [`MAX_REVOKED`], none twice.
    pub revoked: Vec<[u8; 16]>,
    /// Seconds after expiry in which recharges within the soft limits go on; at most
    /// [`MAX_GRACE_S`].
    pub grace_s: i64,
    /// Seconds without a key press after which the screen locks; 1..=[`MAX_IDLE_S`].
    pub idle_s: i64,
    /// SHA-256 of the public keys the office's TLS certificate may have; at most [`MAX_PINS`],
    /// none twice.
    pub pins: Vec<[u8; 32]>,
}

impl Status {
    /// Checks bytes as a status of this tenant for this handheld.
    ///
    /// # Errors
    /// See [`TokenError`]. Time and version are [`Self::check_now`] and [`Self::check_follows`].
    pub fn verify(
        bytes: &[u8],
        tenant: &str,
        device: &str,
        keys: &Keyring,
    ) -> Result<Self, TokenError> {
        let opened = cose::open(bytes, DocType::Status, tenant, keys)?;
        let status = Self::from_payload(opened.payload)?;
        keys.check_time(opened.record, Some(status.issued))?;
        opened.record.check_outlived(status.not_before, status.expires)?;
        if status.device == device { Ok(status) } else { Err(TokenError::Device) }
    }

    /// Says that the status is in force. What an expired one still allows is the caller's policy.
    ///
    /// # Errors
    /// [`TokenError::NotYet`], [`TokenError::Expired`].
    pub fn check_now(&self, now: i64) -> Result<(), TokenError> {
        self.window().check_now(now)
    }

    /// Says that this status may replace the one of version `have` (the same one may come again).
    ///
    /// # Errors
    /// [`TokenError::Version`].
    pub fn check_follows(&self, have: u64) -> Result<(), TokenError> {
        if self.version >= have {
            Ok(())
        } else {
            Err(TokenError::Version { have, offered: self.version })
        }
    }

    /// The claims set.
    ///
    /// # Errors
    /// The status breaks one of its rules.
    pub fn payload(&self) -> Result<Value, TokenError> {
        self.check()?;
        let private = Value::Map(vec![
            (key::VERSION, number_value(self.version, "version")?),
            (key::ROOT, number_value(self.root, "root")?),
            (key::KEYSET, number_value(self.keyset, "keyset")?),
            (key::EPOCH, Value::from(self.epoch)),
            (key::ACKED_SEQ, number_value(self.acked_seq, "acked")?),
            (key::ACKED_HASH, Value::bytes(self.acked_hash)),
            (key::LEASES, Value::bytes(self.leases)),
            (key::CAPS, self.caps.value()),
            (key::REVOKED, Value::Array(self.revoked.iter().map(Value::bytes).collect())),
            (key::GRACE, Value::Int(self.grace_s)),
            (key::IDLE, Value::Int(self.idle_s)),
            (key::PINS, Value::Array(self.pins.iter().map(Value::bytes).collect())),
        ]);
        Ok(Value::Map(vec![
            (ISS, Value::from(self.tenant.as_str())),
            (AUD, Value::from(self.device.as_str())),
            (EXP, Value::Int(self.expires)),
            (NBF, Value::Int(self.not_before)),
            (IAT, Value::Int(self.issued)),
            (PRIVATE, private),
        ]))
    }

    /// Reads a claims set. This checks no signature: see [`Self::verify`].
    ///
    /// # Errors
    /// A claim is missing, unknown, of another type or out of its range.
    pub fn from_payload(payload: Value) -> Result<Self, TokenError> {
        let mut claims = Fields::of(payload)?;
        let mut private = claims.map(PRIVATE)?;
        let status = Self {
            tenant: claims.text(ISS)?,
            device: claims.text(AUD)?,
            expires: take_time(&mut claims, EXP)?,
            not_before: take_time(&mut claims, NBF)?,
            issued: take_time(&mut claims, IAT)?,
            version: private.number(key::VERSION)?,
            root: private.number(key::ROOT)?,
            keyset: private.number(key::KEYSET)?,
            epoch: private.number(key::EPOCH)?,
            acked_seq: private.number(key::ACKED_SEQ)?,
            acked_hash: private.array_bytes(key::ACKED_HASH)?,
            leases: private.array_bytes(key::LEASES)?,
            caps: Caps::take(&mut private, key::CAPS)?,
            revoked: private.list_bytes(key::REVOKED)?,
            grace_s: private.int(key::GRACE)?,
            idle_s: private.int(key::IDLE)?,
            pins: private.list_bytes(key::PINS)?,
        };
        private.finish()?;
        claims.finish()?;
        status.check()?;
        Ok(status)
    }

    fn window(&self) -> Window {
        let (issued, not_before, expires) = (self.issued, self.not_before, self.expires);
        Window { issued, not_before, expires }
    }

    fn check(&self) -> Result<(), TokenError> {
        check_tenant(&self.tenant)?;
        check_device(&self.device)?;
        self.window().check()?;
        self.window().check_life(MAX_LIFE_S)?;
        self.caps.check()?;
        let rules = [
            (self.version >= 1, "version"),
            (self.root >= 1, "root"),
            (self.revoked.len() <= MAX_REVOKED && distinct(&self.revoked), "revoked"),
            (self.pins.len() <= MAX_PINS && distinct(&self.pins), "pins"),
            ((0..=MAX_GRACE_S).contains(&self.grace_s), "grace"),
            ((1..=MAX_IDLE_S).contains(&self.idle_s), "idle"),
        ];
        match rules.into_iter().find(|(good, _)| !good) {
            Some((_, name)) => Err(TokenError::Claim(name)),
            None => Ok(()),
        }
    }
}
