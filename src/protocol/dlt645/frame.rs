//! The DL/T 645 frame, both editions: `68 A0..A5 68 C L DATA CS 16`.
//!
//! [`Frame::encode`] builds one, [`Decoder`] finds them in a stream. The decoder goes by the length
//! byte and never searches for `16`, which may stand in data or be the checksum. After a bad
//! header, checksum or end byte it moves on by ONE byte and looks again, so that a frame swallowed
//! by a wrong length is still found. It holds at most [`MAX_BUFFER`] bytes and never panics. What
//! the data mean is not its business (`items.rs`, `explain.rs`).

use std::collections::VecDeque;
use std::fmt;

use crate::units::MeterNo;

/// First byte of a frame, and the byte between address and control code.
const START: u8 = 0x68;
/// Last byte of a frame.
const END: u8 = 0x16;
/// Wake-up byte sent before a frame, not part of it.
const WAKE: u8 = 0xFE;
/// What some meters send after a frame (icprog driver strips it).
const IDLE: u8 = 0xFF;
/// Every data byte travels with this added.
const BIAS: u8 = 0x33;

/// Bytes of a frame besides its data.
pub const OVERHEAD: usize = 12;
/// Most data bytes a length byte can announce. The standard allows 200 in a read and 50 in a write,
/// real firmware goes beyond both, so those are no reason to drop a frame.
pub const MAX_DATA: usize = 255;
/// Longest frame without its preamble.
pub const MAX_FRAME: usize = OVERHEAD + MAX_DATA;
/// Most bytes a [`Decoder`] keeps. If a caller pushes more without asking for results, the oldest
/// are given up.
pub const MAX_BUFFER: usize = 8 * 1024;

/// The control code's direction bit: set in everything a meter sends.
pub const FROM_METER: u8 = 0x80;
/// The control code's bit for a refusal.
pub const REFUSED: u8 = 0x40;
/// The control code's bit for "more frames follow".
pub const MORE: u8 = 0x20;

/// An address field in wire order, low digits first. It names one meter, some, or all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub [u8; 6]);

/// How an address field applies to a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// All twelve digits are this meter's.
    Exact,
    /// The low digits are this meter's, the high ones are `AA`.
    Short,
    /// All `AA`: whoever is alone on the line. Refused for writes and relay commands.
    Any,
    /// All `99`: everybody acts, nobody answers.
    Broadcast,
    /// Another meter's.
    No,
}

impl Address {
    /// The wildcard for a single meter on the line.
    pub const ANY: Self = Self([0xAA; 6]);
    /// Everybody.
    pub const BROADCAST: Self = Self([0x99; 6]);

    /// One meter's address.
    pub fn meter(no: MeterNo) -> Self {
        Self(no.wire())
    }

    /// The last digits only, `AA` above: shortened addressing. `digits` counts whole bytes' worth
    /// (2, 4, .. 10); it is rounded down, and clamped to that range.
    pub fn short(no: MeterNo, digits: usize) -> Self {
        let keep = (digits / 2).clamp(1, 5);
        let mut wire = no.wire();
        wire.iter_mut().skip(keep).for_each(|byte| *byte = 0xAA);
        Self(wire)
    }

    /// The meter number, if every nibble is a decimal digit.
    pub fn meter_no(self) -> Option<MeterNo> {
        MeterNo::from_wire(self.0)
    }

