//! The exchange between handheld and office: whole, interrupted, over a socket, against a liar.

#![cfg(feature = "office")]

mod again;
mod bundles;
mod checkpoint;
mod clocks;
mod deaths;
mod enrolment;
pub mod fake;
mod http;
mod lies;
mod link;
pub mod media;
mod mix;
pub mod packs;
mod parallel;
mod rounds;
mod tls;
mod trust;

use crate::office::desk::{Desk, METER, NOW, device, figure, meter, stamp};
use meterkit::office::{Offer, Order, Verdict};
use meterkit::store::{Event, TokenState};
use meterkit::sync::wire::{self, EntryOutcome};
use meterkit::sync::{Post, Session, SyncError};
use meterkit::units::Decision;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

const AMOUNT: i64 = 10_000;

#[test]
fn a_recharge_goes_from_the_desk_to_the_meter_and_back_into_the_ledger() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    let first = handheld.sync(&desk.post()).unwrap();
    assert_eq!((first.tokens, first.meters, first.refused.len()), (1, Some(1), 0));
    assert_eq!(first.still_out[0].value, AMOUNT);
    assert_eq!(figure(&desk.report(), "delivered"), 1, "the import went up in the same exchange");
    let row = handheld.store.meter(meter(METER)).unwrap();
    assert_eq!((row.customer.as_str(), row.location.as_str()), ("Zhang San", "B2 1203"));
    handheld.recharge(issued.id, Decision::Confirmed);
    let second = handheld.sync(&desk.post()).unwrap();
    assert_eq!(second.tokens + second.known, 0, "a delivered token is not sent again");
    assert_eq!(second.meters, None, "an unchanged area costs nothing");
    assert!(second.still_out.is_empty());
    let applied = second.outcomes.iter().filter(|(_, o)| *o == EntryOutcome::Applied);
    assert_eq!(applied.count(), 2, "intent and outcome: {:?}", second.outcomes);
    let report = desk.report();
    assert_eq!(figure(&report, "meter-held"), AMOUNT);
    assert_eq!((report.meters[0].recharges, report.meters[0].count), (1, 6));
    assert_eq!(handheld.store.summary().last_sync.map(|at| at.0), Some(NOW));
    // What is left unacknowledged is the bookkeeping of the last receipt and status.
    assert!(handheld.store.summary().unsynced <= 2);
}

#[test]
fn several_tokens_of_one_meter_are_applied_in_their_order() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let tokens: Vec<_> = (0..3).map(|_| desk.issue_to("hh-1", METER, AMOUNT).id).collect();
    handheld.sync(&desk.post()).unwrap();
    for token in &tokens {
        handheld.recharge(*token, Decision::Confirmed);
    }
    handheld.sync(&desk.post()).unwrap();
    let report = desk.report();
    assert_eq!((figure(&report, "applied"), figure(&report, "meter-held")), (3, 3 * AMOUNT));
    assert_eq!(report.meters[0].count, 8);
    assert!(desk.open_classes().is_empty(), "{:?}", desk.open_classes());
    assert_eq!(desk.issue_to("hh-1", METER, 1).count_before.0, 8);
}

#[test]
fn a_suspect_token_is_resolved_by_a_later_reading() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    handheld.intent(issued.id);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(figure(&desk.report(), "suspect"), 1, "sent, or about to be: nobody knows");
    handheld.outcome(issued.id, Decision::Unreachable);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(figure(&desk.report(), "suspect"), 1);
    handheld.outcome(issued.id, Decision::NotApplied);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(figure(&desk.report(), "delivered"), 1, "not applied: the token is good again");
    handheld.recharge(issued.id, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(figure(&desk.report(), "meter-held"), AMOUNT);
    assert!(desk.open_classes().is_empty());
}

/// Every request is lost once before it arrives, and every answer once on its way back: the same
/// ledger, the same journal position, nothing twice.
#[test]
fn any_request_and_any_answer_may_be_lost() {
    for lose_answer in [false, true] {
        let desk = Desk::new();
        let handheld = desk.handheld("hh-1");
        let issued = desk.issue_to("hh-1", METER, AMOUNT);
        let post = desk.post();
        let mut lost = 0;
        for round in 0..2 {
            for nth in 0.. {
                let count = Cell::new(0);
                let flaky = |path: &str, body: &[u8]| {
                    count.set(count.get() + 1);
                    let hit = count.get() == nth + 1;
                    if hit && !lose_answer {
                        return Err(SyncError::Timeout);
                    }
                    let answer = post.post(path, body)?;
                    if hit { Err(SyncError::Timeout) } else { Ok(answer) }
                };
                match handheld.sync(&flaky) {
                    Err(error) => assert_eq!(error, SyncError::Timeout),
                    Ok(_) => break,
                }
                desk.report();
                lost += 1;
            }
            if round == 0 {
                handheld.recharge(issued.id, Decision::Confirmed);
            }
        }
        assert!(lost >= 8, "every request of two exchanges was lost once, {lost}");
        let report = desk.report();
        assert_eq!((figure(&report, "applied"), figure(&report, "meter-held")), (1, AMOUNT));
        assert!(desk.open_classes().is_empty());
        assert!(handheld.store.verify().is_ok());
    }
}

