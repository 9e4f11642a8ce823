//! The exchange with the office: what waits, how the last one went; over the line, or over a stick
//! or shared folder. It goes on in the background when the screen is left.

use super::{facts, moved, movement, picked};
use crate::jobs::views::{MediumView, Request, SyncView, Update};
use crate::text::errors;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::{ErrandKind, Shared};
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;
use crate::tui::{when, words};
use crate::units::{Credit, CreditUnit};

/// The sync screen.
#[derive(Debug, Default)]
pub struct Sync {
    top: usize,
}

impl Sync {
    fn state(shared: &Shared) -> Vec<Row> {
        let lang = shared.lang;
        let Some(home) = &shared.home else {
            return vec![Row::of(Meaning::Faint, lang.waiting())];
        };
        let (network, meaning) = lang.network(home.network);
        let waiting = if home.unsynced == 0 { Meaning::Good } else { Meaning::Alarm };
        let last = match home.last_sync {
            Some(at) => format!("{}  {}", when::minute(&shared.zone, at), shared.age(at)),
            None => lang.never().to_owned(),
        };
        let mut rows = vec![
            facts::fact(lang.fact_office(), meaning, network),
            facts::fact(lang.sync_waiting(), waiting, lang.sync_entries(home.unsynced)),
            facts::fact(lang.sync_last(), Meaning::Plain, last),
        ];
        if let Some(again) = &home.sync_again {
            // What is due was chosen so that all do not come back at once; sooner is allowed.
            let left = again.due.0.saturating_sub(shared.now.wall.0);
            let due = match u64::try_from(left) {
                Ok(left) if left > 0 => {
                    format!("{}  {}", when::second(&shared.zone, again.due), lang.elapsed(left))
                }
                _ => lang.sync_due_now().to_owned(),
            };
            rows.push(facts::fact(lang.sync_due(), Meaning::Alarm, due));
            let failed = lang.sync_failures(again.attempts);
            rows.push(facts::fact(lang.sync_failed(), Meaning::Alarm, failed));
            let why = errors::words(again.why).title(lang);
            rows.push(facts::fact(lang.sync_why(), Meaning::Alarm, why));
        }
        rows
    }

    /// The sticks and folders there are, by the digit that uses them.
    fn media(shared: &Shared, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let mut rows = facts::say(Meaning::Plain, lang.sync_media(), width);
        if shared.media.is_empty() {
            rows.push(Row::of(Meaning::Faint, format!("  {}", lang.sync_no_media())));
        }
        for (at, dir) in shared.media.iter().enumerate() {
            rows.extend(facts::say(
                Meaning::Plain,
                &format!(" {} {}", at + 1, dir.display()),
                width,
            ));
        }
        rows
    }

    /// What lies on a stick now.
    fn carried(shared: &Shared, done: &SyncView, medium: &MediumView, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let told = lang.sync_medium_done(medium.entries, medium.letters);
        let mut rows = facts::say(Meaning::Good, &told, width);
        rows.extend(facts::say(Meaning::Faint, &medium.dir.display().to_string(), width));
        for (name, failure) in &medium.unread {
            rows.extend(facts::say(Meaning::Alarm, &lang.carried_unread(name, ""), width));
            rows.extend(facts::failure(shared, failure, width));
        }
        if medium.again {
            rows.extend(facts::say(Meaning::Alarm, lang.carried_again(), width));
        } else if medium.taken {
            rows.extend(facts::say(Meaning::Good, lang.sync_medium_taken(), width));
            rows.extend(Self::brought(shared, done));
        } else {
            rows.extend(facts::say(Meaning::Plain, lang.sync_medium_empty(), width));
        }
        rows
    }

    fn brought(shared: &Shared, done: &SyncView) -> Vec<Row> {
        let lang = shared.lang;
        let meters = match done.meters {
            0 => lang.sync_unchanged().to_owned(),
            meters => meters.to_string(),
        };
        let out = Credit { value: done.still_out.0, unit: CreditUnit::Yuan };
        vec![
            facts::fact(lang.sync_tokens(), Meaning::Plain, done.tokens.to_string()),
            facts::fact(lang.sync_meters(), Meaning::Plain, meters),
            facts::fact(lang.sync_still_out(), Meaning::Plain, lang.credit(out)),
        ]
    }

