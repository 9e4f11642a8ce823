//! One data record as a value: exact, in one unit of its quantity.
//!
//! `m-bus-parser` takes the record apart and names it; its numbers are floats, so the digits are
//! read from the record's own bytes here and only the power of ten is taken from it.

use m_bus_parser::user_data::data_information::DataFieldCoding;
use m_bus_parser::user_data::data_record::DataRecord;
use m_bus_parser::user_data::value_information::{Unit, UnitName, ValueInformation};

use crate::protocol::value::{Decimal, Value, hex};

/// Units as the parser lists them, as they are written, and the power of ten between.
type Row = (&'static [(UnitName, i32)], &'static str, isize);

const UNITS: &[Row] = &[
    (&[(UnitName::Watt, 1), (UnitName::Hour, 1)], "kWh", -3),
    (&[(UnitName::Joul, 1)], "MJ", -6),
    (&[(UnitName::Meter, 3)], "m3", 0),
    (&[(UnitName::Liter, 1)], "m3", -3),
    (&[(UnitName::Kilogram, 1)], "kg", 0),
    (&[(UnitName::Tonne, 1)], "kg", 3),
    (&[(UnitName::Watt, 1)], "kW", -3),
    (&[(UnitName::Joul, 1), (UnitName::Hour, -1)], "MJ/h", -6),
    (&[(UnitName::Meter, 3), (UnitName::Hour, -1)], "m3/h", 0),
    (&[(UnitName::Meter, 3), (UnitName::Minute, -1)], "m3/min", 0),
    (&[(UnitName::Meter, 3), (UnitName::Second, -1)], "m3/s", 0),
    (&[(UnitName::Kilogram, 1), (UnitName::Hour, -1)], "kg/h", 0),
    (&[(UnitName::Celsius, 1)], "C", 0),
    (&[(UnitName::Kelvin, 1)], "K", 0),
    (&[(UnitName::Bar, 1)], "bar", 0),
    (&[(UnitName::Second, 1)], "s", 0),
    (&[(UnitName::Minute, 1)], "min", 0),
    (&[(UnitName::Hour, 1)], "h", 0),
    (&[(UnitName::Day, 1)], "d", 0),
    (&[(UnitName::Month, 1)], "month", 0),
    (&[(UnitName::Year, 1)], "year", 0),
    (&[(UnitName::Volt, 1)], "V", 0),
    (&[(UnitName::Ampere, 1)], "A", 0),
    (&[(UnitName::Hertz, 1)], "Hz", 0),
    (&[(UnitName::Percent, 1)], "%", 0),
];

/// The unit's text and the power of ten to bring a number to it.
fn unit_of(information: &ValueInformation<'_>) -> (String, isize) {
    let units: Vec<Unit> = information.units().collect();
    let same = |row: &&Row| {
        row.0.len() == units.len()
            && row
                .0
                .iter()
                .zip(&units)
                .all(|((name, power), unit)| *name == unit.name && *power == unit.exponent)
    };
    match UNITS.iter().find(same) {
        Some((_, text, power)) => ((*text).to_owned(), *power),
        None => {
            let one = |unit: &Unit| match unit.exponent {
                1 => format!("{:?}", unit.name),
                power => format!("{:?}^{power}", unit.name),
            };
            (units.iter().map(one).collect::<Vec<_>>().join(" "), 0)
        }
    }
}

/// The value of a record, and its unit.
pub(super) fn measure(record: &DataRecord<'_>) -> (Value, String) {
    let raw = record.raw_bytes();
    let bytes = raw.get(record.data_record_header.get_size()..).unwrap_or_default();
    let Some(information) = record.value_information() else {
        return (Value::Text(hex(bytes)), String::new());
    };
    let (unit, to_unit) = unit_of(information);
    let Some(coding) = record.data_information().map(|data| data.data_field_coding) else {
        return (Value::Invalid(hex(bytes)), unit);
    };
    let power = information.decimal_scale_exponent + to_unit;
    // A constant to add is rare and not followed.
    let plain = information.decimal_offset_exponent == 0;
    let value = value(coding, bytes, power).filter(|_| plain);
    (value.unwrap_or_else(|| Value::Invalid(hex(bytes))), unit)
}

