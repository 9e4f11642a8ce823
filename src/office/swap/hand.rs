//! What a person does about a swap: take it back, end it, move what it left behind.

use super::follow::bind;
use super::post;
use super::row::{self, SwapInfo, SwapRow, SwapState};
use crate::office::Office;
use crate::office::backup::rewound;
use crate::office::db::query;
use crate::office::entry::Source;
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn, transact};
use crate::office::model::{Class, Place, TokenState};
use crate::office::review::require;
use crate::units::{TokenId, UnixSeconds};
use meterkit_tokens::KeyId;

/// Where a person moves what a swap left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapTo {
    /// It is the customer's: a token of its own, or the desk, gives it to him.
    Customer,
    /// It was used up in the old meter, as its reading shows.
    Used,
    /// It is neither, and the office's.
    Variance,
}

/// What of a swap is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapMove {
    /// Out of the variance; else out of transit.
    pub variance: bool,
    /// Where to.
    pub to: SwapTo,
    /// How much, hundredths.
    pub amount: i64,
}

impl Office {
    /// Takes back a leave that nobody has begun to use, as far as the office knows. Its handheld
    /// hears of it; what it did until then is a fact all the same.
    ///
    /// # Errors
    /// [`OfficeError::NoSwap`]; [`OfficeError::SwapStands`] for one that was begun or has ended.
    pub async fn withdraw_swap(&self, id: TokenId) -> Result<SwapInfo, OfficeError> {
        let now = self.now();
        transact!(self.ledger, |tx| {
            let swap = row::swap(&mut tx, id).await?.ok_or(OfficeError::NoSwap(id))?;
            match swap.state {
                SwapState::Reserved | SwapState::Delivered => {
                    row::set_state(&mut tx, id, SwapState::Voided).await?;
                    revoke(&mut tx, id, now).await
                }
                SwapState::Begun => {
                    Err(OfficeError::SwapStands(id, "it was begun: `swap close` ends it"))
                }
                SwapState::Done | SwapState::Voided => {
                    Err(OfficeError::SwapStands(id, "it is not out any more"))
                }
            }
        })?;
        self.swap(id).await
    }

    /// Ends a swap by a person's word: its handheld is lost, or two swaps claim one meter. With
    /// `bind` the list follows it, whatever spoke against that. Nothing more is to be done with it;
    /// its handheld hears of that.
    ///
    /// # Errors
    /// [`OfficeError::NoSwap`]; [`OfficeError::SwapStands`] while a leg is in doubt (settle that
    /// first), and for one that was not begun; [`OfficeError::Usage`] without a reason;
    /// [`OfficeError::Restored`].
    pub async fn close_swap(
        &self,
        id: TokenId,
        bind: bool,
        reason: &str,
    ) -> Result<SwapInfo, OfficeError> {
        require(reason)?;
        let now = self.now();
        transact!(self.ledger, |tx| {
            rewound::fence(&mut tx).await?;
            close(&mut tx, id, bind, reason, now).await
        })?;
        self.swap(id).await
    }

    /// Moves what a swap that has ended left in transit or in the variance.
    ///
    /// # Errors
    /// [`OfficeError::NoSwap`]; [`OfficeError::SwapStands`] while it is out or a leg is in doubt;
    /// [`OfficeError::Amount`] for more than is there; [`OfficeError::Usage`] without a reason, or
    /// for a move from a place to itself; [`OfficeError::Restored`].
    pub async fn settle_swap(
        &self,
        id: TokenId,
        what: SwapMove,
        reason: &str,
    ) -> Result<SwapInfo, OfficeError> {
        require(reason)?;
        let now = self.now();
        transact!(self.ledger, |tx| {
            rewound::fence(&mut tx).await?;
            settle(&mut tx, id, what, reason, now).await
        })?;
        self.swap(id).await
    }
}

