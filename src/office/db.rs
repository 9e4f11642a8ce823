//! Two databases behind one face: SQLite in a file or in memory, PostgreSQL at a URL.
//!
//! One text of SQL for both, `$1` to `$n` for what is bound, three kinds of values. Everything that
//! differs between the two is in this file: how a transaction begins, how rows are locked, and that
//! PostgreSQL gives a literal number as a 32-bit one.
//!
//! ## Why what is read may be relied on
//! SQLite lets one transaction write at a time: it takes the write lock when it begins. PostgreSQL
//! runs them side by side (READ COMMITTED, asked for by name), so a changing transaction holds the
//! row that stands for what it decides about until it ends ([`locking`]):
//! - a handheld's journal, head, receipts, grants and statuses: its row in `device`;
//! - a meter's money (tokens, steps, postings, last reading): its row in `meter`;
//! - an operator's grants as a whole: his row in `operator`; a note: its row in `office`.
//!
//! The functions in `ledger` that read such a row take the lock themselves, and each statement sees
//! what was committed before it, so whoever waited for a row goes on with what the one before him
//! left. Packs of many meters take their meters in the order of their numbers; whoever meets
//! another the wrong way round is told so by the database (40P01) and begins again. A database that
//! runs everything serializable instead (CockroachDB) says 40001; it is the same loop.

use super::again::{Conflicts, Injected};
use super::cell::Cell;
use super::error::OfficeError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{
    Arguments, AssertSqlSafe, Column as _, ConnectOptions, Connection, PgConnection, PgPool,
    Postgres, Row as _, Sqlite, SqliteConnection, SqlitePool, Transaction, TypeInfo,
};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long one statement waits for another writer; SQLite.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// How long one statement waits for a locked row; PostgreSQL. Well under what a request may take
/// (`http`), well over what a transaction takes.
const LOCK_WAIT: &str = "10s";
/// How long is waited for a free connection, and for a server that does not answer.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How long a connection that nobody used is taken for one that works: the pool asked when it was
/// given back.
const TRUSTED: Duration = Duration::from_secs(1);
/// Connections to SQLite: one writes at a time, the others read.
const CONNECTIONS: u32 = 4;
/// Connections of one process to PostgreSQL, whose usual limit is 100 for all.
const CONNECTIONS_POSTGRES: u32 = 8;

/// A statement on its way.
#[derive(Debug)]
pub(super) struct Query {
    sql: Sql,
    cells: Vec<Cell>,
}

#[derive(Debug)]
enum Sql {
    Written(&'static str),
    Made(String),
}

/// A statement as it stands in the program.
pub(super) fn query(sql: &'static str) -> Query {
    Query { sql: Sql::Written(sql), cells: Vec::new() }
}

/// A statement put together by the program from its own words alone: never from what came in.
pub(super) fn query_made(sql: String) -> Query {
    Query { sql: Sql::Made(sql), cells: Vec::new() }
}

/// Statements without values, one after the other; of the program's own words alone.
pub(super) async fn script(conn: &mut Conn, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql);
    match conn.link() {
        Link::Sqlite(conn) => sqlx::raw_sql(sql).execute(conn).await.map(drop),
        Link::Postgres(conn) => sqlx::raw_sql(sql).execute(conn).await.map(drop),
    }
}

/// A statement, and the same with the rows it reads locked until the transaction ends, if it is one
/// that may change something. Nobody is held up by those who only look.
macro_rules! locking {
    ($conn:expr, $sql:expr) => {
        if $conn.locks() { concat!($sql, " FOR UPDATE") } else { $sql }
    };
}
pub(super) use locking;

