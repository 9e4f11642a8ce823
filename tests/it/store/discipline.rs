//! What may be recorded and what may not: one row for each way to do it wrong.

use super::make::{EXPIRES, bytes, facts, identity, judged, key, meter, shows, stamp, token_id};
use super::{create, open, open_sound};
use crate::support::folders::copy;
use meterkit::store::{
    Bounds, Event, Imported, MAX_SENDS, Position, Store, StoreError, TokenFacts, TokenState,
    Withdrawal,
};
use meterkit::units::{Credit, CreditUnit, Decision, Evidence, IntentFacts, PurchaseCount};
use tempfile::TempDir;

fn with_tokens(list: &[TokenFacts]) -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    for (n, token) in list.iter().enumerate() {
        store.import(&stamp(2), *token, bytes(n as u64)).unwrap();
    }
    (dir, store)
}

fn one() -> (TempDir, Store, IntentFacts) {
    let token = facts(1, 500, 3);
    let (dir, store) = with_tokens(&[token]);
    (dir, store, token.intent())
}

fn begin(store: &Store, facts: &IntentFacts) {
    let before = shows(facts, facts.count_before.0);
    store.intent(&stamp(3), *facts, before, &Bounds::NONE).unwrap();
}

fn state(store: &Store, facts: &IntentFacts) -> TokenState {
    store.token(facts.token).unwrap().state
}

/// Does it, checks that it was refused this way and that nothing changed, then or after a restart.
fn refused<T: std::fmt::Debug>(
    store: &Store,
    want: &StoreError,
    what: impl FnOnce() -> Result<T, StoreError>,
) {
    let before = (store.summary(), store.tokens(None, 99), store.open_intents());
    let got = what().expect_err("must be refused");
    assert_eq!(&got, want);
    assert_eq!((store.summary(), store.tokens(None, 99), store.open_intents()), before, "{want}");
}

#[test]
fn a_second_handle_is_refused_and_names_the_process() {
    let (dir, store, _) = one();
    let error = Store::open(dir.path(), &key()).map(drop).unwrap_err();
    assert_eq!(error, StoreError::Locked { pid: Some(std::process::id()) });
    assert!(error.to_string().contains(&std::process::id().to_string()));
    drop(store);
    open_sound(dir.path());
}

#[test]
fn enrolment_happens_once() {
    let (dir, store, _) = one();
    drop(store);
    let again = Store::create(dir.path(), identity(), &stamp(9), &key()).map(drop);
    assert!(matches!(again, Err(StoreError::AlreadyEnrolled(_))), "{again:?}");
    let empty = tempfile::tempdir().unwrap();
    let missing = Store::open(empty.path(), &key()).map(drop);
    assert!(matches!(missing, Err(StoreError::NotEnrolled(_))), "{missing:?}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "looking leaves no trace");
    let store = open_sound(dir.path());
    assert_eq!(*store.identity(), identity());
    assert!(!format!("{:?}", store.identity()).contains("7, 7"), "the seed must not be printed");
}

#[cfg(unix)]
#[test]
fn the_identity_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, _store, _) = one();
    let mode =
        |path: &str| std::fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("journal"), mode("identity")), (0o700, 0o600));
}

#[test]
fn an_import_is_taken_once() {
    let (_dir, store, _) = one();
    let token = facts(1, 500, 3);
    let known = store.import(&stamp(4), token, bytes(0));
    assert_eq!(known, Ok(Imported::Known(token.id)));
    refused(&store, &StoreError::Known(token.id), || {
        store.append(&stamp(4), Event::TokenImported { token, bytes: bytes(0) })
    });
    refused(&store, &StoreError::Conflict(token.id), || store.import(&stamp(4), token, bytes(9)));
    let other = TokenFacts { credit: token.credit.with(1), ..token };
    refused(&store, &StoreError::Conflict(token.id), || store.import(&stamp(4), other, bytes(0)));
    let two = facts(2, 500, 4);
    assert!(matches!(store.import(&stamp(4), two, bytes(2)), Ok(Imported::New(_))));
    let of_meter: Vec<_> = store.tokens_for(meter(500)).iter().map(|t| t.facts.id).collect();
    assert_eq!(of_meter, [token.id, two.id], "oldest step first");
    assert_eq!((store.summary().tokens, store.summary().tokens_live), (2, 2));
}

