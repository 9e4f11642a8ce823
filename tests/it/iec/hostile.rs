//! Meters that want to break us: any bytes, endless bytes, one byte a second, more than announced.

use std::time::Duration;

use meterkit::protocol::Dialogue;
use meterkit::protocol::exchange::{Once, Retry};
use meterkit::protocol::iec62056::ask::{Readout, Setup, SignOn};
use meterkit::protocol::iec62056::frame::Address;
use meterkit::protocol::iec62056::program::{Kind, Order, Read};
use meterkit::sim::bus::Bus;
use proptest::prelude::*;

use super::peer::{Bad, access, character, order, readout, reads, talk, timing};

/// Says a piece after each message heard; `None` when it has no more to say.
type Script = Box<dyn FnMut(usize) -> Option<Vec<u8>> + Send>;

/// A line with a script at its end.
struct Hostile {
    script: Script,
    said: usize,
    out: Option<(Duration, Vec<u8>)>,
    /// So long between the parts of a message.
    every: Option<Duration>,
    rest: Vec<(Duration, Vec<u8>)>,
}

impl Hostile {
    fn new(script: impl FnMut(usize) -> Option<Vec<u8>> + Send + 'static) -> Self {
        Self { script: Box::new(script), said: 0, out: None, every: None, rest: Vec::new() }
    }
}

impl Bus for Hostile {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        if bytes != b"\n" && bytes != b"\x03" && bytes != b"\x06" && bytes != b"\x15" {
            return;
        }
        if let Some(bytes) = (self.script)(self.said) {
            let start = at + Duration::from_millis(250);
            match self.every {
                None => self.out = Some((start, bytes)),
                Some(every) => {
                    let each = |(n, byte): (u32, &u8)| (start + every * n, vec![*byte]);
                    self.rest = (0..).zip(&bytes).map(each).collect();
                    self.rest.reverse();
                }
            }
        }
        self.said += 1;
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.out.take().or_else(|| self.rest.pop())
    }

    fn speed(&self) -> Option<u32> {
        None
    }
}

fn line() -> Bad {
    Bad { fixed: true, ..Bad::default() }
}

/// How long a conversation took that came to nothing.
fn lasts<D: Dialogue<Output = Result<T, E>>, T, E>(dialogue: &mut D, far: &mut dyn Bus) -> u64 {
    let talk = talk(dialogue, far, &line());
    assert!(talk.output.is_err());
    talk.ended.as_secs()
}

fn profile() -> Read {
    let orders = vec![Order::new(Kind::MakerBlocks, "P.01").unwrap(), order("1.8.0")];
    Read::new(Setup::default(), access("1"), orders, timing(), Retry::default())
}

/// Goes along with everything up to the message of this number.
fn until(number: usize, then: Vec<u8>) -> impl FnMut(usize) -> Option<Vec<u8>> + Send {
    move |said| {
        Some(match said {
            said if said >= number => then.clone(),
            0 => b"/MTK0x\r\n".to_vec(),
            1 => b"\x01P0\x02()\x03\x60".to_vec(),
            2 => b"\x06".to_vec(),
            _ => then.clone(),
        })
    }
}

#[test]
fn endless_bytes_end() {
    for byte in [0u8, 1, 2, 3, 4, 6, 0x15, b'/', b'(', b'A', 0xFF] {
        for number in 0..4 {
            let mut far = Hostile::new(until(number, vec![byte; 40_000]));
            // 16 KiB at 300 baud are nine minutes; then it has to be over.
            let seconds = lasts(&mut readout(), &mut far);
            assert!(seconds < 720, "{byte:02X} {number}: {seconds} s");
            let mut far = Hostile::new(until(number, vec![byte; 40_000]));
            let seconds = lasts(&mut profile(), &mut far);
            assert!(seconds < 360, "{byte:02X} {number}: {seconds} s");
        }
    }
}

