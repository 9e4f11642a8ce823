//! Swaps that contradict the list, one another or themselves, in journals written by hand: what is
//! proved first is followed, the rest is parked for a person, and no sum is ever off.

use meterkit::office::{
    Applied, NewMeter, NewSwap, SwapInfo, SwapMove, SwapState, SwapTo, Verdict,
};
use meterkit::store::{Event, Step};
use meterkit::sync::wire::{SwapFacts, SwapFixed};
use meterkit::text::conflict;
use meterkit::units::{
    Decision, ErrandKind, Judgement, MeterNo, StepState, SwapLeg, TokenId, UnixSeconds, WorkId,
    swap_step,
};
use std::sync::atomic::Ordering;

use crate::office::desk::{
    COUNT, Desk, METER, NOW, device, evidence, figure, judgement, meter, stamp,
};
use crate::sync::packs::Paper;

const NEW: &str = "000000000048";
const OTHER: &str = "000000000049";
const HELD: i64 = 8_000;

/// A handheld that is nothing but its journal.
struct Book {
    name: &'static str,
    paper: Paper,
    sent: usize,
}

impl Book {
    fn new(desk: &Desk, name: &'static str, seed: u8) -> Self {
        let enrolling = desk.offer(name, "http://127.0.0.1:1");
        enrolling.introduce([seed; 32], &stamp(NOW), &desk.post()).unwrap();
        Self { name, paper: Paper::default(), sent: 0 }
    }

    fn write(&mut self, events: &[Event]) {
        events.iter().for_each(|event| self.paper.write(event));
    }

    /// Sends everything up to an entry, one at a time; the books are sound after each.
    fn send_to(&mut self, desk: &Desk, last: usize) {
        for at in self.sent + 1..=last {
            let pack = self.paper.pack(at, at);
            let name = device(self.name);
            let work = desk.office().apply_pack(&name, &pack, b"signed");
            assert!(matches!(desk.local.wait(work).unwrap(), Applied::Receipt(_)));
            desk.report();
        }
        self.sent = self.sent.max(last);
        // Whatever a person is called for in a swap has words in both languages.
        let rows = desk.local.wait(desk.office().reviews(true)).unwrap();
        for row in rows.iter().filter(|row| row.why.contains("swap") && row.settled.is_none()) {
            assert!(conflict::why(&row.why).is_some(), "{row:?}");
        }
    }

    fn send(&mut self, desk: &Desk) {
        self.send_to(desk, self.paper.len());
    }
}

fn leave(name: &str, old: &str, new: &str) -> NewSwap {
    NewSwap {
        most: Some(10_000),
        provisional: 3_000,
        ..NewSwap::new(meter(old), meter(new), device(name))
    }
}

fn issue(desk: &Desk, new: &NewSwap) -> SwapFacts {
    desk.local.wait(desk.office().issue_swap(new)).unwrap().facts
}

fn info(desk: &Desk, swap: &SwapFacts) -> SwapInfo {
    desk.local.wait(desk.office().swap(swap.id)).unwrap()
}

/// State and amount of a leg.
fn leg(desk: &Desk, swap: &SwapFacts, which: SwapLeg) -> (&'static str, i64) {
    let info = info(desk, swap);
    let leg = info.legs.iter().find(|leg| leg.leg == which).unwrap();
    (leg.state.name(), leg.amount)
}

fn step(swap: &SwapFacts, name: &str, state: StepState) -> Event {
    let mut notes = vec![(swap_step::LEAVE.to_owned(), swap.id.to_string())];
    if name == swap_step::ARREARS {
        notes = vec![(swap_step::AMOUNT.to_owned(), "500".to_owned())];
    }
    Event::Step(Step {
        errand: WorkId(swap.id.0),
        kind: ErrandKind::Swap,
        meter: (name != Step::WHOLE).then_some(swap.meter),
        name: name.to_owned(),
        state,
        notes,
    })
}

fn taken(swap: &SwapFacts) -> Event {
    Event::SwapTaken { swap: *swap, bytes: vec![1] }
}

fn reads(no: MeterNo, count: u32, balance: i64) -> Event {
    let evidence = Some(evidence(no, count, balance, None));
    Event::Refused { token: None, meter: no, code: "MK-TEST".to_owned(), evidence }
}

