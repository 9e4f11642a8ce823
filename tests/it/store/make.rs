//! Values for the store's tests, built from small numbers.

use meterkit::store::{Identity, Stamp, StoreKey, TokenFacts};
use meterkit::units::{
    Credit, CreditUnit, Decision, Evidence, IntentFacts, Judgement, MeterNo, PurchaseCount,
    PurchaseRecord, RelayState, TokenId, UnixSeconds,
};

/// Tokens made here end then.
pub const EXPIRES: i64 = 2_000_000;

pub fn identity() -> Identity {
    Identity {
        tenant: "east-grid".into(),
        device: "hh-007".parse().unwrap(),
        device_seed: [7; 32],
        office_url: "https://office.example".into(),
        root_hash: [8; 32],
        roots: vec![vec![9; 40], vec![10; 50]],
        keyset: vec![1, 2, 3],
        ca: vec![4; 30],
        pins: vec![[5; 32], [6; 32]],
        epoch: 1,
    }
}

/// What the stores of these tests are sealed with.
pub fn key() -> StoreKey {
    StoreKey::from_bytes([0x4B; 32])
}

pub fn stamp(at: i64) -> Stamp {
    Stamp { at: UnixSeconds(at), boot_ms: 10, operator: "ann".into() }
}

pub fn meter(n: u64) -> MeterNo {
    n.to_string().parse().unwrap()
}

pub fn token_id(n: u64) -> TokenId {
    let mut id = [0x5A; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    TokenId(id)
}

/// Token `n` for a meter at purchase count `count`.
pub fn facts(n: u64, no: u64, count: u32) -> TokenFacts {
    TokenFacts {
        act: meterkit::units::Act::Recharge,
        id: token_id(n),
        meter: meter(no),
        account: (no + 1).to_string().parse().unwrap(),
        count_before: PurchaseCount(count),
        credit: Credit { value: 5_000, unit: CreditUnit::Yuan },
        seq: n,
        order: n.to_be_bytes(),
        not_before: UnixSeconds(0),
        issued: UnixSeconds(1),
        expires: UnixSeconds(EXPIRES),
        caps: 0,
        max_balance: Some(100_000),
    }
}

pub fn bytes(n: u64) -> Vec<u8> {
    let mut bytes = vec![0xD2; 229];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    bytes
}

/// What the meter of these facts shows at a purchase count.
pub fn shows(facts: &IntentFacts, count: u32) -> Evidence {
    let balance = facts.credit.with(1_000);
    Evidence {
        meter: facts.meter,
        account: Some(facts.account),
        count: PurchaseCount(count),
        balance,
        overdraft: 0,
        last_purchase: Some(PurchaseRecord {
            count: PurchaseCount(count),
            amount: 5_000,
            balances: Some([0, 5_000]),
        }),
        energy: None,
        meter_clock: Some(UnixSeconds(5)),
        relay: Some(RelayState::Closed),
        read_at: UnixSeconds(6),
        frames_digest: [count as u8; 32],
    }
}

/// A decision with a read-back that can mean it.
pub fn judged(facts: &IntentFacts, decision: Decision) -> Judgement {
    let n = facts.count_before.0;
    let after = match decision {
        Decision::Unreachable => None,
        Decision::NotApplied => Some(shows(facts, n)),
        _ => Some(shows(facts, n + 1)),
    };
    Judgement { decision, after, refusal_word: None }
}
