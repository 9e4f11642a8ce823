//! Frames: RTU (unit, PDU, CRC) and TCP (MBAP header, PDU), built and checked.

use std::fmt;

/// Longest PDU, bytes.
pub const MAX_PDU: usize = 253;
/// Longest RTU frame: unit, PDU, CRC.
pub const MAX_RTU: usize = MAX_PDU + 3;
/// Bytes of an MBAP header with the unit.
pub const MBAP: usize = 7;

/// Who is asked: the unit id, called slave address before. Every user of a multi-user box has one
/// of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit(pub u8);

impl Unit {
    /// All meters on the line; none answers.
    pub const BROADCAST: Self = Self(0);

    /// Reads `13` or `0x0D`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            // `from_str_radix` would take a sign.
            Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                u8::from_str_radix(hex, 16).ok().map(Self)
            }
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok().map(Self),
            _ => None,
        }
    }

    /// Whether the standard gives this id to meters: 1 to 247. Others exist in the field.
    pub fn is_usual(self) -> bool {
        (1..=247).contains(&self.0)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// CRC-16/Modbus: polynomial 8005 reflected, initial FFFF.
const CRC_TABLE: [u16; 256] = crc_table();

const fn crc_table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
}

/// CRC-16/Modbus of `bytes`; on the wire the low byte comes first.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc: u16, byte| {
        let [low, _] = crc.to_le_bytes();
        // An index of eight bits into 256 entries.
        (crc >> 8) ^ CRC_TABLE[usize::from(low ^ byte)]
    })
}

/// An RTU frame.
pub fn rtu(unit: Unit, pdu: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(pdu.len() + 3);
    frame.push(unit.0);
    frame.extend_from_slice(pdu);
    frame.extend(crc16(&frame).to_le_bytes());
    frame
}

/// Unit and PDU of an RTU frame that is exactly `bytes`; `None` if the CRC does not fit.
pub fn open_rtu(bytes: &[u8]) -> Option<(Unit, &[u8])> {
    let (body, crc) = bytes.split_last_chunk::<2>()?;
    let (unit, pdu) = body.split_first()?;
    let good = !pdu.is_empty() && u16::from_le_bytes(*crc) == crc16(body);
    good.then_some((Unit(*unit), pdu))
}

/// A TCP frame with this transaction number.
pub fn tcp(transaction: u16, unit: Unit, pdu: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(MBAP + pdu.len());
    frame.extend(transaction.to_be_bytes());
    frame.extend([0, 0]);
    // A PDU longer than a frame holds is cut by nobody here: the length says what follows.
    frame.extend(u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX).to_be_bytes());
    frame.push(unit.0);
    frame.extend_from_slice(pdu);
    frame
}

/// What the beginning of a stretch of Modbus TCP is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mbap<'a> {
    /// A whole frame, `len` bytes of the stretch.
    Frame {
        /// Transaction number.
        transaction: u16,
        /// Unit.
        unit: Unit,
        /// What it says.
        pdu: &'a [u8],
        /// Bytes it takes.
        len: usize,
    },
    /// The beginning of one; so many bytes are missing at least.
    Short(usize),
    /// No frame begins here.
    No,
}

/// Looks at the beginning of a stretch of Modbus TCP.
pub fn open_tcp(bytes: &[u8]) -> Mbap<'_> {
    let protocol = bytes.iter().skip(2).take(2).all(|byte| *byte == 0);
    let Some((header, rest)) = bytes.split_first_chunk::<MBAP>() else {
        let length_high = bytes.get(4).is_none_or(|byte| *byte == 0);
        // The shortest frame has two bytes of PDU.
        let missing = MBAP + 2 - bytes.len();
        return if protocol && length_high { Mbap::Short(missing) } else { Mbap::No };
    };
    let [t1, t0, _, _, l1, l0, unit] = *header;
    let length = usize::from(u16::from_be_bytes([l1, l0]));
    if !protocol || !(2..=MAX_PDU + 1).contains(&length) {
        return Mbap::No;
    }
    match rest.get(..length - 1) {
        Some(pdu) => Mbap::Frame {
            transaction: u16::from_be_bytes([t1, t0]),
            unit: Unit(unit),
            pdu,
            len: MBAP + length - 1,
        },
        None => Mbap::Short(length - 1 - rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_that_of_the_vectors() {
        let frame = rtu(Unit(1), &[3, 0, 0, 0, 2]);
        assert_eq!(frame, [0x01, 0x03, 0x00, 0x00, 0x00, 0x02, 0xC4, 0x0B]);
        assert_eq!(open_rtu(&frame), Some((Unit(1), &[3, 0, 0, 0, 2][..])));
        assert_eq!(crc16(b"123456789"), 0x4B37, "check value of the catalogue");
        assert_eq!(open_rtu(&frame[..7]), None);
        assert_eq!(open_rtu(&[]), None);
        let [unit_alone @ .., _, _] = &rtu(Unit(1), &[])[..] else { unreachable!() };
        assert_eq!(open_rtu(&rtu(Unit(1), &[])), None, "{unit_alone:?} is no frame");
    }

    #[test]
    fn units_are_read_strictly() {
        assert_eq!(Unit::parse(" 13 "), Some(Unit(13)));
        assert_eq!(Unit::parse("0x0D"), Some(Unit(13)));
        for text in ["", "256", "-1", "+1", "0x", "0x100", "0x+1", "1.0", "a"] {
            assert_eq!(Unit::parse(text), None, "{text:?}");
        }
        assert!(Unit(1).is_usual() && Unit(247).is_usual());
        assert!(!Unit(0).is_usual() && !Unit(248).is_usual());
    }

    #[test]
    fn tcp_frames_come_apart() {
        let frame = tcp(0x1234, Unit(13), &[3, 2, 0, 7]);
        assert_eq!(frame, [0x12, 0x34, 0, 0, 0, 5, 13, 3, 2, 0, 7]);
        let Mbap::Frame { transaction, unit, pdu, len } = open_tcp(&frame) else { panic!() };
        assert_eq!((transaction, unit, pdu, len), (0x1234, Unit(13), &[3, 2, 0, 7][..], 11));
        for cut in 0..frame.len() {
            assert!(matches!(open_tcp(&frame[..cut]), Mbap::Short(_)), "{cut}");
        }
        assert_eq!(open_tcp(&[0, 1, 0, 9]), Mbap::No, "another protocol");
        assert_eq!(open_tcp(&[0, 1, 0, 0, 0, 1, 1]), Mbap::No, "no PDU");
        assert_eq!(open_tcp(&[0, 1, 0, 0, 1, 0, 1]), Mbap::No, "too long");
    }
}
