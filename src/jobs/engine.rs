//! The engine behind the screens: plain threads, one bounded channel each way.
//!
//! | thread | owns |
//! |---|---|
//! | door | the log-in; while somebody is logged in, answers from the store and hands errands on |
//! | line, one a port | its open link, one errand at a time; opened when needed |
//! | office | one exchange at a time |
//! | errands | one longer errand at a time, over as many lines as it needs |
//! | ports | looks once a second while somebody looks at the list |
//!
//! All but the door run only while somebody is logged in; with the log-out they end, the store is
//! closed and its key forgotten. Every request is answered by at least one update. Results wait for
//! room in the channel; progress and traffic are dropped when the screens are behind. A worker that
//! panics says so and goes on with the next errand; the journal makes that safe. Dropping the
//! [`Engine`] stops waiting, logs out and ends the threads.

mod desk;
mod door;
mod errands;
mod line;
mod lines;
mod office;
mod ports;
mod trace;
mod works;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never};

use super::opener::Opener;
use super::proven::Accepted;
use super::views::{ErrandId, Failure, HomeView, Network, Request, Update};
use super::{
    Cancel, Clock, Moment, Session, SystemClock, check, failure, lines as many, open, sync,
};
use crate::profile::Profiles;
use crate::report::Code;
use crate::store::Store;
use crate::store::vault::SecretPlace;
use crate::table::write::Page;
use crate::transport::{LineSettings, Link, Options};
use crate::units::{BusPlace, UnixSeconds, WorkId};

/// Updates waiting for the screens at most.
pub const UPDATES: usize = 256;
/// Requests waiting for the engine at most.
pub const REQUESTS: usize = 64;
/// Errands waiting for one worker at most; a further one fails at once.
pub const ERRANDS: usize = 8;
/// Ports in use at once at most; a device server has eight ports, a handheld hardly more adapters.
pub const LINES: usize = 32;
/// How often the threads are looked after while the engine shuts down.
const REAP: Duration = Duration::from_millis(5);

/// Opens a line: [`open::line_with`], or a simulated one in tests. The flag stops the waiting.
pub type OpenLine = Box<
    dyn Fn(Option<&str>, &LineSettings, &Cancel) -> Result<Box<dyn Link>, Failure> + Send + Sync,
>;

/// Makes the tables of rounds, in the language of the screens.
pub type MakeTables = Box<dyn Fn(&Store, WorkId, bool) -> Result<Vec<Page>, Failure> + Send + Sync>;

/// Brings the demo's network up (`true`) or down.
pub type Switch = Box<dyn Fn(bool) + Send>;

/// How to start.
pub struct EngineConfig {
    /// The store's folder.
    pub store: PathBuf,
    /// Where the device's secret is.
    pub place: SecretPlace,
    /// Somebody who is logged in already, on the store in that folder: the demo, and tests.
    pub session: Option<(Store, Session)>,
    /// Who logged in last: typed into the log-in screen.
    pub default_operator: String,
    /// The demo's operators and PINs, for the log-in screen.
    pub hint: String,
    /// The line to use, as written in the configuration.
    pub port: Option<String>,
    /// Whether that was asked for by name: then it stands above the area list's own lines, as does
    /// one that is chosen on the screens.
    pub port_forced: bool,
    /// Line settings, where they are not the profile's own.
    pub settings: Option<LineSettings>,
    /// The profile for meters whose list names none.
    pub profile: Option<String>,
    /// The profiles there are.
    pub profiles: Profiles,
    /// Longest life of a token that is used, seconds.
    pub max_life_s: i64,
    /// What may go over the line to the office.
    pub link: sync::Link,
    /// The models whose unproven rows may be written by.
    pub accepted: Accepted,
    /// The clock and the meters' time zone.
    pub clock: Arc<dyn Clock>,
    /// Demo only: brings the network up (`true`) or down.
    pub network: Option<Switch>,
    /// How lines are opened.
    pub open_line: OpenLine,
    /// Where lines are remembered; `None` where they are not (the demo).
    pub opener: Option<Arc<Opener>>,
    /// Makes the tables of rounds; without it none is written.
    pub tables: Option<MakeTables>,
}

impl EngineConfig {
    /// The usual configuration for the store in that folder.
    ///
    /// # Errors
    /// The machine's own time zone is always known, so none in practice.
    pub fn new(store: PathBuf, default_operator: String) -> Result<Self, Failure> {
        let clock = SystemClock::new(None).map_err(|detail| failure::fail(Code::Config, detail))?;
        let (profiles, faults) = open::profiles(&open::profile_folder(&store));
        for fault in faults {
            tracing::warn!(%fault, "profile");
        }
        Ok(Self {
            store,
            place: SecretPlace::Auto,
            session: None,
            default_operator,
            hint: String::new(),
            port: None,
            port_forced: false,
            settings: None,
            profile: None,
            profiles,
            max_life_s: check::MAX_LIFE_S,
            link: sync::Link::default(),
            accepted: Accepted::default(),
            clock: Arc::new(clock),
            network: None,
            open_line: Box::new(|port, settings, cancel| {
                let options = Options { cancel: Arc::clone(cancel), ..Options::default() };
                open::line_with(port, settings, &options)
            }),
            opener: None,
            tables: None,
        })
    }
}

/// The running engine.
pub struct Engine {
    /// Where requests go. When it is full the screens are asking faster than anything can answer.
    pub requests: Sender<Request>,
    /// What comes back.
    pub updates: Receiver<Update>,
    common: Arc<Common>,
    door: Option<JoinHandle<()>>,
}

