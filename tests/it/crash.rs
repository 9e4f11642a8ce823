//! The store on a disk that loses power, fills up and wears out, at every single step.
//!
//! What must hold whatever happens: an entry that was acknowledged is there with its hash; at most
//! what was under way is there besides, whole (one entry, or a group imported at once); nothing
//! wrong is ever accepted; the states of tokens and meters are what the entries say; and work goes
//! on after it.

pub mod disk;
mod many;
mod space;

use super::store::make::{bytes, facts, identity, judged, key, meter, shows, stamp, token_id};
use disk::{Dice, Fault, SimDisk};
use meterkit::store::{
    AreaMeter, AreaPage, Bounds, Event, Imported, IndexKind, Options, Position, Reading, Store,
    StoreError, TokenState, Why,
};
use meterkit::units::{Decision, UnixSeconds};
use std::path::Path;
use std::sync::Arc;

const DIR: &str = "/store";
/// Small, so that a short run goes through several segments.
const SEGMENT: u64 = 4 * 1024;

fn options(disk: &SimDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), index: IndexKind::Memory, segment_bytes: SEGMENT }
}

fn open(disk: &SimDisk) -> Result<(Store, meterkit::store::Opened), StoreError> {
    Store::open_with(Path::new(DIR), &key(), options(disk))
}

/// One thing a working day does.
#[derive(Debug, Clone, Copy)]
enum Act {
    Import(u64),
    /// Three tokens at once, from this one on.
    Many(u64),
    Intent(u64),
    Resend(u64),
    Outcome(u64, Decision),
    Late(u64),
    Read(u64),
    Receipt(u64),
    Resolve(u64, bool),
    Withdraw(u64),
}

/// A day with every kind of entry, every way a recharge ends, and enough bulk for new segments.
fn day() -> Vec<Act> {
    use Act::*;
    let mut acts = vec![Import(1), Import(2), Import(3), Import(4), Import(5), Read(1)];
    acts.extend([Intent(1), Outcome(1, Decision::Confirmed), Receipt(1), Read(2)]);
    acts.extend([Intent(2), Outcome(2, Decision::Unreachable), Resend(2), Read(3)]);
    acts.extend([Outcome(2, Decision::NotApplied), Late(2), Read(4), Receipt(2)]);
    acts.extend([Intent(3), Outcome(3, Decision::TornWrite), Read(5), Resolve(3, true)]);
    acts.extend([Intent(4), Outcome(4, Decision::Raced), Withdraw(5), Read(6), Many(6)]);
    acts.extend([Receipt(3), Many(9), Intent(7), Outcome(7, Decision::Confirmed)]);
    acts
}

fn token(n: u64) -> meterkit::store::TokenFacts {
    facts(n, 100 + n, 3)
}

/// How many entries an act makes.
fn entries_of(act: Act) -> usize {
    if matches!(act, Act::Many(_)) { 3 } else { 1 }
}

/// Does one act; the positions of what it recorded.
fn act(store: &Store, act: Act) -> Result<Vec<Position>, StoreError> {
    if let Act::Many(n) = act {
        let tokens = (n..n + 3).map(|n| (token(n), bytes(n))).collect();
        let answers = store.import_all(&stamp(1_000), tokens);
        return answers
            .into_iter()
            .map(|answer| match answer? {
                Imported::New(at) => Ok(at),
                Imported::Known(id) => panic!("{id} was there already"),
            })
            .collect();
    }
    one(store, act).map(|position| vec![position])
}

fn one(store: &Store, act: Act) -> Result<Position, StoreError> {
    let at = stamp(1_000);
    let intent = |n: u64| token(n).intent();
    match act {
        Act::Many(_) => unreachable!("three entries are not one"),
        Act::Import(n) => {
            store.append(&at, Event::TokenImported { token: token(n), bytes: bytes(n) })
        }
        Act::Intent(n) => {
            let proof = store.intent(&at, intent(n), shows(&intent(n), 3), &Bounds::NONE)?;
            let head = store.summary().head;
            assert_eq!(proof.seq(), head.seq);
            Ok(head)
        }
        Act::Resend(n) => {
            store.resend(&at, token_id(n), shows(&intent(n), 3))?;
            Ok(store.summary().head)
        }
        Act::Outcome(n, decision) => store.outcome(&at, token_id(n), judged(&intent(n), decision)),
        Act::Late(n) => {
            store.late_outcome(&at, token_id(n), judged(&intent(n), Decision::Confirmed))
        }
        Act::Read(n) => {
            let reading = Reading {
                meter: meter(100 + n),
                items: (0..8).map(|i| (i, vec![n as u8; 90])).collect(),
                evidence: None,
                shown: None,
                read_at: UnixSeconds(9),
                took_ms: 5,
                frames_digest: [3; 32],
                profile: String::new(),
                values: Vec::new(),
            };
            store.append(&at, Event::Reading(reading))
        }
        Act::Receipt(number) => {
            let acked = store.summary().head;
            store.append(&at, Event::ReceiptStored { number, acked })
        }
        Act::Resolve(n, booked) => {
            let (token, meter) = (token_id(n), token(n).meter);
            store.append(&at, Event::Resolved { token, meter, by: 9, booked })
        }
        Act::Withdraw(n) => {
            let reason = meterkit::store::Withdrawal::Voided;
            store.append(&at, Event::TokenWithdrawn { id: token_id(n), reason, receipt: 1 })
        }
    }
}

