//! Recharge by the layouts of 6.5, frame by frame: the driver's frames as the table has them, what
//! the meter makes of them, and that nothing is ever booked twice.

use meterkit::sim::{Amount, Layout, MeterSetup};
use meterkit::units::CreditUnit;

use super::{Bench, CUSTOMER, OPEN, RECHARGE, account, credit_data, number, setup, wire};

/// Meter 000000000047 with 100.00 on it, of one maker.
fn meter(layout: Layout, count: u32) -> MeterSetup {
    let unit = if layout == Layout::Kede { CreditUnit::Kwh } else { CreditUnit::Yuan };
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), 10_000, count);
    MeterSetup { load_w: 0, layout, unit, hoard_limit: Amount(50_000), ..open }
}

/// The table's frames, written out by hand: amount and count as their makers put them.
fn frame(layout: Layout, amount: u32, count: u32, customer: &str) -> Vec<u8> {
    let digits = |value: u32, bytes: usize| wire(&format!("{value:0width$}", width = bytes * 2));
    match layout {
        Layout::Ko2018 => [
            &RECHARGE.to_le_bytes()[..],
            &[0x44, 0x33, 0x22, 0x11],
            &wire("000000000047"),
            &wire(customer),
            &digits(amount, 4),
            &digits(count, 2),
            &[0],
        ]
        .concat(),
        Layout::Kede => [
            &RECHARGE.to_le_bytes()[..],
            &[1, 0, 0, 0],
            &digits(amount, 4),
            &digits(count, 4),
            &[0; 14],
        ]
        .concat(),
        Layout::Tw if count == 1 => credit_data(OPEN, amount, count, customer),
        _ => credit_data(RECHARGE, amount, count, customer),
    }
}

/// The control code and what a refusal says.
fn send(bench: &mut Bench, data: &[u8]) -> (u8, Vec<u8>) {
    let (control, data) = bench.ask(0x03, data).expect("an answer");
    let said = if control == 0x83 { data[4..].to_vec() } else { data };
    (control, said)
}

/// What each maker says to: count repeated, count too far, other customer, beyond the hoard limit.
const MAKERS: [(Layout, [&[u8]; 4]); 5] = [
    (Layout::Sgcc, [&[0x02, 0], &[0x20, 0], &[0x10, 0], &[0x40, 0]]),
    (Layout::Ko, [&[0x80], &[0x80], &[0x81], &[0x82]]),
    (Layout::Ko2018, [&[0x80], &[0x80], &[0x81], &[0x82]]),
    // The frame names no customer: any other one's frame is this one's.
    (Layout::Kede, [&[0x02, 0], &[0x20, 0], &[], &[0x40, 0]]),
    (Layout::Tw, [&[0x02, 0], &[0x20, 0], &[0x10, 0], &[0x40, 0]]),
];

#[test]
fn each_layout_is_booked_once_and_refused_in_its_makers_words() {
    for (layout, [repeat, ahead, customer, hoard]) in MAKERS {
        let mut bench = Bench::new(meter(layout, 5));
        let good = frame(layout, 12_345, 6, CUSTOMER);
        let (control, said) = send(&mut bench, &good);
        assert_eq!(control, 0x83, "{layout:?} {said:02X?}");
        let purse = [&22_345u32.to_le_bytes()[..], &6u32.to_le_bytes(), &wire(CUSTOMER)].concat();
        let ko = matches!(layout, Layout::Ko | Layout::Ko2018);
        assert_eq!(said, if ko { purse } else { Vec::new() }, "{layout:?}");
        // The same bytes again, and again.
        for _ in 0..2 {
            assert_eq!(send(&mut bench, &good), (0xC3, repeat.to_vec()), "{layout:?} repeated");
        }
        let far = frame(layout, 100, 8, CUSTOMER);
        assert_eq!(send(&mut bench, &far), (0xC3, ahead.to_vec()), "{layout:?} ahead");
        let behind = frame(layout, 100, 5, CUSTOMER);
        assert_eq!(send(&mut bench, &behind), (0xC3, ahead.to_vec()), "{layout:?} behind");
        if !customer.is_empty() {
            let other = frame(layout, 100, 7, "665544332211");
            assert_eq!(send(&mut bench, &other), (0xC3, customer.to_vec()), "{layout:?} customer");
        }
        let much = frame(layout, 27_656, 7, CUSTOMER);
        assert_eq!(send(&mut bench, &much), (0xC3, hoard.to_vec()), "{layout:?} hoard");
        let booked: Vec<_> = bench.meter.bookings().iter().map(|b| (b.count, b.amount)).collect();
        assert_eq!(booked, [(6, 12_345)], "{layout:?}");
        assert_eq!((bench.meter.count(), bench.meter.balance().value), (6, 22_345));
        assert_eq!(bench.meter.audit(), Ok(()));
    }
}

