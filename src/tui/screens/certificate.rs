//! The certificate of a swap or of a commissioning, as it stands in the journal: what a customer is
//! shown and what is filed.

use super::{facts, moved, movement, work_rows};
use crate::jobs::errand::{Row as Line, Sheet};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;
use crate::units::ErrandKind;

/// The page.
#[derive(Debug)]
pub struct Certificate {
    lines: Vec<Line>,
    /// How the same is printed or written to a file.
    command: String,
    top: usize,
}

impl Certificate {
    /// Of an errand that has one.
    pub fn of(sheet: &Sheet) -> Option<Self> {
        let work = sheet.work.filter(|_| !sheet.certificate.is_empty())?;
        let command = match sheet.kind {
            ErrandKind::Commission => format!("meterkit commission certificate {work}"),
            _ => format!("meterkit swap --certificate {work}"),
        };
        Some(Self { lines: sheet.certificate.clone(), command, top: 0 })
    }
}

impl Screen for Certificate {
    fn place(&self) -> Place {
        Place::Certificate
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let lines = self.lines.iter();
        let mut list: Vec<Row> =
            lines.flat_map(|line| work_rows::row(lang, line, None, width)).collect();
        list.push(Row::blank());
        list.extend(facts::say(Meaning::Faint, &lang.certificate_kept(&self.command), width));
        let title = lang.title_certificate().to_owned();
        View { title, list, top: self.top, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Back => shared.back(),
            action => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}
