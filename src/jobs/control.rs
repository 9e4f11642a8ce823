//! What is done to any choice of meters at once: trip, close, keep-power, restore prepaid, alarm
//! amounts and overload threshold, prices, a reading with its table.
//!
//! Prices come as a signed bundle, and readings are a round: those two commands are begun from here
//! and are errands of their kinds from then on (`other`), with their own machinery and journal.
//!
//! A relay command cuts or restores somebody's supply, so it is never repeated by itself: what was
//! begun and has no end in the journal is looked at, and only a new errand sends again. Whoever
//! trips or closes goes through a checklist first; keep-power switches credit control off, so it
//! asks for a reason and stays on the list of marks, with its age, until it is undone.

pub(super) mod relay;
mod settings;

use super::bundle::Bundles;
use super::errand::{
    self, Answer, Ask, Errand, Field, FieldKind, PASSWORD, Row, Sheet, Sign, Site, Values, choice,
};
use super::failure::{self, fail};
use super::lines::Stop;
use super::proven::{self, Rows};
use super::round::Round;
use super::round::export::EXPORT;
use super::views::Failure;
use super::{Line, gate};
use crate::profile::Profile;
use crate::report::Code;
use crate::store::{Step, StepRow, Store};
use crate::units::{ErrandKind, MeterNo, StepState, Verb, WorkId};

/// The commands, by their stable names.
pub const COMMANDS: &[&str] = &[
    "trip",
    "close",
    "allow-close",
    "keep-power-on",
    "restore-prepaid",
    "settings",
    PRICES,
    READING,
];
/// Prices of a signed bundle: its errand does it.
pub const PRICES: &str = "price-download";
/// A reading and its table: a round does it.
const READING: &str = "reading-export";
/// Fields that go on to the errand of a bundle, and to a round.
const TO_BUNDLE: &[&str] = &["meters", "bundle", "new-password", "far", "instead"];
const TO_ROUND: &[&str] = &["meters", EXPORT, "round-bom"];
/// Fields of the settings.
const OF_SETTINGS: &[&str] = &["alarm-1", "alarm-2", "overload-w", "overload-s"];

/// Note at a step that failed before anything was sent.
const UNSENT: &str = "unsent";

/// The step at each meter.
const ACT: &str = "control-act";

const FIELDS: &[Field] = &[
    Field { key: "command", kind: FieldKind::Choice(COMMANDS), required: true },
    Field { key: "meters", kind: FieldKind::Meters, required: true },
    Field { key: "reason", kind: FieldKind::Text, required: false },
    Field { key: "alarm-1", kind: FieldKind::Money, required: false },
    Field { key: "alarm-2", kind: FieldKind::Money, required: false },
    Field { key: "overload-w", kind: FieldKind::Number, required: false },
    Field { key: "overload-s", kind: FieldKind::Number, required: false },
    Field { key: "bundle", kind: FieldKind::Text, required: false },
    Field { key: "new-password", kind: FieldKind::File, required: false },
    Field { key: "far", kind: FieldKind::Switch, required: false },
    Field { key: "instead", kind: FieldKind::Switch, required: false },
    Field { key: EXPORT, kind: FieldKind::File, required: false },
    Field { key: "round-bom", kind: FieldKind::Switch, required: false },
];

/// What must be true before supply is cut, in the order it is asked.
const BEFORE_TRIP: &[&str] = &["check-right-meters", "check-people-told", "check-no-danger-off"];
/// And before it is restored (`reference/field-work.md` P18).
const BEFORE_CLOSE: &[&str] = &["check-right-meters", "check-fault-cleared", "check-loads-off"];

/// What one command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Relay(relay::Order),
    Settings,
}

impl Command {
    fn of(values: &Values) -> Result<Self, Failure> {
        use relay::Order;
        Ok(match values.need("command")? {
            "trip" => Self::Relay(Order::Trip),
            "close" => Self::Relay(Order::Close),
            "allow-close" => Self::Relay(Order::AllowClose),
            "keep-power-on" => Self::Relay(Order::KeepPower),
            "restore-prepaid" => Self::Relay(Order::RestorePrepaid),
            "settings" => Self::Settings,
            other => return Err(fail(Code::FieldOdd, format!("command: {other}"))),
        })
    }

