//! A field to type into, at its end only: a keypad has no use for a caret in the middle.

use super::Row;
use crate::tui::theme::Meaning;
use crate::tui::wrap;

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    max: usize,
}

impl Field {
    /// An empty field for at most `max` characters.
    pub fn new(max: usize) -> Self {
        Self { text: String::new(), max }
    }

    /// The field with something in it.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        self.push_all(text);
        self
    }

    /// What is in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Adds a character, unless it is full or the character is a control.
    pub fn push(&mut self, c: char) {
        if !c.is_control() && self.text.chars().count() < self.max {
            self.text.push(c);
        }
    }

    /// Adds pasted or scanned text.
    pub fn push_all(&mut self, text: &str) {
        text.chars().for_each(|c| self.push(c));
    }

    /// Takes the last character away.
    pub fn erase(&mut self) {
        self.text.pop();
    }

    /// Takes everything away.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// The field as a row of at most `width` cells: label, the end of the text, caret.
    pub fn row(&self, label: &str, width: usize) -> Row {
        let tail = self.tail(width.saturating_sub(wrap::width(label) + 2));
        Row::plain(format!("{label} ")).and(Meaning::Strong, tail).and(Meaning::Plain, "_")
    }

    /// As much of the end of the text as fits into `room` cells.
    pub fn tail(&self, room: usize) -> &str {
        let mut tail = self.text.as_str();
        while wrap::width(tail) > room {
            let mut rest = tail.chars();
            rest.next();
            tail = rest.as_str();
        }
        tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_no_more_than_it_holds_and_no_controls() {
        let mut field = Field::new(4);
        field.push_all("12\r\n3\u{1b}456");
        assert_eq!(field.text(), "1234");
        field.erase();
        assert_eq!(field.text(), "123");
        field.clear();
        assert!(field.is_empty());
    }

    #[test]
    fn a_long_text_shows_its_end() {
        let field = Field::new(100).with("/media/电表/令牌.mk1");
        let row = field.row("File", 16);
        assert!(row.width() <= 16);
        assert!(format!("{row:?}").contains("牌.mk1"));
    }
}
