//! Signed sets of parameters, written to many meters; and meters' clocks, set right.
//!
//! A meter's visit (`visit`) reads what is there, writes what differs to the standby set, reads
//! it back and writes the switch times last. Meters on one line come one after the other, lines go
//! side by side. A meter that did not answer is tried again after the others; one that refuses an
//! item is told as partial with item and reason, and does not switch.

mod clock;
mod moments;
mod password;
mod ready;
mod visit;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

pub use ready::{Ready, find, fits, group_hash, look, ready, take, take_bytes};
pub use visit::MARGIN_S;

use super::access::MeterPassword;
use super::errand::{
    self, Answer, Errand, Field, FieldKind, Row, Sheet, Sign, Site, Values, choice,
};
use super::failure::fail;
use super::lines::Ended;
use super::views::Failure;
use crate::profile::bundle::Bundle;
use crate::protocol::dlt645::dialogue::{Access, PasswordOrder};
use crate::protocol::dlt645::items;
use crate::protocol::value::{self, Value};
use crate::report::Code;
use crate::store::{Step, StepRow, Store};
use crate::units::{ErrandKind, MeterNo, StepState, TokenId, WorkId};
use visit::{Report, Task};

const KIND: ErrandKind = ErrandKind::Bundle;
/// The step that says how a meter ended.
const END: &str = "end";
/// How often in a row the meters that did not answer are gone to.
const PASSES: u32 = 4;
/// Problems of one meter that are kept in the journal.
const MOST_KEPT: usize = 20;
/// For a plan, which writes nothing.
const NO_ACCESS: Access =
    Access { level: 0, password: [0; 3], operator: [0; 4], order: PasswordOrder::LowFirst };

/// Fields of the form.
const FIELDS: &[Field] = &[
    Field { key: "bundle", kind: FieldKind::Text, required: false },
    Field { key: "meters", kind: FieldKind::Meters, required: true },
    Field { key: "set-clock", kind: FieldKind::Switch, required: false },
    Field { key: "far", kind: FieldKind::Switch, required: false },
    Field { key: "new-password", kind: FieldKind::File, required: false },
    Field { key: "instead", kind: FieldKind::Switch, required: false },
];

/// Something at a meter that is not as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    item: String,
    failure: Failure,
}

impl Problem {
    fn new(item: &str, code: Code, detail: impl Into<String>) -> Self {
        Self { item: item.to_owned(), failure: fail(code, detail) }
    }

    fn row(&self, meter: MeterNo) -> Row {
        Row::new(Sign::Bad, &self.item, "").at(meter).because(self.failure.clone())
    }
}

/// The errand.
pub struct Bundles;

/// What an errand is about, checked.
struct Job {
    ready: Option<Ready>,
    meters: Vec<MeterNo>,
    clock: bool,
    far: bool,
    new_password: Option<MeterPassword>,
}

impl Job {
    /// Reads the form, and checks the bundle for now and for these meters.
    fn of(site: &Site<'_>, values: &Values) -> Result<Self, Failure> {
        let store = site.desk.store;
        let meters = values.meters("meters")?;
        let ready = match values.get("bundle") {
            Some(text) => Some(ready(store, &find(store, text)?, site.moment().at)?),
            None if values.switch("set-clock") => None,
            None => return Err(fail(Code::FieldOdd, "bundle")),
        };
        let clock = values.switch("set-clock") || ready.as_ref().is_some_and(|r| r.bundle.clock);
        let file = values.get("new-password").map(Path::new);
        let new_password = file.map(MeterPassword::of_file).transpose()?;
        if let Some(ready) = &ready {
            let group = group_hash(&meters);
            for &meter in &meters {
                fits(store, &ready.token, &site.stop(meter)?, &group)?;
            }
            if ready.bundle.password.is_some() && new_password.is_none() {
                return Err(fail(Code::PasswordMissing, "new-password"));
            }
        }
        Ok(Self { ready, meters, clock, far: values.switch("far"), new_password })
    }

    fn task<'a>(&'a self, site: &'a Site<'a>, work: Option<WorkId>) -> Task<'a> {
        Task {
            site,
            work,
            bundle: self.ready.as_ref().map(|ready| &ready.bundle),
            clock: self.clock,
            far: self.far,
            new_password: self.new_password.as_ref(),
        }
    }
}

