//! A line in virtual time between a conversation and whatever answers it.

use std::collections::VecDeque;
use std::time::Duration;

use meterkit::protocol::dlms::{Address, Auth, Ended, Entry, Request, Session};
use meterkit::protocol::exchange::{Retry, Timing};
use meterkit::protocol::{Dialogue, Framing, Step, Tick};

use super::meter::{Key, Meter};

/// One character at 9600 8N1.
pub const CHARACTER: Duration = Duration::from_nanos(10_000_000_000 / 9600);
/// What the meters take before they answer.
pub const TURNAROUND: Duration = Duration::from_millis(20);
/// More steps than any finite conversation here needs.
const MAX_STEPS: usize = 3_000_000;

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn timing() -> Timing {
    Timing::new(CHARACTER, ms(10))
}

/// Bytes that begin to arrive `after` the last bit of the question, with a pause before each.
#[derive(Clone)]
pub struct Burst {
    pub after: Duration,
    pub bytes: Vec<u8>,
    pub pause: Duration,
}

pub fn burst(after: Duration, bytes: impl Into<Vec<u8>>) -> Burst {
    Burst { after, bytes: bytes.into(), pause: Duration::ZERO }
}

/// What comes back to a question, whatever it is.
pub type Noise = fn(&[u8]) -> Vec<Burst>;

/// What a conversation came to.
pub struct Talk<T> {
    pub output: T,
    /// Every frame that left, and when it began to.
    pub sent: Vec<(Tick, Vec<u8>)>,
    /// Every change of the line.
    pub tuned: Vec<(Tick, Framing)>,
    pub ended: Tick,
}

/// Holds a conversation: `script` gets each question with its number and says what comes back.
pub fn talk<D: Dialogue>(
    dialogue: &mut D,
    mut script: impl FnMut(usize, &[u8]) -> Vec<Burst>,
) -> Talk<D::Output> {
    let mut now = Tick::ZERO;
    let mut character = CHARACTER;
    let mut pending: VecDeque<(Tick, u8)> = VecDeque::new();
    let (mut sent, mut tuned) = (Vec::new(), Vec::new());
    for _ in 0..MAX_STEPS {
        match dialogue.step(now) {
            Step::Done(output) => return Talk { output, sent, tuned, ended: now },
            Step::Send(bytes) => {
                let end = now + character * u32::try_from(bytes.len()).unwrap();
                for burst in script(sent.len(), &bytes) {
                    let mut at = end + burst.after;
                    for byte in burst.bytes {
                        at += character + burst.pause;
                        pending.push_back((at, byte));
                    }
                }
                pending.make_contiguous().sort_by_key(|(at, _)| *at);
                sent.push((now, bytes));
                dialogue.sent(end);
            }
            Step::Tune(framing) => {
                character = Duration::from_nanos(10_000_000_000 / u64::from(framing.baud));
                tuned.push((now, framing));
                dialogue.tuned(true);
            }
            Step::Wait(until) => match pending.front().copied() {
                Some((at, byte)) if at <= until => {
                    pending.pop_front();
                    now = now.max(at);
                    dialogue.feed(&[byte], now);
                }
                _ => {
                    assert!(until > now, "waiting for the past would spin");
                    now = until;
                }
            },
            Step::Quarantine(until) => {
                assert!(until > now, "waiting for the past would spin");
                pending.retain(|(at, _)| *at > until);
                now = until;
            }
        }
    }
    panic!("the conversation does not end");
}

pub fn address() -> Address {
    Address::parse("1").unwrap()
}

pub fn session(requests: Vec<Request>) -> Session {
    Session::new(address(), Auth::None, requests, timing(), Retry::default(), Entry::Direct)
}

/// A conversation with a meter on a good line.
pub fn plain(session: &mut Session, meter: &mut Meter) -> Talk<Ended> {
    talk(session, |_, bytes| heard(meter, bytes))
}

/// What a meter answers on a good line.
pub fn heard(meter: &mut Meter, bytes: &[u8]) -> Vec<Burst> {
    meter.hear(bytes).map(|answer| burst(TURNAROUND, answer)).into_iter().collect()
}

/// Active energy import, and two values of other kinds.
pub const ENERGY: Key = (3, [1, 0, 1, 8, 0, 255], 2);
pub const SCALER: Key = (3, [1, 0, 1, 8, 0, 255], 3);
pub const NAME: Key = (1, [0, 0, 42, 0, 0, 255], 2);
pub const LONG: Key = (7, [1, 0, 99, 1, 0, 255], 2);

pub fn get(key: Key) -> Request {
    Request::Get(at(key))
}

pub fn at((class, obis, index): Key) -> meterkit::protocol::dlms::Attribute {
    meterkit::protocol::dlms::Attribute::new(class, obis, index)
}

/// A meter with an energy of 1234.567 kWh, a name, and a long value of 600 bytes.
pub fn meter() -> Meter {
    let long: Vec<u8> = [vec![9, 0x82, 2, 0x55], (0..597).map(|n| n as u8).collect()].concat();
    Meter::new()
        .with(ENERGY, &[6, 0x00, 0x12, 0xD6, 0x87])
        .with(SCALER, &[2, 2, 15, 0, 22, 30])
        .with(NAME, b"\x09\x10GRX0000000012345")
        .with(LONG, &long)
}

/// The bytes of the long value.
pub fn long_value() -> Vec<u8> {
    (0..597).map(|n| n as u8).collect()
}
