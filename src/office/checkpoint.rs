//! Shift checkpoints: what a handheld signed about its journal, held against the journal here.
//!
//! A checkpoint can come before the entries it names, after them, from a stick, a scanner or a
//! sheet of paper, years later or twice. It moves no money. If the journal here, or one that comes
//! later, does not extend it, one name wrote two journals (C1); if the entries it names never come,
//! a person hears of it (C2).

use super::Office;
use super::apply::{hash_at, keep_fork, quarantine_fork};
use super::db::{Row, query};
use super::entry::Record;
use super::error::OfficeError;
use super::grounds::Grounds;
use super::ledger::{self, Conn, transact};
use super::model::Class;
use super::review::{NewReview, raise};
use crate::sync::wire::{Checkpoint, Position, Visit};
use crate::units::{DeviceId, UnixSeconds};
use meterkit_tokens::{DocType, KeyRecord, Keyring, PublicKey, verify};

/// What the journal here says to a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// It extends it: nothing of what was signed is missing.
    Extends,
    /// The entries it names are not here yet.
    Waiting,
    /// It is another journal.
    Fork,
}

impl Held {
    /// The stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Extends => "extends",
            Self::Waiting => "waiting",
            Self::Fork => "fork",
        }
    }

    fn parse(name: &str) -> Result<Self, OfficeError> {
        let all = [Self::Extends, Self::Waiting, Self::Fork];
        let found = all.into_iter().find(|held| held.name() == name);
        found.ok_or(OfficeError::Stored("checkpoint"))
    }
}

/// A checkpoint in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// What was signed.
    pub signed: Checkpoint,
    /// What the journal here says to it.
    pub held: Held,
    /// How far the journal of that life is here.
    pub here: u64,
    /// When it came.
    pub received: UnixSeconds,
}

impl CheckpointRow {
    /// Reads one; `here` is left for who needs it.
    pub(super) fn of(row: &Row) -> Result<Self, OfficeError> {
        Ok(Self {
            signed: signed(row)?,
            held: Held::parse(&row.try_get::<String, _>("state")?)?,
            here: 0,
            received: UnixSeconds(row.try_get("received")?),
        })
    }
}

/// Where a checkpoint came from, and what it is.
const SHIFT: &str = "shift";
/// The head a letter names: signed as well, without the sums of a shift.
const LETTER: &str = "letter";

impl Office {
    /// Takes in a checkpoint, from wherever it came; again as often as it comes.
    ///
    /// # Errors
    /// [`OfficeError::Token`] for what is none or is not signed by a handheld of this office,
    /// [`OfficeError::Wire`]; [`OfficeError::Usage`] for one that speaks of another handheld's
    /// journal, or of another life of it, than its key may.
    pub async fn take_checkpoint(&self, document: &[u8]) -> Result<CheckpointRow, OfficeError> {
        transact!(self.ledger, |tx| self.checkpoint_in(&mut tx, document).await)
    }

