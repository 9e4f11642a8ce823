//! Reading an item's bytes with the tables.

use super::super::words::status_names;
use super::{Decoded, Format, Item, Part, RATES, SEPARATOR, TO_END, find, find_1997};
use crate::protocol::value::{CivilTime, Decimal, Value, from_bcd, hex, hex_reversed, read_bcd};

/// Reads the bytes of a 2007 item (identifier taken off). Every byte is accounted for: what does
/// not fit comes out as hex. No bytes, no values.
pub fn decode(di: u32, data: &[u8]) -> Vec<Decoded> {
    if data.is_empty() {
        return Vec::new();
    }
    match find(di) {
        Some(item) => decode_item(&item, data, &|di| find(di)),
        None => in_sequence(di, data).unwrap_or_else(|| vec![unknown(di, data)]),
    }
}

/// Reads the bytes of a 1997 item.
pub fn decode_1997(di: u16, data: &[u8]) -> Vec<Decoded> {
    if data.is_empty() {
        return Vec::new();
    }
    match find_1997(di) {
        Some(item) => decode_item(&item, data, &|di| find_1997(u16::try_from(di).ok()?)),
        None => vec![unknown(u32::from(di), data)],
    }
}

/// Reads one frame of a follow-up: which members of the block these are is not known from it.
pub fn decode_continued(di: u32, data: &[u8]) -> Vec<Decoded> {
    let Some(item) = find(di).filter(|item| item.len > 0) else {
        return if data.is_empty() { Vec::new() } else { vec![unknown(di, data)] };
    };
    let meaning = format!("{}, continued", item.meaning);
    let len = usize::from(item.len);
    let mut out = Vec::new();
    for chunk in data.chunks(len) {
        if chunk.len() < len || item.row.parts.len() != 1 {
            out.push(Decoded {
                di,
                value: Value::Text(hex(chunk)),
                unit: "",
                meaning: meaning.clone(),
            });
        } else {
            parts(&item, di, &meaning, chunk, &mut out);
        }
    }
    out
}

fn unknown(di: u32, data: &[u8]) -> Decoded {
    Decoded { di, value: Value::Text(hex(data)), unit: "", meaning: "unknown identifier".into() }
}

fn rest(di: u32, meaning: &str, data: &[u8]) -> Decoded {
    let meaning = format!("{meaning}, further bytes");
    Decoded { di, value: Value::Text(hex(data)), unit: "", meaning }
}

/// A block `xxxxxxFF` without a row of its own: the items 01, 02, .. one after the other, if that
/// accounts for all bytes.
fn in_sequence(di: u32, data: &[u8]) -> Option<Vec<Decoded>> {
    if di & 0xFF != 0xFF {
        return None;
    }
    let mut out = Vec::new();
    let mut left = data;
    for low in 1..0xFF_u32 {
        let item = find(di & !0xFF | low).filter(|item| item.len > 0)?;
        let (bytes, after) = left.split_at_checked(usize::from(item.len))?;
        parts(&item, item.di, &item.meaning, bytes, &mut out);
        left = after;
        if left.is_empty() {
            return Some(out);
        }
    }
    None
}

fn decode_item(item: &Item, data: &[u8], member_of: &dyn Fn(u32) -> Option<Item>) -> Vec<Decoded> {
    let mut out = Vec::new();
    let len = usize::from(item.len);
    if !item.block || len == 0 {
        let data = match data.split_last() {
            Some((&SEPARATOR, body)) if len > 0 && body.len() == len => body,
            _ => data,
        };
        parts(item, item.di, &item.meaning, data, &mut out);
        return out;
    }
    let (members, left) = split_block(data, len);
    for (index, bytes) in members.into_iter().enumerate() {
        match item.choice.member(index).and_then(|choice| member_of(choice.di())) {
            Some(member) => parts(item, member.di, &member.meaning, bytes, &mut out),
            None => {
                let meaning = format!("{}, value {}", item.meaning, index + 1);
                parts(item, item.di, &meaning, bytes, &mut out);
            }
        }
    }
    if !left.is_empty() {
        out.push(rest(item.di, &item.meaning, left));
    }
    out
}

/// Cuts a block into values of `len` bytes. Separators are optional and only taken out where the
/// length demands it: after each value, or one at the very end.
fn split_block(data: &[u8], len: usize) -> (Vec<&[u8]>, &[u8]) {
    let step = len + 1;
    let separated = matches!(data.len() % step, rest if rest == 0 || rest == len)
        && data.len() > len
        && data.iter().skip(len).step_by(step).all(|byte| *byte == SEPARATOR);
    if separated {
        return (data.chunks(step).map(|chunk| &chunk[..len]).collect(), &[]);
    }
    let body = match data.split_last() {
        Some((&SEPARATOR, body)) if body.len() % len == 0 => body,
        _ => data,
    };
    let whole = body.len() / len * len;
    (body[..whole].chunks(len).collect(), &body[whole..])
}

/// Reads the values of one item; `di` and `meaning` are those of the item or of a block's member.
fn parts(item: &Item, di: u32, meaning: &str, data: &[u8], out: &mut Vec<Decoded>) {
    let mut left = data;
    for part in item.row.parts {
        let len = usize::from(part.len);
        if part.count == TO_END && part.format == Format::Raw && len == 1 {
            if !left.is_empty() {
                let value = Value::Text(hex(left));
                out.push(Decoded { di, value, unit: "", meaning: meaning.to_owned() });
            }
            return;
        }
        let mut number = 0;
        while number < part.count {
            let Some((bytes, after)) = left.split_at_checked(len) else {
                break;
            };
            out.push(value_of(part, number, di, meaning, bytes));
            left = after;
            number += 1;
            if left.is_empty() {
                return;
            }
        }
    }
    if !left.is_empty() {
        out.push(rest(di, meaning, left));
    }
}

