//! From the text of a bundle file to its items, noting everything that is wrong on the way.

use toml::de::DeTable;

use super::rows::{COUNTS, DISPLAY, LIMITS, Row, reserved};
use super::{
    Bundle, BundleItem, DI_DAYS, DI_RATES, DI_SLOTS, DI_STEPS, DI_ZONES, MAX_BUNDLE, Need as Wants,
    Set, Switch, carries_money,
};
use crate::profile::fault::{ProfileFault, What};
use crate::profile::raw::{Need, Notes, Table};
use crate::protocol::dlt645::items;
use crate::protocol::value::{CivilTime, to_bcd};

/// Entries of a zone table or a day table.
const ENTRIES: usize = 14;
/// Longest name, characters.
const NAME_MAX: usize = 64;
/// Rates the standard allows.
const RATES_MAX: usize = 63;
/// Steps of the standard's step tables.
const STEPS_MAX: usize = 6;
/// Holidays that can be numbered.
const HOLIDAYS_MAX: usize = 254;
/// Bytes of a value that goes into one write.
const VALUE_MAX: usize = 188;

/// Reads a bundle.
pub(super) fn read(text: &str) -> (Option<Bundle>, Vec<ProfileFault>) {
    let mut notes = Notes::new(text);
    if text.len() > MAX_BUNDLE {
        return (None, vec![ProfileFault::default()]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        notes.add(at, "", "", What::Syntax(error.message().to_owned()));
    }
    let bundle = whole(&mut notes, Table::new("", 0, table.get_ref()));
    if !errors.is_empty() {
        // What is missing may only be hidden behind the mistake.
        notes.all.retain(|fault| !matches!(fault.what, What::Missing { .. }));
    }
    let bundle = bundle.filter(|_| !notes.faulty());
    notes.all.sort_by_key(|fault| fault.line);
    (bundle, notes.all)
}

/// What has been put together so far.
#[derive(Default)]
struct Making {
    items: Vec<BundleItem>,
    needs: Vec<Wants>,
}

impl Making {
    fn add(
        &mut self,
        notes: &mut Notes,
        (name, at): (String, usize),
        di: u32,
        value: Vec<u8>,
        set: Option<Set>,
    ) {
        let line = notes.line(at);
        if let Some(first) = self.items.iter().find(|item| item.di == di) {
            let first = first.line;
            return notes.add(at, &name, &format!("{di:08X}"), What::Twice { first });
        }
        self.items.push(BundleItem { name, line, di, value, set });
    }

    fn need(&mut self, di: u32, count: usize, at_least: bool) {
        let count = u8::try_from(count).unwrap_or(u8::MAX);
        self.needs.push(Wants { di, count, at_least });
    }
}

fn whole(notes: &mut Notes, mut top: Table<'_>) -> Option<Bundle> {
    let named = "1 to 64 characters";
    let name = top.text(notes, "name", Need::Must, named, |text| {
        let good = (1..=NAME_MAX).contains(&text.chars().count())
            && text.trim() == text
            && !text.chars().any(char::is_control);
        good.then(|| text.to_owned())
    });
    let version = top.number(notes, "version", Need::Must, 1..=i64::from(u32::MAX), "");
    let mut making = Making::default();
    for (key, rows) in [("counts", COUNTS), ("limits", LIMITS), ("display", DISPLAY)] {
        if let Some(table) = top.table(notes, key, Need::May) {
            numbers(notes, &mut making, table, rows);
        }
    }
    if let Some(table) = top.table(notes, "calendar", Need::May) {
        calendar(notes, &mut making, table);
    }
    for table in top.tables(notes, "item") {
        item(notes, &mut making, table);
    }
    if let Some(table) = top.table(notes, "tariff", Need::May) {
        tariff(notes, &mut making, table);
    }
    if let Some(table) = top.table(notes, "prices", Need::May) {
        prices(notes, &mut making, table);
    }
    if let Some(table) = top.table(notes, "steps", Need::May) {
        steps(notes, &mut making, table);
    }
    let switch = top.table(notes, "switch", Need::May);
    let switches = switches(notes, &making, switch);
    let clock = top.table(notes, "clock", Need::May).is_some_and(|mut table| {
        let set =
            table.text(notes, "set", Need::Must, "\"yes\"", |text| (text == "yes").then_some(()));
        table.finish(notes);
        set.is_some()
    });
    let password = top.table(notes, "password", Need::May).and_then(|mut table| {
        let level = table.number(notes, "level", Need::Must, 0..=9, "");
        table.finish(notes);
        level
    });
    top.finish(notes);
    let Making { items, needs } = making;
    if items.is_empty() && !clock && password.is_none() && !notes.faulty() {
        let expected = "something to be written".to_owned();
        notes.add_to_file("", What::Missing { expected });
    }
    Some(Bundle { name: name?, version: version?, items, switches, needs, clock, password })
}

/// A section of numbers, written as text so that they are exact: `alarm-1 = "20.00"`.
fn numbers(notes: &mut Notes, making: &mut Making, mut table: Table<'_>, rows: &[Row]) {
    for &(key, di, len, decimals, unit) in rows {
        if !table.has(key) {
            table.known(key);
            continue;
        }
        let expected = expected(len, decimals, unit);
        let read = |text: &str| number(text, len, decimals);
        if let Some(value) = table.text(notes, key, Need::May, &expected, read) {
            let place = (table.path_of(key), table.at(key));
            making.add(notes, place, di, value, None);
        }
    }
    table.finish(notes);
}

fn expected(len: usize, decimals: u8, unit: &str) -> String {
    let places = usize::from(decimals);
    let point = if places == 0 { String::new() } else { format!(".{}", "9".repeat(places)) };
    let most = "9".repeat(len * 2 - places);
    format!("a number in quotes, at most \"{most}{point}\" {unit}").trim_end().to_owned()
}

/// A number with at most so many places, as BCD of so many bytes, low byte first.
fn number(text: &str, len: usize, decimals: u8) -> Option<Vec<u8>> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let places = usize::from(decimals);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let dot = text.contains('.');
    if whole.is_empty()
        || !digits(whole)
        || !digits(part)
        || part.len() > places
        || dot && part.is_empty()
    {
        return None;
    }
    let all = format!("{whole}{part:0<places$}");
    let all = all.trim_start_matches('0');
    let padded = (all.len() <= len * 2).then(|| format!("{all:0>width$}", width = len * 2))?;
    let pair = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | (digit - b'0'));
    Some(padded.as_bytes().rchunks(2).map(pair).collect())
}

