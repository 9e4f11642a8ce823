//! The ledger's tables as rows of plain cells: the same for both databases, read and written in
//! pages, so that a ledger of any size goes through a few megabytes.
//!
//! Which tables there are is read from the text that makes them, the one place that says so; a
//! table that is added there is in the next backup. The rows of a table make a sum that does not
//! depend on their order: the two databases sort text differently.

use crate::office::OfficeError;
use crate::office::cell::Cell;
use crate::office::db::{Conn, Row, query_made};
use crate::office::schema::SCHEMA;
use sha2::{Digest, Sha256};

/// Rows read or written at once. The longest are packs of at most 128 KB; 256 of them are 32 MB.
const PAGE: usize = 256;
/// Values one statement may bind, so that both databases take it: SQLite's limit is 32,766.
const BOUND: usize = 8_192;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
}

/// A table of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: Vec<(&'static str, Kind)>,
    /// The columns of its primary key.
    key: Vec<&'static str>,
}

/// All tables, in the order of the schema.
pub(super) fn all() -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in SCHEMA.lines() {
        let line = line.split("--").next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix("CREATE TABLE ") {
            let name = name.trim_end_matches(['(', ' ']);
            tables.push(Table { name, columns: Vec::new(), key: Vec::new() });
        }
        let Some(table) = tables.last_mut() else { continue };
        if let Some(key) = line.strip_prefix("PRIMARY KEY (") {
            let key = key.split(')').next().unwrap_or_default();
            table.key = key.split(',').map(str::trim).collect();
            continue;
        }
        let mut words = line.split_whitespace();
        let (Some(name), Some(kind)) = (words.next(), words.next()) else { continue };
        let kind = match kind.trim_end_matches(',') {
            "BIGINT" => Kind::Int,
            "TEXT" => Kind::Text,
            "BYTEA" => Kind::Bytes,
            _ => continue,
        };
        if line.contains("PRIMARY KEY") {
            table.key = vec![name];
        }
        table.columns.push((name, kind));
    }
    tables
}

impl Table {
    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// The rows after one, in the order of the primary key; at most [`PAGE`] of them.
    async fn page(
        &self,
        conn: &mut Conn,
        after: Option<&[Cell]>,
    ) -> Result<Vec<Vec<Cell>>, OfficeError> {
        let (names, key) = (self.names(), self.key.join(", "));
        let mut sql = format!("SELECT {names} FROM {}", self.name);
        let mut bound = Vec::new();
        if let Some(row) = after {
            let marks: Vec<String> = (1..=self.key.len()).map(|n| format!("${n}")).collect();
            sql.push_str(&format!(" WHERE ({key}) > ({})", marks.join(", ")));
            let at = |name: &str| self.columns.iter().position(|column| column.0 == name);
            bound.extend(self.key.iter().filter_map(|name| row.get(at(name)?).cloned()));
        }
        sql.push_str(&format!(" ORDER BY {key} LIMIT {PAGE}"));
        let rows = query_made(sql).bind_all(bound).fetch_all(conn).await?;
        rows.iter().map(|row| self.cells(row)).collect()
    }

    fn cells(&self, row: &Row) -> Result<Vec<Cell>, OfficeError> {
        let cells = self.columns.iter().map(|(name, kind)| {
            Ok(match kind {
                Kind::Int => Cell::Int(row.try_get(name)?),
                Kind::Text => Cell::Text(row.try_get(name)?),
                Kind::Bytes => Cell::Bytes(row.try_get(name)?),
            })
        });
        cells.collect()
    }

    /// Goes through all rows, as of one moment if the connection is one of a snapshot.
    pub async fn each(
        &self,
        conn: &mut Conn,
        mut found: impl FnMut(&[Cell]) -> Result<(), OfficeError>,
    ) -> Result<(), OfficeError> {
        let mut page = self.page(conn, None).await?;
        while let Some(last) = page.last().cloned() {
            for row in &page {
                found(row)?;
            }
            if page.len() < PAGE {
                break;
            }
            page = self.page(conn, Some(&last)).await?;
        }
        Ok(())
    }

    /// Writes rows.
    pub async fn insert(&self, conn: &mut Conn, rows: Vec<Vec<Cell>>) -> Result<(), OfficeError> {
        let width = self.columns.len();
        for rows in rows.chunks(BOUND / width.max(1)) {
            let row = |at: usize| {
                let marks: Vec<String> =
                    (1..=width).map(|n| format!("${}", at * width + n)).collect();
                format!("({})", marks.join(", "))
            };
            let marks: Vec<String> = (0..rows.len()).map(row).collect();
            let (table, names) = (self.name, self.names());
            let sql = format!("INSERT INTO {table} ({names}) VALUES {}", marks.join(", "));
            query_made(sql).bind_all(rows.iter().flatten().cloned()).execute(conn).await?;
        }
        Ok(())
    }

    /// How many rows are written at once.
    pub fn at_once() -> usize {
        PAGE
    }

    /// Whether cells are of this table's kinds.
    pub fn fits(&self, cells: &[Cell]) -> bool {
        let fit = |(cell, (_, kind)): (&Cell, &(&str, Kind))| {
            matches!(
                (cell, kind),
                (Cell::Int(_), Kind::Int)
                    | (Cell::Text(_), Kind::Text)
                    | (Cell::Bytes(_), Kind::Bytes)
            )
        };
        cells.len() == self.columns.len() && cells.iter().zip(&self.columns).all(fit)
    }
}

