//! Longer errands on the screens: what keys do, and what is asked of the engine.

use super::scenes::acts;
use super::work_scenes::{
    TO_THE_END, ask_choice, ask_digits, ask_enter, ask_go, certified, commission, done,
    form_account, form_control, form_fault, form_odd, list, listed, plan, plan_failed, resume,
    resume_password, resumed, work,
};
use super::{Hand, states};
use meterkit::jobs::access::MeterPassword;
use meterkit::jobs::errand::{self, Answer, Ask, Row, Sign};
use meterkit::jobs::views::{Request, Update};
use meterkit::report::Code;
use meterkit::text::{Lang, work as names};
use meterkit::tui::event::Key;
use meterkit::tui::keymap::{Action, Place};
use meterkit::tui::theme::Palette;
use meterkit::tui::wrap;
use meterkit::units::ErrandKind;

/// Each command has a page of its own name.
#[test]
fn every_kind_is_reached_by_its_name() {
    for (at, own) in (1..).zip(errand::all()) {
        let mut hand = Hand::small();
        list(&mut hand);
        assert!(hand.text().to_lowercase().contains(own.kind().name()), "{}", hand.text());
        hand.types(&at.to_string());
        let title = hand.text().lines().next().unwrap().trim().to_lowercase();
        assert_eq!(title, own.kind().name());
        hand.tell(listed());
        hand.press(Key::Enter);
        assert_eq!(hand.app.place(), Place::WorkForm);
    }
}

/// A name that is cut off names nothing.
#[test]
fn every_field_has_room_for_its_name() {
    for own in errand::all() {
        for field in own.fields() {
            for lang in Lang::ALL {
                let name = names::or_name(lang, field.key);
                let mark = usize::from(field.required);
                assert!(wrap::width(name) + mark <= 19, "{}: {name}", field.key);
            }
        }
    }
}

/// Whoever leaves out what is needed is told what to write, in both languages.
#[test]
fn every_field_that_is_needed_says_what_it_takes() {
    for own in errand::all() {
        for field in own.fields().iter().filter(|field| field.required) {
            for lang in Lang::ALL {
                let sentence = names::hints::hint(lang, field.key);
                assert!(sentence.is_some_and(|text| !text.is_empty()), "{}", field.key);
            }
        }
    }
}

/// A form shows what belongs to its choice, the values of nothing else go into the plan, and
/// screen and command have the same fields.
#[test]
fn a_form_shows_what_belongs_to_the_choice() {
    let keys = |command: &str| -> Vec<&'static str> {
        let own = errand::all().iter().find(|own| own.kind() == ErrandKind::Control).unwrap();
        let values = errand::Values::default().with("command", command);
        let shown = own.fields().iter().filter(|field| own.asks(&values, field.key));
        shown.map(|field| field.key).collect()
    };
    assert_eq!(keys("trip"), ["command", "meters", "reason"]);
    assert_eq!(
        keys("settings"),
        ["command", "meters", "alarm-1", "alarm-2", "overload-w", "overload-s"]
    );
    assert_eq!(
        keys("price-download"),
        ["command", "meters", "bundle", "new-password", "far", "instead"]
    );
    assert_eq!(keys("reading-export"), ["command", "meters", "round-export", "round-bom"]);
    let mut hand = Hand::small();
    form_control(&mut hand);
    hand.press(Key::Enter);
    hand.types("0 1 2");
    hand.press(Key::Down);
    hand.types("arrears");
    // Another command: the reason is out of sight, and out of the plan.
    hand.presses(&[Key::Up; 5]);
    hand.types("6");
    assert!(!hand.says("arrears") && hand.says("alarm amount 1"), "{}", hand.text());
    hand.presses(TO_THE_END);
    hand.asked();
    hand.press(Key::Enter);
    let asked = hand.asked();
    let values = asked.iter().find_map(|request| match request {
        Request::WorkPlan { values, .. } => Some(values.clone()),
        _ => None,
    });
    assert_eq!(values.unwrap().get("reason"), None);
}

