//! The database: opening it, whole transactions, and the rows everything else works on.
//!
//! Plain SQL in a subset both SQLite and PostgreSQL read. Every change is made in one explicit
//! transaction that is run again from its start when the database was busy; nothing inside one may
//! have an effect outside it. The tables and their versions are `schema`'s.

use super::again::Conflicts;
use super::cell::Cell;
use super::db::{Pool, Row, Session, locking, query};
use super::error::{OfficeError, is_of};
use super::model::{Leg, Move, TokenRow, TokenState, parse_unit};
use super::posting::{self, Side};
use crate::sync::wire::MeterLine;
use crate::units::{
    AccountNo, BusPlace, Credit, DeviceId, MeterNo, PurchaseCount, TokenId, UnixSeconds,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) use super::again::transact;
pub(super) use super::db::Conn;

/// The office's database.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pool: Pool,
    strict: Option<Conflicts>,
    retries: Arc<AtomicU64>,
}

impl Ledger {
    fn on(pool: Pool) -> Self {
        Self { pool, strict: None, retries: Arc::default() }
    }

    /// A transaction is run again.
    pub fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How often a transaction of this process was run again.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Connections that are open, and those of them nobody uses now.
    pub fn connections(&self) -> (u64, u64) {
        self.pool.connections()
    }

    /// Opens the database file, or makes it when `create` is set.
    pub async fn open(file: &Path, create: bool) -> Result<Self, OfficeError> {
        Ok(Self::on(Pool::file(file, create).await?))
    }

    /// Connects to a database of PostgreSQL.
    pub async fn connect(url: &str) -> Result<Self, OfficeError> {
        Ok(Self::on(Pool::url(url).await?))
    }

    /// A database that lives as long as this value.
    pub async fn in_memory() -> Result<Self, OfficeError> {
        Ok(Self::on(Pool::in_memory().await?))
    }

    /// The same, with commits that fail when `conflicts` says so.
    pub fn strict(self, conflicts: Conflicts) -> Self {
        Self { strict: Some(conflicts), ..self }
    }

