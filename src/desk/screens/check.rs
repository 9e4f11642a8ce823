//! The check before an act, and its outcome. The check shows what the office says would happen and
//! the command line that does the same. Where it cannot be taken back, a figure that stands on the
//! page must be typed before Enter works.

use super::{Screen, movement, show};
use crate::desk::act::Act;
use crate::desk::keymap::{Action, Need, Place};
use crate::desk::page::{Failure, Page};
use crate::desk::shared::Shared;
use crate::desk::worker::{Request, Update};
use crate::text::desk::words;
use crate::tui::event::Key;
use crate::tui::layout::Class;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{Field, Row, moved, next_letter, say};

/// Characters of what is typed to confirm.
const PROOF_MAX: usize = 20;

/// The check.
#[derive(Debug)]
pub struct Check {
    act: Act,
    answer: Option<Result<Page, Failure>>,
    typed: Field,
    doing: bool,
    lost: bool,
    top: usize,
}

/// Letters and digits alone: a keypad has no signs.
fn bare(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Check {
    /// The check of an act.
    pub fn new(act: Act) -> Self {
        let typed = Field::new(PROOF_MAX);
        Self { act, answer: None, typed, doing: false, lost: false, top: 0 }
    }

    fn proof(&self) -> Option<&str> {
        match &self.answer {
            Some(Ok(page)) => page.proof.as_deref(),
            _ => None,
        }
    }

    fn possible(&self) -> bool {
        matches!(&self.answer, Some(Ok(page)) if !page.refused) && !self.lost
    }

    /// What stands under the page: what is to be typed, or that something is under way.
    fn foot(&self, shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let mut rows = Vec::new();
        if self.lost {
            rows.extend(say(Meaning::Fault, lang.desk_outcome_unknown(), width));
        } else if self.doing {
            rows.push(Row::of(Meaning::Alarm, lang.desk_doing()));
        } else if let (true, Some(proof)) = (self.possible(), self.proof()) {
            rows.extend(say(Meaning::Strong, &lang.desk_type_proof(proof), width));
            rows.push(self.typed.row(">", width));
        } else if self.possible() {
            rows.push(Row::of(Meaning::Strong, lang.desk_enter_does()));
        }
        rows
    }
}

impl Screen for Check {
    fn place(&self) -> Place {
        Place::Check
    }

    fn idle(&self) -> bool {
        !self.doing
    }

    fn shown(&mut self, shared: &mut Shared) {
        if !self.doing {
            shared.ask(Request::Check(self.act.clone()));
        }
    }

    fn met(&self, _shared: &Shared, need: Need) -> bool {
        match need {
            Need::Answer => self.answer.is_some(),
            Need::Possible => self.possible(),
            Need::Proof => {
                let typed = bare(self.typed.text());
                self.proof().is_none_or(|proof| bare(proof) == typed)
            }
            Need::Idle => !self.doing,
            Need::Row | Need::AMeter | Need::OutToken | Need::Open => true,
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let size = shared.size;
        let mut list = show::answer(shared, self.answer.as_ref(), size.list_width());
        // What is to be typed stands beside or below the page, however long that is.
        let mut detail = self.foot(shared, size.detail_width());
        let command = self.act.command();
        match size.class() {
            Class::Normal => detail.extend(show::command(shared, &command, size.detail_width())),
            _ => list.extend(show::command(shared, &command, size.list_width())),
        }
        let title = words::or_name(shared.lang, self.act.name());
        let title = shared.lang.desk_check(title);
        View { title, list, top: self.top, detail: Some(detail), ..View::default() }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::Checked(act, result) if *act == self.act => {
                self.answer = Some(result.clone());
            }
            Update::Done(act, result) if self.doing && *act == self.act => {
                self.doing = false;
                match result {
                    Ok(page) => shared.go_instead(Outcome::new(self.act.clone(), page.clone())),
                    Err(why) => {
                        shared.say_failure(why);
                        self.typed.clear();
                        self.answer = Some(Err(why.clone()));
                    }
                }
            }
            Update::Died(_) if self.doing => {
                (self.doing, self.lost) = (false, true);
            }
            _ => {}
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match (action, key) {
            (Action::Confirm, _) => {
                self.doing = true;
                shared.ask(Request::Do(self.act.clone()));
            }
            (Action::Back, _) => shared.back(),
            (Action::Type, Key::Char(c)) => self.typed.push(c),
            (Action::Erase, _) => self.typed.erase(),
            (Action::Letter, _) => {
                if let Some(letter) = self.typed.text().chars().last().and_then(next_letter) {
                    self.typed.erase();
                    self.typed.push(letter);
                }
            }
            _ => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}

/// What an act came to. A code that is shown once stands here and nowhere else.
#[derive(Debug)]
pub struct Outcome {
    act: Act,
    page: Page,
    top: usize,
}

impl Outcome {
    /// The outcome of an act.
    pub fn new(act: Act, page: Page) -> Self {
        Self { act, page, top: 0 }
    }
}

impl Screen for Outcome {
    fn place(&self) -> Place {
        Place::Outcome
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list = vec![Row::of(Meaning::Good, lang.desk_done())];
        list.extend(show::text(shared, &self.page, width));
        let title = words::or_name(lang, self.act.name());
        show::scrolled(title.to_owned(), list, self.top)
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            // The form below it has done its work.
            Action::Back => {
                shared.back();
                shared.over(Place::Form);
            }
            _ => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}
