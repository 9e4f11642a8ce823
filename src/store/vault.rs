//! The vault: the store's key, wrapped once for every operator's PIN.
//!
//! ```text
//! <store>/vault/slots    clear head, wrapped keys; replaced whole
//!         vault/tries    wrong PINs, written before a PIN is looked at     tries   the same again
//!         vault/lock     one try at a time
//! device secret          TPM, keystore, or a file beside the store or wherever it was told to be
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`pin`] | what a PIN must be |
//! | `wrap` | Argon2id, HKDF, XChaCha20-Poly1305 |
//! | [`slots`] | the file of wrapped keys |
//! | `tries`, [`boot`] | counting wrong PINs; the clock for waits |
//! | [`secret`], [`tpm`], [`keystore`] | the device secret |
//! | `recovery` | recovery codes; their text is `units/code.rs` |
//!
//! Every call reads the files again and holds the vault's lock, so that no second process, and no
//! second thread, gets tries for nothing. `docs/vault.md` has the formats and the figures.

pub mod boot;
pub mod error;
pub mod keystore;
pub mod pin;
mod recovery;
pub mod secret;
pub mod slots;
pub mod tpm;
mod tries;
mod wrap;

pub use boot::{Boot, SystemBoot};
pub use error::VaultError;
pub use pin::Weak;
pub use secret::{Machine, SecretKind, SecretPlace, SystemMachine};
pub use tries::LOCK_AFTER;
pub use wrap::Cost;

use super::disk::{Disk, DiskLock, RealDisk, read_all, replace};
use super::identity;
use super::seal::StoreKey;
use crate::units::{DeviceId, OperatorId};
use secrecy::{ExposeSecret, SecretString};
use secret::DeviceSecret;
use slots::{Head, Kind, MAX_OPERATORS, Opener, Slot, Slots};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tries::{Door, Standing, Tries};
use wrap::random;

/// The vault's folder inside the store's.
pub const FOLDER: &str = "vault";
const LOCK: &str = "lock";
/// How often, and how long between, a busy vault is asked for again. A try takes under a second.
const LOCK_TRIES: u32 = 250;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// What a vault stands on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The file system.
    pub disk: Arc<dyn Disk>,
    /// The machine: its id and its TPM.
    pub machine: Arc<dyn Machine>,
}

impl Default for Ground {
    fn default() -> Self {
        Self { disk: Arc::new(RealDisk), machine: Arc::new(SystemMachine) }
    }
}

/// The vault of one store, its device secret found.
pub struct Vault {
    ground: Ground,
    dir: PathBuf,
    head: Head,
    secret: DeviceSecret,
    /// Made by this process and perhaps not yet on disk: the vault it may take the place of.
    new: Option<Replaces>,
}

/// What lay in the folder when a vault was made: nothing, or one of an unfinished enrolment.
type Replaces = Option<[u8; 16]>;

