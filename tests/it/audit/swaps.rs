//! Swaps that stand in the journals: the audit follows their legs, and what is taken out of a meter
//! is no credit.

use super::estate::Plan;
use super::make::{Meter, START, TENANT, judgement, key, token};
use super::{judge, only};
use crate::office::swaps::yard::{Old, Yard};
use meterkit::jobs::audit::{self, Check, Options, Reason, Status, Verdict};
use meterkit::store::{Event, SwapFacts, SwapFixed};
use meterkit::units::{Decision, MeterNo, PurchaseCount, Role, SwapLeg, TokenId, Verbs};
use meterkit_tokens::{Kind, SwapToken, Unit};

fn audited(yard: &Yard) -> (Verdict, Vec<Vec<String>>) {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    let office = yard.desk.office();
    yard.desk.local.wait(office.export_audit(&set)).unwrap();
    let book = std::fs::read_to_string(set.join("ledger.csv")).unwrap();
    let row = |line: &str| line.split(',').map(str::to_owned).collect();
    let options = Options::new(office.fingerprint().parse().unwrap());
    (audit::run(&set, &options).unwrap(), book.lines().map(row).collect())
}

#[test]
fn what_an_office_exports_of_its_swaps_holds() {
    for old_is in [Old::Alive, Old::Dead, Old::InDebt, Old::Refused] {
        let (yard, _) = Yard::ready(old_is);
        yard.tick();
        let digest = [7; 32];
        yard.hand.append(Event::Software { version: "meterkit 0.1.0".into(), digest });
        yard.swap();
        yard.sync();
        yard.sync();
        let (verdict, book) = audited(&yard);
        assert!(verdict.holds, "{old_is:?}: {:#?}", verdict.findings.list());
        let swaps = verdict.checks.iter().find(|(check, _)| *check == Check::Swaps).unwrap();
        assert_eq!((swaps.1, verdict.examined.swaps), (Status::Holds, 1));
        assert!(verdict.examined.sums.is_empty(), "nothing was issued but a leave");
        assert_eq!(verdict.examined.tokens, 0);
        let noted = |reason| verdict.findings.count(reason);
        assert_eq!(noted(Reason::SwapAdvance), usize::from(old_is == Old::Dead));
        assert_eq!(noted(Reason::SwapTransit), usize::from(old_is == Old::Refused));
        // The book names the act of each row.
        assert_eq!(book[0][5..], ["act", "swap"]);
        let mut acts: Vec<&str> = book[1..].iter().map(|row| row[5].as_str()).collect();
        acts.sort_unstable();
        let wanted: &[&str] = match old_is {
            Old::Alive | Old::Refused => &["carry-in", "carry-out", "open"],
            Old::Dead => &["carry-in", "open"],
            Old::InDebt => &["open"],
        };
        assert_eq!(acts, wanted, "{book:?}");
    }
}

/// One handheld of the estate whose operator may do everything.
fn plan() -> Plan {
    let mut plan = Plan::clean(1, 3, 3);
    let grant = &mut plan.grants[0];
    grant.role = Role::Supervisor.number();
    grant.verbs = Role::Supervisor.verbs().bits();
    assert!(Verbs::from_bits(grant.verbs).is_some());
    let signed = key(20).grant(grant).unwrap();
    for (_, _, event) in &mut plan.handhelds[0].entries {
        if let Event::GrantTaken { bytes, .. } = event {
            bytes.clone_from(&signed);
        }
    }
    plan
}

/// What one swap moves, and the limit of its leave.
#[derive(Clone, Copy)]
struct Case {
    number: u8,
    most: i64,
    out: i64,
    carried: i64,
}

const GOOD: Case = Case { number: 1, most: 9_000, out: 4_000, carried: 4_000 };

fn old() -> Meter {
    Meter::new(8_100_001)
}

fn fresh(number: u8) -> Meter {
    Meter { count: 0, balance: 0, ..Meter::new(8_100_010 + u64::from(number)) }
}