/// Holidays, and what the weekend is.
fn calendar(notes: &mut Notes, making: &mut Making, mut table: Table<'_>) {
    let form = "a list such as [\"2026-10-01 2\"]: a day and its day table";
    if table.has("holidays") {
        let found = table.list(notes, "holidays", 1..=HOLIDAYS_MAX, form, holiday);
        let at = table.at("holidays");
        let count = found.as_ref().map_or(0, Vec::len);
        for (nth, value) in found.into_iter().flatten().enumerate() {
            let name = format!("calendar.holidays[{}]", nth + 1);
            let di = 0x0403_0001 + u32::try_from(nth).unwrap_or(0);
            making.add(notes, (name, at), di, value, None);
        }
        // The number comes after the days: it never counts one that is not there yet.
        if let Some(value) = number(&count.to_string(), 2, 0).filter(|_| count > 0) {
            making.add(notes, ("calendar.count".to_owned(), at), 0x0400_0205, value, None);
        }
    } else {
        table.known("holidays");
    }
    let bits = "two hex digits: bit 0 is Sunday, a bit that is not set is a day of rest";
    if let Some(value) = table.text(notes, "week", Need::May, bits, |text| hex(text, 1)) {
        let place = (table.path_of("week"), table.at("week"));
        making.add(notes, place, 0x0400_0801, value, None);
    }
    let table_no: Option<u8> = table.number(notes, "rest-day", Need::May, 1..=8, ": a day table");
    if let Some(day) = table_no {
        let place = (table.path_of("rest-day"), table.at("rest-day"));
        making.add(notes, place, 0x0400_0802, vec![to_bcd(day)], None);
    }
    table.finish(notes);
}

/// Any other parameter, by its identifier and its bytes as they are sent.
fn item(notes: &mut Notes, making: &mut Making, mut table: Table<'_>) {
    let at = table.at("di");
    let place = (table.path.clone(), at);
    let di = table.text(notes, "di", Need::Must, "eight hex digits", |text| {
        u32::from_str_radix(text, 16).ok().filter(|_| text.len() == 8)
    });
    let name = table.path_of("di");
    let Some(di) = di else {
        table.known("value");
        return table.finish(notes);
    };
    let shown = format!("{di:08X}");
    if carries_money(di) {
        notes.add(at, &name, &shown, What::Money);
    } else if let Some(instead) = reserved(di) {
        notes.add(at, &name, &shown, What::Wrong { expected: instead.to_owned() });
    }
    let known = items::find(di).filter(|item| item.writable && !item.block);
    if known.is_none() {
        let expected = "a single item of the protocol's tables that can be written".to_owned();
        notes.add(at, &name, &shown, What::Wrong { expected });
    }
    let len = known.map_or(0, |item| usize::from(item.len));
    let form = match len {
        0 => format!("1 to {VALUE_MAX} bytes in hex, as they are sent"),
        len => format!("{len} bytes in hex, as they are sent"),
    };
    if let Some(value) = table.text(notes, "value", Need::Must, &form, |text| hex(text, len)) {
        making.add(notes, place, di, value, None);
    }
    table.finish(notes);
}

