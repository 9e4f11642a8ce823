//! The three size classes and where things stand in them. All sizes in cells.
//!
//! ```text
//! +------------------------------+  title, 1 row
//! | head (fixed)                 |
//! | list or text                 |  body: height - 3 rows; at 80 columns and more a screen's
//! | detail (small: last 6 rows;  |  detail stands in a pane on the right
//! |         normal: right pane)  |
//! | message                      |  1 row
//! | F1.... F2.... F3.... F4....  |  soft keys, 1 row
//! +------------------------------+
//! ```

use ratatui::layout::Rect;

/// The smallest size anything is shown at.
pub const MIN_WIDTH: u16 = 40;
/// The smallest height anything is shown at.
pub const MIN_HEIGHT: u16 = 20;
/// From this width on a screen's detail stands beside its list.
pub const NORMAL_WIDTH: u16 = 80;
/// Width of the detail pane then.
pub const DETAIL_WIDTH: u16 = 34;
/// Rows of the detail below the list in the small class, with its rule.
pub const DETAIL_ROWS: u16 = 6;
/// Title, message and soft keys.
const CHROME_ROWS: u16 = 3;

/// How much fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Too small: nothing but a sentence is shown and only leaving is possible.
    Tiny,
    /// 40 x 20 and up: one pane.
    Small,
    /// 80 columns and up: list and detail side by side.
    Normal,
}

/// A terminal's size and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Size {
    /// The size class.
    pub fn class(self) -> Class {
        match self {
            Self { width, height } if width < MIN_WIDTH || height < MIN_HEIGHT => Class::Tiny,
            Self { width, .. } if width < NORMAL_WIDTH => Class::Small,
            _ => Class::Normal,
        }
    }

    /// Rows between the title and the message line.
    pub fn body_rows(self) -> u16 {
        self.height.saturating_sub(CHROME_ROWS)
    }

    /// Width of a list that has a detail beside or below it.
    pub fn list_width(self) -> usize {
        let width = match self.class() {
            Class::Normal => self.width - DETAIL_WIDTH - 2,
            _ => self.width,
        };
        usize::from(width)
    }

    /// Width of the detail.
    pub fn detail_width(self) -> usize {
        let width = match self.class() {
            Class::Normal => DETAIL_WIDTH,
            _ => self.width,
        };
        usize::from(width)
    }

    /// Width of a page without a detail.
    pub fn page_width(self) -> usize {
        usize::from(self.width)
    }

    /// Where the body's parts stand, for a fixed head of so many rows and with or without detail.
    pub fn split(self, head_rows: u16, detail: bool) -> Parts {
        let body = Rect::new(0, 1, self.width, self.body_rows());
        let head_rows = head_rows.min(body.height);
        let head = Rect { height: head_rows, ..body };
        let rest = Rect { y: body.y + head_rows, height: body.height - head_rows, ..body };
        match (detail, self.class()) {
            (false, _) => Parts { head, list: rest, detail: None },
            (true, Class::Normal) => {
                let list_width = self.width - DETAIL_WIDTH - 2;
                let pane = Rect { x: list_width + 2, width: DETAIL_WIDTH, ..rest };
                Parts { head, list: Rect { width: list_width, ..rest }, detail: Some(pane) }
            }
            (true, _) => {
                let rows = DETAIL_ROWS.min(rest.height);
                let list = Rect { height: rest.height - rows, ..rest };
                let pane = Rect { y: list.y + list.height, height: rows, ..rest };
                Parts { head, list, detail: Some(pane) }
            }
        }
    }
}

/// The parts of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Rows that never scroll.
    pub head: Rect,
    /// The list or text.
    pub list: Rect,
    /// The detail of the selected row, if the screen has one.
    pub detail: Option<Rect>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_begin_where_the_design_says() {
        let class = |width, height| Size { width, height }.class();
        assert_eq!(class(39, 50), Class::Tiny);
        assert_eq!(class(200, 19), Class::Tiny);
        assert_eq!(class(40, 20), Class::Small);
        assert_eq!(class(79, 24), Class::Small);
        assert_eq!(class(80, 20), Class::Normal);
    }

    #[test]
    fn the_parts_fill_the_body_and_do_not_overlap() {
        for (width, height) in [(40, 20), (79, 20), (80, 24), (200, 60)] {
            let size = Size { width, height };
            assert_eq!(size.body_rows(), height - 3);
            for head in [0, 2, 30] {
                let parts = size.split(head, true);
                let detail = parts.detail.unwrap();
                assert!(!parts.list.intersects(detail) && !parts.list.intersects(parts.head));
                assert!(parts.list.bottom() < height - 1 && detail.bottom() < height - 1);
                assert!(detail.right() <= width);
            }
        }
    }
}
