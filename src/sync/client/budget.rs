//! A budget for a link that is slow, dear, or both: money goes first, and when the budget is spent
//! the exchange ends in good order. Whatever was acknowledged stays so; the next one goes on there.

use crate::store::{Event, Store};
use crate::sync::error::SyncError;
use crate::sync::wire::Ask;
use crate::units::ErrandKind;
use std::cell::Cell;

/// Bytes of records in a pack on such a link: at 3 KB/s (`reference/field-work.md` 3c) a pack that
/// is lost on the way costs three seconds.
const PACK_BYTES: usize = 8 * 1024;
/// What a receipt and the answer around it take, and what a request puts around its records.
const PACK_ANSWER: u64 = 1024;
const SIGNED: usize = 512;
/// Entries an exchange itself leaves behind: they are not worth a PULL of their own before them.
pub(super) const BOOKKEEPING: u64 = 8;
/// What HTTP and TLS put around a request and its answer: heads and records, not the handshake.
const AROUND: u64 = 700;
/// The least an exchange can do something with: HELLO and BYE with their statuses, which are never
/// cut off, a PULL and a small pack.
pub(super) const LEAST: u64 = 12 * 1024;
/// Records looked through at a time for money.
const LOOK: usize = 256 * 1024;

/// What may still be sent and received, and what was.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// `None`: as much as there is.
    most: Option<u64>,
    spent: Cell<u64>,
    answered: Cell<bool>,
}

impl Budget {
    pub(super) fn of(most: Option<u64>) -> Self {
        Self { most, ..Self::default() }
    }

    /// Whether there is one.
    pub(super) fn is_set(&self) -> bool {
        self.most.is_some()
    }

    pub(super) fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// Bytes of records the next pack may hold: less than usual where little is left, so that every
    /// exchange brings the journal some way on.
    pub(super) fn pack_bytes(&self, usual: usize) -> usize {
        let Some(most) = self.most else { return usual };
        let left = most.saturating_sub(self.spent.get()).saturating_sub(AROUND + PACK_ANSWER);
        let left = usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(SIGNED);
        left.clamp(SIGNED, PACK_BYTES)
    }

    /// Whether a request of so many bytes may be made; its answer is guessed by its kind.
    ///
    /// # Errors
    /// [`SyncError::Budget`].
    pub(super) fn allow(&self, ask: &Ask, body: usize) -> Result<(), SyncError> {
        let Some(most) = self.most else { return Ok(()) };
        let answer = match ask {
            // Without these no exchange is one.
            Ask::Hello(_) | Ask::Enrol { .. } | Ask::Visit(_) | Ask::Bye { .. } => return Ok(()),
            Ask::Pack(_) => PACK_ANSWER,
            Ask::Pull(_) => 2 * 1024,
            // A page has as much at most; but with a budget below that, lists would never come.
            Ask::Page { .. } | Ask::File { .. } => (24 * 1024).min(most / 4),
        };
        let wanted = bytes(body) + AROUND + answer;
        let left = most.saturating_sub(self.spent.get());
        if wanted > left { Err(SyncError::Budget) } else { Ok(()) }
    }

    /// Counts a request, with what is around it and its answer.
    pub(super) fn count(&self, body: usize) {
        self.spent.set(self.spent.get().saturating_add(bytes(body) + AROUND));
    }

    /// Counts an answer.
    pub(super) fn count_answer(&self, answer: usize) {
        self.spent.set(self.spent.get().saturating_add(bytes(answer)));
        self.answered.set(true);
    }

    /// Whether anybody has answered.
    pub(super) fn answered(&self) -> bool {
        self.answered.get()
    }
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Whether an entry is about money or a swap: these leave first.
fn is_money(event: &Event) -> bool {
    match event {
        Event::Intent { .. }
        | Event::Resend { .. }
        | Event::Outcome { .. }
        | Event::Resolved { .. }
        | Event::OverrideUsed { .. }
        | Event::SwapFixed(_) => true,
        Event::Step(step) => step.kind == ErrandKind::Swap,
        _ => false,
    }
}

/// The last entry from `from` on that is about money. A journal is one chain, so what lies before
/// it has to go along; what lies behind it can wait.
pub(super) fn last_money(store: &Store, from: u64) -> Option<u64> {
    let (mut at, mut last) = (from, None);
    loop {
        let page = store.events(at, LOOK / 256);
        let Some(end) = page.last() else { return last };
        at = end.seq.saturating_add(1);
        last = page.iter().rev().find(|entry| is_money(&entry.event)).map(|e| e.seq).or(last);
    }
}
