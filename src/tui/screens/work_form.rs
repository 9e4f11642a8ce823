//! The form of a longer errand: its fields, and the meters' password where one is needed.
//!
//! Enter goes to the next field and from the last one shows the plan. Left erases, Right turns the
//! last digit into a letter of its telephone key, or takes the next choice. Below the fields stands
//! what the selected one takes, or what is wrong with it.

use secrecy::ExposeSecret;

use super::works::titled;
use super::{WorkSheet, facts, moved, movement, picked};
use crate::jobs::access::MeterPassword;
use crate::jobs::errand::{self, FieldKind, Values};
use crate::jobs::views::Failure;
use crate::report::Code;
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
/// Cells of a field's name with its star; a test keeps the names within.
pub const NAME_CELLS: usize = 19;
/// The choices of a switch.
const SWITCH: &[&str] = &["yes", "no"];

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

/// The choices of a kind of field; none where anything can be typed.
fn choices(kind: FieldKind) -> &'static [&'static str] {
    match kind {
        FieldKind::Choice(choices) => choices,
        FieldKind::Switch => SWITCH,
        _ => &[],
    }
}

/// The stable name of what a kind of field takes.
fn takes(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Meter => "takes-meter",
        FieldKind::Meters => "takes-meters",
        FieldKind::Money => "takes-money",
        FieldKind::Number => "takes-number",
        FieldKind::Text => "takes-text",
        FieldKind::File => "takes-file",
        FieldKind::Choice(_) => "takes-choice",
        FieldKind::Switch => "takes-switch",
    }
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

    /// The same with fields filled in; the first that is left is the selected one.
    #[must_use]
    pub fn filled(mut self, values: &[(String, String)]) -> Self {
        for (field, text) in self.fields.iter().zip(&mut self.texts) {
            if let Some((_, value)) = values.iter().find(|(key, _)| key == field.key) {
                text.clear();
                text.push_all(value);
            }
        }
        let empty = |at: &usize| self.texts.get(*at).is_some_and(Field::is_empty);
        let asked = self.asked();
        self.at = asked.iter().position(empty).unwrap_or(self.last());
        self
    }

    /// Everything that was filled in, also what a choice made later has put out of sight.
    fn all(&self) -> Values {
        let mut values = Values::default();
        for (field, text) in self.fields.iter().zip(&self.texts) {
            values.set(field.key, text.text());
        }
        values
    }

    /// What is asked for and was filled in.
    fn values(&self) -> Values {
        let mut values = Values::default();
        for at in self.asked() {
            if let (Some(field), Some(text)) = (self.fields.get(at), self.texts.get(at)) {
                values.set(field.key, text.text());
            }
        }
        values
    }

    /// Whether a failure is about what was filled in.
    pub fn tells(failure: &Failure) -> bool {
        matches!(failure.code, Code::FieldOdd | Code::Usage)
    }

    /// The fields that belong to what was chosen so far, by their places.
    fn asked(&self) -> Vec<usize> {
        let errand = errand::of(self.kind);
        let values = self.all();
        let asked = |at: &usize| {
            let key = self.fields.get(*at).map_or("", |field| field.key);
            errand.is_none_or(|errand| errand.asks(&values, key))
        };
        (0..self.fields.len()).filter(asked).collect()
    }

    /// Whether the meters' password belongs to what was chosen so far.
    fn asks_password(&self) -> bool {
        errand::of(self.kind).is_none_or(|errand| errand.asks(&self.all(), errand::PASSWORD))
    }

    /// The last row by its place: the password, or the last field where none is asked for.
    fn last(&self) -> usize {
        let fields = self.asked().len();
        if self.asks_password() { fields } else { fields.saturating_sub(1) }
    }

    /// The selected field by its place; none at the password.
    fn here(&self) -> Option<usize> {
        self.asked().get(self.at).copied()
    }

    /// The row of the field that a fault is about, by what it says first.
    fn field_of(&self, failure: &Failure) -> Option<usize> {
        let key = failure.detail.split(':').next().and_then(|key| key.rsplit('.').next());
        let named = |at: &usize| self.fields.get(*at).map(|field| field.key) == key;
        self.asked().iter().position(|at| Self::tells(failure) && named(at))
    }

    /// Tells a fault at the field it is about.
    pub fn fault(&mut self, failure: Failure) {
        self.at = self.field_of(&failure).unwrap_or(self.at);
        self.failure = Some(failure);
    }

    fn submit(&mut self, shared: &mut Shared) {
        self.failure = None;
        if self.at < self.last() {
            self.at += 1;
            return;
        }
        let values = self.values();
        if let Err(failure) = values.check(self.fields) {
            return self.fault(failure);
        }
        let password = match self.asks_password() && !self.password.is_empty() {
            false => None,
            true => match MeterPassword::parse(self.password.take().expose_secret()) {
                Ok(password) => Some(password),
                Err(failure) => return self.fault(failure),
            },
        };
        // The form goes with the plan: back from there leads here, and not once it is begun.
        let form = Self {
            kind: self.kind,
            fields: self.fields,
            texts: std::mem::take(&mut self.texts),
            password: SecretField::new(PASSWORD_MAX),
            at: 0,
            failure: None,
        };
        shared.go_instead(WorkSheet::plan(self.kind, values, password, form));
    }

    fn kind_at(&self) -> Option<FieldKind> {
        self.fields.get(self.here()?).map(|field| field.kind)
    }

    fn text(&self) -> Option<&Field> {
        self.texts.get(self.here()?)
    }

    fn text_mut(&mut self) -> Option<&mut Field> {
        let here = self.here()?;
        self.texts.get_mut(here)
    }

    /// Whether the selected field takes one of its choices only.
    fn chooses(&self) -> bool {
        self.kind_at().is_some_and(|kind| !choices(kind).is_empty())
    }

    /// Takes a choice by its place.
    fn choose(&mut self, choices: &[&str], at: usize) {
        if let (Some(choice), Some(text)) = (choices.get(at), self.text_mut()) {
            text.clear();
            text.push_all(choice);
        }
    }

    /// The next choice; of a text, the last digit becomes a letter of its key.
    fn turn(&mut self) {
        let choices = self.kind_at().map_or(&[][..], choices);
        let Some(text) = self.text_mut() else { return };
        if choices.is_empty() {
            if let Some(letter) = text.text().chars().last().and_then(next_letter) {
                text.erase();
                text.push(letter);
            }
            return;
        }
        let now = choices.iter().position(|choice| *choice == text.text());
        self.choose(choices, now.map_or(0, |now| (now + 1) % choices.len()));
    }

    fn typed(&mut self, key: Key) {
        let Key::Char(c) = key else { return };
        let choices = self.kind_at().map_or(&[][..], choices);
        if !choices.is_empty() {
            if let Some(at) = picked(key) {
                self.choose(choices, at);
            }
            return;
        }
        match self.text_mut() {
            Some(text) => text.push(c),
            None => self.password.push(c),
        }
    }

    /// A field as a row; the one behind the last is the password.
    fn row(&self, lang: Lang, (row, at): (usize, Option<usize>), width: usize) -> Row {
        let here = row == self.at;
        let (sign, caret) = if here { (">", "_") } else { (" ", "") };
        let room = width.saturating_sub(NAME_CELLS + 3);
        let head = |name: &str, required: bool| {
            let mark = if required { "*" } else { "" };
            Row::plain(sign).column(Meaning::Plain, &format!("{name}{mark}"), NAME_CELLS)
        };
        let field = at.and_then(|at| self.fields.get(at).zip(self.texts.get(at)));
        let Some((field, text)) = field else {
            return head(lang.work_password(), false)
                .and(Meaning::Strong, format!(" {}", "*".repeat(self.password.len())))
                .and(Meaning::Plain, caret);
        };
        let row = head(names::or_name(lang, field.key), field.required);
        if choices(field.kind).is_empty() {
            let shown = format!(" {}", wrap::clean(text.tail(room)));
            return row.and(Meaning::Strong, shown).and(Meaning::Plain, caret);
        }
        let word = wrap::truncate(names::or_name(lang, text.text()), room);
        let (open, close) = if here { ("<", ">") } else { (" ", "") };
        row.and(Meaning::Plain, open).and(Meaning::Strong, word).and(Meaning::Plain, close)
    }

    /// What the selected field takes.
    fn hint(&self, lang: Lang, width: usize) -> Vec<Row> {
        let say = |text: &str| facts::say(Meaning::Faint, text, width);
        let (Some(kind), Some(text)) = (self.kind_at(), self.text()) else {
            return say(names::takes(lang, "takes-password"));
        };
        let takes = names::takes(lang, takes(kind));
        match kind {
            FieldKind::Choice(choices) => {
                let mut rows = say(takes);
                for (at, choice) in choices.iter().enumerate() {
                    rows.extend(say(&format!(" {} {}", at + 1, names::or_name(lang, choice))));
                }
                rows
            }
            FieldKind::Meters => {
                let apart = |c: char| c == ',' || c == ';' || c.is_whitespace();
                let words = text.text().split(apart).filter(|word| !word.is_empty());
                say(&format!("{takes} {}", lang.work_so_far(words.count())))
            }
            // What this very field takes, where that can be said.
            FieldKind::Text | FieldKind::Number | FieldKind::Meter => {
                let key = self.here().and_then(|at| self.fields.get(at)).map(|field| field.key);
                let own = key.and_then(|key| names::hints::of(lang, self.kind, key));
                say(own.unwrap_or(takes))
            }
            FieldKind::Money | FieldKind::File | FieldKind::Switch => say(takes),
        }
    }

    /// A fault in the words of the form.
    fn told(&self, shared: &Shared, failure: &Failure, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        if self.field_of(failure).is_none() {
            return facts::told(shared, failure, width);
        }
        let text = names::hints::field(lang, &failure.detail);
        let mut rows = facts::say(Meaning::Fault, &format!("X {text}"), width);
        // What to write is in the sentence already; choices and what was counted are not.
        let key = self.here().and_then(|at| self.fields.get(at)).map_or("", |field| field.key);
        let said = names::hints::hint(lang, key).is_some_and(|own| text.contains(own));
        if !said || matches!(self.kind_at(), Some(FieldKind::Choice(_) | FieldKind::Meters)) {
            rows.extend(self.hint(lang, width));
        }
        rows
    }
}