/// What the office signed is picked, and its form is filled in: nobody types a token's name.
#[test]
fn what_waits_is_picked_and_fills_in_its_form() {
    let mut hand = Hand::small();
    list(&mut hand);
    assert!(hand.says("1 ready"), "{}", hand.text());
    hand.types("4");
    hand.tell(listed());
    assert!(hand.says("summer 2026 v3"), "{}", hand.text());
    hand.types("2");
    assert_eq!(hand.app.place(), Place::WorkForm);
    assert!(hand.says("summer 2026") && hand.says(">meters*"), "{}", hand.text());
    hand.asked();
    hand.types("0 1");
    hand.presses(TO_THE_END);
    hand.press(Key::Enter);
    let asked = hand.asked();
    let values = asked.iter().find_map(|request| match request {
        Request::WorkPlan { values, .. } => Some(values.clone()),
        _ => None,
    });
    let values = values.unwrap();
    assert_eq!((values.get("bundle"), values.get("meters")), (Some("summer 2026"), Some("0 1")));
}

/// The digits that prove who stands before which meter are not on the page that asks for them.
#[test]
fn the_number_asked_for_is_not_on_its_page() {
    let mut hand = Hand::small();
    ask_digits(&mut hand);
    let number = states::no(1).to_string();
    assert!(hand.says("type the last four digits"), "{}", hand.text());
    assert!(!hand.text().contains(&number), "{}", hand.text());
    assert!(hand.text().contains(&number[..8]), "{}", hand.text());
}

#[test]
fn a_fault_found_by_the_plan_is_told_on_the_form() {
    let mut hand = Hand::small();
    form_fault(&mut hand);
    assert_eq!(hand.app.place(), Place::WorkForm);
    let told = "X reason: Write a reason: why is it done?";
    assert!(hand.says(told), "{}", hand.text());
    assert!(hand.text().contains(">reason"), "{}", hand.text());
    assert!(hand.says("0 1 2"), "what was typed is kept: {}", hand.text());
    hand.asked();
    hand.types("arrears");
    hand.presses(TO_THE_END);
    hand.press(Key::Enter);
    let asked = hand.asked();
    let values = asked.iter().find_map(|request| match request {
        Request::WorkPlan { values, .. } => Some(values.clone()),
        _ => None,
    });
    let values = values.unwrap();
    assert_eq!((values.get("reason"), values.get("meters")), (Some("arrears"), Some("0 1 2")));
}

/// Esc at a plan leads to its form; when it is begun there is no form to begin it twice from.
#[test]
fn back_leads_to_the_form_until_it_is_begun() {
    let mut hand = Hand::small();
    plan(&mut hand);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::WorkForm);
    let mut hand = Hand::small();
    ask_go(&mut hand);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::Works);
    let mut hand = Hand::small();
    done(&mut hand);
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::Works);
}

/// What is opened from the list is looked at first: nothing is asked of a meter before Enter.
#[test]
fn a_resumed_errand_sends_nothing_before_enter() {
    let mut hand = Hand::small();
    resume(&mut hand);
    let asked = hand.asked();
    let shown = |request: &Request| matches!(request, Request::WorkShow(of) if *of == work(1));
    assert!(asked.iter().any(shown), "{asked:?}");
    assert!(!asked.iter().any(|request| matches!(request, Request::WorkGo { .. })), "{asked:?}");
    hand.press(Key::Enter);
    let asked = hand.asked();
    let goes = |request: &Request| match request {
        Request::WorkGo { work: of, answer, .. } => *of == work(1) && *answer == Answer::None,
        _ => false,
    };
    assert!(asked.iter().any(goes), "{asked:?}");
}

