//! How values lie in registers and data items, on the meter's side: written by itself, not with the
//! driver's decoder (design, invariant 7).

use super::bcd;
use super::civil::Civil;
use crate::protocol::form::Form;

/// Something a register or data item shows.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    /// A number and the places behind its point.
    Number(i64, u8),
    /// Twelve digits, high first.
    Digits([u8; 6]),
    /// A moment.
    Clock(Civil),
    /// A name.
    Text(&'static str),
}

impl Shown {
    /// The number with `decimals` places; digits beyond are cut.
    pub(super) fn scaled(&self, decimals: u8) -> i64 {
        let (digits, own) = match self {
            Self::Number(digits, own) => (*digits, *own),
            Self::Digits(bcd) => {
                let two = |byte: &u8| i64::from(byte >> 4) * 10 + i64::from(byte & 15);
                (bcd.iter().fold(0, |sum, byte| sum * 100 + two(byte)), decimals)
            }
            Self::Clock(civil) => (civil.seconds(), decimals),
            Self::Text(_) => (0, decimals),
        };
        match decimals.checked_sub(own) {
            Some(up) => digits.saturating_mul(10i64.saturating_pow(u32::from(up))),
            None => digits / 10i64.saturating_pow(u32::from(own - decimals)),
        }
    }

    /// Its bytes in this form, `len` of them where the form does not say, with `decimals` places
    /// behind the point. Empty for half a register, which only its other half makes whole.
    pub(super) fn bytes(&self, form: Form, len: usize, decimals: u8) -> Vec<u8> {
        let number = self.scaled(decimals);
        let [.., b3, b2, b1, b0] = number.to_be_bytes();
        match form {
            Form::U16 | Form::I16 => vec![b1, b0],
            Form::U32 | Form::I32 => vec![b3, b2, b1, b0],
            Form::U32Swapped | Form::I32Swapped => vec![b1, b0, b3, b2],
            Form::Bcd => bcd::encode(number.unsigned_abs(), len).into_iter().rev().collect(),
            Form::BcdLow => bcd::encode(number.unsigned_abs(), len),
            Form::BcdLowSigned => bcd::encode_signed(number, len),
            Form::Hex => {
                let bytes = number.to_be_bytes();
                let lead = std::iter::repeat_n(0, len.saturating_sub(bytes.len()));
                lead.chain(bytes.into_iter().skip(bytes.len().saturating_sub(len))).collect()
            }
            Form::Ascii => {
                let text = if let Self::Text(text) = self { text } else { "" };
                text.bytes().chain(std::iter::repeat(0)).take(len).collect()
            }
            Form::ClockSmhwdmy => {
                let Self::Clock(now) = self else { return vec![0; len] };
                let [s, m, h, day, month, year] = now.stamp();
                vec![s, m, h, now.weekday(), day, month, 0, year]
            }
            Form::High | Form::Low => Vec::new(),
        }
    }
}
