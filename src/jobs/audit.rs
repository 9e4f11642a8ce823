//! `meterkit audit`: from files alone, does an estate's money account hold?
//!
//! No store, no log-in, no network, no key of ours: the input is a folder (`docs/audit.md`) and the
//! root hash somebody wrote down. The twelve checks of `reference/tokens.md` 5.1, one pure function
//! each over what was read, each with findings of its own.
//!
//! | check | file |
//! |---|---|
//! | A01 root, keysets | [`authority`] |
//! | A02 tokens | [`documents`] |
//! | A03 chain, A07 forks | [`journal`], [`receipts`] |
//! | A04 money acts | [`acts`], [`rights`] |
//! | A05 steps | [`steps`] |
//! | A10 swaps | [`swaps`] |
//! | A06 sums | [`sums`] |
//! | A08 time, A09 open, A11 people, A12 software | [`watch`] |

pub mod acts;
pub mod authority;
pub mod documents;
pub mod files;
pub mod finding;
pub mod journal;
pub mod receipts;
pub mod rights;
pub mod steps;
pub mod sums;
pub mod swaps;
pub mod tables;
pub mod watch;

pub use authority::RootPin;
pub use files::{AuditError, Files};
pub use finding::{Check, Finding, Findings, Reason, Severity};

use super::judge::Limits;
use crate::profile::Profile;
use crate::units::{Credit, CreditUnit, TokenId, UnixSeconds};
use acts::{Rules, Story, Tally};
use authority::Trust;
use documents::Documents;
use journal::Journal;
use meterkit_tokens::TokenError;
use receipts::Receipts;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use sums::Sum;
use tables::{Booked, Program, Read, Swap, Unread};
use watch::{Clocks, Ratio};

/// What an auditor decides before.
#[derive(Debug, Clone)]
pub struct Options {
    /// The root hash as somebody wrote it down.
    pub root: RootPin,
    /// The moment of the audit; the newest entry or receipt when none is given.
    pub now: Option<UnixSeconds>,
    /// How old an open recharge may be, seconds.
    pub open_s: i64,
    /// How far clocks may be off.
    pub clocks: Clocks,
    /// When an operator's failures are too many.
    pub ratio: Ratio,
    /// The most consumption can do to a balance.
    pub limits: Limits,
    /// How many documents are checked at once.
    pub threads: usize,
}

impl Options {
    /// The usual ones. The limits are the widest of the built-in profiles: the set does not say
    /// which meter is of which kind.
    pub fn new(root: RootPin) -> Self {
        let profiles = Profile::built_in_ids();
        let profiles = profiles.iter().filter_map(|id| Profile::built_in(id).ok()?.money);
        let none = Limits { price_fen_per_kwh: 0, power_w: 0 };
        let limits = profiles.fold(none, |most, rules| Limits {
            price_fen_per_kwh: most.price_fen_per_kwh.max(rules.price_fen_per_kwh),
            power_w: most.power_w.max(rules.power_w),
        });
        Self {
            root,
            now: None,
            open_s: 72 * 3600,
            clocks: Clocks { handheld_s: 120, meter_s: 300, zone_s: 8 * 3600 },
            ratio: Ratio { percent: 25, least: 20 },
            limits,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Everything a set says, read and verified: what the checks work on.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Tokens, grants, overrides.
    pub documents: Documents,
    /// The journals.
    pub journals: Vec<Journal>,
    /// What they tell of tokens and operators.
    pub story: Story,
    /// When the office countersigned what of each journal.
    pub receipt_times: BTreeMap<(String, u32), Vec<(u64, UnixSeconds)>>,
    /// Readings by others.
    pub reads: Vec<Read>,
    /// Swaps.
    pub swaps: Vec<Swap>,
    /// The office's book.
    pub ledger: Option<Vec<Booked>>,
    /// Recharges of the office itself, by their identity: what the book has beside the tokens.
    pub online: BTreeMap<TokenId, Credit>,
    /// Known programs.
    pub software: Option<HashSet<Program>>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing speaks against the account.
    Holds,
    /// Something does.
    Broken,
    /// There was nothing of the kind.
    None,
    /// It could not be made.
    NotExamined,
}

impl Status {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::None => "none",
            Self::NotExamined => "not-examined",
        }
    }
}

/// Input that is not in the set, and what therefore was not examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// No root or keyset: nothing can be verified.
    Authority,
    /// No journals.
    Journals,
    /// No receipt for a journal: nobody countersigned it.
    Receipts(String),
    /// No readings by others: the meters are seen through the handhelds alone.
    Reads,
    /// No book of the office.
    Ledger,
    /// No list of programs.
    Software,
    /// Rows of tables that cannot be read.
    Rows(String),
}

impl Missing {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Journals => "journals",
            Self::Receipts(_) => "receipts",
            Self::Reads => "reads",
            Self::Ledger => "ledger",
            Self::Software => "software",
            Self::Rows(_) => "rows",
        }
    }

    /// What exactly.
    pub fn detail(&self) -> &str {
        match self {
            Self::Receipts(detail) | Self::Rows(detail) => detail,
            _ => "",
        }
    }
}