/// Does it with one of the two kinds of connection.
macro_rules! on {
    ($query:expr, $conn:expr, |$ready:ident, $link:ident, $wrap:ident| $work:expr) => {{
        let Query { sql, cells } = $query;
        match $conn.link() {
            Link::Sqlite($link) => {
                #[allow(unused_imports)]
                use Row::Sqlite as $wrap;
                let arguments = for_sqlite(cells)?;
                let $ready = match sql {
                    Sql::Written(sql) => sqlx::query_with::<Sqlite, _>(sql, arguments),
                    Sql::Made(sql) => sqlx::query_with(AssertSqlSafe(sql), arguments),
                };
                $work
            }
            Link::Postgres($link) => {
                #[allow(unused_imports)]
                use Row::Postgres as $wrap;
                let arguments = for_postgres(cells)?;
                let $ready = match sql {
                    Sql::Written(sql) => sqlx::query_with::<Postgres, _>(sql, arguments),
                    Sql::Made(sql) => sqlx::query_with(AssertSqlSafe(sql), arguments),
                };
                $work
            }
        }
    }};
}

impl Query {
    /// Binds the next value.
    pub fn bind(mut self, value: impl Into<Cell>) -> Self {
        self.cells.push(value.into());
        self
    }

    /// Binds many.
    pub fn bind_all(mut self, values: impl IntoIterator<Item = Cell>) -> Self {
        self.cells.extend(values);
        self
    }

    /// Runs it.
    pub async fn execute(self, conn: &mut Conn) -> Result<Done, sqlx::Error> {
        on!(self, conn, |ready, link, _Wrap| Ok(Done(ready.execute(link).await?.rows_affected())))
    }

    /// Its rows.
    pub async fn fetch_all(self, conn: &mut Conn) -> Result<Vec<Row>, sqlx::Error> {
        on!(self, conn, |ready, link, Wrap| {
            Ok(ready.fetch_all(link).await?.into_iter().map(Wrap).collect())
        })
    }

    /// Its first row, if it has one.
    pub async fn fetch_optional(self, conn: &mut Conn) -> Result<Option<Row>, sqlx::Error> {
        on!(self, conn, |ready, link, Wrap| Ok(ready.fetch_optional(link).await?.map(Wrap)))
    }

    /// Its only row.
    pub async fn fetch_one(self, conn: &mut Conn) -> Result<Row, sqlx::Error> {
        self.fetch_optional(conn).await?.ok_or(sqlx::Error::RowNotFound)
    }
}

