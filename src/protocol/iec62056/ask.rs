//! Who is there, and the whole table.

use super::data::Table;
use super::ear::Look;
use super::frame::{Address, Ident, Telegram};
use super::look::{Got, Want, look};
use super::talk::{Ended, Plan, Talk};
use crate::protocol::exchange::{Heard, Question, Retry, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick, map_done};

use std::time::Duration;

/// What is known about the meter and the line to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Device address: needed on a line with several meters and behind TCP.
    pub address: Address,
    /// Speed of the sign-on, baud.
    pub start: u32,
    /// Fastest speed to choose, whatever the meter offers, baud.
    pub fastest: u32,
    /// The meter sleeps: wake it with 2.2 s of NUL characters.
    pub wake: bool,
    /// The line is fixed for us, and changes its speed by itself when it sees the choice: some
    /// TCP heads do.
    pub head_follows: bool,
    /// Longest table, bytes.
    pub longest: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            address: Address::default(),
            start: 300,
            fastest: 19200,
            wake: false,
            head_follows: false,
            longest: 16 * 1024,
        }
    }
}

/// `/?address!`, asked once: for finding out whether anybody is there.
#[derive(Debug, Clone)]
pub struct SignOn {
    address: Address,
}

impl SignOn {
    /// Asks whoever has this address; everybody, if it is empty.
    pub fn new(address: &Address) -> Self {
        Self { address: address.clone() }
    }
}

impl Question for SignOn {
    type Answer = Ident;

    fn bytes(&self) -> Vec<u8> {
        Telegram::SignOn(self.address.to_string()).encode()
    }

    fn answer_len(&self) -> usize {
        // The identification, and our echo.
        64 + self.bytes().len()
    }

    fn listen(&self, heard: &[u8]) -> Heard<Ident> {
        match look(&Want::Ident, heard) {
            Look::Got(Got::Ident(ident), _) => Heard::Answer(ident),
            Look::Begun(_) => Heard::Begun(20),
            _ => Heard::Nothing,
        }
    }

    fn probe(&self) -> Option<Self> {
        // There is no other question before the sign-on; keeping quiet has to do.
        None
    }

    fn turnaround(&self, _timing: &Timing) -> Duration {
        super::ear::REACTION_MAX
    }
}

/// Reads the whole table of a meter of mode A, B or C.
///
/// The speed is changed as soon as our choice has left. When nothing understandable comes then, the
/// next try takes the next lower one and the last the sign-on's own; a damaged table is asked for
/// again as it is. After any trouble the line is quiet until a late answer has passed.
#[derive(Debug)]
pub struct Readout(Talk);

impl Readout {
    /// Of `timing`, slack and lateness count; the times of the meter are the standard's.
    pub fn new(setup: Setup, timing: Timing, retry: Retry) -> Self {
        Self(Talk::new(setup, Plan::Table, timing, retry))
    }
}

impl Dialogue for Readout {
    type Output = Result<Table, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        map_done(self.0.step(now), |ended| match ended {
            Ended::Done(done) => {
                let ident = done.ident.ok_or(Trouble::Garbled)?;
                let (sets, faults, damaged) = (done.sets, done.faults, done.damaged);
                Ok(Table { ident, baud: done.baud, sets, faults, damaged })
            }
            Ended::Refused(_) => Err(Trouble::Form("repeat")),
            Ended::Failed(trouble) => Err(trouble),
        })
    }

    fn sent(&mut self, end: Tick) {
        self.0.sent(end);
    }

    fn tuned(&mut self, changed: bool) {
        self.0.tuned(changed);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.0.feed(bytes, now);
    }
}
