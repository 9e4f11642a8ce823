//! What a screen wants shown, and drawing it: title, body, message, soft keys.
//!
//! Drawing is pure: the same state gives the same cells. A screen only says what is in its parts;
//! where they stand is `layout.rs`, what they look like is `theme.rs`. [`paint`] knows nothing of
//! any screens: the office's desk is drawn by it too.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::App;
use super::keymap::{self, Action, Pattern};
use super::layout::{Class, Size};
use super::shared::{Message, Rule, Shared};
use super::theme::{Meaning, Palette};
use super::widgets::{Row, wrapped};
use super::wrap;
use crate::tui::event::Key;

/// Soft keys in the bottom row.
pub const SOFT_KEYS: u8 = 4;

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

/// What stands around a screen's contents, and how it is all drawn.
#[derive(Debug)]
pub struct Chrome<'a> {
    /// The colours.
    pub palette: Palette,
    /// The characters lines are drawn with.
    pub rule: Rule,
    /// What must never be overlooked, right in the title.
    pub signs: Vec<String>,
    /// What is said; without it, the hint.
    pub message: Option<&'a Message>,
    /// What Enter and Esc do here.
    pub hint: Row,
    /// The soft keys, in order.
    pub soft: Vec<Option<Row>>,
}

/// What Enter or Esc does here, for the hint; a key that does not work now is marked.
pub fn hinted(row: Row, works: bool, key: &str, label: &str) -> Row {
    let off = if works { "" } else { "-" };
    row.and(Meaning::Faint, format!("{off}{key}: {label}  "))
}

/// A soft key. What does not work now keeps its place and name; the sign says so first.
pub fn soft_key(works: bool, number: u8, label: &str) -> Row {
    if works {
        Row::of(Meaning::Key, format!("F{number}")).and(Meaning::Plain, label)
    } else {
        Row::of(Meaning::Faint, format!("--{label}"))
    }
}

/// Draws everything.
pub fn draw(app: &App, buffer: &mut Buffer) {
    let shared = app.shared();
    let size = Size { width: buffer.area.width, height: buffer.area.height };
    if size.class() == Class::Tiny {
        let lang = shared.lang;
        let text = if shared.line.is_some() { lang.too_small_busy() } else { lang.too_small() };
        return paint_too_small(text, shared.palette, buffer);
    }
    let chrome = Chrome {
        palette: shared.palette,
        rule: shared.rule(),
        signs: signs(shared),
        message: shared.message.as_ref(),
        hint: hint(app),
        soft: (1..=SOFT_KEYS).map(|number| soft(app, number)).collect(),
    };
    paint(&chrome, &app.view(), buffer);
}

/// What must never be overlooked: demo, an open outcome, a busy line.
fn signs(shared: &Shared) -> Vec<String> {
    let lang = shared.lang;
    let open = shared.home.as_ref().map_or(0, |home| home.open_intents.len());
    let signs = [
        shared.line.as_ref().map(|_| lang.sign_busy().to_owned()),
        shared.sync.as_ref().map(|_| lang.sign_syncing().to_owned()),
        (open > 0).then(|| lang.sign_open(open)),
        shared.standing().and_then(|standing| lang.sign_standing(standing)).map(str::to_owned),
        shared.demo.then(|| lang.sign_demo().to_owned()),
    ];
    signs.into_iter().flatten().collect()
}

fn hint(app: &App) -> Row {
    let lang = app.shared().lang;
    let mut row = Row::blank();
    for key in [Key::Enter, Key::Esc] {
        let Some(binding) = keymap::lookup(app.place(), key) else { continue };
        let label = lang.action_label(binding.action);
        row = hinted(row, app.unmet(binding).is_none(), &lang.key(Pattern::Is(key)), label);
    }
    row
}

fn soft(app: &App, number: u8) -> Option<Row> {
    let binding = keymap::soft(app.place(), number)?;
    let works = app.unmet(binding).is_none();
    (!app.hides(binding)).then(|| soft_key(works, number, label(app, binding.action)))
}

