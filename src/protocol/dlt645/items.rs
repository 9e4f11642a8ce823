//! Data identifiers: what an item is called, how long it is, how its bytes are read.
//!
//! The identifiers of both editions stand in tables (`items/`), one row a family: a pattern whose
//! placeholders are a rate, a phase, a settlement day or a number, and the parts its data are made
//! of. [`find`] expands a row for one identifier; [`decode()`] reads bytes with it, blocks
//! included. Nothing is lost: what no row explains comes out as hex. Sources: dlt645.md 3 and 4.

mod decode;
mod events;
mod metering;
mod parameters;
mod pattern;
mod v1997;

use super::words::Edition;

pub use decode::{clock, decode, decode_1997, decode_continued};

/// How the bytes of one value are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Packed BCD, low byte first.
    Bcd {
        /// Places behind the point.
        decimals: u8,
        /// The highest bit is a sign.
        signed: bool,
    },
    /// Binary hundredths, low byte first: amounts that a purse is told.
    Cents,
    /// BCD digits with leading zeros kept: addresses, numbers, operator codes.
    Digits,
    /// YYMMDDWW, low byte first on the wire like everything here.
    DateWeek,
    /// YYMMDDWWhhmmss.
    DateWeekTime,
    /// hhmmss.
    Time,
    /// YYMMDDhhmm.
    Minute,
    /// YYMMDDhhmmss.
    Second,
    /// MMDDhhmm.
    MonthMinute,
    /// MMDDhh.
    MonthHour,
    /// MMDDNN: from this day, table NN.
    Zone,
    /// hhmmNN: from this time, rate NN.
    Slot,
    /// YYMMDDNN: on this day, table NN.
    Holiday,
    /// DDhh.
    DayHour,
    /// Text, last character first on the wire.
    Ascii,
    /// Bits, shown as hex.
    Bits,
    /// Status word 1 to 7 of the 2007 edition.
    Status(u8),
    /// A data identifier.
    Identifier,
    /// Bytes with a meaning of their own, shown as hex in wire order.
    Raw,
}

/// A stretch of values of the same kind inside an item.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// How many; [`TO_END`] takes all that is there.
    count: u16,
    /// Bytes of one.
    len: u8,
    format: Format,
    unit: &'static str,
    /// What it is within the item; empty if the item says it all.
    name: &'static str,
    /// For parts that are items themselves: the low byte of their identifier. 0 otherwise.
    low: u8,
}

/// Ends or separates the values of a block in many 1997 meters. No BCD value has it.
const SEPARATOR: u8 = 0xAA;

/// Any number of values, up to the end of the data.
const TO_END: u16 = u16::MAX;

/// Name of parts that are a total and then the rates.
const RATES: &str = "rates";

const fn part(count: u16, len: u8, format: Format, unit: &'static str, name: &'static str) -> Part {
    Part { count, len, format, unit, name, low: 0 }
}

const fn bcd(len: u8, decimals: u8, unit: &'static str) -> Part {
    part(1, len, Format::Bcd { decimals, signed: false }, unit, "")
}

const fn signed(len: u8, decimals: u8, unit: &'static str) -> Part {
    part(1, len, Format::Bcd { decimals, signed: true }, unit, "")
}

const fn one(len: u8, format: Format) -> Part {
    part(1, len, format, "", "")
}

/// One row: a family of identifiers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pattern: &'static str,
    meaning: &'static str,
    writable: bool,
    parts: &'static [Part],
}

/// Rows are written `"pattern", "meaning", r | rw, [parts]`.
macro_rules! rows {
    ($($pattern:literal, $meaning:literal, $access:ident, [$($part:expr),* $(,)?];)*) => {
        &[$(super::Row {
            pattern: $pattern,
            meaning: $meaning,
            writable: super::rows!(@$access),
            parts: {
                const PARTS: &[super::Part] = &[$($part),*];
                PARTS
            },
        }),*]
    };
    (@r) => { false };
    (@rw) => { true };
}
use rows;

/// What is known about one identifier.
#[derive(Debug, Clone)]
pub struct Item {
    /// The identifier; two-byte ones of the 1997 edition in the low half.
    pub di: u32,
    /// Bytes of its value; of one value in a block.
    pub len: u16,
    /// How the (first) value is read.
    pub format: Format,
    /// Unit of the (first) value, "" if it has none.
    pub unit: &'static str,
    /// A short English phrase, stable.
    pub meaning: String,
    /// Whether a write command may set it.
    pub writable: bool,
    /// Whether it is a block of several items of the same kind.
    pub block: bool,
    row: &'static Row,
    choice: pattern::Choice,
}

