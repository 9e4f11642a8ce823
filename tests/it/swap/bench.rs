//! A handheld at two simulated meters, on a disk whose power can be cut at any step.
//!
//! Nothing is a fake but the wire, the disk and the office's keys. Time is the line's own and goes
//! on over restarts. A second handheld can be put beside the first ([`Bench::beside`]), and
//! something can happen on the line between two messages of one ([`Bench::before`]).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use meterkit::jobs::access::MeterPassword;
use meterkit::jobs::errand::{Answer, Ask, Errand, Sheet, Site, Values};
use meterkit::jobs::lines::Crew;
use meterkit::jobs::swap::{self, Swap};
use meterkit::jobs::{Cancel, Clock, Desk, Failure, Moment, Session, check, tokens};
use meterkit::profile::Profiles;
use meterkit::protocol::dlt645::frame::Decoder;
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::sim::{DEFAULT_START, Fleet, Meter, MeterSetup};
use meterkit::store::{
    AreaMeter, AreaPage, DocKind, IndexKind, Options, Stamp, Store, StoreKey, TokenState,
};
use meterkit::transport::{
    Faults, Line as Wires, LineSettings, Link, LinkError, Timing, VirtualLink,
};
use meterkit::units::{BusPlace, MeterNo, TokenId, UnixSeconds, WorkId};
use meterkit_tokens::{SwapToken, Unit};

use crate::crash::disk::SimDisk;
use crate::stories::site::{BASE, DEVICE, OPERATOR, Office, TENANT, grant_taken, operator};

pub const OLD: &str = "000000000047";
pub const NEW: &str = "000000000048";
pub const OLD_ACCOUNT: &str = "112233445566";
pub const NEW_ACCOUNT: &str = "112233445567";
const DIR: &str = "/store";

pub fn old() -> MeterNo {
    OLD.parse().unwrap()
}

pub fn new() -> MeterNo {
    NEW.parse().unwrap()
}

/// Looked at before every piece that is sent: whether the program dies now.
pub type Fuse = Arc<Mutex<Option<Box<dyn FnMut() -> bool + Send>>>>;

/// The one line, which outlives every program that uses it.
#[derive(Clone)]
pub struct Wire(pub Arc<Mutex<VirtualLink<FleetStation>>>, pub Fuse);

impl Link for Wire {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now()
    }
    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        if self.1.lock().unwrap().as_mut().is_some_and(|dies| dies()) {
            return Err(LinkError::Gone);
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

/// What happens on the line before a message of a handheld, and before which one, from 0.
type Happens = Option<(u32, Box<dyn FnOnce() + Send>)>;

/// The line as one handheld has it.
#[derive(Clone)]
struct Held {
    wire: Wire,
    fleet: SharedFleet,
    happens: Arc<Mutex<Happens>>,
    sent: Arc<AtomicU32>,
    doubles: bool,
}

/// Another line.
struct Beside(Arc<Mutex<dyn Link>>);

impl Link for Beside {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now()
    }
    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        self.0.lock().unwrap().send(bytes)
    }
    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.0.lock().unwrap().recv(buffer, deadline)
    }
    fn timing(&self) -> Timing {
        self.0.lock().unwrap().timing()
    }
}

impl Link for Held {
    fn now(&self) -> Duration {
        self.wire.now()
    }
    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let nth = self.sent.fetch_add(1, Ordering::Relaxed);
        let due = self.happens.lock().unwrap().take_if(|(at, _)| *at == nth);
        if let Some((_, happens)) = due {
            happens();
        }
        let mut decoder = Decoder::new();
        decoder.push(bytes);
        for frame in decoder.flatten().filter(|frame| frame.control == 0x14 && self.doubles) {
            // The line brings it once more, by another way.
            self.fleet.lock().unwrap().hear(&frame, self.wire.now());
        }
        self.wire.send(bytes)
    }
    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.wire.recv(buffer, deadline)
    }
    fn timing(&self) -> Timing {
        self.wire.timing()
    }
}

/// Tells the line's time, with a line at hand or without, and so many seconds behind it.
struct WireClock(Wire, i64);

impl Clock for WireClock {
    fn now(&self, _tick: Duration) -> UnixSeconds {
        UnixSeconds(BASE - self.1 + i64::try_from(Link::now(&self.0).as_secs()).unwrap())
    }
    fn boot_ms(&self, _tick: Duration) -> u64 {
        u64::try_from(Link::now(&self.0).as_millis()).unwrap()
    }
    fn offset_s(&self, _at: UnixSeconds) -> i64 {
        0
    }
}

