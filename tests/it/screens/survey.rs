//! The survey screen: nothing is sent before Enter, Esc stops, what was found can be saved.

use super::{Hand, keep, states};
use meterkit::jobs::views::{
    ErrandId, Failure, Gap, NotSearched, Request, SheetCell, SurveyEnd, SurveyMeter, SurveyPlan,
    SurveyProgress, SurveyProtocol, SurveyView, Update, Verdict, VerdictKind,
};
use meterkit::report::Code;
use meterkit::text::Lang;
use meterkit::tui::event::Key;
use meterkit::tui::keymap::Place;
use meterkit::tui::theme::Palette;
use rstest::rstest;

fn ports(hand: &mut Hand) {
    hand.tell(Update::Home(states::home()));
    // By arrows: the row's digit is the menu's business.
    while hand.app.place() != Place::Ports {
        hand.press(Key::Down);
        hand.press(Key::Enter);
        if hand.app.place() != Place::Ports {
            hand.press(Key::Esc);
        }
    }
    let chosen = Some("/dev/ttyUSB0".to_owned());
    hand.tell(Update::Ports { rows: states::ports(), chosen });
}

fn survey_before(hand: &mut Hand) {
    ports(hand);
    hand.press(Key::F(3));
}

fn begun(hand: &mut Hand) -> (ErrandId, SurveyPlan) {
    let asked = hand.asked().into_iter().rev().find_map(|request| match request {
        Request::Survey { errand, plan } => Some((errand, plan)),
        _ => None,
    });
    asked.expect("a survey was asked for")
}

fn survey_running(hand: &mut Hand) {
    survey_before(hand);
    hand.press(Key::Enter);
    let (errand, _) = begun(hand);
    let progress = Box::new(SurveyProgress {
        protocol: Some(SurveyProtocol::Modbus),
        line: "9600-8N1".to_owned(),
        steps: (12, 18),
        frames: 231,
        found: 2,
        left_s: 74,
    });
    hand.tell(Update::SurveyProgress { errand, progress });
    hand.wait(2);
}

fn meter(protocol: SurveyProtocol, address: &str, us: Option<u32>, doubled: u32) -> SurveyMeter {
    SurveyMeter {
        protocol,
        address: address.to_owned(),
        line: "2400-8E1".to_owned(),
        turnaround_us: us,
        answers: 4,
        doubled,
    }
}

fn verdict(kind: VerdictKind, count: u32, about: &str, bytes: &[u8]) -> Verdict {
    Verdict { kind, count, time_us: None, about: about.to_owned(), bytes: bytes.to_vec() }
}

fn result(verdicts: Vec<Verdict>, meters: Vec<SurveyMeter>, end: SurveyEnd) -> Box<SurveyView> {
    Box::new(SurveyView {
        boxes: Vec::new(),
        meters,
        verdicts,
        not_searched: vec![NotSearched {
            why: Gap::FoundEnough,
            what: "modbus-rtu 9600-8N1, iec62056-21 300-7E1".to_owned(),
        }],
        end,
        frames: 512,
        took_ms: 104_000,
        searched: vec!["dlt645 2400-8E1".to_owned()],
        swapped_back: Vec::new(),
    })
}

fn ended(hand: &mut Hand, view: Box<SurveyView>) {
    survey_before(hand);
    hand.press(Key::Enter);
    let (errand, _) = begun(hand);
    hand.tell(Update::Surveyed { errand, result: Ok(view) });
}

fn survey_in_order(hand: &mut Hand) {
    let meters = (0..3)
        .map(|n| {
            meter(SurveyProtocol::Dlt645, &format!("20260000000{n}"), Some(31_400 + n * 9_000), 0)
        })
        .collect();
    let order = Verdict { time_us: Some(40_400), ..verdict(VerdictKind::InOrder, 3, "", &[]) };
    ended(hand, result(vec![order], meters, SurveyEnd::Enough));
}

