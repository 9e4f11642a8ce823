//! Who works with a handheld, what that person may do, and how much may happen offline.

use std::fmt;
use std::str::FromStr;

use super::numbered::numbered;
use super::{Credit, CreditUnit, UnixSeconds};

/// An operator's number or short name: 1 to 16 of a-z, 0-9 and `-`. Digits alone can be typed on a
/// keypad.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperatorId(String);

/// Not an operator's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 16 of a-z, 0-9 and '-', got {0:?}")]
pub struct NotAnOperator(pub String);

impl OperatorId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperatorId {
    type Err = NotAnOperator;
    fn from_str(text: &str) -> Result<Self, NotAnOperator> {
        let good = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        if (1..=16).contains(&text.len()) && text.as_bytes().iter().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnOperator(text.to_owned()))
        }
    }
}

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

numbered! {
    /// What a person is employed for (`reference/field-work.md` 1d).
    Role {
        /// Recharges meters.
        Recharge = 1, "recharge";
        /// Sells, refunds, closes accounts.
        Finance = 2, "finance";
        /// Maintenance in the field.
        Field = 3, "field";
        /// Installs and commissions meters.
        Installer = 4, "installer";
        /// Reads and proves; changes nothing.
        Auditor = 5, "auditor";
        /// All of it, everywhere, and other people's log-ins.
        Supervisor = 6, "supervisor";
    }
}

numbered! {
    /// What can be done. The number is a bit in a grant.
    Verb {
        /// Read meters, tokens, journal.
        Read = 0, "read";
        /// Recharge a meter, and find out what became of a recharge.
        Recharge = 1, "recharge";
        /// Take tokens in from a file or a QR code.
        Import = 2, "import";
        /// Trip, close, keep-power, restore prepaid.
        Control = 3, "control";
        /// Write parameters and bundles.
        Parameters = 4, "parameters";
        /// Commission a meter.
        Commission = 5, "commission";
        /// Swap a meter.
        Swap = 6, "swap";
        /// Open and close accounts.
        Account = 7, "account";
        /// Refund and reverse.
        Refund = 8, "refund";
        /// Log-ins of others: activate, remove, free after lock-out.
        Supervise = 9, "supervise";
    }
}

/// A set of verbs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Verbs(u32);

impl Verbs {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// These verbs.
    pub fn of(verbs: &[Verb]) -> Self {
        Self(verbs.iter().fold(0, |bits, verb| bits | 1 << verb.number()))
    }

    /// The bits of a grant; `None` if one has no meaning here.
    pub fn from_bits(bits: u32) -> Option<Self> {
        let all = Self::of(Verb::ALL);
        (bits & !all.0 == 0).then_some(Self(bits))
    }

    /// The bits that are stored and signed.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether a verb is in it.
    pub fn has(self, verb: Verb) -> bool {
        self.0 & 1 << verb.number() != 0
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The verbs, in order.
    pub fn list(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.iter().copied().filter(move |verb| self.has(*verb))
    }
}

impl fmt::Debug for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.list().map(Verb::name)).finish()
    }
}

impl Role {
    /// The most a person in this role may be granted. A grant beyond it does not reach further.
    pub fn verbs(self) -> Verbs {
        use Verb::{
            Account, Commission, Control, Import, Parameters, Read, Recharge, Refund, Supervise,
            Swap,
        };
        match self {
            Self::Recharge => Verbs::of(&[Read, Recharge, Import]),
            Self::Finance => Verbs::of(&[Read, Recharge, Import, Account, Refund]),
            Self::Field => Verbs::of(&[Read, Recharge, Import, Control, Parameters, Swap]),
            Self::Installer => Verbs::of(&[Read, Import, Parameters, Commission, Swap, Account]),
            Self::Auditor => Verbs::of(&[Read]),
            Self::Supervisor => Verbs::of(&[
                Read, Recharge, Import, Control, Parameters, Commission, Swap, Account, Refund,
                Supervise,
            ]),
        }
    }
}

/// A limit in two steps: at `soft` the screen warns, beyond `hard` the act is refused. The hard one
/// itself may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// From here on there is a warning.
    pub soft: i64,
    /// The most there may be.
    pub hard: i64,
}

/// How much money may be moved before the office has heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Number of money acts.
    pub acts: Cap,
    /// Their sum in yuan, fen.
    pub yuan: Cap,
    /// Their sum in kWh, 0.01 kWh.
    pub kwh: Cap,
    /// Age of the oldest, seconds.
    pub age_s: Cap,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The number of acts.
    Acts,
    /// The sum in yuan.
    Yuan,
    /// The sum in kWh.
    Kwh,
    /// The age of the oldest act.
    Age,
}

