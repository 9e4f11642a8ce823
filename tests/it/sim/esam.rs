//! Class B: authentication, MACs, suspension, sealed commands, the silent optical port (6.1, 6.6).

use meterkit::protocol::dlt645::frame::Address;
use meterkit::sim::{MAC_ERRORS_MAX, MeterSetup, Port, Security, esam};

use super::{Bench, CUSTOMER, KEY, OPEN, RECHARGE, account, number, serr, setup, wire};

const OPERATOR: [u8; 4] = [0x44, 0x33, 0x22, 0x11];

fn module() -> Bench {
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), 1_000, 1);
    Bench::new(MeterSetup { load_w: 0, security: Security::Esam, ..open })
}

fn call(di: u32, body: &[u8]) -> Vec<u8> {
    [&di.to_le_bytes()[..], &OPERATOR, body].concat()
}

/// Authenticates; the random number all MACs hang on.
fn authenticate(bench: &mut Bench) -> [u8; 4] {
    let no = number("47");
    let random1 = [9, 8, 7, 6, 5, 4, 3, 2];
    let body = [esam::cipher1(no, random1), random1, esam::diversifier(no)].concat();
    let (control, data) = bench.ask(0x03, &call(0x0700_00FF, &body)).unwrap();
    assert_eq!((control, data.len()), (0x83, 4 + 12));
    data[4..8].try_into().unwrap()
}

/// A credit with good MACs for this session.
fn sealed_credit(di: u32, random2: [u8; 4], amount: u32, count: u32, customer: &str) -> Vec<u8> {
    let purse = [amount.to_le_bytes(), count.to_le_bytes()].concat();
    let customer = account(customer).wire();
    let code = |bytes: &[u8]| esam::mac(number("47"), random2, bytes);
    call(di, &[&purse[..], &code(&purse), &customer, &code(&customer)].concat())
}

#[test]
fn money_needs_an_authentication_and_right_macs() {
    let mut bench = module();
    assert_eq!(bench.recharge(500, 2, CUSTOMER), 0x0008);
    let random2 = authenticate(&mut bench);
    assert_eq!(bench.read(0x0400_0503)[1] & 0x20, 0x20, "authenticated bit");
    let credit =
        |amount, count, customer| sealed_credit(RECHARGE, random2, amount, count, customer);
    // Zero MACs: refused last of all, after customer, count and hoarding.
    assert_eq!(bench.recharge(500, 2, "665544332211"), 0x0010);
    assert_eq!(bench.recharge(500, 9, CUSTOMER), 0x0020);
    assert_eq!(bench.recharge(99_999_999, 2, CUSTOMER), 0x0040);
    assert_eq!(bench.recharge(500, 2, CUSTOMER), 0x0004);
    // A good frame with one altered byte anywhere in amount, count, customer or MAC.
    let good = credit(500, 2, CUSTOMER);
    let mut altered = good.clone();
    altered[16] ^= 1;
    assert_eq!(serr(bench.ask(0x03, &altered)), 0x0004);
    assert_eq!(bench.meter.bookings(), []);
    assert_eq!(serr(bench.ask(0x03, &good)), 0);
    assert_eq!(serr(bench.ask(0x03, &good)), 0x0002);
    assert_eq!(bench.value(0x0090_0200), 1_500);
    // MACs of an earlier session are worth nothing in a new one.
    let stale = credit(500, 3, CUSTOMER);
    assert_ne!(authenticate(&mut bench), random2);
    assert_eq!(serr(bench.ask(0x03, &stale)), 0x0004);
    // A session ends by itself after five minutes.
    bench.wait(301);
    assert_eq!(serr(bench.ask(0x03, &credit(500, 3, CUSTOMER))), 0x0008);
}

#[test]
fn opening_checks_macs_even_when_it_only_opens() {
    let mut bench = Bench::new(MeterSetup { security: Security::Esam, ..setup("47") });
    let random2 = authenticate(&mut bench);
    assert_eq!(serr(bench.credit(OPEN, 0, 0, CUSTOMER)), 0x0004);
    let open = sealed_credit(OPEN, random2, 0, 0, CUSTOMER);
    assert_eq!(serr(bench.ask(0x03, &open)), 0);
    assert_eq!(bench.meter.account(), Some(account(CUSTOMER)));
}

