//! A real office, a real handheld and two simulated meters.

use std::sync::atomic::{AtomicBool, Ordering};

use meterkit::office::{Applied, NewSwap, Offer, SwapInfo, SwapIssued};
use meterkit::sim::{Amount, MeterSetup};
use meterkit::store::Stamp;
use meterkit::sync::enrol::Enrolling;
use meterkit::sync::wire::Pack;
use meterkit::sync::{Session, SyncReport};
use meterkit::transport::{Faults, Link};
use meterkit::units::Role;

use crate::office::desk::{COUNT, Desk, Handheld, account, device, operator};
use crate::stories::site::{BASE, OPERATOR};
use crate::swap::bench::{Bench, Person, begun, follow, new, new_setup, old};

pub struct Yard {
    pub bench: Bench,
    pub desk: Desk,
    pub hand: Handheld,
}

/// How the old meter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    Alive,
    Dead,
    InDebt,
    /// Alive, and the new one takes no credit.
    Refused,
}

/// What the old meter holds at the start, fen.
pub const NET: i64 = 12_345;

impl Yard {
    pub fn new(old_is: Old) -> Self {
        Self::at(Desk::at(BASE), old_is)
    }

    /// The same at a desk whose clock shows [`BASE`].
    pub fn at(desk: Desk, old_is: Old) -> Self {
        let net = if old_is == Old::InDebt { -2_500 } else { NET };
        let opened = MeterSetup::opened(old(), account(), net, COUNT);
        let setup = MeterSetup { load_w: 300, overdraft_limit: Amount(100_000), ..opened };
        let hoard_limit = if old_is == Old::Refused { Amount(1_000) } else { Amount(99_999_900) };
        let fresh = MeterSetup { hoard_limit, ..new_setup() };
        let bench = Bench::new(vec![setup, fresh], Faults::NONE);
        desk.hire(OPERATOR, Role::Supervisor);
        let operators = vec![operator(OPERATOR)];
        let offer = Offer { operators, ..Offer::new(&device("hh-1"), "http://127.0.0.1:1") };
        let offered = desk.local.wait(desk.office().offer(&offer)).unwrap();
        let hand = desk.enrol(&Enrolling::read(&offered.file).unwrap());
        Self { bench, desk, hand }
    }

    /// The leave as a person at the desk gives it.
    pub fn allow(&self) -> SwapIssued {
        let leave = NewSwap {
            most: Some(500_000),
            provisional: 5_000,
            arrears: 2_000,
            ..NewSwap::new(old(), new(), device("hh-1"))
        };
        self.desk.local.wait(self.desk.office().issue_swap(&leave)).unwrap()
    }

    /// An exchange, by the line's clock: the handheld knows how much time went by since.
    pub fn sync(&self) -> SyncReport {
        self.tick();
        let boot_ms = u64::try_from(Link::now(&self.bench.wire).as_millis()).unwrap();
        let stamp = || Stamp { boot_ms, operator: OPERATOR.to_owned(), ..self.hand.stamp() };
        let (store, key) = (&self.hand.store, &self.hand.key());
        let (post, cancel) = (&self.desk.post(), &AtomicBool::new(false));
        Session { store, key, post, stamp: &stamp, cancel }.run(&mut |_| {}).unwrap()
    }

    /// The office's clock and the handheld's go with the line's.
    pub fn tick(&self) {
        let at = BASE + i64::try_from(Link::now(&self.bench.wire).as_secs()).unwrap();
        self.desk.clock.store(at, Ordering::Relaxed);
    }

    /// Leave given and delivered; the old meter read once, and dead from then on if it is to be.
    pub fn ready(old_is: Old) -> (Self, SwapIssued) {
        let yard = Self::new(old_is);
        let issued = yard.allow();
        yard.deliver(old_is);
        assert!(yard.hand.store.swap(issued.facts.id).is_some(), "delivered");
        (yard, issued)
    }

    /// What is out goes to the handheld; the old meter is read once, if it is to be dead after.
    pub fn deliver(&self, old_is: Old) {
        self.sync();
        if old_is == Old::Dead {
            self.bench.work(&self.hand.store, |site| {
                use meterkit::jobs::errand::Errand;
                meterkit::jobs::swap::Swap.plan(site, &Bench::values()).unwrap()
            });
            self.bench.fleet.lock().unwrap().meter_mut(old()).unwrap().set_dead(true);
        }
    }

    /// The whole swap at the meters, without the office.
    pub fn swap(&self) -> meterkit::jobs::errand::Sheet {
        let work = begun(&self.hand.store);
        let sheet = follow(&self.bench, &self.hand.store, work, &mut Person::default()).unwrap();
        self.tick();
        sheet
    }

    pub fn info(&self, issued: &SwapIssued) -> SwapInfo {
        self.desk.local.wait(self.desk.office().swap(issued.facts.id)).unwrap()
    }

    /// What was taken out of the old meter, and what was credited to the new one, really.
    pub fn truth(&self) -> (i64, i64) {
        let fleet = self.bench.fleet.lock().unwrap();
        let (from, to) = (fleet.meter(old()).unwrap(), fleet.meter(new()).unwrap());
        let out = from.refunds().iter().map(|one| one.amount).sum();
        (out, to.bookings().iter().map(|one| one.amount).sum())
    }

    /// Entries `first..=last` of the handheld's journal.
    pub fn pack(&self, first: u64, last: u64) -> Pack {
        let mut records = self.hand.store.raw_events(first, usize::MAX);
        records.retain(|record| record.seq <= last);
        let bodies: Vec<&[u8]> = records.iter().map(|record| record.body.as_slice()).collect();
        let (before, hash) = (records[0].prev_hash, records.last().unwrap().hash);
        Pack::of(1, first, before, hash, &bodies).unwrap()
    }

    pub fn apply(&self, first: u64, last: u64) -> Applied {
        let pack = self.pack(first, last);
        let name = device("hh-1");
        let work = self.desk.office().apply_pack(&name, &pack, b"signed");
        self.desk.local.wait(work).unwrap()
    }

    /// How far the journal goes, and how far the office has it.
    pub fn heads(&self) -> (u64, u64) {
        let devices = self.desk.local.wait(self.desk.office().devices()).unwrap();
        (self.hand.store.summary().head.seq, devices[0].events)
    }

    /// Everything the books say, in figures that do not depend on names drawn at random.
    pub fn books(&self, issued: &SwapIssued) -> Books {
        let report = self.desk.report();
        let info = self.info(issued);
        let legs = info.legs.iter().map(|leg| (leg.leg.name(), leg.state.name(), leg.amount));
        let places = report.balances.iter().map(|one| (one.place.clone(), one.amount));
        let places = places.filter(|(_, amount)| *amount != 0).collect();
        let meter = |no| {
            let line = self.desk.local.wait(self.desk.office().meter(no));
            line.map(|line| (line.customer, line.account.to_string())).ok()
        };
        Books {
            places,
            postings: report.postings,
            classes: self.desk.open_classes(),
            state: info.state.name(),
            bound: info.bound,
            legs: legs.collect(),
            left: [info.in_transit, info.variance, info.arrears],
            lines: [meter(old()), meter(new())],
        }
    }
}

/// What is compared between two ways of delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    pub places: Vec<(String, i64)>,
    pub postings: u64,
    pub classes: Vec<String>,
    pub state: &'static str,
    pub bound: bool,
    pub legs: Vec<(&'static str, &'static str, i64)>,
    /// In transit, variance, debt.
    pub left: [i64; 3],
    pub lines: [Option<(String, String)>; 2],
}