#[test]
fn an_intent_needs_a_fitting_token_and_reading() {
    let (_dir, store, good) = one();
    let id = good.token;
    let before = shows(&good, 3);
    let unknown = IntentFacts { token: token_id(99), ..good };
    refused(&store, &StoreError::UnknownToken(token_id(99)), || {
        store.intent(&stamp(3), unknown, before.clone(), &Bounds::NONE)
    });
    let other: [(IntentFacts, &str); 5] = [
        (IntentFacts { meter: meter(501), ..good }, "meter"),
        (IntentFacts { account: "9".parse().unwrap(), ..good }, "account"),
        (IntentFacts { count_before: PurchaseCount(4), ..good }, "count"),
        (IntentFacts { credit: good.credit.with(5_001), ..good }, "credit"),
        (IntentFacts { order: [9; 8], ..good }, "order"),
    ];
    for (facts, what) in other {
        refused(&store, &StoreError::FactsDiffer(id, what), || {
            store.intent(&stamp(3), facts, before.clone(), &Bounds::NONE)
        });
    }
    let kwh = Credit { value: 1, unit: CreditUnit::Kwh };
    let readings: [(Evidence, &str); 6] = [
        (Evidence { meter: meter(501), ..before.clone() }, "meter"),
        (Evidence { account: None, ..before.clone() }, "account"),
        (Evidence { account: "9".parse().ok(), ..before.clone() }, "account"),
        (Evidence { count: PurchaseCount(2), ..before.clone() }, "count"),
        (Evidence { count: PurchaseCount(4), ..before.clone() }, "count"),
        (Evidence { balance: kwh, ..before.clone() }, "unit"),
    ];
    for (reading, what) in readings {
        refused(&store, &StoreError::Evidence(what), || {
            store.intent(&stamp(3), good, reading, &Bounds::NONE)
        });
    }
    refused(&store, &StoreError::TokenExpired(id), || {
        store.intent(&stamp(EXPIRES + 1), good, before.clone(), &Bounds::NONE)
    });
    let proof = store.intent(&stamp(3), good, before.clone(), &Bounds::NONE).unwrap();
    assert_eq!((proof.facts(), proof.seq()), (&good, store.summary().head.seq));
    let open = StoreError::OpenIntent { meter: good.meter, token: id };
    refused(&store, &open, || store.intent(&stamp(3), good, before.clone(), &Bounds::NONE));
}

#[test]
fn one_open_recharge_for_each_meter() {
    let (a, same, other) = (facts(1, 500, 3), facts(2, 500, 3), facts(3, 501, 3));
    let (dir, store) = with_tokens(&[a, same, other]);
    begin(&store, &a.intent());
    let open = StoreError::OpenIntent { meter: a.meter, token: a.id };
    refused(&store, &open, || {
        store.intent(&stamp(3), same.intent(), shows(&same.intent(), 3), &Bounds::NONE)
    });
    begin(&store, &other.intent());
    drop(store);
    let store = open_sound(dir.path());
    refused(&store, &open, || {
        store.intent(&stamp(3), same.intent(), shows(&same.intent(), 3), &Bounds::NONE)
    });
    assert_eq!(store.summary().open_intents, 2);
    let not_applied = judged(&a.intent(), Decision::NotApplied);
    store.outcome(&stamp(4), a.id, not_applied).unwrap();
    begin(&store, &same.intent());
}

