//! Swaps: the office's leave for one, and the legs its money moves in.
//!
//! The leave names both meters and the limits, not the amount: that is what the old meter shows on
//! the day. Each leg is fixed in the journal when it is known, and is a token like any other from
//! then on: intents, outcomes, limits and "what happened?" need to know nothing of swaps. Its
//! identity is derived, so that the same leg can never be there twice.

use super::event::TokenFacts;
use super::index::{Index, Tree, id_key, key};
use super::kv::IndexError;
use super::records::swap::decode_swap;
use super::{Store, StoreError};
use crate::units::{
    AccountNo, Act, Credit, CreditUnit, Evidence, MeterNo, PurchaseCount, SwapLeg, TokenId,
    UnixSeconds,
};
use meterkit_tokens::{SwapToken, Unit};
use sha2::{Digest, Sha256};

/// Goes before what a leg's identity is derived from.
const DOMAIN: &[u8] = b"meterkit/swap/1\0";

/// What the office's leave for a swap says, as far as the handheld acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapFacts {
    /// Its identity.
    pub id: TokenId,
    /// The new meter.
    pub meter: MeterNo,
    /// The account in it, or to be opened there.
    pub account: AccountNo,
    /// The purchase count it must show before it is credited.
    pub count: PurchaseCount,
    /// The old meter.
    pub old: MeterNo,
    /// The account in that.
    pub old_account: AccountNo,
    /// What both are kept in.
    pub unit: CreditUnit,
    /// The most that may be carried over, hundredths.
    pub most: i64,
    /// The most that may be credited for a dead old meter; 0 for nothing.
    pub provisional: i64,
    /// The largest debt that may be taken along; 0 for none.
    pub arrears: i64,
    /// The issuer's running number for the new meter.
    pub seq: u64,
    /// Start of its life.
    pub not_before: UnixSeconds,
    /// When the office signed it.
    pub issued: UnixSeconds,
    /// End of its life.
    pub expires: UnixSeconds,
}

impl SwapFacts {
    /// What a verified document says. `None` if a meter or an account is not a number: verification
    /// has already refused those.
    pub fn of(swap: &SwapToken) -> Option<Self> {
        Some(Self {
            id: TokenId(swap.id),
            meter: MeterNo::from_bcd(swap.meter)?,
            account: AccountNo::from_bcd(swap.account)?,
            count: PurchaseCount(swap.count),
            old: MeterNo::from_bcd(swap.old)?,
            old_account: AccountNo::from_bcd(swap.old_account)?,
            unit: match swap.unit {
                Unit::Yuan => CreditUnit::Yuan,
                Unit::Kwh => CreditUnit::Kwh,
            },
            most: swap.most,
            provisional: swap.provisional,
            arrears: swap.arrears,
            seq: swap.seq,
            not_before: UnixSeconds(swap.not_before),
            issued: UnixSeconds(swap.issued),
            expires: UnixSeconds(swap.expires),
        })
    }

    /// The identity of a leg. Both kinds of credit have the same one: there is one credit.
    pub fn token(id: TokenId, leg: SwapLeg, attempt: u32) -> TokenId {
        let number = match leg {
            SwapLeg::Provisional => SwapLeg::In.number(),
            leg => leg.number(),
        };
        let hash = Sha256::new().chain_update(DOMAIN).chain_update(id.0);
        let hash = hash.chain_update([number]).chain_update(attempt.to_be_bytes()).finalize();
        let mut token = [0; 16];
        token.copy_from_slice(&hash[..16]);
        TokenId(token)
    }

    /// A leg as it is fixed.
    pub fn fix(
        &self,
        leg: SwapLeg,
        attempt: u32,
        (amount, count): (i64, PurchaseCount),
        rests_on: Option<Evidence>,
    ) -> SwapFixed {
        let meter = if leg == SwapLeg::Out { self.old } else { self.meter };
        SwapFixed { swap: self.id, leg, attempt, meter, amount, count, rests_on }
    }

