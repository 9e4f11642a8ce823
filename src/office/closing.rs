//! An account that was closed at its meter: what a person at the office has to pay back.

use super::book::Book;
use super::entry::{Source, flag};
use super::model::Class;
use crate::sync::wire::Event;
use crate::units::{ErrandKind, StepState};

/// The step of an account's errand that says what its meter showed when it was closed.
const CLOSING: &str = "closing-reading";

/// An account was closed at its meter: the money it shows is the customer's, and only a person can
/// pay it back. The handheld moves none of it.
pub(super) fn follow(
    book: &mut Book,
    source: &Source<'_>,
    event: &Event,
) -> Option<(Class, &'static str)> {
    let Event::Step(step) = event else { return None };
    let closed = step.kind == ErrandKind::Account && step.name == CLOSING;
    if !closed || step.state != StepState::Done {
        return None;
    }
    let note = |name: &str| {
        let found = step.notes.iter().find(|(key, _)| key == name);
        found.map_or("?", |(_, value)| value.as_str())
    };
    let found = (Class::C8, "an account was closed in the field, its balance is to be paid back");
    let [refund, account, energy, count] = ["to-refund", "account", "energy", "count"].map(note);
    let says = format!("{}: {refund} / {account} / {energy} / n={count}", found.1);
    let id = format!("C8:closed:{}:{}:{}", source.device, source.epoch, source.seq);
    flag(book, source, (id, found.0, &says), step.meter, None);
    Some(found)
}
