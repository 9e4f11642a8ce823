//! The engine behind the screens: plain threads, one bounded channel each way.
//!
//! | thread | owns |
//! |---|---|
//! | desk | answers from the store, hands errands to the others |
//! | line | the open link, one errand at a time; opened when needed, dropped when gone |
//! | office | one exchange at a time |
//! | ports | looks once a second while somebody looks at the list |
//!
//! Every request is answered by at least one update. Results wait for room in the channel; progress
//! and traffic are dropped when the screens are behind. A worker that panics says so and goes on
//! with the next errand; the journal makes that safe. Dropping the [`Engine`] stops waiting and
//! ends the threads.

mod desk;
mod line;
mod office;
mod ports;
mod trace;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never};

use super::views::{ErrandId, Failure, HomeView, Network, Request, Update};
use super::{Cancel, Clock, SystemClock, check, failure, meters, open};
use crate::report::Code;
use crate::store::{Stamp, Store};
use crate::transport::{LineSettings, Link};
use crate::units::UnixSeconds;

/// Updates waiting for the screens at most.
pub const UPDATES: usize = 256;
/// Requests waiting for the engine at most.
pub const REQUESTS: usize = 64;
/// Errands waiting for one worker at most; a further one fails at once.
pub const ERRANDS: usize = 8;
/// How often the threads are looked after while the engine shuts down.
const REAP: Duration = Duration::from_millis(5);

/// Opens a line: [`open::line`], or a simulated one in tests.
pub type OpenLine =
    Box<dyn Fn(Option<&str>, &LineSettings) -> Result<Box<dyn Link>, Failure> + Send>;

/// How to start.
pub struct EngineConfig {
    /// The store's folder.
    pub store: PathBuf,
    /// The line to use, as written in the configuration.
    pub port: Option<String>,
    /// Line settings, where they are not the profile's own.
    pub settings: Option<LineSettings>,
    /// The profile for meters whose list names none.
    pub profile: Option<String>,
    /// Who works.
    pub operator: String,
    /// Longest life of a token that is used, seconds.
    pub max_life_s: i64,
    /// The clock and the meters' time zone.
    pub clock: Arc<dyn Clock>,
    /// Demo only: brings the network up (`true`) or down.
    pub network: Option<Box<dyn Fn(bool) + Send>>,
    /// How lines are opened.
    pub open_line: OpenLine,
}

impl EngineConfig {
    /// The usual configuration for the store in that folder.
    ///
    /// # Errors
    /// The machine's own time zone is always known, so none in practice.
    pub fn new(store: PathBuf, operator: String) -> Result<Self, Failure> {
        let clock = SystemClock::new(None).map_err(|detail| failure::fail(Code::Config, detail))?;
        Ok(Self {
            store,
            port: None,
            settings: None,
            profile: None,
            operator,
            max_life_s: check::MAX_LIFE_S,
            clock: Arc::new(clock),
            network: None,
            open_line: Box::new(open::line),
        })
    }
}

/// The running engine.
pub struct Engine {
    /// Where requests go. When it is full the screens are asking faster than anything can answer.
    pub requests: Sender<Request>,
    /// What comes back.
    pub updates: Receiver<Update>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Shared {
    store: Store,
    operator: String,
    max_life_s: i64,
    profile: Option<String>,
    settings: Option<LineSettings>,
    clock: Arc<dyn Clock>,
    updates: Sender<Update>,
    home: Mutex<HomeView>,
    cancels: Mutex<HashMap<ErrandId, Cancel>>,
}

/// A lock that a panicked thread held is still good: every holder leaves whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// A result: waits for room. Screens that went away are no error.
    fn tell(&self, update: Update) {
        let _ = self.updates.send(update);
    }

    /// Progress or traffic: dropped when there is no room.
    fn hint(&self, update: Update) {
        let _ = self.updates.try_send(update);
    }

    fn tell_home(&self) {
        let home = {
            let mut home = lock(&self.home);
            *home = meters::home(&self.store, &home);
            home.clone()
        };
        self.tell(Update::Home(home));
    }

    fn set_network(&self, network: Network) {
        lock(&self.home).network = network;
    }

    fn port(&self) -> Option<String> {
        lock(&self.home).port.clone()
    }

    /// The time now, where no line is at hand.
    fn now(&self) -> UnixSeconds {
        self.clock.now(Duration::ZERO)
    }

    fn stamp(&self) -> Stamp {
        let boot_ms = self.clock.boot_ms(Duration::ZERO);
        Stamp { at: self.now(), boot_ms, operator: self.operator.clone() }
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

    fn cancel(&self, errand: ErrandId) {
        if let Some(cancel) = lock(&self.cancels).get(&errand) {
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
    /// Opens the store, says what is in it, and starts the threads. The journal is verified in the
    /// background.
    ///
    /// # Errors
    /// Codes of the store area; [`Code::Internal`] when no thread can be started.
    pub fn start(config: EngineConfig) -> Result<Self, Failure> {
        let (store, opened) = open::store(&config.store)?;
        if let Some(why) = &opened.read_only {
            tracing::warn!(%why, "money is stopped");
        }
        let (requests, inbox) = bounded(REQUESTS);
        let (to_screens, updates) = bounded(UPDATES);
        let home = HomeView {
            operator: config.operator.clone(),
            port: config.port,
            demo: config.network.is_some(),
            ..HomeView::default()
        };
        let shared = Arc::new(Shared {
            store,
            operator: config.operator,
            max_life_s: config.max_life_s,
            profile: config.profile,
            settings: config.settings,
            clock: config.clock,
            updates: to_screens,
            home: Mutex::new(home),
            cancels: Mutex::new(HashMap::new()),
        });
        shared.tell_home();
        let mut engine = Self { requests, updates, shared: shared.clone(), threads: Vec::new() };
        let (line, line_inbox) = bounded(ERRANDS);
        let (office, office_inbox) = bounded(ERRANDS);
        let (ports, ports_inbox) = bounded(ERRANDS);
        let open_line = config.open_line;
        engine.spawn("line", move |shared| line::work(&shared, &line_inbox, &open_line))?;
        engine.spawn("office", move |shared| office::work(&shared, &office_inbox))?;
        engine.spawn("ports", move |shared| ports::work(&shared, &ports_inbox))?;
        let network = config.network;
        let to = desk::Workers { line, office, ports, network };
        engine.spawn("desk", move |shared| desk::work(&shared, &inbox, to))?;
        Ok(engine)
    }

    /// The store, for what the caller itself looks up.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    fn spawn(
        &mut self,
        name: &str,
        work: impl FnOnce(Arc<Shared>) + Send + 'static,
    ) -> Result<(), Failure> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread
            .spawn(move || work(shared))
            .map_err(|error| failure::fail(Code::Internal, error.to_string()))?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for cancel in lock(&self.shared.cancels).values() {
            cancel.store(true, Ordering::Relaxed);
        }
        // With the last sender gone the desk ends, and with it, one after the other, the workers.
        (self.requests, _) = bounded(0);
        let updates = std::mem::replace(&mut self.updates, never());
        for thread in self.threads.drain(..) {
            // A worker may be waiting for room for a result nobody will read.
            while !thread.is_finished() {
                if updates.recv_timeout(REAP).is_err() {
                    for cancel in lock(&self.shared.cancels).values() {
                        cancel.store(true, Ordering::Relaxed);
                    }
                }
            }
            let _ = thread.join();
        }
    }
}
