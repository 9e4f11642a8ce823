//! A list: rows to choose from, more about the selected one beside or below it.

use super::{Screen, movement, show, ways};
use crate::desk::app;
use crate::desk::keymap::{Action, Need, Place};
use crate::desk::page::{Failure, Line, Page, Part};
use crate::desk::query::Query;
use crate::desk::shared::Shared;
use crate::desk::worker::{Request, Update};
use crate::tui::event::Key;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Row, moved, next_letter, picked, say};

/// Characters of what is searched for.
const SEARCH_MAX: usize = 40;

/// A list of the desk.
#[derive(Debug)]
pub struct List {
    query: Query,
    search: Field,
    answer: Option<Result<Page, Failure>>,
    cursor: usize,
}

impl List {
    /// The list of a query.
    pub fn new(query: Query) -> Self {
        let search = match &query {
            Query::Meters(text) => Field::new(SEARCH_MAX).with(text),
            _ => Field::new(SEARCH_MAX),
        };
        Self { query, search, answer: None, cursor: 0 }
    }

    fn lines(&self) -> &[Line] {
        match &self.answer {
            Some(Ok(page)) => page.table().map_or(&[], |table| &table.lines),
            _ => &[],
        }
    }

    fn selected(&self) -> Option<&Line> {
        self.lines().get(self.cursor)
    }

    fn last(&self) -> usize {
        self.lines().len().saturating_sub(1)
    }

    fn ask(&self, shared: &mut Shared) {
        shared.ask(Request::See(self.query.clone()));
    }

    fn searched(&mut self, shared: &mut Shared) {
        self.query = Query::Meters(self.search.text().trim().to_owned());
        self.cursor = 0;
        self.ask(shared);
    }

    /// What was typed into the search, changed.
    fn type_into(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, key) {
            (Action::Type, Key::Char(c)) => self.search.push(c),
            (Action::Erase, _) => self.search.erase(),
            (Action::Clear, _) => self.search.clear(),
            _ => {
                if let Some(letter) = self.search.text().chars().last().and_then(next_letter) {
                    self.search.erase();
                    self.search.push(letter);
                }
            }
        }
        self.searched(shared);
    }

    fn detail(&self, shared: &Shared) -> Vec<Row> {
        let width = shared.size.detail_width();
        let Some(line) = self.selected() else { return Vec::new() };
        line.facts.iter().flat_map(|fact| show::fact(shared, fact, width)).collect()
    }

    fn head(&self, shared: &Shared) -> Vec<Row> {
        let width = shared.size.page_width();
        let mut head = vec![show::short_command(shared, &self.query.command(), width)];
        if self.place() == Place::Meters {
            head.push(self.search.row(shared.lang.desk_search(), width));
        }
        if let Some(Ok(page)) = &self.answer {
            let before = page.parts.iter().take_while(|part| !matches!(part, Part::Table(_)));
            head.extend(before.flat_map(|part| show::part(shared, part, width)));
        }
        head
    }
}

impl Screen for List {
    fn place(&self) -> Place {
        self.query.place()
    }

    fn shown(&mut self, shared: &mut Shared) {
        self.ask(shared);
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        match need {
            Need::Row => self.selected().is_some(),
            Need::Answer => matches!(self.answer, Some(Ok(_))),
            Need::AMeter => self.selected().is_some_and(|line| ways::meter(&line.facts).is_some()),
            Need::Possible | Need::Proof | Need::Idle | Need::OutToken | Need::Open => true,
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let title = shared.title(self.place());
        let width = shared.size.list_width();
        let head = self.head(shared);
        let Some(Ok(page)) = &self.answer else {
            let list = show::answer(shared, self.answer.as_ref(), shared.size.page_width());
            return View { title, head, list, ..View::default() };
        };
        let Some(table) = page.table().filter(|table| !table.lines.is_empty()) else {
            let list = say(Meaning::Plain, shared.lang.desk_empty(self.place()), width);
            return View { title, head, list, ..View::default() };
        };
        let cursor = self.cursor.min(self.last());
        let mut list: Vec<Row> = (0..table.lines.len())
            .map(|at| show::line(shared, table, at, at == cursor, width))
            .collect();
        if page.more {
            list.push(Row::of(Meaning::Alarm, shared.lang.desk_more()));
        }
        let detail = Some(self.detail(shared));
        View { title, head, list, cursor: Some(cursor), detail, ..View::default() }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        let Update::Seen(query, result) = update else { return };
        if *query != self.query {
            return;
        }
        if let (Err(why), Some(Ok(_))) = (result, &self.answer) {
            // What was known stays on the screen.
            return shared.say_failure(why);
        }
        let key = self.selected().map(|line| line.key.clone());
        self.answer = Some(result.clone());
        let again = self.lines().iter().position(|line| Some(&line.key) == key.as_ref());
        self.cursor = again.unwrap_or(self.cursor).min(self.last());
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match action {
            Action::Back => shared.back(),
            Action::Open => {
                if let Some(query) = self.selected().and_then(|line| line.leads.clone()) {
                    app::open(shared, query);
                }
            }
            Action::Pick => {
                let row = picked(key).filter(|row| *row <= self.last());
                if let Some(row) = row {
                    self.cursor = row;
                    self.act(shared, Action::Open, key);
                }
            }
            Action::Type | Action::Erase | Action::Clear | Action::Letter => {
                self.type_into(shared, action, key);
            }
            Action::Span => {
                if let Query::Sales(span) = self.query {
                    self.query = Query::Sales(span.next());
                    (self.answer, self.cursor) = (None, 0);
                    self.ask(shared);
                }
            }
            Action::Up | Action::Down | Action::PageUp | Action::PageDown => {
                self.cursor = moved(self.cursor.min(self.last()), movement(action), self.last());
            }
            action => {
                let line = self.selected();
                let key = line.map_or("", |line| line.key.as_str());
                let facts = line.map_or(&[][..], |line| &line.facts);
                ways::go(shared, action, &self.query, key, facts);
            }
        }
    }

    fn paste(&mut self, shared: &mut Shared, text: &str) {
        if self.place() == Place::Meters {
            self.search.clear();
            self.search.push_all(text.trim());
            self.searched(shared);
        }
    }
}
