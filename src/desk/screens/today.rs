//! Today: what needs somebody, and the way to everything else.
//!
//! It is drawn before the office has told anything, with `...` in place of the figures.

use super::{Form, List, Screen, movement, show, ways};
use crate::desk::forms::Kind;
use crate::desk::keymap::{Action, Place};
use crate::desk::page::{Fact, Failure, Page, Part};
use crate::desk::query::{Query, Span};
use crate::desk::shared::Shared;
use crate::desk::worker::{Request, Update};
use crate::text::desk::words;
use crate::tui::event::Key;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Row, moved, picked};

/// Where a row leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To a page.
    Page(Place),
    /// To the form for a list of tokens.
    IssueList,
    /// To the form for one token.
    Issue,
}

/// The rows of the menu, in order, each with the figure of today that stands behind it.
pub const MENU: [(Way, &str); 13] = [
    (Way::Page(Place::Reviews), "reviews"),
    (Way::Page(Place::Devices), "devices"),
    (Way::Page(Place::Meters), ""),
    (Way::Issue, ""),
    (Way::IssueList, ""),
    (Way::Page(Place::Doubt), "doubt"),
    (Way::Page(Place::Operators), ""),
    (Way::Page(Place::Bundles), ""),
    (Way::Page(Place::Sales), "sold"),
    (Way::Page(Place::LostContact), "late"),
    (Way::Page(Place::KeepPower), "kept"),
    (Way::Page(Place::Shift), ""),
    (Way::Page(Place::Drafts), "drafts"),
];

/// Cells of the menu's names.
pub const NAME_CELLS: usize = 20;

/// The first page.
#[derive(Debug, Default)]
pub struct Today {
    answer: Option<Result<Page, Failure>>,
    cursor: usize,
}

impl Today {
    /// The figures behind a row of the menu: the facts of one part, in the order of the menu.
    fn figures(&self, name: &str) -> Vec<&Fact> {
        let Some(Ok(page)) = &self.answer else { return Vec::new() };
        let facts = page.parts.iter().filter_map(|part| match part {
            Part::Facts(facts) => Some(facts),
            _ => None,
        });
        facts.flatten().filter(|fact| fact.name == name).collect()
    }

    fn row(&self, shared: &Shared, at: usize) -> Row {
        let lang = shared.lang;
        let Some((way, figure)) = MENU.get(at) else { return Row::blank() };
        let digit = if at < 10 { ((at + 1) % 10).to_string() } else { " ".to_owned() };
        let mark = if at == self.cursor { ">" } else { " " };
        let name = match way {
            Way::Page(place) => lang.desk_place(*place),
            Way::Issue => words::or_name(lang, Kind::Issue.name()),
            Way::IssueList => words::or_name(lang, Kind::IssueList.name()),
        };
        let row = Row::plain(format!("{mark}{digit} ")).column(Meaning::Plain, name, NAME_CELLS);
        if self.answer.is_none() && !figure.is_empty() {
            return row.and(Meaning::Faint, lang.waiting());
        }
        self.figures(figure).iter().fold(row, |row, fact| {
            row.and(fact.meaning, format!("{} ", show::cell(shared, &fact.cell)))
        })
    }

    /// What stands above the menu: the figures that belong to no row of it.
    fn head(&self, shared: &Shared) -> Vec<Row> {
        let width = shared.size.page_width();
        let Some(answer) = &self.answer else {
            return vec![Row::of(Meaning::Faint, shared.lang.waiting()), Row::blank()];
        };
        let page = match answer {
            Ok(page) => page,
            Err(why) => return show::failure(shared, why, width),
        };
        let mut rows = Vec::new();
        for part in &page.parts {
            match part {
                Part::Facts(facts) => {
                    let own = |fact: &&Fact| MENU.iter().all(|(_, name)| *name != fact.name);
                    let own = facts.iter().filter(own);
                    rows.extend(own.flat_map(|fact| show::fact(shared, fact, width)));
                }
                part => rows.extend(show::part(shared, part, width)),
            }
        }
        rows.push(Row::blank());
        rows
    }

    fn open(&self, shared: &mut Shared) {
        let Some((way, _)) = MENU.get(self.cursor) else { return };
        match way {
            Way::Issue => shared.go(Form::new(Kind::Issue, &[])),
            Way::IssueList => shared.go(Form::new(Kind::IssueList, &[])),
            Way::Page(place) => shared.go(List::new(query(*place))),
        }
    }
}

/// The list of a row of the menu.
fn query(place: Place) -> Query {
    match place {
        Place::Devices => Query::Devices,
        Place::Meters => Query::Meters(String::new()),
        Place::Doubt => Query::Doubt,
        Place::Drafts => Query::Drafts,
        Place::Operators => Query::Operators,
        Place::Bundles => Query::Bundles,
        Place::Sales => Query::Sales(Span::Day),
        Place::LostContact => Query::LostContact,
        Place::KeepPower => Query::KeepPower,
        Place::Shift => Query::Shift,
        _ => Query::Reviews,
    }
}

impl Screen for Today {
    fn place(&self) -> Place {
        Place::Today
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::See(Query::Today));
    }

    fn view(&self, shared: &Shared) -> View {
        let list = (0..MENU.len()).map(|at| self.row(shared, at)).collect();
        let (title, head) = (shared.title(Place::Today), self.head(shared));
        View { title, head, list, cursor: Some(self.cursor), ..View::default() }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::Seen(Query::Today, Err(why)) if matches!(self.answer, Some(Ok(_))) => {
                shared.say_failure(why);
            }
            Update::Seen(Query::Today, result) => self.answer = Some(result.clone()),
            _ => {}
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match action {
            Action::Open => self.open(shared),
            Action::Pick => {
                if let Some(row) = picked(key).filter(|row| *row < MENU.len()) {
                    self.cursor = row;
                    self.open(shared);
                }
            }
            Action::Refresh => self.shown(shared),
            Action::Issue => ways::go(shared, action, &Query::Today, "", &[]),
            _ => self.cursor = moved(self.cursor, movement(action), MENU.len() - 1),
        }
    }
}
