//! Lists, passes, kills, typed figures, tables.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use meterkit::cli::round_book;
use meterkit::jobs::errand::{Ask, Errand, Sheet, Values};
use meterkit::jobs::round::{Round, type_in};
use meterkit::report::Code;
use meterkit::store::{Event, Stamp, Step};
use meterkit::table::write as book;
use meterkit::text::Lang;
use meterkit::units::{Energy, MeterNo, StepState, UnixSeconds, WorkId};

use super::yard::{Yard, count, no};

/// Eight lines of 12 or 13 meters: 100 in all, numbered by line.
fn eight() -> Yard {
    let lines: Vec<(String, String)> = (0..8_u32)
        .map(|line| {
            let meters = if line < 4 { 13 } else { 12 };
            let mut text = format!("seed = {line}\n");
            for nth in 1..=meters {
                let meter = 100 * (line + 1) + nth;
                text += &format!(
                    "[[meter]]\nno = \"{meter}\"\naccount = \"{meter}\"\nbalance = \"50.00\"\n\
                     count = 3\nenergy = \"{meter}.00\"\n"
                );
            }
            (format!("line-{line}"), text)
        })
        .collect();
    let lines: Vec<(&str, String)> =
        lines.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    Yard::new(&lines)
}

/// Silent at first: some on every line.
const SILENT: &[(u32, u32)] =
    &[(0, 101), (0, 113), (1, 205), (2, 301), (3, 402), (4, 512), (5, 606), (6, 701), (7, 812)];

fn silence(yard: &Yard, dead: bool) {
    for (line, meter) in SILENT {
        yard.dead(&format!("line-{line}"), *meter, dead);
    }
}

/// How often each meter's reading is in the journal.
fn readings(yard: &Yard) -> BTreeMap<MeterNo, usize> {
    let mut found = BTreeMap::new();
    for entry in yard.store().events(1, 10_000) {
        if let Event::Reading(reading) = entry.event {
            *found.entry(reading.meter).or_default() += 1;
        }
    }
    found
}

#[test]
fn a_hundred_meters_over_eight_lines_until_all_have_answered() {
    let yard = eight();
    silence(&yard, true);
    let work = yard.begin(&Values::default().with("round-all", "yes"));
    let mut told = 0;
    let sheet = yard.advance(work, &mut |sheet: &Sheet| {
        told += 1;
        assert_eq!(count(sheet, "round-listed"), 100);
        if told == 100 {
            // The first pass is over; somebody puts the plugs in.
            silence(&yard, false);
        }
    });
    assert_eq!(told, 100 + SILENT.len(), "only the missing ones are visited again");
    assert!(sheet.done && sheet.exit.is_none() && sheet.ask == Ask::Nothing, "{sheet:?}");
    assert_eq!(count(&sheet, "round-read"), 100);
    assert!(readings(&yard).values().all(|times| *times == 1), "nothing is read twice");
    let ended = yard.store().errand(work).unwrap();
    assert_eq!(ended.step.state, StepState::Done);
}

#[test]
fn killed_anywhere_it_goes_on_where_it_was() {
    let mut yard = eight();
    silence(&yard, true);
    let work = yard.begin(&Values::default().with("round-area", "north"));
    for kill in [1, 7, 30, 40] {
        let mut told = 0;
        let dies = AssertUnwindSafe(|| {
            yard.advance(work, &mut |_: &Sheet| {
                told += 1;
                assert!(told < kill, "killed");
            })
        });
        assert!(catch_unwind(dies).is_err());
        yard.restart();
        let sheet = Round.sheet(yard.store(), work).unwrap();
        assert!(!sheet.done);
    }
    silence(&yard, false);
    let sheet = yard.advance(work, &mut |_| {});
    assert!(sheet.done, "{sheet:?}");
    assert_eq!(count(&sheet, "round-read"), 100);
    // What was on its way when the process died is read again, and nothing else.
    let again: usize = readings(&yard).values().map(|times| times - 1).sum();
    assert!(again <= 4, "{again} read twice");
}

#[test]
fn stopped_by_a_person_it_says_so_and_blames_no_meter() {
    let mut yard = eight();
    let work = yard.begin(&Values::default().with("round-line", "line-2"));
    let cancel = yard.cancel.clone();
    let sheet = yard.advance(work, &mut |_| cancel.store(true, Ordering::Relaxed));
    assert_eq!(sheet.exit, Some(Code::Cancelled));
    assert!(!sheet.done);
    assert_eq!(count(&sheet, "round-listed"), 13);
    let failed = sheet.rows.iter().filter(|row| row.failure.is_some()).count();
    assert_eq!(failed, 0, "{sheet:?}");
    yard.restart();
    assert!(yard.advance(work, &mut |_| {}).done);
}