/// What the right PIN gives.
#[derive(Debug)]
pub struct Unlocked {
    /// The store's key.
    pub key: StoreKey,
    /// Wrong PINs since the last right one.
    pub failures: u32,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Vault {
    /// Whether there is a vault in a store's folder.
    pub fn exists(dir: &Path) -> bool {
        RealDisk.open(&slots_file(dir)).is_ok()
    }

    /// The name of the handheld whose vault this is; needs no secret.
    ///
    /// # Errors
    /// [`VaultError::NotThere`], [`VaultError::Damaged`], [`VaultError::Newer`],
    /// [`VaultError::Failed`].
    pub fn device_of(dir: &Path) -> Result<String, VaultError> {
        Ok(read(&RealDisk, dir)?.1.head.device)
    }

    /// Makes a vault and draws the store's key. Nothing of it is on disk before the first PIN or
    /// recovery code: a vault that nothing opens cannot come about.
    ///
    /// # Errors
    /// [`VaultError::There`] if an enrolled handheld has one; [`VaultError::NoSecret`] if the
    /// place for the device secret does not work; those of the disk.
    pub fn create(
        dir: &Path,
        device: &DeviceId,
        place: &SecretPlace,
        cost: Cost,
    ) -> Result<(Self, StoreKey), VaultError> {
        Self::create_on(dir, device, place, cost, Ground::default())
    }

    /// As [`Vault::create`], on a disk and a machine of the caller's choice.
    ///
    /// # Errors
    /// As [`Vault::create`].
    pub fn create_on(
        dir: &Path,
        device: &DeviceId,
        place: &SecretPlace,
        cost: Cost,
        ground: Ground,
    ) -> Result<(Self, StoreKey), VaultError> {
        let replaces = match read(&*ground.disk, dir) {
            _ if enrolled(&*ground.disk, dir) => {
                return Err(VaultError::There(dir.display().to_string()));
            }
            Ok((_, slots)) => Some(slots.head.id),
            Err(VaultError::NotThere(_) | VaultError::Damaged(_)) => None,
            Err(other) => return Err(other),
        };
        let (secret, trace) = secret::make(&*ground.disk, &*ground.machine, dir, place)?;
        let (id, key) = (*random::<16>()?, StoreKey::from_bytes(*random::<32>()?));
        let check = Head::check_of(&key, &id)?;
        let head = Head { device: device.as_str().to_owned(), id, trace, cost, check };
        Ok((Self { ground, dir: dir.to_owned(), head, secret, new: Some(replaces) }, key))
    }

    /// Opens the vault of a store: finds the device secret. No PIN is needed for that, and none
    /// helps without it.
    ///
    /// # Errors
    /// [`VaultError::NotThere`], [`VaultError::NoSecret`], [`VaultError::Damaged`],
    /// [`VaultError::Newer`], [`VaultError::Failed`].
    pub fn open(dir: &Path, place: &SecretPlace) -> Result<Self, VaultError> {
        Self::open_on(dir, place, Ground::default())
    }

    /// As [`Vault::open`], on a disk and a machine of the caller's choice.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn open_on(dir: &Path, place: &SecretPlace, ground: Ground) -> Result<Self, VaultError> {
        let (bytes, slots) = read(&*ground.disk, dir)?;
        let head = slots.head;
        let secret = secret::find(&*ground.disk, &*ground.machine, dir, place, &head.trace)?;
        if !slots::genuine(&bytes, &secret, &head.id)? {
            return Err(VaultError::NoSecret("this is another machine or secret".into()));
        }
        Ok(Self { ground, dir: dir.to_owned(), head, secret, new: None })
    }

    /// Where the device secret is. With [`SecretKind::File`] the operator must be warned.
    pub fn kind(&self) -> SecretKind {
        self.head.trace.kind
    }

    /// The handheld's name.
    pub fn device(&self) -> &str {
        &self.head.device
    }

    /// Gives an operator a PIN, in place of any before, and frees the log-in. `strict` if the
    /// operator has a supervisor's rights.
    ///
    /// # Errors
    /// [`VaultError::WeakPin`], [`VaultError::OtherKey`], [`VaultError::Full`],
    /// [`VaultError::Busy`], those of the disk.
    pub fn set_pin(
        &self,
        key: &StoreKey,
        operator: &OperatorId,
        pin: &SecretString,
        strict: bool,
    ) -> Result<(), VaultError> {
        pin::check(operator, pin, strict).map_err(VaultError::WeakPin)?;
        self.own(key)?;
        let _lock = self.lock()?;
        let mut slots = self.slots()?;
        let id = self.blind(operator)?;
        if slots.find(Kind::Operator, &id).is_none() && slots.count(Kind::Operator) >= MAX_OPERATORS
        {
            return Err(VaultError::Full(MAX_OPERATORS));
        }
        self.write_pin(&mut slots, key, id, pin)
    }

    /// Takes an operator's PIN away.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`], [`VaultError::Busy`], those of the disk.
    pub fn remove(&self, key: &StoreKey, operator: &OperatorId) -> Result<(), VaultError> {
        self.own(key)?;
        let _lock = self.lock()?;
        let mut slots = self.slots()?;
        slots.remove(Kind::Operator, &self.blind(operator)?);
        self.save(&slots)
    }

    /// Forgets an operator's wrong PINs: the log-in is free again.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`], [`VaultError::Busy`], those of the disk.
    pub fn free(&self, key: &StoreKey, operator: &OperatorId) -> Result<(), VaultError> {
        self.own(key)?;
        let _lock = self.lock()?;
        let slots = self.slots()?;
        self.tries()?.clear(&door(&ids(&slots), self.blind(operator)?, true), &SystemBoot)
    }

