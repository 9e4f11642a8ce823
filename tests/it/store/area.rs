//! Meters: the office's list, what was seen of them, finding them; entries and snapshots.

use super::make::{facts, meter, shows, stamp};
use super::{create, open, open_sound};
use meterkit::store::{AreaMeter, AreaPage, Event, Reading, Store, StoreError};
use meterkit::units::{Evidence, MeterNo, UnixSeconds};

fn line(no: u64, customer: &str, location: &str) -> AreaMeter {
    AreaMeter {
        no: meter(no),
        account: (no + 1).to_string().parse().ok(),
        customer: customer.into(),
        location: location.into(),
        profile: "dlt645-2007-c".into(),
        area: "north".into(),
        place: Default::default(),
    }
}

fn page(meters: Vec<AreaMeter>) -> AreaPage {
    AreaPage { signed: vec![0xD2, 1], meters }
}

fn reading(seen: &Evidence) -> Event {
    Event::Reading(Reading {
        meter: seen.meter,
        items: vec![(0x0001_0000, vec![1, 2, 3, 4])],
        evidence: Some(seen.clone()),
        shown: None,
        read_at: seen.read_at,
        took_ms: 900,
        frames_digest: [2; 32],
        profile: String::new(),
        values: Vec::new(),
    })
}

fn numbers(rows: &[meterkit::store::MeterRow]) -> Vec<MeterNo> {
    rows.iter().map(|row| row.no).collect()
}

fn filled(store: &Store) {
    let first = vec![
        line(12_345, "Wang Wei", "Hall 3"),
        line(99_345, "\u{738B}\u{5C0F}\u{660E}", "Street 9"),
    ];
    let second = vec![line(123_450_000_000, "wanda", "hall 10"), line(7, "Zoe", "12 Low Road")];
    store.install_area(3, &[page(first), page(second)]).unwrap();
}

#[test]
fn finding_meters() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    filled(&store);
    let table: [(&str, &[u64]); 12] = [
        ("", &[7, 12_345, 99_345, 123_450_000_000]),
        ("345", &[12_345, 99_345]),
        ("2345", &[12_345]),
        ("12345", &[12_345, 123_450_000_000]),
        ("000000012345", &[12_345]),
        ("wan", &[123_450_000_000, 12_345]),
        ("  WANG w", &[12_345]),
        ("\u{738B}", &[99_345]),
        ("hall", &[123_450_000_000, 12_345]),
        ("12", &[123_450_000_000, 7]),
        ("nobody", &[]),
        ("1234567890123", &[]),
    ];
    for (text, want) in table {
        let want: Vec<MeterNo> = want.iter().map(|no| meter(*no)).collect();
        assert_eq!(numbers(&store.find_meters(text, 10)), want, "{text:?}");
        assert_eq!(store.find_meters(text, 1).len(), want.len().min(1), "{text:?}");
    }
    assert_eq!(numbers(&store.meters(Some(meter(12_345)), 1)), [meter(99_345)]);
    assert_eq!(numbers(&store.meters(Some(meter(123_450_000_000)), 9)), []);
}

#[test]
fn a_new_list_takes_the_place_of_the_old() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    filled(&store);
    let facts = facts(1, 7, 0).intent();
    store.append(&stamp(3), reading(&shows(&facts, 0))).unwrap();
    store.install_area(4, &[page(vec![line(7, "Ada", "elsewhere"), line(8, "Bob", "")])]).unwrap();
    for round in 0..3 {
        assert_eq!(numbers(&store.meters(None, 10)), [meter(7), meter(8)], "round {round}");
        assert_eq!(store.find_meters("zoe", 9), [], "round {round}");
        assert_eq!(numbers(&store.find_meters("ada", 9)), [meter(7)]);
        let summary = store.summary();
        assert_eq!((summary.meters, summary.area_version), (2, 4));
        let row = store.meter(meter(7)).unwrap();
        assert_eq!((row.customer.as_str(), row.listed), ("Ada", true));
        assert_eq!(row.last, Some(shows(&facts, 0)), "what was seen stays");
        assert_eq!(store.meter(meter(12_345)), None);
        assert_eq!(store.area_page(0).unwrap().signed, [0xD2, 1]);
        assert_eq!(store.area_page(1), None);
        // The same list again changes nothing.
        let again = [page(vec![line(7, "Ada", "elsewhere"), line(8, "Bob", "")])];
        store.install_area(4, &again).unwrap();
    }
    drop(store);
    let store = open_sound(dir.path());
    assert_eq!(numbers(&store.meters(None, 10)), [meter(7), meter(8)]);
    drop(store);
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let (store, opened) = open(dir.path());
    assert!(opened.rebuilt.is_some());
    assert_eq!(numbers(&store.meters(None, 10)), [meter(7), meter(8)]);
    assert_eq!(store.meter(meter(7)).unwrap().last, Some(shows(&facts, 0)));
}

