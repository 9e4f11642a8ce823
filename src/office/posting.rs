//! Double entry: one op, two legs that sum to zero.
//!
//! An op's name is the primary key of its legs, so nothing is booked twice, whatever is delivered
//! twice.

use super::cell::Cell;
use super::error::OfficeError;
use super::ledger::Conn;
use super::many::add_rows;
use super::model::{Place, unit_name};
use crate::units::{AccountNo, Credit, MeterNo, TokenId, UnixSeconds};

/// One side of a movement: a place, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub place: Place,
    pub meter: MeterNo,
    pub account: AccountNo,
}

/// Where legs are booked.
pub(super) const BOOK: &str = "posting (op, leg, token, meter, account, place, unit, amount, at)";

/// The two legs of an op, as rows of `posting`; they sum to zero. For a token or a swap.
pub(super) fn legs(
    (op, of): (&str, TokenId),
    [from, to]: [Side; 2],
    credit: Credit,
    at: UnixSeconds,
) -> Vec<Vec<Cell>> {
    let legs = (0_i64..).zip([(from, -credit.value), (to, credit.value)]);
    let rows = legs.map(|(leg, (side, amount))| -> Vec<Cell> {
        vec![
            op.into(),
            leg.into(),
            of.to_string().into(),
            side.meter.to_string().into(),
            side.account.to_string().into(),
            side.place.name().into(),
            unit_name(credit.unit).into(),
            amount.into(),
            at.0.into(),
        ]
    });
    rows.collect()
}

/// Books legs.
///
/// # Errors
/// [`OfficeError::SettledBefore`] when the op is booked already; the database failed.
pub(super) async fn post(
    conn: &mut Conn,
    (op, of): (&str, TokenId),
    sides: [Side; 2],
    credit: Credit,
    at: UnixSeconds,
) -> Result<(), OfficeError> {
    write(conn, of, legs((op, of), sides, credit, at)).await
}

/// Writes legs of a token or a swap.
///
/// # Errors
/// As [`post`].
pub(super) async fn write(
    conn: &mut Conn,
    of: TokenId,
    legs: Vec<Vec<Cell>>,
) -> Result<(), OfficeError> {
    match add_rows(conn, BOOK, legs).await {
        Err(sqlx::Error::Database(db)) if db.is_unique_violation() => {
            Err(OfficeError::SettledBefore(of))
        }
        done => Ok(done?),
    }
}
