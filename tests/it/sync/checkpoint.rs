//! Shift checkpoints at the office: whoever brings them, whenever, and whatever somebody did to the
//! journal they speak of.

use crate::office::desk::{Desk, Handheld, METER, NOW, TENANT, device, figure};
use meterkit::office::{CheckpointRow, Held, Offer, OfficeError};
use meterkit::store::Event;
use meterkit::sync::checkpoint::{head, sign, waiting};
use meterkit::sync::wire::Checkpoint;
use meterkit::sync::{Post, SyncError};
use meterkit::units::{Decision, UnixSeconds};
use meterkit_tokens::{DeviceKey, DocType};
use std::cell::RefCell;
use std::sync::atomic::Ordering;

const AMOUNT: i64 = 10_000;
const DAY: i64 = 86_400;

/// What a handheld's journal is now.
fn mark(handheld: &Handheld) -> Checkpoint {
    Checkpoint {
        device: handheld.store.identity().device.clone(),
        at: head(&handheld.store).unwrap(),
        time: UnixSeconds(NOW),
        operator: "li".parse().unwrap(),
        since: UnixSeconds(NOW - 3600),
        counts: [3, 1, 0],
        applied: [AMOUNT, 0],
        out: [0, 70],
    }
}

fn signed(handheld: &Handheld) -> Vec<u8> {
    sign(&handheld.store, &handheld.key(), &mark(handheld)).unwrap()
}

fn take(desk: &Desk, document: &[u8]) -> Result<CheckpointRow, OfficeError> {
    desk.local.wait(desk.office().take_checkpoint(document))
}

fn overdue(desk: &Desk) -> usize {
    desk.local.wait(desk.office().call_overdue()).unwrap()
}

fn note(handheld: &Handheld, times: i64) {
    for at in 0..times {
        handheld.append(Event::TimeAnchor { server: UnixSeconds(NOW + at) });
    }
}

/// Entries a handheld wrote since it last spoke, and what it knows the office has.
fn here(row: &CheckpointRow) -> (Held, u64) {
    (row.held, row.here)
}

#[test]
fn a_checkpoint_of_what_is_here_extends_it_however_often_it_comes() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(issued.id, Decision::Confirmed);
    let document = signed(&handheld);
    let what = mark(&handheld);
    handheld.sync(&desk.post()).unwrap();
    desk.clock.fetch_add(60, Ordering::Relaxed);
    let first = take(&desk, &document).unwrap();
    assert_eq!((first.held, &first.signed), (Held::Extends, &what));
    desk.clock.fetch_add(DAY, Ordering::Relaxed);
    let again = take(&desk, &document).unwrap();
    assert_eq!(again.received, first.received, "it is known since it first came");
    let list = desk.local.wait(desk.office().checkpoints(None)).unwrap();
    assert_eq!((list.len(), &list[0].signed), (1, &what), "the sums of the shift are in the list");
    let none = desk.local.wait(desk.office().checkpoints(Some(&device("hh-2")))).unwrap();
    assert_eq!(none, []);
    assert!(desk.open_classes().is_empty());
    assert_eq!(figure(&desk.report(), "meter-held"), AMOUNT);
}

#[test]
fn entries_that_were_signed_for_wait_and_then_a_person_is_called() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    note(&handheld, 3);
    let document = signed(&handheld);
    let row = take(&desk, &document).unwrap();
    assert_eq!(row.held, Held::Waiting);
    assert!(row.here < row.signed.at.seq);
    assert_eq!(overdue(&desk), 0);
    desk.clock.fetch_add(5 * DAY - 1, Ordering::Relaxed);
    assert_eq!((overdue(&desk), desk.open_classes().len()), (0, 0), "five days have not passed");
    desk.clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(overdue(&desk), 1);
    assert_eq!(desk.open_classes(), ["C2"]);
    let why = desk.local.wait(desk.office().reviews(false)).unwrap().remove(0).why;
    let want = format!("never came: {} to {}", row.here + 1, row.signed.at.seq);
    assert!(why.ends_with(&want), "{why}");
    assert_eq!((overdue(&desk), desk.open_classes().len()), (0, 1), "called once");
    // They come after all: nobody need look any more.
    handheld.sync(&desk.post()).unwrap();
    assert!(desk.open_classes().is_empty());
    assert_eq!(take(&desk, &document).unwrap().held, Held::Extends);
}

#[test]
fn how_long_something_waits_is_the_offices_to_say() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    assert_eq!(desk.local.wait(desk.office().wait_days()).unwrap(), 5);
    for days in [0, -1, 61] {
        let error = desk.local.wait(desk.office().set_wait_days(days)).unwrap_err();
        assert_eq!(error.code(), "usage");
    }
    desk.local.wait(desk.office().set_wait_days(2)).unwrap();
    take(&desk, &signed(&handheld)).unwrap();
    desk.clock.fetch_add(2 * DAY, Ordering::Relaxed);
    assert_eq!(overdue(&desk), 1);
}

