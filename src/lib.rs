//! meterkit: the field tool for electricity meters.
//!
//! It reads and programs meters, carries signed recharge tokens into places without a network, and
//! is reconciled with the office afterwards. Money is never credited twice, lost, or sent to the
//! wrong meter; the operator always knows what happened and what to do next.
//!
//! # Code map
//!
//! | layer | what it is | may use |
//! |---|---|---|
//! | [`units`] | meter numbers, money, evidence: the values everything is made of | - |
//! | [`report`] | stable codes and exit statuses of every failure | - |
//! | [`harden`] | no core files, no debugger | - |
//! | [`text`] | every word a person reads, English and Chinese side by side | units, report |
//! | [`table`] | tables out of and into spreadsheet files | report |
//! | [`protocol`] | codecs and dialogues without input or output of their own | units |
//! | [`profile`] | a meter model as data | protocol's types, units |
//! | [`transport`] | lines: serial, TCP, BLE, pty, pipe, and the simulated one | std only |
//! | [`store`] | the journal (the truth), index, snapshots, all sealed; the vault | tokens, units |
//! | [`sync`] | what travels between handheld and office | store, tokens, units |
//! | [`sim`] | simulated meters, written from the reference | protocol's frames, tokens, units |
//! | [`jobs`] | one file an errand; the money rules; the engine behind the screens | all above |
//! | [`tui`] | the screens: update, draw, never blocking | jobs, text, units, report |
//! | [`cli`] | one file a command over the same jobs | everything |
//! | `office` | ledger, issue, server | tokens, sync::wire, profile, table, text, units, logging |
//! | `desk` | the office's work at a terminal (feature `office`) | office, tui, text, units |
//!
//! `tests/it/tidy.rs` enforces the table. `docs/architecture.md` has the picture and the
//! invariants.

pub mod cli;
pub mod config;
#[cfg(feature = "office")]
pub mod desk;
pub mod harden;
pub mod jobs;
pub mod logging;
#[cfg(feature = "office")]
pub mod office;
pub mod profile;
pub mod protocol;
pub mod report;
pub mod sim;
pub mod store;
pub mod sync;
pub mod table;
pub mod text;
pub mod transport;
pub mod tui;
pub mod units;
