//! A yard for bundles: lines of simulated meters in virtual time that outlive a killed process, a
//! store on a disk whose power can be cut, and an eye on every meter's tables in force.
//!
//! Shared with `tests/bench/bulk.rs`.

#![allow(dead_code, reason = "shared by programs none of which uses all of it")]

#[path = "../crash/disk.rs"]
pub mod disk;
#[path = "../stories/office.rs"]
mod office;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use meterkit::jobs::access::MeterPassword;
use meterkit::jobs::bundle::{self, Bundles};
use meterkit::jobs::errand::{Answer, Errand, Row, Sheet, Site, Values};
use meterkit::jobs::lines::Crew;
use meterkit::jobs::proven::Accepted;
use meterkit::jobs::{Cancel, Clock, Desk, Failure, Moment, Session, check, open};
use meterkit::profile::bundle::Bundle;
use meterkit::profile::{Profile, Profiles};
use meterkit::protocol::Tick;
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::sim::{Fleet, Meter, MeterSetup};
use meterkit::store::{
    AreaMeter, AreaPage, DocKind, Event, IndexKind, Options, Stamp, Store, StoreKey,
};
use meterkit::transport::{
    Faults, Line, LineSettings, Link, LinkError, Station, Timing, VirtualLink,
};
use meterkit::units::{BusPlace, MeterNo, OperatorId, UnixSeconds, WorkId};
use meterkit_tokens::BundleToken;
use meterkit_tokens::bundle::Target;
use sha2::{Digest, Sha256};

use disk::{Dice, Fault, SimDisk};
pub use office::BASE;
use office::{DEVICE, OPERATOR, Office, TENANT, grant_taken};

pub const SUMMER: &str = include_str!("../../../fixtures/bundles/summer.toml");
pub const PROFILE: &str = "dlt645-2007-c";

/// The tables in force: set 1's zones and day tables, prices, steps and their prices.
const IN_FORCE: [u32; 12] = [
    0x0401_0000,
    0x0401_0001,
    0x0401_0002,
    0x0401_0003,
    0x0401_0004,
    0x0401_0005,
    0x0401_0006,
    0x0401_0007,
    0x0401_0008,
    0x0405_01FF,
    0x0406_00FF,
    0x0406_01FF,
];

pub type Tables = BTreeMap<u32, Vec<u8>>;

/// What a meter may run on: whole sets, before and after.
#[derive(Default)]
pub struct Eye {
    pub allowed: BTreeMap<MeterNo, Vec<Tables>>,
    pub looks: u64,
    pub faults: Vec<String>,
}

pub fn in_force(meter: &Meter) -> Tables {
    meter.parameters(&IN_FORCE)
}

impl Eye {
    pub fn look(&mut self, fleet: &Fleet) {
        for meter in fleet.meters() {
            self.looks += 1;
            let now = in_force(meter);
            let good = self.allowed.get(&meter.number()).is_none_or(|all| all.contains(&now));
            if !good && self.faults.len() < 5 {
                self.faults.push(format!("{} at {}: {now:02X?}", meter.number(), meter.clock()));
            }
        }
    }
}

/// A station that looks at every meter whenever one has done something.
struct Watched {
    inner: FleetStation,
    fleet: SharedFleet,
    eye: Arc<Mutex<Eye>>,
}

impl Station for Watched {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.inner.hear(bytes, at);
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        let next = self.inner.next();
        if next.is_some() {
            self.eye.lock().unwrap().look(&self.fleet.lock().unwrap());
        }
        next
    }

    fn speed(&self) -> Option<u32> {
        self.inner.speed()
    }
}

/// A line that stays when the program dies.
#[derive(Clone)]
struct Kept {
    link: Arc<Mutex<VirtualLink<Watched>>>,
    latest: Arc<AtomicU64>,
}

impl Link for Kept {
    fn now(&self) -> Duration {
        let now = self.link.lock().unwrap().now();
        let ms = u64::try_from(now.as_millis()).unwrap();
        self.latest.fetch_max(ms, Ordering::Relaxed);
        now
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        self.link.lock().unwrap().send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.link.lock().unwrap().recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        self.link.lock().unwrap().timing()
    }
}

