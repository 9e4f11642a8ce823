//! Twenty thousand recharges on bad lines to bad meters, in virtual time.
//!
//! Every fault family of the line and of the meter is on. What must hold is checked against ghost
//! truth, the ledger inside the simulated meters: no token is credited twice, every booked credit
//! is accepted or openly unknown in the journal, every accepted credit is booked exactly once. How
//! often each fault really struck is checked too: a test of faults that had none proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meterkit::jobs::proven::Accepted;
use meterkit::jobs::views::Stage;
use meterkit::profile::Profile;
use meterkit::sim::{Amount, Fault, FaultRates, Fleet, Layout, Meter, MeterSetup};
use meterkit::store::{Event, TokenState};
use meterkit::transport::{Faults, Line, LineSettings, Random};
use meterkit::units::{Decision, MeterNo, Outcome, TokenId};

use crate::stories::site::{Order, Site};

/// Recharges in all.
const RECHARGES: u64 = 20_000;
/// Independent sites, each with its own seed, store and bus.
const SEEDS: u64 = 8;
/// Meters on a bus.
const METERS: u64 = 10;
/// How often "what happened?" is asked again before a recharge counts as not resolved.
const ASKS: u32 = 4;

/// Whose meters hang on a site's bus, in turn: the recharge frame and the refusals differ by maker.
const MAKERS: [(&str, Layout); 4] = [
    ("dlt645-2007-c", Layout::Sgcc),
    ("ko", Layout::Ko),
    ("ko-2018", Layout::Ko2018),
    ("tw-gateway", Layout::Tw),
];

fn maker(seed: u64) -> (&'static str, Layout) {
    MAKERS[seed as usize % MAKERS.len()]
}

/// What happened at one site.
#[derive(Default)]
struct Tally {
    /// By the decision that stood in the end, or the code of a refusal.
    ends: BTreeMap<String, u64>,
    /// Recharges first told as unknown because the meter could not be read, and of these those that
    /// a later read-back settled.
    unknown: u64,
    resolved: u64,
    /// How often each fault struck or was armed.
    faults: BTreeMap<&'static str, u64>,
    double: Vec<String>,
    lost: Vec<String>,
    false_claims: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        for (name, count) in other.ends {
            *self.ends.entry(name).or_default() += count;
        }
        for (name, count) in other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.unknown += other.unknown;
        self.resolved += other.resolved;
        self.double.extend(other.double);
        self.lost.extend(other.lost);
        self.false_claims.extend(other.false_claims);
    }
}

fn number(base: u64, at: u64) -> String {
    format!("{:012}", base + at)
}

fn fleet(seed: u64) -> Fleet {
    let meters = (0..METERS).map(|at| {
        let no = number(202_600_000_000, at).parse().unwrap();
        let account = number(330_100_000_000, at).parse().unwrap();
        let balance = if at % 4 == 0 { -(at as i64) * 37 } else { 2_000 + at as i64 };
        let setup = MeterSetup {
            layout: maker(seed).1,
            overdraft_limit: Amount(100_000),
            load_w: 400 + 150 * at as u32,
            faults: FaultRates {
                no_reply: 4,
                slow: 4,
                slow_ms: 2_500,
                garbled: 4,
                reboot_ms: 3_000,
                ..FaultRates::default()
            },
            ..MeterSetup::opened(no, account, balance, (at % 3) as u32)
        };
        Meter::new(setup, meterkit::sim::DEFAULT_START.parse().unwrap(), seed << 8 | at)
    });
    Fleet::new(meters.collect())
}

