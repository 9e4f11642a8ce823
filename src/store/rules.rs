//! What may be recorded: the discipline around money, as pure checks over the index.
//!
//! Every refusal here is made before anything is written. The order of the checks is the order in
//! which a person would want to hear about them.

use super::error::StoreError;
use super::event::{Event, Reading, Stamp, TokenFacts};
use super::index::Index;
use super::kv::IndexError;
use super::rows::{Bounds, OpenIntent, TokenRow, TokenState};
use super::schema::{
    MAX_BODY, MAX_GRANT, MAX_NOTES, MAX_OPERATOR, MAX_READING_ITEMS, MAX_REVOKED, MAX_SENDS,
    MAX_STEP, MAX_TEXT, MAX_TOKEN,
};
use super::state::State;
use super::swap;
use crate::units::{
    Act, Credit, Decision, Evidence, IntentFacts, Judgement, Mark, MeterNo, OperatorId, Outcome,
    TokenId, UnixSeconds,
};

type Result<T> = std::result::Result<T, StoreError>;

impl From<IndexError> for StoreError {
    fn from(e: IndexError) -> Self {
        Self::Index(e.0)
    }
}

fn fits(what: &'static str, size: usize, limit: usize) -> Result<()> {
    if size <= limit { Ok(()) } else { Err(StoreError::TooBig { what, size, limit }) }
}

/// Sizes of everything that has a limit of its own.
///
/// # Errors
/// [`StoreError::TooBig`].
pub fn check_sizes(stamp: &Stamp, event: &Event) -> Result<()> {
    fits("operator", stamp.operator.len(), MAX_OPERATOR)?;
    match event {
        Event::TokenImported { bytes, .. } => fits("token", bytes.len(), MAX_TOKEN),
        Event::GrantTaken { bytes, .. } => fits("grant", bytes.len(), MAX_GRANT),
        Event::OverrideTaken { bytes, .. } => fits("override", bytes.len(), MAX_TOKEN),
        Event::SwapTaken { bytes, .. } => fits("swap", bytes.len(), MAX_TOKEN),
        Event::Revoked { ids, .. } => fits("revocations", ids.len(), MAX_REVOKED),
        Event::Software { version, .. } => fits("version", version.len(), MAX_TEXT),
        Event::UnprovenAccepted { profile, .. } => fits("profile", profile.len(), MAX_TEXT),
        Event::PinSet { how, .. } => fits("how", how.len(), MAX_TEXT),
        Event::Refused { code, .. } => fits("code", code.len(), MAX_TEXT),
        Event::Step(step) => {
            fits("step", step.name.len(), MAX_STEP)?;
            let notes = step.notes.iter().map(|(name, value)| name.len() + value.len()).sum();
            fits("notes", notes, MAX_NOTES)
        }
        Event::BundleTaken(taken) => {
            fits("name", taken.name.len(), MAX_TEXT)?;
            fits("bundle", taken.bytes.len(), MAX_TOKEN)
        }
        Event::RoundTaken(taken) => fits("name", taken.name.len(), MAX_TEXT),
        Event::Marked { note, .. } => fits("note", note.len(), MAX_TEXT),
        Event::Enrolled { tenant, office, .. } => {
            fits("tenant", tenant.len(), MAX_TEXT)?;
            fits("office", office.len(), MAX_TEXT)
        }
        Event::Reading(Reading { items, profile, values, .. }) => {
            fits("reading", items.len() + values.len(), MAX_READING_ITEMS)?;
            fits("profile", profile.len(), MAX_TEXT)?;
            let items: usize = items.iter().map(|(_, raw)| raw.len() + 8).sum();
            let values: usize = values.iter().map(|(name, of)| name.len() + of.len() + 10).sum();
            fits("reading", items + values, MAX_BODY)
        }
        _ => Ok(()),
    }
}

