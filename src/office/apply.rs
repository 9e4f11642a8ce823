//! Taking in a journal pack: one transaction, one receipt.
//!
//! The chain is computed again from the records and must continue what is here. Entries that are
//! here already are compared by hash and acknowledged again; a gap is answered with what is wanted;
//! another entry at a known place stops the handheld and keeps both. Everything else is an outcome
//! per entry (`entry`): a bad entry never blocks the ones behind it.

use super::Office;
use super::ahead::{Ahead, Asked};
use super::answer::standing_of;
use super::book::Book;
use super::cell::Cell;
use super::checkpoint;
use super::clocks::Clocks;
use super::db::{locking, query};
use super::devices::quarantine;
use super::entry::{Desk, Record, Source, named, take};
use super::error::OfficeError;
use super::exposure::Watch;
use super::grounds::Grounds;
use super::ledger::{self, Conn, DeviceRow, transact};
use super::many::{Batch, with_rows};
use super::model::Class;
use super::review::{NewReview, raise};
use crate::sync::wire::{EntryOutcome, Pack, Position, Receipt, Refusal, Run, chain};
use crate::units::{DeviceId, UnixSeconds};
use meterkit_tokens::DocType;
use std::collections::BTreeMap;

/// What became of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Taken; the receipt document. The same bytes every time for the same pack.
    Receipt(Vec<u8>),
    /// It leaves a gap: entries are wanted from here on.
    Need(Position),
    /// Not taken.
    Refused(Refusal),
}

impl Office {
    /// Takes in a pack whose signature was checked; `document` is the signed form, kept as proof.
    ///
    /// # Errors
    /// The database failed; nothing was taken then.
    pub async fn apply_pack(
        &self,
        device: &DeviceId,
        pack: &Pack,
        document: &[u8],
    ) -> Result<Applied, OfficeError> {
        match self.apply_after(device, pack, document, true).await? {
            Some((applied, _)) => Ok(applied),
            None => Err(OfficeError::Stored("rewound")),
        }
    }

    /// The same, with what became of the entries if there is a receipt: of a pack that came again,
    /// they are duplicates. `None`, and nothing taken, while something is to be `recovered` from
    /// the pack before that.
    pub(super) async fn apply_after(
        &self,
        device: &DeviceId,
        pack: &Pack,
        document: &[u8],
        recovered: bool,
    ) -> Result<Option<(Applied, Vec<Run>)>, OfficeError> {
        // Unpacked once, whatever the transaction goes through. Where a transaction holds only what
        // it decides about, that waits until it is known that the pack is new; where it keeps all
        // others waiting, it is done before.
        let mut records = None;
        if !self.ledger.is_shared() {
            let Some(unpacked) = unpack(pack) else {
                return Ok(Some((Applied::Refused(Refusal::Malformed), Vec::new())));
            };
            records = Some(unpacked);
        }
        let mut runs = Vec::new();
        let applied = transact!(self.ledger, |tx| {
            let row = held(&mut tx, device).await?;
            match row {
                Some((_, true)) if !recovered => Ok(None),
                row => {
                    let row = standing_of(row.map(|(row, _)| row));
                    let signed = (pack, document);
                    self.apply_in(&mut tx, row, signed, (&mut records, &mut runs)).await.map(Some)
                }
            }
        })?;
        Ok(applied.map(|applied| (applied, runs)))
    }

