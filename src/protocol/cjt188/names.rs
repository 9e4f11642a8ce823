//! Tables: data identifiers, units, kinds of meters, control codes, valve commands.
//!
//! Sources: `reference/other-meters.md` 4; the rows of the 2004 edition and the names of A101 to
//! A107 agree with a public driver (Apache-2.0, mark B).

/// In which order the two bytes of a data identifier travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiOrder {
    /// `1F 90` for 901F.
    LowFirst,
    /// `90 1F` for 901F.
    HighFirst,
}

impl DiOrder {
    /// An identifier as it travels.
    pub fn wire(self, di: u16) -> [u8; 2] {
        match self {
            Self::LowFirst => di.to_le_bytes(),
            Self::HighFirst => di.to_be_bytes(),
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::LowFirst => Self::HighFirst,
            Self::HighFirst => Self::LowFirst,
        }
    }
}

/// Data identifier: everything measured.
pub const CURRENT: u16 = 0x901F;
/// Data identifier: the last settled month; the ones before follow.
pub const MONTHS: u16 = 0xD120;
/// Settled months a meter keeps.
pub const MONTH_COUNT: u16 = 12;
/// Data identifier: the address.
pub const ADDRESS: u16 = 0x810A;
/// Data identifier: the valve.
pub const VALVE: u16 = 0xA017;

/// What a data identifier is, if it is a known one.
pub fn di_name(di: u16) -> Option<&'static str> {
    Some(match di {
        CURRENT => "current data",
        MONTHS..=0xD12B => "settled month",
        0x8102 => "price table",
        0x8103 => "settlement day",
        0x8104 => "reading day",
        0x8105 => "purchased amount",
        0x8106 => "key version",
        ADDRESS => "address",
        0xA010 => "write price table",
        0xA011 => "write settlement day",
        0xA012 => "write reading day",
        0xA013 => "write purchased amount",
        0xA014 => "write new key",
        0xA015 => "write clock",
        0xA016 => "write counter synchronisation",
        VALVE => "valve control",
        0xA018 => "write address",
        0xA019 => "leave the works",
        0xA101 => "enter verification mode (2018)",
        0xA102 => "leave verification mode (2018)",
        0xA103 => "write communication parameters (2018)",
        0xA104 => "write freeze parameters (2018)",
        0xA105 => "write remaining volume alarm (2018)",
        0xA106 => "write remaining money alarm (2018)",
        0xA107 => "change key (2018)",
        _ => return None,
    })
}

/// Which identifier these two bytes are: the order in which they make a known one.
pub fn di_of(wire: [u8; 2]) -> Option<(u16, DiOrder)> {
    let known = |di: u16, order| di_name(di).map(|_| (di, order));
    let high_first = known(u16::from_be_bytes(wire), DiOrder::HighFirst);
    high_first.or_else(|| known(u16::from_le_bytes(wire), DiOrder::LowFirst))
}

/// What a function does.
pub fn function_name(function: u8) -> &'static str {
    match function {
        0x01 => "read data",
        0x03 => "read address",
        0x04 => "write data",
        0x09 => "read key version",
        0x15 => "write address",
        0x16 => "write counter synchronisation",
        _ => "unknown function",
    }
}

/// What kind of meter it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Water: cold, hot, drinking, reclaimed.
    Water,
    /// Heat, cold, both.
    Heat,
    /// Gas.
    Gas,
    /// Electricity and makers' own.
    Other,
}

impl Kind {
    /// The kind of a `T` byte.
    pub fn of(kind: u8) -> Self {
        match kind {
            0x10..=0x19 => Self::Water,
            0x20..=0x29 => Self::Heat,
            0x30..=0x39 => Self::Gas,
            _ => Self::Other,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Water => "water",
            Self::Heat => "heat",
            Self::Gas => "gas",
            Self::Other => "other",
        }
    }
}

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Energy, heat.
    Energy,
    /// Power.
    Power,
    /// Volume.
    Volume,
    /// Volume in time.
    Flow,
}

/// A unit byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// As it is written.
    pub name: &'static str,
    /// What it measures.
    pub quantity: Quantity,
    /// The unit values are brought to.
    pub base: &'static str,
    /// Ten to this is one of it in `base`.
    pub exponent: i8,
}

