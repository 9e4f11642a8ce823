//! Where the money of a swap goes.
//!
//! ```text
//! meter-held(old) --out--> in-transit(new) --in--> meter-held(new)
//! meter-held(old) --rest--> variance(old) --provisional--> meter-held(new)
//! customer(old) --arrears--> customer(new)
//! ```
//!
//! What is in transit of a swap never falls below zero: a credit that is in the new meter without a
//! debit behind it is a fact, and the variance stands in for what is missing. A leg's movement
//! carries the leg's identity, everything else the swap's.

use super::row::{self, SwapRow};
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::ledger::Conn;
use crate::office::model::{Leg, Move, Place, TokenRow};
use crate::office::posting::{Side, post};
use crate::sync::wire::SwapFacts;
use crate::units::{Credit, SwapLeg, TokenId, UnixSeconds};

/// A place of the old meter's account.
fn of_old(facts: &SwapFacts, place: Place) -> Side {
    Side { place, meter: facts.old, account: facts.old_account }
}

/// A place of the new meter's account.
fn of_new(facts: &SwapFacts, place: Place) -> Side {
    Side { place, meter: facts.meter, account: facts.account }
}

fn amount(facts: &SwapFacts, value: i64) -> Credit {
    Credit { value, unit: facts.unit }
}

/// From where to where a leg's money moves. What was not credited stays in transit: it was taken
/// out of a meter, so it is somebody's, and a person says whose.
fn sides(facts: &SwapFacts, leg: SwapLeg, movement: Move) -> Option<[Side; 2]> {
    let (from, to) = match leg {
        SwapLeg::Out => (of_old(facts, Place::MeterHeld), of_new(facts, Place::InTransit)),
        SwapLeg::In => (of_new(facts, Place::InTransit), of_new(facts, Place::MeterHeld)),
        SwapLeg::Provisional => (of_old(facts, Place::Variance), of_new(facts, Place::MeterHeld)),
        // It opens an account and credits nothing.
        SwapLeg::Open => return None,
    };
    match movement {
        Move::Issue | Move::Return => None,
        Move::Apply | Move::Late => Some([from, to]),
        Move::Reverse => Some([to, from]),
    }
}

/// Books a movement of a leg.
pub(in crate::office) async fn book_leg(
    conn: &mut Conn,
    movement: Move,
    token: &TokenRow,
    leg: Leg,
    at: UnixSeconds,
) -> Result<(), OfficeError> {
    let swap = row::swap(conn, leg.swap).await?.ok_or(OfficeError::Stored("swap"))?;
    let facts = &swap.facts;
    let Some(sides) = sides(facts, leg.leg, movement).filter(|_| token.credit.value != 0) else {
        return Ok(());
    };
    let op = format!("{}:{}", movement.name(), token.id);
    post(conn, (&op, token.id), sides, token.credit, at).await?;
    // What a debit took out that was proved only after the old meter was closed was counted with
    // what the meter still held.
    let counted = match (leg.leg, movement) {
        (SwapLeg::Out, Move::Apply | Move::Late) => rest_of(conn, facts.id).await?,
        _ => 0,
    };
    let counted = counted.min(token.credit.value);
    if counted > 0 {
        let op = format!("counted-{}:{}", movement.name(), token.id);
        let sides = [of_old(facts, Place::Variance), of_old(facts, Place::MeterHeld)];
        post(conn, (&op, facts.id), sides, amount(facts, counted), at).await?;
    }
    Ok(())
}

