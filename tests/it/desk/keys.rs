//! What the keys of the desk do: nothing without a check, nothing without what was asked to be
//! typed, and every refusal says what to do.

use super::scenes::{
    call_check, call_done, call_form, close_check, close_done, close_form, fence_check, fenced,
    issue_check, issued, settle_check, settled,
};
use super::{Hand, Site};
use crate::office::desk::{figure, meter};
use meterkit::desk::act::Act;
use meterkit::desk::keymap::Place;
use meterkit::desk::page::Failure;
use meterkit::desk::worker::{Request, Update};
use meterkit::office::model::TokenState;
use meterkit::tui::event::{Event, Key};

fn did<'a>(hand: &'a Hand<'_>) -> Vec<&'a Act> {
    let done = hand.asked.iter().filter_map(|request| match request {
        Request::Do(act) => Some(act),
        _ => None,
    });
    done.collect()
}

#[test]
fn a_token_is_issued_only_after_the_meters_last_digits() {
    let site = Site::new();
    let before = site.desk.report();
    let mut hand = Hand::small(&site.desk);
    issue_check(&mut hand);
    assert_eq!(hand.place(), Place::Check);
    hand.press(Key::Enter);
    assert!(did(&hand).is_empty() && hand.says("Type the figure"), "{}", hand.text());
    hand.types("0048");
    hand.press(Key::Enter);
    assert!(did(&hand).is_empty(), "another meter's digits");
    hand.presses(&[Key::Left; 4]);
    hand.types("0047");
    hand.press(Key::Enter);
    assert_eq!(did(&hand).len(), 1);
    assert_eq!(hand.place(), Place::Outcome);
    assert!(hand.says("+ Done.") && hand.says("50.25 CNY"), "{}", hand.text());
    let after = site.desk.report();
    assert_eq!(figure(&after, "in-transit") - figure(&before, "in-transit"), 5_025);
    // Past the form it came from: it has done its work.
    hand.press(Key::Enter);
    assert_eq!(hand.place(), Place::Today);
}

#[test]
fn what_is_being_done_cannot_be_done_twice_or_left() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    issue_check(&mut hand);
    hand.types("0047");
    hand.key(Key::Enter);
    hand.key(Key::Enter);
    hand.key(Key::Esc);
    assert_eq!(hand.place(), Place::Check);
    assert_eq!(did(&hand).len(), 1);
    assert!(hand.says("Wait for the outcome"), "{}", hand.text());
    hand.answer();
    assert_eq!(hand.place(), Place::Outcome);
}

#[test]
fn a_worker_that_dies_over_an_act_leaves_its_outcome_unknown() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    issue_check(&mut hand);
    hand.types("0047");
    hand.key(Key::Enter);
    hand.event(Event::Update(Update::Died("boom".to_owned())));
    assert!(hand.says("The outcome is not known"), "{}", hand.text());
    hand.key(Key::Enter);
    assert_eq!(did(&hand).len(), 1, "not again without looking");
    hand.key(Key::Esc);
    assert_eq!(hand.place(), Place::Form);
}

#[test]
fn a_refused_act_says_what_to_do_and_the_form_is_kept() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    issue_check(&mut hand);
    hand.types("0047");
    hand.key(Key::Enter);
    let act = did(&hand)[0].clone();
    let failure = Failure { code: "over-limit", detail: "hh-1 carries 9".to_owned() };
    hand.event(Event::Update(Update::Done(act, Err(failure))));
    assert_eq!(hand.place(), Place::Check);
    assert!(hand.says("What to do next") && hand.says("Let it sync first"), "{}", hand.text());
    hand.key(Key::Enter);
    assert_eq!(did(&hand).len(), 1);
    hand.press(Key::Esc);
    assert_eq!(hand.place(), Place::Form);
    assert!(hand.says("50.25"), "{}", hand.text());
}

