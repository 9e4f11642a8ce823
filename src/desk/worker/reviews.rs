//! The queue of what a person must look at, and what he decides.

use super::super::act::Act;
use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left};
use super::super::query::Query;
use crate::office::{Grounds, Office, OfficeError, ReviewRow, Verdict};
use crate::tui::theme::Meaning;
use crate::units::{Credit, CreditUnit, MeterNo, TokenId, UnixSeconds};

/// How the identity of a call begins about an account that was closed in the field.
pub const CLOSED: &str = "C8:closed:";
/// Class, meter or handheld, age.
const COLUMNS: &[Column] = &[left(3), left(0), left(14)];

fn facts(row: &ReviewRow) -> Vec<Fact> {
    let class = format!("{} ", row.class);
    // The figures stand behind the first words, which are said in the reader's language.
    let figures = row.why.split_once(": ").map(|(_, figures)| figures);
    let figures = figures.filter(|_| crate::text::conflict::why(&row.why).is_some());
    let mut facts = vec![
        Fact::new("class", Cell::Class(row.class.clone())).strong(),
        Fact::new("what-happened", Cell::Why(row.why.clone())),
        Fact::new("code", Cell::text(class.trim())),
        Fact::new("meter", Cell::known(row.meter.as_ref())),
        Fact::new("token", Cell::known(row.token.as_ref())),
        Fact::new("device", Cell::text(&row.device)),
        Fact::new("entry", Cell::Number(row.seq)),
        Fact::new("raised", Cell::Age(row.raised)),
    ];
    if let Some(figures) = figures {
        facts.insert(2, Fact::new("figures", Cell::text(figures)));
    }
    facts
}

fn line(row: &ReviewRow) -> Line {
    // Money that stands still is worse than something to be seen.
    let sign = match row.token {
        Some(_) => ('!', Meaning::Alarm),
        None => ('?', Meaning::Plain),
    };
    Line {
        key: row.id.clone(),
        sign,
        cells: vec![
            Cell::text(&row.class),
            Cell::text(row.meter.as_ref().unwrap_or(&row.device)),
            Cell::Age(row.raised),
        ],
        facts: facts(row),
        leads: Some(Query::Review(row.id.clone())),
    }
}

/// What it rests on, each piece where a person finds it again.
fn evidence(row: &ReviewRow) -> Vec<Part> {
    let rests = &row.rests;
    let entries = rests.entries.iter().map(|entry| {
        let place = format!("{} {}/{}", entry.device, entry.epoch, entry.seq);
        Fact::new("entry", Cell::text(place))
    });
    let receipts = rests.receipts.iter().map(|receipt| {
        Fact::new("receipt", Cell::text(format!("{} {}", receipt.device, receipt.number)))
    });
    let tokens = rests.tokens.iter().map(|token| Fact::new("token", Cell::text(token)));
    let mut parts = vec![Part::Facts(entries.chain(receipts).chain(tokens).collect())];
    for seen in &rests.readings {
        let unit = match seen.unit.as_str() {
            "kwh" => CreditUnit::Kwh,
            _ => CreditUnit::Yuan,
        };
        let money = |value| Cell::Credit(Credit { value, unit });
        parts.push(Part::Facts(vec![
            Fact::new("reading-by", Cell::word(format!("by-{}", seen.source))).strong(),
            Fact::new("meter", Cell::text(&seen.meter)),
            Fact::new("account", Cell::known(seen.account.as_ref())),
            Fact::new("count-read", Cell::Number(u64::from(seen.count))),
            Fact::new("balance", seen.balance.map_or(Cell::Unknown, money)),
            Fact::new("read-at", Cell::At(UnixSeconds(seen.read_at))),
        ]));
    }
    parts
}

/// What is open, oldest first.
pub async fn list(office: &Office) -> Result<Page, OfficeError> {
    // What waited too long for something is a person's from here on.
    office.call_overdue().await?;
    let rows = office.reviews(false).await?;
    let lines = rows.iter().map(line).collect();
    Ok(Page::of(vec![Part::Table(Table { name: "reviews", columns: COLUMNS, lines })]))
}

/// One of them, settled or not.
async fn find(office: &Office, id: &str) -> Result<ReviewRow, OfficeError> {
    office.review(id).await
}

/// What a meter holds by its last proof.
async fn held(office: &Office, meter: MeterNo) -> Result<Cell, OfficeError> {
    let found = office.find_meters(&meter.to_string(), 1).await?.into_iter().next();
    let held = found.and_then(|found| Some((found.balance?, found.line.unit)));
    Ok(held.map_or(Cell::Unknown, |(value, unit)| Cell::Credit(Credit { value, unit })))
}

