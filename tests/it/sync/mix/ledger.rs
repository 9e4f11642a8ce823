//! The office's ledger from below: put back to where it was, and written out to be compared.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use meterkit::office::Office;
use meterkit::office::local::Local;
use meterkit::units::UnixSeconds;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;

use crate::office::desk::{Desk, METER, TENANT, seeds};
use crate::support::postgres;

/// What of the ledger no order of deliveries may change, by table.
///
/// Left out is what by right depends on when and in which pieces things came: the time at the
/// office (`received`, `at` of a posting, `raised`, `last_seen`), how the journals were cut into
/// packs and which receipts that made (`pack`, `receipt`, `receipts`, `bye_receipt`), which
/// statuses were handed out to questions (`status_doc`, `status_given`); and whose reading called a
/// person first where one thing is raised once for all who see it (`device`, `epoch`, `seq` of a
/// review: where it is raised for each, its name holds them), and with that the outcome of a
/// reading alone:
/// of two handhelds that saw the same, the one that came first is told.
const KEPT: &[(&str, &[&str])] = &[
    ("device", &["device", "status", "epoch", "head_seq", "head_hash", "known_acked"]),
    ("device", &["device", "status_taken", "software"]),
    ("device_key", &["device", "epoch", "public_key", "closed", "last_seq", "last_hash"]),
    ("event", &["device", "epoch", "seq", "hash", "kind", "at", "operator"]),
    ("event", &["device", "epoch", "seq", "meter", "token"]),
    ("event", &["device", "epoch", "seq", "outcome", "reason", "/kind <> 'refused'"]),
    ("fork", &["device", "epoch", "seq", "hash", "body"]),
    ("meter", &["meter", "account", "unit", "customer", "location", "closed"]),
    ("meter_state", &["meter", "account", "count", "balance", "seen"]),
    ("token", &["id", "meter", "account", "count_before", "amount", "device", "state", "act"]),
    ("token", &["id", "revoked", "intent_seq", "superseded_by", "told", "undoes", "swap", "leg"]),
    ("swap", &["id", "state", "revoked", "told", "errand", "claim", "bound"]),
    ("posting", &["op", "leg", "token", "meter", "account", "place", "unit", "amount"]),
    ("review", &["id", "class", "why", "meter", "token", "settled", "verdict", "reason"]),
    ("decision", &["token", "device", "meter", "booked", "reason", "told"]),
    ("grant_doc", &["id", "operator", "device", "taken", "revoked"]),
    ("override_doc", &["id", "operator", "device", "taken", "used", "revoked"]),
];

enum Below {
    Sqlite(SqliteConnection),
    Postgres(PgConnection, String),
}

/// A ledger with a place to go back to.
pub struct Ledger {
    below: Below,
    tables: Vec<String>,
    dir: TempDir,
    resets: u32,
}

/// A folder whose files cost no disk, where the system has one: what is tested here is order, not
/// durability.
pub fn quick_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::Builder::new().prefix("meterkit-mix-").tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// An office on a ledger of its own: on the cluster that was lent to this process, or in a file.
pub fn desk_at(now: i64) -> (Desk, Ledger) {
    let clock = Arc::new(AtomicI64::new(now));
    let told = Arc::clone(&clock);
    let tell = Arc::new(move || UnixSeconds(told.load(Ordering::Relaxed)));
    let (url, dir) = (postgres::fresh(), quick_folder());
    let file = dir.path().join("office.db");
    let local = Local::start(|| async {
        match &url {
            Some(url) => Office::in_database(url, TENANT, seeds(), tell).await,
            None => Office::in_file(&file, TENANT, seeds(), tell).await,
        }
    });
    let desk = Desk { local: local.unwrap(), clock };
    desk.add_meter(METER);
    let below = desk.local.wait(connect(url.as_deref(), &file));
    (desk, Ledger { below, tables: Vec::new(), dir, resets: 0 })
}

async fn connect(url: Option<&str>, file: &Path) -> Below {
    match url {
        Some(url) => {
            let schema = url.rsplit("%3D").next().unwrap().to_owned();
            Below::Postgres(PgConnection::connect(url).await.unwrap(), schema)
        }
        None => Below::Sqlite(SqliteConnectOptions::new().filename(file).connect().await.unwrap()),
    }
}

impl Ledger {
    /// Whether it is on PostgreSQL.
    pub fn on_postgres(&self) -> bool {
        matches!(self.below, Below::Postgres(..))
    }

