//! Who this handheld is: one small file that never changes after enrolment.
//!
//! Not sealed yet: the file is readable by its owner alone, and holds the device key's seed. A PIN
//! and a device secret will wrap it (`docs/store-format.md`, "Vault"). Its presence is the sign
//! that enrolment was completed.

use super::chain::Life;
use super::disk::{Disk, read_all, replace};
use super::error::{Damage, StoreError};
use super::index::{seal, unseal};
use super::schema::{IDENTITY_FORMAT, MAX_TEXT};
use crate::units::DeviceId;
use meterkit_tokens::cbor::{CborError, Fields, Limits, Value, decode, encode};
use std::fmt;
use std::io;
use std::path::Path;

/// The folder.
pub const FOLDER: &str = "vault";
/// The file.
pub const FILE: &str = "identity";
/// Largest identity file, bytes.
const MAX_FILE: usize = 64 * 1024;
/// Key of the checksum: ties it to this kind of file.
const SEAL: &[u8] = b"vault/identity";

/// Who this handheld is.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose handheld it is.
    pub tenant: String,
    /// Its name.
    pub device: DeviceId,
    /// The seed of its own signing key. Never printed.
    pub device_seed: [u8; 32],
    /// Where its office is.
    pub office_url: String,
    /// The office's root public key.
    pub root_key: [u8; 32],
    /// The signed keyset it was enrolled with; newer ones are snapshots.
    pub keyset: Vec<u8>,
    /// The journal's life; 1 unless re-enrolled.
    pub epoch: u32,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("tenant", &self.tenant)
            .field("device", &self.device)
            .field("office_url", &self.office_url)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// Writes the identity with the journal's life.
///
/// # Errors
/// [`StoreError::TooBig`], [`StoreError::DiskFull`], [`StoreError::Failed`].
pub fn save(disk: &dyn Disk, dir: &Path, who: &Identity, life: &Life) -> Result<(), StoreError> {
    for (what, size) in [("tenant", who.tenant.len()), ("office", who.office_url.len())] {
        if size > MAX_TEXT {
            return Err(StoreError::TooBig { what, size, limit: MAX_TEXT });
        }
    }
    let bytes = encode(&Value::Map(vec![
        (0, Value::Int(IDENTITY_FORMAT)),
        (1, Value::Text(who.tenant.clone())),
        (2, Value::from(who.device.as_str())),
        (3, Value::bytes(who.device_seed)),
        (4, Value::Text(who.office_url.clone())),
        (5, Value::bytes(who.root_key)),
        (6, Value::Bytes(who.keyset.clone())),
        (7, Value::from(who.epoch)),
        (8, Value::bytes(life.id)),
    ]));
    let sealed = seal(SEAL, &bytes);
    if sealed.len() > MAX_FILE {
        return Err(StoreError::TooBig { what: "identity", size: sealed.len(), limit: MAX_FILE });
    }
    replace(disk, &dir.join(FOLDER), FILE, &sealed).map_err(|e| StoreError::of_io(FILE, &e))
}

/// Reads the identity.
///
/// # Errors
/// [`StoreError::NotEnrolled`], [`StoreError::Damaged`], [`StoreError::Newer`].
pub fn load(disk: &dyn Disk, dir: &Path) -> Result<(Identity, Life), StoreError> {
    let damaged = |what: String| {
        let file = format!("{FOLDER}/{FILE}");
        StoreError::Damaged(Damage { file, offset: 0, after_seq: 0, what })
    };
    let sealed = match read_all(disk, &dir.join(FOLDER).join(FILE), MAX_FILE) {
        Ok(bytes) => bytes,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(StoreError::NotEnrolled(dir.display().to_string()));
        }
        Err(e) if e.kind() == io::ErrorKind::FileTooLarge => {
            return Err(damaged("too large".into()));
        }
        Err(e) => return Err(StoreError::Failed(format!("{FOLDER}/{FILE}: {e}"))),
    };
    let bytes = unseal(SEAL, sealed).map_err(|_| damaged("the checksum is wrong".into()))?;
    match parse(&bytes) {
        Ok(found) => Ok(found),
        Err(Fault::Newer(found)) => Err(StoreError::Newer {
            file: format!("{FOLDER}/{FILE}"),
            found,
            known: u32::try_from(IDENTITY_FORMAT).unwrap_or(0),
        }),
        Err(Fault::Bad(what)) => Err(damaged(what)),
    }
}

enum Fault {
    Newer(u32),
    Bad(String),
}

impl From<CborError> for Fault {
    fn from(e: CborError) -> Self {
        Self::Bad(e.to_string())
    }
}

fn parse(bytes: &[u8]) -> Result<(Identity, Life), Fault> {
    let mut f = Fields::of(decode(bytes, Limits { bytes: MAX_FILE, depth: 3 })?)?;
    let format = f.int(0)?;
    if format > IDENTITY_FORMAT {
        return Err(Fault::Newer(u32::try_from(format).unwrap_or(u32::MAX)));
    }
    if format != IDENTITY_FORMAT {
        return Err(Fault::Bad(format!("format {format}")));
    }
    let who = Identity {
        tenant: f.text(1)?,
        device: f.text(2)?.parse().map_err(|_| Fault::Bad("the device's name".into()))?,
        device_seed: f.array_bytes(3)?,
        office_url: f.text(4)?,
        root_key: f.array_bytes(5)?,
        keyset: f.bytes(6)?,
        epoch: f.number(7)?,
    };
    let life = Life::new(who.epoch, f.array_bytes(8)?, &who.device);
    f.finish()?;
    Ok((who, life))
}
