//! Damage of every kind: noticed, named, never repaired; and an index nobody has to trust.

use super::make::{bytes, facts, identity, judged, key, shows, stamp};
use super::{SEGMENT, create, index, open, open_sound};
use crate::support::folders::copy;
use meterkit::store::schema::JOURNAL_FORMAT;
use meterkit::store::seal::Sealer;
use meterkit::store::{Bounds, Event, Options, Store, StoreError, Summary, TokenState, Why};
use meterkit::units::Decision;
use std::fs;
use std::path::{Path, PathBuf};

/// A journal of a few segments with open, accepted and unused tokens, and a receipt on the way.
fn busy(dir: &Path) -> Summary {
    let store = create(dir);
    for n in 1..=8 {
        let token = facts(n, 100 + n, 3);
        store.import(&stamp(2), token, bytes(n)).unwrap();
    }
    for n in 1..=6u64 {
        let facts = facts(n, 100 + n, 3).intent();
        store.intent(&stamp(3), facts, shows(&facts, 3), &Bounds::NONE).unwrap();
        let decision = [Decision::Confirmed, Decision::NotApplied, Decision::TornWrite];
        if n != 6 {
            let judgement = judged(&facts, decision[n as usize % 3]);
            store.outcome(&stamp(4), facts.token, judgement).unwrap();
        }
    }
    for n in 0..20u64 {
        let facts = facts(n, 100 + n, 3).intent();
        let code = "x".repeat(300);
        let evidence = Some(shows(&facts, 3));
        let event = Event::Refused { token: None, meter: facts.meter, code, evidence };
        store.append(&stamp(5), event).unwrap();
    }
    store.summary()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("journal")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Everything a question can be answered with, for comparing.
fn answers(store: &Store) -> impl PartialEq + std::fmt::Debug {
    let tokens = store.tokens(None, 100);
    (store.summary(), tokens, store.open_intents(), store.events(1, 1_000))
}

/// A damaged copy: whether it was noticed, and that nothing wrong came out of it.
fn noticed(dir: &Path, whole: &[meterkit::store::Recorded], what: &str) -> &'static str {
    let before: Vec<Vec<u8>> = segments(dir).iter().map(|p| fs::read(p).unwrap()).collect();
    let (store, opened) = match Store::open(dir, &key()) {
        Ok(found) => found,
        Err(StoreError::Damaged(_) | StoreError::Newer { .. }) => return "refused",
        Err(e) => panic!("{what}: {e}"),
    };
    let verified = store.verify();
    let entries = store.events(1, 1_000);
    for entry in &entries {
        let real = whole.get(entry.seq as usize - 1);
        let is_cut = matches!(entry.event, Event::TailCut { .. });
        assert!(is_cut || real == Some(entry), "{what}: a wrong entry was accepted");
    }
    if opened.read_only.is_none() && verified.is_ok() {
        let real = entries.iter().filter(|e| !matches!(e.event, Event::TailCut { .. })).count();
        // At most the newest entry can look as if it had never been finished.
        assert!(real + 1 >= whole.len(), "{what}: {real} of {} entries are left", whole.len());
        return if real == whole.len() { "whole" } else { "shorter" };
    }
    // Reading goes on, money and writing do not, and every file is as it was.
    assert!(store.money_allowed().is_err(), "{what}");
    let token = facts(8, 108, 3).intent();
    let money = store.intent(&stamp(9), token, shows(&token, 3), &Bounds::NONE);
    assert!(matches!(money, Err(StoreError::MoneyStopped(_))), "{what}: {money:?}");
    drop(store);
    if opened.cut.is_none() {
        let after: Vec<Vec<u8>> = segments(dir).iter().map(|p| fs::read(p).unwrap()).collect();
        assert!(before == after, "{what}: a file was changed");
    }
    "noticed"
}

