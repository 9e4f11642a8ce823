//! The old answer with two counters in fixed places (CI 73): what they count.
//!
//! The table of units is that of EN 1434-3, which CJ/T 188 took over (`reference/other-meters.md`
//! 4: 05 kWh, 29 L, 2C m3): nine decimal steps for each quantity. Medium and units share two bytes.

use super::telegram::{Record, plain};
use crate::protocol::value::{Decimal, Value, hex_reversed, read_bcd};

/// The status bit that says counters are binary.
const BINARY: u8 = 0x01;
/// Unit: as the first counter, at a fixed day in the past.
const SAME_HISTORIC: u8 = 0x3E;

/// Quantity, unit, and the code at which a count is one of it; from 3 steps below to 5 above.
const UNITS: [(&str, &str, u8); 6] = [
    ("energy", "kWh", 0x05),
    ("energy", "MJ", 0x0E),
    ("power", "kW", 0x17),
    ("power", "MJ/h", 0x20),
    ("volume", "m3", 0x2C),
    ("volume_flow", "m3/h", 0x35),
];
/// Steps below the unit: energies and powers, then volumes, which begin at a millilitre.
const BELOW: u8 = 3;
const BELOW_VOLUME: u8 = 6;
/// All steps of a quantity.
const STEPS: u8 = 9;

/// The medium, in the upper two bits of both bytes; "mode 2" of a medium is the same medium.
pub(super) fn medium(first: u8, second: u8) -> u8 {
    match first >> 6 | (second >> 6) << 2 {
        medium @ 0..=8 => medium,
        0x0A => 0x03,
        0x0B => 0x04,
        0x0C => 0x06,
        0x0D => 0x07,
        0x0E => 0x08,
        _ => 0x0F,
    }
}

/// Quantity, unit and power of ten.
fn unit(code: u8) -> Option<(&'static str, &'static str, i8)> {
    if code == 0x38 {
        return Some(("temperature", "C", -3));
    }
    UNITS.iter().find_map(|(name, unit, at)| {
        let below = if unit.starts_with("m3") { BELOW_VOLUME } else { BELOW };
        let step = code.checked_sub(at - below).filter(|step| *step < STEPS)?;
        let power = i8::try_from(step).ok()? - i8::try_from(below).ok()?;
        Some((*name, *unit, power))
    })
}

/// The counter `nth`, from 1, of a meter with these two bytes of units.
pub(super) fn record(nth: u8, bytes: [u8; 2], status: u8, counter: [u8; 4]) -> Record {
    let [first, second] = bytes.map(|byte| byte & 0x3F);
    let own = if nth == 1 { first } else { second };
    let historic = nth == 2 && own == SAME_HISTORIC;
    let digits = if status & BINARY == 0 {
        read_bcd(&counter, false)
    } else {
        Some(i64::from(i32::from_le_bytes(counter)))
    };
    let read = unit(if historic { first } else { own }).zip(digits);
    let mut record = match read {
        Some(((name, unit, power), digits)) => {
            let scale = 10_i64.pow(power.max(0).unsigned_abs().into());
            let decimals = power.min(0).unsigned_abs();
            let value = Value::Number(Decimal { digits: digits * scale, decimals });
            plain(name, value, unit.to_owned())
        }
        // Times, heat cost units, and codes nobody has: the digits as they are.
        None => {
            let value = Value::Text(hex_reversed(&counter));
            plain(&format!("counter_{nth}"), value, String::new())
        }
    };
    record.storage = u64::from(historic);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_go_by_steps_of_ten() {
        for (code, expected) in [
            (0x02, Some(("energy", "kWh", -3))),
            (0x05, Some(("energy", "kWh", 0))),
            (0x0A, Some(("energy", "kWh", 5))),
            (0x0B, Some(("energy", "MJ", -3))),
            (0x13, Some(("energy", "MJ", 5))),
            (0x17, Some(("power", "kW", 0))),
            (0x25, Some(("power", "MJ/h", 5))),
            (0x26, Some(("volume", "m3", -6))),
            (0x29, Some(("volume", "m3", -3))),
            (0x2E, Some(("volume", "m3", 2))),
            (0x35, Some(("volume_flow", "m3/h", 0))),
            (0x38, Some(("temperature", "C", -3))),
            (0x00, None),
            (0x39, None),
            (0x3F, None),
        ] {
            assert_eq!(unit(code), expected, "{code:02X}");
        }
    }
}
