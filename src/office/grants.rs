//! The rows of what people were granted: written when it is given, and when an office that was put
//! back finds it in a journal.

use super::db::query;
use super::error::OfficeError;
use super::ledger::Conn;
use super::limits;
use crate::units::{MeterNo, TokenId};
use meterkit_tokens::{Grant, Override};

/// Writes a grant for the life of its handheld's journal it was given in; once.
pub(super) async fn insert_grant(
    conn: &mut Conn,
    (grant, epoch): (&Grant, u32),
    (bytes, kid): (&[u8], &str),
) -> Result<(), OfficeError> {
    query(
        "INSERT INTO grant_doc (id, operator, device, epoch, kid, issued, expires, caps, bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
    )
    .bind(TokenId(grant.id).to_string())
    .bind(grant.operator.as_str())
    .bind(grant.device.as_str())
    .bind(i64::from(epoch))
    .bind(kid)
    .bind(grant.issued)
    .bind(grant.expires)
    .bind(limits::text(&limits::of_signed(&grant.caps)))
    .bind(bytes)
    .execute(conn)
    .await?;
    Ok(())
}

/// The same of an override.
pub(super) async fn insert_override(
    conn: &mut Conn,
    (leave, epoch): (&Override, u32),
    (bytes, kid): (&[u8], &str),
) -> Result<(), OfficeError> {
    let meter = MeterNo::from_bcd(leave.meter).ok_or(OfficeError::Stored("meter"))?;
    query(
        "INSERT INTO override_doc (id, operator, device, epoch, kid, meter, verbs, issued,
                                   expires, by_whom, reason, bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING",
    )
    .bind(TokenId(leave.id).to_string())
    .bind(leave.operator.as_str())
    .bind(leave.device.as_str())
    .bind(i64::from(epoch))
    .bind(kid)
    .bind(meter.to_string())
    .bind(i64::from(leave.verbs))
    .bind(leave.issued)
    .bind(leave.expires)
    .bind(leave.by.as_str())
    .bind(leave.reason.as_str())
    .bind(bytes)
    .execute(conn)
    .await?;
    Ok(())
}
