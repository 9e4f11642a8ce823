//! Shifts: whatever happens in them, they close at zero; every movement is in one of them.

use meterkit::office::{
    Deed, NewOperator, OfficeError, Order, Period, SaleRow, SalesAsk, SalesBy, Shift, ShiftOf,
    ShiftSum, Verdict,
};
use meterkit::store::Stamp;
use meterkit::units::{Act, CreditUnit, Decision, Judgement, Role, TokenId};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::desk::{
    COUNT, Desk, Handheld, METER, device, evidence, figure, judgement, meter, operator,
};

const DAY: i64 = 86_400;

fn of(name: &str) -> ShiftOf {
    ShiftOf::Device(device(name))
}

fn close(desk: &Desk, of: &ShiftOf) -> Shift {
    let now = desk.local.wait(desk.office().shift_now(of)).unwrap();
    let done = desk.local.wait(desk.office().close_shift(of)).unwrap();
    assert_eq!((&now.sums, now.number), (&done.sums, done.number), "it is as it was shown");
    assert!(done.sound(), "{done:#?}");
    assert!(desk.report().sound());
    done
}

/// Brought, reserved, applied, voided, out, refunded, corrected, revenue.
fn sums(shift: &Shift) -> [i64; 8] {
    let none = [0; 8];
    shift.sums.iter().find(|sum| sum.unit == CreditUnit::Yuan).map_or(none, |sum: &ShiftSum| {
        assert_eq!(sum.postings, 0);
        [
            sum.brought,
            sum.reserved,
            sum.applied,
            sum.voided,
            sum.out,
            sum.refunded,
            sum.corrected,
            sum.revenue,
        ]
    })
}

/// The same work done by somebody else.
fn recharge_by(handheld: &Handheld, who: &str, token: TokenId, decision: Decision) {
    let stamp = || Stamp { operator: who.to_owned(), ..handheld.stamp() };
    let facts = handheld.store.token(token).unwrap().facts;
    let before = evidence(facts.meter, facts.count_before.0, 0, None);
    let none = meterkit::store::Bounds::NONE;
    handheld.store.intent(&stamp(), facts.intent(), before, &none).unwrap();
    let said = judgement(decision, facts.meter, facts.count_before.0, facts.credit.value);
    handheld.store.outcome(&stamp(), token, said).unwrap();
}

