//! Recharges of the office itself against tokens of handhelds at the same step: whoever is faster,
//! whatever arrives when, one of the two is in the meter and the other one's money is back.

use super::desk::{
    COUNT, Desk, Handheld, METER, NOW, account, device, evidence, figure, judgement, meter,
};
use meterkit::office::{Ended, NewOnline, OfficeError, OnlineSale, OnlineShown, Order, Verdict};
use meterkit::store::TokenState;
use meterkit::units::{Decision, PurchaseCount, TokenId, UnixSeconds};
use proptest::prelude::*;
use std::sync::atomic::Ordering;

const TOKEN: i64 = 7_000;
const ONLINE: i64 = 10_000;

fn new(amount: i64, count: u32) -> NewOnline {
    NewOnline { meter: meter(METER), amount, count: PurchaseCount(count) }
}

fn shown(count: u32, record: Option<i64>) -> OnlineShown {
    OnlineShown { count: PurchaseCount(count), record, balance: None }
}

fn begin(desk: &Desk, amount: i64) -> Result<OnlineSale, OfficeError> {
    desk.local.wait(desk.office().begin_online(&new(amount, COUNT)))
}

/// The office reads the meter a little later than anybody did anything before.
fn end(desk: &Desk, sale: TokenId, shown: OnlineShown) -> Result<Ended, OfficeError> {
    desk.clock.fetch_add(1, Ordering::Relaxed);
    desk.local.wait(desk.office().end_online(sale, &shown))
}

/// Customer, in transit, in the meter; the ledger is sound at any time.
fn places(desk: &Desk) -> [i64; 3] {
    let report = desk.report();
    ["customer", "in-transit", "meter-held"].map(|place| figure(&report, place))
}

/// A desk, and a handheld with a token of 70.00 in its cache.
fn with_token() -> (Desk, Handheld, TokenId) {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let token = desk.issue_to("hh-1", METER, TOKEN).id;
    handheld.sync(&desk.post()).unwrap();
    (desk, handheld, token)
}

fn state(desk: &Desk, state: &str) -> i64 {
    figure(&desk.report(), state)
}

#[test]
fn a_sale_online_moves_money_when_the_meter_shows_it() {
    let desk = Desk::new();
    let sale = begin(&desk, ONLINE).unwrap();
    assert_eq!((sale.count_before, sale.fenced), (PurchaseCount(COUNT), None));
    assert_eq!(places(&desk), [-ONLINE, ONLINE, 0]);
    assert_eq!(begin(&desk, 1).unwrap_err().code(), "usage", "one at a time");
    let _handheld = desk.handheld("hh-1");
    let order = Order { meter: meter(METER), amount: 1, device: device("hh-1"), days: 1 };
    let error = desk.local.wait(desk.office().issue(&order)).unwrap_err();
    assert_eq!(error.code(), "chain-elsewhere", "nobody gets the next step meanwhile");
    assert_eq!(end(&desk, sale.id, shown(COUNT + 1, None)).unwrap(), Ended::Applied);
    assert_eq!(places(&desk), [-ONLINE, 0, ONLINE]);
    assert_eq!(end(&desk, sale.id, shown(COUNT + 1, None)).unwrap_err().code(), "not-in-dispute");
    assert_eq!(desk.issue_to("hh-1", METER, 1).count_before, PurchaseCount(COUNT + 1));
    // One that the meter did not take.
    let desk = Desk::new();
    let sale = begin(&desk, ONLINE).unwrap();
    assert_eq!(end(&desk, sale.id, shown(COUNT, None)).unwrap(), Ended::NotApplied);
    assert_eq!(places(&desk), [0, 0, 0]);
    assert_eq!(begin(&desk, ONLINE).unwrap().count_before, PurchaseCount(COUNT));
}

