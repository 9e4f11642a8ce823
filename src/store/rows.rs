//! What queries answer with. Nothing here is truth: every row can be built again from the journal
//! and the snapshots.

use super::event::{Position, Step, TokenFacts};
use crate::units::{
    AccountNo, BusPlace, Caps, Credit, Decision, Evidence, IntentFacts, Judgement, Mark, MeterNo,
    PurchaseCount, TokenId, UnixSeconds,
};

/// Where a token stands on this handheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenState {
    /// Imported, never sent.
    Cached,
    /// A recharge is open: sent, or about to be, outcome not known.
    Intent,
    /// In the meter. Final.
    Accepted,
    /// Sent, and read back as not applied: may be used again.
    NotApplied,
    /// Its step was taken by another credit. Final.
    Raced,
    /// The evidence is contradictory; the recharge stays open until the office settles it.
    Disputed,
    /// Taken back by the office, or settled there as not booked.
    Withdrawn,
}

impl TokenState {
    /// Whether a new recharge may begin with the token.
    pub fn usable(self) -> bool {
        matches!(self, Self::Cached | Self::NotApplied)
    }
}

/// A token in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// What it says.
    pub facts: TokenFacts,
    /// Where it stands.
    pub state: TokenState,
    /// The signed document.
    pub bytes: Vec<u8>,
    /// When it was taken in.
    pub imported_at: UnixSeconds,
    /// Whether a frame with it may ever have left.
    pub sent: bool,
    /// Whether the office took it back; an open recharge still has to be finished.
    pub withdrawn: bool,
    /// Whether the office revoked it; then it is withdrawn too.
    pub revoked: bool,
    /// When the office recharged the meter itself, at the token's step; then it is withdrawn too.
    pub recharged: Option<UnixSeconds>,
    /// The entry that last changed it.
    pub last_seq: u64,
}

impl TokenRow {
    /// Where it stands when its recharge is closed.
    pub(super) fn closed_by(&self, decision: Decision) -> TokenState {
        match decision {
            Decision::Confirmed | Decision::ConfirmedWeak => TokenState::Accepted,
            _ if self.state == TokenState::Accepted => TokenState::Accepted,
            Decision::Raced => TokenState::Raced,
            _ if self.withdrawn => TokenState::Withdrawn,
            _ => TokenState::NotApplied,
        }
    }
}

/// A meter, from the area list and from what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterRow {
    /// Its number.
    pub no: MeterNo,
    /// Its account by the office's list.
    pub account: Option<AccountNo>,
    /// Whose it is.
    pub customer: String,
    /// Where it hangs.
    pub location: String,
    /// Its profile's name.
    pub profile: String,
    /// The area it belongs to, for operators who may work in some areas only; may be empty.
    pub area: String,
    /// Where it hangs on its bus.
    pub place: BusPlace,
    /// Whether it is in the area list; if not, only what was seen is known.
    pub listed: bool,
    /// The last evidence journaled: what decisions about money rest on.
    pub last: Option<Evidence>,
    /// The balance last seen, by evidence or by a plain reading: for lists, and for nothing else.
    pub seen: Option<Seen>,
}

/// Balance and count as a plain reading showed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Remaining credit.
    pub balance: Credit,
    /// Overdraft, hundredths of the same unit.
    pub overdraft: i64,
    /// Purchase count.
    pub count: PurchaseCount,
}

/// A balance as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What the meter showed.
    pub shown: Shown,
    /// When, by the handheld's time.
    pub read_at: UnixSeconds,
}

/// A recharge whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntent {
    /// What it was to do.
    pub facts: IntentFacts,
    /// What the meter showed before.
    pub before: Evidence,
    /// How many frames may have left; 1 after the intent.
    pub sends: u32,
    /// The last read-back, if one was tried.
    pub last_judgement: Option<Judgement>,
    /// The intent's journal entry.
    pub seq: u64,
    /// When it was written.
    pub at: UnixSeconds,
    /// Whether only the office may settle it.
    pub disputed: bool,
}

/// Where a step of an errand stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// The step as last written.
    pub step: Step,
    /// When that was.
    pub at: UnixSeconds,
    /// By whom.
    pub operator: String,
    /// Its journal entry.
    pub seq: u64,
    /// When the step was first written.
    pub begun: UnixSeconds,
}

/// What is remembered of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkRow {
    /// The meter.
    pub meter: MeterNo,
    /// What.
    pub mark: Mark,
    /// Why.
    pub note: String,
    /// Since when.
    pub since: UnixSeconds,
    /// By whom.
    pub operator: String,
    /// Its journal entry.
    pub seq: u64,
}

