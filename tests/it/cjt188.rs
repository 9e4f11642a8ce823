//! CJ/T 188 from outside: bad lines, hostile meters, and the simulated meters read by the driver.

mod bad_lines;
pub mod line;
mod simulated;
