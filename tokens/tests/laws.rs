//! Laws over many inputs: round trips, no altered byte accepted, no bytes that panic, and the scan
//! agreeing with decode-and-re-encode.
#![cfg(feature = "issue")]
// Clippy exempts functions marked #[test] from these, but not the helpers they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use meterkit_tokens::canonical::{Limits, scan};
use meterkit_tokens::cbor::{self, Value};
use meterkit_tokens::*;
use proptest::prelude::*;
use serde_cbor::Value as Codec;

const LIMITS: Limits = Limits { bytes: 4096, depth: 6 };

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn issuer() -> Issuer {
    Issuer::from_seed([1; 32])
}

fn ring() -> Keyring {
    let types = vec![DocType::Recharge];
    let (not_before, not_after) = (i64::MIN, i64::MAX);
    let key = issuer().public();
    vec![KeyRecord { key, not_before, not_after, types, max_amount: None }].into()
}

/// A ring whose key may sign everything an office signs.
fn office() -> Keyring {
    let types = DocType::ALL.into_iter().filter(|doc| doc.signer() == Signer::Office).collect();
    let (not_before, not_after) = (i64::MIN, i64::MAX);
    let key = issuer().public();
    vec![KeyRecord { key, not_before, not_after, types, max_amount: None }].into()
}

fn root() -> Root {
    Root {
        tenant: "t".into(),
        version: 1,
        issued: 0,
        not_before: 0,
        expires: 1,
        keys: vec![issuer().public()],
        threshold: 1,
        keyset_keys: vec![Issuer::from_seed([2; 32]).public()],
    }
}

fn bcd() -> impl Strategy<Value = [u8; 6]> {
    prop::array::uniform6((0u8..10, 0u8..10).prop_map(|(high, low)| high << 4 | low))
}

prop_compose! {
    fn any_token()(
        tenant in "[^\\p{C}]{1,32}",
        meter in bcd(),
        device in "[!-)+-~][!-~]{0,15}",
        not_before in 0i64..4_000_000_000,
        life in 1i64..1_000_000_000,
        early in 0i64..1_000_000,
        id in any::<[u8; 16]>(),
        (kind, unit) in (0usize..4, 0usize..2),
        amount in 0i64..1 << 31,
        count in 0u32..u32::MAX,
        seq in 0u64..1 << 63,
        order in any::<[u8; 8]>(),
        account in bcd(),
        caps in 0u32..4,
        max_balance in prop::option::of(1i64..1 << 31),
        undoes in prop::option::of(any::<[u8; 16]>()),
    ) -> RechargeToken {
        let kind = Kind::ALL[kind];
        RechargeToken {
            // Only an opening moves nothing, only a refund undoes something.
            amount: if kind == Kind::Open { amount } else { amount.max(1) },
            undoes: undoes.filter(|_| kind == Kind::Refund),
            kind,
            tenant,
            meter,
            device,
            not_before,
            id,
            count,
            seq,
            order,
            account,
            caps,
            max_balance,
            expires: not_before + life,
            issued: (not_before - early).max(0),
            unit: Unit::ALL[unit],
        }
    }
}

prop_compose! {
    fn any_swap()(
        tenant in "[^\\p{C}]{1,32}",
        (meter, old) in (bcd(), bcd()).prop_filter("one meter", |(meter, old)| meter != old),
        device in "[!-)+-~][!-~]{0,15}",
        not_before in 0i64..4_000_000_000,
        life in 1i64..1_000_000_000,
        early in 0i64..1_000_000,
        id in any::<[u8; 16]>(),
        (old_account, account) in (bcd(), bcd()),
        unit in 0usize..2,
        (most, provisional, arrears) in (0i64..1 << 31, 0i64..1 << 31, 0i64..1 << 31),
        count in 0u32..u32::MAX,
        seq in 0u64..1 << 63,
    ) -> SwapToken {
        SwapToken {
            tenant, meter, device, not_before, id, old, old_account, account, count, most,
            provisional, arrears, seq,
            expires: not_before + life,
            issued: (not_before - early).max(0),
            unit: Unit::ALL[unit],
        }
    }
}

