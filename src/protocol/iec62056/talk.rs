//! One session with a meter: sign-on, choice, change of speed, and what is asked then.
//!
//! ```text
//! Tune 300 -> [wake] -> /?! -> identification -> A, B: table
//!                                             -> C: choice -> Tune -> table
//!                                                                  -> P0, password, R.. or W, B0
//! trouble: quiet until late answers are past -> B0 -> Tune 300 -> B0 -> from the beginning
//! ```

mod answers;
mod turns;

use std::time::Duration;

use secrecy::ExposeSecret;

use super::ask::Setup;
use super::data::{self, DataSet};
use super::ear::{Deaf, Ear, REACTION_MAX};
use super::frame::{Ident, Mode, RATES, Telegram};
use super::look::{Got, Want, look, named};
use super::program::{Access, Order};
use crate::protocol::exchange::{Refusal, Reply, Retry, Timing, Trouble};
use crate::protocol::{Framing, Step, Tick};

/// Longest answer outside a table, and identification with our echo and noise around it, bytes.
const ANSWER_MAX: usize = 2048;
const IDENT_MAX: usize = 512;
/// NUL characters for 2.2 s at 300 baud, and the pause behind them (annex B: 2.1 to 2.3 s, 1.5 to
/// 1.7 s).
const WAKE: usize = 66;
const WAKE_PAUSE: Duration = Duration::from_millis(1600);
/// What a meter may need to come out of a session.
const BREAK_PAUSE: Duration = Duration::from_millis(300);
/// How long a line may take to become quiet after trouble.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// The same where a table may be under way at a speed we did not expect.
const TABLE_MAX: Duration = Duration::from_secs(180);
/// Bytes of all blocks of one value.
const BLOCKS_MAX: usize = 64 * 1024;

/// What a session is for.
#[derive(Debug)]
pub(super) enum Plan {
    /// The whole table.
    Table,
    /// Single values.
    Program(Work),
}

/// What to do in programming mode.
#[derive(Debug)]
pub(super) struct Work {
    pub access: Option<Access>,
    pub orders: Vec<Order>,
    /// Once, never again.
    pub write: Option<Order>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub ident: Option<Ident>,
    pub baud: u32,
    pub seed: Option<String>,
    pub sets: Vec<DataSet>,
    pub faults: Vec<&'static str>,
    pub damaged: Vec<String>,
    pub answers: Vec<Reply<Vec<DataSet>>>,
}

/// How a session ended.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    Done(Found),
    Refused(Refusal),
    Failed(Trouble),
}

/// A message of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Say {
    Wake,
    SignOn,
    Choose,
    Password,
    Read,
    /// The next block, please.
    More,
    /// The same again, please.
    Again,
    Write,
    Break,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// To the sign-on's speed, and from the beginning.
    Begin,
    /// The line has the sign-on's speed.
    Start,
    Say(Say),
    /// Listen for what answers this.
    Hear(Say),
    /// The line did not change its speed.
    Lost,
    /// A second break, at the sign-on's speed.
    BreakAgain,
    /// Another try, if nothing has ended it.
    Again,
    End,
}

#[derive(Debug)]
enum Phase {
    Tune(Then),
    Tuning(Then),
    Quiet(Tick, Then),
    /// Listening until nothing comes any more.
    Settle {
        quiet: Tick,
        hard: Tick,
    },
    Sending(Say),
    Leaving(Tick, Say),
    Listening(Say, Ear<Got>),
    Over,
}

/// A session.
#[derive(Debug)]
pub(super) struct Talk {
    setup: Setup,
    plan: Plan,
    timing: Timing,
    retry: Retry,
    tries_left: u8,
    /// Repetitions left of one message.
    repeats_left: u8,
    /// Speed of the line now.
    rate: u32,
    /// The line's speed can be changed.
    tunable: bool,
    /// Highest speed still tried, by its place in [`RATES`].
    most: usize,
    chosen: usize,
    /// The meter may be in a session.
    inside: bool,
    /// It is, and has said what it had to say by itself.
    opened: bool,
    /// The table may be coming at another speed.
    doubt: bool,
    /// The last message was a repetition: a nameless answer could be an older one.
    repeated: bool,
    /// Shortest time before this meter may be answered.
    reaction: Duration,
    /// What follows a break.
    next: Then,
    /// When our last message had left.
    left: Tick,
    write_left: bool,
    order: usize,
    /// Blocks of one value so far, and the last of them.
    blocks: String,
    block: String,
    found: Found,
    ended: Option<Ended>,
    phase: Phase,
}

/// Ten bits.
fn character(baud: u32) -> Duration {
    Duration::from_nanos(10_000_000_000 / u64::from(baud.max(1)))
}

impl Talk {
    pub fn new(setup: Setup, plan: Plan, timing: Timing, retry: Retry) -> Self {
        let most = RATES.iter().rposition(|rate| *rate <= setup.fastest).unwrap_or_default();
        Self {
            rate: setup.start,
            setup,
            plan,
            timing,
            tries_left: retry.reads,
            repeats_left: retry.reads,
            retry,
            tunable: true,
            most,
            chosen: 0,
            inside: false,
            opened: false,
            doubt: false,
            repeated: false,
            reaction: REACTION_MAX,
            next: Then::End,
            left: Tick::ZERO,
            write_left: false,
            order: 0,
            blocks: String::new(),
            block: String::new(),
            found: Found::default(),
            ended: None,
            phase: Phase::Tune(Then::Start),
        }
    }

    /// Whether the write may have reached the meter.
    pub fn write_left(&self) -> bool {
        self.write_left
    }

