//! Writes of registers, and what they must keep away from.
//!
//! Each write is sent once and never again by itself. Registers that carry money are written by
//! `money` alone: everything here takes a [`Guard`] that knows where they are.

use std::ops::RangeInclusive;

use super::ask::{Ask, Target};
use super::frame::{MAX_PDU, Unit};
use super::pdu::{EXCEPTION, MAX_WRITE, Request, Table};
use crate::protocol::exchange::{Refusal, Reply, Retry, Series, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick, map_done};

/// Functions that write, coils included: they have their own questions here, or none.
const WRITING: [u8; 7] = [0x05, 0x06, 0x0F, 0x10, 0x15, 0x16, 0x17];
/// The standard's functions that only read. Diagnostics (08) is not among them: it can restart a
/// meter and silence it.
const READING: [u8; 11] = [0x01, 0x02, 0x03, 0x04, 0x07, 0x0B, 0x0C, 0x11, 0x14, 0x18, 0x2B];

/// The registers of a meter that carry money, from its profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guard {
    ranges: Vec<RangeInclusive<u16>>,
}

/// Why a write was not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// These registers carry money; only a recharge, with a proof from the journal, may.
    #[error("register {0:04X} can carry money and is not written like a parameter")]
    Money(u16),
    /// This function must not be passed through.
    #[error("function {0:02X} is not passed through")]
    Function(u8),
    /// Nothing to write, or more than a frame holds.
    #[error("{0} are too few or too many for one frame")]
    TooLong(usize),
    /// To every meter at once.
    #[error("a write to all meters at once")]
    Broadcast,
}

impl Guard {
    /// Keeps these registers.
    pub fn new(ranges: Vec<RangeInclusive<u16>>) -> Self {
        Self { ranges }
    }

    fn may_write(&self, unit: Unit, start: u16, words: usize) -> Result<(), WriteError> {
        if unit == Unit::BROADCAST {
            return Err(WriteError::Broadcast);
        }
        let more = u16::try_from(words).ok().filter(|words| *words > 0).map(|words| words - 1);
        let last = more.and_then(|more| start.checked_add(more));
        let Some(last) = last.filter(|_| words <= MAX_WRITE) else {
            return Err(WriteError::TooLong(words));
        };
        let touched =
            |range: &&RangeInclusive<u16>| *range.start() <= last && start <= *range.end();
        match self.ranges.iter().find(touched) {
            Some(range) => Err(WriteError::Money((*range.start()).max(start))),
            None => Ok(()),
        }
    }

    pub(super) fn may_pass(&self, unit: Unit, function: u8, data: &[u8]) -> Result<(), WriteError> {
        let reading = READING.contains(&function);
        let own = function & EXCEPTION == 0 && function != 0 && !WRITING.contains(&function);
        if !own || !(reading || self.ranges.is_empty()) {
            return Err(WriteError::Function(function));
        }
        if unit == Unit::BROADCAST {
            return Err(WriteError::Broadcast);
        }
        if data.len() >= MAX_PDU { Err(WriteError::TooLong(data.len())) } else { Ok(()) }
    }
}

/// Writes registers (10H). No answer does not mean "not done": read back before doing it again.
///
/// # Errors
/// [`WriteError`]; nothing is sent then.
pub fn many(
    target: &Target,
    start: u16,
    words: &[u16],
    guard: &Guard,
    timing: Timing,
) -> Result<Series<Ask>, WriteError> {
    guard.may_write(target.unit, start, words.len())?;
    let request = Request::WriteMany { start, words: words.to_vec() };
    Ok(Series::once(Ask::new(target, request), timing))
}

/// What became of a write of one register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    /// The meter refused the write.
    pub refused: Option<Refusal>,
    /// What the register shows now, or why that is not shown.
    pub shows: Result<u16, Refusal>,
}

/// Writes one register (06) and reads it back: the good reply to 06 is the request itself, so an
/// echo could pass for it.
#[derive(Debug)]
pub struct WriteOne {
    timing: Timing,
    retry: Retry,
    refused: Option<Refusal>,
    read: Ask,
    writing: bool,
    series: Series<Ask>,
}

