//! The bundle's signature: which set of parameters may be written, to which meters, until when.
//!
//! The parameters themselves are a file of their own (`docs/bundle.md`); this document pins its
//! bytes by their hash. A bundle moves no money: what could is refused by whoever reads the file.

use crate::cbor::{CborError, Fields, Value};
use crate::claims::{
    AUD, CTI, DocType, EXP, IAT, ISS, NBF, PRIVATE, Window, check_device, check_tenant, distinct,
    is_bcd, is_plain, take_time,
};
use crate::cose;
use crate::error::TokenError;
use crate::keys::Keyring;

/// Longest life of a bundle: 90 days.
pub const MAX_LIFE_S: i64 = 90 * 86_400;
/// Longest name, and longest name of an area or a profile, in characters.
pub const MAX_NAME_CHARS: usize = 64;
/// Most meters that are listed one by one; more are pinned by the hash of their list.
pub const MAX_METERS: usize = 400;

/// Keys of the private map.
mod key {
    pub(super) const DIGEST: i64 = 1;
    pub(super) const NAME: i64 = 2;
    pub(super) const VERSION: i64 = 3;
    pub(super) const PROFILE: i64 = 4;
    pub(super) const METERS: i64 = 5;
    pub(super) const AREA: i64 = 6;
    pub(super) const GROUP: i64 = 7;
}

/// Which meters a bundle is for: a meter must fit everything that is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// Meters of this profile.
    pub profile: Option<String>,
    /// These meters, BCD, high digits first; at most [`MAX_METERS`], none twice. Empty: any.
    pub meters: Vec<[u8; 6]>,
    /// Meters of this area.
    pub area: Option<String>,
    /// SHA-256 over the addresses of all meters of a group, BCD, in rising order: whoever brings
    /// the list proves with it that a meter belongs.
    pub group: Option<[u8; 32]>,
}

/// Leave to write one set of parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleToken {
    /// `iss`: the deployment.
    pub tenant: String,
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
    /// SHA-256 of the file with the parameters.
    pub digest: [u8; 32],
    /// What it is called, 1..=[`MAX_NAME_CHARS`] characters.
    pub name: String,
    /// Counts up with every new bundle of this name; from 1.
    pub version: u32,
    /// The meters it is for.
    pub target: Target,
}

impl BundleToken {
    /// Checks bytes as a bundle's signature of this tenant.
    ///
    /// # Errors
    /// See [`TokenError`]. Whether it may be used here and now is [`Self::check_use`].
    pub fn verify(bytes: &[u8], tenant: &str, keys: &Keyring) -> Result<Self, TokenError> {
        let opened = cose::open(bytes, DocType::Bundle, tenant, keys)?;
        let bundle = Self::from_payload(opened.payload)?;
        keys.check_time(opened.record, Some(bundle.issued))?;
        opened.record.check_outlived(bundle.not_before, bundle.expires)?;
        Ok(bundle)
    }

    /// Says that it is for this handheld and in force.
    ///
    /// # Errors
    /// [`TokenError::Device`], [`TokenError::NotYet`], [`TokenError::Expired`].
    pub fn check_use(&self, device: &str, now: i64) -> Result<(), TokenError> {
        if self.device == device { self.window().check_now(now) } else { Err(TokenError::Device) }
    }

    /// The claims set.
    ///
    /// # Errors
    /// The bundle breaks one of its rules.
    pub fn payload(&self) -> Result<Value, TokenError> {
        self.check()?;
        let Target { profile, meters, area, group } = &self.target;
        let list = Value::Array(meters.iter().map(Value::bytes).collect());
        let private = Value::map_of([
            (key::DIGEST, Some(Value::bytes(self.digest))),
            (key::NAME, Some(Value::from(self.name.as_str()))),
            (key::VERSION, Some(Value::from(self.version))),
            (key::PROFILE, profile.as_deref().map(Value::from)),
            (key::METERS, Some(list).filter(|_| !meters.is_empty())),
            (key::AREA, area.as_deref().map(Value::from)),
            (key::GROUP, group.map(Value::bytes)),
        ]);
        Ok(Value::Map(vec![
            (ISS, Value::from(self.tenant.as_str())),
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
        let target = Target {
            profile: private.opt_text(key::PROFILE)?,
            meters: take_meters(&mut private)?,
            area: private.opt_text(key::AREA)?,
            group: private.opt_array_bytes(key::GROUP)?,
        };
        let bundle = Self {
            tenant: claims.text(ISS)?,
            device: claims.text(AUD)?,
            expires: take_time(&mut claims, EXP)?,
            not_before: take_time(&mut claims, NBF)?,
            issued: take_time(&mut claims, IAT)?,
            id: claims.array_bytes(CTI)?,
            digest: private.array_bytes(key::DIGEST)?,
            name: private.text(key::NAME)?,
            version: private.number(key::VERSION)?,
            target,
        };
        private.finish()?;
        claims.finish()?;
        bundle.check()?;
        Ok(bundle)
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
        let Target { profile, meters, area, group } = &self.target;
        let plain = |text: &Option<String>| {
            text.as_deref().is_none_or(|text| is_plain(text, MAX_NAME_CHARS))
        };
        let named = profile.is_some() || area.is_some() || group.is_some() || !meters.is_empty();
        let rules = [
            (is_plain(&self.name, MAX_NAME_CHARS), "name"),
            (self.version >= 1, "version"),
            (plain(profile), "profile"),
            (plain(area), "area"),
            (meters.len() <= MAX_METERS && distinct(meters), "meters"),
            (meters.iter().all(is_bcd), "meters"),
            (named, "target"),
        ];
        match rules.into_iter().find(|(good, _)| !good) {
            Some((_, name)) => Err(TokenError::Claim(name)),
            None => Ok(()),
        }
    }
}

/// Absent means any meter; a written empty list is a second spelling and refused.
fn take_meters(private: &mut Fields) -> Result<Vec<[u8; 6]>, TokenError> {
    let Some(list) = private.opt_array(key::METERS)? else { return Ok(Vec::new()) };
    if list.is_empty() {
        return Err(TokenError::Claim("meters"));
    }
    let one = |value| match value {
        Value::Bytes(bytes) => {
            let found = bytes.len();
            bytes.try_into().map_err(|_| CborError::Length { key: key::METERS, want: 6, found })
        }
        _ => Err(CborError::Type { key: key::METERS, want: "a list of byte strings" }),
    };
    Ok(list.into_iter().map(one).collect::<Result<_, _>>()?)
}
