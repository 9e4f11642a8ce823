//! Kill test: the real binary, recharging simulated meters over TCP, is killed with SIGKILL again
//! and again at moments nobody chose, and started again.
//!
//! Afterwards every token is in its meter at most once, every accepted outcome is in the meter,
//! every entry that was said to be on disk is there, and no meter is left without a way forward.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use meterkit::jobs::tokens;
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::sim::{Fleet, Meter, MeterSetup};
use meterkit::store::{Event, Store, TokenState};
use meterkit::transport::{Bus, Server};
use meterkit::units::{AccountNo, MeterNo, Outcome, TokenId};
use meterkit_tokens::RechargeToken;
use serde_json::Value;

use crate::support::home::Home;
use crate::support::{self, Desk};

/// How often the program is killed.
const KILLS: usize = 500;
/// Meters on the line.
const METERS: usize = 25;
/// Tokens of each meter, one step after the other.
const CHAIN: u32 = 30;
/// Uninterrupted runs that tell how long one takes here.
const CALIBRATION: usize = 5;
/// Rounds of "what happened?" at the end; a meter that answers needs one.
const RECOVERY: usize = 3;
/// The steps start here.
const COUNT: u32 = 7;

fn meter_no(at: usize) -> MeterNo {
    format!("{}", 4_100 + at).parse().unwrap()
}

fn account_no(at: usize) -> AccountNo {
    format!("{}", 880_000 + at).parse().unwrap()
}

fn amount(at: usize, step: u32) -> i64 {
    // All different within a meter, so that a credit can be told from another.
    1_000 + i64::try_from(at).unwrap() + 100 * i64::from(step)
}

fn token_id(at: usize, step: u32) -> TokenId {
    let mut id = [0u8; 16];
    id[7] = 0x70;
    id[12..14].copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
    id[14..].copy_from_slice(&u16::try_from(step).unwrap().to_be_bytes());
    TokenId(id)
}

fn fleet() -> Fleet {
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    let meters = (0..METERS).map(|at| {
        let setup = MeterSetup::opened(meter_no(at), account_no(at), 5_000, COUNT);
        Meter::new(setup, start, at as u64)
    });
    Fleet::new(meters.collect())
}

/// A home whose store has all tokens in it, as after a sync.
fn prepare() -> Home {
    let office = Desk::new();
    let home = Home::new(&office);
    let store = home.store();
    for at in 0..METERS {
        for step in 0..CHAIN {
            let token = RechargeToken {
                id: token_id(at, step).0,
                ..office.token(meter_no(at), account_no(at), COUNT + step, amount(at, step))
            };
            let done = tokens::import_bytes(&store, &support::stamp(), &office.sign(&token));
            assert_eq!(done.taken.len(), 1, "{:?}", done.refused);
        }
    }
    drop(store);
    home
}

struct Field {
    home: Home,
    port: String,
    fleet: SharedFleet,
    _server: Server<FleetStation>,
}

impl Field {
    fn new() -> Self {
        let home = prepare();
        let station = FleetStation::new(fleet());
        let fleet = station.fleet();
        let server = Server::on_tcp(Bus::unpaced(station), "127.0.0.1:0".parse().unwrap()).unwrap();
        Self { home, port: server.endpoint().to_string(), fleet, _server: server }
    }

