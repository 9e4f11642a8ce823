//! What a screen wants shown, and drawing it: title, body, message, soft keys.
//!
//! Drawing is pure: the same state gives the same cells. A screen only says what is in its parts;
//! where they stand is `layout.rs`, what they look like is `theme.rs`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::App;
use super::keymap::{self, Action, Pattern};
use super::layout::{Class, Size};
use super::shared::Shared;
use super::theme::Meaning;
use super::widgets::{Row, wrapped};
use super::wrap;
use crate::tui::event::Key;

/// Soft keys in the bottom row.
const SOFT_KEYS: u8 = 4;

/// A screen's contents.
#[derive(Debug, Default)]
pub struct View {
    /// The title.
    pub title: String,
    /// Rows that never scroll.
    pub head: Vec<Row>,
    /// The list, or the text of a page.
    pub list: Vec<Row>,
    /// The selected row of the list; `None` for a text.
    pub cursor: Option<usize>,
    /// The first row shown of a text.
    pub top: usize,
    /// More about the selected row; beside the list or below it.
    pub detail: Option<Vec<Row>>,
}

impl View {
    /// The furthest a text can be scrolled at this size.
    pub fn max_top(&self, size: Size) -> usize {
        let visible = size.split(self.head.len() as u16, self.detail.is_some()).list.height;
        self.list.len().saturating_sub(usize::from(visible))
    }
}

/// Draws everything.
pub fn draw(app: &App, buffer: &mut Buffer) {
    let shared = app.shared();
    let area = buffer.area;
    let size = Size { width: area.width, height: area.height };
    if size.class() == Class::Tiny {
        return draw_too_small(shared, buffer);
    }
    let view = app.view();
    draw_title(shared, &view.title, buffer);
    draw_body(shared, &view, size, buffer);
    draw_message(app, buffer);
    draw_soft_keys(app, buffer);
}

fn draw_too_small(shared: &Shared, buffer: &mut Buffer) {
    let area = buffer.area;
    let text =
        if shared.line.is_some() { shared.lang.too_small_busy() } else { shared.lang.too_small() };
    let rows = wrapped(Meaning::Plain, text, usize::from(area.width));
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        row.draw(Rect { y, height: 1, ..area }, buffer, shared.palette, false);
    }
}

/// Title left; what must never be overlooked right: demo, an open outcome, a busy line.
fn draw_title(shared: &Shared, title: &str, buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width);
    let lang = shared.lang;
    let open = shared.home.as_ref().map_or(0, |home| home.open_intents.len());
    let signs = [
        shared.line.as_ref().map(|_| lang.sign_busy().to_owned()),
        shared.sync.as_ref().map(|_| lang.sign_syncing().to_owned()),
        (open > 0).then(|| lang.sign_open(open)),
        shared.standing().and_then(|standing| lang.sign_standing(standing)).map(str::to_owned),
        shared.demo.then(|| lang.sign_demo().to_owned()),
    ];
    let signs: Vec<String> = signs.into_iter().flatten().collect();
    let right = format!("{} ", signs.join(" "));
    let left = wrap::pad(&format!(" {title}"), width.saturating_sub(wrap::width(&right)));
    let row = Row::of(Meaning::Title, left + &right);
    row.draw(Rect { height: 1, ..buffer.area }, buffer, shared.palette, false);
}

fn draw_body(shared: &Shared, view: &View, size: Size, buffer: &mut Buffer) {
    let parts = size.split(view.head.len() as u16, view.detail.is_some());
    draw_rows(shared, &view.head, parts.head, buffer);
    draw_list(shared, view, parts.list, buffer);
    let (Some(detail), Some(area)) = (&view.detail, parts.detail) else { return };
    let rule = shared.rule();
    if size.class() == Class::Normal {
        let bar = Rect { x: area.x - 2, width: 1, ..area };
        for y in bar.y..bar.bottom() {
            let row = Row::of(Meaning::Faint, rule.upright);
            row.draw(Rect { y, height: 1, ..bar }, buffer, shared.palette, false);
        }
        draw_rows(shared, detail, area, buffer);
    } else {
        let line = Row::of(Meaning::Faint, rule.level.repeat(usize::from(area.width)));
        line.draw(Rect { height: 1, ..area }, buffer, shared.palette, false);
        let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
        draw_rows(shared, detail, below, buffer);
    }
}

