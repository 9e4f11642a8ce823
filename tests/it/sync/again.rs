//! Exchanges nobody answers: how long to wait is remembered, and what the day may still cost.

use crate::office::desk::Desk;
use meterkit::jobs::SystemClock;
use meterkit::jobs::sync::{Link, again, exchange};
use meterkit::report::Code;
use std::sync::atomic::AtomicBool;

#[test]
fn what_nobody_answered_is_remembered_until_one_does() {
    let desk = Desk::new();
    // Its office is at a port nobody listens on.
    let handheld = desk.handheld("hh-1");
    assert_eq!(again(&handheld.store), None);
    let (link, cancel) = (Link { once_kb: None, day_kb: Some(64) }, AtomicBool::new(false));
    for attempts in 1..=3 {
        let before = SystemClock::utc().0;
        let failed = exchange(&handheld.store, "li", link, &cancel, &mut |_, _, _| {});
        assert_eq!(failed.map(drop).unwrap_err().code, Code::OfficeUnreachable);
        let told = again(&handheld.store).unwrap();
        assert_eq!((told.attempts, told.why), (attempts, Code::OfficeUnreachable));
        // Twice as long each time, half of it by chance: `pause_s`.
        let whole = 4 << (attempts - 1);
        let wait = told.due.0 - before;
        assert!((whole / 2..=whole + 60).contains(&wait), "{wait} s after {attempts}");
    }
    // Stopped by a person: that is no answer to wait for.
    let cancel = AtomicBool::new(true);
    let stopped = exchange(&handheld.store, "li", link, &cancel, &mut |_, _, _| {});
    assert_eq!(stopped.map(drop).unwrap_err().code, Code::Cancelled);
    assert_eq!(again(&handheld.store), None);
}
