//! The handhelds: offered, enrolled, quarantined, and enrolled again in a new life.

use super::Office;
use super::db::query;
use super::error::OfficeError;
use super::keys::RECOVERY;
use super::ledger::{self, Conn, DeviceRow, transact};
use super::limits::{self, Carried};
use super::online::ONLINE;
use super::people::Granted;
use crate::sync::wire::{self, Enrolment, MAX_GRANTS, Refusal, Reply, kind_of, read_entry};
use crate::units::{DeviceId, OperatorId, UnixSeconds, recovery_text};
use meterkit_tokens::DocType;
use zeroize::Zeroizing;

/// How long an enrolment file is good, seconds.
const OFFER_LIFE: i64 = 14 * 86_400;
/// The first life of a journal.
const EPOCH: u32 = 1;

/// A handheld to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub device: DeviceId,
    /// Where it reaches this office.
    pub url: String,
    /// Who may work with it from the start; whoever enrols is one of them.
    pub operators: Vec<OperatorId>,
    /// It had a life before: a restored copy, a clone, a lost one that was found.
    pub again: bool,
}

impl Offer {
    /// A new handheld without operators.
    pub fn new(device: &DeviceId, url: &str) -> Self {
        Self { device: device.clone(), url: url.to_owned(), operators: vec![], again: false }
    }
}

/// An enrolment file, and the grants in it.
pub struct Offered {
    /// The file. It holds one-time secrets.
    pub file: Vec<u8>,
    /// The life of the journal it begins.
    pub epoch: u32,
    /// Grants for its operators, with the codes for those who do not enrol it themselves.
    pub grants: Vec<Granted>,
}

/// A handheld in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its name.
    pub device: DeviceId,
    /// `offered`, `enrolled`, `quarantined`.
    pub status: String,
    /// The life of its journal.
    pub epoch: u32,
    /// How much of its journal is here.
    pub events: u64,
    /// Receipts given.
    pub receipts: u64,
    /// What is out with it.
    pub carried: Carried,
    /// When it last spoke.
    pub last_seen: Option<UnixSeconds>,
    /// The program that writes its journal, as it says.
    pub software: String,
    /// Entries that contradict others.
    pub forks: u64,
}

/// An entry of one of two journals that carry one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkRow {
    /// The life of the journal.
    pub epoch: u32,
    /// The place both claim.
    pub seq: u64,
    /// `true`: the entry that was here first.
    pub first: bool,
    /// What kind it is; `head` for one that was only named, as the head of the journal.
    pub kind: String,
    /// Its time, as it says.
    pub at: UnixSeconds,
    /// Its chain hash.
    pub hash: [u8; 32],
    /// When it came.
    pub received: UnixSeconds,
}

impl Office {
    /// Writes an enrolment file. Offering a name again, before it was used, makes the earlier file
    /// worthless; `again` begins a new life of a handheld in use: what was acknowledged of the old
    /// one stays, its tokens are suspect, its grants are void.
    ///
    /// # Errors
    /// [`OfficeError::DeviceEnrolled`] for a name in use, [`OfficeError::NoOperator`],
    /// [`OfficeError::Locked`] without the status, people and recovery keys.
    pub async fn offer(&self, offer: &Offer) -> Result<Offered, OfficeError> {
        if offer.operators.len() > MAX_GRANTS {
            let why =
                format!("at most {MAX_GRANTS} operators from the start; grant the others later");
            return Err(OfficeError::Usage(why));
        }
        let secret = Zeroizing::new(super::keys::random()?);
        transact!(self.ledger, |tx| self.offer_in(&mut tx, offer, &secret).await)
    }

