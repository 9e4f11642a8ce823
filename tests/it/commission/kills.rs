//! The program dies at the first byte after every entry that a commissioning writes, each in turn,
//! and is started again: every run comes to the same end.

use meterkit::jobs::commission::certificate::certificate;
use meterkit::units::StepState;

use super::errand::FLEET;
use super::person::Person;

#[test]
fn a_kill_after_any_entry_leaves_nothing_half_done() {
    let mut whole = Person::new(FLEET, "000000000501");
    let work = whole.begin(&whole.values());
    whole.go_on(work, None).unwrap();
    let last = whole.store.events(0, 100_000).last().unwrap().seq;
    let (mut kills, mut runs) = (0, 0);
    for entry in whole.first + 1..=last {
        let mut person = Person::new(FLEET, "000000000501");
        person.tries = vec!["comm-again"; 4];
        let work = person.begin(&person.values());
        if person.go_on(work, Some(entry)).is_none() {
            kills += 1;
            person.restart();
            person.go_on(work, None).unwrap();
        }
        runs += 1;
        let certificate = certificate(&person.store, work).unwrap();
        assert!(certificate.whole, "entry {entry}: {certificate:#?}");
        person.on_meter(|meter| {
            assert!(meter.is_closed(), "entry {entry}");
            let params = meter.parameters(&[0x0409_0B01, 0x0409_0B02]);
            assert_eq!(params[&0x0409_0B01], [0, 0, 0x10], "entry {entry}");
            meter.audit().unwrap();
        });
        // The relay was told to open once: a command is never repeated by itself.
        let steps = person.store.steps(work);
        let trips = steps.iter().filter(|row| row.step.name == "comm-trip");
        assert!(trips.clone().all(|row| row.step.state == StepState::Done), "entry {entry}");
        assert_eq!(person.store.marks(), [], "entry {entry}: nothing is left tripped");
    }
    println!("{runs} runs, {kills} kills");
    assert!(kills > 12, "{kills}");
}
