//! Two handhelds that write parameters of one meter without knowing of each other (C6).

use crate::office::desk::{Desk, Handheld, METER, NOW, device, meter, stamp};
use meterkit::office::{NewBundle, ReviewRow, SignedBundle};
use meterkit::store::{Event, Step};
use meterkit::units::{ErrandKind, StepState, TokenId, WorkId};
use std::sync::atomic::Ordering;

fn file(name: &str, version: u32, limits: &str) -> Vec<u8> {
    format!("name = \"{name}\"\nversion = {version}\n\n[limits]\n{limits}\n").into_bytes()
}

fn sign(desk: &Desk, to: &str, body: Vec<u8>) -> SignedBundle {
    let (profile, area) = (None, None);
    let (meters, group) = (vec![meter(METER)], vec![]);
    let new = NewBundle { device: device(to), body, profile, area, meters, group, days: 30 };
    desk.local.wait(desk.office().sign_bundle(&new)).unwrap()
}

fn step(handheld: &Handheld, at: i64, (name, state): (&str, StepState), notes: &[(&str, String)]) {
    let whole = name == Step::WHOLE;
    let notes = notes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let step = Step {
        errand: WorkId([9; 16]),
        kind: ErrandKind::Bundle,
        meter: (!whole).then(|| meter(METER)),
        name: name.to_owned(),
        state,
        notes,
    };
    handheld.store.append(&stamp(at), Event::Step(step)).unwrap();
}

/// The meter's visit ended, all of the bundle read back right.
fn wrote(handheld: &Handheld, bundle: TokenId, at: i64) {
    step(handheld, at, ("end", StepState::Done), &[("bundle", bundle.to_string())]);
}

fn open(desk: &Desk) -> Vec<ReviewRow> {
    desk.local.wait(desk.office().reviews(false)).unwrap()
}

/// An office, and two handhelds that each have a bundle.
fn two(one: Vec<u8>, two: Vec<u8>) -> (Desk, [Handheld; 2], [TokenId; 2]) {
    let desk = Desk::new();
    let hands = ["hh-1", "hh-2"].map(|name| desk.handheld(name));
    let bundles = [sign(&desk, "hh-1", one).id, sign(&desk, "hh-2", two).id];
    hands.iter().for_each(|hand| drop(hand.sync(&desk.post()).unwrap()));
    desk.clock.fetch_add(3_600, Ordering::Relaxed);
    (desk, hands, bundles)
}

const SIX: &str = "overload = \"6.0000\"\ntrip-delay = \"3\"";
const SEVEN: &str = "overload = \"7.0000\"\nreclose = \"1.00\"";

#[test]
fn one_parameter_written_differently_calls_a_person_whatever_comes_first() {
    let mut told = Vec::new();
    for first in [0, 1] {
        let (desk, hands, bundles) = two(file("a", 1, SIX), file("b", 1, SEVEN));
        wrote(&hands[0], bundles[0], NOW + 60);
        wrote(&hands[1], bundles[1], NOW + 120);
        hands[first].sync(&desk.post()).unwrap();
        assert!(open(&desk).is_empty(), "one write alone is none");
        let report = hands[1 - first].sync(&desk.post()).unwrap();
        assert_eq!(report.review(), 1, "{:?}", report.outcomes);
        let rows = open(&desk);
        assert_eq!(rows.len(), 1, "{rows:?}");
        let row = &rows[0];
        assert_eq!((row.class.as_str(), row.meter.as_deref()), ("C6", Some(METER)));
        assert!(row.why.contains("limits.overload"), "{}", row.why);
        assert!(!row.why.contains("trip-delay"), "only one wrote that: {}", row.why);
        assert!(row.why.contains("then hh-2 wrote \"b\" v1"), "the later one counts: {}", row.why);
        // The evidence: both entries, both bundles.
        let devices: Vec<_> = row.rests.entries.iter().map(|entry| &entry.device[..]).collect();
        assert!(devices.contains(&"hh-1") && devices.contains(&"hh-2"), "{:?}", row.rests);
        assert!(bundles.iter().all(|id| row.rests.tokens.contains(&id.to_string())));
        // What comes again says nothing new; a person closes it.
        hands.iter().for_each(|hand| drop(hand.sync(&desk.post()).unwrap()));
        assert_eq!(open(&desk).len(), 1);
        told.push(row.id.clone());
        desk.local.wait(desk.office().close_review(&row.id, "a higher version")).unwrap();
        assert!(open(&desk).is_empty());
    }
    assert_eq!(told[0], told[1], "one conflict, in whatever order it is heard of");
}

