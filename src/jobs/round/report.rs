//! How a round stands, in rows: counts first, then what is odd, what is missing, what was read.

use super::facts::{Facts, MANUAL};
use super::keep::{Kept, Place};
use super::plausible::{Anomaly, Severity, kwh};
use crate::jobs::errand::{Row, Sheet, Sign};
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::units::{ErrandKind, MeterNo, WorkId};

/// The note of a reading of a meter that was swapped out.
pub const BACK: &str = "swapped-back";

/// What a round has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Meters on the list.
    pub listed: usize,
    /// Read from the meter.
    pub read: usize,
    /// Typed by a person.
    pub typed: usize,
    /// Neither.
    pub missing: usize,
    /// Meters with something odd.
    pub odd: usize,
}

/// Counts.
pub fn tally(kept: &Kept) -> Tally {
    let mut tally = Tally { listed: kept.meters.len(), ..Tally::default() };
    for place in &kept.meters {
        match (place.is_read(), place.typed.is_some()) {
            (true, _) => tally.read += 1,
            (false, true) => tally.typed += 1,
            (false, false) => tally.missing += 1,
        }
        tally.odd += usize::from(!place.odd().is_empty());
    }
    tally
}

fn counts(tally: &Tally) -> Vec<Row> {
    let row = |sign, name: &str, count: usize| Row::new(sign, name, count.to_string());
    let warn = |count| if count > 0 { Sign::Warn } else { Sign::Info };
    vec![
        row(Sign::Info, "round-listed", tally.listed),
        row(Sign::Info, "round-read", tally.read),
        row(warn(tally.typed), "round-typed", tally.typed),
        row(warn(tally.missing), "round-missing", tally.missing),
        row(warn(tally.odd), "round-odd", tally.odd),
    ]
}

/// The whole sheet, by the journal.
pub fn sheet(work: WorkId, kept: &Kept) -> Sheet {
    let mut sheet = Sheet::new(ErrandKind::Round, Some(work));
    let tally = tally(kept);
    sheet.rows = counts(&tally);
    if !kept.whole {
        sheet.rows.push(Row::new(Sign::Bad, "round-never-began", ""));
    }
    for place in &kept.meters {
        for anomaly in place.odd() {
            sheet.rows.push(odd_row(place.meter, &anomaly));
        }
    }
    sheet.rows.extend(kept.meters.iter().filter_map(back_row));
    for place in kept.missing() {
        let row = Row::new(Sign::Todo, "round-waits", "").at(place.meter);
        let failed = failure_of(place);
        sheet.rows.push(match failed {
            Some(failure) => Row { sign: Sign::Bad, ..row }.because(failure),
            None => row,
        });
    }
    for place in kept.meters.iter().filter(|place| place.counted().is_some()) {
        sheet.rows.push(read_row(place));
    }
    sheet.done = kept.ended || !kept.whole;
    // Under way, what is missing is no failure yet.
    let partial = tally.missing > 0 || !kept.whole;
    sheet.exit = Some(Code::WorkPartial).filter(|_| sheet.done && partial);
    sheet
}

/// A meter that was swapped out and has answered: it should not hang there.
fn back_row(place: &Place) -> Option<Row> {
    let notes = &place.counted()?.step.notes;
    let (_, detail) = notes.iter().find(|(name, _)| name == BACK)?;
    let alarm = fail(Code::SwappedBack, detail.clone());
    Some(Row::new(Sign::Bad, "swapped-out", "").at(place.meter).because(alarm))
}

/// Something odd as a row.
pub fn odd_row(meter: MeterNo, anomaly: &Anomaly) -> Row {
    let sign = match anomaly.kind.severity() {
        Severity::Alarm => Sign::Bad,
        Severity::Warning => Sign::Warn,
        Severity::Notice => Sign::Info,
    };
    Row::new(sign, anomaly.kind.as_str(), shown(anomaly)).at(meter)
}

/// Both values and the time between them.
pub fn shown(anomaly: &Anomaly) -> String {
    let age = match anomaly.age_s {
        Some(age) if age >= 172_800 => format!(", {} d", age / 86_400),
        Some(age) if age >= 7_200 => format!(", {} h", age / 3_600),
        Some(age) => format!(", {} min", age / 60),
        None => String::new(),
    };
    match anomaly.was.as_str() {
        "-" => format!("{}{age}", anomaly.is),
        was => format!("{was} -> {}{age}", anomaly.is),
    }
}

fn read_row(place: &Place) -> Row {
    let facts = place.facts().unwrap_or_default();
    let value = facts.energy.map(|energy| format!("{} kWh", kwh(energy))).unwrap_or_default();
    let odd = !place.odd().is_empty();
    let (sign, name) = match place.is_read() {
        true => (if odd { Sign::Warn } else { Sign::Good }, "round-read-one"),
        false => (Sign::Warn, "round-typed-one"),
    };
    Row::new(sign, name, value).at(place.meter)
}

/// Why a visit failed, as notes.
pub fn failure_notes(failure: &Failure, port: Option<&str>) -> Vec<(String, String)> {
    let detail: String = failure.detail.chars().take(200).collect();
    let mut notes = vec![("code".to_owned(), failure.code.as_str().to_owned())];
    notes.push(("detail".to_owned(), detail));
    notes.extend(port.map(|port| ("port".to_owned(), port.to_owned())));
    notes
}

/// Why a meter is missing, if it was visited.
pub fn failure_of(place: &Place) -> Option<Failure> {
    failure_in(&place.read.as_ref()?.step.notes)
}

/// The failure that a step's notes tell.
pub fn failure_in(notes: &[(String, String)]) -> Option<Failure> {
    let text = |name: &str| notes.iter().find(|(own, _)| own == name).map(|(_, text)| text);
    let code = Code::named(text("code")?)?;
    Some(Failure { code, detail: text("detail").cloned().unwrap_or_default() })
}

/// Whether a typed figure stands for a meter, and why it was typed.
pub fn reason_of(place: &Place) -> Option<&str> {
    let row = place.typed.as_ref().filter(|row| row.step.name == MANUAL)?;
    row.step.notes.iter().find(|(own, _)| own == "reason").map(|(_, text)| text.as_str())
}

/// The counts while a pass goes on, and the meter that ended last.
pub struct Progress {
    sheet: Sheet,
    tally: Tally,
}

impl Progress {
    /// From how it stood before the pass.
    pub fn of(work: WorkId, kept: &Kept) -> Self {
        Self { sheet: Sheet::new(ErrandKind::Round, Some(work)), tally: tally(kept) }
    }

    /// A meter ended.
    pub fn add(&mut self, meter: MeterNo, result: Result<&Facts, &Failure>) -> &Sheet {
        let last = match result {
            Ok(facts) => {
                self.tally.read += 1;
                self.tally.missing = self.tally.missing.saturating_sub(1);
                let value = facts.energy.map(|energy| format!("{} kWh", kwh(energy)));
                Row::new(Sign::Good, "round-read-one", value.unwrap_or_default())
            }
            Err(failure) => Row::new(Sign::Bad, "round-waits", "").because(failure.clone()),
        };
        self.sheet.rows = counts(&self.tally);
        self.sheet.rows.push(last.at(meter));
        &self.sheet
    }
}
