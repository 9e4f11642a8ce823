//! How an errand stands: rows, signs, and what a person is asked.

use super::FieldKind;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::units::{ErrandKind, MeterNo, StepState, WorkId};

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

/// Voltages and currents as they were measured, for a drawing. Elements are phases A, B, C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vectors {
    /// 0.1 V.
    pub volts: [Option<i64>; 3],
    /// mA, without a sign.
    pub amps: [Option<i64>; 3],
    /// From current to voltage, 0.1 degree.
    pub angles: [Option<i64>; 3],
    /// The voltages follow each other the other way round.
    pub backwards: bool,
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
    /// What can be drawn of it.
    pub vectors: Option<Vectors>,
    /// Its certificate; empty where there is none.
    pub certificate: Vec<Row>,
}

impl Sheet {
    /// An empty one.
    pub fn new(kind: ErrandKind, work: Option<WorkId>) -> Self {
        Self {
            work,
            kind,
            rows: Vec::new(),
            ask: Ask::Nothing,
            done: false,
            exit: None,
            vectors: None,
            certificate: Vec::new(),
        }
    }
}
