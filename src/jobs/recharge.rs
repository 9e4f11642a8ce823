//! Recharge: exactly once, or openly unknown.
//!
//! Two halves, so that a person sees the evidence in between. [`preflight`] reads and checks and
//! changes nothing. [`commit`] puts the intent on disk, sends one frame, and then asks the meter
//! what happened: its answer to the frame is never evidence. [`resolve`] asks the same question
//! later, after a restart or when the meter could not be reached; nothing ever stands in its way.
//! The rules are `judge.rs` and `check.rs`, and `gate.rs` before both halves; the journal enforces
//! the order (no proof, no frame).

use std::sync::atomic::Ordering;

use meterkit_tokens::RechargeToken;
use sha2::Sha256;

use super::drive::DriveError;
use super::evidence::{self, How, Seen};
use super::failure::{self, fail};
use super::gate::{self, Permit};
use super::read_back::{self, Case, read_back, unreachable};
use super::trust::{self, Trust};
use super::views::{Failure, FinishedView, PreflightView, Stage};
use super::{Desk, Line, ask, check, tokens};
use crate::profile::Layout;
use crate::protocol::dlt645::dialogue::{CreditAnswer, RechargeLayout, SendCredit};
use crate::report::Code;
use crate::store::{Event, MAX_SENDS, OpenIntent, TokenRow, TokenState};
use crate::units::{
    Decision, Evidence, IntentFacts, IntentProof, Judgement, MeterNo, Outcome, TokenId, UnixSeconds,
};

/// How old evidence may be when the intent is written, seconds. Older: it is read again.
pub const FRESH_S: i64 = 60;

/// How many of a meter's journal entries are searched for an earlier intent of a token.
const HISTORY: usize = 500;

/// A passed preflight: what was seen, to be confirmed by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// What to show.
    pub view: PreflightView,
    facts: IntentFacts,
    max_balance: Option<i64>,
    hoard: Option<i64>,
}

/// What a preflight found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Everything fits: show it, let it be confirmed, then [`commit`].
    Ready(Box<Preflight>),
    /// An earlier recharge with this token, read back as not applied, has arrived in the meter
    /// after all. That was journaled; there is nothing to send.
    Settled(Box<FinishedView>),
}

/// First half: reads the meter and checks the token; changes nothing.
///
/// # Errors
/// One code a reason; each that concerns a meter is journaled as a refusal.
pub fn preflight(desk: &Desk<'_>, line: &mut Line<'_>, id: TokenId) -> Result<Checked, Failure> {
    let row = desk.store.token(id).ok_or_else(|| fail(Code::TokenUnknown, id.to_string()))?;
    let mut shown = None;
    let checked = try_preflight(desk, line, &row, &mut shown);
    if let Err(failure) = &checked {
        refused(desk, line, &row, failure, shown);
    }
    checked
}

fn try_preflight(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    row: &TokenRow,
    shown: &mut Option<Evidence>,
) -> Result<Checked, Failure> {
    desk.store.money_allowed().map_err(|why| failure::why(&why))?;
    let meter = row.facts.meter;
    if let Some(open) = desk.store.open_intent(meter) {
        return Err(fail(Code::IntentOpen, format!("{meter}: {}", open.facts.token)));
    }
    usable(row)?;
    let trust = trust::read(desk.store);
    let permit = gate::recharge(desk, &trust, &row.facts.intent(), line.moment())?;
    let (facts, token) = verified(desk, line, row, &trust, &permit)?;
    (line.progress)(Stage::Reading, 0, 1);
    let how = How { hoard: true, step: facts.count_before.next() };
    let seen = evidence::take(line, meter, how)?;
    (line.progress)(Stage::Reading, 1, 1);
    *shown = Some(seen.evidence.clone());
    desk.session.heard(line, seen.evidence.meter, seen.evidence.meter_clock);
    if row.sent
        && seen.evidence.count > facts.count_before
        && let Some(settled) = settle_late(desk, line, &facts, &seen)?
    {
        return Ok(Checked::Settled(Box::new(settled)));
    }
    check::meter(&facts, &seen.evidence, token.max_balance, seen.hoard)?;
    let listed = desk.store.meter(meter);
    let (customer, location) =
        listed.map(|meter| (meter.customer, meter.location)).unwrap_or_default();
    let view = PreflightView {
        token: tokens::view(row, line.now()),
        customer,
        location,
        expected_balance: check::expected(&facts, &seen.evidence),
        drift_s: evidence::drift(line, seen.evidence.meter_clock),
        evidence: seen.evidence,
        warnings: permit.warnings,
        device: permit.device,
        operator: permit.operator,
    };
    let (max_balance, hoard) = (token.max_balance, seen.hoard);
    Ok(Checked::Ready(Box::new(Preflight { view, facts, max_balance, hoard })))
}

