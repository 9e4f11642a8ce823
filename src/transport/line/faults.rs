//! What can go wrong on a line, how likely, and a count of what really did.
//!
//! Likelihoods are whole numbers per million so that a seed replays on every machine.

use std::time::Duration;

use super::Side;

/// The faults of a line, each with its own likelihood per million ([`Faults::PERCENT`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// Where the randomness starts; the same seed and the same calls give the same faults.
    pub seed: u64,
    /// Per message: it never reaches the other end.
    pub lost: u32,
    /// Per message: it comes later than it should, by [`Faults::late_by`].
    pub late: u32,
    /// Per message: it comes twice, the second time after [`Faults::again_after`].
    pub duplicated: u32,
    /// Per message: its end is missing.
    pub truncated: u32,
    /// Per byte: one or two bits are flipped.
    pub corrupted: u32,
    /// Per byte: it is missing.
    pub dropped: u32,
    /// Per byte: a byte nobody sent comes before it.
    pub noise: u32,
    /// Per message of the tool: the tool hears itself. A million for an adapter that always does.
    pub echo: u32,
    /// The range of lateness.
    pub late_by: (Duration, Duration),
    /// The range of the pause before a second copy.
    pub again_after: (Duration, Duration),
    /// Only what this side sends is struck; both when `None`. Echo is always the tool's.
    pub only: Option<Side>,
}

impl Faults {
    /// One percent.
    pub const PERCENT: u32 = 10_000;

    /// Always.
    pub const ALWAYS: u32 = 1_000_000;

    /// A line where nothing goes wrong.
    pub const NONE: Faults = Faults {
        seed: 0,
        lost: 0,
        late: 0,
        duplicated: 0,
        truncated: 0,
        corrupted: 0,
        dropped: 0,
        noise: 0,
        echo: 0,
        // Longer than the 500 ms a DL/T 645 meter has, so that a late answer is really late.
        late_by: (Duration::from_millis(400), Duration::from_millis(2500)),
        again_after: (Duration::from_millis(5), Duration::from_millis(800)),
        only: None,
    };

    /// A bad line with every family on: about every fourth exchange of 40 bytes is struck.
    pub fn every_family(seed: u64) -> Faults {
        Faults {
            seed,
            lost: 2 * Faults::PERCENT,
            late: 2 * Faults::PERCENT,
            duplicated: 2 * Faults::PERCENT,
            truncated: 2 * Faults::PERCENT,
            corrupted: Faults::PERCENT / 10,
            dropped: Faults::PERCENT / 20,
            noise: Faults::PERCENT / 20,
            echo: 2 * Faults::PERCENT,
            ..Faults::NONE
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Faults::NONE
    }
}

/// How often each fault has struck: a test of faults must show that there were some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hits {
    /// Messages put on the line.
    pub messages: u64,
    /// Messages that never reached the other end.
    pub lost: u64,
    /// Messages that came late.
    pub late: u64,
    /// Messages that came twice.
    pub duplicated: u64,
    /// Messages cut short.
    pub truncated: u64,
    /// Bytes with flipped bits.
    pub corrupted: u64,
    /// Bytes that went missing.
    pub dropped: u64,
    /// Bytes nobody sent.
    pub noise: u64,
    /// Messages the tool heard of itself.
    pub echoed: u64,
    /// Times one message ran into another, counted at each end.
    pub collided: u64,
    /// Bytes thrown away because nobody read for too long.
    pub overrun: u64,
}

impl Hits {
    /// Each count with its name, for reports.
    pub fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("messages", self.messages),
            ("lost", self.lost),
            ("late", self.late),
            ("duplicated", self.duplicated),
            ("truncated", self.truncated),
            ("corrupted", self.corrupted),
            ("dropped", self.dropped),
            ("noise", self.noise),
            ("echoed", self.echoed),
            ("collided", self.collided),
            ("overrun", self.overrun),
        ]
    }
}
