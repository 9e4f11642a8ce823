//! A site for tests: simulated meters on a simulated line, a real store, real jobs, and an issuer.
//!
//! Time is the line's own. Nothing here is a fake but the wire and the office's keys. The operator
//! may do everything, and the office's word is renewed when it gets old, unless a test wants it
//! otherwise ([`Site::renews`]).

#![allow(dead_code, reason = "shared by several tests, none of which uses all of it")]

#[path = "office.rs"]
mod office;

pub use office::{BASE, DEVICE, OPERATOR, Office, TENANT, grant_taken};

use std::time::Duration;

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::proven::Accepted;
use meterkit::jobs::recharge::{self, Checked, Preflight};
use meterkit::jobs::views::{Failure, FinishedView, Stage};
use meterkit::jobs::{Cancel, Clock, Desk, Line, Moment, Session, check, session, tokens};
use meterkit::profile::{self, Profile};
use meterkit::protocol::dlt645::dialogue::Access;
use meterkit::protocol::dlt645::frame::{Address, Frame};
use meterkit::sim::Fleet;
use meterkit::sim::serve::{FleetStation, SharedFleet};
use meterkit::store::{DocKind, LogOut, Stamp, Store, StoreKey};
use meterkit::transport::{Line as Wires, Link, Station, VirtualLink};
use meterkit::units::{AccountNo, Act, MeterNo, OperatorId, TokenId, UnixSeconds};
use meterkit_tokens::{Grant, Kind, RechargeToken, Status, Unit};

/// What a token shall say.
#[derive(Clone)]
pub struct Order {
    pub meter: MeterNo,
    pub account: AccountNo,
    pub count: u32,
    pub amount: i64,
    pub unit: Unit,
    pub device: String,
    pub tenant: String,
    /// Seconds from [`BASE`].
    pub not_before: i64,
    pub expires: i64,
    pub caps: u32,
    pub max_balance: Option<i64>,
    pub kind: Kind,
    pub undoes: Option<TokenId>,
}

impl Order {
    pub fn new(meter: MeterNo, account: AccountNo, count: u32, amount: i64) -> Self {
        Self {
            meter,
            account,
            count,
            amount,
            unit: Unit::Yuan,
            device: DEVICE.to_owned(),
            tenant: TENANT.to_owned(),
            not_before: -3600,
            expires: 6 * 86_400,
            caps: 0,
            max_balance: None,
            kind: Kind::Recharge,
            undoes: None,
        }
    }
}

impl Order {
    /// The office's signature under it; the serial number is the token's identity.
    pub fn sign(&self, office: &Office, serial: u64, now: UnixSeconds) -> (TokenId, Vec<u8>) {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&serial.to_be_bytes());
        let token = RechargeToken {
            tenant: self.tenant.clone(),
            meter: self.meter.bcd(),
            device: self.device.clone(),
            expires: BASE + self.expires,
            not_before: BASE + self.not_before,
            issued: (BASE + self.not_before).min(now.0),
            id,
            kind: self.kind,
            amount: self.amount,
            unit: self.unit,
            count: self.count,
            seq: serial,
            order: serial.to_be_bytes(),
            account: self.account.bcd(),
            caps: self.caps,
            max_balance: self.max_balance,
            undoes: self.undoes.map(|id| id.0),
        };
        (TokenId(id), office.issuer.recharge(&token).unwrap())
    }
}

/// A line to meters of another family.
pub trait Far {
    fn link(&mut self) -> &mut dyn Link;
    fn tick(&self) -> Duration;
    fn advance(&mut self, time: Duration);
    fn unplug(&mut self);
    fn plug(&mut self);
}

impl<S: Station> Far for VirtualLink<S> {
    fn link(&mut self) -> &mut dyn Link {
        self
    }

    fn tick(&self) -> Duration {
        self.now()
    }

    fn advance(&mut self, time: Duration) {
        VirtualLink::advance(self, time);
    }

    fn unplug(&mut self) {
        VirtualLink::unplug(self);
    }

    fn plug(&mut self) {
        VirtualLink::plug(self);
    }
}

