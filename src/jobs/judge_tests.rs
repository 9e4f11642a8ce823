//! Every row of the read-back table, and the edges of its windows.

use super::judge::{Limits, ROUNDING, judge, window};
use crate::units::{
    AccountNo, Credit, CreditUnit, Decision, Energy, Evidence, IntentFacts, Money, PurchaseCount,
    PurchaseRecord, TokenId, UnixSeconds,
};

/// 3 yuan/kWh, 36 kW: one second of load is 0.01 kWh and 0.03 yuan.
const LIMITS: Limits = Limits { price_fen_per_kwh: 300, power_w: 36_000 };

const N: u32 = 7;
const A: i64 = 5_000;

fn facts() -> IntentFacts {
    IntentFacts {
        act: crate::units::Act::Recharge,
        token: TokenId([1; 16]),
        meter: "47".parse().unwrap(),
        account: "112233445566".parse().unwrap(),
        count_before: PurchaseCount(N),
        credit: Credit { value: A, unit: CreditUnit::Yuan },
        order: [0; 8],
    }
}

/// A reading `at` seconds: count, balance, overdraft; energy 100.00 kWh.
fn reading(at: i64, count: u32, balance: i64, overdraft: i64) -> Evidence {
    Evidence {
        meter: facts().meter,
        account: Some(facts().account),
        count: PurchaseCount(count),
        balance: Credit { value: balance, unit: CreditUnit::Yuan },
        overdraft,
        last_purchase: None,
        energy: Some(Energy(10_000)),
        meter_clock: None,
        relay: None,
        read_at: UnixSeconds(at),
        frames_digest: [0; 32],
    }
}

fn record(count: u32, amount: i64, before: i64, after: i64) -> PurchaseRecord {
    PurchaseRecord { count: PurchaseCount(count), amount, balances: Some([before, after]) }
}

fn decided(before: &Evidence, after: &Evidence, record: Option<PurchaseRecord>) -> Decision {
    judge(&facts(), before, Some(after), record, None, LIMITS).decision
}

/// With the same energy on both readings the window is (0 + 1) x 3 fen + 2 = 5 fen.
const STILL: i64 = 5;

