//! Flows: what keys may and may not lead to. Money first.

use super::scenes::{errand, recharge_evidence, recharge_reading, recharge_sent};
use super::{Hand, states};
use meterkit::jobs::views::{ErrandId, Request, Stage, TokenStateView, Update};
use meterkit::report::Code;
use meterkit::tui::event::{Event, Key};
use meterkit::tui::keymap::Place;
use meterkit::units::Decision;

/// Whether money was asked to be moved.
fn money(asked: &[Request]) -> bool {
    asked.iter().any(|request| matches!(request, Request::Commit { .. }))
}

#[test]
fn the_first_frame_needs_no_answer() {
    let mut hand = Hand::small();
    assert!(hand.says("..."));
    assert!(hand.says("1 Meters"));
    let asked = hand.asked();
    assert!(matches!(asked.as_slice(), [Request::Home, Request::Ports]), "{asked:?}");
}

#[test]
fn money_moves_only_after_both_steps() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    assert_eq!(hand.app.place(), Place::Evidence);
    // Every key but the right ones, in every step, several times.
    let others = [Key::F(1), Key::Esc, Key::Up, Key::Down, Key::F(3), Key::F(4), Key::Left];
    hand.asked();
    for key in others {
        hand.press(key);
        if hand.app.place() == Place::Help {
            hand.press(Key::Esc);
        }
        assert!(!money(&hand.asked()), "{key:?} moved money");
    }

    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::Digits);
    // Enter held down or pressed again sends nothing without digits.
    hand.presses(&[Key::Enter, Key::Enter, Key::Enter]);
    assert!(hand.says("Type the last four digits first."));
    hand.types("000");
    hand.press(Key::Enter);
    assert!(!money(&hand.asked()), "three digits are not four");
    hand.types("1");
    assert!(!money(&hand.asked()), "typing alone sends nothing");
    hand.press(Key::Enter);
    let asked = hand.asked();
    assert_eq!(asked.iter().filter(|r| matches!(r, Request::Commit { .. })).count(), 1);
    let digits = asked.iter().find_map(|request| match request {
        Request::Commit { digits, .. } => Some(digits.as_str()),
        _ => None,
    });
    assert_eq!(digits, Some("0001"));
    // While it runs, no key sends again.
    for key in [Key::Enter, Key::F(2), Key::F(3), Key::F(4), Key::Char('1')] {
        hand.press(key);
        assert!(!money(&hand.asked()), "{key:?} sent again");
    }
}

#[test]
fn commit_carries_the_errand_of_its_evidence() {
    let mut hand = Hand::small();
    recharge_reading(&mut hand);
    let preflight = errand(&mut hand);
    let result = Ok(Box::new(states::preflight(1)));
    hand.tell(Update::Preflight { errand: preflight, result });
    hand.press(Key::Enter);
    hand.types("0001");
    hand.press(Key::Enter);
    assert_eq!(errand(&mut hand), preflight);
}

#[test]
fn wrong_digits_send_nothing_and_the_third_time_end_it() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    hand.press(Key::Enter);
    for left in ["2", "1"] {
        hand.types("9999");
        hand.press(Key::Enter);
        assert!(hand.says(&format!("Tries left: {left}")));
        assert!(hand.says("Last four: _"), "typed digits are gone");
    }
    hand.types("9999");
    hand.press(Key::Enter);
    assert!(!money(&hand.asked()));
    assert!(hand.says("MK-METER-10"));
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::Tokens);
}

#[test]
fn the_number_is_not_on_the_page_that_asks_for_it() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    assert!(hand.says("202600000001"));
    hand.press(Key::Enter);
    assert!(!hand.says("0001"));
}

#[test]
fn esc_goes_back_one_step_and_sends_nothing() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    hand.press(Key::Enter);
    hand.types("12");
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::Evidence);
    hand.press(Key::Enter);
    assert!(hand.says("Last four: _"), "digits are asked for anew");
    hand.presses(&[Key::Esc, Key::Esc]);
    assert_eq!(hand.app.place(), Place::Tokens);
    assert!(!money(&hand.asked()));
}

#[test]
fn stopping_while_reading_cancels_and_says_nothing_changed() {
    let mut hand = Hand::small();
    recharge_reading(&mut hand);
    let id = errand(&mut hand);
    hand.press(Key::Esc);
    assert!(matches!(hand.asked().as_slice(), [Request::Cancel(stopped)] if *stopped == id));
    assert_eq!(hand.app.place(), Place::Reading, "the line is ours until the engine answers");
    let result = Err(states::failure(Code::Cancelled, ""));
    hand.tell(Update::Preflight { errand: id, result });
    assert_eq!(hand.app.place(), Place::Tokens);
    assert!(hand.says("Nothing was changed"));
}

