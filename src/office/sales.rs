//! What was sold, by day, month and year of the office's own time zone.
//!
//! Told from the postings, by the time at which they were booked: what was booked does not change
//! any more, so a day that is over keeps its figures. A credit counts as sold when its meter is
//! proved to have it.

use super::Office;
use super::db::{Row, query_made};
use super::error::OfficeError;
use super::ledger::{self, Conn, transact};
use super::model::parse_unit;
use crate::units::{CreditUnit, UnixSeconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The office's note of its time zone.
const ZONE: &str = "zone";

/// How long a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SalesBy {
    /// Everything.
    All,
    /// The meter's area.
    Area,
    /// Who brought it to the meter; empty for what nobody has yet.
    Operator,
    /// The handheld it was issued to.
    Device,
}

/// Which sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalesAsk {
    /// By what time.
    pub period: Period,
    /// By what else.
    pub by: SalesBy,
    /// From here on.
    pub from: Option<UnixSeconds>,
    /// Before this.
    pub to: Option<UnixSeconds>,
}

/// Sums of one unit, hundredths, and how many movements each is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaleSum {
    /// The unit; units are never added up.
    pub unit: CreditUnit,
    /// Paid for and issued.
    pub issued: i64,
    /// How many.
    pub issued_n: u64,
    /// Proved to be in the meters.
    pub booked: i64,
    /// How many.
    pub booked_n: u64,
    /// Given back unused, replaced ones among them: what replaced them is issued again.
    pub returned: i64,
    /// How many.
    pub returned_n: u64,
    /// Taken out of meters and given back: refunds, reversals, bookings put right.
    pub refunded: i64,
    /// How many.
    pub refunded_n: u64,
}

impl SaleSum {
    /// Nothing sold.
    pub fn none(unit: CreditUnit) -> Self {
        Self {
            unit,
            issued: 0,
            issued_n: 0,
            booked: 0,
            booked_n: 0,
            returned: 0,
            returned_n: 0,
            refunded: 0,
            refunded_n: 0,
        }
    }

    /// What came into the meters less what went out of them.
    pub fn net(&self) -> i64 {
        self.booked.saturating_sub(self.refunded)
    }

    fn add(&mut self, from: &str, to: &str, amount: i64, count: u64) {
        let (sum, n) = match (from, to) {
            ("customer", "in-transit") => (&mut self.issued, &mut self.issued_n),
            ("in-transit" | "customer", "meter-held") => (&mut self.booked, &mut self.booked_n),
            ("in-transit", "customer") => (&mut self.returned, &mut self.returned_n),
            ("meter-held", "customer") => (&mut self.refunded, &mut self.refunded_n),
            _ => return,
        };
        *sum = sum.saturating_add(amount);
        *n = n.saturating_add(count);
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleRow {
    /// `2026-11-22`, `2026-11` or `2026`.
    pub period: String,
    /// The area, operator or handheld; empty for all, and for none.
    pub key: String,
    /// The figures.
    pub sum: SaleSum,
}

impl Office {
    /// The office's time zone, by its IANA name; the machine's own until one was set.
    ///
    /// # Errors
    /// The database failed.
    pub async fn zone(&self) -> Result<String, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let zone = zone(&mut conn).await?;
        Ok(zone.iana_name().unwrap_or("UTC").to_owned())
    }

    /// Sets the office's time zone. Days that are over are told by the new one from then on.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for a zone this machine does not know.
    pub async fn set_zone(&self, name: &str) -> Result<(), OfficeError> {
        let zone = TimeZone::get(name);
        let zone = zone.map_err(|_| OfficeError::Usage(format!("no time zone {name:?}")))?;
        let name = zone.iana_name().unwrap_or(name);
        transact!(self.ledger, |tx| ledger::set_note(&mut tx, ZONE, name).await)
    }

    /// What was sold, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sales(&self, ask: &SalesAsk) -> Result<Vec<SaleRow>, OfficeError> {
        let mut tx = self.ledger.snapshot().await?;
        let zone = zone(&mut tx).await?;
        let rows = sales(&mut tx, ask, &zone).await?;
        tx.rollback().await?;
        Ok(rows)
    }

    /// The moment at which a day of the office's zone begins; `2026-11-22`.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for what is no date.
    pub async fn day(&self, date: &str) -> Result<UnixSeconds, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let zone = zone(&mut conn).await?;
        let bad = || OfficeError::Usage(format!("not a day, as in 2026-11-22: {date:?}"));
        let day: jiff::civil::Date = date.parse().map_err(|_| bad())?;
        let begins = day.to_zoned(zone).map_err(|_| bad())?;
        Ok(UnixSeconds(begins.timestamp().as_second()))
    }
}

