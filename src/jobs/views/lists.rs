//! Views for lists and cards: meters, tokens, the journal, adapters.

use crate::jobs::recharge::CREDITS;
use crate::units::{
    AccountNo, Act, BusPlace, Credit, Decision, Evidence, MeterNo, Outcome, PurchaseCount, TokenId,
    UnixSeconds,
};

/// A recharge whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntentView {
    /// The meter.
    pub meter: MeterNo,
    /// The token.
    pub token: TokenId,
    /// What was to be credited or taken out.
    pub credit: Credit,
    /// Which of the two, and why.
    pub act: Act,
    /// The last judgement, if a read-back was tried.
    pub decision: Option<Decision>,
    /// Whether reading again can settle it; if not, the office must.
    pub readable: bool,
    /// Whether the area list names the meter's line: no port need be chosen for it.
    pub own_line: bool,
}

/// A meter in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterRowView {
    /// Its address.
    pub no: MeterNo,
    /// Whose it is.
    pub customer: String,
    /// Where it hangs.
    pub location: String,
    /// Last balance seen, and when.
    pub balance: Option<(Credit, UnixSeconds)>,
    /// Overdraft at that time, hundredths.
    pub overdraft: i64,
    /// Usable tokens for it.
    pub tokens: u32,
    /// Whether an outcome is open.
    pub open_intent: bool,
    /// Whether the area list names its line: no port need be chosen for it.
    pub own_line: bool,
}

/// A multi-user terminal in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxRowView {
    /// Its name.
    pub name: String,
    /// The line it hangs on; may be empty.
    pub line: String,
    /// Where its first user is, by the office's list.
    pub location: String,
    /// How many users it has.
    pub users: u32,
}

/// A user of a multi-user terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxUserView {
    /// Its place in the box, from 1.
    pub user: u8,
    /// What the bus calls it; may be empty.
    pub address: String,
    /// Its profile's name.
    pub profile: String,
    /// Its meter.
    pub row: MeterRowView,
}

/// Everything about one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterView {
    /// The list row.
    pub row: MeterRowView,
    /// Its account (epoch) by the office's list.
    pub account: Option<AccountNo>,
    /// Its profile's name.
    pub profile: String,
    /// Where it hangs on its bus.
    pub place: BusPlace,
    /// Tokens for it, oldest step first.
    pub tokens: Vec<TokenView>,
    /// Its last journal entries, newest first.
    pub journal: Vec<JournalRow>,
    /// The open recharge, if any.
    pub open: Option<OpenIntentView>,
    /// The last evidence.
    pub last: Option<Evidence>,
}

/// A token in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Its identity.
    pub id: TokenId,
    /// The meter it is for.
    pub meter: MeterNo,
    /// What it does.
    pub act: Act,
    /// What it credits, or takes out.
    pub credit: Credit,
    /// The purchase count the meter must show before.
    pub count_before: PurchaseCount,
    /// When it ends.
    pub expires: UnixSeconds,
    /// Where it stands.
    pub state: TokenStateView,
    /// In a list of tokens: whether the area list names the meter's line.
    pub own_line: bool,
}

impl TokenView {
    /// Whether its meter can be recharged with it now. What opens, refunds or reverses is an
    /// account's errand.
    pub fn recharges(&self) -> bool {
        self.state == TokenStateView::Ready && CREDITS.contains(&self.act)
    }
}

/// Where a token stands on this handheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStateView {
    /// Can be used now.
    Ready,
    /// Not valid yet.
    NotYet,
    /// Its time is over (expired is not void: the office decides).
    Expired,
    /// Sent, outcome not known.
    Open,
    /// In the meter.
    Accepted,
    /// Its step was taken by another credit.
    Raced,
    /// Contradictory evidence; the office decides.
    Disputed,
    /// Withdrawn by the office.
    Withdrawn,
}

/// A journal entry in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Sequence number.
    pub seq: u64,
    /// Handheld time.
    pub at: UnixSeconds,
    /// What kind of entry.
    pub kind: JournalKind,
    /// The meter concerned.
    pub meter: Option<MeterNo>,
    /// The token concerned.
    pub token: Option<TokenId>,
    /// The credit concerned.
    pub credit: Option<Credit>,
    /// What was to be done with it.
    pub act: Option<Act>,
    /// The outcome, for outcome entries.
    pub outcome: Option<Outcome>,
    /// Whether the office has acknowledged it.
    pub acked: bool,
    /// A stable detail: a refusal's code, a decision's name.
    pub detail: String,
}

/// Kinds of journal entries, for words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalKind {
    /// Handheld enrolled.
    Enrolled,
    /// Token taken in.
    TokenImported,
    /// Token withdrawn by the office.
    TokenWithdrawn,
    /// Meter read.
    Reading,
    /// Refused before anything was sent.
    Refused,
    /// About to send.
    Intent,
    /// About to send again.
    Resend,
    /// Outcome of a recharge.
    Outcome,
    /// Time of the office.
    TimeAnchor,
    /// Receipt of the office.
    Receipt,
    /// The office settled a disputed recharge.
    Resolved,
    /// Somebody logged in.
    LoggedIn,
    /// Somebody logged out.
    LoggedOut,
    /// A PIN was set, changed, removed or freed.
    PinSet,
    /// A grant was taken in.
    GrantTaken,
    /// An override was taken in.
    OverrideTaken,
    /// An act that only an override allowed.
    OverrideUsed,
    /// A root, keyset or status was taken in.
    DocumentTaken,
    /// Tokens or grants were revoked by the office.
    Revoked,
    /// Another program version writes from here on.
    Software,
    /// A step of a longer errand.
    Step,
    /// Something is remembered of a meter, or not any more.
    Marked,
    /// A bundle of parameters was taken in.
    BundleTaken,
    /// A round of the office was taken in.
    RoundTaken,
    /// Rows that are not proven were about to be written, because somebody said so.
    Unproven,
    /// The office's leave for a swap was taken in.
    SwapTaken,
    /// What a leg of a swap moves was fixed.
    SwapFixed,
    /// A torn end was cut off at opening.
    TailCut,
}

/// An adapter in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortView {
    /// How to write it: `/dev/ttyUSB0`, `tcp://...`.
    pub endpoint: String,
    /// Product or chip name.
    pub name: String,
    /// Serial number or USB path.
    pub identity: String,
    /// What keeps it from being used, if anything.
    pub trouble: Option<PortTrouble>,
    /// The command that mends that.
    pub fix: Option<String>,
    /// How long it will hold received bytes back, milliseconds, and the command that makes that
    /// short; `None` where it is short, or nothing can be done.
    pub held: Option<(u64, String)>,
}

impl PortView {
    /// Whether this is the line written so; a serial port's address may say what its head needs.
    pub fn is(&self, chosen: &str) -> bool {
        let device = chosen.split_once('?').map_or(chosen, |(device, _)| device);
        self.endpoint == chosen || self.endpoint == device
    }
}

/// What keeps an adapter from being used. The words are in `text/screens.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortTrouble {
    /// This user may not open it.
    Denied,
    /// The kernel knows it; its file is not there (yet).
    NoNode,
    /// It came and vanished at once, and brltty takes its chip for a Braille display.
    Braille,
    /// It came and vanished at once; ModemManager, another program, or a loose plug.
    Grabbed,
}

impl PortTrouble {
    /// A stable word, for `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NoNode => "no-node",
            Self::Braille => "braille",
            Self::Grabbed => "grabbed",
        }
    }
}