    fn timing(&self) -> Timing {
        Timing { character: character(self.rate), ..self.timing }
    }

    fn order(&self) -> Option<&Order> {
        match &self.plan {
            Plan::Program(work) => work.orders.get(self.order),
            Plan::Table => None,
        }
    }

    fn write(&self) -> Option<&Order> {
        match &self.plan {
            Plan::Program(work) => work.write.as_ref(),
            Plan::Table => None,
        }
    }

    /// Place of the sign-on's speed.
    fn base(&self) -> usize {
        RATES.iter().position(|rate| *rate == self.setup.start).unwrap_or_default()
    }

    fn bytes(&self, say: Say) -> Vec<u8> {
        let ordered = |letter: char, order: &Order| {
            let name = format!("{letter}{}", order.kind.digit());
            let data = format!("{}({})", order.address, order.operand);
            Telegram::command(&name, Some(data)).encode()
        };
        match say {
            Say::Wake => Telegram::Wake(WAKE).encode(),
            Say::SignOn => Telegram::SignOn(self.setup.address.to_string()).encode(),
            Say::Choose => {
                let rate = char::from_digit(u32::try_from(self.chosen).unwrap_or(0), 10);
                let mode = if matches!(self.plan, Plan::Table) { '0' } else { '1' };
                Telegram::Choice { protocol: '0', rate: rate.unwrap_or('0'), mode }.encode()
            }
            Say::Password => match &self.plan {
                Plan::Program(Work { access: Some(access), .. }) => {
                    let level = if access.level == 2 { "P2" } else { "P1" };
                    let data = format!("({})", access.password.expose_secret());
                    Telegram::command(level, Some(data)).encode()
                }
                _ => Vec::new(),
            },
            Say::Read => self.order().map(|order| ordered('R', order)).unwrap_or_default(),
            Say::Write => self.write().map(|order| ordered('W', order)).unwrap_or_default(),
            Say::More => Telegram::Ack.encode(),
            Say::Again => Telegram::Nak.encode(),
            Say::Break => Telegram::command("B0", None).encode(),
        }
    }

    /// What answers a message.
    fn want(&self, say: Say) -> Want {
        let table = matches!(self.plan, Plan::Table) || !self.choosing();
        match say {
            Say::SignOn | Say::Wake | Say::Break => Want::Ident,
            Say::Choose if table => Want::Data,
            Say::Choose => Want::Seed,
            Say::Password | Say::Write => Want::Word,
            Say::More => Want::Data,
            Say::Read | Say::Again => match self.order() {
                Some(order) if self.blocks.is_empty() => Want::Value(order.address.clone()),
                _ => Want::Data,
            },
        }
    }

    /// Whether the meter waits for a choice.
    fn choosing(&self) -> bool {
        self.found.ident.as_ref().is_none_or(|ident| matches!(ident.mode(), Mode::C(_)))
    }

    fn hear(&mut self, say: Say, before: Vec<u8>) {
        let table = say == Say::Choose && self.want(say) == Want::Data;
        let longest = match say {
            Say::SignOn => IDENT_MAX,
            _ if table => self.setup.longest,
            _ => ANSWER_MAX,
        };
        self.phase = Phase::Listening(say, Ear::new(self.timing(), self.left, longest, before));
    }

    /// Says something as soon as the meter may be answered.
    fn reply(&mut self, last: Tick, say: Say) {
        self.phase = Phase::Quiet(last + self.reaction, Then::Say(say));
    }

    /// The line goes to this speed and the meter is heard at it; `before` came already.
    fn hear_at(&mut self, baud: u32, before: Vec<u8>) {
        let changes = baud != self.rate;
        self.rate = baud;
        match changes && self.tunable {
            true => self.phase = Phase::Tune(Then::Hear(Say::Choose)),
            false => self.hear(Say::Choose, before),
        }
    }

    fn identified(&mut self, now: Tick, last: Tick, ident: Ident, rest: Vec<u8>) {
        let mode = ident.mode();
        self.reaction = Duration::from_millis(u64::from(ident.reaction_ms()));
        self.found.ident = Some(ident);
        let free = self.tunable || self.setup.head_follows;
        match mode {
            Mode::A => {
                self.left = now;
                self.hear(Say::Choose, rest);
            }
            Mode::B(baud) if free || baud == self.rate => {
                self.left = now;
                self.hear_at(baud, rest);
            }
            // It changes to a speed that we cannot follow it to.
            Mode::B(_) => self.failed(now, Trouble::Form("speed")),
            Mode::C(offered) => {
                self.chosen = if free { offered.min(self.most) } else { self.base() };
                self.reply(last, Say::Choose);
            }
        }
    }

    /// The session is open: what is next in it.
    fn proceed(&mut self, last: Tick) {
        self.repeats_left = self.retry.reads;
        self.repeated = false;
        (self.blocks, self.block) = (String::new(), String::new());
        if self.order().is_some() {
            self.reply(last, Say::Read);
        } else if self.write().is_some() {
            self.reply(last, Say::Write);
        } else {
            let found = self.done();
            self.finish(last, Ended::Done(found));
        }
    }

    fn done(&mut self) -> Found {
        Found { baud: self.rate, ..std::mem::take(&mut self.found) }
    }

    /// Ends the session in order.
    fn finish(&mut self, last: Tick, ended: Ended) {
        self.ended = Some(ended);
        self.next = Then::End;
        self.phase = Phase::Quiet(last + self.reaction, Then::Say(Say::Break));
    }
}
