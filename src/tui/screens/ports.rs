//! Ports: the adapters there are, whether they may be used, and which one is.

use super::{Survey, facts, moved, movement, picked};
use crate::jobs::views::{PortView, Request};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::Row;

/// The list of ports.
#[derive(Debug, Default)]
pub struct Ports {
    cursor: usize,
}

impl Ports {
    fn selected<'a>(&self, shared: &'a Shared) -> Option<&'a PortView> {
        let ports = shared.ports.as_ref()?;
        ports.get(self.cursor.min(ports.len().saturating_sub(1)))
    }

    fn state(shared: &Shared, port: &PortView) -> (Meaning, &'static str) {
        let lang = shared.lang;
        if let Some(trouble) = port.trouble {
            (Meaning::Fault, lang.port_trouble(trouble).0)
        } else if shared.port().is_some_and(|chosen| port.is(chosen)) {
            (Meaning::Good, lang.ports_using())
        } else {
            (Meaning::Plain, lang.ports_free())
        }
    }

    fn detail(&self, shared: &Shared) -> Vec<Row> {
        let (lang, width) = (shared.lang, shared.size.detail_width());
        let Some(port) = self.selected(shared) else { return Vec::new() };
        let (meaning, state) = Self::state(shared, port);
        let mut rows = vec![Row::of(meaning, state)];
        if let Some(trouble) = port.trouble {
            rows.extend(facts::say(Meaning::Plain, lang.port_trouble(trouble).1, width));
            let fix = port.fix.as_deref().unwrap_or_default();
            rows.extend(facts::say(Meaning::Strong, fix, width));
        }
        rows.extend(facts::say(Meaning::Plain, &port.endpoint, width));
        let about = format!("{} {}", port.name, port.identity);
        rows.extend(facts::say(Meaning::Faint, about.trim(), width));
        rows
    }
}

impl Screen for Ports {
    fn place(&self) -> Place {
        Place::Ports
    }

    fn shown(&mut self, shared: &mut Shared) {
        shared.ask(Request::Ports);
    }

    fn met(&self, shared: &Shared, need: Need) -> bool {
        match (self.selected(shared), need) {
            (None, _) | (_, Need::Port) => false,
            (Some(port), Need::Allowed) => port.trouble.is_none(),
            (Some(_), _) => true,
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.list_width());
        let title = lang.title_ports().to_owned();
        let ports = match &shared.ports {
            None => {
                let list = vec![Row::of(Meaning::Faint, lang.waiting())];
                return View { title, list, ..View::default() };
            }
            Some(ports) if ports.is_empty() => {
                let list = facts::say(Meaning::Plain, lang.ports_none(), width);
                return View { title, list, ..View::default() };
            }
            Some(ports) => ports,
        };
        let cursor = self.cursor.min(ports.len() - 1);
        let list = ports.iter().enumerate().map(|(at, port)| {
            let (meaning, state) = Self::state(shared, port);
            let sign = if at == cursor { ">" } else { " " };
            let state_cells = 14;
            let name = width.saturating_sub(3 + state_cells + 1);
            Row::plain(format!("{sign}{} ", (at + 1) % 10))
                .column(Meaning::Plain, &port.endpoint, name)
                .and(meaning, format!(" {state}"))
        });
        let list = list.collect();
        let detail = Some(self.detail(shared));
        View { title, list, cursor: Some(cursor), detail, ..View::default() }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, key: Key) {
        let last = shared.ports.as_ref().map_or(0, |ports| ports.len().saturating_sub(1));
        match action {
            Action::UsePort => {
                if let Some(port) = self.selected(shared) {
                    let endpoint = port.endpoint.clone();
                    shared.say(Meaning::Good, shared.lang.ports_chosen(&endpoint));
                    shared.ask(Request::ChoosePort(endpoint));
                }
            }
            Action::Pick => {
                self.cursor = picked(key).filter(|row| *row <= last).unwrap_or(self.cursor);
            }
            Action::Refresh => shared.ask(Request::Ports),
            Action::GoSurvey => shared.go(Survey::default()),
            Action::Back => shared.back(),
            action => self.cursor = moved(self.cursor.min(last), movement(action), last),
        }
    }
}
