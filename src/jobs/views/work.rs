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

/// Something that waits on this handheld to be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferView {
    /// What it would be.
    pub kind: ErrandKind,
    /// Its form as far as it is known: fields and their text.
    pub values: Vec<(String, String)>,
    /// What it is about: stable names, meters, amounts.
    pub what: Vec<String>,
    /// Whose meter it is.
    pub note: String,
    /// By when the office wants it done.
    pub due: Option<UnixSeconds>,
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
