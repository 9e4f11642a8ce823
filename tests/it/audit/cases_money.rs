//! Defects of recharges, steps, sums and swaps.

use super::defects::last_outcome;
use super::estate::Plan;
use super::make::{Meter, START, judgement, key, token};
use super::more::{Case, at, before_log_out, fresh, is_intent, last, signed};
use meterkit::jobs::audit::{Files, Reason};
use meterkit::store::{Event, Withdrawal};
use meterkit::units::{Decision, TokenId, UnixSeconds, Verb, Verbs};
use meterkit_tokens::{Grant, Kind};

/// What handhelds did.
pub const ACTS: &[Case] = &[
    (
        "an outcome without an intent",
        || {
            signed(|plan| {
                let own = &mut plan.handhelds[0];
                own.entries.remove(last(own, is_intent));
            })
        },
        &[Reason::NoIntent],
    ),
    (
        "an intent for another order",
        || {
            signed(|plan| {
                let own = &mut plan.handhelds[0];
                let at = last(own, is_intent);
                let Event::Intent { facts, .. } = &mut own.entries[at].2 else { panic!() };
                facts.order = [1; 8];
            })
        },
        &[Reason::IntentFacts],
    ),
    (
        "a meter without the account",
        || {
            signed(|plan| {
                let own = &mut plan.handhelds[0];
                let at = last(own, is_intent);
                let Event::Intent { before, .. } = &mut own.entries[at].2 else { panic!() };
                before.account = None;
            })
        },
        &[Reason::Preflight],
    ),
    (
        "a second recharge while one is open",
        || {
            signed(|plan| {
                let (mut meter, open) = fresh(plan, 66, 1, "suspect");
                let (_, other) = fresh(plan, 66, 2, "applied");
                before_log_out(&mut plan.handhelds[0], |own, now| {
                    own.import(now, "op-1", &open, &key(20));
                    own.import(now, "op-1", &other, &key(20));
                    own.intent(now, "op-1", &open, &meter);
                    own.recharge(now + 1, "op-1", &other, &mut meter);
                });
            })
        },
        &[Reason::MeterBusy],
    ),
    (
        "a token out of nowhere",
        || {
            signed(|plan| {
                let own = &mut plan.handhelds[0];
                let at = at(own, |event| matches!(event, Event::TokenImported { .. }));
                own.entries.remove(at);
            })
        },
        &[Reason::NotImported],
    ),
    (
        "a success that is sold as a failure",
        || {
            signed(|plan| {
                let Event::Outcome { token, judgement, .. } = last_outcome(&mut plan.handhelds[0])
                else {
                    panic!()
                };
                judgement.decision = Decision::NotApplied;
                let id = token.to_string();
                let row = plan.ledger.iter_mut().find(|row| row.starts_with(&id)).unwrap();
                *row = row.replace("applied", "delivered");
            })
        },
        &[Reason::Denied],
    ),
    (
        "a success without a read-back",
        || {
            signed(|plan| {
                let Event::Outcome { judgement, .. } = last_outcome(&mut plan.handhelds[0]) else {
                    panic!()
                };
                judgement.after = None;
            })
        },
        &[Reason::ReadBack],
    ),
    (
        "sent again after it was taken",
        || {
            signed(|plan| {
                let (mut meter, ours) = fresh(plan, 66, 1, "applied");
                before_log_out(&mut plan.handhelds[0], |own, now| {
                    own.import(now, "op-1", &ours, &key(20));
                    own.intent(now, "op-1", &ours, &meter);
                    meter.credit(ours.amount);
                    let (token, after_read) = (TokenId(ours.id), meter.show(now + 2));
                    own.add(now + 2, "op-1", Event::Resend { token, after_read });
                    let says = judgement(Decision::Confirmed, meter.show(now + 5));
                    own.outcome(now + 5, "op-1", &ours, says);
                });
            })
        },
        &[Reason::ResendBad],
    ),
    (
        "used after its time",
        || {
            signed(|plan| {
                let (mut meter, ours) = fresh(plan, 66, 1, "applied");
                before_log_out(&mut plan.handhelds[0], |own, now| {
                    own.import(now, "op-1", &ours, &key(20));
                    own.recharge(now, "op-1", &ours, &mut meter);
                });
                let own = &mut plan.handhelds[0];
                let late = 4 * 86_400;
                let at = last(own, is_intent);
                for (time, _, event) in &mut own.entries[at..] {
                    *time += late;
                    if let Event::Intent { before, .. } = event {
                        before.read_at.0 += late;
                    }
                    if let Event::Outcome { judgement, .. } = event {
                        judgement.after.as_mut().unwrap().read_at.0 += late;
                    }
                }
                for (_, _, event) in &mut own.entries[at..] {
                    clock_follows(event);
                }
            })
        },
        &[Reason::OutOfTime],
    ),
    (
        "used after it was revoked",
        || {
            signed(|plan| {
                let own = &mut plan.handhelds[0];
                let at = last(own, is_intent);
                let (time, operator, event) = own.entries[at].clone();
                let Event::Intent { facts, .. } = event else { panic!() };
                let revoked = Event::Revoked { ids: vec![facts.token], status: 3 };
                own.entries.insert(at, (time, operator, revoked));
            })
        },
        &[Reason::TakenBack],
    ),
    (
        "nobody logged in",
        || {
            signed(|plan| {
                let own = &mut plan.handhelds[0];
                own.entries.remove(at(own, |event| matches!(event, Event::LoggedIn { .. })));
            })
        },
        &[Reason::NoLogIn],
    ),
    (
        "a reader who recharges",
        || granted(|grant| grant.verbs = Verbs::of(&[Verb::Read]).bits()),
        &[Reason::NoGrant],
    ),
    (
        "a grant for another meter",
        || granted(|grant| grant.meters = vec![[0; 6]]),
        &[Reason::NoGrant],
    ),
    (
        "an override nobody gave",
        || {
            signed(|plan| {
                let meter = Meter::new(66).no;
                let used =
                    Event::OverrideUsed { id: TokenId([3; 16]), verb: Verb::Recharge, meter };
                before_log_out(&mut plan.handhelds[0], |own, now| own.add(now, "op-1", used));
            })
        },
        &[Reason::OverrideBad],
    ),
    (
        "no program named itself",
        || {
            signed(|plan| {
                let own = &mut plan.handhelds[0];
                own.entries.remove(at(own, |event| matches!(event, Event::Software { .. })));
            })
        },
        &[Reason::SoftwareNone],
    ),
];

