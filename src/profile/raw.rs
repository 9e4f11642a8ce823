//! TOML with its lines: tables whose keys are asked for by name, and notes of what is wrong.
//!
//! Nothing stops at the first mistake. A getter notes what is wrong with its key and gives `None`;
//! whoever puts a profile together goes on and looks at the notes in the end.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{ProfileFault, What};

/// Characters of a value that are repeated in a note.
const SHOWN: usize = 40;

/// What was found wrong or doubtful.
#[derive(Debug)]
pub(super) struct Notes {
    /// Length of the text, and where its lines end: a bad file is noted at many places of it.
    len: usize,
    ends: Vec<usize>,
    pub all: Vec<ProfileFault>,
}

impl Notes {
    pub fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { len: text.len(), ends: ends.map(|(at, _)| at).collect(), all: Vec::new() }
    }

    /// The line of a byte, from 1; beyond the end of the text there are none.
    pub fn line(&self, at: usize) -> usize {
        if at > self.len { 1 } else { self.ends.partition_point(|end| *end < at) + 1 }
    }

    pub fn add(&mut self, at: usize, key: &str, value: &str, what: What) {
        let (line, key) = (self.line(at), key.to_owned());
        let value = value.chars().take(SHOWN).collect();
        self.all.push(ProfileFault { file: String::new(), line, key, value, what });
    }

    /// A note about the whole file.
    pub fn add_to_file(&mut self, key: &str, what: What) {
        let (key, nothing) = (key.to_owned(), String::new);
        self.all.push(ProfileFault { file: nothing(), line: 0, key, value: nothing(), what });
    }

    /// Whether there is anything that forbids the profile.
    pub fn faulty(&self) -> bool {
        self.all.iter().any(|fault| fault.what.is_fault())
    }
}

/// Whether a key has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Must,
    May,
}

