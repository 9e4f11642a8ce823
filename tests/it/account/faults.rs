//! Thousands of openings, refunds, reversals and recharges on bad lines to bad meters, in virtual
//! time, with the simulated meters' own ledger as the judge.
//!
//! What must hold: of one intent for a debit one frame leaves; nothing is credited or debited twice
//! but where the line itself doubled the frame, and then it is openly unknown; everything the meter
//! took is accepted or openly unknown in the journal; everything accepted was taken exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meterkit::jobs::recharge::QUIET_S;
use meterkit::jobs::views::Stage;
use meterkit::protocol::dlt645::frame::Decoder;
use meterkit::sim::{DEFAULT_START, Fault, FaultRates, Fleet, Meter, MeterSetup};
use meterkit::store::{Event, TokenState};
use meterkit::transport::{Faults, Line, LineSettings, Link, Random};
use meterkit::units::{AccountNo, Decision, MeterNo, Outcome, TokenId};
use meterkit_tokens::Kind;

use super::ACCESS;
use crate::stories::site::{BASE, Order, Site};

const ACTS: u64 = 2_400;
const SEEDS: u64 = 6;
const METERS: u64 = 40;
/// Meters whose account is open from the beginning.
const OPEN: u64 = 10;
const ASKS: u32 = 3;

#[derive(Default)]
struct Tally {
    ends: BTreeMap<String, u64>,
    faults: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
    doubled_by_line: u64,
}

fn number(base: u64, at: u64) -> String {
    format!("{:012}", base + at)
}

fn meter_no(at: u64) -> MeterNo {
    number(202_600_000_000, at).parse().unwrap()
}

fn account_no(at: u64) -> AccountNo {
    number(330_100_000_000, at).parse().unwrap()
}

fn fleet(seed: u64) -> Fleet {
    let meters = (0..METERS).map(|at| {
        let faults = FaultRates {
            no_reply: 4,
            slow: 4,
            slow_ms: 2_500,
            garbled: 4,
            reboot_ms: 3_000,
            ..FaultRates::default()
        };
        let setup = match at < OPEN {
            true => MeterSetup::opened(meter_no(at), account_no(at), 20_000, (at % 3) as u32),
            false => MeterSetup::new(meter_no(at)),
        };
        let setup = MeterSetup { load_w: 200 + 100 * (at % 10) as u32, faults, ..setup };
        Meter::new(setup, DEFAULT_START.parse().unwrap(), seed << 8 | at)
    });
    Fleet::new(meters.collect())
}

fn money_fault(random: &mut Random) -> Option<(&'static str, Fault)> {
    let longest = if random.below(4) == 0 { 600_000 } else { 9_000 };
    let down = Duration::from_millis(1_000 + random.below(longest));
    let table = [
        (60, "lost-ack", Fault::LostAck),
        (60, "no-reply", Fault::NoReply),
        (40, "reboot-before", Fault::RebootBefore(down)),
        (40, "reboot-after", Fault::RebootAfter(down)),
        (20, "torn-write", Fault::TornWrite(down)),
        (10, "counter-reset", Fault::CounterReset { account: None }),
    ];
    let mut draw = random.below(1_000);
    for (chance, name, fault) in table {
        match draw.checked_sub(chance) {
            Some(rest) => draw = rest,
            None => return Some((name, fault)),
        }
    }
    None
}

