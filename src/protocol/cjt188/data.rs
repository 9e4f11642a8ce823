//! What a measuring answer says: values, clock, status.
//!
//! Values are packed BCD, low byte first, with a fixed number of places behind the point and a unit
//! byte behind the value; some heat meters put it in front (`reference/other-meters.md` 4). Which
//! it is shows in the bytes: only in the right places do they name units of the right quantity.

use super::names::{self, Kind, Quantity, Unit};
use crate::protocol::value::{CivilTime, Decimal, Value, hex, hex_reversed, read_bcd};

/// Bytes of a value with a unit, unit not counted.
const VALUE: usize = 4;
/// Bytes of a clock time.
const CLOCK: usize = 7;
/// Bytes of a status.
const STATUS: usize = 2;

/// Where the unit byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitOrder {
    /// Behind its value, as in the standard.
    After,
    /// In front of it.
    Before,
}

/// One value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Its name, as profiles use it.
    pub name: &'static str,
    /// The bytes, low byte first, without the unit.
    pub raw: Vec<u8>,
    /// The unit byte as the meter sent it.
    pub code: Option<u8>,
    /// In `unit`; invalid where the unit byte is unknown or the digits are none.
    pub value: Value,
    /// m3, m3/h, kWh or GJ, kW or GJ/h, degrees C, h; empty for others.
    pub unit: &'static str,
}

impl Measured {
    /// The digits as they were sent, high byte first.
    pub fn digits(&self) -> String {
        hex_reversed(&self.raw)
    }

    /// The number in the meter's own unit, with the places the standard gives it.
    pub fn in_own_unit(&self) -> Option<Decimal> {
        let row = ROWS.iter().find(|row| row.name == self.name)?;
        Some(Decimal { digits: read_bcd(&self.raw, false)?, decimals: row.decimals })
    }
}

/// Everything one answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// In the order sent.
    pub values: Vec<Measured>,
    /// Where the unit bytes stood.
    pub units: UnitOrder,
    /// The meter's clock.
    pub clock: Option<CivilTime>,
    /// The clock came the other way round, century first.
    pub clock_reversed: bool,
    /// The status, as sent.
    pub status: Option<[u8; 2]>,
    /// What followed and is no part of the standard.
    pub rest: Vec<u8>,
}

/// Names of values a profile may ask for, besides `clock` and `status`.
pub const NAMES: &[&str] = &[
    "volume",
    "volume-settled",
    "heat",
    "heat-settled",
    "heat-power",
    "flow",
    "temperature-in",
    "temperature-out",
    "work-hours",
];

/// A value in an answer.
struct Row {
    name: &'static str,
    /// `None`: no unit byte.
    quantity: Option<Quantity>,
    len: usize,
    decimals: u8,
    unit: &'static str,
}

const fn with_unit(name: &'static str, quantity: Quantity, decimals: u8) -> Row {
    Row { name, quantity: Some(quantity), len: VALUE, decimals, unit: "" }
}

const fn plain(name: &'static str, decimals: u8, unit: &'static str) -> Row {
    Row { name, quantity: None, len: 3, decimals, unit }
}

/// All of them, in the order of a heat meter's answer; the last is water's and gas's own.
const ROWS: [Row; 9] = [
    with_unit("heat-settled", Quantity::Energy, 2),
    with_unit("heat", Quantity::Energy, 2),
    with_unit("heat-power", Quantity::Power, 2),
    with_unit("flow", Quantity::Flow, 4),
    with_unit("volume", Quantity::Volume, 2),
    plain("temperature-in", 2, "C"),
    plain("temperature-out", 2, "C"),
    plain("work-hours", 0, "h"),
    with_unit("volume-settled", Quantity::Volume, 2),
];

/// Rows of a heat meter's answer.
fn heat() -> Vec<&'static Row> {
    ROWS.iter().take(8).collect()
}

/// Rows of a water or gas meter's answer.
fn water() -> Vec<&'static Row> {
    let [_, _, _, _, volume, _, _, _, settled] = &ROWS;
    vec![volume, settled]
}

/// The row of a settled month: what it is shows by its unit.
fn month(kind: Kind, body: &[u8]) -> Vec<&'static Row> {
    let [settled, _, _, _, _, _, _, _, volume] = &ROWS;
    let energy = |code: Option<&u8>| {
        let unit = code.and_then(|code| names::unit(*code));
        unit.is_some_and(|unit| unit.quantity == Quantity::Energy)
    };
    let is_heat = kind == Kind::Heat && (energy(body.get(VALUE)) || energy(body.first()));
    vec![if is_heat { settled } else { volume }]
}

