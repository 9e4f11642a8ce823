//! Sales by list: a table of meters and amounts, checked as a whole and issued as a whole.
//!
//! A list is known by what it says, not by its file: the same rows in another file, or the same
//! file once more, issue nothing again. Either every row is issued or none.

use super::Office;
use super::db::query;
use super::error::OfficeError;
use super::issue::{Deed, Issued, Order};
use super::ledger::{self, Conn, transact};
use crate::table::read::{TableRow, rows};
use crate::text::tables::order_column;
use crate::units::{Credit, DeviceId, MeterNo, Money, TokenId, UnixSeconds};
use sha2::{Digest, Sha256};

/// Most rows of a list: they are one transaction.
pub const MAX_ORDERS: usize = 5_000;

/// A list of sales as it was brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderList {
    /// What the file is called, for people.
    pub name: String,
    /// CSV or XLSX.
    pub bytes: Vec<u8>,
    /// The handheld, for rows that name none.
    pub device: Option<DeviceId>,
    /// For how many days.
    pub days: i64,
    /// Check only; nothing is issued.
    pub dry: bool,
    /// The same rows were sold before, and are to be sold once more. Says how often, from 1.
    pub again: u32,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Its number in the file, from 1.
    pub line: usize,
    /// As they stand there.
    pub meter: String,
    /// The amount.
    pub amount: String,
    /// The handheld; the one for all where the row has none.
    pub device: String,
    /// The token, now or before.
    pub token: Option<TokenId>,
    /// What was sold.
    pub credit: Option<Credit>,
    /// What is wrong with it: stable code, and words.
    pub fault: Option<(&'static str, String)>,
}

/// What became of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    /// By what it is known.
    pub id: String,
    /// Whether tokens were issued now.
    pub issued: bool,
    /// When the same rows were issued before.
    pub before: Option<UnixSeconds>,
    /// The rows.
    pub rows: Vec<OrderRow>,
}

impl OrderReport {
    /// Whether nothing is wrong with any row.
    pub fn good(&self) -> bool {
        self.rows.iter().all(|row| row.fault.is_none())
    }
}

/// A list that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderListInfo {
    /// By what it is known.
    pub id: String,
    /// What its file was called.
    pub name: String,
    /// When.
    pub at: UnixSeconds,
    /// How many tokens.
    pub rows: u64,
}

/// A row that says what it should.
struct Wanted {
    at: usize,
    order: Order,
}

impl Office {
    /// Issues a list of sales, all or none; what is wrong is told row by row.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for a file that is no table, or has no columns of meters and amounts,
    /// or too many rows; the database failed.
    pub async fn issue_list(&self, list: &OrderList) -> Result<OrderReport, OfficeError> {
        let table = rows(&list.bytes).map_err(|error| OfficeError::Usage(error.detail))?;
        let (mut found, wanted) = read(&table, list)?;
        let id = identity(&found, list.again);
        let report = |issued, before, rows| OrderReport { id: id.clone(), issued, before, rows };
        if let Some(at) = self.given(&id, &mut found).await? {
            return Ok(report(false, Some(at), found));
        }
        if found.iter().any(|row| row.fault.is_some()) {
            // The others are tried all the same, so that one look shows all that is wrong.
            self.tried(&wanted, &mut found).await?;
            return Ok(report(false, None, found));
        }
        if list.dry {
            self.tried(&wanted, &mut found).await?;
            return Ok(report(false, None, found));
        }
        let ids = wanted.iter().map(|_| self.new_id()).collect::<Result<Vec<_>, _>>()?;
        let done = transact!(self.ledger, |tx| {
            self.issue_all(&mut tx, (&id, list), (&wanted, &ids)).await
        });
        match done {
            Err(error @ (OfficeError::Db(_) | OfficeError::Locked(_))) => Err(error),
            Ok(Ok(issued)) => {
                for (row, issued) in found.iter_mut().zip(issued) {
                    (row.token, row.credit) = (Some(issued.id), Some(issued.credit));
                }
                Ok(report(true, None, found))
            }
            // Somebody was quicker with the same list, or a row does not go.
            Ok(Err(_)) | Err(_) => {
                if let Some(at) = self.given(&id, &mut found).await? {
                    return Ok(report(false, Some(at), found));
                }
                self.tried(&wanted, &mut found).await?;
                Ok(report(false, None, found))
            }
        }
    }

