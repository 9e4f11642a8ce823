//! Longer errands as the screens list them.

use crate::units::{ErrandKind, Mark, MeterNo, UnixSeconds, WorkId};

/// An errand in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkView {
    /// Its identity.
    pub work: WorkId,
    /// What it is.
    pub kind: ErrandKind,
    /// When it was begun.
    pub begun: UnixSeconds,
    /// Whether it has come to its end.
    pub ended: bool,
    /// What was filled in first: a command, a meter.
    pub what: String,
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
