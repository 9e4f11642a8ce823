//! What it costs to take in a full load of tokens: 10,000, read from text, verified and journaled.
//!
//! `cargo bench --bench import`. Both figures are CPU time of this process, so that a slow disk and
//! other programs do not count. The second one is the floor under the first: nothing but 10,000
//! strict checks of those signatures (and the scan in front of each, a few hundredths of it).

#![allow(clippy::expect_used, clippy::unwrap_used)] // a bench that cannot go on stops

#[path = "../it/stories/site.rs"]
mod site;

use std::time::Duration;

use meterkit::jobs::{Moment, tokens, trust};
use meterkit::units::UnixSeconds;
use meterkit_tokens::{DocType, Keyring, Kind, RechargeToken, Unit, verify};
use site::{BASE, DEVICE, Office, TENANT, create, operator};

/// Tokens in the load: as many as one file may hold.
const TOKENS: u32 = 10_000;
/// What the import may cost.
const BUDGET: Duration = Duration::from_secs(1);

/// CPU time of this process so far.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn token(at: u32) -> RechargeToken {
    let digits = |number: u64| {
        let text = format!("{number:012}");
        let pair = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
        std::array::from_fn(pair)
    };
    let mut id = [0; 16];
    id[12..].copy_from_slice(&at.to_be_bytes());
    RechargeToken {
        tenant: TENANT.to_owned(),
        meter: digits(202_600_000_000 + u64::from(at / 2)),
        device: DEVICE.to_owned(),
        expires: BASE + 6 * 86_400,
        not_before: BASE - 60,
        issued: BASE - 60,
        id,
        kind: Kind::Recharge,
        amount: 5_000,
        unit: Unit::Yuan,
        count: at % 2,
        seq: u64::from(at) + 1,
        order: [0; 8],
        account: digits(330_100_000_000 + u64::from(at / 2)),
        caps: 0,
        max_balance: None,
        undoes: None,
    }
}

/// The strict checks alone.
fn floor(keys: &Keyring, documents: &[Vec<u8>]) -> Duration {
    let before = cpu();
    for bytes in documents {
        verify(bytes, DocType::Recharge, TENANT, keys, None).expect("a signature that holds");
    }
    cpu() - before
}

fn main() {
    let office = Office::new();
    let documents: Vec<Vec<u8>> =
        (0..TOKENS).map(|at| office.issuer.recharge(&token(at)).expect("a token")).collect();
    let lines: Vec<String> = documents.iter().map(|bytes| RechargeToken::qr_text(bytes)).collect();
    let text = lines.join("\n");

    let folder = tempfile::tempdir().expect("a folder");
    let store = create(folder.path());
    let now = Moment { at: UnixSeconds(BASE), boot_ms: 0 };
    let (began, before) = (std::time::Instant::now(), cpu());
    let done = tokens::import_bytes(&store, &now.stamp(&operator()), text.as_bytes());
    let (spent, took) = (cpu() - before, began.elapsed());
    assert_eq!((done.taken.len(), done.refused.len()), (TOKENS as usize, 0));

    let floor = floor(&trust::read(&store).keys, &documents);
    println!("{TOKENS} tokens imported and verified: {spent:?} of CPU, {took:?} in all");
    println!("their signatures alone: {floor:?} of CPU");
    println!("budget: {BUDGET:?} of CPU: {}", if spent < BUDGET { "kept" } else { "EXCEEDED" });
}
