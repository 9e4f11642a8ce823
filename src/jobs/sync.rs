//! One exchange with the office: over the line, or over a stick or a shared folder.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use meterkit_tokens::DeviceKey;

use super::views::{Failure, MediumView, Stage, SyncView};
use super::{SystemClock, failure, trust};
use crate::store::{Stamp, Store};
use crate::sync::client::{self, Progress};
use crate::sync::{self, Session, SyncError};

pub use crate::sync::Carried;
pub use crate::sync::client::SyncReport;
use crate::units::{CreditUnit, Money};

/// Exchanges with the office named in the enrolment; the full report.
///
/// # Errors
/// Codes of the office area. What was acknowledged before the error stays so; trying again is safe.
pub fn exchange(
    store: &Store,
    operator: &str,
    cancel: &AtomicBool,
    progress: &mut dyn FnMut(Stage, u32, u32),
) -> Result<SyncReport, Failure> {
    let key = DeviceKey::generate(store.identity().device_seed);
    let stamp = || stamp(operator);
    let mut told = |at: Progress| tell(progress, at);
    let floor = trust::floor(store, &trust::read(store), SystemClock::uptime_ms());
    client::sync_now(store, &key, floor, &stamp, cancel, &mut told)
        .map_err(|error| failure::sync(&error))
}

/// The same over files: takes what the office left in a folder for this handheld, and leaves there
/// all that the office has not acknowledged. Both are sealed; whoever carries them reads nothing.
///
/// # Errors
/// [`Code::File`](crate::report::Code::File) for a stick or folder that cannot be read or written;
/// the office's codes for a parcel that says this journal is not what the office knows.
pub fn carry(
    store: &Store,
    operator: &str,
    dir: &Path,
    cancel: &AtomicBool,
    progress: &mut dyn FnMut(Stage, u32, u32),
) -> Result<Carried, Failure> {
    let key = DeviceKey::generate(store.identity().device_seed);
    let stamp = || stamp(operator);
    let nobody = |_: &str, _: &[u8]| Err(SyncError::Cancelled);
    let session = Session { store, key: &key, post: &nobody, stamp: &stamp, cancel };
    sync::carry(&session, dir, &mut |at| tell(progress, at)).map_err(|error| failure::sync(&error))
}

fn stamp(operator: &str) -> Stamp {
    Stamp {
        at: SystemClock::utc(),
        boot_ms: SystemClock::uptime_ms(),
        operator: operator.to_owned(),
    }
}

fn tell(progress: &mut dyn FnMut(Stage, u32, u32), at: Progress) {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    match at {
        Progress::Hello => progress(Stage::Syncing, 0, 0),
        Progress::Packs(done, of) => progress(Stage::Syncing, count(done), count(of)),
        Progress::Tokens(taken) => progress(Stage::Syncing, taken, 0),
        Progress::Area(done, of) => progress(Stage::Syncing, count(done as u64), count(of as u64)),
        Progress::Bye => progress(Stage::Syncing, 1, 1),
    }
}

/// The report in the figures a screen shows.
pub fn view(report: &SyncReport) -> SyncView {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let yuan = report.still_out.iter().filter(|credit| credit.unit == CreditUnit::Yuan);
    SyncView {
        sent: report.sent,
        tokens: report.tokens,
        meters: count(report.meters.unwrap_or(0)),
        review: count(report.review()),
        clock_s: report.clock_s,
        still_out: Money(yuan.map(|credit| credit.value).sum()),
        medium: None,
    }
}

/// What lies on a stick or folder now, in the figures a screen shows.
pub fn carried_view(dir: &Path, done: &Carried) -> SyncView {
    let unread = done.unread.iter().map(|(name, error)| (name.clone(), failure::sync(error)));
    let medium = MediumView {
        dir: dir.to_owned(),
        entries: done.entries,
        letters: done.letters,
        taken: done.taken.is_some(),
        unread: unread.collect(),
    };
    let view = done.taken.as_ref().map(view).unwrap_or_default();
    SyncView { medium: Some(medium), ..view }
}
