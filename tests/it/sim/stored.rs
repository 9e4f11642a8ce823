//! What 08H, 14H, 16H, 18H to 1BH store, and who may.

use meterkit::protocol::dlt645::frame::Address;
use meterkit::sim::{BROADCAST_TIME_MAX_S, Civil};

use super::{Bench, KEY, number, setup, wire};

const OK: Option<(u8, Vec<u8>)> = Some((0x94, Vec::new()));

fn civil(text: &str) -> Civil {
    text.parse().unwrap()
}

fn broadcast(bench: &mut Bench, stamp: &str) {
    assert_eq!(bench.ask_at(Address::BROADCAST, 0x08, &wire(stamp)), None, "never answered");
}

#[test]
fn broadcast_time_moves_the_clock_a_little_and_once_a_day() {
    let mut bench = Bench::new(setup("47"));
    broadcast(&mut bench, "261120080600");
    assert_eq!(bench.meter.clock(), civil("2026-11-20T08:00:01"), "359 s is too far");
    broadcast(&mut bench, "261120080455");
    assert_eq!(bench.meter.clock(), civil("2026-11-20T08:04:55"));
    broadcast(&mut bench, "261120080400");
    assert_eq!(bench.meter.clock(), civil("2026-11-20T08:04:56"), "once a day");
    bench.wait(24 * 3_600);
    broadcast(&mut bench, "261121080400");
    assert_eq!(bench.meter.clock(), civil("2026-11-21T08:04:00"));
    assert_eq!(BROADCAST_TIME_MAX_S, 300);
}

#[test]
fn broadcast_time_is_ignored_around_midnight_and_settlement() {
    for (clock, stamp, taken) in [
        ("261120235459", "261120235530", true),
        ("261120235501", "261120235601", false),
        ("261121000400", "261121000301", false),
        ("261121000501", "261121000601", true),
        ("261125115600", "261125115700", false),
        ("261125115400", "261125115430", true),
        ("261126115600", "261126115700", true),
    ] {
        let mut bench = Bench::new(setup("47"));
        assert_eq!(bench.write(0x0400_0B01, &wire("2512")), OK);
        let [date, time] = [&clock[..6], &clock[6..]].map(wire);
        let set = [&time[..], &[0], &date].concat();
        assert_eq!(bench.write(0x0400_010C, &set), OK);
        broadcast(&mut bench, stamp);
        let expected = wire(if taken { stamp } else { clock });
        let now = bench.read(0x0400_0102);
        // A second or two for the questions in between.
        assert_eq!(now[1..], expected[1..3], "{clock} <- {stamp}");
    }
}

#[test]
fn the_clock_is_set_and_recorded() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(bench.write(0x0400_0101, &wire("28022900")), OK);
    assert_eq!(bench.write(0x0400_0102, &wire("123456")), OK);
    assert_eq!(bench.read(0x0400_0101), wire("28022902"), "29 February 2028 is a Tuesday");
    assert_eq!(bench.read(0x0400_010C)[..3], wire("123458"));
    for bad in ["27022900", "28130100", "280A0100"] {
        assert_eq!(bench.write(0x0400_0101, &wire(bad)), Some((0xD4, vec![0x01])), "{bad}");
    }
    assert_eq!(bench.value(0x0330_0400), 2);
    let record = bench.read(0x0330_0401);
    assert_eq!(record[..4], KEY[4..], "operator");
    assert_eq!(record[10..], wire("280229123456"));
}

#[test]
fn parameters_are_checked_and_kept() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(bench.write(0x0400_1001, &wire("00012345")), OK);
    assert_eq!(bench.value(0x0400_1001), 12_345);
    for (di, data, err) in [
        (0x0400_1001u32, &wire("0001234500")[..], 0x01),
        (0x0400_1001, &wire("000123")[..], 0x01),
        (0x0400_1001, &[0x0A, 0, 0, 0], 0x01),
        (0x0400_0204, &[0x99], 0x01),
        (0x0405_01FF, &[0; 4], 0x02),
        (0x0001_0000, &[0; 4], 0x02),
        (0x0400_0501, &[0; 2], 0x02),
        (0x0499_0000, &[0; 4], 0x02),
    ] {
        assert_eq!(bench.write(di, data), Some((0xD4, vec![err])), "{di:08X}");
    }
    assert_eq!(bench.ask(0x14, &[0; 11]), Some((0xD4, vec![0x01])), "cut short");
    assert_eq!(bench.value(0x0330_0000), 1, "only the write that was taken is recorded");
    assert_eq!(bench.read(0x0330_0001)[10..14], 0x0400_1001u32.to_le_bytes());
    let wrong = [&0x0400_1001u32.to_le_bytes()[..], &[2, 1, 1, 1], &[0; 8]].concat();
    assert_eq!(bench.ask(0x14, &wrong), Some((0xD4, vec![0x04])));
}

