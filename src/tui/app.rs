//! The state machine of the screens: a stack of screens over what they share.
//!
//! `update(event, now)` changes the state and returns effects; it never blocks, opens or reads a
//! clock. Drawing is `view::draw`, from the state alone.

use super::effect::Effect;
use super::event::{Event, Key};
use super::keymap::{self, Action, Binding, Need, Place};
use super::layout::{Class, Size};
use super::lock::{Due, Watch};
use super::run::Machine;
use super::screens::{Home, Leave, LogIn, Summary, WhatHappened};
use super::shared::{Go, Moment, Shared};
use super::theme::Meaning;
use super::view::{self, View};
use crate::jobs::views::{
    ErrandId, Failure, LogOutWhy, LoggedOutWhy, Request, SessionView, ShiftView, Update,
};
use crate::report::Code;
use crate::units::OperatorId;

use std::time::Duration;

use ratatui::buffer::Buffer;
use zeroize::Zeroize;

/// Screens on top of each other; deeper only means a loop of "open".
const STACK_MAX: usize = 12;

/// How often seconds are drawn where they are shown.
const SECOND: Duration = Duration::from_secs(1);

/// One screen.
pub trait Screen {
    /// Which keys it has now.
    fn place(&self) -> Place;

    /// What it shows.
    fn view(&self, shared: &Shared) -> View;

    /// Does what a key of its place means.
    fn act(&mut self, shared: &mut Shared, action: Action, key: Key);

    /// Whether what a key needs is there. Asked only for needs of this screen's own.
    fn met(&self, _shared: &Shared, _need: Need) -> bool {
        true
    }

    /// Hears an update, on top or not.
    fn hear(&mut self, _shared: &mut Shared, _update: &Update) {}

    /// Takes pasted or scanned text.
    fn paste(&mut self, _shared: &mut Shared, _text: &str) {}

    /// Is shown for the first time, or again after the one above it has gone.
    fn shown(&mut self, _shared: &mut Shared) {}

    /// Another one is put over it, or nobody goes on typing: what must not be seen is wiped.
    fn covered(&mut self) {}
}

/// All screens. At the bottom lies the log-in, or home while somebody is logged in.
pub struct App {
    shared: Shared,
    stack: Vec<Box<dyn Screen>>,
    watch: Watch,
    told_home: bool,
    interrupted: bool,
}

impl App {
    /// The log-in screen before the engine has told anything. Nothing is asked: the engine says
    /// by itself who it is waiting for.
    pub fn new(options: super::TuiOptions, size: Size, now: Moment) -> (Self, Vec<Effect>) {
        let shared = Shared::new(options, size, now);
        let stack: Vec<Box<dyn Screen>> = vec![Box::new(LogIn::new(&shared.operator))];
        let watch = Watch::default();
        (Self { shared, stack, watch, told_home: false, interrupted: false }, Vec::new())
    }

    /// What the screens share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The place whose keys work now.
    pub fn place(&self) -> Place {
        self.top().place()
    }

    /// What is to be shown.
    pub fn view(&self) -> View {
        self.top().view(&self.shared)
    }

    fn top(&self) -> &dyn Screen {
        // The lowest screen is put there in `new` and replaced, but never taken off.
        self.stack[self.stack.len() - 1].as_ref()
    }

    /// Whether an errand runs.
    pub fn errand_running(&self) -> bool {
        self.shared.line.is_some() || self.shared.sync.is_some()
    }

    /// The moment of the running clock at which the loop must wake by itself, if nothing happens
    /// before.
    pub fn wake(&self) -> Option<Duration> {
        let now = self.shared.now;
        let seconds = match self.shared.wait_left() {
            _ if self.errand_running() => Some(now.up + SECOND),
            0 => None,
            // Just when the figure shown changes.
            left => Some(self.shared.wait_until - SECOND * (left as u32 - 1)),
        };
        [seconds, self.watch.wake(now)].into_iter().flatten().min()
    }

    /// The first need of a key that is not met.
    pub fn unmet(&self, binding: &Binding) -> Option<Need> {
        let top = self.top();
        let shared = &self.shared;
        let met = |need| shared.met(need).unwrap_or_else(|| top.met(shared, need));
        binding.needs.iter().copied().find(|need| !met(*need))
    }

    /// Whether a key is not shown at all, by all screens or by the one on top.
    pub fn hides(&self, binding: &Binding) -> bool {
        self.shared.hides(binding) || self.unmet(binding).is_some_and(Need::hides)
    }

    /// Takes an event in.
    pub fn update(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        self.shared.now = now;
        self.look_at_the_time();
        match event {
            Event::Key(key) if key == Key::Interrupt || self.heeds() => self.key(key),
            Event::Paste(mut text) => {
                if self.heeds() {
                    self.on_top(|screen, shared| screen.paste(shared, &text));
                }
                // It may be a code.
                text.zeroize();
            }
            Event::Resize { width, height } => {
                self.shared.size = Size { width, height };
                self.shared.repaint();
            }
            Event::Continued => self.shared.repaint(),
            Event::Update(update) => self.hear(&update),
            Event::Key(_) | Event::Timer => {}
            Event::Hangup => self.shared.quit(),
            Event::NotTaken(request) => self.not_taken(&request),
            Event::EngineGone => {
                self.shared.line = None;
                self.shared.sync = None;
                self.shared.say(Meaning::Fault, self.shared.lang.engine_gone());
            }
        }
        self.walk();
        std::mem::take(&mut self.shared.effects)
    }

