//! Values: the A-XDR of DL/T 698.45, a type byte and what belongs to it.
//!
//! Nesting is bounded, and so is size: every element takes at least a byte of the message.

use super::reader::Reader;
use crate::protocol::explained::{Datum, field};
use crate::protocol::value::{Decimal, Value, hex};

/// Deepest nesting that is followed; real data have four or five levels.
const DEPTH: u8 = 16;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// None.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number; the name of its type.
    Number(&'static str, i64),
    /// A string of bits: how many, and the bytes, first bit highest.
    Bits(usize, Vec<u8>),
    /// Bytes.
    Octets(Vec<u8>),
    /// Text; the name of its type.
    Text(&'static str, String),
    /// An array or a structure.
    List(&'static str, Vec<Data>),
    /// A type with parts of its own, already in words.
    Other(&'static str, Datum),
}

fn lower(bytes: &[u8]) -> String {
    hex(bytes).to_lowercase()
}

impl Data {
    /// The name of its type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Bits(..) => "bit_string",
            Self::Octets(_) => "octet_string",
            Self::Number(name, _) | Self::Text(name, _) => name,
            Self::List(name, _) | Self::Other(name, _) => name,
        }
    }

    /// In words: its type's name and what it says.
    pub fn datum(&self) -> Datum {
        let says = match self {
            Self::Null => Datum::Null,
            Self::Bool(yes) => Datum::Bool(*yes),
            Self::Number(_, number) => Datum::Int(*number),
            Self::Bits(count, bytes) => Datum::Text(bits(*count, bytes)),
            Self::Octets(bytes) => Datum::Text(lower(bytes)),
            Self::Text(_, text) => Datum::Text(text.clone()),
            Self::List(_, items) => Datum::List(items.iter().map(Self::datum).collect()),
            Self::Other(_, datum) => datum.clone(),
        };
        Datum::Map(vec![(self.name().to_owned(), says)])
    }

    /// The value for a person, with `decimals` places behind the point of a number. Of an array the
    /// first element counts: the total, where tariffs follow.
    pub fn value(&self, decimals: u8) -> Value {
        match self {
            Self::Null => Value::Missing,
            Self::Bool(yes) => Value::Text(yes.to_string()),
            Self::Number(_, digits) => Value::Number(Decimal { digits: *digits, decimals }),
            Self::Bits(count, bytes) => Value::Text(bits(*count, bytes)),
            Self::Octets(bytes) => Value::Text(hex(bytes)),
            Self::Text(_, text) => Value::Text(text.clone()),
            Self::List(_, items) => {
                items.first().map_or(Value::Missing, |first| first.value(decimals))
            }
            Self::Other(_, Datum::Text(text)) => Value::Text(text.clone()),
            Self::Other(name, _) => Value::Invalid((*name).to_owned()),
        }
    }
}

fn bits(count: usize, bytes: &[u8]) -> String {
    let bit = |at: usize| {
        let byte = bytes.get(at / 8).copied().unwrap_or_default();
        if byte & (0x80 >> (at % 8)) != 0 { '1' } else { '0' }
    };
    (0..count).map(bit).collect()
}

/// Reads one value; `None` when it is not one or reaches past the end.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Data> {
    value(reader, DEPTH)
}

fn value(r: &mut Reader<'_>, depth: u8) -> Option<Data> {
    let depth = depth.checked_sub(1)?;
    Some(match r.u8()? {
        0 => Data::Null,
        tag @ (1 | 2) => {
            let name = if tag == 1 { "array" } else { "structure" };
            let count = r.count(1)?;
            Data::List(name, (0..count).map(|_| value(r, depth)).collect::<Option<_>>()?)
        }
        3 => Data::Bool(r.u8()? != 0),
        4 => {
            let count = r.len()?;
            Data::Bits(count, r.take(count.div_ceil(8))?.to_vec())
        }
        5 => Data::Number("double_long", i32::from_be_bytes(r.array()?).into()),
        6 => Data::Number("double_long_unsigned", r.u32()?.into()),
        9 => Data::Octets(r.octets()?.to_vec()),
        10 => text("visible_string", r.octets()?),
        12 => text("utf8_string", r.octets()?),
        15 => Data::Number("integer", i8::from_be_bytes(r.array()?).into()),
        16 => Data::Number("long", i16::from_be_bytes(r.array()?).into()),
        17 => Data::Number("unsigned", r.u8()?.into()),
        18 => Data::Number("long_unsigned", r.u16()?.into()),
        20 => Data::Number("long64", i64::from_be_bytes(r.array()?)),
        21 => {
            let number = u64::from_be_bytes(r.array()?);
            let text = || Data::Other("long64_unsigned", Datum::Text(number.to_string()));
            i64::try_from(number).map_or_else(|_| text(), |n| Data::Number("long64_unsigned", n))
        }
        22 => Data::Number("enum", r.u8()?.into()),
        23 => said("float32", f32::from_be_bytes(r.array()?).to_string()),
        24 => said("float64", f64::from_be_bytes(r.array()?).to_string()),
        25 => said("date_time", date_time(r)?),
        26 => said("date", date(r)?),
        27 => said("time", time(r.array()?)),
        28 => said("date_time_s", date_time_s(r)?),
        tag => Data::Other(special_name(tag)?, special(tag, r, depth)?),
    })
}