#[test]
fn one_byte_a_second_ends() {
    for number in 0..4 {
        let table: Vec<u8> =
            b"\x02".iter().chain(b"1.8.0(1)\r\n".repeat(900).iter()).copied().collect();
        let mut far = Hostile::new(until(number, table));
        far.every = Some(Duration::from_secs(1));
        let seconds = lasts(&mut readout(), &mut far);
        assert!(seconds < 120, "{number}: {seconds} s");
        let mut far = Hostile::new(until(number, b"/".repeat(5000)));
        far.every = Some(Duration::from_secs(1));
        assert!(lasts(&mut profile(), &mut far) < 120, "{number}");
    }
}

#[test]
fn blocks_without_end_end() {
    let mut far = Hostile::new(until(3, b"\x02P.01(1)\x04\x4B".to_vec()));
    // However many blocks come: 64 KiB of them, then it is over.
    let talk = talk(&mut profile(), &mut far, &Bad::default());
    assert!(talk.output.is_err(), "{:?}", talk.output);
    assert!(talk.sent.len() < 12_000, "{}", talk.sent.len());
}

#[test]
fn repetitions_without_end_end() {
    for answer in [b"\x15".to_vec(), b"\x02P.01(1)\x03\x00".to_vec(), b"\x06".to_vec()] {
        let mut far = Hostile::new(until(3, answer.clone()));
        let talk = talk(&mut profile(), &mut far, &Bad::default());
        assert!(talk.output.is_err(), "{answer:02X?}: {:?}", talk.output);
        assert!(talk.sent.len() < 40, "{answer:02X?}: {}", talk.sent.len());
    }
}

#[test]
fn a_table_longer_than_wanted_is_given_up() {
    let table = [b"\x02".to_vec(), b"1.8.0(1)\r\n".repeat(10), b"!\r\n\x03\x00".to_vec()].concat();
    let setup = Setup { longest: 64, ..Setup::default() };
    let mut far = Hostile::new(until(1, table));
    let mut readout = Readout::new(setup, timing(), Retry::default());
    let talk = talk(&mut readout, &mut far, &line());
    assert_eq!(talk.output.unwrap_err().to_string(), "answer has too many parts");
}

/// Pieces of conversations, and anything.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let known = prop::sample::select(vec![
        b"/MTK5x\r\n".to_vec(),
        b"/MTKEx\r\n".to_vec(),
        b"/MTK x\r\n".to_vec(),
        b"\x01P0\x02()\x03\x60".to_vec(),
        b"\x06".to_vec(),
        b"\x15".to_vec(),
        b"\x02(ER01)\x03".to_vec(),
        b"\x01B0\x03q".to_vec(),
        b"\x021.8.0(1*kWh)\x03".to_vec(),
        b"\x02!\r\n\x03\x25".to_vec(),
        b"\x02(1)\x04".to_vec(),
    ]);
    let part = prop_oneof![3 => known, 1 => prop::collection::vec(any::<u8>(), 0..50)];
    let message = prop::collection::vec(part, 0..3).prop_map(|parts| parts.concat());
    prop::collection::vec(message, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_meter_comes_to_an_end(pieces in pieces(), fixed: bool, echo: bool) {
        let bad = Bad { fixed, echo, ..Bad::default() };
        let say = move |pieces: Vec<Vec<u8>>| move |said: usize| pieces.get(said).cloned();
        let out = talk(&mut readout(), &mut Hostile::new(say(pieces.clone())), &bad);
        prop_assert!(out.ended < Duration::from_secs(600) && out.sent.len() < 100);
        let out = talk(&mut profile(), &mut Hostile::new(say(pieces.clone())), &bad);
        prop_assert!(out.ended < Duration::from_secs(600) && out.sent.len() < 100);
        let out = talk(&mut reads(&["1.8.0"]), &mut Hostile::new(say(pieces.clone())), &bad);
        prop_assert!(out.ended < Duration::from_secs(600) && out.sent.len() < 100);
        let asked = SignOn::new(&Address::default());
        let timing = meterkit::protocol::exchange::Timing::new(character(300), Duration::ZERO);
        let mut once = Once::new(asked, timing, Duration::ZERO);
        let out = talk(&mut once, &mut Hostile::new(say(pieces)), &bad);
        prop_assert!(out.ended < Duration::from_secs(60) && out.sent.len() == 1);
    }
}
