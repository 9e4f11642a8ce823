//! Handheld and office die at every step of an exchange, and again at every step of the next one.
//!
//! Steps are counted, not drawn: every write, flush and rename of the handheld's disk; every commit
//! of the office (it dies before it, with all it did since the one before) and every answer (it
//! dies behind the commit, before anybody hears of it); every file that is written to or removed
//! from a stick. After two deaths the third exchange ends by itself, and the books say what they
//! say without any.
//!
//! `METERKIT_DEATHS=all` tries every second death after every first one, a number so many of them;
//! the ordinary suite tries each first death with a few of the second, others for each.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use meterkit::office::{Office, Verdict};
use meterkit::store::{Bounds, IndexKind, Options, Store, TokenState};
use meterkit::sync::wire::media::{FOLDER, TO_DEVICE, TO_OFFICE};
use meterkit::sync::{Session, SyncError, carry};
use meterkit::units::{Decision, TokenId};
use meterkit_tokens::DeviceKey;
use tempfile::TempDir;

use super::mix::ledger::{Ledger, desk_at, quick_folder};
use crate::crash::disk::{Dice, Fault, SimDisk};
use crate::office::desk::{
    Desk, METER, NOW, device, evidence, figure, judgement, meter, stamp, store_key,
};

const STORE: &str = "/store";
const SEED: [u8; 32] = [5; 32];
const AMOUNT: i64 = 10_000;
/// How many second deaths are tried behind each first one in the ordinary suite.
const USUAL: usize = 2;

/// The money and what hangs on it. The journals differ by what they say of the deaths themselves.
const MONEY: &[(&str, &[&str])] = &[
    ("token", &["id", "state", "revoked", "superseded_by"]),
    ("meter_state", &["meter", "account", "count", "balance", "seen"]),
    ("posting", &["op", "leg", "token", "meter", "account", "place", "amount"]),
    ("review", &["id", "class", "why"]),
    ("fork", &["device", "epoch", "seq", "hash"]),
    ("device", &["device", "status", "epoch"]),
];

/// Where somebody dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// The handheld, at this step of its disk.
    Disk(u64),
    /// The office, before this commit.
    Commit(i64),
    /// The office, behind what it did for this request.
    Answer(u32),
    /// Whoever works on the stick, after so many files.
    Stick(usize),
}

/// How they exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Line,
    Stick,
}

impl Way {
    /// The `nth` place of each kind somebody can die at.
    fn deaths(self, nth: usize) -> Vec<Death> {
        let mut deaths = vec![Death::Disk(nth as u64), Death::Commit(nth as i64)];
        deaths.push(match self {
            Self::Line => Death::Answer(nth as u32),
            Self::Stick => Death::Stick(nth),
        });
        deaths
    }
}

/// A morning that can be lived again and again.
struct World {
    way: Way,
    desk: Desk,
    ledger: Ledger,
    /// The office whose commits are counted down; it dies at none.
    office: Office,
    commits: Arc<AtomicI64>,
    stick: TempDir,
    /// The handheld's disk in the morning.
    morning: SimDisk,
    disk: SimDisk,
    /// The token that was used, the one that waits, the one that was taken back.
    tokens: [TokenId; 3],
}

fn options(disk: &SimDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), index: IndexKind::Memory, segment_bytes: 16 * 1024 }
}

fn open(disk: &SimDisk) -> Option<Store> {
    Store::open_with(Path::new(STORE), &store_key(), options(disk)).ok().map(|(store, _)| store)
}

impl World {
    /// A handheld that used one token, was given one, and is about to hear that one was taken back
    /// and that there is another meter.
    fn new(way: Way) -> Self {
        let (desk, mut ledger) = desk_at(NOW);
        let commits = Arc::new(AtomicI64::new(i64::MAX));
        let left = Arc::clone(&commits);
        let office = desk.office().clone().with_conflicts(Arc::new(move || {
            if left.fetch_sub(1, Ordering::Relaxed) == 0 {
                std::panic::resume_unwind(Box::new("the office dies"));
            }
            false
        }));
        let disk = SimDisk::default();
        let enrolling = desk.offer("hh-1", "http://127.0.0.1:1");
        let identity = enrolling.introduce(SEED, &stamp(NOW), &desk.post()).unwrap();
        let made = Store::create_with(
            Path::new(STORE),
            identity,
            &stamp(NOW),
            &store_key(),
            options(&disk),
        );
        let store = made.unwrap();
        desk.add_meter("48");
        let used = desk.issue_to("hh-1", METER, AMOUNT).id;
        let taken_back = desk.issue_to("hh-1", "48", AMOUNT).id;
        let (key, cancel) = (DeviceKey::generate(SEED), AtomicBool::new(false));
        {
            let (clock, post) = (|| stamp(NOW), desk.post());
            let session =
                Session { store: &store, key: &key, post: &post, stamp: &clock, cancel: &cancel };
            session.run(&mut |_| {}).unwrap();
        }
        let facts = store.token(used).unwrap().facts;
        let before = evidence(facts.meter, facts.count_before.0, 0, None);
        store.intent(&stamp(NOW), facts.intent(), before, &Bounds::NONE).unwrap();
        let judged = judgement(Decision::Confirmed, facts.meter, facts.count_before.0, AMOUNT);
        store.outcome(&stamp(NOW), used, judged).unwrap();
        drop(store);
        desk.local.wait(desk.office().revoke_token(taken_back)).unwrap();
        desk.settle(taken_back, Verdict::NotBooked, "seen").unwrap();
        desk.add_meter("49");
        let waits = desk.issue_to("hh-1", "49", AMOUNT).id;
        ledger.remember(&desk);
        let morning = disk.after_cut(&mut Dice::new(1));
        let tokens = [used, waits, taken_back];
        Self { way, desk, ledger, office, commits, stick: quick_folder(), morning, disk, tokens }
    }