/// Money acts the office has not acknowledged: those that were sent, whatever became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposure {
    /// How many.
    pub acts: u32,
    /// Their sum in yuan, fen.
    pub yuan: i64,
    /// Their sum in kWh, 0.01 kWh.
    pub kwh: i64,
    /// When the oldest was begun.
    pub oldest: Option<UnixSeconds>,
}

impl Exposure {
    /// With one more act.
    #[must_use]
    pub fn plus(mut self, credit: Credit, at: UnixSeconds) -> Self {
        self.acts = self.acts.saturating_add(1);
        match credit.unit {
            CreditUnit::Yuan => self.yuan = self.yuan.saturating_add(credit.value),
            CreditUnit::Kwh => self.kwh = self.kwh.saturating_add(credit.value),
        }
        self.oldest = Some(self.oldest.map_or(at, |old| old.min(at)));
        self
    }

    /// The figure a limit speaks of, at a moment.
    pub fn value(&self, limit: Limit, now: UnixSeconds) -> i64 {
        match limit {
            Limit::Acts => i64::from(self.acts),
            Limit::Yuan => self.yuan,
            Limit::Kwh => self.kwh,
            Limit::Age => self.oldest.map_or(0, |oldest| now.0.saturating_sub(oldest.0).max(0)),
        }
    }
}

impl Caps {
    /// No limit at all: for what has none yet, and for tests.
    pub const NONE: Self = {
        let cap = Cap { soft: i64::MAX, hard: i64::MAX };
        Self { acts: cap, yuan: cap, kwh: cap, age_s: cap }
    };

    /// The two steps of one limit.
    pub fn cap(&self, limit: Limit) -> Cap {
        match limit {
            Limit::Acts => self.acts,
            Limit::Yuan => self.yuan,
            Limit::Kwh => self.kwh,
            Limit::Age => self.age_s,
        }
    }

    /// The first hard limit an exposure is beyond at a moment: ask with the act included. The age
    /// counts as reached at the limit, for time goes on.
    pub fn exceeded(&self, exposure: &Exposure, now: UnixSeconds) -> Option<Limit> {
        self.first(exposure, now, |value, cap| value > cap.hard)
    }

    /// The first soft limit an exposure has reached.
    pub fn warned(&self, exposure: &Exposure, now: UnixSeconds) -> Option<Limit> {
        self.first(exposure, now, |value, cap| value >= cap.soft)
    }

    fn first(
        &self,
        exposure: &Exposure,
        now: UnixSeconds,
        reached: impl Fn(i64, Cap) -> bool,
    ) -> Option<Limit> {
        let all = [Limit::Acts, Limit::Yuan, Limit::Kwh, Limit::Age];
        all.into_iter().find(|limit| reached(exposure.value(*limit, now), self.cap(*limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_hold_only_known_bits() {
        let all = Verbs::of(Verb::ALL);
        assert_eq!(Verbs::from_bits(all.bits()), Some(all));
        assert_eq!(Verbs::from_bits(1 << 10), None);
        assert!(Role::Auditor.verbs().list().eq([Verb::Read]));
        assert!(Role::ALL.iter().all(|role| role.verbs().has(Verb::Read)));
        let above = Role::Supervisor.verbs();
        assert!(Role::ALL.iter().all(|role| role.verbs().and(above) == role.verbs()));
    }

    #[test]
    fn a_hard_limit_may_be_reached_and_not_passed() {
        let cap = |soft, hard| Cap { soft, hard };
        let caps = Caps { acts: cap(1, 2), yuan: cap(50, 100), ..Caps::NONE };
        let credit = Credit { value: 50, unit: CreditUnit::Yuan };
        let at = UnixSeconds(10);
        let one = Exposure::default().plus(credit, at);
        assert_eq!((caps.warned(&one, at), caps.exceeded(&one, at)), (Some(Limit::Acts), None));
        let two = one.plus(credit, at);
        assert_eq!(caps.exceeded(&two, at), None);
        let more = two.plus(Credit { value: 1, unit: CreditUnit::Kwh }, at);
        assert_eq!(caps.exceeded(&more, at), Some(Limit::Acts));
        let old = Caps { age_s: cap(10, 20), ..Caps::NONE };
        assert_eq!(old.exceeded(&one, UnixSeconds(30)), None);
        assert_eq!(old.exceeded(&one, UnixSeconds(31)), Some(Limit::Age));
    }
}
