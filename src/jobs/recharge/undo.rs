//! What a reversal may undo: exactly one recharge, known by its identity.
//!
//! The office checks this before it signs. The handheld holds it against its own journal as far as
//! that reaches: a recharge this handheld never carried is the office's word alone.

use meterkit_tokens::RechargeToken;

use crate::jobs::failure::fail;
use crate::jobs::trust::Trust;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::{Store, TokenRow, TokenState};
use crate::units::{Act, IntentFacts, TokenId};

/// May this reversal undo that recharge?
///
/// # Errors
/// [`Code::TokenUndoes`]: another meter, account or amount; not a credit; not in the meter; or
/// another reversal of it was sent before.
pub(super) fn check(
    store: &Store,
    trust: &Trust,
    facts: &IntentFacts,
    undone: TokenId,
) -> Result<(), Failure> {
    let refuse = |why: &str| Err(fail(Code::TokenUndoes, format!("{undone}: {why}")));
    if let Some(row) = store.token(undone) {
        let own = row.facts.intent();
        if own.act.is_debit() || own.credit.value <= 0 {
            return refuse("not a credit");
        }
        if (own.meter, own.account) != (facts.meter, facts.account) {
            return refuse("another meter or account");
        }
        if own.credit != facts.credit {
            return refuse(&own.credit.to_string());
        }
        if row.state != TokenState::Accepted {
            return refuse("not in the meter");
        }
    }
    let mut others = store.tokens_for(facts.meter).into_iter();
    match others.find(|row| row.facts.id != facts.token && undid(row, trust, undone)) {
        Some(other) => refuse(&format!("undone by {}", other.facts.id)),
        None => Ok(()),
    }
}

/// Whether a token undid that recharge, or may have. One that cannot be read any more may.
fn undid(row: &TokenRow, trust: &Trust, undone: TokenId) -> bool {
    let may_be_in = match row.state {
        TokenState::Accepted | TokenState::Intent | TokenState::Disputed => true,
        TokenState::Cached | TokenState::NotApplied | TokenState::Raced | TokenState::Withdrawn => {
            false
        }
    };
    let token = || RechargeToken::verify(&row.bytes, &trust.tenant, &trust.keys).ok();
    row.facts.act == Act::Reversal
        && may_be_in
        && token().is_none_or(|token| token.undoes == Some(undone.0))
}
