//! Every fault a meter can have: what is answered, what is booked, what can be read afterwards.

use std::time::Duration;

use meterkit::protocol::dlt645::frame::{Address, Decoder, Frame};
use meterkit::sim::{ARMED_MAX, Fault, FaultRates, MeterSetup, answer};

use super::{Bench, CUSTOMER, RECHARGE, account, credit_data, number, setup};

const REBOOT: Duration = Duration::from_secs(5);

fn bench() -> Bench {
    let open = MeterSetup::opened(number("47"), account(CUSTOMER), 1_000, 3);
    Bench::new(MeterSetup { load_w: 0, ..open })
}

/// Balance, count, newest record's amount, and what was really booked.
fn state(bench: &mut Bench) -> (u64, u64, u64, usize) {
    let (balance, count) = (bench.value(0x0090_0200), bench.value(0x0333_0201));
    (balance, count, bench.value(0x0333_0301), bench.meter.bookings().len())
}

/// The answer to a recharge of 5.00 with the right count under each fault, and the meter after it.
#[test]
fn recharges_under_each_fault() {
    let before = (1_000, 3, 1_000, 0);
    let after = (1_500, 4, 500, 1);
    for (fault, answered, silent, state_after) in [
        (Fault::NoReply, false, false, before),
        (Fault::LostAck, false, false, after),
        (Fault::RebootBefore(REBOOT), false, true, before),
        (Fault::RebootAfter(REBOOT), false, true, after),
        (Fault::TornWrite(REBOOT), false, true, (1_000, 4, 500, 0)),
        (Fault::Slow(Duration::from_secs(3)), true, false, after),
    ] {
        let mut bench = bench();
        assert!(bench.meter.arm(fault));
        let got = bench.credit(RECHARGE, 500, 4, CUSTOMER);
        assert_eq!(got.is_some(), answered, "{fault:?}");
        if silent {
            assert_eq!(bench.ask(0x11, &[0, 0, 1, 0]), None, "{fault:?}: restarting");
            bench.wait(REBOOT.as_secs());
        }
        assert_eq!(state(&mut bench), state_after, "{fault:?}");
        assert_eq!(bench.meter.audit(), Ok(()), "{fault:?}");
        // The same frame again: the meter takes it exactly if it had not booked the count.
        let again = bench.recharge(500, 4, CUSTOMER);
        assert_eq!(again, if state_after.1 == 4 { 0x0002 } else { 0 }, "{fault:?}");
        assert!(bench.meter.bookings().len() <= 1, "{fault:?}");
    }
}

#[test]
fn a_torn_write_is_declared() {
    let mut bench = bench();
    bench.meter.arm(Fault::TornWrite(REBOOT));
    bench.credit(RECHARGE, 500, 4, CUSTOMER);
    let torn = bench.meter.torn_writes();
    assert_eq!((torn.len(), torn[0].count, torn[0].amount), (1, 4, 500));
    assert_eq!(torn[0].account, account(CUSTOMER));
}

#[test]
fn a_lost_counter_keeps_or_changes_the_epoch() {
    let mut kept = bench();
    kept.meter.arm(Fault::CounterReset { account: None });
    assert_eq!(kept.recharge(500, 4, CUSTOMER), 0x0020, "4 is not 0 + 1");
    assert_eq!((kept.value(0x0333_0201), kept.value(0x0090_0200)), (0, 1_000));
    assert_eq!(kept.recharge(500, 1, CUSTOMER), 0);
    let reset = kept.meter.counter_resets()[0];
    assert_eq!((reset.count, reset.before, reset.after), (3, reset.after, reset.before));
    let mut changed = bench();
    let other = account("665544332211");
    changed.meter.arm(Fault::CounterReset { account: Some(other) });
    assert_eq!(changed.recharge(500, 4, CUSTOMER), 0x0010);
    assert_eq!(changed.meter.account(), Some(other));
    assert_eq!(changed.meter.audit(), Ok(()));
}

#[test]
fn a_garbled_answer_is_no_frame() {
    for seed in 0..200 {
        let open = MeterSetup::opened(number("47"), account(CUSTOMER), 1_000, 3);
        let mut meter = meterkit::sim::Meter::new(open, super::start(), seed);
        meter.arm(Fault::Garbled);
        let data = credit_data(RECHARGE, 500, 4, CUSTOMER);
        let frame = Frame::new(Address::meter(number("47")), 0x03, data).encode(4);
        let reply = answer(&mut meter, &frame, Duration::from_secs(1)).expect("bytes");
        let mut decoder = Decoder::new();
        decoder.push(&reply.bytes);
        decoder.finish();
        assert_eq!(decoder.find_map(Result::ok), None, "seed {seed}: {:02X?}", reply.bytes);
        assert_eq!(meter.bookings().len(), 1, "obeyed all the same");
    }
}

