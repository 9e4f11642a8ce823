//! A register with its point and unit: value times ten to the scaler.

use super::data::Data;
use crate::protocol::value::Decimal;

/// Places behind the point (or zeros in front of it) anybody uses.
const SCALE_MAX: u8 = 18;

/// The structure a register keeps beside its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalerUnit {
    /// Power of ten.
    pub scaler: i8,
    /// Number of the unit.
    pub unit: u8,
}

impl ScalerUnit {
    /// Reads the attribute: a structure of an integer and an enum.
    pub fn read(data: &Data) -> Option<Self> {
        match data {
            Data::Structure(parts) => match parts.as_slice() {
                [Data::Int(1, scaler), Data::Enum(unit)] => {
                    Some(Self { scaler: i8::try_from(*scaler).ok()?, unit: *unit })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The unit as it is written; empty for none, `unit N` for one without a sign of its own.
    pub fn sign(self) -> String {
        unit(self.unit).map_or_else(|| format!("unit {}", self.unit), str::to_owned)
    }
}

/// An exact reading with its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// The number.
    pub number: Decimal,
    /// Its unit.
    pub unit: String,
}

impl Measure {
    /// Puts a register's value (attribute 2) and its scaler and unit (attribute 3) together. `None`
    /// if the value is no whole number, the other no scaler, or the result does not fit.
    pub fn new(value: &Data, scaler_unit: &Data) -> Option<Self> {
        let scale = ScalerUnit::read(scaler_unit)?;
        let digits = value.whole()?;
        let power = scale.scaler.unsigned_abs();
        if power > SCALE_MAX {
            return None;
        }
        let number = if scale.scaler <= 0 {
            Decimal { digits, decimals: power }
        } else {
            Decimal::whole(digits.checked_mul(10i64.checked_pow(u32::from(power))?)?)
        };
        Some(Self { number, unit: scale.sign() })
    }
}

/// Units of IEC 62056-6-2, table of enumerated units, as they are written there.
fn unit(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "a",
        2 => "mo",
        3 => "wk",
        4 => "d",
        5 => "h",
        6 => "min",
        7 => "s",
        8 => "deg",
        9 => "degC",
        10 => "currency",
        11 => "m",
        12 => "m/s",
        13 | 14 => "m3",
        15 | 16 => "m3/h",
        17 | 18 => "m3/d",
        19 => "l",
        20 => "kg",
        21 => "N",
        22 => "Nm",
        23 => "Pa",
        24 => "bar",
        25 => "J",
        26 => "J/h",
        27 => "W",
        28 => "VA",
        29 => "var",
        30 => "Wh",
        31 => "VAh",
        32 => "varh",
        33 => "A",
        34 => "C",
        35 => "V",
        36 => "V/m",
        37 => "F",
        38 => "Ohm",
        39 => "Ohm m2/m",
        40 => "Wb",
        41 => "T",
        42 => "A/m",
        43 => "H",
        44 => "Hz",
        45 => "1/Wh",
        46 => "1/varh",
        47 => "1/VAh",
        48 => "V2h",
        49 => "A2h",
        50 => "kg/s",
        51 => "S",
        52 => "K",
        53 => "1/V2h",
        54 => "1/A2h",
        55 => "1/m3",
        56 => "%",
        57 => "Ah",
        60 => "Wh/m3",
        61 => "J/m3",
        62 => "mol%",
        63 => "g/m3",
        64 => "Pa s",
        65 => "J/kg",
        70 => "dBm",
        71 => "dBuV",
        72 => "dB",
        255 => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_exact() {
        let scale = |scaler, unit| Data::Structure(vec![Data::Int(1, scaler), Data::Enum(unit)]);
        for (value, scaler, unit, shown) in [
            (Data::Uint(4, 123_456), -2, 30, "1234.56 Wh"),
            (Data::Uint(4, 7), 3, 30, "7000 Wh"),
            (Data::Int(2, -5), -1, 27, "-0.5 W"),
            (Data::Uint(2, 2301), -1, 35, "230.1 V"),
            (Data::Uint(8, u64::MAX >> 1), 0, 255, "9223372036854775807 "),
            (Data::Uint(1, 4), 0, 200, "4 unit 200"),
        ] {
            let measure = Measure::new(&value, &scale(scaler, unit)).unwrap();
            assert_eq!(format!("{} {}", measure.number, measure.unit), shown);
        }
        assert_eq!(Measure::new(&Data::Uint(8, u64::MAX), &scale(0, 30)), None);
        assert_eq!(Measure::new(&Data::Uint(8, 1 << 60), &scale(3, 30)), None);
        assert_eq!(Measure::new(&Data::Uint(1, 1), &scale(-128, 30)), None);
        assert_eq!(Measure::new(&Data::Null, &scale(0, 30)), None);
        assert_eq!(Measure::new(&Data::Uint(1, 1), &Data::Null), None);
    }
}
