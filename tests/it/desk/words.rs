//! The desk's words are whole: every code the office refuses with, every name a page uses, every
//! label in its place; and every command line it shows is one the program takes.

use super::{Hand, Site};
use crate::support::draw::screen_text;
use meterkit::desk::act::{Act, Whose};
use meterkit::desk::forms::{Kind, Takes};
use meterkit::desk::keymap::{self, Place, TABLE};
use meterkit::desk::query::{Query, Span};
use meterkit::office::command::takes;
use meterkit::text::Lang;
use meterkit::text::desk::{errors, words};
use meterkit::tui::event::Key;
use meterkit::tui::keymap::Pattern;
use meterkit::tui::wrap;
use meterkit::units;
use std::collections::HashSet;
use std::path::PathBuf;

fn source(file: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(file)).unwrap()
}

/// Every `"..."` behind a text in a source.
fn behind<'a>(source: &'a str, before: &str) -> Vec<&'a str> {
    source.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_refusal_of_the_office_says_what_to_do() {
    let text = source("src/office/error.rs");
    let codes: Vec<&str> = behind(&text, "=> \"");
    assert!(codes.len() > 40, "{codes:?}");
    for code in codes {
        assert!(errors::known(code), "no words for {code}");
        for lang in Lang::ALL {
            assert!(!errors::words(code).next.get(lang).is_empty(), "{code}");
        }
    }
    assert!(!errors::known("nonsense"));
}

/// Names a page is made of, read off the worker's sources and the forms.
#[test]
fn every_name_on_a_page_has_words() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/desk/worker");
    let mut names = HashSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let befores = ["Fact::new(\"", "Part::Head(\"", "Table { name: \"", "sums(\"", "alarm(\""];
        for before in befores {
            names.extend(behind(&text, before).into_iter().map(str::to_owned));
        }
        let says = text.split('"').filter(|word| word.starts_with("say-"));
        names.extend(says.map(str::to_owned));
    }
    assert!(names.len() > 60, "{}", names.len());
    let kinds = [Kind::Issue, Kind::IssueList, Kind::Settle, Kind::Reissue, Kind::AddOperator];
    for kind in kinds.iter().chain(&[Kind::Grant, Kind::CloseShift, Kind::SignBundle]) {
        names.insert(kind.name().to_owned());
        for field in kind.fields() {
            names.insert(field.key.to_owned());
            if let Takes::Choice(choices) = field.takes {
                names.extend(choices.iter().map(|choice| (*choice).to_owned()));
            }
        }
    }
    for name in &names {
        let known = words::word(Lang::En, name);
        assert!(known.is_some(), "no words for {name}");
    }
}

#[test]
fn no_name_stands_twice_and_field_names_fit() {
    let mut seen = HashSet::new();
    for (name, _) in words::LISTS.iter().flat_map(|list| list.iter()) {
        assert!(seen.insert(name), "{name} twice");
    }
    let kinds = [Kind::Issue, Kind::IssueList, Kind::Settle, Kind::AddOperator, Kind::Grant];
    for field in kinds.iter().flat_map(|kind| kind.fields()) {
        for lang in Lang::ALL {
            let name = words::or_name(lang, field.key);
            assert!(wrap::width(name) < 15, "{name}");
        }
    }
}

#[test]
fn keys_are_whole() {
    for place in Place::ALL {
        let mut seen = HashSet::new();
        for binding in keymap::of(place) {
            assert!(seen.insert(binding.key), "{place:?}: {:?} twice", binding.key);
        }
        assert!(!(seen.contains(&Pattern::Digit) && seen.contains(&Pattern::Text)), "{place:?}");
        assert!(keymap::lookup(place, Key::Esc).is_some(), "{place:?}: no way back");
        assert!(keymap::lookup(place, Key::F(1)).is_some(), "{place:?}: no help");
        for binding in keymap::of(place) {
            let faster = matches!(binding.key, Pattern::Is(Key::PageUp | Key::PageDown));
            let on_keypad = keymap::of(place).any(|other| {
                other.action == binding.action
                    && !matches!(other.key, Pattern::Is(Key::PageUp | Key::PageDown | Key::Char(_)))
            });
            assert!(faster || on_keypad, "{place:?} {:?}", binding.action);
        }
    }
    for binding in TABLE.iter().filter(|b| matches!(b.key, Pattern::Is(Key::F(_)))) {
        for lang in Lang::ALL {
            let label = lang.desk_label(binding.action);
            assert!(wrap::width(label) <= 8, "{lang:?}: {label}");
        }
    }
}

#[test]
fn desk_keys_manual() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/desk-keys.md");
    let text = keymap::manual();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(kept, text, "UPDATE_DOCS=1 cargo test desk_keys_manual writes it anew");
}

