//! A handheld and a person who commissions a meter on a virtual line: asks are answered as a person
//! at the cabinet would, loads and wires included.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use meterkit::jobs::access::MeterPassword;
use meterkit::jobs::clock::TickClock;
use meterkit::jobs::commission::Commission;
use meterkit::jobs::errand::{Answer, Ask, Errand, Sheet, Site, Values};
use meterkit::jobs::lines::Crew;
use meterkit::jobs::{Cancel, Clock, Desk, Failure, Moment, Session, check, open};
use meterkit::profile::{self, Profile, Profiles};
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::sim::{Fleet, Meter, Wiring};
use meterkit::store::{Stamp, Store};
use meterkit::transport::{
    Faults, Line as Wires, LineSettings, Link, LinkError, Timing, VirtualLink,
};
use meterkit::units::{MeterNo, Role, UnixSeconds, WorkId};

use crate::stories::site::{BASE, OPERATOR, Office, create, grant_taken, operator, store_key};

/// Above the limit of the template, W.
const OVERLOAD_W: u32 = 12_000;
const USUAL_W: u32 = 2_400;

/// The parameters every meter gets: 10 kW for 5 s, alarms of 20 and 10 yuan.
pub const TEMPLATE: &str =
    "04090B01 = 100000\n04090B02 = 05\n04001001 = 00002000\n04001002 = 00001000\n";

type Wire = Arc<Mutex<VirtualLink<FleetStation>>>;

/// The line, open as often as wanted; its time goes on. It kills the program at the first byte
/// after journal entry `kill`.
struct Handle {
    wire: Wire,
    store: Arc<Store>,
    kill: Option<u64>,
}

impl Link for Handle {
    fn now(&self) -> Duration {
        self.wire.lock().unwrap().now()
    }
    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        if self.kill.is_some_and(|entry| !self.store.events(entry, 1).is_empty()) {
            std::panic::resume_unwind(Box::new("killed"));
        }
        self.wire.lock().unwrap().send(bytes)
    }
    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.wire.lock().unwrap().recv(buffer, deadline)
    }
    fn timing(&self) -> Timing {
        self.wire.lock().unwrap().timing()
    }
}

pub struct Person {
    pub store: Arc<Store>,
    session: Session,
    wire: Wire,
    pub fleet: SharedFleet,
    clock: TickClock,
    pub meter: MeterNo,
    pub folder: tempfile::TempDir,
    /// Answers to questions about failures, first one first; then "leave it out".
    pub tries: Vec<&'static str>,
    /// Puts wires right when asked to try again.
    pub repair: Option<Wiring>,
    /// Says that a phase is off without switching it.
    pub lazy: bool,
    /// What was asked.
    pub asked: Vec<String>,
    /// Entries of the journal before the errand.
    pub first: u64,
}