/// One value found in an item's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Its identifier; for a member of a block its own, not the block's.
    pub di: u32,
    /// What it says.
    pub value: crate::protocol::value::Value,
    /// Its unit, "" if it has none.
    pub unit: &'static str,
    /// A short English phrase, stable.
    pub meaning: String,
}

const TABLES_2007: [&[Row]; 3] = [metering::ROWS, parameters::ROWS, events::ROWS];

/// What is known about a four-byte identifier of the 2007 edition.
pub fn find(di: u32) -> Option<Item> {
    TABLES_2007.iter().flat_map(|rows| rows.iter()).find_map(|row| expand(di, row, 8))
}

/// What is known about a two-byte identifier of the 1997 edition.
pub fn find_1997(di: u16) -> Option<Item> {
    v1997::find(di)
}

/// Data bytes to expect for an identifier: exact for single items, the usual for blocks.
pub fn expected_len(edition: Edition, di: u32) -> usize {
    /// The standard's limit for the data of a read, without the identifier.
    const UNKNOWN: usize = 196;
    let found = match edition {
        Edition::V2007 => find(di),
        Edition::V1997 => u16::try_from(di).ok().and_then(find_1997),
    };
    let Some(item) = found else {
        return UNKNOWN;
    };
    match item.block {
        true => usize::from(item.len) * item.choice.usual_members(),
        false if item.len == 0 => UNKNOWN,
        false => usize::from(item.len),
    }
}

/// Whether so many bytes can be a 1997 item: its own length, or a block's with or without
/// separators. What the tables do not know can be anything.
pub fn can_be_1997(di: u32, data: &[u8]) -> bool {
    let known = u16::try_from(di).ok().and_then(find_1997).filter(|item| item.len > 0);
    let Some(item) = known else { return true };
    let len = usize::from(item.len);
    let ended = |rest: &[u8]| matches!(data.split_last(), Some((&SEPARATOR, body)) if body == rest);
    let closed = &data[..data.len().saturating_sub(1)];
    if !item.block {
        return data.len() == len || closed.len() == len && ended(closed);
    }
    let plain = data.len().is_multiple_of(len);
    let at_end = closed.len().is_multiple_of(len) && ended(closed);
    // A separator behind each value, the last one's may be left out.
    let between = data.chunks(len + 1).all(|value| match value.split_at(value.len().min(len)) {
        (whole, [] | [SEPARATOR]) => whole.len() == len,
        _ => false,
    });
    plain || at_end || between
}