/// What the office's leave shall say; the rest is always the same.
#[derive(Clone, Copy)]
pub struct Leave {
    pub most: i64,
    pub provisional: i64,
    pub arrears: i64,
    pub expires: i64,
}

impl Default for Leave {
    fn default() -> Self {
        Self { most: 500_000, provisional: 5_000, arrears: 10_000, expires: 5 * 86_400 }
    }
}

pub struct Bench {
    pub disk: SimDisk,
    pub wire: Wire,
    pub fleet: SharedFleet,
    pub office: Office,
    pub profiles: Profiles,
    pub password: Option<MeterPassword>,
    /// The handheld's name.
    pub device: String,
    /// By how much its clock was put back, seconds.
    pub back_s: i64,
    /// Another line that errands go over.
    pub other: Option<Arc<Mutex<dyn Link>>>,
    /// Writes arrive twice.
    pub doubles: bool,
    happens: Arc<Mutex<Happens>>,
    sent: Arc<AtomicU32>,
    pub serial: u8,
}

/// An old meter with this net credit after six purchases.
pub fn old_setup(net: i64) -> MeterSetup {
    MeterSetup { load_w: 300, ..MeterSetup::opened(old(), OLD_ACCOUNT.parse().unwrap(), net, 6) }
}

/// A new meter out of its box.
pub fn new_setup() -> MeterSetup {
    MeterSetup { load_w: 200, ..MeterSetup::new(new()) }
}

/// Segments of a size that is quickly copied: of thousands of disks each is copied whole.
fn options(disk: &SimDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), index: IndexKind::Memory, segment_bytes: 256 * 1024 }
}

fn key() -> StoreKey {
    StoreKey::from_bytes([5; 32])
}

/// The office's list: the old meter alone.
fn usual() -> Vec<AreaMeter> {
    vec![AreaMeter {
        no: old(),
        account: Some(OLD_ACCOUNT.parse().unwrap()),
        customer: "Zhang".to_owned(),
        location: "12-3-401".to_owned(),
        profile: "dlt645-2007-c".to_owned(),
        area: "north".to_owned(),
        place: BusPlace::default(),
    }]
}

impl Bench {
    pub fn new(setups: Vec<MeterSetup>, faults: Faults) -> Self {
        let start = DEFAULT_START.parse().unwrap();
        let meters = setups.into_iter().enumerate();
        let meters =
            meters.map(|(at, setup)| Meter::new(setup, start, faults.seed << 4 | at as u64));
        Self::of(Fleet::new(meters.collect()), usual(), faults)
    }

    /// These meters on the line, those on the office's list.
    pub fn of(fleet: Fleet, listed: Vec<AreaMeter>, faults: Faults) -> Self {
        let station = FleetStation::new(fleet);
        let fleet = station.fleet();
        let line = VirtualLink::new(station, Wires::new(LineSettings::even(9600), faults));
        Self::at(Wire(Arc::new(Mutex::new(line)), Fuse::default()), fleet, DEVICE, listed)
    }

    /// Another handheld on the same line, with a store of its own.
    pub fn beside(&self, device: &str) -> Self {
        let mut other = Self::at(self.wire.clone(), Arc::clone(&self.fleet), device, usual());
        // No document of one is a document of the other.
        other.serial = self.serial + 100;
        other
    }

    fn at(wire: Wire, fleet: SharedFleet, device: &str, listed: Vec<AreaMeter>) -> Self {
        let bench = Self {
            disk: SimDisk::default(),
            wire,
            fleet,
            office: Office::new(),
            profiles: Profiles::new(Vec::new()).0,
            password: Some(MeterPassword::parse("000000").unwrap()),
            device: device.to_owned(),
            back_s: 0,
            other: None,
            doubles: false,
            happens: Arc::default(),
            sent: Arc::default(),
            serial: 0,
        };
        let stamp = Stamp { at: UnixSeconds(BASE), boot_ms: 0, operator: OPERATOR.to_owned() };
        let mut identity = bench.office.identity();
        identity.device = device.parse().unwrap();
        let options = options(&bench.disk);
        let store =
            Store::create_with(std::path::Path::new(DIR), identity, &stamp, &key(), options)
                .unwrap();
        let own = device.to_owned();
        let (version, status) = bench.office.status(BASE, |status| status.device = own.clone());
        store.take_document(&stamp, DocKind::Status, version, &status).unwrap();
        let grant = bench.office.grant(OPERATOR, |grant| grant.device = own);
        store.append(&stamp, grant_taken(grant)).unwrap();
        bench.list(&store, 1, listed);
        drop(store);
        bench
    }