/// Bytes in hex, with spaces or without; so many, or any number for 0.
fn hex(text: &str, len: usize) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let good = digits.iter().all(u8::is_ascii_hexdigit) && digits.len().is_multiple_of(2);
    let count = digits.len() / 2;
    if !good || !(1..=VALUE_MAX).contains(&count) || len > 0 && count != len {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect()
}

/// Year zones and day tables, for the standby set.
fn tariff(notes: &mut Notes, making: &mut Making, mut table: Table<'_>) {
    let form = "1 to 14 such as \"07-01 2\": from that day on that day table, in rising order";
    let mut used = Vec::new();
    if table.has("zones") {
        let found = table.list(notes, "zones", 1..=ENTRIES, form, zone);
        let place = (table.path_of("zones"), table.at("zones"));
        if let Some(entries) = found.filter(|e| rising(notes, &place, e)) {
            used = entries.iter().map(|[number, ..]| *number).collect();
            making.need(DI_ZONES, entries.len(), true);
            making.add(notes, place, 0x0402_0000, padded(&entries), Some(Set::Zones));
        }
    } else {
        table.known("zones");
    }
    days(notes, making, &mut table, &used);
    table.finish(notes);
}

/// Day tables: all of them, from 1 without a gap, because the whole set changes places.
fn days(notes: &mut Notes, making: &mut Making, table: &mut Table<'_>, used: &[u8]) {
    let form = "1 to 14 such as \"06:00 3\": from that minute on that rate, in rising order";
    let (mut count, mut slots) = (0, 0);
    for (nth, mut day) in table.tables(notes, "day").into_iter().enumerate() {
        let want = i64::try_from(nth + 1).unwrap_or(8).min(8);
        let number: Option<u8> = day.number(notes, "table", Need::Must, want..=want, "");
        let entries = day.list(notes, "slots", 1..=ENTRIES, form, slot);
        let place = (day.path.clone(), day.at("slots"));
        let entries = entries.filter(|e| rising(notes, &place, e));
        if let (Some(number), Some(entries)) = (number, entries) {
            (count, slots) = (nth + 1, slots.max(entries.len()));
            let di = 0x0402_0000 + u32::from(number);
            making.add(notes, place, di, padded(&entries), Some(Set::Days));
        }
        day.finish(notes);
    }
    if count == 0 {
        return;
    }
    making.need(DI_DAYS, count, false);
    making.need(DI_SLOTS, slots, true);
    if used
        .iter()
        .any(|number| usize::from(crate::protocol::value::from_bcd(*number).unwrap_or(0)) > count)
    {
        let expected = format!("day tables 1 to {count}, which are given below");
        table.wrong(notes, "zones", &expected);
    }
}

/// Prices of the rates, for the standby set.
fn prices(notes: &mut Notes, making: &mut Making, mut table: Table<'_>) {
    let form = "1 to 63 prices in quotes, yuan/kWh with at most four decimals";
    let read = |text: &str| number(text, 4, 4);
    let found = table.list(notes, "rates", 1..=RATES_MAX, form, read);
    let place = (table.path_of("rates"), table.at("rates"));
    if let Some(rates) = found.filter(|rates| fits(notes, &place, rates)) {
        making.need(DI_RATES, rates.len(), false);
        making.add(notes, place, 0x0405_02FF, rates.concat(), Some(Set::Prices));
    }
    table.finish(notes);
}

/// One block is one frame.
fn fits(notes: &mut Notes, (name, at): &(String, usize), rates: &[Vec<u8>]) -> bool {
    let good = rates.len() * 4 <= VALUE_MAX;
    if !good {
        let expected = format!("at most {} prices in one write", VALUE_MAX / 4);
        notes.add(*at, name, &rates.len().to_string(), What::Wrong { expected });
    }
    good
}

/// Steps and their prices, for the standby set.
fn steps(notes: &mut Notes, making: &mut Making, mut table: Table<'_>) {
    let form = "1 to 6 limits in quotes, kWh with at most two decimals, in rising order";
    let values = table.list(notes, "values", 1..=STEPS_MAX, form, |text| number(text, 4, 2));
    let form = "one price in quotes more than there are limits, yuan/kWh";
    let prices = table.list(notes, "prices", 2..=STEPS_MAX + 1, form, |text| number(text, 4, 4));
    if let (Some(values), Some(prices)) = (values, prices) {
        let rising = values.windows(2).all(|pair| pair[0].iter().rev().lt(pair[1].iter().rev()));
        if !rising {
            table.wrong(notes, "values", "rising limits");
        }
        if prices.len() != values.len() + 1 {
            table.wrong(notes, "prices", form);
        }
        making.need(DI_STEPS, values.len(), false);
        let at = |key: &str| (format!("steps.{key}"), table.at(key));
        making.add(notes, at("values"), 0x0406_02FF, values.concat(), Some(Set::Steps));
        making.add(notes, at("prices"), 0x0406_03FF, prices.concat(), Some(Set::Steps));
    }
    table.finish(notes);
}

