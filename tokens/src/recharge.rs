//! The recharge token: one credit for one meter, one account, one step of its purchase count.
//!
//! The claims are those of `docs/token-format.md`. A token is identified by its `id`, never by its
//! bytes. Checking has two halves: [`RechargeToken::verify`] (signature, form, key; at import and
//! again at use) and [`RechargeToken::check_use`] (this handheld, this moment).

use crate::base45;
use crate::cbor::{CborError, Fields, Value};
use crate::claims::{
    AUD, CTI, DocType, EXP, IAT, ISS, MAX_AMOUNT, NBF, PRIVATE, SUB, Window, bcd, check_device,
    check_tenant, digits, is_bcd, number_value, take_time,
};
use crate::cose;
use crate::error::{QrError, TokenError};
use crate::keys::{KeyRecord, Keyring};

/// Condition: a meter without a purchase counter may take this token.
pub const CAP_COUNTLESS: u32 = 1;
/// Condition: a security module must compute the meter's MAC.
pub const CAP_MODULE: u32 = 2;
/// Every condition this version knows; a token with another one is refused.
pub const CAPS_KNOWN: u32 = CAP_COUNTLESS | CAP_MODULE;

/// Keys of the private map.
mod key {
    pub(super) const KIND: i64 = 1;
    pub(super) const AMOUNT: i64 = 2;
    pub(super) const UNIT: i64 = 3;
    pub(super) const COUNT: i64 = 4;
    pub(super) const SEQ: i64 = 5;
    pub(super) const ORDER: i64 = 6;
    pub(super) const ACCOUNT: i64 = 7;
    pub(super) const CAPS: i64 = 8;
    pub(super) const MAX_BALANCE: i64 = 9;
    pub(super) const UNDOES: i64 = 10;
}

/// What the credit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Paid by the customer.
    Recharge,
    /// Taken out of the meter, to be given back.
    Refund,
    /// Taken over from a meter that was swapped out.
    CarryOver,
    /// Opens the account, with a first credit or without one.
    Open,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Recharge, Self::Refund, Self::CarryOver, Self::Open];

    /// The number in the token.
    pub const fn number(self) -> i64 {
        match self {
            Self::Recharge => 0,
            Self::Refund => 1,
            Self::CarryOver => 2,
            Self::Open => 3,
        }
    }
}

/// What is credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Hundredths of a yuan (fen).
    Yuan,
    /// Hundredths of a kilowatt-hour.
    Kwh,
}

impl Unit {
    /// All units, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Yuan, Self::Kwh];

    /// The number in the token.
    pub const fn number(self) -> i64 {
        match self {
            Self::Yuan => 0,
            Self::Kwh => 1,
        }
    }
}

/// One credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RechargeToken {
    /// `iss`: the deployment, 1..=32 characters.
    pub tenant: String,
    /// `sub`: the meter's address, BCD, high digits first.
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
    /// What the credit is.
    pub kind: Kind,
    /// How much, in minor units of `unit`: 1..=2^31-1; 0 only where an account is opened.
    pub amount: i64,
    /// What is credited.
    pub unit: Unit,
    /// The purchase count the meter must show before; at most 2^32-2, since the meter shows one
    /// more after.
    pub count: u32,
    /// The office's issue number for this meter, without gaps; at most 2^63-1.
    pub seq: u64,
    /// Order number for meters that take one.
    pub order: [u8; 8],
    /// The account in the meter (one epoch): the customer number, BCD, high digits first.
    pub account: [u8; 6],
    /// Conditions, see [`CAPS_KNOWN`].
    pub caps: u32,
    /// The balance that must not be exceeded, in minor units of `unit`: 1..=2^31-1.
    pub max_balance: Option<i64>,
    /// The recharge that a refund undoes: then it is a reversal, of exactly its amount.
    pub undoes: Option<[u8; 16]>,
}

impl RechargeToken {
    /// Checks bytes as a recharge token of this tenant: form, signature, key, claims.
    ///
    /// # Errors
    /// See [`TokenError`]. Whether it may be used here and now is [`Self::check_use`].
    pub fn verify(bytes: &[u8], tenant: &str, keys: &Keyring) -> Result<Self, TokenError> {
        let opened = cose::open(bytes, DocType::Recharge, tenant, keys)?;
        let token = Self::from_payload(opened.payload)?;
        keys.check_time(opened.record, Some(token.issued))?;
        token.check_key(opened.record)?;
        Ok(token)
    }

    /// Says that this handheld may use the token now, under a policy of at most `max_life_s`
    /// seconds of validity.
    ///
    /// # Errors
    /// [`TokenError::Device`], [`TokenError::NotYet`], [`TokenError::Expired`],
    /// [`TokenError::Life`], in this order.
    pub fn check_use(&self, device: &str, now: i64, max_life_s: i64) -> Result<(), TokenError> {
        if self.device != device {
            Err(TokenError::Device)
        } else if now < self.not_before {
            Err(TokenError::NotYet)
        } else if now >= self.expires {
            Err(TokenError::Expired)
        } else if self.expires.saturating_sub(self.not_before) > max_life_s {
            Err(TokenError::Life)
        } else {
            Ok(())
        }
    }