/// The time of the line that asks; without a line, of the line that is furthest.
struct YardClock(Arc<AtomicU64>);

impl Clock for YardClock {
    fn now(&self, tick: Tick) -> UnixSeconds {
        let ms = match u64::try_from(tick.as_millis()).unwrap() {
            0 => self.0.load(Ordering::Relaxed),
            ms => ms,
        };
        UnixSeconds(BASE + i64::try_from(ms / 1_000).unwrap())
    }

    fn boot_ms(&self, tick: Tick) -> u64 {
        u64::try_from(tick.as_millis()).unwrap().max(self.0.load(Ordering::Relaxed))
    }

    fn offset_s(&self, _at: UnixSeconds) -> i64 {
        0
    }
}

/// All of it.
pub struct Yard {
    pub store: Option<Store>,
    pub disk: SimDisk,
    pub eye: Arc<Mutex<Eye>>,
    pub meters: Vec<MeterNo>,
    lines: BTreeMap<String, (Kept, SharedFleet)>,
    clock: YardClock,
    pub threads: Arc<Mutex<HashSet<ThreadId>>>,
    pub profiles: Profiles,
    pub cancel: Cancel,
    office: Office,
    serial: u8,
}

fn key() -> StoreKey {
    StoreKey::from_bytes([5; 32])
}

fn options(disk: &SimDisk) -> Options {
    let disk = Arc::new(disk.clone());
    Options { disk, index: IndexKind::Memory, segment_bytes: 1 << 20 }
}

fn path() -> &'static Path {
    Path::new("/yard/store")
}

pub fn operator() -> OperatorId {
    OPERATOR.parse().unwrap()
}

fn stamp() -> Stamp {
    Stamp { at: UnixSeconds(BASE), boot_ms: 0, operator: OPERATOR.to_owned() }
}

/// A meter with four rates.
pub fn setup(no: MeterNo) -> MeterSetup {
    let account = "330100000001".parse().unwrap();
    MeterSetup {
        prices: vec![6_000, 5_000, 4_000, 3_000],
        ..MeterSetup::opened(no, account, 100_000, 3)
    }
}

pub fn number(nth: u32) -> MeterNo {
    (202_600_000_000 + u64::from(nth)).to_string().parse().unwrap()
}

