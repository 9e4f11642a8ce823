//! A link that is slow, dear or broken: money first, a budget, lists that come as what changed, and
//! pieces that are not fetched twice.

use crate::office::desk::{COUNT, Desk, Handheld, METER, NOW, account, figure, meter};
use meterkit::office::NewMeter;
use meterkit::store::Event;
use meterkit::sync::wire::{Ask, Request, path, split};
use meterkit::sync::{Post, Session, SyncError, SyncReport};
use meterkit::units::{Decision, PurchaseCount, UnixSeconds};
use meterkit_tokens::{DocType, Keyring, verify};
use std::cell::{Cell, RefCell};
use std::sync::atomic::AtomicBool;

const AMOUNT: i64 = 10_000;

fn within(handheld: &Handheld, post: &dyn Post, bytes: u64) -> Result<SyncReport, SyncError> {
    let cancel = AtomicBool::new(false);
    let stamp = || handheld.stamp();
    let (store, key) = (&handheld.store, handheld.key());
    let session = Session { store, key: &key, post, stamp: &stamp, cancel: &cancel };
    session.run_within(bytes, &mut |_| {})
}

/// Entries that nobody waits for, and that do not shrink.
fn chatter(handheld: &Handheld, times: u32) {
    let mut noise = 12_345u64;
    for _ in 0..times {
        let mut digest = [0u8; 32];
        for byte in &mut digest {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (noise >> 56) as u8;
        }
        let version = format!("test {noise}");
        handheld.append(Event::Software { version, digest });
    }
}

/// The kinds of requests, as they are made; of pages, which.
fn kinds(handheld: &Handheld, at: &str, body: &[u8]) -> String {
    if at == path::KEYS {
        return "keys".to_owned();
    }
    let [_, _, document] = split(body).unwrap();
    let kind = if at == path::PACK { DocType::Pack } else { DocType::Request };
    let ring = Keyring::device(handheld.key().public());
    let payload =
        verify(&document, kind, crate::office::desk::TENANT, &ring, None).unwrap().payload;
    match Request::read(payload).unwrap().ask {
        Ask::Hello(_) => "hello".to_owned(),
        Ask::Pack(pack) => format!("pack to {}", pack.last()),
        Ask::Pull(_) => "pull".to_owned(),
        Ask::Page { page, .. } => format!("page {page}"),
        Ask::Bye { .. } => "bye".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn money_goes_first_both_ways_and_the_rest_when_there_is_room() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    chatter(&handheld, 20);
    handheld.recharge(issued.id, Decision::Confirmed);
    let money = handheld.store.summary().head.seq;
    chatter(&handheld, 600);
    desk.add_meter("48");
    let next = desk.issue_to("hh-1", METER, 700);
    let (post, asked) = (desk.post(), RefCell::new(Vec::new()));
    let watch = |at: &str, body: &[u8]| {
        asked.borrow_mut().push(kinds(&handheld, at, body));
        post.post(at, body)
    };
    let budget = 24 * 1024;
    let report = within(&handheld, &watch, budget).unwrap();
    assert!(report.cut_short, "{report:?}");
    assert!(report.bytes <= budget + 4096, "{} bytes", report.bytes);
    assert_eq!(figure(&desk.report(), "meter-held"), AMOUNT, "the money is there");
    assert!(handheld.store.token(next.id).is_some(), "and so is the new token");
    let asked = asked.into_inner();
    let first = |what: &str| asked.iter().position(|kind| kind.starts_with(what)).unwrap();
    assert_eq!(asked[first("pack")], format!("pack to {money}"), "a pack ends with the money");
    assert!(first("pull") > first("pack") && first("pull") < asked.len() - 2, "{asked:?}");
    assert!(!asked.iter().any(|kind| kind.starts_with("page")), "lists come last: {asked:?}");
    assert_eq!(asked.last().unwrap(), "bye", "it ends in good order");
    // The next ones bring the rest; nothing is sent twice.
    let mut exchanges = 0;
    while within(&handheld, &post, budget).unwrap().cut_short {
        exchanges += 1;
        assert!(exchanges < 20);
    }
    assert!(handheld.store.meter(meter("48")).is_some());
    assert!(handheld.store.summary().unsynced <= 3);
    assert!(desk.open_classes().is_empty());
}

/// With the least there is, every exchange brings the journal some way on.
#[test]
fn the_smallest_budget_still_comes_to_an_end() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    chatter(&handheld, 400);
    let (mut before, mut exchanges) = (u64::MAX, 0);
    loop {
        let report = within(&handheld, &desk.post(), 0).unwrap();
        assert!(report.bytes < 24 * 1024, "{} bytes", report.bytes);
        let left = handheld.store.summary().unsynced;
        if !report.cut_short {
            break;
        }
        assert!(left < before, "{left} of {before} left");
        (before, exchanges) = (left, exchanges + 1);
        assert!(exchanges < 40);
    }
    assert!(exchanges > 2, "it was too much for one: {exchanges}");
}

