//! How far a swap came, and what is next: from the journal alone, so that any interruption ends in
//! the same place.
//!
//! The money goes first: nothing is changed over while it is not known where the old meter's
//! balance is. What a person decided is a step like any other.

use std::collections::BTreeMap;

use crate::jobs::errand;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::{StepRow, Store, SwapRow, TokenRow, TokenState};
use crate::units::{AccountNo, ErrandKind, MeterNo, StepState, TokenId, WorkId};

/// Names of the steps.
pub mod step {
    /// The old meter was read and its figures proved.
    pub const OLD: &str = "old-reading";
    /// The old meter's balance cannot be taken out, and why.
    pub const GIVEN_UP: &str = "old-given-up";
    /// What may be credited for it all the same.
    pub const CLAIM: &str = "swap-claim";
    /// A person typed the old meter's digits.
    pub const OLD_CONFIRMED: &str = "old-confirmed";
    /// There is nothing to take out.
    pub const NOTHING: &str = "nothing-to-carry";
    /// The old meter's last reading.
    pub const CLOSED: &str = "old-closed";
    /// A person put the new meter in.
    pub const CHANGED: &str = "meters-changed";
    /// The new meter was read.
    pub const NEW: &str = "new-reading";
    /// A person typed the new meter's digits.
    pub const NEW_CONFIRMED: &str = "new-confirmed";
    /// The credit is left to the office, and why.
    pub const LEFT: &str = "credit-left";
    pub use crate::units::swap_step::{ARREARS, BOUND};

    /// Both meters' figures for the customer.
    pub const CERTIFICATE: &str = "swap-certificate";
}

/// What is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read the old meter.
    ReadOld,
    /// A person says how much is credited for a balance that cannot be taken out.
    AskClaim,
    /// A person types the old meter's digits.
    AskOldDigits,
    /// Fix the amount and take it out.
    TakeOut,
    /// Find out what became of the debit.
    ResolveOut,
    /// The debit's evidence contradicts itself.
    AskDisputed,
    /// The old meter's last reading, and its mark.
    CloseOld,
    /// A person puts the new meter in.
    AskChange,
    /// Read the new meter.
    ReadNew,
    /// A person types the new meter's digits.
    AskNewDigits,
    /// Open the new meter's account.
    OpenNew,
    /// Credit the new meter.
    Credit,
    /// Find out what became of the opening or the credit.
    ResolveNew,
    /// The credit cannot be made here: leave it to the office.
    Leave(&'static str),
    /// Note the debt.
    Arrears,
    /// Note customer and place.
    Bind,
    /// Write the certificate.
    Certify,
    /// Write the end.
    Finish,
    /// Nothing: it has ended.
    End,
}

/// A swap as the journal has it.
pub struct State {
    /// The errand.
    pub work: WorkId,
    /// The office's leave, and what was fixed under it.
    pub swap: SwapRow,
    /// The newest debit of the old meter.
    pub out: Option<TokenRow>,
    /// The opening of the new one.
    pub opening: Option<TokenRow>,
    /// Its credit.
    pub credit: Option<TokenRow>,
    /// How far the errand as a whole came.
    pub whole: StepRow,
    steps: BTreeMap<String, StepRow>,
}

impl State {
    /// Reads it.
    ///
    /// # Errors
    /// [`Code::WorkUnknown`]; [`Code::SwapUnknown`].
    pub fn read(store: &Store, work: WorkId) -> Result<Self, Failure> {
        let unknown = || fail(Code::WorkUnknown, work.to_string());
        let wanted = errand::wanted(store, work, ErrandKind::Swap)?;
        let whole = store.errand(work).ok_or_else(unknown)?;
        let id =
            wanted.get(crate::units::swap_step::LEAVE).and_then(|id| id.parse::<TokenId>().ok());
        let swap = id.and_then(|id| store.swap(id));
        let swap = swap.ok_or_else(|| fail(Code::SwapUnknown, work.to_string()))?;
        let token = |id: Option<TokenId>| id.and_then(|id| store.token(id));
        let steps = store.steps(work);
        Ok(Self {
            work,
            out: token(swap.out()),
            opening: token(swap.opening()),
            credit: token(swap.credit()),
            swap,
            whole,
            steps: steps.into_iter().map(|row| (row.step.name.clone(), row)).collect(),
        })
    }

    /// A step that has been written.
    pub fn step(&self, name: &str) -> Option<&StepRow> {
        self.steps.get(name)
    }

    fn has(&self, name: &str) -> bool {
        self.steps.contains_key(name)
    }

