//! The root: who may change who may sign, and the chain from a pinned hash to the office's keys.
//!
//! A root names its own keys, how many of them must sign (usually 2 of 3, each kept offline by
//! another person) and the keys that may sign keysets. A **root file** is a list of documents, each
//! one signature of the same root by another key. The first root proves nothing by itself: a person
//! compares its hash at enrolment, and the handheld keeps that. Each later root is signed by enough
//! keys of the root before it **and** by enough of its own, and its version is one higher.

use sha2::{Digest, Sha256};

use crate::canonical::Limits;
use crate::cbor::{self, Fields, Value};
use crate::claims::{
    DocType, EXP, IAT, ISS, NBF, PRIVATE, Window, check_tenant, distinct, number_value, take_time,
};
use crate::cose;
use crate::error::{RootError, TokenError};
use crate::keys::{KeyId, Keyring, PublicKey};
use crate::keyset::Keyset;

/// Most root keys.
pub const MAX_ROOT_KEYS: usize = 8;
/// Most keyset keys.
pub const MAX_KEYSET_KEYS: usize = 4;
/// Most signatures in a root file: every key of a root and of the one before it.
pub const MAX_SIGNATURES: usize = 2 * MAX_ROOT_KEYS;
/// A root file: a list of byte strings, each a document.
pub const FILE: Limits = Limits { bytes: 16 * 1024, depth: 1 };

/// Keys of the private map.
mod key {
    pub(super) const VERSION: i64 = 1;
    pub(super) const KEYS: i64 = 2;
    pub(super) const THRESHOLD: i64 = 3;
    pub(super) const KEYSET_KEYS: i64 = 4;
}

/// The root of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// `iss`: the deployment.
    pub tenant: String,
    /// 1 for the first, then one more each time; at most 2^63-1.
    pub version: u64,
    /// `iat`: when it was made.
    pub issued: i64,
    /// `nbf`: first second at which it may be used.
    pub not_before: i64,
    /// `exp`: first second at which a newer one is due. A root that was followed by another may be
    /// expired; only the last must be in force ([`Self::check_now`]).
    pub expires: i64,
    /// The root keys, 1..=[`MAX_ROOT_KEYS`], none twice.
    pub keys: Vec<PublicKey>,
    /// How many of them must sign.
    pub threshold: u8,
    /// The keys that may sign keysets, 1..=[`MAX_KEYSET_KEYS`], none twice, none a root key.
    pub keyset_keys: Vec<PublicKey>,
}

impl Root {
    /// Checks a root file as a root of this tenant that follows `previous`, or as the first one.
    ///
    /// Every document in it must be good: the file is refused for one bad signature, even where
    /// the others would do. That the first root is the right one only its hash can say, see
    /// [`Authority::build`].
    ///
    /// # Errors
    /// See [`TokenError`] and [`RootError`]. Time is [`Self::check_now`].
    pub fn verify(file: &[u8], tenant: &str, previous: Option<&Root>) -> Result<Self, TokenError> {
        let documents = Self::documents(file)?;
        let first = documents.first().ok_or(RootError::File)?;
        let (_, payload) = cose::unchecked(first, DocType::Root, tenant)?;
        let root = Self::from_payload(payload.clone())?;
        let before = previous.map_or(&[][..], |root| &root.keys);
        // A key that is neither its own nor its predecessor's has no business here.
        let ring = Keyring::only(root.keys.iter().chain(before), DocType::Root);
        let mut kids: Vec<KeyId> = Vec::with_capacity(documents.len());
        for document in &documents {
            let opened = cose::open(document, DocType::Root, tenant, &ring)?;
            if opened.payload != payload {
                return Err(RootError::Mixed.into());
            }
            kids.push(opened.record.key.kid());
        }
        if !distinct(&kids) {
            return Err(RootError::Twice.into());
        }
        if !kids.is_sorted() {
            return Err(RootError::Order.into());
        }
        root.check_signers(&kids, previous)?;
        Ok(root)
    }

    /// The version comes next, and enough keys signed.
    fn check_signers(&self, kids: &[KeyId], previous: Option<&Root>) -> Result<(), TokenError> {
        let want = previous.map_or(Some(1), |root| root.version.checked_add(1));
        if want != Some(self.version) {
            let want = want.unwrap_or(u64::MAX);
            return Err(RootError::Version { want, offered: self.version }.into());
        }
        let signed = |root: &Root| root.keys.iter().filter(|key| kids.contains(&key.kid())).count();
        let (own, needed) = (signed(self), self.threshold);
        if own < usize::from(needed) {
            return Err(RootError::Threshold { signed: own, needed }.into());
        }
        if let Some(root) = previous {
            let (signed, needed) = (signed(root), root.threshold);
            if signed < usize::from(needed) {
                return Err(RootError::Predecessor { signed, needed }.into());
            }
        }
        Ok(())
    }

    /// Makes a root file of documents that each hold one signature of the same root, in the order
    /// of their keys. Checks nothing: [`Self::verify`] does.
    pub fn join(docs: &[Vec<u8>]) -> Vec<u8> {
        let mut docs: Vec<&Vec<u8>> = docs.iter().collect();
        docs.sort_by_cached_key(|doc| cose::kid(doc, DocType::Root));
        cbor::encode(&Value::Array(docs.into_iter().map(Value::bytes).collect()))
    }

