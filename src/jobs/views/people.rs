//! Views of log-ins, people, trust and limits.

use super::{Failure, MarkView};
use crate::units::{Caps, Exposure, OperatorId, Role, UnixSeconds, Verbs};

/// Why the screens log out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOutWhy {
    /// The operator asked for it.
    Asked,
    /// Nobody touched it for too long.
    Idle,
}

/// What a supervisor does with somebody's log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuperviseAct {
    /// It is taken away.
    Remove,
    /// Its lock-out is ended.
    Free,
}

/// What the log-in screen knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockedView {
    /// This handheld; so that whoever finds it can say which.
    pub device: String,
    /// Who logged in last, by the configuration, to be typed over.
    pub operator: String,
    /// Why the last attempt failed.
    pub failure: Option<Failure>,
    /// Seconds to wait before the next attempt is looked at.
    pub wait_s: u32,
    /// The attempts left before the log-in is locked, where that is known.
    pub left: Option<u32>,
    /// Whether only a recovery code of the office helps.
    pub locked_out: bool,
    /// The secret of this device lies in a plain file: a copy of the disk is worth more.
    pub plain_secret: bool,
    /// The demo's operators and PINs, shown there.
    pub hint: String,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Who.
    pub operator: OperatorId,
    /// The person's name, by the grant.
    pub name: String,
    /// In which role.
    pub role: Role,
    /// What is granted, within the role.
    pub verbs: Verbs,
    /// Areas granted; none named means all.
    pub areas: Vec<String>,
    /// When the log-in ends by itself.
    pub ends: UnixSeconds,
    /// Seconds without a key until the screen locks.
    pub idle_s: u32,
    /// Why the grant does not count, if it does not: then only reading is possible.
    pub grant: Option<Failure>,
}

/// Why a log-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedOutWhy {
    /// The operator asked for it.
    Asked,
    /// Nobody touched it for too long.
    Idle,
    /// The shift was over.
    ShiftEnd,
}

/// What was done in a shift.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShiftView {
    /// Meters read.
    pub reads: u32,
    /// Recharges accepted.
    pub accepted: u32,
    /// Recharges refused.
    pub refused: u32,
    /// Recharges without a known outcome.
    pub unknown: u32,
    /// Accepted, fen.
    pub yuan: i64,
    /// Accepted, 0.01 kWh.
    pub kwh: i64,
    /// Journal entries the office has not acknowledged yet.
    pub unsynced: u64,
    /// Meters that are kept on whatever their balance, whoever did it; oldest first. Whoever goes
    /// home must not forget them.
    pub kept: Vec<MarkView>,
    /// The signed checkpoint of the journal as the shift left it, as text for a QR code.
    pub checkpoint: Option<String>,
}

/// An operator in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorView {
    /// Who.
    pub operator: OperatorId,
    /// The person's name.
    pub name: String,
    /// In which role.
    pub role: Role,
    /// When the grant ends.
    pub expires: UnixSeconds,
    /// Whether a PIN is set.
    pub active: bool,
    /// Whether the log-in is locked after wrong PINs.
    pub locked: bool,
}

/// How much trust is left: the steps in which money is stopped. Reading and syncing always go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Standing {
    /// Everything may be done.
    #[default]
    Fresh,
    /// Everything may be done; sync soon.
    Warn,
    /// Nothing is written to meters but recharges within the soft limits.
    ReadOnly,
    /// No money moves and nothing is written.
    NoMoney,
}

/// Trust and limits, for the home screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustView {
    /// The step.
    pub standing: Standing,
    /// Why it is not better: codes with details, gravest first.
    pub reasons: Vec<Failure>,
    /// Until when the status of the office counts.
    pub status_until: Option<UnixSeconds>,
    /// Unacknowledged money acts of this handheld, and their limits.
    pub device: (Exposure, Caps),
    /// The same of the operator who is logged in.
    pub operator: (Exposure, Caps),
}
