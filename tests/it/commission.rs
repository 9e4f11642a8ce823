//! Commissioning: the wiring check, and the errand on simulated meters.

mod wirings;