fn survey_troubled(hand: &mut Hand) {
    let meters = vec![
        meter(SurveyProtocol::Dlt645, "202600000007", Some(31_400), 3),
        meter(SurveyProtocol::Modbus, "1", None, 0),
    ];
    let verdicts = vec![
        verdict(VerdictKind::DuplicateAddress, 1, "202600000007", &[0x68, 0x07, 0x00, 0x00]),
        verdict(VerdictKind::TwoProtocols, 2, "dlt645 + modbus-rtu", &[]),
    ];
    ended(hand, result(verdicts, meters, SurveyEnd::Stopped));
}

fn survey_silent(hand: &mut Hand) {
    let failure = Failure { code: Code::LinkGone, detail: "/dev/ttyUSB0".to_owned() };
    let silent = verdict(VerdictKind::Silent, 990, "", &[]);
    ended(hand, result(vec![silent], Vec::new(), SurveyEnd::Broken(failure)));
}

#[rstest]
#[case("survey_before", survey_before)]
#[case("survey_running", survey_running)]
#[case("survey_in_order", survey_in_order)]
#[case("survey_troubled", survey_troubled)]
#[case("survey_silent", survey_silent)]
fn a_survey_screen_is_as_kept(#[case] name: &str, #[case] play: fn(&mut Hand)) {
    keep(name, play);
}

#[test]
fn nothing_is_asked_before_enter_and_esc_stops() {
    let mut hand = Hand::small();
    survey_before(&mut hand);
    hand.press(Key::F(4));
    let sends = |request: &Request| matches!(request, Request::Survey { .. });
    assert!(!hand.asked().iter().any(sends));
    hand.press(Key::Enter);
    let (errand, plan) = begun(&mut hand);
    assert!(plan.all, "F4 asked for all settings");
    assert_eq!(hand.app.place(), Place::Surveying);
    hand.press(Key::Enter);
    assert!(hand.asked().is_empty(), "one at a time");
    hand.press(Key::Esc);
    let cancels = hand.asked();
    assert!(matches!(cancels.as_slice(), [Request::Cancel(id)] if *id == errand), "{cancels:?}");
    let part = result(
        Vec::new(),
        vec![meter(SurveyProtocol::Modbus, "9", Some(1), 0)],
        SurveyEnd::Stopped,
    );
    hand.tell(Update::Surveyed { errand, result: Ok(part) });
    assert_eq!(hand.app.place(), Place::Survey);
    assert!(hand.says("modbus-rtu"), "{}", hand.text());
}

#[test]
fn without_a_result_there_is_nothing_to_save_and_with_one_it_is_worded() {
    let mut hand = Hand::new(Lang::Zh, Palette::Mono, 80, 24);
    survey_before(&mut hand);
    hand.asked();
    hand.press(Key::F(3));
    assert!(hand.asked().is_empty());
    hand.press(Key::Esc);
    hand.press(Key::F(3));
    hand.press(Key::Enter);
    let (errand, _) = begun(&mut hand);
    let view = result(
        vec![verdict(VerdictKind::Silent, 1, "", &[0x1F])],
        vec![meter(SurveyProtocol::Modbus, "9", Some(12_345), 0)],
        SurveyEnd::Whole,
    );
    hand.tell(Update::Surveyed { errand, result: Ok(view) });
    hand.press(Key::F(3));
    let asked = hand.asked();
    let book = asked.iter().find_map(|request| match request {
        Request::SaveBook(book) => Some(book),
        _ => None,
    });
    let book = book.expect("asked to save");
    assert!(book.name.starts_with("survey-20"), "{}", book.name);
    assert_eq!(book.sheets[0].name, Lang::Zh.sheet_meters());
    assert_eq!(book.sheets[0].rows[0][3], SheetCell::Number(12.3));
    assert_eq!(book.sheets[1].rows[0][0], SheetCell::Text(Lang::Zh.verdict_silent().to_owned()));
    hand.tell(Update::BookSaved(Ok("/home/x/exports/a.xlsx".to_owned())));
    assert!(hand.says("a.xlsx"), "{}", hand.text());
}

#[test]
fn every_verdict_and_gap_has_words_of_its_own() {
    for lang in Lang::ALL {
        let words: Vec<&str> = VerdictKind::ALL.iter().map(|kind| lang.verdict(*kind)).collect();
        let mut different = words.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), words.len());
        assert!(VerdictKind::ALL.iter().all(|kind| !lang.verdict_next(*kind).is_empty()));
    }
}
