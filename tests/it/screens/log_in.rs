//! Flows: who gets in, what is typed for it, and what may never be seen of it.

use super::people::{locked_out, log_in, people, refused, wrong};
use super::{Hand, screen_text, states};
use meterkit::jobs::views::{LockedView, Request, SuperviseAct, Update};
use meterkit::report::Code;
use meterkit::text::Lang;
use meterkit::tui::event::{Event, Key};
use meterkit::tui::keymap::Place;
use meterkit::tui::theme::Palette;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use std::time::Duration;

fn locked() -> Hand {
    Hand::locked(Lang::En, Palette::Mono, 40, 20)
}

/// The log-in asked for, if one was: operator and PIN.
fn asked_in(hand: &mut Hand) -> Option<(String, String)> {
    hand.asked().into_iter().find_map(|request| match request {
        Request::LogIn { operator, pin } => Some((operator, pin.expose_secret().to_owned())),
        _ => None,
    })
}

#[test]
fn the_first_screen_is_the_log_in_and_asks_nothing() {
    let mut hand = locked();
    assert_eq!(hand.app.place(), Place::LogIn);
    assert!(hand.asked().is_empty());
    assert_eq!(hand.app.wake(), None, "nothing to wake for");
    hand.types("246810");
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty(), "nobody listens yet");
    assert!(hand.says("Wait for the answer"));
    log_in(&mut hand);
    hand.press(Key::Enter);
    assert_eq!(asked_in(&mut hand), Some(("1001".to_owned(), "246810".to_owned())));
}

#[test]
fn a_log_in_is_typed_on_a_keypad() {
    let mut hand = locked();
    log_in(&mut hand);
    hand.press(Key::Up);
    hand.press(Key::F(4));
    hand.types("1002");
    hand.press(Key::Enter);
    hand.types("2468100");
    hand.press(Key::Left);
    assert!(asked_in(&mut hand).is_none());
    hand.press(Key::Enter);
    assert_eq!(asked_in(&mut hand), Some(("1002".to_owned(), "246810".to_owned())));
    hand.tell(Update::LoggedIn(Box::new(states::session())));
    assert_eq!(hand.app.place(), Place::Home);
    let asked = hand.asked();
    assert!(matches!(asked.as_slice(), [Request::Home, Request::Ports]), "{asked:?}");
}

#[test]
fn an_empty_field_is_gone_to_and_asks_nothing() {
    let mut hand = locked();
    log_in(&mut hand);
    hand.presses(&[Key::Enter, Key::Enter, Key::Enter]);
    assert_eq!(asked_in(&mut hand), None);
    hand.presses(&[Key::Up, Key::F(4), Key::Down]);
    hand.types("246810");
    hand.press(Key::Enter);
    assert_eq!(asked_in(&mut hand), None, "nobody is named");
    assert!(hand.says("> Operator _") || hand.says(">Operator _"), "{}", hand.text());
}

#[test]
fn what_is_typed_while_the_pin_is_checked_goes_nowhere() {
    let mut hand = locked();
    log_in(&mut hand);
    hand.types("246810");
    hand.press(Key::Enter);
    hand.asked();
    // An impatient hand: more digits and Enter before the answer.
    hand.types("1");
    hand.presses(&[Key::Enter, Key::Enter]);
    assert!(hand.asked().is_empty());
    hand.tell(Update::LoggedIn(Box::new(states::session())));
    hand.asked();
    // And just after it: what was in the keyboard's buffer.
    hand.types("1");
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::Home);
    assert!(hand.asked().is_empty());
    hand.wait(1);
    hand.types("1");
    assert_eq!(hand.app.place(), Place::Meters);
}

#[test]
fn a_wrong_pin_is_told_and_typed_anew() {
    let mut hand = locked();
    refused(&mut hand, wrong(9, 0));
    assert!(hand.says("Tries left: 9"));
    assert!(!hand.says("*"), "the wrong one is gone:\n{}", hand.text());
    hand.asked();
    hand.types("246810");
    hand.press(Key::Enter);
    assert_eq!(asked_in(&mut hand).map(|(_, pin)| pin), Some("246810".to_owned()));
}

#[test]
fn a_wait_counts_down_and_wakes_once_a_second() {
    let mut hand = locked();
    refused(&mut hand, wrong(6, 30));
    hand.asked();
    assert!(hand.says("Wait 30 s"));
    hand.types("246810");
    hand.press(Key::Enter);
    assert!(asked_in(&mut hand).is_none());
    assert!(hand.says("Wait until the seconds are over"));
    for left in (1..30).rev() {
        assert_eq!(hand.sleep(), Some(Duration::from_secs(1)));
        assert!(hand.says(&format!("Wait {left} s")), "{}", hand.text());
    }
    assert!(hand.sleep().is_some());
    assert!(!hand.text().contains("! Wait"));
    assert!(hand.app.wake() > Some(hand.up + Duration::from_secs(20)), "nothing ticks any more");
    hand.press(Key::Enter);
    assert!(asked_in(&mut hand).is_some());
}

