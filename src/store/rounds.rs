//! Rounds the office made: which were taken in, and the signed lists.
//!
//! The journal keeps the identity and the hash; the signed document is a snapshot named after that
//! hash. One that is missing or changed is not given out; one that nothing can be begun with any
//! more is let go of.

use super::event::{Event, Stamp};
use super::index::{Index, Tree, key};
use super::kv::IndexError;
use super::records::round;
use super::rows::Imported;
use super::rules::check;
use super::write::Room;
use super::{Store, StoreError, snapshots};
use crate::units::{TokenId, UnixSeconds};
use sha2::{Digest, Sha256};

/// What a round's document says, as far as the store must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTaken {
    /// Its identity.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// SHA-256 of the signed document.
    pub digest: [u8; 32],
    /// By when it is to be read.
    pub due: Option<UnixSeconds>,
    /// From when on it can no longer be begun.
    pub expires: UnixSeconds,
    /// How many meters are on it.
    pub meters: u32,
}

/// A round as it lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundRow {
    /// What was taken in.
    pub taken: RoundTaken,
    /// When.
    pub at: UnixSeconds,
    /// The entry that says so.
    pub seq: u64,
    /// Whether the office withdrew it.
    pub revoked: bool,
}

/// How the names of the snapshots begin.
const PREFIX: &str = "round-";

/// The snapshot's name: as much of the hash as fits; the whole hash is checked when it is read.
fn snapshot(digest: &[u8; 32]) -> String {
    let digits: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}")
}

impl Store {
    /// Takes a verified round in: the document first, so that whatever the journal names is there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for another document of this identity or one that is not the named
    /// one, [`StoreError::TokenRevoked`] for one withdrawn before it came, and those of
    /// [`Store::append`] and [`Store::put_snapshot`]. Taken in before: nothing is recorded, a lost
    /// document is mended.
    pub fn take_round(
        &self,
        stamp: &Stamp,
        taken: RoundTaken,
        document: &[u8],
    ) -> Result<Imported, StoreError> {
        let digest: [u8; 32] = Sha256::digest(document).into();
        if digest != taken.digest {
            return Err(StoreError::Conflict(taken.id));
        }
        let (inner, event) = (&self.inner, Event::RoundTaken(taken));
        let mut writer = inner.writer();
        let rule = |index: &Index| check(index, stamp, &event);
        // What is refused leaves no document behind.
        match inner.ask_locked(&mut writer, rule) {
            Ok(()) => {}
            Err(StoreError::Known(id)) => {
                if self.round_document(&digest).is_none() {
                    snapshots::put(&inner.files, &snapshot(&digest), document)?;
                }
                return Ok(Imported::Known(id));
            }
            Err(error) => return Err(error),
        }
        snapshots::put(&inner.files, &snapshot(&digest), document)?;
        inner.record(&mut writer, stamp, &event, Room::Ordinary, rule).map(Imported::New)
    }

    /// Lets go of the documents of rounds that were taken in: the journal goes on saying that they
    /// were. Failing to remove one costs only space.
    pub fn drop_rounds(&self, rounds: &[RoundRow]) {
        let inner = &self.inner;
        let _one_at_a_time = inner.writer();
        let here = snapshots::begun_with(&inner.files, PREFIX);
        let names = rounds.iter().map(|row| snapshot(&row.taken.digest));
        names.filter(|name| here.contains(name)).for_each(|name| {
            snapshots::remove(&inner.files, &name);
        });
    }

    /// All rounds of the office, the one taken last first.
    pub fn rounds(&self) -> Vec<RoundRow> {
        self.inner.ask(|index| {
            let mut rows = Vec::new();
            index.each(&key(Tree::Round, &[]), |_, row| {
                rows.push(round::decode_row(row)?);
                Ok::<_, IndexError>(())
            })?;
            for row in &mut rows {
                row.revoked = index.is_revoked(row.taken.id)?;
            }
            rows.sort_by_key(|row: &RoundRow| std::cmp::Reverse(row.seq));
            Ok(rows)
        })
    }

    /// One of them.
    pub fn round(&self, id: TokenId) -> Option<RoundRow> {
        self.inner.ask(|index| index.round(id))
    }

    /// The signed document of a round; `None` if it is not there, or not the one taken in.
    pub fn round_document(&self, digest: &[u8; 32]) -> Option<Vec<u8>> {
        let bytes = self.snapshot(&snapshot(digest))?;
        let found: [u8; 32] = Sha256::digest(&bytes).into();
        (found == *digest).then_some(bytes)
    }
}
