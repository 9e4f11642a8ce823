//! The list to read: out of a table with English or Chinese column names in any order, or made from
//! the area list. Pure; every row that cannot be taken is told with its reason.

use std::collections::BTreeMap;

use crate::table::read::TableRow;
use crate::units::{Energy, MeterNo, PurchaseCount, UnixSeconds};

/// Rows looked at for the one with the column names: lists have titles above it.
const HEADER_ROWS: usize = 20;
/// Longest text of a meter that is kept, bytes.
const MAX_TEXT: usize = 200;

/// What is expected of a meter, where the list says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// The last reading known.
    pub energy: Option<Energy>,
    /// When that was, the meters' local time.
    pub energy_at: Option<UnixSeconds>,
    /// The purchase count.
    pub count: Option<PurchaseCount>,
    /// The current transformer's ratio.
    pub ct: Option<u32>,
    /// The most it can draw, W.
    pub max_w: Option<u64>,
}

/// A meter on the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whose it is, by the list.
    pub customer: String,
    /// Where it hangs, by the list.
    pub location: String,
    /// Which line, by the list.
    pub line: String,
    /// What is expected.
    pub expected: Expected,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// No meter number.
    NoMeter,
    /// Not a meter number.
    Meter,
    /// The spreadsheet turned the number into a power of ten: digits are lost.
    Rounded,
    /// The meter is in an earlier row already, with its number.
    Twice(usize),
    /// Not an energy.
    Energy,
    /// Not a date.
    Date,
    /// Not a count.
    Count,
    /// Not a ratio.
    Ratio,
    /// Not a power.
    Power,
    /// A text that is too long.
    Long,
}

impl Fault {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoMeter => "row-no-meter",
            Self::Meter => "row-meter",
            Self::Rounded => "row-rounded",
            Self::Twice(_) => "row-twice",
            Self::Energy => "row-energy",
            Self::Date => "row-date",
            Self::Count => "row-count",
            Self::Ratio => "row-ratio",
            Self::Power => "row-power",
            Self::Long => "row-long",
        }
    }

    /// All names, for their words.
    pub const NAMES: [&'static str; 10] = [
        "row-no-meter",
        "row-meter",
        "row-rounded",
        "row-twice",
        "row-energy",
        "row-date",
        "row-count",
        "row-ratio",
        "row-power",
        "row-long",
    ];
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its number in the file, from 1.
    pub row: usize,
    /// Why.
    pub fault: Fault,
    /// The cell it is about.
    pub cell: String,
}

/// What came out of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// The meters, in the order of the file.
    pub meters: Vec<(MeterNo, Wanted)>,
    /// The rows that were not taken.
    pub bad: Vec<BadRow>,
    /// The row with the column names; none where no row names a column of meters.
    pub header: Option<usize>,
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Meter,
    Customer,
    Location,
    Line,
    Energy,
    EnergyAt,
    Count,
    Ratio,
    Power,
}