#[test]
fn a_dispute_is_settled_with_keys_alone() {
    let site = Site::new();
    let report = site.desk.report();
    assert_eq!(figure(&report, "disputed"), 1);
    assert_eq!(site.desk.open_classes().len(), 1);
    let mut hand = Hand::small(&site.desk);
    settle_check(&mut hand);
    assert!(hand.says("counts as in the meter"), "{}", hand.text());
    assert!(did(&hand).is_empty());
    let mut hand = Hand::small(&site.desk);
    settled(&mut hand);
    assert_eq!(hand.place(), Place::Outcome);
    assert!(hand.says(&words_of(TokenState::Applied)), "{}", hand.text());
    let report = site.desk.report();
    assert_eq!((figure(&report, "disputed"), figure(&report, "applied")), (0, 2));
    assert!(site.desk.open_classes().is_empty());
    hand.press(Key::Esc);
    assert!(hand.says("Nothing waits for a person"), "{}", hand.text());
}

fn words_of(state: TokenState) -> String {
    let lang = meterkit::text::Lang::En;
    meterkit::text::desk::words::or_name(lang, state.name()).to_owned()
}

#[test]
fn fencing_names_its_consequence_and_wants_the_handhelds_name() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    fence_check(&mut hand);
    assert!(hand.says("quarantined at once"), "{}", hand.text());
    hand.press(Key::Enter);
    assert!(did(&hand).is_empty());
    let mut hand = Hand::small(&site.desk);
    fenced(&mut hand);
    assert_eq!(hand.place(), Place::Outcome, "{}", hand.text());
    let rows = site.desk.local.wait(site.desk.office().devices()).unwrap();
    let lost = rows.iter().find(|row| row.device.as_str() == "hh-2").unwrap();
    assert_eq!(lost.status, "quarantined");
    let other = rows.iter().find(|row| row.device.as_str() == "hh-1").unwrap();
    assert_eq!(other.carried.tokens, 4, "three were replaced beside the disputed one");
    site.desk.report();
}

#[test]
fn what_is_missing_in_a_form_is_named() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    hand.press(Key::F(2));
    hand.presses(&[Key::Enter; 6]);
    assert_eq!(hand.place(), Place::Form);
    assert!(hand.says("Fill in: Meter."), "{}", hand.text());
    hand.types("xyz");
    hand.presses(&[Key::Enter; 6]);
    assert!(hand.says("cannot be"), "{}", hand.text());
}

#[test]
fn a_keypad_types_the_name_of_any_handheld() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    hand.press(Key::F(2));
    hand.presses(&[Key::Down, Key::Down, Key::Right]);
    assert!(hand.says("hh-1"), "{}", hand.text());
    hand.press(Key::Right);
    assert!(hand.says(" hh-2_"), "{}", hand.text());
    hand.press(Key::F(4));
    // h h - 3
    for _ in 0..2 {
        hand.types("4");
        hand.presses(&[Key::Right, Key::Right]);
    }
    hand.types("1");
    hand.press(Key::Right);
    hand.types("3");
    assert!(hand.says(" hh-3_"), "{}", hand.text());
}

#[test]
fn an_answer_to_another_question_is_not_shown() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    issue_check(&mut hand);
    let other = Act::Issue {
        meter: meter("48"),
        kind: meterkit::units::Act::Recharge,
        amount: 1,
        device: "hh-1".parse().unwrap(),
        days: 3,
        undoes: None,
    };
    let text = hand.text();
    let failure = Failure { code: "no-meter", detail: String::new() };
    hand.event(Event::Update(Update::Checked(other.clone(), Err(failure.clone()))));
    hand.event(Event::Update(Update::Done(other, Err(failure))));
    assert_eq!(hand.text(), text);
}

#[test]
fn nothing_acts_on_a_screen_too_small_to_be_read() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    issue_check(&mut hand);
    hand.types("0047");
    hand.event(Event::Resize { width: 30, height: 10 });
    hand.press(Key::Enter);
    assert!(did(&hand).is_empty());
    hand.event(Event::Resize { width: 40, height: 20 });
    hand.press(Key::Enter);
    assert_eq!(did(&hand).len(), 1);
}