/// Where the money is.
pub const MONEY: &[Case] = &[
    (
        "a step nobody knows",
        || {
            signed(|plan| {
                let (mut meter, one) = fresh(plan, 66, 1, "applied");
                let mut later = meter.clone();
                later.count += 2;
                let now = plan.handhelds[0].entries.last().unwrap().0;
                let mut two = token(&later, 0, 2, "hh-001", 3_000, now);
                two.id[8] = 2;
                plan.book(&two, "applied");
                plan.tokens.push(two.clone());
                before_log_out(&mut plan.handhelds[0], |own, now| {
                    own.import(now, "op-1", &one, &key(20));
                    own.import(now, "op-1", &two, &key(20));
                    own.recharge(now, "op-1", &one, &mut meter);
                    meter.credit(1_000);
                    own.recharge(now + 10, "op-1", &two, &mut meter);
                });
            })
        },
        &[Reason::StepGap],
    ),
    (
        "the meter recorded less",
        || signed(|plan| plan.reads[1] = plan.reads[1].replace(",20.02", ",20.01")),
        &[Reason::RecordAmount],
    ),
    (
        "the meter counted less",
        || signed(|plan| plan.reads[1] = plan.reads[1].replace(",6,,yuan,6,20.02", ",5,,yuan,,")),
        &[Reason::ReadBehind],
    ),
    (
        "the meter counted more",
        || signed(|plan| plan.reads[1] = plan.reads[1].replace(",6,,yuan,6,20.02", ",9,,yuan,,")),
        &[Reason::ReadAhead],
    ),
    (
        "one issue number twice",
        || {
            signed(|plan| {
                let (_, mut other) = fresh(plan, 66, 1, "reserved");
                other.id[9] = 9;
                other.count += 1;
                plan.book(&other, "reserved");
                plan.tokens.push(other);
            })
        },
        &[Reason::SeqTwice],
    ),
    (
        "paid back and in the meter",
        || {
            signed(|plan| {
                let id = TokenId(plan.tokens[0].id);
                let reason = Withdrawal::Voided;
                let back = Event::TokenWithdrawn { id, reason, receipt: 1 };
                before_log_out(&mut plan.handhelds[0], |own, now| own.add(now, "", back));
            })
        },
        &[Reason::BothWays],
    ),
    (
        "the book says voided",
        || signed(|plan| plan.ledger[1] = plan.ledger[1].replace("applied", "voided")),
        &[Reason::LedgerState],
    ),
    (
        "the book has another amount",
        || signed(|plan| plan.ledger[1] = plan.ledger[1].replace("20.00", "19.00")),
        &[Reason::LedgerAmount],
    ),
    (
        "the book leaves a token out",
        || signed(|plan| drop(plan.ledger.pop())),
        &[Reason::LedgerTokens],
    ),
    (
        "carried over without a swap",
        || {
            signed(|plan| {
                fresh(plan, 66, 1, "reserved");
                plan.tokens.last_mut().unwrap().kind = Kind::CarryOver;
            })
        },
        &[Reason::SwapMissing],
    ),
    (
        "one swap twice",
        || {
            signed(|plan| {
                swap(plan);
                plan.swaps.push(plan.swaps[1].clone());
            })
        },
        &[Reason::SwapTwice],
    ),
    (
        "a swap with a recharge token",
        || {
            signed(|plan| {
                swap(plan);
                plan.tokens.last_mut().unwrap().kind = Kind::Recharge;
            })
        },
        &[Reason::SwapToken],
    ),
    (
        "a recharge of the old meter",
        || {
            signed(|plan| {
                swap(plan);
                let old = Meter::new(1_000_000);
                plan.swaps[1] =
                    plan.swaps[1].replace(",77,78,", &format!(",{},{},", old.no, old.account));
            })
        },
        &[Reason::SwapOld],
    ),
];

