//! Learns whether an adapter hears what it sends itself, and takes exactly that out.
//!
//! Two-wire adapters whose receiver stays on, auto-direction chips and optical heads hand our own
//! bytes back in front of the answer (`stephane/libmodbus` 35, 380, 432, 818). A flush after
//! sending would eat a quick answer; a fixed setting would be wrong on the next adapter. So each
//! port starts [`Habit::Unknown`] and learns:
//!
//! ```text
//!            copy of what was sent, then more ----------------------> Echoes (copy is removed)
//! Unknown --<
//!            anything else -----------------------------------------> Silent (nothing is removed)
//! Silent  -- twice running a copy, then more -----------------------> Echoes
//! Echoes  -- three times running something else --------------------> Unknown
//! ```
//!
//! A copy alone proves nothing (the good answer to a Modbus write *is* the request), so it is held
//! back until an answer follows or can no longer come, and then handed on. A spoilt echo, with
//! even one byte wrong, is handed on whole: parsers can skip a broken frame, but nobody can bring
//! back an answer that was taken for an echo. This is the only place that compares bytes with
//! bytes; it does not know what they mean.

use std::collections::VecDeque;
use std::time::Duration;

use super::LinkError;

/// Longer messages are not watched for an echo; no meter protocol here sends them.
const WATCHED_MAX: usize = 4096;

/// Copies seen in a row before a port that was silent is believed to echo.
const SIGHTINGS: u8 = 2;

/// Exchanges without echo in a row before a port that echoed is doubted.
const MISSES: u8 = 3;

/// How long after an echo an answer can begin: DL/T 645 allows a meter 500 ms.
const ANSWER_MAX: Duration = Duration::from_millis(500);

/// Bytes read from the port at a time.
const CHUNK: usize = 256;

/// What is known about a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Habit {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It hears itself.
    Echoes,
    /// It does not.
    Silent,
}

/// A port below the echo filter: what [`Echo::recv`] reads from.
pub trait Raw {
    /// Time since the line was opened.
    fn now(&self) -> Duration;

    /// Waits for bytes until `until`; 0 when the time is over. A time already past means "only what
    /// is there".
    ///
    /// # Errors
    /// Those of [`super::Link::recv`].
    fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError>;
}

/// The filter of one port.
#[derive(Debug, Default)]
pub struct Echo {
    habit: Habit,
    stage: Stage,
    /// What was sent. The first `matched` bytes have come back; those are held, not stored again.
    expected: Vec<u8>,
    matched: usize,
    /// When an echo would be over.
    over: Duration,
    ready: VecDeque<u8>,
    sightings: u8,
    misses: u8,
    spoilt: u64,
}

/// Where in an exchange the filter is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing is expected back.
    #[default]
    Idle,
    /// Some bytes of a copy have come, or none yet.
    Matching,
    /// A whole copy has come.
    Copied,
    /// The time for an echo is over and not a byte has come.
    Missed,
}

impl Echo {
    /// What has been learned.
    pub fn habit(&self) -> Habit {
        self.habit
    }

    /// How many echoes came back spoilt: a sign of collisions or of a wrong baud rate.
    pub fn spoilt(&self) -> u64 {
        self.spoilt
    }

    /// Bytes were sent at `now`; an echo of them is complete at `over` at the latest.
    pub fn sent(&mut self, bytes: &[u8], now: Duration, over: Duration) {
        self.expire(now);
        if matches!(self.stage, Stage::Idle | Stage::Missed) {
            self.expected.clear();
            self.matched = 0;
        }
        // Otherwise a wake-up preamble was sent before and its copy is still coming, or the copy of
        // a question nobody answered is still held: the two are one.
        if self.expected.len() + bytes.len() > WATCHED_MAX || bytes.is_empty() {
            self.release();
            return;
        }
        self.expected.extend_from_slice(bytes);
        self.over = over;
        self.stage = Stage::Matching;
    }

