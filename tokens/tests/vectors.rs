//! The vectors of `fixtures/tokens/`: golden bytes, tokens that must be accepted, and every way of
//! being refused with its code and reason. They are written by `fixtures/tokens/make.py`, which
//! shares no line with this crate.
#![cfg(feature = "issue")]
// Clippy exempts functions marked #[test] from these, but not the helpers they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use meterkit_tokens::cbor;
use meterkit_tokens::keyset::MAX_KEYS;
use meterkit_tokens::*;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Json>(include_str!(concat!("../../fixtures/tokens/", $name)))
            .unwrap()
    };
}

/// The golden vector of the design reference, byte for byte; `make.py`, `minicbor` and `coset`
/// agree.
const PUBLIC: &str = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
const KID: &str = "be5de2f4bcdc383a";
const AAD: &str = "826a6d657465726b69742f31696d672d7469616e6469";
const PROTECTED: &str = "a301320448be5de2f4bcdc383a10781f6170706c69636174696f6e2f766e642e6d65746572\
                         6b69742e72742b637774";
const CLAIMS: &str = "a801696d672d7469616e6469026c303030303132333435363738036768682d30303037041a6b\
                      06c140051a6afd86c0061a6afd86c007500193a1b2c3d4700080000000000012ab3a00010000\
                      a7010002194e200300041105191267064812408262021241380746000000123456";
const TBS_SHA256: &str = "2cfa7fc32117a0b4fe904419a4e731d4b689d188308fce61676edf757615674c";
const SIGNATURE: &str = "bbc6940e3ac4066eedb3747e3499aeb43c46e26a4493b03cc39869fc5062511c7314544c54\
                         38144234348305ca5d5beb8fc2c1d862f213a37c17ac30ba240606";
const TENANT: &str = "mg-tiandi";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn text<'a>(row: &'a Json, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} in {row}"))
}

fn issuer() -> Issuer {
    Issuer::from_seed(std::array::from_fn(|i| i as u8))
}

fn record(types: &[DocType]) -> KeyRecord {
    let (not_before, not_after) = (0, 253_402_300_799);
    KeyRecord {
        key: issuer().public(),
        not_before,
        not_after,
        types: types.to_vec(),
        max_amount: None,
    }
}

fn ring() -> Keyring {
    vec![record(&[DocType::Recharge])].into()
}

fn golden() -> RechargeToken {
    RechargeToken {
        tenant: TENANT.into(),
        meter: [0x00, 0x00, 0x12, 0x34, 0x56, 0x78],
        device: "hh-0007".into(),
        expires: 0x6b06_c140,
        not_before: 0x6afd_86c0,
        issued: 0x6afd_86c0,
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
    }
}

#[test]
fn golden_vector_byte_for_byte() {
    let file = fixture!("golden.json");
    for (key, want) in [
        ("public", PUBLIC),
        ("kid", KID),
        ("aad", AAD),
        ("protected", PROTECTED),
        ("claims", CLAIMS),
        ("sig_structure_sha256", TBS_SHA256),
        ("signature", SIGNATURE),
    ] {
        assert_eq!(text(&file, key), want, "{key}: the independent writer disagrees");
    }
    let token = issuer().recharge(&golden()).unwrap();
    assert_eq!(token.len(), 229);
    assert_eq!(to_hex(&issuer().public().bytes()), PUBLIC);
    assert_eq!(issuer().kid().to_string(), KID);
    assert_eq!(to_hex(&token[4..51]), PROTECTED);
    assert_eq!(to_hex(&token[54..163]), CLAIMS);
    assert_eq!(to_hex(&token[165..]), SIGNATURE);
    assert_eq!(to_hex(&token), text(&file, "token"));
    let mut tbs = hex("846a5369676e617475726531582f");
    tbs.extend(hex(PROTECTED));
    tbs.push(0x40 | 22);
    tbs.extend(hex(AAD));
    tbs.extend([0x58, 109]);
    tbs.extend(hex(CLAIMS));
    assert_eq!(to_hex(&Sha256::digest(&tbs)), TBS_SHA256);
    assert_eq!(RechargeToken::verify(&token, TENANT, &ring()), Ok(golden()));
}