/// Names of columns, without blanks and signs, in lower case. The Chinese ones are escaped so that
/// only `text` holds words for people: they are what Chinese lists call them.
const NAMES: &[(Column, &[&str])] = &[
    (
        Column::Meter,
        &[
            "meter",
            "meterno",
            "meternumber",
            "number",
            "address",
            "\u{8868}\u{53f7}",                         // meter number
            "\u{7535}\u{8868}",                         // electricity meter
            "\u{7535}\u{8868}\u{53f7}",                 // its number
            "\u{8868}\u{8ba1}\u{53f7}",                 // metering device number
            "\u{8868}\u{5730}\u{5740}",                 // meter address
            "\u{901a}\u{4fe1}\u{5730}\u{5740}",         // communication address
            "\u{7535}\u{8868}\u{5730}\u{5740}",         // electricity meter address
            "\u{7535}\u{80fd}\u{8868}\u{53f7}",         // energy meter number
            "\u{7535}\u{80fd}\u{8868}\u{5730}\u{5740}", // energy meter address
        ],
    ),
    (
        Column::Customer,
        &[
            "customer",
            "name",
            "user",
            "\u{5ba2}\u{6237}",         // customer
            "\u{7528}\u{6237}",         // user
            "\u{6237}\u{540d}",         // name of the account
            "\u{5ba2}\u{6237}\u{540d}", // customer's name
            "\u{7528}\u{6237}\u{540d}", // user's name
            "\u{7528}\u{6237}\u{540d}\u{79f0}",
        ],
    ),
    (
        Column::Location,
        &[
            "location",
            "place",
            "room",
            "\u{4f4d}\u{7f6e}",                 // place
            "\u{5730}\u{5740}",                 // address of the house
            "\u{5b89}\u{88c5}\u{4f4d}\u{7f6e}", // place of installation
            "\u{623f}\u{95f4}",                 // room
            "\u{623f}\u{53f7}",                 // room number
        ],
    ),
    (
        Column::Line,
        &[
            "line",
            "port",
            "bus",
            "\u{7ebf}\u{8def}", // line
            "\u{7aef}\u{53e3}", // port
            "\u{603b}\u{7ebf}", // bus
        ],
    ),
    (
        Column::Energy,
        &[
            "lastreading",
            "last",
            "energy",
            "lastenergy",
            "energyread",
            "\u{6284}\u{8bfb}\u{7535}\u{91cf}", // energy read
            "\u{4e0a}\u{6b21}\u{8bfb}\u{6570}", // last reading
            "\u{4e0a}\u{6b21}\u{793a}\u{6570}", // last index
            "\u{4e0a}\u{671f}\u{8bfb}\u{6570}", // last period's reading
            "\u{4e0a}\u{6708}\u{8bfb}\u{6570}", // last month's reading
            "\u{8868}\u{5e95}",                 // base reading
        ],
    ),
    (
        Column::EnergyAt,
        &[
            "lastdate",
            "lastread",
            "readat",
            "\u{6284}\u{8bfb}\u{65f6}\u{95f4}", // time of reading
            "date",
            "\u{4e0a}\u{6b21}\u{65e5}\u{671f}", // last date
            "\u{4e0a}\u{6b21}\u{6284}\u{8868}", // last reading round
            "\u{4e0a}\u{6b21}\u{6284}\u{8868}\u{65e5}\u{671f}", // its date
            "\u{4e0a}\u{6b21}\u{6284}\u{8868}\u{65f6}\u{95f4}", // its time
        ],
    ),
    (
        Column::Count,
        &[
            "count",
            "purchasecount",
            "\u{8d2d}\u{7535}\u{6b21}\u{6570}", // purchase count
            "\u{5145}\u{503c}\u{6b21}\u{6570}", // recharge count
        ],
    ),
    (
        Column::Ratio,
        &[
            "ct",
            "ctratio",
            "ratio",
            "\u{53d8}\u{6bd4}",                 // ratio
            "\u{500d}\u{7387}",                 // multiplier
            "ct\u{53d8}\u{6bd4}",               // CT ratio
            "\u{7535}\u{6d41}\u{53d8}\u{6bd4}", // current ratio
        ],
    ),
    (
        Column::Power,
        &[
            "maxkw",
            "maxload",
            "ratedload",
            "kw",
            "\u{989d}\u{5b9a}\u{529f}\u{7387}", // rated power
            "\u{6700}\u{5927}\u{8d1f}\u{8377}", // largest load
            "\u{989d}\u{5b9a}\u{8d1f}\u{8377}", // rated load
            "\u{5408}\u{540c}\u{5bb9}\u{91cf}", // contract capacity
        ],
    ),
];

/// What a column of this name is. A name in two languages, or with a unit in brackets, is known by
/// either part.
fn column(name: &str) -> Option<Column> {
    let without_unit = name.split(['(', '[', '\u{ff08}', '/']).next().unwrap_or(name);
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let folded = plain(without_unit);
    let (ascii, wide): (String, String) = folded.chars().partition(char::is_ascii);
    let known = |name: &str| {
        NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(column, _)| *column)
    };
    [&folded, &ascii, &wide].into_iter().find_map(|name| known(name))
}

/// The list in a table.
pub fn list(rows: &[TableRow]) -> List {
    let head = |cells: &[String]| -> BTreeMap<Column, usize> {
        let named = cells.iter().enumerate().filter_map(|(at, name)| Some((column(name)?, at)));
        // The first column of a kind counts.
        named.rev().collect()
    };
    let found = rows.iter().take(HEADER_ROWS).enumerate().find_map(|(at, (_, cells))| {
        let columns = head(cells);
        columns.contains_key(&Column::Meter).then_some((at, columns))
    });
    let Some((at, columns)) = found else { return List::default() };
    let header = rows.get(at).map(|(number, _)| *number);
    let mut list = List { header, ..List::default() };
    let mut seen: BTreeMap<MeterNo, usize> = BTreeMap::new();
    for (number, cells) in rows.iter().skip(at + 1) {
        let taken = one(&columns, cells).and_then(|(meter, wanted)| match seen.get(&meter) {
            Some(first) => Err((Fault::Twice(*first), meter.to_string())),
            None => Ok((meter, wanted)),
        });
        match taken {
            Ok((meter, wanted)) => {
                seen.insert(meter, *number);
                list.meters.push((meter, wanted));
            }
            Err((fault, cell)) => list.bad.push(BadRow { row: *number, fault, cell }),
        }
    }
    list
}

