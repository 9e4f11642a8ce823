//! Questions and what answers them.
//!
//! By the standard an answer repeats the address, the identifier (in whichever order the meter
//! likes) and the serial number of its question; every question leaves under a new one, so that a
//! late answer to an earlier question is known as such. Of a meter that does not return the serial
//! number ([`Habits::no_serial`]) any is taken; then what tells a late answer is the quiet after
//! trouble, and a question of another shape before the same is asked again.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::data::{self, Reading, UnitOrder};
use super::frame::{self, Address, Frame, OVERHEAD};
use super::names::{ADDRESS, CURRENT, DiOrder, Kind, MONTH_COUNT, MONTHS, VALVE};
use crate::protocol::exchange::{Heard, Question, Refusal, Reply, Retry, Series, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick, map_done};

/// Wake-up bytes in front of a question.
const PREAMBLE: usize = 4;
/// Wake-up bytes allowed for in front of an answer.
const ANSWER_PREAMBLE: usize = 5;
/// Data bytes of the longest answer allowed for: a heat meter's 46, and some of a maker's own.
const ANSWER_DATA: usize = 64;
const READ: u8 = 0x01;
const READ_ADDRESS: u8 = 0x03;
const WRITE: u8 = 0x04;

/// Serial numbers of questions; clones share the sequence.
#[derive(Debug, Clone)]
pub struct Serials(Arc<AtomicU8>);

impl Serials {
    /// Begins at `first`.
    pub fn from(first: u8) -> Self {
        Self(Arc::new(AtomicU8::new(first)))
    }

    fn draw(&self) -> u8 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// How a meter likes its frames; `None`: find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Habits {
    /// Order of the identifier's bytes.
    pub di: Option<DiOrder>,
    /// Place of the unit bytes.
    pub units: Option<UnitOrder>,
    /// Answers do not repeat the serial number of their question.
    pub no_serial: bool,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Ask {
    address: Address,
    control: u8,
    di: u16,
    order: DiOrder,
    payload: Vec<u8>,
    serials: Serials,
    /// The serial number it last left under.
    serial: Cell<u8>,
    /// Answers need not repeat it.
    any_serial: bool,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who answered.
    pub address: Address,
    /// What follows the serial number.
    pub body: Vec<u8>,
}

/// What the valve is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Valve {
    /// 55H.
    Open,
    /// 99H.
    Close,
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Everything measured (901F).
    Current,
    /// A settled month: 1 is the last, 12 the oldest; others become the nearest.
    Month(u8),
}

impl Item {
    fn di(self) -> u16 {
        match self {
            Self::Current => CURRENT,
            Self::Month(month) => MONTHS + (u16::from(month).clamp(1, MONTH_COUNT) - 1),
        }
    }
}

impl Ask {
    fn new(address: Address, control: u8, di: u16, order: DiOrder, serials: &Serials) -> Self {
        let serials = serials.clone();
        let (payload, serial) = (Vec::new(), Cell::new(0));
        Self { address, control, di, order, payload, serials, serial, any_serial: false }
    }

    /// Reads one item.
    pub fn read(address: Address, item: Item, order: DiOrder, serials: &Serials) -> Self {
        Self::new(address, READ, item.di(), order, serials)
    }

    /// Reads the address of whoever hears it; the answer's own address says it.
    pub fn address(to: Address, order: DiOrder, serials: &Serials) -> Self {
        Self::new(to, READ_ADDRESS, ADDRESS, order, serials)
    }

    /// Whether an answer's data begin with what was asked for.
    fn is_asked(&self, frame: &Frame) -> bool {
        let orders = [DiOrder::LowFirst, DiOrder::HighFirst];
        frame.di().is_some_and(|di| orders.iter().any(|order| order.wire(self.di) == di))
    }

    /// The same, under the serial number of the question.
    fn is_mine(&self, frame: &Frame) -> bool {
        let serial = frame.ser();
        self.is_asked(frame) && serial.is_some_and(|serial| self.is_own(serial))
    }

    fn is_own(&self, serial: u8) -> bool {
        self.any_serial || serial == self.serial.get()
    }

    /// A refusal carries the serial number and a status, by some makers behind the identifier.
    fn refusal(&self, frame: &Frame) -> Option<Refusal> {
        let status = match frame.data.as_slice() {
            [] => &[],
            [serial, status @ ..] if self.is_own(*serial) && status.len() <= 2 => status,
            [_, _, _, status @ ..] if self.is_mine(frame) => status,
            _ => return None,
        };
        let code = status.iter().rev().fold(0_u16, |code, byte| code << 8 | u16::from(*byte));
        Some(Refusal { code, name: "refused" })
    }
}

