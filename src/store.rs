//! The handheld's memory: a journal that is the truth, snapshots of signed documents, and an index
//! that can be deleted at any time.
//!
//! ```text
//! <folder>/lock                     one process at a time
//!          identity                 who this handheld is
//!          journal/*.mkj            what happened: append, fdatasync, only then act
//!          snapshots/*              documents as the office sent them; area list; `acked`
//!          index/                   sled; rebuilt from journal and snapshots
//! ```
//!
//! All of it is sealed with the store's key (`docs/store-format.md` says what stays in clear).
//!
//! | module | what |
//! |---|---|
//! | [`event`], [`rows`], [`error`] | the program's types: entries, answers, refusals |
//! | [`schema`] | versions and limits |
//! | [`records`] | the versioned form of all of it on disk |
//! | [`disk`] | the door to the file system, where tests stand |
//! | [`segment`], [`chain`], [`walk`], [`journal`] | frames, files, reading, appending |
//! | [`kv`], [`index`], [`runs`], [`state`] | the index |
//! | [`rules`], [`project`] | what may be recorded; what an entry changes |
//! | [`swap`] | a swap's leave, and the legs its money moves in |
//! | [`seal`], [`files`] | sealing; small sealed files |
//! | [`identity`], [`snapshots`], [`area`] | what is in them |
//! | [`vault`] | the store's key, wrapped for each operator |
//! | [`open`], [`rebuild`], [`query`], [`trust`] | opening, building the index again, answering |
//!
//! Who holds a [`Store`] may use it from any thread; writing is one at a time. Nothing here looks
//! at a clock but for the stamp of a cut tail. Expiry is checked against the caller's stamp.

pub mod area;
pub mod bundles;
pub mod chain;
pub mod disk;
mod errands;
pub mod error;
pub mod event;
mod filed;
pub mod files;
pub mod identity;
mod import;
pub mod index;
pub mod journal;
pub mod kv;
pub mod open;
pub mod project;
pub mod query;
pub mod rebuild;
mod recorded;
pub mod records;
pub mod rounds;
pub mod rows;
pub mod rules;
pub mod runs;
pub mod schema;
pub mod seal;
pub mod segment;
pub mod snapshots;
pub mod state;
pub mod swap;
pub mod trust;
pub mod vault;
pub mod walk;
mod write;

pub use bundles::{BundleRow, BundleTaken};
pub use error::{Damage, StoreError, Why};
pub use event::{
    Acceptance, DocKind, Event, LogOut, Position, RawRecord, Reading, Recorded, ShiftSummary,
    Shown, Stamp, Step, SwapFacts, SwapFixed, TokenFacts, Withdrawal,
};
pub use identity::Identity;
pub use open::{IndexKind, Options};
pub use rounds::{RoundRow, RoundTaken};
pub use rows::{
    AreaMeter, AreaPage, Bounds, ClockMemory, Cut, GrantRow, Imported, MarkRow, MeterRow,
    OpenIntent, Opened, OverrideRow, Seen, StepRow, Summary, TokenRow, TokenState, Verified,
};
pub use schema::MAX_SENDS;
pub use seal::StoreKey;
pub use swap::SwapRow;

use crate::units::{MeterNo, TokenId};
use chain::Chain;
use files::Files;
use index::Index;
use journal::Journal;
use kv::IndexError;
use records::decode_body;
use state::State;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// The store: a handle that can be cloned and sent to other threads.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    options: Options,
    identity: Identity,
    files: Files,
    chain: Arc<Chain>,
    writer: Mutex<Writer>,
    /// Held while an area list is installed.
    area: Mutex<()>,
    index: RwLock<Arc<Index>>,
    state: RwLock<State>,
    stopped: RwLock<Option<Why>>,
    _lock: disk::DiskLock,
}

/// What only the one who writes may touch.
struct Writer {
    journal: Journal,
    /// Whether journal and index were checked from end to end in this process; before money moves.
    checked: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.identity.wipe();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

impl Store {
    /// Whether a folder holds the store of an enrolled handheld, whatever its key.
    pub fn exists(dir: &Path) -> bool {
        identity::exists(&disk::RealDisk, dir)
    }

    /// Enrols: makes the store in a folder, which is created if it is not there, sealed with a key.
    ///
    /// # Errors
    /// [`StoreError::AlreadyEnrolled`], [`StoreError::Locked`], [`StoreError::Damaged`] for a
    /// journal without an identity, and those of the disk. An enrolment that was cut short can be
    /// repeated, with another key too.
    pub fn create(
        dir: &Path,
        identity: Identity,
        stamp: &Stamp,
        key: &StoreKey,
    ) -> Result<Self, StoreError> {
        Self::create_with(dir, identity, stamp, key, Options::default())
    }