#[test]
fn leaving_is_asked_once_and_an_interrupt_twice_is_heard() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    hand.press(Key::Esc);
    assert!(hand.place() == Place::Leave && !hand.quits);
    hand.press(Key::Esc);
    assert!(hand.place() == Place::Today && !hand.quits);
    hand.presses(&[Key::Esc, Key::Enter]);
    assert!(hand.quits);
    let mut hand = Hand::small(&site.desk);
    issued(&mut hand);
    hand.press(Key::Interrupt);
    assert!(hand.place() == Place::Leave && !hand.quits);
    hand.press(Key::Interrupt);
    assert!(hand.quits);
}

#[test]
fn a_full_queue_is_told_and_nothing_is_begun() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    issue_check(&mut hand);
    hand.types("0047");
    hand.key(Key::Enter);
    let act = did(&hand)[0].clone();
    hand.event(Event::NotTaken(Request::Do(act)));
    assert!(hand.says("Nothing was begun"), "{}", hand.text());
    let before = site.desk.report();
    assert_eq!(figure(&before, "reserved"), 0);
}

/// A list is shown row by row before anything is signed, and is issued whole or not at all.
#[test]
fn a_list_is_checked_row_by_row_and_issued_whole() {
    let site = Site::new();
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.csv"), folder.path().join("bad.csv"));
    std::fs::write(&good, "meter,amount\n47,10.00\n51,20.50\n").unwrap();
    std::fs::write(&bad, "meter,amount\n47,10.00\n999,5\n48,much\n").unwrap();
    let before = site.desk.report();
    let mut hand = Hand::small(&site.desk);
    let open = |hand: &mut Hand<'_>, file: &std::path::Path, to: usize| {
        hand.press(Key::Char('5'));
        hand.event(Event::Paste(file.display().to_string()));
        hand.press(Key::Enter);
        (0..to).for_each(|_| hand.press(Key::Right));
        hand.presses(&[Key::Enter; 3]);
    };
    open(&mut hand, &bad, 1);
    assert_eq!(hand.place(), Place::Check);
    assert!(hand.says("Nothing can be issued"), "{}", hand.text());
    assert!(hand.says("Wrong rows 2"), "{}", hand.text());
    hand.types("3");
    hand.press(Key::Enter);
    assert!(did(&hand).is_empty() && hand.says("This cannot be done"), "{}", hand.text());
    hand.presses(&[Key::Esc, Key::Esc]);
    open(&mut hand, &good, 1);
    // Meter 51 hangs on what hh-2 carries.
    assert!(hand.says("Another handheld carries"), "{}", hand.text());
    hand.presses(&[Key::Esc, Key::Esc]);
    std::fs::write(&good, "meter,amount\n47,10.00\n47,20.50\n").unwrap();
    open(&mut hand, &good, 1);
    assert!(hand.says("30.50 CNY"), "{}", hand.text());
    hand.types("2");
    hand.press(Key::Enter);
    assert_eq!(hand.place(), Place::Outcome, "{}", hand.text());
    let after = site.desk.report();
    assert_eq!(figure(&after, "in-transit") - figure(&before, "in-transit"), 3_050);
    hand.press(Key::Esc);
    open(&mut hand, &good, 1);
    assert!(hand.says("were issued before"), "{}", hand.text());
}

#[test]
fn a_list_on_the_screen_is_written_to_a_file_and_replaces_none() {
    let site = Site::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("handhelds.csv");
    let mut hand = Hand::small(&site.desk);
    for _ in 0..2 {
        hand.press(Key::Char('2'));
        hand.press(Key::F(4));
        hand.press(Key::F(4));
        hand.event(Event::Paste(file.display().to_string()));
        hand.press(Key::Enter);
        hand.press(Key::Enter);
        if hand.place() == Place::Outcome {
            hand.presses(&[Key::Esc, Key::Esc]);
        }
    }
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with('\u{feff}') && text.contains("hh-2"), "{text}");
    assert!(hand.says("A file could not be read or written"), "{}", hand.text());
    assert_eq!(did(&hand).len(), 1);
}

