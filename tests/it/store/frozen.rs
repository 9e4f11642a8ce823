//! The format of version 1, frozen: a small journal that every later version must read.
//!
//! `fixtures/store/v1` was written by the first version and is never written again. If this test
//! fails, old handhelds lose their journals: add a format, do not change one.

use super::{copy, open};
use meterkit::store::schema::{INDEX_FORMAT, JOURNAL_FORMAT};
use meterkit::store::{Event, TokenState};
use std::fmt::Write as _;
use std::path::Path;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[test]
fn version_1_is_read() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store/v1");
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture.join("store"), dir.path());
    let (store, opened) = open(dir.path());
    assert_eq!((&opened.cut, &opened.read_only), (&None, &None), "{opened:?}");
    let mut seen = String::new();
    for entry in store.events(1, 1_000) {
        let _ = writeln!(seen, "{} {} {:?}", entry.seq, hex(&entry.hash), entry.event);
    }
    let expected = std::fs::read_to_string(fixture.join("entries.txt")).unwrap();
    for (line, (got, want)) in seen.lines().zip(expected.lines()).enumerate() {
        assert_eq!(got, want, "entry {}", line + 1);
    }
    assert_eq!(seen.lines().count(), expected.lines().count());
    let kinds: std::collections::BTreeSet<String> = store
        .events(1, 1_000)
        .iter()
        .map(|e| format!("{:?}", e.event).split([' ', '(']).next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(kinds.len(), 12, "every kind of entry is in it: {kinds:?}");
    assert_eq!(store.identity().device.to_string(), "hh-007");
    assert!(store.events(1, 99).iter().any(|e| matches!(e.event, Event::TailCut { .. })));
    assert_eq!(store.token(super::make::token_id(1)).unwrap().state, TokenState::Accepted);
    assert_eq!(store.meters(None, 9).len(), 2);
    assert_eq!(store.snapshot("status"), Some(b"a status document".to_vec()));
    assert_eq!((JOURNAL_FORMAT, INDEX_FORMAT), (1, 1), "a new format needs a fixture of its own");
}
