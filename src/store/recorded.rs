//! Entries as they are read back: decoded, and as they lie on disk.

use super::event::{Event, Stamp};

/// A journal entry as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its sequence number.
    pub seq: u64,
    /// When and by whom.
    pub stamp: Stamp,
    /// What.
    pub event: Event,
    /// Its chain hash.
    pub hash: [u8; 32],
}

/// A journal record as it lies on disk: what packs carry to the office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Its sequence number.
    pub seq: u64,
    /// Deterministic CBOR (`docs/store-format.md`).
    pub body: Vec<u8>,
    /// Chain hash of the record before it; of the genesis for the first.
    pub prev_hash: [u8; 32],
    /// Its own chain hash.
    pub hash: [u8; 32],
}
