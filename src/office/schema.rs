//! The ledger's tables: making them, bringing those of an older version up, and spreading them over
//! partitions.
//!
//! [`SCHEMA`] makes a new ledger; what stands in [`UPGRADES`] makes the same of an older one, and
//! is not touched once it has gone out.

use super::db::{self, query};
use super::error::OfficeError;
use super::ledger::{Conn, Ledger, counter, note, note_held, set_note, transact};
use super::limits::{self, Policy};

/// The tables.
pub(super) const SCHEMA: &str = concat!(
    include_str!("schema.sql"),
    include_str!("writes.sql"),
    include_str!("rounds.sql"),
    include_str!("drafts.sql")
);
/// Version of the tables, kept in the database.
pub(super) const FORMAT: &str = "8";
/// How a ledger of an older version is brought up when it is opened, one version at a time: meters
/// got a place on a bus, tokens an act, meters are swapped, shifts are closed, rounds are made, and
/// sales are drafted.
const UPGRADES: [(&str, &str, &str); 6] = [
    ("2", "3", include_str!("places.sql")),
    ("3", "4", include_str!("acts.sql")),
    ("4", "5", include_str!("swaps.sql")),
    ("5", "6", include_str!("shifts.sql")),
    ("6", "7", include_str!("rounds.sql")),
    ("7", "8", include_str!("drafts.sql")),
];
/// What a ledger of format 7 has only if it was made as one, or came from 5 by the program that
/// wrote 7 first: the step from 6 left it out.
const LEFT_OUT: &str = concat!(include_str!("rests.sql"), include_str!("writes.sql"));
/// The indexes of the tables that grow; in whatever form the tables are.
const INDEXES: &str = include_str!("indexes.sql");
/// Packs are compressed as they come; PostgreSQL need not try to make them smaller still.
const PACKED: &str = "ALTER TABLE pack ALTER COLUMN document SET STORAGE EXTERNAL";

impl Ledger {
    /// Makes the tables.
    pub async fn create(&self, tenant: &str) -> Result<(), OfficeError> {
        transact!(self, |tx| create(&mut tx, tenant).await)
    }

    /// Spreads the largest tables over partitions, with what is in them.
    pub async fn partition(&self, parts: u16) -> Result<(), OfficeError> {
        let mut tx = self.begin().await?;
        if !tx.is_postgres() {
            let why = "a ledger in a file has no partitions: name a database";
            return Err(OfficeError::Usage(why.to_owned()));
        }
        spread(&mut tx, u64::from(parts)).await?;
        Ok(tx.commit().await?)
    }

    /// Checks the format and gives the tenant.
    pub async fn tenant(&self) -> Result<String, OfficeError> {
        let mut conn = self.read().await?;
        for (from, to, sql) in UPGRADES {
            if note(&mut conn, "format").await?.as_deref() == Some(from) {
                drop(conn);
                self.upgrade(from, to, sql).await?;
                conn = self.read().await?;
            }
        }
        let format = note(&mut conn, "format").await?.unwrap_or_default();
        if format != FORMAT {
            return Err(OfficeError::Format { found: format, known: FORMAT });
        }
        note(&mut conn, "tenant").await?.ok_or(OfficeError::Stored("office"))
    }

    /// Brings a ledger up by one version.
    async fn upgrade(&self, from: &str, to: &str, sql: &'static str) -> Result<(), OfficeError> {
        let mut tx = self.begin().await?;
        if note_held(&mut tx, "format").await?.as_deref() == Some(from) {
            db::script(&mut tx, sql).await?;
            if to == "8" && !has_rests(&mut tx).await? {
                db::script(&mut tx, LEFT_OUT).await?;
            }
            if to == FORMAT {
                // A table that a version made anew is spread as the others are.
                match parts(&mut tx).await? {
                    0 => finish(&mut tx).await?,
                    parts => spread(&mut tx, parts).await?,
                }
            }
            set_note(&mut tx, "format", to).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Whether things to look at have a column for what they rest on.
async fn has_rests(conn: &mut Conn) -> Result<bool, OfficeError> {
    let sql = match conn.is_postgres() {
        true => {
            "SELECT COUNT(*) AS n FROM pg_attribute
             WHERE attrelid = to_regclass('review') AND attname = 'rests' AND NOT attisdropped"
        }
        false => "SELECT COUNT(*) AS n FROM pragma_table_info('review') WHERE name = 'rests'",
    };
    Ok(counter(&query(sql).fetch_one(conn).await?, "n")? > 0)
}

/// Over how many partitions the tokens are spread; 0 where they are not.
async fn parts(conn: &mut Conn) -> Result<u64, OfficeError> {
    if !conn.is_postgres() {
        return Ok(0);
    }
    let sql = "SELECT COUNT(*) AS n FROM pg_inherits WHERE inhparent = to_regclass('token')";
    counter(&query(sql).fetch_one(conn).await?, "n")
}

/// Spreads the tables that are not spread yet over so many partitions.
async fn spread(conn: &mut Conn, parts: u64) -> Result<(), OfficeError> {
    let sql = include_str!("partition.sql").replace("PARTS", &parts.to_string());
    db::script(conn, &sql).await?;
    finish(conn).await
}

/// Makes the tables with all that is unique in them, and nothing else.
pub(super) async fn make_tables(conn: &mut Conn) -> Result<(), OfficeError> {
    check_order(conn).await?;
    db::script(conn, SCHEMA).await?;
    finish(conn).await
}

/// What the tables get in whatever form they are.
async fn finish(conn: &mut Conn) -> Result<(), OfficeError> {
    db::script(conn, INDEXES).await?;
    if conn.is_postgres() {
        db::script(conn, PACKED).await?;
    }
    Ok(())
}

/// Refuses a database that does not sort text by its bytes, as SQLite does: lists would come in
/// another order, and looking a name up would take longer.
async fn check_order(conn: &mut Conn) -> Result<(), OfficeError> {
    let sql = "SELECT CASE WHEN 'B' < 'a' AND 'a' < 'b' THEN 1 ELSE 0 END AS n";
    if counter(&query(sql).fetch_one(conn).await?, "n")? == 1 {
        return Ok(());
    }
    let why = "this database does not sort text by its bytes: make another one for the office, \
               with createdb --template=template0 --locale=C.UTF-8 --lc-collate=C";
    Err(OfficeError::Usage(why.to_owned()))
}

async fn create(conn: &mut Conn, tenant: &str) -> Result<(), OfficeError> {
    make_tables(conn).await?;
    set_note(conn, "format", FORMAT).await?;
    set_note(conn, "tenant", tenant).await?;
    set_note(conn, "area", "1").await?;
    limits::write(conn, "", &Policy::USUAL).await
}
