//! Recharges the office makes itself, over its own line to the meter (`reference/field-work.md`
//! 3b, R9).
//!
//! One of them is a token like any other, of a handheld that does not exist, and no document of it
//! is ever signed: its step, its postings and its place in every list are those of a sale. If a
//! token of a handheld is out for the same step, that one is *fenced*: the meter itself takes one
//! of the two and refuses the other, and its purchase record says which, because the two never have
//! the same amount. Nothing is voided before the meter showed it.

use super::Office;
use super::backup::rewound;
use super::db::query;
use super::error::OfficeError;
use super::grounds::{self, Grounds};
use super::issue;
use super::keys::MAX_TOKEN_AMOUNT;
use super::ledger::{self, Conn, transact};
use super::model::{Class, Move, TokenRow, TokenState};
use super::review::{self, NewReview, Verdict};
use super::swap;
use crate::units::{Act, Credit, DeviceId, MeterNo, Money, PurchaseCount, TokenId, UnixSeconds};

/// The handheld that does not exist: the office itself. No handheld may be enrolled as it.
pub(super) const ONLINE: &str = "office-online";

/// A recharge the office is about to make, or has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOnline {
    /// Of which meter.
    pub meter: MeterNo,
    /// How much, hundredths of the meter's unit.
    pub amount: i64,
    /// The purchase count the meter shows before it.
    pub count: PurchaseCount,
}

/// What the meter shows afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlineShown {
    /// Its purchase count.
    pub count: PurchaseCount,
    /// The amount of its purchase record for the step, hundredths; it must be read if a token was
    /// out for the step.
    pub record: Option<i64>,
    /// Its balance, hundredths, if it was read.
    pub balance: Option<i64>,
}

/// A recharge of the office that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlineSale {
    /// Its identity.
    pub id: TokenId,
    /// The count the meter must show before.
    pub count_before: PurchaseCount,
    /// How much.
    pub credit: Credit,
    /// The token of a handheld that is out for the same step, and whose.
    pub fenced: Option<(TokenId, DeviceId)>,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// The meter has it; a token that was out for the step is void.
    Applied,
    /// The meter does not have it.
    NotApplied,
    /// The token that was out for the step was faster.
    TokenWon,
    /// The meter shows neither; a person looks at it.
    Disputed,
}

impl Ended {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::NotApplied => "not-applied",
            Self::TokenWon => "token-won",
            Self::Disputed => "disputed",
        }
    }
}

