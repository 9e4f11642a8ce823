//! The data of COSEM: a tree of typed values, coded in A-XDR.

use super::reader::{Fault, Reader, put_length};
use crate::protocol::explained::{Datum, field};
use crate::protocol::value::{Decimal, Value, hex};

/// Deepest nesting read. A profile's buffer needs four.
const DEPTH_MAX: u8 = 16;
/// Most values of one tree.
const NODES_MAX: usize = 256 * 1024;

/// A value as a meter sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// So many bits, first one highest.
    Bits(usize, Vec<u8>),
    /// A signed whole number: integer, long, double-long or long64; bytes it takes.
    Int(u8, i64),
    /// An unsigned one.
    Uint(u8, u64),
    /// One of a list.
    Enum(u8),
    /// A two-digit BCD number as it lies on the wire.
    Bcd(u8),
    /// Bytes of a 32-bit float. Shown as text, never counted with.
    Float32([u8; 4]),
    /// Bytes of a 64-bit float.
    Float64([u8; 8]),
    /// Bytes.
    Octets(Vec<u8>),
    /// ASCII text.
    Visible(Vec<u8>),
    /// UTF-8 text.
    Utf8(Vec<u8>),
    /// Date and time with zone and status.
    DateTime([u8; 12]),
    /// A date.
    Date([u8; 5]),
    /// A time of day.
    Time([u8; 4]),
    /// Values of one kind.
    Array(Vec<Data>),
    /// Values that belong together.
    Structure(Vec<Data>),
    /// Any: in requests only.
    DontCare,
}