/// One row.
fn one(
    columns: &BTreeMap<Column, usize>,
    cells: &[String],
) -> Result<(MeterNo, Wanted), (Fault, String)> {
    let cell = |column: Column| {
        let cell = columns.get(&column).and_then(|at| cells.get(*at));
        cell.map(String::as_str).unwrap_or_default()
    };
    let meter = number(cell(Column::Meter))?;
    let text = |column: Column| match cell(column) {
        text if text.len() > MAX_TEXT => Err((Fault::Long, text.chars().take(40).collect())),
        text => Ok(text.replace(['\t', '\r', '\n'], " ")),
    };
    let energy = value(cell(Column::Energy), Fault::Energy, |text| {
        decimal(text, 2).filter(|value| *value >= 0).map(Energy)
    })?;
    let whole = |text: &str| decimal(text, 0).and_then(|value| u32::try_from(value).ok());
    let expected = Expected {
        energy,
        energy_at: value(cell(Column::EnergyAt), Fault::Date, date)?,
        count: value(cell(Column::Count), Fault::Count, whole)?.map(PurchaseCount),
        ct: value(cell(Column::Ratio), Fault::Ratio, ratio)?,
        max_w: value(cell(Column::Power), Fault::Power, |text| {
            decimal(text, 3).and_then(|watts| u64::try_from(watts).ok()).filter(|watts| *watts > 0)
        })?,
    };
    let (customer, location) = (text(Column::Customer)?, text(Column::Location)?);
    Ok((meter, Wanted { customer, location, line: text(Column::Line)?, expected }))
}

/// A cell that may be empty.
fn value<T>(
    cell: &str,
    fault: Fault,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, (Fault, String)> {
    match cell {
        "" | "-" => Ok(None),
        text => read(text).map(Some).ok_or_else(|| (fault, text.to_owned())),
    }
}

/// A meter's number: digits, an apostrophe in front that keeps a spreadsheet from counting with it,
/// blanks and dashes between groups.
fn number(cell: &str) -> Result<MeterNo, (Fault, String)> {
    if cell.is_empty() {
        return Err((Fault::NoMeter, String::new()));
    }
    let bare = cell.strip_prefix('\'').unwrap_or(cell);
    let power = |c: char| c == 'e' || c == 'E';
    if bare.contains(power)
        && bare.contains(['+', '.'])
        && bare.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err((Fault::Rounded, cell.to_owned()));
    }
    let digits: String = bare.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}')).collect();
    digits.parse().map_err(|_| (Fault::Meter, cell.to_owned()))
}

/// A ratio: `30`, or `150/5`.
fn ratio(text: &str) -> Option<u32> {
    let whole = |text: &str| decimal(text, 0).and_then(|value| u32::try_from(value).ok());
    let ratio = match text.split_once(['/', ':']) {
        Some((primary, secondary)) => {
            let (primary, secondary) = (whole(primary.trim())?, whole(secondary.trim())?);
            (secondary > 0 && primary % secondary == 0).then(|| primary / secondary)?
        }
        None => whole(text)?,
    };
    (ratio > 0).then_some(ratio)
}

/// A decimal number in its last place; thousands may be parted by commas (`1,234.50`).
fn decimal(text: &str, places: usize) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let parted = groups.len() == 1
        || groups
            .iter()
            .enumerate()
            .all(|(at, group)| group.len() == 3 || at == 0 && (1..=3).contains(&group.len()));
    let whole = groups.concat();
    let part = part.trim_end_matches('0');
    let all = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !parted || !all(&whole) || !all(part) || part.len() > places {
        return None;
    }
    format!("{whole}{part:0<places$}").parse::<i64>().ok().map(|value| value * sign)
}

/// A day, with or without a time: `2026-10-31`, `2026/10/31 08:30`, `20261031`.
pub fn date(text: &str) -> Option<UnixSeconds> {
    let text = text.trim().replace(['/', '.'], "-").replace('T', " ");
    let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let timed = forms.iter().find_map(|form| jiff::civil::DateTime::strptime(form, &text).ok());
    let days = ["%Y-%m-%d", "%Y%m%d"];
    let day = || {
        let day = days.iter().find_map(|form| jiff::civil::Date::strptime(form, &text).ok());
        day.map(|day| day.at(0, 0, 0, 0))
    };
    let time = timed.or_else(day)?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(UnixSeconds(time.timestamp().as_second()))
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