#[test]
fn accepted_vectors_are_read_and_written_exactly() {
    let rows = fixture!("accepted.json");
    for row in rows.as_array().unwrap() {
        let name = text(row, "name");
        let bytes = hex(text(row, "hex"));
        let tenant = text(row, "tenant");
        let number = |key: &str| row[key].as_u64().unwrap();
        let want = RechargeToken {
            tenant: tenant.into(),
            device: text(row, "device").into(),
            kind: Kind::ALL[number("kind") as usize],
            amount: number("amount") as i64,
            unit: Unit::ALL[number("unit") as usize],
            count: number("count") as u32,
            seq: number("seq"),
            caps: number("caps") as u32,
            max_balance: row["max_balance"].as_i64(),
            ..golden()
        };
        let read = RechargeToken::verify(&bytes, tenant, &ring()).unwrap();
        assert_eq!(read, want, "{name}");
        assert_eq!(to_hex(&issuer().recharge(&want).unwrap()), text(row, "hex"), "{name}");
        assert_eq!(bytes.len() as u64, number("bytes"), "{name}");
        let qr = RechargeToken::qr_text(&bytes);
        assert_eq!(qr, text(row, "qr"), "{name}");
        assert_eq!(RechargeToken::from_qr_text(&qr).unwrap(), bytes, "{name}");
        assert_eq!(document_type(&bytes), Ok(DocType::Recharge), "{name}");
    }
}

fn refuse(row: &Json) -> TokenError {
    let bytes = hex(text(row, "hex"));
    let tenant = text(row, "tenant");
    let name = text(row, "name");
    match text(row, "doc") {
        "rt" => RechargeToken::verify(&bytes, tenant, &ring()).expect_err(name),
        "ks" => Keyset::verify(&bytes, tenant, &issuer().public()).expect_err(name),
        other => panic!("no such document: {other}"),
    }
}

#[test]
fn refused_vectors_each_with_its_reason() {
    for rows in [fixture!("lenient.json"), fixture!("refused.json")] {
        for row in rows.as_array().unwrap() {
            let error = refuse(row);
            let found = (error.code(), error.reason());
            let want = (text(row, "code"), text(row, "reason"));
            assert_eq!(found, want, "{}: {error}", text(row, "name"));
        }
    }
}

/// The table of lenient verifiers is worth nothing if two rows are refused for one reason.
#[test]
fn each_lenient_row_has_an_error_of_its_own() {
    let rows = fixture!("lenient.json");
    let rows = rows.as_array().unwrap();
    let reasons: BTreeSet<&str> = rows.iter().map(|row| text(row, "reason")).collect();
    assert_eq!((rows.len(), reasons.len()), (9, 9));
}

#[test]
fn weak_and_misspelled_keys_are_refused() {
    let rows = fixture!("weak_keys.json");
    for row in rows.as_array().unwrap() {
        let bytes = hex(text(row, "hex")).try_into().unwrap();
        let error = PublicKey::from_bytes(bytes).expect_err(text(row, "hex"));
        assert_eq!(error.code(), text(row, "reason"), "{row}");
    }
    let good = issuer().public();
    assert_eq!(PublicKey::from_bytes(good.bytes()), Ok(good));
}

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
    let mut ring = ring();
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

