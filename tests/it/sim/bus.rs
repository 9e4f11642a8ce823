//! Addresses, reading, follow-up frames, baud rates: what a client meets before any money.

use meterkit::protocol::dlt645::frame::{Address, Frame};
use meterkit::sim::{Absent, MeterSetup, SeqPlace};

use super::{Bench, KEY, number, setup, wire};

const ENERGY: [u8; 4] = [0, 0, 1, 0];

fn address(hex: &str) -> Address {
    Address(wire(hex).try_into().unwrap())
}

/// dlt645.md 1: who answers to which address.
#[test]
fn addresses_and_wildcards() {
    for (field, answers) in [
        ("201000000012", true),
        ("AA1000000012", true),
        ("AAAAAAAA0012", true),
        ("AAAAAAAAAA12", true),
        ("AAAAAAAAAAAA", true),
        ("AAAAAAAAAA13", false),
        ("2010000000AA", false),
        ("20AAAAAA0012", false),
        ("201000000013", false),
        ("999999999999", false),
        ("000000000000", false),
    ] {
        let mut bench = Bench::new(setup("201000000012"));
        let got = bench.ask_at(address(field), 0x11, &ENERGY);
        assert_eq!(got.is_some(), answers, "{field}");
        if let Some(answer) = got {
            assert_eq!(answer.address, Address::meter(number("201000000012")), "{field}");
        }
    }
}

/// What each control code does with the wildcard, and that refusal is silence.
#[test]
fn the_wildcard_is_for_reading() {
    let long = |control: u8| [&[0x02, 0, 0, 0, 0, 0, 0, 0][..], &[control; 8]].concat();
    for (control, data, answers) in [
        (0x11, ENERGY.to_vec(), true),
        (0x13, vec![], true),
        (0x13, vec![0], false),
        (0x15, wire("000000000099"), false), // no programming button
        (0x03, super::credit_data(super::OPEN, 0, 0, super::CUSTOMER), false),
        (0x08, long(8)[..6].to_vec(), false),
        (0x14, [&[1, 0, 16, 4][..], &KEY, &[0; 4]].concat(), false),
        (0x16, vec![0x99; 4], false),
        (0x17, vec![0x08], false),
        (0x18, vec![0; 12], false),
        (0x19, long(0)[..8].to_vec(), false),
        (0x1A, long(0)[..8].to_vec(), false),
        (0x1B, long(0xFF)[..12].to_vec(), false),
        (0x1C, long(0x1A), false),
        (0x1D, vec![0], false),
    ] {
        let mut bench = Bench::new(setup("47"));
        let got = bench.ask_at(Address::ANY, control, &data);
        assert_eq!(got.is_some(), answers, "{control:02X}");
        assert!(bench.meter.is_closed() && bench.meter.account().is_none(), "{control:02X}");
    }
    // 13H is for the wildcard only.
    assert_eq!(Bench::new(setup("47")).ask(0x13, &[]), None);
}

#[test]
fn wild_answers_can_repeat_the_wildcard() {
    let mut bench = Bench::new(MeterSetup { echo_wildcard: true, ..setup("47") });
    let answer = bench.ask_at(Address::ANY, 0x13, &[]).unwrap();
    assert_eq!((answer.address, answer.data), (Address::ANY, wire("000000000047")));
    let own = bench.ask_at(Address::meter(number("47")), 0x11, &ENERGY).unwrap();
    assert_eq!(own.address, Address::meter(number("47")));
}

#[test]
fn damaged_frames_and_answers_of_others_go_unheard() {
    let mut bench = Bench::new(setup("47"));
    let good = Frame::new(Address::meter(number("47")), 0x11, ENERGY).encode(0);
    assert!(bench.send(&good).is_some());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x01;
        assert_eq!(bench.send(&bad), None, "byte {at}");
        assert_eq!(bench.send(&good[..at]), None, "cut at {at}");
    }
    for control in [0x91, 0xD1, 0x51, 0x31, 0x1F, 0x00] {
        assert_eq!(bench.ask(control, &ENERGY), None, "{control:02X}");
    }
}

