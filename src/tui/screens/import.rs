//! Importing tokens from a file or from a scanned or pasted token text.
//!
//! The field holds the place where the configuration expects token files, so that on a keypad
//! Enter is enough; a scanner types the token text by itself.

use super::{facts, moved, movement};
use crate::jobs::tokens;
use crate::jobs::views::{Failure, Request, Update};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Row};

/// Characters of a path or a token text; a bundle of ten tokens in Base45 has about 3,500.
const INPUT_MAX: usize = 4096;

/// What the engine said.
#[derive(Debug)]
struct Result {
    taken: u32,
    known: u32,
    refused: Vec<Failure>,
}

/// The import screen.
#[derive(Debug)]
pub struct Import {
    from: Field,
    /// Scanned parts of a text that was too long for one code, each once.
    parts: Vec<String>,
    running: bool,
    result: Option<Result>,
    top: usize,
}

impl Import {
    /// Starts with the place where token files are expected.
    pub fn new(from: &str) -> Self {
        let from = Field::new(INPUT_MAX).with(from);
        Self { from, parts: Vec::new(), running: false, result: None, top: 0 }
    }

    /// A whole text; or of a part, all parts once they are there. Another text begins anew.
    fn gather(&mut self, shared: &mut Shared, text: String) -> Option<String> {
        let Some((_, of)) = tokens::part(&text) else {
            self.parts.clear();
            return Some(text);
        };
        self.from.clear();
        self.parts.retain(|old| tokens::part(old).is_some_and(|(_, count)| count == of));
        if !self.parts.contains(&text) {
            self.parts.push(text);
        }
        if self.parts.len() < of {
            shared.say(Meaning::Plain, shared.lang.import_part(self.parts.len(), of));
            return None;
        }
        Some(std::mem::take(&mut self.parts).join("\n"))
    }
}

impl Screen for Import {
    fn place(&self) -> Place {
        Place::Import
    }

    fn met(&self, _shared: &Shared, _need: Need) -> bool {
        !self.from.text().trim().is_empty() && !self.running
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut head = facts::say(Meaning::Plain, lang.import_ask(), width);
        head.push(self.from.row(lang.import_label(), width));
        head.push(Row::blank());
        let mut list = Vec::new();
        if self.running {
            list.push(Row::of(Meaning::Strong, lang.import_running()));
        }
        if let Some(result) = &self.result {
            let meaning = if result.refused.is_empty() { Meaning::Good } else { Meaning::Alarm };
            let sign = if result.refused.is_empty() { "OK" } else { "!" };
            let text = lang.import_done(result.taken, result.known, result.refused.len());
            list.extend(facts::say(meaning, &format!("{sign} {text}"), width));
            let refused = &result.refused;
            list.extend(refused.iter().flat_map(|f| facts::failure(shared, f, width)));
        }
        View { title: lang.title_import().to_owned(), head, list, top: self.top, ..View::default() }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        if let Update::Imported { taken, known, refused } = update {
            self.running = false;
            self.top = 0;
            self.result = Some(Result { taken: *taken, known: *known, refused: refused.clone() });
            shared.ask(Request::Home);
        }
    }

    fn paste(&mut self, _shared: &mut Shared, text: &str) {
        self.from.clear();
        self.from.push_all(text.trim());
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, key) {
            (Action::Import, _) => {
                let text = self.from.text().trim().to_owned();
                if let Some(text) = self.gather(shared, text) {
                    (self.running, self.result) = (true, None);
                    shared.ask(Request::ImportTokens(text));
                }
            }
            (Action::Type, Key::Char(c)) => self.from.push(c),
            (Action::Erase, _) => self.from.erase(),
            (Action::Clear, _) => self.from.clear(),
            (Action::Back, _) => shared.back(),
            (action, _) => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}