/// What outlives a log-in.
struct Common {
    dir: PathBuf,
    place: SecretPlace,
    default_operator: Mutex<String>,
    hint: String,
    max_life_s: i64,
    link: sync::Link,
    accepted: Accepted,
    profile: Option<String>,
    profiles: Profiles,
    settings: Option<LineSettings>,
    clock: Arc<dyn Clock>,
    updates: Sender<Update>,
    open_line: OpenLine,
    opener: Option<Arc<Opener>>,
    tables: Option<MakeTables>,
    /// Whether the port of the home screen stands above the area list.
    port_forced: AtomicBool,
    network: Mutex<Option<Switch>>,
    /// The home screen; what the store says in it is wiped at a log-out.
    home: Mutex<HomeView>,
    cancels: Mutex<HashMap<ErrandId, Cancel>>,
}

/// What the threads share while somebody is logged in.
struct Shared {
    common: Arc<Common>,
    store: Store,
    session: Session,
}

impl std::ops::Deref for Shared {
    type Target = Common;
    fn deref(&self) -> &Common {
        &self.common
    }
}

/// A lock that a panicked thread held is still good: every holder leaves whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Common {
    /// A result: waits for room. Screens that went away are no error.
    fn tell(&self, update: Update) {
        let _ = self.updates.send(update);
    }

    /// Progress or traffic: dropped when there is no room.
    fn hint(&self, update: Update) {
        let _ = self.updates.try_send(update);
    }

    fn set_network(&self, network: Network) {
        lock(&self.home).network = network;
    }

    fn port(&self) -> Option<String> {
        lock(&self.home).port.clone()
    }

    /// The port of a meter at this place.
    fn port_of(&self, place: &BusPlace) -> Option<String> {
        let chosen = self.port();
        let forced = self.port_forced.load(Ordering::Relaxed);
        let forced = chosen.as_deref().filter(|_| forced);
        many::port(place, chosen.as_deref(), forced)
    }

    /// The moment, where no line is at hand.
    fn moment(&self) -> Moment {
        Moment::of(self.clock.as_ref())
    }

    fn now(&self) -> UnixSeconds {
        self.moment().at
    }

    /// A new cancel flag for an errand.
    fn begin(&self, errand: ErrandId) -> Cancel {
        let cancel = Cancel::default();
        lock(&self.cancels).insert(errand, cancel.clone());
        cancel
    }

    fn end(&self, errand: ErrandId) {
        lock(&self.cancels).remove(&errand);
    }

    /// Whether an errand is under way or waiting.
    fn busy(&self) -> bool {
        !lock(&self.cancels).is_empty()
    }

    fn cancel(&self, errand: ErrandId) {
        if let Some(cancel) = lock(&self.cancels).get(&errand) {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    fn cancel_all(&self) {
        for cancel in lock(&self.cancels).values() {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    /// Runs one errand; a panic becomes an update. `true` when it came to its end.
    fn guard(&self, errand: Option<ErrandId>, work: impl FnOnce()) -> bool {
        let ended = catch_unwind(AssertUnwindSafe(work));
        if let Some(errand) = errand {
            self.end(errand);
        }
        let Err(panic) = ended else { return true };
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let detail = text.unwrap_or_default();
        tracing::error!(?errand, detail, "a worker died");
        self.tell(Update::WorkerDied { errand, detail });
        false
    }
}

impl Engine {
    /// Starts, locked: the first update is the log-in screen, and nothing is opened before
    /// somebody logs in. With a session in the configuration it starts logged in.
    ///
    /// # Errors
    /// [`Code::NotEnrolled`]; [`Code::Internal`] when no thread can be started.
    pub fn start(config: EngineConfig) -> Result<Self, Failure> {
        if config.session.is_none() && !Store::exists(&config.store) {
            return Err(failure::fail(Code::NotEnrolled, config.store.display().to_string()));
        }
        let (requests, inbox) = bounded(REQUESTS);
        let (to_screens, updates) = bounded(UPDATES);
        let home =
            HomeView { port: config.port, demo: config.network.is_some(), ..HomeView::default() };
        let common = Arc::new(Common {
            dir: config.store,
            place: config.place,
            default_operator: Mutex::new(config.default_operator),
            hint: config.hint,
            max_life_s: config.max_life_s,
            link: config.link,
            accepted: config.accepted,
            profile: config.profile,
            profiles: config.profiles,
            settings: config.settings,
            clock: config.clock,
            updates: to_screens,
            open_line: config.open_line,
            opener: config.opener,
            tables: config.tables,
            port_forced: AtomicBool::new(config.port_forced),
            network: Mutex::new(config.network),
            home: Mutex::new(home),
            cancels: Mutex::default(),
        });
        let (own, begun) = (common.clone(), config.session);
        let door = std::thread::Builder::new().name("door".to_owned());
        let door = door
            .spawn(move || door::work(&own, &inbox, begun))
            .map_err(|error| failure::fail(Code::Internal, error.to_string()))?;
        Ok(Self { requests, updates, common, door: Some(door) })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.common.cancel_all();
        // With the last sender gone the door ends, and with it, one after the other, the workers.
        (self.requests, _) = bounded(0);
        let updates = std::mem::replace(&mut self.updates, never());
        let Some(door) = self.door.take() else { return };
        // A worker may be waiting for room for a result nobody will read.
        while !door.is_finished() {
            if updates.recv_timeout(REAP).is_err() {
                self.common.cancel_all();
            }
        }
        let _ = door.join();
    }
}
