//! A bundle of forty items to eight lines of 32 meters, in virtual time: the time of the slowest
//! line beside the least it can take, and beside all of them one after the other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a bench may

#[path = "../it/bundle/yard.rs"]
mod yard;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use meterkit::transport::Faults;
use yard::{SUMMER, Yard, least};

/// Writes the bundle to all meters; the line times.
fn write(lines: u32, meters: u32) -> Vec<Duration> {
    let mut yard = Yard::new((lines, meters), &Faults::NONE, |_, _| {});
    yard.take(SUMMER);
    let work = yard.begin(&yard.form("summer 2026")).unwrap();
    let sheet = yard.advance(work).unwrap();
    assert!(sheet.done && sheet.exit.is_none());
    assert_eq!(yard.threads.lock().unwrap().len(), lines as usize);
    yard.times()
}

fn bulk(criterion: &mut Criterion) {
    println!("40 items and 3 switch times a meter, 2400 baud, virtual time");
    for (lines, meters) in [(1, 32), (8, 32)] {
        let times = write(lines, meters);
        let (slowest, all) = (times.iter().max().unwrap(), times.iter().sum::<Duration>());
        let percent = |floor: Duration| floor.as_secs_f64() * 100.0 / slowest.as_secs_f64();
        let (quiet, wire) = (least(meters, SUMMER, true), least(meters, SUMMER, false));
        println!(
            "{lines} lines of {meters}: {:.1} s; floor {:.1} s ({:.2} %), wire alone {:.1} s \
             ({:.2} %); {:.2} times as fast as one after the other",
            slowest.as_secs_f64(),
            quiet.as_secs_f64(),
            percent(quiet),
            wire.as_secs_f64(),
            percent(wire),
            all.as_secs_f64() / slowest.as_secs_f64()
        );
    }
    criterion.bench_function("a bundle to 4 meters, simulated", |bencher| {
        bencher.iter(|| write(1, 4));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = bulk
}
criterion_main!(benches);
