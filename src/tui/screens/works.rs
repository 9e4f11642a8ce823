//! The longer errands: begin one, carry on with an open one, see which meters are in a special
//! state.

use super::{WorkForm, WorkSheet, moved, movement, picked};
use crate::jobs::errand;
use crate::jobs::views::{MarkView, Request, Update, WorkView};
use crate::text::work as names;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::when;
use crate::tui::widgets::Row;
use crate::units::ErrandKind;

/// Cells of an errand's name.
const NAME_CELLS: usize = 16;

/// The list.
#[derive(Debug, Default)]
pub struct Works {
    cursor: usize,
    rows: Vec<WorkView>,
    marks: Vec<MarkView>,
}

impl Works {
    fn kinds() -> Vec<ErrandKind> {
        errand::all().iter().map(|errand| errand.kind()).collect()
    }

    fn len(&self) -> usize {
        Self::kinds().len() + self.rows.len()
    }

    fn open(&self, shared: &mut Shared) {
        let kinds = Self::kinds();
        match (kinds.get(self.cursor), self.rows.get(self.cursor.saturating_sub(kinds.len()))) {
            (Some(kind), _) => shared.go(WorkForm::new(*kind, shared)),
            (None, Some(row)) => shared.go(WorkSheet::resume(row.kind, row.work)),
            (None, None) => {}
        }
    }
}

impl Screen for Works {
    fn place(&self) -> Place {
        Place::Works
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Works);
    }

    fn hear(&mut self, _shared: &mut Shared, update: &Update) {
        if let Update::Works { rows, marks } = update {
            self.rows.clone_from(rows);
            self.marks.clone_from(marks);
            self.cursor = self.cursor.min(self.len().saturating_sub(1));
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let lang = shared.lang;
        let new = Self::kinds().into_iter().enumerate().map(|(at, kind)| {
            let sign = if at == self.cursor { ">" } else { " " };
            Row::plain(format!("{sign}{} ", at + 1)).and(Meaning::Strong, names::kind(lang, kind))
        });
        let begun = Self::kinds().len();
        let old = self.rows.iter().enumerate().map(|(at, row)| {
            let sign = if at + begun == self.cursor { ">" } else { " " };
            let (meaning, state) = match row.ended {
                true => (Meaning::Faint, lang.work_ended()),
                false => (Meaning::Alarm, lang.work_open()),
            };
            Row::plain(format!("{sign}  "))
                .column(meaning, names::kind(lang, row.kind), NAME_CELLS)
                .and(meaning, state)
                .and(Meaning::Faint, format!("  {}", when::short(&shared.zone, row.begun)))
                .and(Meaning::Plain, format!("  {}", names::or_name(lang, &row.what)))
        });
        let mut list: Vec<Row> = new.collect();
        list.extend(old);
        list.extend(self.marks.iter().map(|mark| {
            Row::plain("   ")
                .and(Meaning::Alarm, format!("! {} ", names::mark(lang, mark.mark)))
                .and(Meaning::Plain, mark.meter.to_string())
                .and(Meaning::Faint, format!("  {}  {}", shared.age(mark.since), mark.note))
        }));
        let title = lang.title_works().to_owned();
        View { title, list, cursor: Some(self.cursor), ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match action {
            Action::Open => self.open(shared),
            Action::Pick => {
                if let Some(row) = picked(key).filter(|row| *row < self.len()) {
                    self.cursor = row;
                    self.open(shared);
                }
            }
            Action::Back => shared.back(),
            action => {
                self.cursor = moved(self.cursor, movement(action), self.len().saturating_sub(1));
            }
        }
    }
}
