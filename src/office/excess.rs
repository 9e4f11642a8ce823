//! What a debit took out of a meter beyond its token: a frame that the line doubled.
//!
//! The meter's own figures before and after name it to the fen. While it is in doubt nothing is
//! posted; once a person says that the debit is in the meter, the token's amount goes to the
//! customer and the rest to the variance, which is the finance department's to pay back.

use super::db::query;
use super::error::OfficeError;
use super::ledger::Conn;
use super::model::{Move, Place, TokenRow};
use super::posting::{Side, post};
use crate::sync::wire::{Event, read_entry};
use crate::units::{Evidence, UnixSeconds};

/// How far the balance fell, and how much of that is more than was to go out; hundredths of the
/// token's unit. `None` when it is not more, or no debit.
pub(super) fn beyond(token: &TokenRow, before: &Evidence, after: &Evidence) -> Option<[i64; 2]> {
    let net = |seen: &Evidence| seen.balance.value.saturating_sub(seen.overdraft);
    let fell = net(before).saturating_sub(net(after));
    let over = fell.saturating_sub(token.credit.value);
    (token.act.is_debit() && over > 0).then_some([fell, over])
}

/// What the meter showed before the last intent for a token, by its handheld's journal.
pub(super) async fn before(
    conn: &mut Conn,
    token: &TokenRow,
) -> Result<Option<Evidence>, OfficeError> {
    let last = last(conn, token, "intent").await?;
    Ok(last.and_then(|event| match event {
        Event::Intent { before, .. } => Some(before),
        _ => None,
    }))
}

/// The last entry of a kind about a token, in the journal of the handheld it was issued to.
async fn last(
    conn: &mut Conn,
    token: &TokenRow,
    kind: &'static str,
) -> Result<Option<Event>, OfficeError> {
    let sql = "SELECT body FROM event WHERE token = $1 AND device = $2 AND kind = $3
               ORDER BY epoch DESC, seq DESC LIMIT 1";
    let row = query(sql)
        .bind(token.id.to_string())
        .bind(token.device.as_str())
        .bind(kind)
        .fetch_optional(conn)
        .await?;
    let body: Option<Vec<u8>> = row.map(|row| row.try_get("body")).transpose()?;
    Ok(body.and_then(|body| read_entry(&body).ok()).map(|entry| entry.event))
}

/// Follows what a person decided about a token: once a debit is booked as done, what it took out
/// too much is in the variance; once it is not, nothing is. Gives what was posted, hundredths.
pub(super) async fn follow(
    conn: &mut Conn,
    movement: Move,
    token: &TokenRow,
    at: UnixSeconds,
) -> Result<i64, OfficeError> {
    if !token.act.is_debit() {
        return Ok(0);
    }
    let over = match movement {
        Move::Apply | Move::Late => over(conn, token).await?,
        Move::Issue | Move::Return | Move::Reverse => 0,
    };
    let change = over - booked(conn, token).await?;
    if change == 0 {
        return Ok(0);
    }
    let side = |place| Side { place, meter: token.meter, account: token.account };
    let mut sides = [side(Place::MeterHeld), side(Place::Variance)];
    if change < 0 {
        sides.reverse();
    }
    // What rests on a swap is posted under it (`report`).
    let of = token.leg.map_or(token.id, |leg| leg.swap);
    let op = op(movement, token);
    post(conn, (&op, of), sides, token.credit.with(change.abs()), at).await?;
    Ok(change)
}

fn op(movement: Move, token: &TokenRow) -> String {
    format!("excess-{}:{}", movement.name(), token.id)
}

/// What was taken out too much, by the last proof.
async fn over(conn: &mut Conn, token: &TokenRow) -> Result<i64, OfficeError> {
    let Some(before) = before(conn, token).await? else { return Ok(0) };
    let Some(Event::Outcome { judgement, .. }) = last(conn, token, "outcome").await? else {
        return Ok(0);
    };
    let after = judgement.after.as_ref();
    Ok(after.and_then(|after| beyond(token, &before, after)).map_or(0, |[_, over]| over))
}

/// What is booked of it now.
async fn booked(conn: &mut Conn, token: &TokenRow) -> Result<i64, OfficeError> {
    let sql = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM posting
               WHERE meter = $1 AND place = 'variance' AND op IN ($2, $3, $4)";
    let row = query(sql)
        .bind(token.meter.to_string())
        .bind(op(Move::Apply, token))
        .bind(op(Move::Late, token))
        .bind(op(Move::Reverse, token))
        .fetch_one(conn)
        .await?;
    Ok(row.try_get("total")?)
}
