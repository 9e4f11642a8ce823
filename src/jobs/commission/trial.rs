//! The load and relay test, guided: overload trips the meter and lets it come back, a command trips
//! it and closes it.
//!
//! Times come from two clocks. Within the handheld's view the line's own clock counts; what the
//! meter did between two questions is in its own records (trip 1D.., close 1E.., times by its
//! clock), and its clock is compared with the line's at one reading. All are whole tenths of a
//! second, and each span is given as the least and the most it can have been.

use std::time::Duration;

use super::steps::{Came, Here, Notes, of, replaced, with};
use crate::jobs::control::relay::{self, Order};
use crate::jobs::errand::{Answer, Values};
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::jobs::{Line, ask, civil, readout};
use crate::profile::Protocol;
use crate::protocol::dlt645::words::STATUS_3_RELAY_OPEN;
use crate::protocol::value::read_bcd;
use crate::report::Code;
use crate::units::{MeterNo, StepState};

/// Overload threshold and delay (`reference/dlt645.md` 3.5), trips and closes: counts and the
/// newest records (3.7), status word 3, power, clock.
const LIMIT: u32 = 0x0409_0B01;
const DELAY: u32 = 0x0409_0B02;
const TRIPS: u32 = 0x1D00_0001;
const TRIP: u32 = 0x1D00_0101;
const CLOSES: u32 = 0x1E00_0001;
const CLOSE: u32 = 0x1E00_0101;
const STATUS_3: u32 = 0x0400_0503;
const POWER: u32 = 0x0203_0000;
const CLOCK: u32 = 0x0400_010C;

/// How soon an overload must trip the meter, 0.1 s (S0 2.2).
pub const TRIP_WITHIN: i64 = 50;
/// After what time it must come back, and how far off that may be, 0.1 s.
pub const BACK_AFTER: (i64, i64) = (1_800, 100);
/// How long an overload is waited for, and a reclose.
const WATCH: Duration = Duration::from_secs(60);
const WATCH_BACK: Duration = Duration::from_secs(300);
/// Pause between two looks while the meter is off.
const BETWEEN: Duration = Duration::from_secs(2);

/// What a meter shows of its relay and its records.
struct Shown {
    /// The line's clock before the question and after the answer.
    from: Duration,
    to: Duration,
    open: bool,
    /// 0.1 W.
    power: i64,
}

fn numbers(
    line: &mut Line<'_>,
    meter: MeterNo,
    items: &[u32],
) -> Result<Vec<Option<i64>>, Failure> {
    let answers = ask::read(line, meter, items, items.len())?;
    let one = |di: &u32| answers.data(*di).and_then(|data| read_bcd(data, *di == POWER));
    Ok(items.iter().map(one).collect())
}

fn look(line: &mut Line<'_>, meter: MeterNo) -> Result<Shown, Failure> {
    let from = line.link.now();
    let answers = ask::read(line, meter, &[POWER, STATUS_3], 2)?;
    let word = answers.data(STATUS_3).and_then(|data| data.try_into().ok());
    let word = word.map(u16::from_le_bytes);
    let word = word.ok_or_else(|| fail(Code::MeterRefused, format!("{STATUS_3:08X}")))?;
    let power = answers.data(POWER).and_then(|data| read_bcd(data, true)).unwrap_or(0);
    Ok(Shown { from, to: line.link.now(), open: word & STATUS_3_RELAY_OPEN != 0, power })
}

/// A record's time, seconds since 1970 by the meter's clock.
fn record(line: &mut Line<'_>, meter: MeterNo, di: u32) -> Result<i64, Failure> {
    let answers = ask::read(line, meter, &[di], 1)?;
    let time = answers.data(di).and_then(|data| data.first_chunk::<6>().copied());
    let time = time.and_then(civil::of_wire).and_then(civil::seconds);
    time.map(|at| at.0).ok_or_else(|| fail(Code::MeterRefused, format!("{di:08X}")))
}

/// The meter's clock, and the line's at the moment it was read.
fn clock(line: &mut Line<'_>, meter: MeterNo) -> Result<(i64, Duration), Failure> {
    let answers = ask::read(line, meter, &[CLOCK], 1)?;
    let time = answers.data(CLOCK).and_then(civil::of_clock).and_then(civil::seconds);
    let time = time.ok_or_else(|| fail(Code::MeterRefused, format!("{CLOCK:08X}")))?;
    Ok((time.0, line.link.now()))
}

