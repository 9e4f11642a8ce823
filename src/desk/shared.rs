//! What all pages of the desk know: settings, names, the message, what is under way.

use jiff::tz::TimeZone;

use super::DeskOptions;
use super::keymap::Place;
use super::page::Failure;
use super::screens::Screen;
use super::worker::{Request, Update};
use crate::text::Lang;
use crate::text::desk::errors;
use crate::tui::effect::Effect;
use crate::tui::layout::Size;
use crate::tui::shared::{Message, Moment, Rule};
use crate::tui::theme::{Meaning, Palette};
use crate::units::UnixSeconds;

/// Effects one event may cause; more means a loop in a screen.
const EFFECTS_MAX: usize = 16;

/// Where to go.
pub enum Go {
    /// Onto another screen.
    To(Box<dyn Screen>),
    /// To another screen in place of this one.
    Instead(Box<dyn Screen>),
    /// One screen back.
    Back,
    /// One screen back, if it is such a one.
    Over(Place),
}

/// What all screens know and may change.
pub struct Shared {
    /// The language.
    pub lang: Lang,
    /// The colours.
    pub palette: Palette,
    /// Lines from ASCII characters only.
    pub ascii: bool,
    /// The zone times are printed in.
    pub zone: TimeZone,
    /// What stands behind `meterkit-office` in a command line.
    pub place: String,
    /// The moment of the last event.
    pub now: Moment,
    /// The terminal's size.
    pub size: Size,
    /// The handhelds that can be named in a form.
    pub devices: Vec<String>,
    /// The operators that can be named in a form.
    pub operators: Vec<String>,
    /// Requests without an answer yet.
    pub waiting: u32,
    /// Whether the worker is gone.
    pub gone: bool,
    /// The message line.
    pub message: Option<Message>,
    pub(super) effects: Vec<Effect<Request>>,
    pub(super) moves: Vec<Go>,
}

impl Shared {
    /// The state before anything was told.
    pub fn new(options: DeskOptions, size: Size, now: Moment) -> Self {
        let DeskOptions { lang, palette, ascii, zone, place, how: _ } = options;
        Self {
            lang,
            palette,
            ascii,
            zone,
            place,
            now,
            size,
            devices: Vec::new(),
            operators: Vec::new(),
            waiting: 0,
            gone: false,
            message: None,
            effects: Vec::new(),
            moves: Vec::new(),
        }
    }

    /// Asks the worker.
    pub fn ask(&mut self, request: Request) {
        if self.effects.len() < EFFECTS_MAX {
            self.waiting += 1;
            self.effects.push(Effect::Ask(request));
        }
    }

    /// Draws everything anew.
    pub fn repaint(&mut self) {
        self.effects.push(Effect::Repaint);
    }

    /// Leaves the program.
    pub fn quit(&mut self) {
        self.effects.push(Effect::Quit);
    }

    /// Opens a screen.
    pub fn go(&mut self, screen: impl Screen + 'static) {
        self.moves.push(Go::To(Box::new(screen)));
    }

    /// Opens a screen in place of this one.
    pub fn go_instead(&mut self, screen: impl Screen + 'static) {
        self.moves.push(Go::Instead(Box::new(screen)));
    }

    /// Goes back one screen.
    pub fn back(&mut self) {
        self.moves.push(Go::Back);
    }

    /// Goes back one more screen, if it is such a one.
    pub fn over(&mut self, place: Place) {
        self.moves.push(Go::Over(place));
    }

    /// Says something in the message line.
    pub fn say(&mut self, meaning: Meaning, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), meaning });
    }

    /// Says in the message line what failed.
    pub fn say_failure(&mut self, failure: &Failure) {
        let words = errors::words(failure.code).title.get(self.lang);
        self.say(Meaning::Fault, format!("X {words}"));
    }

    /// Takes in what concerns every screen.
    pub fn learn(&mut self, update: &Update) {
        match update {
            Update::Names { devices, operators } => {
                (self.devices, self.operators) = (devices.clone(), operators.clone());
            }
            _ => self.waiting = self.waiting.saturating_sub(1),
        }
    }

    /// How long ago a time was.
    pub fn age(&self, at: UnixSeconds) -> String {
        self.lang.age(self.now.wall.0.saturating_sub(at.0))
    }

    /// A command line that does what the desk does.
    pub fn command(&self, line: &str) -> String {
        let place = if self.place.is_empty() { String::new() } else { format!("{} ", self.place) };
        format!("meterkit-office {place}{line}")
    }

    /// The title of a place.
    pub fn title(&self, place: Place) -> String {
        self.lang.desk_place(place).to_owned()
    }

    /// The characters lines are drawn with.
    pub fn rule(&self) -> Rule {
        Rule::of(self.ascii)
    }
}
