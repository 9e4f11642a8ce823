//! Load curves and daily freezes by window: whole, after a kill, and from meters that lie.

use std::collections::BTreeSet;

use meterkit::cli::round_book;
use meterkit::jobs::civil::seconds;
use meterkit::jobs::errand::{Ask, Sheet, Values};
use meterkit::jobs::round::curve::{Window, days, records};
use meterkit::protocol::dlt645::curve::{DI_SINCE, FIGURES};
use meterkit::report::Code;
use meterkit::sim::{Mishap, Spoilt};
use meterkit::store::{AreaMeter, AreaPage, Event};
use meterkit::table::write as book;
use meterkit::text::Lang;
use meterkit::units::{BusPlace, StepState, UnixSeconds};

use super::yard::{Yard, count, no};

/// Three meters with ten days behind them; the last keeps no curve.
fn yard() -> Yard {
    let meter = |no: u32, curve: u32| {
        format!(
            "[[meter]]\nno = \"{no}\"\naccount = \"{no}\"\nbalance = \"500.00\"\ncount = 3\n\
             phases = 3\nhistory_days = 10\ncurve_min = {curve}\n"
        )
    };
    let text = format!("seed = 9\n{}{}{}", meter(47, 15), meter(48, 60), meter(49, 0));
    Yard::new(&[("a", text)])
}

fn wanted(what: &str, meters: &str, from: &str, to: &str) -> Values {
    let values = Values::default().with("round-what", what).with("meters", meters);
    values.with("round-from", from).with("round-to", to).with("round-passes", "1")
}

fn pieces(yard: &Yard) -> usize {
    let events = yard.store().events(1, 10_000);
    let is_piece = |event: &Event| match event {
        Event::Reading(reading) => reading.items.iter().any(|(di, _)| di >> 24 == 6),
        _ => false,
    };
    events.iter().filter(|entry| is_piece(&entry.event)).count()
}

#[test]
fn a_window_is_read_whole_and_exported() {
    let yard = yard();
    let values = wanted("round-curve", "47 48", "2026-11-18", "2026-11-19");
    let work = yard.begin(&values);
    let sheet = yard.advance(work, &mut |_| {});
    assert!(sheet.done && sheet.exit.is_none(), "{sheet:?}");
    let window = Window::of(&values).unwrap();
    let rows = records(yard.store(), no(47), &window);
    assert_eq!(rows.len(), 192, "two days of quarters of an hour");
    assert_eq!(rows[0].at.to_string(), "2026-11-18 00:00:00");
    assert_eq!(rows[191].at.to_string(), "2026-11-19 23:45:00");
    let times: BTreeSet<i64> = rows.iter().map(|row| seconds(row.at).unwrap().0).collect();
    let gaps: BTreeSet<i64> = times.iter().zip(times.iter().skip(1)).map(|(a, b)| b - a).collect();
    assert_eq!(gaps, BTreeSet::from([900]));
    assert_eq!(records(yard.store(), no(48), &window).len(), 48);
    assert_eq!(pieces(&yard), 192 / 8 + 1 + 48 / 8 + 1, "the last piece is beyond the window");
    let moment = |at: UnixSeconds| at.0.to_string();
    let pages = round_book::pages(yard.store(), work, (Lang::Zh, true), &moment).unwrap();
    assert_eq!(pages.len(), 2);
    assert_eq!((pages[0].name.as_str(), pages[0].rows.len()), ("000000000047", 192));
    assert!(pages[0].head.len() > 20, "{:?}", pages[0].head);
    let text = book::csv(&pages, false);
    assert_eq!(text.lines().count(), 1 + 192 + 48);
}

#[test]
fn killed_in_the_middle_it_goes_on_at_the_block() {
    let mut yard = yard();
    let values = wanted("round-curve", "47", "2026-11-12", "2026-11-19");
    let work = yard.begin(&values);
    let window = Window::of(&values).unwrap();
    // Five frames a piece: in the middle of the ninth.
    yard.stop_after(43);
    let sheet = yard.advance(work, &mut |_| {});
    assert_eq!(sheet.exit, Some(Code::Cancelled), "{sheet:?}");
    let before = records(yard.store(), no(47), &window).len();
    assert!((56..=72).contains(&before), "{before}");
    let read = pieces(&yard);
    yard.restart();
    let sheet = yard.advance(work, &mut |_| {});
    assert!(sheet.done, "{sheet:?}");
    assert_eq!(records(yard.store(), no(47), &window).len(), 768);
    assert!(pieces(&yard) <= 768 / 8 + 2, "{read} before, {} in all", pieces(&yard));
}

/// The sheet of a curve read from a meter that gives out such records.
fn lies(spoilt: Spoilt) -> (Yard, Sheet) {
    let yard = yard();
    yard.suffer("a", 47, Mishap::Curve(spoilt));
    let work = yard.begin(&wanted("round-curve", "47", "2026-11-18", "2026-11-18"));
    let sheet = yard.advance(work, &mut |_| {});
    (yard, sheet)
}

#[test]
fn a_meter_that_lies_is_told_and_nothing_of_it_is_kept() {
    for spoilt in [Spoilt::Stuck, Spoilt::Sum, Spoilt::Flood, Spoilt::Junk] {
        let (yard, sheet) = lies(spoilt);
        let failed = sheet.rows.iter().find_map(|row| row.failure.as_ref()).unwrap();
        assert_eq!(failed.code, Code::MeterGarbled, "{spoilt:?}: {failed:?}");
        assert!(matches!(sheet.ask, Ask::Choice("round-left", _)), "{spoilt:?}");
        assert_eq!(pieces(&yard), 0, "{spoilt:?}");
    }
    let (yard, sheet) = lies(Spoilt::Marked);
    assert!(sheet.done, "{sheet:?}");
    let window = Window::of(&wanted("round-curve", "47", "2026-11-18", "2026-11-18")).unwrap();
    // The first record of every answer is marked as bad and left out; the meter is not blamed.
    assert_eq!(records(yard.store(), no(47), &window).len(), 84);
}

