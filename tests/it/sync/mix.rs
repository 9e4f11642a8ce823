//! Any order, any number of times, cut and damaged anywhere, over any mix of media: one ledger.
//!
//! A town is built once: an office, handhelds that share meters, and a day on which nearly
//! everything happens that can happen to a token. What the handhelds could ever send of that day is
//! signed once. Then the office is put back to the morning, thousands of times, and the papers are
//! delivered to it in an order nobody would choose; in the end it says the same, row by row.
//!
//! `METERKIT_MIX_CASES` says how many orders of each day, instead of the few of the ordinary suite.

mod day;
mod down;

pub mod ledger;
mod papers;

use std::fs;
use std::sync::atomic::Ordering;

use meterkit::sync::wire::media::{FOLDER, TO_OFFICE};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use tempfile::TempDir;

use crate::office::desk::Desk;
use crate::office::swaps::yard::Old;
use ledger::{Ledger, quick_folder};
use papers::{Journal, Paper};

/// Orders of each day in the ordinary suite: there are four days.
const USUAL: u32 = 250;
/// The same on PostgreSQL, which takes longer over each.
const USUAL_POSTGRES: u32 = 50;

/// How many orders are tried.
fn cases(ledger: &Ledger) -> u32 {
    let said = std::env::var("METERKIT_MIX_CASES").ok().and_then(|said| said.parse().ok());
    said.unwrap_or(if ledger.on_postgres() { USUAL_POSTGRES } else { USUAL })
}

/// What may happen on the way to the office.
#[derive(Debug, Clone)]
enum Step {
    /// A paper arrives over the line, or is left on the stick.
    Deliver(usize),
    /// It arrives cut short, or with a bit turned: at this place of a thousand.
    Damaged(usize, usize, Option<u8>),
    /// The office reads the stick; afterwards it is wiped, or not.
    Visit(bool),
    /// Time goes by.
    Tick(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let paper = || 0..usize::MAX / 2;
    prop_oneof![
        12 => paper().prop_map(Step::Deliver),
        2 => (paper(), 0..1000_usize).prop_map(|(paper, at)| Step::Damaged(paper, at, None)),
        1 => (paper(), 0..1000_usize, 0..8_u8)
            .prop_map(|(paper, at, bit)| Step::Damaged(paper, at, Some(bit))),
        2 => any::<bool>().prop_map(Step::Visit),
        1 => (1..1_000_i64).prop_map(Step::Tick),
    ]
}

/// An office in the morning, and what is delivered to it.
struct Town {
    desk: Desk,
    ledger: Ledger,
    stick: TempDir,
    /// All papers of all handhelds.
    papers: Vec<Paper>,
    /// Each journal from beginning to end.
    whole: Vec<Vec<Paper>>,
    /// What the ledger says in the end.
    want: Vec<String>,
}

impl Town {
    /// For the journals of a day of which the office remembers only the morning.
    fn new(desk: Desk, mut ledger: Ledger, mut journals: Vec<Journal<'_>>) -> Self {
        let whole: Vec<_> = journals.iter_mut().map(Journal::whole).collect();
        let papers = journals.iter_mut().flat_map(|journal| journal.all()).collect();
        ledger.reset(&desk);
        let mut town =
            Self { desk, ledger, stick: quick_folder(), papers, whole, want: Vec::new() };
        town.finish(&[0]);
        town.want = town.ledger.dump(&town.desk);
        town
    }

    fn line(&self, path: &str, body: &[u8]) {
        // A request that is none is an error of its sender; the ledger says whether it was one.
        let _ = self.desk.local.answer(path, body);
    }

    fn leave(&self, name: &str, bytes: &[u8]) {
        let folder = self.stick.path().join(FOLDER).join(TO_OFFICE);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }

    fn visit(&self) {
        self.desk.local.wait(self.desk.office().media(self.stick.path(), &[])).unwrap();
    }

    fn wipe(&self) {
        let _ = fs::remove_dir_all(self.stick.path().join(FOLDER));
    }

    fn deliver(&self, paper: &Paper) {
        match paper {
            Paper::Line(path, body) => self.line(path, body),
            Paper::Letter(name, bytes) => self.leave(name, bytes),
        }
    }

