//! The sheet of a lost handheld: the most it can cost, the meters to visit, and fencing it.

use super::super::page::{Cell, Column, Fact, Line, Page, Part, Table, left, right};
use super::devices::credit;
use crate::office::{Fence, Fencing, LostSheet, Office, OfficeError};
use crate::tui::theme::Meaning;
use crate::units::{Credit, DeviceId};

/// Meter, amount, whether it is safe.
const METERS: &[Column] = &[left(12), right(12), left(0)];
/// Short identity, amount, why it counts or does not.
const TOKENS: &[Column] = &[left(12), right(12), left(0)];
/// Number, name, role.
const PEOPLE: &[Column] = &[left(8), left(0), left(10)];

/// What was not fenced.
const LEFT: &[Column] = &[left(0)];

/// Amounts of several units, a fact each.
fn sums(name: &'static str, sums: &[Credit], meaning: Meaning) -> Part {
    let facts = sums.iter().map(|sum| Fact::new(name, Cell::Credit(*sum)).meant(meaning));
    Part::Facts(facts.collect())
}

fn fence_sign(fence: Fence) -> (char, Meaning) {
    match fence {
        Fence::Open => ('X', Meaning::Fault),
        Fence::Waiting | Fence::Taken => ('!', Meaning::Alarm),
        Fence::Done => ('+', Meaning::Good),
    }
}

/// The sheet's meters.
fn meters(sheet: &LostSheet) -> Part {
    let lines = sheet.meters.iter().map(|meter| {
        let mut facts = vec![
            Fact::new("customer", Cell::text(&meter.customer)),
            Fact::new("location", Cell::text(&meter.location)),
            Fact::new("dangerous-until", Cell::At(meter.until)),
        ];
        if !meter.area.is_empty() {
            facts.push(Fact::new("area", Cell::text(&meter.area)));
        }
        if meter.worst != meter.utmost {
            facts.push(Fact::new("worst", credit(meter.worst, meter.unit)));
        }
        Line {
            key: meter.meter.to_string(),
            sign: fence_sign(meter.fence),
            cells: vec![
                Cell::text(meter.meter),
                credit(meter.utmost, meter.unit),
                Cell::word(format!("fence-{}", meter.fence.name())),
            ],
            facts,
            leads: None,
        }
    });
    Part::Table(Table { name: "meters-to-visit", columns: METERS, lines: lines.collect() })
}

fn tokens(sheet: &LostSheet) -> Part {
    let lines = sheet.tokens.iter().map(|token| Line {
        key: token.token.to_string(),
        sign: if token.why.counts() { ('!', Meaning::Alarm) } else { (' ', Meaning::Faint) },
        cells: vec![
            Cell::text(token.meter),
            Cell::Credit(token.credit),
            Cell::word(format!("why-{}", token.why.name())),
        ],
        facts: vec![Fact::new("token", Cell::text(token.token)).meant(Meaning::Faint)],
        leads: None,
    });
    Part::Table(Table { name: "what-is-out", columns: TOKENS, lines: lines.collect() })
}

fn people(sheet: &LostSheet) -> Part {
    let lines = sheet.operators.iter().map(|one| Line {
        key: one.operator.to_string(),
        sign: (' ', Meaning::Plain),
        cells: vec![Cell::text(&one.operator), Cell::text(&one.name), Cell::word(one.role.name())],
        facts: Vec::new(),
        leads: None,
    });
    Part::Table(Table { name: "could-work", columns: PEOPLE, lines: lines.collect() })
}

/// The figures at the head of the sheet.
fn head(sheet: &LostSheet) -> Vec<Part> {
    let open = sheet.meters.iter().filter(|meter| meter.fence != Fence::Done).count();
    let status = match sheet.status.as_str() {
        "quarantined" => Meaning::Good,
        _ => Meaning::Alarm,
    };
    let mut parts = Vec::new();
    match sheet.utmost.iter().all(|sum| sum.value == 0) {
        true => parts.push(Part::Say(Meaning::Good, "say-no-loss")),
        false => parts.push(sums("utmost", &sheet.utmost, Meaning::Fault)),
    }
    if sheet.worst != sheet.utmost {
        parts.push(sums("worst", &sheet.worst, Meaning::Plain));
    }
    parts.push(sums("face", &sheet.face, Meaning::Plain));
    if sheet.debits.iter().any(|sum| sum.value != 0) {
        parts.push(sums("debits", &sheet.debits, Meaning::Plain));
    }
    parts.push(Part::Facts(vec![
        Fact::new("to-visit", Cell::Number(open as u64)).strong(),
        Fact::new("status", Cell::word(&sheet.status)).meant(status),
        Fact::new("last-seen", Cell::age(sheet.last_seen)),
        Fact::new("clock-floor", Cell::At(sheet.floor)),
    ]));
    parts
}

/// The sheet.
pub fn sheet(sheet: &LostSheet) -> Page {
    let mut parts = head(sheet);
    parts.extend([meters(sheet), tokens(sheet), people(sheet)]);
    Page::of(parts)
}

/// The sheet of a handheld.
pub async fn card(office: &Office, device: &DeviceId) -> Result<Page, OfficeError> {
    Ok(sheet(&office.lost(device).await?))
}

/// What fencing means now.
pub async fn check(
    office: &Office,
    device: &DeviceId,
    to: Option<&DeviceId>,
    days: i64,
) -> Result<Page, OfficeError> {
    let sheet = office.lost(device).await?;
    let mut parts = vec![Part::Say(Meaning::Strong, "say-fence-stops")];
    match to {
        Some(to) => {
            super::devices::find(office, to).await?;
            parts.push(Part::Tell(Meaning::Strong, "say-fence-to", Cell::text(to)));
            let days = Cell::Number(u64::try_from(days).unwrap_or(0));
            parts.push(Part::Facts(vec![Fact::new("days", days)]));
        }
        None => parts.push(Part::Say(Meaning::Alarm, "say-fence-alone")),
    }
    parts.extend(head(&sheet));
    parts.push(Part::Say(Meaning::Plain, "say-fence-until"));
    parts.push(meters(&sheet));
    Ok(Page { proof: Some(device.to_string()), ..Page::of(parts) })
}

/// Fences it.
pub async fn carry_out(
    office: &Office,
    device: &DeviceId,
    to: Option<&DeviceId>,
    days: i64,
) -> Result<Page, OfficeError> {
    let fenced = office.fence(device, &Fencing { to: to.cloned(), days }).await?;
    let mut parts = vec![Part::Facts(vec![
        Fact::new("reissued", Cell::Number(fenced.reissued.len() as u64)).strong(),
        Fact::new("left", Cell::Number(fenced.left.len() as u64)),
    ])];
    let lines = fenced.left.iter().map(|(token, code, said)| Line {
        key: token.to_string(),
        sign: ('!', Meaning::Alarm),
        cells: vec![Cell::text(token)],
        facts: vec![Fact::new("reason", Cell::text(format!("{code}: {said}")))],
        leads: None,
    });
    let lines: Vec<Line> = lines.collect();
    if !lines.is_empty() {
        parts.push(Part::Table(Table { name: "left-out", columns: LEFT, lines }));
    }
    parts.push(Part::Say(Meaning::Plain, "say-fenced-next"));
    parts.extend(head(&fenced.sheet));
    parts.push(meters(&fenced.sheet));
    Ok(Page::of(parts))
}
