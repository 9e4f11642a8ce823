//! Multi-user terminals on the line: found as one box with its users, by what the box says itself,
//! by the office's list, or as a guess.

use meterkit::jobs::survey::terminals;
use meterkit::jobs::views::{BoxBasis, SurveyBox, SurveyPlan, SurveyProtocol, SurveyView};
use meterkit::profile::Profiles;
use meterkit::sim::Fleet;
use meterkit::sim::modbus::ModbusBus;
use meterkit::sim::serve::{BusStation, FleetStation};
use meterkit::store::{AreaMeter, AreaPage, Store};
use meterkit::text::Lang;
use meterkit::transport::{Faults, Line, LineSettings, VirtualLink};
use meterkit::tui::survey_table;
use meterkit::units::BusPlace;

use super::{only, run};

const MODBUS: LineSettings = LineSettings::plain(9600);
const OLD: LineSettings = LineSettings::even(1200);

fn modbus(text: &str, change: impl FnOnce(&mut ModbusBus)) -> SurveyView {
    let profiles = Profiles::built_in();
    let mut bus = ModbusBus::from_toml(text, &|name| profiles.get(name).cloned()).unwrap();
    change(&mut bus);
    let mut link = VirtualLink::new(BusStation(bus), Line::new(MODBUS, Faults::NONE));
    run(&mut link, MODBUS, &only(SurveyProtocol::Modbus, MODBUS)).view
}

fn two_boxes(change: impl FnOnce(&mut ModbusBus)) -> SurveyView {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/meters/box.toml");
    modbus(&std::fs::read_to_string(path).unwrap(), change)
}

/// Place, address, whether three-phase, whether it answered.
fn users(one: &SurveyBox) -> Vec<(u8, &str, Option<bool>, bool)> {
    one.users.iter().map(|u| (u.user, u.address.as_str(), u.wide, u.found)).collect()
}

/// The file that the survey's page saves has a sheet of boxes, a row for each user; without boxes
/// it has none.
#[test]
fn the_book_of_a_survey_has_the_boxes() {
    let mut view = two_boxes(|_| {});
    for lang in Lang::ALL {
        let book = survey_table::book(lang, &view, "survey".to_owned());
        let sheet = book.sheets.last().unwrap();
        assert_eq!((sheet.name.as_str(), sheet.rows.len()), (lang.sheet_boxes(), 12));
        assert!(sheet.rows.iter().all(|row| row.len() == sheet.head.len()));
    }
    view.boxes.clear();
    let book = survey_table::book(Lang::En, &view, "survey".to_owned());
    assert!(book.sheets.iter().all(|sheet| sheet.name != Lang::En.sheet_boxes()));
}

#[test]
fn modbus_boxes_say_who_is_in_them() {
    let view = two_boxes(|_| {});
    assert_eq!(view.meters.len(), 12);
    let [first, second] = &view.boxes[..] else { panic!("{:?}", view.boxes) };
    for one in [first, second] {
        assert_eq!((one.basis, one.protocol), (BoxBasis::Counted, SurveyProtocol::Modbus));
        assert_eq!((one.line.as_str(), one.name.as_str()), ("9600-8N1", ""));
    }
    let (wide, single) = (Some(true), Some(false));
    let expected: Vec<(u8, &str, Option<bool>, bool)> = vec![
        (1, "1", wide, true),
        (2, "4", wide, true),
        (3, "7", single, true),
        (4, "8", single, true),
        (5, "9", single, true),
        (6, "10", single, true),
        (7, "11", single, true),
        (8, "12", single, true),
    ];
    assert_eq!(users(first), expected);
    let addresses: Vec<&str> = users(second).into_iter().map(|user| user.1).collect();
    assert_eq!(addresses, ["37", "38", "39", "40"]);
}

#[test]
fn the_largest_boxes_are_found_whole() {
    let text = r#"
        [[box]]
        first = 1
        no = "000000000101"
        three_phase = 12
        profile_three = "adf400l-3p"
        profile_single = "adf400l-1p"
        [[box]]
        first = 181
        no = "000000000201"
        single_phase = 36
        profile_three = "adf400l-3p"
        profile_single = "adf400l-1p"
    "#;
    let view = modbus(text, |_| {});
    let sizes: Vec<usize> = view.boxes.iter().map(|one| one.users.len()).collect();
    assert_eq!((view.meters.len(), sizes), (48, vec![12, 36]));
    assert!(view.boxes.iter().flat_map(|one| &one.users).all(|user| user.found));
}

#[test]
fn a_user_that_says_nothing_is_missed_in_its_box() {
    let view = two_boxes(|bus| {
        let fifth = bus.meters_mut().iter_mut().find(|meter| meter.unit() == 9).unwrap();
        fifth.set_unit(200);
    });
    let missed: Vec<u8> =
        view.boxes[0].users.iter().filter(|user| !user.found).map(|user| user.user).collect();
    assert_eq!(missed, [5]);
}

#[test]
fn single_meters_are_no_box() {
    let text = r#"
        [[meter]]
        unit = 1
        no = "47"
        profile = "dtsy1352"
        [[meter]]
        unit = 2
        no = "48"
        profile = "adf400l-1p"
    "#;
    // What a meter at a box's first address happens to have there explains nothing: two users, and
    // the second meter would be neither.
    let view = modbus(text, |bus| {
        bus.meters_mut()[0].fix(0x0903, 2);
        bus.meters_mut()[0].fix(0x0904, 0);
    });
    assert_eq!((view.meters.len(), view.boxes.len()), (2, 0));
}

