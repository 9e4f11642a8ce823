//! Commissioning: the wiring check, and the errand on simulated meters.

mod drawing;
mod errand;
mod found;
mod kills;
mod measured;
mod others;
mod person;
mod wirings;
