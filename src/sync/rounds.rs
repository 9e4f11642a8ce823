//! Rounds the office made: what a signed list must be to be taken in, and to be begun.
//!
//! The same check at an exchange, of a file carried by hand, and again before a round is begun.

use super::wire::{Round, WireError};
use crate::store::{Imported, RoundTaken, Stamp, Store, StoreError};
use crate::units::{TokenId, UnixSeconds};
use meterkit_tokens::{DocType, Keyring, TokenError, verify};
use sha2::{Digest, Sha256};

/// Why a round is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RoundFault {
    /// Not signed by the office as it must be, or for another tenant.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// Signed, and no list this program can read.
    #[error("{0}")]
    Shape(#[from] WireError),
    /// For another handheld.
    #[error("it is for {0}")]
    Device(String),
    /// For another life of this handheld's journal.
    #[error("it is for life {0} of the journal, this is {1}")]
    Life(u32, u32),
    /// Over.
    #[error("it could be begun until {0}")]
    Expired(i64),
    /// The store did not take it.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl RoundFault {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Shape(_) => "shape",
            Self::Device(_) => "device",
            Self::Life(..) => "life",
            Self::Expired(_) => "expired",
            Self::Store(error) => error.code(),
        }
    }
}

/// The list in a signed document, for this handheld, this life of its journal and now.
///
/// # Errors
/// The first rule it breaks.
pub fn verified(
    store: &Store,
    keys: &Keyring,
    bytes: &[u8],
    now: UnixSeconds,
) -> Result<Round, RoundFault> {
    let identity = store.identity();
    let opened = verify(bytes, DocType::Round, &identity.tenant, keys, None)?;
    let round = Round::read(opened.payload)?;
    // The key must have been in force when the list was made.
    verify(bytes, DocType::Round, &identity.tenant, keys, Some(round.issued.0))?;
    if round.device != identity.device {
        return Err(RoundFault::Device(round.device.to_string()));
    }
    let life = store.summary().head.epoch;
    if round.epoch != life {
        return Err(RoundFault::Life(round.epoch, life));
    }
    if now >= round.expires {
        return Err(RoundFault::Expired(round.expires.0));
    }
    Ok(round)
}

/// Takes a signed list in, once; `true` when it is new.
///
/// # Errors
/// As [`verified`]; [`RoundFault::Store`] also for one the office withdrew before it came.
pub fn take(
    store: &Store,
    keys: &Keyring,
    stamp: &Stamp,
    bytes: &[u8],
) -> Result<(TokenId, bool), RoundFault> {
    let round = verified(store, keys, bytes, stamp.at)?;
    let taken = RoundTaken {
        id: round.id,
        name: round.name,
        digest: Sha256::digest(bytes).into(),
        due: round.due,
        expires: round.expires,
        meters: u32::try_from(round.lines.len()).unwrap_or(u32::MAX),
    };
    let done = store.take_round(stamp, taken, bytes)?;
    Ok((round.id, matches!(done, Imported::New(_))))
}
