//! 1CH (dlt645.md 5): actions, deadline, keep-power, overdraft, delays.

use meterkit::sim::{Amount, MeterSetup, PASSWORD_TRIES, Reclose};

use super::{Bench, CUSTOMER, KEY, account, number, setup, wire};

/// Valid until 23:59:59 of the bench's day.
const LATER: &str = "261120235959";

fn command(n1: u8, n2: u8, until: &str) -> Vec<u8> {
    [&KEY[..], &[n1, n2], &wire(until)].concat()
}

fn order(bench: &mut Bench, n1: u8) -> Option<(u8, Vec<u8>)> {
    bench.ask(0x1C, &command(n1, 0, LATER))
}

const DONE: Option<(u8, Vec<u8>)> = Some((0x9C, Vec::new()));

fn refused(err: u8) -> Option<(u8, Vec<u8>)> {
    Some((0xDC, vec![err]))
}

/// Relay open (bit 4), ordered open (bit 6), alarm (bit 7), keep-power (bit 12).
fn word_3(bench: &mut Bench) -> (bool, bool, bool, bool) {
    let word = bench.read(0x0400_0503);
    (word[0] & 0x10 != 0, word[0] & 0x40 != 0, word[0] & 0x80 != 0, word[1] & 0x10 != 0)
}

#[test]
fn trip_and_close() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(word_3(&mut bench), (false, false, false, false));
    assert_eq!(order(&mut bench, 0x1A), DONE);
    assert_eq!(word_3(&mut bench), (true, true, false, false));
    // 1B only allows it; the customer's button does it.
    assert_eq!(order(&mut bench, 0x1B), DONE);
    assert_eq!(word_3(&mut bench), (true, false, false, false));
    bench.meter.press_button(bench.now);
    assert_eq!(word_3(&mut bench), (false, false, false, false));
    assert_eq!(order(&mut bench, 0x1A), DONE);
    bench.meter.press_button(bench.now);
    assert!(!bench.meter.is_closed(), "the button alone does nothing");
    assert_eq!(order(&mut bench, 0x1C), DONE);
    assert!(bench.meter.is_closed());
    assert_eq!((bench.value(0x1D00_0001), bench.value(0x1E00_0001)), (2, 2));
    let record = bench.read(0x1D00_0101);
    assert_eq!(record[6..10], KEY[4..], "operator");
    assert_eq!(order(&mut bench, 0x77), refused(0x01), "no such action");
}

#[test]
fn a_late_command_is_refused() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(bench.ask(0x1C, &command(0x1A, 0, "261120075959")), refused(0x01));
    assert_eq!(bench.ask(0x1C, &command(0x1A, 0, "261320000000")), refused(0x01), "no such month");
    assert!(bench.meter.is_closed());
    assert_eq!(bench.ask(0x1C, &command(0x1A, 0, "261120080100")), DONE);
    bench.wait(100);
    assert_eq!(bench.ask(0x1C, &command(0x1C, 0, "261120080100")), refused(0x01));
}

#[test]
fn keep_power_blocks_a_trip() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(order(&mut bench, 0x3A), DONE);
    assert_eq!(word_3(&mut bench), (false, false, false, true));
    for trip in [0x1A, 0x1D, 0x1E] {
        assert_eq!(order(&mut bench, trip), refused(0x01), "{trip:02X}");
    }
    assert!(bench.meter.is_closed());
    assert_eq!(order(&mut bench, 0x3B), DONE);
    assert_eq!(order(&mut bench, 0x1A), DONE);
    assert!(!bench.meter.is_closed());
}

#[test]
fn a_meter_in_overdraft_ignores_a_close() {
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), -10, 1);
    let mut bench = Bench::new(MeterSetup { load_w: 0, ..open });
    bench.wait(60);
    assert!(word_3(&mut bench).0, "tripped for arrears");
    for close in [0x1B, 0x1C] {
        assert_eq!(order(&mut bench, close), DONE, "answered ...");
        bench.meter.press_button(bench.now);
        assert!(!bench.meter.is_closed(), "... and ignored");
    }
    // Keep-power connects it in spite of the arrears; releasing it disconnects again.
    assert_eq!(order(&mut bench, 0x3A), DONE);
    bench.wait(120);
    assert!(bench.meter.is_closed());
    assert_eq!(order(&mut bench, 0x3B), DONE);
    bench.wait(60);
    assert!(!bench.meter.is_closed());
    assert_eq!(bench.recharge(1_000, 2, CUSTOMER), 0);
    assert!(bench.meter.is_closed(), "paid");
}

