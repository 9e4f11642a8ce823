//! The operator grant: who may work with a handheld, and what that person may do there.
//!
//! One grant is for one person and one handheld. It names the role, the verbs (what it allows is
//! the grant and the role, whichever is less: the caller's table), where, the limits, and the hash
//! of the code that turns it into a log-in.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::caps::Caps;
use crate::cbor::{CborError, Fields, Value};
use crate::claims::{
    AUD, CTI, DocType, EXP, IAT, ISS, NBF, PRIVATE, SUB, Window, check_device, check_operator,
    check_tenant, distinct, is_bcd, is_plain, take_time,
};
use crate::cose;
use crate::error::TokenError;
use crate::keys::Keyring;

/// Longest life of a grant: 400 days.
pub const MAX_LIFE_S: i64 = 400 * 86_400;
/// Longest name in characters.
pub const MAX_NAME_CHARS: usize = 32;
/// Highest role number.
pub const MAX_ROLE: u8 = 6;
/// Every verb this version knows; a grant or override with another one is refused.
pub const VERBS_KNOWN: u32 = (1 << 10) - 1;
/// Most areas in a grant.
pub const MAX_AREAS: usize = 16;
/// Longest area name in bytes.
pub const MAX_AREA_BYTES: usize = 16;
/// Most meters in a grant.
pub const MAX_METERS: usize = 256;
/// Shortest shift: a quarter of an hour.
pub const MIN_SHIFT_S: i64 = 15 * 60;
/// Longest shift: a day.
pub const MAX_SHIFT_S: i64 = 86_400;

/// In front of what is hashed for an activation code.
const ACTIVATION: &[u8] = b"meterkit/activation/1\0";

/// Keys of the private map.
mod key {
    pub(super) const NAME: i64 = 1;
    pub(super) const ROLE: i64 = 2;
    pub(super) const VERBS: i64 = 3;
    pub(super) const AREAS: i64 = 4;
    pub(super) const METERS: i64 = 5;
    pub(super) const CAPS: i64 = 6;
    pub(super) const SHIFT: i64 = 7;
    pub(super) const ACTIVATION: i64 = 8;
}

/// What one person may do with one handheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// `iss`: the deployment.
    pub tenant: String,
    /// `sub`: the operator's id, 1..=16 of a-z, 0-9 and `-`.
    pub operator: String,
    /// `aud`: the handheld.
    pub device: String,
    /// `iat`: when it was signed.
    pub issued: i64,
    /// `nbf`: first second at which it may be used.
    pub not_before: i64,
    /// `exp`: first second at which it may no longer be used; at most [`MAX_LIFE_S`] after
    /// `issued`.
    pub expires: i64,
    /// `cti`: its identity.
    pub id: [u8; 16],
    /// The person's name, 1..=[`MAX_NAME_CHARS`] characters.
    pub name: String,
    /// The role's number, 1..=[`MAX_ROLE`].
    pub role: u8,
    /// One bit a verb, see [`VERBS_KNOWN`]; at least one.
    pub verbs: u32,
    /// Areas it reaches, at most [`MAX_AREAS`], none twice.
    pub areas: Vec<String>,
    /// Meters it reaches whatever their area, BCD; at most [`MAX_METERS`], none twice.
    pub meters: Vec<[u8; 6]>,
    /// The person's limits.
    pub caps: Caps,
    /// Length of a shift in seconds, after which the person is logged out.
    pub shift_s: i64,
    /// [`activation`] of the code that makes it a log-in.
    pub activation: [u8; 32],
}

/// The hash a grant holds of its activation code. The code is Crockford's base 32: upper and lower
/// case are alike, `O` is 0, `I` and `L` are 1, hyphens and spaces do not count.
pub fn activation(id: &[u8; 16], code: &str) -> [u8; 32] {
    let mut plain = Zeroizing::new(String::with_capacity(code.len()));
    for c in code.chars().filter(|c| *c != '-' && *c != ' ') {
        plain.push(match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        });
    }
    let hash = Sha256::new().chain_update(ACTIVATION).chain_update(id);
    hash.chain_update(plain.as_bytes()).finalize().into()
}

impl Grant {
    /// Checks bytes as a grant of this tenant.
    ///
    /// # Errors
    /// See [`TokenError`]. Whether it may be used here and now is [`Self::check_use`].
    pub fn verify(bytes: &[u8], tenant: &str, keys: &Keyring) -> Result<Self, TokenError> {
        let opened = cose::open(bytes, DocType::Grant, tenant, keys)?;
        let grant = Self::from_payload(opened.payload)?;
        // Unlike a token a grant may outlive its key: rotating a key must not lock people out.
        keys.check_time(opened.record, Some(grant.issued))?;
        Ok(grant)
    }