/// What a read-back says of a recharge of the office at a step. `rival` is the amount of the token
/// that was out for the step, `taken` whether that one is proved to be in the meter. `Err` names
/// what must be read first.
pub fn decide(
    step: PurchaseCount,
    amount: i64,
    (rival, taken): (Option<i64>, bool),
    shown: &OnlineShown,
) -> Result<(Ended, &'static str), &'static str> {
    let next = step.next();
    if shown.count < step {
        return Ok((
            Ended::Disputed,
            "the meter's count went back after a recharge from the office",
        ));
    }
    if shown.count == step {
        return if taken {
            Ok((Ended::Disputed, "a token is said to be in the meter, but its count did not move"))
        } else {
            Ok((Ended::NotApplied, ""))
        };
    }
    match shown.record {
        Some(record) if record == amount && taken => Ok((
            Ended::Disputed,
            "the step was taken by the office, and a token is said to be in it",
        )),
        Some(record) if record == amount => Ok((Ended::Applied, "")),
        Some(record) if rival == Some(record) => Ok((Ended::TokenWon, "")),
        Some(_) => Ok((Ended::Disputed, "a sale the office does not know took its own step")),
        None if taken => Ok((Ended::TokenWon, "")),
        None if rival.is_some() || Some(shown.count) != next => Err(
            "read the meter's purchase record of this step: the count alone proves nothing here",
        ),
        None => Ok((Ended::Applied, "")),
    }
}

impl Office {
    /// Begins a recharge over the office's own line: its money is in transit, its step reserved,
    /// and a token that is out for the step is fenced: its handheld does not use it any more once
    /// it hears of it, and the meter refuses it if it does.
    ///
    /// # Errors
    /// [`OfficeError::NoMeter`], [`OfficeError::MeterClosed`], [`OfficeError::SwapOpen`],
    /// [`OfficeError::Amount`], [`OfficeError::Disputed`]; [`OfficeError::SameAmount`] if the token
    /// that is out for the step has the same amount; [`OfficeError::Usage`] for a count behind what
    /// is proved, or while another such recharge is under way; [`OfficeError::Restored`].
    pub async fn begin_online(&self, new: &NewOnline) -> Result<OnlineSale, OfficeError> {
        let (id, now) = (self.new_id()?, self.now());
        transact!(self.ledger, |tx| begin(&mut tx, new, id, false, now).await)
    }

    /// Ends one by what the meter shows.
    ///
    /// # Errors
    /// [`OfficeError::NoToken`]; [`OfficeError::NotInDispute`] for one that has ended;
    /// [`OfficeError::Usage`] if more must be read; [`OfficeError::Restored`].
    pub async fn end_online(&self, id: TokenId, shown: &OnlineShown) -> Result<Ended, OfficeError> {
        let now = self.now();
        transact!(self.ledger, |tx| end(&mut tx, id, shown, now).await)
    }

    /// Records one that was made before the office's ledger heard of it, by another system or
    /// another person: both steps at once. What a handheld reported meanwhile as a sale nobody
    /// knows is matched with it (C4).
    ///
    /// # Errors
    /// As both; [`OfficeError::StepTaken`] when a credit we know took the step.
    pub async fn record_online(
        &self,
        new: &NewOnline,
        shown: &OnlineShown,
    ) -> Result<(OnlineSale, Ended), OfficeError> {
        let (id, now) = (self.new_id()?, self.now());
        transact!(self.ledger, |tx| record(&mut tx, new, shown, id, now).await)
    }
}

async fn record(
    conn: &mut Conn,
    new: &NewOnline,
    shown: &OnlineShown,
    id: TokenId,
    now: UnixSeconds,
) -> Result<(OnlineSale, Ended), OfficeError> {
    let sale = begin(conn, new, id, true, now).await?;
    let ended = end(conn, id, shown, now).await?;
    Ok((sale, ended))
}

async fn begin(
    conn: &mut Conn,
    new: &NewOnline,
    id: TokenId,
    made: bool,
    now: UnixSeconds,
) -> Result<OnlineSale, OfficeError> {
    rewound::fence(conn).await?;
    let meter = ledger::meter(conn, new.meter).await?.ok_or(OfficeError::NoMeter(new.meter))?;
    if swap::closed_at(conn, new.meter).await?.is_some() {
        return Err(OfficeError::MeterClosed(new.meter));
    }
    swap::check_free(conn, new.meter).await?;
    if !(1..=MAX_TOKEN_AMOUNT).contains(&new.amount) {
        return Err(OfficeError::Amount { most: Money(MAX_TOKEN_AMOUNT).to_string() });
    }
    // The meter must be able to show one more.
    if new.count.next().is_none() {
        return Err(OfficeError::CountEnd(new.meter));
    }
    let known = ledger::meter_state(conn, meter.meter, meter.account).await?;
    if !made && known.is_some_and(|(count, ..)| new.count < count) {
        let why = format!("meter {} was proved to be past count {}", new.meter, new.count);
        return Err(OfficeError::Usage(why));
    }
    let out = ledger::tokens_out(conn, meter.meter, meter.account).await?;
    if out.iter().any(|token| token.device.as_str() == ONLINE) {
        let why = format!("a recharge of meter {} from the office is under way", new.meter);
        return Err(OfficeError::Usage(why));
    }
    let rival = out.into_iter().find(|token| token.takes_step() && token.count_before == new.count);
    if let Some(token) = &rival {
        fence(conn, token, (new.amount, made), id, now).await?;
    }
    let sale = TokenRow {
        id,
        meter: meter.meter,
        account: meter.account,
        count_before: new.count,
        credit: Credit { value: new.amount, unit: meter.unit },
        device: ONLINE.parse().map_err(|_| OfficeError::Stored("device"))?,
        order: [0; 8],
        expires: UnixSeconds(now.0.saturating_add(issue::DAY)),
        intent_seen: true,
        revoked: false,
        state: TokenState::Reserved,
        act: Act::Recharge,
        undoes: None,
        leg: None,
    };
    // No document, so no number of one: numbers of documents have no gaps.
    issue::insert(conn, &sale, None, now, (&[], "")).await?;
    ledger::book(conn, Move::Issue, &sale, now).await?;
    let fenced = rival.map(|token| (token.id, token.device));
    Ok(OnlineSale { id, count_before: new.count, credit: sale.credit, fenced })
}

/// Fences the token that is out for the step of a recharge from the office.
async fn fence(
    conn: &mut Conn,
    token: &TokenRow,
    (amount, made): (i64, bool),
    by: TokenId,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    if token.credit.value == amount {
        return Err(OfficeError::SameAmount(token.id));
    }
    if !made && token.state == TokenState::Disputed {
        return Err(OfficeError::Disputed { meter: token.meter, token: token.id });
    }
    let sql = "UPDATE token SET fenced_by = $2, revoked = COALESCE(revoked, $3),
               state = CASE WHEN state IN ('reserved', 'delivered') THEN 'suspect' ELSE state END
               WHERE id = $1";
    query(sql).bind(token.id.to_string()).bind(by.to_string()).bind(now.0).execute(conn).await?;
    Ok(())
}

async fn end(
    conn: &mut Conn,
    id: TokenId,
    shown: &OnlineShown,
    now: UnixSeconds,
) -> Result<Ended, OfficeError> {
    // What else may be in the meter is not known before all journals are here.
    rewound::fence(conn).await?;
    let sale = ledger::token(conn, id).await?.filter(|row| row.device.as_str() == ONLINE);
    let sale = sale.ok_or(OfficeError::NoToken(id))?;
    if !sale.state.is_out() {
        return Err(OfficeError::NotInDispute(id, sale.state.name()));
    }
    let rival = rival(conn, &sale).await?;
    let taken = taken(conn, &sale).await?;
    let amount = rival.as_ref().map(|token| token.credit.value);
    let decided = decide(sale.count_before, sale.credit.value, (amount, taken), shown);
    let (ended, why) = decided.map_err(|why| OfficeError::Usage(why.to_owned()))?;
    match ended {
        Ended::Applied => applied(conn, &sale, rival.as_ref(), now).await?,
        Ended::NotApplied | Ended::TokenWon => {
            ledger::set_state(conn, id, TokenState::Voided).await?;
            ledger::book(conn, Move::Return, &sale, now).await?;
            // What was fenced holds the step alone again. Its handheld was told not to use it, so
            // it stays in doubt: its journal, `reissue` or a person goes on from there.
            let sql = "UPDATE token SET fenced_by = NULL WHERE meter = $1 AND fenced_by = $2";
            let free = query(sql).bind(sale.meter.to_string()).bind(id.to_string());
            free.execute(&mut *conn).await?;
        }
        Ended::Disputed => {
            ledger::set_state(conn, id, TokenState::Disputed).await?;
            let class = if shown.count < sale.count_before { Class::C5 } else { Class::C4 };
            let rival = rival.as_ref().map(|token| token.id);
            let rests = rival.into_iter().fold(Grounds::tokens(&[sale.id]), Grounds::and_token);
            let whose = (sale.meter, sale.account);
            let read = (shown.count.0, shown.balance);
            let read = grounds::reading("person", whose, read, (sale.credit.unit, now));
            let about = about(&sale, (class, why), rests.and_reading(read));
            review::raise(conn, about, now).await?;
        }
    }
    if ended != Ended::NotApplied && ended != Ended::Disputed {
        seen(conn, &sale, shown, now).await?;
    }
    Ok(ended)
}

fn about<'a>(sale: &'a TokenRow, (class, why): (Class, &str), rests: Grounds) -> NewReview<'a> {
    NewReview {
        id: format!("{}:{}:online", class.name(), sale.id),
        class,
        why: why.to_owned(),
        device: &sale.device,
        epoch: 0,
        seq: 0,
        meter: Some(sale.meter),
        token: Some(sale.id),
        rests,
    }
}

