//! The objects printed with `--json`: stable English keys, integers with their unit in the name.

use serde_json::{Value, json};

use crate::jobs::journal::decision_name;
use crate::jobs::views::{
    FinishedView, JournalKind, JournalRow, PreflightView, QuickRead, TokenStateView, TokenView,
};
use crate::units::{Credit, Evidence, Outcome, RelayState};

/// An amount of credit.
pub fn credit(credit: Credit) -> Value {
    json!({ "hundredths": credit.value, "unit": credit.unit.symbol() })
}

fn relay(state: RelayState) -> &'static str {
    match state {
        RelayState::Closed => "closed",
        RelayState::Open => "open",
    }
}

/// Stable name of an outcome.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused => "refused",
        Outcome::Unknown => "unknown",
    }
}

/// Hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a meter showed.
pub fn evidence(seen: &Evidence) -> Value {
    json!({
        "meter": seen.meter.to_string(),
        "account": seen.account.map(|account| account.to_string()),
        "count": seen.count.0,
        "balance": credit(seen.balance),
        "overdraft_hundredths": seen.overdraft,
        "last_purchase": seen.last_purchase.map(|record| json!({
            "count": record.count.0,
            "amount_hundredths": record.amount,
            "before_hundredths": record.balances.map(|[before, _]| before),
            "after_hundredths": record.balances.map(|[_, after]| after),
        })),
        "energy_hundredths_kwh": seen.energy.map(|energy| energy.0),
        "meter_clock_local_s": seen.meter_clock.map(|clock| clock.0),
        "relay": seen.relay.map(relay),
        "read_at_unix": seen.read_at.0,
        "frames_sha256": hex(&seen.frames_digest),
    })
}

/// The quick-read card.
pub fn quick_read(card: &QuickRead) -> Value {
    json!({
        "meter": card.meter.to_string(),
        "energy_hundredths_kwh": card.energy.map(|energy| energy.0),
        "balance": card.balance.map(credit),
        "overdraft_hundredths": card.overdraft,
        "count": card.count.map(|count| count.0),
        "voltage_dv": card.voltage_dv,
        "current_ma": card.current_ma,
        "power_dw": card.power_dw,
        "meter_clock_local_s": card.clock.map(|clock| clock.0),
        "drift_s": card.drift_s,
        "relay": card.relay.map(relay),
        "status": card.status.map(|word| word.map(|bits| format!("{bits:04X}"))),
        "alarms": card.alarms,
        "missing": card.missing,
        "profile": card.profile,
        "others": card
            .others
            .iter()
            .map(|(name, value)| json!({ "item": name, "value": value }))
            .collect::<Vec<_>>(),
        "took_ms": card.took_ms,
        "read_at_unix": card.read_at.0,
    })
}

/// Stable name of a token's state.
pub fn token_state(state: TokenStateView) -> &'static str {
    match state {
        TokenStateView::Ready => "ready",
        TokenStateView::NotYet => "not-yet",
        TokenStateView::Expired => "expired",
        TokenStateView::Open => "unknown",
        TokenStateView::Accepted => "accepted",
        TokenStateView::Raced => "raced",
        TokenStateView::Disputed => "disputed",
        TokenStateView::Withdrawn => "withdrawn",
    }
}

/// A token.
pub fn token(token: &TokenView) -> Value {
    json!({
        "token": token.id.to_string(),
        "meter": token.meter.to_string(),
        "act": token.act.name(),
        "credit": credit(token.credit),
        "count_before": token.count_before.0,
        "expires_unix": token.expires.0,
        "state": token_state(token.state),
    })
}

/// The evidence before a recharge.
pub fn preflight(view: &PreflightView) -> Value {
    json!({
        "token": token(&view.token),
        "customer": view.customer,
        "location": view.location,
        "evidence": evidence(&view.evidence),
        "expected_balance": credit(view.expected_balance),
        "drift_s": view.drift_s,
        "warnings": view.warnings.iter().map(|warning| {
            json!({ "code": warning.code.as_str(), "detail": warning.detail })
        }).collect::<Vec<_>>(),
    })
}

/// How a recharge ended.
pub fn finished(view: &FinishedView) -> Value {
    json!({
        "outcome": outcome(view.outcome()),
        "decision": decision_name(view.decision),
        "meter": view.meter.to_string(),
        "token": view.token.to_string(),
        "credit": credit(view.credit),
        "before": evidence(&view.before),
        "after": view.after.as_ref().map(evidence),
        "refusal_word": view.refusal,
        "journal_seq": view.journal_seq,
    })
}

fn kind(kind: JournalKind) -> &'static str {
    match kind {
        JournalKind::Enrolled => "enrolled",
        JournalKind::TokenImported => "token-imported",
        JournalKind::TokenWithdrawn => "token-withdrawn",
        JournalKind::Reading => "reading",
        JournalKind::Refused => "refused",
        JournalKind::Intent => "intent",
        JournalKind::Resend => "resend",
        JournalKind::Outcome => "outcome",
        JournalKind::TimeAnchor => "time-anchor",
        JournalKind::Receipt => "receipt",
        JournalKind::Resolved => "resolved",
        JournalKind::LoggedIn => "logged-in",
        JournalKind::LoggedOut => "logged-out",
        JournalKind::PinSet => "pin-set",
        JournalKind::GrantTaken => "grant-taken",
        JournalKind::OverrideTaken => "override-taken",
        JournalKind::OverrideUsed => "override-used",
        JournalKind::DocumentTaken => "document-taken",
        JournalKind::Revoked => "revoked",
        JournalKind::Software => "software",
        JournalKind::Step => "step",
        JournalKind::Marked => "marked",
        JournalKind::BundleTaken => "bundle-taken",
        JournalKind::RoundTaken => "round-taken",
        JournalKind::Unproven => "unproven-accepted",
        JournalKind::SwapTaken => "swap-taken",
        JournalKind::SwapFixed => "swap-fixed",
        JournalKind::TailCut => "tail-cut",
    }
}

/// A journal entry.
pub fn journal_row(row: &JournalRow) -> Value {
    json!({
        "seq": row.seq,
        "at_unix": row.at.0,
        "kind": kind(row.kind),
        "meter": row.meter.map(|meter| meter.to_string()),
        "token": row.token.map(|token| token.to_string()),
        "credit": row.credit.map(credit),
        "act": row.act.map(crate::units::Act::name),
        "outcome": row.outcome.map(outcome),
        "acked": row.acked,
        "detail": row.detail,
    })
}
