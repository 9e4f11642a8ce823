//! A meter's clock set right (`reference/field-work.md` P3).
//!
//! In three tiers: up to five minutes is everyday drift; up to a quarter of an hour is set and
//! pointed out; more needs a person's word, because something is wrong with that clock. Never
//! across midnight or the edge of a demand interval, where a meter would count a day or an interval
//! twice or not at all; never backwards without a freeze that is read first; and never by a
//! handheld that is not sure of its own time. What stood before and after is in the journal.

use std::time::Duration;

use super::visit::Visit;
use super::{Problem, moments};
use crate::jobs::failure::{self, fail};
use crate::jobs::views::Failure;
use crate::jobs::{Moment, ask, civil, clock, trust};
use crate::protocol::dlt645::dialogue::{ExchangeError, Freeze, FreezeWhen, Write};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::value::{CivilTime, from_bcd};
use crate::protocol::{Dialogue, Step, Tick};
use crate::report::Code;
use crate::store::{Event, Reading, Store};
use crate::units::{StepState, UnixSeconds};

/// The step's name.
pub(super) const NAME: &str = "clock";
/// A clock that is off by no more is left alone, seconds: the rating of a good one for ten days.
const FINE_S: i64 = 5;
/// Everyday drift, seconds.
const NEAR_S: i64 = 5 * 60;
/// Beyond this something is wrong with the clock, seconds.
const FAR_S: i64 = 15 * 60;
/// How near the clock must be when it is read back, seconds: it goes on meanwhile.
const BACK_S: i64 = 3;
/// Seconds kept free before an edge, for the frame to arrive.
const EDGE_S: i64 = 5;
/// How long a line is held for an edge to pass, seconds.
const WAIT_S: i64 = 90;
/// How old the office's time may be: a crystal of 20 ppm is a minute off after that.
const ANCHOR_DAYS: i64 = 31;
const DAY_S: i64 = 86_400;
/// How often it is written: a frame may be lost.
const ROUNDS: u32 = 4;
/// The demand interval where a meter does not say, minutes.
const INTERVAL_MIN: i64 = 15;
/// Identifiers: day and time in one; time alone; demand interval; energy; last instant freeze.
const DI_CLOCK: u32 = 0x0400_010C;
const DI_TIME: u32 = 0x0400_0102;
const DI_INTERVAL: u32 = 0x0400_0103;
const FREEZE_ITEMS: [u32; 3] = [0x0001_0000, 0x0501_0001, 0x0501_0101];

type Notes = Vec<(String, String)>;

/// Whether this handheld may set other clocks by its own.
///
/// # Errors
/// [`Code::ClockBehind`], or [`Code::ClockUnsure`] when the office's time is too long ago.
pub(super) fn sure(store: &Store, now: Moment) -> Result<(), Failure> {
    let floor = trust::floor(store, &trust::read(store), now.boot_ms);
    if let Some(behind) = clock::behind(now.at, floor) {
        return Err(fail(Code::ClockBehind, format!("{behind} s")));
    }
    let told = store.clock().anchor.map(|(server, _)| server.0);
    match told {
        Some(told) if now.at.0.saturating_sub(told) <= ANCHOR_DAYS * DAY_S => Ok(()),
        Some(told) => {
            let days = now.at.0.saturating_sub(told) / DAY_S;
            Err(fail(Code::ClockUnsure, format!("{days} d")))
        }
        None => Err(fail(Code::ClockUnsure, "-")),
    }
}

/// What is wrong with a clock, and what may be done about it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Near enough.
    Fine,
    /// It may be set.
    Set,
    /// Not before so many seconds have passed.
    Edge(i64),
    /// Only with a person's word.
    Far,
}

/// Judges a clock: what it shows, what it should, both in seconds of civil time.
fn judge(shows: i64, should: i64, interval_s: i64, far: bool) -> Verdict {
    let drift = (shows - should).abs();
    if drift <= FINE_S {
        return Verdict::Fine;
    }
    if drift > FAR_S && !far {
        return Verdict::Far;
    }
    // A clock that is off by days is on no side of this midnight.
    let step = match drift {
        drift if drift >= DAY_S => return Verdict::Set,
        drift if drift >= interval_s => DAY_S,
        _ => interval_s,
    };
    let (low, high) = (shows.min(should), shows.max(should) + EDGE_S);
    let edge = high.div_euclid(step) * step;
    if edge > low { Verdict::Edge(edge - low + 1) } else { Verdict::Set }
}

