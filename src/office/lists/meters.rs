//! Meters and their customers: searched, looked at, and not heard of.

use super::bundles::{MeterBundle, of_meter};
use super::{KeptMeter, TokenAsk, TokenInfo, tokens};
use crate::office::closing::{self, ClosedMeter};
use crate::office::db::{Row, query};
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::{DeviceInfo, Office, ReviewRow};
use crate::sync::wire::MeterLine;
use crate::units::{MeterNo, PurchaseCount, UnixSeconds};

/// A meter that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterFound {
    /// Its line in the list.
    pub line: MeterLine,
    /// The last proved purchase count.
    pub count: Option<PurchaseCount>,
    /// The balance with it, hundredths.
    pub balance: Option<i64>,
    /// When that was read, by the handheld's clock; none for what was only entered.
    pub seen: Option<UnixSeconds>,
    /// When it was swapped out, or its account was closed.
    pub closed: Option<UnixSeconds>,
    /// Tokens that are out for it.
    pub out: u64,
}

/// All of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterSheet {
    /// What the list and the readings say.
    pub found: MeterFound,
    /// What the books say is in it, hundredths.
    pub held: i64,
    /// Its tokens, the newest first.
    pub tokens: Vec<TokenInfo>,
    /// What a person looked at, or must.
    pub reviews: Vec<ReviewRow>,
    /// Whether it is in keep-power.
    pub kept: Option<KeptMeter>,
    /// What was written to it.
    pub bundles: Vec<MeterBundle>,
    /// How its account was closed at the office.
    pub closing: Option<ClosedMeter>,
}

/// Who counts as not heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// Handhelds silent for so long, seconds.
    pub device_s: i64,
    /// Meters not read for so long, seconds.
    pub meter_s: i64,
    /// At most so many meters; 0: all.
    pub limit: u32,
}

/// A meter that was not read for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterAge {
    /// Its line in the list.
    pub line: MeterLine,
    /// When it was read last, by the handheld's clock.
    pub seen: Option<UnixSeconds>,
    /// How long ago, seconds; none for never.
    pub age_s: Option<i64>,
}

/// Who was not heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostContact {
    /// Handhelds, those never heard of first, then the longest silent; and for how long, seconds.
    pub devices: Vec<(DeviceInfo, Option<i64>)>,
    /// Meters, in the same order.
    pub meters: Vec<MeterAge>,
}

