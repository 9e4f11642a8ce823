//! Frames: `68 L L C SA CA HCS HCS APDU FCS FCS 16`.
//!
//! `L` counts everything but `68` and `16`; both checks are CRC-16/X.25, low byte first. The header
//! has a check of its own, so that a wrong length is noticed before the end is waited for.

use std::fmt;
use std::str::FromStr;

use super::super::scan::{self, Fault, Look};
use crate::protocol::value::hex_reversed;

pub use super::super::scan::Found;

const START: u8 = 0x68;
const END: u8 = 0x16;
/// Wake-up byte.
const WAKE: u8 = 0xFE;
/// Control: from the meter (server).
pub const FROM_METER: u8 = 0x80;
/// Control: the frame is one segment of a longer message.
pub const SEGMENT: u8 = 0x20;
/// Control: 33H is added to every byte of the message.
const SCRAMBLED: u8 = 0x08;
const BIAS: u8 = 0x33;
/// `68`, `L`, control and the head of the address.
const BEFORE_DIGITS: usize = 5;
/// The length field counts kilobytes, not bytes.
const IN_KILOBYTES: u16 = 0x4000;
const LENGTH: u16 = 0x3FFF;
/// Bytes that belong to no frame.
pub(super) const STRAY: &str = "noise";
/// A nibble that stands for any digit.
const ANY_DIGIT: u8 = 0x0A;

/// What a server address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// One meter.
    Single,
    /// Any digits where it has `A`.
    Wildcard,
    /// A group.
    Group,
    /// Everybody; nobody answers.
    Broadcast,
}

impl AddressKind {
    fn of(head: u8) -> Self {
        match head >> 6 {
            0 => Self::Single,
            1 => Self::Wildcard,
            2 => Self::Group,
            _ => Self::Broadcast,
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Single => 0x00,
            Self::Wildcard => 0x40,
            Self::Group => 0x80,
            Self::Broadcast => 0xC0,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Wildcard => "wildcard",
            Self::Group => "group",
            Self::Broadcast => "broadcast",
        }
    }
}

/// A server address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// What it is.
    pub kind: AddressKind,
    /// Logical address, 0 to 3.
    pub logical: u8,
    /// One to sixteen bytes of two digits, low byte first.
    digits: Vec<u8>,
}

/// Text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a DL/T 698.45 address has 1 to 32 digits; A stands for any digit")]
pub struct AddressError;

impl Address {
    /// Any meter that hears it.
    pub fn any() -> Self {
        Self { kind: AddressKind::Wildcard, logical: 0, digits: vec![0xAA; 6] }
    }

    /// Twelve digits as they are sent, low byte first. A nibble `A` makes it a wildcard.
    pub fn of_wire(digits: [u8; 6]) -> Self {
        let any = |byte: &u8| byte & 0x0F == ANY_DIGIT || byte >> 4 == ANY_DIGIT;
        let wild = digits.iter().any(any);
        let kind = if wild { AddressKind::Wildcard } else { AddressKind::Single };
        Self { kind, logical: 0, digits: digits.to_vec() }
    }