/// A token that was sent and of which nothing was heard again.
#[test]
fn a_token_without_an_outcome_goes_to_a_person_in_time() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    handheld.sync(&desk.post()).unwrap();
    handheld.intent(issued.id);
    handheld.sync(&desk.post()).unwrap();
    desk.clock.fetch_add(5 * DAY, Ordering::Relaxed);
    assert_eq!((overdue(&desk), overdue(&desk)), (1, 0));
    assert_eq!(desk.open_classes(), ["C2"]);
    assert_eq!(figure(&desk.report(), "in-transit"), AMOUNT, "time decides nothing");
    // The outcome comes: applied, and the question is closed by itself.
    handheld.outcome(issued.id, Decision::Confirmed);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C3"], "that it was late is another matter");
    assert_eq!(figure(&desk.report(), "meter-held"), AMOUNT);
}

/// The store was put back to an older copy after the shift was closed, and worked on.
#[test]
fn a_rolled_back_store_is_found_by_the_checkpoint_alone() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    let old = handheld.copy();
    let issued = desk.issue_to("hh-1", METER, AMOUNT);
    note(&handheld, 4);
    // The operator closed his shift, and the sheet with the code was scanned at the office.
    assert_eq!(take(&desk, &signed(&handheld)).unwrap().held, Held::Waiting);
    // The office holds no entry that contradicts the old copy; only the checkpoint does.
    for _ in 0..6 {
        old.append(Event::TimeAnchor { server: UnixSeconds(NOW + 77) });
    }
    let error = old.sync(&desk.post()).unwrap_err();
    assert_eq!(error.code(), "office-refused", "{error}");
    assert_eq!(desk.open_classes(), ["C1"]);
    let forks = desk.local.wait(desk.office().forks(&device("hh-1"))).unwrap();
    assert!(!forks.is_empty(), "both are kept");
    assert_eq!(figure(&desk.report(), "suspect"), 1, "its tokens may have been used");
    let _ = issued;
}

/// The same copy, but it never writes as far as the checkpoint: what is missing is named.
#[test]
fn a_rolled_back_store_that_stays_short_is_missed() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    let old = handheld.copy();
    note(&handheld, 40);
    take(&desk, &signed(&handheld)).unwrap();
    old.sync(&desk.post()).unwrap();
    assert!(desk.open_classes().is_empty());
    desk.clock.fetch_add(5 * DAY, Ordering::Relaxed);
    assert_eq!((overdue(&desk), desk.open_classes()), (1, vec!["C2".to_owned()]));
}

#[test]
fn a_copied_stores_checkpoint_is_another_journal() {
    let desk = Desk::new();
    let original = desk.handheld("hh-1");
    original.sync(&desk.post()).unwrap();
    let copy = original.copy();
    for (handheld, server) in [(&original, 1), (&copy, 2)] {
        for _ in 0..3 {
            handheld.append(Event::TimeAnchor { server: UnixSeconds(NOW + server) });
        }
    }
    let document = signed(&copy);
    original.sync(&desk.post()).unwrap();
    assert_eq!(take(&desk, &document).unwrap().held, Held::Fork);
    assert_eq!(desk.open_classes(), ["C1"]);
    assert!(original.sync(&desk.post()).is_err(), "one of the two lies: both are stopped");
    // Again, it says the same, and calls nobody twice.
    assert_eq!(take(&desk, &document).unwrap().held, Held::Fork);
    assert_eq!(desk.open_classes(), ["C1"]);
}

/// Two sheets of paper for one place, and neither journal has come.
#[test]
fn two_checkpoints_of_one_place_are_two_journals() {
    let desk = Desk::new();
    let original = desk.handheld("hh-1");
    original.sync(&desk.post()).unwrap();
    let copy = original.copy();
    note(&original, 2);
    copy.append(Event::TimeAnchor { server: UnixSeconds(NOW + 9) });
    copy.append(Event::TimeAnchor { server: UnixSeconds(NOW + 9) });
    assert_eq!(take(&desk, &signed(&original)).unwrap().held, Held::Waiting);
    assert_eq!(take(&desk, &signed(&copy)).unwrap().held, Held::Fork);
    assert_eq!(desk.open_classes(), ["C1"]);
}

