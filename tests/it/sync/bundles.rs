//! Bundles of parameters by exchange: to the handheld they are for, whole or not at all, from where
//! a broken line left off, and never an older one.

use crate::office::desk::{Desk, Handheld, device};
use meterkit::office::{NewBundle, OfficeError, SignedBundle};
use meterkit::store::Event;
use meterkit::sync::wire::{FILE_PART, path};
use meterkit::sync::{Post, SyncError};
use std::cell::Cell;

const SUMMER: &str = include_str!("../../../fixtures/bundles/summer.toml");

/// A bundle file of some length, by comments that say nothing.
fn file(version: u32, length: usize) -> Vec<u8> {
    let version = format!("version = {version}\n");
    let lines = SUMMER.lines().map(|line| match line.starts_with("version") {
        true => version.trim_end(),
        false => line,
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    let mut at = 0u32;
    while text.len() < length {
        at += 1;
        text.push_str(&format!("\n# {:x}", at.wrapping_mul(2_654_435_761)));
    }
    text.push('\n');
    text.into_bytes()
}

fn sign(desk: &Desk, to: &str, body: Vec<u8>) -> Result<SignedBundle, OfficeError> {
    let new = NewBundle {
        device: device(to),
        body,
        profile: None,
        area: Some("east".to_owned()),
        meters: vec![],
        group: vec![],
        days: 30,
    };
    desk.local.wait(desk.office().sign_bundle(&new))
}

fn names(handheld: &Handheld) -> Vec<u32> {
    let mut versions: Vec<_> =
        handheld.store.bundles().iter().map(|row| row.taken.version).collect();
    versions.sort_unstable();
    versions
}

/// Whoever forgets to say for which meters is told how it is said.
#[test]
fn a_bundle_for_no_meters_in_particular_is_not_signed() {
    let desk = Desk::new();
    desk.handheld("hh-1");
    let whole = NewBundle {
        device: device("hh-1"),
        body: file(3, 0),
        profile: None,
        area: None,
        meters: vec![],
        group: vec![],
        days: 30,
    };
    let why = |new: &NewBundle| {
        let signed = desk.local.wait(desk.office().sign_bundle(new));
        signed.err().map(|error| (error.code(), error.to_string()))
    };
    let (code, says) = why(&whole).unwrap();
    assert_eq!(code, "usage");
    for option in ["--profile", "--area", "--meter", "--group"] {
        assert!(says.contains(option), "{says}");
    }
    let many = (1..=401u64).map(|n| n.to_string().parse().unwrap()).collect();
    let (_, says) = why(&NewBundle { meters: many, ..whole.clone() }).unwrap();
    assert!(says.contains("401") && says.contains("400") && says.contains("--group"), "{says}");
    let group = vec!["47".parse().unwrap()];
    assert_eq!(why(&NewBundle { group, ..whole }), None);
}

#[test]
fn a_bundle_comes_with_the_next_exchange_and_once() {
    let desk = Desk::new();
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    let body = file(3, 50_000);
    let signed = sign(&desk, "hh-1", body.clone()).unwrap();
    let report = one.sync(&desk.post()).unwrap();
    assert_eq!((report.bundles, report.refused.len()), (1, 0));
    let row = one.store.bundle(signed.id).unwrap();
    assert_eq!(one.store.bundle_file(&row.taken.digest), Some(body));
    assert_eq!(two.sync(&desk.post()).unwrap().bundles, 0, "it is for one handheld");
    let again = one.sync(&desk.post()).unwrap();
    assert_eq!((again.bundles, again.known), (0, 0), "its journal shows it: it is not sent again");
    let list = desk.local.wait(desk.office().bundle_docs()).unwrap();
    assert_eq!((list.len(), list[0].taken), (1, true));
    assert!(desk.open_classes().is_empty());
}

/// The line breaks at every request in turn; the file goes on from the piece it had.
#[test]
fn a_file_goes_on_where_the_line_broke() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    handheld.sync(&desk.post()).unwrap();
    let body = file(3, 3 * FILE_PART + 5);
    let signed = sign(&desk, "hh-1", body.clone()).unwrap();
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
        if handheld.sync(&breaking).is_ok() {
            break;
        }
        assert!(handheld.store.bundle(signed.id).is_none(), "whole or not at all");
    }
    assert_eq!(exchanges.get(), 4, "a piece an exchange");
    let row = handheld.store.bundle(signed.id).unwrap();
    assert_eq!(handheld.store.bundle_file(&row.taken.digest), Some(body.clone()));
    assert!(down.get() < body.len() * 3 / 2, "no piece came twice: {}", down.get());
}

