//! The load, the tariff and the purse over time.

use meterkit::sim::{Amount, MeterSetup};
use meterkit::units::CreditUnit;

use super::{Bench, CUSTOMER, account, number, wire};

fn loaded(watts: u32, balance: i64) -> MeterSetup {
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), balance, 1);
    // Below 50 W the noise is zero, so sums are exact.
    MeterSetup { load_w: watts, prices: vec![5_000], alarm2: Amount(0), ..open }
}

#[test]
fn energy_costs_what_the_price_says() {
    // 40 W for 100 hours: 4 kWh, 2.00 yuan.
    let mut bench = Bench::new(loaded(40, 1_000));
    bench.wait(360_000);
    assert_eq!(bench.value(0x0001_0000), 400);
    assert_eq!(bench.value(0x0090_0200), 800);
    assert_eq!(bench.meter.audit(), Ok(()));
    // The same in steps of odd length gives the same.
    let mut steps = Bench::new(loaded(40, 1_000));
    while steps.now < bench.now {
        let left = (bench.now - steps.now).as_secs();
        steps.wait(left.min(37));
    }
    assert_eq!(steps.meter.energy(), bench.meter.energy());
    assert_eq!(steps.meter.balance(), bench.meter.balance());
    // An energy purse pays in kilowatt-hours.
    let mut kwh = Bench::new(MeterSetup { unit: CreditUnit::Kwh, ..loaded(40, 1_000) });
    kwh.wait(360_000);
    assert_eq!(kwh.value(0x0090_0100), 600);
}

#[test]
fn time_that_goes_back_stands_still() {
    let mut bench = Bench::new(loaded(40, 1_000));
    bench.wait(3_600);
    let (energy, clock) = (bench.meter.energy(), bench.meter.clock());
    bench.meter.advance(std::time::Duration::from_secs(10));
    assert_eq!((bench.meter.energy(), bench.meter.clock()), (energy, clock));
}

#[test]
fn the_balance_runs_out_warns_and_trips() {
    let setup = MeterSetup {
        alarm2: Amount(50),
        overdraft_limit: Amount(20),
        reclose_balance: Amount(100),
        ..loaded(40, 100)
    };
    let mut bench = Bench::new(setup);
    let word = |bench: &mut Bench| bench.read(0x0400_0503)[0];
    assert_eq!(word(&mut bench) & 0x90, 0);
    // 40 W at 0.50: a fen every half hour. 50 fen left after 25 hours.
    bench.wait(26 * 3_600);
    assert_eq!(word(&mut bench) & 0x90, 0x80, "warns");
    bench.wait(30 * 3_600);
    assert_eq!(bench.value(0x0090_0200), 0);
    assert!((1..20).contains(&bench.value(0x0090_0201)), "in overdraft and still on");
    assert!(bench.meter.is_closed());
    bench.wait(10 * 3_600);
    assert!(!bench.meter.is_closed());
    assert_eq!(word(&mut bench) & 0xD0, 0x50, "open, ordered open, no warning");
    let energy = bench.value(0x0001_0000);
    bench.wait(24 * 3_600);
    assert_eq!(bench.value(0x0001_0000), energy, "nothing is drawn");
    assert_eq!(bench.value(0x0090_0201), 20);
    assert_eq!(bench.value(0x0203_0000), 0);
    // 0.90 is not enough after the debt, 0.30 more is.
    assert_eq!(bench.recharge(90, 2, CUSTOMER), 0);
    assert!(!bench.meter.is_closed());
    assert_eq!(bench.recharge(30, 3, CUSTOMER), 0);
    assert!(bench.meter.is_closed());
    assert_eq!(bench.value(0x0090_0200), 100);
    assert_eq!(bench.meter.audit(), Ok(()));
}

#[test]
fn a_meter_that_was_never_opened_takes_no_money() {
    let mut bench = Bench::new(MeterSetup { account: None, ..loaded(40, 0) });
    bench.wait(360_000);
    assert!(bench.meter.is_closed());
    assert_eq!((bench.value(0x0001_0000), bench.value(0x0090_0201)), (400, 0));
}

#[test]
fn rates_follow_the_day_table_and_prices_switch_sets() {
    // Two rates, each half the day, 0.50 and 1.00.
    let setup = MeterSetup { prices: vec![5_000, 10_000], ..loaded(48, 100_000) };
    let mut bench = Bench::new(setup);
    bench.wait(16 * 3_600 - 10); // to midnight: 4 h of rate 1, 12 h of rate 2
    let block = bench.read(0x0001_FF00);
    assert_eq!(block, [wire("00000076"), wire("00000019"), wire("00000057")].concat());
    // Standby prices come into force at their minute, and are frozen.
    let standby = [wire("00002000"), wire("00003000")].concat();
    assert_eq!(bench.write(0x0405_02FF, &standby), Some((0x94, vec![])));
    assert_eq!(bench.write(0x0400_0108, &wire("2611210600")), Some((0x94, vec![])));
    bench.wait(5 * 3_600);
    assert_eq!(bench.value(0x0405_0101), 5_000);
    bench.wait(2 * 3_600);
    assert_eq!(bench.read(0x0405_01FF), standby);
    assert_eq!(bench.value(0x0405_0201), 5_000, "the old set stands by");
    assert_eq!(bench.read(0x0400_0503)[1] & 0x04, 0x04);
    assert_eq!(bench.read(0x0505_0001), wire("2611210600"));
}

#[test]
fn the_month_is_settled() {
    let mut bench = Bench::new(loaded(40, 100_000));
    bench.wait(10 * 86_400 + 16 * 3_600); // 2026-12-01 00:00
    let settled = bench.value(0x0001_0001);
    assert_eq!(settled, 1_024, "40 W for 256 hours");
    bench.wait(3_600 * 25);
    assert_eq!(bench.value(0x0001_0001), settled);
    assert_eq!(bench.value(0x0001_0000), settled + 100);
    assert_eq!(bench.value(0x000B_0000), 100, "this month");
    assert_eq!(bench.value(0x000B_0001), settled, "last month");
}

#[test]
fn readings_are_noisy_but_stand_still_within_a_second() {
    let mut bench = Bench::new(loaded(2_000, 100_000));
    let mut volts = std::collections::BTreeSet::new();
    for _ in 0..60 {
        volts.insert(bench.value(0x0201_0100));
    }
    assert!(volts.len() > 10, "{volts:?}");
    assert!(volts.iter().all(|v| (2_180..=2_221).contains(v)), "{volts:?}");
    let power = bench.value(0x0203_0000);
    assert!((20_000..=20_400).contains(&power), "{power}");
    let amps = bench.value(0x0202_0100);
    assert!((9_400..10_000).contains(&amps), "{amps} mA at 2 kW and cos phi 0.95");
}
