//! What a read-back means: the decision table of a recharge, as one pure function.
//!
//! The meter's answer to a recharge is never evidence (it may be late, lost, or another's); what
//! counts is what the meter shows afterwards: account, purchase count, the purchase record of our
//! step, and balance and overdraft against what they were before. The table is
//! `docs/architecture.md`, "Money"; rows that are stricter here than there only ever turn a
//! decision into an "unknown", never the other way round.
//!
//! Between two readings the customer consumes, so balances are compared within a window worked out
//! from the energy that flowed or, without it, from the time that passed ([`Limits`]). When that
//! window is as large as the credit itself, balances prove nothing, and the best possible decision
//! is [`Decision::ConfirmedWeak`], which the office checks again.

use crate::units::{Act, CreditUnit, Decision, Evidence, IntentFacts, Judgement, PurchaseRecord};

/// What consumption can do to a balance at most. From the profile; all integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The dearest price a meter of this kind charges, fen per kWh.
    pub price_fen_per_kwh: i64,
    /// The largest load it can carry, W. Used when the energy register was not read.
    pub power_w: i64,
}

/// A register shows hundredths of something finer; two readings may each be off by one.
pub(super) const ROUNDING: i64 = 1;

/// Decides what became of a recharge, or of another money act.
///
/// `before` is the evidence in the intent, `after` the read-back (`None`: the meter could not be
/// read), `record` the purchase record of step n+1 as read back, `refusal` the meter's error word:
/// carried along for people, never weighed.
pub fn judge(
    facts: &IntentFacts,
    before: &Evidence,
    after: Option<&Evidence>,
    record: Option<PurchaseRecord>,
    refusal: Option<u16>,
    limits: Limits,
) -> Judgement {
    let decision = match after {
        Some(after) if after.meter == facts.meter => {
            let case = Case { facts, before, after, limits };
            match facts.act {
                Act::Open => case.opened(record),
                act if act.is_debit() => case.taken_out(),
                _ => decide(&case, record),
            }
        }
        // Another meter's answer says nothing about ours.
        _ => Decision::Unreachable,
    };
    let after = after.filter(|_| decision != Decision::Unreachable).cloned();
    Judgement { decision, after, refusal_word: refusal }
}

/// One act with both readings.
pub(super) struct Case<'a> {
    pub(super) facts: &'a IntentFacts,
    pub(super) before: &'a Evidence,
    pub(super) after: &'a Evidence,
    pub(super) limits: Limits,
}

pub(super) fn decide(case: &Case<'_>, record: Option<PurchaseRecord>) -> Decision {
    let Case { facts, before, after, .. } = *case;
    let step = facts.count_before.next();
    let ours = record.filter(|r| Some(r.count) == step);
    if after.account != Some(facts.account) || after.count < facts.count_before {
        return Decision::Reset;
    }
    if after.balance.unit != facts.credit.unit || before.balance.unit != facts.credit.unit {
        return Decision::Contradiction;
    }
    if after.count == facts.count_before {
        // The count says no. A grown balance or a record of our step says otherwise: a meter that
        // tore its write the other way round. To send again could credit twice.
        let grown = net(after) > net(before).saturating_add(ROUNDING);
        return if grown || ours.is_some() {
            Decision::Contradiction
        } else {
            Decision::NotApplied
        };
    }
    let latest = Some(after.count) == step;
    match (ours, latest) {
        (Some(record), _) if record.amount != facts.credit.value => Decision::Raced,
        (Some(record), true) => worse(case.by_record(record), case.by_balance()),
        (Some(record), false) => worse(case.by_record(record), case.by_next(record)),
        (None, true) => match case.by_balance() {
            Decision::Confirmed => Decision::ConfirmedWeak,
            _ => Decision::Contradiction,
        },
        (None, false) => Decision::Contradiction,
    }
}

