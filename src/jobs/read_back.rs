//! Reading a meter back until the reading decides, or openly does not.
//!
//! DL/T 645's checksum is one byte, so a bad line now and then passes a wrong value; and Modbus
//! says nothing of what an answer is about. So any decision that is not plainly "confirmed" (where
//! count, record, balance and overdraft all have to fit together) must be seen in two readings in
//! a row before it counts.

use super::Line;
use super::address::BusAddress;
use super::evidence::{self, How, Seen};
use super::judge::{Limits, judge};
use super::judge_acts;
use super::views::Stage;
use crate::profile::Profile;
use crate::report::Code;
use crate::units::{Decision, Evidence, IntentFacts, Judgement};

/// Readings at most; each already repeats its questions as the profile says.
pub const ROUNDS: u32 = 4;

/// What is to be found out.
pub struct Case<'a> {
    /// What was sent.
    pub facts: IntentFacts,
    /// What the meter showed before.
    pub before: &'a Evidence,
    /// What the bus calls the meter.
    pub address: &'a BusAddress,
}

/// What consumption can do to the balance of such a meter at most.
pub fn limits(profile: &Profile) -> Limits {
    // Without rules nothing could have begun.
    let none = Limits { price_fen_per_kwh: 0, power_w: 0 };
    profile.money.as_ref().map_or(none, |rules| Limits {
        price_fen_per_kwh: rules.price_fen_per_kwh,
        power_w: rules.power_w,
    })
}

impl Case<'_> {
    fn judge(&self, line: &Line<'_>, seen: &Seen, refusal: Option<u16>) -> Judgement {
        let limits = limits(line.profile);
        let (facts, after) = (&self.facts, Some(&seen.evidence));
        let judgement = judge(facts, self.before, after, seen.record, refusal, limits);
        match facts.act.is_debit() {
            true => judge_acts::by_record(judgement, seen.written),
            false => judgement,
        }
    }
}

/// Reads back until a decision stands; [`Decision::Unreachable`] when none does.
pub fn read_back(line: &mut Line<'_>, case: &Case<'_>, refusal: Option<u16>) -> Judgement {
    rounds(line, case, refusal, None)
}

/// The same, with one reading already made.
pub fn again(line: &mut Line<'_>, case: &Case<'_>, seen: &Seen) -> Judgement {
    let first = case.judge(line, seen, None);
    if first.decision == Decision::Confirmed {
        return first;
    }
    rounds(line, case, None, Some(first.decision))
}

fn rounds(
    line: &mut Line<'_>,
    case: &Case<'_>,
    refusal: Option<u16>,
    mut last: Option<Decision>,
) -> Judgement {
    for round in 1..=ROUNDS {
        let how = How::of(&case.facts);
        match evidence::take(line, case.facts.meter, case.address, how) {
            Ok(seen) => {
                let judgement = case.judge(line, &seen, refusal);
                let decision = judgement.decision;
                if decision == Decision::Confirmed || last.replace(decision) == Some(decision) {
                    return judgement;
                }
            }
            // No use in going on: the person stopped it, or the adapter is away.
            Err(failure)
                if matches!(failure.code, Code::Cancelled | Code::LinkGone | Code::LinkFailed) =>
            {
                break;
            }
            Err(_) => {}
        }
        (line.progress)(Stage::ReadingBack, round, ROUNDS);
    }
    unreachable(refusal)
}

/// The judgement of a meter that could not be read: the recharge stays open.
pub fn unreachable(refusal_word: Option<u16>) -> Judgement {
    Judgement { decision: Decision::Unreachable, after: None, refusal_word }
}