#[test]
fn a_shift_is_closed_at_zero_and_stands_in_the_list() {
    let site = Site::new();
    let mut hand = Hand::small(&site.desk);
    super::scenes::shift_check(&mut hand);
    assert!(hand.says("It comes to zero"), "{}", hand.text());
    assert!(did(&hand).is_empty());
    let mut hand = Hand::small(&site.desk);
    super::scenes::shift_closed(&mut hand);
    assert_eq!(hand.place(), Place::Outcome, "{}", hand.text());
    let shifts = site.desk.local.wait(site.desk.office().shifts(None)).unwrap();
    assert_eq!(shifts.len(), 1);
    assert!(shifts[0].sound());
}

/// From the meter's card: with reason and receipt, after a check, once.
#[test]
fn an_account_is_closed_from_the_card_of_its_meter() {
    let site = Site::new();
    let before = site.desk.report();
    let mut hand = Hand::small(&site.desk);
    close_form(&mut hand);
    assert_eq!(hand.place(), Place::Form);
    hand.presses(&[Key::Enter; 3]);
    assert_eq!(hand.place(), Place::Form, "a reason must be given");
    // What it holds stands on the form; what was paid back must be said.
    assert!(hand.says("Balance 50.00 CNY"), "{}", hand.text());
    hand.types("42");
    hand.press(Key::Enter);
    assert_eq!(hand.place(), Place::Check);
    assert!(hand.says("Nobody said what was paid back"), "{}", hand.text());
    let mut hand = Hand::small(&site.desk);
    close_check(&mut hand);
    assert_eq!(hand.place(), Place::Check);
    hand.types("0048");
    hand.press(Key::Enter);
    assert!(did(&hand).is_empty(), "another meter's digits");
    let mut hand = Hand::small(&site.desk);
    close_done(&mut hand);
    assert_eq!(hand.place(), Place::Outcome);
    assert!(hand.says("The account is closed.") && hand.says("50.00 CNY"), "{}", hand.text());
    let after = site.desk.report();
    assert_eq!(figure(&before, "meter-held") - figure(&after, "meter-held"), 5_000);
    // Past the form: its card, where it cannot be closed again.
    hand.press(Key::Enter);
    assert_eq!(hand.place(), Place::Meter);
    hand.press(Key::Enter);
    assert_eq!(hand.place(), Place::Meter);
    assert!(hand.says("closed already"), "{}", hand.text());
    assert_eq!(did(&hand).len(), 1);
}

/// From the call: the account is closed and the call answered; or it is only seen.
#[test]
fn the_call_about_a_closed_account_is_answered_in_two_ways() {
    let site = Site::new().closed_in_the_field();
    assert_eq!(site.desk.open_classes().len(), 2);
    let mut hand = Hand::small(&site.desk);
    call_check(&mut hand);
    assert!(matches!(hand.asked.last(), Some(Request::Check(Act::CloseMeter { .. }))));
    let mut hand = Hand::small(&site.desk);
    call_done(&mut hand);
    assert_eq!(hand.place(), Place::Outcome);
    assert_eq!(site.desk.open_classes().len(), 1, "the call is answered");
    // Its card says so, asks for nothing more, and cannot be answered again.
    hand.press(Key::Enter);
    assert_eq!(hand.place(), Place::Review);
    assert!(hand.says("Settled closed") && !hand.says("What to do"), "{}", hand.text());
    hand.press(Key::F(2));
    assert_eq!(hand.place(), Place::Review);
    assert!(hand.says("closed already"), "{}", hand.text());
    let site = Site::new().closed_in_the_field();
    let before = site.desk.report();
    let mut hand = Hand::small(&site.desk);
    call_form(&mut hand);
    hand.press(Key::Up);
    hand.types("2");
    hand.presses(&[Key::Enter; 3]);
    hand.types("42");
    hand.press(Key::Enter);
    assert!(matches!(hand.asked.last(), Some(Request::Check(Act::CloseReview { .. }))));
    hand.press(Key::Enter);
    assert_eq!(hand.place(), Place::Outcome, "{}", hand.text());
    assert_eq!(site.desk.open_classes().len(), 1);
    let after = site.desk.report();
    assert_eq!(figure(&before, "meter-held"), figure(&after, "meter-held"), "no money moved");
}
