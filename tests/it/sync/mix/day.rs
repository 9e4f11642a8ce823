//! Days on which nearly everything happens that can happen to a token.

use std::sync::atomic::Ordering;

use meterkit::office::{Deed, Offer, Order, Verdict};
use meterkit::store::{Bounds, Event};
use meterkit::sync::enrol::Enrolling;
use meterkit::units::{
    AccountNo, Act, Decision, Evidence, Judgement, PurchaseCount, Role, TokenId, UnixSeconds,
};

use super::ledger::Ledger;
use crate::office::desk::{COUNT, Desk, Handheld, METER, device, evidence, meter, operator};
use crate::office::swaps::yard::{Old, Yard};

const AMOUNT: i64 = 10_000;

/// Three handhelds; the first has an operator with a grant.
fn hands(desk: &Desk, meters: std::ops::Range<u32>) -> Vec<Handheld> {
    for no in meters.filter(|no| *no != 47) {
        desk.add_meter(&no.to_string());
    }
    desk.hire("li", Role::Supervisor);
    let operators = vec![operator("li")];
    let offer = Offer { operators, ..Offer::new(&device("hh-1"), "http://127.0.0.1:1") };
    let offered = desk.local.wait(desk.office().offer(&offer)).unwrap();
    let first = desk.enrol(&Enrolling::read(&offered.file).unwrap());
    vec![first, desk.handheld("hh-2"), desk.handheld("hh-3")]
}

/// The handheld was at a meter and read it.
fn read(desk: &Desk, hand: &Handheld, no: &str, count: u32, account: Option<&str>) {
    let mut seen = evidence(meter(no), count, 500, None);
    seen.read_at = tick(desk);
    seen.account = account.map_or(seen.account, |account| Some(account.parse().unwrap()));
    let (meter, code) = (seen.meter, "not-now".to_owned());
    hand.append(Event::Refused { token: None, meter, code, evidence: Some(seen) });
}

/// A second later, by everybody's clock.
fn tick(desk: &Desk) -> UnixSeconds {
    UnixSeconds(desk.clock.fetch_add(1, Ordering::Relaxed) + 1)
}

/// An intent, and an outcome with this read-back, at their times.
fn used(desk: &Desk, hand: &Handheld, token: TokenId, decision: Decision) {
    begun(desk, hand, token);
    ended(desk, hand, token, decision);
}

fn begun(desk: &Desk, hand: &Handheld, token: TokenId) {
    let facts = hand.store.token(token).unwrap().facts;
    let mut before = evidence(facts.meter, facts.count_before.0, 0, None);
    before.read_at = tick(desk);
    before.account = Some(facts.account);
    hand.store.intent(&hand.stamp(), facts.intent(), before, &Bounds::NONE).unwrap();
}

fn ended(desk: &Desk, hand: &Handheld, token: TokenId, decision: Decision) {
    let facts = hand.store.token(token).unwrap().facts;
    let (count, amount) = (facts.count_before.0, facts.credit.value);
    let mut judgement = crate::office::desk::judgement(decision, facts.meter, count, amount);
    if let Some(after) = &mut judgement.after {
        after.read_at = tick(desk);
        after.account = Some(facts.account);
        if facts.act.is_debit() {
            after.count = PurchaseCount(count);
            after.last_purchase = None;
        }
    }
    hand.store.outcome(&hand.stamp(), token, judgement).unwrap();
}

fn sync_all<'h>(desk: &Desk, hands: impl IntoIterator<Item = &'h Handheld>) {
    for hand in hands {
        tick(desk);
        hand.sync(&desk.post()).unwrap();
    }
}

/// Every way a recharge can end, on meters that others read as well.
pub fn recharges(desk: &Desk, ledger: &mut Ledger) -> Vec<Handheld> {
    let hands = hands(desk, 47..60);
    let [one, two, three] = &hands[..] else { unreachable!("three") };
    // Yesterday: two recharges the office knows of.
    let known = [desk.issue_to("hh-1", METER, AMOUNT), desk.issue_to("hh-2", "48", AMOUNT)];
    let revoked = desk.issue_to("hh-2", "56", AMOUNT).id;
    sync_all(desk, &hands);
    used(desk, one, known[0].id, Decision::Confirmed);
    used(desk, two, known[1].id, Decision::Confirmed);
    sync_all(desk, &hands);
    // This morning: what is to be done today. A meter changes hands.
    let chain: Vec<_> = (0..3).map(|_| desk.issue_to("hh-2", METER, AMOUNT).id).collect();
    let give = |name: &str, no: &str| desk.issue_to(name, no, AMOUNT).id;
    let other = give("hh-1", "48");
    let ends = [
        (one, give("hh-1", "49"), Decision::ConfirmedWeak),
        (two, give("hh-2", "50"), Decision::TornWrite),
        (three, give("hh-3", "51"), Decision::Raced),
        (three, give("hh-3", "52"), Decision::Contradiction),
        (one, give("hh-1", "53"), Decision::Reset),
        (two, give("hh-2", "54"), Decision::NotApplied),
    ];
    let doubtful = give("hh-3", "55");
    let replaced = give("hh-3", "57");
    let late = give("hh-3", "58");
    desk.local.wait(desk.office().revoke_token(replaced)).unwrap();
    let again = desk.local.wait(desk.office().reissue(replaced, 3)).unwrap().id;
    desk.local.wait(desk.office().revoke_token(revoked)).unwrap();
    ledger.remember(desk);
    // It has not heard of that yet.
    used(desk, two, revoked, Decision::Confirmed);
    sync_all(desk, &hands);
    used(desk, two, chain[0], Decision::Confirmed);
    read(desk, one, METER, COUNT + 2, None);
    used(desk, one, other, Decision::Confirmed);
    for (hand, token, decision) in ends {
        used(desk, hand, token, decision);
    }
    two.sync(&desk.post()).unwrap();
    used(desk, three, doubtful, Decision::Unreachable);
    read(desk, three, METER, COUNT + 2, None);
    used(desk, two, chain[1], Decision::Unreachable);
    ended(desk, two, chain[1], Decision::Confirmed);
    // A sale nobody knows, another account, and a meter that went back.
    read(desk, two, "59", COUNT + 4, None);
    read(desk, three, "48", COUNT + 2, Some("000000999999"));
    read(desk, one, "59", COUNT + 4, None);
    read(desk, two, "59", COUNT + 1, None);
    ended(desk, three, doubtful, Decision::NotApplied);
    used(desk, three, doubtful, Decision::Confirmed);
    used(desk, three, again, Decision::Confirmed);
    one.sync(&desk.post()).unwrap();
    used(desk, two, chain[2], Decision::Confirmed);
    read(desk, one, METER, COUNT + 4, None);
    three.sync(&desk.post()).unwrap();
    // When it is known what became of it, its time is over.
    begun(desk, three, late);
    desk.clock.fetch_add(4 * 86_400, Ordering::Relaxed);
    ended(desk, three, late, Decision::Confirmed);
    read(desk, two, "58", COUNT + 1, None);
    hands
}

