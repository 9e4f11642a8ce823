//! The office: issues tokens, takes in journals, keeps the ledger. Feature `office`; never part of
//! a field build.
//!
//! | module | what |
//! |---|---|
//! | [`model`] | its words: token states, conflict classes, movements |
//! | [`reconcile`] | what a journal entry does to a token and its money; pure |
//! | `db`, `cell`, `many` | SQLite and PostgreSQL behind one face |
//! | `ledger` | the database and its transactions (`schema.sql`, `indexes.sql`) |
//! | `apply`, `entry`, `book`, `exposure` | journal packs, one transaction each |
//! | `issue`, `meters`, `devices`, `review`, `report` | the desk |
//! | `swap`, `posting` | meters swapped with their balances; double entry |
//! | `people`, `grants`, `limits`, `status` | who may do what, how much, and until when |
//! | `lost` | what a lost handheld can cost at most, and fencing it |
//! | `shift`, `sales` | shifts closed at zero; what was sold, by day |
//! | `lists`, `orders`, `tables` | what the desk looks up; sales by list; files of all of it |
//! | `bundle` | sets of parameters, checked and signed |
//! | `pull`, `answer` | what a handheld asks |
//! | `metrics` | what a watcher is told |
//! | `backup` | backup and restore, and what a restored office does |
//! | `media` | the same over a stick or a folder |
//! | [`http`], [`tls`] | the server |
//! | `keys`, `custody` | keys outside the database, and their ceremonies |
//! | [`local`] | the office in a thread, for blocking callers |
//! | [`command`] | the command line |
//!
//! Money is double entry in integers: every movement has two legs that sum to zero, and all
//! postings together sum to zero per unit, always. One credit, out or in the meter, exists for each
//! step of each meter account; the database itself refuses a second one.

mod again;
mod ahead;
mod answer;
mod apply;
mod backup;
mod book;
mod bundle;
mod cell;
mod checkpoint;
mod clocks;
mod closing;
pub mod command;
mod custody;
mod db;
mod devices;
mod draft;
mod entry;
mod error;
mod excess;
mod export;
mod exposure;
mod grants;
mod grounds;
pub mod http;
mod issue;
mod keys;
mod ledger;
mod limits;
mod lists;
pub mod local;
mod lost;
mod many;
mod media;
mod meters;
mod metrics;
pub mod model;
mod online;
mod orders;
mod overdue;
mod parallel;
mod people;
mod posting;
mod proof;
mod pull;
pub mod reconcile;
mod report;
mod review;
mod round;
mod sales;
mod schema;
mod shift;
mod status;
mod swap;
pub mod tables;
pub mod tls;

pub use apply::Applied;
pub use backup::{Again, KeysFrom, Manifest, ToDo, Waiting, examine};
pub use bundle::{BundleInfo, NewBundle, SignedBundle};
pub use checkpoint::{CheckpointRow, Held};
pub use closing::{CloseMeter, ClosedMeter};
pub use custody::KeyRevoked;
pub use devices::{DeviceInfo, ForkRow, Offer, Offered};
pub use draft::Draft;
pub use error::OfficeError;
pub use export::ExportReport;
pub use grounds::{GroundEntry, GroundReading, GroundReceipt, Grounds};
pub use issue::{Deed, Issued, Order};
pub use keys::{
    Ask, Check, Cost, KeyInfo, MIN_PASSPHRASE, Purpose, RootChange, Sealed, Seeds, Setup,
    new_root_key, read_draft, read_sealed, sign_draft,
};
pub use limits::{Carried, Policy, PolicyChange};
pub use lists::{
    Ages, BundleSeen, KeptMeter, LostContact, MeterAge, MeterBundle, MeterFound, MeterSheet,
    PlaceState, RoundOdd, RoundPlace, RoundSheet, RoundState, Today, TokenAsk, TokenInfo,
};
pub use lost::{
    Fence, Fenced, Fencing, LostMeter, LostOperator, LostSheet, LostSwap, LostToken, LostWhy,
};
pub use media::{Letter, MediaReport};
pub use meters::NewMeter;
pub use online::{Ended, NewOnline, OnlineSale, OnlineShown};
pub use orders::{OrderList, OrderListInfo, OrderReport, OrderRow};
pub use people::{Granted, NewOperator, NewOverride, OperatorInfo, Overridden};
pub use proof::{MeterShows, Unused};
pub use report::{Balance, LedgerReport, MeterHeld};
pub use review::{ReviewRow, Verdict};
pub use round::{NewRound, RoundInfo, RoundOf};
pub use sales::{Period, SaleRow, SaleSum, SalesAsk, SalesBy};
pub use shift::{
    Next, SaidSum, Shift, ShiftDetail, ShiftHead, ShiftLine, ShiftOf, ShiftSaid, ShiftSum,
};
pub use swap::{LegInfo, NewSwap, SwapInfo, SwapIssued, SwapMove, SwapState, SwapTo};

use crate::units::UnixSeconds;
use keys::Keys;
use ledger::Ledger;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

const DATABASE: &str = "office.db";
/// Where the database is, when it is not in the folder.
const URL: &str = "database";
const KEYS: &str = "keys";

/// Tells the office the time.
pub type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// An office. Cheap to clone; clones are the same office.
#[derive(Clone)]
pub struct Office {
    ledger: Ledger,
    keys: Arc<RwLock<Keys>>,
    clock: Clock,
    metrics: Arc<metrics::Metrics>,
}

impl Office {
    /// Makes a new office in a folder. Its keys are unlocked until the process ends.
    ///
    /// # Errors
    /// [`OfficeError::AlreadyInitialised`]; a file or the database failed; no passphrase.
    pub async fn init(dir: &Path, setup: &Setup, ask: &Ask<'_>) -> Result<Self, OfficeError> {
        Self::init_on(dir, None, setup, ask).await
    }

