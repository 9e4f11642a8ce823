//! Rows of named figures and sentences, as every screen shows them.

use super::{Row, wrapped};
use crate::tui::theme::Meaning;
use crate::tui::wrap;

/// Cells of the names in front of figures; the longest label of both languages fits.
pub const NAME_CELLS: usize = 13;

/// A named figure, cut to `width`.
pub fn fact(name: &str, meaning: Meaning, value: impl Into<String>) -> Row {
    Row::blank().column(Meaning::Faint, name, NAME_CELLS).and(meaning, value)
}

/// A named text of any length, wrapped behind its name.
pub fn long_fact(name: &str, meaning: Meaning, value: &str, width: usize) -> Vec<Row> {
    let room = width.saturating_sub(NAME_CELLS);
    wrap::wrap(value, room)
        .into_iter()
        .enumerate()
        .map(|(at, line)| fact(if at == 0 { name } else { "" }, meaning, line))
        .collect()
}

/// Sentences wrapped to `width`.
pub fn say(meaning: Meaning, text: &str, width: usize) -> Vec<Row> {
    wrapped(meaning, text, width).collect()
}

/// The sign in front of a row: selected or not, and one cell for the state.
pub fn mark(selected: bool, sign: &str) -> String {
    format!("{}{}", if selected { ">" } else { " " }, wrap::pad(sign, 1))
}
