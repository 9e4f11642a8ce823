//! Typing PINs and codes: one's own PIN, somebody's first log-in, a recovery code.
//!
//! Nothing typed here outlives the screen; a PIN is never drawn.

use super::{facts, log_in};
use crate::jobs::views::{Failure, Request, Update};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Form, Input, Row, SecretField};
use crate::units::OperatorId;

/// Characters of a code without its dashes; the longest has 27.
const CODE_MAX: usize = 40;

/// What it is for.
#[derive(Debug)]
enum Aim {
    /// One's own PIN: present PIN, new PIN, once more.
    Change,
    /// First log-in of somebody: code, PIN, once more.
    Activate { operator: OperatorId, name: String },
    /// Recovery: operator, code, PIN, once more.
    Recover,
}

/// The form.
#[derive(Debug)]
pub struct PinForm {
    aim: Aim,
    form: Form,
    asking: bool,
    failure: Option<Failure>,
}

impl PinForm {
    fn new(aim: Aim, mut inputs: Vec<Input>) -> Self {
        let pin = || Input::Secret(SecretField::new(log_in::PIN_MAX));
        inputs.extend([pin(), pin()]);
        Self { aim, form: Form::new(inputs), asking: false, failure: None }
    }

    /// Changing one's own PIN.
    pub fn change() -> Self {
        Self::new(Aim::Change, vec![Input::Secret(SecretField::new(log_in::PIN_MAX))])
    }

    /// Somebody's first log-in.
    pub fn activate(operator: OperatorId, name: String) -> Self {
        let code = Input::Code(SecretField::new(CODE_MAX));
        Self::new(Aim::Activate { operator, name }, vec![code])
    }

    /// Logging in with a recovery code.
    pub fn recover(operator: &str) -> Self {
        let name = Input::Name(Field::new(log_in::OPERATOR_MAX));
        let code = Input::Code(SecretField::new(CODE_MAX));
        let mut form = Self::new(Aim::Recover, vec![name, code]);
        form.form.fill(0, operator);
        form.form.to_empty();
        form
    }

    /// The field of the new PIN; the one after it repeats it.
    fn new_pin(&self) -> usize {
        if matches!(self.aim, Aim::Recover) { 2 } else { 1 }
    }

    fn submit(&mut self, shared: &mut Shared) {
        let new = self.new_pin();
        self.failure = None;
        if !self.form.same(new, new + 1) {
            let _ = (self.form.take(new), self.form.take(new + 1));
            self.form.go(new);
            return shared.say(Meaning::Fault, shared.lang.pin_differ());
        }
        let request = match &self.aim {
            Aim::Change => Request::ChangePin { old: self.form.take(0), new: self.form.take(new) },
            Aim::Activate { operator, .. } => Request::Activate {
                operator: operator.clone(),
                code: self.form.take(0),
                pin: self.form.take(new),
            },
            Aim::Recover => Request::Recover {
                operator: self.form.name(0).to_owned(),
                code: self.form.take(1),
                pin: self.form.take(new),
            },
        };
        self.form.wipe();
        self.form.to_empty();
        self.asking = true;
        shared.ask(request);
    }

    fn labels(&self, shared: &Shared) -> Vec<&'static str> {
        let lang = shared.lang;
        let before: &[&str] = match self.aim {
            Aim::Change => &[lang.pin_old()],
            Aim::Activate { .. } => &[lang.pin_activation_code()],
            Aim::Recover => &[lang.log_in_operator(), lang.pin_recovery_code()],
        };
        let mut labels = before.to_vec();
        labels.extend([lang.pin_new(), lang.pin_again()]);
        labels
    }

    fn answered(&mut self, shared: &mut Shared, failure: Option<&Failure>) {
        self.asking = false;
        self.failure = failure.cloned();
        if failure.is_none() {
            shared.back();
            shared.say(Meaning::Good, shared.lang.pin_done());
        }
        shared.repaint();
    }
}

impl Screen for PinForm {
    fn place(&self) -> Place {
        Place::Pin
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let (title, ask) = match &self.aim {
            Aim::Change => (lang.title_change_pin(), lang.pin_change_ask().to_owned()),
            Aim::Activate { operator, name } => {
                let who = format!("{operator} {name}");
                (lang.title_activate(), lang.pin_activate_ask(who.trim()))
            }
            Aim::Recover => (lang.title_recover(), lang.pin_recover_ask().to_owned()),
        };
        let mut list = facts::say(Meaning::Plain, &ask, width);
        list.push(Row::blank());
        list.extend(self.form.rows(&self.labels(shared), width));
        list.push(Row::blank());
        if self.asking {
            list.push(Row::of(Meaning::Strong, lang.pin_asking()));
        } else if let Some(failure) = &self.failure {
            list.extend(facts::told(shared, failure, width));
        } else {
            list.extend(facts::say(Meaning::Faint, lang.pin_rules(), width));
            if !matches!(self.aim, Aim::Change) {
                list.extend(facts::say(Meaning::Faint, lang.pin_letters(), width));
            }
        }
        View { title: title.to_owned(), list, ..View::default() }
    }

    fn met(&self, _shared: &Shared, _need: Need) -> bool {
        !self.asking
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::PinDone(result) if self.asking => {
                self.answered(shared, result.as_ref().err());
            }
            // A recovery that worked logs in; one that did not may lock the screen anew.
            Update::Locked(locked) if self.asking && matches!(self.aim, Aim::Recover) => {
                self.asking = false;
                self.failure.clone_from(&locked.failure);
            }
            _ => {}
        }
    }

    fn paste(&mut self, _shared: &mut Shared, text: &str) {
        if !self.asking {
            self.form.paste_code(text);
        }
    }

    fn covered(&mut self) {
        self.form.wipe();
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, key) {
            (Action::Back, _) => shared.back(),
            _ if self.asking => {}
            (Action::Type, Key::Char(c)) => self.form.push(c),
            (action, _) => {
                if self.form.act(action) {
                    self.submit(shared);
                }
            }
        }
    }
}
