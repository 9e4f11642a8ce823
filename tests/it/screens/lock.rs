//! Flows: what locks the screens, and what may not be seen afterwards.

use super::people::logged_out;
use super::scenes::{errand, recharge_evidence, recharge_reading, recharge_sent};
use super::{Hand, states};
use meterkit::jobs::views::{HomeView, LogOutWhy, LoggedOutWhy, Request, TokenStateView, Update};
use meterkit::tui::event::{Event, Key};
use meterkit::tui::keymap::Place;
use meterkit::units::{Decision, UnixSeconds};
use std::time::Duration;

/// Whether a log-in was asked for.
fn asked_in(hand: &mut Hand) -> bool {
    hand.asked().iter().any(|request| matches!(request, Request::LogIn { .. }))
}

/// Why the engine was asked to log out, for each time it was.
fn asked_out(hand: &mut Hand) -> Vec<LogOutWhy> {
    let asked = hand.asked().into_iter().filter_map(|request| match request {
        Request::LogOut(why) => Some(why),
        _ => None,
    });
    asked.collect()
}

/// Something of the store that stands on many screens.
fn shows_the_store(hand: &Hand) -> bool {
    let text = hand.text();
    ["2026000", "100000", "CNY", "ttyUSB0", "\u{674E}"].iter().any(|word| text.contains(word))
}

#[test]
fn it_locks_on_the_moment_and_nothing_of_the_store_stays() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    assert!(shows_the_store(&hand));
    hand.press(Key::Enter);
    hand.types("00");
    hand.asked();
    assert_eq!(hand.sleep(), Some(Duration::from_secs(270)));
    assert!(hand.says("Locks in 30 s"));
    assert!(hand.asked().is_empty());
    assert_eq!(hand.sleep(), Some(Duration::from_secs(30)));
    assert_eq!(asked_out(&mut hand), [LogOutWhy::Idle]);
    assert_eq!(hand.app.place(), Place::LogIn);
    assert!(!shows_the_store(&hand), "{}", hand.text());
    // What the engine said before it heard of it stays unseen.
    hand.tell(Update::Home(states::troubled_home()));
    hand.tell(Update::Meters {
        rows: states::meter_rows(3),
        more: false,
        search: String::new(),
        after: None,
    });
    hand.tell(Update::Ports { rows: states::ports(), chosen: Some("/dev/ttyUSB0".to_owned()) });
    states::wires().into_iter().for_each(|piece| hand.tell(Update::Wire(piece)));
    assert_eq!(hand.app.place(), Place::LogIn);
    assert!(!shows_the_store(&hand) && !hand.says("DEMO"), "{}", hand.text());
    // A log-in before the log-out is done would meet an open store.
    hand.wait(1);
    hand.types("246810");
    hand.press(Key::Enter);
    assert!(!asked_in(&mut hand));
    logged_out(&mut hand, LoggedOutWhy::Idle, states::shift());
    assert_eq!(hand.app.place(), Place::LogIn, "no summary: nobody is there to see it");
    assert!(hand.says("nobody pressed a key") && !shows_the_store(&hand));
    assert!(hand.says("1001"), "whoever was logged in is likely the one who comes back");
    assert_eq!(hand.app.wake(), None);
    hand.press(Key::Esc);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::LogIn, "there is no way back to the screens below");
}

#[test]
fn a_log_out_is_asked_for_until_the_engine_answers() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.sleep();
    hand.sleep();
    assert_eq!(asked_out(&mut hand), [LogOutWhy::Idle]);
    hand.event(Event::NotTaken(Request::LogOut(LogOutWhy::Idle)));
    assert!(hand.asked().is_empty(), "a full queue is not asked again at once");
    assert_eq!(hand.sleep(), Some(Duration::from_secs(5)));
    assert_eq!(asked_out(&mut hand), [LogOutWhy::Idle]);
    // An answer to an older question does not open the screens again.
    hand.tell(Update::LoggedIn(Box::new(states::session())));
    assert_eq!(hand.app.place(), Place::LogIn);
    logged_out(&mut hand, LoggedOutWhy::Idle, states::shift());
    assert_eq!(hand.app.wake(), None);
}

#[test]
fn a_key_puts_the_lock_off_and_the_one_that_only_wakes_does_nothing_else() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    hand.press(Key::Enter);
    hand.types("0001");
    hand.wait(200);
    hand.press(Key::Up);
    hand.asked();
    assert_eq!(hand.sleep(), Some(Duration::from_secs(270)));
    assert!(hand.says("Locks in 30 s"));
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty(), "a key to wake the screen must not send money");
    assert!(!hand.says("Locks in 30 s"));
    assert_eq!(hand.app.place(), Place::Digits);
    hand.press(Key::Enter);
    assert!(hand.asked().iter().any(|request| matches!(request, Request::Commit { .. })));
}

#[test]
fn nothing_locks_while_an_errand_runs_and_its_end_is_to_be_seen() {
    let mut hand = Hand::small();
    let id = recharge_sent(&mut hand);
    hand.asked();
    for _ in 0..2000 {
        assert_eq!(hand.sleep(), Some(Duration::from_secs(1)), "seconds are shown");
    }
    assert!(hand.asked().is_empty());
    assert_eq!(hand.app.place(), Place::Running);
    assert!(hand.says("2000 s"));
    let end = Box::new(states::finished(1, Decision::Confirmed));
    hand.tell(Update::Finished { errand: id, result: Ok(end) });
    hand.asked();
    assert_eq!(hand.sleep(), Some(Duration::from_secs(270)));
    assert!(hand.says("OK ACCEPTED") && hand.says("Locks in 30 s"));
    // The exchange with the office is an errand too.
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.presses(&[Key::F(2), Key::Enter]);
    let id = errand(&mut hand);
    (0..400).for_each(|_| assert_eq!(hand.sleep(), Some(Duration::from_secs(1))));
    assert_eq!(hand.app.place(), Place::Sync);
    hand.tell(Update::Synced { errand: id, result: Ok(states::synced()) });
    assert_eq!(hand.app.wake(), Some(hand.up + Duration::from_secs(270)));
}

