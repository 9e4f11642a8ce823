//! The swap: leave to take one meter out, put another in, and carry the balance over.
//!
//! The office cannot know the amount: it is what the old meter shows on the day. So the document
//! names both meters with their accounts, the step of the new one's purchase count, and limits; the
//! handheld's journal fixes the amount once it is proved, never more than this says. For an old
//! meter that is dead the office may leave a provisional credit; what is missing is its own affair.

use crate::cbor::{Fields, Value};
use crate::claims::{
    AUD, CTI, DocType, EXP, IAT, ISS, MAX_AMOUNT, NBF, PRIVATE, SUB, Window, bcd, check_device,
    check_tenant, digits, is_bcd, number_value, take_time,
};
use crate::cose;
use crate::error::TokenError;
use crate::keys::{KeyRecord, Keyring};
use crate::recharge::{Unit, choice};

/// Keys of the private map.
mod key {
    pub(super) const OLD: i64 = 1;
    pub(super) const OLD_ACCOUNT: i64 = 2;
    pub(super) const ACCOUNT: i64 = 3;
    pub(super) const COUNT: i64 = 4;
    pub(super) const UNIT: i64 = 5;
    pub(super) const MOST: i64 = 6;
    pub(super) const PROVISIONAL: i64 = 7;
    pub(super) const ARREARS: i64 = 8;
    pub(super) const SEQ: i64 = 9;
}

/// Leave for one swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapToken {
    /// `iss`: the deployment, 1..=32 characters.
    pub tenant: String,
    /// `sub`: the new meter's address, BCD, high digits first.
    pub meter: [u8; 6],
    /// `aud`: the handheld that may use it, 1..=16 ASCII characters.
    pub device: String,
    /// `exp`: first second at which it may no longer be used.
    pub expires: i64,
    /// `nbf`: first second at which it may be used.
    pub not_before: i64,
    /// `iat`: when it was signed.
    pub issued: i64,
    /// `cti`: its identity. The office makes a UUIDv7; to everyone else it is opaque.
    pub id: [u8; 16],
    /// The old meter's address; never the new one's.
    pub old: [u8; 6],
    /// The account in the old meter.
    pub old_account: [u8; 6],
    /// The account in the new meter, or the one to be opened there.
    pub account: [u8; 6],
    /// The purchase count the new meter must show before it is credited; at most 2^32-2.
    pub count: u32,
    /// What both accounts are kept in.
    pub unit: Unit,
    /// The most that may be carried over, in minor units of `unit`: 0..=2^31-1.
    pub most: i64,
    /// The most that may be credited when the old meter is dead; 0 for nothing.
    pub provisional: i64,
    /// The largest debt of the old meter that may be booked on the new account; 0 for none.
    pub arrears: i64,
    /// The office's issue number for the new meter; at most 2^63-1.
    pub seq: u64,
}

impl SwapToken {
    /// Checks bytes as a swap of this tenant: form, signature, key, claims.
    ///
    /// # Errors
    /// See [`TokenError`]. Whether it may be used here and now is [`Self::check_use`].
    pub fn verify(bytes: &[u8], tenant: &str, keys: &Keyring) -> Result<Self, TokenError> {
        let opened = cose::open(bytes, DocType::Swap, tenant, keys)?;
        let swap = Self::from_payload(opened.payload)?;
        keys.check_time(opened.record, Some(swap.issued))?;
        swap.check_key(opened.record)?;
        Ok(swap)
    }

    /// Says that this handheld may use it now, under a policy of at most `max_life_s` seconds of
    /// validity.
    ///
    /// # Errors
    /// [`TokenError::Device`], [`TokenError::NotYet`], [`TokenError::Expired`],
    /// [`TokenError::Life`], in this order.
    pub fn check_use(&self, device: &str, now: i64, max_life_s: i64) -> Result<(), TokenError> {
        if self.device != device {
            return Err(TokenError::Device);
        }
        self.window().check_now(now)?;
        if self.expires.saturating_sub(self.not_before) > max_life_s {
            return Err(TokenError::Life);
        }
        Ok(())
    }

