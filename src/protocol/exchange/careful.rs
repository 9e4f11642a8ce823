//! A question that changes nothing, asked again with care.

use super::{Once, Question, Reply, Retry, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick};

/// Refused probes needed to trust the line: a refusal seldom says to what, so a single one could be
/// the late answer.
const REFUSALS: u8 = 2;

type Ended<A> = Result<Reply<A>, Trouble>;

#[derive(Debug)]
enum State<Q: Question> {
    Asking(Once<Q>),
    Probing(Once<Q>),
    Holding(Tick, Next<Q::Answer>),
}

#[derive(Debug, Clone)]
enum Next<A> {
    Probe,
    Ask,
    Finish(Ended<A>),
}

/// A question with its retries.
#[derive(Debug)]
pub(super) struct Careful<Q: Question> {
    timing: Timing,
    question: Q,
    tries_left: u8,
    refused_probes: u8,
    /// When the question last left; before the first time, when the conversation began.
    asked: Option<Tick>,
    /// When the last character was heard.
    last_byte: Tick,
    state: State<Q>,
}

impl<Q: Question> Careful<Q> {
    /// `doubtful`: the line had trouble just before, so probe first. `last_byte`: when the line was
    /// last busy.
    pub fn new(question: Q, timing: Timing, retry: Retry, doubtful: bool, last_byte: Tick) -> Self {
        let first = Once::new(question.clone(), timing, last_byte + timing.silence);
        let mut this = Self {
            timing,
            tries_left: retry.reads,
            refused_probes: 0,
            asked: None,
            last_byte,
            state: State::Asking(first),
            question,
        };
        if doubtful {
            this.state = State::Holding(Tick::ZERO, Next::Probe);
        }
        this
    }

    /// When the last character was heard.
    pub fn last_byte(&self) -> Tick {
        match &self.state {
            State::Asking(once) | State::Probing(once) => {
                once.last_byte().unwrap_or(self.last_byte)
            }
            State::Holding(..) => self.last_byte,
        }
    }

    /// How long an answer that has just begun may still be on the wire.
    fn quiet(&self, now: Tick) -> Tick {
        let timing = &self.timing;
        let wire = timing.wire(self.question.answer_len());
        now + self.question.turnaround(timing) + timing.slack + wire
    }

    /// When a late answer to the question as it was last asked cannot come any more.
    fn past_late(&self, now: Tick) -> Tick {
        now.max(self.asked.unwrap_or(now) + self.timing.late)
    }

    /// After a failed try: quiet first, then a probe, or the end.
    fn hold(&mut self, now: Tick, trouble: Trouble) {
        self.last_byte = self.last_byte();
        let next = match self.tries_left.checked_sub(1) {
            Some(left) => {
                self.tries_left = left;
                Next::Probe
            }
            None => Next::Finish(Err(trouble)),
        };
        self.state = State::Holding(self.quiet(now), next);
    }

    fn probed(&mut self, now: Tick, ended: Ended<Q::Answer>) {
        self.last_byte = self.last_byte();
        match ended {
            Ok(Reply::Data(_)) => self.state = State::Holding(self.past_late(now), Next::Ask),
            Ok(Reply::Refused(_)) => {
                self.refused_probes += 1;
                self.state = if self.refused_probes < REFUSALS {
                    State::Holding(self.quiet(now), Next::Probe)
                } else {
                    State::Holding(self.past_late(now), Next::Ask)
                };
            }
            Err(trouble) => self.hold(now, trouble),
        }
    }

    fn once(&self, question: Q) -> Once<Q> {
        Once::new(question, self.timing, self.last_byte + self.timing.silence)
    }
}

impl<Q: Question> Dialogue for Careful<Q> {
    type Output = Ended<Q::Answer>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        self.asked.get_or_insert(now);
        loop {
            match &mut self.state {
                State::Asking(once) => match once.step(now) {
                    Step::Done(Err(trouble)) => self.hold(now, trouble),
                    other => return other,
                },
                State::Probing(once) => match once.step(now) {
                    Step::Done(ended) => self.probed(now, ended),
                    other => return other,
                },
                State::Holding(until, _) if now < *until => return Step::Quarantine(*until),
                State::Holding(_, next) => match next.clone() {
                    Next::Finish(ended) => return Step::Done(ended),
                    Next::Probe => match self.question.probe() {
                        Some(probe) => self.state = State::Probing(self.once(probe)),
                        None => self.state = State::Holding(self.past_late(now), Next::Ask),
                    },
                    Next::Ask => {
                        self.refused_probes = 0;
                        self.state = State::Asking(self.once(self.question.clone()));
                    }
                },
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        match &mut self.state {
            State::Asking(once) => {
                once.sent(end);
                self.asked = Some(end);
            }
            State::Probing(once) => once.sent(end),
            State::Holding(..) => {}
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let State::Asking(once) | State::Probing(once) = &mut self.state {
            once.feed(bytes, now);
        }
    }
}
