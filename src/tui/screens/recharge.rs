//! A recharge on the screen: choose a token, see what meter and token say, confirm twice, stay,
//! and be told in plain words how it ended. "What happened?" shares its last two steps.
//!
//! ```text
//! Choose -> Reading -> Evidence -> Digits -> Running -> Outcome
//!              |                     ^ Esc goes one back; nothing was sent
//!              +--> Failed           |
//!                     what happened: +--- Running (reading back only) -> Outcome
//! ```
//!
//! Nothing before `Running` sends money, and only [`Action::Commit`] with the right digits leads
//! there. The digits are checked here for a quick answer and again by the engine.

use super::{Sync, moved, movement, picked, recharge_pages as pages, sheet};
use crate::jobs::views::{
    ErrandId, Failure, FinishedView, MeterView, PreflightView, Request, TokenView, Update,
};
use crate::report::Code;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::{Errand, ErrandKind, Shared};
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Field;
use crate::units::{Credit, MeterNo};

/// Digits asked for.
const DIGITS: usize = 4;
/// Tries before the operator is sent back to look which meter this is.
const TRIES: u8 = 3;

/// Where the recharge stands.
enum Step {
    Choose { meter: Box<MeterView>, cursor: usize },
    Reading { token: TokenView },
    Evidence { seen: Box<PreflightView>, top: usize },
    Digits { seen: Box<PreflightView>, typed: Field, wrong: u8 },
    Running { meter: MeterNo, credit: Credit, resolving: bool, warned: bool },
    Outcome { end: Box<FinishedView>, top: usize },
    Failed { failure: Failure, top: usize },
}

/// A recharge, or a "what happened?".
pub struct Recharge {
    step: Step,
    errand: Option<ErrandId>,
}

impl Recharge {
    /// Begins with the choice between a meter's tokens.
    pub fn choose(meter: Box<MeterView>) -> Self {
        let ready = meter.tokens.iter().position(TokenView::recharges);
        Self { step: Step::Choose { meter, cursor: ready.unwrap_or(0) }, errand: None }
    }

    /// Begins with reading the meter of a token.
    pub fn with_token(shared: &mut Shared, token: &TokenView) -> Self {
        let mut recharge = Self { step: Step::Reading { token: token.clone() }, errand: None };
        recharge.preflight(shared, token.clone());
        recharge
    }

    /// Finds out what happened to an earlier recharge: reads back, sends no money.
    pub fn resolve(shared: &mut Shared, meter: MeterNo, credit: Credit) -> Self {
        let errand = shared.begin(ErrandKind::Resolve, Some(meter));
        shared.ask(Request::Resolve { errand, meter });
        let step = Step::Running { meter, credit, resolving: true, warned: false };
        Self { step, errand: Some(errand) }
    }

    fn preflight(&mut self, shared: &mut Shared, token: TokenView) {
        let errand = shared.begin(ErrandKind::Preflight, Some(token.meter));
        shared.ask(Request::Preflight { errand, token: token.id });
        self.errand = Some(errand);
        self.step = Step::Reading { token };
    }

    /// The running errand, if it is ours.
    fn running(&self, shared: &Shared) -> Option<Errand> {
        shared.line.filter(|errand| Some(errand.id) == self.errand)
    }

    fn fail(&mut self, shared: &mut Shared, failure: &Failure) {
        self.errand = None;
        // Stopped while only reading: there is nothing to explain.
        if failure.code == Code::Cancelled && matches!(self.step, Step::Reading { .. }) {
            shared.say(Meaning::Plain, shared.lang.stopped());
            shared.back();
        } else {
            self.step = Step::Failed { failure: failure.clone(), top: 0 };
        }
    }

    /// The second confirmation. The only place that asks for money to be moved.
    fn commit(&mut self, shared: &mut Shared) {
        let Step::Digits { seen, typed, wrong } = &mut self.step else { return };
        let Some(errand) = self.errand else { return };
        let number = seen.token.meter.to_string();
        let right = typed.text().len() == DIGITS && number.ends_with(typed.text());
        if right {
            let digits = typed.text().to_owned();
            let (meter, credit) = (seen.token.meter, seen.token.credit);
            shared.resume(errand, ErrandKind::Commit, Some(meter));
            shared.ask(Request::Commit { errand, digits });
            self.step = Step::Running { meter, credit, resolving: false, warned: false };
            return;
        }
        typed.clear();
        *wrong += 1;
        if *wrong < TRIES {
            shared.say(Meaning::Fault, shared.lang.digits_wrong(TRIES - *wrong));
        } else {
            let failure = Failure { code: Code::DigitsWrong, detail: String::new() };
            self.fail(shared, &failure);
        }
    }

    /// Stops waiting. While money may be on its way, the first press only says what that means.
    fn stop(&mut self, shared: &mut Shared) {
        let Some(errand) = self.running(shared) else { return shared.back() };
        let lang = shared.lang;
        let Step::Running { warned, resolving, .. } = &mut self.step else {
            shared.stop_line();
            return shared.say(Meaning::Plain, lang.stopping());
        };
        if errand.sent() && !*warned {
            *warned = true;
            return;
        }
        if !errand.stopping {
            shared.stop_line();
        }
        if *resolving {
            shared.say(Meaning::Plain, lang.stopping());
        }
    }