#[test]
fn a_pin_typed_and_left_is_wiped() {
    for recovering in [false, true] {
        let mut hand = locked();
        log_in(&mut hand);
        if recovering {
            hand.press(Key::F(2));
            hand.types("7K3Q");
            hand.press(Key::Enter);
        }
        hand.types("246810");
        assert!(hand.says("******"));
        assert_eq!(hand.sleep(), Some(Duration::from_secs(60)));
        assert!(!hand.says("*") && !hand.says("7K3Q"), "{}", hand.text());
        assert_eq!(hand.app.wake(), None);
        hand.asked();
        hand.press(Key::Enter);
        assert!(hand.asked().is_empty());
    }
}

#[test]
fn what_concerns_the_handheld_is_told_to_everybody() {
    let mut hand = locked();
    let failure = Some(states::failure(Code::SecretMissing, ""));
    hand.tell(Update::Locked(LockedView { failure, ..states::locked() }));
    let told = hand.text();
    hand.presses(&[Key::Up, Key::F(4)]);
    hand.types("9001");
    let lines = |text: &str| text.lines().skip(5).take(4).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(&hand.text()), lines(&told));
    assert!(told.contains('X'));
}

#[test]
fn the_wait_of_one_is_not_the_wait_of_another() {
    for told in [wrong(6, 3600), locked_out()] {
        let mut hand = locked();
        refused(&mut hand, told);
        hand.asked();
        hand.presses(&[Key::Up, Key::F(4)]);
        hand.types("9001");
        hand.press(Key::Enter);
        hand.types("13579111");
        hand.press(Key::Enter);
        assert_eq!(asked_in(&mut hand).map(|(who, _)| who), Some("9001".to_owned()));
    }
}

#[test]
fn a_lock_out_leaves_only_the_recovery_code() {
    let mut hand = locked();
    refused(&mut hand, locked_out());
    hand.asked();
    hand.types("246810");
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty());
    assert!(hand.says("F2 takes a recovery code"));
    hand.press(Key::F(2));
    assert_eq!(hand.app.place(), Place::Pin);
    hand.types("7k3q-m2xp");
    hand.press(Key::Enter);
    hand.types("135790");
    hand.press(Key::Enter);
    hand.types("135791");
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty());
    assert!(hand.says("The two new PINs differ"));
    hand.types("135790");
    hand.press(Key::Enter);
    hand.types("135790");
    hand.press(Key::Enter);
    let asked = hand.asked();
    let [Request::Recover { operator, code, pin }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(operator, "1001");
    assert_eq!((code.expose_secret(), pin.expose_secret()), ("7K3QM2XP", "135790"));
    // It failed: nothing of it is left to be tried again by somebody else.
    hand.tell(Update::PinDone(Err(states::failure(Code::RecoveryWrong, ""))));
    assert!(!hand.says("7K3Q") && !hand.says("***"), "{}", hand.text());
    hand.tell(Update::LoggedIn(Box::new(states::session())));
    assert_eq!(hand.app.place(), Place::Home);
}

#[test]
fn a_pin_is_gone_when_its_screen_is_left() {
    for leave in [Key::F(1), Key::F(2), Key::Esc, Key::Interrupt] {
        let mut hand = locked();
        log_in(&mut hand);
        hand.types("246810");
        hand.press(leave);
        hand.press(Key::Esc);
        assert_eq!(hand.app.place(), Place::LogIn, "{leave:?}");
        assert!(!hand.says("*"), "{leave:?}");
        hand.press(Key::Enter);
        assert_eq!(asked_in(&mut hand), None, "{leave:?}");
    }
}

#[test]
fn only_a_supervisor_is_offered_what_supervisors_do() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("84");
    hand.tell(Update::Operators(states::people()));
    assert!(!hand.says("Unlock") && !hand.says("Remove"));
    hand.press(Key::F(4));
    assert_eq!(hand.app.place(), Place::People);
    hand.press(Key::F(1));
    assert!(!hand.says("Supervisor:"), "help does not offer it either");

    let mut hand = Hand::small();
    people(&mut hand);
    hand.asked();
    hand.press(Key::F(4));
    assert!(hand.says("There is no PIN yet"), "nothing to take away");
    hand.presses(&[Key::Down, Key::Down, Key::F(4)]);
    assert!(hand.asked().is_empty(), "asked first");
    hand.press(Key::Enter);
    let asked = hand.asked();
    assert!(
        matches!(asked.as_slice(), [Request::Supervise { operator, act: SuperviseAct::Remove }]
            if operator.as_str() == "1004"),
        "{asked:?}"
    );
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty(), "once");
    hand.tell(Update::PinDone(Ok(())));
    assert_eq!(hand.app.place(), Place::People);
    assert!(hand.says("taken away"));
    assert!(hand.asked().iter().any(|request| matches!(request, Request::Operators)));
}

