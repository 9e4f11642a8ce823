//! Gives a link without a speed of its own the speed of a serial line.
//!
//! For a pipe or a device server on loopback that hands over whole messages at once: received bytes
//! are shown one character time apart, and sending takes its time on the clock. Waiting is done by
//! listening to the link below, so this works in virtual time as well.

use std::collections::VecDeque;
use std::time::Duration;

use crate::transport::echo::Habit;
use crate::transport::{LineSettings, Link, LinkError, Timing};

/// Received bytes not yet shown at most; the link below keeps the rest.
const PENDING_MAX: usize = 4096;

/// A link slowed down to the speed of a line.
#[derive(Debug)]
pub struct Paced<L> {
    link: L,
    settings: LineSettings,
    /// When the transmitter has finished what it was given.
    free: Duration,
    /// When the last byte on its way in is over.
    busy: Duration,
    pending: VecDeque<(Duration, u8)>,
}

impl<L: Link> Paced<L> {
    /// `link` at the speed of `settings`.
    pub fn new(link: L, settings: LineSettings) -> Paced<L> {
        let (free, busy) = (Duration::ZERO, Duration::ZERO);
        Paced { link, settings, free, busy, pending: VecDeque::new() }
    }
}

impl<L: Link> Link for Paced<L> {
    fn now(&self) -> Duration {
        self.link.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let start = self.link.now().max(self.free);
        self.link.send(bytes)?;
        self.free = start + self.settings.wire(bytes.len());
        Ok(self.free)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        let mut chunk = [0; 256];
        loop {
            let now = self.link.now();
            let mut count = 0;
            while count < buffer.len()
                && let Some((_, byte)) = self.pending.pop_front_if(|(at, _)| *at <= now)
            {
                buffer[count] = byte;
                count += 1;
            }
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let due = self.pending.front().map_or(deadline, |(at, _)| (*at).min(deadline));
            let room = PENDING_MAX.saturating_sub(self.pending.len()).clamp(1, chunk.len());
            let read = self.link.recv(&mut chunk[..room], due)?;
            // The answer to a request cannot begin before the request is over.
            let start = self.link.now().max(self.free).max(self.busy);
            for (index, byte) in chunk.iter().take(read).enumerate() {
                self.pending.push_back((start + self.settings.wire(index + 1), *byte));
            }
            self.busy = self.pending.back().map_or(self.busy, |(at, _)| *at);
            let now = self.link.now();
            if read == 0 && now >= deadline && self.pending.front().is_none_or(|p| p.0 > now) {
                return Ok(0);
            }
        }
    }

    fn timing(&self) -> Timing {
        Timing { character: self.settings.character(), slack: self.link.timing().slack }
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        let tuned = self.link.tune(settings)?;
        if tuned {
            self.settings = *settings;
        }
        Ok(tuned)
    }

    fn echo(&self) -> Habit {
        self.link.echo()
    }
}