/// The zone that days are told by.
pub(super) async fn zone(conn: &mut Conn) -> Result<TimeZone, OfficeError> {
    let Some(name) = ledger::note(conn, ZONE).await? else { return Ok(TimeZone::system()) };
    TimeZone::get(&name).map_err(|_| OfficeError::Stored("zone"))
}

/// The day of a moment.
pub(super) fn day_of(at: UnixSeconds, zone: &TimeZone) -> String {
    period_of(at.0, Period::Day, zone)
}

/// The day, month or year of a moment.
fn period_of(at: i64, period: Period, zone: &TimeZone) -> String {
    let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = at.to_zoned(zone.clone()).date();
    let (year, month, day) = (date.year(), date.month(), date.day());
    match period {
        Period::Day => format!("{year:04}-{month:02}-{day:02}"),
        Period::Month => format!("{year:04}-{month:02}"),
        Period::Year => format!("{year:04}"),
    }
}

/// Rows of postings are added up by the quarter of an hour: no zone begins its day in between.
const GRAIN_S: i64 = 900;

async fn sales(
    conn: &mut Conn,
    ask: &SalesAsk,
    zone: &TimeZone,
) -> Result<Vec<SaleRow>, OfficeError> {
    let key = match ask.by {
        SalesBy::All => "''",
        SalesBy::Area => "COALESCE((SELECT area FROM meter m WHERE m.meter = t.meter), '')",
        // Who sent it last.
        SalesBy::Operator => {
            "COALESCE((SELECT e.operator FROM event e WHERE e.token = t.id AND e.kind = 'intent'
             ORDER BY e.epoch DESC, e.seq DESC LIMIT 1), '')"
        }
        SalesBy::Device => "t.device",
    };
    // What a swap carries over was sold before.
    let mut rows = Vec::new();
    let from = ask.from.map_or(0, |at| at.0);
    let to = ask.to.map_or(i64::MAX, |at| at.0);
    for (of, key, also) in [
        ("token", key, "AND t.swap IS NULL"),
        // What was paid back when an account was closed is no handheld's, and no operator's.
        ("meter_closed", if ask.by == SalesBy::Area { key } else { "''" }, ""),
    ] {
        let sql = moves(of, key, also);
        rows.extend(query_made(sql).bind(from).bind(to).fetch_all(&mut *conn).await?);
    }
    let mut sums: BTreeMap<(String, String, bool), SaleSum> = BTreeMap::new();
    for row in &rows {
        let (key, unit, [source, target]) = of_row(row)?;
        let grain: i64 = row.try_get("grain")?;
        let period = period_of(grain.saturating_mul(GRAIN_S), ask.period, zone);
        let place = (period, key, unit == CreditUnit::Kwh);
        let sum = sums.entry(place).or_insert_with(|| SaleSum::none(unit));
        sum.add(&source, &target, row.try_get("amount")?, ledger::counter(row, "n")?);
    }
    let rows = sums.into_iter().map(|((period, key, _), sum)| SaleRow { period, key, sum });
    Ok(rows.collect())
}

/// The movements of tokens, or of accounts that were closed, added up.
fn moves(of: &str, key: &str, also: &str) -> String {
    format!(
        "SELECT whose, grain, unit, source, target, CAST(SUM(amount) AS BIGINT) AS amount,
                COUNT(*) AS n
         FROM (SELECT {key} AS whose, p.at / {GRAIN_S} AS grain, p.unit AS unit,
                      f.place AS source, p.place AS target, p.amount AS amount
               FROM posting p JOIN posting f ON f.op = p.op AND f.leg = 0 AND f.meter = p.meter
               JOIN {of} t ON t.id = p.token AND t.meter = p.meter
               WHERE p.leg = 1 {also} AND p.place <> 'revenue'
               AND f.place <> 'revenue' AND p.at >= $1 AND p.at < $2) AS moves
         GROUP BY whose, grain, unit, source, target"
    )
}

/// Key, unit, and from where to where.
fn of_row(row: &Row) -> Result<(String, CreditUnit, [String; 2]), OfficeError> {
    let unit = parse_unit(&row.try_get::<String, _>("unit")?).ok_or(OfficeError::Stored("unit"))?;
    Ok((row.try_get("whose")?, unit, [row.try_get("source")?, row.try_get("target")?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_the_office_is() {
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        // 2026-11-21 16:00:00 UTC is midnight there.
        let midnight = 1_795_276_800;
        let told = |at, period| period_of(at, period, &shanghai);
        assert_eq!(told(midnight, Period::Day), "2026-11-22");
        assert_eq!(told(midnight - 1, Period::Day), "2026-11-21");
        assert_eq!(told(midnight, Period::Month), "2026-11");
        assert_eq!(period_of(1_798_732_800, Period::Year, &shanghai), "2027");
        assert_eq!(period_of(1_798_732_800, Period::Year, &TimeZone::UTC), "2026");
    }
}
