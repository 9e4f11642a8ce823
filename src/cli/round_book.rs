//! Rounds, load curves and daily freezes as tables: what stands in which column.

use std::collections::BTreeMap;

use super::context::civil;
use crate::jobs::engine::MakeTables;
use crate::jobs::errand::{self, Values};
use crate::jobs::round::curve::{self, Window};
use crate::jobs::round::facts::unit_name;
use crate::jobs::round::keep::{Kept, Place};
use crate::jobs::round::report;
use crate::jobs::views::Failure;
use crate::jobs::{Clock, SystemClock};
use crate::protocol::dlt645::curve::FIGURES;
use crate::store::Store;
use crate::table::write::{Cell, Page};
use crate::text::errors::words;
use crate::text::work::round::{column, next};
use crate::text::{Lang, work as names};
use crate::units::{ErrandKind, MeterNo, UnixSeconds, WorkId};

/// Columns of a round.
const ROUND: &[&str] = &[
    "meter", "customer", "location", "line", "status", "read-at", "energy", "typed", "count",
    "net", "unit", "reverse", "power", "drift", "ct", "severity", "odd", "next", "why", "by",
    "frames",
];
/// Columns of its summary.
const SUMMARY: &[&str] = &["line", "listed", "read", "by-hand", "missing", "with-odd"];

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| column(name)).collect()
}

fn text(text: impl Into<String>) -> Cell {
    let text: String = text.into();
    if text.is_empty() { Cell::Empty } else { Cell::Text(text) }
}

/// The tables of an errand. A workbook has a summary and a sheet for each line (or meter); a CSV
/// file has only what goes under one head.
///
/// # Errors
/// No such round.
pub fn pages(
    store: &Store,
    work: WorkId,
    (lang, is_book): (Lang, bool),
    moment: &dyn Fn(UnixSeconds) -> String,
) -> Result<Vec<Page>, Failure> {
    let values = errand::wanted(store, work, ErrandKind::Round)?;
    let kept = Kept::of(store, work);
    match values.get("round-what") {
        Some("round-curve") => curves(store, &kept, &values),
        Some("round-days") => days(store, &kept, &values),
        _ => Ok(round(store, &kept, (lang, is_book), moment)),
    }
}

/// The same for whoever writes tables by himself: the screens' engine, and errands that write one.
pub fn tables(lang: Lang, clock: SystemClock) -> MakeTables {
    Box::new(move |store, work, is_book| {
        let moment = |at: UnixSeconds| civil(UnixSeconds(at.0.saturating_add(clock.offset_s(at))));
        pages(store, work, (lang, is_book), &moment)
    })
}

/// What a place's line is called.
fn line_of(store: &Store, place: &Place) -> String {
    let notes = place.read.as_ref().map(|row| row.step.notes.as_slice()).unwrap_or_default();
    let port = notes.iter().find(|(name, _)| name == "port").map(|(_, port)| port.clone());
    let listed = || store.meter(place.meter).map(|row| row.place.line);
    let known = port.or_else(listed).filter(|line| !line.is_empty());
    known.unwrap_or_else(|| place.wanted.line.clone())
}

fn round(
    store: &Store,
    kept: &Kept,
    (lang, is_book): (Lang, bool),
    moment: &dyn Fn(UnixSeconds) -> String,
) -> Vec<Page> {
    let mut lines: BTreeMap<String, Vec<&Place>> = BTreeMap::new();
    for place in &kept.meters {
        lines.entry(line_of(store, place)).or_default().push(place);
    }
    let mut pages = Vec::new();
    if is_book {
        pages.push(summary(&lines));
    }
    for (line, places) in &lines {
        let name = if line.is_empty() { column("no-line") } else { line.clone() };
        let rows = places.iter().map(|place| row(store, line, place, (lang, moment)));
        pages.push(Page { name, head: head(ROUND), rows: rows.collect() });
    }
    pages
}

fn summary(lines: &BTreeMap<String, Vec<&Place>>) -> Page {
    let count = |line: String, places: &[&Place]| {
        let meters = places.iter().map(|place| (*place).clone()).collect();
        let tally = report::tally(&Kept { meters, whole: true, ended: false, begun: None });
        let counts = [tally.listed, tally.read, tally.typed, tally.missing, tally.odd];
        let counts = counts.map(|count| Cell::Figure(i64::try_from(count).unwrap_or(i64::MAX), 0));
        std::iter::once(text(line)).chain(counts).collect::<Vec<Cell>>()
    };
    let mut rows: Vec<Vec<Cell>> = lines.iter().map(|(l, of)| count(l.clone(), of)).collect();
    let all: Vec<&Place> = lines.values().flatten().copied().collect();
    rows.push(count(column("total"), &all));
    Page { name: column("summary"), head: head(SUMMARY), rows }
}

