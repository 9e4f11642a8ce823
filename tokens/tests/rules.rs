//! What a signed document may be used for: by whom, when, and how large it may be.
#![cfg(feature = "issue")]
// Clippy exempts functions marked #[test] from these, but not the helpers they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod make;

use make::*;
use meterkit_tokens::*;

#[test]
fn use_is_bound_to_this_handheld_and_this_moment() {
    let token = golden();
    let (from, to) = (token.not_before, token.expires);
    let life = to - from;
    for (device, now, most, want) in [
        ("hh-0007", from, life, Ok(())),
        ("hh-0007", to - 1, life, Ok(())),
        ("hh-0007", from - 1, life, Err("not-yet")),
        ("hh-0007", to, life, Err("expired")),
        ("hh-0007", i64::MAX, life, Err("expired")),
        ("hh-0007", i64::MIN, life, Err("not-yet")),
        ("hh-0007", from, life - 1, Err("life")),
        ("hh-0008", from, life, Err("device")),
        ("HH-0007", from, life, Err("device")),
        ("", from, life, Err("device")),
    ] {
        let found = token.check_use(device, now, most).map_err(|e| e.code());
        assert_eq!(found, want, "{device} {now} {most}");
    }
}

#[test]
fn a_token_stays_within_what_its_key_may_do() {
    let token = golden();
    let bytes = issuer().recharge(&token).unwrap();
    type Change = fn(&mut KeyRecord);
    let rows: [(Change, Result<(), &str>); 9] = [
        (|_| {}, Ok(())),
        (|r| r.not_before = 0x6afd_86c0, Ok(())),
        (|r| r.not_before = 0x6afd_86c1, Err("key-expired")),
        (|r| r.not_after = 0x6b06_c140, Ok(())),
        (|r| r.not_after = 0x6b06_c13f, Err("key-expired")),
        (|r| r.not_after = 0x6afd_86bf, Err("key-expired")),
        (|r| r.max_amount = Some(20000), Ok(())),
        (|r| r.max_amount = Some(19999), Err("key-amount")),
        (|r| r.types = vec![DocType::Status, DocType::Receipt], Err("key-typ")),
    ];
    for (at, (change, want)) in rows.into_iter().enumerate() {
        let mut record = record(&[DocType::Recharge]);
        change(&mut record);
        let found = RechargeToken::verify(&bytes, TENANT, &vec![record].into());
        assert_eq!(found.map(drop).map_err(|e| e.code()), want, "row {at}");
    }
    let mut ring = ring_for(&[DocType::Recharge]);
    ring.revoke(issuer().kid(), token.issued + 1);
    assert_eq!(RechargeToken::verify(&bytes, TENANT, &ring).map(drop), Ok(()));
    ring.revoke(issuer().kid(), token.issued);
    ring.revoke(issuer().kid(), token.issued + 1);
    assert_eq!(
        RechargeToken::verify(&bytes, TENANT, &ring),
        Err(TokenError::KeyRevoked(issuer().kid())),
        "the earlier cut-off counts"
    );
}

#[test]
fn each_signer_signs_its_own_types_only() {
    let device = DeviceKey::generate([3; 32]);
    let office = Issuer::from_seed([3; 32]);
    let payload = || cbor::Value::Map(vec![(1, TENANT.into())]);
    for doc in DocType::ALL {
        let refused = Err(TokenError::Signer(doc));
        match doc.signer() {
            Signer::Office => assert_eq!(device.sign(doc, TENANT, payload()), refused),
            Signer::Root | Signer::Keyset => {
                assert_eq!(device.sign(doc, TENANT, payload()), refused);
                assert_eq!(office.sign(doc, TENANT, payload()), refused);
            }
            Signer::Device => {
                assert_eq!(office.sign(doc, TENANT, payload()), refused);
                let bytes = device.sign(doc, TENANT, payload()).unwrap();
                let ring = Keyring::device(device.public());
                let read = verify(&bytes, doc, TENANT, &ring, None).unwrap();
                assert_eq!((read.kid, read.payload), (device.kid(), payload()));
                for other in DocType::ALL.into_iter().filter(|other| *other != doc) {
                    let found = verify(&bytes, other, TENANT, &ring, None).unwrap_err();
                    assert_eq!(found.code(), "typ", "{doc} as {other}");
                }
                let found = verify(&bytes, doc, "other", &ring, None);
                assert_eq!(found, Err(TokenError::Signature), "{doc} for another tenant");
            }
        }
    }
    // What a device key signs is no money even to a ring that trusts the key with everything.
    let mut record = record(&DocType::ALL);
    record.key = device.public();
    let pack = device.sign(DeviceDoc::Pack, TENANT, golden().payload().unwrap()).unwrap();
    let found = RechargeToken::verify(&pack, TENANT, &vec![record].into()).unwrap_err();
    assert_eq!(found.code(), "typ");
}