#[test]
fn every_third_mac_error_ends_the_session_and_fifteen_suspend_until_the_hour() {
    let mut bench = module();
    let mut errors = 0;
    while errors < u32::from(MAC_ERRORS_MAX) {
        authenticate(&mut bench);
        for _ in 0..3 {
            assert_eq!(bench.recharge(500, 2, CUSTOMER), 0x0004, "error {errors}");
            errors += 1;
        }
        let word = bench.recharge(500, 2, CUSTOMER);
        let suspended = errors == u32::from(MAC_ERRORS_MAX);
        assert_eq!(word, if suspended { 0x0100 } else { 0x0008 }, "after {errors}");
    }
    let random1 = [0; 8];
    let no = number("47");
    let body = [esam::cipher1(no, random1), random1, esam::diversifier(no)].concat();
    assert_eq!(serr(bench.ask(0x03, &call(0x0700_00FF, &body))), 0x0100);
    bench.wait(3_600);
    let random2 = authenticate(&mut bench);
    let credit = sealed_credit(RECHARGE, random2, 500, 2, CUSTOMER);
    assert_eq!(serr(bench.ask(0x03, &credit)), 0);
}

#[test]
fn a_wrong_identity_is_refused() {
    let mut bench = module();
    let no = number("47");
    let random1 = [1; 8];
    let good = [esam::cipher1(no, random1), random1, esam::diversifier(no)].concat();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let word = serr(bench.ask(0x03, &call(0x0700_00FF, &bad)));
        assert!(word == 0x0008 || word == 0x0100, "byte {at}: {word:04X}");
    }
    assert_eq!(bench.read(0x0400_0503)[1] & 0x20, 0);
}

#[test]
fn read_back_status_and_end_carry_the_purse() {
    let mut bench = module();
    let place = [8, 0, 0, 0, 2, 0, 1, 0xDF];
    assert_eq!(serr(bench.ask(0x03, &call(0x0780_01FF, &place))), 0x0008);
    let random2 = authenticate(&mut bench);
    let (_, data) = bench.ask(0x03, &call(0x0780_01FF, &place)).unwrap();
    let file = [1_000u32.to_le_bytes(), 1u32.to_le_bytes()].concat();
    assert_eq!(data[12..20], file);
    assert_eq!(data[20..24], esam::mac(number("47"), random2, &file));
    let (_, status) = bench.ask(0x03, &call(0x0781_02FF, &[])).unwrap();
    assert_eq!(status[8..12], esam::mac(number("47"), random2, &1_000u32.to_le_bytes()));
    // 2 minutes of validity, with its MAC.
    let minutes = [0x02, 0x00];
    let code = esam::mac(number("47"), random2, &minutes);
    let set = call(0x0700_01FF, &[&minutes[..], &code].concat());
    assert_eq!(serr(bench.ask(0x03, &set)), 0);
    bench.wait(121);
    assert_eq!(serr(bench.ask(0x03, &set)), 0x0008);
    authenticate(&mut bench);
    let (_, ended) = bench.ask(0x03, &call(0x0700_02FF, &[])).unwrap();
    assert_eq!(ended[4..10], wire(CUSTOMER));
    assert_eq!(bench.recharge(500, 2, CUSTOMER), 0x0008);
}

#[test]
fn secured_parameters_want_their_mac_or_seal() {
    let mut bench = module();
    let di = 0x0400_1001u32; // class 1
    let value = wire("00003000");
    assert_eq!(bench.write(di, &value), Some((0xD4, vec![0x04])), "a password is not enough");
    let random2 = authenticate(&mut bench);
    let header = [&di.to_le_bytes()[..], &[0x99, 0, 0, 0], &OPERATOR].concat();
    let code = esam::mac(number("47"), random2, &[&header[..], &value].concat());
    let good = [&header[..], &value, &code].concat();
    let mut bad = good.clone();
    bad[13] ^= 1;
    assert_eq!(bench.ask(0x14, &bad), Some((0xD4, vec![0x04])));
    assert_eq!(bench.ask(0x14, &good), Some((0x94, vec![])));
    assert_eq!(bench.value(di), 3_000);
    let di = 0x0400_1004u32; // class 2
    let header = [&di.to_le_bytes()[..], &[0x98, 0, 0, 0], &OPERATOR].concat();
    let sealed = esam::seal(number("47"), random2, &header, &value);
    assert_eq!(bench.ask(0x14, &[header, sealed].concat()), Some((0x94, vec![])));
    assert_eq!(bench.value(di), 3_000);
    // A parameter of no class still goes by password.
    assert_eq!(bench.write(0x0400_0103, &[0x30]), Some((0x94, vec![])));
}

