//! Lines of simulated meters, opened again and again, and a store that can be closed and opened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::errand::{Answer, Errand, Sheet, Site, Values};
use meterkit::jobs::failure::fail;
use meterkit::jobs::lines::Crew;
use meterkit::jobs::round::Round;
use meterkit::jobs::{Cancel, Desk, Failure, Moment, Session, check};
use meterkit::profile::Profiles;
use meterkit::report::Code;
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::sim::{Fleet, Mishap};
use meterkit::store::{AreaMeter, AreaPage, Store};
use meterkit::transport::{
    Faults, Line as Wires, LineSettings, Link, LinkError, Timing, VirtualLink,
};
use meterkit::units::{BusPlace, MeterNo, UnixSeconds, WorkId};

use crate::stories::site;

/// How many frames may still be sent before everything is stopped, and what stops it.
type Fuse = Arc<Mutex<Option<(u32, Cancel)>>>;

/// A virtual line that is opened again and again.
#[derive(Clone)]
struct Shared(Arc<Mutex<VirtualLink<FleetStation>>>, Fuse);

impl Link for Shared {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        if let Some((left, cancel)) = &mut *self.1.lock().unwrap() {
            *left = left.saturating_sub(1);
            cancel.store(*left == 0, std::sync::atomic::Ordering::Relaxed);
        }
        self.0.lock().unwrap().send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.0.lock().unwrap().recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        self.0.lock().unwrap().timing()
    }
}

/// What the operator stands before.
pub struct Yard {
    store: Option<Store>,
    session: Option<Session>,
    lines: BTreeMap<String, Shared>,
    fleets: BTreeMap<String, SharedFleet>,
    pub cancel: Cancel,
    fuse: Fuse,
    pub clock: TickClock,
    folder: tempfile::TempDir,
}

pub fn no(number: u32) -> MeterNo {
    number.to_string().parse().unwrap()
}

impl Yard {
    /// One fleet a line; the area list knows every meter and its line.
    pub fn new(lines: &[(&str, String)]) -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
        let store = site::create(folder.path());
        let mut yard = Self {
            store: None,
            session: None,
            lines: BTreeMap::new(),
            fleets: BTreeMap::new(),
            cancel: Cancel::default(),
            fuse: Fuse::default(),
            clock: TickClock { base: UnixSeconds(site::BASE), offset_s: 0 },
            folder,
        };
        let mut meters = Vec::new();
        for (name, text) in lines {
            let station = FleetStation::new(Fleet::from_toml(text).unwrap());
            let fleet = station.fleet();
            let wires = Wires::new(LineSettings::default(), Faults::NONE);
            let link =
                Shared(Arc::new(Mutex::new(VirtualLink::new(station, wires))), yard.fuse.clone());
            for meter in fleet.lock().unwrap().meters() {
                meters.push(AreaMeter {
                    no: meter.number(),
                    account: None,
                    customer: format!("=customer {}", meter.number()),
                    location: "stairwell".into(),
                    profile: String::new(),
                    area: "north".into(),
                    place: BusPlace { line: (*name).to_owned(), ..BusPlace::default() },
                });
            }
            yard.lines.insert((*name).to_owned(), link);
            yard.fleets.insert((*name).to_owned(), fleet);
        }
        store.install_area(1, &[AreaPage { signed: vec![1], meters }]).unwrap();
        yard.log_in(store);
        yard
    }

    fn log_in(&mut self, store: Store) {
        let now = Moment { at: UnixSeconds(site::BASE), boot_ms: 0 };
        self.session = Some(Session::begin(&store, site::operator(), 0, now));
        self.store = Some(store);
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// The process ends and begins anew: only what is on disk is left.
    pub fn restart(&mut self) {
        self.session = None;
        drop(self.store.take());
        self.cancel = Cancel::default();
        *self.fuse.lock().unwrap() = None;
        let path = self.folder.path().join("store");
        let (store, _) = Store::open(&path, &site::store_key()).unwrap();
        self.log_in(store);
    }

    pub fn on<T>(&self, work: impl FnOnce(&Site<'_>) -> T) -> T {
        let desk = Desk {
            store: self.store(),
            session: self.session.as_ref().unwrap(),
            max_life_s: check::MAX_LIFE_S,
            accepted: &meterkit::jobs::proven::Accepted::default(),
        };
        let open = |port: Option<&str>, _: &LineSettings| -> Result<Box<dyn Link>, Failure> {
            let line = self.lines.get(port.unwrap_or_default());
            let line = line.ok_or_else(|| fail(Code::PortMissing, port.unwrap_or_default()))?;
            Ok(Box::new(line.clone()))
        };
        let crew = Crew {
            open: &open,
            settings: None,
            clock: &self.clock,
            cancel: &self.cancel,
            secret: None,
        };
        let profiles = Profiles::built_in();
        work(&Site {
            desk: &desk,
            crew: &crew,
            profiles: &profiles,
            wished: None,
            chosen: Some("a"),
            forced: None,
            password: None,
        })
    }

    pub fn begin(&self, values: &Values) -> WorkId {
        let values = values.clone().with("round-pause", "0");
        self.on(|site| Round.begin(site, &values)).unwrap()
    }

    pub fn advance(&self, work: WorkId, tell: &mut dyn FnMut(&Sheet)) -> Sheet {
        self.on(|site| Round.advance(site, work, &Answer::None, tell)).unwrap()
    }

    pub fn answer(&self, work: WorkId, text: &str) -> Sheet {
        let answer = Answer::Text(text.to_owned());
        self.on(|site| Round.advance(site, work, &answer, &mut |_| {})).unwrap()
    }

    /// A whole round of these meters.
    pub fn round(&self, meters: &str) -> Sheet {
        let work = self.begin(&Values::default().with("meters", meters));
        self.advance(work, &mut |_| {})
    }

    /// Everything is stopped after so many frames.
    pub fn stop_after(&self, frames: u32) {
        *self.fuse.lock().unwrap() = Some((frames, self.cancel.clone()));
    }

    /// Time goes by on a line.
    pub fn pass(&self, line: &str, time: Duration) {
        self.lines[line].0.lock().unwrap().advance(time);
    }

    pub fn dead(&self, line: &str, meter: u32, dead: bool) {
        let mut fleet = self.fleets[line].lock().unwrap();
        fleet.meter_mut(no(meter)).unwrap().set_dead(dead);
    }

    pub fn suffer(&self, line: &str, meter: u32, mishap: Mishap) {
        let mut fleet = self.fleets[line].lock().unwrap();
        fleet.meter_mut(no(meter)).unwrap().suffer(mishap);
    }
}

/// The value of a count.
pub fn count(sheet: &Sheet, name: &str) -> usize {
    sheet.rows.iter().find(|row| row.name == name).unwrap().value.parse().unwrap()
}

impl Yard {
    /// A command that reaches a meter from elsewhere; the answer's control code.
    pub fn hear(&self, line: &str, frame: &meterkit::protocol::dlt645::frame::Frame) -> u8 {
        let mut fleet = self.fleets[line].lock().unwrap();
        let replies = fleet.hear(frame, Duration::ZERO);
        // Behind the wake-up bytes: 68, six of the address, 68.
        let bytes = &replies[0].bytes;
        let start = bytes.iter().position(|byte| *byte == 0x68).unwrap();
        bytes[start + 8]
    }
}
