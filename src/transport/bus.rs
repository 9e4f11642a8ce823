//! A simulated station at the far end of a line, without a clock of its own.
//!
//! [`Bus`] is what virtual time and the real servers share: it carries the tool's bytes to the
//! [`Station`] and the station's to the tool, through the [`Line`] model when paced, at once when
//! not. Who owns the bus says what time it is.

use std::collections::VecDeque;
use std::time::Duration;

use super::LineSettings;
use super::line::{Line, Side};

/// Messages taken from a station in one go; a station that never stops talking is broken.
const ANSWERS_MAX: usize = 64;

/// Bytes waiting for the tool at most; later ones are lost, as on a full tty.
const ARRIVED_MAX: usize = 64 * 1024;

/// What is at the far end of a simulated line: one meter or a street of them.
pub trait Station: Send {
    /// Bytes have arrived; the last of them was over at `at`.
    fn hear(&mut self, bytes: &[u8], at: Duration);

    /// The next message it wants to send and when it starts. Asked again after every byte heard
    /// until there is none.
    fn next(&mut self) -> Option<(Duration, Vec<u8>)>;

    /// The speed it now listens and answers at, baud, if it has chosen one by itself. Asked after
    /// each message, so that an answer still goes out at the speed before.
    fn speed(&self) -> Option<u32> {
        None
    }
}

impl<S: Station + ?Sized> Station for Box<S> {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        (**self).hear(bytes, at);
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        (**self).next()
    }

    fn speed(&self) -> Option<u32> {
        (**self).speed()
    }
}

impl<S: Station + ?Sized> Station for &mut S {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        (**self).hear(bytes, at);
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        (**self).next()
    }

    fn speed(&self) -> Option<u32> {
        (**self).speed()
    }
}

/// A station on a line.
#[derive(Debug)]
pub struct Bus<S> {
    station: S,
    /// `None`: unpaced.
    line: Option<Line>,
    /// Bytes that have reached the tool and when, not yet fetched.
    arrived: VecDeque<(Duration, u8)>,
    /// The latest time anybody has spoken of.
    clock: Duration,
}

impl<S: Station> Bus<S> {
    /// Bytes take their time, and faults strike, as `line` says.
    pub fn paced(line: Line, station: S) -> Bus<S> {
        Bus { station, line: Some(line), arrived: VecDeque::new(), clock: Duration::ZERO }
    }

    /// Bytes take no time and the station's own delays are skipped: for tests that start a process
    /// hundreds of times.
    pub fn unpaced(station: S) -> Bus<S> {
        Bus { station, line: None, arrived: VecDeque::new(), clock: Duration::ZERO }
    }

    /// The station.
    pub fn station(&self) -> &S {
        &self.station
    }

    /// The station, to change what it is or does.
    pub fn station_mut(&mut self) -> &mut S {
        &mut self.station
    }

    /// Gives the station back.
    pub fn into_station(self) -> S {
        self.station
    }

    /// The line, unless unpaced.
    pub fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }

    /// The line, unless unpaced.
    pub fn line_mut(&mut self) -> Option<&mut Line> {
        self.line.as_mut()
    }

    /// The latest time this bus has been told; who goes on with it must not start before.
    pub fn clock(&self) -> Duration {
        self.clock
    }

    /// The tool sends. Returns when it thinks its last stop bit ends.
    pub fn send(&mut self, bytes: &[u8], now: Duration) -> Duration {
        // What was over before is over: the order of calls must be the order of time.
        self.settle(now);
        match &mut self.line {
            Some(line) => line.transmit(Side::Tool, now, bytes),
            None => {
                self.station.hear(bytes, now);
                self.answers(now);
                now
            }
        }
    }

    /// When something happens next, if nobody does anything.
    pub fn next_at(&self) -> Option<Duration> {
        let arrived = self.arrived.front().map(|(at, _)| *at);
        arrived.or_else(|| self.line.as_ref()?.next_at())
    }

    /// Lets everything happen that is due by `now`. What reaches the tool waits to be fetched by
    /// [`Bus::step`].
    pub fn settle(&mut self, now: Duration) {
        while let Some(byte) = self.advance(now) {
            self.keep(byte);
        }
    }

    /// Lets things happen, not beyond `until`, up to the next byte for the tool; `None` when there
    /// was none by then. Call it again until it says `None`.
    pub fn step(&mut self, until: Duration) -> Option<(Duration, u8)> {
        match self.arrived.pop_front_if(|(at, _)| *at <= until) {
            None => self.advance(until),
            byte => byte,
        }
    }

    fn advance(&mut self, until: Duration) -> Option<(Duration, u8)> {
        self.clock = self.clock.max(until);
        loop {
            let delivery = self.line.as_mut()?.take(until)?;
            if delivery.to == Side::Tool {
                return Some((delivery.at, delivery.byte));
            }
            self.station.hear(&[delivery.byte], delivery.at);
            self.answers(delivery.at);
        }
    }

    /// Puts on the line what the station has to say.
    fn answers(&mut self, now: Duration) {
        for _ in 0..ANSWERS_MAX {
            let Some((start, bytes)) = self.station.next() else { return };
            match &mut self.line {
                Some(line) => {
                    line.transmit(Side::Far, start.max(now), &bytes);
                    if let Some(baud) = self.station.speed() {
                        let far = LineSettings { baud, ..line.wiring().far };
                        line.set(Side::Far, far);
                    }
                }
                None => bytes.into_iter().for_each(|byte| self.keep((now, byte))),
            }
        }
    }

    fn keep(&mut self, byte: (Duration, u8)) {
        if self.arrived.len() < ARRIVED_MAX {
            self.arrived.push_back(byte);
        }
    }
}
