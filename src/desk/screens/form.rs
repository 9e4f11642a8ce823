//! The form of an act. Enter goes to the next field and from the last one shows the check. Left
//! erases; Right takes the next choice, the next known name, or turns the last character into the
//! next one of its telephone key. Below the fields stands what the selected one takes, or what is
//! wrong with it.

use super::{Check, Screen, movement, show};
use crate::desk::act::Act;
use crate::desk::forms::{Kind, Odd, Spec, Takes};
use crate::desk::keymap::{Action, Place};
use crate::desk::page::{Fact, Name};
use crate::desk::shared::Shared;
use crate::text::desk::words;
use crate::tui::event::Key;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Row, moved, next_letter, picked, say};
use crate::tui::wrap;

/// Characters a field takes.
const TEXT_MAX: usize = 200;
/// Cells of a field's name with its star; a test keeps the names within.
pub const NAME_CELLS: usize = 15;
/// Cells of the mark before a name, the space behind it and the caret.
const SIGNS: usize = 3;

/// A form.
#[derive(Debug)]
pub struct Form {
    kind: Kind,
    texts: Vec<Field>,
    at: usize,
    odd: Option<Odd>,
    /// Figures a person needs to fill it in.
    facts: Vec<Fact>,
}

impl Form {
    /// A form with what is known already, by the names of its fields; the first empty field is
    /// typed into.
    pub fn new(kind: Kind, known: &[(&str, String)]) -> Self {
        let fields = kind.fields();
        let texts = fields.iter().map(|spec| {
            let known = known.iter().find(|(key, _)| *key == spec.key);
            let text = match (known, spec.takes) {
                (Some((_, text)), _) => text.as_str(),
                // A verdict is never chosen beforehand.
                (None, Takes::Choice([first, ..])) if spec.key != "verdict" => first,
                (None, _) => spec.usual,
            };
            Field::new(TEXT_MAX).with(text)
        });
        let texts: Vec<Field> = texts.collect();
        let at = texts.iter().position(Field::is_empty).unwrap_or(0);
        Self { kind, texts, at, odd: None, facts: Vec::new() }
    }

    /// The same with figures of the page it is opened from.
    pub fn with(self, facts: &[Fact], names: &[Name]) -> Self {
        let named = |fact: &&Fact| names.contains(&fact.name);
        Self { facts: facts.iter().filter(named).cloned().collect(), ..self }
    }

