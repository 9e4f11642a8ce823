//! Questions, and the reading of one meter.
//!
//! Answers carry next to nothing: `E5` says neither who nor to what. So a reading goes in a fixed
//! order (reset or select, then the data, then what follows), each step has an answer of another
//! shape than the one before, and after any trouble the line is held until no late answer can come
//! any more; then everything begins anew.

use super::frame::{
    self, Address, CI_SELECT, Frame, Mask, REQ_UD2, RSP_UD, SELECTED, SND_NKE, SND_UD, toggled,
};
use super::telegram::{CI_ERROR, Telegram};
use crate::protocol::exchange::{Heard, Once, Question, Refusal, Reply, Retry, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick, map_done};

/// Telegrams of one meter that are read; heat meters with history have up to ten.
const MAX_TELEGRAMS: usize = 16;
/// Characters of the longest telegram.
const LONGEST: usize = 261;
/// Stray bytes that may stand before an `E5`; more is a collision.
const STRAY_BEFORE_ACK: usize = 1;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Forget the toggling bit; deselect. The meter acknowledges.
    Reset(u8),
    /// Whoever this fits, be selected. The meter acknowledges; several do so at once.
    Select(Mask),
    /// Send your data.
    Data {
        /// Primary address, or that of the selected meter.
        address: u8,
        /// The toggling bit: unchanged, the last telegram comes again.
        bit: bool,
        /// Whose data they must be.
        of: Option<Mask>,
    },
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `E5`.
    Ack,
    /// Data.
    Telegram(Box<Telegram>),
}

impl Ask {
    fn frame(&self) -> Frame {
        match self {
            Self::Reset(address) => Frame::Short { c: SND_NKE, a: *address },
            Self::Select(mask) => {
                let data = mask.0.to_vec();
                let c = toggled(SND_UD, true);
                Frame::Long { c, a: SELECTED, ci: CI_SELECT, data }
            }
            Self::Data { address, bit, .. } => {
                Frame::Short { c: toggled(REQ_UD2, *bit), a: *address }
            }
        }
    }

    /// `E5` and nothing else worth speaking of.
    fn listen_ack(&self, heard: &[u8]) -> Heard<Answer> {
        let own = self.frame().encode();
        let rest = heard.strip_prefix(own.as_slice()).unwrap_or(heard);
        if own.starts_with(rest) {
            // Nothing yet, or our echo under way.
            return if rest.is_empty() { Heard::Nothing } else { Heard::Begun(1) };
        }
        match rest {
            [before @ .., 0xE5] if before.len() <= STRAY_BEFORE_ACK => Heard::Answer(Answer::Ack),
            _ => Heard::Nothing,
        }
    }

    fn listen_data(heard: &[u8], address: u8, of: Option<Mask>) -> Heard<Answer> {
        let mut other = Heard::Nothing;
        for found in frame::heard(heard) {
            if let Some(missing) = found.begun(LONGEST) {
                other = Heard::Begun(missing);
            }
            let Ok(Frame::Long { c, a, ci, data }) = found.what else { continue };
            // Flags: more urgent data, no room.
            if c & !0x30 != RSP_UD {
                continue;
            }
            if address != SELECTED && a != address {
                other = Heard::Stranger(a.to_string());
                continue;
            }
            if ci == CI_ERROR {
                let code = data.first().copied().unwrap_or_default();
                let name = error_name(code);
                return Heard::Refused(Refusal { code: code.into(), name });
            }
            let telegram = Telegram::read(a, ci, &data);
            match (of, &telegram.header) {
                (Some(mask), Some(header)) if !mask.meets(&header.wire) => {
                    other = Heard::Stranger(header.id());
                }
                _ => return Heard::Answer(Answer::Telegram(Box::new(telegram))),
            }
        }
        other
    }
}

fn error_name(code: u8) -> &'static str {
    match code {
        1 => "buffer_too_long",
        2 => "too_many_records",
        3 => "record_end_missing",
        4 => "too_many_extensions",
        5 => "too_many_readouts",
        8 => "busy",
        9 => "too_many_calls",
        _ => "unspecified",
    }
}

impl Question for Ask {
    type Answer = Answer;

    fn bytes(&self) -> Vec<u8> {
        self.frame().encode()
    }

    fn answer_len(&self) -> usize {
        match self {
            Self::Reset(_) | Self::Select(_) => self.bytes().len() + 2,
            Self::Data { .. } => LONGEST,
        }
    }

    fn listen(&self, heard: &[u8]) -> Heard<Answer> {
        match self {
            Self::Reset(_) | Self::Select(_) => self.listen_ack(heard),
            Self::Data { address, of, .. } => Self::listen_data(heard, *address, *of),
        }
    }

    /// None: keeping quiet until late answers are past is all that can be done.
    fn probe(&self) -> Option<Self> {
        None
    }
}