fn fixed(swap: &SwapFacts, leg: SwapLeg, amount: i64) -> SwapFixed {
    let (no, count) = match leg {
        SwapLeg::Out => (swap.old, COUNT),
        _ => (swap.meter, swap.count.0),
    };
    let seen = (leg == SwapLeg::Out).then(|| evidence(no, count, HELD, None));
    swap.fix(leg, 1, (amount, meterkit::units::PurchaseCount(count)), seen)
}

/// A leg: fixed, begun, and seen to be done.
fn done(swap: &SwapFacts, which: SwapLeg, amount: i64) -> [Event; 3] {
    let fixed = fixed(swap, which, amount);
    let facts = swap.leg(&fixed).intent();
    let before = evidence(facts.meter, facts.count_before.0, HELD, None);
    let said = if which == SwapLeg::Out {
        let after = evidence(facts.meter, facts.count_before.0, HELD - amount, None);
        Judgement { decision: Decision::Confirmed, after: Some(after), refusal_word: None }
    } else {
        judgement(Decision::Confirmed, facts.meter, facts.count_before.0, amount)
    };
    let (token, meter) = (facts.token, facts.meter);
    [
        Event::SwapFixed(fixed),
        Event::Intent { facts, before },
        Event::Outcome { token, meter, judgement: said },
    ]
}

/// A whole swap: taken, begun, debited (entries 4 to 6), credited (7 to 9), bound, ended.
fn whole(swap: &SwapFacts, amount: i64) -> Vec<Event> {
    let mut events =
        vec![taken(swap), step(swap, Step::WHOLE, StepState::Begun), reads(swap.old, COUNT, HELD)];
    events.extend(done(swap, SwapLeg::Out, amount));
    events.extend(done(swap, SwapLeg::In, amount));
    events.push(step(swap, swap_step::BOUND, StepState::Done));
    events.push(step(swap, Step::WHOLE, StepState::Done));
    events
}

fn places(desk: &Desk) -> [i64; 4] {
    let report = desk.report();
    ["customer", "in-transit", "meter-held", "variance"].map(|place| figure(&report, place))
}

/// Whether a meter is on the list: known, and not swapped out.
fn on_the_list(desk: &Desk, no: &str) -> bool {
    let order =
        meterkit::office::Order { meter: meter(no), amount: 1, device: device("hh-1"), days: 1 };
    let known = desk.local.wait(desk.office().meter(meter(no))).is_ok();
    let issued = desk.local.wait(desk.office().issue(&order));
    known && issued.err().is_none_or(|error| error.code() != "meter-closed")
}

/// Two leaves for one old meter: the first was withdrawn and used all the same.
fn two_claims() -> (Desk, [Book; 2], [SwapFacts; 2]) {
    let desk = Desk::new();
    let mut books = [Book::new(&desk, "hh-1", 5), Book::new(&desk, "hh-2", 6)];
    let first = issue(&desk, &leave("hh-1", METER, NEW));
    desk.local.wait(desk.office().withdraw_swap(first.id)).unwrap();
    let second = issue(&desk, &leave("hh-2", METER, OTHER));
    books[0].write(&whole(&first, 5_000));
    books[1].write(&whole(&second, 3_000));
    (desk, books, [first, second])
}

#[test]
fn of_two_swaps_of_one_meter_the_first_proof_wins_and_the_other_is_parked() {
    for first in [0, 1] {
        let (desk, mut books, swaps) = two_claims();
        let (win, lose) = (&swaps[first], &swaps[1 - first]);
        books[first].send(&desk);
        let carried = [5_000, 3_000][first];
        let after = places(&desk);
        assert_eq!(after, [0, 0, -(HELD - carried), HELD - carried], "the rest is variance");
        assert!(info(&desk, win).bound);
        books[1 - first].send(&desk);
        assert_eq!(places(&desk), after, "nothing of the second is booked");
        assert!(!info(&desk, lose).bound);
        assert_eq!(leg(&desk, lose, SwapLeg::Out).0, "disputed");
        assert_eq!(leg(&desk, lose, SwapLeg::In).0, "disputed");
        let classes = desk.open_classes();
        assert_eq!(classes.iter().filter(|class| *class == "C7").count(), 3, "{classes:?}");
        let (new, lost) = ([NEW, OTHER][first], [NEW, OTHER][1 - first]);
        assert!(on_the_list(&desk, new) && !on_the_list(&desk, lost) && !on_the_list(&desk, METER));
    }
}