impl Question for Ask {
    type Answer = Answer;

    fn bytes(&self) -> Vec<u8> {
        self.serial.set(self.serials.draw());
        let [first, second] = self.order.wire(self.di);
        let mut data = vec![first, second, self.serial.get()];
        data.extend_from_slice(&self.payload);
        Frame { address: self.address, control: self.control, data }.encode(PREAMBLE)
    }

    fn answer_len(&self) -> usize {
        ANSWER_PREAMBLE + OVERHEAD + ANSWER_DATA
    }

    fn listen(&self, heard: &[u8]) -> Heard<Answer> {
        let mut other = Heard::Nothing;
        for found in frame::heard(heard) {
            if let Some(missing) = found.begun(self.answer_len()) {
                other = Heard::Begun(missing);
            }
            let Ok(frame) = found.what else { continue };
            // Our echo and other questions; answers to other functions are late ones.
            if !frame.from_meter() || frame.function() != self.control {
                continue;
            }
            if !self.address.meets(frame.address) {
                other = Heard::Stranger(frame.address.to_string());
                continue;
            }
            if frame.is_refusal() {
                if let Some(refusal) = self.refusal(&frame) {
                    return Heard::Refused(refusal);
                }
            } else if self.is_mine(&frame) {
                let body = frame.data.get(3..).unwrap_or_default().to_vec();
                return Heard::Answer(Answer { address: frame.address, body });
            } else if self.is_asked(&frame) {
                // A late one, or of a meter that does not return serial numbers.
                other = Heard::Stranger(OTHER_SERIAL.to_owned());
            }
        }
        other
    }

    /// None where the serial number tells a late answer; else the address, for a late reading is no
    /// answer to that.
    fn probe(&self) -> Option<Self> {
        if !self.any_serial || self.control == READ_ADDRESS {
            return None;
        }
        let probe = Self::address(self.address, self.order, &self.serials);
        Some(Self { any_serial: true, ..probe })
    }
}

/// What is told of an answer under another serial number.
const OTHER_SERIAL: &str = "another serial number";

/// Asks in one order of the identifier, then in the other, until the meter answers.
#[derive(Debug)]
struct Turns {
    first: Ask,
    timing: Timing,
    /// Tries left after the current one.
    left: u8,
    /// Whether the other order is tried as well.
    both: bool,
    order: DiOrder,
    current: Series<Ask>,
    /// What went wrong before: a meter that only one order made speak is not silent.
    trouble: Option<Trouble>,
}

impl Turns {
    fn new(first: Ask, order: Option<DiOrder>, timing: Timing, retry: Retry) -> Self {
        let current = Series::new(vec![first.clone()], timing, Retry::NONE);
        let both = order.is_none();
        let tries = if both { 2 * retry.reads.min(60) + 1 } else { retry.reads };
        let order = order.unwrap_or(FIRST_ORDER);
        Self { first, timing, left: tries, both, order, current, trouble: None }
    }

    /// The next try; with both orders, in the other one.
    fn again(&mut self) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        if self.both {
            self.order = self.order.other();
            self.first.order = self.order;
        }
        let last = self.current.last_byte();
        let questions = vec![self.first.clone()];
        let next = Series::new(questions, self.timing, Retry::NONE).after(last);
        self.current = if self.first.any_serial { next.after_trouble() } else { next };
        true
    }
}

/// The order tried first: the one most frames in the references have.
const FIRST_ORDER: DiOrder = DiOrder::LowFirst;

