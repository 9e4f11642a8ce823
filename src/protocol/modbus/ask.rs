//! Questions and what answers them.
//!
//! RTU frames carry neither a length nor a number, and a line may add an echo of the question,
//! stray bytes, or the late answer to an earlier one. So an answer is told by all that is known of
//! it: unit, function, length, and whatever else of the request it repeats. What cannot be told
//! apart that way (the same registers asked again) is left to the care of
//! [`Series`]. TCP answers are told by their number alone.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use super::frame::{self, MAX_RTU, MBAP, Mbap, Unit};
use super::pdu::{EXCEPTION, MAX_READ, Request, Table, exception_name};
use super::plan::{Block, Want};
use super::write::{Guard, WriteError};
use crate::protocol::exchange::{Heard, Question, Refusal, Reply, Retry, Series, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick};

/// Transaction numbers of one TCP connection; clones share the sequence.
#[derive(Debug, Clone)]
pub struct Numbers(Arc<AtomicU16>);

impl Numbers {
    /// Begins at `first`. Whoever opens a connection anew chooses one that was not used just
    /// before.
    pub fn from(first: u16) -> Self {
        Self(Arc::new(AtomicU16::new(first)))
    }

    fn draw(&self) -> u16 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// How frames travel.
#[derive(Debug, Clone)]
pub enum Wire {
    /// RTU, on a serial line or through a server that passes bytes on.
    Rtu,
    /// Modbus TCP.
    Tcp(Numbers),
}

/// Who is asked, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// The unit.
    pub unit: Unit,
    /// The framing.
    pub wire: Wire,
}

impl Target {
    /// A unit on a serial line.
    pub fn rtu(unit: Unit) -> Self {
        Self { unit, wire: Wire::Rtu }
    }

    /// A unit behind a TCP connection.
    pub fn tcp(unit: Unit, numbers: &Numbers) -> Self {
        Self { unit, wire: Wire::Tcp(numbers.clone()) }
    }
}

/// A question. The answer is the registers' bytes of a read, else everything behind the function
/// code.
#[derive(Debug, Clone)]
pub struct Ask {
    target: Target,
    request: Request,
    /// The transaction number it last left under.
    number: Cell<u16>,
}

impl Ask {
    pub(super) fn new(target: &Target, request: Request) -> Self {
        Self { target: target.clone(), request, number: Cell::new(0) }
    }

    /// Reads `count` registers (1 to 125; others become the nearest).
    pub fn read(target: &Target, table: Table, start: u16, count: u16) -> Self {
        let count = count.clamp(1, MAX_READ);
        Self::new(target, Request::Read { table, start, count })
    }

    /// Any other function, whose good reply has `reply` bytes behind the function code. Nobody can
    /// know what a maker's own function does: where a meter keeps money, none is passed through.
    ///
    /// # Errors
    /// [`WriteError::Function`] for functions that write registers, and for a maker's own on a
    /// meter with money; [`WriteError::TooLong`].
    pub fn pass(
        target: &Target,
        function: u8,
        data: &[u8],
        reply: usize,
        guard: &Guard,
    ) -> Result<Self, WriteError> {
        guard.may_pass(target.unit, function, data)?;
        Ok(Self::new(target, Request::Raw { function, data: data.to_vec(), reply }))
    }

    /// The function asked.
    pub fn function(&self) -> u8 {
        self.request.function()
    }

    fn listen_rtu(&self, heard: &[u8]) -> Heard<Vec<u8>> {
        let own = frame::rtu(self.target.unit, &self.request.pdu());
        if matches!(self.request, Request::WriteOne { .. }) {
            return self.listen_twin(heard, &own);
        }
        if matches!(self.request, Request::WriteMany { .. })
            && heard.len() < own.len()
            && own.starts_with(heard)
        {
            // The reply repeats the head of the request: an echo under way must not pass for it.
            return if heard.is_empty() { Heard::Nothing } else { Heard::Begun(8) };
        }
        // The local echo; anything else in front is passed over by its shape.
        let begin = if heard.starts_with(&own) { own.len() } else { 0 };
        let mut stranger = None;
        for at in begin..heard.len() {
            let rest = heard.get(at..).unwrap_or_default();
            match self.look(rest) {
                // The earliest candidate decides: what looks like a frame inside it is data.
                Look::Short(missing) => return Heard::Begun(missing),
                Look::Reply(pdu) => return Heard::Answer(self.request.body(pdu)),
                Look::Exception(code) => return refused(code),
                Look::No => stranger = stranger.or_else(|| self.stranger(rest)),
            }
        }
        stranger.map_or(Heard::Nothing, |unit: Unit| Heard::Stranger(unit.to_string()))
    }

