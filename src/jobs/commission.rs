//! Commissioning: a meter put into service, from its nameplate to its certificate.
//!
//! A row of steps, each written down before it changes anything and after it was seen in the meter.
//! A step that fails waits for a person: try again, or leave it out with a reason, which then
//! stands on the certificate. So a meter is never left half-configured without a word.
//!
//! | part | what |
//! |---|---|
//! | [`steps`] | how one step waits, fails, is left out |
//! | [`found`] | which meter, by a survey of the line |
//! | [`identity`] | number, barcode, address, CT ratio, account |
//! | [`template`] | parameters |
//! | [`others`] | what another errand does: a bundle's parameters, the account's opening |
//! | [`check`], [`wiring`], [`guesses`], [`figures`], [`verdict`] | the wiring check |
//! | [`trial`] | overload and relay |
//! | [`certificate`] | what it all came to |

pub mod certificate;
pub mod check;
pub mod figures;
pub mod found;
pub mod guesses;
pub mod identity;
pub mod others;
pub mod steps;
pub mod template;
pub mod trial;
pub mod verdict;
pub mod wiring;

use std::path::Path;

use super::errand::{
    self, Answer, Ask, Errand, Field, FieldKind, Row, Sheet, Sign, Site, Values, Vectors,
};
use super::failure::fail;
use super::lines::{Crew, Stop};
use super::swap::back;
use super::views::Failure;
use super::{Line, access, gate, read};
use crate::report::Code;
use crate::store::{Step, StepRow, Store};
use crate::units::{ErrandKind, MeterNo, StepState, Verb, WorkId};
use steps::{Came, Here, Notes, of, with};
use wiring::Load;

/// Kinds of connection, by their stable names.
pub const SYSTEMS: &[&str] = &["single", "three-wire", "four-wire"];

/// The step with the wiring check.
const WIRING: &str = "comm-wiring";

/// Rows of the template, kept with what was wanted: the file may be another one later.
const ROWS: &str = "rows";

/// The first step where nobody has said which meter it is.
const SURVEY: &str = "comm-survey";

const FIELDS: &[Field] = &[
    Field { key: "meter", kind: FieldKind::Meter, required: false },
    Field { key: "survey", kind: FieldKind::Switch, required: false },
    Field { key: "barcode", kind: FieldKind::Text, required: false },
    Field { key: "set-address", kind: FieldKind::Switch, required: false },
    Field { key: "template", kind: FieldKind::File, required: false },
    Field { key: "bundle", kind: FieldKind::Text, required: false },
    Field { key: "ct", kind: FieldKind::Number, required: false },
    Field { key: "system", kind: FieldKind::Choice(SYSTEMS), required: false },
    Field { key: "load", kind: FieldKind::Choice(Load::NAMES), required: false },
    Field { key: "seals", kind: FieldKind::Text, required: false },
];

