//! Multi-user terminals end to end: the office's list, the handheld's store, a simulated box.

use meterkit::jobs::address::BusAddress;
use meterkit::jobs::clock::TickClock;
use meterkit::jobs::{Cancel, Line, boxes, open, read};
use meterkit::profile::{Profile, Profiles};
use meterkit::report::Code;
use meterkit::sim::serve::{Served, served};
use meterkit::store::{AreaMeter, AreaPage};
use meterkit::transport::{Faults, Line as Wires, Station, VirtualLink};
use meterkit::units::{BusPlace, MeterNo, UnixSeconds};

const CLOCK: TickClock = TickClock { base: UnixSeconds(0), offset_s: 0 };

fn profile(id: &str) -> Profile {
    Profiles::built_in().get(id).cloned().unwrap()
}

fn fixture(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join("fixtures/meters").join(name)).unwrap()
}

fn link(name: &str) -> VirtualLink<Box<dyn Station>> {
    let Served { station, framing, .. } =
        served(&fixture(name), &Profiles::built_in()).unwrap().unwrap();
    VirtualLink::new(station, Wires::new(open::framing(framing), Faults::NONE))
}

/// Runs an errand on a line.
fn on<T>(
    link: &mut VirtualLink<Box<dyn Station>>,
    profile: &Profile,
    errand: impl FnOnce(&mut Line<'_>) -> T,
) -> T {
    errand(&mut Line {
        link,
        profile,
        clock: &CLOCK,
        cancel: &Cancel::default(),
        wire: &mut |_| {},
        progress: &mut |_, _, _| {},
        doubtful: false,
        secret: None,
    })
}

fn place(terminal: &str, user: u8, address: &str) -> BusPlace {
    let (terminal, address) = (terminal.to_owned(), address.to_owned());
    BusPlace { terminal, user, address, ..BusPlace::default() }
}

fn listed(no: &str, place: BusPlace) -> AreaMeter {
    AreaMeter {
        no: no.parse().unwrap(),
        account: None,
        customer: format!("customer {no}"),
        location: "stairwell".into(),
        profile: "adf400l-1p".into(),
        area: String::new(),
        place,
    }
}

#[test]
fn users_are_found_by_box_and_by_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = super::store::create(dir.path());
    let pages = [AreaPage {
        signed: vec![1],
        meters: vec![
            listed("101", place("B7", 2, "2")),
            listed("102", place("B7", 1, "1")),
            listed("103", place("B8", 1, "37")),
            listed("104", place("B8", 1, "38")),
            listed("105", BusPlace::default()),
        ],
    }];
    store.install_area(1, &pages).unwrap();
    let no = |text: &str| text.parse::<MeterNo>().unwrap();
    let all: Vec<(String, u32)> =
        boxes::all(&store).into_iter().map(|row| (row.name, row.users)).collect();
    assert_eq!(all, [("B7".to_owned(), 2), ("B8".to_owned(), 2)]);
    let users = boxes::users(&store, UnixSeconds(0), "B7").unwrap();
    let order: Vec<(u8, String)> =
        users.into_iter().map(|user| (user.user, user.address)).collect();
    assert_eq!(order, [(1, "1".to_owned()), (2, "2".to_owned())]);
    assert_eq!(boxes::meter(&store, "B7", 2), Ok(no("101")));
    assert_eq!(boxes::members(&store, "B7", None), Ok(vec![no("102"), no("101")]));
    let code = |result: Result<MeterNo, meterkit::jobs::Failure>| result.unwrap_err().code;
    assert_eq!(code(boxes::meter(&store, "B7", 3)), Code::TerminalUnknown);
    assert_eq!(code(boxes::meter(&store, "B9", 1)), Code::TerminalUnknown);
    let twice = boxes::meter(&store, "B8", 1).unwrap_err();
    assert_eq!(twice.code, Code::TerminalUnknown, "two meters at one place are nobody's");
    assert!(twice.detail.contains("000000000103"), "{twice:?}");
}

