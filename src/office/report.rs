//! The ledger as figures: where the money is, and whether everything sums to zero.

use super::Office;
use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn};
use super::model::{TokenState, parse_unit};
use super::swap::SwapState;
use crate::units::CreditUnit;

/// What is in one place, in one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// `customer`, `in-transit`, `meter-held`, `variance`, `revenue`.
    pub place: String,
    /// The unit; units are never added up.
    pub unit: CreditUnit,
    /// Hundredths.
    pub amount: i64,
}

/// What the ledger says is in one meter account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterHeld {
    /// The meter.
    pub meter: String,
    /// Its account.
    pub account: String,
    /// Recharges booked as in the meter.
    pub recharges: u64,
    /// Their sum, hundredths of the meter's unit.
    pub amount: i64,
    /// The last proved purchase count.
    pub count: u64,
}

/// The ledger in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerReport {
    /// Where the money is.
    pub balances: Vec<Balance>,
    /// Tokens in each state, in the order of [`TokenState::ALL`].
    pub tokens: Vec<(&'static str, u64)>,
    /// Swaps in each state, in the order of [`SwapState::ALL`].
    pub swaps: Vec<(&'static str, u64)>,
    /// Meters that got a recharge.
    pub meters: Vec<MeterHeld>,
    /// Postings in all.
    pub postings: u64,
    /// Things a person must look at.
    pub reviews: u64,
    /// All postings of each unit sum to zero.
    pub sum_zero: bool,
    /// The legs of every single op sum to zero.
    pub ops_zero: bool,
    /// What is in transit is exactly what the tokens that are out are worth and what swaps took out
    /// and did not credit, and what is in the meters exactly what the applied ones are; the same of
    /// the variance.
    pub tokens_match: bool,
}

impl LedgerReport {
    /// Every check holds.
    pub fn sound(&self) -> bool {
        self.sum_zero && self.ops_zero && self.tokens_match
    }
}

impl Office {
    /// Adds up the ledger.
    ///
    /// # Errors
    /// The database failed.
    pub async fn report(&self) -> Result<LedgerReport, OfficeError> {
        // One transaction, so that all figures are of one moment.
        let mut tx = self.ledger.snapshot().await?;
        let report = report(&mut tx).await?;
        tx.rollback().await?;
        Ok(report)
    }
}

async fn report(conn: &mut Conn) -> Result<LedgerReport, OfficeError> {
    let balances = balances(conn).await?;
    let sql = "SELECT COUNT(*) AS n FROM (SELECT op FROM posting GROUP BY op
               HAVING SUM(amount) <> 0 OR COUNT(*) <> 2) AS bad";
    let ops_zero = count(conn, sql).await? == 0;
    let mut tokens = Vec::new();
    for state in TokenState::ALL {
        let sql = "SELECT COUNT(*) AS n FROM token WHERE state = $1 AND swap IS NULL";
        let row = query(sql).bind(state.name()).fetch_one(&mut *conn).await?;
        tokens.push((state.name(), ledger::counter(&row, "n")?));
    }
    let mut swaps = Vec::new();
    for state in SwapState::ALL {
        let sql = "SELECT COUNT(*) AS n FROM swap WHERE state = $1";
        let row = query(sql).bind(state.name()).fetch_one(&mut *conn).await?;
        swaps.push((state.name(), ledger::counter(&row, "n")?));
    }
    let sum_zero = [CreditUnit::Yuan, CreditUnit::Kwh].into_iter().all(|unit| {
        let of_unit = balances.iter().filter(|balance| balance.unit == unit);
        of_unit.map(|balance| i128::from(balance.amount)).sum::<i128>() == 0
    });
    Ok(LedgerReport {
        tokens,
        swaps,
        meters: meters(conn).await?,
        postings: count(conn, "SELECT COUNT(*) AS n FROM posting").await?,
        reviews: count(conn, "SELECT COUNT(*) AS n FROM review WHERE settled IS NULL").await?,
        sum_zero,
        ops_zero,
        tokens_match: tokens_match(conn, &balances).await?,
        balances,
    })
}

/// Whether every movement from a moment on comes to zero, with both its legs: what is asked of one
/// day must not cost what the ledger weighs.
pub(super) async fn sound_since(conn: &mut Conn, since: i64) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM (SELECT op FROM posting WHERE at >= $1 GROUP BY op
               HAVING SUM(amount) <> 0 OR COUNT(*) <> 2) AS bad";
    let row = query(sql).bind(since).fetch_one(conn).await?;
    Ok(ledger::counter(&row, "n")? == 0)
}

