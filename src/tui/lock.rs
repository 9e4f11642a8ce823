//! When the screens lock: the pure part of it, without screens.
//!
//! There is no tick. [`Watch::wake`] names the one moment at which something has to happen, and
//! the loop sleeps until then. Both clocks count: the running one stands still while the handheld
//! is suspended, the wall clock can be set; whichever says that more time has passed is believed.

use std::time::Duration;

use super::shared::Moment;
use crate::jobs::views::LogOutWhy;

/// How long before the lock it is announced.
const NOTICE: Duration = Duration::from_secs(30);

/// The shortest time without a key that locks, whatever is configured: somebody must be able to
/// read a screen.
const SHORTEST: Duration = Duration::from_secs(10);

/// Keys and pasted text are not taken for so long after a lock and after a log-in: they were meant
/// for what was on the screen before.
const DEAF: Duration = Duration::from_millis(500);

/// A log-out the engine has not answered is asked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// What was typed while nobody is logged in and not handed in is wiped after so long: whoever
/// finds the handheld must not only have to press Enter.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What the time says is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Say that it locks soon.
    Notice,
    /// Lock.
    Lock,
    /// Ask for the log-out again.
    Again(LogOutWhy),
    /// Wipe what was typed and left.
    Wipe,
}

/// Who is in front of the screen, as far as time tells.
#[derive(Debug)]
enum State {
    /// Nobody is logged in; when the last key was pressed, if what was typed may still be there.
    Out { typed: Option<Moment> },
    /// Somebody is, and locks after so long without a key.
    In { idle: Duration, touched: Moment, noticed: bool },
    /// The engine was asked to log out and has not said that it did.
    Leaving { why: LogOutWhy, again: Duration },
}

/// Watches the time since the last key.
#[derive(Debug)]
pub struct Watch {
    state: State,
    deaf_until: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self { state: State::Out { typed: None }, deaf_until: Duration::ZERO }
    }
}

impl Watch {
    /// Somebody logged in.
    pub fn log_in(&mut self, idle_s: u32, now: Moment) {
        let idle = Duration::from_secs(u64::from(idle_s)).max(SHORTEST);
        self.state = State::In { idle, touched: now, noticed: false };
        self.deaf_until = now.up + DEAF;
    }

    /// The log-out was asked for.
    pub fn leave(&mut self, why: LogOutWhy, now: Moment) {
        self.state = State::Leaving { why, again: now.up + AGAIN };
        self.deaf_until = now.up + DEAF;
    }

    /// The engine says that nobody is logged in.
    pub fn log_out(&mut self, now: Moment) {
        if matches!(self.state, State::In { .. }) {
            self.deaf_until = now.up + DEAF;
        }
        if !matches!(self.state, State::Out { .. }) {
            self.state = State::Out { typed: None };
        }
    }

    /// Whether the engine has still to say that the log-out is done.
    pub fn leaving(&self) -> bool {
        matches!(self.state, State::Leaving { .. })
    }

    /// Whether a key pressed now was meant for another screen.
    pub fn deaf(&self, now: Moment) -> bool {
        now.up < self.deaf_until
    }

    /// Somebody is there, or work is going on. `true` if the notice stood on the screen.
    pub fn touch(&mut self, now: Moment) -> bool {
        match &mut self.state {
            State::In { touched, noticed, .. } => {
                *touched = now;
                std::mem::take(noticed)
            }
            State::Out { typed } => {
                *typed = Some(now);
                false
            }
            State::Leaving { .. } => false,
        }
    }

    /// What is to be done now; a notice is due once.
    pub fn due(&mut self, now: Moment) -> Due {
        match &mut self.state {
            State::In { idle, touched, noticed } => {
                let quiet = quiet(*touched, now);
                if quiet >= *idle {
                    return Due::Lock;
                }
                if quiet >= notice_after(*idle) && !std::mem::replace(noticed, true) {
                    return Due::Notice;
                }
                Due::Nothing
            }
            State::Leaving { why, again } if now.up >= *again => {
                *again = now.up + AGAIN;
                Due::Again(*why)
            }
            State::Out { typed } if typed.is_some_and(|typed| quiet(typed, now) >= FORGOTTEN) => {
                *typed = None;
                Due::Wipe
            }
            _ => Due::Nothing,
        }
    }

