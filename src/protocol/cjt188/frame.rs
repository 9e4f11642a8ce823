//! Frames: `FE* 68 T A0..A6 C L DATA CS 16`, the same both ways.
//!
//! `CS` is the sum of everything from `68` on, modulo 256; nothing is biased by 33H as in DL/T 645,
//! and there is only one `68`: any `68` may begin a frame, so length, sum and end have to agree.

use std::fmt;
use std::str::FromStr;

use super::super::scan::{self, Fault, Look};
use crate::protocol::value::hex_reversed;

pub use super::super::scan::Found;

const START: u8 = 0x68;
const END: u8 = 0x16;
/// Wake-up byte; meters send none to five, and want up to four.
pub const WAKE: u8 = 0xFE;
/// Every byte of a wildcard.
const ANY: u8 = 0xAA;
/// Control code: from the meter.
pub const FROM_METER: u8 = 0x80;
/// Control code: the meter refuses.
pub const REFUSED: u8 = 0x40;
/// Characters besides data and wake-up bytes.
pub const OVERHEAD: usize = 13;
/// Most data bytes the length byte can announce.
pub const MAX_DATA: usize = 255;
/// Bytes that belong to no frame.
pub(super) const STRAY: &str = "noise";

/// Who is meant: the kind of meter (T) and seven address bytes, as they lie on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// 10H to 19H water, 20H to 29H heat, 30H to 39H gas, from 40H others; AAH any.
    pub kind: u8,
    /// Low byte first.
    pub number: [u8; 7],
}

/// Text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a CJ/T 188 address is \"10:00000051327643\": kind and up to 14 digits")]
pub struct AddressError;

impl Address {
    /// Whoever hears it.
    pub const ANY: Self = Self { kind: ANY, number: [ANY; 7] };

    /// Reads `10:00000051327643`, or the digits alone for a meter of any kind.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (kind, digits) = text.trim().split_once(':').unwrap_or(("AA", text.trim()));
        let all_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
        if kind.len() != 2 || !all_hex(kind) || !(1..=14).contains(&digits.len()) {
            return Err(AddressError);
        }
        if !all_hex(digits) {
            return Err(AddressError);
        }
        let kind = u8::from_str_radix(kind, 16).map_err(|_| AddressError)?;
        let number = u64::from_str_radix(digits, 16).map_err(|_| AddressError)?;
        let mut wire = [0; 7];
        for (to, from) in wire.iter_mut().zip(number.to_le_bytes()) {
            *to = from;
        }
        Ok(Self { kind, number: wire })
    }

    /// Every meter that hears it is meant.
    pub fn is_wildcard(self) -> bool {
        self.number == [ANY; 7]
    }

    /// The fourteen digits, high byte first.
    pub fn digits(self) -> String {
        hex_reversed(&self.number)
    }

    /// Whether a frame under `other` may come from the meter meant here.
    pub fn meets(self, other: Self) -> bool {
        (self.kind == ANY || self.kind == other.kind)
            && (self.is_wildcard() || self.number == other.number)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}:{}", self.kind, self.digits())
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
    /// Whose.
    pub address: Address,
    /// Control code.
    pub control: u8,
    /// At most [`MAX_DATA`] bytes.
    pub data: Vec<u8>,
}

impl Frame {
    /// Whether a meter sent it.
    pub fn from_meter(&self) -> bool {
        self.control & FROM_METER != 0
    }

    /// Whether a meter refuses by it.
    pub fn is_refusal(&self) -> bool {
        self.from_meter() && self.control & REFUSED != 0
    }

    /// The function without direction and refusal; 15H and 16H keep their own bit 4.
    pub fn function(&self) -> u8 {
        self.control & 0x1F
    }

    /// The two bytes of the data identifier, as they lie on the wire.
    pub fn di(&self) -> Option<[u8; 2]> {
        self.data.get(..2)?.try_into().ok()
    }

    /// The serial number of question and answer.
    pub fn ser(&self) -> Option<u8> {
        self.data.get(2).copied()
    }