    async fn apply_in(
        &self,
        conn: &mut Conn,
        row: Result<DeviceRow, Refusal>,
        (pack, document): (&Pack, &[u8]),
        (records, runs): (&mut Option<Vec<Record>>, &mut Vec<Run>),
    ) -> Result<Applied, OfficeError> {
        runs.clear();
        let row = match row {
            Ok(row) if row.epoch == pack.epoch => row,
            Ok(_) => return Ok(Applied::Refused(Refusal::Epoch)),
            Err(refusal) => return Ok(Applied::Refused(refusal)),
        };
        let device = &row.device.clone();
        if let Some(receipt) = same_pack(conn, &row, pack).await? {
            runs.push(Run { count: pack.count, outcome: EntryOutcome::Duplicate });
            return Ok(Applied::Receipt(receipt));
        }
        if records.is_none() {
            *records = unpack(pack);
        }
        let Some(records) = records.as_deref() else {
            return Ok(Applied::Refused(Refusal::Malformed));
        };
        if pack.first > row.head_seq + 1 {
            let (seq, hash) = (row.head_seq, row.head_hash);
            return Ok(Applied::Need(Position { epoch: row.epoch, seq, hash }));
        }
        let asked = Asked {
            device: device.clone(),
            epoch: pack.epoch,
            pack: (pack.first, pack.last()),
            fresh: row.head_seq + 1,
            acked: row.known_acked.min(row.head_seq),
            status: row.status_taken,
        };
        let ahead = Ahead::read(conn, &asked).await?;
        let fork = match first_fork(conn, &row, pack, records).await? {
            None => checkpoint::contradicted(&ahead.signed, records),
            fork => fork,
        };
        if let Some(seq) = fork {
            let now = self.now();
            with_rows(conn, KEEP, vec![kept(device, pack, document, now)]).await?;
            keep_forks(conn, device, pack.epoch, records, now).await?;
            quarantine_fork(conn, device, pack.epoch, seq, "a pack", now).await?;
            return Ok(Applied::Refused(Refusal::Quarantined));
        }
        let now = self.now();
        let fresh = records.partition_point(|record| record.seq <= row.head_seq);
        let (here, fresh) = records.split_at(fresh);
        let mut outcomes = vec![EntryOutcome::Duplicate; here.len()];
        let (waits, clocks) = (ahead.waits, Clocks::after(ahead.anchor));
        let mut desk = Desk { book: Book::new(row), watch: Watch::new(asked, ahead), clocks };
        let (tokens, meters) = named(fresh);
        desk.book.read_ahead(conn, &tokens, &meters).await?;
        for record in fresh {
            let seen = record.entry.as_ref().and_then(|entry| entry.event.evidence());
            let source = Source { device, epoch: pack.epoch, seq: record.seq, now, seen };
            outcomes.push(take(conn, &mut desk, &source, record).await?);
        }
        let mut batch = Batch::default();
        batch.with(KEEP, vec![kept(device, pack, document, now)]);
        *runs = Receipt::runs_of(outcomes);
        let receipt = self.receipt(&mut batch, &desk.book.device, pack, records, runs)?;
        desk.book.write_with(conn, batch).await?;
        if waits {
            let row = &desk.book.device;
            let last = records.last().map_or(row.head_seq, |last| last.seq.max(row.head_seq));
            checkpoint::reached(conn, device, (pack.epoch, last), now).await?;
        }
        Ok(Applied::Receipt(receipt))
    }

    /// Moves the head, signs the receipt and keeps it, with what else is to be written.
    fn receipt(
        &self,
        batch: &mut Batch,
        row: &DeviceRow,
        pack: &Pack,
        records: &[Record],
        runs: &[Run],
    ) -> Result<Vec<u8>, OfficeError> {
        let mut acked = Position { epoch: row.epoch, seq: row.head_seq, hash: row.head_hash };
        if let Some(last) = records.last().filter(|last| last.seq > row.head_seq) {
            acked = Position { epoch: row.epoch, seq: last.seq, hash: last.hash };
        }
        let receipt = Receipt {
            device: row.device.clone(),
            number: row.receipts + 1,
            first: pack.first,
            last: pack.last(),
            acked,
            at: self.now(),
            runs: runs.to_vec(),
        };
        let bytes = self.keys().answer(DocType::Receipt, receipt.payload(), receipt.at.0)?;
        let number = ledger::number(receipt.number);
        let sql = "UPDATE device SET head_seq = v.column2, head_hash = v.column3,
                   receipts = v.column4, last_seen = v.column5, known_acked = v.column6
                   FROM {rows} WHERE device.device = v.column1";
        let moved: Vec<Cell> = vec![
            row.device.as_str().into(),
            ledger::number(acked.seq).into(),
            acked.hash.as_slice().into(),
            number.into(),
            receipt.at.0.into(),
            ledger::number(row.known_acked).into(),
        ];
        batch.with(sql, vec![moved]);
        let given: Vec<Cell> = vec![
            row.device.as_str().into(),
            number.into(),
            i64::from(pack.epoch).into(),
            ledger::number(receipt.first).into(),
            ledger::number(receipt.last).into(),
            pack.hash.as_slice().into(),
            (&bytes).into(),
        ];
        batch.add("receipt (device, number, epoch, first, last, hash, bytes)", vec![given]);
        Ok(bytes)
    }
}

/// Reads a handheld, its row held; and whether its journal is waited for since the office was put
/// back to an earlier time.
async fn held(
    conn: &mut Conn,
    device: &DeviceId,
) -> Result<Option<(DeviceRow, bool)>, OfficeError> {
    let sql = locking!(
        conn,
        "SELECT device.*, (SELECT COUNT(*) FROM rewound r WHERE r.device = device.device)
             AS rewound
         FROM device WHERE device = $1"
    );
    let row = query(sql).bind(device.as_str()).fetch_optional(conn).await?;
    row.map(|row| Ok((ledger::device_row(&row)?, ledger::counter(&row, "rewound")? > 0)))
        .transpose()
}

/// The records of a pack, each with the chain hash it makes; `None` if they are not those of which
/// the pack names the last.
fn unpack(pack: &Pack) -> Option<Vec<Record>> {
    let bodies = pack.bodies().ok()?;
    let mut hash = pack.before;
    let mut records = Vec::with_capacity(bodies.len());
    for (seq, body) in (pack.first..).zip(bodies) {
        hash = chain(&hash, &body);
        records.push(Record::new(seq, hash, body));
    }
    (hash == pack.hash).then_some(records)
}

