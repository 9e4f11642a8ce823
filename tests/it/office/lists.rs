//! The desk's lists, sales by list, and their files.

use meterkit::office::tables::{Table, for_file};
use meterkit::office::{Ages, NewMeter, OrderList, OrderReport, TokenAsk};
use meterkit::store::{BundleTaken, Event, Step};
use meterkit::table::write::{csv, save};
use meterkit::units::{
    CreditUnit, Decision, ErrandKind, Mark, MeterNo, StepState, TokenId, UnixSeconds, WorkId,
};
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;

use super::desk::{Desk, METER, NOW, account, device, figure, meter};

const DAY: i64 = 86_400;

fn street(desk: &Desk) {
    for (no, customer, location) in
        [("48", "Li 50%_off", "B2 1204"), ("49", "\u{674e}\u{56db}", "A1 0001")]
    {
        let mut new = NewMeter::new(meter(no), account(), customer, location);
        new.line.area = "north".to_owned();
        desk.local.wait(desk.office().add_meters(&[new])).unwrap();
    }
}

#[test]
fn meters_are_found_by_any_text_and_signs_are_only_signs() {
    let desk = Desk::new();
    street(&desk);
    let find = |text: &str, limit| {
        let found = desk.local.wait(desk.office().find_meters(text, limit)).unwrap();
        found.iter().map(|row| row.line.meter).collect::<Vec<MeterNo>>()
    };
    let [a, b, c] = [METER, "48", "49"].map(meter);
    assert_eq!(find("", 0), [a, b, c]);
    assert_eq!(find("", 2), [a, b]);
    assert_eq!(find("b2 12", 0), [a, b]);
    assert_eq!(find("\u{674e}", 0), [c]);
    assert_eq!(find("NORTH", 0), [b, c]);
    assert_eq!(find("0%_", 0), [b], "not anything at all");
    assert_eq!(find("%", 0), [b]);
    assert_eq!(find("123456", 0), [a, b, c], "the account");
    assert_eq!(find("' OR 1=1 --", 0), []);
    assert_eq!(find("\\", 0), []);
    let handheld = desk.handheld("hh-1");
    let token = desk.issue_to("hh-1", METER, 700).id;
    handheld.sync(&desk.post()).unwrap();
    handheld.recharge(token, Decision::Confirmed);
    desk.issue_to("hh-1", METER, 300);
    handheld.sync(&desk.post()).unwrap();
    let sheet = desk.local.wait(desk.office().meter_sheet(a)).unwrap();
    assert_eq!((sheet.held, sheet.found.out, sheet.tokens.len()), (700, 1, 2));
    assert_eq!(sheet.found.balance, Some(700));
    let none = desk.local.wait(desk.office().meter_sheet(meter("99"))).unwrap_err();
    assert_eq!(none.code(), "no-meter");
    let ask = TokenAsk { device: Some(device("hh-1")), limit: 1, ..TokenAsk::default() };
    let tokens = desk.local.wait(desk.office().tokens(&ask)).unwrap();
    assert_eq!(tokens.len(), 1);
}

#[test]
fn keep_power_stands_until_it_is_ended_with_any_handheld() {
    let desk = Desk::new();
    street(&desk);
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    let mark = |no: &str, mark, on, note: &str| Event::Marked {
        meter: meter(no),
        mark,
        on,
        note: note.to_owned(),
    };
    one.append(mark("48", Mark::KeepPower, true, "hospital"));
    one.append(mark("49", Mark::KeepPower, true, "pump"));
    one.append(mark(METER, Mark::Tripped, true, "arrears"));
    desk.clock.fetch_add(2 * DAY, Ordering::Relaxed);
    // Said once more: it stands since the first time.
    one.append(mark("48", Mark::KeepPower, true, "still"));
    two.append(mark("49", Mark::KeepPower, false, ""));
    for hand in [&two, &one] {
        hand.sync(&desk.post()).unwrap();
    }
    let kept = desk.local.wait(desk.office().kept()).unwrap();
    let rows: Vec<_> =
        kept.iter().map(|row| (row.meter, row.since.0, row.age_s, row.note.as_str())).collect();
    assert_eq!(rows, [(meter("48"), NOW, 2 * DAY, "hospital")]);
    assert_eq!(kept[0].line.as_ref().unwrap().location, "B2 1204");
    assert_eq!(desk.local.wait(desk.office().today()).unwrap().kept, 1);
}

