//! Longer errands as the screens list them.

use crate::jobs::errand::Ask;
use crate::units::{ErrandKind, Mark, MeterNo, StepState, UnixSeconds, WorkId};

/// An errand in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkView {
    /// Its identity.
    pub work: WorkId,
    /// What it is.
    pub kind: ErrandKind,
    /// When it was begun.
    pub begun: UnixSeconds,
    /// How it ended; [`StepState::Begun`] while it is open.
    pub state: StepState,
    /// What it is about: a stable name, a command, meters.
    pub what: Vec<String>,
    /// What a person must do next; of an ended one nothing.
    pub ask: Ask,
}

/// What is remembered of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkView {
    /// The meter.
    pub meter: MeterNo,
    /// What.
    pub mark: Mark,
    /// Since when.
    pub since: UnixSeconds,
    /// Why.
    pub note: String,
}