#[test]
fn every_flipped_byte_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let whole = open_sound(dir.path()).events(1, 1_000);
    let files = segments(dir.path());
    assert!(files.len() >= 3);
    let mut counts = std::collections::BTreeMap::new();
    let (mut trials, mut seed) = (0, 1u64);
    for (number, file) in files.iter().enumerate() {
        let used = fs::read(file).unwrap().iter().rposition(|b| *b != 0).unwrap() + 1;
        for place in (0..used).step_by(61) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            for with_index in [true, false] {
                let other = tempfile::tempdir().unwrap();
                copy(dir.path(), other.path());
                if !with_index {
                    fs::remove_dir_all(other.path().join("index")).unwrap();
                }
                let path = &segments(other.path())[number];
                let mut content = fs::read(path).unwrap();
                content[place] ^= 1 << (seed >> 60 & 7);
                fs::write(path, content).unwrap();
                let what = format!("segment {number}, byte {place}, index {with_index}");
                let found = noticed(other.path(), &whole, &what);
                // Without any witness the newest entry looks like one that was never finished.
                let allowed: &[&str] = if with_index {
                    &["noticed", "refused"]
                } else {
                    &["noticed", "refused", "shorter"]
                };
                assert!(allowed.contains(&found), "{what}: {found}");
                *counts.entry(found).or_insert(0) += 1;
                trials += 1;
            }
        }
    }
    assert!(trials > 400, "{trials} trials");
    assert!(counts.get("shorter").is_none_or(|n| n * 20 < trials), "{counts:?}");
}

#[test]
fn every_truncation_and_hole_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let whole = open_sound(dir.path()).events(1, 1_000);
    let count = segments(dir.path()).len();
    for number in 0..count {
        let size = fs::read(&segments(dir.path())[number]).unwrap().len();
        for place in (0..size).step_by(509) {
            for hole in [false, true] {
                let other = tempfile::tempdir().unwrap();
                copy(dir.path(), other.path());
                let path = &segments(other.path())[number];
                let mut content = fs::read(path).unwrap();
                let end = (place + 700).min(size);
                if hole && content[place..end].iter().all(|b| *b == 0) {
                    continue;
                }
                if hole {
                    content[place..end].fill(0);
                } else {
                    content.truncate(place);
                }
                fs::write(path, content).unwrap();
                let what = format!("segment {number}, byte {place}, hole {hole}");
                let found = noticed(other.path(), &whole, &what);
                assert!(["noticed", "refused"].contains(&found), "{what}: {found}");
            }
        }
    }
    for number in 0..count {
        let other = tempfile::tempdir().unwrap();
        copy(dir.path(), other.path());
        fs::remove_file(&segments(other.path())[number]).unwrap();
        let found = noticed(other.path(), &whole, &format!("segment {number} is missing"));
        assert_eq!(found, "noticed");
    }
}

#[test]
fn a_journal_older_than_its_witnesses_moves_no_money() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let old = tempfile::tempdir().unwrap();
    copy(dir.path(), old.path());
    let store = open_sound(dir.path());
    let old_head = store.summary().head;
    let anchor = || Event::TimeAnchor { server: meterkit::units::UnixSeconds(1) };
    store.append(&stamp(6), anchor()).unwrap();
    let acked = store.summary().head;
    store.append(&stamp(6), Event::ReceiptStored { number: 1, acked }).unwrap();
    let head = store.summary().head;
    drop(store);
    // The whole journal is put back to the older copy; the index or the receipt remembers.
    for (witness, known) in [("index", head.seq), ("receipt", acked.seq)] {
        let back = tempfile::tempdir().unwrap();
        copy(dir.path(), back.path());
        fs::remove_dir_all(back.path().join("journal")).unwrap();
        copy(&old.path().join("journal"), &back.path().join("journal"));
        if witness == "receipt" {
            fs::remove_dir_all(back.path().join("index")).unwrap();
        }
        let (store, opened) = open(back.path());
        let want = Why::RolledBack { have: old_head.seq, known, witness };
        assert_eq!(opened.read_only, Some(want.clone()));
        assert_eq!(store.money_allowed(), Err(want.clone()));
        assert_eq!(store.append(&stamp(7), anchor()), Err(StoreError::MoneyStopped(want)));
        assert_eq!(store.events(1, 999).len() as u64, old_head.seq, "reading goes on");
    }
    // Another history of the same length is no better.
    let other = open_sound(old.path());
    for at in [70, 71, 72] {
        other.append(&stamp(at), anchor()).unwrap();
    }
    drop(other);
    for with_index in [true, false] {
        let fork = tempfile::tempdir().unwrap();
        copy(dir.path(), fork.path());
        fs::remove_dir_all(fork.path().join("journal")).unwrap();
        copy(&old.path().join("journal"), &fork.path().join("journal"));
        if !with_index {
            fs::remove_dir_all(fork.path().join("index")).unwrap();
        }
        let (_, opened) = open(fork.path());
        assert!(matches!(opened.read_only, Some(Why::RolledBack { .. })), "{opened:?}");
    }
}