    /// The documents of a root file, unchecked.
    ///
    /// # Errors
    /// Not canonical, too large, or [`RootError::File`].
    pub fn documents(file: &[u8]) -> Result<Vec<Vec<u8>>, TokenError> {
        let Value::Array(items) = cbor::decode(file, FILE)? else {
            return Err(RootError::File.into());
        };
        if !(1..=MAX_SIGNATURES).contains(&items.len()) {
            return Err(RootError::File.into());
        }
        let document = |item| match item {
            Value::Bytes(document) => Ok(document),
            _ => Err(RootError::File.into()),
        };
        items.into_iter().map(document).collect()
    }

    /// Says that the root is in force.
    ///
    /// # Errors
    /// [`TokenError::NotYet`], [`TokenError::Expired`].
    pub fn check_now(&self, now: i64) -> Result<(), TokenError> {
        self.window().check_now(now)
    }

    /// SHA-256 of the claims set: of the first root, what a person compares and a handheld keeps.
    ///
    /// # Errors
    /// The root breaks one of its rules.
    pub fn hash(&self) -> Result<[u8; 32], TokenError> {
        Ok(Sha256::digest(cbor::encode(&self.payload()?)).into())
    }

    /// The claims set.
    ///
    /// # Errors
    /// The root breaks one of its rules.
    pub fn payload(&self) -> Result<Value, TokenError> {
        self.check()?;
        let list = |keys: &[PublicKey]| {
            Value::Array(keys.iter().map(|key| Value::bytes(key.bytes())).collect())
        };
        let private = Value::Map(vec![
            (key::VERSION, number_value(self.version, "version")?),
            (key::KEYS, list(&self.keys)),
            (key::THRESHOLD, Value::Int(i64::from(self.threshold))),
            (key::KEYSET_KEYS, list(&self.keyset_keys)),
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
        let root = Self {
            tenant: claims.text(ISS)?,
            issued: take_time(&mut claims, IAT)?,
            not_before: take_time(&mut claims, NBF)?,
            expires: take_time(&mut claims, EXP)?,
            version: private.number(key::VERSION)?,
            keys: take_keys(&mut private, key::KEYS)?,
            threshold: private.number(key::THRESHOLD)?,
            keyset_keys: take_keys(&mut private, key::KEYSET_KEYS)?,
        };
        private.finish()?;
        claims.finish()?;
        root.check()?;
        Ok(root)
    }

    fn window(&self) -> Window {
        let (issued, not_before, expires) = (self.issued, self.not_before, self.expires);
        Window { issued, not_before, expires }
    }

    fn check(&self) -> Result<(), TokenError> {
        check_tenant(&self.tenant)?;
        self.window().check()?;
        let kids = |keys: &[PublicKey]| keys.iter().map(PublicKey::kid).collect::<Vec<_>>();
        let (own, keyset) = (kids(&self.keys), kids(&self.keyset_keys));
        let several = |kids: &[KeyId], most| (1..=most).contains(&kids.len()) && distinct(kids);
        let rules = [
            (self.version >= 1, "version"),
            (several(&own, MAX_ROOT_KEYS), "keys"),
            ((1..=own.len()).contains(&usize::from(self.threshold)), "threshold"),
            (several(&keyset, MAX_KEYSET_KEYS), "keyset-keys"),
            (!keyset.iter().any(|kid| own.contains(kid)), "keyset-keys"),
        ];
        match rules.into_iter().find(|(good, _)| !good) {
            Some((_, name)) => Err(TokenError::Claim(name)),
            None => Ok(()),
        }
    }
}

fn take_keys(fields: &mut Fields, at: i64) -> Result<Vec<PublicKey>, TokenError> {
    let key = |bytes| PublicKey::from_bytes(bytes).map_err(TokenError::from);
    fields.list_bytes(at)?.into_iter().map(key).collect()
}

/// The keys a handheld believes: from the hash it was enrolled with to the office's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The newest root.
    pub root: Root,
    /// The keyset under it.
    pub keyset: Keyset,
    /// Hash of the first root.
    pub first: [u8; 32],
}

impl Authority {
    /// Checks the whole chain: root files from version 1 on, in order, and a keyset under the last.
    ///
    /// # Errors
    /// [`RootError::Pin`] if the first root is not the one pinned; else as [`Root::verify`] and
    /// [`Keyset::verify`]. Time is [`Self::check_now`].
    pub fn build(
        tenant: &str,
        first_hash: [u8; 32],
        roots: &[Vec<u8>],
        keyset: &[u8],
    ) -> Result<Self, TokenError> {
        let mut newest: Option<Root> = None;
        for file in roots {
            let root = Root::verify(file, tenant, newest.as_ref())?;
            if newest.is_none() && root.hash()? != first_hash {
                return Err(RootError::Pin.into());
            }
            newest = Some(root);
        }
        let root = newest.ok_or(RootError::File)?;
        let keyset = Keyset::verify(keyset, tenant, &root)?;
        Ok(Self { root, keyset, first: first_hash })
    }

    /// Says that the newest root and the keyset are in force.
    ///
    /// # Errors
    /// [`TokenError::NotYet`], [`TokenError::Expired`].
    pub fn check_now(&self, now: i64) -> Result<(), TokenError> {
        self.root.check_now(now)?;
        self.keyset.check_now(now)
    }

    /// The keyring to check office documents against.
    pub fn keyring(&self) -> Keyring {
        self.keyset.keyring()
    }
}
