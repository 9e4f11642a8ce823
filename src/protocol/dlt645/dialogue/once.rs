//! A command that changes something: sent once, never repeated by itself.

use super::super::frame::Frame;
use super::exchange::{Answer, Exchange, Question};
use super::{ExchangeError, Timing};
use crate::protocol::map_done;
use crate::protocol::{Dialogue, Step, Tick};

/// Characters of an answer sent twice. Answers to commands carry no identifier, so the second one
/// must be over before another command goes out.
const REPEATED: usize = 24;

#[derive(Debug)]
enum State {
    Asking(Box<Exchange>),
    Holding(Tick, Answer),
    /// No answer is due: only wait until the frame has left.
    Leaving(Option<Frame>),
    Left(Tick),
}

/// One command and its answer, with the line left quiet behind it.
#[derive(Debug)]
pub(super) struct Once {
    timing: Timing,
    late: std::time::Duration,
    state: State,
}

/// How a command ended: the answer's frame (`None` where none is due).
pub(super) type Ended = Result<Option<Frame>, ExchangeError>;

impl Once {
    pub fn new(question: Question, timing: Timing) -> Self {
        // Answers to commands carry no identifier: a late one would answer the next command.
        let late = question.quiet(&timing).max(timing.late);
        Self { timing, late, state: State::Asking(Box::new(Exchange::new(question, timing))) }
    }

    /// For a broadcast: nobody answers.
    pub fn unanswered(frame: Frame, timing: Timing) -> Self {
        Self { timing, late: timing.gap, state: State::Leaving(Some(frame)) }
    }
}

impl Dialogue for Once {
    type Output = Ended;

    fn step(&mut self, now: Tick) -> Step<Ended> {
        if let State::Asking(exchange) = &mut self.state {
            let step = exchange.step(now);
            let Step::Done(answer) = step else {
                // Not `Done`, so the result named here is never made.
                return map_done(step, |_| Err(ExchangeError::Form));
            };
            let quiet = match answer {
                Answer::Failed(_) => self.late,
                _ => self.timing.slack + self.timing.wire(REPEATED),
            };
            self.state = State::Holding(now + quiet, answer);
        }
        match &mut self.state {
            State::Leaving(frame) => match frame.take() {
                Some(frame) => Step::Send(frame.encode(self.timing.preamble)),
                None => Step::Wait(now + self.timing.gap),
            },
            State::Holding(until, _) | State::Left(until) if now < *until => {
                Step::Quarantine(*until)
            }
            State::Holding(_, answer) => Step::Done(match answer.clone() {
                Answer::Reply(frame) => Ok(Some(frame)),
                Answer::Refused(Some(word), _) => Err(ExchangeError::Refused(word)),
                Answer::Refused(None, _) => Err(ExchangeError::Form),
                Answer::Failed(error) => Err(error),
            }),
            State::Left(_) => Step::Done(Ok(None)),
            // Left above in every case.
            State::Asking(_) => Step::Wait(now + self.timing.gap),
        }
    }

    fn sent(&mut self, end: Tick) {
        match &mut self.state {
            State::Asking(exchange) => exchange.sent(end),
            State::Leaving(None) => self.state = State::Left(end + self.late),
            _ => {}
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let State::Asking(exchange) = &mut self.state {
            exchange.feed(bytes, now);
        }
    }
}