#[test]
fn an_index_that_is_missing_stale_or_anothers_is_no_loss() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let stale = tempfile::tempdir().unwrap();
    copy(&dir.path().join("index"), stale.path());
    let store = open_sound(dir.path());
    let seven = facts(7, 107, 3).intent();
    store.intent(&stamp(6), seven, shows(&seven, 3), &Bounds::NONE).unwrap();
    let want = format!("{:?}", answers(&store));
    drop(store);
    let another = tempfile::tempdir().unwrap();
    busy(another.path());
    let index = dir.path().join("index");
    for kind in ["missing", "stale", "another", "empty", "a file"] {
        fs::remove_dir_all(&index).unwrap();
        match kind {
            "missing" => {}
            "stale" => copy(stale.path(), &index),
            "another" => copy(&another.path().join("index"), &index),
            "empty" => fs::create_dir(&index).unwrap(),
            _ => fs::write(&index, b"not a folder").unwrap(),
        }
        if kind == "a file" {
            let (store, opened) = open(dir.path());
            // Not the store's to remove: it works from memory, without money.
            assert!(matches!(opened.read_only, Some(Why::NoIndex(_))), "{opened:?}");
            assert_eq!(format!("{:?}", answers(&store)), want);
            break;
        }
        let (store, opened) = open(dir.path());
        assert_eq!(opened.rebuilt.is_some(), kind != "stale", "{kind}: {opened:?}");
        assert_eq!(opened.replayed, u64::from(kind == "stale"), "{kind}");
        assert_eq!(opened.read_only, None, "{kind}");
        assert_eq!(format!("{:?}", answers(&store)), want, "{kind}");
        let taken = store.intent(&stamp(7), seven, shows(&seven, 3), &Bounds::NONE);
        assert!(matches!(taken, Err(StoreError::OpenIntent { .. })), "{kind}: {taken:?}");
        drop(store);
        open_sound(dir.path());
    }
}

/// Random bytes, a hole or a cut in sled's own files: right answers, whatever sled makes of it.
#[test]
fn a_corrupt_index_gives_right_answers_or_none() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let sound = open_sound(dir.path());
    let want = format!("{:?}", answers(&sound));
    drop(sound);
    let (mut seed, mut rebuilt) = (7u64, 0);
    let mut roll = |limit: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % limit.max(1)
    };
    for trial in 0..60 {
        let other = tempfile::tempdir().unwrap();
        copy(dir.path(), other.path());
        let db = other.path().join("index/db");
        let mut content = fs::read(&db).unwrap();
        let used = content.iter().rposition(|b| *b != 0).unwrap() as u64;
        let place = roll(used) as usize;
        match trial % 4 {
            0 => content[place] ^= 1 << roll(8),
            1 => (0..64).for_each(|i| {
                if let Some(byte) = content.get_mut(place + i) {
                    *byte = roll(256) as u8;
                }
            }),
            2 => content.iter_mut().skip(place).take(4_096).for_each(|b| *b = 0),
            _ => content.truncate(place),
        }
        fs::write(&db, content).unwrap();
        let (store, opened) = open(other.path());
        rebuilt += usize::from(opened.rebuilt.is_some());
        assert_eq!(opened.read_only, None, "trial {trial}");
        // Money asks first whether the rows that decide about it are all there.
        let eight = facts(8, 108, 3).intent();
        store.intent(&stamp(6), eight, shows(&eight, 3), &Bounds::NONE).unwrap();
        store.outcome(&stamp(7), eight.token, judged(&eight, Decision::NotApplied)).unwrap();
        let six = facts(6, 106, 3).intent();
        let taken = store.intent(&stamp(8), six, shows(&six, 3), &Bounds::NONE);
        let is_open = matches!(taken, Err(StoreError::OpenIntent { .. }));
        assert!(is_open, "trial {trial}: {taken:?}");
        assert_eq!(store.tokens(None, 100).len(), 8, "trial {trial}");
        assert_eq!(store.token(eight.token).unwrap().state, TokenState::NotApplied);
        assert_eq!(store.summary().open_intents, 3, "trial {trial}");
    }
    assert!(rebuilt > 5, "only {rebuilt} of 60 were bad enough to be built again");
    assert_eq!(format!("{:?}", answers(&open_sound(dir.path()))), want);
}