#[test]
fn what_nobody_of_ours_signed_is_no_checkpoint() {
    let desk = Desk::new();
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    note(&one, 2);
    let good = mark(&one);
    let by = |key: &DeviceKey, kind: DocType, what: &Checkpoint| {
        key.sign(kind, TENANT, what.payload()).unwrap()
    };
    let stranger = DeviceKey::generate([9; 32]);
    assert!(take(&desk, &by(&stranger, DocType::Checkpoint, &good)).is_err(), "a stranger's key");
    let others = by(&two.key(), DocType::Checkpoint, &good);
    assert_eq!(take(&desk, &others).unwrap_err().code(), "usage", "another handheld's key");
    let mut life = good.clone();
    life.at.epoch = 2;
    let life = by(&one.key(), DocType::Checkpoint, &life);
    assert_eq!(take(&desk, &life).unwrap_err().code(), "usage", "a life it does not have");
    assert!(take(&desk, &by(&one.key(), DocType::Request, &good)).is_err(), "another document");
    assert!(take(&desk, b"MK1").is_err());
    let whole = by(&one.key(), DocType::Checkpoint, &good);
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        assert!(take(&desk, &bent).is_err(), "byte {at} altered");
    }
    let other_tenant = one.key().sign(DocType::Checkpoint, "elsewhere", good.payload()).unwrap();
    assert!(take(&desk, &other_tenant).is_err());
    assert_eq!(desk.local.wait(desk.office().checkpoints(None)).unwrap(), [], "nothing is kept");
    assert!(desk.open_classes().is_empty(), "and nobody is stopped");
    assert_eq!(take(&desk, &whole).unwrap().held, Held::Waiting);
}

/// A handheld that is lost, or whose life has ended: what it signed proves what there was.
#[test]
fn what_a_lost_handheld_signed_is_named_at_once() {
    for again in [false, true] {
        let desk = Desk::new();
        let handheld = desk.handheld("hh-1");
        handheld.sync(&desk.post()).unwrap();
        note(&handheld, 7);
        let document = signed(&handheld);
        if again {
            let offer = Offer { again: true, ..Offer::new(&device("hh-1"), "http://127.0.0.1:1") };
            desk.local.wait(desk.office().offer(&offer)).unwrap();
        } else {
            desk.local.wait(desk.office().quarantine(&device("hh-1"))).unwrap();
        }
        // Found on paper afterwards.
        let row = take(&desk, &document).unwrap();
        assert_eq!(here(&row).0, Held::Waiting);
        assert_eq!((overdue(&desk), desk.open_classes()), (1, vec!["C2".to_owned()]));
    }
}

/// What a handheld sends by itself: with HELLO while the office may not have it, and never again.
#[test]
fn an_exchange_takes_it_along() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    note(&handheld, 2);
    signed(&handheld);
    assert!(waiting(&handheld.store, &handheld.key()).is_some());
    // The exchange is cut off after HELLO: the checkpoint is there, the entries are not.
    let post = desk.post();
    let cut = |path: &str, body: &[u8]| match path {
        meterkit::sync::wire::path::PACK => Err(SyncError::Timeout),
        path => post.post(path, body),
    };
    assert_eq!(handheld.sync(&cut).unwrap_err(), SyncError::Timeout);
    let list = || desk.local.wait(desk.office().checkpoints(None)).unwrap();
    assert_eq!(list()[0].held, Held::Waiting);
    handheld.sync(&desk.post()).unwrap();
    assert_eq!((list().len(), list()[0].held), (1, Held::Extends));
    assert_eq!(waiting(&handheld.store, &handheld.key()), None, "the office has its entries");
    let copy = handheld.copy();
    let asked = RefCell::new(Vec::new());
    let watch = |path: &str, body: &[u8]| {
        asked.borrow_mut().push((path.to_owned(), body.len()));
        post.post(path, body)
    };
    copy.sync(&watch).unwrap();
    assert!(asked.borrow()[0].1 < 400, "a HELLO without it: {:?}", asked.borrow()[0]);
}

/// Over a stick, and with a letter missing in between.
#[test]
fn a_letter_takes_it_along_and_a_gap_is_remembered() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    // More than one pack's worth of entries, so that there are several letters.
    note(&handheld, 1200);
    signed(&handheld);
    let stick = tempfile::tempdir().unwrap();
    super::media::visit(&handheld, stick.path()).unwrap();
    let folder = stick.path().join("meterkit/to-office");
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort_by_key(|path| std::fs::metadata(path).unwrap().len());
    let numbers = |path: &std::path::Path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        name.rsplit('-').nth(1).unwrap().parse::<u64>().unwrap()
    };
    names.sort_by_key(|path| numbers(path));
    assert!(names.len() > 1, "{names:?}");
    let first = std::fs::read(&names[0]).unwrap();
    std::fs::remove_file(&names[0]).unwrap();
    desk.local.wait(desk.office().media(stick.path(), &[])).unwrap();
    let list = || desk.local.wait(desk.office().checkpoints(None)).unwrap();
    assert_eq!((list().len(), list()[0].held), (1, Held::Waiting));
    desk.clock.fetch_add(5 * DAY, Ordering::Relaxed);
    assert_eq!((overdue(&desk), desk.open_classes()), (1, vec!["C2".to_owned()]));
    // The letter is found in another bag.
    std::fs::write(&names[0], first).unwrap();
    desk.local.wait(desk.office().media(stick.path(), &[])).unwrap();
    assert_eq!(list()[0].held, Held::Extends);
    assert!(desk.open_classes().is_empty());
}
