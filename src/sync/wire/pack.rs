//! A journal pack: contiguous raw records, compressed together, signed once by the handheld.
//!
//! The records travel as they lie on disk; chain hashes are not sent but computed again by the
//! reader from `before`, so a pack cannot claim a chain it does not carry. Signatures and hashes
//! do not compress: one signature a pack costs 135 bytes an entry, one an entry 218
//! (`reference/field-work.md` 3c).

use super::fields::{self, Reader, map, shape};
use super::{MAX_PACK, MAX_PACK_ENTRIES, MAX_PACK_RAW, WireError};
use meterkit_tokens::cbor::Value;

/// Compression level: 9 gave half the size of the raw records at 2 ms a pack.
const LEVEL: i32 = 9;

/// One pack. The records are still compressed; [`Pack::bodies`] unpacks them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The journal's life.
    pub epoch: u32,
    /// Sequence number of the first record.
    pub first: u64,
    /// How many records.
    pub count: u32,
    /// Chain hash before the first record.
    pub before: [u8; 32],
    /// Chain hash of the last record, as the handheld has it.
    pub hash: [u8; 32],
    zipped: Vec<u8>,
}

impl Pack {
    /// Packs record bodies, in order. `None` when they are none, too many or too large: the
    /// planner (`sync::plan`) cuts packs so that this does not happen.
    pub fn of(
        epoch: u32,
        first: u64,
        before: [u8; 32],
        hash: [u8; 32],
        bodies: &[&[u8]],
    ) -> Option<Self> {
        let mut raw = Vec::new();
        for body in bodies {
            raw.extend(u32::try_from(body.len()).ok()?.to_le_bytes());
            raw.extend(*body);
        }
        let zipped = zstd::bulk::compress(&raw, LEVEL).ok()?;
        let fits = raw.len() <= MAX_PACK_RAW && zipped.len() <= MAX_PACK;
        let count = u32::try_from(bodies.len()).ok()?;
        let counted = (1..=MAX_PACK_ENTRIES).contains(&bodies.len());
        (fits && counted).then_some(Self { epoch, first, count, before, hash, zipped })
    }

    /// Sequence number of the last record.
    pub fn last(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count)).saturating_sub(1)
    }

    /// The record bodies, in order; exactly `count` of them.
    ///
    /// # Errors
    /// [`WireError::Limit`] when it unpacks to more than [`MAX_PACK_RAW`] bytes;
    /// [`WireError::Shape`] when the block is damaged or holds another number of records.
    pub fn bodies(&self) -> Result<Vec<Vec<u8>>, WireError> {
        // The capacity is the bound: zstd stops at it, whatever the frame header claims.
        let raw = zstd::bulk::decompress(&self.zipped, MAX_PACK_RAW)
            .map_err(|_| shape("the records do not unpack"))?;
        let mut rest = raw.as_slice();
        let mut bodies = Vec::new();
        while let Some((len, tail)) = rest.split_first_chunk::<4>() {
            let len = u32::from_le_bytes(*len) as usize;
            let body = tail.get(..len).ok_or_else(|| shape("a record is cut off"))?;
            if bodies.len() == self.count as usize {
                return Err(shape("more records than counted"));
            }
            bodies.push(body.to_vec());
            rest = &tail[len..];
        }
        if rest.is_empty() && bodies.len() == self.count as usize {
            Ok(bodies)
        } else {
            Err(shape("fewer records than counted"))
        }
    }

    pub(super) fn value(&self) -> Value {
        map([
            (1, Value::Int(i64::from(self.epoch))),
            (2, fields::seq(self.first)),
            (3, Value::Int(i64::from(self.count))),
            (4, Value::Bytes(self.before.to_vec())),
            (5, Value::Bytes(self.hash.to_vec())),
            (6, Value::Bytes(self.zipped.clone())),
        ])
    }

    pub(super) fn read(r: &mut Reader) -> Result<Self, WireError> {
        let (epoch, first, count) = (r.u32(1)?, r.u64(2)?, r.u32(3)?);
        let (before, hash, zipped) = (r.array(4)?, r.array(5)?, r.bytes(6)?);
        if zipped.len() > MAX_PACK || count as usize > MAX_PACK_ENTRIES {
            return Err(WireError::Limit("pack"));
        }
        // The sequence starts at 1 and must not run over the end of the counter.
        if count == 0 || first == 0 || first.checked_add(u64::from(count)).is_none() {
            return Err(shape("pack range"));
        }
        Ok(Self { epoch, first, count, before, hash, zipped })
    }
}
