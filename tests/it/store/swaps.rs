//! The discipline around swaps: no credit before its debit, none twice, none beyond the leave.

use super::make::{bytes, meter, shows, stamp, token_id};
use super::{create, open_sound};
use meterkit::store::{Bounds, Event, Store, StoreError, SwapFacts, SwapFixed, TokenState};
use meterkit::units::{
    CreditUnit, Decision, Evidence, Judgement, Mark, PurchaseCount, SwapLeg, UnixSeconds,
};
use tempfile::TempDir;

const LIFE: i64 = 1_000;

fn leave() -> SwapFacts {
    SwapFacts {
        id: token_id(900),
        meter: meter(48),
        account: "49".parse().unwrap(),
        count: PurchaseCount(0),
        old: meter(47),
        old_account: "57".parse().unwrap(),
        unit: CreditUnit::Yuan,
        most: 800,
        provisional: 300,
        arrears: 0,
        seq: 1,
        not_before: UnixSeconds(0),
        issued: UnixSeconds(1),
        expires: UnixSeconds(LIFE),
    }
}

fn taken() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    store.append(&stamp(2), Event::SwapTaken { swap: leave(), bytes: bytes(900) }).unwrap();
    (dir, store)
}

/// What the old meter shows: 10.00.
fn old_shows() -> Evidence {
    let out = leave().fix(SwapLeg::Out, 1, (1, PurchaseCount(3)), None);
    shows(&leave().leg(&out).intent(), 3)
}

fn out(attempt: u32, amount: i64) -> SwapFixed {
    leave().fix(SwapLeg::Out, attempt, (amount, PurchaseCount(3)), Some(old_shows()))
}

fn leg(leg: SwapLeg, amount: i64) -> SwapFixed {
    leave().fix(leg, 1, (amount, PurchaseCount(0)), None)
}

fn fix(store: &Store, fixed: &SwapFixed) -> Result<(), StoreError> {
    store.append(&stamp(3), Event::SwapFixed(fixed.clone())).map(drop)
}

/// Sends a fixed leg, and reads it back as `decision`.
fn send(store: &Store, fixed: &SwapFixed, decision: Decision) {
    let facts = leave().leg(fixed).intent();
    let before = facts.count_before.0;
    store.intent(&stamp(4), facts, shows(&facts, before), &Bounds::NONE).unwrap();
    let moved = !facts.act.is_debit() && decision == Decision::Confirmed;
    let after = shows(&facts, before + u32::from(moved));
    let after = Some(after).filter(|_| decision != Decision::Unreachable);
    let judgement = Judgement { decision, after, refusal_word: None };
    store.outcome(&stamp(5), fixed.token(), judgement).unwrap();
}

#[test]
fn both_legs_in_their_order_and_each_once() {
    let (dir, store) = taken();
    let differs = |what| Err(StoreError::FactsDiffer(leave().id, what));
    let no = |what| Err(StoreError::Evidence(what));
    assert_eq!(fix(&store, &leg(SwapLeg::In, 700)), no("nothing was taken out"));
    assert_eq!(fix(&store, &out(2, 700)), differs("attempt"));
    assert_eq!(fix(&store, &out(1, 801)), differs("credit"));
    assert_eq!(fix(&store, &out(1, 0)), differs("credit"));
    let other = |change: fn(&mut Evidence)| {
        let mut seen = old_shows();
        change(&mut seen);
        SwapFixed { rests_on: Some(seen), ..out(1, 700) }
    };
    assert_eq!(fix(&store, &SwapFixed { rests_on: None, ..out(1, 700) }), no("no reading"));
    assert_eq!(fix(&store, &other(|e| e.meter = meter(1))), no("meter"));
    assert_eq!(fix(&store, &other(|e| e.account = None)), no("account"));
    assert_eq!(fix(&store, &other(|e| e.balance.unit = CreditUnit::Kwh)), no("unit"));
    assert_eq!(fix(&store, &other(|e| e.count = PurchaseCount(4))), no("count"));
    assert_eq!(fix(&store, &other(|e| e.balance.value = 699)), no("balance"));
    assert_eq!(fix(&store, &other(|e| e.overdraft = 301)), no("balance"));
    assert_eq!(fix(&store, &SwapFixed { meter: meter(48), ..out(1, 700) }), differs("meter"));

    fix(&store, &out(1, 700)).unwrap();
    assert_eq!(fix(&store, &leg(SwapLeg::In, 700)), no("nothing was taken out"));
    send(&store, &out(1, 700), Decision::Unreachable);
    let open = StoreError::OpenIntent { meter: meter(47), token: out(1, 700).token() };
    assert_eq!(fix(&store, &out(2, 690)), Err(open));
    let facts = leave().leg(&out(1, 700)).intent();
    let judgement = Judgement {
        decision: Decision::NotApplied,
        after: Some(shows(&facts, 3)),
        refusal_word: None,
    };
    store.outcome(&stamp(6), facts.token, judgement).unwrap();
    fix(&store, &out(2, 690)).unwrap();
    // The first attempt is never sent again.
    let again = store.intent(&stamp(7), facts, shows(&facts, 3), &Bounds::NONE);
    assert_eq!(again.unwrap_err(), StoreError::TokenWithdrawn(facts.token));
    send(&store, &out(2, 690), Decision::Confirmed);
    assert_eq!(fix(&store, &out(3, 100)), Err(StoreError::TokenUsed(out(2, 1).token())));
    assert_eq!(
        fix(&store, &leg(SwapLeg::Provisional, 10)),
        Err(StoreError::TokenUsed(out(2, 1).token()))
    );
    assert_eq!(fix(&store, &leg(SwapLeg::In, 700)), differs("credit"));
    fix(&store, &leg(SwapLeg::Open, 0)).unwrap();
    assert_eq!(
        fix(&store, &leg(SwapLeg::Open, 0)),
        Err(StoreError::Known(leg(SwapLeg::Open, 0).token()))
    );
    fix(&store, &leg(SwapLeg::In, 690)).unwrap();
    assert_eq!(fix(&store, &leg(SwapLeg::In, 690)), Err(StoreError::TokenUsed(leave().id)));
    send(&store, &leg(SwapLeg::In, 690), Decision::Confirmed);

    // All of it is found again in an index built anew.
    let rows = (store.swap(leave().id), store.tokens(None, 10));
    drop(store);
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let (store, _) = super::open(dir.path());
    assert_eq!((store.swap(leave().id), store.tokens(None, 10)), rows);
    let row = store.swap(leave().id).unwrap();
    let states = row.tokens().into_iter().map(|id| store.token(id).unwrap().state);
    let want = [TokenState::Accepted, TokenState::Cached, TokenState::Accepted];
    assert_eq!(states.collect::<Vec<_>>(), want);
    assert!(row.tokens().into_iter().all(|id| row.covers(&store.token(id).unwrap().facts)));
}

