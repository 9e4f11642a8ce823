//! Who this handheld is: one small file that never changes after enrolment.
//!
//! Its presence is the sign that enrolment was completed. It is the first file an opening reads: if
//! it does not open with the key that was given, nothing else is looked at.

use super::chain::Life;
use super::disk::Disk;
use super::error::{Damage, StoreError};
use super::files::{Fault, Files};
use super::schema::{IDENTITY_FORMAT, MAX_TEXT};
use super::seal::Sealer;
use crate::units::DeviceId;
use meterkit_tokens::cbor::{CborError, Fields, Limits, Value, decode, encode};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use zeroize::{Zeroize as _, Zeroizing};

/// The file.
pub const FILE: &str = "identity";
/// Largest identity file, bytes.
const MAX_FILE: usize = 256 * 1024;
/// Most root documents in it.
const MAX_ROOTS: usize = 64;
/// Most pinned keys in it.
const MAX_PINS: usize = 16;

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
    /// SHA-256 of the payload of the first root document: what a person compared at enrolment.
    pub root_hash: [u8; 32],
    /// The root documents it was enrolled with, from the first on; newer ones are documents.
    pub roots: Vec<Vec<u8>>,
    /// The signed keyset it was enrolled with; newer ones are documents.
    pub keyset: Vec<u8>,
    /// Certificate of the office's own authority, DER; empty for an office without TLS.
    pub ca: Vec<u8>,
    /// SHA-256 of the keys the office's server may have; newer ones are in the status.
    pub pins: Vec<[u8; 32]>,
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

impl Identity {
    /// Wipes what is secret in it.
    pub(super) fn wipe(&mut self) {
        self.device_seed.zeroize();
    }
}

fn fits(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size <= limit { Ok(()) } else { Err(StoreError::TooBig { what, size, limit }) }
}

/// Writes the identity with the journal's life.
///
/// # Errors
/// [`StoreError::TooBig`], [`StoreError::DiskFull`], [`StoreError::Failed`].
pub fn save(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    seal: &Arc<Sealer>,
    who: &Identity,
    life: &Life,
) -> Result<(), StoreError> {
    fits("tenant", who.tenant.len(), MAX_TEXT)?;
    fits("office", who.office_url.len(), MAX_TEXT)?;
    fits("roots", who.roots.len(), MAX_ROOTS)?;
    fits("pins", who.pins.len(), MAX_PINS)?;
    let list = |items: &[Vec<u8>]| Value::Array(items.iter().cloned().map(Value::Bytes).collect());
    let bytes = Zeroizing::new(encode(&Value::Map(vec![
        (0, Value::Int(IDENTITY_FORMAT)),
        (1, Value::Text(who.tenant.clone())),
        (2, Value::from(who.device.as_str())),
        (3, Value::bytes(who.device_seed)),
        (4, Value::Text(who.office_url.clone())),
        (5, Value::bytes(who.root_hash)),
        (6, list(&who.roots)),
        (7, Value::Bytes(who.keyset.clone())),
        (8, Value::Bytes(who.ca.clone())),
        (9, Value::Array(who.pins.iter().map(Value::bytes).collect())),
        (10, Value::from(who.epoch)),
        (11, Value::bytes(life.id)),
    ])));
    fits(FILE, bytes.len(), MAX_FILE)?;
    let files = Files::before_life(disk.clone(), dir.to_owned(), seal.clone());
    files.put("", FILE, &bytes).map_err(|e| StoreError::of_io(FILE, &e))
}

/// Whether a folder holds an identity, readable or not.
pub fn exists(disk: &dyn Disk, dir: &Path) -> bool {
    disk.open(&dir.join(FILE)).is_ok()
}

/// Reads the identity.
///
/// # Errors
/// [`StoreError::NotEnrolled`], [`StoreError::Sealed`] for another key, [`StoreError::Damaged`],
/// [`StoreError::Newer`].
pub fn load(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    seal: &Arc<Sealer>,
) -> Result<(Identity, Life), StoreError> {
    let damaged = |what: String| {
        let file = FILE.to_owned();
        StoreError::Damaged(Damage { file, offset: 0, after_seq: 0, what })
    };
    let newer = |found| {
        let known = u32::try_from(IDENTITY_FORMAT).unwrap_or(0);
        StoreError::Newer { file: FILE.to_owned(), found, known }
    };
    let files = Files::before_life(disk.clone(), dir.to_owned(), seal.clone());
    let bytes = match files.get("", FILE, MAX_FILE) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(Fault::Missing) => return Err(StoreError::NotEnrolled(dir.display().to_string())),
        Err(Fault::Sealed) => return Err(StoreError::Sealed),
        Err(Fault::Newer(found)) => return Err(newer(found)),
        Err(Fault::Damaged(what)) => return Err(damaged(what.to_owned())),
        Err(Fault::Io(e)) => return Err(StoreError::Failed(format!("{FILE}: {e}"))),
    };
    match parse(&bytes) {
        Ok(found) => Ok(found),
        Err(Unread::Newer(found)) => Err(newer(found)),
        Err(Unread::Bad(what)) => Err(damaged(what)),
    }
}

enum Unread {
    Newer(u32),
    Bad(String),
}

impl From<CborError> for Unread {
    fn from(e: CborError) -> Self {
        Self::Bad(e.to_string())
    }
}

fn parse(bytes: &[u8]) -> Result<(Identity, Life), Unread> {
    let mut f = Fields::of(decode(bytes, Limits { bytes: MAX_FILE, depth: 3 })?)?;
    let format = f.int(0)?;
    if format > IDENTITY_FORMAT {
        return Err(Unread::Newer(u32::try_from(format).unwrap_or(u32::MAX)));
    }
    if format != IDENTITY_FORMAT {
        return Err(Unread::Bad(format!("format {format}")));
    }
    let bad = |what: &str| Unread::Bad(what.to_owned());
    let blob = |value| match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(bad("a list")),
    };
    let who = Identity {
        tenant: f.text(1)?,
        device: f.text(2)?.parse().map_err(|_| bad("the device's name"))?,
        device_seed: f.array_bytes(3)?,
        office_url: f.text(4)?,
        root_hash: f.array_bytes(5)?,
        roots: f.array(6)?.into_iter().map(blob).collect::<Result<_, _>>()?,
        keyset: f.bytes(7)?,
        ca: f.bytes(8)?,
        pins: f
            .array(9)?
            .into_iter()
            .map(|pin| blob(pin)?.try_into().map_err(|_| bad("a pin")))
            .collect::<Result<_, _>>()?,
        epoch: f.number(10)?,
    };
    let life = Life::new(who.epoch, f.array_bytes(11)?, &who.device);
    f.finish()?;
    Ok((who, life))
}
