//! Simulated CJ/T 188 meters: water, heat and gas on one line.
//!
//! The meter's side is written from `reference/other-meters.md` 4 and shares only the codec of
//! whole frames with the driver (design, invariant 7): the layout of an answer stands here once
//! more.
//! Every habit that real meters differ in is a setting: the order of the identifier's bytes, the
//! place of the unit byte, cubic metres or litres.
//!
//! * [`Cjt188Meter`] is one meter; what it shows comes from a profile's items.
//! * [`Cjt188Bus`] is a line of them; [`Cjt188Bus::from_toml`] reads one from a file.
//!
//! Limits: counters stand still; the clock runs; settings other than the valve are refused.

mod file;
mod meter;

pub use file::Cjt188FileError;
pub use meter::{Cjt188Meter, Cjt188Setup, DiHabit};

use std::time::Duration;

use super::bus::Bus;
use crate::protocol::cjt188::frame::{self, Address, Frame};

/// A pause that ends a request: the standard's 500 ms between bytes.
const GAP_MAX: Duration = Duration::from_millis(500);
/// Answers waiting to be sent at most; what comes beyond is lost.
const ANSWERS_MAX: usize = 1024;
/// Bytes of a request under way at most.
const HELD_MAX: usize = 1024;

/// CJ/T 188 meters on one line.
#[derive(Debug, Clone)]
pub struct Cjt188Bus {
    meters: Vec<Cjt188Meter>,
    held: Vec<u8>,
    last_byte: Duration,
    answers: Vec<(Duration, Vec<u8>)>,
}

impl Cjt188Bus {
    /// These meters.
    pub fn new(meters: Vec<Cjt188Meter>) -> Self {
        Self { meters, held: Vec::new(), last_byte: Duration::ZERO, answers: Vec::new() }
    }

    /// All meters.
    pub fn meters(&self) -> &[Cjt188Meter] {
        &self.meters
    }

    /// All meters, to change them.
    pub fn meters_mut(&mut self) -> &mut [Cjt188Meter] {
        &mut self.meters
    }

    /// The meter at this address.
    pub fn meter(&self, address: Address) -> Option<&Cjt188Meter> {
        self.meters.iter().find(|meter| meter.address() == address)
    }

    fn obey(&mut self, request: &Frame, at: Duration) {
        for meter in &mut self.meters {
            let Some((after, bytes)) = meter.hear(request, at) else { continue };
            if self.answers.len() < ANSWERS_MAX {
                self.answers.push((at + after, bytes));
            }
        }
        self.answers.sort_by_key(|(start, _)| *start);
    }
}

impl Bus for Cjt188Bus {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        if at.saturating_sub(self.last_byte) > GAP_MAX {
            self.held.clear();
        }
        self.last_byte = at;
        for piece in bytes.chunks(HELD_MAX / 2) {
            let over = (self.held.len() + piece.len()).saturating_sub(HELD_MAX);
            self.held.drain(..over.min(self.held.len()));
            self.held.extend_from_slice(piece);
            let mut done = 0;
            for found in frame::find(&self.held.clone()) {
                let Ok(request) = found.what else { continue };
                done = found.at + request.encode(0).len();
                if !request.from_meter() {
                    self.obey(&request, at);
                }
            }
            self.held.drain(..done.min(self.held.len()));
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        (!self.answers.is_empty()).then(|| self.answers.remove(0))
    }

    fn speed(&self) -> Option<u32> {
        None
    }
}
