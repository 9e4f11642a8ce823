//! Settings: language, colours, characters for lines. They hold until the program ends. And the
//! way to the people who may work here.

use super::{People, facts, moved, movement, picked};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::{Meaning, Palette};
use crate::tui::view::View;
use crate::tui::widgets::Row;

/// What can be set, in order.
#[derive(Debug, Clone, Copy)]
enum Setting {
    Language,
    Colours,
    Lines,
    People,
}

const SETTINGS: [Setting; 4] =
    [Setting::Language, Setting::Colours, Setting::Lines, Setting::People];

/// Cells of the names.
const NAME_CELLS: usize = 18;

/// The settings screen.
#[derive(Debug, Default)]
pub struct Settings {
    cursor: usize,
}

impl Settings {
    fn change(&self, shared: &mut Shared) {
        match SETTINGS[self.cursor] {
            Setting::Language => shared.lang = shared.lang.other(),
            Setting::Colours => shared.palette = shared.palette.next(),
            Setting::Lines => shared.ascii = !shared.ascii,
            Setting::People => shared.go(People::default()),
        }
        shared.repaint();
    }

    fn words(shared: &Shared, setting: Setting) -> (&'static str, &'static str) {
        let lang = shared.lang;
        match setting {
            Setting::Language => (lang.setting_language(), lang.language_name()),
            Setting::Colours => (
                lang.setting_colours(),
                match shared.palette {
                    Palette::Mono => lang.colours_none(),
                    Palette::Sixteen => lang.colours_sixteen(),
                    Palette::Many => lang.colours_many(),
                },
            ),
            Setting::Lines => {
                let value = if shared.ascii { lang.lines_ascii() } else { lang.lines_drawn() };
                (lang.setting_lines(), value)
            }
            Setting::People => (lang.setting_people(), ">"),
        }
    }
}

impl Screen for Settings {
    fn place(&self) -> Place {
        Place::Settings
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut head = facts::say(Meaning::Faint, lang.settings_note(), width);
        head.push(Row::blank());
        let list = SETTINGS.iter().enumerate().map(|(at, setting)| {
            let (name, value) = Self::words(shared, *setting);
            let sign = if at == self.cursor { ">" } else { " " };
            Row::plain(format!("{sign}{} ", at + 1))
                .column(Meaning::Strong, name, NAME_CELLS)
                .and(Meaning::Plain, value)
        });
        View {
            title: lang.title_settings().to_owned(),
            head,
            list: list.collect(),
            cursor: Some(self.cursor),
            ..View::default()
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match action {
            Action::Change => self.change(shared),
            Action::Pick => {
                if let Some(row) = picked(key).filter(|row| *row < SETTINGS.len()) {
                    self.cursor = row;
                    self.change(shared);
                }
            }
            Action::Back => shared.back(),
            action => self.cursor = moved(self.cursor, movement(action), SETTINGS.len() - 1),
        }
    }
}
