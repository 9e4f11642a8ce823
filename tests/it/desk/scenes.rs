//! Every page of the desk at its two sizes, in both languages and palettes. The snapshots are
//! `fixtures/screens/desk_*`; `INSTA_UPDATE=always cargo test desk::scenes` writes them anew.

use std::cell::RefCell;

use super::{Hand, Site, steady};
use crate::support::draw;
use meterkit::desk::page::Failure;
use meterkit::desk::query::Query;
use meterkit::desk::worker::Update;
use meterkit::tui::event::{Event, Key};
use rstest::rstest;

/// Keeps a scene that changes nothing: all drawings are of one site.
fn keep(name: &str, play: fn(&mut Hand<'_>)) {
    keep_of(name, play, Site::new());
}

fn keep_of(name: &str, play: fn(&mut Hand<'_>), site: Site) {
    let ids = RefCell::new(Vec::new());
    let drawn = |lang, palette, width, height| {
        let mut hand = Hand::new(&site.desk, lang, palette, width, height);
        play(&mut hand);
        ids.borrow_mut().append(&mut hand.ids);
        hand.buffer()
    };
    let name = format!("desk_{name}");
    draw::keep_as(&name, true, &drawn, &|text| steady(&ids.borrow(), text));
}

/// The same where a handheld has been silent.
fn keep_silent(name: &str, play: fn(&mut Hand<'_>)) {
    keep_of(name, play, Site::new().silent());
}

/// Keeps a scene that changes the ledger: a site for each drawing.
fn keep_acting(name: &str, play: fn(&mut Hand<'_>)) {
    keep_acting_of(name, play, Site::new);
}

fn keep_acting_of(name: &str, play: fn(&mut Hand<'_>), site: fn() -> Site) {
    let ids = RefCell::new(Vec::new());
    let drawn = |lang, palette, width, height| {
        let site = site();
        let mut hand = Hand::new(&site.desk, lang, palette, width, height);
        play(&mut hand);
        ids.borrow_mut().append(&mut hand.ids);
        hand.buffer()
    };
    let name = format!("desk_{name}");
    draw::keep_as(&name, true, &drawn, &|text| steady(&ids.borrow(), text));
}

/// Opens a row of the menu by the name of its page.
fn row(hand: &mut Hand<'_>, digit: char) {
    hand.press(Key::Char(digit));
}

fn last_row(hand: &mut Hand<'_>, up: usize) {
    (0..11).for_each(|_| hand.press(Key::Down));
    (0..up).for_each(|_| hand.press(Key::Up));
    hand.press(Key::Enter);
}

fn today(_hand: &mut Hand<'_>) {}

fn reviews(hand: &mut Hand<'_>) {
    row(hand, '1');
}

fn review(hand: &mut Hand<'_>) {
    reviews(hand);
    hand.press(Key::Enter);
}

fn settle_form(hand: &mut Hand<'_>) {
    reviews(hand);
    hand.press(Key::F(2));
}

/// The check of a verdict that was typed with digits alone.
pub fn settle_check(hand: &mut Hand<'_>) {
    settle_form(hand);
    hand.types("1");
    hand.press(Key::Enter);
    hand.types("42");
    hand.press(Key::Enter);
}

pub fn settled(hand: &mut Hand<'_>) {
    settle_check(hand);
    hand.types("0048");
    hand.press(Key::Enter);
}

fn devices(hand: &mut Hand<'_>) {
    row(hand, '2');
    hand.press(Key::Down);
}

fn device(hand: &mut Hand<'_>) {
    devices(hand);
    hand.press(Key::Enter);
}

fn lost(hand: &mut Hand<'_>) {
    devices(hand);
    hand.press(Key::F(2));
}

fn fence_form(hand: &mut Hand<'_>) {
    lost(hand);
    hand.press(Key::F(2));
}

pub fn fence_check(hand: &mut Hand<'_>) {
    fence_form(hand);
    hand.presses(&[Key::Right, Key::Enter, Key::Enter]);
}

pub fn fenced(hand: &mut Hand<'_>) {
    fence_check(hand);
    // h h 2 on a keypad.
    for _ in 0..2 {
        hand.types("4");
        hand.presses(&[Key::Right, Key::Right]);
    }
    hand.types("2");
    hand.press(Key::Enter);
}

fn issue_form(hand: &mut Hand<'_>) {
    hand.press(Key::F(2));
}

pub fn issue_check(hand: &mut Hand<'_>) {
    issue_form(hand);
    hand.types("47");
    hand.press(Key::Enter);
    hand.types("50.25");
    hand.press(Key::Enter);
    hand.presses(&[Key::Right, Key::Enter, Key::Enter, Key::Enter, Key::Enter]);
}

pub fn issued(hand: &mut Hand<'_>) {
    issue_check(hand);
    hand.types("0047");
    hand.press(Key::Enter);
}

fn issue_odd(hand: &mut Hand<'_>) {
    issue_form(hand);
    hand.presses(&[Key::Enter; 6]);
}

fn issue_refused(hand: &mut Hand<'_>) {
    issue_form(hand);
    hand.types("999");
    hand.press(Key::Enter);
    hand.types("5");
    hand.press(Key::Enter);
    hand.presses(&[Key::Right, Key::Enter, Key::Enter, Key::Enter, Key::Enter]);
}

fn meters(hand: &mut Hand<'_>) {
    row(hand, '3');
    hand.press(Key::Down);
}

fn meters_found(hand: &mut Hand<'_>) {
    row(hand, '3');
    hand.types("12");
}

fn meters_none(hand: &mut Hand<'_>) {
    row(hand, '3');
    hand.types("777");
}

fn card(hand: &mut Hand<'_>) {
    meters(hand);
    hand.press(Key::Enter);
}

fn count_check(hand: &mut Hand<'_>) {
    card(hand);
    hand.press(Key::F(3));
    hand.types("7");
    hand.press(Key::Enter);
    hand.types("42");
    hand.press(Key::Enter);
}

/// The card of the meter that holds 50.00, with nothing out.
pub fn close_form(hand: &mut Hand<'_>) {
    row(hand, '3');
    hand.types("0047");
    hand.presses(&[Key::Enter, Key::Enter]);
}

pub fn close_check(hand: &mut Hand<'_>) {
    close_form(hand);
    close_filled(hand);
}

/// What was paid back, the receipt, why.
fn close_filled(hand: &mut Hand<'_>) {
    for text in ["50.00", "17", "42"] {
        hand.types(text);
        hand.press(Key::Enter);
    }
}

pub fn close_done(hand: &mut Hand<'_>) {
    close_check(hand);
    hand.types("0047");
    hand.press(Key::Enter);
}

/// The call about one that was closed in the field.
fn closed_call(hand: &mut Hand<'_>) {
    reviews(hand);
    hand.presses(&[Key::Down, Key::Enter]);
}

pub fn call_form(hand: &mut Hand<'_>) {
    closed_call(hand);
    hand.press(Key::F(2));
}

pub fn call_check(hand: &mut Hand<'_>) {
    call_form(hand);
    close_filled(hand);
}

pub fn call_done(hand: &mut Hand<'_>) {
    call_check(hand);
    hand.types("0047");
    hand.press(Key::Enter);
}

fn doubt(hand: &mut Hand<'_>) {
    row(hand, '6');
}

/// A draft of 50.25, kept from its page; then the page again.
fn drafts(hand: &mut Hand<'_>) {
    draft_check(hand);
    hand.presses(&[Key::Enter, Key::Esc]);
}

fn draft_check(hand: &mut Hand<'_>) {
    (0..12).for_each(|_| hand.press(Key::Down));
    hand.presses(&[Key::Enter, Key::F(4)]);
    hand.types("47");
    hand.press(Key::Enter);
    hand.types("50.25");
    hand.press(Key::Enter);
    hand.presses(&[Key::Right, Key::Enter, Key::Enter, Key::Enter, Key::Enter]);
}

fn draft_issue_check(hand: &mut Hand<'_>) {
    drafts(hand);
    hand.press(Key::F(2));
}

fn draft_drop_check(hand: &mut Hand<'_>) {
    drafts(hand);
    hand.press(Key::F(3));
}

fn bundles(hand: &mut Hand<'_>) {
    row(hand, '8');
}

fn rounds(hand: &mut Hand<'_>) {
    bundles(hand);
    hand.press(Key::F(3));
}

fn round_form(hand: &mut Hand<'_>) {
    rounds(hand);
    hand.press(Key::F(2));
}

fn round_check(hand: &mut Hand<'_>) {
    round_form(hand);
    hand.types("11");
    hand.press(Key::Enter);
    hand.presses(&[Key::Right, Key::Enter]);
    hand.presses(&[Key::Enter; 5]);
}

fn round_made(hand: &mut Hand<'_>) {
    round_check(hand);
    hand.press(Key::Enter);
}

fn round_list(hand: &mut Hand<'_>) {
    round_made(hand);
    hand.press(Key::Enter);
}

fn round_card(hand: &mut Hand<'_>) {
    round_list(hand);
    hand.press(Key::Enter);
}

fn round_withdraw(hand: &mut Hand<'_>) {
    round_card(hand);
    hand.press(Key::F(3));
}

fn sales(hand: &mut Hand<'_>) {
    row(hand, '9');
}

fn sales_by_month(hand: &mut Hand<'_>) {
    sales(hand);
    hand.press(Key::F(2));
}

fn lost_contact(hand: &mut Hand<'_>) {
    row(hand, '0');
}

fn keep_power(hand: &mut Hand<'_>) {
    last_row(hand, 1);
}

fn shifts(hand: &mut Hand<'_>) {
    last_row(hand, 0);
}

pub fn shift_check(hand: &mut Hand<'_>) {
    device(hand);
    hand.press(Key::F(4));
    hand.press(Key::Enter);
}

pub fn shift_closed(hand: &mut Hand<'_>) {
    shift_check(hand);
    // h h 2 on a keypad; the sign between them may be left out.
    for _ in 0..2 {
        hand.types("4");
        hand.presses(&[Key::Right, Key::Right]);
    }
    hand.types("2");
    hand.press(Key::Enter);
}

fn operators(hand: &mut Hand<'_>) {
    row(hand, '7');
}

fn operator(hand: &mut Hand<'_>) {
    operators(hand);
    hand.press(Key::Enter);
}

fn operator_form(hand: &mut Hand<'_>) {
    operators(hand);
    hand.press(Key::F(2));
    hand.presses(&[Key::Down, Key::Down]);
}

fn grant_check(hand: &mut Hand<'_>) {
    operators(hand);
    hand.press(Key::F(3));
    hand.presses(&[Key::Right, Key::Enter]);
}

fn revoke_check(hand: &mut Hand<'_>) {
    operator(hand);
    hand.press(Key::F(4));
}

fn help(hand: &mut Hand<'_>) {
    lost(hand);
    hand.press(Key::F(1));
}

fn leave(hand: &mut Hand<'_>) {
    hand.press(Key::Esc);
}

fn failed(hand: &mut Hand<'_>) {
    row(hand, '8');
    let failure = Failure { code: "database", detail: "the database failed: gone".to_owned() };
    hand.event(Event::Update(Update::Seen(Query::Bundles, Err(failure.clone()))));
    hand.key(Key::Esc);
    let again = Update::Seen(Query::Today, Err(failure));
    hand.event(Event::Update(again));
}

#[rstest]
#[case("today", today)]
#[case("reviews", reviews)]
#[case("review", review)]
#[case("settle_form", settle_form)]
#[case("settle_check", settle_check)]
#[case("devices", devices)]
#[case("device", device)]
#[case("lost", lost)]
#[case("fence_form", fence_form)]
#[case("fence_check", fence_check)]
#[case("issue_form", issue_form)]
#[case("issue_check", issue_check)]
#[case("issue_odd", issue_odd)]
#[case("issue_refused", issue_refused)]
#[case("meters", meters)]
#[case("meters_found", meters_found)]
#[case("meters_none", meters_none)]
#[case("card", card)]
#[case("count_check", count_check)]
#[case("close_form", close_form)]
#[case("close_check", close_check)]
#[case("doubt", doubt)]
#[case("draft_check", draft_check)]
#[case("bundles", bundles)]
#[case("rounds", rounds)]
#[case("round_form", round_form)]
#[case("round_check", round_check)]
#[case("sales", sales)]
#[case("sales_by_month", sales_by_month)]
#[case("keep_power", keep_power)]
#[case("shifts", shifts)]
#[case("shift_check", shift_check)]
#[case("operators", operators)]
#[case("operator", operator)]
#[case("operator_form", operator_form)]
#[case("grant_check", grant_check)]
#[case("revoke_check", revoke_check)]
#[case("help", help)]
#[case("leave", leave)]
#[case("failed", failed)]
fn scenes_are_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand<'_>)) {
    keep(name, play);
}

#[rstest]
#[case("settled", settled)]
#[case("fenced", fenced)]
#[case("issued", issued)]
#[case("drafts", drafts)]
#[case("draft_issue_check", draft_issue_check)]
#[case("draft_drop_check", draft_drop_check)]
#[case("shift_closed", shift_closed)]
#[case("close_done", close_done)]
#[case("round_made", round_made)]
#[case("round_list", round_list)]
#[case("round_card", round_card)]
#[case("round_withdraw", round_withdraw)]
fn outcomes_are_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand<'_>)) {
    keep_acting(name, play);
}

#[test]
fn lost_contact_is_as_kept() {
    keep_silent("lost_contact", lost_contact);
}

#[rstest]
#[case("closed_call", closed_call)]
#[case("call_form", call_form)]
#[case("call_check", call_check)]
#[case("call_done", call_done)]
fn the_call_about_a_closed_account_is_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand<'_>)) {
    keep_acting_of(name, play, || Site::new().closed_in_the_field());
}
