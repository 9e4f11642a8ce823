//! What the worker says to be shown, without words: names, figures, times. The words are in
//! `text/desk`, so that a page turns to the other language at once.

use super::query::Query;
use crate::tui::theme::Meaning;
use crate::units::{Credit, UnixSeconds};

/// A stable name with words in `text/desk/words.rs`.
pub type Name = &'static str;

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// As it is written: numbers of meters, names of people.
    Text(String),
    /// A stable name, in words if there are some.
    Word(String),
    /// An amount.
    Credit(Credit),
    /// How many.
    Number(u64),
    /// A moment.
    At(UnixSeconds),
    /// How long ago.
    Age(UnixSeconds),
    /// The purchase step of a token, by the count before it.
    Step(u32),
    /// What a conflict class means, by its code.
    Class(String),
    /// What the office wrote about something to look at.
    Why(String),
    /// What the office refuses with, by its code.
    Code(&'static str),
    /// Nothing is known.
    Unknown,
}

impl Cell {
    /// A text.
    pub fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// A stable name.
    pub fn word(name: impl ToString) -> Self {
        Self::Word(name.to_string())
    }

    /// A text, or that nothing is known.
    pub fn known(text: Option<impl ToString>) -> Self {
        text.map_or(Self::Unknown, Self::text)
    }

    /// How long ago, or that it never was.
    pub fn age(at: Option<UnixSeconds>) -> Self {
        at.map_or(Self::Word("never".to_owned()), Self::Age)
    }
}

/// A named figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: Name,
    /// The figure.
    pub cell: Cell,
    /// How it is meant.
    pub meaning: Meaning,
}

impl Fact {
    /// An ordinary figure.
    pub fn new(name: Name, cell: Cell) -> Self {
        Self { name, cell, meaning: Meaning::Plain }
    }

    /// One that is meant in a certain way.
    #[must_use]
    pub fn meant(self, meaning: Meaning) -> Self {
        Self { meaning, ..self }
    }

    /// The figure that matters most.
    #[must_use]
    pub fn strong(self) -> Self {
        self.meant(Meaning::Strong)
    }
}

/// A column of a list. The last column of text takes what is left of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Cells it takes; 0 for what is left.
    pub cells: usize,
    /// Whether it stands at its right edge.
    pub right: bool,
}

/// A column of so many cells.
pub const fn left(cells: usize) -> Column {
    Column { cells, right: false }
}

/// A column of figures, at its right edge.
pub const fn right(cells: usize) -> Column {
    Column { cells, right: true }
}

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is: a number, a name, an identity. Acts on the row are about it.
    pub key: String,
    /// The state in one character, and how it is meant.
    pub sign: (char, Meaning),
    /// Its columns.
    pub cells: Vec<Cell>,
    /// More about it.
    pub facts: Vec<Fact>,
    /// Where Enter leads.
    pub leads: Option<Query>,
}

/// Rows under each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it is a list of.
    pub name: Name,
    /// How the rows stand.
    pub columns: &'static [Column],
    /// The rows.
    pub lines: Vec<Line>,
}

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Figures below each other.
    Facts(Vec<Fact>),
    /// A heading.
    Head(Name),
    /// A sentence by its name.
    Say(Meaning, Name),
    /// A sentence with a figure in it; the words have a `%` for it.
    Tell(Meaning, Name, Cell),
    /// A list.
    Table(Table),
}

/// What is shown of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its parts, top to bottom. Of a list the first table is the list; what stands before it does
    /// not scroll.
    pub parts: Vec<Part>,
    /// Whether there is more than was asked for.
    pub more: bool,
    /// What must be typed to go on, where something must: a figure that stands on the page.
    pub proof: Option<String>,
    /// Whether what was asked cannot be done as it is.
    pub refused: bool,
}

impl Page {
    /// A page of such parts.
    pub fn of(parts: Vec<Part>) -> Self {
        Self { parts, ..Self::default() }
    }

    /// Its list.
    pub fn table(&self) -> Option<&Table> {
        self.parts.iter().find_map(|part| match part {
            Part::Table(table) => Some(table),
            _ => None,
        })
    }

    /// A figure of it by its name.
    pub fn fact(&self, name: Name) -> Option<&Cell> {
        let facts = self.parts.iter().filter_map(|part| match part {
            Part::Facts(facts) => Some(facts),
            _ => None,
        });
        facts.flatten().find(|fact| fact.name == name).map(|fact| &fact.cell)
    }
}

/// Why something was not done: the office's code and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stable code; `text/desk/errors.rs` has the words.
    pub code: &'static str,
    /// What the office said, as the command would print it.
    pub detail: String,
}
