//! What travels between handheld and office, behind a signature that was checked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meterkit::sync::wire::{self, Answer, Ask, Keys, KeysAsk, Page, Receipt, Request, Round};
use meterkit_tokens::canonical::Limits;
use meterkit_tokens::cbor::{self, Value};

const LIMITS: Limits = Limits { bytes: wire::MAX_BODY, depth: 8 };

fn request(value: &Value) {
    let Ok(request) = Request::read(value.clone()) else { return };
    assert_eq!(request.payload(), *value);
    if let Ask::Pack(pack) = &request.ask
        && let Ok(bodies) = pack.bodies()
    {
        assert!(bodies.len() <= wire::MAX_PACK_ENTRIES);
        for body in bodies {
            let _ = wire::read_entry(&body);
        }
    }
}

/// The payload holds the hash of the body: it is put in, or nothing would ever be read.
fn answer(value: Value, body: &[u8]) {
    let Value::Map(mut entries) = value else { return };
    let digest = Value::bytes(wire::digest(body));
    entries.retain(|(key, _)| *key != 6);
    entries.push((6, digest));
    if let Ok(answer) = Answer::read(Value::Map(entries), body) {
        assert_eq!(answer.parts().1, body);
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok([first, second]) = wire::split::<2>(data)
        && let Ok(value) = cbor::decode(&first, LIMITS)
    {
        answer(value, &second);
    }
    let _ = wire::split::<3>(data);
    let _ = wire::claimed_name(data);
    let _ = wire::Envelope::read(data);
    let _ = Keys::read(data);
    let _ = KeysAsk::read(data);
    let _ = wire::read_entry(data);
    if let Ok(value) = cbor::decode(data, LIMITS) {
        request(&value);
        if let Ok(page) = Page::read(value.clone()) {
            assert_eq!(page.payload(), value);
        }
        if let Ok(round) = Round::read(value.clone()) {
            assert_eq!(round.payload(), value);
        }
        if let Ok(receipt) = Receipt::read(value.clone()) {
            assert_eq!(receipt.payload(), value);
        }
    }
});
