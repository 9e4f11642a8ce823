//! What a thing to look at rests on: the journal entries, readings, receipts and tokens a person
//! needs to decide it, as they were known when it was raised.

use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn};
use crate::units::{DeviceId, Evidence, MeterNo, TokenId, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Entries of one token that are named, the oldest: it is sent once, or a few times.
const MOST: i64 = 20;

/// An entry of a handheld's journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroundEntry {
    /// Whose journal.
    pub device: String,
    /// Which life of it.
    pub epoch: u32,
    /// Which entry.
    pub seq: u64,
}

/// A reading of a meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroundReading {
    /// Where it comes from: `journal` for what the entry itself shows, `office` for what was known
    /// here before, `person` for what somebody read and entered.
    pub source: String,
    /// The meter.
    pub meter: String,
    /// The account in it; none where it holds none, or nobody said.
    pub account: Option<String>,
    /// Its purchase count.
    pub count: u32,
    /// Its balance, hundredths of `unit`; none where nobody said.
    pub balance: Option<i64>,
    /// `yuan` or `kwh`.
    pub unit: String,
    /// When it was read, Unix seconds, by the reader's clock.
    pub read_at: i64,
}

/// A receipt the office gave.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroundReceipt {
    /// To which handheld.
    pub device: String,
    /// Its number.
    pub number: u64,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// The entries.
    #[serde(default)]
    pub entries: Vec<GroundEntry>,
    /// The readings.
    #[serde(default)]
    pub readings: Vec<GroundReading>,
    /// The receipts that acknowledged the entries, where they were given then.
    #[serde(default)]
    pub receipts: Vec<GroundReceipt>,
    /// The tokens, and bundles, by their identity.
    #[serde(default)]
    pub tokens: Vec<String>,
}

impl GroundReading {
    /// What an entry shows.
    pub fn of(evidence: &Evidence) -> Self {
        Self {
            source: "journal".to_owned(),
            meter: evidence.meter.to_string(),
            account: evidence.account.map(|account| account.to_string()),
            count: evidence.count.0,
            balance: Some(evidence.balance.value),
            unit: super::model::unit_name(evidence.balance.unit).to_owned(),
            read_at: evidence.read_at.0,
        }
    }

    /// Whether two say the same of the meter.
    pub(super) fn same(&self, other: &Self) -> bool {
        let said = |of: &Self| (of.account.clone(), of.count, of.balance, of.read_at);
        self.meter == other.meter && said(self) == said(other)
    }
}

impl Grounds {
    /// One entry of a journal.
    pub(super) fn entry(device: &DeviceId, epoch: u32, seq: u64) -> Self {
        Self::default().and_entry(device, epoch, seq)
    }

    /// Some tokens.
    pub(super) fn tokens(tokens: &[TokenId]) -> Self {
        tokens.iter().fold(Self::default(), |grounds, token| grounds.and_token(*token))
    }

    /// One entry more; none twice.
    pub(super) fn and_entry(mut self, device: &DeviceId, epoch: u32, seq: u64) -> Self {
        let entry = GroundEntry { device: device.to_string(), epoch, seq };
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
        self
    }

    /// One reading more.
    pub(super) fn and_reading(mut self, reading: GroundReading) -> Self {
        self.readings.push(reading);
        self
    }

    /// One receipt more.
    pub(super) fn and_receipt(mut self, device: &DeviceId, number: u64) -> Self {
        self.receipts.push(GroundReceipt { device: device.to_string(), number });
        self
    }

    /// One token more; none twice.
    pub(super) fn and_token(mut self, token: TokenId) -> Self {
        let token = token.to_string();
        if !self.tokens.contains(&token) {
            self.tokens.push(token);
        }
        self
    }

    /// Both.
    pub(super) fn and(mut self, more: Self) -> Self {
        let new: Vec<_> =
            more.entries.into_iter().filter(|entry| !self.entries.contains(entry)).collect();
        self.entries.extend(new);
        self.readings.extend(more.readings);
        self.receipts.extend(more.receipts);
        let new: Vec<_> =
            more.tokens.into_iter().filter(|token| !self.tokens.contains(token)).collect();
        self.tokens.extend(new);
        self
    }

    /// As it is stored; nothing for nothing.
    pub(super) fn text(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Self::text`] wrote.
    ///
    /// # Errors
    /// [`OfficeError::Stored`] for what it did not.
    pub(super) fn parse(text: &str) -> Result<Self, OfficeError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|_| OfficeError::Stored("review"))
    }
}

/// The entries that say that a token was sent, or may have been, oldest first, and the token.
pub(super) async fn of_token(conn: &mut Conn, token: TokenId) -> Result<Grounds, OfficeError> {
    let sql = "SELECT device, epoch, seq FROM event
               WHERE token = $1 AND kind IN ('intent', 'resend', 'outcome')
               ORDER BY device, epoch, seq LIMIT $2";
    let rows = query(sql).bind(token.to_string()).bind(MOST).fetch_all(conn).await?;
    let mut grounds = Grounds::tokens(&[token]);
    for row in &rows {
        let device: DeviceId = ledger::parsed(row, "device")?;
        let (epoch, seq) = (ledger::small(row, "epoch")?, ledger::counter(row, "seq")?);
        grounds = grounds.and_entry(&device, epoch, seq);
    }
    Ok(grounds)
}

/// A reading as a person entered it, or as it was known here: without a balance where nobody said.
pub(super) fn reading(
    source: &str,
    (meter, account): (MeterNo, crate::units::AccountNo),
    (count, balance): (u32, Option<i64>),
    (unit, at): (crate::units::CreditUnit, UnixSeconds),
) -> GroundReading {
    GroundReading {
        source: source.to_owned(),
        meter: meter.to_string(),
        account: Some(account.to_string()),
        count,
        balance,
        unit: super::model::unit_name(unit).to_owned(),
        read_at: at.0,
    }
}