/// The token this recharge fenced.
async fn rival(conn: &mut Conn, sale: &TokenRow) -> Result<Option<TokenRow>, OfficeError> {
    let sql = "SELECT * FROM token WHERE meter = $1 AND fenced_by = $2";
    let row = query(sql).bind(sale.meter.to_string()).bind(sale.id.to_string());
    row.fetch_optional(conn).await?.as_ref().map(ledger::token_row).transpose()
}

/// Whether another credit is booked as having taken the step.
async fn taken(conn: &mut Conn, sale: &TokenRow) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM token WHERE meter = $1 AND account = $2
               AND count_before = $3 AND state = 'applied' AND amount > 0
               AND act IN ('recharge', 'carry-in', 'open')";
    let row = query(sql)
        .bind(sale.meter.to_string())
        .bind(sale.account.to_string())
        .bind(i64::from(sale.count_before.0))
        .fetch_one(conn)
        .await?;
    Ok(ledger::counter(&row, "n")? > 0)
}

/// The meter has it: the token that was out for the step can never be taken any more, whatever its
/// handheld does, and what was a sale nobody knew is known.
async fn applied(
    conn: &mut Conn,
    sale: &TokenRow,
    rival: Option<&TokenRow>,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    ledger::set_state(conn, sale.id, TokenState::Applied).await?;
    ledger::book(conn, Move::Apply, sale, now).await?;
    ledger::step_done(conn, sale).await?;
    let reason = format!("recharged from the office: {}", sale.id);
    if let Some(token) = rival.filter(|token| token.state.is_out()) {
        ledger::set_state(conn, token.id, TokenState::Voided).await?;
        ledger::book(conn, Move::Return, token, now).await?;
        if token.intent_seen {
            review::tell(conn, token, Verdict::NotBooked, &reason, now).await?;
        }
        let sql = "UPDATE review SET settled = $2, verdict = 'matched', reason = $3
                   WHERE token = $1 AND settled IS NULL";
        let close = query(sql).bind(token.id.to_string()).bind(now.0).bind(&reason);
        close.execute(&mut *conn).await?;
    }
    // As `entry::see` names it: the meter's count was read one beyond what was known.
    let Some(after) = sale.count_before.next() else { return Ok(()) };
    let id = format!("{}:{}:{}:{after}", Class::C4.name(), sale.meter, sale.account);
    let sql = "UPDATE review SET settled = $2, verdict = 'matched', reason = $3
               WHERE id = $1 AND settled IS NULL";
    query(sql).bind(id).bind(now.0).bind(reason).execute(conn).await?;
    Ok(())
}

