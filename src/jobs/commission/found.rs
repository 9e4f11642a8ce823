//! The first step where nobody has said which meter it is: what answers on the line, and which of
//! it is meant.
//!
//! The survey is the ordinary one ([`crate::jobs::survey`]). What it found is written down, so that
//! a person can choose after any interruption; broken off before its end, it is made again, for it
//! changes nothing. Once a meter is chosen it stands in the errand as if it had been typed.

use super::steps::{Notes, note, of};
use super::{STEPS, SURVEY, head, others};
use crate::jobs::errand::{Answer, Ask, FieldKind, Row, Sheet, Sign, Site, Values};
use crate::jobs::failure::fail;
use crate::jobs::views::{
    Failure, SurveyEnd, SurveyMeter, SurveyPlan, SurveyProgress, SurveyProtocol,
};
use crate::jobs::{gate, lines, survey, swap::back};
use crate::report::Code;
use crate::store::{Step, StepRow, Store};
use crate::transport::LineSettings;
use crate::units::{BusPlace, ErrandKind, MeterNo, StepState, Verb, WorkId};

/// The one meter that is proposed; several of which one is to be named; none.
const ONE: &str = "comm-survey-one";
const WHICH: &str = "comm-survey-which";
const NONE: &str = "comm-survey-none";
/// Answers: take it, look again, say a number, end it.
const TAKE: &str = "comm-take";
const AGAIN: &str = "comm-again";
const TYPE: &str = "comm-type";
const STOP: &str = "comm-stop";
/// Most meters that are noted: the rest would fill no screen.
const MOST: usize = 99;
/// The note of a meter that was found: number, protocol, line settings.
const FOUND: &str = "found";
/// Digits of a whole number.
const WHOLE: usize = 12;

/// What is looked for: everything at the usual settings, until something explains the line.
fn plan() -> SurveyPlan {
    SurveyPlan { protocols: Vec::new(), baud: None, parity: None, from: 1, to: 247, all: false }
}

/// What it would take, seconds.
pub fn budget_s() -> u32 {
    plan().budget_s()
}

/// A meter that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    /// Its address; a number, where its protocol calls it by that.
    address: String,
    protocol: String,
    line: String,
}

impl Found {
    fn of(text: &str) -> Option<Self> {
        let mut words = text.split(' ').map(str::to_owned);
        Some(Self { address: words.next()?, protocol: words.next()?, line: words.next()? })
    }

    fn note(meter: &SurveyMeter) -> (String, String) {
        let SurveyMeter { address, protocol, line, .. } = meter;
        note(FOUND, format!("{} {} {line}", address.replace(' ', "-"), protocol.as_str()))
    }

    /// Its number, where it is called by one.
    fn meter(&self) -> Option<MeterNo> {
        let numbered =
            [SurveyProtocol::Dlt645, SurveyProtocol::Dlt645v1997, SurveyProtocol::Dlt698];
        let protocol = SurveyProtocol::named(&self.protocol)?;
        let number = || self.address.parse().ok();
        numbered.contains(&protocol).then(number).flatten()
    }

    /// The built-in profile that reads it, where the usual one does not.
    fn profile(&self) -> Option<&'static str> {
        match SurveyProtocol::named(&self.protocol)? {
            SurveyProtocol::Dlt645v1997 => Some("dlt645-1997"),
            SurveyProtocol::Dlt698 => Some("dlt698-generic"),
            _ => None,
        }
    }
}

fn found(notes: &Notes) -> Vec<Found> {
    notes.iter().filter(|(name, _)| name == FOUND).filter_map(|(_, text)| Found::of(text)).collect()
}