    /// Remembers the ledger as it is now.
    pub fn remember(&mut self, desk: &Desk) {
        desk.local.wait(self.remember_now());
    }

    async fn remember_now(&mut self) {
        let base = self.dir.path().join("base.db");
        let sql = match &self.below {
            Below::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table'".to_owned(),
            Below::Postgres(_, schema) => {
                format!("SELECT tablename::text FROM pg_tables WHERE schemaname = '{schema}'")
            }
        };
        self.tables = self.texts(sql).await;
        let script = match &self.below {
            Below::Sqlite(_) => sqlite_copy(&base),
            Below::Postgres(_, schema) => {
                let copy = |table: &String| {
                    format!("CREATE TABLE {schema}_base.{table} AS TABLE {table};")
                };
                let copies: String = self.tables.iter().map(copy).collect();
                format!("CREATE SCHEMA {schema}_base; {copies}")
            }
        };
        self.script(&script).await;
    }

    /// Puts the ledger back to what was remembered.
    pub fn reset(&mut self, desk: &Desk) {
        desk.local.wait(self.reset_now());
    }

    async fn reset_now(&mut self) {
        let base = match &self.below {
            Below::Sqlite(_) => "base".to_owned(),
            Below::Postgres(_, schema) => format!("{schema}_base"),
        };
        let back = |table: &String| {
            format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {base}.{table};")
        };
        let all: String = self.tables.iter().map(back).collect();
        self.script(&format!("BEGIN; {all} COMMIT;")).await;
        self.resets += 1;
        if self.on_postgres() && self.resets.is_multiple_of(20) {
            // Nobody else clears away what was deleted here; what others deleted is theirs: a plain
            // VACUUM goes through every table of every test's schema.
            let tables = self.tables.join(", ");
            self.script(&format!("VACUUM {tables}")).await;
        }
    }

    /// What the ledger says, in lines that are compared as a whole.
    pub fn dump(&mut self, desk: &Desk) -> Vec<String> {
        self.dump_of(desk, KEPT)
    }

    /// The same of some tables and columns.
    pub fn dump_of(&mut self, desk: &Desk, kept: &[(&str, &[&str])]) -> Vec<String> {
        desk.local.wait(self.dump_now(kept))
    }

    async fn dump_now(&mut self, kept: &[(&str, &[&str])]) -> Vec<String> {
        let bytes = ["head_hash", "public_key", "last_hash", "hash", "body"];
        let postgres = self.on_postgres();
        let mut lines = Vec::new();
        for (table, columns) in kept {
            let value = |column: &&str| match bytes.contains(column) {
                true if postgres => format!("COALESCE(encode({column}, 'hex'), '-')"),
                true => format!("COALESCE(lower(hex({column})), '-')"),
                false => format!("COALESCE(CAST({column} AS TEXT), '-')"),
            };
            // What is behind a stroke says of which rows.
            let only = columns.iter().find_map(|column| column.strip_prefix('/'));
            let columns = columns.iter().filter(|column| !column.starts_with('/'));
            let values: Vec<String> = columns.map(value).collect();
            let (values, only) = (values.join(" || ' ' || "), only.unwrap_or("1 = 1"));
            let sql = format!("SELECT '{table} ' || {values} FROM {table} WHERE {only}");
            lines.extend(self.texts(sql).await);
        }
        lines.sort();
        lines
    }

    /// What all postings together come to.
    pub fn sum(&mut self, desk: &Desk) -> String {
        let sql = "SELECT CAST(COALESCE(SUM(amount), 0) AS TEXT) FROM posting";
        desk.local.wait(self.texts(sql.to_owned())).remove(0)
    }

    async fn script(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql);
        match &mut self.below {
            Below::Sqlite(conn) => drop(sqlx::raw_sql(sql).execute(conn).await.unwrap()),
            Below::Postgres(conn, _) => drop(sqlx::raw_sql(sql).execute(conn).await.unwrap()),
        }
    }

    async fn texts(&mut self, sql: String) -> Vec<String> {
        let sql = AssertSqlSafe(sql);
        match &mut self.below {
            Below::Sqlite(conn) => {
                let rows = sqlx::query(sql).fetch_all(conn).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Below::Postgres(conn, _) => {
                let rows = sqlx::query(sql).fetch_all(conn).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }
}

fn sqlite_copy(base: &Path) -> String {
    let base = base.display();
    format!("VACUUM INTO '{base}'; ATTACH '{base}' AS base;")
}