/// The receipt given for exactly this pack before: then the journal is here to its end.
async fn same_pack(
    conn: &mut Conn,
    row: &DeviceRow,
    pack: &Pack,
) -> Result<Option<Vec<u8>>, OfficeError> {
    if pack.last() > row.head_seq {
        return Ok(None);
    }
    let sql = "SELECT bytes FROM receipt
               WHERE device = $1 AND epoch = $2 AND first = $3 AND last = $4 AND hash = $5";
    let row = query(sql)
        .bind(row.device.as_str())
        .bind(i64::from(pack.epoch))
        .bind(ledger::number(pack.first))
        .bind(ledger::number(pack.last()))
        .bind(pack.hash.as_slice())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| row.try_get("bytes")).transpose()?)
}

/// The chain hash of an entry that is here.
pub(super) async fn hash_at(
    conn: &mut Conn,
    device: &DeviceId,
    epoch: u32,
    seq: u64,
) -> Result<Option<[u8; 32]>, OfficeError> {
    let sql = "SELECT hash FROM event WHERE device = $1 AND epoch = $2 AND seq = $3";
    let row = query(sql)
        .bind(device.as_str())
        .bind(i64::from(epoch))
        .bind(ledger::number(seq))
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(|row| ledger::fixed(row, "hash")).transpose()
}

/// The first place where the pack contradicts what is here.
async fn first_fork(
    conn: &mut Conn,
    row: &DeviceRow,
    pack: &Pack,
    records: &[Record],
) -> Result<Option<u64>, OfficeError> {
    // Before the first entry stands a random number of the handheld; what follows pins it.
    if pack.first > 1 {
        let before = match pack.first - 1 {
            head if head == row.head_seq => Some(row.head_hash),
            other => hash_at(conn, &row.device, row.epoch, other).await?,
        };
        if before != Some(pack.before) {
            return Ok(Some(pack.first - 1));
        }
    }
    let here = records.partition_point(|record| record.seq <= row.head_seq);
    let (Some(first), Some(last)) = (records.first(), records[..here].last()) else {
        return Ok(None);
    };
    let sql = "SELECT seq, hash FROM event
               WHERE device = $1 AND epoch = $2 AND seq >= $3 AND seq <= $4";
    let rows = query(sql)
        .bind(row.device.as_str())
        .bind(i64::from(row.epoch))
        .bind(ledger::number(first.seq))
        .bind(ledger::number(last.seq))
        .fetch_all(conn)
        .await?;
    let known =
        rows.iter().map(|row| Ok((ledger::counter(row, "seq")?, ledger::fixed(row, "hash")?)));
    let known = known.collect::<Result<BTreeMap<u64, [u8; 32]>, OfficeError>>()?;
    let other = |record: &&Record| known.get(&record.seq) != Some(&record.hash);
    Ok(records[..here].iter().find(other).map(|record| record.seq))
}

/// Keeps a pack as it came.
const KEEP: &str = "INSERT INTO pack (device, epoch, first, last, hash, document, received)
                    SELECT * FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING";

/// A pack as it came, as a row.
fn kept(device: &DeviceId, pack: &Pack, document: &[u8], now: UnixSeconds) -> Vec<Cell> {
    vec![
        device.as_str().into(),
        i64::from(pack.epoch).into(),
        ledger::number(pack.first).into(),
        ledger::number(pack.last()).into(),
        pack.hash.as_slice().into(),
        document.into(),
        now.0.into(),
    ]
}

/// Keeps the records of a pack that contradicts what is here.
async fn keep_forks(
    conn: &mut Conn,
    device: &DeviceId,
    epoch: u32,
    records: &[Record],
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    for record in records {
        let place = (epoch, record.seq, record.hash);
        keep_fork(conn, device, place, &record.body, now).await?;
    }
    Ok(())
}

/// Keeps one record that contradicts what is here; of a head that was only named, there is no body.
pub(super) async fn keep_fork(
    conn: &mut Conn,
    device: &DeviceId,
    (epoch, seq, hash): (u32, u64, [u8; 32]),
    body: &[u8],
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    query(
        "INSERT INTO fork (device, epoch, seq, hash, body, received)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(device.as_str())
    .bind(i64::from(epoch))
    .bind(ledger::number(seq))
    .bind(hash.as_slice())
    .bind(body)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Stops a handheld whose journal says two things, and calls a person.
pub(super) async fn quarantine_fork(
    conn: &mut Conn,
    device: &DeviceId,
    epoch: u32,
    seq: u64,
    shown_by: &str,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    quarantine(conn, device).await?;
    let review = NewReview {
        id: format!("C1:{device}:{epoch}:{seq}"),
        class: Class::C1,
        why: format!("two journals of one handheld, shown by {shown_by}"),
        device,
        epoch,
        seq,
        meter: None,
        token: None,
        rests: Grounds::entry(device, epoch, seq),
    };
    raise(conn, review, now).await
}