    fn verb(self) -> Verb {
        match self {
            Self::Relay(_) => Verb::Control,
            Self::Settings => Verb::Parameters,
        }
    }

    /// Questions before anything is sent.
    fn checks(self) -> &'static [&'static str] {
        use relay::Order;
        match self {
            Self::Relay(Order::Trip) => BEFORE_TRIP,
            // Restoring prepaid control cuts whoever is in arrears.
            Self::Relay(Order::RestorePrepaid) => BEFORE_TRIP,
            Self::Relay(Order::Close | Order::AllowClose | Order::KeepPower) => BEFORE_CLOSE,
            Self::Settings => &[],
        }
    }

    /// Whether a reason must be given.
    fn needs_reason(self) -> bool {
        use relay::Order;
        matches!(self, Self::Relay(Order::Trip | Order::KeepPower))
    }
}

/// What is wanted, checked.
struct Wanted {
    command: Command,
    meters: Vec<MeterNo>,
    values: Values,
}

impl Wanted {
    fn of(values: Values) -> Result<Self, Failure> {
        values.check(FIELDS)?;
        let command = Command::of(&values)?;
        if command.needs_reason() && values.get("reason").is_none() {
            let command = values.need("command")?;
            return Err(fail(Code::FieldOdd, format!("{command}.reason")));
        }
        if command == Command::Settings {
            settings::wanted(&values)?;
        }
        Ok(Self { command, meters: values.meters("meters")?, values })
    }
}

/// The errand that a command is of, where that is another kind than this one, and its form.
///
/// # Errors
/// [`Code::FieldOdd`]: what it cannot do without is missing.
fn other(values: &Values) -> Result<Option<(&'static dyn Errand, Values)>, Failure> {
    let (errand, keys, needed): (&'static dyn Errand, _, _) = match values.get("command") {
        Some(PRICES) => (&Bundles, TO_BUNDLE, "bundle"),
        Some(READING) => (&Round, TO_ROUND, EXPORT),
        _ => return Ok(None),
    };
    values.need(needed)?;
    let mut own = Values::default();
    for key in keys {
        own.set(key, values.get(key).unwrap_or_default());
    }
    own.check(errand.fields())?;
    Ok(Some((errand, own)))
}

/// The errand that goes on with what was begun from here as one of another kind.
fn begun_as(store: &Store, work: WorkId) -> Option<&'static dyn Errand> {
    let kind = store.errand(work)?.step.kind;
    errand::of(kind).filter(|errand| errand.kind() != ErrandKind::Control && Control.carries(kind))
}

/// The errand.
pub struct Control;

impl Errand for Control {
    fn kind(&self) -> ErrandKind {
        ErrandKind::Control
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn asks(&self, values: &Values, key: &str) -> bool {
        let own: &[&str] = match values.get("command") {
            Some(PRICES) => TO_BUNDLE,
            Some(READING) => TO_ROUND,
            Some("settings") => OF_SETTINGS,
            _ => &["reason"],
        };
        match key {
            "command" | "meters" => true,
            // A reading carries no password.
            PASSWORD => values.get("command") != Some(READING),
            key => own.contains(&key),
        }
    }

    fn carries(&self, kind: ErrandKind) -> bool {
        matches!(kind, ErrandKind::Control | ErrandKind::Bundle | ErrandKind::Round)
    }

    fn plan(&self, site: &Site<'_>, values: &Values) -> Result<Sheet, Failure> {
        values.check(FIELDS)?;
        let values = &choice::numbered(site.desk.store, values, "meters")?;
        if let Some((errand, own)) = other(values)? {
            let mut sheet = errand.plan(site, &own)?;
            sheet.rows.insert(0, Row::info("command", values.need("command")?));
            return Ok(sheet);
        }
        let wanted = Wanted::of(values.clone())?;
        let mut sheet = self.head(None, &wanted);
        let look = |line: &mut Line<'_>, stop: &Stop| {
            gate::change(site.desk, wanted.command.verb(), stop.meter, line.moment(), true)?;
            match wanted.command {
                Command::Relay(order) => relay::plan(line, stop, order),
                Command::Settings => settings::plan(line, stop, &wanted.values),
            }
        };
        site.each(&wanted.meters, &look, &mut |ended| {
            let row = match ended.result {
                Ok((sign, value)) => Row::new(sign, "control-now", value),
                Err(failure) => Row::new(Sign::Bad, "control-now", "").because(failure),
            };
            sheet.rows.push(row.at(ended.meter));
        });
        Ok(sheet)
    }

