//! Longer errands on the screens: the list, a kind's page, form, plan, progress, questions, result,
//! what was begun before, the drawing of a wiring check.

use super::{Hand, keep, states};
use meterkit::jobs::access::MeterPassword;
use meterkit::jobs::errand::{self, Answer, Ask, FieldKind, Row, Sheet, Sign, Vectors};
use meterkit::jobs::views::{ErrandId, MarkView, Request, Update, WorkView};
use meterkit::report::Code;
use meterkit::text::{Lang, work as names};
use meterkit::tui::event::Key;
use meterkit::tui::keymap::{Action, Place};
use meterkit::tui::wrap;
use meterkit::units::{ErrandKind, Mark, StepState, WorkId};
use rstest::rstest;

fn work(n: u8) -> WorkId {
    WorkId([n; 16])
}

fn view(n: u8, kind: ErrandKind, what: &[&str], state: StepState, ask: Ask) -> WorkView {
    let what = what.iter().map(|what| (*what).to_owned()).collect();
    WorkView { work: work(n), kind, begun: states::ago(i64::from(n) * 5_000), state, what, ask }
}

/// Three that are open, two that are over, and a meter in each special state.
fn listed() -> Update {
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
    Update::Works { rows, marks }
}

fn list(hand: &mut Hand) {
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
    hand.tell(Update::Works { rows: Vec::new(), marks: Vec::new() });
}

fn kind(hand: &mut Hand) {
    list(hand);
    hand.types("3");
    hand.tell(listed());
    hand.press(Key::Down);
}

fn kind_empty(hand: &mut Hand) {
    list(hand);
    hand.types("6");
    hand.tell(listed());
}

/// The form of the nth kind.
fn form(hand: &mut Hand, digit: &str) {
    list(hand);
    hand.types(digit);
    hand.tell(listed());
    hand.press(Key::Enter);
}

fn form_control(hand: &mut Hand) {
    form(hand, "3");
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
    hand.presses(&[Key::Down; 6]);
    hand.types("000000");
    hand.press(Key::Enter);
}

fn form_fault(hand: &mut Hand) {
    filled(hand);
    ends(hand, Err(states::failure(Code::Usage, "reason")));
}

