//! The vectors of `fixtures/tokens/`: golden bytes, tokens that must be accepted, and every way of
//! being refused with its code and reason. They are written by `fixtures/tokens/make.py`, which
//! shares no line with this crate.
#![cfg(feature = "issue")]
// Clippy exempts functions marked #[test] from these, but not the helpers they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod make;

use std::collections::BTreeSet;

use make::*;
use meterkit_tokens::*;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

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
fn ring() -> Keyring {
    ring_for(&[DocType::Recharge])
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

/// What the document of a fixture row says, by name: the root rows name the one before them.
fn good_root(name: &str) -> Root {
    let rows = fixture!("documents.json");
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
    Root::verify(&hex(text(row, "hex")), TENANT, None).unwrap()
}

fn refuse(row: &Json) -> TokenError {
    let bytes = hex(text(row, "hex"));
    let tenant = text(row, "tenant");
    let name = text(row, "name");
    let office = ring_for(&office_types());
    match text(row, "doc") {
        "rt" => RechargeToken::verify(&bytes, tenant, &ring()).expect_err(name),
        "rk" => {
            let before = row["after"].as_str().map(good_root);
            Root::verify(&bytes, tenant, before.as_ref()).expect_err(name)
        }
        "ks" => Keyset::verify(&bytes, tenant, &root1()).expect_err(name),
        "st" => Status::verify(&bytes, tenant, DEVICE, &office).expect_err(name),
        "og" => Grant::verify(&bytes, tenant, &office).expect_err(name),
        "ov" => Override::verify(&bytes, tenant, &office).expect_err(name),
        "pb" => BundleToken::verify(&bytes, tenant, &office).expect_err(name),
        "sw" => SwapToken::verify(&bytes, tenant, &office).expect_err(name),
        other => panic!("no such document: {other}"),
    }
}

/// Documents that `make.py` wrote are read, and written alike.
#[test]
fn documents_are_read_and_written_exactly() {
    let rows = fixture!("documents.json");
    let office = ring_for(&office_types());
    for row in rows.as_array().unwrap() {
        let (name, bytes) = (text(row, "name"), hex(text(row, "hex")));
        assert_eq!(bytes.len() as u64, row["bytes"].as_u64().unwrap(), "{name}");
        let again = match text(row, "doc") {
            "rk" => {
                let before = row["after"].as_str().map(good_root);
                let root = Root::verify(&bytes, TENANT, before.as_ref()).unwrap();
                let want = if before.is_some() { root2() } else { root1() };
                assert_eq!(root, want, "{name}");
                let signed = |at: &u8| {
                    let kid = root_key(*at).kid().0;
                    bytes.windows(8).any(|window| window == kid)
                };
                make::signed(&root, &(0..4).filter(signed).collect::<Vec<_>>())
            }
            "ks" => {
                let keyset = Keyset::verify(&bytes, TENANT, &root1()).unwrap();
                keyset_key(0).keyset(&keyset).unwrap()
            }
            "st" => {
                let device = if name == "status" { DEVICE } else { "HHHHHHHHHHHHHHHH" };
                let read = Status::verify(&bytes, TENANT, device, &office).unwrap();
                assert_eq!(read == status(), name == "status", "{name}");
                issuer().status(&read).unwrap()
            }
            "og" => {
                let read = Grant::verify(&bytes, TENANT, &office).unwrap();
                assert_eq!(read == grant(), name == "grant", "{name}");
                issuer().grant(&read).unwrap()
            }
            "pb" => {
                let read = BundleToken::verify(&bytes, TENANT, &office).unwrap();
                assert_eq!(read == bundle(), name == "bundle", "{name}");
                issuer().bundle(&read).unwrap()
            }
            "sw" => {
                let read = SwapToken::verify(&bytes, TENANT, &office).unwrap();
                assert_eq!(read == swap(), name == "swap", "{name}");
                issuer().swap(&read).unwrap()
            }
            _ => {
                let read = Override::verify(&bytes, TENANT, &office).unwrap();
                assert_eq!(read == over(), name == "override", "{name}");
                issuer().over_ride(&read).unwrap()
            }
        };
        assert_eq!(to_hex(&again), to_hex(&bytes), "{name}");
    }
    assert_eq!(rows.as_array().unwrap().len(), 18);
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
