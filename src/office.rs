//! The office: issues tokens, takes in journals, keeps the ledger. Feature `office`; never part of
//! a field build.
//!
//! | module | what |
//! |---|---|
//! | [`model`] | its words: token states, conflict classes, movements |
//! | [`reconcile`] | what a journal entry does to a token and its money; pure |
//! | `ledger` | the database and its transactions (`schema.sql`) |
//! | `apply` | journal packs, one transaction each |
//! | `issue`, `meters`, `devices`, `review`, `report` | the desk |
//! | `pull`, `answer` | what a handheld asks |
//! | [`http`] | the server |
//! | `keys` | signing keys, outside the database |
//! | [`local`] | the office in a thread, for blocking callers |
//! | [`command`] | the command line |
//!
//! Money is double entry in integers: every movement has two legs that sum to zero, and all
//! postings together sum to zero per unit, always. One credit, out or in the meter, exists for each
//! step of each meter account; the database itself refuses a second one.

mod answer;
mod apply;
pub mod command;
mod devices;
mod error;
pub mod http;
mod issue;
mod keys;
mod ledger;
pub mod local;
mod meters;
pub mod model;
mod pull;
pub mod reconcile;
mod report;
mod review;

pub use apply::Applied;
pub use devices::DeviceInfo;
pub use error::OfficeError;
pub use issue::{Issued, Order};
pub use meters::NewMeter;
pub use report::{Balance, LedgerReport, MeterHeld};
pub use review::{ReviewRow, Verdict};

use crate::units::UnixSeconds;
use keys::Keys;
use ledger::Ledger;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const DATABASE: &str = "office.db";
const KEYS: &str = "keys";

/// Tells the office the time.
pub type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// An office. Cheap to clone; clones are the same office.
#[derive(Clone)]
pub struct Office {
    ledger: Ledger,
    keys: Arc<Keys>,
    clock: Clock,
}

impl Office {
    /// Makes a new office in a folder.
    ///
    /// # Errors
    /// [`OfficeError::AlreadyInitialised`]; a file or the database failed.
    pub async fn init(dir: &Path, tenant: &str) -> Result<Self, OfficeError> {
        let file = dir.join(DATABASE);
        if file.exists() || dir.join(KEYS).exists() {
            return Err(OfficeError::AlreadyInitialised(dir.display().to_string()));
        }
        let clock = system_clock();
        let keys = Keys::create(&dir.join(KEYS), tenant, clock().0)?;
        let ledger = Ledger::open(&file, true).await?;
        ledger.create(tenant).await?;
        Ok(Self { ledger, keys: Arc::new(keys), clock })
    }

    /// Opens the office in a folder.
    ///
    /// # Errors
    /// [`OfficeError::NotInitialised`]; a file or the database failed.
    pub async fn open(dir: &Path) -> Result<Self, OfficeError> {
        let file = dir.join(DATABASE);
        if !file.exists() {
            return Err(OfficeError::NotInitialised(dir.display().to_string()));
        }
        let clock = system_clock();
        let ledger = Ledger::open(&file, false).await?;
        let tenant = ledger.tenant().await?;
        let keys = Keys::open(&dir.join(KEYS), &tenant, clock().0)?;
        Ok(Self { ledger, keys: Arc::new(keys), clock })
    }

    /// An office that lives in memory with keys of given seeds (root, issuer, status).
    ///
    /// # Errors
    /// The database failed, or the tenant's name is not one.
    pub async fn in_memory(
        tenant: &str,
        seeds: [[u8; 32]; 3],
        clock: Clock,
    ) -> Result<Self, OfficeError> {
        let keys = Keys::from_seeds(seeds, tenant, 1, clock().0)?;
        let ledger = Ledger::in_memory().await?;
        ledger.create(tenant).await?;
        Ok(Self { ledger, keys: Arc::new(keys), clock })
    }

    /// The same office with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Whose office this is.
    pub fn tenant(&self) -> &str {
        self.keys.tenant()
    }

    /// The root key in short, for a person to compare with what a new handheld shows.
    pub fn fingerprint(&self) -> String {
        self.keys.root().kid().to_string()
    }

    /// The office's time.
    pub fn now(&self) -> UnixSeconds {
        (self.clock)()
    }

    /// Waits for running statements and closes the database.
    pub async fn close(&self) {
        self.ledger.close().await;
    }
}

fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixSeconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    })
}
