//! Conversations with DL/T 645 meters of both editions, without any input or output of their own.
//!
//! All of them are made of one question and one answer (`exchange.rs`). Questions that change
//! nothing may be repeated, with the care that a line without transaction numbers needs
//! (`careful.rs`); what changes a meter is sent once and never again by itself (`once.rs`). A
//! timeout says nothing about whether a command was carried out: read back.

mod careful;
mod debit;
mod exchange;
mod find;
mod layouts;
mod money;
mod once;
mod reads;
mod writes;

pub use crate::protocol::exchange::Retry;
pub use debit::{DebitLayout, SendDebit};
pub use find::{FindAddress, FindAddress1997};
pub use layouts::RechargeLayout;
pub use money::{AccountStatus, CreditAnswer, OpenAccount, PurseStatus, SendCredit};
pub use reads::{ReadItems, Reply};
pub use writes::{
    Access, BroadcastTime, ChangeBaud, ChangePassword, DI_REFUND, Freeze, FreezeWhen,
    PasswordOrder, Relay, Write, WriteAddress, WriteError,
};

use std::time::Duration;

use super::frame::Address;
use super::words::ErrorWord;

/// Longest time a meter may take before it answers (DL/T 645-2007, 5.3: 20 ms <= Td <= 500 ms).
pub const TURNAROUND: Duration = Duration::from_millis(500);
/// Longest pause between two bytes of a frame.
pub const GAP: Duration = Duration::from_millis(500);
/// Longest time a meter with a security module may take over a 03H command (test bench: 6.2 s).
pub const SECURE_TURNAROUND: Duration = Duration::from_millis(6200);
/// How long after a question an answer to it may still turn up: gateways and radio links hold
/// answers back for seconds, and let later ones overtake them.
pub const LATE: Duration = Duration::from_secs(3);
/// Wake-up bytes sent before a frame.
pub const PREAMBLE: usize = 4;
/// Wake-up bytes allowed for in an answer before its header counts as late.
const ANSWER_PREAMBLE: usize = 8;

/// How long things take on this line with this meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// One character, start and stop bits included (11 bits at 8E1).
    pub character: Duration,
    /// What the path adds to an answer at most: USB latency, network, radio.
    pub slack: Duration,
    /// Longest time until the meter begins its answer.
    pub turnaround: Duration,
    /// The same for security commands (03H).
    pub secure_turnaround: Duration,
    /// Longest pause inside an answer.
    pub gap: Duration,
    /// How long after a question a late answer to it may still turn up.
    pub late: Duration,
    /// Wake-up bytes to send before each frame.
    pub preamble: usize,
}

impl Timing {
    /// The standard's times on a line with this character time and slack.
    pub fn new(character: Duration, slack: Duration) -> Self {
        Self {
            character,
            slack,
            turnaround: TURNAROUND,
            secure_turnaround: SECURE_TURNAROUND,
            gap: GAP,
            late: LATE,
            preamble: PREAMBLE,
        }
    }

    fn wire(&self, count: usize) -> Duration {
        self.character.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// Why there is no answer to work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Nothing came at all.
    #[error("no answer")]
    Silent,
    /// Bytes came, but no answer to this question.
    #[error("garbled answer")]
    Garbled,
    /// Only another meter answered.
    #[error("meter {0} answered instead")]
    WrongAddress(Address),
    /// The meter refused.
    #[error("refused: {0}")]
    Refused(ErrorWord),
    /// The answer's data have the wrong length or contents for this question.
    #[error("answer of the wrong form")]
    Form,
    /// The answer does not end.
    #[error("answer has too many parts")]
    Endless,
}