/// A row as bytes: for each cell its kind, and what is in it. Little-endian.
pub(super) fn encode(cells: &[Cell]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |kind: u8, bytes: Option<&[u8]>| {
        out.push(kind | if bytes.is_some() { 0x10 } else { 0 });
        if let Some(bytes) = bytes {
            out.extend((bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        }
    };
    for cell in cells {
        match cell {
            Cell::Int(value) => put(1, value.map(i64::to_le_bytes).as_ref().map(|b| &b[..])),
            Cell::Text(value) => put(2, value.as_deref().map(str::as_bytes)),
            Cell::Bytes(value) => put(3, value.as_deref()),
            // Columns of many rows are for statements, never read from a table.
            Cell::Ints(_) | Cell::Texts(_) | Cell::Blocks(_) => {}
        }
    }
    out
}

/// Reads [`encode`] back; `None` for anything else.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<Cell>> {
    let mut cells = Vec::new();
    while let Some((kind, rest)) = bytes.split_first() {
        bytes = rest;
        let mut value = None;
        if kind & 0x10 != 0 {
            let (length, rest) = bytes.split_at_checked(4)?;
            let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
            let (taken, rest) = rest.split_at_checked(length)?;
            (value, bytes) = (Some(taken), rest);
        }
        cells.push(match kind & !0x10 {
            1 => Cell::Int(match value {
                Some(value) => Some(i64::from_le_bytes(value.try_into().ok()?)),
                None => None,
            }),
            2 => Cell::Text(match value {
                Some(value) => Some(String::from_utf8(value.to_vec()).ok()?),
                None => None,
            }),
            3 => Cell::Bytes(value.map(<[u8]>::to_vec)),
            _ => return None,
        });
    }
    Some(cells)
}

/// What rows add up to, in any order: the hash of each, with its table's name, as four numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Content([u64; 4]);

impl Content {
    /// One row more.
    pub fn add(&mut self, table: &str, row: &[u8]) {
        let hash = Sha256::new().chain_update(table).chain_update([0]).chain_update(row).finalize();
        for (sum, part) in self.0.iter_mut().zip(hash.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*part));
        }
    }

    /// As 64 digits.
    pub fn text(&self) -> String {
        self.0.iter().map(|part| format!("{part:016x}")).collect()
    }

    /// Of everything in a database.
    pub async fn of(conn: &mut Conn) -> Result<Self, OfficeError> {
        let mut content = Self::default();
        for table in all() {
            let add = |row: &[Cell]| {
                content.add(table.name, &encode(row));
                Ok(())
            };
            table.each(conn, add).await?;
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::db::query;
    use crate::office::ledger::Ledger;

    #[tokio::test]
    async fn every_table_and_column_of_the_database_is_known() {
        let ledger = Ledger::in_memory().await.unwrap();
        ledger.create("t").await.unwrap();
        let mut conn = ledger.read().await.unwrap();
        let sql = "SELECT m.name AS t, p.name AS c FROM sqlite_master m
                   JOIN pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY m.name, p.cid";
        let rows = query(sql).fetch_all(&mut conn).await.unwrap();
        let column = |row: &Row, name| row.try_get::<String, _>(name).unwrap();
        let there: Vec<_> = rows.iter().map(|row| (column(row, "t"), column(row, "c"))).collect();
        let mut known: Vec<_> = all();
        known.sort_by_key(|table| table.name);
        assert!(known.iter().all(|table| !table.key.is_empty()), "{known:?}");
        let known = known.iter().flat_map(|table| {
            table.columns.iter().map(|(column, _)| (table.name.to_owned(), (*column).to_owned()))
        });
        assert_eq!(known.collect::<Vec<_>>(), there);
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let row = vec![
            Cell::Int(Some(-7)),
            Cell::Int(None),
            Cell::Text(Some("\u{4e2d}".to_owned())),
            Cell::Text(None),
            Cell::Text(Some(String::new())),
            Cell::Bytes(Some(vec![0, 255])),
            Cell::Bytes(None),
        ];
        let bytes = encode(&row);
        assert_eq!(decode(&bytes), Some(row));
        for cut in [1, bytes.len() - 1] {
            assert_ne!(decode(&bytes[..cut]), decode(&bytes));
        }
        assert_eq!(decode(&[9]), None);
        assert_eq!(decode(&[0x12, 255, 255, 255, 255]), None);
    }

    #[test]
    fn a_sum_of_rows_knows_no_order_but_every_row_and_its_table() {
        let sum = |rows: &[(&str, &[u8])]| {
            let mut content = Content::default();
            rows.iter().for_each(|(table, row)| content.add(table, row));
            content
        };
        assert_eq!(sum(&[("a", b"1"), ("b", b"2")]), sum(&[("b", b"2"), ("a", b"1")]));
        assert_ne!(sum(&[("a", b"1")]), sum(&[("b", b"1")]));
        assert_ne!(sum(&[("a", b"1")]), sum(&[("a", b"1"), ("a", b"1")]));
    }
}
