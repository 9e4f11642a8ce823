//! One pass of a round over the meters that have not answered yet: all lines at once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::facts::{EXTRA, Facts, READ};
use super::keep::{self, Kept, Place};
use super::report::BACK;
use super::{append, given, odd, report};
use crate::jobs::address::BusAddress;
use crate::jobs::errand::{self, Sheet, Site};
use crate::jobs::lines::{self, Ended, Stop};
use crate::jobs::swap::back;
use crate::jobs::views::{Failure, QuickRead};
use crate::jobs::{Line, ask, meter_log, read};
use crate::profile::Protocol;
use crate::report::Code;
use crate::store::{Event, Reading, Stamp};
use crate::units::{ErrandKind, Mark, MeterNo, StepState, WorkId};

/// How long at a time nobody looks whether everything was stopped.
const SLICE: Duration = Duration::from_millis(100);

/// Whether everything is to stop.
pub fn cancelled(site: &Site<'_>) -> bool {
    site.crew.cancel.load(Ordering::Relaxed)
}

/// Waits between two passes; false when it was stopped meanwhile.
pub fn pause(site: &Site<'_>, seconds: i64) -> bool {
    let slices = u64::try_from(seconds).unwrap_or(0).saturating_mul(10);
    for _ in 0..slices {
        if cancelled(site) {
            return false;
        }
        std::thread::sleep(SLICE);
    }
    !cancelled(site)
}

/// What a visit brings.
pub type Taken = (Box<QuickRead>, Facts, Reading);

/// Where the meters of a pass are: by the area list, and by the round's own list where that has no
/// line. Meters of unknown kind are told at once.
pub fn stops(
    site: &Site<'_>,
    places: &[&Place],
    refuse: &mut dyn FnMut(MeterNo, Failure),
) -> Vec<Stop> {
    let mut stops = Vec::new();
    for place in places {
        match site.stop(place.meter) {
            Ok(mut stop) => {
                if stop.place.line.is_empty() {
                    stop.place.line.clone_from(&place.wanted.line);
                }
                stops.push(stop);
            }
            Err(failure) => refuse(place.meter, failure),
        }
    }
    stops
}

/// Visits every meter that is missing.
///
/// # Errors
/// Store failures: what was read and could not be written down is read again.
pub fn pass(site: &Site<'_>, work: WorkId, tell: &mut dyn FnMut(&Sheet)) -> Result<(), Failure> {
    let kept = Kept::of(site.desk.store, work);
    let missing = kept.missing();
    let mut progress = report::Progress::of(work, &kept);
    let mut written = Ok(());
    let mut each = |ended: Ended<Taken>| {
        let expected = missing.iter().find(|place| place.meter == ended.meter);
        let expected = expected.map(|place| place.wanted.expected.clone()).unwrap_or_default();
        if written.is_ok() {
            written = note(site, work, &ended, &expected);
        }
        tell(progress.add(ended.meter, ended.result.as_ref().map(|taken| &taken.1)));
    };
    let mut refused = Vec::new();
    let stops = stops(site, &missing, &mut |meter, failure| refused.push((meter, failure)));
    for (meter, failure) in refused {
        each(Ended { meter, port: None, result: Err(failure), at: site.moment() });
    }
    let routes = lines::routes(stops, site.chosen, site.forced);
    lines::visit(site.crew, &routes, &take, &mut each);
    written
}

/// Writes down how a visit ended.
fn note(
    site: &Site<'_>,
    work: WorkId,
    ended: &Ended<Taken>,
    expected: &super::list::Expected,
) -> Result<(), Failure> {
    let store = site.desk.store;
    let stamp = ended.at.stamp(site.desk.session.operator());
    let of = (work, ErrandKind::Round);
    match &ended.result {
        Ok((_, facts, reading)) => {
            // Judged before it is written down: it is not its own past.
            let odd = odd(store, ended.meter, facts, expected);
            let (alarm, kept) = back::keep(store, &stamp, reading.clone());
            kept?;
            keep_power(site, (work, ended.meter), facts, &stamp)?;
            let mut notes = facts.notes();
            notes.extend(alarm.map(|alarm| (BACK.to_owned(), alarm.detail)));
            notes.extend(odd.iter().map(keep::note_of));
            notes.extend(ended.port.iter().map(|port| ("port".to_owned(), port.clone())));
            let digest = reading.frames_digest.iter().map(|byte| format!("{byte:02x}"));
            notes.push(("frames".to_owned(), digest.collect()));
            let step = (READ, StepState::Done);
            errand::step(store, &stamp, of, Some(ended.meter), step, notes)
        }
        // Stopped by a person: that says nothing about the meter.
        Err(Failure { code: Code::Cancelled, .. }) => Ok(()),
        Err(failure) => {
            let step = (READ, StepState::Failed);
            let notes = report::failure_notes(failure, ended.port.as_deref());
            errand::step(store, &stamp, of, Some(ended.meter), step, notes)
        }
    }
}

/// Remembers what the meter's own status says of keep-power, whoever put it there or took it out:
/// supply without credit control is nobody's to forget. A meter that shows no status leaves what
/// is remembered as it is.
fn keep_power(
    site: &Site<'_>,
    (work, meter): (WorkId, MeterNo),
    facts: &Facts,
    stamp: &Stamp,
) -> Result<(), Failure> {
    let (store, mark) = (site.desk.store, Mark::KeepPower);
    let Some(on) = facts.keep_power() else { return Ok(()) };
    if on == store.marks_of(meter).iter().any(|row| row.mark == mark) {
        return Ok(());
    }
    let values = errand::wanted(store, work, ErrandKind::Round)?;
    append(store, stamp, Event::Marked { meter, mark, on, note: given::name(store, &values, work) })
}

/// Reads one meter: its card, and what shows whether it can be true.
fn take(line: &mut Line<'_>, stop: &Stop) -> Result<Taken, Failure> {
    let (mut card, mut reading) = read::read_at(line, stop.meter, &stop.place)?;
    if line.profile.protocol == Protocol::Dlt645_2007
        && let BusAddress::Dlt645(asked) = BusAddress::of(line.profile, &stop.place, stop.meter)?
    {
        // A meter that serves none of it has been read all the same.
        match ask::read(line, asked, &EXTRA, 0) {
            Ok(answers) => {
                let took = u64::try_from(answers.took.as_millis()).unwrap_or(u64::MAX);
                let given = answers.given().into_iter();
                let known = given.filter(|(_, data)| data.iter().any(|byte| *byte != 0xFF));
                meter_log::add(&mut reading, known.collect(), &answers.digest, took);
                card.took_ms = reading.took_ms;
            }
            Err(failure) if failure.code == Code::Cancelled => return Err(failure),
            Err(failure) => tracing::debug!(meter = %stop.meter, ?failure, "only the card"),
        }
    }
    let facts = Facts::of(&card, &reading.items);
    Ok((Box::new(card), facts, reading))
}