    /// The same with the ledger in an empty database of PostgreSQL, by its URL. The URL is written
    /// into the folder, for this office alone to read; every later command finds it there.
    ///
    /// # Errors
    /// As [`Office::init`]; [`OfficeError::AlreadyInitialised`] for a database that holds an
    /// office;
    /// [`OfficeError::Usage`] for what is no such URL.
    pub async fn init_on(
        dir: &Path,
        database: Option<&str>,
        setup: &Setup,
        ask: &Ask<'_>,
    ) -> Result<Self, OfficeError> {
        let file = Self::place(dir)?;
        let clock = system_clock();
        let Some(url) = database else {
            let keys = Keys::create(&dir.join(KEYS), setup, clock().0, ask)?;
            return Self::begin(Ledger::open(&file, true).await?, keys, clock).await;
        };
        // Before there is anything in the folder: a URL with a slip of the pen is typed again.
        let ledger = Ledger::connect(url).await?;
        if ledger.holds_office().await? {
            return Err(OfficeError::AlreadyInitialised("the database".to_owned()));
        }
        let keys = Keys::create(&dir.join(KEYS), setup, clock().0, ask)?;
        keys::write_private(&dir.join(URL), format!("{url}\n").as_bytes())?;
        Self::begin(ledger, keys, clock).await
    }

    /// Spreads the largest tables of a ledger in PostgreSQL over partitions: at once after it was
    /// made, or while nothing else runs. Journals are spread by handheld, money by meter.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for a ledger in a file; the database failed, as it does for one that
    /// is spread already.
    pub async fn partition(&self, parts: u16) -> Result<(), OfficeError> {
        self.ledger.partition(parts).await
    }

    /// Opens the office in a folder. No key is unlocked: see [`Office::unlock`].
    ///
    /// # Errors
    /// [`OfficeError::NotInitialised`], [`OfficeError::KeysOlder`]; a file or the database failed.
    pub async fn open(dir: &Path) -> Result<Self, OfficeError> {
        Self::open_on(dir, None).await
    }

    /// The same with the ledger at another URL than the folder says: after it was moved, or for a
    /// copy of the folder on another machine.
    ///
    /// # Errors
    /// As [`Office::open`].
    pub async fn open_on(dir: &Path, database: Option<&str>) -> Result<Self, OfficeError> {
        let (file, url) = (dir.join(DATABASE), dir.join(URL));
        let none = || OfficeError::NotInitialised(dir.display().to_string());
        let ledger = if let Some(url) = database {
            Ledger::connect(url).await?
        } else if url.exists() {
            let text = std::fs::read_to_string(&url);
            let text = text.map_err(|error| OfficeError::File(url.display().to_string(), error))?;
            Ledger::connect(text.trim()).await?
        } else if file.exists() {
            Ledger::open(&file, false).await?
        } else {
            return Err(none());
        };
        if !ledger.holds_office().await? {
            return Err(none());
        }
        let tenant = ledger.tenant().await?;
        let keys = Keys::open(&dir.join(KEYS), &tenant)?;
        let keys = Arc::new(RwLock::new(keys));
        let metrics = Arc::default();
        let office = Self { ledger, keys, clock: system_clock(), metrics };
        office.check_not_older().await?;
        Ok(office)
    }

    /// An office with its ledger in an empty database of PostgreSQL and keys of given seeds.
    ///
    /// # Errors
    /// The database failed, or the tenant's name is not one.
    pub async fn in_database(
        url: &str,
        tenant: &str,
        seeds: Seeds,
        clock: Clock,
    ) -> Result<Self, OfficeError> {
        let keys = Keys::of_seeds(&seeds, tenant, clock().0)?;
        Self::begin(Ledger::connect(url).await?, keys, clock).await
    }

    /// The same office on a database that lets commits fail as a distributed one may (SQLSTATE
    /// 40001, nothing done) whenever `conflicts` says so: to test against.
    #[must_use]
    pub fn with_conflicts(self, conflicts: Arc<dyn Fn() -> bool + Send + Sync>) -> Self {
        Self { ledger: self.ledger.strict(again::Conflicts(conflicts)), ..self }
    }

    /// An office that lives in memory with keys of given seeds.
    ///
    /// # Errors
    /// The database failed, or the tenant's name is not one.
    pub async fn in_memory(tenant: &str, seeds: Seeds, clock: Clock) -> Result<Self, OfficeError> {
        let keys = Keys::of_seeds(&seeds, tenant, clock().0)?;
        Self::begin(Ledger::in_memory().await?, keys, clock).await
    }

    /// An office with its ledger in a new file and keys of given seeds: to test with.
    ///
    /// # Errors
    /// The database failed, or the tenant's name is not one.
    pub async fn in_file(
        file: &Path,
        tenant: &str,
        seeds: Seeds,
        clock: Clock,
    ) -> Result<Self, OfficeError> {
        let keys = Keys::of_seeds(&seeds, tenant, clock().0)?;
        Self::begin(Ledger::open(file, true).await?, keys, clock).await
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
        if file.exists() || dir.join(URL).exists() || dir.join(KEYS).exists() {
            return Err(OfficeError::AlreadyInitialised(dir.display().to_string()));
        }
        Ok(file)
    }

    async fn begin(ledger: Ledger, keys: Keys, clock: Clock) -> Result<Self, OfficeError> {
        ledger.create(keys.tenant()).await?;
        let (keys, metrics) = (Arc::new(RwLock::new(keys)), Arc::default());
        let office = Self { ledger, keys, clock, metrics };
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