impl Data {
    /// Reads the one value that `bytes` are.
    ///
    /// # Errors
    /// The stable name of the fault; `compact_array` and the like for types that are not read.
    pub fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader::new(bytes);
        let data = Self::read(&mut reader).map_err(Fault::name)?;
        if reader.is_empty() { Ok(data) } else { Err("bytes_left_over") }
    }

    /// Reads a value, leaving what follows it.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut nodes = NODES_MAX;
        read(reader, DEPTH_MAX, &mut nodes)
    }

    /// Appends the value as it is sent.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
        match self {
            Self::Null | Self::DontCare => {}
            Self::Bool(yes) => out.push(u8::from(*yes)),
            Self::Bits(count, bytes) => {
                put_length(out, *count);
                out.extend_from_slice(bytes);
            }
            Self::Int(size, number) => {
                let wire = number.to_be_bytes();
                out.extend(wire.iter().skip(wire.len().saturating_sub(usize::from(*size))));
            }
            Self::Uint(size, number) => {
                let wire = number.to_be_bytes();
                out.extend(wire.iter().skip(wire.len().saturating_sub(usize::from(*size))));
            }
            Self::Enum(byte) | Self::Bcd(byte) => out.push(*byte),
            Self::Float32(wire) | Self::Time(wire) => out.extend_from_slice(wire),
            Self::Float64(wire) => out.extend_from_slice(wire),
            Self::Octets(bytes) | Self::Visible(bytes) | Self::Utf8(bytes) => {
                put_length(out, bytes.len());
                out.extend_from_slice(bytes);
            }
            Self::DateTime(wire) => out.extend_from_slice(wire),
            Self::Date(wire) => out.extend_from_slice(wire),
            Self::Array(values) | Self::Structure(values) => {
                put_length(out, values.len());
                values.iter().for_each(|value| value.encode(out));
            }
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Array(_) => 1,
            Self::Structure(_) => 2,
            Self::Bool(_) => 3,
            Self::Bits(..) => 4,
            Self::Int(1, _) => 15,
            Self::Int(2, _) => 16,
            Self::Int(4, _) => 5,
            Self::Int(..) => 20,
            Self::Uint(1, _) => 17,
            Self::Uint(2, _) => 18,
            Self::Uint(4, _) => 6,
            Self::Uint(..) => 21,
            Self::Octets(_) => 9,
            Self::Visible(_) => 10,
            Self::Utf8(_) => 12,
            Self::Bcd(_) => 13,
            Self::Enum(_) => 22,
            Self::Float32(_) => 23,
            Self::Float64(_) => 24,
            Self::DateTime(_) => 25,
            Self::Date(_) => 26,
            Self::Time(_) => 27,
            Self::DontCare => 255,
        }
    }

    /// The type's name, as the standard has it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_data",
            Self::Array(_) => "array",
            Self::Structure(_) => "structure",
            Self::Bool(_) => "boolean",
            Self::Bits(..) => "bit_string",
            Self::Int(1, _) => "integer",
            Self::Int(2, _) => "long",
            Self::Int(4, _) => "double_long",
            Self::Int(..) => "long64",
            Self::Uint(1, _) => "unsigned",
            Self::Uint(2, _) => "long_unsigned",
            Self::Uint(4, _) => "double_long_unsigned",
            Self::Uint(..) => "long64_unsigned",
            Self::Octets(_) => "octet_string",
            Self::Visible(_) => "visible_string",
            Self::Utf8(_) => "utf8_string",
            Self::Bcd(_) => "bcd",
            Self::Enum(_) => "enum",
            Self::Float32(_) => "float32",
            Self::Float64(_) => "float64",
            Self::DateTime(_) => "date_time",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::DontCare => "dont_care",
        }
    }

    /// A whole number, whatever its type. `None` for anything else, or beyond 63 bits.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Int(_, number) => Some(*number),
            Self::Uint(_, number) => i64::try_from(*number).ok(),
            Self::Enum(number) => Some(i64::from(*number)),
            Self::Bcd(byte) => crate::protocol::value::from_bcd(*byte).map(i64::from),
            _ => None,
        }
    }

    /// As a reading: numbers are numbers, printable octets and dates are text, nothing is missing.
    pub fn value(&self) -> Value {
        match self {
            Self::Null | Self::DontCare => Value::Missing,
            Self::Bool(yes) => Value::Text(yes.to_string()),
            Self::Octets(bytes) => Value::Text(printable(bytes).unwrap_or_else(|| hex(bytes))),
            Self::Array(_) | Self::Structure(_) => {
                let mut wire = Vec::new();
                self.encode(&mut wire);
                Value::Invalid(hex(&wire))
            }
            other => match (other.whole(), other.plain()) {
                (Some(number), _) => Value::Number(Decimal::whole(number)),
                (None, Datum::Text(text)) => Value::Text(text),
                (None, _) => Value::Missing,
            },
        }
    }

    /// In words: `{type: value}`.
    pub fn datum(&self) -> Datum {
        Datum::Map(vec![field(self.type_name(), self.plain())])
    }

    fn plain(&self) -> Datum {
        match self {
            Self::Null | Self::DontCare => Datum::Null,
            Self::Bool(yes) => Datum::Bool(*yes),
            Self::Bits(count, bytes) => Datum::Text(bits(*count, bytes)),
            Self::Int(_, number) => Datum::Int(*number),
            Self::Uint(_, number) => {
                i64::try_from(*number).map_or_else(|_| Datum::Text(number.to_string()), Datum::Int)
            }
            Self::Enum(number) => Datum::Int(i64::from(*number)),
            Self::Bcd(byte) => Datum::Text(format!("{byte:02X}")),
            Self::Float32(wire) => Datum::Text(f32::from_be_bytes(*wire).to_string()),
            Self::Float64(wire) => Datum::Text(f64::from_be_bytes(*wire).to_string()),
            Self::Octets(bytes) => Datum::Text(hex(bytes)),
            Self::Visible(bytes) | Self::Utf8(bytes) => {
                Datum::Text(String::from_utf8_lossy(bytes).into_owned())
            }
            Self::DateTime(wire) => Datum::Text(date_time(wire)),
            Self::Date(wire) => Datum::Text(date(wire)),
            Self::Time(wire) => Datum::Text(time(wire)),
            Self::Array(values) | Self::Structure(values) => {
                Datum::List(values.iter().map(Self::datum).collect())
            }
        }
    }
}

