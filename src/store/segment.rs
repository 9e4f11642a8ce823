//! One segment of the journal: its header, the frame around a record, and the difference between
//! an end, a torn end and damage.
//!
//! A segment has its full size from the start, filled with zeros; a zero where a record would begin
//! is the end. All numbers are big-endian.
//!
//! ```text
//! header  magic 8 | format 4 | epoch 4 | first seq 8 | previous hash 32 | life 16 | device 16
//!         | segment size 8 | zeros 28 | crc32c 4                                     = 128 bytes
//! record  body length 4 | crc32c 4 over (length, body, chain) | body | chain 32
//! chain   sha256("meterkit/journal/1" 00 | previous chain | body)
//! ```

use super::disk::{DiskFile, read_full};
use super::schema::{JOURNAL_FORMAT, MAX_BODY};
use sha2::{Digest, Sha256};
use std::io;

/// Length of a segment's header.
pub const HEADER: u64 = 128;
/// What a record takes beyond its body.
pub const FRAME: u64 = 8 + 32;
/// Longest record.
pub const MAX_RECORD: u64 = FRAME + MAX_BODY as u64;

const MAGIC: &[u8; 8] = b"MKJRNL\r\n";
const CHAIN_DOMAIN: &[u8] = b"meterkit/journal/1\0";
const GENESIS_DOMAIN: &[u8] = b"meterkit/genesis/1\0";

/// What a segment's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The journal's epoch.
    pub epoch: u32,
    /// Sequence number of its first record.
    pub first_seq: u64,
    /// Chain hash of the record before that; the genesis for the first.
    pub prev_hash: [u8; 32],
    /// Drawn at enrolment: tells two journals of one handheld apart.
    pub life: [u8; 16],
    /// The handheld, padded with zeros.
    pub device: [u8; 16],
    /// The segment's size in bytes, header included.
    pub size: u64,
}

/// Why bytes are not a header of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderError {
    /// Not a header at all, or damaged.
    Bad(&'static str),
    /// Of a newer version.
    Newer(u32),
}

impl Header {
    /// The bytes on disk.
    pub fn encode(&self) -> [u8; HEADER as usize] {
        let mut out = [0; HEADER as usize];
        out[..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&JOURNAL_FORMAT.to_be_bytes());
        out[12..16].copy_from_slice(&self.epoch.to_be_bytes());
        out[16..24].copy_from_slice(&self.first_seq.to_be_bytes());
        out[24..56].copy_from_slice(&self.prev_hash);
        out[56..72].copy_from_slice(&self.life);
        out[72..88].copy_from_slice(&self.device);
        out[88..96].copy_from_slice(&self.size.to_be_bytes());
        let crc = crc32c::crc32c(&out[..124]);
        out[124..].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`HeaderError::Newer`] only if the header is whole, so that rot is not taken for progress.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() < HEADER as usize {
            return Err(HeaderError::Bad("the header is cut short"));
        }
        let crc = u32::from_be_bytes(array(&bytes[124..128]));
        if bytes[..8] != *MAGIC {
            return Err(HeaderError::Bad("not a journal segment"));
        }
        if crc32c::crc32c(&bytes[..124]) != crc {
            return Err(HeaderError::Bad("the header's checksum is wrong"));
        }
        let format = u32::from_be_bytes(array(&bytes[8..12]));
        if format > JOURNAL_FORMAT {
            return Err(HeaderError::Newer(format));
        }
        if format != JOURNAL_FORMAT || bytes[96..124].iter().any(|b| *b != 0) {
            return Err(HeaderError::Bad("the header is of no known format"));
        }
        Ok(Self {
            epoch: u32::from_be_bytes(array(&bytes[12..16])),
            first_seq: u64::from_be_bytes(array(&bytes[16..24])),
            prev_hash: array(&bytes[24..56]),
            life: array(&bytes[56..72]),
            device: array(&bytes[72..88]),
            size: u64::from_be_bytes(array(&bytes[88..96])),
        })
    }
}

/// Copies a slice whose length was just fixed by its range.
fn array<const N: usize>(slice: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(slice);
    out
}

/// A segment's file name; sorts in journal order.
pub fn file_name(epoch: u32, first_seq: u64) -> String {
    format!("{epoch:06}-{first_seq:012}.mkj")
}

/// The hash before the first record: pins handheld, epoch and life.
pub fn genesis(epoch: u32, life: &[u8; 16], device: &[u8; 16]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(GENESIS_DOMAIN).chain_update(epoch.to_be_bytes());
    hash.chain_update(life).chain_update(device).finalize().into()
}

/// The chain hash of a record.
pub fn chain(prev: &[u8; 32], body: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(CHAIN_DOMAIN).chain_update(prev);
    hash.chain_update(body).finalize().into()
}

/// The frame of a record and its chain hash.
pub fn encode_record(prev: &[u8; 32], body: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let hash = chain(prev, body);
    // A body is at most MAX_BODY long; whoever builds one has checked.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&length), body), &hash);
    let mut out = Vec::with_capacity(body.len() + FRAME as usize);
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(&hash);
    (out, hash)
}