#[test]
fn the_table_row_by_row() {
    use Decision::*;
    let next = N + 1;
    let ours = |before: i64, after: i64| Some(record(next, A, before, after));
    // (row, before (B, O), after (C', B', O'), record of step n+1, decision)
    type Row = (&'static str, (i64, i64), (u32, i64, i64), Option<PurchaseRecord>, Decision);
    let rows: &[Row] = &[
        ("n, no record", (1000, 0), (N, 1000, 0), None, NotApplied),
        ("n, old record", (1000, 0), (N, 998, 0), Some(record(N, 1, 0, 1)), NotApplied),
        ("n, but our record", (1000, 0), (N, 1000, 0), ours(1000, 6000), Contradiction),
        ("n, but the balance grew", (1000, 0), (N, 6000, 0), None, Contradiction),
        ("n, but the debt shrank", (0, 4000), (N, 0, 100), None, Contradiction),
        ("ours, sound", (1000, 0), (next, 6000, 0), ours(1000, 6000), Confirmed),
        ("ours, a little used", (1000, 0), (next, 5997, 0), ours(998, 5998), Confirmed),
        ("overdraft repaid first", (0, 1200), (next, 3800, 0), ours(0, 3800), Confirmed),
        ("overdraft eats it all", (0, 9000), (next, 0, 4000), ours(0, 0), Confirmed),
        ("overdraft exactly", (0, A), (next, 0, 0), ours(0, 0), Confirmed),
        ("overdraft grew meanwhile", (0, 1200), (next, 3797, 0), ours(0, 3797), Confirmed),
        ("another amount", (1000, 0), (next, 1200, 0), Some(record(next, 200, 1000, 1200)), Raced),
        (
            "another amount, any balance",
            (1000, 0),
            (next, 9, 9),
            Some(record(next, 1, 0, 0)),
            Raced,
        ),
        ("torn: balance did not move", (1000, 0), (next, 1000, 0), ours(1000, 6000), TornWrite),
        ("torn: balance moved by half", (1000, 0), (next, 3500, 0), ours(1000, 6000), TornWrite),
        ("torn: the record says so", (1000, 0), (next, 1000, 0), ours(1000, 1000), TornWrite),
        ("torn: debt not repaid", (0, 1200), (next, 0, 1200), ours(0, 3800), TornWrite),
        ("overdraft not deducted", (0, 1200), (next, 5000, 0), ours(0, 5000), Contradiction),
        ("too much booked", (1000, 0), (next, 11_000, 0), ours(1000, 6000), Contradiction),
        ("record adds too much", (1000, 0), (next, 6000, 0), ours(1000, 6010), Contradiction),
        ("record starts elsewhere", (1000, 0), (next, 5500, 0), ours(500, 5500), Contradiction),
        ("record starts higher", (1000, 0), (next, 6100, 0), ours(1100, 6100), Contradiction),
        ("no record, balance moved", (1000, 0), (next, 5999, 0), None, ConfirmedWeak),
        ("no record, debt repaid", (0, 1200), (next, 3800, 0), None, ConfirmedWeak),
        ("no record, balance did not move", (1000, 0), (next, 1000, 0), None, Contradiction),
        ("no record, moved by half", (1000, 0), (next, 3500, 0), None, Contradiction),
        ("no record, moved too far", (1000, 0), (next, 6010, 0), None, Contradiction),
        (
            "record of another step",
            (1000, 0),
            (next, 6000, 0),
            Some(record(N, A, 1000, 6000)),
            ConfirmedWeak,
        ),
        ("later purchases, ours sound", (1000, 0), (N + 3, 9, 0), ours(1000, 6000), ConfirmedWeak),
        ("later purchases, raced", (1000, 0), (N + 3, 9, 0), Some(record(next, 1, 2, 3)), Raced),
        ("later purchases, torn", (1000, 0), (N + 3, 9, 0), ours(1000, 1000), TornWrite),
        ("later purchases, no record", (1000, 0), (N + 2, 6000, 0), None, Contradiction),
        ("count went back", (1000, 0), (N - 1, 1000, 0), None, Reset),
        ("count zero", (1000, 0), (0, 0, 0), ours(1000, 6000), Reset),
    ];
    for (row, (balance, overdraft), (count, is, owes), record, expect) in rows {
        let before = reading(0, N, *balance, *overdraft);
        let after = reading(10, *count, *is, *owes);
        assert_eq!(decided(&before, &after, *record), *expect, "{row}");
    }
}

#[test]
fn a_record_without_balances_names_the_step_and_the_balance_speaks() {
    use Decision::*;
    let next = N + 1;
    let bought =
        |count, amount| Some(PurchaseRecord { balances: None, ..record(count, amount, 0, 0) });
    type Row = (&'static str, (i64, i64), (u32, i64, i64), Option<PurchaseRecord>, Decision);
    let rows: &[Row] = &[
        ("sound", (1000, 0), (next, 6000, 0), bought(next, A), Confirmed),
        ("overdraft repaid", (0, 1200), (next, 3800, 0), bought(next, A), Confirmed),
        ("another amount", (1000, 0), (next, 8700, 0), bought(next, 7700), Raced),
        ("balance did not move", (1000, 0), (next, 1000, 0), bought(next, A), TornWrite),
        ("balance moved too far", (1000, 0), (next, 11_000, 0), bought(next, A), Contradiction),
        ("n, but our record", (1000, 0), (N, 1000, 0), bought(next, A), Contradiction),
        ("n, the record before", (1000, 0), (N, 1000, 0), bought(N, 7), NotApplied),
        ("later purchases, ours hidden", (1000, 0), (N + 2, 6000, 0), None, Contradiction),
    ];
    for (row, (balance, overdraft), (count, is, owes), record, expect) in rows {
        let before = reading(0, N, *balance, *overdraft);
        let after = Evidence { last_purchase: *record, ..reading(10, *count, *is, *owes) };
        assert_eq!(decided(&before, &after, *record), *expect, "{row}");
    }
}

#[test]
fn epoch_unit_and_reach() {
    let before = reading(0, N, 1000, 0);
    let good = Some(record(N + 1, A, 1000, 6000));
    for account in [None, Some("665544332211".parse::<AccountNo>().unwrap())] {
        let after = Evidence { account, ..reading(10, N + 1, 6000, 0) };
        assert_eq!(decided(&before, &after, good), Decision::Reset, "{account:?}");
    }
    let mut after = reading(10, N + 1, 6000, 0);
    after.balance.unit = CreditUnit::Kwh;
    assert_eq!(decided(&before, &after, good), Decision::Contradiction);

    let none = judge(&facts(), &before, None, None, Some(0x20), LIMITS);
    assert_eq!(none.decision, Decision::Unreachable);
    assert_eq!(none.refusal_word, Some(0x20), "kept for people");
    let other = Evidence { meter: "48".parse().unwrap(), ..reading(10, N + 1, 6000, 0) };
    let judged = judge(&facts(), &before, Some(&other), good, None, LIMITS);
    assert_eq!((judged.decision, judged.after), (Decision::Unreachable, None));
}

#[test]
fn a_refusal_word_is_never_evidence() {
    let before = reading(0, N, 1000, 0);
    let cases = [
        (reading(10, N, 1000, 0), None),
        (reading(10, N + 1, 6000, 0), Some(record(N + 1, A, 1000, 6000))),
        (reading(10, N + 1, 1000, 0), Some(record(N + 1, A, 1000, 6000))),
        (reading(10, 0, 0, 0), None),
    ];
    for (after, record) in cases {
        let plain = judge(&facts(), &before, Some(&after), record, None, LIMITS);
        for word in [0u16, 1, 2, 0x20, 0x40, 0xFFFF] {
            let with = judge(&facts(), &before, Some(&after), record, Some(word), LIMITS);
            assert_eq!(with.decision, plain.decision, "word {word:#x}");
        }
    }
}

#[test]
fn the_window_is_exact_at_both_ends() {
    let before = reading(0, N, 1000, 0);
    let sound = Some(record(N + 1, A, 1000, 6000));
    for (balance, expect) in [
        (6000 + ROUNDING + 1, Decision::Contradiction),
        (6000 + ROUNDING, Decision::Confirmed),
        (6000 - STILL, Decision::Confirmed),
        (6000 - STILL - 1, Decision::TornWrite),
    ] {
        let after = reading(10, N + 1, balance, 0);
        assert_eq!(decided(&before, &after, sound), expect, "balance {balance}");
    }
}

#[test]
fn energy_measures_the_window_and_time_replaces_it() {
    let before = reading(0, N, 100_000, 0);
    let mut after = reading(3600, N + 1, 100_000, 0);
    // 10 kWh flowed: 30 yuan at most.
    after.energy = Some(Energy(11_000));
    assert_eq!(window(&before, &after, LIMITS), 1001 * 3 + 2);
    after.energy = None;
    // An hour at 36 kW.
    assert_eq!(window(&before, &after, LIMITS), (3602 + 1) * 3 + 2);
    after.read_at = UnixSeconds(-1);
    assert_eq!(window(&before, &after, LIMITS), i64::MAX, "the handheld's clock went back");
    after.energy = Some(Energy(9_999));
    assert_eq!(window(&before, &after, LIMITS), i64::MAX, "the register ran backwards");
    let mut kwh = reading(0, N, 0, 0);
    kwh.balance.unit = CreditUnit::Kwh;
    assert_eq!(window(&reading(0, N, 0, 0), &kwh, LIMITS), 2);
}

#[test]
fn a_window_as_wide_as_the_credit_proves_nothing() {
    let before = reading(0, N, 100_000, 0);
    // 17 kWh x 3 yuan = 51 yuan: as much as the credit of 50 yuan.
    let late =
        |balance| Evidence { energy: Some(Energy(11_700)), ..reading(7200, N + 1, balance, 0) };
    let sound = Some(record(N + 1, A, 100_000, 105_000));
    assert_eq!(decided(&before, &late(101_000), sound), Decision::ConfirmedWeak);
    // The record alone cannot be told from a torn write now, and without one nothing is left.
    assert_eq!(decided(&before, &late(100_000), sound), Decision::ConfirmedWeak);
    assert_eq!(decided(&before, &late(101_000), None), Decision::Contradiction);
}

#[test]
fn the_next_record_shows_whether_the_credit_was_there() {
    let before = reading(0, N, 1000, 0);
    let sound = Some(record(N + 1, A, 1000, 6000));
    for (next, expect) in [
        (Some(record(N + 2, 300, 5999, 6299)), Decision::Confirmed),
        (Some(record(N + 2, 300, 1000, 1300)), Decision::TornWrite),
        (Some(record(N + 2, 300, 6100, 6400)), Decision::Contradiction),
        (None, Decision::ConfirmedWeak),
    ] {
        let after = Evidence { last_purchase: next, ..reading(10, N + 2, 0, 0) };
        assert_eq!(decided(&before, &after, sound), expect, "{next:?}");
    }
}

#[test]
fn every_decision_is_reached_and_none_panics() {
    // A sweep over small worlds, extremes included; and what must hold in all of them.
    let numbers = [i64::MIN, -1, 0, 1, 999, 1000, 5000, 6000, i64::MAX];
    let mut seen = std::collections::HashSet::new();
    for count in [0, N - 1, N, N + 1, N + 2, u32::MAX] {
        for balance in numbers {
            for overdraft in [0, 1200, i64::MAX] {
                for amount in [1, A, i64::MAX] {
                    for start in numbers {
                        let after = reading(10, count, balance, overdraft);
                        let sum = start.saturating_add(A);
                        let record = Some(record(N + 1, amount, start, sum));
                        let decision = decided(&reading(0, N, 1000, 0), &after, record);
                        seen.insert(decision);
                        if decision == Decision::Confirmed {
                            assert_eq!((amount, count), (A, N + 1));
                            let net = Money(balance.saturating_sub(overdraft));
                            assert!((6000 - STILL..=6000 + ROUNDING).contains(&net.0), "{net}");
                        }
                        if amount != A && count > N {
                            assert_eq!(decision, Decision::Raced);
                        }
                    }
                }
            }
        }
    }
    assert!(seen.len() >= 6, "{seen:?}");
}
