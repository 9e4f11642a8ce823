//! "What happened?": recharges whose outcome is not known, and the way forward for each. It opens
//! by itself at the start if there are any.

use super::{Card, Recharge, Sync, facts, moved, movement};
use crate::jobs::views::{OpenIntentView, Request};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;

/// The list of open recharges.
#[derive(Debug, Default)]
pub struct WhatHappened {
    cursor: usize,
}

impl WhatHappened {
    fn selected<'a>(&self, shared: &'a Shared) -> Option<&'a OpenIntentView> {
        let open = &shared.home.as_ref()?.open_intents;
        open.get(self.cursor.min(open.len().saturating_sub(1)))
    }

    fn detail(&self, shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.detail_width());
        let Some(open) = self.selected(shared) else { return Vec::new() };
        let seen = open.decision.map_or(lang.what_not_tried(), |decision| lang.decision(decision));
        let mut rows = facts::say(Meaning::Strong, seen, width);
        let next = if open.readable { lang.what_read() } else { lang.what_sync() };
        rows.extend(facts::say(Meaning::Plain, next, width));
        let token = format!("{} {}", lang.fact_token(), open.token.short());
        rows.push(Row::of(Meaning::Faint, token));
        rows
    }
}

impl Screen for WhatHappened {
    fn place(&self) -> Place {
        Place::WhatHappened
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Home);
    }

    fn met(&self, shared: &Shared, need: Need) -> bool {
        match need {
            Need::Readable => self.selected(shared).is_some_and(|open| open.readable),
            Need::Port => self.selected(shared).is_some_and(|open| open.own_line),
            _ => self.selected(shared).is_some(),
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let title = lang.title_what_happened().to_owned();
        let open = match &shared.home {
            Some(home) => home.open_intents.as_slice(),
            None => {
                let head = vec![Row::of(Meaning::Faint, lang.waiting())];
                return View { title, head, ..View::default() };
            }
        };
        if open.is_empty() {
            let list = facts::say(Meaning::Good, &format!("OK {}", lang.what_none()), width);
            return View { title, list, ..View::default() };
        }
        let mut head = facts::say(Meaning::Alarm, &format!("? {}", lang.what_intro()), width);
        head.push(Row::blank());
        let cursor = self.cursor.min(open.len() - 1);
        let list = open.iter().enumerate().map(|(at, open)| {
            let sign = if open.readable { "?" } else { "!" };
            Row::of(Meaning::Alarm, format!("{} ", facts::mark(at == cursor, sign)))
                .column(Meaning::Plain, &open.meter.to_string(), 13)
                .column(Meaning::Plain, lang.act(open.act), 10)
                .number(Meaning::Strong, &lang.credit(open.credit), 14)
        });
        let list = list.collect();
        let detail = Some(self.detail(shared));
        View { title, head, list, cursor: Some(cursor), detail, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        let last = shared.home.as_ref().map_or(0, |home| home.open_intents.len().saturating_sub(1));
        match (action, self.selected(shared).cloned()) {
            (Action::Resolve, Some(open)) => {
                let recharge = Recharge::resolve(shared, open.meter, open.credit);
                shared.go(recharge);
            }
            (Action::Meter, Some(open)) => shared.go(Card::new(open.meter)),
            (Action::GoSync, _) => shared.go(Sync::default()),
            (Action::Back, _) => shared.back(),
            (action, _) => self.cursor = moved(self.cursor.min(last), movement(action), last),
        }
    }
}