    /// Whether and how this address field names the meter `no`.
    ///
    /// `AA` counts as "any digits" only from the high end, and at least one low byte must be given
    /// (3JL firmware). All `99` is the broadcast even if a meter should have that number.
    pub fn matches(self, no: MeterNo) -> Match {
        if self == Self::BROADCAST {
            return Match::Broadcast;
        }
        if self == Self::ANY {
            return Match::Any;
        }
        let wire = no.wire();
        if self.0 == wire {
            return Match::Exact;
        }
        let given = self.0.iter().rposition(|byte| *byte != 0xAA).map_or(0, |at| at + 1);
        if given < self.0.len() && self.0[..given] == wire[..given] {
            Match::Short
        } else {
            Match::No
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// One frame, its data without the bias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// How many `FE` came right before it. Says nothing about the frame; not used by `encode`.
    pub preamble: usize,
    /// Whom it names.
    pub address: Address,
    /// Control code: direction, refusal, more-follows and function.
    pub control: u8,
    /// Data in wire order, bias taken off. At most [`MAX_DATA`].
    pub data: Vec<u8>,
}

impl Frame {
    /// A frame with these parts.
    pub fn new(address: Address, control: u8, data: impl Into<Vec<u8>>) -> Self {
        Self { preamble: 0, address, control, data: data.into() }
    }

    /// Whether a meter sent it (D7).
    pub fn from_meter(&self) -> bool {
        self.control & FROM_METER != 0
    }

    /// Whether it is a refusal (D6).
    pub fn is_refusal(&self) -> bool {
        self.control & REFUSED != 0
    }

    /// Whether more frames follow (D5).
    pub fn more_follows(&self) -> bool {
        self.control & MORE != 0
    }

    /// The function code without the flags (D4..D0).
    pub fn function(&self) -> u8 {
        self.control & 0x1F
    }

    /// The first four data bytes as a 2007 data identifier, e.g. `0x0001FF00`.
    pub fn di(&self) -> Option<u32> {
        let wire: [u8; 4] = self.data.get(..4)?.try_into().ok()?;
        Some(u32::from_le_bytes(wire))
    }

    /// Characters it takes on the wire, with `preamble` wake-up bytes.
    pub fn wire_len(&self, preamble: usize) -> usize {
        preamble + OVERHEAD + self.data.len().min(MAX_DATA)
    }

    /// The bytes to send, with `preamble` wake-up bytes in front. Data beyond [`MAX_DATA`] cannot
    /// be announced by the length byte and are left out; builders keep within it.
    pub fn encode(&self, preamble: usize) -> Vec<u8> {
        let data = &self.data[..self.data.len().min(MAX_DATA)];
        let mut bytes = vec![WAKE; preamble];
        bytes.reserve(OVERHEAD + data.len());
        bytes.push(START);
        bytes.extend_from_slice(&self.address.0);
        // The length was cut to 255 above, so it fits its byte.
        bytes.extend_from_slice(&[START, self.control, data.len() as u8]);
        bytes.extend(data.iter().map(|byte| byte.wrapping_add(BIAS)));
        bytes.push(sum(&bytes[preamble..]));
        bytes.push(END);
        bytes
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// What was wrong with bytes that are not a good frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FrameError {
    /// The bytes ended before the frame did.
    #[error("the bytes end before the frame does")]
    Truncated,
    /// The checksum does not match.
    #[error("wrong checksum")]
    Checksum,
    /// The checksum matches, but the frame does not end with 16.
    #[error("no end byte where the frame should end")]
    End,
    /// Neither checksum nor end byte stand where the length says.
    #[error("the length does not fit the bytes")]
    Length,
    /// Bytes that belong to no frame.
    #[error("bytes without a frame")]
    NoStart,
}

impl FrameError {
    /// A stable name for output.
    pub fn code(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Checksum => "checksum",
            Self::End => "end-byte",
            Self::Length => "length",
            Self::NoStart => "no-start",
        }
    }
}

/// Something found in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `FE` bytes right before it.
    pub preamble: usize,
    /// The frame, or why there is none here.
    pub frame: Result<Frame, FrameError>,
}

/// Finds frames in a stream of bytes. Feed it any pieces; the pieces make no difference.
///
/// Iterate to get results; `None` means "more bytes are needed". [`Decoder::finish`] says that none
/// will come for now, so that an unfinished frame is given up and what it hid is found.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    buffer: VecDeque<u8>,
    /// `FE` seen right before the buffer's front.
    preamble: usize,
    /// A run of stray bytes has been reported already.
    stray: bool,
    /// So many bytes from the front belong to something reported bad: look for frames, but report
    /// no second fault.
    muted: usize,
    finished: bool,
}

