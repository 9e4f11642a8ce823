//! What the screens may ask for and what they are told: plain values, nothing of the store, the
//! line or the office in them.
//!
//! `tui` sends [`Request`]s and draws from [`Update`]s; it opens nothing and waits for nothing. The
//! engine (`jobs/engine.rs`) answers every request with at least one update.

mod lists;
mod people;
mod survey;
mod work;

pub use lists::{
    BoxRowView, BoxUserView, JournalKind, JournalRow, MeterRowView, MeterView, OpenIntentView,
    PortTrouble, PortView, TokenStateView, TokenView,
};
pub use people::{
    LockedView, LogOutWhy, LoggedOutWhy, OperatorView, SessionView, ShiftView, Standing,
    SuperviseAct, TrustView,
};

pub use survey::{
    Book, BoxBasis, Gap, NotSearched, Sheet, SheetCell, SurveyBox, SurveyEnd, SurveyMeter,
    SurveyPlan, SurveyProgress, SurveyProtocol, SurveyUser, SurveyView, Verdict, VerdictKind,
};

pub use work::{MarkView, OfferView, WorkView};

use super::access::MeterPassword;
use super::errand::{Answer, Sheet as WorkSheet, Values};
use crate::units::{
    Caps, Credit, Decision, Energy, ErrandKind, Evidence, Exposure, MeterNo, Money, OperatorId,
    Outcome, PurchaseCount, RelayState, TokenId, UnixSeconds, WorkId,
};
use secrecy::SecretString;
use std::path::PathBuf;

/// Names one running errand, so that its updates can be told from those of an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrandId(pub u64);

/// What a screen asks the engine for.
#[derive(Debug, Clone)]
pub enum Request {
    /// The figures of the home screen.
    Home,
    /// A page of meters: those after `after`, narrowed to `search` (number, name, location prefix).
    Meters { after: Option<MeterNo>, search: String, limit: usize },
    /// Everything known about one meter, its tokens and its last journal entries.
    Meter(MeterNo),
    /// The multi-user terminals of the area list.
    Boxes,
    /// The users of one of them.
    Box(String),
    /// A page of tokens.
    Tokens { after: Option<TokenId>, limit: usize },
    /// A page of the journal, newest first, from `before` downwards.
    Journal { before: Option<u64>, limit: usize },
    /// Check the whole journal.
    VerifyJournal,
    /// The adapters there are.
    Ports,
    /// Use this endpoint (as written in the configuration) for the line.
    ChoosePort(String),
    /// Read one meter's quick-read card.
    Read { errand: ErrandId, meter: MeterNo },
    /// First half of a recharge: read the meter, check the token, report; changes nothing.
    Preflight { errand: ErrandId, token: TokenId },
    /// Second half: the operator saw the evidence and confirmed. `digits` are the last four digits
    /// of the meter's number as typed from its face.
    Commit { errand: ErrandId, digits: String },
    /// "What happened?": read back a meter whose recharge has no known outcome.
    Resolve { errand: ErrandId, meter: MeterNo },
    /// Find what hangs on the line in use, and what is wrong with it. It sends on that line.
    Survey { errand: ErrandId, plan: SurveyPlan },
    /// Write a spreadsheet into the home folder. The answer is [`Update::BookSaved`].
    SaveBook(Box<Book>),
    /// The longer errands, and what is remembered of meters.
    Works,
    /// What a longer errand would do; changes nothing.
    WorkPlan { errand: ErrandId, kind: ErrandKind, values: Values },
    /// Begin a longer errand and carry it on.
    WorkBegin {
        errand: ErrandId,
        kind: ErrandKind,
        values: Values,
        password: Option<MeterPassword>,
    },
    /// How a longer errand stands by the journal alone: nothing is sent, no line is needed.
    WorkShow(WorkId),
    /// Carry a longer errand on with the answer to what it asked last.
    WorkGo { errand: ErrandId, work: WorkId, answer: Answer, password: Option<MeterPassword> },
    /// Stop waiting. Of a recharge already sent this stops only the waiting.
    Cancel(ErrandId),
    /// Exchange with the office.
    Sync { errand: ErrandId },
    /// The same over a stick or folder.
    Carry { errand: ErrandId, dir: PathBuf },
    /// The sticks and folders there are.
    Media,
    /// Import tokens from a file or `MK1:` text.
    ImportTokens(String),
    /// Demo only: bring the network up or down. Ignored outside the demo.
    ToggleNetwork,
    /// Log in. The only request that is served while nobody is logged in, beside `Recover`.
    LogIn { operator: String, pin: SecretString },
    /// Log out: the store is closed and its key forgotten. Refused while an errand runs.
    LogOut(LogOutWhy),
    /// Change one's own PIN.
    ChangePin { old: SecretString, new: SecretString },
    /// Who has a grant here, and who can log in.
    Operators,
    /// Somebody else's first log-in: the code the office gave, and a PIN of the person's own.
    Activate { operator: OperatorId, code: SecretString, pin: SecretString },
    /// Take somebody's log-in away, or free it after a lock-out. A supervisor's act.
    Supervise { operator: OperatorId, act: SuperviseAct },
    /// After a lock-out or a forgotten PIN: a recovery code of the office and a new PIN.
    Recover { operator: String, code: SecretString, pin: SecretString },
}