#[test]
fn stopping_after_sending_is_explained_first() {
    let mut hand = Hand::small();
    let id = recharge_sent(&mut hand);
    hand.press(Key::Esc);
    assert!(hand.asked().is_empty(), "the first Esc only explains");
    assert!(hand.says("stops only the waiting"));
    hand.press(Key::Esc);
    assert!(matches!(hand.asked().as_slice(), [Request::Cancel(stopped)] if *stopped == id));
    assert!(hand.says("What happened?"));
    hand.press(Key::Esc);
    assert!(hand.asked().is_empty(), "asked once");
    assert_eq!(hand.app.place(), Place::Running, "the outcome is still waited for");
    let end = Box::new(states::finished(1, Decision::Unreachable));
    hand.tell(Update::Finished { errand: id, result: Ok(end) });
    assert_eq!(hand.app.place(), Place::Outcome);
    assert!(hand.says("? UNKNOWN"));
}

#[test]
fn stopping_before_sending_is_plain() {
    let mut hand = Hand::small();
    let id = recharge_sent(&mut hand);
    hand.tell(Update::Progress { errand: id, stage: Stage::Reading, done: 0, of: 4 });
    hand.press(Key::Esc);
    assert!(matches!(hand.asked().as_slice(), [Request::Cancel(_)]));
    assert!(hand.says("Stopping before anything is sent"));
}

#[test]
fn a_preflight_that_finds_the_credit_in_the_meter_ends_with_the_outcome() {
    let mut hand = Hand::small();
    recharge_reading(&mut hand);
    let id = errand(&mut hand);
    let end = Box::new(states::finished(1, Decision::Confirmed));
    hand.tell(Update::Finished { errand: id, result: Ok(end) });
    assert_eq!(hand.app.place(), Place::Outcome);
    assert!(!hand.app.errand_running());
    assert!(!money(&hand.asked()));
}

#[test]
fn answers_of_older_errands_are_ignored() {
    let mut hand = Hand::small();
    recharge_reading(&mut hand);
    let id = errand(&mut hand);
    let old = ErrandId(id.0 + 100);
    let before = hand.text();
    hand.tell(Update::Preflight { errand: old, result: Ok(Box::new(states::preflight(2))) });
    hand.tell(Update::Progress { errand: old, stage: Stage::Sending, done: 9, of: 9 });
    let end = Box::new(states::finished(2, Decision::Confirmed));
    hand.tell(Update::Finished { errand: old, result: Ok(end) });
    assert_eq!(hand.text(), before);
    assert!(hand.asked().is_empty());
}

#[test]
fn an_outcome_is_kept_while_help_is_open() {
    let mut hand = Hand::small();
    let id = recharge_sent(&mut hand);
    hand.press(Key::F(1));
    let end = Box::new(states::finished(1, Decision::Confirmed));
    hand.tell(Update::Finished { errand: id, result: Ok(end) });
    assert_eq!(hand.app.place(), Place::Help);
    hand.press(Key::Esc);
    assert!(hand.says("OK ACCEPTED"));
}

#[test]
fn open_outcomes_are_shown_at_the_start_and_once() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::troubled_home()));
    assert_eq!(hand.app.place(), Place::WhatHappened);
    hand.press(Key::Esc);
    hand.tell(Update::Home(states::troubled_home()));
    assert_eq!(hand.app.place(), Place::Home, "it does not push itself forward again");
    assert!(hand.says("?3"), "but the title goes on saying so");
}

#[test]
fn an_open_outcome_has_a_way_forward() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::troubled_home()));
    hand.asked();
    hand.press(Key::Enter);
    assert!(matches!(hand.asked().as_slice(), [Request::Resolve { meter, .. }, ..]
        if *meter == states::no(3)));
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::troubled_home()));
    hand.asked();
    hand.presses(&[Key::Down, Key::Enter]);
    assert!(!hand.asked().iter().any(|r| matches!(r, Request::Resolve { .. })));
    assert!(hand.says("Reading cannot settle it: sync."));
    hand.press(Key::F(3));
    assert_eq!(hand.app.place(), Place::Sync);
}

