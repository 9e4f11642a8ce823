//! How much: what is taken out of an old meter, and what may be credited for one that is dead.
//!
//! Pure, in integers. Nothing here trusts a meter that was not read: for a dead one the last proved
//! balance counts, less what can have been used since.

use crate::jobs::judge::{self, Limits};
use crate::store::SwapFacts;
use crate::units::{Energy, Evidence, UnixSeconds};

/// Shortest time between two readings that tells how much a customer uses, seconds: a day.
const DAY_S: i64 = 86_400;

/// What is taken out of the old meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    /// How much, hundredths; 0 for nothing.
    pub amount: i64,
    /// What stays in the old meter.
    pub stays: i64,
    /// Why nothing is taken, or not all.
    pub why: &'static str,
}

/// What is taken out, by a reading. From the second attempt on a little more stays each time: the
/// load goes on while a debit is made, and a meter refuses more than it holds.
pub fn take(facts: &SwapFacts, seen: &Evidence, limits: Limits, attempt: u32) -> Take {
    let holds = seen.balance.value.saturating_sub(seen.overdraft.max(0)).max(0);
    // What consumption may do between two readings, at rest: a debit must be told from it.
    let grain = judge::window(
        seen,
        &Evidence { energy: seen.energy.or(Some(Energy(0))), ..seen.clone() },
        limits,
    );
    let spare = match attempt {
        0 | 1 => 0,
        more => grain.saturating_mul(1 << (more - 2).min(20)),
    };
    let amount = holds.saturating_sub(spare).min(facts.most);
    let (amount, why) = match () {
        () if seen.overdraft > 0 => (0, "in-arrears"),
        () if holds == 0 => (0, "balance-empty"),
        () if facts.most == 0 => (0, "not-allowed"),
        () if amount <= least(seen, limits) => (0, "too-little"),
        () if amount < holds && amount == facts.most => (amount, "limit"),
        () if amount < holds => (amount, "load-runs"),
        () => (amount, "all"),
    };
    Take { amount, stays: holds.saturating_sub(amount), why }
}

/// A debit of this much or less cannot be told from consumption; as `check::told_apart` has it.
fn least(seen: &Evidence, limits: Limits) -> i64 {
    let read_at = UnixSeconds(seen.read_at.0.saturating_add(90));
    let later = Evidence { read_at, ..seen.clone() };
    judge::window(seen, &later, limits).saturating_mul(2)
}

/// What is known of a balance that cannot be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whether this handheld has any reading of it; without one all figures are zero.
    pub known: bool,
    /// The last proved balance less overdraft, hundredths.
    pub proved: i64,
    /// The debt then.
    pub overdraft: i64,
    /// How old that is, seconds.
    pub age_s: i64,
    /// What was used since at most, hundredths.
    pub used: i64,
    /// Whether that is from the customer's own average; otherwise from the largest load there can
    /// be.
    pub average: bool,
    /// What to credit: within the leave, and not more than there can be left.
    pub amount: i64,
}

/// What may be credited, by the readings in the journal (newest first).
pub fn claim(facts: &SwapFacts, seen: &[Evidence], limits: Limits, now: UnixSeconds) -> Claim {
    let Some(last) = seen.first() else {
        return Claim {
            known: false,
            proved: 0,
            overdraft: 0,
            age_s: 0,
            used: 0,
            average: false,
            amount: 0,
        };
    };
    let age_s = now.0.saturating_sub(last.read_at.0).max(0);
    let proved = last.balance.value.saturating_sub(last.overdraft.max(0));
    // Without energy: the largest load for all of the time, at the dearest price.
    let (before, after) = (
        Evidence { energy: None, ..last.clone() },
        Evidence { energy: None, read_at: now.max(last.read_at), ..last.clone() },
    );
    let most = judge::window(&before, &after, limits);
    let (used, average) = match average(seen, age_s, limits) {
        Some(used) if used < most => (used, true),
        _ => (most, false),
    };
    // A reading of this moment has not been used up by any load.
    let used = if age_s <= crate::jobs::recharge::FRESH_S { 0 } else { used };
    let amount = proved.saturating_sub(used).clamp(0, facts.provisional);
    let overdraft = last.overdraft.max(0);
    Claim { known: true, proved, overdraft, age_s, used, average, amount }
}

/// What the customer uses in that time by the energy between two readings a day or more apart.
fn average(seen: &[Evidence], age_s: i64, limits: Limits) -> Option<i64> {
    let last = seen.first()?;
    let apart = |e: &&Evidence| last.read_at.0.saturating_sub(e.read_at.0) >= DAY_S;
    let before = seen.iter().find(apart)?;
    let (was, is) = (before.energy?, last.energy?);
    let time = last.read_at.0.saturating_sub(before.read_at.0);
    let flowed = is.0.checked_sub(was.0).filter(|flowed| *flowed >= 0)?;
    let flows = i128::from(flowed) * i128::from(age_s) / i128::from(time) + 1;
    let used = Energy(was.0.checked_add(i64::try_from(flows).ok()?)?);
    let after = Evidence { energy: Some(used), ..last.clone() };
    Some(judge::window(&Evidence { energy: Some(was), ..last.clone() }, &after, limits))
}
