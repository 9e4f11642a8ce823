//! One question, one answer; and asking again with care.
//!
//! Most protocols carry no transaction number, so after a timeout a late answer could pass for the
//! answer to the same question asked again (`reference/other-meters.md` 2.2: other clients return
//! yesterday's value without an error). Hence, after any trouble: hold the line quiet, then ask
//! something whose answer cannot be mistaken for the lost one; only when that was answered, and
//! after the time in which a late answer may still turn up, is the question asked again.
//!
//! A protocol family says what its questions look like and what answers them ([`Question`]); the
//! waiting, the bounds and the care are here, once for all. Whatever a meter sends, an attempt ends
//! at a time known when the question left, and never keeps more than [`HEARD_MAX`] bytes.

mod attempt;
mod careful;
mod series;

pub use attempt::Once;
pub use series::Series;

use std::time::Duration;

/// Bytes of one answering time that are looked at; a meter that sends more is babbling.
pub const HEARD_MAX: usize = 2048;

/// How long things take on this line with this meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// One character, start and stop bits included.
    pub character: Duration,
    /// What the path adds to an answer at most: USB latency, network, radio.
    pub slack: Duration,
    /// Longest time until the meter begins its answer.
    pub turnaround: Duration,
    /// Longest pause inside an answer.
    pub gap: Duration,
    /// How long after a question a late answer to it may still turn up.
    pub late: Duration,
    /// Quiet the line needs between the last character heard and the next question.
    pub silence: Duration,
}

impl Timing {
    /// Usual times on a line with this character time and slack: 500 ms for an answer to begin and
    /// for a pause in it, 3 s for late ones, no silence of its own.
    pub fn new(character: Duration, slack: Duration) -> Self {
        Self {
            character,
            slack,
            turnaround: Duration::from_millis(500),
            gap: Duration::from_millis(500),
            late: Duration::from_secs(3),
            silence: Duration::ZERO,
        }
    }

    /// Wire time of `count` characters.
    pub fn wire(&self, count: usize) -> Duration {
        self.character.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// How often a question that changes nothing is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Further tries after the first.
    pub reads: u8,
}

impl Retry {
    /// Ask once only.
    pub const NONE: Self = Self { reads: 0 };
}

impl Default for Retry {
    fn default() -> Self {
        Self { reads: 2 }
    }
}

/// Why there is no answer to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nothing came at all.
    #[error("no answer")]
    Silent,
    /// Bytes came, but no answer to this question.
    #[error("garbled answer")]
    Garbled,
    /// Only another meter answered; which.
    #[error("meter {0} answered instead")]
    Stranger(String),
    /// The answer has the wrong length or contents for this question.
    #[error("answer of the wrong form: {0}")]
    Form(&'static str),
    /// The answer does not end.
    #[error("answer has too many parts")]
    Endless,
}

/// A meter's own word for "no": the line is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} ({code})")]
pub struct Refusal {
    /// The protocol's code.
    pub code: u16,
    /// What it means, a stable name.
    pub name: &'static str,
}

/// What a meter said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<A> {
    /// What was asked for.
    Data(A),
    /// No.
    Refused(Refusal),
}

/// What the bytes heard so far amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<A> {
    /// No answer in them, and none has begun: noise, our own echo.
    Nothing,
    /// An answer may have begun; so many characters of it are missing at least.
    Begun(usize),
    /// A whole frame of somebody else. Listening goes on.
    Stranger(String),
    /// The answer.
    Answer(A),
    /// The refusal.
    Refused(Refusal),
    /// A whole answer that cannot be right: the attempt ends with this.
    Bad(Trouble),
}

/// A question and what answers it.
pub trait Question: Clone + std::fmt::Debug {
    /// What an answer says.
    type Answer: Clone + std::fmt::Debug;

    /// The bytes to send.
    fn bytes(&self) -> Vec<u8>;

    /// Characters of the longest answer, stray bytes in front of it included.
    fn answer_len(&self) -> usize;

    /// Looks for the answer in everything heard since the question left, our echo included. Asked
    /// again after every arrival; must not take anything for an answer that is not one to this
    /// question.
    fn listen(&self, heard: &[u8]) -> Heard<Self::Answer>;

    /// A question to the same meter whose answer cannot be mistaken for this one's, asked first
    /// when the line is in doubt. `None`: answers carry enough to tell them apart; then keeping
    /// quiet until late ones are past is enough.
    fn probe(&self) -> Option<Self>;

    /// Longest time until the answer begins, where it differs from the usual.
    fn turnaround(&self, timing: &Timing) -> Duration {
        timing.turnaround
    }
}