/// What lies where a record may begin.
#[derive(Debug, PartialEq, Eq)]
pub enum Slot<'a> {
    /// A record with a correct checksum; the chain is not checked here.
    Record {
        /// Its body.
        body: &'a [u8],
        /// The chain hash it carries.
        hash: [u8; 32],
    },
    /// Zeros.
    Zero,
    /// More bytes are needed to tell: this many from the slot's start.
    Short(usize),
    /// No record.
    Broken(&'static str),
}

/// Looks at the bytes from where a record may begin. `room` is what the segment has left there.
pub fn parse_slot(bytes: &[u8], room: u64) -> Slot<'_> {
    if room < FRAME {
        // The segment's last bytes cannot hold a record: they are zeros, or they are wrong.
        let rest = &bytes[..bytes.len().min(room as usize)];
        return if rest.iter().all(|b| *b == 0) { Slot::Zero } else { Slot::Broken("stray bytes") };
    }
    let Some(head) = bytes.get(..8) else { return Slot::Short(8) };
    let length = u32::from_be_bytes(array(&head[..4]));
    let crc = u32::from_be_bytes(array(&head[4..8]));
    if length == 0 {
        return if crc == 0 { Slot::Zero } else { Slot::Broken("a length of zero") };
    }
    let total = u64::from(length) + FRAME;
    if length as usize > MAX_BODY || total > room {
        return Slot::Broken("an impossible length");
    }
    let total = total as usize;
    let Some(record) = bytes.get(..total) else { return Slot::Short(total) };
    if crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..]) != crc {
        return Slot::Broken("a wrong checksum");
    }
    Slot::Record { body: &record[8..total - 32], hash: array(&record[total - 32..]) }
}

/// What follows the last good record of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Rest {
    /// Zeros only.
    Clean,
    /// The remains of one record that was never acknowledged: so many bytes.
    Torn(u64),
    /// More than one torn record can explain, at this offset.
    Damage(u64, &'static str),
}

/// Tells a torn end from damage: looks at everything from `offset` to `until`.
///
/// A record is forced to disk before the next is begun, so at most one can be torn: nothing valid
/// follows it, and nothing at all beyond the longest record.
///
/// # Errors
/// Whatever the system says.
pub fn inspect_rest(file: &dyn DiskFile, offset: u64, until: u64) -> io::Result<Rest> {
    let mut block = vec![0; 256 * 1024];
    let mut last_used = None;
    let mut at = offset;
    while at < until {
        let want = usize::try_from(until - at).unwrap_or(block.len()).min(block.len());
        let got = read_full(file, &mut block[..want], at)?;
        if let Some(last) = block[..got].iter().rposition(|b| *b != 0) {
            last_used = Some(at + last as u64);
        }
        if got < want {
            break;
        }
        at += got as u64;
    }
    let Some(last) = last_used else { return Ok(Rest::Clean) };
    if last >= offset + MAX_RECORD {
        return Ok(Rest::Damage(offset, "a gap, with more behind it"));
    }
    // Within one record's reach: does any whole record begin behind the broken one?
    let size = usize::try_from((until - offset).min(2 * MAX_RECORD)).unwrap_or(0);
    let mut window = vec![0; size];
    let got = read_full(file, &mut window, offset)?;
    let reach = usize::try_from(last + 1 - offset).unwrap_or(got).min(got);
    for start in 1..reach {
        if let Slot::Record { .. } = parse_slot(&window[start..got], until - offset - start as u64)
        {
            return Ok(Rest::Damage(offset, "a broken record, with a whole one behind it"));
        }
    }
    Ok(Rest::Torn(last + 1 - offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            epoch: 3,
            first_seq: 77,
            prev_hash: [9; 32],
            life: [4; 16],
            device: *b"hh-007\0\0\0\0\0\0\0\0\0\0",
            size: 4096,
        }
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let good = header().encode();
        assert_eq!(Header::decode(&good), Ok(header()));
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Header::decode(&bad), Err(HeaderError::Bad(_))), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_header_is_told_from_a_broken_one() {
        let mut newer = header().encode();
        newer[8..12].copy_from_slice(&(JOURNAL_FORMAT + 1).to_be_bytes());
        let crc = crc32c::crc32c(&newer[..124]);
        newer[124..].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(Header::decode(&newer), Err(HeaderError::Newer(JOURNAL_FORMAT + 1)));
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_noticed() {
        let (good, hash) = encode_record(&[1; 32], b"body of a record");
        let room = 4096;
        let whole = Slot::Record { body: b"body of a record", hash };
        assert_eq!(parse_slot(&good, room), whole);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let seen = parse_slot(&bad, room);
            assert!(!matches!(seen, Slot::Record { .. }), "bit {bit}: {seen:?}");
        }
        assert_eq!(parse_slot(&[0; 64], room), Slot::Zero);
        assert_eq!(parse_slot(&good[..20], room), Slot::Short(good.len()));
        assert_eq!(parse_slot(&good, 30), Slot::Broken("stray bytes"));
    }
}