/// Whether an event may be recorded as the journal stands.
///
/// # Errors
/// One [`StoreError`] per reason.
pub fn check(index: &Index, stamp: &Stamp, event: &Event) -> Result<()> {
    match event {
        Event::TokenImported { token, bytes } => match index.token(token.id)? {
            None if index.is_revoked(token.id)? => Err(StoreError::TokenRevoked(token.id)),
            None => Ok(()),
            Some(row) if row.bytes == *bytes && row.facts == *token => {
                Err(StoreError::Known(token.id))
            }
            Some(_) => Err(StoreError::Conflict(token.id)),
        },
        Event::SwapTaken { swap, bytes } => match index.swap(swap.id)? {
            None if index.is_revoked(swap.id)? => Err(StoreError::TokenRevoked(swap.id)),
            None if index.token(swap.id)?.is_some() => Err(StoreError::Conflict(swap.id)),
            None => Ok(()),
            Some(row) if row.bytes == *bytes && row.facts == *swap => {
                Err(StoreError::Known(swap.id))
            }
            Some(_) => Err(StoreError::Conflict(swap.id)),
        },
        Event::SwapFixed(fixed) => swap::check_fixed(index, stamp.at, fixed),
        Event::TokenWithdrawn { id, .. } if index.swap(*id)?.is_some() => Ok(()),
        Event::TokenWithdrawn { id, .. } | Event::Resolved { token: id, .. } => {
            known(index, *id).map(drop)
        }
        Event::Intent { facts, before } => intent(index, stamp, facts, before),
        Event::Resend { token, after_read } => resend(index, stamp, *token, after_read),
        Event::Outcome { token, judgement, .. } => {
            let (_, open) = open_of(index, *token)?;
            evidence_fits(&open.facts, judgement)
        }
        Event::GrantTaken { id, operator, issued, bytes, .. } => {
            grant(index, operator, (*issued, *id), bytes)
        }
        Event::OverrideTaken { id, operator, meter, bytes, .. } => match index.over_ride(*id)? {
            None => Ok(()),
            Some(of)
                if of.row.bytes == *bytes && of.operator == *operator && of.meter == *meter =>
            {
                Err(StoreError::Known(*id))
            }
            Some(_) => Err(StoreError::Conflict(*id)),
        },
        Event::BundleTaken(taken) => match index.bundle(taken.id)? {
            None if index.is_revoked(taken.id)? => Err(StoreError::TokenRevoked(taken.id)),
            None => Ok(()),
            Some(row) if row.taken == *taken => Err(StoreError::Known(taken.id)),
            Some(_) => Err(StoreError::Conflict(taken.id)),
        },
        Event::RoundTaken(taken) => match index.round(taken.id)? {
            None if index.is_revoked(taken.id)? => Err(StoreError::TokenRevoked(taken.id)),
            None => Ok(()),
            Some(row) if row.taken == *taken => Err(StoreError::Known(taken.id)),
            Some(_) => Err(StoreError::Conflict(taken.id)),
        },
        Event::OverrideUsed { id, meter, .. } => over_ride(index, stamp, *id, *meter),
        Event::Enrolled { .. }
        | Event::Reading(_)
        | Event::Refused { .. }
        | Event::LoggedIn { .. }
        | Event::LoggedOut { .. }
        | Event::PinSet { .. }
        | Event::DocumentTaken { .. }
        | Event::Revoked { .. }
        | Event::Software { .. }
        | Event::Step(_)
        | Event::Marked { .. }
        | Event::TimeAnchor { .. }
        | Event::ReceiptStored { .. }
        | Event::UnprovenAccepted { .. }
        | Event::TailCut { .. } => Ok(()),
    }
}

/// Of two grants of one operator the later counts: an older one is not taken back in. Two of one
/// second are ordered by their identities, so that neither can take the other's place by turns.
fn grant(
    index: &Index,
    operator: &OperatorId,
    new: (UnixSeconds, TokenId),
    bytes: &[u8],
) -> Result<()> {
    let Some(old) = super::query::grant(index, operator)? else { return Ok(()) };
    match (old.issued, old.id).cmp(&new) {
        std::cmp::Ordering::Less if old.id == new.1 => Err(StoreError::Conflict(new.1)),
        std::cmp::Ordering::Less => Ok(()),
        std::cmp::Ordering::Equal if old.bytes == bytes => Err(StoreError::Known(new.1)),
        std::cmp::Ordering::Equal => Err(StoreError::Conflict(new.1)),
        std::cmp::Ordering::Greater => Err(StoreError::OlderGrant(new.1)),
    }
}

