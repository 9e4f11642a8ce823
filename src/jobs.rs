//! Errands: what a person wants done, one file each, and the engine that runs them for the screens.
//!
//! A job joins the layers below: a dialogue to a link (`drive`, the only place), what was read to
//! the journal, a token to a meter. The money rules are pure and tested on their own: [`check`]
//! before, [`judge`] after. Screens and commands see [`views`] and [`Failure`] only.
//!
//! | errand | file |
//! |---|---|
//! | open store and line | [`open`] |
//! | quick read | [`read`] |
//! | evidence for money | [`evidence`] |
//! | recharge, "what happened?" | [`recharge`] |
//! | tokens, journal, ports, sync | [`tokens`], [`journal`], [`ports`], [`sync`] |
//! | everything, for the screens | [`engine`] |

pub mod ask;
pub mod check;
pub mod clock;
pub mod drive;
pub mod engine;
pub mod evidence;
pub mod failure;
pub mod journal;
pub mod judge;
#[cfg(test)]
mod judge_tests;
pub mod meters;
pub mod open;
pub mod ports;
pub mod read;
mod read_back;
pub mod recharge;
pub mod sync;
pub mod tokens;
pub mod views;

pub use clock::{Clock, SystemClock};
pub use drive::{Cancel, Wire};
pub use views::Failure;

use crate::profile::Profile;
use crate::store::{Stamp, Store};
use crate::transport::Link;
use crate::units::UnixSeconds;
use views::Stage;

/// The meter's side of an errand: an open line and who watches.
pub struct Line<'a> {
    /// The open line; this errand has it alone.
    pub link: &'a mut dyn Link,
    /// What kind of meter hangs on it.
    pub profile: &'a Profile,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Set to stop waiting.
    pub cancel: &'a Cancel,
    /// Sees every byte.
    pub wire: &'a mut dyn FnMut(Wire<'_>),
    /// Told where the errand stands: stage, done, of.
    pub progress: &'a mut dyn FnMut(Stage, u32, u32),
    /// The last conversation on this line broke off, and a late answer may still come: the next one
    /// begins with a question of another shape. Kept by [`ask`]; carry it over when a line is used
    /// again.
    pub doubtful: bool,
}

impl Line<'_> {
    /// The time now.
    pub fn now(&self) -> UnixSeconds {
        self.clock.now(self.link.now())
    }
}

/// The handheld's side of an errand: the store and who works with it.
pub struct Desk<'a> {
    /// The store.
    pub store: &'a Store,
    /// Who works; written into the journal.
    pub operator: &'a str,
    /// Longest life of a token that is used, seconds (at most [`check::MAX_LIFE_S`]).
    pub max_life_s: i64,
}

impl Desk<'_> {
    /// The mark of a journal entry made now.
    pub fn stamp(&self, line: &Line<'_>) -> Stamp {
        let tick = line.link.now();
        Stamp {
            at: line.clock.now(tick),
            boot_ms: line.clock.boot_ms(tick),
            operator: self.operator.to_owned(),
        }
    }
}
