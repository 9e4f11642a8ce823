//! How one step goes on: it is done, it waits for a person, it failed and is tried again or left
//! out with a reason. All of that is in the step's last entry in the journal.

use super::super::Line;
use super::super::errand::{self, Answer, Ask, FieldKind, Site, Values};
use super::super::failure::fail;
use super::super::lines::Stop;
use super::super::views::Failure;
use super::wiring::Load;
use crate::report::Code;
use crate::store::StepRow;
use crate::units::{ErrandKind, MeterNo, StepState, WorkId};

/// Figures of a step, by stable names.
pub type Notes = Vec<(String, String)>;

/// One note.
pub fn note(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// Notes; what is empty is left out.
pub fn with(pairs: &[(&str, &str)]) -> Notes {
    let there = pairs.iter().filter(|(_, value)| !value.is_empty());
    there.map(|(name, value)| note(name, *value)).collect()
}

/// A note's text; nothing where there is none.
pub fn of<'a>(notes: &'a [(String, String)], name: &str) -> &'a str {
    notes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// What became of a step.
#[derive(Debug)]
pub enum Came {
    /// Done, and seen in the meter.
    Done(Notes),
    /// A person must do or say something first.
    Wait(&'static str, Notes),
    /// It did not work: again, or left out.
    Failed(Failure, Notes),
    /// The same with another question than that.
    FailedAsking(Failure, &'static str, Notes),
    /// It may have happened or not: a person looks.
    Unknown(Failure, Notes),
}

/// What is asked after a failure.
const FAILED: &str = "comm-failed";
/// Why a step is left out.
const REASON: &str = "comm-skip-reason";
/// The answer that tries a step again.
const AGAIN: &str = "comm-again";
/// The answer that leaves a step out.
const SKIP: &str = "comm-skip";
/// What is asked where the account is not open and no token for it is here.
pub const NO_TOKEN: &str = "comm-no-token";
/// Why it is left out then.
const NOT_OPENED: &str = "comm-not-opened";
/// The digits that confirm the opening of the account.
pub const DIGITS: &str = "comm-digits";
/// What is asked where the figures do not tell: what load is on, or a measurement.
pub const LOAD: &str = "comm-load";
/// The answer that measures which voltage and current belong together.
pub const MEASURE: &str = "comm-measure";
/// The answer that leaves a likely verdict unconfirmed.
const ON_WORD: &str = "comm-on-word";
/// What is asked where the word about the load makes the meter likely right; of a meter without
/// neutral, whose pairs cannot be measured; and where it makes it likely wrong.
pub const LIKELY: &str = "comm-word";
/// See [`LIKELY`].
pub const LIKELY_TWO: &str = "comm-word-two";
/// See [`LIKELY`].
pub const LIKELY_WRONG: &str = "comm-word-wrong";
/// One phase is to be switched off; all are to be on again.
pub const PHASE_OFF: &str = "comm-phase-off";
/// See [`PHASE_OFF`].
pub const PHASES_ON: &str = "comm-phases-on";
/// Answers to the question what load is on.
const LOADS: &[&str] = &[MEASURE, "resistive", "ordinary", "inductive", "capacitive", SKIP];
/// Shortest reason for leaving a step out, characters.
const REASON_MIN: usize = 3;
/// Longest, bytes.
const REASON_MAX: usize = 300;

/// A question by its stable name, about a meter.
pub fn ask(name: &str, meter: MeterNo) -> Ask {
    const GO: &[&str] = &[
        "comm-button",
        "comm-load-on",
        "comm-load-off",
        PHASE_OFF,
        PHASES_ON,
        "check-right-meters",
        "check-people-told",
        "check-no-danger-off",
        "check-loads-off",
    ];
    match name {
        "" => Ask::Nothing,
        FAILED => Ask::Choice(FAILED, &[AGAIN, SKIP]),
        NO_TOKEN => Ask::Choice(NO_TOKEN, &[AGAIN, SKIP]),
        DIGITS => Ask::Digits(meter),
        LOAD => Ask::Choice(LOAD, LOADS),
        LIKELY => Ask::Choice(LIKELY, &[MEASURE, AGAIN, ON_WORD, SKIP]),
        LIKELY_TWO => Ask::Choice(LIKELY_TWO, &[AGAIN, ON_WORD, SKIP]),
        LIKELY_WRONG => Ask::Choice(LIKELY_WRONG, &[MEASURE, AGAIN, SKIP]),
        REASON => Ask::Enter(REASON, FieldKind::Text),
        "comm-ct-second" => Ask::Enter("comm-ct-second", FieldKind::Number),
        name => GO.iter().find(|go| **go == name).map_or(Ask::Nothing, |go| Ask::Go(go)),
    }
}

/// A step at its place.
pub struct Here<'a> {
    /// Store, person, lines.
    pub site: &'a Site<'a>,
    /// Which errand.
    pub work: WorkId,
    /// What it is.
    pub kind: ErrandKind,
    /// The meter.
    pub meter: MeterNo,
    /// What was wanted.
    pub values: &'a Values,
    /// The step's name.
    pub name: &'static str,
}

/// How a step is done.
type Run<'r> = &'r dyn Fn(&Here<'_>, &Notes, Option<&Answer>) -> Result<Came, Failure>;

impl Here<'_> {
    /// Does something on the meter's line.
    ///
    /// # Errors
    /// Those of the line and of `act`.
    pub fn on<T>(
        &self,
        act: impl FnOnce(&mut Line<'_>, &Stop) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.site.on(self.meter, act)
    }

    /// Writes down that the step is about to change the meter.
    ///
    /// # Errors
    /// Store failures.
    pub fn begun(&self, line: &Line<'_>, notes: Notes) -> Result<(), Failure> {
        let (desk, id) = (self.site.desk, (self.work, self.kind));
        let at = (self.name, StepState::Begun);
        errand::step(desk.store, &desk.stamp(line), id, Some(self.meter), at, notes)
    }

    /// The same where no line is at hand, or where another errand does it.
    ///
    /// # Errors
    /// Store failures.
    pub fn doing(&self, notes: Notes) -> Result<(), Failure> {
        self.put(StepState::Begun, notes)
    }

    fn put(&self, state: StepState, notes: Notes) -> Result<(), Failure> {
        self.site.step((self.work, self.kind), Some(self.meter), self.name, state, notes)
    }

    /// Carries the step on. False: it waits for a person, or for another try.
    ///
    /// # Errors
    /// Store failures; a cancel; an answer that is none.
    pub fn go_on(
        &self,
        row: Option<&StepRow>,
        answer: Option<&Answer>,
        run: Run<'_>,
    ) -> Result<bool, Failure> {
        let none = Notes::new();
        let notes = row.map_or(&none, |row| &row.step.notes);
        let waits = of(notes, "wait");
        if !waits.is_empty() && answer.is_none() {
            return Ok(false);
        }
        let said = answer.and_then(Answer::text).unwrap_or_default();
        match (waits, answer) {
            (REASON, _) => return self.left_out(notes, said),
            (FAILED | LOAD | LIKELY | LIKELY_TWO | LIKELY_WRONG, _) if said == SKIP => {
                return self
                    .put(StepState::Failed, replaced(notes, "wait", REASON))
                    .map(|()| false);
            }
            // Why is known: nobody has to type it.
            (NO_TOKEN, _) if said == SKIP => return self.left_out(notes, NOT_OPENED),
            (LIKELY | LIKELY_TWO, _) if said == ON_WORD => return self.left_out(notes, ON_WORD),
            (LOAD | LIKELY | LIKELY_WRONG, _) if said == MEASURE => {}
            (LOAD, _) if Load::named(said).is_none() => {
                return Err(fail(Code::FieldOdd, format!("{LOAD}: {said}")));
            }
            (FAILED | NO_TOKEN | LIKELY | LIKELY_TWO | LIKELY_WRONG, _)
                if said != AGAIN && said != "again" =>
            {
                return Err(fail(Code::FieldOdd, format!("{FAILED}: {said}")));
            }
            _ => {}
        }
        // Tried again, a step begins anew; its first notes say nothing of the new try. What was
        // said of the load goes on.
        let kept: Notes = notes.iter().filter(|(name, _)| name == "load").cloned().collect();
        let (notes, answer) = match waits {
            FAILED | NO_TOKEN => (&kept, None),
            LIKELY | LIKELY_TWO | LIKELY_WRONG if said != MEASURE => (&kept, None),
            _ => (notes, answer),
        };
        match run(self, notes, answer) {
            Ok(came) => self.ended(came),
            Err(failure) if failure.code == Code::Cancelled => Err(failure),
            Err(failure) => self.ended(Came::Failed(failure, notes.clone())),
        }
    }

    fn left_out(&self, notes: &Notes, reason: &str) -> Result<bool, Failure> {
        if reason.chars().count() < REASON_MIN || reason.len() > REASON_MAX {
            return Err(fail(Code::FieldOdd, REASON));
        }
        let mut notes: Notes = notes.iter().filter(|(name, _)| name != "wait").cloned().collect();
        notes.push(note("reason", reason));
        self.put(StepState::Skipped, notes).map(|()| true)
    }

    fn ended(&self, came: Came) -> Result<bool, Failure> {
        let waiting = |notes: Notes, failure: &Failure, wait: &str| {
            let kept = ["wait", "code", "detail"];
            let rest = notes.into_iter().filter(|(name, _)| !kept.contains(&name.as_str()));
            let mut notes: Notes = rest.collect();
            let detail: String = failure.detail.chars().take(120).collect();
            notes.push(note("code", failure.code.as_str()));
            notes.push(note("detail", detail));
            notes.push(note("wait", wait));
            notes
        };
        match came {
            Came::Done(notes) => {
                let rest = notes.into_iter().filter(|(name, _)| name != "wait").collect();
                self.put(StepState::Done, rest).map(|()| true)
            }
            Came::Wait(wait, notes) => {
                self.put(StepState::Begun, replaced(&notes, "wait", wait)).map(|()| false)
            }
            Came::Failed(failure, notes) => {
                self.put(StepState::Failed, waiting(notes, &failure, FAILED)).map(|()| false)
            }
            Came::FailedAsking(failure, wait, notes) => {
                self.put(StepState::Failed, waiting(notes, &failure, wait)).map(|()| false)
            }
            Came::Unknown(failure, notes) => {
                self.put(StepState::Unknown, waiting(notes, &failure, FAILED)).map(|()| false)
            }
        }
    }
}

/// Notes with one of them set anew.
pub fn replaced(notes: &Notes, name: &str, value: &str) -> Notes {
    let mut notes: Notes = notes.iter().filter(|(known, _)| known != name).cloned().collect();
    notes.push(note(name, value));
    notes
}