/// Writes one register, where a profile says that the meter wants function 06.
///
/// # Errors
/// [`WriteError`]; nothing is sent then.
pub fn one(
    target: &Target,
    register: u16,
    value: u16,
    guard: &Guard,
    timing: Timing,
    retry: Retry,
) -> Result<WriteOne, WriteError> {
    guard.may_write(target.unit, register, 1)?;
    let write = Ask::new(target, Request::WriteOne { register, value });
    Ok(WriteOne {
        timing,
        retry,
        refused: None,
        read: Ask::read(target, Table::Holding, register, 1),
        writing: true,
        series: Series::once(write, timing),
    })
}

impl WriteOne {
    /// The line was last busy at `last_byte`.
    #[must_use]
    pub fn after(mut self, last_byte: Tick) -> Self {
        self.series = self.series.after(last_byte);
        self
    }

    fn wrote(&self, replies: &[Reply<Vec<u8>>]) -> Result<Wrote, Trouble> {
        let shows = match replies.first() {
            Some(Reply::Refused(refusal)) => Err(*refusal),
            Some(Reply::Data(data)) => match data.as_slice().try_into() {
                Ok(word) => Ok(u16::from_be_bytes(word)),
                Err(_) => return Err(Trouble::Form("modbus register")),
            },
            None => return Err(Trouble::Form("modbus register")),
        };
        Ok(Wrote { refused: self.refused, shows })
    }
}

impl Dialogue for WriteOne {
    type Output = Result<Wrote, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            let ended = match self.series.step(now) {
                Step::Done(ended) => ended,
                // Not `Done`, so the result named here is never made.
                step => return map_done(step, |_| Err(Trouble::Endless)),
            };
            if !self.writing {
                return Step::Done(ended.and_then(|replies| self.wrote(&replies)));
            }
            self.writing = false;
            let last_byte = self.series.last_byte();
            let read = Series::new(vec![self.read.clone()], self.timing, self.retry);
            let mut read = read.after(last_byte);
            match ended.as_deref() {
                Ok([Reply::Refused(refusal)]) => self.refused = Some(*refusal),
                Ok(_) => {}
                // A silent or doubtful answer decides nothing; the register does.
                Err(_) => read = read.after_trouble(),
            }
            self.series = read;
        }
    }

    fn sent(&mut self, end: Tick) {
        self.series.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.series.feed(bytes, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(guard: &Guard, unit: u8, start: u16, words: usize) -> Option<WriteError> {
        guard.may_write(Unit(unit), start, words).err()
    }

    #[test]
    fn money_registers_are_not_written_by_the_way() {
        let guard = Guard::new(vec![0x0543..=0x0545, 0x0366..=0x0366]);
        for (start, words, first) in [
            (0x0543, 1, Some(0x0543)),
            (0x0545, 1, Some(0x0545)),
            (0x0540, 4, Some(0x0543)),
            (0x0545, 9, Some(0x0545)),
            (0x0300, 123, Some(0x0366)),
            (0x0540, 3, None),
            (0x0546, 2, None),
        ] {
            let want = first.map(WriteError::Money);
            assert_eq!(refused(&guard, 13, start, words), want, "{start:04X} {words}");
        }
        let none = Guard::default();
        assert_eq!(refused(&none, 13, 0, 0), Some(WriteError::TooLong(0)));
        assert_eq!(refused(&none, 13, 0, 124), Some(WriteError::TooLong(124)));
        assert_eq!(refused(&none, 13, 65_535, 2), Some(WriteError::TooLong(2)));
        assert_eq!(refused(&none, 0, 1, 1), Some(WriteError::Broadcast));
        assert_eq!(refused(&none, 13, 65_535, 1), None);
    }

    #[test]
    fn writes_cannot_be_passed_through() {
        let (open, kept) = (Guard::default(), Guard::new(vec![1..=2]));
        let passes = |guard: &Guard, function| guard.may_pass(Unit(1), function, &[]).is_ok();
        for function in [0x00, 0x05, 0x06, 0x0F, 0x10, 0x16, 0x17, 0x81, 0x90, 0xFF] {
            assert!(!passes(&open, function) && !passes(&kept, function), "{function:02X}");
        }
        // A maker's own function may be a recharge.
        for function in [0x08, 0x41, 0x64, 0x6E] {
            assert!(passes(&open, function) && !passes(&kept, function), "{function:02X}");
        }
        assert!(passes(&kept, 0x11) && passes(&kept, 0x14));
        let long = open.may_pass(Unit(1), 0x41, &[0; 253]);
        assert_eq!(long, Err(WriteError::TooLong(253)));
    }
}
