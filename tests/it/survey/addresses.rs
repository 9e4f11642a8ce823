//! Modbus: 247 addresses, fast where nobody is, and nobody missed.

use std::time::Duration;

use super::bus::{MS, Modbus, Street, line, wired};
use super::{addresses, only, run, verdict};
use meterkit::jobs::survey;
use meterkit::jobs::views::{Gap, SurveyPlan, SurveyProtocol, VerdictKind};
use meterkit::transport::{Faults, LineSettings};
use rstest::rstest;

const LINE: LineSettings = LineSettings::plain(9600);

fn plan() -> SurveyPlan {
    only(SurveyProtocol::Modbus, LINE)
}

fn street(meters: Vec<Modbus>) -> Street {
    Street { modbus: meters, ..Street::default() }
}

#[test]
fn an_empty_line_takes_less_than_eight_seconds() {
    let mut link = line(Street::default(), LINE);
    let found = run(&mut link, LINE, &plan());
    let took = Duration::from_millis(found.view.took_ms);
    println!("empty line, 247 addresses at 9600 8N1: {took:?}, {} frames", found.view.frames);
    assert!(took <= Duration::from_secs(8), "{took:?}");
    assert!(found.view.frames >= 2 * 247, "every address twice");
    assert_eq!(addresses(&found.view), [""; 0]);
    assert!(verdict(&found.view, VerdictKind::Silent).is_some());
    // The budget said before is what it takes.
    let budget = survey::budget(&plan());
    assert!(budget >= took && budget <= took + 200 * MS, "{budget:?} for {took:?}");
}

#[rstest]
#[case::quick(2)]
#[case::usual(9)]
#[case::late(25)]
#[case::slow(100)]
#[case::slower(150)]
#[case::slowest(200)]
#[case::at_the_limit(450)]
fn meters_are_found_however_slow(#[case] turnaround: u64) {
    let units = [1, 7, 8, 9, 37, 128, 246, 247];
    for first in [0, 1] {
        let meters = units.iter().skip(first).map(|u| Modbus::new(*u, turnaround as u32 * MS));
        let mut link = line(street(meters.collect()), LINE);
        let found = run(&mut link, LINE, &plan());
        let expected: Vec<String> = units.iter().skip(first).map(u8::to_string).collect();
        assert_eq!(addresses(&found.view), expected, "{turnaround} ms, {first}");
        for meter in &found.view.meters {
            let seen = meter.turnaround_us.unwrap();
            let meant = u32::try_from(turnaround * 1000).unwrap();
            // The first character has to arrive before it is seen.
            assert!((meant..meant + 3000).contains(&seen), "{seen} for {meant}");
            assert_eq!(meter.doubled, 0);
        }
    }
}

#[test]
fn meters_of_different_speed_are_all_found() {
    let units = [3, 4, 5, 60, 61, 62, 200];
    let each = [2, 180, 7, 120, 3, 45, 199];
    let meters = units.iter().zip(each).map(|(u, ms)| Modbus::new(*u, ms * MS)).collect();
    let mut link = line(street(meters), LINE);
    let found = run(&mut link, LINE, &plan());
    assert_eq!(addresses(&found.view), ["3", "4", "5", "60", "61", "62", "200"]);
    assert_eq!(super::kinds(&found.view), [VerdictKind::InOrder]);
}

/// A slow meter whose refusal falls wholly into our next question is unheard in the first pass;
/// the second, with its shorter question, hears it.
#[test]
fn a_refusal_hidden_behind_the_next_question_is_heard_in_the_second_pass() {
    let mut missed = Vec::new();
    for turnaround in 1..=300 {
        let mut meter = Modbus::new(120, turnaround * MS);
        meter.refuses = true;
        let mut link = line(street(vec![meter]), LINE);
        if addresses(&run(&mut link, LINE, &plan()).view) != ["120"] {
            missed.push(turnaround);
        }
    }
    println!("refusing alone: {} of 300 turnarounds unheard: {missed:?}", missed.len());
    assert!(missed.len() <= 15, "{missed:?}");
}

#[test]
fn an_answer_longer_than_the_question_cannot_hide() {
    for turnaround in 1..=300 {
        let mut link = line(street(vec![Modbus::new(120, turnaround * MS)]), LINE);
        let found = run(&mut link, LINE, &plan());
        assert_eq!(addresses(&found.view), ["120"], "{turnaround} ms");
    }
}

#[test]
fn a_full_line_is_found_whole() {
    let meters = (1..=247).map(|unit| Modbus::new(unit, 4 * MS)).collect();
    let mut link = line(street(meters), LINE);
    let found = run(&mut link, LINE, &plan());
    assert_eq!(found.view.meters.len(), 247);
    assert_eq!(super::kinds(&found.view), [VerdictKind::InOrder]);
}

#[test]
fn an_adapter_with_a_tick_still_finds_everybody() {
    for tick in [1, 5, 16] {
        let meters = [2, 3, 40, 41].map(|unit| Modbus::new(unit, 6 * MS)).to_vec();
        let mut link = wired(street(meters), LINE, LINE, tick * MS, Faults::NONE);
        let found = run(&mut link, LINE, &plan());
        assert_eq!(addresses(&found.view), ["2", "3", "40", "41"], "{tick} ms");
    }
}

#[test]
fn the_range_is_the_operators_and_unusual_addresses_are_named() {
    let meters = [5, 20, 250].map(|unit| Modbus::new(unit, 4 * MS)).to_vec();
    let plan = SurveyPlan { from: 10, to: 255, ..plan() };
    let mut link = line(street(meters), LINE);
    let found = run(&mut link, LINE, &plan);
    assert_eq!(addresses(&found.view), ["20", "250"]);
    let gap = found.view.not_searched.iter().find(|gap| gap.why == Gap::UnusualAddress).unwrap();
    assert_eq!(gap.what, "248 249 250 251 252 253 254 255");
    let backwards = SurveyPlan { from: 9, to: 3, ..plan };
    let cancel = meterkit::jobs::Cancel::default();
    let mut link = line(Street::default(), LINE);
    let site = survey::Site {
        link: &mut link,
        opened: LINE,
        terminals: &[],
        cancel: &cancel,
        wire: &mut |_| {},
    };
    assert!(survey::run(site, &backwards, &mut |_| {}, None).is_err());
}
