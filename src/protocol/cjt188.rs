//! CJ/T 188: water, heat and gas meters of China; 2004 edition, with the names of 2018.
//!
//! `frame` builds and finds frames, `names` are the tables, `data` what measuring answers say,
//! `ask` the questions, `explain` frames in words. Makers disagree about the order of the
//! identifier's bytes and about whether the unit stands before or after a value: both are learned
//! from the meter. Sources and traps: `docs/protocols/cjt188.md`.

pub mod ask;
pub mod data;
pub mod explain;
pub mod frame;
pub mod names;
