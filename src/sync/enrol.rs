//! How a new handheld becomes known to its office.
//!
//! The office writes an enrolment file; a person carries it here and compares the root hash. The
//! handheld draws its own key, tells the office its public half under the file's one-time secret,
//! and starts its journal. The key's seed is on disk, sealed, before the office hears of it, so an
//! answer that is lost costs nothing: the next try uses the same key, which the office accepts
//! again; another key it refuses.
//!
//! A handheld that had a life before (a restored copy, a clone, a lost one that was found) gets a
//! file with a higher epoch. Its old store is moved aside whole ([`make_way`]), never deleted: what
//! it did and the office has not seen is only there.

use super::client::grant_taken;
use super::error::{Lie, SyncError};
use super::post::{Http, Post, Timeouts, Trust};
use super::wire::{self, Answer, Ask, Enrolment, Envelope, Reply, Request};
use crate::store::disk::{Disk, RealDisk};
use crate::store::seal::{Part, Sealer};
use crate::store::{DocKind, Identity, Stamp, Store, StoreError, StoreKey};
use crate::units::UnixSeconds;
use meterkit_tokens::{Authority, DeviceKey, DocType, Grant, Status, verify};
use std::cmp::max;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The seed of a key the office may know already, while enrolling. Removed once the store holds it.
const PENDING: &str = "enrol.seed";
/// What the sealed seed is bound to.
const PENDING_PLACE: &[u8] = b"enrol.seed";
/// The store's own lock: nobody works in a folder while it is moved.
const LOCK: &str = "lock";

/// An enrolment file that holds.
pub struct Enrolling {
    /// What it says.
    pub file: Enrolment,
    /// The office's keys in it.
    pub authority: Authority,
    status: Status,
    grants: Vec<Grant>,
}

impl Enrolling {
    /// Reads an enrolment file and checks all of it: the root chain from the root hash it names on,
    /// the keyset, the document by a key that may sign enrolments, status and grants. It is trusted
    /// because of who brought it; [`Enrolling::fingerprint`] is what that person compares.
    ///
    /// # Errors
    /// [`SyncError::File`] with what does not hold.
    pub fn read(bytes: &[u8]) -> Result<Self, SyncError> {
        let bad = |what: &dyn std::fmt::Display| SyncError::File(what.to_string());
        let envelope = Envelope::read(bytes).map_err(|e| bad(&e))?;
        let (tenant, first) = (&envelope.tenant, envelope.root_hash);
        let authority = Authority::build(tenant, first, &envelope.roots, &envelope.keyset)
            .map_err(|e| bad(&e))?;
        let ring = authority.keyring();
        let verified = verify(&envelope.document, DocType::Enrolment, tenant, &ring, None);
        let payload = verified.map_err(|e| bad(&e))?.payload;
        let file = Enrolment::read(payload, &envelope).map_err(|e| bad(&e))?;
        let device = file.device.as_str();
        let status = Status::verify(&file.status, tenant, device, &ring).map_err(|e| bad(&e))?;
        let versions = (authority.root.version, authority.keyset.version);
        if (status.root, status.keyset) != versions || status.epoch != file.epoch {
            return Err(bad(&"status and keys contradict each other"));
        }
        let grant = |bytes: &Vec<u8>| match Grant::verify(bytes, tenant, &ring) {
            Ok(grant) if grant.device == device && grant_taken(&grant, bytes).is_some() => {
                Ok(grant)
            }
            Ok(_) => Err(bad(&"a grant for another handheld")),
            Err(error) => Err(bad(&error)),
        };
        let grants = file.grants.iter().map(grant).collect::<Result<_, _>>()?;
        Ok(Self { authority, status, grants, file })
    }

