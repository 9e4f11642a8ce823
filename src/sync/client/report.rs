//! What an exchange tells whoever started it.

use crate::store::StoreError;
use crate::store::event::DocKind;
use crate::sync::wire::EntryOutcome;
use crate::units::{Credit, TokenId};

/// What one exchange did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// Journal entries sent and acknowledged now.
    pub sent: u64,
    /// Packs sent.
    pub packs: u32,
    /// What became of each entry, from the receipts of this exchange.
    pub outcomes: Vec<(u64, EntryOutcome)>,
    /// Tokens taken in.
    pub tokens: u32,
    /// Tokens that were there before.
    pub known: u32,
    /// Tokens, grants and overrides that were refused, and why (a stable code). They change
    /// nothing.
    pub refused: Vec<(Option<TokenId>, String)>,
    /// Tokens the office took back.
    pub withdrawn: u32,
    /// Disputed recharges the office settled.
    pub settled: u32,
    /// Meters in the area list taken in; `None` when it was unchanged.
    pub meters: Option<u64>,
    /// Pages of it that had to be fetched: the others were here.
    pub pages: u32,
    /// Bytes up and down.
    pub bytes: u64,
    /// Whether the budget of the link ended it: what is left goes with the next exchange.
    pub cut_short: bool,
    /// Office time minus handheld time, seconds.
    pub clock_s: i64,
    /// What was issued to this handheld and is still out, one amount per unit.
    pub still_out: Vec<Credit>,
    /// Version of the status taken in; `None` when the office gave none.
    pub status: Option<u64>,
    /// Keys the status names as newer than ours which the office did not give: somebody holds them
    /// back. Money stops until they come.
    pub withheld: Vec<DocKind>,
    /// Operators' grants taken in.
    pub grants: u32,
    /// Bundles of parameters taken in.
    pub bundles: u32,
    /// Rounds of the office taken in.
    pub rounds: u32,
    /// Supervisors' overrides taken in.
    pub overrides: u32,
    /// Tokens, grants and overrides newly revoked.
    pub revoked: u32,
    /// The office was put back to an earlier time and wants the journal again, from this entry on:
    /// what its parcel asked the letters to repeat. Nothing else was in it.
    pub again: Option<(u64, [u8; 16])>,
    /// Bookkeeping (receipts, the office's time, documents) the store did not take, and why. The
    /// exchange itself is good; the next one repeats them.
    pub not_recorded: Option<StoreError>,
}

impl SyncReport {
    /// Entries the office wants a person to look at.
    pub fn review(&self) -> u64 {
        let review = |outcome: &EntryOutcome| matches!(outcome, EntryOutcome::Review(_));
        self.outcomes.iter().filter(|(_, outcome)| review(outcome)).count() as u64
    }
}

/// Where an exchange stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Asking where we stand.
    Hello,
    /// Sending entries: done, of how many.
    Packs(u64, u64),
    /// Taking in tokens: so many so far.
    Tokens(u32),
    /// Taking in area pages: done, of how many.
    Area(usize, usize),
    /// Done.
    Bye,
}
