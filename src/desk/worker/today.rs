//! Today: what needs somebody, in figures.

use super::super::page::{Cell, Fact, Page, Part};
use super::devices::{credit, late};
use crate::office::{Office, OfficeError};
use crate::tui::theme::Meaning;

/// A figure that is an alarm when it is not zero.
fn alarm(name: &'static str, number: u64) -> Fact {
    let meaning = if number > 0 { Meaning::Alarm } else { Meaning::Plain };
    Fact::new(name, Cell::Number(number)).meant(meaning)
}

/// The page.
pub async fn page(office: &Office) -> Result<Page, OfficeError> {
    let (report, devices, now) = (office.report().await?, office.devices().await?, office.now());
    let count = |wanted: &dyn Fn(&crate::office::DeviceInfo) -> bool| {
        devices.iter().filter(|row| wanted(row)).count() as u64
    };
    let quarantined = count(&|row| row.status == "quarantined");
    let mut facts = vec![
        alarm("reviews", report.reviews),
        Fact::new("devices", Cell::Number(devices.len() as u64)),
        alarm("late", count(&|row| late(row, now))),
        alarm("quarantined", quarantined),
    ];
    let doubt = report.tokens.iter().filter(|(state, _)| matches!(*state, "suspect" | "disputed"));
    facts.push(alarm("doubt", doubt.map(|(_, n)| n).sum()));
    for balance in report.balances.iter().filter(|balance| balance.place == "transit") {
        facts.push(Fact::new("in-transit", credit(balance.amount, balance.unit)).strong());
    }
    let mut parts = vec![Part::Facts(facts)];
    if report.sound() {
        parts.push(Part::Say(Meaning::Good, "say-sum-zero"));
    } else {
        parts.push(Part::Say(Meaning::Fault, "say-sum-not-zero"));
    }
    Ok(Page::of(parts))
}
