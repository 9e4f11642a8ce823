//! One segment of the journal: its header, the frame around a group of records, and the difference
//! between an end, a torn end and damage.
//!
//! A segment has its full size from the start, filled with zeros; a zero where a frame would begin
//! is the end. All numbers are big-endian. A frame holds one record or, when many entries are
//! recorded at once, a group of them: it is what is forced to disk in one go.
//!
//! ```text
//! header  magic 8 | format 4 | epoch 4 | first seq 8 | life 16 | segment size 8
//!         | sealed previous hash: nonce 24, ciphertext 32, tag 16 | zeros 4 | crc32c 4    (128)
//! frame   length 4 | crc32c 4 over all but itself | first seq 8 | nonce 24 | ciphertext | tag 16
//! inside  one or more of: body length 4 | body | chain 32
//! chain   sha256("meterkit/journal/1" 00 | previous chain | body)
//! ```
//!
//! The checksum is over what lies on the disk, so that a torn end is told from damage without the
//! key. Header and frame are bound to life, epoch and sequence number.

use super::disk::{DiskFile, read_full};
use super::schema::{JOURNAL_FORMAT, MAX_BODY, MAX_GROUP_BYTES};
use super::seal::{NoRandom, Part, SEALING, Sealer};
use sha2::{Digest, Sha256};
use std::io;

/// Length of a segment's header.
pub const HEADER: u64 = 128;
/// What a frame takes beyond its records.
pub const FRAME: u64 = 16 + SEALING as u64;
/// What a record takes beyond its body.
pub const RECORD: u64 = 4 + 32;
/// Longest frame.
pub const MAX_FRAME: u64 = FRAME + MAX_GROUP_BYTES as u64;

/// Length of the part of a header that is in clear.
const CLEAR: usize = 48;
/// Length of the sealed hash in a header.
const SEALED_HASH: usize = 32 + SEALING;

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
    /// Drawn at enrolment: tells two journals of one handheld apart.
    pub life: [u8; 16],
    /// The segment's size in bytes, header included.
    pub size: u64,
    /// Chain hash of the record before the first, sealed.
    sealed: [u8; SEALED_HASH],
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
    /// The header of a segment that follows a record with this chain hash.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn new(
        seal: &Sealer,
        epoch: u32,
        first_seq: u64,
        life: [u8; 16],
        size: u64,
        prev_hash: &[u8; 32],
    ) -> Result<Self, NoRandom> {
        let mut header = Self { epoch, first_seq, life, size, sealed: [0; SEALED_HASH] };
        let sealed = seal.seal(Part::Journal, &header.clear(), prev_hash)?;
        header.sealed = array(&sealed);
        Ok(header)
    }

    /// Chain hash of the record before the first; `None` if it does not open.
    pub fn prev_hash(&self, seal: &Sealer) -> Option<[u8; 32]> {
        seal.open(Part::Journal, &self.clear(), &self.sealed)?.try_into().ok()
    }

    /// The part in clear, which the sealed one is bound to.
    fn clear(&self) -> [u8; CLEAR] {
        let mut out = [0; CLEAR];
        out[..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&JOURNAL_FORMAT.to_be_bytes());
        out[12..16].copy_from_slice(&self.epoch.to_be_bytes());
        out[16..24].copy_from_slice(&self.first_seq.to_be_bytes());
        out[24..40].copy_from_slice(&self.life);
        out[40..48].copy_from_slice(&self.size.to_be_bytes());
        out
    }

    /// The bytes on disk.
    pub fn encode(&self) -> [u8; HEADER as usize] {
        let mut out = [0; HEADER as usize];
        out[..CLEAR].copy_from_slice(&self.clear());
        out[CLEAR..120].copy_from_slice(&self.sealed);
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
        if format != JOURNAL_FORMAT || bytes[120..124].iter().any(|b| *b != 0) {
            return Err(HeaderError::Bad("the header is of no known format"));
        }
        Ok(Self {
            epoch: u32::from_be_bytes(array(&bytes[12..16])),
            first_seq: u64::from_be_bytes(array(&bytes[16..24])),
            life: array(&bytes[24..40]),
            size: u64::from_be_bytes(array(&bytes[40..48])),
            sealed: array(&bytes[CLEAR..120]),
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

/// How long the frame of these records is.
pub fn frame_size(bodies: &[Vec<u8>]) -> u64 {
    FRAME + bodies.iter().map(|body| body.len() as u64 + RECORD).sum::<u64>()
}

/// What a frame is bound to: the journal, and the first record's number.
fn place(life: &[u8; 16], epoch: u32, seq: u64) -> [u8; 32] {
    let mut out = [0; 32];
    out[..4].copy_from_slice(b"fram");
    out[4..20].copy_from_slice(life);
    out[20..24].copy_from_slice(&epoch.to_be_bytes());
    out[24..].copy_from_slice(&seq.to_be_bytes());
    out
}

/// Where a frame belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The journal's life.
    pub life: &'a [u8; 16],
    /// Its epoch.
    pub epoch: u32,
    /// Number of the frame's first record.
    pub seq: u64,
}

/// The frame of a group of records that follow a hash, and their chain hashes.
///
/// # Errors
/// [`NoRandom`].
pub fn encode_frame(
    seal: &Sealer,
    at: Place<'_>,
    prev: &[u8; 32],
    bodies: &[Vec<u8>],
) -> Result<(Vec<u8>, Vec<[u8; 32]>), NoRandom> {
    let mut plain = Vec::with_capacity(bodies.iter().map(|b| b.len() + RECORD as usize).sum());
    let (mut hashes, mut prev) = (Vec::with_capacity(bodies.len()), *prev);
    for body in bodies {
        prev = chain(&prev, body);
        // A body is at most MAX_BODY long; whoever builds one has checked.
        plain.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
        plain.extend_from_slice(body);
        plain.extend_from_slice(&prev);
        hashes.push(prev);
    }
    let sealed = seal.seal(Part::Journal, &place(at.life, at.epoch, at.seq), &plain)?;
    let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes();
    let seq = at.seq.to_be_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&length), &seq), &sealed);
    let mut out = Vec::with_capacity(sealed.len() + 16);
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(&seq);
    out.extend_from_slice(&sealed);
    Ok((out, hashes))
}

