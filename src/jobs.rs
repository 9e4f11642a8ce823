//! Errands: what a person wants done, one file each, and the engine that runs them for the screens.
//!
//! A job joins the layers below: a dialogue to a link (`drive`, the only place), what was read to
//! the journal, a token to a meter. The money rules are pure and tested on their own: [`rights`]
//! and [`standing`] (who, where, how far trust reaches), [`check`] before, [`judge`] after. Screens
//! and commands see [`views`] and [`Failure`] only.
//!
//! | errand | file |
//! |---|---|
//! | log in, log out, PINs, shift | [`session`] |
//! | enrol | [`enrol`] |
//! | open a line | [`open`] |
//! | what is trusted; the gate before money | [`trust`], `gate` |
//! | quick read, of any meter; what its bus calls it | [`read`], [`readout`], [`address`] |
//! | many meters, lines in parallel; boxes of many users | [`lines`], [`boxes`] |
//! | may unproven rows be written by | [`proven`] |
//! | evidence for money | [`evidence`] |
//! | accounts, the count doctor | [`account`] |
//! | bundles of parameters, clocks | [`bundle`] |
//! | recharge, "what happened?" | [`recharge`] |
//! | swap of a meter, with its balance | [`swap`] |
//! | tokens, journal, ports, sync | [`tokens`], [`journal`], [`ports`], [`sync`] |
//! | rounds, load curves, daily freezes | [`round`] |
//! | everything, for the screens | [`engine`] |

pub mod access;
pub mod account;
pub mod address;
pub mod ask;
pub mod audit;
pub mod boxes;
pub mod bundle;
pub mod check;
pub mod checkpoint;
pub mod civil;
pub mod clock;
pub mod commission;
pub mod control;
mod documents;
pub mod drive;
pub mod engine;
pub mod enrol;
pub mod errand;
pub mod evidence;
pub mod failure;
mod fallen;
mod gate;
pub mod journal;
pub mod judge;
mod judge_acts;
#[cfg(test)]
mod judge_tests;
pub mod lines;
pub mod media;
mod meter_log;
pub mod meters;
mod named;
pub mod open;
pub mod opener;
pub mod ports;
pub mod proven;
pub mod read;
mod read_back;
pub mod readout;
pub mod recharge;
pub mod rights;
pub mod round;
pub mod session;
pub mod standing;
#[cfg(test)]
mod standing_tests;
pub mod survey;
pub mod swap;
pub mod sync;
pub mod tokens;
pub mod trace;
pub mod trust;
pub mod views;

pub use clock::{Clock, Moment, SystemClock};
pub use drive::{Cancel, Wire};
pub use session::Session;
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
    /// The meter's own password, where its protocol takes one and somebody knows it.
    pub secret: Option<&'a secrecy::SecretString>,
}

impl Line<'_> {
    /// The time now.
    pub fn now(&self) -> UnixSeconds {
        self.moment().at
    }

    /// The same with what cannot be set.
    pub fn moment(&self) -> Moment {
        let tick = self.link.now();
        Moment { at: self.clock.now(tick), boot_ms: self.clock.boot_ms(tick) }
    }
}

/// The handheld's side of an errand: the store and who works with it.
pub struct Desk<'a> {
    /// The store.
    pub store: &'a Store,
    /// Who works.
    pub session: &'a Session,
    /// Longest life of a token that is used, seconds (at most [`check::MAX_LIFE_S`]).
    pub max_life_s: i64,
    /// The models whose unproven rows may be written by.
    pub accepted: &'a proven::Accepted,
}

impl Desk<'_> {
    /// The mark of a journal entry made now.
    pub fn stamp(&self, line: &Line<'_>) -> Stamp {
        line.moment().stamp(self.session.operator())
    }
}
