//! The lost-handheld sheet, beside a thief who tries everything: what he gets at most is its figure
//! to the fen.

mod thief;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use meterkit::office::{
    Deed, Fence, Fencing, Issued, LostSheet, LostWhy, NewMeter, NewOperator, NewSwap, Offer, Order,
    Verdict,
};
use meterkit::sim::serve::FleetStation;
use meterkit::sim::{Amount, DEFAULT_START, Fleet, Meter, MeterSetup};
use meterkit::sync::enrol::Enrolling;
use meterkit::transport::{Faults, Line as Wires, LineSettings, VirtualLink};
use meterkit::units::{Act, Cap, CreditUnit, DeviceId, Money, PurchaseCount, Role, TokenId};

use super::desk::{COUNT, Desk, Handheld, account, device, meter, operator};
use crate::stories::site::{BASE, OPERATOR};
use crate::swap::bench::{Fuse, Wire};
use thief::{Hands, Old, copied, forge, rob};

const DAY: i64 = 86_400;
/// Of every meter: a refund is still covered when a load has run for weeks.
const BALANCE: i64 = 112_345;

/// An office, a handheld and a street of simulated meters, all opened alike.
struct Street {
    desk: Desk,
    hand: Handheld,
    hands: Hands,
}

impl Street {
    /// Meters by number; those of the second list are new ones out of their boxes.
    fn new(numbers: &[&str], boxed: &[&str]) -> Self {
        let start = DEFAULT_START.parse().unwrap();
        let opened = numbers.iter().map(|no| {
            let setup = MeterSetup::opened(meter(no), account(), BALANCE, COUNT);
            MeterSetup { load_w: 300, hoard_limit: Amount(99_999_900), ..setup }
        });
        let setups = opened.chain(boxed.iter().map(|no| MeterSetup::new(meter(no))));
        let fleet =
            setups.enumerate().map(|(at, setup)| Meter::new(setup, start, at as u64)).collect();
        let station = FleetStation::new(Fleet::new(fleet));
        let fleet = station.fleet();
        let line = VirtualLink::new(station, Wires::new(LineSettings::even(9600), Faults::NONE));
        let wire = Wire(Arc::new(Mutex::new(line)), Fuse::default());
        let desk = Desk::at(BASE);
        for no in numbers {
            let mut new = NewMeter::new(meter(no), account(), "Zhang San", "B2 1203");
            (new.count, new.balance) = (PurchaseCount(COUNT), BALANCE);
            new.line.area = if no.ends_with('9') { "west" } else { "north" }.to_owned();
            desk.local.wait(desk.office().add_meters(&[new])).unwrap();
        }
        let mut new = NewOperator::new(operator(OPERATOR), "Li Na", Role::Supervisor);
        new.areas = vec!["north".to_owned()];
        new.caps.yuan = Cap { soft: 20_000, hard: 50_000 };
        desk.local.wait(desk.office().add_operator(&new)).unwrap();
        let hand = enrolled(&desk, "hh-1");
        Self { desk, hand, hands: Hands { wire, fleet, claim: Money(5_000) } }
    }

    fn order(&self, no: &str, amount: i64, days: i64, deed: Deed) -> Issued {
        let order = Order { meter: meter(no), amount, device: device("hh-1"), days };
        self.desk.local.wait(self.desk.office().issue_for(&order, deed)).unwrap()
    }

    fn sell(&self, no: &str, amount: i64) -> TokenId {
        self.order(no, amount, 5, Deed::RECHARGE).id
    }

    fn sync(&self) {
        for _ in 0..2 {
            self.hand.sync(&self.desk.post()).unwrap();
        }
    }

    /// The world's clock goes on, and so does the line's.
    fn pass(&self, seconds: i64) {
        self.desk.clock.fetch_add(seconds, Ordering::Relaxed);
        self.hands.pass(u64::try_from(seconds).unwrap());
    }

    fn now(&self) -> i64 {
        self.desk.clock.load(Ordering::Relaxed)
    }

    fn sheet(&self, name: &str) -> LostSheet {
        self.desk.local.wait(self.desk.office().lost(&device(name))).unwrap()
    }

