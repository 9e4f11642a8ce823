//! What is said about a failure: what happened, what it means for the customer's money, what to do.

use super::{facts, moved, movement};
use crate::jobs::views::Failure;
use crate::text::errors;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;

/// One failure.
#[derive(Debug)]
pub struct Sheet {
    failure: Failure,
    top: usize,
}

impl Sheet {
    /// The sheet of a failure.
    pub fn new(failure: Failure) -> Self {
        Self { failure, top: 0 }
    }
}

/// A failure as a page; also the last page of a recharge that did not come about.
pub fn page(shared: &Shared, failure: &Failure, top: usize) -> View {
    let (lang, width) = (shared.lang, shared.size.page_width());
    let words = errors::words(failure.code);
    let mut list = facts::say(Meaning::Fault, &format!("X {}", words.title(lang)), width);
    if !failure.detail.is_empty() {
        list.extend(facts::long_fact(lang.fact_detail(), Meaning::Plain, &failure.detail, width));
    }
    list.push(Row::blank());
    list.push(Row::of(Meaning::Strong, lang.sheet_money()));
    list.extend(facts::say(Meaning::Plain, words.money(lang), width));
    list.push(Row::blank());
    list.push(Row::of(Meaning::Strong, lang.sheet_next()));
    list.extend(facts::say(Meaning::Plain, words.next(lang), width));
    list.push(Row::blank());
    list.push(facts::fact(lang.fact_code(), Meaning::Faint, failure.code.as_str()));
    View { title: lang.title_sheet().to_owned(), list, top, ..View::default() }
}

impl Screen for Sheet {
    fn place(&self) -> Place {
        Place::Sheet
    }

    fn view(&self, shared: &Shared) -> View {
        page(shared, &self.failure, self.top)
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
