//! The screens: what an operator sees and presses.
//!
//! Elm architecture: [`app::App::update`] takes an event and a moment and returns effects,
//! [`view::draw`] paints the state; only this file touches the world (terminal, channels, clock).
//! It opens nothing else and waits for nothing but events: everything that takes time is asked of
//! the engine ([`crate::jobs::views::Request`]) and heard of as updates.
//!
//! There are no ticks. The loop sleeps until something happens, draws once for everything that
//! has come in, and wakes by itself only at the moment [`app::App::wake`] names: once a second
//! while seconds are shown, and once when the screens are to lock.
//!
//! The first screen is the log-in. Nothing of the store is asked for or shown before the engine
//! has said who is logged in, and all of it is forgotten when the screens lock.

pub mod app;
pub mod effect;
pub mod event;
pub mod keymap;
pub mod layout;
pub mod lock;
mod screens;
pub mod shared;
pub mod survey_boxes;
pub mod survey_table;
pub mod terminal;
pub mod theme;
pub mod view;
pub mod when;
pub mod widgets;
pub mod words;
pub mod wrap;

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TrySendError, after, never, select};
use jiff::tz::TimeZone;

use app::App;
use effect::Effect;
use event::{Event, Listener};
use shared::Moment;
use theme::Palette;

use crate::jobs::views::{Request, Update};
use crate::text::Lang;
use crate::units::UnixSeconds;

/// Events taken in before a frame is drawn, so that a flood of traffic cannot starve the screen.
const EVENTS_PER_FRAME: usize = 256;

/// How the screens are to look and what they are told from outside.
#[derive(Debug, Clone)]
pub struct TuiOptions {
    /// The language.
    pub lang: Lang,
    /// The colours; [`Palette::choose`] knows `NO_COLOR`.
    pub palette: Palette,
    /// Lines from ASCII characters only.
    pub ascii: bool,
    /// Whether this is the demo.
    pub demo: bool,
    /// Who worked with it last, to be typed over at the log-in.
    pub operator: String,
    /// Where token files are expected; shown in the import field.
    pub import_from: String,
    /// The zone times are printed in.
    pub zone: TimeZone,
    /// The terminal's name (`TERM`).
    pub term: String,
    /// Frames per second for what the engine tells; keys are answered at once.
    pub max_fps: u32,
}

impl TuiOptions {
    /// What suits a terminal of this name: the Linux console cannot draw Chinese at all (its font
    /// holds 512 glyphs) and gets English and ASCII; slow lines get two frames a second.
    pub fn for_terminal(lang: Lang, no_color: bool, term: &str, over_network: bool) -> Self {
        let console = term == "linux";
        let plain = console || term == "dumb" || term.starts_with("vt");
        Self {
            lang: if console { Lang::En } else { lang },
            palette: Palette::choose(no_color, term),
            // Terminals set up for Chinese may draw line characters two cells wide.
            ascii: plain || lang == Lang::Zh,
            demo: false,
            operator: String::new(),
            import_from: String::new(),
            zone: TimeZone::UTC,
            term: term.to_owned(),
            max_fps: if over_network || term.starts_with("vt") { 2 } else { 10 },
        }
    }
}

/// Shows the screens until the operator leaves.
///
/// The first frame is drawn before anything is asked of the engine. Nothing is written to
/// standard output before or after.
///
/// # Errors
/// When the terminal cannot be taken or is gone.
pub fn run(
    requests: Sender<Request>,
    updates: Receiver<Update>,
    options: TuiOptions,
) -> io::Result<()> {
    let clock = Clock { start: Instant::now() };
    let gap = Duration::from_secs(1) / options.max_fps.max(1);
    let mut screen = terminal::Screen::enter(&options.term)?;
    let size = terminal::Screen::size()?;
    let (app, effects) = App::new(options, size, clock.now());
    screen.draw(&app)?;
    let listener = event::listen()?;
    let mut world = World { app, screen, requests, updates, listener, clock, quit: false };
    world.carry_out(effects)?;
    // What the engine says first need not wait: the frame before it holds no figures yet.
    let mut drawn = Instant::now().checked_sub(gap).unwrap_or_else(Instant::now);
    let mut due = None;
    while !world.quit {
        if let Some((event, urgent)) = world.next(due) {
            world.take(event)?;
            due = Some(if urgent { Instant::now() } else { due.unwrap_or(drawn + gap) });
        }
        if due.is_some_and(|due| due <= Instant::now()) {
            world.drain()?;
            world.screen.draw(&world.app)?;
            (drawn, due) = (Instant::now(), None);
        }
    }
    Ok(())
}

/// The clocks, read here and nowhere else in the screens.
struct Clock {
    start: Instant,
}

impl Clock {
    fn now(&self) -> Moment {
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            // A handheld whose clock battery is flat may stand before 1970.
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        };
        Moment { wall: UnixSeconds(wall), up: self.start.elapsed() }
    }

    /// How long it is until a moment of the running clock.
    fn until(&self, up: Duration) -> Duration {
        up.saturating_sub(self.start.elapsed())
    }
}

/// Everything the state machine is connected to.
struct World {
    app: App,
    screen: terminal::Screen,
    requests: Sender<Request>,
    updates: Receiver<Update>,
    listener: Listener,
    clock: Clock,
    quit: bool,
}

impl World {
    /// The next event and whether it must be answered at once; `None` when a frame is due first.
    fn next(&mut self, due: Option<Instant>) -> Option<(Event, bool)> {
        let (timer, event) = match (due, self.app.wake()) {
            (Some(due), _) => (after(due.saturating_duration_since(Instant::now())), None),
            (None, Some(at)) => (after(self.clock.until(at)), Some((Event::Timer, false))),
            (None, None) => (never(), None),
        };
        select! {
            recv(self.listener.events) -> event => Some((event.unwrap_or(Event::Hangup), true)),
            recv(self.updates) -> update => Some((self.heard(update.ok()), false)),
            recv(timer) -> _ => event,
        }
    }

    /// An update as an event; the end of the engine's channel is told once.
    fn heard(&mut self, update: Option<Update>) -> Event {
        match update {
            Some(update) => Event::Update(update),
            None => {
                self.updates = never();
                Event::EngineGone
            }
        }
    }

    /// Takes in what else has come, within a limit, before a frame is drawn.
    fn drain(&mut self) -> io::Result<()> {
        for _ in 0..EVENTS_PER_FRAME {
            if let Ok(event) = self.listener.events.try_recv() {
                self.take(event)?;
            } else if let Ok(update) = self.updates.try_recv() {
                self.take(Event::Update(update))?;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> io::Result<()> {
        let effects = self.app.update(event, self.clock.now());
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match effect {
                Effect::Ask(request) => self.ask(request),
                Effect::Repaint => self.screen.repaint()?,
                Effect::Quit => self.quit = true,
            }
        }
        Ok(())
    }

    /// Hands a request to the engine without ever waiting for it.
    fn ask(&mut self, request: Request) {
        let event = match self.requests.try_send(request) {
            Ok(()) => return,
            Err(TrySendError::Full(request)) => Event::NotTaken(request),
            Err(TrySendError::Disconnected(_)) => Event::EngineGone,
        };
        // Answers to these ask nothing themselves.
        let effects = self.app.update(event, self.clock.now());
        debug_assert!(!effects.iter().any(|effect| matches!(effect, Effect::Ask(_))));
    }
}