    /// The root hash in short: 16 hexadecimal digits that the office can read out.
    pub fn fingerprint(&self) -> String {
        self.file.root_hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The operators it has grants for: whoever enrols chooses the PIN of one of them.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What the office's server must show, by the file.
    pub fn trust(&self, now: UnixSeconds) -> Trust {
        let now = max(now, UnixSeconds(self.status.issued));
        Trust { ca: self.file.ca.clone(), pins: self.file.pins.clone(), now }
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
        match self.checked(&answer, nonce)?.reply {
            Reply::Enrolled { epoch } if epoch == file.epoch => Ok(self.identity(seed)),
            // Another file with a higher epoch was made since.
            Reply::Enrolled { .. } => Err(SyncError::File("it was replaced by a newer".to_owned())),
            Reply::Refused(refusal) => Err(SyncError::Refused(refusal)),
            _ => Err(Lie::Kind.into()),
        }
    }

    /// An answer of the office to this handheld and this request.
    fn checked(&self, answer: &[u8], nonce: [u8; 16]) -> Result<Answer, SyncError> {
        let [signed, body] = wire::split(answer)?;
        let (tenant, ring) = (&self.file.tenant, self.authority.keyring());
        let read = |at| verify(&signed, DocType::Answer, tenant, &ring, at);
        let answer = Answer::read(read(None).map_err(Lie::Signature)?.payload, &body)?;
        read(Some(answer.at.0)).map_err(|_| Lie::KeyTime)?;
        if answer.device != self.file.device {
            return Err(Lie::OtherDevice.into());
        }
        if answer.nonce != nonce {
            return Err(Lie::Nonce.into());
        }
        Ok(answer)
    }

    fn identity(&self, seed: [u8; 32]) -> Identity {
        let file = &self.file;
        Identity {
            tenant: file.tenant.clone(),
            device: file.device.clone(),
            device_seed: seed,
            office_url: file.url.clone(),
            root_hash: file.root_hash,
            roots: file.roots.clone(),
            keyset: file.keyset.clone(),
            ca: file.ca.clone(),
            pins: file.pins.clone(),
            epoch: file.epoch,
        }
    }

    /// What a new store starts with: the status, and the grants of its operators. If the power goes
    /// in the middle, the office gives the rest again with the next exchange.
    fn begin(&self, store: &Store, stamp: &Stamp) -> Result<(), StoreError> {
        let (file, version) = (&self.file, self.status.version);
        store.take_document(stamp, DocKind::Status, version, &file.status)?;
        for (grant, bytes) in self.grants.iter().zip(&file.grants) {
            if let Some(event) = grant_taken(grant, bytes) {
                store.append(stamp, event)?;
            }
        }
        Ok(())
    }
}

/// Enrols this handheld: reads the file, introduces a new key to the office it names, and creates
/// the store in `dir`, sealed with `key`. A store of an earlier life must be out of the way
/// ([`make_way`]).
///
/// # Errors
/// See [`SyncError`]. Until the store exists, trying again with the same file is safe.
pub fn enrol(dir: &Path, key: &StoreKey, file: &[u8], stamp: &Stamp) -> Result<Store, SyncError> {
    let enrolling = Enrolling::read(file)?;
    let trust = enrolling.trust(stamp.at);
    let post = Http::new(&enrolling.file.url, &trust, Timeouts::default())?;
    enrol_over(dir, key, &enrolling, stamp, &post)
}

/// The same over any way to the office: the demo and the tests have it in the same process.
///
/// # Errors
/// As [`enrol`].
pub fn enrol_over(
    dir: &Path,
    key: &StoreKey,
    enrolling: &Enrolling,
    stamp: &Stamp,
    post: &dyn Post,
) -> Result<Store, SyncError> {
    // An enrolled handheld must not offer its office a second key.
    if Store::exists(dir) {
        return Err(StoreError::AlreadyEnrolled(dir.display().to_string()).into());
    }
    let pending = Pending::at(dir, key)?;
    let identity = enrolling.introduce(*pending.seed, stamp, post)?;
    let store = Store::create(dir, identity, stamp, key)?;
    pending.done();
    enrolling.begin(&store, stamp)?;
    Ok(store)
}

/// Moves the store of an earlier life aside, to `<dir>.epoch-<n>`, when the file begins a new one.
/// `ours` is the epoch of the store in `dir`, if it could be opened. Gives where it lies now;
/// `None` if there was nothing to move. To be called before the new vault is made; repeated after
/// a power cut it does nothing more.
///
/// # Errors
/// [`StoreError::AlreadyEnrolled`]: the store there is of this life or a later one, or a store was
/// moved aside for this file before. [`StoreError::Locked`]: somebody works with it.
pub fn make_way(
    dir: &Path,
    enrolling: &Enrolling,
    ours: Option<u32>,
) -> Result<Option<PathBuf>, SyncError> {
    if !Store::exists(dir) {
        return Ok(None);
    }
    let there = || StoreError::AlreadyEnrolled(dir.display().to_string());
    // The life before this one, if nobody can say better: a store whose PINs are lost.
    let old = ours.unwrap_or(enrolling.file.epoch.saturating_sub(1));
    if old == 0 || old >= enrolling.file.epoch {
        return Err(there().into());
    }
    let mut name = dir.file_name().ok_or_else(there)?.to_owned();
    name.push(format!(".epoch-{old}"));
    let aside = dir.with_file_name(name);
    // Renaming a folder onto an empty one would succeed; nothing is ever written over.
    if aside.symlink_metadata().is_ok() {
        return Err(there().into());
    }
    let lock = RealDisk.lock(&dir.join(LOCK)).map_err(|e| failed(dir, &e))?;
    let _lock = lock.ok_or(StoreError::Locked { pid: None })?;
    fs::rename(dir, &aside).map_err(|e| failed(dir, &e))?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_dir(parent.unwrap_or(Path::new("."))).map_err(|e| failed(dir, &e))?;
    Ok(Some(aside))
}

/// The key of an enrolment that is under way, kept beside the store, sealed with the store's key.
struct Pending {
    seed: Zeroizing<[u8; 32]>,
    file: PathBuf,
}

impl Pending {
    /// Takes up the key of an earlier try, or draws a new one and writes it down first.
    fn at(dir: &Path, key: &StoreKey) -> Result<Self, SyncError> {
        let failed = |error: std::io::Error| failed(dir, &error);
        let sealer = Sealer::new(key);
        fs::create_dir_all(dir).map_err(failed)?;
        let file = dir.join(PENDING);
        if let Ok(bytes) = fs::read(&file)
            && let Some(seed) = sealer.open(Part::File, PENDING_PLACE, &bytes).map(Zeroizing::new)
            && let Ok(seed) = <[u8; 32]>::try_from(seed.as_slice())
        {
            return Ok(Self { seed: Zeroizing::new(seed), file });
        }
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|e| SyncError::Internal(e.to_string()))?;
        let sealed = sealer.seal(Part::File, PENDING_PLACE, &*seed).map_err(StoreError::from)?;
        let draft = file.with_extension("tmp");
        let _ = fs::remove_file(&draft);
        let mut out = private(&draft).map_err(failed)?;
        out.write_all(&sealed).and_then(|()| out.sync_all()).map_err(failed)?;
        fs::rename(&draft, &file).map_err(failed)?;
        sync_dir(dir).map_err(failed)?;
        Ok(Self { seed, file })
    }

    /// The store holds the seed now. A copy that cannot be removed is as secret as the store.
    fn done(self) {
        let _ = fs::remove_file(self.file);
    }
}

fn failed(dir: &Path, error: &std::io::Error) -> SyncError {
    StoreError::Failed(format!("{}: {error}", dir.display())).into()
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
