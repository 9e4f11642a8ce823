//! Recharge: exactly once, or openly unknown.
//!
//! Two halves, so that a person sees the evidence in between. [`preflight`] reads and checks and
//! changes nothing. [`commit`] puts the intent on disk, sends one frame, and then asks the meter
//! what happened: its answer to the frame is never evidence. [`resolve()`] asks the same question
//! later, after a restart or when the meter could not be reached; nothing ever stands in its way.
//! The rules are `judge.rs` and `check.rs`, and `gate.rs` before both halves; the journal enforces
//! the order (no proof, no frame).
//!
//! The same two halves serve every act of a token: an account opened, credit taken out, one
//! recharge undone. A debit takes no step of the purchase count, so no meter can tell two copies of
//! it apart. Of one intent exactly one frame leaves, and that it was not applied is only said once
//! no copy can be under way any more ([`QUIET_S`]).

mod resolve;
mod send;
mod undo;
mod verify;

pub use resolve::resolve;

use std::sync::atomic::Ordering;

use super::address::BusAddress;
use super::evidence::written::Written;
use super::evidence::{self, How};
use super::failure::{self, fail};
use super::gate::{self, Permit};
use super::proven::{self, Waiver};
use super::read_back::{self, Case, read_back, unreachable};
use super::trust;
use super::views::{Failure, FinishedView, PreflightView, Stage};
use super::{Desk, Line, check, civil, swap, tokens};
use crate::protocol::dlt645::dialogue::Access;
use crate::report::Code;
use crate::store::{Event, MAX_SENDS, TokenRow, TokenState};
use crate::units::{
    Act, Decision, Evidence, IntentFacts, IntentProof, Judgement, MeterNo, TokenId, UnixSeconds,
};
use resolve::settle_late;
use send::Said;
use verify::verified;

/// How old evidence may be when the intent is written, seconds. Older: it is read again.
pub const FRESH_S: i64 = 60;

/// How long after a debit was sent a copy of it may still arrive, seconds. Lines hold a frame back
/// for seconds, radio gateways that store and forward for minutes; until then a meter that shows
/// nothing of it proves nothing.
pub const QUIET_S: i64 = 600;

/// What the screens and commands for recharging do.
pub const CREDITS: &[Act] = &[Act::Recharge, Act::CarryIn];

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
    preflight_act(desk, line, id, CREDITS)
}

/// The same for tokens of these acts.
///
/// # Errors
/// As [`preflight`]; [`Code::TokenKind`] for a token of another act.
pub fn preflight_act(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    id: TokenId,
    acts: &[Act],
) -> Result<Checked, Failure> {
    let row = desk.store.token(id).ok_or_else(|| fail(Code::TokenUnknown, id.to_string()))?;
    let mut shown = None;
    let checked = match acts.contains(&row.facts.act) {
        true => try_preflight(desk, line, &row, &mut shown),
        false => Err(fail(Code::TokenKind, row.facts.act.name())),
    };
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
    if !row.facts.act.is_debit() && swap::back::alarm(desk.store, meter).is_some() {
        return Err(fail(Code::SwappedOut, meter.to_string()));
    }
    let trust = trust::read(desk.store);
    let permit = gate::money(desk, &trust, &row.facts.intent(), line.moment())?;
    let (facts, max_balance) = verified(desk, line, row, &trust, &permit)?;
    let waiver = proven::money(line.profile, desk.accepted)?;
    let address = address(desk, line, meter)?;
    (line.progress)(Stage::Reading, 0, 1);
    let how = How { hoard: true, ..How::of(&facts) };
    let seen = evidence::take(line, meter, &address, how)?;
    (line.progress)(Stage::Reading, 1, 1);
    *shown = Some(seen.evidence.clone());
    desk.session.heard(line, seen.evidence.meter, seen.evidence.meter_clock);
    if row.sent
        && seen.evidence.count > facts.count_before
        && let Some(settled) = settle_late(desk, line, &facts, &seen)?
    {
        return Ok(Checked::Settled(Box::new(settled)));
    }
    not_there(&facts, seen.written)?;
    fits(line, &facts, &seen.evidence, max_balance, seen.hoard)?;
    let listed = desk.store.meter(meter);
    let mut warnings = permit.warnings;
    warnings.extend(waiver.map(|waiver| waiver.warning()));
    let (customer, location) =
        listed.map(|meter| (meter.customer, meter.location)).unwrap_or_default();
    let view = PreflightView {
        token: tokens::view(row, line.now()),
        customer,
        location,
        expected_balance: check::expected(&facts, &seen.evidence),
        drift_s: evidence::drift(line, seen.evidence.meter_clock),
        evidence: seen.evidence,
        warnings,
        device: permit.device,
        operator: permit.operator,
    };
    Ok(Checked::Ready(Box::new(Preflight { view, facts, max_balance, hoard: seen.hoard })))
}