    /// The token a fixed leg is.
    pub fn leg(&self, fixed: &SwapFixed) -> TokenFacts {
        let id = fixed.token();
        let (meter, account) = match fixed.leg {
            SwapLeg::Out => (self.old, self.old_account),
            _ => (self.meter, self.account),
        };
        let mut order = [0; 8];
        order.copy_from_slice(&id.0[..8]);
        TokenFacts {
            id,
            meter,
            account,
            count_before: fixed.count,
            credit: Credit { value: fixed.amount, unit: self.unit },
            act: match fixed.leg {
                SwapLeg::Out => Act::CarryOut,
                SwapLeg::Open => Act::Open,
                SwapLeg::In | SwapLeg::Provisional => Act::CarryIn,
            },
            seq: self.seq,
            order,
            not_before: self.not_before,
            issued: self.issued,
            expires: self.expires,
            caps: 0,
            max_balance: None,
        }
    }
}

/// What one leg of a swap moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapFixed {
    /// The office's leave.
    pub swap: TokenId,
    /// Which leg.
    pub leg: SwapLeg,
    /// Which attempt, from 1: the balance may move before it is taken out.
    pub attempt: u32,
    /// The meter it is about.
    pub meter: MeterNo,
    /// How much, hundredths.
    pub amount: i64,
    /// The purchase count the meter must show before.
    pub count: PurchaseCount,
    /// The reading it rests on: of the old meter.
    pub rests_on: Option<Evidence>,
}

impl SwapFixed {
    /// The identity of the token it is.
    pub fn token(&self) -> TokenId {
        SwapFacts::token(self.swap, self.leg, self.attempt)
    }
}

/// A swap the office gave leave for, and how far its money came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapRow {
    /// What the leave says.
    pub facts: SwapFacts,
    /// The signed document.
    pub bytes: Vec<u8>,
    /// When it was taken in.
    pub taken_at: UnixSeconds,
    /// Whether the office took it back.
    pub withdrawn: bool,
    /// Whether the office revoked it; then it is withdrawn too.
    pub revoked: bool,
    /// How often the leg out was fixed.
    pub outs: u32,
    /// Whether an opening was fixed.
    pub opened: bool,
    /// The credit that was fixed.
    pub credited: Option<SwapLeg>,
    /// The entry that last changed it.
    pub last_seq: u64,
}

impl SwapRow {
    /// The token of the newest leg out.
    pub fn out(&self) -> Option<TokenId> {
        (self.outs > 0).then(|| SwapFacts::token(self.facts.id, SwapLeg::Out, self.outs))
    }

    /// The token of the opening.
    pub fn opening(&self) -> Option<TokenId> {
        self.opened.then(|| SwapFacts::token(self.facts.id, SwapLeg::Open, 1))
    }

    /// The token of the credit.
    pub fn credit(&self) -> Option<TokenId> {
        self.credited.map(|leg| SwapFacts::token(self.facts.id, leg, 1))
    }

    /// The tokens that it was fixed into and that still count, in the order of the work.
    pub fn tokens(&self) -> Vec<TokenId> {
        [self.out(), self.opening(), self.credit()].into_iter().flatten().collect()
    }

    /// Whether a token is one of its legs, within its limits.
    pub fn covers(&self, token: &TokenFacts) -> bool {
        let facts = &self.facts;
        let (leg, attempt, most) = match token.act {
            Act::CarryOut => (SwapLeg::Out, self.outs, facts.most),
            Act::Open => (SwapLeg::Open, 1, 0),
            _ if self.credited == Some(SwapLeg::Provisional) => {
                (SwapLeg::Provisional, 1, facts.provisional)
            }
            _ => (SwapLeg::In, 1, facts.most),
        };
        let amount = (token.credit.value, token.count_before);
        let alike = facts.leg(&facts.fix(leg, attempt, amount, None)) == *token;
        alike && token.credit.value <= most
    }
}

impl Index {
    /// A swap.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn swap(&self, id: TokenId) -> Result<Option<SwapRow>, IndexError> {
        let row = self.get(&id_key(Tree::Swap, id))?;
        Ok(row.map(|row| decode_swap(&row)).transpose()?)
    }
}

impl Store {
    /// All swaps the office gave leave for, the one touched last first.
    pub fn swaps(&self) -> Vec<SwapRow> {
        self.inner.ask(|index| {
            let mut rows = Vec::new();
            index.each(&key(Tree::Swap, &[]), |_, row| {
                rows.push(decode_swap(row)?);
                Ok::<_, IndexError>(())
            })?;
            rows.sort_by_key(|row: &SwapRow| std::cmp::Reverse(row.last_seq));
            Ok(rows)
        })
    }

    /// One of them.
    pub fn swap(&self, id: TokenId) -> Option<SwapRow> {
        self.inner.ask(|index| index.swap(id))
    }
}