#[test]
fn who_is_silent_is_told_oldest_first_and_who_was_never_enrolled_is_not() {
    let desk = Desk::new();
    street(&desk);
    let one = desk.handheld("hh-1");
    let _offered = desk.file("hh-0", "http://127.0.0.1:1");
    desk.clock.fetch_add(3 * DAY, Ordering::Relaxed);
    let _two = desk.handheld("hh-2");
    let ask = |device_s, meter_s| {
        let ages = Ages { device_s, meter_s, limit: 0 };
        desk.local.wait(desk.office().lost_contact(&ages)).unwrap()
    };
    let names = |device_s| {
        let rows = ask(device_s, DAY).devices;
        rows.into_iter().map(|(row, age)| (row.device.to_string(), age)).collect::<Vec<_>>()
    };
    assert_eq!(names(DAY), [("hh-1".to_owned(), Some(3 * DAY))]);
    assert_eq!(names(4 * DAY), []);
    one.sync(&desk.post()).unwrap();
    assert_eq!(names(1), []);
    assert_eq!(ask(DAY, 3 * DAY).meters.len(), 3);
    assert_eq!(ask(DAY, 3 * DAY + 1).meters.len(), 0);
    let today = desk.local.wait(desk.office().today()).unwrap();
    assert_eq!((today.devices, today.silent, today.quarantined, today.sound), (2, 0, 0, true));
}

#[test]
fn which_version_of_a_bundle_is_in_which_meter() {
    let desk = Desk::new();
    let (one, two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    let taken = |version: u32| BundleTaken {
        id: TokenId([version as u8; 16]),
        name: "summer".to_owned(),
        version,
        digest: Sha256::digest([version as u8]).into(),
        expires: UnixSeconds(NOW + DAY),
        bytes: vec![1],
    };
    let write = |hand: &super::desk::Handheld, version: u32, no: &str, state| {
        let step = |meter, name: &str, state| Step {
            errand: WorkId([version as u8; 16]),
            kind: ErrandKind::Bundle,
            meter,
            name: name.to_owned(),
            state,
            notes: match name {
                "end" => vec![],
                _ => vec![("bundle".to_owned(), TokenId([version as u8; 16]).to_string())],
            },
        };
        hand.append(Event::Step(step(None, Step::WHOLE, StepState::Begun)));
        hand.append(Event::Step(step(Some(meter(no)), "end", state)));
        desk.clock.fetch_add(60, Ordering::Relaxed);
    };
    for (hand, version) in [(&one, 1), (&one, 2), (&two, 2)] {
        let step = taken(version);
        hand.store.take_bundle(&hand.stamp(), step, &[version as u8]).unwrap();
    }
    write(&one, 1, METER, StepState::Done);
    write(&one, 1, "48", StepState::Done);
    write(&two, 2, METER, StepState::Refused);
    for hand in [&two, &one] {
        hand.sync(&desk.post()).unwrap();
    }
    let seen = desk.local.wait(desk.office().bundles()).unwrap();
    let rows: Vec<_> =
        seen.iter().map(|row| (row.version, row.devices.len(), row.meters, row.partial)).collect();
    assert_eq!(rows, [(2, 2, 0, 1), (1, 1, 1, 0)]);
    let rows = desk.local.wait(desk.office().meter_bundles(Some("summer"))).unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.meter, row.version, row.good)).collect();
    assert_eq!(rows, [(meter(METER), 2, false), (meter("48"), 1, true)]);
    assert_eq!(desk.local.wait(desk.office().meter_bundles(Some("winter"))).unwrap(), []);
}

fn list(text: &str) -> OrderList {
    OrderList {
        name: "sales.csv".to_owned(),
        bytes: text.as_bytes().to_vec(),
        device: Some(device("hh-1")),
        days: 3,
        dry: false,
        again: 0,
    }
}

fn give(desk: &Desk, list: &OrderList) -> OrderReport {
    desk.local.wait(desk.office().issue_list(list)).unwrap()
}

fn faults(report: &OrderReport) -> Vec<(usize, &'static str)> {
    let bad = report.rows.iter().filter_map(|row| Some((row.line, row.fault.as_ref()?.0)));
    bad.collect()
}

#[test]
fn a_list_is_issued_whole_or_not_at_all() {
    let desk = Desk::new();
    street(&desk);
    let (_one, _two) = (desk.handheld("hh-1"), desk.handheld("hh-2"));
    let before = desk.report();
    let bad = give(
        &desk,
        &list(
            "estate Garden,,\nmeter,customer,amount,handheld\n\
             47,Zhang,100.00,\n99,Nobody,5,\n48,Li,-5,\n48,Li,1.005,\n1.2E+11,Li,5,\n\
             47,Zhang,100,hh-2\n49,Wu,7,hh-9\n49,Wu,100000.01,\n47,Zhang,100.00,\n49,Wu,8,\n",
        ),
    );
    assert!(!bad.issued && bad.before.is_none());
    assert_eq!(
        faults(&bad),
        [
            (4, "no-meter"),
            (5, "row-amount"),
            (6, "row-amount"),
            (7, "row-meter"),
            (8, "chain-elsewhere"),
            (9, "no-device"),
            (10, "amount"),
            (11, "row-twice"),
        ]
    );
    assert_eq!(desk.report(), before, "one bad row, and nothing is issued");
    let good = "meter,amount\n47,100.00\n48,20\n47,5.5\n";
    let dry = give(&desk, &OrderList { dry: true, ..list(good) });
    assert!(dry.good() && !dry.issued);
    assert_eq!(desk.report(), before);
    let done = give(&desk, &list(good));
    assert!(done.issued && done.good());
    let report = desk.report();
    assert_eq!((figure(&report, "in-transit"), figure(&report, "reserved")), (12_550, 3));
    let steps: Vec<_> = done.rows.iter().map(|row| row.token.unwrap()).collect();
    let ask = TokenAsk { meter: Some(meter(METER)), ..TokenAsk::default() };
    let tokens = desk.local.wait(desk.office().tokens(&ask)).unwrap();
    assert_eq!(tokens.len(), 2, "two of one meter make a chain");
    assert!(tokens.iter().all(|token| steps.contains(&token.row.id)));
}