impl Errand for Bundles {
    fn kind(&self) -> ErrandKind {
        KIND
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn plan(&self, site: &Site<'_>, values: &Values) -> Result<Sheet, Failure> {
        let values = &choice::numbered(site.desk.store, values, "meters")?;
        let job = Job::of(site, values)?;
        let mut sheet = Sheet::new(KIND, None);
        sheet.rows.extend(head(&job));
        let task = job.task(site, None);
        let mut found = Vec::new();
        site.each(&job.meters, &|line, stop| visit::visit(line, stop, &task), &mut |ended| {
            found.push((ended.meter, ended.result));
        });
        let place = |meter: &MeterNo| job.meters.iter().position(|known| known == meter);
        found.sort_by_key(|(meter, _)| place(meter));
        for (meter, result) in found {
            sheet.rows.extend(planned(meter, result));
        }
        Ok(sheet)
    }

    fn begin(&self, site: &Site<'_>, values: &Values) -> Result<WorkId, Failure> {
        let values = &choice::numbered(site.desk.store, values, "meters")?;
        let job = Job::of(site, values)?;
        for &meter in &job.meters {
            site.access(&site.stop(meter)?.profile)?;
        }
        for (other, row) in open_ones(site.desk.store, &job.meters) {
            if !values.switch("instead") {
                return Err(fail(Code::WorkOpen, other.to_string()));
            }
            let notes = row.step.notes;
            site.step((other, KIND), None, Step::WHOLE, StepState::Skipped, notes)?;
        }
        let mut wanted = values.clone();
        if let Some(ready) = &job.ready {
            // A newer bundle of the same name does not take its place half-way.
            wanted.set("bundle", TokenId(ready.token.id).to_string());
        }
        site.begin(KIND, &wanted)
    }

    fn advance(
        &self,
        site: &Site<'_>,
        work: WorkId,
        _answer: &Answer,
        tell: &mut dyn FnMut(&Sheet),
    ) -> Result<Sheet, Failure> {
        let store = site.desk.store;
        let values = errand::wanted(store, work, KIND)?;
        let skipped = store.errand(work).is_some_and(|row| row.step.state == StepState::Skipped);
        if skipped {
            return Err(fail(Code::WorkOpen, work.to_string()));
        }
        let job = Job::of(site, &values)?;
        let task = job.task(site, Some(work));
        let mut sheet = self.sheet(store, work)?;
        let mut left: Vec<MeterNo> =
            job.meters.iter().copied().filter(|meter| !complete(store, work, *meter)).collect();
        // Carried on after a restart, the password is asked for before a meter is gone to: without
        // it every meter would end as refused.
        for &meter in &left {
            site.access(&site.stop(meter)?.profile)?;
        }
        for _ in 0..PASSES {
            if left.is_empty() {
                break;
            }
            let (mut again, mut broken) = (Vec::new(), None);
            // When the journal cannot be written no meter is gone to any more.
            let dead: Mutex<Option<Failure>> = Mutex::default();
            let visited = |line: &mut super::Line<'_>, stop: &super::lines::Stop| {
                let broken = dead.lock().unwrap_or_else(PoisonError::into_inner).clone();
                broken.map_or(Ok(()), Err)?;
                let report = visit::visit(line, stop, &task).and_then(|report| {
                    let bundle = job.ready.as_ref().map(|ready| TokenId(ready.token.id));
                    end(site, line, (work, stop.meter, bundle), &report)?;
                    Ok(report)
                });
                if let Err(failure) = &report
                    && stops_all(failure.code)
                {
                    *dead.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
                }
                report
            };
            site.each(&left, &visited, &mut |ended: Ended<Report>| {
                match &ended.result {
                    Err(failure) if may_answer(failure.code) => again.push(ended.meter),
                    Err(failure) if stops_all(failure.code) => broken = Some(failure.clone()),
                    _ => {}
                }
                place(&mut sheet, ended);
                tell(&sheet);
            });
            if let Some(failure) = broken {
                return Err(failure);
            }
            left = again;
        }
        let whole = job.meters.iter().all(|meter| complete(store, work, *meter));
        let state = if whole { StepState::Done } else { StepState::Failed };
        site.step((work, KIND), None, Step::WHOLE, state, values.notes())?;
        let silent = sheet.rows;
        let mut sheet = self.sheet(store, work)?;
        keep_failures(&mut sheet, silent);
        Ok(sheet)
    }

