//! Start, log-in and first screen of the real binary, on a full store, in a real terminal.
//!
//! 100,000 meters, 10,000 tokens, 50,000 journal events, the shipped cost of a PIN. Prints the time
//! from spawn to the log-in screen, from Enter behind the PIN to the first screen with its figures,
//! and the resident memory then; beside them the time of a program that does nothing
//! (`meterkit --version`) and that of the PIN's key derivation alone.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a bench that cannot go on stops

#[path = "../it/support/population.rs"]
mod population;

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use meterkit::store::vault::{Cost, SecretPlace, SystemBoot, Vault};
use meterkit::store::{Identity, StoreKey};
use meterkit::units::OperatorId;
use population::{BIG, Population};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use secrecy::SecretString;

const ROUNDS: usize = 15;
/// No start takes this long; it only ends a hanging one.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who logs in, and with what.
const OPERATOR: &str = "1001";
const PIN: &str = "73915846";
/// What the log-in to the first screen may take (the issue's bound, on the machine it names).
const BUDGET: Duration = Duration::from_millis(400);

struct Start {
    screen: Duration,
    log_in: Duration,
    resident_kb: u64,
}

fn main() {
    let home = tempfile::tempdir().expect("a folder for the store");
    let store = home.path().join("store");
    let place = SecretPlace::File(home.path().join("device-secret"));
    let key = vault(&store, &place);
    population::populate(&store, identity(), &key, BIG);
    let config = format!(
        "operator = \"{OPERATOR}\"\ndevice_secret = \"{}\"\n",
        home.path().join("device-secret").display()
    );
    std::fs::write(home.path().join("config.toml"), config).expect("a configuration");
    // The first open flushes what the population left in memory; it is not measured.
    start(home.path());
    let starts: Vec<Start> = (0..ROUNDS).map(|_| start(home.path())).collect();
    let floor = median((0..ROUNDS).map(|_| bare()).collect());
    let pin = median((0..ROUNDS).map(|_| unlock(&store, &place)).collect());
    let screen = median(starts.iter().map(|s| s.screen).collect());
    let log_in = median(starts.iter().map(|s| s.log_in).collect());
    let resident = starts.iter().map(|s| s.resident_kb).max().unwrap_or(0);
    let Population { meters, tokens, events } = BIG;
    println!("{meters} meters, {tokens} tokens, {events} events; median of {ROUNDS} starts");
    println!("  bare process start     {:>8.1} ms", ms(floor));
    println!("  log-in screen          {:>8.1} ms", ms(screen));
    println!("  the PIN alone          {:>8.1} ms", ms(pin));
    println!("  log-in to first screen {:>8.1} ms of {:.0}", ms(log_in), ms(BUDGET));
    println!("  resident memory, worst {:>8.1} MB", resident as f64 / 1024.0);
}

fn operator() -> OperatorId {
    OPERATOR.parse().expect("an id")
}

/// A vault with one PIN at the shipped cost.
fn vault(store: &Path, place: &SecretPlace) -> StoreKey {
    let device = "hh-bench".parse().expect("a name");
    let (vault, key) = Vault::create(store, &device, place, Cost::FIELD).expect("a vault");
    vault.set_pin(&key, &operator(), &SecretString::from(PIN), false).expect("a PIN");
    key
}

/// The time of the PIN alone: try counted, key derived, slot opened.
fn unlock(store: &Path, place: &SecretPlace) -> Duration {
    let vault = Vault::open(store, place).expect("the vault");
    let begin = Instant::now();
    vault.unlock(&operator(), &SecretString::from(PIN), &SystemBoot).expect("the PIN");
    begin.elapsed()
}

/// Of nobody in particular: starting verifies no document.
fn identity() -> Identity {
    Identity {
        tenant: "bench".to_owned(),
        device: "hh-bench".parse().expect("a name"),
        device_seed: [1; 32],
        office_url: "http://127.0.0.1:9".to_owned(),
        root_hash: [0; 32],
        roots: Vec::new(),
        keyset: Vec::new(),
        ca: Vec::new(),
        pins: Vec::new(),
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
    let mut writer = pty.master.take_writer().expect("a writer");
    let mut child = pty.slave.spawn_command(command).expect("meterkit starts");
    let cells = |n| NonZero::new(n).expect("not zero");
    let mut terminal = vt100::Parser::new(cells(24), cells(80), 0);
    let (mut screen, mut entered, mut log_in) = (None, None, None);
    while log_in.is_none() {
        let left = PATIENCE.saturating_sub(begin.elapsed());
        let bytes = receiver.recv_timeout(left).expect("the screen appears");
        terminal.process(&bytes);
        let shown = terminal.screen().contents();
        // The handheld's name stands on the log-in screen once the engine has spoken.
        if screen.is_none() && shown.contains("PIN") && shown.contains("hh-bench") {
            screen = Some(begin.elapsed());
            writer.write_all(PIN.as_bytes()).expect("keys are taken");
            writer.write_all(b"\r").expect("keys are taken");
            entered = Some(Instant::now());
        }
        if shown.contains(&BIG.meters.to_string()) {
            log_in = entered.map(|at| at.elapsed());
        }
    }
    let resident_kb = resident(child.process_id().expect("a process id"));
    child.kill().expect("meterkit can be ended");
    child.wait().expect("meterkit ends");
    Start {
        screen: screen.expect("seen before the figures"),
        log_in: log_in.expect("seen"),
        resident_kb,
    }
}

fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}