/// The first has only begun when the second is proved.
#[test]
fn an_intent_is_no_proof() {
    let (desk, mut books, swaps) = two_claims();
    books[0].send_to(&desk, 5);
    assert_eq!(leg(&desk, &swaps[0], SwapLeg::Out).0, "suspect");
    books[1].send(&desk);
    assert!(info(&desk, &swaps[1]).bound);
    books[0].send(&desk);
    assert_eq!(leg(&desk, &swaps[0], SwapLeg::Out).0, "disputed");
    assert!(!info(&desk, &swaps[0]).bound);
    assert_eq!(places(&desk)[1], 0);
}

#[test]
fn a_person_can_say_that_the_parked_one_is_true() {
    let (desk, mut books, [first, second]) = two_claims();
    books[1].send(&desk);
    books[0].send(&desk);
    let office = desk.office();
    let close = || desk.local.wait(office.close_swap(first.id, true, "seen on site"));
    assert_eq!(close().unwrap_err().code(), "swap-stands", "its legs are in doubt");
    for leg in info(&desk, &first).legs {
        desk.settle(leg.token, Verdict::Booked, "seen on site").unwrap();
        desk.report();
    }
    assert_eq!(leg(&desk, &first, SwapLeg::In), ("applied", 5_000));
    let closed = close().unwrap();
    assert!(closed.bound && closed.in_transit == 0, "{closed:?}");
    assert!(on_the_list(&desk, NEW));
    assert!(info(&desk, &second).bound, "what the list followed before is history");
    assert_eq!(close().unwrap_err().code(), "swap-stands");
}

#[test]
fn of_two_swaps_into_one_meter_one_is_parked() {
    let desk = Desk::new();
    desk.add_meter("47000");
    let mut books = [Book::new(&desk, "hh-1", 5), Book::new(&desk, "hh-2", 6)];
    let first = issue(&desk, &leave("hh-1", METER, NEW));
    desk.local.wait(desk.office().withdraw_swap(first.id)).unwrap();
    let second = issue(&desk, &leave("hh-2", "47000", NEW));
    books[0].write(&whole(&first, 5_000));
    books[1].write(&whole(&second, 3_000));
    books[1].send(&desk);
    let before = places(&desk);
    books[0].send(&desk);
    assert_eq!(places(&desk), before);
    assert_eq!(leg(&desk, &first, SwapLeg::Out).0, "disputed");
    assert!(desk.open_classes().contains(&"C7".to_owned()));
    // Both legs in took the one step of the one meter: never both, not even by hand.
    let out = info(&desk, &first).legs;
    let credit = out.iter().find(|leg| leg.leg == SwapLeg::In).unwrap().token;
    let twice = desk.settle(credit, Verdict::Booked, "x");
    assert_eq!(twice.unwrap_err().code(), "step-taken");
    desk.report();
}

#[test]
fn a_swap_that_was_taken_back_and_done_is_a_fact() {
    let desk = Desk::new();
    let mut book = Book::new(&desk, "hh-1", 5);
    let swap = issue(&desk, &leave("hh-1", METER, NEW));
    desk.local.wait(desk.office().withdraw_swap(swap.id)).unwrap();
    book.write(&whole(&swap, HELD));
    book.send(&desk);
    assert_eq!(places(&desk), [0, 0, 0, 0], "all of it went over");
    assert_eq!(leg(&desk, &swap, SwapLeg::In), ("applied", HELD));
    assert_eq!(desk.open_classes(), ["C3", "C3"], "each leg was fixed after it");
    assert!(info(&desk, &swap).bound);
}

#[test]
fn the_second_leg_may_come_late() {
    let desk = Desk::new();
    let mut book = Book::new(&desk, "hh-1", 5);
    let swap = issue(&desk, &leave("hh-1", METER, NEW));
    book.write(&whole(&swap, 5_000));
    book.send_to(&desk, 6);
    assert_eq!(places(&desk), [0, 5_000, -5_000, 0]);
    assert_eq!(info(&desk, &swap).state, SwapState::Begun);
    desk.clock.fetch_add(40 * 86_400, Ordering::Relaxed);
    assert_eq!(places(&desk), [0, 5_000, -5_000, 0], "time alone moves nothing");
    let back = desk.local.wait(desk.office().withdraw_swap(swap.id)).unwrap_err();
    assert_eq!(back.code(), "swap-stands");
    book.send(&desk);
    assert_eq!(places(&desk), [0, 0, -(HELD - 5_000), HELD - 5_000]);
    assert_eq!(desk.open_classes(), [""; 0]);
}

