//! The format of version 2, frozen: a small store that every later version must read. (Version 1
//! was never on a handheld.)
//!
//! `fixtures/store/v2` was written by the first version of it and is never written again. If this
//! test fails, old handhelds lose their journals: add a format, do not change one.

use super::open;
use crate::support::folders::copy;
use meterkit::store::schema::{
    AREA_FORMAT, FILE_FORMAT, IDENTITY_FORMAT, INDEX_FORMAT, JOURNAL_FORMAT,
};
use meterkit::store::{DocKind, Event, TokenState};
use std::fmt::Write as _;
use std::path::Path;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[test]
fn version_2_is_read() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store/v2");
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
    assert_eq!(kinds.len(), 21, "every kind of its time is in it: {kinds:?}");
    assert_eq!(store.identity().device.to_string(), "hh-007");
    assert!(store.events(1, 99).iter().any(|e| matches!(e.event, Event::TailCut { .. })));
    assert_eq!(store.token(super::make::token_id(1)).unwrap().state, TokenState::Accepted);
    assert_eq!(store.meters(None, 9).len(), 2);
    assert_eq!(store.snapshot("status"), Some(b"a status document".to_vec()));
    assert_eq!(store.document(DocKind::Status), Ok(Some((17, b"a signed status".to_vec()))));
    let exposure = store.exposure(None);
    assert_eq!((exposure.acts, exposure.yuan), (1, 5_000));
    assert!(store.grant(&"ann".parse().unwrap()).is_some_and(|grant| !grant.revoked));
    let formats = (JOURNAL_FORMAT, INDEX_FORMAT, IDENTITY_FORMAT, AREA_FORMAT, FILE_FORMAT);
    // The index of the fixture is of format 2: deleted and built again, as it may be at any time.
    assert_eq!(formats, (2, 3, 2, 2, 1), "a new format needs a fixture of its own");
}
