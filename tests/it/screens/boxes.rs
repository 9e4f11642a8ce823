//! Multi-user terminals on the screens: from the list of meters to a box, a user, its card.

use super::scenes::errand;
use super::{Hand, keep, states};
use meterkit::jobs::views::{HomeView, MeterRowView, Request, Update};
use meterkit::report::Code;
use meterkit::tui::event::Key;
use meterkit::tui::keymap::{Need, Place};
use rstest::rstest;

fn boxes(hand: &mut Hand) {
    hand.tell(Update::Home(states::home()));
    hand.types("1");
    hand.press(Key::Right);
    hand.tell(Update::Boxes(states::boxes()));
}

fn boxes_none(hand: &mut Hand) {
    hand.tell(Update::Home(states::home()));
    hand.types("1");
    hand.press(Key::Right);
    hand.tell(Update::Boxes(Vec::new()));
}

fn box_users(hand: &mut Hand) {
    boxes(hand);
    hand.press(Key::Enter);
    let users = Ok(states::box_users(36));
    hand.tell(Update::Box { name: "B7-1".to_owned(), users });
    hand.presses(&[Key::Down, Key::Down, Key::Down]);
}

fn box_gone(hand: &mut Hand) {
    boxes(hand);
    hand.press(Key::Enter);
    let users = Err(states::failure(Code::TerminalUnknown, "B7-1"));
    hand.tell(Update::Box { name: "B7-1".to_owned(), users });
}

fn box_card(hand: &mut Hand) {
    box_users(hand);
    hand.press(Key::F(2));
    hand.tell(Update::Meter(Box::new(states::boxed_meter(4))));
    let errand = errand(hand);
    hand.tell(Update::Read { errand, result: Ok(Box::new(states::modbus_read(4))) });
}

#[rstest]
#[case("boxes", boxes)]
#[case("boxes_none", boxes_none)]
#[case("box_users", box_users)]
#[case("box_gone", box_gone)]
#[case("box_card", box_card)]
fn a_screen_is_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand)) {
    keep(name, play);
}

#[test]
fn a_user_is_read_and_recharged_with_keys() {
    let mut hand = Hand::small();
    box_users(&mut hand);
    assert_eq!(hand.app.place(), Place::BoxUsers);
    hand.asked();
    hand.press(Key::F(2));
    let read = hand.asked();
    assert_eq!(hand.app.place(), Place::Card);
    let errand = read.iter().find_map(|request| match request {
        Request::Read { errand, meter } if *meter == states::no(4) => Some(*errand),
        _ => None,
    });
    let result = Ok(Box::new(states::modbus_read(4)));
    hand.tell(Update::Read { errand: errand.unwrap(), result });
    hand.asked();
    // Back through the same screens; each asks anew for what it shows.
    hand.presses(&[Key::Esc, Key::Esc]);
    let back = hand.asked();
    assert!(matches!(back.last(), Some(Request::Boxes)), "{back:?}");
    assert_eq!(hand.app.place(), Place::Boxes);
}

/// Two digits within two seconds are one number; what no user has begins a new one.
#[test]
fn a_user_is_found_by_typing_its_number() {
    let mut hand = Hand::small();
    box_users(&mut hand);
    let at = |hand: &Hand, user: u32| {
        let number = states::no(user).to_string();
        let text = hand.text();
        let row = text.lines().find(|line| line.starts_with('>')).unwrap_or_default().to_owned();
        assert!(row.contains(&number), "user {user}: {row}");
    };
    hand.types("2");
    at(&hand, 2);
    hand.types("7");
    at(&hand, 27);
    hand.types("5");
    at(&hand, 5);
    hand.wait(3);
    hand.types("3");
    at(&hand, 3);
    hand.types("6");
    at(&hand, 36);
    hand.wait(3);
    hand.types("0");
    at(&hand, 36);
    hand.types("1");
    at(&hand, 1);
    hand.press(Key::Down);
    hand.types("9");
    at(&hand, 9);
    hand.press(Key::F(2));
    let asked = hand.asked();
    let read = asked.iter().find_map(|request| match request {
        Request::Read { meter, .. } => Some(*meter),
        _ => None,
    });
    assert_eq!(read, Some(states::no(9)), "{asked:?}");
}

#[test]
fn another_boxs_users_are_not_shown() {
    let mut hand = Hand::small();
    boxes(&mut hand);
    hand.press(Key::Enter);
    hand.tell(Update::Box { name: "B7-2".to_owned(), users: Ok(states::box_users(3)) });
    hand.asked();
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::BoxUsers, "nothing is selected yet");
}

/// A meter whose line the area list names needs no port chosen; another one does.
#[test]
fn a_meter_with_a_line_of_its_own_is_read_without_a_chosen_port() {
    let read = |asked: Vec<Request>| {
        asked.into_iter().any(|request| matches!(request, Request::Read { .. }))
    };
    let home = || HomeView { port: None, ..states::home() };
    for own_line in [false, true] {
        let row = |n| MeterRowView { own_line, ..states::meter_row(n) };
        // From the list, by its row.
        let mut hand = Hand::small();
        hand.tell(Update::Home(home()));
        hand.types("1");
        let rows = vec![row(1), row(2)];
        hand.tell(Update::Meters { rows, more: false, search: String::new(), after: None });
        hand.press(Key::F(2));
        assert_eq!(read(hand.asked()), own_line);
        assert_eq!(hand.says(hand.app.shared().lang.need(Need::Port)), !own_line);
        // From the card.
        let mut hand = Hand::small();
        hand.tell(Update::Home(home()));
        hand.types("1");
        let rows = vec![row(1)];
        hand.tell(Update::Meters { rows, more: false, search: String::new(), after: None });
        hand.press(Key::Enter);
        let mut meter = states::meter(1);
        meter.row.own_line = own_line;
        hand.tell(Update::Meter(Box::new(meter)));
        hand.press(Key::F(2));
        assert_eq!(read(hand.asked()), own_line);
        // From its box.
        let mut hand = Hand::small();
        hand.tell(Update::Home(home()));
        hand.types("1");
        hand.press(Key::Right);
        hand.tell(Update::Boxes(states::boxes()));
        hand.press(Key::Enter);
        let mut users = states::box_users(3);
        users.iter_mut().for_each(|user| user.row.own_line = own_line);
        hand.tell(Update::Box { name: "B7-1".to_owned(), users: Ok(users) });
        hand.press(Key::F(2));
        assert_eq!(read(hand.asked()), own_line);
    }
}
