//! A figure typed in on a round's page: which meter, what its face shows, why it was not read.
//!
//! What was said so far is a step of the round, so that every answer finds the one before it. The
//! figure itself is written by [`super::type_in`] when all three are there; whoever goes on with
//! the round instead gives the typing up.

use super::keep::Kept;
use super::{LEFT, plausible, type_in};
use crate::jobs::errand::{Answer, Ask, FieldKind, Row, Sheet, Sign, Site};
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::Store;
use crate::units::{Energy, ErrandKind, MeterNo, StepState, WorkId};

/// The choice that begins it.
pub const TYPE: &str = "round-type";
/// The step, and its notes.
const STEP: &str = "round-typing";
const METER: &str = "meter";
const ENERGY: &str = "energy";

/// What was said so far.
#[derive(Debug, Default, Clone, Copy)]
struct Said {
    meter: Option<MeterNo>,
    energy: Option<Energy>,
}

impl Said {
    /// Of the step that is open; none where nobody is typing.
    fn of(store: &Store, work: WorkId) -> Option<Self> {
        let row = store.step(work, None, STEP)?;
        let open = row.step.state == StepState::Begun;
        let note = |name: &str| {
            let found = row.step.notes.iter().find(|(own, _)| own == name);
            found.map(|(_, text)| text.as_str())
        };
        let meter = note(METER).and_then(|text| text.parse().ok());
        let energy = note(ENERGY).and_then(|text| text.parse().ok()).map(Energy);
        open.then_some(Self { meter, energy })
    }

    fn keep(self, site: &Site<'_>, work: WorkId, state: StepState) -> Result<(), Failure> {
        let meter = self.meter.map(|meter| (METER.to_owned(), meter.to_string()));
        let energy = self.energy.map(|energy| (ENERGY.to_owned(), energy.0.to_string()));
        let notes = meter.into_iter().chain(energy).collect();
        site.step((work, ErrandKind::Round), None, STEP, state, notes)
    }

    fn ask(self) -> Ask {
        match (self.meter, self.energy) {
            (None, _) => Ask::Enter("round-which", FieldKind::Meter),
            (_, None) => Ask::Enter("round-figure", FieldKind::Money),
            _ => Ask::Enter("round-why", FieldKind::Text),
        }
    }

    /// The round's sheet with the next question; on top what was said, and what was wrong with it.
    fn asking(self, store: &Store, mut sheet: Sheet, wrong: Option<Failure>) -> Sheet {
        let mut top = Vec::new();
        if let Some(failure) = wrong {
            top.push(Row::new(Sign::Bad, STEP, "").because(failure));
        }
        if let Some(meter) = self.meter {
            let value = self.energy.map(|energy| format!("{} kWh", plausible::kwh(energy.0)));
            top.push(Row::new(Sign::Doing, STEP, value.unwrap_or_default()).at(meter));
            if let Some(row) = store.meter(meter) {
                top.push(Row::info("customer", row.customer));
                top.push(Row::info("location", row.location));
            }
        }
        sheet.rows.splice(0..0, top);
        (sheet.ask, sheet.exit) = (self.ask(), None);
        sheet
    }
}

/// Takes an answer that belongs to the typing; none where the round goes on without. `sheet` is how
/// the round stands by the journal.
///
/// # Errors
/// Store failures. What cannot be a number, a figure or a reason is asked for again.
pub fn advance(
    site: &Site<'_>,
    work: WorkId,
    answer: &Answer,
    sheet: &dyn Fn() -> Result<Sheet, Failure>,
) -> Result<Option<Sheet>, Failure> {
    let store = site.desk.store;
    let begins = |text: &str| matches!(text, TYPE | "type");
    let (said, text) = match (Said::of(store, work), answer.text()) {
        (_, Some(text)) if begins(text) => {
            let kept = Kept::of(store, work);
            let missing = kept.missing();
            let only = missing.first().filter(|_| missing.len() == 1);
            let said = Said { meter: only.map(|place| place.meter), energy: None };
            said.keep(site, work, StepState::Begun)?;
            return Ok(Some(said.asking(store, sheet()?, None)));
        }
        (None, _) => return Ok(None),
        (Some(said), Some(text)) if !LEFT.contains(&text) => (said, text),
        (Some(said), _) => {
            said.keep(site, work, StepState::Skipped)?;
            return Ok(None);
        }
    };
    let next = match (said.meter, said.energy) {
        (None, _) => of_list(store, work, text).map(|meter| Said { meter: Some(meter), ..said }),
        (_, None) => {
            let read = Energy::parse(text).filter(|e| (0..plausible::REGISTER_END).contains(&e.0));
            let odd = || fail(Code::FieldOdd, format!("energy: {text}"));
            read.ok_or_else(odd).map(|energy| Said { energy: Some(energy), ..said })
        }
        (Some(meter), Some(energy)) => {
            match type_in(store, &site.stamp(), work, (meter, energy), text) {
                Ok(sheet) => {
                    said.keep(site, work, StepState::Done)?;
                    return Ok(Some(sheet));
                }
                Err(failure) => Err(failure),
            }
        }
    };
    match next {
        Ok(next) => {
            next.keep(site, work, StepState::Begun)?;
            Ok(Some(next.asking(store, sheet()?, None)))
        }
        // A store that fails is no odd figure.
        Err(failure) if !matches!(failure.code, Code::FieldOdd | Code::ReadingStands) => {
            Err(failure)
        }
        Err(failure) => Ok(Some(said.asking(store, sheet()?, Some(failure)))),
    }
}

/// A meter of the round that has not answered.
fn of_list(store: &Store, work: WorkId, text: &str) -> Result<MeterNo, Failure> {
    let odd = || fail(Code::FieldOdd, format!("meter: {text}"));
    let meter: MeterNo = text.parse().map_err(|_| odd())?;
    let kept = Kept::of(store, work);
    match kept.meters.iter().find(|place| place.meter == meter) {
        None => Err(odd()),
        Some(place) if place.is_read() => Err(fail(Code::ReadingStands, meter.to_string())),
        Some(_) => Ok(meter),
    }
}
