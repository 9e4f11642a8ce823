//! One worker a port: an errand on another port does not wait for the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError, bounded};

use super::desk::busy;
use super::line::{self, Errand, Task};
use super::{ERRANDS, LINES, Shared, lock};
use crate::jobs::Cancel;
use crate::jobs::failure::fail;
use crate::jobs::views::{ErrandId, Failure};
use crate::report::Code;
use crate::units::{BusPlace, MeterNo};

/// A port as it is written; `None` where none was chosen.
type Port = Option<String>;

/// The workers of all ports, each begun with the first errand there.
pub(super) struct Lines {
    shared: Arc<Shared>,
    workers: Mutex<HashMap<Port, Worker>>,
    /// Where the last preflight went: its confirmation goes there, too.
    ready_on: Mutex<Port>,
}

struct Worker {
    inbox: Sender<Errand>,
    thread: JoinHandle<()>,
}

impl Lines {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, workers: Mutex::default(), ready_on: Mutex::default() }
    }

    /// Hands an errand to the worker of its port; one that cannot be taken is answered at once.
    pub fn give(&self, errand: ErrandId, task: Task) {
        let cancel = self.shared.begin(errand);
        let port = self.port(&task);
        let refused = match self.worker(&port) {
            Ok(inbox) => match inbox.try_send(Errand { errand, cancel, task }) {
                Ok(()) => return,
                Err(
                    TrySendError::Full(Errand { task, .. })
                    | TrySendError::Disconnected(Errand { task, .. }),
                ) => task.failed(errand, busy()),
            },
            Err(failure) => task.failed(errand, failure),
        };
        self.shared.end(errand);
        self.shared.tell(refused);
    }

    /// Has every worker let go of its port, for an errand that opens lines itself. Each says so on
    /// the channel, or drops it.
    pub fn release(&self, told: &Sender<()>) {
        for worker in lock(&self.workers).values() {
            let task = Task::Release(told.clone());
            let errand = Errand { errand: ErrandId(0), cancel: Cancel::default(), task };
            let _ = worker.inbox.try_send(errand);
        }
    }

    fn worker(&self, port: &Port) -> Result<Sender<Errand>, Failure> {
        let mut workers = lock(&self.workers);
        workers.retain(|_, worker| !worker.thread.is_finished());
        if let Some(worker) = workers.get(port) {
            return Ok(worker.inbox.clone());
        }
        if workers.len() >= LINES {
            return Err(fail(Code::PortBusy, format!("{LINES} ports are in use")));
        }
        let (inbox, errands) = bounded(ERRANDS);
        let (shared, own) = (self.shared.clone(), port.clone());
        let thread = std::thread::Builder::new().name("line".to_owned());
        let thread = thread
            .spawn(move || line::work(&shared, own, &errands))
            .map_err(|error| fail(Code::Internal, error.to_string()))?;
        workers.insert(port.clone(), Worker { inbox: inbox.clone(), thread });
        Ok(inbox)
    }

    /// Where an errand belongs.
    fn port(&self, task: &Task) -> Port {
        let of = |meter: MeterNo| {
            let place = self.shared.store.meter(meter).map(|row| row.place);
            self.shared.port_of(&place.unwrap_or_default())
        };
        match task {
            Task::Read(meter) | Task::Resolve(meter) => of(*meter),
            Task::Preflight(token) => {
                let meter = self.shared.store.token(*token).map(|row| row.facts.meter);
                let place = BusPlace::default();
                let port = meter.map_or_else(|| self.shared.port_of(&place), of);
                lock(&self.ready_on).clone_from(&port);
                port
            }
            Task::Commit(_) => lock(&self.ready_on).clone(),
            Task::Survey(_) | Task::Release(_) => self.shared.port(),
        }
    }

    /// Ends the workers: what is under way is finished first.
    pub fn end(self) {
        let workers = std::mem::take(&mut *lock(&self.workers));
        let threads: Vec<JoinHandle<()>> =
            workers.into_values().map(|Worker { thread, .. }| thread).collect();
        for thread in threads {
            let _ = thread.join();
        }
    }
}
