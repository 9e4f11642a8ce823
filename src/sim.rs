//! Simulated DL/T 645 prepaid meters of both editions, for demos, training and tests.
//!
//! The meter's side is written from `reference/dlt645.md` alone. It shares the frame codec with the
//! driver and nothing else (design, invariant 7), so a mistake in one does not hide the same
//! mistake in the other. No clock and no randomness of the machine's is used: time is handed in,
//! chance comes from a seed, and the same seed and requests give the same bytes.
//!
//! * [`Meter`] is one meter: purse, registers, relay, load, faults; [`answer()`] is bytes in, bytes
//!   out.
//! * [`Fleet`] is a bus of them, from a TOML file (`fixtures/meters`).
//! * [`serve::FleetStation`] puts a fleet at the far end of a line: virtual, pty or TCP.
//! * [`Meter::bookings`] and [`Meter::audit`] are ghost truth: what really happened to the money.
//!
//! Limits: the security module is a stand-in ([`esam`]) that protects nothing; what the references
//! call unverified is one choice among several, and says so.

mod access;
mod answer;
mod bcd;
pub mod bus;
mod civil;
pub mod cjt188;
mod curve;
pub mod esam;
mod events;
mod faults;
mod fleet;
pub mod iec;
mod load;
mod meter;
mod mishap;
pub mod modbus;
mod noise;
mod params;
mod purse;
mod registers;
mod relay;
mod secure;
pub mod serve;
mod setup;
mod shown;
mod status;
mod v1997;
mod vendor;
mod wiring;
mod write;

pub use access::PASSWORD_TRIES;
pub use answer::{Reply, answer};
pub use civil::{Civil, CivilError};
pub use curve::Spoilt;
pub use faults::{ARMED_MAX, Fault, FaultRates};
pub use fleet::{DEFAULT_START, FLEET_MAX, Fleet, FleetError};
pub use load::CATCH_UP_MAX;
pub use meter::Meter;
pub use mishap::Mishap;
pub use purse::{AuditError, BALANCE_MAX, Booking, CounterReset, LEDGER_MAX, RECORDS_MAX};
pub use secure::MAC_ERRORS_MAX;
pub use setup::{
    Absent, Amount, Edition, ErrorWord, Layout, MeterSetup, Port, Reclose, Security, Separator,
    SeqPlace,
};
pub use v1997::ProfileRow;
pub use wiring::Wiring;
pub use write::BROADCAST_TIME_MAX_S;