/// A switch time for each set that is written and for no other.
fn switches(notes: &mut Notes, making: &Making, table: Option<Table<'_>>) -> Vec<Switch> {
    let form = "a minute such as \"2026-07-01 00:00\"";
    let mut switches = Vec::new();
    let empty = DeTable::new();
    let mut table = table.unwrap_or_else(|| Table::new("switch", 0, &empty));
    for set in Set::ALL {
        let written = making.items.iter().any(|item| item.set == Some(set));
        let need = if written { Need::Must } else { Need::May };
        let at = table.text(notes, set.name(), need, form, minute);
        match at {
            Some(at) if written => switches.push(Switch { set, at }),
            Some(_) => {
                let nothing = format!("nothing: the bundle has no {}", set.name());
                table.wrong(notes, set.name(), &nothing);
            }
            None => {}
        }
    }
    let at = |set: Set| switches.iter().find(|switch| switch.set == set).map(|switch| switch.at);
    if let (Some(zones), Some(days)) = (at(Set::Zones), at(Set::Days))
        && zones != days
    {
        // In between the new zones would name tables of the old set, or the other way round.
        table.wrong(notes, "days", "the same minute as zones");
    }
    table.finish(notes);
    switches
}

/// `MMDDNN` as it is sent: NN DD MM.
fn zone(text: &str) -> Option<[u8; 3]> {
    let (date, number) = text.split_once(' ')?;
    let (month, day) = date.split_once('-')?;
    let (month, day) = (two(month)?, two(day)?);
    let good = (1..=12).contains(&month) && day >= 1 && day <= days_in(0, month);
    good.then_some([to_bcd(small(number, 8)?), to_bcd(day), to_bcd(month)])
}

/// `hhmmNN` as it is sent: NN mm hh.
fn slot(text: &str) -> Option<[u8; 3]> {
    let (time, number) = text.split_once(' ')?;
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute) = (two(hour)?, two(minute)?);
    let good = hour < 24 && minute < 60;
    good.then_some([to_bcd(small(number, 63)?), to_bcd(minute), to_bcd(hour)])
}

/// `YYMMDDNN` as it is sent: NN DD MM YY.
fn holiday(text: &str) -> Option<Vec<u8>> {
    let (date, number) = text.split_once(' ')?;
    let (year, month, day) = date_of(date)?;
    Some([small(number, 8)?, day, month, year].map(to_bcd).to_vec())
}

fn minute(text: &str) -> Option<CivilTime> {
    let (date, time) = text.split_once(' ')?;
    let (year, month, day) = date_of(date)?;
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute) = (two(hour)?, two(minute)?);
    let good = hour < 24 && minute < 60;
    good.then_some(CivilTime { year, month, day, hour, minute, second: 0 })
}

fn date_of(text: &str) -> Option<(u8, u8, u8)> {
    let text = text.strip_prefix("20")?;
    let mut parts = text.split('-');
    let (year, month, day) = (two(parts.next()?)?, two(parts.next()?)?, two(parts.next()?)?);
    let good = parts.next().is_none()
        && (1..=12).contains(&month)
        && day >= 1
        && day <= days_in(year, month);
    good.then_some((year, month, day))
}

fn days_in(year: u8, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Exactly two digits.
fn two(text: &str) -> Option<u8> {
    let good = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| text.parse().ok()).flatten()
}

/// A number from 1 to `most`.
fn small(text: &str, most: u8) -> Option<u8> {
    let good = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| good && (1..=most).contains(number))
}

/// Says that the entries rise.
fn rising(notes: &mut Notes, (name, at): &(String, usize), entries: &[[u8; 3]]) -> bool {
    let key = |entry: &[u8; 3]| (entry[2], entry[1]);
    let good = entries.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]));
    if !good {
        let expected = "entries in rising order, none twice".to_owned();
        notes.add(*at, name, "", What::Wrong { expected });
    }
    good
}

/// A table of 14 entries; those that are not used repeat the last one (dlt645.md 3.4).
fn padded(entries: &[[u8; 3]]) -> Vec<u8> {
    let last = entries.last().copied().unwrap_or([1, 0, 0]);
    let rest = std::iter::repeat(last);
    entries.iter().copied().chain(rest).take(ENTRIES).flatten().collect()
}