    /// The good reply to 06 is the request itself, and so is our echo: only the second counts.
    fn listen_twin(&self, heard: &[u8], own: &[u8]) -> Heard<Vec<u8>> {
        let mut seen = false;
        let mut at = 0;
        while let Some(rest) = heard.get(at..).filter(|rest| !rest.is_empty()) {
            match self.look(rest) {
                Look::Short(missing) => return Heard::Begun(missing),
                Look::Reply(pdu) if seen => return Heard::Answer(self.request.body(pdu)),
                Look::Reply(_) => {
                    seen = true;
                    at += own.len();
                }
                Look::Exception(code) => return refused(code),
                Look::No => at += 1,
            }
        }
        // An exception, the shortest that may follow.
        if seen { Heard::Begun(5) } else { Heard::Nothing }
    }

    /// What begins here, if it is an answer to this.
    fn look<'a>(&self, rest: &'a [u8]) -> Look<'a> {
        let Some(behind) = rest.strip_prefix(&[self.target.unit.0]) else { return Look::No };
        let head = self.request.reply_head();
        let len = if behind.iter().zip(&head).all(|(got, want)| got == want) {
            self.request.reply_len() + 3
        } else if behind.first() == Some(&(self.function() | EXCEPTION)) {
            5
        } else {
            return Look::No;
        };
        let Some(frame) = rest.get(..len) else { return Look::Short(len - rest.len()) };
        match frame::open_rtu(frame) {
            Some((_, [function, code])) if function & EXCEPTION != 0 => Look::Exception(*code),
            Some((_, pdu)) => Look::Reply(pdu),
            None => Look::No,
        }
    }

    /// Another unit that answers the same function here.
    fn stranger(&self, rest: &[u8]) -> Option<Unit> {
        let [unit, function, third, ..] = *rest else { return None };
        let own = unit == self.target.unit.0;
        if own || function & !EXCEPTION != self.function() {
            return None;
        }
        let len = match (&self.request, function & EXCEPTION) {
            (Request::Read { .. }, 0) => usize::from(third) + 5,
            (_, 0) => self.request.reply_len() + 3,
            _ => 5,
        };
        frame::open_rtu(rest.get(..len)?).map(|(unit, _)| unit)
    }

    fn listen_tcp(&self, heard: &[u8]) -> Heard<Vec<u8>> {
        let mut at = 0;
        while let Some(rest) = heard.get(at..).filter(|rest| !rest.is_empty()) {
            match frame::open_tcp(rest) {
                Mbap::Short(missing) => return Heard::Begun(missing),
                Mbap::No => at += 1,
                Mbap::Frame { transaction, unit, pdu, len } => {
                    // Our own question, from a server that echoes its line; where the good reply
                    // looks like it, it is one.
                    let echo =
                        matches!(self.request, Request::Read { .. } | Request::WriteMany { .. })
                            && pdu == self.request.pdu();
                    let own = transaction == self.number.get() && unit == self.target.unit;
                    if own && !echo {
                        return self.judge(pdu);
                    }
                    // That, or a late answer to an earlier number: passed over.
                    at += len;
                }
            }
        }
        Heard::Nothing
    }

    fn judge(&self, pdu: &[u8]) -> Heard<Vec<u8>> {
        let head = self.request.reply_head();
        match pdu {
            [function, code] if *function == self.function() | EXCEPTION => refused(*code),
            _ if pdu.len() == self.request.reply_len() && pdu.starts_with(&head) => {
                Heard::Answer(self.request.body(pdu))
            }
            _ => Heard::Bad(Trouble::Form("modbus reply does not fit its request")),
        }
    }
}

/// What begins at one place of what was heard.
enum Look<'a> {
    No,
    Short(usize),
    Reply(&'a [u8]),
    Exception(u8),
}

fn refused<A>(code: u8) -> Heard<A> {
    Heard::Refused(Refusal { code: u16::from(code), name: exception_name(code) })
}

impl Question for Ask {
    type Answer = Vec<u8>;

    fn bytes(&self) -> Vec<u8> {
        let pdu = self.request.pdu();
        match &self.target.wire {
            Wire::Rtu => frame::rtu(self.target.unit, &pdu),
            Wire::Tcp(numbers) => {
                self.number.set(numbers.draw());
                frame::tcp(self.number.get(), self.target.unit, &pdu)
            }
        }
    }

    fn answer_len(&self) -> usize {
        let around = if matches!(self.target.wire, Wire::Rtu) { 3 } else { MBAP };
        (self.request.reply_len() + around).min(MAX_RTU + MBAP)
    }

    fn listen(&self, heard: &[u8]) -> Heard<Vec<u8>> {
        match self.target.wire {
            Wire::Rtu => self.listen_rtu(heard),
            Wire::Tcp(_) => self.listen_tcp(heard),
        }
    }

