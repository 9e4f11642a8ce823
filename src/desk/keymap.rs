//! THE table of the desk's keys. Dispatch, soft keys, hints, help and `docs/desk-keys.md` are all
//! made from it by the machinery of [`crate::tui::keymap`]. Digits, arrows, Enter, Esc and F1 to F4
//! are enough for everything.

mod table;
mod words;

use crate::text::Lang;
use crate::tui::event::Key;
use crate::tui::keymap::{self, section};

pub use table::TABLE;

/// One row of the table.
pub type Binding = keymap::Binding<Place, Action, Need>;

/// A screen with keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// What needs somebody, and the way to everything.
    Today,
    /// The handhelds.
    Devices,
    /// One handheld.
    Device,
    /// The sheet of a lost one.
    Lost,
    /// What a person must look at.
    Reviews,
    /// One thing of it.
    Review,
    /// The meters, searched.
    Meters,
    /// One meter.
    Meter,
    /// Tokens in doubt.
    Doubt,
    /// Drafts.
    Drafts,
    /// The operators.
    Operators,
    /// One operator.
    Operator,
    /// Prices and bundles.
    Bundles,
    /// Rounds.
    Rounds,
    /// One round.
    Round,
    /// Sales.
    Sales,
    /// Lost contact.
    LostContact,
    /// Keep-power.
    KeepPower,
    /// Shifts.
    Shift,
    /// A form.
    Form,
    /// What would happen.
    Check,
    /// What happened.
    Outcome,
    /// Help.
    Help,
    /// Asking whether to leave.
    Leave,
}

impl Place {
    /// Every place, in the order of the manual.
    pub const ALL: [Self; 24] = [
        Self::Today,
        Self::Devices,
        Self::Device,
        Self::Lost,
        Self::Reviews,
        Self::Review,
        Self::Meters,
        Self::Meter,
        Self::Doubt,
        Self::Drafts,
        Self::Operators,
        Self::Operator,
        Self::Bundles,
        Self::Rounds,
        Self::Round,
        Self::Sales,
        Self::LostContact,
        Self::KeepPower,
        Self::Shift,
        Self::Form,
        Self::Check,
        Self::Outcome,
        Self::Help,
        Self::Leave,
    ];
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens help.
    Help,
    /// One screen back.
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
    /// Types a character.
    Type,
    /// Erases the last character.
    Erase,
    /// Erases everything typed.
    Clear,
    /// Turns the character typed last into the next one of its key.
    Letter,
    /// Next field; from the last, hands the form in.
    Submit,
    /// Does what was checked.
    Confirm,
    /// Asks the office again.
    Refresh,
    /// The other language.
    Language,
    /// Asks whether to leave.
    GoLeave,
    /// Leaves.
    Leave,
    /// The sheet of a lost handheld.
    Lost,
    /// Fences everything a lost handheld carries.
    Fence,
    /// Settles a thing in the queue.
    Settle,
    /// Issues a token.
    Issue,
    /// Replaces a token at the same step.
    Reissue,
    /// Takes a token back.
    RevokeToken,
    /// Puts a meter's purchase count right.
    Count,
    /// Closes the account of a meter.
    CloseAccount,
    /// Issues a draft.
    IssueDraft,
    /// Drops a draft.
    DropDraft,
    /// Keeps a draft.
    NewDraft,
    /// The meter of what is selected.
    GoMeter,
    /// Enters an operator.
    AddOperator,
    /// Grants an operator a handheld.
    Grant,
    /// Takes everything from an operator.
    RevokeOperator,
    /// Signs a bundle.
    SignBundle,
    /// The rounds.
    GoRounds,
    /// Makes a round.
    NewRound,
    /// Withdraws a round.
    WithdrawRound,
    /// Days, months, years.
    Span,
    /// Closes a shift.
    CloseShift,
    /// Writes the list to a file.
    Export,
}

/// What must be so for a key to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// A row is selected.
    Row,
    /// The office has answered.
    Answer,
    /// What was checked can be done.
    Possible,
    /// The figure that was asked for is typed.
    Proof,
    /// Nothing is being done.
    Idle,
    /// There is a meter to go to.
    AMeter,
    /// A token is out that can be taken back.
    OutToken,
    /// What the card is about was not closed before.
    Open,
}

impl Need {
    /// Every need, for the tests.
    pub const ALL: [Self; 8] = [
        Self::Row,
        Self::Answer,
        Self::Possible,
        Self::Proof,
        Self::Idle,
        Self::AMeter,
        Self::OutToken,
        Self::Open,
    ];
}

/// The rows of a place.
pub fn of(place: Place) -> impl Iterator<Item = &'static Binding> {
    keymap::rows(TABLE, place)
}

/// The row that a key means at a place.
pub fn lookup(place: Place, key: Key) -> Option<&'static Binding> {
    keymap::meant(TABLE, place, key)
}

/// The whole table as Markdown, in both languages: the contents of `docs/desk-keys.md`.
pub fn manual() -> String {
    let mut text = String::from(
        "# Keys of the desk\n\nMade from `src/desk/keymap/table.rs`; `UPDATE_DOCS=1 cargo test \
         desk_keys_manual` writes it anew.\n\nDigits, arrows, Enter, Esc and F1 to F4 are enough \
         for everything. Whatever cannot be taken back is checked first and asks for something \
         seen on that page.\n",
    );
    for lang in Lang::ALL {
        for place in Place::ALL {
            let keys = of(place).map(|binding| {
                let needs = binding.needs.iter().map(|need| lang.desk_need_short(*need)).collect();
                (binding.key, lang.desk_does(binding.action), needs)
            });
            text.push_str(&section(lang, lang.desk_place(place), keys));
        }
    }
    text
}
