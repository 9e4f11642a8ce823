//! Killed at every step of the disk, on good lines and on bad ones, with the old meter alive, dead
//! and in debt: the sums of both meters, of what is under way and of the office's variance meet to
//! the fen, and every swap comes to its end by answering what is asked.
//!
//! The steps are counted by a run that nothing disturbs; then the power is cut at each of them in
//! turn, the program is started again on what is left of the disk, and goes on.

use std::collections::BTreeMap;

use meterkit::sim::{Amount, MeterSetup};
use meterkit::store::Store;
use meterkit::transport::Link;
use meterkit::units::TokenId;

use super::bench::{Bench, Leave, Person, audit, begun, follow, new_setup, old, old_setup};
use super::family::{FAMILIES, Family};
use crate::crash::disk::{Dice, Fault};

/// How the old meter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Old {
    Alive,
    Dead,
    InDebt,
}

fn bench(old_is: Old, family: Family, seed: u64) -> (Bench, TokenId) {
    let setup = match old_is {
        Old::InDebt => MeterSetup { overdraft_limit: Amount(100_000), ..old_setup(-1_500) },
        _ => old_setup(12_345),
    };
    // A meter that takes no more than a little: the credit is refused.
    let hoard_limit = if family == Family::Refused { Amount(1_000) } else { Amount(99_999_900) };
    let fresh = MeterSetup { hoard_limit, ..new_setup() };
    let mut bench = Bench::new(vec![setup, fresh], family.faults(seed));
    let leave = bench.take_leave(Leave::default());
    if old_is == Old::Dead {
        let store = bench.open();
        for _ in 0..20 {
            let seen = bench.work(&store, |site| {
                use meterkit::jobs::errand::Errand;
                meterkit::jobs::swap::Swap.plan(site, &Bench::values())
            });
            if seen.unwrap().rows.iter().any(|row| row.name == "carry-out") {
                break;
            }
        }
        bench.fleet.lock().unwrap().meter_mut(old()).unwrap().set_dead(true);
    }
    family.arm(&bench);
    (bench, leave)
}

/// Follows the swap to its end, however often it is started.
fn to_the_end(bench: &Bench, store: &Store) -> meterkit::jobs::errand::Sheet {
    let work = begun(store);
    follow(bench, store, work, &mut Person::default()).unwrap()
}

#[derive(Default)]
struct Tally {
    runs: u64,
    ends: BTreeMap<String, u64>,
    wrong: Vec<String>,
}

fn finished(bench: &Bench, store: &Store, leave: TokenId, what: &str, tally: &mut Tally) {
    let sheet = to_the_end(bench, store);
    tally.runs += 1;
    let end = sheet.exit.map_or("whole", meterkit::report::Code::as_str);
    let row = store.swap(leave).unwrap();
    let how = row.credited.map_or("nothing", meterkit::units::SwapLeg::name);
    *tally.ends.entry(format!("{end} {how}")).or_default() += 1;
    let wrong = audit(bench, store, leave);
    tally.wrong.extend(wrong.into_iter().map(|one| format!("{what}: {one}")));
}

fn every_step(old_is: Old, family: Family, tally: &mut Tally) {
    let seed = 7 + old_is as u64 * 31 + family as u64 * 101;
    let (whole, leave) = bench(old_is, family, seed);
    let from = whole.disk.steps();
    let store = whole.open();
    finished(&whole, &store, leave, "undisturbed", tally);
    drop(store);
    let last = whole.disk.steps();
    assert!(last > from + 10, "{old_is:?} {family:?}: only {} steps", last - from);
    for step in from..last {
        let what = format!("{old_is:?} {family:?} step {}", step - from);
        let (mut bench, leave) = bench(old_is, family, seed);
        let store = bench.open();
        bench.disk.plan(Some(Fault::Cut(step)));
        let work = begun(&store);
        // Broken off, or done before the cut where the line was kinder this time.
        let _ = follow(&bench, &store, work, &mut Person::default());
        drop(store);
        bench.disk = bench.disk.after_cut(&mut Dice::new(step * 7_919 + seed));
        let store = bench.open();
        finished(&bench, &store, leave, &what, tally);
    }
}

fn all(olds: &[Old]) {
    let mut tally = Tally::default();
    for old_is in olds {
        for family in FAMILIES {
            every_step(*old_is, family, &mut tally);
            println!(
                "{old_is:?} {family:?}: {} runs so far, {} wrong",
                tally.runs,
                tally.wrong.len()
            );
        }
    }
    println!("{olds:?}: {} runs, {:?}", tally.runs, tally.ends);
    assert!(tally.wrong.is_empty(), "{} wrong: {:#?}", tally.wrong.len(), tally.wrong);
}

#[test]
fn cut_at_every_step_with_the_old_meter_alive() {
    all(&[Old::Alive]);
}

#[test]
fn cut_at_every_step_with_the_old_meter_dead() {
    all(&[Old::Dead]);
}

#[test]
fn cut_at_every_step_with_a_debt() {
    all(&[Old::InDebt]);
}

#[test]
fn the_line_outlives_a_restart() {
    let (bench, _) = bench(Old::Alive, Family::Nothing, 1);
    let before = Link::now(&bench.wire);
    drop(bench.open());
    assert!(Link::now(&bench.wire) >= before);
}