#[test]
fn a_first_log_in_hands_over_code_and_pin_and_keeps_nothing() {
    let mut hand = Hand::small();
    people(&mut hand);
    hand.asked();
    hand.press(Key::Enter);
    hand.event(Event::Paste("7K3Q-M2XP-9ABC\n".to_owned()));
    assert!(hand.says("7K3Q-M2XP-9ABC"), "a code may be seen: it works once");
    hand.press(Key::Enter);
    hand.types("135790");
    hand.press(Key::Enter);
    hand.types("135790");
    assert!(!hand.says("135790"));
    hand.press(Key::Enter);
    let asked = hand.asked();
    let [Request::Activate { operator, code, pin }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(operator.as_str(), "1002");
    assert_eq!((code.expose_secret(), pin.expose_secret()), ("7K3QM2XP9ABC", "135790"));
    assert!(!format!("{asked:?}").contains("135790"));
    hand.tell(Update::PinDone(Ok(())));
    assert_eq!(hand.app.place(), Place::People);
    assert!(hand.says("the PIN is set"));
}

#[test]
fn ones_own_pin_is_changed_with_the_present_one() {
    let mut hand = Hand::small();
    people(&mut hand);
    hand.press(Key::F(2));
    for pin in ["246810", "135790", "135790"] {
        hand.types(pin);
        hand.asked();
        hand.press(Key::Enter);
    }
    let asked = hand.asked();
    let [Request::ChangePin { old, new }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((old.expose_secret(), new.expose_secret()), ("246810", "135790"));
    hand.tell(Update::PinDone(Err(states::failure(Code::PinWrong, ""))));
    assert_eq!(hand.app.place(), Place::Pin);
    assert!(!hand.says("***"), "everything is typed anew");
}

#[test]
fn a_full_queue_leaves_no_form_waiting() {
    let mut hand = locked();
    log_in(&mut hand);
    hand.types("246810");
    hand.press(Key::Enter);
    let request = hand.asked().pop().unwrap();
    hand.event(Event::NotTaken(request));
    assert!(hand.says("press again"));
    hand.types("246810");
    hand.press(Key::Enter);
    assert!(asked_in(&mut hand).is_some());
}

#[test]
fn the_demo_tells_its_operators_and_a_plain_secret_is_warned_of() {
    let mut hand = locked();
    let hint = "1001 PIN 246810".to_owned();
    hand.tell(Update::Locked(LockedView { plain_secret: true, hint, ..states::locked() }));
    assert!(hand.says("Demo: 1001 PIN 246810") && hand.says("lies in a plain file"));
    assert!(hand.says("hh-007"), "whoever finds it can say which it is");
}

/// Any key of the log-in and recovery screens.
fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => proptest::char::range('0', '9').prop_map(Key::Char),
        2 => proptest::char::range('a', 'z').prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Char),
        1 => Just(Key::Up),
        1 => Just(Key::Down),
        1 => Just(Key::Right),
        1 => Just(Key::Left),
        1 => Just(Key::Backspace),
        2 => Just(Key::Enter),
        1 => Just(Key::Esc),
        1 => (1u8..=4).prop_map(Key::F),
    ]
}

proptest! {
    /// Whatever is pressed before and after: a PIN typed into its field is in no frame, and in no
    /// Debug text of what goes to the engine.
    #[test]
    fn a_pin_is_never_seen(
        before in prop::collection::vec(any_key(), 0..12),
        pin in "[0-9]{6}[a-z]{2}[0-9]{0,8}",
        after in prop::collection::vec(any_key(), 0..12),
        recovering: bool,
        wide: bool,
    ) {
        let width = if wide { 80 } else { 40 };
        let mut hand = Hand::locked(Lang::En, Palette::Mono, width, 24);
        log_in(&mut hand);
        hand.presses(&before);
        // Back to the log-in, wherever the keys led, and to the field of a PIN.
        for _ in 0..8 {
            if hand.app.place() != Place::LogIn {
                hand.press(Key::Esc);
                hand.tell(Update::Locked(states::locked()));
            }
        }
        hand.tell(Update::Locked(states::locked()));
        if recovering {
            hand.press(Key::F(2));
            hand.presses(&[Key::Down, Key::Down, Key::Down]);
        } else {
            hand.press(Key::Down);
        }
        hand.press(Key::F(4));
        let mut frames = String::new();
        for c in pin.chars() {
            hand.press(Key::Char(c));
            frames.push_str(&screen_text(&hand.buffer()));
        }
        // The PIN is in its field now; four digits in a row of it would be too many to see.
        for key in after {
            hand.press(key);
            if hand.app.place() == Place::LogIn || hand.app.place() == Place::Pin {
                frames.push_str(&screen_text(&hand.buffer()));
            }
        }
        frames.push_str(&format!("{:?}", hand.asked()));
        prop_assert!(!frames.contains(&pin), "{pin} in\n{frames}");
        prop_assert!(!frames.contains(&pin[..7]), "{pin} in\n{frames}");
    }
}