/// Whether a leg may be fixed: within the leave, in the order that keeps money from being there
/// twice, on a reading that shows it.
///
/// # Errors
/// One [`StoreError`] per reason.
pub fn check_fixed(index: &Index, now: UnixSeconds, fixed: &SwapFixed) -> Result<(), StoreError> {
    let row = index.swap(fixed.swap)?.ok_or(StoreError::UnknownToken(fixed.swap))?;
    let facts = &row.facts;
    if row.revoked {
        return Err(StoreError::TokenRevoked(facts.id));
    }
    if row.withdrawn {
        return Err(StoreError::TokenWithdrawn(facts.id));
    }
    if now > facts.expires {
        return Err(StoreError::TokenExpired(facts.id));
    }
    let differs = |what| Err(StoreError::FactsDiffer(facts.id, what));
    if *fixed
        != facts.fix(fixed.leg, fixed.attempt, (fixed.amount, fixed.count), fixed.rests_on.clone())
    {
        return differs("meter");
    }
    let (first, most) = match fixed.leg {
        SwapLeg::Out => (row.outs.saturating_add(1), facts.most),
        SwapLeg::Open => (1, 0),
        SwapLeg::In => (1, facts.most),
        SwapLeg::Provisional => (1, facts.provisional),
    };
    if fixed.attempt != first {
        return differs("attempt");
    }
    let least = i64::from(fixed.leg != SwapLeg::Open);
    if !(least..=most).contains(&fixed.amount) {
        return differs("credit");
    }
    if fixed.leg != SwapLeg::Out && fixed.count != facts.count {
        return differs("count");
    }
    if fixed.leg == SwapLeg::Open && row.opened {
        return Err(StoreError::Known(fixed.token()));
    }
    if fixed.leg != SwapLeg::Open && row.credited.is_some() {
        // Neither a second credit nor a debit behind the credit.
        return Err(StoreError::TokenUsed(facts.id));
    }
    in_order(index, &row, fixed)
}

/// The order of the legs: nothing is credited before it was taken out, and nothing is taken out
/// again before the attempt before it is proved to have come to nothing.
fn in_order(index: &Index, row: &SwapRow, fixed: &SwapFixed) -> Result<(), StoreError> {
    use super::rows::TokenState::{Accepted, Cached, Disputed, Intent, NotApplied};
    let out = row.out().map(|id| index.token(id)).transpose()?.flatten();
    let state = out.as_ref().map(|out| out.state);
    match (fixed.leg, &out) {
        (SwapLeg::Open, _) => Ok(()),
        (SwapLeg::In, Some(out)) if state == Some(Accepted) => match out.facts.credit.value {
            amount if amount == fixed.amount => Ok(()),
            _ => Err(StoreError::FactsDiffer(row.facts.id, "credit")),
        },
        (SwapLeg::In, _) => Err(StoreError::Evidence("nothing was taken out")),
        (SwapLeg::Out | SwapLeg::Provisional, Some(out)) if state == Some(Accepted) => {
            Err(StoreError::TokenUsed(out.facts.id))
        }
        (SwapLeg::Provisional, _) => Ok(()),
        (SwapLeg::Out, Some(out)) if matches!(state, Some(Intent | Disputed)) => {
            Err(StoreError::OpenIntent { meter: out.facts.meter, token: out.facts.id })
        }
        (SwapLeg::Out, None) => shows_amount(&row.facts, fixed),
        (SwapLeg::Out, Some(_)) if matches!(state, Some(Cached | NotApplied)) => {
            shows_amount(&row.facts, fixed)
        }
        (SwapLeg::Out, Some(out)) => Err(StoreError::TokenUsed(out.facts.id)),
    }
}

/// The old meter showed at least what is to be taken out of it.
fn shows_amount(facts: &SwapFacts, fixed: &SwapFixed) -> Result<(), StoreError> {
    let no = |what| Err(StoreError::Evidence(what));
    let Some(seen) = &fixed.rests_on else { return no("no reading") };
    if seen.meter != facts.old {
        return no("meter");
    }
    if seen.account != Some(facts.old_account) {
        return no("account");
    }
    if seen.balance.unit != facts.unit {
        return no("unit");
    }
    if seen.count != fixed.count {
        return no("count");
    }
    let holds = seen.balance.value.saturating_sub(seen.overdraft.max(0));
    if holds < fixed.amount { no("balance") } else { Ok(()) }
}
