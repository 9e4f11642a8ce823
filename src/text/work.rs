//! Words of the longer errands: their fields, rows, questions and choices, by stable names.
//!
//! One file an errand; a name that several use stands in `shared`.

mod account;
mod bundle;
mod commission;
mod control;
pub mod hints;
pub mod round;
mod shared;
mod swap;

use super::{Both, Lang};
use crate::units::{ErrandKind, Mark, StepState};

/// All lists.
const LISTS: &[&[(&str, Both)]] = &[
    shared::WORDS,
    swap::WORDS,
    account::WORDS,
    control::WORDS,
    bundle::WORDS,
    commission::WORDS,
    round::WORDS,
];

/// The words for a stable name; none where it is a figure and no name.
pub fn word(lang: Lang, name: &str) -> Option<&'static str> {
    let rows = LISTS.iter().flat_map(|list| list.iter());
    rows.into_iter().find(|(known, _)| *known == name).map(|(_, words)| words.get(lang))
}

/// The words for a name, or the name itself.
pub fn or_name(lang: Lang, name: &str) -> &str {
    word(lang, name).unwrap_or(name)
}

/// The name of a kind of errand.
pub fn kind(lang: Lang, kind: ErrandKind) -> &'static str {
    word(lang, kind.name()).unwrap_or(kind.name())
}

/// How far a step came.
pub fn state(lang: Lang, state: StepState) -> &'static str {
    word(lang, state.name()).unwrap_or(state.name())
}

/// What is remembered of a meter.
pub fn mark(lang: Lang, mark: Mark) -> &'static str {
    word(lang, mark.name()).unwrap_or(mark.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_words_once_and_in_both_languages() {
        let mut seen = std::collections::HashSet::new();
        for (name, words) in LISTS.iter().flat_map(|list| list.iter()) {
            assert!(seen.insert(name), "{name} twice");
            assert!(name.is_ascii() && words.en.is_ascii(), "{name}");
            assert!(!words.en.is_empty() && !words.zh.is_ascii(), "{name}: {}", words.zh);
        }
        let kinds = ErrandKind::ALL.iter().map(|kind| kind.name());
        let states = StepState::ALL.iter().map(|state| state.name());
        let marks = Mark::ALL.iter().map(|mark| mark.name());
        for name in kinds.chain(states).chain(marks) {
            assert!(word(Lang::Zh, name).is_some(), "{name}");
        }
    }
}