fn order(no: &str, name: &str, amount: i64) -> Order {
    Order { meter: meter(no), amount, device: device(name), days: 3 }
}

/// What takes credit out again, opens accounts, and is decided at the desk; and the journal of an
/// earlier life, which nobody takes any more.
pub fn acts(desk: &Desk, ledger: &mut Ledger) -> Vec<Handheld> {
    let mut hands = hands(desk, 47..56);
    let give = |name: &str, no: &str| desk.issue_to(name, no, AMOUNT).id;
    let known: Vec<_> =
        ["47", "48", "49", "50"].into_iter().map(|no| (no, give("hh-1", no))).collect();
    let disputed = give("hh-2", "51");
    let lost = give("hh-3", "52");
    sync_all(desk, &hands);
    for (_, token) in &known {
        used(desk, &hands[0], *token, Decision::Confirmed);
    }
    used(desk, &hands[1], disputed, Decision::TornWrite);
    sync_all(desk, &hands);
    // The third was lost with a token that it used; its successor is the same handheld again. What
    // its old journal says comes too late.
    used(desk, &hands[2], lost, Decision::Confirmed);
    let again = Offer { again: true, ..Offer::new(&device("hh-3"), "http://127.0.0.1:1") };
    let offered = desk.local.wait(desk.office().offer(&again)).unwrap();
    hands.push(desk.enrol(&Enrolling::read(&offered.file).unwrap()));
    desk.settle(disputed, Verdict::NotBooked, "seen").unwrap();
    desk.settle(lost, Verdict::Booked, "seen").unwrap();
    let deed = |order: &Order, deed| desk.local.wait(desk.office().issue_for(order, deed));
    let refunds = [("47", 4_000), ("48", 2_500)]
        .map(|(no, amount)| deed(&order(no, "hh-2", amount), Deed::of(Act::Refund)).unwrap().id);
    let undo = Deed { undoes: Some(known[2].1), ..Deed::of(Act::Reversal) };
    let reversal = deed(&order("49", "hh-1", AMOUNT), undo).unwrap().id;
    let new: AccountNo = "000000777777".parse().unwrap();
    let open = Deed { account: Some(new), ..Deed::of(Act::Open) };
    let opened = [("53", 0), ("54", 700)]
        .map(|(no, amount)| deed(&order(no, "hh-2", amount), open).unwrap().id);
    let next = give("hh-1", "50");
    let fresh = give("hh-3", "55");
    ledger.remember(desk);
    sync_all(desk, hands[..2].iter().chain(&hands[3..]));
    let [one, two, _, three] = &hands[..] else { unreachable!("four") };
    used(desk, two, refunds[0], Decision::Confirmed);
    used(desk, one, next, Decision::Confirmed);
    read(desk, three, "50", COUNT + 2, None);
    let [first, second] = opened;
    for (token, count) in [(first, COUNT), (second, COUNT + 1)] {
        opens(desk, two, token, count, new);
    }
    read(desk, one, "53", COUNT, Some("000000777777"));
    used(desk, one, reversal, Decision::Confirmed);
    used(desk, two, refunds[1], Decision::TornWrite);
    two.sync(&desk.post()).unwrap();
    used(desk, three, fresh, Decision::Confirmed);
    read(desk, two, "54", COUNT + 1, Some("000000777777"));
    read(desk, three, "49", COUNT + 1, None);
    hands
}

/// The old account is closed before, the new one there afterwards.
fn opens(desk: &Desk, hand: &Handheld, token: TokenId, count: u32, account: AccountNo) {
    let facts = hand.store.token(token).unwrap().facts;
    let shows = |count: u32, account| Evidence {
        account,
        read_at: tick(desk),
        ..evidence(facts.meter, count, facts.credit.value, None)
    };
    let before = shows(facts.count_before.0, None);
    hand.store.intent(&hand.stamp(), facts.intent(), before, &Bounds::NONE).unwrap();
    let after = Some(shows(count, Some(account)));
    let judgement = Judgement { decision: Decision::Confirmed, after, refusal_word: None };
    hand.store.outcome(&hand.stamp(), token, judgement).unwrap();
}

/// A swap that was done at the meters, and of which the office remembers only its leave.
pub fn swap(desk: Desk, ledger: &mut Ledger, old: Old) -> Yard {
    let yard = Yard::at(desk, old);
    yard.allow();
    ledger.remember(&yard.desk);
    yard.deliver(old);
    yard.swap();
    yard
}