    fn sheet(&self, store: &Store, work: WorkId) -> Result<Sheet, Failure> {
        let values = errand::wanted(store, work, KIND)?;
        let mut sheet = Sheet::new(KIND, Some(work));
        let row = values.get("bundle").and_then(|text| find(store, text).ok());
        if let Some(row) = row {
            let name = format!("{} v{}", row.taken.name, row.taken.version);
            sheet.rows.push(Row::info("bundle", name));
        }
        let (mut open, mut partial) = (0, 0);
        for meter in values.meters("meters")? {
            match store.step(work, Some(meter), END) {
                Some(row) if row.step.state == StepState::Done => {
                    sheet.rows.push(ended_row(meter, &row));
                }
                Some(row) => {
                    partial += 1;
                    sheet.rows.push(ended_row(meter, &row));
                    sheet.rows.extend(kept_problems(&row).iter().map(|p| p.row(meter)));
                }
                None => {
                    open += 1;
                    sheet.rows.push(Row::new(Sign::Todo, "bundle-meter", "").at(meter));
                }
            }
        }
        let state = store.errand(work).map(|row| row.step.state);
        // What is left at the end of a run was tried as often as it makes sense.
        sheet.done = open == 0 && state != Some(StepState::Begun);
        let over = state != Some(StepState::Begun);
        sheet.exit = (partial > 0 || open > 0).then_some(Code::WorkPartial).filter(|_| over);
        Ok(sheet)
    }
}

/// Whether a meter came to a good end.
fn complete(store: &Store, work: WorkId, meter: MeterNo) -> bool {
    store.step(work, Some(meter), END).is_some_and(|row| row.step.state == StepState::Done)
}

/// Other errands of this kind that are not at their end at one of these meters.
fn open_ones(store: &Store, meters: &[MeterNo]) -> Vec<(WorkId, StepRow)> {
    let rows = store.errands().into_iter().filter(|row| {
        row.step.kind == KIND && matches!(row.step.state, StepState::Begun | StepState::Failed)
    });
    let touches = |row: &StepRow| {
        let own = Values::of_notes(&row.step.notes).meters("meters").unwrap_or_default();
        // A clock that was not set leaves nothing half done.
        let tables = row.step.notes.iter().any(|(key, _)| key == "bundle");
        tables && own.iter().any(|m| meters.contains(m) && !complete(store, row.step.errand, *m))
    };
    rows.filter(touches).map(|row| (row.step.errand, row)).collect()
}

/// What did not answer may answer the next time.
fn may_answer(code: Code) -> bool {
    matches!(code, Code::MeterSilent | Code::MeterGarbled | Code::MeterOther)
}

/// After these there is no use in going on at any meter.
fn stops_all(code: Code) -> bool {
    let store = [Code::DiskFull, Code::StoreFailed, Code::StoreLocked, Code::JournalDamaged];
    code == Code::Cancelled || code == Code::ShiftOver || store.contains(&code)
}

/// Writes down how a meter ended. The office holds what other handhelds wrote there against the
/// bundle it names.
fn end(
    site: &Site<'_>,
    line: &super::Line<'_>,
    (work, meter, bundle): (WorkId, MeterNo, Option<TokenId>),
    report: &Report,
) -> Result<(), Failure> {
    let mut notes = vec![
        ("right".to_owned(), report.right.to_string()),
        ("total".to_owned(), report.total.to_string()),
    ];
    notes.extend(bundle.map(|bundle| ("bundle".to_owned(), bundle.to_string())));
    notes.extend(report.notes.iter().cloned());
    for problem in report.problems.iter().take(MOST_KEPT) {
        let text = format!("{} {}", problem.failure.code.as_str(), problem.failure.detail);
        notes.push((format!("{PROBLEM}{}", problem.item), text));
    }
    let good = report.problems.is_empty();
    let state = if good { StepState::Done } else { StepState::Refused };
    let stamp = site.desk.stamp(line);
    errand::step(site.desk.store, &stamp, (work, KIND), Some(meter), (END, state), notes)
}

/// Before an item's name among the notes of a meter's end.
const PROBLEM: &str = "problem ";

/// The problems a meter's end remembers.
fn kept_problems(row: &StepRow) -> Vec<Problem> {
    let read = |(key, text): &(String, String)| {
        let item = key.strip_prefix(PROBLEM)?;
        let (code, detail) = text.split_once(' ')?;
        let code = Code::ALL.iter().copied().find(|known| known.as_str() == code)?;
        Some(Problem::new(item, code, detail))
    };
    row.step.notes.iter().filter_map(read).collect()
}

