//! Identifiers of DL/T 645-1997 (dlt645.md 4), as far as `decode` needs them.

use super::{Format, Item, Row, bcd, expand, one, rows};

/// What is known about a two-byte identifier.
///
/// Energy (9xxx), demand (Axxx) and demand time (Bxxx) exist three times: now, last month and the
/// month before, told apart by bits 2 and 3 of the second digit.
pub(super) fn find(di: u16) -> Option<Item> {
    let di = u32::from(di);
    let direct = ROWS.iter().find_map(|row| expand(di, row, 4));
    if direct.is_some() {
        return direct;
    }
    let family = di >> 12;
    let month = di >> 10 & 3;
    // In family B only B0/B1 repeat by month (bit 1 of the digit clear); B2, B3, B6 are others.
    let repeats = (0x9..=0xB).contains(&family) && di >> 9 & 1 == 0 && (1..=2).contains(&month);
    if !repeats {
        return None;
    }
    let mut item = ROWS.iter().find_map(|row| expand(di & !0x0C00, row, 4))?;
    item.meaning.push_str(month_word(di));
    item.di = di;
    item.choice = item.choice.with_bits(di & 0x0C00);
    Some(item)
}

/// What the month bits add to a meaning.
pub(super) fn month_word(di: u32) -> &'static str {
    match (di >> 12, di >> 10 & 3) {
        (0x9..=0xB, 1) if di >> 9 & 1 == 0 => ", last month",
        (0x9..=0xB, 2) if di >> 9 & 1 == 0 => ", month before last",
        _ => "",
    }
}