/// A handheld at a bus of simulated meters.
pub struct Site {
    pub store: Store,
    pub session: Session,
    pub link: VirtualLink<FleetStation>,
    pub fleet: SharedFleet,
    /// Errands go over this line instead of [`Site::link`].
    pub other: Option<Box<dyn Far>>,
    pub profile: Profile,
    /// The models whose unproven rows may be written by.
    pub accepted: Accepted,
    pub clock: TickClock,
    pub cancel: Cancel,
    pub doubtful: bool,
    /// Set: cancels the errand when it reaches this stage.
    pub cancel_at: Option<Stage>,
    /// All traffic, when wanted.
    pub trace: Option<Vec<(bool, Vec<u8>)>>,
    /// The office's word and the log-in are renewed before they end.
    pub renews: bool,
    pub office: Office,
    serial: u64,
    renew_at: i64,
    /// Holds the store.
    pub folder: tempfile::TempDir,
}

/// The key every test store is sealed with.
pub fn store_key() -> StoreKey {
    StoreKey::from_bytes([5; 32])
}

/// The operator of every test.
pub fn operator() -> OperatorId {
    OPERATOR.parse().unwrap()
}

/// A freshly enrolled store in `folder`/store, with a status and a grant.
pub fn create(folder: &std::path::Path) -> Store {
    let office = Office::new();
    let stamp = Stamp { at: UnixSeconds(BASE), boot_ms: 0, operator: OPERATOR.to_owned() };
    let path = folder.join("store");
    let store = Store::create(&path, office.identity(), &stamp, &store_key()).unwrap();
    let (version, status) = office.status(BASE, |_| {});
    store.take_document(&stamp, DocKind::Status, version, &status).unwrap();
    store.append(&stamp, grant_taken(office.grant(OPERATOR, |_| {}))).unwrap();
    store
}

impl Site {
    pub fn new(fleet: Fleet, wires: Wires) -> Self {
        // A disk in memory where there is one: these tests are about money, not about fdatasync.
        let memory = std::path::Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
        let clock = TickClock { base: UnixSeconds(BASE), offset_s: 0 };
        let store = create(folder.path());
        let begun = Moment { at: UnixSeconds(BASE), boot_ms: 0 };
        let session = Session::begin(&store, operator(), 0, begun);
        let station = FleetStation::new(fleet);
        Self {
            store,
            session,
            fleet: station.fleet(),
            link: VirtualLink::new(station, wires),
            other: None,
            profile: Profile::built_in(profile::DEFAULT).unwrap(),
            accepted: Accepted::default(),
            clock,
            cancel: Cancel::default(),
            doubtful: false,
            cancel_at: None,
            trace: None,
            renews: true,
            office: Office::new(),
            serial: 0,
            renew_at: BASE + 20 * 3_600,
            folder,
        }
    }

    /// The time of the line in use.
    pub fn tick(&self) -> Duration {
        self.other.as_ref().map_or_else(|| self.link.now(), |other| other.tick())
    }

    pub fn now(&self) -> UnixSeconds {
        self.clock.now(self.tick())
    }

    pub fn moment(&self) -> Moment {
        Moment { at: self.now(), boot_ms: self.clock.boot_ms(self.tick()) }
    }

    pub fn stamp(&self) -> Stamp {
        self.moment().stamp(&operator())
    }

    /// Takes a status in that the office signed now.
    pub fn take_status(&mut self, change: impl FnOnce(&mut Status)) {
        self.serial += 1;
        let serial = self.serial;
        let (_, bytes) = self.office.status(self.now().0, |status| {
            status.version += serial;
            change(status);
        });
        let done = tokens::import_bytes(&self.store, &self.stamp(), &bytes);
        assert_eq!(done.refused, [], "a status");
    }

    /// Takes a grant in that the office signed now, and logs in with it.
    pub fn take_grant(&mut self, change: impl FnOnce(&mut Grant)) {
        self.serial += 1;
        let (serial, now) = (self.serial, self.now().0);
        let grant = self.office.grant(OPERATOR, |grant| {
            grant.id[15] = u8::try_from(serial).unwrap();
            grant.issued = now;
            grant.not_before = now;
            change(grant);
        });
        self.store.append(&self.stamp(), grant_taken(grant)).unwrap();
        self.log_in();
    }