/// A terminal of DL/T 645-1997: every user has a number of its own, and nothing says which belong
/// together.
fn old_terminal(users: usize) -> SurveyView {
    let text = format!(
        "[defaults]\nprofile = \"dlt645-1997\"\n[generate]\ncount = {users}\nfirst = \"4700\"\n"
    );
    let fleet = Fleet::from_toml(&text).unwrap();
    let mut link = VirtualLink::new(FleetStation::new(fleet), Line::new(OLD, Faults::NONE));
    run(&mut link, OLD, &only(SurveyProtocol::Dlt645v1997, OLD)).view
}

#[test]
fn a_terminal_of_1997_is_a_guess_until_the_list_knows_it() {
    for users in [12, 36] {
        let mut view = old_terminal(users);
        assert_eq!(view.meters.len(), users);
        let [guess] = &view.boxes[..] else { panic!("{:?}", view.boxes) };
        assert_eq!((guess.basis, guess.users.len()), (BoxBasis::InARow, users));
        let last = format!("{:012}", 4700 + users - 1);
        assert_eq!(guess.users[users - 1].address, last);
        // The list has one more user than there are, and lists them from the highest number down.
        let place = |user: usize| BusPlace {
            terminal: "D3".to_owned(),
            user: u8::try_from(user).unwrap(),
            ..BusPlace::default()
        };
        let rows: Vec<AreaMeter> = (1..=users + 1)
            .map(|user| listed(4700 + users as u64 - user as u64, "dlt645-1997", place(user)))
            .collect();
        let (_dir, store) = store(rows);
        terminals::list(&mut view, &store, &Profiles::built_in(), None);
        let [known] = &view.boxes[..] else { panic!("{:?}", view.boxes) };
        assert_eq!((known.basis, known.name.as_str()), (BoxBasis::Listed, "D3"));
        assert_eq!((known.users[0].user, known.users[0].address.as_str()), (1, last.as_str()));
        let missed: Vec<u8> =
            known.users.iter().filter(|user| !user.found).map(|user| user.user).collect();
        assert_eq!(missed, [u8::try_from(users + 1).unwrap()]);
    }
}

fn listed(no: u64, profile: &str, place: BusPlace) -> AreaMeter {
    AreaMeter {
        no: format!("{no:012}").parse().unwrap(),
        account: None,
        customer: String::new(),
        location: String::new(),
        profile: profile.to_owned(),
        area: String::new(),
        place,
    }
}

fn store(meters: Vec<AreaMeter>) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = crate::store::create(dir.path());
    store.install_area(1, &[AreaPage { signed: vec![1], meters }]).unwrap();
    (dir, store)
}

#[test]
fn a_list_that_does_not_agree_with_the_box_is_told() {
    let mut view = two_boxes(|_| {});
    let at = |user: u8, unit: u8| BusPlace {
        terminal: "B7".to_owned(),
        user,
        address: unit.to_string(),
        ..BusPlace::default()
    };
    // Users 3 and 4 exchanged; another box hangs elsewhere; one of this line says nothing.
    let elsewhere = BusPlace {
        line: "tcp://10.0.0.9:1".to_owned(),
        terminal: "B8".to_owned(),
        user: 1,
        address: "1".to_owned(),
    };
    let silent = BusPlace {
        line: "/dev/ttyUSB0".to_owned(),
        terminal: "B9".to_owned(),
        user: 1,
        address: "109".to_owned(),
    };
    let rows = vec![
        listed(1, "adf400l-3p", at(1, 1)),
        listed(3, "adf400l-1p", at(3, 8)),
        listed(4, "adf400l-1p", at(4, 7)),
        listed(5, "adf400l-3p", elsewhere),
        listed(6, "adf400l-1p", silent),
    ];
    let (_dir, store) = store(rows);
    terminals::list(&mut view, &store, &Profiles::built_in(), Some("/dev/ttyUSB0"));
    let names: Vec<(&str, BoxBasis)> =
        view.boxes.iter().map(|one| (one.name.as_str(), one.basis)).collect();
    let expected = [("B7", BoxBasis::Counted), ("", BoxBasis::Counted), ("B9", BoxBasis::Listed)];
    assert_eq!(names, expected);
    let by_list: Vec<Option<u8>> = view.boxes[0].users.iter().map(|user| user.listed).collect();
    assert_eq!(by_list[..5], [Some(1), None, Some(4), Some(3), None]);
    assert!(!view.boxes[2].users[0].found);
}

/// Stopped among the checks of the meters found, the boxes are asked for when it goes on.
#[test]
fn a_survey_that_was_stopped_asks_the_boxes_later() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/meters/box.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let profiles = Profiles::built_in();
    let bus = ModbusBus::from_toml(&text, &|name| profiles.get(name).cloned()).unwrap();
    let mut link = VirtualLink::new(BusStation(bus), Line::new(MODBUS, Faults::NONE));
    let plan = SurveyPlan { to: 60, ..only(SurveyProtocol::Modbus, MODBUS) };
    let whole = run(&mut link, MODBUS, &plan);
    assert_eq!(whole.view.boxes.len(), 2);
    let text = whole.saved.to_text().unwrap();
    let mut saved = meterkit::jobs::survey::Saved::from_text(&text).unwrap();
    assert_eq!(saved.boxes.len(), 2, "kept in the file");
    saved.boxes.clear();
    saved.steps = 0;
    saved.cursor = meterkit::jobs::survey::search::Cursor::Checks(5);
    let again = super::resumed(&mut link, MODBUS, &plan, Some(saved));
    assert_eq!(again.view.boxes.len(), 2);
    assert!(again.view.took_ms > whole.view.took_ms);
}