fn text(name: &'static str, bytes: &[u8]) -> Data {
    Data::Text(name, String::from_utf8_lossy(bytes).into_owned())
}

fn said(name: &'static str, text: String) -> Data {
    Data::Other(name, Datum::Text(text))
}

/// Numbers of a date; all ones say "not given".
fn part(number: u16, ones: u16, width: usize) -> String {
    if number == ones { "*".repeat(width) } else { format!("{number:0width$}") }
}

fn bytes_part(byte: u8) -> String {
    part(byte.into(), 0xFF, 2)
}

fn time([hour, minute, second]: [u8; 3]) -> String {
    format!("{}:{}:{}", bytes_part(hour), bytes_part(minute), bytes_part(second))
}

/// Year, month, day, day of the week.
fn date(r: &mut Reader<'_>) -> Option<String> {
    let year = part(r.u16()?, 0xFFFF, 4);
    let [month, day, _week] = r.array()?;
    Some(format!("{year}-{}-{}", bytes_part(month), bytes_part(day)))
}

/// Ten bytes, milliseconds at the end.
pub(super) fn date_time(r: &mut Reader<'_>) -> Option<String> {
    let date = date(r)?;
    let time = time(r.array()?);
    let millis = part(r.u16()?, 0xFFFF, 3);
    Some(format!("{date} {time}.{millis}"))
}

/// Seven bytes, no day of the week.
fn date_time_s(r: &mut Reader<'_>) -> Option<String> {
    let year = part(r.u16()?, 0xFFFF, 4);
    let [month, day] = r.array()?;
    let time = time(r.array()?);
    Some(format!("{year}-{}-{} {time}", bytes_part(month), bytes_part(day)))
}

fn special_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        80 => "oi",
        81 => "oad",
        82 => "road",
        83 => "omd",
        84 => "ti",
        85 => "tsa",
        86 => "mac",
        87 => "rn",
        88 => "region",
        89 => "scaler_unit",
        90 => "rsd",
        91 => "csd",
        92 => "ms",
        93 => "sid",
        94 => "sid_mac",
        95 => "comdcb",
        96 => "rcsd",
        _ => return None,
    })
}

fn special(tag: u8, r: &mut Reader<'_>, depth: u8) -> Option<Datum> {
    Some(match tag {
        80 => Datum::Text(format!("{:04X}", r.u16()?)),
        81 | 83 => Datum::Text(oad_text(r.u32()?)),
        82 => road(r)?,
        84 => interval(r)?,
        85..=87 => Datum::Text(lower(r.octets()?)),
        88 => region(r, depth)?,
        89 => {
            let scaler = i8::from_be_bytes(r.array()?);
            Datum::Map(vec![field("scaler", i16::from(scaler)), field("unit", r.u8()?)])
        }
        90 => selector(r, depth)?,
        91 => column(r)?,
        92 => meters(r, depth)?,
        93 => sid(r)?,
        94 => {
            let sid = sid(r)?;
            Datum::Map(vec![("sid".to_owned(), sid), field("mac", lower(r.octets()?))])
        }
        95 => {
            let [baud, parity, data, stop, flow] = r.array()?;
            let fields = [baud, parity, data, stop, flow].map(Datum::from);
            let names = ["baud", "parity", "data_bits", "stop_bits", "flow"];
            let named = names.into_iter().map(str::to_owned).zip(fields);
            Datum::Map(named.collect())
        }
        96 => columns(r)?,
        _ => return None,
    })
}

