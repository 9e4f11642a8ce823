//! What the store costs: commits against the bare disk in the same run, opening with a big
//! population, checking the whole journal.
//!
//! `cargo bench --bench store`. The ratio of the first two is the figure that means something; both
//! depend on what a flush costs on the machine.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a bench that cannot go on stops

#[path = "../it/support/population.rs"]
mod population;

use criterion::{Criterion, criterion_group, criterion_main};
use meterkit::store::disk::{Disk, DiskFile, RealDisk};
use meterkit::store::{Event, Identity, Stamp, Store, StoreKey};
use meterkit::units::UnixSeconds;
use population::{BIG, populate};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn identity() -> Identity {
    Identity {
        tenant: "east-grid".into(),
        device: "hh-007".parse().expect("a device name"),
        device_seed: [7; 32],
        office_url: "https://office.example".into(),
        root_hash: [8; 32],
        roots: Vec::new(),
        keyset: Vec::new(),
        ca: Vec::new(),
        pins: Vec::new(),
        epoch: 1,
    }
}

fn key() -> StoreKey {
    StoreKey::from_bytes([9; 32])
}

fn stamp() -> Stamp {
    Stamp { at: UnixSeconds(1), boot_ms: 1, operator: "ann".into() }
}

/// An entry of about the size of the mean one, 300 bytes.
fn entry() -> Event {
    Event::Refused {
        token: None,
        meter: population::meter(1),
        code: "x".repeat(200),
        evidence: None,
    }
}

/// Commits and bare writes by turns, so that both meet the same disk; medians and their ratio.
fn by_turns(raw: &dyn DiskFile, store: &Store) {
    const TURNS: u64 = 2_000;
    let (mut bare, mut commit) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let began = Instant::now();
        raw.write_at(&[7; 300], turn * 300).expect("a write");
        raw.sync().expect("a flush");
        bare.push(began.elapsed());
        let began = Instant::now();
        store.append(&stamp(), entry()).expect("an entry");
        commit.push(began.elapsed());
    }
    let per_second = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        1.0 / times[times.len() / 2].as_secs_f64()
    };
    let (bare, commit) = (per_second(&mut bare), per_second(&mut commit));
    let ratio = commit / bare;
    println!("by turns, medians: raw {bare:.0}/s, commit {commit:.0}/s, ratio {ratio:.2}");
}

fn commits(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let raw = RealDisk.create(&dir.path().join("raw")).expect("a file");
    raw.allocate(16 << 20).expect("space");
    raw.sync().expect("a flush");
    let store =
        Store::create(&dir.path().join("s"), identity(), &stamp(), &key()).expect("a store");
    by_turns(&*raw, &store);
    imports();
    let record = [7u8; 300];
    let mut at = 0u64;
    c.bench_function("store/raw append + fdatasync", |b| {
        b.iter(|| {
            raw.write_at(&record, at % (15 << 20)).expect("a write");
            raw.sync().expect("a flush");
            at += record.len() as u64;
        });
    });
    c.bench_function("store/commit", |b| {
        b.iter(|| store.append(&stamp(), entry()).expect("an entry"));
    });
}

/// Ten thousand tokens in one go; their signatures are checked elsewhere.
fn imports() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("s");
    let store = Store::create(&path, identity(), &stamp(), &key()).expect("a store");
    let tokens = population::tokens(BIG);
    let (count, began) = (tokens.len(), Instant::now());
    let taken = store.import_all(&stamp(), tokens);
    println!("importing {count} tokens took {:.0?}", began.elapsed());
    assert!(taken.iter().all(Result::is_ok));
}

/// Resident memory of this process in MiB, where the system tells.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(f64::NAN);
    pages * 4096.0 / f64::from(1 << 20)
}

fn big(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("s");
    let began = Instant::now();
    // In a process of its own would be cleaner for the memory figure; what making leaves behind is
    // given back by the allocator only in part.
    populate(&path, identity(), &key(), BIG);
    println!("making {BIG:?} took {:.1?}", began.elapsed());
    println!("resident after making: {:.1} MiB", resident());
    c.bench_function("store/open 100k meters, 10k tokens, 50k entries", |b| {
        b.iter_custom(|rounds| {
            let mut total = Duration::ZERO;
            for _ in 0..rounds {
                let began = Instant::now();
                let opened = Store::open(&path, &key()).expect("a store");
                total += began.elapsed();
                assert_eq!(black_box(&opened).1.rebuilt, None);
            }
            total
        });
    });
    let (store, _) = Store::open(&path, &key()).expect("a store");
    c.bench_function("store/verify 50k entries", |b| {
        b.iter(|| store.verify().expect("a sound journal"));
    });
    let middle = population::meter(BIG.meters / 2);
    c.bench_function("store/a page of 20 meters", |b| {
        b.iter(|| assert_eq!(store.meters(Some(middle), 20).len(), 20));
    });
    c.bench_function("store/20 meters by their last digits", |b| {
        b.iter(|| assert_eq!(store.find_meters("37", 20).len(), 20));
    });
    c.bench_function("store/20 meters by the customer's name", |b| {
        b.iter(|| assert_eq!(store.find_meters("customer 04", 20).len(), 20));
    });
    drop(store);
    std::fs::remove_dir_all(path.join("index")).expect("the index");
    let began = Instant::now();
    let (_, opened) = Store::open(&path, &key()).expect("a store");
    println!("building the index again took {:.1?} ({:?})", began.elapsed(), opened.rebuilt);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = commits, big
}
criterion_main!(benches);