    /// What is stolen: the store as it lies there.
    fn stolen(&self) -> (PathBuf, tempfile::TempDir) {
        let (store, folder) = copied(self.hand.dir.path());
        drop(store);
        (folder.path().to_owned(), folder)
    }

    /// What the books know to be in the meters.
    fn known(&self) -> i64 {
        let report = self.desk.report();
        super::figure(&report, "meter-held")
    }
}

/// A handheld that the usual person may work with.
fn enrolled(desk: &Desk, name: &str) -> Handheld {
    let operators = vec![operator(OPERATOR)];
    let offer = Offer { operators, ..Offer::new(&device(name), "http://127.0.0.1:1") };
    let offered = desk.local.wait(desk.office().offer(&offer)).unwrap();
    desk.enrol(&Enrolling::read(&offered.file).unwrap())
}

fn worst(sheet: &LostSheet) -> i64 {
    sheet.worst.iter().find(|sum| sum.unit == CreditUnit::Yuan).map_or(0, |sum| sum.value)
}

fn most(sheet: &LostSheet) -> i64 {
    sheet.utmost.iter().find(|sum| sum.unit == CreditUnit::Yuan).map_or(0, |sum| sum.value)
}

fn why(sheet: &LostSheet, token: TokenId) -> LostWhy {
    sheet.tokens.iter().find(|one| one.token == token).map_or(LostWhy::Nothing, |one| one.why)
}

/// Everything at once: chains, credits heard of and not, limits, areas, ends, revocations known and
/// not, a replacement, a refund. Each piece is worked out by the sheet, and
/// all of it by the thief.
#[test]
fn a_thief_gets_what_the_sheet_says_and_not_a_fen_more() {
    let numbers = ["47", "48", "50", "51", "52", "53", "54", "55", "56", "59"];
    let street = Street::new(&numbers, &[]);
    let ended = street.order("53", 3_100, 1, Deed::RECHARGE).id;
    street.sync();
    street.pass(2 * DAY);
    // Known to be used, and the next of the chain.
    let heard = street.sell("48", 4_000);
    let next = street.sell("48", 700);
    let chain = [street.sell("47", 10_000), street.sell("47", 2_000), street.sell("47", 500)];
    let unheard = street.sell("50", 1_500);
    let large = street.sell("51", 60_000);
    let behind = street.sell("51", 900);
    let far = street.sell("59", 1_100);
    let known = street.sell("52", 1_300);
    let unknown = street.sell("54", 2_600);
    let old = street.sell("55", 3_300);
    let refund = street.order("56", 4_000, 5, Deed::of(Act::Refund)).id;
    street.sync();
    street.hands.recharge(&street.hand.store, street.now(), heard);
    street.desk.local.wait(street.desk.office().revoke_token(known)).unwrap();
    street.sync();
    assert_eq!(street.known(), 4_000);
    // From here on the office hears nothing.
    street.hands.recharge(&street.hand.store, street.now(), unheard);
    street.desk.local.wait(street.desk.office().revoke_token(unknown)).unwrap();
    street.desk.local.wait(street.desk.office().revoke_token(old)).unwrap();
    let again = street.desk.local.wait(street.desk.office().reissue(old, 3)).unwrap().id;
    let (stolen, _folder) = street.stolen();
    let at_theft = street.now();

    let sheet = street.sheet("hh-1");
    for (token, expected) in [
        (chain[0], LostWhy::Live),
        (chain[2], LostWhy::Live),
        (next, LostWhy::Live),
        (unheard, LostWhy::Live),
        (unknown, LostWhy::Live),
        (old, LostWhy::Replaced),
        (again, LostWhy::SameStep),
        (large, LostWhy::OverLimit),
        (behind, LostWhy::Behind),
        (far, LostWhy::NoRight),
        (known, LostWhy::KnownRevoked),
        (ended, LostWhy::Expired),
        (refund, LostWhy::Debit),
        (heard, LostWhy::Nothing),
    ] {
        assert_eq!(why(&sheet, token), expected, "{token} {sheet:#?}");
    }
    assert_eq!(worst(&sheet), 12_500 + 700 + 1_500 + 2_600 + 3_300);
    let utmost = worst(&sheet) + 60_000 + 900 + 1_100 + 1_300 + 3_100;
    assert_eq!(most(&sheet), utmost, "{sheet:#?}");
    assert_eq!(sheet.debits[0].value, 4_000);
    assert!(sheet.floor.0 <= at_theft && sheet.floor.0 > at_theft - DAY);

    // Weeks later; with clocks right, at the theft, and at the earliest the store takes.
    street.pass(20 * DAY);
    let clocks = [at_theft, sheet.floor.0, street.now()];
    rob(&street.hands, &stolen, &clocks, &[]);
    let (credited, taken) = street.hands.truth();
    assert_eq!(credited - street.known(), worst(&sheet), "{sheet:#?}");
    // What is taken out of a meter is no loss; the sheet says how much it is.
    assert_eq!(taken, sheet.debits[0].value);
    // And the sheet says the same weeks later: time alone makes nothing safe.
    let later = street.sheet("hh-1");
    assert_eq!((worst(&later), most(&later)), (worst(&sheet), utmost));
    // A program that keeps no rule gets what the documents say, and not a fen more.
    forge(&street.hands, &stolen);
    let (credited, _) = street.hands.truth();
    assert_eq!(credited - street.known(), utmost);
}

