//! Journal records: what stands on disk behind the seal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meterkit::store::records::{decode_body, encode_body};

fuzz_target!(|data: &[u8]| {
    if let Ok(body) = decode_body(data) {
        assert_eq!(encode_body(body.seq, &body.stamp, &body.event), data);
    }
});
