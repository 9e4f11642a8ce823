//! One integration binary: every module is one way of looking at meterkit from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may

mod audit;
#[cfg(feature = "ble")]
mod ble;
mod cli;
mod crash;
mod frames;
mod kill;
mod line_test;
mod lines;
mod model;
mod office;
mod peers;
mod pty;
mod screens;
mod sim;
mod store;
mod stories;
mod support;
mod sync;
mod tidy;
mod trust;
mod vault;