/// What the engine tells.
#[derive(Debug, Clone)]
pub enum Update {
    /// Answer to [`Request::Home`], and sent unasked when something in it changed.
    Home(HomeView),
    /// Answer to [`Request::Meters`].
    Meters { rows: Vec<MeterRowView>, more: bool, search: String, after: Option<MeterNo> },
    /// Answer to [`Request::Meter`].
    Meter(Box<MeterView>),
    /// Answer to [`Request::Boxes`].
    Boxes(Vec<BoxRowView>),
    /// Answer to [`Request::Box`].
    Box { name: String, users: Result<Vec<BoxUserView>, Failure> },
    /// Answer to [`Request::Tokens`].
    Tokens { rows: Vec<TokenView>, more: bool, after: Option<TokenId> },
    /// Answer to [`Request::Journal`].
    Journal { rows: Vec<JournalRow>, more: bool, before: Option<u64> },
    /// Answer to [`Request::VerifyJournal`].
    JournalVerified(Result<u64, Failure>),
    /// Answer to [`Request::Ports`], and sent unasked when an adapter came or went.
    Ports { rows: Vec<PortView>, chosen: Option<String> },
    /// Where an errand stands.
    Progress { errand: ErrandId, stage: Stage, done: u32, of: u32 },
    /// A quick read ended.
    Read { errand: ErrandId, result: Result<Box<QuickRead>, Failure> },
    /// A preflight ended: evidence to show and confirm, or why not.
    Preflight { errand: ErrandId, result: Result<Box<PreflightView>, Failure> },
    /// A recharge or a "what happened?" ended.
    Finished { errand: ErrandId, result: Result<Box<FinishedView>, Failure> },
    /// A sync ended.
    Synced { errand: ErrandId, result: Result<SyncView, Failure> },
    /// Answer to [`Request::Media`].
    Media(Vec<PathBuf>),
    /// Where a survey stands.
    SurveyProgress { errand: ErrandId, progress: Box<SurveyProgress> },
    /// A survey ended; stopped or broken off it still says what was found.
    Surveyed { errand: ErrandId, result: Result<Box<SurveyView>, Failure> },
    /// Answer to [`Request::Works`].
    Works { rows: Vec<WorkView>, marks: Vec<MarkView>, offers: Vec<OfferView> },
    /// Answer to [`Request::WorkShow`].
    WorkShown { work: WorkId, result: Result<Box<WorkSheet>, Failure> },
    /// Where a longer errand stands.
    WorkProgress { errand: ErrandId, sheet: Box<WorkSheet> },
    /// A longer errand was planned, ended, or waits for a person.
    WorkSheet { errand: ErrandId, result: Result<Box<WorkSheet>, Failure> },
    /// A spreadsheet was written; where.
    BookSaved(Result<String, Failure>),
    /// Tokens were imported: taken, already there, and refused with the reason for each.
    Imported { taken: u32, known: u32, refused: Vec<Failure> },
    /// One piece of traffic on the line.
    Wire(WireView),
    /// An errand's worker died; the journal is whole.
    WorkerDied { errand: Option<ErrandId>, detail: String },
    /// Nobody is logged in: at the start, after a log-out, after a refused log-in.
    Locked(LockedView),
    /// Somebody logged in. `Home` follows.
    LoggedIn(Box<SessionView>),
    /// Somebody logged out; `Locked` follows. What was done since the log-in.
    LoggedOut { operator: OperatorId, why: LoggedOutWhy, shift: ShiftView },
    /// Answer to `ChangePin`, `Activate` and `Supervise`; to `Recover`, `LogOut` and `Operators`
    /// when they failed.
    PinDone(Result<(), Failure>),
    /// Answer to `Operators`.
    Operators(Vec<OperatorView>),
}

/// An error as the screens and the command line need it: a code, what it concerns, and nothing
/// that has to be worded here. The words are in `text/errors.rs`, by code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stable code, for words, hint and exit status.
    pub code: crate::report::Code,
    /// What was being worked on or found: a port, a count, a time. Shown behind the sentence.
    pub detail: String,
}

/// Where an errand stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for the line.
    Opening,
    /// Reading before the act.
    Reading,
    /// The intent is on disk; the frame is being sent. From here on cancelling stops only waiting.
    Sending,
    /// Reading back.
    ReadingBack,
    /// Talking to the office.
    Syncing,
}