#[test]
fn a_password_may_close_but_only_the_module_may_trip() {
    let mut bench = module();
    let plain = [&[0x1A, 0][..], &wire("261120235959")].concat();
    let by_password = [&KEY[..], &plain].concat();
    assert_eq!(bench.ask(0x1C, &by_password), Some((0xDC, vec![0x04])));
    // Extended form: PA 98, P2 01; result bits in two bytes.
    let key = [0x98, 0, 0, 0x01];
    let sealed = |random2: [u8; 4], plain: &[u8]| {
        let seal = esam::seal(number("47"), random2, &key, plain);
        [&key[..], &OPERATOR, &seal].concat()
    };
    assert_eq!(bench.ask(0x1C, &sealed([0; 4], &plain)), Some((0xDC, vec![0x08, 0x00])));
    let random2 = authenticate(&mut bench);
    let frame = sealed(random2, &plain);
    assert_eq!(frame.len(), 28);
    let mut altered = frame.clone();
    altered[20] ^= 1;
    assert_eq!(bench.ask(0x1C, &altered), Some((0xDC, vec![0x02, 0x00])));
    assert!(bench.meter.is_closed());
    assert_eq!(bench.ask(0x1C, &frame), Some((0x9C, vec![0x04, 0x00])));
    assert!(!bench.meter.is_closed());
    let late = [&[0x1C, 0][..], &wire("261120000000")].concat();
    assert_eq!(bench.ask(0x1C, &sealed(random2, &late)), Some((0xDC, vec![0x10, 0x00])));
    let close = [&KEY[..], &[0x1C, 0], &wire("261120235959")].concat();
    assert_eq!(bench.ask(0x1C, &close), Some((0x9C, vec![])));
    assert!(bench.meter.is_closed());
}

/// 6.6: before authentication the optical port answers this and nothing else.
#[test]
fn the_optical_port_is_silent_before_authentication() {
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), 1_000, 1);
    let base = MeterSetup { load_w: 0, security: Security::Esam, port: Port::Infrared, ..open };
    let mut bench = Bench::new(base.clone());
    for (di, answers) in [
        (0x0400_0401u32, true),
        (0x0400_0402, true),
        (0x0480_0004, true),
        (0x0400_0101, true),
        (0x0400_0102, true),
        (0x0400_010C, true),
        (0x0001_0000, true),
        (0x0001_FF00, true),
        (0x0090_0100, false),
        (0x0090_0200, true),
        (0x0090_0201, true),
        (0x0001_0001, false),
        (0x0333_0201, false),
        (0x0400_0503, false),
        (0x0201_FF00, false),
        (0x0400_1001, false),
    ] {
        let got = bench.ask(0x11, &di.to_le_bytes()).filter(|(control, _)| *control == 0x91);
        assert_eq!(got.is_some(), answers, "{di:08X}");
    }
    assert!(bench.ask_at(Address::ANY, 0x13, &[]).is_some());
    assert_eq!(bench.credit(RECHARGE, 1, 2, CUSTOMER), None, "silence, not an error");
    assert_eq!(bench.write(0x0400_0103, &[0x30]), None);
    assert_eq!(bench.ask(0x17, &[0x08]), None);
    let close = [&KEY[..], &[0x1C, 0], &wire("261120235959")].concat();
    assert_eq!(bench.ask(0x1C, &close), Some((0x9C, vec![])));
    // Query, authenticate, and it speaks.
    let (_, data) = bench.ask(0x03, &call(0x0780_03FF, &[5; 8])).unwrap();
    assert_eq!(data[4..10], number("47").wire());
    assert_eq!(data[18..26], esam::cipher1(number("47"), [5; 8]));
    let cipher = esam::cipher1(number("47"), data[26..34].try_into().unwrap());
    assert_eq!(serr(bench.ask(0x03, &call(0x0700_03FF, &cipher))), 0);
    assert_eq!(bench.value(0x0333_0201), 1);
    // The same meter on its RS-485 port, or without a module, says everything.
    let mut bus = Bench::new(MeterSetup { port: Port::Rs485, ..base.clone() });
    assert_eq!(bus.value(0x0333_0201), 1);
    let mut plain = Bench::new(MeterSetup { security: Security::Password, ..base });
    assert_eq!(plain.value(0x0333_0201), 1);
}
