//! Rounds: a list of meters to be read, in any order, over all lines at once, until all have
//! answered; and of such meters the load curve or the daily freezes.
//!
//! Everything a round knows is in the journal: its list, how each meter ended, every reading. It
//! can be stopped at any moment and carried on days later. A figure that a person typed is a step
//! of its own, with a reason; it never becomes a reading, and a reading is never typed over.

pub mod curve;
pub mod export;
pub mod facts;
pub mod given;
pub mod keep;
pub mod plausible;
pub mod report;
mod typing;
mod visit;

use self::export::EXPORT;
use self::keep::Kept;
use self::plausible::Against;
use super::boxes;
use super::errand::{
    self, Answer, Ask, Errand, Field, FieldKind, PASSWORD, Row, Sheet, Sign, Site, Values, choice,
};
use super::failure::{fail, store as store_failure};
use super::views::Failure;
use crate::report::Code;
use crate::store::{AreaMeter, Event, Stamp, Step, Store};
pub use crate::table::list;
use crate::table::list::{Expected, List, Wanted};
use crate::table::read as table;
use crate::units::{Energy, ErrandKind, Mark, MeterNo, StepState, WorkId};

/// What is read at each meter: the card and what shows whether it can be true; load records; daily
/// freezes.
pub const WHAT: &[&str] = &["round-card", "round-curve", "round-days"];
/// Passes over the meters that are still missing, where nobody says how many.
const PASSES: i64 = 3;
/// Pause between two passes, s: what was in the way on the line may be gone.
const PAUSE_S: i64 = 30;
/// Largest of either.
const MOST: i64 = 3_600;
/// Most meters on one list.
pub const MAX_METERS: usize = 10_000;
/// Longest reason for a typed figure, bytes.
const MAX_REASON: usize = 200;

const FIELDS: &[Field] = &[
    Field { key: "round-what", kind: FieldKind::Choice(WHAT), required: false },
    Field { key: "meters", kind: FieldKind::Meters, required: false },
    Field { key: given::OFFICE, kind: FieldKind::Text, required: false },
    Field { key: "round-file", kind: FieldKind::File, required: false },
    Field { key: "round-all", kind: FieldKind::Switch, required: false },
    Field { key: "round-area", kind: FieldKind::Text, required: false },
    Field { key: "round-box", kind: FieldKind::Text, required: false },
    Field { key: "round-line", kind: FieldKind::Text, required: false },
    Field { key: "round-from", kind: FieldKind::Text, required: false },
    Field { key: "round-to", kind: FieldKind::Text, required: false },
    Field { key: "round-passes", kind: FieldKind::Number, required: false },
    Field { key: "round-pause", kind: FieldKind::Number, required: false },
    Field { key: EXPORT, kind: FieldKind::File, required: false },
    Field { key: "round-bom", kind: FieldKind::Switch, required: false },
];

/// What to do with the meters that did not answer; a figure can be typed for a card only.
const LEFT: &[&str] = &["round-again", "round-later", "round-finish", typing::TYPE];
const LEFT_OF_CURVES: &[&str] = &["round-again", "round-later", "round-finish"];

/// The errand.
pub struct Round;