/// The value in the bytes, times ten to `power` if it is a number.
fn value(coding: DataFieldCoding, bytes: &[u8], power: isize) -> Option<Value> {
    let number = |digits: i64| scaled(digits, power).map(Value::Number);
    match coding {
        DataFieldCoding::Integer8Bit
        | DataFieldCoding::Integer16Bit
        | DataFieldCoding::Integer24Bit
        | DataFieldCoding::Integer32Bit
        | DataFieldCoding::Integer48Bit
        | DataFieldCoding::Integer64Bit => number(integer(bytes)?),
        DataFieldCoding::BCD2Digit
        | DataFieldCoding::BCD4Digit
        | DataFieldCoding::BCD6Digit
        | DataFieldCoding::BCD8Digit
        | DataFieldCoding::BCDDigit12 => number(bcd(bytes)?),
        DataFieldCoding::Real32Bit => {
            let float = f32::from_le_bytes(bytes.try_into().ok()?);
            let text = if power == 0 { float.to_string() } else { format!("{float}e{power}") };
            Some(Value::Text(text))
        }
        DataFieldCoding::NoData | DataFieldCoding::SelectionForReadout => Some(Value::Missing),
        DataFieldCoding::VariableLength => variable(bytes, power),
        DataFieldCoding::DateTypeG => Some(date(bytes).map_or(Value::Missing, Value::Text)),
        DataFieldCoding::DateTimeTypeF => {
            let [minute, hour, day @ ..] = bytes else { return None };
            // The highest bit of the minutes: the time is invalid.
            let day = date(day).filter(|_| minute & 0x80 == 0);
            Some(day.map_or(Value::Missing, |day| {
                Value::Text(format!("{day} {:02}:{:02}", hour & 0x1F, minute & 0x3F))
            }))
        }
        DataFieldCoding::DateTimeTypeI => {
            let [second, minute, hour, day, month, _week] = bytes else { return None };
            Some(date(&[*day, *month]).map_or(Value::Missing, |day| {
                let (hour, minute, second) = (hour & 0x1F, minute & 0x3F, second & 0x3F);
                Value::Text(format!("{day} {hour:02}:{minute:02}:{second:02}"))
            }))
        }
        _ => Some(Value::Text(hex(bytes))),
    }
}

/// A length or kind byte, then text backwards, digits, or a number.
fn variable(bytes: &[u8], power: isize) -> Option<Value> {
    let (kind, bytes) = bytes.split_first()?;
    let number = |digits: i64| scaled(digits, power).map(Value::Number);
    match kind {
        0x00..=0xBF => Some(Value::Text(bytes.iter().rev().map(|b| char::from(*b)).collect())),
        0xC0..=0xC9 => number(bcd(bytes)?),
        0xD0..=0xD9 => number(bcd(bytes)?.checked_neg()?),
        0xE0..=0xEF if bytes.len() <= 8 => number(integer(bytes)?),
        _ => Some(Value::Text(hex(bytes))),
    }
}

/// Day, month and year in two bytes (type G); `None` where the meter has no date.
fn date(bytes: &[u8]) -> Option<String> {
    let [low, high] = bytes else { return None };
    let (day, month) = (low & 0x1F, high & 0x0F);
    let year = ((low & 0xE0) >> 5) | ((high & 0xF0) >> 1);
    let known = day != 0 && (1..=12).contains(&month) && year < 100;
    known.then(|| format!("20{year:02}-{month:02}-{day:02}"))
}

/// Two's complement, low byte first, up to eight bytes.
fn integer(bytes: &[u8]) -> Option<i64> {
    let sign = if bytes.last()? & 0x80 != 0 { 0xFF } else { 0 };
    let mut wide = [sign; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(wide))
}

/// Packed BCD, low byte first; an F as the highest digit is a minus (EN 13757-3, type A).
fn bcd(bytes: &[u8]) -> Option<i64> {
    let mut number: i64 = 0;
    let mut negative = false;
    for (place, byte) in bytes.iter().rev().enumerate() {
        let (mut high, low) = (byte >> 4, byte & 0x0F);
        if place == 0 && high == 0x0F {
            (negative, high) = (true, 0);
        }
        if high > 9 || low > 9 {
            return None;
        }
        number = number.checked_mul(100)?.checked_add(i64::from(high * 10 + low))?;
    }
    Some(if negative { -number } else { number })
}

fn scaled(digits: i64, power: isize) -> Option<Decimal> {
    if let Ok(up) = u32::try_from(power) {
        return Some(Decimal::whole(digits.checked_mul(10i64.checked_pow(up)?)?));
    }
    // A value cannot have more places than its digits' own type holds.
    let decimals = u8::try_from(power.checked_neg()?).ok()?;
    Some(Decimal { digits, decimals })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_and_signed() {
        assert_eq!(integer(&[0xFE, 0xFF]), Some(-2));
        assert_eq!(integer(&[0x31, 0xD4, 0, 0]), Some(54_321));
        assert_eq!(integer(&[0; 9]), None);
        assert_eq!(bcd(&[0x21, 0x43, 0x65, 0xF7]), Some(-7_654_321));
        assert_eq!(bcd(&[0x2A]), None);
        let text = |digits, power| scaled(digits, power).map(|n| n.to_string());
        assert_eq!(text(54_321, -3).as_deref(), Some("54.321"));
        assert_eq!(text(5, 2).as_deref(), Some("500"));
        assert_eq!(text(i64::MAX, 1), None);
    }

    #[test]
    fn dates_and_texts() {
        let f = value(DataFieldCoding::DateTimeTypeF, &[0x0B, 0x0B, 0xCD, 0x13], 0);
        assert_eq!(f, Some(Value::Text("2014-03-13 11:11".into())));
        assert_eq!(value(DataFieldCoding::DateTypeG, &[0, 0], 0), Some(Value::Missing));
        let text = value(DataFieldCoding::VariableLength, &[2, b'b', b'a'], 0);
        assert_eq!(text, Some(Value::Text("ab".into())));
    }
}
