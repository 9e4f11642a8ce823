//! Names and counters: meter, account, handheld, token, purchase count, time.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// Why a typed name was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A meter or account number has 1 to 12 decimal digits.
    #[error("expected 1 to 12 decimal digits, got {0:?}")]
    Digits(String),
    /// A handheld's name has 1 to 16 of the characters a-z, 0-9 and `-`.
    #[error("expected 1 to 16 of a-z, 0-9 and '-', got {0:?}")]
    Device(String),
    /// A token id is a UUID.
    #[error("expected a token id such as 0193a1b2-c3d4-7000-8000-0000000012ab, got {0:?}")]
    Token(String),
}

/// Parses up to 12 decimal digits into packed BCD, high digits first, padded with zeros in front.
fn digits_to_bcd(text: &str) -> Result<[u8; 6], NameError> {
    let bytes = text.trim().as_bytes();
    if bytes.is_empty() || bytes.len() > 12 || !bytes.iter().all(u8::is_ascii_digit) {
        return Err(NameError::Digits(text.to_owned()));
    }
    let mut bcd = [0u8; 6];
    for (place, digit) in bytes.iter().rev().enumerate() {
        bcd[5 - place / 2] |= (digit - b'0') << (4 * (place % 2));
    }
    Ok(bcd)
}

fn write_bcd(bcd: &[u8; 6], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // By hand, as `TokenId` is: a pack at the office names some thousand of them.
    bcd.iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0F])
        .try_for_each(|digit| f.write_char(hex(digit)))
}

/// A digit, 0 to 15.
fn hex(digit: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(digit & 0x0F)])
}

fn is_decimal(bcd: &[u8; 6]) -> bool {
    bcd.iter().all(|b| b >> 4 <= 9 && b & 0x0F <= 9)
}

macro_rules! twelve_digits {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 6]);

        impl $name {
            /// Takes packed BCD, high digits first. `None` if a nibble is not a decimal digit.
            pub fn from_bcd(bcd: [u8; 6]) -> Option<Self> {
                is_decimal(&bcd).then_some(Self(bcd))
            }

            /// Takes packed BCD with the low digits first, as meters send it (DL/T 645-2007,
            /// 5.2.1).
            pub fn from_wire(mut bcd: [u8; 6]) -> Option<Self> {
                bcd.reverse();
                Self::from_bcd(bcd)
            }

            /// Packed BCD, high digits first.
            pub fn bcd(self) -> [u8; 6] {
                self.0
            }

            /// Packed BCD, low digits first, as it goes on the wire.
            pub fn wire(self) -> [u8; 6] {
                let mut bcd = self.0;
                bcd.reverse();
                bcd
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                digits_to_bcd(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_bcd(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

twelve_digits! {
    /// A meter's communication address: 12 decimal digits, printed with leading zeros.
    MeterNo
}

twelve_digits! {
    /// The customer number stored in a meter. It names one life of a meter account: the epoch.
    AccountNo
}

/// A handheld's name, the `aud` of its tokens: 1 to 16 of a-z, 0-9 and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(String);

impl DeviceId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        if (1..=16).contains(&text.len()) && text.as_bytes().iter().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Device(text.to_owned()))
        }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A token's identity, its `cti` claim: a UUIDv7. Printed as a hyphenated UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub [u8; 16]);

impl TokenId {
    /// The last six digits, enough to tell the tokens of one meter apart on a small screen.
    pub fn short(&self) -> String {
        let text = self.to_string();
        text[text.len() - 6..].to_owned()
    }

    /// The last four bytes: what fits in the operator code of a frame, and so into the meter's own
    /// records.
    pub fn tail(self) -> [u8; 4] {
        let [.., a, b, c, d] = self.0;
        [a, b, c, d]
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_char('-')?;
            }
            f.write_char(hex(byte >> 4))?;
            f.write_char(hex(byte & 0x0F))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

impl FromStr for TokenId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let bad = || NameError::Token(text.to_owned());
        let digits: Vec<u8> = text.trim().bytes().filter(|b| *b != b'-').collect();
        if digits.len() != 32 {
            return Err(bad());
        }
        let mut id = [0u8; 16];
        for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
            let nibble = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
            *byte =
                nibble(pair[0]).zip(nibble(pair[1])).map(|(h, l)| h << 4 | l).ok_or_else(bad)?;
        }
        Ok(Self(id))
    }
}

/// How many purchases a meter has booked in its present epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PurchaseCount(pub u32);

impl PurchaseCount {
    /// The count after one more purchase; `None` when the counter is exhausted.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for PurchaseCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixSeconds(pub i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_padded_and_reversed() {
        let meter: MeterNo = "47".parse().unwrap();
        assert_eq!(meter.to_string(), "000000000047");
        assert_eq!(meter.wire(), [0x47, 0, 0, 0, 0, 0]);
        assert_eq!(MeterNo::from_wire(meter.wire()), Some(meter));
        assert_eq!(MeterNo::from_wire([0xAA; 6]), None);
        for bad in ["", "1234567890123", "12a", "-1"] {
            assert!(bad.parse::<MeterNo>().is_err(), "{bad:?} must not parse");
        }
    }

    #[test]
    fn token_ids_read_back() {
        let text = "0193a1b2-c3d4-7000-8000-0000000012ab";
        let id: TokenId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.short(), "0012ab");
        assert!("0193a1b2".parse::<TokenId>().is_err());
    }

    #[test]
    fn device_names_are_narrow() {
        assert!("hh-007".parse::<DeviceId>().is_ok());
        for bad in ["", "*", "HH", "a-name-that-is-too-long"] {
            assert!(bad.parse::<DeviceId>().is_err(), "{bad:?} must not parse");
        }
    }
}
