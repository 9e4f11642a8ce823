//! Scenes before, around and after a session: log-in, PINs, people, trust, the shift.

use super::{Hand, keep, keep_from, states};
use meterkit::jobs::views::{
    HomeView, LockedView, LoggedOutWhy, MarkView, OperatorView, ShiftView, TrustView, Update,
};
use meterkit::report::Code;
use meterkit::tui::event::{Event, Key};
use meterkit::units::Mark;
use rstest::rstest;

pub fn log_in(hand: &mut Hand) {
    hand.tell(Update::Locked(states::locked()));
}

fn log_in_before_the_engine(_hand: &mut Hand) {}

fn log_in_typing(hand: &mut Hand) {
    log_in(hand);
    hand.types("24681");
}

fn log_in_checking(hand: &mut Hand) {
    log_in_typing(hand);
    hand.press(Key::Enter);
}

fn log_in_first(hand: &mut Hand) {
    let locked = states::locked();
    let hint = "1001 PIN 246810; 9001 (supervisor) PIN 13579111".to_owned();
    hand.tell(Update::Locked(LockedView { plain_secret: true, hint, ..locked }));
}

/// A log-in that failed as told.
pub fn refused(hand: &mut Hand, locked: LockedView) {
    log_in_checking(hand);
    hand.tell(Update::Locked(locked));
}

pub fn wrong(left: u32, wait_s: u32) -> LockedView {
    let code = if wait_s > 0 { Code::PinWait } else { Code::PinWrong };
    let failure = Some(states::failure(code, ""));
    LockedView { failure, left: Some(left), wait_s, ..states::locked() }
}

fn log_in_wrong(hand: &mut Hand) {
    refused(hand, wrong(9, 0));
}

fn log_in_wait(hand: &mut Hand) {
    refused(hand, wrong(5, 300));
    hand.sleep();
    hand.sleep();
}

pub fn locked_out() -> LockedView {
    let failure = Some(states::failure(Code::PinLocked, ""));
    LockedView { failure, left: Some(0), locked_out: true, ..states::locked() }
}

fn log_in_locked_out(hand: &mut Hand) {
    refused(hand, locked_out());
}

fn log_in_idle(hand: &mut Hand) {
    super::scenes::recharge_evidence(hand);
    while hand.sleep().is_some() && !hand.says("Locking") && !hand.says("正在锁定") {}
    let operator = states::session().operator;
    hand.tell(Update::LoggedOut { operator, why: LoggedOutWhy::Idle, shift: states::shift() });
    hand.tell(Update::Locked(states::locked()));
}

fn locks_soon(hand: &mut Hand) {
    home(hand, states::trust());
    hand.sleep();
}

fn recover(hand: &mut Hand) {
    log_in_locked_out(hand);
    hand.press(Key::F(2));
    hand.event(Event::Paste("7K3Q-M2XP-9ABC-DEFG-HJKM-NPQR-ST4".to_owned()));
    hand.press(Key::Enter);
    hand.types("135790");
}

fn recover_wrong(hand: &mut Hand) {
    recover(hand);
    hand.press(Key::Enter);
    hand.types("135790");
    hand.press(Key::Enter);
    hand.tell(Update::PinDone(Err(states::failure(Code::RecoveryWrong, ""))));
}

fn home(hand: &mut Hand, trust: TrustView) {
    hand.tell(Update::Home(HomeView { trust: Some(trust), ..states::home() }));
}

fn home_warned(hand: &mut Hand) {
    home(hand, states::warned_trust());
}

fn home_low(hand: &mut Hand) {
    home(hand, states::low_trust());
}

fn home_stopped(hand: &mut Hand) {
    home(hand, states::stopped_trust());
}

fn home_grant_expired(hand: &mut Hand) {
    let mut session = states::session();
    session.grant = Some(states::failure(Code::GrantExpired, "2026-11-20 18:00"));
    hand.tell(Update::LoggedIn(Box::new(session)));
    hand.wait(1);
    home(hand, states::trust());
}

fn trust_fresh(hand: &mut Hand) {
    home(hand, states::trust());
    hand.types("9");
}

fn trust_stopped(hand: &mut Hand) {
    home(hand, states::stopped_trust());
    hand.types("9");
}

fn trust_stopped_end(hand: &mut Hand) {
    trust_stopped(hand);
    hand.presses(&[Key::PageDown, Key::PageDown, Key::PageDown]);
}

fn evidence_warned(hand: &mut Hand) {
    super::scenes::recharge_reading(hand);
    let errand = super::scenes::errand(hand);
    let mut seen = states::preflight(2);
    seen.warnings = states::warned_trust().reasons;
    seen.operator = states::with(states::warned_trust().operator, seen.token.credit);
    hand.tell(Update::Preflight { errand, result: Ok(Box::new(seen)) });
}