    fn begin(&self, site: &Site<'_>, values: &Values) -> Result<WorkId, Failure> {
        values.check(FIELDS)?;
        let values = &choice::numbered(site.desk.store, values, "meters")?;
        if let Some((errand, own)) = other(values)? {
            return errand.begin(site, &own);
        }
        let wanted = Wanted::of(values.clone())?;
        for meter in &wanted.meters {
            gate::change(site.desk, wanted.command.verb(), *meter, site.moment(), true)?;
        }
        site.begin(self.kind(), &wanted.values)
    }

    fn advance(
        &self,
        site: &Site<'_>,
        work: WorkId,
        answer: &Answer,
        tell: &mut dyn FnMut(&Sheet),
    ) -> Result<Sheet, Failure> {
        let store = site.desk.store;
        if let Some(errand) = begun_as(store, work) {
            return errand.advance(site, work, answer, tell);
        }
        let wanted = Wanted::of(errand::wanted(store, work, self.kind())?)?;
        if self.ended(store, work) {
            return self.sheet(store, work);
        }
        let open = |check: &&&str| store.step(work, None, check).is_none();
        if let Some(check) = wanted.command.checks().iter().find(open) {
            if *answer != Answer::Yes {
                return self.asking(store, work, check);
            }
            site.step((work, self.kind()), None, check, StepState::Done, Vec::new())?;
            if let Some(next) = wanted.command.checks().iter().find(open) {
                return self.asking(store, work, next);
            }
        }
        self.visit(site, work, &wanted, tell)?;
        let steps: Vec<StepRow> =
            wanted.meters.iter().filter_map(|m| store.step(work, Some(*m), ACT)).collect();
        if steps.len() == wanted.meters.len() && steps.iter().all(over) {
            let good = steps.iter().all(|row| row.step.state == StepState::Done);
            let state = if good { StepState::Done } else { StepState::Failed };
            // The last entry of an errand says again what was wanted: it is where it is looked up.
            let notes = wanted.values.notes();
            site.step((work, self.kind()), None, Step::WHOLE, state, notes)?;
        }
        self.sheet(store, work)
    }

    fn sheet(&self, store: &Store, work: WorkId) -> Result<Sheet, Failure> {
        if let Some(errand) = begun_as(store, work) {
            return errand.sheet(store, work);
        }
        let wanted = Wanted::of(errand::wanted(store, work, self.kind())?)?;
        let mut sheet = self.head(Some(work), &wanted);
        for check in wanted.command.checks() {
            let sign =
                if store.step(work, None, check).is_some() { Sign::Good } else { Sign::Todo };
            sheet.rows.push(Row::new(sign, check, ""));
        }
        for meter in &wanted.meters {
            let row = match store.step(work, Some(*meter), ACT) {
                None => Row::new(Sign::Todo, ACT, ""),
                Some(row) => step_row(&row),
            };
            sheet.rows.push(row.at(*meter));
        }
        sheet.done = self.ended(store, work);
        let whole = |row: &Row| row.name != ACT || row.sign == Sign::Good;
        if !sheet.rows.iter().all(whole) {
            sheet.exit = Some(Code::WorkPartial);
        }
        Ok(sheet)
    }
}

/// Whether a meter's step has come to its end. One that failed before anything was sent is tried
/// again when the errand is carried on.
fn over(row: &StepRow) -> bool {
    let unsent = row.step.notes.iter().any(|(key, _)| key == UNSENT);
    row.step.state != StepState::Begun && !(row.step.state == StepState::Failed && unsent)
}

