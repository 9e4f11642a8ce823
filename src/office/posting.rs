//! Double entry: one op, two legs that sum to zero.
//!
//! An op's name is the primary key of its legs, so nothing is booked twice, whatever is delivered
//! twice.

use super::error::OfficeError;
use super::ledger::{Conn, number};
use super::model::{Place, unit_name};
use crate::units::{AccountNo, Credit, MeterNo, TokenId, UnixSeconds};

/// One side of a movement: a place, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub place: Place,
    pub meter: MeterNo,
    pub account: AccountNo,
}

/// Books an amount from one side to the other, under the op's name and for a token or a swap.
///
/// # Errors
/// [`OfficeError::SettledBefore`] when the op is booked already; the database failed.
pub(super) async fn post(
    conn: &mut Conn,
    (op, of): (&str, TokenId),
    [from, to]: [Side; 2],
    credit: Credit,
    at: UnixSeconds,
) -> Result<(), OfficeError> {
    for (leg, (side, amount)) in (0..).zip([(from, -credit.value), (to, credit.value)]) {
        let sql = "INSERT INTO posting
                   (op, leg, token, meter, account, place, unit, amount, at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let result = sqlx::query(sql)
            .bind(op)
            .bind(number(leg))
            .bind(of.to_string())
            .bind(side.meter.to_string())
            .bind(side.account.to_string())
            .bind(side.place.name())
            .bind(unit_name(credit.unit))
            .bind(amount)
            .bind(at.0)
            .execute(&mut *conn)
            .await;
        match result {
            Err(sqlx::Error::Database(db)) if db.is_unique_violation() => {
                return Err(OfficeError::SettledBefore(of));
            }
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
    }
    Ok(())
}