fn value_of(part: &Part, number: u16, di: u32, meaning: &str, bytes: &[u8]) -> Decoded {
    let di = if part.low == 0 { di } else { di & !0xFF | u32::from(part.low) };
    let own = (part.low != 0).then(|| find(di)).flatten();
    let meaning = own.as_ref().map_or(meaning, |own| own.meaning.as_str());
    let mut meaning = match (part.name, part.count, number) {
        _ if own.is_some() => meaning.to_owned(),
        ("", 1, _) => meaning.to_owned(),
        ("", _, _) => format!("{meaning}, value {}", number + 1),
        (RATES, _, 0) => format!("{meaning} total"),
        (RATES, _, rate) => format!("{meaning} rate {rate}"),
        (name, 1, _) => format!("{meaning}, {name}"),
        (name, _, _) => format!("{meaning}, {name} {}", number + 1),
    };
    let value = read(part.format, bytes);
    if let Format::Status(word) = part.format {
        let names = status_names(word, little_endian(bytes));
        meaning.push_str(": ");
        meaning.push_str(&if names.is_empty() { "no bit set".into() } else { names.join(", ") });
    }
    Decoded { di, value, unit: part.unit, meaning }
}

fn little_endian(bytes: &[u8]) -> u16 {
    match bytes {
        [low, high, ..] => u16::from_le_bytes([*low, *high]),
        [low] => u16::from(*low),
        [] => 0,
    }
}

/// Reads one value. All FF means "no value" in every format that is a quantity.
fn read(format: Format, bytes: &[u8]) -> Value {
    let wordy =
        matches!(format, Format::Bits | Format::Status(_) | Format::Identifier | Format::Raw);
    if wordy {
        let text = if format == Format::Raw { hex(bytes) } else { hex_reversed(bytes) };
        return Value::Text(text);
    }
    if bytes.iter().all(|byte| *byte == 0xFF) {
        return Value::Missing;
    }
    let invalid = || Value::Invalid(hex(bytes));
    match format {
        Format::Bcd { decimals, signed } => match read_bcd(bytes, signed) {
            Some(digits) => Value::Number(Decimal { digits, decimals }),
            None => invalid(),
        },
        Format::Ascii => ascii(bytes).map_or_else(invalid, Value::Text),
        Format::Cents => match <[u8; 4]>::try_from(bytes).map(u32::from_le_bytes) {
            Ok(cents) => Value::Number(Decimal { digits: cents.into(), decimals: 2 }),
            Err(_) => invalid(),
        },
        _ if bytes.iter().any(|byte| from_bcd(*byte).is_none()) => invalid(),
        Format::Digits => Value::Text(hex_reversed(bytes)),
        _ => calendar(format, &hex_reversed(bytes)).map_or_else(invalid, Value::Text),
    }
}

/// Text, last character first on the wire; padding of 00 and spaces taken off.
fn ascii(bytes: &[u8]) -> Option<String> {
    let text: Vec<u8> = bytes.iter().rev().copied().collect();
    let text = String::from_utf8(text).ok()?;
    let text = text.trim_matches(|c| c == '\0' || c == ' ');
    text.chars().all(|c| c.is_ascii_graphic() || c == ' ').then(|| text.to_owned())
}

/// Writes date and time digits, high ones first, the way people read them. Parts out of range are
/// shown as they are: a meter with an unset clock says month 00.
fn calendar(format: Format, digits: &str) -> Option<String> {
    let pairs: Vec<&str> =
        digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
    Some(match (format, pairs.as_slice()) {
        (Format::DateWeek, [y, m, d, w]) => format!("20{y}-{m}-{d} WW={w}"),
        (Format::DateWeekTime, [y, m, d, w, h, min, s]) => {
            format!("20{y}-{m}-{d} {h}:{min}:{s} WW={w}")
        }
        (Format::Time, [h, m, s]) => format!("{h}:{m}:{s}"),
        (Format::Minute, [y, mo, d, h, m]) => format!("20{y}-{mo}-{d} {h}:{m}"),
        (Format::Second, [y, mo, d, h, m, s]) => format!("20{y}-{mo}-{d} {h}:{m}:{s}"),
        (Format::MonthMinute, [mo, d, h, m]) => format!("{mo}-{d} {h}:{m}"),
        (Format::MonthHour, [mo, d, h]) => format!("{mo}-{d} {h}h"),
        (Format::Zone, [mo, d, n]) => format!("{mo}-{d} table {n}"),
        (Format::Slot, [h, m, n]) => format!("{h}:{m} rate {n}"),
        (Format::Holiday, [y, mo, d, n]) => format!("20{y}-{mo}-{d} table {n}"),
        (Format::DayHour, [d, h]) => format!("day {d} {h}h"),
        _ => return None,
    })
}

/// Reads the date and time block (0400010C: YYMMDDWWhhmmss) or date and time read one after the
/// other (04000101 and 04000102) as one moment.
pub fn clock(date_week: &[u8], time: &[u8]) -> Option<CivilTime> {
    match (date_week, time) {
        ([_, day, month, year], [second, minute, hour]) => {
            CivilTime::from_wire([*second, *minute, *hour, *day, *month, *year])
        }
        _ => None,
    }
}