impl Person {
    pub fn new(fleet: &str, meter: &str) -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
        std::fs::write(folder.path().join("template"), TEMPLATE).unwrap();
        let store = create(folder.path());
        let begun = Moment { at: UnixSeconds(BASE), boot_ms: 0 };
        let session = Session::begin(&store, operator(), 0, begun);
        let station = FleetStation::new(Fleet::from_toml(fleet).unwrap());
        let fleet = station.fleet();
        let profile = Profile::built_in(profile::DEFAULT).unwrap();
        let wires = Wires::new(open::settings(&profile), Faults::NONE);
        let first = store.events(0, 100_000).last().map_or(0, |entry| entry.seq);
        Self {
            store: Arc::new(store),
            session,
            fleet,
            wire: Arc::new(Mutex::new(VirtualLink::new(station, wires))),
            clock: TickClock { base: UnixSeconds(BASE), offset_s: 0 },
            meter: meter.parse().unwrap(),
            folder,
            tries: Vec::new(),
            repair: None,
            lazy: false,
            asked: Vec::new(),
            first,
        }
    }

    /// From now on the person has what this role may do, and no more.
    pub fn becomes(&mut self, role: Role) {
        let grant = Office::new().grant(OPERATOR, |grant| {
            (grant.role, grant.verbs) = (role.number(), role.verbs().bits());
            (grant.id, grant.issued) = ([0x77; 16], grant.issued + 1);
        });
        let stamp = Stamp { at: UnixSeconds(BASE), boot_ms: 0, operator: OPERATOR.to_owned() };
        self.store.append(&stamp, grant_taken(grant)).unwrap();
        self.first = self.store.events(0, 100_000).last().map_or(0, |entry| entry.seq);
    }

    pub fn on_meter<T>(&self, act: impl FnOnce(&mut Meter) -> T) -> T {
        let mut fleet = self.fleet.lock().unwrap();
        act(fleet.meter_mut(self.meter).unwrap())
    }

    /// How far the line's own time is: it goes on only while something is asked.
    pub fn on_line(&self) -> Duration {
        self.wire.lock().unwrap().now()
    }

    pub fn values(&self) -> Values {
        let template = self.folder.path().join("template");
        Values::default()
            .with("meter", self.meter.to_string())
            .with("barcode", self.meter.to_string())
            .with("template", template.display().to_string())
            .with("load", "resistive")
            .with("seals", "A1234 A1235")
    }

    /// Does something at the site; `kill`: the program dies at the first byte after that entry.
    pub fn at<T>(
        &self,
        kill: Option<u64>,
        act: impl FnOnce(&Site<'_>) -> Result<T, Failure>,
    ) -> Option<Result<T, Failure>> {
        let open = |_: Option<&str>, _: &LineSettings| {
            let handle =
                Handle { wire: Arc::clone(&self.wire), store: Arc::clone(&self.store), kill };
            Ok(Box::new(handle) as Box<dyn Link>)
        };
        let cancel = Cancel::default();
        let crew =
            Crew { open: &open, settings: None, clock: &self.clock, cancel: &cancel, secret: None };
        let life = check::MAX_LIFE_S;
        let desk = Desk {
            store: &self.store,
            session: &self.session,
            max_life_s: life,
            accepted: &meterkit::jobs::proven::Accepted::default(),
        };
        let (profiles, _) = Profiles::new(Vec::new());
        let password = MeterPassword::parse("000000").unwrap();
        let site = Site {
            desk: &desk,
            crew: &crew,
            profiles: &profiles,
            wished: None,
            chosen: Some("line"),
            forced: None,
            password: Some(&password),
        };
        catch_unwind(AssertUnwindSafe(|| act(&site))).ok()
    }

    pub fn begin(&self, values: &Values) -> WorkId {
        self.at(None, |site| Commission.begin(site, values)).unwrap().unwrap()
    }

    /// The program is started again: the store is opened anew.
    pub fn restart(&mut self) {
        let spare = tempfile::tempdir().unwrap();
        let old = std::mem::replace(&mut self.store, Arc::new(create(spare.path())));
        drop(Arc::into_inner(old).expect("nobody else holds the store"));
        let path = self.folder.path().join("store");
        let (store, opened) = Store::open(&path, &store_key()).unwrap();
        assert_eq!(opened.read_only, None);
        let tick = self.wire.lock().unwrap().now();
        let moment = Moment { at: self.clock.now(tick), boot_ms: self.clock.boot_ms(tick) };
        self.session = Session::begin(&store, operator(), 0, moment);
        self.store = Arc::new(store);
    }

    /// What a person does and says when asked.
    fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Go(name) => {
                self.asked.push((*name).to_owned());
                match *name {
                    "comm-load-on" => self.on_meter(|meter| meter.set_load(OVERLOAD_W)),
                    "comm-load-off" => self.on_meter(|meter| meter.set_load(USUAL_W)),
                    "comm-phase-off" if !self.lazy => {
                        let off = self.asked.iter().filter(|asked| *asked == "comm-phase-off");
                        let off = u8::try_from(off.count() % 3).unwrap();
                        self.on_meter(|meter| meter.set_phase_off(Some(off)));
                    }
                    "comm-phases-on" => self.on_meter(|meter| meter.set_phase_off(None)),
                    _ => {}
                }
                Answer::Yes
            }
            Ask::Choice(name, _) => {
                self.asked.push((*name).to_owned());
                // What rests on a word alone is measured, unless wires are to be put right first.
                let measures = matches!(*name, "comm-word" | "comm-word-wrong")
                    && self.repair.is_none()
                    && self.tries.first() != Some(&"comm-on-word");
                let said = match (self.tries.is_empty(), *name) {
                    _ if measures => "comm-measure",
                    (false, _) => self.tries.remove(0),
                    (true, "comm-survey-one") => "comm-take",
                    (true, _) => "comm-skip",
                };
                if let Some(wiring) = self.repair.take() {
                    self.on_meter(|meter| meter.set_wiring(wiring));
                }
                Answer::Text(said.to_owned())
            }
            Ask::Enter(name, _) => {
                self.asked.push((*name).to_owned());
                let ratio = *name == "comm-ct-second";
                Answer::Text(if ratio { "40" } else { "no load in this house yet" }.to_owned())
            }
            Ask::Digits(meter) => {
                self.asked.push("digits".to_owned());
                Answer::Text(meter.to_string().split_off(8))
            }
            other @ Ask::Nothing => panic!("{other:?}"),
        }
    }

    /// Goes on to the end, or until the program dies.
    pub fn go_on(&mut self, work: WorkId, kill: Option<u64>) -> Option<Sheet> {
        let mut answer = Answer::None;
        for _ in 0..60 {
            let sheet =
                self.at(kill, |site| Commission.advance(site, work, &answer, &mut |_: &Sheet| {}))?;
            let sheet = sheet.unwrap();
            if sheet.done {
                return Some(sheet);
            }
            answer = self.answer(&sheet.ask);
        }
        panic!("no end: {:?}", self.asked);
    }
}