fn label(app: &App, action: Action) -> &'static str {
    let lang = app.shared().lang;
    match action {
        Action::Pause if app.shared().wire.paused() => lang.key_go_on(),
        action => lang.action_label(action),
    }
}

/// Draws a sentence where nothing else fits.
pub fn paint_too_small(text: &str, palette: Palette, buffer: &mut Buffer) {
    let area = buffer.area;
    let rows = wrapped(Meaning::Plain, text, usize::from(area.width));
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        row.draw(Rect { y, height: 1, ..area }, buffer, palette, false);
    }
}

/// Draws a screen's contents with what stands around them.
pub fn paint(chrome: &Chrome<'_>, view: &View, buffer: &mut Buffer) {
    let size = Size { width: buffer.area.width, height: buffer.area.height };
    draw_title(chrome, &view.title, buffer);
    draw_body(chrome, view, size, buffer);
    let area = Rect { y: buffer.area.bottom() - 2, height: 1, ..buffer.area };
    let message = chrome.message.map(|one| Row::of(one.meaning, one.text.clone()));
    message.as_ref().unwrap_or(&chrome.hint).draw(area, buffer, chrome.palette, false);
    draw_soft_keys(chrome, buffer);
}

/// Title left, signs right.
fn draw_title(chrome: &Chrome<'_>, title: &str, buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width);
    let right = format!("{} ", chrome.signs.join(" "));
    let left = wrap::pad(&format!(" {title}"), width.saturating_sub(wrap::width(&right)));
    let row = Row::of(Meaning::Title, left + &right);
    row.draw(Rect { height: 1, ..buffer.area }, buffer, chrome.palette, false);
}

fn draw_body(chrome: &Chrome<'_>, view: &View, size: Size, buffer: &mut Buffer) {
    let parts = size.split(view.head.len() as u16, view.detail.is_some());
    draw_rows(chrome, &view.head, parts.head, buffer);
    draw_list(chrome, view, parts.list, buffer);
    let (Some(detail), Some(area)) = (&view.detail, parts.detail) else { return };
    let rule = chrome.rule;
    if size.class() == Class::Normal {
        let bar = Rect { x: area.x - 2, width: 1, ..area };
        for y in bar.y..bar.bottom() {
            let row = Row::of(Meaning::Faint, rule.upright);
            row.draw(Rect { y, height: 1, ..bar }, buffer, chrome.palette, false);
        }
        draw_rows(chrome, detail, area, buffer);
    } else {
        let line = Row::of(Meaning::Faint, rule.level.repeat(usize::from(area.width)));
        line.draw(Rect { height: 1, ..area }, buffer, chrome.palette, false);
        let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
        draw_rows(chrome, detail, below, buffer);
    }
}

fn draw_rows(chrome: &Chrome<'_>, rows: &[Row], area: Rect, buffer: &mut Buffer) {
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        row.draw(Rect { y, height: 1, ..area }, buffer, chrome.palette, false);
    }
}

/// A list turns by whole windows, so that moving the selection repaints two rows, not all: on a
/// 9600 baud line that is the difference between 0.2 s and 2 s.
fn draw_list(chrome: &Chrome<'_>, view: &View, area: Rect, buffer: &mut Buffer) {
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
        row.draw(place, buffer, chrome.palette, view.cursor == Some(at));
    }
    if below && area.height > 0 {
        let mark = Rect { x: area.right() - 1, y: area.bottom() - 1, width: 1, height: 1 };
        Row::of(Meaning::Key, "v").draw(mark, buffer, chrome.palette, false);
    }
}

fn draw_soft_keys(chrome: &Chrome<'_>, buffer: &mut Buffer) {
    let slot = buffer.area.width / u16::from(SOFT_KEYS);
    let (x, y) = (buffer.area.x, buffer.area.bottom() - 1);
    for (at, row) in (0..u16::from(SOFT_KEYS)).zip(&chrome.soft) {
        let area = Rect { x: x + slot * at, y, width: slot, height: 1 };
        row.iter().for_each(|row| row.draw(area, buffer, chrome.palette, false));
    }
}