    /// Reads digits, high ones first; fewer than twelve are filled up with zeros in front. An `A`
    /// makes it a wildcard.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let nibble = |c: char| match c {
            '0'..='9' | 'A' | 'a' => c.to_digit(16).and_then(|d| u8::try_from(d).ok()),
            _ => None,
        };
        let mut nibbles: Vec<u8> =
            text.chars().rev().map(nibble).collect::<Option<_>>().ok_or(AddressError)?;
        if !(1..=32).contains(&nibbles.len()) {
            return Err(AddressError);
        }
        let whole = nibbles.len().max(12).next_multiple_of(2);
        nibbles.resize(whole, 0);
        let any = nibbles.contains(&ANY_DIGIT);
        let kind = if any { AddressKind::Wildcard } else { AddressKind::Single };
        let byte = |pair: &[u8]| match pair {
            [low, high] => high << 4 | low,
            _ => 0,
        };
        Ok(Self { kind, logical: 0, digits: nibbles.chunks(2).map(byte).collect() })
    }

    /// Whether a frame under `other` may come from a meter meant here.
    pub fn meets(&self, other: &Self) -> bool {
        let digit = |want: u8, got: u8| want == got || want == ANY_DIGIT;
        let byte = |want: u8, got: u8| digit(want >> 4, got >> 4) && digit(want & 0x0F, got & 0x0F);
        match self.kind {
            AddressKind::Single => self.digits == other.digits,
            AddressKind::Wildcard => {
                self.digits.len() == other.digits.len()
                    && self.digits.iter().zip(&other.digits).all(|(want, got)| byte(*want, *got))
            }
            AddressKind::Group | AddressKind::Broadcast => false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_reversed(&self.digits))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Control byte.
    pub control: u8,
    /// Whose.
    pub address: Address,
    /// Client address.
    pub client: u8,
    /// The message, or a segment of it with its two bytes in front; not scrambled any more.
    pub message: Vec<u8>,
}

impl Frame {
    /// Whether a meter sent it.
    pub fn from_meter(&self) -> bool {
        self.control & FROM_METER != 0
    }

    /// Whether it is one segment of a longer message.
    pub fn is_segment(&self) -> bool {
        self.control & SEGMENT != 0
    }

    /// What it is for: 1 link management, 3 data.
    pub fn function(&self) -> u8 {
        self.control & 0x07
    }

    /// The bytes to send, with `preamble` wake-up bytes in front. Messages are short by
    /// construction; one beyond the length field is cut off.
    pub fn encode(&self, preamble: usize) -> Vec<u8> {
        let head = BEFORE_DIGITS + self.address.digits.len();
        let most = usize::from(LENGTH) - head - 4;
        let message = self.message.get(..most).unwrap_or(&self.message);
        // `L`, control, head, digits, client, two checks; cut above, so it fits.
        let len = (head + 4 + message.len()) as u16;
        let mut body = len.to_le_bytes().to_vec();
        // One to sixteen digits' bytes: the count fits four bits.
        let count = (self.address.digits.len() as u8).wrapping_sub(1) & 0x0F;
        let logical = (self.address.logical & 0x03) << 4;
        body.push(self.control);
        body.push(self.address.kind.bits() | logical | count);
        body.extend_from_slice(&self.address.digits);
        body.push(self.client);
        body.extend_from_slice(&check(&body).to_le_bytes());
        let scramble = if self.control & SCRAMBLED != 0 { BIAS } else { 0 };
        body.extend(message.iter().map(|byte| byte.wrapping_add(scramble)));
        body.extend_from_slice(&check(&body).to_le_bytes());
        let mut bytes = vec![WAKE; preamble];
        bytes.push(START);
        bytes.append(&mut body);
        bytes.push(END);
        bytes
    }
}

/// CRC-16/X.25.
fn check(bytes: &[u8]) -> u16 {
    let step = |crc: u16, byte: &u8| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0x8408 } else { crc >> 1 }
        })
    };
    !bytes.iter().fold(0xFFFF, step)
}

/// The check over `bytes[1..at]` and the one printed at `at`.
fn checks(bytes: &[u8], at: usize) -> Option<[u16; 2]> {
    let computed = check(bytes.get(1..at)?);
    let printed = bytes.get(at..)?.first_chunk::<2>()?;
    Some([computed, u16::from_le_bytes(*printed)])
}

