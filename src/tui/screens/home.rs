//! Home: where things stand, and the way to everything else.
//!
//! It is drawn before the engine has told anything, with `...` in place of the figures. On a small
//! screen the menu comes first: what does not fit above it is left out, least important first, and
//! stands on the trust screen whole.

use super::{
    Frames, Journal, Leave, LogOut, Meters, Ports, Settings, Sync, Tokens, Trust, WhatHappened,
    Works, facts, moved, movement, picked, trust,
};
use crate::jobs::views::{HomeView, Request, Standing};
use crate::text::errors;
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::when;
use crate::tui::widgets::Row;

/// The rows of the menu, in order.
const MENU: [Place; 10] = [
    Place::Meters,
    Place::Tokens,
    Place::Journal,
    Place::Sync,
    Place::WhatHappened,
    Place::Ports,
    Place::Frames,
    Place::Settings,
    Place::Trust,
    Place::Works,
];

/// Cells of the menu's names.
const NAME_CELLS: usize = 18;

/// Rows above the menu, and how early they are left out: the lowest number goes last.
type Part = (u8, Vec<Row>);

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
            Place::Trust => shared.go(Trust::default()),
            Place::Works => shared.go(Works::default()),
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
            Place::Works => match home.open_works {
                0 => (Meaning::Plain, lang.menu_no_works().to_owned()),
                open => (Meaning::Alarm, lang.menu_works(open)),
            },
            Place::Trust => match shared.standing() {
                Some(standing) => {
                    let (word, meaning) = lang.standing(standing);
                    (meaning, word.to_owned())
                }
                None => (Meaning::Faint, lang.waiting().to_owned()),
            },
            _ => (Meaning::Plain, String::new()),
        }
    }

    /// Which handheld, who, in which role.
    fn who(shared: &Shared) -> Row {
        let device = shared.home.as_ref().map_or(shared.lang.waiting(), |home| &home.device);
        let row = Row::of(Meaning::Strong, device);
        match &shared.session {
            Some(session) => {
                let name =
                    if session.name.is_empty() { session.operator.as_str() } else { &session.name };
                row.and(Meaning::Plain, format!("  {name}"))
                    .and(Meaning::Faint, format!("  {}", shared.lang.role(session.role)))
            }
            None => row,
        }
    }

    /// How money stands, the gravest reason, and what to do about it.
    fn trust(shared: &Shared, width: usize) -> [Part; 3] {
        let lang = shared.lang;
        let Some(standing) = shared.standing() else { return [1, 2, 3].map(|at| (at, vec![])) };
        let (word, meaning) = lang.standing(standing);
        let mut row = Row::of(meaning, word);
        if let Some(until) = shared.trust().and_then(|trust| trust.status_until) {
            let at = when::short(&shared.zone, until);
            let over = until <= shared.now.wall;
            let text = if over { lang.home_ended(&at) } else { lang.home_until(&at) };
            row = row.and(Meaning::Faint, format!("  {text}"));
        }
        let (mut why, mut next) = (Vec::new(), Vec::new());
        if let Some(reason) = shared.reasons().first() {
            let told = errors::words(reason.code);
            let meaning = if standing > Standing::Warn { Meaning::Plain } else { Meaning::Alarm };
            why = facts::say(meaning, told.title(lang), width);
            next = facts::say(Meaning::Plain, &lang.home_next(told.next(lang)), width);
        }
        [(1, vec![row]), (2, why), (3, next)]
    }

    /// What must be said before anything is done.
    fn warnings(shared: &Shared, home: &HomeView, width: usize) -> Vec<Row> {
        let lang = shared.lang;
        let mut rows = Vec::new();
        if !home.open_intents.is_empty() {
            rows.extend(facts::say(Meaning::Alarm, lang.home_open(), width));
        }
        if home.meters == 0 && home.tokens == 0 {
            rows.extend(facts::say(Meaning::Plain, lang.home_start(), width));
        }
        rows
    }

    /// The rows above the menu, as many as fit.
    fn head(shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.page_width());
        let network = match &shared.home {
            Some(home) => lang.network(home.network),
            None => (lang.waiting(), Meaning::Faint),
        };
        let office =
            Row::of(Meaning::Faint, format!("{} ", lang.fact_office())).and(network.1, network.0);
        let mut parts: Vec<Part> = vec![(0, vec![Self::who(shared)]), (6, vec![office])];
        parts.extend(Self::trust(shared, width));
        parts.push((5, trust::offline(shared, width)));
        let warnings = shared.home.as_ref().map(|home| Self::warnings(shared, home, width));
        parts.push((4, warnings.unwrap_or_default()));
        parts.push((7, vec![Row::blank()]));
        fit(parts, usize::from(shared.size.body_rows()).saturating_sub(MENU.len()))
    }
}

/// The parts in their order, without those for which there is no room beside the more important
/// ones.
fn fit(parts: Vec<Part>, room: usize) -> Vec<Row> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|at| parts[*at].0);
    let (mut left, mut taken) = (room, vec![false; parts.len()]);
    for at in order {
        let rows = parts[at].1.len();
        taken[at] = rows <= left;
        left -= if taken[at] { rows } else { 0 };
    }
    let parts = parts.into_iter().zip(taken).filter(|(_, taken)| *taken);
    parts.flat_map(|((_, rows), _)| rows).collect()
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
        let list = MENU.iter().enumerate().map(|(at, place)| {
            let (meaning, figure) = Self::figure(shared, *place);
            let sign = if at == self.cursor { ">" } else { " " };
            Row::plain(format!("{sign}{} ", (at + 1) % 10))
                .column(Meaning::Strong, lang.place(*place), NAME_CELLS)
                .and(meaning, figure)
        });
        View {
            title: lang.program().to_owned(),
            head: Self::head(shared),
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
            Action::GoLogOut => shared.go(LogOut),
            Action::Leave => shared.go(Leave),
            action => self.cursor = moved(self.cursor, movement(action), MENU.len() - 1),
        }
    }
}