/// The figures of the home screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HomeView {
    /// This handheld.
    pub device: String,
    /// Who works with it.
    pub operator: String,
    /// Meters in the area.
    pub meters: u64,
    /// Tokens that can still be used.
    pub tokens: u64,
    /// Recharges without a known outcome.
    pub open_intents: Vec<OpenIntentView>,
    /// Longer errands that were begun and have not come to their end.
    pub open_works: usize,
    /// Journal entries the office has not acknowledged.
    pub unsynced: u64,
    /// Last exchange with the office.
    pub last_sync: Option<UnixSeconds>,
    /// Exchanges nobody answered since the last one that came to an end.
    pub sync_again: Option<super::sync::Again>,
    /// Whether the office answered last time.
    pub network: Network,
    /// The line in use.
    pub port: Option<String>,
    /// Why money is stopped, if it is.
    pub money_stopped: Option<Failure>,
    /// Whether this is the demo (shows the network key).
    pub demo: bool,
    /// Trust and limits; `None` until they are known.
    pub trust: Option<TrustView>,
}

/// What is known of the office's reachability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Not tried yet.
    #[default]
    Untried,
    /// The last attempt succeeded.
    Up,
    /// The last attempt failed.
    Down,
}

/// The quick-read card. Every value is what the meter said; `None` is "not offered by this meter".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuickRead {
    /// The address the meter answered with.
    pub meter: MeterNo,
    /// The profile it was read by.
    pub profile: String,
    /// Forward active energy.
    pub energy: Option<Energy>,
    /// Remaining credit.
    pub balance: Option<Credit>,
    /// Overdraft, hundredths of the same unit.
    pub overdraft: Option<i64>,
    /// Purchase count.
    pub count: Option<PurchaseCount>,
    /// Phase voltages, 0.1 V.
    pub voltage_dv: [Option<i64>; 3],
    /// Phase currents, mA.
    pub current_ma: [Option<i64>; 3],
    /// Active power, 0.1 W.
    pub power_dw: Option<i64>,
    /// Meter clock, local civil time.
    pub clock: Option<UnixSeconds>,
    /// Meter clock minus handheld clock, seconds.
    pub drift_s: Option<i64>,
    /// Whether the load is connected.
    pub relay: Option<RelayState>,
    /// Status words 1 to 7, where read.
    pub status: [Option<u16>; 7],
    /// Names (`protocol::dlt645::words`) of the set bits worth saying.
    pub alarms: Vec<&'static str>,
    /// What the meter refused or did not answer, by item name.
    pub missing: Vec<String>,
    /// Further values by item name, with their units, where the profile lists more than the card
    /// has places for.
    pub others: Vec<(String, String)>,
    /// How long it took on the line.
    pub took_ms: u64,
    /// When.
    pub read_at: UnixSeconds,
}

/// What the operator must see before money moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreflightView {
    /// The token.
    pub token: TokenView,
    /// Whose meter this is, by the office's list.
    pub customer: String,
    /// Where it hangs, by the office's list.
    pub location: String,
    /// What the meter showed.
    pub evidence: Evidence,
    /// Balance after, if all goes well: overdraft is repaid first.
    pub expected_balance: Credit,
    /// Meter clock minus handheld clock, seconds.
    pub drift_s: Option<i64>,
    /// What to know before: trust that ends soon, limits that are near. Nothing of it refuses.
    pub warnings: Vec<Failure>,
    /// Unacknowledged money acts of this handheld with this one, and the limits now.
    pub device: (Exposure, Caps),
    /// The same of the operator.
    pub operator: (Exposure, Caps),
}

/// How a recharge or "what happened?" ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedView {
    /// The meter.
    pub meter: MeterNo,
    /// The token.
    pub token: TokenId,
    /// What was to be credited.
    pub credit: Credit,
    /// What was decided.
    pub decision: Decision,
    /// Before.
    pub before: Evidence,
    /// After, if the meter could be read.
    pub after: Option<Evidence>,
    /// The meter's own error word, if it gave one.
    pub refusal: Option<u16>,
    /// The journal entry that holds the outcome.
    pub journal_seq: u64,
}

impl FinishedView {
    /// Accepted, refused or unknown.
    pub fn outcome(&self) -> Outcome {
        self.decision.outcome()
    }
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncView {
    /// Journal entries sent and acknowledged.
    pub sent: u64,
    /// Tokens received.
    pub tokens: u32,
    /// Meters in the area list received, 0 if unchanged.
    pub meters: u32,
    /// Entries the office wants a person to look at.
    pub review: u32,
    /// Office time minus handheld time, seconds.
    pub clock_s: i64,
    /// Balance of what was issued to this handheld and is still out, fen.
    pub still_out: Money,
    /// Over which stick or folder, and what lies there now; `None` for the line.
    pub medium: Option<MediumView>,
}

/// What an exchange over a stick or folder left there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediumView {
    /// The stick or folder.
    pub dir: PathBuf,
    /// Journal entries on it for the office.
    pub entries: u64,
    /// The files they are in.
    pub letters: u32,
    /// Whether something new from the office was there.
    pub taken: bool,
    /// Whether that was only that the office was restored and wants the journal again.
    pub again: bool,
    /// What could not be used, and why.
    pub unread: Vec<(String, Failure)>,
}

/// One piece of traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireView {
    /// Milliseconds since the line was opened.
    pub at_ms: u64,
    /// `true` from the meter, `false` to it.
    pub received: bool,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// One line of what they mean, stable English (protocol names), empty if not decodable.
    pub meaning: String,
}
