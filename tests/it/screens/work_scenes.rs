//! The scenes of longer errands that are kept as snapshots: the list, a kind's page, form, plan,
//! progress, questions, result, what was begun before, the drawing of a wiring check.

use super::{Hand, keep, states};
use meterkit::jobs::errand::{Ask, FieldKind, Row, Sheet, Sign, Vectors};
use meterkit::jobs::views::{ErrandId, MarkView, OfferView, Request, Update, WorkView};
use meterkit::report::Code;
use meterkit::tui::event::Key;
use meterkit::units::{ErrandKind, Mark, StepState, WorkId};
use rstest::rstest;

pub fn work(n: u8) -> WorkId {
    WorkId([n; 16])
}

fn view(n: u8, kind: ErrandKind, what: &[&str], state: StepState, ask: Ask) -> WorkView {
    let what = what.iter().map(|what| (*what).to_owned()).collect();
    WorkView { work: work(n), kind, begun: states::ago(i64::from(n) * 5_000), state, what, ask }
}

/// Three that are open, two that are over, and a meter in each special state.
pub fn listed() -> Update {
    let [a, b, c] = [0, 1, 2].map(|n| states::no(n).to_string());
    let many = format!("{a} {b} {c}");
    let rows = vec![
        view(1, ErrandKind::Swap, &[&a, &b], StepState::Begun, Ask::Go("swap-change")),
        view(2, ErrandKind::Control, &["trip", &many], StepState::Begun, Ask::Nothing),
        view(
            3,
            ErrandKind::Commission,
            &[&c],
            StepState::Begun,
            Ask::Choice("comm-failed", &["comm-again", "comm-skip"]),
        ),
        view(4, ErrandKind::Control, &["keep-power-on", &b], StepState::Done, Ask::Nothing),
        view(5, ErrandKind::Control, &["trip", &c], StepState::Failed, Ask::Nothing),
    ];
    let mark = |n, mark, hours: i64, note: &str| MarkView {
        meter: states::no(n),
        mark,
        since: states::ago(hours * 3_600),
        note: note.to_owned(),
    };
    let marks = vec![
        mark(1, Mark::KeepPower, 52, "dialysis at home"),
        mark(2, Mark::Tripped, 3, "arrears"),
        mark(7, Mark::SwappedOut, 200, ""),
    ];
    let offer = |kind, values: &[(&str, &str)], what: &[&str], note: &str| OfferView {
        kind,
        values: values.iter().map(|(key, text)| (key.to_string(), text.to_string())).collect(),
        what: what.iter().map(|what| what.to_string()).collect(),
        note: note.to_owned(),
        due: None,
    };
    let whose = "\u{738b}\u{82b3} Wang Fang  B1-102";
    let offers = vec![
        offer(ErrandKind::Account, &[("act", "open"), ("meter", &c)], &["open", &c], whose),
        offer(ErrandKind::Bundle, &[("bundle", "summer 2026")], &["summer 2026 v3"], ""),
    ];
    Update::Works { rows, marks, offers }
}

pub fn list(hand: &mut Hand) {
    hand.tell(Update::Home(meterkit::jobs::views::HomeView { open_works: 3, ..states::home() }));
    hand.types("0");
    hand.tell(listed());
}

fn list_first(hand: &mut Hand) {
    list(hand);
}

fn list_open(hand: &mut Hand) {
    list(hand);
    hand.presses(&[Key::Up; 3]);
    hand.presses(&[Key::Down; 8]);
}

fn list_mark(hand: &mut Hand) {
    list(hand);
    hand.presses(&[Key::Down; 9]);
}

fn list_empty(hand: &mut Hand) {
    hand.tell(Update::Home(states::home()));
    hand.types("0");
    hand.tell(Update::Works { rows: Vec::new(), marks: Vec::new(), offers: Vec::new() });
}

fn kind(hand: &mut Hand) {
    list(hand);
    hand.types("3");
    hand.tell(listed());
    hand.press(Key::Down);
}

fn kind_offer(hand: &mut Hand) {
    list(hand);
    hand.types("2");
    hand.tell(listed());
    hand.press(Key::Down);
}

