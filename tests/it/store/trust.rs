//! Documents, people, limits and time in the store; many tokens at once; the note that this journal
//! is not the newest.

use super::make::{bytes, facts, judged, meter, shows, stamp, token_id};
use super::{create, index, open, open_sound};
use meterkit::store::{
    Bounds, ClockMemory, DocKind, Event, Imported, Position, Stamp, Store, StoreError, TokenFacts,
    TokenState, Why,
};
use meterkit::units::{
    Cap, Caps, Credit, CreditUnit, Decision, Exposure, IntentFacts, Limit, OperatorId, TokenId,
    UnixSeconds, Verb,
};
use tempfile::TempDir;

fn fresh() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    (dir, store)
}

/// The store closed and opened again; every other time its index is built anew.
fn again(dir: &TempDir, store: Store, round: usize) -> Store {
    drop(store);
    if round % 2 == 1 {
        std::fs::remove_dir_all(dir.path().join("index")).unwrap();
        let (store, opened) = open(dir.path());
        assert_eq!((opened.rebuilt.is_some(), opened.read_only), (true, None));
        return store;
    }
    open_sound(dir.path())
}

fn operator(text: &str) -> OperatorId {
    text.parse().unwrap()
}

fn by(text: &str, at: i64) -> Stamp {
    Stamp { operator: text.into(), ..stamp(at) }
}

#[test]
fn a_document_never_goes_back() {
    let (dir, mut store) = fresh();
    let status = DocKind::Status;
    assert_eq!(store.document(status), Ok(None));
    store.take_document(&stamp(2), status, 5, b"five").unwrap();
    let older = |have, got| StoreError::OlderDocument { kind: status, have, got };
    for round in 0..3 {
        assert_eq!(store.document(status), Ok(Some((5, b"five".to_vec()))));
        assert_eq!(store.document(DocKind::Keyset), Ok(None));
        let before = store.summary();
        assert_eq!(store.take_document(&stamp(3), status, 4, b"four"), Err(older(5, 4)));
        assert_eq!(store.take_document(&stamp(3), status, 5, b"other"), Err(older(5, 5)));
        assert_eq!(store.take_document(&stamp(3), status, 5, b"five"), Ok(()));
        assert_eq!(store.summary(), before, "nothing was recorded");
        store = again(&dir, store, round);
    }
    let this_way = Event::DocumentTaken { kind: status, version: 1, digest: [0; 32] };
    assert_eq!(store.append(&stamp(4), this_way), Err(StoreError::NotThisWay("document")));
    store.take_document(&stamp(4), status, 8, b"eight").unwrap();
    store.take_document(&stamp(4), DocKind::Root, 2, b"two").unwrap();
    assert_eq!(store.document(status), Ok(Some((8, b"eight".to_vec()))));
    assert_eq!(store.take_document(&stamp(3), status, 5, b"five"), Err(older(8, 5)));
    let names: Vec<_> = std::fs::read_dir(dir.path().join("snapshots")).unwrap().collect();
    assert_eq!(names.len(), 3, "one file for each document, and the area's folder: {names:?}");
}

#[test]
fn a_document_that_was_lost_or_put_back_is_noticed() {
    let (dir, store) = fresh();
    let path = |version| dir.path().join(format!("snapshots/status.{version}"));
    store.take_document(&stamp(2), DocKind::Status, 5, b"five").unwrap();
    let old = std::fs::read(path(5)).unwrap();
    store.take_document(&stamp(3), DocKind::Status, 6, b"six").unwrap();
    let lost = Err(StoreError::DocumentLost(DocKind::Status));
    let good = std::fs::read(path(6)).unwrap();
    // An older one of this store's own, under the newer name, and with everything else removed.
    std::fs::write(path(6), &old).unwrap();
    assert_eq!(store.document(DocKind::Status), lost);
    std::fs::write(path(5), &old).unwrap();
    std::fs::remove_file(path(6)).unwrap();
    assert_eq!(store.document(DocKind::Status), lost);
    for place in [0, 20, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        std::fs::write(path(6), bad).unwrap();
        assert_eq!(store.document(DocKind::Status), lost);
    }
    // The same document, taken in again, mends it without an entry.
    let before = store.summary();
    store.take_document(&stamp(4), DocKind::Status, 6, b"six").unwrap();
    assert_eq!(store.document(DocKind::Status), Ok(Some((6, b"six".to_vec()))));
    assert_eq!(store.summary(), before);
}