#[test]
fn paying_does_not_undo_a_command() {
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), 500, 1);
    let mut bench = Bench::new(MeterSetup { load_w: 0, ..open });
    assert_eq!(order(&mut bench, 0x1A), DONE);
    assert_eq!(bench.recharge(1_000, 2, CUSTOMER), 0);
    assert!(!bench.meter.is_closed());
}

#[test]
fn the_reclose_balance_has_to_be_reached() {
    let base = MeterSetup {
        load_w: 0,
        reclose_balance: Amount(1_000),
        ..MeterSetup::opened(number("47"), account(CUSTOMER), 0, 1)
    };
    let mut bench = Bench::new(base.clone());
    bench.wait(1);
    assert_eq!(bench.recharge(999, 2, CUSTOMER), 0);
    assert!(!bench.meter.is_closed());
    assert_eq!(bench.recharge(1, 3, CUSTOMER), 0);
    assert!(bench.meter.is_closed());
    // With a button, the balance only permits.
    let mut bench = Bench::new(MeterSetup { reclose: Reclose::Button, ..base });
    bench.wait(1);
    assert_eq!(bench.recharge(2_000, 2, CUSTOMER), 0);
    assert!(!bench.meter.is_closed());
    bench.meter.press_button(bench.now);
    assert!(bench.meter.is_closed());
}

#[test]
fn trips_can_be_delayed_and_undo_themselves() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(bench.write(0x0400_1401, &[0x02, 0x00]), Some((0x94, vec![])));
    assert_eq!(order(&mut bench, 0x1A), DONE);
    assert_eq!(word_3(&mut bench), (false, true, true, false), "warned, not yet tripped");
    bench.wait(180);
    assert_eq!(word_3(&mut bench), (true, true, false, false));
    assert_eq!(order(&mut bench, 0x1C), DONE);
    // Two times five minutes.
    assert_eq!(bench.ask(0x1C, &command(0x1D, 2, LATER)), DONE);
    bench.wait(540);
    assert!(!bench.meter.is_closed());
    bench.wait(120);
    assert!(bench.meter.is_closed());
}

#[test]
fn passwords_are_counted_and_lock() {
    let mut bench = Bench::new(MeterSetup { password: "123456".to_owned(), ..setup("47") });
    let with = |level: u8, password: [u8; 3]| {
        [&[level][..], &password, &KEY[4..], &[0x1A, 0], &wire(LATER)].concat()
    };
    let right = [0x56, 0x34, 0x12];
    assert_eq!(bench.ask(0x1C, &with(0x03, right)), refused(0x04), "a level that may not");
    assert_eq!(bench.ask(0x1C, &with(0x98, right)), refused(0x04), "no such level");
    assert_eq!(bench.ask(0x1C, &with(0x04, right)), DONE, "the right one starts anew");
    for _ in 0..PASSWORD_TRIES {
        assert_eq!(bench.ask(0x1C, &with(0x02, [0x12, 0x34, 0x56])), refused(0x04));
    }
    assert_eq!(bench.ask(0x1C, &with(0x02, right)), refused(0x04), "locked");
    bench.wait(24 * 3_600);
    let tomorrow = [&[2][..], &right, &KEY[4..], &[0x1C, 0], &wire("261130000000")].concat();
    assert_eq!(bench.ask(0x1C, &tomorrow), DONE);
    // The vendor that compares in typed order.
    let typed =
        MeterSetup { password: "123456".to_owned(), password_as_typed: true, ..setup("47") };
    assert_eq!(Bench::new(typed).ask(0x1C, &with(0x02, [0x12, 0x34, 0x56])), DONE);
}