/// A table of the file.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// `line`, `item[3]`; empty for the file itself.
    pub path: String,
    /// Its first byte.
    pub at: usize,
    rows: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub fn new(path: impl Into<String>, at: usize, rows: &'a DeTable<'a>) -> Self {
        Self { path: path.into(), at, rows, known: Vec::new() }
    }

    /// The key with its section.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where a key's value stands; the table itself for one that is not there.
    pub fn at(&self, key: &str) -> usize {
        self.rows.get(key).map_or(self.at, |value| value.span().start)
    }

    pub fn has(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    fn cell(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.rows.get(key)
    }

    /// Takes a key for known that was not asked for.
    pub fn known(&mut self, key: &'static str) {
        self.known.push(key);
    }

    /// Notes that `key` should have been `expected`.
    pub fn wrong(&self, notes: &mut Notes, key: &str, expected: &str) {
        let value = self.rows.get(key).map(|value| shown(value.get_ref())).unwrap_or_default();
        let expected = expected.to_owned();
        notes.add(self.at(key), &self.path_of(key), &value, What::Wrong { expected });
    }

    fn lacks(&self, notes: &mut Notes, key: &str, need: Need, expected: &str) {
        if need == Need::Must {
            let expected = expected.to_owned();
            notes.add(self.at, &self.path_of(key), "", What::Missing { expected });
        }
    }

    /// A text that `read` understands.
    pub fn text<T>(
        &mut self,
        notes: &mut Notes,
        key: &'static str,
        need: Need,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.cell(key) else {
            self.lacks(notes, key, need, expected);
            return None;
        };
        let found = value.get_ref().as_str().and_then(read);
        if found.is_none() {
            self.wrong(notes, key, expected);
        }
        found
    }

    /// One of the words of an enumeration.
    pub fn word<T: DeserializeOwned>(
        &mut self,
        notes: &mut Notes,
        key: &'static str,
        need: Need,
    ) -> Option<T> {
        let expected = words_of::<T>();
        self.text(notes, key, need, &expected, |text| {
            let reader: StrDeserializer<'_, WordError> = text.into_deserializer();
            T::deserialize(reader).ok()
        })
    }

    /// A whole number; `unit` is added to what is expected.
    pub fn number<T: TryFrom<i64>>(
        &mut self,
        notes: &mut Notes,
        key: &'static str,
        need: Need,
        range: RangeInclusive<i64>,
        unit: &str,
    ) -> Option<T> {
        let expected = format!("{} to {}{unit}", range.start(), range.end());
        let Some(value) = self.cell(key) else {
            self.lacks(notes, key, need, &expected);
            return None;
        };
        let number = value.get_ref().as_integer().and_then(|whole| {
            i64::from_str_radix(&whole.as_str().replace('_', ""), whole.radix()).ok()
        });
        let found = number.filter(|number| range.contains(number)).and_then(|n| n.try_into().ok());
        if found.is_none() {
            let quoted = if value.get_ref().is_str() { ", without quotes" } else { "" };
            self.wrong(notes, key, &format!("{expected}{quoted}"));
        }
        found
    }

    /// Yes or no.
    pub fn flag(&mut self, notes: &mut Notes, key: &'static str) -> Option<bool> {
        let value = self.cell(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.wrong(notes, key, "true or false");
        }
        found
    }

    /// A section or an inline table.
    pub fn table(&mut self, notes: &mut Notes, key: &'static str, need: Need) -> Option<Table<'a>> {
        let Some(value) = self.cell(key) else {
            self.lacks(notes, key, need, "a section");
            return None;
        };
        let Some(rows) = value.get_ref().as_table() else {
            self.wrong(notes, key, "a section");
            return None;
        };
        Some(Table::new(self.path_of(key), value.span().start, rows))
    }

    /// Sections written `[[key]]`, or a list of inline tables. None at all is an empty list.
    pub fn tables(&mut self, notes: &mut Notes, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.cell(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(notes, key, &format!("a list of sections, each [[{key}]]"));
            return Vec::new();
        };
        let path = self.path_of(key);
        let mut tables = Vec::new();
        for (nth, value) in list.iter().enumerate() {
            let path = format!("{path}[{}]", nth + 1);
            match value.get_ref().as_table() {
                Some(rows) => tables.push(Table::new(path, value.span().start, rows)),
                None => {
                    let expected = "a section".to_owned();
                    let shown = shown(value.get_ref());
                    notes.add(value.span().start, &path, &shown, What::Wrong { expected });
                }
            }
        }
        tables
    }

    /// A list of exactly `count` texts that `read` understands.
    pub fn texts<T>(
        &mut self,
        notes: &mut Notes,
        key: &'static str,
        count: usize,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(value) = self.cell(key) else {
            self.lacks(notes, key, Need::Must, expected);
            return None;
        };
        let list = value.get_ref().as_array().filter(|list| list.len() == count);
        let found: Option<Vec<T>> = list
            .and_then(|list| list.iter().map(|v| v.get_ref().as_str().and_then(&read)).collect());
        if found.is_none() {
            self.wrong(notes, key, expected);
        }
        found
    }

    /// A list of texts that `read` understands, so many of them.
    pub fn list<T>(
        &mut self,
        notes: &mut Notes,
        key: &'static str,
        count: RangeInclusive<usize>,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let len = |value: &&Spanned<DeValue<'a>>| value.get_ref().as_array().map(|list| list.len());
        match self.cell(key).as_ref().and_then(len).filter(|len| count.contains(len)) {
            Some(len) => self.texts(notes, key, len, expected, read),
            // No list is that long: whatever stands there is wrong.
            None => self.texts(notes, key, usize::MAX, expected, read),
        }
    }

    /// Every key has been asked for: the others are unknown.
    pub fn finish(self, notes: &mut Notes) {
        for key in self.rows.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let expected = self.known.join(", ");
                notes.add(key.span().start, &self.path_of(name), "", What::Unknown { expected });
            }
        }
    }
}

/// A value as it is repeated in a note.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(whole) => whole.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(list) => {
            let parts: Vec<String> = list.iter().map(|part| shown(part.get_ref())).collect();
            format!("[{}]", parts.join(", "))
        }
        DeValue::Table(_) => "{..}".to_owned(),
    }
}

/// The words of an enumeration, from what its reader says about a word that is none.
fn words_of<T: DeserializeOwned>() -> String {
    let reader: StrDeserializer<'_, WordError> = "".into_deserializer();
    let words = T::deserialize(reader).err().map(|error| error.to_string()).unwrap_or_default();
    let list = words.split_once("expected ").map_or("", |(_, list)| list);
    list.trim_start_matches("one of ").replace('`', "")
}
