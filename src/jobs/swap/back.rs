//! Meters that were swapped out and show up again, and meters in another one's place.

use crate::jobs::failure::{self, fail};
use crate::jobs::views::{Failure, SurveyMeter, SurveyProtocol};
use crate::report::Code;
use crate::store::{Event, Reading, Stamp, Store};
use crate::units::{Evidence, Mark, MeterNo};

/// Whether a meter was swapped out: what to say of it.
pub fn alarm(store: &Store, meter: MeterNo) -> Option<Failure> {
    let mark = store.marks_of(meter).into_iter().find(|row| row.mark == Mark::SwappedOut)?;
    // The note is the new meter's number and the errand's identity.
    let new = mark.note.split(' ').next().unwrap_or_default();
    Some(fail(Code::SwappedBack, format!("{meter} > {new}")))
}

/// The same when it was just read: written down too, once for every reading that is journaled. What
/// keeps that from being written is logged; the alarm is shown all the same.
pub fn seen(
    store: &Store,
    stamp: &Stamp,
    meter: MeterNo,
    evidence: Option<&Evidence>,
) -> Option<Failure> {
    let alarm = alarm(store, meter)?;
    let event = Event::Refused {
        token: None,
        meter,
        code: alarm.code.as_str().to_owned(),
        evidence: evidence.cloned(),
    };
    if let Err(error) = store.append(stamp, event) {
        tracing::warn!(%error, "alarm not journaled");
    }
    Some(alarm)
}

/// Keeps a reading, from wherever it came, and says whether that meter should hang there at all:
/// the way into the journal of every reading that no money act takes.
///
/// # Errors
/// The store's; the alarm is raised all the same.
pub fn keep(
    store: &Store,
    stamp: &Stamp,
    reading: Reading,
) -> (Option<Failure>, Result<(), Failure>) {
    let (meter, evidence) = (reading.meter, reading.evidence.clone());
    let kept = store.append(stamp, Event::Reading(reading));
    let alarm = seen(store, stamp, meter, evidence.as_ref());
    (alarm, kept.map(drop).map_err(|error| failure::store(&error)))
}

/// The same for meters that answered a survey: those that are called by their number.
pub fn surveyed(store: &Store, stamp: &Stamp, found: &[SurveyMeter]) -> Vec<Failure> {
    let mut numbers: Vec<MeterNo> = Vec::new();
    for meter in found {
        let numbered = matches!(
            meter.protocol,
            SurveyProtocol::Dlt645 | SurveyProtocol::Dlt645v1997 | SurveyProtocol::Dlt698
        );
        let number = meter.address.parse::<MeterNo>().ok().filter(|_| numbered);
        // It may answer at several settings, and in two protocols.
        numbers.extend(number.filter(|number| !numbers.contains(number)));
    }
    numbers.into_iter().filter_map(|meter| seen(store, stamp, meter, None)).collect()
}

/// The meter in whose place this one is put, where the office's list does not have it yet.
pub fn stands_for(store: &Store, meter: MeterNo) -> Option<MeterNo> {
    let listed = store.meter(meter).is_some_and(|row| row.listed);
    let swap = store.swaps().into_iter().find(|row| row.facts.meter == meter);
    swap.filter(|_| !listed).map(|row| row.facts.old)
}
