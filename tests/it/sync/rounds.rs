//! Rounds by exchange: to the handheld they are for, whole or not at all, from where a broken line
//! left off; and nothing hostile.

use crate::office::desk::{Desk, Handheld, device, meter};
use meterkit::jobs::tokens::import_bytes;
use meterkit::office::{NewMeter, NewRound, RoundInfo, RoundOf};
use meterkit::report::Code;
use meterkit::sync::wire::{FILE_PART, path};
use meterkit::sync::{Post, SyncError};
use meterkit_tokens::{DocType, Issuer};
use std::cell::Cell;
use std::sync::atomic::Ordering;

fn make(desk: &Desk, to: &str, name: &str) -> (RoundInfo, Vec<u8>) {
    let new = NewRound {
        device: device(to),
        name: name.to_owned(),
        note: String::new(),
        of: RoundOf::All,
        due: None,
        days: 2,
    };
    desk.local.wait(desk.office().new_round(&new)).unwrap()
}

/// A list that takes several pieces.
fn town(desk: &Desk) {
    let meters: Vec<_> = (0..400u32)
        .map(|n| {
            let (no, text) = (meter(&(1_000 + n).to_string()), "x".repeat(80));
            NewMeter::new(no, crate::office::desk::account(), &format!("{n} {text}"), "B2")
        })
        .collect();
    desk.local.wait(desk.office().add_meters(&meters)).unwrap();
}

fn names(handheld: &Handheld) -> Vec<String> {
    let rows = handheld.store.rounds();
    rows.into_iter().map(|row| row.taken.name).collect()
}

/// The line breaks at every request in turn; the list goes on from the piece it had, and comes
/// once.
#[test]
fn a_list_goes_on_where_the_line_broke() {
    let desk = Desk::new();
    town(&desk);
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    one.sync(&desk.post()).unwrap();
    let (made, bytes) = make(&desk, "hh-1", "east");
    assert!(bytes.len() > 2 * FILE_PART, "{}", bytes.len());
    let post = desk.post();
    let (down, exchanges) = (Cell::new(0), Cell::new(0));
    loop {
        // Two PULL requests come through: the PULL itself, and one piece.
        let left = Cell::new(2);
        let breaking = |at: &str, asked: &[u8]| {
            if at == path::PULL {
                if left.get() == 0 {
                    return Err(SyncError::Timeout);
                }
                left.set(left.get() - 1);
                let answer = post.post(at, asked)?;
                down.set(down.get() + answer.len());
                return Ok(answer);
            }
            post.post(at, asked)
        };
        exchanges.set(exchanges.get() + 1);
        assert!(exchanges.get() < 20);
        if one.sync(&breaking).is_ok() {
            break;
        }
        assert!(one.store.round(made.id).is_none(), "whole or not at all");
    }
    assert_eq!(exchanges.get(), bytes.len().div_ceil(FILE_PART), "a piece an exchange");
    assert!(down.get() < bytes.len() * 3 / 2, "no piece came twice: {}", down.get());
    let row = one.store.round(made.id).unwrap();
    assert_eq!(one.store.round_document(&row.taken.digest), Some(bytes));
    assert_eq!(row.taken.meters, 401);
    assert_eq!(two.sync(&desk.post()).unwrap().rounds, 0, "it is for one handheld");
    make(&desk, "hh-1", "west");
    let (asked, post) = (Cell::new(0), desk.post());
    let counting = |at: &str, body: &[u8]| {
        asked.set(asked.get() + u32::from(at == path::PULL));
        post.post(at, body)
    };
    assert_eq!(two.sync(&counting).unwrap().rounds, 0);
    assert_eq!(asked.get(), 1, "nor told the other of it");
    assert_eq!(one.sync(&desk.post()).unwrap().rounds, 1, "and comes once");
    assert_eq!(names(&one), ["west", "east"]);
    assert!(desk.open_classes().is_empty());
}

/// Over a stick; a parcel that is read late, or twice, does nothing more.
#[test]
fn a_parcel_brings_a_round_and_a_late_one_does_not() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let (made, _) = make(&desk, "hh-1", "east");
    let stick = tempfile::tempdir().unwrap();
    let office = || desk.local.wait(desk.office().media(stick.path(), &[])).unwrap();
    let visit = || super::media::visit(&handheld, stick.path()).unwrap();
    visit();
    office();
    assert_eq!(visit().taken.unwrap().rounds, 1);
    office();
    assert!(desk.local.wait(desk.office().rounds()).unwrap()[0].taken.is_some());
    visit();
    assert_eq!(names(&handheld), ["east"], "once");
    assert_eq!(handheld.store.round(made.id).unwrap().taken.name, "east");
    // The next one lies on the stick until its time is over.
    make(&desk, "hh-1", "late");
    office();
    desk.clock.fetch_add(2 * 86_400, Ordering::Relaxed);
    let done = visit();
    let refused = done.taken.map(|taken| taken.refused).unwrap_or_default();
    assert_eq!(names(&handheld), ["east"]);
    assert!(refused.iter().any(|(_, why)| why == "expired"), "{refused:?}");
}