fn look(bytes: &[u8]) -> Look<Frame> {
    let [START, header @ ..] = bytes else { return Look::No };
    let [low, high, control, head, digits @ ..] = header else {
        return Look::Short(0);
    };
    let field = u16::from_le_bytes([*low, *high]);
    let unit = if field & IN_KILOBYTES == 0 { 1 } else { 1024 };
    let len = usize::from(field & LENGTH) * unit;
    let count = usize::from(head & 0x0F) + 1;
    let hcs_at = BEFORE_DIGITS + count + 1;
    let whole = len + 2;
    // A header that cannot be one: the rest does not fit into its length, or bits that are zero.
    let function = control & 0x07;
    if whole < hcs_at + 5 || !matches!(function, 1 | 3) || field & 0x8000 != 0 {
        return Look::No;
    }
    let Some([computed, printed]) = checks(bytes, hcs_at) else {
        // A length is believed when its check is there.
        return Look::Short(0);
    };
    if computed != printed {
        return Look::Bad(Fault::check("bad_hcs", computed, printed), hcs_at + 2);
    }
    let fcs_at = whole - 3;
    let (Some([computed, printed]), Some(end)) = (checks(bytes, fcs_at), bytes.get(whole - 1))
    else {
        return Look::Short(whole - bytes.len());
    };
    if computed != printed {
        return Look::Bad(Fault::check("bad_fcs", computed, printed), whole);
    }
    if *end != END {
        return Look::Bad(Fault::new("bad_end"), whole);
    }
    let scramble = if control & SCRAMBLED != 0 { BIAS } else { 0 };
    let message = bytes.get(hcs_at + 2..fcs_at).unwrap_or_default();
    let frame = Frame {
        control: *control,
        address: Address {
            kind: AddressKind::of(*head),
            logical: (head >> 4) & 0x03,
            digits: digits.get(..count).unwrap_or_default().to_vec(),
        },
        client: digits.get(count).copied().unwrap_or_default(),
        message: message.iter().map(|byte| byte.wrapping_sub(scramble)).collect(),
    };
    Look::Frame(frame, whole)
}

/// Every frame and every fault in `bytes`, in order.
pub fn find(bytes: &[u8]) -> Vec<Found<Frame>> {
    scan::told(bytes, Some(WAKE), STRAY, look)
}

/// The same for a listener, who also wants to know of every frame that is not complete yet.
pub(super) fn heard(bytes: &[u8]) -> Vec<Found<Frame>> {
    scan::all(bytes, Some(WAKE), STRAY, look)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(control: u8) -> Frame {
        let address = Address::parse("39200933").unwrap();
        Frame { control, address, client: 0, message: vec![5, 1, 2, 0x68, 0x16, 0, 0] }
    }

    #[test]
    fn encode_and_find_are_inverse_scrambled_or_not() {
        for control in [0x43, 0x4B, 0xC3, 0x81] {
            let frame = frame(control);
            let found = find(&frame.encode(4));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].preamble, found[0].what.as_ref()), (4, Ok(&frame)));
        }
    }

    #[test]
    fn addresses_read_back_and_wildcards_match() {
        let one = Address::parse("000039200933").unwrap();
        assert_eq!(one.to_string(), "000039200933");
        assert_eq!(Address::parse("39200933"), Ok(one.clone()));
        assert!(Address::any().meets(&one) && one.meets(&one));
        let some = Address::parse("AAAA39200AAA").unwrap();
        assert_eq!(some.kind, AddressKind::Wildcard);
        assert!(some.meets(&one));
        assert!(!some.meets(&Address::parse("000039210933").unwrap()));
        for bad in ["", "12B4", "1 2", &"1".repeat(33)] {
            assert_eq!(Address::parse(bad), Err(AddressError), "{bad}");
        }
    }

    #[test]
    fn faults_are_named() {
        let good = frame(0xC3).encode(0);
        let name = |bytes: &[u8]| find(bytes).first().and_then(|f| f.what.clone().err());
        for (at, fault) in [(6, "bad_hcs"), (16, "bad_fcs"), (good.len() - 1, "bad_end")] {
            let mut bad = good.clone();
            bad[at] ^= 0x01;
            assert_eq!(name(&bad).map(|f| f.name), Some(fault), "byte {at}");
        }
        assert_eq!(name(&good[..good.len() - 3]).map(|f| f.name), Some("truncated"));
        assert_eq!(name(&[0x68, 1, 2, 3]).map(|f| f.name), Some("truncated"));
        assert_eq!(name(&[0x16, 1, 2, 3]).map(|f| f.name), Some("noise"));
    }
}
