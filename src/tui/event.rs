//! Everything that can happen to the screens, as one closed enum, and the threads that send it.
//!
//! Keys are reduced to what a keypad has before anyone sees them: presses, and repeats of arrows
//! only, so that a stuck Enter or a dropped pen cannot confirm twice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use ratatui::crossterm::event as term;
use term::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::jobs::views::{Request, Update};

/// Events waiting for the UI. A person cannot type faster than it drains; a full queue makes the
/// input thread wait, which loses nothing.
const EVENT_QUEUE: usize = 64;

/// How long the input thread may take to notice that the screens are gone.
const INPUT_SLICE: Duration = Duration::from_millis(500);

/// What happened, to screens that ask with `Q` and hear of `U`.
#[derive(Debug)]
pub enum Event<Q = Request, U = Update> {
    /// A key (input thread).
    Key(Key),
    /// Pasted or scanned text (input thread).
    Paste(String),
    /// The terminal has another size (input thread).
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The engine tells something (engine's channel).
    Update(U),
    /// The moment the screens named has come (the loop in `run.rs`).
    Timer,
    /// The process was stopped and continued: the screen may hold anything (signal thread).
    Continued,
    /// The program is asked to end, or the terminal is gone (signal and input threads).
    Hangup,
    /// The engine's queue is full: the request was not taken (the loop in `run.rs`).
    NotTaken(Q),
    /// The engine has ended (the loop in `run.rs`).
    EngineGone,
}

/// A key, as the keymap knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left; erases a character where something is typed.
    Left,
    /// Arrow right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Enter.
    Enter,
    /// Esc or Back.
    Esc,
    /// Backspace or Delete.
    Backspace,
    /// A function key, 1 to 4.
    F(u8),
    /// A digit or letter.
    Char(char),
    /// Ctrl-C.
    Interrupt,
}

impl Key {
    /// The key behind a terminal event; `None` for releases, repeats of anything but arrows,
    /// chords and keys nobody uses.
    pub fn from_terminal(event: &KeyEvent) -> Option<Self> {
        let key = match event.code {
            KeyCode::Char('c') if event.modifiers.contains(KeyModifiers::CONTROL) => {
                Self::Interrupt
            }
            KeyCode::Char(_) if event.modifiers.intersects(CHORD) => return None,
            KeyCode::Char(c) => Self::Char(c),
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Esc,
            KeyCode::Backspace | KeyCode::Delete => Self::Backspace,
            KeyCode::F(n @ 1..=4) => Self::F(n),
            _ => return None,
        };
        let repeats = matches!(key, Self::Up | Self::Down | Self::Left | Self::Right);
        match event.kind {
            KeyEventKind::Press => Some(key),
            KeyEventKind::Repeat if repeats => Some(key),
            KeyEventKind::Repeat | KeyEventKind::Release => None,
        }
    }
}

/// Modifiers that make a chord; a keypad has none.
const CHORD: KeyModifiers = KeyModifiers::CONTROL.union(KeyModifiers::ALT);

/// The running listeners; dropping it ends the input thread.
pub struct Listener<Q = Request, U = Update> {
    /// Where the events arrive.
    pub events: Receiver<Event<Q, U>>,
    stop: Arc<AtomicBool>,
}

impl<Q, U> Drop for Listener<Q, U> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Starts the input thread and, on Unix, the signal thread.
///
/// # Errors
/// When a thread or the signal handlers cannot be set up.
pub fn listen<Q: Send + 'static, U: Send + 'static>() -> io::Result<Listener<Q, U>> {
    let (sender, events) = bounded(EVENT_QUEUE);
    let stop = Arc::new(AtomicBool::new(false));
    let (input_sender, input_stop) = (sender.clone(), Arc::clone(&stop));
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || read_terminal(&input_sender, &input_stop))?;
    watch_signals(sender)?;
    Ok(Listener { events, stop })
}

fn read_terminal<Q, U>(sender: &Sender<Event<Q, U>>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let event = match term::poll(INPUT_SLICE) {
            Ok(false) => continue,
            Ok(true) => term::read(),
            Err(error) => Err(error),
        };
        let event = match event {
            Ok(event) => from_terminal(event),
            Err(error) => {
                tracing::warn!(%error, "the terminal's input ended");
                Some(Event::Hangup)
            }
        };
        let last = matches!(event, Some(Event::Hangup));
        if let Some(event) = event
            && (sender.send(event).is_err() || last)
        {
            return;
        }
    }
}

fn from_terminal<Q, U>(event: term::Event) -> Option<Event<Q, U>> {
    match event {
        term::Event::Key(key) => Key::from_terminal(&key).map(Event::Key),
        term::Event::Paste(text) => Some(Event::Paste(text)),
        term::Event::Resize(width, height) => Some(Event::Resize { width, height }),
        _ => None,
    }
}

#[cfg(unix)]
fn watch_signals<Q, U>(sender: Sender<Event<Q, U>>) -> io::Result<()>
where
    Q: Send + 'static,
    U: Send + 'static,
{
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGCONT, SIGHUP, SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let event = if signal == SIGCONT { Event::Continued } else { Event::Hangup };
            if sender.send(event).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
fn watch_signals<Q, U>(_sender: Sender<Event<Q, U>>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(code: KeyCode, kind: KeyEventKind) -> KeyEvent {
        KeyEvent::new_with_kind(code, KeyModifiers::NONE, kind)
    }

    #[test]
    fn only_arrows_repeat_and_nothing_acts_on_release() {
        use KeyEventKind::{Press, Release, Repeat};
        for code in [KeyCode::Enter, KeyCode::Char('1'), KeyCode::F(2), KeyCode::Esc] {
            assert!(Key::from_terminal(&event(code, Press)).is_some());
            assert_eq!(Key::from_terminal(&event(code, Repeat)), None, "{code:?}");
            assert_eq!(Key::from_terminal(&event(code, Release)), None, "{code:?}");
        }
        assert_eq!(Key::from_terminal(&event(KeyCode::Down, Repeat)), Some(Key::Down));
        assert_eq!(Key::from_terminal(&event(KeyCode::Down, Release)), None);
    }

    #[test]
    fn chords_are_no_keys() {
        let with = |c, modifiers| Key::from_terminal(&KeyEvent::new(KeyCode::Char(c), modifiers));
        assert_eq!(with('x', KeyModifiers::CONTROL), None);
        assert_eq!(with('1', KeyModifiers::ALT), None);
        assert_eq!(with('c', KeyModifiers::CONTROL), Some(Key::Interrupt));
        assert_eq!(with('A', KeyModifiers::SHIFT), Some(Key::Char('A')));
    }
}
