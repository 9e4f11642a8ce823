//! Home: where things stand, and the way to everything else.
//!
//! It is drawn before the engine has told anything, with `...` in place of the figures.

use super::{
    Frames, Journal, Leave, Meters, Ports, Settings, Sync, Tokens, WhatHappened, facts, moved,
    movement, picked,
};
use crate::jobs::views::{HomeView, Request};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;

/// The rows of the menu, in order.
const MENU: [Place; 8] = [
    Place::Meters,
    Place::Tokens,
    Place::Journal,
    Place::Sync,
    Place::WhatHappened,
    Place::Ports,
    Place::Frames,
    Place::Settings,
];

/// Cells of the menu's names.
const NAME_CELLS: usize = 18;

/// The home screen.
#[derive(Debug, Default)]
pub struct Home {
    cursor: usize,
}

impl Home {
    fn open(&self, shared: &mut Shared) {
        match MENU[self.cursor] {
            Place::Meters => shared.go(Meters::default()),
            Place::Tokens => shared.go(Tokens::default()),
            Place::Journal => shared.go(Journal::default()),
            Place::Sync => shared.go(Sync::default()),
            Place::WhatHappened => shared.go(WhatHappened::default()),
            Place::Ports => shared.go(Ports::default()),
            Place::Frames => shared.go(Frames::default()),
            _ => shared.go(Settings::default()),
        }
    }

    /// What stands behind a menu row.
    fn figure(shared: &Shared, place: Place) -> (Meaning, String) {
        let lang = shared.lang;
        let Some(home) = &shared.home else {
            let told = !matches!(place, Place::Settings | Place::Frames);
            return (Meaning::Faint, if told { lang.waiting() } else { "" }.to_owned());
        };
        match place {
            Place::Meters => (Meaning::Plain, home.meters.to_string()),
            Place::Tokens => (Meaning::Plain, home.tokens.to_string()),
            Place::Journal if home.unsynced == 0 => {
                (Meaning::Plain, lang.menu_all_synced().to_owned())
            }
            Place::Journal => (Meaning::Alarm, lang.menu_waiting(home.unsynced)),
            Place::Sync => match home.last_sync {
                Some(at) => (Meaning::Plain, shared.age(at)),
                None => (Meaning::Alarm, lang.never().to_owned()),
            },
            Place::WhatHappened if home.open_intents.is_empty() => {
                (Meaning::Plain, lang.menu_none_open().to_owned())
            }
            Place::WhatHappened => (Meaning::Alarm, lang.menu_open(home.open_intents.len())),
            Place::Ports => match shared.port() {
                Some(port) => (Meaning::Plain, port.to_owned()),
                None => (Meaning::Alarm, lang.menu_no_port().to_owned()),
            },
            _ => (Meaning::Plain, String::new()),
        }
    }

    /// What must be said before anything is done.
    fn warnings(shared: &Shared, home: &HomeView) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let mut rows = Vec::new();
        if let Some(failure) = &home.money_stopped {
            rows.extend(facts::say(Meaning::Fault, lang.home_money_stopped(), width));
            rows.extend(facts::say(Meaning::Plain, shared.sentence(failure.code), width));
        }
        if !home.open_intents.is_empty() {
            rows.extend(facts::say(Meaning::Alarm, lang.home_open(), width));
        }
        if home.meters == 0 && home.tokens == 0 {
            rows.extend(facts::say(Meaning::Plain, lang.home_start(), width));
        }
        rows
    }
}

impl Screen for Home {
    fn place(&self) -> Place {
        Place::Home
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Home);
    }

    fn view(&self, shared: &Shared) -> View {
        let lang = shared.lang;
        let (device, operator, network) = match &shared.home {
            Some(home) => {
                (home.device.as_str(), home.operator.as_str(), lang.network(home.network))
            }
            None => (lang.waiting(), shared.operator.as_str(), (lang.waiting(), Meaning::Faint)),
        };
        let mut head = vec![
            Row::of(Meaning::Strong, device).and(Meaning::Plain, format!("  {operator}")),
            Row::of(Meaning::Faint, format!("{} ", lang.fact_office())).and(network.1, network.0),
        ];
        head.extend(shared.home.iter().flat_map(|home| Self::warnings(shared, home)));
        head.push(Row::blank());
        let list = MENU.iter().enumerate().map(|(at, place)| {
            let (meaning, figure) = Self::figure(shared, *place);
            let sign = if at == self.cursor { ">" } else { " " };
            Row::plain(format!("{sign}{} ", at + 1))
                .column(Meaning::Strong, lang.place(*place), NAME_CELLS)
                .and(meaning, figure)
        });
        View {
            title: lang.program().to_owned(),
            head,
            list: list.collect(),
            cursor: Some(self.cursor),
            ..View::default()
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        match action {
            Action::Open => self.open(shared),
            Action::Pick => {
                if let Some(row) = picked(key).filter(|row| *row < MENU.len()) {
                    self.cursor = row;
                    self.open(shared);
                }
            }
            Action::GoSync => shared.go(Sync::default()),
            Action::Language => {
                shared.lang = shared.lang.other();
                shared.repaint();
            }
            Action::Network => shared.ask(Request::ToggleNetwork),
            Action::Leave => shared.go(Leave),
            action => self.cursor = moved(self.cursor, movement(action), MENU.len() - 1),
        }
    }
}