#[test]
fn the_address_and_the_customer_are_parameters_too() {
    let mut bench = Bench::new(setup("47"));
    let asked = [&0x0400_0401u32.to_le_bytes()[..], &KEY, &wire("000000000048")].concat();
    let own = Address::meter(number("47"));
    let answer = bench.ask_at(own, 0x14, &asked).unwrap();
    assert_eq!((answer.control, answer.address), (0x94, own), "answered from the old one");
    assert_eq!(bench.ask_at(own, 0x11, &[0, 0, 1, 0]), None);
    assert_eq!(bench.write(0x0400_040E, &wire("112233445566")), OK);
    assert_eq!(bench.meter.account().map(|a| a.to_string()).as_deref(), Some("112233445566"));
    assert_eq!(bench.write(0x0400_040E, &[0xAA; 6]), Some((0xD4, vec![0x01])));
}

#[test]
fn passwords_are_changed_by_their_own_level_or_a_higher_one() {
    let mut bench = Bench::new(setup("47"));
    let change = |di: u32, old: [u8; 4], new: [u8; 4]| [di.to_le_bytes(), old, new].concat();
    let new = [0x02, 0x56, 0x34, 0x12];
    for (di, old, expected) in [
        (0x0400_0C04u32, [2, 0, 0, 0], Some((0xD8, vec![0x02]))), // identifier of another level
        (0x0400_0C03, [2, 9, 0, 0], Some((0xD8, vec![0x04]))),
        (0x0400_0C03, [4, 0, 0, 0], Some((0xD8, vec![0x04]))), // a lower level
        (0x0400_0C03, [2, 0, 0, 0], Some((0x98, new.to_vec()))),
    ] {
        assert_eq!(bench.ask(0x18, &change(di, old, new)), expected);
    }
    assert_eq!(bench.write(0x0400_0103, &[0x30]), Some((0xD4, vec![0x04])), "the old one");
    let back = change(0x0400_0C03, [0, 0, 0, 0], [2, 0, 0, 0]);
    assert_eq!(bench.ask(0x18, &back).unwrap().0, 0x98, "level 00 may");
    assert_eq!(bench.write(0x0400_0103, &[0x30]), OK);
}

#[test]
fn freezes_now_and_by_pattern() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(bench.ask_at(Address::BROADCAST, 0x16, &[0x99; 4]), None);
    assert_eq!(bench.read(0x0501_0001), wire("2611200800"), "frozen all the same");
    assert_eq!(bench.ask(0x16, &[0x99; 4]), Some((0x96, vec![])));
    // Daily at 08:05: hh and mm given, day and month any.
    assert_eq!(bench.ask(0x16, &wire("99990805")), Some((0x96, vec![])));
    assert_eq!(bench.ask(0x16, &wire("99990861")), Some((0xD6, vec![0x01])), "61 minutes");
    bench.wait(2 * 86_400);
    assert_eq!(bench.read(0x0500_0001), wire("2611210805"));
    assert_eq!(bench.read(0x0500_0002), wire("2611200805"));
    assert_eq!(bench.read(0x0506_0001), wire("2611220000"), "daily");
    assert_eq!(bench.read(0x0504_0001), wire("2611220800"), "hourly");
}

#[test]
fn clearing_demand_meter_and_events() {
    let base = setup("47");
    let energy = meterkit::sim::Amount(123_456);
    let mut bench = Bench::new(meterkit::sim::MeterSetup { energy, load_w: 500, ..base });
    bench.wait(600);
    assert_eq!(bench.value(0x0001_0000) / 10, 12_346);
    assert_ne!(bench.read(0x0101_0000)[..3], [0; 3]);
    assert_eq!(bench.ask(0x19, &KEY), Some((0x99, vec![])));
    assert_eq!(bench.ask(0x1A, &[0xFF; 8]), Some((0xDA, vec![0x04])));
    assert_eq!(bench.ask(0x1A, &KEY), Some((0x9A, vec![])));
    assert_eq!(bench.value(0x0001_0000), 0);
    assert_eq!((bench.value(0x0330_0100), bench.value(0x0330_0200)), (1, 1));
    assert_eq!(bench.read(0x0330_0101)[10..14], wire("00123464"));
    let clear = |di: u32| [&KEY[..], &di.to_le_bytes()].concat();
    assert_eq!(bench.ask(0x1B, &clear(0x0330_01FF)), Some((0x9B, vec![])));
    assert_eq!((bench.value(0x0330_0100), bench.value(0x0330_0200)), (0, 1));
    assert_eq!(bench.ask(0x1B, &clear(0x0399_01FF)), Some((0xDB, vec![0x02])));
    assert_eq!(bench.ask(0x1B, &clear(0xFFFF_FFFF)), Some((0x9B, vec![])));
    assert_eq!((bench.value(0x0330_0200), bench.value(0x0330_0300)), (0, 2));
    assert_eq!(bench.ask(0x1D, &[1]), Some((0x9D, vec![1])));
    assert_eq!(bench.ask(0x1D, &[3]), Some((0xDD, vec![0x01])));
}
