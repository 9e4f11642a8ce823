//! Which journal entries to send, in which packs. Pure: no store, no socket.
//!
//! A journal is one chain, so packs are contiguous and oldest first; money cannot overtake
//! anything, and nothing overtakes money. What the office says it has is believed only where it
//! fits our own chain.

use super::wire::{MAX_PACK_ENTRIES, Position};
use std::ops::Range;

/// Most bytes of record bodies in one pack. Compression never adds 4 KiB to this, so a pack stays
/// under [`super::wire::MAX_PACK`] even if the records do not shrink at all.
pub const PACK_BYTES: usize = 56 * 1024;

/// How large a pack may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of record bodies.
    pub bytes: usize,
    /// Records.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: PACK_BYTES, entries: MAX_PACK_ENTRIES }
    }
}

/// Where the office's word does not fit our journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It speaks of another life of the journal.
    #[error("it is about journal epoch {theirs}, ours is {ours}")]
    Epoch {
        /// Of our journal.
        ours: u32,
        /// In the answer.
        theirs: u32,
    },
    /// It has entries we never wrote.
    #[error("it acknowledges entry {acked}, our journal ends at {head}")]
    Beyond {
        /// What it says it has.
        acked: u64,
        /// Where our journal ends.
        head: u64,
    },
    /// It has another entry than we at that place.
    #[error("its entry {seq} is not ours")]
    Hash {
        /// The place.
        seq: u64,
    },
    /// It has less than it acknowledged before.
    #[error("it acknowledges entry {acked} after it had acknowledged {before}")]
    Less {
        /// What it says now.
        acked: u64,
        /// What it said, signed, before.
        before: u64,
    },
}

/// Whether an acknowledged position fits our journal.
///
/// `ours_at` gives the chain hash of one of our entries; `before` is what the office acknowledged
/// in the newest receipt we keep. At sequence 0, "nothing yet", there is no hash to compare: the
/// first hash is drawn at random when a journal begins, and the office learns it from the first
/// pack.
///
/// # Errors
/// [`Misfit`] names the first thing that does not fit.
pub fn check(
    head: &Position,
    before: Option<u64>,
    acked: &Position,
    ours_at: impl Fn(u64) -> Option<[u8; 32]>,
) -> Result<(), Misfit> {
    if acked.epoch != head.epoch {
        return Err(Misfit::Epoch { ours: head.epoch, theirs: acked.epoch });
    }
    if acked.seq > head.seq {
        return Err(Misfit::Beyond { acked: acked.seq, head: head.seq });
    }
    if let Some(before) = before.filter(|before| acked.seq < *before) {
        return Err(Misfit::Less { acked: acked.seq, before });
    }
    if acked.seq == 0 {
        return Ok(());
    }
    let ours = if acked.seq == head.seq { Some(head.hash) } else { ours_at(acked.seq) };
    if ours == Some(acked.hash) { Ok(()) } else { Err(Misfit::Hash { seq: acked.seq }) }
}

/// Cuts records of the given sizes into packs: ranges into `sizes`, in order, without gaps, each
/// within the limits. A record larger than the limit gets a pack of its own.
pub fn cut(sizes: &[usize], limits: Limits) -> Vec<Range<usize>> {
    let mut packs = Vec::new();
    let (mut start, mut bytes) = (0, 0usize);
    for (at, size) in sizes.iter().enumerate() {
        let full = bytes.saturating_add(*size) > limits.bytes || at - start >= limits.entries;
        if at > start && full {
            packs.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes = bytes.saturating_add(*size);
    }
    if start < sizes.len() {
        packs.push(start..sizes.len());
    }
    packs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seq: u64, tail: u8) -> Position {
        Position { epoch: 1, seq, hash: [tail; 32] }
    }

    fn ours(seq: u64) -> Option<[u8; 32]> {
        (seq <= 10).then_some([seq as u8; 32])
    }

    #[test]
    fn only_our_own_past_is_believed() {
        let head = at(10, 10);
        let cases = [
            (at(10, 10), None, Ok(())),
            (at(4, 4), Some(4), Ok(())),
            (at(0, 7), None, Ok(())),
            (at(11, 11), None, Err(Misfit::Beyond { acked: 11, head: 10 })),
            (at(4, 5), None, Err(Misfit::Hash { seq: 4 })),
            (at(10, 9), None, Err(Misfit::Hash { seq: 10 })),
            (at(3, 3), Some(4), Err(Misfit::Less { acked: 3, before: 4 })),
            (Position { epoch: 2, ..head }, None, Err(Misfit::Epoch { ours: 1, theirs: 2 })),
        ];
        for (acked, before, want) in cases {
            assert_eq!(check(&head, before, &acked, ours), want, "{acked:?} after {before:?}");
        }
    }

    proptest! {
        /// Packs are contiguous, cover everything, and respect both limits.
        #[test]
        fn cuts_are_whole(
            sizes in proptest::collection::vec(0usize..300, 0..200),
            bytes in 1usize..1000,
            entries in 1usize..50,
        ) {
            let packs = cut(&sizes, Limits { bytes, entries });
            let mut next = 0;
            for pack in &packs {
                prop_assert_eq!(pack.start, next);
                prop_assert!(pack.len() <= entries && !pack.is_empty());
                let total: usize = sizes[pack.clone()].iter().sum();
                prop_assert!(total <= bytes || pack.len() == 1);
                next = pack.end;
            }
            prop_assert_eq!(next, sizes.len());
        }
    }
}
