//! The root ceremony, in steps that work on machines that never meet: draft, sign, adopt.
//!
//! A draft carries the payload and the signatures so far. Every holder looks at it, adds his
//! signature with nothing but his own key file, and passes it on. The office takes it when enough
//! holders of the root in force *and* of the new one have signed.

use super::chest::{Ask, Chest, Purpose};
use super::sealed::{Cost, Sealed};
use super::{Keys, root_name};
use crate::office::OfficeError;
use meterkit_tokens::canonical::Limits;
use meterkit_tokens::cbor::{self, Fields, Value};
use meterkit_tokens::{Issuer, KeyId, Keyset, PublicKey, Root, TokenError};
use secrecy::SecretString;
use zeroize::Zeroizing;

const DAY: i64 = 86_400;
/// Life of a root, seconds (`reference/tokens.md` 2.4: 2 years).
const ROOT_LIFE: i64 = 730 * DAY;
/// A root with less life left than this is to be replaced, seconds.
pub(super) const REPLACE_BEFORE: i64 = 90 * DAY;
/// Form of a draft.
const DRAFT: i64 = 1;
/// Largest draft.
const MAX_DRAFT: usize = 128 * 1024;

/// What is to change with the next root.
#[derive(Debug, Clone, Default)]
pub struct RootChange {
    /// Root keys to add, by their public keys.
    pub add: Vec<[u8; 32]>,
    /// Root keys to take away.
    pub remove: Vec<KeyId>,
    /// How many must sign from then on.
    pub threshold: Option<u8>,
    /// Draw a new keyset key and name it in place of the old.
    pub new_keyset_key: bool,
}

struct Draft {
    payload: Vec<u8>,
    documents: Vec<Vec<u8>>,
}

impl Draft {
    fn decode(bytes: &[u8]) -> Result<(Self, Root), OfficeError> {
        let read = || -> Result<(Self, Root), TokenError> {
            let limits = Limits { bytes: MAX_DRAFT, depth: 3 };
            let mut fields = Fields::of(cbor::decode(bytes, limits)?)?;
            if fields.int(1)? != DRAFT {
                return Err(TokenError::Claim("draft"));
            }
            let payload = fields.bytes(2)?;
            let documents = fields.array(3)?.into_iter().map(|document| match document {
                Value::Bytes(bytes) => Ok(bytes),
                _ => Err(TokenError::Claim("draft")),
            });
            let documents = documents.collect::<Result<_, _>>()?;
            fields.finish()?;
            let limits = Limits { bytes: 4096, depth: 4 };
            let root = Root::from_payload(cbor::decode(&payload, limits)?)?;
            Ok((Self { payload, documents }, root))
        };
        Ok(read()?)
    }

    fn encode(&self) -> Vec<u8> {
        let documents = self.documents.iter().cloned().map(Value::Bytes).collect();
        cbor::encode(&Value::Map(vec![
            (1, Value::Int(DRAFT)),
            (2, Value::Bytes(self.payload.clone())),
            (3, Value::Array(documents)),
        ]))
    }
}

/// What a draft says, for its holder to look at, and how many signatures it carries.
///
/// # Errors
/// It is no draft.
pub fn read_draft(bytes: &[u8]) -> Result<(Root, usize), OfficeError> {
    let (draft, root) = Draft::decode(bytes)?;
    Ok((root, draft.documents.len()))
}

/// Adds the signature of one root key. Needs no office, only the holder's own key file.
///
/// # Errors
/// It is no draft; the key is no root key, or its passphrase is another.
pub fn sign_draft(
    bytes: &[u8],
    key: &Sealed,
    passphrase: &SecretString,
) -> Result<Vec<u8>, OfficeError> {
    let (mut draft, root) = Draft::decode(bytes)?;
    if key.purpose != Purpose::Root.name() {
        return Err(OfficeError::NoKey(key.name.clone()));
    }
    let seed = key.open(passphrase)?;
    let seed = seed.as_slice().try_into().map_err(|_| OfficeError::KeyFile(key.name.clone()))?;
    let document = Issuer::from_seed(seed).root(&root)?;
    // Signatures are deterministic: who signs twice has signed once.
    if !draft.documents.contains(&document) {
        draft.documents.push(document);
    }
    Ok(draft.encode())
}

