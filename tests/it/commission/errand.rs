//! The errand from nameplate to certificate.

use meterkit::jobs::ask;
use meterkit::jobs::commission::Commission;
use meterkit::jobs::commission::certificate::{Certificate, certificate};
use meterkit::jobs::commission::steps::of;
use meterkit::jobs::errand::{Answer, Ask, Errand};
use meterkit::protocol::dlt645::dialogue::WriteAddress;
use meterkit::report::Code;
use meterkit::sim::Wiring;
use meterkit::units::{Role, StepState, Verb};
use sha2::{Digest, Sha256};

use super::person::Person;

pub const FLEET: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/meters/new.toml"));

fn note<'a>(certificate: &'a Certificate, step: &str, name: &str) -> &'a str {
    let entry = certificate.entries.iter().find(|entry| entry.name == step).unwrap();
    of(&entry.notes, name)
}

/// `4.1-6.3 s` in tenths.
fn span(text: &str) -> (i64, i64) {
    let part = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    let (low, high) = text.strip_suffix(" s").unwrap().split_once('-').unwrap();
    (part(low), part(high))
}

#[test]
fn a_meter_is_commissioned_with_its_overload_timed() {
    let mut person = Person::new(FLEET, "000000000501");
    let values = person.values();
    let plan = person.at(None, |site| Commission.plan(site, &values)).unwrap().unwrap();
    assert_eq!(plan.exit, None);
    let work = person.begin(&values);
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!((sheet.exit, &sheet.ask), (None, &Ask::Nothing), "{sheet:#?}");
    let certificate = certificate(&person.store, work).unwrap();
    assert!(certificate.whole, "{certificate:#?}");
    let template = ["written", "same"].map(|name| note(&certificate, "comm-template", name));
    assert_eq!(template, ["2", "2"], "the alarm amounts were there already");
    assert_eq!(note(&certificate, "comm-wiring", "finding"), "wiring-right");
    assert_eq!(note(&certificate, "comm-wiring", "confidence"), "confidence-high");
    // The word about the heaters made it likely only; two phases switched off one by one found it.
    assert_eq!(note(&certificate, "comm-wiring", "basis"), "basis-pairs");
    assert_eq!(person.asked.iter().filter(|asked| *asked == "comm-phase-off").count(), 2);
    // 5 s and 3 min, by the meter's own records: each within its second.
    let (low, high) = span(note(&certificate, "comm-overload", "tripped-after"));
    assert!(low <= 50 && 50 <= high && high - low <= 70, "{low} {high}");
    let (low, high) = span(note(&certificate, "comm-overload", "closed-after"));
    assert!(low <= 1_800 && 1_800 <= high && high - low <= 20, "{low} {high}");
    assert!(note(&certificate, "comm-reading", "energy").ends_with(" kWh"));
    // Safety was asked before each test, and each command went out once.
    let safety = person.asked.iter().filter(|asked| *asked == "check-people-told").count();
    assert_eq!(safety, 2, "{:?}", person.asked);
    person.on_meter(|meter| assert!(meter.is_closed()));
}

/// Installers may commission and not cut supplies: the relay test is a part of it.
#[test]
fn an_installer_brings_it_to_its_end() {
    let mut person = Person::new(FLEET, "000000000501");
    person.becomes(Role::Installer);
    assert!(!Role::Installer.verbs().has(Verb::Control));
    let work = person.begin(&person.values());
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!((sheet.exit, &sheet.ask), (None, &Ask::Nothing), "{sheet:#?}");
    assert!(certificate(&person.store, work).unwrap().whole);
    // Who may only read does not begin.
    let mut person = Person::new(FLEET, "000000000501");
    person.becomes(Role::Auditor);
    let values = person.values();
    let plan = person.at(None, |site| Commission.plan(site, &values)).unwrap();
    assert_eq!(plan.unwrap_err().code, Code::RoleForbids);
}