    /// Everything is as it was in the morning.
    fn again(&mut self) {
        self.ledger.reset(&self.desk);
        self.disk = self.morning.after_cut(&mut Dice::new(1));
        let _ = fs::remove_dir_all(self.stick.path().join(FOLDER));
    }

    /// One exchange in which somebody may die; whether he did, and whether it came to its end.
    fn exchange(&mut self, death: Option<Death>) -> (bool, bool) {
        let left = match death {
            Some(Death::Commit(nth)) => nth,
            _ => i64::MAX,
        };
        self.commits.store(left, Ordering::Relaxed);
        let cut = match death {
            Some(Death::Disk(nth)) => Some(self.disk.steps() + nth),
            _ => None,
        };
        self.disk.plan(cut.map(Fault::Cut));
        let (mut died, ended) = match self.way {
            Way::Line => self.call(death),
            Way::Stick => self.visit(death),
        };
        died |= cut.is_some_and(|step| self.disk.steps() > step);
        died |= left != i64::MAX && self.commits.load(Ordering::Relaxed) < 0;
        self.commits.store(i64::MAX, Ordering::Relaxed);
        if cut.is_some() {
            let seed = self.disk.steps() * 31 + cut.unwrap_or(0);
            self.disk = self.disk.after_cut(&mut Dice::new(seed));
        }
        (died, ended)
    }

