//! Longer errands: what is made of many steps, at one meter or at many, and may be interrupted.
//!
//! All of them go the same way, so that screens and commands need to know one only: fields are
//! filled in, a plan is shown that changes nothing, the errand is begun, and then it is carried on
//! until it is done or a person must do something. How far it came is in the journal alone; after a
//! kill or a power cut it is carried on from there.

use std::collections::BTreeMap;

use super::access::{self, MeterPassword};
use super::clock::Moment;
use super::failure::{self, fail};
use super::lines::{self, Crew, Ended, Stop, Summary, Visit};
use super::open;
use super::views::Failure;
use super::{Desk, Line};
use crate::profile::{Profile, Profiles};
use crate::protocol::dlt645::dialogue::Access;
use crate::report::Code;
use crate::store::{Event, Stamp, Step, Store};
use crate::units::{ErrandKind, MeterNo, Money, StepState, WorkId};

/// What is typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A meter's number.
    Meter,
    /// Meters' numbers, with spaces or commas between them.
    Meters,
    /// An amount, in yuan or kWh, with at most two decimals.
    Money,
    /// A whole number.
    Number,
    /// Any text.
    Text,
    /// The path of a file.
    File,
    /// One of these stable words.
    Choice(&'static [&'static str]),
    /// Yes or no.
    Switch,
}

/// A field of an errand's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its stable name; `text::work` has the words.
    pub key: &'static str,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether it must be filled in.
    pub required: bool,
}

/// A form as it was filled in: text by field. What is empty is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// Sets a field; empty text removes it.
    pub fn set(&mut self, key: &str, text: impl Into<String>) {
        let text: String = text.into();
        let text = text.trim();
        match text.is_empty() {
            true => self.0.remove(key),
            false => self.0.insert(key.to_owned(), text.to_owned()),
        };
    }

    /// The same, for building.
    #[must_use]
    pub fn with(mut self, key: &str, text: impl Into<String>) -> Self {
        self.set(key, text);
        self
    }

    /// A field's text.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// [`Code::Usage`] with the field's name.
    pub fn need(&self, key: &str) -> Result<&str, Failure> {
        self.get(key).ok_or_else(|| fail(Code::Usage, key))
    }

    /// A meter's number.
    ///
    /// # Errors
    /// [`Code::Usage`]: it is missing or no number.
    pub fn meter(&self, key: &str) -> Result<MeterNo, Failure> {
        parsed(key, self.need(key)?)
    }

    /// Meters' numbers, each once, in the order given.
    ///
    /// # Errors
    /// [`Code::Usage`]: there is none, or one is no number.
    pub fn meters(&self, key: &str) -> Result<Vec<MeterNo>, Failure> {
        let mut meters = Vec::new();
        let apart = |c: char| c == ',' || c == ';' || c.is_whitespace();
        for word in self.need(key)?.split(apart).filter(|word| !word.is_empty()) {
            let meter = parsed(key, word)?;
            if !meters.contains(&meter) {
                meters.push(meter);
            }
        }
        if meters.is_empty() { Err(fail(Code::Usage, key)) } else { Ok(meters) }
    }

    /// An amount in hundredths, if it is there.
    ///
    /// # Errors
    /// [`Code::Usage`]: it is no amount.
    pub fn money(&self, key: &str) -> Result<Option<i64>, Failure> {
        let read = |text: &str| Money::parse(text).map(|money| money.0);
        self.get(key).map(|text| read(text).ok_or_else(|| odd(key, text))).transpose()
    }

    /// A whole number, if it is there.
    ///
    /// # Errors
    /// [`Code::Usage`]: it is no number.
    pub fn number(&self, key: &str) -> Result<Option<i64>, Failure> {
        self.get(key).map(|text| text.parse().map_err(|_| odd(key, text))).transpose()
    }

    /// Yes or no; no where nothing was said.
    pub fn switch(&self, key: &str) -> bool {
        matches!(self.get(key), Some("yes" | "true" | "1" | "on"))
    }

    /// All of them, as notes of the errand's first entry.
    pub fn notes(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(key, text)| (key.clone(), text.clone())).collect()
    }

    /// The fields of an errand's first entry.
    pub fn of_notes(notes: &[(String, String)]) -> Self {
        Self(notes.iter().cloned().collect())
    }

    /// Checks a form against its fields.
    ///
    /// # Errors
    /// [`Code::Usage`] with the first field that is missing or holds what it cannot.
    pub fn check(&self, fields: &[Field]) -> Result<(), Failure> {
        for field in fields {
            let Some(text) = self.get(field.key) else {
                if field.required {
                    return Err(fail(Code::Usage, field.key));
                }
                continue;
            };
            match field.kind {
                FieldKind::Meter => drop(self.meter(field.key)?),
                FieldKind::Meters => drop(self.meters(field.key)?),
                FieldKind::Money => drop(self.money(field.key)?),
                FieldKind::Number => drop(self.number(field.key)?),
                FieldKind::Choice(choices) if !choices.contains(&text) => {
                    return Err(odd(field.key, text));
                }
                FieldKind::Choice(_) | FieldKind::Text | FieldKind::File | FieldKind::Switch => {}
            }
        }
        Ok(())
    }
}