/// An exchange that broke has cost what went up, and every answer that came; one that reached
/// nobody has cost nothing.
#[test]
fn a_broken_exchange_is_counted() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    chatter(&handheld, 20);
    let (post, went, asked) = (desk.post(), Cell::new(0u64), Cell::new(0u64));
    let broken = |at: &str, body: &[u8]| {
        went.set(went.get() + body.len() as u64);
        asked.set(asked.get() + 1);
        if at == path::PACK {
            return Err(SyncError::Timeout);
        }
        let answer = post.post(at, body)?;
        went.set(went.get() + answer.len() as u64);
        Ok(answer)
    };
    let spent_with = |post: &dyn Post| {
        let (cancel, mut spent) = (AtomicBool::new(false), 7);
        let stamp = || handheld.stamp();
        let (store, key) = (&handheld.store, handheld.key());
        let session = Session { store, key: &key, post, stamp: &stamp, cancel: &cancel };
        let done = session.run_counted((Some(64 * 1024), &mut spent), &mut |_| {});
        assert!(done.is_err());
        spent
    };
    let spent = spent_with(&broken);
    // HELLO, PACK and what else was asked, with what is around each of them.
    assert_eq!(spent, went.get() + asked.get() * 700, "{} requests", asked.get());
    let nobody = |_: &str, _: &[u8]| Err(SyncError::Unreachable("no route".to_owned()));
    assert_eq!(spent_with(&nobody), 0);
    let silent = |_: &str, _: &[u8]| Err(SyncError::Timeout);
    assert!(spent_with(&silent) > 700, "a request that went and was not answered");
}

/// Without a budget nothing changes: the same requests as ever.
#[test]
fn a_good_link_needs_no_more_requests_than_before() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    handheld.append(Event::TimeAnchor { server: UnixSeconds(NOW) });
    let (post, asked) = (desk.post(), RefCell::new(Vec::new()));
    let watch = |at: &str, body: &[u8]| {
        asked.borrow_mut().push(kinds(&handheld, at, body));
        post.post(at, body)
    };
    let report = handheld.sync(&watch).unwrap();
    let kinds: Vec<String> =
        asked.into_inner().iter().map(|kind| kind.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["hello", "pack", "pull", "bye"]);
    assert!(report.bytes > 0 && !report.cut_short);
}

fn street(desk: &Desk, numbers: impl IntoIterator<Item = u64>) {
    let meters = numbers.into_iter().map(|number| {
        let mut new = NewMeter::new(meter(&number.to_string()), account(), "Wang", "C3");
        new.count = PurchaseCount(COUNT);
        new
    });
    desk.local.wait(desk.office().add_meters(&meters.collect::<Vec<_>>())).unwrap();
}

#[test]
fn a_list_of_meters_comes_as_what_changed() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    street(&desk, (0..3000).map(|nth| 1_000_000 + nth * 3));
    let first = handheld.sync(&desk.post()).unwrap();
    assert_eq!(first.meters, Some(3001));
    assert!(first.pages >= 8, "{} pages", first.pages);
    street(&desk, [1_004_501]);
    let second = handheld.sync(&desk.post()).unwrap();
    assert_eq!(second.meters, Some(3002));
    assert!((1..=3).contains(&second.pages), "{} pages for one meter", second.pages);
    assert!(handheld.store.meter(meter("1004501")).is_some());
    assert!(handheld.store.meter(meter("1000000")).is_some(), "and the others are still there");
    assert!(second.bytes * 3 < first.bytes, "{} and {} bytes", second.bytes, first.bytes);
}

#[test]
fn a_list_that_was_cut_off_goes_on_with_the_next_page() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    street(&desk, (0..2500).map(|nth| 1_000_000 + nth * 7));
    let post = desk.post();
    let (pages, exchanges) = (RefCell::new(Vec::new()), Cell::new(0));
    loop {
        exchanges.set(exchanges.get() + 1);
        let left = Cell::new(3);
        let breaking = |at: &str, body: &[u8]| {
            let kind = kinds(&handheld, at, body);
            if kind.starts_with("page") {
                if left.get() == 0 {
                    return Err(SyncError::Timeout);
                }
                left.set(left.get() - 1);
                pages.borrow_mut().push(kind);
            }
            post.post(at, body)
        };
        if handheld.sync(&breaking).is_ok() {
            break;
        }
        assert_eq!(handheld.store.meter(meter("1000000")), None, "whole or not at all");
        assert!(exchanges.get() < 20);
    }
    let mut once = pages.borrow().clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), pages.borrow().len(), "no page was asked for twice: {pages:?}");
    assert!(exchanges.get() > 2);
    assert!(handheld.store.meter(meter("1000000")).is_some());
}
