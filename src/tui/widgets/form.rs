//! A few fields one below the other, one of which is typed into.
//!
//! Up and down change the field. Enter goes on to the next one and, from the last, hands the form
//! in: on a keypad that is one key for the whole form. Letters can be had on a keypad too: Right
//! turns the digit just typed into the letters of its telephone key, one after the other.

use secrecy::SecretString;

use super::{Field, Row, SecretField};
use crate::tui::keymap::Action;
use crate::tui::theme::Meaning;
use crate::tui::wrap;

/// One field of a form.
#[derive(Debug)]
pub enum Input {
    /// A short name of a-z, 0-9 and `-`; capitals become small.
    Name(Field),
    /// Something that is not shown.
    Secret(SecretField),
    /// A code of capitals and digits that works once: shown while it is typed, overwritten after.
    Code(SecretField),
}

/// The fields, and which of them is typed into.
#[derive(Debug)]
pub struct Form {
    inputs: Vec<Input>,
    at: usize,
}

impl Form {
    /// A form of these fields; the first one is typed into.
    pub fn new(inputs: Vec<Input>) -> Self {
        Self { inputs, at: 0 }
    }

    /// The text of a field that is shown; empty for one that is not.
    pub fn name(&self, at: usize) -> &str {
        match self.inputs.get(at) {
            Some(Input::Name(field)) => field.text(),
            _ => "",
        }
    }

    /// What was typed into a field for a secret or a code; it is empty afterwards.
    pub fn take(&mut self, at: usize) -> SecretString {
        match self.inputs.get_mut(at) {
            Some(Input::Secret(field) | Input::Code(field)) => field.take(),
            _ => SecretString::default(),
        }
    }

    /// Whether something secret is in it.
    pub fn holds_secret(&self) -> bool {
        self.inputs.iter().any(|input| match input {
            Input::Name(_) => false,
            Input::Secret(field) | Input::Code(field) => !field.is_empty(),
        })
    }

    /// Whether two fields that are not shown hold the same.
    pub fn same(&self, one: usize, other: usize) -> bool {
        match (self.inputs.get(one), self.inputs.get(other)) {
            (Some(Input::Secret(one)), Some(Input::Secret(other))) => one.same(other),
            _ => false,
        }
    }

    /// Goes to the first empty field; `false` if all are filled.
    pub fn to_empty(&mut self) -> bool {
        let empty = self.inputs.iter().position(|input| match input {
            Input::Name(field) => field.is_empty(),
            Input::Secret(field) | Input::Code(field) => field.is_empty(),
        });
        self.at = empty.unwrap_or(self.at);
        empty.is_some()
    }

    /// Goes to a field.
    pub fn go(&mut self, at: usize) {
        self.at = at.min(self.inputs.len().saturating_sub(1));
    }

    /// Puts a text into a field that is shown, in place of what is in it.
    pub fn fill(&mut self, at: usize, text: &str) {
        if let Some(Input::Name(field)) = self.inputs.get_mut(at) {
            field.clear();
            text.chars().filter_map(name_char).for_each(|c| field.push(c));
        }
    }

    /// Overwrites every secret and every code.
    pub fn wipe(&mut self) {
        for input in &mut self.inputs {
            if let Input::Secret(field) | Input::Code(field) = input {
                field.clear();
            }
        }
    }

    /// Adds a character to the field typed into.
    pub fn push(&mut self, c: char) {
        match self.inputs.get_mut(self.at) {
            Some(Input::Name(field)) => name_char(c).into_iter().for_each(|c| field.push(c)),
            Some(Input::Secret(field)) => field.push(c),
            Some(Input::Code(field)) if c.is_ascii_alphanumeric() => {
                field.push(c.to_ascii_uppercase());
            }
            _ => {}
        }
    }

    /// Puts a scanned code into the field for one, if there is one.
    pub fn paste_code(&mut self, text: &str) {
        let at = self.inputs.iter().position(|input| matches!(input, Input::Code(_)));
        if let Some(at) = at {
            self.at = at;
            self.act(Action::Clear);
            text.chars().for_each(|c| self.push(c));
        }
    }

    /// Does what a key means that is no character; `true` if the form is handed in by it.
    pub fn act(&mut self, action: Action) -> bool {
        let last = self.inputs.len().saturating_sub(1);
        match (action, self.inputs.get_mut(self.at)) {
            (Action::Up, _) => self.at = self.at.saturating_sub(1),
            (Action::Down, _) => self.at = (self.at + 1).min(last),
            (Action::Erase, Some(Input::Name(field))) => field.erase(),
            (Action::Erase, Some(Input::Secret(field) | Input::Code(field))) => field.erase(),
            (Action::Clear, Some(Input::Name(field))) => field.clear(),
            (Action::Clear, Some(Input::Secret(field) | Input::Code(field))) => field.clear(),
            (Action::Letter, Some(Input::Code(field))) => {
                field.turn(|c| turned(c, CODE_LETTERS).map(|c| c.to_ascii_uppercase()));
            }
            (Action::Letter, Some(Input::Name(field))) => {
                let last = field.text().chars().last();
                if let Some(c) = last.and_then(|c| turned(c, NAME_LETTERS)) {
                    field.erase();
                    field.push(c);
                }
            }
            (Action::Submit, _) if self.at < last => self.at += 1,
            // A field left out is gone to first.
            (Action::Submit, _) => return !self.to_empty(),
            _ => {}
        }
        false
    }