/// The meters' password is not in the journal: it is typed again, and goes with the next step.
#[test]
fn a_password_can_be_given_when_carrying_on() {
    let mut hand = Hand::small();
    resume_password(&mut hand);
    assert!(hand.says("****_") && !hand.text().contains("1234"), "{}", hand.text());
    hand.press(Key::Enter);
    assert!(!hand.says("The password is set."), "four digits are none");
    hand.press(Key::F(2));
    hand.types("123456");
    hand.press(Key::Enter);
    assert!(hand.says("The password is set."), "{}", hand.text());
    hand.asked();
    hand.press(Key::Enter);
    let given = hand.asked().into_iter().find_map(|request| match request {
        Request::WorkGo { password, .. } => Some(password),
        _ => None,
    });
    assert_eq!(given, Some(Some(MeterPassword::parse("123456").unwrap())));
    // Esc leaves the field, not the page.
    let mut hand = Hand::small();
    resume_password(&mut hand);
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::WorkSheet);
    assert!(!hand.says("****_"));
}

/// A digit only points at a choice: "it is dead" is not one slip of a finger away.
#[test]
fn a_choice_is_confirmed() {
    let mut hand = Hand::small();
    ask_choice(&mut hand);
    let goes = |asked: Vec<Request>| {
        asked.into_iter().find_map(|request| match request {
            Request::WorkGo { answer, .. } => Some(answer),
            _ => None,
        })
    };
    assert_eq!(goes(hand.asked()), None);
    hand.types("9");
    assert!(hand.says(">2 it is dead"), "no ninth choice: {}", hand.text());
    hand.types("1");
    hand.press(Key::Enter);
    assert_eq!(goes(hand.asked()), Some(Answer::Text("again".to_owned())));
    let mut hand = Hand::small();
    resumed(&mut hand, |sheet| sheet.ask = Ask::Choice("old-silent", &["again", "dead"]));
    hand.asked();
    hand.press(Key::Enter);
    assert_eq!(goes(hand.asked()), None, "nothing was chosen");
}

/// The suggested figure is there to be taken or changed.
#[test]
fn a_suggested_figure_is_filled_in() {
    let mut hand = Hand::small();
    ask_enter(&mut hand);
    hand.asked();
    hand.press(Key::Left);
    hand.types("1");
    hand.press(Key::Enter);
    let said = hand.asked().into_iter().find_map(|request| match request {
        Request::WorkGo { answer, .. } => answer.text().map(str::to_owned),
        _ => None,
    });
    assert_eq!(said.as_deref(), Some("50.01"));
}

/// After a failed plan Enter plans again: nothing is begun that nobody saw.
#[test]
fn nothing_is_begun_without_a_plan() {
    let mut hand = Hand::small();
    plan_failed(&mut hand);
    hand.asked();
    hand.press(Key::Enter);
    let asked = hand.asked();
    assert!(asked.iter().any(|request| matches!(request, Request::WorkPlan { .. })), "{asked:?}");
    assert!(!asked.iter().any(|request| matches!(request, Request::WorkBegin { .. })), "{asked:?}");
}

/// The key for the drawing is there only where there is something to draw.
#[test]
fn the_drawing_has_a_key_where_there_is_one() {
    let label = |hand: &Hand| hand.app.shared().lang.action_label(Action::Draw);
    let mut hand = Hand::small();
    resume(&mut hand);
    assert!(!hand.says(label(&hand)));
    hand.press(Key::F(3));
    assert_eq!(hand.app.place(), Place::WorkSheet);
    let mut hand = Hand::small();
    commission(&mut hand, false);
    assert!(hand.says(label(&hand)), "{}", hand.text());
    hand.press(Key::F(3));
    assert_eq!(hand.app.place(), Place::Wiring);
    for name in ["Ua", "Ub", "Uc", "Ia", "Ib", "Ic"] {
        assert!(hand.text().contains(name), "{name}: {}", hand.text());
    }
    assert!(hand.says("X wired wrong confidence fair"), "{}", hand.text());
    assert!(hand.says("C 220.3 V 2.531 A -161.8 deg"), "{}", hand.text());
    hand.press(Key::Esc);
    assert_eq!(hand.app.place(), Place::WorkSheet);
}

