//! Which words, signs and meanings belong to the states the engine tells.

use super::theme::Meaning;
use crate::jobs::views::{JournalKind, Network, Stage, TokenStateView};
use crate::text::Lang;
use crate::units::{CreditUnit, Outcome, RelayState};

/// Clock drift up to which nothing is said (P3 of the field pains: slew below 5 minutes).
const DRIFT_GOOD_S: u64 = 300;
/// Clock drift from which the clock must be set (the same: above 15 minutes).
const DRIFT_BAD_S: u64 = 900;

/// Whether a clock drift is good, an alarm or a fault.
pub fn drift_meaning(seconds: i64) -> Meaning {
    match seconds.unsigned_abs() {
        drift if drift <= DRIFT_GOOD_S => Meaning::Plain,
        drift if drift <= DRIFT_BAD_S => Meaning::Alarm,
        _ => Meaning::Fault,
    }
}

/// How an outcome is meant.
pub fn outcome_meaning(outcome: Outcome) -> Meaning {
    match outcome {
        Outcome::Accepted => Meaning::Good,
        Outcome::Refused => Meaning::Fault,
        Outcome::Unknown => Meaning::Alarm,
    }
}

/// The sign and meaning of a token's state; the word stands behind.
pub fn token_sign(state: TokenStateView) -> (&'static str, Meaning) {
    match state {
        TokenStateView::Ready => (" ", Meaning::Plain),
        TokenStateView::Accepted => ("+", Meaning::Good),
        TokenStateView::NotYet => ("-", Meaning::Faint),
        TokenStateView::Open | TokenStateView::Disputed => ("?", Meaning::Alarm),
        TokenStateView::Expired | TokenStateView::Raced => ("!", Meaning::Alarm),
        TokenStateView::Withdrawn => ("x", Meaning::Faint),
    }
}

impl Lang {
    /// The word for a token's state.
    pub fn token_state(self, state: TokenStateView) -> &'static str {
        match state {
            TokenStateView::Ready => self.token_ready(),
            TokenStateView::NotYet => self.token_not_yet(),
            TokenStateView::Expired => self.token_expired(),
            TokenStateView::Open => self.token_open(),
            TokenStateView::Accepted => self.token_accepted(),
            TokenStateView::Raced => self.token_raced(),
            TokenStateView::Disputed => self.token_disputed(),
            TokenStateView::Withdrawn => self.token_withdrawn(),
        }
    }

    /// The word for a kind of journal entry.
    pub fn journal_kind(self, kind: JournalKind) -> &'static str {
        match kind {
            JournalKind::Enrolled => self.kind_enrolled(),
            JournalKind::TokenImported => self.kind_imported(),
            JournalKind::TokenWithdrawn => self.kind_withdrawn(),
            JournalKind::Reading => self.kind_reading(),
            JournalKind::Refused => self.kind_refused(),
            JournalKind::Intent => self.kind_intent(),
            JournalKind::Resend => self.kind_resend(),
            JournalKind::Outcome => self.kind_outcome(),
            JournalKind::TimeAnchor => self.kind_anchor(),
            JournalKind::Receipt => self.kind_receipt(),
            JournalKind::Resolved => self.kind_resolved(),
            JournalKind::TailCut => self.kind_cut(),
        }
    }

    /// The words for where an errand stands.
    pub fn stage(self, stage: Option<Stage>) -> &'static str {
        match stage {
            None => self.stage_begin(),
            Some(Stage::Opening) => self.stage_opening(),
            Some(Stage::Reading) => self.stage_reading(),
            Some(Stage::Sending) => self.stage_sending(),
            Some(Stage::ReadingBack) => self.stage_reading_back(),
            Some(Stage::Syncing) => self.stage_syncing(),
        }
    }

    /// The word for the load switch, with its meaning.
    pub fn relay(self, relay: RelayState) -> (&'static str, Meaning) {
        match relay {
            RelayState::Closed => (self.relay_closed(), Meaning::Plain),
            RelayState::Open => (self.relay_open(), Meaning::Fault),
        }
    }

    /// The words for the office's reachability, with their meaning.
    pub fn network(self, network: Network) -> (&'static str, Meaning) {
        match network {
            Network::Untried => (self.network_untried(), Meaning::Faint),
            Network::Up => (self.network_up(), Meaning::Good),
            Network::Down => (self.network_down(), Meaning::Alarm),
        }
    }

    /// What the remaining credit is called.
    pub fn balance_name(self, unit: CreditUnit) -> &'static str {
        match unit {
            CreditUnit::Yuan => self.fact_balance_yuan(),
            CreditUnit::Kwh => self.fact_balance_kwh(),
        }
    }

    /// The words for a clock drift (meter minus handheld).
    pub fn drift(self, seconds: i64) -> String {
        match seconds {
            0 => self.drift_none().to_owned(),
            1.. => self.drift_ahead(seconds),
            _ => self.drift_behind(seconds.saturating_neg()),
        }
    }
}