/// Sets a meter's clock if it needs it; what stood before and after as notes.
///
/// # Errors
/// Line and journal failures. What keeps it from being set is the inner error.
pub(super) fn set(visit: &mut Visit<'_, '_>, dry: bool) -> Result<Result<Notes, Problem>, Failure> {
    let interval_s = interval(visit)?;
    let mut held = false;
    loop {
        let shows = visit.clock()?;
        let (drift, notes) = notes(visit, shows);
        let should = moments::seconds(shows) - drift;
        let refused = |code, detail: String| Ok(Err(Problem::new(NAME, code, detail)));
        match judge(moments::seconds(shows), should, interval_s, visit.task.far) {
            Verdict::Fine => {
                visit.step(NAME, StepState::Done, notes.clone())?;
                return Ok(Ok(notes));
            }
            Verdict::Far => return refused(Code::ClockFar, format!("{drift} s")),
            Verdict::Edge(wait) if wait > WAIT_S || held || dry => {
                return refused(Code::ClockEdge, format!("{wait} s"));
            }
            Verdict::Edge(wait) => {
                held = true;
                pause(visit, wait)?;
                continue;
            }
            Verdict::Set => {}
        }
        if let Err(failure) = sure(visit.task.site.desk.store, visit.line.moment()) {
            return Ok(Err(Problem { item: NAME.to_owned(), failure }));
        }
        if dry {
            return Ok(Ok(notes));
        }
        if drift > 0
            && let Some(problem) = freeze(visit)?
        {
            return Ok(Err(problem));
        }
        return write(visit, notes);
    }
}

