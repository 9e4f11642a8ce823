//! Which key of a bundle file is which item (`reference/dlt645.md` 3.3, 3.5).

/// A number in a section: key, identifier, bytes, places behind the point, unit.
pub(super) type Row = (&'static str, u32, usize, u8, &'static str);

/// `[limits]`.
pub(super) const LIMITS: &[Row] = &[
    ("alarm-1", 0x0400_1001, 4, 2, "yuan"),
    ("alarm-2", 0x0400_1002, 4, 2, "yuan"),
    ("overdraft", 0x0400_1003, 4, 2, "yuan"),
    ("hoard", 0x0400_1004, 4, 2, "yuan"),
    ("reclose", 0x0400_1005, 4, 2, "yuan"),
    ("alarm-1-energy", 0x0400_0F01, 4, 2, "kWh"),
    ("alarm-2-energy", 0x0400_0F02, 4, 2, "kWh"),
    ("hoard-energy", 0x0400_0F03, 4, 2, "kWh"),
    ("overdraft-energy", 0x0400_0F04, 4, 2, "kWh"),
    ("overload", 0x0409_0B01, 3, 4, "kW"),
    ("overload-delay", 0x0409_0B02, 1, 0, "s"),
    ("trip-delay", 0x0400_1401, 2, 0, "min"),
    ("forward-power", 0x0400_0E01, 3, 4, "kW"),
    ("reverse-power", 0x0400_0E02, 3, 4, "kW"),
    ("voltage-high", 0x0400_0E03, 2, 1, "V"),
    ("voltage-low", 0x0400_0E04, 2, 1, "V"),
    ("voltage-loss", 0x0409_0101, 2, 1, "V"),
    ("voltage-loss-end", 0x0409_0102, 2, 1, "V"),
    ("voltage-loss-current", 0x0409_0103, 3, 4, "A"),
    ("voltage-loss-delay", 0x0409_0104, 1, 0, "s"),
    ("undervoltage", 0x0409_0201, 2, 1, "V"),
    ("undervoltage-delay", 0x0409_0202, 1, 0, "s"),
    ("overvoltage", 0x0409_0301, 2, 1, "V"),
    ("overvoltage-delay", 0x0409_0302, 1, 0, "s"),
    ("voltage-unbalance", 0x0409_0501, 2, 2, "%"),
    ("voltage-unbalance-delay", 0x0409_0502, 1, 0, "s"),
    ("current-unbalance", 0x0409_0601, 2, 2, "%"),
    ("current-unbalance-delay", 0x0409_0602, 1, 0, "s"),
    ("current-loss-voltage", 0x0409_0701, 2, 1, "V"),
    ("current-loss", 0x0409_0702, 3, 4, "A"),
    ("current-loss-end", 0x0409_0703, 3, 4, "A"),
    ("current-loss-delay", 0x0409_0704, 1, 0, "s"),
    ("overcurrent", 0x0409_0801, 2, 1, "A"),
    ("overcurrent-delay", 0x0409_0802, 1, 0, "s"),
    ("reverse", 0x0409_0A01, 3, 4, "kW"),
    ("reverse-delay", 0x0409_0A02, 1, 0, "s"),
    ("demand", 0x0409_0D01, 3, 4, "kW"),
    ("demand-reactive", 0x0409_0D02, 3, 4, "kvar"),
    ("demand-delay", 0x0409_0D03, 1, 0, "s"),
    ("power-factor", 0x0409_0E01, 2, 3, ""),
    ("power-factor-delay", 0x0409_0E02, 1, 0, "s"),
];

/// `[display]`.
pub(super) const DISPLAY: &[Row] = &[
    ("automatic-screens", 0x0400_0301, 1, 0, ""),
    ("seconds", 0x0400_0302, 1, 0, "s"),
    ("energy-decimals", 0x0400_0303, 1, 0, ""),
    ("power-decimals", 0x0400_0304, 1, 0, ""),
    ("key-screens", 0x0400_0305, 1, 0, ""),
];

/// `[counts]`: how many entries the tables have.
pub(super) const COUNTS: &[Row] = &[
    ("zones", super::DI_ZONES, 1, 0, ""),
    ("days", super::DI_DAYS, 1, 0, ""),
    ("slots", super::DI_SLOTS, 1, 0, ""),
];

/// Why an item is no `[[item]]`: it has a section of its own, or is none of a bundle's business.
pub(super) fn reserved(di: u32) -> Option<&'static str> {
    let why = match di {
        0x0400_0101 | 0x0400_0102 | 0x0400_010C => "[clock]",
        0x0400_0106..=0x0400_010A => "[switch]",
        0x0400_0201..=0x0400_0203 => "[counts]",
        // They would change the meaning of the tables in force at once.
        super::DI_RATES | super::DI_STEPS => "a number of rates and steps that the meter has",
        0x0400_0205 => "[calendar]",
        // Address, meter number, ratios: they say which meter it is and what it counts.
        0x0400_0306 | 0x0400_0307 | 0x0400_0401..=0x0400_040D => "commissioning",
        // The line would go silent in the middle of it.
        0x0400_0701..=0x0400_0705 => "commissioning",
        0x0400_0C00..=0x0400_0CFF => "[password]",
        0x0401_0000..=0x0402_FFFF => "[tariff], which writes the standby set",
        0x0403_0000..=0x0403_FFFF => "[calendar]",
        0x0405_0000..=0x0405_FFFF => "[prices], which writes the standby set",
        0x0406_0000..=0x0407_FFFF => "[steps], which writes the standby set",
        _ => return None,
    };
    Some(why)
}
