//! Listening for one message: until when, and how much of it.
//!
//! A table may be longer than the shared engine looks at, and its length is announced nowhere. So
//! here the bound is a pace: a message that is slower than a slow adapter makes it, or longer than
//! the longest, is given up. However a meter dribbles or babbles, listening ends.

use std::time::Duration;

use super::frame::{ACK, EOT, ETX, NAK};
use crate::protocol::Tick;
use crate::protocol::exchange::Timing;

/// Longest time until a meter answers, and longest pause between two characters (IEC 62056-21,
/// 6.3.14: 200 to 1500 ms).
pub(super) const REACTION_MAX: Duration = Duration::from_millis(1500);
/// What an adapter or a slow meter may put between two characters on top of their own time: some
/// firmware waits 20 ms (`reference/other-meters.md` 2.2).
const DRIBBLE: Duration = Duration::from_millis(25);
/// Time a message may lose against that pace in all.
const ALLOWANCE: Duration = Duration::from_secs(4);
/// Characters that may stand in front of an answer's first useful one.
const LEAD: usize = 8;
/// After a spoilt message: this long nothing more, and it was the whole of it.
const SPOILT: Duration = Duration::from_millis(60);

/// What the bytes heard so far amount to.
#[derive(Debug)]
pub(super) enum Look<T> {
    /// No answer in them.
    Nothing,
    /// One has begun, here.
    Begun(usize),
    /// One came whole and is damaged.
    Spoilt,
    /// An answer of a single character: one, if nothing follows it.
    Alone(T),
    /// The answer, and where it ends.
    Got(T, usize),
}

/// How listening ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deaf {
    /// Nothing came.
    Silent,
    /// Bytes came, and no beginning of an answer.
    Noise,
    /// An answer began and did not end, or too slowly.
    Broken,
    /// An answer came whole and damaged.
    Spoilt,
    /// More came than any meter sends.
    Babble,
}

/// Ears for one message.
#[derive(Debug)]
pub(super) struct Ear<T> {
    /// What may still become an answer.
    heard: Vec<u8>,
    /// Bytes of it looked at already.
    seen: usize,
    /// Bytes heard in all.
    total: usize,
    longest: usize,
    babble: bool,
    timing: Timing,
    /// When the answer must have begun.
    begin: Tick,
    last: Option<Tick>,
    state: Deaf,
    /// An answer of one character, and how much had been heard with it.
    alone: Option<(T, usize)>,
}

impl<T> Ear<T> {
    /// Listens from now on, our own last bit being over at `left`. `before`: what was heard since
    /// then already.
    pub fn new(timing: Timing, left: Tick, longest: usize, before: Vec<u8>) -> Self {
        let begin = left + REACTION_MAX + timing.slack + timing.wire(2);
        let last = (!before.is_empty()).then_some(left);
        let babble = before.len() > longest;
        Self {
            total: before.len(),
            heard: before,
            seen: 0,
            longest,
            babble,
            timing,
            begin,
            last,
            state: Deaf::Silent,
            alone: None,
        }
    }

    pub fn feed(&mut self, bytes: &[u8], now: Tick) {
        let room = self.longest.saturating_sub(self.total);
        self.heard.extend(bytes.iter().take(room));
        self.total += bytes.len().min(room);
        self.babble |= bytes.len() > room;
        self.last = Some(now);
    }

    /// When the last character was heard.
    pub fn last(&self) -> Option<Tick> {
        self.last
    }

    /// Looks with `look`, if there is anything new that could end a message. What stands behind the
    /// answer is given back with it.
    pub fn look(&mut self, look: impl FnOnce(&[u8]) -> Look<T>) -> Option<(T, Vec<u8>)> {
        // The check character comes behind the end: one byte back belongs to what is new.
        let new = self.heard.get(self.seen.saturating_sub(1)..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte & 0x7F, ETX | EOT | ACK | NAK | b'\n');
        if self.seen == self.heard.len() || !(self.seen == 0 || new.iter().any(ends)) {
            return None;
        }
        let mut keep = self.heard.len();
        self.state = match look(&self.heard) {
            Look::Got(what, end) => {
                return Some((what, self.heard.split_off(end.min(self.heard.len()))));
            }
            Look::Nothing => Deaf::Noise,
            Look::Begun(from) => {
                keep = from;
                Deaf::Broken
            }
            Look::Spoilt => Deaf::Spoilt,
            Look::Alone(what) => {
                self.alone = Some((what, self.total));
                keep = 0;
                Deaf::Spoilt
            }
        };
        // What is no answer and no beginning of one is not looked at again.
        self.heard.drain(..keep.min(self.heard.len()));
        self.seen = self.heard.len();
        None
    }

    /// The answer of one character, once listening is over and nothing has followed it.
    pub fn alone(&mut self) -> Option<T> {
        let total = self.total;
        self.alone.take().filter(|(_, heard)| *heard == total).map(|(what, _)| what)
    }

    /// Until when to listen if nothing comes, or how it ended.
    pub fn until(&self, now: Tick) -> Result<Tick, Deaf> {
        let timing = &self.timing;
        let due = match (self.state, self.last) {
            (_, None) => self.begin,
            (Deaf::Spoilt, Some(last)) => last + SPOILT + timing.slack + timing.wire(LEAD),
            (Deaf::Broken, Some(last)) => last + REACTION_MAX + timing.slack,
            // What is no answer may stand in front of one; and one may begin in any of its bytes.
            (_, Some(last)) => self.begin.max(last + REACTION_MAX.min(timing.gap) + timing.slack),
        };
        let each = timing.character + DRIBBLE;
        let count = u32::try_from(self.total).unwrap_or(u32::MAX);
        let due = due.min(self.begin + ALLOWANCE + each.saturating_mul(count));
        if self.babble {
            return Err(Deaf::Babble);
        }
        if now < due { Ok(due) } else { Err(self.state) }
    }
}
