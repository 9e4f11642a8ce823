//! Exact values as meters carry them: packed BCD, binary, dates. No float anywhere.

use std::fmt;

/// A decimal number: `digits` times ten to the minus `decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The number without its point.
    pub digits: i64,
    /// Places behind the point.
    pub decimals: u8,
}

impl Decimal {
    /// A whole number.
    pub fn whole(digits: i64) -> Self {
        Self { digits, decimals: 0 }
    }

    /// The number of 10^-`decimals` in it, if that is a whole number that fits.
    pub fn scaled(self, decimals: u8) -> Option<i64> {
        let up = decimals.checked_sub(self.decimals);
        let down = self.decimals.checked_sub(decimals);
        match (up, down) {
            (Some(up), _) => self.digits.checked_mul(10i64.checked_pow(u32::from(up))?),
            (None, Some(down)) => {
                let unit = 10i64.checked_pow(u32::from(down))?;
                (self.digits % unit == 0).then_some(self.digits / unit)
            }
            (None, None) => None,
        }
    }
}

impl fmt::Display for Decimal {
    /// All places behind the point, as the meter shows it: `0.60`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::from(self.decimals);
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.digits.unsigned_abs(), width = places + 1);
        let (whole, part) = digits.split_at(digits.len() - places);
        if places == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{part}") }
    }
}

/// One value of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(Decimal),
    /// A date, time, text, number with leading zeros or bytes in hex: for people and for
    /// comparison.
    Text(String),
    /// The meter has no value: all FF.
    Missing,
    /// The bytes do not fit the item's format; they are given in hex.
    Invalid(String),
}

/// A meter's clock time, without zone. The year counts from 2000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilTime {
    /// 0 to 99.
    pub year: u8,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl CivilTime {
    /// The six bytes of a broadcast or a validity time: ss mm hh DD MM YY.
    pub fn wire(self) -> [u8; 6] {
        [self.second, self.minute, self.hour, self.day, self.month, self.year].map(to_bcd)
    }

    /// Reads ss mm hh DD MM YY. `None` unless every part is BCD and in range.
    pub fn from_wire(wire: [u8; 6]) -> Option<Self> {
        let [second, minute, hour, day, month, year] = wire.map(from_bcd);
        let time = Self {
            year: year?,
            month: month?,
            day: day?,
            hour: hour?,
            minute: minute?,
            second: second?,
        };
        time.is_plausible().then_some(time)
    }

    fn is_plausible(self) -> bool {
        (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
    }
}

impl fmt::Display for CivilTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "20{year:02}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// One BCD byte from a number; beyond 99 it wraps like a meter's display.
pub fn to_bcd(number: u8) -> u8 {
    let number = number % 100;
    ((number / 10) << 4) | (number % 10)
}

/// The number in one BCD byte.
pub fn from_bcd(byte: u8) -> Option<u8> {
    let (high, low) = (byte >> 4, byte & 0x0F);
    (high <= 9 && low <= 9).then_some(high * 10 + low)
}

/// Reads packed BCD, low byte first. `signed`: the highest bit is a sign. `None` if a digit is not
/// decimal or the number does not fit.
pub fn read_bcd(wire: &[u8], signed: bool) -> Option<i64> {
    let mut number: i64 = 0;
    let mut negative = false;
    for (place, byte) in wire.iter().rev().enumerate() {
        let mut byte = *byte;
        if place == 0 && signed {
            negative = byte & 0x80 != 0;
            byte &= 0x7F;
        }
        number = number.checked_mul(100)?.checked_add(i64::from(from_bcd(byte)?))?;
    }
    Some(if negative { -number } else { number })
}

/// Writes a number as packed BCD of `len` bytes, low byte first. `None` if it is negative or does
/// not fit.
pub fn write_bcd(number: i64, len: usize) -> Option<Vec<u8>> {
    let mut rest = u64::try_from(number).ok()?;
    let mut wire = Vec::with_capacity(len);
    for _ in 0..len {
        // The remainder is below 100.
        wire.push(to_bcd((rest % 100) as u8));
        rest /= 100;
    }
    (rest == 0).then_some(wire)
}

/// Bytes as upper-case hex, in the order given.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Bytes as upper-case hex, last byte first: how a low-byte-first field is written down.
pub fn hex_reversed(bytes: &[u8]) -> String {
    bytes.iter().rev().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_exactly() {
        for (digits, decimals, text) in
            [(26, 2, "0.26"), (-5, 3, "-0.005"), (60, 2, "0.60"), (7, 0, "7"), (-1229, 1, "-122.9")]
        {
            assert_eq!(Decimal { digits, decimals }.to_string(), text);
        }
        assert_eq!(Decimal { digits: 2716, decimals: 4 }.scaled(2), None);
        assert_eq!(Decimal { digits: 2700, decimals: 4 }.scaled(2), Some(27));
        assert_eq!(Decimal { digits: 5, decimals: 0 }.scaled(2), Some(500));
        assert_eq!(Decimal { digits: i64::MAX, decimals: 0 }.scaled(2), None);
    }

    #[test]
    fn bcd_reads_back_and_refuses() {
        assert_eq!(read_bcd(&[0x16, 0x27, 0x00], true), Some(2716));
        assert_eq!(read_bcd(&[0x16, 0x27, 0x80], true), Some(-2716));
        assert_eq!(read_bcd(&[0x16, 0x27, 0x80], false), Some(802_716));
        assert_eq!(read_bcd(&[0x1A], false), None);
        assert_eq!(read_bcd(&[0x99; 12], false), None, "does not fit");
        assert_eq!(write_bcd(802_716, 3), Some(vec![0x16, 0x27, 0x80]));
        assert_eq!(write_bcd(1_000_000, 3), None);
        assert_eq!(write_bcd(-1, 3), None);
    }

    #[test]
    fn times_are_checked() {
        let wire = [0x02, 0x40, 0x18, 0x07, 0x07, 0x21];
        let time = CivilTime::from_wire(wire).unwrap();
        assert_eq!(time.to_string(), "2021-07-07 18:40:02");
        assert_eq!(time.wire(), wire);
        assert_eq!(CivilTime::from_wire([0x60, 0, 0, 1, 1, 0]), None);
        assert_eq!(CivilTime::from_wire([0, 0, 0, 0, 1, 0]), None);
        assert_eq!(CivilTime::from_wire([0xFF; 6]), None);
    }
}
