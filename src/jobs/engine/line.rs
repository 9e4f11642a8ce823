//! The one owner of an open line: errands on a port one after the other.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::Shared;
use super::trace::Trace;
use crate::jobs::failure::fail;
use crate::jobs::recharge::{self, Checked, Preflight};
use crate::jobs::views::{
    ErrandId, Failure, FinishedView, QuickRead, Stage, SurveyPlan, SurveyProgress, SurveyView,
    Update,
};
use crate::jobs::{Cancel, Desk, Line, Wire, open, read, survey, swap};
use crate::profile::{self, Profile};
use crate::report::Code;
use crate::transport::{LineSettings, Link};
use crate::units::{MeterNo, TokenId};

/// One errand on the line.
pub(super) struct Errand {
    pub errand: ErrandId,
    pub cancel: Cancel,
    pub task: Task,
}

/// What to do there.
#[derive(Debug)]
pub(super) enum Task {
    Read(MeterNo),
    Preflight(TokenId),
    Commit(String),
    Resolve(MeterNo),
    Survey(SurveyPlan),
    /// Let go of the port, and say so.
    Release(Sender<()>),
}

impl Task {
    /// The answer of an errand that failed before it began.
    pub(super) fn failed(&self, errand: ErrandId, failure: Failure) -> Update {
        match self {
            Self::Read(_) => Update::Read { errand, result: Err(failure) },
            Self::Preflight(_) => Update::Preflight { errand, result: Err(failure) },
            Self::Commit(_) | Self::Resolve(_) => Update::Finished { errand, result: Err(failure) },
            Self::Survey(_) | Self::Release(_) => Update::Surveyed { errand, result: Err(failure) },
        }
    }
}

/// How long a line nobody uses stays open: others may want the port.
const IDLE: Duration = Duration::from_secs(60);

/// A line that is open, and as what.
struct Open {
    settings: LineSettings,
    link: Box<dyn Link>,
    doubtful: bool,
    /// Whether a meter has answered on it; from then on it is remembered.
    answered: bool,
    trace: Trace,
}

/// The worker's memory between errands.
struct Worker<'a> {
    shared: &'a Shared,
    port: Option<String>,
    open: Option<Open>,
    /// A line was lost before: what comes from the next one may be old.
    lost: bool,
    /// The preflight waiting to be confirmed.
    ready: Option<Box<Preflight>>,
}

