//! THE table of keys: what each key does on each screen, what it needs, and its words.
//!
//! Dispatch, the soft-key row, the hints, the help screen and `docs/keys.md` are all made from it,
//! so they cannot disagree. Everything can be done with digits, arrows, Enter, Esc and F1 to F4;
//! letters and page keys only make typing names and long lists faster.

pub mod keys;
mod manual;
mod table;
mod words;

use crate::tui::event::Key;

pub use manual::{Told, manual, section};
pub use table::TABLE;

/// A screen, or a step of one, with keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Logging in.
    LogIn,
    /// Home menu.
    Home,
    /// List of meters.
    Meters,
    /// List of multi-user terminals.
    Boxes,
    /// The users of one.
    BoxUsers,
    /// One meter.
    Card,
    /// Recharge: choosing the token.
    Choose,
    /// Recharge: the meter is being read.
    Reading,
    /// Recharge: what the meter and the token say.
    Evidence,
    /// Recharge: typing the last four digits.
    Digits,
    /// Recharge: sending and reading back.
    Running,
    /// Recharge: how it ended.
    Outcome,
    /// Recharges without a known outcome.
    WhatHappened,
    /// List of tokens.
    Tokens,
    /// Importing tokens.
    Import,
    /// List of journal entries.
    Journal,
    /// Exchange with the office.
    Sync,
    /// List of ports.
    Ports,
    /// Survey: before it and after it.
    Survey,
    /// Survey: running.
    Surveying,
    /// Traffic on the line.
    Frames,
    /// How much trust is left, and the limits.
    Trust,
    /// Language, colours, characters.
    Settings,
    /// Who may work here.
    People,
    /// Typing PINs and codes.
    Pin,
    /// Asking about somebody's log-in.
    Supervise,
    /// Asking whether to log out.
    LogOut,
    /// What a shift came to.
    Summary,
    /// The longer errands.
    Works,
    /// Filling in a longer errand.
    WorkForm,
    /// A longer errand: plan, question, result.
    WorkSheet,
    /// A longer errand under way.
    WorkRunning,
    /// A longer errand that has come to its end.
    WorkDone,
    /// The certificate of one.
    Certificate,
    /// The drawing of a wiring check.
    Wiring,
    /// Help.
    Help,
    /// What is said about a failure.
    Sheet,
    /// Asking whether to leave.
    Leave,
}

impl Place {
    /// Every place, in the order of the manual.
    pub const ALL: [Place; 38] = [
        Self::LogIn,
        Self::Home,
        Self::Meters,
        Self::Boxes,
        Self::BoxUsers,
        Self::Card,
        Self::Choose,
        Self::Reading,
        Self::Evidence,
        Self::Digits,
        Self::Running,
        Self::Outcome,
        Self::WhatHappened,
        Self::Tokens,
        Self::Import,
        Self::Journal,
        Self::Sync,
        Self::Ports,
        Self::Survey,
        Self::Surveying,
        Self::Frames,
        Self::Trust,
        Self::Settings,
        Self::People,
        Self::Pin,
        Self::Supervise,
        Self::LogOut,
        Self::Summary,
        Self::Works,
        Self::WorkForm,
        Self::WorkSheet,
        Self::WorkRunning,
        Self::WorkDone,
        Self::Certificate,
        Self::Wiring,
        Self::Help,
        Self::Sheet,
        Self::Leave,
    ];
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens help.
    Help,
    /// One screen or step back.
    Back,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Opens the selected row.
    Open,
    /// Opens the row with this digit.
    Pick,
    /// Types a digit or letter.
    Type,
    /// Erases the last character.
    Erase,
    /// Erases everything typed or shown.
    Clear,
    /// Reads the meter.
    Read,
    /// Reads the meter with the number typed, listed or not.
    ReadTyped,
    /// Opens the list of multi-user terminals.
    GoBoxes,
    /// Begins a recharge: reads and shows, moves nothing.
    Recharge,
    /// "What happened?": reads back.
    Resolve,
    /// Takes the selected token.
    Choose,
    /// First confirmation.
    ThisMeter,
    /// Second confirmation: sends.
    Commit,
    /// Stops waiting.
    Stop,
    /// Leaves the outcome.
    Done,
    /// Opens the sync screen.
    GoSync,
    /// Exchanges with the office.
    Sync,
    /// The same over the stick with this number.
    Carry,
    /// The other language.
    Language,
    /// Demo: network up or down.
    Network,
    /// Opens the import screen.
    GoImport,
    /// Imports.
    Import,
    /// Opens the meter of the selected row.
    Meter,
    /// Checks the journal.
    Verify,
    /// Back to the newest entry.
    Newest,
    /// Looks for ports again.
    Refresh,
    /// Uses the selected port.
    UsePort,
    /// Stops or continues the trace.
    Pause,
    /// Changes the selected setting.
    Change,
    /// Leaves the program.
    Leave,
    /// Does not leave.
    Stay,
    /// Next field; from the last, hands the form in.
    Submit,
    /// Turns the digit typed last into a letter.
    Letter,
    /// Opens the form for a recovery code.
    Recover,
    /// Asks whether to log out.
    GoLogOut,
    /// Logs out.
    LogOut,
    /// Opens the people screen.
    GoPeople,
    /// Opens the form for an activation code.
    Activate,
    /// Opens the form for one's own PIN.
    ChangePin,
    /// Asks whether to end a lock-out.
    Free,
    /// Asks whether to take a log-in away.
    Remove,
    /// Does what was asked about.
    Confirm,
    /// Opens the survey screen.
    GoSurvey,
    /// Searches the line.
    Survey,
    /// Writes the result as a spreadsheet.
    Save,
    /// All settings, or the usual ones.
    Thorough,
    /// Types the meters' password.
    Password,
    /// Draws what was measured.
    Draw,
    /// Begins what the selected token is for.
    UseToken,
    /// Shows the certificate.
    Certificate,
    /// Begins, answers, carries on.
    GoOn,
}