/// The meter's clock goes with the handheld's.
fn clock_follows(event: &mut Event) {
    let evidence = match event {
        Event::Intent { before, .. } => before,
        Event::Outcome { judgement, .. } => judgement.after.as_mut().unwrap(),
        _ => return,
    };
    evidence.meter_clock = Some(UnixSeconds(evidence.read_at.0 + 8 * 3600));
}

/// A swap that is in order.
fn swap(plan: &mut Plan) {
    let (meter, token) = fresh(plan, 66, 1, "reserved");
    plan.tokens.last_mut().unwrap().kind = Kind::CarryOver;
    let (no, account, id) = (meter.no, meter.account, TokenId(token.id));
    plan.swaps = vec![
        "time,old_meter,old_account,new_meter,new_account,unit,read,residual,refunded,token".into(),
        format!("{START},77,78,{no},{account},yuan,35.00,5.00,0.00,{id}"),
    ];
}
/// The first handheld's operator has another grant; the journal holds it as it is.
fn granted(change: impl FnOnce(&mut Grant)) -> (Plan, Files) {
    signed(|plan| {
        change(&mut plan.grants[0]);
        let signed = key(20).grant(&plan.grants[0]).unwrap();
        for (_, _, event) in &mut plan.handhelds[0].entries {
            if let Event::GrantTaken { bytes, .. } = event {
                bytes.clone_from(&signed);
            }
        }
    })
}
