//! Enrolment: what a file must be, a seed that never lies in clear, and a new life beside the old.

use super::fake::{DAY, Fake, enrolled, issuer, stamp, store_key, sync};
use meterkit::store::{DocKind, Store, StoreKey};
use meterkit::sync::wire::{self, path};
use meterkit::sync::{Enrolling, SyncError, enrol_over, make_way};
use std::cell::RefCell;
use std::fs;
use std::path::Path;

fn refused(file: &[u8]) -> String {
    match Enrolling::read(file).map(drop) {
        Err(SyncError::File(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_file_names_its_root_and_starts_the_store() {
    let fake = Fake::new();
    let file = fake.file(|_| {});
    let enrolling = Enrolling::read(&file).unwrap();
    assert_eq!(enrolling.fingerprint().len(), 16);
    let hash = enrolling.file.root_hash;
    assert!(enrolling.fingerprint().starts_with(&format!("{:02x}{:02x}", hash[0], hash[1])));
    assert_eq!(enrolling.grants()[0].operator, "anna");
    let dir = tempfile::tempdir().unwrap();
    let store = enrolled(&fake, dir.path());
    assert!(store.grant(&"anna".parse().unwrap()).is_some());
    assert!(store.document(DocKind::Status).unwrap().is_some());
    assert!(sync(&fake, &store).is_ok());
}

#[test]
fn a_file_that_contradicts_itself() {
    let fake = Fake::new();
    type Case = (&'static str, fn(&mut wire::Enrolment));
    let cases: [Case; 7] = [
        ("another root hash", |file| file.root_hash[0] ^= 1),
        ("no root", |file| file.roots.clear()),
        ("another tenant", |file| file.tenant = "other".to_owned()),
        ("another epoch than the status", |file| file.epoch = 2),
        ("a status for another handheld", |file| file.device = "hh-2".parse().unwrap()),
        ("three recovery secrets", |file| file.recovery.truncate(3)),
        ("an empty recovery secret", |file| file.recovery[2] = [0; 16]),
    ];
    for (name, twist) in cases {
        assert!(!refused(&fake.file(twist)).is_empty(), "{name}");
    }
    let others = fake.grant(1, |grant| grant.device = "hh-2".to_owned());
    let file = fake.file(move |file| file.grants = vec![others.clone()]);
    assert!(refused(&file).contains("another handheld"));
    fake.key.set(6);
    refused(&fake.file(|_| {}));
}

#[test]
fn every_altered_byte_of_a_file_is_noticed() {
    let file = Fake::new().file(|_| {});
    assert!(Enrolling::read(&file).is_ok());
    for at in 0..file.len() {
        let mut altered = file.clone();
        altered[at] ^= 1;
        assert!(Enrolling::read(&altered).is_err(), "byte {at}");
    }
    for length in (0..file.len()).step_by(7) {
        refused(&file[..length]);
    }
    let mut long = file;
    long.push(0);
    refused(&long);
}

/// Root files and keyset stand outside the signed document; it names them.
#[test]
fn keys_of_another_file_are_noticed() {
    let fake = Fake::new();
    let file = fake.file(|_| {});
    let [tenant, hash, roots, _, document] = wire::split(&file).unwrap();
    // The same version and the same keys, for a day longer.
    let mut keyset = fake.keyset.borrow().0.clone();
    keyset.expires += DAY;
    let keyset = issuer(4).keyset(&keyset).unwrap();
    let mixed = wire::join(&[&tenant, &hash, &roots, &keyset, &document]);
    assert!(refused(&mixed).contains("the ones it names"));
}

fn files_below(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(fs::read(path).unwrap()) }
    }
}

/// The office knows the key, its answer is lost, the handheld restarts: it must come up with the
/// same key, or it could never enrol; and meanwhile nobody can read the key off the disk.
#[test]
fn a_lost_answer_does_not_lose_the_new_key_nor_lay_it_open() {
    let fake = Fake::new();
    let enrolling = Enrolling::read(&fake.file(|_| {})).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let seen = RefCell::new(Vec::new());
    let lost = |path: &str, body: &[u8]| {
        assert_eq!(path, path::ENROL);
        fake.answer(path, body).unwrap();
        seen.borrow_mut().push(fake.device_key.borrow().unwrap().bytes());
        Err(SyncError::Timeout)
    };
    for _ in 0..2 {
        let tried = enrol_over(dir.path(), &store_key(), &enrolling, &stamp(), &lost);
        assert_eq!(tried.map(drop), Err(SyncError::Timeout));
    }
    let post = |path: &str, body: &[u8]| fake.answer(path, body);
    let mut files = Vec::new();
    files_below(dir.path(), &mut files);
    let store = enrol_over(dir.path(), &store_key(), &enrolling, &stamp(), &post).unwrap();
    let seed = store.identity().device_seed;
    let shows = |file: &Vec<u8>| file.windows(8).any(|part| seed.windows(8).any(|s| s == part));
    assert!(!files.is_empty() && !files.iter().any(shows), "the seed lay in clear");
    let keys = seen.into_inner();
    assert_eq!(keys[0], keys[1]);
    assert_eq!(fake.device_key.borrow().unwrap().bytes(), keys[0], "one key all the time");
    assert!(!dir.path().join("enrol.seed").exists());
    drop(store);
    let twice = enrol_over(dir.path(), &store_key(), &enrolling, &stamp(), &post);
    assert_eq!(twice.map(drop).unwrap_err().code(), "already-enrolled");
}

#[test]
fn a_seed_sealed_with_another_key_is_not_used() {
    let fake = Fake::new();
    let enrolling = Enrolling::read(&fake.file(|_| {})).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let lost = |_: &str, _: &[u8]| Err(SyncError::Timeout);
    assert!(enrol_over(dir.path(), &store_key(), &enrolling, &stamp(), &lost).is_err());
    let before = fs::read(dir.path().join("enrol.seed")).unwrap();
    let other = StoreKey::from_bytes([43; 32]);
    assert!(enrol_over(dir.path(), &other, &enrolling, &stamp(), &lost).is_err());
    assert_ne!(fs::read(dir.path().join("enrol.seed")).unwrap(), before);
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_life_keeps_the_old_store_whole() {
    let (fake, home) = (Fake::new(), tempfile::tempdir().unwrap());
    let dir = home.path().join("store");
    let first = Enrolling::read(&fake.file(|_| {})).unwrap();
    let store = enrolled(&fake, &dir);
    let old_head = store.summary().head;
    let in_use = |ours| make_way(&dir, &second_of(&fake), ours).unwrap_err();
    assert_eq!(in_use(Some(1)).code(), "store-locked", "somebody works with it");
    drop(store);
    // A file of the same life moves nothing.
    for ours in [None, Some(1), Some(2)] {
        assert_eq!(make_way(&dir, &first, ours).unwrap_err().code(), "already-enrolled");
    }
    let second = second_of(&fake);
    let aside = make_way(&dir, &second, Some(1)).unwrap().unwrap();
    assert_eq!(names(home.path()), ["store.epoch-1"]);
    assert_eq!(make_way(&dir, &second, Some(1)), Ok(None), "a repeat goes on from there");
    let post = |path: &str, body: &[u8]| fake.answer(path, body);
    let key = StoreKey::from_bytes([43; 32]);
    let new = enrol_over(&dir, &key, &second, &stamp(), &post).unwrap();
    assert_eq!((new.identity().epoch, new.summary().head.epoch), (2, 2));
    assert!(sync(&fake, &new).is_ok());
    drop(new);
    let (old, _) = Store::open(&aside, &store_key()).unwrap();
    assert_eq!(old.summary().head, old_head, "whole, and opens with its own key");
    drop(old);
    // Neither the new store nor the one set aside is ever written over.
    for ours in [None, Some(2)] {
        assert_eq!(make_way(&dir, &second, ours).unwrap_err().code(), "already-enrolled");
    }
    fs::create_dir(home.path().join("store.epoch-2")).unwrap();
    fake.epoch.set(3);
    let third = Enrolling::read(&fake.file(|_| {})).unwrap();
    assert_eq!(make_way(&dir, &third, Some(2)).unwrap_err().code(), "already-enrolled");
    assert!(Store::exists(&dir));
}

fn second_of(fake: &Fake) -> Enrolling {
    fake.epoch.set(2);
    Enrolling::read(&fake.file(|_| {})).unwrap()
}

/// The store's PINs are lost: nobody can say which epoch it has.
#[test]
fn a_store_nobody_can_open_makes_way_too() {
    let (fake, home) = (Fake::new(), tempfile::tempdir().unwrap());
    let dir = home.path().join("store");
    drop(enrolled(&fake, &dir));
    assert!(make_way(&dir, &second_of(&fake), None).unwrap().is_some());
    assert_eq!(names(home.path()), ["store.epoch-1"]);
}
