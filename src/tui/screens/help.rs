//! Help: the keys of the screen it was opened from, from the key table, and the rules of the house.

use super::{facts, moved, movement};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{self, Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;
use crate::tui::wrap;

/// Cells of the key names.
const KEY_CELLS: usize = 10;

/// Help about one place.
#[derive(Debug)]
pub struct Help {
    about: Place,
    top: usize,
}

impl Help {
    /// Help about a place.
    pub fn new(about: Place) -> Self {
        Self { about, top: 0 }
    }

    fn keys(&self, shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut rows = Vec::new();
        for binding in keymap::of(self.about) {
            if shared.hides(binding) {
                continue;
            }
            let name = lang.key(binding.key);
            let text = lang.action_help(binding.action);
            for (at, line) in wrap::wrap(text, width - KEY_CELLS).into_iter().enumerate() {
                let name = if at == 0 { name.as_str() } else { "" };
                let row = Row::blank().column(Meaning::Strong, name, KEY_CELLS);
                rows.push(row.and(Meaning::Plain, line));
            }
        }
        rows
    }
}

impl Screen for Help {
    fn place(&self) -> Place {
        Place::Help
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let title = lang.help_about(lang.place(self.about));
        let mut list = vec![Row::of(Meaning::Faint, lang.help_keys())];
        list.extend(self.keys(shared));
        list.push(Row::blank());
        list.extend(facts::say(Meaning::Plain, lang.help_rules(), width));
        list.push(Row::blank());
        list.extend(facts::say(Meaning::Plain, lang.help_signs(), width));
        View { title, list, top: self.top, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Back => shared.back(),
            action => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}
