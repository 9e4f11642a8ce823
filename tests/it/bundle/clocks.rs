//! Meters' clocks, set right: three tiers, edges, backwards, and a handheld that is not sure.

use std::time::Duration;

use meterkit::jobs::errand::{Sheet, Sign, Values};
use meterkit::report::Code;
use meterkit::store::Event;
use meterkit::transport::Faults;
use meterkit::units::{MeterNo, StepState, UnixSeconds};

use super::yard::{BASE, Yard, number, operator, rows};

/// A yard whose meters' clocks are off by this, in turn.
fn off(by: &[i64]) -> Yard {
    let count = u32::try_from(by.len()).unwrap();
    let yard = Yard::new((1, count), &Faults::NONE, |nth, setup| {
        setup.clock_offset_s = by[nth as usize - 1];
    });
    // Off the quarter hour at which the yard begins.
    yard.pass(Duration::from_secs(650));
    yard
}

fn form(yard: &Yard) -> Values {
    let mut form = yard.form("");
    form.set("set-clock", "yes");
    form
}

fn set(yard: &Yard, form: &Values) -> Sheet {
    let work = yard.begin(form).unwrap();
    yard.advance(work).unwrap()
}

/// How far a meter's clock is off by the line's time now.
fn drift(yard: &Yard, no: MeterNo) -> i64 {
    let now = yard.times().into_iter().max().unwrap();
    let shown = yard.meter(no, |meter| {
        meter.advance(now);
        meter.clock().seconds()
    });
    let since_2000 = BASE - 946_684_800 + i64::try_from(now.as_secs()).unwrap();
    shown - since_2000
}

#[test]
fn a_clock_is_set_by_how_far_it_is_off() {
    let yard = off(&[2, -40, 100, -600, -2_000, 3_000]);
    let sheet = set(&yard, &form(&yard));
    let told = |nth: u32| rows(&sheet, number(nth)).into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    for (nth, sign) in [(1, Sign::Good), (2, Sign::Good), (3, Sign::Good), (4, Sign::Warn)] {
        assert_eq!(told(nth)[0].sign, sign, "{nth}: {:?}", told(nth));
    }
    for nth in [5, 6] {
        assert_eq!(told(nth)[1].failure.as_ref().unwrap().code, Code::ClockFar);
    }
    // Good enough is left alone; what was set is right; what is far is as it was.
    for (nth, want) in [(1, 2), (2, 0), (3, 0), (4, 0), (5, -2_000), (6, 3_000)] {
        let now = drift(&yard, number(nth));
        assert!((now - want).abs() <= 2, "{nth}: {now} s, wanted {want} s");
    }
    // With a person's word those too.
    let mut form = form(&yard);
    form.set("far", "yes");
    let sheet = set(&yard, &form);
    assert_eq!(sheet.exit, None, "{sheet:?}");
    for nth in 1..=6 {
        assert!(drift(&yard, number(nth)).abs() <= 2, "{nth}");
    }
}

#[test]
fn going_back_needs_a_freeze_that_is_read_first() {
    let yard = off(&[200, -200]);
    let sheet = set(&yard, &form(&yard));
    assert_eq!(sheet.exit, None, "{sheet:?}");
    let events = yard.store().events(1, 10_000);
    let readings: Vec<_> = events
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Reading(reading) => Some((entry.seq, reading)),
            _ => None,
        })
        .collect();
    assert_eq!(readings.len(), 1, "only the clock that went back");
    let (seq, reading) = readings[0];
    assert_eq!(reading.meter, number(1));
    let dis: Vec<u32> = reading.items.iter().map(|(di, _)| *di).collect();
    assert_eq!(dis, [0x0001_0000, 0x0501_0001, 0x0501_0101]);
    let steps: Vec<_> = events
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Step(step) if step.meter == Some(number(1)) && step.name == "clock" => {
                Some((entry.seq, step))
            }
            _ => None,
        })
        .collect();
    assert!(seq < steps[0].0, "the freeze is on disk before the clock is touched");
    let (_, last) = steps.last().unwrap();
    assert_eq!(last.state, StepState::Done);
    let names: Vec<&str> = last.notes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["before", "drift", "tier", "after"]);
}

#[test]
fn an_edge_is_waited_for_or_told() {
    // Twenty seconds before the next quarter, a clock that is forty ahead.
    let yard = off(&[40]);
    yard.pass(Duration::from_secs(900 - 650 - 20));
    let before = yard.times()[0];
    let sheet = set(&yard, &form(&yard));
    assert_eq!(sheet.exit, None, "{sheet:?}");
    assert!(drift(&yard, number(1)).abs() <= 2);
    assert!(yard.times()[0] - before >= Duration::from_secs(20), "it waited");
    // Four minutes ahead, two before the quarter: that is for later.
    let yard = off(&[240]);
    yard.pass(Duration::from_secs(900 - 650 - 120));
    let sheet = set(&yard, &form(&yard));
    let row = rows(&sheet, number(1))[1].clone();
    assert_eq!(row.failure.unwrap().code, Code::ClockEdge);
    assert!((drift(&yard, number(1)) - 240).abs() <= 1);
}

#[test]
fn a_handheld_that_is_not_sure_sets_no_clock() {
    let yard = off(&[-100]);
    // The office told its time last 40 days ago.
    let stamp = yard.run(|site| site.stamp());
    assert_eq!(stamp.operator, operator().to_string());
    let old = UnixSeconds(BASE - 40 * 86_400);
    yard.store().append(&stamp, Event::TimeAnchor { server: old }).unwrap();
    let sheet = set(&yard, &form(&yard));
    let row = rows(&sheet, number(1))[1].clone();
    assert_eq!(row.failure.unwrap().code, Code::ClockUnsure);
    assert!((drift(&yard, number(1)) + 100).abs() <= 1);
    // A time of the office that is ahead of ours: our clock is behind.
    let ahead = UnixSeconds(BASE + 86_400);
    yard.store().append(&stamp, Event::TimeAnchor { server: ahead }).unwrap();
    let sheet = set(&yard, &form(&yard));
    let row = rows(&sheet, number(1))[1].clone();
    assert_eq!(row.failure.unwrap().code, Code::ClockBehind);
}
