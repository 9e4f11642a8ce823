//! A line in virtual time, with a script or a simulated bus at its far end. It goes on from one
//! conversation to the next, so that what is late for one arrives in another.

use std::time::Duration;

use meterkit::protocol::exchange::Timing;
use meterkit::protocol::{Dialogue, Step, Tick};
use meterkit::sim::bus::Bus;

/// One character at 2400 8E1.
pub const CHARACTER: Duration = Duration::from_nanos(11_000_000_000 / 2400);
/// What scripted meters take before they answer.
pub const TURNAROUND: Duration = Duration::from_millis(20);
/// More steps than any finite conversation here needs.
const MAX_STEPS: usize = 400_000;

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn timing() -> Timing {
    Timing::new(CHARACTER, ms(10))
}

/// Bytes that start to arrive `after` the last bit of the question; with `None`, while it leaves.
#[derive(Debug, Clone)]
pub struct Burst {
    pub after: Option<Duration>,
    pub bytes: Vec<u8>,
    /// Extra pause between bytes.
    pub pause: Duration,
}

pub fn burst(after: Duration, bytes: Vec<u8>) -> Burst {
    Burst { after: Some(after), bytes, pause: Duration::ZERO }
}

/// What an adapter that hears itself gives back.
pub fn echo(question: &[u8]) -> Burst {
    Burst { after: None, bytes: question.to_vec(), pause: Duration::ZERO }
}

/// The line.
#[derive(Default)]
pub struct Line {
    pub now: Tick,
    pending: Vec<(Tick, u8)>,
    /// Every question that left.
    pub sent: Vec<Vec<u8>>,
}

impl Line {
    /// Holds a conversation; `script` gets each question with its number on this line.
    pub fn hold<D: Dialogue>(
        &mut self,
        mut dialogue: D,
        mut script: impl FnMut(usize, &[u8]) -> Vec<Burst>,
    ) -> D::Output {
        self.talk(&mut dialogue, |line, bytes, begin, end| {
            for burst in script(line.sent.len(), bytes) {
                let mut at = burst.after.map_or(begin, |after| end + after);
                for byte in burst.bytes {
                    at += CHARACTER + burst.pause;
                    line.pending.push((at, byte));
                }
            }
        })
    }

    /// The same with a simulated bus at the far end.
    pub fn hold_with<D: Dialogue>(&mut self, mut dialogue: D, bus: &mut dyn Bus) -> D::Output {
        self.talk(&mut dialogue, |line, bytes, _, end| {
            bus.hear(bytes, end);
            while let Some((start, answer)) = bus.next() {
                let mut at = start;
                for byte in answer {
                    at += CHARACTER;
                    line.pending.push((at, byte));
                }
            }
            line.collide();
        })
    }

    /// Characters that begin within one another's time become one that is neither.
    fn collide(&mut self) {
        self.pending.sort_by_key(|(at, _)| *at);
        let mut clean: Vec<(Tick, u8)> = Vec::new();
        for (at, byte) in self.pending.drain(..) {
            match clean.last_mut() {
                Some((before, other)) if at < *before + CHARACTER => *other &= byte,
                _ => clean.push((at, byte)),
            }
        }
        self.pending = clean;
    }

    fn talk<D: Dialogue>(
        &mut self,
        dialogue: &mut D,
        mut answer: impl FnMut(&mut Self, &[u8], Tick, Tick),
    ) -> D::Output {
        for _ in 0..MAX_STEPS {
            match dialogue.step(self.now) {
                Step::Done(output) => return output,
                Step::Send(bytes) => {
                    let end = self.now + CHARACTER * u32::try_from(bytes.len()).unwrap();
                    answer(self, &bytes, self.now, end);
                    self.pending.sort_by_key(|(at, _)| *at);
                    self.sent.push(bytes);
                    dialogue.sent(end);
                }
                Step::Tune(_) => panic!("these protocols keep their speed"),
                Step::Wait(until) => match self.pending.first().copied() {
                    Some((at, byte)) if at <= until => {
                        self.pending.remove(0);
                        self.now = self.now.max(at);
                        dialogue.feed(&[byte], self.now);
                    }
                    _ => {
                        assert!(until > self.now, "waiting for the past would spin");
                        self.now = until;
                    }
                },
                Step::Quarantine(until) => {
                    assert!(until > self.now, "waiting for the past would spin");
                    self.pending.retain(|(at, _)| *at > until);
                    self.now = until;
                }
            }
        }
        panic!("the conversation does not end");
    }
}

/// What hostile meters send: anything, without end, slowly, longer than announced.
pub fn hostile() -> Vec<Vec<Burst>> {
    let endless = |byte: u8| vec![burst(ms(5), vec![byte; 4000])];
    let mut noise = 0x2545_F491_u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let noisy: Vec<u8> = (0..4000).map(|_| random()).collect();
    let slow = |bytes: Vec<u8>| Burst { after: Some(ms(5)), bytes, pause: ms(1000) };
    vec![
        endless(0x68),
        endless(0xFE),
        endless(0xE5),
        endless(0x16),
        endless(0x10),
        endless(0x00),
        vec![burst(ms(5), noisy)],
        vec![slow([0x68, 0xFF, 0xFF].repeat(100))],
        vec![slow(vec![0x68; 300])],
        vec![burst(ms(5), [0x68, 0xFF, 0xFF, 0x68].repeat(1000))],
        vec![burst(ms(5), [0x68, 0xFE, 0x3F, 0xC3, 0x05].repeat(1000))],
    ]
}
