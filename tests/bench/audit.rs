//! What an audit of a year costs: 100,000 journal entries, 20,000 tokens, all twelve checks.
//!
//! `cargo bench --bench audit`. Printed beside it is the floor: the same signatures checked and
//! nothing else. The limit is 3 s of CPU; ends with a failure above it.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a bench that cannot go on stops

#[path = "../it/audit/estate.rs"]
#[allow(dead_code)]
mod estate;
#[path = "../it/audit/make.rs"]
#[allow(dead_code)]
mod make;

use estate::Plan;
use make::{Meter, TENANT, keyset, reading};
use meterkit::jobs::audit::files::documents;
use meterkit::jobs::audit::{self, Files, Options};
use meterkit_tokens::{DocType, Keyring};
use std::hint::black_box;
use std::time::Instant;

/// Entries in the year.
const ENTRIES: usize = 100_000;
/// What an audit of it may take, seconds of CPU.
const LIMIT_S: f64 = 3.0;
/// Times each is measured; the median counts.
const ROUNDS: usize = 5;

/// Every signature once, on one thread.
fn signatures(plan: &Plan, files: &Files) -> usize {
    let office = keyset(1, &[20, 21]).keyring();
    let mut count = 0;
    let mut check = |bytes: &[u8], kind: DocType, ring: &Keyring| {
        black_box(meterkit_tokens::verify(bytes, kind, TENANT, ring, None).expect("a signature"));
        count += 1;
    };
    for doc in files.tokens.iter().take(1).flat_map(documents) {
        check(doc.bytes, DocType::Recharge, &office);
    }
    for doc in files.receipts.iter().flat_map(|(_, raw)| raw).flat_map(documents) {
        check(doc.bytes, DocType::Receipt, &office);
    }
    for (handheld, (_, raw)) in plan.handhelds.iter().zip(&files.journals) {
        let ring = Keyring::device(handheld.key.public());
        raw.iter().flat_map(documents).for_each(|doc| check(doc.bytes, DocType::Pack, &ring));
    }
    count
}

/// Wall clock and CPU of all threads, each the median: on a busy machine only the second says
/// what the work costs.
fn median(mut work: impl FnMut()) -> (f64, f64) {
    let mut times: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let (began, cpu) = (Instant::now(), cpu());
            work();
            (began.elapsed().as_secs_f64(), self::cpu() - cpu)
        })
        .collect();
    let mut middle = |by: fn(&(f64, f64)) -> f64| {
        times.sort_unstable_by(|a, b| by(a).total_cmp(&by(b)));
        by(&times[ROUNDS / 2])
    };
    (middle(|time| time.0), middle(|time| time.1))
}

/// CPU time of the process so far, seconds.
fn cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Adds readings until there are so many more entries.
fn fill(plan: &mut Plan, entries: usize) {
    let each = entries.div_ceil(plan.handhelds.len());
    for (number, own) in (1..).zip(&mut plan.handhelds) {
        let out = own.entries.pop().expect("a log-out");
        let meter = Meter::new(1_000_000 * number + 900_000);
        for at in 0..each as i64 {
            own.add(out.0 + at, &out.1, reading(&meter, out.0 + at));
        }
        own.add(out.0 + each as i64, &out.1, out.2);
    }
}

fn main() {
    // 10 handhelds, 100 meters each, 19 recharges a meter and a token to spare; else readings.
    let mut plan = Plan::clean(10, 100, 19);
    let have: usize = plan.handhelds.iter().map(|own| own.entries.len()).sum();
    fill(&mut plan, ENTRIES.saturating_sub(have));
    let files = plan.files();
    let entries: usize = plan.handhelds.iter().map(|own| own.entries.len()).sum();
    println!("{entries} entries, {} tokens, {} bytes", plan.tokens.len(), files.size().1);
    let options = Options::new(plan.root_hash().parse().expect("a hash"));
    let alone = Options { threads: 1, ..options.clone() };
    let verdict = audit::audit(&files, &options).expect("an audit");
    assert!(verdict.holds, "{:#?}", verdict.findings.list());
    let whole = median(|| drop(black_box(audit::audit(&files, &options))));
    let single = median(|| drop(black_box(audit::audit(&files, &alone))));
    let mut count = 0;
    let floor = median(|| count = signatures(&plan, &files));
    let line = |name: &str, time: (f64, f64)| {
        println!("{name:<34} {:6.2} s wall {:6.2} s CPU", time.0, time.1);
    };
    line(&format!("audit, {} threads", options.threads), whole);
    line("audit, 1 thread", single);
    line(&format!("{count} signatures alone, 1 thread"), floor);
    println!("signatures: {:.0} % of the audit's CPU", floor.1 / single.1 * 100.0);
    assert!(single.1 < LIMIT_S, "over {LIMIT_S} s of CPU");
}