/// An override serves one act, of its operator, on its meter, while it lives.
fn over_ride(index: &Index, stamp: &Stamp, id: TokenId, meter: MeterNo) -> Result<()> {
    let of = index.over_ride(id)?.ok_or(StoreError::UnknownOverride(id))?;
    if of.row.used {
        return Err(StoreError::OverrideSpent(id));
    }
    if of.row.revoked {
        return Err(StoreError::OverrideRevoked(id));
    }
    if of.operator.as_str() != stamp.operator {
        return Err(StoreError::OverrideDiffers(id, "operator"));
    }
    if of.meter != meter {
        return Err(StoreError::OverrideDiffers(id, "meter"));
    }
    if stamp.at > of.row.expires {
        return Err(StoreError::OverrideExpired(id));
    }
    Ok(())
}

/// Whether one more act stays within the limits of the handheld and of the operator.
///
/// # Errors
/// [`StoreError::OverLimit`] with the first limit it does not.
pub fn check_limits(state: &State, stamp: &Stamp, credit: Credit, bounds: &Bounds) -> Result<()> {
    let scopes = [(None, bounds.device), (Some(stamp.operator.as_str()), bounds.operator)];
    for (operator, caps) in scopes {
        let with = state.exposure(operator).plus(credit, stamp.at);
        if let Some(limit) = caps.exceeded(&with, stamp.at) {
            return Err(StoreError::OverLimit { limit, operators: operator.is_some() });
        }
    }
    Ok(())
}

fn known(index: &Index, id: TokenId) -> Result<TokenRow> {
    index.token(id)?.ok_or(StoreError::UnknownToken(id))
}

/// A token and its open recharge.
fn open_of(index: &Index, id: TokenId) -> Result<(TokenRow, OpenIntent)> {
    let row = known(index, id)?;
    let open = index.open_intent(row.facts.meter)?.filter(|open| open.facts.token == id);
    open.map(|open| (row, open)).ok_or(StoreError::NoOpenIntent(id))
}

fn taken_back(row: &TokenRow) -> StoreError {
    let id = row.facts.id;
    if row.revoked { StoreError::TokenRevoked(id) } else { StoreError::TokenWithdrawn(id) }
}

fn not_expired(row: &TokenRow, now: UnixSeconds) -> Result<()> {
    if now > row.facts.expires { Err(StoreError::TokenExpired(row.facts.id)) } else { Ok(()) }
}

/// A recharge may begin with a token that is there, unused and not withdrawn, on a meter without an
/// open recharge, with the token's own facts and a reading that shows exactly the step it pins.
fn intent(index: &Index, stamp: &Stamp, facts: &IntentFacts, before: &Evidence) -> Result<()> {
    let row = known(index, facts.token)?;
    if let Some(open) = index.open_intent(row.facts.meter)? {
        let OpenIntent { facts, .. } = open;
        return Err(StoreError::OpenIntent { meter: facts.meter, token: facts.token });
    }
    match row.state {
        TokenState::Cached | TokenState::NotApplied => {}
        TokenState::Withdrawn => return Err(taken_back(&row)),
        TokenState::Accepted | TokenState::Raced => {
            return Err(StoreError::TokenUsed(facts.token));
        }
        // Open without an open row: the index contradicts itself and is built again.
        TokenState::Intent | TokenState::Disputed => {
            return Err(StoreError::Index("a token is open, its meter is not".into()));
        }
    }
    if let Some(what) = facts_differ(facts, &row.facts) {
        return Err(StoreError::FactsDiffer(facts.token, what));
    }
    not_expired(&row, stamp.at)?;
    if !facts.act.is_debit() && index.marked(facts.meter, Mark::SwappedOut)? {
        return Err(StoreError::SwappedOut(facts.meter));
    }
    shows_step(facts, before)
}

/// The same frame may go out again while the recharge is open, the token lives, a read-back showed
/// that it was not applied, and not without end.
fn resend(index: &Index, stamp: &Stamp, token: TokenId, read: &Evidence) -> Result<()> {
    let (row, open) = open_of(index, token)?;
    if open.disputed {
        return Err(StoreError::Disputed(token));
    }
    if open.facts.act.is_debit() {
        // No count tells two copies apart, and a first one may still be under way.
        return Err(StoreError::NotThisWay("resend of a debit"));
    }
    if row.withdrawn {
        return Err(taken_back(&row));
    }
    if open.sends >= MAX_SENDS {
        return Err(StoreError::TooManySends(token, open.sends));
    }
    not_expired(&row, stamp.at)?;
    shows_step(&open.facts, read)
}