fn for_sqlite(cells: Vec<Cell>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for cell in cells {
        let added = match cell {
            Cell::Int(value) => arguments.add(value),
            Cell::Text(value) => arguments.add(value),
            Cell::Bytes(value) => arguments.add(value),
            Cell::Ints(_) | Cell::Texts(_) | Cell::Blocks(_) => Err("a list".into()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn for_postgres(cells: Vec<Cell>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for cell in cells {
        let added = match cell {
            Cell::Int(value) => arguments.add(value),
            Cell::Text(value) => arguments.add(value),
            Cell::Bytes(value) => arguments.add(value),
            Cell::Ints(values) => arguments.add(values),
            Cell::Texts(values) => arguments.add(values),
            Cell::Blocks(values) => arguments.add(values),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// What a statement did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done(u64);

impl Done {
    /// How many rows it changed.
    pub fn rows_affected(self) -> u64 {
        self.0
    }
}

/// A row read.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of a column.
    pub fn try_get<T: Column, N: AsRef<str>>(&self, name: N) -> Result<T, sqlx::Error> {
        T::of(self, name.as_ref())
    }
}

/// What a column can hold.
pub(super) trait Column: Sized {
    fn of(row: &Row, name: &str) -> Result<Self, sqlx::Error>;
}

macro_rules! columns {
    ($($kind:ty)+) => {
        $(impl Column for $kind {
            fn of(row: &Row, name: &str) -> Result<Self, sqlx::Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(name),
                    Row::Postgres(row) => row.try_get(name),
                }
            }
        })+
    };
}

columns! { String Option<String> Vec<u8> Option<Vec<u8>> }

impl Column for Option<i64> {
    fn of(row: &Row, name: &str) -> Result<Self, sqlx::Error> {
        match row {
            Row::Sqlite(row) => row.try_get(name),
            // Every column of ours is a BIGINT; a number written in a statement is an INTEGER.
            Row::Postgres(row) if row.try_column(name)?.type_info().name() == "INT4" => {
                Ok(row.try_get::<Option<i32>, _>(name)?.map(i64::from))
            }
            Row::Postgres(row) => row.try_get(name),
        }
    }
}

impl Column for i64 {
    fn of(row: &Row, name: &str) -> Result<Self, sqlx::Error> {
        let null = || sqlx::Error::ColumnDecode {
            index: name.to_owned(),
            source: Box::new(sqlx::error::UnexpectedNullError),
        };
        Option::<Self>::of(row, name)?.ok_or_else(null)
    }
}

/// A connection, inside a transaction or not.
#[derive(Debug)]
pub(super) struct Conn {
    held: Held,
    changes: bool,
}

#[derive(Debug)]
enum Held {
    Sqlite(PoolConnection<Sqlite>),
    SqliteWhole(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresWhole(Transaction<'static, Postgres>),
}

/// A connection of one of the two kinds.
enum Link<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Conn {
    fn link(&mut self) -> Link<'_> {
        match &mut self.held {
            Held::Sqlite(conn) => Link::Sqlite(conn),
            Held::SqliteWhole(tx) => Link::Sqlite(tx),
            Held::Postgres(conn) => Link::Postgres(conn),
            Held::PostgresWhole(tx) => Link::Postgres(tx),
        }
    }

    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.held, Held::Postgres(_) | Held::PostgresWhole(_))
    }

    /// Whether rows that are decided upon must be locked: see the head of this file.
    pub fn locks(&self) -> bool {
        self.changes && matches!(self.held, Held::PostgresWhole(_))
    }
}

/// A connection lent by the pool, given back when this is dropped; a transaction that was not
/// committed is undone then.
#[derive(Debug)]
pub(super) struct Session {
    conn: Conn,
    strict: Option<Conflicts>,
}

impl Deref for Session {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

impl Session {
    /// Keeps what the transaction did.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        if self.strict.as_ref().is_some_and(|conflicts| (conflicts.0)()) {
            self.rollback().await?;
            return Err(sqlx::Error::Database(Box::new(Injected)));
        }
        match self.conn.held {
            Held::SqliteWhole(tx) => tx.commit().await,
            Held::PostgresWhole(tx) => tx.commit().await,
            Held::Sqlite(_) | Held::Postgres(_) => Ok(()),
        }
    }

    /// Undoes what the transaction did.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        match self.conn.held {
            Held::SqliteWhole(tx) => tx.rollback().await,
            Held::PostgresWhole(tx) => tx.rollback().await,
            Held::Sqlite(_) | Held::Postgres(_) => Ok(()),
        }
    }
}

/// Where the connections come from.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    Sqlite {
        pool: SqlitePool,
        /// Keeps a database in memory alive while the pool replaces its connections.
        _anchor: Option<Arc<Mutex<SqliteConnection>>>,
    },
    Postgres(PgPool),
}

/// Begins a transaction on PostgreSQL, to its end even if whoever asked for it has gone meanwhile.
/// Left in the middle of `BEGIN`, sqlx 0.9 takes the connection for one without a transaction, and
/// whoever is given it next works in one that nobody ends. Begun to its end and then dropped, it is
/// rolled back.
async fn begun(
    pool: &PgPool,
    begin: &'static str,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let pool = pool.clone();
    let begins = tokio::spawn(async move { pool.begin_with(begin).await });
    begins.await.map_err(|_| sqlx::Error::WorkerCrashed)?
}

