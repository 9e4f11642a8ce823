//! Parameters, tariff tables, limits and status words (dlt645.md 3.3 to 3.6).

use super::{Format, Part, Row, bcd, one, part, rows};

const PRICE: Format = Format::Bcd { decimals: 4, signed: false };
const STEP: Format = Format::Bcd { decimals: 2, signed: false };

const fn word(number: u8) -> Part {
    let mut part = one(2, Format::Status(number));
    part.low = number;
    part
}

const KEY_STATE: Part = Part { low: 8, ..part(1, 4, Format::Bits, "", "key state") };

pub(super) const ROWS: &[Row] = rows![
    "04000101", "date", rw, [one(4, Format::DateWeek)];
    "04000102", "time", rw, [one(3, Format::Time)];
    "0400010C", "date and time", rw, [one(7, Format::DateWeekTime)];
    "04000103", "demand period", rw, [bcd(1, 0, "min")];
    "04000104", "demand slip", rw, [bcd(1, 0, "min")];
    "04000105", "pulse width", rw, [bcd(2, 0, "ms")];
    "04000106", "zone set switch time", rw, [one(5, Format::Minute)];
    "04000107", "day-slot set switch time", rw, [one(5, Format::Minute)];
    "04000108", "rate price switch time", rw, [one(5, Format::Minute)];
    "04000109", "step switch time", rw, [one(5, Format::Minute)];
    "0400010A", "step set switch time", rw, [one(5, Format::Minute)];
    "04000201", "number of year zones", rw, [bcd(1, 0, "")];
    "04000202", "number of day tables", rw, [bcd(1, 0, "")];
    "04000203", "number of day slots", rw, [bcd(1, 0, "")];
    "04000204", "number of rates", rw, [bcd(1, 0, "")];
    "04000205", "number of holidays", rw, [bcd(2, 0, "")];
    "04000206", "number of harmonics", rw, [bcd(1, 0, "")];
    "04000207", "number of steps", rw, [bcd(1, 0, "")];
    "04000301", "automatic display screens", rw, [bcd(1, 0, "")];
    "04000302", "display time", rw, [bcd(1, 0, "s")];
    "04000303", "energy display decimals", rw, [bcd(1, 0, "")];
    "04000304", "power display decimals", rw, [bcd(1, 0, "")];
    "04000305", "key display screens", rw, [bcd(1, 0, "")];
    "04000306", "CT ratio", rw, [bcd(3, 0, "")];
    "04000307", "PT ratio", rw, [bcd(3, 0, "")];
    "04000401", "communication address", rw, [one(6, Format::Digits)];
    "04000402", "meter number", rw, [one(6, Format::Digits)];
    "04000403", "asset code", rw, [one(32, Format::Ascii)];
    "04000404", "rated voltage", r, [one(6, Format::Ascii)];
    "04000405", "basic current", r, [one(6, Format::Ascii)];
    "04000406", "max current", r, [one(6, Format::Ascii)];
    "04000407", "active accuracy class", r, [one(4, Format::Ascii)];
    "04000408", "reactive accuracy class", r, [one(4, Format::Ascii)];
    "04000409", "active pulse constant", r, [bcd(3, 0, "imp/kWh")];
    "0400040A", "reactive pulse constant", r, [bcd(3, 0, "imp/kvarh")];
    "0400040B", "meter model", r, [one(10, Format::Ascii)];
    "0400040C", "production date", r, [one(10, Format::Ascii)];
    "0400040D", "protocol version", r, [one(16, Format::Ascii)];
    "0400040E", "customer number", rw, [one(6, Format::Digits)];
    "0400040F", "vendor label", r, [one(11, Format::Raw)];
    "04000501", "status word 1", r, [one(2, Format::Status(1))];
    "04000502", "status word 2", r, [one(2, Format::Status(2))];
    "04000503", "status word 3", r, [one(2, Format::Status(3))];
    "04000504", "status word 4 (phase A)", r, [one(2, Format::Status(4))];
    "04000505", "status word 5 (phase B)", r, [one(2, Format::Status(5))];
    "04000506", "status word 6 (phase C)", r, [one(2, Format::Status(6))];
    "04000507", "status word 7", r, [one(2, Format::Status(7))];
    "04000508", "key state", r, [one(4, Format::Bits)];
    // 14 bytes, 18 on meters that append the key state.
    "040005FF", "status words", r,
        [word(1), word(2), word(3), word(4), word(5), word(6), word(7), KEY_STATE];
    "04000601", "active combination mode", rw, [one(1, Format::Bits)];
    "04000602", "reactive 1 combination mode", rw, [one(1, Format::Bits)];
    "04000603", "reactive 2 combination mode", rw, [one(1, Format::Bits)];
    "04000701", "modulated infrared speed", rw, [one(1, Format::Bits)];
    "04000702", "contact infrared speed", rw, [one(1, Format::Bits)];
    "04000703", "port 1 speed", rw, [one(1, Format::Bits)];
    "04000704", "port 2 speed", rw, [one(1, Format::Bits)];
    "04000705", "port 3 speed", rw, [one(1, Format::Bits)];
    "04000801", "weekend bits", rw, [one(1, Format::Bits)];
    "04000802", "weekend day table", rw, [bcd(1, 0, "")];
    "04000901", "load profile mode", rw, [one(1, Format::Bits)];
    "04000902", "timed freeze mode", rw, [one(1, Format::Bits)];
    "04000903", "instant freeze mode", rw, [one(1, Format::Bits)];
    "04000904", "agreed freeze mode", rw, [one(1, Format::Bits)];
    "04000905", "hourly freeze mode", rw, [one(1, Format::Bits)];
    "04000906", "daily freeze mode", rw, [one(1, Format::Bits)];
    "04000A01", "load profile start", rw, [one(4, Format::MonthMinute)];
    "04000Ann", "load profile interval {n}", rw, [bcd(2, 0, "min")];
    "04000B01", "settlement day 1", rw, [one(2, Format::DayHour)];
    "04000B02", "settlement day 2", rw, [one(2, Format::DayHour)];
    "04000B03", "settlement day 3", rw, [one(2, Format::DayHour)];
    // Write only, by control code 18.
    "04000Cnn", "password {n}", rw, [one(4, Format::Raw)];
    "04000Dnn", "loss coefficient {n}", rw, [bcd(2, 3, "")];
    "04000E01", "forward power limit", rw, [bcd(3, 4, "kW")];
    "04000E02", "reverse power limit", rw, [bcd(3, 4, "kW")];
    "04000E03", "voltage upper limit", rw, [bcd(2, 1, "V")];
    "04000E04", "voltage lower limit", rw, [bcd(2, 1, "V")];
    "04000F01", "alarm energy 1", rw, [bcd(4, 2, "kWh")];
    "04000F02", "alarm energy 2", rw, [bcd(4, 2, "kWh")];
    "04000F03", "hoard energy limit", rw, [bcd(4, 2, "kWh")];
    "04000F04", "overdraft energy limit", rw, [bcd(4, 2, "kWh")];
    "04001001", "alarm money 1", rw, [bcd(4, 2, "yuan")];
    "04001002", "alarm money 2", rw, [bcd(4, 2, "yuan")];
    "04001003", "overdraft money limit", rw, [bcd(4, 2, "yuan")];
    "04001004", "hoard money limit", rw, [bcd(4, 2, "yuan")];
    "04001005", "re-close balance", rw, [bcd(4, 2, "yuan")];
    // The amount is binary here and authorised by a MAC.
    "04001006", "refund", rw,
        [part(1, 4, Format::Cents, "yuan", "amount"), part(1, 4, Format::Raw, "", "MAC")];
    "04001101", "running feature word", rw, [one(1, Format::Bits)];
    "04001104", "active report mode", rw, [one(8, Format::Bits)];
    "04001401", "trip delay", rw, [bcd(2, 0, "min")];
    "04001402", "relay control parameter 2", rw, [one(3, Format::Raw)];
    "04001403", "relay control parameter 3", rw, [one(2, Format::Raw)];
    "04001404", "relay control parameter 4", rw, [one(1, Format::Raw)];
    "04001501", "active report status", r, [one(12, Format::Bits)];
    "04800001", "software version", r, [one(32, Format::Ascii)];
    "04800002", "hardware version", r, [one(32, Format::Ascii)];
    "04800003", "vendor code", r, [one(32, Format::Ascii)];
    "04800004", "registration number", r, [one(8, Format::Digits)];

    "04010000", "set 1 year zones", rw, [part(14, 3, Format::Zone, "", "entry")];
    "040100nn", "set 1 day table {n}", rw, [part(14, 3, Format::Slot, "", "entry")];
    "04020000", "set 2 year zones", rw, [part(14, 3, Format::Zone, "", "entry")];
    "040200nn", "set 2 day table {n}", rw, [part(14, 3, Format::Slot, "", "entry")];
    "040300nn", "holiday {n}", rw, [one(4, Format::Holiday)];
    "040501RR", "current price {r}", rw, [bcd(4, 4, "yuan/kWh")];
    "040502RR", "standby price {r}", rw, [bcd(4, 4, "yuan/kWh")];
    "040600nn", "current step {n}", rw, [bcd(4, 2, "kWh")];
    "040601nn", "current step price {n}", rw, [bcd(4, 4, "yuan/kWh")];
    "040602nn", "standby step {n}", rw, [bcd(4, 2, "kWh")];
    "040603nn", "standby step price {n}", rw, [bcd(4, 4, "yuan/kWh")];
    // Step values, prices and settlement days; the number of each differs by maker.
    "040604FF", "current step table", rw, [part(super::TO_END, 1, Format::Raw, "", "")];
    "040605FF", "standby step table", rw, [part(super::TO_END, 1, Format::Raw, "", "")];
    "04060AFF", "standby step table 1", rw, [
        part(6, 4, STEP, "kWh", "step"),
        part(7, 4, PRICE, "yuan/kWh", "price"),
        part(6, 3, Format::MonthHour, "", "settlement"),
    ];
    "04060BFF", "standby step table 2", rw, [
        part(6, 4, STEP, "kWh", "step"),
        part(7, 4, PRICE, "yuan/kWh", "price"),
        part(6, 3, Format::MonthHour, "", "settlement"),
    ];
    "04070001", "step time zones", rw, [part(super::TO_END, 3, Format::Zone, "", "entry")];

    "04090101", "loss of voltage, start voltage", rw, [bcd(2, 1, "V")];
    "04090102", "loss of voltage, end voltage", rw, [bcd(2, 1, "V")];
    "04090103", "loss of voltage, current", rw, [bcd(3, 4, "A")];
    "04090104", "loss of voltage, delay", rw, [bcd(1, 0, "s")];
    "04090201", "undervoltage limit", rw, [bcd(2, 1, "V")];
    "04090202", "undervoltage delay", rw, [bcd(1, 0, "s")];
    "04090301", "overvoltage limit", rw, [bcd(2, 1, "V")];
    "04090302", "overvoltage delay", rw, [bcd(1, 0, "s")];
    "04090501", "voltage unbalance limit", rw, [bcd(2, 2, "%")];
    "04090502", "voltage unbalance delay", rw, [bcd(1, 0, "s")];
    "04090601", "current unbalance limit", rw, [bcd(2, 2, "%")];
    "04090602", "current unbalance delay", rw, [bcd(1, 0, "s")];
    "04090701", "loss of current, voltage", rw, [bcd(2, 1, "V")];
    "04090702", "loss of current, start current", rw, [bcd(3, 4, "A")];
    "04090703", "loss of current, end current", rw, [bcd(3, 4, "A")];
    "04090704", "loss of current, delay", rw, [bcd(1, 0, "s")];
    "04090801", "overcurrent limit", rw, [bcd(2, 1, "A")];
    "04090802", "overcurrent delay", rw, [bcd(1, 0, "s")];
    "04090A01", "reverse power limit", rw, [bcd(3, 4, "kW")];
    "04090A02", "reverse power delay", rw, [bcd(1, 0, "s")];
    "04090B01", "overload limit", rw, [bcd(3, 4, "kW")];
    "04090B02", "overload delay", rw, [bcd(1, 0, "s")];
    "04090C01", "voltage assessment upper limit", rw, [bcd(2, 1, "V")];
    "04090C02", "voltage assessment lower limit", rw, [bcd(2, 1, "V")];
    "04090D01", "active demand limit", rw, [bcd(3, 4, "kW")];
    "04090D02", "reactive demand limit", rw, [bcd(3, 4, "kvar")];
    "04090D03", "demand limit delay", rw, [bcd(1, 0, "s")];
    "04090E01", "power factor lower limit", rw, [bcd(2, 3, "")];
    "04090E02", "power factor delay", rw, [bcd(1, 0, "s")];
];