fn read(reader: &mut Reader<'_>, depth: u8, nodes: &mut usize) -> Result<Data, Fault> {
    *nodes = nodes.checked_sub(1).ok_or(Fault::TooBig)?;
    Ok(match reader.byte()? {
        0 => Data::Null,
        1 => Data::Array(read_list(reader, depth, nodes)?),
        2 => Data::Structure(read_list(reader, depth, nodes)?),
        3 => Data::Bool(reader.byte()? != 0),
        4 => {
            let count = reader.length()?;
            Data::Bits(count, reader.take(count.div_ceil(8))?.to_vec())
        }
        5 => Data::Int(4, i64::from(i32::from_be_bytes(reader.array()?))),
        6 => Data::Uint(4, u64::from(reader.long()?)),
        9 => Data::Octets(reader.counted()?.to_vec()),
        10 => Data::Visible(reader.counted()?.to_vec()),
        12 => Data::Utf8(reader.counted()?.to_vec()),
        13 => Data::Bcd(reader.byte()?),
        15 => Data::Int(1, i64::from(i8::from_be_bytes(reader.array()?))),
        16 => Data::Int(2, i64::from(i16::from_be_bytes(reader.array()?))),
        17 => Data::Uint(1, u64::from(reader.byte()?)),
        18 => Data::Uint(2, u64::from(reader.word()?)),
        19 => return Err(Fault::Unread("compact_array")),
        20 => Data::Int(8, i64::from_be_bytes(reader.array()?)),
        21 => Data::Uint(8, u64::from_be_bytes(reader.array()?)),
        22 => Data::Enum(reader.byte()?),
        23 => Data::Float32(reader.array()?),
        24 => Data::Float64(reader.array()?),
        25 => Data::DateTime(reader.array()?),
        26 => Data::Date(reader.array()?),
        27 => Data::Time(reader.array()?),
        28..=33 => return Err(Fault::Unread("delta_type")),
        255 => Data::DontCare,
        _ => return Err(Fault::Odd("bad_data_type")),
    })
}

fn read_list(reader: &mut Reader<'_>, depth: u8, nodes: &mut usize) -> Result<Vec<Data>, Fault> {
    let depth = depth.checked_sub(1).ok_or(Fault::TooBig)?;
    // The count is not believed: every value takes a byte at least.
    let count = reader.length()?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(read(reader, depth, nodes)?);
    }
    Ok(values)
}

/// Text, if every byte is a printable ASCII character but for zeros at the end.
fn printable(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0)? + 1;
    let text = bytes.get(..end)?;
    let good = text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    good.then(|| String::from_utf8_lossy(text).into_owned())
}

fn bits(count: usize, bytes: &[u8]) -> String {
    let all = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    all.take(count).map(|bit| if bit == 1 { '1' } else { '0' }).collect()
}

/// Two digits; `--` where the meter leaves the part open.
fn two(byte: u8) -> String {
    match byte {
        0xFF => "--".to_owned(),
        // Begin or end of summer time, last days of a month.
        0xFD | 0xFE => format!("{byte:02X}"),
        _ => format!("{byte:02}"),
    }
}

/// `2026-11-21`; the weekday, which follows from it, is left out.
fn date(wire: &[u8; 5]) -> String {
    let [high, low, month, day, _weekday] = *wire;
    let year = match u16::from_be_bytes([high, low]) {
        0xFFFF => "----".to_owned(),
        year => format!("{year:04}"),
    };
    format!("{year}-{}-{}", two(month), two(day))
}

/// `08:30:00`, with hundredths where they are given.
fn time(wire: &[u8; 4]) -> String {
    let [hour, minute, second, hundredths] = *wire;
    let shown = format!("{}:{}:{}", two(hour), two(minute), two(second));
    match hundredths {
        0 | 0xFF => shown,
        part => format!("{shown}.{part:02}"),
    }
}

/// Date and time; then the zone as the meter gives it (minutes to add for UTC), and the status.
pub(super) fn date_time(wire: &[u8; 12]) -> String {
    let [a, b, c, d, e, f, g, h, i, zone @ .., status] = *wire;
    let mut shown = format!("{} {}", date(&[a, b, c, d, e]), time(&[f, g, h, i]));
    match i16::from_be_bytes(zone) {
        // Not specified.
        i16::MIN => {}
        minutes => shown.push_str(&format!(" deviation {minutes}")),
    }
    match status {
        0 | 0xFF => {}
        bits => shown.push_str(&format!(" status {bits:02X}")),
    }
    shown
}
