//! Meters' civil time in seconds and in bytes, as far as bundles need it.

use crate::protocol::value::{CivilTime, to_bcd};
use crate::units::UnixSeconds;

/// A switch time that never comes: where one is put off to.
pub(super) const FAR_AWAY: CivilTime =
    CivilTime { year: 99, month: 12, day: 31, hour: 23, minute: 59, second: 0 };

const DAY_S: i64 = 86_400;

/// Seconds since 1970 of a civil time, as if it were UTC.
pub(super) fn seconds(time: CivilTime) -> i64 {
    let year = 2000 + i16::from(time.year);
    let part = |number: u8| i8::try_from(number).unwrap_or(0);
    let date = jiff::civil::Date::new(year, part(time.month), part(time.day));
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = date.ok().and_then(|date| epoch.until(date).ok());
    let days = days.map_or(0, |span| i64::from(span.get_days()));
    days * DAY_S
        + i64::from(time.hour) * 3600
        + i64::from(time.minute) * 60
        + i64::from(time.second)
}

/// The civil time of a moment in a zone that is so many seconds ahead of UTC; `None` outside the
/// years 2000 to 2099.
pub(super) fn of_unix(at: UnixSeconds, offset_s: i64) -> Option<CivilTime> {
    let moment = jiff::Timestamp::from_second(at.0.checked_add(offset_s)?).ok()?;
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

/// Day of the week, 0 is Sunday (04000101).
fn weekday(time: CivilTime) -> u8 {
    // 1970-01-01 was a Thursday.
    u8::try_from((seconds(time).div_euclid(DAY_S) + 4).rem_euclid(7)).unwrap_or(0)
}

/// The seven bytes of 0400010C: ss mm hh WW DD MM YY.
pub(super) fn clock_value(time: CivilTime) -> [u8; 7] {
    let [second, minute, hour, day, month, year] = time.wire();
    [second, minute, hour, to_bcd(weekday(time)), day, month, year]
}

/// Reads those bytes; also of 04000102 and 04000101 behind each other.
pub(super) fn of_clock(bytes: &[u8]) -> Option<CivilTime> {
    let [second, minute, hour, _, day, month, year] = *bytes else { return None };
    CivilTime::from_wire([second, minute, hour, day, month, year])
}

/// Reads a switch time: mm hh DD MM YY. `None` for one that was never set.
pub(super) fn minute(bytes: &[u8]) -> Option<CivilTime> {
    let [minute, hour, day, month, year] = *bytes else { return None };
    CivilTime::from_wire([0, minute, hour, day, month, year])
}

/// Bytes as hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
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
            let time = of_unix(UnixSeconds(at), 0).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(seconds(time), at);
            assert_eq!(weekday(time), week, "{text}");
            assert_eq!(of_clock(&clock_value(time)), Some(time));
        }
        assert_eq!(of_unix(UnixSeconds(946_684_799), 0), None);
        assert_eq!(of_unix(UnixSeconds(946_684_799), 1).unwrap().year, 0);
        assert_eq!(minute(&[0; 5]), None, "a switch time that was never set");
    }
}
