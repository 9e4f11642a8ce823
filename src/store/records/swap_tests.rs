//! Entries and rows of swaps read back as they were written.

use super::swap::{decode_swap, encode_swap};
use super::{decode_body, encode_body};
use crate::store::event::{Event, Stamp, SwapFacts, SwapFixed};
use crate::store::swap::SwapRow;
use crate::units::{
    AccountNo, Credit, CreditUnit, Evidence, MeterNo, PurchaseCount, SwapLeg, TokenId, UnixSeconds,
};
use proptest::option::of;
use proptest::prelude::*;

fn meter() -> impl Strategy<Value = MeterNo> {
    (0u64..1_000_000_000_000).prop_map(|n| n.to_string().parse().unwrap())
}

fn account() -> impl Strategy<Value = AccountNo> {
    (0u64..1_000_000_000_000).prop_map(|n| n.to_string().parse().unwrap())
}

fn unit() -> impl Strategy<Value = CreditUnit> {
    prop::sample::select(vec![CreditUnit::Yuan, CreditUnit::Kwh])
}

fn leg() -> impl Strategy<Value = SwapLeg> {
    prop::sample::select(SwapLeg::ALL)
}

prop_compose! {
    fn seen()(meter in meter(), account in of(account()), count: u32, value: i32, unit in unit())
        -> Evidence
    {
        Evidence {
            meter,
            account,
            count: PurchaseCount(count),
            balance: Credit { value: i64::from(value), unit },
            overdraft: 0,
            last_purchase: None,
            energy: None,
            meter_clock: None,
            relay: None,
            read_at: UnixSeconds(7),
            frames_digest: [3; 32],
        }
    }
}

prop_compose! {
    fn facts()(
        id: [u8; 16],
        meters in (meter(), meter()),
        accounts in (account(), account()),
        count: u32,
        unit in unit(),
        amounts: [i32; 3],
        seq: u32,
        times: [u32; 3],
    ) -> SwapFacts {
        let [most, provisional, arrears] = amounts.map(i64::from);
        let [not_before, issued, expires] = times.map(|time| UnixSeconds(i64::from(time)));
        SwapFacts {
            id: TokenId(id),
            meter: meters.0,
            account: accounts.0,
            count: PurchaseCount(count),
            old: meters.1,
            old_account: accounts.1,
            unit,
            most,
            provisional,
            arrears,
            seq: u64::from(seq),
            not_before,
            issued,
            expires,
        }
    }
}

proptest! {
    #[test]
    fn entries_come_back(
        swap in facts(),
        leg in leg(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        attempt: u32,
        amount: i32,
        count: u32,
        rests_on in of(seen()),
    ) {
        let stamp = Stamp { at: UnixSeconds(1), boot_ms: 2, operator: "ann".to_owned() };
        let (amount, count, meter) = (i64::from(amount), PurchaseCount(count), swap.meter);
        let fixed = SwapFixed { swap: swap.id, leg, attempt, meter, amount, count, rests_on };
        for event in [Event::SwapTaken { swap, bytes }, Event::SwapFixed(fixed)] {
            let body = decode_body(&encode_body(9, &stamp, &event)).unwrap();
            prop_assert_eq!(body.event, event);
        }
    }

    #[test]
    fn rows_come_back(
        facts in facts(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        [withdrawn, revoked, opened]: [bool; 3],
        outs: u32,
        credited in of(leg()),
    ) {
        let (taken_at, last_seq) = (UnixSeconds(5), 6);
        let row = SwapRow {
            facts,
            bytes,
            taken_at,
            withdrawn,
            revoked,
            outs,
            opened,
            credited,
            last_seq,
        };
        prop_assert_eq!(decode_swap(&encode_swap(&row)).unwrap(), row);
    }
}

/// Two credits can never stand beside each other; debits are told apart by their attempt.
#[test]
fn a_credit_has_one_identity_whatever_it_rests_on() {
    let id = TokenId([7; 16]);
    let token = |leg, attempt| SwapFacts::token(id, leg, attempt);
    assert_eq!(token(SwapLeg::In, 1), token(SwapLeg::Provisional, 1));
    let all = [
        token(SwapLeg::Out, 1),
        token(SwapLeg::Out, 2),
        token(SwapLeg::Open, 1),
        token(SwapLeg::In, 1),
        SwapFacts::token(TokenId([8; 16]), SwapLeg::In, 1),
    ];
    let apart: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(apart.len(), all.len());
}