/// 260 bytes: total and four rates now and on twelve settlement days.
#[test]
fn long_blocks_come_in_pieces() {
    for (place, max_data) in [(SeqPlace::Last, 200), (SeqPlace::First, 64), (SeqPlace::Last, 21)] {
        let rates = vec![5_000; 4];
        let meter = MeterSetup { seq: place, max_data, prices: rates, ..setup("47") };
        let mut bench = Bench::new(meter);
        let di = 0x0001_FFFFu32.to_le_bytes();
        let (mut control, first) = bench.ask(0x11, &di).unwrap();
        assert_eq!(control, 0xB1);
        let mut got = first[4..].to_vec();
        let mut seq = 0;
        while control & 0x20 != 0 {
            seq += 1;
            let asked = [&di[..], &[seq]].concat();
            let (next, data) = bench.ask(0x12, &asked).unwrap();
            assert!(data.len() <= usize::from(max_data), "piece {seq}");
            assert_eq!(bench.ask(0x12, &asked), Some((next, data.clone())), "asked again");
            let (number, piece) = match place {
                SeqPlace::Last => (data[data.len() - 1], &data[4..data.len() - 1]),
                SeqPlace::First => (data[4], &data[5..]),
            };
            assert_eq!(number, seq);
            got.extend_from_slice(piece);
            control = next;
        }
        assert_eq!(got.len(), 5 * 13 * 4, "{place:?} {max_data}");
        assert_eq!(control, 0x92);
        let beyond = [&di[..], &[seq + 1]].concat();
        assert_eq!(bench.ask(0x12, &beyond), Some((0xD2, vec![0x02])));
    }
}

#[test]
fn follow_up_frames_need_a_question_before() {
    let mut bench = Bench::new(MeterSetup { max_data: 64, ..setup("47") });
    let asked = [&0x0001_FFFFu32.to_le_bytes()[..], &[1]].concat();
    assert_eq!(bench.ask(0x12, &asked), Some((0xD2, vec![0x02])));
    bench.ask(0x11, &0x0330_0201u32.to_le_bytes()).unwrap(); // 202 bytes
    assert_eq!(bench.ask(0x12, &asked), Some((0xD2, vec![0x02])), "another identifier");
    let skipped = [&0x0330_0201u32.to_le_bytes()[..], &[2]].concat();
    assert_eq!(bench.ask(0x12, &skipped), Some((0xD2, vec![0x02])), "a piece left out");
}

/// Lengths of 3.1 to 3.7; what a client's table must agree with.
#[rustfmt::skip] // one item a line would hide the table
const LENGTHS: &[(u32, usize)] = &[
    (0x0000_0000, 4), (0x0001_FF00, 20), (0x0001_0400, 4), (0x0001_000C, 4),
    (0x0001_FF01, 20), (0x0002_0000, 4), (0x0009_0000, 4), (0x0090_0201, 4),
    (0x0101_0000, 8), (0x0101_FF00, 40), (0x0201_0100, 2), (0x0201_FF00, 6),
    (0x0202_0100, 3), (0x0202_FF00, 9), (0x0203_0000, 3), (0x0203_FF00, 12),
    (0x0206_FF00, 8), (0x0207_FF00, 6), (0x0208_FF00, 6), (0x0280_0001, 3),
    (0x0280_0002, 2), (0x0280_0007, 2), (0x0280_000A, 4), (0x0333_0101, 5),
    (0x0333_0201, 2), (0x0333_0601, 4), (0x0400_0101, 4), (0x0400_0102, 3),
    (0x0400_010C, 7), (0x0400_0108, 5), (0x0400_0306, 3), (0x0400_0401, 6),
    (0x0400_0402, 6), (0x0400_0403, 32), (0x0400_040E, 6), (0x0400_0501, 2),
    (0x0400_05FF, 14), (0x0400_0703, 1), (0x0400_0F01, 4), (0x0400_1005, 4),
    (0x0401_0000, 42), (0x0402_0008, 42), (0x0405_0101, 4), (0x0405_01FF, 16),
    (0x0406_01FF, 4), (0x0406_0AFF, 70), (0x0409_0B01, 3), (0x0480_0001, 32),
    (0x0480_0004, 8), (0x0311_0000, 3), (0x0311_0001, 12), (0x0330_0001, 50),
    (0x0330_0101, 106), (0x0330_0401, 16), (0x1D00_0001, 3), (0x1D00_0101, 34),
    (0x1E00_0101, 34), (0x0501_0001, 5), (0x0506_0101, 20), (0x0508_0201, 4),
];