/// The meter is the right one, in the right epoch, exactly at the step, in the right unit. An
/// account that is to be opened cannot be there yet.
fn shows_step(facts: &IntentFacts, seen: &Evidence) -> Result<()> {
    match facts.act {
        Act::Open => same_meter(facts, seen)?,
        _ => same_account(facts, seen)?,
    }
    if seen.count != facts.count_before {
        return Err(StoreError::Evidence("count"));
    }
    if seen.balance.unit != facts.credit.unit {
        return Err(StoreError::Evidence("unit"));
    }
    Ok(())
}

fn same_meter(facts: &IntentFacts, seen: &Evidence) -> Result<()> {
    if seen.meter == facts.meter { Ok(()) } else { Err(StoreError::Evidence("meter")) }
}

fn same_account(facts: &IntentFacts, seen: &Evidence) -> Result<()> {
    same_meter(facts, seen)?;
    if seen.account != Some(facts.account) {
        return Err(StoreError::Evidence("account"));
    }
    Ok(())
}

/// A decision that closes a recharge must rest on a read-back that can mean it; a slip in the
/// judging code must not be able to close one.
fn evidence_fits(facts: &IntentFacts, judgement: &Judgement) -> Result<()> {
    let Some(after) = &judgement.after else {
        let open = judgement.decision == Decision::Unreachable;
        return if open { Ok(()) } else { Err(StoreError::Evidence("no read-back")) };
    };
    if after.meter != facts.meter {
        return Err(StoreError::Evidence("meter"));
    }
    match judgement.decision.outcome() {
        Outcome::Unknown => Ok(()),
        Outcome::Accepted => {
            same_account(facts, after)?;
            // Only a credit takes a step of the count.
            let credits = !facts.act.is_debit() && facts.credit.value > 0;
            let fits = match credits {
                true => after.count > facts.count_before,
                false => after.count == facts.count_before,
            };
            if fits { Ok(()) } else { Err(StoreError::Evidence("count")) }
        }
        Outcome::Refused => {
            match facts.act {
                Act::Open => same_meter(facts, after)?,
                _ => same_account(facts, after)?,
            }
            let moved = after.count > facts.count_before;
            let same = after.count == facts.count_before;
            let fits = if judgement.decision == Decision::Raced { moved } else { same };
            if fits { Ok(()) } else { Err(StoreError::Evidence("count")) }
        }
    }
}

/// Whether a token that was closed may still turn out to be in the meter: a frame that arrived
/// after the read-back said "not applied".
///
/// # Errors
/// [`StoreError::OpenIntent`] if the recharge is open (then it is an ordinary outcome);
/// [`StoreError::TokenUsed`] and [`StoreError::NoOpenIntent`] if nothing can have arrived late.
pub fn check_late(index: &Index, token: TokenId, judgement: &Judgement) -> Result<TokenRow> {
    let row = known(index, token)?;
    match row.state {
        TokenState::NotApplied => {}
        TokenState::Withdrawn if row.sent => {}
        TokenState::Accepted | TokenState::Raced => return Err(StoreError::TokenUsed(token)),
        TokenState::Intent | TokenState::Disputed => {
            return Err(StoreError::OpenIntent { meter: row.facts.meter, token });
        }
        TokenState::Cached | TokenState::Withdrawn => {
            return Err(StoreError::NoOpenIntent(token));
        }
    }
    if judgement.decision.outcome() != Outcome::Accepted {
        return Err(StoreError::Evidence("not accepted"));
    }
    evidence_fits(&row.facts.intent(), judgement)?;
    Ok(row)
}

/// Facts of an intent that differ from the token's, by name.
fn facts_differ(facts: &IntentFacts, token: &TokenFacts) -> Option<&'static str> {
    let want = token.intent();
    let checks = [
        (facts.meter == want.meter, "meter"),
        (facts.account == want.account, "account"),
        (facts.count_before == want.count_before, "count"),
        (facts.credit == want.credit, "credit"),
        (facts.act == want.act, "act"),
        (facts.order == want.order, "order"),
    ];
    checks.iter().find(|(same, _)| !same).map(|(_, name)| *name)
}
