//! The simulated meter against `reference/dlt645.md`, frame by frame and with its ghost truth.

mod bus;
mod esam;
mod faults;
mod files;
mod money;
mod own1997;
mod random;
mod relay;
mod served;
mod speed;
mod stored;
mod supply;
mod v1997;
mod vendors;

use std::time::Duration;

use meterkit::protocol::dlt645::frame::{Address, Decoder, Frame};
use meterkit::sim::{Civil, Meter, MeterSetup, answer};
use meterkit::units::{AccountNo, MeterNo};

/// The bench's customer (6.3).
const CUSTOMER: &str = "112233445566";
const OPEN: u32 = 0x0701_01FF;
const RECHARGE: u32 = 0x0701_02FF;
/// PA 02 with the default password, operator 11223344.
const KEY: [u8; 8] = [0x02, 0, 0, 0, 0x44, 0x33, 0x22, 0x11];

fn number(text: &str) -> MeterNo {
    text.parse().unwrap()
}

fn account(text: &str) -> AccountNo {
    text.parse().unwrap()
}

fn start() -> Civil {
    "2026-11-20T08:00:00".parse().unwrap()
}

/// A meter without a load, so that sums stay put.
fn setup(no: &str) -> MeterSetup {
    MeterSetup { load_w: 0, ..MeterSetup::new(number(no)) }
}

/// Digits to wire bytes: as written, low byte first.
fn wire(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|b| *b != b' ').collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).rev().collect()
}

/// One meter on a bench; every question takes a second.
struct Bench {
    meter: Meter,
    now: Duration,
}

/// What came back: control code and data.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    address: Address,
    control: u8,
    data: Vec<u8>,
    after: Duration,
}

impl Bench {
    fn new(setup: MeterSetup) -> Self {
        Self { meter: Meter::new(setup, start(), 7), now: Duration::ZERO }
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.meter.advance(self.now);
    }

    fn send(&mut self, bytes: &[u8]) -> Option<Answer> {
        self.now += Duration::from_secs(1);
        let reply = answer(&mut self.meter, bytes, self.now)?;
        let mut decoder = Decoder::new();
        decoder.push(&reply.bytes);
        decoder.finish();
        let frame = decoder.find_map(Result::ok)?;
        let Frame { address, control, data, .. } = frame;
        Some(Answer { address, control, data, after: reply.after })
    }

    fn ask_at(&mut self, address: Address, control: u8, data: &[u8]) -> Option<Answer> {
        self.send(&Frame::new(address, control, data).encode(4))
    }

    /// Control code and data of the answer to a question at the meter's own address.
    fn ask(&mut self, control: u8, data: &[u8]) -> Option<(u8, Vec<u8>)> {
        let own = Address::meter(self.meter.number());
        self.ask_at(own, control, data).map(|answer| (answer.control, answer.data))
    }

    /// The bytes of a data item.
    fn read(&mut self, di: u32) -> Vec<u8> {
        let (control, data) = self.ask(0x11, &di.to_le_bytes()).expect("an answer");
        assert_eq!(control, 0x91, "{di:08X}: {data:02X?}");
        assert_eq!(data[..4], di.to_le_bytes());
        data[4..].to_vec()
    }

    /// A decimal data item.
    fn value(&mut self, di: u32) -> u64 {
        let digits: String = self.read(di).iter().rev().map(|b| format!("{b:02X}")).collect();
        digits.parse().unwrap_or_else(|_| panic!("{di:08X} reads {digits}"))
    }

    fn write(&mut self, di: u32, data: &[u8]) -> Option<(u8, Vec<u8>)> {
        self.ask(0x14, &[&di.to_le_bytes()[..], &KEY, data].concat())
    }

    /// Opens or recharges with MACs of zeros.
    fn credit(
        &mut self,
        di: u32,
        amount: u32,
        count: u32,
        customer: &str,
    ) -> Option<(u8, Vec<u8>)> {
        self.ask(0x03, &credit_data(di, amount, count, customer))
    }

    /// Recharges; the SERR word, or 0 when it was taken.
    fn recharge(&mut self, amount: u32, count: u32, customer: &str) -> u16 {
        serr(self.credit(RECHARGE, amount, count, customer))
    }
}

fn credit_data(di: u32, amount: u32, count: u32, customer: &str) -> Vec<u8> {
    let parts: [&[u8]; 7] = [
        &di.to_le_bytes(),
        &[0x44, 0x33, 0x22, 0x11],
        &amount.to_le_bytes(),
        &count.to_le_bytes(),
        &[0; 4],
        &account(customer).wire(),
        &[0; 4],
    ];
    parts.concat()
}

/// 0 for 83, the word for C3.
fn serr(answer: Option<(u8, Vec<u8>)>) -> u16 {
    match answer.expect("an answer") {
        (0x83, _) => 0,
        (0xC3, data) => u16::from_le_bytes([data[0], data[1]]),
        other => panic!("{other:02X?}"),
    }
}

/// dlt645.md 6.3, the verification bench's own scenario.
#[test]
fn the_bench_scenario() {
    let mut bench = Bench::new(setup("47"));
    // 1: not opened, so nothing is taken.
    assert_eq!(bench.recharge(10_000, 1, CUSTOMER), 0x0010);
    assert_eq!(bench.meter.bookings(), []);
    assert_eq!(bench.read(0x0400_0503)[1] & 0xC0, 0xC0, "both accounts not opened");
    // 2: opened without money; twice does no harm.
    for _ in 0..2 {
        let opened = bench.credit(OPEN, 0, 0, CUSTOMER);
        assert_eq!(opened, Some((0x83, OPEN.to_le_bytes().to_vec())));
    }
    assert_eq!(bench.read(0x0400_0503)[1] & 0xC0, 0);
    assert_eq!(bench.read(0x0400_040E), wire(CUSTOMER));
    // The bench's next steps stand on 100.00 bought before.
    assert_eq!(bench.write(0x0400_1004, &wire("00050000")), Some((0x94, vec![])));
    assert_eq!(bench.recharge(10_000, 1, CUSTOMER), 0);
    // 3, 4: another customer; a count too far ahead.
    assert_eq!(bench.recharge(20_000, 2, "665544332211"), 0x0010);
    assert_eq!(bench.recharge(20_000, 3, CUSTOMER), 0x0020);
    assert_eq!(bench.value(0x0090_0200), 10_000);
    // 5: 200.00 on 100.00, and every sub-item of the record.
    assert_eq!(bench.recharge(20_000, 2, CUSTOMER), 0);
    let record: Vec<u64> = (2..=6).map(|part| bench.value(0x0333_0001 + (part << 8))).collect();
    assert_eq!(record, [2, 20_000, 10_000, 30_000, 30_000]);
    assert_eq!(bench.read(0x0333_0101)[1..], wire("26112008"), "hh DD MM YY");
    // 6, 7: the same again; beyond 500.00.
    assert_eq!(bench.recharge(20_000, 2, CUSTOMER), 0x0002);
    assert_eq!(bench.recharge(20_100, 3, CUSTOMER), 0x0040);
    assert_eq!(bench.value(0x0090_0200), 30_000);
    let booked: Vec<_> = bench.meter.bookings().iter().map(|b| (b.count, b.amount)).collect();
    assert_eq!(booked, [(1, 10_000), (2, 20_000)]);
    assert_eq!(bench.meter.audit(), Ok(()));
}
