//! An office that was put back and handhelds that reach it by stick alone; what they bring back of
//! it, and what only people can do again.

use super::restored::{Day, OTHER, Yard, day, found, money, restore};
use crate::office::desk::{COUNT, Handheld, METER, account, device, figure, meter, operator};
use crate::support::folders::copy;
use crate::support::postgres;
use crate::sync::media::visit;
use meterkit::office::{
    Letter, MediaReport, NewMeter, NewOperator, NewRound, NewSwap, Office, OfficeError, RoundOf,
    SwapState, ToDo, Verdict,
};
use meterkit::store::Event;
use meterkit::sync::wire::media::{FOLDER, TO_OFFICE};
use meterkit::units::{Decision, PurchaseCount, Role};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

fn stick() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn media(yard: &Yard, stick: &Path) -> MediaReport {
    let report = yard.local.wait(yard.office().media(stick, &[])).unwrap();
    yard.report();
    report
}

fn files(stick: &Path, way: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(stick.join(FOLDER).join(way)) else { return vec![] };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The ledger as it lay on its disk at one moment: its file, or its tables in the database.
enum Disk {
    File(Vec<u8>),
    Database(String),
}

/// Keeps every table under another name.
const KEEP: &str = "DO $$ DECLARE one RECORD; BEGIN
    FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('CREATE TABLE %I AS TABLE %I', 'kept_' || one.name, one.name);
    END LOOP; END $$";
/// Puts the rows back that were kept.
const PUT_BACK: &str = "DO $$ DECLARE one RECORD; BEGIN
    FOR one IN SELECT substr(tablename, 6) AS name FROM pg_tables
        WHERE schemaname = current_schema() AND left(tablename, 5) = 'kept_' LOOP
        EXECUTE format('DELETE FROM %I', one.name);
        EXECUTE format('INSERT INTO %I SELECT * FROM %I', one.name, 'kept_' || one.name);
        EXECUTE format('DROP TABLE %I', 'kept_' || one.name);
    END LOOP; END $$";

impl Disk {
    fn of(folder: &Path) -> Self {
        match fs::read_to_string(folder.join("database")) {
            Ok(url) => {
                postgres::run(url.trim(), KEEP);
                Self::Database(url.trim().to_owned())
            }
            Err(_) => Self::File(fs::read(folder.join("office.db")).unwrap()),
        }
    }

    fn put_back(self, folder: &Path) {
        match self {
            Self::Database(url) => postgres::run(&url, PUT_BACK),
            Self::File(bytes) => {
                for name in ["office.db-wal", "office.db-shm"] {
                    let _ = fs::remove_file(folder.join(name));
                }
                fs::write(folder.join("office.db"), bytes).unwrap();
            }
        }
    }
}

fn put_back(day: &Day) -> Yard {
    restore(&day.dir.path().join("noon.mkb"), &day.dir.path().join("again"))
}

/// The stick goes to the handheld with what the office asks for, and back with the journal: then it
/// is heard. After that everything is as ever, and as it was in the office that is lost.
#[test]
fn a_stick_alone_mends_a_restored_office() {
    let (day, stick) = (day(), stick());
    let lost = day.first.report();
    let second = put_back(&day);
    for (handheld, left) in [(&day.one, 2), (&day.two, 1)] {
        // What it had not been told to be there: not enough, and nothing is believed of it.
        visit(handheld, stick.path()).unwrap();
        let first = media(&second, stick.path());
        assert!(first.letters.iter().any(|(_, became)| matches!(became, Letter::Gap(_))));
        assert_eq!(second.waiting().len(), left + 1);
        assert!(second.try_issue("hh-1", METER, 1).is_err());
        // It takes nothing but the question, and writes nothing down for it.
        let head = handheld.store.summary().head;
        let asked = visit(handheld, stick.path()).unwrap();
        let taken = asked.taken.clone().unwrap();
        assert!(taken.again.is_some() && taken.status.is_none(), "{taken:?}");
        assert!(asked.unread.is_empty() && asked.entries > 5, "{asked:?}");
        assert_eq!(handheld.store.summary().head, head);
        media(&second, stick.path());
        assert_eq!(second.waiting().len(), left);
    }
    assert_eq!(money(&second.report()), money(&lost), "to the last posting");
    second.accept("*");
    let next = second.issue("hh-1", METER, 400);
    assert_eq!(next.count_before.0, COUNT + 3);
    media(&second, stick.path());
    for handheld in [&day.one, &day.two] {
        let back = visit(handheld, stick.path()).unwrap();
        let taken = back.taken.unwrap();
        assert!(back.unread.is_empty() && taken.again.is_none() && taken.status.is_some());
    }
    day.one.recharge(day.held.id, Decision::Confirmed);
    day.one.recharge(next.id, Decision::Confirmed);
    day.two.recharge(day.replaced[1].id, Decision::Confirmed);
    for handheld in [&day.one, &day.two] {
        visit(handheld, stick.path()).unwrap();
        media(&second, stick.path());
        visit(handheld, stick.path()).unwrap();
        assert!(handheld.store.summary().unsynced <= 2);
        assert!(handheld.store.verify().is_ok());
    }
    let end = second.report();
    assert_eq!((figure(&end, "meter-held"), figure(&end, "in-transit")), (1070, 0));
    assert_eq!(end.reviews, 0);
    assert!(second.local.wait(second.office().to_do_again()).unwrap().is_empty());
}

/// Letters that were written before the office was put back, or for an earlier time it was, name an
/// old head. They are taken in, and nobody is heard by them.
#[test]
fn an_old_letter_does_not_stand_for_the_journal() {
    let day = day();
    let [old, now] = [stick(), stick()];
    // In the morning's state of the books such a letter is all there is, whole and signed.
    visit(&day.two, old.path()).unwrap();
    let second = put_back(&day);
    visit(&day.one, now.path()).unwrap();
    media(&second, now.path());
    visit(&day.one, now.path()).unwrap();
    // Its answer is kept by somebody, and the office is put back once more.
    let kept = stick();
    copy(now.path(), kept.path());
    media(&second, now.path());
    assert_eq!(second.waiting(), ["*", "hh-2"]);
    drop(second);
    let third = restore(&day.dir.path().join("noon.mkb"), &day.dir.path().join("third"));
    for stick in [&old, &kept] {
        for _ in 0..2 {
            media(&third, stick.path());
            assert_eq!(third.waiting(), ["*", "hh-1", "hh-2"]);
        }
    }
    // All of its journal is here by the old letters; but whether that is all it cannot say.
    visit(&day.one, kept.path()).unwrap();
    media(&third, kept.path());
    assert_eq!(third.waiting(), ["*", "hh-2"]);
}

/// A part of the journal is kept back: the office waits, however often the rest comes.
#[test]
fn a_stick_from_which_letters_are_taken_is_not_enough() {
    let (day, stick) = (day(), stick());
    for _ in 0..800 {
        day.one.append(Event::TimeAnchor { server: meterkit::units::UnixSeconds(1) });
    }
    let second = put_back(&day);
    visit(&day.one, stick.path()).unwrap();
    media(&second, stick.path());
    visit(&day.one, stick.path()).unwrap();
    let mut letters = files(stick.path(), TO_OFFICE);
    // `hh-1-1-501-900.mkp`: the entries are in the name.
    let first = |path: &PathBuf| -> u64 {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.split('-').nth(3).unwrap().parse().unwrap()
    };
    letters.sort_by_key(first);
    assert!(letters.len() > 1, "several packs: {letters:?}");
    let whole = super::sticks::stick();
    copy(stick.path(), whole.path());
    for missing in [letters.first().unwrap(), letters.last().unwrap()] {
        let some = super::sticks::stick();
        copy(whole.path(), some.path());
        let name = missing.file_name().unwrap();
        fs::remove_file(some.path().join(FOLDER).join(TO_OFFICE).join(name)).unwrap();
        media(&second, some.path());
        assert_eq!(second.waiting(), ["*", "hh-1", "hh-2"], "{name:?} is missing");
    }
    media(&second, whole.path());
    assert_eq!(second.waiting(), ["*", "hh-2"]);
}

/// The office dies before every one of its commits, and is opened again: one more look at the same
/// stick, and it stands as if it never had.
#[test]
fn an_office_that_dies_over_the_stick_goes_on_with_it() {
    let day = day();
    let lost = day.first.report();
    let mut commit = 0;
    loop {
        let stick = stick();
        let folder = day.dir.path().join(format!("again-{commit}"));
        let second = restore(&day.dir.path().join("noon.mkb"), &folder);
        let left = Arc::new(AtomicI64::new(commit));
        let count = Arc::clone(&left);
        let mortal = second.office().clone().with_conflicts(Arc::new(move || {
            if count.fetch_sub(1, Ordering::Relaxed) == 0 {
                std::panic::resume_unwind(Box::new("the office dies"));
            }
            false
        }));
        let look = |office: &Office| {
            let local = &second.local;
            let dir = stick.path();
            catch_unwind(AssertUnwindSafe(|| local.wait(office.media(dir, &[])).unwrap())).is_ok()
        };
        let mut died = 0;
        for _ in 0..2 {
            for handheld in [&day.one, &day.two] {
                visit(handheld, stick.path()).unwrap();
            }
            while !look(&mortal) {
                died += 1;
            }
            second.report();
        }
        assert_eq!(second.waiting(), ["*"], "died before commit {commit}");
        assert_eq!(money(&second.report()), money(&lost));
        commit += 1;
        if died == 0 {
            break;
        }
    }
    assert!(commit > 10, "{commit}");
}

/// An office was put back by copying its disk, and nobody said so: a letter shows a receipt that
/// was not given yet.
#[test]
fn a_letter_shows_that_an_office_was_put_back_without_a_word() {
    let (dir, stick) = (tempfile::tempdir().unwrap(), stick());
    let folder = dir.path().join("office");
    let first = found(&folder);
    let one = first.handheld("hh-1");
    one.sync(&first.post()).unwrap();
    drop(first);
    let copy = Disk::of(&folder);
    let first = super::restored::open(&folder);
    let used = first.issue("hh-1", METER, 200);
    one.sync(&first.post()).unwrap();
    one.recharge(used.id, Decision::Confirmed);
    one.sync(&first.post()).unwrap();
    let lost = first.report();
    drop(first);
    copy.put_back(&folder);
    let second = super::restored::open(&folder);
    visit(&one, stick.path()).unwrap();
    media(&second, stick.path());
    assert_eq!(second.waiting(), ["*", "hh-1"]);
    visit(&one, stick.path()).unwrap();
    media(&second, stick.path());
    assert_eq!(second.waiting(), ["*"]);
    assert_eq!(money(&second.report()), money(&lost));
}

/// Documents come back with the journals they lie in; decisions do not, and are named one by one
/// until they are made again. Meanwhile nobody settles anything.
#[test]
fn what_people_decided_is_named_until_it_is_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("noon.mkb");
    let first = found(&dir.path().join("office"));
    let one = first.handheld("hh-1");
    let (doubt, back) = (first.issue("hh-1", METER, 100), first.issue("hh-1", OTHER, 70));
    one.sync(&first.post()).unwrap();
    one.recharge(doubt.id, Decision::Unreachable);
    one.sync(&first.post()).unwrap();
    first.backup(&file);
    let (local, office) = (&first.local, first.office());
    local.wait(office.settle_proved(doubt.id, Verdict::Booked, ("read on site", None))).unwrap();
    local.wait(office.revoke_token(back.id)).unwrap();
    let mut new = NewMeter::new(meter("51"), account(), "Li Si", "B3");
    new.count = PurchaseCount(COUNT);
    local.wait(office.add_meters(&[new])).unwrap();
    let later = first.issue("hh-1", "51", 900);
    let wang = operator("wang");
    local.wait(office.add_operator(&NewOperator::new(wang.clone(), "Wang", Role::Field))).unwrap();
    let grant = local.wait(office.grant(&wang, &device("hh-1"))).unwrap();
    let mut swapped = NewMeter::new(meter("61"), account(), "Zhao", "B4");
    swapped.count = PurchaseCount(COUNT);
    local.wait(office.add_meters(&[swapped])).unwrap();
    let leave =
        NewSwap { most: Some(10_000), ..NewSwap::new(meter("61"), meter("62"), device("hh-1")) };
    let leave = local.wait(office.issue_swap(&leave)).unwrap().facts;
    for _ in 0..2 {
        one.sync(&first.post()).unwrap();
    }
    drop(first);

    let second = restore(&file, &dir.path().join("again"));
    let (local, office) = (&second.local, second.office());
    let settle =
        || local.wait(office.settle_proved(doubt.id, Verdict::Booked, ("as before", None)));
    assert!(matches!(settle().unwrap_err(), OfficeError::Restored(2)), "fenced as issuing is");
    let report = one.sync(&second.post()).unwrap();
    assert_eq!(report.review(), 0, "nothing in its journal is strange: {:?}", report.outcomes);
    // What was signed is here again as it was.
    let swap = local.wait(office.swap(leave.id)).unwrap();
    assert_eq!((swap.facts, swap.state), (leave, SwapState::Delivered));
    assert!(local.wait(office.token_document(later.id)).is_ok());
    let sheet = local.wait(office.lost(&device("hh-1"))).unwrap();
    assert!(sheet.operators.iter().any(|who| who.operator == wang), "{:?}", sheet.operators);
    assert_ne!(grant.id.0, [0; 16]);
    let again = || {
        let rows = local.wait(office.to_do_again()).unwrap();
        rows.into_iter().map(|one| (one.what, one.which, one.how)).collect::<Vec<_>>()
    };
    let expected = vec![
        (ToDo::Settle, doubt.id.to_string(), "booked"),
        (ToDo::TakeBack, back.id.to_string(), ""),
        (ToDo::Operator, "wang".to_owned(), ""),
        (ToDo::Meter, meter("51").to_string(), ""),
        (ToDo::Meter, meter("61").to_string(), ""),
    ];
    assert_eq!(again(), expected);
    assert!(matches!(settle().unwrap_err(), OfficeError::Restored(1)));
    second.accept("*");
    settle().unwrap();
    local.wait(office.revoke_token(back.id)).unwrap();
    assert_eq!(again(), expected[2..]);
    for no in ["51", "61"] {
        let mut new = NewMeter::new(meter(no), account(), "Li Si", "B3");
        new.count = PurchaseCount(COUNT);
        local.wait(office.add_meters(&[new])).unwrap();
    }
    local.wait(office.add_operator(&NewOperator::new(wang, "Wang", Role::Field))).unwrap();
    assert_eq!(again(), []);
    second.report();
}