#[test]
fn writes_and_relay_commands_can_be_lost_too() {
    let later = super::wire("261120235959");
    for (fault, done) in [
        (Fault::RebootBefore(REBOOT), false),
        (Fault::RebootAfter(REBOOT), true),
        (Fault::LostAck, true),
    ] {
        let mut bench = bench();
        bench.meter.arm(fault);
        assert_eq!(bench.value(0x0400_0103), 15, "reads do not meet it");
        assert_eq!(bench.write(0x0400_0103, &[0x30]), None);
        bench.wait(REBOOT.as_secs());
        assert_eq!(bench.value(0x0400_0103), if done { 30 } else { 15 }, "{fault:?}");
        bench.meter.arm(fault);
        let trip = [&super::KEY[..], &[0x1A, 0], &later].concat();
        assert_eq!(bench.ask(0x1C, &trip), None);
        assert_eq!(bench.meter.is_closed(), !done, "{fault:?}");
    }
}

#[test]
fn a_dead_meter_and_one_without_a_clock() {
    let mut dead = Bench::new(MeterSetup { dead: true, ..setup("47") });
    assert_eq!(dead.ask(0x11, &[0, 0, 1, 0]), None);
    dead.meter.set_dead(false);
    assert!(dead.ask(0x11, &[0, 0, 1, 0]).is_some());
    let mut timeless = Bench::new(MeterSetup { no_clock: true, ..setup("47") });
    for di in [0x0400_0101u32, 0x0400_0102, 0x0400_010C] {
        assert_eq!(timeless.ask(0x11, &di.to_le_bytes()), Some((0xD1, vec![0x02])));
        assert_eq!(timeless.write(di, &[0; 7]), Some((0xD4, vec![0x02])));
    }
    assert_eq!(timeless.read(0x0400_0501)[1] & 0x80, 0x80, "clock error");
}

#[test]
fn answers_begin_with_as_many_wake_up_bytes_as_set_and_take_their_time() {
    for preamble in [0, 1, 4, 7] {
        let quiet = MeterSetup { preamble, delay_ms: 20, ..setup("47") };
        let mut meter = meterkit::sim::Meter::new(quiet, super::start(), 1);
        let frame = Frame::new(Address::ANY, 0x13, []).encode(0);
        let reply = answer(&mut meter, &frame, Duration::ZERO).unwrap();
        let run = reply.bytes.iter().take_while(|byte| **byte == 0xFE).count();
        assert_eq!(run, usize::from(preamble));
        assert_eq!(reply.after, Duration::from_millis(20));
        meter.arm(Fault::Slow(Duration::from_millis(700)));
        let slow = answer(&mut meter, &frame, Duration::ZERO).unwrap();
        assert_eq!(slow.after, Duration::from_millis(720));
    }
}

#[test]
fn only_so_many_faults_wait() {
    let mut bench = bench();
    for _ in 0..ARMED_MAX {
        assert!(bench.meter.arm(Fault::NoReply));
    }
    assert!(!bench.meter.arm(Fault::NoReply));
}

/// Chances come from the seed: the same day twice, another day with another seed.
#[test]
fn a_seed_replays_a_day_of_faults() {
    let day = |seed: u64| {
        let rates = FaultRates {
            no_reply: 100,
            slow: 100,
            garbled: 100,
            lost_ack: 150,
            reboot_before: 50,
            reboot_after: 50,
            torn_write: 50,
            counter_reset: 20,
            ..FaultRates::default()
        };
        let open = MeterSetup::opened(number("47"), account(CUSTOMER), 0, 0);
        let mut meter =
            meterkit::sim::Meter::new(MeterSetup { faults: rates, ..open }, super::start(), seed);
        let mut log = Vec::new();
        for step in 1..=400u64 {
            let data = credit_data(RECHARGE, 100, meter.count() + 1, CUSTOMER);
            let frame = Frame::new(Address::meter(number("47")), 0x03, data).encode(4);
            log.push(answer(&mut meter, &frame, Duration::from_secs(step * 10)));
        }
        assert_eq!(meter.audit(), Ok(()));
        let truth = (meter.bookings().len(), meter.torn_writes().len());
        (log, truth, meter.counter_resets().len())
    };
    assert_eq!(day(1), day(1));
    assert_ne!(day(1), day(2));
    let (log, (booked, torn), resets) = day(3);
    let silent = log.iter().filter(|reply| reply.is_none()).count();
    assert!((60..240).contains(&silent), "{silent} of 400 unanswered");
    assert!(booked > 200 && torn > 3 && resets > 1, "{booked} {torn} {resets}");
}
