//! Whatever list is on the desk, as sheets for a file: XLSX or CSV, columns in both languages.

use super::model::unit_name;
use super::{
    BundleSeen, DeviceInfo, KeptMeter, LostContact, LostSheet, MeterFound, OperatorInfo,
    OrderReport, ReviewRow, RoundSheet, SaleRow, Shift, ShiftDetail, TokenInfo,
};
use crate::sync::wire::MeterLine;
use crate::table::write::{Cell, Page};
use crate::text::tables::{column, sheet};
use crate::units::{Credit, UnixSeconds};

/// A list to be written to a file.
#[derive(Debug, Clone, Copy)]
pub enum Table<'a> {
    /// Handhelds.
    Devices(&'a [DeviceInfo]),
    /// A lost handheld: its meters and its documents.
    Lost(&'a LostSheet),
    /// Closed shifts.
    Shifts(&'a [Shift]),
    /// One shift: its figures and its movements.
    Shift(&'a ShiftDetail),
    /// Sales.
    Sales(&'a [SaleRow]),
    /// Handhelds and meters not heard of.
    LostContact(&'a LostContact),
    /// Meters in keep-power.
    Kept(&'a [KeptMeter]),
    /// Meters and customers.
    Meters(&'a [MeterFound]),
    /// Tokens.
    Tokens(&'a [TokenInfo]),
    /// Versions of bundles.
    Bundles(&'a [BundleSeen]),
    /// A round, meter by meter.
    Round(&'a RoundSheet),
    /// People.
    Operators(&'a [OperatorInfo]),
    /// Things to look at.
    Reviews(&'a [ReviewRow]),
    /// A list of sales, row by row.
    Orders(&'a OrderReport),
}

fn text(value: impl ToString) -> Cell {
    Cell::Text(value.to_string())
}

fn money(value: i64) -> Cell {
    Cell::Figure(value, 2)
}

fn number(value: u64) -> Cell {
    Cell::Figure(i64::try_from(value).unwrap_or(i64::MAX), 0)
}

/// A time as people and spreadsheets read it.
fn time(at: UnixSeconds) -> Cell {
    let told = jiff::Timestamp::from_second(at.0).map(|at| at.strftime("%Y-%m-%d %H:%M:%S"));
    told.map_or(Cell::Empty, text)
}

fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    value.map_or(Cell::Empty, cell)
}

fn hours(seconds: i64) -> Cell {
    Cell::Figure(seconds / 3_600, 0)
}

fn credit(credit: Credit) -> [Cell; 2] {
    [money(credit.value), text(unit_name(credit.unit))]
}

/// Who and where, as every list of meters begins.
fn place(line: Option<&MeterLine>) -> [Cell; 4] {
    let of = |part: fn(&MeterLine) -> String| maybe(line.map(part), text);
    [
        of(|line| line.account.to_string()),
        of(|line| line.customer.clone()),
        of(|line| line.location.clone()),
        of(|line| line.area.clone()),
    ]
}

fn page(name: &str, head: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> Page {
    Page {
        name: sheet(name),
        head: head.iter().map(|name| column(name)).collect(),
        rows: rows.collect(),
    }
}

/// The sheets of a list. All of one CSV have the same columns, so that of several only the first
/// goes into a CSV ([`for_file`]).
pub fn pages(table: &Table<'_>) -> Vec<Page> {
    match table {
        Table::Devices(rows) => vec![devices("devices", rows.iter().map(|row| (row, None)))],
        Table::Lost(sheet) => lost(sheet),
        Table::Shifts(rows) => vec![shifts("shifts", rows)],
        Table::Shift(detail) => {
            vec![lines(detail), shifts("shift", std::slice::from_ref(&detail.shift))]
        }
        Table::Sales(rows) => vec![sales(rows)],
        Table::LostContact(found) => contact(found),
        Table::Kept(rows) => vec![kept(rows)],
        Table::Meters(rows) => vec![meters(rows)],
        Table::Tokens(rows) => vec![tokens(rows)],
        Table::Bundles(rows) => vec![bundles(rows)],
        Table::Round(sheet) => vec![round(sheet)],
        Table::Operators(rows) => vec![operators(rows)],
        Table::Reviews(rows) => vec![reviews(rows)],
        Table::Orders(report) => vec![orders(report)],
    }
}

/// The sheets for a file of that name: a workbook has all of them, a CSV only the first.
pub fn for_file(table: &Table<'_>, file: &std::path::Path) -> Vec<Page> {
    let mut all = pages(table);
    if !file.extension().is_some_and(|end| end.eq_ignore_ascii_case("xlsx")) {
        all.truncate(1);
    }
    all
}

fn devices<'a>(name: &str, rows: impl Iterator<Item = (&'a DeviceInfo, Option<i64>)>) -> Page {
    let head = [
        "device",
        "status",
        "seen",
        "age-h",
        "out-tokens",
        "out-yuan",
        "out-kwh",
        "forks",
        "software",
    ];
    let rows = rows.map(|(row, age)| {
        vec![
            text(&row.device),
            text(&row.status),
            maybe(row.last_seen, time),
            maybe(age, hours),
            number(row.carried.tokens),
            money(row.carried.yuan),
            money(row.carried.kwh),
            number(row.forks),
            text(&row.software),
        ]
    });
    page(name, &head, rows)
}

fn lost(sheet: &LostSheet) -> Vec<Page> {
    let head = [
        "meter", "customer", "location", "area", "line", "utmost", "unit", "worst", "expires",
        "fence",
    ];
    let visits = sheet.meters.iter().map(|row| {
        let utmost = credit(Credit { value: row.utmost, unit: row.unit });
        let mut cells = vec![
            text(row.meter),
            text(&row.customer),
            text(&row.location),
            text(&row.area),
            text(&row.place.line),
        ];
        cells.extend(utmost);
        cells.extend([money(row.worst), time(row.until), text(row.fence.name())]);
        cells
    });
    let first = page("lost-meters", &head, visits);
    let head = [
        "token",
        "act",
        "meter",
        "steps",
        "amount",
        "unit",
        "state",
        "expires",
        "utmost",
        "worst",
        "why",
        "replaced-by",
    ];
    let tokens = sheet.tokens.iter().map(|row| {
        let mut cells =
            vec![text(row.token), text(row.act.name()), text(row.meter), text(row.count_before)];
        cells.extend(credit(row.credit));
        cells.extend([
            text(row.state.name()),
            time(row.expires),
            money(row.utmost),
            money(row.worst),
            text(row.why.name()),
            maybe(row.replaced_by.as_ref(), |(id, device, _)| text(format!("{id} {device}"))),
        ]);
        cells
    });
    vec![first, page("lost", &head, tokens)]
}

fn shifts(name: &str, rows: &[Shift]) -> Page {
    let head = [
        "key",
        "number",
        "since",
        "to",
        "unit",
        "brought",
        "reserved",
        "applied",
        "voided",
        "out",
        "off",
        "refunded",
        "corrected",
        "revenue",
        "postings",
        "op",
        "id",
    ];
    let rows = rows.iter().flat_map(|shift| {
        shift.sums.iter().map(move |sum| {
            vec![
                text(&shift.of),
                number(shift.number),
                maybe(shift.opened, time),
                time(shift.closed),
                text(unit_name(sum.unit)),
                money(sum.brought),
                money(sum.reserved),
                money(sum.applied),
                money(sum.voided),
                money(sum.out),
                money(sum.off()),
                money(sum.refunded),
                money(sum.corrected),
                money(sum.revenue),
                money(sum.postings),
                number(sum.ops),
                text(&shift.id),
            ]
        })
    });
    page(name, &head, rows)
}

fn lines(detail: &ShiftDetail) -> Page {
    let head = ["at", "op", "act", "meter", "from", "to", "amount", "unit"];
    let rows = detail.lines.iter().map(|line| {
        let mut cells = vec![
            time(line.at),
            text(&line.op),
            maybe(line.act, |act| text(act.name())),
            text(line.meter),
            text(&line.from),
            text(&line.to),
        ];
        cells.extend(credit(line.credit));
        cells
    });
    page("shift-lines", &head, rows)
}

fn sales(rows: &[SaleRow]) -> Page {
    let head = [
        "period",
        "key",
        "unit",
        "issued",
        "issued-n",
        "booked",
        "booked-n",
        "returned",
        "returned-n",
        "refunded",
        "refunded-n",
        "net",
    ];
    let rows = rows.iter().map(|SaleRow { period, key, sum }| {
        vec![
            text(period),
            text(key),
            text(unit_name(sum.unit)),
            money(sum.issued),
            number(sum.issued_n),
            money(sum.booked),
            number(sum.booked_n),
            money(sum.returned),
            number(sum.returned_n),
            money(sum.refunded),
            number(sum.refunded_n),
            money(sum.net()),
        ]
    });
    page("sales", &head, rows)
}

fn contact(found: &LostContact) -> Vec<Page> {
    let head = ["meter", "account", "customer", "location", "area", "seen", "age-h"];
    let rows = found.meters.iter().map(|row| {
        let mut cells = vec![text(row.line.meter)];
        cells.extend(place(Some(&row.line)));
        cells.extend([maybe(row.seen, time), maybe(row.age_s, hours)]);
        cells
    });
    let silent = found.devices.iter().map(|(row, age)| (row, *age));
    vec![page("silent-meters", &head, rows), devices("silent-devices", silent)]
}

fn kept(rows: &[KeptMeter]) -> Page {
    let head = [
        "meter", "account", "customer", "location", "area", "since", "age-h", "device", "operator",
        "note",
    ];
    let rows = rows.iter().map(|row| {
        let mut cells = vec![text(row.meter)];
        cells.extend(place(row.line.as_ref()));
        cells.extend([
            time(row.since),
            hours(row.age_s),
            text(&row.device),
            text(&row.operator),
            text(&row.note),
        ]);
        cells
    });
    page("kept", &head, rows)
}

fn meters(rows: &[MeterFound]) -> Page {
    let head = [
        "meter",
        "account",
        "customer",
        "location",
        "area",
        "unit",
        "count",
        "balance",
        "seen",
        "out-tokens",
    ];
    let rows = rows.iter().map(|row| {
        let mut cells = vec![text(row.line.meter)];
        cells.extend(place(Some(&row.line)));
        cells.extend([
            text(unit_name(row.line.unit)),
            maybe(row.count, |count| number(u64::from(count.0))),
            maybe(row.balance, money),
            maybe(row.seen, time),
            number(row.out),
        ]);
        cells
    });
    page("meters", &head, rows)
}

fn tokens(rows: &[TokenInfo]) -> Page {
    let head = [
        "token",
        "act",
        "meter",
        "account",
        "steps",
        "amount",
        "unit",
        "device",
        "issued-at",
        "expires",
        "state",
        "replaced-by",
    ];
    let rows = rows.iter().map(|TokenInfo { row, issued, replaced_by }| {
        let mut cells = vec![
            text(row.id),
            text(row.act.name()),
            text(row.meter),
            text(row.account),
            text(row.count_before),
        ];
        cells.extend(credit(row.credit));
        cells.extend([
            text(&row.device),
            time(*issued),
            time(row.expires),
            text(row.state.name()),
            maybe(*replaced_by, text),
        ]);
        cells
    });
    page("tokens", &head, rows)
}

fn bundles(rows: &[BundleSeen]) -> Page {
    let head = ["name", "version", "device", "meters", "partial", "at"];
    let rows = rows.iter().map(|row| {
        let devices: Vec<String> = row.devices.iter().map(ToString::to_string).collect();
        vec![
            text(&row.name),
            number(u64::from(row.version)),
            text(devices.join(" ")),
            number(row.meters),
            number(row.partial),
            maybe(row.last, time),
        ]
    });
    page("bundles", &head, rows)
}

fn round(sheet: &RoundSheet) -> Page {
    let head = [
        "meter", "customer", "location", "line", "state", "at", "energy", "last", "count", "net",
        "unit", "odd", "why", "operator",
    ];
    let rows = sheet.places.iter().map(|place| {
        let line = &place.line;
        let odd = place.odd.iter().map(|odd| format!("{}: {} -> {}", odd.kind, odd.was, odd.is));
        vec![
            text(line.meter),
            text(&line.customer),
            text(&line.location),
            text(&line.line),
            text(place.state.name()),
            maybe(place.at, time),
            maybe(place.energy, money),
            maybe(line.energy, money),
            Cell::figure(place.count, 0),
            maybe(place.net.map(|(net, _)| net), money),
            maybe(place.net, |(_, unit)| text(unit_name(unit))),
            text(odd.collect::<Vec<_>>().join("; ")),
            text(&place.why),
            text(&place.by),
        ]
    });
    page("round", &head, rows)
}

fn operators(rows: &[OperatorInfo]) -> Page {
    let rows = rows.iter().map(|row| {
        let devices: Vec<&str> = row.grants.iter().map(|(device, _)| device.as_str()).collect();
        vec![
            text(&row.entry.id),
            text(&row.entry.name),
            text(row.entry.role.name()),
            text(row.entry.areas.join(" ")),
            text(if row.active { "active" } else { "revoked" }),
            text(devices.join(" ")),
        ]
    });
    page("operators", &["operator", "name", "role", "area", "state", "device"], rows)
}

fn reviews(rows: &[ReviewRow]) -> Page {
    let head = ["at", "class", "why", "meter", "token", "device", "state", "reason", "id"];
    let rows = rows.iter().map(|row| {
        let settled = row.settled.as_ref();
        vec![
            time(row.raised),
            text(&row.class),
            text(&row.why),
            maybe(row.meter.as_ref(), text),
            maybe(row.token.as_ref(), text),
            text(&row.device),
            maybe(settled, |(verdict, _)| text(verdict)),
            maybe(settled, |(_, reason)| text(reason)),
            text(&row.id),
        ]
    });
    page("reviews", &head, rows)
}

fn orders(report: &OrderReport) -> Page {
    let head = ["row", "meter", "amount", "device", "token", "state", "why"];
    let rows = report.rows.iter().map(|row| {
        vec![
            number(row.line as u64),
            text(&row.meter),
            text(&row.amount),
            text(&row.device),
            maybe(row.token, text),
            maybe(row.fault.as_ref(), |(code, _)| text(code)),
            maybe(row.fault.as_ref(), |(_, why)| text(why)),
        ]
    });
    page("orders", &head, rows)
}
