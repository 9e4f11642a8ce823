//! The keyset: which office keys are in force, signed by a keyset key that the root names.
//!
//! A keyset grants office types only, never the right to make keysets or roots. Versions never go
//! back: the caller keeps the version in use and offers it to [`Keyset::check_follows`].

use crate::cbor::{CborError, Fields, Value};
use crate::claims::{
    DocType, EXP, IAT, ISS, MAX_AMOUNT, MAX_TIME, NBF, PRIVATE, Signer, Window, check_tenant,
    distinct, number_value, take_time,
};
use crate::cose;
use crate::error::TokenError;
use crate::keys::{ALG_ED25519, KeyId, KeyRecord, Keyring, PublicKey};
use crate::root::Root;

/// Most keys, and most revocations, in one keyset.
pub const MAX_KEYS: usize = 64;

/// Keys of the private map, of one key in it, and of one revocation.
mod key {
    pub(super) const VERSION: i64 = 1;
    pub(super) const KEYS: i64 = 2;
    pub(super) const REVOKED: i64 = 3;

    pub(super) const X: i64 = 1;
    pub(super) const NOT_BEFORE: i64 = 2;
    pub(super) const NOT_AFTER: i64 = 3;
    pub(super) const TYPES: i64 = 4;
    pub(super) const ALG: i64 = 5;
    pub(super) const MAX_AMOUNT: i64 = 6;

    pub(super) const KID: i64 = 1;
    pub(super) const FROM: i64 = 2;
}

/// The office keys in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyset {
    /// `iss`: the deployment.
    pub tenant: String,
    /// Counts up by at least one with every change.
    pub version: u64,
    /// `iat`: when it was signed.
    pub issued: i64,
    /// `nbf`: first second at which it may be used.
    pub not_before: i64,
    /// `exp`: first second at which a newer one is due.
    pub expires: i64,
    /// The keys, at most [`MAX_KEYS`], no id twice.
    pub keys: Vec<KeyRecord>,
    /// What these keys signed at that second or later is dead; at most [`MAX_KEYS`], no id twice.
    pub revoked: Vec<(KeyId, i64)>,
}

impl Keyset {
    /// Checks bytes as a keyset of this tenant signed by one of the root's keyset keys.
    ///
    /// # Errors
    /// See [`TokenError`]; also a root or keyset key among the office keys. Time and version are
    /// [`Self::check_now`] and [`Self::check_follows`].
    pub fn verify(bytes: &[u8], tenant: &str, root: &Root) -> Result<Self, TokenError> {
        let ring = Keyring::only(&root.keyset_keys, DocType::Keyset);
        let keyset =
            Self::from_payload(cose::open(bytes, DocType::Keyset, tenant, &ring)?.payload)?;
        let above = |record: &KeyRecord| {
            root.keys.iter().chain(&root.keyset_keys).any(|key| *key == record.key)
        };
        if keyset.keys.iter().any(above) {
            Err(TokenError::Claim("keys-above"))
        } else {
            Ok(keyset)
        }
    }

    /// Says that the keyset is in force. An expired one still proves old documents; what a handheld
    /// may do with it is the caller's policy (warn, read only, refuse money).
    ///
    /// # Errors
    /// [`TokenError::NotYet`], [`TokenError::Expired`].
    pub fn check_now(&self, now: i64) -> Result<(), TokenError> {
        self.window().check_now(now)
    }

    /// Says that this keyset may replace the one of version `have` (the same version may come
    /// again).
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

    /// The keyring to check documents against.
    pub fn keyring(&self) -> Keyring {
        let mut ring = Keyring::from(self.keys.clone());
        for (kid, from) in &self.revoked {
            ring.revoke(*kid, *from);
        }
        ring
    }

