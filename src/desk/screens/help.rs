//! Help: the keys of the page it was opened from, from the key table, and the rules of the desk.
//! And the question whether to leave.

use super::{Screen, movement, show};
use crate::desk::keymap::{self, Action, Place};
use crate::desk::shared::Shared;
use crate::tui::event::Key;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Row, moved, say};
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
}

impl Screen for Help {
    fn place(&self) -> Place {
        Place::Help
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let title = lang.help_about(lang.desk_place(self.about));
        let mut list = say(Meaning::Plain, lang.desk_about(self.about), width);
        list.push(Row::blank());
        list.push(Row::of(Meaning::Faint, lang.help_keys()));
        for binding in keymap::of(self.about) {
            let name = lang.key(binding.key);
            let text = lang.desk_does(binding.action);
            for (at, line) in wrap::wrap(text, width - KEY_CELLS).into_iter().enumerate() {
                let name = if at == 0 { name.as_str() } else { "" };
                let row = Row::blank().column(Meaning::Strong, name, KEY_CELLS);
                list.push(row.and(Meaning::Plain, line));
            }
        }
        list.push(Row::blank());
        list.extend(say(Meaning::Plain, lang.desk_rules(), width));
        show::scrolled(title, list, self.top)
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

/// Asks whether to leave.
#[derive(Debug)]
pub struct Leave;

impl Screen for Leave {
    fn place(&self) -> Place {
        Place::Leave
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list = vec![Row::blank()];
        if shared.waiting > 0 {
            list.extend(say(Meaning::Alarm, lang.desk_leave_busy(), width));
            list.push(Row::blank());
        }
        list.push(Row::of(Meaning::Strong, lang.leave_ask()));
        show::scrolled(shared.title(Place::Leave), list, 0)
    }

    fn act(&mut self, shared: &mut Shared, _action: Action, _key: Key) {
        shared.back();
    }
}
