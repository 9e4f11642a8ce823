//! The simulated meters, asked by the driver: they share the codec of whole frames, nothing else.

use meterkit::protocol::cjt188::ask::{
    FindAddress, Habits, Item, Read, Serials, Told, Valve, WildcardValve, valve,
};
use meterkit::protocol::cjt188::data::UnitOrder;
use meterkit::protocol::cjt188::frame::{Address, Frame, find};
use meterkit::protocol::cjt188::names::DiOrder;
use meterkit::protocol::exchange::{Reply, Retry, Trouble};
use meterkit::protocol::value::Value;
use meterkit::sim::Fault;
use meterkit::sim::bus::Bus;
use meterkit::sim::cjt188::{Cjt188Bus, Cjt188Meter, Cjt188Setup, DiHabit};

use super::line::{Line, ms, timing};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn setup(at: &str) -> Cjt188Setup {
    Cjt188Setup::new(address(at), "2026-11-20T08:00:00".parse().unwrap())
}

fn with(mut setup: Cjt188Setup, digits: &[(&str, u32)]) -> Cjt188Setup {
    setup.digits = digits.iter().map(|(name, shown)| ((*name).to_owned(), *shown)).collect();
    setup
}

fn bus(setups: Vec<Cjt188Setup>) -> Cjt188Bus {
    Cjt188Bus::new(setups.into_iter().map(Cjt188Meter::new).collect())
}

fn ask(line: &mut Line, bus: &mut Cjt188Bus, at: &str, item: Item) -> Result<Told, Trouble> {
    let serials = Serials::from(u8::try_from(line.sent.len()).unwrap());
    let (habits, retry) = (Habits::default(), Retry::default());
    let read = Read::new(address(at), item, habits, timing(), retry, &serials);
    match line.hold_with(read, bus)? {
        Reply::Data(told) => Ok(told),
        Reply::Refused(refusal) => panic!("{refusal}"),
    }
}

fn shown(told: &Told, name: &str) -> String {
    match told.reading.value(name) {
        Some((Value::Number(number), unit)) => format!("{number} {unit}"),
        Some((Value::Text(text), _)) => text,
        other => panic!("{name}: {other:?}"),
    }
}

const WATER: &str = "10:00000051327643";

#[test]
fn every_habit_is_learned_and_the_reading_is_the_same() {
    for (di, wire) in
        [(DiHabit::LowFirst, DiOrder::LowFirst), (DiHabit::HighFirst, DiOrder::HighFirst)]
    {
        for refuses in [false, true] {
            for turns_di in [false, true] {
                for units_before in [false, true] {
                    let digits = [("volume", 1_234_567), ("volume-settled", 1_200_000)];
                    let setup = with(setup(WATER), &digits);
                    let setup = Cjt188Setup { di, refuses, turns_di, units_before, ..setup };
                    let case = format!("{setup:?}");
                    let (mut bus, mut line) = (bus(vec![setup]), Line::default());
                    let told = ask(&mut line, &mut bus, WATER, Item::Current).unwrap();
                    assert_eq!(shown(&told, "volume"), "12345.67 m3", "{case}");
                    assert_eq!(shown(&told, "volume-settled"), "12000.00 m3", "{case}");
                    let units = if units_before { UnitOrder::Before } else { UnitOrder::After };
                    let learned = Habits { di: Some(wire), units: Some(units), no_serial: false };
                    assert_eq!(told.habits, learned, "{case}");
                    assert!(line.sent.len() <= 2, "{case}: {} questions", line.sent.len());
                    // What was learned saves the second question.
                    let read = Read::new(
                        address(WATER),
                        Item::Current,
                        learned,
                        timing(),
                        Retry::NONE,
                        &Serials::from(100),
                    );
                    assert!(matches!(line.hold_with(read, &mut bus), Ok(Reply::Data(_))), "{case}");
                }
            }
        }
    }
}

#[test]
fn litres_and_cubic_metres_read_alike() {
    let mut litres = with(setup("10:1"), &[("volume", 1_234_500)]);
    litres.litres = true;
    let cubic = with(setup("10:2"), &[("volume", 1_234)]);
    let (mut bus, mut line) = (bus(vec![litres, cubic]), Line::default());
    let first = ask(&mut line, &mut bus, "10:1", Item::Current).unwrap();
    let second = ask(&mut line, &mut bus, "10:2", Item::Current).unwrap();
    assert_eq!(shown(&first, "volume"), "12.34500 m3");
    assert_eq!(shown(&second, "volume"), "12.34 m3");
    assert_eq!(first.reading.raw("volume"), Some(&[0x00, 0x45, 0x23, 0x01][..]));
}