/// A meter's step as a row.
fn step_row(row: &StepRow) -> Row {
    let note = |name: &str| {
        let found = row.step.notes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let shown = Row::new(Sign::of(row.step.state), ACT, note("seen"));
    match Code::named(&note("code")) {
        Some(code) => shown.because(fail(code, note("detail"))),
        None => shown,
    }
}

impl Control {
    fn head(&self, work: Option<WorkId>, wanted: &Wanted) -> Sheet {
        let mut sheet = Sheet::new(self.kind(), work);
        let of = |key: &str| wanted.values.get(key).unwrap_or_default().to_owned();
        sheet.rows.push(Row::info("command", of("command")));
        for key in ["reason"].iter().chain(OF_SETTINGS) {
            if wanted.values.get(key).is_some() {
                sheet.rows.push(Row::info(key, of(key)));
            }
        }
        sheet
    }

    fn ended(&self, store: &Store, work: WorkId) -> bool {
        store.errand(work).is_some_and(|row| row.step.state != StepState::Begun)
    }

    fn asking(&self, store: &Store, work: WorkId, check: &'static str) -> Result<Sheet, Failure> {
        let mut sheet = self.sheet(store, work)?;
        (sheet.ask, sheet.exit) = (Ask::Go(check), None);
        Ok(sheet)
    }

    /// Goes to every meter that has no end yet.
    fn visit(
        &self,
        site: &Site<'_>,
        work: WorkId,
        wanted: &Wanted,
        tell: &mut dyn FnMut(&Sheet),
    ) -> Result<(), Failure> {
        let store = site.desk.store;
        let over = |meter: &MeterNo| store.step(work, Some(*meter), ACT).is_some_and(|r| over(&r));
        let todo: Vec<MeterNo> =
            wanted.meters.iter().copied().filter(|meter| !over(meter)).collect();
        let id = (work, self.kind());
        let act = |line: &mut Line<'_>, stop: &Stop| match wanted.command {
            Command::Relay(order) => {
                relay::act_as(site, line, stop, (id, ACT, order, &wanted.values))
            }
            Command::Settings => settings::act(site, line, stop, (id, &wanted.values)),
        };
        let mut journal = Ok(());
        site.each(&todo, &act, &mut |ended| {
            if let Err(failure) = ended.result {
                let row = store.step(work, Some(ended.meter), ACT);
                let begun = row.is_some_and(|row| row.step.state == StepState::Begun);
                // What was begun stays begun: the next visit looks first.
                if !begun && failure.code != Code::Cancelled {
                    let stamp = ended.at.stamp(site.desk.session.operator());
                    let end = (ACT, StepState::Failed);
                    let mut notes = failed(&failure);
                    // What the model does not do it does not do the next time either.
                    if !matches!(failure.code, Code::NotPublished | Code::ItemUnknown) {
                        notes.push((UNSENT.to_owned(), String::new()));
                    }
                    let kept = errand::step(store, &stamp, id, Some(ended.meter), end, notes);
                    journal = std::mem::replace(&mut journal, Ok(())).and(kept);
                }
            }
            if let Ok(sheet) = self.sheet(store, work) {
                tell(&sheet);
            }
        });
        journal
    }
}

/// A model whose rows are not proven is commanded on somebody's word only, which is journaled.
fn proven(site: &Site<'_>, line: &Line<'_>, meter: MeterNo, verb: Verb) -> Result<(), Failure> {
    let Profile { confidence, source, .. } = line.profile;
    let rows = Rows { section: "profile", confidence: *confidence, source };
    let Some(waiver) = proven::proven(line.profile, rows, site.desk.accepted)? else {
        return Ok(());
    };
    let event = waiver.event(meter, verb);
    let kept = site.desk.store.append(&site.desk.stamp(line), event);
    kept.map(drop).map_err(|error| failure::store(&error))
}

/// A failure as notes of a step.
fn failed(failure: &Failure) -> Vec<(String, String)> {
    let code = ("code".to_owned(), failure.code.as_str().to_owned());
    vec![code, ("detail".to_owned(), failure.detail.clone())]
}

/// What was seen, as notes of a step.
fn seen(text: &str) -> Vec<(String, String)> {
    vec![("seen".to_owned(), text.to_owned())]
}
