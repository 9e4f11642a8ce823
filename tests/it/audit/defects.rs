//! The twelve defects of `reference/tokens.md` 5.1, each alone.
//!
//! Whoever makes one here holds every key: what can be signed again is signed again. So a check
//! that fails here fails for what it is about, and not for a broken signature.

use super::estate::{Plan, pack};
use super::make::{Handheld, Meter, START, judgement, key, token};
use super::only;
use meterkit::jobs::audit::Reason;
use meterkit::store::Event;
use meterkit::sync::wire::chain;
use meterkit::units::{Decision, TokenId, UnixSeconds};
use meterkit_tokens::Kind;

fn plan() -> Plan {
    Plan::clean(2, 4, 4)
}

/// The last accepted outcome of a handheld.
pub fn last_outcome(handheld: &mut Handheld) -> &mut Event {
    let accepted = |event: &Event| {
        matches!(event, Event::Outcome { judgement, .. }
            if judgement.decision == Decision::Confirmed)
    };
    let found = handheld.entries.iter_mut().rev().find(|(_, _, event)| accepted(event));
    &mut found.unwrap().2
}

#[test]
fn a01_a_root_signed_by_one_key_of_two() {
    let mut plan = plan();
    plan.office.roots[1].1 = vec![key(1)];
    only(&plan, &plan.files(), &[Reason::RootChain]);
}

#[test]
fn a02_a_token_of_a_key_that_was_revoked_before() {
    let mut plan = plan();
    let mut files = plan.files();
    // Signed by the second key, which was withdrawn before it signed this.
    let meter = Meter::new(9_999_999);
    let forged = token(&meter, 0, 1, "hh-001", 900, START + 500);
    let bytes = key(21).recharge(&forged).unwrap();
    plan.office.keysets[1].0.revoked.push((key(21).kid(), START + 400));
    files.keysets = plan.files().keysets;
    files.tokens.push(super::estate::raw("tokens/forged.rt".into(), bytes));
    only(&plan, &files, &[Reason::TokenBad]);
}

#[test]
fn a03_a_pack_that_does_not_continue_the_one_before() {
    let plan = plan();
    let mut files = plan.files();
    // The handheld left out what hung behind the hash and signed the rest as if it followed. The
    // office has no receipt for that part, or it would contradict.
    let own = &plan.handhelds[0];
    let bodies = own.bodies();
    let hash = |from: [u8; 32], part: &[Vec<u8>]| part.iter().fold(from, |h, b| chain(&h, b));
    let (one, two) = bodies.split_at(50);
    let other = [0x55; 32];
    let packs = [
        pack(own, 1, [9; 32], hash([9; 32], one), one),
        pack(own, 51, other, hash(other, two), two),
    ];
    files.journals[0].1[0].bytes = super::estate::joined(&packs);
    let receipts = &mut files.receipts[0].1[0];
    let first = meterkit::jobs::audit::files::documents(receipts)[0].bytes.to_vec();
    receipts.bytes = super::estate::joined(&[first]);
    only(&plan, &files, &[Reason::ChainBroken]);
}

#[test]
fn a04_an_accepted_recharge_that_the_meter_never_showed() {
    let mut plan = plan();
    let Event::Outcome { judgement, .. } = last_outcome(&mut plan.handhelds[1]) else { panic!() };
    // The count moved, the money did not: a torn write sold as a success.
    let after = judgement.after.as_mut().unwrap();
    after.balance.value -= 1_500;
    only(&plan, &plan.files(), &[Reason::ReadBack]);
}

#[test]
fn a05_one_step_settled_twice() {
    let mut plan = plan();
    // The same step, the same amount, another handheld; everything else is in order.
    let mut meter = Meter::new(1_000_000);
    let twin = token(&meter, 0, 6, "hh-002", 2_000, START + 100);
    let own = &mut plan.handhelds[1];
    let at = START + 110;
    let behind = own.entries.iter().position(|(time, _, _)| *time > at + 200).unwrap();
    let tail = own.entries.split_off(behind);
    own.import(at, "op-2", &twin, &key(20));
    own.recharge(at + 2, "op-2", &twin, &mut meter);
    own.entries.extend(tail);
    plan.book(&twin, "applied");
    plan.tokens.push(twin);
    only(&plan, &plan.files(), &[Reason::StepTwice]);
}

#[test]
fn a06_an_issued_token_that_is_not_there() {
    let plan = plan();
    let mut files = plan.files();
    let mut fewer = Plan::clean(2, 4, 4);
    // Left out of the tokens and of the book; the journal still has it.
    fewer.tokens.remove(5);
    fewer.ledger.remove(6);
    let smaller = fewer.files();
    files.tokens = smaller.tokens;
    files.ledger = smaller.ledger;
    only(&plan, &files, &[Reason::TokenUnknown, Reason::SeqGap]);
}