    /// The claims set.
    ///
    /// # Errors
    /// The keyset breaks one of its rules.
    pub fn payload(&self) -> Result<Value, TokenError> {
        self.check()?;
        let revoked = self.revoked.iter().map(|(kid, from)| {
            Value::Map(vec![(key::KID, Value::bytes(kid.0)), (key::FROM, Value::Int(*from))])
        });
        let private = Value::Map(vec![
            (key::VERSION, number_value(self.version, "version")?),
            (key::KEYS, Value::Array(self.keys.iter().map(record_value).collect())),
            (key::REVOKED, Value::Array(revoked.collect())),
        ]);
        Ok(Value::Map(vec![
            (ISS, Value::from(self.tenant.as_str())),
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
        let keyset = Self {
            tenant: claims.text(ISS)?,
            version: private.number(key::VERSION)?,
            issued: take_time(&mut claims, IAT)?,
            not_before: take_time(&mut claims, NBF)?,
            expires: take_time(&mut claims, EXP)?,
            keys: list(&mut private, key::KEYS, take_record)?,
            revoked: list(&mut private, key::REVOKED, take_revocation)?,
        };
        private.finish()?;
        claims.finish()?;
        keyset.check()?;
        Ok(keyset)
    }

    fn window(&self) -> Window {
        let (issued, not_before, expires) = (self.issued, self.not_before, self.expires);
        Window { issued, not_before, expires }
    }

    fn check(&self) -> Result<(), TokenError> {
        check_tenant(&self.tenant)?;
        self.window().check()?;
        let kids: Vec<KeyId> = self.keys.iter().map(|record| record.key.kid()).collect();
        if kids.len() > MAX_KEYS || !distinct(&kids) {
            return Err(TokenError::Claim("keys"));
        }
        self.keys.iter().try_for_each(check_record)?;
        let revoked: Vec<KeyId> = self.revoked.iter().map(|(kid, _)| *kid).collect();
        let times = self.revoked.iter().all(|(_, from)| (0..=MAX_TIME).contains(from));
        if revoked.len() > MAX_KEYS || !distinct(&revoked) || !times {
            return Err(TokenError::Claim("revoked"));
        }
        Ok(())
    }
}

impl Keyring {
    /// The keyring in the claims set of a keyset whose signature was checked.
    ///
    /// # Errors
    /// As [`Keyset::from_payload`].
    pub fn from_keyset_payload(payload: Value) -> Result<Self, TokenError> {
        Ok(Keyset::from_payload(payload)?.keyring())
    }
}

fn check_record(record: &KeyRecord) -> Result<(), TokenError> {
    let grantable = |doc: &DocType| doc.signer() == Signer::Office;
    if !record.types.iter().all(grantable) {
        return Err(TokenError::Claim("types"));
    }
    let times = 0 <= record.not_before
        && record.not_before < record.not_after
        && record.not_after <= MAX_TIME;
    if !times {
        return Err(TokenError::Claim("key-validity"));
    }
    if record.max_amount.is_some_and(|most| !(1..=MAX_AMOUNT).contains(&most)) {
        return Err(TokenError::Claim("max-amount"));
    }
    Ok(())
}

fn record_value(record: &KeyRecord) -> Value {
    let types = record.types.iter().map(|doc| Value::from(doc.tag())).collect();
    Value::map_of([
        (key::X, Some(Value::bytes(record.key.bytes()))),
        (key::NOT_BEFORE, Some(Value::Int(record.not_before))),
        (key::NOT_AFTER, Some(Value::Int(record.not_after))),
        (key::TYPES, Some(Value::Array(types))),
        (key::ALG, Some(Value::Int(ALG_ED25519))),
        (key::MAX_AMOUNT, record.max_amount.map(Value::Int)),
    ])
}

fn list<T>(
    fields: &mut Fields,
    key: i64,
    take: fn(Value) -> Result<T, TokenError>,
) -> Result<Vec<T>, TokenError> {
    fields.array(key)?.into_iter().map(take).collect()
}

fn take_record(value: Value) -> Result<KeyRecord, TokenError> {
    let mut fields = Fields::of(value)?;
    let alg = fields.int(key::ALG)?;
    if alg != ALG_ED25519 {
        return Err(TokenError::Alg(alg));
    }
    let record = KeyRecord {
        key: PublicKey::from_bytes(fields.array_bytes(key::X)?)?,
        not_before: take_time(&mut fields, key::NOT_BEFORE)?,
        not_after: take_time(&mut fields, key::NOT_AFTER)?,
        types: take_types(fields.array(key::TYPES)?)?,
        max_amount: fields.opt_int(key::MAX_AMOUNT)?,
    };
    fields.finish()?;
    Ok(record)
}

/// Types this version does not know are left out: a newer office may grant them to the same key,
/// and nothing here could check such a document anyway.
fn take_types(values: Vec<Value>) -> Result<Vec<DocType>, TokenError> {
    let mut types = Vec::new();
    for value in values {
        let Value::Text(tag) = value else {
            return Err(CborError::Type { key: key::TYPES, want: "a list of texts" }.into());
        };
        types.extend(DocType::from_tag(&tag));
    }
    Ok(types)
}

fn take_revocation(value: Value) -> Result<(KeyId, i64), TokenError> {
    let mut fields = Fields::of(value)?;
    let revocation = (KeyId(fields.array_bytes(key::KID)?), take_time(&mut fields, key::FROM)?);
    fields.finish()?;
    Ok(revocation)
}
