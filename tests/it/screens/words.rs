//! Words: the manual is current, everything said is said somewhere, columns hold their labels.

use super::{Hand, states};
use meterkit::jobs::views::{JournalKind, TokenStateView, Update};
use meterkit::report::Code;
use meterkit::text::{Lang, decisions, errors, keys, labels, people, screens, trust};
use meterkit::tui::event::Key;
use meterkit::tui::keymap::{self, Need, Place};
use meterkit::tui::theme::Palette;
use meterkit::tui::wrap;
use meterkit::units::Limit;
use std::path::{Path, PathBuf};

#[test]
fn keys_manual_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
    let manual = keymap::manual();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &manual).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == manual, "docs/keys.md is old: UPDATE_DOCS=1 cargo test keys_manual");
}

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_message_is_used() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let text: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let all = [keys::ALL, labels::ALL, people::ALL, screens::ALL, trust::ALL, decisions::ALL];
    let unused: Vec<&str> = all
        .into_iter()
        .flatten()
        .map(|(name, _, _)| *name)
        .filter(|name| !text.contains(&format!(".{name}(")))
        .collect();
    assert!(unused.is_empty(), "never said: {unused:?}");
}

#[test]
fn what_stands_on_the_message_line_fits_it() {
    // 40 cells: a reason that is cut off is no reason.
    const LINE: usize = 40;
    for lang in Lang::ALL {
        let fixed = [
            lang.stopping(),
            lang.stopped(),
            lang.engine_gone(),
            lang.engine_busy(),
            lang.worker_died(),
            lang.journal_checking(),
            lang.network_toggled(),
            lang.locks_soon(),
            lang.locked_idle(),
            lang.pin_differ(),
            lang.pin_done(),
            lang.supervise_freed(),
            lang.supervise_removed(),
        ];
        let made = [lang.digits_wrong(2), lang.journal_verified(50_000)];
        let all = Need::ALL.iter().map(|need| lang.need(*need)).chain(fixed);
        for text in all.chain(made.iter().map(String::as_str)) {
            assert!(wrap::width(text) <= LINE, "{lang:?}: {text}");
        }
    }
}

const KINDS: [JournalKind; 22] = [
    JournalKind::Enrolled,
    JournalKind::TokenImported,
    JournalKind::TokenWithdrawn,
    JournalKind::Reading,
    JournalKind::Refused,
    JournalKind::Intent,
    JournalKind::Resend,
    JournalKind::Outcome,
    JournalKind::TimeAnchor,
    JournalKind::Receipt,
    JournalKind::Resolved,
    JournalKind::LoggedIn,
    JournalKind::LoggedOut,
    JournalKind::PinSet,
    JournalKind::GrantTaken,
    JournalKind::OverrideTaken,
    JournalKind::OverrideUsed,
    JournalKind::DocumentTaken,
    JournalKind::Revoked,
    JournalKind::Software,
    JournalKind::Unproven,
    JournalKind::TailCut,
];

#[test]
fn labels_fit_their_columns() {
    use TokenStateView::*;
    // Name column of figures: 13 cells with a space behind; token state on a card's right pane:
    // 11; journal kind there: 13.
    for lang in Lang::ALL {
        for (name, en, zh) in labels::ALL.iter().filter(|(name, ..)| name.starts_with("fact_")) {
            let text = if lang == Lang::En { en } else { zh };
            let free = ["fact_took"].contains(name);
            assert!(free || wrap::width(text) <= 12, "{name}: {text}");
        }
        for state in [Ready, NotYet, Expired, Open, Accepted, Raced, Disputed, Withdrawn] {
            let word = lang.token_state(state);
            assert!(wrap::width(word) <= 11, "{lang:?}: {word}");
        }
        for kind in KINDS {
            assert!(wrap::width(lang.journal_kind(kind)) <= 13);
        }
        // Columns of figures: 13 cells with a space behind; menu names: 18 and a space.
        let names = [
            lang.log_in_operator(),
            lang.trust_device_name(),
            lang.trust_until(),
            lang.trust_you(),
            lang.trust_role(),
            lang.trust_may(),
            lang.trust_areas(),
            lang.trust_ends(),
            lang.summary_reads(),
            lang.summary_accepted(),
            lang.summary_refused(),
            lang.summary_unknown(),
            lang.summary_sum(),
            lang.summary_unsynced(),
            lang.after_this(),
        ];
        let limits = [Limit::Acts, Limit::Yuan, Limit::Kwh, Limit::Age].map(|l| lang.limit(l));
        for name in names.into_iter().chain(limits) {
            assert!(wrap::width(name) <= 12, "{lang:?}: {name}");
        }
        for place in Place::ALL {
            assert!(wrap::width(lang.place(place)) <= 30, "{place:?} in {lang:?}");
        }
    }
}

#[test]
fn every_failure_is_told_whole_on_the_smallest_screen() {
    for lang in Lang::ALL {
        for code in Code::ALL {
            let mut hand = Hand::new(lang, Palette::Mono, 40, 20);
            hand.tell(Update::Home(states::home()));
            hand.types("1");
            hand.types("4711");
            hand.press(Key::F(4));
            let errand = super::scenes::errand(&mut hand);
            hand.tell(Update::Read { errand, result: Err(states::failure(*code, "detail")) });
            if *code == Code::Cancelled {
                continue;
            }
            let shown: String = hand.text().split_whitespace().collect();
            let told = errors::words(*code);
            for text in [told.title(lang), told.money(lang), told.next(lang), code.as_str()] {
                let text: String = text.split_whitespace().collect();
                assert!(shown.contains(&text), "{code:?} {lang:?}: {text}\n{}", hand.text());
            }
        }
    }
}

#[test]
fn details_of_the_journal_are_words_and_none_is_lost() {
    let mut hand = Hand::new(Lang::Zh, Palette::Mono, 40, 20);
    hand.tell(Update::Home(states::home()));
    hand.types("3");
    let known = [
        ("MK-METER-05", "MK-METER-05"),
        ("torn-write", "次数已加，金额未加"),
        ("superseded", "已被替代"),
        ("12 items", "12 项数据"),
        ("count 3", "购电次数 3"),
        ("something new", "something new"),
        ("1001 recharge, 2 wrong", "1001 充值员、此前输错 2 次"),
        ("9001 idle", "9001 无操作锁定"),
        ("1002 something new", "1002 something new"),
        ("1002 freed", "1002 解除锁定"),
    ];
    for (detail, shown) in known {
        let mut row = states::journal().remove(1);
        row.detail = detail.to_owned();
        if detail.starts_with("100") || detail.starts_with("900") {
            row.kind = JournalKind::LoggedIn;
        }
        hand.tell(Update::Journal { rows: vec![row], more: false, before: None });
        assert!(hand.says(shown), "{detail}: {}", hand.text());
    }
}

#[test]
fn a_customers_name_cannot_steer_the_terminal() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("1");
    let rows = states::meter_rows(6);
    assert!(rows.iter().any(|row| row.customer.contains('\u{1b}')));
    hand.tell(Update::Meters { rows, more: false, search: String::new(), after: None });
    assert!(!hand.text().replace('\n', "").contains(char::is_control));
}