/// Writes a swap into the journal before its log-out.
fn swap(plan: &mut Plan, case: Case) -> SwapFacts {
    let own = &mut plan.handhelds[0];
    let log_out = own.entries.pop().unwrap();
    let (mut at, operator) = (log_out.0, log_out.1.clone());
    let (mut from, mut to) = (old(), fresh(case.number));
    let leave = SwapToken {
        tenant: TENANT.into(),
        meter: to.no.bcd(),
        device: "hh-001".into(),
        expires: START + 60 * 86_400,
        not_before: START,
        issued: START,
        id: [case.number; 16],
        old: from.no.bcd(),
        old_account: from.account.bcd(),
        account: to.account.bcd(),
        count: 0,
        unit: Unit::Yuan,
        most: case.most,
        provisional: 0,
        arrears: 0,
        seq: 1,
    };
    // Longer than a handheld would take it, so that the plan's days do not matter.
    let bytes = key(20).swap(&leave).unwrap();
    let facts = SwapFacts::of(&leave).unwrap();
    own.add(at, &operator, Event::SwapTaken { swap: facts, bytes });
    let legs = [
        facts.fix(SwapLeg::Out, 1, (case.out, PurchaseCount(from.count)), Some(from.show(at))),
        facts.fix(SwapLeg::In, 1, (case.carried, PurchaseCount(0)), None),
    ];
    for (fixed, meter) in legs.into_iter().zip([&mut from, &mut to]) {
        if fixed.amount > 0 {
            at += 60;
            leg(own, (at, &operator), &facts, &fixed, meter);
        }
    }
    own.add(at + 120, &operator, log_out.2);
    plan.leaves.push(leave);
    facts
}

fn leg(
    own: &mut super::make::Handheld,
    (at, operator): (i64, &str),
    swap: &SwapFacts,
    fixed: &SwapFixed,
    meter: &mut Meter,
) {
    let facts = swap.leg(fixed).intent();
    own.add(at, operator, Event::SwapFixed(fixed.clone()));
    own.add(at + 1, operator, Event::Intent { facts, before: meter.show(at + 1) });
    match fixed.leg {
        SwapLeg::Out => meter.balance -= fixed.amount,
        _ => meter.credit(fixed.amount),
    }
    let judgement = judgement(Decision::Confirmed, meter.show(at + 5));
    let meter: MeterNo = facts.meter;
    own.add(at + 5, operator, Event::Outcome { token: facts.token, meter, judgement });
}

#[test]
fn a_swap_within_its_leave_holds_and_is_no_issued_credit() {
    let mut plan = plan();
    let before = judge(&plan, &plan.files()).examined.sums;
    let facts = swap(&mut plan, GOOD);
    let out = TokenId(SwapFacts::token(facts.id, SwapLeg::Out, 1).0);
    plan.ledger.push(format!("{out},applied,40.00,yuan,"));
    only(&plan, &plan.files(), &[]);
    let verdict = judge(&plan, &plan.files());
    assert_eq!(verdict.examined.sums, before);
    // The book contradicts the journal of a leg as it would of a token.
    *plan.ledger.last_mut().unwrap() = format!("{out},voided,40.00,yuan,");
    only(&plan, &plan.files(), &[Reason::LedgerState]);
}

#[test]
fn the_book_names_the_act() {
    let mut plan = plan();
    plan.ledger[0].push_str(",act");
    let rows: Vec<String> = plan.ledger[1..].iter().map(|row| format!("{row},recharge")).collect();
    plan.ledger.splice(1.., rows);
    only(&plan, &plan.files(), &[]);
    plan.ledger[1] = plan.ledger[1].replace(",recharge", ",refund");
    only(&plan, &plan.files(), &[Reason::LedgerState]);
}

#[test]
fn more_than_was_taken_out_or_allowed() {
    let mut plan = plan();
    swap(&mut plan, Case { carried: 4_001, ..GOOD });
    only(&plan, &plan.files(), &[Reason::SwapSum]);
    let mut plan = self::plan();
    swap(&mut plan, Case { most: 3_999, ..GOOD });
    only(&plan, &plan.files(), &[Reason::SwapLeave]);
}