    async fn offer_in(
        &self,
        conn: &mut Conn,
        offer: &Offer,
        secret: &[u8; 32],
    ) -> Result<Offered, OfficeError> {
        let (device, now) = (&offer.device, self.now());
        if device.as_str() == ONLINE {
            return Err(OfficeError::Usage(format!("{ONLINE} is the office itself")));
        }
        let expires = UnixSeconds(now.0 + OFFER_LIFE);
        let old = ledger::device(conn, device).await?;
        match old.filter(|row| row.status != "offered") {
            Some(_) if !offer.again => return Err(OfficeError::DeviceEnrolled(device.clone())),
            Some(row) => close_life(conn, &row, now.0).await?,
            None => {}
        }
        write_offer(conn, device, &wire::digest(secret), expires).await?;
        let row = ledger::device(conn, device).await?;
        let row = row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?;
        let mut grants = Vec::with_capacity(offer.operators.len());
        for operator in &offer.operators {
            grants.push(self.grant_in(conn, operator, device, row.epoch).await?);
        }
        let status = self.status_in(conn, &row).await?;
        let keys = self.keys();
        let secure = offer.url.starts_with("https://");
        let (ca, pins) = if secure { keys.trust() } else { Default::default() };
        let enrolment = Enrolment {
            tenant: keys.tenant().to_owned(),
            device: device.clone(),
            url: offer.url.clone(),
            root_hash: keys.first_root(),
            roots: keys.roots().to_vec(),
            keyset: keys.document().to_vec(),
            secret: *secret,
            expires,
            ca,
            pins,
            recovery: keys.recovery(device.as_str(), row.epoch)?,
            grants: grants.iter().map(|grant| grant.bytes.clone()).collect(),
            status,
            epoch: row.epoch,
        };
        let document = keys.answer(DocType::Enrolment, enrolment.payload(), now.0)?;
        Ok(Offered { file: enrolment.file(&document), epoch: row.epoch, grants })
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
        let sql = "SELECT d.*, (SELECT COUNT(*) FROM fork f WHERE f.device = d.device) AS forks
                   FROM device d ORDER BY d.device";
        let rows = query(sql).fetch_all(&mut conn).await?;
        let mut list = Vec::with_capacity(rows.len());
        for row in &rows {
            let device = ledger::device_row(row)?;
            list.push(DeviceInfo {
                carried: limits::carried(&mut conn, device.device.as_str()).await?,
                device: device.device,
                status: device.status,
                epoch: device.epoch,
                events: device.head_seq,
                receipts: device.receipts,
                last_seen: (device.last_seen > 0).then_some(UnixSeconds(device.last_seen)),
                software: device.software,
                forks: ledger::counter(row, "forks")?,
            });
        }
        Ok(list)
    }

    /// Where two journals of one handheld contradict each other: both entries of each place.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`].
    pub async fn forks(&self, device: &DeviceId) -> Result<Vec<ForkRow>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        if ledger::device(&mut conn, device).await?.is_none() {
            return Err(OfficeError::NoDevice(device.clone()));
        }
        let sql = "SELECT e.epoch, e.seq, e.hash, e.body, e.received, 0 AS later FROM event e
                   WHERE e.device = $1 AND EXISTS (SELECT 1 FROM fork f WHERE f.device = e.device
                       AND f.epoch = e.epoch AND f.seq = e.seq AND f.hash <> e.hash)
                   UNION ALL SELECT f.epoch, f.seq, f.hash, f.body, f.received, 1 AS later
                   FROM fork f WHERE f.device = $1 AND NOT EXISTS (SELECT 1 FROM event e
                       WHERE e.device = f.device AND e.epoch = f.epoch AND e.seq = f.seq
                       AND e.hash = f.hash)
                   ORDER BY 1, 2, 6";
        let rows = query(sql).bind(device.as_str()).fetch_all(&mut conn).await?;
        let rows = rows.iter().map(|row| {
            let body: Vec<u8> = row.try_get("body")?;
            let entry = read_entry(&body).ok();
            let unread = if body.is_empty() { "head" } else { "unknown" };
            Ok(ForkRow {
                epoch: ledger::small(row, "epoch")?,
                seq: ledger::counter(row, "seq")?,
                first: row.try_get::<i64, _>("later")? == 0,
                kind: entry.as_ref().map_or(unread, |entry| kind_of(&entry.event)).to_owned(),
                at: entry.map_or(UnixSeconds(0), |entry| entry.at),
                hash: ledger::fixed(row, "hash")?,
                received: UnixSeconds(row.try_get("received")?),
            })
        });
        rows.collect()
    }

    /// The next recovery code of a handheld, for somebody whose PINs are all lost. Each is given
    /// out once.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`], [`OfficeError::NoRecovery`], [`OfficeError::Locked`].
    pub async fn recovery_code(
        &self,
        device: &DeviceId,
    ) -> Result<(u32, Zeroizing<String>), OfficeError> {
        transact!(self.ledger, |tx| self.recovery_in(&mut tx, device).await)
    }

    async fn recovery_in(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
    ) -> Result<(u32, Zeroizing<String>), OfficeError> {
        let row = ledger::device(conn, device).await?;
        let row = row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?;
        let secrets = Zeroizing::new(self.keys().recovery(device.as_str(), row.epoch)?);
        let at = row.recovery_given;
        let secret = secrets.get(usize::try_from(at).unwrap_or(usize::MAX));
        let secret = secret.ok_or_else(|| OfficeError::NoRecovery(device.clone()))?;
        query("UPDATE device SET recovery_given = $2 WHERE device = $1")
            .bind(device.as_str())
            .bind(i64::from(at + 1))
            .execute(conn)
            .await?;
        Ok((RECOVERY - at - 1, recovery_text(secret)))
    }
}