#[test]
fn a_heat_meter_tells_everything() {
    let digits = [
        ("heat", 532_819),
        ("heat-settled", 500_000),
        ("heat-power", 1250),
        ("flow", 20_015),
        ("volume", 183_342),
        ("temperature-in", 5550),
        ("temperature-out", 4025),
        ("work-hours", 2761),
    ];
    for units_before in [false, true] {
        let heat = Cjt188Setup { units_before, ..with(setup("20:42590008210438"), &digits) };
        let (mut bus, mut line) = (bus(vec![heat]), Line::default());
        line.now = ms(90_000);
        let told = ask(&mut line, &mut bus, "20:42590008210438", Item::Current).unwrap();
        for (name, wanted) in [
            ("heat", "5328.19 kWh"),
            ("heat-settled", "5000.00 kWh"),
            ("heat-power", "12.50 kW"),
            ("flow", "2.0015 m3/h"),
            ("volume", "1833.42 m3"),
            ("temperature-in", "55.50 C"),
            ("temperature-out", "40.25 C"),
            ("work-hours", "2761 h"),
            ("clock", "2026-11-20 08:01:30"),
            ("status", "0000"),
        ] {
            assert_eq!(shown(&told, name), wanted, "units before: {units_before}");
        }
    }
}

#[test]
fn settled_months_and_gas() {
    let gas = with(setup("30:7"), &[("volume-settled", 120_000)]);
    let (mut bus, mut line) = (bus(vec![gas]), Line::default());
    let last = ask(&mut line, &mut bus, "30:7", Item::Month(1)).unwrap();
    assert_eq!(shown(&last, "volume-settled"), "1200.00 m3");
    let oldest = ask(&mut line, &mut bus, "30:7", Item::Month(12)).unwrap();
    assert_eq!(shown(&oldest, "volume-settled"), "100.00 m3");
}

#[test]
fn a_meter_alone_tells_its_address_and_two_collide() {
    let find = |bus: &mut Cjt188Bus, kind: u8| {
        let retry = Retry::default();
        let find = FindAddress::new(kind, timing(), retry, &Serials::from(0));
        Line::default().hold_with(find, bus)
    };
    for di in [DiHabit::LowFirst, DiHabit::HighFirst, DiHabit::Either] {
        let mut alone = bus(vec![Cjt188Setup { di, ..setup(WATER) }]);
        assert_eq!(find(&mut alone, 0xAA), Ok(Reply::Data(address(WATER))), "{di:?}");
    }
    let mut two = bus(vec![setup("10:12345678"), setup("20:87654321")]);
    assert_eq!(find(&mut two, 0xAA), Err(Trouble::Garbled));
    assert_eq!(find(&mut two, 0x20), Ok(Reply::Data(address("20:87654321"))), "by its kind");
    let mut none = bus(Vec::new());
    assert_eq!(find(&mut none, 0xAA), Err(Trouble::Silent));
}

#[test]
fn a_valve_moves_only_at_its_own_address() {
    let (mut bus, mut line) = (bus(vec![setup(WATER)]), Line::default());
    let serials = Serials::from(0);
    let work = |to: Address, command| valve(to, command, DiOrder::LowFirst, timing(), &serials);
    assert_eq!(work(Address::ANY, Valve::Close).unwrap_err(), WildcardValve);
    assert_eq!(work(address("51327643"), Valve::Close).unwrap_err(), WildcardValve);
    let close = work(address(WATER), Valve::Close).unwrap();
    let replies = line.hold_with(close, &mut bus).unwrap();
    assert!(matches!(&replies[..], [Reply::Data(answer)] if answer.body == [1, 0]), "{replies:?}");
    assert!(!bus.meters()[0].is_open());
    let told = ask(&mut line, &mut bus, WATER, Item::Current).unwrap();
    assert_eq!(shown(&told, "status"), "0100");
    // The simulated meter does not obey a wildcard either, whoever sends it.
    let data = vec![0x17, 0xA0, 0, 0x55];
    let rude = Frame { address: Address::ANY, control: 0x04, data }.encode(0);
    bus.hear(&rude, line.now + ms(1000));
    assert_eq!((bus.next(), bus.meters()[0].is_open()), (None, false));
}