/// A supervisor looks at the people.
pub fn people(hand: &mut Hand) {
    hand.tell(Update::LoggedIn(Box::new(states::supervisor())));
    hand.wait(1);
    home(hand, states::trust());
    hand.types("8");
    hand.types("4");
    hand.tell(Update::Operators(states::people()));
    hand.press(Key::Down);
}

fn people_none(hand: &mut Hand) {
    people(hand);
    hand.tell(Update::Operators(Vec::new()));
}

fn people_locked(hand: &mut Hand) {
    people(hand);
    hand.presses(&[Key::Down, Key::Down]);
}

fn people_as_operator(hand: &mut Hand) {
    home(hand, states::trust());
    hand.types("84");
    hand.tell(Update::Operators(states::people()));
}

fn people_remove(hand: &mut Hand) {
    people_locked(hand);
    hand.press(Key::F(4));
}

fn people_free_refused(hand: &mut Hand) {
    people_locked(hand);
    hand.presses(&[Key::F(3), Key::Enter]);
    hand.tell(Update::PinDone(Err(states::failure(Code::RoleForbids, ""))));
}

fn activate(hand: &mut Hand) {
    people(hand);
    hand.press(Key::Enter);
    hand.types("7K3QM2XP9");
}

fn change_pin(hand: &mut Hand) {
    people(hand);
    hand.press(Key::F(2));
    hand.types("246810");
    hand.press(Key::Enter);
    hand.types("11");
}

fn change_pin_weak(hand: &mut Hand) {
    change_pin(hand);
    hand.press(Key::Enter);
    hand.types("11");
    hand.press(Key::Enter);
    hand.tell(Update::PinDone(Err(states::failure(Code::PinWeak, ""))));
}

fn log_out(hand: &mut Hand) {
    home(hand, states::trust());
    hand.press(Key::F(4));
}

fn logging_out(hand: &mut Hand) {
    log_out(hand);
    hand.press(Key::Enter);
}

/// The log-out as the engine tells it.
pub fn logged_out(hand: &mut Hand, why: LoggedOutWhy, shift: ShiftView) {
    let operator = states::session().operator;
    hand.tell(Update::LoggedOut { operator, why, shift });
    hand.tell(Update::Locked(states::locked()));
    hand.wait(1);
}

fn summary(hand: &mut Hand) {
    logging_out(hand);
    let shift = ShiftView { unknown: 0, unsynced: 0, kwh: 12_345, ..states::shift() };
    logged_out(hand, LoggedOutWhy::Asked, shift);
}

fn summary_shift_end(hand: &mut Hand) {
    super::scenes::recharge_evidence(hand);
    let mark = |n, hours: i64, note: &str| MarkView {
        meter: states::no(n),
        mark: Mark::KeepPower,
        since: states::ago(hours * 3_600),
        note: note.to_owned(),
    };
    let kept = vec![mark(2, 52, "dialysis at home"), mark(7, 3, "storm")];
    logged_out(hand, LoggedOutWhy::ShiftEnd, ShiftView { kept, ..states::shift() });
}

#[rstest]
#[case("log_in_before_the_engine", log_in_before_the_engine)]
#[case("log_in", log_in)]
#[case("log_in_first", log_in_first)]
#[case("log_in_typing", log_in_typing)]
#[case("log_in_checking", log_in_checking)]
#[case("log_in_wrong", log_in_wrong)]
#[case("log_in_wait", log_in_wait)]
#[case("log_in_locked_out", log_in_locked_out)]
#[case("recover", recover)]
#[case("recover_wrong", recover_wrong)]
fn a_locked_screen_is_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand)) {
    keep_from(Hand::locked, name, play);
}

#[rstest]
#[case("log_in_idle", log_in_idle)]
#[case("locks_soon", locks_soon)]
#[case("home_warned", home_warned)]
#[case("home_low", home_low)]
#[case("home_stopped", home_stopped)]
#[case("home_grant_expired", home_grant_expired)]
#[case("trust_fresh", trust_fresh)]
#[case("trust_stopped", trust_stopped)]
#[case("trust_stopped_end", trust_stopped_end)]
#[case("evidence_warned", evidence_warned)]
#[case("people", people)]
#[case("people_none", people_none)]
#[case("people_locked", people_locked)]
#[case("people_as_operator", people_as_operator)]
#[case("people_remove", people_remove)]
#[case("people_free_refused", people_free_refused)]
#[case("activate", activate)]
#[case("change_pin", change_pin)]
#[case("change_pin_weak", change_pin_weak)]
#[case("log_out", log_out)]
#[case("logging_out", logging_out)]
#[case("summary", summary)]
#[case("summary_shift_end", summary_shift_end)]
fn a_screen_of_people_is_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand)) {
    keep(name, play);
}

/// Nobody of the list is left out of it by a long name.
#[test]
fn every_person_of_the_list_can_be_told_apart() {
    let mut hand = Hand::small();
    people(&mut hand);
    for OperatorView { operator, .. } in states::people() {
        assert!(hand.says(operator.as_str()), "{operator}");
    }
}
