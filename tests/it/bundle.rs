//! Bundles of parameters and clocks, at simulated meters over lines in virtual time.

mod clocks;
mod cost;
mod kills;
mod rules;
mod yard;