#[test]
fn the_key_must_be_in_force_at_the_time_of_signing() {
    let office = issuer();
    let payload = cbor::Value::Map(vec![(1, 1i64.into())]);
    let bytes = office.sign(DocType::Receipt, TENANT, payload).unwrap();
    let mut record = record(&[DocType::Receipt]);
    (record.not_before, record.not_after) = (100, 200);
    let mut ring: Keyring = vec![record].into();
    let check = |ring: &Keyring, at| {
        verify(&bytes, DocType::Receipt, TENANT, ring, at).map(drop).map_err(|e| e.code())
    };
    for (at, want) in
        [(99, Err("key-expired")), (100, Ok(())), (200, Ok(())), (201, Err("key-expired"))]
    {
        assert_eq!(check(&ring, Some(at)), want, "at {at}");
    }
    assert_eq!(check(&ring, None), Ok(()));
    ring.revoke(office.kid(), 150);
    assert_eq!(check(&ring, Some(149)), Ok(()));
    assert_eq!(check(&ring, Some(150)), Err("key-revoked"));
    assert_eq!(check(&ring, None), Err("key-revoked"), "no time to compare");
}

#[test]
fn size_caps_hold_on_both_sides() {
    let office = issuer();
    for doc in DocType::ALL {
        let most = doc.limits().bytes;
        let ring = vec![record(&DocType::ALL)].into();
        let found = verify(&vec![0xd2; most + 1], doc, TENANT, &ring, None);
        assert_eq!(found, Err(TokenError::Size { len: most + 1, max: most }), "{doc}");
        assert_ne!(verify(&vec![0xd2; most], doc, TENANT, &ring, None).unwrap_err().code(), "size");
    }
    let receipt = |len: usize| {
        office.sign(
            DocType::Receipt,
            TENANT,
            cbor::Value::Map(vec![(1, cbor::Value::bytes(vec![0; len]))]),
        )
    };
    let most = DocType::Receipt.limits().bytes;
    let around = receipt(most - 1000).unwrap().len() - (most - 1000);
    assert_eq!(receipt(most - around).unwrap().len(), most, "exactly as large as allowed");
    assert_eq!(receipt(most - around + 1).unwrap_err().code(), "size");
}

#[test]
fn an_issuer_signs_nothing_that_would_be_refused() {
    type Change = fn(&mut RechargeToken);
    let rows: [(Change, &str); 10] = [
        (|t| t.amount = 0, "amount"),
        (|t| t.amount = 1 << 31, "amount"),
        (|t| t.device = "*".into(), "aud"),
        (|t| t.meter[0] = 0xaa, "sub"),
        (|t| t.account[5] = 0x0f, "epoch"),
        (|t| t.expires = t.not_before, "window"),
        (|t| t.seq = 1 << 63, "seq"),
        (|t| t.count = u32::MAX, "count"),
        (|t| t.caps = 4, "caps"),
        (|t| t.tenant = "x".repeat(33), "iss"),
    ];
    for (change, want) in rows {
        let mut token = golden();
        change(&mut token);
        assert_eq!(issuer().recharge(&token).unwrap_err().reason(), want);
    }
    let empty = cbor::Value::Map(vec![(1, TENANT.into())]);
    assert_eq!(issuer().sign(DocType::Recharge, TENANT, empty).unwrap_err().reason(), "missing");
}
