//! The state machine of the screens: a stack of screens over what they share.
//!
//! `update(event, now)` changes the state and returns effects; it never blocks, opens or reads a
//! clock. Drawing is `view::draw`, from the state alone.

use super::effect::Effect;
use super::event::{Event, Key};
use super::keymap::{self, Action, Binding, Need, Place};
use super::layout::{Class, Size};
use super::screens::{Home, Leave, WhatHappened};
use super::shared::{Go, Moment, Shared};
use super::theme::Meaning;
use super::view::View;
use crate::jobs::views::{ErrandId, Failure, Request, Update};
use crate::report::Code;

/// Screens on top of each other; deeper only means a loop of "open".
const STACK_MAX: usize = 12;

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
}

/// All screens.
pub struct App {
    shared: Shared,
    stack: Vec<Box<dyn Screen>>,
    told_home: bool,
    interrupted: bool,
}

impl App {
    /// The home screen before the engine has told anything, and what to ask it.
    pub fn new(options: super::TuiOptions, size: Size, now: Moment) -> (Self, Vec<Effect>) {
        let mut shared = Shared::new(options, size, now);
        let mut home = Box::new(Home::default());
        home.shown(&mut shared);
        shared.ask(Request::Ports);
        let effects = std::mem::take(&mut shared.effects);
        let stack: Vec<Box<dyn Screen>> = vec![home];
        (Self { shared, stack, told_home: false, interrupted: false }, effects)
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
        // The home screen is pushed in `new` and `walk` never takes it off the stack.
        self.stack[self.stack.len() - 1].as_ref()
    }

    /// Whether a clock on the screen runs, so that the loop wakes once a second.
    pub fn errand_running(&self) -> bool {
        self.shared.line.is_some() || self.shared.sync.is_some()
    }

    /// The first need of a key that is not met.
    pub fn unmet(&self, binding: &Binding) -> Option<Need> {
        let top = self.top();
        let shared = &self.shared;
        let met = |need| shared.met(need).unwrap_or_else(|| top.met(shared, need));
        binding.needs.iter().copied().find(|need| !met(*need))
    }

    /// Takes an event in.
    pub fn update(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        self.shared.now = now;
        match event {
            Event::Key(key) => self.key(key),
            Event::Paste(text) => self.on_top(|screen, shared| screen.paste(shared, &text)),
            Event::Resize { width, height } => {
                self.shared.size = Size { width, height };
                self.shared.repaint();
            }
            Event::Continued => self.shared.repaint(),
            Event::Update(update) => self.hear(&update),
            Event::Second => {}
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
        if binding.needs.contains(&Need::Demo) && !self.shared.demo {
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
            Request::Sync { errand } => Update::Synced { errand: *errand, result: Err(failure()) },
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
                Go::To(screen) if self.stack.len() < STACK_MAX => self.stack.push(screen),
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

/// The errand an update ends.
fn ended(update: &Update) -> Option<ErrandId> {
    match update {
        Update::Read { errand, .. }
        | Update::Preflight { errand, .. }
        | Update::Finished { errand, .. }
        | Update::Synced { errand, .. } => Some(*errand),
        _ => None,
    }
}