/// A disk with an enrolled handheld on it, everything forced.
fn enrolled() -> SimDisk {
    let disk = SimDisk::default();
    let store =
        Store::create_with(Path::new(DIR), identity(), &stamp(1), &key(), options(&disk)).unwrap();
    drop(store);
    disk
}

/// Where each token stands after the first `done` acts.
fn expected(acts: &[Act]) -> Vec<(u64, TokenState)> {
    let mut states: Vec<(u64, TokenState)> = Vec::new();
    let mut set = |n: u64, state| {
        states.retain(|(known, _)| *known != n);
        states.push((n, state));
    };
    for act in acts {
        match *act {
            Act::Import(n) => set(n, TokenState::Cached),
            Act::Many(n) => (n..n + 3).for_each(|n| set(n, TokenState::Cached)),
            Act::Intent(n) => set(n, TokenState::Intent),
            Act::Outcome(n, decision) => set(
                n,
                match decision {
                    Decision::Confirmed | Decision::ConfirmedWeak => TokenState::Accepted,
                    Decision::NotApplied => TokenState::NotApplied,
                    Decision::Raced => TokenState::Raced,
                    Decision::Unreachable => TokenState::Intent,
                    _ => TokenState::Disputed,
                },
            ),
            Act::Late(n) | Act::Resolve(n, true) => set(n, TokenState::Accepted),
            Act::Resolve(n, false) | Act::Withdraw(n) => set(n, TokenState::Withdrawn),
            Act::Resend(_) | Act::Read(_) | Act::Receipt(_) => {}
        }
    }
    states.sort_by_key(|(n, _)| *n);
    states
}

fn states(store: &Store) -> Vec<(u64, TokenState)> {
    let number = |id: meterkit::units::TokenId| u64::from_be_bytes(id.0[..8].try_into().unwrap());
    store.tokens(None, 100).iter().map(|row| (number(row.facts.id), row.state)).collect()
}

/// Checks everything that must hold after a start: `acked` are the acknowledged entries, `acts` the
/// acts that made them, in order, `under_way` the one that had not returned.
fn check(store: &Store, acked: &[Position], acts: &[Act], under_way: Option<Act>, what: &str) {
    let entries = store.events(1, 1_000);
    for position in acked {
        let found = entries.get(position.seq as usize - 1).map(|e| e.hash);
        assert_eq!(found, Some(position.hash), "{what}: entry {} was lost", position.seq);
    }
    let base = acked.last().map_or(1, |p| p.seq);
    let cuts = |e: &&meterkit::store::Recorded| matches!(e.event, Event::TailCut { .. });
    let more: Vec<_> = entries.iter().filter(|e| e.seq > base).collect();
    let real = more.iter().filter(|e| !cuts(e)).count();
    let whole = under_way.map_or(0, entries_of);
    assert!(real == 0 || real == whole, "{what}: {real} entries of {whole} under way");
    let mut all = acts.to_vec();
    all.extend(under_way.filter(|_| real > 0));
    assert_eq!(states(store), expected(&all), "{what}");
    assert_eq!(store.summary().events, entries.len() as u64, "{what}");
    let open: Vec<_> = store.open_intents().iter().map(|o| o.facts.token).collect();
    let waiting = |(n, state): &(u64, TokenState)| {
        matches!(state, TokenState::Intent | TokenState::Disputed).then(|| token_id(*n))
    };
    let want: Vec<_> = expected(&all).iter().filter_map(waiting).collect();
    assert_eq!(open, want, "{what}");
    assert_eq!(store.summary().open_intents as usize, want.len(), "{what}");
    assert_eq!(store.verify().map(|v| v.records), Ok(entries.len() as u64), "{what}");
}

