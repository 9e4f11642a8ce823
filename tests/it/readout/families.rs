//! What a profile says about the manners of one family reaches the line, and what a table lost
//! reaches the person.

use std::time::Duration;

use meterkit::jobs::address::BusAddress;
use meterkit::jobs::clock::TickClock;
use meterkit::jobs::readout::{self, Readout};
use meterkit::jobs::views::Failure;
use meterkit::jobs::{Cancel, Line, Wire, open, read};
use meterkit::profile::Profile;
use meterkit::protocol::cjt188::frame::Address;
use meterkit::report::Code;
use meterkit::sim::cjt188::{Cjt188Bus, Cjt188Meter, Cjt188Setup, DiHabit};
use meterkit::sim::iec::{IecBus, IecMeter, IecSetup};
use meterkit::sim::serve::BusStation;
use meterkit::transport::{Faults, Line as Wires, Link, VirtualLink};
use meterkit::units::{BusPlace, MeterNo, UnixSeconds};

fn built_in(id: &str, more: &str) -> Profile {
    let text = Profile::built_in_text(id).unwrap().to_owned() + more;
    Profile::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs something on a line with this profile; and what was sent.
fn on<T>(
    link: &mut dyn Link,
    profile: &Profile,
    work: impl FnOnce(&mut Line<'_>) -> T,
) -> (T, Vec<Vec<u8>>) {
    let mut sent = Vec::new();
    let mut wire = |piece: Wire<'_>| {
        if !piece.received {
            sent.push(piece.bytes.to_vec());
        }
    };
    let done = work(&mut Line {
        link,
        profile,
        clock: &TickClock { base: UnixSeconds(0), offset_s: 0 },
        cancel: &Cancel::default(),
        wire: &mut wire,
        progress: &mut |_, _, _| {},
        doubtful: false,
        secret: None,
    });
    (done, sent)
}

fn water(own_serial: bool, di: DiHabit) -> VirtualLink<BusStation<Cjt188Bus>> {
    let address = Address::parse("10:00000051327643").unwrap();
    let start = "2026-11-20T08:00:00".parse().unwrap();
    let mut setup = Cjt188Setup { own_serial, di, ..Cjt188Setup::new(address, start) };
    setup.digits.insert("volume".to_owned(), 123_456);
    let bus = Cjt188Bus::new(vec![Cjt188Meter::new(setup)]);
    let settings = open::settings(&built_in("cjt188-water", ""));
    VirtualLink::new(BusStation(bus), Wires::new(settings, Faults::NONE))
}

fn read_water(profile: &Profile, own_serial: bool, di: DiHabit) -> Result<Readout, Failure> {
    let address = BusAddress::Cjt188(Address::parse("10:00000051327643").unwrap());
    let mut link = water(own_serial, di);
    // Serial numbers begin with the time: at zero ours would be the meter's own by chance.
    link.advance(Duration::from_millis(7));
    on(&mut link, profile, |line| readout::readout(line, &address, &profile.items)).0
}

#[test]
fn a_meter_that_returns_no_serial_number_is_read_once_its_profile_says_so() {
    let strict = built_in("cjt188-water", "");
    let lenient = built_in("cjt188-water", "[cjt188]\nreturns_serial = false\n");
    for di in [DiHabit::LowFirst, DiHabit::HighFirst] {
        let failure = read_water(&strict, true, di).unwrap_err();
        assert_eq!(failure.code, Code::MeterGarbled);
        assert!(failure.detail.contains("another serial number"), "{}", failure.detail);
        for own_serial in [true, false] {
            let found = read_water(&lenient, own_serial, di).unwrap();
            assert_eq!(found.values[0].shown(), "1234.56 m3", "{di:?} {own_serial}");
        }
        assert_eq!(read_water(&strict, false, di).unwrap().values[0].shown(), "1234.56 m3");
    }
}

fn head(profile: &Profile) -> VirtualLink<BusStation<IecBus>> {
    let no: MeterNo = "42".parse().unwrap();
    let mut meter = IecMeter::usual(IecSetup::new(no), profile);
    // A value that opens a bracket: what comes behind it cannot be told apart any more.
    meter.put("2.8.0", "0001(5*kWh");
    let wires = Wires::new(open::settings(profile), Faults::NONE);
    VirtualLink::new(BusStation(IecBus::new(vec![meter])), wires)
}

#[test]
fn damaged_lines_of_a_table_are_on_the_card() {
    let profile = built_in("iec-generic", "");
    let place = BusPlace { address: "000000000042".to_owned(), ..BusPlace::default() };
    let no = "42".parse().unwrap();
    let mut link = head(&profile);
    let (card, _) = on(&mut link, &profile, |line| read::read_at(line, no, &place)).0.unwrap();
    let damaged: Vec<&(String, String)> =
        card.others.iter().filter(|(name, _)| name == "damaged").collect();
    assert_eq!(damaged.len(), 1, "{:?}", card.others);
    assert!(damaged[0].1.starts_with("2.8.0(0001(5"), "{damaged:?}");
    assert!(card.energy.is_some(), "the other lines are read");
}

#[test]
fn a_sleeping_meter_is_woken_where_its_profile_says_so() {
    let place = BusPlace { address: "000000000042".to_owned(), ..BusPlace::default() };
    let no: MeterNo = "42".parse().unwrap();
    for (more, woken) in [("", false), ("[iec62056]\nwake = true\n", true)] {
        let profile = built_in("iec-generic", more);
        let mut link = head(&profile);
        let (card, sent) = on(&mut link, &profile, |line| read::read_at(line, no, &place));
        assert!(card.is_ok(), "{card:?}");
        let nuls = sent.iter().flatten().filter(|byte| **byte == 0).count();
        assert_eq!(nuls > 60, woken, "{sent:02X?}");
        assert!(link.now() < Duration::from_secs(60));
    }
}
