//! What time it is: the handheld's clock and the meters' time zone.
//!
//! Meters keep local civil time without a zone. Everything stored is UTC; only the drift of a
//! meter's clock needs the zone. Tests and the demo's street run in virtual time, so the clock is
//! asked with the link's tick.
//!
//! The clock is a claim. What is known of time beside it only goes forwards: the office's signed
//! time and what has passed since, what the office signed that was taken in, the journal's own
//! stamps since then, and meters that agree. A clock behind all that ([`behind`]) stops money.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::protocol::Tick;
use crate::store::{ClockMemory, Stamp};
use crate::units::{MeterNo, OperatorId, UnixSeconds};

/// How far the clock may be behind the trusted floor before money stops, seconds.
pub const BEHIND_S: i64 = 120;
/// How far two meters may be apart to count as agreeing, seconds.
pub const AGREE_S: i64 = 300;
/// Meters remembered as witnesses of a session; a person cannot read more in a shift.
const MAX_WITNESSES: usize = 512;

/// A moment by the handheld: its clock, and what cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The clock.
    pub at: UnixSeconds,
    /// Milliseconds since the machine was started.
    pub boot_ms: u64,
}

impl Moment {
    /// The moment a clock shows, without a line.
    pub fn of(clock: &dyn Clock) -> Self {
        Self { at: clock.now(Tick::ZERO), boot_ms: clock.boot_ms(Tick::ZERO) }
    }

    /// The moment of a journal entry.
    pub fn when(stamp: &Stamp) -> Self {
        Self { at: stamp.at, boot_ms: stamp.boot_ms }
    }

    /// The mark of a journal entry made by somebody at this moment.
    pub fn stamp(self, operator: &OperatorId) -> Stamp {
        Stamp { at: self.at, boot_ms: self.boot_ms, operator: operator.to_string() }
    }
}

/// The time that has surely come, without the meters.
///
/// The office's signed time, and what has passed since on a clock nobody can set; after a restart
/// that clock begins anew and says less, never too much. The stamps are those since the newest
/// signed time: it is the authority over what our own clock wrote before.
pub fn floor(memory: &ClockMemory, boot_ms: u64) -> UnixSeconds {
    let told = memory.anchor.map_or(UnixSeconds(0), |(server, then)| {
        let passed = i64::try_from(boot_ms.saturating_sub(then) / 1_000).unwrap_or(0);
        UnixSeconds(server.0.saturating_add(passed))
    });
    told.max(memory.stamps).max(memory.issued)
}

/// How far a clock is behind, when that is more than it may be.
pub fn behind(now: UnixSeconds, floor: UnixSeconds) -> Option<i64> {
    Some(floor.0.saturating_sub(now.0)).filter(|seconds| *seconds > BEHIND_S)
}

/// What the meters read in a session said about the time.
///
/// One meter alone never counts: a lying meter must not stop the trade. Two that agree do, unless
/// the office itself told its time in this session: then two meters that were set wrongly together
/// must not stop it either.
#[derive(Debug, Clone, Default)]
pub struct Witnesses {
    heard: Vec<(MeterNo, UnixSeconds, u64)>,
}

impl Witnesses {
    /// A meter showed this time, in UTC, at that moment.
    pub fn hear(&mut self, meter: MeterNo, shown: UnixSeconds, boot_ms: u64) {
        self.heard.retain(|(other, ..)| *other != meter);
        if self.heard.len() < MAX_WITNESSES {
            self.heard.push((meter, shown, boot_ms));
        }
    }

    /// The latest time that two meters agree on and that is beyond the floor: the earlier of both.
    pub fn beyond(&self, floor: UnixSeconds, boot_ms: u64) -> Option<UnixSeconds> {
        let now = |(_, shown, then): &(MeterNo, UnixSeconds, u64)| {
            let passed = i64::try_from(boot_ms.saturating_sub(*then) / 1_000).unwrap_or(0);
            shown.0.saturating_add(passed)
        };
        let mut ahead: Vec<i64> = self.heard.iter().map(now).collect();
        ahead.retain(|time| time.saturating_sub(floor.0) > BEHIND_S);
        ahead.sort_unstable();
        let pairs = ahead.iter().zip(ahead.iter().skip(1));
        let agreed = pairs.filter(|(early, late)| late.saturating_sub(**early) <= AGREE_S);
        agreed.map(|(early, _)| UnixSeconds(*early)).max()
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time, given the tick of the line in use.
    fn now(&self, tick: Tick) -> UnixSeconds;

    /// Milliseconds since some fixed moment of this run that never goes back.
    fn boot_ms(&self, tick: Tick) -> u64;

    /// What to add to UTC to get the meters' civil time at that moment, seconds.
    fn offset_s(&self, at: UnixSeconds) -> i64;
}

/// The machine's own clock.
#[derive(Debug, Clone)]
pub struct SystemClock {
    zone: jiff::tz::TimeZone,
}

impl SystemClock {
    /// A clock for meters in the named zone (`Asia/Shanghai`), or in the machine's own.
    ///
    /// # Errors
    /// The name, when the zone is not known here.
    pub fn new(zone: Option<&str>) -> Result<Self, String> {
        let zone = match zone {
            Some(name) => {
                jiff::tz::TimeZone::get(name).map_err(|_| format!("timezone = {name:?}"))?
            }
            None => jiff::tz::TimeZone::system(),
        };
        Ok(Self { zone })
    }

