//! The form of a longer errand: its fields, and the meters' password where one is needed.
//!
//! Enter goes to the next field and from the last one shows the plan. Left erases, Right turns the
//! last digit into a letter of its telephone key, or takes the next choice.

use secrecy::ExposeSecret;

use super::{WorkSheet, facts, moved, movement};
use crate::jobs::access::MeterPassword;
use crate::jobs::errand::{self, FieldKind, Values};
use crate::jobs::views::Failure;
use crate::text::{Lang, work as names};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Row, SecretField, next_letter};
use crate::tui::wrap;
use crate::units::ErrandKind;

/// Characters a field takes: a list of a hundred meters.
const TEXT_MAX: usize = 1_400;
/// Digits of a meter's password.
const PASSWORD_MAX: usize = 6;
/// Cells of a field's name.
const NAME_CELLS: usize = 18;

/// The form.
#[derive(Debug)]
pub struct WorkForm {
    kind: ErrandKind,
    fields: &'static [errand::Field],
    texts: Vec<Field>,
    password: SecretField,
    at: usize,
    failure: Option<Failure>,
}

impl WorkForm {
    /// An empty form; a meter that was just read is filled in.
    pub fn new(kind: ErrandKind, shared: &Shared) -> Self {
        let fields = errand::of(kind).map_or(&[][..], |errand| errand.fields());
        let read = shared.read.as_ref().map(|card| card.meter.to_string()).unwrap_or_default();
        let mut filled = false;
        let texts = fields.iter().map(|field| {
            let meter = matches!(field.kind, FieldKind::Meter | FieldKind::Meters);
            let text = if meter && !filled { read.as_str() } else { "" };
            filled |= meter;
            let first = match field.kind {
                FieldKind::Choice([first, ..]) if field.required => *first,
                _ => text,
            };
            Field::new(TEXT_MAX).with(first)
        });
        let texts = texts.collect();
        let password = SecretField::new(PASSWORD_MAX);
        Self { kind, fields, texts, password, at: 0, failure: None }
    }

    fn values(&self) -> Values {
        let mut values = Values::default();
        for (field, text) in self.fields.iter().zip(&self.texts) {
            values.set(field.key, text.text());
        }
        values
    }

    fn submit(&mut self, shared: &mut Shared) {
        self.failure = None;
        if self.at < self.fields.len() {
            self.at += 1;
            return;
        }
        let values = self.values();
        if let Err(failure) = values.check(self.fields) {
            let at = self.fields.iter().position(|field| failure.detail.starts_with(field.key));
            self.at = at.unwrap_or(0);
            self.failure = Some(failure);
            return;
        }
        let password = match self.password.is_empty() {
            true => None,
            false => match MeterPassword::parse(self.password.take().expose_secret()) {
                Ok(password) => Some(password),
                Err(failure) => {
                    self.failure = Some(failure);
                    return;
                }
            },
        };
        shared.go(WorkSheet::plan(self.kind, values, password));
    }

    fn turn(&mut self) {
        let kind = self.fields.get(self.at).map(|field| field.kind);
        let Some(text) = self.texts.get_mut(self.at) else { return };
        let choices: &[&str] = match kind {
            Some(FieldKind::Choice(choices)) => choices,
            Some(FieldKind::Switch) => &["yes", "no"],
            _ => {
                if let Some(letter) = text.text().chars().last().and_then(next_letter) {
                    text.erase();
                    text.push(letter);
                }
                return;
            }
        };
        let now = choices.iter().position(|choice| *choice == text.text());
        let next = now.map_or(0, |now| (now + 1) % choices.len().max(1));
        text.clear();
        text.push_all(choices.get(next).copied().unwrap_or_default());
    }

    fn row(&self, lang: Lang, at: usize, width: usize) -> Row {
        let sign = if at == self.at { ">" } else { " " };
        let caret = if at == self.at { "_" } else { "" };
        let room = width.saturating_sub(NAME_CELLS + 3);
        let head = |name: &str, required: bool| {
            let mark = if required { "*" } else { "" };
            Row::plain(sign).column(Meaning::Plain, &format!("{name}{mark}"), NAME_CELLS)
        };
        match (self.fields.get(at), self.texts.get(at)) {
            (Some(field), Some(text)) => {
                let shown = match field.kind {
                    FieldKind::Choice(_) | FieldKind::Switch => {
                        names::or_name(lang, text.text()).to_owned()
                    }
                    _ => text.tail(room).to_owned(),
                };
                head(names::or_name(lang, field.key), field.required)
                    .and(Meaning::Strong, format!(" {}", wrap::truncate(&shown, room)))
                    .and(Meaning::Plain, caret)
            }
            _ => head(lang.work_password(), false)
                .and(Meaning::Strong, format!(" {}", "*".repeat(self.password.len())))
                .and(Meaning::Plain, caret),
        }
    }
}

impl Screen for WorkForm {
    fn place(&self) -> Place {
        Place::WorkForm
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list: Vec<Row> =
            (0..=self.fields.len()).map(|at| self.row(lang, at, width)).collect();
        if let Some(failure) = &self.failure {
            list.push(Row::blank());
            list.extend(facts::failure(shared, failure, width));
        }
        let title = names::kind(lang, self.kind).to_owned();
        View { title, list, cursor: Some(self.at), ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, self.texts.get_mut(self.at)) {
            (Action::Submit, _) => self.submit(shared),
            (Action::Letter, _) => self.turn(),
            (Action::Type, text) => {
                let Key::Char(c) = key else { return };
                match text {
                    Some(text) => text.push(c),
                    None => self.password.push(c),
                }
            }
            (Action::Erase, Some(text)) => text.erase(),
            (Action::Erase, None) => self.password.erase(),
            (Action::Clear, Some(text)) => text.clear(),
            (Action::Clear, None) => self.password.clear(),
            (Action::Back, _) => shared.back(),
            (action, _) => self.at = moved(self.at, movement(action), self.fields.len()),
        }
    }

    fn paste(&mut self, _shared: &mut Shared, text: &str) {
        if let Some(field) = self.texts.get_mut(self.at) {
            field.push_all(text.trim());
        }
    }

    fn covered(&mut self) {
        self.password.clear();
    }
}