    /// Whether an operator has a PIN. For those who have logged in: a log-in screen must not ask.
    ///
    /// # Errors
    /// [`VaultError::NotThere`], [`VaultError::Damaged`], [`VaultError::Failed`].
    pub fn has(&self, operator: &OperatorId) -> Result<bool, VaultError> {
        Ok(self.slots()?.find(Kind::Operator, &self.blind(operator)?).is_some())
    }

    /// Whether a log-in is locked after too many wrong PINs.
    ///
    /// # Errors
    /// As [`Vault::has`].
    pub fn locked(&self, operator: &OperatorId) -> Result<bool, VaultError> {
        Ok(self.left(operator)? == 0)
    }

    /// Wrong PINs left before a log-in is locked. The same for names nobody has.
    ///
    /// # Errors
    /// As [`Vault::has`].
    pub fn left(&self, operator: &OperatorId) -> Result<u32, VaultError> {
        Ok(left(self.standing(operator, &SystemBoot)?.failures))
    }

    /// Seconds before the next try. The same for names nobody has.
    ///
    /// # Errors
    /// As [`Vault::has`].
    pub fn wait(&self, operator: &OperatorId, boot: &dyn Boot) -> Result<u64, VaultError> {
        Ok(self.standing(operator, boot)?.wait_s)
    }

    /// Tries a PIN. The try is on disk as a wrong one before it is looked at.
    ///
    /// # Errors
    /// [`VaultError::Wrong`], [`VaultError::Wait`], [`VaultError::LockedOut`],
    /// [`VaultError::Busy`], those of the disk.
    pub fn unlock(
        &self,
        operator: &OperatorId,
        pin: &SecretString,
        boot: &dyn Boot,
    ) -> Result<Unlocked, VaultError> {
        let _lock = self.lock()?;
        self.try_pin(&self.slots()?, operator, pin, boot)
    }

    /// Changes a PIN: the old one is tried as at a log-in. Only the wrapping of the key changes.
    ///
    /// # Errors
    /// [`VaultError::WeakPin`] before anything is tried; as [`Vault::unlock`]; those of the disk,
    /// and then the old PIN is still in force.
    pub fn change_pin(
        &self,
        operator: &OperatorId,
        old: &SecretString,
        new: &SecretString,
        strict: bool,
        boot: &dyn Boot,
    ) -> Result<(), VaultError> {
        pin::check(operator, new, strict).map_err(VaultError::WeakPin)?;
        let _lock = self.lock()?;
        let mut slots = self.slots()?;
        let unlocked = self.try_pin(&slots, operator, old, boot)?;
        self.write_pin(&mut slots, &unlocked.key, self.blind(operator)?, new)
    }

    fn try_pin(
        &self,
        slots: &Slots,
        operator: &OperatorId,
        pin: &SecretString,
        boot: &dyn Boot,
    ) -> Result<Unlocked, VaultError> {
        let (id, ids, tries) = (self.blind(operator)?, ids(slots), self.tries()?);
        let slot = match slots.find(Kind::Operator, &id) {
            Some(slot) => slot.clone(),
            None => Slot::decoy(&self.head, id),
        };
        let mut opener = Opener::pin(pin.expose_secret().as_bytes(), slot.cost)?;
        let door = door(&ids, id, true);
        let before = tries.begin(&door, boot)?;
        match slot.open(&self.head, &self.secret, &mut opener)? {
            Some(key) => {
                // If this fails the try stays counted, which costs the operator one at most.
                let _ = tries.clear(&door, boot);
                Ok(Unlocked { key, failures: before.into() })
            }
            None => match left(before.saturating_add(1)) {
                0 => Err(VaultError::LockedOut),
                left => {
                    let wait_s = tries.standing(&door, boot)?.wait_s;
                    Err(VaultError::Wrong { left, wait_s })
                }
            },
        }
    }

    /// Wraps the key for a PIN and puts it on disk. The count comes first: a slot without one is
    /// taken for tampering.
    fn write_pin(
        &self,
        slots: &mut Slots,
        key: &StoreKey,
        id: [u8; 16],
        pin: &SecretString,
    ) -> Result<(), VaultError> {
        let mut opener = Opener::pin(pin.expose_secret().as_bytes(), self.head.cost)?;
        slots.put(Slot::make(&self.head, &self.secret, id, &mut opener, key)?);
        self.tries()?.clear(&door(&ids(slots), id, true), &SystemBoot)?;
        self.save(slots)
    }