#[test]
fn what_never_answers_is_asked_about_typed_in_or_left() {
    let yard = eight();
    silence(&yard, true);
    let values = Values::default().with("meters", "101 102 113").with("round-passes", "2");
    let work = yard.begin(&values);
    let sheet = yard.advance(work, &mut |_| {});
    let Ask::Choice("round-left", choices) = sheet.ask else { panic!("{sheet:?}") };
    assert_eq!(choices, ["round-again", "round-later", "round-finish", "round-type"]);
    assert_eq!(count(&sheet, "round-missing"), 2);
    let stamp = Stamp { at: UnixSeconds(1), boot_ms: 0, operator: "test".into() };
    let typed = |meter, energy, reason: &str| {
        type_in(yard.store(), &stamp, work, (no(meter), Energy(energy)), reason)
    };
    let code = |result: Result<Sheet, meterkit::jobs::Failure>| result.unwrap_err().code;
    assert_eq!(code(typed(101, 10_150, " ")), Code::FieldOdd, "without a reason");
    assert_eq!(code(typed(101, -1, "locked")), Code::FieldOdd);
    assert_eq!(code(typed(999, 1, "locked")), Code::FieldOdd, "not on the list");
    assert_eq!(code(typed(102, 1, "locked")), Code::ReadingStands, "the meter has answered");
    let before = readings(&yard);
    let sheet = typed(101, 10_150, "cabinet locked").unwrap();
    assert_eq!((count(&sheet, "round-typed"), count(&sheet, "round-missing")), (1, 1));
    assert_eq!(readings(&yard), before, "a typed figure is no reading");
    let sheet = yard.answer(work, "round-finish");
    assert!(sheet.done);
    assert_eq!(sheet.exit, Some(Code::WorkPartial));
    let own = yard.store().errand(work).unwrap().step;
    assert_eq!((own.name.as_str(), own.state), (Step::WHOLE, StepState::Done));
    assert_eq!(code(typed(113, 1, "late")), Code::ReadingStands, "it has ended");
    exported(&yard, work);
}

/// The same on the round's page: meter, figure, reason, each asked for by itself, and what cannot
/// be asked for again.
#[test]
fn a_figure_is_typed_on_the_page() {
    let yard = eight();
    yard.dead("line-0", 101, true);
    yard.dead("line-0", 113, true);
    let work = yard.begin(&Values::default().with("meters", "101 102 113"));
    let sheet = yard.advance(work, &mut |_| {});
    assert!(matches!(sheet.ask, Ask::Choice("round-left", _)), "{sheet:?}");
    let asks = |sheet: &Sheet| match sheet.ask {
        Ask::Enter(name, _) => name,
        _ => panic!("{sheet:?}"),
    };
    assert_eq!(asks(&yard.answer(work, "round-type")), "round-which");
    // Not a number, not on the list, and one that has answered itself.
    for (odd, code) in
        [("x", Code::FieldOdd), ("999", Code::FieldOdd), ("102", Code::ReadingStands)]
    {
        let sheet = yard.answer(work, odd);
        assert_eq!(asks(&sheet), "round-which", "{odd}");
        assert_eq!(sheet.rows[0].failure.as_ref().unwrap().code, code, "{odd}");
    }
    let sheet = yard.answer(work, "101");
    assert_eq!((asks(&sheet), sheet.rows[0].meter), ("round-figure", Some(no(101))));
    assert_eq!(asks(&yard.answer(work, "-1")), "round-figure");
    let sheet = yard.answer(work, "101.50");
    assert_eq!((asks(&sheet), sheet.rows[0].value.as_str()), ("round-why", "101.50 kWh"));
    let sheet = yard.answer(work, "cabinet locked");
    assert_eq!((count(&sheet, "round-typed"), count(&sheet, "round-missing")), (1, 1));
    assert!(matches!(sheet.ask, Ask::Choice("round-left", _)), "{sheet:?}");
    // One is left: it is the one that is meant. Given up, nothing was typed.
    let sheet = yard.answer(work, "round-type");
    assert_eq!((asks(&sheet), sheet.rows[0].meter), ("round-figure", Some(no(113))));
    assert!(matches!(yard.answer(work, "round-later").ask, Ask::Choice("round-left", _)));
    let sheet = yard.answer(work, "round-type");
    assert_eq!(asks(&sheet), "round-figure");
    assert_eq!(asks(&yard.answer(work, "113.00")), "round-why");
    // The last one ends the round.
    let sheet = yard.answer(work, "display dark, read by torch");
    assert!(sheet.done && sheet.exit.is_none(), "{sheet:?}");
    assert_eq!((count(&sheet, "round-typed"), count(&sheet, "round-missing")), (2, 0));
}

