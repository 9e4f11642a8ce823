//! Whole swaps, from the desk over the handheld and two simulated meters back into the books.

use meterkit::office::{Order, SwapMove, SwapState, SwapTo};
use meterkit::report::Code;
use meterkit::store::Event;
use meterkit::sync::wire::EntryOutcome;
use meterkit::units::{Act, Decision, MeterNo, UnixSeconds};

use super::yard::{Books, NET, Old, Yard};
use crate::office::desk::{COUNT, account, device, evidence, figure};
use crate::swap::bench::{Person, new, old};

fn order(meter: MeterNo) -> Order {
    Order { meter, amount: 1_000, device: device("hh-1"), days: 3 }
}

fn place(books: &Books, name: &str) -> i64 {
    books.places.iter().find(|(place, _)| place == name).map_or(0, |(_, amount)| *amount)
}

#[test]
fn the_balance_goes_over_and_the_list_follows() {
    let (yard, issued) = Yard::ready(Old::Alive);
    assert_eq!(yard.info(&issued).state, SwapState::Delivered, "its import went up with it");
    let waiting = yard.books(&issued);
    assert_eq!((waiting.postings, waiting.bound), (0, false), "nothing moves with a leave");
    let sheet = yard.swap();
    assert_eq!(sheet.exit, None, "{:#?}", sheet.rows);
    yard.sync();
    let books = yard.books(&issued);
    let (out, credited) = yard.truth();
    assert!(out == credited && (NET - 10..=NET).contains(&out), "{out} {credited}");
    assert_eq!((books.state, books.bound, &books.classes), ("done", true, &vec![]));
    assert_eq!(books.legs.iter().map(|leg| leg.1).collect::<Vec<_>>(), ["applied"; 3]);
    let names: Vec<_> = books.legs.iter().map(|leg| (leg.0, leg.2)).collect();
    assert_eq!(names, [("out", out), ("open", 0), ("in", out)]);
    assert_eq!(books.left[0], 0, "nothing is in transit");
    // What the load left in the old meter while it was debited is not the meter's any more.
    let rest = books.left[1];
    assert!((0..=10).contains(&rest), "{rest}");
    assert_eq!((place(&books, "variance"), place(&books, "meter-held")), (rest, -rest));
    // The customer moved with his place; the old line is not on the list any more.
    let mine = Some(("Zhang San".to_owned(), account().to_string()));
    assert_eq!(books.lines, [mine.clone(), mine]);
    yard.sync();
    let listed = |no| yard.hand.store.meter(no).is_some_and(|row| row.listed);
    assert_eq!((listed(old()), listed(new())), (false, true));
    assert_eq!(yard.hand.store.meter(new()).unwrap().customer, "Zhang San");
    // The old one gets nothing more; the new one goes on behind the credit.
    let wait = |work| yard.desk.local.wait(work);
    let closed = yard.desk.local.wait(yard.desk.office().issue(&order(old()))).unwrap_err();
    assert_eq!(closed.code(), "meter-closed");
    let next = wait(yard.desk.office().issue(&order(new()))).unwrap();
    assert_eq!(next.count_before.0, 1);
    let report = yard.desk.report();
    assert_eq!(
        report.swaps,
        [("reserved", 0), ("delivered", 0), ("begun", 0), ("done", 1), ("voided", 0)]
    );
    assert_eq!(figure(&report, "applied"), 0, "a leg is not counted as a token of the desk's");
}

#[test]
fn no_leg_of_a_known_swap_calls_a_person() {
    let (yard, _) = Yard::ready(Old::Alive);
    yard.swap();
    let report = yard.sync();
    let odd = report.outcomes.iter().filter(|(_, outcome)| {
        matches!(outcome, EntryOutcome::Review(_) | EntryOutcome::Parked(_))
    });
    assert_eq!(odd.collect::<Vec<_>>(), Vec::<&(u64, EntryOutcome)>::new());
    assert_eq!(report.refused.len(), 0);
}