    fn start(&self, meter: MeterNo, resolve: bool) -> Child {
        let mut command = self.home.command();
        let face = meter.to_string();
        command.args(["--port", &self.port]);
        command.args(["--json", "--no-input", "recharge", "--meter", &face]);
        match resolve {
            true => command.arg("--resolve"),
            false => command.args(["--confirm", &face[8..]]),
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Lets it run to its end; its exit status and what it said.
    fn finish(&self, meter: MeterNo, resolve: bool) -> (i32, Vec<Value>) {
        let mut child = self.start(meter, resolve);
        let said = said(&mut child);
        (child.wait().unwrap().code().unwrap(), said)
    }

    /// Kills it after `delay`; what it had said by then.
    fn kill(&self, meter: MeterNo, resolve: bool, delay: Duration) -> (bool, Vec<Value>) {
        let mut child = self.start(meter, resolve);
        // The moment of the kill is what this test is about; nothing waits for a result here.
        std::thread::sleep(delay);
        child.kill().unwrap();
        let said = said(&mut child);
        (child.wait().unwrap().code().is_none(), said)
    }
}

/// Whole JSON lines only: the last one may be cut by the kill.
fn said(child: &mut Child) -> Vec<Value> {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What a run said that must be true for ever after.
#[derive(Default)]
struct Promises {
    /// Outcomes said to be journaled: entry -> (token, outcome).
    outcomes: BTreeMap<u64, (String, String)>,
    /// Tokens of which "sending" was said: their intent is on disk.
    intents: BTreeSet<String>,
}

impl Promises {
    fn note(&mut self, said: &[Value]) {
        let mut token = None;
        for line in said {
            if let Some(id) = line["preflight"]["token"]["token"].as_str() {
                token = Some(id.to_owned());
            }
            if line["stage"] == "sending" {
                self.intents.extend(token.clone());
            }
            let finished = &line["finished"];
            if let Some(seq) = finished["journal_seq"].as_u64() {
                let text = |key: &str| finished[key].as_str().unwrap().to_owned();
                self.outcomes.insert(seq, (text("token"), text("outcome")));
            }
        }
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused => "refused",
        Outcome::Unknown => "unknown",
    }
}

#[test]
fn killed_at_any_moment_no_credit_is_doubled_or_lost() {
    let field = Field::new();
    let mut promises = Promises::default();
    let mut times = Vec::new();
    for at in 0..CALIBRATION {
        let begin = Instant::now();
        let (status, said) = field.finish(meter_no(at), false);
        assert_eq!(status, 0, "{said:?}");
        times.push(begin.elapsed());
        promises.note(&said);
    }
    times.sort();
    let span = u64::try_from(times[CALIBRATION / 2].as_micros()).unwrap().max(1);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let (mut killed, mut rounds) = (0, 0);
    while killed < KILLS {
        // xorshift64: any spread will do, the scheduler adds its own.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let meter = meter_no(rounds % METERS);
        // After a kill the next visit asks what happened; that is killed as well.
        let resolve = (rounds / METERS) % 2 == 1;
        let (was_killed, said) = field.kill(meter, resolve, Duration::from_micros(random % span));
        killed += usize::from(was_killed);
        promises.note(&said);
        rounds += 1;
        assert!(rounds < KILLS * 4, "runs end before they can be killed: {killed} of {rounds}");
    }
    println!("{killed} killed, {} ended before the kill", rounds - killed);
    recover(&field, &mut promises);
    check(&field, &promises);
}

/// What an operator does: asks every meter what happened, then goes on recharging.
fn recover(field: &Field, promises: &mut Promises) {
    for _ in 0..RECOVERY {
        for at in 0..METERS {
            let (status, said) = field.finish(meter_no(at), true);
            promises.note(&said);
            // 0 found accepted, 1 found refused or nothing open.
            assert!(matches!(status, 0 | 1), "{}: {status} {said:?}", meter_no(at));
        }
    }
    for at in 0..METERS {
        let (status, said) = field.finish(meter_no(at), false);
        promises.note(&said);
        assert_eq!(status, 0, "{} must go on: {said:?}", meter_no(at));
    }
}

fn check(field: &Field, promises: &Promises) {
    let store = field.home.store();
    store.money_allowed().unwrap();
    store.verify().unwrap();
    assert!(store.open_intents().is_empty());
    let fleet = field.fleet.lock().unwrap();
    fleet.audit().unwrap();
    let mut booked = BTreeMap::new();
    for meter in fleet.meters() {
        for booking in meter.bookings() {
            *booked.entry((meter.number(), booking.count, booking.amount)).or_insert(0) += 1;
        }
    }
    let mut accepted = 0;
    for at in 0..METERS {
        for step in 0..CHAIN {
            let row = store.token(token_id(at, step)).unwrap();
            let times = booked
                .get(&(meter_no(at), COUNT + step + 1, amount(at, step)))
                .copied()
                .unwrap_or(0);
            let should = usize::from(row.state == TokenState::Accepted);
            assert_eq!(times, should, "token {} is {:?}", row.facts.id, row.state);
            accepted += should;
        }
    }
    assert_eq!(accepted, booked.len(), "every booking belongs to an accepted token");
    kept(&store, promises);
    println!("{accepted} tokens in the meters, {} promises kept", promises.outcomes.len());
}

/// Everything that was said to be on disk is there.
fn kept(store: &Store, promises: &Promises) {
    let mut intents = BTreeSet::new();
    let mut outcomes = BTreeMap::new();
    let mut from = 1;
    loop {
        let page = store.events(from, 1_000);
        let Some(last) = page.last() else { break };
        from = last.seq + 1;
        for entry in page {
            match entry.event {
                Event::Intent { facts, .. } => {
                    intents.insert(facts.token.to_string());
                }
                Event::Outcome { token, judgement, .. } => {
                    let name = outcome_name(judgement.decision.outcome()).to_owned();
                    outcomes.insert(entry.seq, (token.to_string(), name));
                }
                _ => {}
            }
        }
    }
    assert!(promises.intents.is_subset(&intents), "an intent that was said to be kept is gone");
    for (seq, promised) in &promises.outcomes {
        assert_eq!(outcomes.get(seq), Some(promised), "entry {seq}");
    }
    assert!(!promises.intents.is_empty() && !promises.outcomes.is_empty());
}
