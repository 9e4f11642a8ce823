//! Meters and customers: the search, the card, a count put right.

use super::super::act::Act;
use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left, right};
use super::super::query::Query;
use super::devices::credit;
use super::tokens;
use crate::office::{CloseMeter, ClosedMeter, MeterFound, Office, OfficeError};
use crate::tui::theme::Meaning;
use crate::units::{MeterNo, PurchaseCount};

/// Rows of a search: more are found by typing more.
const FOUND_MAX: u32 = 200;

/// Number, customer.
const COLUMNS: &[Column] = &[left(12), left(0)];
/// Class, what happened.
const REVIEWS: &[Column] = &[left(3), left(0)];
/// Name, version, whether it is whole.
const BUNDLES: &[Column] = &[left(0), right(5), left(10)];

fn facts(found: &MeterFound) -> Vec<Fact> {
    let line = &found.line;
    let mut facts = vec![
        Fact::new("meter", Cell::text(line.meter)),
        Fact::new("customer", Cell::text(&line.customer)).strong(),
        Fact::new("location", Cell::text(&line.location)),
    ];
    match found.balance {
        Some(balance) => {
            let meaning = if balance < 0 { Meaning::Fault } else { Meaning::Strong };
            let balance = credit(balance, line.unit);
            facts.push(Fact::new("balance", balance).meant(meaning));
        }
        None => facts.push(Fact::new("balance", Cell::Unknown)),
    }
    let count = found.count.map_or(Cell::Unknown, |count| Cell::Number(u64::from(count.0)));
    facts.push(Fact::new("count", count));
    facts.push(Fact::new("read", Cell::age(found.seen)));
    if let Some(closed) = found.closed {
        facts.insert(0, Fact::new("closed-at", Cell::At(closed)).meant(Meaning::Alarm));
    }
    facts.push(Fact::new("tokens-out", Cell::Number(found.out)));
    facts.push(Fact::new("account", Cell::text(line.account)));
    if !line.area.is_empty() {
        facts.push(Fact::new("area", Cell::text(&line.area)));
    }
    facts
}

fn sign(found: &MeterFound) -> (char, Meaning) {
    match (found.closed, found.balance) {
        (Some(_), _) => ('.', Meaning::Faint),
        (None, Some(balance)) if balance < 0 => ('!', Meaning::Fault),
        (None, None) => ('?', Meaning::Alarm),
        (None, Some(_)) => (' ', Meaning::Plain),
    }
}

/// Those that hold a text.
pub async fn list(office: &Office, text: &str) -> Result<Page, OfficeError> {
    let rows = office.find_meters(text, FOUND_MAX).await?;
    let lines = rows.iter().map(|found| Line {
        key: found.line.meter.to_string(),
        sign: sign(found),
        cells: vec![Cell::text(found.line.meter), Cell::text(&found.line.customer)],
        facts: facts(found),
        leads: Some(Query::Meter(found.line.meter)),
    });
    let table = Table { name: "meters", columns: COLUMNS, lines: lines.collect() };
    let more = rows.len() >= FOUND_MAX as usize;
    Ok(Page { more, ..Page::of(vec![Part::Table(table)]) })
}