#[test]
fn what_cannot_be_told_apart_is_not_begun() {
    let (desk, handheld, token) = with_token();
    assert_eq!(begin(&desk, TOKEN).unwrap_err().code(), "same-amount");
    assert_eq!(begin(&desk, 0).unwrap_err().code(), "amount");
    let none = NewOnline { meter: meter("99"), ..new(1, COUNT) };
    let error = desk.local.wait(desk.office().begin_online(&none)).unwrap_err();
    assert_eq!(error.code(), "no-meter");
    let behind = desk.local.wait(desk.office().begin_online(&new(1, COUNT - 1))).unwrap_err();
    assert_eq!(behind.code(), "usage", "the meter was proved to be past that count");
    let end_of_count = desk.local.wait(desk.office().begin_online(&new(1, u32::MAX)));
    assert_eq!(end_of_count.unwrap_err().code(), "count-end");
    assert_eq!((places(&desk), state(&desk, "delivered")), ([-TOKEN, TOKEN, 0], 1));
    // A token whose evidence contradicts itself is settled first.
    handheld.recharge(token, Decision::Reset);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(begin(&desk, ONLINE).unwrap_err().code(), "disputed");
    // The office's own name is nobody else's.
    let offer = meterkit::office::Offer::new(&device("office-online"), "http://x");
    assert_eq!(desk.local.wait(desk.office().offer(&offer)).map(drop).unwrap_err().code(), "usage");
}

#[test]
fn a_fenced_token_is_taken_back_and_its_operator_is_told_when() {
    let (desk, handheld, token) = with_token();
    let sale = begin(&desk, ONLINE).unwrap();
    assert_eq!(sale.fenced, Some((token, device("hh-1"))));
    assert_eq!(places(&desk), [-TOKEN - ONLINE, TOKEN + ONLINE, 0], "nothing is void by itself");
    assert_eq!(state(&desk, "suspect"), 1);
    desk.clock.fetch_add(60, Ordering::Relaxed);
    handheld.sync(&desk.post()).unwrap();
    let row = handheld.store.token(token).unwrap();
    assert_eq!((row.recharged, row.withdrawn), (Some(UnixSeconds(NOW)), true));
    assert!(!row.state.usable());
    assert_eq!(handheld.sync(&desk.post()).unwrap().withdrawn, 0, "told once");
    // The count alone does not say which of the two it was.
    assert_eq!(end(&desk, sale.id, shown(COUNT + 1, None)).unwrap_err().code(), "usage");
    let ended = end(&desk, sale.id, shown(COUNT + 1, Some(ONLINE))).unwrap();
    assert_eq!((ended, places(&desk)), (Ended::Applied, [-ONLINE, 0, ONLINE]));
    assert_eq!((state(&desk, "voided"), state(&desk, "applied")), (1, 1));
    assert!(desk.open_classes().is_empty());
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(handheld.store.token(token).unwrap().recharged, Some(UnixSeconds(NOW)));
}

#[test]
fn a_token_that_was_faster_wins_by_the_meters_own_record() {
    for journal_first in [true, false] {
        let (desk, handheld, token) = with_token();
        let sale = begin(&desk, ONLINE).unwrap();
        // The handheld has not heard of it, and uses the token.
        handheld.recharge(token, Decision::Confirmed);
        let won = || end(&desk, sale.id, shown(COUNT + 1, Some(TOKEN))).unwrap();
        if journal_first {
            handheld.sync(&desk.post()).unwrap();
            assert_eq!(places(&desk), [-TOKEN - ONLINE, ONLINE, TOKEN]);
            assert_eq!(won(), Ended::TokenWon);
        } else {
            assert_eq!(won(), Ended::TokenWon);
            assert_eq!((places(&desk), state(&desk, "suspect")), ([-TOKEN, TOKEN, 0], 1));
            handheld.sync(&desk.post()).unwrap();
        }
        assert_eq!(places(&desk), [-TOKEN, 0, TOKEN]);
        assert!(desk.open_classes().is_empty(), "{:?}", desk.open_classes());
        let row = handheld.store.token(token).unwrap();
        assert_eq!(row.state, TokenState::Accepted, "what is in the meter is in the meter");
        assert_eq!(desk.issue_to("hh-1", METER, 1).count_before, PurchaseCount(COUNT + 1));
    }
}