#[test]
fn a_list_that_cannot_be_taken_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    filled(&store);
    let long = "x".repeat(257);
    let crowd = (0..5_000).map(|n| line(n, "", "")).collect();
    let bad = [
        vec![page(vec![line(1, "", ""), line(1, "", "")])],
        vec![page(vec![line(1, "", "")]), page(vec![line(1, "", "")])],
        vec![page(vec![line(1, &long, "")])],
        vec![page(crowd)],
    ];
    let bad = bad.into_iter().map(|pages| (9, pages));
    // A version in force is never another list.
    let other = [vec![page(vec![line(1, "", "")])], vec![page(vec![]), page(vec![])]];
    for (version, pages) in bad.chain(other.into_iter().map(|pages| (3, pages))) {
        let error = store.install_area(version, &pages).unwrap_err();
        assert!(matches!(error, StoreError::Area(_)), "{error}");
        assert_eq!((store.summary().area_version, store.meters(None, 9).len()), (3, 4));
    }
}

#[test]
fn a_meter_outside_the_list_is_known_by_what_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    let facts = facts(1, 55, 0).intent();
    assert_eq!(store.meter(facts.meter), None);
    let older = shows(&facts, 1);
    let newer = Evidence { read_at: UnixSeconds(99), ..shows(&facts, 2) };
    store.append(&stamp(3), reading(&older)).unwrap();
    store.append(&stamp(4), reading(&newer)).unwrap();
    let code = "meter-silent".to_owned();
    let silent = Event::Refused { token: None, meter: facts.meter, code, evidence: None };
    store.append(&stamp(5), silent).unwrap();
    let row = store.meter(facts.meter).unwrap();
    assert_eq!((row.listed, row.last), (false, Some(newer)));
    let seqs = |newest| -> Vec<u64> {
        store.events_for(facts.meter, newest, 2).iter().map(|e| e.seq).collect()
    };
    assert_eq!((seqs(true), seqs(false)), (vec![4, 3], vec![2, 3]));
}

#[test]
fn entries_are_read_from_anywhere_and_their_hashes_chain() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    for n in 0..150 {
        let facts = facts(n, 100 + n % 3, n as u32).intent();
        store.append(&stamp(n as i64), reading(&shows(&facts, n as u32))).unwrap();
    }
    let all = store.raw_events(1, usize::MAX);
    assert_eq!(all.len(), 151);
    let mut before = store.origin().hash;
    for (n, record) in all.iter().enumerate() {
        assert_eq!((record.seq, record.prev_hash), (n as u64 + 1, before));
        before = record.hash;
    }
    assert_eq!(before, store.summary().head.hash);
    for from in [1, 2, 31, 32, 33, 34, 64, 97, 150, 151] {
        let found = store.events(from, 3);
        let want: Vec<u64> = (from..=151).take(3).collect();
        assert_eq!(found.iter().map(|e| e.seq).collect::<Vec<_>>(), want);
        assert_eq!(found[0].hash, all[from as usize - 1].hash);
        let sizes: Vec<usize> = all[from as usize - 1..].iter().map(|r| r.body.len()).collect();
        for limit in [0, sizes[0], sizes[0] + 1, sizes.iter().take(3).sum()] {
            let fit = (1..=sizes.len()).filter(|n| sizes[..*n].iter().sum::<usize>() <= limit);
            let want = fit.max().unwrap_or(1);
            assert_eq!(store.raw_events(from, limit).len(), want, "from {from}, {limit} bytes");
        }
    }
    assert_eq!(store.events(152, 3), []);
    assert_eq!(store.raw_events(152, 1_000), []);
}

#[test]
fn snapshots_have_plain_names() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    store.put_snapshot("keyset", b"one").unwrap();
    store.put_snapshot("keyset", b"two").unwrap();
    assert_eq!(store.snapshot("keyset"), Some(b"two".to_vec()));
    assert_eq!(store.snapshot("status"), None);
    for name in ["", "..", "a/b", "acked", "area", "UP", "x.tmp", &"n".repeat(33)] {
        let error = store.put_snapshot(name, b"").unwrap_err();
        assert_eq!(error, StoreError::Name(name.to_owned()));
        assert_eq!(store.snapshot(name), None);
    }
}

#[test]
fn a_rotten_page_is_mended_by_the_same_list() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    filled(&store);
    drop(store);
    let path = dir.path().join("snapshots/area/000000000003-0001");
    let mut content = std::fs::read(&path).unwrap();
    content[20] ^= 1;
    std::fs::write(&path, content).unwrap();
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let (store, opened) = open(dir.path());
    assert_eq!((opened.read_only, store.summary().meters), (None, 2));
    filled(&store);
    assert_eq!((store.summary().meters, store.meters(None, 9).len()), (4, 4));
}
