//! Which words, signs and meanings belong to the states the engine tells.

use super::theme::Meaning;
use crate::jobs::views::{
    JournalKind, Network, PortTrouble, Stage, Standing, TokenStateView, TokenView,
};
use crate::text::Lang;
use crate::units::{Act, CreditUnit, Limit, Outcome, RelayState};

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

    /// What a token does with the purchase count: `3 -> 4` for a credit; what takes none of its
    /// steps says what it is and at which count.
    pub fn token_step(self, token: &TokenView) -> String {
        let before = token.count_before.0;
        let empty = token.act == Act::Open && token.credit.value == 0;
        match token.act {
            act if act.is_debit() || empty => self.count_at(self.act(act), before),
            Act::Open => {
                let step = self.count_step(before, before.saturating_add(1));
                format!("{} {step}", self.act(Act::Open))
            }
            _ => self.count_step(before, before.saturating_add(1)),
        }
    }

    /// A token's amount: what it takes out of the meter with a minus.
    pub fn token_amount(self, token: &TokenView) -> String {
        let credit = token.credit;
        match token.act.is_debit() {
            true => self.credit(credit.with(credit.value.saturating_neg())),
            false => self.credit(credit),
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
            JournalKind::LoggedIn => self.kind_logged_in(),
            JournalKind::LoggedOut => self.kind_logged_out(),
            JournalKind::PinSet => self.kind_pin(),
            JournalKind::GrantTaken => self.kind_grant(),
            JournalKind::OverrideTaken => self.kind_override(),
            JournalKind::OverrideUsed => self.kind_override_used(),
            JournalKind::DocumentTaken => self.kind_document(),
            JournalKind::Revoked => self.kind_revoked(),
            JournalKind::Software => self.kind_software(),
            JournalKind::Step => self.kind_step(),
            JournalKind::Marked => self.kind_marked(),
            JournalKind::BundleTaken => self.kind_bundle(),
            JournalKind::RoundTaken => self.kind_round(),
            JournalKind::Unproven => self.kind_unproven(),
            JournalKind::SwapTaken => self.kind_swap_taken(),
            JournalKind::SwapFixed => self.kind_swap_fixed(),
            JournalKind::TailCut => self.kind_cut(),
        }
    }

    /// The sign and word for how much trust is left, with its meaning.
    pub fn standing(self, standing: Standing) -> (&'static str, Meaning) {
        match standing {
            Standing::Fresh => (self.standing_fresh(), Meaning::Good),
            Standing::Warn => (self.standing_warn(), Meaning::Alarm),
            Standing::ReadOnly => (self.standing_read_only(), Meaning::Fault),
            Standing::NoMoney => (self.standing_no_money(), Meaning::Fault),
        }
    }

    /// What a standing means, one or two sentences.
    pub fn standing_means(self, standing: Standing) -> &'static str {
        match standing {
            Standing::Fresh => self.trust_fresh(),
            Standing::Warn => self.trust_warn(),
            Standing::ReadOnly => self.trust_read_only(),
            Standing::NoMoney => self.trust_no_money(),
        }
    }

    /// The sign of a standing in the title row, if it must not be overlooked on any screen.
    pub fn sign_standing(self, standing: Standing) -> Option<&'static str> {
        match standing {
            Standing::Fresh | Standing::Warn => None,
            Standing::ReadOnly => Some(self.sign_low()),
            Standing::NoMoney => Some(self.sign_stopped()),
        }
    }

    /// The word for a limit.
    pub fn limit(self, limit: Limit) -> &'static str {
        match limit {
            Limit::Acts => self.limit_acts(),
            Limit::Yuan => self.limit_yuan(),
            Limit::Kwh => self.limit_kwh(),
            Limit::Age => self.limit_age(),
        }
    }

    /// A wait that counts down.
    pub fn wait(self, seconds: u64) -> String {
        match seconds {
            0..=99 => self.wait_seconds(seconds),
            _ => self.wait_minutes(seconds / 60, seconds % 60),
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

    /// What keeps an adapter from being used: in a word, and with what the command does about it.
    pub fn port_trouble(self, trouble: PortTrouble) -> (&'static str, &'static str) {
        match trouble {
            PortTrouble::Denied => (self.ports_denied(), self.ports_why_denied()),
            PortTrouble::NoNode => (self.ports_no_node(), self.ports_why_no_node()),
            PortTrouble::Braille => (self.ports_taken(), self.ports_why_braille()),
            PortTrouble::Grabbed => (self.ports_taken(), self.ports_why_grabbed()),
        }
    }
}
