//! Rounds of the office told in TOML (`fixtures/stories/rounds`), from the list to the figures that
//! come back.
//!
//! A story has meters (as in a fleet file, with whose they are beside it), rounds the office makes
//! of lists as people bring them, and steps: exchanges over a line that may break, work in the
//! field, and what the office then shows. The office is the real one with its ledger, the handheld
//! has its own store; only the wires are simulated. In the end the journal must be whole and
//! nothing may wait for a person that the story does not name.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::errand::{Answer, Ask, Errand, Site, Values};
use meterkit::jobs::lines::Crew;
use meterkit::jobs::round::given::OFFICE;
use meterkit::jobs::round::{Round, type_in};
use meterkit::jobs::views::Failure;
use meterkit::jobs::{Cancel, Desk as Work, Moment, Session, check};
use meterkit::office::{NewMeter, NewRound, RoundOf, RoundPlace};
use meterkit::profile::Profiles;
use meterkit::sim::Fleet;
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::store::Store;
use meterkit::sync::{Post, SyncError};
use meterkit::transport::{Faults, Line as Wires, LineSettings, Link, VirtualLink};
use meterkit::units::{Energy, PurchaseCount, TokenId, UnixSeconds, WorkId};
use serde::Deserialize;

use super::errand_spec::{MeterSpec, RowSpec, fen, no};
use super::errands::said;
use crate::office::desk::{Desk, Handheld, NOW, device, operator, store_key};

/// Who reads.
const READER: &str = "li";
/// Exchanges after which a line that breaks has brought all there is.
const EXCHANGES: u32 = 12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    name: String,
    meter: Vec<MeterSpec>,
    step: Vec<Step>,
    /// Classes of what is open for a person in the end.
    #[serde(default)]
    reviews: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    /// The office makes a round of a list.
    Make { round: String, list: String, days: i64, note: Option<String> },
    /// The office takes one back.
    Withdraw { round: String },
    /// Exchanges until one comes to its end; each line carries `requests`, then it breaks.
    Sync { requests: Option<u32>, rounds: u32 },
    /// The errand is begun.
    Begin { round: String, code: Option<String> },
    /// It is gone on with, with answers as in the stories of errands.
    Go {
        #[serde(default)]
        answers: Vec<String>,
        asks: Option<String>,
        #[serde(default)]
        done: bool,
        #[serde(default)]
        rows: Vec<RowSpec>,
    },
    /// A person's figure.
    TypeIn { meter: String, energy: String, reason: String, code: Option<String> },
    /// A meter dies or answers again; somebody puts it into keep-power, or takes it out.
    Meter { no: String, dead: Option<bool>, keep_power: Option<bool> },
    /// Time goes by.
    Pass { hours: i64 },
    /// The program is started anew.
    Restart,
    /// What the office lists as left in keep-power: `METER WHY`.
    Kept { meters: Vec<String> },
    /// What the office shows of a round.
    Office {
        round: String,
        state: String,
        #[serde(default)]
        withdrawn: bool,
        places: Vec<PlaceSpec>,
    },
}

/// A meter of a round, as the office shows it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceSpec {
    meter: String,
    state: String,
    energy: Option<String>,
    /// What is odd: its name, what was expected and what was found.
    #[serde(default)]
    odd: Vec<[String; 3]>,
    #[serde(default)]
    why: String,
    #[serde(default)]
    by: String,
}

impl PlaceSpec {
    fn check(&self, place: &RoundPlace, at: &str) {
        let (state, why, by) = (place.state.name(), place.why.as_str(), place.by.as_str());
        let wanted = (self.state.as_str(), self.why.as_str(), self.by.as_str());
        assert_eq!((state, why, by), wanted, "{at}: {place:#?}");
        assert_eq!(place.energy, self.energy.as_deref().map(fen), "{at}: {place:#?}");
        let odd = place.odd.iter().map(|odd| [&odd.kind, &odd.was, &odd.is].map(String::clone));
        assert_eq!(odd.collect::<Vec<_>>(), self.odd, "{at}");
        assert_eq!(place.at.is_some(), self.state != "missing", "{at}");
    }
}

struct Told {
    desk: Desk,
    handheld: Handheld,
    fleet: SharedFleet,
    rounds: BTreeMap<String, TokenId>,
    work: Option<WorkId>,
    ask: Ask,
}

