//! The desk: the office's work at a terminal (`meterkit-office desk`).
//!
//! Elm architecture, as the handheld's screens: [`app::App::update`] takes an event and a moment
//! and returns effects, [`app::App::view`] says what is shown, [`mod@crate::tui::run`] is the loop
//! under both. Theme, layout, widgets and the machinery of keys are those of [`crate::tui`].
//!
//! Nothing here waits for the office. What a page shows is a [`query::Query`], what is done is an
//! [`act::Act`]; both are asked of the [`worker`], a thread that calls the office one request after
//! the other and tells the answer. Both know the command line that does the same, and the screens
//! show it.
//!
//! Money and whatever else cannot be taken back goes through three pages: a form, a check (the
//! office says what would happen; the operator types something he sees there), and the outcome.

pub mod act;
pub mod app;
pub mod forms;
pub mod keymap;
pub mod page;
pub mod query;
pub mod screens;
pub mod shared;
pub mod worker;

use std::io;

use crossbeam_channel::bounded;
use jiff::tz::TimeZone;
use tokio::runtime::Handle;

use crate::office::Office;
use crate::office::command::DeskStart;
use crate::text::Lang;
use crate::tui::TuiOptions;
use crate::tui::run::{self, How};
use crate::tui::theme::Palette;

/// Requests the worker may be behind. Nobody presses faster than it answers; a full queue is told.
const QUEUE: usize = 32;

/// How the desk is to look and what it is told from outside.
#[derive(Debug, Clone)]
pub struct DeskOptions {
    /// The language.
    pub lang: Lang,
    /// The colours.
    pub palette: Palette,
    /// Lines from ASCII characters only.
    pub ascii: bool,
    /// The zone times are printed in.
    pub zone: TimeZone,
    /// What stands behind `meterkit-office` in every command line shown: how this office is found.
    pub place: String,
    /// The terminal.
    pub how: How,
}

/// Shows the desk of an office until somebody leaves it. `handle` is of a runtime with threads of
/// its own; this thread is the screens'.
///
/// # Errors
/// When the terminal cannot be taken or is gone, or the worker cannot be started.
pub fn run(office: &Office, handle: &Handle, options: DeskOptions) -> io::Result<()> {
    let (ask, asked) = bounded(QUEUE);
    let (tell, told) = bounded(QUEUE);
    let worker = worker::start(office.clone(), handle.clone(), asked, tell)?;
    let how = options.how.clone();
    let shown = run::run(&how, ask, told, |size, now| app::App::new(options, size, now));
    // The screens have dropped their ends: the worker finishes what it has begun, and no more.
    let finished = worker.join().map_err(|_| io::Error::other("the desk's worker died"));
    shown.and(finished)
}

/// Opens the desk as the command line asks for it, in what the environment says of the terminal.
///
/// # Errors
/// As [`run()`].
pub fn open(office: &Office, handle: &Handle, start: DeskStart) -> io::Result<()> {
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    let wishes = [start.lang.unwrap_or_default(), set("LC_ALL"), set("LC_MESSAGES"), set("LANG")];
    let lang = Lang::choose(wishes.iter().map(String::as_str));
    let (term, no_color) = (set("TERM"), !set("NO_COLOR").is_empty());
    let over_network = std::env::var_os("SSH_CONNECTION").is_some();
    // Days are told in the office's zone, as in its lists; a database that fails says so on the
    // first page.
    let zone = handle.block_on(office.zone()).ok();
    let zone = zone.and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC);
    let usual = TuiOptions::for_terminal(lang, no_color, &term, over_network);
    let options = DeskOptions {
        lang: usual.lang,
        palette: start.palette.and_then(|name| Palette::named(&name)).unwrap_or(usual.palette),
        ascii: usual.ascii || start.ascii,
        zone,
        place: start.place,
        how: How { term, max_fps: usual.max_fps },
    };
    run(office, handle, options)
}
