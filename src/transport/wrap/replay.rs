//! A recording as a line, in virtual time: what was heard then comes again when the same is sent.
//!
//! Each message sent must be the next one recorded, byte for byte (a byte that was not written is
//! taken as it comes). The first difference ends the line; [`Replay::difference`] says where it is.
//! What was received comes as long after the message before it as it did then. Who sends earlier
//! than it was sent then is held up till that time, so that both clocks go together.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::recording::{Entry, Event};
use crate::transport::{LineSettings, Link, LinkError, Timing};

/// Where what was sent is not what was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The line of the recording; one beyond the last when it had ended.
    pub line: usize,
    /// The first byte that differs, from 0; `None` when it is not about one byte.
    pub byte: Option<usize>,
    /// What was recorded there.
    pub recorded: String,
    /// What came instead.
    pub sent: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { line, byte, recorded, sent } = self;
        match byte {
            Some(byte) => write!(f, "line {line}, byte {byte}: recorded {recorded}, sent {sent}"),
            None => write!(f, "line {line}: recorded {recorded}, sent {sent}"),
        }
    }
}

/// The line.
#[derive(Debug)]
pub struct Replay {
    entries: VecDeque<Entry>,
    now: Duration,
    settings: LineSettings,
    slack: Duration,
    /// When the transmitter has finished what it was given.
    free: Duration,
    /// What to add to a time of the recording.
    behind: Duration,
    /// Received bytes and when they come.
    pending: VecDeque<(Duration, u8)>,
    last_line: usize,
    difference: Option<Difference>,
}

impl Replay {
    /// A line that plays `entries`; `settings` and `slack` as they were then, so that a driver
    /// waits as long as it did.
    ///
    /// # Errors
    /// The number of a line with a received byte that was not written: it cannot be played.
    pub fn new(
        entries: Vec<Entry>,
        settings: LineSettings,
        slack: Duration,
    ) -> Result<Replay, usize> {
        let hidden = |entry: &&Entry| match &entry.event {
            Event::Received(bytes) => bytes.contains(&None),
            Event::Sent(_) | Event::Tuned(_) => false,
        };
        if let Some(entry) = entries.iter().find(hidden) {
            return Err(entry.line);
        }
        let last_line = entries.last().map_or(0, |entry| entry.line);
        let now = entries.first().map_or(Duration::ZERO, |entry| entry.at);
        let mut replay = Replay {
            entries: entries.into(),
            now,
            settings,
            slack,
            free: Duration::ZERO,
            behind: Duration::ZERO,
            pending: VecDeque::new(),
            last_line,
            difference: None,
        };
        // What came before the first word of ours comes by itself.
        replay.schedule(now, now);
        Ok(replay)
    }

