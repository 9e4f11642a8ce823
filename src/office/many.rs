//! Many rows in one statement.
//!
//! The one place, beside `db`, where the two databases are not told the same: PostgreSQL takes an
//! array for each column, so that one prepared statement serves any number of rows; SQLite takes
//! the rows themselves, in a few sizes, so that its statements too are prepared once.

use super::cell::Cell;
use super::db::{Conn, Done, Query, Row, query_made};
use super::error::OfficeError;
use std::borrow::Cow;

/// How many rows one statement of SQLite takes. It binds at most 32,766 values, and 13 columns of
/// 256 rows are 3,328.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// A statement over a list: `{list}` in its text stands for `IN (...)` of the values.
pub(super) async fn among(
    conn: &mut Conn,
    sql: &'static str,
    list: Vec<Cell>,
) -> Result<Vec<Row>, OfficeError> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    if conn.is_postgres() {
        let made = query_made(sql.replace("{list}", "= ANY($1)"));
        return Ok(made.bind(column(list)).fetch_all(conn).await?);
    }
    let mut rows = Vec::new();
    let mut rest = list.as_slice();
    while let Some(last) = rest.last().cloned() {
        // The smallest that holds them all; the last value again where there is room.
        let size = SIZES.into_iter().rev().find(|size| *size >= rest.len()).unwrap_or(SIZES[0]);
        let (these, more) = rest.split_at(size.min(rest.len()));
        let marks = marks(1, size);
        let cells = these.iter().cloned().chain(std::iter::repeat(last)).take(size);
        let made = query_made(sql.replace("{list}", &format!("IN {marks}"))).bind_all(cells);
        rows.extend(made.fetch_all(conn).await?);
        rest = more;
    }
    Ok(rows)
}

/// New rows in a table: `into` is its name and columns, `t (a, b)`. All rows have the same kinds of
/// values. Not by COPY: it costs PostgreSQL no less, its indexes being most of it, and a request
/// cut off in the middle of one leaves a connection on which nothing can begin.
pub(super) async fn add_rows(
    conn: &mut Conn,
    into: &'static str,
    rows: Vec<Vec<Cell>>,
) -> Result<(), sqlx::Error> {
    let mut batch = Batch::default();
    batch.add(into, rows);
    batch.run(conn).await
}

/// A statement over a table of rows: `{rows}` in its text stands for a table `v` with the columns
/// `column1` and so on. All rows have the same kinds of values.
pub(super) async fn with_rows(
    conn: &mut Conn,
    sql: &'static str,
    rows: Vec<Vec<Cell>>,
) -> Result<(), sqlx::Error> {
    let mut batch = Batch::default();
    batch.with(sql, rows);
    batch.run(conn).await
}

/// Changes that are made together: each a statement over a table of rows. PostgreSQL takes them as
/// one statement (`WITH`), SQLite one after the other; so none of them may read what another
/// writes, nor two write the same table.
#[derive(Debug, Default)]
pub(super) struct Batch(Vec<(Cow<'static, str>, Vec<Vec<Cell>>)>);

impl Batch {
    /// As [`add_rows`].
    pub fn add(&mut self, into: &'static str, rows: Vec<Vec<Cell>>) {
        if !rows.is_empty() {
            self.0.push((format!("INSERT INTO {into} SELECT * FROM {{rows}}").into(), rows));
        }
    }

    /// As [`with_rows`].
    pub fn with(&mut self, sql: &'static str, rows: Vec<Vec<Cell>>) {
        if !rows.is_empty() {
            self.0.push((sql.into(), rows));
        }
    }

    /// Makes the changes.
    pub async fn run(self, conn: &mut Conn) -> Result<(), sqlx::Error> {
        if !conn.is_postgres() {
            for (sql, rows) in &self.0 {
                one_by_one(conn, sql, rows).await?;
            }
            return Ok(());
        }
        let mut bound = Vec::new();
        let parts = self.0.into_iter().map(|(sql, rows)| {
            let table = arrays(rows, &mut bound);
            sql.replace("{rows}", &table)
        });
        let mut parts: Vec<String> = parts.collect();
        let Some(mut whole) = parts.pop() else { return Ok(()) };
        if !parts.is_empty() {
            let parts = parts.iter().enumerate().map(|(at, part)| format!("w{at} AS ({part})"));
            whole = format!("WITH {} {whole}", parts.collect::<Vec<_>>().join(", "));
        }
        query_made(whole).bind_all(bound).execute(conn).await.map(drop)
    }
}

/// Rows as a table of PostgreSQL, an array for each column; these are added to what is bound. The
/// arrays, equally long, are taken apart side by side in a list of results: half of what `FROM
/// unnest(...)` takes (0.20 ms for 252 rows of 13 columns, inserted, and not 0.39), which puts each
/// of them down before it reads any.
fn arrays(rows: Vec<Vec<Cell>>, bound: &mut Vec<Cell>) -> String {
    let kinds: Vec<&str> = rows.first().into_iter().flatten().map(Cell::kind).collect();
    let mut columns: Vec<Vec<Cell>> =
        kinds.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.push(cell);
        }
    }
    let mut names = Vec::new();
    for (kind, (number, at)) in kinds.into_iter().zip((1..).zip(bound.len() + 1..)) {
        names.push(format!("unnest(${at}::{kind}[]) AS column{number}"));
    }
    bound.extend(columns.into_iter().map(column));
    format!("(SELECT {}) AS v", names.join(", "))
}

/// A statement over rows, for SQLite: as many at once as one of its sizes takes.
async fn one_by_one(conn: &mut Conn, sql: &str, rows: &[Vec<Cell>]) -> Result<(), sqlx::Error> {
    let width = rows.first().map_or(0, Vec::len);
    let mut rest = rows;
    while !rest.is_empty() {
        let size = SIZES.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
        let (these, more) = rest.split_at(size);
        let lines: Vec<String> = (0..size).map(|at| marks(1 + at * width, width)).collect();
        let table = format!("(VALUES {}) AS v", lines.join(", "));
        let made: Query = query_made(sql.replace("{rows}", &table));
        let _: Done = made.bind_all(these.iter().flatten().cloned()).execute(conn).await?;
        rest = more;
    }
    Ok(())
}

/// `($5, $6, $7)`.
fn marks(from: usize, count: usize) -> String {
    let marks: Vec<String> = (from..from + count).map(|number| format!("${number}")).collect();
    format!("({})", marks.join(", "))
}

/// The cells of one column as one value. A column holds one kind; the first cell says which.
fn column(cells: Vec<Cell>) -> Cell {
    match cells.first() {
        Some(Cell::Int(_)) => Cell::Ints(cells.into_iter().map(Cell::int).collect()),
        Some(Cell::Bytes(_)) => Cell::Blocks(cells.into_iter().map(Cell::bytes).collect()),
        _ => Cell::Texts(cells.into_iter().map(Cell::text).collect()),
    }
}
