//! What arrows and digits do to a selection or a scroll position.

use crate::tui::event::Key;

/// The row a digit names: 1 is the first, 0 the tenth.
pub fn picked(key: Key) -> Option<usize> {
    match key {
        Key::Char(c) => match c.to_digit(10)? {
            0 => Some(9),
            digit => Some(digit as usize - 1),
        },
        _ => None,
    }
}

/// A selection or a scroll position moved within `0..=last`.
pub fn moved(at: usize, by: isize, last: usize) -> usize {
    at.saturating_add_signed(by).min(last)
}
