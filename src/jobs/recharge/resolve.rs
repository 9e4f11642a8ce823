//! "What happened?": finding out what became of a recharge whose outcome is not known, or whose
//! frame arrived late.

use super::{HISTORY, QUIET_S, address, finish, finished, unproven};
use crate::jobs::evidence::{self, How, Seen};
use crate::jobs::failure::{self, fail};
use crate::jobs::read_back::{self, Case, read_back};
use crate::jobs::views::{Failure, FinishedView, Stage};
use crate::jobs::{Desk, Line, check};
use crate::report::Code;
use crate::store::{Event, OpenIntent, TokenRow, TokenState};
use crate::units::{Decision, IntentFacts, MeterNo, Outcome};

/// "What happened?": reads a meter back whose recharge has no known outcome, or whose last one was
/// read back as not applied and may have arrived late.
///
/// # Errors
/// [`Code::NoIntent`] when there is nothing to find out; [`Code::IntentOpen`] when the evidence was
/// contradictory before and only the office may settle it; store failures.
pub fn resolve(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    meter: MeterNo,
) -> Result<FinishedView, Failure> {
    let Some(OpenIntent { facts, before, disputed, at, .. }) = desk.store.open_intent(meter) else {
        return resolve_late(desk, line, meter);
    };
    if disputed {
        return Err(fail(Code::IntentOpen, format!("{meter}: {}", facts.token)));
    }
    (line.progress)(Stage::ReadingBack, 0, read_back::ROUNDS);
    let address = address(desk, line, meter)?;
    let case = Case { facts, before: &before, address: &address };
    line.doubtful = true;
    let mut judgement = read_back(line, &case, None);
    let quiet = facts.act.is_debit() && line.now().0.saturating_sub(at.0) >= QUIET_S;
    let sure = quiet || check::may_resend(line.profile, facts.act);
    if judgement.decision == Decision::NotApplied && !sure {
        judgement = unproven(judgement, facts.act);
    }
    finish(desk, line, facts, before, judgement)
}

/// Looks for a token of this meter that was sent and read back as not applied.
fn resolve_late(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    meter: MeterNo,
) -> Result<FinishedView, Failure> {
    let none = || fail(Code::NoIntent, meter.to_string());
    // Only a credit leaves a record by which a late one can be told.
    let sent = |row: &TokenRow| {
        row.sent && row.state == TokenState::NotApplied && !row.facts.act.is_debit()
    };
    let row = desk.store.tokens_for(meter).into_iter().find(sent).ok_or_else(none)?;
    let facts = row.facts.intent();
    let how = How::of(&facts);
    let address = address(desk, line, meter)?;
    let seen = evidence::take(line, meter, &address, how)?;
    if seen.evidence.count <= facts.count_before {
        return Err(none());
    }
    settle_late(desk, line, &facts, &seen)?.ok_or_else(none)
}

/// A count ahead, with an earlier send of this token on record: a late frame may have booked it.
/// `None` when the journal has no such send, or the reading does not prove it.
pub(super) fn settle_late(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    facts: &IntentFacts,
    seen: &Seen,
) -> Result<Option<FinishedView>, Failure> {
    let history = desk.store.events_for(facts.meter, true, HISTORY);
    let before = history.into_iter().find_map(|entry| match entry.event {
        Event::Intent { facts: sent, before } if sent.token == facts.token => Some(before),
        _ => None,
    });
    let Some(before) = before else { return Ok(None) };
    let address = address(desk, line, facts.meter)?;
    let case = Case { facts: *facts, before: &before, address: &address };
    let judgement = read_back::again(line, &case, seen);
    if judgement.decision.outcome() != Outcome::Accepted {
        return Ok(None);
    }
    let position = desk
        .store
        .late_outcome(&desk.stamp(line), facts.token, judgement.clone())
        .map_err(|error| failure::store(&error))?;
    Ok(Some(finished(*facts, before, judgement, position.seq)))
}
