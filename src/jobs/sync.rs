//! One exchange with the office.

use std::sync::atomic::AtomicBool;

use meterkit_tokens::DeviceKey;

use super::views::{Failure, Stage, SyncView};
use super::{SystemClock, failure, trust};
use crate::store::{Stamp, Store};
use crate::sync::client::{self, Progress, SyncReport};
use crate::sync::wire::EntryOutcome;
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
    let identity = store.identity();
    let key = DeviceKey::generate(identity.device_seed);
    let stamp = || Stamp {
        at: SystemClock::utc(),
        boot_ms: SystemClock::uptime_ms(),
        operator: operator.to_owned(),
    };
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let mut told = |at: Progress| match at {
        Progress::Hello => progress(Stage::Syncing, 0, 0),
        Progress::Packs(done, of) => progress(Stage::Syncing, count(done), count(of)),
        Progress::Tokens(taken) => progress(Stage::Syncing, taken, 0),
        Progress::Area(done, of) => progress(Stage::Syncing, count(done as u64), count(of as u64)),
        Progress::Bye => progress(Stage::Syncing, 1, 1),
    };
    let floor = trust::floor(store, &trust::read(store), SystemClock::uptime_ms());
    client::sync_now(store, &key, floor, &stamp, cancel, &mut told)
        .map_err(|error| failure::sync(&error))
}

/// Entries the office gave to a person: which, its conflict class, and what the office says of it.
pub fn reviews(report: &SyncReport) -> Vec<(u64, String, String)> {
    let review = |(entry, outcome): &(u64, EntryOutcome)| match outcome {
        EntryOutcome::Review(says) => {
            let (class, why) = says.split_once(' ').unwrap_or((says, ""));
            Some((*entry, class.to_owned(), why.to_owned()))
        }
        _ => None,
    };
    report.outcomes.iter().filter_map(review).collect()
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
    }
}