    /// Bytes arrived.
    pub fn heard(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match self.stage {
                Stage::Idle => self.ready.push_back(byte),
                Stage::Matching => self.compare(byte),
                Stage::Copied => {
                    self.copy_then_more();
                    self.ready.push_back(byte);
                }
                Stage::Missed => {
                    self.mismatch();
                    self.ready.push_back(byte);
                }
            }
        }
    }

    /// Takes out bytes that are not echo.
    pub fn take(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.ready.len());
        for (slot, byte) in buffer.iter_mut().zip(self.ready.drain(..count)) {
            *slot = byte;
        }
        count
    }

    /// Gives up waiting for the rest of an echo when its time is over.
    pub fn expire(&mut self, now: Duration) {
        match self.stage {
            Stage::Matching if now < self.over => {}
            Stage::Matching if self.matched == 0 => self.stage = Stage::Missed,
            Stage::Matching => self.mismatch(),
            Stage::Copied if now >= self.over + ANSWER_MAX => self.release(),
            Stage::Copied | Stage::Idle | Stage::Missed => {}
        }
    }

    /// When [`Echo::expire`] should be called, if something is held back.
    pub fn wake(&self) -> Option<Duration> {
        let extra = if self.stage == Stage::Copied { ANSWER_MAX } else { Duration::ZERO };
        (self.held() > 0).then(|| self.over + extra)
    }

    /// [`super::Link::recv`] for a port with this filter.
    ///
    /// # Errors
    /// Those of the port, after everything that had arrived was handed over.
    pub fn recv<R: Raw>(
        &mut self,
        raw: &mut R,
        buffer: &mut [u8],
        deadline: Duration,
    ) -> Result<usize, LinkError> {
        let mut chunk = [0; CHUNK];
        loop {
            self.expire(raw.now());
            let count = self.take(buffer);
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let until = self.wake().map_or(deadline, |wake| wake.min(deadline));
            match raw.read(&mut chunk, until) {
                Ok(0) if raw.now() >= deadline => {
                    self.expire(raw.now());
                    return Ok(self.take(buffer));
                }
                Ok(count) => self.heard(&chunk[..count]),
                Err(error) => {
                    self.release();
                    let count = self.take(buffer);
                    return if count > 0 { Ok(count) } else { Err(error) };
                }
            }
        }
    }

    /// Bytes kept back. A port believed silent keeps nothing back, it only watches.
    fn held(&self) -> usize {
        let holds = matches!(self.stage, Stage::Matching | Stage::Copied);
        if holds && self.habit != Habit::Silent { self.matched } else { 0 }
    }

    fn compare(&mut self, byte: u8) {
        if self.expected.get(self.matched) == Some(&byte) {
            self.matched += 1;
            if self.habit == Habit::Silent {
                self.ready.push_back(byte);
            }
            if self.matched == self.expected.len() {
                self.stage = Stage::Copied;
                if self.habit == Habit::Echoes {
                    self.misses = 0;
                    self.stage = Stage::Idle;
                }
            }
            return;
        }
        self.mismatch();
        self.ready.push_back(byte);
    }

    /// Something else came than an echo, or only a part of one.
    fn mismatch(&mut self) {
        let held = self.held() > 0;
        // First hand on what is held, for that depends on the habit.
        self.release();
        match self.habit {
            Habit::Unknown => self.habit = Habit::Silent,
            Habit::Silent => self.sightings = 0,
            Habit::Echoes => {
                self.spoilt += u64::from(held);
                self.misses += 1;
                if self.misses >= MISSES {
                    self.habit = Habit::Unknown;
                    self.misses = 0;
                }
            }
        }
    }

    /// A whole copy came and something follows it: only an echo does that.
    fn copy_then_more(&mut self) {
        self.stage = Stage::Idle;
        match self.habit {
            // Held back, and now dropped.
            Habit::Unknown | Habit::Echoes => self.habit = Habit::Echoes,
            // Already handed on; remember for next time.
            Habit::Silent => {
                self.sightings += 1;
                if self.sightings >= SIGHTINGS {
                    self.habit = Habit::Echoes;
                }
            }
        }
        self.misses = 0;
    }

    /// Hands on what was held back.
    fn release(&mut self) {
        let held = self.held();
        self.ready.extend(&self.expected[..held]);
        self.matched = 0;
        self.stage = Stage::Idle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);
    const REQUEST: [u8; 8] = [0x01, 0x03, 0x00, 0x00, 0x00, 0x02, 0xC4, 0x0B];
    const REPLY: [u8; 9] = [0x01, 0x03, 0x04, 0x00, 0x00, 0x00, 0x07, 0xBB, 0xF1];

    /// Bytes as they come, each exchange one list; what was taken out and what was learned.
    #[test]
    fn the_filter_learns_and_doubts() {
        let copy = REQUEST.to_vec();
        let mut spoilt = copy.clone();
        spoilt[5] ^= 1;
        let with = |head: &[u8]| [head, &REPLY[..]].concat();
        let echoing = || (with(&copy), REPLY.to_vec());
        let silent = || (REPLY.to_vec(), REPLY.to_vec());
        let kept = |bytes: Vec<u8>| (bytes.clone(), bytes);
        let mut shares = copy.clone();
        shares[7] ^= 0xFF;
        // What comes in each exchange, and what of it is handed on.
        type Exchange = (Vec<u8>, Vec<u8>);
        let cases: Vec<(&str, Vec<Exchange>, Habit)> = vec![
            ("learns at once", vec![echoing(), echoing()], Habit::Echoes),
            ("learns silence", vec![silent(), silent()], Habit::Silent),
            ("a copy alone proves nothing", vec![kept(copy.clone())], Habit::Unknown),
            // Modbus write: the good answer is the request.
            ("a silent port may copy", vec![silent(), kept(copy.clone())], Habit::Silent),
            ("a spoilt echo is handed on", vec![echoing(), kept(with(&spoilt))], Habit::Echoes),
            ("half an echo is handed on", vec![echoing(), kept(copy[..4].to_vec())], Habit::Echoes),
            ("no echo this time", vec![echoing(), silent(), echoing()], Habit::Echoes),
            ("no echo any more", vec![echoing(), silent(), silent(), silent()], Habit::Unknown),
            ("a reply that shares a prefix", vec![echoing(), kept(shares.clone())], Habit::Echoes),
            ("first echo spoilt", vec![kept(with(&spoilt))], Habit::Silent),
            (
                "first echo spoilt, learned later",
                vec![kept(with(&spoilt)), kept(with(&copy)), kept(with(&copy)), echoing()],
                Habit::Echoes,
            ),
            (
                "echo and no answer",
                vec![echoing(), (copy.clone(), vec![]), echoing()],
                Habit::Echoes,
            ),
            ("nothing at all", vec![echoing(), (vec![], vec![]), echoing()], Habit::Echoes),
        ];
        for (name, exchanges, habit) in cases {
            for piece in [1, 3, 64] {
                let mut echo = Echo::default();
                let mut now = Duration::ZERO;
                for (index, (comes, expected)) in exchanges.iter().enumerate() {
                    echo.sent(&REQUEST, now, now + 100 * MS);
                    comes.chunks(piece).for_each(|chunk| echo.heard(chunk));
                    now += 1000 * MS;
                    echo.expire(now);
                    let mut buffer = [0; 64];
                    let count = echo.take(&mut buffer);
                    assert_eq!(buffer[..count], expected[..], "{name}, exchange {index}");
                }
                assert_eq!(echo.habit(), habit, "{name}");
            }
        }
    }

    /// A port that plays back what comes when.
    struct Playback {
        now: Duration,
        coming: VecDeque<(Duration, Vec<u8>)>,
        gone_after: bool,
    }

    impl Raw for Playback {
        fn now(&self) -> Duration {
            self.now
        }

        fn read(&mut self, buffer: &mut [u8], until: Duration) -> Result<usize, LinkError> {
            match self.coming.front() {
                Some((at, _)) if *at <= until.max(self.now) => {
                    let (at, bytes) = self.coming.pop_front().unwrap();
                    self.now = self.now.max(at);
                    buffer[..bytes.len()].copy_from_slice(&bytes);
                    Ok(bytes.len())
                }
                None if self.gone_after => Err(LinkError::Gone),
                _ => {
                    self.now = self.now.max(until);
                    Ok(0)
                }
            }
        }
    }

    #[test]
    fn held_bytes_are_handed_on_when_their_time_is_over_or_the_port_dies() {
        let bytes = REQUEST[..5].to_vec();
        for (gone_after, expected_at) in [(false, 100 * MS), (true, 10 * MS)] {
            let coming = VecDeque::from([(10 * MS, bytes.clone())]);
            let mut raw = Playback { now: Duration::ZERO, coming, gone_after };
            let mut echo = Echo::default();
            echo.sent(&REQUEST, Duration::ZERO, 100 * MS);
            let mut buffer = [0; 16];
            // Short slices, as a driver that watches a cancel flag makes them, change nothing.
            let mut got = 0;
            for slice in 1..=20 {
                got = echo.recv(&mut raw, &mut buffer, slice * 20 * MS).unwrap_or(0);
                if got > 0 {
                    break;
                }
            }
            assert_eq!((&buffer[..got], raw.now), (&bytes[..], expected_at));
            let next = echo.recv(&mut raw, &mut buffer, 600 * MS);
            assert_eq!(next, if gone_after { Err(LinkError::Gone) } else { Ok(0) });
        }
    }

    proptest! {
        /// The echo filter never invents, reorders or drops a byte of a line that does not echo.
        #[test]
        fn nothing_is_taken_from_a_line_without_echo(
            requests in prop::collection::vec(prop::collection::vec(0_u8..3, 1..6), 1..12),
            replies in prop::collection::vec(prop::collection::vec(0_u8..3, 0..8), 12),
        ) {
            let (mut echo, mut passed) = (Echo::default(), Vec::<u8>::new());
            // The first answer starts with something else: the port is silent from then on.
            let mut expected = vec![9];
            echo.sent(&[1], Duration::ZERO, MS);
            echo.heard(&[9]);
            let mut now = Duration::ZERO;
            for (request, reply) in requests.iter().zip(&replies) {
                // The one thing that looks like an echo: a copy of the request and then more.
                prop_assume!(!(reply.len() > request.len() && reply.starts_with(request)));
                echo.sent(request, now, now + 50 * MS);
                echo.heard(reply);
                expected.extend(reply);
                now += 1000 * MS;
                echo.expire(now);
            }
            let mut buffer = [0; 256];
            let count = echo.take(&mut buffer);
            passed.extend(&buffer[..count]);
            prop_assert_eq!(passed, expected);
            prop_assert_eq!(echo.habit(), Habit::Silent);
        }
    }
}
