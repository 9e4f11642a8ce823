//! Taking in a journal pack: one transaction, one receipt.
//!
//! The chain is computed again from the records and must continue what is here. Entries that are
//! here already are compared by hash and acknowledged again; a gap is answered with what is wanted;
//! another entry at a known place stops the handheld and keeps both. Everything else is an outcome
//! per entry: a bad entry never blocks the ones behind it.

use super::Office;
use super::answer::standing;
use super::devices::quarantine;
use super::error::OfficeError;
use super::ledger::{self, Conn, DeviceRow, transact};
use super::model::{Class, Move, TokenRow, TokenState};
use super::reconcile::{Claim, Known, Observed, Setting, Verdict, judge, observe};
use super::review::{NewReview, raise};
use crate::sync::wire::{
    Entry, EntryOutcome, Event, Pack, Position, Receipt, Refusal, chain, kind_of, read_entry,
};
use crate::units::{DeviceId, Evidence, PurchaseCount, TokenId, UnixSeconds};
use meterkit_tokens::DocType;
use sqlx::Row;

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

/// Where an entry comes from.
struct Source<'a> {
    device: &'a DeviceId,
    epoch: u32,
    seq: u64,
    now: UnixSeconds,
}

impl Office {
    /// Takes in a pack whose signature was checked.
    ///
    /// # Errors
    /// The database failed; nothing was taken then.
    pub async fn apply_pack(&self, device: &DeviceId, pack: &Pack) -> Result<Applied, OfficeError> {
        // Unpacking and hashing need no database; done once, whatever the transaction goes through.
        let Ok(bodies) = pack.bodies() else { return Ok(Applied::Refused(Refusal::Malformed)) };
        let mut hash = pack.before;
        let mut records = Vec::with_capacity(bodies.len());
        for (seq, body) in (pack.first..).zip(bodies) {
            hash = chain(&hash, &body);
            records.push(Record { seq, hash, body });
        }
        if hash != pack.hash {
            return Ok(Applied::Refused(Refusal::Malformed));
        }
        transact!(self.ledger, |tx| self.apply_in(&mut tx, device, pack, &records).await)
    }

    async fn apply_in(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
        pack: &Pack,
        records: &[Record],
    ) -> Result<Applied, OfficeError> {
        let row = match standing(conn, device).await? {
            Ok(row) if row.epoch == pack.epoch => row,
            Ok(_) => return Ok(Applied::Refused(Refusal::Epoch)),
            Err(refusal) => return Ok(Applied::Refused(refusal)),
        };
        if let Some(receipt) = same_pack(conn, device, pack).await? {
            return Ok(Applied::Receipt(receipt));
        }
        if pack.first > row.head_seq + 1 {
            let (seq, hash) = (row.head_seq, row.head_hash);
            return Ok(Applied::Need(Position { epoch: row.epoch, seq, hash }));
        }
        if let Some(seq) = first_fork(conn, &row, pack, records).await? {
            let now = self.now();
            keep_forks(conn, device, pack.epoch, records, now).await?;
            quarantine_fork(conn, device, pack.epoch, seq, "a pack", now).await?;
            return Ok(Applied::Refused(Refusal::Quarantined));
        }
        let mut outcomes = Vec::with_capacity(records.len());
        for record in records {
            let (epoch, seq, now) = (pack.epoch, record.seq, self.now());
            let source = Source { device, epoch, seq, now };
            outcomes.push(if record.seq <= row.head_seq {
                EntryOutcome::Duplicate
            } else {
                take(conn, &source, record).await?
            });
        }
        let receipt = self.receipt(conn, &row, pack, records, outcomes).await?;
        Ok(Applied::Receipt(receipt))
    }

    /// Moves the head, signs the receipt and keeps it.
    async fn receipt(
        &self,
        conn: &mut Conn,
        row: &DeviceRow,
        pack: &Pack,
        records: &[Record],
        outcomes: Vec<EntryOutcome>,
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
            runs: Receipt::runs_of(outcomes),
        };
        let bytes = self.keys.answer(DocType::Receipt, receipt.payload())?;
        sqlx::query(
            "UPDATE device SET head_seq = $2, head_hash = $3, receipts = $4, last_seen = $5
             WHERE device = $1",
        )
        .bind(row.device.as_str())
        .bind(ledger::number(acked.seq))
        .bind(acked.hash.as_slice())
        .bind(ledger::number(receipt.number))
        .bind(receipt.at.0)
        .execute(&mut *conn)
        .await?;
        sqlx::query(
            "INSERT INTO receipt (device, number, epoch, first, last, hash, bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(row.device.as_str())
        .bind(ledger::number(receipt.number))
        .bind(i64::from(pack.epoch))
        .bind(ledger::number(receipt.first))
        .bind(ledger::number(receipt.last))
        .bind(pack.hash.as_slice())
        .bind(&bytes)
        .execute(conn)
        .await?;
        Ok(bytes)
    }
}

