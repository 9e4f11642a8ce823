//! The tables of a set: meter readings made by others, swaps, the office's book, known software.
//!
//! Plain CSV: a line of names, then one row a line; commas, no quotes. Times are RFC 3339 or Unix
//! seconds, amounts decimals with at most two places. A row that cannot be read is named and left
//! out: it proves nothing for nobody.

use super::files::Raw;
use crate::units::{
    AccountNo, Credit, CreditUnit, MeterNo, Money, PurchaseCount, TokenId, UnixSeconds,
};
use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

/// Most rows that cannot be read and are named.
const MAX_NAMED: usize = 50;

/// A meter reading by somebody else than the handheld: the remote system, an auditor on the spot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Where it stands.
    pub name: String,
    /// When.
    pub at: UnixSeconds,
    /// The meter.
    pub meter: MeterNo,
    /// The account in it.
    pub account: AccountNo,
    /// Its purchase count.
    pub count: PurchaseCount,
    /// What it is kept in, and the balance if it was read.
    pub balance: Option<Credit>,
    /// One purchase record: count and amount.
    pub record: Option<(PurchaseCount, i64)>,
}

/// A meter swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Where it stands.
    pub name: String,
    /// When the old meter was read last.
    pub at: UnixSeconds,
    /// The old meter and its account.
    pub old: (MeterNo, AccountNo),
    /// The new one.
    pub new: (MeterNo, AccountNo),
    /// What is counted.
    pub unit: CreditUnit,
    /// What the old meter showed.
    pub read: i64,
    /// What stayed in it.
    pub residual: i64,
    /// What the customer got back.
    pub refunded: i64,
    /// The carry-over token.
    pub token: TokenId,
}

/// What the office's book says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// Where it stands.
    pub name: String,
    /// The token.
    pub token: TokenId,
    /// `reserved`, `delivered`, `suspect`, `disputed`, `applied`, `voided`.
    pub state: String,
    /// Its amount.
    pub credit: Credit,
    /// Whether a person decided it.
    pub decided: bool,
    /// What it does to the meter; books of earlier versions do not say.
    pub act: Option<String>,
}

/// One program that may be used: version and SHA-256.
pub type Program = (String, [u8; 32]);

/// Rows that could not be read, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// The first of them.
    pub named: Vec<String>,
    /// All.
    pub count: usize,
}

impl Unread {
    fn add(&mut self, name: String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(name);
        }
    }
}

/// Reads `reads/`.
pub fn reads(files: &[Raw], unread: &mut Unread) -> Vec<Read> {
    let mut all = Vec::new();
    for raw in files {
        all.extend(rows(raw, unread, |row| {
            let unit = row.unit("unit");
            let balance = match row.cell("balance") {
                "" => None,
                _ => Some(Credit { value: row.amount("balance")?, unit: unit? }),
            };
            let record = match row.cell("record_count") {
                "" => None,
                _ => {
                    Some((PurchaseCount(row.parse("record_count")?), row.amount("record_amount")?))
                }
            };
            Some(Read {
                name: row.name(),
                at: row.time("time")?,
                meter: row.parse("meter")?,
                account: row.parse("account")?,
                count: PurchaseCount(row.parse("count")?),
                balance,
                record,
            })
        }));
    }
    all
}

/// Reads `swaps/`.
pub fn swaps(files: &[Raw], unread: &mut Unread) -> Vec<Swap> {
    let mut all = Vec::new();
    for raw in files {
        all.extend(rows(raw, unread, |row| {
            Some(Swap {
                name: row.name(),
                at: row.time("time")?,
                old: (row.parse("old_meter")?, row.parse("old_account")?),
                new: (row.parse("new_meter")?, row.parse("new_account")?),
                unit: row.unit("unit")?,
                read: row.amount("read")?,
                residual: row.amount("residual")?,
                refunded: row.amount("refunded")?,
                token: row.parse("token")?,
            })
        }));
    }
    all
}

/// Reads `ledger.csv`.
pub fn ledger(raw: &Raw, unread: &mut Unread) -> Vec<Booked> {
    rows(raw, unread, |row| {
        Some(Booked {
            name: row.name(),
            token: row.parse("token")?,
            state: row.cell("state").to_owned(),
            credit: Credit { value: row.amount("amount")?, unit: row.unit("unit")? },
            decided: !row.cell("decided").is_empty(),
            act: Some(row.cell("act").to_owned()).filter(|act| !act.is_empty()),
        })
    })
}

/// Reads `online.csv`: recharges the office made over its own line, of which there is no document.
pub fn online(raw: &Raw, unread: &mut Unread) -> BTreeMap<TokenId, Credit> {
    let rows = rows(raw, unread, |row| {
        Some((row.parse("sale")?, Credit { value: row.amount("amount")?, unit: row.unit("unit")? }))
    });
    rows.into_iter().collect()
}

/// Reads `software.csv`.
pub fn software(raw: &Raw, unread: &mut Unread) -> HashSet<Program> {
    let rows = rows(raw, unread, |row| {
        Some((
            row.cell("version").to_owned(),
            super::unhex(&row.cell("sha256").to_ascii_lowercase())?,
        ))
    });
    rows.into_iter().collect()
}

/// One row of a table.
struct Row<'a> {
    file: &'a str,
    line: usize,
    names: &'a [&'a str],
    cells: Vec<&'a str>,
}

impl Row<'_> {
    fn name(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// A cell by the name of its column; empty where there is none.
    fn cell(&self, name: &str) -> &str {
        let at = self.names.iter().position(|known| *known == name);
        at.and_then(|at| self.cells.get(at)).copied().unwrap_or_default()
    }

    fn parse<T: FromStr>(&self, name: &str) -> Option<T> {
        self.cell(name).parse().ok()
    }

    fn amount(&self, name: &str) -> Option<i64> {
        Money::parse(self.cell(name)).map(|money| money.0)
    }

    fn time(&self, name: &str) -> Option<UnixSeconds> {
        let text = self.cell(name);
        let seconds = text.parse().ok();
        let stamp = || text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
        seconds.or_else(stamp).map(UnixSeconds)
    }

    fn unit(&self, name: &str) -> Option<CreditUnit> {
        match self.cell(name) {
            "yuan" => Some(CreditUnit::Yuan),
            "kwh" => Some(CreditUnit::Kwh),
            _ => None,
        }
    }
}

/// Reads a table row by row.
fn rows<T>(raw: &Raw, unread: &mut Unread, read: impl Fn(&Row<'_>) -> Option<T>) -> Vec<T> {
    let Ok(text) = std::str::from_utf8(&raw.bytes) else {
        unread.add(raw.name.clone());
        return Vec::new();
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1..).zip(text.lines().map(str::trim_end));
    let names: Vec<&str> =
        lines.next().map(|(_, line)| line.split(',').map(str::trim).collect()).unwrap_or_default();
    let mut all = Vec::new();
    for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
        let cells = text.split(',').map(str::trim).collect();
        let row = Row { file: &raw.name, line, names: &names, cells };
        match read(&row) {
            Some(value) => all.push(value),
            None => unread.add(row.name()),
        }
    }
    all
}
