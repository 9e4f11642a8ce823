//! Status documents: our short-lived word to one handheld (`reference/tokens.md` 2.4).

use super::Office;
use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn, DeviceRow, transact};
use super::limits;
use crate::units::{DeviceId, TokenId};
use meterkit_tokens::Status;
use meterkit_tokens::status::MAX_REVOKED;
use sha2::{Digest, Sha256};

impl Office {
    /// A fresh status for a handheld, to be carried by hand.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`], [`OfficeError::Quarantined`], [`OfficeError::Locked`].
    pub async fn status(&self, device: &DeviceId) -> Result<Vec<u8>, OfficeError> {
        transact!(self.ledger, |tx| {
            match ledger::device(&mut tx, device).await? {
                None => Err(OfficeError::NoDevice(device.clone())),
                Some(row) if row.status == "quarantined" => {
                    Err(OfficeError::Quarantined(device.clone()))
                }
                Some(row) => self.status_in(&mut tx, &row).await,
            }
        })
    }

    /// The same, for a row just read or written.
    pub(super) async fn status_in(
        &self,
        conn: &mut Conn,
        row: &DeviceRow,
    ) -> Result<Vec<u8>, OfficeError> {
        self.check_keys(conn).await?;
        let (name, now) = (row.device.as_str(), self.now().0);
        let policy = limits::policy(conn, name).await?;
        // Milliseconds leave room for many in a second; a clock that was set back moves on by one.
        let millis = u64::try_from(now).unwrap_or(0).saturating_mul(1000);
        let given = ledger::device(conn, &row.device).await?.map_or(0, |row| row.status_given);
        let version = millis.max(given + 1);
        let (root, keyset, pins) = {
            let keys = self.keys();
            (keys.root().version, keys.keyset().version, keys.trust().1)
        };
        let status = Status {
            tenant: self.tenant(),
            device: name.to_owned(),
            issued: now,
            not_before: now,
            expires: now + policy.life_s,
            version,
            root,
            keyset,
            epoch: row.epoch,
            acked_seq: row.head_seq,
            acked_hash: row.head_hash,
            leases: leases(conn, name).await?,
            caps: limits::signed(&policy.caps),
            revoked: revoked(conn, name, now).await?,
            grace_s: policy.grace_s,
            idle_s: policy.idle_s,
            pins,
        };
        let bytes = self.keys().status(&status)?;
        query("UPDATE device SET status_given = $2 WHERE device = $1")
            .bind(name)
            .bind(ledger::number(version))
            .execute(&mut *conn)
            .await?;
        let sql = "INSERT INTO status_doc (device, version, issued, caps, bytes)
                   VALUES ($1, $2, $3, $4, $5)";
        let query = query(sql).bind(name).bind(ledger::number(version)).bind(now);
        query.bind(limits::text(&policy.caps)).bind(&bytes).execute(conn).await?;
        Ok(bytes)
    }
}

/// The journal shows that the handheld goes by this status: older ones are history.
pub(super) async fn taken(
    conn: &mut Conn,
    device: &DeviceId,
    version: u64,
) -> Result<(), OfficeError> {
    let sql = "UPDATE device SET status_taken = $2 WHERE device = $1 AND status_taken < $2";
    let version = ledger::number(version);
    query(sql).bind(device.as_str()).bind(version).execute(&mut *conn).await?;
    let sql = "DELETE FROM status_doc WHERE device = $1 AND version < $2";
    query(sql).bind(device.as_str()).bind(version).execute(conn).await?;
    Ok(())
}

/// SHA-256 over the sorted identities of the tokens that are out with a handheld.
async fn leases(conn: &mut Conn, device: &str) -> Result<[u8; 32], OfficeError> {
    let sql = "SELECT id FROM token WHERE device = $1 AND swap IS NULL
               AND state IN ('reserved', 'delivered', 'suspect', 'disputed')";
    let rows = query(sql).bind(device).fetch_all(conn).await?;
    let ids = rows.iter().map(|row| ledger::parsed::<TokenId>(row, "id"));
    let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
    ids.sort_by_key(|id| id.0);
    let mut hash = Sha256::new();
    ids.iter().for_each(|id| hash.update(id.0));
    Ok(hash.finalize().into())
}

/// What this handheld may hold and must not use any more, the newest first.
async fn revoked(conn: &mut Conn, device: &str, now: i64) -> Result<Vec<[u8; 16]>, OfficeError> {
    let sql = "SELECT id, revoked FROM token
                   WHERE device = $1 AND revoked IS NOT NULL AND expires > $2
               UNION ALL SELECT id, revoked FROM swap
                   WHERE device = $1 AND revoked IS NOT NULL AND expires > $2
               UNION ALL SELECT id, revoked FROM grant_doc
                   WHERE device = $1 AND revoked IS NOT NULL AND expires > $2
               UNION ALL SELECT id, revoked FROM override_doc
                   WHERE device = $1 AND revoked IS NOT NULL AND expires > $2
               UNION ALL SELECT id, revoked FROM bundle_doc
                   WHERE device = $1 AND revoked IS NOT NULL AND expires > $2
               UNION ALL SELECT id, revoked FROM round_doc
                   WHERE device = $1 AND revoked IS NOT NULL AND expires > $2
               ORDER BY 2 DESC, 1 LIMIT $3";
    let rows = query(sql)
        .bind(device)
        .bind(now)
        .bind(ledger::number(MAX_REVOKED as u64))
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Ok(ledger::parsed::<TokenId>(row, "id")?.0)).collect()
}
