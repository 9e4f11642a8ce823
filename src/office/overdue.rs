//! What waited too long for something that has not come goes to a person, never to a guess (R6).
//!
//! A token without an outcome, and journal entries that were signed for and never arrived, wait for
//! a time the office sets, five days as it comes. Nothing is decided here, and no money moves.

use super::Office;
use super::db::query;
use super::error::OfficeError;
use super::grounds::{self, Grounds};
use super::ledger::{self, Conn, transact};
use super::model::Class;
use super::review::{NewReview, raise};
use crate::units::{DeviceId, UnixSeconds};

/// How long something waits, days (`reference/field-work.md` 3b, R6; as ODK holds what misses its
/// predecessor).
const USUAL_DAYS: i64 = 5;
/// The longest that may be set, days: no token lives longer, and no operator remembers longer.
const MAX_DAYS: i64 = 60;
const DAY: i64 = 86_400;
/// Where it is kept.
const NOTE: &str = "wait-days";
/// Most things called for at once; the rest with the next look.
const MOST: i64 = 500;

impl Office {
    /// How long something waits before a person is called, days.
    ///
    /// # Errors
    /// The database failed.
    pub async fn wait_days(&self) -> Result<i64, OfficeError> {
        let mut conn = self.ledger.read().await?;
        wait_days(&mut conn).await
    }

    /// Changes that.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for less than a day or more than 60.
    pub async fn set_wait_days(&self, days: i64) -> Result<(), OfficeError> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(OfficeError::Usage(format!("1 to {MAX_DAYS} days")));
        }
        transact!(self.ledger, |tx| ledger::set_note(&mut tx, NOTE, &days.to_string()).await)
    }

    /// Calls a person for what waited too long; gives how much that is now. Safe to repeat: each is
    /// called for once.
    ///
    /// # Errors
    /// The database failed.
    pub async fn call_overdue(&self) -> Result<usize, OfficeError> {
        let now = self.now();
        transact!(self.ledger, |tx| call(&mut tx, now).await)
    }
}

async fn wait_days(conn: &mut Conn) -> Result<i64, OfficeError> {
    let days = ledger::note(conn, NOTE).await?;
    days.map_or(Ok(USUAL_DAYS), |days| days.parse().map_err(|_| OfficeError::Stored(NOTE)))
}

async fn call(conn: &mut Conn, now: UnixSeconds) -> Result<usize, OfficeError> {
    let days = wait_days(conn).await?;
    let before = UnixSeconds(now.0.saturating_sub(days.saturating_mul(DAY)));
    Ok(entries(conn, before, now).await? + tokens(conn, (before, days), now).await?)
}

/// Journal entries that were signed for. Of a handheld that is stopped, or a life that has ended,
/// nothing more is to be waited for.
async fn entries(
    conn: &mut Conn,
    before: UnixSeconds,
    now: UnixSeconds,
) -> Result<usize, OfficeError> {
    let sql = "SELECT c.device, c.epoch, c.seq,
                      (SELECT COALESCE(MAX(e.seq), 0) FROM event e
                       WHERE e.device = c.device AND e.epoch = c.epoch) AS here
               FROM checkpoint c JOIN device d ON d.device = c.device
               WHERE c.state = 'waiting'
               AND (c.received <= $1 OR d.status = 'quarantined' OR d.epoch <> c.epoch)
               AND NOT EXISTS (SELECT 1 FROM review r WHERE r.class = 'C2' AND r.device = c.device
                               AND r.epoch = c.epoch AND r.seq = c.seq)
               GROUP BY c.device, c.epoch, c.seq ORDER BY c.device, c.epoch, c.seq LIMIT $2";
    let rows = query(sql).bind(before.0).bind(MOST).fetch_all(&mut *conn).await?;
    for row in &rows {
        let device: DeviceId = ledger::parsed(row, "device")?;
        let (epoch, seq) = (ledger::small(row, "epoch")?, ledger::counter(row, "seq")?);
        let here = ledger::counter(row, "here")?;
        let review = NewReview {
            id: format!("C2:{device}:{epoch}:{seq}"),
            class: Class::C2,
            why: format!("journal entries were signed for and never came: {} to {seq}", here + 1),
            device: &device,
            epoch,
            seq,
            meter: None,
            token: None,
            // The last entry that is here, and the one that was signed for.
            rests: Grounds::entry(&device, epoch, here).and_entry(&device, epoch, seq),
        };
        raise(conn, review, now).await?;
    }
    Ok(rows.len())
}

/// Tokens that were sent, or may have been, and of which nothing was heard since.
async fn tokens(
    conn: &mut Conn,
    (before, days): (UnixSeconds, i64),
    now: UnixSeconds,
) -> Result<usize, OfficeError> {
    let sql = "SELECT waits.* FROM (
                   SELECT t.id, t.meter, t.device, d.epoch,
                       COALESCE((SELECT MAX(e.received) FROM event e WHERE e.token = t.id),
                                t.revoked, t.issued) AS heard
                   FROM device d JOIN token t ON t.device = d.device AND t.state = 'suspect'
                   WHERE NOT EXISTS (SELECT 1 FROM review r
                                     WHERE r.token = t.id AND r.settled IS NULL)) AS waits
               WHERE heard <= $1 ORDER BY heard, id LIMIT $2";
    let rows = query(sql).bind(before.0).bind(MOST).fetch_all(&mut *conn).await?;
    for row in &rows {
        let device: DeviceId = ledger::parsed(row, "device")?;
        let id = ledger::parsed(row, "id")?;
        let heard: i64 = row.try_get("heard")?;
        let rests = grounds::of_token(conn, id).await?;
        let review = NewReview {
            // Once for each time something was heard of it.
            id: format!("C2:{id}:{heard}"),
            class: Class::C2,
            why: format!("its outcome has not come: nothing was heard of it for {days} days"),
            device: &device,
            epoch: ledger::small(row, "epoch")?,
            seq: 0,
            meter: Some(ledger::parsed(row, "meter")?),
            token: Some(id),
            rests,
        };
        raise(conn, review, now).await?;
    }
    Ok(rows.len())
}