/// Reads what follows identifier and serial number in an answer to 901F. `units`: where the unit
/// bytes stand, if that is known.
///
/// `None` when not even the first value fits.
pub fn current(kind: Kind, body: &[u8], units: Option<UnitOrder>) -> Option<Reading> {
    let rows = if kind == Kind::Heat { heat() } else { water() };
    let mut reading = values(&rows, body, units)?;
    let rest = std::mem::take(&mut reading.rest);
    let Some((clock, rest)) = rest.split_first_chunk::<CLOCK>() else {
        reading.rest = rest;
        return Some(reading);
    };
    (reading.clock, reading.clock_reversed) = clock_of(*clock);
    match rest.split_first_chunk::<STATUS>() {
        Some((status, rest)) => {
            reading.status = Some(*status);
            reading.rest = rest.to_vec();
        }
        None => reading.rest = rest.to_vec(),
    }
    Some(reading)
}

/// Reads what follows identifier and serial number in an answer to D120..D12B: one value.
pub fn settled_month(kind: Kind, body: &[u8], units: Option<UnitOrder>) -> Option<Reading> {
    values(&month(kind, body), body, units)
}

fn values(rows: &[&Row], body: &[u8], units: Option<UnitOrder>) -> Option<Reading> {
    let units = units.unwrap_or_else(|| {
        // The standard's order unless the bytes speak against it.
        let before = fitting(rows, body, UnitOrder::Before);
        let after = fitting(rows, body, UnitOrder::After);
        if before > after { UnitOrder::Before } else { UnitOrder::After }
    });
    let mut reading = Reading {
        values: Vec::new(),
        units,
        clock: None,
        clock_reversed: false,
        status: None,
        rest: Vec::new(),
    };
    let mut rest = body;
    for row in rows {
        let Some((raw, code, behind)) = cut(row, rest, units) else { break };
        reading.values.push(measured(row, raw, code));
        rest = behind;
    }
    reading.rest = rest.to_vec();
    (!reading.values.is_empty()).then_some(reading)
}

/// How many unit bytes name the right quantity, and how many values are digits.
fn fitting(rows: &[&Row], body: &[u8], units: UnitOrder) -> usize {
    let mut rest = body;
    let mut fits = 0;
    for row in rows {
        let Some((raw, code, behind)) = cut(row, rest, units) else { break };
        let unit = code.and_then(names::unit).map(|unit| unit.quantity);
        fits += usize::from(row.quantity.is_some() && unit == row.quantity);
        fits += usize::from(read_bcd(raw, false).is_some());
        rest = behind;
    }
    fits
}

/// Value, unit byte, and what follows.
fn cut<'a>(
    row: &Row,
    bytes: &'a [u8],
    units: UnitOrder,
) -> Option<(&'a [u8], Option<u8>, &'a [u8])> {
    match (row.quantity, units) {
        (None, _) => {
            let (raw, rest) = bytes.split_at_checked(row.len)?;
            Some((raw, None, rest))
        }
        (Some(_), UnitOrder::After) => {
            let (raw, rest) = bytes.split_at_checked(row.len)?;
            let (code, rest) = rest.split_first()?;
            Some((raw, Some(*code), rest))
        }
        (Some(_), UnitOrder::Before) => {
            let (code, rest) = bytes.split_first()?;
            let (raw, rest) = rest.split_at_checked(row.len)?;
            Some((raw, Some(*code), rest))
        }
    }
}

fn measured(row: &Row, raw: &[u8], code: Option<u8>) -> Measured {
    let unit = code.and_then(names::unit);
    let known = row.quantity.is_none() || unit.is_some();
    let name = row.name;
    let value = match read_bcd(raw, false).filter(|_| known) {
        _ if raw.iter().all(|byte| *byte == 0xFF) => Value::Missing,
        Some(digits) => {
            let number = Decimal { digits, decimals: row.decimals };
            scale(number, unit).map_or_else(|| Value::Invalid(hex(raw)), Value::Number)
        }
        None => Value::Invalid(hex(raw)),
    };
    let unit = unit.map_or(row.unit, |unit| unit.base);
    Measured { name, raw: raw.to_vec(), code, value, unit }
}

/// The number in the base unit; exact, so that litres only move the point.
fn scale(number: Decimal, unit: Option<Unit>) -> Option<Decimal> {
    let exponent = i16::from(unit.map_or(0, |unit| unit.exponent));
    let decimals = i16::from(number.decimals) - exponent;
    match u8::try_from(decimals) {
        Ok(decimals) => Some(Decimal { digits: number.digits, decimals }),
        Err(_) => {
            let up = 10i64.checked_pow(u32::from(decimals.unsigned_abs()))?;
            Some(Decimal::whole(number.digits.checked_mul(up)?))
        }
    }
}