#[test]
fn what_the_engine_tells_is_nobody_at_the_keys() {
    let mut hand = Hand::small();
    for _ in 0..29 {
        hand.wait(10);
        hand.tell(Update::Home(states::home()));
    }
    assert_eq!(hand.app.place(), Place::Home);
    hand.wait(10);
    assert_eq!(hand.app.place(), Place::LogIn);
}

#[test]
fn a_handheld_that_slept_is_locked_before_the_key_that_woke_it_acts() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    hand.press(Key::Enter);
    hand.types("0001");
    hand.asked();
    // The running clock stood still, the wall clock did not.
    hand.wall = UnixSeconds(states::NOW.0 + 3600);
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::LogIn);
    assert_eq!(asked_out(&mut hand), [LogOutWhy::Idle]);
    // What follows in the keyboard's buffer goes nowhere.
    hand.types("0001");
    hand.event(Event::Paste("MK1:ABC".to_owned()));
    assert!(!hand.says("0001") && !hand.says("ABC"), "{}", hand.text());
}

#[test]
fn text_typed_or_pasted_before_a_lock_is_on_no_screen_after_it() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("2");
    hand.tell(Update::Tokens { rows: Vec::new(), more: false, after: None });
    hand.press(Key::F(2));
    hand.event(Event::Paste("MK1:SECRETTOKEN".to_owned()));
    assert!(hand.says("SECRETTOKEN"));
    hand.sleep();
    hand.sleep();
    logged_out(&mut hand, LoggedOutWhy::Idle, states::shift());
    assert!(!hand.says("SECRETTOKEN"));
    hand.event(Event::Paste("246810".to_owned()));
    assert!(!hand.says("246810") && !hand.says("*"), "a PIN is typed, not pasted");
    hand.tell(Update::LoggedIn(Box::new(states::session())));
    hand.wait(1);
    hand.types("2");
    hand.press(Key::F(2));
    assert!(!hand.says("SECRETTOKEN"));
}

#[test]
fn logging_out_is_asked_waits_for_errands_and_ends_with_the_summary() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.press(Key::F(4));
    assert_eq!(hand.app.place(), Place::LogOut);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::Home);
    hand.presses(&[Key::F(2), Key::Enter, Key::Esc, Key::F(4)]);
    let id = errand(&mut hand);
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty(), "not while a sync runs");
    assert!(hand.says("A sync is running"));
    hand.tell(Update::Synced { errand: id, result: Ok(states::synced()) });
    hand.asked();
    hand.press(Key::Enter);
    assert_eq!(asked_out(&mut hand), [LogOutWhy::Asked]);
    assert!(!shows_the_store(&hand));
    logged_out(&mut hand, LoggedOutWhy::Asked, states::shift());
    assert_eq!(hand.app.place(), Place::Summary);
    for text in ["1001", "23", "17", "3456.00 CNY", "does not know of 44 entries"] {
        assert!(hand.says(text), "{text}\n{}", hand.text());
    }
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::LogIn);
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty());
}

#[test]
fn the_end_of_the_shift_takes_every_screen_away() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    hand.press(Key::Enter);
    hand.types("000");
    hand.asked();
    let operator = states::session().operator;
    hand.tell(Update::LoggedOut { operator, why: LoggedOutWhy::ShiftEnd, shift: states::shift() });
    // The last digit and the Enter of the recharge come too late.
    hand.types("1");
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::Summary);
    assert!(hand.says("The shift is over"));
    assert!(hand.asked().is_empty());
    hand.tell(Update::Locked(states::locked()));
    hand.wait(1);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::LogIn);
}

#[test]
fn open_outcomes_are_shown_at_every_log_in() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::troubled_home()));
    assert_eq!(hand.app.place(), Place::WhatHappened);
    logged_out(&mut hand, LoggedOutWhy::Idle, states::shift());
    hand.tell(Update::LoggedIn(Box::new(states::session())));
    hand.tell(Update::Home(states::troubled_home()));
    assert_eq!(hand.app.place(), Place::WhatHappened);
}

#[test]
fn answers_of_errands_from_before_a_lock_are_ignored() {
    let mut hand = Hand::small();
    recharge_reading(&mut hand);
    let id = errand(&mut hand);
    logged_out(&mut hand, LoggedOutWhy::ShiftEnd, states::shift());
    hand.tell(Update::Preflight { errand: id, result: Ok(Box::new(states::preflight(1))) });
    assert_eq!(hand.app.place(), Place::Summary);
    assert!(!hand.app.errand_running());
    hand.tell(Update::LoggedIn(Box::new(states::session())));
    hand.tell(Update::Preflight { errand: id, result: Ok(Box::new(states::preflight(1))) });
    assert_eq!(hand.app.place(), Place::Home);
}

#[test]
fn low_limits_do_not_stop_recharging_and_no_money_does() {
    for (trust, goes) in [(states::low_trust(), true), (states::stopped_trust(), false)] {
        let mut hand = Hand::small();
        hand.tell(Update::Home(HomeView { trust: Some(trust), ..states::home() }));
        hand.types("2");
        let rows = vec![states::token(1, TokenStateView::Ready)];
        hand.tell(Update::Tokens { rows, more: false, after: None });
        hand.asked();
        hand.press(Key::Enter);
        let asked = hand.asked().iter().any(|r| matches!(r, Request::Preflight { .. }));
        assert_eq!(asked, goes);
    }
}