async fn write_offer(
    conn: &mut Conn,
    device: &DeviceId,
    secret_hash: &[u8; 32],
    expires: UnixSeconds,
) -> Result<(), OfficeError> {
    let sql = "INSERT INTO device
               (device, status, secret_hash, secret_ends, epoch, head_seq, head_hash, receipts,
                bye_receipt, last_seen, known_acked, status_taken, status_given, recovery_given,
                software)
               VALUES ($1, 'offered', $2, $3, $4, 0, $5, 0, 0, 0, 0, 0, 0, 0, '')
               ON CONFLICT (device) DO UPDATE SET
               secret_hash = excluded.secret_hash, secret_ends = excluded.secret_ends";
    query(sql)
        .bind(device.as_str())
        .bind(secret_hash.as_slice())
        .bind(expires.0)
        .bind(i64::from(EPOCH))
        .bind([0u8; 32].as_slice())
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a life of a journal at what was acknowledged. Its key is kept, to prove what it signed.
async fn close_life(conn: &mut Conn, row: &DeviceRow, now: i64) -> Result<(), OfficeError> {
    let name = row.device.as_str();
    let sql = "UPDATE device_key SET closed = $3, last_seq = $4, last_hash = $5
               WHERE device = $1 AND epoch = $2";
    query(sql)
        .bind(name)
        .bind(i64::from(row.epoch))
        .bind(now)
        .bind(ledger::number(row.head_seq))
        .bind(row.head_hash.as_slice())
        .execute(&mut *conn)
        .await?;
    quarantine(conn, &row.device).await?;
    let sql = "UPDATE device SET status = 'offered', public_key = NULL, epoch = epoch + 1,
               head_seq = 0, head_hash = $2, known_acked = 0, status_taken = 0,
               recovery_given = 0, software = '' WHERE device = $1";
    query(sql).bind(name).bind([0u8; 32].as_slice()).execute(&mut *conn).await?;
    // The new life has none of its bundles.
    query("UPDATE bundle_doc SET taken = NULL WHERE device = $1")
        .bind(name)
        .execute(&mut *conn)
        .await?;
    for sql in [
        "UPDATE grant_doc SET revoked = $2 WHERE device = $1 AND revoked IS NULL",
        "UPDATE override_doc SET revoked = $2
         WHERE device = $1 AND revoked IS NULL AND used IS NULL",
    ] {
        query(sql).bind(name).bind(now).execute(&mut *conn).await?;
    }
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
        _ => know(conn, &row, key, now).await?,
    }
    Ok(Reply::Enrolled { epoch: row.epoch })
}

/// From now on the handheld is known by this key.
async fn know(
    conn: &mut Conn,
    row: &DeviceRow,
    key: &[u8; 32],
    now: i64,
) -> Result<(), OfficeError> {
    let sql = "UPDATE device SET status = 'enrolled', public_key = $2, last_seen = $3
               WHERE device = $1";
    let known = query(sql).bind(row.device.as_str()).bind(key.as_slice()).bind(now);
    known.execute(&mut *conn).await?;
    let sql = "INSERT INTO device_key (device, epoch, public_key, since) VALUES ($1, $2, $3, $4)";
    query(sql)
        .bind(row.device.as_str())
        .bind(i64::from(row.epoch))
        .bind(key.as_slice())
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Nothing more from or to a handheld; what is out with it may have been used.
pub(super) async fn quarantine(conn: &mut Conn, device: &DeviceId) -> Result<(), OfficeError> {
    query("UPDATE device SET status = 'quarantined' WHERE device = $1")
        .bind(device.as_str())
        .execute(&mut *conn)
        .await?;
    let sql = "UPDATE token SET state = 'suspect'
               WHERE device = $1 AND state <> 'applied' AND state IN ('reserved', 'delivered')";
    query(sql).bind(device.as_str()).execute(conn).await?;
    Ok(())
}