/// Whoever is not heard and whoever was: a token that was sold before the loss and taken in from
/// paper afterwards is entered when its journal comes.
#[test]
fn a_token_on_paper_is_entered_whenever_it_is_taken_in() {
    let day = day();
    let paper = day.first.issue("hh-2", OTHER, 30);
    let second = put_back(&day);
    let stick = stick();
    for handheld in [&day.one, &day.two] {
        for _ in 0..2 {
            visit(handheld, stick.path()).unwrap();
            media(&second, stick.path());
        }
    }
    assert_eq!(second.waiting(), ["*"]);
    let before = second.report();
    let taken =
        meterkit::jobs::tokens::import_bytes(&day.two.store, &day.two.stamp(), &paper.bytes);
    assert_eq!(taken.taken, [paper.id], "{:?}", taken.refused);
    visit(&day.two, stick.path()).unwrap();
    media(&second, stick.path());
    let after = second.report();
    assert_eq!(figure(&after, "in-transit"), figure(&before, "in-transit") + 30);
    assert_eq!(after.reviews, 0);
    let handheld: &Handheld = &day.two;
    assert!(handheld.store.verify().is_ok());
}

/// A round the backup has is there again, and its handheld goes on with it; one that was made later
/// is named, and is no work of a stranger.
#[test]
fn rounds_come_back_with_a_backup_and_later_ones_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let first = found(&dir.path().join("office"));
    let one = first.handheld("hh-1");
    let make = |yard: &Yard, name: &str| {
        let new = NewRound {
            device: device("hh-1"),
            name: name.to_owned(),
            note: String::new(),
            of: RoundOf::All,
            due: None,
            days: 30,
        };
        yard.local.wait(yard.office().new_round(&new)).unwrap();
    };
    make(&first, "early");
    first.backup(&dir.path().join("noon.mkb"));
    make(&first, "late");
    one.sync(&first.post()).unwrap();
    one.sync(&first.post()).unwrap();
    let second = restore(&dir.path().join("noon.mkb"), &dir.path().join("again"));
    let names = || {
        let rows = second.local.wait(second.office().rounds()).unwrap();
        rows.into_iter().map(|row| (row.name, row.taken.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(names(), [("early".to_owned(), false)]);
    for _ in 0..3 {
        let _ = one.sync(&second.post());
    }
    assert_eq!(names(), [("early".to_owned(), true)]);
    let again = second.local.wait(second.office().to_do_again()).unwrap();
    assert!(again.iter().any(|one| one.what == ToDo::Round && one.which == "late"), "{again:?}");
}
