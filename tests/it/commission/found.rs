//! Commissioning where nobody has said which meter it is: the line is surveyed first.

use meterkit::jobs::commission::Commission;
use meterkit::jobs::commission::certificate::certificate;
use meterkit::jobs::commission::steps::of;
use meterkit::jobs::errand::{Answer, Ask, Errand, Sheet, Values};
use meterkit::report::Code;
use meterkit::units::{StepState, WorkId};

use super::errand::FLEET;
use super::person::Person;

const ALONE: &str = "seed = 5\n[[meter]]\nno = \"000000000777\"\naccount = \"330100000777\"\n\
                     balance = \"50.00\"\n";

/// Everything but the meter.
fn values(person: &Person) -> Values {
    let mut values = person.values();
    values.set("meter", "");
    values.set("barcode", "");
    values
}

fn advance(person: &Person, work: WorkId, answer: Answer) -> Sheet {
    let told = |sheet: &Sheet| assert!(!sheet.rows.is_empty());
    let sheet = person.at(None, |site| Commission.advance(site, work, &answer, &mut |s| told(s)));
    sheet.unwrap().unwrap()
}

fn said(text: &str) -> Answer {
    Answer::Text(text.to_owned())
}

fn rows(sheet: &Sheet, name: &str) -> Vec<String> {
    sheet.rows.iter().filter(|row| row.name == name).map(|row| row.value.clone()).collect()
}

#[test]
fn one_unknown_meter_is_proposed_and_taken() {
    let mut person = Person::new(ALONE, "000000000777");
    let values = values(&person);
    let plan = person.at(None, |site| Commission.plan(site, &values)).unwrap().unwrap();
    assert_eq!(
        plan.rows.iter().find(|row| row.name.starts_with("comm-")).unwrap().name,
        "comm-survey"
    );
    let work = person.begin(&values);
    let sheet = advance(&person, work, Answer::None);
    assert!(matches!(sheet.ask, Ask::Choice("comm-survey-one", _)), "{sheet:#?}");
    assert_eq!(rows(&sheet, "comm-found").len(), 1, "{sheet:#?}");
    assert_eq!(rows(&sheet, "comm-proposed"), ["000000000777"]);
    // Another program asks the same, by the journal alone: it does not look again.
    person.restart();
    let frames = person.on_line();
    let again = advance(&person, work, Answer::None);
    assert_eq!((again.ask, person.on_line()), (sheet.ask, frames));
    let sheet = advance(&person, work, said("comm-take"));
    assert_eq!(rows(&sheet, "comm-survey"), ["000000000777"]);
    assert_eq!(rows(&sheet, "meter"), ["000000000777"]);
    let sheet = person.go_on(work, None).unwrap();
    assert!(sheet.done);
    let paper = certificate(&person.store, work).unwrap();
    let step = paper.entries.iter().find(|entry| entry.name == "comm-survey").unwrap();
    assert_eq!((step.state, of(&step.notes, "chosen")), (Some(StepState::Done), "000000000777"));
    assert!(of(&step.notes, "found").starts_with("000000000777 dlt645 "), "{:?}", step.notes);
}

#[test]
fn of_several_one_is_named_by_place_or_by_the_end_of_its_number() {
    for pick in ["2", "0502", "000000000502"] {
        let person = Person::new(FLEET, "000000000502");
        let work = person.begin(&values(&person));
        let sheet = advance(&person, work, Answer::None);
        assert!(matches!(sheet.ask, Ask::Enter("comm-survey-which", _)), "{sheet:#?}");
        let found = rows(&sheet, "comm-found");
        assert!(found.len() >= 3 && found[1].starts_with("2: 000000000502 dlt645"), "{found:?}");
        // What names none of them is asked for again, and nothing is begun at any.
        let bad = person
            .at(None, |site| Commission.advance(site, work, &said("99"), &mut |_: &Sheet| {}));
        assert_eq!(bad.unwrap().unwrap_err().code, Code::FieldOdd);
        let sheet = advance(&person, work, said(pick));
        assert_eq!(rows(&sheet, "meter"), ["000000000502"], "{pick}");
        assert!(sheet.rows.iter().any(|row| row.name == "comm-finding"), "it went on: {sheet:#?}");
    }
}

#[test]
fn a_silent_line_says_what_to_do_and_can_be_looked_at_again() {
    let person = Person::new(ALONE, "000000000777");
    person.on_meter(|meter| meter.set_dead(true));
    let work = person.begin(&values(&person));
    let sheet = advance(&person, work, Answer::None);
    assert!(matches!(sheet.ask, Ask::Choice("comm-survey-none", _)), "{sheet:#?}");
    let row = sheet.rows.iter().find(|row| row.name == "comm-survey").unwrap();
    assert_eq!(row.failure.as_ref().map(|failure| failure.code), Some(Code::NothingFound));
    person.on_meter(|meter| meter.set_dead(false));
    let sheet = advance(&person, work, said("comm-again"));
    assert!(matches!(sheet.ask, Ask::Choice("comm-survey-one", _)), "{sheet:#?}");
    // Ended there, nothing is open any more, and there is no certificate.
    let sheet = advance(&person, work, said("comm-stop"));
    assert!(sheet.done && sheet.exit == Some(Code::WorkPartial), "{sheet:#?}");
    assert_eq!(certificate(&person.store, work).unwrap_err().code, Code::WorkPartial);
    assert_eq!(meterkit::jobs::errand::open(&person.store).count(), 0);
}

#[test]
fn a_number_that_was_said_is_taken_where_it_answers_and_asked_for_where_not() {
    let person = Person::new(FLEET, "000000000503");
    let values = values(&person).with("survey", "yes");
    let sure = values.clone().with("meter", "000000000503");
    let work = person.begin(&sure);
    let sheet = advance(&person, work, Answer::None);
    assert_eq!(rows(&sheet, "meter"), ["000000000503"], "{sheet:#?}");
    // The same meter is not commissioned twice at a time.
    let second = person.begin(&values);
    advance(&person, second, Answer::None);
    let taken = person
        .at(None, |site| Commission.advance(site, second, &said("0503"), &mut |_: &Sheet| {}));
    assert_eq!(taken.unwrap().unwrap_err().code, Code::WorkOpen);
    let person = Person::new(FLEET, "000000000503");
    let work = person.begin(&values.with("meter", "000000000999"));
    let sheet = advance(&person, work, Answer::None);
    assert!(matches!(sheet.ask, Ask::Enter("comm-survey-which", _)), "{sheet:#?}");
}

/// The program dies at the first byte after every entry: a survey that was broken off is made
/// again, a choice that was made stays.
#[test]
fn killed_after_any_entry_the_choice_is_made_once() {
    let run = |kill: Option<u64>| {
        let mut person = Person::new(ALONE, "000000000777");
        let work = person.begin(&values(&person));
        person.tries = vec!["comm-take"];
        if person.go_on(work, kill).is_none() {
            person.restart();
            person.tries = vec!["comm-take"];
            person.go_on(work, None).unwrap();
        }
        let steps = person.store.steps(work);
        let chosen = steps.iter().filter(|row| row.step.name == "comm-survey");
        assert_eq!(chosen.map(|row| row.step.state).collect::<Vec<_>>(), [StepState::Done]);
        assert_eq!(certificate(&person.store, work).unwrap().meter, person.meter);
        (person.first, person.store.events(0, 100_000).last().unwrap().seq)
    };
    let (first, last) = run(None);
    (first + 1..=last.min(first + 6)).for_each(|entry| {
        run(Some(entry));
    });
}