#[test]
fn a_resolved_outcome_can_be_read_again_if_reading_may_help() {
    for (decision, again) in [(Decision::Unreachable, true), (Decision::Contradiction, false)] {
        let mut hand = Hand::small();
        let id = recharge_sent(&mut hand);
        let end = Box::new(states::finished(1, decision));
        hand.tell(Update::Finished { errand: id, result: Ok(end) });
        hand.asked();
        hand.press(Key::F(2));
        let asked = hand.asked().iter().any(|r| matches!(r, Request::Resolve { .. }));
        assert_eq!(asked, again, "{decision:?}");
    }
}

#[test]
fn a_key_that_does_not_work_says_why() {
    let mut hand = Hand::small();
    let mut home = states::home();
    home.port = None;
    hand.tell(Update::Home(home));
    hand.types("2");
    let rows = vec![states::token(1, TokenStateView::Expired)];
    hand.tell(Update::Tokens { rows, more: false, after: None });
    hand.asked();
    hand.press(Key::Enter);
    assert!(hand.says("No usable token here"));
    let rows = vec![states::token(1, TokenStateView::Ready)];
    hand.tell(Update::Tokens { rows, more: false, after: None });
    hand.press(Key::Enter);
    assert!(hand.says("Choose a port first"));
    assert!(hand.asked().is_empty());
}

#[test]
fn stopped_money_stops_recharging_and_not_reading() {
    let mut hand = Hand::small();
    let mut home = states::home();
    home.money_stopped = Some(states::failure(Code::JournalDamaged, "segment 3"));
    hand.tell(Update::Home(home));
    hand.types("2");
    let rows = vec![states::token(1, TokenStateView::Ready)];
    hand.tell(Update::Tokens { rows, more: false, after: None });
    hand.asked();
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty());
    assert!(hand.says("Recharging is stopped"));
    hand.presses(&[Key::F(3), Key::Enter]);
    assert!(hand.asked().iter().any(|request| matches!(request, Request::Read { .. })));
}

#[test]
fn one_errand_at_a_time_on_the_line() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("1");
    let rows = states::meter_rows(3);
    hand.tell(Update::Meters { rows, more: false, search: String::new(), after: None });
    hand.press(Key::F(2));
    hand.asked();
    hand.press(Key::F(2));
    assert!(hand.asked().is_empty());
    assert!(hand.says("The line is busy"));
}

#[test]
fn a_search_is_typed_and_an_old_answer_to_it_is_ignored() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("1");
    hand.types("47");
    let asked: Vec<String> = hand
        .asked()
        .into_iter()
        .filter_map(|request| match request {
            Request::Meters { search, .. } => Some(search),
            _ => None,
        })
        .collect();
    assert_eq!(asked, ["", "4", "47"]);
    let rows = states::meter_rows(5);
    hand.tell(Update::Meters { rows, more: false, search: "4".to_owned(), after: None });
    assert!(hand.says("..."), "still waiting for 47");
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::Meters, "Esc clears the search first");
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::Home);
}

#[test]
fn an_unlisted_meter_can_be_read_by_its_number() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("1");
    hand.press(Key::F(4));
    assert!(hand.says("Type the meter's number first."));
    hand.types("4711");
    hand.asked();
    hand.press(Key::F(4));
    let number = "4711".parse().unwrap();
    assert!(
        hand.asked().iter().any(|r| matches!(r, Request::Read { meter, .. } if *meter == number))
    );
}

#[test]
fn the_list_goes_on_over_the_end_of_a_page() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("1");
    let rows = states::meter_rows(2);
    hand.tell(Update::Meters { rows, more: true, search: String::new(), after: None });
    hand.asked();
    hand.presses(&[Key::Down, Key::Down]);
    let asked = hand.asked();
    assert!(matches!(asked.as_slice(), [Request::Meters { after: Some(after), .. }]
        if *after == states::no(1)));
}

#[test]
fn nothing_acts_on_a_screen_too_small_to_see() {
    let mut hand = Hand::small();
    recharge_evidence(&mut hand);
    hand.press(Key::Enter);
    hand.types("0001");
    hand.event(Event::Resize { width: 39, height: 20 });
    hand.asked();
    hand.presses(&[Key::Enter, Key::F(2), Key::Char('1')]);
    assert!(hand.asked().is_empty());
    hand.event(Event::Resize { width: 40, height: 20 });
    assert_eq!(hand.app.place(), Place::Digits);
    hand.event(Event::Resize { width: 10, height: 5 });
    hand.press(Key::Esc);
    assert!(hand.quits());
}

