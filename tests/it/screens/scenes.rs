//! The scenes that are kept as snapshots, each reached with keys and updates as in the field.

use super::{Hand, keep, states};
use meterkit::jobs::views::{ErrandId, Request, Stage, TokenStateView, TokenView, Update};
use meterkit::report::Code;
use meterkit::tui::event::{Event, Key};
use meterkit::units::{Act, Decision};
use rstest::rstest;

/// The errand asked for last.
pub fn errand(hand: &mut Hand) -> ErrandId {
    let asked = hand.asked().into_iter().rev().find_map(|request| match request {
        Request::Read { errand, .. }
        | Request::Preflight { errand, .. }
        | Request::Commit { errand, .. }
        | Request::Resolve { errand, .. }
        | Request::Sync { errand } => Some(errand),
        _ => None,
    });
    asked.expect("an errand was asked for")
}

fn first_frame(_hand: &mut Hand) {}

fn home(hand: &mut Hand) {
    hand.tell(Update::Home(states::home()));
    hand.press(Key::Down);
}

fn home_troubled(hand: &mut Hand) {
    hand.tell(Update::Home(states::troubled_home()));
    hand.press(Key::Esc);
}

fn home_empty(hand: &mut Hand) {
    hand.tell(Update::Home(states::empty_home()));
}

fn meters(hand: &mut Hand) {
    home(hand);
    hand.types("1");
    let rows = states::meter_rows(50);
    hand.tell(Update::Meters { rows, more: true, search: String::new(), after: None });
    hand.presses(&[Key::Down, Key::Down]);
}

fn meters_none_found(hand: &mut Hand) {
    meters(hand);
    hand.types("999");
    let search = "999".to_owned();
    hand.tell(Update::Meters { rows: Vec::new(), more: false, search, after: None });
}

fn card(hand: &mut Hand, n: u32) {
    meters(hand);
    hand.press(Key::Enter);
    // The list has meter 2 selected; the card shows whichever meter the test wants.
    hand.press(Key::Esc);
    hand.types(&states::no(n).to_string());
    let row = states::meter_row(n);
    let search = row.no.to_string();
    hand.tell(Update::Meters { rows: vec![row], more: false, search, after: None });
    hand.press(Key::Enter);
    hand.tell(Update::Meter(Box::new(states::meter(n))));
}

fn card_unread(hand: &mut Hand) {
    card(hand, 0);
}

fn card_reading(hand: &mut Hand) {
    card(hand, 0);
    hand.press(Key::F(2));
    let errand = errand(hand);
    hand.tell(Update::Progress { errand, stage: Stage::Reading, done: 3, of: 12 });
    hand.wait(2);
}

fn card_read(hand: &mut Hand) {
    card(hand, 0);
    hand.press(Key::F(2));
    let errand = errand(hand);
    hand.tell(Update::Read { errand, result: Ok(Box::new(states::quick_read(0))) });
}

fn card_alarms(hand: &mut Hand) {
    card(hand, 1);
    hand.press(Key::F(2));
    let errand = errand(hand);
    hand.tell(Update::Read { errand, result: Ok(Box::new(states::alarmed_read(1))) });
}

fn card_open_intent(hand: &mut Hand) {
    card(hand, 3);
    hand.press(Key::F(3));
}

fn card_silent(hand: &mut Hand) {
    card(hand, 0);
    hand.press(Key::Enter);
    let errand = errand(hand);
    let failure = states::failure(Code::MeterSilent, "202600000000 on /dev/ttyUSB0, 3 tries");
    hand.tell(Update::Read { errand, result: Err(failure) });
}

fn recharge_choose(hand: &mut Hand) {
    card(hand, 0);
    let mut meter = states::meter(0);
    meter.tokens = states::tokens();
    meter.tokens.push(states::token(9, TokenStateView::Ready));
    hand.tell(Update::Meter(Box::new(meter)));
    hand.press(Key::F(3));
}

pub fn recharge_reading(hand: &mut Hand) {
    home(hand);
    hand.types("2");
    let mut rows = states::tokens();
    rows.insert(0, states::token(1, TokenStateView::Ready));
    hand.tell(Update::Tokens { rows, more: false, after: None });
    hand.press(Key::Enter);
}

