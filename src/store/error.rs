//! What can go wrong with the store, one variant per reason a person can act on.

use super::event::DocKind;
use crate::units::{Limit, MeterNo, TokenId};

/// A place in a journal that cannot be right, found by reading it. Nothing is ever repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// File name inside the store.
    pub file: String,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The last sequence number before it that is in order.
    pub after_seq: u64,
    /// What is wrong, in one stable English phrase.
    pub what: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, offset, after_seq, what } = self;
        write!(f, "{file} at byte {offset} (after entry {after_seq}): {what}")
    }
}

impl std::error::Error for Damage {}

/// Why this handheld may not move money now. Reading and syncing go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The journal is damaged before its end. The files are kept; the office must re-enrol.
    Damaged(Damage),
    /// The journal is older than what was acknowledged elsewhere: a restored copy or a lost disk.
    RolledBack {
        /// The journal's last sequence number.
        have: u64,
        /// What was known to exist.
        known: u64,
        /// Who knew: `index`, `receipt`, `office`.
        witness: &'static str,
    },
    /// The disk failed to write or to flush. Final for this process: reopen, which checks again.
    WriteFailed(String),
    /// Not enough free space for an intent and its outcome.
    SpaceShort {
        /// Bytes free.
        free: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// The index cannot be kept on disk; it is held in memory and only reading is safe.
    NoIndex(String),
}

impl Why {
    /// The stable code, for words and exit status.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "journal-damaged",
            Self::RolledBack { .. } => "journal-rolled-back",
            Self::WriteFailed(_) => "disk-failed",
            Self::SpaceShort { .. } => "disk-full",
            Self::NoIndex(_) => "index-unavailable",
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(damage) => write!(f, "the journal is damaged: {damage}"),
            Self::RolledBack { have, known, witness } => write!(
                f,
                "the journal ends at entry {have}, but the {witness} has seen entry {known}"
            ),
            Self::WriteFailed(what) => write!(f, "the disk failed: {what}"),
            Self::SpaceShort { free, needed } => {
                write!(f, "{free} bytes free, {needed} needed")
            }
            Self::NoIndex(what) => write!(f, "the index cannot be kept: {what}"),
        }
    }
}