    fn take(&self, step: &Step) {
        let paper = |at: usize| &self.papers[at % self.papers.len()];
        match *step {
            Step::Deliver(at) => self.deliver(paper(at)),
            Step::Damaged(at, place, bit) => {
                let damage = |bytes: &[u8]| {
                    let place = bytes.len() * place / 1000;
                    let mut bytes = bytes.to_vec();
                    match bit {
                        Some(bit) => bytes[place] ^= 1 << bit,
                        None => bytes.truncate(place),
                    }
                    bytes
                };
                match paper(at) {
                    Paper::Line(path, body) => self.line(path, &damage(body)),
                    Paper::Letter(name, bytes) => self.leave(name, &damage(bytes)),
                }
            }
            Step::Visit(wipe) => {
                self.visit();
                if wipe {
                    self.wipe();
                }
            }
            Step::Tick(seconds) => drop(self.desk.clock.fetch_add(seconds, Ordering::Relaxed)),
        }
    }

    /// In the end everything has arrived: the journals one after the other, in this order.
    fn finish(&self, order: &[usize]) {
        let mut left: Vec<_> = self.whole.iter().collect();
        for at in order.iter().chain(std::iter::repeat_n(&0, self.whole.len())) {
            if !left.is_empty() {
                left.remove(at % left.len()).iter().for_each(|paper| self.deliver(paper));
            }
        }
    }

    /// One order of deliveries, from the morning on.
    fn try_out(&mut self, steps: &[Step], order: &[usize]) -> Result<(), TestCaseError> {
        let now = self.desk.clock.load(Ordering::Relaxed);
        self.wipe();
        self.ledger.reset(&self.desk);
        for step in steps {
            self.take(step);
            prop_assert_eq!(self.ledger.sum(&self.desk), "0", "after {:?}", step);
        }
        self.finish(order);
        self.desk.clock.store(now, Ordering::Relaxed);
        let says = self.ledger.dump(&self.desk);
        if says == self.want {
            return Ok(());
        }
        let missing: Vec<_> = self.want.iter().filter(|line| !says.contains(line)).collect();
        let more: Vec<_> = says.iter().filter(|line| !self.want.contains(line)).collect();
        Err(TestCaseError::fail(format!("missing: {missing:#?}\nbesides: {more:#?}")))
    }

    fn every_order(mut self) {
        // The report looks at every rule the ledger has for itself.
        self.desk.report();
        let cases = cases(&self.ledger);
        let config = ProptestConfig { cases, failure_persistence: None, ..Default::default() };
        let strategy =
            (proptest::collection::vec(step(), 0..24), proptest::collection::vec(0..4_usize, 3));
        let town = std::cell::RefCell::new(&mut self);
        let run =
            |(steps, order): (Vec<Step>, Vec<usize>)| town.borrow_mut().try_out(&steps, &order);
        if let Err(why) = TestRunner::new(config).run(&strategy, run) {
            panic!("{why}");
        }
        self.desk.report();
        println!("{cases} orders of {} papers", self.papers.len());
    }
}

#[test]
fn recharges_of_three_handhelds_that_meet_at_their_meters() {
    let (desk, mut ledger) = ledger::desk_at(crate::office::desk::NOW);
    let hands = day::recharges(&desk, &mut ledger);
    let journals = (1..).zip(&hands).map(|(seed, hand)| Journal::of(hand, seed)).collect();
    Town::new(desk, ledger, journals).every_order();
}

#[test]
fn refunds_reversals_openings_and_a_handheld_that_was_enrolled_again() {
    let (desk, mut ledger) = ledger::desk_at(crate::office::desk::NOW);
    let hands = day::acts(&desk, &mut ledger);
    let journals = (11..).zip(&hands).map(|(seed, hand)| Journal::of(hand, seed)).collect();
    Town::new(desk, ledger, journals).every_order();
}

#[test]
fn a_swap() {
    swapped(Old::Alive);
}

#[test]
fn a_swap_of_a_dead_meter() {
    swapped(Old::Dead);
}

fn swapped(old: Old) {
    let (desk, mut ledger) = ledger::desk_at(crate::stories::site::BASE);
    let yard = day::swap(desk, &mut ledger, old);
    let journal = Journal::of(&yard.hand, 21);
    // The yard goes on living with its office: the journal alone borrows the handheld.
    let (desk, journals) = (yard.desk, vec![journal]);
    Town::new(desk, ledger, journals).every_order();
}
