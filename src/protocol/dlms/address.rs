//! Who talks to whom: HDLC addresses of client and server.
//!
//! An address is one, two or four bytes of seven bits; the lowest bit is set in the last one only.
//! A client's is one byte. A server's upper half names the logical device, the lower half the
//! physical one; with one byte there is only the upper half.

use std::fmt;

/// Largest half of a one- or two-byte address.
const SHORT_MAX: u16 = 0x7F;
/// Largest half of a four-byte address.
const WIDE_MAX: u16 = 0x3FFF;
/// The client everybody may be: reads what is public.
const PUBLIC: u8 = 16;

/// A server, as its address lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Server {
    /// One byte: a logical device.
    One(u8),
    /// Two bytes: logical and physical device.
    Two(u8, u8),
    /// Four bytes: logical and physical device.
    Four(u16, u16),
}

impl Server {
    /// Logical device.
    pub fn logical(self) -> u16 {
        match self {
            Self::One(upper) | Self::Two(upper, _) => u16::from(upper),
            Self::Four(upper, _) => upper,
        }
    }

    /// Physical device, if the address has that half.
    pub fn physical(self) -> Option<u16> {
        match self {
            Self::One(_) => None,
            Self::Two(_, lower) => Some(u16::from(lower)),
            Self::Four(_, lower) => Some(lower),
        }
    }

    /// The bytes on the wire.
    pub fn wire(self) -> Vec<u8> {
        let pair = |half: u16| [((half >> 7) << 1) as u8, ((half & SHORT_MAX) << 1) as u8];
        match self {
            Self::One(upper) => vec![(upper << 1) | 1],
            Self::Two(upper, lower) => vec![upper << 1, (lower << 1) | 1],
            Self::Four(upper, lower) => {
                let ([a, b], [c, d]) = (pair(upper), pair(lower));
                vec![a, b, c, d | 1]
            }
        }
    }

    /// Reads an address field, its last byte included. `None` for three bytes or more than four.
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        let pair = |high: u8, low: u8| (u16::from(high >> 1) << 7) | u16::from(low >> 1);
        match *wire {
            [upper] => Some(Self::One(upper >> 1)),
            [upper, lower] => Some(Self::Two(upper >> 1, lower >> 1)),
            [a, b, c, d] => Some(Self::Four(pair(a, b), pair(c, d))),
            _ => None,
        }
    }
}

impl fmt::Display for Server {
    /// `1`, `1/17`; four bytes: `1//17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(upper) => write!(f, "{upper}"),
            Self::Two(upper, lower) => write!(f, "{upper}/{lower}"),
            Self::Four(upper, lower) => write!(f, "{upper}//{lower}"),
        }
    }
}

/// A server and the client that speaks to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// The meter.
    pub server: Server,
    /// Us: 16 is the public client, others are the utility's.
    pub client: u8,
}

/// Not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a DLMS address is LOGICAL, LOGICAL/PHYSICAL or LOGICAL//PHYSICAL, then :CLIENT or nothing"
)]
pub struct AddressError;

impl Address {
    /// Reads `1`, `1/17`, `1//17` (four bytes on the wire), each with `:CLIENT` behind it or not;
    /// the client is 16 then.
    ///
    /// # Errors
    /// [`AddressError`] for anything else, or a number that does not fit.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (server, client) = match text.trim().split_once(':') {
            Some((server, client)) => (server, number(client, SHORT_MAX)?),
            None => (text.trim(), u16::from(PUBLIC)),
        };
        let server = if let Some((upper, lower)) = server.split_once("//") {
            Server::Four(number(upper, WIDE_MAX)?, number(lower, WIDE_MAX)?)
        } else if let Some((upper, lower)) = server.split_once('/') {
            match (number(upper, WIDE_MAX)?, number(lower, WIDE_MAX)?) {
                (upper @ 0..=SHORT_MAX, lower @ 0..=SHORT_MAX) => {
                    Server::Two(upper as u8, lower as u8)
                }
                (upper, lower) => Server::Four(upper, lower),
            }
        } else {
            Server::One(number(server, SHORT_MAX)? as u8)
        };
        if client == 0 { Err(AddressError) } else { Ok(Self { server, client: client as u8 }) }
    }

    /// The client's byte on the wire.
    pub fn client_wire(self) -> u8 {
        (self.client << 1) | 1
    }
}

/// A plain decimal number up to `most`.
fn number(text: &str, most: u16) -> Result<u16, AddressError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AddressError);
    }
    text.parse().ok().filter(|number| *number <= most).ok_or(AddressError)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.server)?;
        if self.client == PUBLIC { Ok(()) } else { write!(f, ":{}", self.client) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown, wire) in [
            ("1", "1", "03"),
            ("1/17:16", "1/17", "0223"),
            ("1//17:32", "1//17:32", "00020023"),
            ("1/300", "1//300", "00020459"),
            (" 16383//16383:127", "16383//16383:127", "FEFEFEFF"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(crate::protocol::value::hex(&address.server.wire()), wire);
            assert_eq!(Server::from_wire(&address.server.wire()), Some(address.server));
        }
        for text in ["", "128", "1/", "/1", "1/2/3", "1:0", "1:128", "+1", "1/16384", "a", "1::2"] {
            assert_eq!(Address::parse(text), Err(AddressError), "{text}");
        }
    }
}
