//! One integration binary: every module is one way of looking at meterkit from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// tests may
// The yard of the bundles is a bench's, too, and brings its disk and its office along.
#![allow(clippy::duplicate_mod)]

mod account;
mod audit;
#[cfg(feature = "ble")]
mod ble;
mod boxes;
mod bundle;
mod cjt188;
mod cli;
mod commission;
mod control;
mod crash;
mod decode;
#[cfg(feature = "office")]
mod desk;
mod dlms;
mod dlt698;
mod frames;
mod hands;
mod iec;
mod importers;
mod kill;
mod line_test;
mod lines;
mod mbus;
mod modbus;
mod model;
mod office;
mod peers;
mod profiles;
mod pty;
mod readout;
mod round;
mod screens;
mod sim;
mod store;
mod stories;
mod support;
mod survey;
mod swap;
mod sync;
mod tidy;
mod trace;
mod trust;
mod vault;
