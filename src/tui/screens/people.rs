//! People: who may work with this handheld, first log-ins, PINs, and what a supervisor does about
//! the log-ins of others.

use super::{PinForm, facts, moved, movement, picked};
use crate::jobs::views::{Failure, OperatorView, Request, SuperviseAct, Update};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::when;
use crate::tui::widgets::Row;

/// Cells of an operator's id and the space behind it.
const ID_CELLS: usize = 11;
/// Cells of the state and the space before it.
const STATE_CELLS: usize = 15;

/// The list of people.
#[derive(Debug, Default)]
pub struct People {
    rows: Option<Vec<OperatorView>>,
    cursor: usize,
}

impl People {
    fn last(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.len().saturating_sub(1))
    }

    fn selected(&self) -> Option<&OperatorView> {
        self.rows.as_ref()?.get(self.cursor.min(self.last()))
    }

    fn state(shared: &Shared, person: &OperatorView) -> (Meaning, &'static str) {
        let lang = shared.lang;
        if person.locked {
            (Meaning::Fault, lang.people_locked())
        } else if !person.active {
            (Meaning::Plain, lang.people_inactive())
        } else if person.expires <= shared.now.wall {
            (Meaning::Alarm, lang.people_expired())
        } else {
            (Meaning::Good, lang.people_active())
        }
    }

    fn line(&self, shared: &Shared, at: usize, person: &OperatorView) -> Row {
        let width = shared.size.list_width();
        let selected = at == self.cursor.min(self.last());
        let sign = if selected { ">" } else { " " };
        let (meaning, state) = Self::state(shared, person);
        let name = width.saturating_sub(3 + ID_CELLS + STATE_CELLS);
        Row::plain(format!("{sign}{} ", (at + 1) % 10))
            .column(Meaning::Strong, person.operator.as_str(), ID_CELLS)
            .column(Meaning::Plain, &person.name, name)
            .and(meaning, format!(" {state}"))
    }

    fn detail(&self, shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.detail_width());
        let Some(person) = self.selected() else { return Vec::new() };
        let you = shared.session.as_ref().is_some_and(|one| one.operator == person.operator);
        let you = if you { format!(" ({})", lang.people_you()) } else { String::new() };
        let (meaning, state) = Self::state(shared, person);
        let until = when::minute(&shared.zone, person.expires);
        let mut rows = vec![Row::of(Meaning::Strong, &person.name).and(Meaning::Plain, you)];
        rows.push(Row::plain(format!("{}  ", lang.role(person.role))).and(meaning, state));
        rows.push(facts::fact(lang.fact_valid_until(), Meaning::Plain, until));
        let hint = match person {
            OperatorView { locked: true, .. } => lang.people_locked_hint(),
            OperatorView { active: false, .. } => lang.people_activate_hint(),
            _ => return rows,
        };
        rows.extend(facts::say(Meaning::Plain, hint, width));
        rows
    }

    fn supervise(&self, shared: &mut Shared, act: SuperviseAct) {
        if let Some(person) = self.selected().cloned() {
            shared.go(Supervise { person, act, asking: false, failure: None });
        }
    }
}

impl Screen for People {
    fn place(&self) -> Place {
        Place::People
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Operators);
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        match (self.selected(), need) {
            (None, _) => false,
            (Some(person), Need::NoPin) => !person.active,
            (Some(person), Need::HasPin) => person.active,
            (Some(person), Need::Locked) => person.locked,
            (Some(_), _) => true,
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.list_width());
        let title = lang.title_people().to_owned();
        let list = match self.rows.as_deref() {
            None => vec![Row::of(Meaning::Faint, lang.waiting())],
            Some([]) => facts::say(Meaning::Plain, lang.people_none(), width),
            Some(rows) => {
                let lines = rows.iter().enumerate().map(|(at, one)| self.line(shared, at, one));
                lines.collect()
            }
        };
        let cursor = self.selected().map(|_| self.cursor.min(self.last()));
        let detail = Some(self.detail(shared));
        View { title, list, cursor, detail, ..View::default() }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::Operators(rows) => self.rows = Some(rows.clone()),
            Update::PinDone(Ok(())) => shared.ask(Request::Operators),
            _ => {}
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, self.selected()) {
            (Action::Activate, Some(person)) => {
                let form = PinForm::activate(person.operator.clone(), person.name.clone());
                shared.go(form);
            }
            (Action::ChangePin, _) => shared.go(PinForm::change()),
            (Action::Free, _) => self.supervise(shared, SuperviseAct::Free),
            (Action::Remove, _) => self.supervise(shared, SuperviseAct::Remove),
            (Action::Pick, _) => {
                let last = self.last();
                self.cursor = picked(key).filter(|row| *row <= last).unwrap_or(self.cursor);
            }
            (Action::Back, _) => shared.back(),
            (action, _) => {
                let last = self.last();
                self.cursor = moved(self.cursor.min(last), movement(action), last);
            }
        }
    }
}

/// Asks whether somebody's log-in is to be taken away, or its lock-out ended.
#[derive(Debug)]
struct Supervise {
    person: OperatorView,
    act: SuperviseAct,
    asking: bool,
    failure: Option<Failure>,
}

impl Screen for Supervise {
    fn place(&self) -> Place {
        Place::Supervise
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let who = format!("{} {}", self.person.operator, self.person.name);
        let ask = match self.act {
            SuperviseAct::Free => lang.supervise_free(who.trim()),
            SuperviseAct::Remove => lang.supervise_remove(who.trim()),
        };
        let mut list = vec![Row::blank()];
        list.extend(facts::say(Meaning::Strong, &ask, width));
        list.push(Row::blank());
        list.extend(facts::say(Meaning::Plain, lang.supervise_note(), width));
        if let Some(failure) = &self.failure {
            list.push(Row::blank());
            list.extend(facts::told(shared, failure, width));
        }
        View { title: lang.title_supervise().to_owned(), list, ..View::default() }
    }

    fn met(&self, _shared: &Shared, _need: Need) -> bool {
        !self.asking
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        let Update::PinDone(result) = update else { return };
        if !std::mem::take(&mut self.asking) {
            return;
        }
        match result {
            Ok(()) => {
                let lang = shared.lang;
                let done = match self.act {
                    SuperviseAct::Free => lang.supervise_freed(),
                    SuperviseAct::Remove => lang.supervise_removed(),
                };
                shared.say(Meaning::Good, done);
                shared.back();
            }
            Err(failure) => self.failure = Some(failure.clone()),
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Confirm => {
                self.asking = true;
                self.failure = None;
                let operator = self.person.operator.clone();
                shared.ask(Request::Supervise { operator, act: self.act });
            }
            _ => shared.back(),
        }
    }
}
