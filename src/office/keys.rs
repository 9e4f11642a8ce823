//! The office's keys (`docs/custody.md`): sealed files and public documents beside the database,
//! never in it.
//!
//! ```text
//! root-1 .. root-3   sign roots; three holders, two must sign
//! keyset-1           signs keysets, named by the root
//! issuer-1           rt            status-1   st an rc ar en         people-1   og ov
//! recovery-1         the handhelds' recovery secrets come from it
//! tls, tls-backup, tls-ca
//! root.1.rk ..., keyset.1.ks ..., tls.cbor      public documents; all of them are kept
//! ```

mod chest;
mod keyset;
mod look;
mod root;
mod sealed;
mod tls;

pub use chest::{Ask, Purpose, read_sealed};
pub use look::{Check, KeyInfo};
pub use root::{RootChange, new_root_key, read_draft, sign_draft};
pub use sealed::{Cost, MIN_PASSPHRASE, Sealed};

use super::error::OfficeError;
use chest::Chest;
use hkdf::Hkdf;
use meterkit_tokens::cbor::Value;
use meterkit_tokens::{
    Authority, BundleToken, DocType, Grant, KeyId, Keyset, Override, RechargeToken, Root,
    SealError, Status, SwapToken, TokenError, sealed as sealing,
};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tls::TlsPublic;
use zeroize::Zeroize;

/// The most one token may carry, hundredths.
pub(super) const MAX_TOKEN_AMOUNT: i64 = 10_000_000;
/// Recovery secrets of one life of a handheld.
pub const RECOVERY: u32 = 4;

/// Seeds of an office that keeps nothing: for tests, and drawn for the demo.
pub struct Seeds {
    /// The three root keys.
    pub roots: [[u8; 32]; 3],
    /// The keyset key.
    pub keyset: [u8; 32],
    /// The issuer key.
    pub issuer: [u8; 32],
    /// The status key.
    pub status: [u8; 32],
    /// The people key.
    pub people: [u8; 32],
    /// What recovery secrets come from.
    pub recovery: [u8; 32],
}

impl Seeds {
    /// All of them from one.
    pub fn of(seed: [u8; 32]) -> Self {
        let derive = |name: &str| {
            let mut out = [0; 32];
            // Fails only for more than 255 blocks; this is one.
            let _ = Hkdf::<Sha256>::new(None, &seed).expand(name.as_bytes(), &mut out);
            out
        };
        Self {
            roots: [derive("root-1"), derive("root-2"), derive("root-3")],
            keyset: derive("keyset"),
            issuer: derive("issuer"),
            status: derive("status"),
            people: derive("people"),
            recovery: derive("recovery"),
        }
    }

    /// New ones.
    ///
    /// # Errors
    /// [`OfficeError::Random`].
    pub fn draw() -> Result<Self, OfficeError> {
        Ok(Self::of(random()?))
    }
}

impl Drop for Seeds {
    fn drop(&mut self) {
        let Self { roots, keyset, issuer, status, people, recovery } = self;
        roots.zeroize();
        [keyset, issuer, status, people, recovery].into_iter().for_each(Zeroize::zeroize);
    }
}

/// How a new office is to be.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whose office.
    pub tenant: String,
    /// How many root keys.
    pub roots: u8,
    /// How many of them must sign.
    pub threshold: u8,
    /// Where the root keys are written, to be taken away from there.
    pub root_dir: Option<PathBuf>,
    /// Names and addresses of the server, for its certificate.
    pub hosts: Vec<String>,
    /// What sealing costs.
    pub cost: Cost,
}

impl Setup {
    /// The usual one: two of three roots, a server known as this machine.
    pub fn usual(tenant: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            roots: 3,
            threshold: 2,
            root_dir: None,
            hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            cost: Cost::OFFICE,
        }
    }
}

/// The keys and the documents that name them.
pub(super) struct Keys {
    chest: Chest,
    dir: Option<PathBuf>,
    roots: Vec<Vec<u8>>,
    keysets: BTreeMap<u64, Vec<u8>>,
    authority: Authority,
    /// The keyset in force, as it lies in `keysets`.
    document: Vec<u8>,
    tls: Option<TlsPublic>,
}