/// A record with its place and the chain hash computed from its body.
struct Record {
    seq: u64,
    hash: [u8; 32],
    body: Vec<u8>,
}

/// The receipt given for exactly this pack before.
async fn same_pack(
    conn: &mut Conn,
    device: &DeviceId,
    pack: &Pack,
) -> Result<Option<Vec<u8>>, OfficeError> {
    let sql = "SELECT bytes FROM receipt
               WHERE device = $1 AND epoch = $2 AND first = $3 AND last = $4 AND hash = $5";
    let row = sqlx::query(sql)
        .bind(device.as_str())
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
    let row = sqlx::query(sql)
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
        let before = hash_at(conn, &row.device, row.epoch, pack.first - 1).await?;
        if before != Some(pack.before) {
            return Ok(Some(pack.first - 1));
        }
    }
    for record in records.iter().filter(|record| record.seq <= row.head_seq) {
        if hash_at(conn, &row.device, row.epoch, record.seq).await? != Some(record.hash) {
            return Ok(Some(record.seq));
        }
    }
    Ok(None)
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
        sqlx::query(
            "INSERT INTO fork (device, epoch, seq, hash, body, received)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(device.as_str())
        .bind(i64::from(epoch))
        .bind(ledger::number(record.seq))
        .bind(record.hash.as_slice())
        .bind(&record.body)
        .bind(now.0)
        .execute(&mut *conn)
        .await?;
    }
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
    };
    raise(conn, review, now).await
}

/// Takes in one entry: judges it, follows the verdict, keeps it.
async fn take(
    conn: &mut Conn,
    source: &Source<'_>,
    record: &Record,
) -> Result<EntryOutcome, OfficeError> {
    let entry = read_entry(&record.body).ok().filter(|entry| entry.seq == record.seq);
    let Some(entry) = entry else {
        let outcome = EntryOutcome::Parked("C8 this office cannot read the entry".to_owned());
        keep(conn, source, record, None, &outcome).await?;
        let review = NewReview {
            id: format!("C8:{}:{}:{}", source.device, source.epoch, source.seq),
            class: Class::C8,
            why: "an entry this office cannot read".to_owned(),
            device: source.device,
            epoch: source.epoch,
            seq: source.seq,
            meter: None,
            token: None,
        };
        raise(conn, review, source.now).await?;
        return Ok(outcome);
    };
    // The reading first: it is judged against the tokens that were out when it was made.
    let seen = match entry.event.evidence() {
        Some(evidence) => see(conn, source, evidence).await?,
        None => Observed::default(),
    };
    let outcome = match claim_of(&entry.event) {
        Some((token, claim)) => settle_claim(conn, source, &entry, token, claim).await?,
        None => EntryOutcome::Noted,
    };
    let outcome = match (outcome, seen.review) {
        (EntryOutcome::Noted | EntryOutcome::Applied, Some((class, why))) => {
            EntryOutcome::Review(format!("{} {why}", class.name()))
        }
        (outcome, _) => outcome,
    };
    keep(conn, source, record, Some(&entry), &outcome).await?;
    Ok(outcome)
}

/// What an entry says about a token.
fn claim_of(event: &Event) -> Option<(TokenId, Claim<'_>)> {
    match event {
        Event::TokenImported { token, .. } => Some((token.id, Claim::Imported)),
        Event::TokenWithdrawn { id, .. } => Some((*id, Claim::Withdrawn)),
        Event::Intent { facts, .. } => Some((facts.token, Claim::Intent(Some(facts)))),
        Event::Resend { token, .. } => Some((*token, Claim::Intent(None))),
        Event::Outcome { token, judgement, .. } => Some((*token, Claim::Outcome(judgement))),
        Event::Resolved { token, .. } => Some((*token, Claim::Resolved)),
        _ => None,
    }
}

/// Judges what an entry says about a token and follows the verdict.
async fn settle_claim(
    conn: &mut Conn,
    source: &Source<'_>,
    entry: &Entry,
    id: TokenId,
    claim: Claim<'_>,
) -> Result<EntryOutcome, OfficeError> {
    let token = ledger::token(conn, id).await?;
    let step_taken_by = match &token {
        Some(token) => other_applied(conn, token).await?,
        None => None,
    };
    let own_device = token.as_ref().is_some_and(|token| token.device == *source.device);
    let setting = Setting { token, own_device, step_taken_by, at: entry.at };
    let verdict = judge(&setting, claim);
    let token = setting.token.filter(|_| own_device);
    if let Some(token) = &token {
        follow(conn, source, token, claim, &verdict).await?;
    }
    if let Some((class, why)) = verdict.review {
        let review = NewReview {
            id: format!("{}:{id}:{}:{}:{}", class.name(), source.device, source.epoch, source.seq),
            class,
            why: why.to_owned(),
            device: source.device,
            epoch: source.epoch,
            seq: source.seq,
            meter: entry.event.meter(),
            token: Some(id),
        };
        raise(conn, review, source.now).await?;
    }
    Ok(verdict.outcome)
}