/// One errand after the other, until the log-out.
pub(super) fn work(shared: &Shared, port: Option<String>, inbox: &Receiver<Errand>) {
    let mut worker = Worker { shared, port, open: None, lost: false, ready: None };
    loop {
        let Errand { errand, cancel, task } = match inbox.recv_timeout(IDLE) {
            Ok(errand) => errand,
            Err(RecvTimeoutError::Timeout) => {
                worker.open = None;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let whole = shared.guard(Some(errand), || worker.serve(errand, &cancel, &task));
        if !whole {
            worker.drop_line();
            worker.ready = None;
        }
    }
}

impl Worker<'_> {
    fn serve(&mut self, errand: ErrandId, cancel: &Cancel, task: &Task) {
        let update = match task {
            Task::Read(meter) => {
                let result = self.read(errand, cancel, *meter);
                Update::Read { errand, result: result.map(Box::new) }
            }
            Task::Preflight(token) => match self.preflight(errand, cancel, *token) {
                Ok(Checked::Ready(ready)) => {
                    let view = Box::new(ready.view.clone());
                    self.ready = Some(ready);
                    Update::Preflight { errand, result: Ok(view) }
                }
                Ok(Checked::Settled(settled)) => Update::Finished { errand, result: Ok(settled) },
                Err(failure) => Update::Preflight { errand, result: Err(failure) },
            },
            Task::Commit(digits) => {
                let result = self.commit(errand, cancel, digits);
                Update::Finished { errand, result: result.map(Box::new) }
            }
            Task::Resolve(meter) => {
                let meter = *meter;
                let result = self.on_line(errand, cancel, meter, |desk, line| {
                    recharge::resolve(desk, line, meter)
                });
                Update::Finished { errand, result: result.map(Box::new) }
            }
            Task::Release(told) => {
                self.open = None;
                // Nobody listens only when nobody waits any more.
                let _ = told.send(());
                return;
            }
            Task::Survey(plan) => {
                let result = self.survey(errand, cancel, plan);
                Update::Surveyed { errand, result: result.map(Box::new) }
            }
        };
        self.shared.tell(update);
        self.shared.tell_home();
    }

    fn read(
        &mut self,
        errand: ErrandId,
        cancel: &Cancel,
        meter: MeterNo,
    ) -> Result<QuickRead, Failure> {
        self.on_line(errand, cancel, meter, |desk, line| {
            let place = desk.store.meter(meter).map(|row| row.place).unwrap_or_default();
            let (view, reading) = read::read_at(line, meter, &place)?;
            desk.session.heard(line, view.meter, view.clock);
            // The alarm is in the journal for the office; the screen shows the meter's mark.
            let (_, kept) = swap::back::keep(desk.store, &desk.stamp(line), reading);
            // The card is worth showing even when the disk does not take it.
            if let Err(failure) = kept {
                tracing::warn!(?failure, "reading not journaled");
            }
            Ok(view)
        })
    }

    fn preflight(
        &mut self,
        errand: ErrandId,
        cancel: &Cancel,
        token: TokenId,
    ) -> Result<Checked, Failure> {
        self.ready = None;
        let row = self.shared.store.token(token);
        let row = row.ok_or_else(|| fail(Code::TokenUnknown, token.to_string()))?;
        self.on_line(errand, cancel, row.facts.meter, |desk, line| {
            recharge::preflight(desk, line, token)
        })
    }

    fn commit(
        &mut self,
        errand: ErrandId,
        cancel: &Cancel,
        digits: &str,
    ) -> Result<FinishedView, Failure> {
        let ready = self.ready.take().ok_or_else(|| fail(Code::NotConfirmed, ""))?;
        let meter = ready.view.evidence.meter;
        let result = self.on_line(errand, cancel, meter, |desk, line| {
            recharge::commit(&ready, digits, desk, line)
        });
        if result.as_ref().is_err_and(|failure| failure.code == Code::DigitsWrong) {
            // A slip of the finger: nothing was read or sent, the preflight stays good.
            self.ready = Some(ready);
        }
        result
    }

    /// Surveys the line. It is opened anew for the next errand: nobody knows how it is left.
    fn survey(
        &mut self,
        errand: ErrandId,
        cancel: &Cancel,
        plan: &SurveyPlan,
    ) -> Result<SurveyView, Failure> {
        let shared = self.shared;
        let usual =
            open::named(&shared.profiles, shared.profile.as_deref().unwrap_or(profile::DEFAULT))?;
        self.open(&usual, cancel)?;
        let Some(Open { link, trace, settings, .. }) = &mut self.open else {
            return Err(fail(Code::PortNotChosen, ""));
        };
        let mut wire =
            |piece: Wire<'_>| trace.see(piece, &mut |view| shared.hint(Update::Wire(view)));
        let terminals = survey::terminals::layouts(&shared.profiles);
        let site = survey::Site {
            link: link.as_mut(),
            opened: *settings,
            terminals: &terminals,
            cancel,
            wire: &mut wire,
        };
        let mut progress = |progress: &SurveyProgress| {
            let progress = Box::new(progress.clone());
            shared.hint(Update::SurveyProgress { errand, progress });
        };
        let found = survey::run(site, plan, &mut progress, None);
        trace.flush(&mut |view| shared.hint(Update::Wire(view)));
        let meter = found.as_ref().ok().and_then(|found| found.view.meters.first());
        if let Some(settings) = meter.and_then(|meter| LineSettings::parse(&meter.line).ok()) {
            self.answered("", &settings);
        }
        self.drop_line();
        found.map(|found| {
            let (mut view, port) = (found.view, self.port.as_deref());
            survey::terminals::list(&mut view, &shared.store, &shared.profiles, port);
            let stamp = shared.moment().stamp(shared.session.operator());
            view.swapped_back = swap::back::surveyed(&shared.store, &stamp, &view.meters);
            view
        })
    }

    /// Opens the line if it is not, and runs the errand on it.
    fn on_line<T>(
        &mut self,
        errand: ErrandId,
        cancel: &Cancel,
        meter: MeterNo,
        work: impl FnOnce(&Desk<'_>, &mut Line<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let shared = self.shared;
        shared.hint(Update::Progress { errand, stage: Stage::Opening, done: 0, of: 0 });
        let otherwise = shared.profile.as_deref();
        let profile = open::profile(&shared.profiles, &shared.store, meter, otherwise)?;
        self.open(&profile, cancel)?;
        let Some(Open { link, doubtful, trace, .. }) = &mut self.open else {
            return Err(fail(Code::PortNotChosen, ""));
        };
        let (store, session) = (&shared.store, &shared.session);
        let (max_life_s, accepted) = (shared.max_life_s, &shared.accepted);
        let desk = Desk { store, session, max_life_s, accepted };
        let mut progress =
            |stage, done, of| shared.hint(Update::Progress { errand, stage, done, of });
        let mut wire =
            |piece: Wire<'_>| trace.see(piece, &mut |view| shared.hint(Update::Wire(view)));
        let mut line = Line {
            link: link.as_mut(),
            profile: &profile,
            clock: shared.clock.as_ref(),
            cancel,
            wire: &mut wire,
            progress: &mut progress,
            doubtful: *doubtful,
            secret: None,
        };
        let result = work(&desk, &mut line);
        *doubtful = line.doubtful;
        trace.flush(&mut |view| shared.hint(Update::Wire(view)));
        if result.is_ok() {
            let settings = self.open.as_ref().map(|open| open.settings).unwrap_or_default();
            self.answered(&profile.id, &settings);
        }
        self.keep_or_drop(result)
    }

    fn open(&mut self, profile: &Profile, cancel: &Cancel) -> Result<(), Failure> {
        let settings = self.shared.settings.unwrap_or_else(|| open::settings(profile));
        if self.open.as_ref().is_some_and(|open| open.settings == settings) {
            return Ok(());
        }
        // The old one first: it is the same port with other settings.
        self.open = None;
        let link = (self.shared.open_line)(self.port.as_deref(), &settings, cancel)?;
        let doubtful = std::mem::take(&mut self.lost);
        let (answered, trace) = (false, Trace::default());
        self.open = Some(Open { settings, link, doubtful, answered, trace });
        Ok(())
    }

    /// After the first good answer on a line: it is worth remembering.
    fn answered(&mut self, profile: &str, settings: &LineSettings) {
        let first =
            self.open.as_mut().is_some_and(|open| !std::mem::replace(&mut open.answered, true));
        if let (true, Some(opener)) = (first, &self.shared.opener) {
            opener.answered(self.port.as_deref(), profile, settings);
        }
    }

    /// A broken line is closed, so that the next errand opens it anew.
    fn keep_or_drop<T>(&mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        let broken = |failure: &Failure| matches!(failure.code, Code::LinkGone | Code::LinkFailed);
        match result {
            Err(failure) if broken(&failure) => {
                self.drop_line();
                Err(match failure.detail.as_str() {
                    "" => fail(failure.code, self.port.clone().unwrap_or_default()),
                    _ => failure,
                })
            }
            // An outcome that could not be read: the line may be gone, too.
            other => {
                if self.open.as_mut().is_some_and(|open| gone(open.link.as_mut())) {
                    self.drop_line();
                }
                other
            }
        }
    }

    fn drop_line(&mut self) {
        self.lost |= self.open.take().is_some();
    }
}

/// Looks without waiting whether the adapter is still there. What arrives now belongs to nobody.
fn gone(link: &mut dyn Link) -> bool {
    let mut buffer = [0u8; 64];
    let now = link.now();
    link.recv(&mut buffer, now).is_err()
}
