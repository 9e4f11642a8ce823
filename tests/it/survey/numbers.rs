//! DL/T 645: numbers nobody knows.

use super::bus::{Dlt645, MS, Street, line, meters_645, random_numbers};
use super::{addresses, only, run, verdict};
use meterkit::jobs::survey::tree;
use meterkit::jobs::views::{Gap, SurveyPlan, SurveyProtocol, VerdictKind};
use meterkit::transport::LineSettings;
use rstest::rstest;

const LINE: LineSettings = LineSettings::even(2400);

fn plan() -> SurveyPlan {
    only(SurveyProtocol::Dlt645, LINE)
}

fn expected(numbers: &[u64]) -> Vec<String> {
    let mut numbers: Vec<String> = numbers.iter().map(|no| format!("{no:012}")).collect();
    numbers.sort();
    numbers
}

#[rstest]
#[case(1)]
#[case(2)]
#[case(3)]
#[case(4)]
#[case(5)]
#[case(6)]
fn thirty_two_meters_with_random_numbers_are_all_found(#[case] seed: u64) {
    let numbers = random_numbers(seed, 32);
    let mut link = line(meters_645(&numbers, seed, 60 * MS), LINE);
    let found = run(&mut link, LINE, &plan());
    println!(
        "seed {seed}: 32 of 32 with {} frames in {} s",
        found.view.frames,
        found.view.took_ms / 1000
    );
    assert_eq!(addresses(&found.view), expected(&numbers));
    assert!(found.view.frames < 1500, "{} frames", found.view.frames);
    assert_eq!(super::kinds(&found.view), [VerdictKind::InOrder]);
}

#[test]
fn slow_and_uneven_meters_are_found_too() {
    let numbers = random_numbers(11, 32);
    let mut link = line(meters_645(&numbers, 11, 400 * MS), LINE);
    let found = run(&mut link, LINE, &plan());
    assert_eq!(addresses(&found.view), expected(&numbers));
}

#[rstest]
#[case::one_after_the_other((0..32).map(|n| 201_400_005_600 + n).collect())]
#[case::same_low_digits((0..32).map(|n| 42 + n * 100).collect())]
#[case::high_digits_only((0..12).map(|n| 1_234 + n * 100_000_000_000 / 2).collect())]
#[case::two_that_differ_in_the_last_byte_asked(vec![1_000_000_123_456, 2_000_000_123_456]
    .into_iter().map(|n| n % 1_000_000_000_000 + n / 1_000_000_000_000 * 10_000_000_000).collect())]
fn clusters_are_found_whole(#[case] numbers: Vec<u64>) {
    let mut link = line(meters_645(&numbers, 7, 30 * MS), LINE);
    let found = run(&mut link, LINE, &plan());
    println!("{} meters with {} frames", numbers.len(), found.view.frames);
    assert_eq!(addresses(&found.view), expected(&numbers));
}

#[test]
fn one_meter_needs_no_search() {
    let mut link = line(meters_645(&[202_600_000_017], 1, 30 * MS), LINE);
    let found = run(&mut link, LINE, &plan());
    assert_eq!(addresses(&found.view), ["202600000017"]);
    // 13H, three checks, and the look for the older edition.
    assert!(found.view.frames <= 8, "{}", found.view.frames);
    assert_eq!(super::kinds(&found.view), [VerdictKind::InOrder]);
}

#[test]
fn meters_with_the_same_turnaround_collide_and_are_still_told_apart() {
    let numbers = random_numbers(5, 10);
    let mut link = line(meters_645(&numbers, 1, 20 * MS), LINE);
    assert_eq!(addresses(&run(&mut link, LINE, &plan()).view), expected(&numbers));
}

#[test]
fn a_meter_without_the_wildcard_is_named_as_not_searched_and_found_when_asked_for() {
    let mut shy = Dlt645::new(77_123, 30 * MS);
    shy.wildcard = false;
    let street = || Street { dlt645: vec![shy.clone()], ..Street::default() };
    let found = run(&mut line(street(), LINE), LINE, &plan());
    assert_eq!(addresses(&found.view), [""; 0]);
    let gap = found.view.not_searched.iter().find(|gap| gap.why == Gap::ShortAddresses);
    assert_eq!(gap.map(|gap| gap.what.as_str()), Some("dlt645 2400-8E1"));
    let deep = SurveyPlan { all: true, ..plan() };
    let found = run(&mut line(street(), LINE), LINE, &deep);
    assert_eq!(addresses(&found.view), ["000000077123"]);
}

#[test]
fn meters_that_know_whole_numbers_only_are_named_as_not_searched() {
    let mut numbers = meters_645(&random_numbers(3, 4), 1, 60 * MS);
    for meter in &mut numbers.dlt645 {
        meter.short = false;
    }
    let found = run(&mut line(numbers, LINE), LINE, &plan());
    assert!(
        found
            .view
            .not_searched
            .iter()
            .any(|gap| gap.why == Gap::WholeNumberOnly || gap.why == Gap::Together),
        "{:?}",
        found.view.not_searched
    );
}

#[test]
fn the_older_edition_is_found_by_an_item() {
    let mut old = Dlt645::new(1_997, 40 * MS);
    old.old = true;
    let street = Street { dlt645: vec![old], ..Street::default() };
    let found = run(&mut line(street, LINE), LINE, &plan());
    assert_eq!(addresses(&found.view), ["000000001997"]);
    assert_eq!(found.view.meters[0].protocol, SurveyProtocol::Dlt645v1997);
}

#[test]
fn two_meters_with_one_number_are_told() {
    let mut street = meters_645(&[42, 99_000_042], 3, 21 * MS);
    let mut twin = street.dlt645[0].clone();
    twin.turnaround += 15 * MS;
    twin.energy = [0x99, 0x55, 0x10, 0];
    street.dlt645.push(twin);
    let found = run(&mut line(street, LINE), LINE, &plan());
    let verdict = verdict(&found.view, VerdictKind::DuplicateAddress).unwrap();
    assert_eq!(verdict.about, "000000000042");
    assert!(!verdict.bytes.is_empty());
    assert!(addresses(&found.view).contains(&"000099000042"));
}

#[test]
fn a_search_sends_no_more_than_its_budget() {
    let mut tree = tree::Tree::new(120 * MS);
    let mut asked = 0;
    // Everything is always crowded: the worst bus there is.
    while let Some(low) = tree.ask() {
        asked += 1;
        tree.heard(&low, tree::Outcome::Crowded);
    }
    assert_eq!(asked, tree::FRAMES_MAX);
    assert!(!tree.left().is_empty());
}