impl Dialogue for Turns {
    type Output = Result<Reply<(DiOrder, Answer)>, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            let ended = match self.current.step(now) {
                Step::Done(ended) => ended,
                other => return map_done(other, |_| Err(Trouble::Silent)),
            };
            let ended = match ended.map(|replies| replies.into_iter().next()) {
                Ok(Some(Reply::Data(answer))) => Ok(Reply::Data((self.order, answer))),
                Ok(Some(Reply::Refused(refusal))) => {
                    // It may have been the order that was refused; asked once in the other.
                    if self.both && self.order == FIRST_ORDER && self.again() {
                        continue;
                    }
                    Ok(Reply::Refused(refusal))
                }
                Ok(None) => Err(Trouble::Silent),
                Err(trouble) => {
                    let trouble = match trouble {
                        Trouble::Stranger(who) if who == OTHER_SERIAL => {
                            Trouble::Form("an answer under another serial number")
                        }
                        trouble => trouble,
                    };
                    if trouble != Trouble::Silent || self.trouble.is_none() {
                        self.trouble = Some(trouble.clone());
                    }
                    if self.again() {
                        continue;
                    }
                    Err(self.trouble.take().unwrap_or(trouble))
                }
            };
            return Step::Done(ended);
        }
    }

    fn sent(&mut self, end: Tick) {
        self.current.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.current.feed(bytes, now);
    }
}

/// What was read, and how the meter likes to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who answered.
    pub address: Address,
    /// What it said.
    pub reading: Reading,
    /// What was learned, for the next time.
    pub habits: Habits,
}

/// Reads one item of a meter.
#[derive(Debug)]
pub struct Read {
    item: Item,
    habits: Habits,
    turns: Turns,
}

impl Read {
    /// Asks `address`, in the way the meter likes or, where that is not known, in both.
    pub fn new(
        address: Address,
        item: Item,
        habits: Habits,
        timing: Timing,
        retry: Retry,
        serials: &Serials,
    ) -> Self {
        let order = habits.di.unwrap_or(FIRST_ORDER);
        let mut first = Ask::read(address, item, order, serials);
        first.any_serial = habits.no_serial;
        Self { item, habits, turns: Turns::new(first, habits.di, timing, retry) }
    }

    fn told(item: Item, habits: Habits, di: DiOrder, answer: &Answer) -> Result<Told, Trouble> {
        let address = answer.address;
        let kind = Kind::of(address.kind);
        let reading = match item {
            Item::Current => data::current(kind, &answer.body, habits.units),
            Item::Month(_) => data::settled_month(kind, &answer.body, habits.units),
        };
        let reading = reading.ok_or(Trouble::Form("too short for a value"))?;
        let habits = Habits { di: Some(di), units: Some(reading.units), ..habits };
        Ok(Told { address, reading, habits })
    }
}

impl Dialogue for Read {
    type Output = Result<Reply<Told>, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        let (item, habits) = (self.item, self.habits);
        map_done(self.turns.step(now), |ended| match ended? {
            Reply::Data((order, answer)) => {
                Self::told(item, habits, order, &answer).map(Reply::Data)
            }
            Reply::Refused(refusal) => Ok(Reply::Refused(refusal)),
        })
    }

    fn sent(&mut self, end: Tick) {
        self.turns.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.turns.feed(bytes, now);
    }
}

/// Asks the only meter on the line for its address.
#[derive(Debug)]
pub struct FindAddress(Turns);

impl FindAddress {
    /// Asks meters of `kind`, AAH for any. Several meters answer on top of each other.
    pub fn new(kind: u8, timing: Timing, retry: Retry, serials: &Serials) -> Self {
        let to = Address { kind, ..Address::ANY };
        Self(Turns::new(Ask::address(to, FIRST_ORDER, serials), None, timing, retry))
    }
}

impl Dialogue for FindAddress {
    type Output = Result<Reply<Address>, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        map_done(self.0.step(now), |ended| match ended? {
            Reply::Data((_, answer)) => Ok(Reply::Data(answer.address)),
            Reply::Refused(refusal) => Ok(Reply::Refused(refusal)),
        })
    }

    fn sent(&mut self, end: Tick) {
        self.0.sent(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.0.feed(bytes, now);
    }
}

/// A valve must not be worked under a wildcard: every meter that hears it would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a valve is only worked at one meter's own address")]
pub struct WildcardValve;

/// Works the valve, once; whether it moved shows in the status read afterwards.
///
/// # Errors
/// [`WildcardValve`].
pub fn valve(
    address: Address,
    command: Valve,
    order: DiOrder,
    timing: Timing,
    serials: &Serials,
) -> Result<Series<Ask>, WildcardValve> {
    if address.is_wildcard() || address.kind == Address::ANY.kind {
        return Err(WildcardValve);
    }
    let code = match command {
        Valve::Open => 0x55,
        Valve::Close => 0x99,
    };
    let mut ask = Ask::new(address, WRITE, VALVE, order, serials);
    ask.payload = vec![code];
    Ok(Series::once(ask, timing))
}
