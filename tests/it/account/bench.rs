//! The acceptance scenario of a test bench (`reference/dlt645.md` 6.3), step by step: what our job
//! says, what the meter itself answers to such a frame, and what its registers show after.

use meterkit::jobs::ask;
use meterkit::protocol::dlt645::frame::{Address, Decoder, Frame};
use meterkit::protocol::value::read_bcd;
use meterkit::report::Code;
use meterkit::sim::{Amount, MeterSetup};
use meterkit::units::{AccountNo, Decision};
use meterkit_tokens::Kind;

use super::{ACCESS, no, order, site_with};
use crate::stories::site::{Order, Site};

const RECHARGE: u32 = 0x0701_02FF;
const STRANGER: &str = "665544332211";

/// The meter's own word to a recharge with this amount, purchase count and customer; 0: taken.
fn serr(site: &Site, amount: u32, count: u32, customer: &str) -> u16 {
    let customer: AccountNo = customer.parse().unwrap();
    let mut data = RECHARGE.to_le_bytes().to_vec();
    data.extend([0; 4]);
    data.extend(amount.to_le_bytes());
    data.extend(count.to_le_bytes());
    data.extend([0; 4]);
    data.extend(customer.wire());
    data.extend([0; 4]);
    let frame = Frame::new(Address::meter(no()), 0x03, data);
    let now = site.tick();
    let reply = site.fleet.lock().unwrap().hear(&frame, now).remove(0);
    let mut decoder = Decoder::new();
    decoder.push(&reply.bytes);
    let answer = decoder.flatten().next().unwrap();
    match answer.control {
        0xC3 => u16::from_le_bytes([answer.data[0], answer.data[1]]),
        _ => 0,
    }
}

/// Balance, and of the newest purchase: count, amount, balance before and after, sum of all.
fn registers(site: &mut Site) -> [i64; 6] {
    let items = [0x0090_0200, 0x0333_0201, 0x0333_0301, 0x0333_0401, 0x0333_0501, 0x0333_0601];
    let read = site.errand(|_, line| ask::read(line, no(), &items, items.len())).unwrap();
    items.map(|di| read.data(di).and_then(|data| read_bcd(data, false)).unwrap())
}

/// What our job says to a token.
fn says(site: &mut Site, order: &Order) -> Result<Decision, Code> {
    let token = site.issue(order);
    let finished = site.carry_out(token, Some(&ACCESS), |_| {});
    finished.map(|finished| finished.decision).map_err(|failure| failure.code)
}

#[test]
fn the_bench_scenario_passes_step_by_step() {
    let mut site = site_with(MeterSetup {
        balance: Amount(10_000),
        hoard_limit: Amount(50_000),
        load_w: 0,
        ..MeterSetup::new(no())
    });
    let recharge = |count, amount| order(Kind::Recharge, count, amount);
    let untouched = [10_000, 0, 0, 0, 0, 0];

    // 1: not opened, so a recharge is refused.
    assert_eq!(says(&mut site, &recharge(0, 20_000)), Err(Code::AccountNotOpen));
    assert_eq!(serr(&site, 20_000, 1, super::ACCOUNT), 0x0010);
    assert_eq!(registers(&mut site), untouched);

    // 2: opened with amount 0 and count 0.
    assert_eq!(says(&mut site, &order(Kind::Open, 0, 0)), Ok(Decision::Confirmed));
    assert_eq!(registers(&mut site), untouched);

    // 3: another customer.
    let other = Order { account: STRANGER.parse().unwrap(), ..recharge(0, 20_000) };
    assert_eq!(says(&mut site, &other), Err(Code::AccountOther));
    assert_eq!(serr(&site, 20_000, 1, STRANGER), 0x0010);
    assert_eq!(registers(&mut site), untouched);

    // 4: two steps ahead.
    assert_eq!(says(&mut site, &recharge(1, 20_000)), Err(Code::CountBehind));
    assert_eq!(serr(&site, 20_000, 2, super::ACCOUNT), 0x0020);
    assert_eq!(registers(&mut site), untouched);

    // 5: 200.00 on 100.00.
    assert_eq!(says(&mut site, &recharge(0, 20_000)), Ok(Decision::Confirmed));
    let booked = [30_000, 1, 20_000, 10_000, 30_000, 30_000];
    assert_eq!(registers(&mut site), booked);

    // 6: the same step again.
    assert_eq!(says(&mut site, &recharge(0, 20_000)), Err(Code::CountAhead));
    assert_eq!(serr(&site, 20_000, 1, super::ACCOUNT), 0x0002);
    assert_eq!(registers(&mut site), booked);

    // 7: 201.00 would be 501.00 of 500.00.
    assert_eq!(says(&mut site, &recharge(1, 20_100)), Err(Code::BalanceLimit));
    assert_eq!(serr(&site, 20_100, 2, super::ACCOUNT), 0x0040);
    assert_eq!(registers(&mut site), booked);
    assert_eq!(says(&mut site, &recharge(1, 20_000)), Ok(Decision::Confirmed), "to the fen");
    assert_eq!(registers(&mut site), [50_000, 2, 20_000, 30_000, 50_000, 50_000]);
    site.fleet.lock().unwrap().audit().unwrap();
}

#[test]
fn the_meters_own_word_reaches_the_operator() {
    let mut site = site_with(MeterSetup {
        load_w: 0,
        ..MeterSetup::opened(no(), super::account(), 10_000, 0)
    });
    let (ours, theirs) = (order(Kind::Recharge, 0, 20_000), order(Kind::Recharge, 0, 700));
    let token = site.issue(&ours);
    // Another credit takes the step between our reading and our frame.
    let finished = site.carry_out(token, None, |site| site.late_frame(&theirs)).unwrap();
    assert_eq!((finished.decision, finished.refusal), (Decision::Raced, Some(0x0002)));
    assert_eq!(registers(&mut site), [10_700, 1, 700, 10_000, 10_700, 10_700]);
}
