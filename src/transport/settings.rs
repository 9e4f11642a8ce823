//! Baud rate, parity, data and stop bits, and the times that follow from them.
//!
//! Times are computed from whole bits each time, never by adding rounded characters, so that a
//! long message does not drift.

use std::fmt;
use std::time::Duration;

use super::LinkError;

/// The parity bit of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parity {
    /// No parity bit.
    None,
    /// An even number of ones, the parity bit included.
    Even,
    /// An odd number of ones, the parity bit included.
    Odd,
}

/// How characters are put on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineSettings {
    /// Bits a second, [`LineSettings::BAUD`].
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// 7 or 8.
    pub data_bits: u8,
    /// 1 or 2.
    pub stop_bits: u8,
}

impl Default for LineSettings {
    /// 2400 8E1, what a DL/T 645-2007 meter has on RS-485 when it leaves the works.
    fn default() -> Self {
        LineSettings::even(2400)
    }
}

impl LineSettings {
    /// The baud rates a meter line can have. 115200 is the top of every meter seen; higher rates
    /// are for device servers.
    pub const BAUD: std::ops::RangeInclusive<u32> = 50..=1_000_000;

    /// 8E1 at `baud`: DL/T 645.
    pub const fn even(baud: u32) -> LineSettings {
        LineSettings { baud, parity: Parity::Even, data_bits: 8, stop_bits: 1 }
    }

    /// 8N1 at `baud`: Modbus as most meters ship it.
    pub const fn plain(baud: u32) -> LineSettings {
        LineSettings { baud, parity: Parity::None, data_bits: 8, stop_bits: 1 }
    }

    /// Reads the usual short form, "2400 8E1" or "2400-8E1" (what `Display` writes).
    ///
    /// # Errors
    /// [`LinkError::Address`] when it is not of that form or a value is out of range.
    pub fn parse(text: &str) -> Result<LineSettings, LinkError> {
        let wrong = || LinkError::Address(format!("{text:?} (line settings look like 2400-8E1)"));
        let (baud, frame) = text.trim().split_once([' ', '-']).ok_or_else(wrong)?;
        let baud = baud.parse().ok().filter(|b| Self::BAUD.contains(b)).ok_or_else(wrong)?;
        let [data, parity, stop] = *frame.as_bytes() else { return Err(wrong()) };
        let parity = match parity.to_ascii_uppercase() {
            b'N' => Parity::None,
            b'E' => Parity::Even,
            b'O' => Parity::Odd,
            _ => return Err(wrong()),
        };
        match (data, stop) {
            (b'7' | b'8', b'1' | b'2') => {
                Ok(LineSettings { baud, parity, data_bits: data - b'0', stop_bits: stop - b'0' })
            }
            _ => Err(wrong()),
        }
    }

    /// Bits of one character on the wire: start, data, parity, stop.
    pub fn bits(&self) -> u32 {
        1 + u32::from(self.data_bits)
            + u32::from(self.parity != Parity::None)
            + u32::from(self.stop_bits)
    }

    /// Time of one character on the wire.
    pub fn character(&self) -> Duration {
        self.wire(1)
    }

    /// Time of `count` characters on the wire, rounded once.
    pub fn wire(&self, count: usize) -> Duration {
        self.bit_time(u64::from(self.bits()).saturating_mul(count as u64))
    }

    /// Time of `bits` bits on the wire, rounded once.
    pub(crate) fn bit_time(&self, bits: u64) -> Duration {
        let baud = u128::from(self.baud.max(1));
        let nanos = u128::from(bits) * 1_000_000_000 / baud;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for LineSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        write!(f, "{}-{}{parity}{}", self.baud, self.data_bits, self.stop_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_goes_round_and_nonsense_does_not() {
        for text in ["2400-8E1", "1200-8E1", "9600-8N1", "300-7E1", "4800-8O2"] {
            assert_eq!(LineSettings::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(LineSettings::parse("2400 8e1").unwrap(), LineSettings::default());
        for text in ["", "2400", "2400-", "0-8E1", "2400-9E1", "2400-8X1", "2400-8E3", "x-8E1"] {
            assert!(LineSettings::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn characters_take_what_the_bits_say() {
        assert_eq!(LineSettings::default().bits(), 11);
        assert_eq!(LineSettings::plain(9600).bits(), 10);
        // 11 bits at 1200: 9.17 ms, dlt645.md section 7.
        assert_eq!(LineSettings::even(1200).character().as_micros(), 9166);
        // No drift: a thousand characters are exactly 11 000 bits.
        assert_eq!(LineSettings::even(2400).wire(2400).as_nanos(), 11_000_000_000);
    }
}
