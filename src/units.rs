//! The values everything else is made of: numbers that must not be swapped by mistake.
//!
//! Money and energy are integers (fen, 0.01 kWh); no float ever enters a ledger. Every type here
//! knows how to read and write the form a person types; the wire forms belong to `protocol`.

mod code;
mod errand;
mod evidence;
mod money;
mod names;
mod numbered;
mod people;
mod place;

pub use code::{activation_text, read_recovery, recovery_text};
pub use errand::{ErrandKind, Mark, StepState, SwapLeg, WorkId, swap_step};
pub use evidence::{
    Act, Decision, Evidence, IntentFacts, IntentProof, Judgement, Outcome, PurchaseRecord,
    RelayState,
};
pub use money::{Credit, CreditUnit, Energy, Money};
pub use names::{AccountNo, DeviceId, MeterNo, NameError, PurchaseCount, TokenId, UnixSeconds};
pub use people::{Cap, Caps, Exposure, Limit, NotAnOperator, OperatorId, Role, Verb, Verbs};
pub use place::BusPlace;
