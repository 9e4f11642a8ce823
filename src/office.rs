//! The office: issues tokens, takes in journals, keeps the ledger. Feature `office`; never part of
//! a field build.
//!
//! | module | what |
//! |---|---|
//! | [`model`] | its words: token states, conflict classes, movements |
//! | [`reconcile`] | what a journal entry does to a token and its money; pure |
//! | `ledger` | the database and its transactions (`schema.sql`) |
//! | `apply`, `entry` | journal packs, one transaction each |
//! | `issue`, `meters`, `devices`, `review`, `report` | the desk |
//! | `people`, `limits`, `status` | who may do what, how much, and until when |
//! | `bundle` | sets of parameters, checked and signed |
//! | `pull`, `answer` | what a handheld asks |
//! | `media` | the same over a stick or a folder |
//! | [`http`], [`tls`] | the server |
//! | `keys`, `custody` | keys outside the database, and their ceremonies |
//! | [`local`] | the office in a thread, for blocking callers |
//! | [`command`] | the command line |
//!
//! Money is double entry in integers: every movement has two legs that sum to zero, and all
//! postings together sum to zero per unit, always. One credit, out or in the meter, exists for each
//! step of each meter account; the database itself refuses a second one.

mod answer;
mod apply;
mod bundle;
pub mod command;
mod custody;
mod devices;
mod entry;
mod error;
mod export;
pub mod http;
mod issue;
mod keys;
mod ledger;
mod limits;
pub mod local;
mod media;
mod meters;
pub mod model;
mod people;
mod pull;
pub mod reconcile;
mod report;
mod review;
mod status;
pub mod tls;

pub use apply::Applied;
pub use bundle::{NewBundle, SignedBundle};
pub use custody::KeyRevoked;
pub use devices::{DeviceInfo, ForkRow, Offer, Offered};
pub use error::OfficeError;
pub use export::ExportReport;
pub use issue::{Deed, Issued, Order};
pub use keys::{
    Ask, Check, Cost, KeyInfo, MIN_PASSPHRASE, Purpose, RootChange, Sealed, Seeds, Setup,
    new_root_key, read_draft, read_sealed, sign_draft,
};
pub use limits::{Carried, Policy, PolicyChange};
pub use media::{Letter, MediaReport};
pub use meters::NewMeter;
pub use people::{Granted, NewOperator, NewOverride, OperatorInfo, Overridden};
pub use report::{Balance, LedgerReport, MeterHeld};
pub use review::{ReviewRow, Verdict};

use crate::units::UnixSeconds;
use keys::Keys;
use ledger::Ledger;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

const DATABASE: &str = "office.db";
const KEYS: &str = "keys";

/// Tells the office the time.
pub type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// An office. Cheap to clone; clones are the same office.
#[derive(Clone)]
pub struct Office {
    ledger: Ledger,
    keys: Arc<RwLock<Keys>>,
    clock: Clock,
}

impl Office {
    /// Makes a new office in a folder. Its keys are unlocked until the process ends.
    ///
    /// # Errors
    /// [`OfficeError::AlreadyInitialised`]; a file or the database failed; no passphrase.
    pub async fn init(dir: &Path, setup: &Setup, ask: &Ask<'_>) -> Result<Self, OfficeError> {
        let file = Self::place(dir)?;
        let clock = system_clock();
        let keys = Keys::create(&dir.join(KEYS), setup, clock().0, ask)?;
        Self::begin(Ledger::open(&file, true).await?, keys, clock).await
    }

    /// Opens the office in a folder. No key is unlocked: see [`Office::unlock`].
    ///
    /// # Errors
    /// [`OfficeError::NotInitialised`], [`OfficeError::KeysOlder`]; a file or the database failed.
    pub async fn open(dir: &Path) -> Result<Self, OfficeError> {
        let file = dir.join(DATABASE);
        if !file.exists() {
            return Err(OfficeError::NotInitialised(dir.display().to_string()));
        }
        let ledger = Ledger::open(&file, false).await?;
        let tenant = ledger.tenant().await?;
        let keys = Keys::open(&dir.join(KEYS), &tenant)?;
        let keys = Arc::new(RwLock::new(keys));
        let office = Self { ledger, keys, clock: system_clock() };
        office.check_not_older().await?;
        Ok(office)
    }

    /// An office that lives in memory with keys of given seeds.
    ///
    /// # Errors
    /// The database failed, or the tenant's name is not one.
    pub async fn in_memory(tenant: &str, seeds: Seeds, clock: Clock) -> Result<Self, OfficeError> {
        let keys = Keys::of_seeds(&seeds, tenant, clock().0)?;
        Self::begin(Ledger::in_memory().await?, keys, clock).await
    }

    /// An office whose ledger is in a folder and whose keys are in memory alone: for the demo. It
    /// cannot be opened again.
    ///
    /// # Errors
    /// [`OfficeError::AlreadyInitialised`]; the database failed.
    pub async fn throwaway(dir: &Path, tenant: &str) -> Result<Self, OfficeError> {
        let file = Self::place(dir)?;
        let clock = system_clock();
        let keys = Keys::of_seeds(&Seeds::draw()?, tenant, clock().0)?;
        Self::begin(Ledger::open(&file, true).await?, keys, clock).await
    }

    /// Where the database of a new office is to be.
    fn place(dir: &Path) -> Result<std::path::PathBuf, OfficeError> {
        let file = dir.join(DATABASE);
        if file.exists() || dir.join(KEYS).exists() {
            return Err(OfficeError::AlreadyInitialised(dir.display().to_string()));
        }
        Ok(file)
    }

    async fn begin(ledger: Ledger, keys: Keys, clock: Clock) -> Result<Self, OfficeError> {
        ledger.create(keys.tenant()).await?;
        let office = Self { ledger, keys: Arc::new(RwLock::new(keys)), clock };
        office.note_keys().await?;
        Ok(office)
    }

    /// The keys, to read. Never held across a wait.
    fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys, to change. Never held across a wait.
    fn keys_mut(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same office with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Whose office this is.
    pub fn tenant(&self) -> String {
        self.keys().tenant().to_owned()
    }

    /// The first root's hash in short, for a person to compare with what a new handheld shows.
    pub fn fingerprint(&self) -> String {
        let hash = self.keys().first_root();
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
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
