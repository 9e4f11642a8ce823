//! What the desk looks things up in: today's figures, who has not been heard of, meters and
//! customers, tokens.

mod bundles;
mod kept;
mod meters;
mod rounds;

pub use bundles::{BundleSeen, MeterBundle};
pub use kept::KeptMeter;
pub use meters::{Ages, LostContact, MeterAge, MeterFound, MeterSheet};
pub use rounds::{PlaceState, RoundOdd, RoundPlace, RoundSheet, RoundState};

use super::db::{Row, query};
use super::error::OfficeError;
use super::ledger::{self, Conn};
use super::model::{TokenRow, TokenState};
use super::sales::{Period, SaleSum, SalesAsk, SalesBy};
use super::{DeviceInfo, Office};
use crate::units::{Credit, CreditUnit, DeviceId, MeterNo, TokenId, UnixSeconds};

/// A handheld that was silent for longer is told of, seconds.
pub const SILENT_S: i64 = 86_400;

/// How the office stands today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Today {
    /// Now.
    pub at: UnixSeconds,
    /// The day, in the office's zone.
    pub day: String,
    /// The zone.
    pub zone: String,
    /// Today's sales, one row a unit.
    pub sums: Vec<SaleSum>,
    /// Handhelds in use.
    pub devices: u64,
    /// Of them, not heard of for a day.
    pub silent: u64,
    /// Handhelds that were stopped.
    pub quarantined: u64,
    /// What is out with all of them.
    pub carried: Vec<Credit>,
    /// Things a person must look at.
    pub reviews: u64,
    /// Swaps that have not ended.
    pub swaps: u64,
    /// Meters in keep-power.
    pub kept: u64,
    /// Sales that were prepared and not issued.
    pub drafts: u64,
    /// Whether each of the day's movements comes to zero. All that ever were are added up by
    /// [`Office::report`], which takes as long as the ledger is big.
    pub sound: bool,
}

/// A token, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// What it is.
    pub row: TokenRow,
    /// When it was issued.
    pub issued: UnixSeconds,
    /// What took its place.
    pub replaced_by: Option<TokenId>,
}

/// Which tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenAsk {
    /// Of this meter.
    pub meter: Option<MeterNo>,
    /// Of this handheld.
    pub device: Option<DeviceId>,
    /// In this state.
    pub state: Option<TokenState>,
    /// At most so many; 0: as many as there are.
    pub limit: u32,
}

impl Office {
    /// How the office stands today.
    ///
    /// # Errors
    /// The database failed.
    pub async fn today(&self) -> Result<Today, OfficeError> {
        let at = self.now();
        let zone = self.zone().await?;
        let day = {
            let mut conn = self.ledger.read().await?;
            super::sales::day_of(at, &super::sales::zone(&mut conn).await?)
        };
        let from = Some(self.day(&day).await?);
        let ask = SalesAsk { period: Period::Day, by: SalesBy::All, from, to: None };
        let sums = self.sales(&ask).await?.into_iter().map(|row| row.sum).collect();
        let devices = self.devices().await?;
        let (sound, reviews, drafts) = {
            let mut conn = self.ledger.read().await?;
            let since = from.map_or(i64::MIN, |from| from.0);
            let sound = super::report::sound_since(&mut conn, since).await?;
            (sound, open_reviews(&mut conn).await?, super::draft::count(&mut conn).await?)
        };
        let count = |good: &dyn Fn(&DeviceInfo) -> bool| {
            u64::try_from(devices.iter().filter(|row| good(row)).count()).unwrap_or(u64::MAX)
        };
        let silent = |row: &DeviceInfo| {
            let seen = row.last_seen.map_or(0, |seen| seen.0);
            row.status == "enrolled" && at.0.saturating_sub(seen) > SILENT_S
        };
        let carried = [CreditUnit::Yuan, CreditUnit::Kwh].map(|unit| {
            let of = devices.iter().map(|row| row.carried.sum(unit));
            Credit { value: of.fold(0, i64::saturating_add), unit }
        });
        Ok(Today {
            at,
            day,
            zone,
            sums,
            devices: count(&|row| row.status == "enrolled"),
            silent: count(&silent),
            quarantined: count(&|row| row.status == "quarantined"),
            carried: carried.into_iter().filter(|sum| sum.value != 0).collect(),
            reviews,
            swaps: self.swaps(false).await?.len() as u64,
            kept: self.kept().await?.len() as u64,
            drafts,
            sound,
        })
    }

    /// Tokens, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tokens(&self, ask: &TokenAsk) -> Result<Vec<TokenInfo>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        tokens(&mut conn, ask).await
    }

    /// The same of those whose money is in doubt: the disputed ones, then those that may or may not
    /// be in their meters. Of each at most as many as asked for.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tokens_in_doubt(&self, ask: &TokenAsk) -> Result<Vec<TokenInfo>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let mut rows = Vec::new();
        for state in [TokenState::Disputed, TokenState::Suspect] {
            let ask = TokenAsk { state: Some(state), ..ask.clone() };
            rows.extend(tokens(&mut conn, &ask).await?);
        }
        Ok(rows)
    }
}

async fn open_reviews(conn: &mut Conn) -> Result<u64, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM review WHERE settled IS NULL";
    ledger::counter(&query(sql).fetch_one(conn).await?, "n")
}

async fn tokens(conn: &mut Conn, ask: &TokenAsk) -> Result<Vec<TokenInfo>, OfficeError> {
    let sql = "SELECT * FROM token WHERE swap IS NULL
               AND ($1 = '' OR meter = $1) AND ($2 = '' OR device = $2) AND ($3 = '' OR state = $3)
               ORDER BY issued DESC, id DESC LIMIT $4";
    let limit = if ask.limit == 0 { i64::MAX } else { i64::from(ask.limit) };
    let rows = query(sql)
        .bind(ask.meter.map(|meter| meter.to_string()).unwrap_or_default())
        .bind(ask.device.as_ref().map_or("", DeviceId::as_str))
        .bind(ask.state.map_or("", TokenState::name))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(token_info).collect()
}

fn token_info(row: &Row) -> Result<TokenInfo, OfficeError> {
    let next = row.try_get::<Option<String>, _>("superseded_by")?;
    let next = next.map(|id| id.parse().map_err(|_| OfficeError::Stored("superseded_by")));
    Ok(TokenInfo {
        row: ledger::token_row(row)?,
        issued: UnixSeconds(row.try_get("issued")?),
        replaced_by: next.transpose()?,
    })
}
