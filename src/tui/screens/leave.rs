//! Asks whether to leave, and says what that would mean now.

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
pub struct Leave;

impl Screen for Leave {
    fn place(&self) -> Place {
        Place::Leave
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list = vec![Row::blank()];
        if shared.line.is_some() || shared.sync.is_some() {
            list.extend(facts::say(Meaning::Alarm, lang.leave_busy(), width));
            list.push(Row::blank());
        }
        let unsynced = shared.home.as_ref().map_or(0, |home| home.unsynced);
        if unsynced > 0 {
            list.extend(facts::say(Meaning::Plain, &lang.leave_unsynced(unsynced), width));
            list.push(Row::blank());
        }
        list.push(Row::of(Meaning::Strong, lang.leave_ask()));
        View { title: lang.title_leave().to_owned(), list, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Leave => shared.quit(),
            _ => shared.back(),
        }
    }
}
