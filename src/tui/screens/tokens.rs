//! Tokens: what this handheld carries, and where each stands.

use super::{Card, Import, Recharge, Sync, WorkForm, facts, movement};
use crate::jobs::account;
use crate::jobs::views::{Request, TokenStateView, TokenView, Update};
use crate::tui::app::Screen;
use crate::tui::event::Key;
use crate::tui::keymap::{Action, Need, Place};
use crate::tui::shared::Shared;
use crate::tui::theme::Meaning;
use crate::tui::view::View;
use crate::tui::widgets::{PAGE, Pager, Row, Turn};
use crate::tui::{when, words};
use crate::units::{ErrandKind, TokenId};

/// Cells of a meter number and the space behind it.
const NUMBER_CELLS: usize = 13;
/// Cells of an amount.
const AMOUNT_CELLS: usize = 12;

/// The list of tokens.
#[derive(Debug)]
pub struct Tokens {
    pager: Pager<TokenView, TokenId>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { pager: Pager::new(|token| token.id) }
    }
}

impl Tokens {
    fn ask(&self, shared: &mut Shared) {
        shared.ask(Request::Tokens { after: self.pager.anchor(), limit: PAGE });
    }

    fn line(&self, shared: &Shared, at: usize, token: &TokenView) -> Row {
        let lang = shared.lang;
        let left = shared.size.list_width().saturating_sub(2 + NUMBER_CELLS + AMOUNT_CELLS + 1);
        let (sign, meaning) = words::token_sign(token.state);
        Row::of(meaning, facts::mark(at == self.pager.cursor(), sign))
            .column(Meaning::Plain, &token.meter.to_string(), NUMBER_CELLS)
            .number(Meaning::Strong, &lang.token_amount(token), AMOUNT_CELLS)
            .and(Meaning::Plain, " ")
            .column(meaning, lang.token_state(token.state), left)
    }

    fn detail(&self, shared: &Shared) -> Vec<Row> {
        let lang = shared.lang;
        let Some(token) = self.pager.selected() else { return Vec::new() };
        let (_, meaning) = words::token_sign(token.state);
        let until = when::minute(&shared.zone, token.expires);
        vec![
            facts::fact(lang.fact_act(), Meaning::Plain, lang.act(token.act)),
            facts::fact(lang.fact_state(), meaning, lang.token_state(token.state)),
            facts::fact(lang.fact_count(), Meaning::Plain, facts::step(shared, token)),
            facts::fact(lang.fact_valid_until(), Meaning::Plain, until),
            facts::fact(lang.fact_token(), Meaning::Faint, token.id.short()),
        ]
    }
}

impl Screen for Tokens {
    fn place(&self) -> Place {
        Place::Tokens
    }

    fn shown(&mut self, shared: &mut Shared) {
        self.ask(shared);
    }

    fn met(&self, shared: &Shared, need: Need) -> bool {
        let Some(token) = self.pager.selected() else { return false };
        let open = shared.home.iter().flat_map(|home| &home.open_intents);
        match need {
            Need::ReadyToken => token.state == TokenStateView::Ready,
            Need::Port => token.own_line,
            Need::NoOpenIntent => open.into_iter().all(|open| open.meter != token.meter),
            _ => true,
        }
    }

    fn view(&self, shared: &Shared) -> View {
        let (lang, width) = (shared.lang, shared.size.list_width());
        let mut head = Vec::new();
        let mut list = Vec::new();
        match self.pager.rows() {
            None => head.push(Row::of(Meaning::Faint, lang.waiting())),
            Some([]) => list = facts::say(Meaning::Plain, lang.tokens_none(), width),
            Some(rows) => {
                let lines = rows.iter().enumerate().map(|(at, token)| self.line(shared, at, token));
                list = lines.collect();
                let title = Row::plain("  ")
                    .column(Meaning::Faint, lang.fact_number(), NUMBER_CELLS)
                    .number(Meaning::Faint, lang.fact_amount(), AMOUNT_CELLS)
                    .and(Meaning::Faint, format!(" {}", lang.fact_state()));
                head.push(title);
            }
        }
        let cursor = self.pager.selected().map(|_| self.pager.cursor());
        let detail = Some(self.detail(shared));
        let title = lang.title_tokens().to_owned();
        View { title, head, list, cursor, detail, ..View::default() }
    }

    fn hear(&mut self, _shared: &mut Shared, update: &Update) {
        if let Update::Tokens { rows, more, after } = update {
            self.pager.set(*after, rows.clone(), *more);
        }
    }

    fn act(&mut self, shared: &mut Shared, action: Action, _key: Key) {
        match (action, self.pager.selected()) {
            (Action::UseToken, Some(token)) => match account::word(token.act) {
                // An opening, refund or reversal: its form, filled in.
                Some(act) => {
                    let (meter, id) = (token.meter.to_string(), token.id.to_string());
                    let values = [("act", act), ("meter", &meter), ("token", &id)];
                    let values = values.map(|(key, text)| (key.to_owned(), text.to_owned()));
                    let form = WorkForm::new(ErrandKind::Account, shared).filled(&values);
                    shared.go(form);
                }
                None => {
                    let recharge = Recharge::with_token(shared, token);
                    shared.go(recharge);
                }
            },
            (Action::Meter, Some(token)) => shared.go(Card::new(token.meter)),
            (Action::GoImport, _) => {
                let import = Import::new(&shared.import_from);
                shared.go(import);
            }
            (Action::GoSync, _) => shared.go(Sync::default()),
            (Action::Back, _) => shared.back(),
            (action, _) => {
                if let Turn::Ask(_) = self.pager.step(movement(action)) {
                    self.ask(shared);
                }
            }
        }
    }
}