pub fn recharge_evidence(hand: &mut Hand) {
    recharge_reading(hand);
    let errand = errand(hand);
    hand.tell(Update::Preflight { errand, result: Ok(Box::new(states::preflight(1))) });
}

fn recharge_digits(hand: &mut Hand) {
    recharge_evidence(hand);
    hand.press(Key::Enter);
    hand.types("00");
}

pub fn recharge_sent(hand: &mut Hand) -> ErrandId {
    recharge_evidence(hand);
    hand.press(Key::Enter);
    hand.types("0001");
    hand.press(Key::Enter);
    let errand = errand(hand);
    hand.tell(Update::Progress { errand, stage: Stage::Sending, done: 1, of: 4 });
    errand
}

fn recharge_running(hand: &mut Hand) {
    let errand = recharge_sent(hand);
    hand.tell(Update::Progress { errand, stage: Stage::ReadingBack, done: 3, of: 7 });
    hand.wait(4);
}

fn recharge_stop_warning(hand: &mut Hand) {
    recharge_running(hand);
    hand.press(Key::Esc);
}

fn outcome(hand: &mut Hand, decision: Decision) {
    let errand = recharge_sent(hand);
    let end = states::finished(1, decision);
    hand.tell(Update::Finished { errand, result: Ok(Box::new(end)) });
}

fn outcome_accepted(hand: &mut Hand) {
    outcome(hand, Decision::Confirmed);
}

fn outcome_refused(hand: &mut Hand) {
    outcome(hand, Decision::NotApplied);
}

fn outcome_unknown(hand: &mut Hand) {
    outcome(hand, Decision::Unreachable);
}

fn outcome_disputed(hand: &mut Hand) {
    outcome(hand, Decision::TornWrite);
}

fn recharge_count_ahead(hand: &mut Hand) {
    recharge_reading(hand);
    let errand = errand(hand);
    let failure = states::failure(Code::CountAhead, "meter 5, token 3");
    hand.tell(Update::Preflight { errand, result: Err(failure) });
}

fn what_happened(hand: &mut Hand) {
    hand.tell(Update::Home(states::troubled_home()));
}

fn what_happened_office(hand: &mut Hand) {
    what_happened(hand);
    hand.presses(&[Key::Down, Key::Enter]);
}

fn what_happened_none(hand: &mut Hand) {
    home(hand);
    hand.types("5");
}

fn resolving(hand: &mut Hand) {
    what_happened(hand);
    hand.press(Key::Enter);
    let errand = errand(hand);
    hand.tell(Update::Progress { errand, stage: Stage::ReadingBack, done: 1, of: 5 });
    hand.wait(1);
}

fn tokens(hand: &mut Hand) {
    home(hand);
    hand.types("2");
    hand.tell(Update::Tokens { rows: states::tokens(), more: false, after: None });
    hand.press(Key::Down);
}

/// A usable token of each act that an office issues.
pub fn acts() -> Vec<TokenView> {
    [Act::Recharge, Act::Refund, Act::Reversal, Act::Open, Act::CarryIn]
        .into_iter()
        .zip(0..)
        .map(|(act, n)| TokenView { act, ..states::token(n, TokenStateView::Ready) })
        .collect()
}

/// One of each act; a refund is selected.
fn tokens_acts(hand: &mut Hand) {
    tokens(hand);
    hand.tell(Update::Tokens { rows: acts(), more: false, after: None });
    hand.press(Key::Down);
}

fn tokens_none(hand: &mut Hand) {
    home(hand);
    hand.types("2");
    hand.tell(Update::Tokens { rows: Vec::new(), more: false, after: None });
}

fn import(hand: &mut Hand) {
    tokens(hand);
    hand.presses(&[Key::F(2), Key::Enter]);
    let refused = vec![
        states::failure(Code::TokenDevice, "hh-009"),
        states::failure(Code::TokenSignature, "token 4"),
    ];
    hand.tell(Update::Imported { taken: 3, known: 1, refused });
}

fn journal(hand: &mut Hand) {
    home(hand);
    hand.types("3");
    hand.tell(Update::Journal { rows: states::journal(), more: false, before: None });
}