/// The records of a frame: body and chain hash of each. `None` if it does not open, or holds
/// anything but records. The chain is not checked here.
pub fn open_frame(seal: &Sealer, at: Place<'_>, sealed: &[u8]) -> Option<Vec<(Vec<u8>, [u8; 32])>> {
    let plain = seal.open(Part::Journal, &place(at.life, at.epoch, at.seq), sealed)?;
    let (mut rest, mut out) = (plain.as_slice(), Vec::with_capacity(1));
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 || length > MAX_BODY {
            return None;
        }
        let (body, tail) = tail.split_at_checked(length)?;
        let (hash, tail) = tail.split_first_chunk::<32>()?;
        out.push((body.to_vec(), *hash));
        rest = tail;
    }
    (!out.is_empty()).then_some(out)
}

/// What lies where a frame may begin.
#[derive(Debug, PartialEq, Eq)]
pub enum Slot<'a> {
    /// A frame with a correct checksum; it is not opened here.
    Frame {
        /// The number it gives its first record.
        seq: u64,
        /// What is sealed in it.
        sealed: &'a [u8],
    },
    /// Zeros.
    Zero,
    /// More bytes are needed to tell: this many from the slot's start.
    Short(usize),
    /// No frame.
    Broken(&'static str),
}

/// Looks at the bytes from where a frame may begin. `room` is what the segment has left there.
pub fn parse_slot(bytes: &[u8], room: u64) -> Slot<'_> {
    if room < FRAME + RECORD {
        // The segment's last bytes cannot hold a frame: they are zeros, or they are wrong.
        let rest = &bytes[..bytes.len().min(room as usize)];
        return if rest.iter().all(|b| *b == 0) { Slot::Zero } else { Slot::Broken("stray bytes") };
    }
    let Some(head) = bytes.get(..16) else { return Slot::Short(16) };
    let length = u32::from_be_bytes(array(&head[..4]));
    let crc = u32::from_be_bytes(array(&head[4..8]));
    if length == 0 {
        let zero = head.iter().all(|b| *b == 0);
        return if zero { Slot::Zero } else { Slot::Broken("a length of zero") };
    }
    let total = u64::from(length) + 16;
    if !(FRAME + RECORD..=MAX_FRAME).contains(&total) || total > room {
        return Slot::Broken("an impossible length");
    }
    let total = total as usize;
    let Some(frame) = bytes.get(..total) else { return Slot::Short(total) };
    if crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..]) != crc {
        return Slot::Broken("a wrong checksum");
    }
    Slot::Frame { seq: u64::from_be_bytes(array(&frame[8..16])), sealed: &frame[16..] }
}

/// What follows the last good frame of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Rest {
    /// Zeros only.
    Clean,
    /// The remains of one frame that was never acknowledged: so many bytes.
    Torn(u64),
    /// More than one torn frame can explain, at this offset.
    Damage(u64, &'static str),
}

/// Tells a torn end from damage: looks at everything from `offset` to `until`.
///
/// A frame is forced to disk before the next is begun, so at most one can be torn: nothing valid
/// follows it, and nothing at all beyond the longest frame. Whole or not is seen by the checksum;
/// no key is needed.
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
        if let Some(last) = last_of_use(&block[..got]) {
            last_used = Some(at + last as u64);
        }
        if got < want {
            break;
        }
        at += got as u64;
    }
    let Some(last) = last_used else { return Ok(Rest::Clean) };
    if last >= offset + MAX_FRAME {
        return Ok(Rest::Damage(offset, "a gap, with more behind it"));
    }
    // Within one frame's reach: does any whole frame begin behind the broken one?
    let size = usize::try_from((until - offset).min(2 * MAX_FRAME)).unwrap_or(0);
    let mut window = vec![0; size];
    let got = read_full(file, &mut window, offset)?;
    let reach = usize::try_from(last + 1 - offset).unwrap_or(got).min(got);
    for start in 1..reach {
        if let Slot::Frame { .. } = parse_slot(&window[start..got], until - offset - start as u64) {
            return Ok(Rest::Damage(offset, "a broken frame, with a whole one behind it"));
        }
    }
    Ok(Rest::Torn(last + 1 - offset))
}