fn ended_row(meter: MeterNo, row: &StepRow) -> Row {
    let note = |name: &str| {
        let found = row.step.notes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let figures = format!("{}/{}", note("right").unwrap_or("-"), note("total").unwrap_or("-"));
    let value = match note("drift") {
        Some(drift) => format!("{figures}, {drift}"),
        None => figures,
    };
    let odd_clock = matches!(note("tier"), Some("clock-off" | "clock-far"));
    let sign = match row.step.state {
        StepState::Done if odd_clock => Sign::Warn,
        state => Sign::of(state),
    };
    Row::new(sign, "bundle-meter", value).at(meter)
}

/// What a bundle is, for the head of a plan.
fn head(job: &Job) -> Vec<Row> {
    let Some(Ready { token, bundle }) = &job.ready else { return Vec::new() };
    let mut rows = vec![
        Row::info("bundle", format!("{} v{}", token.name, token.version)),
        Row::info("bundle-items", bundle.items.len().to_string()),
    ];
    rows.extend(bundle.switches.iter().map(|switch| {
        let name = format!("switch.{}", switch.set.name());
        Row::info(&name, switch.at.to_string())
    }));
    rows
}

/// The rows of one meter in a plan.
fn planned(meter: MeterNo, result: Result<Report, Failure>) -> Vec<Row> {
    let report = match result {
        Ok(report) => report,
        Err(failure) => {
            return vec![Row::new(Sign::Bad, "bundle-meter", "").at(meter).because(failure)];
        }
    };
    let figures = format!("{}/{}", report.right, report.total);
    let sign = match (report.problems.is_empty(), report.changes.is_empty()) {
        (false, _) => Sign::Bad,
        (true, true) => Sign::Good,
        (true, false) => Sign::Todo,
    };
    let mut rows = vec![Row::new(sign, "bundle-meter", figures).at(meter)];
    // What stands against it comes first: forty changes are a long way to scroll.
    rows.extend(report.problems.iter().map(|problem| problem.row(meter)));
    rows.extend(
        report
            .notes
            .iter()
            .filter(|(name, _)| name == "drift")
            .map(|(_, drift)| Row::new(Sign::Info, "clock", drift.clone()).at(meter)),
    );
    rows.extend(report.changes.iter().map(|change| {
        let have =
            change.have.as_deref().map_or_else(|| "-".to_owned(), |raw| said(change.di, raw));
        let value = format!("{have} -> {}", said(change.di, &change.want));
        Row::new(Sign::Todo, &change.name, value).at(meter)
    }));
    rows
}

/// The items of a bundle and its switch times, as a person reads them.
pub fn listed(bundle: &Bundle) -> Vec<(String, String)> {
    let items = bundle.items.iter().map(|item| (item.name.clone(), said(item.di, &item.value)));
    let switches = bundle.switches.iter().map(|switch| {
        (format!("switch.{}", switch.set.name()), said(switch.set.switch(), &switch.value()))
    });
    items.chain(switches).collect()
}

/// A value as a person reads it; tables as their bytes.
fn said(di: u32, raw: &[u8]) -> String {
    let decoded = items::decode(di, raw);
    match decoded.as_slice() {
        [one] => format!("{} {}", shown(&one.value), one.unit).trim_end().to_owned(),
        [] => value::hex(raw),
        several => {
            let mut parts: Vec<String> = several.iter().map(|part| shown(&part.value)).collect();
            // A block of prices or steps.
            if parts.len() <= 8 {
                return parts.join(" ");
            }
            // The padding of a table repeats its last entry and says nothing.
            while matches!(parts.as_slice(), [.., before, last] if before == last) {
                parts.pop();
            }
            parts.join(", ")
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Missing => "-".to_owned(),
        Value::Invalid(hex) => hex.clone(),
    }
}

/// Puts a meter's end in the place of its row.
fn place(sheet: &mut Sheet, ended: Ended<Report>) {
    let meter = ended.meter;
    let mine = |row: &Row| row.meter == Some(meter);
    let at = sheet.rows.iter().position(mine).unwrap_or(sheet.rows.len());
    sheet.rows.retain(|row| !mine(row));
    let mut rows = planned(meter, ended.result);
    rows.retain(|row| row.sign != Sign::Todo || row.name == "bundle-meter");
    if let Some(first) = rows.first_mut().filter(|row| row.sign == Sign::Todo) {
        first.sign = Sign::Good;
    }
    let at = at.min(sheet.rows.len());
    sheet.rows.splice(at..at, rows);
}

/// What the journal does not know: why a meter that has no end yet was not reached.
fn keep_failures(sheet: &mut Sheet, told: Vec<Row>) {
    for row in &mut sheet.rows {
        if row.sign != Sign::Todo {
            continue;
        }
        let why = told.iter().find(|told| told.meter == row.meter && told.failure.is_some());
        if let Some(failure) = why.and_then(|told| told.failure.clone()) {
            row.sign = Sign::Bad;
            row.failure = Some(failure);
        }
    }
}
