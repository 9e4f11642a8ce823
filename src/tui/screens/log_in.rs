//! The first screen: who works with this handheld, and the PIN.
//!
//! It names the handheld, so that whoever finds it can say which it is, and nothing of the store.
//! The PIN is overwritten when it is handed in, when it was wrong, and when the screen is left.

use super::{Leave, PinForm, facts};
use crate::jobs::views::{LockedView, Request, Update};
use crate::report::Code;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Form, Input, Row, SecretField};

/// Characters of an operator's id.
pub const OPERATOR_MAX: usize = 16;
/// Characters of a PIN.
pub const PIN_MAX: usize = 64;

/// The fields, in order.
const OPERATOR: usize = 0;
const PIN: usize = 1;

/// The log-in screen.
#[derive(Debug)]
pub struct LogIn {
    form: Form,
    /// Whose PIN was tried last: a wait or a lock-out is theirs and nobody else's.
    tried: String,
    asking: bool,
}

impl LogIn {
    /// The screen with the operator to be typed over.
    pub fn new(operator: &str) -> Self {
        let name = Input::Name(Field::new(OPERATOR_MAX));
        let form = Form::new(vec![name, Input::Secret(SecretField::new(PIN_MAX))]);
        let mut screen = Self { form, tried: String::new(), asking: false };
        screen.suggest(operator);
        screen
    }

    /// Fills in the operator; the PIN is what is left to type.
    fn suggest(&mut self, operator: &str) {
        if self.form.name(OPERATOR).is_empty() {
            self.form.fill(OPERATOR, operator);
            self.tried = self.form.name(OPERATOR).to_owned();
            self.form.to_empty();
        }
    }

    /// What the engine said, if it said it of the operator in the field.
    fn told<'a>(&self, shared: &'a Shared) -> Option<&'a LockedView> {
        let locked = shared.locked.as_ref()?;
        (self.form.name(OPERATOR) == self.tried).then_some(locked)
    }

    fn submit(&mut self, shared: &mut Shared) {
        let operator = self.form.name(OPERATOR).to_owned();
        let pin = self.form.take(PIN);
        self.tried.clone_from(&operator);
        self.asking = true;
        shared.ask(Request::LogIn { operator, pin });
    }

    /// Why it did not work, and what can be done.
    fn trouble(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let told = self.told(shared);
        let mut rows = Vec::new();
        // What concerns the handheld and not a PIN is said to everybody.
        let failure = shared.locked.as_ref().and_then(|locked| locked.failure.as_ref());
        if let Some(failure) = failure.filter(|f| told.is_some() || !of_a_pin(f.code)) {
            rows.extend(facts::told(shared, failure, width));
        }
        let Some(told) = told else { return rows };
        let wait = shared.wait_left();
        if wait > 0 {
            rows.extend(facts::say(Meaning::Alarm, &lang.log_in_wait(&lang.wait(wait)), width));
        }
        if let Some(left) = told.left.filter(|_| !told.locked_out) {
            rows.push(Row::of(Meaning::Alarm, lang.log_in_left(left)));
        }
        if told.locked_out {
            rows.extend(facts::say(Meaning::Strong, lang.log_in_recovery(), width));
        }
        rows
    }
}

/// Whether a failure is one person's alone.
fn of_a_pin(code: Code) -> bool {
    matches!(code, Code::PinWrong | Code::PinWait | Code::PinLocked)
}

impl Screen for LogIn {
    fn place(&self) -> Place {
        Place::LogIn
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let device = shared.locked.as_ref().map_or(lang.waiting(), |locked| &locked.device);
        let mut list =
            vec![facts::fact(lang.trust_device_name(), Meaning::Strong, device), Row::blank()];
        list.extend(self.form.rows(&[lang.log_in_operator(), lang.log_in_pin()], width));
        list.push(Row::blank());
        if self.asking {
            list.push(Row::of(Meaning::Strong, lang.log_in_asking()));
        } else if shared.locking {
            list.push(Row::of(Meaning::Strong, lang.log_in_leaving()));
        } else if shared.locked.is_none() {
            list.push(Row::of(Meaning::Faint, lang.waiting()));
        } else {
            list.extend(self.trouble(shared, width));
        }
        let locked = shared.locked.as_ref();
        if let Some(locked) = locked.filter(|locked| !locked.hint.is_empty()) {
            list.push(Row::blank());
            list.extend(facts::say(Meaning::Plain, &lang.log_in_demo(&locked.hint), width));
        }
        if locked.is_some_and(|locked| locked.plain_secret && locked.failure.is_none()) {
            list.push(Row::blank());
            list.extend(facts::say(Meaning::Alarm, lang.log_in_plain_secret(), width));
        }
        View { title: lang.title_log_in().to_owned(), list, ..View::default() }
    }

    fn met(&self, shared: &Shared, need: Need) -> bool {
        match need {
            // Before the engine has spoken, or while it still locks, nobody listens.
            Need::Answered => !self.asking && shared.locked.is_some(),
            Need::NoWait => self.told(shared).is_none() || shared.wait_left() == 0,
            Need::NotLockedOut => !self.told(shared).is_some_and(|told| told.locked_out),
            _ => true,
        }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::Locked(locked) => {
                self.suggest(&locked.operator);
                if std::mem::take(&mut self.asking) {
                    self.form.wipe();
                    self.form.go(PIN);
                }
                shared.repaint();
            }
            // The engine had no room for the question.
            Update::PinDone(Err(_)) if std::mem::take(&mut self.asking) => {
                shared.say(Meaning::Alarm, shared.lang.engine_busy());
            }
            _ => {}
        }
    }

    fn covered(&mut self) {
        self.form.wipe();
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, key) {
            (Action::Leave, _) => shared.go(Leave),
            (Action::Recover, _) => {
                let form = PinForm::recover(self.form.name(OPERATOR));
                shared.go(form);
            }
            // What is typed while the PIN is checked belongs to nothing.
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