    /// The bytes to send, with `preamble` wake-up bytes in front. Data beyond [`MAX_DATA`] cannot
    /// be announced and are left out; builders keep within it.
    pub fn encode(&self, preamble: usize) -> Vec<u8> {
        let data = self.data.get(..MAX_DATA).unwrap_or(&self.data);
        let mut frame = vec![START, self.address.kind];
        frame.extend_from_slice(&self.address.number);
        // Cut to 255 above, so it fits its byte.
        frame.extend_from_slice(&[self.control, data.len() as u8]);
        frame.extend_from_slice(data);
        frame.extend_from_slice(&[sum(&frame), END]);
        let mut bytes = vec![WAKE; preamble];
        bytes.append(&mut frame);
        bytes
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn look(bytes: &[u8]) -> Look<Frame> {
    let [START, header @ ..] = bytes else { return Look::No };
    let [kind, a, b, c, d, e, f, g, control, len, rest @ ..] = header else {
        return Look::Short(0);
    };
    let len = usize::from(*len);
    let Some([printed, end]) = rest.get(len..len + 2) else {
        return Look::Short(len + 2 - rest.len());
    };
    let body = bytes.get(..OVERHEAD - 2 + len).unwrap_or_default();
    let computed = sum(body);
    match (computed == *printed, *end == END) {
        (true, true) => {
            let address = Address { kind: *kind, number: [*a, *b, *c, *d, *e, *f, *g] };
            let data = rest.get(..len).unwrap_or_default().to_vec();
            Look::Frame(Frame { address, control: *control, data }, OVERHEAD + len)
        }
        (false, true) => {
            let fault = Fault::check("bad_cs", computed.into(), (*printed).into());
            Look::Bad(fault, OVERHEAD + len)
        }
        (true, false) => Look::Bad(Fault::new("bad_end"), OVERHEAD + len),
        // Neither: a 68 inside something else.
        (false, false) => Look::No,
    }
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

    fn frame(data: &[u8]) -> Frame {
        let address = Address::parse("10:78330011223344").unwrap();
        Frame { address, control: 0x81, data: data.to_vec() }
    }

    #[test]
    fn addresses_read_back() {
        for text in ["10:78330011223344", "AA:AAAAAAAAAAAAAA", "20:00000000000001"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        let short = Address::parse("51327643").unwrap();
        assert_eq!(short.to_string(), "AA:00000051327643");
        assert_eq!(Address::parse("10:1").unwrap().digits(), "00000000000001");
        for bad in ["", "10:", "1:1", "10:123456789012345", "x0:1", "10:+1", "10:12 34", "zz"] {
            assert_eq!(Address::parse(bad), Err(AddressError), "{bad}");
        }
    }

    #[test]
    fn wildcards_meet_everybody() {
        let own = Address::parse("10:1").unwrap();
        let other = Address::parse("10:2").unwrap();
        let heat = Address::parse("20:1").unwrap();
        assert!(Address::ANY.meets(own) && own.meets(own));
        assert!(!own.meets(other) && !own.meets(heat));
        assert!(Address { kind: 0x10, ..Address::ANY }.meets(other));
        assert!(!Address { kind: 0x10, ..Address::ANY }.meets(heat));
    }

    #[test]
    fn a_frame_behind_a_false_start_is_found() {
        let good = frame(&[0x90, 0x1F, 0, 0x68, 0x16]);
        let mut bytes = vec![START, 1, 2, START, 200];
        bytes.extend(good.encode(2));
        let found = find(&bytes);
        assert!(found.iter().any(|f| f.what.as_ref() == Ok(&good) && f.preamble == 2));
        assert_eq!(found.iter().filter(|f| f.what.is_err()).count(), 1, "{found:?}");
    }

    #[test]
    fn faults_are_named() {
        let good = frame(&[0x90, 0x1F, 0]).encode(0);
        let name = |bytes: &[u8]| find(bytes).first().and_then(|f| f.what.clone().err());
        let mut bad = good.clone();
        bad[5] ^= 1;
        assert_eq!(name(&bad).map(|f| f.name), Some("bad_cs"));
        let mut bad = good.clone();
        *bad.last_mut().unwrap() = 0x17;
        assert_eq!(name(&bad).map(|f| f.name), Some("bad_end"));
        assert_eq!(name(&good[..good.len() - 1]).map(|f| f.name), Some("truncated"));
        assert_eq!(name(&[1, 2, 3]).map(|f| f.name), Some("noise"));
    }
}