/// A street with a leave for a swap out, and the leave.
fn leave(most: i64, provisional: i64) -> (Street, TokenId) {
    let street = Street::new(&["57"], &["58"]);
    let leave = NewSwap {
        most: Some(most),
        provisional,
        ..NewSwap::new(meter("57"), meter("58"), device("hh-1"))
    };
    let leave = street.desk.local.wait(street.desk.office().issue_swap(&leave)).unwrap().facts.id;
    street.sync();
    (street, leave)
}

const PAIR: [&str; 2] = ["57", "58"];

/// What the sheet says of the only leave: why, and its parts of the two figures.
fn swapped(sheet: &LostSheet) -> (LostWhy, i64, i64) {
    let one = &sheet.swaps[0];
    assert_eq!((one.worst, one.utmost), (worst(sheet), most(sheet)));
    (one.why, one.worst, one.utmost)
}

/// Who makes an old meter himself carries over what was never there, with the handheld as it is: a
/// leave counts with the most it carries, known or taken back. What the real one holds he can take
/// out besides.
#[test]
fn a_leave_for_a_swap_counts_with_all_it_carries() {
    let (street, leave) = leave(12_000, 5_000);
    let (stolen, _folder) = street.stolen();
    let sheet = street.sheet("hh-1");
    assert_eq!(swapped(&sheet), (LostWhy::Live, 12_000, 12_000));
    assert_eq!(sheet.debits[0].value, 12_000);
    street.desk.local.wait(street.desk.office().withdraw_swap(leave)).unwrap();
    assert_eq!(swapped(&street.sheet("hh-1")), (LostWhy::Replaced, 12_000, 12_000));
    rob(&street.hands, &stolen, &[street.now()], &[(PAIR.map(meter), &[90_000, 12_000])]);
    assert_eq!(street.hands.truth(), (12_000, 12_000), "in, and out");
    forge(&street.hands, &stolen);
    assert_eq!(street.hands.truth().0, 12_000, "the new meter takes one");
}

/// Where more is advanced than carried the advance counts: once, and instead.
#[test]
fn of_a_leave_the_advance_counts_where_it_is_more() {
    let (street, _) = leave(3_000, 5_000);
    let (stolen, _folder) = street.stolen();
    let sheet = street.sheet("hh-1");
    assert_eq!(swapped(&sheet), (LostWhy::Live, 5_000, 5_000));
    assert_eq!(sheet.debits[0].value, 3_000);
    rob(&street.hands, &stolen, &[street.now()], &[(PAIR.map(meter), &[])]);
    assert_eq!(street.hands.truth(), (5_000, 3_000));
}