/// The last byte that is not zero. What was set aside for a segment is looked through at every
/// start, so zeros are passed over by the page.
fn last_of_use(bytes: &[u8]) -> Option<usize> {
    /// The usual size of a page of memory.
    const ZEROS: [u8; 4096] = [0; 4096];
    let pages = bytes.chunks(ZEROS.len()).enumerate();
    let (nth, page) = pages.rev().find(|(_, page)| **page != ZEROS[..page.len()])?;
    let last = page.iter().rposition(|byte| *byte != 0)?;
    Some(nth * ZEROS.len() + last)
}

#[cfg(test)]
mod tests {
    use super::super::seal::StoreKey;
    use super::*;

    fn sealer(seed: u8) -> Sealer {
        Sealer::new(&StoreKey::from_bytes([seed; 32]))
    }

    fn header() -> Header {
        Header::new(&sealer(1), 3, 77, [4; 16], 4096, &[9; 32]).unwrap()
    }

    #[test]
    fn the_last_byte_of_use_is_found_wherever_it_is() {
        for size in [0, 1, 4095, 4096, 4097, 9000] {
            assert_eq!(last_of_use(&vec![0; size]), None);
            for at in [0, 1, 4095, 4096, 8191, 8192, size.saturating_sub(1)] {
                let mut bytes = vec![0; size];
                bytes.first_mut().into_iter().for_each(|first| *first = 1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = 128;
                    assert_eq!(last_of_use(&bytes), Some(at), "{at} of {size}");
                }
            }
        }
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let good = header().encode();
        let read = Header::decode(&good).unwrap();
        assert_eq!(read.prev_hash(&sealer(1)), Some([9; 32]));
        assert_eq!(read.prev_hash(&sealer(2)), None);
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Header::decode(&bad), Err(HeaderError::Bad(_))), "bit {bit}");
            // And if somebody mends the checksum, the sealed hash no longer fits the rest.
            let crc = crc32c::crc32c(&bad[..124]);
            bad[124..].copy_from_slice(&crc.to_be_bytes());
            let opened = Header::decode(&bad).ok().and_then(|h| h.prev_hash(&sealer(1)));
            assert_eq!(opened, (bit >= 124 * 8).then_some([9; 32]), "bit {bit}");
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

    const AT: Place<'_> = Place { life: &[4; 16], epoch: 3, seq: 77 };

    fn bodies() -> Vec<Vec<u8>> {
        vec![b"body of a record".to_vec(), b"and another".to_vec()]
    }

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let seal = sealer(1);
        let (good, hashes) = encode_frame(&seal, AT, &[1; 32], &bodies()).unwrap();
        assert_eq!(good.len() as u64, frame_size(&bodies()));
        let room = 4096;
        let Slot::Frame { seq, sealed } = parse_slot(&good, room) else { panic!("no frame") };
        assert_eq!(seq, 77);
        let want: Vec<_> = bodies().into_iter().zip(hashes).collect();
        assert_eq!(open_frame(&seal, AT, sealed), Some(want));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let seen = parse_slot(&bad, room);
            assert!(!matches!(seen, Slot::Frame { .. }), "bit {bit}: {seen:?}");
        }
        assert_eq!(parse_slot(&[0; 64], room), Slot::Zero);
        assert_eq!(parse_slot(&good[..20], room), Slot::Short(good.len()));
        assert_eq!(parse_slot(&good, 30), Slot::Broken("stray bytes"));
    }

    #[test]
    fn a_frame_opens_in_its_own_place_only() {
        let seal = sealer(1);
        let (good, _) = encode_frame(&seal, AT, &[1; 32], &bodies()).unwrap();
        let sealed = &good[16..];
        assert_eq!(open_frame(&sealer(2), AT, sealed), None);
        assert_eq!(open_frame(&seal, Place { life: &[5; 16], ..AT }, sealed), None);
        assert_eq!(open_frame(&seal, Place { epoch: 4, ..AT }, sealed), None);
        assert_eq!(open_frame(&seal, Place { seq: 78, ..AT }, sealed), None);
        let odd = seal.seal(Part::Journal, &place(AT.life, 3, 77), &[0, 0, 0, 9, 1]).unwrap();
        assert_eq!(open_frame(&seal, AT, &odd), None, "a record that is cut short");
    }
}