fn grant(id: u64, who: &str, issued: i64) -> Event {
    let (operator, expires) = (operator(who), UnixSeconds(issued + 100));
    let bytes = format!("grant {id} of {issued}").into_bytes();
    Event::GrantTaken { id: token_id(id), operator, issued: UnixSeconds(issued), expires, bytes }
}

#[test]
fn the_later_grant_of_an_operator_counts() {
    let (dir, mut store) = fresh();
    for (id, who, issued) in [(1, "ann", 50), (2, "ann", 60), (3, "bob", 40)] {
        store.append(&stamp(2), grant(id, who, issued)).unwrap();
    }
    for round in 0..3 {
        let ann = store.grant(&operator("ann")).unwrap();
        assert_eq!((ann.id, ann.issued, ann.revoked), (token_id(2), UnixSeconds(60), false));
        assert_eq!(ann.bytes, b"grant 2 of 60");
        assert_eq!(store.grant(&operator("eve")), None);
        let all: Vec<_> = store.grants().into_iter().map(|(who, row)| (who, row.id)).collect();
        assert_eq!(all, [(operator("ann"), token_id(2)), (operator("bob"), token_id(3))]);
        let before = store.summary();
        let table = [
            (grant(1, "ann", 50), StoreError::OlderGrant(token_id(1))),
            (grant(2, "ann", 60), StoreError::Known(token_id(2))),
            (grant(2, "ann", 61), StoreError::Conflict(token_id(2))),
            // Of the same second: neither by turns.
            (grant(1, "ann", 60), StoreError::OlderGrant(token_id(1))),
        ];
        for (event, want) in table {
            assert_eq!(store.append(&stamp(3), event), Err(want));
        }
        assert_eq!(store.summary(), before);
        store = again(&dir, store, round);
    }
    store.append(&stamp(3), grant(4, "ann", 60)).unwrap();
    assert_eq!(store.grant(&operator("ann")).unwrap().id, token_id(4));
    let long = Event::GrantTaken {
        id: token_id(9),
        operator: operator("ann"),
        issued: UnixSeconds(90),
        expires: UnixSeconds(99),
        bytes: vec![1; 16 * 1024 + 1],
    };
    let error = store.append(&stamp(3), long).unwrap_err();
    assert!(matches!(error, StoreError::TooBig { what: "grant", .. }), "{error}");
}

fn leave(id: u64, who: &str, no: u64) -> Event {
    let (operator, meter) = (operator(who), meter(no));
    let bytes = format!("override {id}").into_bytes();
    Event::OverrideTaken { id: token_id(id), operator, meter, expires: UnixSeconds(100), bytes }
}

#[test]
fn an_override_serves_one_act() {
    let (dir, mut store) = fresh();
    for (id, who, no) in [(1, "ann", 500), (2, "ann", 500), (3, "ann", 501), (4, "bob", 500)] {
        store.append(&stamp(2), leave(id, who, no)).unwrap();
    }
    let known = store.append(&stamp(2), leave(1, "ann", 500));
    assert_eq!(known, Err(StoreError::Known(token_id(1))));
    let conflict = store.append(&stamp(2), leave(1, "ann", 501));
    assert_eq!(conflict, Err(StoreError::Conflict(token_id(1))));
    let used =
        |id, no| Event::OverrideUsed { id: token_id(id), verb: Verb::Control, meter: meter(no) };
    let id = token_id(1);
    let table = [
        (by("ann", 3), used(9, 500), StoreError::UnknownOverride(token_id(9))),
        (by("bob", 3), used(1, 500), StoreError::OverrideDiffers(id, "operator")),
        (by("ann", 3), used(1, 501), StoreError::OverrideDiffers(id, "meter")),
        (by("ann", 101), used(1, 500), StoreError::OverrideExpired(id)),
    ];
    for (stamp, event, want) in table {
        assert_eq!(store.append(&stamp, event), Err(want));
    }
    store.append(&by("ann", 100), used(1, 500)).unwrap();
    assert_eq!(store.revoke(&stamp(4), 7, &[token_id(2)]), Ok(1));
    for round in 0..3 {
        let spent = store.append(&by("ann", 5), used(1, 500));
        assert_eq!(spent, Err(StoreError::OverrideSpent(id)));
        let revoked = store.append(&by("ann", 5), used(2, 500));
        assert_eq!(revoked, Err(StoreError::OverrideRevoked(token_id(2))));
        let rows = store.overrides(&operator("ann"), meter(500));
        let seen: Vec<_> = rows.iter().map(|row| (row.id, row.used, row.revoked)).collect();
        assert_eq!(seen, [(token_id(1), true, false), (token_id(2), false, true)]);
        assert_eq!(store.overrides(&operator("ann"), meter(502)), []);
        assert_eq!(store.overrides(&operator("bob"), meter(500)).len(), 1);
        store = again(&dir, store, round);
    }
}