/// The reading becomes the last one known, unless a later one is.
async fn seen(
    conn: &mut Conn,
    sale: &TokenRow,
    shown: &OnlineShown,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let sql = "UPDATE meter_state SET count = $3, balance = COALESCE($4, balance), seen = $5
               WHERE meter = $1 AND account = $2 AND count <= $3";
    query(sql)
        .bind(sale.meter.to_string())
        .bind(sale.account.to_string())
        .bind(i64::from(shown.count.0))
        .bind(shown.balance)
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of the table in docs/sync.md.
    #[test]
    fn the_purchase_record_says_which_of_the_two_it_was() {
        use Ended::{Applied, Disputed, NotApplied, TokenWon};
        let shown =
            |count, record| OnlineShown { count: PurchaseCount(count), record, balance: None };
        let cases = [
            // amount 100; the token out has 70, or there is none; it is proved to be in, or not.
            ((None, false), shown(6, None), Some(Applied)),
            ((None, false), shown(6, Some(100)), Some(Applied)),
            ((None, false), shown(5, None), Some(NotApplied)),
            ((None, false), shown(4, None), Some(Disputed)),
            ((None, false), shown(7, None), None),
            ((None, false), shown(6, Some(99)), Some(Disputed)),
            ((Some(70), false), shown(6, None), None),
            ((Some(70), false), shown(6, Some(100)), Some(Applied)),
            ((Some(70), false), shown(6, Some(70)), Some(TokenWon)),
            ((Some(70), false), shown(8, Some(100)), Some(Applied)),
            ((Some(70), false), shown(6, Some(1)), Some(Disputed)),
            ((Some(70), true), shown(6, Some(70)), Some(TokenWon)),
            ((Some(70), true), shown(6, None), Some(TokenWon)),
            ((Some(70), true), shown(6, Some(100)), Some(Disputed)),
            ((Some(70), true), shown(5, None), Some(Disputed)),
        ];
        for (rival, shown, want) in cases {
            let got = decide(PurchaseCount(5), 100, rival, &shown).ok().map(|(ended, _)| ended);
            assert_eq!(got, want, "{rival:?} {shown:?}");
        }
    }
}
