//! One exchange with the office: over the line, or over a stick or a shared folder.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use meterkit_tokens::DeviceKey;

use super::round::given;
use super::views::{Failure, MediumView, Stage, SyncView};
use super::{SystemClock, failure, trust};
use crate::report::Code;
use crate::store::{Stamp, Store};
use crate::sync::client::{self, Progress};
use crate::sync::wire::EntryOutcome;
use crate::sync::{self, Session, SyncError};

pub use crate::sync::Carried;
pub use crate::sync::client::SyncReport;
use crate::units::{CreditUnit, Money, UnixSeconds};

/// Exchanges with the office named in the enrolment; the full report.
///
/// # Errors
/// Codes of the office area. What was acknowledged before the error stays so; trying again is safe.
pub fn exchange(
    store: &Store,
    operator: &str,
    link: Link,
    cancel: &AtomicBool,
    progress: &mut dyn FnMut(Stage, u32, u32),
) -> Result<SyncReport, Failure> {
    let budget = link.budget(used_today(store));
    let key = DeviceKey::generate(store.identity().device_seed);
    let stamp = || stamp(operator);
    let mut told = |at: Progress| tell(progress, at);
    let floor = trust::floor(store, &trust::read(store), SystemClock::uptime_ms());
    let mut spent = 0;
    let limits = (cancel, budget, &mut spent);
    let report = client::sync_now(store, &key, floor, &stamp, limits, &mut told)
        .map_err(|error| failure::sync(&error));
    if spent > 0 {
        note_used(store, spent);
    }
    note_attempt(store, report.as_ref().err());
    given::let_go(store);
    report
}

/// The snapshot that remembers exchanges nobody answered: how many in a row, until when to wait,
/// and the code of the last.
const AGAIN: &str = "sync-again";

/// Exchanges nobody answered, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// How many.
    pub attempts: u32,
    /// When the next one makes sense, by the handheld's clock; sooner is allowed.
    pub due: UnixSeconds,
    /// Why the last one failed.
    pub why: Code,
}

/// What is remembered of exchanges nobody answered; `None` after one that came to an end.
pub fn again(store: &Store) -> Option<Again> {
    let text = store.snapshot(AGAIN).and_then(|bytes| String::from_utf8(bytes).ok())?;
    let mut parts = text.split(' ');
    let (attempts, due) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let why = parts.next()?;
    let why = Code::ALL.iter().copied().find(|code| code.as_str() == why)?;
    Some(Again { attempts, due: UnixSeconds(due), why })
}

/// Remembers how an exchange ended. A store that takes nothing more loses this, and nothing else.
fn note_attempt(store: &Store, failure: Option<&Failure>) {
    let before = again(store).map_or(0, |again| again.attempts);
    let text = match failure.filter(|failure| may_answer_later(failure)) {
        Some(failure) => {
            let wait = i64::try_from(pause_s(before, chance())).unwrap_or(i64::MAX);
            let due = SystemClock::utc().0.saturating_add(wait);
            format!("{} {due} {}", before.saturating_add(1), failure.code.as_str())
        }
        None if before == 0 => return,
        None => String::new(),
    };
    let _ = store.put_snapshot(AGAIN, text.as_bytes());
}

/// A number from 0 to 255 nobody can foresee; the middle where the system gives none.
pub fn chance() -> u8 {
    let mut byte = [128];
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

/// What may go over the line to the office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Link {
    /// Most KB in this exchange.
    pub once_kb: Option<u32>,
    /// Most KB in a day of UTC.
    pub day_kb: Option<u32>,
}

impl Link {
    /// The bytes this exchange may use, after so many went today; `None` without a limit.
    fn budget(self, used: u64) -> Option<u64> {
        let bytes = |kb: u32| u64::from(kb) * 1024;
        let day = self.day_kb.map(|kb| bytes(kb).saturating_sub(used));
        [self.once_kb.map(bytes), day].into_iter().flatten().min()
    }
}

/// The snapshot that remembers what went over the line today: the day, and bytes.
const USED: &str = "link-used";

fn today() -> i64 {
    SystemClock::utc().0.div_euclid(86_400)
}

/// What went over the line today, in exchanges that broke off, too.
fn used_today(store: &Store) -> u64 {
    let text = store.snapshot(USED).and_then(|bytes| String::from_utf8(bytes).ok());
    let used = text.as_deref().and_then(|text| text.split_once(' '));
    let used = used.and_then(|(day, bytes)| Some((day.parse().ok()?, bytes.parse().ok()?)));
    used.filter(|(day, _): &(i64, u64)| *day == today()).map_or(0, |(_, bytes)| bytes)
}

/// A store that takes nothing more loses the count, and nothing else.
fn note_used(store: &Store, bytes: u64) {
    let sum = used_today(store).saturating_add(bytes);
    let _ = store.put_snapshot(USED, format!("{} {sum}", today()).as_bytes());
}

/// How long to wait before another attempt, seconds: twice as long each time, up to five minutes,
/// and between half and the whole of it by `chance`, so that the handhelds of a town do not come
/// back together when its network does.
pub fn pause_s(attempt: u32, chance: u8) -> u64 {
    const FIRST_S: u64 = 4;
    const LONGEST_S: u64 = 300;
    let whole = FIRST_S.saturating_mul(1 << attempt.min(16)).min(LONGEST_S);
    whole / 2 + whole / 2 * u64::from(chance) / 255
}

/// Whether another attempt makes sense: nobody answered, or the office asks to come back. A lie, a
/// refusal or a store that fails is the same the next time.
pub fn may_answer_later(failure: &Failure) -> bool {
    let later = [Code::OfficeUnreachable, Code::OfficeTimeout, Code::OfficeBusy];
    later.contains(&failure.code)
}

/// The same over files: takes what the office left in a folder for this handheld, and leaves there
/// all that the office has not acknowledged. Both are sealed; whoever carries them reads nothing.
///
/// # Errors
/// [`Code::File`] for a stick or folder that cannot be read or written;
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
    let done = sync::carry(&session, dir, &mut |at| tell(progress, at));
    given::let_go(store);
    done.map_err(|error| failure::sync(&error))
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
        again: done.taken.as_ref().is_some_and(|report| report.again.is_some()),
        unread: unread.collect(),
    };
    let view = done.taken.as_ref().map(view).unwrap_or_default();
    SyncView { medium: Some(medium), ..view }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_differ() {
        assert_eq!((pause_s(0, 0), pause_s(0, 255)), (2, 4));
        assert_eq!((pause_s(3, 0), pause_s(3, 255)), (16, 32));
        assert_eq!((pause_s(60, 0), pause_s(60, 255)), (150, 300), "never longer");
        assert!((0..=255).all(|chance| (16..=32).contains(&pause_s(3, chance))));
    }

    #[test]
    fn the_smaller_limit_counts() {
        let link = |once_kb, day_kb| Link { once_kb, day_kb };
        assert_eq!(link(None, None).budget(9), None);
        assert_eq!(link(Some(2), None).budget(9_000), Some(2048));
        assert_eq!(link(None, Some(10)).budget(240), Some(10_000));
        assert_eq!(link(Some(2), Some(10)).budget(10_000), Some(240));
        assert_eq!(link(None, Some(1)).budget(9_000), Some(0), "spent for today");
    }
}
