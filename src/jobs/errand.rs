//! Longer errands: what is made of many steps, at one meter or at many, and may be interrupted.
//!
//! All of them go the same way, so that screens and commands need to know one only: fields are
//! filled in, a plan is shown that changes nothing, the errand is begun, and then it is carried on
//! until it is done or a person must do something. How far it came is in the journal alone; after a
//! kill or a power cut it is carried on from there.

pub mod choice;
mod offers;
mod sheet;
mod values;

pub use offers::offers;
pub use sheet::{Answer, Ask, Row, Sheet, Sign, Vectors};
pub use values::{Field, FieldKind, Values};

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
use crate::store::{Event, Stamp, Step, StepRow, Store};
use crate::units::{ErrandKind, MeterNo, StepState, WorkId};

/// Asked of [`Errand::asks`] beside the form's own fields: whether the meters' password belongs to
/// what was chosen.
pub const PASSWORD: &str = "password";

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
            secret: self.crew.secret,
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
        let notes = whole_numbers(kind, values).notes();
        self.step(whole, None, Step::WHOLE, StepState::Begun, notes)?;
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

/// A meter that was typed by the end of its number, with its whole number: so the lists show it.
fn whole_numbers(kind: ErrandKind, values: &Values) -> Values {
    let mut whole = values.clone();
    for field in of(kind).map_or(&[][..], |errand| errand.fields()) {
        if field.kind == FieldKind::Meter
            && let Ok(meter) = values.meter(field.key)
        {
            whole.set(field.key, meter.to_string());
        }
    }
    whole
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

/// The errands that were begun and have not come to their end, newest first.
pub fn open(store: &Store) -> impl Iterator<Item = StepRow> {
    let begun = |row: &StepRow| row.step.state == StepState::Begun;
    store.errands().into_iter().filter(|row| row.step.name == Step::WHOLE).filter(begun)
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

    /// Whether a field, or [`PASSWORD`], belongs to what was chosen so far: a form need not show
    /// the others.
    fn asks(&self, _values: &Values, _key: &str) -> bool {
        true
    }

    /// Whether it begins and carries on errands of that kind: usually its own only.
    fn carries(&self, kind: ErrandKind) -> bool {
        kind == self.kind()
    }

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
    &[
        &super::swap::Swap,
        &super::account::Account,
        &super::control::Control,
        &super::bundle::Bundles,
        &super::commission::Commission,
        &super::round::Round,
    ]
}

/// The kind of that name.
pub fn of(kind: ErrandKind) -> Option<&'static dyn Errand> {
    all().iter().copied().find(|errand| errand.kind() == kind)
}
