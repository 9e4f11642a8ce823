//! A journal record as the office reads it: the store's versioned record form is also the wire
//! form, so that a record has one spelling from the handheld's disk to the office's.

use super::WireError;
use crate::store::{records, segment};
use crate::units::UnixSeconds;

pub use crate::store::{Event, Step, SwapFacts, SwapFixed, TokenFacts, Withdrawal};

/// One journal entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its sequence number, as written inside it.
    pub seq: u64,
    /// The handheld's time.
    pub at: UnixSeconds,
    /// Who worked with the handheld.
    pub operator: String,
    /// What happened.
    pub event: Event,
}

/// Reads a record body.
///
/// # Errors
/// [`WireError::Shape`] for a record of a version this program does not know, or no record at all.
pub fn read_entry(body: &[u8]) -> Result<Entry, WireError> {
    let record = records::decode_body(body).map_err(|e| WireError::Shape(e.to_string()))?;
    let stamp = record.stamp;
    Ok(Entry { seq: record.seq, at: stamp.at, operator: stamp.operator, event: record.event })
}

/// The chain hash of a record after another one.
pub fn chain(before: &[u8; 32], body: &[u8]) -> [u8; 32] {
    segment::chain(before, body)
}

/// The stable name of an entry's kind.
pub fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::Enrolled { .. } => "enrolled",
        Event::TokenImported { .. } => "token-imported",
        Event::TokenWithdrawn { .. } => "token-withdrawn",
        Event::Reading(_) => "reading",
        Event::Refused { .. } => "refused",
        Event::Intent { .. } => "intent",
        Event::Resend { .. } => "resend",
        Event::Outcome { .. } => "outcome",
        Event::TimeAnchor { .. } => "time-anchor",
        Event::ReceiptStored { .. } => "receipt-stored",
        Event::Resolved { .. } => "resolved",
        Event::LoggedIn { .. } => "logged-in",
        Event::LoggedOut { .. } => "logged-out",
        Event::PinSet { .. } => "pin-set",
        Event::GrantTaken { .. } => "grant-taken",
        Event::OverrideTaken { .. } => "override-taken",
        Event::OverrideUsed { .. } => "override-used",
        Event::DocumentTaken { .. } => "document-taken",
        Event::Revoked { .. } => "revoked",
        Event::Software { .. } => "software",
        Event::Step(_) => "step",
        Event::Marked { .. } => "marked",
        Event::BundleTaken(_) => "bundle-taken",
        Event::RoundTaken(_) => "round-taken",
        Event::UnprovenAccepted { .. } => "unproven-accepted",
        Event::SwapTaken { .. } => "swap-taken",
        Event::SwapFixed(_) => "swap-fixed",
        Event::TailCut { .. } => "tail-cut",
    }
}
