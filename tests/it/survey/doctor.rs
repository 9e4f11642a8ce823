//! Each verdict has a bus that shows it and one that does not.

use std::time::Duration;

use super::bus::{Dlt645, Fixed, MS, Modbus, ShortEcho, Street, chatter, line, meters_645, wired};
use super::{addresses, kinds, only, run, verdict};
use meterkit::jobs::views::{Gap, SurveyPlan, SurveyProtocol, VerdictKind};
use meterkit::protocol::modbus::frame::{Unit, rtu};
use meterkit::transport::{Faults, LineSettings};

const LINE: LineSettings = LineSettings::plain(9600);
const DLT: LineSettings = LineSettings::even(2400);

fn modbus() -> SurveyPlan {
    only(SurveyProtocol::Modbus, LINE)
}

fn units(units: &[u8]) -> Street {
    let modbus = units.iter().map(|unit| Modbus::new(*unit, 6 * MS)).collect();
    Street { modbus, ..Street::default() }
}

#[test]
fn a_healthy_line_is_in_order_with_its_times() {
    let found = run(&mut line(units(&[1, 2, 30]), LINE), LINE, &modbus());
    assert_eq!(kinds(&found.view), [VerdictKind::InOrder]);
    let verdict = verdict(&found.view, VerdictKind::InOrder).unwrap();
    assert_eq!(verdict.count, 3);
    assert!((6000..9000).contains(&verdict.time_us.unwrap()), "{verdict:?}");
    let found = run(&mut line(meters_645(&[7], 1, 30 * MS), DLT), DLT, &SurveyPlan::default());
    assert_eq!(kinds(&found.view), [VerdictKind::InOrder]);
}

#[test]
fn nobody_there_is_silent() {
    let found = run(&mut line(Street::default(), LINE), LINE, &modbus());
    assert_eq!(kinds(&found.view), [VerdictKind::Silent]);
}

#[test]
fn answers_that_are_never_whole_are_garbled() {
    let faults = Faults {
        seed: 3,
        corrupted: 60 * Faults::PERCENT,
        only: Some(meterkit::transport::line::Side::Far),
        ..Faults::NONE
    };
    let mut link = wired(units(&[1, 2, 3]), LINE, LINE, Duration::ZERO, faults);
    let found = run(&mut link, LINE, &modbus());
    let verdict = verdict(&found.view, VerdictKind::Garbled).unwrap();
    assert!(verdict.count >= 2 && !verdict.bytes.is_empty());
    assert!(super::verdict(&found.view, VerdictKind::Silent).is_none());
}

#[test]
fn meters_at_another_parity_are_named_with_it() {
    let (tool, far) = (LineSettings::even(9600), LineSettings::plain(9600));
    let mut link = wired(units(&[4]), tool, far, Duration::ZERO, Faults::NONE);
    let plan = SurveyPlan { parity: None, baud: Some(9600), ..modbus() };
    let found = run(&mut link, tool, &plan);
    assert_eq!(addresses(&found.view), ["4"]);
    let verdict = verdict(&found.view, VerdictKind::WrongParity).unwrap();
    assert_eq!(verdict.about, "9600-8E1 -> 9600-8N1");
    // Another speed is no wrong parity: the sweep is there to find it.
    let mut link = wired(units(&[4]), DLT, far, Duration::ZERO, Faults::NONE);
    let found = run(&mut link, DLT, &plan);
    assert_eq!(kinds(&found.view), [VerdictKind::InOrder]);
}

#[test]
fn chatter_at_another_parity_is_enough_for_that_verdict() {
    let (tool, far) = (LineSettings::even(9600), LineSettings::plain(9600));
    let mut link = wired(Street::default(), tool, far, Duration::ZERO, Faults::NONE);
    let talk = rtu(Unit(9), &[3, 4, 0x11, 0x22, 0x33, 0x44]);
    chatter(&mut link, &talk, 10 * MS, 50 * MS, Duration::from_secs(3));
    let found = run(&mut link, tool, &SurveyPlan { parity: Some('E'), ..modbus() });
    let verdict = verdict(&found.view, VerdictKind::WrongParity).unwrap();
    assert_eq!(verdict.about, "9600-8E1 -> 9600-8N1");
    assert!(verdict.count >= 20, "{verdict:?}");
}

#[test]
fn exchanged_wires_are_known_by_turned_bits() {
    let mut link = line(Street::default(), LINE);
    let talk: Vec<u8> = rtu(Unit(9), &[3, 2, 0x11, 0x22]).iter().map(|byte| !byte).collect();
    chatter(&mut link, &talk, 50 * MS, 400 * MS, Duration::from_secs(6));
    let found = run(&mut link, LINE, &modbus());
    let verdict = verdict(&found.view, VerdictKind::PairSwapped).unwrap();
    assert!(verdict.count >= 1 && verdict.bytes == talk, "{verdict:?}");
}

#[test]
fn exchanged_wires_are_known_by_the_edge_after_each_question() {
    let street = Street { edges: true, ..Street::default() };
    let found = run(&mut line(street, LINE), LINE, &modbus());
    let verdict = verdict(&found.view, VerdictKind::PairSwapped).unwrap();
    assert_eq!(verdict.bytes, [0]);
    assert!(super::verdict(&found.view, VerdictKind::Silent).is_none());
}

#[test]
fn an_echo_is_told_and_does_no_harm() {
    let faults = Faults { echo: Faults::ALWAYS, ..Faults::NONE };
    for meters in [vec![], vec![3, 4]] {
        let mut link = wired(units(&meters), LINE, LINE, Duration::ZERO, faults.clone());
        let found = run(&mut link, LINE, &modbus());
        let expected: Vec<String> = meters.iter().map(u8::to_string).collect();
        assert_eq!(addresses(&found.view), expected);
        assert!(verdict(&found.view, VerdictKind::Echo).is_some(), "{:?}", kinds(&found.view));
        assert!(verdict(&found.view, VerdictKind::ForeignMaster).is_none());
        let other = if meters.is_empty() { VerdictKind::Silent } else { VerdictKind::InOrder };
        assert!(verdict(&found.view, other).is_some());
    }
}

