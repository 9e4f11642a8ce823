//! The quick read against the wire: what it takes on the line, in virtual time, beside the least
//! any program could take; and what it costs this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a bench may

#[path = "../it/stories/site.rs"]
mod site;

use criterion::{Criterion, criterion_group, criterion_main};

fn quick_read(criterion: &mut Criterion) {
    println!("quick read, nine items, virtual time");
    println!("{:>6} {:>12} {:>12} {:>8}", "baud", "measured ms", "floor ms", "over %");
    for baud in [1200, 2400, 9600] {
        let cost = site::quick_read_cost(baud);
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
        let over = cost.over() as f64 / 100.0;
        println!("{:>6} {:>12.1} {:>12.1} {over:>8.2}", cost.baud, ms(cost.took), ms(cost.floor));
    }
    criterion.bench_function("quick read, simulated line and meter", |bencher| {
        bencher.iter(|| site::quick_read_cost(9600));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = quick_read
}
criterion_main!(benches);
