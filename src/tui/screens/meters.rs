//! Meters: the area's list, narrowed by typing digits (or letters of a name or place).
//!
//! Only one page is held, so a list of 100,000 meters costs no more than one of fifty.

use super::{Boxes, Card, facts, movement};
use crate::jobs::views::{MeterRowView, Request, Update};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, PAGE, Pager, Row, Turn};
use crate::units::{MeterNo, Money};

/// Characters of a search.
const SEARCH_MAX: usize = 24;
/// Cells of a meter number.
const NUMBER_CELLS: usize = 12;
/// Cells of a balance.
const BALANCE_CELLS: usize = 11;

/// The list of meters.
#[derive(Debug)]
pub struct Meters {
    pager: Pager<MeterRowView, MeterNo>,
    search: Field,
}

impl Default for Meters {
    fn default() -> Self {
        Self { pager: Pager::new(|row| row.no), search: Field::new(SEARCH_MAX) }
    }
}

impl Meters {
    fn ask(&self, shared: &mut Shared) {
        let search = self.search.text().to_owned();
        shared.ask(Request::Meters { after: self.pager.anchor(), search, limit: PAGE });
    }

    fn search_changed(&mut self, shared: &mut Shared) {
        self.pager.restart();
        self.ask(shared);
    }

    fn open(&self, shared: &mut Shared, read: bool) {
        if let Some(row) = self.pager.selected() {
            let mut card = Card::new(row.no);
            if read {
                card.read(shared);
            }
            shared.go(card);
        }
    }

    fn typed_number(&self) -> Option<MeterNo> {
        self.search.text().parse().ok()
    }

    fn line(&self, shared: &Shared, at: usize, row: &MeterRowView) -> Row {
        let width = shared.size.list_width();
        let arrears = row
            .balance
            .is_some_and(|(credit, _)| facts::balance(credit, row.overdraft) == Meaning::Fault);
        let (sign, meaning) = match row {
            MeterRowView { open_intent: true, .. } => ("?", Meaning::Alarm),
            _ if arrears => ("!", Meaning::Fault),
            MeterRowView { tokens: 1.., .. } => ("+", Meaning::Good),
            _ => (" ", Meaning::Plain),
        };
        let name = width.saturating_sub(2 + NUMBER_CELLS + 1 + BALANCE_CELLS);
        let (balance, colour) = match row.balance {
            Some((credit, _)) => {
                (Money(credit.value).to_string(), facts::balance(credit, row.overdraft))
            }
            None => ("-".to_owned(), Meaning::Faint),
        };
        Row::of(meaning, facts::mark(at == self.pager.cursor(), sign))
            .column(Meaning::Plain, &row.no.to_string(), NUMBER_CELLS + 1)
            .column(Meaning::Plain, &row.customer, name)
            .number(colour, &balance, BALANCE_CELLS)
    }

    fn detail(&self, shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.detail_width());
        let Some(row) = self.pager.selected() else { return Vec::new() };
        let mut rows = facts::say(Meaning::Strong, &row.customer, width);
        rows.extend(facts::say(Meaning::Plain, &row.location, width));
        match row.balance {
            Some((credit, at)) => {
                let text = format!("{}  {}", lang.credit(credit), shared.age(at));
                rows.push(Row::of(facts::balance(credit, row.overdraft), text));
            }
            None => rows.push(Row::of(Meaning::Faint, lang.meters_never_read())),
        }
        rows.push(facts::fact(lang.fact_tokens(), Meaning::Plain, row.tokens.to_string()));
        rows
    }
}

impl Screen for Meters {
    fn place(&self) -> Place {
        Place::Meters
    }

    fn shown(&mut self, shared: &mut Shared) {
        self.ask(shared);
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        match need {
            Need::MeterNumber => self.typed_number().is_some(),
            // A number typed whole selects its row.
            Need::Port => self.pager.selected().is_some_and(|row| row.own_line),
            _ => self.pager.selected().is_some(),
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.list_width());
        let mut head = vec![self.search.row(lang.meters_search(), width)];
        let mut list = Vec::new();
        match self.pager.rows() {
            None => head.push(Row::of(Meaning::Faint, lang.waiting())),
            Some([]) => {
                head.push(Row::blank());
                let none = if self.search.is_empty() {
                    lang.meters_none()
                } else {
                    lang.meters_none_found()
                };
                list = facts::say(Meaning::Plain, none, width);
            }
            Some(rows) => {
                let page = match (self.pager.page(), self.pager.more()) {
                    (1, false) => String::new(),
                    (page, _) => lang.page_number(page),
                };
                let name = width.saturating_sub(2 + NUMBER_CELLS + 1 + BALANCE_CELLS);
                head.push(
                    Row::plain("  ")
                        .column(Meaning::Faint, lang.fact_number(), NUMBER_CELLS + 1)
                        .column(Meaning::Faint, &page, name)
                        .number(Meaning::Faint, lang.column_balance(), BALANCE_CELLS),
                );
                let lines = rows.iter().enumerate().map(|(at, row)| self.line(shared, at, row));
                list = lines.collect();
            }
        }
        let cursor = self.pager.selected().map(|_| self.pager.cursor());
        let detail = Some(self.detail(shared));
        let title = lang.title_meters().to_owned();
        View { title, head, list, cursor, detail, ..View::default() }
    }

    fn hear(&mut self, _shared: &mut Shared, update: &Update) {
        if let Update::Meters { rows, more, search, after } = update
            && search == self.search.text()
        {
            self.pager.set(*after, rows.clone(), *more);
        }
    }

    fn paste(&mut self, shared: &mut Shared, text: &str) {
        self.search.clear();
        self.search.push_all(text.trim());
        self.search_changed(shared);
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, key) {
            (Action::Type, Key::Char(c)) => {
                self.search.push(c);
                self.search_changed(shared);
            }
            (Action::Erase, _) if !self.search.is_empty() => {
                self.search.erase();
                self.search_changed(shared);
            }
            (Action::Clear, _) => {
                self.search.clear();
                self.search_changed(shared);
            }
            (Action::Back, _) if !self.search.is_empty() => {
                self.search.clear();
                self.search_changed(shared);
            }
            (Action::Back, _) => shared.back(),
            (Action::Open, _) => self.open(shared, false),
            (Action::Read, _) => self.open(shared, true),
            (Action::GoBoxes, _) => shared.go(Boxes::default()),
            (Action::ReadTyped, _) => {
                if let Some(no) = self.typed_number() {
                    let mut card = Card::new(no);
                    card.read(shared);
                    shared.go(card);
                }
            }
            (action, _) => {
                if let Turn::Ask(_) = self.pager.step(movement(action)) {
                    self.ask(shared);
                }
            }
        }
    }
}