/// Two rounds of the office: one to be read in three days, one that is late.
fn kind_rounds(hand: &mut Hand) {
    let round = |name: &str, late_s: i64| OfferView {
        kind: ErrandKind::Round,
        values: vec![("round-office".to_owned(), name.to_owned())],
        what: vec![name.to_owned(), "(120)".to_owned()],
        note: String::new(),
        due: Some(states::ago(late_s)),
    };
    let offers =
        vec![round("\u{4e1c}\u{533a} November, east", -3 * 86_400), round("spot check", 7_200)];
    list(hand);
    hand.types("6");
    hand.tell(Update::Works { rows: Vec::new(), marks: Vec::new(), offers });
    hand.press(Key::Down);
}

fn form_prices(hand: &mut Hand) {
    form_control(hand);
    hand.types("7");
}

fn kind_empty(hand: &mut Hand) {
    list(hand);
    hand.types("6");
    hand.tell(listed());
}

/// More steps down than any form has fields: its last one.
pub const TO_THE_END: &[Key] = &[Key::Down; 20];

/// The form of the nth kind.
fn form(hand: &mut Hand, digit: &str) {
    list(hand);
    hand.types(digit);
    hand.tell(listed());
    hand.press(Key::Enter);
}

pub fn form_control(hand: &mut Hand) {
    form(hand, "3");
}

pub fn form_account(hand: &mut Hand) {
    form(hand, "2");
}

fn form_round(hand: &mut Hand) {
    form(hand, "6");
    hand.types("1");
    hand.press(Key::Down);
    hand.types("101 102");
}

/// The errand asked for last.
fn errand(hand: &mut Hand) -> ErrandId {
    let asked = hand.asked().into_iter().rev().find_map(|request| match request {
        Request::WorkPlan { errand, .. }
        | Request::WorkBegin { errand, .. }
        | Request::WorkGo { errand, .. } => Some(errand),
        _ => None,
    });
    asked.expect("an errand was asked for")
}

fn ends(hand: &mut Hand, result: Result<Sheet, meterkit::jobs::Failure>) {
    let errand = errand(hand);
    hand.tell(Update::WorkSheet { errand, result: result.map(Box::new) });
}

/// Three meters to be tripped, with a password.
fn filled(hand: &mut Hand) {
    form_control(hand);
    hand.press(Key::Enter);
    hand.types("0 1 2");
    hand.presses(TO_THE_END);
    hand.types("000000");
    hand.press(Key::Enter);
}

pub fn form_fault(hand: &mut Hand) {
    filled(hand);
    ends(hand, Err(states::failure(Code::Usage, "reason")));
}

pub fn form_odd(hand: &mut Hand) {
    form_control(hand);
    hand.presses(&[Key::Down; 1]);
    hand.types("12x");
    hand.presses(TO_THE_END);
    hand.press(Key::Enter);
    // Whether it is a name of the list, the plan knows.
    ends(hand, Err(states::failure(Code::FieldOdd, "meters: 12x")));
}

fn planning(hand: &mut Hand) {
    filled(hand);
    hand.wait(7);
}

fn head(work: Option<WorkId>) -> Sheet {
    let mut sheet = Sheet::new(ErrandKind::Control, work);
    sheet.rows.push(Row::info("command", "trip"));
    sheet.rows.push(Row::info("reason", "arrears, notice of 2026-11-02"));
    sheet
}

fn planned() -> Sheet {
    let mut sheet = head(None);
    let silent = states::failure(Code::MeterSilent, "/dev/ttyUSB0");
    for row in [
        Row::new(Sign::Todo, "control-now", "relay-closed").at(states::no(0)),
        Row::new(Sign::Warn, "control-now", "relay-open").at(states::no(1)),
        Row::new(Sign::Bad, "control-now", "").at(states::no(2)).because(silent),
    ] {
        sheet.rows.push(row);
    }
    sheet
}

pub fn plan(hand: &mut Hand) {
    filled(hand);
    ends(hand, Ok(planned()));
}

pub fn plan_failed(hand: &mut Hand) {
    filled(hand);
    ends(hand, Err(states::failure(Code::PortNotChosen, "")));
}

/// A checklist with its first point ticked off.
fn checks() -> Sheet {
    let mut sheet = head(Some(work(9)));
    sheet.rows.push(Row::new(Sign::Good, "check-right-meters", ""));
    sheet.rows.push(Row::new(Sign::Todo, "check-people-told", ""));
    sheet.rows.push(Row::new(Sign::Todo, "check-no-danger-off", ""));
    for n in 0..3 {
        sheet.rows.push(Row::new(Sign::Todo, "control-act", "").at(states::no(n)));
    }
    sheet.ask = Ask::Go("check-people-told");
    sheet
}