/// Seconds since 1970 as people read them.
fn shown(seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds).map(|at| at.to_zoned(jiff::tz::TimeZone::UTC));
    at.map_or_else(|_| seconds.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn tenths(span: Duration) -> i64 {
    i64::try_from(span.as_millis() / 100).unwrap_or(i64::MAX)
}

/// `1.2-3.4 s`.
fn span(low: i64, high: i64) -> String {
    format!("{}.{}-{}.{} s", low / 10, low % 10, high / 10, high % 10)
}

/// Overload: the person switches on more than the limit; the meter must trip, and come back by
/// itself. Nothing is sent but questions.
///
/// # Errors
/// Line failures.
pub fn overload(here: &Here<'_>, notes: &Notes, answer: Option<&Answer>) -> Result<Came, Failure> {
    match (of(notes, "wait"), answer) {
        ("check-people-told", Some(_)) => Ok(Came::Wait("check-no-danger-off", notes.clone())),
        ("check-no-danger-off", Some(_)) => Ok(Came::Wait("comm-load-on", notes.clone())),
        ("comm-load-on", Some(_)) => here.on(|line, stop| trips(line, stop.meter, notes)),
        ("comm-load-off", Some(_)) => here.on(|line, stop| returns(line, stop.meter, notes)),
        _ => here.on(|line, stop| before(line, stop.meter)),
    }
}

/// What the meter is set to, and its counts before.
fn before(line: &mut Line<'_>, meter: MeterNo) -> Result<Came, Failure> {
    if line.profile.protocol != Protocol::Dlt645_2007 {
        return Err(fail(Code::ItemUnknown, line.profile.id.clone()));
    }
    let found = numbers(line, meter, &[LIMIT, DELAY, TRIPS, CLOSES])?;
    let [Some(limit), Some(delay), Some(trips), Some(closes)] = found.as_slice() else {
        return Err(fail(Code::MeterRefused, format!("{LIMIT:08X}")));
    };
    if *limit == 0 {
        // Without a limit nothing trips: it is a matter of the template.
        return Err(fail(Code::OverloadUnset, format!("{LIMIT:08X}")));
    }
    let text = |number: &i64| number.to_string();
    let notes = with(&[
        ("limit-w", &text(&(limit / 10))),
        ("delay-s", &text(delay)),
        ("trips", &text(trips)),
        ("closes", &text(closes)),
    ]);
    Ok(Came::Wait("check-people-told", notes))
}

/// Watches the load rise above the limit and the meter trip.
fn trips(line: &mut Line<'_>, meter: MeterNo, notes: &Notes) -> Result<Came, Failure> {
    let number = |name: &str| of(notes, name).parse::<i64>().unwrap_or(0);
    let (limit, trips) = (number("limit-w") * 10, number("trips"));
    let begun = line.link.now();
    // When the load was last seen below the limit, and first above it.
    let (mut below, mut above) = (begun, None);
    loop {
        let seen = look(line, meter)?;
        if seen.open && above.is_none() {
            // It tripped when nobody looked, or is still off from before: no time can be given.
            return Ok(Came::Wait("comm-load-off", notes.clone()));
        }
        if seen.open {
            break;
        }
        match seen.power > limit {
            true => above = above.or(Some(seen.to)),
            false => below = seen.from,
        }
        let waited = line.link.now().saturating_sub(begun);
        if waited > WATCH {
            let code = if above.is_some() { Code::OverloadLate } else { Code::OverloadNotSeen };
            return Err(fail(code, format!("{} s", waited.as_secs())));
        }
    }
    let now = numbers(line, meter, &[TRIPS])?;
    let count = now.first().copied().flatten().unwrap_or(0);
    if count != trips + 1 {
        return Err(fail(Code::OverloadLate, format!("{trips} -> {count}")));
    }
    let at = record(line, meter, TRIP)?;
    let (clock, tick) = clock(line, meter)?;
    // Both are whole seconds of the meter's clock: the trip lies within a second either way.
    let ago = Duration::from_secs(u64::try_from(clock - at).unwrap_or(0));
    let trip = tick.saturating_sub(ago);
    let second = Duration::from_secs(1);
    let above = above.unwrap_or(below);
    let least = trip.saturating_sub(above + second);
    let most = (trip + second).min(line.link.now()).saturating_sub(below);
    let (low, high) = (tenths(least), tenths(most));
    let mut notes = replaced(notes, "tripped-after", &span(low, high));
    notes.extend(with(&[("trip-at", &shown(at)), ("trip-s", &at.to_string())]));
    if low > TRIP_WITHIN {
        return Ok(Came::Failed(fail(Code::OverloadLate, span(low, high)), notes));
    }
    Ok(Came::Wait("comm-load-off", notes))
}

/// Watches the meter come back by itself.
fn returns(line: &mut Line<'_>, meter: MeterNo, notes: &Notes) -> Result<Came, Failure> {
    let number = |name: &str| of(notes, name).parse::<i64>().unwrap_or(0);
    let (closes, trip) = (number("closes"), number("trip-s"));
    let begun = line.link.now();
    while look(line, meter)?.open {
        if line.link.now().saturating_sub(begun) > WATCH_BACK {
            let waited = format!("{} s", WATCH_BACK.as_secs());
            return Err(fail(Code::OverloadLate, waited));
        }
        readout::pause(line, BETWEEN)?;
    }
    let now = numbers(line, meter, &[CLOSES])?;
    if now.first().copied().flatten() <= Some(closes) && !of(notes, "tripped-after").is_empty() {
        return Err(fail(Code::OverloadLate, format!("{CLOSES:08X}")));
    }
    let at = record(line, meter, CLOSE)?;
    if of(notes, "tripped-after").is_empty() {
        return Err(fail(Code::OverloadNotSeen, format!("{TRIP:08X}")));
    }
    let after = (at - trip) * 10;
    let (low, high) = ((after - 10).max(0), after + 10);
    let mut notes = replaced(notes, "closed-after", &span(low, high));
    notes.extend(with(&[("close-at", &shown(at))]));
    let (wanted, off) = BACK_AFTER;
    if (after - wanted).abs() > off {
        return Ok(Came::Failed(fail(Code::OverloadLate, span(low, high)), notes));
    }
    Ok(Came::Done(notes))
}

/// Relay: a command trips it, another closes it. Each is sent once; what became of it is read back.
///
/// # Errors
/// Line failures; no password.
pub fn relay(here: &Here<'_>, notes: &Notes, answer: Option<&Answer>) -> Result<Came, Failure> {
    match (of(notes, "wait"), answer) {
        ("check-people-told", Some(_)) => Ok(Came::Wait("check-no-danger-off", notes.clone())),
        ("check-no-danger-off", Some(_)) => {
            command(here, Order::Trip, "comm-trip", Came::Wait("check-loads-off", Notes::new()))
        }
        ("check-loads-off", Some(_)) => {
            let done = with(&[("trip", "relay-open"), ("close", "relay-closed")]);
            command(here, Order::Close, "comm-close", Came::Done(done))
        }
        _ => Ok(Came::Wait("check-people-told", Notes::new())),
    }
}

/// One command, with a step of its own; what comes after it is `then`.
fn command(here: &Here<'_>, order: Order, name: &'static str, then: Came) -> Result<Came, Failure> {
    let id = (here.work, here.kind);
    let values = Values::default().with("reason", "commissioning");
    here.on(|line, stop| relay::act_as(here.site, line, stop, (id, name, order, &values)))?;
    let row = here.site.desk.store.step(here.work, Some(here.meter), name);
    let row = row.ok_or_else(|| fail(Code::Internal, name))?;
    let notes = &row.step.notes;
    let seen = with(&[("seen", of(notes, "seen"))]);
    let code = Code::named(of(notes, "code")).unwrap_or(Code::MeterRefused);
    let why = fail(code, of(notes, "detail"));
    Ok(match row.step.state {
        StepState::Done => then,
        StepState::Begun | StepState::Unknown => Came::Unknown(why, seen),
        _ => Came::Failed(why, seen),
    })
}
