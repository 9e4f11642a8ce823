//! The journal, newest first, with what the office has acknowledged, and its verification.

use super::{Card, Sheet, facts, movement};
use crate::jobs::views::{JournalRow, Request, Update};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::when;
use crate::tui::widgets::{PAGE, Pager, Row, Turn};
use crate::tui::words;

/// The list of journal entries.
#[derive(Debug)]
pub struct Journal {
    pager: Pager<JournalRow, u64>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { pager: Pager::new(|row| row.seq) }
    }
}

impl Journal {
    fn ask(&self, shared: &mut Shared) {
        shared.ask(Request::Journal { before: self.pager.anchor(), limit: PAGE });
    }

    fn detail(&self, shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.detail_width());
        let Some(row) = self.pager.selected() else { return Vec::new() };
        let (acked, meaning) = match row.acked {
            true => (lang.acked(), Meaning::Good),
            false => (lang.not_acked(), Meaning::Alarm),
        };
        let mut rows = vec![
            Row::of(Meaning::Strong, lang.journal_kind(row.kind))
                .and(meaning, format!("  {acked}")),
        ];
        let act = row.act.map(|act| format!("{} ", lang.act(act))).unwrap_or_default();
        let credit = row.credit.map(|credit| format!("{act}{}", lang.credit(credit)));
        let figures: Vec<String> =
            [row.meter.map(|no| no.to_string()), credit].into_iter().flatten().collect();
        if !figures.is_empty() {
            rows.push(Row::plain(figures.join("  ")));
        }
        if !row.detail.is_empty() {
            let meaning = row.outcome.map_or(Meaning::Plain, words::outcome_meaning);
            rows.extend(facts::say(meaning, &facts::detail(shared, row), width));
        }
        let token = row.token.map(|token| format!("  {} {}", lang.fact_token(), token.short()));
        let time = when::second(&shared.zone, row.at);
        rows.push(Row::of(Meaning::Faint, format!("{time}{}", token.unwrap_or_default())));
        rows
    }
}

impl Screen for Journal {
    fn place(&self) -> Place {
        Place::Journal
    }

    fn shown(&mut self, shared: &mut Shared) {
        self.ask(shared);
    }

    fn met(&self, _shared: &Shared, _need: Need) -> bool {
        self.pager.selected().is_some_and(|row| row.meter.is_some())
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.list_width());
        let mut list = Vec::new();
        match self.pager.rows() {
            None => list.push(Row::of(Meaning::Faint, lang.waiting())),
            Some([]) => list = facts::say(Meaning::Plain, lang.journal_none(), width),
            Some(rows) => {
                let lines = rows
                    .iter()
                    .enumerate()
                    .map(|(at, row)| facts::journal(shared, row, at == self.pager.cursor(), width));
                list = lines.collect();
            }
        }
        let cursor = self.pager.selected().map(|_| self.pager.cursor());
        let detail = Some(self.detail(shared));
        View { title: lang.title_journal().to_owned(), list, cursor, detail, ..View::default() }
    }

    fn hear(&mut self, shared: &mut Shared, update: &Update) {
        match update {
            Update::Journal { rows, more, before } => {
                self.pager.set(*before, rows.clone(), *more);
            }
            Update::JournalVerified(Ok(entries)) => {
                shared.say(Meaning::Good, shared.lang.journal_verified(*entries));
            }
            Update::JournalVerified(Err(failure)) => shared.go(Sheet::new(failure.clone())),
            _ => {}
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match (action, self.pager.selected()) {
            (Action::Meter, Some(JournalRow { meter: Some(no), .. })) => {
                shared.go(Card::new(*no));
            }
            (Action::Verify, _) => {
                shared.say(Meaning::Plain, shared.lang.journal_checking());
                shared.ask(Request::VerifyJournal);
            }
            (Action::Newest, _) => {
                self.pager.restart();
                self.ask(shared);
            }
            (Action::Back, _) => shared.back(),
            (action, _) => {
                if let Turn::Ask(_) = self.pager.step(movement(action)) {
                    self.ask(shared);
                }
            }
        }
    }
}