/// Faults of the meter that meet a money frame, each with its chance in a thousand.
fn money_fault(random: &mut Random) -> Option<(&'static str, Fault)> {
    // Mostly a restart; now and then an outage that outlasts every read-back.
    let longest = if random.below(4) == 0 { 600_000 } else { 9_000 };
    let down = Duration::from_millis(1_000 + random.below(longest));
    let table = [
        (60, "lost-ack", Fault::LostAck),
        (40, "reboot-before", Fault::RebootBefore(down)),
        (40, "reboot-after", Fault::RebootAfter(down)),
        (25, "torn-write", Fault::TornWrite(down)),
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

fn run(seed: u64, recharges: u64) -> Tally {
    let mut tally = Tally::default();
    let mut random = Random::new(seed);
    let line = Line::new(LineSettings::even(9600), Faults { seed, ..lively() });
    let mut site = Site::new(fleet(seed), line);
    site.profile = Profile::built_in(maker(seed).0).unwrap();
    // Makers' layouts are not proven; their meters here take them, and it is meant.
    site.accepted = Accepted::new(&MAKERS.map(|(id, _)| id.to_owned()), &[]);
    let mut issued: Vec<(TokenId, Order)> = Vec::new();
    for serial in 0..recharges {
        let no: MeterNo = number(202_600_000_000, random.below(METERS)).parse().unwrap();
        let (count, account) = {
            let fleet = site.fleet.lock().unwrap();
            let meter = fleet.meter(no).unwrap();
            (meter.count(), meter.account().unwrap())
        };
        // The amount names the token in the ghost ledger.
        let now = site.now().0 - crate::stories::site::BASE;
        let order = Order {
            not_before: now - 60,
            expires: now + 86_400,
            ..Order::new(no, account, count, 1_000 + serial as i64)
        };
        let id = site.issue(&order);
        issued.push((id, order));
        let end = recharge(&mut site, &mut random, id, no, &mut tally);
        *tally.ends.entry(end).or_default() += 1;
        site.pass(Duration::from_millis(random.below(60_000)));
    }
    sweep(&mut site);
    audit(&site, &issued, &mut tally);
    for (name, count) in site.link.hits().named() {
        *tally.faults.entry(name).or_default() += count;
    }
    tally
}

/// Every family, each a little less likely than on the worst line: a recharge has some thirty
/// exchanges.
fn lively() -> Faults {
    let all = Faults::every_family(0);
    Faults {
        lost: all.lost / 2,
        late: all.late / 2,
        duplicated: all.duplicated / 2,
        truncated: all.truncated / 4,
        corrupted: all.corrupted / 8,
        dropped: all.dropped / 8,
        noise: all.noise / 8,
        ..all
    }
}

/// One recharge with all that comes after it; how it ended.
fn recharge(
    site: &mut Site,
    random: &mut Random,
    id: TokenId,
    no: MeterNo,
    tally: &mut Tally,
) -> String {
    let fault = money_fault(random);
    let cancel = random.below(1_000) < 20;
    let mut struck = Vec::new();
    let ended = site.recharge(id, |site| {
        if let Some((name, fault)) = fault {
            site.fleet.lock().unwrap().meter_mut(no).unwrap().arm(fault);
            struck.push(name);
        }
        if cancel {
            site.cancel_at = Some(Stage::Sending);
            struck.push("cancelled");
        }
    });
    site.cancel_at = None;
    for name in struck {
        *tally.faults.entry(name).or_default() += 1;
    }
    let mut decision = match ended {
        Ok(finished) => finished.decision,
        Err(failure) => return failure.code.as_str().to_owned(),
    };
    if decision == Decision::Unreachable {
        tally.unknown += 1;
        for _ in 0..ASKS {
            site.pass(Duration::from_millis(random.below(120_000)));
            decision = site.resolve(no).unwrap().decision;
            if decision != Decision::Unreachable {
                tally.resolved += 1;
                break;
            }
        }
    }
    if decision.outcome() == Outcome::Unknown {
        settle(site, id, no);
    }
    format!("{decision:?}")
}

/// The office settles what the handheld cannot, from a visit to the meter: here, from ghost truth.
fn settle(site: &mut Site, id: TokenId, no: MeterNo) {
    let amount = site.store.token(id).unwrap().facts.credit.value;
    let booked = {
        let fleet = site.fleet.lock().unwrap();
        fleet.meter(no).unwrap().bookings().iter().any(|b| b.amount == amount)
    };
    let event = Event::Resolved { token: id, meter: no, by: 1, booked };
    site.store.append(&site.stamp(), event).unwrap();
}

/// At the end somebody looks at every meter whose last recharge was read back as not applied.
fn sweep(site: &mut Site) {
    site.pass(Duration::from_secs(60));
    for at in 0..METERS {
        let no = number(202_600_000_000, at).parse().unwrap();
        // "Nothing to find out" is the usual answer; a silent meter is asked again.
        for _ in 0..ASKS {
            match site.resolve(no) {
                Err(failure) if failure.code.as_str().starts_with("MK-LINK") => {}
                _ => break,
            }
        }
    }
}

/// Tokens with an outcome in the journal that was openly unknown, whatever the office made of it
/// later.
fn unknown(site: &Site) -> BTreeSet<TokenId> {
    let mut tokens = BTreeSet::new();
    let mut from = 1;
    loop {
        let page = site.store.events(from, 1_000);
        let Some(last) = page.last() else { return tokens };
        from = last.seq + 1;
        tokens.extend(page.into_iter().filter_map(|entry| match entry.event {
            Event::Outcome { token, judgement, .. }
                if judgement.decision.outcome() == Outcome::Unknown =>
            {
                Some(token)
            }
            _ => None,
        }));
    }
}

/// Holds the journal against ghost truth.
fn audit(site: &Site, issued: &[(TokenId, Order)], tally: &mut Tally) {
    let mut fleet = site.fleet.lock().unwrap();
    fleet.advance(meterkit::transport::Link::now(&site.link));
    fleet.audit().unwrap();
    let mut credits: BTreeMap<(MeterNo, i64), u64> = BTreeMap::new();
    for meter in fleet.meters() {
        for booking in meter.bookings() {
            *credits.entry((meter.number(), booking.amount)).or_default() += 1;
        }
        let (torn, resets) = (meter.torn_writes().len(), meter.counter_resets().len());
        *tally.faults.entry("really torn").or_default() += torn as u64;
        *tally.faults.entry("really reset").or_default() += resets as u64;
    }
    let once_unknown = unknown(site);
    for (id, order) in issued {
        let booked = credits.remove(&(order.meter, order.amount)).unwrap_or(0);
        let row = site.store.token(*id).unwrap();
        let what = || format!("{id} on {}: {:?}, booked {booked} times", order.meter, row.state);
        let open = once_unknown.contains(id);
        if booked > 1 {
            tally.double.push(what());
        }
        match row.state {
            TokenState::Accepted if booked != 1 => tally.false_claims.push(what()),
            TokenState::Accepted => {}
            _ if booked == 1 && !open => tally.lost.push(what()),
            _ => {}
        }
    }
    assert!(credits.is_empty(), "credits nobody issued: {credits:?}");
    site.store.verify().unwrap();
}

#[test]
fn no_credit_is_doubled_or_lost() {
    let mut all = Tally::default();
    let started = std::time::Instant::now();
    // Two at a time: the machine this must run on has two cores.
    for pair in (0..SEEDS).collect::<Vec<_>>().chunks(2) {
        let tallies: Vec<Tally> = std::thread::scope(|scope| {
            let runs: Vec<_> = pair
                .iter()
                .map(|seed| scope.spawn(move || run(*seed, RECHARGES / SEEDS)))
                .collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        tallies.into_iter().for_each(|tally| all.add(tally));
    }
    println!("{RECHARGES} recharges, {SEEDS} seeds, {:?}", started.elapsed());
    println!("ends: {:?}", all.ends);
    println!("faults: {:?}", all.faults);
    println!("unknown at first: {}, resolved by reading back: {}", all.unknown, all.resolved);

    assert!(all.double.is_empty(), "credited twice: {:?}", all.double);
    assert!(all.lost.is_empty(), "silently lost: {:?}", all.lost);
    assert!(all.false_claims.is_empty(), "accepted, not booked: {:?}", all.false_claims);

    let sum: u64 = all.ends.values().sum();
    assert_eq!(sum, RECHARGES);
    for end in ["Confirmed", "NotApplied", "TornWrite", "Reset", "Unreachable"] {
        assert!(all.ends.get(end).is_some_and(|n| *n > 0), "no recharge ended {end}");
    }
    let families = [
        "lost",
        "late",
        "duplicated",
        "truncated",
        "corrupted",
        "dropped",
        "noise",
        "echoed",
        "lost-ack",
        "reboot-before",
        "reboot-after",
        "cancelled",
        "really torn",
        "really reset",
    ];
    for family in families {
        assert!(all.faults.get(family).is_some_and(|n| *n > 0), "{family} never struck");
    }
    assert!(all.unknown > 0 && all.resolved * 2 > all.unknown, "too little is ever resolved");
}

#[test]
fn a_quick_read_costs_the_wire_and_little_more() {
    for baud in [1200, 2400, 9600] {
        let cost = crate::stories::site::quick_read_cost(baud);
        println!("{cost:?}: {}.{:02} % over", cost.over() / 100, cost.over() % 100);
        // Both are sums of rounded times.
        let rounding = Duration::from_micros(1);
        assert!(cost.took + rounding >= cost.floor, "{cost:?}: faster than the wire");
        assert!(cost.over() <= 500, "{cost:?}");
    }
}
