//! Commissioning: the wiring check, and the errand on simulated meters.

mod drawing;
mod errand;
mod kills;
mod others;
mod person;
mod wirings;
