//! A question that changes nothing, asked again with care.
//!
//! DL/T 645 answers carry no transaction number, so after any timeout or garble a late answer could
//! pass for the answer to the same question asked again. Hence: hold the line quiet, then ask
//! something of another shape; only when that has been answered, and after the time in which a late
//! answer may still turn up (it may overtake or be overtaken on a gateway), is the same question
//! asked again. A meter that is not there at all is given up without that last wait.

use super::super::frame::{Address, Frame};
use super::super::words::Edition;
use super::exchange::{Answer, Exchange, Question, Want, di_bytes, request};
use super::{ExchangeError, Retry, Timing};
use crate::protocol::{Dialogue, Step, Tick};

/// What to ask when the line is in doubt: address and number of the meter. Every 2007 meter has
/// them, also on its IR port before authentication.
const PROBES: [u32; 2] = [0x0400_0401, 0x0400_0402];
/// The same in 1997: meter number, and the energy that every meter has.
const PROBES_1997: [u32; 2] = [0xC032, 0x9010];
/// Refused probes needed to trust the line: a refusal carries no identifier, so a single one could
/// be the late answer.
const REFUSALS: u8 = 2;
/// Most data of a probe's answer: identifier and six bytes.
const PROBE_DATA: usize = 10;
/// Characters of a refusal sent twice, the second of which must not answer the next question.
const REPEATED: usize = 24;

#[derive(Debug)]
enum State {
    Asking(Exchange),
    Probing(Exchange),
    Holding(Tick, Next),
}

#[derive(Debug, Clone)]
enum Next {
    Probe,
    Ask,
    Finish(Answer),
}

/// A question with its retries.
#[derive(Debug)]
pub(super) struct Careful {
    timing: Timing,
    question: Question,
    tries_left: u8,
    probes: usize,
    refused_probes: u8,
    /// When the question last left; before the first time, when the conversation began.
    asked: Option<Tick>,
    state: State,
}

impl Careful {
    /// `doubtful`: the line had trouble just before, so probe first.
    pub fn new(question: Question, timing: Timing, retry: Retry, doubtful: bool) -> Self {
        let mut this = Self {
            timing,
            tries_left: retry.reads,
            probes: 0,
            refused_probes: 0,
            asked: None,
            state: State::Asking(Exchange::new(question.clone(), timing)),
            question,
        };
        if doubtful {
            this.probe();
        }
        this
    }

    /// Asks another question with the same retries left for each.
    pub fn ask(&mut self, question: Question, retry: Retry) {
        self.question = question;
        self.tries_left = retry.reads;
        self.state = State::Asking(Exchange::new(self.question.clone(), self.timing));
    }

    /// The next part of an answer: like [`Careful::ask`], but trouble is handed up at once (after
    /// the line was held), because only asking from the start again makes sense.
    pub fn ask_part(&mut self, question: Question) {
        self.ask(question, Retry::NONE);
    }

    /// The same, but not before `earliest`: where parts carry no number, an answer sent twice must
    /// not pass for the next one.
    pub fn ask_part_after(&mut self, question: Question, earliest: Tick) {
        self.ask_part(question);
        self.state = State::Holding(earliest, Next::Ask);
    }

    /// Begins the same question again after trouble with a part of its answer.
    pub fn again(&mut self, question: Question, retry: Retry) {
        self.question = question;
        self.tries_left = retry.reads;
        self.probe();
    }

    fn probe(&mut self) {
        let own = match self.question.want {
            Want::Di(di) | Want::Follow(di, _) => Some(di),
            Want::Function => None,
        };
        let edition = self.question.edition;
        let [first, second] = match edition {
            Edition::V2007 => PROBES,
            Edition::V1997 => PROBES_1997,
        };
        let turn = if self.probes.is_multiple_of(2) { first } else { second };
        let di = if own == Some(turn) { first ^ second ^ turn } else { turn };
        self.probes = self.probes.wrapping_add(1);
        let question = read_question(self.question.frame.address, edition, di, PROBE_DATA);
        self.state = State::Probing(Exchange::new(question, self.timing));
    }

    /// After a failed try: quiet first, then a probe, or the end.
    fn hold(&mut self, now: Tick, error: ExchangeError) {
        let quiet = now + self.question.quiet(&self.timing);
        let next = match self.tries_left.checked_sub(1) {
            Some(left) => {
                self.tries_left = left;
                Next::Probe
            }
            None => Next::Finish(Answer::Failed(error)),
        };
        self.state = State::Holding(quiet, next);
    }

    /// When a late answer to the question as it was last asked cannot come any more.
    fn past_late(&self, now: Tick) -> Tick {
        now.max(self.asked.unwrap_or(now) + self.timing.late)
    }

    fn probed(&mut self, now: Tick, answer: Answer) {
        match answer {
            Answer::Reply(_) => self.state = State::Holding(self.past_late(now), Next::Ask),
            Answer::Refused(..) => {
                self.refused_probes += 1;
                self.state = if self.refused_probes < REFUSALS {
                    State::Holding(now + self.question.quiet(&self.timing), Next::Probe)
                } else {
                    State::Holding(self.past_late(now), Next::Ask)
                };
            }
            Answer::Failed(error) => self.hold(now, error),
        }
    }
}

impl Dialogue for Careful {
    type Output = Answer;

    fn step(&mut self, now: Tick) -> Step<Answer> {
        self.asked.get_or_insert(now);
        loop {
            match &mut self.state {
                State::Asking(exchange) => match exchange.step(now) {
                    Step::Done(Answer::Failed(error)) => self.hold(now, error),
                    Step::Done(answer @ Answer::Refused(..)) => {
                        let quiet = now + self.timing.slack + self.timing.wire(REPEATED);
                        self.state = State::Holding(quiet, Next::Finish(answer));
                    }
                    other => return other,
                },
                State::Probing(exchange) => match exchange.step(now) {
                    Step::Done(answer) => self.probed(now, answer),
                    other => return other,
                },
                State::Holding(until, _) if now < *until => return Step::Quarantine(*until),
                State::Holding(_, next) => match next.clone() {
                    Next::Finish(answer) => return Step::Done(answer),
                    Next::Probe => self.probe(),
                    Next::Ask => {
                        self.refused_probes = 0;
                        let question = self.question.clone();
                        self.state = State::Asking(Exchange::new(question, self.timing));
                    }
                },
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        match &mut self.state {
            State::Asking(exchange) => {
                exchange.sent(end);
                self.asked = Some(end);
            }
            State::Probing(exchange) => exchange.sent(end),
            State::Holding(..) => {}
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let State::Asking(exchange) | State::Probing(exchange) = &mut self.state {
            exchange.feed(bytes, now);
        }
    }
}

/// A read of one identifier.
pub(super) fn read_question(
    address: Address,
    edition: Edition,
    di: u32,
    answer_data: usize,
) -> Question {
    let control = if edition == Edition::V1997 { 0x01 } else { 0x11 };
    let frame: Frame = request(address, control, di_bytes(edition, di));
    Question { edition, ..Question::new(frame, Want::Di(di), answer_data) }
}
