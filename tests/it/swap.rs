//! Swaps of meters: the balance carried over once, whatever breaks off.

pub mod bench;
mod cut;
mod ways;
