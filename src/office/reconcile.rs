//! What one journal entry does to one token's state and money. Pure: no clock, no database.
//!
//! The rules are `reference/tokens.md` 4.2 and `reference/field-work.md` 3b (R1 to R12, C0 to C10),
//! seen from the office. Three lines sum them up: money moves to the meter only on proof read back
//! from it, after an intent; it comes back to the customer only on proof that the step was consumed
//! by a credit we know, or by a person's signature; everything else stays in transit and is looked
//! at. The office judges the evidence again and does not take the handheld's word.

use super::model::{Class, Move, TokenRow, TokenState};
use crate::sync::wire::EntryOutcome;
use crate::units::{
    AccountNo, Act, Decision, Evidence, IntentFacts, Judgement, PurchaseCount, TokenId, UnixSeconds,
};

/// What a handheld says about a token.
#[derive(Debug, Clone, Copy)]
pub enum Claim<'a> {
    /// It is in the handheld's cache.
    Imported,
    /// It left the cache, taken back.
    Withdrawn,
    /// A frame with it is about to be sent, for the first time or again.
    Intent(Option<&'a IntentFacts>),
    /// What a read-back showed.
    Outcome(&'a Judgement),
    /// Our settlement reached the handheld.
    Resolved,
}

/// What the office knows around the token when the claim comes in.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The token, as the office has it; `None` when it never issued such a token.
    pub token: Option<TokenRow>,
    /// Whether the claim comes from the handheld the token was issued to.
    pub own_device: bool,
    /// Another token proved to have taken the same step of the same meter account.
    pub step_taken_by: Option<TokenId>,
    /// What speaks against following it by itself, for a leg of a swap.
    pub park: Option<(Class, &'static str)>,
    /// The handheld's time of the entry.
    pub at: UnixSeconds,
}

/// What follows from a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// For the receipt.
    pub outcome: EntryOutcome,
    /// The token's new state, if it changes.
    pub state: Option<TokenState>,
    /// The money that moves, if any.
    pub movement: Option<Move>,
    /// What a person must look at.
    pub review: Option<(Class, &'static str)>,
}

impl Verdict {
    fn noted() -> Self {
        Self { outcome: EntryOutcome::Noted, state: None, movement: None, review: None }
    }

    fn state(state: TokenState) -> Self {
        Self { outcome: EntryOutcome::Applied, state: Some(state), ..Self::noted() }
    }

    fn duplicate() -> Self {
        Self { outcome: EntryOutcome::Duplicate, ..Self::noted() }
    }

    fn review(class: Class, why: &'static str) -> Self {
        let outcome = EntryOutcome::Review(format!("{} {why}", class.name()));
        Self { outcome, review: Some((class, why)), ..Self::noted() }
    }

    /// Nobody can tell: the money stays in transit until a person settles it.
    fn disputed(class: Class, why: &'static str) -> Self {
        Self { state: Some(TokenState::Disputed), ..Self::review(class, why) }
    }

    fn applied() -> Self {
        Self { movement: Some(Move::Apply), ..Self::state(TokenState::Applied) }
    }

    /// Booked, and flagged for a person all the same.
    fn applied_flagged(class: Class, why: &'static str) -> Self {
        let flag = Self::review(class, why);
        Self { state: Some(TokenState::Applied), movement: Some(Move::Apply), ..flag }
    }
}

/// Judges one claim.
pub fn judge(setting: &Setting, claim: Claim<'_>) -> Verdict {
    let Some(token) = &setting.token else {
        return Verdict::review(Class::C4, "no such token was issued");
    };
    if !setting.own_device {
        return Verdict::review(Class::C1, "the token was issued to another handheld");
    }
    match claim {
        Claim::Imported => match token.state {
            TokenState::Reserved => Verdict::state(TokenState::Delivered),
            _ => Verdict::noted(),
        },
        Claim::Withdrawn | Claim::Resolved => Verdict::noted(),
        Claim::Intent(facts) => intent(setting, token, facts),
        Claim::Outcome(judgement) => outcome(setting, token, judgement),
    }
}

fn intent(setting: &Setting, token: &TokenRow, facts: Option<&IntentFacts>) -> Verdict {
    let differs = facts.is_some_and(|facts| {
        (facts.meter, facts.account, facts.count_before, facts.credit, facts.order)
            != (token.meter, token.account, token.count_before, token.credit, token.order)
            || facts.act != token.act
    });
    match token.state {
        TokenState::Applied => Verdict::review(Class::C1, "sent again after it was applied"),
        // A race with a credit we know; what the meter said of it comes with the outcome.
        TokenState::Voided if setting.step_taken_by.is_some() => Verdict::noted(),
        TokenState::Voided => Verdict::review(Class::C3, "sent after it was voided"),
        _ if differs => Verdict::disputed(Class::C1, "the intent differs from the token"),
        TokenState::Disputed => Verdict::noted(),
        // Sent, or about to be: the money may be on either side until the outcome is known.
        _ => Verdict::state(TokenState::Suspect),
    }
}

fn outcome(setting: &Setting, token: &TokenRow, judgement: &Judgement) -> Verdict {
    match token.state {
        TokenState::Applied => after_applied(judgement.decision),
        TokenState::Voided => after_voided(judgement.decision),
        TokenState::Disputed => disputed(judgement.decision),
        TokenState::Reserved | TokenState::Delivered | TokenState::Suspect => {
            live(setting, token, judgement)
        }
    }
}

fn after_applied(decision: Decision) -> Verdict {
    match decision {
        Decision::Confirmed | Decision::ConfirmedWeak => Verdict::duplicate(),
        Decision::Unreachable => Verdict::noted(),
        Decision::Reset => Verdict::review(Class::C5, "the meter went back after it was applied"),
        Decision::NotApplied | Decision::Raced => {
            Verdict::review(Class::C5, "denied after it was applied")
        }
        Decision::TornWrite | Decision::Contradiction => {
            Verdict::review(Class::C10, "contradicted after it was applied")
        }
    }
}

fn after_voided(decision: Decision) -> Verdict {
    match decision {
        Decision::Confirmed | Decision::ConfirmedWeak => {
            Verdict::review(Class::C4, "a voided token was accepted by the meter")
        }
        Decision::TornWrite | Decision::Contradiction | Decision::Reset => {
            Verdict::review(Class::C10, "a voided token left contradictory evidence")
        }
        Decision::NotApplied | Decision::Raced | Decision::Unreachable => Verdict::noted(),
    }
}

/// Once a person must decide, no later reading decides for him; it is added to what he sees.
fn disputed(decision: Decision) -> Verdict {
    match decision {
        Decision::Confirmed | Decision::ConfirmedWeak => {
            Verdict::review(Class::C10, "a later reading of the dispute shows it accepted")
        }
        Decision::NotApplied => {
            Verdict::review(Class::C10, "a later reading of the dispute shows it not applied")
        }
        Decision::Raced => {
            Verdict::review(Class::C4, "a later reading of the dispute shows another credit")
        }
        _ => Verdict::noted(),
    }
}

fn live(setting: &Setting, token: &TokenRow, judgement: &Judgement) -> Verdict {
    let after = judgement.after.as_ref();
    match judgement.decision {
        Decision::Confirmed => confirmed(setting, token, after),
        Decision::ConfirmedWeak => match confirmed(setting, token, after) {
            verdict if verdict.movement.is_some() => {
                Verdict::applied_flagged(Class::C10, "confirmed by the balance alone")
            }
            verdict => verdict,
        },
        Decision::NotApplied => not_applied(token, after),
        Decision::Raced => raced(setting, token, after),
        Decision::TornWrite if token.act.is_debit() => {
            Verdict::disputed(Class::C10, "the balance did not fall by the amount")
        }
        Decision::TornWrite => {
            Verdict::disputed(Class::C10, "the count moved, the balance did not")
        }
        Decision::Reset => Verdict::disputed(Class::C5, "the meter went back or was replaced"),
        Decision::Contradiction => Verdict::disputed(Class::C10, "the evidence contradicts itself"),
        Decision::Unreachable => Verdict::state(TokenState::Suspect),
    }
}

fn confirmed(setting: &Setting, token: &TokenRow, after: Option<&Evidence>) -> Verdict {
    if setting.step_taken_by.is_some() {
        return Verdict::disputed(Class::C4, "another token took the same step");
    }
    if !token.intent_seen {
        return Verdict::disputed(Class::C10, "accepted without an intent before");
    }
    if let Some((class, why)) = setting.park {
        return Verdict::disputed(class, why);
    }
    let Some(after) = after else {
        return Verdict::disputed(Class::C10, "accepted without a read-back");
    };
    if let Some(why) = contradicts(token, after) {
        return Verdict::disputed(Class::C10, why);
    }
    if setting.at > token.expires {
        return Verdict::applied_flagged(Class::C3, "applied after its time was over");
    }
    Verdict::applied()
}

/// What in a read-back speaks against the token being in the meter.
fn contradicts(token: &TokenRow, after: &Evidence) -> Option<&'static str> {
    let taken = token.takes_step();
    let step = if taken { token.count_before.next() } else { Some(token.count_before) };
    let record = after.last_purchase.filter(|record| taken && Some(record.count) == step);
    if after.meter != token.meter {
        Some("the read-back is of another meter")
    } else if after.account != Some(token.account) {
        Some("the read-back is of another account")
    } else if Some(after.count) < step {
        Some("accepted, but the count did not move")
    } else if !taken && Some(after.count) != step {
        Some("accepted, but a step was taken in between")
    } else if record.is_some_and(|record| record.amount != token.credit.value) {
        Some("accepted, but the purchase record has another amount")
    } else {
        None
    }
}

