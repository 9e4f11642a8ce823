//! Any bytes and any command sequence: no panic, and the sums always meet.

use std::time::Duration;

use meterkit::protocol::dlt645::frame::{Address, Frame};
use meterkit::sim::serve::FleetStation;
use meterkit::sim::{
    Amount, FaultRates, Fleet, Layout, Meter, MeterSetup, Security, SeqPlace, answer, esam,
};
use meterkit::transport::Station;
use proptest::prelude::*;

use super::files::fixture;
use super::{CUSTOMER, KEY, OPEN, RECHARGE, account, credit_data, number, start, wire};

const MINUTE: u64 = 60;

/// Something a client or a customer might do.
#[derive(Debug, Clone)]
enum Step {
    Raw(u8, Vec<u8>),
    Read(u32),
    Credit { opening: bool, amount: u32, ahead: i8, stranger: bool },
    Relay(u8, u8),
    Write(u32, Vec<u8>),
    Refund(u32),
    Init(u32),
    Authenticate,
    Wait(u64),
    Button,
    Reset,
}

fn identifier() -> impl Strategy<Value = u32> {
    let area = prop::sample::select(vec![
        0x0000_0000u32,
        0x0001_0000,
        0x0090_0000,
        0x0101_0000,
        0x0201_0000,
        0x0280_0000,
        0x0330_0000,
        0x0332_0000,
        0x0333_0000,
        0x0400_0000,
        0x0400_0100,
        0x0400_0200,
        0x0400_0400,
        0x0400_0500,
        0x0400_0700,
        0x0400_0B00,
        0x0400_1000,
        0x0400_1400,
        0x0401_0000,
        0x0405_0100,
        0x0405_0200,
        0x0406_0000,
        0x0406_0300,
        0x0409_0B00,
        0x0500_0000,
        0x0506_0100,
        0x1D00_0100,
    ]);
    prop_oneof![
        6 => (area, 0u32..16).prop_map(|(area, nth)| area + nth),
        1 => (0u32..16, 0u32..16).prop_map(|(high, low)| high << 8 | low | 0x0333_0000),
        1 => (0u32..12).prop_map(|kind| kind << 16 | 0xFFFF),
        1 => any::<u32>(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let data = || prop::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        2 => (any::<u8>(), data()).prop_map(|(control, data)| Step::Raw(control, data)),
        2 => identifier().prop_map(Step::Read),
        6 => (any::<bool>(), 0u32..60_000, -1i8..4, prop::bool::weighted(0.1)).prop_map(
            |(opening, amount, ahead, stranger)| Step::Credit { opening, amount, ahead, stranger }
        ),
        2 => (prop::sample::select(vec![0x1Au8, 0x1B, 0x1C, 0x1D, 0x1E, 0x2A, 0x3A, 0x3B]), 0u8..4)
            .prop_map(|(n1, n2)| Step::Relay(n1, n2)),
        2 => (identifier(), prop::collection::vec(0u8..10, 0..20))
            .prop_map(|(di, data)| Step::Write(di, data)),
        1 => (0u32..5_000).prop_map(Step::Refund),
        1 => (0u32..5_000).prop_map(Step::Init),
        1 => Just(Step::Authenticate),
        2 => (0u64..120 * MINUTE).prop_map(Step::Wait),
        1 => Just(Step::Button),
        1 => Just(Step::Reset),
    ]
}

fn any_setup() -> impl Strategy<Value = MeterSetup> {
    let faults = (0u16..200, 0u16..200, 0u16..200, 0u16..200).prop_map(|(a, b, c, d)| FaultRates {
        lost_ack: a,
        reboot_after: b,
        torn_write: c,
        counter_reset: d,
        reboot_ms: 2_000,
        ..FaultRates::default()
    });
    let switches = prop::collection::vec(any::<bool>(), 6);
    (faults, switches, -3_000i64..20_000, 0u32..9_000).prop_map(|(faults, on, balance, load_w)| {
        MeterSetup {
            faults,
            load_w,
            security: if on[0] { Security::Esam } else { Security::Password },
            layout: if on[1] && on[2] { Layout::Order } else { Layout::Sgcc },
            unit: if on[3] {
                meterkit::units::CreditUnit::Kwh
            } else {
                meterkit::units::CreditUnit::Yuan
            },
            test_keys: on[4],
            seq: if on[5] { SeqPlace::First } else { SeqPlace::Last },
            overdraft_limit: Amount(1_000),
            prices: vec![5_000, 9_000, 1],
            ..MeterSetup::opened(number("47"), account(CUSTOMER), balance, 3)
        }
    })
}

/// Authenticates a meter with a module; the random number for MACs.
fn session(meter: &mut Meter, now: Duration) -> Option<[u8; 4]> {
    let no = number("47");
    let random1 = [7; 8];
    let body = [esam::cipher1(no, random1), random1, esam::diversifier(no)].concat();
    let data = [&0x0700_00FFu32.to_le_bytes()[..], &[0; 4], &body].concat();
    let reply = answer(meter, &Frame::new(own(meter), 0x03, data).encode(0), now)?;
    let unbiased: Vec<u8> = reply.bytes.iter().map(|b| b.wrapping_sub(0x33)).collect();
    let start = reply.bytes.iter().position(|b| *b == 0x68)? + 10 + 4;
    unbiased.get(start..start + 4)?.try_into().ok()
}

fn own(meter: &Meter) -> Address {
    Address::meter(meter.number())
}

fn play(meter: &mut Meter, step: &Step, now: &mut Duration, random2: &mut Option<[u8; 4]>) {
    *now += Duration::from_secs(1);
    let (control, data) = match step {
        Step::Raw(control, data) => (*control, data.clone()),
        Step::Read(di) => (0x11, di.to_le_bytes().to_vec()),
        Step::Credit { opening, amount, ahead, stranger } => {
            let count = meter.count().saturating_add_signed(i32::from(*ahead));
            let customer = if *stranger { "665544332211" } else { CUSTOMER };
            let di = if *opening { OPEN } else { RECHARGE };
            let mut data = credit_data(di, *amount, count, customer);
            if let Some(random2) = random2 {
                let code = esam::mac(number("47"), *random2, &data[8..16]);
                data[16..20].copy_from_slice(&code);
                let code = esam::mac(number("47"), *random2, &data[20..26]);
                data[26..30].copy_from_slice(&code);
            }
            (0x03, data)
        }
        Step::Relay(n1, n2) => (0x1C, [&KEY[..], &[*n1, *n2], &wire("991231235959")].concat()),
        Step::Write(di, data) => (0x14, [&di.to_le_bytes()[..], &KEY, data].concat()),
        Step::Refund(amount) => {
            let di = 0x0400_1006u32.to_le_bytes();
            (0x14, [&di[..], &KEY, &amount.to_le_bytes()].concat())
        }
        Step::Init(amount) => {
            let head = [&0x0701_03FFu32.to_le_bytes()[..], &[0; 4], &amount.to_le_bytes()].concat();
            (0x03, [&head[..], &[0; 12]].concat())
        }
        Step::Authenticate => {
            *random2 = session(meter, *now);
            return;
        }
        Step::Wait(seconds) => {
            *now += Duration::from_secs(*seconds);
            meter.advance(*now);
            return;
        }
        Step::Button => return meter.press_button(*now),
        Step::Reset => return meter.reset_counter(None, *now),
    };
    answer(meter, &Frame::new(own(meter), control, data).encode(1), *now);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn sums_meet_after_any_commands(
        setup in any_setup(),
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut meter = Meter::new(setup, start(), seed);
        let mut twin = meter.clone();
        let (mut now, mut other, mut keys) = (Duration::ZERO, Duration::ZERO, [None; 2]);
        for step in &steps {
            let before = (meter.count(), meter.ledger_len());
            play(&mut meter, step, &mut now, &mut keys[0]);
            play(&mut twin, step, &mut other, &mut keys[1]);
            prop_assert_eq!(meter.audit(), Ok(()), "after {:?}", step);
            prop_assert!(meter.balance().value == 0 || meter.overdraft() == 0);
            // The count never moves without a word in the ledger, and never by more than one up.
            let (count, words) = (meter.count(), meter.ledger_len());
            prop_assert!(count == before.0 || words > before.1, "{:?}", step);
            prop_assert!(count <= before.0 + 1);
        }
        prop_assert_eq!(&meter, &twin, "the same seed and requests, the same meter");
        // Within one life of the count, no count is booked twice.
        let resets: Vec<Duration> = meter.counter_resets().iter().map(|r| r.at).collect();
        let mut seen = std::collections::BTreeSet::new();
        for booking in meter.bookings().iter().chain(meter.torn_writes()) {
            let life = resets.iter().filter(|at| **at <= booking.at).count();
            prop_assert!(seen.insert((life, booking.count)), "{:?} twice", booking);
        }
        // And the state file gives the same meter back.
        let fleet = Fleet::new(vec![meter.clone()]);
        let kept = Fleet::from_state(&fleet.to_state().unwrap()).unwrap();
        prop_assert_eq!(kept.meters()[0].bookings(), meter.bookings());
        prop_assert_eq!(kept.audit(), Ok(()));
    }

    #[test]
    fn any_bytes_are_survived(
        bytes in prop::collection::vec(
            prop_oneof![3 => any::<u8>(), 1 => Just(0x68), 1 => Just(0xFE), 1 => Just(0x16)],
            0..600,
        ),
        control in any::<u8>(),
        data in prop::collection::vec(any::<u8>(), 0..260),
    ) {
        let quirks = fixture("quirks.toml");
        let mut station = FleetStation::new(Fleet::from_toml(&quirks).unwrap());
        station.hear(&bytes, Duration::from_secs(1));
        for address in [Address::ANY, Address::BROADCAST, Address::meter(number("302"))] {
            let frame = Frame::new(address, control, data.clone()).encode(0);
            station.hear(&frame, Duration::from_secs(2));
        }
        while let Some((start, bytes)) = station.next() {
            prop_assert!(start >= Duration::from_secs(1) && bytes.len() <= 12 + 200 + 7);
        }
        prop_assert_eq!(station.lock().audit(), Ok(()));
    }
}