#[test]
fn a07_a_cloned_handheld() {
    let plan = plan();
    let mut files = plan.files();
    // A copy of the first handheld went on by itself from entry 50 on.
    let mut copy = Plan::clean(2, 4, 4).handhelds.remove(0);
    copy.entries.truncate(50);
    let (at, operator, _) = copy.entries[49].clone();
    copy.add(at + 1, &operator, Event::TimeAnchor { server: UnixSeconds(at + 1) });
    let bodies = copy.bodies();
    let before = bodies[..50].iter().fold([9; 32], |hash, body| chain(&hash, body));
    let hash = chain(&before, &bodies[50]);
    let bytes = pack(&copy, 51, before, hash, &bodies[50..]);
    files.journals[0].1.push(super::estate::raw("journals/hh-001-1/copy.mkp".into(), bytes));
    only(&plan, &files, &[Reason::Fork]);
}

#[test]
fn a08_a_clock_that_was_set_back() {
    let mut plan = plan();
    let own = &mut plan.handhelds[0];
    let reading = own.entries.iter().rposition(|(_, _, e)| matches!(e, Event::Reading(_)));
    own.entries[reading.unwrap()].0 -= 7_200;
    only(&plan, &plan.files(), &[Reason::Backwards]);
}

#[test]
fn a09_a_recharge_left_open() {
    let mut plan = plan();
    let own = &mut plan.handhelds[0];
    let meter = Meter::new(8_000_001);
    let at = own.entries[6].0;
    let open = token(&meter, 0, 1, "hh-001", 3_000, at);
    let tail = own.entries.split_off(7);
    own.import(at, "op-1", &open, &key(20));
    own.intent(at, "op-1", &open, &meter);
    own.entries.extend(tail);
    // Four days later somebody looks.
    plan.book(&open, "suspect");
    plan.tokens.push(open);
    let late = plan.handhelds[0].entries.last().unwrap().0 + 86_400;
    plan.handhelds[0].add(late, "", Event::TimeAnchor { server: UnixSeconds(late) });
    only(&plan, &plan.files(), &[Reason::OpenOld]);
}

#[test]
fn a10_a_balance_carried_over_from_nowhere() {
    let mut plan = plan();
    let meter = Meter::new(8_000_002);
    let mut carried = token(&meter, 0, 1, "hh-001", 4_000, START + 100);
    carried.kind = Kind::CarryOver;
    plan.book(&carried, "reserved");
    // The old meter had 30.00; 40.00 arrive.
    plan.swaps = vec![
        "time,old_meter,old_account,new_meter,new_account,unit,read,residual,refunded,token".into(),
        format!(
            "{START},77,78,{},{},yuan,30.00,0.00,0.00,{}",
            meter.no,
            meter.account,
            TokenId(carried.id)
        ),
    ];
    plan.tokens.push(carried);
    only(&plan, &plan.files(), &[Reason::SwapSum]);
    // As much as it had: that holds.
    plan.swaps[1] = plan.swaps[1].replace("30.00,0.00,0.00", "45.00,2.00,3.00");
    only(&plan, &plan.files(), &[]);
}

#[test]
fn a11_an_operator_whose_recharges_fail() {
    let mut plan = plan();
    let own = &mut plan.handhelds[1];
    let log_out = own.entries.pop().unwrap();
    let mut at = log_out.0;
    let meter = Meter::new(8_000_003);
    let failing = token(&meter, 0, 1, "hh-002", 3_000, at);
    own.import(at, "op-2", &failing, &key(20));
    for _ in 0..9 {
        at += 10;
        own.intent(at, "op-2", &failing, &meter);
        let says = judgement(Decision::NotApplied, meter.show(at + 5));
        own.outcome(at + 5, "op-2", &failing, says);
    }
    own.add(at + 10, "op-2", log_out.2);
    plan.book(&failing, "delivered");
    plan.tokens.push(failing);
    only(&plan, &plan.files(), &[Reason::Ratio]);
}

#[test]
fn a12_a_program_nobody_knows() {
    let mut plan = plan();
    let own = &mut plan.handhelds[0];
    let other = Event::Software { version: "meterkit 0.1.0".into(), digest: [0xcd; 32] };
    let program = own.entries.iter().position(|(_, _, e)| matches!(e, Event::Software { .. }));
    own.entries[program.unwrap()].2 = other;
    only(&plan, &plan.files(), &[Reason::SoftwareOther]);
}