    /// What the office says, if it lives to say it.
    fn lives<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        catch_unwind(AssertUnwindSafe(|| self.desk.local.wait(work))).ok()
    }

    /// An exchange over the line.
    fn call(&self, death: Option<Death>) -> (bool, bool) {
        let (dead, answers) = (Cell::new(false), Cell::new(0));
        let post = |path: &str, body: &[u8]| {
            let gone = || SyncError::Unreachable("nobody there".to_owned());
            if dead.get() {
                return Err(gone());
            }
            let answer = self.lives(self.office.answer(path, body));
            let nth = answers.replace(answers.get() + 1);
            dead.set(answer.is_none() || death == Some(Death::Answer(nth)));
            answer.filter(|_| !dead.get()).ok_or_else(gone)?.map_err(|_| gone())
        };
        let Some(store) = open(&self.disk) else { return (true, false) };
        let (key, cancel) = (DeviceKey::generate(SEED), AtomicBool::new(false));
        let clock = || stamp(NOW + 60);
        let session =
            Session { store: &store, key: &key, post: &post, stamp: &clock, cancel: &cancel };
        let done = session.run(&mut |_| {});
        (dead.get(), done.is_ok_and(|report| report.not_recorded.is_none()))
    }

    /// The stick goes to the office and back.
    fn visit(&self, death: Option<Death>) -> (bool, bool) {
        let mut left = match death {
            Some(Death::Stick(nth)) => nth,
            _ => usize::MAX,
        };
        let mut ended = true;
        for turn in 0..3 {
            let before = self.files();
            let lived = if turn == 1 {
                let whose = [device("hh-1")];
                let work = self.office.media(self.stick.path(), &whose);
                self.lives(work).is_some_and(|report| report.is_ok())
            } else {
                self.carry()
            };
            ended &= lived;
            let changes = self.changes(&before);
            if left < changes.len() {
                self.undo(&before, &changes[left..]);
                return (true, false);
            }
            left = left.saturating_sub(changes.len());
            if !lived {
                return (false, false);
            }
        }
        (false, ended)
    }

    fn carry(&self) -> bool {
        let Some(store) = open(&self.disk) else { return false };
        let (key, cancel) = (DeviceKey::generate(SEED), AtomicBool::new(false));
        let (clock, nobody) =
            (|| stamp(NOW + 60), |_: &str, _: &[u8]| Err(SyncError::Unreachable(String::new())));
        let session =
            Session { store: &store, key: &key, post: &nobody, stamp: &clock, cancel: &cancel };
        let done = carry(&session, self.stick.path(), &mut |_| {});
        done.is_ok_and(|carried| carried.unread.is_empty())
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for folder in [TO_OFFICE, TO_DEVICE] {
            let Ok(entries) = fs::read_dir(self.stick.path().join(FOLDER).join(folder)) else {
                continue;
            };
            for path in entries.map(|entry| entry.unwrap().path()) {
                let bytes = fs::read(&path).unwrap();
                files.insert(path, bytes);
            }
        }
        files
    }

    /// What was written and then removed, in that order.
    fn changes(&self, before: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
        let after = self.files();
        let written = after.iter().filter(|(path, bytes)| before.get(*path) != Some(*bytes));
        let removed = before.keys().filter(|path| !after.contains_key(*path));
        written.map(|(path, _)| path).chain(removed).cloned().collect()
    }

    fn undo(&self, before: &BTreeMap<PathBuf, Vec<u8>>, changes: &[PathBuf]) {
        for path in changes {
            match before.get(path) {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
        }
    }

    /// What both sides hold in the end, after an exchange in which nobody dies.
    fn end(&mut self, what: &str) -> Vec<String> {
        // A stick brings news with its next visit.
        let rounds = if self.way == Way::Stick { 2 } else { 1 };
        for _ in 0..rounds {
            let (died, ended) = self.exchange(None);
            assert!(!died && ended, "{what}: the exchange ends by itself");
        }
        let store = open(&self.disk).unwrap();
        assert!(store.verify().is_ok(), "{what}");
        let states = self.tokens.map(|token| store.token(token).map(|row| row.state));
        let [used, waits, taken_back] = states;
        assert_eq!(used, Some(TokenState::Accepted), "{what}");
        assert_eq!(waits, Some(TokenState::Cached), "{what}");
        assert_eq!(taken_back, Some(TokenState::Withdrawn), "{what}");
        assert!(store.meter(meter("49")).is_some(), "{what}: the list came");
        assert!(store.summary().unsynced <= 2, "{what}: {:?}", store.summary());
        let report = self.desk.report();
        assert_eq!(figure(&report, "meter-held"), AMOUNT, "{what}");
        let entries = store.events(1, 1_000).len() as u64;
        let devices = self.desk.local.wait(self.desk.office().devices()).unwrap();
        let held = devices[0].events;
        assert!(held + 2 >= entries, "{what}: {held} of {entries} entries are at the office");
        self.ledger.dump_of(&self.desk, MONEY)
    }
}

/// Every death, and behind each of them others. Gives how many pairs were lived through.
fn everywhere(way: Way) -> usize {
    let said = std::env::var("METERKIT_DEATHS").unwrap_or_default();
    let mut world = World::new(way);
    let want = world.end("nobody dies");
    let firsts = places(way, |death| {
        world.again();
        world.exchange(Some(death)).0
    });
    let mut pairs = 0;
    for (at, first) in firsts.iter().enumerate() {
        let mut dies = |death: Death| {
            world.again();
            world.exchange(Some(*first));
            let (died, _) = world.exchange(Some(death));
            let what = format!("{way:?}: {first:?}, then {death:?}");
            let says = world.end(&what);
            assert!(says == want, "{what}: {says:#?} instead of {want:#?}");
            pairs += usize::from(died);
            died
        };
        if said == "all" {
            places(way, dies);
            continue;
        }
        // The next exchange has fewer places than this one, or as many: some of them, others each
        // time, so that each of them has its turn.
        let each = said.parse().unwrap_or(USUAL);
        for turn in 0..each {
            dies(firsts[(at * 7 + turn * (firsts.len() / each + 1)) % firsts.len()]);
        }
    }
    println!("{way:?}: {} places to die at, {pairs} pairs", firsts.len());
    assert!(firsts.len() > 30, "{} places", firsts.len());
    pairs
}

/// The places at which `dies` says somebody died, kind by kind, until there are no more.
fn places(way: Way, mut dies: impl FnMut(Death) -> bool) -> Vec<Death> {
    let mut found = Vec::new();
    for kind in 0..3 {
        for nth in 0..MOST {
            let death = way.deaths(nth)[kind];
            if !dies(death) {
                break;
            }
            found.push(death);
        }
    }
    found
}

/// More steps than any exchange has: an end for what would never end.
const MOST: usize = 200;

#[test]
fn on_the_line() {
    assert!(everywhere(Way::Line) > 50);
}

#[test]
fn over_a_stick() {
    assert!(everywhere(Way::Stick) > 50);
}
