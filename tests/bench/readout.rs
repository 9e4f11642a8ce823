//! Reading 32 meters of a line against the wire, in virtual time, beside the floor of
//! `reference/other-meters.md` 6; lines side by side; and what it costs this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a bench may

#[path = "../it/readout/cost.rs"]
mod cost;

use criterion::{Criterion, criterion_group, criterion_main};

fn readout(criterion: &mut Criterion) {
    println!("32 meters on one line, virtual time");
    println!("{:<26} {:>6} {:>11} {:>9} {:>6}", "", "baud", "measured s", "floor s", "%");
    for (case, name) in cost::CASES {
        for baud in [2400, 9600, 19_200] {
            let cost = cost::one_line(case, baud);
            let part = cost.efficiency() as f64 / 100.0;
            let (took, floor) = (cost.took.as_secs_f64(), cost.floor.as_secs_f64());
            println!("{name:<26} {baud:>6} {took:>11.3} {floor:>9.3} {part:>6.2}");
        }
    }
    for (case, name) in cost::CASES {
        for ports in [2, 8] {
            let (summary, threads) = cost::many_lines(case, 9600, ports);
            let gain = summary.altogether().as_secs_f64() / summary.slowest().as_secs_f64();
            println!("{name:<26} {ports} ports, {threads} threads: {gain:.2} times as fast");
        }
    }
    criterion.bench_function("32 Modbus meters, one block, simulated", |bencher| {
        bencher.iter(|| cost::one_line(cost::Case::Block, 9600));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = readout
}
criterion_main!(benches);