impl Told {
    fn begin(story: &Story) -> Self {
        let meters = story.meter.iter().map(|meter| toml::Value::Table(meter.own.clone()));
        let mut file = toml::Table::new();
        file.insert("seed".to_owned(), toml::Value::Integer(1));
        // Their clocks are right.
        let start = jiff::Timestamp::from_second(NOW).unwrap().strftime("%Y-%m-%dT%H:%M:%S");
        file.insert("start".to_owned(), toml::Value::String(start.to_string()));
        file.insert("meter".to_owned(), toml::Value::Array(meters.collect()));
        let fleet = Fleet::from_toml(&file.to_string()).unwrap();
        let desk = Desk::new();
        let listed = story.meter.iter().zip(fleet.meters()).map(|(spec, own)| {
            let account = own.account().unwrap();
            let new = NewMeter::new(own.number(), account, &spec.customer, "B2 1203");
            NewMeter { count: PurchaseCount(own.count()), ..new }
        });
        let listed: Vec<_> = listed.collect();
        desk.local.wait(desk.office().add_meters(&listed)).unwrap();
        let handheld = desk.handheld("hh-1");
        let fleet = FleetStation::new(fleet).fleet();
        Self { desk, handheld, fleet, rounds: BTreeMap::new(), work: None, ask: Ask::Nothing }
    }

