//! Multi-user terminals: the boxes of the area list, and the users of one box.

use std::time::Duration;

use super::{Card, facts, moved, movement};
use crate::jobs::views::{BoxRowView, BoxUserView, Failure, Request, Update};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;
use crate::units::Money;

/// Cells of a number of users, and of a place in a box.
const COUNT_CELLS: usize = 5;
/// Cells of a meter number.
const NUMBER_CELLS: usize = 12;
/// Cells of a balance.
const BALANCE_CELLS: usize = 11;
/// Digits pressed within this time are one number.
const ONE_NUMBER: Duration = Duration::from_secs(2);

/// The list of boxes.
#[derive(Debug, Default)]
pub struct Boxes {
    rows: Option<Vec<BoxRowView>>,
    cursor: usize,
}

impl Boxes {
    fn selected(&self) -> Option<&BoxRowView> {
        self.rows.as_ref()?.get(self.cursor)
    }
}

impl Screen for Boxes {
    fn place(&self) -> Place {
        Place::Boxes
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Boxes);
    }

    fn met(&self, _shared: &Shared, _need: Need) -> bool {
        self.selected().is_some()
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.list_width());
        let title = lang.title_boxes().to_owned();
        let rows = match &self.rows {
            None => {
                let list = vec![Row::of(Meaning::Faint, lang.waiting())];
                return View { title, list, ..View::default() };
            }
            Some(rows) if rows.is_empty() => {
                let mut list = facts::say(Meaning::Plain, lang.no_boxes(), width);
                list.extend(facts::say(Meaning::Faint, lang.no_boxes_next(), width));
                return View { title, list, ..View::default() };
            }
            Some(rows) => rows,
        };
        let name = width.saturating_sub(2 + COUNT_CELLS);
        let head = vec![Row::plain("  ").column(Meaning::Faint, lang.column_box(), name).number(
            Meaning::Faint,
            lang.column_users(),
            COUNT_CELLS,
        )];
        let list = rows.iter().enumerate().map(|(at, row)| {
            Row::plain(facts::mark(at == self.cursor, " "))
                .column(Meaning::Plain, &row.name, name)
                .number(Meaning::Plain, &row.users.to_string(), COUNT_CELLS)
        });
        let list = list.collect();
        let detail = self.selected().map(|row| {
            let width = shared.size.detail_width();
            let mut rows = facts::say(Meaning::Plain, &row.location, width);
            rows.extend(facts::say(Meaning::Faint, &row.line, width));
            rows
        });
        View { title, head, list, cursor: Some(self.cursor), detail, ..View::default() }
    }

    fn hear(&mut self, _shared: &mut Shared, update: &Update) {
        if let Update::Boxes(rows) = update {
            self.cursor = self.cursor.min(rows.len().saturating_sub(1));
            self.rows = Some(rows.clone());
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Back => shared.back(),
            Action::Open => {
                if let Some(row) = self.selected() {
                    shared.go(BoxUsers::new(row.name.clone()));
                }
            }
            action => {
                let last = self.rows.as_ref().map_or(0, |rows| rows.len().saturating_sub(1));
                self.cursor = moved(self.cursor, movement(action), last);
            }
        }
    }
}

/// The users of one box.
#[derive(Debug)]
pub struct BoxUsers {
    name: String,
    users: Option<Result<Vec<BoxUserView>, Failure>>,
    cursor: usize,
    /// The number that is being typed, and when its last digit came.
    typed: Option<(u32, Duration)>,
}

impl BoxUsers {
    fn new(name: String) -> Self {
        Self { name, users: None, cursor: 0, typed: None }
    }

    fn rows(&self) -> &[BoxUserView] {
        match &self.users {
            Some(Ok(users)) => users,
            _ => &[],
        }
    }

    fn selected(&self) -> Option<&BoxUserView> {
        self.rows().get(self.cursor)
    }

    /// Goes to the user whose number is typed: with 36 of them, rows are a long way. What cannot be
    /// the beginning of a number here begins a new one.
    fn pick(&mut self, shared: &Shared, digit: u32) {
        let now = shared.now.up;
        let fresh = |at: Duration| now.saturating_sub(at) <= ONE_NUMBER;
        let before = self.typed.filter(|(_, at)| fresh(*at)).map_or(0, |(number, _)| number);
        let last = self.rows().iter().map(|user| u32::from(user.user)).max().unwrap_or(0);
        let longer = before * 10 + digit;
        let number = if longer <= last { longer } else { digit };
        self.typed = Some((number, now));
        let place = self.rows().iter().position(|user| u32::from(user.user) == number);
        self.cursor = place.unwrap_or(self.cursor);
    }