/// Why the store did not do what was asked. Unless said otherwise nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The folder holds no enrolled handheld.
    #[error("not enrolled: {0}")]
    NotEnrolled(String),
    /// The folder already holds an enrolled handheld.
    #[error("already enrolled: {0}")]
    AlreadyEnrolled(String),
    /// Another process works with this store.
    #[error("the store is in use{}", pid.map(|p| format!(" by process {p}")).unwrap_or_default())]
    Locked {
        /// Its process id, where it could be read.
        pid: Option<u32>,
    },
    /// The key is not the one the store was sealed with. Nothing was changed.
    #[error("the store does not open with this key")]
    Sealed,
    /// The store was written by a newer version.
    #[error("{file}: format {found} is newer than {known}")]
    Newer {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// What this version reads.
        known: u32,
    },
    /// A file of the store cannot be right.
    #[error("damaged: {0}")]
    Damaged(Damage),
    /// Money is stopped; after damage or a rollback nothing else is recorded either.
    #[error("recording is stopped: {0}")]
    MoneyStopped(Why),
    /// The disk is full. The entry was not recorded; it may be tried again.
    #[error("the disk is full")]
    DiskFull,
    /// The disk failed. The entry may or may not be there after the next start.
    #[error("the disk failed: {0}")]
    Failed(String),
    /// The index could not answer, not even after it was built again.
    #[error("the index failed: {0}")]
    Index(String),
    /// An entry, a snapshot or a field is larger than the store takes.
    #[error("{what} has {size} bytes; at most {limit} are taken")]
    TooBig {
        /// What.
        what: &'static str,
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// An entry only the store itself may write, or only through its own method.
    #[error("an entry of kind {0} is not recorded this way")]
    NotThisWay(&'static str),
    /// The token was imported before, with the same bytes.
    #[error("token {0} is already there")]
    Known(TokenId),
    /// The token was imported before, with other bytes.
    #[error("token {0} is already there with other contents")]
    Conflict(TokenId),
    /// The token is not in the store.
    #[error("token {0} is not in the store")]
    UnknownToken(TokenId),
    /// The token was used up: accepted, or its step was taken.
    #[error("token {0} is used up")]
    TokenUsed(TokenId),
    /// The token was withdrawn by the office.
    #[error("token {0} was withdrawn")]
    TokenWithdrawn(TokenId),
    /// The office revoked the token: no recharge begins with it any more.
    #[error("token {0} was revoked")]
    TokenRevoked(TokenId),
    /// The token's life is over: it is not sent again.
    #[error("token {0} has expired")]
    TokenExpired(TokenId),
    /// The facts of an intent are not those of the token.
    #[error("the intent differs from token {0} in its {1}")]
    FactsDiffer(TokenId, &'static str),
    /// The reading does not allow the step: what does not fit, by name.
    #[error("the reading does not allow it: {0}")]
    Evidence(&'static str),
    /// One more act would go beyond what may be done before the office has heard of it.
    #[error("over the limit: {limit:?}{}", if *.operators { " of the operator" } else { "" })]
    OverLimit {
        /// Which limit.
        limit: Limit,
        /// Whether it is the operator's own; otherwise it is the handheld's.
        operators: bool,
    },
    /// The meter has a recharge whose outcome is not known.
    #[error("meter {meter} has an open recharge with token {token}")]
    OpenIntent {
        /// The meter.
        meter: MeterNo,
        /// The token of the open recharge.
        token: TokenId,
    },
    /// The token has no open recharge.
    #[error("token {0} has no open recharge")]
    NoOpenIntent(TokenId),
    /// The evidence was contradictory before; only the office may settle it.
    #[error("token {0} is disputed; the office must settle it")]
    Disputed(TokenId),
    /// The frame was sent as often as it may be.
    #[error("token {0} was sent {1} times already")]
    TooManySends(TokenId, u32),
    /// A receipt is about another journal, or acknowledges what this journal does not hold.
    #[error("receipt {number} does not fit this journal: {what}")]
    ReceiptMismatch {
        /// The receipt.
        number: u64,
        /// `epoch`, `beyond the head`, `hash`.
        what: &'static str,
    },
    /// A receipt acknowledges less than an earlier one; harmless.
    #[error("receipt {0} is older than the one stored")]
    ReceiptOld(u64),
    /// A document older than the one in force, or another one under its version.
    #[error("{} {got} is not newer than {have}", .kind.snapshot())]
    OlderDocument {
        /// Which.
        kind: DocKind,
        /// The version in force.
        have: u64,
        /// The version offered.
        got: u64,
    },
    /// The document in force is not there any more, or is not what was taken in.
    #[error("the {} is lost", .0.snapshot())]
    DocumentLost(DocKind),
    /// A grant older than the one the operator has.
    #[error("grant {0} is older than the one known")]
    OlderGrant(TokenId),
    /// The override is not in the store.
    #[error("override {0} is not in the store")]
    UnknownOverride(TokenId),
    /// The override served its one act.
    #[error("override {0} is used up")]
    OverrideSpent(TokenId),
    /// The override's life is over.
    #[error("override {0} has expired")]
    OverrideExpired(TokenId),
    /// The office revoked the override.
    #[error("override {0} was revoked")]
    OverrideRevoked(TokenId),
    /// The override is for something else: `operator`, `meter`.
    #[error("override {0} is for another {1}")]
    OverrideDiffers(TokenId, &'static str),
    /// The meter was swapped out: it is not credited any more.
    #[error("meter {0} was swapped out")]
    SwappedOut(MeterNo),
    /// An area list that cannot be taken: what is wrong with it.
    #[error("the area list cannot be taken: {0}")]
    Area(String),
    /// Not a name for a snapshot: 1 to 32 of a-z, 0-9 and `-`, and not one the store uses itself.
    #[error("not a name for a snapshot: {0}")]
    Name(String),
}

impl StoreError {
    /// An error of the file system, while working on `what`.
    pub fn of_io(what: &str, error: &std::io::Error) -> Self {
        if super::disk::is_full(error) {
            Self::DiskFull
        } else {
            Self::Failed(format!("{what}: {error}"))
        }
    }

    /// The stable code, for words and exit status.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotEnrolled(_) => "not-enrolled",
            Self::AlreadyEnrolled(_) => "already-enrolled",
            Self::Locked { .. } => "store-locked",
            Self::Sealed => "store-sealed",
            Self::Newer { .. } => "store-newer",
            Self::Damaged(_) => "journal-damaged",
            Self::MoneyStopped(why) => why.code(),
            Self::DiskFull => "disk-full",
            Self::Failed(_) => "disk-failed",
            Self::Index(_) => "index-unavailable",
            Self::TooBig { .. } => "too-big",
            Self::NotThisWay(_) => "not-this-way",
            Self::Known(_) => "token-known",
            Self::Conflict(_) => "token-conflict",
            Self::UnknownToken(_) => "token-unknown",
            Self::TokenUsed(_) => "token-used",
            Self::TokenWithdrawn(_) => "token-withdrawn",
            Self::TokenRevoked(_) => "token-revoked",
            Self::TokenExpired(_) => "token-expired",
            Self::OverLimit { .. } => "over-limit",
            Self::FactsDiffer(..) => "facts-differ",
            Self::Evidence(_) => "evidence",
            Self::OpenIntent { .. } => "intent-open",
            Self::NoOpenIntent(_) => "intent-none",
            Self::Disputed(_) => "disputed",
            Self::TooManySends(..) => "too-many-sends",
            Self::ReceiptMismatch { .. } => "receipt-mismatch",
            Self::ReceiptOld(_) => "receipt-old",
            Self::OlderDocument { .. } => "document-older",
            Self::DocumentLost(_) => "document-lost",
            Self::OlderGrant(_) => "grant-older",
            Self::UnknownOverride(_) => "override-unknown",
            Self::OverrideSpent(_) => "override-used",
            Self::OverrideExpired(_) => "override-expired",
            Self::OverrideRevoked(_) => "override-revoked",
            Self::OverrideDiffers(..) => "override-differs",
            Self::SwappedOut(_) => "swapped-out",
            Self::Area(_) => "area-bad",
            Self::Name(_) => "bad-name",
        }
    }
}
