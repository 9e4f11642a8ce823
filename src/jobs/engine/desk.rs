//! Answers what the store knows, and hands everything that takes time to the worker for it.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::door::Door;
use super::errands::{self, What};
use super::line::Task;
use super::works::Works;
use super::{Shared, lock, office};
use crossbeam_channel::unbounded;

use crate::jobs::access::MeterPassword;
use crate::jobs::failure::fail;
use crate::jobs::views::{ErrandId, Failure, Network, Request, Update};
use crate::jobs::{Cancel, boxes, journal, meters, session, survey, tokens};
use crate::report::Code;

/// Longest page a screen gets.
const MAX_PAGE: usize = 1_000;

impl Door<'_> {
    /// Serves a request while somebody is logged in.
    pub(super) fn at_desk(&mut self, request: Request) {
        let Some(works) = &self.open else { return };
        match request {
            Request::ToggleNetwork => self.toggle(),
            request => works.serve(request),
        }
    }

    fn toggle(&mut self) {
        let Some(works) = &self.open else { return };
        let common = self.common;
        let network = lock(&common.network);
        let Some(switch) = network.as_ref() else { return };
        self.network_up = !self.network_up;
        switch(self.network_up);
        if !self.network_up {
            common.set_network(Network::Down);
        }
        works.shared.tell_home();
    }
}

impl Works {
    /// Gives an exchange to the thread that does them.
    fn exchange(&self, errand: ErrandId, task: impl FnOnce(Cancel) -> office::Errand) {
        let task = task(self.shared.begin(errand));
        if self.office.try_send(task).is_err() {
            self.shared.end(errand);
            self.shared.tell(Update::Synced { errand, result: Err(busy()) });
        }
    }

    fn serve(&self, request: Request) {
        let shared = &self.shared;
        match request {
            Request::VerifyJournal => self.verify(),
            Request::Ports => {
                let _ = self.ports.try_send(());
            }
            Request::ChoosePort(port) => {
                if let Some(opener) = &shared.opener {
                    opener.choose(&port);
                }
                lock(&shared.home).port = Some(port.trim().to_owned());
                shared.port_forced.store(true, Ordering::Relaxed);
                shared.tell_home();
                let _ = self.ports.try_send(());
            }
            Request::Cancel(errand) => shared.cancel(errand),
            Request::Sync { errand } => {
                self.exchange(errand, |cancel| office::Errand::Sync(errand, cancel));
            }
            Request::Carry { errand, dir } => {
                self.exchange(errand, |cancel| office::Errand::Carry(errand, dir, cancel));
            }
            Request::Media => {
                // Busy with an exchange: the list is asked for again after it.
                let _ = self.office.try_send(office::Errand::Media);
            }
            Request::Read { errand, meter } => self.lines.give(errand, Task::Read(meter)),
            Request::Preflight { errand, token } => self.lines.give(errand, Task::Preflight(token)),
            Request::Commit { errand, digits } => self.lines.give(errand, Task::Commit(digits)),
            Request::Resolve { errand, meter } => self.lines.give(errand, Task::Resolve(meter)),
            Request::Survey { errand, plan } => self.lines.give(errand, Task::Survey(plan)),
            Request::WorkPlan { errand, kind, values } => {
                self.errand(errand, None, What::Plan(kind, values));
            }
            Request::WorkBegin { errand, kind, values, password } => {
                self.errand(errand, password, What::Begin(kind, values));
            }
            Request::WorkGo { errand, work, answer, password } => {
                self.errand(errand, password, What::Go(work, answer));
            }
            Request::SaveBook(book) => {
                let saved = survey::book::save(&shared.exports(), &book);
                let saved = saved.map(|path| path.display().to_string());
                shared.tell(Update::BookSaved(saved));
            }
            request => shared.answer(request),
        }
    }