/// One site in the middle of its work.
struct Run {
    site: Site,
    random: Random,
    tally: Tally,
    issued: Vec<(TokenId, Order)>,
    /// Accepted recharges by meter that were not undone yet.
    undoable: BTreeMap<MeterNo, (TokenId, i64)>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let all = Faults::every_family(seed);
        let faults = Faults {
            lost: all.lost / 2,
            late: all.late / 2,
            duplicated: all.duplicated / 2,
            truncated: all.truncated / 4,
            corrupted: all.corrupted / 8,
            dropped: all.dropped / 8,
            noise: all.noise / 8,
            ..all
        };
        let site = Site::new(fleet(seed), Line::new(LineSettings::even(9600), faults));
        let (tally, issued, undoable) = (Tally::default(), Vec::new(), BTreeMap::new());
        Self { site, random: Random::new(seed), tally, issued, undoable }
    }

    /// What is done at this meter next. Amounts name the token in the ledger: even for credits, odd
    /// for refunds; a reversal's is its recharge's.
    fn draw(&mut self, serial: u64) -> Order {
        let at = self.random.below(METERS);
        let no = meter_no(at);
        let (open, count, balance) = {
            let fleet = self.site.fleet.lock().unwrap();
            let meter = fleet.meter(no).unwrap();
            (meter.account(), meter.count(), meter.balance().value)
        };
        let serial = serial as i64;
        let (kind, amount, undoes) = match (open, self.random.below(4)) {
            (None, 0 | 1) => (Kind::Open, 0, None),
            (None, _) => (Kind::Open, 10_000 + 2 * serial, None),
            (Some(_), 0) => (Kind::Recharge, 10_000 + 2 * serial, None),
            (Some(_), 1) => match self.undoable.remove(&no) {
                Some((undone, amount)) => (Kind::Refund, amount, Some(undone)),
                None => (Kind::Recharge, 10_000 + 2 * serial, None),
            },
            // Every second one so large that the meter itself refuses a copy.
            (Some(_), 2) => (Kind::Refund, (balance * 2 / 3) | 1, None),
            (Some(_), _) => (Kind::Refund, (5_001 + 2 * serial).min(balance | 1), None),
        };
        let now = self.site.now().0 - BASE;
        Order {
            kind,
            undoes,
            not_before: now - 60,
            expires: now + 86_400,
            ..Order::new(no, account_no(at), count, amount.max(i64::from(kind != Kind::Open)))
        }
    }

    fn act(&mut self, serial: u64) {
        let order = self.draw(serial);
        let id = self.site.issue(&order);
        self.issued.push((id, order.clone()));
        let end = self.one(id, &order);
        if order.kind == Kind::Recharge && end == "Confirmed" {
            self.undoable.insert(order.meter, (id, order.amount));
        }
        *self.tally.ends.entry(format!("{:?} {end}", order.kind)).or_default() += 1;
        self.site.pass(Duration::from_millis(self.random.below(60_000)));
    }

    fn one(&mut self, id: TokenId, order: &Order) -> String {
        let (fault, cancel) = (money_fault(&mut self.random), self.random.below(1_000) < 20);
        self.site.trace = Some(Vec::new());
        let mut struck = Vec::new();
        let ended = self.site.carry_out(id, Some(&ACCESS), |site| {
            if let Some((name, fault)) = fault {
                site.fleet.lock().unwrap().meter_mut(order.meter).unwrap().arm(fault);
                struck.push(name);
            }
            if cancel {
                site.cancel_at = Some(Stage::Sending);
                struck.push("cancelled");
            }
        });
        self.site.cancel_at = None;
        let debits = debits(&self.site.trace.take().unwrap());
        if debits > 1 {
            self.tally.wrong.push(format!("{id}: {debits} frames"));
        }
        for name in struck {
            *self.tally.faults.entry(name).or_default() += 1;
        }
        match ended {
            Ok(finished) => self.settle(id, order, finished.decision),
            Err(failure) => failure.code.as_str().to_owned(),
        }
    }

    /// "What happened?" until it is known, or only the office can know.
    fn settle(&mut self, id: TokenId, order: &Order, first: Decision) -> String {
        let mut decision = first;
        for ask in 0..=ASKS {
            if decision != Decision::Unreachable {
                break;
            }
            if self.random.below(3) == 0 {
                self.site.restart();
            }
            let wait = match ask {
                0 => self.random.below(60_000),
                _ => self.random.below(120_000) + QUIET_S as u64 * 1_000,
            };
            self.site.pass(Duration::from_millis(wait));
            decision = self.site.resolve(order.meter).unwrap().decision;
        }
        if decision.outcome() == Outcome::Unknown {
            // The office settles it, from a visit to the meter: here, from ghost truth.
            let booked = self.taken(order) > 0;
            let event = Event::Resolved { token: id, meter: order.meter, by: 1, booked };
            self.site.store.append(&self.site.stamp(), event).unwrap();
        }
        format!("{decision:?}")
    }

    /// How often the meter really took it.
    fn taken(&self, order: &Order) -> usize {
        let fleet = self.site.fleet.lock().unwrap();
        let meter = fleet.meter(order.meter).unwrap();
        let list = match (order.kind, order.amount) {
            (Kind::Open, 0) => return usize::from(meter.account() == Some(order.account)),
            (Kind::Refund, _) => meter.refunds(),
            _ => meter.bookings(),
        };
        list.iter().filter(|booking| booking.amount == order.amount).count()
    }

    fn audit(mut self) -> Tally {
        self.site.fleet.lock().unwrap().advance(self.site.link.now());
        self.site.fleet.lock().unwrap().audit().unwrap();
        let unknown = unknown(&self.site);
        for (id, order) in std::mem::take(&mut self.issued) {
            // Two refunds of one amount at one meter cannot be told apart in the ledger.
            let alike = |(_, of): &&(TokenId, Order)| {
                of.meter == order.meter && of.kind == order.kind && of.amount == order.amount
            };
            if order.kind != Kind::Open && self.issued.iter().filter(alike).count() > 1 {
                continue;
            }
            let (taken, open) = (self.taken(&order), unknown.contains(&id));
            let state = self.site.store.token(id).unwrap().state;
            let what = format!("{id} {:?} {}: {state:?}, {taken}", order.kind, order.amount);
            match (taken, state) {
                (0, TokenState::Accepted) if !open => self.tally.wrong.push(what),
                (0 | 1, TokenState::Accepted) | (0, _) => {}
                // An opening that was there before it was sent is nothing that was taken.
                (1, _) if open || order.kind == Kind::Open && order.amount == 0 => {}
                (1, _) => self.tally.wrong.push(what),
                // The line delivered the frame twice.
                (_, _) if order.kind == Kind::Refund && open => self.tally.doubled_by_line += 1,
                _ => self.tally.wrong.push(what),
            }
        }
        for (name, count) in self.site.link.hits().named() {
            *self.tally.faults.entry(name).or_default() += count;
        }
        self.site.store.verify().unwrap();
        self.tally
    }
}