/// The worst a broken engine can do to an override: bring back its row as it was before the act.
#[test]
fn a_used_override_does_not_come_back_with_an_old_row() {
    let (dir, store) = fresh();
    store.append(&stamp(2), leave(1, "ann", 500)).unwrap();
    let used = Event::OverrideUsed { id: token_id(1), verb: Verb::Control, meter: meter(500) };
    drop(store);
    let row = [b"Q", &token_id(1).0[..]].concat();
    let old = index(dir.path()).get(&row).unwrap().unwrap();
    let store = open_sound(dir.path());
    store.append(&by("ann", 3), used.clone()).unwrap();
    drop(store);
    index(dir.path()).insert(row, old).unwrap();
    let (store, opened) = open(dir.path());
    assert!(opened.rebuilt.is_some(), "{opened:?}");
    let again = store.append(&by("ann", 3), used);
    assert_eq!(again, Err(StoreError::OverrideSpent(token_id(1))));
}

#[test]
fn revoked_tokens_begin_nothing_and_hide_nothing() {
    let (dir, mut store) = fresh();
    let tokens: Vec<TokenFacts> = (1..=5).map(|n| facts(n, 500 + n, 3)).collect();
    for token in &tokens[..4] {
        store.import(&stamp(2), *token, bytes(1)).unwrap();
    }
    let intent = |store: &Store, n: usize| {
        let facts = tokens[n].intent();
        store.intent(&stamp(3), facts, shows(&facts, 3), &Bounds::NONE).map(drop)
    };
    // One is open, one was sent and read back as not applied, one is in the meter.
    (1..4).for_each(|n| intent(&store, n).unwrap());
    let outcome = |store: &Store, n: usize, decision| {
        let facts = tokens[n].intent();
        store.outcome(&stamp(4), facts.token, judged(&facts, decision)).map(drop)
    };
    outcome(&store, 2, Decision::NotApplied).unwrap();
    outcome(&store, 3, Decision::Confirmed).unwrap();
    assert_eq!(store.summary().tokens_live, 2);
    let ids: Vec<TokenId> = tokens.iter().map(|token| token.id).collect();
    assert_eq!(store.revoke(&stamp(5), 9, &[&ids[..], &ids[..2]].concat()), Ok(5));
    let events = store.summary().events;
    assert_eq!(store.revoke(&stamp(5), 10, &ids), Ok(0));
    assert_eq!(store.summary().events, events, "what is known is not recorded again");
    let late = store.import(&stamp(6), tokens[4], bytes(1));
    assert_eq!(late, Err(StoreError::TokenRevoked(ids[4])));
    use TokenState::{Accepted, Intent, Withdrawn};
    for round in 0..3 {
        for (n, want) in [Withdrawn, Intent, Withdrawn, Accepted].into_iter().enumerate() {
            let row = store.token(ids[n]).unwrap();
            assert_eq!((row.state, row.revoked), (want, true), "token {n}");
            assert!(store.revoked(ids[n]));
        }
        assert!(!store.revoked(token_id(77)));
        assert_eq!(store.summary().tokens_live, 0);
        assert_eq!(intent(&store, 0), Err(StoreError::TokenRevoked(ids[0])));
        assert_eq!(intent(&store, 2), Err(StoreError::TokenRevoked(ids[2])));
        assert_eq!(intent(&store, 3), Err(StoreError::TokenUsed(ids[3])));
        // The open one stays open, is not sent again, and its outcome is taken.
        assert_eq!(store.open_intents().len(), 1);
        let resend = store.resend(&stamp(6), ids[1], shows(&tokens[1].intent(), 3)).map(drop);
        assert_eq!(resend, Err(StoreError::TokenRevoked(ids[1])));
        store = again(&dir, store, round);
    }
    outcome(&store, 1, Decision::Confirmed).unwrap();
    assert_eq!(store.token(ids[1]).unwrap().state, Accepted);
}