impl Errand for Round {
    fn kind(&self) -> ErrandKind {
        ErrandKind::Round
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn asks(&self, values: &Values, key: &str) -> bool {
        let window = matches!(key, "round-from" | "round-to");
        // Readings carry no password.
        key != PASSWORD && !window
            || matches!(values.get("round-what"), Some("round-curve" | "round-days"))
    }

    fn plan(&self, site: &Site<'_>, values: &Values) -> Result<Sheet, Failure> {
        let list = wanted(site, values)?;
        let mut sheet = Sheet::new(ErrandKind::Round, None);
        let rows = &mut sheet.rows;
        if let Some(ready) = given::ready(site.desk.store, values, site.moment().at)? {
            rows.push(Row::info(given::OFFICE, ready.round.name));
            if !ready.round.note.is_empty() {
                rows.push(Row::info("round-note", ready.round.note));
            }
        }
        rows.push(Row::info("round-listed", list.meters.len().to_string()));
        for bad in &list.bad {
            let cell = if bad.cell.is_empty() { "-" } else { bad.cell.as_str() };
            let first = match bad.fault {
                list::Fault::Twice(first) => format!(" = {first}"),
                _ => String::new(),
            };
            let value = format!("#{}{first}: {cell}", bad.row);
            rows.push(Row::new(Sign::Bad, bad.fault.as_str(), value));
        }
        for (meter, _) in &list.meters {
            // Without a visit; a meter of unknown kind is told now.
            if let Err(failure) = site.stop(*meter) {
                rows.push(Row::new(Sign::Bad, "round-waits", "").at(*meter).because(failure));
            }
        }
        if list.meters.is_empty() {
            sheet.exit = Some(Code::FieldOdd);
        }
        Ok(sheet)
    }

    fn begin(&self, site: &Site<'_>, values: &Values) -> Result<WorkId, Failure> {
        let list = wanted(site, values)?;
        if list.meters.is_empty() {
            return Err(fail(Code::FieldOdd, "meters"));
        }
        let mut own = values.clone();
        if let Some(ready) = given::ready(site.desk.store, values, site.moment().at)? {
            own.set(given::OFFICE, ready.round.id.to_string());
        }
        // The list has entries of its own: it may be longer than one entry.
        own.set("meters", "");
        if let Some(file) = values.get(EXPORT) {
            // It may be carried on from another folder.
            own.set(EXPORT, export::place(file)?);
        }
        let work = site.begin(ErrandKind::Round, &own)?;
        keep::save(site, work, &list.meters)?;
        if values.get(given::OFFICE).is_some() {
            // The list is in the journal, whole.
            given::let_go(site.desk.store);
        }
        Ok(work)
    }

    fn advance(
        &self,
        site: &Site<'_>,
        work: WorkId,
        answer: &Answer,
        tell: &mut dyn FnMut(&Sheet),
    ) -> Result<Sheet, Failure> {
        let store = site.desk.store;
        let values = errand::wanted(store, work, ErrandKind::Round)?;
        let kept = Kept::of(store, work);
        if kept.ended || !kept.whole {
            return self.sheet(store, work);
        }
        let typed = typing::advance(site, work, answer, &|| self.sheet(store, work))?;
        if let Some(mut sheet) = typed {
            if Kept::of(store, work).missing().is_empty() {
                finish(site, work, &values)?;
                sheet = self.sheet(store, work)?;
            }
            return Ok(sheet);
        }
        match answer.text() {
            Some("round-finish" | "finish") => {
                finish(site, work, &values)?;
                return self.sheet(store, work);
            }
            Some("round-later" | "later") => return self.sheet(store, work),
            _ => {}
        }
        let number = |key, otherwise| -> Result<i64, Failure> {
            Ok(values.number(key)?.unwrap_or(otherwise).clamp(0, MOST))
        };
        let passes = number("round-passes", PASSES)?.max(1);
        let pause = number("round-pause", PAUSE_S)?;
        for pass in 1..=passes {
            if Kept::of(store, work).missing().is_empty() || visit::cancelled(site) {
                break;
            }
            if pass > 1 && !visit::pause(site, pause) {
                break;
            }
            match values.get("round-what") {
                Some("round-curve" | "round-days") => curve::pass(site, work, &values, tell)?,
                _ => visit::pass(site, work, tell)?,
            }
        }
        if Kept::of(store, work).missing().is_empty() {
            finish(site, work, &values)?;
        }
        let mut sheet = self.sheet(store, work)?;
        if !sheet.done {
            sheet.ask = left(&values);
        }
        if visit::cancelled(site) {
            (sheet.ask, sheet.exit) = (Ask::Nothing, Some(Code::Cancelled));
        }
        Ok(sheet)
    }

    fn sheet(&self, store: &Store, work: WorkId) -> Result<Sheet, Failure> {
        let values = errand::wanted(store, work, ErrandKind::Round)?;
        let kept = Kept::of(store, work);
        let mut sheet = report::sheet(work, &kept);
        sheet.rows.extend(given::row(store, &values));
        sheet.rows.extend(export::row(store, work, &values));
        // When all that are missing were gone to in vain a person is asked, after a restart too.
        let missing = kept.missing();
        if !sheet.done && !missing.is_empty() && missing.iter().all(|place| place.read.is_some()) {
            sheet.ask = left(&values);
        }
        Ok(sheet)
    }
}

/// The question about the meters that did not answer.
fn left(values: &Values) -> Ask {
    match values.get("round-what") {
        Some("round-curve" | "round-days") => Ask::Choice("round-left", LEFT_OF_CURVES),
        _ => Ask::Choice("round-left", LEFT),
    }
}

/// Ends a round: what is missing stays missing, by a person's word or because nothing is.
fn finish(site: &Site<'_>, work: WorkId, values: &Values) -> Result<(), Failure> {
    let kept = Kept::of(site.desk.store, work);
    let mut notes = values.notes();
    let tally = report::tally(&kept);
    for (name, count) in [
        ("read", tally.read),
        ("typed", tally.typed),
        ("missing", tally.missing),
        ("odd", tally.odd),
    ] {
        notes.push((name.to_owned(), count.to_string()));
    }
    site.step((work, ErrandKind::Round), None, Step::WHOLE, StepState::Done, notes)
}

/// The list a form asks for.
fn wanted(site: &Site<'_>, values: &Values) -> Result<List, Failure> {
    values.check(FIELDS)?;
    let store = site.desk.store;
    if values.get("round-what").is_some_and(|what| what != "round-card") {
        curve::Window::of(values)?;
    }
    let mut list = List::default();
    if let Some(ready) = given::ready(store, values, site.moment().at)? {
        list.meters = ready.meters;
        return Ok(list);
    }
    let mut add = |meter: MeterNo, wanted: Wanted| {
        if list.meters.iter().all(|(known, _)| *known != meter) {
            list.meters.push((meter, wanted));
        }
    };
    if values.get("meters").is_some() {
        let named = choice::meters(store, values, "meters")?;
        named.into_iter().for_each(|meter| add(meter, Wanted::default()));
    }
    if let Some(name) = values.get("round-box") {
        let users = boxes::members(store, name, None)?;
        users.into_iter().for_each(|meter| add(meter, Wanted::default()));
    }
    let (area, line) = (values.get("round-area"), values.get("round-line"));
    if values.switch("round-all") || area.is_some() || line.is_some() {
        let fits = |meter: &AreaMeter| {
            area.is_none_or(|area| area == meter.area)
                && line.is_none_or(|line| line == meter.place.line)
        };
        let pages = (0..).map_while(|number| store.area_page(number));
        for meter in pages.flat_map(|page| page.meters).filter(fits) {
            add(meter.no, Wanted::default());
        }
    }
    if let Some(file) = values.get("round-file") {
        let read = of_file(file)?;
        list.bad = read.bad;
        let mut seen: std::collections::BTreeSet<MeterNo> =
            list.meters.iter().map(|(meter, _)| *meter).collect();
        let new = read.meters.into_iter().filter(|(meter, _)| seen.insert(*meter));
        list.meters.extend(new.collect::<Vec<_>>());
    }
    if list.meters.len() > MAX_METERS {
        let detail = format!("meters: {} > {MAX_METERS}", list.meters.len());
        return Err(fail(Code::FieldOdd, detail));
    }
    Ok(list)
}

/// The list in a file.
///
/// # Errors
/// [`Code::File`]: it cannot be read, or has no row that names a column of meter numbers.
pub fn of_file(path: &str) -> Result<List, Failure> {
    use std::io::Read;
    let unread = |error: std::io::Error| fail(Code::File, format!("{path}: {error}"));
    let mut bytes = Vec::new();
    let limit = table::MAX_FILE as u64 + 1;
    let file = std::fs::File::open(path).map_err(unread)?;
    file.take(limit).read_to_end(&mut bytes).map_err(unread)?;
    let rows = table::rows(&bytes)?;
    let list = list::list(&rows);
    if list.header.is_none() {
        return Err(fail(Code::File, format!("{path}: meter")));
    }
    Ok(list)
}

/// Notes a figure that a person read off the meter, marked as typed.
///
/// # Errors
/// [`Code::FieldOdd`]: no reason, a negative figure, or a meter that is not on the list;
/// [`Code::ReadingStands`] where the meter itself has answered or the round has ended; store
/// failures.
pub fn type_in(
    store: &Store,
    stamp: &Stamp,
    work: WorkId,
    (meter, energy): (MeterNo, Energy),
    reason: &str,
) -> Result<Sheet, Failure> {
    errand::wanted(store, work, ErrandKind::Round)?;
    let kept = Kept::of(store, work);
    let reason = reason.trim();
    let long = reason.is_empty() || reason.len() > MAX_REASON;
    if long || !(0..plausible::REGISTER_END).contains(&energy.0) {
        return Err(fail(Code::FieldOdd, if long { "round-reason" } else { "energy" }));
    }
    let Some(place) = kept.meters.iter().find(|place| place.meter == meter) else {
        return Err(fail(Code::FieldOdd, format!("meter: {meter}")));
    };
    if kept.ended || place.is_read() {
        return Err(fail(Code::ReadingStands, meter.to_string()));
    }
    let facts = facts::Facts::typed(energy, stamp.at);
    let odd = odd(store, meter, &facts, &place.wanted.expected);
    let mut notes = facts.notes();
    notes.push(("reason".to_owned(), reason.to_owned()));
    notes.extend(odd.iter().map(keep::note_of));
    let step = (facts::MANUAL, StepState::Done);
    errand::step(store, stamp, (work, ErrandKind::Round), Some(meter), step, notes)?;
    Round.sheet(store, work)
}

/// Entries of a meter looked at for what was known of it.
const LOOK_BACK: usize = 64;

/// What is odd about a reading that is not in the journal yet.
fn odd(
    store: &Store,
    meter: MeterNo,
    facts: &facts::Facts,
    expected: &Expected,
) -> Vec<plausible::Anomaly> {
    let past = facts::Past::of(&store.events_for(meter, true, LOOK_BACK));
    let marks = store.marks_of(meter);
    let kept = marks.iter().find(|row| row.mark == Mark::KeepPower).map(|row| row.since);
    plausible::judge(facts, &Against { past: &past, expected, kept_since: kept })
}

/// Writes an entry from wherever.
fn append(store: &Store, stamp: &Stamp, event: Event) -> Result<(), Failure> {
    store.append(stamp, event).map(drop).map_err(|error| store_failure(&error))
}