fn debits(trace: &[(bool, Vec<u8>)]) -> usize {
    let mut decoder = Decoder::new();
    trace.iter().filter(|(received, _)| !received).for_each(|(_, bytes)| decoder.push(bytes));
    std::iter::from_fn(|| decoder.next())
        .filter(|frame| frame.control == 0x14 && frame.di() == Some(0x0400_1006))
        .count()
}

/// Tokens with an outcome in the journal that was openly unknown.
fn unknown(site: &Site) -> BTreeSet<TokenId> {
    let (mut tokens, mut from) = (BTreeSet::new(), 1);
    loop {
        let page = site.store.events(from, 1_000);
        let Some(last) = page.last() else { return tokens };
        from = last.seq + 1;
        tokens.extend(page.into_iter().filter_map(|entry| match entry.event {
            Event::Outcome { token, judgement, .. } => {
                (judgement.decision.outcome() == Outcome::Unknown).then_some(token)
            }
            _ => None,
        }));
    }
}

fn run(seed: u64) -> Tally {
    let mut run = Run::new(seed);
    (0..ACTS / SEEDS).for_each(|serial| run.act(serial));
    run.audit()
}

#[test]
fn no_act_is_doubled_lost_or_falsely_claimed() {
    let mut all = Tally::default();
    for pair in (0..SEEDS).collect::<Vec<_>>().chunks(2) {
        let tallies: Vec<Tally> = std::thread::scope(|scope| {
            let runs: Vec<_> = pair.iter().map(|seed| scope.spawn(move || run(*seed))).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        for tally in tallies {
            tally.ends.into_iter().for_each(|(end, n)| *all.ends.entry(end).or_default() += n);
            tally.faults.into_iter().for_each(|(of, n)| *all.faults.entry(of).or_default() += n);
            all.wrong.extend(tally.wrong);
            all.doubled_by_line += tally.doubled_by_line;
        }
    }
    println!("ends: {:?}", all.ends);
    println!("faults: {:?}; doubled by the line: {}", all.faults, all.doubled_by_line);
    assert!(all.wrong.is_empty(), "{:#?}", all.wrong);
    assert_eq!(all.ends.values().sum::<u64>(), ACTS);
    for end in ["Open Confirmed", "Refund Confirmed", "Refund NotApplied", "Recharge Confirmed"] {
        assert!(all.ends.contains_key(end), "no act ended {end}");
    }
    for family in ["lost", "late", "duplicated", "lost-ack", "no-reply", "reboot-after"] {
        assert!(all.faults.get(family).is_some_and(|n| *n > 0), "{family} never struck");
    }
}
