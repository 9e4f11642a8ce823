//! Seeded faults over any link, a real one too: what a bad line does, at the level of bytes.
//!
//! Same [`Faults`] as the line model, with what a wrapper can do: a message of ours is what one
//! `send` hands over; for received bytes a message is what comes until the line pauses. Echo is
//! left to the line model and `only` chooses the direction.

use std::collections::VecDeque;
use std::time::Duration;

use crate::transport::echo::Habit;
use crate::transport::line::{Faults, Hits, Side};
use crate::transport::{LineSettings, Link, LinkError, Random, Timing};

/// A pause of so many characters ends a received message.
const PAUSE_CHARACTERS: u32 = 20;

/// Received bytes under way at most.
const PENDING_MAX: usize = 4096;

/// A link on which things go wrong.
#[derive(Debug)]
pub struct Faulty<L> {
    link: L,
    faults: Faults,
    random: Random,
    hits: Hits,
    /// Received bytes and when they may be seen, in order of time.
    pending: VecDeque<(Duration, u8)>,
    /// The fate of the message that is being received.
    fate: Fate,
    last: Option<Duration>,
}

/// What happens to the message being received.
#[derive(Debug, Default)]
struct Fate {
    lost: bool,
    /// Only so many more bytes are let through.
    left: Option<u64>,
    late: Duration,
    /// Bytes so far, to be repeated after this time.
    again: Option<(Duration, Vec<u8>)>,
}

impl<L: Link> Faulty<L> {
    /// `link` with `faults`.
    pub fn new(link: L, faults: Faults) -> Faulty<L> {
        Faulty {
            link,
            random: Random::new(faults.seed),
            faults,
            hits: Hits::default(),
            pending: VecDeque::new(),
            fate: Fate::default(),
            last: None,
        }
    }

    /// How often each fault has really struck.
    pub fn hits(&self) -> &Hits {
        &self.hits
    }

    /// Gives the link back.
    pub fn into_inner(self) -> L {
        self.link
    }

    fn strikes(&self, side: Side) -> bool {
        self.faults.only.is_none_or(|only| only == side)
    }

    /// One byte after another with byte faults.
    fn spoil(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.random.chance(self.faults.noise) {
            self.hits.noise += 1;
            out.push(self.random.bits().to_le_bytes()[0]);
        }
        if self.random.chance(self.faults.dropped) {
            self.hits.dropped += 1;
        } else if self.random.chance(self.faults.corrupted) {
            self.hits.corrupted += 1;
            out.push(byte ^ (1 << self.random.below(8)));
        } else {
            out.push(byte);
        }
    }

    /// Draws the fate of a message that begins to arrive.
    fn begin(&mut self) {
        self.finish();
        self.hits.messages += 1;
        self.fate = Fate::default();
        if self.random.chance(self.faults.lost) {
            self.hits.lost += 1;
            self.fate.lost = true;
        }
        if self.random.chance(self.faults.truncated) {
            self.hits.truncated += 1;
            self.fate.left = Some(self.random.below(12));
        }
        if self.random.chance(self.faults.late) {
            self.hits.late += 1;
            self.fate.late = self.random.between(self.faults.late_by.0, self.faults.late_by.1);
        }
        if self.random.chance(self.faults.duplicated) {
            let (least, most) = self.faults.again_after;
            self.fate.again = Some((self.random.between(least, most), Vec::new()));
        }
    }

    /// The message is over: its second copy sets out.
    fn finish(&mut self) {
        if let (Some((after, bytes)), Some(last)) = (self.fate.again.take(), self.last)
            && !bytes.is_empty()
        {
            self.hits.duplicated += 1;
            let at = last + self.fate.late + after;
            self.queue(at, &bytes);
        }
    }

    fn queue(&mut self, at: Duration, bytes: &[u8]) {
        let room = PENDING_MAX.saturating_sub(self.pending.len());
        self.hits.overrun += bytes.len().saturating_sub(room) as u64;
        self.pending.extend(bytes.iter().take(room).map(|byte| (at, *byte)));
        self.pending.make_contiguous().sort_by_key(|(at, _)| *at);
    }

    fn heard(&mut self, bytes: &[u8]) {
        let now = self.link.now();
        if !self.strikes(Side::Far) {
            self.queue(now, bytes);
            return;
        }
        let pause = self.link.timing().character * PAUSE_CHARACTERS;
        if self.last.is_none_or(|last| now.saturating_sub(last) > pause) {
            self.begin();
        }
        self.last = Some(now);
        for &byte in bytes {
            if self.fate.lost || self.fate.left == Some(0) {
                continue;
            }
            self.fate.left = self.fate.left.map(|left| left - 1);
            let mut out = Vec::new();
            self.spoil(byte, &mut out);
            if let Some((_, copy)) = &mut self.fate.again {
                copy.extend_from_slice(&out);
            }
            let at = now + self.fate.late;
            self.queue(at, &out);
        }
    }
}

impl<L: Link> Link for Faulty<L> {
    fn now(&self) -> Duration {
        self.link.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        // Our sending ends whatever was being received.
        self.finish();
        self.last = None;
        if !self.strikes(Side::Tool) {
            return self.link.send(bytes);
        }
        self.hits.messages += 1;
        if self.random.chance(self.faults.lost) {
            self.hits.lost += 1;
            return Ok(self.link.now() + self.link.timing().wire(bytes.len()));
        }
        let mut bytes = bytes;
        if bytes.len() > 1 && self.random.chance(self.faults.truncated) {
            self.hits.truncated += 1;
            let keep = usize::try_from(1 + self.random.below(bytes.len() as u64 - 1));
            bytes = bytes.get(..keep.unwrap_or(1)).unwrap_or(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.spoil(byte, &mut out);
        }
        let end = self.link.send(&out)?;
        if self.random.chance(self.faults.duplicated) {
            self.hits.duplicated += 1;
            self.link.send(&out)?;
        }
        Ok(end)
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
            let read = self.link.recv(&mut chunk, due)?;
            if read > 0 {
                self.heard(chunk.get(..read).unwrap_or_default());
            } else {
                // The line has paused, so the message is over and its copy may set out.
                let pause = self.link.timing().character * PAUSE_CHARACTERS;
                let now = self.link.now();
                if self.last.is_some_and(|last| now.saturating_sub(last) > pause) {
                    self.finish();
                }
                if now >= deadline && self.pending.front().is_none_or(|(at, _)| *at > now) {
                    return Ok(0);
                }
            }
        }
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