/// Work goes on: a token for a meter without an open recharge goes all the way.
fn works(store: &Store, what: &str) {
    let at = stamp(2_000);
    let new = facts(77, 900, 0);
    let doing = || -> Result<(), StoreError> {
        store.import(&at, new, bytes(77))?;
        store.intent(&at, new.intent(), shows(&new.intent(), 0), &Bounds::NONE)?;
        store.outcome(&at, new.id, judged(&new.intent(), Decision::Confirmed))?;
        Ok(())
    };
    assert_eq!(doing(), Ok(()), "{what}");
    assert_eq!(store.token(new.id).map(|row| row.state), Some(TokenState::Accepted), "{what}");
}

/// Runs the day until something fails: acknowledged positions, acts done, and the one that failed.
fn run(store: &Store) -> (Vec<Position>, Vec<Act>, Option<(Act, StoreError)>) {
    let (mut acked, mut done) = (Vec::new(), Vec::new());
    for next in day() {
        match act(store, next) {
            Ok(positions) => {
                acked.extend(positions);
                done.push(next);
            }
            Err(e) => return (acked, done, Some((next, e))),
        }
    }
    (acked, done, None)
}

#[test]
fn power_cut_at_every_step() {
    let whole = enrolled();
    let before = whole.steps();
    let (store, _) = open(&whole).unwrap();
    let (acked, done, failed) = run(&store);
    assert!(failed.is_none(), "{failed:?}");
    check(&store, &acked, &done, None, "undisturbed");
    let last = whole.steps();
    let is_segment = |path: &&std::path::PathBuf| path.extension().is_some_and(|e| e == "mkj");
    let segments = whole.files().keys().filter(is_segment).count();
    assert!(segments >= 3, "the day must go through several segments, not {segments}");
    let (mut trials, mut torn, mut kept) = (0, 0, 0);
    for step in before..last {
        let disk = enrolled();
        let (store, _) = open(&disk).unwrap();
        disk.plan(Some(Fault::Cut(step)));
        let (acked, done, failed) = run(&store);
        let under_way = failed.map(|(act, _)| act);
        drop(store);
        for seed in 0..10 {
            let what = format!("step {step}, seed {seed}");
            let next = disk.after_cut(&mut Dice::new(seed * 7_919 + step));
            let (store, opened) = open(&next).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(opened.read_only, None, "{what}");
            check(&store, &acked, &done, under_way, &what);
            torn += usize::from(opened.cut.is_some());
            kept += usize::from(store.summary().events > acked.len() as u64 + 1);
            works(&store, &what);
            let head = store.summary().head;
            drop(store);
            // And a second start finds what the first one left.
            let (store, opened) = open(&next).unwrap();
            assert_eq!((opened.cut, opened.read_only), (None, None), "{what}");
            assert_eq!(store.summary().head, head, "{what}");
            trials += 1;
        }
    }
    assert!(trials > 500, "{trials} trials");
    assert!(torn > 50, "only {torn} of {trials} cuts tore a record");
    assert!(kept > 20, "only {kept} of {trials} cuts kept an unacknowledged entry");
}

#[test]
fn power_cut_while_a_torn_tail_is_cut() {
    let mut twice = 0;
    for trial in 0..600 {
        let disk = enrolled();
        let (store, _) = open(&disk).unwrap();
        disk.plan(Some(Fault::Cut(disk.steps() + trial % 40)));
        let (acked, done, failed) = run(&store);
        drop(store);
        let next = disk.after_cut(&mut Dice::new(trial));
        // Opening writes only if there is something to cut: the cut entry, then its flush.
        next.plan(Some(Fault::Cut(trial / 40 % 2)));
        let first = open(&next).map(|(_, opened)| opened);
        let (store, opened) = open(&next.after_cut(&mut Dice::new(trial + 1_000))).unwrap();
        assert_eq!(opened.read_only, None, "trial {trial}");
        check(&store, &acked, &done, failed.map(|f| f.0), &format!("trial {trial}"));
        twice += usize::from(first.is_ok_and(|o| o.cut.is_some()) && opened.cut.is_some());
    }
    assert!(twice > 10, "only {twice} cuts were cut twice");
}

#[test]
fn power_cut_while_enrolling() {
    let whole = enrolled();
    let (mut fresh, mut there) = (0, 0);
    for step in 0..whole.steps() {
        for seed in 0..10 {
            let what = format!("step {step}, seed {seed}");
            let disk = SimDisk::default();
            disk.plan(Some(Fault::Cut(step)));
            let done =
                Store::create_with(Path::new(DIR), identity(), &stamp(1), &key(), options(&disk));
            assert!(done.is_err(), "{what}");
            let next = disk.after_cut(&mut Dice::new(seed * 31 + step));
            let store = match open(&next) {
                Ok((store, opened)) => {
                    assert_eq!(opened.read_only, None, "{what}");
                    there += 1;
                    store
                }
                Err(StoreError::NotEnrolled(_)) => {
                    fresh += 1;
                    Store::create_with(
                        Path::new(DIR),
                        identity(),
                        &stamp(1),
                        &key(),
                        options(&next),
                    )
                    .unwrap_or_else(|e| panic!("{what}: {e}"))
                }
                Err(e) => panic!("{what}: {e}"),
            };
            assert_eq!(store.summary().events, 1, "{what}");
            works(&store, &what);
        }
    }
    assert!(fresh > 20 && there > 2, "{fresh} begun anew, {there} complete");
}

