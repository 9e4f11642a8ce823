//! An office that was put back to an earlier time, and handhelds that were not.
//!
//! What happened after the backup is gone here, and stands in the handhelds' journals, which keep
//! everything. So a restored office
//! - **issues nothing** until every handheld it knows has brought its journal up to its head, or a
//!   person accepts that it will not: a token that was issued after the backup holds its step of
//!   the meter, and only the journal of its handheld shows it;
//! - **asks for journals from where the backup ends**. A handheld takes "I have less than I
//!   acknowledged" for a lie, and is right to. Over a line that takes two steps: HELLO is answered
//!   with the handheld's own head, and the pack that follows with NEED, from the place the ledger
//!   really ends at. Over a medium a parcel says so openly and brings nothing else; the letters
//!   that answer it repeat its random bytes. An old letter, of which any courier may have one,
//!   names an old head: without those bytes it tells nothing of how far the journal goes;
//! - **takes back its own documents** from those journals (`recover`);
//! - **never gives a number twice**: receipts, and versions of the area and of statuses, go on far
//!   beyond those it may have given.
//!
//! An office that was put back without `restore` (a copy of its disk) finds out when a handheld
//! shows a receipt that was not given yet, and does the same from then on.

use crate::office::Office;
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::keys::random;
use crate::office::ledger::{self, Conn, DeviceRow, note_held, set_note, transact};
use crate::sync::wire::{Hello, Need, Visit};
use crate::units::{DeviceId, UnixSeconds};

/// How far receipts and versions of the area go on beyond those in the backup. An office gives a
/// few hundred receipts a day to a handheld, and changes its area a few times.
const BEYOND: u64 = 1_000_000;
/// How far versions of statuses go on beyond the clock, which makes them, milliseconds: more than
/// were ever given in a second. A handheld takes none that is a day ahead.
const STATUS_BEYOND: i64 = 3_600_000;
/// Stands for the handhelds that were enrolled after the backup, of which nothing is known here.
const LATER: &str = "*";

/// A handheld of a restored office that has not brought its journal since, or had not when a person
/// accepted that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its name; `*` stands for whatever was enrolled after the backup.
    pub device: String,
    /// Since when.
    pub since: UnixSeconds,
    /// When its journal was here whole.
    pub heard: Option<UnixSeconds>,
    /// When a person accepted that it is not waited for, and why.
    pub accepted: Option<(UnixSeconds, String)>,
}

impl Waiting {
    /// Whether issuing waits for it.
    pub fn holds(&self) -> bool {
        self.heard.is_none() && self.accepted.is_none()
    }
}

/// From now on every handheld is waited for.
pub(in crate::office) async fn begin(conn: &mut Conn, now: UnixSeconds) -> Result<(), OfficeError> {
    query("DELETE FROM rewound").execute(&mut *conn).await?;
    let sql = "INSERT INTO rewound (device, since, base) SELECT device, $1, head_seq FROM device";
    query(sql).bind(now.0).execute(&mut *conn).await?;
    let sql = "INSERT INTO rewound (device, since, base) VALUES ($1, $2, 0)";
    query(sql).bind(LATER).bind(now.0).execute(&mut *conn).await?;
    let sql = "UPDATE device SET receipts = receipts + $1, status_given = $3 +
               CASE WHEN status_given > $2 THEN status_given ELSE $2 END";
    let millis = now.0.saturating_mul(1000);
    let numbers = query(sql).bind(ledger::number(BEYOND)).bind(millis).bind(STATUS_BEYOND);
    numbers.execute(&mut *conn).await?;
    let area = note_held(conn, "area").await?.and_then(|area| area.parse::<u64>().ok());
    let area = area.ok_or(OfficeError::Stored("area"))?;
    set_note(conn, "area", &(area + BEYOND).to_string()).await
}

/// Nothing is issued while a handheld is waited for.
///
/// # Errors
/// [`OfficeError::Restored`].
pub(in crate::office) async fn fence(conn: &mut Conn) -> Result<(), OfficeError> {
    match waiting(conn).await? {
        0 => Ok(()),
        many => Err(OfficeError::Restored(many)),
    }
}

/// How many are waited for.
pub(in crate::office) async fn waiting(conn: &mut Conn) -> Result<u64, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM rewound WHERE heard IS NULL AND accepted IS NULL";
    ledger::counter(&query(sql).fetch_one(conn).await?, "n")
}

/// Whether a handheld's journal is not here since: nothing may be said of how far it is.
pub(in crate::office) async fn waits_for(
    conn: &mut Conn,
    device: &DeviceId,
) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM rewound WHERE device = $1 AND heard IS NULL";
    Ok(ledger::counter(&query(sql).bind(device.as_str()).fetch_one(conn).await?, "n")? > 0)
}

/// A handheld shows a receipt. One that was not given yet shows that this office was put back.
pub(in crate::office) async fn noticed(
    conn: &mut Conn,
    row: &DeviceRow,
    shown: u64,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    if shown > row.receipts && shown - row.receipts <= BEYOND {
        let (device, given) = (row.device.as_str(), row.receipts);
        tracing::error!(device, shown, given, "this office was put back: issuing is fenced");
        begin(conn, now).await?;
    }
    Ok(())
}