/// Which keys a row of the table answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// One key.
    Is(Key),
    /// Any digit.
    Digit,
    /// Any digit, letter or sign.
    Text,
}

impl Pattern {
    fn fits(self, key: Key) -> bool {
        match (self, key) {
            (Self::Is(wanted), key) => wanted == key,
            (Self::Digit, Key::Char(c)) => c.is_ascii_digit(),
            (Self::Text, Key::Char(_)) => true,
            _ => false,
        }
    }
}

/// What must be so for a key to work. A key whose need is not met stays visible and says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// A port is chosen, or the meter has a line of its own.
    Port,
    /// The selected port may be opened by this user.
    Allowed,
    /// No errand uses the line.
    LineFree,
    /// Money is not stopped.
    Money,
    /// A row is selected.
    Row,
    /// A token can be used here and now.
    ReadyToken,
    /// No outcome is open on this meter.
    NoOpenIntent,
    /// An outcome is open here.
    OpenIntent,
    /// Reading again can settle it.
    Readable,
    /// No sync is running.
    SyncFree,
    /// This is the demo; otherwise the key is not shown at all.
    Demo,
    /// Something was typed.
    Typed,
    /// A meter number was typed.
    MeterNumber,
    /// Four digits were typed.
    FourDigits,
    /// A supervisor is logged in; otherwise the key is not shown at all.
    Supervisor,
    /// The engine has answered what was asked last.
    Answered,
    /// No wait after wrong PINs.
    NoWait,
    /// The log-in is not locked after wrong PINs.
    NotLockedOut,
    /// The person has no PIN yet.
    NoPin,
    /// The person has a PIN.
    HasPin,
    /// The person's log-in is locked after wrong PINs.
    Locked,
    /// There is a result.
    Result,
    /// There is something to draw; otherwise the key is not shown at all.
    Drawing,
    /// There is a certificate; otherwise the key is not shown at all.
    Certificate,
}

impl Need {
    /// Whether a key that lacks it is not shown at all: nothing the operator does could change it.
    pub fn hides(self) -> bool {
        matches!(self, Self::Demo | Self::Supervisor | Self::Drawing | Self::Certificate)
    }

    /// Every need, for the tests.
    pub const ALL: [Need; 24] = [
        Self::Port,
        Self::Allowed,
        Self::LineFree,
        Self::Money,
        Self::Row,
        Self::ReadyToken,
        Self::NoOpenIntent,
        Self::OpenIntent,
        Self::Readable,
        Self::SyncFree,
        Self::Demo,
        Self::Typed,
        Self::MeterNumber,
        Self::FourDigits,
        Self::Supervisor,
        Self::Answered,
        Self::NoWait,
        Self::NotLockedOut,
        Self::NoPin,
        Self::HasPin,
        Self::Locked,
        Self::Result,
        Self::Drawing,
        Self::Certificate,
    ];
}

