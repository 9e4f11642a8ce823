//! Where the private keys are: sealed files in a folder, or this process's memory alone.
//!
//! A key is used only after it was unlocked, and only what a command needs is unlocked.

use super::sealed::{Cost, Sealed, Secret, fill};
use crate::office::OfficeError;
use meterkit_tokens::{Issuer, KeyId, PublicKey};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Signs roots; three holders, kept apart.
    Root,
    /// Signs keysets.
    Keyset,
    /// Signs recharge tokens.
    Issuer,
    /// Signs answers, receipts, area pages, statuses, enrolment files: what a server does.
    Status,
    /// Signs grants and overrides.
    People,
    /// Not a signing key: the recovery secrets of all handhelds come from it.
    Recovery,
    /// The server's TLS key.
    Tls,
    /// The TLS key to change to.
    TlsBackup,
    /// The key of the TLS authority.
    TlsCa,
}

impl Purpose {
    /// All of them, with their stable names.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Root, "root"),
        (Self::Keyset, "keyset"),
        (Self::Issuer, "issuer"),
        (Self::Status, "status"),
        (Self::People, "people"),
        (Self::Recovery, "recovery"),
        (Self::Tls, "tls"),
        (Self::TlsBackup, "tls-backup"),
        (Self::TlsCa, "tls-ca"),
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// Whether it is an Ed25519 signing key.
    pub fn signs(self) -> bool {
        !matches!(self, Self::Recovery | Self::Tls | Self::TlsBackup | Self::TlsCa)
    }
}

/// Gives the passphrase of a key by its name; with `true` one to seal a new key with.
pub type Ask<'a> = dyn Fn(&str, bool) -> Result<SecretString, OfficeError> + 'a;

/// Ending of key files.
const ENDING: &str = "key";

/// A key, by its public part.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub name: String,
    pub purpose: Purpose,
    pub public: [u8; 32],
    sealed: Option<(PathBuf, Sealed)>,
}

impl Entry {
    /// The id of a signing key; of another, the front of its public part.
    pub fn kid(&self) -> KeyId {
        let front = || {
            let mut kid = [0; 8];
            kid.copy_from_slice(&self.public[..8]);
            KeyId(kid)
        };
        let key = PublicKey::from_bytes(self.public).ok().filter(|_| self.purpose.signs());
        key.map_or_else(front, |key| key.kid())
    }
}

/// The keys at hand.
pub(super) struct Chest {
    /// The folder and what sealing costs; `None`: nothing is kept.
    place: Option<(PathBuf, Cost)>,
    entries: Vec<Entry>,
    open: BTreeMap<String, Secret>,
}

impl Chest {
    /// In memory alone.
    pub fn memory() -> Self {
        Self { place: None, entries: vec![], open: BTreeMap::new() }
    }

    /// The key files of a folder.
    pub fn dir(dir: &Path, cost: Cost) -> Result<Self, OfficeError> {
        let failed = |error| OfficeError::File(dir.display().to_string(), error);
        let mut paths = Vec::new();
        for file in fs::read_dir(dir).map_err(failed)? {
            let path = file.map_err(failed)?.path();
            if path.extension().is_some_and(|ext| ext == ENDING) {
                paths.push(path);
            }
        }
        paths.sort();
        let entries = paths.into_iter().map(|path| read(&path)).collect::<Result<_, _>>()?;
        Ok(Self { place: Some((dir.to_owned(), cost)), entries, open: BTreeMap::new() })
    }

    /// The keys of a purpose, the newest last.
    pub fn of(&self, purpose: Purpose) -> impl DoubleEndedIterator<Item = &Entry> {
        let mut found: Vec<&Entry> = self.entries.iter().filter(|e| e.purpose == purpose).collect();
        found.sort_by_key(|entry| number(&entry.name));
        found.into_iter()
    }