#[test]
fn revoked_grants_are_marked_whenever_they_come() {
    let (_dir, store) = fresh();
    store.append(&stamp(2), grant(1, "ann", 50)).unwrap();
    store.revoke(&stamp(3), 7, &[token_id(1), token_id(2)]).unwrap();
    assert!(store.grant(&operator("ann")).unwrap().revoked);
    store.append(&stamp(2), grant(2, "ann", 60)).unwrap();
    assert!(store.grant(&operator("ann")).unwrap().revoked, "it was revoked before it came");
    store.append(&stamp(2), grant(3, "ann", 70)).unwrap();
    assert!(!store.grants()[0].1.revoked);
}

fn caps(acts: i64, yuan: i64, kwh: i64, age_s: i64) -> Caps {
    let cap = |hard| Cap { soft: 0, hard };
    Caps { acts: cap(acts), yuan: cap(yuan), kwh: cap(kwh), age_s: cap(age_s) }
}

/// Imports token `n` on a meter of its own and begins it, as somebody, at a time.
fn spend(store: &Store, n: u64, stamp: &Stamp, bounds: &Bounds) -> Result<(), StoreError> {
    let unit = if n.is_multiple_of(2) { CreditUnit::Yuan } else { CreditUnit::Kwh };
    let token = TokenFacts { credit: Credit { value: 100, unit }, ..facts(n, 500 + n, 3) };
    store.import(stamp, token, bytes(n)).unwrap();
    let facts: IntentFacts = token.intent();
    store.intent(stamp, facts, shows(&facts, 3), bounds).map(drop)
}

#[test]
fn an_intent_stays_within_the_limits() {
    let none = Caps::NONE;
    let big = i64::MAX;
    // The limits, whose they are, and what is refused once two acts (yuan, kWh) are there.
    let table = [
        (caps(2, big, big, big), Limit::Acts),
        (caps(big, 199, big, big), Limit::Yuan),
        (caps(big, big, 199, big), Limit::Kwh),
        (caps(big, big, big, 9), Limit::Age),
    ];
    for (caps, limit) in table {
        for operators in [false, true] {
            let (_dir, store) = fresh();
            let bounds = Bounds {
                device: if operators { none } else { caps },
                operator: if operators { caps } else { none },
            };
            spend(&store, 2, &by("ann", 10), &bounds).unwrap();
            spend(&store, 3, &by("ann", 11), &bounds).unwrap();
            let third = 2 + u64::from(limit == Limit::Kwh) + 2;
            let before = store.summary();
            let got = spend(&store, third, &by("ann", 20), &bounds);
            assert_eq!(got, Err(StoreError::OverLimit { limit, operators }), "{limit:?}");
            let after = store.summary();
            assert_eq!(after.events, before.events + 1, "the import only");
            assert_eq!((after.open_intents, store.exposure(None).acts), (2, 2));
            // Another operator has limits of his own; the handheld's are everybody's.
            let got = spend(&store, third + 4, &by("bob", 20), &bounds);
            assert_eq!(got.is_ok(), operators, "{limit:?}: {got:?}");
        }
    }
}

