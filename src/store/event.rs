//! What the journal records, as the program sees it.
//!
//! These types are never written anywhere: `records` owns the versioned form on disk.

pub use super::bundles::BundleTaken;
pub use super::recorded::{RawRecord, Recorded};
pub use super::rows::{Acceptance, ShiftSummary, Shown};
pub use super::swap::{SwapFacts, SwapFixed};

use meterkit_tokens::{Kind, RechargeToken, Unit};

use crate::units::{
    AccountNo, Act, Credit, CreditUnit, DeviceId, ErrandKind, Evidence, IntentFacts, Judgement,
    Mark, MeterNo, OperatorId, PurchaseCount, Role, StepState, TokenId, UnixSeconds, Verb, WorkId,
};

/// When something was recorded and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The handheld's clock. A claim, not a proof: order is by sequence number.
    pub at: UnixSeconds,
    /// Milliseconds since the handheld was started; does not go back when the clock is set.
    pub boot_ms: u64,
    /// Who worked with the handheld; at most [`super::schema::MAX_OPERATOR`] bytes.
    pub operator: String,
}

/// A place in the journal, with the hash that pins everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The journal's life: raised by a new enrolment, never inside one journal.
    pub epoch: u32,
    /// Sequence number; the first record is 1. 0 stands for "before the first".
    pub seq: u64,
    /// Chain hash of that record.
    pub hash: [u8; 32],
}

/// What a token says, as far as the handheld acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenFacts {
    /// Its identity.
    pub id: TokenId,
    /// The meter it pins.
    pub meter: MeterNo,
    /// The epoch it pins.
    pub account: AccountNo,
    /// The purchase count the meter must show before.
    pub count_before: PurchaseCount,
    /// What it credits or takes out.
    pub credit: Credit,
    /// Which of the two, and why.
    pub act: Act,
    /// The issuer's running number for this handheld.
    pub seq: u64,
    /// Order number for meters that take one.
    pub order: [u8; 8],
    /// Start of its life.
    pub not_before: UnixSeconds,
    /// When the office signed it: a lower bound of the time at which it was taken in.
    pub issued: UnixSeconds,
    /// End of its life.
    pub expires: UnixSeconds,
    /// Capability bits the meter must have (`reference/tokens.md` 2.1).
    pub caps: u32,
    /// The balance it must not exceed, hundredths of the credit's unit.
    pub max_balance: Option<i64>,
}

impl TokenFacts {
    /// What a verified token says. `None` if its meter or account is no number: verified ones are.
    pub fn of(token: &RechargeToken) -> Option<Self> {
        let unit = match token.unit {
            Unit::Yuan => CreditUnit::Yuan,
            Unit::Kwh => CreditUnit::Kwh,
        };
        Some(Self {
            id: TokenId(token.id),
            meter: MeterNo::from_bcd(token.meter)?,
            account: AccountNo::from_bcd(token.account)?,
            count_before: PurchaseCount(token.count),
            credit: Credit { value: token.amount, unit },
            act: match (token.kind, token.undoes) {
                (Kind::Recharge, _) => Act::Recharge,
                (Kind::Refund, None) => Act::Refund,
                (Kind::Refund, Some(_)) => Act::Reversal,
                (Kind::CarryOver, _) => Act::CarryIn,
                (Kind::Open, _) => Act::Open,
            },
            seq: token.seq,
            order: token.order,
            not_before: UnixSeconds(token.not_before),
            issued: UnixSeconds(token.issued),
            expires: UnixSeconds(token.expires),
            caps: token.caps,
            max_balance: token.max_balance,
        })
    }

    /// What an act with this token will do.
    pub fn intent(&self) -> IntentFacts {
        IntentFacts {
            token: self.id,
            meter: self.meter,
            account: self.account,
            count_before: self.count_before,
            credit: self.credit,
            act: self.act,
            order: self.order,
        }
    }
}

/// Why the office took a token back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// Voided, with proof that it was not used.
    Voided,
    /// Its step is settled at the office.
    Settled,
    /// Another token for the same step took its place.
    Superseded,
    /// The office recharged the meter itself, at the same step, at this time of its own.
    Recharged(UnixSeconds),
}

/// One reading of a meter, kept so that it can be proved later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The address the meter itself gave.
    pub meter: MeterNo,
    /// Data identifier and the raw bytes the meter gave for it, in the order they were read.
    pub items: Vec<(u32, Vec<u8>)>,
    /// The profile it was read by; empty where the identifiers say it all (DL/T 645-2007).
    pub profile: String,
    /// Name and value, with its unit, of what was read from a meter whose items are no numbers of
    /// 32 bits, in the order they were read.
    pub values: Vec<(String, String)>,
    /// The money side of the reading, if it was complete enough.
    pub evidence: Option<Evidence>,
    /// What a plain reading showed of the account, for lists. It proves nothing: no account, no
    /// purchase record and no second look go with it.
    pub shown: Option<Shown>,
    /// The handheld's time when the reading was complete.
    pub read_at: UnixSeconds,
    /// How long it took on the line, milliseconds.
    pub took_ms: u64,
    /// SHA-256 over the raw frames, both directions, in order.
    pub frames_digest: [u8; 32],
}