fn odd(key: &str, text: &str) -> Failure {
    fail(Code::Usage, format!("{key}: {text}"))
}

fn parsed(key: &str, text: &str) -> Result<MeterNo, Failure> {
    text.parse().map_err(|_| odd(key, text))
}

/// How a row of a sheet stands: a sign first, a colour second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Not begun.
    Todo,
    /// Under way.
    Doing,
    /// Done and seen.
    Good,
    /// Done, and something should be known about it.
    Warn,
    /// Refused or failed.
    Bad,
    /// It may have happened or not.
    Unknown,
    /// Only said.
    Info,
}

impl Sign {
    /// Of a step's state.
    pub fn of(state: StepState) -> Self {
        match state {
            StepState::Begun => Self::Doing,
            StepState::Done => Self::Good,
            StepState::Refused | StepState::Failed => Self::Bad,
            StepState::Skipped => Self::Warn,
            StepState::Unknown => Self::Unknown,
        }
    }
}

/// One row of what is shown of an errand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// How it stands.
    pub sign: Sign,
    /// What it is: a stable name, with words in `text::work`.
    pub name: String,
    /// The meter, where it is about one.
    pub meter: Option<MeterNo>,
    /// Its figure or word; a stable word is translated, anything else shown as it is.
    pub value: String,
    /// Why it is not good.
    pub failure: Option<Failure>,
}

impl Row {
    /// A row that only says something.
    pub fn info(name: &str, value: impl Into<String>) -> Self {
        Self::new(Sign::Info, name, value)
    }

    /// A row.
    pub fn new(sign: Sign, name: &str, value: impl Into<String>) -> Self {
        Self { sign, name: name.to_owned(), meter: None, value: value.into(), failure: None }
    }

    /// The same about a meter.
    #[must_use]
    pub fn at(mut self, meter: MeterNo) -> Self {
        self.meter = Some(meter);
        self
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(mut self, failure: Failure) -> Self {
        self.failure = Some(failure);
        self
    }
}

/// What an errand needs from a person before it can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Nothing.
    Nothing,
    /// That something was done or understood: a stable name, with words in `text::work`.
    Go(&'static str),
    /// The last four digits of this meter's number.
    Digits(MeterNo),
    /// One of these, by stable names: the question and the choices.
    Choice(&'static str, &'static [&'static str]),
    /// Something to be typed.
    Enter(&'static str, FieldKind),
}

/// What a person said to the last question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing was asked.
    None,
    /// Go on.
    Yes,
    /// Digits, a choice's name, or text.
    Text(String),
}

impl Answer {
    /// The text, if there is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()),
            Self::None | Self::Yes => None,
        }
    }
}

/// How an errand stands: what screens and commands show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Which errand; none while it is only planned.
    pub work: Option<WorkId>,
    /// What it is.
    pub kind: ErrandKind,
    /// What there is to see, in order.
    pub rows: Vec<Row>,
    /// What a person must do next.
    pub ask: Ask,
    /// Whether it has come to its end.
    pub done: bool,
    /// What stands against it as a whole: the exit status of a command.
    pub exit: Option<Code>,
}

impl Sheet {
    /// An empty one.
    pub fn new(kind: ErrandKind, work: Option<WorkId>) -> Self {
        Self { work, kind, rows: Vec::new(), ask: Ask::Nothing, done: false, exit: None }
    }
}