/// A document of another handheld, of other keys, an altered one, one that is no list.
#[test]
fn what_the_office_did_not_sign_for_this_handheld_is_refused() {
    let desk = Desk::new();
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    one.sync(&desk.post()).unwrap();
    let (_, bytes) = make(&desk, "hh-2", "east");
    let refused = |bytes: &[u8]| {
        let done = import_bytes(&one.store, &one.stamp(), bytes);
        assert!(done.taken.is_empty(), "{done:?}");
        done.refused[0].code
    };
    assert_eq!(refused(&bytes), Code::RoundBad);
    let mut altered = bytes.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&altered), Code::TokenSignature);
    let (_, own) = make(&desk, "hh-1", "own");
    let stranger = Issuer::from_seed([99; 32]);
    let empty = meterkit_tokens::cbor::Value::Map(vec![]);
    let forged = stranger.sign(DocType::Round, "tiandi", empty).unwrap();
    assert_eq!(refused(&forged), Code::TokenKey);
    // Its own is taken by hand, once.
    let done = import_bytes(&one.store, &one.stamp(), &own);
    assert_eq!((done.taken.len(), done.refused.len()), (1, 0), "{done:?}");
    assert_eq!(import_bytes(&one.store, &one.stamp(), &own).known.len(), 1);
    assert_eq!(one.sync(&desk.post()).unwrap().rounds, 0, "the exchange finds it here");
    assert_eq!(names(&one), ["own"]);
    two.sync(&desk.post()).unwrap();
    assert_eq!(names(&two), ["east"]);
    assert!(desk.open_classes().is_empty());
}

/// A liar in between gives another document for the hash that was announced.
#[test]
fn a_list_that_is_not_the_announced_one_is_not_taken() {
    let desk = Desk::new();
    let one = desk.handheld("hh-1");
    one.sync(&desk.post()).unwrap();
    make(&desk, "hh-1", "east");
    let post = desk.post();
    let pulls = Cell::new(0);
    let lying = |at: &str, asked: &[u8]| {
        let mut answer = post.post(at, asked)?;
        if at == path::PULL {
            pulls.set(pulls.get() + 1);
            if pulls.get() == 2 {
                let end = answer.len() - 1;
                answer[end] ^= 1;
            }
        }
        Ok(answer)
    };
    assert_eq!(one.sync(&lying).unwrap_err().code(), "office-lies");
    assert!(names(&one).is_empty());
    assert_eq!(one.sync(&desk.post()).unwrap().rounds, 1);
}

/// Names of what lies on a handheld, beside the journal, of rounds and of what is half here.
fn lying(handheld: &Handheld) -> Vec<String> {
    let folder = std::fs::read_dir(handheld.dir.path().join("snapshots")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let of = ["file-part", "page-", "round-"];
    names.filter(|name| of.iter().any(|of| name.starts_with(of))).collect()
}

/// A round is withdrawn while its list is half here, and then a list of meters is replaced while it
/// is: nothing of either stays behind.
#[test]
fn what_came_in_part_and_is_not_wanted_any_more_goes() {
    let desk = Desk::new();
    town(&desk);
    let one = desk.handheld("hh-1");
    let (made, _) = make(&desk, "hh-1", "east");
    let post = desk.post();
    // The PULL itself comes through, and one piece.
    let breaks_early = || {
        let left = Cell::new(2);
        let breaking = |at: &str, asked: &[u8]| {
            if at == path::PULL && left.replace(left.get() - 1) == 0 {
                return Err(SyncError::Timeout);
            }
            post.post(at, asked)
        };
        assert_eq!(one.sync(&breaking).unwrap_err(), SyncError::Timeout);
        lying(&one)
    };
    assert_eq!(breaks_early(), ["file-part"]);
    desk.local.wait(desk.office().withdraw_round(made.id)).unwrap();
    let kept = breaks_early();
    assert!(kept.len() == 1 && kept[0].starts_with("page-"), "{kept:?}");
    // The first page of the new list is another one.
    desk.add_meter("1");
    one.sync(&desk.post()).unwrap();
    assert_eq!(lying(&one), Vec::<String>::new());
    assert_eq!(one.store.area_page(0).unwrap().meters[0].no, meter("1"));
    // What is refused leaves nothing either: withdrawn, it is carried here by hand.
    let (own, bytes) = make(&desk, "hh-1", "own");
    desk.local.wait(desk.office().withdraw_round(own.id)).unwrap();
    one.sync(&desk.post()).unwrap();
    let done = import_bytes(&one.store, &one.stamp(), &bytes);
    assert_eq!((done.taken.len(), done.refused.len()), (0, 1), "{done:?}");
    assert_eq!(lying(&one), Vec::<String>::new());
}
