//! A ledger as the version before really made it: its frozen text, with an office's rows in it.

use std::path::Path;

use sqlx::{Connection, Row, SqliteConnection};

use super::cli::Place;
use super::places::{dump, indexes};

/// What `init` ran when the format was 6.
const SIXTH: &str = include_str!("../../../fixtures/ledger/format-6.sql");
/// What the first program of format 7 made of such a ledger: less than a new one had.
const SEVENTH: &str = include_str!("../../../fixtures/ledger/format-6-to-7.sql");

async fn open(file: &Path, mode: &str) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}?mode={mode}", file.display())).await.unwrap()
}

/// The tables and their columns, each with its kind and whether it may be null, wherever in the
/// table it stands.
async fn shape(file: &Path) -> Vec<String> {
    let sql =
        "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk
               FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY 1";
    let rows = sqlx::query(sql).fetch_all(&mut open(file, "ro").await).await.unwrap();
    rows.iter().map(|row| row.try_get(0).unwrap()).collect()
}

/// The same rows in the tables of an older format, as far as they had a place there.
async fn age(new: &Path, old: &Path, (made, format): (&[&'static str], u8)) {
    let mut conn = open(old, "rwc").await;
    for sql in made {
        sqlx::raw_sql(*sql).execute(&mut conn).await.unwrap();
    }
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let tables = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
    let sql = format!("ATTACH '{}' AS new", new.display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    for table in tables {
        let table: String = table.try_get(0).unwrap();
        let sql = format!("SELECT group_concat(name, ', ') FROM pragma_table_info('{table}')");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut conn).await.unwrap();
        let columns: String = row.try_get(0).unwrap();
        let sql = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    }
    let sql = format!("UPDATE main.office SET value = '{format}' WHERE name = 'format'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    let sql = "INSERT INTO main.rewound (device, since) VALUES ('hh-1', 1);
               INSERT INTO main.review (id, class, why, device, epoch, seq, raised)
                   VALUES ('C9:hh-1:1:1', 'C9', 'a test says so', 'hh-1', 1, 1, 1)";
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[test]
fn a_ledger_of_format_6_gets_what_a_new_one_has() {
    becomes_new((&[SIXTH], 6));
}

#[test]
fn so_does_one_that_was_brought_to_format_7_in_part() {
    becomes_new((&[SIXTH, SEVENTH], 7));
}

fn becomes_new(from: (&[&'static str], u8)) {
    let (place, fresh) = (Place::founded(), Place::founded());
    place.good(&["meter", "add", "47", "--account", "1", "--customer", "Li", "--location", "B2"]);
    place.good(&["operator", "add", "li", "--name", "Li Na", "--role", "supervisor"]);
    place.good(&["enrol", "hh-1", "--operator", "li", "--out", &place.path("hh.mke")]);
    place.good(&["issue", "--meter", "47", "--amount", "10.00", "--device", "hh-1"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (file, old) = (place.office().join("office.db"), place.office().join("old.db"));
    runtime.block_on(age(&file, &old, from));
    std::fs::rename(&old, &file).unwrap();
    for gone in ["office.db-wal", "office.db-shm"] {
        let _ = std::fs::remove_file(place.office().join(gone));
    }
    let before = runtime.block_on(dump(&file));
    assert_eq!(place.good(&["ledger"])["sum_zero"], true);
    let wanted = fresh.office().join("office.db");
    assert_eq!(runtime.block_on(shape(&file)), runtime.block_on(shape(&wanted)));
    assert_eq!(runtime.block_on(indexes(&file)), runtime.block_on(indexes(&wanted)));
    let mut after = runtime.block_on(dump(&file));
    let notes = after.iter_mut().find(|(table, _)| table == "office").unwrap();
    let at = notes.1.iter().position(|row| row == "'format'|'8'").expect("brought up");
    notes.1[at] = format!("'format'|'{}'", from.1);
    assert_eq!(after, before, "every row is as it was");
    // What was to be looked at is still to be looked at, and who is waited for is.
    let open = place.good(&["review", "list"]);
    assert!(open.to_string().contains("C9:hh-1:1:1"), "{open}");
    let issue = ["issue", "--meter", "47", "--amount", "1.00", "--device", "hh-1"];
    assert_eq!(place.run(&issue).0["error"], "restored");
}
