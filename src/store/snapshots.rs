//! Documents as the office sent them: whole files, replaced whole, sealed.
//!
//! A snapshot is somebody else's signed document; the store keeps its bytes and does not look
//! inside. Documents of which a version is in force carry it in their names (`status.17`), so that
//! the old one stays until the new one is journaled. Two notes are the store's own, kept outside
//! the journal so that a journal that lost its end can be told: what the office acknowledged, and
//! that the office has seen more than there is.

use super::error::StoreError;
use super::event::{DocKind, Position};
use super::files::{Fault, Files};
use super::records::rows;
use super::schema::MAX_SNAPSHOT;
use super::state::Doc;
use sha2::{Digest, Sha256};
use std::io;

/// The folder.
pub const FOLDER: &str = "snapshots";
/// What the office acknowledged.
const ACKED: &str = "acked";
/// That the office has seen more.
const ROLLED_BACK: &str = "ahead";
/// Longest name, bytes.
const MAX_NAME: usize = 32;

fn check_name(name: &str) -> Result<(), StoreError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let reserved = [ACKED, ROLLED_BACK, super::area::FOLDER].contains(&name);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(good) && !reserved {
        Ok(())
    } else {
        Err(StoreError::Name(name.to_owned()))
    }
}

fn write(files: &Files, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() > MAX_SNAPSHOT {
        let (what, size) = ("snapshot", bytes.len());
        return Err(StoreError::TooBig { what, size, limit: MAX_SNAPSHOT });
    }
    files.put(FOLDER, name, bytes).map_err(|e| StoreError::of_io(name, &e))
}

/// Keeps a document under a name, in place of the one before.
///
/// # Errors
/// [`StoreError::Name`], [`StoreError::TooBig`], [`StoreError::DiskFull`], [`StoreError::Failed`].
pub fn put(files: &Files, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    check_name(name)?;
    write(files, name, bytes)
}

/// The document under a name; `None` if there is none or it cannot be read.
pub fn get(files: &Files, name: &str) -> Option<Vec<u8>> {
    check_name(name).ok()?;
    files.get(FOLDER, name, MAX_SNAPSHOT).ok()
}

/// Removes the document under a name.
pub fn remove(files: &Files, name: &str) {
    if check_name(name).is_ok() {
        files.remove(FOLDER, name);
    }
}

fn document_name(kind: DocKind, version: u64) -> String {
    format!("{}.{version}", kind.snapshot())
}

/// Keeps a version of a document, beside the others.
///
/// # Errors
/// As [`put`].
pub fn put_document(
    files: &Files,
    kind: DocKind,
    version: u64,
    bytes: &[u8],
) -> Result<(), StoreError> {
    write(files, &document_name(kind, version), bytes)
}

/// The document the journal says is in force; `None` if it is not there, or not that one.
pub fn document(files: &Files, kind: DocKind, known: &Doc) -> Option<Vec<u8>> {
    let bytes = files.get(FOLDER, &document_name(kind, known.version), MAX_SNAPSHOT).ok()?;
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    (digest == known.digest).then_some(bytes)
}

/// Removes every version of a document but one.
pub fn sweep_documents(files: &Files, kind: DocKind, version: u64) {
    let keep = document_name(kind, version);
    for name in begun_with(files, &format!("{}.", kind.snapshot())) {
        if name != keep {
            files.remove(FOLDER, &name);
        }
    }
}

/// The names that begin so.
pub fn begun_with(files: &Files, begin: &str) -> Vec<String> {
    let mut names = files.disk().list(&files.folder(FOLDER)).unwrap_or_default();
    names.retain(|name| name.starts_with(begin));
    names
}

/// Notes what the office acknowledged.
///
/// # Errors
/// Whatever the system says; the older note is then still there.
pub fn put_acked(files: &Files, number: u64, acked: &Position) -> io::Result<()> {
    files.put(FOLDER, ACKED, &rows::encode_note(number, acked))
}

/// What the office acknowledged, by the note beside the journal. A note that cannot be read counts
/// as none: it is a second witness, and is written anew with the next receipt.
pub fn acked(files: &Files) -> Option<(u64, Position)> {
    let note = files.get(FOLDER, ACKED, MAX_SNAPSHOT).ok()?;
    rows::decode_note(&note).ok()
}

/// Notes that the office has seen more than there is.
///
/// # Errors
/// Whatever the system says.
pub fn put_rolled_back(files: &Files, have: u64, known: &Position) -> io::Result<()> {
    files.put(FOLDER, ROLLED_BACK, &rows::encode_note(have, known))
}

/// What the office has seen, if it was noted that this is more than there is: our last entry then,
/// and the office's. A note that is there and cannot be read counts, without figures.
pub fn rolled_back(files: &Files) -> Option<Option<(u64, Position)>> {
    match files.get(FOLDER, ROLLED_BACK, MAX_SNAPSHOT) {
        Ok(note) => Some(rows::decode_note(&note).ok()),
        Err(Fault::Missing) => None,
        Err(_) => Some(None),
    }
}
