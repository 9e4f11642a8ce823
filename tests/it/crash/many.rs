//! Many tokens imported at once: in groups of which each is written and forced as one.

use super::super::store::make::{bytes, facts, stamp};
use super::disk::{Dice, Fault};
use super::{check_reads, enrolled, open, works};
use meterkit::store::{Event, Imported, Position, Store, StoreError, TokenFacts};

const TOKENS: u64 = 60;

fn list() -> Vec<(TokenFacts, Vec<u8>)> {
    (1..=TOKENS).map(|n| (facts(n, 100 + n, 3), bytes(n))).collect()
}

/// Imports all of them: the positions of those that were taken in, and the first error.
fn import(store: &Store) -> (Vec<Position>, Option<StoreError>) {
    let (mut acked, mut failed) = (Vec::new(), None);
    for answer in store.import_all(&stamp(5), list()) {
        match answer {
            Ok(Imported::New(at)) if failed.is_none() => acked.push(at),
            Ok(other) => panic!("{other:?} after {failed:?}"),
            Err(e) => drop(failed.get_or_insert(e)),
        }
    }
    (acked, failed)
}

/// What is there: the acknowledged tokens, in order, and at most one whole group besides.
fn check(store: &Store, acked: &[Position], groups: &[u64], what: &str) -> usize {
    let imported = |e: &meterkit::store::Recorded| e.event.token().map(|id| (id, e.seq, e.hash));
    let there: Vec<_> = store.events(1, 1_000).iter().filter_map(imported).collect();
    assert!(there.len() >= acked.len(), "{what}: {} of {} are left", there.len(), acked.len());
    for (n, (id, seq, hash)) in there.iter().enumerate() {
        assert_eq!(*id, facts(n as u64 + 1, 1, 3).id, "{what}: a prefix, in order");
        assert!(acked.get(n).is_none_or(|at| (at.seq, at.hash) == (*seq, *hash)), "{what}");
    }
    let more = there.len() - acked.len();
    let ends = |count: usize| count == 0 || groups.contains(&(count as u64));
    assert!(ends(there.len()) && ends(acked.len()), "{what}: {} and {more}", acked.len());
    let next = groups.iter().find(|end| **end > acked.len() as u64);
    assert!(more == 0 || next == Some(&(there.len() as u64)), "{what}: {more} more");
    assert_eq!(store.summary().tokens, there.len() as u64, "{what}");
    assert!(store.verify().is_ok(), "{what}");
    more
}

/// After how many tokens a group ended when nothing went wrong: where flushes are.
fn groups(steps: u64) -> Vec<u64> {
    let mut ends = Vec::new();
    for step in 0..steps {
        let disk = enrolled();
        let (store, _) = open(&disk).unwrap();
        disk.plan(Some(Fault::Cut(disk.steps() + step)));
        ends.push(import(&store).0.len() as u64);
    }
    ends.push(TOKENS);
    ends.dedup();
    ends.retain(|end| *end > 0);
    ends
}

#[test]
fn power_cut_at_every_step_of_an_import() {
    let whole = enrolled();
    let from = whole.steps();
    let (store, _) = open(&whole).unwrap();
    let (acked, failed) = import(&store);
    assert_eq!((acked.len() as u64, failed), (TOKENS, None));
    let steps = whole.steps() - from;
    let groups = groups(steps);
    assert!(groups.len() > 5 && (groups.len() as u64) < TOKENS / 3, "{groups:?}");
    let (mut torn, mut kept) = (0, 0);
    for step in 0..steps {
        let disk = enrolled();
        let (store, _) = open(&disk).unwrap();
        disk.plan(Some(Fault::Cut(from + step)));
        let (acked, failed) = import(&store);
        assert!(failed.is_some(), "step {step}");
        check_reads(&store, &acked);
        drop(store);
        for seed in 0..10 {
            let what = format!("step {step}, seed {seed}");
            let next = disk.after_cut(&mut Dice::new(seed * 7_919 + step));
            let (store, opened) = open(&next).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(opened.read_only, None, "{what}");
            kept += usize::from(check(&store, &acked, &groups, &what) > 0);
            torn += usize::from(opened.cut.is_some());
            works(&store, &what);
            drop(store);
            let (store, opened) = open(&next).unwrap();
            assert_eq!((opened.cut, opened.read_only), (None, None), "{what}");
            // The import is done again: what is there is known, the rest is taken in.
            let again = store.import_all(&stamp(6), list());
            assert!(again.iter().all(Result::is_ok), "{what}");
            assert_eq!(store.summary().tokens, TOKENS + 1, "{what}");
        }
    }
    assert!(torn > 50 && kept > 10, "{torn} torn, {kept} kept");
}

#[test]
fn full_and_worn_disk_at_every_step_of_an_import() {
    let whole = enrolled();
    let from = whole.steps();
    let (store, _) = open(&whole).unwrap();
    import(&store);
    for step in from..whole.steps() {
        for worn in [false, true] {
            let what = format!("step {step}, worn {worn}");
            let disk = enrolled();
            let (store, _) = open(&disk).unwrap();
            let fault = if worn { Fault::Worn(step) } else { Fault::Full { from: step, steps: 1 } };
            disk.plan(Some(fault));
            // Each token twice: what is said of the second must be true as well.
            let twice = list().into_iter().flat_map(|token| [token.clone(), token]).collect();
            let answers = store.import_all(&stamp(5), twice);
            let good = answers.iter().take_while(|a| a.is_ok()).count();
            let rest = &answers[good..];
            assert!(rest.iter().all(Result::is_err), "{what}: after it nothing: {rest:?}");
            let count = good as u64 / 2;
            assert_eq!(store.summary().tokens, count, "{what}: what was said is what is there");
            assert!(count < TOKENS, "{what}");
            drop(store);
            disk.plan(None);
            let (store, opened) = open(&disk).unwrap();
            assert_eq!(opened.read_only, None, "{what}");
            let again = store.import_all(&stamp(6), list());
            assert!(again.iter().all(Result::is_ok), "{what}");
            assert_eq!(store.summary().tokens, TOKENS, "{what}");
            let imports = store.events(1, 1_000).into_iter();
            let imports = imports.filter(|e| matches!(e.event, Event::TokenImported { .. }));
            assert_eq!(imports.count() as u64, TOKENS, "{what}: each once");
            assert!(store.verify().is_ok(), "{what}");
        }
    }
}
