//! What is missing, or too much, after a debit that nobody can vouch for: by the readings in the
//! journal, so that the operator and the office are told the same figures.

use super::errand::{Row, Sign, Site};
use super::judge_acts::{Fall, fall};
use super::read_back;
use crate::store::Event;
use crate::units::{Credit, Evidence, IntentFacts, MeterNo, Outcome, TokenId};

/// How many of the meter's entries are searched.
const HISTORY: usize = 500;

/// The figures as notes of a step: how far the balance fell, how often the amount went, and what
/// went too much, or too little. None where the debit is not in doubt, or was not read back.
pub fn notes(site: &Site<'_>, meter: MeterNo, token: TokenId) -> Vec<(String, String)> {
    let entries = site.desk.store.events_for(meter, true, HISTORY);
    let mut after: Option<Evidence> = None;
    let mut sent: Option<(IntentFacts, Evidence)> = None;
    for entry in entries {
        match entry.event {
            Event::Outcome { token: of, judgement, .. } if of == token && after.is_none() => {
                let open = judgement.decision.outcome() == Outcome::Unknown;
                after = judgement.after.filter(|_| open);
                if after.is_none() {
                    return Vec::new();
                }
            }
            Event::Intent { facts, before } if facts.token == token => {
                sent = Some((facts, before));
                break;
            }
            _ => {}
        }
    }
    let (Some((facts, before)), Some(after)) = (sent, after) else { return Vec::new() };
    let Ok(stop) = site.stop(meter) else { return Vec::new() };
    let found = fall(&facts, &before, &after, read_back::limits(&stop.profile));
    found.map(|found| of_fall(found, facts.credit)).unwrap_or_default()
}

fn of_fall(found: Fall, credit: Credit) -> Vec<(String, String)> {
    let Fall { fell, times, excess } = found;
    let mut notes = vec![("balance-fell".to_owned(), credit.with(fell).to_string())];
    notes.extend(times.map(|times| ("taken-times".to_owned(), times.to_string())));
    let name = match excess {
        0 => return notes,
        1.. => "taken-too-much",
        _ => "taken-too-little",
    };
    notes.push((name.to_owned(), credit.with(excess.saturating_abs()).to_string()));
    notes
}

/// Names of the notes, in the order in which they are shown.
pub const NAMES: [&str; 4] = ["balance-fell", "taken-times", "taken-too-much", "taken-too-little"];

/// Notes as rows.
pub fn rows(notes: &[(String, String)], meter: MeterNo) -> Vec<Row> {
    let known = notes.iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
    known.map(|(name, value)| Row::new(Sign::Unknown, name, value.clone()).at(meter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::CreditUnit;

    #[test]
    fn what_went_too_much_is_named_to_the_fen() {
        let credit = Credit { value: 4_000, unit: CreditUnit::Yuan };
        let named = |fell, times, excess| {
            let notes = of_fall(Fall { fell, times, excess }, credit);
            notes.into_iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>()
        };
        assert_eq!(
            named(8_002, Some(2), 4_000),
            ["balance-fell 80.02 CNY", "taken-times 2", "taken-too-much 40.00 CNY"]
        );
        assert_eq!(
            named(1_500, None, -2_500),
            ["balance-fell 15.00 CNY", "taken-too-little 25.00 CNY"]
        );
        assert_eq!(named(4_001, Some(1), 0), ["balance-fell 40.01 CNY", "taken-times 1"]);
    }
}
