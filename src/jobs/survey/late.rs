//! How late this machine is, and what that means for a question. Pure.
//!
//! A survey that says "silent" says that it listened. On a machine with too much to do nobody did:
//! a wait of half a second ends after one and a half, and whatever else runs on it (a simulated
//! meter, a Bluetooth worker, a network) is late as well. A wait that ends later than it was asked
//! to is the sign; then the survey becomes more patient and asks again, and what it could not
//! judge even so it lists instead of calling it silent.

use std::time::Duration;

/// Lateness within one question from which on it counts. An idle machine stays below 5 ms, one
/// with ordinary work below 15; half a DL/T 645 meter's quickest answer (20 ms) is no matter.
const LEAST: Duration = Duration::from_millis(25);
/// A single wait that ends less than this too late is on time: timers tick.
const TICK: Duration = Duration::from_millis(4);
/// Most patience that is added to a question.
const ALLOWED_MAX: Duration = Duration::from_secs(2);
/// Times a question is asked at most while the machine is late.
pub const ASKS_MAX: u32 = 4;

/// How much a wait until `due` that ended at `now` was too long.
pub fn stolen(due: Duration, now: Duration) -> Duration {
    let over = now.saturating_sub(due);
    if over < TICK { Duration::ZERO } else { over }
}

/// Whether so much lateness within one question is nothing.
pub fn on_time(stolen: Duration) -> bool {
    stolen < LEAST
}

/// How late the machine has been lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lateness {
    allowed: Duration,
}

impl Lateness {
    /// A question passed in which so much was stolen. `true` when that is too much to trust it.
    pub fn note(&mut self, stolen: Duration) -> bool {
        if on_time(stolen) {
            // A quiet moment is no promise; trust comes back by halves.
            self.allowed /= 2;
            if on_time(self.allowed) {
                self.allowed = Duration::ZERO;
            }
            return false;
        }
        // Who answers may be as late as who listens, first with hearing and then with speaking.
        self.allowed = self.allowed.max(stolen * 2).min(ALLOWED_MAX);
        true
    }

    /// How much longer than usual an answer is to be waited for.
    pub fn allowed(&self) -> Duration {
        self.allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_machine_on_time_costs_nothing() {
        let mut lateness = Lateness::default();
        for over in [0, 1, 3] {
            assert_eq!(stolen(MS(50), MS(50 + over)), Duration::ZERO);
        }
        assert_eq!(stolen(MS(50), MS(20)), Duration::ZERO, "bytes end a wait early");
        assert_eq!(stolen(MS(50), MS(61)), MS(11));
        assert!(!lateness.note(MS(24)));
        assert_eq!(lateness.allowed(), Duration::ZERO);
    }

    #[test]
    fn patience_grows_at_once_and_goes_by_halves() {
        let mut lateness = Lateness::default();
        assert!(lateness.note(MS(200)));
        assert_eq!(lateness.allowed(), MS(400));
        assert!(lateness.note(MS(30)), "less late is still late");
        assert_eq!(lateness.allowed(), MS(400), "and forgets nothing");
        let mut questions = 0;
        while !lateness.allowed().is_zero() {
            assert!(!lateness.note(Duration::ZERO));
            questions += 1;
        }
        assert_eq!(questions, 5);
        assert!(lateness.note(MS(60_000)));
        assert_eq!(lateness.allowed(), ALLOWED_MAX);
    }
}