/// A signed document of which only the newest is kept, as a snapshot; the journal remembers its
/// version, so that it never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocKind {
    /// The root document: who may name keysets.
    Root,
    /// The keyset: whose signature counts for what.
    Keyset,
    /// The status: the office's time, the limits, what it acknowledged.
    Status,
}

impl DocKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Root, Self::Keyset, Self::Status];

    /// The name of its snapshot.
    pub fn snapshot(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Keyset => "keyset",
            Self::Status => "status",
        }
    }
}

/// Why a log-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOut {
    /// The operator asked for it.
    Asked,
    /// Nobody touched it for too long.
    Idle,
    /// The shift was over.
    ShiftEnd,
    /// The program ended; for a command that is the usual way.
    Ended,
}

/// A step of a longer errand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The errand.
    pub errand: WorkId,
    /// What kind of errand it is.
    pub kind: ErrandKind,
    /// The meter it is about; none for the errand as a whole.
    pub meter: Option<MeterNo>,
    /// Which step: a stable name, at most [`super::schema::MAX_STEP`] bytes. [`Step::WHOLE`] is the
    /// errand itself.
    pub name: String,
    /// How far it came.
    pub state: StepState,
    /// What it rests on: names and values, in order; the last ones count.
    pub notes: Vec<(String, String)>,
}

impl Step {
    /// The name of the step that is the errand itself: begun when it begins, done (or skipped, when
    /// it was given up) at its end.
    pub const WHOLE: &'static str = "errand";
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The handheld was enrolled; always the first entry.
    Enrolled {
        /// Whose handheld it is.
        tenant: String,
        /// Its name.
        device: DeviceId,
        /// Where its office is.
        office: String,
    },
    /// A verified token was taken in.
    TokenImported {
        /// What it says.
        token: TokenFacts,
        /// The signed document.
        bytes: Vec<u8>,
    },
    /// The office took a token back.
    TokenWithdrawn {
        /// Which.
        id: TokenId,
        /// Why.
        reason: Withdrawal,
        /// The receipt that said so.
        receipt: u64,
    },
    /// A meter was read.
    Reading(Reading),
    /// A recharge was refused before anything was sent; changes nothing.
    Refused {
        /// The token, if it got that far.
        token: Option<TokenId>,
        /// The meter.
        meter: MeterNo,
        /// The stable code of the reason.
        code: String,
        /// What the meter showed, if it was read.
        evidence: Option<Evidence>,
    },
    /// A money frame is about to be sent. On disk before its first byte leaves.
    Intent {
        /// What it will do.
        facts: IntentFacts,
        /// What the meter showed before.
        before: Evidence,
    },
    /// The same frame is about to be sent again, after a read-back showed it was not applied.
    Resend {
        /// The token of the open intent.
        token: TokenId,
        /// The read-back that allows it.
        after_read: Evidence,
    },
    /// What became of an intent.
    Outcome {
        /// The token.
        token: TokenId,
        /// The meter.
        meter: MeterNo,
        /// The decision and what it rests on.
        judgement: Judgement,
    },
    /// The office told its time.
    TimeAnchor {
        /// The office's clock.
        server: UnixSeconds,
    },
    /// A receipt of the office was checked and stored.
    ReceiptStored {
        /// Its number.
        number: u64,
        /// Up to where the office holds this journal.
        acked: Position,
    },
    /// The office settled a recharge the handheld could not decide.
    Resolved {
        /// The token.
        token: TokenId,
        /// The meter.
        meter: MeterNo,
        /// The receipt that said so.
        by: u64,
        /// Whether the credit is in the meter.
        booked: bool,
    },
    /// Somebody logged in.
    LoggedIn {
        /// Who.
        operator: OperatorId,
        /// The grant in force; all zeros if the operator has none that counts.
        grant: TokenId,
        /// In which role.
        role: Role,
        /// Wrong PINs since the last log-in, whoever's.
        failures: u32,
    },
    /// Somebody logged out, or was.
    LoggedOut {
        /// Who.
        operator: OperatorId,
        /// Why.
        why: LogOut,
        /// What was done.
        shift: ShiftSummary,
    },
    /// A PIN was set, changed or removed, or a lock-out was ended.
    PinSet {
        /// Whose.
        operator: OperatorId,
        /// `set`, `changed`, `removed`, `freed`, `recovered`.
        how: String,
    },
    /// An operator's grant was taken in (verified before).
    GrantTaken {
        /// Its identity.
        id: TokenId,
        /// Whose.
        operator: OperatorId,
        /// When the office signed it: of two grants of one operator the later counts.
        issued: UnixSeconds,
        /// When it ends.
        expires: UnixSeconds,
        /// The signed document.
        bytes: Vec<u8>,
    },
    /// A supervisor's override was taken in (verified before).
    OverrideTaken {
        /// Its identity.
        id: TokenId,
        /// Who may use it.
        operator: OperatorId,
        /// On which meter.
        meter: MeterNo,
        /// When it ends.
        expires: UnixSeconds,
        /// The signed document.
        bytes: Vec<u8>,
    },
    /// An act was done that only an override allowed. An override serves one act.
    OverrideUsed {
        /// The override.
        id: TokenId,
        /// For what.
        verb: Verb,
        /// On which meter.
        meter: MeterNo,
    },
    /// A newer root, keyset or status was taken in (verified before).
    DocumentTaken {
        /// Which.
        kind: DocKind,
        /// Its version; never less than before.
        version: u64,
        /// SHA-256 of its bytes; the snapshot must match.
        digest: [u8; 32],
    },
    /// The office revoked tokens, grants or overrides by their identity.
    Revoked {
        /// Which.
        ids: Vec<TokenId>,
        /// Version of the status that said so.
        status: u64,
    },
    /// Which program writes from here on; at the first log-in with another one.
    Software {
        /// Name and version.
        version: String,
        /// SHA-256 of the program's file.
        digest: [u8; 32],
    },
    /// A step of a longer errand began or ended.
    Step(Step),
    /// Something to be remembered of a meter, or not any more.
    Marked {
        /// The meter.
        meter: MeterNo,
        /// What.
        mark: Mark,
        /// Whether from here on, or no longer.
        on: bool,
        /// Why, in the words of the person.
        note: String,
    },
    /// A bundle of parameters was taken in (verified before); its file is a snapshot.
    BundleTaken(BundleTaken),
    /// A round of the office was taken in, as well.
    RoundTaken(super::rounds::RoundTaken),
    /// A meter is about to be written to by rows of its profile that are not proven, because
    /// somebody said that it is meant.
    UnprovenAccepted {
        /// The meter.
        meter: MeterNo,
        /// What for.
        verb: Verb,
        /// The profile.
        profile: String,
        /// How sure its rows are: C or D.
        confidence: char,
        /// Who said so.
        by: Acceptance,
    },
    /// The office's leave for a swap was taken in (verified before).
    SwapTaken {
        /// What it says.
        swap: SwapFacts,
        /// The signed document.
        bytes: Vec<u8>,
    },
    /// What one leg of a swap moves was fixed: from here on it is a token like any other.
    SwapFixed(SwapFixed),
    /// A record torn by a power cut was cut off when the journal was opened.
    TailCut {
        /// The segment's file name.
        file: String,
        /// Where the torn record began, bytes from the start of the file.
        offset: u64,
        /// How many bytes were cut.
        bytes: u64,
    },
}

