//! The device secret: what a copy of the files lacks. Where it lies, and how it is made and found.

use super::error::VaultError;
use super::keystore::Keystore;
use super::tpm::{Tpm, TpmLine};
use super::wrap::{Secret, derive, random, tag};
use crate::store::disk::{Disk, read_all, replace};
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file beside the store's folder where a secret lies that has no better place.
pub const FILE: &str = "device-secret";
const MAGIC: &[u8; 8] = b"MKSECRT1";
const SIZE: usize = 8 + 32 + 4;

/// Where the device secret is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// The best there is: the TPM, else the keystore, else a file beside the store. For a vault
    /// that is there already: where it was put when it was made, and nowhere else.
    Auto,
    /// This file, for instance on a card that is kept apart from the handheld.
    File(PathBuf),
    /// The machine's TPM 2.0.
    Tpm,
    /// The keystore of the user's session.
    Keystore,
}

impl From<&str> for SecretPlace {
    /// `auto`, `tpm`, `keystore`, or the path of a file.
    fn from(text: &str) -> Self {
        match text {
            "auto" => Self::Auto,
            "tpm" => Self::Tpm,
            "keystore" => Self::Keystore,
            path => Self::File(path.into()),
        }
    }
}

/// Where the device secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// Sealed by the machine's TPM: it never leaves this machine.
    Tpm,
    /// In the keystore of the user's session: sealed while nobody is logged in to the desktop.
    Keystore,
    /// In a file: whoever copies that file and this machine's id has it. Say so.
    File,
}

impl SecretKind {
    /// The stable name, for `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tpm => "tpm",
            Self::Keystore => "keystore",
            Self::File => "file",
        }
    }

    pub(super) fn number(self) -> i64 {
        match self {
            Self::Tpm => 1,
            Self::File => 2,
            Self::Keystore => 3,
        }
    }

    pub(super) fn of_number(number: i64) -> Option<Self> {
        [Self::Tpm, Self::Keystore, Self::File].into_iter().find(|kind| kind.number() == number)
    }
}

/// What of the machine itself goes into the device secret.
pub trait Machine: Send + Sync + Debug {
    /// The id of this installation, where there is one.
    fn id(&self) -> Option<Vec<u8>>;
    /// A line to the TPM.
    ///
    /// # Errors
    /// Whatever the system says; `NotFound` where there is none.
    fn tpm(&self) -> io::Result<Box<dyn TpmLine>>;
    /// The keystore of this user's session.
    ///
    /// # Errors
    /// Whatever the system says; `NotFound` where there is none.
    fn keystore(&self) -> io::Result<Box<dyn Keystore>>;
}

/// The machine this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemMachine;

impl Machine for SystemMachine {
    fn id(&self) -> Option<Vec<u8>> {
        let id = std::fs::read("/etc/machine-id").ok()?;
        let id = id.trim_ascii();
        // Images are shipped with an empty one, or with a word that says it is not drawn yet.
        (id.len() >= 32).then(|| id.to_vec())
    }

    fn tpm(&self) -> io::Result<Box<dyn TpmLine>> {
        super::tpm::system_line()
    }

    fn keystore(&self) -> io::Result<Box<dyn Keystore>> {
        super::keystore::session()
    }
}

/// How to find the secret again: these go into the clear head of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    pub kind: SecretKind,
    /// Whether the machine's id is mixed in.
    pub machine: bool,
    /// What the TPM sealed, or the name in the keystore.
    pub blob: Vec<u8>,
}

/// The device secret and what is derived from it.
pub(super) struct DeviceSecret(Secret);

impl DeviceSecret {
    /// The bytes that go into every wrapped key.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[..]
    }

    /// A key for one purpose in one vault.
    pub(super) fn key(&self, purpose: &str, vault: &[u8; 16]) -> Result<Secret, VaultError> {
        derive(b"", &[self.bytes()], &[b"meterkit/vault/1/", purpose.as_bytes(), b"/", vault])
    }

    /// A name, blinded for one vault.
    pub(super) fn blind(
        &self,
        vault: &[u8; 16],
        what: &str,
        name: &[u8],
    ) -> Result<[u8; 16], VaultError> {
        let tag = tag(&self.key("names", vault)?, &[what.as_bytes(), name])?;
        let mut id = [0; 16];
        id.copy_from_slice(&tag[..16]);
        Ok(id)
    }
}

fn missing(what: &str) -> VaultError {
    VaultError::NoSecret(what.to_owned())
}

/// The file beside the store.
fn default_file(store: &Path) -> PathBuf {
    store.parent().unwrap_or(Path::new("")).join(FILE)
}

/// Makes a device secret, or takes the one that lies in the file: it may be another vault's too.
pub(super) fn make(
    disk: &dyn Disk,
    machine: &dyn Machine,
    store: &Path,
    place: &SecretPlace,
) -> Result<(DeviceSecret, Trace), VaultError> {
    match place {
        SecretPlace::File(path) => in_file(disk, machine, path),
        SecretPlace::Tpm => in_tpm(machine),
        SecretPlace::Keystore => in_keystore(machine),
        SecretPlace::Auto => {
            for make in [in_tpm, in_keystore] {
                match make(machine) {
                    Err(VaultError::NoSecret(_)) => {}
                    other => return other,
                }
            }
            in_file(disk, machine, &default_file(store))
        }
    }
}

