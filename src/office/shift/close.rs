//! Closing a shift, in one transaction.
//!
//! The handhelds concerned are held first: whatever moves a token's money holds its handheld, so
//! nothing moves between the movements that are noted and the tokens that are counted.

use super::{Shift, ShiftHead, ShiftOf, said, sums};
use crate::office::db::{locking, query, query_made};
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::model::Place;
use crate::office::posting::{self, Side};
use crate::units::{Credit, TokenId, UnixSeconds};

pub(super) async fn close(
    conn: &mut Conn,
    of: &ShiftOf,
    id: &str,
    now: UnixSeconds,
) -> Result<Shift, OfficeError> {
    let head = hold(conn, of).await?;
    let sql = "SELECT id, number, closed FROM shift WHERE scope = $1 AND name = $2
               ORDER BY number DESC LIMIT 1";
    let before = query(sql).bind(of.scope()).bind(of.name()).fetch_optional(&mut *conn).await?;
    let (mut number, mut opened, mut last) = (1, None, None);
    if let Some(row) = &before {
        number = ledger::counter(row, "number")? + 1;
        opened = Some(UnixSeconds(row.try_get("closed")?));
        last = Some(row.try_get::<String, _>("id")?);
    }
    earn(conn, of, id, now).await?;
    let sql = format!(
        "INSERT INTO shift_op (scope, op, shift)
         SELECT $2, p.op, $3 FROM posting p WHERE p.leg = 0 AND p.token IN {}
         AND NOT EXISTS (SELECT 1 FROM shift_op s WHERE s.scope = $2 AND s.op = p.op)",
        sums::mine(of)
    );
    query_made(sql).bind(of.name()).bind(of.scope()).bind(id).execute(&mut *conn).await?;
    let sums = sums::added(conn, of, (id, last.as_deref())).await?;
    query(
        "INSERT INTO shift (id, scope, name, number, closed, head_epoch, head_seq, head_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id)
    .bind(of.scope())
    .bind(of.name())
    .bind(ledger::number(number))
    .bind(now.0)
    .bind(head.map(|head| i64::from(head.epoch)))
    .bind(head.map(|head| ledger::number(head.seq)))
    .bind_all([crate::office::cell::Cell::Bytes(head.map(|head| head.hash.to_vec()))])
    .execute(&mut *conn)
    .await?;
    sums::write(conn, id, &sums).await?;
    let said = said::said(conn, of, (opened, now)).await?;
    let (id, of) = (id.to_owned(), of.clone());
    Ok(Shift { id, of, number, opened, closed: now, head, sums, said })
}

/// Holds the handhelds whose tokens are concerned; of a handheld's own shift, gives where its
/// journal stands.
async fn hold(conn: &mut Conn, of: &ShiftOf) -> Result<Option<ShiftHead>, OfficeError> {
    match of {
        ShiftOf::Device(device) => {
            let row = ledger::device(conn, device).await?;
            let row = row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?;
            Ok(Some(ShiftHead { epoch: row.epoch, seq: row.head_seq, hash: row.head_hash }))
        }
        ShiftOf::Operator(operator) => {
            let sql = locking!(conn, "SELECT operator FROM operator WHERE operator = $1");
            let known = query(sql).bind(operator.as_str()).fetch_optional(&mut *conn).await?;
            if known.is_none() {
                return Err(OfficeError::NoOperator(operator.clone()));
            }
            if conn.locks() {
                let sql = "SELECT device FROM device WHERE device IN
                               (SELECT device FROM event WHERE operator = $1 AND kind = 'intent')
                           ORDER BY device FOR UPDATE";
                query(sql).bind(operator.as_str()).fetch_all(conn).await?;
            }
            Ok(None)
        }
    }
}

/// What customers paid for and have in their meters is revenue from here on; what was taken out of
/// the meters again is not any more. Each token once, whoever's shift it is closed with first.
async fn earn(
    conn: &mut Conn,
    of: &ShiftOf,
    id: &str,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let sql = format!(
        "SELECT p.token, p.meter, p.account, p.unit, CAST(SUM(p.amount) AS BIGINT) AS due
         FROM posting p JOIN token t ON t.id = p.token AND t.meter = p.meter
         WHERE p.place IN ('meter-held', 'revenue') AND t.swap IS NULL
         AND t.act IN ('recharge', 'open', 'refund', 'reversal') AND t.id IN {}
         GROUP BY p.token, p.meter, p.account, p.unit HAVING SUM(p.amount) <> 0
         ORDER BY p.token",
        sums::mine(of)
    );
    let rows = query_made(sql).bind(of.name()).fetch_all(&mut *conn).await?;
    for row in &rows {
        let token: TokenId = ledger::parsed(row, "token")?;
        let side = |place| {
            let (meter, account) = (ledger::parsed(row, "meter")?, ledger::parsed(row, "account")?);
            Ok::<_, OfficeError>(Side { place, meter, account })
        };
        let sides = [side(Place::Revenue)?, side(Place::Customer)?];
        let credit = Credit { value: row.try_get("due")?, unit: sums::unit(row)? };
        let op = format!("sale:{id}:{token}");
        posting::post(conn, (&op, token), sides, credit, now).await?;
    }
    Ok(())
}