/// Where an errand is done: who works, and the meters he can reach.
pub struct Site<'a> {
    /// Store, person, policy.
    pub desk: &'a Desk<'a>,
    /// How lines are opened.
    pub crew: &'a Crew<'a>,
    /// The kinds of meters there are.
    pub profiles: &'a Profiles,
    /// The profile for meters whose list names none.
    pub wished: Option<&'a str>,
    /// The port for meters whose list names none.
    pub chosen: Option<&'a str>,
    /// A port that stands above the list.
    pub forced: Option<&'a str>,
    /// The meters' password, where one was given.
    pub password: Option<&'a MeterPassword>,
}

impl Site<'_> {
    /// What is known of a meter: its kind and its place.
    ///
    /// # Errors
    /// No profile of that name.
    pub fn stop(&self, meter: MeterNo) -> Result<Stop, Failure> {
        let profile = open::profile(self.profiles, self.desk.store, meter, self.wished)?;
        let place = self.desk.store.meter(meter).map(|row| row.place).unwrap_or_default();
        Ok(Stop { meter, profile, place })
    }

    /// What a write or command to a meter of this kind carries.
    ///
    /// # Errors
    /// As [`access::access`].
    pub fn access(&self, profile: &Profile) -> Result<Access, Failure> {
        access::access(profile, self.password, self.desk.session.operator().as_str())
    }

    /// Opens one meter's line and does something there.
    ///
    /// # Errors
    /// Those of the line and of `act`.
    pub fn on<T>(
        &self,
        meter: MeterNo,
        act: impl FnOnce(&mut Line<'_>, &Stop) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let stop = self.stop(meter)?;
        self.at(&stop, act)
    }

    /// The same for a meter whose kind and place are known.
    ///
    /// # Errors
    /// Those of the line and of `act`.
    pub fn at<T>(
        &self,
        stop: &Stop,
        act: impl FnOnce(&mut Line<'_>, &Stop) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let port = lines::port(&stop.place, self.chosen, self.forced);
        let settings = self.crew.settings.unwrap_or_else(|| open::settings(&stop.profile));
        let mut link = (self.crew.open)(port.as_deref(), &settings)?;
        let mut line = Line {
            link: link.as_mut(),
            profile: &stop.profile,
            clock: self.crew.clock,
            cancel: self.crew.cancel,
            wire: &mut |_| {},
            progress: &mut |_, _, _| {},
            // Another conversation may have been on this line a moment ago.
            doubtful: true,
        };
        act(&mut line, stop)
    }

    /// Goes to many meters, the lines side by side; `tell` hears of each as it ends. Meters of
    /// unknown kind fail without a visit.
    pub fn each<T: Send>(
        &self,
        meters: &[MeterNo],
        act: Visit<'_, T>,
        tell: &mut dyn FnMut(Ended<T>),
    ) -> Summary {
        let (mut stops, mut summary) = (Vec::new(), Summary::default());
        for &meter in meters {
            match self.stop(meter) {
                Ok(stop) => stops.push(stop),
                Err(failure) => {
                    summary.count(Err(failure.code));
                    tell(Ended { meter, port: None, result: Err(failure), at: self.moment() });
                }
            }
        }
        let routes = lines::routes(stops, self.chosen, self.forced);
        summary.add(lines::visit(self.crew, &routes, act, tell));
        summary
    }

    /// The moment, where no line is at hand.
    pub fn moment(&self) -> Moment {
        Moment::of(self.crew.clock)
    }

    /// The mark of an entry made now, where no line is at hand.
    pub fn stamp(&self) -> Stamp {
        self.moment().stamp(self.desk.session.operator())
    }

    /// Begins an errand: draws its identity and writes down what is wanted.
    ///
    /// # Errors
    /// Store failures; [`Code::Internal`] without a random source.
    pub fn begin(&self, kind: ErrandKind, values: &Values) -> Result<WorkId, Failure> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| fail(Code::Internal, error.to_string()))?;
        let whole = (WorkId(id), kind);
        self.step(whole, None, Step::WHOLE, StepState::Begun, values.notes())?;
        Ok(WorkId(id))
    }

    /// Writes down a step. On disk when this returns.
    ///
    /// # Errors
    /// Store failures.
    pub fn step(
        &self,
        (errand, kind): (WorkId, ErrandKind),
        meter: Option<MeterNo>,
        name: &str,
        state: StepState,
        notes: Vec<(String, String)>,
    ) -> Result<(), Failure> {
        step(self.desk.store, &self.stamp(), (errand, kind), meter, (name, state), notes)
    }
}

