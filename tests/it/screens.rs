//! Every screen at its two sizes, in both languages and palettes, and every flow through them.
//!
//! The snapshots are in `fixtures/screens`, one file a scene, size and language: the text, then
//! the styles without and with colours. `INSTA_UPDATE=always cargo test screens` writes them anew;
//! review them like code.

mod boxes;
mod flows;
mod lock;
mod log_in;
mod people;
mod scenes;
mod states;
mod survey;
mod wiring_scenes;
mod words;
mod work_scenes;
mod works;

use crate::support::draw;
use meterkit::jobs::views::{Request, Update};
use meterkit::text::Lang;
use meterkit::tui::app::App;
use meterkit::tui::effect::Effect;
use meterkit::tui::event::{Event, Key};
use meterkit::tui::layout::Size;
use meterkit::tui::shared::Moment;
use meterkit::tui::theme::Palette;
use meterkit::tui::{TuiOptions, view};
use meterkit::units::UnixSeconds;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::time::Duration;

pub use crate::support::draw::screen_text;

/// The screens with a hand on the keys and a voice for the engine.
pub struct Hand {
    pub app: App,
    /// What was asked so far, oldest first; `asked` empties it.
    effects: Vec<Effect>,
    pub up: Duration,
    pub wall: UnixSeconds,
}

impl Hand {
    /// Somebody is logged in, and the engine has told nothing else.
    pub fn new(lang: Lang, palette: Palette, width: u16, height: u16) -> Self {
        let mut hand = Self::locked(lang, palette, width, height);
        hand.tell(Update::LoggedIn(Box::new(states::session())));
        hand.wait(1);
        hand
    }

    /// The log-in screen, before the engine has told anything.
    pub fn locked(lang: Lang, palette: Palette, width: u16, height: u16) -> Self {
        let mut options = TuiOptions::for_terminal(lang, false, "xterm", false);
        options.palette = palette;
        options.operator = "1001".to_owned();
        options.import_from = "/media/usb/tokens.mk1".to_owned();
        options.zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
        let up = Duration::ZERO;
        let now = Moment { wall: states::NOW, up };
        let (app, effects) = App::new(options, Size { width, height }, now);
        Self { app, effects, up, wall: states::NOW }
    }

    /// A small English screen in black and white.
    pub fn small() -> Self {
        Self::new(Lang::En, Palette::Mono, 40, 20)
    }

    pub fn event(&mut self, event: Event) {
        let now = Moment { wall: self.wall, up: self.up };
        self.effects.extend(self.app.update(event, now));
    }

    pub fn press(&mut self, key: Key) {
        self.event(Event::Key(key));
    }

    pub fn presses(&mut self, keys: &[Key]) {
        keys.iter().for_each(|key| self.press(*key));
    }

    /// Types digits or letters.
    pub fn types(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(Key::Char(c)));
    }

    pub fn tell(&mut self, update: Update) {
        self.event(Event::Update(update));
    }

    pub fn wait(&mut self, seconds: u64) {
        self.up += Duration::from_secs(seconds);
        self.event(Event::Timer);
    }

    /// Sleeps as the loop does, until the moment the screens named, and tells how long that was.
    /// `None` if nothing would ever wake it.
    pub fn sleep(&mut self) -> Option<Duration> {
        let slept = self.app.wake()?.saturating_sub(self.up);
        self.up += slept;
        self.event(Event::Timer);
        Some(slept)
    }

    /// What was asked of the engine since the last call, repaints left out.
    pub fn asked(&mut self) -> Vec<Request> {
        let effects = std::mem::take(&mut self.effects);
        let asks = effects.into_iter().filter_map(|effect| match effect {
            Effect::Ask(request) => Some(request),
            _ => None,
        });
        asks.collect()
    }

    /// Whether leaving the program was asked for since the last `asked`.
    pub fn quits(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Quit))
    }

    pub fn buffer(&self) -> Buffer {
        let Size { width, height } = self.app.shared().size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view::draw(&self.app, &mut buffer);
        buffer
    }

    pub fn text(&self) -> String {
        screen_text(&self.buffer())
    }

    /// Whether a text stands on the screen, however it is wrapped.
    pub fn says(&self, text: &str) -> bool {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        flat(&self.text()).contains(&flat(text))
    }
}

/// Keeps a scene of somebody who is logged in.
fn keep(name: &str, play: fn(&mut Hand)) {
    keep_from(Hand::new, name, play);
}

/// How a hand begins.
type Begin = fn(Lang, Palette, u16, u16) -> Hand;

/// Keeps a scene at both sizes in both languages, without and with colours.
fn keep_from(begin: Begin, name: &str, play: fn(&mut Hand)) {
    draw::keep(name, name != "settings", &|lang, palette, width, height| {
        let mut hand = begin(lang, palette, width, height);
        play(&mut hand);
        hand.buffer()
    });
}