/// What a parcel for a handheld says while it is waited for: its version, and what the letters are
/// to repeat. `None` for one that is not.
pub(in crate::office) async fn wanted(
    conn: &mut Conn,
    row: &DeviceRow,
) -> Result<Option<(u64, [u8; 16])>, OfficeError> {
    let device = row.device.as_str();
    let sql = "SELECT challenge FROM rewound WHERE device = $1 AND heard IS NULL";
    let found = query(sql).bind(device).fetch_optional(&mut *conn).await?;
    let Some(found) = found else { return Ok(None) };
    let challenge = match found.try_get::<Option<Vec<u8>>, _>("challenge")? {
        Some(known) => known.try_into().map_err(|_| OfficeError::Stored("challenge"))?,
        None => {
            let mut drawn = [0; 16];
            drawn.copy_from_slice(&random()?[..16]);
            let sql = "UPDATE rewound SET challenge = $2 WHERE device = $1";
            query(sql).bind(device).bind(&drawn[..]).execute(&mut *conn).await?;
            drawn
        }
    };
    // A version of its own, so that a handheld takes it for news.
    let version = row.status_given + 1;
    let sql = "UPDATE device SET status_given = $2 WHERE device = $1";
    query(sql).bind(device).bind(ledger::number(version)).execute(conn).await?;
    Ok(Some((version, challenge)))
}

/// A letter came. One that repeats what was asked for was written since: with it the handheld has
/// named its head as with HELLO, and is heard once its journal is here as far as that.
pub(in crate::office) async fn wrote(
    conn: &mut Conn,
    row: &DeviceRow,
    visit: &Visit,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let Some(again) = &visit.again else { return Ok(()) };
    // Of two such letters the later names the higher head, whichever comes first.
    let sql = "UPDATE rewound SET head = CASE WHEN head > $2 THEN head ELSE $2 END,
               heard = CASE WHEN (head IS NULL OR head <= $3) AND $2 <= $3 THEN $4 ELSE heard END
               WHERE device = $1 AND heard IS NULL AND challenge = $5";
    query(sql)
        .bind(row.device.as_str())
        .bind(ledger::number(visit.head.seq))
        .bind(ledger::number(row.head_seq))
        .bind(now.0)
        .bind(&again[..])
        .execute(conn)
        .await?;
    Ok(())
}

/// A handheld says HELLO. While it is waited for, gives the answer that makes it send what is
/// missing here.
pub(in crate::office) async fn asked(
    conn: &mut Conn,
    row: &DeviceRow,
    hello: &Hello,
    now: UnixSeconds,
) -> Result<Option<Need>, OfficeError> {
    noticed(conn, row, hello.receipt, now).await?;
    // Also one that was accepted: it may come after all.
    let sql = "UPDATE rewound SET head = $2 WHERE device = $1 AND heard IS NULL";
    let head = ledger::number(hello.head.seq);
    let done = query(sql).bind(row.device.as_str()).bind(head).execute(conn).await?;
    if done.rows_affected() == 0 || hello.head.seq <= row.head_seq {
        return Ok(None);
    }
    Ok(Some(Need { acked: hello.head, receipts: vec![], status: None }))
}

/// A handheld says BYE. Gives whether its journal is here as far as it was when it said HELLO: then
/// it is heard. Where the exchange was cut short before that, nothing may be said of how far it is.
pub(in crate::office) async fn heard(
    conn: &mut Conn,
    row: &DeviceRow,
    now: UnixSeconds,
) -> Result<bool, OfficeError> {
    let sql = "UPDATE rewound SET heard = $2 WHERE device = $1 AND heard IS NULL AND head <= $3";
    let head = ledger::number(row.head_seq);
    query(sql).bind(row.device.as_str()).bind(now.0).bind(head).execute(&mut *conn).await?;
    let sql = "SELECT head FROM rewound WHERE device = $1 AND heard IS NULL AND head > $2";
    let behind = query(sql).bind(row.device.as_str()).bind(head).fetch_optional(conn).await?;
    Ok(behind.is_none())
}

impl Office {
    /// Who is waited for since this office was restored; empty for one that never was.
    ///
    /// # Errors
    /// The database failed.
    pub async fn waited_for(&self) -> Result<Vec<Waiting>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT * FROM rewound ORDER BY device";
        let rows = query(sql).fetch_all(&mut conn).await?;
        let rows = rows.iter().map(|row| {
            let time = |name: &str| row.try_get::<Option<i64>, _>(name);
            let accepted = time("accepted")?.map(UnixSeconds);
            let reason = row.try_get::<Option<String>, _>("reason")?.unwrap_or_default();
            Ok(Waiting {
                device: row.try_get("device")?,
                since: UnixSeconds(row.try_get("since")?),
                heard: time("heard")?.map(UnixSeconds),
                accepted: accepted.map(|at| (at, reason)),
            })
        });
        rows.collect()
    }

    /// A person accepts that a handheld is not waited for any more; `*` for whatever was enrolled
    /// after the backup. Its journal is taken in all the same should it come.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] without a reason, or for one that is not waited for.
    pub async fn accept_unheard(&self, device: &str, reason: &str) -> Result<(), OfficeError> {
        if reason.trim().is_empty() {
            return Err(OfficeError::Usage("say why: whoever reads it later asks".to_owned()));
        }
        let now = self.now();
        let done = transact!(self.ledger, |tx| {
            let sql = "UPDATE rewound SET accepted = $2, reason = $3
                       WHERE device = $1 AND heard IS NULL AND accepted IS NULL";
            let query = query(sql).bind(device).bind(now.0).bind(reason).execute(&mut tx).await;
            query.map_err(OfficeError::from)
        })?;
        if done.rows_affected() == 0 {
            return Err(OfficeError::Usage(format!("nobody waits for {device}")));
        }
        Ok(())
    }
}
