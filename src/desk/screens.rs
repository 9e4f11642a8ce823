//! The screens of the desk: a list, a card, a form, a check, an outcome. Which query or act they
//! are about decides what stands in them and which keys they have.

mod card;
mod check;
mod form;
mod help;
mod list;
mod show;
mod today;
mod ways;

pub use card::Card;
pub use check::{Check, Outcome};
pub use form::Form;
pub use help::{Help, Leave};
pub use list::List;
pub use today::Today;

use super::keymap::{Action, Need, Place};
use super::shared::Shared;
use super::worker::Update;
use crate::tui::event::Key;
use crate::tui::view::View;

/// Rows a page key moves.
const PAGE_STEP: isize = 10;

/// One screen.
pub trait Screen {
    /// Which keys it has.
    fn place(&self) -> Place;

    /// What it shows.
    fn view(&self, shared: &Shared) -> View;

    /// Does what a key of its place means.
    fn act(&mut self, shared: &mut Shared, action: Action, key: Key);

    /// Whether what a key needs is there.
    fn met(&self, _shared: &Shared, _need: Need) -> bool {
        true
    }

    /// Whether nothing is being done for it that it must hear the end of.
    fn idle(&self) -> bool {
        true
    }

    /// Hears an update, on top or not.
    fn hear(&mut self, _shared: &mut Shared, _update: &Update) {}

    /// Takes pasted or scanned text.
    fn paste(&mut self, _shared: &mut Shared, _text: &str) {}

    /// Is shown for the first time, or again after the one above it has gone.
    fn shown(&mut self, _shared: &mut Shared) {}
}

/// How far an action moves a selection or a text; 0 for actions that do not move.
fn movement(action: Action) -> isize {
    match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -PAGE_STEP,
        Action::PageDown => PAGE_STEP,
        _ => 0,
    }
}
