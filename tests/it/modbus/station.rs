//! The simulated unit, asked with bytes made by hand and by the driver, alone and as a box.

use std::sync::Arc;
use std::time::Duration;

use meterkit::profile::Profile;
use meterkit::protocol::modbus::frame::{MBAP, Unit, crc16, open_rtu, rtu, tcp};
use meterkit::sim::Fault;
use meterkit::sim::bus::Bus;
use meterkit::sim::modbus::{ModbusBus, ModbusFileError, ModbusFraming, ModbusMeter, ModbusSetup};

const SHOP: &str = include_str!("../../../fixtures/profiles/shop-modbus.toml");

fn shop() -> Profile {
    Profile::parse(SHOP).unwrap()
}

fn setup(unit: u8) -> ModbusSetup {
    ModbusSetup {
        account: Some("112233445566".parse().unwrap()),
        balance: 1_000,
        count: 6,
        energy: 123_456,
        load_w: 0,
        ..ModbusSetup::new(unit, "47".parse().unwrap())
    }
}

fn unit(setup: ModbusSetup) -> ModbusMeter {
    let start = "2026-11-20T08:00:00".parse().unwrap();
    ModbusMeter::new(setup, Arc::new(shop()), start)
}

fn bus() -> ModbusBus {
    ModbusBus::new(ModbusFraming::Rtu, vec![unit(setup(1))])
}

/// Sends a PDU to unit 1; the PDU that comes back.
fn ask(bus: &mut ModbusBus, pdu: &[u8]) -> Option<Vec<u8>> {
    ask_at(bus, pdu, Duration::ZERO)
}

fn ask_at(bus: &mut ModbusBus, pdu: &[u8], at: Duration) -> Option<Vec<u8>> {
    bus.hear(&rtu(Unit(1), pdu), at);
    let answer = bus.next().map(|(_, bytes)| open_rtu(&bytes).unwrap().1.to_vec());
    assert!(bus.next().is_none(), "one answer");
    answer
}

fn recharge(amount: u32, count: u16, account: [u8; 6]) -> Vec<u8> {
    let mut pdu = vec![0x10, 0x05, 0x0D, 0, 6, 12];
    pdu.extend(amount.to_be_bytes());
    pdu.extend(count.to_be_bytes());
    pdu.extend(account);
    pdu
}

const ACCOUNT: [u8; 6] = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66];
const BOOKED: &[u8] = &[0x10, 0x05, 0x0D, 0, 6];

#[test]
fn registers_show_the_account() {
    let mut bus = bus();
    // Identity, account, last count.
    let shown = ask(&mut bus, &[3, 0x0A, 0, 0, 9]).unwrap();
    assert_eq!(shown[2..8], [0, 0, 0, 0, 0, 0x47]);
    assert_eq!(shown[8..14], ACCOUNT);
    assert_eq!(shown[14..16], [0, 6]);
    assert_eq!(ask(&mut bus, &[3, 0x03, 0x0A, 0, 2]), Some(vec![3, 4, 0, 0, 3, 0xE8]));
    assert_eq!(ask(&mut bus, &[3, 0x03, 0x0E, 0, 1]), Some(vec![3, 2, 0, 6]));
    assert_eq!(ask(&mut bus, &[3, 0, 0, 0, 2]), Some(vec![3, 4, 0, 1, 0xE2, 0x40]));
    assert_eq!(ask(&mut bus, &[4, 1, 0, 0, 1]).map(|pdu| pdu.len()), Some(4), "input registers");
}