#[test]
fn a_choice_field_takes_its_choices_only() {
    let mut hand = Hand::small();
    form_control(&mut hand);
    assert!(hand.says("<trip>"), "{}", hand.text());
    hand.types("4");
    assert!(hand.says("<keep-power>"), "{}", hand.text());
    hand.types("9x");
    assert!(hand.says("<keep-power>"), "{}", hand.text());
    hand.press(Key::Right);
    assert!(hand.says("<restore prepaid>"), "{}", hand.text());
}

/// On a small screen the row that a question is about is seen with it, and stays where a person
/// scrolled to.
#[test]
fn the_row_that_is_asked_about_is_seen() {
    let mut hand = Hand::small();
    resumed(&mut hand, |sheet| {
        sheet.rows.extend((0..20).map(|_| Row::new(Sign::Good, "comm-reading", "")));
        let failure = states::failure(Code::MeterSilent, "here");
        sheet.rows.push(Row::new(Sign::Bad, "comm-relay", "").because(failure));
        sheet.rows.extend((0..20).map(|_| Row::new(Sign::Todo, "comm-account", "")));
        sheet.ask = Ask::Choice("comm-failed", &["comm-again", "comm-skip"]);
    });
    assert!(hand.says("X relay test MK-LINK-03"), "{}", hand.text());
    hand.presses(&[Key::PageUp; 6]);
    assert!(hand.says("old meter, account"), "{}", hand.text());
    assert!(!hand.says("relay test"), "{}", hand.text());
}

/// A fault at a field says what to write once, not in the sentence and again below it; where a
/// field offers choices, or counts, that is said as before.
#[test]
fn a_fault_of_the_form_says_its_hint_once() {
    for lang in [Lang::En, Lang::Zh] {
        let mut hand = Hand::new(lang, Palette::Mono, 40, 20);
        form_fault(&mut hand);
        let hint: String = names::hints::hint(lang, "reason").unwrap().split_whitespace().collect();
        let page: String = hand.text().split_whitespace().collect();
        assert_eq!(page.matches(&hint).count(), 1, "{}", hand.text());
    }
    let mut hand = Hand::small();
    form_odd(&mut hand);
    assert!(hand.says("X meters, now \"12x\"") && hand.says("So far 1."), "{}", hand.text());
}

/// The meters' password is asked for where something carries it, and nowhere else; without it the
/// last field hands the form in.
#[test]
fn a_form_asks_for_a_password_only_where_one_is_carried() {
    let asks = |kind: ErrandKind, values: &[(&str, &str)]| {
        let own = errand::of(kind).unwrap();
        let set = |all: errand::Values, (key, text): &(&str, &str)| all.with(key, *text);
        own.asks(&values.iter().fold(errand::Values::default(), set), errand::PASSWORD)
    };
    for act in ["open", "close-account", "count-doctor", "show"] {
        assert!(!asks(ErrandKind::Account, &[("act", act)]), "{act}");
    }
    assert!(asks(ErrandKind::Account, &[("act", "refund")]));
    assert!(asks(ErrandKind::Account, &[("act", "reverse")]));
    assert!(!asks(ErrandKind::Round, &[]));
    assert!(!asks(ErrandKind::Control, &[("command", "reading-export")]));
    for command in ["trip", "settings", "price-download"] {
        assert!(asks(ErrandKind::Control, &[("command", command)]), "{command}");
    }
    for kind in [ErrandKind::Bundle, ErrandKind::Swap, ErrandKind::Commission] {
        assert!(asks(kind, &[]), "{kind:?}");
    }
    let mut hand = Hand::small();
    form_account(&mut hand);
    assert!(!hand.says("meter password"), "an opening: {}", hand.text());
    hand.types("3");
    assert!(hand.says("meter password"), "a refund: {}", hand.text());
    hand.types("2");
    assert!(!hand.says("meter password"), "a closing: {}", hand.text());
    hand.press(Key::Down);
    hand.types("47");
    hand.presses(TO_THE_END);
    hand.types("moved");
    hand.asked();
    hand.press(Key::Enter);
    let values = hand.asked().into_iter().find_map(|request| match request {
        Request::WorkPlan { values, .. } => Some(values),
        _ => None,
    });
    let values = values.expect("the form was handed in");
    assert_eq!(values.get("act"), Some("close-account"));
    assert_eq!((values.get("meter"), values.get("reason")), (Some("47"), Some("moved")));
}

