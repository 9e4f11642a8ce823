//! Longer errands: what is done at many meters or in many steps, and may be interrupted.
//!
//! The journal remembers each step by its name, so that an errand goes on where it was left.

use super::numbered::numbered;
use std::fmt;
use std::str::FromStr;

numbered! {
    /// What a longer errand is.
    ErrandKind {
        /// An old meter out, a new one in.
        Swap = 1, "swap";
        /// An account opened, closed, refunded or put right.
        Account = 2, "account";
        /// Relay commands, and the settings that go with them.
        Control = 3, "control";
        /// A signed set of parameters.
        Bundle = 4, "bundle";
        /// A meter put into service.
        Commission = 5, "commission";
        /// A list of meters to read.
        Round = 6, "round";
    }
}

numbered! {
    /// How far one step of an errand came.
    StepState {
        /// About to be done. What changes a meter has this on disk before its first byte leaves.
        Begun = 1, "begun";
        /// Done, and seen in the meter where it changed one.
        Done = 2, "done";
        /// The meter, or a rule, said no.
        Refused = 3, "refused";
        /// Did not work; may be tried again.
        Failed = 4, "failed";
        /// Left out by a person.
        Skipped = 5, "skipped";
        /// It may have happened or not: look before it is done again.
        Unknown = 6, "unknown";
    }
}

numbered! {
    /// What is remembered of a meter until it is undone.
    Mark {
        /// Its credit control is off: it is kept on whatever its balance.
        KeepPower = 1, "keep-power";
        /// It was swapped out: it must not show up with money again.
        SwappedOut = 2, "swapped-out";
        /// A set of tariffs is written in part; its switch time is not.
        TariffPending = 3, "tariff-pending";
        /// Tripped by a command of ours.
        Tripped = 4, "tripped";
    }
}

numbered! {
    /// What one money act of a swap does. There is at most one credit: the provisional one takes
    /// the place of the other.
    SwapLeg {
        /// Takes the balance out of the old meter.
        Out = 1, "out";
        /// Opens the new meter's account, without a credit.
        Open = 2, "open";
        /// Credits the new meter with what was taken out of the old one.
        In = 3, "in";
        /// Credits the new meter with what the office leaves for a dead one.
        Provisional = 4, "provisional";
    }
}

/// Names in a swap's entries of the journal that the office follows too.
pub mod swap_step {
    /// Note of the entry that begins the errand: the identity of the office's leave.
    pub const LEAVE: &str = "leave";
    /// The old account's debt goes to the new one; its note [`AMOUNT`] says how much.
    pub const ARREARS: &str = "arrears";
    /// The new meter has the old one's customer and place.
    pub const BOUND: &str = "meter-bound";
    /// Note: an amount, hundredths.
    pub const AMOUNT: &str = "amount";
}

/// Identity of a longer errand, a work order: random, drawn when it begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkId(pub [u8; 16]);

impl WorkId {
    /// The last eight digits, for lists.
    pub fn short(&self) -> String {
        self.to_string().split_off(24)
    }
}

impl fmt::Display for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkId({self})")
    }
}

impl FromStr for WorkId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let odd = || format!("{text:?} is not a work order: 32 digits and letters a-f");
        let digits = text.as_bytes();
        if digits.len() != 32 || !text.is_ascii() {
            return Err(odd());
        }
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| odd())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| odd())?;
        }
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errand_is_read_as_it_is_written() {
        let id = WorkId([0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0x5f]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.short(), "0c0d0e5f");
        for text in ["", "ab", &"g".repeat(32), &"+1".repeat(16)[..31], &"ä".repeat(16)] {
            assert!(text.parse::<WorkId>().is_err(), "{text}");
        }
    }
}
