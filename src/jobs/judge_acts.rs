//! What a read-back means for the acts that are no recharge: a debit, an opened account.
//!
//! A debit takes no step of the purchase count, so nothing but the balance tells what became of it;
//! it is decided only where consumption cannot have moved the balance as far as the debit. An
//! opening sets the customer number; with a first credit it takes a step like a recharge.

use super::evidence::written::Written;
use super::judge::{Case, Limits, ROUNDING, decide, net};
use crate::units::{Decision, Evidence, IntentFacts, Judgement, PurchaseRecord};

/// A debit's judgement held against what the meter wrote down of it. The balance alone cannot tell
/// one debit from another of the same amount.
pub fn by_record(judgement: Judgement, written: Option<Written>) -> Judgement {
    let Some(Written { own, others }) = written else { return judgement };
    let decision = match (judgement.decision, own) {
        // The balance fell, and the meter wrote down who took it: somebody else.
        (Decision::Confirmed, 0) if others > 0 => Decision::Contradiction,
        (Decision::Confirmed, 2..) | (Decision::NotApplied, 1..) => Decision::Contradiction,
        (decision, _) => decision,
    };
    Judgement { decision, ..judgement }
}

/// How far the balance fell beside a debit, where that is not the debit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fall {
    /// By how much it fell, hundredths.
    pub fell: i64,
    /// How often the amount went, where that explains it.
    pub times: Option<i64>,
    /// How much too much went; less than nothing: so much is lacking. To the fen where `times` is
    /// known; else consumption is in it.
    pub excess: i64,
}

/// What is missing, or too much, after a debit whose evidence is not that of a debit made once.
pub fn fall(
    facts: &IntentFacts,
    before: &Evidence,
    after: &Evidence,
    limits: Limits,
) -> Option<Fall> {
    let case = Case { facts, before, after, limits };
    let units = [after.balance.unit, before.balance.unit] == [facts.credit.unit; 2];
    let (amount, window) = (case.amount(), case.window());
    if !facts.act.is_debit() || !units || amount <= 0 || after.meter != facts.meter {
        return None;
    }
    let fell = net(before).saturating_sub(net(after));
    let nearest = fell.saturating_add(ROUNDING).div_euclid(amount);
    let rest = fell.saturating_sub(nearest.saturating_mul(amount));
    // A window as wide as the amount leaves more than one number of times.
    let times = (rest <= window && window < amount).then_some(nearest);
    let excess = match times {
        Some(times) => (times - 1).saturating_mul(amount),
        None => fell.saturating_sub(amount),
    };
    Some(Fall { fell, times, excess })
}