impl Office {
    /// Meters whose number, account, customer, location or area holds a text; all with an empty
    /// one. Those on the list first. At most `limit`; 0: all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_meters(
        &self,
        text: &str,
        limit: u32,
    ) -> Result<Vec<MeterFound>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let rows = query(FOUND)
            .bind(like(text))
            .bind("")
            .bind(if limit == 0 { i64::MAX } else { i64::from(limit) })
            .fetch_all(&mut conn)
            .await?;
        rows.iter().map(found).collect()
    }

    /// All of one meter.
    ///
    /// # Errors
    /// [`OfficeError::NoMeter`]; the database failed.
    pub async fn meter_sheet(&self, no: MeterNo) -> Result<MeterSheet, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let row = query(FOUND).bind("%").bind(no.to_string()).bind(1_i64);
        let row = row.fetch_optional(&mut conn).await?.ok_or(OfficeError::NoMeter(no))?;
        let ask = TokenAsk { meter: Some(no), ..TokenAsk::default() };
        let found = found(&row)?;
        let mut sheet = MeterSheet {
            closing: closing::closed(&mut conn, no, found.line.account).await?,
            found,
            held: held(&mut conn, no).await?,
            tokens: tokens(&mut conn, &ask).await?,
            reviews: Vec::new(),
            kept: None,
            bundles: of_meter(&mut conn, no).await?,
        };
        drop(conn);
        let name = no.to_string();
        let mut reviews = self.reviews(true).await?;
        reviews.retain(|row| row.meter.as_ref() == Some(&name));
        sheet.reviews = reviews;
        sheet.kept = self.kept().await?.into_iter().find(|row| row.meter == no);
        Ok(sheet)
    }

    /// Handhelds and meters not heard of for long.
    ///
    /// # Errors
    /// The database failed.
    pub async fn lost_contact(&self, ages: &Ages) -> Result<LostContact, OfficeError> {
        let now = self.now().0;
        let aged = |seen: Option<UnixSeconds>| seen.map(|at| now.saturating_sub(at.0).max(0));
        // One that was offered and never enrolled is not lost: nobody has it yet.
        let had = self.devices().await?.into_iter();
        let had = had.filter(|row| row.status != "offered" || row.last_seen.is_some());
        let devices = had.filter_map(|row| {
            let age = aged(row.last_seen);
            age.is_none_or(|age| age >= ages.device_s).then_some((row, age))
        });
        let mut devices: Vec<_> = devices.collect();
        devices.sort_by_key(|(_, age)| std::cmp::Reverse(age.unwrap_or(i64::MAX)));
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT m.*, s.seen FROM meter m LEFT JOIN meter_state s
                   ON s.meter = m.meter AND s.account = m.account AND s.seen > 0
                   WHERE m.closed IS NULL AND COALESCE(s.seen, 0) <= $1
                   ORDER BY COALESCE(s.seen, 0), m.meter LIMIT $2";
        let rows = query(sql)
            .bind(now.saturating_sub(ages.meter_s))
            .bind(if ages.limit == 0 { i64::MAX } else { i64::from(ages.limit) })
            .fetch_all(&mut conn)
            .await?;
        let meters = rows.iter().map(|row| {
            let seen = row.try_get::<Option<i64>, _>("seen")?.map(UnixSeconds);
            Ok(MeterAge { line: ledger::meter_row(row)?, seen, age_s: aged(seen) })
        });
        Ok(LostContact { devices, meters: meters.collect::<Result<_, OfficeError>>()? })
    }
}

/// Finds by a pattern, or by the number alone.
const FOUND: &str = "SELECT m.*, s.count, s.balance, s.seen,
        (SELECT COUNT(*) FROM token t WHERE t.meter = m.meter AND t.swap IS NULL
             AND t.state IN ('reserved', 'delivered', 'suspect', 'disputed')) AS tokens_out
    FROM meter m LEFT JOIN meter_state s ON s.meter = m.meter AND s.account = m.account
    WHERE ($2 = '' OR m.meter = $2)
    AND (m.meter LIKE $1 ESCAPE '\\' OR m.account LIKE $1 ESCAPE '\\'
         OR LOWER(m.customer) LIKE $1 ESCAPE '\\' OR LOWER(m.location) LIKE $1 ESCAPE '\\'
         OR LOWER(m.area) LIKE $1 ESCAPE '\\')
    ORDER BY CASE WHEN m.closed IS NULL THEN 0 ELSE 1 END, m.meter LIMIT $3";

/// A text anywhere, with nothing in it that means something else.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.trim().to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn found(row: &Row) -> Result<MeterFound, OfficeError> {
    let count = row.try_get::<Option<i64>, _>("count")?.and_then(|count| u32::try_from(count).ok());
    let seen = row.try_get::<Option<i64>, _>("seen")?.filter(|seen| *seen > 0);
    Ok(MeterFound {
        line: ledger::meter_row(row)?,
        count: count.map(PurchaseCount),
        balance: row.try_get("balance")?,
        seen: seen.map(UnixSeconds),
        closed: row.try_get::<Option<i64>, _>("closed")?.map(UnixSeconds),
        out: ledger::counter(row, "tokens_out")?,
    })
}

/// What the books say is in a meter.
async fn held(conn: &mut Conn, meter: MeterNo) -> Result<i64, OfficeError> {
    let sql = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS held FROM posting
               WHERE meter = $1 AND place = 'meter-held'";
    let row = query(sql).bind(meter.to_string()).fetch_one(conn).await?;
    Ok(row.try_get("held")?)
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn what_means_something_else_is_only_itself() {
        assert_eq!(like(" 5%_Off\\ "), "%5\\%\\_off\\\\%");
        assert_eq!(like(""), "%%");
    }
}
