//! Money: the order of checks, records, overdraft, refunds, other layouts.

use meterkit::sim::{Amount, ErrorWord, Layout, MeterSetup};
use meterkit::units::CreditUnit;

use super::{Bench, CUSTOMER, OPEN, RECHARGE, account, number, serr, setup, wire};

fn opened(balance: i64, count: u32) -> MeterSetup {
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), balance, count);
    MeterSetup { load_w: 0, ..open }
}

/// 6.1: customer before count before hoarding, whatever else is wrong too.
#[test]
fn checks_come_in_the_order_of_the_reference() {
    let mut bench = Bench::new(MeterSetup { hoard_limit: Amount(50_000), ..opened(10_000, 5) });
    for (amount, count, customer, expected, why) in [
        (99_999, 5, "665544332211", 0x0010, "customer outranks repeat and hoarding"),
        (99_999, 9, "665544332211", 0x0010, "customer outranks count"),
        (99_999, 5, CUSTOMER, 0x0002, "repeat outranks hoarding"),
        (99_999, 7, CUSTOMER, 0x0020, "count outranks hoarding"),
        (99_999, 4, CUSTOMER, 0x0020, "behind is a count error too"),
        (40_001, 6, CUSTOMER, 0x0040, "one fen too much"),
        (40_000, 6, CUSTOMER, 0x0000, "exactly the limit"),
        (1, 6, CUSTOMER, 0x0002, "and now a repeat"),
    ] {
        assert_eq!(bench.recharge(amount, count, customer), expected, "{why}");
    }
    assert_eq!(bench.meter.bookings().len(), 1);
    assert_eq!(bench.value(0x0090_0200), 50_000);
}

#[test]
fn opening_books_with_the_next_count_and_only_opens_with_the_same() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(serr(bench.credit(OPEN, 700, 2, CUSTOMER)), 0x0020);
    // Count equal: the amount is not looked at.
    assert_eq!(serr(bench.credit(OPEN, 700, 0, CUSTOMER)), 0);
    assert_eq!(bench.value(0x0090_0200), 0);
    assert_eq!(serr(bench.credit(OPEN, 700, 1, CUSTOMER)), 0);
    assert_eq!(serr(bench.credit(OPEN, 700, 1, CUSTOMER)), 0, "opening is repeatable");
    assert_eq!(bench.value(0x0090_0200), 700);
    assert_eq!(bench.meter.bookings().len(), 1);
    assert_eq!(serr(bench.credit(OPEN, 0, 1, "000000000000")), 0x0010, "zeros are no customer");
}

#[test]
fn overdraft_is_repaid_first() {
    let mut bench = Bench::new(MeterSetup { overdraft_limit: Amount(5_000), ..opened(-1_230, 3) });
    assert_eq!((bench.value(0x0090_0200), bench.value(0x0090_0201)), (0, 1_230));
    assert_eq!(bench.read(0x0400_0501)[1] & 0x40, 0x40, "overdraft bit");
    assert_eq!(bench.recharge(1_000, 4, CUSTOMER), 0);
    assert_eq!((bench.value(0x0090_0200), bench.value(0x0090_0201)), (0, 230));
    assert_eq!(bench.recharge(1_000, 5, CUSTOMER), 0);
    assert_eq!((bench.value(0x0090_0200), bench.value(0x0090_0201)), (770, 0));
    let record: Vec<u64> = (3..=5).map(|part| bench.value(0x0333_0001 + (part << 8))).collect();
    assert_eq!(record, [1_000, 0, 770]);
    assert_eq!(bench.meter.audit(), Ok(()));
}

