//! Signed documents of every type, root files, claims sets and token texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meterkit_tokens::canonical::Limits;
use meterkit_tokens::cbor::{self, Value};
use meterkit_tokens::{
    BundleToken, DocType, Grant, Issuer, KeyRecord, Keyring, Keyset, Override, RechargeToken, Root,
    Signer, Status, SwapToken, TokenError, document_type, from_qr_text, qr_text, verify,
};
use std::sync::LazyLock;

const LIMITS: Limits = Limits { bytes: 16 * 1024, depth: 8 };

/// A key whose seed is nowhere else: nothing it did not sign may be accepted.
static RING: LazyLock<Keyring> = LazyLock::new(|| {
    let types = DocType::ALL.into_iter().filter(|doc| doc.signer() == Signer::Office).collect();
    let key = Issuer::from_seed(*b"nobody signs with this key here!").public();
    vec![KeyRecord { key, not_before: 0, not_after: i64::MAX, types, max_amount: None }].into()
});

/// What a reader takes, its writer writes alike.
fn alike<T>(
    value: &Value,
    read: fn(Value) -> Result<T, TokenError>,
    write: fn(&T) -> Result<Value, TokenError>,
) {
    if let Ok(document) = read(value.clone()) {
        let again = write(&document).map(|again| cbor::encode(&again));
        // A keyset leaves types out that it does not know.
        let keyset = std::any::type_name::<T>() == std::any::type_name::<Keyset>();
        assert!(keyset || again == Ok(cbor::encode(value)));
    }
}

fuzz_target!(|data: &[u8]| {
    let tenant = "mg-tiandi";
    for doc in DocType::ALL {
        assert!(verify(data, doc, tenant, &RING, Some(0)).is_err());
    }
    assert!(RechargeToken::verify(data, tenant, &RING).is_err());
    assert!(Status::verify(data, tenant, "hh-0007", &RING).is_err());
    assert!(Grant::verify(data, tenant, &RING).is_err());
    assert!(Override::verify(data, tenant, &RING).is_err());
    assert!(BundleToken::verify(data, tenant, &RING).is_err());
    assert!(SwapToken::verify(data, tenant, &RING).is_err());
    // A root file that is complete in itself may be good: whose it is, its hash says.
    if let Ok(root) = Root::verify(data, tenant, None) {
        assert_eq!(Root::join(&Root::documents(data).unwrap_or_default()), data);
        assert!(Keyset::verify(data, tenant, &root).is_err());
    }
    let _ = document_type(data);
    if let Ok(value) = cbor::decode(data, LIMITS) {
        assert_eq!(cbor::encode(&value), data);
        alike(&value, RechargeToken::from_payload, RechargeToken::payload);
        alike(&value, Root::from_payload, Root::payload);
        alike(&value, Keyset::from_payload, Keyset::payload);
        alike(&value, Status::from_payload, Status::payload);
        alike(&value, Grant::from_payload, Grant::payload);
        alike(&value, Override::from_payload, Override::payload);
        alike(&value, BundleToken::from_payload, BundleToken::payload);
        alike(&value, SwapToken::from_payload, SwapToken::payload);
    }
    let text = String::from_utf8_lossy(data);
    let text = text.trim_end_matches(['\r', '\n']);
    if let Ok(bytes) = from_qr_text(text) {
        assert_eq!(qr_text(&bytes), text);
    }
});