#[test]
fn leaving_is_asked_and_says_what_runs() {
    let mut hand = Hand::small();
    let _ = recharge_sent(&mut hand);
    hand.press(Key::Interrupt);
    assert_eq!(hand.app.place(), Place::Leave);
    assert!(hand.says("Work is going on"));
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::Running);
    assert!(!hand.quits());
    hand.press(Key::Interrupt);
    hand.press(Key::Enter);
    assert!(hand.quits());
}

#[test]
fn ctrl_c_twice_leaves() {
    let mut hand = Hand::small();
    hand.press(Key::Interrupt);
    assert!(!hand.quits());
    hand.press(Key::Interrupt);
    assert!(hand.quits());
}

#[test]
fn a_dead_worker_frees_the_line_and_is_told() {
    let mut hand = Hand::small();
    let id = recharge_sent(&mut hand);
    hand.tell(Update::WorkerDied { errand: Some(id), detail: "index out of range".to_owned() });
    assert!(hand.says("MK-PROG-04"));
    assert!(hand.says("index out of range"));
    assert!(!hand.app.errand_running());
}

#[test]
fn a_dead_engine_leaves_no_dead_end() {
    let mut hand = Hand::small();
    let _ = recharge_sent(&mut hand);
    hand.event(Event::EngineGone);
    assert!(hand.says("The engine ended"));
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::Tokens);
}

#[test]
fn a_request_the_engine_had_no_room_for_ends_its_errand() {
    let mut hand = Hand::small();
    recharge_reading(&mut hand);
    let request = hand.asked().pop().unwrap();
    assert!(matches!(request, Request::Preflight { .. }));
    hand.event(Event::NotTaken(request));
    assert_eq!(hand.app.place(), Place::Sheet);
    assert!(!hand.app.errand_running());
    assert!(hand.asked().is_empty(), "a full queue is not asked again at once");
}

#[test]
fn the_seconds_run_only_while_something_runs() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    assert!(!hand.app.errand_running());
    recharge_reading(&mut hand);
    assert!(hand.app.errand_running());
    hand.wait(7);
    assert!(hand.says("7 s"));
}

#[test]
fn the_network_key_exists_only_in_the_demo() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.press(Key::F(2));
    hand.asked();
    hand.press(Key::F(4));
    assert!(hand.asked().is_empty());
    assert!(!hand.says("F4"));
    let home = meterkit::jobs::views::HomeView { demo: true, ..states::home() };
    hand.tell(Update::Home(home));
    hand.press(Key::F(4));
    assert!(matches!(hand.asked().as_slice(), [Request::ToggleNetwork]));
}

/// How long to wait after exchanges nobody answered, and why; then that it may be tried now.
#[test]
fn the_sync_screen_says_when_to_try_again_and_why() {
    use meterkit::jobs::sync::Again;
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.press(Key::F(2));
    for (left, says) in [(42, "42 s"), (0, "now"), (-9, "now")] {
        let due = meterkit::units::UnixSeconds(states::NOW.0 + left);
        let again = Again { attempts: 3, due, why: Code::OfficeTimeout };
        let home = meterkit::jobs::views::HomeView { sync_again: Some(again), ..states::home() };
        hand.tell(Update::Home(home));
        assert!(hand.says("Next try") && hand.says(says), "{left}");
        assert!(hand.says("3 in a row"));
    }
    hand.tell(Update::Home(states::home()));
    assert!(!hand.says("Next try"), "after one that came to an end");
}

#[test]
fn sync_goes_on_when_its_screen_is_left() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.presses(&[Key::F(2), Key::Enter]);
    let id = errand(&mut hand);
    hand.press(Key::Esc);
    hand.tell(Update::Synced { errand: id, result: Ok(states::synced()) });
    hand.press(Key::F(2));
    assert!(hand.says("OK: the office has everything"));
}

#[test]
fn a_scanner_types_into_the_import() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("2");
    hand.tell(Update::Tokens { rows: Vec::new(), more: false, after: None });
    hand.press(Key::F(2));
    assert!(hand.says("/media/usb/tokens.mk1"), "Enter alone is enough on a keypad");
    hand.event(Event::Paste("MK1:ABC\r\n".to_owned()));
    hand.asked();
    hand.press(Key::Enter);
    assert!(matches!(hand.asked().as_slice(), [Request::ImportTokens(text)] if text == "MK1:ABC"));
}