pub fn ask_go(hand: &mut Hand) {
    plan(hand);
    hand.press(Key::Enter);
    ends(hand, Ok(checks()));
}

/// One meter is done, one under way, one not begun.
fn acting(done: &[Sign]) -> Sheet {
    let mut sheet = head(Some(work(9)));
    for check in ["check-right-meters", "check-people-told", "check-no-danger-off"] {
        sheet.rows.push(Row::new(Sign::Good, check, ""));
    }
    for (n, sign) in (0..).zip(done) {
        let row = Row::new(*sign, "control-act", "").at(states::no(n));
        sheet.rows.push(match sign {
            Sign::Good => Row { value: "relay-open".to_owned(), ..row },
            Sign::Bad => row.because(states::failure(Code::MeterRefused, "0x04")),
            Sign::Unknown => row.because(states::failure(Code::MeterSilent, "/dev/ttyUSB0")),
            _ => row,
        });
    }
    sheet
}

fn running(hand: &mut Hand) {
    ask_go(hand);
    hand.press(Key::Enter);
    let errand = errand(hand);
    let sheet = Box::new(acting(&[Sign::Good, Sign::Doing, Sign::Todo]));
    hand.tell(Update::WorkProgress { errand, sheet });
    hand.wait(12);
}

fn stopping(hand: &mut Hand) {
    running(hand);
    hand.press(Key::Esc);
}

pub fn done(hand: &mut Hand) {
    ask_go(hand);
    hand.press(Key::Enter);
    let sheet = Sheet { done: true, ..acting(&[Sign::Good; 3]) };
    ends(hand, Ok(sheet));
}

fn partial(hand: &mut Hand) {
    ask_go(hand);
    hand.press(Key::Enter);
    let exit = Some(Code::WorkPartial);
    let sheet = acting(&[Sign::Good, Sign::Bad, Sign::Unknown]);
    ends(hand, Ok(Sheet { exit, done: true, ..sheet }));
}

/// A swap that was begun before, opened from the list.
pub fn resumed(hand: &mut Hand, change: impl FnOnce(&mut Sheet)) {
    list(hand);
    hand.types("7");
    let mut sheet = Sheet::new(ErrandKind::Swap, Some(work(1)));
    let (old, new) = (states::no(0), states::no(1));
    sheet.rows = vec![
        Row::info("old-meter", "112233445566").at(old),
        Row::info("new-meter", "112233445567").at(new),
        Row::info("most-carried", "5000.00 CNY"),
        Row::info("most-provisional", "50.00 CNY"),
        Row::info("most-arrears", "100.00 CNY"),
        Row::new(Sign::Good, "old-reading", "123.45 CNY, n=6, 4711.20 kWh").at(old),
        Row::new(Sign::Good, "carry-out", "123.44 CNY").at(old),
    ];
    change(&mut sheet);
    hand.tell(Update::WorkShown { work: work(1), result: Ok(Box::new(sheet)) });
}

/// One that has come to its end, with its certificate.
pub fn certified(hand: &mut Hand) {
    resumed(hand, |sheet| {
        sheet.done = true;
        sheet.certificate = vec![
            Row::info("swap-certificate", work(1).to_string()),
            Row::info("certified-by", "1001"),
            Row::info("old", states::no(0).to_string()),
            Row::info("old-energy", "4711.20 kWh"),
            Row::info("old-balance", "123.45 CNY"),
            Row::info("taken", "123.44 CNY"),
            Row::info("new", states::no(1).to_string()),
            Row::info("new-balance", "123.44 CNY"),
            Row::info("entry", "118"),
        ];
    });
}

fn certificate(hand: &mut Hand) {
    certified(hand);
    hand.press(Key::F(2));
}

pub fn resume(hand: &mut Hand) {
    resumed(hand, |_| {});
}

pub fn resume_password(hand: &mut Hand) {
    resume(hand);
    hand.press(Key::F(2));
    hand.types("1234");
}

pub fn ask_digits(hand: &mut Hand) {
    resumed(hand, |sheet| sheet.ask = Ask::Digits(states::no(1)));
    hand.types("00");
}

pub fn ask_choice(hand: &mut Hand) {
    resumed(hand, |sheet| {
        let failure = states::failure(Code::MeterSilent, "202600000000");
        sheet.ask = Ask::Choice("old-silent", &["again", "dead", "stop"]);
        sheet.rows.truncate(5);
        sheet.rows.push(Row::new(Sign::Bad, "swap-trouble", "").because(failure));
    });
    hand.types("2");
}

