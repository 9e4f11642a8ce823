//! Which words of `text/desk.rs` belong to which row of the desk's key table. Keys that mean the
//! same on the handheld's screens have the same words.

use super::{Action, Need, Place};
use crate::text::Lang;

impl Lang {
    /// The label of an action: on a soft key, or behind "Enter" in a hint.
    pub fn desk_label(self, action: Action) -> &'static str {
        match action {
            Action::Help => self.key_help(),
            Action::Back => self.key_back(),
            Action::Up => self.key_up(),
            Action::Down => self.key_down(),
            Action::PageUp => self.key_page_up(),
            Action::PageDown => self.key_page_down(),
            Action::Open => self.key_open(),
            Action::Pick => self.key_pick(),
            Action::Type => self.key_type(),
            Action::Erase => self.key_erase(),
            Action::Clear => self.key_clear(),
            Action::Letter => self.key_letter(),
            Action::Submit => self.key_submit(),
            Action::Confirm => self.desk_key_confirm(),
            Action::Refresh => self.key_refresh(),
            Action::Language => self.key_language(),
            Action::GoLeave | Action::Leave => self.key_leave(),
            Action::Lost => self.desk_key_lost(),
            Action::Fence => self.desk_key_fence(),
            Action::Settle => self.desk_key_settle(),
            Action::Issue => self.desk_key_issue(),
            Action::IssueDraft => self.desk_key_issue(),
            Action::DropDraft => self.desk_key_drop(),
            Action::Reissue => self.desk_key_reissue(),
            Action::RevokeToken | Action::RevokeOperator => self.desk_key_revoke(),
            Action::Count => self.desk_key_count(),
            Action::CloseAccount => self.desk_key_close_account(),
            Action::GoMeter => self.key_meter(),
            Action::AddOperator => self.desk_key_add(),
            Action::Grant => self.desk_key_grant(),
            Action::SignBundle => self.desk_key_sign(),
            Action::GoRounds => self.desk_key_rounds(),
            Action::NewRound | Action::NewDraft => self.desk_key_new(),
            Action::WithdrawRound => self.desk_key_withdraw(),
            Action::Span => self.desk_key_span(),
            Action::CloseShift => self.desk_key_close(),
            Action::Export => self.desk_key_export(),
        }
    }

    /// What an action does, a sentence.
    pub fn desk_does(self, action: Action) -> &'static str {
        match action {
            Action::Help => self.does_help(),
            Action::Back => self.does_back(),
            Action::Up => self.does_up(),
            Action::Down => self.does_down(),
            Action::PageUp => self.does_page_up(),
            Action::PageDown => self.does_page_down(),
            Action::Open => self.does_open(),
            Action::Pick => self.does_pick(),
            Action::Type => self.does_type(),
            Action::Erase => self.does_erase(),
            Action::Clear => self.does_clear(),
            Action::Letter => self.desk_does_letter(),
            Action::Submit => self.desk_does_submit(),
            Action::Confirm => self.desk_does_confirm(),
            Action::Refresh => self.desk_does_refresh(),
            Action::Language => self.does_language(),
            Action::GoLeave => self.desk_does_go_leave(),
            Action::Leave => self.does_leave(),
            Action::Lost => self.desk_does_lost(),
            Action::Fence => self.desk_does_fence(),
            Action::Settle => self.desk_does_settle(),
            Action::Issue => self.desk_does_issue(),
            Action::IssueDraft => self.desk_does_issue_draft(),
            Action::DropDraft => self.desk_does_drop_draft(),
            Action::Reissue => self.desk_does_reissue(),
            Action::RevokeToken => self.desk_does_revoke_token(),
            Action::Count => self.desk_does_count(),
            Action::CloseAccount => self.desk_does_close_account(),
            Action::GoMeter => self.does_meter(),
            Action::AddOperator => self.desk_does_add(),
            Action::Grant => self.desk_does_grant(),
            Action::RevokeOperator => self.desk_does_revoke_operator(),
            Action::SignBundle => self.desk_does_sign(),
            Action::GoRounds => self.desk_does_rounds(),
            Action::NewRound => self.desk_does_new_round(),
            Action::NewDraft => self.desk_does_new_draft(),
            Action::WithdrawRound => self.desk_does_withdraw(),
            Action::Span => self.desk_does_span(),
            Action::CloseShift => self.desk_does_close(),
            Action::Export => self.desk_does_export(),
        }
    }

    /// The title of a place; also its name in the menu.
    pub fn desk_place(self, place: Place) -> &'static str {
        match place {
            Place::Today => self.desk_title_today(),
            Place::Devices => self.desk_title_devices(),
            Place::Device => self.desk_title_device(),
            Place::Lost => self.desk_title_lost(),
            Place::Reviews => self.desk_title_reviews(),
            Place::Review => self.desk_title_review(),
            Place::Meters => self.desk_title_meters(),
            Place::Meter => self.title_card(),
            Place::Doubt => self.desk_title_doubt(),
            Place::Drafts => self.desk_title_drafts(),
            Place::Operators => self.desk_title_operators(),
            Place::Operator => self.desk_title_operator(),
            Place::Bundles => self.desk_title_bundles(),
            Place::Rounds => self.desk_title_rounds(),
            Place::Round => self.desk_title_round(),
            Place::Sales => self.desk_title_sales(),
            Place::LostContact => self.desk_title_lost_contact(),
            Place::KeepPower => self.desk_title_keep_power(),
            Place::Shift => self.desk_title_shift(),
            Place::Form => self.desk_title_form(),
            Place::Check => self.desk_title_check(),
            Place::Outcome => self.desk_title_outcome(),
            Place::Help => self.title_help(),
            Place::Leave => self.desk_title_leave(),
        }
    }

    /// What a place is for, for its help.
    pub fn desk_about(self, place: Place) -> &'static str {
        match place {
            Place::Today => self.desk_about_today(),
            Place::Devices | Place::Device => self.desk_about_devices(),
            Place::Lost => self.desk_about_lost(),
            Place::Reviews | Place::Review => self.desk_about_reviews(),
            Place::Meters | Place::Meter => self.desk_about_meters(),
            Place::Doubt => self.desk_about_doubt(),
            Place::Drafts => self.desk_about_drafts(),
            Place::Operators | Place::Operator => self.desk_about_operators(),
            Place::Bundles => self.desk_about_bundles(),
            Place::Rounds | Place::Round => self.desk_about_rounds(),
            Place::Sales => self.desk_about_sales(),
            Place::LostContact => self.desk_about_lost_contact(),
            Place::KeepPower => self.desk_about_keep_power(),
            Place::Shift => self.desk_about_shift(),
            Place::Form => self.desk_about_form(),
            Place::Check | Place::Outcome => self.desk_about_check(),
            Place::Help | Place::Leave => self.desk_about_help(),
        }
    }

    /// What an empty list means.
    pub fn desk_empty(self, place: Place) -> &'static str {
        match place {
            Place::Devices => self.desk_empty_devices(),
            Place::Reviews => self.desk_empty_reviews(),
            Place::Meters => self.desk_empty_meters(),
            Place::Doubt => self.desk_empty_doubt(),
            Place::Drafts => self.desk_empty_drafts(),
            Place::Operators => self.desk_empty_operators(),
            Place::Bundles => self.desk_empty_bundles(),
            Place::Rounds => self.desk_empty_rounds(),
            Place::Sales => self.desk_empty_sales(),
            Place::LostContact => self.desk_empty_lost_contact(),
            Place::KeepPower => self.desk_empty_keep_power(),
            Place::Shift => self.desk_empty_shift(),
            _ => self.desk_none(),
        }
    }

    /// Why a key does not work, one sentence.
    pub fn desk_need(self, need: Need) -> &'static str {
        match need {
            Need::Row => self.need_row(),
            Need::Answer => self.need_answered(),
            Need::Possible => self.desk_need_possible(),
            Need::Proof => self.desk_need_proof(),
            Need::Idle => self.desk_need_idle(),
            Need::AMeter => self.desk_need_meter(),
            Need::OutToken => self.desk_need_out(),
            Need::Open => self.desk_need_open(),
        }
    }

    /// What a key needs, in a few words.
    pub fn desk_need_short(self, need: Need) -> &'static str {
        match need {
            Need::Row => self.short_row(),
            Need::Answer => self.short_answered(),
            Need::Possible => self.desk_short_possible(),
            Need::Proof => self.desk_short_proof(),
            Need::Idle => self.desk_short_idle(),
            Need::AMeter => self.desk_short_meter(),
            Need::OutToken => self.desk_short_out(),
            Need::Open => self.desk_short_open(),
        }
    }
}
