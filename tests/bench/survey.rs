//! The survey in figures: line time of an empty Modbus line, frames for 32 unknown DL/T 645
//! numbers, and who stays unheard. All in virtual time; then what a survey costs this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a bench may
#![allow(dead_code)] // of the buses, only some are needed here

#[path = "../it/survey/bus.rs"]
mod bus;

use std::time::Duration;

use bus::{MS, Modbus, Street, line, meters_645, random_numbers};
use criterion::{Criterion, criterion_group, criterion_main};
use meterkit::jobs::Cancel;
use meterkit::jobs::survey::{self, Site};
use meterkit::jobs::views::{SurveyPlan, SurveyProtocol, SurveyView};
use meterkit::transport::{LineSettings, VirtualLink};

/// The time a well-known gateway takes for each dead address at 9600 baud
/// (`reference/other-meters.md` 5, wirenboard/wb-mge 136).
const TO_BEAT_MS: f64 = 29.0;

fn run(street: Street, settings: LineSettings, protocol: SurveyProtocol) -> SurveyView {
    let mut link: VirtualLink<Street> = line(street, settings);
    let parity = settings.to_string().chars().rev().nth(1);
    let plan = SurveyPlan {
        protocols: vec![protocol],
        baud: Some(settings.baud),
        parity,
        ..SurveyPlan::default()
    };
    let cancel = Cancel::default();
    let site = Site {
        link: &mut link,
        opened: settings,
        terminals: &[],
        cancel: &cancel,
        wire: &mut |_| {},
    };
    survey::run(site, &plan, &mut |_| {}, None).unwrap().view
}

fn seconds(view: &SurveyView) -> f64 {
    Duration::from_millis(view.took_ms).as_secs_f64()
}

fn empty_lines() {
    println!("empty Modbus line, 247 addresses, virtual time; bound at 9600: 8 s");
    println!("{:>10} {:>9} {:>8} {:>18}", "line", "s", "frames", "ms a dead address");
    for settings in [
        LineSettings::plain(2400),
        LineSettings::plain(9600),
        LineSettings::even(9600),
        LineSettings::plain(19_200),
    ] {
        let view = run(Street::default(), settings, SurveyProtocol::Modbus);
        let each = seconds(&view) * 1000.0 / 247.0;
        let name = settings.to_string();
        println!("{name:>10} {:>9.2} {:>8} {each:>18.1}", seconds(&view), view.frames);
    }
    println!("to beat at 9600: {TO_BEAT_MS} ms a dead address, one pass; here all is counted");
}

fn numbers() {
    println!("32 DL/T 645 meters, numbers unknown, 2400 8E1, answers after 20 to 60 ms");
    println!("{:>24} {:>7} {:>7} {:>8}", "numbers", "found", "frames", "s");
    let row = |name: &str, numbers: &[u64]| {
        let street = meters_645(numbers, 1, 60 * MS);
        let view = run(street, LineSettings::even(2400), SurveyProtocol::Dlt645);
        let found = format!("{}/{}", view.meters.len(), numbers.len());
        println!("{name:>24} {found:>7} {:>7} {:>8.1}", view.frames, seconds(&view));
    };
    for seed in 1..=8 {
        row(&format!("random, seed {seed}"), &random_numbers(seed, 32));
    }
    row("one after the other", &(0..32).map(|n| 201_400_005_600 + n).collect::<Vec<_>>());
    row("same two low digits", &(0..32).map(|n| 42 + n * 100).collect::<Vec<_>>());
}

fn unheard() {
    println!("one slow Modbus meter alone, turnaround 1 to 500 ms in steps of 1 ms: unheard");
    for (name, refuses) in [("answers", false), ("refuses everything", true)] {
        let missed = (1..=500).filter(|turnaround| {
            let meter = Modbus { refuses, ..Modbus::new(120, *turnaround * MS) };
            let street = Street { modbus: vec![meter], ..Street::default() };
            run(street, LineSettings::plain(9600), SurveyProtocol::Modbus).meters.is_empty()
        });
        println!("{name:>20}: {} of 500", missed.count());
    }
}

fn survey_bench(criterion: &mut Criterion) {
    empty_lines();
    numbers();
    unheard();
    let numbers = random_numbers(1, 32);
    criterion.bench_function("32 unknown numbers, simulated", |bencher| {
        bencher.iter(|| {
            let street = meters_645(&numbers, 1, 60 * MS);
            run(street, LineSettings::even(2400), SurveyProtocol::Dlt645)
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = survey_bench
}
criterion_main!(benches);
