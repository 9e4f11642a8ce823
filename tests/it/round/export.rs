//! "Reading export" of the batch commands: a round that writes its table by itself.

use std::path::Path;

use meterkit::cli::round_book;
use meterkit::jobs::control::Control;
use meterkit::jobs::errand::{Answer, Ask, Errand, Sheet, Sign, Values};
use meterkit::jobs::round::export;
use meterkit::report::Code;
use meterkit::store::{Stamp, Store};
use meterkit::text::Lang;
use meterkit::units::{ErrandKind, UnixSeconds, WorkId};

use super::yard::{Yard, count};

fn yard() -> Yard {
    let meter = |no: u32| {
        format!("[[meter]]\nno = \"{no}\"\naccount = \"{no}\"\nbalance = \"50.00\"\ncount = 3\n")
    };
    Yard::new(&[("a", format!("seed = 4\n{}{}", meter(47), meter(48)))])
}

fn form(file: &Path) -> Values {
    let values = Values::default().with("command", "reading-export").with("meters", "47 48");
    values.with("round-export", file.display().to_string())
}

/// What a caller does behind every advance.
fn table(store: &Store, sheet: Sheet) -> Sheet {
    let stamp = Stamp { at: UnixSeconds(1), boot_ms: 0, operator: "test".into() };
    let tables = |store: &Store, work: WorkId, is_book: bool| {
        let moment = |at: UnixSeconds| at.0.to_string();
        round_book::pages(store, work, (Lang::En, is_book), &moment)
    };
    export::write(store, &stamp, sheet, &tables).unwrap()
}

fn advance(yard: &Yard, work: WorkId, answer: &Answer) -> Sheet {
    let sheet = yard.on(|site| Control.advance(site, work, answer, &mut |_| {})).unwrap();
    table(yard.store(), sheet)
}

fn export_row(sheet: &Sheet) -> (Sign, Option<Code>) {
    let row = sheet.rows.iter().find(|row| row.name == "round-export").unwrap();
    (row.sign, row.failure.as_ref().map(|failure| failure.code))
}

#[test]
fn it_is_a_round_and_writes_its_table_when_it_stops() {
    let (mut yard, folder) = (yard(), tempfile::tempdir().unwrap());
    let file = folder.path().join("out.csv");
    let plan = yard.on(|site| Control.plan(site, &form(&file))).unwrap();
    assert_eq!((plan.rows[0].value.as_str(), count(&plan, "round-listed")), ("reading-export", 2));
    assert!(yard.store().errands().is_empty() && !file.exists(), "a plan leaves nothing behind");
    yard.dead("a", 48, true);
    let fast = form(&file);
    let work = yard.on(|site| Control.begin(site, &fast)).unwrap();
    assert_eq!(yard.store().errand(work).unwrap().step.kind, ErrandKind::Round);
    assert_eq!(export_row(&Control.sheet(yard.store(), work).unwrap()), (Sign::Todo, None));
    // One does not answer: the table says so, and is written anew when it has.
    yard.stop_after(u32::MAX);
    let sheet = advance(&yard, work, &Answer::Text("round-later".into()));
    assert!(!sheet.done);
    assert_eq!(export_row(&sheet), (Sign::Good, None));
    assert!(std::fs::read_to_string(&file).unwrap().contains("missing"));
    yard.dead("a", 48, false);
    yard.restart();
    let sheet = advance(&yard, work, &Answer::None);
    assert!(sheet.done && sheet.exit.is_none() && sheet.ask == Ask::Nothing, "{sheet:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("missing") && text.lines().count() == 3, "{text}");
    // It has ended: the table is not written over what a person may have made of it.
    std::fs::write(&file, "mine").unwrap();
    let sheet = advance(&yard, work, &Answer::None);
    assert_eq!(export_row(&sheet), (Sign::Good, None));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_table_that_cannot_be_written_is_said_and_written_later() {
    let (yard, folder) = (yard(), tempfile::tempdir().unwrap());
    let file = folder.path().join("sub").join("out.xlsx");
    let work = yard.on(|site| Control.begin(site, &form(&file))).unwrap();
    let sheet = advance(&yard, work, &Answer::None);
    assert_eq!(export_row(&sheet), (Sign::Bad, Some(Code::File)));
    assert_eq!(sheet.exit, Some(Code::File), "the readings are kept, the exit status tells");
    assert_eq!(count(&sheet, "round-read"), 2);
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let readings = yard.store().summary().events;
    let sheet = advance(&yard, work, &Answer::None);
    assert_eq!((export_row(&sheet), sheet.exit), ((Sign::Good, None), None));
    assert!(std::fs::read(&file).unwrap().starts_with(b"PK"));
    assert_eq!(yard.store().summary().events, readings + 1, "nothing is read again");
}