/// No choice of a form is called as a choice of another is in one language and not in the other: an
/// account is closed as no relay is.
#[test]
fn closing_an_account_is_not_closing_a_relay() {
    let (account, relay) = ("close-account", "close");
    for lang in Lang::ALL {
        assert_ne!(names::word(lang, account).unwrap(), names::word(lang, relay).unwrap());
    }
    for own in errand::all() {
        for field in own.fields() {
            let errand::FieldKind::Choice(choices) = field.kind else { continue };
            assert!(!choices.contains(&relay) || own.kind() == ErrandKind::Control);
        }
    }
}

/// What has come to its end offers its certificate, as it stands in the journal, and nothing that
/// would do something.
#[test]
fn what_has_ended_shows_its_certificate() {
    let mut hand = Hand::small();
    resume(&mut hand);
    let label = hand.app.shared().lang.action_label(Action::Certificate);
    assert!(!hand.says(label), "not before its end: {}", hand.text());
    let mut hand = Hand::small();
    certified(&mut hand);
    assert_eq!(hand.app.place(), Place::WorkDone);
    assert!(hand.says("Enter: Done") && hand.says(label), "{}", hand.text());
    hand.asked();
    hand.types("1");
    hand.press(Key::F(4));
    assert!(hand.asked().is_empty(), "nothing is done any more");
    hand.press(Key::F(2));
    assert_eq!(hand.app.place(), Place::Certificate);
    assert!(hand.says("new meter, balance 123.44 CNY"), "{}", hand.text());
    hand.presses(&[Key::Down; 20]);
    let command = format!("meterkit swap --certificate {}", work(1));
    let page: String = hand.text().split_whitespace().collect();
    let command: String = command.split_whitespace().collect();
    assert!(page.contains(&command), "{}", hand.text());
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::WorkDone);
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::Works);
    // Without one there is no key for it.
    let mut hand = Hand::small();
    done(&mut hand);
    assert!(!hand.says(label), "{}", hand.text());
}

/// A token says what it is for: a refund takes none of the count's steps, and leads to its form
/// instead of a recharge.
#[test]
fn a_token_that_is_no_recharge_says_so_and_opens_its_form() {
    let mut hand = Hand::small();
    hand.tell(Update::Home(states::home()));
    hand.types("2");
    hand.tell(Update::Tokens { rows: acts(), more: false, after: None });
    assert!(hand.says("3 -> 4"), "a recharge: {}", hand.text());
    hand.press(Key::Down);
    assert!(hand.says("refund at 3") && hand.says("-60.00 CNY"), "{}", hand.text());
    hand.press(Key::Down);
    assert!(hand.says("reversal at 3") && hand.says("-70.00 CNY"), "{}", hand.text());
    hand.press(Key::Up);
    hand.asked();
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::WorkForm);
    assert!(hand.says("act* refund") && hand.says(&states::no(1).to_string()), "{}", hand.text());
    assert!(hand.asked().is_empty(), "nothing is read or sent by that");
    hand.press(Key::Esc);
    hand.presses(&[Key::Down; 3]);
    hand.press(Key::Enter);
    assert_eq!(hand.app.place(), Place::Reading, "what an old meter held is credited");
}