#[test]
fn a_dead_meter_is_the_offices_variance() {
    let (yard, issued) = Yard::ready(Old::Dead);
    yard.swap();
    yard.sync();
    let books = yard.books(&issued);
    let (out, credited) = yard.truth();
    assert_eq!(out, 0);
    assert!(credited > 0 && credited <= 5_000, "{credited}");
    assert_eq!(books.left[0], 0);
    // The rest of the last proved balance; the credit was advanced out of it.
    assert!((NET - 10 - credited..=NET - credited).contains(&books.left[1]), "{:?}", books.left);
    assert_eq!(place(&books, "variance"), books.left[1]);
    assert_eq!(books.classes, ["C10"], "finance looks at it");
    assert_eq!((books.state, books.bound), ("done", true));
    // The laboratory reads the old meter: 40.00 were used before it died, the rest is his.
    let office = yard.desk.office();
    let rest = books.left[1];
    let settle = |to, amount| {
        let what = SwapMove { variance: true, to, amount };
        yard.desk.local.wait(office.settle_swap(issued.facts.id, what, "read in the laboratory"))
    };
    assert_eq!(settle(SwapTo::Customer, rest + 1).unwrap_err().code(), "swap-stands");
    assert_eq!(settle(SwapTo::Variance, 1).unwrap_err().code(), "usage");
    settle(SwapTo::Used, 4_000).unwrap();
    let left = settle(SwapTo::Customer, rest - 4_000).unwrap();
    assert_eq!((left.variance, left.in_transit), (0, 0));
    let after = yard.books(&issued);
    assert_eq!((place(&after, "customer"), place(&after, "variance")), (rest - 4_000, 0));
    assert_eq!(after.classes, [""; 0], "what was raised is closed with it");
}

#[test]
fn a_debt_goes_along_within_the_leave() {
    let (yard, issued) = Yard::ready(Old::InDebt);
    yard.swap();
    yard.sync();
    let books = yard.books(&issued);
    assert_eq!(books.left, [0, 0, 2_000], "no more than the leave says, of 25.00");
    assert_eq!((books.legs.len(), books.classes.len()), (1, 0), "{books:?}");
    assert_eq!(books.legs[0].0, "open");
    assert!(books.bound);
    assert_eq!(place(&books, "customer"), 0, "it moved from one account of his to the other");
}

#[test]
fn what_is_left_in_transit_is_given_back_and_carried_by_a_token() {
    let (yard, issued) = Yard::ready(Old::Refused);
    let sheet = yard.swap();
    assert_eq!(sheet.exit, Some(Code::InTransit));
    yard.sync();
    let (out, credited) = yard.truth();
    assert!(out > 0 && credited == 0);
    let books = yard.books(&issued);
    assert_eq!((books.left[0], place(&books, "in-transit")), (out, out));
    assert_eq!(books.classes, ["C10"]);
    let office = yard.desk.office();
    // The leg might still be used: nothing else goes to that meter before a person says so.
    let wait = yard.desk.local.wait(office.issue(&order(new()))).unwrap_err();
    assert_eq!(wait.code(), "swap-open");
    let settle = |amount| {
        let what = SwapMove { variance: false, to: SwapTo::Customer, amount };
        yard.desk.local.wait(office.settle_swap(issued.facts.id, what, "by a token"))
    };
    assert_eq!(settle(out + 1).unwrap_err().code(), "swap-stands");
    assert_eq!(settle(out).unwrap().in_transit, 0);
    assert_eq!(settle(1).unwrap_err().code(), "swap-stands", "it is not there twice");
    let deed = meterkit::office::Deed::of(Act::CarryIn);
    let amount = Order { amount: out, ..order(new()) };
    let token = yard.desk.local.wait(office.issue_for(&amount, deed)).unwrap();
    assert_eq!(token.count_before.0, 0, "the step was never taken");
    // The handheld hears that the leg is not to be used any more, and gets the token.
    yard.sync();
    let leg = yard.hand.store.swap(issued.facts.id).unwrap();
    assert!(leg.withdrawn);
    yard.hand.recharge(token.id, Decision::Confirmed);
    yard.sync();
    let books = yard.books(&issued);
    assert_eq!((books.left[0], place(&books, "in-transit")), (0, 0));
    assert_eq!(place(&books, "meter-held"), -books.left[1], "out of one meter, into the other");
}