/// One row of a table, of these screens or of others with places, actions and needs of their own.
#[derive(Debug, Clone, Copy)]
pub struct Binding<P = Place, A = Action, N: 'static = Need> {
    /// Where.
    pub place: P,
    /// Which key.
    pub key: Pattern,
    /// What it does.
    pub action: A,
    /// What it needs, the first unmet one is told.
    pub needs: &'static [N],
}

/// A whole table.
pub type Table<P, A, N> = &'static [Binding<P, A, N>];

/// The rows of one place of a table, in its order.
pub fn rows<P: Copy + PartialEq + 'static, A, N>(
    table: Table<P, A, N>,
    place: P,
) -> impl Iterator<Item = &'static Binding<P, A, N>> {
    table.iter().filter(move |binding| binding.place == place)
}

/// The row that a key means at a place of a table.
pub fn meant<P: Copy + PartialEq + 'static, A, N>(
    table: Table<P, A, N>,
    place: P,
    key: Key,
) -> Option<&'static Binding<P, A, N>> {
    rows(table, place).find(|binding| binding.key.fits(key))
}

/// The rows of one place, in table order.
pub fn of(place: Place) -> impl Iterator<Item = &'static Binding> {
    rows(TABLE, place)
}

/// The row that a key means at a place.
pub fn lookup(place: Place, key: Key) -> Option<&'static Binding> {
    meant(TABLE, place, key)
}

/// The soft key `F1` to `F4` of a place.
pub fn soft(place: Place, number: u8) -> Option<&'static Binding> {
    lookup(place, Key::F(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;
    use crate::tui::wrap;
    use std::collections::HashSet;

    /// Cells of one soft-key label: 10 per key at 40 columns, two of them for `F1`.
    const SOFT_KEY_CELLS: usize = 8;

    #[test]
    fn no_place_gives_one_key_two_meanings() {
        for place in Place::ALL {
            let mut seen = HashSet::new();
            for binding in of(place) {
                assert!(seen.insert(binding.key), "{place:?}: {:?} twice", binding.key);
            }
            let both = seen.contains(&Pattern::Digit) && seen.contains(&Pattern::Text);
            assert!(!both, "{place:?}: digits and text overlap");
        }
    }

    #[test]
    fn a_keypad_is_enough() {
        // Every action of every place can be reached without letters and page keys.
        for place in Place::ALL {
            for binding in of(place) {
                let on_keypad = of(place).filter(|b| b.action == binding.action).any(|b| {
                    !matches!(b.key, Pattern::Is(Key::PageUp | Key::PageDown | Key::Char(_)))
                });
                let only_faster = matches!(binding.action, Action::PageUp | Action::PageDown);
                assert!(on_keypad || only_faster, "{place:?} {:?}", binding.action);
            }
            assert!(lookup(place, Key::Esc).is_some(), "{place:?}: no way back");
        }
    }

    #[test]
    fn money_needs_two_different_places() {
        let committing: Vec<_> = TABLE.iter().filter(|b| b.action == Action::Commit).collect();
        assert_eq!(committing.len(), 1, "one way to send");
        assert_eq!(committing[0].place, Place::Digits);
        assert_eq!(committing[0].needs, [Need::FourDigits]);
        assert!(of(Place::Evidence).any(|b| b.action == Action::ThisMeter));
    }

    #[test]
    fn every_label_fits_its_soft_key() {
        for lang in Lang::ALL {
            for binding in TABLE.iter().filter(|b| matches!(b.key, Pattern::Is(Key::F(_)))) {
                let label = lang.action_label(binding.action);
                assert!(wrap::width(label) <= SOFT_KEY_CELLS, "{lang:?}: {label}");
            }
        }
    }

    #[test]
    fn the_soft_keys_have_no_gap_before_f1() {
        for place in Place::ALL.into_iter().filter(|p| *p != Place::Help) {
            // Help is reached from everywhere, also before anybody is logged in.
            assert_eq!(soft(place, 1).map(|b| b.action), Some(Action::Help), "{place:?}");
        }
    }
}
