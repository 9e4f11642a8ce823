//! Fleet files, the state file, and the fleet as a station on a line.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use meterkit::protocol::dlt645::frame::{Address, Decoder, Frame};
use meterkit::sim::serve::{EventKind, FleetStation};
use meterkit::sim::{Fault, Fleet, FleetError};
use meterkit::transport::Station;
use meterkit::units::CreditUnit;

use super::{CUSTOMER, RECHARGE, credit_data, number};

/// A fleet file of `fixtures/meters`.
pub fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/meters/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

#[test]
fn the_example_fleets_are_what_they_say() {
    let street = Fleet::from_toml(&fixture("street.toml")).unwrap();
    assert_eq!(street.meters().len(), 32);
    let faulty = street.meters().iter().filter(|m| m.setup().faults.lost_ack > 0).count();
    assert_eq!(faulty, 1);
    let meter = |no: &str| street.meter(number(no)).unwrap();
    assert_eq!(meter("103").overdraft(), 1_230);
    assert_eq!(meter("112").balance().unit, CreditUnit::Kwh);
    assert_eq!(meter("120").account(), None);
    assert_eq!(meter("132").account().map(|a| a.to_string()).as_deref(), Some("330100000132"));
    assert_eq!(meter("115").clock().to_string(), "2026-11-20T07:48:00");
    for (name, meters) in [("single.toml", 1), ("esam.toml", 3), ("quirks.toml", 8)] {
        assert_eq!(Fleet::from_toml(&fixture(name)).unwrap().meters().len(), meters, "{name}");
    }
}

#[test]
fn faulty_fleet_files_are_refused_with_a_reason() {
    for (text, part) in [
        ("[[meter]]\nbalance = \"1\"", "no number"),
        ("[[meter]]\nno = \"1\"\n[[meter]]\nno = \"01\"", "two meters"),
        ("[[meter]]\nno = \"1\"\nbalanse = \"1\"", "balanse"),
        ("[[meter]]\nno = \"1\"\nbalance = 1.5", "000000000001"),
        ("[[meter]]\nno = \"1\"\nbalance = \"1.234\"", "12.34"),
        ("[[meter]]\nno = \"1\"\n[meter.faults]\ntorn = 1", "torn"),
        ("[generate]\ncount = 20000\nfirst = \"1\"", "at most"),
        ("[generate]\ncount = 2\nfirst = \"999999999999\"", "twelve digits"),
        ("start = \"2026-02-30T00:00:00\"", "2026-02-30"),
        ("colour = 1", "colour"),
        ("=", "TOML"),
    ] {
        let error = Fleet::from_toml(text).expect_err(text).to_string();
        assert!(error.contains(part), "{text:?} says {error:?}");
    }
}

/// Everything a station sends for these bytes, with the start of each answer.
fn tell(station: &mut FleetStation, bytes: &[u8], at: Duration) -> Vec<(Duration, Frame)> {
    station.hear(bytes, at);
    let mut answers = Vec::new();
    while let Some((start, bytes)) = station.next() {
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        decoder.finish();
        answers.extend(decoder.find_map(Result::ok).map(|frame| (start, frame)));
    }
    answers
}

#[test]
fn on_a_bus_everybody_answers_the_wildcard() {
    let mut station = FleetStation::new(Fleet::from_toml(&fixture("street.toml")).unwrap());
    let find = Frame::new(Address::ANY, 0x13, []).encode(4);
    // The faulty one may be silent or garbled.
    assert!(tell(&mut station, &find, Duration::from_secs(1)).len() >= 31);
    let one = Frame::new(Address::meter(number("101")), 0x11, [0, 0, 1, 0]).encode(4);
    let answers = tell(&mut station, &one, Duration::from_secs(2));
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].0, Duration::from_millis(2_035));
}

#[test]
fn frames_are_put_together_from_bytes_unless_they_pause_too_long() {
    let mut station = FleetStation::new(Fleet::from_toml(&fixture("single.toml")).unwrap());
    let bytes = Frame::new(Address::ANY, 0x13, []).encode(4);
    for (pause_ms, answers) in [(4, 1), (500, 1), (501, 0)] {
        let mut at = Duration::from_secs(60 + pause_ms * 60);
        let mut got = 0;
        for byte in &bytes {
            at += Duration::from_millis(pause_ms);
            got += tell(&mut station, &[*byte], at).len();
        }
        assert_eq!(got, answers, "{pause_ms} ms between bytes");
    }
}

#[test]
fn the_state_file_is_written_before_the_answer_and_survives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meters.json");
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let fleet = Fleet::from_toml(&fixture("single.toml")).unwrap();
    let mut station = FleetStation::new(fleet)
        .keep_state(&path)
        .unwrap()
        .tell(move |event| sink.lock().unwrap().push((event.kind, event.count, event.amount)));
    let recharge = |count: u32| {
        let data = credit_data(RECHARGE, 700, count, CUSTOMER);
        Frame::new(Address::meter(number("47")), 0x03, data).encode(4)
    };
    station.hear(&recharge(4), Duration::from_secs(7_200));
    // The answer has not been fetched; the file knows already.
    let kept = Fleet::from_state(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(kept.meter(number("47")).unwrap().bookings().len(), 1);
    station.lock().meter_mut(number("47")).unwrap().arm(Fault::TornWrite(Duration::ZERO));
    assert_eq!(tell(&mut station, &recharge(5), Duration::from_secs(7_201)).len(), 1);
    let expected = [(EventKind::Booked, 4, 700), (EventKind::Torn, 5, 700)];
    assert_eq!(*events.lock().unwrap(), expected);
    let clock = station.lock().meters()[0].clock();
    drop(station);
    // A new run: time begins at zero, clock and count go on.
    let fleet = Fleet::from_state(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let meter = fleet.meter(number("47")).unwrap();
    assert_eq!((meter.count(), meter.torn_writes().len(), meter.clock()), (5, 1, clock));
    let mut station = FleetStation::new(fleet);
    let answers = tell(&mut station, &recharge(5), Duration::from_secs(1));
    assert_eq!(answers[0].1.control, 0xC3, "a repeat, for the new run too");
    assert_eq!(station.lock().audit(), Ok(()));
    assert_eq!(station.lock().meters()[0].clock().seconds(), clock.seconds() + 1);
}

#[test]
fn a_state_of_another_version_is_refused() {
    assert_eq!(
        Fleet::from_state(r#"{"version":99,"meters":[]}"#).unwrap_err(),
        FleetError::Version(99)
    );
    assert!(Fleet::from_state("{").is_err());
}