#[test]
fn what_the_office_acknowledged_is_no_exposure() {
    let (dir, mut store) = fresh();
    for (n, who, at) in [(2, "ann", 10), (3, "bob", 11), (4, "ann", 12)] {
        spend(&store, n, &by(who, at), &Bounds::NONE).unwrap();
    }
    let second = store.events_for(meter(503), true, 1)[0].clone();
    let exposure = |acts, yuan, kwh, oldest: Option<i64>| Exposure {
        acts,
        yuan,
        kwh,
        oldest: oldest.map(UnixSeconds),
    };
    assert_eq!(store.exposure(None), exposure(3, 200, 100, Some(10)));
    assert_eq!(store.exposure(Some("ann")), exposure(2, 200, 0, Some(10)));
    assert_eq!(store.exposure(Some("bob")), exposure(1, 0, 100, Some(11)));
    assert_eq!(store.exposure(Some("eve")), Exposure::default());
    let acked = Position { epoch: 1, seq: second.seq, hash: second.hash };
    store.append(&stamp(20), Event::ReceiptStored { number: 1, acked }).unwrap();
    for round in 0..3 {
        assert_eq!(store.exposure(None), exposure(1, 100, 0, Some(12)));
        assert_eq!(store.exposure(Some("bob")), Exposure::default());
        store = again(&dir, store, round);
    }
    // An outcome does not change what the office has not heard of.
    let four =
        TokenFacts { credit: Credit { value: 100, unit: CreditUnit::Yuan }, ..facts(4, 504, 3) };
    store.outcome(&stamp(21), four.id, judged(&four.intent(), Decision::NotApplied)).unwrap();
    assert_eq!(store.exposure(None).acts, 1);
    let acked = store.summary().head;
    store.append(&stamp(22), Event::ReceiptStored { number: 2, acked }).unwrap();
    assert_eq!(store.exposure(None), Exposure::default());
}

/// Rows that sled lost must not make room for more money.
#[test]
fn a_lost_row_of_the_exposure_is_found_before_money_moves() {
    let (dir, store) = fresh();
    let bounds = Bounds { device: caps(2, i64::MAX, i64::MAX, i64::MAX), operator: Caps::NONE };
    spend(&store, 2, &stamp(10), &bounds).unwrap();
    spend(&store, 4, &stamp(11), &bounds).unwrap();
    let seq = store.summary().head.seq;
    drop(store);
    let db = index(dir.path());
    assert!(db.remove([b"X", &seq.to_be_bytes()[..]].concat()).unwrap().is_some());
    drop(db);
    let store = open_sound(dir.path());
    let got = spend(&store, 6, &stamp(12), &bounds);
    assert_eq!(got, Err(StoreError::OverLimit { limit: Limit::Acts, operators: false }));
    let acked = Position { epoch: 1, seq, hash: store.events(seq, 1)[0].hash };
    store.append(&stamp(13), Event::ReceiptStored { number: 1, acked }).unwrap();
    assert_eq!(store.exposure(None), Exposure::default());
}

#[test]
fn the_journal_remembers_the_time() {
    let (dir, mut store) = fresh();
    let clock = |store: &Store| {
        let ClockMemory { anchor, stamps, issued } = store.clock();
        (anchor.map(|(at, ms)| (at.0, ms)), stamps.0, issued.0)
    };
    assert_eq!(clock(&store), (None, 1, 0));
    let token = TokenFacts { issued: UnixSeconds(70), ..facts(1, 500, 3) };
    store.import(&stamp(50), token, bytes(1)).unwrap();
    assert_eq!(clock(&store), (None, 50, 70));
    // The office knows better than a clock of ours that was ahead.
    store.append(&stamp(9_000), Event::TimeAnchor { server: UnixSeconds(80) }).unwrap();
    assert_eq!(clock(&store), (Some((80, 10)), 80, 70));
    store.append(&stamp(60), grant(2, "ann", 75)).unwrap();
    store.append(&stamp(95), grant(3, "bob", 40)).unwrap();
    for round in 0..3 {
        assert_eq!(clock(&store), (Some((80, 10)), 95, 75));
        store = again(&dir, store, round);
    }
}