#[test]
fn a_meter_without_a_curve_says_so() {
    let yard = yard();
    let work = yard.begin(&wanted("round-curve", "49", "2026-11-18", "2026-11-18"));
    let sheet = yard.advance(work, &mut |_| {});
    let failed = sheet.rows.iter().find_map(|row| row.failure.as_ref()).unwrap();
    assert_eq!(failed.code, Code::ItemUnknown, "{failed:?}");
    assert_eq!(count(&sheet, "round-missing"), 1);
}

#[test]
fn a_meter_that_gives_its_classes_one_by_one_is_read_class_by_class() {
    let mut yard = yard();
    yard.suffer("a", 47, Mishap::Curve(Spoilt::Classes));
    let values = wanted("round-curve", "47", "2026-11-18", "2026-11-18");
    let work = yard.begin(&values);
    // In the middle of the second of three classes of 96 records, two frames a piece.
    yard.stop_after(36);
    let sheet = yard.advance(work, &mut |_| {});
    assert_eq!(sheet.exit, Some(Code::Cancelled), "{sheet:?}");
    let read = pieces(&yard);
    assert!((13..26).contains(&read), "{read}");
    yard.restart();
    let sheet = yard.advance(work, &mut |_| {});
    assert!(sheet.done && sheet.exit.is_none(), "{sheet:?}");
    let window = Window::of(&values).unwrap();
    let rows = records(yard.store(), no(47), &window);
    assert_eq!(rows.len(), 96);
    let has = |name: &str| {
        let at = FIGURES.iter().position(|(own, ..)| *own == name).unwrap();
        rows.iter().filter(|row| row.figures[at].is_some()).count()
    };
    // Classes 1, 2 and 4 in one row; 3, 5 and 6 it does not have.
    for (name, count) in [
        ("voltage-a", 96),
        ("power", 96),
        ("energy", 96),
        ("power-factor", 0),
        ("reactive-q2", 0),
        ("demand", 0),
    ] {
        assert_eq!(has(name), count, "{name}");
    }
    assert!(pieces(&yard) <= 3 * (96 / 8 + 1) + 1, "{} in all", pieces(&yard));
    // The whole curve of another meter is one question a piece, as before.
    let other = yard.begin(&wanted("round-curve", "48", "2026-11-18", "2026-11-18"));
    assert!(yard.advance(other, &mut |_| {}).done);
    let items = yard.store().events(1, 10_000).into_iter().filter_map(|entry| match entry.event {
        Event::Reading(reading) if reading.meter == no(48) => Some(reading.items),
        _ => None,
    });
    assert!(items.flatten().all(|(di, _)| di == DI_SINCE));
}

#[test]
fn a_curve_of_another_protocol_is_said_not_to_be_offered() {
    let yard = yard();
    let meter = AreaMeter {
        no: no(60),
        account: None,
        customer: String::new(),
        location: String::new(),
        profile: "adf400l-1p".into(),
        area: "north".into(),
        place: BusPlace { line: "a".into(), address: "1".into(), ..BusPlace::default() },
    };
    yard.store().install_area(2, &[AreaPage { signed: vec![2], meters: vec![meter] }]).unwrap();
    for what in ["round-curve", "round-days"] {
        let work = yard.begin(&wanted(what, "60", "2026-11-18", "2026-11-18"));
        let sheet = yard.advance(work, &mut |_| {});
        let failed = sheet.rows.iter().find_map(|row| row.failure.as_ref()).unwrap();
        assert_eq!(failed.code, Code::NotOffered, "{failed:?}");
    }
}

#[test]
fn daily_freezes_by_window_each_once() {
    let mut yard = yard();
    let values = wanted("round-days", "47 49", "2026-11-13", "2026-11-19");
    let work = yard.begin(&values);
    let sheet = yard.advance(work, &mut |_| {});
    assert!(sheet.done, "{sheet:?}");
    let window = Window::of(&values).unwrap();
    let rows = days(yard.store(), no(47), &window);
    assert_eq!(rows.len(), 7);
    assert_eq!(rows[0].at.to_string(), "2026-11-13 00:00:00");
    assert!(rows.iter().all(|day| day.energies.len() > 1 && day.credit.is_some()), "{rows:?}");
    assert!(rows.windows(2).all(|pair| pair[0].energies[0] < pair[1].energies[0]));
    yard.restart();
    let entries = yard.store().summary().head.seq;
    let again = yard.begin(&values);
    assert!(yard.advance(again, &mut |_| {}).done);
    let readings = yard.store().events(entries + 1, 1_000);
    let read = readings.iter().filter(|entry| matches!(entry.event, Event::Reading(_))).count();
    assert_eq!(read, 0, "what is known is not read again");
    let steps = yard.store().steps(again);
    let done = steps.iter().filter(|row| row.step.meter.is_some());
    assert!(done.clone().all(|row| row.step.state == StepState::Done));
}

#[test]
fn windows_that_make_no_sense() {
    for (from, to) in
        [("2026-11-19", "2026-11-18"), ("x", "2026-11-18"), ("2020-01-01", "2026-01-01"), ("", "")]
    {
        let code = Window::of(&wanted("round-curve", "47", from, to)).unwrap_err().code;
        assert_eq!(code, Code::FieldOdd, "{from} {to}");
    }
}
