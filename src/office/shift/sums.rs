//! The figures of a shift: added up from the movements in it and from the tokens, and as stored.

use super::{ShiftOf, ShiftSum};
use crate::office::db::{Row, query, query_made};
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::model::{parse_unit, unit_name};
use crate::units::CreditUnit;

const UNITS: [CreditUnit; 2] = [CreditUnit::Yuan, CreditUnit::Kwh];

/// A row's unit.
pub(super) fn unit(row: &Row) -> Result<CreditUnit, OfficeError> {
    parse_unit(&row.try_get::<String, _>("unit")?).ok_or(OfficeError::Stored("unit"))
}

/// What belongs to a handheld or an operator, as a list of tokens and swaps; `$1` is the name.
pub(super) fn mine(of: &ShiftOf) -> &'static str {
    match of {
        ShiftOf::Device(_) => {
            "(SELECT id FROM token WHERE device = $1
              UNION ALL SELECT id FROM swap WHERE device = $1)"
        }
        ShiftOf::Operator(_) => {
            "(SELECT e.token FROM event e JOIN token t ON t.id = e.token AND t.device = e.device
              WHERE e.operator = $1 AND e.kind = 'intent'
              AND NOT EXISTS (SELECT 1 FROM event b WHERE b.token = e.token
                  AND b.device = e.device AND b.kind = 'intent'
                  AND (b.epoch < e.epoch OR b.epoch = e.epoch AND b.seq < e.seq)))"
        }
    }
}

/// Adds a shift up whose movements are noted; units of which there is nothing are left out.
pub(super) async fn added(
    conn: &mut Conn,
    of: &ShiftOf,
    (id, before): (&str, Option<&str>),
) -> Result<Vec<ShiftSum>, OfficeError> {
    let mut sums = UNITS.map(ShiftSum::none);
    // What a swap carries over is no sale; its movements are counted, and must come to zero too.
    let sql = "SELECT p.unit, f.place AS source, p.place AS target,
                      CASE WHEN t.id IS NULL OR t.swap IS NOT NULL THEN 'swap'
                           WHEN t.act IN ('refund', 'reversal') THEN 'debit'
                           ELSE 'credit' END AS kind,
                      CAST(SUM(p.amount) AS BIGINT) AS amount,
                      CAST(SUM(p.amount + f.amount) AS BIGINT) AS rest, COUNT(*) AS n
               FROM shift_op o JOIN posting p ON p.op = o.op AND p.leg = 1
               JOIN posting f ON f.op = o.op AND f.leg = 0
               LEFT JOIN token t ON t.id = p.token
               WHERE o.shift = $1
               GROUP BY p.unit, f.place, p.place, kind";
    for row in query(sql).bind(id).fetch_all(&mut *conn).await? {
        let sum = &mut sums[place(unit(&row)?)];
        sum.ops += ledger::counter(&row, "n")?;
        sum.postings += row.try_get::<i64, _>("rest")?;
        let amount: i64 = row.try_get("amount")?;
        let (source, target): (String, String) = (row.try_get("source")?, row.try_get("target")?);
        let kind: String = row.try_get("kind")?;
        match (source.as_str(), target.as_str(), kind.as_str()) {
            (_, _, "swap") => {}
            ("customer", "in-transit", _) => sum.reserved += amount,
            ("in-transit", "meter-held", _) => sum.applied += amount,
            ("in-transit", "customer", _) => sum.voided += amount,
            ("meter-held", "customer", "debit") => sum.refunded += amount,
            ("customer", "meter-held", "debit") => sum.refunded -= amount,
            ("meter-held", "customer", _) => sum.corrected -= amount,
            ("customer", "meter-held", _) => sum.corrected += amount,
            ("revenue", "customer", _) => sum.revenue += amount,
            _ => {}
        }
    }
    let sql = format!(
        "SELECT unit, CAST(SUM(amount) AS BIGINT) AS amount FROM token
         WHERE id IN {} AND swap IS NULL AND act NOT IN ('refund', 'reversal')
         AND state IN ('reserved', 'delivered', 'suspect', 'disputed') GROUP BY unit",
        mine(of)
    );
    for row in query_made(sql).bind(of.name()).fetch_all(&mut *conn).await? {
        sums[place(unit(&row)?)].out = row.try_get("amount")?;
    }
    for old in stored(conn, before.unwrap_or_default()).await? {
        sums[place(old.unit)].brought = old.out;
    }
    let nothing = |sum: &ShiftSum| *sum == ShiftSum::none(sum.unit);
    Ok(sums.into_iter().filter(|sum| !nothing(sum)).collect())
}

fn place(unit: CreditUnit) -> usize {
    usize::from(unit == CreditUnit::Kwh)
}

/// The figures as they were written down.
pub(super) async fn stored(conn: &mut Conn, id: &str) -> Result<Vec<ShiftSum>, OfficeError> {
    let sql = "SELECT * FROM shift_sum WHERE shift = $1 ORDER BY unit DESC";
    let rows = query(sql).bind(id).fetch_all(conn).await?;
    let rows = rows.iter().map(|row| {
        Ok(ShiftSum {
            unit: unit(row)?,
            brought: row.try_get("brought")?,
            reserved: row.try_get("reserved")?,
            applied: row.try_get("applied")?,
            voided: row.try_get("voided")?,
            out: row.try_get("still_out")?,
            refunded: row.try_get("refunded")?,
            corrected: row.try_get("corrected")?,
            revenue: row.try_get("revenue")?,
            postings: row.try_get("postings")?,
            ops: ledger::counter(row, "ops")?,
        })
    });
    rows.collect()
}

/// Writes the figures down.
pub(super) async fn write(conn: &mut Conn, id: &str, sums: &[ShiftSum]) -> Result<(), OfficeError> {
    let sql = "INSERT INTO shift_sum (shift, unit, brought, reserved, applied, voided, still_out,
                                      refunded, corrected, revenue, postings, ops)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    for sum in sums {
        query(sql)
            .bind(id)
            .bind(unit_name(sum.unit))
            .bind(sum.brought)
            .bind(sum.reserved)
            .bind(sum.applied)
            .bind(sum.voided)
            .bind(sum.out)
            .bind(sum.refunded)
            .bind(sum.corrected)
            .bind(sum.revenue)
            .bind(sum.postings)
            .bind(ledger::number(sum.ops))
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