#[test]
fn the_program_that_wrote_last_is_known() {
    let (dir, store) = fresh();
    assert_eq!(store.software(), None);
    for version in ["0.1", "0.2"] {
        let event = Event::Software { version: version.into(), digest: [7; 32] };
        store.append(&stamp(2), event).unwrap();
    }
    let store = again(&dir, store, 1);
    assert_eq!(store.software(), Some(("0.2".into(), [7; 32])));
}

#[test]
fn a_journal_the_office_has_seen_more_of_stays_stopped() {
    let (dir, store) = fresh();
    let head = store.summary().head;
    let known = Position { seq: 90, hash: [5; 32], ..head };
    store.rolled_back(head.seq, known).unwrap();
    let why = Why::RolledBack { have: head.seq, known: 90, witness: "office" };
    let anchor = || Event::TimeAnchor { server: UnixSeconds(1) };
    let check = |store: &Store| {
        assert_eq!(store.money_allowed(), Err(why.clone()));
        let refused = StoreError::MoneyStopped(why.clone());
        assert_eq!(store.append(&stamp(2), anchor()), Err(refused.clone()));
        let answers = store.import_all(&stamp(2), vec![(facts(1, 5, 3), bytes(1))]);
        assert_eq!(answers, [Err(refused)]);
        assert_eq!(store.events(1, 9).len(), 1, "reading goes on");
    };
    check(&store);
    drop(store);
    let (store, opened) = open(dir.path());
    assert_eq!(opened.read_only, Some(why.clone()));
    check(&store);
    drop(store);
    // A note that cannot be read any more counts all the same.
    let note = dir.path().join("snapshots/ahead");
    let mut bytes = std::fs::read(&note).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&note, bytes).unwrap();
    let (store, opened) = open(dir.path());
    assert!(matches!(opened.read_only, Some(Why::RolledBack { witness: "office", .. })));
    assert!(store.money_allowed().is_err());
}

#[test]
fn many_tokens_at_once() {
    let (dir, store) = fresh();
    let token = |n: u64| (facts(n, 100 + n % 7, n as u32), bytes(n));
    store.import(&stamp(2), token(3).0, bytes(3)).unwrap();
    store.revoke(&stamp(2), 1, &[token_id(9)]).unwrap();
    let mut list: Vec<_> = (0..700).map(token).collect();
    list.push(token(5));
    list.push((facts(6, 999, 0), bytes(6)));
    list.push((facts(800, 999, 0), vec![0; 5_000]));
    list.push(token(801));
    let head = store.summary().head.seq;
    let answers = store.import_all(&stamp(3), list.clone());
    assert_eq!(answers.len(), list.len());
    let mut next = head;
    for (n, answer) in answers.iter().enumerate() {
        match n {
            3 | 700 => assert_eq!(*answer, Ok(Imported::Known(list[n].0.id)), "{n}"),
            9 => assert_eq!(*answer, Err(StoreError::TokenRevoked(token_id(9)))),
            701 => assert_eq!(*answer, Err(StoreError::Conflict(token_id(6)))),
            702 => assert!(matches!(answer, Err(StoreError::TooBig { what: "token", .. }))),
            _ => {
                next += 1;
                let Ok(Imported::New(at)) = answer else { panic!("{n}: {answer:?}") };
                assert_eq!(at.seq, next, "in order, without gaps");
                let [entry] = &store.events(next, 1)[..] else { panic!("{next}") };
                assert_eq!((entry.hash, entry.event.token()), (at.hash, Some(list[n].0.id)));
            }
        }
    }
    let summary = store.summary();
    assert_eq!((summary.head.seq, summary.tokens), (next, 700));
    assert_eq!(store.verify().map(|v| v.records), Ok(next));
    let raw = store.raw_events(1, usize::MAX);
    assert!(raw.windows(2).all(|two| two[1].prev_hash == two[0].hash), "the links are whole");
    let tokens = store.tokens(None, 9_999);
    let store = again(&dir, store, 0);
    assert_eq!((store.summary(), store.tokens(None, 9_999)), (summary.clone(), tokens.clone()));
    let store = again(&dir, store, 1);
    assert_eq!((store.summary(), store.tokens(None, 9_999)), (summary, tokens));
    assert_eq!(store.tokens_for(meter(101)).len(), 100);
}