    /// All checkpoints of a handheld, or of all, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn checkpoints(
        &self,
        device: Option<&DeviceId>,
    ) -> Result<Vec<CheckpointRow>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT * FROM checkpoint WHERE kind = 'shift' AND ($1 = '' OR device = $1)
                   ORDER BY received DESC, device, epoch DESC, seq DESC";
        let rows =
            query(sql).bind(device.map_or("", DeviceId::as_str)).fetch_all(&mut conn).await?;
        let mut list = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = CheckpointRow::of(row)?;
            let here = length(&mut conn, &row.signed.device, row.signed.at.epoch).await?;
            list.push(CheckpointRow { here, ..row });
        }
        Ok(list)
    }

    /// The same in a transaction that is under way.
    pub(super) async fn checkpoint_in(
        &self,
        conn: &mut Conn,
        document: &[u8],
    ) -> Result<CheckpointRow, OfficeError> {
        let signed = self.checked_checkpoint(conn, document).await?;
        let (held, received) =
            self.keep_checkpoint(conn, (SHIFT, &signed, document), "a checkpoint").await?;
        let here = length(conn, &signed.device, signed.at.epoch).await?;
        Ok(CheckpointRow { signed, held, here, received })
    }

    /// The head of a letter whose entries wait for others: signed by its handheld like a
    /// checkpoint, and kept as one. Gives whether it shows two journals.
    pub(super) async fn letter_waits(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
        (visit, document): (&Visit, &[u8]),
    ) -> Result<bool, OfficeError> {
        if visit.head.seq == 0 {
            return Ok(false);
        }
        let signed = Checkpoint {
            device: device.clone(),
            at: visit.head,
            time: self.now(),
            operator: LETTER.parse().map_err(|_| OfficeError::Stored("operator"))?,
            since: self.now(),
            counts: [0; 3],
            applied: [0; 2],
            out: [0; 2],
        };
        let kept = self.keep_checkpoint(conn, (LETTER, &signed, document), "its letter").await?;
        Ok(kept.0 == Held::Fork)
    }

    /// Verifies a checkpoint with the key its handheld had in that life.
    async fn checked_checkpoint(
        &self,
        conn: &mut Conn,
        document: &[u8],
    ) -> Result<Checkpoint, OfficeError> {
        let rows =
            query("SELECT device, epoch, public_key FROM device_key").fetch_all(conn).await?;
        let mut lives = Vec::with_capacity(rows.len());
        for row in &rows {
            let Ok(key) = PublicKey::from_bytes(ledger::fixed(row, "public_key")?) else {
                continue;
            };
            let device: DeviceId = ledger::parsed(row, "device")?;
            lives.push((device, ledger::small(row, "epoch")?, key));
        }
        let record = |key: &PublicKey| KeyRecord {
            key: *key,
            not_before: 0,
            not_after: i64::MAX,
            types: vec![DocType::Checkpoint],
            max_amount: None,
        };
        let ring: Keyring = lives.iter().map(|(.., key)| record(key)).collect::<Vec<_>>().into();
        let verified = verify(document, DocType::Checkpoint, &self.tenant(), &ring, None)?;
        let signed = Checkpoint::read(verified.payload)?;
        let own = lives.iter().any(|(device, epoch, key)| {
            (device, *epoch) == (&signed.device, signed.at.epoch) && key.kid() == verified.kid
        });
        if !own {
            let (device, epoch) = (&signed.device, signed.at.epoch);
            let why = format!("it is not signed by {device} in life {epoch} of its journal");
            return Err(OfficeError::Usage(why));
        }
        Ok(signed)
    }

    /// Holds a checkpoint against the journal here, and keeps it.
    async fn keep_checkpoint(
        &self,
        conn: &mut Conn,
        (kind, signed, document): (&str, &Checkpoint, &[u8]),
        shown_by: &str,
    ) -> Result<(Held, UnixSeconds), OfficeError> {
        let (device, at, now) = (&signed.device, &signed.at, self.now());
        // Its row is held: no pack of it comes in between.
        let row = ledger::device(conn, device).await?;
        let row = row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?;
        let held = match hash_at(conn, device, at.epoch, at.seq).await? {
            Some(hash) if hash == at.hash => Held::Extends,
            Some(_) => Held::Fork,
            None if another(conn, device, at).await? => Held::Fork,
            None => Held::Waiting,
        };
        if held == Held::Fork {
            let place = (at.epoch, at.seq, at.hash);
            keep_fork(conn, device, place, &[], now).await?;
            if at.epoch == row.epoch {
                quarantine_fork(conn, device, at.epoch, at.seq, shown_by, now).await?;
            } else {
                let why = format!("two journals of one handheld, shown by {shown_by}");
                raise(conn, about((Class::C1, &why), device, at), now).await?;
            }
        }
        let received = insert(conn, (kind, signed, document), held, now).await?;
        Ok((held, received))
    }
}

fn about<'a>((class, why): (Class, &str), device: &'a DeviceId, at: &Position) -> NewReview<'a> {
    NewReview {
        id: format!("{}:{device}:{}:{}", class.name(), at.epoch, at.seq),
        class,
        why: why.to_owned(),
        device,
        epoch: at.epoch,
        seq: at.seq,
        meter: None,
        token: None,
        rests: Grounds::entry(device, at.epoch, at.seq),
    }
}

/// Whether another checkpoint names the same place with another content.
async fn another(conn: &mut Conn, device: &DeviceId, at: &Position) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM checkpoint
               WHERE device = $1 AND epoch = $2 AND seq = $3 AND hash <> $4";
    let row = query(sql)
        .bind(device.as_str())
        .bind(i64::from(at.epoch))
        .bind(ledger::number(at.seq))
        .bind(at.hash.as_slice())
        .fetch_one(conn)
        .await?;
    Ok(ledger::counter(&row, "n")? > 0)
}

