//! The loop under the screens: terminal, channels and clocks, and nothing else of the world.
//!
//! There are no ticks. The loop sleeps until something happens, draws once for everything that has
//! come in, and wakes by itself only at the moment [`Machine::wake`] names. The handheld's screens
//! and the office's desk both run in it.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TrySendError, after, never, select};
use ratatui::buffer::Buffer;

use super::effect::Effect;
use super::event::{self, Event, Listener};
use super::layout::Size;
use super::shared::Moment;
use super::terminal;
use crate::units::UnixSeconds;

/// Events taken in before a frame is drawn, so that a flood of traffic cannot starve the screen.
const EVENTS_PER_FRAME: usize = 256;

/// The state machine of some screens.
pub trait Machine {
    /// What it asks whoever works for it.
    type Ask: Send + 'static;
    /// What it is told.
    type Told: Send + 'static;

    /// Takes an event in; never waits.
    fn update(
        &mut self,
        event: Event<Self::Ask, Self::Told>,
        now: Moment,
    ) -> Vec<Effect<Self::Ask>>;

    /// Paints the state.
    fn draw(&self, buffer: &mut Buffer);

    /// The moment of the running clock at which the loop must wake by itself.
    fn wake(&self) -> Option<Duration>;
}

/// What the loop must know of the terminal.
#[derive(Debug, Clone)]
pub struct How {
    /// The terminal's name (`TERM`).
    pub term: String,
    /// Frames per second for what is told; keys are answered at once.
    pub max_fps: u32,
}

/// Shows screens until they ask to leave.
///
/// The first frame is drawn before anything is asked. Nothing is written to standard output before
/// or after.
///
/// # Errors
/// When the terminal cannot be taken or is gone.
pub fn run<M: Machine>(
    how: &How,
    requests: Sender<M::Ask>,
    updates: Receiver<M::Told>,
    make: impl FnOnce(Size, Moment) -> (M, Vec<Effect<M::Ask>>),
) -> io::Result<()> {
    let clock = Clock { start: Instant::now() };
    let gap = Duration::from_secs(1) / how.max_fps.max(1);
    let mut screen = terminal::Screen::enter(&how.term)?;
    let size = terminal::Screen::size()?;
    let (app, effects) = make(size, clock.now());
    screen.draw(|buffer| app.draw(buffer))?;
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
            world.screen.draw(|buffer| world.app.draw(buffer))?;
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
struct World<M: Machine> {
    app: M,
    screen: terminal::Screen,
    requests: Sender<M::Ask>,
    updates: Receiver<M::Told>,
    listener: Listener<M::Ask, M::Told>,
    clock: Clock,
    quit: bool,
}

/// An event, and whether it must be answered at once.
type Next<M> = (Event<<M as Machine>::Ask, <M as Machine>::Told>, bool);

impl<M: Machine> World<M> {
    /// The next event and whether it must be answered at once; `None` when a frame is due first.
    fn next(&mut self, due: Option<Instant>) -> Option<Next<M>> {
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
    fn heard(&mut self, update: Option<M::Told>) -> Event<M::Ask, M::Told> {
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

    fn take(&mut self, event: Event<M::Ask, M::Told>) -> io::Result<()> {
        let effects = self.app.update(event, self.clock.now());
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect<M::Ask>>) -> io::Result<()> {
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
    fn ask(&mut self, request: M::Ask) {
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