    /// All keys.
    pub fn all(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether a key is unlocked.
    pub fn is_open(&self, name: &str) -> bool {
        self.open.contains_key(name)
    }

    /// Draws a new signing key, or another secret of 32 bytes, into the folder or `elsewhere`.
    pub fn draw(
        &mut self,
        purpose: Purpose,
        ask: &Ask<'_>,
        elsewhere: Option<&Path>,
    ) -> Result<String, OfficeError> {
        let mut seed = Zeroizing::new([0; 32]);
        fill(&mut *seed)?;
        self.put(purpose, &seed, ask, elsewhere)
    }

    /// Takes in a seed.
    pub fn put(
        &mut self,
        purpose: Purpose,
        seed: &[u8; 32],
        ask: &Ask<'_>,
        elsewhere: Option<&Path>,
    ) -> Result<String, OfficeError> {
        let last = self.of(purpose).next_back().map_or(0, |entry| number(&entry.name));
        let name = format!("{}-{}", purpose.name(), last + 1);
        self.keep(&name, purpose, public_of(purpose, seed), seed, ask, elsewhere)?;
        Ok(name)
    }

    /// Keeps a secret under a name; one that has it already is replaced.
    pub fn keep(
        &mut self,
        name: &str,
        purpose: Purpose,
        public: [u8; 32],
        secret: &[u8],
        ask: &Ask<'_>,
        elsewhere: Option<&Path>,
    ) -> Result<(), OfficeError> {
        let sealed = match &self.place {
            None => None,
            Some((dir, cost)) => {
                let passphrase = ask(name, true)?;
                let sealed =
                    Sealed::seal(name, purpose.name(), public, secret, &passphrase, *cost)?;
                let path = elsewhere.unwrap_or(dir).join(format!("{name}.{ENDING}"));
                super::write_private(&path, &sealed.encode())?;
                Some((path, sealed))
            }
        };
        self.entries.retain(|entry| entry.name != name);
        self.entries.push(Entry { name: name.to_owned(), purpose, public, sealed });
        self.open.insert(name.to_owned(), Zeroizing::new(secret.to_vec()));
        Ok(())
    }

    /// Unlocks a key, once.
    pub fn unlock(&mut self, name: &str, ask: &Ask<'_>) -> Result<(), OfficeError> {
        if self.is_open(name) {
            return Ok(());
        }
        let entry = self.entries.iter().find(|entry| entry.name == name);
        let Some(Entry { sealed: Some((path, sealed)), purpose, public, .. }) = entry else {
            return Err(OfficeError::NoKey(name.to_owned()));
        };
        let secret = sealed.open(&ask(name, false)?)?;
        let seed = <[u8; 32]>::try_from(secret.as_slice()).ok().map(Zeroizing::new);
        let fits = !purpose.signs() || seed.is_some_and(|s| public_of(*purpose, &s) == *public);
        if !fits {
            return Err(OfficeError::KeyFile(path.display().to_string()));
        }
        self.open.insert(name.to_owned(), secret);
        Ok(())
    }

    /// Seals a key under another passphrase.
    pub fn change(&mut self, name: &str, ask: &Ask<'_>) -> Result<(), OfficeError> {
        self.unlock(name, ask)?;
        let entry = self.entries.iter().find(|entry| entry.name == name).cloned();
        let (entry, secret) = match (entry, self.open.get(name)) {
            (Some(entry), Some(secret)) => (entry, secret.clone()),
            _ => return Err(OfficeError::NoKey(name.to_owned())),
        };
        let folder = entry.sealed.as_ref().and_then(|(path, _)| path.parent().map(Path::to_owned));
        self.keep(name, entry.purpose, entry.public, &secret, ask, folder.as_deref())
    }

    /// An unlocked secret.
    pub fn secret(&self, name: &str) -> Result<&Secret, OfficeError> {
        self.open.get(name).ok_or_else(|| OfficeError::Locked(name.to_owned()))
    }

    /// An unlocked signing key.
    pub fn issuer(&self, name: &str) -> Result<Issuer, OfficeError> {
        let seed = self.secret(name)?.as_slice().try_into();
        let seed = seed.map_err(|_| OfficeError::KeyFile(name.to_owned()))?;
        Ok(Issuer::from_seed(seed))
    }
}

/// What stands for a secret in public.
fn public_of(purpose: Purpose, seed: &[u8; 32]) -> [u8; 32] {
    if purpose.signs() {
        Issuer::from_seed(*seed).public().bytes()
    } else {
        Sha256::new()
            .chain_update(b"meterkit/office-key/public\0")
            .chain_update(seed)
            .finalize()
            .into()
    }
}

fn number(name: &str) -> u32 {
    name.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn read(path: &Path) -> Result<Entry, OfficeError> {
    let sealed = read_sealed(path)?;
    let purpose = Purpose::ALL.iter().find(|row| row.1 == sealed.purpose);
    let purpose = purpose.ok_or_else(|| OfficeError::KeyFile(path.display().to_string()))?.0;
    let (name, public) = (sealed.name.clone(), sealed.public);
    Ok(Entry { name, purpose, public, sealed: Some((path.to_owned(), sealed)) })
}

/// Reads a key file; nothing is unlocked.
///
/// # Errors
/// [`OfficeError::File`], [`OfficeError::KeyFile`].
pub fn read_sealed(path: &Path) -> Result<Sealed, OfficeError> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| OfficeError::File(name.clone(), error))?;
    Sealed::decode(&bytes, &name)
}