    fn choose_act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        let Step::Choose { meter, cursor } = &mut self.step else { return };
        let last = meter.tokens.len().saturating_sub(1);
        match action {
            Action::Choose => {
                if let Some(token) = meter.tokens.get(*cursor).cloned() {
                    self.preflight(shared, token);
                    shared.repaint();
                }
            }
            Action::Pick => *cursor = picked(key).filter(|row| *row <= last).unwrap_or(*cursor),
            Action::Back => shared.back(),
            action => *cursor = moved(*cursor, movement(action), last),
        }
    }

    fn evidence_act(&mut self, shared: &mut Shared, action: Action) {
        let last = self.view(shared).max_top(shared.size);
        let Step::Evidence { seen, top } = &mut self.step else { return };
        match action {
            Action::ThisMeter => {
                let (seen, typed) = (seen.clone(), Field::new(DIGITS));
                self.step = Step::Digits { seen, typed, wrong: 0 };
                shared.repaint();
            }
            Action::Read => {
                let token = seen.token.clone();
                self.preflight(shared, token);
                shared.repaint();
            }
            Action::Back => shared.back(),
            action => *top = moved(*top, movement(action), last),
        }
    }

    fn digits_act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        let Step::Digits { seen, typed, .. } = &mut self.step else { return };
        match (action, key) {
            (Action::Type, Key::Char(c)) => typed.push(c),
            (Action::Erase, _) => typed.erase(),
            (Action::Clear, _) => typed.clear(),
            (Action::Commit, _) => {
                self.commit(shared);
                shared.repaint();
            }
            (Action::Back, _) => {
                self.step = Step::Evidence { seen: seen.clone(), top: 0 };
                shared.repaint();
            }
            _ => {}
        }
    }

    fn outcome_act(&mut self, shared: &mut Shared, action: Action) {
        let last = self.view(shared).max_top(shared.size);
        match (&mut self.step, action) {
            (_, Action::Done | Action::Back) => shared.back(),
            (_, Action::GoSync) => shared.go(Sync::default()),
            (Step::Outcome { end, .. }, Action::Resolve) => {
                *self = Self::resolve(shared, end.meter, end.credit);
                shared.repaint();
            }
            (Step::Outcome { top, .. } | Step::Failed { top, .. }, action) => {
                *top = moved(*top, movement(action), last);
            }
            _ => {}
        }
    }
}

impl Screen for Recharge {
    fn place(&self) -> Place {
        match self.step {
            Step::Choose { .. } => Place::Choose,
            Step::Reading { .. } => Place::Reading,
            Step::Evidence { .. } => Place::Evidence,
            Step::Digits { .. } => Place::Digits,
            Step::Running { .. } => Place::Running,
            Step::Outcome { .. } => Place::Outcome,
            Step::Failed { .. } => Place::Sheet,
        }
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        match (&self.step, need) {
            (Step::Choose { meter, cursor }, Need::ReadyToken) => {
                meter.tokens.get(*cursor).is_some_and(TokenView::recharges)
            }
            (Step::Choose { meter, .. }, Need::NoOpenIntent) => meter.open.is_none(),
            (Step::Choose { meter, .. }, Need::Port) => meter.row.own_line,
            // The meter has just been spoken with: it has a line.
            (Step::Evidence { .. } | Step::Outcome { .. }, Need::Port) => true,
            (Step::Digits { typed, .. }, Need::FourDigits) => typed.text().len() == DIGITS,
            (Step::Outcome { end, .. }, Need::OpenIntent) => end.decision.keeps_intent_open(),
            (Step::Outcome { end, .. }, Need::Readable) => end.decision.may_resolve_by_reading(),
            _ => false,
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let lang = shared.lang;
        match &self.step {
            Step::Choose { meter, cursor } => pages::choose(shared, meter, *cursor),
            Step::Reading { token } => pages::reading(shared, token, self.running(shared)),
            Step::Evidence { seen, top } => pages::evidence(shared, seen, *top),
            Step::Digits { seen, typed, .. } => pages::digits(shared, seen, typed),
            Step::Running { meter, credit, resolving, warned } => {
                let what = format!("{meter}  {}", lang.credit(*credit));
                let errand = self.running(shared);
                pages::running(
                    shared,
                    &what,
                    errand,
                    pages::Waiting { resolving: *resolving, warned: *warned },
                )
            }
            Step::Outcome { end, top } => pages::outcome(shared, end, *top),
            Step::Failed { failure, top } => sheet::page(shared, failure, *top),
        }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::Preflight { errand, result } if Some(*errand) == self.errand => match result {
                Ok(seen) => {
                    self.step = Step::Evidence { seen: seen.clone(), top: 0 };
                    shared.repaint();
                }
                Err(failure) => self.fail(shared, failure),
            },
            Update::Finished { errand, result } if Some(*errand) == self.errand => {
                match result {
                    Ok(end) => {
                        self.errand = None;
                        self.step = Step::Outcome { end: end.clone(), top: 0 };
                    }
                    Err(failure) => self.fail(shared, failure),
                }
                shared.repaint();
            }
            Update::WorkerDied { errand: Some(errand), detail } if Some(*errand) == self.errand => {
                let failure = Failure { code: Code::Internal, detail: detail.clone() };
                self.fail(shared, &failure);
            }
            _ => {}
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match self.step {
            Step::Choose { .. } => self.choose_act(shared, action, key),
            Step::Reading { .. } | Step::Running { .. } => self.stop(shared),
            Step::Evidence { .. } => self.evidence_act(shared, action),
            Step::Digits { .. } => self.digits_act(shared, action, key),
            Step::Outcome { .. } | Step::Failed { .. } => self.outcome_act(shared, action),
        }
    }
}
