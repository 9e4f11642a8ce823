//! Every other way in which an account can be wrong, each alone; and that none was forgotten.

use super::cases_files::{AUTHORITY, JOURNALS};
use super::cases_money::{ACTS, MONEY};
use super::defects::last_outcome;
use super::estate::{Plan, joined, raw};
use super::make::{Handheld, Meter, START, grant, judgement, key, token};
use super::{broken, judge, only};
use meterkit::jobs::audit::files::documents;
use meterkit::jobs::audit::{Files, Reason, Severity};
use meterkit::store::{Event, TokenFacts};
use meterkit::units::{Decision, TokenId, UnixSeconds, Verb, Verbs};
use meterkit_tokens::{Override, RechargeToken};
use std::collections::BTreeSet;

/// What it is, how it is made, and every reason it must be found for.
pub type Case = (&'static str, fn() -> (Plan, Files), &'static [Reason]);

/// A small estate.
pub fn plan() -> Plan {
    Plan::clean(2, 2, 3)
}

/// A plan that somebody changed before it was signed.
pub fn signed(change: impl FnOnce(&mut Plan)) -> (Plan, Files) {
    let mut plan = plan();
    change(&mut plan);
    let files = plan.files();
    (plan, files)
}

/// A plan whose files somebody changed.
pub fn filed(change: impl FnOnce(&Plan, &mut Files)) -> (Plan, Files) {
    let plan = plan();
    let mut files = plan.files();
    change(&plan, &mut files);
    (plan, files)
}

/// A third handheld that did nothing but ask for the time, in three packs.
pub fn idle() -> Plan {
    let mut plan = plan();
    let grant = grant(3);
    let mut own = Handheld::new(3, &grant, key(20).grant(&grant).unwrap());
    for at in 0..116 {
        own.add(START + 100 + at, "", Event::TimeAnchor { server: UnixSeconds(START + 100 + at) });
    }
    plan.grants.push(grant);
    plan.handhelds.push(own);
    plan
}

/// The packs of the third handheld, changed.
pub fn packs(change: impl FnOnce(&Handheld, &mut Vec<Vec<u8>>)) -> (Plan, Files) {
    let mut plan = idle();
    plan.handhelds[2].uncovered = 1000.min(plan.handhelds[2].entries.len());
    let mut files = plan.files();
    let file = &mut files.journals[2].1[0];
    let mut packs: Vec<Vec<u8>> = documents(file).iter().map(|doc| doc.bytes.to_vec()).collect();
    change(&plan.handhelds[2], &mut packs);
    file.bytes = joined(&packs);
    (plan, files)
}

/// The first entry of a kind.
pub fn at(own: &Handheld, kind: fn(&Event) -> bool) -> usize {
    own.entries.iter().position(|(_, _, event)| kind(event)).unwrap()
}

/// The last one.
pub fn last(own: &Handheld, kind: fn(&Event) -> bool) -> usize {
    own.entries.iter().rposition(|(_, _, event)| kind(event)).unwrap()
}

/// A recharge is begun.
pub fn is_intent(event: &Event) -> bool {
    matches!(event, Event::Intent { .. })
}

/// Adds entries before the log-out.
pub fn before_log_out(own: &mut Handheld, add: impl FnOnce(&mut Handheld, i64)) {
    let out = own.entries.pop().unwrap();
    add(own, out.0);
    let now = own.entries.last().unwrap().0;
    own.add(now, &out.1, out.2);
}

/// A token that was never handed out.
pub fn fresh(plan: &mut Plan, no: u64, seq: u64, state: &str) -> (Meter, RechargeToken) {
    let meter = Meter::new(no);
    let at = plan.handhelds[0].entries.last().unwrap().0;
    let mut token = token(&meter, 0, seq, "hh-001", 3_000, at);
    token.id[8] = seq as u8;
    plan.book(&token, state);
    plan.tokens.push(token.clone());
    (meter, token)
}

fn all() -> impl Iterator<Item = &'static Case> {
    [AUTHORITY, JOURNALS, ACTS, MONEY].into_iter().flatten()
}

#[test]
fn each_defect_is_found_and_nothing_else() {
    for (name, make, reasons) in all() {
        println!("{name}");
        let (plan, files) = make();
        only(&plan, &files, reasons);
    }
}

