//! The handhelds: offered, enrolled, quarantined.

use super::Office;
use super::error::OfficeError;
use super::ledger::{self, Conn, transact};
use crate::sync::wire::{self, Enrolment, Refusal, Reply};
use crate::units::{DeviceId, UnixSeconds};

/// How long an enrolment file is good, seconds.
const OFFER_LIFE: i64 = 14 * 86_400;
/// The epoch of every journal so far; a replaced handheld gets a new name.
const EPOCH: u32 = 1;

/// A handheld in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its name.
    pub device: DeviceId,
    /// `offered`, `enrolled`, `quarantined`.
    pub status: String,
    /// How much of its journal is here.
    pub events: u64,
    /// Receipts given.
    pub receipts: u64,
    /// Tokens out with it.
    pub tokens_out: u64,
    /// When it last spoke.
    pub last_seen: Option<UnixSeconds>,
}

impl Office {
    /// Writes an enrolment file for a new handheld. Offering a name again, before it was used,
    /// makes the earlier file worthless.
    ///
    /// # Errors
    /// [`OfficeError::DeviceEnrolled`] for a name in use.
    pub async fn offer(&self, device: &DeviceId, url: &str) -> Result<Vec<u8>, OfficeError> {
        let secret = super::keys::random()?;
        let expires = UnixSeconds(self.now().0 + OFFER_LIFE);
        let hash = wire::digest(&secret);
        transact!(self.ledger, |tx| offer(&mut tx, device, &hash, expires).await)?;
        let root = self.keys.root().bytes();
        let enrolment = Enrolment {
            tenant: self.tenant().to_owned(),
            device: device.clone(),
            url: url.to_owned(),
            root,
            keyset: self.keys.keyset().0.to_vec(),
            secret,
            expires,
        };
        let document = self.keys.enrolment(enrolment.payload())?;
        Ok(wire::join(&[self.tenant().as_bytes(), &root, &document]))
    }

    /// Takes in a new handheld's key: again for the same key, never for another.
    pub(super) async fn take_key(
        &self,
        device: &DeviceId,
        secret: &[u8; 32],
        key: &[u8; 32],
    ) -> Result<Reply, OfficeError> {
        let now = self.now().0;
        let hash = wire::digest(secret);
        transact!(self.ledger, |tx| take_key(&mut tx, device, &hash, key, now).await)
    }

    /// Stops a handheld that is lost or not to be trusted. Its tokens may have been used: they are
    /// suspect until its journal or a person settles them.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`].
    pub async fn quarantine(&self, device: &DeviceId) -> Result<(), OfficeError> {
        transact!(self.ledger, |tx| {
            let row = ledger::device(&mut tx, device).await?;
            row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?;
            quarantine(&mut tx, device).await
        })
    }

    /// All handhelds.
    ///
    /// # Errors
    /// The database failed.
    pub async fn devices(&self) -> Result<Vec<DeviceInfo>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT d.*, (SELECT COUNT(*) FROM token t WHERE t.device = d.device
                   AND t.state IN ('reserved', 'delivered', 'suspect', 'disputed')) AS tokens_out
                   FROM device d ORDER BY d.device";
        let rows = sqlx::query(sql).fetch_all(&mut *conn).await?;
        let info = rows.iter().map(|row| {
            let device = ledger::device_row(row)?;
            Ok(DeviceInfo {
                device: device.device,
                status: device.status,
                events: device.head_seq,
                receipts: device.receipts,
                tokens_out: ledger::counter(row, "tokens_out")?,
                last_seen: (device.last_seen > 0).then_some(UnixSeconds(device.last_seen)),
            })
        });
        info.collect()
    }
}

async fn offer(
    conn: &mut Conn,
    device: &DeviceId,
    secret_hash: &[u8; 32],
    expires: UnixSeconds,
) -> Result<(), OfficeError> {
    if ledger::device(conn, device).await?.is_some_and(|row| row.status != "offered") {
        return Err(OfficeError::DeviceEnrolled(device.clone()));
    }
    let sql = "INSERT INTO device
               (device, status, secret_hash, secret_ends, epoch, head_seq, head_hash, receipts,
                bye_receipt, last_seen)
               VALUES ($1, 'offered', $2, $3, $4, 0, $5, 0, 0, 0)
               ON CONFLICT (device) DO UPDATE SET
               secret_hash = excluded.secret_hash, secret_ends = excluded.secret_ends";
    sqlx::query(sql)
        .bind(device.as_str())
        .bind(secret_hash.as_slice())
        .bind(expires.0)
        .bind(i64::from(EPOCH))
        .bind([0u8; 32].as_slice())
        .execute(conn)
        .await?;
    Ok(())
}

async fn take_key(
    conn: &mut Conn,
    device: &DeviceId,
    secret_hash: &[u8; 32],
    key: &[u8; 32],
    now: i64,
) -> Result<Reply, OfficeError> {
    let Some(row) = ledger::device(conn, device).await? else {
        return Ok(Reply::Refused(Refusal::UnknownDevice));
    };
    if row.secret_hash != *secret_hash {
        return Ok(Reply::Refused(Refusal::Secret));
    }
    match (row.status.as_str(), &row.key) {
        ("quarantined", _) => return Ok(Reply::Refused(Refusal::Quarantined)),
        ("enrolled", Some(known)) if known.as_slice() == key => {}
        ("enrolled", _) => return Ok(Reply::Refused(Refusal::Secret)),
        _ if now > row.secret_ends => return Ok(Reply::Refused(Refusal::Secret)),
        _ => {
            let sql = "UPDATE device SET status = 'enrolled', public_key = $2, last_seen = $3
                       WHERE device = $1";
            let query = sqlx::query(sql).bind(device.as_str()).bind(key.as_slice()).bind(now);
            query.execute(conn).await?;
        }
    }
    Ok(Reply::Enrolled { epoch: row.epoch })
}

/// Nothing more from or to a handheld; what is out with it may have been used.
pub(super) async fn quarantine(conn: &mut Conn, device: &DeviceId) -> Result<(), OfficeError> {
    sqlx::query("UPDATE device SET status = 'quarantined' WHERE device = $1")
        .bind(device.as_str())
        .execute(&mut *conn)
        .await?;
    let sql = "UPDATE token SET state = 'suspect'
               WHERE device = $1 AND state IN ('reserved', 'delivered')";
    sqlx::query(sql).bind(device.as_str()).execute(conn).await?;
    Ok(())
}