    fn fields(&self) -> &'static [Spec] {
        self.kind.fields()
    }

    fn takes(&self) -> Option<Takes> {
        self.fields().get(self.at).map(|spec| spec.takes)
    }

    /// What was filled in.
    fn values(&self) -> Vec<String> {
        self.texts.iter().map(|field| field.text().to_owned()).collect()
    }

    fn submit(&mut self, shared: &mut Shared) {
        if self.at + 1 < self.texts.len() {
            self.at += 1;
            return;
        }
        match self.kind.act(&self.values()) {
            Err(odd) => {
                let at = self.fields().iter().position(|spec| spec.key == odd.key);
                self.at = at.unwrap_or(self.at);
                self.odd = Some(odd);
            }
            Ok(act) => self.check(shared, act),
        }
    }

    /// On to the check; the form stays below, for the way back.
    fn check(&self, shared: &mut Shared, act: Act) {
        shared.go(Check::new(act));
    }

    /// The next choice, the next known name, or the next character of the key.
    fn turn(&mut self, shared: &Shared) {
        let takes = self.takes();
        let Some(text) = self.texts.get_mut(self.at) else { return };
        let known: Vec<&str> = match takes {
            Some(Takes::Choice(choices)) => choices.to_vec(),
            Some(Takes::Device) => shared.devices.iter().map(String::as_str).collect(),
            Some(Takes::Operator) => shared.operators.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let here = known.iter().position(|name| *name == text.text());
        if !known.is_empty() && (text.is_empty() || here.is_some()) {
            let next = here.map_or(0, |here| (here + 1) % known.len());
            let name = known.get(next).copied().unwrap_or_default().to_owned();
            text.clear();
            text.push_all(&name);
        } else if let Some(letter) = text.text().chars().last().and_then(next_letter) {
            text.erase();
            text.push(letter);
        }
    }

    fn typed(&mut self, key: Key) {
        let takes = self.takes();
        let Some(text) = self.texts.get_mut(self.at) else { return };
        match (takes, key) {
            (Some(Takes::Choice(choices)), key) => {
                if let Some(choice) = picked(key).and_then(|at| choices.get(at)) {
                    text.clear();
                    text.push_all(choice);
                }
            }
            (_, Key::Char(c)) => text.push(c),
            _ => {}
        }
    }

    fn row(&self, shared: &Shared, at: usize, width: usize) -> Row {
        let lang = shared.lang;
        let (Some(spec), Some(text)) = (self.fields().get(at), self.texts.get(at)) else {
            return Row::blank();
        };
        let here = at == self.at;
        let (sign, caret) = if here { (">", "_") } else { (" ", "") };
        let room = width.saturating_sub(NAME_CELLS + SIGNS);
        let mark = if spec.required { "*" } else { "" };
        let name = format!("{}{mark}", words::or_name(lang, spec.key));
        let row = Row::plain(sign).column(Meaning::Plain, &name, NAME_CELLS);
        if !matches!(spec.takes, Takes::Choice(_)) {
            let shown = format!(" {}", wrap::clean(text.tail(room)));
            return row.and(Meaning::Strong, shown).and(Meaning::Plain, caret);
        }
        let word = wrap::truncate(words::or_name(lang, text.text()), room);
        let (open, close) = if here { ("<", ">") } else { (" ", "") };
        row.and(Meaning::Plain, open).and(Meaning::Strong, word).and(Meaning::Plain, close)
    }

    /// What the selected field takes.
    fn hint(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let said = |name: &str| say(Meaning::Faint, words::or_name(lang, name), width);
        let listed = |names: &[String]| say(Meaning::Faint, &names.join("  "), width);
        match self.takes() {
            None => Vec::new(),
            Some(Takes::Meter) => said("takes-meter"),
            Some(Takes::Amount) => said("takes-amount"),
            Some(Takes::Number) => said("takes-number"),
            Some(Takes::Text) => said("takes-text"),
            Some(Takes::Names) => said("takes-names"),
            Some(Takes::File) => said("takes-file"),
            Some(Takes::Token) => said("takes-token"),
            Some(Takes::Device) => [said("takes-device"), listed(&shared.devices)].concat(),
            Some(Takes::Operator) => [said("takes-operator"), listed(&shared.operators)].concat(),
            Some(Takes::Choice(choices)) => {
                let mut rows = said("takes-choice");
                for (at, choice) in choices.iter().enumerate() {
                    let text = format!(" {} {}", at + 1, words::or_name(lang, choice));
                    rows.extend(say(Meaning::Faint, &text, width));
                }
                rows
            }
        }
    }

    /// What is wrong with a field.
    fn told(&self, shared: &Shared, odd: &Odd, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let name = words::or_name(lang, odd.key);
        let text = match odd.text.as_str() {
            "" => lang.desk_missing(name),
            text => lang.desk_odd(name, text),
        };
        let mut rows = say(Meaning::Fault, &format!("X {text}"), width);
        rows.extend(self.hint(shared, width));
        rows
    }
}

impl Screen for Form {
    fn place(&self) -> Place {
        Place::Form
    }

    fn view(&self, shared: &Shared) -> View {
        let width = shared.size.page_width();
        let mut list: Vec<Row> =
            (0..self.texts.len()).map(|at| self.row(shared, at, width)).collect();
        list.push(Row::blank());
        if !self.facts.is_empty() {
            list.extend(self.facts.iter().flat_map(|fact| show::fact(shared, fact, width)));
            list.push(Row::blank());
        }
        list.extend(match &self.odd {
            Some(odd) => self.told(shared, odd, width),
            None => self.hint(shared, width),
        });
        let name = words::or_name(shared.lang, self.kind.name());
        let title = match self.kind.about() {
            Some(about) => format!("{name} {about}"),
            None => name.to_owned(),
        };
        View { title, list, cursor: Some(self.at), ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        let chosen = matches!(self.takes(), Some(Takes::Choice(_)));
        if !matches!(action, Action::Submit) {
            self.odd = None;
        }
        match (action, self.texts.get_mut(self.at)) {
            (Action::Submit, _) => self.submit(shared),
            (Action::Letter, _) => self.turn(shared),
            (Action::Type, _) => self.typed(key),
            (Action::Erase, Some(text)) if !chosen => text.erase(),
            (Action::Clear | Action::Erase, Some(text)) => text.clear(),
            (Action::Back, _) => shared.back(),
            (action, _) => {
                self.at = moved(self.at, movement(action), self.texts.len().saturating_sub(1));
            }
        }
    }

    fn paste(&mut self, _shared: &mut Shared, text: &str) {
        if !matches!(self.takes(), Some(Takes::Choice(_)))
            && let Some(field) = self.texts.get_mut(self.at)
        {
            field.push_all(text.trim());
        }
    }
}
