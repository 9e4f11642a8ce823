//! Puts a fleet at the far end of a line: in virtual time, or behind a pty or TCP port.
//!
//! [`FleetStation`] is what `transport`'s simulated lines and servers drive. It puts frames
//! together from bytes, and keeps the fleet's state in a file if told to: written before an answer
//! leaves, so that whoever was killed in between still finds what really happened.
//!
//! Limits: a line has one speed, so it follows a change (17H) only when all its meters made it;
//! meters that answer at once collide on the line, not here.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bus::Bus;
use super::cjt188::Cjt188Bus;
use super::fleet::{Fleet, FleetError};
use super::iec::IecBus;
use super::modbus::ModbusBus;
use super::purse::Booking;
use crate::profile::{Profile, Profiles, Protocol};
use crate::protocol::Framing;
use crate::protocol::dlt645::frame::{Decoder, Frame};
use crate::transport::Station;
use crate::units::{AccountNo, MeterNo};

/// A pause between bytes that ends a frame (`reference/dlt645.md` 7).
const GAP_MAX: Duration = Duration::from_millis(500);
/// Answers waiting to be sent at most; what comes beyond is lost.
const ANSWERS_MAX: usize = 4096;

/// A fleet that several may look at.
pub type SharedFleet = Arc<Mutex<Fleet>>;

/// What happened to a meter's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A credit was really added.
    Booked,
    /// Count and record moved, the credit was not added.
    Torn,
    /// Credit was taken back.
    Refunded,
    /// The purchase count was lost.
    CounterReset,
}

impl EventKind {
    /// A stable name for output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Torn => "torn-write",
            Self::Refunded => "refunded",
            Self::CounterReset => "counter-reset",
        }
    }
}

/// One thing that happened to a meter's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoneyEvent {
    /// What.
    pub kind: EventKind,
    /// To which meter.
    pub meter: MeterNo,
    /// Under which customer number; `None` if the account is not open.
    pub account: Option<AccountNo>,
    /// The purchase count after it.
    pub count: u32,
    /// Hundredths; what a reset did to the balance.
    pub amount: i64,
    /// The meter's uptime.
    pub at: Duration,
}

/// Control code of a change of speed (DL/T 645-2007, 17H).
const CHANGE_SPEED: u8 = 0x17;

/// Who wants to know what happened to the money.
type Listener = Box<dyn FnMut(&MoneyEvent) + Send>;

/// A fleet at the far end of a line.
pub struct FleetStation {
    fleet: SharedFleet,
    decoder: Decoder,
    last_byte: Duration,
    answers: VecDeque<(Duration, Vec<u8>)>,
    state_file: Option<PathBuf>,
    state_fault: Option<String>,
    listener: Option<Listener>,
    /// Set by the first change of speed; before, the line is as fast as whoever made it said.
    speed: Option<u32>,
}

impl fmt::Debug for FleetStation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meters = self.lock().meters().len();
        let (waiting, state) = (self.answers.len(), &self.state_file);
        write!(f, "FleetStation({meters} meters, {waiting} answers waiting, state {state:?})")
    }
}

impl FleetStation {
    /// This fleet.
    pub fn new(fleet: Fleet) -> Self {
        Self::sharing(Arc::new(Mutex::new(fleet)))
    }

    /// A fleet that others hold too.
    pub fn sharing(fleet: SharedFleet) -> Self {
        Self {
            fleet,
            decoder: Decoder::new(),
            last_byte: Duration::ZERO,
            answers: VecDeque::new(),
            state_file: None,
            state_fault: None,
            listener: None,
            speed: None,
        }
    }

    /// Keeps the fleet's state in `path`, from now on and now.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_state(mut self, path: &Path) -> io::Result<Self> {
        self.state_file = Some(path.to_owned());
        self.save()?;
        Ok(self)
    }

    /// Tells `listener` what happens to the money, before the meter's answer leaves.
    pub fn tell(mut self, listener: impl FnMut(&MoneyEvent) + Send + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// A handle on the fleet, to look at it and change it while it is served.
    pub fn fleet(&self) -> SharedFleet {
        Arc::clone(&self.fleet)
    }

    /// The fleet, locked. Do not hold it across a call that lets time pass.
    pub fn lock(&self) -> MutexGuard<'_, Fleet> {
        // A panic elsewhere leaves plain data; the fleet is still whole.
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the state file could not be written, if it could not; such a meter answers no more.
    pub fn state_fault(&self) -> Option<&str> {
        self.state_fault.as_deref()
    }

    /// Writes the state file, if one is kept: whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.state_file else { return Ok(()) };
        let text = self.lock().to_state().map_err(io::Error::other)?;
        let mut temporary = path.clone().into_os_string();
        temporary.push(".new");
        std::fs::write(&temporary, text)?;
        std::fs::rename(&temporary, path)
    }

    fn take(&mut self, frame: &Frame, at: Duration) {
        let (replies, events) = {
            let mut fleet = self.lock();
            let before: Vec<Marks> = fleet.meters().iter().map(Marks::of).collect();
            let replies = fleet.hear(frame, at);
            let events: Vec<MoneyEvent> = before
                .iter()
                .zip(fleet.meters())
                .flat_map(|(marks, meter)| marks.news(meter))
                .collect();
            (replies, events)
        };
        // Reads change nothing worth keeping.
        let reads = matches!(frame.control, 0x11..=0x13);
        if self.state_file.is_some() && !(reads && events.is_empty()) {
            if let Err(error) = self.save() {
                // An answer now could vouch for money that the state file does not know of.
                self.state_fault = Some(error.to_string());
                return;
            }
            self.state_fault = None;
        }
        if let Some(listener) = &mut self.listener {
            events.iter().for_each(listener);
        }
        for reply in replies {
            if self.answers.len() < ANSWERS_MAX {
                self.answers.push_back((at + reply.after, reply.bytes));
            }
        }
        self.answers.make_contiguous().sort_by_key(|(start, _)| *start);
        if frame.control == CHANGE_SPEED {
            self.speed = self.common_speed();
        }
    }

    /// The speed all meters here agree on. A line has one; a meter that went its own way is as lost
    /// to the others' master as in the field.
    fn common_speed(&self) -> Option<u32> {
        let fleet = self.lock();
        let mut speeds = fleet.meters().iter().map(super::Meter::baud);
        let first = speeds.next()?;
        speeds.all(|speed| speed == first).then_some(first)
    }
}

