//! A card: everything about one thing, as a text to be scrolled.

use super::{Screen, movement, show, ways};
use crate::desk::keymap::{Action, Need, Place};
use crate::desk::page::{Fact, Failure, Page, Part};
use crate::desk::query::Query;
use crate::desk::shared::Shared;
use crate::desk::worker::{Request, Update};
use crate::tui::event::Key;
use crate::tui::view::View;
use crate::tui::widgets::moved;

/// A card of the desk.
#[derive(Debug)]
pub struct Card {
    query: Query,
    answer: Option<Result<Page, Failure>>,
    top: usize,
}

impl Card {
    /// The card of a query.
    pub fn new(query: Query) -> Self {
        Self { query, answer: None, top: 0 }
    }

    /// Its figures.
    fn facts(&self) -> Vec<Fact> {
        let parts = match &self.answer {
            Some(Ok(page)) => &page.parts[..],
            _ => &[],
        };
        let facts = parts.iter().filter_map(|part| match part {
            Part::Facts(facts) => Some(facts.clone()),
            _ => None,
        });
        facts.flatten().collect()
    }
}

impl Screen for Card {
    fn place(&self) -> Place {
        self.query.place()
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::See(self.query.clone()));
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        match need {
            Need::Row | Need::Answer => matches!(self.answer, Some(Ok(_))),
            Need::AMeter => ways::meter(&self.facts()).is_some(),
            Need::Open => ways::open(&self.facts()),
            Need::OutToken => ways::out(&self.facts()).is_some(),
            Need::Possible | Need::Proof | Need::Idle => true,
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let width = shared.size.page_width();
        let mut list = show::answer(shared, self.answer.as_ref(), width);
        list.extend(show::command(shared, &self.query.command(), width));
        let title = match self.query.subject() {
            // Its identity is for the command alone.
            Some(_) if self.place() == Place::Review => shared.title(Place::Review),
            Some(subject) => format!("{} {subject}", shared.title(self.place())),
            None => shared.title(self.place()),
        };
        show::scrolled(title, list, self.top)
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::Seen(query, result) if *query == self.query => {
                if let (Err(why), Some(Ok(_))) = (result, &self.answer) {
                    return shared.say_failure(why);
                }
                self.answer = Some(result.clone());
            }
            _ => {}
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Back => shared.back(),
            Action::Up | Action::Down | Action::PageUp | Action::PageDown => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
            action => {
                let key = self.query.subject().unwrap_or_default();
                ways::go(shared, action, &self.query, &key, &self.facts());
            }
        }
    }
}