/// A liar in between: a file that is not the signed one, or is longer than it says, is not taken,
/// and neither is the rest of what he said.
#[test]
fn a_file_that_is_not_the_signed_one_is_not_taken() {
    let desk = Desk::new();
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    let signed = sign(&desk, "hh-1", file(3, 4000)).unwrap();
    sign(&desk, "hh-2", file(4, 4000)).unwrap();
    let post = desk.post();
    // An answer to hh-2 is no answer to hh-1, whatever it holds.
    let stolen = std::cell::RefCell::new(Vec::new());
    let watch = |at: &str, asked: &[u8]| {
        let answer = post.post(at, asked)?;
        if at == path::PULL {
            stolen.borrow_mut().push(answer.clone());
        }
        Ok(answer)
    };
    two.sync(&watch).unwrap();
    let pulls = Cell::new(0);
    let lying = |at: &str, asked: &[u8]| {
        let answer = post.post(at, asked)?;
        if at == path::PULL {
            pulls.set(pulls.get() + 1);
            if pulls.get() == 2 {
                return Ok(stolen.borrow()[1].clone());
            }
        }
        Ok(answer)
    };
    assert_eq!(one.sync(&lying).unwrap_err().code(), "office-lies");
    assert!(one.store.bundle(signed.id).is_none());
    assert_eq!(one.sync(&desk.post()).unwrap().bundles, 1);
}

#[test]
fn versions_never_go_down() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    sign(&desk, "hh-1", file(3, 0)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(names(&handheld), [3]);
    assert_eq!(sign(&desk, "hh-1", file(2, 0)).unwrap_err().code(), "usage", "an older one");
    assert_eq!(sign(&desk, "hh-1", file(3, 9000)).unwrap_err().code(), "usage", "another content");
    // The same again, for other meters or another month, is no older one.
    let second = sign(&desk, "hh-1", file(3, 0)).unwrap();
    assert_eq!(handheld.sync(&desk.post()).unwrap().bundles, 1);
    assert!(handheld.store.bundle(second.id).is_some());
    // Two wait: only the newer one goes out.
    sign(&desk, "hh-1", file(5, 0)).unwrap();
    sign(&desk, "hh-1", file(6, 0)).unwrap();
    assert_eq!(handheld.sync(&desk.post()).unwrap().bundles, 1);
    assert_eq!(names(&handheld), [3, 3, 6]);
}

/// Taken back: before it comes, it does not come; after, its handheld knows it with its status.
#[test]
fn a_bundle_that_was_taken_back_is_not_written() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let first = sign(&desk, "hh-1", file(3, 0)).unwrap();
    desk.local.wait(desk.office().revoke_bundle(first.id)).unwrap();
    assert_eq!(handheld.sync(&desk.post()).unwrap().bundles, 0);
    assert!(desk.local.wait(desk.office().revoke_bundle(first.id)).is_err(), "once");
    let second = sign(&desk, "hh-1", file(3, 0)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert!(!handheld.store.bundle(second.id).unwrap().revoked);
    desk.local.wait(desk.office().revoke_bundle(second.id)).unwrap();
    handheld.sync(&desk.post()).unwrap();
    assert!(handheld.store.bundle(second.id).unwrap().revoked);
}

/// Over a stick, with its file; and what no office of ours gave is called for.
#[test]
fn a_parcel_brings_bundle_and_file() {
    let desk = Desk::new();
    let handheld = desk.handheld("hh-1");
    let body = file(3, 40_000);
    let signed = sign(&desk, "hh-1", body.clone()).unwrap();
    let stick = tempfile::tempdir().unwrap();
    super::media::visit(&handheld, stick.path()).unwrap();
    desk.local.wait(desk.office().media(stick.path(), &[])).unwrap();
    let done = super::media::visit(&handheld, stick.path()).unwrap();
    assert_eq!(done.taken.unwrap().bundles, 1);
    let row = handheld.store.bundle(signed.id).unwrap();
    assert_eq!(handheld.store.bundle_file(&row.taken.digest), Some(body));
    desk.local.wait(desk.office().media(stick.path(), &[])).unwrap();
    assert!(desk.local.wait(desk.office().bundle_docs()).unwrap()[0].taken);
    let mut foreign = row.taken;
    foreign.id.0[0] ^= 1;
    handheld.append(Event::BundleTaken(foreign));
    handheld.sync(&desk.post()).unwrap();
    assert_eq!(desk.open_classes(), ["C1"]);
}
