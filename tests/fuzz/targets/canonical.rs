//! The strict scan against the other definition: `serde_cbor` reads it and writes the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meterkit_tokens::canonical::{Limits, scan};
use serde_cbor::Value as Codec;

const LIMITS: Limits = Limits { bytes: 4096, depth: 8 };

/// No floats, no tags, not too deep: what the codec would let through.
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

fuzz_target!(|data: &[u8]| {
    if data.len() > LIMITS.bytes {
        return;
    }
    let canonical = serde_cbor::from_slice::<Codec>(data).is_ok_and(|value| {
        plain(&value, LIMITS.depth) && serde_cbor::to_vec(&value).is_ok_and(|again| again == data)
    });
    assert_eq!(scan(data, LIMITS, &[]).is_ok(), canonical);
});