impl Case<'_> {
    /// A refund, a reversal, the debit of a swap.
    pub(super) fn taken_out(&self) -> Decision {
        let Case { facts, before, after, .. } = *self;
        if after.account != Some(facts.account) || after.count < facts.count_before {
            return Decision::Reset;
        }
        let units = [after.balance.unit, before.balance.unit];
        if units != [facts.credit.unit; 2] || after.count != facts.count_before {
            // A credit came in between: what the balance shows is the sum of both.
            return Decision::Contradiction;
        }
        let (amount, window) = (self.amount(), self.window());
        let fell = net(before).saturating_sub(net(after));
        let within = |least: i64| {
            fell >= least.saturating_sub(ROUNDING) && fell <= least.saturating_add(window)
        };
        match (within(0), within(amount)) {
            (true, false) => Decision::NotApplied,
            (false, true) => Decision::Confirmed,
            // Consumption may have taken as much as the debit would have.
            (true, true) => Decision::Contradiction,
            // Less than all of it, or more than once.
            (false, false) if fell > 0 => Decision::TornWrite,
            (false, false) => Decision::Contradiction,
        }
    }

    /// An account opened. Without a credit the customer number is all that moves.
    pub(super) fn opened(&self, record: Option<PurchaseRecord>) -> Decision {
        let Case { facts, before, after, .. } = *self;
        if after.count < facts.count_before {
            return Decision::Reset;
        }
        let stepped = after.count > facts.count_before;
        if after.account != Some(facts.account) {
            // Still as it was: nothing happened. Anybody else's number: somebody else did.
            let same = after.account == before.account && !stepped;
            return if same { Decision::NotApplied } else { Decision::Reset };
        }
        match (self.amount(), stepped) {
            (0, false) => Decision::Confirmed,
            // Our number, and a purchase that is not ours.
            (0, true) => Decision::Contradiction,
            // The number was there before; whether the credit came the count tells.
            (_, false) if before.account == Some(facts.account) => Decision::NotApplied,
            // The number moved and the count did not: half an opening.
            (_, false) => Decision::TornWrite,
            (_, true) => decide(self, record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{Limits, judge};
    use super::*;
    use crate::units::{
        Act, Credit, CreditUnit, Energy, Evidence, IntentFacts, PurchaseCount, TokenId, UnixSeconds,
    };

    const LIMITS: Limits = Limits { price_fen_per_kwh: 200, power_w: 13_200 };

    fn facts(act: Act, value: i64) -> IntentFacts {
        IntentFacts {
            token: TokenId([1; 16]),
            meter: "47".parse().unwrap(),
            account: "112233445566".parse().unwrap(),
            count_before: PurchaseCount(6),
            credit: Credit { value, unit: CreditUnit::Yuan },
            act,
            order: [0; 8],
        }
    }

    fn shows(balance: i64, count: u32, account: Option<&str>, energy: i64) -> Evidence {
        Evidence {
            meter: "47".parse().unwrap(),
            account: account.map(|digits| digits.parse().unwrap()),
            count: PurchaseCount(count),
            balance: Credit { value: balance, unit: CreditUnit::Yuan },
            overdraft: 0,
            last_purchase: None,
            energy: Some(Energy(energy)),
            meter_clock: None,
            relay: None,
            read_at: UnixSeconds(1_800_000_000),
            frames_digest: [0; 32],
        }
    }

    const OURS: Option<&str> = Some("112233445566");

    fn debit(value: i64, after: &Evidence) -> Decision {
        let before = shows(10_000, 6, OURS, 100);
        judge(&facts(Act::Refund, value), &before, Some(after), None, None, LIMITS).decision
    }

    #[test]
    fn a_debit_is_told_from_consumption_or_not_told_at_all() {
        // 0.02 kWh flowed: at most (2 + 1) * 200 / 100 + 2 = 8 fen.
        let after = |balance| shows(balance, 6, OURS, 102);
        for (value, balance, want) in [
            (5_000, 5_000, Decision::Confirmed),
            (5_000, 4_992, Decision::Confirmed),
            (5_000, 4_991, Decision::TornWrite),
            (5_000, 5_001, Decision::Confirmed),
            (5_000, 5_002, Decision::TornWrite),
            (5_000, 10_000, Decision::NotApplied),
            (5_000, 9_992, Decision::NotApplied),
            (5_000, 9_991, Decision::TornWrite),
            (5_000, 0, Decision::TornWrite),
            (5_000, 10_002, Decision::Contradiction),
            (10_000, 0, Decision::Confirmed),
            (5, 9_994, Decision::Contradiction),
            (5, 9_988, Decision::Confirmed),
        ] {
            assert_eq!(debit(value, &after(balance)), want, "{value} of 10000: {balance}");
        }
        assert_eq!(debit(5_000, &shows(5_000, 7, OURS, 102)), Decision::Contradiction);
        assert_eq!(debit(5_000, &shows(5_000, 5, OURS, 102)), Decision::Reset);
        assert_eq!(debit(5_000, &shows(5_000, 6, Some("9"), 102)), Decision::Reset);
        assert_eq!(debit(5_000, &shows(5_000, 6, None, 102)), Decision::Reset);
        let energy = Evidence { energy: None, ..shows(5_000, 6, OURS, 0) };
        let late = Evidence { read_at: UnixSeconds(1_800_100_000), ..energy };
        assert_eq!(debit(5_000, &late), Decision::Contradiction, "a day of unknown consumption");
    }

    #[test]
    fn what_the_meter_wrote_down_decides_whose_debit_it_was() {
        let held = |decision, own, others| {
            let judgement = Judgement { decision, after: None, refusal_word: None };
            by_record(judgement, Some(Written { own, others })).decision
        };
        for (decision, own, others, want) in [
            (Decision::Confirmed, 1, 0, Decision::Confirmed),
            (Decision::Confirmed, 1, 3, Decision::Confirmed),
            // No meter is known to record refunds: none at all says nothing.
            (Decision::Confirmed, 0, 0, Decision::Confirmed),
            (Decision::Confirmed, 0, 1, Decision::Contradiction),
            (Decision::Confirmed, 2, 0, Decision::Contradiction),
            (Decision::NotApplied, 0, 1, Decision::NotApplied),
            (Decision::NotApplied, 1, 0, Decision::Contradiction),
            (Decision::TornWrite, 2, 0, Decision::TornWrite),
            (Decision::Reset, 1, 0, Decision::Reset),
            (Decision::Unreachable, 1, 0, Decision::Unreachable),
        ] {
            assert_eq!(held(decision, own, others), want, "{decision:?} {own} {others}");
        }
        let unread = Judgement { decision: Decision::Confirmed, after: None, refusal_word: None };
        assert_eq!(by_record(unread.clone(), None), unread);
    }

    #[test]
    fn a_fall_is_named_by_how_often_the_amount_went() {
        let before = shows(10_000, 6, OURS, 100);
        let facts = facts(Act::Refund, 4_000);
        let fell = |balance| fall(&facts, &before, &shows(balance, 6, OURS, 102), LIMITS).unwrap();
        for (balance, times, excess) in [
            (2_000, Some(2), 4_000),
            (1_993, Some(2), 4_000),
            (2_001, Some(2), 4_000),
            (6_000, Some(1), 0),
            (9_995, Some(0), -4_000),
            (8_000, None, -2_000),
            (10_001, Some(0), -4_000),
        ] {
            let want = Fall { fell: 10_000 - balance, times, excess };
            assert_eq!(fell(balance), want, "{balance}");
        }
        let recharge = IntentFacts { act: Act::Recharge, ..facts };
        assert_eq!(fall(&recharge, &before, &before, LIMITS), None);
    }

    #[test]
    fn an_opening_is_the_number_and_with_a_credit_the_step() {
        let opened = |value, before: Option<&str>, after: &Evidence, record| {
            let before = shows(0, 6, before, 100);
            let facts = facts(Act::Open, value);
            judge(&facts, &before, Some(after), record, None, LIMITS).decision
        };
        let still = |account| shows(0, 6, account, 100);
        let booked = shows(5_000, 7, OURS, 100);
        let record = |amount| {
            let count = PurchaseCount(7);
            Some(PurchaseRecord { count, amount, balances: Some([0, amount]) })
        };
        for (value, before, after, record, want) in [
            (0, None, still(OURS), None, Decision::Confirmed),
            (0, OURS, still(OURS), None, Decision::Confirmed),
            (0, None, still(None), None, Decision::NotApplied),
            (0, Some("9"), still(Some("9")), None, Decision::NotApplied),
            (0, None, still(Some("9")), None, Decision::Reset),
            (0, None, booked.clone(), record(5_000), Decision::Contradiction),
            (5_000, None, booked.clone(), record(5_000), Decision::Confirmed),
            (5_000, None, booked.clone(), None, Decision::ConfirmedWeak),
            (5_000, None, booked.clone(), record(4_000), Decision::Raced),
            (5_000, None, still(None), None, Decision::NotApplied),
            (5_000, OURS, still(OURS), None, Decision::NotApplied),
            (5_000, None, still(OURS), None, Decision::TornWrite),
            (5_000, None, shows(0, 5, None, 100), None, Decision::Reset),
        ] {
            assert_eq!(opened(value, before, &after, record), want, "{value} {before:?} {after:?}");
        }
    }
}