/// Does the meter, as read, fit the token?
fn fits(
    line: &Line<'_>,
    facts: &IntentFacts,
    seen: &Evidence,
    max_balance: Option<i64>,
    hoard: Option<i64>,
) -> Result<(), Failure> {
    check::meter(facts, seen, max_balance, hoard)?;
    check::told_apart(facts, seen, read_back::limits(line.profile))
}

/// A debit that the meter has written down was made, whatever this journal knows: it may have been
/// put back from a copy, or another handheld has the same document.
fn not_there(facts: &IntentFacts, written: Option<Written>) -> Result<(), Failure> {
    match written {
        Some(Written { own: 1.., .. }) => Err(fail(Code::DebitKnown, facts.token.to_string())),
        _ => Ok(()),
    }
}

/// What the bus calls the meter: by its place in the area list, else by its number.
fn address(desk: &Desk<'_>, line: &Line<'_>, meter: MeterNo) -> Result<BusAddress, Failure> {
    // A meter just put in is not in the list yet: it hangs where the old one hung.
    let listed = swap::back::stands_for(desk.store, meter).unwrap_or(meter);
    let place = desk.store.meter(listed).map(|row| row.place).unwrap_or_default();
    BusAddress::of(line.profile, &place, meter)
}

/// May a recharge begin with this token, by its state?
fn usable(row: &TokenRow) -> Result<(), Failure> {
    let id = row.facts.id.to_string();
    if let Some(at) = row.recharged {
        let when = civil::of_seconds(at).map_or_else(|| at.0.to_string(), |at| at.to_string());
        return Err(fail(Code::TokenRecharged, format!("{when} UTC")));
    }
    match row.state {
        _ if row.revoked => Err(fail(Code::TokenRevoked, id)),
        _ if row.withdrawn => Err(fail(Code::TokenWithdrawn, id)),
        TokenState::Cached | TokenState::NotApplied => Ok(()),
        TokenState::Accepted | TokenState::Raced => Err(fail(Code::TokenUsed, id)),
        TokenState::Withdrawn => Err(fail(Code::TokenWithdrawn, id)),
        TokenState::Intent | TokenState::Disputed => Err(fail(Code::IntentOpen, id)),
    }
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
    commit_act(preflight, digits, desk, line, None)
}

/// The same for an act that a password authorises: a debit is a write, and no purchase count
/// protects it.
///
/// # Errors
/// As [`commit`]; [`Code::PasswordMissing`] for a debit without `access`, before anything is sent.
pub fn commit_act(
    preflight: &Preflight,
    digits: &str,
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    access: Option<&Access>,
) -> Result<FinishedView, Failure> {
    let id = preflight.facts.token;
    check::digits(digits, preflight.facts.meter)?;
    if preflight.facts.act.is_debit() && access.is_none() {
        return Err(fail(Code::PasswordMissing, line.profile.id.clone()));
    }
    let row = desk.store.token(id).ok_or_else(|| fail(Code::TokenUnknown, id.to_string()))?;
    let mut shown = None;
    let ready = before_intent(preflight, desk, line, &row, &mut shown);
    let facts = preflight.facts;
    let begun = ready.and_then(|Ready { before, permit, waiver, address }| {
        let proof = begin(desk, line, (&facts, &before), &permit, waiver.as_ref())?;
        Ok((proof, before, address))
    });
    let (proof, before, address) = match begun {
        Ok(begun) => begun,
        Err(failure) => {
            refused(desk, line, &row, &failure, shown);
            return Err(failure);
        }
    };
    let case = Case { facts, before: &before, address: &address };
    let judgement = send_until_known(desk, line, &case, access, proof)?;
    finish(desk, line, facts, before, judgement)
}

