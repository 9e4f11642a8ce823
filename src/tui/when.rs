//! Times as people read them: ISO order, in the zone the caller chose.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::units::UnixSeconds;

/// `2026-11-21 07:31`, or `?` for a time no calendar has.
pub fn minute(zone: &TimeZone, at: UnixSeconds) -> String {
    format(zone, at, "%Y-%m-%d %H:%M")
}

/// `2026-11-21 07:31:05`.
pub fn second(zone: &TimeZone, at: UnixSeconds) -> String {
    format(zone, at, "%Y-%m-%d %H:%M:%S")
}

/// `11-21 07:31`, for narrow columns.
pub fn short(zone: &TimeZone, at: UnixSeconds) -> String {
    format(zone, at, "%m-%d %H:%M")
}

/// A meter's clock is local civil time already: it is printed as it stands.
pub fn civil(at: UnixSeconds) -> String {
    second(&TimeZone::UTC, at)
}

fn format(zone: &TimeZone, at: UnixSeconds, form: &str) -> String {
    match Timestamp::from_second(at.0) {
        Ok(time) => time.to_zoned(zone.clone()).strftime(form).to_string(),
        Err(_) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_iso_and_in_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        let at = UnixSeconds(1_795_246_265);
        assert_eq!(second(&zone, at), "2026-11-21 15:31:05");
        assert_eq!(civil(at), "2026-11-21 07:31:05");
        assert_eq!(short(&zone, at), "11-21 15:31");
        assert_eq!(minute(&zone, UnixSeconds(i64::MAX)), "?");
    }
}