    /// Hands a longer errand to its worker, once the lines' own workers have let go of the ports.
    fn errand(&self, errand: ErrandId, password: Option<MeterPassword>, what: What) {
        let cancel = self.shared.begin(errand);
        let (told, free) = unbounded();
        self.lines.release(&told);
        drop(told);
        let task = errands::Task { errand, cancel, free, password, what };
        if self.errands.try_send(task).is_err() {
            self.shared.end(errand);
            self.shared.tell(Update::WorkSheet { errand, result: Err(busy()) });
        }
    }

    /// In the background: with many entries it takes a while.
    pub(super) fn verify(&self) {
        if self.office.try_send(office::Errand::Verify).is_err() {
            self.shared.tell(Update::JournalVerified(Err(busy())));
        }
    }
}

impl Shared {
    /// Where sheets for the office's desk are written: beside the store.
    fn exports(&self) -> PathBuf {
        self.dir.with_file_name("exports")
    }

    /// Answers from the store, or does what is soon done.
    fn answer(&self, request: Request) {
        let (store, now) = (&self.store, self.now());
        match request {
            Request::Meters { after, search, limit } => {
                let limit = limit.clamp(1, MAX_PAGE);
                let (rows, more) = meters::page(store, now, after, &search, limit);
                self.tell(Update::Meters { rows, more, search, after });
            }
            Request::Meter(no) => {
                let card = meters::card(store, now, no).unwrap_or_else(|| meters::unknown(no));
                self.tell(Update::Meter(Box::new(card)));
            }
            Request::Works => self.tell(errands::list(self)),
            Request::WorkShow(work) => {
                let result = errands::sheet(self, work).map(Box::new);
                self.tell(Update::WorkShown { work, result });
            }
            Request::Boxes => self.tell(Update::Boxes(boxes::all(store))),
            Request::Box(name) => {
                let users = boxes::users(store, now, &name);
                self.tell(Update::Box { name, users });
            }
            Request::Tokens { after, limit } => {
                let (rows, more) = tokens::list(store, now, after, limit.clamp(1, MAX_PAGE));
                self.tell(Update::Tokens { rows, more, after });
            }
            Request::Journal { before, limit } => {
                let (rows, more) = journal::page(store, before, limit);
                self.tell(Update::Journal { rows, more, before });
            }
            Request::ImportTokens(source) => self.import(&source),
            Request::Operators => {
                let found = session::operators(store, &self.dir, &self.place);
                self.tell(match found {
                    Ok(rows) => Update::Operators(rows),
                    Err(failure) => Update::PinDone(Err(failure)),
                });
            }
            Request::ChangePin { .. } | Request::Activate { .. } | Request::Supervise { .. } => {
                self.tell(Update::PinDone(self.pins(request)));
            }
            // Home; and what cannot come here is answered the same way.
            _ => self.tell_home(),
        }
    }

    /// What changes a log-in.
    fn pins(&self, request: Request) -> Result<(), Failure> {
        let Self { store, session, .. } = self;
        let (dir, place) = (&*self.dir, &self.place);
        let stamp = self.moment().stamp(session.operator());
        match request {
            Request::ChangePin { old, new } => {
                session::change_own_pin(store, session, (dir, place), &old, &new, &stamp)
            }
            Request::Activate { operator, code, pin } => {
                session::activate(store, session, dir, place, &operator, &code, &pin, &stamp)
            }
            Request::Supervise { operator, act } => {
                session::supervise(store, session, dir, place, &operator, act, &stamp)
            }
            _ => Ok(()),
        }
    }

    fn import(&self, source: &str) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let stamp = self.moment().stamp(self.session.operator());
        let update = match tokens::import(&self.store, &self.session, &stamp, source) {
            Ok(done) => Update::Imported {
                taken: count(done.taken.len()),
                known: count(done.known.len()),
                refused: done.refused,
            },
            Err(failure) => Update::Imported { taken: 0, known: 0, refused: vec![failure] },
        };
        self.tell(update);
        self.tell_home();
    }
}

/// Said where more is asked than a worker may have waiting.
pub(super) fn busy() -> Failure {
    fail(Code::PortBusy, format!("{} errands are waiting", super::ERRANDS))
}
