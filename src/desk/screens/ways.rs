//! Where the keys of lists and cards lead: to another page, to a form that knows already what it
//! is about, or straight to a check.

use super::{Check, Form};
use crate::desk::act::Act;
use crate::desk::app;
use crate::desk::forms::Kind;
use crate::desk::keymap::Action;
use crate::desk::page::{Cell, Fact, Name};
use crate::desk::query::Query;
use crate::desk::shared::Shared;
use crate::desk::worker::CLOSED;
use crate::tui::when;
use crate::units::{MeterNo, TokenId};

/// The figures that say what an account that is closed holds.
const HELD: &[Name] = &["figures", "balance"];

/// A figure as it was told, for the field of a form.
fn told(facts: &[Fact], name: &str) -> Option<String> {
    let fact = facts.iter().find(|fact| fact.name == name)?;
    match &fact.cell {
        Cell::Text(text) | Cell::Word(text) => Some(text.clone()),
        _ => None,
    }
}

/// The meter a page or a row is about.
pub fn meter(facts: &[Fact]) -> Option<MeterNo> {
    told(facts, "meter")?.parse().ok()
}

/// Whether what a card is about is open: a meter whose account was not closed, a thing nobody has
/// settled.
pub fn open(facts: &[Fact]) -> bool {
    facts.iter().all(|fact| !["closed-at", "settled"].contains(&fact.name))
}

/// The newest token of a card that is out.
pub fn out(facts: &[Fact]) -> Option<TokenId> {
    told(facts, "token-newest")?.parse().ok()
}

/// Does what a key means on a page of a query, about the row or card `key` with its figures.
pub fn go(shared: &mut Shared, action: Action, query: &Query, key: &str, facts: &[Fact]) {
    let own = |name: &'static str| [(name, key.to_owned())];
    match action {
        Action::Lost => {
            if let Ok(device) = key.parse() {
                app::open(shared, Query::Lost(device));
            }
        }
        Action::Fence => {
            if let Ok(device) = key.parse() {
                shared.go(Form::new(Kind::Fence(device), &[]));
            }
        }
        Action::GoMeter => {
            if let Some(meter) = meter(facts) {
                app::open(shared, Query::Meter(meter));
            }
        }
        Action::Settle => settle(shared, query, key, facts),
        Action::Issue => match meter(facts) {
            Some(meter) => {
                shared.go(Form::new(Kind::Issue, &[("meter", meter.to_string())]));
            }
            None => shared.go(Form::new(Kind::Issue, &[])),
        },
        Action::Reissue => shared.go(Form::new(Kind::Reissue, &own("token"))),
        Action::RevokeToken => {
            if let Some(token) = out(facts) {
                shared.go(Check::new(Act::RevokeToken { token }));
            }
        }
        Action::Count => {
            if let Ok(meter) = key.parse() {
                shared.go(Form::new(Kind::Count(meter), &[]));
            }
        }
        Action::CloseAccount => {
            if let Ok(meter) = key.parse() {
                shared.go(Form::new(Kind::CloseMeter(meter, None), &[]).with(facts, HELD));
            }
        }
        Action::IssueDraft => {
            if let Ok(draft) = key.parse() {
                shared.go(Check::new(Act::IssueDraft { draft }));
            }
        }
        Action::NewDraft => shared.go(Form::new(Kind::Draft, &[])),
        Action::DropDraft => {
            if let Ok(draft) = key.parse() {
                shared.go(Check::new(Act::DropDraft { draft }));
            }
        }
        Action::AddOperator => shared.go(Form::new(Kind::AddOperator, &[])),
        Action::Grant => {
            let field = if whose(query) == "operator" { "operator" } else { "device" };
            shared.go(Form::new(Kind::Grant, &own(field)));
        }
        Action::RevokeOperator => {
            if let Ok(operator) = key.parse() {
                shared.go(Check::new(Act::RevokeOperator { operator }));
            }
        }
        Action::SignBundle => shared.go(Form::new(Kind::SignBundle, &[])),
        Action::GoRounds => app::open(shared, Query::Rounds),
        Action::NewRound => shared.go(Form::new(Kind::NewRound, &[])),
        Action::WithdrawRound => {
            let own = match query {
                Query::Round(round) => Some(*round),
                _ => key.parse().ok(),
            };
            if let Some(round) = own {
                shared.go(Check::new(Act::WithdrawRound { round }));
            }
        }
        Action::CloseShift => {
            let whose = whose(query);
            let known = [("whose", whose.to_owned()), (whose, key.to_owned())];
            let known = if matches!(query, Query::Shift) { &[] } else { &known[..] };
            shared.go(Form::new(Kind::CloseShift, known));
        }
        Action::Export => {
            let day = when::minute(&shared.zone, shared.now.wall).replace([' ', ':'], "-");
            let file = format!("{}-{day}.xlsx", query.file());
            shared.go(Form::new(Kind::Export(query.clone()), &[("file", file)]));
        }
        _ => {}
    }
}

/// Whose page it is.
fn whose(query: &Query) -> &'static str {
    match query {
        Query::Operators | Query::Operator(_) => "operator",
        _ => "device",
    }
}

/// A thing with a token is settled, one without is closed.
fn settle(shared: &mut Shared, query: &Query, key: &str, facts: &[Fact]) {
    let token = match query {
        Query::Doubt => Some(key.to_owned()),
        _ => told(facts, "token"),
    };
    match token {
        Some(token) => shared.go(Form::new(Kind::Settle, &[("token", token)])),
        None => {
            let closed = key.starts_with(CLOSED).then(|| meter(facts)).flatten();
            shared.go(match closed {
                Some(meter) => {
                    Form::new(Kind::CloseMeter(meter, Some(key.to_owned())), &[]).with(facts, HELD)
                }
                None => Form::new(Kind::CloseReview(key.to_owned()), &[]),
            });
        }
    }
}