/// A shell's view of a line: words, and quoted words.
fn words_of(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

fn queries() -> Vec<Query> {
    vec![
        Query::Today,
        Query::Devices,
        Query::Device("hh-1".parse().unwrap()),
        Query::Lost("hh-1".parse().unwrap()),
        Query::Reviews,
        Query::Review("x".to_owned()),
        Query::Meters(String::new()),
        Query::Meters("张 B2".to_owned()),
        Query::Meter("47".parse().unwrap()),
        Query::Doubt,
        Query::Drafts,
        Query::Operators,
        Query::Operator("1001".parse().unwrap()),
        Query::Bundles,
        Query::Sales(Span::Day),
        Query::Sales(Span::Month),
        Query::Sales(Span::Year),
        Query::LostContact,
        Query::KeepPower,
        Query::Shift,
    ]
}

fn acts() -> Vec<Act> {
    let token = "0198d5a0-0000-7000-8000-000000000001".parse().unwrap();
    let device = || "hh-1".parse().unwrap();
    let operator = || "1001".parse().unwrap();
    let meter = "47".parse().unwrap();
    let reason = || "it's \"read\" twice".replace('\'', "");
    let issue =
        |kind, undoes| Act::Issue { meter, kind, amount: 5_025, device: device(), days: 3, undoes };
    let mut acts = vec![
        issue(units::Act::Recharge, None),
        issue(units::Act::Open, None),
        issue(units::Act::Refund, None),
        issue(units::Act::CarryIn, None),
        issue(units::Act::Reversal, Some(token)),
        Act::Draft(Box::new(issue(units::Act::Refund, None))),
        Act::IssueDraft { draft: token },
        Act::DropDraft { draft: token },
        Act::Settle { token, booked: true, reason: reason() },
        Act::Settle { token, booked: false, reason: reason() },
        Act::CloseReview { id: "a/1 b".to_owned(), reason: reason() },
        Act::Reissue { token, days: 3 },
        Act::RevokeToken { token },
        Act::Fence { device: device(), to: None, days: 3 },
        Act::Fence { device: device(), to: Some("hh-2".parse().unwrap()), days: 3 },
        Act::AddOperator {
            id: operator(),
            name: "Li Na".to_owned(),
            role: units::Role::Recharge,
            areas: vec!["east".to_owned(), "west".to_owned()],
            days: 90,
        },
        Act::Grant { operator: operator(), device: device() },
        Act::RevokeOperator { operator: operator() },
        Act::Count { meter, count: 7, reason: reason() },
        Act::SignBundle {
            file: "a b.toml".into(),
            device: device(),
            area: Some("east".to_owned()),
            days: 30,
            out: "b.mkb".into(),
        },
        Act::CloseShift(Whose::Device(device())),
        Act::CloseShift(Whose::Operator(operator())),
    ];
    for (device, again) in [(None, 1), (Some(device()), 0)] {
        acts.push(Act::IssueList { file: "list.xlsx".into(), device, days: 3, again });
    }
    let listed = queries()
        .into_iter()
        .filter(Query::is_list)
        .filter(|q| !matches!(q, Query::Today | Query::Drafts));
    for query in listed.chain([Query::Lost(device())]) {
        acts.push(Act::Export { query, file: "a b.xlsx".into() });
    }
    acts
}

#[test]
fn every_command_line_shown_is_one_the_program_takes() {
    let lines = queries().into_iter().map(|query| query.command());
    for line in lines.chain(acts().into_iter().map(|act| act.command())) {
        let words = words_of(&line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert!(takes(&words), "not a command line: {line}");
    }
    assert!(!takes(&["issue", "--meter", "47"]), "a broken line is taken");
}

/// No page says a stable name in place of words: those hold a `-` and no space.
#[test]
fn no_page_shows_a_bare_name() {
    let site = Site::new();
    for lang in Lang::ALL {
        let mut hand = Hand::new(&site.desk, lang, super::Palette::Mono, 80, 24);
        for digit in "1267890".chars() {
            hand.press(Key::Char(digit));
            hand.press(Key::Enter);
            let text = screen_text(&hand.buffer());
            for word in ["say-", "why-", "fence-", "act-", "takes-", "verb-"] {
                assert!(!text.contains(word), "{word} in\n{text}");
            }
            hand.presses(&[Key::Esc, Key::Esc]);
            if hand.place() == Place::Leave {
                hand.press(Key::Esc);
            }
        }
    }
}

/// What the office writes about an entry has words in both languages.
#[test]
fn every_reason_of_a_review_has_words() {
    let text = source("src/office/reconcile.rs");
    let starts = ["Class::C1, \"", "Class::C3, \"", "Class::C4, \"", "Class::C5, \"", "Some(\""];
    let more = ["Class::C8, \"", "Class::C10, \""];
    let mut reasons = 0;
    for reason in starts.iter().chain(&more).flat_map(|start| behind(&text, start)) {
        assert!(meterkit::text::conflict::why(reason).is_some(), "no words for {reason}");
        reasons += 1;
    }
    assert!(reasons > 30, "{reasons}");
}

/// A name in front of a figure must leave a space before it.
#[test]
fn names_of_figures_fit_in_front_of_them() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/desk/worker");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for name in behind(&text, "Fact::new(\"").into_iter().chain(behind(&text, "sums(\"")) {
            // This one stands in a sentence of its own.
            if name == "dangerous-until" {
                continue;
            }
            for lang in Lang::ALL {
                let words = words::or_name(lang, name);
                assert!(wrap::width(words) < 13, "{name}: {words}");
            }
        }
    }
}