/// The tables of that round.
fn exported(yard: &Yard, work: WorkId) {
    let moment = |_: UnixSeconds| "2026-11-20 08:00:00".to_owned();
    let pages =
        |is_book| round_book::pages(yard.store(), work, (Lang::En, is_book), &moment).unwrap();
    let text = book::csv(&pages(false), true);
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("Meter \u{8868}\u{53f7},"), "{}", lines[0]);
    let row = |meter: &str| *lines.iter().find(|line| line.starts_with(meter)).unwrap();
    assert!(row("000000000102").contains(",102.00,,3,50.00,yuan,"), "{text}");
    assert!(row("000000000101").contains("typed by a person"), "{text}");
    assert!(row("000000000101").contains(",,101.50,"), "typed has a column of its own: {text}");
    assert!(row("000000000101").contains("cabinet locked"), "{text}");
    assert!(row("000000000113").contains("MK-LINK-03"), "{text}");
    assert!(lines[1].contains("'=customer"), "no formula: {text}");
    let sheets = pages(true);
    let names: Vec<&str> = sheets.iter().map(|page| page.name.as_str()).collect();
    assert_eq!(names, ["Summary \u{6c47}\u{603b}", "line-0"]);
    assert!(book::xlsx(&sheets).unwrap().starts_with(b"PK"));
    // The table is a list again.
    let folder = tempfile::tempdir().unwrap();
    for name in ["round.csv", "round.xlsx"] {
        let file = folder.path().join(name);
        let only: Vec<_> = pages(true).into_iter().skip(1).collect();
        book::save(&file, &only, true).unwrap();
        let list = meterkit::jobs::round::of_file(&file.display().to_string()).unwrap();
        assert_eq!((list.meters.len(), list.bad.len()), (3, 0), "{name}: {list:?}");
        assert_eq!(list.meters[1].1.expected.energy, Some(Energy(10_200)), "{name}");
    }
}

#[test]
fn a_plan_names_every_bad_row_and_changes_nothing() {
    let yard = eight();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.csv");
    let table = "\u{8868}\u{53f7};\u{5ba2}\u{6237}\n101;a\n101;b\n1.01E+02;c\n102;d\n";
    // As Chinese Excel saves it.
    std::fs::write(&file, encoding_rs::GB18030.encode(table).0).unwrap();
    let values = Values::default().with("round-file", file.display().to_string());
    let plan = yard.on(|site| Round.plan(site, &values)).unwrap();
    assert_eq!(count(&plan, "round-listed"), 2);
    let bad: Vec<(&str, &str)> =
        plan.rows[1..].iter().map(|row| (row.name.as_str(), row.value.as_str())).collect();
    assert_eq!(bad, [("row-twice", "#3 = 2: 000000000101"), ("row-rounded", "#4: 1.01E+02")]);
    assert_eq!(yard.store().errands(), []);
    let work = yard.begin(&values);
    assert!(yard.advance(work, &mut |_| {}).done);
    let none = yard.on(|site| Round.begin(site, &Values::default())).unwrap_err();
    assert_eq!(none.code, Code::FieldOdd);
    std::fs::write(&file, "a,b\n1,2\n").unwrap();
    let plan = yard.on(|site| Round.plan(site, &values)).unwrap_err();
    assert_eq!(plan.code, Code::File);
}

#[test]
fn a_long_list_takes_several_entries_and_comes_back_whole() {
    let yard = eight();
    let meters: Vec<String> = (1..=2_000).map(|nth| nth.to_string()).collect();
    let work = yard.begin(&Values::default().with("meters", meters.join(" ")));
    let sheet = Round.sheet(yard.store(), work).unwrap();
    assert_eq!(count(&sheet, "round-listed"), 2_000);
    assert!(yard.store().steps(work).len() > 5);
}