/// Which number an answer names: its place in the list, the end of a number in it, or a whole one.
fn named(found: &[Found], said: &str) -> Result<MeterNo, Failure> {
    let odd = || fail(Code::FieldOdd, format!("{WHICH}: {said}"));
    let digits = !said.is_empty() && said.chars().all(|c| c.is_ascii_digit());
    if !digits || said.len() > WHOLE {
        return Err(odd());
    }
    let place = said.parse::<usize>().ok().filter(|_| said.len() <= 2);
    if let Some(place) = place {
        let at = place.checked_sub(1).and_then(|at| found.get(at));
        // What is called by a bus address is called by its number all the same: that is typed.
        return at.and_then(Found::meter).ok_or_else(odd);
    }
    let numbers = found.iter().filter_map(Found::meter);
    let ends: Vec<MeterNo> = numbers.filter(|no| no.to_string().ends_with(said)).collect();
    match (ends.as_slice(), said.len()) {
        ([meter], _) => Ok(*meter),
        ([meter, rest @ ..], _) if rest.iter().all(|other| other == meter) => Ok(*meter),
        ([], WHOLE) => said.parse().map_err(|_| odd()),
        _ => Err(odd()),
    }
}

/// Those that this handheld does not know yet: not of the office's list, never read.
fn unknown(store: &Store, found: &[Found]) -> Vec<MeterNo> {
    let mut all: Vec<MeterNo> = found.iter().filter_map(Found::meter).collect();
    all.dedup();
    all.retain(|meter| store.meter(*meter).is_none());
    all
}

/// Carries the step on; true once the errand has its meter.
///
/// # Errors
/// Store failures; a cancel; an answer that is none.
pub fn go_on(
    site: &Site<'_>,
    (work, values): (WorkId, &Values),
    answer: Option<&Answer>,
    tell: &mut dyn FnMut(&Sheet),
) -> Result<bool, Failure> {
    let store = site.desk.store;
    let row = store.step(work, None, SURVEY);
    let none = Notes::new();
    let notes = row.as_ref().map_or(&none, |row| &row.step.notes);
    let said = answer.map(|answer| answer.text().unwrap_or(TAKE));
    let put = |state, notes| site.step((work, ErrandKind::Commission), None, SURVEY, state, notes);
    match (of(notes, "wait"), said) {
        _ if !of(notes, "chosen").is_empty() => {}
        ("", _) | (ONE | NONE, Some(AGAIN | "again")) | (WHICH, Some("0")) => {
            let notes = look(site, (work, values), tell)?;
            let state = if found(&notes).is_empty() { StepState::Failed } else { StepState::Begun };
            let (stopped, pick) = (of(&notes, "stopped") == "yes", values.get("pick"));
            let picked = pick
                .and_then(|pick| pick.parse::<MeterNo>().ok())
                .filter(|pick| found(&notes).iter().any(|found| found.meter() == Some(*pick)));
            put(state, notes)?;
            return match picked {
                _ if stopped => Err(fail(Code::Cancelled, "")),
                // The number was said before, and answers here.
                Some(meter) => choose(site, (work, values), meter).map(|()| true),
                None => Ok(false),
            };
        }
        (_, None) => return Ok(false),
        (ONE | NONE, Some(TYPE)) => {
            put(StepState::Begun, super::steps::replaced(notes, "wait", WHICH))?;
            return Ok(false);
        }
        (_, Some(STOP)) => {
            put(StepState::Skipped, super::steps::replaced(notes, "wait", ""))?;
            let whole = (work, ErrandKind::Commission);
            site.step(whole, None, Step::WHOLE, StepState::Skipped, values.notes())?;
            return Ok(false);
        }
        (ONE, Some(TAKE | "yes" | "")) => {
            let meter = of(notes, "proposed").parse::<MeterNo>();
            let meter = meter.map_err(|_| fail(Code::FieldOdd, WHICH))?;
            return choose(site, (work, values), meter).map(|()| true);
        }
        (_, Some(said)) => {
            let meter = named(&found(notes), said)?;
            return choose(site, (work, values), meter).map(|()| true);
        }
    }
    // Chosen, and then broken off.
    let meter = of(notes, "chosen").parse::<MeterNo>();
    let meter = meter.map_err(|_| fail(Code::FieldOdd, WHICH))?;
    taken(site, (work, values), meter).map(|()| true)
}