#[test]
fn a_shift_closes_at_zero_and_the_next_one_begins_where_it_ended() {
    let desk = Desk::new();
    desk.add_meter("48");
    let handheld = desk.handheld("hh-1");
    let _other = desk.handheld("hh-2");
    let first = desk.issue_to("hh-1", METER, 10_000).id;
    let second = desk.issue_to("hh-1", METER, 2_500).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(first, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    let one = close(&desk, &of("hh-1"));
    assert_eq!(sums(&one), [0, 12_500, 10_000, 0, 2_500, 0, 0, 10_000]);
    assert_eq!((one.number, one.opened), (1, None));
    let report = desk.report();
    assert_eq!(
        ["customer", "in-transit", "meter-held", "revenue"].map(|place| figure(&report, place)),
        [-2_500, 2_500, 10_000, -10_000],
        "what was sold is revenue, what is out is still the customers'"
    );
    // Nothing twice: what is in one shift is in no other.
    let two = close(&desk, &of("hh-1"));
    assert_eq!(sums(&two), [2_500, 0, 0, 0, 2_500, 0, 0, 0]);
    assert_eq!((two.number, two.opened), (2, Some(one.closed)));
    // In doubt, settled, sold again, refunded.
    handheld.recharge(second, Decision::TornWrite);
    handheld.sync(&desk.post()).unwrap();
    let settle = |verdict| desk.settle(second, verdict, "read on site");
    settle(Verdict::NotBooked).unwrap();
    let order = Order { meter: meter(METER), amount: 4_000, device: device("hh-1"), days: 3 };
    let refund = desk.office().issue_for(&order, Deed::of(Act::Refund));
    let refund = desk.local.wait(refund).unwrap();
    // The torn write took a step, and no credit with it.
    let (refund, count) = (refund.id, refund.count_before.0);
    assert_eq!(count, COUNT + 2);
    handheld.sync(&desk.post()).unwrap();
    handheld.intent(refund);
    let after = evidence(meter(METER), count, 6_000, None);
    let said = Judgement { decision: Decision::Confirmed, after: Some(after), refusal_word: None };
    handheld.store.outcome(&handheld.stamp(), refund, said).unwrap();
    handheld.sync(&desk.post()).unwrap();
    let three = close(&desk, &of("hh-1"));
    assert_eq!(sums(&three), [2_500, 0, 0, 2_500, 0, 4_000, 0, -4_000]);
    assert_eq!(figure(&desk.report(), "revenue"), -6_000);
    // Another handheld has shifts of its own; an empty one closes too.
    assert_eq!(close(&desk, &of("hh-2")).sums, []);
    let all = desk.local.wait(desk.office().shifts(None)).unwrap();
    assert_eq!(all.len(), 4);
    let own = desk.local.wait(desk.office().shifts(Some(&of("hh-1")))).unwrap();
    assert_eq!(own.iter().map(|row| row.number).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(own[2], one, "as it was closed");
    // Every movement of the books is in exactly one of them.
    let mut seen = BTreeSet::new();
    for row in &own {
        let detail = desk.local.wait(desk.office().shift(&row.id)).unwrap();
        for line in detail.lines {
            assert!(seen.insert(line.op.clone()), "{} twice", line.op);
        }
    }
    assert_eq!(seen.len() as u64 * 2, desk.report().postings);
}

#[test]
fn a_booking_put_right_after_the_close_is_in_the_next_shift_and_revenue_follows() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let token = desk.issue_to("hh-1", METER, 3_000).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(token, Decision::Unreachable);
    handheld.sync(&desk.post()).unwrap();
    let settle = |verdict| desk.settle(token, verdict, "guess");
    settle(Verdict::NotBooked).unwrap();
    assert_eq!(sums(&close(&desk, &of("hh-1"))), [0, 3_000, 0, 3_000, 0, 0, 0, 0]);
    // It was in the meter after all.
    handheld.outcome(token, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    settle(Verdict::Booked).unwrap();
    assert_eq!(sums(&close(&desk, &of("hh-1"))), [0, 0, 0, 0, 0, 0, 3_000, 3_000]);
    assert_eq!(figure(&desk.report(), "revenue"), -3_000);
}

/// A token is whose who sent it first; both scopes see each movement once, and revenue is earned
/// once.
#[test]
fn an_operators_shift_holds_what_he_began_on_any_handheld() {
    let desk = Desk::new();
    desk.add_meter("48");
    desk.add_meter("49");
    for name in ["li", "wang"] {
        let new = NewOperator::new(operator(name), "Li Na", Role::Supervisor);
        desk.local.wait(desk.office().add_operator(&new)).unwrap();
    }
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    let mine = desk.issue_to("hh-1", METER, 1_000).id;
    let both = desk.issue_to("hh-1", "48", 200).id;
    let his = desk.issue_to("hh-2", "49", 30).id;
    for hand in [&one, &two] {
        hand.sync(&desk.post()).unwrap();
    }
    recharge_by(&one, "li", mine, Decision::Confirmed);
    recharge_by(&one, "li", both, Decision::NotApplied);
    recharge_by(&two, "wang", his, Decision::Confirmed);
    for hand in [&one, &two] {
        hand.sync(&desk.post()).unwrap();
    }
    let who = |name: &str| ShiftOf::Operator(operator(name));
    assert_eq!(sums(&close(&desk, &who("li"))), [0, 1_200, 1_000, 0, 200, 0, 0, 1_000]);
    recharge_by(&one, "wang", both, Decision::Confirmed);
    one.sync(&desk.post()).unwrap();
    assert_eq!(sums(&close(&desk, &who("li"))), [200, 0, 200, 0, 0, 0, 0, 200]);
    assert_eq!(sums(&close(&desk, &who("wang"))), [0, 30, 30, 0, 0, 0, 0, 30]);
    assert_eq!(sums(&close(&desk, &of("hh-1"))), [0, 1_200, 1_200, 0, 0, 0, 0, 1_200]);
    assert_eq!(figure(&desk.report(), "revenue"), -1_230, "earned once");
    let code = |made: Result<Shift, OfficeError>| made.unwrap_err().code();
    assert_eq!(code(desk.local.wait(desk.office().close_shift(&of("hh-9")))), "no-device");
    assert_eq!(code(desk.local.wait(desk.office().close_shift(&who("nobody")))), "no-operator");
}

/// Closed by two at once, with journals coming in between: numbers without gaps, no movement twice.
#[test]
fn two_who_close_at_once_make_two_shifts_of_different_movements() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    for _ in 0..6 {
        let token = desk.issue_to("hh-1", METER, 100).id;
        handheld.sync(&desk.post()).unwrap();
        handheld.recharge(token, Decision::Confirmed);
        handheld.sync(&desk.post()).unwrap();
        let own = of("hh-1");
        let (a, b) = desk.local.wait(async {
            tokio::join!(desk.office().close_shift(&own), desk.office().close_shift(&own))
        });
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.sound() && b.sound());
        assert_eq!(a.number.abs_diff(b.number), 1);
        let reserved = |shift: &Shift| sums(shift)[1];
        assert_eq!(reserved(&a) + reserved(&b), 100, "{a:?} {b:?}");
    }
    assert_eq!(figure(&desk.report(), "revenue"), -600);
}