/// May a recharge begin with this token, by its state?
fn usable(row: &TokenRow) -> Result<(), Failure> {
    let id = row.facts.id.to_string();
    match row.state {
        _ if row.revoked => Err(fail(Code::TokenRevoked, id)),
        _ if row.withdrawn => Err(fail(Code::TokenWithdrawn, id)),
        TokenState::Cached | TokenState::NotApplied => Ok(()),
        TokenState::Accepted | TokenState::Raced => Err(fail(Code::TokenUsed, id)),
        TokenState::Withdrawn => Err(fail(Code::TokenWithdrawn, id)),
        TokenState::Intent | TokenState::Disputed => Err(fail(Code::IntentOpen, id)),
    }
}

/// Verifies the token's bytes now, strictly, and that this handheld may use it now. The time is the
/// trusted one: a clock that was put back does not make an expired token good again.
fn verified(
    desk: &Desk<'_>,
    line: &Line<'_>,
    row: &TokenRow,
    trust: &Trust,
    permit: &Permit,
) -> Result<(IntentFacts, RechargeToken), Failure> {
    let token = RechargeToken::verify(&row.bytes, &trust.tenant, &trust.keys)
        .map_err(|error| failure::token(&error))?;
    let facts = tokens::facts(&token)?.intent();
    if facts != row.facts.intent() {
        return Err(fail(Code::TokenConflict, facts.token.to_string()));
    }
    check::token(&token, &trust.device, permit.now, desk.max_life_s, line.profile)?;
    if trust.revoked(desk.store, facts.token) {
        return Err(fail(Code::TokenRevoked, facts.token.to_string()));
    }
    Ok((facts, token))
}

/// Journals a refusal. When that fails the refusal itself stays what the person is told: nothing
/// moved.
fn refused(
    desk: &Desk<'_>,
    line: &Line<'_>,
    row: &TokenRow,
    failure: &Failure,
    evidence: Option<Evidence>,
) {
    if failure.code == Code::Cancelled {
        return;
    }
    let event = Event::Refused {
        token: Some(row.facts.id),
        meter: row.facts.meter,
        code: failure.code.as_str().to_owned(),
        evidence,
    };
    if let Err(error) = desk.store.append(&desk.stamp(line), event) {
        tracing::warn!(%error, code = failure.code.as_str(), "refusal not journaled");
    }
}

/// Second half: the operator saw the evidence and typed the last four digits of the meter's number.
///
/// # Errors
/// Before the intent: a code, nothing was sent. After it only [`Code::StoreFailed`] and its kin:
/// the outcome could not be recorded, the recharge stays open and is asked about at the next start.
/// Everything else, a cancel included, ends in a [`FinishedView`].
pub fn commit(
    preflight: &Preflight,
    digits: &str,
    desk: &Desk<'_>,
    line: &mut Line<'_>,
) -> Result<FinishedView, Failure> {
    let id = preflight.facts.token;
    check::digits(digits, preflight.facts.meter)?;
    let row = desk.store.token(id).ok_or_else(|| fail(Code::TokenUnknown, id.to_string()))?;
    let mut shown = None;
    let ready = before_intent(preflight, desk, line, &row, &mut shown);
    let facts = preflight.facts;
    let begun = ready.and_then(|(before, permit)| {
        let proof = begin(desk, line, &facts, &before, &permit)?;
        Ok((proof, before))
    });
    let (proof, before) = match begun {
        Ok(begun) => begun,
        Err(failure) => {
            refused(desk, line, &row, &failure, shown);
            return Err(failure);
        }
    };
    let judgement = send_until_known(desk, line, &Case { facts, before: &before }, proof)?;
    finish(desk, line, facts, before, judgement)
}

/// The override, if one is needed, and directly after it the intent.
fn begin(
    desk: &Desk<'_>,
    line: &Line<'_>,
    facts: &IntentFacts,
    before: &Evidence,
    permit: &Permit,
) -> Result<IntentProof, Failure> {
    permit.spend(desk, facts, line.moment())?;
    let proof = desk.store.intent(&desk.stamp(line), *facts, before.clone(), &permit.bounds());
    proof.map_err(|error| permit.refusal(&error))
}

/// The last checks: rights, trust and limits, the token now, and evidence that is still true.
fn before_intent(
    preflight: &Preflight,
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    row: &TokenRow,
    shown: &mut Option<Evidence>,
) -> Result<(Evidence, Permit), Failure> {
    if line.cancel.load(Ordering::Relaxed) {
        return Err(fail(Code::Cancelled, ""));
    }
    usable(row)?;
    let trust = trust::read(desk.store);
    let permit = gate::recharge(desk, &trust, &preflight.facts, line.moment())?;
    let (facts, _) = verified(desk, line, row, &trust, &permit)?;
    if facts != preflight.facts {
        return Err(fail(Code::TokenConflict, facts.token.to_string()));
    }
    let mut before = preflight.view.evidence.clone();
    if !is_fresh(before.read_at, line.now()) {
        (line.progress)(Stage::Reading, 0, 1);
        before = evidence::take(line, facts.meter, How::default())?.evidence;
    }
    *shown = Some(before.clone());
    check::meter(&facts, &before, preflight.max_balance, preflight.hoard)?;
    Ok((before, permit))
}