#[test]
fn different_parameters_and_equal_values_are_nobodys_concern() {
    for (one, other) in [
        (SIX, "reclose = \"1.00\""),
        (SIX, "overload = \"6.0000\"\nreclose = \"1.00\""),
        (SIX, SIX),
    ] {
        let (desk, hands, bundles) = two(file("a", 1, one), file("b", 1, other));
        wrote(&hands[0], bundles[0], NOW + 60);
        wrote(&hands[1], bundles[1], NOW + 120);
        hands.iter().for_each(|hand| drop(hand.sync(&desk.post()).unwrap()));
        assert!(open(&desk).is_empty(), "{:?}", open(&desk));
    }
}

/// A higher version after a lower one is what was wanted; a lower one after a higher is not.
#[test]
fn of_one_name_the_higher_version_follows() {
    for (later, called) in [(1, 0), (0, 1)] {
        let (desk, hands, bundles) = two(file("a", 1, SIX), file("a", 2, SEVEN));
        wrote(&hands[1 - later], bundles[1 - later], NOW + 60);
        wrote(&hands[later], bundles[later], NOW + 120);
        // The later one is heard of first.
        hands[later].sync(&desk.post()).unwrap();
        hands[1 - later].sync(&desk.post()).unwrap();
        assert_eq!(open(&desk).len(), called, "{:?}", open(&desk));
    }
}

/// Who signs when the office knows what is in the meter, means to change it.
#[test]
fn a_bundle_signed_after_the_other_was_known_follows_it() {
    let (desk, hands, bundles) = two(file("a", 1, SIX), file("x", 1, "reclose = \"1.00\""));
    wrote(&hands[0], bundles[0], NOW + 60);
    hands[0].sync(&desk.post()).unwrap();
    desk.clock.fetch_add(60, Ordering::Relaxed);
    let known = sign(&desk, "hh-2", file("b", 1, SEVEN)).id;
    hands[1].sync(&desk.post()).unwrap();
    wrote(&hands[1], known, NOW + 7_200);
    hands[1].sync(&desk.post()).unwrap();
    assert!(open(&desk).is_empty(), "{:?}", open(&desk));
    // The old one once more, after it: that is not what anybody wanted.
    wrote(&hands[0], bundles[0], NOW + 8_000);
    hands[0].sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C6"]);
}

/// Programs before the note named the bundle with the errand alone.
#[test]
fn an_older_journal_is_judged_by_its_errand() {
    let (desk, hands, bundles) = two(file("a", 1, SIX), file("b", 1, SEVEN));
    let named = [("bundle", bundles[0].to_string())];
    step(&hands[0], NOW + 50, (Step::WHOLE, StepState::Begun), &named);
    step(&hands[0], NOW + 60, ("end", StepState::Done), &[]);
    wrote(&hands[1], bundles[1], NOW + 120);
    hands.iter().for_each(|hand| drop(hand.sync(&desk.post()).unwrap()));
    assert_eq!(desk.open_classes(), ["C6"]);
    // Meters and versions in the desk's list come from both kinds.
    let rows = desk.local.wait(desk.office().meter_bundles(None)).unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
}

#[test]
fn what_a_visit_did_not_write_is_not_held_against_it() {
    let (desk, hands, bundles) = two(file("a", 1, SIX), file("b", 1, SEVEN));
    let notes = [
        ("bundle", bundles[0].to_string()),
        ("problem limits.overload", "MK-METER-13 04".to_owned()),
    ];
    step(&hands[0], NOW + 60, ("end", StepState::Refused), &notes);
    wrote(&hands[1], bundles[1], NOW + 120);
    hands.iter().for_each(|hand| drop(hand.sync(&desk.post()).unwrap()));
    assert!(open(&desk).is_empty(), "{:?}", open(&desk));
    // A bundle that was never this handheld's is another thing.
    wrote(&hands[0], bundles[1], NOW + 180);
    hands[0].sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C1"]);
}