/// The office is faster, the handheld tries all the same, and its journal comes before or after.
#[test]
fn the_loser_is_void_whether_its_journal_comes_before_or_after() {
    for journal_first in [true, false] {
        let (desk, handheld, token) = with_token();
        let sale = begin(&desk, ONLINE).unwrap();
        handheld.intent(token);
        let mut said = judgement(Decision::Raced, meter(METER), COUNT, TOKEN);
        said.after.as_mut().unwrap().last_purchase.as_mut().unwrap().amount = ONLINE;
        handheld.store.outcome(&handheld.stamp(), token, said).unwrap();
        let applied = || end(&desk, sale.id, shown(COUNT + 1, Some(ONLINE))).unwrap();
        if journal_first {
            handheld.sync(&desk.post()).unwrap();
            assert_eq!(desk.open_classes(), ["C4"], "who was faster is not known yet");
            assert_eq!(applied(), Ended::Applied);
        } else {
            assert_eq!(applied(), Ended::Applied);
            handheld.sync(&desk.post()).unwrap();
        }
        assert_eq!(places(&desk), [-ONLINE, 0, ONLINE]);
        assert_eq!((state(&desk, "voided"), state(&desk, "applied")), (1, 1));
        assert!(desk.open_classes().is_empty(), "{:?}", desk.open_classes());
        handheld.sync(&desk.post()).unwrap();
        assert_eq!(handheld.store.open_intents(), [], "its meter is free");
        // Not even a person can book the loser now.
        let booked = desk.settle(token, Verdict::Booked, "wish");
        assert!(booked.is_err());
        assert_eq!(places(&desk), [-ONLINE, 0, ONLINE]);
    }
}

/// A handheld finds the meter ahead of the office (C4); the sale that did it is entered later.
#[test]
fn a_sale_nobody_knew_is_matched_when_it_is_entered() {
    let (desk, handheld, token) = with_token();
    handheld.intent(token);
    let mut said = judgement(Decision::Raced, meter(METER), COUNT, TOKEN);
    said.after.as_mut().unwrap().last_purchase.as_mut().unwrap().amount = ONLINE;
    handheld.store.outcome(&handheld.stamp(), token, said).unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert_eq!((desk.open_classes(), state(&desk, "disputed")), (vec!["C4".to_owned()], 1));
    let record = |amount, count, shown| {
        desk.local.wait(desk.office().record_online(&new(amount, count), &shown))
    };
    let ambiguous = record(TOKEN, COUNT, shown(COUNT + 1, Some(TOKEN))).unwrap_err();
    assert_eq!(ambiguous.code(), "same-amount", "a person decides that");
    let (sale, ended) = record(ONLINE, COUNT, shown(COUNT + 1, Some(ONLINE))).unwrap();
    assert_eq!((ended, sale.fenced), (Ended::Applied, Some((token, device("hh-1")))));
    assert_eq!(places(&desk), [-ONLINE, 0, ONLINE]);
    assert!(desk.open_classes().is_empty());
    let again = record(ONLINE, COUNT, shown(COUNT + 1, Some(ONLINE)));
    assert!(again.is_err(), "and not a second time");
    assert_eq!(places(&desk), [-ONLINE, 0, ONLINE]);
}

/// The reading alone, without a token: the count two ahead is C4; the sale closes it.
#[test]
fn a_reading_ahead_is_matched_too() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let reading = meterkit::store::Reading {
        meter: meter(METER),
        items: vec![],
        profile: String::new(),
        values: vec![],
        shown: None,
        evidence: Some(evidence(meter(METER), COUNT + 1, ONLINE, None)),
        read_at: UnixSeconds(NOW),
        took_ms: 1,
        frames_digest: [7; 32],
    };
    handheld.append(meterkit::store::Event::Reading(reading));
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C4"]);
    let sale = desk
        .local
        .wait(desk.office().record_online(&new(ONLINE, COUNT), &shown(COUNT + 1, Some(ONLINE))));
    assert_eq!(sale.unwrap().1, Ended::Applied);
    assert!(desk.open_classes().is_empty());
    assert_eq!((places(&desk), account()), ([-ONLINE, 0, ONLINE], account()));
}