fn row(
    store: &Store,
    line: &str,
    place: &Place,
    (lang, moment): (Lang, &dyn Fn(UnixSeconds) -> String),
) -> Vec<Cell> {
    let known = store.meter(place.meter);
    let listed = |own: &String, of: Option<&String>| match own.is_empty() {
        true => text(of.cloned().unwrap_or_default()),
        false => text(own.clone()),
    };
    let status = match (place.is_read(), place.typed.is_some()) {
        (true, _) => "round-read",
        (false, true) => "round-typed",
        (false, false) => "round-missing",
    };
    let facts = place.facts().unwrap_or_default();
    let (read, typed) = match place.is_read() {
        true => (facts.energy, None),
        false => (None, facts.energy),
    };
    let odd = place.odd();
    let severity = odd.iter().map(|anomaly| anomaly.kind.severity()).max();
    let word = |name: &str| names::or_name(lang, name).to_owned();
    let said = odd.iter().map(|a| format!("{}: {}", word(a.kind.as_str()), report::shown(a)));
    let steps = odd.iter().map(|anomaly| next(lang, anomaly.kind.as_str()));
    let failed = report::failure_of(place).filter(|_| place.counted().is_none());
    let failed = failed.map(|failure| {
        format!("{} {} {}", failure.code.as_str(), words(failure.code).title(lang), failure.detail)
    });
    let why = report::reason_of(place).filter(|_| !place.is_read()).map(str::to_owned);
    let row = place.counted();
    let note = |name: &str| {
        let found = row.and_then(|row| row.step.notes.iter().find(|(own, _)| own == name));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    vec![
        text(place.meter.to_string()),
        listed(&place.wanted.customer, known.as_ref().map(|row| &row.customer)),
        listed(&place.wanted.location, known.as_ref().map(|row| &row.location)),
        text(line),
        text(word(status)),
        row.map_or(Cell::Empty, |_| text(moment(facts.at))),
        Cell::figure(read, 2),
        Cell::figure(typed, 2),
        Cell::figure(facts.count, 0),
        Cell::figure(facts.net, 2),
        facts.unit.map_or(Cell::Empty, |unit| text(unit_name(unit))),
        Cell::figure(facts.reverse, 2),
        Cell::figure(facts.power_dw, 4),
        Cell::figure(facts.drift_s, 0),
        // Unset is how a directly connected meter says that it has none.
        Cell::figure(facts.ct.filter(|ct| *ct > 0), 0),
        severity.map_or(Cell::Empty, |severity| text(word(severity.as_str()))),
        text(said.collect::<Vec<_>>().join("; ")),
        text(steps.collect::<Vec<_>>().join(" ")),
        text(why.or(failed).unwrap_or_default()),
        text(row.map(|row| row.operator.clone()).unwrap_or_default()),
        text(note("frames")),
    ]
}

/// The load records of every meter, a sheet each; columns that no record of it fills are left out
/// of a sheet, but all sheets have the same ones, so that they can be one CSV file.
fn curves(store: &Store, kept: &Kept, values: &Values) -> Result<Vec<Page>, Failure> {
    let window = Window::of(values)?;
    let found: Vec<(MeterNo, Vec<_>)> = kept
        .meters
        .iter()
        .map(|place| (place.meter, curve::records(store, place.meter, &window)))
        .collect();
    let filled: Vec<usize> = (0..FIGURES.len())
        .filter(|at| {
            let mut records = found.iter().flat_map(|(_, records)| records);
            records.any(|record| record.figures.get(*at).is_some_and(Option::is_some))
        })
        .collect();
    let mut heads = head(&["meter", "time"]);
    let figures = filled.iter().filter_map(|at| FIGURES.get(*at));
    heads.extend(figures.clone().map(|(name, _, _, _, unit)| {
        let name = match *name {
            "power" => "active-power",
            "energy" => "forward",
            other => other,
        };
        if unit.is_empty() { column(name) } else { format!("{} ({unit})", column(name)) }
    }));
    let pages = found.iter().map(|(meter, records)| {
        let rows = records.iter().map(|record| {
            let figure = |at: &usize| {
                let decimals = FIGURES.get(*at).map_or(0, |figure| figure.3);
                Cell::figure(record.figures.get(*at).copied().flatten(), decimals)
            };
            let mut row = vec![text(meter.to_string()), text(record.at.to_string())];
            row.extend(filled.iter().map(figure));
            row
        });
        Page { name: meter.to_string(), head: heads.clone(), rows: rows.collect() }
    });
    Ok(pages.collect())
}

/// The daily freezes of every meter, a sheet each.
fn days(store: &Store, kept: &Kept, values: &Values) -> Result<Vec<Page>, Failure> {
    let window = Window::of(values)?;
    let found: Vec<(MeterNo, Vec<_>)> = kept
        .meters
        .iter()
        .map(|place| (place.meter, curve::days(store, place.meter, &window)))
        .collect();
    let days = found.iter().flat_map(|(_, days)| days);
    let rates = days.map(|day| day.energies.len()).max().unwrap_or(1).saturating_sub(1);
    let mut heads = head(&["meter", "time"]);
    heads.push(format!("{} (kWh)", column("forward")));
    heads.extend((1..=rates).map(|rate| format!("{} {rate} (kWh)", column("rate"))));
    heads.push(column("credit"));
    let pages = found.iter().map(|(meter, days)| {
        let rows = days.iter().map(|day| {
            let mut row = vec![text(meter.to_string()), text(day.at.to_string())];
            let energy = |at: usize| Cell::figure(day.energies.get(at).copied().flatten(), 2);
            row.extend((0..=rates).map(energy));
            row.push(Cell::figure(day.credit, 2));
            row
        });
        Page { name: meter.to_string(), head: heads.clone(), rows: rows.collect() }
    });
    Ok(pages.collect())
}