/// What was examined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examined {
    /// The deployment.
    pub tenant: String,
    /// Hash of the first root document, 64 hex digits.
    pub root: String,
    /// How many digits of it the auditor gave.
    pub root_digits: usize,
    /// Files and bytes.
    pub files: (usize, usize),
    /// Root documents and keysets that hold.
    pub roots: usize,
    /// The same of keysets.
    pub keysets: usize,
    /// Signed documents verified: tokens, grants, overrides.
    pub documents: usize,
    /// Recharge tokens that hold.
    pub tokens: usize,
    /// Journals: name, entries, packs, entries the office countersigned.
    pub journals: Vec<(String, usize, usize, u64)>,
    /// Receipts and statuses.
    pub receipts: usize,
    /// First and last entry.
    pub period: Option<(UnixSeconds, UnixSeconds)>,
    /// The moment of the audit.
    pub now: Option<UnixSeconds>,
    /// Readings by others.
    pub reads: usize,
    /// Swaps.
    pub swaps: usize,
    /// The sums.
    pub sums: Vec<Sum>,
    /// What each operator did.
    pub operators: Vec<(String, Tally)>,
    /// Programs and how many entries each wrote.
    pub programs: Vec<(Program, usize)>,
}

/// What the audit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the account holds.
    pub holds: bool,
    /// What was examined.
    pub examined: Examined,
    /// How each check ended.
    pub checks: Vec<(Check, Status)>,
    /// What was found.
    pub findings: Findings,
    /// What could not be examined.
    pub missing: Vec<Missing>,
}

/// Audits a folder.
///
/// # Errors
/// [`AuditError`]: the set cannot be read, or is larger than this program takes in.
pub fn run(dir: &Path, options: &Options) -> Result<Verdict, AuditError> {
    audit(&Files::read(dir)?, options)
}

/// Audits a set that was read.
///
/// # Errors
/// [`AuditError::TooLarge`] when its journals unpack to more than fits.
pub fn audit(files: &Files, options: &Options) -> Result<Verdict, AuditError> {
    let mut found = Findings::default();
    let trust = authority::read(&files.roots, &files.keysets, &options.root, &mut found);
    let mut examined = Examined { files: files.size(), ..Examined::default() };
    examined.root_digits = options.root.digits();
    let Some(trust) = trust else {
        let checks = Check::ALL.map(|check| match check {
            Check::Root => (check, Status::Broken),
            _ => (check, Status::NotExamined),
        });
        let (checks, missing) = (checks.to_vec(), vec![Missing::Authority]);
        return Ok(Verdict { holds: false, examined, checks, findings: found, missing });
    };
    let mut unread = Unread::default();
    let (world, receipts) = read_world(files, &trust, options, &mut unread, &mut found)?;
    describe(&mut examined, &trust, &world, receipts);
    let newest = world.receipt_times.values().flatten().map(|(_, at)| *at).max();
    let last = examined.period.map(|(_, last)| last);
    let now = options.now.or(newest.max(last));
    examined.now = now;
    versions(&world.journals, &mut found);
    steps::check(&world, options.clocks.handheld_s, &mut found);
    examined.sums = sums::check(&world, &mut found);
    watch::time(&world, options.clocks, &mut found);
    watch::open(&world, now.unwrap_or(UnixSeconds(0)), options.open_s, &mut found);
    swaps::check(&world, &mut found);
    watch::people(&world.story, options.ratio, &mut found);
    let programs = watch::software(&world.journals, world.software.as_ref(), &mut found);
    examined.programs = programs.into_iter().collect();
    let missing = missing(&world, &unread);
    let holds = !found.broken() && !world.journals.is_empty();
    let checks = Check::ALL.map(|check| (check, status(check, &world, &found))).to_vec();
    Ok(Verdict { holds, examined, checks, findings: found, missing })
}

fn read_world(
    files: &Files,
    trust: &Trust,
    options: &Options,
    unread: &mut Unread,
    found: &mut Findings,
) -> Result<(World, usize), AuditError> {
    let threads = options.threads;
    let receipts = Receipts::read(trust, &files.receipts, &files.status, threads, found);
    let keys = journal::device_keys(&files.devices, found);
    let tenant = trust.tenant.as_str();
    let source = journal::Source { tenant, keys: &keys, receipts: &receipts, threads };
    let journals = journal::read(&source, &files.journals, found).map_err(AuditError::TooLarge)?;
    let documents = documents::read(trust, &files.tokens, &journals, threads, found);
    let rules = Rules { limits: options.limits, tolerance_s: options.clocks.handheld_s };
    let story = acts::read(&journals, &documents, rules, found);
    let world = World {
        documents,
        journals,
        story,
        receipt_times: receipts.times(),
        reads: tables::reads(&files.reads, unread),
        swaps: tables::swaps(&files.swaps, unread),
        ledger: files.ledger.as_ref().map(|raw| tables::ledger(raw, unread)),
        online: files.online.as_ref().map_or_else(BTreeMap::new, |raw| tables::online(raw, unread)),
        software: files.software.as_ref().map(|raw| tables::software(raw, unread)),
    };
    Ok((world, receipts.len()))
}

