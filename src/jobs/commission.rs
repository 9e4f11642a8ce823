//! Commissioning.

pub mod guesses;
pub mod wiring;
