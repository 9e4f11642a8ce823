//! Words of the longer errands: their fields, rows, questions and choices, by stable names.
//!
//! One file an errand; a name that several use stands in `shared`.

mod account;
mod bundle;
mod commission;
mod control;
pub mod hints;
mod pages;
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

/// The words for a name that may carry a place in a list: `tariff.day[2]`.
pub fn placed(lang: Lang, name: &str) -> String {
    match name.split_once('[') {
        Some((list, place)) => format!("{} {}", or_name(lang, list), place.trim_end_matches(']')),
        None => or_name(lang, name).to_owned(),
    }
}

/// A value in words: a name; several names with spaces or pluses between them; or as it is written.
/// Only names of several parts are taken for names in a row: a typed `no load` stays what it is.
pub fn value(lang: Lang, text: &str) -> String {
    if let Some(words) = word(lang, text) {
        return words.to_owned();
    }
    let name = |part: &str| word(lang, part).filter(|_| part.contains('-'));
    let both = |part: &str| {
        let words: Option<Vec<&str>> = part.split('+').map(name).collect();
        words.map(|words| words.join(" + "))
    };
    let all: Option<Vec<String>> = text.split(' ').map(both).collect();
    match (all, lang) {
        (Some(all), _) => all.join("; "),
        // Figures carry the international name of their currency, or the tables' own.
        (None, Lang::Zh) => {
            // The tables' own words stand between figures: `07:00 rate 03`, `10-01 table 02`.
            let text = text.replace(" CNY", " 元").replace(" yuan", " 元");
            text.replace(" rate ", " 费率").replace(" table ", " 时段表")
        }
        (None, Lang::En) => text.replace(" yuan", " CNY"),
    }
}

/// What an errand is for.
pub fn about(lang: Lang, kind: ErrandKind) -> &'static str {
    found(pages::ABOUT, lang, kind.name())
}

/// What a kind of field takes, by its stable name.
pub fn takes(lang: Lang, name: &str) -> &'static str {
    found(pages::TAKES, lang, name)
}

/// What to do about a meter in a special state.
pub fn undo(lang: Lang, mark: Mark) -> &'static str {
    found(pages::UNDO, lang, mark.name())
}

fn found(list: &'static [(&str, Both)], lang: Lang, name: &str) -> &'static str {
    let row = list.iter().find(|(own, _)| *own == name);
    row.map(|(_, words)| words.get(lang)).unwrap_or_default()
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
        for lang in Lang::ALL {
            assert!(ErrandKind::ALL.iter().all(|kind| !about(lang, *kind).is_empty()));
            assert!(Mark::ALL.iter().all(|mark| !undo(lang, *mark).is_empty()));
        }
        for (name, words) in [pages::ABOUT, pages::TAKES, pages::UNDO].concat() {
            assert!(words.en.is_ascii() && !words.zh.is_ascii(), "{name}");
        }
    }

    #[test]
    fn names_in_a_row_are_said_in_words_and_typed_text_stays() {
        let said = |text| value(Lang::En, text);
        assert_eq!(said("done"), "done");
        assert_eq!(
            said("wiring-right voltages-swapped-ab+current-reversed-c"),
            "wired right; voltages A and B are swapped + current C goes through backwards"
        );
        assert_eq!(said("no load in yes"), "no load in yes");
        assert_eq!(said("wiring-right 12"), "wiring-right 12");
        assert_eq!(value(Lang::Zh, "123.45 CNY, n=6"), "123.45 元, n=6");
        assert_eq!(value(Lang::Zh, "2.00 yuan -> 3.00 yuan"), "2.00 元 -> 3.00 元");
        assert_eq!(value(Lang::Zh, "00:00 rate 04, 07:00 rate 03"), "00:00 费率04, 07:00 费率03");
        assert_eq!(placed(Lang::En, "tariff.day[2]"), "day table 2");
        assert_eq!(placed(Lang::Zh, "limits.reverse"), "潮流反向功率下限");
    }
}
