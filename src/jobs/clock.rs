//! What time it is: the handheld's clock and the meters' time zone.
//!
//! Meters keep local civil time without a zone. Everything stored is UTC; only the drift of a
//! meter's clock needs the zone. Tests and the demo's street run in virtual time, so the clock is
//! asked with the link's tick.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::protocol::Tick;
use crate::units::UnixSeconds;

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
    fn simulated_time_follows_the_line() {
        let clock = TickClock { base: UnixSeconds(100), offset_s: 0 };
        assert_eq!(clock.now(Tick::from_millis(2_900)), UnixSeconds(102));
        assert_eq!(clock.boot_ms(Tick::from_millis(2_900)), 2_900);
    }
}