/// How far a clock is ahead of ours, with what both show.
fn notes(visit: &Visit<'_, '_>, shows: CivilTime) -> (i64, Notes) {
    let now = visit.line.now();
    let should = now.0 + visit.line.clock.offset_s(now);
    let drift = moments::seconds(shows) - should;
    let tier = match drift.abs() {
        drift if drift <= FINE_S => "clock-fine",
        drift if drift <= NEAR_S => "clock-near",
        drift if drift <= FAR_S => "clock-off",
        _ => "clock-far",
    };
    let rows =
        [("before", shows.to_string()), ("drift", format!("{drift} s")), ("tier", tier.to_owned())];
    (drift, rows.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

/// The meter's demand interval, seconds.
fn interval(visit: &mut Visit<'_, '_>) -> Result<i64, Failure> {
    let read = visit.read(&[DI_INTERVAL])?;
    let minutes = read.first().and_then(|(_, bytes)| match bytes.as_deref()? {
        [byte] => from_bcd(*byte),
        _ => None,
    });
    Ok(minutes.map_or(INTERVAL_MIN, i64::from).clamp(1, 60) * 60)
}

/// Freezes the registers and reads them: what was counted before the clock went back stays proved.
fn freeze(visit: &mut Visit<'_, '_>) -> Result<Option<Problem>, Failure> {
    let begun = visit.line.link.now();
    let address = Address::meter(visit.meter);
    let mut answer = Err(ExchangeError::Silent);
    for _ in 0..ROUNDS {
        let mut dialogue = Freeze::new(address, FreezeWhen::Now, ask::timing(visit.line));
        answer = visit.send(&mut dialogue)?;
        if matches!(answer, Ok(_) | Err(ExchangeError::Refused(_))) {
            break;
        }
    }
    if let Err(error) = answer {
        let name = "freeze";
        let problem = Problem::new(name, Code::ItemRefused, error.to_string());
        visit.step(name, StepState::Refused, Vec::new())?;
        return Ok(Some(problem));
    }
    let answers = ask::read(visit.line, visit.meter, &FREEZE_ITEMS, FREEZE_ITEMS.len())?;
    let took = visit.line.link.now().saturating_sub(begun);
    let reading = Reading {
        meter: visit.meter,
        items: answers.given(),
        profile: String::new(),
        values: Vec::new(),
        evidence: None,
        shown: None,
        read_at: visit.line.now(),
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        frames_digest: answers.digest,
    };
    let desk = visit.task.site.desk;
    let stamp = desk.stamp(visit.line);
    let kept = desk.store.append(&stamp, Event::Reading(reading));
    kept.map(|_| None).map_err(|error| failure::store(&error))
}

/// Writes the time as it will be when the last bit has left, and reads it back.
fn write(visit: &mut Visit<'_, '_>, mut notes: Notes) -> Result<Result<Notes, Problem>, Failure> {
    let refused = |code, detail: String| Ok(Err(Problem::new(NAME, code, detail)));
    let address = Address::meter(visit.meter);
    let mut di = DI_CLOCK;
    for _ in 0..ROUNDS {
        visit.step(NAME, StepState::Begun, notes.clone())?;
        let Some(time) = will_be(visit) else { return refused(Code::ClockUnsure, String::new()) };
        let block = civil::clock_value(time);
        let value = if di == DI_CLOCK { &block[..] } else { &block[..3] };
        let timing = ask::timing(visit.line);
        let dialogue = Write::new(address, di, &visit.access, value, timing);
        let Ok(mut dialogue) = dialogue else { return refused(Code::Internal, String::new()) };
        let answer = visit.send(&mut dialogue)?;
        let shows = visit.clock()?;
        let (drift, _) = self::notes(visit, shows);
        if drift.abs() <= BACK_S {
            notes.push(("after".to_owned(), shows.to_string()));
            visit.step(NAME, StepState::Done, notes.clone())?;
            return Ok(Ok(notes));
        }
        match answer {
            // The block of day and time is not everywhere; the day is right, or nearly always.
            Err(ExchangeError::Refused(_)) if di == DI_CLOCK => di = DI_TIME,
            Err(ExchangeError::Refused(word)) => {
                visit.step(NAME, StepState::Refused, notes)?;
                return refused(Code::ItemRefused, word.to_string());
            }
            _ => {}
        }
    }
    visit.step(NAME, StepState::Failed, notes)?;
    refused(Code::ItemDiffers, String::new())
}

/// The meters' time when a frame that begins now has left.
fn will_be(visit: &Visit<'_, '_>) -> Option<CivilTime> {
    /// Wake-up bytes, frame, identifier, password, operator and value of a clock write.
    const CHARACTERS: u32 = 4 + 12 + 12 + 7;
    let line = &visit.line;
    let left = line.link.now() + line.link.timing().character * CHARACTERS;
    let at = line.clock.now(left);
    let local = at.0.checked_add(line.clock.offset_s(at))?;
    civil::of_seconds(UnixSeconds(local))
}

/// Holds the line quiet for a while.
fn pause(visit: &mut Visit<'_, '_>, seconds: i64) -> Result<(), Failure> {
    struct Pause(Duration, Option<Tick>);
    impl Dialogue for Pause {
        type Output = Result<Vec<u8>, ExchangeError>;
        fn step(&mut self, now: Tick) -> Step<Self::Output> {
            let until = *self.1.get_or_insert(now + self.0);
            if now < until { Step::Quarantine(until) } else { Step::Done(Ok(Vec::new())) }
        }
        fn sent(&mut self, _end: Tick) {}
        fn feed(&mut self, _bytes: &[u8], _now: Tick) {}
    }
    let time = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    visit.send(&mut Pause(time, None)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_set_inside_its_day_and_interval() {
        use Verdict::{Edge, Far, Fine, Set};
        let noon = 12 * 3600;
        for (shows, should, far, want) in [
            (noon + 300, noon + 300, false, Fine),
            (noon + 305, noon + 300, false, Fine),
            (noon + 310, noon + 300, false, Set),
            (noon + 290, noon + 300, false, Set),
            // Across the quarter: wait until both are past it.
            (noon - 10, noon + 20, false, Edge(11)),
            (noon + 20, noon - 10, false, Edge(11)),
            // So near before it that the frame could arrive behind it.
            (noon - 20, noon - 4, false, Edge(21)),
            (noon - 30, noon - 10, false, Set),
            // More than an interval: only midnight counts.
            (noon - 1_000, noon, true, Set),
            (noon - 1_000, noon, false, Far),
            (DAY_S - 2_000, DAY_S + 10, true, Edge(2_001)),
            // A clock that lost its battery.
            (0, 40 * DAY_S + noon, true, Set),
            (0, 40 * DAY_S + noon, false, Far),
        ] {
            assert_eq!(judge(shows, should, 900, far), want, "{shows} {should}");
        }
    }
}