#[test]
fn what_is_still_in_transit_is_noted() {
    let mut plan = plan();
    swap(&mut plan, Case { carried: 0, ..GOOD });
    only(&plan, &plan.files(), &[]);
    let verdict = judge(&plan, &plan.files());
    assert_eq!(verdict.findings.count(Reason::SwapTransit), 1);
    // The office carries it over with a token of its own: no more than that.
    let at = plan.handhelds[0].entries.last().unwrap().0;
    let mut carried = token(&fresh(1), 0, 2, "hh-001", 4_000, at);
    carried.kind = Kind::CarryOver;
    plan.book(&carried, "reserved");
    plan.tokens.push(carried);
    only(&plan, &plan.files(), &[]);
}

#[test]
fn a_leg_without_a_leave_and_one_the_office_does_not_have() {
    let mut plan = plan();
    swap(&mut plan, GOOD);
    let leave = plan.leaves.pop();
    // Genuine, but only the journal holds it.
    only(&plan, &plan.files(), &[Reason::TokenUnknown]);
    plan.leaves.extend(leave);
    for (_, _, event) in &mut plan.handhelds[0].entries {
        if let Event::SwapFixed(fixed) = event {
            fixed.swap = TokenId([99; 16]);
        }
    }
    let verdict = judge(&plan, &plan.files());
    assert_eq!(verdict.findings.count(Reason::SwapToken), 2);
    assert!(!verdict.holds);
}

#[test]
fn one_balance_is_taken_out_under_one_leave() {
    let mut plan = plan();
    swap(&mut plan, Case { out: 2_000, carried: 2_000, ..GOOD });
    swap(&mut plan, Case { number: 2, out: 3_000, carried: 3_000, ..GOOD });
    only(&plan, &plan.files(), &[Reason::SwapTwice]);
}

#[test]
fn a_meter_that_was_swapped_out_takes_no_credit() {
    let mut plan = plan();
    swap(&mut plan, GOOD);
    let own = &mut plan.handhelds[0];
    let log_out = own.entries.pop().unwrap();
    let (at, operator) = (log_out.0, log_out.1.clone());
    let mut meter = Meter { balance: 1_000, ..old() };
    let ours = token(&meter, 0, 1, "hh-001", 3_000, at);
    own.import(at, &operator, &ours, &key(20));
    own.recharge(at + 4, &operator, &ours, &mut meter);
    own.add(at + 60, &operator, log_out.2);
    plan.book(&ours, "applied");
    plan.tokens.push(ours);
    only(&plan, &plan.files(), &[Reason::SwapOld]);
}

/// A refund takes credit out of a meter: it is issued, and no credit.
#[test]
fn debits_are_not_counted_as_credits() {
    let mut plan = plan();
    let before = judge(&plan, &plan.files()).examined.sums;
    let own = &mut plan.handhelds[0];
    let log_out = own.entries.pop().unwrap();
    let (at, operator) = (log_out.0, log_out.1.clone());
    let mut meter = old();
    let mut refund = token(&meter, 0, 1, "hh-001", 4_000, at);
    refund.kind = Kind::Refund;
    own.import(at, &operator, &refund, &key(20));
    own.intent(at + 1, &operator, &refund, &meter);
    meter.balance -= 4_000;
    let says = judgement(Decision::Confirmed, meter.show(at + 6));
    own.outcome(at + 6, &operator, &refund, says);
    // The step is free: a recharge takes it afterwards.
    let next = token(&meter, 0, 2, "hh-001", 3_000, at + 10);
    own.import(at + 10, &operator, &next, &key(20));
    own.recharge(at + 14, &operator, &next, &mut meter);
    own.add(at + 60, &operator, log_out.2);
    plan.book(&refund, "applied");
    plan.book(&next, "applied");
    plan.tokens.extend([refund, next]);
    only(&plan, &plan.files(), &[]);
    let [was] = before.as_slice() else { panic!("{before:?}") };
    let verdict = judge(&plan, &plan.files());
    let [sum] = verdict.examined.sums.as_slice() else { panic!() };
    assert_eq!(sum.issued, (was.issued.0 + 1, was.issued.1 + 3_000));
    assert_eq!(sum.parts[0], (was.parts[0].0 + 1, was.parts[0].1 + 3_000));
}