/// What is carried rests on a debit in the same journal, and both count for its limits: half of
/// them is the most, once the office answers no more. Until then an exchange between the two clears
/// them, and it is all of them. A program that keeps none of them gets what the leave says.
#[test]
fn limits_bound_what_a_leave_carries() {
    const HARD: i64 = 50_000;
    let (street, _) = leave(60_000, 5_000);
    let (stolen, _folder) = street.stolen();
    assert_eq!(swapped(&street.sheet("hh-1")), (LostWhy::Live, HARD, 60_000));
    let office = street.desk.office();
    street.desk.local.wait(office.quarantine(&device("hh-1"))).unwrap();
    assert_eq!(swapped(&street.sheet("hh-1")), (LostWhy::Live, HARD / 2, 60_000));
    rob(&street.hands, &stolen, &[street.now()], &[(PAIR.map(meter), &[HARD / 2])]);
    assert_eq!(street.hands.truth().0, HARD / 2);

    // A fen more, and all he gets is the advance.
    let (street, _) = leave(60_000, 5_000);
    let (stolen, _folder) = street.stolen();
    let sums = [60_000, HARD, HARD / 2 + 1];
    rob(&street.hands, &stolen, &[street.now()], &[(PAIR.map(meter), &sums)]);
    assert_eq!(street.hands.truth().0, 5_000);

    let (street, _) = leave(60_000, 5_000);
    let hand = &street.hand;
    let between = &mut || hand.sync(&street.desk.post()).is_ok();
    street.hands.swap(&hand.store, street.now(), (PAIR.map(meter), Old::Own(HARD)), between);
    assert_eq!(street.hands.truth(), (HARD, 0));

    let (street, _) = leave(60_000, 5_000);
    let (stolen, _folder) = street.stolen();
    forge(&street.hands, &stolen);
    assert_eq!(street.hands.truth(), (60_000, 0));
}

/// A leave that was begun: what is known to be taken out is what its own program can still credit.
#[test]
fn of_a_leave_that_was_begun_what_was_taken_out_counts() {
    let (street, _) = leave(12_000, 5_000);
    let stop = &mut || false;
    street.hands.swap(&street.hand.store, street.now(), (PAIR.map(meter), Old::Own(7_000)), stop);
    street.sync();
    let (stolen, _folder) = street.stolen();
    let sheet = street.sheet("hh-1");
    assert_eq!(swapped(&sheet), (LostWhy::Live, 7_000, 12_000));
    assert!(sheet.debits.is_empty());
    let (store, _copy) = copied(&stolen);
    street.hands.go_on(&store, street.now());
    assert_eq!(street.hands.truth(), (7_000, 0));
}