#[test]
fn exceptions_are_those_of_the_standard() {
    let cases: [(&[u8], u8); 10] = [
        (&[3, 0x60, 0, 0, 2], 2),
        (&[4, 0, 0, 0, 2], 2),
        (&[3, 0, 0, 0, 0], 3),
        (&[3, 0, 0, 0, 126], 3),
        (&[3, 0xFF, 0xFF, 0, 2], 2),
        (&[0x10, 5, 0x0D, 0, 6, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 3),
        (&[6, 0x60, 0, 0, 1], 2),
        (&[6, 0x03, 0x0A, 0, 1], 2),
        (&[1, 0, 0, 0, 1], 1),
        (&[0x41, 1, 2, 3], 1),
    ];
    for (pdu, code) in cases {
        assert_eq!(ask(&mut bus(), pdu), Some(vec![pdu[0] | 0x80, code]), "{pdu:02X?}");
    }
    let mut busy = bus();
    busy.meters_mut()[0].keep_busy(1);
    assert_eq!(ask(&mut busy, &[3, 0, 0, 0, 2]), Some(vec![0x83, 6]));
    assert_eq!(ask(&mut busy, &[3, 0, 0, 0, 2]).map(|pdu| pdu[0]), Some(3));
}

#[test]
fn a_recharge_counts_once_and_only_as_the_next() {
    let other = [0x66, 0x55, 0x44, 0x33, 0x22, 0x11];
    for (pdu, code) in [
        (recharge(5_000, 6, ACCOUNT), 3),
        (recharge(5_000, 8, ACCOUNT), 3),
        (recharge(5_000, 7, other), 3),
        (recharge(0, 7, ACCOUNT), 3),
        (recharge(u32::MAX, 7, ACCOUNT), 3),
    ] {
        let mut bus = bus();
        assert_eq!(ask(&mut bus, &pdu), Some(vec![0x90, code]), "{pdu:02X?}");
        assert_eq!((bus.meters()[0].count(), bus.meters()[0].net()), (6, 1_000));
    }
    let mut bus = bus();
    let pdu = recharge(5_000, 7, ACCOUNT);
    assert_eq!(ask(&mut bus, &pdu).as_deref(), Some(BOOKED));
    assert_eq!(ask(&mut bus, &pdu), Some(vec![0x90, 3]), "the same frame again");
    let meter = &bus.meters()[0];
    assert_eq!((meter.count(), meter.net(), meter.bookings().len()), (7, 6_000, 1));
    bus.audit().unwrap();
    // A part of the block, or one that reaches into it, is no recharge and no setting.
    for pdu in [
        &[0x10, 5, 0x0D, 0, 2, 4, 0, 0, 0, 9][..],
        &[0x10, 5, 0x0E, 0, 1, 2, 0, 9],
        &[6, 5, 0x0F, 0, 9],
    ] {
        let code = ask(&mut bus, pdu).unwrap();
        assert!(code[0] & 0x80 != 0, "{pdu:02X?}: {code:02X?}");
    }
    assert_eq!(bus.meters()[0].net(), 6_000);
}

#[test]
fn faults_strike_where_they_are_armed() {
    let down = Duration::from_secs(5);
    let pdu = recharge(5_000, 7, ACCOUNT);
    for (fault, answers, booked, count) in [
        (Fault::LostAck, false, true, 7),
        (Fault::NoReply, false, false, 6),
        (Fault::RebootBefore(down), false, false, 6),
        (Fault::RebootAfter(down), false, true, 7),
        (Fault::TornWrite(down), false, false, 7),
        (Fault::CounterReset { account: None }, true, false, 0),
    ] {
        let mut bus = bus();
        bus.meters_mut()[0].arm(fault);
        let answer = ask(&mut bus, &pdu);
        let meter = &bus.meters()[0];
        assert_eq!(answer.is_some(), answers, "{fault:?}");
        assert_eq!((meter.bookings().len() == 1, meter.count()), (booked, count), "{fault:?}");
        bus.audit().unwrap();
    }
    let mut bus = bus();
    bus.meters_mut()[0].arm(Fault::RebootAfter(down));
    ask(&mut bus, &pdu);
    assert_eq!(ask_at(&mut bus, &[3, 0, 0, 0, 2], Duration::from_secs(4)), None, "restarting");
    assert!(ask_at(&mut bus, &[3, 0, 0, 0, 2], Duration::from_secs(6)).is_some());
    let slow = Duration::from_secs(2);
    bus.meters_mut()[0].arm(Fault::Slow(slow));
    bus.hear(&rtu(Unit(1), &[3, 0, 0, 0, 2]), Duration::from_secs(10));
    assert!(bus.next().unwrap().0 > Duration::from_secs(12));
    bus.meters_mut()[0].arm(Fault::Garbled);
    bus.hear(&rtu(Unit(1), &[3, 0, 0, 0, 2]), Duration::from_secs(20));
    assert_eq!(open_rtu(&bus.next().unwrap().1), None);
}

#[test]
fn nobody_answers_a_broadcast_and_no_money_comes_by_it() {
    let mut bus = bus();
    bus.hear(&rtu(Unit(0), &[3, 0, 0, 0, 2]), Duration::ZERO);
    bus.hear(&rtu(Unit(2), &[3, 0, 0, 0, 2]), Duration::ZERO);
    assert!(bus.next().is_none());
}

#[test]
fn requests_are_found_among_noise_and_in_pieces() {
    let mut bus = bus();
    let mut bytes = vec![0];
    bytes.extend(rtu(Unit(1), &[3, 0, 0, 0, 2]));
    for (at, byte) in bytes.iter().enumerate() {
        bus.hear(&[*byte], Duration::from_millis(at as u64));
    }
    assert!(bus.next().is_some());
    // Noise, or a request cut off; a pause; a whole one.
    bus.hear(&[0, 0xFF, 1, 3, 0, 0], Duration::from_secs(1));
    bus.hear(&rtu(Unit(1), &[3, 0, 0, 0, 2]), Duration::from_secs(2));
    assert!(bus.next().is_some());
    let mut bad = rtu(Unit(1), &[3, 0, 0, 0, 2]);
    bad[6] ^= 1;
    bus.hear(&bad, Duration::from_secs(3));
    assert!(bus.next().is_none(), "a bad CRC is not answered");
    bus.hear(&[0x55; 5000], Duration::from_secs(4));
    assert!(bus.next().is_none());
}

#[test]
fn tcp_answers_carry_their_number() {
    let mut bus = ModbusBus::new(ModbusFraming::Tcp, vec![unit(setup(1))]);
    let mut bytes = tcp(7, Unit(1), &[3, 0, 0, 0, 2]);
    bytes.extend(tcp(8, Unit(1), &[3, 0x60, 0, 0, 2]));
    bus.hear(&bytes, Duration::ZERO);
    let first = bus.next().unwrap().1;
    assert_eq!(first[..MBAP + 2], [0, 7, 0, 0, 0, 7, 1, 3, 4]);
    assert_eq!(bus.next().unwrap().1, tcp(8, Unit(1), &[0x83, 2]));
}

#[test]
fn load_draws_energy_and_energy_costs() {
    let load_w = 36_000;
    let mut meter = unit(ModbusSetup { load_w, ..setup(1) });
    meter.advance(Duration::from_secs(100));
    // 36 kW is 0.01 kWh a second; 3 yuan a kWh.
    assert_eq!(meter.net(), 1_000 - 300);
    meter.audit().unwrap();
}

const BOX: &str = r#"
[[box]]
first = 1
no = "000000000101"
account = "330100000101"
balance = "20.00"
three_phase = 2
single_phase = 6
profile_three = "adf400l-3p"
profile_single = "adf400l-1p"

[[box]]
first = 37
no = "000000000201"
single_phase = 36
profile_three = "adf400l-3p"
profile_single = "adf400l-1p"

[[meter]]
unit = 100
no = "000000000300"
profile = "dtsy1352"
energy = "12345.67"
"#;

fn from_toml(text: &str) -> Result<ModbusBus, ModbusFileError> {
    ModbusBus::from_toml(text, &|id| Profile::built_in(id).ok())
}

#[test]
fn a_box_numbers_its_users_as_the_reference_says() {
    let mut bus = from_toml(BOX).unwrap();
    let mut units: Vec<u8> = bus.meters().iter().map(ModbusMeter::unit).collect();
    units.sort_unstable();
    assert_eq!(units[..8], [1, 4, 7, 8, 9, 10, 11, 12]);
    assert_eq!((units.len(), units[8], units[43], units[44]), (45, 37, 72, 100));
    let eighth = bus.meter("108".parse().unwrap()).unwrap();
    assert_eq!(eighth.unit(), 12);
    // Circuit counts, through the box's first unit.
    assert_eq!(ask(&mut bus, &[3, 9, 3, 0, 2]), Some(vec![3, 4, 0, 2, 0, 6]));
    // Remaining of a three-phase user.
    assert_eq!(ask(&mut bus, &[3, 3, 0x62, 0, 2]), Some(vec![3, 4, 0, 0, 7, 0xD0]));
    bus.hear(&rtu(Unit(100), &[3, 2, 21, 0, 2]), Duration::ZERO);
    let (_, answer) = bus.next().unwrap();
    assert_eq!(answer[..7], [100, 3, 4, 0, 0x12, 0xD6, 0x87], "12345.67 kWh");
    assert_eq!(crc16(&answer), 0, "a frame with its CRC behind it");
}

#[test]
fn files_are_checked() {
    let with = |from: &str, to: &str| from_toml(&BOX.replace(from, to)).err();
    assert_eq!(with("unit = 100", "unit = 7"), Some(ModbusFileError::Twice(7)));
    let unknown = with("\"dtsy1352\"", "\"nothing\"");
    assert_eq!(unknown, Some(ModbusFileError::Profile("nothing".to_owned())));
    let too_many = with("single_phase = 36", "single_phase = 37");
    assert_eq!(too_many, Some(ModbusFileError::TooMany(37)));
    let no_box = with("\"adf400l-3p\"", "\"dtsy1352\"");
    assert_eq!(no_box, None, "the single-phase profile says how the box is numbered");
    assert!(matches!(with("first = 37", "frist = 37"), Some(ModbusFileError::File(_))));
}
