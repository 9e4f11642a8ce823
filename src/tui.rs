//! The screens: what an operator sees and presses.
//!
//! Elm architecture: [`app::App::update`] takes an event and a moment and returns effects,
//! [`view::draw`] paints the state; only `run.rs` touches the world (terminal, channels, clock).
//! It opens nothing else and waits for nothing but events: everything that takes time is asked of
//! the engine ([`crate::jobs::views::Request`]) and heard of as updates.
//!
//! There are no ticks: [`run()`] sleeps until something happens, or until the moment
//! [`app::App::wake`] names: once a second while seconds are shown, and once when the screens are
//! to lock.
//!
//! The first screen is the log-in. Nothing of the store is asked for or shown before the engine
//! has said who is logged in, and all of it is forgotten when the screens lock.

pub mod app;
pub mod effect;
pub mod event;
pub mod keymap;
pub mod layout;
pub mod lock;
pub mod run;
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

use crossbeam_channel::{Receiver, Sender};
use jiff::tz::TimeZone;

use app::App;
use theme::Palette;

use crate::jobs::views::{Request, Update};
use crate::text::Lang;

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
/// # Errors
/// When the terminal cannot be taken or is gone.
pub fn run(
    requests: Sender<Request>,
    updates: Receiver<Update>,
    options: TuiOptions,
) -> io::Result<()> {
    let how = run::How { term: options.term.clone(), max_fps: options.max_fps };
    run::run(&how, requests, updates, |size, now| App::new(options, size, now))
}