impl Yard {
    /// So many lines of so many meters, each changed as a test wants it.
    pub fn new(
        (lines, meters): (u32, u32),
        faults: &Faults,
        change: impl Fn(u32, &mut MeterSetup),
    ) -> Self {
        let (eye, latest) = (Arc::new(Mutex::new(Eye::default())), Arc::new(AtomicU64::new(0)));
        let profiles = Profiles::built_in();
        let settings = open::settings(&Profile::built_in(PROFILE).unwrap());
        let (mut all, mut rows, mut kept) = (Vec::new(), Vec::new(), BTreeMap::new());
        for line in 0..lines {
            let name = format!("line-{line}");
            let start = meterkit::sim::DEFAULT_START.parse().unwrap();
            let mut fleet = Vec::new();
            for nth in line * meters + 1..=(line + 1) * meters {
                let mut setup = setup(number(nth));
                change(nth, &mut setup);
                fleet.push(Meter::new(setup, start, u64::from(nth)));
                all.push(number(nth));
                rows.push(area_row(number(nth), &name));
            }
            let seed = faults.seed + u64::from(line);
            let wires = Line::new(settings, Faults { seed, ..faults.clone() });
            let station = FleetStation::new(Fleet::new(fleet));
            let fleet = station.fleet();
            let station = Watched { inner: station, fleet: fleet.clone(), eye: eye.clone() };
            let link = Arc::new(Mutex::new(VirtualLink::new(station, wires)));
            kept.insert(name, (Kept { link, latest: latest.clone() }, fleet));
        }
        let (disk, office) = (SimDisk::default(), Office::new());
        let store = Store::create_with(path(), office.identity(), &stamp(), &key(), options(&disk));
        let store = store.unwrap();
        let (version, status) = office.status(BASE, |_| {});
        store.take_document(&stamp(), DocKind::Status, version, &status).unwrap();
        store.append(&stamp(), grant_taken(office.grant(OPERATOR, |_| {}))).unwrap();
        store.append(&stamp(), Event::TimeAnchor { server: UnixSeconds(BASE) }).unwrap();
        store.install_area(1, &[AreaPage { signed: Vec::new(), meters: rows }]).unwrap();
        Self {
            store: Some(store),
            disk,
            eye,
            meters: all,
            lines: kept,
            clock: YardClock(latest),
            threads: Arc::default(),
            profiles,
            cancel: Cancel::default(),
            office,
            serial: 0,
        }
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Something done to the meter of that place.
    pub fn meter<T>(&self, no: MeterNo, act: impl FnOnce(&mut Meter) -> T) -> T {
        for (_, fleet) in self.lines.values() {
            if let Some(meter) = fleet.lock().unwrap().meter_mut(no) {
                return act(meter);
            }
        }
        panic!("no meter {no}")
    }

    /// Signs a bundle of this text for all meters of the profile.
    pub fn sign(&mut self, body: &str, change: impl FnOnce(&mut BundleToken)) -> Vec<u8> {
        self.serial += 1;
        let bundle = Bundle::check(body).0;
        let (name, version) = bundle.map_or(("x".to_owned(), 1), |b| (b.name, b.version));
        let mut token = BundleToken {
            tenant: TENANT.to_owned(),
            device: DEVICE.to_owned(),
            issued: BASE - 60,
            not_before: BASE - 60,
            expires: BASE + 30 * 86_400,
            id: [self.serial; 16],
            digest: Sha256::digest(body.as_bytes()).into(),
            name,
            version,
            target: Target { profile: Some(PROFILE.to_owned()), ..Target::default() },
        };
        change(&mut token);
        self.office.issuer.bundle(&token).unwrap()
    }

    /// Signs a bundle and takes it in.
    pub fn take(&mut self, body: &str) {
        let signed = self.sign(body, |_| {});
        let taken = bundle::take_bytes(self.store(), &stamp(), signed, body.as_bytes());
        assert!(taken.unwrap().1, "a new bundle");
    }

    /// Notes what each meter runs on now, and what it may run on after the bundle.
    pub fn watch(&self, body: &str) {
        let bundle = Bundle::check(body).0.unwrap();
        let mut eye = self.eye.lock().unwrap();
        for (_, fleet) in self.lines.values() {
            for meter in fleet.lock().unwrap().meters() {
                let old = in_force(meter);
                let mut new = old.clone();
                for item in bundle.items.iter().filter(|item| item.set.is_some()) {
                    let active = match item.di {
                        0x0405_02FF => 0x0405_01FF,
                        0x0406_02FF => 0x0406_00FF,
                        0x0406_03FF => 0x0406_01FF,
                        di => di - 0x0001_0000,
                    };
                    new.insert(active, item.value.clone());
                }
                let allowed = eye.allowed.entry(meter.number()).or_default();
                for tables in [old, new] {
                    if !allowed.contains(&tables) {
                        allowed.push(tables);
                    }
                }
            }
        }
    }

    /// The form for a bundle at all meters.
    pub fn form(&self, bundle: &str) -> Values {
        let all: Vec<String> = self.meters.iter().map(ToString::to_string).collect();
        Values::default().with("bundle", bundle).with("meters", all.join(" "))
    }

    /// Does something with the errand as a program started now would.
    pub fn run<T>(&self, act: impl FnOnce(&Site<'_>) -> T) -> T {
        self.run_with(Some("000000"), act)
    }

    /// The same with another password of the meters, or none.
    pub fn run_with<T>(&self, password: Option<&str>, act: impl FnOnce(&Site<'_>) -> T) -> T {
        let now = Moment::of(&self.clock);
        let session = Session::begin(self.store(), operator(), 0, now);
        let accepted = Accepted::default();
        let (store, max_life_s) = (self.store(), check::MAX_LIFE_S);
        let desk = Desk { store, session: &session, max_life_s, accepted: &accepted };
        let opened = |port: Option<&str>, _: &LineSettings| -> Result<Box<dyn Link>, Failure> {
            self.threads.lock().unwrap().insert(std::thread::current().id());
            let (kept, _) = &self.lines[port.unwrap()];
            Ok(Box::new(kept.clone()))
        };
        let (clock, cancel) = (&self.clock, &self.cancel);
        let crew = Crew { open: &opened, settings: None, secret: None, clock, cancel };
        let password = password.map(|text| MeterPassword::parse(text).unwrap());
        act(&Site {
            desk: &desk,
            crew: &crew,
            profiles: &self.profiles,
            wished: Some(PROFILE),
            chosen: None,
            forced: None,
            password: password.as_ref(),
        })
    }

    pub fn plan(&self, values: &Values) -> Result<Sheet, Failure> {
        self.run(|site| Bundles.plan(site, values))
    }

    pub fn begin(&self, values: &Values) -> Result<WorkId, Failure> {
        self.run(|site| Bundles.begin(site, values))
    }

    pub fn advance(&self, work: WorkId) -> Result<Sheet, Failure> {
        self.run(|site| Bundles.advance(site, work, &Answer::None, &mut |_| {}))
    }

    /// Plans a power cut at that many steps of the disk from now.
    pub fn cut_after(&self, steps: u64) {
        self.disk.plan(Some(Fault::Cut(self.disk.steps() + steps)));
    }

    /// The process is gone; the next one finds what the disk kept.
    pub fn restart(&mut self, dice: &mut Dice) {
        self.store = None;
        self.disk = self.disk.after_cut(dice);
        let (store, opened) = Store::open_with(path(), &key(), options(&self.disk)).unwrap();
        assert_eq!(opened.read_only, None);
        self.store = Some(store);
    }

    /// Time passes on all lines.
    pub fn pass(&self, time: Duration) {
        for (kept, fleet) in self.lines.values() {
            let mut link = kept.link.lock().unwrap();
            link.advance(time);
            let now = link.now();
            drop(link);
            fleet.lock().unwrap().advance(now);
            self.eye.lock().unwrap().look(&fleet.lock().unwrap());
            let ms = u64::try_from(now.as_millis()).unwrap();
            self.clock.0.fetch_max(ms, Ordering::Relaxed);
        }
    }

    /// Line time of each line.
    pub fn times(&self) -> Vec<Duration> {
        self.lines.values().map(|(kept, _)| kept.link.lock().unwrap().now()).collect()
    }
}

pub fn area_row(no: MeterNo, line: &str) -> AreaMeter {
    AreaMeter {
        no,
        account: None,
        customer: String::new(),
        location: String::new(),
        profile: PROFILE.to_owned(),
        area: "east".to_owned(),
        place: BusPlace { line: line.to_owned(), ..BusPlace::default() },
    }
}

/// The rows of a sheet about a meter.
pub fn rows(sheet: &Sheet, no: MeterNo) -> Vec<&Row> {
    sheet.rows.iter().filter(|row| row.meter == Some(no)).collect()
}

/// What the meters of one line cost at least: every exchange of a bundle's visit at the speed of
/// the wire, with the meters' own pause and nothing for us. With `quiet`, also the time a line must
/// be left alone behind each command, because its answer names no item.
pub fn least(meters: u32, body: &str, quiet: bool) -> Duration {
    let bundle = Bundle::check(body).0.unwrap();
    let profile = Profile::built_in(PROFILE).unwrap();
    let (baud, own) = (u64::from(profile.line.framing.baud), setup(number(1)));
    let wire =
        |characters: usize| Duration::from_nanos(characters as u64 * 11 * 1_000_000_000 / baud);
    let preambles = usize::from(profile.line.preamble) + usize::from(own.preamble);
    let exchange = |question: usize, answer: usize| {
        wire(preambles + 24 + question + answer) + Duration::from_millis(own.delay_ms)
    };
    let read = |len: usize| exchange(4, 4 + len);
    // 24 characters: an answer that comes twice must be over before the next command.
    let rest = if quiet { wire(24) } else { Duration::ZERO };
    let write = |len: usize| exchange(12 + len, 0) + rest + read(len);
    let mut one = read(7);
    let written = |di: u32| bundle.items.iter().any(|item| item.di == di);
    let needs = bundle.needs.iter().filter(|need| !written(need.di));
    needs.for_each(|_| one += read(1));
    for item in &bundle.items {
        one += read(item.value.len()) + write(item.value.len());
    }
    for _ in &bundle.switches {
        one += read(5) + read(7) + write(5);
    }
    one * meters
}
