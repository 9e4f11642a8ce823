//! The worker for longer errands: one at a time, over as many lines as they need.

use std::time::Duration;

use crossbeam_channel::Receiver;

use super::Shared;
use crate::jobs::access::MeterPassword;
use crate::jobs::errand::{self, Answer, Errand, Sheet, Site, Values};
use crate::jobs::failure::fail;
use crate::jobs::lines::Crew;
use crate::jobs::round::export;
use crate::jobs::views::{ErrandId, Failure, Update, WorkView};
use crate::jobs::{Cancel, Desk, meters};
use crate::report::Code;
use crate::store::{Step, StepRow};
use crate::transport::LineSettings;
use crate::units::{ErrandKind, StepState, WorkId};

/// How long a line's worker may take to let go of its port.
const RELEASE: Duration = Duration::from_secs(2);
/// Ended errands that are listed.
const ENDED_MAX: usize = 20;

/// One thing to do.
pub(super) struct Task {
    pub errand: ErrandId,
    pub cancel: Cancel,
    /// Told by every line's worker that it has let go of its port.
    pub free: Receiver<()>,
    pub password: Option<MeterPassword>,
    pub what: What,
}

/// What to do.
pub(super) enum What {
    /// Show what would be done.
    Plan(ErrandKind, Values),
    /// Begin, and go on.
    Begin(ErrandKind, Values),
    /// Go on.
    Go(WorkId, Answer),
}

/// One errand after the other, until the log-out.
pub(super) fn work(shared: &Shared, inbox: &Receiver<Task>) {
    for task in inbox {
        let id = task.errand;
        shared.guard(Some(id), || {
            let result = serve(shared, &task).map(Box::new);
            shared.tell(Update::WorkSheet { errand: id, result });
        });
        shared.tell_home();
    }
}

fn kind_of(shared: &Shared, what: &What) -> Result<&'static dyn Errand, Failure> {
    let kind = match what {
        What::Plan(kind, _) | What::Begin(kind, _) => *kind,
        What::Go(work, _) => {
            let row = shared.store.errand(*work);
            row.ok_or_else(|| fail(Code::WorkUnknown, work.to_string()))?.step.kind
        }
    };
    errand::of(kind).ok_or_else(|| fail(Code::Internal, kind.name()))
}

fn serve(shared: &Shared, task: &Task) -> Result<Sheet, Failure> {
    let errand = kind_of(shared, &task.what)?;
    // All of them have answered when the channel has no sender left.
    while task.free.recv_timeout(RELEASE).is_ok() {}
    let desk = Desk {
        store: &shared.store,
        session: &shared.session,
        max_life_s: shared.max_life_s,
        accepted: &shared.accepted,
    };
    let open = |port: Option<&str>, settings: &LineSettings| {
        (shared.open_line)(port, settings, &task.cancel)
    };
    let crew = Crew {
        open: &open,
        settings: shared.settings,
        clock: shared.clock.as_ref(),
        cancel: &task.cancel,
        secret: None,
    };
    let chosen = shared.port();
    let forced = shared.port_forced.load(std::sync::atomic::Ordering::Relaxed);
    let site = Site {
        desk: &desk,
        crew: &crew,
        profiles: &shared.profiles,
        wished: shared.profile.as_deref(),
        chosen: chosen.as_deref(),
        forced: chosen.as_deref().filter(|_| forced),
        password: task.password.as_ref(),
    };
    let mut tell = |sheet: &Sheet| {
        let sheet = Box::new(sheet.clone());
        shared.hint(Update::WorkProgress { errand: task.errand, sheet });
    };
    let sheet = match &task.what {
        What::Plan(_, values) => {
            values.check(errand.fields())?;
            return errand.plan(&site, values);
        }
        What::Begin(_, values) => {
            values.check(errand.fields())?;
            let work = errand.begin(&site, values)?;
            errand.advance(&site, work, &Answer::None, &mut tell)?
        }
        What::Go(work, answer) => errand.advance(&site, *work, answer, &mut tell)?,
    };
    match &shared.tables {
        Some(tables) => export::write(&shared.store, &site.stamp(), sheet, tables.as_ref()),
        None => Ok(sheet),
    }
}

/// The list: open errands, the last ended ones, and what is remembered of meters.
pub(super) fn list(shared: &Shared) -> Update {
    let view = |row: StepRow| {
        let what: Vec<&str> = row
            .step
            .notes
            .iter()
            .filter(|(key, _)| matches!(key.as_str(), "command" | "meter" | "old" | "name"))
            .map(|(_, value)| value.as_str())
            .collect();
        WorkView {
            work: row.step.errand,
            kind: row.step.kind,
            begun: row.begun,
            ended: row.step.state != StepState::Begun,
            what: what.join(" "),
        }
    };
    let rows = shared.store.errands().into_iter().filter(|row| row.step.name == Step::WHOLE);
    let (mut open, ended): (Vec<WorkView>, Vec<WorkView>) =
        rows.map(view).partition(|row| !row.ended);
    open.extend(ended.into_iter().take(ENDED_MAX));
    Update::Works { rows: open, marks: meters::marks(&shared.store) }
}