    fn standing(&self, operator: &OperatorId, boot: &dyn Boot) -> Result<Standing, VaultError> {
        let slots = self.slots()?;
        self.tries()?.standing(&door(&ids(&slots), self.blind(operator)?, true), boot)
    }

    fn own(&self, key: &StoreKey) -> Result<(), VaultError> {
        let check = Head::check_of(key, &self.head.id)?;
        if check == self.head.check { Ok(()) } else { Err(VaultError::OtherKey) }
    }

    fn blind(&self, operator: &OperatorId) -> Result<[u8; 16], VaultError> {
        self.secret.blind(&self.head.id, "operator", operator.as_str().as_bytes())
    }

    fn folder(&self) -> PathBuf {
        self.dir.join(FOLDER)
    }

    fn tries(&self) -> Result<Tries, VaultError> {
        let key = self.secret.key("tries", &self.head.id)?;
        Ok(Tries::new(self.ground.disk.clone(), &self.dir, &self.folder(), key))
    }

    fn lock(&self) -> Result<DiskLock, VaultError> {
        let failed = |e: io::Error| VaultError::of_io(LOCK, &e);
        let folder = self.folder();
        self.ground.disk.make_dir(&folder).map_err(failed)?;
        for _ in 0..LOCK_TRIES {
            if let Some(lock) = self.ground.disk.lock(&folder.join(LOCK)).map_err(failed)? {
                return Ok(lock);
            }
            thread::sleep(LOCK_PAUSE);
        }
        Err(VaultError::Busy)
    }
}

// What is read and written.
impl Vault {
    /// The slots as they are on disk now.
    fn slots(&self) -> Result<Slots, VaultError> {
        let empty = || Slots { head: self.head.clone(), slots: Vec::new() };
        let (bytes, slots) = match (read(&*self.ground.disk, &self.dir), &self.new) {
            (Err(VaultError::NotThere(_) | VaultError::Damaged(_)), Some(None)) => {
                return Ok(empty());
            }
            (found, _) => found?,
        };
        match &self.new {
            _ if slots.head.id == self.head.id => {}
            Some(Some(old)) if slots.head.id == *old => return Ok(empty()),
            // Somebody else enrolled meanwhile; theirs is not taken away.
            Some(_) => return Err(VaultError::There(self.dir.display().to_string())),
            None => return Err(VaultError::Damaged("another vault was put there".into())),
        }
        if slots::genuine(&bytes, &self.secret, &self.head.id)? {
            Ok(slots)
        } else {
            Err(VaultError::Damaged(format!("{}: not written with this secret", slots::FILE)))
        }
    }

    fn save(&self, slots: &Slots) -> Result<(), VaultError> {
        let (disk, failed) =
            (&*self.ground.disk, |e: io::Error| VaultError::of_io(slots::FILE, &e));
        let bytes = slots.encode(&self.secret)?;
        replace(disk, &self.folder(), slots::FILE, &bytes).map_err(failed)?;
        // The folder itself may be new.
        disk.sync_dir(&self.dir).map_err(failed)
    }
}

fn slots_file(dir: &Path) -> PathBuf {
    dir.join(FOLDER).join(slots::FILE)
}

/// Whether the store behind the vault was made: its identity is the last thing written.
fn enrolled(disk: &dyn Disk, dir: &Path) -> bool {
    disk.open(&dir.join(identity::FILE)).is_ok()
}

fn read(disk: &dyn Disk, dir: &Path) -> Result<(Vec<u8>, Slots), VaultError> {
    let bytes = match read_all(disk, &slots_file(dir), slots::MAX_FILE) {
        Ok(bytes) => bytes,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(VaultError::NotThere(dir.display().to_string()));
        }
        Err(e) if e.kind() == io::ErrorKind::FileTooLarge => {
            return Err(VaultError::Damaged(format!("{}: too large", slots::FILE)));
        }
        Err(e) => return Err(VaultError::of_io(slots::FILE, &e)),
    };
    let slots = Slots::decode(&bytes)?;
    Ok((bytes, slots))
}

fn ids(slots: &Slots) -> Vec<[u8; 16]> {
    slots.slots.iter().filter(|slot| slot.kind == Kind::Operator).map(|slot| slot.id).collect()
}

fn door(slots: &[[u8; 16]], id: [u8; 16], locks: bool) -> Door<'_> {
    Door { id, slots, locks }
}

fn left(failures: u8) -> u32 {
    LOCK_AFTER.saturating_sub(failures.into())
}