    /// Installs a list of meters.
    pub fn list(&self, store: &Store, version: u64, meters: Vec<AreaMeter>) {
        store.install_area(version, &[AreaPage { signed: vec![1], meters }]).unwrap();
    }

    /// Lets something happen before the `nth` message from now on, from 0.
    pub fn before(&self, nth: u32, happens: impl FnOnce() + Send + 'static) {
        self.sent.store(0, Ordering::Relaxed);
        *self.happens.lock().unwrap() = Some((nth, Box::new(happens)));
    }

    /// How many messages were sent since then.
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    pub fn pass(&self, time: Duration) {
        self.wire.0.lock().unwrap().advance(time);
    }

    pub fn open(&self) -> Store {
        let path = std::path::Path::new(DIR);
        let (store, opened) = Store::open_with(path, &key(), options(&self.disk)).unwrap();
        assert_eq!(opened.read_only, None);
        store
    }

    /// The office's leave, taken in.
    pub fn take_leave(&mut self, leave: Leave) -> TokenId {
        self.serial += 1;
        let token = SwapToken {
            tenant: TENANT.to_owned(),
            meter: new().bcd(),
            device: self.device.clone(),
            expires: BASE + leave.expires,
            not_before: BASE - 3_600,
            issued: BASE - 3_600,
            id: [self.serial; 16],
            old: old().bcd(),
            old_account: OLD_ACCOUNT.parse::<meterkit::units::AccountNo>().unwrap().bcd(),
            account: NEW_ACCOUNT.parse::<meterkit::units::AccountNo>().unwrap().bcd(),
            count: 0,
            unit: Unit::Yuan,
            most: leave.most,
            provisional: leave.provisional,
            arrears: leave.arrears,
            seq: 1,
        };
        let bytes = self.office.issuer.swap(&token).unwrap();
        let store = self.open();
        let done = tokens::import_bytes(&store, &self.stamp(), &bytes);
        assert_eq!((done.taken.len(), done.refused), (1, vec![]));
        TokenId(token.id)
    }

    pub fn stamp(&self) -> Stamp {
        self.moment().stamp(&operator())
    }

    fn moment(&self) -> Moment {
        Moment::of(&WireClock(self.wire.clone(), self.back_s))
    }