/// Its handheld is told that it is not to be used any more.
async fn revoke(conn: &mut Conn, id: TokenId, now: UnixSeconds) -> Result<(), OfficeError> {
    query("UPDATE swap SET revoked = $2 WHERE id = $1 AND revoked IS NULL")
        .bind(id.to_string())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Leaves that are out and were signed by a key at `from` or later: nobody uses them any more.
/// Gives them all; those that were begun are still to be looked at.
pub(in crate::office) async fn of_dead_key(
    conn: &mut Conn,
    (kid, from): (KeyId, i64),
    now: i64,
) -> Result<Vec<TokenId>, OfficeError> {
    let sql = "SELECT id FROM swap WHERE kid = $1 AND issued >= $2 AND expires > $3
               AND state IN ('reserved', 'delivered', 'begun') ORDER BY id";
    let out = query(sql).bind(kid.to_string()).bind(from).bind(now);
    let rows = out.fetch_all(&mut *conn).await?;
    let ids = rows.iter().map(|row| ledger::parsed::<TokenId>(row, "id"));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    for id in &ids {
        query("UPDATE swap SET state = 'voided' WHERE id = $1 AND state <> 'begun'")
            .bind(id.to_string())
            .execute(&mut *conn)
            .await?;
        revoke(conn, *id, UnixSeconds(now)).await?;
    }
    Ok(ids)
}

/// Nothing about its legs is in doubt; those that were never sent are not used any more.
async fn settle_legs(conn: &mut Conn, id: TokenId) -> Result<(), OfficeError> {
    let legs = row::legs(conn, id).await?;
    let doubt = [TokenState::Suspect, TokenState::Disputed];
    if legs.iter().any(|token| doubt.contains(&token.state)) {
        return Err(OfficeError::SwapStands(id, "a leg is in doubt: `review settle` it first"));
    }
    row::void_unused(conn, id).await
}

async fn close(
    conn: &mut Conn,
    id: TokenId,
    binds: bool,
    reason: &str,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let swap = row::swap(conn, id).await?.ok_or(OfficeError::NoSwap(id))?;
    if matches!(swap.state, SwapState::Reserved | SwapState::Delivered) {
        return Err(OfficeError::SwapStands(id, "it was not begun: `swap withdraw` takes it back"));
    }
    if binds && swap.bound {
        return Err(OfficeError::SwapStands(id, "the list follows it already"));
    }
    settle_legs(conn, id).await?;
    revoke(conn, id, now).await?;
    if swap.state.is_out() {
        row::set_state(conn, id, SwapState::Done).await?;
    }
    if binds {
        // What a person says goes before what was proved first.
        row::history(conn, [swap.facts.old, swap.facts.meter]).await?;
        let epoch = ledger::device(conn, &swap.device).await?.map_or(0, |row| row.epoch);
        let source = Source { device: &swap.device, epoch, seq: u64::MAX, now, seen: None };
        bind(conn, &source, &swap, now.0).await?;
    }
    note(conn, (&swap, if binds { "bound" } else { "closed" }), reason, now).await
}

async fn settle(
    conn: &mut Conn,
    id: TokenId,
    what: SwapMove,
    reason: &str,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let swap = row::swap(conn, id).await?.ok_or(OfficeError::NoSwap(id))?;
    if swap.state.is_out() {
        return Err(OfficeError::SwapStands(id, "it has not ended"));
    }
    settle_legs(conn, id).await?;
    // A credit that might still be made with it would come on top.
    revoke(conn, id, now).await?;
    let from = if what.variance { Place::Variance } else { Place::InTransit };
    let to = match what.to {
        SwapTo::Customer => Place::Customer,
        SwapTo::Used => Place::MeterHeld,
        SwapTo::Variance => Place::Variance,
    };
    if from == to {
        return Err(OfficeError::Usage("from one place to the same".to_owned()));
    }
    let there = post::sum(conn, id, from.name()).await?;
    // What was advanced too much is a variance below zero, and made good the other way round.
    let (value, from, to) = if what.variance && there < 0 {
        (what.amount.checked_neg().filter(|value| *value >= there), to, from)
    } else {
        (Some(what.amount).filter(|value| *value <= there), from, to)
    };
    let value = value.map(i64::abs).filter(|value| *value > 0);
    let value = value.ok_or_else(|| OfficeError::SwapStands(id, "there is not that much"))?;
    let number = post::by_hand(conn, id).await? + 1;
    post::post_by_hand(conn, &swap, (from, to, number), value, now).await?;
    note(conn, (&swap, "settled"), reason, now).await
}

/// What a person decided, and why, in the queue for whoever reads it later; what was raised about
/// the swap itself is closed with it.
async fn note(
    conn: &mut Conn,
    (swap, verdict): (&SwapRow, &str),
    reason: &str,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let id = swap.facts.id;
    let sql = "SELECT COUNT(*) AS n FROM review WHERE id LIKE $1";
    let like = format!("swap:{id}:%");
    let row = query(sql).bind(&like).fetch_one(&mut *conn).await?;
    let number = ledger::counter(&row, "n")? + 1;
    query(
        "INSERT INTO review (id, class, why, device, epoch, seq, meter, raised, settled, verdict,
                             reason)
         VALUES ($1, $2, $3, $4, 0, 0, $5, $6, $6, $7, $8)",
    )
    .bind(format!("swap:{id}:{number}"))
    .bind(Class::C10.name())
    .bind("a swap was seen to by hand")
    .bind(swap.device.as_str())
    .bind(swap.facts.meter.to_string())
    .bind(now.0)
    .bind(verdict)
    .bind(reason)
    .execute(&mut *conn)
    .await?;
    let sql = "UPDATE review SET settled = $2, verdict = $3, reason = $4
               WHERE id LIKE $1 AND settled IS NULL AND token IS NULL";
    query(sql)
        .bind(format!("%:{id}:%"))
        .bind(now.0)
        .bind(verdict)
        .bind(reason)
        .execute(conn)
        .await?;
    Ok(())
}