impl Decoder {
    /// An empty decoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes in. Ask for results after each piece: beyond [`MAX_BUFFER`] unread bytes the
    /// oldest are given up.
    pub fn push(&mut self, bytes: &[u8]) {
        self.finished = false;
        let bytes = &bytes[bytes.len().saturating_sub(MAX_BUFFER)..];
        let over = (self.buffer.len() + bytes.len()).saturating_sub(MAX_BUFFER);
        if over > 0 {
            self.buffer.drain(..over);
            self.muted = self.muted.saturating_sub(over);
            self.preamble = 0;
        }
        self.buffer.extend(bytes);
    }

    /// No more bytes will come: give up an unfinished frame and look behind its start.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a frame has begun and is not complete.
    pub fn is_inside(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Wake-up bytes seen with nothing behind them yet.
    pub fn preamble(&self) -> usize {
        self.preamble
    }

    /// How many more bytes the frame at the front needs, as far as its header tells.
    pub fn missing(&self) -> Option<usize> {
        let len = usize::from(*self.buffer.get(9)?);
        Some((OVERHEAD + len).saturating_sub(self.buffer.len()))
    }

    /// The next thing found, with its preamble count.
    pub fn find_next(&mut self) -> Option<Found> {
        while let Some(first) = self.buffer.front().copied() {
            match first {
                WAKE => {
                    self.advance(1);
                    self.preamble += 1;
                }
                START => match self.at_start() {
                    Candidate::Good(frame) => return Some(self.take(frame)),
                    Candidate::Unfinished if !self.finished => return None,
                    Candidate::Unfinished => {
                        let extent = self.buffer.len();
                        if let Some(found) = self.reject(FrameError::Truncated, extent) {
                            return Some(found);
                        }
                    }
                    Candidate::Bad(fault, extent) => {
                        if let Some(found) = self.reject(fault, extent) {
                            return Some(found);
                        }
                    }
                    Candidate::NotAFrame => {
                        if let Some(found) = self.skip_stray(first) {
                            return Some(found);
                        }
                    }
                },
                other => {
                    if let Some(found) = self.skip_stray(other) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }

    fn advance(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.buffer.drain(..count);
        self.muted = self.muted.saturating_sub(count);
    }

    /// What begins at the front, which is a start byte.
    fn at_start(&self) -> Candidate {
        match self.buffer.get(7) {
            None => return Candidate::Unfinished,
            Some(&START) => {}
            Some(_) => return Candidate::NotAFrame,
        }
        let Some(len) = self.buffer.get(9).map(|len| usize::from(*len)) else {
            return Candidate::Unfinished;
        };
        let extent = OVERHEAD + len;
        if self.buffer.len() < extent {
            return Candidate::Unfinished;
        }
        let bytes: Vec<u8> = self.buffer.range(..extent).copied().collect();
        let summed = sum(&bytes[..extent - 2]) == bytes[extent - 2];
        let ended = bytes[extent - 1] == END;
        match (summed, ended) {
            (true, true) => {}
            (false, true) => return Candidate::Bad(FrameError::Checksum, extent),
            (true, false) => return Candidate::Bad(FrameError::End, extent),
            (false, false) => return Candidate::Bad(FrameError::Length, extent),
        }
        let mut address = [0; 6];
        address.copy_from_slice(&bytes[1..7]);
        let data = bytes[10..extent - 2].iter().map(|byte| byte.wrapping_sub(BIAS)).collect();
        Candidate::Good(Frame { preamble: 0, address: Address(address), control: bytes[8], data })
    }

    fn take(&mut self, mut frame: Frame) -> Found {
        self.advance(OVERHEAD + frame.data.len());
        // A good frame ends whatever was bad before it, even if that claimed to reach further.
        self.muted = 0;
        self.stray = false;
        frame.preamble = std::mem::take(&mut self.preamble);
        Found { preamble: frame.preamble, frame: Ok(frame) }
    }

    /// Gives up the start byte at the front. Reports the fault unless it lies inside a reported
    /// one.
    fn reject(&mut self, fault: FrameError, extent: usize) -> Option<Found> {
        let known = self.muted > 0;
        let preamble = std::mem::take(&mut self.preamble);
        if !known {
            self.muted = extent;
        }
        // Stray bytes right behind something bad are part of the same trouble.
        self.stray = true;
        self.advance(1);
        (!known).then_some(Found { preamble, frame: Err(fault) })
    }

    /// Passes over a byte outside any frame. Reports the first of a run.
    fn skip_stray(&mut self, byte: u8) -> Option<Found> {
        let known = self.muted > 0 || self.stray || byte == IDLE;
        let preamble = std::mem::take(&mut self.preamble);
        self.stray |= self.muted == 0 && byte != IDLE;
        self.advance(1);
        (!known).then_some(Found { preamble, frame: Err(FrameError::NoStart) })
    }
}

impl Iterator for Decoder {
    type Item = Result<Frame, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.find_next().map(|found| found.frame)
    }
}

enum Candidate {
    Good(Frame),
    /// Could become a frame with more bytes.
    Unfinished,
    /// Had a header, and this is wrong; it claimed so many bytes.
    Bad(FrameError, usize),
    /// The byte 68, but no header.
    NotAFrame,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(text: &str) -> MeterNo {
        text.parse().unwrap()
    }

    fn all(bytes: &[u8]) -> Vec<Found> {
        let mut decoder = Decoder::new();
        decoder.push(bytes);
        decoder.finish();
        std::iter::from_fn(|| decoder.find_next()).collect()
    }

    #[test]
    fn addresses_match_from_the_high_end() {
        let no = meter("201000000012");
        for (wire, expected) in [
            ([0x12, 0, 0, 0, 0x10, 0x20], Match::Exact),
            ([0x12, 0, 0xAA, 0xAA, 0xAA, 0xAA], Match::Short),
            ([0x12, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA], Match::Short),
            ([0xAA; 6], Match::Any),
            ([0x99; 6], Match::Broadcast),
            // AA at the low end or in the middle is no wildcard.
            ([0xAA, 0, 0, 0, 0x10, 0x20], Match::No),
            ([0x12, 0xAA, 0, 0, 0x10, 0x20], Match::No),
            ([0x13, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA], Match::No),
        ] {
            assert_eq!(Address(wire).matches(no), expected, "{wire:02X?}");
        }
        assert_eq!(Address::short(no, 4).0, [0x12, 0, 0xAA, 0xAA, 0xAA, 0xAA]);
        assert_eq!(Address::meter(no).to_string(), "201000000012");
    }

    #[test]
    fn a_frame_hidden_by_a_wrong_length_is_found() {
        let good = Frame::new(Address::meter(meter("47")), 0x91, [0, 0, 1, 0, 0x26, 0, 0, 0]);
        let mut bytes = vec![0x68, 1, 2, 3, 4, 5, 6, 0x68, 0x91, 200, 0x33];
        bytes.extend(good.encode(2));
        let found = all(&bytes);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].frame, Err(FrameError::Truncated));
        assert_eq!(found[1].frame.as_ref().map(|f| &f.data), Ok(&good.data));
        assert_eq!(found[1].preamble, 2);
    }

    #[test]
    fn sixteen_and_sixty_eight_in_data_are_just_data() {
        // 0x16 - 0x33 and 0x68 - 0x33 give 16 and 68 on the wire.
        let data = vec![0x16u8.wrapping_sub(0x33), 0x68 - 0x33, 0x68 - 0x33, 0xE3, 0x35];
        let frame = Frame::new(Address::BROADCAST, 0x08, data);
        let found = all(&frame.encode(0));
        assert_eq!(found, [Found { preamble: 0, frame: Ok(frame) }]);
    }

    #[test]
    fn the_buffer_stays_small() {
        let mut decoder = Decoder::new();
        for _ in 0..100 {
            decoder.push(&[0x68; 1000]);
            assert!(decoder.buffer.len() <= MAX_BUFFER);
        }
    }
}
