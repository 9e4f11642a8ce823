//! Frames: `E5`, `10 C A CS 16` and `68 L L 68 C A CI DATA CS 16`.

use std::fmt;
use std::str::FromStr;

use super::super::scan::{self, Fault, Look};
use crate::protocol::value::{hex, hex_reversed};

pub use super::super::scan::Found;

const ACK: u8 = 0xE5;
const SHORT: u8 = 0x10;
const LONG: u8 = 0x68;
const END: u8 = 0x16;
/// Characters of a short frame.
pub const SHORT_LEN: usize = 5;
/// Characters of a long frame besides what its length counts.
pub const OVERHEAD: usize = 6;
/// Control: the frame is a question.
const PRIMARY: u8 = 0x40;
/// Control: the toggling bit counts.
const FCV: u8 = 0x10;
/// Control: the toggling bit.
const FCB: u8 = 0x20;
/// Control: forget the toggling bit; deselect.
pub const SND_NKE: u8 = 0x40;
/// Control: a command.
pub const SND_UD: u8 = 0x53;
/// Control: send your data.
pub const REQ_UD2: u8 = 0x5B;
/// Control: here they are, flags aside.
pub const RSP_UD: u8 = 0x08;
/// Address of the meter selected before.
pub const SELECTED: u8 = 0xFD;
/// Control information: select a meter.
pub const CI_SELECT: u8 = 0x52;
/// Highest primary address of a meter.
const MAX_PRIMARY: u8 = 250;
/// What bytes are that make no frame: several meters at once sound just like that.
pub(super) const STRAY: &str = "collision_or_noise";

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The single character.
    Ack,
    /// Control and address.
    Short {
        /// Control.
        c: u8,
        /// Address.
        a: u8,
    },
    /// With control information and data; without data it is called a control frame.
    Long {
        /// Control.
        c: u8,
        /// Address.
        a: u8,
        /// Control information.
        ci: u8,
        /// At most 252 bytes.
        data: Vec<u8>,
    },
}

impl Frame {
    /// The bytes to send. Data beyond what the length can announce are left out; builders keep
    /// within it.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ack => vec![ACK],
            Self::Short { c, a } => vec![SHORT, *c, *a, sum(&[*c, *a]), END],
            Self::Long { c, a, ci, data } => {
                let data = data.get(..252).unwrap_or(data);
                let mut body = vec![*c, *a, *ci];
                body.extend_from_slice(data);
                // At most 255 by the cut above.
                let len = body.len() as u8;
                let check = sum(&body);
                let mut bytes = vec![LONG, len, len, LONG];
                bytes.append(&mut body);
                bytes.extend_from_slice(&[check, END]);
                bytes
            }
        }
    }
}

/// The name of a control byte.
pub fn control_name(c: u8) -> &'static str {
    match c & !(FCB | FCV) {
        _ if c == SND_NKE => "SND_NKE",
        0x43 => "SND_UD",
        0x4A => "REQ_UD1",
        0x4B => "REQ_UD2",
        0x49 => "REQ_SKE",
        RSP_UD => "RSP_UD",
        _ => "unknown",
    }
}

/// The toggling bit of a question that has one.
pub fn toggle(c: u8) -> Option<bool> {
    (c & PRIMARY != 0 && c & FCV != 0).then_some(c & FCB != 0)
}

/// A question's control with its toggling bit.
pub fn toggled(c: u8, bit: bool) -> u8 {
    if bit { c | FCB } else { c & !FCB }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn look(bytes: &[u8]) -> Look<Frame> {
    match bytes {
        [ACK, ..] => Look::Frame(Frame::Ack, 1),
        [SHORT, c, a, printed, end, ..] => {
            let computed = sum(&[*c, *a]);
            match (computed == *printed, *end == END) {
                (true, true) => Look::Frame(Frame::Short { c: *c, a: *a }, SHORT_LEN),
                (false, true) => Look::Bad(bad_cs(computed, *printed), SHORT_LEN),
                (true, false) => Look::Bad(Fault::new("bad_end"), SHORT_LEN),
                (false, false) => Look::No,
            }
        }
        [SHORT, rest @ ..] => Look::Short(SHORT_LEN - 1 - rest.len()),
        [LONG, len, again, LONG, rest @ ..] if len == again && *len >= 3 => {
            let len = usize::from(*len);
            let (Some(body), Some([printed, end])) = (rest.get(..len), rest.get(len..len + 2))
            else {
                return Look::Short(len + 2 - rest.len());
            };
            let computed = sum(body);
            match (body, computed == *printed, *end == END) {
                ([c, a, ci, data @ ..], true, true) => {
                    let frame = Frame::Long { c: *c, a: *a, ci: *ci, data: data.to_vec() };
                    Look::Frame(frame, len + OVERHEAD)
                }
                (_, false, true) => Look::Bad(bad_cs(computed, *printed), len + OVERHEAD),
                (_, true, _) => Look::Bad(Fault::new("bad_end"), len + OVERHEAD),
                (_, false, false) => Look::No,
            }
        }
        // A head as far as it has come.
        [LONG] | [LONG, _] => Look::Short(0),
        [LONG, len, again] if len == again && *len >= 3 => Look::Short(0),
        _ => Look::No,
    }
}

fn bad_cs(computed: u8, printed: u8) -> Fault {
    Fault::check("bad_cs", computed.into(), printed.into())
}

/// Every frame and every fault in `bytes`, in order.
pub fn find(bytes: &[u8]) -> Vec<Found<Frame>> {
    scan::told(bytes, None, STRAY, look)
}

/// The same for a listener, who also wants to know of every frame that is not complete yet.
pub(super) fn heard(bytes: &[u8]) -> Vec<Found<Frame>> {
    scan::all(bytes, None, STRAY, look)
}

/// A secondary address: number, maker, version, medium as they lie on the wire; in a question `F`
/// stands for any digit of the number, and FF for any maker, version or medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mask(pub [u8; 8]);

impl Mask {
    /// Whether `header`, a meter's own, is meant.
    pub fn meets(self, header: &[u8]) -> bool {
        let nibble = |want: u8, got: u8| want == 0x0F || want == got;
        let digits = |(want, got): (&u8, &u8)| {
            nibble(want >> 4, got >> 4) && nibble(want & 0x0F, got & 0x0F)
        };
        header.len() >= 8 && self.0.iter().zip(header).all(digits)
    }
}

impl fmt::Display for Mask {
    /// Sixteen digits: the number high byte first, the rest as on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, rest) = self.0.split_at(4);
        write!(f, "{}{}", hex_reversed(number), hex(rest))
    }
}