prop_compose! {
    fn any_bundle()(
        tenant in "[^\\p{C}]{1,32}",
        device in "[!-)+-~][!-~]{0,15}",
        issued in 0i64..4_000_000_000,
        (late, life) in (0i64..1_000_000, 1i64..bundle::MAX_LIFE_S - 1_000_000),
        id in any::<[u8; 16]>(),
        digest in any::<[u8; 32]>(),
        name in "[a-z\u{5cf0}]{1,64}",
        version in 1u32..,
        profile in "[a-z0-9-]{1,64}",
        meters in prop::collection::btree_set(bcd(), 0..20),
        area in prop::option::of("[a-z\u{5357}]{1,64}"),
        group in prop::option::of(any::<[u8; 32]>()),
    ) -> BundleToken {
        let meters: Vec<_> = meters.into_iter().collect();
        // At least one of them names the meters.
        let profile = Some(profile).filter(|_| meters.is_empty());
        BundleToken {
            tenant, device, issued, id, digest, name, version,
            not_before: issued + late,
            expires: issued + late + life,
            target: bundle::Target { profile, meters, area, group },
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-300i64..300).prop_map(Value::Int),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ".{0,30}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let key = prop_oneof![-30i64..300, any::<i64>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

/// Values of the whole codec, odd keys and all, to be mutated.
fn any_codec() -> impl Strategy<Value = Codec> {
    let leaf = prop_oneof![
        Just(Codec::Null),
        any::<bool>().prop_map(Codec::Bool),
        any::<i64>().prop_map(|n| Codec::Integer(n.into())),
        any::<u64>().prop_map(|n| Codec::Integer(n.into())),
        (-30i128..300).prop_map(Codec::Integer),
        any::<f64>().prop_map(Codec::Float),
        prop::collection::vec(any::<u8>(), 0..30).prop_map(Codec::Bytes),
        "[a-z\u{e9}\u{7535}]{0,6}".prop_map(Codec::Text),
    ];
    leaf.prop_recursive(7, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Codec::Array),
            prop::collection::btree_map(inner.clone(), inner.clone(), 0..5).prop_map(Codec::Map),
            (0u64..70, inner).prop_map(|(tag, v)| Codec::Tag(tag, Box::new(v))),
        ]
    })
}

/// One edit of a byte string: set, flip a bit, insert, remove, double a stretch.
fn mutate(bytes: &mut Vec<u8>, (what, at, with): (u8, prop::sample::Index, u8)) {
    if bytes.is_empty() {
        return bytes.push(with);
    }
    let at = at.index(bytes.len());
    match what % 6 {
        0 => bytes[at] = with,
        1 => bytes[at] ^= 1 << (with % 8),
        2 => bytes.insert(at, with),
        3 => drop(bytes.remove(at)),
        4 => bytes.truncate(at),
        _ => {
            let again = bytes[at..].iter().copied().take(usize::from(with % 8)).collect::<Vec<_>>();
            bytes.splice(at..at, again);
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<(u8, prop::sample::Index, u8)>> {
    prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), any::<u8>()), 0..4)
}

/// The other definition of canonical: the lenient codec reads it and writes the same bytes, and it
/// holds no float and is not too deep. (Tags do not survive the codec's reader, `undefined`
/// neither.)
fn canonical_by_codec(bytes: &[u8]) -> bool {
    fn plain(value: &Codec, depth: usize) -> bool {
        match value {
            Codec::Float(_) | Codec::Tag(..) => false,
            Codec::Array(items) => depth > 0 && items.iter().all(|v| plain(v, depth - 1)),
            Codec::Map(map) => {
                depth > 0 && map.iter().all(|(k, v)| plain(k, depth - 1) && plain(v, depth - 1))
            }
            _ => true,
        }
    }
    serde_cbor::from_slice::<Codec>(bytes).is_ok_and(|value| {
        plain(&value, LIMITS.depth) && serde_cbor::to_vec(&value).is_ok_and(|again| again == bytes)
    })
}

