//! A meter and a line made of a script, in virtual time.

use std::time::Duration;

use meterkit::protocol::dlt645::dialogue::Timing;
use meterkit::protocol::dlt645::frame::{Address, Decoder, Frame};
use meterkit::protocol::{Dialogue, Step, Tick};

/// One character at 2400 8E1.
pub const CHARACTER: Duration = Duration::from_nanos(11_000_000_000 / 2400);
/// What the scripted meters take before they answer.
pub const TURNAROUND: Duration = Duration::from_millis(20);
/// More steps than any finite conversation here needs.
const MAX_STEPS: usize = 200_000;

pub fn timing() -> Timing {
    Timing::new(CHARACTER, Duration::from_millis(10))
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Bytes that start to arrive `after` the last bit of the question.
pub struct Burst {
    pub after: Duration,
    pub bytes: Vec<u8>,
    /// Extra pause between bytes.
    pub pause: Duration,
}

pub fn burst(after: Duration, bytes: Vec<u8>) -> Burst {
    Burst { after, bytes, pause: Duration::ZERO }
}

/// The answer of an ordinary meter.
pub fn answer(frame: &Frame) -> Vec<Burst> {
    vec![burst(TURNAROUND, frame.encode(4))]
}

/// What a conversation came to.
pub struct Talk<T> {
    pub output: T,
    /// Every question that left, and when it began to.
    pub sent: Vec<(Tick, Frame)>,
    pub ended: Tick,
}

/// Holds a conversation. `script` gets each question with its number and says what comes back.
pub fn talk<D: Dialogue>(
    dialogue: &mut D,
    mut script: impl FnMut(usize, &Frame) -> Vec<Burst>,
) -> Talk<D::Output> {
    let mut now = Tick::ZERO;
    let mut pending: Vec<(Tick, u8)> = Vec::new();
    let mut sent = Vec::new();
    for _ in 0..MAX_STEPS {
        match dialogue.step(now) {
            Step::Done(output) => return Talk { output, sent, ended: now },
            Step::Send(bytes) => {
                let end = now + CHARACTER * u32::try_from(bytes.len()).unwrap();
                let question = only_frame(&bytes);
                for burst in script(sent.len(), &question) {
                    let mut at = end + burst.after;
                    for byte in burst.bytes {
                        at += CHARACTER + burst.pause;
                        pending.push((at, byte));
                    }
                }
                pending.sort_by_key(|(at, _)| *at);
                sent.push((now, question));
                dialogue.sent(end);
            }
            Step::Tune(_) => dialogue.tuned(false),
            Step::Wait(until) => match pending.first().copied() {
                Some((at, byte)) if at <= until => {
                    pending.remove(0);
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

fn only_frame(bytes: &[u8]) -> Frame {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    let frame = decoder.next().unwrap().unwrap();
    assert!(!decoder.is_inside(), "one frame a send");
    frame
}

/// A normal answer to a read: identifier and data.
pub fn reading(question: &Frame, data: &[u8]) -> Frame {
    let mut body = question.data[..4].to_vec();
    body.extend_from_slice(data);
    Frame::new(meter(), question.control | 0x80, body)
}

/// The same by the edition of 1997: two bytes of identifier.
pub fn reading_1997(question: &Frame, data: &[u8]) -> Frame {
    let mut body = question.data[..2].to_vec();
    body.extend_from_slice(data);
    Frame::new(meter(), question.control | 0x80, body)
}

/// The meter all scripts play.
pub fn meter() -> Address {
    Address::meter("47".parse().unwrap())
}
