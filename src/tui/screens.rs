//! The screens, one file each. A screen holds its own state, says what is in it and what its keys
//! do; it never opens, waits or sends: it asks the engine and hears updates.

mod boxes;
mod card;
mod certificate;
mod facts;
mod frames;
mod help;
mod home;
mod import;
mod journal;
mod leave;
mod log_in;
mod log_out;
mod meters;
mod people;
mod pin_form;
mod ports;
mod recharge;
mod recharge_pages;
mod settings;
mod sheet;
mod summary;
mod survey;
mod sync;
mod tokens;
mod trust;
mod what_happened;
mod wiring;
mod work_form;
mod work_rows;
mod work_sheet;
mod works;

pub use boxes::Boxes;
pub use card::Card;
pub use certificate::Certificate;
pub use frames::Frames;
pub use help::Help;
pub use home::Home;
pub use import::Import;
pub use journal::Journal;
pub use leave::Leave;
pub use log_in::LogIn;
pub use log_out::LogOut;
pub use meters::Meters;
pub use people::People;
pub use pin_form::PinForm;
pub use ports::Ports;
pub use recharge::Recharge;
pub use settings::Settings;
pub use sheet::Sheet;
pub use summary::Summary;
pub use survey::Survey;
pub use sync::Sync;
pub use tokens::Tokens;
pub use trust::Trust;
pub use what_happened::WhatHappened;
pub use wiring::Wiring;
pub use work_form::WorkForm;
pub use work_sheet::WorkSheet;
pub use works::Works;

use super::keymap::Action;
use super::widgets::{moved, picked};

/// Rows a page key moves.
const PAGE_STEP: isize = 10;

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