#[test]
fn a_resend_needs_an_open_recharge_and_proof() {
    let (dir, store, good) = one();
    let id = good.token;
    let at_step = shows(&good, 3);
    refused(&store, &StoreError::UnknownToken(token_id(9)), || {
        store.resend(&stamp(4), token_id(9), at_step.clone())
    });
    refused(&store, &StoreError::NoOpenIntent(id), || store.resend(&stamp(4), id, at_step.clone()));
    begin(&store, &good);
    refused(&store, &StoreError::Evidence("count"), || {
        store.resend(&stamp(4), id, shows(&good, 4))
    });
    refused(&store, &StoreError::Evidence("account"), || {
        store.resend(&stamp(4), id, Evidence { account: None, ..at_step.clone() })
    });
    refused(&store, &StoreError::TokenExpired(id), || {
        store.resend(&stamp(EXPIRES + 1), id, at_step.clone())
    });
    for sends in 2..=MAX_SENDS {
        let proof = store.resend(&stamp(4), id, at_step.clone()).unwrap();
        assert_eq!(proof.facts(), &good);
        assert_eq!(store.open_intent(good.meter).unwrap().sends, sends);
    }
    let enough = StoreError::TooManySends(id, MAX_SENDS);
    refused(&store, &enough, || store.resend(&stamp(4), id, at_step.clone()));
    drop(store);
    let store = open_sound(dir.path());
    refused(&store, &enough, || store.resend(&stamp(4), id, at_step.clone()));
}

#[test]
fn a_withdrawn_token_is_not_sent_again_but_its_recharge_is_finished() {
    let (_dir, store, good) = one();
    let id = good.token;
    begin(&store, &good);
    let reason = Withdrawal::Superseded;
    let withdraw = || store.append(&stamp(5), Event::TokenWithdrawn { id, reason, receipt: 1 });
    withdraw().unwrap();
    assert_eq!(state(&store, &good), TokenState::Intent, "it may be in the meter");
    refused(&store, &StoreError::TokenWithdrawn(id), || {
        store.resend(&stamp(6), id, shows(&good, 3))
    });
    store.outcome(&stamp(6), id, judged(&good, Decision::NotApplied)).unwrap();
    assert_eq!(state(&store, &good), TokenState::Withdrawn);
    refused(&store, &StoreError::TokenWithdrawn(id), || {
        store.intent(&stamp(7), good, shows(&good, 3), &Bounds::NONE)
    });
    // Its frame was out there: if it arrives late after all, that is a fact to be kept.
    store.late_outcome(&stamp(8), id, judged(&good, Decision::Confirmed)).unwrap();
    assert_eq!(state(&store, &good), TokenState::Accepted);
    let unknown = Event::TokenWithdrawn { id: token_id(9), reason, receipt: 1 };
    refused(&store, &StoreError::UnknownToken(token_id(9)), || store.append(&stamp(9), unknown));
}

/// Each decision: where the token stands, whether the meter is free again, whether a new recharge
/// with the token may begin.
#[test]
fn outcomes() {
    use Decision::*;
    let table = [
        (Confirmed, TokenState::Accepted, true),
        (ConfirmedWeak, TokenState::Accepted, true),
        (NotApplied, TokenState::NotApplied, true),
        (Raced, TokenState::Raced, true),
        (TornWrite, TokenState::Disputed, false),
        (Reset, TokenState::Disputed, false),
        (Contradiction, TokenState::Disputed, false),
        (Unreachable, TokenState::Intent, false),
    ];
    for (decision, want, free) in table {
        let (dir, store, good) = one();
        let id = good.token;
        refused(&store, &StoreError::NoOpenIntent(id), || {
            store.outcome(&stamp(4), id, judged(&good, decision))
        });
        begin(&store, &good);
        store.outcome(&stamp(4), id, judged(&good, decision)).unwrap();
        for round in 0..2 {
            let store = if round == 0 { store.clone() } else { reopened(&dir) };
            assert_eq!(state(&store, &good), want, "{decision:?}");
            assert_eq!(store.open_intent(good.meter).is_none(), free, "{decision:?}");
            assert_eq!(store.summary().open_intents, u64::from(!free), "{decision:?}");
            let live = u64::from(want.usable());
            assert_eq!(store.summary().tokens_live, live, "{decision:?}");
            if let Some(open) = store.open_intent(good.meter) {
                assert_eq!(open.last_judgement, Some(judged(&good, decision)));
                assert_eq!(open.disputed, want == TokenState::Disputed);
            }
            if round == 0 {
                drop(store);
            }
        }
        drop(dir);
    }
}

