//! The worker for longer errands: one at a time, over as many lines as they need.

use std::time::Duration;

use crossbeam_channel::Receiver;

use super::Shared;
use crate::jobs::access::MeterPassword;
use crate::jobs::errand::{self, Answer, Ask, Errand, Sheet, Site, Values};
use crate::jobs::failure::fail;
use crate::jobs::lines::Crew;
use crate::jobs::round::export;
use crate::jobs::views::{ErrandId, Failure, Update, WorkView};
use crate::jobs::{Cancel, Desk, bundle, meters};
use crate::report::Code;
use crate::store::{Step, StepRow, Store};
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

/// The errand of a work in the journal.
fn of_work(shared: &Shared, work: WorkId) -> Result<&'static dyn Errand, Failure> {
    let row = shared.store.errand(work);
    let kind = row.ok_or_else(|| fail(Code::WorkUnknown, work.to_string()))?.step.kind;
    errand::of(kind).ok_or_else(|| fail(Code::Internal, kind.name()))
}

/// How an errand stands by the journal alone.
pub(super) fn sheet(shared: &Shared, work: WorkId) -> Result<Sheet, Failure> {
    of_work(shared, work)?.sheet(&shared.store, work)
}

fn kind_of(shared: &Shared, what: &What) -> Result<&'static dyn Errand, Failure> {
    let kind = match what {
        What::Plan(kind, _) | What::Begin(kind, _) => *kind,
        What::Go(work, _) => return of_work(shared, *work),
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
    let store = &shared.store;
    let all = store.errands().into_iter().filter(|row| row.step.name == Step::WHOLE);
    let (open, ended): (Vec<StepRow>, Vec<StepRow>) =
        all.partition(|row| row.step.state == StepState::Begun);
    let open = open.into_iter().map(|row| {
        // What is next is nowhere but in the sheet.
        let sheet = errand::of(row.step.kind).map(|errand| errand.sheet(store, row.step.errand));
        let ask = sheet.and_then(Result::ok).map_or(Ask::Nothing, |sheet| sheet.ask);
        view(store, row, ask)
    });
    let ended = ended.into_iter().take(ENDED_MAX).map(|row| view(store, row, Ask::Nothing));
    let rows = open.chain(ended).collect();
    let offers = errand::offers(store, &shared.session, shared.moment());
    Update::Works { rows, marks: meters::marks(store), offers }
}

/// An errand as the list has it. What it is about are the fields that name it, in this order.
fn view(store: &Store, row: StepRow, ask: Ask) -> WorkView {
    const NAMED: [&str; 8] =
        ["act", "command", "bundle", "round-what", "meter", "old", "new", "meters"];
    let note = |name: &str| row.step.notes.iter().find(|(key, _)| key == name);
    // A bundle is kept by its identity; a person knows it by its name.
    let named = |id: &str| {
        let found = bundle::find(store, id).ok();
        found.map_or_else(|| id.to_owned(), |row| row.taken.name)
    };
    let what = NAMED.iter().filter_map(|name| note(name)).map(|(key, value)| match key.as_str() {
        "bundle" => named(value),
        _ => value.clone(),
    });
    let mut what: Vec<String> = what.collect();
    if what.is_empty() && row.step.kind == ErrandKind::Commission {
        // Which meter it is has not been chosen yet.
        what.push("comm-survey".to_owned());
    }
    WorkView {
        work: row.step.errand,
        kind: row.step.kind,
        begun: row.begun,
        state: row.step.state,
        what,
        ask,
    }
}
