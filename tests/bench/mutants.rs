//! Millions of spoiled documents: none may be accepted, none may panic, and the strict scan must
//! agree with another definition of canonical (`serde_cbor` reads it and writes the same bytes).
//!
//! `cargo bench --bench mutants -- --mutants 10000000 --seed 1`; without arguments 200,000. One
//! seed makes the same mutants everywhere. Ends with an error if a single one passed.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // it stops where it must

#[path = "../../tokens/tests/make/mod.rs"]
mod make;
#[path = "mutants/rng.rs"]
mod rng;
#[path = "mutants/spoil.rs"]
mod spoil;
#[path = "mutants/tree.rs"]
mod tree;

use make::{Check, TENANT, every_document};
use meterkit_tokens::canonical::{Limits, scan};
use meterkit_tokens::{Grant, Keyset, Override, RechargeToken, Status, TokenError};
use rng::Rng;
use serde_cbor::Value as Codec;
use spoil::{Original, WAYS};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

const THREADS: u64 = 2;
/// As deep as the deepest document.
const DEPTH: usize = 8;

struct Kind {
    name: String,
    original: Original,
    check: Check,
}

/// What became of the mutants of one type or one way.
#[derive(Clone, Default)]
struct Tally {
    mutants: u64,
    /// Came out as they were, or as another original.
    unchanged: u64,
    /// By the stage that refused: [`STAGES`].
    refused: [u64; STAGES.len()],
    accepted: u64,
    panics: u64,
    disagreed: u64,
}

const STAGES: [&str; 6] = ["form", "type", "key", "signature", "claims", "root"];

fn stage(error: &TokenError) -> usize {
    match error.code() {
        "size" | "canonical" | "shape" | "header" => 0,
        "typ" | "alg" => 1,
        "kid" | "key" | "key-typ" | "key-expired" | "key-revoked" | "key-amount" => 2,
        "signature" => 3,
        "root" => 5,
        _ => 4,
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.mutants += other.mutants;
        self.unchanged += other.unchanged;
        self.accepted += other.accepted;
        self.panics += other.panics;
        self.disagreed += other.disagreed;
        self.refused.iter_mut().zip(other.refused).for_each(|(sum, n)| *sum += n);
    }

    fn row(&self, name: &str) -> String {
        let refused: String = self.refused.iter().map(|n| format!("{n:>10}")).collect();
        let (accepted, panics, disagreed) = (self.accepted, self.panics, self.disagreed);
        let (mutants, unchanged) = (self.mutants, self.unchanged);
        format!(
            "{name:<22}{mutants:>10}{unchanged:>10}{refused}{accepted:>9}{panics:>7}{disagreed:>10}"
        )
    }
}

fn original(bytes: Vec<u8>) -> Original {
    let mut heads = Vec::new();
    let (tree, len) = tree::read(&bytes, 0, &mut heads).expect("an original is CBOR");
    assert_eq!((len, tree::write(&tree)), (bytes.len(), bytes.clone()));
    Original { bytes, tree, heads }
}

/// Documents of every type, roots with exactly the signatures they need: with more of them a file
/// may lose one.
fn kinds() -> Vec<Kind> {
    let all = every_document(&[0, 1], &[1, 2]).into_iter();
    all.map(|(name, bytes, check)| Kind { name, original: original(bytes), check }).collect()
}

/// Others of the same types, to take parts from.
fn others() -> Vec<Original> {
    let office = make::issuer();
    let documents = [
        office.recharge(&RechargeToken { amount: 1, count: 18, ..make::golden() }),
        office.status(&Status { version: 13, ..make::status() }),
        office.grant(&Grant { role: 6, verbs: 1023, ..make::grant() }),
        office.over_ride(&Override { operator: "1043".into(), ..make::over() }),
        make::keyset_key(1).keyset(&Keyset { version: 5, ..make::keyset() }),
    ];
    documents.into_iter().map(|bytes| original(bytes.expect("a good document"))).collect()
}

/// What the other definition makes of bytes: the value, if they are canonical.
fn by_codec(bytes: &[u8]) -> Option<Codec> {
    fn plain(value: &Codec, depth: usize) -> bool {
        match value {
            Codec::Float(_) | Codec::Tag(..) => false,
            Codec::Array(items) => depth > 0 && items.iter().all(|v| plain(v, depth - 1)),
            Codec::Map(map) => {
                depth > 0 && map.iter().all(|(k, v)| plain(k, depth - 1) && plain(v, depth - 1))
            }
            _ => true,
        }
    }
    let value = serde_cbor::from_slice::<Codec>(bytes).ok()?;
    let same = serde_cbor::to_vec(&value).is_ok_and(|again| again == bytes);
    (same && plain(&value, DEPTH)).then_some(value)
}

/// Scan and codec agree on these bytes, and on what the byte strings of a list hold. (The codec
/// drops tags, so the one in front of an envelope is left out.)
fn agree(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(&[0xd2]).unwrap_or(bytes);
    let ours = scan(bytes, Limits { bytes: usize::MAX, depth: DEPTH }, &[]).is_ok();
    let theirs = by_codec(bytes);
    ours == theirs.is_some()
        && match theirs {
            Some(Codec::Array(items)) => items.iter().all(|item| match item {
                Codec::Bytes(inner) => agree(inner),
                _ => true,
            }),
            _ => true,
        }
}

struct Run {
    kinds: Vec<Kind>,
    others: Vec<Original>,
    good: HashSet<Vec<u8>>,
}

