//! How a new handheld becomes known to its office.
//!
//! The office writes an enrolment file; a person carries it here. The handheld draws its own key,
//! tells the office its public half under the file's one-time secret, and starts its journal. The
//! key's seed is on disk before the office hears of it, so an answer that is lost costs nothing:
//! the next try uses the same key, which the office accepts again; another key it refuses.

use super::error::{Lie, SyncError};
use super::post::{Http, Post, Timeouts};
use super::wire::{self, Answer, Ask, Enrolment, Reply, Request};
use crate::store::{Identity, Stamp, Store, StoreError};
use meterkit_tokens::{DeviceKey, DocType, Keyring, Keyset, PublicKey, verify};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The seed of a key the office may know already, while enrolling. Removed once the store holds it.
const PENDING: &str = "enrol.seed";

/// An enrolment file that holds.
pub struct Enrolling {
    /// What it says.
    pub file: Enrolment,
    keyset: Keyset,
}

impl Enrolling {
    /// Reads an enrolment file. Its signature is checked with the root key it names: it is trusted
    /// because of who brought it. [`Enrolling::fingerprint`] is what a person can compare.
    ///
    /// # Errors
    /// [`SyncError::File`] with what does not hold.
    pub fn read(bytes: &[u8]) -> Result<Self, SyncError> {
        let bad = |what: String| SyncError::File(what);
        let [tenant, root, document] = wire::split(bytes).map_err(|e| bad(e.to_string()))?;
        let tenant = String::from_utf8(tenant).map_err(|e| bad(e.to_string()))?;
        let root: [u8; 32] = root.try_into().map_err(|_| bad("no root key".to_owned()))?;
        let root = PublicKey::from_bytes(root).map_err(|e| bad(e.to_string()))?;
        let ring = Keyring::root(root);
        let verified = verify(&document, DocType::Enrolment, &tenant, &ring, None);
        let file = Enrolment::read(verified.map_err(|e| bad(e.to_string()))?.payload);
        let file = file.map_err(|e| bad(e.to_string()))?;
        if file.tenant != tenant || file.root != root.bytes() {
            return Err(bad("it contradicts itself".to_owned()));
        }
        let keyset = Keyset::verify(&file.keyset, &tenant, &root);
        Ok(Self { keyset: keyset.map_err(|e| bad(e.to_string()))?, file })
    }

    /// The office's root key in short: 16 hexadecimal digits that the office can read out.
    pub fn fingerprint(&self) -> String {
        let key = PublicKey::from_bytes(self.file.root);
        key.map(|key| key.kid().to_string()).unwrap_or_default()
    }

    /// Enrols over `post`, with the handheld's key, and gives the identity to create the store
    /// with.
    ///
    /// # Errors
    /// See [`SyncError`]; the office may or may not know the key then, trying again is safe.
    pub fn introduce(
        &self,
        seed: [u8; 32],
        stamp: &Stamp,
        post: &dyn Post,
    ) -> Result<Identity, SyncError> {
        let file = &self.file;
        let key = DeviceKey::generate(seed);
        let internal = |error: &dyn std::fmt::Display| SyncError::Internal(error.to_string());
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| internal(&error))?;
        let public = key.public().bytes();
        let ask = Ask::Enrol { secret: file.secret, key: public };
        let (path, document) = (ask.path(), ask.document());
        let request = Request { device: file.device.clone(), nonce, at: stamp.at, ask };
        let signed = key
            .sign(document, &file.tenant, request.payload())
            .map_err(|error| internal(&error))?;
        let body = wire::join(&[file.device.as_str().as_bytes(), &nonce, &signed, &public]);
        let answer = post.post(path, &body)?;
        let [signed, body] = wire::split(&answer)?;
        let ring = self.keyset.keyring();
        let verified = verify(&signed, DocType::Status, &file.tenant, &ring, None);
        let answer = Answer::read(verified.map_err(Lie::Signature)?.payload, &body)?;
        if answer.device != file.device {
            return Err(Lie::OtherDevice.into());
        }
        if answer.nonce != nonce {
            return Err(Lie::Nonce.into());
        }
        match answer.reply {
            Reply::Enrolled { epoch } => Ok(Identity {
                tenant: file.tenant.clone(),
                device: file.device.clone(),
                device_seed: seed,
                office_url: file.url.clone(),
                root_key: file.root,
                keyset: file.keyset.clone(),
                epoch,
            }),
            Reply::Refused(refusal) => Err(SyncError::Refused(refusal)),
            _ => Err(Lie::Kind.into()),
        }
    }
}

/// Enrols this handheld: reads the file, introduces a new key to the office it names, and creates
/// the store in `dir`.
///
/// # Errors
/// See [`SyncError`]. Until the store exists, trying again with the same file is safe.
pub fn enrol(dir: &Path, file: &[u8], stamp: &Stamp) -> Result<Store, SyncError> {
    let enrolling = Enrolling::read(file)?;
    let post = Http::new(&enrolling.file.url, Timeouts::default())?;
    enrol_over(dir, &enrolling, stamp, &post)
}

/// The same over any way to the office: the demo and the tests have it in the same process.
///
/// # Errors
/// As [`enrol`].
pub fn enrol_over(
    dir: &Path,
    enrolling: &Enrolling,
    stamp: &Stamp,
    post: &dyn Post,
) -> Result<Store, SyncError> {
    // An enrolled handheld must not offer its office a second key.
    match Store::open(dir) {
        Err(StoreError::NotEnrolled(_)) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(StoreError::AlreadyEnrolled(dir.display().to_string()).into()),
    }
    let pending = Pending::at(dir)?;
    let identity = enrolling.introduce(pending.seed, stamp, post)?;
    let store = Store::create(dir, identity, stamp)?;
    pending.done();
    Ok(store)
}

/// The key of an enrolment that is under way, kept beside the store.
struct Pending {
    seed: [u8; 32],
    file: PathBuf,
}

impl Pending {
    /// Takes up the key of an earlier try, or draws a new one and writes it down first.
    fn at(dir: &Path) -> Result<Self, SyncError> {
        let failed = |error: std::io::Error| {
            SyncError::Store(StoreError::Failed(format!("{}: {error}", dir.display())))
        };
        fs::create_dir_all(dir).map_err(failed)?;
        let file = dir.join(PENDING);
        if let Ok(bytes) = fs::read(&file)
            && let Ok(seed) = <[u8; 32]>::try_from(bytes)
        {
            return Ok(Self { seed, file });
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| SyncError::Internal(e.to_string()))?;
        let draft = file.with_extension("tmp");
        let _ = fs::remove_file(&draft);
        let mut out = private(&draft).map_err(failed)?;
        out.write_all(&seed).and_then(|()| out.sync_all()).map_err(failed)?;
        fs::rename(&draft, &file).map_err(failed)?;
        sync_dir(dir).map_err(failed)?;
        Ok(Self { seed, file })
    }

    /// The store holds the seed now. A copy that cannot be removed is as secret as the store.
    fn done(self) {
        let _ = fs::remove_file(self.file);
    }
}

/// Makes a file only its owner can read.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a rename durable.
fn sync_dir(dir: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    fs::File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
