//! Documents as the office sent them: whole files, replaced whole.
//!
//! A snapshot is somebody else's signed document; the store keeps its bytes and does not look
//! inside. The one exception is `acked`, the store's own witness of what the office acknowledged,
//! kept outside the journal so that a journal that lost its end can be told.

use super::disk::{Disk, read_all, replace};
use super::error::StoreError;
use super::event::Position;
use super::index::{seal, unseal};
use super::records::rows;
use super::schema::MAX_SNAPSHOT;
use std::io;
use std::path::Path;

/// The folder.
pub const FOLDER: &str = "snapshots";
/// The store's own witness.
const ACKED: &str = "acked";
/// Longest name, bytes.
const MAX_NAME: usize = 32;

fn check_name(name: &str) -> Result<(), StoreError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let reserved = name == ACKED || name == super::area::FOLDER;
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(good) && !reserved {
        Ok(())
    } else {
        Err(StoreError::Name(name.to_owned()))
    }
}

/// Keeps a document under a name, in place of the one before.
///
/// # Errors
/// [`StoreError::Name`], [`StoreError::TooBig`], [`StoreError::DiskFull`], [`StoreError::Failed`].
pub fn put(disk: &dyn Disk, dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    check_name(name)?;
    if bytes.len() > MAX_SNAPSHOT {
        let (what, size) = ("snapshot", bytes.len());
        return Err(StoreError::TooBig { what, size, limit: MAX_SNAPSHOT });
    }
    let done = replace(disk, &dir.join(FOLDER), name, bytes);
    done.map_err(|e| StoreError::of_io(name, &e))
}

/// The document under a name; `None` if there is none or it cannot be read.
pub fn get(disk: &dyn Disk, dir: &Path, name: &str) -> Option<Vec<u8>> {
    check_name(name).ok()?;
    read_all(disk, &dir.join(FOLDER).join(name), MAX_SNAPSHOT).ok()
}

/// Notes what the office acknowledged.
///
/// # Errors
/// Whatever the system says; the older note is then still there.
pub fn put_acked(disk: &dyn Disk, dir: &Path, number: u64, acked: &Position) -> io::Result<()> {
    let sealed = seal(ACKED.as_bytes(), &rows::encode_acked(number, acked));
    replace(disk, &dir.join(FOLDER), ACKED, &sealed)
}

/// What the office acknowledged, by the note beside the journal. A note that cannot be read counts
/// as none: it is a second witness, and is written anew with the next receipt.
pub fn acked(disk: &dyn Disk, dir: &Path) -> Option<(u64, Position)> {
    let sealed = read_all(disk, &dir.join(FOLDER).join(ACKED), MAX_SNAPSHOT).ok()?;
    rows::decode_acked(&unseal(ACKED.as_bytes(), sealed).ok()?).ok()
}