    /// Says that it is for this handheld and in force.
    ///
    /// # Errors
    /// [`TokenError::Device`], [`TokenError::NotYet`], [`TokenError::Expired`].
    pub fn check_use(&self, device: &str, now: i64) -> Result<(), TokenError> {
        if self.device != device {
            return Err(TokenError::Device);
        }
        self.window().check_now(now)
    }

    /// The claims set.
    ///
    /// # Errors
    /// The grant breaks one of its rules.
    pub fn payload(&self) -> Result<Value, TokenError> {
        self.check()?;
        let areas = self.areas.iter().map(|area| Value::from(area.as_str()));
        let private = Value::Map(vec![
            (key::NAME, Value::from(self.name.as_str())),
            (key::ROLE, Value::Int(i64::from(self.role))),
            (key::VERBS, Value::from(self.verbs)),
            (key::AREAS, Value::Array(areas.collect())),
            (key::METERS, Value::Array(self.meters.iter().map(Value::bytes).collect())),
            (key::CAPS, self.caps.value()),
            (key::SHIFT, Value::Int(self.shift_s)),
            (key::ACTIVATION, Value::bytes(self.activation)),
        ]);
        Ok(Value::Map(vec![
            (ISS, Value::from(self.tenant.as_str())),
            (SUB, Value::from(self.operator.as_str())),
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
        let grant = Self {
            tenant: claims.text(ISS)?,
            operator: claims.text(SUB)?,
            device: claims.text(AUD)?,
            expires: take_time(&mut claims, EXP)?,
            not_before: take_time(&mut claims, NBF)?,
            issued: take_time(&mut claims, IAT)?,
            id: claims.array_bytes(CTI)?,
            name: private.text(key::NAME)?,
            role: private.number(key::ROLE)?,
            verbs: private.number(key::VERBS)?,
            areas: private.array(key::AREAS)?.into_iter().map(area).collect::<Result<_, _>>()?,
            meters: private.list_bytes(key::METERS)?,
            caps: Caps::take(&mut private, key::CAPS)?,
            shift_s: private.int(key::SHIFT)?,
            activation: private.array_bytes(key::ACTIVATION)?,
        };
        private.finish()?;
        claims.finish()?;
        grant.check()?;
        Ok(grant)
    }

    fn window(&self) -> Window {
        let (issued, not_before, expires) = (self.issued, self.not_before, self.expires);
        Window { issued, not_before, expires }
    }

    fn check(&self) -> Result<(), TokenError> {
        check_tenant(&self.tenant)?;
        check_operator(&self.operator, "sub")?;
        check_device(&self.device)?;
        self.window().check()?;
        self.window().check_life(MAX_LIFE_S)?;
        self.caps.check()?;
        check_verbs(self.verbs)?;
        let areas = self.areas.len() <= MAX_AREAS
            && self.areas.iter().all(|area| is_area(area))
            && distinct(&self.areas);
        let meters = self.meters.len() <= MAX_METERS
            && self.meters.iter().all(is_bcd)
            && distinct(&self.meters);
        let rules = [
            (is_plain(&self.name, MAX_NAME_CHARS), "name"),
            ((1..=MAX_ROLE).contains(&self.role), "role"),
            (areas, "areas"),
            (meters, "meters"),
            ((MIN_SHIFT_S..=MAX_SHIFT_S).contains(&self.shift_s), "shift"),
        ];
        match rules.into_iter().find(|(good, _)| !good) {
            Some((_, name)) => Err(TokenError::Claim(name)),
            None => Ok(()),
        }
    }
}

/// At least one verb, and none that this version does not know.
pub(crate) fn check_verbs(verbs: u32) -> Result<(), TokenError> {
    if verbs != 0 && verbs & !VERBS_KNOWN == 0 { Ok(()) } else { Err(TokenError::Claim("verbs")) }
}

fn area(value: Value) -> Result<String, CborError> {
    match value {
        Value::Text(area) => Ok(area),
        _ => Err(CborError::Type { key: key::AREAS, want: "a list of texts" }),
    }
}

/// Characters that can be seen, without spaces.
fn is_area(area: &str) -> bool {
    area.len() <= MAX_AREA_BYTES
        && is_plain(area, MAX_AREA_BYTES)
        && !area.chars().any(char::is_whitespace)
}