/// What a sale that failed leaves behind: the token is in doubt until it is replaced, at its step.
#[test]
fn a_failed_sale_leaves_a_token_that_can_be_replaced() {
    let (desk, handheld, token) = with_token();
    let sale = begin(&desk, ONLINE).unwrap();
    let stolen = desk.local.wait(desk.office().reissue(token, 3));
    assert_eq!(stolen.map(drop).unwrap_err().code(), "step-taken", "the sale holds the step");
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(end(&desk, sale.id, shown(COUNT, None)).unwrap(), Ended::NotApplied);
    assert_eq!(places(&desk), [-TOKEN, TOKEN, 0]);
    let second = desk.local.wait(desk.office().reissue(token, 3)).unwrap();
    assert_eq!(second.count_before, PurchaseCount(COUNT));
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(second.id, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(places(&desk), [-TOKEN, 0, TOKEN]);
}

/// The moves of the game between the office and a handheld over one step.
#[derive(Debug, Clone, Copy)]
enum Act {
    Begin,
    End,
    Sync,
    Use,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A meter that takes whichever comes first, in any order of events: at the end one credit is
    /// in the books, the one in the meter, and nothing is in transit or before a person.
    #[test]
    fn one_of_the_two_is_booked_whatever_comes_when(
        acts in proptest::collection::vec(
            prop_oneof![Just(Act::Begin), Just(Act::End), Just(Act::Sync), Just(Act::Use)], 1..12)
    ) {
        let (desk, handheld, token) = with_token();
        // What took the step in the meter: it takes the first and refuses the second.
        let mut meter_has: Option<i64> = None;
        let (mut sale, mut begun, mut ended, mut used) = (None, false, false, false);
        let mut finish = acts;
        finish.extend([Act::End, Act::Sync, Act::Sync]);
        for act in finish {
            desk.clock.fetch_add(1, Ordering::Relaxed);
            match act {
                Act::Begin if !begun => {
                    let count = COUNT + u32::from(meter_has.is_some());
                    let new = new(ONLINE, count);
                    sale = desk.local.wait(desk.office().begin_online(&new)).ok();
                    begun = sale.is_some();
                    if begun && count == COUNT {
                        meter_has = meter_has.or(Some(ONLINE));
                    }
                }
                Act::End if begun && !ended => {
                    let sale = sale.as_ref().unwrap();
                    let before = sale.count_before.0;
                    let shows = if before == COUNT {
                        shown(COUNT + 1, meter_has)
                    } else {
                        // The token took the step before; this one takes the next.
                        shown(COUNT + 2, Some(ONLINE))
                    };
                    end(&desk, sale.id, shows).unwrap();
                    ended = true;
                }
                Act::Use if !used && handheld.store.token(token).unwrap().state.usable() => {
                    used = true;
                    if meter_has.is_none() {
                        meter_has = Some(TOKEN);
                        handheld.recharge(token, Decision::Confirmed);
                    } else {
                        handheld.intent(token);
                        let mut said = judgement(Decision::Raced, meter(METER), COUNT, TOKEN);
                        let after = said.after.as_mut().unwrap();
                        after.last_purchase.as_mut().unwrap().amount = ONLINE;
                        handheld.store.outcome(&handheld.stamp(), token, said).unwrap();
                    }
                }
                Act::Sync => drop(handheld.sync(&desk.post()).unwrap()),
                _ => {}
            }
            desk.report();
        }
        let both = begun && sale.is_some_and(|sale| sale.count_before.0 > COUNT);
        let held = meter_has.unwrap_or(0) + if both { ONLINE } else { 0 };
        let report = desk.report();
        prop_assert_eq!(figure(&report, "meter-held"), held);
        let unused = if meter_has.is_none() { TOKEN } else { 0 };
        prop_assert_eq!(figure(&report, "in-transit"), unused);
        prop_assert!(desk.open_classes().is_empty(), "{:?}", desk.open_classes());
    }
}
