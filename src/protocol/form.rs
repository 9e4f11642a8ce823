//! How a value lies in a register or data item: width, order, sign, and the point in it.
//!
//! What a profile names in its `form` column. Decoding only; the simulator encodes by itself
//! (design, invariant 7).

use serde::{Deserialize, Serialize};

use super::value::{Decimal, Value, from_bcd, hex, read_bcd};

/// A form of value. Registers are big-endian 16-bit words, as Modbus sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// One word.
    U16,
    /// One word, two's complement.
    I16,
    /// Two words, high word first.
    U32,
    /// Two words, high word first, two's complement.
    I32,
    /// Two words, low word first.
    U32Swapped,
    /// Two words, low word first, two's complement.
    I32Swapped,
    /// The high byte of one word.
    High,
    /// The low byte of one word.
    Low,
    /// Packed BCD, high digits first, of the item's length.
    Bcd,
    /// Packed BCD, low byte first, of the item's length.
    BcdLow,
    /// The same with the highest bit as sign.
    BcdLowSigned,
    /// Bytes in hex.
    Hex,
    /// ASCII text; NUL and blanks at the end are cut.
    Ascii,
    /// One word a byte pair: s/min, h/week, day/month, year in the low byte; BCD (ADF400L 090B).
    ClockSmhwdmy,
}

impl Form {
    /// Words a value of this form takes; `None` where the item's own length says.
    pub fn words(self) -> Option<u16> {
        match self {
            Self::U16 | Self::I16 | Self::High | Self::Low => Some(1),
            Self::U32 | Self::I32 | Self::U32Swapped | Self::I32Swapped => Some(2),
            Self::ClockSmhwdmy => Some(4),
            Self::Bcd | Self::BcdLow | Self::BcdLowSigned | Self::Hex | Self::Ascii => None,
        }
    }

    /// The value in `bytes`, with `decimals` places behind the point. Bytes that do not fit come
    /// back as [`Value::Invalid`].
    pub fn read(self, bytes: &[u8], decimals: u8) -> Value {
        self.try_read(bytes, decimals).unwrap_or_else(|| Value::Invalid(hex(bytes)))
    }

    fn try_read(self, bytes: &[u8], decimals: u8) -> Option<Value> {
        let number = |digits: i64| Some(Value::Number(Decimal { digits, decimals }));
        let swapped = |b: [u8; 4]| [b[2], b[3], b[0], b[1]];
        match self {
            Self::U16 => number(u16::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::I16 => number(i16::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::U32 => number(u32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::I32 => number(i32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::U32Swapped => number(u32::from_be_bytes(swapped(bytes.try_into().ok()?)).into()),
            Self::I32Swapped => number(i32::from_be_bytes(swapped(bytes.try_into().ok()?)).into()),
            Self::High | Self::Low => {
                let [high, low] = bytes.try_into().ok()?;
                number(if self == Self::High { high } else { low }.into())
            }
            Self::Bcd => {
                let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
                number(read_bcd(&reversed, false)?)
            }
            Self::BcdLow => number(read_bcd(bytes, false)?),
            Self::BcdLowSigned => number(read_bcd(bytes, true)?),
            Self::Hex => Some(Value::Text(hex(bytes))),
            Self::Ascii => {
                let good = bytes.iter().all(|b| *b == 0 || (0x20..0x7F).contains(b));
                let text: String = bytes.iter().map(|b| char::from(*b)).collect();
                good.then(|| Value::Text(text.trim_end_matches(['\0', ' ']).to_owned()))
            }
            Self::ClockSmhwdmy => clock(bytes.try_into().ok()?),
        }
    }
}

/// s min h week day month year (last word: year in its low byte).
fn clock(bytes: [u8; 8]) -> Option<Value> {
    let [second, minute, hour, _week, day, month, _, year] = bytes;
    let time = super::value::CivilTime {
        year: from_bcd(year)?,
        month: from_bcd(month)?,
        day: from_bcd(day)?,
        hour: from_bcd(hour)?,
        minute: from_bcd(minute)?,
        second: from_bcd(second)?,
    };
    let wire = time.wire();
    super::value::CivilTime::from_wire(wire).map(|time| Value::Text(time.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_read_what_the_maps_say() {
        let number = |digits, decimals| Value::Number(Decimal { digits, decimals });
        for (form, bytes, decimals, value) in [
            (Form::U32, &[0x00, 0x12, 0xD6, 0x87][..], 2, number(1_234_567, 2)),
            (Form::I32, &[0xFF, 0xFF, 0xFB, 0xE6], 2, number(-1050, 2)),
            (Form::U32Swapped, &[0xD6, 0x87, 0x00, 0x12], 2, number(1_234_567, 2)),
            (Form::I16, &[0xFF, 0xB0], 3, number(-80, 3)),
            (Form::High, &[0x02, 0x01], 0, number(2, 0)),
            (Form::Low, &[0x02, 0x01], 0, number(1, 0)),
            (Form::Bcd, &[0x12, 0x34], 1, number(1234, 1)),
            (Form::BcdLow, &[0x34, 0x12], 1, number(1234, 1)),
            (Form::Ascii, b"DTSY\0 ", 0, Value::Text("DTSY".to_owned())),
            (Form::U16, &[1], 0, Value::Invalid("01".to_owned())),
            (Form::Bcd, &[0x1A], 0, Value::Invalid("1A".to_owned())),
        ] {
            assert_eq!(form.read(bytes, decimals), value, "{form:?}");
        }
        let clock = [0x02, 0x40, 0x18, 0x03, 0x07, 0x07, 0x00, 0x21];
        let read = Form::ClockSmhwdmy.read(&clock, 0);
        assert_eq!(read, Value::Text("2021-07-07 18:40:02".to_owned()));
    }
}
