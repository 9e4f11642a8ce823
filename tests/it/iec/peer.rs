//! A line between a dialogue and simulated meters, in virtual time, that can be as bad as wanted.
//!
//! Characters at another speed than the listener's arrive as 00, as a Linux terminal with parity on
//! shows them; to the meter they do not arrive at all.

use std::collections::VecDeque;
use std::time::Duration;

use meterkit::profile::Profile;
use meterkit::protocol::exchange::{Retry, Timing};
use meterkit::protocol::iec62056::ask::{Readout, Setup};
use meterkit::protocol::iec62056::program::{Access, Kind, Order, Read};
use meterkit::protocol::{Dialogue, Step, Tick};
use meterkit::sim::bus::Bus;
use meterkit::sim::iec::{IecBus, IecMeter, IecSetup};

/// More steps than any finite conversation here needs.
const MAX_STEPS: usize = 2_000_000;

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Ten bits.
pub fn character(baud: u32) -> Duration {
    Duration::from_nanos(10_000_000_000 / u64::from(baud))
}

pub fn timing() -> Timing {
    Timing::new(character(300), ms(5))
}

/// What is wrong with a line.
#[derive(Debug, Clone, Default)]
pub struct Bad {
    /// We hear ourselves.
    pub echo: bool,
    /// Pause between the meter's characters, on top of their own time.
    pub pause: Duration,
    /// Its speed is set elsewhere.
    pub fixed: bool,
    /// Eighth bit: parity.
    pub parity: bool,
}

/// What a conversation came to.
pub struct Talk<T> {
    pub output: T,
    /// Every message that left, and when it began to.
    pub sent: Vec<(Tick, Vec<u8>)>,
    /// Every speed asked for, and when.
    pub tuned: Vec<(Tick, u32)>,
    pub ended: Tick,
}

/// A character under way to us.
struct Coming {
    at: Tick,
    byte: u8,
    baud: u32,
}

pub fn talk<D: Dialogue>(dialogue: &mut D, far: &mut dyn Bus, bad: &Bad) -> Talk<D::Output> {
    let mut now = Tick::ZERO;
    let mut baud = 300;
    let mut coming: VecDeque<Coming> = VecDeque::new();
    let (mut sent, mut tuned) = (Vec::new(), Vec::new());
    for _ in 0..MAX_STEPS {
        match dialogue.step(now) {
            Step::Done(output) => return Talk { output, sent, tuned, ended: now },
            Step::Send(bytes) => {
                let mut end = now;
                for byte in &bytes {
                    end += character(baud);
                    if bad.echo {
                        coming.push_back(Coming { at: end, byte: *byte, baud });
                    }
                    if bad.fixed || far.speed().is_none_or(|speed| speed == baud) {
                        far.hear(&[*byte], end);
                    }
                    answers(far, end, bad, &mut coming);
                }
                coming.make_contiguous().sort_by_key(|coming| coming.at);
                sent.push((now, bytes));
                dialogue.sent(end);
            }
            Step::Tune(framing) => {
                tuned.push((now, framing.baud));
                baud = if bad.fixed { baud } else { framing.baud };
                dialogue.tuned(!bad.fixed);
            }
            Step::Wait(until) => match coming.front() {
                Some(first) if first.at <= until => {
                    now = now.max(first.at);
                    let heard = bad.fixed || first.baud == baud;
                    dialogue.feed(&[if heard { first.byte } else { 0 }], now);
                    coming.pop_front();
                }
                _ => {
                    assert!(until > now, "waiting for the past would spin");
                    now = until;
                }
            },
            Step::Quarantine(until) => {
                assert!(until > now, "waiting for the past would spin");
                coming.retain(|coming| coming.at > until);
                now = until;
            }
        }
    }
    panic!("the conversation does not end");
}

fn answers(far: &mut dyn Bus, now: Tick, bad: &Bad, coming: &mut VecDeque<Coming>) {
    loop {
        let baud = far.speed().unwrap_or(300);
        let Some((start, bytes)) = far.next() else { return };
        let mut at = start.max(now);
        for byte in bytes {
            at += character(baud) + bad.pause;
            let odd = bad.parity && byte.count_ones() % 2 == 1;
            coming.push_back(Coming { at, byte: if odd { byte | 0x80 } else { byte }, baud });
        }
    }
}

/// A meter of mode C with the identification's speed and a value that grows with each answer.
pub fn meter(ident: &str) -> IecMeter {
    let profile = Profile::built_in("iec-generic").unwrap();
    let mut setup = IecSetup::new("47".parse().unwrap());
    setup.ident = IecSetup::identification(ident).unwrap();
    setup.energy = 123_456;
    setup.load_w = 0;
    setup.reaction = ms(u64::from(setup.ident.reaction_ms()));
    setup.passwords = [Some("00000000".to_owned()), None];
    IecMeter::usual(setup, &profile)
}

pub fn bus(ident: &str) -> IecBus {
    IecBus::new(vec![meter(ident)])
}

pub fn readout() -> Readout {
    Readout::new(Setup::default(), timing(), Retry::default())
}

pub fn access(password: &str) -> Option<Access> {
    Some(Access { level: 1, password: password.to_owned().into() })
}

pub fn order(address: &str) -> Order {
    Order::new(Kind::Ascii, address).unwrap()
}

pub fn reads(addresses: &[&str]) -> Read {
    let orders = addresses.iter().map(|address| order(address)).collect();
    Read::new(Setup::default(), access("00000000"), orders, timing(), Retry::default())
}