    /// Logs out and in again.
    pub fn log_in(&mut self) {
        session::log_out(&self.store, &self.session, LogOut::Asked, &self.stamp()).unwrap();
        self.session = Session::begin(&self.store, operator(), 0, self.moment());
    }

    /// A new word of the office and a new shift, in good time.
    fn renew(&mut self) {
        if self.renews && self.now().0 >= self.renew_at {
            self.renew_at = self.now().0 + 20 * 3_600;
            self.take_status(|_| {});
            self.log_in();
        }
    }

    /// The office's signature under an order.
    pub fn sign(&mut self, order: &Order) -> (TokenId, Vec<u8>) {
        self.serial += 1;
        order.sign(&self.office, self.serial, self.now())
    }

    /// Signs and imports.
    pub fn issue(&mut self, order: &Order) -> TokenId {
        let (id, bytes) = self.sign(order);
        let done = tokens::import_bytes(&self.store, &self.stamp(), &bytes);
        assert_eq!(done.taken, [id], "{:?}", done.refused);
        id
    }

    /// Runs an errand on the line.
    pub fn errand<T>(&mut self, work: impl FnOnce(&Desk<'_>, &mut Line<'_>) -> T) -> T {
        self.renew();
        let (store, session) = (&self.store, &self.session);
        let accepted = &self.accepted;
        let desk = Desk { store, session, max_life_s: check::MAX_LIFE_S, accepted };
        let (cancel, cancel_at) = (self.cancel.clone(), self.cancel_at);
        let mut progress = |stage: Stage, _, _| {
            if cancel_at == Some(stage) {
                cancel.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        };
        let trace = &mut self.trace;
        let mut wire = |piece: meterkit::jobs::Wire<'_>| {
            if let Some(trace) = trace {
                trace.push((piece.received, piece.bytes.to_vec()));
            }
        };
        let link: &mut dyn Link = match &mut self.other {
            Some(other) => other.link(),
            None => &mut self.link,
        };
        let mut line = Line {
            link,
            profile: &self.profile,
            clock: &self.clock,
            cancel: &self.cancel,
            wire: &mut wire,
            progress: &mut progress,
            doubtful: self.doubtful,
            secret: None,
        };
        let result = work(&desk, &mut line);
        self.doubtful = line.doubtful;
        self.cancel.store(false, std::sync::atomic::Ordering::Relaxed);
        result
    }

    pub fn preflight(&mut self, token: TokenId) -> Result<Checked, Failure> {
        self.errand(|desk, line| recharge::preflight(desk, line, token))
    }

    pub fn commit(&mut self, ready: &Preflight, digits: &str) -> Result<FinishedView, Failure> {
        self.errand(|desk, line| recharge::commit(ready, digits, desk, line))
    }

    pub fn resolve(&mut self, meter: MeterNo) -> Result<FinishedView, Failure> {
        self.errand(|desk, line| recharge::resolve(desk, line, meter))
    }

    /// Both halves; `between` may meddle after the evidence was read.
    pub fn recharge(
        &mut self,
        token: TokenId,
        between: impl FnOnce(&mut Self),
    ) -> Result<FinishedView, Failure> {
        match self.preflight(token)? {
            Checked::Settled(settled) => Ok(*settled),
            Checked::Ready(ready) => {
                between(self);
                let face = ready.view.evidence.meter.to_string();
                self.commit(&ready, &face[8..])
            }
        }
    }

    /// The first half for a token of any act.
    pub fn preflight_any(&mut self, token: TokenId) -> Result<Checked, Failure> {
        self.errand(|desk, line| recharge::preflight_act(desk, line, token, Act::ALL))
    }

