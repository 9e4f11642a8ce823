//! A meter and a line made of a script, in virtual time.

use std::time::Duration;

use meterkit::protocol::exchange::Timing;
use meterkit::protocol::modbus::ask::Target;
use meterkit::protocol::modbus::frame::{Unit, rtu};
use meterkit::protocol::modbus::silence;
use meterkit::protocol::{Dialogue, Step, Tick};

/// One character at 9600 8N1.
pub const CHARACTER: Duration = Duration::from_nanos(10_000_000_000 / 9600);
/// What the scripted meter takes before it answers.
pub const TURNAROUND: Duration = Duration::from_millis(15);
/// More steps than any finite conversation here needs.
const MAX_STEPS: usize = 400_000;

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The times of the line all scripts are told on.
pub fn timing() -> Timing {
    Timing { silence: silence(9600, Duration::ZERO), ..Timing::new(CHARACTER, ms(4)) }
}

/// The meter all scripts play.
pub fn meter() -> Target {
    Target::rtu(Unit(1))
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

/// An RTU frame of the meter all scripts play.
pub fn frame(pdu: &[u8]) -> Vec<u8> {
    rtu(Unit(1), pdu)
}

/// What a conversation came to.
pub struct Talk<T> {
    pub output: T,
    /// Every question that left, when it began to, and when it was over.
    pub sent: Vec<(Tick, Tick, Vec<u8>)>,
    pub ended: Tick,
}

/// Holds a conversation. `script` gets each question with its number and says what comes back; a
/// burst of no delay begins while the question is still leaving, as an echo does.
pub fn talk<D: Dialogue>(
    dialogue: &mut D,
    mut script: impl FnMut(usize, &[u8]) -> Vec<Burst>,
) -> Talk<D::Output> {
    let mut now = Tick::ZERO;
    let mut pending: Vec<(Tick, u8)> = Vec::new();
    let mut sent: Vec<(Tick, Tick, Vec<u8>)> = Vec::new();
    for _ in 0..MAX_STEPS {
        match dialogue.step(now) {
            Step::Done(output) => return Talk { output, sent, ended: now },
            Step::Send(bytes) => {
                let end = now + CHARACTER * u32::try_from(bytes.len()).unwrap();
                for burst in script(sent.len(), &bytes) {
                    let mut at = if burst.after.is_zero() { now } else { end + burst.after };
                    for byte in burst.bytes {
                        at += CHARACTER + burst.pause;
                        pending.push((at, byte));
                    }
                }
                pending.sort_by_key(|(at, _)| *at);
                sent.push((now, end, bytes));
                dialogue.sent(end);
            }
            Step::Tune(_) => panic!("Modbus keeps its speed"),
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