/// A copy of the store, opened: the first handle may live on.
fn reopened(dir: &TempDir) -> Store {
    let other = tempfile::tempdir().unwrap();
    copy(&dir.path().join("journal"), &other.path().join("journal"));
    std::fs::copy(dir.path().join("identity"), other.path().join("identity")).unwrap();
    copy(&dir.path().join("snapshots"), &other.path().join("snapshots"));
    let (store, opened) = open(other.path());
    assert_eq!(opened.read_only, None);
    store
}

#[test]
fn a_closing_outcome_needs_a_reading_that_can_mean_it() {
    use Decision::*;
    let (_dir, store, good) = one();
    begin(&store, &good);
    let table = [
        (Confirmed, Some(shows(&good, 3)), "count"),
        (ConfirmedWeak, Some(shows(&good, 3)), "count"),
        (NotApplied, Some(shows(&good, 4)), "count"),
        (NotApplied, Some(shows(&good, 2)), "count"),
        (Raced, Some(shows(&good, 3)), "count"),
        (Confirmed, Some(Evidence { account: None, ..shows(&good, 4) }), "account"),
        (Confirmed, Some(Evidence { meter: meter(9), ..shows(&good, 4) }), "meter"),
        (Unreachable, Some(Evidence { meter: meter(9), ..shows(&good, 4) }), "meter"),
        (Confirmed, None, "no read-back"),
        (NotApplied, None, "no read-back"),
        (TornWrite, None, "no read-back"),
    ];
    for (decision, after, what) in table {
        let judgement = meterkit::units::Judgement { decision, after, refusal_word: None };
        refused(&store, &StoreError::Evidence(what), || {
            store.outcome(&stamp(4), good.token, judgement)
        });
    }
}

#[test]
fn a_disputed_recharge_is_settled_by_the_office_alone() {
    for (booked, want) in [(true, TokenState::Accepted), (false, TokenState::Withdrawn)] {
        let (_dir, store, good) = one();
        let (token, meter) = (good.token, good.meter);
        begin(&store, &good);
        store.outcome(&stamp(4), token, judged(&good, Decision::TornWrite)).unwrap();
        // A later reading is kept as evidence; it does not decide.
        for decision in [Decision::Confirmed, Decision::NotApplied, Decision::Unreachable] {
            store.outcome(&stamp(5), token, judged(&good, decision)).unwrap();
            assert_eq!(state(&store, &good), TokenState::Disputed, "{decision:?}");
        }
        refused(&store, &StoreError::Disputed(token), || {
            store.resend(&stamp(5), token, shows(&good, 3))
        });
        store.append(&stamp(6), Event::Resolved { token, meter, by: 7, booked }).unwrap();
        assert_eq!(state(&store, &good), want);
        assert_eq!(store.open_intents(), []);
        // Told again: recorded, nothing changes.
        store.append(&stamp(6), Event::Resolved { token, meter, by: 7, booked }).unwrap();
        assert_eq!(state(&store, &good), want);
    }
}

#[test]
fn accepted_is_for_ever() {
    let (_dir, store, good) = one();
    let (token, meter) = (good.token, good.meter);
    begin(&store, &good);
    store.outcome(&stamp(4), token, judged(&good, Decision::Confirmed)).unwrap();
    let used = StoreError::TokenUsed(token);
    refused(&store, &used, || store.intent(&stamp(5), good, shows(&good, 3), &Bounds::NONE));
    refused(&store, &used, || {
        store.late_outcome(&stamp(5), token, judged(&good, Decision::Confirmed))
    });
    let no = StoreError::NoOpenIntent(token);
    refused(&store, &no, || store.outcome(&stamp(5), token, judged(&good, Decision::NotApplied)));
    refused(&store, &no, || store.resend(&stamp(5), token, shows(&good, 3)));
    store.append(&stamp(5), Event::Resolved { token, meter, by: 1, booked: false }).unwrap();
    let reason = Withdrawal::Settled;
    store.append(&stamp(5), Event::TokenWithdrawn { id: token, reason, receipt: 1 }).unwrap();
    assert_eq!(state(&store, &good), TokenState::Accepted);
}