#[test]
fn an_index_that_breaks_while_working_is_built_again() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let (store, _) = Store::open(dir.path(), &key()).unwrap();
    let want = format!("{:?}", answers(&store));
    // A row of the index is changed behind its back: its checksum no longer fits.
    drop(store);
    let db = index(dir.path());
    let mut token = None;
    for item in db.iter() {
        let (key, mut value) = item.unwrap();
        if key[0] == b'T' {
            value[5] ^= 1;
            token = Some(key.clone());
            db.insert(key, value).unwrap();
        }
    }
    assert!(token.is_some());
    drop(db);
    let (store, opened) = Store::open(dir.path(), &key()).unwrap();
    assert_eq!(opened.rebuilt, None, "opening does not look at every row");
    assert_eq!(format!("{:?}", answers(&store)), want);
    drop(store);
    // A row that is gone altogether is found out before money moves.
    let db = index(dir.path());
    let six = facts(6, 106, 3).intent();
    assert!(db.remove(open_key(six.meter)).unwrap().is_some());
    drop(db);
    let (store, _) = Store::open(dir.path(), &key()).unwrap();
    let taken = store.intent(&stamp(6), six, shows(&six, 3), &Bounds::NONE);
    assert!(matches!(taken, Err(StoreError::OpenIntent { .. })), "{taken:?}");
}

/// The index's key of a meter's open recharge.
fn open_key(meter: meterkit::units::MeterNo) -> Vec<u8> {
    let blind = Sealer::new(&key()).blind(b'm', &[&meter.bcd()]);
    [b"I", &blind[..]].concat()
}

/// The worst a broken engine can do: whole, older rows under the newest state.
#[test]
fn an_index_with_old_rows_under_a_new_state_does_not_move_money_twice() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let seven = facts(7, 107, 3).intent();
    let mut token_key = vec![b'T'];
    token_key.extend(seven.token.0);
    let old = index(dir.path()).get(&token_key).unwrap().unwrap();
    let store = open_sound(dir.path());
    store.intent(&stamp(6), seven, shows(&seven, 3), &Bounds::NONE).unwrap();
    drop(store);
    let db = index(dir.path());
    db.insert(token_key, old).unwrap();
    assert!(db.remove(open_key(seven.meter)).unwrap().is_some());
    drop(db);
    let store = open_sound(dir.path());
    let again = store.intent(&stamp(7), seven, shows(&seven, 3), &Bounds::NONE);
    assert!(matches!(again, Err(StoreError::OpenIntent { .. })), "{again:?}");
    assert_eq!(store.open_intent(seven.meter).map(|o| o.facts), Some(seven));
}

#[test]
fn a_damaged_or_newer_identity_is_named() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let path = dir.path().join("identity");
    let good = fs::read(&path).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        fs::write(&path, bad).unwrap();
        let error = Store::open(dir.path(), &key()).map(drop).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged(d) if d.file == "identity"), "{error}");
        let create = Store::create(dir.path(), identity(), &stamp(1), &key()).map(drop);
        assert!(matches!(create, Err(StoreError::AlreadyEnrolled(_))), "never overwritten");
    }
    fs::remove_file(&path).unwrap();
    let create = Store::create(dir.path(), identity(), &stamp(1), &key()).map(drop);
    assert!(matches!(create, Err(StoreError::Damaged(_))), "{create:?}: a journal is there");
    fs::write(&path, &good).unwrap();
    open_sound(dir.path());
}

#[test]
fn a_newer_journal_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let path = &segments(dir.path())[0];
    let mut content = fs::read(path).unwrap();
    content[11] = JOURNAL_FORMAT as u8 + 1;
    let crc = crc32c::crc32c(&content[..124]);
    content[124..128].copy_from_slice(&crc.to_be_bytes());
    fs::write(path, &content).unwrap();
    let error = Store::open(dir.path(), &key()).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 3, known: 2, .. }), "{error}");
    assert_eq!(fs::read(path).unwrap(), content);
}

#[test]
fn damage_found_while_working_stops_money() {
    let dir = tempfile::tempdir().unwrap();
    busy(dir.path());
    let (store, _) = Store::open_with(
        dir.path(),
        &key(),
        Options { segment_bytes: SEGMENT, ..Options::default() },
    )
    .unwrap();
    assert_eq!(store.money_allowed(), Ok(()));
    let path = &segments(dir.path())[0];
    let mut content = fs::read(path).unwrap();
    content[400] ^= 1;
    fs::write(path, content).unwrap();
    let token = facts(8, 108, 3).intent();
    let stopped = store.intent(&stamp(6), token, shows(&token, 3), &Bounds::NONE);
    let Err(StoreError::MoneyStopped(Why::Damaged(damage))) = stopped else {
        panic!("{stopped:?}");
    };
    assert!(damage.file.ends_with(".mkj") && damage.offset < 400, "{damage}");
    assert_eq!(store.verify(), Err(damage));
    assert!(!store.tokens(None, 10).is_empty(), "reading goes on");
}