#[test]
fn a_provisional_credit_stands_alone() {
    let (_dir, store) = taken();
    let differs = |what| Err(StoreError::FactsDiffer(leave().id, what));
    fix(&store, &out(1, 700)).unwrap();
    assert_eq!(fix(&store, &leg(SwapLeg::Provisional, 301)), differs("credit"));
    fix(&store, &leg(SwapLeg::Provisional, 300)).unwrap();
    assert_eq!(leg(SwapLeg::Provisional, 1).token(), leg(SwapLeg::In, 1).token());
    assert_eq!(store.token(out(1, 1).token()).unwrap().state, TokenState::Withdrawn);
    assert_eq!(fix(&store, &out(2, 700)), Err(StoreError::TokenUsed(leave().id)));
    assert_eq!(fix(&store, &leg(SwapLeg::In, 300)), Err(StoreError::TokenUsed(leave().id)));
    let row = store.swap(leave().id).unwrap();
    assert_eq!(row.credited, Some(SwapLeg::Provisional));
}

#[test]
fn a_leave_that_is_over_or_taken_back_fixes_nothing() {
    let (dir, store) = taken();
    let late = store.append(&stamp(LIFE + 1), Event::SwapFixed(out(1, 700)));
    assert_eq!(late, Err(StoreError::TokenExpired(leave().id)));
    let twice = store.append(&stamp(3), Event::SwapTaken { swap: leave(), bytes: bytes(900) });
    assert_eq!(twice, Err(StoreError::Known(leave().id)));
    let other = SwapFacts { most: 801, ..leave() };
    let changed = store.append(&stamp(3), Event::SwapTaken { swap: other, bytes: bytes(900) });
    assert_eq!(changed, Err(StoreError::Conflict(leave().id)));
    fix(&store, &out(1, 700)).unwrap();
    store.revoke(&stamp(4), 1, &[leave().id]).unwrap();
    assert_eq!(fix(&store, &out(2, 690)), Err(StoreError::TokenRevoked(leave().id)));
    let facts = leave().leg(&out(1, 700)).intent();
    let sent = store.intent(&stamp(5), facts, shows(&facts, 3), &Bounds::NONE);
    assert_eq!(sent.unwrap_err(), StoreError::TokenRevoked(facts.token));
    drop(store);
    assert!(open_sound(dir.path()).swap(leave().id).unwrap().revoked);
}

#[test]
fn a_meter_that_was_swapped_out_is_credited_no_more() {
    let (_dir, store) = taken();
    let token = super::make::facts(1, 47, 3);
    store.import(&stamp(3), token, bytes(1)).unwrap();
    let mark =
        |on| Event::Marked { meter: meter(47), mark: Mark::SwappedOut, on, note: String::new() };
    store.append(&stamp(4), mark(true)).unwrap();
    let facts = token.intent();
    let sent = store.intent(&stamp(5), facts, shows(&facts, 3), &Bounds::NONE);
    assert_eq!(sent.unwrap_err(), StoreError::SwappedOut(meter(47)));
    store.append(&stamp(6), mark(false)).unwrap();
    assert!(store.intent(&stamp(7), facts, shows(&facts, 3), &Bounds::NONE).is_ok());
}
