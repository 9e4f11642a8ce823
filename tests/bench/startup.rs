//! Start to first screen of the real binary, on a full store, in a real terminal.
//!
//! 100,000 meters, 10,000 tokens, 50,000 journal events. Prints the time from spawn to the first
//! drawn screen and to the figures on it, and the resident memory then, beside the time the same
//! machine needs to start a program that does nothing (`meterkit --version`).

#![allow(clippy::expect_used, clippy::unwrap_used)] // a bench that cannot go on stops

#[path = "../it/support/population.rs"]
mod population;

use std::io::Read;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use meterkit::store::Identity;
use population::{BIG, Population};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const ROUNDS: usize = 15;
/// No start takes this long; it only ends a hanging one.
const PATIENCE: Duration = Duration::from_secs(20);

struct Start {
    screen: Duration,
    figures: Duration,
    resident_kb: u64,
}

fn main() {
    let home = tempfile::tempdir().expect("a folder for the store");
    population::populate(&home.path().join("store"), identity(), BIG);
    // The first open flushes what the population left in memory; it is not measured.
    start(home.path());
    let starts: Vec<Start> = (0..ROUNDS).map(|_| start(home.path())).collect();
    let floor = median((0..ROUNDS).map(|_| bare()).collect());
    let screen = median(starts.iter().map(|s| s.screen).collect());
    let figures = median(starts.iter().map(|s| s.figures).collect());
    let resident = starts.iter().map(|s| s.resident_kb).max().unwrap_or(0);
    let Population { meters, tokens, events } = BIG;
    println!("{meters} meters, {tokens} tokens, {events} events; median of {ROUNDS} starts");
    println!("  bare process start     {:>8.1} ms", ms(floor));
    println!("  first screen           {:>8.1} ms", ms(screen));
    println!("  screen with figures    {:>8.1} ms", ms(figures));
    println!("  resident memory, worst {:>8.1} MB", resident as f64 / 1024.0);
}

/// Of nobody in particular: starting verifies no document.
fn identity() -> Identity {
    Identity {
        tenant: "bench".to_owned(),
        device: "hh-bench".parse().expect("a name"),
        device_seed: [1; 32],
        office_url: "http://127.0.0.1:9".to_owned(),
        root_key: [0; 32],
        keyset: Vec::new(),
        epoch: 1,
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The time of a process that only starts and ends.
fn bare() -> Duration {
    let begin = Instant::now();
    let done = Command::new(env!("CARGO_BIN_EXE_meterkit")).arg("--version").output();
    assert!(done.is_ok_and(|out| out.status.success()));
    begin.elapsed()
}

fn start(home: &Path) -> Start {
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pty = native_pty_system().openpty(size).expect("a pty");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_meterkit"));
    command.args(["--home", &home.to_string_lossy(), "--lang", "en"]);
    command.env("TERM", "xterm-256color");
    let mut reader = pty.master.try_clone_reader().expect("a reader");
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    std::thread::spawn(move || {
        let mut buffer = [0u8; 8192];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    let begin = Instant::now();
    let mut child = pty.slave.spawn_command(command).expect("meterkit starts");
    let cells = |n| NonZero::new(n).expect("not zero");
    let mut terminal = vt100::Parser::new(cells(24), cells(80), 0);
    let (mut screen, mut figures) = (None, None);
    while figures.is_none() {
        let left = PATIENCE.saturating_sub(begin.elapsed());
        let bytes = receiver.recv_timeout(left).expect("the screen appears");
        terminal.process(&bytes);
        let shown = terminal.screen().contents();
        if screen.is_none() && shown.to_lowercase().contains("meterkit") {
            screen = Some(begin.elapsed());
        }
        if shown.contains(&BIG.meters.to_string()) {
            figures = Some(begin.elapsed());
        }
    }
    let resident_kb = resident(child.process_id().expect("a process id"));
    child.kill().expect("meterkit can be ended");
    child.wait().expect("meterkit ends");
    Start {
        screen: screen.expect("seen before the figures"),
        figures: figures.expect("seen"),
        resident_kb,
    }
}

fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}