/// Which meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address {
    /// 0 to 250.
    Primary(u8),
    /// Chosen by its own number.
    Secondary(Mask),
}

/// Text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an M-Bus address is 0 to 250, or 8 or 16 digits with F for any digit")]
pub struct AddressError;

impl Address {
    /// Reads `8`, `11490378` or `1149037877040E16`.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(AddressError);
        }
        match text.len() {
            1..=3 => {
                let number: u8 = text.parse().map_err(|_| AddressError)?;
                (number <= MAX_PRIMARY).then_some(Self::Primary(number)).ok_or(AddressError)
            }
            8 | 16 => {
                let (number, rest) = text.split_at(8);
                let rest = if rest.is_empty() { "FFFFFFFF" } else { rest };
                let read = |part: &str| u32::from_str_radix(part, 16).map_err(|_| AddressError);
                let mut wire = read(number)?.to_le_bytes().to_vec();
                wire.extend_from_slice(&read(rest)?.to_be_bytes());
                let wire = wire.try_into().map_err(|_| AddressError)?;
                Ok(Self::Secondary(Mask(wire)))
            }
            _ => Err(AddressError),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary(number) => write!(f, "{number}"),
            Self::Secondary(mask) => write!(f, "{mask}"),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Vec<&'static str> {
        let name = |found: Found<Frame>| match found.what {
            Ok(Frame::Ack) => "ack",
            Ok(Frame::Short { .. }) => "short",
            Ok(Frame::Long { .. }) => "long",
            Err(fault) => fault.name,
        };
        find(bytes).into_iter().map(name).collect()
    }

    #[test]
    fn frames_read_back_and_faults_are_named() {
        let long = Frame::Long { c: 0x08, a: 5, ci: 0x72, data: vec![0x68, 0x10, 0xE5, 0x16] };
        let short = Frame::Short { c: REQ_UD2, a: 8 };
        for frame in [&long, &short, &Frame::Ack] {
            let found = find(&frame.encode());
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].what.as_ref(), Ok(frame));
        }
        let (long, short) = (long.encode(), short.encode());
        let mut bad = long.clone();
        bad[8] ^= 1;
        assert_eq!(names(&bad)[0], "bad_cs");
        let mut bad = short.clone();
        bad[4] = 0;
        assert_eq!(names(&bad)[0], "bad_end");
        assert_eq!(names(&long[..9])[0], "truncated");
        assert_eq!(names(&[0xFD]), ["collision_or_noise"]);
        assert_eq!(names(&[&[0xFD, 0x3F][..], &short].concat()), ["collision_or_noise", "short"]);
    }

    #[test]
    fn addresses_read_back_and_wildcards_match() {
        for text in ["0", "8", "250", "1149037877040E16", "1149FFFFFFFFFFFF"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        let some = Address::parse("1149FFF8").unwrap();
        assert_eq!(some.to_string(), "1149FFF8FFFFFFFF");
        let Address::Secondary(mask) = some else { panic!("{some:?}") };
        let header = [0x78, 0x03, 0x49, 0x11, 0x77, 0x04, 0x0E, 0x16];
        assert!(mask.meets(&header));
        assert!(!mask.meets(&[0x79, 0x03, 0x49, 0x11, 0x77, 0x04, 0x0E, 0x16]));
        assert!(!mask.meets(&header[..7]));
        for bad in ["", "251", "999", "1A", "1234567", "1149037x", "+8"] {
            assert_eq!(Address::parse(bad), Err(AddressError), "{bad}");
        }
    }
}
