//! Second opinions: `coset` (COSE over ciborium) and `minicbor`, neither of which we use ourselves.
//!
//! Everything we accept, `coset` verifies. What `coset` accepts and we refuse is the table of
//! lenient verifiers in `docs/token-format.md`; its column for `coset` is asserted here.
#![cfg(feature = "issue")]
// Clippy exempts functions marked #[test] from these, but not the helpers they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use coset::{CoseSign1, Label, RegisteredLabelWithPrivate, TaggedCborSerializable, iana};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use meterkit_tokens::*;
use minicbor::{Decoder, Encoder, data::Tag};
use proptest::prelude::*;
use serde_json::Value as Json;

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Json>(include_str!(concat!("../../fixtures/tokens/", $name)))
            .unwrap()
    };
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn seed() -> [u8; 32] {
    std::array::from_fn(|i| i as u8)
}

fn ring() -> Keyring {
    let key = Issuer::from_seed(seed()).public();
    let types = vec![DocType::Recharge];
    vec![KeyRecord { key, not_before: 0, not_after: i64::MAX, types, max_amount: None }].into()
}

fn aad(tenant: &str) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    out.array(2).unwrap().str("meterkit/1").unwrap().str(tenant).unwrap();
    out.into_writer()
}

/// What a user of `coset` would write: parse, compare the algorithm, verify.
fn coset_accepts(bytes: &[u8], tenant: &str) -> bool {
    let Ok(sign1) = CoseSign1::from_tagged_slice(bytes) else { return false };
    let ed25519 = RegisteredLabelWithPrivate::Assigned(iana::Algorithm::Ed25519);
    if sign1.protected.header.alg != Some(ed25519) {
        return false;
    }
    let key: VerifyingKey = SigningKey::from_bytes(&seed()).verifying_key();
    let verify = |signature: &[u8], message: &[u8]| {
        key.verify_strict(message, &Signature::from_slice(signature)?)
    };
    sign1.verify_signature(&aad(tenant), verify).is_ok()
}

#[test]
fn coset_verifies_what_we_accept() {
    for row in fixture!("accepted.json").as_array().unwrap() {
        let bytes = hex(row["hex"].as_str().unwrap());
        let tenant = row["tenant"].as_str().unwrap();
        assert!(RechargeToken::verify(&bytes, tenant, &ring()).is_ok());
        assert!(coset_accepts(&bytes, tenant), "{row}");
        assert!(!coset_accepts(&bytes, "another"), "the AAD counts: {row}");
        let sign1 = CoseSign1::from_tagged_slice(&bytes).unwrap();
        assert!(sign1.unprotected.is_empty());
        assert_eq!(sign1.protected.header.key_id, Issuer::from_seed(seed()).kid().0);
        let typ = (Label::Int(16), DocType::Recharge.media().into());
        assert_eq!(sign1.protected.header.rest, [typ]);
        assert_eq!(sign1.to_tagged_vec().unwrap(), bytes, "coset writes the same bytes");
    }
}

/// The `coset` column of the table of lenient verifiers is what `coset` really does.
#[test]
fn coset_is_as_lenient_as_documented() {
    let mut lenient = 0;
    for row in fixture!("lenient.json").as_array().unwrap() {
        let bytes = hex(row["hex"].as_str().unwrap());
        let want = match row["coset"].as_str().unwrap() {
            "valid" => true,
            "reject" => false,
            _ => continue,
        };
        assert_eq!(coset_accepts(&bytes, row["tenant"].as_str().unwrap()), want, "{row}");
        lenient += usize::from(want);
    }
    assert_eq!(lenient, 5);
}

/// On broken envelopes and signatures `coset` must not be stricter in kind: it refuses none for a
/// reason we lack. What it lets through are the claims and the header fields, which are not its
/// job, and non-canonical bytes inside the two byte strings.
#[test]
fn coset_refuses_every_bad_signature_too() {
    let mut seen = 0;
    for row in fixture!("refused.json").as_array().unwrap() {
        if row["group"] == "signature" {
            let bytes = hex(row["hex"].as_str().unwrap());
            assert!(!coset_accepts(&bytes, row["tenant"].as_str().unwrap()), "{row}");
            seen += 1;
        }
    }
    assert!(seen >= 8);
}