#[test]
fn a_frame_that_arrives_late() {
    let (_dir, store, good) = one();
    let id = good.token;
    let late = |decision| store.late_outcome(&stamp(5), id, judged(&good, decision));
    refused(&store, &StoreError::NoOpenIntent(id), || late(Decision::Confirmed));
    begin(&store, &good);
    let open = StoreError::OpenIntent { meter: good.meter, token: id };
    refused(&store, &open, || late(Decision::Confirmed));
    store.outcome(&stamp(4), id, judged(&good, Decision::NotApplied)).unwrap();
    refused(&store, &StoreError::Evidence("not accepted"), || late(Decision::NotApplied));
    // Another recharge may be under way on the meter meanwhile; it stays open.
    let second = facts(2, 500, 3);
    store.import(&stamp(5), second, bytes(2)).unwrap();
    begin(&store, &second.intent());
    late(Decision::Confirmed).unwrap();
    assert_eq!(state(&store, &good), TokenState::Accepted);
    assert_eq!(store.open_intent(good.meter).map(|o| o.facts.token), Some(second.id));
}

#[test]
fn a_receipt_must_acknowledge_a_prefix_of_this_journal() {
    let (dir, store, _) = one();
    let head = store.summary().head;
    let receipt = |number, acked| store.append(&stamp(9), Event::ReceiptStored { number, acked });
    let lies = [
        (Position { epoch: 2, ..head }, "epoch"),
        (Position { seq: head.seq + 1, ..head }, "beyond the head"),
        (Position { hash: [0; 32], ..head }, "hash"),
        (Position { seq: head.seq - 1, ..head }, "hash"),
    ];
    for (acked, what) in lies {
        let want = StoreError::ReceiptMismatch { number: 1, what };
        refused(&store, &want, || receipt(1, acked));
    }
    assert_eq!(store.summary().unsynced, 2);
    receipt(5, head).unwrap();
    let summary = store.summary();
    assert_eq!((summary.acked, summary.receipt, summary.unsynced), (Some(head), Some(5), 1));
    refused(&store, &StoreError::ReceiptOld(5), || receipt(5, head));
    let first = Position { seq: 1, hash: store.events(1, 1)[0].hash, ..head };
    refused(&store, &StoreError::ReceiptOld(6), || receipt(6, first));
    drop(store);
    assert_eq!(open_sound(dir.path()).summary(), summary);
}

#[test]
fn entries_only_the_store_writes_are_not_taken() {
    let (_dir, store, good) = one();
    let before = shows(&good, 3);
    let events = [
        (Event::Intent { facts: good, before: before.clone() }, "intent"),
        (Event::Resend { token: good.token, after_read: before }, "resend"),
        (Event::TailCut { file: String::new(), offset: 0, bytes: 0 }, "cut"),
    ];
    for (event, what) in events {
        refused(&store, &StoreError::NotThisWay(what), || store.append(&stamp(3), event));
    }
    let long = meterkit::store::Stamp { operator: "x".repeat(65), ..stamp(3) };
    let anchor = Event::TimeAnchor { server: meterkit::units::UnixSeconds(1) };
    let big = StoreError::TooBig { what: "operator", size: 65, limit: 64 };
    refused(&store, &big, || store.append(&long, anchor));
}

#[test]
fn many_threads_one_order() {
    let (dir, store, _) = one();
    let writers: Vec<_> = (0..4u64)
        .map(|thread| {
            let store = store.clone();
            std::thread::spawn(move || {
                for n in 0..25 {
                    let token = facts(1_000 + thread * 100 + n, 600 + thread, n as u32);
                    store.import(&stamp(3), token, bytes(n)).unwrap();
                    assert!(store.token(token.id).is_some());
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|w| w.join().unwrap());
    let summary = store.summary();
    assert_eq!((summary.events, summary.tokens), (102, 101));
    assert_eq!(store.verify().unwrap().records, 102);
    drop(store);
    assert_eq!(open_sound(dir.path()).summary(), summary);
}
