//! Lists: tokens in doubt, bundles, sales, lost contact, keep-power.

use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left, right};
use super::super::query::{Query, Span};
use super::devices::{self, credit};
use super::tokens;
use crate::office::{Ages, Office, OfficeError, Period, SaleSum, SalesAsk, SalesBy, TokenAsk};
use crate::tui::theme::Meaning;
use crate::units::Credit;

/// Tokens shown of each state that is in doubt.
const DOUBT_MAX: u32 = 200;
/// A meter nobody has read for so long has lost contact: what `list lost-contact` takes.
const METER_AGE_S: i64 = 35 * 86_400;
/// Meters shown of those.
const SILENT_MAX: u32 = 200;

/// Name, version, meters it is in force in.
const BUNDLES: &[Column] = &[left(0), right(4), right(6)];
/// Time, sold, came back.
const SALES: &[Column] = &[left(10), right(0), right(10)];
/// Name or number, customer or status, how long ago.
const SILENT: &[Column] = &[left(12), left(0), left(11)];

/// Tokens whose money is in doubt.
pub async fn doubt(office: &Office) -> Result<Page, OfficeError> {
    let ask = TokenAsk { limit: DOUBT_MAX, ..TokenAsk::default() };
    let rows = office.tokens_in_doubt(&ask).await?;
    let more = rows.len() >= DOUBT_MAX as usize;
    Ok(Page { more, ..Page::of(vec![Part::Table(tokens::table("doubt", &rows))]) })
}

/// Versions of bundles, and how many meters hold them.
pub async fn bundles(office: &Office) -> Result<Page, OfficeError> {
    let rows = office.bundles().await?;
    let lines = rows.iter().map(|row| {
        let devices: Vec<&str> = row.devices.iter().map(|device| device.as_str()).collect();
        let partial = match row.partial {
            0 => Meaning::Plain,
            _ => Meaning::Alarm,
        };
        Line {
            key: format!("{} v{}", row.name, row.version),
            sign: if row.partial > 0 { ('!', Meaning::Alarm) } else { ('+', Meaning::Good) },
            cells: vec![
                Cell::text(&row.name),
                Cell::Number(u64::from(row.version)),
                Cell::Number(row.meters),
            ],
            facts: vec![
                Fact::new("bundle", Cell::text(&row.name)).strong(),
                Fact::new("version", Cell::Number(u64::from(row.version))),
                Fact::new("in-force", Cell::Number(row.meters)),
                Fact::new("in-part-n", Cell::Number(row.partial)).meant(partial),
                Fact::new("devices", Cell::text(devices.join(", "))),
                Fact::new("last", Cell::age(row.last)),
            ],
            leads: None,
        }
    });
    let table = Table { name: "bundles", columns: BUNDLES, lines: lines.collect() };
    Ok(Page::of(vec![Part::Table(table)]))
}

/// What a span is called at the office.
pub fn period(span: Span) -> Period {
    match span {
        Span::Day => Period::Day,
        Span::Month => Period::Month,
        Span::Year => Period::Year,
    }
}

/// The figures of a sum.
pub fn sale(sum: &SaleSum) -> Vec<Fact> {
    let money = |value| Cell::Credit(Credit { value, unit: sum.unit });
    vec![
        Fact::new("sold", money(sum.net())).strong(),
        Fact::new("issued-sum", money(sum.issued)),
        Fact::new("issued-n", Cell::Number(sum.issued_n)),
        Fact::new("booked-sum", money(sum.booked)),
        Fact::new("booked-n", Cell::Number(sum.booked_n)),
        Fact::new("returned-sum", money(sum.returned)),
        Fact::new("refunded-sum", money(sum.refunded)),
    ]
}