/// Surveys the line; what it brought as notes, with the question that follows from it.
fn look(
    site: &Site<'_>,
    (work, values): (WorkId, &Values),
    tell: &mut dyn FnMut(&Sheet),
) -> Result<Notes, Failure> {
    let port = lines::port(&BusPlace::default(), site.chosen, site.forced);
    let opened = site.crew.settings.unwrap_or_default();
    let mut link = (site.crew.open)(port.as_deref(), &opened)?;
    let terminals = survey::terminals::layouts(site.profiles);
    let line = survey::Site {
        link: link.as_mut(),
        opened,
        terminals: &terminals,
        cancel: site.crew.cancel,
        wire: &mut |_| {},
    };
    let mut progress = |progress: &SurveyProgress| {
        let mut sheet = head(Some(work), values);
        let (step, of) = progress.steps;
        let protocol = progress.protocol.map_or("", |protocol| protocol.as_str());
        let doing = format!("{protocol} {} ({step}/{of})", progress.line);
        sheet.rows.push(Row::new(Sign::Doing, SURVEY, doing));
        sheet.rows.push(Row::info("comm-found-count", progress.found.to_string()));
        tell(&sheet);
    };
    let view = survey::run(line, &plan(), &mut progress, None)?.view;
    if let SurveyEnd::Broken(failure) = view.end {
        return Err(failure);
    }
    let store = site.desk.store;
    back::surveyed(store, &site.stamp(), &view.meters);
    let mut notes: Notes = view.meters.iter().take(MOST).map(Found::note).collect();
    let all = found(&notes);
    let unknown = unknown(store, &all);
    let numbered: Vec<MeterNo> = all.iter().filter_map(Found::meter).collect();
    let proposed = match (unknown.as_slice(), numbered.as_slice()) {
        ([one], _) | ([], [one]) => Some(*one),
        _ => None,
    };
    let wait = match (proposed, all.is_empty()) {
        (Some(_), _) => ONE,
        (None, false) => WHICH,
        (None, true) => NONE,
    };
    notes.extend(proposed.map(|meter| note("proposed", meter.to_string())));
    notes.push(note("wait", wait));
    if view.end == SurveyEnd::Stopped {
        // Nobody waited for the rest: with nothing found it begins again.
        let nothing = all.is_empty();
        notes.retain(|(name, _)| !(nothing && name == "wait"));
        notes.push(note("stopped", "yes"));
    }
    Ok(notes)
}

/// Takes a meter for this errand, if it may be.
fn choose(site: &Site<'_>, of: (WorkId, &Values), meter: MeterNo) -> Result<(), Failure> {
    let store = site.desk.store;
    gate::change(site.desk, Verb::Commission, meter, site.moment(), true)?;
    super::not_open(store, meter)?;
    let known = store.step(of.0, None, SURVEY).map(|row| row.step.notes).unwrap_or_default();
    let mut notes: Notes = known.into_iter().filter(|(name, _)| name != "wait").collect();
    notes.push(note("chosen", meter.to_string()));
    let whole = (of.0, ErrandKind::Commission);
    site.step(whole, None, SURVEY, StepState::Done, notes)?;
    taken(site, of, meter)
}

/// Writes the meter down as wanted: from here on the errand is like any other.
fn taken(
    site: &Site<'_>,
    (work, values): (WorkId, &Values),
    meter: MeterNo,
) -> Result<(), Failure> {
    let mut values = values.clone();
    values.set("meter", meter.to_string());
    others::pinned(site, meter, &mut values)?;
    gate::change(site.desk, Verb::Commission, meter, site.moment(), false)?;
    let whole = (work, ErrandKind::Commission);
    site.step(whole, None, Step::WHOLE, StepState::Begun, values.notes())
}

/// How the line was set when the meter answered, and the profile that reads it.
pub fn heard(
    store: &Store,
    work: WorkId,
    meter: MeterNo,
) -> (Option<LineSettings>, Option<String>) {
    let Some(row) = store.step(work, None, SURVEY) else { return (None, None) };
    let all = found(&row.step.notes);
    let Some(own) = all.iter().find(|found| found.meter() == Some(meter)) else {
        return (None, None);
    };
    (LineSettings::parse(&own.line).ok(), own.profile().map(str::to_owned))
}