impl Pool {
    /// Opens a database file, or makes it when `create` is set.
    pub async fn file(file: &Path, create: bool) -> Result<Self, OfficeError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_WAIT);
        Ok(Self::Sqlite { pool: sqlite(options).await?, _anchor: None })
    }

    /// A database that lives as long as this value. SQLite's `memdb` shares one by its name among
    /// the connections of a process; a plain `:memory:` belongs to one connection, which the pool
    /// gives up when a request is cut off.
    pub async fn in_memory() -> Result<Self, OfficeError> {
        let name = super::keys::random()?.map(|byte| format!("{byte:02x}")).concat();
        let options = SqliteConnectOptions::new()
            .filename(format!("/meterkit-{name}"))
            .vfs("memdb")
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Memory)
            .busy_timeout(BUSY_WAIT);
        let anchor = SqliteConnection::connect_with(&options).await?;
        let anchor = Some(Arc::new(Mutex::new(anchor)));
        Ok(Self::Sqlite { pool: sqlite(options).await?, _anchor: anchor })
    }

    /// Connects to PostgreSQL. What the URL leaves open, the usual `PG...` variables and the
    /// password file say.
    pub async fn url(url: &str) -> Result<Self, OfficeError> {
        let options: PgConnectOptions = url.parse().map_err(|_| {
            // Not the parser's words: they may hold the URL, and that the password.
            OfficeError::Usage("not a database: `postgres://USER@HOST/NAME`".to_owned())
        })?;
        let options = options
            .application_name("meterkit-office")
            .options([("lock_timeout", LOCK_WAIT), ("timezone", "UTC")])
            .disable_statement_logging();
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS_POSTGRES);
        let pool = pool.acquire_timeout(CONNECT_WAIT).test_before_acquire(false);
        let pool = pool.before_acquire(|conn, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED {
                    conn.ping().await?;
                }
                Ok(true)
            })
        });
        Ok(Self::Postgres(pool.connect_with(options).await?))
    }

    /// Begins a transaction that may write. In SQLite it takes the write lock at once, so that it
    /// cannot find out half-way that somebody else wrote what it read.
    pub async fn begin(&self, strict: Option<&Conflicts>) -> Result<Session, OfficeError> {
        let held = match self {
            Self::Sqlite { pool, .. } => {
                Held::SqliteWhole(pool.begin_with("BEGIN IMMEDIATE").await?)
            }
            Self::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
                Held::PostgresWhole(begun(pool, begin).await?)
            }
        };
        Ok(Session { conn: Conn { held, changes: true }, strict: strict.cloned() })
    }

    /// Begins a transaction that only reads, everything as of one moment.
    pub async fn snapshot(&self) -> Result<Session, OfficeError> {
        let held = match self {
            Self::Sqlite { pool, .. } => Held::SqliteWhole(pool.begin().await?),
            Self::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Held::PostgresWhole(begun(pool, begin).await?)
            }
        };
        Ok(Session { conn: Conn { held, changes: false }, strict: None })
    }

    /// A connection to read with, each statement as of its own moment.
    pub async fn read(&self) -> Result<Session, OfficeError> {
        let held = match self {
            Self::Sqlite { pool, .. } => Held::Sqlite(pool.acquire().await?),
            Self::Postgres(pool) => Held::Postgres(pool.acquire().await?),
        };
        Ok(Session { conn: Conn { held, changes: false }, strict: None })
    }

    /// Connections that are open, and those of them nobody uses now.
    pub fn connections(&self) -> (u64, u64) {
        let (open, idle) = match self {
            Self::Sqlite { pool, .. } => (pool.size(), pool.num_idle()),
            Self::Postgres(pool) => (pool.size(), pool.num_idle()),
        };
        (u64::from(open), idle as u64)
    }

    /// Waits for what runs, then closes.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { pool, .. } => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

async fn sqlite(options: SqliteConnectOptions) -> Result<SqlitePool, OfficeError> {
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).idle_timeout(None);
    Ok(pool.max_lifetime(None).connect_with(options).await?)
}
