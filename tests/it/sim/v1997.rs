//! The simulated meter of 1997 against sections 2.2, 2.3 and 4, and both editions on one bus.

use std::time::Duration;

use meterkit::protocol::dlt645::frame::{Address, Frame};
use meterkit::protocol::dlt645::items::decode_1997;
use meterkit::protocol::value::Value;
use meterkit::sim::{Amount, Edition, Fleet, Layout, MeterSetup, Separator};

use super::{Bench, CUSTOMER, account, number, wire};

const KEY: [u8; 4] = [0x02, 0, 0, 0];

fn old(phases: u8) -> MeterSetup {
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), 10_000, 5);
    MeterSetup { edition: Edition::V1997, phases, load_w: 1_900, energy: Amount(1_079_330), ..open }
}

fn read(bench: &mut Bench, di: u16) -> Result<Vec<u8>, (u8, Vec<u8>)> {
    let (control, data) = bench.ask(0x01, &di.to_le_bytes()).expect("an answer");
    if control != 0x81 {
        return Err((control, data));
    }
    assert_eq!(data[..2], di.to_le_bytes());
    Ok(data[2..].to_vec())
}

fn text(bench: &mut Bench, di: u16) -> String {
    let bytes = read(bench, di).unwrap();
    match &decode_1997(di, &bytes)[0] {
        one if one.unit.is_empty() => format!("{:?}", one.value),
        one => match &one.value {
            Value::Number(number) => format!("{number} {}", one.unit),
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn one_and_three_phase_meters_read_by_the_table() {
    let mut single = Bench::new(old(1));
    assert_eq!(text(&mut single, 0x9010), "10793.30 kWh");
    let volts = text(&mut single, 0xB611);
    assert!(["218 V", "219 V", "220 V", "221 V", "222 V"].contains(&volts.as_str()), "{volts}");
    // The load wavers around 1900 W; tan phi is 0.329.
    let power = |text: String| text.split(' ').next().unwrap().parse::<f64>().unwrap();
    let watts = power(text(&mut single, 0xB630));
    assert!((1.6..2.2).contains(&watts), "{watts}");
    let var = power(text(&mut single, 0xB640));
    assert!((0.5..0.8).contains(&var), "{var}");
    assert!((1.6..2.2).contains(&power(text(&mut single, 0xB631))));
    assert_eq!(read(&mut single, 0xB650), Ok(wire("0950")));
    assert_eq!(read(&mut single, 0xC032), Ok(wire("000000000047")));
    assert_eq!(read(&mut single, 0xC033), Ok(wire(CUSTOMER)));
    assert_eq!(read(&mut single, 0xC010).map(|date| date[1..].to_vec()), Ok(wire("261120")));
    assert_eq!(read(&mut single, 0xD141), Ok(wire("00010000")), "100.00 where concentrators look");
    // What it has not: C1 02.
    for di in [0xB612, 0xEEEE, 0xD143, 0xB660, 0x9017, 0x9C10] {
        assert_eq!(read(&mut single, di), Err((0xC1, vec![0x02])), "{di:04X}");
    }
    let mut three = Bench::new(old(3));
    for di in [0xB612, 0xB613, 0xB633] {
        assert!(read(&mut three, di).is_ok(), "{di:04X}");
    }
    assert!((0.5..0.8).contains(&power(text(&mut three, 0xB632))), "a third of it");
}

#[test]
fn blocks_end_or_part_with_aa_as_the_maker_likes() {
    let rates = MeterSetup { prices: vec![1, 2, 3, 4], ..old(1) };
    for (separator, len) in [(Separator::None, 20), (Separator::End, 21), (Separator::Each, 25)] {
        let mut bench = Bench::new(MeterSetup { separator, ..rates.clone() });
        let block = read(&mut bench, 0x901F).unwrap();
        assert_eq!(block.len(), len, "{separator:?}");
        assert_eq!(decode_1997(0x901F, &block).len(), 5, "{separator:?}: total and four rates");
    }
}

#[test]
fn parts_follow_without_a_number_and_the_last_one_is_said_again() {
    let rates = MeterSetup { prices: vec![1; 8], max_data: 16, ..old(1) };
    let mut bench = Bench::new(rates);
    let di = 0x901Fu16.to_le_bytes();
    let mut whole: Vec<u8> = Vec::new();
    let mut controls = Vec::new();
    let mut control = 0x01;
    for _ in 0..9 {
        let (code, data) = bench.ask(control, &di).unwrap();
        controls.push(code);
        whole.extend(&data[2..]);
        let again = bench.ask(0x03, &[]).unwrap();
        assert_eq!(again.1, data, "03 repeats");
        assert_eq!(again.0 & 0x20, code & 0x20);
        control = 0x02;
        if code & 0x20 == 0 {
            break;
        }
    }
    assert_eq!(controls, [0xA1, 0xA2, 0x82]);
    assert_eq!(whole.len(), 9 * 4 + 1);
    assert_eq!(bench.ask(0x02, &di), Some((0xC2, vec![0x02])), "nothing is left");
}

#[test]
fn addresses_and_wildcards() {
    let mut bench = Bench::new(old(1));
    let di = 0x9010u16.to_le_bytes();
    for to in [Address::ANY, Address::BROADCAST, Address::short(number("47"), 6)] {
        let answer = bench.ask_at(to, 0x01, &di).unwrap();
        assert_eq!((answer.control, answer.address), (0x81, Address::meter(number("47"))), "{to}");
    }
    // Firmware HH: three AA at most, but 99.
    let mut strict = Bench::new(MeterSetup { wildcard_bytes: 3, ..old(1) });
    assert!(strict.ask_at(Address::ANY, 0x01, &di).is_none());
    assert!(strict.ask_at(Address::short(number("47"), 4), 0x01, &di).is_none(), "four AA");
    assert!(strict.ask_at(Address::short(number("47"), 6), 0x01, &di).is_some());
    assert!(strict.ask_at(Address::BROADCAST, 0x01, &di).is_some());
    // Wildcards write nothing.
    let write = [&[0x10, 0xC0][..], &KEY, &wire("26112005")].concat();
    assert!(bench.ask_at(Address::ANY, 0x04, &write).is_none());
    assert!(bench.ask_at(Address::BROADCAST, 0x04, &write).is_none());
    // 0A needs the programming button, and comes from the new address.
    assert!(bench.ask_at(Address::BROADCAST, 0x0A, &wire("000000000012")).is_none());
    bench.meter.set_programming(true);
    let moved = bench.ask_at(Address::BROADCAST, 0x0A, &wire("000000000012")).unwrap();
    assert_eq!((moved.control, moved.address), (0x8A, Address::meter(number("12"))));
}

#[test]
fn writes_want_a_password_and_five_wrong_ones_lock() {
    let mut bench = Bench::new(old(1));
    let write = |key: [u8; 4], di: u16, data: &[u8]| [&di.to_le_bytes()[..], &key, data].concat();
    let date = wire("26112101");
    assert_eq!(bench.ask(0x04, &write(KEY, 0xC010, &date)), Some((0x84, vec![])));
    assert_eq!(bench.meter.clock().to_string()[..10], *"2026-11-21");
    assert_eq!(bench.ask(0x04, &write(KEY, 0xC010, &[0xFF; 4])), Some((0xC4, vec![0x01])));
    assert_eq!(bench.ask(0x04, &write(KEY, 0x9010, &[0; 4])), Some((0xC4, vec![0x02])));
    assert_eq!(bench.ask(0x04, &write(KEY, 0xD141, &[0; 4])), Some((0xC4, vec![0x02])));
    // C212 and 0F change passwords.
    assert_eq!(bench.ask(0x04, &write(KEY, 0xC212, &[2, 1, 0, 0])), Some((0x84, vec![])));
    assert_eq!(bench.ask(0x04, &write(KEY, 0xC010, &date)), Some((0xC4, vec![0x04])));
    let change = [2, 1, 0, 0, 2, 0, 0, 0];
    assert_eq!(bench.ask(0x0F, &change), Some((0x8F, vec![2, 0, 0, 0])));
    assert_eq!(bench.ask(0x10, &KEY), Some((0x90, vec![])));
    for _ in 0..5 {
        assert_eq!(bench.ask(0x04, &write([2, 9, 9, 9], 0xC010, &date)), Some((0xC4, vec![0x04])));
    }
    assert_eq!(bench.ask(0x04, &write(KEY, 0xC010, &date)), Some((0xC4, vec![0x04])), "locked");
    assert_eq!(bench.meter.bookings(), [], "no command of 1997 moves money here");
}

#[test]
fn broadcast_time_is_taken_within_ten_minutes_of_the_same_day() {
    for (off_s, taken) in [(0, true), (540, true), (-540, true), (660, false)] {
        let mut bench = Bench::new(MeterSetup { clock_offset_s: off_s, ..old(1) });
        bench.ask_at(Address::BROADCAST, 0x08, &wire("261120080001"));
        let right = (0..3).contains(&bench.meter.clock().second_of_day().abs_diff(8 * 3600));
        assert_eq!(right, taken, "{off_s} s off");
    }
}

#[test]
fn both_editions_share_a_bus_and_keep_out_of_each_others_way() {
    let toml = r#"
        [defaults]
        load_w = 0
        [[meter]]
        no = "000000000047"
        edition = "1997"
        phases = 3
        [[meter]]
        no = "000000000048"
    "#;
    let mut fleet = Fleet::from_toml(toml).unwrap();
    let mut ask = |address, control, data: &[u8]| {
        let frame = Frame::new(address, control, data);
        fleet.hear(&frame, Duration::from_secs(1)).len()
    };
    let (old, new) = (Address::meter(number("47")), Address::meter(number("48")));
    for (control, data) in [(0x01, vec![0x10, 0x90]), (0x11, vec![0, 0, 1, 0])] {
        let by_old = usize::from(control == 0x01);
        assert_eq!(ask(old, control, &data), by_old, "{control:02X}");
        assert_eq!(ask(new, control, &data), 1 - by_old, "{control:02X}");
        assert_eq!(ask(Address::ANY, control, &data), 1, "one of them only");
    }
    assert_eq!(ask(Address::ANY, 0x13, &[]), 1);
    assert_eq!(ask(old, 0x03, &[0; 30]), 0, "no security commands in 1997");
    // The state goes through a file and back.
    let state = fleet.to_state().unwrap();
    assert_eq!(Fleet::from_state(&state).unwrap().meters()[0].setup().edition, Edition::V1997);
}

#[test]
fn the_mixed_street_has_a_meter_for_every_profile_it_names() {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/meters");
    let text = std::fs::read_to_string(folder.join("mixed.toml")).unwrap();
    let mut fleet = Fleet::from_toml(&text).unwrap();
    let layouts: Vec<_> = fleet.meters().iter().map(|meter| meter.setup().layout).collect();
    for layout in [Layout::Ko, Layout::Ko2018, Layout::Kede, Layout::Tw, Layout::Order] {
        assert!(layouts.contains(&layout), "{layout:?}");
    }
    // Four AA: only the meter whose firmware takes them, of the two of 1997.
    let short = Address::short(number("9703"), 4);
    let read = Frame::new(short, 0x01, [0x1F, 0x90]);
    let answers = fleet.hear(&read, Duration::from_secs(1));
    assert_eq!(answers.len(), 1);
    let strict = Frame::new(Address::short(number("9701"), 4), 0x01, [0x1F, 0x90]);
    assert!(fleet.hear(&strict, Duration::from_secs(2)).is_empty());
}