    /// The same place with another number of registers: a reply's length tells it apart.
    fn probe(&self) -> Option<Self> {
        let (table, start, count) = match &self.request {
            Request::Read { table, start, count } => (*table, *start, *count),
            Request::WriteOne { register, .. } => (Table::Holding, *register, 0),
            Request::WriteMany { start, .. } => (Table::Holding, *start, 0),
            Request::Raw { .. } => return None,
        };
        let other = if count == 1 { 2 } else { 1 };
        Some(Self::read(&self.target, table, start, other))
    }
}

/// Reads what is wanted, in the blocks of a plan. Where a meter refuses a merged block, because of
/// a gap it does not serve, its wants are read one by one.
#[derive(Debug)]
pub struct ReadRegisters {
    target: Target,
    timing: Timing,
    retry: Retry,
    wants: Vec<Want>,
    /// Still to be read, last first.
    blocks: Vec<Block>,
    current: Option<(Block, Series<Ask>)>,
    replies: Vec<Option<Reply<Vec<u8>>>>,
    doubtful: bool,
    last_byte: Tick,
}

/// Reads `wants` in `blocks` (see [`super::plan::plan`]).
pub fn read(
    target: &Target,
    wants: &[Want],
    blocks: Vec<Block>,
    timing: Timing,
    retry: Retry,
) -> ReadRegisters {
    let mut blocks = blocks;
    blocks.reverse();
    ReadRegisters {
        target: target.clone(),
        timing,
        retry,
        wants: wants.to_vec(),
        blocks,
        current: None,
        replies: vec![None; wants.len()],
        doubtful: false,
        last_byte: Tick::ZERO,
    }
}

impl ReadRegisters {
    /// The line had trouble just before: probe first.
    #[must_use]
    pub fn after_trouble(mut self) -> Self {
        self.doubtful = true;
        self
    }

    /// The line was last busy at `last_byte`.
    #[must_use]
    pub fn after(mut self, last_byte: Tick) -> Self {
        self.last_byte = last_byte;
        self
    }

    /// What has been answered so far, in the order of the wants; useful when it ended with
    /// trouble.
    pub fn so_far(&self) -> &[Option<Reply<Vec<u8>>>] {
        &self.replies
    }

    /// When the last character was heard.
    pub fn last_byte(&self) -> Tick {
        self.current.as_ref().map_or(self.last_byte, |(_, series)| series.last_byte())
    }

    fn begin(&self, block: &Block) -> Series<Ask> {
        let ask = Ask::read(&self.target, block.table, block.start, block.count);
        let series = Series::new(vec![ask], self.timing, self.retry).after(self.last_byte);
        if self.doubtful { series.after_trouble() } else { series }
    }

    fn take(&mut self, block: Block, reply: Reply<Vec<u8>>) {
        let split = matches!(&reply, Reply::Refused(_)) && block.wants.len() > 1;
        for &want in block.wants.iter().rev() {
            let Some(place) = self.wants.get(want).copied() else { continue };
            if split {
                self.blocks.push(Block::of(want, place));
                continue;
            }
            let part = match &reply {
                Reply::Refused(refusal) => Some(Reply::Refused(*refusal)),
                Reply::Data(data) => block.part(place, data).map(|d| Reply::Data(d.to_vec())),
            };
            if let Some(slot) = self.replies.get_mut(want) {
                *slot = part;
            }
        }
    }
}

impl Dialogue for ReadRegisters {
    /// One reply a want, in their order; `None` for a want no block holds.
    type Output = Result<Vec<Option<Reply<Vec<u8>>>>, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            let Some((block, mut series)) = self.current.take() else {
                let Some(block) = self.blocks.pop() else {
                    return Step::Done(Ok(self.replies.clone()));
                };
                let series = self.begin(&block);
                self.doubtful = false;
                self.current = Some((block, series));
                continue;
            };
            let ended = match series.step(now) {
                Step::Done(ended) => ended,
                step => {
                    self.current = Some((block, series));
                    // Not `Done`, so the result named here is never made.
                    return crate::protocol::map_done(step, |_| Err(Trouble::Endless));
                }
            };
            self.last_byte = series.last_byte();
            match ended {
                Ok(replies) => {
                    replies.into_iter().take(1).for_each(|reply| self.take(block.clone(), reply));
                }
                Err(trouble) => {
                    self.blocks.clear();
                    return Step::Done(Err(trouble));
                }
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        if let Some((_, series)) = &mut self.current {
            series.sent(end);
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let Some((_, series)) = &mut self.current {
            series.feed(bytes, now);
        }
    }
}