#[test]
fn a_wrong_wiring_is_named_and_found_right_after_the_repair() {
    let mut person = Person::new(FLEET, "000000000502");
    (person.tries, person.repair) = (vec!["comm-again"], Some(Wiring::STRAIGHT));
    let work = person.begin(&person.values());
    // As far as the wiring.
    let sheet = person
        .at(None, |site| Commission.advance(site, work, &Answer::None, &mut |_| {}))
        .unwrap()
        .unwrap();
    assert!(matches!(sheet.ask, Ask::Choice("comm-word-wrong", _)), "{sheet:#?}");
    let row = sheet.rows.iter().find(|row| row.name == "comm-wiring").unwrap();
    assert_eq!(row.failure.as_ref().map(|failure| failure.code), Some(Code::WiringWrong));
    // That it is wrong was found; which wiring it is rests on the word about the heaters.
    let value = |name: &str| sheet.rows.iter().find(|row| row.name == name).map(|r| &r.value[..]);
    assert_eq!(value("comm-finding"), Some("wiring-wrong"));
    assert_eq!(value("comm-basis"), Some("basis-measured"));
    assert_eq!(value("comm-faults"), None);
    assert_eq!(value("comm-likely-if"), Some("if-resistive"));
    assert_eq!(value("comm-likely"), Some("current-reversed-b"));
    assert_eq!(value("comm-confirm"), Some("confirm-by-phases"));
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!(sheet.exit, None, "{sheet:#?}");
    assert!(certificate(&person.store, work).unwrap().whole);
}

#[test]
fn swapped_currents_are_found_at_another_power_factor() {
    let mut person = Person::new(FLEET, "000000000503");
    let work = person.begin(&person.values().with("load", "inductive"));
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    let certificate = certificate(&person.store, work).unwrap();
    assert!(certificate.ended && !certificate.whole);
    assert_eq!(note(&certificate, "comm-wiring", "faults"), "currents-swapped-bc");
    // What was left out stands there with its reason and what was wrong.
    let wiring = certificate.entries.iter().find(|entry| entry.name == "comm-wiring").unwrap();
    assert_eq!(wiring.state, Some(StepState::Skipped));
    assert_eq!(of(&wiring.notes, "reason"), "no load in this house yet");
    assert_eq!(of(&wiring.notes, "code"), "MK-COMM-01");
}

#[test]
fn a_wiring_that_cannot_be_right_is_called_wrong_and_named_once_the_load_is_known() {
    let mut person = Person::new(FLEET, "000000000502");
    // Nobody says what is on; then heaters are switched on, and said so.
    person.tries = vec!["resistive"];
    let mut values = person.values();
    values.set("load", "ordinary".to_owned());
    let work = person.begin(&values);
    let sheet = person
        .at(None, |site| Commission.advance(site, work, &Answer::None, &mut |_| {}))
        .unwrap()
        .unwrap();
    assert!(matches!(sheet.ask, Ask::Choice("comm-load", _)), "{sheet:#?}");
    let row = sheet.rows.iter().find(|row| row.name == "comm-wiring").unwrap();
    assert_eq!(row.failure.as_ref().map(|failure| failure.code), Some(Code::WiringWrong));
    assert!(!sheet.rows.iter().any(|row| row.name == "comm-faults"), "{sheet:#?}");
    person.go_on(work, None).unwrap();
    let certificate = certificate(&person.store, work).unwrap();
    assert_eq!(note(&certificate, "comm-wiring", "faults"), "current-reversed-b");
}

#[test]
fn what_rests_on_a_word_is_never_whole_until_it_is_measured() {
    // The load lags by 60 degrees and all currents are one place on and turned: the figures are
    // those of heaters on a meter that is wired right, and the person says heaters.
    let mut person = Person::new(FLEET, "000000000501");
    let trap = Wiring::try_from("abc -b-c-a".to_owned()).unwrap();
    person.on_meter(|meter| (meter.set_wiring(trap), meter.set_lag(600)));
    person.tries = vec!["comm-on-word"];
    let work = person.begin(&person.values());
    let sheet = person
        .at(None, |site| Commission.advance(site, work, &Answer::None, &mut |_| {}))
        .unwrap()
        .unwrap();
    assert!(matches!(sheet.ask, Ask::Choice("comm-word", _)), "{sheet:#?}");
    let value = |name: &str| sheet.rows.iter().find(|row| row.name == name).map(|r| &r.value[..]);
    assert_eq!(value("comm-finding"), Some("wiring-likely-right"));
    assert_eq!((value("comm-basis"), value("comm-confidence")), (None, Some("confidence-word")));
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    let paper = certificate(&person.store, work).unwrap();
    let wiring = paper.entries.iter().find(|entry| entry.name == "comm-wiring").unwrap();
    assert_eq!(wiring.state, Some(StepState::Skipped));
    assert_eq!(of(&wiring.notes, "reason"), "comm-on-word");
    assert!(paper.ended && !paper.whole);
    // Measured instead, the same meter is found wrong, and how.
    let mut person = Person::new(FLEET, "000000000501");
    person.on_meter(|meter| (meter.set_wiring(trap), meter.set_lag(600)));
    let work = person.begin(&person.values());
    person.go_on(work, None).unwrap();
    let paper = certificate(&person.store, work).unwrap();
    assert_eq!(note(&paper, "comm-wiring", "finding"), "wiring-wrong");
    assert_eq!(note(&paper, "comm-wiring", "basis"), "basis-pairs");
    let faults = note(&paper, "comm-wiring", "faults");
    assert!(faults.contains("currents-moved") && faults.contains("current-reversed-a"), "{faults}");
}