fn sold(desk: &Desk, ask: &SalesAsk) -> Vec<SaleRow> {
    desk.local.wait(desk.office().sales(ask)).unwrap()
}

#[test]
fn sales_are_told_by_the_offices_own_days() {
    // 2026-11-21T15:30Z: half an hour before midnight in Shanghai.
    let desk = Desk::at(1_795_275_000);
    assert_eq!(desk.local.wait(desk.office().set_zone("Nowhere/X")).unwrap_err().code(), "usage");
    desk.local.wait(desk.office().set_zone("Asia/Shanghai")).unwrap();
    assert_eq!(desk.local.wait(desk.office().zone()).unwrap(), "Asia/Shanghai");
    let handheld = desk.handheld("hh-1");
    let first = desk.issue_to("hh-1", METER, 10_000).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(first, Decision::Confirmed);
    desk.clock.fetch_add(1_800, Ordering::Relaxed);
    handheld.sync(&desk.post()).unwrap();
    let ask = |period, by| SalesAsk { period, by, from: None, to: None };
    let days = sold(&desk, &ask(Period::Day, SalesBy::All));
    let figures: Vec<_> = days
        .iter()
        .map(|row| (row.period.as_str(), row.sum.issued, row.sum.issued_n, row.sum.booked))
        .collect();
    assert_eq!(figures, [("2026-11-21", 10_000, 1, 0), ("2026-11-22", 0, 0, 10_000)]);
    // What a close posts for revenue is no sale of its own, and what is over does not change.
    close(&desk, &of("hh-1"));
    desk.clock.fetch_add(30 * DAY, Ordering::Relaxed);
    let second = desk.issue_to("hh-1", METER, 500).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(second, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    let again = sold(&desk, &ask(Period::Day, SalesBy::All));
    assert_eq!((&again[..2], again.len()), (&days[..], 3));
    let years = sold(&desk, &ask(Period::Year, SalesBy::Operator));
    let figures: Vec<_> =
        years.iter().map(|row| (row.period.as_str(), row.key.as_str(), row.sum.net())).collect();
    assert_eq!(figures, [("2026", "li", 10_500)]);
    let from = desk.local.wait(desk.office().day("2026-11-22")).unwrap();
    assert_eq!(from.0, 1_795_276_800);
    let only = SalesAsk { from: Some(from), ..ask(Period::Month, SalesBy::Device) };
    let months: Vec<_> = sold(&desk, &only)
        .iter()
        .map(|row| (row.period.clone(), row.key.clone(), row.sum.booked_n))
        .collect();
    assert_eq!(
        months,
        [("2026-11".into(), "hh-1".into(), 1), ("2026-12".to_owned(), "hh-1".to_owned(), 1)]
    );
    assert_eq!(desk.local.wait(desk.office().day("22.11.")).unwrap_err().code(), "usage");
}

/// Sales, outcomes of every kind, settlements, replacements and closes in any order: every shift
/// closes at zero, every movement is in one shift of its handheld, and when all is closed revenue
/// is what is in the meters.
#[test]
fn whatever_happens_in_whatever_order_every_shift_closes_at_zero() {
    let mut closes = 0;
    for seed in 0..12_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
        let mut next = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
            (state >> 33) % most
        };
        let desk = Desk::new();
        desk.add_meter("48");
        let hands = [desk.handheld("hh-1"), desk.handheld("hh-2")];
        let places = [("hh-1", METER), ("hh-2", "48")];
        let mut out: [Vec<TokenId>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..40 {
            let who = next(2) as usize;
            let (name, no) = places[who];
            match next(7) {
                0 | 1 => {
                    let amount = 1 + next(9_000) as i64;
                    let order = Order { meter: meter(no), amount, device: device(name), days: 3 };
                    if let Ok(issued) = desk.local.wait(desk.office().issue(&order)) {
                        out[who].push(issued.id);
                    }
                }
                2 | 3 if !out[who].is_empty() => {
                    hands[who].sync(&desk.post()).unwrap();
                    let token = out[who].remove(0);
                    let decisions = [
                        Decision::Confirmed,
                        Decision::Confirmed,
                        Decision::NotApplied,
                        Decision::TornWrite,
                        Decision::Unreachable,
                        Decision::ConfirmedWeak,
                    ];
                    let decision = decisions[next(6) as usize];
                    if hands[who].store.open_intents().is_empty() {
                        hands[who].recharge(token, decision);
                    }
                    if next(2) == 0 {
                        hands[who].sync(&desk.post()).unwrap();
                    }
                }
                4 => {
                    hands[who].sync(&desk.post()).unwrap();
                    for row in desk.local.wait(desk.office().reviews(false)).unwrap() {
                        let Some(token) = row.token.and_then(|id| id.parse().ok()) else {
                            continue;
                        };
                        let verdict =
                            if next(2) == 0 { Verdict::Booked } else { Verdict::NotBooked };
                        let _ = desk.settle(token, verdict, "read on site");
                    }
                }
                5 => {
                    for token in std::mem::take(&mut out[who]) {
                        let office = desk.office();
                        let revoked = desk.local.wait(office.revoke_token(token));
                        if revoked.is_ok() {
                            let again = desk.local.wait(office.reissue(token, 3));
                            out[who].extend(again.map(|new| new.id));
                        }
                    }
                }
                _ => {
                    close(&desk, &of(name));
                    closes += 1;
                }
            }
        }
        hands.iter().for_each(|hand| drop(hand.sync(&desk.post())));
        let mut seen = BTreeSet::new();
        for (name, _) in places {
            close(&desk, &of(name));
            for row in desk.local.wait(desk.office().shifts(Some(&of(name)))).unwrap() {
                for line in desk.local.wait(desk.office().shift(&row.id)).unwrap().lines {
                    assert!(seen.insert(line.op.clone()), "seed {seed}: {} twice", line.op);
                }
            }
        }
        let report = desk.report();
        assert_eq!(seen.len() as u64 * 2, report.postings, "seed {seed}: none is missing");
        assert_eq!(figure(&report, "revenue"), -figure(&report, "meter-held"), "seed {seed}");
        assert_eq!(figure(&report, "customer"), -figure(&report, "in-transit"), "seed {seed}");
    }
    assert!(closes > 30, "{closes} closes in between");
}