    /// The claims set.
    ///
    /// # Errors
    /// A field is out of its range.
    pub fn payload(&self) -> Result<Value, TokenError> {
        self.check()?;
        let unless_0 = |amount: i64| (amount != 0).then_some(Value::Int(amount));
        let private = Value::map_of([
            (key::OLD, Some(Value::bytes(self.old))),
            (key::OLD_ACCOUNT, Some(Value::bytes(self.old_account))),
            (key::ACCOUNT, Some(Value::bytes(self.account))),
            (key::COUNT, Some(Value::from(self.count))),
            (key::UNIT, Some(Value::Int(self.unit.number()))),
            (key::MOST, Some(Value::Int(self.most))),
            (key::PROVISIONAL, unless_0(self.provisional)),
            (key::ARREARS, unless_0(self.arrears)),
            (key::SEQ, Some(number_value(self.seq, "seq")?)),
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
        let swap = Self {
            tenant: claims.text(ISS)?,
            meter: bcd(&claims.text(SUB)?).ok_or(TokenError::Claim("sub"))?,
            device: claims.text(AUD)?,
            expires: take_time(&mut claims, EXP)?,
            not_before: take_time(&mut claims, NBF)?,
            issued: take_time(&mut claims, IAT)?,
            id: claims.array_bytes(CTI)?,
            old: private.array_bytes(key::OLD)?,
            old_account: private.array_bytes(key::OLD_ACCOUNT)?,
            account: private.array_bytes(key::ACCOUNT)?,
            count: private.number(key::COUNT)?,
            unit: choice(&mut private, key::UNIT, Unit::ALL, "unit")?,
            most: private.int(key::MOST)?,
            provisional: take_limit(&mut private, key::PROVISIONAL, "provisional")?,
            arrears: take_limit(&mut private, key::ARREARS, "arrears")?,
            seq: private.number(key::SEQ)?,
        };
        private.finish()?;
        claims.finish()?;
        swap.check()?;
        Ok(swap)
    }

    fn window(&self) -> Window {
        let (issued, not_before, expires) = (self.issued, self.not_before, self.expires);
        Window { issued, not_before, expires }
    }

    /// The rules for single fields, for the two meters and for the times among themselves.
    fn check(&self) -> Result<(), TokenError> {
        check_tenant(&self.tenant)?;
        if !is_bcd(&self.meter) {
            return Err(TokenError::Claim("sub"));
        }
        check_device(&self.device)?;
        // A meter swapped for itself would be debited and credited for nothing.
        if !is_bcd(&self.old) || self.old == self.meter {
            return Err(TokenError::Claim("old"));
        }
        if !is_bcd(&self.old_account) || !is_bcd(&self.account) {
            return Err(TokenError::Claim("epoch"));
        }
        if self.count == u32::MAX {
            return Err(TokenError::Claim("count"));
        }
        for amount in [self.most, self.provisional, self.arrears] {
            if !(0..=MAX_AMOUNT).contains(&amount) {
                return Err(TokenError::Amount(amount));
            }
        }
        self.window().check()
    }

    /// It stays within what its key may do: time and amount.
    fn check_key(&self, record: &KeyRecord) -> Result<(), TokenError> {
        record.check_outlived(self.not_before, self.expires)?;
        let most = self.most.max(self.provisional).max(self.arrears);
        if record.max_amount.is_some_and(|limit| most > limit) {
            return Err(TokenError::KeyAmount(record.key.kid()));
        }
        Ok(())
    }
}

/// A limit: absent means 0, a written 0 is a second spelling and refused.
fn take_limit(fields: &mut Fields, key: i64, name: &'static str) -> Result<i64, TokenError> {
    match fields.opt_int(key)? {
        None => Ok(0),
        Some(0) => Err(TokenError::Claim(name)),
        Some(amount) => Ok(amount),
    }
}