#[test]
fn an_echo_one_character_short_is_told_and_does_no_harm() {
    let mut link = ShortEcho::new(line(units(&[3, 4]), LINE));
    let found = run(&mut link, LINE, &modbus());
    assert_eq!(addresses(&found.view), ["3", "4"]);
    assert!(verdict(&found.view, VerdictKind::EchoShort).is_some());
    assert!(verdict(&found.view, VerdictKind::Garbled).is_none());
}

#[test]
fn two_meters_with_one_address_are_told() {
    let mut street = units(&[2, 5, 9]);
    // One after the other, into each other, and at the same time with other contents.
    for (later, value) in [(30, 5), (4, 5), (0, 0xF0)] {
        let twin = Modbus { turnaround: (6 + later) * MS, value, ..Modbus::new(5, Duration::ZERO) };
        street.modbus.push(twin);
        let found = run(&mut line(street, LINE), LINE, &modbus());
        let told = verdict(&found.view, VerdictKind::DuplicateAddress);
        assert_eq!(told.map(|v| v.about.as_str()), Some("5"), "{later} ms: {found:?}");
        assert_eq!(addresses(&found.view), ["2", "5", "9"]);
        street = units(&[2, 5, 9]);
    }
}

#[test]
fn two_protocols_on_one_pair_are_told() {
    let street = Street { dlt645: vec![Dlt645::new(88, 30 * MS)], ..units(&[1]) };
    let even = LineSettings::even(9600);
    let found = run(&mut line(street, even), even, &SurveyPlan::default());
    let verdict = verdict(&found.view, VerdictKind::TwoProtocols).unwrap();
    assert_eq!(verdict.about, "dlt645 + modbus-rtu");
    assert_eq!(addresses(&found.view), ["000000000088", "1"]);
}

#[test]
fn somebody_else_asking_is_told() {
    let mut link = line(units(&[1]), LINE);
    let question = rtu(Unit(77), &[3, 0, 0, 0, 2]);
    chatter(&mut link, &question, 100 * MS, 250 * MS, Duration::from_secs(4));
    let found = run(&mut link, LINE, &modbus());
    let verdict = verdict(&found.view, VerdictKind::ForeignMaster).unwrap();
    assert!(verdict.count >= 1);
    assert_eq!(verdict.bytes, [3, 0, 0, 0, 2], "what was asked");
}

#[test]
fn an_adapter_that_ticks_is_told_with_its_tick() {
    for (settings, tick) in [(LINE, 16), (DLT, 16), (LineSettings::plain(19_200), 16)] {
        let street = || Street {
            modbus: (1..=6).map(|u| Modbus::new(u, 20 * MS)).collect(),
            ..meters_645(&[11, 12, 13], 4, 60 * MS)
        };
        let plan = match settings {
            DLT => only(SurveyProtocol::Dlt645, DLT),
            settings => only(SurveyProtocol::Modbus, settings),
        };
        let mut link = wired(street(), settings, settings, tick * MS, Faults::NONE);
        let found = run(&mut link, settings, &plan);
        let told = verdict(&found.view, VerdictKind::SlowAdapter);
        let told = told.unwrap_or_else(|| panic!("{settings}: {:?}", found.view));
        let about = told.time_us.unwrap();
        assert!((8_000..=20_000).contains(&about), "{settings}: {about}");
        let mut link = wired(street(), settings, settings, MS, Faults::NONE);
        let found = run(&mut link, settings, &plan);
        assert!(verdict(&found.view, VerdictKind::SlowAdapter).is_none(), "{settings}");
    }
}

#[test]
fn a_line_that_keeps_its_settings_is_searched_as_it_is() {
    let mut link = Fixed(line(units(&[8]), LINE));
    let found = run(&mut link, LINE, &SurveyPlan::default());
    assert_eq!(addresses(&found.view), ["8"]);
    let verdict = verdict(&found.view, VerdictKind::LineFixed).unwrap();
    assert_eq!(verdict.about, "9600-8N1");
    assert!(found.view.searched.iter().all(|step| step.ends_with("9600-8N1")));
    assert!(found.view.not_searched.iter().any(|gap| gap.why == Gap::Settings));
}

#[test]
fn water_meters_answer_the_broadcast_and_a_crowd_is_said() {
    use meterkit::jobs::survey::spot;
    let settings = LineSettings::even(2400);
    let meter = |serial: u8| {
        let mut bytes =
            vec![0xFE, 0xFE, 0x68, 0x10, serial, 2, 3, 4, 5, 0, 0, 0x83, 3, 0x81, 0x0A, 0];
        let sum = bytes[2..].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.extend_from_slice(&[sum, 0x16]);
        bytes
    };
    let question = spot::cjt188_address(0x10)[4..].to_vec();
    let plan = only(SurveyProtocol::Cjt188, settings);
    let one = Street { canned: vec![(question.clone(), 40 * MS, meter(1))], ..Street::default() };
    let found = run(&mut line(one, settings), settings, &plan);
    assert_eq!(addresses(&found.view), ["10:00000504030201"]);
    let canned = vec![(question.clone(), 40 * MS, meter(1)), (question, 60 * MS, meter(2))];
    let two = Street { canned, ..Street::default() };
    let found = run(&mut line(two, settings), settings, &plan);
    assert!(found.view.not_searched.iter().any(|gap| gap.why == Gap::Together));
}
