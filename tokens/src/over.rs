//! The override: a supervisor's leave for one act that role or area forbid.
//!
//! It is for one meter, one person and one handheld, for a day at most, and says who gave it and
//! why. The caller sees to it that it is used once, and only where it is needed.

use crate::cbor::{Fields, Value};
use crate::claims::{
    AUD, CTI, DocType, EXP, IAT, ISS, NBF, PRIVATE, SUB, Window, bcd, check_device, check_operator,
    check_tenant, digits, is_bcd, is_plain, take_time,
};
use crate::cose;
use crate::error::TokenError;
use crate::grant::check_verbs;
use crate::keys::Keyring;

/// Longest life of an override: a day.
pub const MAX_LIFE_S: i64 = 86_400;
/// Longest reason in characters.
pub const MAX_REASON_CHARS: usize = 80;

/// Keys of the private map.
mod key {
    pub(super) const OPERATOR: i64 = 1;
    pub(super) const VERBS: i64 = 2;
    pub(super) const BY: i64 = 3;
    pub(super) const REASON: i64 = 4;
}

/// Leave for one act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// `iss`: the deployment.
    pub tenant: String,
    /// Who may use it, 1..=16 of a-z, 0-9 and `-`.
    pub operator: String,
    /// `aud`: the handheld.
    pub device: String,
    /// `sub`: the meter's address, BCD, high digits first.
    pub meter: [u8; 6],
    /// The verbs it allows, see [`crate::grant::VERBS_KNOWN`]; at least one.
    pub verbs: u32,
    /// `iat`: when it was signed.
    pub issued: i64,
    /// `nbf`: first second at which it may be used.
    pub not_before: i64,
    /// `exp`: first second at which it may no longer be used; at most [`MAX_LIFE_S`] after
    /// `issued`.
    pub expires: i64,
    /// `cti`: its identity.
    pub id: [u8; 16],
    /// Who gave it, 1..=16 of a-z, 0-9 and `-`.
    pub by: String,
    /// Why, 1..=[`MAX_REASON_CHARS`] characters.
    pub reason: String,
}

impl Override {
    /// Checks bytes as an override of this tenant.
    ///
    /// # Errors
    /// See [`TokenError`]. Whether it may be used here and now is [`Self::check_use`].
    pub fn verify(bytes: &[u8], tenant: &str, keys: &Keyring) -> Result<Self, TokenError> {
        let opened = cose::open(bytes, DocType::Override, tenant, keys)?;
        let leave = Self::from_payload(opened.payload)?;
        keys.check_time(opened.record, Some(leave.issued))?;
        opened.record.check_outlived(leave.not_before, leave.expires)?;
        Ok(leave)
    }

    /// Says that it is for this handheld, person and meter, and in force.
    ///
    /// # Errors
    /// [`TokenError::Device`], [`TokenError::Operator`], [`TokenError::Meter`],
    /// [`TokenError::NotYet`], [`TokenError::Expired`].
    pub fn check_use(
        &self,
        device: &str,
        operator: &str,
        meter: [u8; 6],
        now: i64,
    ) -> Result<(), TokenError> {
        if self.device != device {
            return Err(TokenError::Device);
        }
        if self.operator != operator {
            return Err(TokenError::Operator);
        }
        if self.meter != meter {
            return Err(TokenError::Meter);
        }
        self.window().check_now(now)
    }

    /// The claims set.
    ///
    /// # Errors
    /// The override breaks one of its rules.
    pub fn payload(&self) -> Result<Value, TokenError> {
        self.check()?;
        let private = Value::Map(vec![
            (key::OPERATOR, Value::from(self.operator.as_str())),
            (key::VERBS, Value::from(self.verbs)),
            (key::BY, Value::from(self.by.as_str())),
            (key::REASON, Value::from(self.reason.as_str())),
        ]);
        Ok(Value::Map(vec![
            (ISS, Value::from(self.tenant.as_str())),
            (SUB, Value::from(digits(self.meter))),
            (AUD, Value::from(self.device.as_str())),
            (EXP, Value::Int(self.expires)),
            (NBF, Value::Int(self.not_before)),
            (IAT, Value::Int(self.issued)),
            (CTI, Value::bytes(self.id)),
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
        let leave = Self {
            tenant: claims.text(ISS)?,
            meter: bcd(&claims.text(SUB)?).ok_or(TokenError::Claim("sub"))?,
            device: claims.text(AUD)?,
            expires: take_time(&mut claims, EXP)?,
            not_before: take_time(&mut claims, NBF)?,
            issued: take_time(&mut claims, IAT)?,
            id: claims.array_bytes(CTI)?,
            operator: private.text(key::OPERATOR)?,
            verbs: private.number(key::VERBS)?,
            by: private.text(key::BY)?,
            reason: private.text(key::REASON)?,
        };
        private.finish()?;
        claims.finish()?;
        leave.check()?;
        Ok(leave)
    }

    fn window(&self) -> Window {
        let (issued, not_before, expires) = (self.issued, self.not_before, self.expires);
        Window { issued, not_before, expires }
    }

    fn check(&self) -> Result<(), TokenError> {
        check_tenant(&self.tenant)?;
        if !is_bcd(&self.meter) {
            return Err(TokenError::Claim("sub"));
        }
        check_device(&self.device)?;
        self.window().check()?;
        self.window().check_life(MAX_LIFE_S)?;
        check_operator(&self.operator, "operator")?;
        check_verbs(self.verbs)?;
        check_operator(&self.by, "by")?;
        if is_plain(&self.reason, MAX_REASON_CHARS) {
            Ok(())
        } else {
            Err(TokenError::Claim("reason"))
        }
    }
}
