//! Two handhelds with documents for one meter: everything the second does happens between two
//! messages of the first, at each place there is.

use std::sync::{Arc, Mutex};

use meterkit::sim::MeterSetup;
use meterkit::store::TokenState;
use meterkit::units::TokenId;

use super::{Deed, Said, audit, follow, issue, said};
use crate::swap::bench::{
    Bench, Leave, Person, begun, follow as swapped, new, new_setup, old, old_setup,
};
use crate::swap::family::Family;

const SECOND: &str = "hh-008";

/// Both handhelds at one meter, each with its document.
struct Pair {
    first: Bench,
    second: Arc<Mutex<Bench>>,
    tokens: [TokenId; 2],
}

fn pair(deeds: [Deed; 2], family: Family, seed: u64) -> Pair {
    let opens = deeds.iter().any(|deed| deed.word == "open");
    let closed = MeterSetup { load_w: 300, no: old(), ..new_setup() };
    let setup = if opens { closed } else { old_setup(12_345) };
    let mut first = Bench::new(vec![setup], family.faults(seed));
    let mut second = first.beside(SECOND);
    let tokens = [issue(&mut first, deeds[0]), issue(&mut second, deeds[1])];
    Pair { first, second: Arc::new(Mutex::new(second)), tokens }
}

/// Runs the first; before its `nth` message the second does all of its own. Both are followed to
/// the end. What they say, and how many messages the first sent.
fn run(pair: &Pair, deeds: [Deed; 2], nth: u32) -> (Vec<Said>, u32) {
    let (other, token) = (Arc::clone(&pair.second), pair.tokens[1]);
    pair.first.before(nth, move || {
        let bench = other.lock().unwrap();
        let store = bench.open();
        let _ = follow(&bench, &store, deeds[1], token);
    });
    let store = pair.first.open();
    let _ = follow(&pair.first, &store, deeds[0], pair.tokens[0]);
    let sent = pair.first.sent();
    let bench = pair.second.lock().unwrap();
    let other = bench.open();
    // Where the first ended before its turn came.
    if other.token(token).unwrap().state == TokenState::Cached {
        let _ = follow(&bench, &other, deeds[1], token);
    }
    (vec![said(&store, deeds[0], pair.tokens[0]), said(&other, deeds[1], token)], sent)
}

fn every_place(deeds: [Deed; 2]) -> Vec<Vec<TokenState>> {
    let (mut wrong, mut ends, mut runs) = (Vec::new(), Vec::new(), 0);
    for family in [Family::Nothing, Family::Lost, Family::Late, Family::Duplicated, Family::Garbled]
    {
        let seed = 5 + family as u64 * 77;
        let mut nth = 0;
        loop {
            let both = pair(deeds, family, seed);
            let (said, sent) = run(&both, deeds, nth);
            runs += 1;
            let what = |one: String| format!("{family:?} before message {nth}: {one}");
            wrong.extend(audit(&both.first, &said).into_iter().map(what));
            if family == Family::Nothing {
                ends.push(said.iter().map(|one| one.state).collect());
            }
            // Each place on a good line; on a bad one the places are other ones every time.
            nth += if family == Family::Nothing { 1 } else { 5 };
            if nth >= sent {
                break;
            }
        }
    }
    println!("{deeds:?}: {runs} runs");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    ends
}

#[test]
fn two_refunds_of_different_amounts() {
    let ends = every_place([Deed::refund(4_000), Deed::refund(3_000)]);
    assert!(ends.contains(&vec![TokenState::Accepted; 2]), "{ends:?}");
    // In between the first one's reading and its frame: it cannot tell, and says so.
    assert!(ends.iter().any(|end| end[0] == TokenState::Disputed), "{ends:?}");
}

/// The balance alone would call the other's debit ours.
#[test]
fn two_refunds_of_the_same_amount() {
    every_place([Deed::refund(4_000), Deed::refund(4_000)]);
}

#[test]
fn a_reversal_and_a_recharge_in_between() {
    every_place([Deed::reversal(4_000), Deed::recharge(6, 2_500)]);
}

#[test]
fn two_openings_with_money_take_one_step() {
    let ends = every_place([Deed::opening(5_000), Deed::opening(3_000)]);
    for end in ends {
        let done = end.iter().filter(|state| **state == TokenState::Accepted).count();
        assert_eq!(done, 1, "the meter takes one: {end:?}");
    }
}

/// The same swap by two handhelds, each with a leave of its own.
#[test]
fn two_swaps_of_one_meter_carry_its_balance_over_once() {
    let (mut wrong, mut nth, mut runs) = (Vec::new(), 0, 0);
    loop {
        let meters = vec![old_setup(12_345), new_setup()];
        let mut first = Bench::new(meters, Family::Nothing.faults(3));
        let mut second = first.beside(SECOND);
        let leaves = [first.take_leave(Leave::default()), second.take_leave(Leave::default())];
        let other = Arc::new(Mutex::new(second));
        let moved = Arc::clone(&other);
        first.before(nth, move || {
            let bench = moved.lock().unwrap();
            let store = bench.open();
            let _ = swapped(&bench, &store, None, &mut Person::default());
        });
        let store = first.open();
        let sheet = swapped(&first, &store, None, &mut Person::default());
        let sent = first.sent();
        let bench = other.lock().unwrap();
        let beside = bench.open();
        let what = |one: String| format!("before message {nth}: {one}");
        let sums = carried(&first, &[(&store, leaves[0]), (&beside, leaves[1])]);
        wrong.extend(sums.into_iter().map(what));
        if sheet.is_err() && begun(&store).is_some() {
            wrong.push(format!("before message {nth}: no end: {sheet:?}"));
        }
        runs += 1;
        nth += 1;
        if nth >= sent {
            break;
        }
    }
    println!("two swaps: {runs} runs");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// Both journals beside both meters: what went out and came in, and what is in transit.
fn carried(bench: &Bench, hands: &[(&meterkit::store::Store, TokenId)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut fleet = bench.fleet.lock().unwrap();
    fleet.advance(meterkit::transport::Link::now(&bench.wire));
    if let Err(error) = fleet.audit() {
        wrong.push(format!("{error:?}"));
    }
    let out: i64 = fleet.meter(old()).unwrap().refunds().iter().map(|one| one.amount).sum();
    let into: i64 = fleet.meter(new()).unwrap().bookings().iter().map(|one| one.amount).sum();
    let (mut known, mut open) = ([0; 2], [0; 2]);
    for (store, leave) in hands {
        let row = store.swap(*leave).unwrap();
        for (at, id) in [(0, row.out()), (1, row.credit())] {
            let Some(token) = id.and_then(|id| store.token(id)) else { continue };
            match token.state {
                TokenState::Accepted => known[at] += token.facts.credit.value,
                TokenState::Intent | TokenState::Disputed => open[at] += token.facts.credit.value,
                _ => {}
            }
        }
    }
    for (at, real) in [(0, out), (1, into)] {
        if !(known[at]..=known[at] + open[at]).contains(&real) {
            wrong.push(format!("{at}: {real} in the meters, {} and {} open", known[at], open[at]));
        }
    }
    if fleet.meter(new()).unwrap().bookings().len() > 1 {
        wrong.push("credited twice".to_owned());
    }
    wrong
}
