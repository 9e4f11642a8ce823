//! Keys and documents the tests share; `fixtures/tokens/make.py` makes the same ones.
// Every test program takes what it needs of these.
#![allow(dead_code, unused_macros, unused_imports)]
// Clippy exempts functions marked #[test] from these, but not the helpers they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use meterkit_tokens::*;
use serde_json::Value as Json;

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!(
            "../../fixtures/tokens/",
            $name
        )))
        .unwrap()
    };
}
pub(crate) use fixture;

pub(crate) const TENANT: &str = "mg-tiandi";
pub(crate) const DEVICE: &str = "hh-0007";
pub(crate) const METER: [u8; 6] = [0x00, 0x00, 0x12, 0x34, 0x56, 0x78];
pub(crate) const NOW: i64 = 0x6afd_86c0;
pub(crate) const DAY: i64 = 86_400;

pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn text<'a>(row: &'a Json, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} in {row}"))
}

/// The office key.
pub(crate) fn issuer() -> Issuer {
    Issuer::from_seed(std::array::from_fn(|i| i as u8))
}

/// Root keys; the first root has 0 to 2, the second 1 to 3.
pub(crate) fn root_key(at: u8) -> Issuer {
    Issuer::from_seed([0xa0 + at; 32])
}

/// Keyset keys; the first root names 0 and 1, the second 1.
pub(crate) fn keyset_key(at: u8) -> Issuer {
    Issuer::from_seed([0xb0 + at; 32])
}

pub(crate) fn record(types: &[DocType]) -> KeyRecord {
    let (not_before, not_after) = (0, 253_402_300_799);
    KeyRecord {
        key: issuer().public(),
        not_before,
        not_after,
        types: types.to_vec(),
        max_amount: None,
    }
}

/// A ring with the office key, which may sign these types at any time.
pub(crate) fn ring_for(types: &[DocType]) -> Keyring {
    vec![record(types)].into()
}

/// Every type an office key signs.
pub(crate) fn office_types() -> Vec<DocType> {
    DocType::ALL.into_iter().filter(|doc| doc.signer() == Signer::Office).collect()
}

pub(crate) fn golden() -> RechargeToken {
    RechargeToken {
        tenant: TENANT.into(),
        meter: METER,
        device: DEVICE.into(),
        expires: 0x6b06_c140,
        not_before: NOW,
        issued: NOW,
        id: hex("0193a1b2c3d4700080000000000012ab").try_into().unwrap(),
        kind: Kind::Recharge,
        amount: 20000,
        unit: Unit::Yuan,
        count: 17,
        seq: 4711,
        order: hex("1240826202124138").try_into().unwrap(),
        account: [0x00, 0x00, 0x00, 0x12, 0x34, 0x56],
        caps: 0,
        max_balance: None,
        undoes: None,
    }
}

fn root(version: u64, issued: i64, life: i64, keys: [u8; 3], keyset_keys: &[u8]) -> Root {
    Root {
        tenant: TENANT.into(),
        version,
        issued,
        not_before: issued,
        expires: issued + life,
        keys: keys.map(|at| root_key(at).public()).to_vec(),
        threshold: 2,
        keyset_keys: keyset_keys.iter().map(|at| keyset_key(*at).public()).collect(),
    }
}

pub(crate) fn root1() -> Root {
    root(1, NOW, 730 * DAY, [0, 1, 2], &[0, 1])
}

pub(crate) fn root2() -> Root {
    root(2, NOW + 300 * DAY, 700 * DAY, [1, 2, 3], &[1])
}

/// A root file with the signatures of these root keys.
pub(crate) fn signed(root: &Root, keys: &[u8]) -> Vec<u8> {
    let docs: Vec<_> = keys.iter().map(|at| root_key(*at).root(root).unwrap()).collect();
    Root::join(&docs)
}

pub(crate) fn keyset() -> Keyset {
    let other = Issuer::from_seed([7; 32]);
    let record = record(&[DocType::Recharge, DocType::Status]);
    Keyset {
        tenant: TENANT.into(),
        version: 4,
        issued: 1000,
        not_before: 1000,
        expires: 2000,
        keys: vec![
            KeyRecord { max_amount: Some(20000), ..record.clone() },
            KeyRecord { key: other.public(), types: vec![DocType::Receipt], ..record },
        ],
        revoked: vec![(other.kid(), 1500)],
    }
}

pub(crate) fn caps() -> Caps {
    Caps {
        acts: [20, 40],
        yuan: [1_000_000, 2_000_000],
        kwh: [500_000, 1_000_000],
        age_s: [3 * DAY, 7 * DAY],
    }
}

pub(crate) fn status() -> Status {
    Status {
        tenant: TENANT.into(),
        device: DEVICE.into(),
        issued: NOW,
        not_before: NOW,
        expires: NOW + 3 * DAY,
        version: 12,
        root: 2,
        keyset: 3,
        epoch: 1,
        acked_seq: 4711,
        acked_hash: std::array::from_fn(|i| i as u8),
        leases: std::array::from_fn(|i| 32 + i as u8),
        caps: caps(),
        revoked: vec![[1; 16], [2; 16]],
        grace_s: DAY,
        idle_s: 300,
        pins: vec![[3; 32]],
    }
}

