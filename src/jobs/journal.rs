//! The journal as rows for a list, and checking all of it.

use super::failure;
use super::views::{Failure, JournalKind, JournalRow};
use crate::store::{Event, LogOut, Recorded, Store, Withdrawal};
use crate::units::{Act, Credit, Decision, MeterNo, Money, Outcome};

/// Most rows one page gives.
pub const MAX_PAGE: usize = 500;

/// A page of the journal, newest first, below `before`; and whether there are older entries.
pub fn page(store: &Store, before: Option<u64>, limit: usize) -> (Vec<JournalRow>, bool) {
    let summary = store.summary();
    let limit = limit.clamp(1, MAX_PAGE);
    let end = before.unwrap_or(u64::MAX).min(summary.events.saturating_add(1));
    let begin = end.saturating_sub(limit as u64).max(1);
    let wanted = usize::try_from(end.saturating_sub(begin)).unwrap_or(0);
    let mut entries = store.events(begin, wanted);
    entries.reverse();
    let acked = summary.acked.map_or(0, |at| at.seq);
    (entries.iter().map(|entry| row(entry, acked, store)).collect(), begin > 1)
}

/// The last entries about one meter, newest first.
pub fn of_meter(store: &Store, meter: MeterNo, limit: usize) -> Vec<JournalRow> {
    let acked = store.summary().acked.map_or(0, |at| at.seq);
    let entries = store.events_for(meter, true, limit.min(MAX_PAGE));
    entries.iter().map(|entry| row(entry, acked, store)).collect()
}

/// Checks the whole journal; how many entries it has.
///
/// # Errors
/// [`crate::report::Code::JournalDamaged`] with the place.
pub fn verify(store: &Store) -> Result<u64, Failure> {
    store.verify().map(|verified| verified.records).map_err(|damage| failure::damage(&damage))
}

fn row(entry: &Recorded, acked: u64, store: &Store) -> JournalRow {
    let event = &entry.event;
    let (kind, outcome, detail) = described(event);
    let token = event.token();
    let cached = token.and_then(|id| store.token(id)).map(|row| (row.facts.credit, row.facts.act));
    let own = own_credit(event).or(cached);
    JournalRow {
        seq: entry.seq,
        at: entry.stamp.at,
        kind,
        meter: event.meter(),
        token,
        credit: own.map(|(credit, _)| credit),
        act: own.map(|(_, act)| act),
        outcome,
        acked: entry.seq <= acked,
        detail,
    }
}

fn own_credit(event: &Event) -> Option<(Credit, Act)> {
    match event {
        Event::TokenImported { token, .. } => Some((token.credit, token.act)),
        Event::Intent { facts, .. } => Some((facts.credit, facts.act)),
        _ => None,
    }
}

fn described(event: &Event) -> (JournalKind, Option<Outcome>, String) {
    match event {
        Event::Enrolled { tenant, device, .. } => {
            (JournalKind::Enrolled, None, format!("{tenant} {device}"))
        }
        Event::TokenImported { .. } => (JournalKind::TokenImported, None, String::new()),
        Event::TokenWithdrawn { reason, .. } => {
            let reason = match reason {
                Withdrawal::Recharged(at) => {
                    let what = format!("recharged {}", at.0);
                    return (JournalKind::TokenWithdrawn, None, what);
                }
                Withdrawal::Voided => "voided",
                Withdrawal::Settled => "settled",
                Withdrawal::Superseded => "superseded",
            };
            (JournalKind::TokenWithdrawn, None, reason.to_owned())
        }
        Event::Reading(reading) => {
            (JournalKind::Reading, None, format!("{} items", reading.items.len()))
        }
        Event::Refused { code, .. } => (JournalKind::Refused, None, code.clone()),
        Event::Intent { facts, .. } => {
            (JournalKind::Intent, None, format!("count {}", facts.count_before))
        }
        Event::Resend { .. } => (JournalKind::Resend, None, String::new()),
        Event::Outcome { judgement, .. } => {
            let decision = judgement.decision;
            (JournalKind::Outcome, Some(decision.outcome()), decision_name(decision).to_owned())
        }
        Event::TimeAnchor { server } => (JournalKind::TimeAnchor, None, server.0.to_string()),
        Event::ReceiptStored { number, acked } => {
            (JournalKind::Receipt, None, format!("{number}: {}", acked.seq))
        }
        Event::Resolved { booked, .. } => {
            let booked = if *booked { "booked" } else { "not-booked" };
            (JournalKind::Resolved, None, booked.to_owned())
        }
        Event::LoggedIn { operator, role, failures, .. } => {
            let failures =
                if *failures == 0 { String::new() } else { format!(", {failures} wrong") };
            (JournalKind::LoggedIn, None, format!("{operator} {}{failures}", role.name()))
        }
        Event::LoggedOut { operator, why, .. } => {
            let why = match why {
                LogOut::Asked => "asked",
                LogOut::Idle => "idle",
                LogOut::ShiftEnd => "shift-end",
                LogOut::Ended => "ended",
            };
            (JournalKind::LoggedOut, None, format!("{operator} {why}"))
        }
        Event::PinSet { operator, how } => (JournalKind::PinSet, None, format!("{operator} {how}")),
        Event::GrantTaken { operator, .. } => (JournalKind::GrantTaken, None, operator.to_string()),
        Event::OverrideTaken { operator, .. } => {
            (JournalKind::OverrideTaken, None, operator.to_string())
        }
        Event::OverrideUsed { verb, .. } => {
            (JournalKind::OverrideUsed, None, verb.name().to_owned())
        }
        Event::DocumentTaken { kind, version, .. } => {
            (JournalKind::DocumentTaken, None, format!("{} v{version}", kind.snapshot()))
        }
        Event::Revoked { ids, .. } => (JournalKind::Revoked, None, ids.len().to_string()),
        Event::Software { version, .. } => (JournalKind::Software, None, version.clone()),
        Event::Step(step) => {
            let (kind, name, state) = (step.kind.name(), &step.name, step.state.name());
            (JournalKind::Step, None, format!("{kind} {name} {state}"))
        }
        Event::Marked { mark, on, .. } => {
            let sign = if *on { '+' } else { '-' };
            (JournalKind::Marked, None, format!("{sign}{}", mark.name()))
        }
        Event::BundleTaken(taken) => {
            (JournalKind::BundleTaken, None, format!("{} v{}", taken.name, taken.version))
        }
        Event::RoundTaken(taken) => (JournalKind::RoundTaken, None, taken.name.clone()),
        Event::UnprovenAccepted { verb, profile, confidence, .. } => {
            (JournalKind::Unproven, None, format!("{} {profile} {confidence}", verb.name()))
        }
        Event::SwapTaken { swap, .. } => {
            (JournalKind::SwapTaken, None, format!("{} > {}", swap.old, swap.meter))
        }
        Event::SwapFixed(fixed) => {
            let amount = Money(fixed.amount);
            let detail = format!("{} {} {amount}", fixed.leg.name(), fixed.attempt);
            (JournalKind::SwapFixed, None, detail)
        }
        Event::TailCut { bytes, .. } => (JournalKind::TailCut, None, format!("{bytes} bytes")),
    }
}

/// The stable name of a decision.
pub fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Confirmed => "confirmed",
        Decision::ConfirmedWeak => "confirmed-weak",
        Decision::NotApplied => "not-applied",
        Decision::Raced => "raced",
        Decision::TornWrite => "torn-write",
        Decision::Reset => "reset",
        Decision::Contradiction => "contradiction",
        Decision::Unreachable => "unreachable",
    }
}
