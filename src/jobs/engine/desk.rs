//! Answers what the store knows, and hands everything that takes time to the worker for it.

use crossbeam_channel::{Receiver, Sender, TrySendError};

use super::line::{Errand, Task};
use super::{Shared, office};
use crate::jobs::failure::fail;
use crate::jobs::views::{ErrandId, Failure, Network, Request, Update};
use crate::jobs::{journal, meters, tokens};
use crate::report::Code;

/// Longest page a screen gets.
const MAX_PAGE: usize = 1_000;

/// The workers behind the desk.
pub(super) struct Workers {
    pub line: Sender<Errand>,
    pub office: Sender<office::Errand>,
    pub ports: Sender<()>,
    pub network: Option<Box<dyn Fn(bool) + Send>>,
}

/// Serves requests until the engine is dropped.
pub(super) fn work(shared: &Shared, inbox: &Receiver<Request>, workers: Workers) {
    let mut desk = Desk { shared, workers, network_up: false };
    desk.verify();
    for request in inbox {
        shared.guard(None, || desk.serve(request));
    }
}

struct Desk<'a> {
    shared: &'a Shared,
    workers: Workers,
    network_up: bool,
}

impl Desk<'_> {
    fn serve(&mut self, request: Request) {
        let (shared, store) = (self.shared, &self.shared.store);
        let now = shared.now();
        match request {
            Request::Home => shared.tell_home(),
            Request::Meters { after, search, limit } => {
                let limit = limit.clamp(1, MAX_PAGE);
                let (rows, more) = meters::page(store, now, after, &search, limit);
                shared.tell(Update::Meters { rows, more, search, after });
            }
            Request::Meter(no) => {
                let card = meters::card(store, now, no).unwrap_or_else(|| meters::unknown(no));
                shared.tell(Update::Meter(Box::new(card)));
            }
            Request::Tokens { after, limit } => {
                let (rows, more) = tokens::list(store, now, after, limit.clamp(1, MAX_PAGE));
                shared.tell(Update::Tokens { rows, more, after });
            }
            Request::Journal { before, limit } => {
                let (rows, more) = journal::page(store, before, limit);
                shared.tell(Update::Journal { rows, more, before });
            }
            Request::VerifyJournal => self.verify(),
            Request::Ports => {
                let _ = self.workers.ports.try_send(());
            }
            Request::ChoosePort(port) => {
                super::lock(&shared.home).port = Some(port.trim().to_owned());
                shared.tell_home();
                let _ = self.workers.ports.try_send(());
            }
            Request::ImportTokens(source) => self.import(&source),
            Request::Cancel(errand) => shared.cancel(errand),
            Request::ToggleNetwork => self.toggle(),
            Request::Sync { errand } => {
                let cancel = shared.begin(errand);
                let task = office::Errand::Sync(errand, cancel);
                if self.workers.office.try_send(task).is_err() {
                    shared.end(errand);
                    shared.tell(Update::Synced { errand, result: Err(busy()) });
                }
            }
            Request::Read { errand, meter } => self.line(errand, Task::Read(meter)),
            Request::Preflight { errand, token } => self.line(errand, Task::Preflight(token)),
            Request::Commit { errand, digits } => self.line(errand, Task::Commit(digits)),
            Request::Resolve { errand, meter } => self.line(errand, Task::Resolve(meter)),
        }
    }

    fn line(&self, errand: ErrandId, task: Task) {
        let cancel = self.shared.begin(errand);
        let full = self.workers.line.try_send(Errand { errand, cancel, task });
        if let Err(
            TrySendError::Full(Errand { task, .. })
            | TrySendError::Disconnected(Errand { task, .. }),
        ) = full
        {
            self.shared.end(errand);
            self.shared.tell(task.failed(errand, busy()));
        }
    }

    /// In the background: with many entries it takes a while.
    fn verify(&self) {
        if self.workers.office.try_send(office::Errand::Verify).is_err() {
            self.shared.tell(Update::JournalVerified(Err(busy())));
        }
    }

    fn import(&self, source: &str) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let update = match tokens::import(&self.shared.store, &self.shared.stamp(), source) {
            Ok(done) => Update::Imported {
                taken: count(done.taken.len()),
                known: count(done.known.len()),
                refused: done.refused,
            },
            Err(failure) => Update::Imported { taken: 0, known: 0, refused: vec![failure] },
        };
        self.shared.tell(update);
        self.shared.tell_home();
    }

    fn toggle(&mut self) {
        let Some(network) = &self.workers.network else { return };
        self.network_up = !self.network_up;
        network(self.network_up);
        if !self.network_up {
            self.shared.set_network(Network::Down);
        }
        self.shared.tell_home();
    }
}

fn busy() -> Failure {
    fail(Code::PortBusy, format!("{} errands are waiting", super::ERRANDS))
}