/// ss mm hh DD MM YY CC; some makers send it the other way round. A clock of zeros is none.
fn clock_of(bytes: [u8; CLOCK]) -> (Option<CivilTime>, bool) {
    let read = |bytes: [u8; CLOCK]| match bytes {
        [time @ .., 0x20] => CivilTime::from_wire(time),
        _ => None,
    };
    if let Some(time) = read(bytes) {
        return (Some(time), false);
    }
    let mut reversed = bytes;
    reversed.reverse();
    let time = read(reversed);
    (time, time.is_some())
}

impl Reading {
    /// The value of that name, as text for `clock` and `status`, and its unit.
    pub fn value(&self, name: &str) -> Option<(Value, &'static str)> {
        match name {
            "clock" => self.clock.map(|clock| (Value::Text(clock.to_string()), "")),
            "status" => self.status.map(|status| (Value::Text(hex(&status)), "")),
            _ => {
                let found = self.values.iter().find(|value| value.name == name)?;
                Some((found.value.clone(), found.unit))
            }
        }
    }

    /// The bytes of that value, low byte first, for a profile that reads them in its own way.
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        match name {
            "status" => self.status.as_ref().map(<[u8; 2]>::as_slice),
            _ => {
                let found = self.values.iter().find(|value| value.name == name)?;
                Some(&found.raw)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: i64, decimals: u8) -> Value {
        Value::Number(Decimal { digits, decimals })
    }

    #[test]
    fn litres_and_cubic_metres_come_to_the_same() {
        let litres = [0x50, 0x34, 0x12, 0, 0x29, 0, 0, 0, 0, 0x29];
        let reading = current(Kind::Water, &litres, None).unwrap();
        assert_eq!(reading.value("volume"), Some((number(123_450, 5), "m3")));
        let cubic = [0x50, 0x34, 0x12, 0, 0x2C, 0, 0, 0, 0, 0x2C];
        let reading = current(Kind::Water, &cubic, None).unwrap();
        assert_eq!(reading.value("volume"), Some((number(123_450, 2), "m3")));
        let hundreds = [0x50, 0x34, 0x12, 0, 0x2E, 0, 0, 0, 0, 0x2E];
        let reading = current(Kind::Gas, &hundreds, None).unwrap();
        assert_eq!(reading.value("volume"), Some((number(123_450, 0), "m3")));
    }

    #[test]
    fn units_in_front_are_noticed_and_can_be_told() {
        let before = [0x2C, 0x50, 0x34, 0x12, 0, 0x2C, 0, 0, 0, 0];
        let reading = current(Kind::Water, &before, None).unwrap();
        assert_eq!(reading.units, UnitOrder::Before);
        assert_eq!(reading.value("volume"), Some((number(123_450, 2), "m3")));
        let told = current(Kind::Water, &before, Some(UnitOrder::After)).unwrap();
        assert_eq!(told.value("volume").map(|(v, _)| v), Some(Value::Invalid("2C503412".into())));
    }

    #[test]
    fn what_is_no_number_is_not_made_one() {
        let odd = [0x0A, 0, 0, 0, 0x2C, 0xFF, 0xFF, 0xFF, 0xFF, 0x2C];
        let reading = current(Kind::Water, &odd, None).unwrap();
        assert_eq!(reading.value("volume"), Some((Value::Invalid("0A000000".into()), "m3")));
        assert_eq!(reading.value("volume-settled"), Some((Value::Missing, "m3")));
        let unknown = [1, 0, 0, 0, 0x77, 1, 0, 0, 0, 0x77];
        let reading = current(Kind::Water, &unknown, None).unwrap();
        assert!(matches!(reading.value("volume"), Some((Value::Invalid(_), ""))));
        assert_eq!(reading.raw("volume"), Some(&[1, 0, 0, 0][..]));
        assert_eq!(current(Kind::Water, &[1, 2, 3], None), None);
    }

    #[test]
    fn a_clock_is_read_both_ways_round() {
        let bytes = [0x31, 0x01, 0x22, 0x11, 0x05, 0x15, 0x20];
        assert_eq!(clock_of(bytes).0.map(|t| t.to_string()).unwrap(), "2015-05-11 22:01:31");
        let bytes = [0x20, 0x20, 0x05, 0x28, 0x20, 0x58, 0x24];
        let (time, reversed) = clock_of(bytes);
        assert_eq!((time.unwrap().to_string().as_str(), reversed), ("2020-05-28 20:58:24", true));
        assert_eq!(clock_of([0; CLOCK]), (None, false));
    }

    #[test]
    fn names_are_those_of_the_rows() {
        for row in &ROWS {
            assert!(NAMES.contains(&row.name), "{}", row.name);
        }
        assert_eq!(NAMES.len(), ROWS.len());
    }
}