    /// When something is due next.
    pub fn wake(&self, now: Moment) -> Option<Duration> {
        match &self.state {
            State::Out { typed } => {
                typed.map(|typed| now.up + FORGOTTEN.saturating_sub(quiet(typed, now)))
            }
            State::Leaving { again, .. } => Some(*again),
            State::In { idle, touched, noticed } => {
                let after = if *noticed { *idle } else { notice_after(*idle) };
                Some(now.up + after.saturating_sub(quiet(*touched, now)))
            }
        }
    }
}

/// When the notice is due: in good time, but not before half of it has passed.
fn notice_after(idle: Duration) -> Duration {
    idle - NOTICE.min(idle / 2)
}

/// The time since somebody was there, by the clock that says more.
fn quiet(touched: Moment, now: Moment) -> Duration {
    let wall = now.wall.0.saturating_sub(touched.wall.0);
    let wall = Duration::from_secs(u64::try_from(wall).unwrap_or(0));
    now.up.saturating_sub(touched.up).max(wall)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::UnixSeconds;

    fn at(seconds: u64) -> Moment {
        let wall = UnixSeconds(1_000_000 + seconds as i64);
        Moment { wall, up: Duration::from_secs(seconds) }
    }

    #[test]
    fn it_wakes_for_the_notice_and_for_the_lock_and_not_between() {
        let mut watch = Watch::default();
        assert_eq!(watch.wake(at(0)), None);
        watch.log_in(300, at(0));
        assert_eq!(watch.wake(at(5)), Some(Duration::from_secs(270)));
        assert_eq!(watch.due(at(269)), Due::Nothing);
        assert_eq!(watch.due(at(270)), Due::Notice);
        assert_eq!(watch.due(at(271)), Due::Nothing, "said once");
        assert_eq!(watch.wake(at(271)), Some(Duration::from_secs(300)));
        assert_eq!(watch.due(at(299)), Due::Nothing);
        assert_eq!(watch.due(at(300)), Due::Lock);
    }

    #[test]
    fn a_key_puts_it_off() {
        let mut watch = Watch::default();
        watch.log_in(300, at(0));
        assert!(!watch.touch(at(200)));
        assert_eq!(watch.due(at(470)), Due::Notice);
        assert!(watch.touch(at(480)), "the notice stood there");
        assert!(!watch.touch(at(480)));
        assert_eq!(watch.due(at(749)), Due::Nothing);
        assert_eq!(watch.due(at(750)), Due::Notice);
    }

    #[test]
    fn time_slept_through_counts_and_a_clock_set_back_does_not_help() {
        let mut watch = Watch::default();
        watch.log_in(300, at(0));
        let slept = Moment { wall: at(4000).wall, up: Duration::from_secs(1) };
        assert_eq!(watch.due(slept), Due::Lock);
        let back = Moment { wall: UnixSeconds(0), up: Duration::from_secs(300) };
        assert_eq!(watch.due(back), Due::Lock);
    }

    #[test]
    fn short_times_are_announced_half_way() {
        let mut watch = Watch::default();
        watch.log_in(0, at(0));
        assert_eq!(watch.due(at(5)), Due::Notice);
        assert_eq!(watch.due(at(10)), Due::Lock);
    }

    #[test]
    fn what_was_typed_and_left_is_wiped_once() {
        let mut watch = Watch::default();
        assert!(!watch.touch(at(3)));
        watch.log_out(at(4));
        assert_eq!(watch.wake(at(4)), Some(Duration::from_secs(63)));
        assert_eq!(watch.due(at(62)), Due::Nothing);
        assert_eq!(watch.due(at(63)), Due::Wipe);
        assert_eq!((watch.due(at(64)), watch.wake(at(64))), (Due::Nothing, None));
    }

    #[test]
    fn a_log_out_is_asked_for_until_it_is_answered() {
        let mut watch = Watch::default();
        watch.log_in(300, at(0));
        watch.leave(LogOutWhy::Idle, at(300));
        assert!(watch.leaving() && watch.deaf(at(300)) && !watch.deaf(at(301)));
        assert_eq!(watch.wake(at(301)), Some(Duration::from_secs(305)));
        assert_eq!(watch.due(at(304)), Due::Nothing);
        assert_eq!(watch.due(at(305)), Due::Again(LogOutWhy::Idle));
        assert_eq!(watch.due(at(306)), Due::Nothing);
        watch.log_out(at(307));
        assert_eq!((watch.wake(at(307)), watch.due(at(999))), (None, Due::Nothing));
    }
}
