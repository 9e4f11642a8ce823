//! IEC 62056-21, modes A, B and C: meters behind optical heads, and on buses that speak the same.
//!
//! A meter is woken and asked who it is at 300 baud, offers a speed, and then sends its whole table
//! ([`ask`]) or lets single values be read and written ([`program`]). The speed changes in the
//! middle, without opening the line again. Mode E begins the same way and ends in HDLC
//! (`protocol/dlms`). Facts and traps: `reference/other-meters.md` 4.
//!
//! Limits: mode D (a meter that talks by itself) is not waited for; tables without STX and check
//! character are not believed.

pub mod ask;
pub mod data;
mod ear;
pub mod explain;
pub mod frame;
mod look;
pub mod program;
mod talk;