/// An object attribute as it is written: `40010200`.
pub(super) fn oad_text(oad: u32) -> String {
    format!("{oad:08X}")
}

fn road(r: &mut Reader<'_>) -> Option<Datum> {
    let oad = oad_text(r.u32()?);
    let count = r.count(4)?;
    let columns: Vec<String> = (0..count).map(|_| r.u32().map(oad_text)).collect::<Option<_>>()?;
    Some(Datum::Map(vec![field("oad", oad), field("columns", columns)]))
}

fn column(r: &mut Reader<'_>) -> Option<Datum> {
    match r.u8()? {
        0 => Some(Datum::Text(oad_text(r.u32()?))),
        1 => road(r),
        _ => None,
    }
}

/// A list of columns.
pub(super) fn columns(r: &mut Reader<'_>) -> Option<Datum> {
    let count = r.count(5)?;
    Some(Datum::List((0..count).map(|_| column(r)).collect::<Option<_>>()?))
}

fn interval(r: &mut Reader<'_>) -> Option<Datum> {
    let unit = match r.u8()? {
        0 => "s",
        1 => "min",
        2 => "h",
        3 => "d",
        4 => "month",
        5 => "year",
        _ => "unknown",
    };
    Some(Datum::Map(vec![field("value", r.u16()?), field("unit", unit)]))
}

fn sid(r: &mut Reader<'_>) -> Option<Datum> {
    let id = format!("{:08x}", r.u32()?);
    Some(Datum::Map(vec![field("id", id), field("data", lower(r.octets()?))]))
}

/// Which ends of an interval belong to it, and its ends.
fn region(r: &mut Reader<'_>, depth: u8) -> Option<Datum> {
    let ends = match r.u8()? {
        0 => "[)",
        1 => "(]",
        2 => "[]",
        3 => "()",
        _ => return None,
    };
    let from = value(r, depth)?.datum();
    let to = value(r, depth)?.datum();
    Some(Datum::Map(vec![field("ends", ends), ("from".to_owned(), from), ("to".to_owned(), to)]))
}

/// How records are chosen.
fn selector(r: &mut Reader<'_>, depth: u8) -> Option<Datum> {
    let method = r.u8()?;
    let mut fields = vec![field("method", method)];
    match method {
        0 => {}
        1 => {
            fields.push(field("oad", oad_text(r.u32()?)));
            fields.push(("value".to_owned(), value(r, depth)?.datum()));
        }
        2 => fields.extend(range(r, depth)?),
        3 => {
            let count = r.count(7)?;
            let ranges = (0..count).map(|_| range(r, depth).map(Datum::Map));
            fields.push(("ranges".to_owned(), Datum::List(ranges.collect::<Option<_>>()?)));
        }
        4 | 5 => {
            fields.push(field("at", date_time_s(r)?));
            fields.push(("meters".to_owned(), meters(r, depth)?));
        }
        6..=8 => {
            fields.push(field("from", date_time_s(r)?));
            fields.push(field("to", date_time_s(r)?));
            fields.push(("every".to_owned(), interval(r)?));
            fields.push(("meters".to_owned(), meters(r, depth)?));
        }
        9 => fields.push(field("last", r.u8()?)),
        10 => {
            fields.push(field("last", r.u8()?));
            fields.push(("meters".to_owned(), meters(r, depth)?));
        }
        _ => return None,
    }
    Some(Datum::Map(fields))
}

fn range(r: &mut Reader<'_>, depth: u8) -> Option<Vec<(String, Datum)>> {
    let oad = oad_text(r.u32()?);
    let mut fields = vec![field("oad", oad)];
    for name in ["from", "to", "step"] {
        fields.push((name.to_owned(), value(r, depth)?.datum()));
    }
    Some(fields)
}

