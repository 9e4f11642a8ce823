//! Swaps of meters: the balance carried over once, whatever breaks off.

pub mod bench;
mod cut;
pub mod family;
mod slots;
mod ways;
