//! The longer errands: all of them by name with what is open, and of each kind a page of its own
//! with its open and past ones.

use super::{Card, WorkForm, WorkSheet, facts, moved, movement, picked, work_rows};
use crate::jobs::errand::{self, Ask};
use crate::jobs::views::{MarkView, OfferView, Request, Update, WorkView};
use crate::text::{Lang, work as names};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;
use crate::tui::{when, wrap};
use crate::units::{ErrandKind, Mark, StepState};

/// Cells of an errand's name.
const NAME_CELLS: usize = 12;

/// The list.
#[derive(Debug, Default)]
pub struct Works {
    /// Only this kind; else all by name, and the open ones.
    only: Option<ErrandKind>,
    cursor: usize,
    rows: Vec<WorkView>,
    marks: Vec<MarkView>,
    offers: Vec<OfferView>,
    told: bool,
}

/// What a row of the list stands for.
enum Item<'a> {
    /// The page of a kind.
    Kind(ErrandKind),
    /// A new errand.
    New(ErrandKind),
    /// One that waits to be begun, its form filled in.
    Offer(&'a OfferView),
    /// One that was begun.
    Work(&'a WorkView),
    /// A meter in a special state.
    Mark(&'a MarkView),
}

/// The kind of errand that a state of a meter belongs to.
fn kind_of(mark: Mark) -> ErrandKind {
    match mark {
        Mark::KeepPower | Mark::Tripped => ErrandKind::Control,
        Mark::SwappedOut => ErrandKind::Swap,
        Mark::TariffPending => ErrandKind::Bundle,
    }
}

/// A name at the beginning of a row or title.
pub fn titled(lang: Lang, kind: ErrandKind) -> String {
    let name = names::kind(lang, kind);
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What an errand is about, in words.
fn about(lang: Lang, what: &[String]) -> String {
    let words: Vec<String> = what.iter().map(|what| names::value(lang, what)).collect();
    words.join(" ")
}

fn state(row: &WorkView) -> (&'static str, Meaning) {
    match row.state {
        StepState::Begun => ("! ", Meaning::Alarm),
        StepState::Done => ("OK", Meaning::Faint),
        StepState::Refused | StepState::Failed => ("X ", Meaning::Fault),
        StepState::Skipped => ("- ", Meaning::Faint),
        StepState::Unknown => ("? ", Meaning::Alarm),
    }
}

impl Works {
    /// The page of one kind.
    pub fn of(kind: ErrandKind) -> Self {
        Self { only: Some(kind), ..Self::default() }
    }

    fn items(&self) -> Vec<Item<'_>> {
        let mut items = Vec::new();
        match self.only {
            Some(kind) => {
                items.push(Item::New(kind));
                let waits = self.offers.iter().filter(|offer| offer.kind == kind);
                items.extend(waits.map(Item::Offer));
                items.extend(self.rows.iter().filter(|row| row.kind == kind).map(Item::Work));
                let own = self.marks.iter().filter(|mark| kind_of(mark.mark) == kind);
                items.extend(own.map(Item::Mark));
            }
            None => {
                items.extend(errand::all().iter().map(|errand| Item::Kind(errand.kind())));
                let open = self.rows.iter().filter(|row| row.state == StepState::Begun);
                items.extend(open.map(Item::Work));
                items.extend(self.marks.iter().map(Item::Mark));
            }
        }
        items
    }

    fn open(&self, shared: &mut Shared) {
        match self.items().into_iter().nth(self.cursor) {
            Some(Item::Kind(kind)) => shared.go(Self::of(kind)),
            Some(Item::New(kind)) => shared.go(WorkForm::new(kind, shared)),
            Some(Item::Offer(offer)) => {
                let form = WorkForm::new(offer.kind, shared).filled(&offer.values);
                shared.go(form);
            }
            Some(Item::Work(row)) => shared.go(WorkSheet::resume(row.kind, row.work)),
            Some(Item::Mark(mark)) => shared.go(Card::new(mark.meter)),
            None => {}
        }
    }

    fn row(&self, shared: &Shared, at: usize, item: &Item<'_>) -> Row {
        let lang = shared.lang;
        let sign = if at == self.cursor { ">" } else { " " };
        let digit = if at < 10 { format!("{sign}{} ", (at + 1) % 10) } else { format!("{sign}  ") };
        let row = Row::plain(digit);
        match item {
            Item::Kind(kind) => {
                let row = row.column(Meaning::Strong, &titled(lang, *kind), NAME_CELLS);
                let open = |row: &&WorkView| row.kind == *kind && row.state == StepState::Begun;
                let waits = self.offers.iter().filter(|offer| offer.kind == *kind).count();
                match (self.rows.iter().filter(open).count(), waits) {
                    (0, 0) => row,
                    (0, waits) => row.and(Meaning::Faint, lang.menu_offers(waits)),
                    (open, _) => row.and(Meaning::Alarm, lang.menu_works(open)),
                }
            }
            Item::New(kind) => row.and(Meaning::Strong, lang.work_new(names::kind(lang, *kind))),
            Item::Offer(offer) => {
                let text = wrap::clean(&about(lang, &offer.what));
                let late = offer.due.is_some_and(|due| due <= shared.now.wall);
                let (sign, meaning) =
                    if late { ("! ", Meaning::Alarm) } else { ("+ ", Meaning::Good) };
                row.column(meaning, sign, 3).and(Meaning::Plain, text)
            }
            Item::Work(work) => {
                let (mark, meaning) = state(work);
                let row = row.column(meaning, mark, 3);
                let row = match self.only {
                    Some(_) => row,
                    None => row.and(meaning, format!("{} ", names::kind(lang, work.kind))),
                };
                row.and(Meaning::Plain, about(lang, &work.what))
            }
            Item::Mark(mark) => row
                .column(Meaning::Alarm, "! ", 3)
                .and(Meaning::Plain, format!("{} ", mark.meter))
                .and(Meaning::Alarm, names::mark(lang, mark.mark)),
        }
    }

    /// More about the selected row: what it is for, how it stands, what is next.
    fn detail(shared: &Shared, item: &Item<'_>) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.detail_width());
        match item {
            Item::Kind(kind) | Item::New(kind) => {
                facts::say(Meaning::Plain, names::about(lang, *kind), width)
            }
            Item::Offer(offer) => {
                let mut rows = facts::say(Meaning::Strong, &about(lang, &offer.what), width);
                rows.extend(facts::say(Meaning::Plain, &offer.note, width));
                if let Some(due) = offer.due {
                    let (late, due) = (due <= shared.now.wall, when::short(&shared.zone, due));
                    let meaning = if late { Meaning::Alarm } else { Meaning::Plain };
                    rows.extend(facts::say(meaning, &lang.work_due(&due), width));
                }
                rows.extend(facts::say(Meaning::Faint, lang.work_offer(), width));
                rows
            }
            Item::Work(work) => {
                let text = format!("{} {}", names::kind(lang, work.kind), about(lang, &work.what));
                let mut rows = facts::say(Meaning::Strong, &text, width);
                // Many meters: the rows below are worth more than the last of them.
                rows.truncate(2);
                let begun = lang.work_begun(&when::short(&shared.zone, work.begun));
                let text = match work.state {
                    StepState::Begun => begun,
                    state => format!("{begun}  {}", names::state(lang, state)),
                };
                rows.extend(facts::say(Meaning::Faint, &text, width));
                rows.extend(facts::say(Meaning::Plain, &next(lang, work), width));
                rows
            }
            Item::Mark(mark) => {
                let name = names::mark(lang, mark.mark);
                let text = format!("{name}  {}  {}", shared.age(mark.since), mark.note);
                let mut rows = facts::say(Meaning::Alarm, text.trim_end(), width);
                rows.truncate(2);
                rows.extend(facts::say(Meaning::Plain, names::undo(lang, mark.mark), width));
                rows
            }
        }
    }
}

/// What a person has to do next.
fn next(lang: Lang, work: &WorkView) -> String {
    if work.state != StepState::Begun {
        return lang.work_carry_on().to_owned();
    }
    let asked = match work.ask {
        Ask::Nothing => return lang.work_may_go_on().to_owned(),
        Ask::Go(name) | Ask::Choice(name, _) | Ask::Enter(name, _) => {
            names::or_name(lang, name).to_owned()
        }
        Ask::Digits(meter) => lang.ask_digits_of(&work_rows::masked(meter)),
    };
    lang.work_next(&asked)
}

impl Screen for Works {
    fn place(&self) -> Place {
        Place::Works
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Works);
    }

    fn hear(&mut self, _shared: &mut Shared, update: &Update) {
        if let Update::Works { rows, marks, offers } = update {
            self.rows.clone_from(rows);
            self.offers.clone_from(offers);
            self.marks.clone_from(marks);
            self.told = true;
            self.cursor = self.cursor.min(self.items().len().saturating_sub(1));
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let lang = shared.lang;
        let items = self.items();
        let mut list: Vec<Row> =
            items.iter().enumerate().map(|(at, item)| self.row(shared, at, item)).collect();
        let kinds = if self.only.is_some() { 1 } else { errand::all().len() };
        if !self.told {
            list.push(Row::of(Meaning::Faint, format!("   {}", lang.waiting())));
        } else if items.len() == kinds {
            let text = match self.only {
                Some(kind) => lang.work_none_of(names::kind(lang, kind)),
                None => lang.work_none().to_owned(),
            };
            list.push(Row::blank());
            list.extend(wrap::wrap(&text, shared.size.list_width()).into_iter().map(Row::plain));
        }
        let detail = items.get(self.cursor).map(|item| Self::detail(shared, item));
        let title = self.only.map_or_else(|| lang.title_works().to_owned(), |k| titled(lang, k));
        View { title, list, cursor: Some(self.cursor), detail, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        let last = self.items().len().saturating_sub(1);
        match action {
            Action::Open => self.open(shared),
            Action::Pick => {
                if let Some(row) = picked(key).filter(|row| *row <= last) {
                    self.cursor = row;
                    self.open(shared);
                }
            }
            Action::Back => shared.back(),
            action => self.cursor = moved(self.cursor, movement(action), last),
        }
    }
}
