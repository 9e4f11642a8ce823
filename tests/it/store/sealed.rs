//! The store is no use to a thief: nothing of it in clear, nothing opened or touched with another
//! key.

use super::make::{identity, judged, key, meter, shows};
use super::{SEGMENT, open, open_sound};
use meterkit::store::{
    AreaMeter, AreaPage, Bounds, DocKind, Event, Identity, LogOut, Opened, Options, Reading,
    ShiftSummary, Stamp, Store, StoreError, StoreKey, TokenFacts,
};
use meterkit::units::{
    Credit, CreditUnit, Decision, MeterNo, OperatorId, PurchaseCount, Role, TokenId, UnixSeconds,
    Verb,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const OPERATOR: &str = "chen-operator7";
const PASSWORD: &str = "Passwort-4711-geheim";
const CUSTOMERS: [&str; 2] =
    ["Wilhelmina Featherstone", "\u{738B}\u{5C0F}\u{660E}\u{7535}\u{529B}"];
const LOCATION: &str = "Kingfisher Lane 77";
const AREA: &str = "northern-harbour";
const AMOUNT: i64 = 123_456_789;
const METER: u64 = 201_907_731_264;
const ACCOUNT: u64 = 880_091_364_275;

fn other() -> StoreKey {
    StoreKey::from_bytes([0x4C; 32])
}

fn who() -> Identity {
    Identity {
        tenant: "secretive-utility".into(),
        device: "handheld-0815x".parse().unwrap(),
        device_seed: *b"the seed of the device's own key",
        office_url: "https://office.secretive.example".into(),
        root_hash: *b"the root hash is compared by men",
        roots: vec![b"a root document of the office".to_vec()],
        keyset: b"a keyset document of the office".to_vec(),
        ca: b"a certificate of the office".to_vec(),
        pins: vec![*b"one pin of the office's tls key."],
        epoch: 1,
    }
}

fn stamp(at: i64) -> Stamp {
    Stamp { at: UnixSeconds(at), boot_ms: 10, operator: OPERATOR.into() }
}

fn token(n: u64) -> TokenFacts {
    TokenFacts {
        act: meterkit::units::Act::Recharge,
        id: TokenId([n as u8; 16]),
        meter: meter(METER + n),
        account: (ACCOUNT + n).to_string().parse().unwrap(),
        count_before: PurchaseCount(3),
        credit: Credit { value: AMOUNT, unit: CreditUnit::Yuan },
        seq: n,
        order: *b"order-no",
        not_before: UnixSeconds(0),
        issued: UnixSeconds(1),
        expires: UnixSeconds(2_000_000),
        caps: 0,
        max_balance: Some(AMOUNT * 3),
    }
}

fn document(n: u64) -> Vec<u8> {
    format!("the signed document of token {n}, long enough").into_bytes()
}

fn area() -> Vec<AreaPage> {
    let line = |n: u64| AreaMeter {
        no: meter(METER + n),
        account: (ACCOUNT + n).to_string().parse().ok(),
        customer: CUSTOMERS[n as usize % 2].into(),
        location: LOCATION.into(),
        profile: "profile-of-the-meter".into(),
        area: AREA.into(),
        place: Default::default(),
    };
    let signed = b"a signed page of the area list".to_vec();
    vec![AreaPage { signed, meters: (0..300).map(line).collect() }]
}

/// A store in which everything is, closed again.
fn full(dir: &Path) {
    let options = Options { segment_bytes: SEGMENT * 4, ..Options::default() };
    let store = Store::create_with(dir, who(), &stamp(1), &key(), options).unwrap();
    let operator: OperatorId = OPERATOR.parse().unwrap();
    store.install_area(3, &area()).unwrap();
    store.put_snapshot("password", PASSWORD.as_bytes()).unwrap();
    store.take_document(&stamp(2), DocKind::Status, 9, b"the signed status document").unwrap();
    let tokens = (0..40).map(|n| (token(n), document(n))).collect();
    assert!(store.import_all(&stamp(3), tokens).iter().all(Result::is_ok));
    for n in 0..20 {
        let facts = token(n).intent();
        store.intent(&stamp(4), facts, shows(&facts, 3), &Bounds::NONE).unwrap();
        if n % 3 != 0 {
            store.outcome(&stamp(5), facts.token, judged(&facts, Decision::Confirmed)).unwrap();
        }
        let reading = Reading {
            meter: facts.meter,
            items: vec![(7, PASSWORD.as_bytes().to_vec())],
            evidence: Some(shows(&facts, 4)),
            shown: None,
            read_at: UnixSeconds(6),
            took_ms: 7,
            frames_digest: [2; 32],
            profile: String::new(),
            values: Vec::new(),
        };
        store.append(&stamp(6), Event::Reading(reading)).unwrap();
    }
    let (id, expires) = (TokenId([0xA1; 16]), UnixSeconds(9_999));
    let bytes = b"the signed grant of the operator".to_vec();
    let (issued, of) = (UnixSeconds(5), operator.clone());
    let taken = Event::GrantTaken { id, operator: of, issued, expires, bytes };
    store.append(&stamp(7), taken).unwrap();
    let (id, no) = (TokenId([0xA2; 16]), meter(METER));
    let bytes = b"the signed override of the boss".to_vec();
    let of = operator.clone();
    let taken = Event::OverrideTaken { id, operator: of, meter: no, expires, bytes };
    store.append(&stamp(7), taken).unwrap();
    store.append(&stamp(8), Event::OverrideUsed { id, verb: Verb::Control, meter: no }).unwrap();
    let of = operator.clone();
    let (grant, role) = (TokenId([0xA1; 16]), Role::Finance);
    store.append(&stamp(8), Event::LoggedIn { operator: of, grant, role, failures: 2 }).unwrap();
    let shift = ShiftSummary { yuan: AMOUNT, ..ShiftSummary::default() };
    let out = Event::LoggedOut { operator, why: LogOut::Asked, shift };
    store.append(&stamp(9), out).unwrap();
    let acked = store.summary().head;
    store.append(&stamp(9), Event::ReceiptStored { number: 1, acked }).unwrap();
    store.flush();
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// What a finder must not find, each by name. Short patterns would be met by chance.
fn secrets() -> Vec<(String, Vec<u8>)> {
    let mut out: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |what: &str, bytes: &[u8]| {
        assert!(bytes.len() >= 5, "{what}");
        out.push((what.to_owned(), bytes.to_vec()));
    };
    let texts = [OPERATOR, PASSWORD, CUSTOMERS[0], CUSTOMERS[1], LOCATION, AREA];
    texts.iter().for_each(|text| add(text, text.as_bytes()));
    add("a customer as searched", CUSTOMERS[0].to_lowercase().as_bytes());
    add("a location as searched", LOCATION.to_lowercase().as_bytes());
    let id = who();
    for text in [&id.tenant, &id.office_url, &id.device.to_string()] {
        add(text, text.as_bytes());
    }
    for bytes in [&id.roots[0], &id.keyset, &id.ca, &id.pins[0].to_vec()] {
        add("of the identity", bytes);
    }
    add("the device's seed", &id.device_seed);
    add("the root's hash", &id.root_hash);
    for signed in [&b"the signed status"[..], b"the signed grant", b"the signed override"] {
        add("a signed document", signed);
    }
    add("a signed page", b"a signed page of the area");
    add("a signed token", b"the signed document of token");
    for n in [0, 1, 7, 39, 299] {
        for (what, number) in [("meter", METER + n), ("account", ACCOUNT + n)] {
            let bcd = MeterNo::bcd(meter(number));
            let turned: Vec<u8> = bcd.iter().rev().copied().collect();
            let digits = number.to_string();
            let back: String = digits.chars().rev().collect();
            add(&format!("{what} {number} as text"), digits.as_bytes());
            add(&format!("{what} {number} as text, last digit first"), back.as_bytes());
            add(&format!("{what} {number} as BCD"), &bcd);
            add(&format!("{what} {number} as BCD, low digits first"), &turned);
        }
    }
    for amount in [AMOUNT, AMOUNT * 3] {
        let short = (amount as u32).to_be_bytes();
        add("an amount as CBOR", &[&[0x1A], &short[..]].concat());
        add("an amount, high byte first", &amount.to_be_bytes());
        add("an amount, low byte first", &amount.to_le_bytes());
        add("an amount as text", amount.to_string().as_bytes());
        let yuan = format!("{}.{:02}", amount / 100, amount % 100);
        add("an amount in yuan", yuan.as_bytes());
    }
    out
}

#[test]
fn nothing_in_the_store_is_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    full(dir.path());
    let files = files(dir.path());
    let total: usize = files.values().map(Vec::len).sum();
    let is_index = |path: &&PathBuf| path.components().any(|part| part.as_os_str() == "index");
    assert!(files.keys().any(|path| is_index(&path)), "the index is looked at too");
    assert!(files.len() > 6 && total > 200_000, "{} files, {total} bytes", files.len());
    let mut found = Vec::new();
    for (what, secret) in secrets() {
        for (path, bytes) in &files {
            let name = path.strip_prefix(dir.path()).unwrap().to_string_lossy().into_owned();
            let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|w| w == secret);
            if holds(bytes) || holds(name.as_bytes()) {
                found.push(format!("{what} in {name}"));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
    // And with the key all of it is there.
    let store = open_sound(dir.path());
    assert_eq!(store.find_meters("wilhelm", 9_999).len(), 150);
    assert_eq!(store.token(token(3).id).unwrap().bytes, document(3));
    assert_eq!(store.snapshot("password"), Some(PASSWORD.as_bytes().to_vec()));
}

#[test]
fn another_key_opens_nothing_and_touches_nothing() {
    for case in ["whole", "torn", "without index", "leftovers", "index of another"] {
        let dir = tempfile::tempdir().unwrap();
        full(dir.path());
        let index = dir.path().join("index");
        match case {
            "torn" => {
                let mut journal: Vec<PathBuf> =
                    files(&dir.path().join("journal")).into_keys().collect();
                journal.sort();
                let last = journal.last().unwrap();
                let mut bytes = std::fs::read(last).unwrap();
                let used = bytes.iter().rposition(|b| *b != 0).unwrap();
                bytes[used] ^= 1;
                std::fs::write(last, bytes).unwrap();
                // With an index that remembers the entry it would be a journal put back.
                std::fs::remove_dir_all(index).unwrap();
            }
            "without index" => std::fs::remove_dir_all(index).unwrap(),
            "leftovers" => {
                std::fs::write(dir.path().join("journal/segment.tmp"), b"x").unwrap();
                std::fs::write(dir.path().join("snapshots/area/manifest"), b"x").unwrap();
            }
            "index of another" => std::fs::write(index.join("db"), b"not sled's").unwrap(),
            _ => {}
        }
        let before = files(dir.path());
        let opened = Store::open(dir.path(), &other()).map(drop);
        assert_eq!(opened, Err(StoreError::Sealed), "{case}");
        let made = Store::create(dir.path(), who(), &stamp(1), &other()).map(drop);
        assert!(matches!(made, Err(StoreError::AlreadyEnrolled(_))), "{case}: {made:?}");
        let mut after = files(dir.path());
        // Asking to enrol takes the lock; what is in it is a process number.
        let lock = dir.path().join("lock");
        after.insert(lock.clone(), before[&lock].clone());
        assert!(before == after, "{case}: a file was changed");
        assert!(Store::exists(dir.path()));
        let (_, opened) = open(dir.path());
        assert_eq!(opened.read_only, None, "{case}: {opened:?}");
        assert_eq!(opened.cut.is_some(), case == "torn");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(!Store::exists(empty.path()));
}

/// Sealed parts of one store in the place of another's, with the same key: bound to their place,
/// they do not open there.
#[test]
fn parts_of_another_store_do_not_fit() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&one, &two] {
        drop(Store::create(dir.path(), identity(), &super::make::stamp(1), &key()).unwrap());
        let store = open_sound(dir.path());
        store.put_snapshot("first", b"1").unwrap();
        store.put_snapshot("second", b"2").unwrap();
    }
    let snapshot = |dir: &tempfile::TempDir, name: &str| dir.path().join("snapshots").join(name);
    std::fs::copy(snapshot(&one, "first"), snapshot(&two, "first")).unwrap();
    std::fs::copy(snapshot(&two, "second"), snapshot(&two, "third")).unwrap();
    let store = open_sound(two.path());
    assert_eq!(store.snapshot("first"), None, "of another life");
    assert_eq!(store.snapshot("third"), None, "under another name");
    assert_eq!(store.snapshot("second"), Some(b"2".to_vec()));
    drop(store);
    let name = "journal/000001-000000000001.mkj";
    std::fs::copy(one.path().join(name), two.path().join(name)).unwrap();
    let (store, opened) = open(two.path());
    assert!(matches!(&opened, Opened { read_only: Some(_), .. }), "{opened:?}");
    assert!(store.money_allowed().is_err());
}
