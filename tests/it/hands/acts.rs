//! Refund, reversal, and opening with a first credit: the power cut at every step of the disk, with
//! every family of faults, and each brought to its end.

use std::collections::BTreeMap;

use meterkit::jobs::access::MeterPassword;
use meterkit::sim::{Amount, MeterSetup};
use meterkit::store::TokenState;
use meterkit::units::TokenId;

use super::{Deed, audit, follow, issue, said};
use crate::crash::disk::{Dice, Fault};
use crate::swap::bench::{Bench, new_setup, old, old_setup};
use crate::swap::family::{FAMILIES, Family};

fn setup(deed: Deed, family: Family) -> MeterSetup {
    let opened = old_setup(12_345);
    let closed = MeterSetup { load_w: 300, no: old(), ..new_setup() };
    let setup = if deed.word == "open" { closed } else { opened };
    match family {
        // The meter takes no more than a little.
        Family::Refused => MeterSetup { hoard_limit: Amount(1_000), ..setup },
        _ => setup,
    }
}

fn bench(deed: Deed, family: Family, seed: u64) -> (Bench, TokenId) {
    let mut bench = Bench::new(vec![setup(deed, family)], family.faults(seed));
    if family == Family::Refused {
        bench.password = Some(MeterPassword::parse("111111").unwrap());
    }
    let token = issue(&mut bench, deed);
    family.arm(&bench);
    (bench, token)
}

#[derive(Default)]
struct Tally {
    runs: u64,
    ends: BTreeMap<String, u64>,
    wrong: Vec<String>,
}

fn finish(bench: &Bench, deed: Deed, token: TokenId, what: &str, tally: &mut Tally) {
    let store = bench.open();
    let ended = follow(bench, &store, deed, token);
    let one = said(&store, deed, token);
    tally.runs += 1;
    let end = ended.map_or_else(|failure| failure.code.as_str(), |_| "ended");
    *tally.ends.entry(format!("{end} {:?}", one.state)).or_default() += 1;
    if one.state == TokenState::Intent {
        tally.wrong.push(format!("{what}: never found out"));
    }
    let mut wrong = audit(bench, &[one]);
    if let Err(damage) = store.verify() {
        wrong.push(damage.to_string());
    }
    tally.wrong.extend(wrong.into_iter().map(|one| format!("{what}: {one}")));
}

fn every_step(deed: Deed) {
    let mut tally = Tally::default();
    for family in FAMILIES {
        let seed = 11 + family as u64 * 101 + deed.amount as u64;
        let (whole, token) = bench(deed, family, seed);
        let from = whole.disk.steps();
        finish(&whole, deed, token, "undisturbed", &mut tally);
        let last = whole.disk.steps();
        assert!(last > from + 5, "{deed:?} {family:?}: only {} steps", last - from);
        for step in from..last {
            let what = format!("{} {family:?} step {}", deed.word, step - from);
            let (mut bench, token) = bench(deed, family, seed);
            let store = bench.open();
            bench.disk.plan(Some(Fault::Cut(step)));
            let _ = follow(&bench, &store, deed, token);
            drop(store);
            bench.disk = bench.disk.after_cut(&mut Dice::new(step * 7_919 + seed));
            finish(&bench, deed, token, &what, &mut tally);
        }
    }
    println!("{deed:?}: {} runs, {:?}", tally.runs, tally.ends);
    assert!(tally.wrong.is_empty(), "{} wrong: {:#?}", tally.wrong.len(), tally.wrong);
    let accepted = |(end, _): (&String, &u64)| end.ends_with("Accepted");
    assert!(tally.ends.iter().any(accepted), "nothing was ever done");
}

#[test]
fn a_refund_cut_at_every_step() {
    every_step(Deed::refund(4_000));
}

#[test]
fn a_reversal_cut_at_every_step() {
    every_step(Deed::reversal(7_001));
}

#[test]
fn an_opening_with_money_cut_at_every_step() {
    every_step(Deed::opening(5_000));
}
