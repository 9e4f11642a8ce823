//! How characters lie on a line: speed, data bits, parity, stop bits.

use std::fmt;

use serde::Deserialize;

/// Parity of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// Speed and characters of a line, as numbers; `jobs` turns them into the transport's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Framing {
    /// Bits per second.
    pub baud: u32,
    /// 7 or 8.
    pub data_bits: u8,
    /// The parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

impl Framing {
    /// 8E1 at `baud`: DL/T 645, CJ/T 188, M-Bus.
    pub const fn even(baud: u32) -> Self {
        Self { baud, data_bits: 8, parity: Parity::Even, stop_bits: 1 }
    }

    /// 8N1 at `baud`: Modbus as most meters ship it, HDLC.
    pub const fn plain(baud: u32) -> Self {
        Self { baud, data_bits: 8, parity: Parity::None, stop_bits: 1 }
    }

    /// 7E1 at `baud`: IEC 62056-21.
    pub const fn seven(baud: u32) -> Self {
        Self { baud, data_bits: 7, parity: Parity::Even, stop_bits: 1 }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        write!(f, "{}-{}{parity}{}", self.baud, self.data_bits, self.stop_bits)
    }
}