#[test]
fn more_credited_than_taken_out_is_variance() {
    let desk = Desk::new();
    let mut book = Book::new(&desk, "hh-1", 5);
    let swap = issue(&desk, &leave("hh-1", METER, NEW));
    book.write(&[taken(&swap)]);
    book.write(&done(&swap, SwapLeg::Out, 5_000));
    book.write(&done(&swap, SwapLeg::In, 5_100));
    book.send(&desk);
    assert_eq!(places(&desk), [0, 0, 100, -100], "the credit is in the meter: a fact");
    assert_eq!(desk.open_classes(), ["C10"]);
}

#[test]
fn a_debit_that_is_found_out_later_is_not_counted_twice() {
    let desk = Desk::new();
    let mut book = Book::new(&desk, "hh-1", 5);
    let swap = issue(&desk, &leave("hh-1", METER, NEW));
    let [out, intent, outcome] = done(&swap, SwapLeg::Out, 5_000);
    let Event::Outcome { token, meter: no, .. } = outcome else { panic!() };
    let silent = Judgement { decision: Decision::Unreachable, after: None, refusal_word: None };
    book.write(&[taken(&swap), step(&swap, Step::WHOLE, StepState::Begun)]);
    book.write(&[reads(swap.old, COUNT, HELD), out, intent]);
    book.write(&[Event::Outcome { token, meter: no, judgement: silent }]);
    book.write(&done(&swap, SwapLeg::Provisional, 3_000));
    book.write(&[
        step(&swap, swap_step::BOUND, StepState::Done),
        step(&swap, Step::WHOLE, StepState::Done),
    ]);
    book.send(&desk);
    assert_eq!(places(&desk), [0, 0, -HELD + 3_000, HELD - 3_000]);
    assert_eq!(desk.open_classes(), ["C10"]);
    // The laboratory finds that 50.00 had been taken out after all.
    desk.settle(token, Verdict::Booked, "read").unwrap();
    assert_eq!(places(&desk), [0, 5_000, -HELD + 3_000, HELD - 3_000 - 5_000]);
    let settle = |variance, to, amount| {
        let what = SwapMove { variance, to, amount };
        desk.local.wait(desk.office().settle_swap(swap.id, what, "read")).unwrap()
    };
    settle(false, SwapTo::Customer, 2_000);
    settle(false, SwapTo::Variance, 3_000);
    let left = settle(true, SwapTo::Used, 3_000);
    assert_eq!((left.in_transit, left.variance), (0, 0));
    assert_eq!(places(&desk), [2_000, 0, -2_000, 0], "the meter gave, the customer has");
}

#[test]
fn what_meets_an_account_of_another_name_is_parked() {
    let desk = Desk::new();
    let mut book = Book::new(&desk, "hh-1", 5);
    let swap = issue(&desk, &leave("hh-1", METER, NEW));
    // Meanwhile somebody else got the new meter.
    let other = NewMeter::new(meter(NEW), "777".parse().unwrap(), "Li Si", "C1 12");
    desk.local.wait(desk.office().add_meters(&[other])).unwrap();
    book.write(&whole(&swap, 5_000));
    book.send(&desk);
    assert_eq!(leg(&desk, &swap, SwapLeg::Out).0, "disputed");
    assert_eq!(places(&desk), [0, 0, 0, 0]);
    assert!(!info(&desk, &swap).bound);
    let classes = desk.open_classes();
    assert!(classes.iter().all(|class| class == "C8") && classes.len() >= 3, "{classes:?}");
    let line = desk.local.wait(desk.office().meter(meter(NEW))).unwrap();
    assert_eq!(line.customer, "Li Si", "nobody's meter is taken from him");
}