    /// A note of a step.
    pub fn note(&self, name: &str, key: &str) -> Option<&str> {
        let notes = &self.step(name)?.step.notes;
        notes.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// A figure in a step's notes, hundredths.
    pub fn figure(&self, name: &str, key: &str) -> Option<i64> {
        self.note(name, key).and_then(|text| text.parse().ok())
    }

    /// The old meter.
    pub fn old(&self) -> MeterNo {
        self.swap.facts.old
    }

    /// The new meter.
    pub fn replacement(&self) -> MeterNo {
        self.swap.facts.meter
    }

    /// What was taken out of the old meter and seen to be.
    pub fn taken(&self) -> Option<i64> {
        let out = self.out.as_ref().filter(|out| out.state == TokenState::Accepted)?;
        Some(out.facts.credit.value)
    }

    /// What is to be credited to the new meter.
    pub fn due(&self) -> i64 {
        let claim = || self.figure(step::CLAIM, "amount").unwrap_or(0);
        self.taken().unwrap_or_else(claim)
    }

    /// What was taken out and is in neither meter.
    pub fn in_transit(&self) -> i64 {
        match (self.taken(), &self.credit) {
            (Some(_), Some(credit)) if credit.state == TokenState::Accepted => 0,
            (taken, _) => taken.unwrap_or(0),
        }
    }

    /// What was credited and seen to be.
    pub fn credited(&self) -> i64 {
        let credit = self.credit.as_ref().filter(|row| row.state == TokenState::Accepted);
        credit.map_or(0, |row| row.facts.credit.value)
    }

    /// The debt of the old meter by its newest reading: what goes along, and what stays.
    pub fn arrears(&self) -> (i64, i64) {
        let shown = self.figure(step::CLOSED, "overdraft");
        let owed = shown.or_else(|| self.figure(step::OLD, "overdraft"));
        let owed = owed.or_else(|| self.figure(step::GIVEN_UP, "overdraft")).unwrap_or(0).max(0);
        let along = owed.min(self.swap.facts.arrears);
        (along, owed.saturating_sub(along))
    }

    /// Whether money may be under way to or from a meter, so that the swap cannot be given up.
    pub fn money_moved(&self) -> bool {
        let sent = |row: &Option<TokenRow>| row.as_ref().is_some_and(|row| row.sent);
        let back = |row: &Option<TokenRow>| {
            row.as_ref().is_some_and(|row| row.state == TokenState::NotApplied)
        };
        [&self.out, &self.opening, &self.credit].into_iter().any(|row| sent(row) && !back(row))
    }

    /// Whether the new meter showed no account.
    fn unopened(&self) -> bool {
        let shown = self.note(step::NEW, "account").and_then(|no| no.parse::<AccountNo>().ok());
        shown.is_none()
    }

    /// What is next.
    pub fn next(&self) -> Next {
        if self.whole.step.state != StepState::Begun {
            return Next::End;
        }
        let old = self.next_of_old();
        old.or_else(|| self.next_of_new()).unwrap_or_else(|| self.next_of_papers())
    }

    /// Until it is known where the old meter's balance is.
    fn next_of_old(&self) -> Option<Next> {
        if self.taken().is_none() && !self.has(step::NOTHING) {
            let state = self.out.as_ref().map(|out| out.state);
            if self.has(step::GIVEN_UP) {
                if !self.has(step::CLAIM) {
                    return Some(Next::AskClaim);
                }
            } else if state == Some(TokenState::Intent) {
                return Some(Next::ResolveOut);
            } else if state == Some(TokenState::Disputed) {
                return Some(Next::AskDisputed);
            } else if !self.has(step::OLD) {
                return Some(Next::ReadOld);
            } else if !self.has(step::OLD_CONFIRMED) {
                return Some(Next::AskOldDigits);
            } else {
                return Some(Next::TakeOut);
            }
        }
        (!self.has(step::CLOSED)).then_some(Next::CloseOld)
    }

    /// Until the new meter has what is due, or the office has to see to it.
    fn next_of_new(&self) -> Option<Next> {
        if !self.has(step::CHANGED) {
            return Some(Next::AskChange);
        }
        if self.has(step::LEFT) {
            return None;
        }
        if !self.has(step::NEW) {
            return Some(Next::ReadNew);
        }
        if !self.has(step::NEW_CONFIRMED) {
            return Some(Next::AskNewDigits);
        }
        if self.unopened()
            && let Some(next) = of_leg(self.opening.as_ref(), Next::OpenNew)
        {
            return Some(next);
        }
        if self.due() > 0 { of_leg(self.credit.as_ref(), Next::Credit) } else { None }
    }

    fn next_of_papers(&self) -> Next {
        if self.arrears().0 > 0 && !self.has(step::ARREARS) {
            Next::Arrears
        } else if !self.has(step::BOUND) {
            Next::Bind
        } else if !self.has(step::CERTIFICATE) {
            Next::Certify
        } else {
            Next::Finish
        }
    }
}

/// What is next for a leg of the new meter; nothing once it is in the meter.
fn of_leg(row: Option<&TokenRow>, act: Next) -> Option<Next> {
    match row.map(|row| row.state) {
        None | Some(TokenState::Cached | TokenState::NotApplied) => Some(act),
        Some(TokenState::Intent) => Some(Next::ResolveNew),
        Some(TokenState::Accepted) => None,
        Some(TokenState::Disputed) => Some(Next::Leave("disputed")),
        Some(TokenState::Raced) => Some(Next::Leave("raced")),
        Some(TokenState::Withdrawn) => Some(Next::Leave("withdrawn")),
    }
}
