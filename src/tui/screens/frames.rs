//! Frames: the traffic on the line as it happens, both directions, with time, bytes and meaning.
//!
//! The newest stands at the bottom; scrolling up leaves it, holding the picture stops it. What was
//! said stays in memory only as far as `shared.rs` allows.

use super::movement;
use crate::jobs::views::WireView;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Row, wrapped};

/// The trace.
#[derive(Debug, Default)]
pub struct Frames {
    /// Rows scrolled up from the newest.
    up: usize,
}

/// One piece of traffic: a heading, the bytes, what they mean.
fn piece(shared: &Shared, piece: &WireView, width: usize) -> Vec<Row> {
    let lang = shared.lang;
    let (direction, colour) = match piece.received {
        true => (lang.direction_from(), Meaning::Good),
        false => (lang.direction_to(), Meaning::Strong),
    };
    let time = format!("{:>6}.{:03}", piece.at_ms / 1000, piece.at_ms % 1000);
    let bytes = lang.bytes(piece.bytes.len());
    let mut rows = vec![
        Row::of(Meaning::Faint, format!("{time} "))
            .and(colour, direction)
            .and(Meaning::Faint, format!("  {bytes}")),
    ];
    let hex: Vec<String> = piece.bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    // Whole bytes per row, two cells and a space each.
    let per_row = ((width.saturating_sub(1)) / 3).max(1);
    rows.extend(hex.chunks(per_row).map(|row| Row::plain(format!(" {}", row.join(" ")))));
    let meaning =
        if piece.meaning.is_empty() { lang.frames_undecoded() } else { piece.meaning.as_str() };
    let indented = wrapped(Meaning::Faint, meaning, width.saturating_sub(1));
    rows.extend(indented.map(|row| row.indented()));
    rows
}

impl Screen for Frames {
    fn place(&self) -> Place {
        Place::Frames
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let shown = shared.wire.shown();
        let mut title = lang.title_frames().to_owned();
        if shared.wire.paused() {
            title = format!("{title} ({})", lang.frames_paused());
        }
        let mut view = View { title, ..View::default() };
        if shown.is_empty() {
            view.list.push(Row::plain(lang.frames_none()));
            return view;
        }
        view.list = shown.into_iter().flat_map(|wire| piece(shared, wire, width)).collect();
        view.top = view.max_top(shared.size).saturating_sub(self.up);
        view
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Pause => shared.wire.pause(),
            Action::Clear => {
                shared.wire.clear();
                self.up = 0;
            }
            Action::Newest => self.up = 0,
            Action::Back => shared.back(),
            action => {
                let most = self.view(shared).max_top(shared.size);
                self.up = self.up.saturating_add_signed(-movement(action)).min(most);
            }
        }
    }
}
