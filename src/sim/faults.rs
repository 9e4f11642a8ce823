//! What can go wrong inside a meter, by chance (seeded) or on request.
//!
//! Faults of the line (lost, doubled, damaged bytes) belong to `transport`. Faults here happen in
//! the meter: it answers late or never, books and then loses power, books half.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::noise::Noise;
use super::setup::as_optional_text;
use crate::units::AccountNo;

/// Most faults that can wait to happen.
pub const ARMED_MAX: usize = 64;

/// One thing going wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The request goes unheard.
    NoReply,
    /// The answer comes so much later.
    Slow(Duration),
    /// The answer has a damaged byte, so that its checksum is wrong.
    Garbled,
    /// The request is obeyed, the answer is not sent.
    LostAck,
    /// The meter restarts before it stores anything, and is silent so long.
    RebootBefore(Duration),
    /// The meter restarts after it has stored everything, and is silent so long.
    RebootAfter(Duration),
    /// The meter restarts between storing count and record, and storing the balance: the count has
    /// moved, the balance has not (public firmware, `0x070102ff`). Silent so long.
    TornWrite(Duration),
    /// Count and records are lost just before the request is looked at. The customer number is
    /// kept, or replaced.
    CounterReset {
        /// The customer number afterwards, if it changes too.
        #[serde(with = "as_optional_text")]
        account: Option<AccountNo>,
    },
}

/// What kind of request a fault can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// Changes nothing.
    Read,
    /// Stores a parameter or works the relay.
    Write,
    /// Moves money.
    Money,
}

impl Fault {
    fn meets(self, request: Request) -> bool {
        match self {
            Self::NoReply | Self::Slow(_) | Self::Garbled => true,
            Self::LostAck | Self::RebootBefore(_) | Self::RebootAfter(_) => {
                request != Request::Read
            }
            Self::TornWrite(_) | Self::CounterReset { .. } => request == Request::Money,
        }
    }
}

/// How often what goes wrong, of a thousand requests it can meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRates {
    /// [`Fault::NoReply`].
    pub no_reply: u16,
    /// [`Fault::Slow`].
    pub slow: u16,
    /// By how much; the answer is between half and all of this late.
    pub slow_ms: u64,
    /// [`Fault::Garbled`].
    pub garbled: u16,
    /// [`Fault::LostAck`].
    pub lost_ack: u16,
    /// [`Fault::RebootBefore`].
    pub reboot_before: u16,
    /// [`Fault::RebootAfter`].
    pub reboot_after: u16,
    /// [`Fault::TornWrite`].
    pub torn_write: u16,
    /// [`Fault::CounterReset`] that keeps the customer number.
    pub counter_reset: u16,
    /// How long a restart takes.
    pub reboot_ms: u64,
}

impl Default for FaultRates {
    fn default() -> Self {
        Self {
            no_reply: 0,
            slow: 0,
            slow_ms: 1_500,
            garbled: 0,
            lost_ack: 0,
            reboot_before: 0,
            reboot_after: 0,
            torn_write: 0,
            counter_reset: 0,
            reboot_ms: 4_000,
        }
    }
}

/// The faults of one meter: chances, and those waiting to happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Faults {
    noise: Noise,
    armed: VecDeque<Fault>,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self { noise: Noise::new(seed), armed: VecDeque::new() }
    }

    /// Puts a fault in the queue; beyond [`ARMED_MAX`] it is not taken.
    pub(super) fn arm(&mut self, fault: Fault) -> bool {
        let room = self.armed.len() < ARMED_MAX;
        if room {
            self.armed.push_back(fault);
        }
        room
    }

    /// What goes wrong with this request: the first armed fault that can meet it, else chance.
    pub(super) fn strike(&mut self, request: Request, rates: &FaultRates) -> Option<Fault> {
        let waiting = self.armed.iter().position(|fault| fault.meets(request));
        let by_chance = self.by_chance(request, rates);
        waiting.and_then(|at| self.armed.remove(at)).or(by_chance)
    }

    fn by_chance(&mut self, request: Request, rates: &FaultRates) -> Option<Fault> {
        let reboot = Duration::from_millis(rates.reboot_ms);
        let half = rates.slow_ms / 2;
        let slow = Duration::from_millis(half + self.noise.draw() % (half + 1));
        let odds = [
            (rates.counter_reset, Fault::CounterReset { account: None }),
            (rates.torn_write, Fault::TornWrite(reboot)),
            (rates.reboot_before, Fault::RebootBefore(reboot)),
            (rates.reboot_after, Fault::RebootAfter(reboot)),
            (rates.lost_ack, Fault::LostAck),
            (rates.no_reply, Fault::NoReply),
            (rates.garbled, Fault::Garbled),
            (rates.slow, Fault::Slow(slow)),
        ];
        let mut struck = None;
        for (per_mille, fault) in odds {
            let hit = self.noise.chance(per_mille);
            if hit && struck.is_none() && fault.meets(request) {
                struck = Some(fault);
            }
        }
        struck
    }

    /// Damages one byte of an answer.
    pub(super) fn garble(&mut self, bytes: &mut [u8]) {
        let at = (self.noise.draw() % bytes.len().max(1) as u64) as usize;
        // Not the wake-up bytes in front: a changed one would do no harm.
        let at = at.max(bytes.iter().position(|byte| *byte == 0x68).unwrap_or(0));
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << (at % 7 + 1);
        }
    }
}