fn form_odd(hand: &mut Hand) {
    form_control(hand);
    hand.presses(&[Key::Down; 1]);
    hand.types("12x");
    hand.presses(&[Key::Down; 6]);
    hand.press(Key::Enter);
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

fn plan(hand: &mut Hand) {
    filled(hand);
    ends(hand, Ok(planned()));
}

fn plan_failed(hand: &mut Hand) {
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

fn ask_go(hand: &mut Hand) {
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

fn done(hand: &mut Hand) {
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
fn resumed(hand: &mut Hand, change: impl FnOnce(&mut Sheet)) {
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

fn resume(hand: &mut Hand) {
    resumed(hand, |_| {});
}

fn resume_password(hand: &mut Hand) {
    resume(hand);
    hand.press(Key::F(2));
    hand.types("1234");
}

fn ask_digits(hand: &mut Hand) {
    resumed(hand, |sheet| sheet.ask = Ask::Digits(states::no(1)));
    hand.types("00");
}

fn ask_choice(hand: &mut Hand) {
    resumed(hand, |sheet| {
        let failure = states::failure(Code::MeterSilent, "202600000000");
        sheet.ask = Ask::Choice("old-silent", &["again", "dead", "stop"]);
        sheet.rows.truncate(5);
        sheet.rows.push(Row::new(Sign::Bad, "swap-trouble", "").because(failure));
    });
    hand.types("2");
}

fn ask_enter(hand: &mut Hand) {
    resumed(hand, |sheet| {
        sheet.ask = Ask::Enter("swap-claim", FieldKind::Money);
        sheet.rows.truncate(5);
        let old = states::no(0);
        sheet.rows.push(Row::new(Sign::Warn, "old-given-up", "dead").at(old));
        sheet.rows.push(Row::info("last-proved", "123.45 CNY").at(old));
        sheet.rows.push(Row::info("used-since", "31.20 CNY").at(old));
        sheet.rows.push(Row::info("suggested", "50.00 CNY").at(old));
    });
}

/// A commissioning whose wiring check found something.
fn commissioned(right: bool) -> Sheet {
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

fn commission(hand: &mut Hand, right: bool) {
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

/// Each command has a page of its own name.
#[test]
fn every_kind_is_reached_by_its_name() {
    for (at, own) in (1..).zip(errand::all()) {
        let mut hand = Hand::small();
        list(&mut hand);
        assert!(hand.text().to_lowercase().contains(own.kind().name()), "{}", hand.text());
        hand.types(&at.to_string());
        let title = hand.text().lines().next().unwrap().trim().to_lowercase();
        assert_eq!(title, own.kind().name());
        hand.tell(listed());
        hand.press(Key::Enter);
        assert_eq!(hand.app.place(), Place::WorkForm);
    }
}

/// A name that is cut off names nothing.
#[test]
fn every_field_has_room_for_its_name() {
    for own in errand::all() {
        for field in own.fields() {
            for lang in Lang::ALL {
                let name = names::or_name(lang, field.key);
                let mark = usize::from(field.required);
                assert!(wrap::width(name) + mark <= 19, "{}: {name}", field.key);
            }
        }
    }
}

#[test]
fn a_fault_found_by_the_plan_is_told_on_the_form() {
    let mut hand = Hand::small();
    form_fault(&mut hand);
    assert_eq!(hand.app.place(), Place::WorkForm);
    assert!(hand.says("X Fill in: reason."), "{}", hand.text());
    assert!(hand.text().contains(">reason"), "{}", hand.text());
    assert!(hand.says("0 1 2"), "what was typed is kept: {}", hand.text());
    hand.asked();
    hand.types("arrears");
    hand.presses(&[Key::Down; 5]);
    hand.press(Key::Enter);
    let asked = hand.asked();
    let values = asked.iter().find_map(|request| match request {
        Request::WorkPlan { values, .. } => Some(values.clone()),
        _ => None,
    });
    let values = values.unwrap();
    assert_eq!((values.get("reason"), values.get("meters")), (Some("arrears"), Some("0 1 2")));
}

/// Esc at a plan leads to its form; when it is begun there is no form to begin it twice from.
#[test]
fn back_leads_to_the_form_until_it_is_begun() {
    let mut hand = Hand::small();
    plan(&mut hand);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::WorkForm);
    let mut hand = Hand::small();
    ask_go(&mut hand);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::Works);
    let mut hand = Hand::small();
    done(&mut hand);
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::Works);
}

/// What is opened from the list is looked at first: nothing is asked of a meter before Enter.
#[test]
fn a_resumed_errand_sends_nothing_before_enter() {
    let mut hand = Hand::small();
    resume(&mut hand);
    let asked = hand.asked();
    let shown = |request: &Request| matches!(request, Request::WorkShow(of) if *of == work(1));
    assert!(asked.iter().any(shown), "{asked:?}");
    assert!(!asked.iter().any(|request| matches!(request, Request::WorkGo { .. })), "{asked:?}");
    hand.press(Key::Enter);
    let asked = hand.asked();
    let goes = |request: &Request| match request {
        Request::WorkGo { work: of, answer, .. } => *of == work(1) && *answer == Answer::None,
        _ => false,
    };
    assert!(asked.iter().any(goes), "{asked:?}");
}

/// The meters' password is not in the journal: it is typed again, and goes with the next step.
#[test]
fn a_password_can_be_given_when_carrying_on() {
    let mut hand = Hand::small();
    resume_password(&mut hand);
    assert!(hand.says("****_") && !hand.text().contains("1234"), "{}", hand.text());
    hand.press(Key::Enter);
    assert!(!hand.says("The password is set."), "four digits are none");
    hand.press(Key::F(2));
    hand.types("123456");
    hand.press(Key::Enter);
    assert!(hand.says("The password is set."), "{}", hand.text());
    hand.asked();
    hand.press(Key::Enter);
    let given = hand.asked().into_iter().find_map(|request| match request {
        Request::WorkGo { password, .. } => Some(password),
        _ => None,
    });
    assert_eq!(given, Some(Some(MeterPassword::parse("123456").unwrap())));
    // Esc leaves the field, not the page.
    let mut hand = Hand::small();
    resume_password(&mut hand);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::WorkSheet);
    assert!(!hand.says("****_"));
}

/// A digit only points at a choice: "it is dead" is not one slip of a finger away.
#[test]
fn a_choice_is_confirmed() {
    let mut hand = Hand::small();
    ask_choice(&mut hand);
    let goes = |asked: Vec<Request>| {
        asked.into_iter().find_map(|request| match request {
            Request::WorkGo { answer, .. } => Some(answer),
            _ => None,
        })
    };
    assert_eq!(goes(hand.asked()), None);
    hand.types("9");
    assert!(hand.says(">2 it is dead"), "no ninth choice: {}", hand.text());
    hand.types("1");
    hand.press(Key::Enter);
    assert_eq!(goes(hand.asked()), Some(Answer::Text("again".to_owned())));
    let mut hand = Hand::small();
    resumed(&mut hand, |sheet| sheet.ask = Ask::Choice("old-silent", &["again", "dead"]));
    hand.asked();
    hand.press(Key::Enter);
    assert_eq!(goes(hand.asked()), None, "nothing was chosen");
}

/// The suggested figure is there to be taken or changed.
#[test]
fn a_suggested_figure_is_filled_in() {
    let mut hand = Hand::small();
    ask_enter(&mut hand);
    hand.asked();
    hand.press(Key::Left);
    hand.types("1");
    hand.press(Key::Enter);
    let said = hand.asked().into_iter().find_map(|request| match request {
        Request::WorkGo { answer, .. } => answer.text().map(str::to_owned),
        _ => None,
    });
    assert_eq!(said.as_deref(), Some("50.01"));
}

/// After a failed plan Enter plans again: nothing is begun that nobody saw.
#[test]
fn nothing_is_begun_without_a_plan() {
    let mut hand = Hand::small();
    plan_failed(&mut hand);
    hand.asked();
    hand.press(Key::Enter);
    let asked = hand.asked();
    assert!(asked.iter().any(|request| matches!(request, Request::WorkPlan { .. })), "{asked:?}");
    assert!(!asked.iter().any(|request| matches!(request, Request::WorkBegin { .. })), "{asked:?}");
}

/// The key for the drawing is there only where there is something to draw.
#[test]
fn the_drawing_has_a_key_where_there_is_one() {
    let label = |hand: &Hand| hand.app.shared().lang.action_label(Action::Draw);
    let mut hand = Hand::small();
    resume(&mut hand);
    assert!(!hand.says(label(&hand)));
    hand.press(Key::F(3));
    assert_eq!(hand.app.place(), Place::WorkSheet);
    let mut hand = Hand::small();
    commission(&mut hand, false);
    assert!(hand.says(label(&hand)), "{}", hand.text());
    hand.press(Key::F(3));
    assert_eq!(hand.app.place(), Place::Wiring);
    for name in ["Ua", "Ub", "Uc", "Ia", "Ib", "Ic"] {
        assert!(hand.text().contains(name), "{name}: {}", hand.text());
    }
    assert!(hand.says("X wired wrong confidence fair"), "{}", hand.text());
    assert!(hand.says("C 220.3 V 2.531 A -161.8 deg"), "{}", hand.text());
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::WorkSheet);
}

#[test]
fn a_choice_field_takes_its_choices_only() {
    let mut hand = Hand::small();
    form_control(&mut hand);
    assert!(hand.says("<trip>"), "{}", hand.text());
    hand.types("4");
    assert!(hand.says("<keep-power>"), "{}", hand.text());
    hand.types("9x");
    assert!(hand.says("<keep-power>"), "{}", hand.text());
    hand.press(Key::Right);
    assert!(hand.says("<restore prepaid>"), "{}", hand.text());
}