fn expand(di: u32, row: &'static Row, digits: usize) -> Option<Item> {
    let choice = pattern::matches(row.pattern, di, digits)?;
    let first = row.parts.first()?;
    let open = row.parts.iter().any(|part| part.count == TO_END);
    let len = row.parts.iter().map(|part| part.count.saturating_mul(u16::from(part.len)));
    Some(Item {
        di,
        len: if open { 0 } else { len.sum() },
        format: first.format,
        unit: first.unit,
        meaning: choice.name(row.meaning),
        writable: row.writable,
        block: choice.is_block(),
        row,
        choice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::value::{Decimal, Value};

    fn texts(decoded: &[Decoded]) -> Vec<String> {
        decoded
            .iter()
            .map(|d| {
                let value = match &d.value {
                    Value::Number(number) => number.to_string(),
                    Value::Text(text) => text.clone(),
                    Value::Missing => "missing".to_owned(),
                    Value::Invalid(hex) => format!("?{hex}"),
                };
                format!("{:08X} {value} {} {}", d.di, d.unit, d.meaning)
            })
            .collect()
    }

    #[test]
    fn every_row_is_reachable_by_some_identifier() {
        let rows: Vec<&Row> = TABLES_2007.iter().flat_map(|rows| rows.iter()).collect();
        assert!(rows.len() > 200, "{}", rows.len());
        for row in rows {
            let fill =
                |c: char| if c.is_ascii_lowercase() || c == 'P' || c == 'R' { '0' } else { c };
            let mut di: String = row.pattern.chars().map(fill).collect();
            for at in (0..8).step_by(2) {
                if matches!(&row.pattern[at..at + 2], "nn" | "pp" | "RR") {
                    di.replace_range(at..at + 2, "03");
                }
            }
            let number = u32::from_str_radix(&di, 16).unwrap();
            let item = find(number).unwrap_or_else(|| panic!("{di} of {}", row.pattern));
            assert_eq!(item.row.pattern, row.pattern, "{di}");
            assert!(!item.meaning.contains('{'), "{}", item.meaning);
        }
    }

    #[test]
    fn names_tell_rate_settlement_and_phase() {
        for (di, name, block) in [
            (0x0001_0000, "forward active energy total", false),
            (0x0001_0302, "forward active energy rate 3, settlement 2", false),
            (0x0001_FF00, "forward active energy block", true),
            (0x0001_FF01, "forward active energy block, settlement 1", true),
            (0x0203_0000, "total active power", false),
            (0x0203_0200, "phase B active power", false),
            (0x0201_FF00, "voltage block", true),
            (0x0333_0201, "money purchase 1, count after", false),
        ] {
            let item = find(di).unwrap();
            assert_eq!((item.meaning.as_str(), item.block), (name, block), "{di:08X}");
        }
        for di in [0x0001_4000, 0x0001_000D, 0x0201_0000, 0x0201_0400, 0x0333_0200 | 0xFE] {
            let known = find(di).is_some();
            assert_eq!(known, di == 0x0333_02FE, "{di:08X}");
        }
        assert_eq!(find_1997(0x9410).unwrap().meaning, "forward active energy total, last month");
        assert!(find_1997(0x9C10).is_none());
        assert_eq!(find_1997(0xB611).unwrap().meaning, "phase A voltage");
    }

    #[test]
    fn blocks_expand_to_their_members() {
        // A single-phase meter fills B and C with FF.
        let volts = decode(0x0201_FF00, &[0x48, 0x22, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(
            texts(&volts),
            [
                "02010100 224.8 V phase A voltage",
                "02010200 missing V phase B voltage",
                "02010300 missing V phase C voltage",
            ]
        );
        let words = decode(0x0400_05FF, &[0, 0, 0, 0, 0x10, 0x02, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(words.len(), 7);
        assert_eq!(texts(&words)[2], "04000503 0210  status word 3: relay-open, prepaid-money");
        assert_eq!(decode(0x0400_05FF, &[0; 18]).len(), 8);
        let records = decode(0x0333_FF01, &[0; 23]);
        assert_eq!(records.len(), 6);
    }

    #[test]
    fn separators_are_taken_out_only_where_the_length_demands_it() {
        let with = [1, 0, 0, 0, 0xAA, 2, 0, 0, 0, 0xAA];
        let ended = [1, 0, 0, 0, 2, 0, 0, 0, 0xAA];
        let plain = [1, 0, 0, 0, 2, 0, 0, 0];
        for data in [&with[..], &with[..9], &ended, &plain] {
            let values: Vec<Value> =
                decode(0x0001_FF00, data).into_iter().map(|d| d.value).collect();
            let number = |digits| Value::Number(Decimal { digits, decimals: 2 });
            assert_eq!(values, [number(1), number(2)], "{data:02X?}");
        }
    }

    #[test]
    fn no_byte_is_lost() {
        assert_eq!(texts(&decode(0x0201_0100, &[0x48, 0x22, 0x99])).len(), 2);
        assert_eq!(
            texts(&decode(0x0201_0100, &[0x48])),
            ["02010100 48  phase A voltage, further bytes"]
        );
        assert_eq!(
            texts(&decode(0x0201_0100, &[0x4A, 0x22])),
            ["02010100 ?4A22 V phase A voltage"]
        );
        assert_eq!(texts(&decode(0x1234_5678, &[1, 2])), ["12345678 0102  unknown identifier"]);
        assert!(decode(0x0201_0100, &[]).is_empty());
    }

    #[test]
    fn signs_are_where_the_table_says() {
        let minus = decode(0x0203_0000, &[0x16, 0x27, 0x80]);
        assert_eq!(texts(&minus), ["02030000 -0.2716 kW total active power"]);
        let voltage = decode(0x0201_0100, &[0x00, 0x80]);
        assert_eq!(texts(&voltage), ["02010100 800.0 V phase A voltage"]);
    }
}