const ROWS: &[Row] = rows![
    "900r", "combined active energy {r}", r, [bcd(4, 2, "kWh")];
    "901r", "forward active energy {r}", r, [bcd(4, 2, "kWh")];
    "902r", "reverse active energy {r}", r, [bcd(4, 2, "kWh")];
    "911r", "forward reactive energy {r}", r, [bcd(4, 2, "kvarh")];
    "912r", "reverse reactive energy {r}", r, [bcd(4, 2, "kvarh")];
    // Mind the order: 3 is quadrant I, then IV, II, III.
    "913r", "quadrant 1 reactive energy {r}", r, [bcd(4, 2, "kvarh")];
    "914r", "quadrant 4 reactive energy {r}", r, [bcd(4, 2, "kvarh")];
    "915r", "quadrant 2 reactive energy {r}", r, [bcd(4, 2, "kvarh")];
    "916r", "quadrant 3 reactive energy {r}", r, [bcd(4, 2, "kvarh")];
    "A01r", "forward active max demand {r}", r, [bcd(3, 4, "kW")];
    "A02r", "reverse active max demand {r}", r, [bcd(3, 4, "kW")];
    "A11r", "forward reactive max demand {r}", r, [bcd(3, 4, "kvar")];
    "A12r", "reverse reactive max demand {r}", r, [bcd(3, 4, "kvar")];
    "A13r", "quadrant 1 reactive max demand {r}", r, [bcd(3, 4, "kvar")];
    "A14r", "quadrant 4 reactive max demand {r}", r, [bcd(3, 4, "kvar")];
    "A15r", "quadrant 2 reactive max demand {r}", r, [bcd(3, 4, "kvar")];
    "A16r", "quadrant 3 reactive max demand {r}", r, [bcd(3, 4, "kvar")];
    "B01r", "forward active max demand time {r}", r, [one(4, Format::MonthMinute)];
    "B02r", "reverse active max demand time {r}", r, [one(4, Format::MonthMinute)];
    "B11r", "forward reactive max demand time {r}", r, [one(4, Format::MonthMinute)];
    "B12r", "reverse reactive max demand time {r}", r, [one(4, Format::MonthMinute)];
    "B13r", "quadrant 1 reactive max demand time {r}", r, [one(4, Format::MonthMinute)];
    "B14r", "quadrant 4 reactive max demand time {r}", r, [one(4, Format::MonthMinute)];
    "B15r", "quadrant 2 reactive max demand time {r}", r, [one(4, Format::MonthMinute)];
    "B16r", "quadrant 3 reactive max demand time {r}", r, [one(4, Format::MonthMinute)];
    "B210", "last programming time", r, [one(4, Format::MonthMinute)];
    "B211", "last demand clear time", r, [one(4, Format::MonthMinute)];
    "B212", "programming count", r, [bcd(2, 0, "")];
    "B213", "demand clear count", r, [bcd(2, 0, "")];
    "B214", "battery working time", r, [bcd(3, 0, "min")];
    "B31P", "{p} phase loss count", r, [bcd(2, 0, "")];
    "B32P", "{p} phase loss time", r, [bcd(3, 0, "min")];
    "B33P", "{p} phase loss last start", r, [one(4, Format::MonthMinute)];
    "B34P", "{p} phase loss last end", r, [one(4, Format::MonthMinute)];
    "B61p", "{p} voltage", r, [bcd(2, 0, "V")];
    "B62p", "{p} current", r, [bcd(2, 2, "A")];
    "B634", "active power upper limit", rw, [bcd(2, 2, "kW")];
    "B635", "active power lower limit", rw, [bcd(2, 2, "kW")];
    "B63P", "{p} active power", r, [bcd(3, 4, "kW")];
    "B64P", "{p} reactive power", r, [bcd(2, 2, "kvar")];
    "B65P", "{p} power factor", r, [bcd(2, 3, "")];
    // Vendor extension.
    "B660", "frequency", r, [bcd(2, 2, "Hz")];
    "B67P", "{p} phase angle", r, [bcd(2, 1, "deg")];
    "B68P", "{p} apparent power", r, [bcd(3, 4, "kVA")];
    "C010", "date", rw, [one(4, Format::DateWeek)];
    "C011", "time", rw, [one(3, Format::Time)];
    "C020", "meter status", r, [one(1, Format::Bits)];
    "C021", "grid status", r, [one(1, Format::Bits)];
    "C022", "weekend bits", rw, [one(1, Format::Bits)];
    "C030", "active pulse constant", rw, [bcd(3, 0, "imp/kWh")];
    "C031", "reactive pulse constant", rw, [bcd(3, 0, "imp/kvarh")];
    "C032", "meter number", rw, [one(6, Format::Digits)];
    "C033", "customer number", rw, [one(6, Format::Digits)];
    "C034", "device code", rw, [one(6, Format::Digits)];
    "C111", "demand period", rw, [bcd(1, 0, "min")];
    "C112", "demand slip", rw, [bcd(1, 0, "min")];
    "C113", "automatic display time", rw, [bcd(1, 0, "s")];
    "C114", "automatic display screens", rw, [bcd(1, 0, "")];
    "C115", "energy display decimals", rw, [bcd(1, 0, "")];
    "C116", "power display decimals", rw, [bcd(1, 0, "")];
    "C117", "automatic reading day", rw, [one(2, Format::DayHour)];
    "C118", "load representative day", rw, [bcd(1, 0, "")];
    "C119", "active energy start", rw, [bcd(4, 1, "kWh")];
    "C11A", "reactive energy start", rw, [bcd(4, 1, "kvarh")];
    "C211", "pulse width", rw, [bcd(2, 0, "ms")];
    "C212", "password", rw, [one(4, Format::Raw)];
    "C310", "number of year zones", rw, [bcd(1, 0, "")];
    "C311", "number of day tables", rw, [bcd(1, 0, "")];
    "C312", "number of day slots", rw, [bcd(1, 0, "")];
    "C313", "number of rates", rw, [bcd(1, 0, "")];
    "C314", "number of holidays", rw, [bcd(1, 0, "")];
    "C32n", "year zone {n}", rw, [one(3, Format::Zone)];
    "C33n", "day table 1 slot {n}", rw, [one(3, Format::Slot)];
    "C34n", "day table 2 slot {n}", rw, [one(3, Format::Slot)];
    "C35n", "day table 3 slot {n}", rw, [one(3, Format::Slot)];
    "C36n", "day table 4 slot {n}", rw, [one(3, Format::Slot)];
    "C37n", "day table 5 slot {n}", rw, [one(3, Format::Slot)];
    "C38n", "day table 6 slot {n}", rw, [one(3, Format::Slot)];
    "C39n", "day table 7 slot {n}", rw, [one(3, Format::Slot)];
    "C3An", "day table 8 slot {n}", rw, [one(3, Format::Slot)];
    "C41E", "weekend day table", rw, [bcd(1, 0, "")];
    "C41n", "holiday {n}", rw, [one(3, Format::Zone)];
    "C510", "load profile start", rw, [one(4, Format::MonthMinute)];
    "C511", "load profile interval", rw, [bcd(2, 0, "min")];
];