/// The figures of the store; kept, never counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Meters in the area list.
    pub meters: u64,
    /// All tokens ever imported.
    pub tokens: u64,
    /// Tokens a recharge may begin with (expired ones included: the store does not judge time).
    pub tokens_live: u64,
    /// Recharges without a known outcome.
    pub open_intents: u64,
    /// Journal entries the office has not acknowledged.
    pub unsynced: u64,
    /// Journal entries.
    pub events: u64,
    /// The journal's last entry.
    pub head: Position,
    /// The last entry the office acknowledged.
    pub acked: Option<Position>,
    /// The number of the newest receipt.
    pub receipt: Option<u64>,
    /// When the newest receipt was stored.
    pub last_sync: Option<UnixSeconds>,
    /// The version of the area list in use; 0 for none.
    pub area_version: u64,
    /// The last time the office told, and the stamp of its entry: (server, at, boot_ms).
    pub anchor: Option<(UnixSeconds, UnixSeconds, u64)>,
}

/// A meter of the office's area list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaMeter {
    /// Its number.
    pub no: MeterNo,
    /// Its account.
    pub account: Option<AccountNo>,
    /// Whose it is.
    pub customer: String,
    /// Where it hangs.
    pub location: String,
    /// Its profile's name.
    pub profile: String,
    /// The area it belongs to; may be empty.
    pub area: String,
    /// Where it hangs on its bus.
    pub place: BusPlace,
}

/// A page of an area list: the signed document as downloaded, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AreaPage {
    /// The document, kept as proof; verified by the caller.
    pub signed: Vec<u8>,
    /// Its meters; at most [`super::schema::MAX_PAGE_METERS`].
    pub meters: Vec<AreaMeter>,
}

/// The limits an intent is checked against, in the moment it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of the handheld, for everybody's acts together.
    pub device: Caps,
    /// Of the operator in the intent's stamp.
    pub operator: Caps,
}

impl Bounds {
    /// No limit at all: for tests.
    pub const NONE: Self = Self { device: Caps::NONE, operator: Caps::NONE };
}

/// An operator's newest grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// Its identity.
    pub id: TokenId,
    /// When the office signed it.
    pub issued: UnixSeconds,
    /// When it ends.
    pub expires: UnixSeconds,
    /// The signed document.
    pub bytes: Vec<u8>,
    /// Whether the office revoked it.
    pub revoked: bool,
}

/// An override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideRow {
    /// Its identity.
    pub id: TokenId,
    /// When it ends.
    pub expires: UnixSeconds,
    /// The signed document.
    pub bytes: Vec<u8>,
    /// Whether it served its act.
    pub used: bool,
    /// Whether the office revoked it.
    pub revoked: bool,
}

/// What the journal knows about the time: lower bounds of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockMemory {
    /// The last time the office told, and the milliseconds since boot of that moment.
    pub anchor: Option<(UnixSeconds, u64)>,
    /// The newest stamp of our own since then; the office's time if there is none.
    pub stamps: UnixSeconds,
    /// The newest time of signing on a token or grant of the office.
    pub issued: UnixSeconds,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// Taken in and recorded.
    New(Position),
    /// Already there with the same bytes; nothing was recorded.
    Known(TokenId),
}

/// A tail that was cut when the journal was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment's file name.
    pub file: String,
    /// Where the torn record began.
    pub offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// A torn tail was cut.
    pub cut: Option<Cut>,
    /// The index was built anew, and why.
    pub rebuilt: Option<String>,
    /// Entries replayed into the index.
    pub replayed: u64,
    /// Money is stopped, and why.
    pub read_only: Option<super::error::Why>,
}

/// What checking the whole journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records.
    pub records: u64,
    /// The last one.
    pub head: Position,
}

/// What was done between log-in and log-out. Sums are of accepted recharges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShiftSummary {
    /// Meters read.
    pub reads: u32,
    /// Recharges accepted.
    pub accepted: u32,
    /// Recharges refused, by the meter or before anything was sent.
    pub refused: u32,
    /// Recharges without a known outcome at the end.
    pub unknown: u32,
    /// Accepted, fen.
    pub yuan: i64,
    /// Accepted, 0.01 kWh.
    pub kwh: i64,
}

/// How somebody said that rows which are not proven may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// The configuration of the handheld names the profile.
    Configured,
    /// The command that wrote named it.
    Asked,
}