    /// The meters' time zone.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        self.zone.clone()
    }

    /// The time now, without a line.
    pub fn utc() -> UnixSeconds {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixSeconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// Milliseconds since the machine was started.
    pub fn uptime_ms() -> u64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds * 1000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
    }
}

impl Clock for SystemClock {
    fn now(&self, _tick: Tick) -> UnixSeconds {
        Self::utc()
    }

    fn boot_ms(&self, _tick: Tick) -> u64 {
        Self::uptime_ms()
    }

    fn offset_s(&self, at: UnixSeconds) -> i64 {
        let Ok(moment) = jiff::Timestamp::from_second(at.0) else { return 0 };
        i64::from(self.zone.to_offset(moment).seconds())
    }
}

/// A clock that follows a line's tick: for simulated time.
#[derive(Debug, Clone, Copy)]
pub struct TickClock {
    /// The time at tick zero.
    pub base: UnixSeconds,
    /// The meters' offset from UTC, seconds.
    pub offset_s: i64,
}

impl Clock for TickClock {
    fn now(&self, tick: Tick) -> UnixSeconds {
        UnixSeconds(self.base.0 + i64::try_from(tick.as_secs()).unwrap_or(i64::MAX / 2))
    }

    fn boot_ms(&self, tick: Tick) -> u64 {
        u64::try_from(tick.as_millis()).unwrap_or(u64::MAX)
    }

    fn offset_s(&self, _at: UnixSeconds) -> i64 {
        self.offset_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_or_named() {
        let shanghai = SystemClock::new(Some("Asia/Shanghai")).unwrap();
        assert_eq!(shanghai.offset_s(UnixSeconds(1_790_000_000)), 8 * 3600);
        assert_eq!(SystemClock::new(Some("Nowhere/X")).unwrap_err(), "timezone = \"Nowhere/X\"");
    }

    #[test]
    fn the_floor_is_the_latest_of_what_is_known() {
        let memory = |anchor, stamps, issued| ClockMemory {
            anchor,
            stamps: UnixSeconds(stamps),
            issued: UnixSeconds(issued),
        };
        let anchor = Some((UnixSeconds(1_000), 5_000));
        let rows = [
            (memory(None, 0, 0), 9_000, 0),
            (memory(None, 700, 600), 9_000, 700),
            (memory(None, 500, 600), 9_000, 600),
            (memory(anchor, 0, 0), 5_000, 1_000),
            (memory(anchor, 0, 0), 65_999, 1_060),
            // After a restart the time since it is not known, and nothing is guessed.
            (memory(anchor, 0, 0), 100, 1_000),
            (memory(anchor, 1_100, 0), 65_000, 1_100),
            (memory(anchor, 1_010, 1_200), 65_000, 1_200),
        ];
        for (memory, boot_ms, expected) in rows {
            assert_eq!(floor(&memory, boot_ms), UnixSeconds(expected), "{memory:?} at {boot_ms}");
        }
        let at = UnixSeconds;
        assert_eq!(behind(at(1_000), at(1_120)), None);
        assert_eq!(behind(at(1_000), at(1_121)), Some(121));
        assert_eq!(behind(at(9_000), at(1_000)), None, "ahead is no lie that pays");
        assert_eq!(behind(at(i64::MIN), at(i64::MAX)), Some(i64::MAX));
    }

    #[test]
    fn two_meters_that_agree_are_a_witness_and_one_never() {
        let meter = |n: u32| n.to_string().parse::<MeterNo>().unwrap();
        let heard = |rows: &[(u32, i64, u64)]| {
            let mut witnesses = Witnesses::default();
            for (no, shown, boot_ms) in rows {
                witnesses.hear(meter(*no), UnixSeconds(*shown), *boot_ms);
            }
            witnesses.beyond(UnixSeconds(1_000), 60_000).map(|at| at.0)
        };
        assert_eq!(heard(&[]), None);
        assert_eq!(heard(&[(1, 90_000, 60_000)]), None, "one meter");
        assert_eq!(heard(&[(1, 90_000, 60_000), (1, 90_001, 60_000)]), None, "the same meter");
        assert_eq!(heard(&[(1, 5_000, 60_000), (2, 5_300, 60_000)]), Some(5_000));
        assert_eq!(heard(&[(1, 5_000, 60_000), (2, 5_301, 60_000)]), None, "they disagree");
        assert_eq!(heard(&[(1, 1_120, 60_000), (2, 1_300, 60_000)]), None, "one is in bounds");
        assert_eq!(heard(&[(1, 1_121, 60_000), (2, 1_121, 60_000)]), Some(1_121));
        // A minute passes between the readings.
        assert_eq!(heard(&[(1, 4_940, 0), (2, 5_000, 60_000)]), Some(5_000));
        // A liar far away does not drown two that agree.
        assert_eq!(
            heard(&[(1, 5_000, 60_000), (2, 5_001, 60_000), (3, 90_000, 60_000)]),
            Some(5_000)
        );
    }

    #[test]
    fn simulated_time_follows_the_line() {
        let clock = TickClock { base: UnixSeconds(100), offset_s: 0 };
        assert_eq!(clock.now(Tick::from_millis(2_900)), UnixSeconds(102));
        assert_eq!(clock.boot_ms(Tick::from_millis(2_900)), 2_900);
    }
}