/// What the last checks leave.
struct Ready {
    before: Evidence,
    permit: Permit,
    waiver: Option<Waiver>,
    address: BusAddress,
}

/// On whose word unproven rows are written by; the override, if one is needed; and directly after
/// it the intent.
fn begin(
    desk: &Desk<'_>,
    line: &Line<'_>,
    (facts, before): (&IntentFacts, &Evidence),
    permit: &Permit,
    waiver: Option<&Waiver>,
) -> Result<IntentProof, Failure> {
    if let Some(waiver) = waiver {
        let event = waiver.event(facts.meter, gate::verb(desk.store, facts));
        desk.store.append(&desk.stamp(line), event).map_err(|error| failure::store(&error))?;
    }
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
) -> Result<Ready, Failure> {
    if line.cancel.load(Ordering::Relaxed) {
        return Err(fail(Code::Cancelled, ""));
    }
    usable(row)?;
    let trust = trust::read(desk.store);
    let permit = gate::money(desk, &trust, &preflight.facts, line.moment())?;
    let (facts, _) = verified(desk, line, row, &trust, &permit)?;
    if facts != preflight.facts {
        return Err(fail(Code::TokenConflict, facts.token.to_string()));
    }
    let waiver = proven::money(line.profile, desk.accepted)?;
    let address = address(desk, line, facts.meter)?;
    let mut before = preflight.view.evidence.clone();
    if !is_fresh(before.read_at, line.now()) {
        (line.progress)(Stage::Reading, 0, 1);
        let how = How { step: None, ..How::of(&facts) };
        let seen = evidence::take(line, facts.meter, &address, how)?;
        not_there(&facts, seen.written)?;
        before = seen.evidence;
    }
    *shown = Some(before.clone());
    fits(line, &facts, &before, preflight.max_balance, preflight.hoard)?;
    Ok(Ready { before, permit, waiver, address })
}

/// Sends, reads back, and sends the same frame again only where a read-back proved "not applied"
/// and the meter did not say why.
fn send_until_known(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    case: &Case<'_>,
    access: Option<&Access>,
    first: IntentProof,
) -> Result<Judgement, Failure> {
    let mut proof = first;
    for send in 1..=MAX_SENDS {
        (line.progress)(Stage::Sending, send, MAX_SENDS);
        let said = match send::once(line, case.address, access, proof) {
            Ok(said) => said,
            // Stopped or broken with the frame perhaps under way: unknown, and said so.
            Err(_) => return Ok(unreachable(None)),
        };
        let refusal = match said {
            Said::Refused(word) => Some(word),
            _ => None,
        };
        line.doubtful |= said == Said::Unclear;
        (line.progress)(Stage::ReadingBack, 0, read_back::ROUNDS);
        let judgement = read_back(line, case, refusal);
        if judgement.decision != Decision::NotApplied || refusal.is_some() {
            return Ok(judgement);
        }
        if said != Said::NotSent && !check::may_resend(line.profile, case.facts.act) {
            return Ok(unproven(judgement, case.facts.act));
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

/// Shown as not applied, while a copy still under way could book: openly unknown. A purchase
/// without a count is for the office to settle. A debit is asked about again: there only the
/// balance counts, and once no copy can be under way any more it tells.
fn unproven(judgement: Judgement, act: Act) -> Judgement {
    match act.is_debit() {
        true => unreachable(judgement.refusal_word),
        false => Judgement { decision: Decision::Contradiction, ..judgement },
    }
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

/// Whether evidence taken at `read_at` may still be acted on at `now`.
pub fn is_fresh(read_at: UnixSeconds, now: UnixSeconds) -> bool {
    (0..=FRESH_S).contains(&now.0.saturating_sub(read_at.0))
}
