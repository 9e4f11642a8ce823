//! Bundles taken in: what was signed, and the file it pins.
//!
//! The journal keeps the signature; the file is a snapshot named after its hash, so that a bundle
//! that is signed for several meters or twice lies there once. A file that is missing or changed
//! is not given out.

use super::event::{Event, Stamp};
use super::index::{Tree, key};
use super::kv::IndexError;
use super::records::bundle;
use super::rows::Imported;
use super::{Store, StoreError};
use crate::units::{TokenId, UnixSeconds};
use sha2::{Digest, Sha256};

/// What a bundle's signature says, as far as the store must know, and the signed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleTaken {
    /// Its identity.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its file.
    pub digest: [u8; 32],
    /// When it ends.
    pub expires: UnixSeconds,
    /// The signed document.
    pub bytes: Vec<u8>,
}

/// A bundle as it lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRow {
    /// What was taken in.
    pub taken: BundleTaken,
    /// When.
    pub at: UnixSeconds,
    /// The entry that says so.
    pub seq: u64,
    /// Whether the office revoked it.
    pub revoked: bool,
}

/// The snapshot's name: as much of the hash as fits; the whole hash is checked when it is read.
fn snapshot(digest: &[u8; 32]) -> String {
    let digits: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("bundle-{digits}")
}

impl Store {
    /// Takes a verified bundle in, with its file: the file first, so that whatever the journal
    /// names is there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for another document of this identity or a file that is not the
    /// signed one, and those of [`Store::append`] and [`Store::put_snapshot`].
    pub fn take_bundle(
        &self,
        stamp: &Stamp,
        taken: BundleTaken,
        file: &[u8],
    ) -> Result<Imported, StoreError> {
        let digest: [u8; 32] = Sha256::digest(file).into();
        if digest != taken.digest {
            return Err(StoreError::Conflict(taken.id));
        }
        self.put_snapshot(&snapshot(&digest), file)?;
        match self.append(stamp, Event::BundleTaken(taken)) {
            Ok(at) => Ok(Imported::New(at)),
            Err(StoreError::Known(id)) => Ok(Imported::Known(id)),
            Err(error) => Err(error),
        }
    }

    /// All bundles, the one taken last first.
    pub fn bundles(&self) -> Vec<BundleRow> {
        self.inner.ask(|index| {
            let mut rows = Vec::new();
            index.each(&key(Tree::Bundle, &[]), |_, row| {
                rows.push(bundle::decode_row(row)?);
                Ok::<_, IndexError>(())
            })?;
            for row in &mut rows {
                row.revoked = index.is_revoked(row.taken.id)?;
            }
            rows.sort_by_key(|row: &BundleRow| std::cmp::Reverse(row.seq));
            Ok(rows)
        })
    }

    /// One bundle.
    pub fn bundle(&self, id: TokenId) -> Option<BundleRow> {
        self.inner.ask(|index| index.bundle(id))
    }

    /// The file of a bundle; `None` if it is not there, or not the signed one.
    pub fn bundle_file(&self, digest: &[u8; 32]) -> Option<Vec<u8>> {
        let bytes = self.snapshot(&snapshot(digest))?;
        let found: [u8; 32] = Sha256::digest(&bytes).into();
        (found == *digest).then_some(bytes)
    }
}