#[test]
fn the_ring_keeps_ten_records_newest_first() {
    let mut bench = Bench::new(opened(0, 0));
    assert_eq!(bench.value(0x0333_0201), 0, "no record yet");
    for count in 1..=12 {
        assert_eq!(bench.recharge(count * 100, count, CUSTOMER), 0);
    }
    let counts: Vec<u64> = (1..=10).map(|nth| bench.value(0x0333_0200 + nth)).collect();
    assert_eq!(counts, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    assert_eq!(bench.value(0x0333_0601), 7_800, "cumulative");
    assert_eq!(bench.value(0x0333_030A), 300);
    let refused = bench.ask(0x11, &0x0333_020Bu32.to_le_bytes());
    assert_eq!(refused, Some((0xD1, vec![0x02])));
}

#[test]
fn an_energy_purse_has_its_own_registers_and_limits() {
    let kwh = MeterSetup { unit: CreditUnit::Kwh, hoard_limit: Amount(30_000), ..opened(500, 1) };
    let mut bench = Bench::new(kwh);
    assert_eq!(bench.value(0x0090_0100), 500);
    assert_eq!(bench.recharge(29_501, 2, CUSTOMER), 0x0040);
    assert_eq!(bench.recharge(1_000, 2, CUSTOMER), 0);
    assert_eq!((bench.value(0x0332_0201), bench.value(0x0332_0501)), (2, 1_500));
    assert_eq!(bench.read(0x0400_0503)[1] & 0x03, 0x01, "type: energy");
    for other in [0x0090_0200u32, 0x0333_0201] {
        assert_eq!(bench.ask(0x11, &other.to_le_bytes()), Some((0xD1, vec![0x02])));
    }
}

#[test]
fn a_refund_is_not_more_than_the_balance() {
    let mut bench = Bench::new(opened(5_000, 3));
    let refund = |bench: &mut Bench, amount: u32| bench.write(0x0400_1006, &amount.to_le_bytes());
    assert_eq!(refund(&mut bench, 5_001), Some((0xD4, vec![0x01])));
    assert_eq!(refund(&mut bench, 2_000), Some((0x94, vec![])));
    assert_eq!((bench.value(0x0090_0200), bench.value(0x0333_0201)), (3_000, 3));
    assert_eq!(bench.meter.refunds()[0].amount, 2_000);
    assert_eq!(bench.meter.audit(), Ok(()));
    let read = bench.ask(0x11, &0x0400_1006u32.to_le_bytes());
    assert_eq!(read, Some((0xD1, vec![0x02])), "a command is not to be read");
}

#[test]
fn the_status_answer_has_money_count_and_customer() {
    let mut bench = Bench::new(opened(12_345, 7));
    let asked = [&0x0781_02FFu32.to_le_bytes()[..], &[0; 4]].concat();
    let (control, data) = bench.ask(0x03, &asked).unwrap();
    assert_eq!((control, data.len()), (0x83, 4 + 26));
    assert_eq!(data[4..8], 12_345u32.to_le_bytes());
    assert_eq!(data[12..16], 7u32.to_le_bytes());
    assert_eq!(data[20..26], wire(CUSTOMER));
}

#[test]
fn the_wallet_is_initialised_only_with_test_keys() {
    let body = |amount: u32, count: u32| {
        let (amount, count) = (amount.to_le_bytes(), count.to_le_bytes());
        [&0x0701_03FFu32.to_le_bytes()[..], &[0; 4], &amount, &[0; 4], &count, &[0; 4]].concat()
    };
    let mut bench = Bench::new(opened(5_000, 3));
    assert_eq!(serr(bench.ask(0x03, &body(100, 0))), 0x0004);
    assert_eq!(bench.value(0x0090_0200), 5_000);
    let mut bench = Bench::new(MeterSetup { test_keys: true, ..opened(5_000, 3) });
    assert_eq!(serr(bench.ask(0x03, &body(100, 1))), 0x0020);
    assert_eq!(serr(bench.ask(0x03, &body(100, 0))), 0);
    assert_eq!((bench.value(0x0090_0200), bench.value(0x0333_0201)), (100, 0));
    assert_eq!(bench.meter.account(), None, "the account has to be opened again");
    assert_eq!(bench.meter.counter_resets().len(), 1);
    assert_eq!(bench.meter.audit(), Ok(()), "the jump is declared");
}

#[test]
fn meters_with_an_order_number_refuse_the_same_order() {
    let tms = MeterSetup { layout: Layout::Order, error_word: ErrorWord::Err, ..opened(0, 4) };
    let mut bench = Bench::new(tms);
    let order = |nth: u8, meter: &str| {
        let parts: [&[u8]; 7] = [
            &RECHARGE.to_le_bytes(),
            &[0x44, 0x33, 0x22, 0x11],
            &10_000u32.to_le_bytes(),
            &[nth; 8],
            &[0; 4],
            &number(meter).wire(),
            &[0; 4],
        ];
        parts.concat()
    };
    assert_eq!(order(1, "47").len(), 0x22, "L of the public capture");
    assert_eq!(bench.ask(0x03, &order(1, "48")), Some((0xC3, vec![0x01])));
    assert_eq!(bench.ask(0x03, &order(1, "47")).map(|a| a.0), Some(0x83));
    assert_eq!(bench.ask(0x03, &order(1, "47")), Some((0xC3, vec![0x02])));
    assert_eq!(bench.ask(0x03, &order(2, "47")).map(|a| a.0), Some(0x83));
    assert_eq!((bench.value(0x0333_0201), bench.value(0x0090_0200)), (6, 20_000));
}

#[test]
fn ko_meters_answer_with_their_purse_and_a_short_error_word() {
    let ko = MeterSetup {
        error_word: ErrorWord::Narrow,
        reply_purse: true,
        min_request: 14,
        preamble: 0,
        ..opened(100, 1)
    };
    let mut bench = Bench::new(ko);
    let (control, data) = bench.credit(RECHARGE, 900, 2, CUSTOMER).unwrap();
    assert_eq!(control, 0x83);
    let purse = [&1_000u32.to_le_bytes()[..], &2u32.to_le_bytes(), &wire(CUSTOMER)].concat();
    assert_eq!(data[4..], purse);
    assert_eq!(bench.credit(RECHARGE, 900, 2, CUSTOMER), Some((0xC3, vec![0x02])));
    // 13H without wake-up bytes is 12 bytes long: unheard (trap 1).
    let find = meterkit::protocol::dlt645::frame::Frame::new(super::Address::ANY, 0x13, []);
    assert_eq!(bench.send(&find.encode(0)), None);
    assert!(bench.send(&find.encode(2)).is_some());
}

#[test]
fn malformed_money_frames_move_nothing() {
    let mut bench = Bench::new(opened(1_000, 1));
    let good = super::credit_data(RECHARGE, 500, 2, CUSTOMER);
    for len in 0..good.len() {
        let (control, _) = bench.ask(0x03, &good[..len]).unwrap();
        assert_eq!(control, 0xC3, "{len} bytes");
    }
    assert_eq!(serr(bench.ask(0x03, &[&good[..], &[0]].concat())), 0x0001, "one byte too many");
    assert_eq!(bench.meter.bookings(), []);
}
