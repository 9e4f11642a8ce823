//! One question asked once.

use super::{HEARD_MAX, Heard, Question, Reply, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick};
use std::time::Duration;

/// Characters that may stand in front of an answer's first useful one: wake-up bytes, noise.
const LEAD: usize = 8;
/// What an adapter or a slow meter may put between two characters on top of their own time: some
/// firmware waits 20 ms (`reference/other-meters.md` 2.2).
const DRIBBLE: Duration = Duration::from_millis(25);

#[derive(Debug)]
enum Phase<A> {
    /// Waiting for the line to have been quiet long enough.
    Fresh,
    Sending,
    Listening {
        /// Until when an answer must have begun.
        base: Tick,
        /// When it is over, whatever comes.
        hard: Tick,
    },
    Over(Result<Reply<A>, Trouble>),
}

/// A question asked once. Ends with the answer, or with what came instead; after trouble a late
/// answer may still come (see [`super::Series`]).
#[derive(Debug)]
pub struct Once<Q: Question> {
    question: Q,
    timing: Timing,
    phase: Phase<Q::Answer>,
    /// Not before this.
    earliest: Tick,
    heard: Vec<u8>,
    /// More came than anybody answers.
    babble: bool,
    last_byte: Option<Tick>,
    due: Option<Tick>,
    stranger: Option<String>,
}

impl<Q: Question> Once<Q> {
    /// Asks as soon as `earliest` has come.
    pub fn new(question: Q, timing: Timing, earliest: Tick) -> Self {
        Self {
            question,
            timing,
            phase: Phase::Fresh,
            earliest,
            heard: Vec::new(),
            babble: false,
            last_byte: None,
            due: None,
            stranger: None,
        }
    }

    /// The question.
    pub fn question(&self) -> &Q {
        &self.question
    }

    /// When the last character was heard.
    pub fn last_byte(&self) -> Option<Tick> {
        self.last_byte
    }

    /// Everything heard since the question left, up to [`HEARD_MAX`].
    pub fn heard(&self) -> &[u8] {
        &self.heard
    }

    fn sift(&mut self, now: Tick) {
        match self.question.listen(&self.heard) {
            Heard::Nothing => self.due = None,
            Heard::Begun(missing) => {
                // Set once a frame: later bytes do not buy it more time.
                if self.due.is_none() {
                    let each = self.timing.character + DRIBBLE;
                    let count = u32::try_from(missing).unwrap_or(u32::MAX);
                    let wire = each.saturating_mul(count);
                    self.due = Some(now + wire + self.timing.slack + self.timing.gap);
                }
            }
            Heard::Stranger(who) => {
                self.due = None;
                self.stranger = Some(who);
            }
            Heard::Answer(answer) => self.phase = Phase::Over(Ok(Reply::Data(answer))),
            Heard::Refused(refusal) => self.phase = Phase::Over(Ok(Reply::Refused(refusal))),
            Heard::Bad(trouble) => self.phase = Phase::Over(Err(trouble)),
        }
    }

    fn until(&self, base: Tick, hard: Tick) -> Tick {
        let due = match (self.due, self.last_byte) {
            (Some(due), Some(last)) => {
                due.min(last + self.timing.gap + self.timing.slack).max(base)
            }
            // Something came that is no answer: what follows it may be.
            (None, Some(last)) => base.max(last + self.timing.wire(LEAD)),
            _ => base,
        };
        due.min(hard)
    }

    fn failure(&self) -> Trouble {
        match &self.stranger {
            Some(who) => Trouble::Stranger(who.clone()),
            None if self.heard.is_empty() => Trouble::Silent,
            None => Trouble::Garbled,
        }
    }
}

impl<Q: Question> Dialogue for Once<Q> {
    type Output = Result<Reply<Q::Answer>, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        if let Phase::Listening { base, hard } = self.phase {
            let until = self.until(base, hard);
            if now < until && !self.babble {
                return Step::Wait(until);
            }
            self.phase = Phase::Over(Err(self.failure()));
        }
        match &self.phase {
            Phase::Fresh if now < self.earliest => Step::Quarantine(self.earliest),
            Phase::Fresh => {
                self.phase = Phase::Sending;
                Step::Send(self.question.bytes())
            }
            Phase::Over(ended) => Step::Done(ended.clone()),
            // A driver calls `sent` before it steps again.
            Phase::Sending | Phase::Listening { .. } => Step::Wait(now + self.timing.turnaround),
        }
    }

    fn sent(&mut self, end: Tick) {
        if !matches!(self.phase, Phase::Sending) {
            return;
        }
        let timing = &self.timing;
        let begin = end + self.question.turnaround(timing) + timing.slack;
        let base = begin + timing.wire(2);
        let length = u32::try_from(self.question.answer_len() + LEAD).unwrap_or(u32::MAX);
        let whole = (timing.character + DRIBBLE).saturating_mul(length);
        self.phase = Phase::Listening { base, hard: begin + whole + timing.gap };
        self.sift(end);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if bytes.is_empty() || !matches!(self.phase, Phase::Sending | Phase::Listening { .. }) {
            return;
        }
        let room = HEARD_MAX.saturating_sub(self.heard.len());
        self.heard.extend(bytes.iter().take(room));
        self.babble |= bytes.len() > room;
        self.last_byte = Some(now);
        // While sending it is looked at as soon as the driver says what was sent.
        if matches!(self.phase, Phase::Listening { .. }) {
            self.sift(now);
        }
    }
}