/// What is asked of a person.
pub fn ask(row: Option<&StepRow>) -> Ask {
    match row.map_or("", |row| of(&row.step.notes, "wait")) {
        ONE => Ask::Choice(ONE, &[TAKE, AGAIN, TYPE, STOP]),
        NONE => Ask::Choice(NONE, &[AGAIN, TYPE, STOP]),
        WHICH => Ask::Enter(WHICH, FieldKind::Number),
        _ => Ask::Nothing,
    }
}

/// The step as rows: what answered, and what is proposed.
pub fn rows(store: &Store, row: Option<&StepRow>) -> Vec<Row> {
    let Some(row) = row else { return vec![Row::new(Sign::Todo, SURVEY, "")] };
    let notes = &row.step.notes;
    let all = found(notes);
    let shown = Row::new(Sign::of(row.step.state), SURVEY, of(notes, "chosen"));
    let looked = !of(notes, "wait").is_empty() || row.step.state == StepState::Skipped;
    let nothing = all.is_empty() && looked && of(notes, "chosen").is_empty();
    let mut rows = vec![match nothing {
        true => shown.because(fail(Code::NothingFound, "")),
        false => shown,
    }];
    let unknown = unknown(store, &all);
    for (at, one) in (1..).zip(&all) {
        let name = match one.meter() {
            None => "comm-found-bus",
            Some(meter) if unknown.contains(&meter) => "comm-found",
            Some(_) => "comm-found-known",
        };
        let value = format!("{at}: {} {} {}", one.address, one.protocol, one.line);
        let alarm = one.meter().and_then(|meter| back::alarm(store, meter));
        let found = Row::info(name, value);
        rows.push(match alarm {
            Some(alarm) => Row { sign: Sign::Warn, ..found }.because(alarm),
            None => found,
        });
    }
    if of(notes, "wait") == ONE {
        rows.push(Row::info("comm-proposed", of(notes, "proposed")));
    }
    rows
}

/// The sheet before there is a meter.
pub fn sheet(store: &Store, work: WorkId, values: &Values) -> Sheet {
    let mut sheet = head(Some(work), values);
    let row = store.step(work, None, SURVEY);
    sheet.rows.extend(rows(store, row.as_ref()));
    let rest = STEPS.iter().filter(|(name, applies)| *name != SURVEY && applies(values));
    sheet.rows.extend(rest.map(|(name, _)| Row::new(Sign::Todo, name, "")));
    sheet.done = super::ended(store, work);
    sheet.ask = if sheet.done { Ask::Nothing } else { ask(row.as_ref()) };
    let failed = row.is_some_and(|row| row.step.state == StepState::Failed);
    sheet.exit = (failed || sheet.done).then_some(Code::WorkPartial);
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_an_end_or_a_whole_number_names_one_meter() {
        let texts = [
            "000000000501 dlt645 2400-8E1",
            "7 modbus-rtu 9600-8N1",
            "000000001501 dlt645 2400-8E1",
        ];
        let found: Vec<Found> = texts.iter().filter_map(|text| Found::of(text)).collect();
        let name = |said: &str| named(&found, said).map(|meter| meter.to_string());
        let (first, third) = ("000000000501".to_owned(), "000000001501".to_owned());
        assert_eq!(name("1"), Ok(first.clone()));
        assert_eq!((name("3"), name("1501")), (Ok(third.clone()), Ok(third)));
        assert_eq!(name("000000000501"), Ok(first));
        // A number on a label that did not answer is taken: the next step looks for it.
        assert_eq!(name("000000000777"), Ok("000000000777".to_owned()));
        for wrong in ["2", "4", "0", "501", "777", "x", "", "0000000000501"] {
            assert_eq!(named(&found, wrong).unwrap_err().code, Code::FieldOdd, "{wrong}");
        }
    }
}