#[test]
fn a_box_says_how_many_users_it_has() {
    let profile = profile("adf400l-1p");
    let mut link = link("box.toml");
    let terminal = profile.terminal.unwrap();
    let mut found = Vec::new();
    on(&mut link, &profile, |line| {
        for first in boxes::firsts(&terminal) {
            match boxes::scan(line, first) {
                Ok(slots) => found.push((first, slots)),
                Err(silent) => assert_eq!(silent.code, Code::MeterSilent, "{silent:?}"),
            }
        }
    });
    let units = |at: usize| found[at].1.iter().map(|slot| slot.unit).collect::<Vec<_>>();
    assert_eq!(found.iter().map(|(first, _)| *first).collect::<Vec<_>>(), [1, 37]);
    assert_eq!(units(0), [1, 4, 7, 8, 9, 10, 11, 12]);
    assert_eq!(units(1), [37, 38, 39, 40]);
}

#[test]
fn every_user_of_a_box_is_read_at_its_own_unit() {
    let mut link = link("box.toml");
    for (unit, id) in [("1", "adf400l-3p"), ("4", "adf400l-3p"), ("7", "adf400l-1p")] {
        let (profile, no) = (profile(id), "000000000999".parse().unwrap());
        let place = place("B7", 1, unit);
        let (card, reading) =
            on(&mut link, &profile, |line| read::read_at(line, no, &place)).unwrap();
        assert_eq!((card.meter, card.profile.as_str()), (no, id));
        assert_eq!(card.missing, Vec::<String>::new(), "{id}");
        assert_eq!(card.count.map(|count| count.0), Some(3), "{id}");
        assert!(card.energy.is_some() && card.voltage_dv[0].is_some(), "{card:?}");
        assert_eq!(card.voltage_dv[1].is_some(), id == "adf400l-3p");
        assert!(card.balance.is_some_and(|balance| balance.value <= 5_000), "{card:?}");
        // What goes into the journal has names and units.
        assert_eq!((reading.profile.as_str(), reading.items.len()), (id, 0));
        let voltage = reading.values.iter().find(|(name, _)| name == "voltage-a").unwrap();
        assert!(voltage.1.ends_with(" V"), "{voltage:?}");
    }
    let nobody = place("B7", 1, "200");
    let profile = profile("adf400l-1p");
    let no = "47".parse().unwrap();
    let silent = on(&mut link, &profile, |line| read::read_at(line, no, &nobody)).unwrap_err();
    assert_eq!(silent.code, Code::MeterSilent);
}

#[test]
fn meters_of_every_family_fill_the_card_by_name() {
    let rows: [(&str, &str, &str, &str); 3] = [
        ("water.toml", "cjt188-water", "10:00000051327643", "volume"),
        ("water.toml", "cjt188-water", "10:00000051327644", "volume"),
        ("optical.toml", "iec-generic", "47", "energy"),
    ];
    for (file, id, address, wanted) in rows {
        let (profile, no) = (profile(id), "47".parse().unwrap());
        let mut link = link(file);
        let place = place("", 0, address);
        let read = |link: &mut _| on(link, &profile, |line| read::read_at(line, no, &place));
        let (card, reading) = read(&mut link).unwrap_or_else(|e| panic!("{file} {address}: {e:?}"));
        assert!(reading.values.iter().any(|(name, _)| name == wanted), "{reading:?}");
        match wanted {
            "energy" => assert!(card.energy.is_some_and(|e| e.0 >= 123_456), "{card:?}"),
            _ => assert!(card.others.iter().any(|(name, _)| name == wanted), "{card:?}"),
        }
        // And again: whatever the first left behind on the line does no harm.
        assert!(read(&mut link).is_ok(), "{file} {address}, again");
    }
}

