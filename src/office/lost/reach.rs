//! Which of the documents that are out with a lost handheld still reach a meter. Pure.
//!
//! A meter takes one credit for each step of its purchase count, in order. So of several documents
//! for one step the largest counts once, a step that is taken counts no more, and what comes after
//! a step that nobody can take is out of reach.

use super::LostWhy;
use crate::units::PurchaseCount;

/// A credit that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chance {
    /// The step it takes.
    pub step: PurchaseCount,
    /// How much.
    pub amount: i64,
    /// What the handheld itself makes of it: [`LostWhy::Live`], [`LostWhy::Replaced`] and
    /// [`LostWhy::Unheard`] may be made, or were; anything else says why not.
    pub why: LostWhy,
}

/// What is known of a meter's purchase count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// What it showed last.
    pub count: PurchaseCount,
    /// Steps of which a credit is known that took them.
    pub taken: Vec<PurchaseCount>,
    /// Steps that a document of another handheld may take.
    pub others: Vec<PurchaseCount>,
}

/// What of each chance counts, and why.
pub(super) fn reach(steps: &Steps, chances: &[Chance]) -> Vec<(LostWhy, i64)> {
    let mut found: Vec<(LostWhy, i64)> =
        chances.iter().map(|one| (stands(steps, one), one.amount)).collect();
    let mut order: Vec<usize> = (0..chances.len()).collect();
    // The largest of a step first: it is the one that counts. Of two alike the one that may be in
    // the meter, then the one the handheld has for longer.
    order.sort_by_key(|at| {
        let one = &chances[*at];
        let sure = [LostWhy::Unheard, LostWhy::Replaced].iter().position(|why| *why == one.why);
        (one.step, std::cmp::Reverse(one.amount), sure.unwrap_or(usize::MAX))
    });
    let (mut next, mut counted) = (steps.count, None);
    for at in order {
        let step = chances[at].step;
        while next < step && steps.others.contains(&next) {
            next = next.next().unwrap_or(step);
        }
        if !found[at].0.counts() {
            continue;
        }
        if step > next {
            found[at].0 = LostWhy::Behind;
        } else if counted == Some(step) {
            found[at].0 = LostWhy::SameStep;
        } else {
            counted = Some(step);
            if step == next {
                next = step.next().unwrap_or(step);
            }
        }
    }
    found.iter_mut().filter(|(why, _)| !why.counts()).for_each(|(_, amount)| *amount = 0);
    found
}

fn stands(steps: &Steps, one: &Chance) -> LostWhy {
    match one.why {
        why if !why.counts() => why,
        _ if steps.taken.contains(&one.step) => LostWhy::StepTaken,
        // Past the step, and nobody knows by what: it may have been this.
        _ if one.step < steps.count => LostWhy::Unheard,
        why => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LostWhy::{Behind, Live, OverLimit, Replaced, SameStep, StepTaken, Unheard};

    fn worth(count: u32, taken: &[u32], others: &[u32], list: &[(u32, i64, LostWhy)]) -> Vec<Why> {
        let of = |list: &[u32]| list.iter().map(|step| PurchaseCount(*step)).collect();
        let steps = Steps { count: PurchaseCount(count), taken: of(taken), others: of(others) };
        let chances = list.iter().map(|(step, amount, why)| Chance {
            step: PurchaseCount(*step),
            amount: *amount,
            why: *why,
        });
        reach(&steps, &chances.collect::<Vec<_>>())
    }

    type Why = (LostWhy, i64);

    #[test]
    fn a_step_counts_once_and_the_largest_counts() {
        let two = [(5, 100, Replaced), (5, 300, Live), (6, 50, Live)];
        assert_eq!(worth(5, &[], &[], &two), [(SameStep, 0), (Live, 300), (Live, 50)]);
    }

    #[test]
    fn what_follows_a_step_nobody_can_take_is_out_of_reach() {
        let list = [(5, 900, OverLimit), (6, 50, Live), (7, 40, Live)];
        assert_eq!(worth(5, &[], &[], &list), [(OverLimit, 0), (Behind, 0), (Behind, 0)]);
        assert_eq!(worth(5, &[], &[5], &list), [(OverLimit, 0), (Live, 50), (Live, 40)]);
        assert_eq!(worth(5, &[], &[], &list[2..]), [(Behind, 0)]);
        assert_eq!(worth(5, &[], &[5, 6], &list[2..]), [(Live, 40)]);
    }

    #[test]
    fn a_step_that_is_taken_counts_only_while_nobody_knows_by_what() {
        let list = [(5, 100, Live), (6, 50, Live)];
        assert_eq!(worth(6, &[5], &[], &list), [(StepTaken, 0), (Live, 50)]);
        assert_eq!(worth(6, &[], &[], &list), [(Unheard, 100), (Live, 50)]);
        assert_eq!(worth(9, &[5, 6], &[], &list), [(StepTaken, 0), (StepTaken, 0)]);
        assert_eq!(worth(5, &[], &[], &[(5, 7, Unheard), (6, 1, Live)]), [(Unheard, 7), (Live, 1)]);
    }
}