/// The office hears of it bit by bit, between any two things a person is asked.
#[test]
fn an_exchange_at_every_question_changes_nothing() {
    for old_is in [Old::Alive, Old::Dead, Old::InDebt, Old::Refused] {
        let (at_once, issued) = Yard::ready(old_is);
        at_once.swap();
        at_once.sync();
        let wanted = at_once.books(&issued);
        let (yard, issued) = Yard::ready(old_is);
        let mut person = Person::default();
        let mut work = None;
        let mut shown = Vec::new();
        for _ in 0..60 {
            let sheet = step(&yard, &mut work, &mut person);
            shown.push((sheet.ask, sheet.exit, sheet.rows.last().cloned()));
            yard.sync();
            yard.desk.report();
            if sheet.done {
                break;
            }
        }
        let books = yard.books(&issued);
        let same = |books: &Books| {
            let mut books = books.clone();
            // The load runs on between two readings: some fen more or less.
            books.places.clear();
            books.legs.iter_mut().for_each(|leg| leg.2 /= 1_000);
            books.left.iter_mut().for_each(|left| *left /= 1_000);
            books
        };
        assert_eq!(same(&books), same(&wanted), "{old_is:?}: {shown:#?}");
        let (out, credited) = yard.truth();
        let taken: i64 = books.legs.iter().filter(|leg| leg.0 == "out").map(|leg| leg.2).sum();
        assert_eq!(taken, out, "{old_is:?}");
        assert_eq!(books.left[0], if old_is == Old::Refused { out } else { 0 });
        assert!(credited <= out.max(5_000));
    }
}

/// One answer of a person, in a program that was started anew.
fn step(
    yard: &Yard,
    work: &mut Option<meterkit::units::WorkId>,
    person: &mut Person,
) -> meterkit::jobs::errand::Sheet {
    use meterkit::jobs::errand::{Answer, Ask, Errand};
    use meterkit::jobs::swap::Swap;
    yard.bench.work(&yard.hand.store, |site| {
        let id = *work
            .get_or_insert_with(|| Swap.begin(site, &crate::swap::bench::Bench::values()).unwrap());
        let shown = Swap.advance(site, id, &Answer::None, &mut |_| {}).unwrap();
        if shown.done || shown.ask == Ask::Nothing {
            return shown;
        }
        let answer = person.answer(&yard.bench, &shown.ask);
        Swap.advance(site, id, &answer, &mut |_| {}).unwrap()
    })
}

#[test]
fn a_meter_that_was_swapped_out_and_is_read_again_calls_a_person() {
    let (yard, _) = Yard::ready(Old::Alive);
    yard.swap();
    yard.sync();
    assert_eq!(yard.desk.open_classes(), [""; 0]);
    // Somebody reads it: yesterday, which the office only hears of now, and a day later.
    for (day, classes) in [(-1, vec![]), (1, vec!["C8"])] {
        yard.tick();
        let mut seen = evidence(old(), COUNT, 0, None);
        seen.read_at = UnixSeconds(yard.hand.stamp().at.0 + day * 86_400);
        yard.hand.append(Event::Refused {
            token: None,
            meter: old(),
            code: "MK-SWAP-03".to_owned(),
            evidence: Some(seen),
        });
        yard.sync();
        assert_eq!(yard.desk.open_classes(), classes);
    }
}
