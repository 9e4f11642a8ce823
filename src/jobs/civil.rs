//! Meters' civil time in seconds and in bytes.
//!
//! Meters keep local time without a zone. "Seconds" are those since 1970 of the civil time itself,
//! as if it were UTC: differences are right, and a zone is added where one is known.

use crate::protocol::value::{CivilTime, to_bcd};
use crate::units::UnixSeconds;

const DAY_S: i64 = 86_400;

/// Seconds of a civil time; `None` for a day the calendar does not have.
pub fn seconds(time: CivilTime) -> Option<UnixSeconds> {
    let part = |number: u8| i8::try_from(number).ok();
    let (month, day) = (part(time.month)?, part(time.day)?);
    let date = jiff::civil::Date::new(2000 + i16::from(time.year), month, day).ok()?;
    let moment = date.at(part(time.hour)?, part(time.minute)?, part(time.second)?, 0);
    let moment = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(UnixSeconds(moment.timestamp().as_second()))
}

/// The civil time of seconds; `None` outside the years 2000 to 2099, in which meters count.
pub fn of_seconds(at: UnixSeconds) -> Option<CivilTime> {
    let moment = jiff::Timestamp::from_second(at.0).ok()?;
    let civil = jiff::tz::TimeZone::UTC.to_datetime(moment);
    let part = |number: i8| u8::try_from(number).ok();
    Some(CivilTime {
        year: u8::try_from(civil.year() - 2000).ok().filter(|year| *year < 100)?,
        month: part(civil.month())?,
        day: part(civil.day())?,
        hour: part(civil.hour())?,
        minute: part(civil.minute())?,
        second: part(civil.second())?,
    })
}

/// The same so many seconds later.
pub(super) fn later(time: CivilTime, by_s: i64) -> Option<CivilTime> {
    of_seconds(UnixSeconds(seconds(time)?.0.checked_add(by_s)?))
}

/// ss mm hh DD MM YY in BCD; `None` for a moment the calendar does not have.
pub(super) fn of_wire(wire: [u8; 6]) -> Option<CivilTime> {
    CivilTime::from_wire(wire).filter(|time| seconds(*time).is_some())
}

/// Date and time in one block (0400010C), ss mm hh WW DD MM YY; also 04000102 and 04000101 behind
/// each other.
pub(super) fn of_clock(bytes: &[u8]) -> Option<CivilTime> {
    let [second, minute, hour, _week, day, month, year] = *bytes else { return None };
    of_wire([second, minute, hour, day, month, year])
}

/// The seven bytes of that block.
pub(super) fn clock_value(time: CivilTime) -> [u8; 7] {
    let [second, minute, hour, day, month, year] = time.wire();
    [second, minute, hour, to_bcd(weekday(time)), day, month, year]
}

/// Day of the week, 0 is Sunday (04000101).
fn weekday(time: CivilTime) -> u8 {
    // 1970-01-01 was a Thursday.
    let days = seconds(time).map_or(0, |at| at.0.div_euclid(DAY_S));
    u8::try_from((days + 4).rem_euclid(7)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_time_and_seconds_are_one_thing() {
        for (at, text, week) in [
            (946_684_800, "2000-01-01 00:00:00", 6),
            (1_709_164_799, "2024-02-28 23:59:59", 3),
            (1_795_000_000, "2026-11-18 11:06:40", 3),
            (4_102_444_799, "2099-12-31 23:59:59", 4),
        ] {
            let time = of_seconds(UnixSeconds(at)).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(seconds(time), Some(UnixSeconds(at)));
            assert_eq!(weekday(time), week, "{text}");
            assert_eq!(of_clock(&clock_value(time)), Some(time));
        }
        for outside in [946_684_799, 4_102_444_800, i64::MAX, i64::MIN] {
            assert_eq!(of_seconds(UnixSeconds(outside)), None);
        }
    }

    #[test]
    fn a_day_that_is_not_in_the_calendar_is_no_time() {
        let clock = |day, month| of_clock(&[0x02, 0x40, 0x18, 0x03, day, month, 0x26]);
        assert!(clock(0x28, 0x02).is_some());
        assert_eq!(clock(0x29, 0x02), None, "2026 is no leap year");
        assert_eq!(clock(0x31, 0x04), None);
        assert_eq!(clock(0x00, 0x04), None);
    }

    #[test]
    fn later_passes_midnight_the_year_and_the_leap_day() {
        let at = |year, month, day, hour, minute| CivilTime {
            year,
            month,
            day,
            hour,
            minute,
            second: 9,
        };
        assert_eq!(later(at(26, 12, 31, 23, 57), 300), Some(at(27, 1, 1, 0, 2)));
        assert_eq!(later(at(28, 2, 28, 23, 59), 300), Some(at(28, 2, 29, 0, 4)));
        assert_eq!(later(at(26, 11, 21, 8, 30), 300), Some(at(26, 11, 21, 8, 35)));
        assert_eq!(later(at(99, 12, 31, 23, 59), 300), None);
    }
}
