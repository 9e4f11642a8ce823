//! Why an exchange with the office ended early. What was stored before stays stored, what was not
//! sent stays unsent; trying again is always safe.

use super::plan::Misfit;
use super::wire::{Refusal, WireError};
use crate::store::StoreError;
use crate::store::event::DocKind;
use meterkit_tokens::{SealError, TokenError};

/// Every reason, one variant for each thing a person can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// The office could not be reached, or somebody between us closed the line.
    #[error("the office cannot be reached: {0}")]
    Unreachable(String),
    /// The office has too much to do, or this handheld asks too often.
    #[error("the office asks to come back later")]
    Busy,
    /// The office did not answer in time.
    #[error("the office did not answer in time")]
    Timeout,
    /// The answer is not the office's, or contradicts itself or our journal. Nothing was believed.
    #[error("the answer cannot be believed: {0}")]
    Lies(Lie),
    /// The office, and it is the office, refuses.
    #[error("the office refuses: {}", .0.name())]
    Refused(Refusal),
    /// The office speaks another version of the protocol.
    #[error("the office speaks another version: {0}")]
    Version(String),
    /// What may go over the link is spent. Within an exchange only: it ends in good order.
    #[error("the budget of the link is spent")]
    Budget,
    /// The operator stopped it.
    #[error("stopped")]
    Cancelled,
    /// The address of the office makes no sense.
    #[error("not an address of an office: {0}")]
    Address(String),
    /// Something answers at the office's address, but not the office's server.
    #[error("this is not the office's server: {0}")]
    Untrusted(#[from] Untrusted),
    /// The office's keys as this handheld holds them do not fit together; the next exchange
    /// fetches them again.
    #[error("the office's keys in this handheld do not hold: {0}")]
    Keys(TokenError),
    /// The stick or folder cannot be read or written.
    #[error("the stick or folder: {0}")]
    Medium(String),
    /// The handheld's own store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The enrolment file is not one.
    #[error("not an enrolment file: {0}")]
    File(String),
    /// A bug: something of ours could not be signed or built.
    #[error("cannot build the request: {0}")]
    Internal(String),
}

impl SyncError {
    /// The stable word; `jobs` maps it to a report code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "office-unreachable",
            Self::Busy => "office-busy",
            Self::Timeout => "office-timeout",
            Self::Lies(_) => "office-lies",
            Self::Refused(Refusal::Version) | Self::Version(_) => "office-version",
            Self::Refused(_) => "office-refused",
            Self::Cancelled => "cancelled",
            Self::Budget => "budget",
            Self::Address(_) => "office-address",
            Self::Untrusted(_) => "office-untrusted",
            Self::Keys(_) => "office-keys",
            Self::Medium(_) => "medium",
            Self::Store(error) => error.code(),
            Self::File(_) => "enrolment-file",
            Self::Internal(_) => "internal",
        }
    }
}

/// How an answer gave itself away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// An HTTP status no office gives: a proxy, a portal, another server.
    #[error("HTTP status {0}")]
    Status(u16),
    /// Longer than any answer.
    #[error("the answer is too long")]
    TooLong,
    /// Not a message at all.
    #[error("{0}")]
    Shape(WireError),
    /// Not signed by a key of our office, or altered.
    #[error("its signature does not hold: {0}")]
    Signature(TokenError),
    /// Signed while the key was not in force.
    #[error("its key was not in force at that time")]
    KeyTime,
    /// Meant for another handheld.
    #[error("it is for another handheld")]
    OtherDevice,
    /// An answer to another request: an old one, played again.
    #[error("it answers another request")]
    Nonce,
    /// A good answer, but not to this question.
    #[error("it does not answer the question")]
    Kind,
    /// It does not fit our journal.
    #[error("{0}")]
    Misfit(Misfit),
    /// A file that does not open with this handheld's key.
    #[error("{0}")]
    Sealed(SealError),
    /// A receipt that is not about the pack just sent, or with a number that went back.
    #[error("the receipt does not fit: {0}")]
    Receipt(&'static str),
    /// An area page that is not the one announced.
    #[error("area page {0} is not the one announced")]
    Page(usize),
    /// A root, keyset or status that is older than ours, not signed as it must be, or not ours.
    #[error("the {} does not hold: {why}", .kind.snapshot())]
    Document {
        /// Which.
        kind: DocKind,
        /// What is wrong with it.
        why: TokenError,
    },
}

/// Why a server is not taken for the office's. A certificate of another authority, a key that is
/// not pinned and a name that does not match are attacks until somebody knows better.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Its certificate is not of the office's own authority.
    #[error("its certificate is not from the office's authority")]
    Authority,
    /// Its certificate is good, but its key is none of those announced.
    #[error("its key is none of those pinned")]
    Pin,
    /// Its certificate is over, or our clock is far ahead.
    #[error("its certificate has expired, or the clock here is ahead")]
    Expired,
    /// Its certificate has not begun, or our clock is far behind.
    #[error("its certificate is not valid yet, or the clock here is behind")]
    NotYet,
    /// Its certificate is for another host.
    #[error("its certificate is for another host")]
    Name,
    /// It does not speak TLS at all.
    #[error("it does not speak TLS")]
    NotTls,
    /// Something else about its certificate.
    #[error("its certificate is not acceptable: {0}")]
    Certificate(String),
    /// The handshake failed otherwise.
    #[error("no secure connection: {0}")]
    Handshake(String),
    /// This handheld was enrolled without an authority to check a server by.
    #[error("no authority was given to check it by")]
    NoAuthority,
    /// This handheld was enrolled without the server's keys.
    #[error("no key was pinned to check it by")]
    NoPins,
}

impl From<Lie> for SyncError {
    fn from(lie: Lie) -> Self {
        Self::Lies(lie)
    }
}

impl From<Misfit> for SyncError {
    fn from(misfit: Misfit) -> Self {
        Self::Lies(Lie::Misfit(misfit))
    }
}

impl From<WireError> for SyncError {
    /// For what came from outside; our own messages are well-formed by construction.
    fn from(error: WireError) -> Self {
        match error {
            WireError::Version(found) => Self::Version(format!("message version {found}")),
            error => Self::Lies(Lie::Shape(error)),
        }
    }
}
