//! DL/T 698.45 meters on one pair, their numbers unknown.

use super::bus::{Dlt698, MS, Street, line, random_numbers};
use super::{addresses, kinds, only, run};
use meterkit::jobs::views::{Gap, SurveyProtocol, VerdictKind};
use meterkit::transport::{LineSettings, Random};

const LINE: LineSettings = LineSettings::even(9600);

fn street(numbers: &[u64], seed: u64) -> Street {
    let mut random = Random::new(seed);
    let one = |no: &u64| Dlt698::new(*no, random.between(20 * MS, 60 * MS));
    Street { dlt698: numbers.iter().map(one).collect(), ..Street::default() }
}

#[test]
fn one_meter_takes_one_question_and_three_to_be_sure() {
    let plan = only(SurveyProtocol::Dlt698, LINE);
    let found = run(&mut line(street(&[42], 1), LINE), LINE, &plan);
    assert_eq!(addresses(&found.view), ["000000000042"]);
    assert_eq!((found.view.frames, kinds(&found.view)), (4, vec![VerdictKind::InOrder]));
    assert!(found.view.meters[0].turnaround_us.is_some());
}

#[test]
fn meters_that_answer_at_once_are_told_apart_by_their_digits() {
    let plan = only(SurveyProtocol::Dlt698, LINE);
    for seed in 1..=4 {
        let mut numbers = random_numbers(seed, 32);
        numbers.sort_unstable();
        let found = run(&mut line(street(&numbers, seed), LINE), LINE, &plan);
        let expected: Vec<String> = numbers.iter().map(|no| format!("{no:012}")).collect();
        assert_eq!(addresses(&found.view), expected, "seed {seed}");
        assert_eq!(kinds(&found.view), [VerdictKind::InOrder]);
        assert!(found.view.not_searched.iter().all(|gap| gap.why != Gap::Together));
        assert!(found.view.frames < 1200, "{}", found.view.frames);
        println!("seed {seed}: 32 DL/T 698.45 meters, {} frames", found.view.frames);
    }
}

#[test]
fn nobody_costs_one_question() {
    let plan = only(SurveyProtocol::Dlt698, LINE);
    let found = run(&mut line(Street::default(), LINE), LINE, &plan);
    assert_eq!((found.view.frames, kinds(&found.view)), (1, vec![VerdictKind::Silent]));
    assert_eq!(found.view.not_searched, []);
}