/// Finds the device secret of a vault where the vault says it is, and nowhere else.
pub(super) fn find(
    disk: &dyn Disk,
    machine: &dyn Machine,
    store: &Path,
    place: &SecretPlace,
    trace: &Trace,
) -> Result<DeviceSecret, VaultError> {
    match (trace.kind, place) {
        (SecretKind::Tpm, SecretPlace::Auto | SecretPlace::Tpm) => {
            from_tpm(&tpm(machine)?.unseal(&trace.blob).map_err(|e| missing(&e.to_string()))?)
        }
        (SecretKind::Keystore, SecretPlace::Auto | SecretPlace::Keystore) => {
            let fetched = keystore(machine)?.get(&item(&trace.blob));
            from_keystore(&fetched.map_err(|e| missing(&format!("keystore: {e}")))?)
        }
        (SecretKind::File, SecretPlace::Auto) => {
            from_file(&read_file(disk, &default_file(store))?, machine, trace.machine)
        }
        (SecretKind::File, SecretPlace::File(path)) => {
            from_file(&read_file(disk, path)?, machine, trace.machine)
        }
        (kind, _) => Err(missing(&format!("it was put into the {}", kind.name()))),
    }
}

fn in_tpm(machine: &dyn Machine) -> Result<(DeviceSecret, Trace), VaultError> {
    let secret = random::<32>()?;
    let failed = |e: super::tpm::TpmError| missing(&e.to_string());
    let mut tpm = tpm(machine)?;
    let blob = tpm.seal(&secret).map_err(failed)?;
    // A TPM that seals and does not unseal would lock everybody out for good.
    if tpm.unseal(&blob).map_err(failed)?[..] != secret[..] {
        return Err(missing("the TPM does not give back what it sealed"));
    }
    let trace = Trace { kind: SecretKind::Tpm, machine: false, blob };
    Ok((from_tpm(&secret)?, trace))
}

fn tpm(machine: &dyn Machine) -> Result<Tpm, VaultError> {
    machine.tpm().map(Tpm::new).map_err(|e| missing(&format!("tpm: {e}")))
}

fn keystore(machine: &dyn Machine) -> Result<Box<dyn Keystore>, VaultError> {
    machine.keystore().map_err(|e| missing(&format!("keystore: {e}")))
}

fn in_keystore(machine: &dyn Machine) -> Result<(DeviceSecret, Trace), VaultError> {
    let failed = |e: io::Error| missing(&format!("keystore: {e}"));
    let (secret, name) = (random::<32>()?, random::<16>()?);
    let keystore = keystore(machine)?;
    keystore.put(&item(&name[..]), &secret).map_err(failed)?;
    if keystore.get(&item(&name[..])).map_err(failed)?[..] != secret[..] {
        return Err(missing("the keystore does not give back what it took"));
    }
    let trace = Trace { kind: SecretKind::Keystore, machine: false, blob: name.to_vec() };
    Ok((from_keystore(&secret)?, trace))
}

/// The name of a secret in the keystore.
fn item(name: &[u8]) -> String {
    name.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_keystore(kept: &Secret) -> Result<DeviceSecret, VaultError> {
    Ok(DeviceSecret(derive(b"", &[&kept[..]], &[b"meterkit/device-secret/1/keystore"])?))
}

fn from_tpm(sealed: &Secret) -> Result<DeviceSecret, VaultError> {
    Ok(DeviceSecret(derive(b"", &[&sealed[..]], &[b"meterkit/device-secret/1/tpm"])?))
}

fn in_file(
    disk: &dyn Disk,
    machine: &dyn Machine,
    path: &Path,
) -> Result<(DeviceSecret, Trace), VaultError> {
    let bytes = match read_file(disk, path) {
        Ok(bytes) => bytes,
        Err(VaultError::NoSecret(_)) => {
            let bytes = random::<32>()?;
            write_file(disk, path, &bytes)?;
            bytes
        }
        Err(other) => return Err(other),
    };
    let trace = Trace { kind: SecretKind::File, machine: machine.id().is_some(), blob: Vec::new() };
    Ok((from_file(&bytes, machine, trace.machine)?, trace))
}

fn from_file(
    bytes: &Secret,
    machine: &dyn Machine,
    with_machine: bool,
) -> Result<DeviceSecret, VaultError> {
    let id = match machine.id() {
        _ if !with_machine => Vec::new(),
        Some(id) => id,
        None => return Err(missing("this machine has no id")),
    };
    Ok(DeviceSecret(derive(&id, &[&bytes[..]], &[b"meterkit/device-secret/1/file"])?))
}

fn write_file(disk: &dyn Disk, path: &Path, secret: &Secret) -> Result<(), VaultError> {
    let failed = |e: io::Error| VaultError::of_io(FILE, &e);
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| missing("no name"))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(SIZE));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&secret[..]);
    let check = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&check.to_be_bytes());
    disk.make_dir(folder).map_err(failed)?;
    replace(disk, folder, name, &bytes).map_err(failed)
}

fn read_file(disk: &dyn Disk, path: &Path) -> Result<Secret, VaultError> {
    let bytes = match read_all(disk, path, SIZE) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(missing(&format!("no file {}", path.display())));
        }
        Err(e) if e.kind() == io::ErrorKind::FileTooLarge => {
            return Err(VaultError::Damaged(FILE.into()));
        }
        Err(e) => return Err(VaultError::of_io(FILE, &e)),
    };
    let damaged = || VaultError::Damaged(FILE.into());
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let (secret, check) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
    if crc32c::crc32c(&bytes[..SIZE - 4]).to_be_bytes() != *check {
        return Err(damaged());
    }
    Ok(Zeroizing::new(*secret))
}