#[test]
fn a_list_that_is_given_twice_sells_once() {
    let desk = Desk::new();
    street(&desk);
    let _one = desk.handheld("hh-1");
    let first = give(&desk, &list("meter,amount\n47,100.00\n48,20\n"));
    assert!(first.issued);
    let report = desk.report();
    // The same file, the same rows in another form, in Chinese, as a workbook.
    let pages = for_file(&Table::Orders(&first), "x.xlsx".as_ref());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("again.xlsx");
    save(&path, &pages, false).unwrap();
    let same = [
        "meter,amount\n47,100.00\n48,20\n".as_bytes().to_vec(),
        "AMOUNT;Meter No\r\n\"100\";000000000047\r\n20.0;48\r\n".as_bytes().to_vec(),
        "\u{8868}\u{53f7}\t\u{91d1}\u{989d}\n47\t100\n48\t20.00\n".as_bytes().to_vec(),
        std::fs::read(&path).unwrap(),
    ];
    for bytes in same {
        let again = give(&desk, &OrderList { bytes, ..list("") });
        assert_eq!((again.issued, &again.id), (false, &first.id), "{again:?}");
        assert_eq!(again.before.map(|at| at.0), Some(NOW));
        let tokens =
            |report: &OrderReport| report.rows.iter().map(|row| row.token).collect::<Vec<_>>();
        assert_eq!(tokens(&again), tokens(&first), "it says what was issued then");
    }
    assert_eq!(desk.report(), report);
    // Two who bring it at once, a list nobody knew.
    let third = OrderList { again: 1, ..list("meter,amount\n47,100.00\n48,20\n") };
    let (a, b) = desk.local.wait(async {
        tokio::join!(desk.office().issue_list(&third), desk.office().issue_list(&third))
    });
    let issued = [a.unwrap(), b.unwrap()].iter().filter(|report| report.issued).count();
    assert_eq!(issued, 1);
    assert_eq!(figure(&desk.report(), "in-transit"), 24_000);
    let lists = desk.local.wait(desk.office().issued_lists()).unwrap();
    assert_eq!(lists.iter().map(|one| one.rows).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_file_that_is_no_list_is_refused_and_names_why() {
    let desk = Desk::new();
    let _one = desk.handheld("hh-1");
    let many = format!("meter,amount\n{}", "47,1\n".repeat(5_001));
    for text in ["", "47,100\n", "meter,customer\n47,Li\n", "meter,amount\n", &many] {
        let error = desk.local.wait(desk.office().issue_list(&list(text))).unwrap_err();
        assert_eq!(error.code(), "usage", "{}", text.len());
    }
    let broken = OrderList { bytes: b"PK\x03\x04 and nothing".to_vec(), ..list("") };
    assert_eq!(desk.local.wait(desk.office().issue_list(&broken)).unwrap_err().code(), "usage");
}

#[test]
fn every_list_becomes_a_file_that_holds_no_formula() {
    let desk = Desk::new();
    let mut new = NewMeter::new(meter("48"), account(), "=HYPERLINK(1)", "@B2");
    new.line.unit = CreditUnit::Kwh;
    desk.local.wait(desk.office().add_meters(&[new])).unwrap();
    let found = desk.local.wait(desk.office().find_meters("", 0)).unwrap();
    let sheet = desk.handheld("hh-1");
    drop(sheet);
    let sheet = desk.local.wait(desk.office().lost(&device("hh-1"))).unwrap();
    let text = csv(&for_file(&Table::Meters(&found), "x.csv".as_ref()), false);
    assert!(text.contains(",'=HYPERLINK(1),'@B2,"), "{text}");
    assert_eq!(for_file(&Table::Lost(&sheet), "x.csv".as_ref()).len(), 1);
    assert_eq!(for_file(&Table::Lost(&sheet), "x.XLSX".as_ref()).len(), 2);
}