impl Screen for WorkForm {
    fn place(&self) -> Place {
        Place::WorkForm
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let password = self.asks_password().then_some(None);
        let asked = self.asked().into_iter().map(Some).chain(password);
        let mut list: Vec<Row> =
            asked.enumerate().map(|place| self.row(lang, place, width)).collect();
        list.push(Row::blank());
        list.extend(match &self.failure {
            Some(failure) => self.told(shared, failure, width),
            None => self.hint(lang, width),
        });
        let title = lang.work_new(&titled(lang, self.kind));
        View { title, list, cursor: Some(self.at), ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        let chosen = self.chooses();
        let last = self.last();
        match (action, self.text_mut()) {
            (Action::Submit, _) => return self.submit(shared),
            (Action::Letter, _) => self.turn(),
            (Action::Type, _) => self.typed(key),
            (Action::Erase, Some(text)) if chosen => text.clear(),
            (Action::Erase, Some(text)) => text.erase(),
            (Action::Erase, None) => self.password.erase(),
            (Action::Clear, Some(text)) => text.clear(),
            (Action::Clear, None) => self.password.clear(),
            (Action::Back, _) => return shared.back(),
            (action, _) => self.at = moved(self.at, movement(action), last),
        }
        self.failure = None;
    }

    fn paste(&mut self, _shared: &mut Shared, text: &str) {
        if !self.chooses()
            && let Some(field) = self.text_mut()
        {
            field.push_all(text.trim());
        }
    }

    fn covered(&mut self) {
        self.password.clear();
    }
}
