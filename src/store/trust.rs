//! The part of the store's handle that is about trust: documents of the office, people, limits,
//! time, and the note that this journal is not the newest.

use super::event::{DocKind, Event, Position, Stamp};
use super::rows::{ClockMemory, GrantRow, OverrideRow};
use super::rules::check;
use super::state::Doc;
use super::write::Room;
use super::{Store, StoreError, Why, query, snapshots};
use crate::units::{Exposure, MeterNo, OperatorId, TokenId};
use sha2::{Digest, Sha256};

impl Store {
    /// Money acts the office has not acknowledged: of everybody, or of one operator.
    pub fn exposure(&self, operator: Option<&str>) -> Exposure {
        self.inner.state().exposure(operator)
    }

    /// Takes in a verified document in place of the one before: the file first, then the entry that
    /// puts it in force. Taken in before: nothing is recorded, a lost file is mended.
    ///
    /// # Errors
    /// [`StoreError::OlderDocument`] for a lower version, and for other bytes under the version in
    /// force; [`StoreError::TooBig`], and those of [`Store::append`].
    pub fn take_document(
        &self,
        stamp: &Stamp,
        kind: DocKind,
        version: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let inner = &self.inner;
        let mut writer = inner.writer();
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let known = inner.state().doc(kind);
        if let Some(known) = known {
            let same = known.version == version && known.digest == digest;
            if version <= known.version && !same {
                let (have, got) = (known.version, version);
                return Err(StoreError::OlderDocument { kind, have, got });
            }
            if same {
                if snapshots::document(&inner.files, kind, &known).is_none() {
                    snapshots::put_document(&inner.files, kind, version, bytes)?;
                }
                return Ok(());
            }
        }
        snapshots::put_document(&inner.files, kind, version, bytes)?;
        let event = Event::DocumentTaken { kind, version, digest };
        inner.record(&mut writer, stamp, &event, Room::Ordinary, |_| Ok(()))?;
        // Older ones are of no use any more; one that stays costs only space.
        snapshots::sweep_documents(&inner.files, kind, version);
        Ok(())
    }

    /// The document in force and its version; `None` if none was ever taken in.
    ///
    /// # Errors
    /// [`StoreError::DocumentLost`] if one was, and it is not there or not what was taken in.
    pub fn document(&self, kind: DocKind) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let Some(known) = self.inner.state().doc(kind) else { return Ok(None) };
        let Doc { version, .. } = known;
        let bytes = snapshots::document(&self.inner.files, kind, &known);
        Ok(Some((version, bytes.ok_or(StoreError::DocumentLost(kind))?)))
    }

    /// An operator's newest grant.
    pub fn grant(&self, operator: &OperatorId) -> Option<GrantRow> {
        self.inner.ask(|index| query::grant(index, operator))
    }

    /// The newest grant of every operator, by operator.
    pub fn grants(&self) -> Vec<(OperatorId, GrantRow)> {
        self.inner.ask(query::grants)
    }

    /// An operator's overrides for a meter, used and expired ones too.
    pub fn overrides(&self, operator: &OperatorId, meter: MeterNo) -> Vec<OverrideRow> {
        self.inner.ask(|index| query::overrides(index, operator, meter))
    }

    /// Whether the office revoked a token, a grant or an override.
    pub fn revoked(&self, id: TokenId) -> bool {
        self.inner.ask(|index| index.is_revoked(id))
    }

    /// Records what the office revoked, as far as it is not known yet: how many were new.
    ///
    /// # Errors
    /// Those of [`Store::append`].
    pub fn revoke(&self, stamp: &Stamp, status: u64, ids: &[TokenId]) -> Result<usize, StoreError> {
        let mut writer = self.inner.writer();
        let new = self.inner.ask_locked(&mut writer, |index| {
            let mut new = Vec::new();
            for id in ids {
                if !index.is_revoked(*id)? && !new.contains(id) {
                    new.push(*id);
                }
            }
            Ok(new)
        })?;
        let count = new.len();
        if count > 0 {
            let event = Event::Revoked { ids: new, status };
            let rule = |index: &super::index::Index| check(index, stamp, &event);
            self.inner.record(&mut writer, stamp, &event, Room::Ordinary, rule)?;
        }
        Ok(count)
    }

    /// What the journal knows about the time.
    pub fn clock(&self) -> ClockMemory {
        self.inner.state().clock()
    }

    /// The program that wrote last, by its own word: name and version, digest of its file.
    pub fn software(&self) -> Option<(String, [u8; 32])> {
        self.inner.state().software
    }

    /// Notes that the office has seen more of this journal than there is: a restored copy, or a
    /// clone. Money and recording stop, now and after every start.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::Failed`]: money is stopped for this process all the
    /// same.
    pub fn rolled_back(&self, have_seq: u64, known: Position) -> Result<(), StoreError> {
        let inner = &self.inner;
        let _one_at_a_time = inner.writer();
        inner.stop(Why::RolledBack { have: have_seq, known: known.seq, witness: "office" });
        let noted = snapshots::put_rolled_back(&inner.files, have_seq, &known);
        noted.map_err(|e| StoreError::of_io("snapshots", &e))
    }
}