    /// As [`Store::create`], on a disk and an index of the caller's choice.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create_with(
        dir: &Path,
        mut identity: Identity,
        stamp: &Stamp,
        key: &StoreKey,
        options: Options,
    ) -> Result<Self, StoreError> {
        let created = open::create(dir, &identity, stamp, key, &options);
        identity.wipe();
        created?;
        Ok(Self::open_with(dir, key, options)?.0)
    }

    /// Opens the store of an enrolled handheld. Damage does not stop it: see [`Opened::read_only`].
    ///
    /// # Errors
    /// [`StoreError::NotEnrolled`], [`StoreError::Sealed`] for another key: then nothing on the
    /// disk was changed; [`StoreError::Locked`], [`StoreError::Newer`], [`StoreError::Damaged`] if
    /// the identity cannot be read, and those of the disk.
    pub fn open(dir: &Path, key: &StoreKey) -> Result<(Self, Opened), StoreError> {
        Self::open_with(dir, key, Options::default())
    }

    /// As [`Store::open`], on a disk and an index of the caller's choice.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(
        dir: &Path,
        key: &StoreKey,
        options: Options,
    ) -> Result<(Self, Opened), StoreError> {
        let parts = open::open(dir, key, &options)?;
        let inner = Inner {
            options,
            identity: parts.identity,
            files: parts.files,
            chain: parts.chain,
            dir: dir.to_owned(),
            writer: Mutex::new(Writer { journal: parts.journal, checked: false }),
            area: Mutex::new(()),
            index: RwLock::new(Arc::new(parts.index)),
            state: RwLock::new(parts.state),
            stopped: RwLock::new(parts.stopped),
            _lock: parts.lock,
        };
        Ok((Self { inner: Arc::new(inner) }, parts.opened))
    }

    /// Who this handheld is.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// The place before the first entry: what an office that knows nothing yet acknowledges.
    pub fn origin(&self) -> Position {
        let life = &self.inner.chain.life;
        Position { epoch: life.epoch, seq: 0, hash: life.genesis() }
    }

    /// Checks every entry from the first to the newest: checksums, chain, order of the files.
    /// Writing waits meanwhile.
    ///
    /// # Errors
    /// [`Damage`]: the first place that cannot be right. Money is stopped from then on.
    pub fn verify(&self) -> Result<Verified, Damage> {
        let writer = self.inner.writer();
        self.inner.verify(&writer)
    }

    /// The figures of the store, without counting anything.
    pub fn summary(&self) -> Summary {
        self.inner.state().summary()
    }

    /// A token.
    pub fn token(&self, id: TokenId) -> Option<TokenRow> {
        self.inner.ask(|index| index.token(id))
    }

    /// A page of tokens by id, those after `after`.
    pub fn tokens(&self, after: Option<TokenId>, limit: usize) -> Vec<TokenRow> {
        self.inner.ask(|index| query::tokens(index, after, limit))
    }

    /// A meter's tokens, oldest step first.
    pub fn tokens_for(&self, meter: MeterNo) -> Vec<TokenRow> {
        self.inner.ask(|index| query::tokens_for(index, meter))
    }

    /// A meter, if the area list or the journal knows it.
    pub fn meter(&self, no: MeterNo) -> Option<MeterRow> {
        self.inner.ask(|index| self.inner.meters(index).meter(no))
    }

    /// A page of the area list by number, those after `after`.
    pub fn meters(&self, after: Option<MeterNo>, limit: usize) -> Vec<MeterRow> {
        self.inner.ask(|index| self.inner.meters(index).meters(after, limit))
    }

    /// Meters of the area list whose number ends or begins with the text, or whose customer or
    /// location begins with it, in that order; upper and lower case are the same.
    pub fn find_meters(&self, text: &str, limit: usize) -> Vec<MeterRow> {
        self.inner.ask(|index| self.inner.meters(index).find(text, limit))
    }

    /// A meter's open recharge.
    pub fn open_intent(&self, meter: MeterNo) -> Option<OpenIntent> {
        self.inner.ask(|index| index.open_intent(meter))
    }

    /// All open recharges, by meter.
    pub fn open_intents(&self) -> Vec<OpenIntent> {
        self.inner.ask(query::open_intents)
    }

    /// Entries from a sequence number on, oldest first. Stops early at an entry that cannot be
    /// read; money is stopped then.
    pub fn events(&self, from_seq: u64, limit: usize) -> Vec<Recorded> {
        let limit = limit.min(schema::MAX_ROWS);
        let mut out = Vec::new();
        self.inner.walk(from_seq, |record| {
            let Some(body) = decode_body(&record.body).ok().filter(|b| b.seq == record.seq) else {
                return false;
            };
            if out.len() < limit {
                let (stamp, event) = (body.stamp, body.event);
                out.push(Recorded { seq: record.seq, stamp, event, hash: record.hash });
            }
            out.len() < limit
        });
        out
    }

    /// A meter's entries.
    pub fn events_for(&self, meter: MeterNo, newest_first: bool, limit: usize) -> Vec<Recorded> {
        let chain = &self.inner.chain;
        self.inner.ask(|index| query::events_for(index, chain, meter, newest_first, limit))
    }

    /// Entries as they lie on disk, from a sequence number on, up to `max_bytes` of bodies, but at
    /// least one if there is one.
    pub fn raw_events(&self, from_seq: u64, max_bytes: usize) -> Vec<RawRecord> {
        let (mut out, mut size) = (Vec::new(), 0usize);
        self.inner.walk(from_seq, |record| {
            size = size.saturating_add(record.body.len());
            let fits = out.is_empty() || size <= max_bytes;
            if fits {
                out.push(record);
            }
            fits
        });
        out
    }

    /// Keeps a signed document of the office under a name, in place of the one before.
    ///
    /// # Errors
    /// [`StoreError::Name`], [`StoreError::TooBig`], [`StoreError::DiskFull`],
    /// [`StoreError::Failed`].
    pub fn put_snapshot(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let _one_at_a_time = self.inner.writer();
        snapshots::put(&self.inner.files, name, bytes)
    }

    /// Removes the document under a name, if there is one. Failing to costs only space.
    pub fn drop_snapshot(&self, name: &str) {
        let _one_at_a_time = self.inner.writer();
        snapshots::remove(&self.inner.files, name);
    }

    /// Removes the documents under all names that begin so. Failing to costs only space.
    pub fn drop_snapshots(&self, begin: &str) {
        let _one_at_a_time = self.inner.writer();
        for name in snapshots::begun_with(&self.inner.files, begin) {
            snapshots::remove(&self.inner.files, &name);
        }
    }

    /// The document under a name.
    pub fn snapshot(&self, name: &str) -> Option<Vec<u8>> {
        snapshots::get(&self.inner.files, name)
    }

    /// Makes a list of pages the area list. It is in force when this returns, and after any crash
    /// either the old one or the new one is, whole.
    ///
    /// # Errors
    /// [`StoreError::Area`] for a list that cannot be taken, and those of the disk; then the old
    /// list stays in force.
    pub fn install_area(&self, version: u64, pages: &[AreaPage]) -> Result<(), StoreError> {
        self.inner.install_area(version, pages)
    }

    /// A page of the area list in force, with its signed document.
    pub fn area_page(&self, number: u32) -> Option<AreaPage> {
        let files = &self.inner.files;
        let list = area::manifest(files).filter(|list| number < list.pages)?;
        area::page(files, list.version, number)
    }

    /// Hands what the index holds back to the operating system. Nothing depends on it; it shortens
    /// the next opening.
    pub fn flush(&self) {
        // An index that cannot be flushed shows at the next opening and is built again.
        let _ = self.inner.index().flush();
    }
}

impl Inner {
    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic elsewhere leaves the journal as it was: it is only changed after a write.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> Arc<Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn meters<'a>(&'a self, index: &'a Index) -> query::Area<'a> {
        query::Area { index, version: self.state().area_version, chain: &self.chain }
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stopped(&self) -> Option<Why> {
        self.stopped.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the index; if it fails it is built again and asked once more.
    fn ask<T: Default>(&self, question: impl Fn(&Index) -> Result<T, IndexError>) -> T {
        let index = self.index();
        match question(&index) {
            Ok(answer) => answer,
            Err(_) => {
                let mut writer = self.writer();
                // Somebody else may have mended it while this thread waited.
                if Arc::ptr_eq(&index, &self.index()) {
                    drop(index);
                    self.heal(&mut writer);
                }
                question(&self.index()).unwrap_or_default()
            }
        }
    }

    fn walk(&self, from: u64, take: impl FnMut(RawRecord) -> bool) {
        let (index, head) = (self.index(), self.state().head);
        if let Err(damage) = query::walk(&index, &self.chain, head, from, take) {
            self.stop(Why::Damaged(damage));
        }
    }
}
