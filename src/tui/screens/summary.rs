//! What a shift came to: shown once, after the log-out, to whoever logged out.

use super::{facts, moved, movement};
use crate::jobs::checkpoint;
use crate::jobs::views::{LoggedOutWhy, ShiftView};
use crate::text::qr;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;
use crate::units::{Credit, CreditUnit, OperatorId};

/// The summary.
#[derive(Debug)]
pub struct Summary {
    operator: OperatorId,
    why: LoggedOutWhy,
    shift: ShiftView,
    top: usize,
}

impl Summary {
    /// The summary of somebody's shift.
    pub fn new(operator: OperatorId, why: LoggedOutWhy, shift: ShiftView) -> Self {
        Self { operator, why, shift, top: 0 }
    }

    fn figures(&self, shared: &Shared) -> Vec<Row> {
        let (lang, shift) = (shared.lang, &self.shift);
        let meaning = |count: u32, some| if count == 0 { Meaning::Plain } else { some };
        let mut rows = vec![
            facts::fact(lang.log_in_operator(), Meaning::Strong, self.operator.as_str()),
            facts::fact(lang.summary_reads(), Meaning::Plain, shift.reads.to_string()),
        ];
        let outcomes = [
            (lang.summary_accepted(), "OK", shift.accepted, Meaning::Good),
            (lang.summary_refused(), "X ", shift.refused, Meaning::Fault),
            (lang.summary_unknown(), "? ", shift.unknown, Meaning::Alarm),
        ];
        rows.extend(outcomes.map(|(name, sign, count, some)| {
            let sign = if count == 0 { "  " } else { sign };
            facts::fact(name, meaning(count, some), format!("{sign} {count}"))
        }));
        let sum = |value, unit| lang.credit(Credit { value, unit });
        rows.push(facts::fact(
            lang.summary_sum(),
            Meaning::Strong,
            sum(shift.yuan, CreditUnit::Yuan),
        ));
        if shift.kwh != 0 {
            rows.push(facts::fact("", Meaning::Strong, sum(shift.kwh, CreditUnit::Kwh)));
        }
        let unsynced = lang.sync_entries(shift.unsynced);
        rows.push(facts::fact(lang.summary_unsynced(), Meaning::Plain, unsynced));
        rows
    }
}

/// A text as QR codes, one below the other, each small enough to be seen whole; in several parts
/// where one is too small. A scanner joins them.
fn codes(text: &str, width: usize, rows: usize) -> Vec<Row> {
    let parts = checkpoint::parts(text, qr::room(width, rows.saturating_sub(1)));
    let mut list = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        list.push(Row::blank().and(Meaning::Plain, format!("{}/{}", at + 1, parts.len())));
        let lines = qr::lines(part).unwrap_or_default();
        list.extend(lines.into_iter().map(|line| Row::blank().and(Meaning::Plain, line)));
    }
    list
}

impl Screen for Summary {
    fn place(&self) -> Place {
        Place::Summary
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list = match self.why {
            LoggedOutWhy::ShiftEnd => facts::say(Meaning::Alarm, lang.summary_shift_end(), width),
            _ => facts::say(Meaning::Good, lang.summary_asked(), width),
        };
        list.push(Row::blank());
        list.extend(self.figures(shared));
        list.push(Row::blank());
        if self.shift.unknown > 0 {
            let text = lang.summary_open(self.shift.unknown);
            list.extend(facts::say(Meaning::Alarm, &text, width));
        }
        match self.shift.unsynced {
            0 => list.extend(facts::say(Meaning::Good, lang.summary_all_synced(), width)),
            n => list.extend(facts::say(Meaning::Alarm, &lang.summary_sync(n), width)),
        }
        if !self.shift.kept.is_empty() {
            list.push(Row::blank());
            list.extend(facts::say(Meaning::Alarm, lang.summary_kept(), width));
        }
        for kept in &self.shift.kept {
            let text = format!("{}  {}  {}", kept.meter, shared.age(kept.since), kept.note);
            let rows = facts::say(Meaning::Plain, text.trim_end(), width.saturating_sub(1));
            list.extend(rows.into_iter().map(Row::indented));
        }
        if let Some(text) = &self.shift.checkpoint {
            list.push(Row::blank());
            list.extend(facts::say(Meaning::Plain, lang.summary_checkpoint(), width));
            list.extend(codes(text, width, usize::from(shared.size.body_rows())));
        }
        View { title: lang.title_summary().to_owned(), list, top: self.top, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match action {
            Action::Done => shared.back(),
            action => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}
