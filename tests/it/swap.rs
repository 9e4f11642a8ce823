//! Swaps of meters: the balance carried over once, whatever breaks off.

mod bench;
mod cut;
mod ways;