    /// Both halves for a token of any act.
    pub fn carry_out(
        &mut self,
        token: TokenId,
        access: Option<&Access>,
        between: impl FnOnce(&mut Self),
    ) -> Result<FinishedView, Failure> {
        match self.preflight_any(token)? {
            Checked::Settled(settled) => Ok(*settled),
            Checked::Ready(ready) => {
                between(self);
                let face = ready.view.evidence.meter.to_string();
                self.errand(|desk, line| {
                    recharge::commit_act(&ready, &face[8..], desk, line, access)
                })
            }
        }
    }

    /// A recharge frame that was under way for long arrives now. Built by hand, not by the driver.
    pub fn late_frame(&mut self, order: &Order) {
        let mut data = vec![0xFF, 0x02, 0x01, 0x07, 0, 0, 0, 0];
        data.extend((order.amount as u32).to_le_bytes());
        data.extend((order.count + 1).to_le_bytes());
        data.extend([0; 4]);
        data.extend(order.account.wire());
        data.extend([0; 4]);
        let frame = Frame::new(Address::meter(order.meter), 0x03, data);
        let now = self.link.now();
        self.fleet.lock().unwrap().hear(&frame, now);
    }

    pub fn pass(&mut self, time: Duration) {
        match &mut self.other {
            Some(other) => other.advance(time),
            None => self.link.advance(time),
        }
    }

    pub fn unplug(&mut self) {
        match &mut self.other {
            Some(other) => other.unplug(),
            None => self.link.unplug(),
        }
    }

    pub fn plug(&mut self) {
        match &mut self.other {
            Some(other) => other.plug(),
            None => self.link.plug(),
        }
    }

    /// The store, who works with it, and what holds it.
    pub fn into_parts(self) -> (Store, Session, tempfile::TempDir) {
        (self.store, self.session, self.folder)
    }

    /// Closes the store and opens it again, as a restart does.
    pub fn restart(&mut self) {
        let spare = tempfile::tempdir().unwrap();
        drop(std::mem::replace(&mut self.store, create(spare.path())));
        let path = self.folder.path().join("store");
        let (store, opened) = Store::open(&path, &store_key()).unwrap();
        assert_eq!(opened.read_only, None);
        self.session = Session::begin(&store, operator(), 0, self.moment());
        self.store = store;
        self.doubtful = true;
    }
}

/// What a quick read took on a line of that speed, and the least it can take.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub baud: u32,
    pub took: Duration,
    pub floor: Duration,
}

impl Cost {
    /// How much more than the floor, in hundredths of a percent.
    pub fn over(&self) -> u128 {
        self.took.saturating_sub(self.floor).as_nanos() * 10_000 / self.floor.as_nanos()
    }
}

/// Reads one meter's card in virtual time. The floor is that of `reference/other-meters.md` 6,
/// summed over the items: (p + q + 24 + 2d + N) characters of 11 bits and the meter's own pause,
/// nothing for us.
pub fn quick_read_cost(baud: u32) -> Cost {
    use meterkit::jobs::read;
    use meterkit::sim::{Meter, MeterSetup};
    use meterkit::transport::{Faults, LineSettings};

    let (meter, account) = ("47".parse().unwrap(), "112233445566".parse().unwrap());
    let setup = MeterSetup::opened(meter, account, 1_234, 6);
    let (pause, answer_preamble) = (setup.delay_ms, u32::from(setup.preamble));
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    let fleet = Fleet::new(vec![Meter::new(setup, start, 1)]);
    let mut site = Site::new(fleet, Wires::new(LineSettings::even(baud), Faults::NONE));
    let (view, reading) = site.errand(|_, line| read::quick_read(line, meter)).unwrap();
    assert_eq!(view.missing, Vec::<&str>::new());
    // The answer itself takes up to a third of a second.
    assert!(matches!(view.drift_s, Some(-1..=0)), "{:?}", view.drift_s);
    assert_eq!(reading.items.len(), 9);
    let preamble = u32::from(site.profile.line.preamble);
    let floor = reading.items.iter().map(|(_, data)| {
        let characters = preamble + answer_preamble + 24 + 2 * 4 + data.len() as u32;
        Duration::from_secs(1) * characters * 11 / baud + Duration::from_millis(pause)
    });
    Cost { baud, floor: floor.sum(), took: site.link.now() }
}