/// What this meter has not: a fifth rate, a thirteenth settlement, commands, passwords, load
/// profiles.
const NONE: [u32; 10] = [
    0x0001_0500,
    0x0001_000D,
    0x0203_0400,
    0x0400_0509,
    0x0400_1006,
    0x0600_0001,
    0xFFFF_FFFF,
    0x0333_0701,
    0x0400_0C01,
    0x0201_0000,
];

#[test]
fn data_items_have_the_lengths_of_the_reference() {
    let mut bench = Bench::new(MeterSetup { prices: vec![5_000; 4], ..setup("47") });
    for (di, len) in LENGTHS {
        assert_eq!(bench.read(*di).len(), *len, "{di:08X}");
    }
    for none in NONE {
        let answer = bench.ask(0x11, &none.to_le_bytes());
        assert_eq!(answer, Some((0xD1, vec![0x02])), "{none:08X}");
    }
}

/// DI+N and DI+N+time are for load profiles, which this meter has not.
#[test]
fn reads_of_other_lengths() {
    let mut bench = Bench::new(setup("47"));
    let profile = [1, 0, 0, 6, 1, 0, 8, 20, 11, 26];
    for (data, err) in
        [(&profile[..5], 2), (&profile[..], 2), (&profile[..3], 1), (&profile[..7], 1)]
    {
        assert_eq!(bench.ask(0x11, data), Some((0xD1, vec![err])), "{} bytes", data.len());
    }
}

#[test]
fn a_phase_that_is_not_there_is_missing_or_zero() {
    let mut bench = Bench::new(setup("47"));
    assert_eq!(bench.read(0x0201_FF00)[2..], [0xFF; 4]);
    let mut bench = Bench::new(MeterSetup { absent_phase: Absent::Zero, ..setup("47") });
    assert_eq!(bench.read(0x0201_FF00)[2..], [0; 4]);
    let mut bench = Bench::new(MeterSetup { phases: 3, load_w: 3_000, ..setup("47") });
    let volts = bench.read(0x0201_FF00);
    assert!(volts.chunks(2).all(|v| v[1] == 0x21 || v[1] == 0x22), "{volts:02X?}");
    let sum: u64 = (1..=3).map(|phase| bench.value(0x0203_0000 + (phase << 8))).sum();
    let total = bench.value(0x0203_0000);
    assert!(total.abs_diff(sum) <= 30, "{total} is not {sum}");
}

#[test]
fn a_new_speed_is_one_bit_and_answered_at_the_old_one() {
    let mut bench = Bench::new(setup("47"));
    for bad in [0x00, 0x01, 0x80, 0x0C, 0xFF] {
        assert_eq!(bench.ask(0x17, &[bad]), Some((0xD7, vec![0x08])), "{bad:02X}");
    }
    assert_eq!(bench.meter.baud(), 2_400);
    assert_eq!(bench.ask(0x17, &[0x20]), Some((0x97, vec![0x20])));
    assert_eq!(bench.meter.baud(), 9_600);
    assert_eq!(bench.read(0x0400_0703), [0x20]);
}

#[test]
fn a_new_address_needs_the_button_and_is_answered_from_itself() {
    let mut bench = Bench::new(setup("47"));
    let new = wire("123456789012");
    assert_eq!(bench.ask_at(Address::ANY, 0x15, &new), None);
    bench.meter.set_programming(true);
    assert_eq!(bench.read(0x0400_0503)[0] & 0x08, 0x08);
    assert_eq!(bench.ask(0x15, &new), None, "only through the wildcard");
    let answer = bench.ask_at(Address::ANY, 0x15, &new).unwrap();
    assert_eq!((answer.control, answer.data.len()), (0x95, 0));
    assert_eq!(answer.address, Address::meter(number("123456789012")));
    assert_eq!(bench.read(0x0400_0401), new);
}