pub fn ask_enter(hand: &mut Hand) {
    resumed(hand, |sheet| {
        sheet.ask = Ask::Enter("swap-advance", FieldKind::Money);
        sheet.rows.truncate(5);
        let old = states::no(0);
        sheet.rows.push(Row::new(Sign::Warn, "old-given-up", "dead").at(old));
        sheet.rows.push(Row::info("last-proved", "123.45 CNY").at(old));
        sheet.rows.push(Row::info("used-since", "31.20 CNY").at(old));
        sheet.rows.push(Row::info("suggested", "50.00 CNY").at(old));
    });
}

/// A commissioning whose wiring check found something.
pub fn commissioned(right: bool) -> Sheet {
    let mut sheet = Sheet::new(ErrandKind::Commission, Some(work(3)));
    let (sign, finding, confidence) = match right {
        true => (Sign::Good, "wiring-right", "confidence-high"),
        false => (Sign::Bad, "wiring-wrong", "confidence-fair"),
    };
    let wiring = Row::new(sign, "comm-wiring", "");
    sheet.rows = vec![
        Row::info("meter", states::no(2).to_string()),
        Row::new(Sign::Good, "comm-identify", ""),
        Row::new(Sign::Good, "comm-account", ""),
        match right {
            true => wiring,
            false => wiring.because(states::failure(Code::WiringWrong, "current-reversed-c")),
        },
        Row::info("comm-finding", finding),
        Row::info("comm-confidence", confidence),
    ];
    if !right {
        sheet.rows.push(Row::info("comm-faults", "current-reversed-c"));
        sheet.rows.push(Row::info(
            "comm-twins",
            "currents-swapped-ab+current-reversed-a voltages-moved-1+current-reversed-c",
        ));
        sheet.ask = Ask::Choice("comm-failed", &["comm-again", "comm-skip"]);
        sheet.exit = Some(Code::WorkPartial);
    }
    sheet.vectors = Some(Vectors {
        volts: [Some(2_201), Some(2_198), Some(2_203)],
        amps: [Some(5_012), Some(4_007), Some(2_531)],
        angles: [Some(182), Some(3_540), Some(if right { 182 } else { 1_982 })],
        backwards: false,
    });
    sheet
}

pub fn commission(hand: &mut Hand, right: bool) {
    list(hand);
    hand.types("9");
    let result = Ok(Box::new(commissioned(right)));
    hand.tell(Update::WorkShown { work: work(3), result });
}

fn resume_wired_wrong(hand: &mut Hand) {
    commission(hand, false);
}

fn drawn_wrong(hand: &mut Hand) {
    commission(hand, false);
    hand.press(Key::F(3));
}

fn drawn_right(hand: &mut Hand) {
    commission(hand, true);
    hand.press(Key::F(3));
}

#[rstest]
#[case("works", list_first)]
#[case("works_open", list_open)]
#[case("works_mark", list_mark)]
#[case("works_empty", list_empty)]
#[case("works_kind", kind)]
#[case("works_kind_empty", kind_empty)]
#[case("work_form", form_control)]
#[case("work_form_round", form_round)]
#[case("work_kind_offer", kind_offer)]
#[case("work_kind_rounds", kind_rounds)]
#[case("work_form_prices", form_prices)]
#[case("work_form_fault", form_fault)]
#[case("work_form_odd", form_odd)]
#[case("work_planning", planning)]
#[case("work_plan", plan)]
#[case("work_plan_failed", plan_failed)]
#[case("work_ask_go", ask_go)]
#[case("work_running", running)]
#[case("work_stopping", stopping)]
#[case("work_done", done)]
#[case("work_partial", partial)]
#[case("work_certified", certified)]
#[case("work_certificate", certificate)]
#[case("work_resume", resume)]
#[case("work_resume_password", resume_password)]
#[case("work_resume_wired_wrong", resume_wired_wrong)]
#[case("work_ask_digits", ask_digits)]
#[case("work_ask_choice", ask_choice)]
#[case("work_ask_enter", ask_enter)]
#[case("wiring_wrong", drawn_wrong)]
#[case("wiring_right", drawn_right)]
fn a_screen_is_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand)) {
    keep(name, play);
}
