//! The form of an errand: its fields, and what was filled in.

use std::collections::BTreeMap;

use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::units::{MeterNo, Money};

/// What is typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A meter's number.
    Meter,
    /// Meters' numbers, or names of the area list that stand for several ([`super::choice`]), with
    /// spaces or commas between them.
    Meters,
    /// An amount, in yuan or kWh, with at most two decimals.
    Money,
    /// A whole number.
    Number,
    /// Any text.
    Text,
    /// The path of a file.
    File,
    /// One of these stable words.
    Choice(&'static [&'static str]),
    /// Yes or no.
    Switch,
}

/// A field of an errand's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its stable name; `text::work` has the words.
    pub key: &'static str,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether it must be filled in.
    pub required: bool,
}

/// A form as it was filled in: text by field. What is empty is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// Sets a field; empty text removes it.
    pub fn set(&mut self, key: &str, text: impl Into<String>) {
        let text: String = text.into();
        let text = text.trim();
        match text.is_empty() {
            true => self.0.remove(key),
            false => self.0.insert(key.to_owned(), text.to_owned()),
        };
    }

    /// The same, for building.
    #[must_use]
    pub fn with(mut self, key: &str, text: impl Into<String>) -> Self {
        self.set(key, text);
        self
    }

    /// A field's text.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// [`Code::FieldOdd`] with the field's name.
    pub fn need(&self, key: &str) -> Result<&str, Failure> {
        self.get(key).ok_or_else(|| fail(Code::FieldOdd, key))
    }

    /// A meter's number.
    ///
    /// # Errors
    /// [`Code::FieldOdd`]: it is missing or no number.
    pub fn meter(&self, key: &str) -> Result<MeterNo, Failure> {
        parsed(key, self.need(key)?)
    }

    /// Meters' numbers, each once, in the order given.
    ///
    /// # Errors
    /// [`Code::FieldOdd`]: there is none, or one is no number.
    pub fn meters(&self, key: &str) -> Result<Vec<MeterNo>, Failure> {
        let mut meters = Vec::new();
        for word in self.words(key)? {
            let meter = parsed(key, word)?;
            if !meters.contains(&meter) {
                meters.push(meter);
            }
        }
        Ok(meters)
    }

    /// The words of a field, which spaces, commas or semicolons part; at least one.
    ///
    /// # Errors
    /// [`Code::FieldOdd`]: there is none.
    pub fn words(&self, key: &str) -> Result<Vec<&str>, Failure> {
        let apart = |c: char| matches!(c, ',' | ';' | '\u{ff0c}' | '\u{3001}') || c.is_whitespace();
        let words = self.need(key)?.split(apart).filter(|word| !word.is_empty());
        let words: Vec<&str> = words.collect();
        if words.is_empty() { Err(fail(Code::FieldOdd, key)) } else { Ok(words) }
    }

    /// An amount in hundredths, if it is there.
    ///
    /// # Errors
    /// [`Code::FieldOdd`]: it is no amount.
    pub fn money(&self, key: &str) -> Result<Option<i64>, Failure> {
        let read = |text: &str| Money::parse(text).map(|money| money.0);
        self.get(key).map(|text| read(text).ok_or_else(|| odd(key, text))).transpose()
    }

    /// A whole number, if it is there.
    ///
    /// # Errors
    /// [`Code::FieldOdd`]: it is no number.
    pub fn number(&self, key: &str) -> Result<Option<i64>, Failure> {
        self.get(key).map(|text| text.parse().map_err(|_| odd(key, text))).transpose()
    }

    /// Yes or no; no where nothing was said.
    pub fn switch(&self, key: &str) -> bool {
        matches!(self.get(key), Some("yes" | "true" | "1" | "on"))
    }

    /// All of them, as notes of the errand's first entry.
    pub fn notes(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(key, text)| (key.clone(), text.clone())).collect()
    }

    /// The fields of an errand's first entry.
    pub fn of_notes(notes: &[(String, String)]) -> Self {
        Self(notes.iter().cloned().collect())
    }

    /// Checks a form against its fields.
    ///
    /// # Errors
    /// [`Code::FieldOdd`] with the first field that is missing or holds what it cannot.
    pub fn check(&self, fields: &[Field]) -> Result<(), Failure> {
        for field in fields {
            let Some(text) = self.get(field.key) else {
                if field.required {
                    return Err(fail(Code::FieldOdd, field.key));
                }
                continue;
            };
            match field.kind {
                FieldKind::Meter => drop(self.meter(field.key)?),
                // Names of the list may stand among the numbers: `choice` knows them.
                FieldKind::Meters => drop(self.words(field.key)?),
                FieldKind::Money => drop(self.money(field.key)?),
                FieldKind::Number => drop(self.number(field.key)?),
                FieldKind::Choice(choices) if !choices.contains(&text) => {
                    return Err(odd(field.key, text));
                }
                FieldKind::Choice(_) | FieldKind::Text | FieldKind::File | FieldKind::Switch => {}
            }
        }
        Ok(())
    }
}

fn odd(key: &str, text: &str) -> Failure {
    fail(Code::FieldOdd, format!("{key}: {text}"))
}

fn parsed(key: &str, text: &str) -> Result<MeterNo, Failure> {
    text.parse().map_err(|_| odd(key, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_which_field_is_wrong() {
        const FIELDS: &[Field] = &[
            Field { key: "meter", kind: FieldKind::Meter, required: true },
            Field { key: "meters", kind: FieldKind::Meters, required: false },
            Field { key: "amount", kind: FieldKind::Money, required: false },
            Field { key: "count", kind: FieldKind::Number, required: false },
            Field { key: "mode", kind: FieldKind::Choice(&["on", "off"]), required: false },
        ];
        let good = Values::default().with("meter", " 47 ");
        assert_eq!(good.check(FIELDS), Ok(()));
        let fault = |key: &str, text: &str| {
            good.clone().with(key, text).check(FIELDS).map_err(|failure| failure.detail)
        };
        for (key, text, detail) in [
            ("meter", "", "meter"),
            ("meter", "x", "meter: x"),
            ("meters", ",", "meters"),
            ("amount", "1.234", "amount: 1.234"),
            ("count", "1.5", "count: 1.5"),
            ("mode", "maybe", "mode: maybe"),
        ] {
            assert_eq!(fault(key, text), Err(detail.to_owned()));
        }
        let full = good
            .clone()
            .with("meters", "1,2 3\n1")
            .with("amount", "12.5")
            .with("count", "-3")
            .with("mode", "off");
        assert_eq!(full.check(FIELDS), Ok(()));
        let numbers: Vec<String> =
            full.meters("meters").unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(numbers, ["000000000001", "000000000002", "000000000003"]);
        assert_eq!(full.money("amount").unwrap(), Some(1_250));
        assert_eq!(Values::of_notes(&full.notes()), full);
        // A name is no fault of the form; no number comes of it here.
        let named = good.with("meters", "1, B7");
        assert_eq!(named.check(FIELDS), Ok(()));
        assert_eq!(named.meters("meters").unwrap_err().detail, "meters: B7");
    }
}