/// What was sold, the newest first.
pub async fn sales(office: &Office, span: Span) -> Result<Page, OfficeError> {
    let ask = SalesAsk { period: period(span), by: SalesBy::All, from: None, to: None };
    let mut rows = office.sales(&ask).await?;
    rows.reverse();
    let lines = rows.iter().map(|row| Line {
        key: row.period.clone(),
        sign: (' ', Meaning::Plain),
        cells: vec![
            Cell::text(&row.period),
            credit(row.sum.net(), row.sum.unit),
            credit(row.sum.returned, row.sum.unit),
        ],
        facts: sale(&row.sum),
        leads: None,
    });
    let zone = Fact::new("zone", Cell::text(office.zone().await?)).meant(Meaning::Faint);
    let by = Fact::new("by", Cell::word(format!("by-{}", span.name())));
    let table = Table { name: "sales", columns: SALES, lines: lines.collect() };
    Ok(Page::of(vec![Part::Facts(vec![by, zone]), Part::Table(table)]))
}

/// The ages from which on contact is lost.
pub fn ages() -> Ages {
    Ages { device_s: devices::LATE_S, meter_s: METER_AGE_S, limit: SILENT_MAX }
}

/// Handhelds and meters nobody has heard of for long.
pub async fn lost_contact(office: &Office) -> Result<Page, OfficeError> {
    let found = office.lost_contact(&ages()).await?;
    let handhelds = found.devices.iter().map(|(row, _)| Line {
        key: row.device.to_string(),
        sign: ('!', Meaning::Alarm),
        cells: vec![Cell::text(&row.device), Cell::word(&row.status), Cell::age(row.last_seen)],
        facts: vec![
            Fact::new("device", Cell::text(&row.device)).strong(),
            Fact::new("status", Cell::word(&row.status)),
            Fact::new("tokens-out", Cell::Number(row.carried.tokens)),
            Fact::new("last-seen", Cell::age(row.last_seen)),
        ],
        leads: Some(Query::Device(row.device.clone())),
    });
    let meters = found.meters.iter().map(|row| Line {
        key: row.line.meter.to_string(),
        sign: ('?', Meaning::Plain),
        cells: vec![
            Cell::text(row.line.meter),
            Cell::text(&row.line.customer),
            Cell::age(row.seen),
        ],
        facts: vec![
            Fact::new("meter", Cell::text(row.line.meter)).strong(),
            Fact::new("customer", Cell::text(&row.line.customer)),
            Fact::new("location", Cell::text(&row.line.location)),
            Fact::new("read", Cell::age(row.seen)),
        ],
        leads: Some(Query::Meter(row.line.meter)),
    });
    let lines = handhelds.chain(meters).collect();
    let more = found.meters.len() >= SILENT_MAX as usize;
    let table = Table { name: "lost-contact", columns: SILENT, lines };
    Ok(Page { more, ..Page::of(vec![Part::Table(table)]) })
}

/// Meters in keep-power, the longest first.
pub async fn kept(office: &Office) -> Result<Page, OfficeError> {
    let rows = office.kept().await?;
    let lines = rows.iter().map(|row| {
        let customer = row.line.as_ref().map(|line| line.customer.clone());
        let location = row.line.as_ref().map(|line| line.location.clone());
        Line {
            key: row.meter.to_string(),
            sign: ('!', Meaning::Alarm),
            cells: vec![
                Cell::text(row.meter),
                Cell::known(customer.as_ref()),
                Cell::Age(row.since),
            ],
            facts: vec![
                Fact::new("meter", Cell::text(row.meter)).strong(),
                Fact::new("customer", Cell::known(customer)),
                Fact::new("location", Cell::known(location)),
                Fact::new("since", Cell::At(row.since)),
                Fact::new("operator", Cell::text(&row.operator)),
                Fact::new("device", Cell::text(&row.device)),
                Fact::new("note", Cell::text(&row.note)),
            ],
            leads: Some(Query::Meter(row.meter)),
        }
    });
    let table = Table { name: "keep-power", columns: SILENT, lines: lines.collect() };
    Ok(Page::of(vec![Part::Table(table)]))
}