/// Writes down a step from a line's worker, whose stamp is the line's.
///
/// # Errors
/// Store failures.
pub fn step(
    store: &Store,
    stamp: &Stamp,
    (errand, kind): (WorkId, ErrandKind),
    meter: Option<MeterNo>,
    (name, state): (&str, StepState),
    notes: Vec<(String, String)>,
) -> Result<(), Failure> {
    let step = Step { errand, kind, meter, name: name.to_owned(), state, notes };
    store.append(stamp, Event::Step(step)).map(drop).map_err(|error| failure::store(&error))
}

/// What was wanted of an errand when it began.
///
/// # Errors
/// [`Code::WorkUnknown`]: there is none of that identity and kind.
pub fn wanted(store: &Store, work: WorkId, kind: ErrandKind) -> Result<Values, Failure> {
    let row = store.errand(work).filter(|row| row.step.kind == kind);
    let row = row.ok_or_else(|| fail(Code::WorkUnknown, work.to_string()))?;
    Ok(Values::of_notes(&row.step.notes))
}

/// A kind of errand.
pub trait Errand: Sync {
    /// Which.
    fn kind(&self) -> ErrandKind;

    /// Its form.
    fn fields(&self) -> &'static [Field];

    /// Reads and checks; changes nothing. It is the dry run, and what a person confirms.
    ///
    /// # Errors
    /// What speaks against it as a whole; what speaks against one meter is in its row.
    fn plan(&self, site: &Site<'_>, values: &Values) -> Result<Sheet, Failure>;

    /// Writes down what is wanted; nothing is sent yet.
    ///
    /// # Errors
    /// What speaks against it; store failures.
    fn begin(&self, site: &Site<'_>, values: &Values) -> Result<WorkId, Failure>;

    /// Carries on from what the journal says, to the end or to where a person must act. `answer` is
    /// to what was last asked. May be called again after any interruption.
    ///
    /// # Errors
    /// What keeps it from going on at all; it can be tried again.
    fn advance(
        &self,
        site: &Site<'_>,
        work: WorkId,
        answer: &Answer,
        tell: &mut dyn FnMut(&Sheet),
    ) -> Result<Sheet, Failure>;

    /// How it stands, by the journal alone.
    ///
    /// # Errors
    /// [`Code::WorkUnknown`].
    fn sheet(&self, store: &Store, work: WorkId) -> Result<Sheet, Failure>;
}

/// All kinds there are.
pub fn all() -> &'static [&'static dyn Errand] {
    &[&super::control::Control, &super::commission::Commission]
}

/// The kind of that name.
pub fn of(kind: ErrandKind) -> Option<&'static dyn Errand> {
    all().iter().copied().find(|errand| errand.kind() == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_which_field_is_wrong() {
        const FIELDS: &[Field] = &[
            Field { key: "meter", kind: FieldKind::Meter, required: true },
            Field { key: "meters", kind: FieldKind::Meters, required: false },
            Field { key: "amount", kind: FieldKind::Money, required: false },
            Field { key: "count", kind: FieldKind::Number, required: false },
            Field { key: "mode", kind: FieldKind::Choice(&["on", "off"]), required: false },
        ];
        let good = Values::default().with("meter", " 47 ");
        assert_eq!(good.check(FIELDS), Ok(()));
        let fault = |key: &str, text: &str| {
            good.clone().with(key, text).check(FIELDS).map_err(|failure| failure.detail)
        };
        for (key, text, detail) in [
            ("meter", "", "meter"),
            ("meter", "x", "meter: x"),
            ("meters", "1, 2,x", "meters: x"),
            ("meters", ",", "meters"),
            ("amount", "1.234", "amount: 1.234"),
            ("count", "1.5", "count: 1.5"),
            ("mode", "maybe", "mode: maybe"),
        ] {
            assert_eq!(fault(key, text), Err(detail.to_owned()));
        }
        let full = good
            .with("meters", "1,2 3\n1")
            .with("amount", "12.5")
            .with("count", "-3")
            .with("mode", "off");
        assert_eq!(full.check(FIELDS), Ok(()));
        let numbers: Vec<String> =
            full.meters("meters").unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(numbers, ["000000000001", "000000000002", "000000000003"]);
        assert_eq!(full.money("amount").unwrap(), Some(1_250));
        assert_eq!(Values::of_notes(&full.notes()), full);
    }
}
