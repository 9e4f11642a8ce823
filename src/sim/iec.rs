//! Simulated meters of IEC 62056-21: modes A, B and C, with programming mode.
//!
//! The meter's side is written from `reference/other-meters.md` 4 and the standard; it shares only
//! the frame codec with the driver (design, invariant 7). Where neither says which error a meter
//! gives, the words are declared here: `(ER01)` wrong password, `(ER02)` no such address, `(ER03)`
//! not allowed, `(ER04)` not understood.
//!
//! * [`IecMeter`] is one meter: values by address, passwords, faults.
//! * [`IecBus`] is a line of them; [`IecBus::from_toml`] reads one from a file.
//!
//! Limits: a session ends by a break, or after a minute when the next message comes at the speed of
//! the session (a line has one speed, and nobody wakes a simulated meter to change it); mode E is
//! offered if told to, and not held; a meter that hears no choice stays silent.

mod file;
mod meter;

pub use file::IecFileError;
pub use meter::{IecFault, IecMeter, IecSetup};

use std::collections::VecDeque;
use std::time::Duration;

use super::bus::Bus;
use crate::protocol::iec62056::frame::{Telegram, scan};
use meter::Spoken;

/// A pause that ends a message: longer than any allowed inside one.
const GAP_MAX: Duration = Duration::from_millis(1500);
/// Answers waiting to be sent at most; what comes beyond is lost.
const ANSWERS_MAX: usize = 256;
/// Bytes of a message under way at most.
const HELD_MAX: usize = 1024;

/// Meters on one line.
#[derive(Debug)]
pub struct IecBus {
    meters: Vec<IecMeter>,
    held: Vec<u8>,
    last_byte: Duration,
    answers: VecDeque<Spoken>,
    speed: u32,
}

impl IecBus {
    /// These meters; the line begins at the speed the first one is asked at.
    pub fn new(meters: Vec<IecMeter>) -> Self {
        let speed = meters.first().map_or(300, |meter| meter.setup().start);
        let (held, answers) = (Vec::new(), VecDeque::new());
        Self { meters, held, last_byte: Duration::ZERO, answers, speed }
    }

    /// All meters.
    pub fn meters(&self) -> &[IecMeter] {
        &self.meters
    }

    /// All meters, to change them.
    pub fn meters_mut(&mut self) -> &mut [IecMeter] {
        &mut self.meters
    }

    fn tell(&mut self, what: &Result<Telegram, &'static str>, at: Duration) {
        for meter in &mut self.meters {
            for spoken in meter.hear(what, at) {
                if self.answers.len() < ANSWERS_MAX {
                    self.answers.push_back(spoken);
                }
            }
        }
        self.answers.make_contiguous().sort_by_key(|spoken| spoken.start);
    }

    /// Takes whole messages off what is held.
    fn sort_out(&mut self, at: Duration) {
        let choosing = self.meters.iter().any(IecMeter::is_choosing);
        let found = scan(&self.held);
        let mut taken = 0;
        for (place, piece) in found.iter().enumerate() {
            let last = place + 1 == found.len();
            // The choice may still be coming behind an ACK, the rest behind a beginning.
            let open = match &piece.what {
                Ok(Telegram::Ack) => choosing,
                Ok(Telegram::Wake(_)) => false,
                Ok(_) => false,
                Err(fault) => *fault == crate::protocol::iec62056::frame::TRUNCATED,
            };
            if last && open {
                break;
            }
            taken = piece.end;
            self.tell(&piece.what, at);
        }
        self.held.drain(..taken);
    }
}

impl Bus for IecBus {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        if at.saturating_sub(self.last_byte) > GAP_MAX {
            self.held.clear();
        }
        self.last_byte = at;
        for byte in bytes {
            if self.held.len() >= HELD_MAX {
                self.held.clear();
            }
            self.held.push(*byte);
            self.sort_out(at);
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        let spoken = self.answers.pop_front()?;
        self.speed = spoken.then.unwrap_or(self.speed);
        Some((spoken.start, spoken.bytes))
    }

    fn speed(&self) -> Option<u32> {
        Some(self.speed)
    }
}