#[test]
fn a_write_whose_answer_is_lost_is_not_sent_again() {
    let (mut bus, mut line) = (bus(vec![setup(WATER)]), Line::default());
    assert!(bus.meters_mut()[0].arm(Fault::LostAck));
    let serials = Serials::from(0);
    let close = valve(address(WATER), Valve::Close, DiOrder::LowFirst, timing(), &serials);
    assert_eq!(line.hold_with(close.unwrap(), &mut bus).unwrap_err(), Trouble::Silent);
    assert_eq!((line.sent.len(), bus.meters()[0].is_open()), (1, false));
}

#[test]
fn meters_that_fail_now_and_then_are_read_all_the_same() {
    for fault in [Fault::NoReply, Fault::Slow(ms(900)), Fault::Garbled] {
        let (mut bus, mut line) =
            (bus(vec![with(setup(WATER), &[("volume", 5)])]), Line::default());
        assert!(bus.meters_mut()[0].arm(fault));
        let told = ask(&mut line, &mut bus, WATER, Item::Current).unwrap();
        assert_eq!(shown(&told, "volume"), "0.05 m3", "{fault:?}");
    }
}

#[test]
fn a_line_comes_from_a_file_and_shows_what_its_profile_names() {
    let profile = |_: &str| {
        meterkit::profile::Profile::built_in_ids()
            .into_iter()
            .map(|id| meterkit::profile::Profile::built_in(&id).unwrap())
            .find(|profile| {
                let volume = |item: &meterkit::profile::Item| {
                    item.at == meterkit::profile::Place::Cjt188("volume".to_owned())
                };
                profile.items.iter().any(volume)
            })
    };
    let text = r#"
        seed = 3
        [[meter]]
        address = "10:00000051327643"
        profile = "water"
        [[meter]]
        address = "20:1"
        profile = "heat"
        di = "high-first"
        units_before = true
        digits = { heat = 100 }
        "#;
    let mut line = Line::default();
    let mut bus = Cjt188Bus::from_toml(text, profile).unwrap();
    let water = ask(&mut line, &mut bus, WATER, Item::Current).unwrap();
    assert_ne!(shown(&water, "volume"), "0.00 m3", "a profile's items show something");
    let heat = ask(&mut line, &mut bus, "20:1", Item::Current).unwrap();
    assert_eq!(shown(&heat, "heat"), "1.00 kWh");
    let again = Cjt188Bus::from_toml(text, profile).unwrap();
    assert_eq!(again.meters()[0].clone().setup_mut(), bus.meters()[0].clone().setup_mut());
    for bad in [
        "[[meter]]\naddress = \"10:1\"\nprofile = \"x\"\n\
         [[meter]]\naddress = \"10:1\"\nprofile = \"x\"",
        "[[meter]]\naddress = \"ten\"\nprofile = \"x\"",
        "[[meter]]\naddress = \"10:1\"\nprofile = \"x\"\nlitre = true",
    ] {
        assert!(Cjt188Bus::from_toml(bad, profile).is_err(), "{bad}");
    }
    let unknown = "[[meter]]\naddress = \"10:1\"\nprofile = \"x\"";
    assert!(Cjt188Bus::from_toml(unknown, |_| None).is_err());
}

#[test]
fn bytes_in_any_pieces_make_the_same_request() {
    let question = {
        let data = vec![0x1F, 0x90, 7];
        Frame { address: address(WATER), control: 0x01, data }.encode(4)
    };
    for size in 1..question.len() {
        let mut bus = bus(vec![setup(WATER)]);
        bus.hear(&[0x68, 0x00, 0x10], ms(100));
        for (number, piece) in question.chunks(size).enumerate() {
            bus.hear(piece, ms(1000 + 10 * u64::try_from(number).unwrap()));
        }
        let (_, answer) = bus.next().unwrap();
        let frame = find(&answer).remove(0).what.unwrap();
        assert_eq!((frame.control, frame.ser()), (0x81, Some(7)), "pieces of {size}");
        assert_eq!(bus.next(), None);
    }
}