    /// The form as rows of at most `width` cells, with a label for each field.
    pub fn rows(&self, labels: &[&str], width: usize) -> Vec<Row> {
        let cells = labels.iter().map(|label| wrap::width(label)).max().unwrap_or(0);
        let room = width.saturating_sub(cells + SIGNS);
        let rows = self.inputs.iter().zip(labels).enumerate().map(|(at, (input, label))| {
            let here = at == self.at;
            let (sign, caret) = if here { (">", "_") } else { (" ", "") };
            let row = Row::of(Meaning::Strong, sign).column(Meaning::Plain, label, cells + 1);
            match input {
                Input::Name(field) => {
                    row.and(Meaning::Strong, field.tail(room)).and(Meaning::Plain, caret)
                }
                Input::Code(field) => {
                    row.and(Meaning::Strong, &**field.groups(room)).and(Meaning::Plain, caret)
                }
                Input::Secret(field) => {
                    let count = if field.is_empty() { String::new() } else { field.count() };
                    let shown = field.mask(room.saturating_sub(count.len()));
                    let row = row.and(Meaning::Strong, shown).and(Meaning::Plain, caret);
                    row.and(Meaning::Faint, count)
                }
            }
        });
        rows.collect()
    }
}

/// The letters on the keys of a telephone, in groups with their digit; those of Crockford's base32.
const CODE_LETTERS: &[&str] = &["2abc", "3def", "4gh", "5jk", "6mn", "7pqrs", "8tv", "9wxyz"];

/// The same with all letters.
const NAME_LETTERS: &[&str] = &["2abc", "3def", "4ghi", "5jkl", "6mno", "7pqrs", "8tuv", "9wxyz"];

/// Signs that names of handhelds, amounts and paths are made of, on the keys without letters.
const SIGN_KEYS: &[&str] = &["1-./_:", "0 ,~"];

/// The letter after a digit, or after a letter of the same telephone key, with all letters; and the
/// signs of the keys without letters.
pub fn next_letter(c: char) -> Option<char> {
    turned(c, NAME_LETTERS).or_else(|| turned(c, SIGN_KEYS))
}

/// The next character of the group: 2, a, b, c, 2.
fn turned(c: char, groups: &[&str]) -> Option<char> {
    let c = c.to_ascii_lowercase();
    let group = groups.iter().find(|group| group.contains(c))?;
    group.chars().cycle().skip_while(|one| *one != c).nth(1)
}

/// Cells of the sign before a field, the space behind its label, and the caret.
const SIGNS: usize = 3;

/// A character of a name as it is kept.
fn name_char(c: char) -> Option<char> {
    let c = c.to_ascii_lowercase();
    (c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-').then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn form() -> Form {
        let name = Input::Name(Field::new(16));
        Form::new(vec![name, Input::Secret(SecretField::new(64))])
    }

    fn types(form: &mut Form, text: &str) {
        text.chars().for_each(|c| form.push(c));
    }

    #[test]
    fn enter_goes_on_and_hands_in_only_what_is_whole() {
        let mut form = form();
        assert!(!form.act(Action::Submit), "on to the second field");
        types(&mut form, "246810");
        assert!(!form.act(Action::Submit), "the first one is empty");
        types(&mut form, "A 1-1!");
        assert_eq!(form.name(0), "a1-1");
        assert!(!form.act(Action::Submit));
        assert!(form.act(Action::Submit));
    }

    #[test]
    fn no_row_holds_a_secret_and_none_is_too_wide() {
        let mut form = form();
        form.fill(0, "1001");
        form.go(1);
        types(&mut form, "24681012141618202224262830");
        for width in [20, 40] {
            let rows = form.rows(&["Operator", "PIN"], width);
            let text = format!("{rows:?}");
            assert!(!text.contains("246") && text.contains("***"), "{text}");
            assert!(text.contains(" 26"), "the length is shown: {text}");
            assert!(rows.iter().all(|row| row.width() <= width), "{text}");
        }
        assert!(!format!("{form:?}").contains("246"));
        assert!(form.holds_secret());
        form.wipe();
        assert!(!form.holds_secret());
        assert_eq!(form.name(0), "1001");
    }

    #[test]
    fn up_and_down_stay_in_the_form() {
        let mut form = form();
        form.act(Action::Up);
        types(&mut form, "1");
        (0..5).for_each(|_| assert!(!form.act(Action::Down)));
        types(&mut form, "2");
        assert_eq!(form.name(0), "1");
        assert!(form.holds_secret());
        form.act(Action::Erase);
        assert!(!form.holds_secret());
    }

    #[test]
    fn a_keypad_types_letters_too() {
        let mut form =
            Form::new(vec![Input::Name(Field::new(16)), Input::Code(SecretField::new(40))]);
        let turns = |form: &mut Form, digit: char, times: usize| {
            form.push(digit);
            (0..times).for_each(|_| assert!(!form.act(Action::Letter)));
        };
        turns(&mut form, '5', 3);
        turns(&mut form, '4', 3);
        turns(&mut form, '2', 4);
        assert_eq!(form.name(0), "li2");
        form.act(Action::Letter);
        assert_eq!(form.name(0), "lia", "round and round");
        form.go(1);
        turns(&mut form, '7', 4);
        turns(&mut form, '8', 2);
        turns(&mut form, '0', 2);
        assert_eq!(form.take(1).expose_secret(), "SV0", "codes know no U and no O");
    }
}