    fn field<T>(&self, work: impl FnOnce(&Site<'_>) -> T) -> T {
        let store = &self.handheld.store;
        let now = UnixSeconds(self.handheld.clock.load(Ordering::Relaxed));
        let session = Session::begin(store, operator(READER), 0, Moment { at: now, boot_ms: 0 });
        let accepted = meterkit::jobs::proven::Accepted::default();
        let desk =
            Work { store, session: &session, max_life_s: check::MAX_LIFE_S, accepted: &accepted };
        let open = |_: Option<&str>, _: &LineSettings| -> Result<Box<dyn Link>, Failure> {
            let station = FleetStation::sharing(self.fleet.clone());
            let wires = Wires::new(LineSettings::default(), Faults::NONE);
            Ok(Box::new(VirtualLink::new(station, wires)))
        };
        let (clock, cancel) = (TickClock { base: now, offset_s: 0 }, Cancel::default());
        let crew =
            Crew { open: &open, settings: None, clock: &clock, cancel: &cancel, secret: None };
        work(&Site {
            desk: &desk,
            crew: &crew,
            profiles: &Profiles::built_in(),
            wished: None,
            chosen: Some("a"),
            forced: None,
            password: None,
        })
    }

    fn step(&mut self, step: &Step, at: &str) {
        let office = self.desk.office();
        let code = |result: &Result<(), Failure>| {
            result.as_ref().err().map(|failure| failure.code.as_str().to_owned())
        };
        match step {
            Step::Make { round, list, days, note } => {
                let new = NewRound {
                    device: device("hh-1"),
                    name: round.clone(),
                    note: note.clone().unwrap_or_default(),
                    of: RoundOf::File(list.clone().into_bytes()),
                    due: None,
                    days: *days,
                };
                let (made, _) = self.desk.local.wait(office.new_round(&new)).unwrap();
                self.rounds.insert(round.clone(), made.id);
            }
            Step::Withdraw { round } => {
                self.desk.local.wait(office.withdraw_round(self.rounds[round])).unwrap();
            }
            Step::Sync { requests, rounds } => self.sync(*requests, *rounds, at),
            Step::Begin { round, code: wanted } => {
                let values = Values::default().with(OFFICE, round).with("round-pause", "0");
                let begun = self.field(|site| Round.begin(site, &values));
                self.work = begun.as_ref().ok().copied().or(self.work);
                assert_eq!(code(&begun.map(drop)), *wanted, "{at}");
            }
            Step::Go { answers, asks, done, rows } => {
                let work = self.work.unwrap();
                let mut answers = answers.iter();
                let mut sheet = None;
                loop {
                    let told = answers.len() > 0 && self.ask != Ask::Nothing;
                    let answer = match told {
                        true => said(self.ask, answers.next().unwrap(), at),
                        false if sheet.is_some() => break,
                        false => Answer::None,
                    };
                    let shown = self.field(|site| Round.advance(site, work, &answer, &mut |_| {}));
                    let shown = shown.unwrap();
                    self.ask = if shown.done { Ask::Nothing } else { shown.ask };
                    sheet = Some(shown);
                }
                let sheet = sheet.unwrap();
                let asked = match self.ask {
                    Ask::Choice(name, _) | Ask::Enter(name, _) | Ask::Go(name) => Some(name),
                    _ => None,
                };
                assert_eq!(answers.len(), 0, "{at}: answers nobody asked for");
                assert_eq!((asked, sheet.done), (asks.as_deref(), *done), "{at}: {sheet:#?}");
                rows.iter().for_each(|row| row.check(&sheet, at));
            }
            Step::TypeIn { meter, energy, reason, code: wanted } => {
                let (store, stamp) = (&self.handheld.store, self.handheld.stamp());
                let figure = (no(meter), Energy(fen(energy)));
                let typed = type_in(store, &stamp, self.work.unwrap(), figure, reason);
                assert_eq!(code(&typed.map(drop)), *wanted, "{at}");
            }
            Step::Meter { no: meter, dead, keep_power } => {
                let mut fleet = self.fleet.lock().unwrap();
                let meter = fleet.meter_mut(no(meter)).unwrap();
                if let Some(dead) = dead {
                    meter.set_dead(*dead);
                }
                if let Some(on) = keep_power {
                    meter.set_keep_power(*on);
                }
            }
            Step::Pass { hours } => {
                let now = self.desk.clock.fetch_add(hours * 3_600, Ordering::Relaxed);
                let passed = u64::try_from(now + hours * 3_600 - NOW).unwrap();
                self.fleet.lock().unwrap().advance(Duration::from_secs(passed));
            }
            Step::Restart => self.restart(),
            Step::Kept { meters } => {
                let kept = self.desk.local.wait(office.kept()).unwrap();
                let kept = kept.iter().map(|row| format!("{} {}", row.meter, row.note));
                assert_eq!(kept.collect::<Vec<_>>(), *meters, "{at}");
            }
            Step::Office { round, state, withdrawn, places } => {
                let shown = self.desk.local.wait(office.round(self.rounds[round])).unwrap();
                assert_eq!((shown.state.name(), shown.info.withdrawn), (&state[..], *withdrawn));
                let meters: Vec<_> = shown.places.iter().map(|place| place.line.meter).collect();
                let wanted: Vec<_> = places.iter().map(|place| no(&place.meter)).collect();
                assert_eq!(meters, wanted, "{at}: all of the list, in its order");
                for (place, wanted) in shown.places.iter().zip(places) {
                    wanted.check(place, at);
                }
            }
        }
    }

    /// Exchanges over a line that breaks after so many requests, until one came to its end.
    fn sync(&self, requests: Option<u32>, rounds: u32, at: &str) {
        let (post, mut came) = (self.desk.post(), 0);
        for nth in 0..EXCHANGES {
            let left = Cell::new(requests.map(|requests| requests + nth));
            let line = |path: &str, body: &[u8]| {
                match left.get() {
                    Some(0) => return Err(SyncError::Timeout),
                    some => left.set(some.map(|left| left - 1)),
                }
                post.post(path, body)
            };
            let before = self.handheld.store.rounds().len();
            let done = self.handheld.sync(&line);
            came += self.handheld.store.rounds().len() - before;
            if done.is_ok() {
                assert!(requests.is_none() || nth > 0, "{at}: the line never broke");
                assert_eq!(came, rounds as usize, "{at}");
                return;
            }
        }
        panic!("{at}: the exchange never ends");
    }

    fn restart(&mut self) {
        self.ask = Ask::Nothing;
        // A store has one owner at a time: the old one goes before the new one comes.
        let spare = self.handheld.copy();
        let Handheld { store, clock, dir } = std::mem::replace(&mut self.handheld, spare);
        drop(store);
        let (store, _) = Store::open(dir.path(), &store_key()).unwrap();
        self.handheld = Handheld { store, clock, dir };
    }
}

fn tell(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let story: Story =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut told = Told::begin(&story);
    for (number, step) in story.step.iter().enumerate() {
        told.step(step, &format!("{}, step {}", story.name, number + 1));
    }
    told.handheld.store.verify().unwrap();
    assert_eq!(told.desk.open_classes(), story.reviews, "{}", story.name);
}

#[test]
fn every_round_of_the_office_ends_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories/rounds");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    files.iter().for_each(|file| tell(file));
}