/// A step: its stable name, and whether it is wanted.
type StepOf = (&'static str, fn(&Values) -> bool);

/// The steps, in order.
pub const STEPS: &[StepOf] = &[
    (SURVEY, |values| values.switch("survey")),
    ("comm-identify", |_| true),
    ("comm-address", |values| values.switch("set-address")),
    ("comm-template", |values| values.get(ROWS).is_some()),
    ("comm-bundle", |values| values.get("bundle").is_some()),
    ("comm-ratio", |values| values.get("ct").is_some()),
    ("comm-account", |_| true),
    ("comm-wiring", |_| true),
    ("comm-overload", |_| true),
    ("comm-relay", |_| true),
    ("comm-reading", |_| true),
];

/// The errand.
pub struct Commission;

impl Errand for Commission {
    fn kind(&self) -> ErrandKind {
        ErrandKind::Commission
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn plan(&self, site: &Site<'_>, values: &Values) -> Result<Sheet, Failure> {
        let (meter, mut values) = wanted(values)?;
        let Some(meter) = meter else {
            gate::change_some(site.desk, Verb::Commission, site.moment())?;
            let mut sheet = head(None, &values);
            let steps = STEPS.iter().filter(|(_, applies)| applies(&values));
            sheet.rows.extend(steps.map(|(name, _)| Row::new(Sign::Todo, name, "")));
            sheet.rows.push(Row::info("comm-survey-s", found::budget_s().to_string()));
            return Ok(sheet);
        };
        gate::change(site.desk, Verb::Commission, meter, site.moment(), true)?;
        others::planned(site, meter, &mut values)?;
        let mut sheet = head(None, &values);
        // Whose meter it is, as the list has it: what can be compared with the place.
        if let Some(row) = site.desk.store.meter(meter) {
            let whose = [Row::info("customer", row.customer), Row::info("location", row.location)];
            sheet.rows.splice(1..1, whose);
        }
        let found = site.on(meter, |line, stop| identity::find(line, stop.meter, &values));
        sheet.rows.push(match found {
            Ok(notes) => Row::new(Sign::Good, "comm-identify", of(&notes, "number").to_owned()),
            Err(failure) => Row::new(Sign::Bad, "comm-identify", "").because(failure),
        });
        let rest = STEPS.iter().skip(2).filter(|(_, applies)| applies(&values));
        sheet.rows.extend(rest.map(|(name, _)| Row::new(Sign::Todo, name, "")));
        Ok(sheet)
    }

    fn begin(&self, site: &Site<'_>, values: &Values) -> Result<WorkId, Failure> {
        let (meter, mut values) = wanted(values)?;
        let Some(meter) = meter else {
            gate::change_some(site.desk, Verb::Commission, site.moment())?;
            return site.begin(self.kind(), &values);
        };
        gate::change(site.desk, Verb::Commission, meter, site.moment(), true)?;
        not_open(site.desk.store, meter)?;
        others::pinned(site, meter, &mut values)?;
        gate::change(site.desk, Verb::Commission, meter, site.moment(), false)?;
        site.begin(self.kind(), &values)
    }

    fn advance(
        &self,
        site: &Site<'_>,
        work: WorkId,
        answer: &Answer,
        tell: &mut dyn FnMut(&Sheet),
    ) -> Result<Sheet, Failure> {
        let store = site.desk.store;
        let mut values = errand::wanted(store, work, self.kind())?;
        let mut answer = Some(answer).filter(|answer| **answer != Answer::None);
        if values.get("meter").is_none() && !ended(store, work) {
            if !found::go_on(site, (work, &values), answer.take(), tell)? {
                return self.sheet(store, work);
            }
            values = errand::wanted(store, work, self.kind())?;
            tell(&self.sheet(store, work)?);
        }
        let Some(meter) = meter_of(&values)? else { return self.sheet(store, work) };
        // The line as it was set, and the kind it spoke as, when the survey heard it.
        let (settings, wished) = found::heard(store, work, meter);
        let crew = Crew { settings: site.crew.settings.or(settings), ..*site.crew };
        let wished = wished.as_deref().or(site.wished);
        let site = &Site { crew: &crew, wished, ..*site };
        while !ended(store, work) {
            let Some(name) = pending(store, work, meter, &values) else {
                let state = StepState::Done;
                site.step((work, self.kind()), None, Step::WHOLE, state, values.notes())?;
                break;
            };
            let here = Here { site, work, kind: self.kind(), meter, values: &values, name };
            let row = store.step(work, Some(meter), name);
            if !here.go_on(row.as_ref(), answer.take(), &|here, notes, answer| {
                run(here, notes, answer)
            })? {
                break;
            }
            tell(&self.sheet(store, work)?);
        }
        self.sheet(store, work)
    }

    fn sheet(&self, store: &Store, work: WorkId) -> Result<Sheet, Failure> {
        let values = errand::wanted(store, work, self.kind())?;
        let Some(meter) = meter_of(&values)? else { return Ok(found::sheet(store, work, &values)) };
        let mut sheet = head(Some(work), &values);
        for (name, _) in STEPS.iter().filter(|(_, applies)| applies(&values)) {
            if *name == SURVEY {
                let row = store.step(work, None, SURVEY);
                sheet.rows.extend(row.map(|row| {
                    let chosen = of(&row.step.notes, "chosen");
                    Row::new(Sign::of(row.step.state), SURVEY, chosen)
                }));
                continue;
            }
            match store.step(work, Some(meter), name) {
                None => sheet.rows.push(Row::new(Sign::Todo, name, "")),
                Some(row) => sheet.rows.extend(rows(&row)),
            }
        }
        sheet.done = ended(store, work);
        let left = sheet.rows.iter().any(|row| matches!(row.sign, Sign::Bad | Sign::Unknown));
        let skipped = sheet.rows.iter().any(|row| row.sign == Sign::Warn);
        if !sheet.done {
            let row = pending(store, work, meter, &values)
                .and_then(|name| store.step(work, Some(meter), name));
            sheet.ask =
                row.map_or(Ask::Nothing, |row| steps::ask(of(&row.step.notes, "wait"), meter));
        }
        sheet.exit = (left || sheet.done && skipped).then_some(Code::WorkPartial);
        sheet.vectors = store.step(work, Some(meter), WIRING).and_then(|row| vectors(&row));
        if sheet.done {
            sheet.certificate = certificate::rows(store, work)?;
        }
        Ok(sheet)
    }
}

/// What was measured in the wiring check; none where it was not read yet.
fn vectors(row: &StepRow) -> Option<Vectors> {
    let notes = &row.step.notes;
    let three = |name: &str| certificate::three(notes, name);
    let backwards = of(notes, "order") == "reversed";
    let measured = !of(notes, "finding").is_empty();
    measured.then(|| Vectors {
        volts: three("volts-dv"),
        amps: three("amps-ma"),
        angles: three("angles"),
        backwards,
    })
}

/// The meter, if it is known yet.
fn meter_of(values: &Values) -> Result<Option<MeterNo>, Failure> {
    values.get("meter").map(|_| values.meter("meter")).transpose()
}

/// No other commissioning of this meter is open.
fn not_open(store: &Store, meter: MeterNo) -> Result<(), Failure> {
    for row in store.errands() {
        let open = row.step.kind == ErrandKind::Commission && row.step.state == StepState::Begun;
        if open && Values::of_notes(&row.step.notes).meter("meter") == Ok(meter) {
            return Err(fail(Code::WorkOpen, row.step.errand.to_string()));
        }
    }
    Ok(())
}

/// Checks the form; the template's rows come with it. No meter: it is looked for first.
fn wanted(values: &Values) -> Result<(Option<MeterNo>, Values), Failure> {
    values.check(FIELDS)?;
    let (mut meter, mut values) = (meter_of(values)?, values.clone());
    if let Some(number) = meter.filter(|_| values.switch("survey")) {
        // Looked for, and taken if it answers.
        values.set("pick", number.to_string());
        values.set("meter", String::new());
        meter = None;
    }
    if meter.is_none() {
        values.set("survey", "yes");
    }
    if let Some(code) = values.get("barcode") {
        identity::check_digit(code)?;
    }
    if let Some(ct) = values.number("ct")?
        && !(1..=identity::RATIO_MAX).contains(&ct)
    {
        return Err(fail(Code::FieldOdd, format!("ct: {ct}")));
    }
    let file = values.get("template").filter(|file| !others::is_bundle(file));
    if let Some(file) = file.map(str::to_owned) {
        let rows = template::of_file(Path::new(&file))?;
        values.set(ROWS, template::text(&rows));
    }
    Ok((meter, values))
}

fn head(work: Option<WorkId>, values: &Values) -> Sheet {
    let mut sheet = Sheet::new(ErrandKind::Commission, work);
    for key in ["meter", "barcode", "template", "ct", "system", "load", "seals"] {
        if let Some(text) = values.get(key) {
            sheet.rows.push(Row::info(key, text));
        }
    }
    let bundle = values.get(others::BUNDLE_NAME).or(values.get("bundle"));
    sheet.rows.extend(bundle.map(|name| Row::info("bundle", name)));
    sheet
}

fn ended(store: &Store, work: WorkId) -> bool {
    store.errand(work).is_some_and(|row| row.step.state != StepState::Begun)
}

/// The first step that has no end yet.
fn pending(store: &Store, work: WorkId, meter: MeterNo, values: &Values) -> Option<&'static str> {
    let over = |name: &str| {
        let row = store.step(work, Some(meter), name);
        row.is_some_and(|row| matches!(row.step.state, StepState::Done | StepState::Skipped))
    };
    let steps = STEPS.iter().filter(|(name, applies)| *name != SURVEY && applies(values));
    steps.map(|(name, _)| *name).find(|name| !over(name))
}

/// Figures of a step that are worth a row of their own.
const SHOWN: &[&str] = &[
    "number",
    "asset",
    "written",
    "same",
    "items",
    "account",
    "ask-office",
    "token",
    "amount",
    "customer",
    "finding",
    "basis",
    "confidence",
    "faults",
    "likely-if",
    "likely",
    "confirm",
    "doubts",
    "twins",
    "limit-w",
    "delay-s",
    "tripped-after",
    "closed-after",
    "trip-at",
    "close-at",
    "energy",
    "clock",
    "drift-s",
    "swapped-back",
    "reason",
];

/// A step as rows: itself, and its figures.
fn rows(row: &StepRow) -> Vec<Row> {
    let notes = &row.step.notes;
    let shown = Row::new(Sign::of(row.step.state), &row.step.name, "");
    let mut rows = vec![match Code::named(of(notes, "code")) {
        Some(code) => shown.because(fail(code, of(notes, "detail"))),
        None => shown,
    }];
    for name in SHOWN {
        match of(notes, name) {
            "" => {}
            text if *name == "faults" || *name == "doubts" => {
                rows.extend(text.split(' ').map(|one| Row::info(&format!("comm-{name}"), one)));
            }
            text => rows.push(Row::info(&format!("comm-{name}"), text)),
        }
    }
    rows
}

/// One step, from where its notes say.
fn run(here: &Here<'_>, notes: &Notes, answer: Option<&Answer>) -> Result<Came, Failure> {
    match here.name {
        "comm-identify" => {
            here.on(|line, stop| identity::find(line, stop.meter, here.values)).map(Came::Done)
        }
        "comm-address" => identity::address(here, notes, answer),
        "comm-template" => parameters(here),
        "comm-ratio" => identity::ratio(here, notes, answer),
        "comm-bundle" => others::bundle(here),
        "comm-account" => others::account(here, answer),
        "comm-wiring" => check::run(here, notes, answer),
        "comm-overload" => trial::overload(here, notes, answer),
        "comm-relay" => trial::relay(here, notes, answer),
        _ => first_reading(here),
    }
}

/// Writes the template's rows that differ, and reads all of them back.
fn parameters(here: &Here<'_>) -> Result<Came, Failure> {
    let rows = template::parse(here.values.get(ROWS).unwrap_or_default())?;
    here.on(|line, stop| {
        access::parameters(line.profile)?;
        let access = here.site.access(line.profile)?;
        let todo = template::differing(line, stop.meter, &rows)?;
        here.begun(line, with(&[("written", &template::text(&todo))]))?;
        let refused = template::write(line, stop.meter, &todo, &access)?;
        let left = template::differing(line, stop.meter, &rows)?;
        let notes = with(&[
            ("same", &(rows.len() - todo.len()).to_string()),
            ("written", &(todo.len().saturating_sub(left.len())).to_string()),
        ]);
        if left.is_empty() {
            return Ok(Came::Done(notes));
        }
        let why = refused.first().map(|(_, why)| why.code).unwrap_or(Code::MeterRefused);
        Ok(Came::Failed(fail(why, template::text(&left)), notes))
    })
}

/// The first reading: a reading like any other in the journal, and its figures on the certificate.
fn first_reading(here: &Here<'_>) -> Result<Came, Failure> {
    here.on(|line: &mut Line<'_>, stop: &Stop| {
        let (card, reading) = read::read_at(line, stop.meter, &stop.place)?;
        let stamp = here.site.desk.stamp(line);
        let (alarm, kept) = back::keep(here.site.desk.store, &stamp, reading);
        kept?;
        let text = |value: Option<String>| value.unwrap_or_default();
        Ok(Came::Done(with(&[
            ("energy", &text(card.energy.map(|energy| format!("{energy} kWh")))),
            ("balance", &text(card.balance.map(|credit| credit.value.to_string()))),
            ("count", &text(card.count.map(|count| count.0.to_string()))),
            ("drift-s", &text(card.drift_s.map(|drift| drift.to_string()))),
            ("alarms", &card.alarms.join(" ")),
            // It was taken down somewhere else, and comes into service again: that is said.
            ("swapped-back", &alarm.map(|alarm| alarm.detail).unwrap_or_default()),
        ])))
    })
}
