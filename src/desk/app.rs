//! The state machine of the desk: a stack of screens over what they share.

use std::time::Duration;

use ratatui::buffer::Buffer;

use super::DeskOptions;
use super::keymap::{self, Action, Binding, Need, Place};
use super::screens::{Help, Leave, List, Screen};
use super::shared::{Go, Shared};
use super::worker::{Request, Update};
use crate::tui::effect::Effect;
use crate::tui::event::{Event, Key};
use crate::tui::keymap::Pattern;
use crate::tui::layout::{Class, Size};
use crate::tui::run::Machine;
use crate::tui::shared::Moment;
use crate::tui::theme::Meaning;
use crate::tui::view::{self, Chrome, SOFT_KEYS, View};
use crate::tui::widgets::Row;

/// Screens on top of each other; deeper only means a loop of "open".
const STACK_MAX: usize = 12;

/// All screens. At the bottom lies today.
pub struct App {
    shared: Shared,
    stack: Vec<Box<dyn Screen>>,
    interrupted: bool,
}

impl App {
    /// The first page, before the office has told anything.
    pub fn new(options: DeskOptions, size: Size, now: Moment) -> (Self, Vec<Effect<Request>>) {
        let mut shared = Shared::new(options, size, now);
        let mut today = super::screens::Today::default();
        today.shown(&mut shared);
        let effects = std::mem::take(&mut shared.effects);
        (Self { shared, stack: vec![Box::new(today)], interrupted: false }, effects)
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
        // The lowest screen is put there in `new` and never taken off.
        self.stack[self.stack.len() - 1].as_ref()
    }

    /// The first need of a key that is not met.
    pub fn unmet(&self, binding: &Binding) -> Option<Need> {
        let top = self.top();
        binding.needs.iter().copied().find(|need| !top.met(&self.shared, *need))
    }

    /// Takes an event in.
    pub fn update(&mut self, event: Event<Request, Update>, now: Moment) -> Vec<Effect<Request>> {
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
            Event::Timer => {}
            Event::Hangup => self.shared.quit(),
            Event::NotTaken(request) => self.not_taken(request),
            Event::EngineGone => {
                self.shared.gone = true;
                self.shared.waiting = 0;
                self.shared.say(Meaning::Fault, self.shared.lang.desk_worker_gone());
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
        let tiny = self.shared.size.class() == Class::Tiny;
        if key == Key::Interrupt {
            return self.interrupt(tiny);
        }
        self.interrupted = false;
        if tiny {
            // Nothing acts unseen.
            if key == Key::Esc && self.stack.iter().all(|screen| screen.idle()) {
                self.shared.quit();
            }
            return;
        }
        self.shared.message = None;
        let Some(binding) = keymap::lookup(self.place(), key) else { return };
        if let Some(need) = self.unmet(binding) {
            let text = self.shared.lang.desk_need(need);
            return self.shared.say(Meaning::Alarm, text);
        }
        match binding.action {
            Action::Help => {
                let about = self.place();
                self.shared.go(Help::new(about));
            }
            Action::Language => {
                self.shared.lang = self.shared.lang.other();
                self.shared.repaint();
            }
            Action::GoLeave => self.shared.go(Leave),
            Action::Leave => self.shared.quit(),
            action => self.on_top(|screen, shared| screen.act(shared, action, key)),
        }
    }

    /// Ctrl-C asks; a second one leaves at once.
    fn interrupt(&mut self, tiny: bool) {
        if self.interrupted || tiny {
            return self.shared.quit();
        }
        self.interrupted = true;
        if self.place() != Place::Leave {
            self.shared.go(Leave);
        }
    }

    fn hear(&mut self, update: &Update) {
        self.shared.learn(update);
        if let Update::Died(detail) = update {
            tracing::error!(detail, "the desk's worker panicked");
            self.shared.say(Meaning::Fault, self.shared.lang.desk_worker_died());
        }
        for screen in &mut self.stack {
            screen.hear(&mut self.shared, update);
        }
    }

    /// The worker is too far behind; nothing of it was begun.
    fn not_taken(&mut self, request: Request) {
        let busy = super::page::Failure { code: "desk-busy", detail: String::new() };
        let update = match request {
            Request::See(query) => Update::Seen(query, Err(busy)),
            Request::Check(act) => Update::Checked(act, Err(busy)),
            Request::Do(act) => Update::Done(act, Err(busy)),
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
                Go::Over(place) if self.stack.len() > 1 && self.place() == place => {
                    self.stack.pop();
                }
                Go::Back | Go::Over(_) => {}
            }
        }
        self.on_top(|screen, shared| screen.shown(shared));
        self.shared.repaint();
    }

    fn hint(&self) -> Row {
        let lang = self.shared.lang;
        let mut row = Row::blank();
        for key in [Key::Enter, Key::Esc] {
            let Some(binding) = keymap::lookup(self.place(), key) else { continue };
            let works = self.unmet(binding).is_none();
            let name = lang.key(Pattern::Is(key));
            row = view::hinted(row, works, &name, lang.desk_label(binding.action));
        }
        row
    }

    fn soft(&self, number: u8) -> Option<Row> {
        let binding = keymap::lookup(self.place(), Key::F(number))?;
        let works = self.unmet(binding).is_none();
        Some(view::soft_key(works, number, self.shared.lang.desk_label(binding.action)))
    }
}

impl Machine for App {
    type Ask = Request;
    type Told = Update;

    fn update(&mut self, event: Event<Request, Update>, now: Moment) -> Vec<Effect<Request>> {
        App::update(self, event, now)
    }

    fn draw(&self, buffer: &mut Buffer) {
        draw(self, buffer);
    }

    fn wake(&self) -> Option<Duration> {
        None
    }
}

/// Draws the desk; the same state gives the same cells.
pub fn draw(app: &App, buffer: &mut Buffer) {
    let shared = &app.shared;
    let size = Size { width: buffer.area.width, height: buffer.area.height };
    if size.class() == Class::Tiny {
        return view::paint_too_small(shared.lang.too_small(), shared.palette, buffer);
    }
    let busy = (shared.waiting > 0).then(|| shared.lang.desk_asking().to_owned());
    let chrome = Chrome {
        palette: shared.palette,
        rule: shared.rule(),
        signs: busy.into_iter().collect(),
        message: shared.message.as_ref(),
        hint: app.hint(),
        soft: (1..=SOFT_KEYS).map(|number| app.soft(number)).collect(),
    };
    view::paint(&chrome, &app.view(), buffer);
}

/// Opens the page of a query.
pub fn open(shared: &mut Shared, query: super::query::Query) {
    if query.is_list() {
        shared.go(List::new(query));
    } else {
        shared.go(super::screens::Card::new(query));
    }
}