/// A token written with `minicbor`, from the format's description alone.
fn minicbor_token(token: &RechargeToken) -> Vec<u8> {
    let key = SigningKey::from_bytes(&seed());
    let kid = Issuer::from_seed(seed()).kid();
    let digits: String = token.meter.iter().map(|b| format!("{b:02x}")).collect();
    let mut header = Encoder::new(Vec::new());
    header.map(3).unwrap().u8(1).unwrap().i8(-19).unwrap().u8(4).unwrap().bytes(&kid.0).unwrap();
    header.u8(16).unwrap().str("application/vnd.meterkit.rt+cwt").unwrap();
    let header = header.into_writer();

    let mut claims = Encoder::new(Vec::new());
    claims.map(8).unwrap();
    for (key, text) in
        [(1, token.tenant.as_str()), (2, digits.as_str()), (3, token.device.as_str())]
    {
        claims.u8(key).unwrap().str(text).unwrap();
    }
    for (key, time) in [(4, token.expires), (5, token.not_before), (6, token.issued)] {
        claims.u8(key).unwrap().i64(time).unwrap();
    }
    claims.u8(7).unwrap().bytes(&token.id).unwrap().i32(-65537).unwrap();
    let optional = u64::from(token.caps != 0) + u64::from(token.max_balance.is_some());
    claims.map(7 + optional).unwrap();
    let seq = i64::try_from(token.seq).unwrap();
    let numbers = [token.kind.number(), token.amount, token.unit.number(), token.count.into(), seq];
    for (key, number) in (1..).zip(numbers) {
        claims.u8(key).unwrap().i64(number).unwrap();
    }
    claims
        .u8(6)
        .unwrap()
        .bytes(&token.order)
        .unwrap()
        .u8(7)
        .unwrap()
        .bytes(&token.account)
        .unwrap();
    if token.caps != 0 {
        claims.u8(8).unwrap().u32(token.caps).unwrap();
    }
    if let Some(most) = token.max_balance {
        claims.u8(9).unwrap().i64(most).unwrap();
    }
    let claims = claims.into_writer();

    let mut message = Encoder::new(Vec::new());
    message.array(4).unwrap().str("Signature1").unwrap().bytes(&header).unwrap();
    message.bytes(&aad(&token.tenant)).unwrap().bytes(&claims).unwrap();
    let signature = key.sign(&message.into_writer()).to_bytes();
    let mut out = Encoder::new(Vec::new());
    out.tag(Tag::new(18)).unwrap().array(4).unwrap().bytes(&header).unwrap().map(0).unwrap();
    out.bytes(&claims).unwrap().bytes(&signature).unwrap();
    out.into_writer()
}

/// Reads back, with `minicbor`, the claims a meter's fate depends on: amount and count.
fn minicbor_amount_and_count(bytes: &[u8]) -> (i64, u32) {
    let mut outer = Decoder::new(bytes);
    assert_eq!(outer.tag().unwrap(), Tag::new(18));
    assert_eq!(outer.array().unwrap(), Some(4));
    outer.skip().unwrap();
    outer.skip().unwrap();
    let mut claims = Decoder::new(outer.bytes().unwrap());
    for _ in 0..claims.map().unwrap().unwrap() {
        if claims.i64().unwrap() != -65537 {
            claims.skip().unwrap();
            continue;
        }
        let (mut amount, mut count) = (0, 0);
        for _ in 0..claims.map().unwrap().unwrap() {
            match claims.u8().unwrap() {
                2 => amount = claims.i64().unwrap(),
                4 => count = claims.u32().unwrap(),
                _ => claims.skip().unwrap(),
            }
        }
        return (amount, count);
    }
    panic!("no private map");
}

prop_compose! {
    fn any_token()(
        tenant in "[a-z\u{7535}-]{1,12}",
        meter in prop::array::uniform6((0u8..10, 0u8..10).prop_map(|(high, low)| high << 4 | low)),
        device in "[a-z0-9-]{1,16}",
        not_before in 0i64..4_000_000_000,
        life in 1i64..1_000_000,
        id in any::<[u8; 16]>(),
        (kind, unit) in (0usize..3, 0usize..2),
        amount in 1i64..1 << 31,
        count in 0u32..u32::MAX,
        seq in 0u64..1 << 63,
        order in any::<[u8; 8]>(),
        caps in 0u32..4,
        max_balance in prop::option::of(1i64..1 << 31),
    ) -> RechargeToken {
        RechargeToken {
            tenant, meter, device, not_before, id, amount, count, seq, order, caps, max_balance,
            undoes: None,
            expires: not_before + life,
            issued: not_before,
            kind: Kind::ALL[kind],
            unit: Unit::ALL[unit],
            account: meter,
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn three_writers_one_byte_string(token in any_token()) {
        let bytes = Issuer::from_seed(seed()).recharge(&token).unwrap();
        prop_assert_eq!(&minicbor_token(&token), &bytes);
        let theirs = CoseSign1::from_tagged_slice(&bytes).unwrap();
        prop_assert_eq!(theirs.to_tagged_vec().unwrap(), bytes.clone());
        prop_assert!(coset_accepts(&bytes, &token.tenant));
        prop_assert_eq!(minicbor_amount_and_count(&bytes), (token.amount, token.count));
    }

    /// Whatever we accept, `coset` accepts: edited tokens are where the two could part.
    #[test]
    fn we_accept_nothing_coset_refuses(
        token in any_token(),
        at in any::<prop::sample::Index>(),
        with in any::<u8>(),
        insert in any::<bool>(),
    ) {
        let mut bytes = minicbor_token(&token);
        let at = at.index(bytes.len());
        if insert { bytes.insert(at, with) } else { bytes[at] = with }
        let ours = RechargeToken::verify(&bytes, &token.tenant, &ring()).is_ok();
        prop_assert!(!ours || coset_accepts(&bytes, &token.tenant));
    }
}
