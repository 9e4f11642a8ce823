//! The real terminal: entering and leaving it, drawing to it without flicker or leftovers.
//!
//! Traps this file is for (`docs/contributing.md`, screens): a full repaint is `resize`, never
//! `clear` (which asks the terminal where its cursor is and may wait two seconds for the answer);
//! the panic hook restores the screen only when the thread that owns it panics; `NO_COLOR` must
//! not reach crossterm, whose empty colour sequences would erase the reversed rows; and rows with
//! Chinese that changed are sent whole, because the terminal may keep half of a wide character.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, size,
};
use ratatui::crossterm::{cursor, execute, queue};
use unicode_width::UnicodeWidthStr;

use super::layout::Size;

/// One frame at 200 x 60 with colours stays below this.
const OUTPUT_BUFFER: usize = 64 * 1024;

/// Whether the terminal is ours now: the panic hook must restore it then.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The hook is installed once per process, however often the screens are entered.
static HOOK: Once = Once::new();

/// The terminal while it is ours; dropping it gives it back.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    synchronized: bool,
    before: Buffer,
}

impl Screen {
    /// Takes the terminal: raw mode, alternate screen, no cursor.
    ///
    /// # Errors
    /// When standard output is no terminal or refuses.
    pub fn enter(term: &str) -> io::Result<Self> {
        install_hook(thread::current().id());
        // The palette decides about colours; crossterm's own filter would erase the highlights.
        force_color_output(true);
        enable_raw_mode()?;
        ENTERED.store(true, Ordering::SeqCst);
        let screen = Self::set_up(term);
        if screen.is_err() {
            give_back();
        }
        screen
    }

    fn set_up(term: &str) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(OUTPUT_BUFFER, io::stdout());
        execute!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
        let mut terminal = Terminal::new(CrosstermBackend::new(out))?;
        let area = terminal.size()?.into();
        terminal.resize(area)?;
        let synchronized = !(term == "linux" || term == "dumb" || term.starts_with("vt"));
        Ok(Self { terminal, synchronized, before: Buffer::empty(area) })
    }

    /// The terminal's size.
    ///
    /// # Errors
    /// When the terminal does not tell it.
    pub fn size() -> io::Result<Size> {
        let (width, height) = size()?;
        Ok(Size { width, height })
    }

    /// Makes the next draw send every cell.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn repaint(&mut self) -> io::Result<()> {
        let area = self.terminal.size()?.into();
        self.terminal.resize(area)
    }

    /// Draws what `paint` puts into the buffer.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, paint: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        if self.synchronized {
            queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        }
        let before = &mut self.before;
        self.terminal.draw(|frame| {
            let buffer = frame.buffer_mut();
            paint(buffer);
            let drawn = buffer.clone();
            resend_changed_wide_rows(before, buffer);
            *before = drawn;
        })?;
        if self.synchronized {
            queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        }
        Write::flush(self.terminal.backend_mut())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Leaves the alternate screen, once.
fn give_back() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that is gone.
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// A panic of the owner gives the terminal back before it is reported. A panic of another thread
/// is logged only: reporting it would write across the screen, and its owner tells the engine.
fn install_hook(owner: ThreadId) {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            tracing::error!(panic = %info, "a thread panicked");
            if thread::current().id() == owner {
                give_back();
                previous(info);
            } else if !ENTERED.load(Ordering::SeqCst) {
                previous(info);
            }
        }));
    });
}

/// Marks rows that hold wide characters, now or before, and changed, to be sent whole.
fn resend_changed_wide_rows(before: &Buffer, now: &mut Buffer) {
    if before.area != now.area {
        return;
    }
    let width = usize::from(now.area.width);
    if width == 0 {
        return;
    }
    let rows = before.content.chunks(width).zip(now.content.chunks_mut(width));
    for (old, new) in rows {
        let wide = |row: &[ratatui::buffer::Cell]| row.iter().any(|c| c.symbol().width() > 1);
        if old != &*new && (wide(old) || wide(new)) {
            for cell in new {
                cell.set_diff_option(CellDiffOption::AlwaysUpdate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn buffer(lines: [&str; 2]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        for (y, line) in (0..).zip(lines) {
            buffer.set_string(0, y, line, Style::new());
        }
        buffer
    }

    fn resent(buffer: &Buffer) -> [bool; 2] {
        let row = |y| buffer[(7, y)].diff_option == CellDiffOption::AlwaysUpdate;
        [row(0), row(1)]
    }

    #[test]
    fn only_changed_rows_with_wide_characters_are_sent_whole() {
        let before = buffer(["电表 1", "meter 1"]);
        let mut same = before.clone();
        resend_changed_wide_rows(&before, &mut same);
        assert_eq!(resent(&same), [false, false]);

        let mut now = buffer(["meter 1", "meter 2"]);
        resend_changed_wide_rows(&before, &mut now);
        assert_eq!(resent(&now), [true, false], "a wide row replaced by a narrow one");
    }
}