impl Event {
    /// The meter an entry is about, where it names one itself.
    pub fn meter(&self) -> Option<MeterNo> {
        match self {
            Self::TokenImported { token, .. } => Some(token.meter),
            Self::Reading(reading) => Some(reading.meter),
            Self::Step(step) => step.meter,
            Self::Marked { meter, .. } => Some(*meter),
            Self::SwapTaken { swap, .. } => Some(swap.meter),
            Self::SwapFixed(fixed) => Some(fixed.meter),
            Self::Refused { meter, .. }
            | Self::Outcome { meter, .. }
            | Self::Resolved { meter, .. } => Some(*meter),
            Self::Intent { facts, .. } => Some(facts.meter),
            Self::Resend { after_read, .. } => Some(after_read.meter),
            Self::OverrideTaken { meter, .. }
            | Self::OverrideUsed { meter, .. }
            | Self::UnprovenAccepted { meter, .. } => Some(*meter),
            Self::Enrolled { .. }
            | Self::TokenWithdrawn { .. }
            | Self::TimeAnchor { .. }
            | Self::ReceiptStored { .. }
            | Self::LoggedIn { .. }
            | Self::LoggedOut { .. }
            | Self::PinSet { .. }
            | Self::GrantTaken { .. }
            | Self::DocumentTaken { .. }
            | Self::Revoked { .. }
            | Self::Software { .. }
            | Self::BundleTaken(_)
            | Self::RoundTaken(_)
            | Self::TailCut { .. } => None,
        }
    }

    /// The token an entry is about.
    pub fn token(&self) -> Option<TokenId> {
        match self {
            Self::TokenImported { token, .. } => Some(token.id),
            Self::SwapTaken { swap, .. } => Some(swap.id),
            Self::SwapFixed(fixed) => Some(fixed.token()),
            Self::TokenWithdrawn { id, .. } => Some(*id),
            Self::Refused { token, .. } => *token,
            Self::Intent { facts, .. } => Some(facts.token),
            Self::Resend { token, .. }
            | Self::Outcome { token, .. }
            | Self::Resolved { token, .. } => Some(*token),
            _ => None,
        }
    }

    /// What the meter showed, newest first where an entry holds more than one reading.
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Reading(reading) => reading.evidence.as_ref(),
            Self::Refused { evidence, .. } => evidence.as_ref(),
            Self::Intent { before, .. } => Some(before),
            Self::Resend { after_read, .. } => Some(after_read),
            Self::Outcome { judgement, .. } => judgement.after.as_ref(),
            _ => None,
        }
    }
}
