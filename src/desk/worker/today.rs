//! Today: what needs somebody, in figures.

use super::super::page::{Cell, Fact, Page, Part};
use crate::office::{Office, OfficeError, TokenAsk};
use crate::tui::theme::Meaning;
use crate::units::Credit;

/// A figure that is an alarm when it is not zero.
fn alarm(name: &'static str, number: u64) -> Fact {
    let meaning = if number > 0 { Meaning::Alarm } else { Meaning::Plain };
    Fact::new(name, Cell::Number(number)).meant(meaning)
}

/// The page.
pub async fn page(office: &Office) -> Result<Page, OfficeError> {
    let today = office.today().await?;
    let mut parts = vec![match today.sound {
        true => Part::Say(Meaning::Good, "say-sum-zero"),
        false => Part::Say(Meaning::Fault, "say-sum-not-zero"),
    }];
    let mut facts = Vec::new();
    facts.extend(today.carried.iter().map(|sum| Fact::new("carried", Cell::Credit(*sum)).strong()));
    if today.quarantined > 0 {
        facts.push(alarm("quarantined-n", today.quarantined));
    }
    if today.swaps > 0 {
        facts.push(Fact::new("swaps-open", Cell::Number(today.swaps)));
    }
    facts.extend(
        office
            .key_warnings()
            .iter()
            .map(|warning| Fact::new("keys", Cell::text(warning)).meant(Meaning::Alarm)),
    );
    // What stands behind the rows of the menu.
    facts.push(alarm("reviews", today.reviews));
    facts.push(Fact::new("devices", Cell::Number(today.devices)));
    facts.push(alarm("late", today.silent));
    facts.push(alarm("kept", today.kept));
    let doubt = office.tokens_in_doubt(&TokenAsk::default()).await?;
    facts.push(alarm("doubt", doubt.len() as u64));
    facts.push(Fact::new("drafts", Cell::Number(today.drafts)));
    let sold = |value, unit| Cell::Credit(Credit { value, unit });
    facts.extend(today.sums.iter().map(|sum| Fact::new("sold", sold(sum.net(), sum.unit))));
    parts.push(Part::Facts(facts));
    Ok(Page::of(parts))
}