impl Station for FleetStation {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        if at.saturating_sub(self.last_byte) > GAP_MAX {
            self.decoder.clear();
        }
        self.last_byte = at;
        self.decoder.push(bytes);
        while let Some(found) = self.decoder.next() {
            if let Ok(frame) = found {
                self.take(&frame, at);
            }
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.answers.pop_front()
    }

    fn speed(&self) -> Option<u32> {
        self.speed
    }
}

/// Any family's bus at the far end of a line.
#[derive(Debug, Clone)]
pub struct BusStation<B>(pub B);

impl<B: Bus> Station for BusStation<B> {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.0.hear(bytes, at);
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.0.next()
    }

    fn speed(&self) -> Option<u32> {
        self.0.speed()
    }
}

/// A line of simulated meters that keep no DL/T 645 purse.
pub struct Served {
    /// What hangs there.
    pub station: Box<dyn Station>,
    /// How many meters.
    pub meters: usize,
    /// How the line is set.
    pub framing: Framing,
}

/// Reads a fleet file of Modbus, CJ/T 188 or IEC meters: told by the first profile it names.
/// `None`: it is one of DL/T 645 meters ([`Fleet::from_toml`]).
///
/// # Errors
/// [`FleetError`] for anything wrong in it, two protocols in one file included.
pub fn served(text: &str, profiles: &Profiles) -> Result<Option<Served>, FleetError> {
    let file: toml::Table =
        toml::from_str(text).map_err(|error| FleetError::File(error.to_string()))?;
    let Some(profile) = first_profile(&file).and_then(|name| profiles.get(name)) else {
        return Ok(None);
    };
    let protocol = profile.protocol;
    let same = |found: &&Profile| match protocol {
        Protocol::ModbusRtu | Protocol::ModbusTcp => found.protocol.is_modbus(),
        _ => found.protocol == protocol,
    };
    let find = |name: &str| profiles.get(name).filter(same).cloned();
    let wrong = |error: &dyn fmt::Display| FleetError::File(error.to_string());
    let (station, meters): (Box<dyn Station>, usize) = match protocol {
        Protocol::ModbusRtu | Protocol::ModbusTcp => {
            let bus = ModbusBus::from_toml(text, &find).map_err(|error| wrong(&error))?;
            let meters = bus.meters().len();
            (Box::new(BusStation(bus)), meters)
        }
        Protocol::Cjt188 => {
            let bus = Cjt188Bus::from_toml(text, find).map_err(|error| wrong(&error))?;
            let meters = bus.meters().len();
            (Box::new(BusStation(bus)), meters)
        }
        Protocol::Iec62056 => {
            let bus = IecBus::from_toml(text, &find).map_err(|error| wrong(&error))?;
            let meters = bus.meters().len();
            (Box::new(BusStation(bus)), meters)
        }
        Protocol::Dlt645_2007 | Protocol::Dlt645_1997 => return Ok(None),
        Protocol::Dlt698 | Protocol::Dlms | Protocol::Mbus => {
            let text = format!("{}: no meters of this protocol are simulated", profile.id);
            return Err(FleetError::File(text));
        }
    };
    Ok(Some(Served { station, meters, framing: profile.line.framing }))
}

/// The first profile a fleet file names.
fn first_profile(file: &toml::Table) -> Option<&str> {
    let rows = ["meter", "box"].iter().filter_map(|list| file.get(*list)?.as_array()).flatten();
    let keys = ["profile", "profile_three", "profile_single"];
    rows.flat_map(|row| keys.iter().filter_map(|key| row.get(*key)?.as_str())).next()
}

/// How long a meter's ledgers were, to see what is new.
struct Marks {
    bookings: usize,
    torn: usize,
    refunds: usize,
    resets: usize,
}

impl Marks {
    fn of(meter: &super::Meter) -> Self {
        Self {
            bookings: meter.bookings().len(),
            torn: meter.torn_writes().len(),
            refunds: meter.refunds().len(),
            resets: meter.counter_resets().len(),
        }
    }

    fn news(&self, meter: &super::Meter) -> Vec<MoneyEvent> {
        let no = meter.number();
        let credits = |kind, bookings: &[Booking], from: usize| {
            let one = move |b: &Booking| MoneyEvent {
                kind,
                meter: no,
                account: Some(b.account),
                count: b.count,
                amount: b.amount,
                at: b.at,
            };
            bookings.iter().skip(from).map(one).collect::<Vec<_>>()
        };
        let resets = meter.counter_resets().iter().skip(self.resets).map(|reset| MoneyEvent {
            kind: EventKind::CounterReset,
            meter: no,
            account: reset.after,
            count: 0,
            amount: reset.shift,
            at: reset.at,
        });
        let mut news = credits(EventKind::Booked, meter.bookings(), self.bookings);
        news.extend(credits(EventKind::Torn, meter.torn_writes(), self.torn));
        news.extend(credits(EventKind::Refunded, meter.refunds(), self.refunds));
        news.extend(resets);
        news
    }
}
