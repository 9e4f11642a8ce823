//! The documents that a lost handheld has, or may have: what is out with it, and what was taken
//! back while nothing else is known to have taken its step. Nobody can take a document out of a
//! store that is not his.

use super::{Lives, LostSwap, LostToken, LostWhy};
use crate::office::db::{Row, query};
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn, DeviceRow};
use crate::office::model::{TokenRow, TokenState, parse_unit};
use crate::units::{AccountNo, PurchaseCount, UnixSeconds};

/// A leave as it was read.
pub(super) struct SwapRead {
    pub shown: LostSwap,
    pub account: AccountNo,
    pub count: PurchaseCount,
    pub issued: i64,
    pub begun: bool,
    /// Its handheld knows that it is not to be used any more.
    pub over: bool,
}

/// Reads all of them.
pub(super) async fn read(
    conn: &mut Conn,
    row: &DeviceRow,
    lives: &Lives,
) -> Result<(Vec<LostToken>, Vec<SwapRead>), OfficeError> {
    let device = row.device.as_str();
    let floor = lives.all.iter().map(|life| life.floor.0).min().unwrap_or(0);
    let sql = "SELECT t.*, n.device AS next_device, n.state AS next_state FROM token t
               LEFT JOIN token n ON n.id = t.superseded_by
               WHERE t.device = $1 AND t.swap IS NULL
               AND (t.state IN ('reserved', 'delivered', 'suspect', 'disputed')
                    OR t.state = 'voided' AND (t.told = 0 AND t.expires > $2 OR NOT EXISTS (
                        SELECT 1 FROM token a WHERE a.meter = t.meter AND a.account = t.account
                        AND a.count_before = t.count_before AND a.state = 'applied'
                        AND a.amount > 0 AND a.act IN ('recharge', 'carry-in', 'open'))))
               ORDER BY t.meter, t.count_before, t.id";
    let rows = query(sql).bind(device).bind(floor).fetch_all(&mut *conn).await?;
    let mut tokens = Vec::with_capacity(rows.len());
    for row in &rows {
        tokens.push(lost_token(row, ledger::token_row(row)?, floor)?);
    }
    let sql = "SELECT * FROM swap s WHERE device = $1
               AND (expires > $2 AND (state IN ('reserved', 'delivered', 'begun')
                                      OR state = 'voided' AND told = 0)
                    OR NOT EXISTS (
                        SELECT 1 FROM token a WHERE a.meter = s.meter AND a.account = s.account
                        AND a.count_before = s.count_before AND a.state = 'applied'
                        AND a.amount > 0 AND a.act IN ('recharge', 'carry-in', 'open')))
               ORDER BY id";
    let rows = query(sql).bind(device).bind(floor).fetch_all(conn).await?;
    let swaps = rows.iter().map(|row| {
        let unit = parse_unit(&row.try_get::<String, _>("unit")?);
        let state: String = row.try_get("state")?;
        let expires = row.try_get("expires")?;
        let told = row.try_get::<i64, _>("told")? != 0;
        Ok(SwapRead {
            shown: LostSwap {
                swap: ledger::parsed(row, "id")?,
                old: ledger::parsed(row, "old_meter")?,
                new: ledger::parsed(row, "meter")?,
                unit: unit.ok_or(OfficeError::Stored("unit"))?,
                most: row.try_get("most")?,
                provisional: row.try_get("provisional")?,
                worst: 0,
                utmost: 0,
                out: 0,
                expires: UnixSeconds(expires),
                why: if state == "voided" { LostWhy::Replaced } else { LostWhy::Live },
            },
            account: ledger::parsed(row, "account")?,
            count: PurchaseCount(ledger::small(row, "count_before")?),
            issued: row.try_get("issued")?,
            begun: state == "begun",
            over: state == "done" || state == "voided" && told || expires <= floor,
        })
    });
    Ok((tokens, swaps.collect::<Result<_, OfficeError>>()?))
}

/// A row of a token beside what takes its step instead.
fn lost_token(row: &Row, token: TokenRow, floor: i64) -> Result<LostToken, OfficeError> {
    let next = row.try_get::<Option<String>, _>("superseded_by")?;
    let replaced_by = match (next, row.try_get::<Option<String>, _>("next_state")?) {
        (Some(id), Some(state)) => Some((
            id.parse().map_err(|_| OfficeError::Stored("superseded_by"))?,
            ledger::parsed(row, "next_device")?,
            TokenState::parse(&state).ok_or(OfficeError::Stored("state"))?,
        )),
        _ => None,
    };
    let told = row.try_get::<i64, _>("told")? != 0;
    Ok(LostToken {
        token: token.id,
        act: token.act,
        meter: token.meter,
        account: token.account,
        count_before: token.count_before,
        credit: token.credit,
        issued: UnixSeconds(row.try_get("issued")?),
        expires: token.expires,
        worst: 0,
        utmost: 0,
        why: LostWhy::Nothing,
        sent: token.intent_seen,
        over: token.state == TokenState::Voided && (told || token.expires.0 <= floor),
        state: token.state,
        replaced_by,
    })
}
