//! What authorises a money act, verified now: the office's signature, this handheld, this moment.
//!
//! A token of its own, or the leave for a swap of which the act is one leg. The time is the trusted
//! one: a clock that was put back does not make an expired token good again.

use super::undo;
use crate::jobs::failure::{self, fail};
use crate::jobs::gate::Permit;
use crate::jobs::trust::Trust;
use crate::jobs::views::Failure;
use crate::jobs::{Desk, Line, check, tokens};
use crate::report::Code;
use crate::store::{SwapFacts, TokenRow};
use crate::units::{IntentFacts, TokenId};
use meterkit_tokens::{DocType, RechargeToken, SwapToken, document_type};

/// Verifies what a token's row rests on; what it does, and the balance it must not exceed.
pub(super) fn verified(
    desk: &Desk<'_>,
    line: &Line<'_>,
    row: &TokenRow,
    trust: &Trust,
    permit: &Permit,
) -> Result<(IntentFacts, Option<i64>), Failure> {
    if document_type(&row.bytes) == Ok(DocType::Swap) {
        return leg(desk, line, row, trust, permit).map(|facts| (facts, None));
    }
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
    if let Some(undone) = token.undoes {
        undo::check(desk.store, trust, &facts, TokenId(undone))?;
    }
    Ok((facts, token.max_balance))
}

/// One leg of a swap: the leave is good now, and the leg is one of its own within its limits.
fn leg(
    desk: &Desk<'_>,
    line: &Line<'_>,
    row: &TokenRow,
    trust: &Trust,
    permit: &Permit,
) -> Result<IntentFacts, Failure> {
    let leave = SwapToken::verify(&row.bytes, &trust.tenant, &trust.keys)
        .map_err(|error| failure::token(&error))?;
    let id = TokenId(leave.id);
    let conflict = || fail(Code::TokenConflict, id.to_string());
    let swap = desk.store.swap(id).ok_or_else(conflict)?;
    if SwapFacts::of(&leave) != Some(swap.facts) || !swap.covers(&row.facts) {
        return Err(conflict());
    }
    let life = desk.max_life_s.min(check::MAX_LIFE_S);
    leave
        .check_use(trust.device.as_str(), permit.now.0, life)
        .map_err(|error| failure::token(&error))?;
    if swap.revoked || trust.revoked(desk.store, id) {
        return Err(fail(Code::TokenRevoked, id.to_string()));
    }
    check::serves(line.profile, row.facts.act, row.facts.caps)?;
    Ok(row.facts.intent())
}