impl Keys {
    /// Draws new keys into `dir`.
    pub fn create(dir: &Path, setup: &Setup, now: i64, ask: &Ask<'_>) -> Result<Self, OfficeError> {
        make_dir(dir)?;
        if let Some(root_dir) = &setup.root_dir {
            make_dir(root_dir)?;
        }
        let mut chest = Chest::dir(dir, setup.cost)?;
        for _ in 0..setup.roots {
            chest.draw(Purpose::Root, ask, setup.root_dir.as_deref())?;
        }
        for purpose in [Purpose::Keyset, Purpose::Recovery] {
            chest.draw(purpose, ask, None)?;
        }
        for purpose in keyset::NAMED {
            chest.draw(purpose, ask, None)?;
        }
        let mut keys =
            Self::first(chest, Some(dir.to_owned()), &setup.tenant, setup.threshold, now)?;
        keys.make_tls(&setup.hosts, now, ask)?;
        Ok(keys)
    }

    /// Keys of given seeds, in memory alone.
    pub fn of_seeds(seeds: &Seeds, tenant: &str, now: i64) -> Result<Self, OfficeError> {
        let mut chest = Chest::memory();
        let none: &Ask<'_> = &|name, _| Err(OfficeError::Locked(name.to_owned()));
        for root in &seeds.roots {
            chest.put(Purpose::Root, root, none, None)?;
        }
        let rest = [
            (Purpose::Keyset, &seeds.keyset),
            (Purpose::Issuer, &seeds.issuer),
            (Purpose::Status, &seeds.status),
            (Purpose::People, &seeds.people),
            (Purpose::Recovery, &seeds.recovery),
        ];
        for (purpose, seed) in rest {
            chest.put(purpose, seed, none, None)?;
        }
        Self::first(chest, None, tenant, 2, now)
    }

    /// Signs the first root and the first keyset with the keys that were just drawn.
    fn first(
        chest: Chest,
        dir: Option<PathBuf>,
        tenant: &str,
        threshold: u8,
        now: i64,
    ) -> Result<Self, OfficeError> {
        let root = root::first(&chest, tenant, threshold, now)?;
        let file = root::sign_all(&chest, &root)?;
        let authority = {
            let keyset = keyset::first(&chest, tenant, now)?;
            Authority { first: root.hash()?, root, keyset }
        };
        let (roots, keysets, document) = (vec![file], BTreeMap::new(), vec![]);
        let mut keys = Self { chest, dir, roots, keysets, authority, document, tls: None };
        keys.write(&root_name(1), &keys.roots[0])?;
        keys.publish(keys.authority.keyset.clone())?;
        Ok(keys)
    }

