//! Forty items to a bus of 32 meters on a bad line, the process killed three times, one meter that
//! refuses an item: every meter ends complete or is told with item and reason, and none ever runs
//! on a set that is half written.

use std::time::Duration;

use meterkit::jobs::errand::{Row, Sign};
use meterkit::profile::bundle::Bundle;
use meterkit::report::Code;
use meterkit::store::Event;
use meterkit::transport::Faults;
use meterkit::units::{Mark, MeterNo, StepState};

use super::yard::disk::Dice;
use super::yard::{SUMMER, Yard, in_force, number, rows};

/// One meter in this many lines has the fault; the seventh.
const ODD: u32 = 7;
/// From the yard's start to just behind the switch time of the bundle.
const TO_SWITCH: Duration = Duration::from_secs(11 * 86_400);

fn bad_line(seed: u64) -> Faults {
    Faults { seed, lost: 5 * Faults::PERCENT, ..Faults::NONE }
}

/// The item the odd meter refuses: the seventeenth.
fn seventeenth() -> (String, u32) {
    let bundle = Bundle::check(SUMMER).0.unwrap();
    assert_eq!(bundle.items.len(), 40);
    (bundle.items[16].name.clone(), bundle.items[16].di)
}

fn run(seed: u64) {
    let (name, di) = seventeenth();
    let mut yard = Yard::new((1, 32), &bad_line(seed), |nth, setup| {
        if nth == ODD {
            setup.lacks = vec![di];
        }
    });
    yard.take(SUMMER);
    yard.watch(SUMMER);
    let work = yard.begin(&yard.form("summer 2026")).unwrap();
    let mut dice = Dice::new(seed);
    for kill in 0..3 {
        yard.cut_after(300 + dice.below(1_200));
        let failure = yard.advance(work).expect_err("killed");
        assert_eq!(failure.code, Code::StoreFailed, "kill {kill}");
        yard.restart(&mut dice);
    }
    let mut sheet = yard.advance(work).unwrap();
    // A meter that lost its frames too often in a row is gone to again by whoever resumes.
    for _ in 0..3 {
        if sheet.done {
            break;
        }
        sheet = yard.advance(work).unwrap();
    }
    assert!(sheet.done, "{sheet:?}");
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    let odd = number(ODD);
    for no in yard.meters.clone() {
        let told: Vec<Row> = rows(&sheet, no).into_iter().cloned().collect();
        if no == odd {
            assert_eq!(told.len(), 2, "{told:?}");
            assert_eq!((told[0].sign, told[0].value.as_str()), (Sign::Bad, "39/43"));
            assert_eq!(told[1].name, name);
            assert_eq!(told[1].failure.as_ref().unwrap().code, Code::ItemRefused);
        } else {
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!((told[0].sign, told[0].value.as_str()), (Sign::Good, "43/43"), "{no}");
        }
    }
    let pending: Vec<MeterNo> = yard
        .store()
        .marks()
        .iter()
        .filter(|row| row.mark == Mark::TariffPending)
        .map(|row| row.meter)
        .collect();
    assert_eq!(pending, [odd]);
    journaled_before(&yard, odd);
    yard.pass(TO_SWITCH);
    let eye = yard.eye.lock().unwrap();
    assert!(eye.looks > 32 * 4_000, "{}", eye.looks);
    assert_eq!(eye.faults, Vec::<String>::new());
    for no in yard.meters.clone() {
        let allowed = &eye.allowed[&no];
        let now = yard.meter(no, |meter| in_force(meter));
        let want = usize::from(no != odd);
        assert!(now == allowed[want], "{no} runs on the other set");
        assert_ne!(allowed[0], allowed[1]);
    }
}

/// Every step that was done was begun before, and the odd meter's switch times were never touched.
fn journaled_before(yard: &Yard, odd: MeterNo) {
    let mut begun = std::collections::HashSet::new();
    let mut steps = 0;
    for entry in yard.store().events(1, 100_000) {
        let Event::Step(step) = entry.event else { continue };
        let Some(meter) = step.meter.filter(|_| step.name != "end") else { continue };
        let switch = step.name.starts_with("switch.");
        assert!(!(switch && meter == odd), "{}", step.name);
        steps += 1;
        match step.state {
            StepState::Begun => drop(begun.insert((meter, step.name))),
            _ => assert!(begun.contains(&(meter, step.name)), "{entry:?}", entry = entry.seq),
        }
    }
    assert!(steps > 32 * 2 * 38, "{steps}");
}

#[test]
fn every_meter_is_complete_or_told_and_none_runs_on_half_a_table() {
    run(1);
}

#[test]
fn the_same_with_other_kills() {
    for seed in 2..4 {
        run(seed);
    }
}