/// What a meter sent, its telegrams put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// In the order sent; never empty.
    pub telegrams: Vec<Telegram>,
}

impl Reading {
    /// The data record of that number, counted from 0 over all telegrams.
    pub fn record(&self, number: u16) -> Option<&super::telegram::Record> {
        self.telegrams.iter().flat_map(|telegram| &telegram.records).nth(usize::from(number))
    }
}

#[derive(Debug)]
enum State {
    Asking(Once<Ask>),
    /// Quiet until then, then everything again, or the end.
    Holding(Tick, Option<Trouble>),
}

/// Reads one meter: all its telegrams.
#[derive(Debug)]
pub struct Read {
    address: Address,
    timing: Timing,
    tries_left: u8,
    telegrams: Vec<Telegram>,
    bit: bool,
    asked: Tick,
    last_byte: Tick,
    state: State,
}

impl Read {
    /// Asks the meter at `address`; a secondary one is selected first.
    pub fn new(address: Address, timing: Timing, retry: Retry) -> Self {
        Self {
            address,
            timing,
            tries_left: retry.reads,
            telegrams: Vec::new(),
            bit: true,
            asked: Tick::ZERO,
            last_byte: Tick::ZERO,
            state: State::Asking(Once::new(first(address), timing, Tick::ZERO)),
        }
    }

    fn ask(&mut self, question: Ask) {
        let earliest = self.last_byte + self.timing.silence;
        self.state = State::Asking(Once::new(question, self.timing, earliest));
    }

    fn ask_data(&mut self) {
        let (address, of) = match self.address {
            Address::Primary(address) => (address, None),
            Address::Secondary(mask) => (SELECTED, Some(mask)),
        };
        let bit = self.bit;
        self.ask(Ask::Data { address, bit, of });
    }

    /// After an answer, or none. What it gives is the end of the reading.
    fn ended(
        &mut self,
        now: Tick,
        was_reset: bool,
        ended: Result<Reply<Answer>, Trouble>,
    ) -> Option<Result<Reply<Reading>, Trouble>> {
        match ended {
            // Some meters do not acknowledge a reset; the data show whether there is one.
            Err(Trouble::Silent) if was_reset => self.ask_data(),
            Err(trouble) => self.hold(now, trouble),
            Ok(Reply::Refused(refusal)) => return Some(Ok(Reply::Refused(refusal))),
            Ok(Reply::Data(Answer::Ack)) => self.ask_data(),
            Ok(Reply::Data(Answer::Telegram(telegram))) => {
                let more = telegram.more_follows;
                self.telegrams.push(*telegram);
                if !more {
                    let telegrams = std::mem::take(&mut self.telegrams);
                    return Some(Ok(Reply::Data(Reading { telegrams })));
                }
                if self.telegrams.len() >= MAX_TELEGRAMS {
                    return Some(Err(Trouble::Endless));
                }
                self.bit = !self.bit;
                self.ask_data();
            }
        }
        None
    }

    /// Quiet until no answer to the last question can come any more.
    fn hold(&mut self, now: Tick, trouble: Trouble) {
        let timing = &self.timing;
        let on_the_wire = now + timing.turnaround + timing.slack + timing.wire(LONGEST);
        match self.tries_left.checked_sub(1) {
            Some(left) => {
                self.tries_left = left;
                let late = self.asked + timing.late;
                self.state = State::Holding(on_the_wire.max(late), None);
            }
            None => self.state = State::Holding(on_the_wire, Some(trouble)),
        }
    }
}

fn first(address: Address) -> Ask {
    match address {
        Address::Primary(address) => Ask::Reset(address),
        Address::Secondary(mask) => Ask::Select(mask),
    }
}

impl Dialogue for Read {
    type Output = Result<Reply<Reading>, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            match &mut self.state {
                State::Asking(once) => {
                    let ended = match once.step(now) {
                        Step::Done(ended) => ended,
                        other => return map_done(other, |_| Err(Trouble::Silent)),
                    };
                    let was_reset = matches!(once.question(), Ask::Reset(_));
                    self.last_byte = once.last_byte().unwrap_or(self.last_byte);
                    if let Some(ended) = self.ended(now, was_reset, ended) {
                        return Step::Done(ended);
                    }
                }
                State::Holding(until, _) if now < *until => return Step::Quarantine(*until),
                State::Holding(_, Some(trouble)) => return Step::Done(Err(trouble.clone())),
                State::Holding(_, None) => {
                    self.telegrams.clear();
                    self.bit = true;
                    self.ask(first(self.address));
                }
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        if let State::Asking(once) = &mut self.state {
            once.sent(end);
            self.asked = end;
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let State::Asking(once) = &mut self.state {
            once.feed(bytes, now);
        }
    }
}