#[test]
fn a_frame_of_another_maker_moves_no_money() {
    for (layout, _) in MAKERS {
        for (other, _) in MAKERS {
            // Sgcc, KO and TW are the same bytes after the first purchase.
            let alike = |l: Layout| matches!(l, Layout::Sgcc | Layout::Ko | Layout::Tw);
            if layout == other || alike(layout) && alike(other) {
                continue;
            }
            let mut bench = Bench::new(meter(layout, 5));
            let (control, _) = send(&mut bench, &frame(other, 100, 6, CUSTOMER));
            assert_eq!(control, 0xC3, "{other:?} to {layout:?}");
            assert_eq!(bench.meter.bookings(), [], "{other:?} to {layout:?}");
        }
    }
}

#[test]
fn a_tw_meter_takes_its_first_purchase_as_an_opening_only() {
    let fresh = MeterSetup { layout: Layout::Tw, ..setup("47") };
    let mut bench = Bench::new(fresh);
    let recharge = credit_data(RECHARGE, 500, 1, CUSTOMER);
    let opening = credit_data(OPEN, 500, 1, CUSTOMER);
    assert_eq!(send(&mut bench, &recharge).0, 0xC3, "nothing is opened yet");
    assert_eq!(send(&mut bench, &opening), (0x83, vec![]));
    // The opening once more: refused like any repeat, with another count too.
    assert_eq!(send(&mut bench, &opening), (0xC3, vec![0x02, 0]));
    assert_eq!(send(&mut bench, &credit_data(OPEN, 500, 2, CUSTOMER)), (0xC3, vec![0x20, 0]));
    assert_eq!(send(&mut bench, &credit_data(RECHARGE, 700, 2, CUSTOMER)), (0x83, vec![]));
    let booked: Vec<_> = bench.meter.bookings().iter().map(|b| (b.count, b.amount)).collect();
    assert_eq!(booked, [(1, 500), (2, 700)]);
    // A customer number that was written before is not overwritten by somebody else's purchase.
    let mut bench = Bench::new(MeterSetup { layout: Layout::Tw, ..setup("47") });
    bench.write(0x0400_040E, &wire(CUSTOMER)).unwrap();
    let other = credit_data(OPEN, 500, 1, "665544332211");
    assert_eq!(send(&mut bench, &other), (0xC3, vec![0x10, 0]));
    assert_eq!(bench.meter.bookings(), []);
}

#[test]
fn lengths_and_flags_are_those_of_the_table() {
    // KO: four serial bytes may follow; any other length is code 84.
    for layout in [Layout::Ko, Layout::Ko2018] {
        let good = frame(layout, 100, 6, CUSTOMER);
        let long = [&good[..], &[0]].concat();
        let mut bench = Bench::new(meter(layout, 5));
        for wrong in [&good[..good.len() - 1], &long] {
            assert_eq!(send(&mut bench, wrong), (0xC3, vec![0x84]), "{layout:?}");
        }
        let serial = [&good[..], &[1, 2, 3, 4]].concat();
        assert_eq!(send(&mut bench, &serial).0, 0x83, "{layout:?} with its serial");
        assert_eq!(send(&mut bench, &good), (0xC3, vec![0x80]), "the same without");
        assert_eq!(bench.meter.bookings().len(), 1);
    }
    // A flag that says anything but "in", digits that are none, Kede's operator and zeros.
    let ko = frame(Layout::Ko2018, 100, 6, CUSTOMER);
    let kede = frame(Layout::Kede, 100, 6, CUSTOMER);
    let cases = [(Layout::Ko2018, &ko, 26), (Layout::Ko2018, &ko, 20), (Layout::Kede, &kede, 16)];
    let more = [(Layout::Kede, &kede, 4), (Layout::Kede, &kede, 29), (Layout::Kede, &kede, 8)];
    for (layout, good, at) in cases.into_iter().chain(more) {
        let mut bench = Bench::new(meter(layout, 5));
        let mut bad = good.clone();
        bad[at] = 0x0A;
        assert_eq!(send(&mut bench, &bad).0, 0xC3, "{layout:?} byte {at}");
        assert_eq!(bench.meter.bookings(), []);
    }
    // Kede's purse counts energy.
    let yuan = MeterSetup { unit: CreditUnit::Yuan, ..meter(Layout::Kede, 5) };
    let mut bench = Bench::new(yuan);
    assert_eq!(send(&mut bench, &kede).0, 0xC3);
}