    /// A token as text for a QR code: `MK1:` and Base45.
    pub fn qr_text(bytes: &[u8]) -> String {
        base45::qr_text(bytes)
    }

    /// The token in a scanned text.
    ///
    /// # Errors
    /// See [`QrError`].
    pub fn from_qr_text(text: &str) -> Result<Vec<u8>, QrError> {
        base45::from_qr_text(text)
    }

    /// The claims set. Fields are checked: what this returns, [`Self::from_payload`] accepts.
    ///
    /// # Errors
    /// A field is out of its range.
    pub fn payload(&self) -> Result<Value, TokenError> {
        self.check()?;
        let private = Value::map_of([
            (key::KIND, Some(Value::Int(self.kind.number()))),
            (key::AMOUNT, Some(Value::Int(self.amount))),
            (key::UNIT, Some(Value::Int(self.unit.number()))),
            (key::COUNT, Some(Value::from(self.count))),
            (key::SEQ, Some(number_value(self.seq, "seq")?)),
            (key::ORDER, Some(Value::bytes(self.order))),
            (key::ACCOUNT, Some(Value::bytes(self.account))),
            (key::CAPS, (self.caps != 0).then(|| Value::from(self.caps))),
            (key::MAX_BALANCE, self.max_balance.map(Value::Int)),
            (key::UNDOES, self.undoes.map(Value::bytes)),
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
        let token = Self {
            tenant: claims.text(ISS)?,
            meter: bcd(&claims.text(SUB)?).ok_or(TokenError::Claim("sub"))?,
            device: claims.text(AUD)?,
            expires: take_time(&mut claims, EXP)?,
            not_before: take_time(&mut claims, NBF)?,
            issued: take_time(&mut claims, IAT)?,
            id: claims.array_bytes(CTI)?,
            kind: choice(&mut private, key::KIND, Kind::ALL, "kind")?,
            amount: private.int(key::AMOUNT)?,
            unit: choice(&mut private, key::UNIT, Unit::ALL, "unit")?,
            count: private.number(key::COUNT)?,
            seq: private.number(key::SEQ)?,
            order: private.array_bytes(key::ORDER)?,
            account: private.array_bytes(key::ACCOUNT)?,
            caps: take_caps(&mut private)?,
            max_balance: private.opt_int(key::MAX_BALANCE)?,
            undoes: private.opt_array_bytes(key::UNDOES)?,
        };
        private.finish()?;
        claims.finish()?;
        token.check()?;
        Ok(token)
    }

    /// The rules for single fields and for the times among themselves.
    fn check(&self) -> Result<(), TokenError> {
        let amounts = 1..=MAX_AMOUNT;
        check_tenant(&self.tenant)?;
        if !is_bcd(&self.meter) {
            return Err(TokenError::Claim("sub"));
        }
        check_device(&self.device)?;
        if !is_bcd(&self.account) {
            return Err(TokenError::Claim("epoch"));
        }
        // An account may be opened without a first credit; nothing else moves nothing.
        let empty = self.kind == Kind::Open && self.amount == 0;
        if !empty && !amounts.contains(&self.amount) {
            return Err(TokenError::Amount(self.amount));
        }
        if self.count == u32::MAX {
            return Err(TokenError::Claim("count"));
        }
        if self.caps & !CAPS_KNOWN != 0 {
            return Err(TokenError::Caps(self.caps));
        }
        if self.max_balance.is_some_and(|most| !amounts.contains(&most)) {
            return Err(TokenError::Claim("maxbal"));
        }
        if self.undoes.is_some() && self.kind != Kind::Refund {
            return Err(TokenError::Claim("undoes"));
        }
        let (issued, not_before, expires) = (self.issued, self.not_before, self.expires);
        Window { issued, not_before, expires }.check()
    }

    /// The token stays within what its key may do: time and amount.
    fn check_key(&self, record: &KeyRecord) -> Result<(), TokenError> {
        record.check_outlived(self.not_before, self.expires)?;
        if record.max_amount.is_some_and(|most| self.amount > most) {
            return Err(TokenError::KeyAmount(record.key.kid()));
        }
        Ok(())
    }
}

/// One of a closed list, by number.
pub(crate) fn choice<T: Copy, const N: usize>(
    fields: &mut Fields,
    key: i64,
    all: [T; N],
    name: &'static str,
) -> Result<T, TokenError> {
    let number = fields.int(key)?;
    let found = usize::try_from(number).ok().and_then(|at| all.get(at));
    found.copied().ok_or(TokenError::Claim(name))
}

/// Conditions: absent means none, a written 0 is a second spelling and refused.
fn take_caps(fields: &mut Fields) -> Result<u32, TokenError> {
    match fields.opt_int(key::CAPS)? {
        None => Ok(0),
        Some(0) => Err(TokenError::Claim("caps")),
        Some(caps) => Ok(u32::try_from(caps).map_err(|_| CborError::Range)?),
    }
}