pub(crate) fn grant() -> Grant {
    Grant {
        tenant: TENANT.into(),
        operator: "1042".into(),
        device: DEVICE.into(),
        issued: NOW,
        not_before: NOW,
        expires: NOW + 365 * DAY,
        id: [4; 16],
        name: "\u{5f20}\u{4e09}".into(),
        role: 1,
        verbs: 7,
        areas: vec!["north".into(), "\u{5357}\u{533a}".into()],
        meters: vec![METER],
        caps: caps(),
        shift_s: 8 * 3600,
        activation: activation(&[4; 16], "0123456789AB"),
    }
}

pub(crate) fn over() -> Override {
    Override {
        tenant: TENANT.into(),
        operator: "1042".into(),
        device: DEVICE.into(),
        meter: METER,
        verbs: 2,
        issued: NOW,
        not_before: NOW,
        expires: NOW + DAY,
        id: [5; 16],
        by: "9001".into(),
        reason: "\u{505c}\u{7535}\u{62a2}\u{4fee}".into(),
    }
}

pub(crate) fn bundle() -> BundleToken {
    BundleToken {
        tenant: TENANT.into(),
        device: DEVICE.into(),
        issued: NOW,
        not_before: NOW,
        expires: NOW + 30 * DAY,
        id: [6; 16],
        digest: [7; 32],
        name: "\u{5c16}\u{5cf0}\u{5e73}\u{8c37} 2026".into(),
        version: 3,
        target: bundle::Target {
            profile: Some("dlt645-2007-c".into()),
            meters: vec![METER],
            ..bundle::Target::default()
        },
    }
}

pub(crate) fn swap() -> SwapToken {
    SwapToken {
        tenant: TENANT.into(),
        meter: METER,
        device: DEVICE.into(),
        issued: NOW,
        not_before: NOW,
        expires: NOW + DAY,
        id: [6; 16],
        old: [0, 0, 0x12, 0x34, 0x56, 0x77],
        old_account: [0, 0, 0, 0x11, 0x22, 0x33],
        account: [0, 0, 0, 0x11, 0x22, 0x34],
        count: 0,
        unit: Unit::Yuan,
        most: 500_000,
        provisional: 10_000,
        arrears: 20_000,
        seq: 1,
    }
}

/// Says whether bytes are a good document of one type.
pub(crate) type Check = Box<dyn Fn(&[u8]) -> Result<(), TokenError> + Send + Sync>;

/// One good document of every type with what checks it: the typed reader where there is one. Roots
/// are files; the first and the second root are signed by these keys.
pub(crate) fn every_document(by: &[u8], next_by: &[u8]) -> Vec<(String, Vec<u8>, Check)> {
    let mut all: Vec<(String, Vec<u8>, Check)> = Vec::new();
    let ring = ring_for(&office_types());
    let first = root1();
    for doc in DocType::ALL {
        let first = first.clone();
        let payload = cbor::Value::Map(vec![(1, TENANT.into()), (2, cbor::Value::bytes([7; 24]))]);
        let ring = ring.clone();
        let (bytes, check): (Vec<u8>, Check) = match doc {
            DocType::Root => {
                (signed(&root1(), by), Box::new(|b| Root::verify(b, TENANT, None).map(drop)))
            }
            DocType::Keyset => (
                keyset_key(0).keyset(&keyset()).unwrap(),
                Box::new(move |b| Keyset::verify(b, TENANT, &first).map(drop)),
            ),
            DocType::Status => (
                issuer().status(&status()).unwrap(),
                Box::new(move |b| Status::verify(b, TENANT, DEVICE, &ring).map(drop)),
            ),
            DocType::Recharge => (
                issuer().recharge(&golden()).unwrap(),
                Box::new(move |b| RechargeToken::verify(b, TENANT, &ring).map(drop)),
            ),
            DocType::Grant => (
                issuer().grant(&grant()).unwrap(),
                Box::new(move |b| Grant::verify(b, TENANT, &ring).map(drop)),
            ),
            DocType::Override => (
                issuer().over_ride(&over()).unwrap(),
                Box::new(move |b| Override::verify(b, TENANT, &ring).map(drop)),
            ),
            DocType::Bundle => (
                issuer().bundle(&bundle()).unwrap(),
                Box::new(move |b| BundleToken::verify(b, TENANT, &ring).map(drop)),
            ),
            DocType::Swap => (
                issuer().swap(&swap()).unwrap(),
                Box::new(move |b| SwapToken::verify(b, TENANT, &ring).map(drop)),
            ),
            DocType::Answer
            | DocType::Receipt
            | DocType::Area
            | DocType::Round
            | DocType::Enrolment => (
                issuer().sign(doc, TENANT, payload).unwrap(),
                Box::new(move |b| verify(b, doc, TENANT, &ring, Some(NOW)).map(drop)),
            ),
            DocType::Pack | DocType::Checkpoint | DocType::Request => {
                let device = DeviceKey::generate([9; 32]);
                let ring = Keyring::device(device.public());
                let bytes = device.sign(doc, TENANT, payload).unwrap();
                (bytes, Box::new(move |b| verify(b, doc, TENANT, &ring, None).map(drop)))
            }
        };
        all.push((doc.to_string(), bytes, check));
    }
    let next = signed(&root2(), next_by);
    let check: Check = Box::new(move |b| Root::verify(b, TENANT, Some(&first)).map(drop));
    all.push(("rk after rk".into(), next, check));
    all
}
