//! Seven data bits and parity in software, on an adapter that can only do eight without.
//!
//! A character of 7E1 and one of 8N1 are ten bits both; the eighth data bit of the one is the
//! parity of the other. So the line below is opened 8N1 at the same speed, the parity bit is worked
//! out here when sending, and checked and taken off when receiving. A character whose parity is
//! wrong is read as 00, as from a Linux terminal with parity on. (8E1 has no such trick.)

use std::time::Duration;

use crate::transport::echo::Habit;
use crate::transport::{LineSettings, Link, LinkError, Parity, Timing};

/// A link of eight bits that carries seven and parity.
#[derive(Debug)]
pub struct Seven<L> {
    link: L,
    /// `None`: the line is really used with eight bits at the moment.
    parity: Option<Parity>,
}

impl<L: Link> Seven<L> {
    /// `link` is open as [`Seven::below`] says; `settings` are those wanted above it.
    pub fn new(link: L, settings: &LineSettings) -> Seven<L> {
        Seven { link, parity: parity_of(settings) }
    }

    /// How the line below must be set for `settings` above: 7E1 and 7O1 become 8N1, all others stay
    /// as they are.
    pub fn below(settings: &LineSettings) -> LineSettings {
        match parity_of(settings) {
            Some(_) => LineSettings { parity: Parity::None, data_bits: 8, ..*settings },
            None => *settings,
        }
    }

    /// Gives the link back.
    pub fn into_inner(self) -> L {
        self.link
    }
}

/// The parity to work out for these settings.
fn parity_of(settings: &LineSettings) -> Option<Parity> {
    let seven = settings.data_bits == 7 && settings.parity != Parity::None;
    seven.then_some(settings.parity)
}

/// Whether the ones of a character are as `parity` wants them.
fn fits(byte: u8, parity: Parity) -> bool {
    let odd = byte.count_ones() % 2 == 1;
    odd == (parity == Parity::Odd)
}

impl<L: Link> Link for Seven<L> {
    fn now(&self) -> Duration {
        self.link.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let Some(parity) = self.parity else { return self.link.send(bytes) };
        let with = |byte: &u8| {
            let plain = byte & 0x7F;
            if fits(plain, parity) { plain } else { plain | 0x80 }
        };
        let bytes: Vec<u8> = bytes.iter().map(with).collect();
        self.link.send(&bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        let count = self.link.recv(buffer, deadline)?;
        if let Some(parity) = self.parity {
            for byte in buffer.iter_mut().take(count) {
                *byte = if fits(*byte, parity) { *byte & 0x7F } else { 0 };
            }
        }
        Ok(count)
    }

    fn timing(&self) -> Timing {
        self.link.timing()
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        let tuned = self.link.tune(&Self::below(settings))?;
        if tuned {
            self.parity = parity_of(settings);
        }
        Ok(tuned)
    }

    fn echo(&self) -> Habit {
        self.link.echo()
    }
}
