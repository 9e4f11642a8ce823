//! What a meter showed, and what was decided from it.
//!
//! A recharge is decided from evidence read back from the meter, never from its answer
//! (`docs/architecture.md`, "Money"). These types travel from the jobs into the journal and to the
//! office, so they are plain facts: no behaviour beyond the read-back judgement's vocabulary.

use super::numbered::numbered;
use super::{AccountNo, Credit, Energy, MeterNo, PurchaseCount, TokenId, UnixSeconds, Verb};

/// One row of a meter's purchase history (DL/T 645-2007, 0332/0333).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseRecord {
    /// The purchase count after this purchase.
    pub count: PurchaseCount,
    /// Hundredths of the account's unit bought.
    pub amount: i64,
    /// Balance before and after, hundredths, where the meter keeps them with the purchase.
    pub balances: Option<[i64; 2]>,
}

/// Whether the load is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayState {
    /// The load is connected.
    Closed,
    /// The load is cut off.
    Open,
}

/// What one meter showed at one moment: the before and after of every money act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The address the meter itself gave.
    pub meter: MeterNo,
    /// The customer number stored in it; the epoch. `None` when never opened.
    pub account: Option<AccountNo>,
    /// Its purchase count.
    pub count: PurchaseCount,
    /// Remaining credit.
    pub balance: Credit,
    /// Credit used beyond zero, hundredths of the same unit.
    pub overdraft: i64,
    /// Its newest purchase record, if it has one and could be read.
    pub last_purchase: Option<PurchaseRecord>,
    /// Forward active energy, where read.
    pub energy: Option<Energy>,
    /// The meter's clock as local civil time in seconds since 1970, where read.
    pub meter_clock: Option<UnixSeconds>,
    /// Whether the load is connected, where read.
    pub relay: Option<RelayState>,
    /// The handheld's time when the reading was complete.
    pub read_at: UnixSeconds,
    /// SHA-256 over the raw frames, both directions, in order.
    pub frames_digest: [u8; 32],
}

numbered! {
    /// What a money frame does. All of them are begun by an intent and decided by reading back.
    Act {
        /// Credits what a customer bought.
        Recharge = 0, "recharge";
        /// Takes credit out of the meter, to be given back to the customer.
        Refund = 1, "refund";
        /// Credits what an old meter held.
        CarryIn = 2, "carry-in";
        /// Takes out what goes to a new meter.
        CarryOut = 3, "carry-out";
        /// Opens an account, with or without a first credit.
        Open = 4, "open";
        /// Takes out exactly one earlier recharge.
        Reversal = 5, "reversal";
    }
}

impl Act {
    /// Whether it takes credit out of the meter.
    pub fn is_debit(self) -> bool {
        matches!(self, Self::Refund | Self::CarryOut | Self::Reversal)
    }

    /// What a person must be allowed to do for it.
    pub fn verb(self) -> Verb {
        match self {
            Self::Recharge => Verb::Recharge,
            Self::Refund | Self::Reversal => Verb::Refund,
            Self::CarryIn | Self::CarryOut => Verb::Swap,
            Self::Open => Verb::Account,
        }
    }
}

/// Everything a money frame will do to a meter, fixed before the first byte leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntentFacts {
    /// The token used.
    pub token: TokenId,
    /// The meter it pins.
    pub meter: MeterNo,
    /// The epoch it pins.
    pub account: AccountNo,
    /// The purchase count the meter must show before.
    pub count_before: PurchaseCount,
    /// What is credited, or taken out.
    pub credit: Credit,
    /// Which of the two, and why.
    pub act: Act,
    /// Order number for meters that take one.
    pub order: [u8; 8],
}

/// Shows that an intent is on disk. Whoever builds a money frame must hand one over.
///
/// Not `Clone`: one proof, one frame. Only the journal makes them (`tests/it/tidy.rs` checks
/// that no other file names the constructor).
#[derive(Debug)]
pub struct IntentProof {
    facts: IntentFacts,
    seq: u64,
}

impl IntentProof {
    /// For the journal alone, after `fdatasync` returned.
    pub(crate) fn from_journal(facts: IntentFacts, seq: u64) -> Self {
        Self { facts, seq }
    }

    /// What may be sent.
    pub fn facts(&self) -> &IntentFacts {
        &self.facts
    }

    /// The journal entry that allows it.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// How a recharge ended, in the words of the design: accepted, refused, unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The credit is in the meter, proved by read-back.
    Accepted,
    /// The credit is not in the meter, proved by read-back.
    Refused,
    /// Not known, or contradictory: do not repeat; read again or let the office decide.
    Unknown,
}

/// What the read-back showed (`reference/tokens.md` 4.2), and so what was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Count n+1, our amount, balances consistent.
    Confirmed,
    /// Count n+1, record not readable, balance moved by the amount: the office checks again.
    ConfirmedWeak,
    /// Count still n: not in the meter. The token stays good for the same step.
    NotApplied,
    /// The step was taken by another credit. This token can never apply.
    Raced,
    /// The count moved and the record is ours, but the balance did not follow (torn write).
    TornWrite,
    /// The count went back, or the epoch changed: reset or replaced.
    Reset,
    /// Later purchases hide ours, or the record and the balance contradict each other.
    Contradiction,
    /// The meter could not be read. The intent stays open.
    Unreachable,
}

impl Decision {
    /// The outcome an operator is told.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Confirmed | Self::ConfirmedWeak => Outcome::Accepted,
            Self::NotApplied | Self::Raced => Outcome::Refused,
            Self::TornWrite | Self::Reset | Self::Contradiction | Self::Unreachable => {
                Outcome::Unknown
            }
        }
    }

    /// Whether the intent stays open: the meter takes no other money until it is resolved.
    pub fn keeps_intent_open(self) -> bool {
        self.outcome() == Outcome::Unknown
    }

    /// Whether another read-back on the spot could still settle it.
    pub fn may_resolve_by_reading(self) -> bool {
        self == Self::Unreachable
    }
}

/// A decision with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What was decided.
    pub decision: Decision,
    /// The read-back, unless the meter was unreachable.
    pub after: Option<Evidence>,
    /// The meter's own error word (SERR or ERR), if it gave one; not evidence, only a hint.
    pub refusal_word: Option<u16>,
}