#[test]
fn what_no_leave_allows_moves_nothing() {
    let desk = Desk::new();
    let (mut book, mut thief) = (Book::new(&desk, "hh-1", 5), Book::new(&desk, "hh-2", 6));
    let swap = issue(&desk, &leave("hh-1", METER, NEW));
    let made_up = SwapFacts { id: TokenId([9; 16]), ..swap };
    // One nobody gave; one of another handheld; beyond its limit; at a wrong step; twice.
    thief.write(&whole(&made_up, 1));
    thief.write(&whole(&swap, 5_000));
    thief.send(&desk);
    assert_eq!((places(&desk), info(&desk, &swap).legs.len()), ([0; 4], 0));
    assert_eq!(info(&desk, &swap).state, SwapState::Reserved);
    let classes = desk.open_classes();
    assert!(classes.iter().all(|class| ["C1", "C4"].contains(&class.as_str())), "{classes:?}");
    let more = SwapFacts { most: 1_000_000, ..swap };
    book.write(&[taken(&more)]);
    book.write(&done(&more, SwapLeg::Out, 20_000));
    let step = SwapFacts { count: meterkit::units::PurchaseCount(3), ..swap };
    book.write(&done(&step, SwapLeg::In, 5_000));
    book.send(&desk);
    assert_eq!(places(&desk), [0; 4]);
    assert_eq!(leg(&desk, &swap, SwapLeg::Out).0, "disputed");
    let fixed_again = desk.open_classes().len();
    book.write(&done(&more, SwapLeg::Out, 20_000)[..1]);
    book.send(&desk);
    assert_eq!(desk.open_classes().len(), fixed_again + 1);
}

/// Another handheld reads the new meter before the journal of the swap is here.
#[test]
fn a_credit_that_is_on_its_way_is_no_unknown_sale() {
    let desk = Desk::new();
    desk.add_meter(NEW);
    let count = meterkit::units::PurchaseCount(COUNT);
    let (mut book, mut other) = (Book::new(&desk, "hh-1", 5), Book::new(&desk, "hh-2", 6));
    let swap = issue(&desk, &leave("hh-1", METER, NEW));
    assert_eq!(swap.count, count, "what is known of it");
    let later = |count| {
        let mut seen = evidence(meter(NEW), count, 4_900, None);
        seen.read_at = UnixSeconds(NOW + 100);
        let code = "MK-TEST".to_owned();
        Event::Refused { token: None, meter: meter(NEW), code, evidence: Some(seen) }
    };
    other.write(&[later(COUNT + 1)]);
    other.send(&desk);
    assert_eq!(desk.open_classes(), [""; 0]);
    book.write(&whole(&swap, HELD));
    book.send(&desk);
    assert_eq!((desk.open_classes().len(), places(&desk)), (0, [0; 4]));
    // The later reading stays the last one known: it is what the next swap may carry over.
    let next = issue(&desk, &NewSwap { most: None, ..leave("hh-1", NEW, "50") });
    assert_eq!(next.most, 4_900);
    other.write(&[later(COUNT + 2)]);
    other.send(&desk);
    assert_eq!(desk.open_classes(), ["C4"], "one more is one too many");
}

#[test]
fn a_debt_is_what_the_old_meter_showed() {
    for (leave_of, shown, posted, classes) in
        [(1_000, 500, 500, 0), (300, 500, 300, 1), (1_000, 200, 200, 1), (1_000, 0, 0, 1)]
    {
        let desk = Desk::new();
        let mut book = Book::new(&desk, "hh-1", 5);
        let new = NewSwap { arrears: leave_of, ..leave("hh-1", METER, NEW) };
        let swap = issue(&desk, &new);
        let mut seen = evidence(swap.old, COUNT, 0, None);
        seen.overdraft = shown;
        seen.read_at = UnixSeconds(NOW);
        let evidence = Some(seen);
        let code = "MK-TEST".to_owned();
        book.write(&[
            taken(&swap),
            step(&swap, Step::WHOLE, StepState::Begun),
            Event::Refused { token: None, meter: swap.old, code, evidence },
            step(&swap, swap_step::ARREARS, StepState::Done),
            step(&swap, swap_step::ARREARS, StepState::Done),
        ]);
        book.send(&desk);
        assert_eq!(info(&desk, &swap).arrears, posted);
        assert_eq!(desk.open_classes().len(), 2 * classes, "{leave_of} {shown}");
        assert_eq!(places(&desk), [0; 4]);
    }
}
