//! Event records and purchase records (dlt645.md 3.7).

use super::{Format, Row, TO_END, bcd, one, part, rows};

const ENERGY: Format = Format::Bcd { decimals: 2, signed: false };
const COUNT: Format = Format::Bcd { decimals: 0, signed: false };

pub(super) const ROWS: &[Row] = rows![
    "03110000", "power-down count", r, [bcd(3, 0, "")];
    "031100nn", "power-down {n}", r,
        [part(1, 6, Format::Second, "", "start"), part(1, 6, Format::Second, "", "end")];
    "03300000", "programming count", r, [bcd(3, 0, "")];
    "033000nn", "programming {n}", r, [
        part(1, 6, Format::Second, "", "time"),
        part(1, 4, Format::Digits, "", "operator"),
        part(10, 4, Format::Identifier, "", "identifier"),
    ];
    "03300100", "meter clear count", r, [bcd(3, 0, "")];
    "033001nn", "meter clear {n}", r, [
        part(1, 6, Format::Second, "", "time"),
        part(1, 4, Format::Digits, "", "operator"),
        part(24, 4, ENERGY, "kWh", "energy"),
    ];
    "03300200", "demand clear count", r, [bcd(3, 0, "")];
    // 202 bytes, 194 in some firmware: what is there after operator are demands with their times.
    "033002nn", "demand clear {n}", r, [
        part(1, 6, Format::Second, "", "time"),
        part(1, 4, Format::Digits, "", "operator"),
        part(TO_END, 8, Format::Raw, "", "demand and time"),
    ];
    "03300300", "event clear count", r, [bcd(3, 0, "")];
    "033003nn", "event clear {n}", r, [
        part(1, 6, Format::Second, "", "time"),
        part(1, 4, Format::Digits, "", "operator"),
        part(1, 4, Format::Identifier, "", "identifier"),
    ];
    "03300400", "clock set count", r, [bcd(3, 0, "")];
    "033004nn", "clock set {n}", r, [
        part(1, 4, Format::Digits, "", "operator"),
        part(1, 6, Format::Second, "", "before"),
        part(1, 6, Format::Second, "", "after"),
    ];
    // Names from here to 0A are unverified, and so are their records.
    "03300500", "day table programming count", r, [bcd(3, 0, "")];
    "033005nn", "day table programming {n}", r, [part(TO_END, 1, Format::Raw, "", "")];
    "03300600", "zone programming count", r, [bcd(3, 0, "")];
    "033006nn", "zone programming {n}", r, [part(TO_END, 1, Format::Raw, "", "")];
    "03300700", "weekend programming count", r, [bcd(3, 0, "")];
    "033007nn", "weekend programming {n}", r, [part(TO_END, 1, Format::Raw, "", "")];
    "03300800", "holiday programming count", r, [bcd(3, 0, "")];
    "033008nn", "holiday programming {n}", r, [part(TO_END, 1, Format::Raw, "", "")];
    "03300900", "combination programming count", r, [bcd(3, 0, "")];
    "033009nn", "combination programming {n}", r, [part(TO_END, 1, Format::Raw, "", "")];
    "03300A00", "settlement day programming count", r, [bcd(3, 0, "")];
    "03300Ann", "settlement day programming {n}", r, [part(TO_END, 1, Format::Raw, "", "")];
    "03300D00", "meter cover open count", r, [bcd(3, 0, "")];
    "03300Dnn", "meter cover open {n}", r, [
        part(1, 6, Format::Second, "", "start"),
        part(1, 6, Format::Second, "", "end"),
        part(12, 4, ENERGY, "kWh", "energy"),
    ];
    "03300E00", "terminal cover open count", r, [bcd(3, 0, "")];
    "03300Enn", "terminal cover open {n}", r, [
        part(1, 6, Format::Second, "", "start"),
        part(1, 6, Format::Second, "", "end"),
        part(12, 4, ENERGY, "kWh", "energy"),
    ];
    "1D000001", "trip count", r, [bcd(3, 0, "")];
    "1D0001nn", "trip {n}", r, [
        part(1, 6, Format::Second, "", "time"),
        part(1, 4, Format::Digits, "", "operator"),
        part(6, 4, ENERGY, "kWh", "energy"),
    ];
    "1E000001", "close count", r, [bcd(3, 0, "")];
    "1E0001nn", "close {n}", r, [
        part(1, 6, Format::Second, "", "time"),
        part(1, 4, Format::Digits, "", "operator"),
        part(6, 4, ENERGY, "kWh", "energy"),
    ];

    // Purchase records, 1 newest; 02 holds the count AFTER the purchase. Some vendors keep the
    // count at number 0.
    "03320200", "energy purchase count", r, [bcd(2, 0, "")];
    "033201nn", "energy purchase {n}, time", r, [one(5, Format::Minute)];
    "033202nn", "energy purchase {n}, count after", r, [bcd(2, 0, "")];
    "033203nn", "energy purchase {n}, amount", r, [bcd(4, 2, "kWh")];
    "033204nn", "energy purchase {n}, balance before", r, [bcd(4, 2, "kWh")];
    "033205nn", "energy purchase {n}, balance after", r, [bcd(4, 2, "kWh")];
    "033206nn", "energy purchase {n}, cumulative", r, [bcd(4, 2, "kWh")];
    "0332FFnn", "energy purchase {n}", r, [
        part(1, 5, Format::Minute, "", "time"),
        part(1, 2, COUNT, "", "count after"),
        part(1, 4, ENERGY, "kWh", "amount"),
        part(1, 4, ENERGY, "kWh", "balance before"),
        part(1, 4, ENERGY, "kWh", "balance after"),
        part(1, 4, ENERGY, "kWh", "cumulative"),
    ];
    "03330200", "money purchase count", r, [bcd(2, 0, "")];
    "033301nn", "money purchase {n}, time", r, [one(5, Format::Minute)];
    "033302nn", "money purchase {n}, count after", r, [bcd(2, 0, "")];
    "033303nn", "money purchase {n}, amount", r, [bcd(4, 2, "yuan")];
    "033304nn", "money purchase {n}, balance before", r, [bcd(4, 2, "yuan")];
    "033305nn", "money purchase {n}, balance after", r, [bcd(4, 2, "yuan")];
    "033306nn", "money purchase {n}, cumulative", r, [bcd(4, 2, "yuan")];
    "0333FFnn", "money purchase {n}", r, [
        part(1, 5, Format::Minute, "", "time"),
        part(1, 2, COUNT, "", "count after"),
        part(1, 4, ENERGY, "yuan", "amount"),
        part(1, 4, ENERGY, "yuan", "balance before"),
        part(1, 4, ENERGY, "yuan", "balance after"),
        part(1, 4, ENERGY, "yuan", "cumulative"),
    ];
];