/// After a movement of a leg: what is in transit of the swap is not below zero. Whether the
/// variance had to stand in.
pub(in crate::office) async fn even(
    conn: &mut Conn,
    movement: Move,
    token: &TokenRow,
    at: UnixSeconds,
) -> Result<bool, OfficeError> {
    let Some(leg) = token.leg else { return Ok(false) };
    let missing = -sum(conn, leg.swap, Place::InTransit.name()).await?;
    if missing <= 0 {
        return Ok(false);
    }
    let swap = row::swap(conn, leg.swap).await?.ok_or(OfficeError::Stored("swap"))?;
    let facts = &swap.facts;
    let op = format!("missing-{}:{}", movement.name(), token.id);
    let sides = [of_old(facts, Place::Variance), of_new(facts, Place::InTransit)];
    post(conn, (&op, facts.id), sides, amount(facts, missing), at).await?;
    Ok(true)
}

/// What the old meter showed last is not the customer's energy to use any more: it is in a meter
/// that nobody reads again.
pub(super) async fn post_rest(
    conn: &mut Conn,
    swap: &SwapRow,
    rest: i64,
    at: UnixSeconds,
) -> Result<(), OfficeError> {
    if rest <= 0 {
        return Ok(());
    }
    let facts = &swap.facts;
    let op = format!("rest:{}", facts.id);
    let sides = [of_old(facts, Place::MeterHeld), of_old(facts, Place::Variance)];
    post(conn, (&op, facts.id), sides, amount(facts, rest), at).await
}

/// The old account's debt becomes the new one's.
pub(super) async fn post_arrears(
    conn: &mut Conn,
    swap: &SwapRow,
    debt: i64,
    at: UnixSeconds,
) -> Result<(), OfficeError> {
    let facts = &swap.facts;
    let sides = [of_old(facts, Place::Customer), of_new(facts, Place::Customer)];
    let op = arrears_op(facts);
    post(conn, (&op, facts.id), sides, amount(facts, debt), at).await
}

/// What a person moves, the `number`th time.
pub(super) async fn post_by_hand(
    conn: &mut Conn,
    swap: &SwapRow,
    (from, to, number): (Place, Place, u64),
    value: i64,
    at: UnixSeconds,
) -> Result<(), OfficeError> {
    let facts = &swap.facts;
    let side = |place| match place {
        Place::InTransit | Place::Customer | Place::Revenue => of_new(facts, place),
        Place::MeterHeld | Place::Variance => of_old(facts, place),
    };
    let op = format!("by-hand-{number}:{}", facts.id);
    post(conn, (&op, facts.id), [side(from), side(to)], amount(facts, value), at).await
}

/// How often a person moved money of a swap.
pub(super) async fn by_hand(conn: &mut Conn, id: TokenId) -> Result<u64, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM posting
               WHERE token = $1 AND leg = 0 AND op LIKE 'by-hand-%'";
    let row = query(sql).bind(id.to_string()).fetch_one(conn).await?;
    crate::office::ledger::counter(&row, "n")
}

/// What lies in a place for a swap, hundredths.
pub(super) async fn sum(conn: &mut Conn, id: TokenId, place: &str) -> Result<i64, OfficeError> {
    let sql = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM posting
               WHERE place = $2
               AND (token = $1 OR token IN (SELECT id FROM token WHERE swap = $1))";
    let row = query(sql).bind(id.to_string()).bind(place).fetch_one(conn).await?;
    Ok(row.try_get("total")?)
}

fn arrears_op(facts: &SwapFacts) -> String {
    format!("arrears:{}", facts.id)
}

/// The debt that went along with a swap.
pub(super) async fn arrears(conn: &mut Conn, facts: &SwapFacts) -> Result<i64, OfficeError> {
    leg_of(conn, &arrears_op(facts)).await
}

/// What was booked as still in the old meter.
async fn rest_of(conn: &mut Conn, id: TokenId) -> Result<i64, OfficeError> {
    leg_of(conn, &format!("rest:{id}")).await
}

/// The amount an op moved; 0 when it was not booked.
async fn leg_of(conn: &mut Conn, op: &str) -> Result<i64, OfficeError> {
    let row = query("SELECT amount FROM posting WHERE op = $1 AND leg = 1")
        .bind(op)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| row.try_get("amount")).transpose()?.unwrap_or(0))
}