    /// Lists that were issued, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn issued_lists(&self) -> Result<Vec<OrderListInfo>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT l.id, l.name, l.at, COUNT(r.line) AS n FROM issue_list l
                   LEFT JOIN issue_row r ON r.list = l.id
                   GROUP BY l.id, l.name, l.at ORDER BY l.at DESC, l.id";
        let rows = query(sql).fetch_all(&mut conn).await?;
        let rows = rows.iter().map(|row| {
            Ok(OrderListInfo {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                at: UnixSeconds(row.try_get("at")?),
                rows: ledger::counter(row, "n")?,
            })
        });
        rows.collect()
    }

    /// All rows in one transaction; the refusal of the first that does not go, and nothing is
    /// issued.
    async fn issue_all(
        &self,
        conn: &mut Conn,
        (id, list): (&str, &OrderList),
        (wanted, ids): (&[Wanted], &[TokenId]),
    ) -> Result<Result<Vec<Issued>, OfficeError>, OfficeError> {
        let sql = "INSERT INTO issue_list (id, name, at) VALUES ($1, $2, $3)
                   ON CONFLICT DO NOTHING";
        let new = query(sql).bind(id).bind(&list.name).bind(self.now().0);
        if new.execute(&mut *conn).await?.rows_affected() == 0 {
            return Ok(Err(OfficeError::Usage("the list was issued before".to_owned())));
        }
        let mut issued = Vec::with_capacity(wanted.len());
        for (one, token) in wanted.iter().zip(ids) {
            let new = self.issue_in(conn, &one.order, Deed::RECHARGE, *token).await?;
            query("INSERT INTO issue_row (list, line, token) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(ledger::number(one.at as u64))
                .bind(token.to_string())
                .execute(&mut *conn)
                .await?;
            issued.push(new);
        }
        Ok(Ok(issued))
    }

    /// Tries every row as if it were issued, and undoes it: what would stand against each.
    async fn tried(&self, wanted: &[Wanted], found: &mut [OrderRow]) -> Result<(), OfficeError> {
        let mut tx = self.ledger.begin().await?;
        for one in wanted {
            let id = self.new_id()?;
            match self.issue_in(&mut tx, &one.order, Deed::RECHARGE, id).await {
                Ok(issued) => found[one.at].credit = Some(issued.credit),
                Err(error @ (OfficeError::Db(_) | OfficeError::Locked(_))) => return Err(error),
                Err(error) => found[one.at].fault = Some((error.code(), error.to_string())),
            }
        }
        Ok(tx.rollback().await?)
    }

    /// Whether a list was issued before, and its tokens.
    async fn given(
        &self,
        id: &str,
        found: &mut [OrderRow],
    ) -> Result<Option<UnixSeconds>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let row = query("SELECT at FROM issue_list WHERE id = $1").bind(id);
        let Some(row) = row.fetch_optional(&mut conn).await? else { return Ok(None) };
        let at = UnixSeconds(row.try_get("at")?);
        let sql = "SELECT r.line, t.* FROM issue_row r JOIN token t ON t.id = r.token
                   WHERE r.list = $1";
        for row in query(sql).bind(id).fetch_all(&mut conn).await? {
            let line = usize::try_from(row.try_get::<i64, _>("line")?).unwrap_or(usize::MAX);
            let token = ledger::token_row(&row)?;
            if let Some(own) = found.get_mut(line) {
                (own.token, own.credit, own.fault) = (Some(token.id), Some(token.credit), None);
            }
        }
        Ok(Some(at))
    }
}

/// By what the rows say. Whoever sells the same once more says so.
fn identity(rows: &[OrderRow], again: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("meterkit/orders {again}\n"));
    for row in rows {
        let meter = row.meter.parse::<MeterNo>().map_or(row.meter.clone(), |no| no.to_string());
        let amount = Money::parse(&row.amount).map_or(row.amount.clone(), |sum| sum.to_string());
        hash.update(format!("{meter}|{amount}|{}\n", row.device));
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the rows below the first one that names columns of meters and of amounts.
fn read(table: &[TableRow], list: &OrderList) -> Result<(Vec<OrderRow>, Vec<Wanted>), OfficeError> {
    let place =
        |cells: &[String], wanted| cells.iter().position(|cell| order_column(cell) == Some(wanted));
    let head = table.iter().enumerate().find_map(|(at, (_, cells))| {
        let (meter, amount) = (place(cells, "meter")?, place(cells, "amount")?);
        Some((at, meter, amount, place(cells, "device")))
    });
    let usage = |why: &str| Err(OfficeError::Usage(format!("{}: {why}", list.name)));
    let Some((at, meter, amount, device)) = head else {
        return usage("no row names a column of meters and one of amounts");
    };
    let below = &table[at + 1..];
    if below.is_empty() || below.len() > MAX_ORDERS {
        return usage(&format!("{} rows; 1 to {MAX_ORDERS} are issued at once", below.len()));
    }
    let (mut found, mut wanted): (Vec<OrderRow>, Vec<Wanted>) = (Vec::new(), Vec::new());
    for (line, cells) in below {
        let cell = |at: usize| cells.get(at).cloned().unwrap_or_default();
        let named = device.map(cell).filter(|name| !name.is_empty());
        let usual = list.device.as_ref().map(ToString::to_string);
        let mut row = OrderRow {
            line: *line,
            meter: cell(meter),
            amount: cell(amount),
            device: named.or(usual).unwrap_or_default(),
            token: None,
            credit: None,
            fault: None,
        };
        let twice = found.iter().find(|other| {
            (&other.meter, &other.amount, &other.device) == (&row.meter, &row.amount, &row.device)
        });
        match order(&row, list.days) {
            _ if twice.is_some() => {
                let first = twice.map_or(0, |other| other.line);
                row.fault = Some(("row-twice", format!("the same as row {first}")));
            }
            Ok(order) => wanted.push(Wanted { at: found.len(), order }),
            Err((code, why)) => row.fault = Some((code, why)),
        }
        found.push(row);
    }
    Ok((found, wanted))
}

fn order(row: &OrderRow, days: i64) -> Result<Order, (&'static str, String)> {
    let bad = |code, what: &str, cell: &str| (code, format!("{what}: {cell:?}"));
    // A spreadsheet that took the number for a figure has rounded it.
    if row.meter.contains(['e', 'E', '.']) {
        return Err(bad("row-meter", "not a meter number (save the column as text)", &row.meter));
    }
    let meter = row.meter.parse();
    let meter = meter.map_err(|_| bad("row-meter", "not a meter number", &row.meter))?;
    let amount = Money::parse(&row.amount).filter(|amount| amount.0 > 0);
    let amount = amount.ok_or_else(|| bad("row-amount", "not an amount", &row.amount))?;
    let device = row.device.parse();
    let device = device.map_err(|_| bad("row-device", "not a handheld", &row.device))?;
    Ok(Order { meter, amount: amount.0, device, days })
}