fn not_applied(token: &TokenRow, after: Option<&Evidence>) -> Verdict {
    let proved = after.is_some_and(|after| {
        let account = after.account == Some(token.account) || token.act == Act::Open;
        after.meter == token.meter && account && after.count == token.count_before
    });
    if proved {
        Verdict::state(TokenState::Delivered)
    } else {
        Verdict::disputed(Class::C10, "denied without a read-back that shows it")
    }
}

fn raced(setting: &Setting, token: &TokenRow, after: Option<&Evidence>) -> Verdict {
    let fenced = after.is_some_and(|after| {
        after.meter == token.meter
            && after.account == Some(token.account)
            && after.count > token.count_before
    });
    match (fenced, setting.step_taken_by) {
        (false, _) => Verdict::disputed(Class::C10, "said to be raced, but the count did not move"),
        // Proof is complete: the step is consumed, and we know by which credit.
        (true, Some(_)) => {
            Verdict { movement: Some(Move::Return), ..Verdict::state(TokenState::Voided) }
        }
        (true, None) => {
            Verdict::disputed(Class::C4, "a sale the office does not know took the step")
        }
    }
}

/// What the office knows of a meter's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The account on record.
    pub account: AccountNo,
    /// Its purchase count, as far as proved.
    pub count: PurchaseCount,
    /// When it was last seen, by the reader's clock.
    pub seen: UnixSeconds,
    /// The count after every token that is out, if all were used.
    pub count_if_all_used: PurchaseCount,
    /// The account that a token opens which was issued: until it is open, the meter may hold none.
    pub opening: Option<AccountNo>,
}

/// What a reading of a meter changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observed {
    /// Whether the reading becomes the last one known of the account that was read.
    pub update: bool,
    /// What a person must look at.
    pub review: Option<(Class, &'static str)>,
}

/// Judges a reading against what is known of the meter. Moves no money.
pub fn observe(known: &Known, seen: &Evidence) -> Observed {
    let flagged = |update, class, why| Observed { update, review: Some((class, why)) };
    match seen.account {
        Some(account) if account == known.account => {}
        account if known.opening.is_some_and(|own| account.is_none_or(|of| of == own)) => {
            // What is read of the account to be is kept for it; the journal that shows the opening
            // may come later than that of somebody who read the meter afterwards.
            return Observed { update: account.is_some(), review: None };
        }
        Some(_) => return flagged(false, Class::C8, "the meter holds another account"),
        None => return flagged(false, Class::C8, "the meter holds no account"),
    }
    if seen.count < known.count && seen.read_at >= known.seen {
        flagged(false, Class::C5, "the meter's count is behind")
    } else if seen.count > known.count_if_all_used {
        flagged(true, Class::C4, "the meter's count is ahead: a sale the office does not know")
    } else {
        Observed { update: seen.read_at >= known.seen, review: None }
    }
}