#[test]
fn a_lost_receipt_is_given_again_word_for_word() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let post = desk.post();
    let receipts = Cell::new(0u32);
    let lossy = |path: &str, body: &[u8]| {
        let answer = post.post(path, body)?;
        if path == wire::path::PACK {
            receipts.set(receipts.get() + 1);
            return Err(SyncError::Timeout);
        }
        Ok(answer)
    };
    assert_eq!(handheld.sync(&lossy).unwrap_err(), SyncError::Timeout);
    assert_eq!((receipts.get(), handheld.store.summary().receipt), (1, None));
    let report = handheld.sync(&post).unwrap();
    assert!(handheld.store.summary().receipt >= Some(1), "the first receipt came with HELLO");
    assert!(report.outcomes.iter().all(|(_, outcome)| *outcome != EntryOutcome::Duplicate));
}

#[test]
fn cancelled_between_requests() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let post = desk.post();
    let cancel = AtomicBool::new(false);
    let stopping = |path: &str, body: &[u8]| {
        cancel.store(true, Ordering::Relaxed);
        post.post(path, body)
    };
    let (key, clock) = (handheld.key(), || handheld.stamp());
    let store = &handheld.store;
    let session = Session { store, key: &key, post: &stopping, stamp: &clock, cancel: &cancel };
    assert_eq!(session.run(&mut |_| {}).unwrap_err(), SyncError::Cancelled);
    assert!(handheld.sync(&post).is_ok(), "the next exchange goes on from there");
}

#[test]
fn a_cloned_handheld_is_found_and_both_journals_are_kept() {
    let desk = Desk::new();
    let original = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    original.sync(&desk.post()).unwrap();
    let clone = original.copy();
    original.recharge(issued.id, Decision::Confirmed);
    original.sync(&desk.post()).unwrap();
    // The clone, with the same key, lives another life and meets the office later.
    let other = Event::TimeAnchor { server: meterkit::units::UnixSeconds(NOW + 1) };
    for _ in 0..20 {
        clone.store.append(&clone.stamp(), other.clone()).unwrap();
    }
    let error = clone.sync(&desk.post()).unwrap_err();
    assert_eq!(error.code(), "office-refused", "{error}");
    assert!(original.sync(&desk.post()).is_err(), "one of the two lies: both are stopped");
    let report = desk.report();
    assert_eq!(figure(&report, "meter-held"), AMOUNT, "what was proved stays");
    assert_eq!(desk.open_classes(), ["C1"]);
    let order = Order { meter: meter(METER), amount: 1, device: device("hh-1"), days: 1 };
    let error = desk.local.wait(desk.office().issue(&order)).unwrap_err();
    assert_eq!(error.code(), "quarantined");
}

#[test]
fn a_restored_copy_is_told_so_and_nothing_is_held_against_it() {
    let desk = Desk::new();
    let original = desk.handheld("hh-1");
    original.sync(&desk.post()).unwrap();
    let old = original.copy();
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    original.sync(&desk.post()).unwrap();
    original.recharge(issued.id, Decision::Confirmed);
    original.sync(&desk.post()).unwrap();
    let error = old.sync(&desk.post()).unwrap_err();
    assert_eq!(error, SyncError::Refused(wire::Refusal::RolledBack));
    assert!(
        original.sync(&desk.post()).is_ok(),
        "an old HELLO proves nothing against the real one"
    );
}

#[test]
fn two_handhelds_serve_two_meters() {
    let desk = Desk::new();
    desk.add_meter("48");
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    let (first, second) = (desk.issue_to("hh-1", METER, 100), desk.issue_to("hh-2", "48", 200));
    for handheld in [&one, &two] {
        assert_eq!(handheld.sync(&desk.post()).unwrap().tokens, 1, "each gets its own");
    }
    assert!(one.store.token(second.id).is_none());
    one.recharge(first.id, Decision::Confirmed);
    two.recharge(second.id, Decision::Raced);
    two.sync(&desk.post()).unwrap();
    one.sync(&desk.post()).unwrap();
    let report = desk.report();
    assert_eq!((figure(&report, "meter-held"), figure(&report, "in-transit")), (100, 200));
    // The reading that showed the foreign credit is one thing to look at, the token another.
    assert_eq!(desk.open_classes(), ["C4"]);
    desk.settle(second.id, Verdict::NotBooked, "other sale").unwrap();
    assert_eq!(figure(&desk.report(), "in-transit"), 0);
    two.sync(&desk.post()).unwrap();
    let row = two.store.token(second.id).unwrap();
    assert!(!row.state.usable() && row.state == TokenState::Raced, "{:?}", row.state);
}

#[test]
fn enrolment_is_once_for_one_key() {
    let desk = Desk::new();
    let enrolling = desk.offer("hh-1", "http://127.0.0.1:1");
    let post = desk.post();
    let seed = [5; 32];
    let first = enrolling.introduce(seed, &stamp(NOW), &post).unwrap();
    let again = enrolling.introduce(seed, &stamp(NOW), &post).unwrap();
    assert!(first == again, "the same key is welcome again");
    let other = enrolling.introduce([6; 32], &stamp(NOW), &post).map(drop).unwrap_err();
    assert_eq!(other, SyncError::Refused(wire::Refusal::Secret));
    let offer = desk.local.wait(desk.office().offer(&Offer::new(&device("hh-1"), "http://x")));
    assert_eq!(offer.map(drop).unwrap_err().code(), "device-enrolled");
    // A secret whose time is over, and one that was replaced by a newer offer.
    let old = desk.offer("hh-2", "http://127.0.0.1:1");
    let newer = desk.offer("hh-2", "http://127.0.0.1:1");
    assert!(old.introduce(seed, &stamp(NOW), &post).is_err());
    desk.clock.fetch_add(15 * 86_400, Ordering::Relaxed);
    assert!(newer.introduce(seed, &stamp(NOW), &post).is_err());
}
