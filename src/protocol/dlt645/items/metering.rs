//! Energy, demand, instantaneous values and frozen data (dlt645.md 3.1, 3.2, end of 3.7).

use super::{Format, RATES, Row, TO_END, bcd, one, part, rows, signed};

const DEMAND_BCD: Format = Format::Bcd { decimals: 4, signed: false };
const ENERGY_BCD: Format = Format::Bcd { decimals: 2, signed: false };

pub(super) const ROWS: &[Row] = rows![
    // Two-way meters count the combined energy down: the top bit is a sign.
    "0000rrss", "combined active energy {r}{s}", r, [signed(4, 2, "kWh")];
    "0001rrss", "forward active energy {r}{s}", r, [bcd(4, 2, "kWh")];
    "0002rrss", "reverse active energy {r}{s}", r, [bcd(4, 2, "kWh")];
    "0003rrss", "combined reactive 1 energy {r}{s}", r, [bcd(4, 2, "kvarh")];
    "0004rrss", "combined reactive 2 energy {r}{s}", r, [bcd(4, 2, "kvarh")];
    "0005rrss", "quadrant 1 reactive energy {r}{s}", r, [bcd(4, 2, "kvarh")];
    "0006rrss", "quadrant 2 reactive energy {r}{s}", r, [bcd(4, 2, "kvarh")];
    "0007rrss", "quadrant 3 reactive energy {r}{s}", r, [bcd(4, 2, "kvarh")];
    "0008rrss", "quadrant 4 reactive energy {r}{s}", r, [bcd(4, 2, "kvarh")];
    "0009rrss", "forward apparent energy {r}{s}", r, [bcd(4, 2, "kVAh")];
    "000Arrss", "reverse apparent energy {r}{s}", r, [bcd(4, 2, "kVAh")];
    "00900100", "remaining energy", r, [bcd(4, 2, "kWh")];
    "00900101", "overdraft energy", r, [bcd(4, 2, "kWh")];
    "00900200", "remaining money", r, [bcd(4, 2, "yuan")];
    "00900201", "overdraft money", r, [bcd(4, 2, "yuan")];
    // GDW, unverified.
    "000B0000", "energy in current period", r, [bcd(4, 2, "kWh")];
    "000B0001", "energy in last period", r, [bcd(4, 2, "kWh")];

    "0101rrss", "forward active max demand {r}{s}", r,
        [bcd(3, 4, "kW"), part(1, 5, Format::Minute, "", "time")];
    "0102rrss", "reverse active max demand {r}{s}", r,
        [bcd(3, 4, "kW"), part(1, 5, Format::Minute, "", "time")];
    "0103rrss", "combined reactive 1 max demand {r}{s}", r,
        [bcd(3, 4, "kvar"), part(1, 5, Format::Minute, "", "time")];
    "0104rrss", "combined reactive 2 max demand {r}{s}", r,
        [bcd(3, 4, "kvar"), part(1, 5, Format::Minute, "", "time")];
    "0105rrss", "quadrant 1 reactive max demand {r}{s}", r,
        [bcd(3, 4, "kvar"), part(1, 5, Format::Minute, "", "time")];
    "0106rrss", "quadrant 2 reactive max demand {r}{s}", r,
        [bcd(3, 4, "kvar"), part(1, 5, Format::Minute, "", "time")];
    "0107rrss", "quadrant 3 reactive max demand {r}{s}", r,
        [bcd(3, 4, "kvar"), part(1, 5, Format::Minute, "", "time")];
    "0108rrss", "quadrant 4 reactive max demand {r}{s}", r,
        [bcd(3, 4, "kvar"), part(1, 5, Format::Minute, "", "time")];
    "0109rrss", "forward apparent max demand {r}{s}", r,
        [bcd(3, 4, "kVA"), part(1, 5, Format::Minute, "", "time")];
    "010Arrss", "reverse apparent max demand {r}{s}", r,
        [bcd(3, 4, "kVA"), part(1, 5, Format::Minute, "", "time")];

    "0201pp00", "{p} voltage", r, [bcd(2, 1, "V")];
    "0202pp00", "{p} current", r, [signed(3, 3, "A")];
    "0203PP00", "{p} active power", r, [signed(3, 4, "kW")];
    "0204PP00", "{p} reactive power", r, [signed(3, 4, "kvar")];
    "0205PP00", "{p} apparent power", r, [signed(3, 4, "kVA")];
    "0206PP00", "{p} power factor", r, [signed(2, 3, "")];
    "0207pp00", "{p} phase angle", r, [bcd(2, 1, "deg")];
    "0208pp00", "{p} voltage distortion", r, [bcd(2, 2, "%")];
    "0209pp00", "{p} current distortion", r, [bcd(2, 2, "%")];
    "02800001", "neutral current", r, [signed(3, 3, "A")];
    "02800002", "frequency", r, [bcd(2, 2, "Hz")];
    "02800003", "one-minute average active power", r, [signed(3, 4, "kW")];
    "02800004", "present active demand", r, [signed(3, 4, "kW")];
    "02800005", "present reactive demand", r, [signed(3, 4, "kvar")];
    "02800006", "present apparent demand", r, [signed(3, 4, "kVA")];
    "02800007", "temperature", r, [signed(2, 1, "\u{b0}C")];
    "02800008", "clock battery voltage", r, [bcd(2, 2, "V")];
    "02800009", "reading battery voltage", r, [bcd(2, 2, "V")];
    "0280000A", "battery working time", r, [bcd(4, 0, "min")];

    // Freeze areas: 00 in the third byte is the time, 01 the forward energies, total first. In the
    // daily area the newest time is also asked for with 00 in the second (vector 008).
    "05060001", "daily freeze time", r, [one(5, Format::Minute)];
    "050000nn", "timed freeze {n} time", r, [one(5, Format::Minute)];
    "050001nn", "timed freeze {n} forward active energy", r,
        [part(TO_END, 4, ENERGY_BCD, "kWh", RATES)];
    "050100nn", "instant freeze {n} time", r, [one(5, Format::Minute)];
    "050101nn", "instant freeze {n} forward active energy", r,
        [part(TO_END, 4, ENERGY_BCD, "kWh", RATES)];
    "050400nn", "hourly freeze {n} time", r, [one(5, Format::Minute)];
    "050401nn", "hourly freeze {n} forward active energy", r,
        [part(TO_END, 4, ENERGY_BCD, "kWh", RATES)];
    "050500nn", "price switch freeze {n} time", r, [one(5, Format::Minute)];
    "050501nn", "price switch freeze {n} forward active energy", r,
        [part(TO_END, 4, ENERGY_BCD, "kWh", RATES)];
    "050600nn", "daily freeze {n} time", r, [one(5, Format::Minute)];
    "050601nn", "daily freeze {n} forward active energy", r,
        [part(TO_END, 4, ENERGY_BCD, "kWh", RATES)];
    "050700nn", "step switch freeze {n} time", r, [one(5, Format::Minute)];
    "050701nn", "step switch freeze {n} forward active energy", r,
        [part(TO_END, 4, ENERGY_BCD, "kWh", RATES)];
    "050802nn", "freeze {n} remaining money", r, [bcd(4, 2, "yuan")];

    // Vendor TMS: 143 bytes, offsets from its protocol notes (dlt645.md 6.5). Can carry an amount
    // when written, so it is never written as a parameter.
    "070104FF", "vendor parameter block", r, [
        part(4, 5, Format::Minute, "", "switch time"),
        part(5, 1, Format::Bcd { decimals: 0, signed: false }, "", "count"),
        part(1, 3, Format::Bcd { decimals: 0, signed: false }, "", "PT ratio"),
        part(1, 3, Format::Bcd { decimals: 0, signed: false }, "", "CT ratio"),
        part(2, 4, ENERGY_BCD, "yuan", "alarm money"),
        part(1, 4, ENERGY_BCD, "yuan", "overdraft limit"),
        part(1, 4, ENERGY_BCD, "yuan", "hoard limit"),
        part(1, 4, ENERGY_BCD, "yuan", "re-close balance"),
        part(1, 3, DEMAND_BCD, "kW", "power limit"),
        part(1, 1, Format::Bcd { decimals: 0, signed: false }, "", "delay"),
        part(4, 4, DEMAND_BCD, "yuan/kWh", "set 1 price"),
        part(4, 4, DEMAND_BCD, "yuan/kWh", "set 2 price"),
        part(3, 4, ENERGY_BCD, "kWh", "set 1 step"),
        part(4, 4, DEMAND_BCD, "yuan/kWh", "set 1 step price"),
        part(3, 4, ENERGY_BCD, "kWh", "set 2 step"),
        part(4, 4, DEMAND_BCD, "yuan/kWh", "set 2 step price"),
    ];
];