fn journal_verified(hand: &mut Hand) {
    journal(hand);
    hand.press(Key::F(2));
    hand.tell(Update::JournalVerified(Ok(48_213)));
}

fn sync(hand: &mut Hand) {
    hand.tell(Update::Home(meterkit::jobs::views::HomeView { demo: true, ..states::home() }));
    hand.press(Key::F(2));
}

fn sync_running(hand: &mut Hand) {
    sync(hand);
    hand.press(Key::F(2));
    let errand = errand(hand);
    hand.tell(Update::Progress { errand, stage: Stage::Syncing, done: 2, of: 5 });
    hand.wait(3);
}

fn sync_done(hand: &mut Hand) {
    sync(hand);
    hand.press(Key::F(2));
    let errand = errand(hand);
    hand.tell(Update::Synced { errand, result: Ok(states::synced()) });
}

fn sync_failed(hand: &mut Hand) {
    sync(hand);
    hand.press(Key::F(2));
    let errand = errand(hand);
    let failure = states::failure(Code::OfficeUnreachable, "https://office.example");
    hand.tell(Update::Synced { errand, result: Err(failure) });
}

fn ports(hand: &mut Hand) {
    home(hand);
    hand.types("6");
    let chosen = Some("/dev/ttyUSB0".to_owned());
    hand.tell(Update::Ports { rows: states::ports(), chosen });
    hand.press(Key::Down);
}

fn ports_none(hand: &mut Hand) {
    home(hand);
    hand.types("6");
    hand.tell(Update::Ports { rows: Vec::new(), chosen: None });
}

fn frames(hand: &mut Hand) {
    home(hand);
    hand.types("7");
    states::wires().into_iter().for_each(|piece| hand.tell(Update::Wire(piece)));
}

fn settings(hand: &mut Hand) {
    home(hand);
    hand.types("8");
    hand.press(Key::Down);
}

fn help(hand: &mut Hand) {
    home(hand);
    hand.press(Key::F(1));
}

fn leave(hand: &mut Hand) {
    sync_running(hand);
    hand.presses(&[Key::Esc, Key::Esc]);
}

fn too_small(hand: &mut Hand) {
    home(hand);
    hand.event(Event::Resize { width: 30, height: 10 });
}

#[rstest]
#[case("home_first_frame", first_frame)]
#[case("home", home)]
#[case("home_troubled", home_troubled)]
#[case("home_empty", home_empty)]
#[case("meters", meters)]
#[case("meters_none_found", meters_none_found)]
#[case("card_unread", card_unread)]
#[case("card_reading", card_reading)]
#[case("card_read", card_read)]
#[case("card_alarms", card_alarms)]
#[case("card_open_intent", card_open_intent)]
#[case("card_silent", card_silent)]
#[case("recharge_choose", recharge_choose)]
#[case("recharge_reading", recharge_reading)]
#[case("recharge_evidence", recharge_evidence)]
#[case("recharge_digits", recharge_digits)]
#[case("recharge_running", recharge_running)]
#[case("recharge_stop_warning", recharge_stop_warning)]
#[case("recharge_count_ahead", recharge_count_ahead)]
#[case("outcome_accepted", outcome_accepted)]
#[case("outcome_refused", outcome_refused)]
#[case("outcome_unknown", outcome_unknown)]
#[case("outcome_disputed", outcome_disputed)]
#[case("what_happened", what_happened)]
#[case("what_happened_office", what_happened_office)]
#[case("what_happened_none", what_happened_none)]
#[case("resolving", resolving)]
#[case("tokens", tokens)]
#[case("tokens_acts", tokens_acts)]
#[case("tokens_none", tokens_none)]
#[case("import", import)]
#[case("journal", journal)]
#[case("journal_verified", journal_verified)]
#[case("sync", sync)]
#[case("sync_running", sync_running)]
#[case("sync_done", sync_done)]
#[case("sync_failed", sync_failed)]
#[case("ports", ports)]
#[case("ports_none", ports_none)]
#[case("frames", frames)]
#[case("settings", settings)]
#[case("help", help)]
#[case("leave", leave)]
#[case("too_small", too_small)]
fn a_screen_is_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand)) {
    keep(name, play);
}