    /// Locks if nobody touched it for too long, and says so before. Work that is going on counts
    /// as somebody being there, and so does its end: the outcome is to be seen.
    fn look_at_the_time(&mut self) {
        let now = self.shared.now;
        if self.errand_running() {
            self.watch.touch(now);
        }
        match self.watch.due(now) {
            Due::Nothing => {}
            Due::Notice => self.shared.say(Meaning::Alarm, self.shared.lang.locks_soon()),
            Due::Lock => self.leave_session(LogOutWhy::Idle),
            Due::Again(why) => self.shared.ask(Request::LogOut(why)),
            Due::Wipe => self.stack.iter_mut().for_each(|screen| screen.covered()),
        }
    }

    /// Whether what was typed or pasted was meant for what is on the screen. A key that only takes
    /// the notice away does nothing else: whoever presses it wants to stay, not to send.
    fn heeds(&mut self) -> bool {
        let now = self.shared.now;
        if self.watch.deaf(now) {
            return false;
        }
        let noticed = self.watch.touch(now);
        if noticed {
            self.shared.message = None;
        }
        !noticed
    }

    /// Takes everything of the session off the screen at once, and asks the engine to log out.
    fn leave_session(&mut self, why: LogOutWhy) {
        let operator = self.shared.session.as_ref().map(|session| session.operator.to_string());
        self.shared.forget();
        self.shared.locking = true;
        self.shared.ask(Request::LogOut(why));
        self.watch.leave(why, self.shared.now);
        self.show_log_in(&operator.unwrap_or_default());
    }

    fn show_log_in(&mut self, operator: &str) {
        self.stack = vec![Box::new(LogIn::new(operator))];
        self.told_home = false;
        self.shared.repaint();
    }

    fn on_top(&mut self, act: impl FnOnce(&mut dyn Screen, &mut Shared)) {
        if let Some(screen) = self.stack.last_mut() {
            act(screen.as_mut(), &mut self.shared);
        }
    }

    fn key(&mut self, key: Key) {
        if key == Key::Interrupt {
            return self.interrupt();
        }
        self.interrupted = false;
        if self.shared.size.class() == Class::Tiny {
            // Nothing acts unseen; leaving is possible while nothing runs.
            if key == Key::Esc && !self.errand_running() {
                self.shared.quit();
            }
            return;
        }
        self.shared.message = None;
        let Some(binding) = keymap::lookup(self.place(), key) else { return };
        if self.hides(binding) {
            return;
        }
        if let Some(need) = self.unmet(binding) {
            let text = self.shared.lang.need(need);
            return self.shared.say(Meaning::Alarm, text);
        }
        match binding.action {
            Action::Help => {
                let help = super::screens::Help::new(self.place());
                self.shared.go(help);
            }
            Action::LogOut => self.leave_session(LogOutWhy::Asked),
            Action::Language => {
                self.shared.lang = self.shared.lang.other();
                self.shared.repaint();
            }
            action => self.on_top(|screen, shared| screen.act(shared, action, key)),
        }
    }

    /// Ctrl-C asks; a second one leaves at once.
    fn interrupt(&mut self) {
        if self.interrupted || self.shared.size.class() == Class::Tiny {
            return self.shared.quit();
        }
        self.interrupted = true;
        if self.place() != Place::Leave {
            self.shared.go(Leave);
        }
    }

    fn hear(&mut self, update: &Update) {
        if let Some(id) = ended(update)
            && !self.shared.end(id)
        {
            // The answer of an errand nobody waits for any more.
            return;
        }
        if let Update::WorkerDied { errand, detail } = update {
            errand.map(|id| self.shared.end(id));
            tracing::error!(detail, "a worker died");
            self.shared.say(Meaning::Fault, self.shared.lang.worker_died());
        }
        match update {
            Update::LoggedIn(session) => return self.logged_in(session),
            Update::LoggedOut { operator, why, shift } => {
                return self.logged_out(operator, *why, shift.clone());
            }
            Update::Locked(_) => self.locked(),
            // What the engine said of its store before it heard of the log-out is not shown.
            _ if self.shared.session.is_none() && !may_be_locked(update) => return,
            _ => {}
        }
        self.shared.learn(update);
        for screen in &mut self.stack {
            screen.hear(&mut self.shared, update);
        }
        match update {
            Update::Home(home) if !self.told_home => {
                self.told_home = true;
                if !home.open_intents.is_empty() && self.place() == Place::Home {
                    self.shared.go(WhatHappened::default());
                }
            }
            Update::Read { .. } | Update::Finished { .. } | Update::Synced { .. } => {
                self.shared.ask(Request::Home);
            }
            _ => {}
        }
    }