fn keyset() -> Keyset {
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

#[test]
fn keyset_from_root_to_token() {
    let root = Issuer::from_seed([9; 32]);
    let bytes = root.keyset(&keyset()).unwrap();
    let read = Keyset::verify(&bytes, TENANT, &root.public()).unwrap();
    assert_eq!(read, keyset());
    let payload = verify(&bytes, DocType::Keyset, TENANT, &Keyring::root(root.public()), None);
    let ring = Keyring::from_keyset_payload(payload.unwrap().payload).unwrap();
    let token = issuer().recharge(&golden()).unwrap();
    assert_eq!(RechargeToken::verify(&token, TENANT, &ring), Ok(golden()));
    let dear = issuer().recharge(&RechargeToken { amount: 20001, ..golden() }).unwrap();
    let found = RechargeToken::verify(&dear, TENANT, &ring);
    assert_eq!(found, Err(TokenError::KeyAmount(issuer().kid())));

    // Signed by one of its own keys, for another tenant, altered.
    let own = issuer().keyset(&keyset()).unwrap();
    let found = Keyset::verify(&own, TENANT, &root.public());
    assert_eq!(found, Err(TokenError::Kid(issuer().kid())));
    let found = Keyset::verify(&bytes, "other", &root.public());
    assert_eq!(found, Err(TokenError::Tenant));
    assert_eq!(read.check_now(999), Err(TokenError::NotYet));
    assert_eq!(read.check_now(1999), Ok(()));
    assert_eq!(read.check_now(2000), Err(TokenError::Expired));
    assert_eq!(read.check_follows(4), Ok(()));
    assert_eq!(read.check_follows(5), Err(TokenError::Version { have: 5, offered: 4 }));
}

#[test]
fn keyset_rules_hold_when_signing() {
    type Change = fn(&mut Keyset);
    let rows: [(Change, &str); 8] = [
        (|k| k.keys.push(k.keys[0].clone()), "keys"),
        (|k| k.revoked.push(k.revoked[0]), "revoked"),
        (|k| k.keys[0].types.push(DocType::Keyset), "types"),
        (|k| k.keys[0].types.push(DocType::Pack), "types"),
        (|k| k.keys[0].not_after = k.keys[0].not_before, "key-validity"),
        (|k| k.expires = k.not_before, "window"),
        (|k| k.tenant = String::new(), "iss"),
        (|k| k.version = u64::MAX, "version"),
    ];
    for (change, want) in rows {
        let mut keyset = keyset();
        change(&mut keyset);
        assert_eq!(issuer().keyset(&keyset).unwrap_err().reason(), want);
    }
    let seed = |i: usize| Issuer::from_seed([i as u8; 32]).public();
    let most = |n: usize| Keyset {
        keys: (0..n).map(|i| KeyRecord { key: seed(i), ..record(&DocType::ALL[..1]) }).collect(),
        ..keyset()
    };
    assert!(issuer().keyset(&most(MAX_KEYS)).unwrap().len() < DocType::Keyset.limits().bytes);
    assert_eq!(issuer().keyset(&most(MAX_KEYS + 1)).unwrap_err().reason(), "keys");
}

/// A newer office may grant types this version does not know.
#[test]
fn unknown_types_in_a_keyset_are_left_out() {
    let bytes = cbor::encode(&keyset().payload().unwrap());
    let limits = DocType::Keyset.limits();
    let newer = String::from_utf8_lossy(&bytes).matches("bst").count();
    assert_eq!(newer, 1, "the fixture has exactly one status type to replace");
    let at = bytes.windows(3).position(|w| w == b"bst").unwrap();
    let mut changed = bytes.clone();
    changed[at + 1..at + 3].copy_from_slice(b"zz");
    let read = Keyset::from_payload(cbor::decode(&changed, limits).unwrap()).unwrap();
    assert_eq!(read.keys[0].types, [DocType::Recharge]);
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

#[test]
fn base45_of_the_rfc() {
    for (plain, coded) in [
        ("AB", "BB8"),
        ("Hello!!", "%69 VD92EX0"),
        ("base-45", "UJCLQE7W581"),
        ("ietf!", "QED8WEX0"),
        ("", ""),
    ] {
        assert_eq!(base45::encode(plain.as_bytes()), coded);
        assert_eq!(base45::decode(coded), Ok(plain.as_bytes().to_vec()));
    }
    for (coded, reason) in [
        ("GGW", "qr-overflow"),
        (":::", "qr-overflow"),
        ("::", "qr-overflow"),
        ("B", "qr-length"),
        ("BB8B", "qr-length"),
        ("bb8", "qr-alphabet"),
        ("B\u{e9}", "qr-alphabet"),
    ] {
        assert_eq!(base45::decode(coded).unwrap_err().code(), reason, "{coded}");
    }
    assert_eq!(base45::decode("FGW"), Ok(vec![0xff, 0xff]), "the largest group");
    for (text, reason) in [
        ("MK2:BB8".to_owned(), "qr-prefix"),
        ("mk1:BB8".to_owned(), "qr-prefix"),
        (" MK1:BB8".to_owned(), "qr-prefix"),
        ("MK1:BB8 ".to_owned(), "qr-length"),
        (format!("MK1:{}", "000".repeat(2049)), "qr-size"),
    ] {
        assert_eq!(RechargeToken::from_qr_text(&text).unwrap_err().code(), reason, "{text:.9}");
    }
    assert_eq!(RechargeToken::from_qr_text("MK1:BB8\r\n").unwrap(), b"AB");
}

#[test]
fn every_code_is_listed_once_and_names_are_unique() {
    let codes: BTreeSet<&str> = TokenError::CODES.iter().copied().collect();
    assert_eq!(codes.len(), TokenError::CODES.len());
    for rows in [fixture!("lenient.json"), fixture!("refused.json")] {
        for row in rows.as_array().unwrap() {
            assert!(codes.contains(text(row, "code")), "{row}");
        }
    }
    let tags: BTreeSet<&str> = DocType::ALL.into_iter().map(DocType::tag).collect();
    assert_eq!(tags.len(), DocType::ALL.len());
    for doc in DocType::ALL {
        let facts = doc.facts();
        let suffix = if facts.cwt { "cwt" } else { "cose" };
        assert_eq!(facts.media, format!("application/vnd.meterkit.{}+{suffix}", facts.tag));
        assert_eq!(doc.to_string().parse(), Ok(doc));
        assert_eq!(DocType::from_media(facts.media), Some(doc));
    }
}