fn draw_rows(shared: &Shared, rows: &[Row], area: Rect, buffer: &mut Buffer) {
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        row.draw(Rect { y, height: 1, ..area }, buffer, shared.palette, false);
    }
}

/// A list turns by whole windows, so that moving the selection repaints two rows, not all: on a
/// 9600 baud line that is the difference between 0.2 s and 2 s.
fn draw_list(shared: &Shared, view: &View, area: Rect, buffer: &mut Buffer) {
    let visible = usize::from(area.height).max(1);
    let top = match view.cursor {
        Some(cursor) => cursor / visible * visible,
        None => view.top.min(view.list.len().saturating_sub(visible)),
    };
    let rows = view.list.iter().enumerate().skip(top);
    let below = view.cursor.is_none() && top + visible < view.list.len();
    for (y, (at, row)) in (area.y..area.bottom()).zip(rows) {
        // The mark at the end of the last row must not cut a wide glyph in two.
        let marked = u16::from(below && y + 1 == area.bottom());
        let place = Rect { y, height: 1, width: area.width.saturating_sub(marked), ..area };
        row.draw(place, buffer, shared.palette, view.cursor == Some(at));
    }
    if below && area.height > 0 {
        let mark = Rect { x: area.right() - 1, y: area.bottom() - 1, width: 1, height: 1 };
        Row::of(Meaning::Key, "v").draw(mark, buffer, shared.palette, false);
    }
}

/// The message; without one, what Enter and Esc do here.
fn draw_message(app: &App, buffer: &mut Buffer) {
    let shared = app.shared();
    let area = Rect { y: buffer.area.bottom() - 2, height: 1, ..buffer.area };
    let row = match &shared.message {
        Some(message) => Row::of(message.meaning, message.text.clone()),
        None => hint(app),
    };
    row.draw(area, buffer, shared.palette, false);
}

fn hint(app: &App) -> Row {
    let lang = app.shared().lang;
    let mut row = Row::blank();
    for key in [Key::Enter, Key::Esc] {
        let Some(binding) = keymap::lookup(app.place(), key) else { continue };
        let off = if app.unmet(binding).is_some() { "-" } else { "" };
        let label = lang.action_label(binding.action);
        let text = format!("{off}{}: {label}  ", lang.key(Pattern::Is(key)));
        row = row.and(Meaning::Faint, text);
    }
    row
}

fn draw_soft_keys(app: &App, buffer: &mut Buffer) {
    let shared = app.shared();
    let slot = buffer.area.width / u16::from(SOFT_KEYS);
    for number in 1..=SOFT_KEYS {
        let Some(binding) = keymap::soft(app.place(), number) else { continue };
        if app.hides(binding) {
            continue;
        }
        let area = Rect {
            x: buffer.area.x + slot * u16::from(number - 1),
            y: buffer.area.bottom() - 1,
            width: slot,
            height: 1,
        };
        let label = label(app, binding.action);
        let row = match app.unmet(binding) {
            // What does not work now keeps its place and name; the sign says so first.
            Some(_) => Row::of(Meaning::Faint, format!("--{label}")),
            None => Row::of(Meaning::Key, format!("F{number}")).and(Meaning::Plain, label),
        };
        row.draw(area, buffer, shared.palette, false);
    }
}

fn label(app: &App, action: Action) -> &'static str {
    let lang = app.shared().lang;
    match action {
        Action::Pause if app.shared().wire.paused() => lang.key_go_on(),
        action => lang.action_label(action),
    }
}
