//! Meters that were swapped out and show up again, and meters in another one's place.

use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::{Event, Stamp, Store};
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

/// The meter in whose place this one is put, where the office's list does not have it yet.
pub fn stands_for(store: &Store, meter: MeterNo) -> Option<MeterNo> {
    let listed = store.meter(meter).is_some_and(|row| row.listed);
    let swap = store.swaps().into_iter().find(|row| row.facts.meter == meter);
    swap.filter(|_| !listed).map(|row| row.facts.old)
}
