//! One row of a screen: pieces of text, each with a meaning.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::theme::{Meaning, Palette};
use crate::tui::wrap;

/// One row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(Vec<(Meaning, String)>);

impl Row {
    /// An empty row.
    pub fn blank() -> Self {
        Self::default()
    }

    /// A row of one piece.
    pub fn of(meaning: Meaning, text: impl Into<String>) -> Self {
        Self(vec![(meaning, text.into())])
    }

    /// A row of ordinary text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::of(Meaning::Plain, text)
    }

    /// The row with another piece at its end.
    #[must_use]
    pub fn and(mut self, meaning: Meaning, text: impl Into<String>) -> Self {
        self.0.push((meaning, text.into()));
        self
    }

    /// The row with a piece of exactly so many cells at its end.
    #[must_use]
    pub fn column(self, meaning: Meaning, text: &str, cells: usize) -> Self {
        self.and(meaning, wrap::pad(text, cells))
    }

    /// The row with a right-aligned piece of exactly so many cells at its end.
    #[must_use]
    pub fn number(self, meaning: Meaning, text: &str, cells: usize) -> Self {
        self.and(meaning, wrap::pad_left(text, cells))
    }

    /// The row moved in by one cell.
    #[must_use]
    pub fn indented(mut self) -> Self {
        self.0.insert(0, (Meaning::Plain, " ".to_owned()));
        self
    }

    /// Cells it takes.
    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| wrap::width(text)).sum()
    }

    /// Its text without meanings.
    pub fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Draws it into the first row of `area`, cut to its width. A selected row is reversed over its
    /// whole width.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, palette: Palette, selected: bool) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let mut x = area.x;
        for (at, (meaning, text)) in self.0.iter().enumerate() {
            let left = usize::from(area.right() - x);
            let last = at + 1 == self.0.len();
            let shown = if last { wrap::truncate(text, left) } else { wrap::head(text, left) };
            (x, _) = buffer.set_stringn(x, area.y, shown, left, palette.style(*meaning));
            if x >= area.right() {
                break;
            }
        }
        if selected {
            buffer.set_style(Rect { height: 1, ..area }, palette.selected());
        }
    }
}

/// A text as rows of at most `width` cells.
pub fn wrapped(meaning: Meaning, text: &str, width: usize) -> impl Iterator<Item = Row> {
    wrap::wrap(text, width).into_iter().map(move |line| Row::of(meaning, line))
}
