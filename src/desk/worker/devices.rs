//! Handhelds: how much is out with each, and when it was heard of last.

use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left, right};
use super::super::query::Query;
use crate::office::{DeviceInfo, Office, OfficeError};
use crate::tui::theme::Meaning;
use crate::units::{Credit, CreditUnit, DeviceId, UnixSeconds};

/// A handheld that was not heard of for so long is late: the office's own count of silent ones.
pub const LATE_S: i64 = 86_400;

/// Name, tokens out, last contact.
const COLUMNS: &[Column] = &[left(0), right(4), left(14)];

/// Number and name of an operator, and whether he has logged in.
const GRANTED: &[Column] = &[left(10), left(0), left(14)];

/// An amount.
pub fn credit(value: i64, unit: CreditUnit) -> Cell {
    Cell::Credit(Credit { value, unit })
}

/// Whether nothing was heard of an enrolled handheld for too long.
pub fn late(row: &DeviceInfo, now: UnixSeconds) -> bool {
    let seen = row.last_seen.map_or(i64::MAX, |at| now.0.saturating_sub(at.0));
    row.status == "enrolled" && seen > LATE_S
}

/// The state in one character.
fn sign(row: &DeviceInfo, now: UnixSeconds) -> (char, Meaning) {
    match row.status.as_str() {
        "quarantined" => ('X', Meaning::Fault),
        "offered" => ('.', Meaning::Faint),
        _ if row.forks > 0 => ('X', Meaning::Fault),
        _ if late(row, now) => ('!', Meaning::Alarm),
        _ => (' ', Meaning::Plain),
    }
}

fn facts(row: &DeviceInfo, now: UnixSeconds) -> Vec<Fact> {
    let carried = &row.carried;
    let (_, meaning) = sign(row, now);
    let mut facts = vec![
        Fact::new("status", Cell::word(&row.status)).meant(meaning),
        Fact::new("out", credit(carried.yuan, CreditUnit::Yuan)).strong(),
    ];
    if carried.kwh != 0 {
        facts.push(Fact::new("out", credit(carried.kwh, CreditUnit::Kwh)).strong());
    }
    facts.push(Fact::new("tokens-out", Cell::Number(carried.tokens)));
    if let Some(oldest) = carried.oldest {
        facts.push(Fact::new("oldest", Cell::Age(oldest)));
    }
    facts.push(Fact::new("last-seen", Cell::age(row.last_seen)));
    facts
}

/// All of them.
pub async fn list(office: &Office) -> Result<Page, OfficeError> {
    let now = office.now();
    let rows = office.devices().await?;
    let lines = rows.iter().map(|row| Line {
        key: row.device.to_string(),
        sign: sign(row, now),
        cells: vec![
            Cell::text(&row.device),
            Cell::Number(row.carried.tokens),
            Cell::age(row.last_seen),
        ],
        facts: facts(row, now),
        leads: Some(Query::Device(row.device.clone())),
    });
    let table = Table { name: "devices", columns: COLUMNS, lines: lines.collect() };
    Ok(Page::of(vec![Part::Table(table)]))
}

/// One of them.
///
/// # Errors
/// [`OfficeError::NoDevice`].
pub async fn find(office: &Office, device: &DeviceId) -> Result<DeviceInfo, OfficeError> {
    let found = office.devices().await?.into_iter().find(|row| row.device == *device);
    found.ok_or_else(|| OfficeError::NoDevice(device.clone()))
}

/// Everything about one.
pub async fn card(office: &Office, device: &DeviceId) -> Result<Page, OfficeError> {
    let (row, now) = (find(office, device).await?, office.now());
    let mut parts = Vec::new();
    match row.status.as_str() {
        "quarantined" => parts.push(Part::Say(Meaning::Fault, "say-quarantined")),
        _ if late(&row, now) => parts.push(Part::Say(Meaning::Alarm, "say-late")),
        _ => {}
    }
    if row.forks > 0 {
        parts.push(Part::Say(Meaning::Fault, "say-forks"));
    }
    parts.push(Part::Facts(facts(&row, now)));
    parts.push(Part::Facts(vec![
        Fact::new("life", Cell::Number(u64::from(row.epoch))),
        Fact::new("entries", Cell::Number(row.events)),
        Fact::new("receipts", Cell::Number(row.receipts)),
        Fact::new("forks", Cell::Number(row.forks)),
        Fact::new("software", Cell::known(Some(&row.software).filter(|text| !text.is_empty()))),
    ]));
    let operators = office.operators().await?;
    let granted = operators.iter().filter_map(|one| {
        let (_, shown) = one.grants.iter().find(|(name, _)| *name == device.as_str())?;
        Some(Line {
            key: one.entry.id.to_string(),
            sign: (if *shown { '+' } else { '.' }, Meaning::Plain),
            cells: vec![
                Cell::text(&one.entry.id),
                Cell::text(&one.entry.name),
                Cell::word(if *shown { "logged-in" } else { "not-logged-in" }),
            ],
            facts: Vec::new(),
            leads: None,
        })
    });
    let lines = granted.collect();
    parts.push(Part::Table(Table { name: "granted-here", columns: GRANTED, lines }));
    Ok(Page::of(parts))
}