impl Run {
    fn new() -> Self {
        let (kinds, others) = (kinds(), others());
        let mut good: HashSet<Vec<u8>> = HashSet::new();
        for kind in &kinds {
            assert_eq!((kind.check)(&kind.original.bytes), Ok(()), "{}", kind.name);
            good.insert(kind.original.bytes.clone());
        }
        good.extend(others.iter().map(|other| other.bytes.clone()));
        Self { kinds, others, good }
    }

    /// Any document to take from, of the same type or not.
    fn other(&self, rng: &mut Rng) -> &Original {
        let at = rng.below(self.kinds.len() + 2 * self.others.len());
        match at.checked_sub(self.kinds.len()) {
            None => &self.kinds[at].original,
            Some(at) => &self.others[at % self.others.len()],
        }
    }

    /// One mutant: tallied by its type and by its way.
    fn one(&self, rng: &mut Rng, by_kind: &mut [Tally], by_way: &mut [Tally]) {
        let (at, way) = (rng.below(self.kinds.len()), rng.below(WAYS.len()));
        let kind = &self.kinds[at];
        let mut bytes = (WAYS[way].1)(&kind.original, self.other(rng), rng);
        // Now and then a second fault on top, in the bytes.
        if rng.below(8) == 0 && !bytes.is_empty() {
            let place = rng.below(bytes.len());
            bytes[place] ^= 1 << rng.below(8);
        }
        let mut tally = Tally { mutants: 1, ..Tally::default() };
        match catch_unwind(AssertUnwindSafe(|| (kind.check)(&bytes))) {
            Err(_) => tally.panics = 1,
            Ok(_) if self.good.contains(&bytes) => tally.unchanged = 1,
            Ok(Err(error)) => tally.refused[stage(&error)] = 1,
            Ok(Ok(())) => tally.accepted = 1,
        }
        tally.disagreed = u64::from(!agree(&bytes));
        if tally.accepted + tally.panics + tally.disagreed > 0 {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            println!("FAULT: {}, {}: {hex}", kind.name, WAYS[way].0);
        }
        by_kind[at].add(&tally);
        by_way[way].add(&tally);
    }

    /// Anything at all, spoiled in one place: for the scan alone.
    fn anything(&self, rng: &mut Rng, tally: &mut Tally) {
        let mut bytes = tree::write(&tree::random(rng, 6));
        if rng.below(3) > 0 {
            let place = rng.below(bytes.len());
            bytes[place] = rng.byte();
        }
        let agreed = catch_unwind(|| agree(&bytes));
        let refused = [u64::from(scan(&bytes, Limits { bytes: 4096, depth: DEPTH }, &[]).is_err())];
        tally.mutants += 1;
        tally.refused[0] += refused[0];
        tally.unchanged += 1 - refused[0];
        tally.panics += u64::from(agreed.is_err());
        if !matches!(agreed, Ok(true)) {
            tally.disagreed += u64::from(agreed.is_ok());
            println!("FAULT: {bytes:02x?}");
        }
    }

    fn share(&self, mutants: u64, seed: u64) -> (Vec<Tally>, Vec<Tally>) {
        let mut rng = Rng(seed);
        let mut by_kind = vec![Tally::default(); self.kinds.len() + 1];
        let mut by_way = vec![Tally::default(); WAYS.len()];
        for n in 0..mutants {
            if n % 10 == 0 {
                self.anything(&mut rng, &mut by_kind[self.kinds.len()]);
            } else {
                self.one(&mut rng, &mut by_kind, &mut by_way);
            }
        }
        (by_kind, by_way)
    }
}

/// The number behind `--name`.
fn argument(name: &str, default: u64) -> u64 {
    let mut args = std::env::args().skip_while(|arg| arg != name).skip(1);
    args.next().map_or(default, |text| text.parse().expect("a number"))
}

fn main() -> ExitCode {
    let (mutants, seed) = (argument("--mutants", 200_000), argument("--seed", 1));
    let run = Run::new();
    let begin = Instant::now();
    let shares: Vec<_> = std::thread::scope(|scope| {
        let share = |at: u64| {
            let count = mutants / THREADS + u64::from(at < mutants % THREADS);
            let run = &run;
            scope.spawn(move || run.share(count, Rng(seed ^ at << 32).next()))
        };
        let threads: Vec<_> = (0..THREADS).map(share).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    });
    let seconds = begin.elapsed().as_secs_f64();
    let mut total = Tally::default();
    let mut by_kind = vec![Tally::default(); run.kinds.len() + 1];
    let mut by_way = vec![Tally::default(); WAYS.len()];
    for (kinds, ways) in &shares {
        by_kind.iter_mut().zip(kinds).for_each(|(sum, tally)| sum.add(tally));
        by_way.iter_mut().zip(ways).for_each(|(sum, tally)| sum.add(tally));
    }
    by_kind.iter().for_each(|tally| total.add(tally));
    let stages: String = STAGES.iter().map(|stage| format!("{stage:>10}")).collect();
    let line = |first: &str| {
        format!(
            "{first:<22}{:>10}{:>10}{stages}{:>9}{:>7}{:>10}",
            "mutants", "as it was", "accepted", "panics", "disagreed"
        )
    };
    println!("{mutants} mutants of tenant {TENANT}, seed {seed}, {seconds:.1} s");
    println!("refused by:\n{}", line("type"));
    let names = run.kinds.iter().map(|kind| kind.name.as_str()).chain(["any CBOR (scan only)"]);
    names.zip(&by_kind).for_each(|(name, tally)| println!("{}", tally.row(name)));
    println!("{}", line("mutation"));
    WAYS.iter().zip(&by_way).for_each(|((name, _), tally)| println!("{}", tally.row(name)));
    println!("{}", total.row("all"));
    let faults = total.accepted + total.panics + total.disagreed;
    println!("{faults} accepted, panicked or read in two ways");
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