#[test]
fn a_phase_that_was_not_switched_off_is_no_pair() {
    let mut person = Person::new(FLEET, "000000000501");
    person.tries = vec!["comm-measure"];
    person.lazy = true;
    let work = person.begin(&person.values());
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    let paper = certificate(&person.store, work).unwrap();
    let wiring = paper.entries.iter().find(|entry| entry.name == "comm-wiring").unwrap();
    assert_eq!(of(&wiring.notes, "detail"), "pair-not-seen");
    assert_eq!(of(&wiring.notes, "finding"), "", "nothing was found");
}

#[test]
fn without_load_nothing_is_told_and_nothing_left_out_without_a_word() {
    let mut person = Person::new(FLEET, "000000000501");
    person.on_meter(|meter| meter.set_load(0));
    let work = person.begin(&person.values());
    let sheet = person.go_on(work, None).unwrap();
    assert!(person.asked.contains(&"comm-load".to_owned()), "{:?}", person.asked);
    assert!(person.asked.contains(&"comm-skip-reason".to_owned()));
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
}

#[test]
fn another_meter_a_wrong_barcode_and_a_second_errand_are_refused() {
    let person = Person::new(FLEET, "000000000501");
    let wrong = person.values().with("barcode", "000000000999");
    let plan = person.at(None, |site| Commission.plan(site, &wrong)).unwrap().unwrap();
    let failure = plan.rows.iter().find_map(|row| row.failure.clone()).unwrap();
    assert_eq!(failure.code, Code::BarcodeOther);
    let misread = person.values().with("barcode", "4006381333932");
    let refused = person.at(None, |site| Commission.begin(site, &misread)).unwrap();
    assert_eq!(refused.unwrap_err().code, Code::BarcodeOther);
    person.begin(&person.values());
    let again = person.at(None, |site| Commission.begin(site, &person.values())).unwrap();
    assert_eq!(again.unwrap_err().code, Code::WorkOpen);
}

#[test]
fn an_address_and_a_ratio_are_set_and_read_back() {
    let fleet = "seed = 5\n[[meter]]\nno = \"000000000777\"\naccount = \"330100000777\"\n\
                 balance = \"50.00\"\nprogramming = true\n";
    let mut person = Person::new(fleet, "000000000777");
    // It comes from the works with another address than its number.
    let other = "000000000001".parse().unwrap();
    let moved = person.at(None, |site| {
        site.on(person.meter, |line, _| {
            let mut dialogue = WriteAddress::new(other, ask::timing(line));
            Ok(ask::run(line, &mut dialogue, &mut Sha256::new()).unwrap().is_ok())
        })
    });
    assert_eq!(moved, Some(Ok(true)));
    let values = person.values().with("set-address", "yes").with("ct", "40");
    let work = person.begin(&values);
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!(sheet.exit, None, "{sheet:#?}");
    let certificate = certificate(&person.store, work).unwrap();
    assert_eq!(note(&certificate, "comm-address", "was"), "000000000001");
    assert!(person.asked.contains(&"comm-button".to_owned()));
    assert_eq!(note(&certificate, "comm-ratio", "ratio"), "40");
    let ratio = person.on_meter(|meter| meter.parameters(&[0x0400_0306]));
    assert_eq!(ratio[&0x0400_0306], [0x40, 0, 0]);
    // A second person who reads another figure stops it.
    let mut person = Person::new(fleet, "000000000777");
    let work = person.begin(&person.values().with("ct", "400"));
    let sheet = person.go_on(work, None).unwrap();
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    let ratio = person.on_meter(|meter| meter.parameters(&[0x0400_0306]));
    assert_eq!(ratio[&0x0400_0306], [0, 0, 0]);
}
