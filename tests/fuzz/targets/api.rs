//! The office's handler: any bytes to any operation, and well-signed requests with any payload.
//!
//! Without a good signature not one row of any table may change; with one, whatever a handheld says
//! of itself, the ledger stays sound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meterkit::office::local::Local;
use meterkit::office::{Offer, Office, OfficeError, Seeds};
use meterkit::sync::SyncError;
use meterkit::sync::enrol::Enrolling;
use meterkit::sync::wire::{self, path};
use meterkit::store::Stamp;
use meterkit::units::UnixSeconds;
use meterkit_tokens::canonical::Limits;
use meterkit_tokens::{DeviceKey, DocType, cbor};
use std::cell::Cell;
use std::sync::{Arc, LazyLock};

const NOW: UnixSeconds = UnixSeconds(1_790_000_000);
const TENANT: &str = "fuzz";
const NAME: &str = "hh-1";
const SEED: [u8; 32] = [7; 32];
const LIMITS: Limits = Limits { bytes: wire::MAX_BODY, depth: 8 };
/// The tables are compared after so many inputs: a hash over all of them costs more than an input.
const LOOK: u32 = 256;
const PATHS: [&str; 6] =
    [path::ENROL, path::KEYS, path::HELLO, path::PACK, path::PULL, path::BYE];

/// An office with one handheld.
struct Place {
    local: Local,
    /// Its tables when nobody has written anything.
    content: String,
}

fn found() -> Place {
    let tell = Arc::new(|| NOW);
    let local = Local::start(|| Office::in_memory(TENANT, Seeds::of([1; 32]), tell));
    let local = local.expect("an office in memory");
    let offer = Offer::new(&NAME.parse().expect("a name"), "http://127.0.0.1:1");
    let file = local.wait(local.office().offer(&offer)).expect("an offer").file;
    let post = |path: &str, body: &[u8]| {
        let answer = local.answer(path, body);
        answer.map_err(|error| SyncError::Unreachable(error.to_string()))
    };
    let stamp = Stamp { at: NOW, boot_ms: 1, operator: "li".to_owned() };
    let enrolling = Enrolling::read(&file).expect("its own file");
    enrolling.introduce(SEED, &stamp, &post).expect("an enrolment");
    let content = local.wait(local.office().content()).expect("its tables");
    Place { local, content }
}

/// One for what nobody signed, one for what the handheld signs.
static PLACES: LazyLock<[Place; 2]> = LazyLock::new(|| [found(), found()]);

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

/// A request whose payload is `data`, signed by the handheld.
fn signed(path: &str, data: &[u8]) -> Option<Vec<u8>> {
    let [nonce @ .., _] = data.first_chunk::<17>()?;
    let payload = cbor::decode(&data[17..], LIMITS).ok()?;
    let kind = if path == path::PACK { DocType::Pack } else { DocType::Request };
    let document = DeviceKey::generate(SEED).sign(kind, TENANT, payload).ok()?;
    let parts: [&[u8]; 3] = [NAME.as_bytes(), nonce, &document];
    Some(wire::join(&parts))
}

fuzz_target!(|data: &[u8]| {
    let [choice, rest @ ..] = data else { return };
    let path = PATHS[usize::from(choice & 0x7f) % PATHS.len()];
    let by_handheld = choice & 0x80 != 0;
    let body = if by_handheld { signed(path, rest) } else { Some(rest.to_vec()) };
    let Some(body) = body.filter(|body| body.len() <= wire::MAX_BODY) else { return };
    let place = &PLACES[usize::from(by_handheld)];
    match place.local.answer(path, &body) {
        Ok(answer) => assert!(answer.len() <= wire::MAX_BODY),
        Err(OfficeError::Wire(_)) => {}
        Err(error) => panic!("{error}"),
    }
    COUNT.set(COUNT.get() + 1);
    if COUNT.get() % LOOK == 0 {
        let office = place.local.office();
        if by_handheld {
            assert!(place.local.wait(office.report()).expect("a report").sound());
        } else {
            assert_eq!(place.local.wait(office.content()).expect("its tables"), place.content);
        }
    }
});