    /// Whether there are an office's tables.
    pub async fn holds_office(&self) -> Result<bool, OfficeError> {
        let mut conn = self.read().await?;
        let found = note(&mut conn, "format").await;
        match found {
            Ok(found) => Ok(found.is_some()),
            // SQLite says no more than "SQL logic error", PostgreSQL that there is no such table.
            Err(OfficeError::Db(sqlx::Error::Database(error)))
                if matches!(error.code().as_deref(), Some("1" | "42P01")) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether others can change something while a transaction does: it holds rows, not everything.
    pub fn is_shared(&self) -> bool {
        matches!(self.pool, Pool::Postgres(_))
    }

    /// Begins a transaction that may write.
    pub async fn begin(&self) -> Result<Session, OfficeError> {
        self.pool.begin(self.strict.as_ref()).await
    }

    /// Begins a transaction that only reads, everything as of one moment.
    pub async fn snapshot(&self) -> Result<Session, OfficeError> {
        self.pool.snapshot().await
    }

    /// A connection to read with.
    pub async fn read(&self) -> Result<Session, OfficeError> {
        self.pool.read().await
    }

    /// Waits for what runs, then closes.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Reads one value of the office's own notes.
pub(super) async fn note(conn: &mut Conn, name: &str) -> Result<Option<String>, OfficeError> {
    let row = query("SELECT value FROM office WHERE name = $1").bind(name);
    let row = row.fetch_optional(conn).await?;
    Ok(row.map(|row| row.try_get("value")).transpose()?)
}

/// The same for one that is about to be changed: nobody else changes it until this transaction
/// ends.
pub(super) async fn note_held(conn: &mut Conn, name: &str) -> Result<Option<String>, OfficeError> {
    let sql = locking!(conn, "SELECT value FROM office WHERE name = $1");
    let row = query(sql).bind(name).fetch_optional(conn).await?;
    Ok(row.map(|row| row.try_get("value")).transpose()?)
}

/// Writes one value of the office's own notes.
pub(super) async fn set_note(conn: &mut Conn, name: &str, value: &str) -> Result<(), OfficeError> {
    let sql = "INSERT INTO office (name, value) VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    query(sql).bind(name).bind(value).execute(conn).await?;
    Ok(())
}

/// A counter below 2^63 as the database keeps it.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A counter read back.
pub(super) fn counter(row: &Row, name: &'static str) -> Result<u64, OfficeError> {
    u64::try_from(row.try_get::<i64, _>(name)?).map_err(|_| OfficeError::Stored(name))
}

/// A 32-bit counter read back.
pub(super) fn small(row: &Row, name: &'static str) -> Result<u32, OfficeError> {
    u32::try_from(row.try_get::<i64, _>(name)?).map_err(|_| OfficeError::Stored(name))
}

/// A fixed number of bytes read back.
pub(super) fn fixed<const N: usize>(row: &Row, name: &'static str) -> Result<[u8; N], OfficeError> {
    row.try_get::<Vec<u8>, _>(name)?.try_into().map_err(|_| OfficeError::Stored(name))
}

/// A text read back as what it stands for.
pub(super) fn parsed<T: std::str::FromStr>(
    row: &Row,
    name: &'static str,
) -> Result<T, OfficeError> {
    row.try_get::<String, _>(name)?.parse().map_err(|_| OfficeError::Stored(name))
}

/// Reads a token; in a transaction that may change it, with its meter's row held first.
pub(super) async fn token(conn: &mut Conn, id: TokenId) -> Result<Option<TokenRow>, OfficeError> {
    if conn.locks() {
        // A token never changes its meter.
        let sql = "SELECT meter FROM meter WHERE meter = (SELECT meter FROM token WHERE id = $1)
                   FOR UPDATE";
        query(sql).bind(id.to_string()).fetch_optional(conn).await?;
    }
    let sql = locking!(conn, "SELECT * FROM token WHERE id = $1");
    let row = query(sql).bind(id.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(token_row).transpose()
}

/// Takes a row of the token table apart.
pub(super) fn token_row(row: &Row) -> Result<TokenRow, OfficeError> {
    let unit = parse_unit(&row.try_get::<String, _>("unit")?);
    let state = TokenState::parse(&row.try_get::<String, _>("state")?);
    Ok(TokenRow {
        id: parsed(row, "id")?,
        meter: parsed(row, "meter")?,
        account: parsed(row, "account")?,
        count_before: PurchaseCount(small(row, "count_before")?),
        credit: Credit {
            value: row.try_get("amount")?,
            unit: unit.ok_or(OfficeError::Stored("unit"))?,
        },
        device: parsed(row, "device")?,
        order: fixed(row, "order_no")?,
        expires: UnixSeconds(row.try_get("expires")?),
        intent_seen: row.try_get::<Option<i64>, _>("intent_seq")?.is_some(),
        revoked: row.try_get::<Option<i64>, _>("revoked")?.is_some(),
        state: state.ok_or(OfficeError::Stored("state"))?,
        act: parsed(row, "act")?,
        undoes: match row.try_get::<Option<String>, _>("undoes")? {
            Some(id) => Some(id.parse().map_err(|_| OfficeError::Stored("undoes"))?),
            None => None,
        },
        leg: match row.try_get::<Option<String>, _>("swap")? {
            Some(id) => Some(Leg {
                swap: id.parse().map_err(|_| OfficeError::Stored("swap"))?,
                leg: parsed(row, "leg")?,
            }),
            None => None,
        },
    })
}

/// Tokens of a meter account that are out, oldest step first.
pub(super) async fn tokens_out(
    conn: &mut Conn,
    meter: MeterNo,
    account: AccountNo,
) -> Result<Vec<TokenRow>, OfficeError> {
    let sql = "SELECT * FROM token WHERE meter = $1 AND account = $2
               AND state IN ('reserved', 'delivered', 'suspect', 'disputed')
               ORDER BY count_before";
    let rows = query(sql).bind(meter.to_string()).bind(account.to_string()).fetch_all(conn).await?;
    rows.iter().map(token_row).collect()
}

/// Writes a token's state.
pub(super) async fn set_state(
    conn: &mut Conn,
    id: TokenId,
    state: TokenState,
) -> Result<(), OfficeError> {
    let result = query("UPDATE token SET state = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(state.name())
        .execute(conn)
        .await;
    result.map(drop).map_err(|error| step_taken(error.into()))
}

/// Gives the unique rules on tokens their name: one credit for each step, one reversal for each
/// recharge.
pub(super) fn step_taken(error: OfficeError) -> OfficeError {
    match &error {
        OfficeError::Db(sqlx::Error::Database(db))
            if db.is_unique_violation() && is_of(db.as_ref(), "token") =>
        {
            OfficeError::StepTaken
        }
        _ => error,
    }
}

/// The two legs of one movement of a token, as rows of `posting`. What moves nothing has none.
pub(super) fn legs(movement: Move, token: &TokenRow, at: UnixSeconds) -> Vec<Vec<Cell>> {
    let Some((from, to)) = movement.places(token.act).filter(|_| token.credit.value != 0) else {
        return Vec::new();
    };
    let side = |place| Side { place, meter: token.meter, account: token.account };
    let op = format!("{}:{}", movement.name(), token.id);
    posting::legs((&op, token.id), [side(from), side(to)], token.credit, at)
}

/// Books one movement. Booking the same movement of the same token twice is an error, by the
/// primary key.
pub(super) async fn book(
    conn: &mut Conn,
    movement: Move,
    token: &TokenRow,
    at: UnixSeconds,
) -> Result<(), OfficeError> {
    match token.leg {
        Some(leg) => super::swap::book_leg(conn, movement, token, leg, at).await,
        None => posting::write(conn, token.id, legs(movement, token, at)).await,
    }
}

/// Reads a meter; in a transaction that may change something, its row is held: its money moves in
/// one transaction at a time.
pub(super) async fn meter(conn: &mut Conn, no: MeterNo) -> Result<Option<MeterLine>, OfficeError> {
    let sql = locking!(conn, "SELECT * FROM meter WHERE meter = $1");
    let row = query(sql).bind(no.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(meter_row).transpose()
}

/// Takes a row of the meter table apart.
pub(super) fn meter_row(row: &Row) -> Result<MeterLine, OfficeError> {
    let unit = parse_unit(&row.try_get::<String, _>("unit")?);
    Ok(MeterLine {
        meter: parsed(row, "meter")?,
        account: parsed(row, "account")?,
        unit: unit.ok_or(OfficeError::Stored("unit"))?,
        customer: row.try_get("customer")?,
        location: row.try_get("location")?,
        profile: row.try_get("profile")?,
        area: row.try_get("area")?,
        place: BusPlace {
            line: row.try_get("bus_line")?,
            terminal: row.try_get("bus_box")?,
            user: small(row, "bus_user")?
                .try_into()
                .map_err(|_| OfficeError::Stored("bus_user"))?,
            address: row.try_get("bus_address")?,
        },
    })
}

/// The last proved count and balance of a meter account, and when they were seen.
pub(super) async fn meter_state(
    conn: &mut Conn,
    meter: MeterNo,
    account: AccountNo,
) -> Result<Option<(PurchaseCount, i64, UnixSeconds)>, OfficeError> {
    let sql = "SELECT count, balance, seen FROM meter_state WHERE meter = $1 AND account = $2";
    let row =
        query(sql).bind(meter.to_string()).bind(account.to_string()).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let count = PurchaseCount(small(&row, "count")?);
    Ok(Some((count, row.try_get("balance")?, UnixSeconds(row.try_get("seen")?))))
}

/// Where a handheld stands with the office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceRow {
    /// Its name.
    pub device: DeviceId,
    /// `offered`, `enrolled`, `quarantined`.
    pub status: String,
    /// SHA-256 of the one-time secret.
    pub secret_hash: [u8; 32],
    /// End of the secret's life.
    pub secret_ends: i64,
    /// Its public key, once enrolled.
    pub key: Option<Vec<u8>>,
    /// Its journal's life.
    pub epoch: u32,
    /// How much of its journal is here.
    pub head_seq: u64,
    /// The chain hash there.
    pub head_hash: [u8; 32],
    /// How many receipts it got.
    pub receipts: u64,
    /// How far its journal shows it knows that we hold it.
    pub known_acked: u64,
    /// The version of the status its journal shows it goes by.
    pub status_taken: u64,
    /// The highest version of a status given to it.
    pub status_given: u64,
    /// Recovery codes given out.
    pub recovery_given: u32,
    /// The program that writes its journal.
    pub software: String,
    /// When it last asked for anything.
    pub last_seen: i64,
}

/// Reads a handheld; in a transaction that may change something, its row is held.
pub(super) async fn device(
    conn: &mut Conn,
    device: &DeviceId,
) -> Result<Option<DeviceRow>, OfficeError> {
    let sql = locking!(conn, "SELECT * FROM device WHERE device = $1");
    let row = query(sql).bind(device.as_str()).fetch_optional(conn).await?;
    row.as_ref().map(device_row).transpose()
}

/// Takes a row of the device table apart.
pub(super) fn device_row(row: &Row) -> Result<DeviceRow, OfficeError> {
    Ok(DeviceRow {
        device: parsed(row, "device")?,
        status: row.try_get("status")?,
        secret_hash: fixed(row, "secret_hash")?,
        secret_ends: row.try_get("secret_ends")?,
        key: row.try_get("public_key")?,
        epoch: small(row, "epoch")?,
        head_seq: counter(row, "head_seq")?,
        head_hash: fixed(row, "head_hash")?,
        receipts: counter(row, "receipts")?,
        known_acked: counter(row, "known_acked")?,
        status_taken: counter(row, "status_taken")?,
        status_given: counter(row, "status_given")?,
        recovery_given: small(row, "recovery_given")?,
        software: row.try_get("software")?,
        last_seen: row.try_get("last_seen")?,
    })
}

/// A token is in the meter, so the meter's count is past its step, whatever was read before.
pub(super) async fn step_done(conn: &mut Conn, token: &TokenRow) -> Result<(), OfficeError> {
    let Some(after) = token.count_before.next().filter(|_| token.takes_step()) else {
        return Ok(());
    };
    let sql = "UPDATE meter_state SET count = $3
               WHERE meter = $1 AND account = $2 AND count < $3";
    query(sql)
        .bind(token.meter.to_string())
        .bind(token.account.to_string())
        .bind(i64::from(after.0))
        .execute(conn)
        .await?;
    Ok(())
}