/// Everything that takes bytes from outside.
fn feed(bytes: &[u8]) {
    let ring = ring();
    let _ = RechargeToken::verify(bytes, "t", &ring);
    let _ = Keyset::verify(bytes, "t", &root());
    let _ = Root::verify(bytes, "t", None);
    let _ = Root::verify(bytes, "t", Some(&root()));
    let _ = Status::verify(bytes, "t", "hh-1", &ring);
    let _ = Grant::verify(bytes, "t", &ring);
    let _ = Override::verify(bytes, "t", &ring);
    let _ = BundleToken::verify(bytes, "t", &ring);
    let _ = SwapToken::verify(bytes, "t", &ring);
    let _ = document_type(bytes);
    for doc in DocType::ALL {
        let _ = verify(bytes, doc, "t", &ring, Some(0));
    }
    if let Ok(value) = cbor::decode(bytes, LIMITS) {
        let _ = RechargeToken::from_payload(value.clone());
        let _ = Keyset::from_payload(value.clone());
        let _ = Root::from_payload(value.clone());
        let _ = Status::from_payload(value.clone());
        let _ = Grant::from_payload(value.clone());
        let _ = Override::from_payload(value.clone());
        let _ = BundleToken::from_payload(value.clone());
        let _ = SwapToken::from_payload(value);
    }
    if let Ok(bytes) = bytes.try_into() {
        let _ = PublicKey::from_bytes(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = base45::decode(&text);
    let _ = RechargeToken::from_qr_text(&format!("MK1:{text}"));
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn tokens_come_back_as_they_went(token in any_token()) {
        let bytes = issuer().recharge(&token).unwrap();
        prop_assert!(bytes.len() <= 400, "{} bytes", bytes.len());
        let read = RechargeToken::verify(&bytes, &token.tenant, &ring()).unwrap();
        prop_assert_eq!(&read, &token);
        let qr = RechargeToken::qr_text(&bytes);
        prop_assert_eq!(RechargeToken::from_qr_text(&qr).unwrap(), bytes);
        prop_assert_eq!(token.check_use(&token.device, token.not_before, i64::MAX), Ok(()));
        let ended = token.check_use(&token.device, token.expires, i64::MAX);
        prop_assert_eq!(ended, Err(TokenError::Expired));
    }

    #[test]
    fn swaps_come_back_as_they_went(swap in any_swap(), edits in edits()) {
        let ring = office();
        let bytes = issuer().swap(&swap).unwrap();
        prop_assert_eq!(SwapToken::verify(&bytes, &swap.tenant, &ring), Ok(swap.clone()));
        prop_assert_eq!(SwapToken::from_payload(swap.payload().unwrap()), Ok(swap.clone()));
        let mut edited = bytes.clone();
        edits.into_iter().for_each(|edit| mutate(&mut edited, edit));
        prop_assume!(edited != bytes);
        prop_assert!(SwapToken::verify(&edited, &swap.tenant, &ring).is_err());
    }

    #[test]
    fn bundles_come_back_as_they_went(bundle in any_bundle(), edits in edits()) {
        let ring = office();
        let bytes = issuer().bundle(&bundle).unwrap();
        prop_assert_eq!(BundleToken::verify(&bytes, &bundle.tenant, &ring), Ok(bundle.clone()));
        prop_assert_eq!(BundleToken::from_payload(bundle.payload().unwrap()), Ok(bundle.clone()));
        let mut edited = bytes.clone();
        edits.into_iter().for_each(|edit| mutate(&mut edited, edit));
        prop_assume!(edited != bytes);
        prop_assert!(BundleToken::verify(&edited, &bundle.tenant, &ring).is_err());
    }

    #[test]
    fn another_tenant_never_takes_it(token in any_token(), other in "[a-z]{1,32}") {
        prop_assume!(other != token.tenant);
        let bytes = issuer().recharge(&token).unwrap();
        prop_assert_eq!(RechargeToken::verify(&bytes, &other, &ring()), Err(TokenError::Tenant));
    }

    #[test]
    fn edited_tokens_are_refused(token in any_token(), edits in edits()) {
        let bytes = issuer().recharge(&token).unwrap();
        let mut edited = bytes.clone();
        edits.into_iter().for_each(|edit| mutate(&mut edited, edit));
        prop_assume!(edited != bytes);
        prop_assert!(RechargeToken::verify(&edited, &token.tenant, &ring()).is_err());
        feed(&edited);
    }

    #[test]
    fn values_come_back_as_they_went(value in any_value()) {
        let limits = Limits { bytes: usize::MAX, depth: 16 };
        let bytes = cbor::encode(&value);
        let read = cbor::decode(&bytes, limits).unwrap();
        prop_assert_eq!(cbor::encode(&read), bytes);
    }

    #[test]
    fn base45_has_one_spelling(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        text in "[0-9A-Z $%*+./:-]{0,60}",
    ) {
        prop_assert_eq!(base45::decode(&base45::encode(&bytes)), Ok(bytes));
        if let Ok(bytes) = base45::decode(&text) {
            prop_assert_eq!(base45::encode(&bytes), text);
        }
    }
}

proptest! {
    #![proptest_config(cases(4096))]

    #[test]
    fn scan_is_decode_and_encode_again(value in any_codec(), edits in edits()) {
        let mut bytes = serde_cbor::to_vec(&value).unwrap();
        edits.into_iter().for_each(|edit| mutate(&mut bytes, edit));
        prop_assume!(bytes.len() <= LIMITS.bytes);
        let canonical = canonical_by_codec(&bytes);
        prop_assert_eq!(scan(&bytes, LIMITS, &[]).is_ok(), canonical, "{:02x?}", bytes);
        // Our reader takes no more than the scan, and what it takes has one encoding.
        if let Ok(value) = cbor::decode(&bytes, LIMITS) {
            prop_assert_eq!(cbor::encode(&value), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(scan(&bytes, LIMITS, &[]).is_ok(), canonical_by_codec(&bytes));
        feed(&bytes);
    }

    #[test]
    fn random_envelopes_never_panic(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 3),
        edits in edits(),
    ) {
        let mut bytes = vec![0xd2, 0x84];
        for (at, part) in parts.into_iter().enumerate() {
            bytes.extend(cbor::encode(&Value::Bytes(part)));
            if at == 0 {
                bytes.push(0xa0);
            }
        }
        edits.into_iter().for_each(|edit| mutate(&mut bytes, edit));
        feed(&bytes);
    }
}

/// 100,000 nested arrays overflow the stack of careless decoders.
#[test]
fn depth_is_bounded_before_anything_recurses() {
    for first in [0x81u8, 0xa1, 0xd2] {
        let bytes = vec![first; 100_000];
        let limits = Limits { bytes: usize::MAX, depth: usize::MAX };
        let error = scan(&bytes, limits, &[18]).unwrap_err();
        assert_eq!(error.code(), "depth", "{first:#x}");
        feed(&bytes);
    }
    let nest = |n: usize| [vec![0x81; n], vec![0x00]].concat();
    assert_eq!(scan(&nest(6), LIMITS, &[]), Ok(()));
    assert_eq!(scan(&nest(7), LIMITS, &[]).unwrap_err().code(), "depth");
}

/// A length of 2^63 must not be believed.
#[test]
fn huge_lengths_allocate_nothing() {
    for major in 2..=5u8 {
        for (info, n) in [(26u8, 4), (27, 8)] {
            let bytes = [vec![major << 5 | info], vec![0xff; n]].concat();
            assert_eq!(cbor::decode(&bytes, LIMITS).unwrap_err().code(), "truncated");
        }
    }
}

#[test]
fn whole_numbers_beyond_i64_are_a_range_error() {
    for (bytes, want) in [
        ([0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Ok(Value::Int(i64::MAX))),
        ([0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Ok(Value::Int(i64::MIN))),
        ([0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0], Err("range")),
        ([0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0], Err("range")),
    ] {
        assert_eq!(cbor::decode(&bytes, LIMITS).map_err(|e| e.code()), want);
    }
}