async fn follow(
    conn: &mut Conn,
    source: &Source<'_>,
    token: &TokenRow,
    claim: Claim<'_>,
    verdict: &Verdict,
) -> Result<(), OfficeError> {
    if matches!(claim, Claim::Intent(_)) {
        sqlx::query("UPDATE token SET intent_seq = $2 WHERE id = $1 AND intent_seq IS NULL")
            .bind(token.id.to_string())
            .bind(ledger::number(source.seq))
            .execute(&mut *conn)
            .await?;
    }
    // The handheld knows: what it shows itself, and what a withdrawal or a settlement told it.
    let knows = matches!(claim, Claim::Withdrawn | Claim::Resolved)
        || verdict.movement == Some(Move::Return);
    if knows {
        for sql in [
            "UPDATE token SET told = 1 WHERE id = $1",
            "UPDATE decision SET told = 1 WHERE token = $1",
        ] {
            sqlx::query(sql).bind(token.id.to_string()).execute(&mut *conn).await?;
        }
    }
    if let Some(state) = verdict.state.filter(|state| *state != token.state) {
        ledger::set_state(conn, token.id, state).await?;
        if state == TokenState::Applied {
            ledger::step_done(conn, token).await?;
        }
    }
    if let Some(movement) = verdict.movement {
        ledger::book(conn, movement, token, source.now).await?;
    }
    Ok(())
}

/// Another token proved to have taken the same step.
async fn other_applied(conn: &mut Conn, token: &TokenRow) -> Result<Option<TokenId>, OfficeError> {
    let sql = "SELECT id FROM token WHERE meter = $1 AND account = $2 AND count_before = $3
               AND state = 'applied' AND id <> $4";
    let row = sqlx::query(sql)
        .bind(token.meter.to_string())
        .bind(token.account.to_string())
        .bind(i64::from(token.count_before.0))
        .bind(token.id.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(|row| ledger::parsed(row, "id")).transpose()
}

/// Follows a reading of a meter.
async fn see(
    conn: &mut Conn,
    source: &Source<'_>,
    evidence: &Evidence,
) -> Result<Observed, OfficeError> {
    let meter = evidence.meter;
    // A meter that is not on our list can be read, and says nothing about our money.
    let Some(line) = ledger::meter(conn, meter).await? else { return Ok(Observed::default()) };
    let state = ledger::meter_state(conn, meter, line.account).await?;
    let (count, _, seen) = state.unwrap_or((PurchaseCount(0), 0, UnixSeconds(i64::MIN)));
    let sql = "SELECT COALESCE(MAX(count_before) + 1, 0) AS next FROM token
               WHERE meter = $1 AND account = $2 AND state <> 'voided'";
    let row = sqlx::query(sql)
        .bind(meter.to_string())
        .bind(line.account.to_string())
        .fetch_one(&mut *conn)
        .await?;
    let next = PurchaseCount(ledger::small(&row, "next")?);
    let known = Known { account: line.account, count, seen, count_if_all_used: count.max(next) };
    let observed = observe(&known, evidence);
    if observed.update {
        ledger::set_meter_state(conn, meter, line.account, evidence).await?;
    }
    if let Some((class, why)) = observed.review {
        let account = evidence.account.map(|account| account.to_string()).unwrap_or_default();
        let review = NewReview {
            // Once for each state of the meter, however often it is read.
            id: format!("{}:{meter}:{account}:{}", class.name(), evidence.count),
            class,
            why: why.to_owned(),
            device: source.device,
            epoch: source.epoch,
            seq: source.seq,
            meter: Some(meter),
            token: None,
        };
        raise(conn, review, source.now).await?;
    }
    Ok(observed)
}

/// Keeps an entry for ever.
async fn keep(
    conn: &mut Conn,
    source: &Source<'_>,
    record: &Record,
    entry: Option<&Entry>,
    outcome: &EntryOutcome,
) -> Result<(), OfficeError> {
    let event = entry.map(|entry| &entry.event);
    sqlx::query(
        "INSERT INTO event (device, epoch, seq, hash, body, kind, at, meter, token, outcome,
                            reason, received)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(source.device.as_str())
    .bind(i64::from(source.epoch))
    .bind(ledger::number(record.seq))
    .bind(record.hash.as_slice())
    .bind(&record.body)
    .bind(event.map_or("unknown", kind_of))
    .bind(entry.map_or(0, |entry| entry.at.0))
    .bind(event.and_then(Event::meter).map(|meter| meter.to_string()))
    .bind(event.and_then(Event::token).map(|token| token.to_string()))
    .bind(outcome.name())
    .bind(outcome.reason())
    .bind(source.now.0)
    .execute(conn)
    .await?;
    Ok(())
}