    fn open(&self, shared: &mut Shared, read: bool) {
        let Some(user) = self.selected() else { return };
        let mut card = Card::new(user.row.no);
        if read {
            card.read(shared);
        }
        shared.go(card);
    }

    /// What stands in the columns.
    fn head(shared: &Shared) -> Row {
        let (lang, width) = (shared.lang, shared.size.list_width());
        let name = width.saturating_sub(1 + COUNT_CELLS + NUMBER_CELLS + 2 + BALANCE_CELLS);
        Row::plain("  ")
            .number(Meaning::Faint, lang.column_user(), COUNT_CELLS - 1)
            .and(Meaning::Plain, " ")
            .column(Meaning::Faint, lang.fact_number(), NUMBER_CELLS + 1)
            .column(Meaning::Faint, lang.fact_customer(), name)
            .number(Meaning::Faint, lang.column_balance(), BALANCE_CELLS)
    }

    fn line(&self, shared: &Shared, at: usize, user: &BoxUserView) -> Row {
        let row = &user.row;
        let arrears = |(credit, _)| facts::balance(credit, row.overdraft) == Meaning::Fault;
        let (sign, meaning) = if row.open_intent {
            ("?", Meaning::Alarm)
        } else if row.balance.is_some_and(arrears) {
            ("!", Meaning::Fault)
        } else if row.tokens > 0 {
            ("+", Meaning::Good)
        } else {
            (" ", Meaning::Plain)
        };
        let width = shared.size.list_width();
        let taken = 2 + COUNT_CELLS + NUMBER_CELLS + 2 + BALANCE_CELLS;
        let (balance, colour) = match row.balance {
            Some((credit, _)) => {
                (Money(credit.value).to_string(), facts::balance(credit, row.overdraft))
            }
            None => ("-".to_owned(), Meaning::Faint),
        };
        Row::of(meaning, facts::mark(at == self.cursor, sign))
            .number(Meaning::Strong, &user.user.to_string(), COUNT_CELLS - 1)
            .and(Meaning::Plain, " ")
            .column(Meaning::Plain, &row.no.to_string(), NUMBER_CELLS + 1)
            .column(Meaning::Plain, &row.customer, width.saturating_sub(taken - 1))
            .number(colour, &balance, BALANCE_CELLS)
    }

    fn detail(&self, shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.detail_width());
        let Some(BoxUserView { address, profile, row, .. }) = self.selected() else {
            return Vec::new();
        };
        let mut rows = facts::say(Meaning::Strong, &row.customer, width);
        rows.extend(facts::say(Meaning::Plain, &row.location, width));
        match row.balance {
            Some((credit, at)) => {
                let text = format!("{}  {}", lang.credit(credit), shared.age(at));
                rows.push(Row::of(facts::balance(credit, row.overdraft), text));
            }
            None => rows.push(Row::of(Meaning::Faint, lang.meters_never_read())),
        }
        if !address.is_empty() {
            rows.push(facts::fact(lang.fact_address(), Meaning::Plain, address));
        }
        if !profile.is_empty() {
            rows.push(facts::fact(lang.fact_profile(), Meaning::Plain, profile));
        }
        rows
    }
}

impl Screen for BoxUsers {
    fn place(&self) -> Place {
        Place::BoxUsers
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Box(self.name.clone()));
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        match need {
            Need::Port => self.selected().is_some_and(|user| user.row.own_line),
            _ => self.selected().is_some(),
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.list_width());
        let title = lang.title_box(&self.name);
        let list = match &self.users {
            None => vec![Row::of(Meaning::Faint, lang.waiting())],
            Some(Err(failure)) => facts::told(shared, failure, width),
            Some(Ok(users)) => {
                users.iter().enumerate().map(|(at, user)| self.line(shared, at, user)).collect()
            }
        };
        let cursor = self.selected().map(|_| self.cursor);
        let head = self.selected().map(|_| Self::head(shared)).into_iter().collect();
        View { title, head, list, cursor, detail: Some(self.detail(shared)), ..View::default() }
    }

    fn hear(&mut self, _shared: &mut Shared, update: &Update) {
        if let Update::Box { name, users } = update
            && *name == self.name
        {
            self.users = Some(users.clone());
            self.cursor = self.cursor.min(self.rows().len().saturating_sub(1));
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, key) {
            (Action::Back, _) => shared.back(),
            (Action::Open, _) => self.open(shared, false),
            (Action::Read, _) => self.open(shared, true),
            (Action::Pick, Key::Char(c)) => {
                c.to_digit(10).into_iter().for_each(|digit| self.pick(shared, digit));
            }
            (action, _) => {
                self.typed = None;
                let last = self.rows().len().saturating_sub(1);
                self.cursor = moved(self.cursor, movement(action), last);
            }
        }
    }
}