/// Everything about one: what happened, the evidence, what it means.
pub async fn card(office: &Office, id: &str) -> Result<Page, OfficeError> {
    let row = find(office, id).await?;
    let mut parts = Vec::new();
    if let Some((verdict, reason)) = &row.settled {
        parts.push(Part::Facts(vec![
            Fact::new("settled", Cell::word(verdict)).meant(Meaning::Good),
            Fact::new("reason", Cell::text(reason)),
        ]));
    }
    parts.push(Part::Facts(facts(&row)));
    let name = match (&row.token, row.class.as_str()) {
        (Some(_), _) => "say-settle",
        (None, "C6") => "say-parallel",
        (None, "C8") if row.id.starts_with(CLOSED) => "say-close-account",
        (None, _) => "say-close",
    };
    // What is settled needs nothing more.
    if row.settled.is_none() {
        parts.push(Part::Head("what-to-do"));
        parts.push(Part::Say(Meaning::Plain, name));
    }
    if let Some(meter) = row.meter.as_ref().and_then(|meter| meter.parse().ok()) {
        let listed = match office.meter(meter).await {
            Ok(listed) => vec![
                Fact::new("customer", Cell::text(&listed.customer)),
                Fact::new("location", Cell::text(&listed.location)),
                Fact::new("account", Cell::text(listed.account)),
                Fact::new("balance", held(office, meter).await?),
            ],
            Err(OfficeError::NoMeter(_)) => vec![Fact::new("customer", Cell::Unknown)],
            Err(error) => return Err(error),
        };
        parts.push(Part::Head("the-meter"));
        parts.push(Part::Facts(listed));
    }
    if row.rests != Grounds::default() {
        parts.push(Part::Head("rests-on"));
        parts.extend(evidence(&row));
    }
    Ok(Page::of(parts))
}

/// The things about a token that are open.
async fn about(office: &Office, token: TokenId) -> Result<Vec<ReviewRow>, OfficeError> {
    let id = token.to_string();
    let rows = office.reviews(false).await?.into_iter();
    Ok(rows.filter(|row| row.token.as_ref() == Some(&id)).collect())
}

/// What a decision means, before it is made.
pub async fn check(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::Settle { token, booked, reason } => {
            let open = about(office, *token).await?;
            let verdict = if *booked { "booked" } else { "not-booked" };
            let says = if *booked { "say-booked" } else { "say-not-booked" };
            let mut parts = vec![
                Part::Say(Meaning::Strong, says),
                Part::Facts(vec![
                    Fact::new("token", Cell::text(token)),
                    Fact::new("verdict", Cell::word(verdict)).strong(),
                    Fact::new("reason", Cell::text(reason)),
                ]),
            ];
            for row in &open {
                parts.push(Part::Head("about"));
                parts.push(Part::Facts(facts(row)));
            }
            let mut page = Page::of(parts);
            // The last figures of the meter: they stand in the evidence above.
            let meter = open.iter().find_map(|row| row.meter.as_ref());
            page.proof = Some(super::tokens::tail(meter.unwrap_or(&token.to_string())));
            Ok(page)
        }
        Act::CloseReview { id, reason } => {
            let row = find(office, id).await?;
            let parts = vec![
                Part::Say(Meaning::Strong, "say-closes"),
                Part::Facts(facts(&row)),
                Part::Facts(vec![Fact::new("reason", Cell::text(reason))]),
            ];
            let refused = row.token.is_some() || row.settled.is_some();
            Ok(Page { refused, ..Page::of(parts) })
        }
        other => Err(OfficeError::Usage(other.name().to_owned())),
    }
}

/// Decides.
pub async fn carry_out(office: &Office, act: &Act) -> Result<Page, OfficeError> {
    match act {
        Act::Settle { token, booked, reason } => {
            let verdict = if *booked { Verdict::Booked } else { Verdict::NotBooked };
            let state = office.settle_proved(*token, verdict, (reason, None)).await?;
            Ok(Page::of(vec![
                Part::Facts(vec![
                    Fact::new("token", Cell::text(token)),
                    Fact::new("state", Cell::word(state.name())).strong(),
                ]),
                Part::Say(Meaning::Plain, "say-device-hears"),
            ]))
        }
        Act::CloseReview { id, reason } => {
            office.close_review(id, reason).await?;
            let row = find(office, id).await?;
            Ok(Page::of(vec![Part::Facts(facts(&row))]))
        }
        other => Err(OfficeError::Usage(other.name().to_owned())),
    }
}