/// Names of the plain unit, ten and a hundred of it.
type Row = (u8, [&'static str; 3], Quantity, &'static str, i8);

/// First byte of each row of three. J and Wh stay apart: 3.6 does not divide evenly.
const UNITS: &[Row] = &[
    (0x02, ["Wh", "Wh*10", "Wh*100"], Quantity::Energy, "kWh", -3),
    (0x05, ["kWh", "kWh*10", "kWh*100"], Quantity::Energy, "kWh", 0),
    (0x08, ["MWh", "MWh*10", "MWh*100"], Quantity::Energy, "kWh", 3),
    (0x0B, ["kJ", "kJ*10", "kJ*100"], Quantity::Energy, "GJ", -6),
    (0x0E, ["MJ", "MJ*10", "MJ*100"], Quantity::Energy, "GJ", -3),
    (0x11, ["GJ", "GJ*10", "GJ*100"], Quantity::Energy, "GJ", 0),
    (0x14, ["W", "W*10", "W*100"], Quantity::Power, "kW", -3),
    (0x17, ["kW", "kW*10", "kW*100"], Quantity::Power, "kW", 0),
    (0x1A, ["MW", "MW*10", "MW*100"], Quantity::Power, "kW", 3),
    (0x29, ["L", "L*10", "L*100"], Quantity::Volume, "m3", -3),
    (0x2C, ["m3", "m3*10", "m3*100"], Quantity::Volume, "m3", 0),
    (0x32, ["L/h", "L/h*10", "L/h*100"], Quantity::Flow, "m3/h", -3),
    (0x35, ["m3/h", "m3/h*10", "m3/h*100"], Quantity::Flow, "m3/h", 0),
    (0x43, ["kJ/h", "kJ/h*10", "kJ/h*100"], Quantity::Power, "GJ/h", -6),
    (0x46, ["MJ/h", "MJ/h*10", "MJ/h*100"], Quantity::Power, "GJ/h", -3),
    (0x49, ["GJ/h", "GJ/h*10", "GJ/h*100"], Quantity::Power, "GJ/h", 0),
];

/// The unit of a unit byte.
pub fn unit(code: u8) -> Option<Unit> {
    match code {
        0x01 => {
            let quantity = Quantity::Energy;
            return Some(Unit { name: "J", quantity, base: "GJ", exponent: -9 });
        }
        0x40 => {
            let quantity = Quantity::Power;
            return Some(Unit { name: "J/h", quantity, base: "GJ/h", exponent: -9 });
        }
        _ => {}
    }
    UNITS.iter().find_map(|(first, names, quantity, base, exponent)| {
        let times = code.checked_sub(*first)?;
        let name = names.get(usize::from(times))?;
        // 0, 1 or 2: the index of a name.
        let exponent = exponent + times as i8;
        Some(Unit { name, quantity: *quantity, base, exponent })
    })
}

/// What a valve is told.
pub fn valve_name(command: u8) -> &'static str {
    match command {
        0x55 => "open",
        0x99 => "close",
        0x66 => "vendor: free open",
        0x77 => "vendor: free close",
        _ => "unknown",
    }
}

/// Where the valve is, by the first status byte.
pub fn valve_state(status: u8) -> &'static str {
    match status & 0x03 {
        0 => "open",
        1 => "closed",
        2 => "unknown",
        _ => "abnormal",
    }
}

/// Whether the first status byte says that the battery is weak.
pub fn battery_low(status: u8) -> bool {
    status & 0x04 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_known_in_both_orders() {
        assert_eq!(di_of([0x90, 0x1F]), Some((CURRENT, DiOrder::HighFirst)));
        assert_eq!(di_of([0x1F, 0x90]), Some((CURRENT, DiOrder::LowFirst)));
        assert_eq!(di_of([0x2B, 0xD1]), Some((0xD12B, DiOrder::LowFirst)));
        assert_eq!(di_of([0x2C, 0xD1]), None);
        for order in [DiOrder::LowFirst, DiOrder::HighFirst] {
            for di in 0..=u16::MAX {
                if di_name(di).is_some() {
                    assert_eq!(di_of(order.wire(di)), Some((di, order)), "{di:04X} is in doubt");
                }
            }
        }
    }

    #[test]
    fn units_scale_to_one_of_their_quantity() {
        for (code, name, base, exponent) in [
            (0x2C, "m3", "m3", 0),
            (0x29, "L", "m3", -3),
            (0x2B, "L*100", "m3", -1),
            (0x05, "kWh", "kWh", 0),
            (0x0A, "MWh*100", "kWh", 5),
            (0x01, "J", "GJ", -9),
            (0x11, "GJ", "GJ", 0),
            (0x17, "kW", "kW", 0),
            (0x35, "m3/h", "m3/h", 0),
        ] {
            let found = unit(code).unwrap();
            assert_eq!((found.name, found.base, found.exponent), (name, base, exponent));
        }
        for code in [0x00, 0x1D, 0x28, 0x2F, 0x38, 0x42, 0x4C, 0xFF] {
            assert_eq!(unit(code), None, "{code:02X}");
        }
    }
}