/// Which meters are meant.
fn meters(r: &mut Reader<'_>, depth: u8) -> Option<Datum> {
    let listed = |name: &str, items: Vec<Datum>| {
        Some(Datum::Map(vec![(name.to_owned(), Datum::List(items))]))
    };
    match r.u8()? {
        0 => Some(Datum::Text("none".to_owned())),
        1 => Some(Datum::Text("all".to_owned())),
        2 => {
            let count = r.count(1)?;
            listed("kinds", (0..count).map(|_| r.u8().map(Datum::from)).collect::<Option<_>>()?)
        }
        3 => {
            let count = r.count(1)?;
            let one = |_| r.octets().map(|bytes| Datum::Text(lower(bytes)));
            listed("addresses", (0..count).map(one).collect::<Option<_>>()?)
        }
        4 => {
            let count = r.count(2)?;
            listed("numbers", (0..count).map(|_| r.u16().map(Datum::from)).collect::<Option<_>>()?)
        }
        5..=7 => {
            let count = r.count(3)?;
            listed("ranges", (0..count).map(|_| region(r, depth)).collect::<Option<_>>()?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Option<Data> {
        let mut reader = Reader::new(bytes);
        read(&mut reader).filter(|_| reader.rest().is_empty())
    }

    #[test]
    fn every_type_is_read_to_its_end() {
        for (bytes, name) in [
            (&[0][..], "null"),
            (&[1, 2, 0, 3, 1], "array"),
            (&[2, 1, 17, 9], "structure"),
            (&[4, 10, 0xAA, 0x40], "bit_string"),
            (&[5, 0xFF, 0xFF, 0xFF, 0xFE], "double_long"),
            (&[9, 0x81, 2, 1, 2], "octet_string"),
            (&[10, 2, b'O', b'K'], "visible_string"),
            (&[21, 0xFF, 0, 0, 0, 0, 0, 0, 0], "long64_unsigned"),
            (&[25, 7, 0xE0, 1, 19, 2, 16, 5, 5, 0, 137], "date_time"),
            (&[28, 7, 0xE0, 1, 19, 16, 5, 5], "date_time_s"),
            (&[81, 0x40, 1, 2, 0], "oad"),
            (&[82, 0x50, 4, 2, 0, 1, 0, 16, 2, 0], "road"),
            (&[84, 1, 0, 15], "ti"),
            (&[85, 7, 5, 0, 0, 0, 0, 0, 1], "tsa"),
            (&[86, 4, 1, 2, 3, 4], "mac"),
            (&[88, 0, 17, 1, 17, 5], "region"),
            (&[89, 0xFE, 33], "scaler_unit"),
            (&[90, 9, 3], "rsd"),
            (&[91, 0, 0, 16, 2, 0], "csd"),
            (&[92, 3, 1, 2, 0, 1], "ms"),
            (&[93, 0, 0, 0, 1, 1, 9], "sid"),
            (&[94, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4], "sid_mac"),
            (&[95, 6, 2, 8, 1, 0], "comdcb"),
            (&[96, 1, 0, 0, 16, 2, 0], "rcsd"),
        ] {
            assert_eq!(all(bytes).map(|d| d.name()), Some(name), "{bytes:?}");
            let short = bytes.len() - 1;
            assert_eq!(all(&bytes[..short]), None, "{name} cut short");
        }
    }

    #[test]
    fn values_are_exact() {
        let says = |bytes: &[u8]| match all(bytes).unwrap().datum() {
            Datum::Map(fields) => fields[0].1.clone(),
            other => other,
        };
        assert_eq!(says(&[4, 10, 0xAA, 0x40]), Datum::Text("1010101001".into()));
        assert_eq!(says(&[5, 0xFF, 0xFF, 0xFF, 0xFE]), Datum::Int(-2));
        let date = says(&[25, 7, 0xE0, 1, 19, 2, 16, 5, 5, 0, 137]);
        assert_eq!(date, Datum::Text("2016-01-19 16:05:05.137".into()));
        let open = says(&[28, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0xFF]);
        assert_eq!(open, Datum::Text("****-**-01 00:00:**".into()));
        let energies = all(&[1, 2, 6, 0, 0, 0x30, 0x39, 6, 0, 0, 0, 1]).unwrap();
        let total = Value::Number(Decimal { digits: 12_345, decimals: 2 });
        assert_eq!(energies.value(2), total, "the total comes first");
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let mut deep = [1, 1].repeat(usize::from(DEPTH) - 1);
        deep.push(0);
        assert!(all(&deep).is_some());
        let mut deeper = [1, 1].repeat(usize::from(DEPTH));
        deeper.push(0);
        assert_eq!(all(&deeper), None);
        assert_eq!(all(&[1, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), None, "no room for so many");
        assert_eq!(all(&[9, 0x85, 0, 0, 0, 0, 1, 1]), None);
    }
}