/// Sends, reads back, and sends the same frame again only where a read-back proved "not applied"
/// and the meter did not say why.
fn send_until_known(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    case: &Case<'_>,
    first: IntentProof,
) -> Result<Judgement, Failure> {
    let mut proof = first;
    for send in 1..=MAX_SENDS {
        (line.progress)(Stage::Sending, send, MAX_SENDS);
        let answer = match send_once(line, proof) {
            Ok(answer) => answer,
            // Stopped or broken with the frame perhaps under way: unknown, and said so.
            Err(_) => return Ok(unreachable(None)),
        };
        let refusal = match answer {
            CreditAnswer::Refused(word) => Some(word),
            _ => None,
        };
        line.doubtful |= matches!(answer, CreditAnswer::Silent | CreditAnswer::Garbled);
        (line.progress)(Stage::ReadingBack, 0, read_back::ROUNDS);
        let mut judgement = read_back(line, case, refusal);
        if judgement.decision != Decision::NotApplied || refusal.is_some() {
            return Ok(judgement);
        }
        if line.profile.layout() == Some(Layout::Tms) {
            // The frame does not pin the count: a copy still under way could book a second time.
            judgement.decision = Decision::Contradiction;
            return Ok(judgement);
        }
        let Some(after) = judgement.after.clone().filter(|_| send < MAX_SENDS) else {
            return Ok(judgement);
        };
        if line.cancel.load(Ordering::Relaxed) {
            return Ok(judgement);
        }
        match desk.store.resend(&desk.stamp(line), case.facts.token, after) {
            Ok(again) => proof = again,
            // Expired or withdrawn meanwhile: not applied is how it ends.
            Err(_) => return Ok(judgement),
        }
    }
    Ok(unreachable(None))
}

fn send_once(line: &mut Line<'_>, proof: IntentProof) -> Result<CreditAnswer, DriveError> {
    let layout = match line.profile.layout().unwrap_or(Layout::Sgcc) {
        Layout::Sgcc => RechargeLayout::Sgcc,
        Layout::Tms => RechargeLayout::Tms,
    };
    // The meter keeps this code in its event records: the end of the token's identity.
    let TokenId([.., a, b, c, d]) = proof.facts().token;
    let mut dialogue = SendCredit::new(proof, layout, [a, b, c, d], ask::timing(line));
    let mut digest = <Sha256 as sha2::Digest>::new();
    ask::run(line, &mut dialogue, &mut digest)
}

fn finish(
    desk: &Desk<'_>,
    line: &Line<'_>,
    facts: IntentFacts,
    before: Evidence,
    judgement: Judgement,
) -> Result<FinishedView, Failure> {
    let position = desk
        .store
        .outcome(&desk.stamp(line), facts.token, judgement.clone())
        .map_err(|error| failure::store(&error))?;
    Ok(finished(facts, before, judgement, position.seq))
}

fn finished(
    facts: IntentFacts,
    before: Evidence,
    judgement: Judgement,
    journal_seq: u64,
) -> FinishedView {
    FinishedView {
        meter: facts.meter,
        token: facts.token,
        credit: facts.credit,
        decision: judgement.decision,
        before,
        after: judgement.after,
        refusal: judgement.refusal_word,
        journal_seq,
    }
}

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
    let Some(OpenIntent { facts, before, disputed, .. }) = desk.store.open_intent(meter) else {
        return resolve_late(desk, line, meter);
    };
    if disputed {
        return Err(fail(Code::IntentOpen, format!("{meter}: {}", facts.token)));
    }
    (line.progress)(Stage::ReadingBack, 0, read_back::ROUNDS);
    let case = Case { facts, before: &before };
    line.doubtful = true;
    let mut judgement = read_back(line, &case, None);
    if judgement.decision == Decision::NotApplied && line.profile.layout() == Some(Layout::Tms) {
        judgement.decision = Decision::Contradiction;
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
    let sent = |row: &TokenRow| row.sent && row.state == TokenState::NotApplied;
    let row = desk.store.tokens_for(meter).into_iter().find(sent).ok_or_else(none)?;
    let facts = row.facts.intent();
    let how = How { step: facts.count_before.next(), hoard: false };
    let seen = evidence::take(line, meter, how)?;
    if seen.evidence.count <= facts.count_before {
        return Err(none());
    }
    settle_late(desk, line, &facts, &seen)?.ok_or_else(none)
}

/// A count ahead, with an earlier send of this token on record: a late frame may have booked it.
/// `None` when the journal has no such send, or the reading does not prove it.
fn settle_late(
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
    let case = Case { facts: *facts, before: &before };
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

/// Whether evidence taken at `read_at` may still be acted on at `now`.
pub fn is_fresh(read_at: UnixSeconds, now: UnixSeconds) -> bool {
    (0..=FRESH_S).contains(&now.0.saturating_sub(read_at.0))
}
