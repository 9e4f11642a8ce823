//! Switch times of bundles, and their distance in seconds.

use crate::jobs::civil;
use crate::protocol::value::CivilTime;

/// A switch time that never comes: where one is put off to.
pub(super) const FAR_AWAY: CivilTime =
    CivilTime { year: 99, month: 12, day: 31, hour: 23, minute: 59, second: 0 };

/// Seconds of a time that the calendar has.
pub(super) fn seconds(time: CivilTime) -> i64 {
    civil::seconds(time).map_or(0, |at| at.0)
}

/// Reads a switch time: mm hh DD MM YY. `None` for one that was never set.
pub(super) fn minute(bytes: &[u8]) -> Option<CivilTime> {
    let [minute, hour, day, month, year] = *bytes else { return None };
    civil::of_wire([0, minute, hour, day, month, year])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_time_that_was_never_set_is_none() {
        assert_eq!(minute(&[0; 5]), None);
        let [_, bytes @ ..] = FAR_AWAY.wire();
        assert_eq!(minute(&bytes), Some(FAR_AWAY));
    }
}