    /// Where the driver left the recording, if it did.
    pub fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }

    /// The line of the next message that was sent then and not now.
    pub fn unasked(&self) -> Option<usize> {
        let mut left = self.entries.iter();
        left.find(|entry| matches!(entry.event, Event::Sent(_))).map(|entry| entry.line)
    }

    /// Puts on the line what was received after the moment `then`, which is `now` here, up to the
    /// next word of ours.
    fn schedule(&mut self, then: Duration, now: Duration) {
        while let Some(Entry { at, span, event: Event::Received(bytes), .. }) =
            self.entries.pop_front_if(|entry| matches!(entry.event, Event::Received(_)))
        {
            let start = now + at.saturating_sub(then);
            let gaps = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_sub(1).max(1);
            let bytes = (0..).zip(bytes.into_iter().flatten());
            self.pending.extend(bytes.map(|(slot, byte)| (start + span * slot / gaps, byte)));
        }
        self.pending.make_contiguous().sort_by_key(|(at, _)| *at);
    }

    /// Comes to a moment of the recording, and puts on the line what was received after it.
    fn reach(&mut self, then: Duration) {
        let due = then + self.behind;
        self.behind += self.now.saturating_sub(due);
        self.now = self.now.max(due);
        self.schedule(then, self.now);
    }

    fn differ(
        &mut self,
        line: usize,
        byte: Option<usize>,
        recorded: String,
        sent: String,
    ) -> LinkError {
        let difference = Difference { line, byte, recorded, sent };
        let error = LinkError::Io(difference.to_string());
        self.difference.get_or_insert(difference);
        error
    }

    fn refused(&self) -> Result<(), LinkError> {
        match &self.difference {
            Some(difference) => Err(LinkError::Io(difference.to_string())),
            None => Ok(()),
        }
    }

    /// Compares a message with the recorded one.
    fn compare(
        &mut self,
        line: usize,
        recorded: &[Option<u8>],
        sent: &[u8],
    ) -> Result<(), LinkError> {
        let pairs = recorded.iter().zip(sent);
        let wrong = |(recorded, sent): (&Option<u8>, &u8)| recorded.is_some_and(|r| r != *sent);
        let place = pairs.clone().position(wrong);
        let place =
            place.or((recorded.len() != sent.len()).then(|| recorded.len().min(sent.len())));
        let Some(place) = place else { return Ok(()) };
        let rest = |bytes: String| if bytes.is_empty() { "the end".to_owned() } else { bytes };
        let was = rest(hex(recorded.iter().skip(place).copied()));
        let is = rest(hex(sent.iter().skip(place).copied().map(Some)));
        Err(self.differ(line, Some(place), was, is))
    }
}

fn hex(bytes: impl Iterator<Item = Option<u8>>) -> String {
    let one = |byte: Option<u8>| byte.map_or("**".to_owned(), |byte| format!("{byte:02X}"));
    bytes.map(one).collect::<Vec<_>>().join(" ")
}

impl Link for Replay {
    fn now(&self) -> Duration {
        self.now
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        self.refused()?;
        let entry = self.entries.pop_front();
        let sent = || hex(bytes.iter().copied().map(Some));
        match entry {
            Some(Entry { line, at, event: Event::Sent(recorded), .. }) => {
                self.compare(line, &recorded, bytes)?;
                self.reach(at);
                self.free = self.now.max(self.free) + self.settings.wire(bytes.len());
                Ok(self.free)
            }
            Some(Entry { line, event: Event::Tuned(_), .. }) => {
                Err(self.differ(line, None, "a change of speed".to_owned(), sent()))
            }
            Some(Entry { line, .. }) => Err(self.differ(line, None, "silence".to_owned(), sent())),
            None => Err(self.differ(self.last_line + 1, None, "nothing more".to_owned(), sent())),
        }
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.refused()?;
        let mut count = 0;
        let mut limit = deadline.max(self.now);
        for slot in buffer.iter_mut() {
            let Some((at, byte)) = self.pending.pop_front_if(|(at, _)| *at <= limit) else { break };
            // The first byte may be waited for; of the others what is there by then.
            self.now = self.now.max(at);
            limit = self.now;
            *slot = byte;
            count += 1;
        }
        if count == 0 && !buffer.is_empty() {
            self.now = limit;
        }
        Ok(count)
    }

    fn timing(&self) -> Timing {
        Timing { character: self.settings.character(), slack: self.slack }
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        self.refused()?;
        match self.entries.pop_front() {
            Some(Entry { at, event: Event::Tuned(None), .. }) => {
                self.reach(at);
                Ok(false)
            }
            Some(Entry { at, event: Event::Tuned(Some(then)), .. }) if then == *settings => {
                self.settings = then;
                self.reach(at);
                Ok(true)
            }
            entry => {
                let line = entry.as_ref().map_or(self.last_line + 1, |entry| entry.line);
                let recorded = match entry.map(|entry| entry.event) {
                    Some(Event::Tuned(Some(then))) => format!("a change to {then}"),
                    Some(_) => "no change of speed".to_owned(),
                    None => "nothing more".to_owned(),
                };
                Err(self.differ(line, None, recorded, format!("a change to {settings}")))
            }
        }
    }
}