    /// Somebody logs in and works with the store.
    pub fn work<T>(&self, store: &Store, work: impl FnOnce(&Site<'_>) -> T) -> T {
        let session = Session::begin(store, operator(), 0, self.moment());
        let desk = Desk {
            store,
            session: &session,
            max_life_s: check::MAX_LIFE_S,
            accepted: &meterkit::jobs::proven::Accepted::default(),
        };
        let clock = WireClock(self.wire.clone(), self.back_s);
        let cancel = Cancel::default();
        let held = Held {
            wire: self.wire.clone(),
            fleet: Arc::clone(&self.fleet),
            happens: Arc::clone(&self.happens),
            sent: Arc::clone(&self.sent),
            doubles: self.doubles,
        };
        let opened = |_: Option<&str>, _: &LineSettings| {
            let link: Box<dyn Link> = match &self.other {
                Some(other) => Box::new(Beside(Arc::clone(other))),
                None => Box::new(held.clone()),
            };
            Ok::<_, Failure>(link)
        };
        let crew =
            Crew { open: &opened, settings: None, clock: &clock, cancel: &cancel, secret: None };
        let site = Site {
            desk: &desk,
            crew: &crew,
            profiles: &self.profiles,
            wished: None,
            chosen: None,
            forced: None,
            password: self.password.as_ref(),
        };
        work(&site)
    }

    pub fn values() -> Values {
        Values::default().with(swap::OLD, OLD).with(swap::NEW, NEW)
    }
}

/// A person who does what the sheet asks, and gives up on nothing before it was tried this often.
pub struct Person {
    patience: u32,
    tried: u32,
    /// What is answered to a claim; the suggestion if nothing.
    pub claim: Option<&'static str>,
}

impl Default for Person {
    fn default() -> Self {
        Self { patience: 6, tried: 0, claim: None }
    }
}

impl Person {
    /// The answer to what is asked.
    pub fn answer(&mut self, bench: &Bench, ask: &Ask) -> Answer {
        let text = |text: &str| Answer::Text(text.to_owned());
        match ask {
            Ask::Nothing => Answer::None,
            Ask::Go(_) => Answer::Yes,
            Ask::Digits(meter) => text(&meter.to_string()[8..]),
            Ask::Enter(..) => self.claim.map_or(Answer::Yes, text),
            Ask::Choice(_, choices) => {
                self.tried += 1;
                // A debit that shows nothing is only proved after a while.
                bench.pass(Duration::from_secs(200));
                if choices.contains(&"again") && self.tried < self.patience {
                    text("again")
                } else {
                    self.tried = 0;
                    text(choices.iter().find(|choice| **choice != "again").unwrap())
                }
            }
        }
    }
}

/// Follows the sheet to the end, or until the disk fails.
pub fn follow(
    bench: &Bench,
    store: &Store,
    work: Option<WorkId>,
    person: &mut Person,
) -> Result<Sheet, Failure> {
    bench.work(store, |site| {
        let work = match work {
            Some(work) => work,
            None => Swap.begin(site, &Bench::values())?,
        };
        let mut answer = Answer::None;
        for _ in 0..200 {
            let sheet = Swap.advance(site, work, &answer, &mut |_| {})?;
            if sheet.done {
                return Ok(sheet);
            }
            assert_ne!(sheet.ask, Ask::Nothing, "it stands still: {sheet:?}");
            answer = person.answer(bench, &sheet.ask);
        }
        panic!("it never ends");
    })
}

/// The swap in the journal, if it was begun.
pub fn begun(store: &Store) -> Option<WorkId> {
    store.errands().first().map(|row| row.step.errand)
}

/// Ghost truth and the journal, side by side; what does not meet.
pub fn audit(bench: &Bench, store: &Store, leave: TokenId) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut fleet = bench.fleet.lock().unwrap();
    fleet.advance(Link::now(&bench.wire));
    if let Err(error) = fleet.audit() {
        wrong.push(format!("{error:?}"));
    }
    let sum = |meter: MeterNo, what: fn(&Meter) -> i64| fleet.meter(meter).map_or(0, what);
    let out = sum(old(), |meter| meter.refunds().iter().map(|one| one.amount).sum());
    let credited = sum(new(), |meter| meter.bookings().iter().map(|one| one.amount).sum());
    let times = fleet.meter(new()).map_or(0, |meter| meter.bookings().len());
    if times > 1 {
        wrong.push(format!("credited {times} times"));
    }
    let row = store.swap(leave).unwrap();
    let token = |id: Option<TokenId>| id.and_then(|id| store.token(id));
    // What the journal says went out, and what it says cannot be told.
    let mut known = (0, 0);
    let mut open = (0, 0);
    for attempt in 1..=row.outs {
        let id = meterkit::store::SwapFacts::token(leave, meterkit::units::SwapLeg::Out, attempt);
        if let Some(row) = store.token(id) {
            let of = row.facts.credit.value;
            match row.state {
                TokenState::Accepted => known.0 += of,
                TokenState::Intent | TokenState::Disputed => open.0 += of,
                _ => {}
            }
        }
    }
    if let Some(row) = token(row.credit()) {
        let of = row.facts.credit.value;
        match row.state {
            TokenState::Accepted => known.1 += of,
            TokenState::Intent | TokenState::Disputed => open.1 += of,
            _ => {}
        }
    }
    let fits = |real: i64, known: i64, open: i64| real == known || real == known + open;
    if !fits(out, known.0, open.0) {
        wrong.push(format!("taken out {out}, journal {} and {} open", known.0, open.0));
    }
    if !fits(credited, known.1, open.1) {
        wrong.push(format!("credited {credited}, journal {} and {} open", known.1, open.1));
    }
    let provisional = row.credited == Some(meterkit::units::SwapLeg::Provisional);
    if !provisional && credited > out {
        wrong.push(format!("credited {credited} of {out}"));
    }
    if provisional && (known.0 > 0 || credited > row.facts.provisional) {
        wrong.push(format!("provisional {credited} after {}", known.0));
    }
    if let Err(damage) = store.verify() {
        wrong.push(damage.to_string());
    }
    wrong
}
