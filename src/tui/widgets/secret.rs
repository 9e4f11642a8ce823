//! A field for a PIN or a code that opens something: it shows how much was typed and never what.
//!
//! The buffer has its full size from the start, so that no half-typed copy is left behind when it
//! grows, and it is overwritten when it is cleared, taken or dropped.

use std::fmt;

use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of the longest character.
const CHAR_BYTES: usize = 4;

/// Characters of one group of a code.
const GROUP: usize = 4;

/// What was typed and must not be seen.
pub struct SecretField {
    text: Zeroizing<String>,
    max: usize,
}

/// Tells nothing, not even the length.
impl fmt::Debug for SecretField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretField")
    }
}

impl SecretField {
    /// An empty field for at most `max` characters.
    pub fn new(max: usize) -> Self {
        Self { text: Zeroizing::new(String::with_capacity(max * CHAR_BYTES)), max }
    }

    /// How many characters are in it.
    pub fn len(&self) -> usize {
        self.text.chars().count()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Adds a character, unless it is full or the character is a control.
    pub fn push(&mut self, c: char) {
        if !c.is_control() && self.len() < self.max {
            self.text.push(c);
        }
    }

    /// Takes the last character away. Its bytes stay in the buffer until that is cleared.
    pub fn erase(&mut self) {
        self.text.pop();
    }

    /// Overwrites the whole buffer.
    pub fn clear(&mut self) {
        self.text.zeroize();
    }

    /// Whether two fields hold the same.
    pub fn same(&self, other: &Self) -> bool {
        *self.text == *other.text
    }

    /// What was typed, for the engine; the field is empty and overwritten afterwards.
    pub fn take(&mut self) -> SecretString {
        // Of the exact size: boxing it must not move it and leave a copy.
        let mut exact = String::with_capacity(self.text.len());
        exact.push_str(&self.text);
        self.clear();
        SecretString::from(exact)
    }

    /// Puts another character in place of the last one.
    pub fn turn(&mut self, by: impl Fn(char) -> Option<char>) {
        if let Some(c) = self.text.chars().last().and_then(by) {
            self.text.pop();
            self.text.push(c);
        }
    }

    /// A code that is used up by its first use may be seen while it is typed: its last `room`
    /// cells, in groups of four as it was given.
    pub fn groups(&self, room: usize) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(2 * self.text.capacity()));
        for (at, c) in self.text.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                shown.push('-');
            }
            shown.push(c);
        }
        let over = shown.chars().count().saturating_sub(room);
        let from = shown.char_indices().nth(over).map_or(shown.len(), |(at, _)| at);
        shown.replace_range(..from, "");
        shown
    }

    /// What is drawn: one sign for each character, as many as fit.
    pub fn mask(&self, room: usize) -> String {
        "*".repeat(self.len().min(room))
    }

    /// How many characters there are, for those who lose count of the signs.
    pub fn count(&self) -> String {
        format!(" {}", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn typed(text: &str) -> SecretField {
        let mut field = SecretField::new(64);
        text.chars().for_each(|c| field.push(c));
        field
    }

    #[test]
    fn it_shows_the_length_and_nothing_else() {
        let field = typed("246810");
        assert_eq!((field.mask(40), field.count()), ("******".to_owned(), " 6".to_owned()));
        assert_eq!(format!("{field:?}"), "SecretField");
    }

    #[test]
    fn it_never_moves_while_it_is_typed_into() {
        let mut field = SecretField::new(64);
        let place = field.text.as_ptr();
        (0..100).for_each(|_| field.push('\u{20000}'));
        assert_eq!((field.len(), field.text.as_ptr()), (64, place));
        field.clear();
        assert_eq!((field.len(), field.text.as_ptr()), (0, place));
    }

    #[test]
    fn a_code_is_shown_in_groups() {
        assert_eq!(*typed("7K3QM2XP9").groups(20), "7K3Q-M2XP-9");
        assert_eq!(*typed("7K3QM2XP9").groups(5), "2XP-9");
        assert_eq!(*typed("").groups(5), "");
    }

    #[test]
    fn taking_it_empties_it() {
        let mut field = typed("24681");
        field.push('\u{1b}');
        field.push('0');
        assert_eq!(field.take().expose_secret(), "246810");
        assert!(field.is_empty());
    }
}