/// Makes a root key for a new holder, on his own machine.
///
/// # Errors
/// [`OfficeError::WeakPassphrase`], [`OfficeError::Random`].
pub fn new_root_key(
    name: &str,
    passphrase: &SecretString,
    cost: Cost,
) -> Result<Sealed, OfficeError> {
    let mut seed = Zeroizing::new([0; 32]);
    super::sealed::fill(&mut *seed)?;
    let public = Issuer::from_seed(*seed).public().bytes();
    Sealed::seal(name, Purpose::Root.name(), public, &*seed, passphrase, cost)
}

/// The first root, of the root and keyset keys at hand.
pub(super) fn first(
    chest: &Chest,
    tenant: &str,
    threshold: u8,
    now: i64,
) -> Result<Root, OfficeError> {
    let keys = |purpose| -> Result<Vec<PublicKey>, OfficeError> {
        let keys = chest.of(purpose).map(|entry| {
            let key = PublicKey::from_bytes(entry.public);
            key.map_err(|_| OfficeError::KeyFile(entry.name.clone()))
        });
        keys.collect()
    };
    Ok(Root {
        tenant: tenant.to_owned(),
        version: 1,
        issued: now,
        not_before: (now - super::keyset::BACKDATE).max(0),
        expires: now + ROOT_LIFE,
        keys: keys(Purpose::Root)?,
        threshold,
        keyset_keys: keys(Purpose::Keyset)?,
    })
}

/// The file of a root, signed by every root key that is unlocked.
pub(super) fn sign_all(chest: &Chest, root: &Root) -> Result<Vec<u8>, OfficeError> {
    let open = chest.of(Purpose::Root).filter(|entry| chest.is_open(&entry.name));
    let documents = open.map(|entry| Ok(chest.issuer(&entry.name)?.root(root)?));
    let documents: Vec<Vec<u8>> = documents.collect::<Result<_, OfficeError>>()?;
    let file = Root::join(&documents);
    Root::verify(&file, &root.tenant, None)?;
    Ok(file)
}

impl Keys {
    /// Writes down the next root, to be signed by its holders.
    pub fn draft(
        &mut self,
        change: &RootChange,
        now: i64,
        ask: &Ask<'_>,
    ) -> Result<Vec<u8>, OfficeError> {
        let mut next = self.root().clone();
        next.version += 1;
        (next.issued, next.not_before) = (now, (now - super::keyset::BACKDATE).max(0));
        next.expires = now + ROOT_LIFE;
        for kid in &change.remove {
            if !next.keys.iter().any(|key| key.kid() == *kid) {
                return Err(OfficeError::NoKey(kid.to_string()));
            }
            next.keys.retain(|key| key.kid() != *kid);
        }
        for key in &change.add {
            next.keys.push(PublicKey::from_bytes(*key).map_err(TokenError::from)?);
        }
        next.threshold = change.threshold.unwrap_or(next.threshold);
        if change.new_keyset_key {
            let name = self.chest.draw(Purpose::Keyset, ask, None)?;
            next.keyset_keys = vec![self.chest.issuer(&name)?.public()];
        }
        let draft = Draft { payload: cbor::encode(&next.payload()?), documents: vec![] };
        Ok(draft.encode())
    }

    /// Puts a signed draft in force. Where it names another keyset key, the keyset is signed anew.
    pub fn adopt(&mut self, bytes: &[u8], now: i64, ask: &Ask<'_>) -> Result<(), OfficeError> {
        let (draft, _) = Draft::decode(bytes)?;
        let file = Root::join(&draft.documents);
        let root = Root::verify(&file, self.tenant(), Some(self.root()))?;
        root.check_now(now)?;
        let old = std::mem::replace(&mut self.authority.root, root);
        if let Err(error) = self.follow(&file, now, ask) {
            self.authority.root = old;
            return Err(error);
        }
        self.roots.push(file);
        Ok(())
    }

    /// The keyset first, then the root: cut off in between, the old root and the keyset it vouches
    /// for stay in force.
    fn follow(&mut self, file: &[u8], now: i64, ask: &Ask<'_>) -> Result<(), OfficeError> {
        let before = (self.authority.keyset.clone(), self.document.clone());
        if Keyset::verify(&self.document, self.tenant(), self.root()).is_err() {
            let signer = self.in_use(Purpose::Keyset, now)?;
            self.chest.unlock(&signer, ask)?;
            let next = self.next(now)?;
            self.publish(next)?;
        }
        let written = self.write(&root_name(self.root().version), file);
        if written.is_err() {
            (self.authority.keyset, self.document) = before;
        }
        written
    }
}