fn describe(examined: &mut Examined, trust: &Trust, world: &World, receipts: usize) {
    examined.tenant.clone_from(&trust.tenant);
    examined.root = hex(&trust.hash);
    examined.roots = trust.roots.len();
    examined.keysets = trust.keysets.len();
    examined.documents = world.documents.verified;
    let own = world.documents.tokens.values().filter(|token| token.leg.is_none());
    examined.tokens = own.count();
    let about = |journal: &Journal| {
        let name = format!("{}-{}", journal.device, journal.epoch);
        (name, journal.entries.len(), journal.packs, journal.covered)
    };
    examined.journals = world.journals.iter().map(about).collect();
    examined.receipts = receipts;
    examined.period = journal::period(&world.journals);
    examined.reads = world.reads.len();
    examined.swaps = world.swaps.len() + world.documents.swaps.len();
    examined.operators = world.story.operators.clone().into_iter().collect();
}

/// Part of check 1: no handheld took in a lower version than it had.
fn versions(journals: &[Journal], found: &mut Findings) {
    use crate::sync::wire::Event;
    for journal in journals {
        let mut have = BTreeMap::new();
        for entry in &journal.entries {
            let Event::DocumentTaken { kind, version, .. } = &entry.event else { continue };
            let before = have.insert(*kind, *version).unwrap_or_default();
            if *version < before {
                let detail = format!("{} {version} < {before}", kind.snapshot());
                found.add(Reason::VersionBack, journal.place(entry.seq), detail);
            }
        }
    }
}

fn missing(world: &World, unread: &Unread) -> Vec<Missing> {
    let mut missing = Vec::new();
    if world.journals.is_empty() {
        missing.push(Missing::Journals);
    }
    let uncovered = world.journals.iter().filter(|journal| journal.covered == 0);
    missing.extend(uncovered.map(|j| Missing::Receipts(format!("{}-{}", j.device, j.epoch))));
    if world.reads.is_empty() {
        missing.push(Missing::Reads);
    }
    if world.ledger.is_none() {
        missing.push(Missing::Ledger);
    }
    if world.software.is_none() {
        missing.push(Missing::Software);
    }
    missing.extend(unread.named.iter().cloned().map(Missing::Rows));
    let more = unread.count.saturating_sub(unread.named.len());
    if more > 0 {
        missing.push(Missing::Rows(format!("+{more}")));
    }
    missing
}

fn status(check: Check, world: &World, found: &Findings) -> Status {
    let carried = || {
        let tokens = &mut world.documents.tokens.values();
        tokens.any(|token| token.kind == meterkit_tokens::Kind::CarryOver)
    };
    let no_swaps = world.swaps.is_empty() && world.documents.swaps.is_empty();
    let entries = world.journals.iter().any(|journal| !journal.entries.is_empty());
    let needs_entries = !matches!(check, Check::Root | Check::Tokens | Check::Sums | Check::Swaps);
    if found.count_of(check, Severity::Broken) > 0 {
        Status::Broken
    } else if check == Check::Swaps && no_swaps && !carried() {
        Status::None
    } else if (check == Check::Software && entries && world.software.is_none())
        || (needs_entries && !entries)
    {
        Status::NotExamined
    } else {
        Status::Holds
    }
}

/// Runs `work` on every item, on several threads; the results come in the items' order.
fn parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    const AT_ONCE: usize = 16;
    if threads <= 1 || items.len() <= AT_ONCE {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        loop {
            let from = next.fetch_add(AT_ONCE, Ordering::Relaxed);
            let Some(part) = items.get(from..items.len().min(from + AT_ONCE)) else { break };
            if part.is_empty() {
                break;
            }
            done.push((from, part.iter().map(&work).collect::<Vec<R>>()));
        }
        done
    };
    let mut parts = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(share)).collect();
        let mut parts = share();
        for helper in helpers {
            match helper.join() {
                Ok(more) => parts.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        parts
    });
    parts.sort_unstable_by_key(|(from, _)| *from);
    parts.into_iter().flat_map(|(_, part)| part).collect()
}

/// Code and exact reason of a refusal.
fn why(error: &TokenError) -> String {
    let (code, reason) = (error.code(), error.reason());
    if code == reason { code.to_owned() } else { format!("{code}/{reason}") }
}

/// The stable name of a unit.
pub fn unit_name(unit: CreditUnit) -> &'static str {
    match unit {
        CreditUnit::Yuan => "yuan",
        CreditUnit::Kwh => "kwh",
    }
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Exactly 32 bytes from 64 lower-case hex digits: one key has one spelling.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