    /// Somebody is logged in: home, and nothing that was there before.
    fn logged_in(&mut self, session: &SessionView) {
        if self.watch.leaving() {
            return;
        }
        self.shared.forget();
        self.shared.session = Some(Box::new(session.clone()));
        self.watch.log_in(session.idle_s, self.shared.now);
        self.told_home = false;
        let mut home = Box::new(Home::default());
        home.shown(&mut self.shared);
        self.shared.ask(Request::Ports);
        self.stack = vec![home];
        self.shared.repaint();
    }

    /// Nobody is logged in any more. What the shift came to is shown, unless nobody is there.
    fn logged_out(&mut self, operator: &OperatorId, why: LoggedOutWhy, shift: ShiftView) {
        self.shared.forget();
        self.watch.log_out(self.shared.now);
        self.show_log_in(operator.as_str());
        match why {
            LoggedOutWhy::Idle => self.shared.say(Meaning::Alarm, self.shared.lang.locked_idle()),
            why => self.shared.go(Summary::new(operator.clone(), why, shift)),
        }
    }

    /// The engine waits for a log-in. If it had not said that somebody logged out, it says so now.
    fn locked(&mut self) {
        if let Some(session) = self.shared.session.take() {
            self.shared.forget();
            self.show_log_in(session.operator.as_str());
        }
        self.watch.log_out(self.shared.now);
    }

    /// A request the engine had no room for. Its errand never began.
    fn not_taken(&mut self, request: &Request) {
        let failure = || Failure { code: Code::Internal, detail: "engine queue full".to_owned() };
        let update = match request {
            Request::Read { errand, .. } => {
                Update::Read { errand: *errand, result: Err(failure()) }
            }
            Request::Preflight { errand, .. } => {
                Update::Preflight { errand: *errand, result: Err(failure()) }
            }
            Request::Commit { errand, .. } | Request::Resolve { errand, .. } => {
                Update::Finished { errand: *errand, result: Err(failure()) }
            }
            Request::Survey { errand, .. } => {
                Update::Surveyed { errand: *errand, result: Err(failure()) }
            }
            Request::WorkPlan { errand, .. }
            | Request::WorkBegin { errand, .. }
            | Request::WorkGo { errand, .. } => {
                Update::WorkSheet { errand: *errand, result: Err(failure()) }
            }
            Request::Sync { errand } | Request::Carry { errand, .. } => {
                Update::Synced { errand: *errand, result: Err(failure()) }
            }
            // It is asked again by the clock.
            Request::LogOut(_) => return,
            _ if request_of_a_form(request) => Update::PinDone(Err(failure())),
            _ => return self.shared.say(Meaning::Alarm, self.shared.lang.engine_busy()),
        };
        self.hear(&update);
        // Asking again now would only meet the same full queue.
        self.shared.effects.retain(|effect| !matches!(effect, Effect::Ask(_)));
    }

    /// Carries out the moves the screens asked for.
    fn walk(&mut self) {
        let moves = std::mem::take(&mut self.shared.moves);
        if moves.is_empty() {
            return;
        }
        for step in moves {
            match step {
                Go::To(screen) if self.stack.len() < STACK_MAX => {
                    self.stack.iter_mut().for_each(|below| below.covered());
                    self.stack.push(screen);
                }
                Go::To(screen) | Go::Instead(screen) => {
                    if self.stack.len() > 1 {
                        self.stack.pop();
                    }
                    self.stack.push(screen);
                }
                Go::Back if self.stack.len() > 1 => drop(self.stack.pop()),
                Go::Back => {}
            }
        }
        self.on_top(|screen, shared| screen.shown(shared));
        self.shared.repaint();
    }
}

impl Machine for App {
    type Ask = Request;
    type Told = Update;

    fn update(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        App::update(self, event, now)
    }

    fn draw(&self, buffer: &mut Buffer) {
        view::draw(self, buffer);
    }

    fn wake(&self) -> Option<Duration> {
        App::wake(self)
    }
}

/// Whether an update says nothing of the store.
fn may_be_locked(update: &Update) -> bool {
    matches!(update, Update::PinDone(_) | Update::WorkerDied { .. })
}

/// Whether a form waits for the answer to a request.
fn request_of_a_form(request: &Request) -> bool {
    matches!(
        request,
        Request::LogIn { .. }
            | Request::Recover { .. }
            | Request::ChangePin { .. }
            | Request::Activate { .. }
            | Request::Supervise { .. }
    )
}

/// The errand an update ends.
fn ended(update: &Update) -> Option<ErrandId> {
    match update {
        Update::Read { errand, .. }
        | Update::Preflight { errand, .. }
        | Update::Finished { errand, .. }
        | Update::Surveyed { errand, .. }
        | Update::WorkSheet { errand, .. }
        | Update::Synced { errand, .. } => Some(*errand),
        _ => None,
    }
}