/// Everything about one.
pub async fn card(office: &Office, meter: MeterNo) -> Result<Page, OfficeError> {
    let sheet = office.meter_sheet(meter).await?;
    let mut parts = Vec::new();
    if let Some(kept) = &sheet.kept {
        parts.push(Part::Tell(Meaning::Alarm, "say-kept", Cell::Age(kept.since)));
    }
    parts.push(Part::Facts(facts(&sheet.found)));
    if let Some(done) = &sheet.closing {
        parts.push(Part::Facts(vec![
            Fact::new("paid", Cell::Credit(done.paid)).strong(),
            Fact::new("receipt-no", Cell::text(&done.receipt)),
            Fact::new("reason", Cell::text(&done.reason)),
        ]));
    }
    let profile = &sheet.found.line.profile;
    let profile = Some(profile).filter(|name| !name.is_empty());
    parts.push(Part::Facts(vec![
        Fact::new("sold", credit(sheet.held, sheet.found.line.unit)),
        Fact::new("profile", Cell::known(profile)),
    ]));
    if let Some(newest) = sheet.tokens.iter().find(|info| info.row.state.is_out()) {
        parts.push(Part::Facts(vec![Fact::new("token-newest", Cell::text(newest.row.id))]));
    }
    parts.push(Part::Table(tokens::table("tokens", &sheet.tokens)));
    let lines = sheet.reviews.iter().map(|row| Line {
        key: row.id.clone(),
        sign: match row.settled {
            Some(_) => ('+', Meaning::Good),
            None => ('!', Meaning::Alarm),
        },
        cells: vec![Cell::text(&row.class), Cell::Class(row.class.clone())],
        facts: vec![Fact::new("raised", Cell::At(row.raised)).meant(Meaning::Faint)],
        leads: None,
    });
    let lines = lines.collect();
    parts.push(Part::Table(Table { name: "history", columns: REVIEWS, lines }));
    let lines = sheet.bundles.iter().map(|bundle| Line {
        key: bundle.name.clone(),
        sign: if bundle.good { ('+', Meaning::Good) } else { ('!', Meaning::Alarm) },
        cells: vec![
            Cell::text(&bundle.name),
            Cell::Number(u64::from(bundle.version)),
            Cell::word(if bundle.good { "whole" } else { "in-part" }),
        ],
        facts: Vec::new(),
        leads: None,
    });
    let lines = lines.collect();
    parts.push(Part::Table(Table { name: "bundles", columns: BUNDLES, lines }));
    Ok(Page::of(parts))
}

/// What putting a count right means.
pub async fn check_count(
    office: &Office,
    meter: MeterNo,
    count: u32,
    reason: &str,
) -> Result<Page, OfficeError> {
    let sheet = office.meter_sheet(meter).await?;
    let mut parts = vec![Part::Say(Meaning::Strong, "say-counts")];
    let refused = sheet.found.out > 0;
    if refused {
        parts.push(Part::Say(Meaning::Fault, "say-count-out"));
    }
    parts.push(Part::Facts(facts(&sheet.found)));
    parts.push(Part::Facts(vec![
        Fact::new("count-new", Cell::Number(u64::from(count))).strong(),
        Fact::new("reason", Cell::text(reason)),
    ]));
    let proof = Some(tokens::tail(&meter.to_string()));
    Ok(Page { refused, proof, ..Page::of(parts) })
}

/// Puts it right.
pub async fn count(
    office: &Office,
    meter: MeterNo,
    count: u32,
    reason: &str,
) -> Result<Page, OfficeError> {
    office.set_count(meter, PurchaseCount(count), reason).await?;
    card(office, meter).await
}

fn closing(act: &Act) -> Result<CloseMeter, OfficeError> {
    let Act::CloseMeter { meter, reason, paid, receipt } = act else {
        return Err(OfficeError::Usage(act.name().to_owned()));
    };
    let (reason, receipt) = (reason.clone(), receipt.clone());
    Ok(CloseMeter { meter: *meter, reason, paid: *paid, receipt })
}

fn closed(done: &ClosedMeter) -> Vec<Fact> {
    vec![
        Fact::new("meter", Cell::text(done.meter)).strong(),
        Fact::new("account", Cell::text(done.account)),
        Fact::new("balance", Cell::Credit(done.balance)),
        Fact::new("paid", Cell::Credit(done.paid)).strong(),
        Fact::new("receipt-no", Cell::text(&done.receipt)),
        Fact::new("reason", Cell::text(&done.reason)),
    ]
}

/// What closing its account means.
pub async fn check_close(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    let done = office.close_meter_would(&closing(act)?).await?;
    let parts = vec![Part::Say(Meaning::Strong, "say-closes-meter"), Part::Facts(closed(&done))];
    let proof = Some(tokens::tail(&done.meter.to_string()));
    Ok(Page { proof, ..Page::of(parts) })
}

/// Closes it.
pub async fn close(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    let done = office.close_meter(&closing(act)?).await?;
    let says = if done.before { "say-closed-before" } else { "say-closed-meter" };
    Ok(Page::of(vec![Part::Say(Meaning::Strong, says), Part::Facts(closed(&done))]))
}
