//! Questions one after the other; the next leaves as soon as an answer is complete.

use super::careful::Careful;
use super::{Question, Reply, Retry, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick};

/// Asks questions in order, each retried with care. Ends with the first that stays unanswered.
#[derive(Debug)]
pub struct Series<Q: Question> {
    timing: Timing,
    retry: Retry,
    questions: std::vec::IntoIter<Q>,
    current: Option<Careful<Q>>,
    replies: Vec<Reply<Q::Answer>>,
    doubtful: bool,
    last_byte: Tick,
}

impl<Q: Question> Series<Q> {
    /// Asks `questions`, each up to `retry` times more. What changes a meter goes through
    /// [`Series::once`] instead.
    pub fn new(questions: Vec<Q>, timing: Timing, retry: Retry) -> Self {
        Self {
            timing,
            retry,
            questions: questions.into_iter(),
            current: None,
            replies: Vec::new(),
            doubtful: false,
            last_byte: Tick::ZERO,
        }
    }

    /// Asks one question and never again by itself. A timeout says nothing about whether a command
    /// was carried out: read back. The line is held until a late answer has passed.
    pub fn once(question: Q, timing: Timing) -> Self {
        Self::new(vec![question], timing, Retry::NONE)
    }

    /// The line had trouble just before: probe first.
    #[must_use]
    pub fn after_trouble(mut self) -> Self {
        self.doubtful = true;
        self
    }

    /// The line was last busy at `last_byte`: the first question keeps its distance.
    #[must_use]
    pub fn after(mut self, last_byte: Tick) -> Self {
        self.last_byte = last_byte;
        self
    }

    /// What has been answered so far; useful when it ended with trouble.
    pub fn so_far(&self) -> &[Reply<Q::Answer>] {
        &self.replies
    }

    /// When the last character was heard.
    pub fn last_byte(&self) -> Tick {
        self.current.as_ref().map_or(self.last_byte, Careful::last_byte)
    }
}

impl<Q: Question> Dialogue for Series<Q> {
    type Output = Result<Vec<Reply<Q::Answer>>, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(question) = self.questions.next() else {
                    return Step::Done(Ok(self.replies.clone()));
                };
                let doubtful = std::mem::take(&mut self.doubtful);
                let (timing, retry) = (self.timing, self.retry);
                let next = Careful::new(question, timing, retry, doubtful, self.last_byte);
                self.current = Some(next);
                continue;
            };
            let ended = match current.step(now) {
                Step::Done(ended) => ended,
                Step::Send(bytes) => return Step::Send(bytes),
                Step::Tune(framing) => return Step::Tune(framing),
                Step::Quarantine(until) => return Step::Quarantine(until),
                Step::Wait(until) => return Step::Wait(until),
            };
            self.last_byte = current.last_byte();
            self.current = None;
            match ended {
                Ok(reply) => self.replies.push(reply),
                Err(trouble) => return Step::Done(Err(trouble)),
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        if let Some(current) = &mut self.current {
            current.sent(end);
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let Some(current) = &mut self.current {
            current.feed(bytes, now);
        }
    }
}