    /// Reads the documents and finds the key files. Nothing is unlocked.
    pub fn open(dir: &Path, tenant: &str) -> Result<Self, OfficeError> {
        let chest = Chest::dir(dir, Cost::OFFICE)?;
        let numbered = |prefix: &str,
                        ending: &str|
         -> Result<BTreeMap<u64, Vec<u8>>, OfficeError> {
            let mut found = BTreeMap::new();
            let failed = |error| OfficeError::File(dir.display().to_string(), error);
            for file in fs::read_dir(dir).map_err(failed)? {
                let path = file.map_err(failed)?.path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(ending));
                if let Some(number) = number.and_then(|number| number.parse().ok()) {
                    found.insert(number, read(&path)?);
                }
            }
            Ok(found)
        };
        let roots: Vec<Vec<u8>> = numbered("root.", ".rk")?.into_values().collect();
        let keysets = numbered("keyset.", ".ks")?;
        let (authority, document) = newest(tenant, &roots, &keysets)?;
        let dir = Some(dir.to_owned());
        let tls = match &dir {
            Some(dir) => TlsPublic::read(dir)?,
            None => None,
        };
        Ok(Self { chest, dir, roots, keysets, authority, document, tls })
    }

    /// Unlocks the keys in use for these purposes.
    pub fn unlock(
        &mut self,
        purposes: &[Purpose],
        now: i64,
        ask: &Ask<'_>,
    ) -> Result<(), OfficeError> {
        for purpose in purposes {
            let name = self.in_use(*purpose, now)?;
            self.chest.unlock(&name, ask)?;
        }
        Ok(())
    }

    /// Seals a key under another passphrase.
    pub fn change_passphrase(&mut self, name: &str, ask: &Ask<'_>) -> Result<(), OfficeError> {
        self.chest.change(name, ask)
    }

    /// Whose office this is.
    pub fn tenant(&self) -> &str {
        &self.authority.root.tenant
    }

    /// Hash of the first root: what people compare and handhelds pin.
    pub fn first_root(&self) -> [u8; 32] {
        self.authority.first
    }

    /// The root in force.
    pub fn root(&self) -> &Root {
        &self.authority.root
    }

    /// The keyset in force.
    pub fn keyset(&self) -> &Keyset {
        &self.authority.keyset
    }

    /// The keyset document in force.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// All root files, oldest first.
    pub fn roots(&self) -> &[Vec<u8>] {
        &self.roots
    }

    /// All keyset documents, oldest first.
    pub fn keysets(&self) -> Vec<Vec<u8>> {
        self.keysets.values().cloned().collect()
    }

    /// The key in use for a purpose: the newest one that is named, in force and not revoked.
    fn in_use(&self, purpose: Purpose, now: i64) -> Result<String, OfficeError> {
        let keyset = &self.authority.keyset;
        let good = |entry: &&chest::Entry| match purpose {
            Purpose::Root => self.authority.root.keys.iter().any(|k| k.bytes() == entry.public),
            Purpose::Keyset => {
                self.authority.root.keyset_keys.iter().any(|k| k.bytes() == entry.public)
            }
            Purpose::Issuer | Purpose::Status | Purpose::People => {
                let revoked = keyset.revoked.iter().any(|(kid, _)| *kid == entry.kid());
                let named = keyset.keys.iter().find(|record| record.key.bytes() == entry.public);
                !revoked && named.is_some_and(|r| (r.not_before..=r.not_after).contains(&now))
            }
            Purpose::Recovery | Purpose::Tls | Purpose::TlsBackup | Purpose::TlsCa => true,
        };
        let found = self.chest.of(purpose).rfind(good);
        let none = || OfficeError::NoKey(purpose.name().to_owned());
        found.map(|entry| entry.name.clone()).ok_or_else(none)
    }

    /// Signs a recharge token; gives the key's id too.
    pub fn token(&self, token: &RechargeToken) -> Result<(Vec<u8>, KeyId), OfficeError> {
        let issuer = self.chest.issuer(&self.in_use(Purpose::Issuer, token.issued)?)?;
        Ok((issuer.recharge(token)?, issuer.kid()))
    }

    /// Signs the leave for a swap, if the keyset lets the issuer's key do that; gives the key's id
    /// too.
    pub fn swap(&self, swap: &SwapToken) -> Result<(Vec<u8>, KeyId), OfficeError> {
        let issuer = self.chest.issuer(&self.in_use(Purpose::Issuer, swap.issued)?)?;
        let kid = issuer.kid();
        let named = self.keyset().keys.iter().find(|record| record.key.kid() == kid);
        if !named.is_some_and(|record| record.types.contains(&DocType::Swap)) {
            return Err(OfficeError::KeysetOld);
        }
        Ok((issuer.swap(swap)?, kid))
    }

    /// Signs a round, if the keyset lets the key for people do that.
    pub fn round(&self, payload: Value, now: i64) -> Result<Vec<u8>, OfficeError> {
        let key = self.chest.issuer(&self.in_use(Purpose::People, now)?)?;
        let kid = key.kid();
        let named = self.keyset().keys.iter().find(|record| record.key.kid() == kid);
        if !named.is_some_and(|record| record.types.contains(&DocType::Round)) {
            return Err(OfficeError::KeysetOld);
        }
        Ok(key.sign(DocType::Round, self.tenant(), payload)?)
    }

    /// Signs an answer, a receipt, an area page or an enrolment file.
    pub fn answer(&self, kind: DocType, payload: Value, now: i64) -> Result<Vec<u8>, OfficeError> {
        let key = self.chest.issuer(&self.in_use(Purpose::Status, now)?)?;
        Ok(key.sign(kind, self.tenant(), payload)?)
    }

    /// Whether answers can be signed now: the key is in force and unlocked.
    pub fn can_answer(&self, now: i64) -> Result<(), OfficeError> {
        self.chest.issuer(&self.in_use(Purpose::Status, now)?).map(drop)
    }

    /// Signs a status.
    pub fn status(&self, status: &Status) -> Result<Vec<u8>, OfficeError> {
        let key = self.chest.issuer(&self.in_use(Purpose::Status, status.issued)?)?;
        Ok(key.status(status)?)
    }

    /// Signs an operator's grant; gives the key's id too.
    pub fn grant(&self, grant: &Grant) -> Result<(Vec<u8>, KeyId), OfficeError> {
        let key = self.chest.issuer(&self.in_use(Purpose::People, grant.issued)?)?;
        Ok((key.grant(grant)?, key.kid()))
    }

    /// Signs a supervisor's override; gives the key's id too.
    pub fn over_ride(&self, leave: &Override) -> Result<(Vec<u8>, KeyId), OfficeError> {
        let key = self.chest.issuer(&self.in_use(Purpose::People, leave.issued)?)?;
        Ok((key.over_ride(leave)?, key.kid()))
    }

    /// Signs a bundle of parameters.
    pub fn bundle(&self, bundle: &BundleToken) -> Result<Vec<u8>, OfficeError> {
        let key = self.chest.issuer(&self.in_use(Purpose::People, bundle.issued)?)?;
        Ok(key.bundle(bundle)?)
    }

    /// Opens what was sealed to a key of this office that is unlocked; says why it does not open.
    ///
    /// # Errors
    /// [`OfficeError::Locked`] for one that is not unlocked.
    pub fn open_sealed(
        &self,
        purpose: &str,
        file: &[u8],
    ) -> Result<Result<Vec<u8>, SealError>, OfficeError> {
        let Some(kid) = sealing::sealed_to(file) else { return Ok(Err(SealError::Shape)) };
        let Some(name) = self.named(kid) else { return Ok(Err(SealError::Other(kid))) };
        Ok(self.chest.issuer(&name)?.open(purpose, file))
    }

    /// Unlocks the key with an id, if it is one of ours.
    pub fn unlock_named(&mut self, kid: KeyId, ask: &Ask<'_>) -> Result<(), OfficeError> {
        match self.named(kid) {
            Some(name) => self.chest.unlock(&name, ask),
            None => Ok(()),
        }
    }

    /// The key with an id, whether it is in use or not.
    fn named(&self, kid: KeyId) -> Option<String> {
        self.chest.of(Purpose::Status).find(|key| key.kid() == kid).map(|key| key.name.clone())
    }

    /// The recovery secrets of one life of a handheld.
    pub fn recovery(&self, device: &str, epoch: u32) -> Result<Vec<[u8; 16]>, OfficeError> {
        let master = self.chest.secret(&self.in_use(Purpose::Recovery, 0)?)?;
        let derive = |at: u32| {
            let mut out = [0; 16];
            let (label, epoch, at) =
                (b"meterkit/recovery/1\0", epoch.to_be_bytes(), at.to_be_bytes());
            let info = [&label[..], device.as_bytes(), b"\0", &epoch, &at];
            let _ = Hkdf::<Sha256>::new(None, master).expand_multi_info(&info, &mut out);
            out
        };
        Ok((0..RECOVERY).map(derive).collect())
    }

    /// Writes a public document beside the keys, if anything is kept.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), OfficeError> {
        match &self.dir {
            Some(dir) => write_private(&dir.join(name), bytes),
            None => Ok(()),
        }
    }
}