/// Writes a checkpoint down; one that is here keeps the time it first came. A place that a letter
/// named is told better by the checkpoint of the shift that ended there.
async fn insert(
    conn: &mut Conn,
    (kind, signed, document): (&str, &Checkpoint, &[u8]),
    held: Held,
    now: UnixSeconds,
) -> Result<UnixSeconds, OfficeError> {
    let at = &signed.at;
    let sql = "INSERT INTO checkpoint (device, epoch, seq, hash, kind, at, operator, since,
                   accepted, refused, unknown, applied_yuan, applied_kwh, out_yuan, out_kwh,
                   document, state, received)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                       $18)
               ON CONFLICT (device, epoch, seq, hash, kind) DO UPDATE SET state = excluded.state";
    query(sql)
        .bind(signed.device.as_str())
        .bind(i64::from(at.epoch))
        .bind(ledger::number(at.seq))
        .bind(at.hash.as_slice())
        .bind(kind)
        .bind(signed.time.0)
        .bind(signed.operator.as_str())
        .bind(signed.since.0)
        .bind(i64::from(signed.counts[0]))
        .bind(i64::from(signed.counts[1]))
        .bind(i64::from(signed.counts[2]))
        .bind(signed.applied[0])
        .bind(signed.applied[1])
        .bind(signed.out[0])
        .bind(signed.out[1])
        .bind(document)
        .bind(held.name())
        .bind(now.0)
        .execute(&mut *conn)
        .await?;
    let sql = "SELECT received FROM checkpoint
               WHERE device = $1 AND epoch = $2 AND seq = $3 AND hash = $4 AND kind = $5";
    let row = query(sql)
        .bind(signed.device.as_str())
        .bind(i64::from(at.epoch))
        .bind(ledger::number(at.seq))
        .bind(at.hash.as_slice())
        .bind(kind)
        .fetch_one(conn)
        .await?;
    Ok(UnixSeconds(row.try_get("received")?))
}

fn signed(row: &Row) -> Result<Checkpoint, OfficeError> {
    let count = |name| ledger::small(row, name);
    Ok(Checkpoint {
        device: ledger::parsed(row, "device")?,
        at: Position {
            epoch: ledger::small(row, "epoch")?,
            seq: ledger::counter(row, "seq")?,
            hash: ledger::fixed(row, "hash")?,
        },
        time: UnixSeconds(row.try_get("at")?),
        operator: ledger::parsed(row, "operator")?,
        since: UnixSeconds(row.try_get("since")?),
        counts: [count("accepted")?, count("refused")?, count("unknown")?],
        applied: [row.try_get("applied_yuan")?, row.try_get("applied_kwh")?],
        out: [row.try_get("out_yuan")?, row.try_get("out_kwh")?],
    })
}

/// How much of a life of a journal is here.
async fn length(conn: &mut Conn, device: &DeviceId, epoch: u32) -> Result<u64, OfficeError> {
    let sql = "SELECT COALESCE(MAX(seq), 0) AS seq FROM event WHERE device = $1 AND epoch = $2";
    let row = query(sql).bind(device.as_str()).bind(i64::from(epoch)).fetch_one(conn).await?;
    ledger::counter(&row, "seq")
}

/// The first place where records that are about to be taken in contradict a checkpoint, of those
/// that name a place among them.
pub(super) fn contradicted(signed: &[(u64, [u8; 32])], records: &[Record]) -> Option<u64> {
    let other = |(seq, hash): &&(u64, [u8; 32])| {
        let ours = records.iter().find(|record| record.seq == *seq);
        ours.is_some_and(|record| record.hash != *hash)
    };
    signed.iter().find(other).map(|(seq, _)| *seq)
}

/// The journal has come so far: what was signed of it is here, and whoever was called because
/// something did not come need not look any more.
pub(super) async fn reached(
    conn: &mut Conn,
    device: &DeviceId,
    (epoch, seq): (u32, u64),
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let sql = "UPDATE checkpoint SET state = 'extends'
               WHERE device = $1 AND epoch = $2 AND seq <= $3 AND state = 'waiting'";
    query(sql)
        .bind(device.as_str())
        .bind(i64::from(epoch))
        .bind(ledger::number(seq))
        .execute(&mut *conn)
        .await?;
    let sql = "UPDATE review SET settled = $4, verdict = 'came', reason = 'what it waited for came'
               WHERE device = $1 AND settled IS NULL AND class = 'C2'
               AND (token IS NULL AND epoch = $2 AND seq <= $3
                    OR EXISTS (SELECT 1 FROM token t
                               WHERE t.id = review.token AND t.state <> 'suspect'))";
    query(sql)
        .bind(device.as_str())
        .bind(i64::from(epoch))
        .bind(ledger::number(seq))
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}