/// The twelve of `defects.rs`, these here, and there is no reason to fail without a test.
#[test]
fn no_reason_to_fail_is_untested() {
    let elsewhere = [
        Reason::RootChain,
        Reason::TokenBad,
        Reason::ChainBroken,
        Reason::StepTwice,
        Reason::TokenUnknown,
        Reason::SeqGap,
        Reason::Fork,
        Reason::Backwards,
        Reason::OpenOld,
        Reason::SwapSum,
        Reason::SwapLeave,
        Reason::Ratio,
        Reason::SoftwareOther,
    ];
    let here = all().flat_map(|(_, _, reasons)| reasons.iter().copied());
    let tested: BTreeSet<Reason> = here.chain(elsewhere).collect();
    let weighty = |reason: &&Reason| reason.severity() == Severity::Broken;
    let untested: Vec<_> =
        Reason::ALL.iter().filter(weighty).filter(|reason| !tested.contains(reason)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

/// What a person should know and what breaks nothing.
#[test]
fn notes_break_nothing() {
    type Case = (fn(&mut Plan), Reason);
    let cases: &[Case] = &[
        (|plan| plan.office.keysets[1].0.version = 3, Reason::KeysetGap),
        (|plan| plan.handhelds[0].uncovered = 1, Reason::NotCovered),
        (
            |plan| {
                let cut = Event::TailCut { file: "a.mkj".into(), offset: 1, bytes: 9 };
                before_log_out(&mut plan.handhelds[0], |own, now| own.add(now, "", cut));
            },
            Reason::TailCut,
        ),
        (
            |plan| {
                let Event::Outcome { judgement, .. } = last_outcome(&mut plan.handhelds[0]) else {
                    panic!()
                };
                judgement.decision = Decision::ConfirmedWeak;
            },
            Reason::Weak,
        ),
        (
            |plan| {
                let (meter, ours) = fresh(plan, 66, 1, "suspect");
                before_log_out(&mut plan.handhelds[0], |own, now| {
                    own.import(now, "op-1", &ours, &key(20));
                    own.intent(now, "op-1", &ours, &meter);
                });
            },
            Reason::OpenNew,
        ),
        (
            |plan| {
                let (mut meter, ours) = fresh(plan, 66, 1, "disputed");
                before_log_out(&mut plan.handhelds[0], |own, now| {
                    own.import(now, "op-1", &ours, &key(20));
                    own.intent(now, "op-1", &ours, &meter);
                    meter.credit(ours.amount);
                    meter.balance -= 2_900;
                    let says = judgement(Decision::TornWrite, meter.show(now + 5));
                    own.outcome(now + 5, "op-1", &ours, says);
                });
            },
            Reason::Disputed,
        ),
        (
            |plan| {
                let own = &mut plan.handhelds[0];
                let at = last(own, |event| matches!(event, Event::Reading(_)));
                let Event::Reading(reading) = &mut own.entries[at].2 else { panic!() };
                reading.evidence.as_mut().unwrap().meter_clock = Some(UnixSeconds(START));
            },
            Reason::MeterClock,
        ),
        (
            |plan| {
                let row = &mut plan.ledger[1];
                *row = format!("{}not-booked", row.replace("applied", "voided"));
            },
            Reason::LedgerDecided,
        ),
    ];
    for (change, reason) in cases {
        let (plan, files) = signed(change);
        let verdict = judge(&plan, &files);
        assert!(verdict.holds, "{reason:?}: {:#?}", verdict.findings.list());
        assert!(verdict.findings.count(*reason) > 0, "{reason:?}: {:#?}", verdict.findings.list());
    }
}

/// An override lifts the role for one act on one meter, once.
#[test]
fn an_override_serves_one_act() {
    let uses = |times: usize| {
        let mut plan = plan();
        let at = plan.handhelds[0].entries.last().unwrap().0;
        let (mut meter, one) = fresh(&mut plan, 66, 1, "applied");
        let over = Override {
            tenant: one.tenant.clone(),
            operator: "op-3".into(),
            device: "hh-001".into(),
            meter: one.meter,
            verbs: Verbs::of(&[Verb::Recharge]).bits(),
            issued: at,
            not_before: at,
            expires: at + 3_600,
            id: [0x77; 16],
            by: "boss".into(),
            reason: "feeder down".into(),
        };
        let mut reader = grant(3);
        reader.device = "hh-001".into();
        reader.verbs = Verbs::of(&[Verb::Read]).bits();
        let facts = TokenFacts::of(&one).unwrap();
        let (id, operator) = (TokenId(reader.id), "op-3".parse().unwrap());
        let role = meterkit::units::Role::Recharge;
        let log_in = Event::LoggedIn { operator, grant: id, role, failures: 0 };
        let own = &mut plan.handhelds[0];
        own.add(at, "op-3", log_in);
        own.import(at, "op-3", &one, &key(20));
        for _ in 0..times {
            let (id, verb, meter) = (TokenId(over.id), Verb::Recharge, facts.meter);
            own.add(at, "op-3", Event::OverrideUsed { id, verb, meter });
        }
        own.recharge(at + 1, "op-3", &one, &mut meter);
        plan.grants.push(reader);
        let mut files = plan.files();
        files.tokens.push(raw("tokens/x.ov".into(), key(20).over_ride(&over).unwrap()));
        let verdict = judge(&plan, &files);
        broken(&verdict)
    };
    assert_eq!(uses(0), [(Reason::NoGrant, 1)]);
    assert_eq!(uses(1), []);
    assert_eq!(uses(2), [(Reason::OverrideBad, 1)]);
}

/// A grant that comes with a sync counts from then on, and the one before no more.
#[test]
fn the_newest_grant_counts() {
    let with = |verbs: Verbs| {
        let mut plan = plan();
        let mut newer = grant(1);
        (newer.id, newer.issued, newer.verbs) = ([0x55; 16], START + 50, verbs.bits());
        let (id, operator) = (TokenId(newer.id), "op-1".parse().unwrap());
        let (issued, expires) = (UnixSeconds(newer.issued), UnixSeconds(newer.expires));
        let bytes = key(20).grant(&newer).unwrap();
        let taken = Event::GrantTaken { id, operator, issued, expires, bytes };
        plan.handhelds[0].entries.insert(4, (START + 60, String::new(), taken));
        if verbs.has(Verb::Recharge) {
            // What was known at log-in allowed nothing.
            plan.grants[0].verbs = Verbs::of(&[Verb::Read]).bits();
            let own = &mut plan.handhelds[0];
            own.entries.retain(|(_, _, event)| {
                !matches!(event, Event::GrantTaken { issued, .. } if issued.0 < START)
            });
        }
        broken(&judge(&plan, &plan.files()))
    };
    assert_eq!(with(Verbs::of(&[Verb::Read, Verb::Recharge])), []);
    assert!(matches!(with(Verbs::of(&[Verb::Read]))[..], [(Reason::NoGrant, _)]));
}