async fn count(conn: &mut Conn, sql: &'static str) -> Result<u64, OfficeError> {
    ledger::counter(&query(sql).fetch_one(conn).await?, "n")
}

async fn balances(conn: &mut Conn) -> Result<Vec<Balance>, OfficeError> {
    let sql = "SELECT place, unit, CAST(SUM(amount) AS BIGINT) AS total FROM posting
               GROUP BY place, unit ORDER BY unit, place";
    let rows = query(sql).fetch_all(conn).await?;
    let rows = rows.iter().map(|row| {
        let unit = parse_unit(&row.try_get::<String, _>("unit")?);
        let unit = unit.ok_or(OfficeError::Stored("unit"))?;
        Ok(Balance { place: row.try_get("place")?, unit, amount: row.try_get("total")? })
    });
    rows.collect()
}

/// Compares the postings with what the states of tokens and legs say. What was posted for a swap
/// itself, and not for a leg, comes on top of that: it rests on no token; and so does what a debit
/// took out beyond its token (`excess`), and what was paid back when an account was closed.
async fn tokens_match(conn: &mut Conn, balances: &[Balance]) -> Result<bool, OfficeError> {
    let sql = "SELECT unit,
               CAST(SUM(in_transit) AS BIGINT) AS in_transit,
               CAST(SUM(held) AS BIGINT) AS held,
               CAST(SUM(variance) AS BIGINT) AS variance
               FROM (SELECT unit,
                     CASE WHEN swap IS NULL
                              AND state IN ('reserved', 'delivered', 'suspect', 'disputed')
                              AND act NOT IN ('refund', 'reversal') THEN amount
                          WHEN leg = 'out' AND state = 'applied' THEN amount
                          WHEN leg = 'in' AND state = 'applied' THEN -amount
                          ELSE 0 END AS in_transit,
                     CASE WHEN state <> 'applied' THEN 0
                          WHEN act IN ('refund', 'reversal', 'carry-out') THEN -amount
                          ELSE amount END AS held,
                     CASE WHEN leg = 'provisional' AND state = 'applied' THEN -amount
                          ELSE 0 END AS variance
                     FROM token
                     UNION ALL SELECT unit,
                     CASE WHEN place = 'in-transit' THEN amount ELSE 0 END,
                     CASE WHEN place = 'meter-held' THEN amount ELSE 0 END,
                     CASE WHEN place = 'variance' THEN amount ELSE 0 END
                     FROM posting WHERE op LIKE 'excess-%' OR op LIKE 'close:%'
                         OR token IN (SELECT id FROM swap))
                     AS parts
               GROUP BY unit";
    for row in query(sql).fetch_all(conn).await? {
        let unit = parse_unit(&row.try_get::<String, _>("unit")?);
        let at = |place: &str| {
            let found = balances.iter().find(|b| b.place == place && Some(b.unit) == unit);
            found.map_or(0, |balance| balance.amount)
        };
        for (place, column) in
            [("in-transit", "in_transit"), ("meter-held", "held"), ("variance", "variance")]
        {
            if at(place) != row.try_get::<i64, _>(column)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

async fn meters(conn: &mut Conn) -> Result<Vec<MeterHeld>, OfficeError> {
    let sql = "SELECT t.meter, t.account,
               CAST(SUM(CASE WHEN t.act = 'recharge' THEN 1 ELSE 0 END) AS BIGINT) AS n,
               CAST(SUM(CASE WHEN t.act IN ('refund', 'reversal', 'carry-out') THEN -t.amount
                   ELSE t.amount END)
                   AS BIGINT) AS total,
               COALESCE(MAX(s.count), 0) AS count
               FROM token t
               LEFT JOIN meter_state s ON s.meter = t.meter AND s.account = t.account
               WHERE t.state = 'applied' GROUP BY t.meter, t.account ORDER BY t.meter, t.account";
    let rows = query(sql).fetch_all(conn).await?;
    let rows = rows.iter().map(|row| {
        Ok(MeterHeld {
            meter: row.try_get("meter")?,
            account: row.try_get("account")?,
            recharges: ledger::counter(row, "n")?,
            amount: row.try_get("total")?,
            count: ledger::counter(row, "count")?,
        })
    });
    rows.collect()
}
