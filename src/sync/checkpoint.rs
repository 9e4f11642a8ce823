//! The handheld's shift checkpoint: signed, kept, and sent along until the office has its entries.

use super::error::SyncError;
use super::wire::{Checkpoint, Position};
use crate::store::{Store, StoreError};
use meterkit_tokens::{DeviceKey, DocType, Keyring, verify};

/// The snapshot the newest one is kept in.
const SNAPSHOT: &str = "checkpoint";

/// Where a journal ends now; `None` for one without an entry.
pub fn head(store: &Store) -> Option<Position> {
    let head = store.summary().head;
    (head.seq > 0).then_some(Position { epoch: head.epoch, seq: head.seq, hash: head.hash })
}

/// Signs a checkpoint and keeps it as the newest one.
///
/// # Errors
/// [`SyncError::Internal`] if it cannot be signed; [`SyncError::Store`] if it cannot be kept.
pub fn sign(store: &Store, key: &DeviceKey, checkpoint: &Checkpoint) -> Result<Vec<u8>, SyncError> {
    let tenant = &store.identity().tenant;
    let signed = key.sign(DocType::Checkpoint, tenant, checkpoint.payload());
    let signed = signed.map_err(|error| SyncError::Internal(error.to_string()))?;
    store.put_snapshot(SNAPSHOT, &signed).map_err(|error: StoreError| SyncError::from(error))?;
    Ok(signed)
}

/// The newest one, if the office is not known to hold the entries it names. One of another life of
/// the journal is not this one's to show.
pub fn waiting(store: &Store, key: &DeviceKey) -> Option<Vec<u8>> {
    let document = store.snapshot(SNAPSHOT)?;
    let (identity, summary) = (store.identity(), store.summary());
    let ring = Keyring::device(key.public());
    let verified = verify(&document, DocType::Checkpoint, &identity.tenant, &ring, None).ok()?;
    let signed = Checkpoint::read(verified.payload).ok()?;
    let acked = summary.acked.filter(|at| at.epoch == summary.head.epoch).map_or(0, |at| at.seq);
    (signed.at.epoch == summary.head.epoch && signed.at.seq > acked).then_some(document)
}
