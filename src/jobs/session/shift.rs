//! The end of a session, and what was done in it.

use std::collections::BTreeMap;

use super::Session;
use crate::jobs::views::{Failure, ShiftView};
use crate::jobs::{checkpoint, failure, meters};
use crate::store::{Event, LogOut, ShiftSummary, Stamp, Store};
use crate::units::{CreditUnit, Mark, Outcome, TokenId};

/// Entries read at once.
const PAGE: usize = 1_000;

/// Ends a session: journals it with what was done since the log-in, and tells that.
///
/// # Errors
/// Codes of the store area: the log-out is not in the journal. The session is over all the same.
pub fn log_out(
    store: &Store,
    session: &Session,
    why: LogOut,
    stamp: &Stamp,
) -> Result<ShiftView, Failure> {
    let shift = summary(store, session);
    let operator = session.operator().clone();
    let event = Event::LoggedOut { operator, why, shift };
    store.append(stamp, event).map_err(|error| failure::store(&error))?;
    store.flush();
    let mut shift = view(store, &shift);
    // A log-out without one is still a log-out.
    shift.checkpoint = checkpoint::make(store, session, &shift, stamp).ok().map(|it| it.text());
    Ok(shift)
}

/// What was done since the log-in, for a screen.
pub fn so_far(store: &Store, session: &Session) -> ShiftView {
    view(store, &summary(store, session))
}

fn view(store: &Store, shift: &ShiftSummary) -> ShiftView {
    let ShiftSummary { reads, accepted, refused, unknown, yuan, kwh } = *shift;
    let mut kept = meters::marks(store);
    kept.retain(|row| row.mark == Mark::KeepPower);
    let unsynced = meters::waiting(store);
    let checkpoint = None;
    ShiftView { reads, accepted, refused, unknown, yuan, kwh, unsynced, kept, checkpoint }
}

/// Counts the entries since the log-in.
fn summary(store: &Store, session: &Session) -> ShiftSummary {
    let mut shift = ShiftSummary::default();
    // What became of each recharge begun or settled in the shift, as it stands at the end.
    let mut ends: BTreeMap<TokenId, Outcome> = BTreeMap::new();
    let mut from = session.from_seq;
    loop {
        let page = store.events(from, PAGE);
        let Some(last) = page.last() else { break };
        from = last.seq.saturating_add(1);
        for entry in page {
            match entry.event {
                Event::Reading(_) => shift.reads = shift.reads.saturating_add(1),
                Event::Refused { .. } => shift.refused = shift.refused.saturating_add(1),
                Event::Intent { facts, .. } => {
                    ends.insert(facts.token, Outcome::Unknown);
                }
                Event::Outcome { token, judgement, .. } => {
                    ends.insert(token, judgement.decision.outcome());
                }
                _ => {}
            }
        }
    }
    for (token, outcome) in ends {
        let counter = match outcome {
            Outcome::Accepted => &mut shift.accepted,
            Outcome::Refused => &mut shift.refused,
            Outcome::Unknown => &mut shift.unknown,
        };
        *counter = counter.saturating_add(1);
        let credit = store.token(token).map(|row| row.facts.credit);
        if let Some(credit) = credit.filter(|_| outcome == Outcome::Accepted) {
            let sum = match credit.unit {
                CreditUnit::Yuan => &mut shift.yuan,
                CreditUnit::Kwh => &mut shift.kwh,
            };
            *sum = sum.saturating_add(credit.value);
        }
    }
    shift
}
