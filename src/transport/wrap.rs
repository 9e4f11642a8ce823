//! Wrappers around any [`Link`]: trace, record, fault, pace; and a recording as a link.
//!
//! They stack: `Traced::new(Faulty::new(link, ..), ..)` shows what the program saw, the other order
//! what was really on the line. None of them knows what bytes mean.

mod faulty;
mod paced;
mod record;
mod recording;
mod replay;
mod seven;
mod tape;

pub use faulty::Faulty;
pub use paced::Paced;
pub use record::{Recorded, Secrets};
pub use recording::{Entry, Event, Recording, TITLE, parse_recordings};
pub use replay::{Difference, Replay};
pub use seven::Seven;
pub use tape::{LENGTH_MAX, Tape};

use std::time::Duration;

use super::echo::Habit;
use super::{LineSettings, Link, LinkError, Timing};

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From us to the meter.
    Sent,
    /// From the line to us.
    Received,
}

/// Shows every byte to a sink as it passes.
#[derive(Debug)]
pub struct Traced<L, F> {
    link: L,
    sink: F,
}

impl<L: Link, F: FnMut(Direction, Duration, &[u8]) + Send> Traced<L, F> {
    /// `sink` gets the direction, the link's time and the bytes. It must not block.
    pub fn new(link: L, sink: F) -> Traced<L, F> {
        Traced { link, sink }
    }

    /// Gives the link back.
    pub fn into_inner(self) -> L {
        self.link
    }
}

impl<L: Link, F: FnMut(Direction, Duration, &[u8]) + Send> Link for Traced<L, F> {
    fn now(&self) -> Duration {
        self.link.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let at = self.link.now();
        let end = self.link.send(bytes)?;
        (self.sink)(Direction::Sent, at, bytes);
        Ok(end)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        let count = self.link.recv(buffer, deadline)?;
        if count > 0 {
            let at = self.link.now();
            (self.sink)(Direction::Received, at, buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }

    fn timing(&self) -> Timing {
        self.link.timing()
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        self.link.tune(settings)
    }

    fn echo(&self) -> Habit {
        self.link.echo()
    }
}