impl Case<'_> {
    pub(super) fn amount(&self) -> i64 {
        self.facts.credit.value
    }

    /// How much of the credit may have been consumed between the two readings, hundredths.
    pub(super) fn window(&self) -> i64 {
        window(self.before, self.after, self.limits)
    }

    /// Is the record of our step sound in itself and does it start where we read the meter?
    fn by_record(&self, record: PurchaseRecord) -> Decision {
        // Count and amount are ours; where the record says no more, the balance has to.
        let Some([started, ended]) = record.balances else { return Decision::Confirmed };
        let window = self.window();
        let (balance, overdraft) = (self.before.balance.value, self.before.overdraft);
        if started > balance.saturating_add(ROUNDING) || started < balance.saturating_sub(window) {
            return Decision::Contradiction;
        }
        // Overdraft is repaid first: after = before + A - min(O, A). O can have grown since it was
        // read, but only on an empty balance.
        let grown = if started == 0 { window } else { 0 };
        let booked = |owed: i64| {
            let repaid = owed.min(self.amount());
            started.saturating_add(self.amount()).saturating_sub(repaid)
        };
        let (low, high) = (booked(overdraft.saturating_add(grown)), booked(overdraft));
        if ended < low {
            Decision::TornWrite
        } else if ended > high {
            Decision::Contradiction
        } else {
            Decision::Confirmed
        }
    }

    /// Did the balance follow the credit? Only when no later purchase moved it again.
    fn by_balance(&self) -> Decision {
        let due = net(self.before).saturating_add(self.amount());
        self.follows(due.saturating_sub(net(self.after)))
    }

    /// With later purchases the balance says nothing, but the record after ours tells where it
    /// started: there the credit must still have been.
    fn by_next(&self, ours: PurchaseRecord) -> Decision {
        let next = self.after.last_purchase.filter(|r| Some(r.count) == ours.count.next());
        match (ours.balances, next.and_then(|next| next.balances)) {
            (Some([_, after]), Some([before, _])) if after > 0 => {
                self.follows(after.saturating_sub(before))
            }
            _ => Decision::ConfirmedWeak,
        }
    }

    /// `consumed` is what is missing of the credited balance.
    fn follows(&self, consumed: i64) -> Decision {
        let window = self.window();
        if consumed < -ROUNDING {
            Decision::Contradiction
        } else if consumed > window {
            Decision::TornWrite
        } else if window >= self.amount() {
            // A write that never reached the balance would look the same.
            Decision::ConfirmedWeak
        } else {
            Decision::Confirmed
        }
    }
}

/// Credit minus debt, hundredths.
pub(super) fn net(evidence: &Evidence) -> i64 {
    evidence.balance.value.saturating_sub(evidence.overdraft)
}

/// The more doubtful of two findings: a contradiction outweighs a torn write, that a weak proof.
fn worse(one: Decision, other: Decision) -> Decision {
    let doubt = |decision: &Decision| match decision {
        Decision::Confirmed => 0,
        Decision::ConfirmedWeak => 1,
        Decision::TornWrite => 2,
        _ => 3,
    };
    std::cmp::max_by_key(one, other, doubt)
}

/// What consumption may have taken from the balance between two readings, hundredths of the
/// account's unit. Unbounded (`i64::MAX`) when neither energy nor time tells.
pub fn window(before: &Evidence, after: &Evidence, limits: Limits) -> i64 {
    let flowed = match (before.energy, after.energy) {
        (Some(was), Some(is)) if is >= was => Some(is.0.saturating_sub(was.0)),
        // A register that ran backwards tells nothing.
        (Some(_), Some(_)) => None,
        _ => {
            let seconds = after.read_at.0.saturating_sub(before.read_at.0);
            // One second of grain on either side; W x s / 36000 = 0.01 kWh.
            (seconds >= 0)
                .then(|| seconds.saturating_add(2).saturating_mul(limits.power_w) / 36_000)
        }
    };
    let Some(flowed) = flowed else { return i64::MAX };
    let flowed = flowed.saturating_add(ROUNDING);
    match after.balance.unit {
        CreditUnit::Kwh => flowed.saturating_add(ROUNDING),
        // 0.01 kWh x fen/kWh, rounded up to whole fen.
        CreditUnit::Yuan => flowed.saturating_mul(limits.price_fen_per_kwh) / 100 + 1 + ROUNDING,
    }
}