/// The newest root, and the newest keyset it vouches for. A keyset beyond that was written by a
/// ceremony that was cut off before its root was.
fn newest(
    tenant: &str,
    roots: &[Vec<u8>],
    keysets: &BTreeMap<u64, Vec<u8>>,
) -> Result<(Authority, Vec<u8>), OfficeError> {
    let first = roots.first().ok_or(TokenError::Claim("root"))?;
    let first = Root::verify(first, tenant, None)?.hash()?;
    let mut failed = OfficeError::NoKey("keyset".to_owned());
    for document in keysets.values().rev() {
        match Authority::build(tenant, first, roots, document) {
            Ok(authority) => return Ok((authority, document.clone())),
            Err(error) => failed = error.into(),
        }
    }
    Err(failed)
}

fn root_name(version: u64) -> String {
    format!("root.{version}.rk")
}

fn keyset_name(version: u64) -> String {
    format!("keyset.{version}.ks")
}

/// 32 bytes from the system.
pub(super) fn random() -> Result<[u8; 32], OfficeError> {
    let mut bytes = [0; 32];
    sealed::fill(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, OfficeError> {
    fs::read(path).map_err(|error| OfficeError::File(path.display().to_string(), error))
}

/// Makes a folder only its owner can enter.
pub(super) fn make_dir(dir: &Path) -> Result<(), OfficeError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| OfficeError::File(dir.display().to_string(), error))
}

/// Writes a file only its owner can read, whole or not at all.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), OfficeError> {
    let draft = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        let _ = fs::remove_file(&draft);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        #[cfg(unix)]
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::File::open(dir)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(|error| OfficeError::File(path.display().to_string(), error))
}
