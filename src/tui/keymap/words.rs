//! Which words of `text/keys.rs` belong to which row of the key table.

use super::{Action, Need, Pattern, Place};
use crate::text::Lang;
use crate::tui::event::Key;

impl Lang {
    /// The label of an action: on a soft key, or behind "Enter" in a hint.
    pub fn action_label(self, action: Action) -> &'static str {
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
            Action::Read => self.key_read(),
            Action::ReadTyped => self.key_read_typed(),
            Action::Recharge => self.key_recharge(),
            Action::Resolve => self.key_resolve(),
            Action::Choose => self.key_choose(),
            Action::ThisMeter => self.key_this_meter(),
            Action::Commit => self.key_commit(),
            Action::Stop => self.key_stop(),
            Action::Done => self.key_done(),
            Action::GoSync | Action::Sync => self.key_sync(),
            Action::Language => self.key_language(),
            Action::Network => self.key_network(),
            Action::GoImport | Action::Import => self.key_import(),
            Action::Meter => self.key_meter(),
            Action::Verify => self.key_verify(),
            Action::Newest => self.key_newest(),
            Action::Refresh => self.key_refresh(),
            Action::UsePort => self.key_use_port(),
            Action::Pause => self.key_pause(),
            Action::Change => self.key_change(),
            Action::Leave => self.key_leave(),
            Action::Stay => self.key_stay(),
            Action::Submit => self.key_submit(),
            Action::Letter => self.key_letter(),
            Action::Recover => self.key_recover(),
            Action::GoLogOut | Action::LogOut => self.key_log_out(),
            Action::GoPeople => self.key_people(),
            Action::Activate => self.key_activate(),
            Action::ChangePin => self.key_change_pin(),
            Action::Free => self.key_free(),
            Action::Remove => self.key_remove(),
            Action::Confirm => self.key_confirm(),
        }
    }

    /// What an action does, one sentence.
    pub fn action_help(self, action: Action) -> &'static str {
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
            Action::Read => self.does_read(),
            Action::ReadTyped => self.does_read_typed(),
            Action::Recharge => self.does_recharge(),
            Action::Resolve => self.does_resolve(),
            Action::Choose => self.does_choose(),
            Action::ThisMeter => self.does_this_meter(),
            Action::Commit => self.does_commit(),
            Action::Stop => self.does_stop(),
            Action::Done => self.does_done(),
            Action::GoSync => self.does_go_sync(),
            Action::Sync => self.does_sync(),
            Action::Language => self.does_language(),
            Action::Network => self.does_network(),
            Action::GoImport => self.does_go_import(),
            Action::Import => self.does_import(),
            Action::Meter => self.does_meter(),
            Action::Verify => self.does_verify(),
            Action::Newest => self.does_newest(),
            Action::Refresh => self.does_refresh(),
            Action::UsePort => self.does_use_port(),
            Action::Pause => self.does_pause(),
            Action::Change => self.does_change(),
            Action::Leave => self.does_leave(),
            Action::Stay => self.does_stay(),
            Action::Submit => self.does_submit(),
            Action::Letter => self.does_letter(),
            Action::Recover => self.does_recover(),
            Action::GoLogOut => self.does_go_log_out(),
            Action::LogOut => self.does_log_out(),
            Action::GoPeople => self.does_go_people(),
            Action::Activate => self.does_activate(),
            Action::ChangePin => self.does_change_pin(),
            Action::Free => self.does_free(),
            Action::Remove => self.does_remove(),
            Action::Confirm => self.does_confirm(),
        }
    }

    /// The name of a place.
    pub fn place(self, place: Place) -> &'static str {
        match place {
            Place::LogIn => self.title_log_in(),
            Place::Home => self.title_home(),
            Place::Meters => self.title_meters(),
            Place::Card => self.title_card(),
            Place::Choose => self.title_choose(),
            Place::Reading => self.title_reading(),
            Place::Evidence => self.title_evidence(),
            Place::Digits => self.title_digits(),
            Place::Running => self.title_running(),
            Place::Outcome => self.title_outcome(),
            Place::WhatHappened => self.title_what_happened(),
            Place::Tokens => self.title_tokens(),
            Place::Import => self.title_import(),
            Place::Journal => self.title_journal(),
            Place::Sync => self.title_sync(),
            Place::Ports => self.title_ports(),
            Place::Frames => self.title_frames(),
            Place::Trust => self.title_trust(),
            Place::Settings => self.title_settings(),
            Place::People => self.title_people(),
            Place::Pin => self.title_pin(),
            Place::Supervise => self.title_supervise(),
            Place::LogOut => self.title_log_out(),
            Place::Summary => self.title_summary(),
            Place::Help => self.title_help(),
            Place::Sheet => self.title_sheet(),
            Place::Leave => self.title_leave(),
        }
    }

    /// Why a key does not work, one sentence.
    pub fn need(self, need: Need) -> &'static str {
        match need {
            Need::Port => self.need_port(),
            Need::Allowed => self.need_allowed(),
            Need::LineFree => self.need_line(),
            Need::Money => self.need_money(),
            Need::Row => self.need_row(),
            Need::ReadyToken => self.need_token(),
            Need::NoOpenIntent => self.need_no_open(),
            Need::OpenIntent => self.need_open(),
            Need::Readable => self.need_readable(),
            Need::SyncFree => self.need_sync_free(),
            Need::Demo => self.need_demo(),
            Need::Typed => self.need_typed(),
            Need::MeterNumber => self.need_number(),
            Need::FourDigits => self.need_four(),
            Need::Supervisor => self.need_supervisor(),
            Need::Answered => self.need_answered(),
            Need::NoWait => self.need_no_wait(),
            Need::NotLockedOut => self.need_not_locked_out(),
            Need::NoPin => self.need_no_pin(),
            Need::HasPin => self.need_has_pin(),
            Need::Locked => self.need_locked(),
        }
    }

    /// What a key needs, in a few words.
    pub fn need_short(self, need: Need) -> &'static str {
        match need {
            Need::Port => self.short_port(),
            Need::Allowed => self.short_allowed(),
            Need::LineFree => self.short_line(),
            Need::Money => self.short_money(),
            Need::Row => self.short_row(),
            Need::ReadyToken => self.short_token(),
            Need::NoOpenIntent => self.short_no_open(),
            Need::OpenIntent => self.short_open(),
            Need::Readable => self.short_readable(),
            Need::SyncFree => self.short_sync_free(),
            Need::Demo => self.short_demo(),
            Need::Typed => self.short_typed(),
            Need::MeterNumber => self.short_number(),
            Need::FourDigits => self.short_four(),
            Need::Supervisor => self.short_supervisor(),
            Need::Answered => self.short_answered(),
            Need::NoWait => self.short_no_wait(),
            Need::NotLockedOut => self.short_not_locked_out(),
            Need::NoPin => self.short_no_pin(),
            Need::HasPin => self.short_has_pin(),
            Need::Locked => self.short_locked(),
        }
    }

    /// The name of a key.
    pub fn key(self, pattern: Pattern) -> String {
        let name = match pattern {
            Pattern::Digit => self.key_name_digits(),
            Pattern::Text => self.key_name_text(),
            Pattern::Is(Key::F(n)) => return format!("F{n}"),
            Pattern::Is(Key::Char(c)) => return c.to_string(),
            Pattern::Is(Key::Up) => self.key_name_up(),
            Pattern::Is(Key::Down) => self.key_name_down(),
            Pattern::Is(Key::Left) => self.key_name_left(),
            Pattern::Is(Key::Right) => self.key_name_right(),
            Pattern::Is(Key::PageUp) => "PgUp",
            Pattern::Is(Key::PageDown) => "PgDn",
            Pattern::Is(Key::Enter) => "Enter",
            Pattern::Is(Key::Esc) => "Esc",
            Pattern::Is(Key::Backspace) => "Backspace",
            Pattern::Is(Key::Interrupt) => "Ctrl-C",
        };
        name.to_owned()
    }
}