/// Stopped and fenced: what the other handheld brings to a meter first is safe, what the thief got
/// before is on the sheet until somebody settles it, and no meter takes both.
#[test]
fn what_is_fenced_is_safe_once_the_meter_has_taken_it() {
    let street = Street::new(&["47", "48", "50"], &[]);
    let other = enrolled(&street.desk, "hh-2");
    let sold = [
        (street.sell("47", 10_000), "47"),
        (street.sell("47", 2_000), "47"),
        (street.sell("48", 700), "48"),
        (street.sell("50", 900), "50"),
    ];
    street.sync();
    // One of them was sent, and nobody knows what became of it.
    street.hands.begin(&street.hand.store, street.now(), sold[3].0);
    street.sync();
    let (stolen, _folder) = street.stolen();
    let at_theft = street.now();
    assert_eq!(worst(&street.sheet("hh-1")), 13_600);
    let fence = |to: Option<&str>| {
        let how = Fencing { to: to.map(device), days: 3 };
        street.desk.local.wait(street.desk.office().fence(&device("hh-1"), &how))
    };
    assert_eq!(fence(Some("hh-9")).unwrap_err().code(), "no-device");
    assert_eq!(fence(Some("hh-1")).unwrap_err().code(), "usage");
    let stopped = fence(None).unwrap();
    assert_eq!((stopped.reissued.len(), stopped.sheet.status.as_str()), (0, "quarantined"));
    assert_eq!(worst(&stopped.sheet), 13_600);
    assert!(stopped.sheet.meters.iter().all(|row| row.fence == Fence::Open));
    let fenced = fence(Some("hh-2")).unwrap();
    let steps: Vec<_> =
        fenced.reissued.iter().map(|(_, new)| (new.meter, new.count_before)).collect();
    let step = |no: &str, past: u32| (meter(no), PurchaseCount(COUNT + past));
    assert_eq!(steps, [step("47", 0), step("47", 1), step("48", 0)]);
    assert_eq!(fenced.left.len(), 1, "what was sent is for a person: {:?}", fenced.left);
    assert_eq!(worst(&fenced.sheet), 13_600, "until the meters have taken the others");
    let fences = |sheet: &LostSheet| {
        let mut all: Vec<_> =
            sheet.meters.iter().map(|row| (row.meter, row.fence, row.worst)).collect();
        all.sort_by_key(|row| row.0);
        all
    };
    use Fence::{Done, Open, Taken, Waiting};
    let rows = |rows: [(&str, Fence, i64); 3]| {
        rows.map(|(no, fence, sum)| (meter(no), fence, sum)).to_vec()
    };
    assert_eq!(
        fences(&fenced.sheet),
        rows([("47", Waiting, 12_000), ("48", Waiting, 700), ("50", Open, 900)])
    );
    assert_eq!(fence(Some("hh-2")).unwrap().reissued.len(), 0, "once is enough");
    assert!(street.desk.report().sound());
    // The thief is first at 48, hh-2 at 47.
    let (store, _copy) = copied(&stolen);
    street.hands.recharge(&store, at_theft, sold[2].0);
    other.sync(&street.desk.post()).unwrap();
    for (_, new) in &fenced.reissued {
        street.hands.recharge(&other.store, street.now(), new.id);
    }
    other.sync(&street.desk.post()).unwrap();
    let sheet = street.sheet("hh-1");
    assert_eq!(
        fences(&sheet),
        rows([("47", Done, 0), ("48", Taken, 700), ("50", Open, 900)]),
        "{sheet:#?}"
    );
    // What the meters have answered themselves is closed by fencing again; of the other somebody
    // has read the meter.
    let open = || {
        let rows = street.desk.local.wait(street.desk.office().reviews(false)).unwrap();
        rows.iter().filter(|row| row.class == "C3").filter_map(|row| row.token.clone()).count()
    };
    assert_eq!(open(), 3);
    fence(Some("hh-2")).unwrap();
    assert_eq!(open(), 1);
    let office = street.desk.office();
    let new = fenced.reissued[2].1.id;
    street.desk.local.wait(office.revoke_token(new)).unwrap();
    let settle = |token, verdict| street.desk.settle(token, verdict, "read on site").unwrap();
    settle(new, Verdict::NotBooked);
    settle(sold[2].0, Verdict::Booked);
    let sheet = street.sheet("hh-1");
    assert_eq!(worst(&sheet), 900);
    // Whatever the thief tries now, he gets no more than what is still there.
    rob(&street.hands, &stolen, &[at_theft], &[]);
    let (credited, _) = street.hands.truth();
    assert_eq!(credited - street.known(), worst(&sheet));
    assert!(street.desk.report().sound());
}

/// Who reaches the office before the handheld is stopped gets what waits for it there; afterwards
/// nothing.
#[test]
fn a_thief_who_syncs_gets_what_waits_for_the_handheld_until_it_is_stopped() {
    let street = Street::new(&["47", "48"], &[]);
    street.sell("47", 1_000);
    street.sync();
    street.sell("48", 2_500);
    assert_eq!(worst(&street.sheet("hh-1")), 3_500);
    street.sync();
    street.desk.local.wait(street.desk.office().quarantine(&device("hh-1"))).unwrap();
    assert_eq!(street.hand.sync(&street.desk.post()).unwrap_err().code(), "office-refused");
    let sheet = street.sheet("hh-1");
    let (stolen, _folder) = street.stolen();
    rob(&street.hands, &stolen, &[street.now()], &[]);
    assert_eq!(street.hands.truth().0, worst(&sheet));
    assert_eq!(worst(&sheet), 3_500);
}

#[test]
fn a_sheet_of_nobody_and_of_a_handheld_with_nothing() {
    let street = Street::new(&["47"], &[]);
    let ask = |name: &str| {
        let name: DeviceId = device(name);
        street.desk.local.wait(street.desk.office().lost(&name))
    };
    assert_eq!(ask("hh-9").unwrap_err().code(), "no-device");
    let sheet = ask("hh-1").unwrap();
    assert_eq!((sheet.worst.len(), sheet.meters.len(), sheet.tokens.len()), (0, 0, 0));
    assert_eq!(sheet.operators[0].operator, operator(OPERATOR));
}
