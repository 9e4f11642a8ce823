//! Asks whether to log out. What Enter does then, `app.rs` does: it takes every screen away.

use super::facts;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;

/// The question.
#[derive(Debug)]
pub struct LogOut;

impl Screen for LogOut {
    fn place(&self) -> Place {
        Place::LogOut
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list = vec![Row::blank()];
        let unsynced = shared.home.as_ref().map_or(0, |home| home.unsynced);
        if unsynced > 0 {
            list.extend(facts::say(Meaning::Alarm, &lang.leave_unsynced(unsynced), width));
            list.push(Row::blank());
        }
        list.extend(facts::say(Meaning::Plain, lang.log_out_note(), width));
        list.push(Row::blank());
        list.push(Row::of(Meaning::Strong, lang.log_out_ask()));
        View { title: lang.title_log_out().to_owned(), list, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, _action: Action, _key: Key) {
        shared.back();
    }
}