    fn done(shared: &Shared, done: &SyncView, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        if let Some(medium) = &done.medium {
            return Self::carried(shared, done, medium, width);
        }
        let mut rows = facts::say(Meaning::Good, lang.sync_done(), width);
        let meters = match done.meters {
            0 => lang.sync_unchanged().to_owned(),
            meters => meters.to_string(),
        };
        let out = Credit { value: done.still_out.0, unit: CreditUnit::Yuan };
        rows.extend([
            facts::fact(lang.sync_sent(), Meaning::Plain, lang.sync_entries(done.sent)),
            facts::fact(lang.sync_tokens(), Meaning::Plain, done.tokens.to_string()),
            facts::fact(lang.sync_meters(), Meaning::Plain, meters),
            // The office's clock minus ours: behind the office reads as a negative drift.
            facts::fact(
                lang.sync_clock(),
                words::drift_meaning(done.clock_s),
                lang.drift(done.clock_s.saturating_neg()),
            ),
            facts::fact(lang.sync_still_out(), Meaning::Plain, lang.credit(out)),
        ]);
        if done.review > 0 {
            let review = done.review.to_string();
            rows.push(facts::fact(lang.sync_review(), Meaning::Alarm, review));
            rows.extend(facts::say(Meaning::Alarm, &lang.sync_review_note(done.review), width));
        }
        rows
    }
}

impl Screen for Sync {
    fn place(&self) -> Place {
        Place::Sync
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Home);
        shared.ask(Request::Media);
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut list = Self::state(shared);
        list.push(Row::blank());
        list.extend(Self::media(shared, width));
        list.push(Row::blank());
        match (&shared.sync, &shared.synced) {
            (Some(errand), _) => {
                let seconds = shared.now.up.saturating_sub(errand.since).as_secs();
                let steps = match errand.of {
                    0 => String::new(),
                    of => format!("  {}/{of}", errand.done),
                };
                let text = format!("{}  {}{steps}", lang.stage_syncing(), lang.elapsed(seconds));
                list.push(Row::of(Meaning::Strong, text));
            }
            (None, None) => list.extend(facts::say(Meaning::Plain, lang.sync_never_run(), width)),
            (None, Some(Ok(done))) => list.extend(Self::done(shared, done, width)),
            (None, Some(Err(failure))) => {
                list.extend(facts::failure(shared, failure, width));
                let told = errors::words(failure.code);
                list.extend(facts::say(Meaning::Plain, told.money(lang), width));
                list.push(Row::blank());
                list.push(Row::of(Meaning::Strong, lang.sheet_next()));
                list.extend(facts::say(Meaning::Plain, told.next(lang), width));
            }
        }
        View { title: lang.title_sync().to_owned(), list, top: self.top, ..View::default() }
    }

    fn hear(&mut self, _shared: &mut Shared, update: &Update) {
        if let Update::Synced { .. } = update {
            self.top = 0;
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match action {
            Action::Sync => {
                let errand = shared.begin(ErrandKind::Sync, None);
                shared.ask(Request::Sync { errand });
            }
            Action::Carry => {
                if let Some(dir) = picked(key).and_then(|row| shared.media.get(row)).cloned() {
                    let errand = shared.begin(ErrandKind::Sync, None);
                    shared.ask(Request::Carry { errand, dir });
                }
            }
            Action::Refresh => shared.ask(Request::Media),
            Action::Network => {
                shared.ask(Request::ToggleNetwork);
                shared.say(Meaning::Plain, shared.lang.network_toggled());
            }
            Action::Back => shared.back(),
            action => {
                let last = self.view(shared).max_top(shared.size);
                self.top = moved(self.top, movement(action), last);
            }
        }
    }
}