#[test]
fn a_meter_of_1997_is_read_by_its_profile() {
    use meterkit::sim::Fleet;
    use meterkit::sim::serve::FleetStation;
    let fleet = Fleet::from_toml(&fixture("old.toml")).unwrap();
    assert!(served(&fixture("old.toml"), &Profiles::built_in()).unwrap().is_none());
    let profile = profile("dlt645-1997");
    let wires = Wires::new(open::settings(&profile), Faults::NONE);
    let station: Box<dyn Station> = Box::new(FleetStation::new(fleet));
    let mut link = VirtualLink::new(station, wires);
    let no = "47".parse().unwrap();
    let (card, reading) = on(&mut link, &profile, |line| read::quick_read(line, no)).unwrap();
    assert!(card.energy.is_some_and(|energy| energy.0 >= 123_456), "{card:?}");
    assert!(reading.items.iter().any(|(di, _)| *di == 0x9010), "{reading:?}");
}

#[test]
fn addresses_are_those_of_the_protocol() {
    let of = |id: &str, address: &str, no: &str| {
        let place = BusPlace { address: address.to_owned(), ..BusPlace::default() };
        let found = BusAddress::of(&profile(id), &place, no.parse().unwrap());
        found.map(|address| address.to_string()).map_err(|failure| failure.code)
    };
    for (id, address, no, expected) in [
        ("dlt645-2007-c", "", "47", Some("000000000047")),
        ("dlt645-2007-c", "48", "47", Some("000000000048")),
        ("dlt645-1997", "x", "47", None),
        ("adf400l-1p", "", "12", Some("12")),
        ("adf400l-1p", "0x0D", "12", Some("13")),
        ("adf400l-1p", "", "202600000001", None),
        ("adf400l-1p", "0", "12", None),
        ("adf400l-1p", "248", "12", None),
        ("iec-generic", "", "12", Some("")),
        ("iec-generic", "/?!", "12", None),
        ("cjt188-water", "10:51327643", "12", Some("10:00000051327643")),
        ("cjt188-water", "zz:1", "12", None),
        ("mbus-generic", "", "11490378", Some("11490378")),
        ("mbus-generic", "8", "12", Some("8")),
        ("mbus-generic", "", "202600000001", None),
        ("dlms-generic", "1//17:32", "12", Some("1//17:32")),
        ("dlms-generic", "0/0/0", "12", None),
    ] {
        let found = of(id, address, no);
        match expected {
            None => assert_eq!(found, Err(Code::BusAddress), "{id} {address:?} {no}"),
            Some(text) => {
                let found = found.unwrap_or_else(|code| panic!("{id} {address:?} {no}: {code:?}"));
                assert!(found.starts_with(text), "{id} {address:?} {no}: {found}");
            }
        }
    }
}

#[test]
fn an_operators_profiles_are_read_and_a_broken_one_stops_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = open::profile_folder(&home.path().join("store"));
    let (none, faults) = open::profiles(&folder);
    assert!(faults.is_empty() && none.get("mine").is_none());
    std::fs::create_dir(&folder).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/profile");
    let text = std::fs::read_to_string(root.join("adf400l-1p.toml")).unwrap();
    let mine = text.replace("id = \"adf400l-1p\"", "id = \"mine\"");
    std::fs::write(folder.join("mine.toml"), mine).unwrap();
    std::fs::write(folder.join("broken.toml"), "id = \"broken\"\nprotocol = 7\n").unwrap();
    std::fs::write(folder.join("binary.toml"), [0xFF, 0xFE, 0x00]).unwrap();
    std::fs::write(folder.join("notes.txt"), "not a profile").unwrap();
    let (profiles, faults) = open::profiles(&folder);
    assert!(profiles.get("mine").is_some() && profiles.get("broken").is_none());
    let real = faults.iter().filter(|fault| fault.what.is_fault());
    let files: std::collections::BTreeSet<&str> = real.map(|fault| fault.file.as_str()).collect();
    assert_eq!(files.into_iter().collect::<Vec<_>>(), ["binary.toml", "broken.toml"]);
    assert!(open::named(&profiles, "mine").is_ok());
    assert_eq!(open::named(&profiles, "broken").unwrap_err().code, Code::Config);
}