/// Reading goes on whatever the disk does.
fn check_reads(store: &Store, acked: &[Position]) {
    let hashes: Vec<_> = store.events(2, 1_000).iter().map(|e| e.hash).collect();
    assert_eq!(hashes, acked.iter().map(|p| p.hash).collect::<Vec<_>>());
}

#[test]
fn worn_disk_at_every_step() {
    let whole = enrolled();
    let from = whole.steps();
    let (store, _) = open(&whole).unwrap();
    run(&store);
    let mut stopped = 0;
    for step in from..whole.steps() {
        let disk = enrolled();
        let (store, _) = open(&disk).unwrap();
        disk.plan(Some(Fault::Worn(step)));
        let (acked, done, failed) = run(&store);
        let what = format!("worn at step {step}");
        let Some((under_way, error)) = failed else {
            // The note beside the journal failed: the receipt itself is in the journal.
            check(&store, &acked, &done, None, &what);
            continue;
        };
        stopped += 1;
        assert!(matches!(error, StoreError::Failed(_)), "{what}: {error}");
        assert!(matches!(store.money_allowed(), Err(Why::WriteFailed(_))), "{what}");
        // The disk works again, but nobody knows what it holds: nothing more in this process.
        assert!(matches!(act(&store, Act::Read(1)), Err(StoreError::Failed(_))), "{what}");
        check_reads(&store, &acked);
        drop(store);
        let (store, opened) = open(&disk).unwrap();
        assert_eq!(opened.read_only, None, "{what}");
        check(&store, &acked, &done, Some(under_way), &what);
        works(&store, &what);
    }
    assert!(stopped > 40, "only {stopped} runs were stopped");
}

fn area(version: u64) -> Vec<AreaPage> {
    let line = |n: u64| AreaMeter {
        no: meter(n),
        account: None,
        customer: format!("customer {n} of {version}"),
        location: "here".into(),
        profile: "p".into(),
        area: String::new(),
        place: Default::default(),
    };
    let page =
        |p: u64| AreaPage { signed: vec![1], meters: (p * 10..p * 10 + 5).map(line).collect() };
    (version..version + 3).map(page).collect()
}

#[test]
fn power_cut_while_the_area_list_and_a_snapshot_are_replaced() {
    let prepare = || {
        let disk = enrolled();
        let (store, _) = open(&disk).unwrap();
        store.install_area(1, &area(1)).unwrap();
        store.put_snapshot("status", b"old").unwrap();
        drop(store);
        disk
    };
    let whole = prepare();
    let from = whole.steps();
    let (store, _) = open(&whole).unwrap();
    store.put_snapshot("status", b"new").unwrap();
    store.install_area(2, &area(2)).unwrap();
    let (mut old, mut new) = (0, 0);
    for step in from..whole.steps() {
        let disk = prepare();
        let (store, _) = open(&disk).unwrap();
        disk.plan(Some(Fault::Cut(step)));
        let put = store.put_snapshot("status", b"new");
        let installed = store.install_area(2, &area(2));
        drop(store);
        for seed in 0..10 {
            let what = format!("step {step}, seed {seed}");
            let (store, opened) = open(&disk.after_cut(&mut Dice::new(seed + step * 10))).unwrap();
            assert_eq!(opened.read_only, None, "{what}");
            let status = store.snapshot("status").unwrap_or_default();
            let allowed: &[&[u8]] = if put.is_ok() { &[b"new"] } else { &[b"old", b"new"] };
            assert!(allowed.contains(&status.as_slice()), "{what}: {status:?}");
            let version = store.summary().area_version;
            assert!(if installed.is_ok() { version == 2 } else { (1..=2).contains(&version) });
            let meters = store.meters(None, 100);
            let want: Vec<_> =
                area(version).iter().flat_map(|p| p.meters.iter().map(|m| m.no)).collect();
            assert_eq!(meters.iter().map(|m| m.no).collect::<Vec<_>>(), want, "{what}");
            assert_eq!(store.summary().meters, want.len() as u64, "{what}");
            let found = store.find_meters(&format!("customer {}0 of {version}", version), 5);
            assert_eq!(found.len(), 1, "{what}");
            old += usize::from(version == 1);
            new += usize::from(version == 2);
        }
    }
    assert!(old > 10 && new > 10, "{old} old, {new} new");
}
