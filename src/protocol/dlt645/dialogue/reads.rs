//! Reading items.

use super::super::frame::{Address, Frame};
use super::super::items;
use super::super::words::{Edition, ErrorWord};
use super::careful::{Careful, read_question};
use super::exchange::{Answer, Question, Want, di_bytes, follow_up_body, request, split_di};
use super::{ExchangeError, PREAMBLE, Retry, Timing};
use crate::protocol::map_done;
use crate::protocol::{Dialogue, Step, Tick};

/// Most follow-up frames of one item. The longest block a 2007 meter sends (a load profile) has
/// fewer; the sequence number is one byte.
pub const MOST_FOLLOW_UPS: u8 = 64;
/// Data bytes to allow for in the answer to an unknown item (the standard's limit for reads).
const UNKNOWN_DATA: usize = 200;

/// What a meter said to one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The item's bytes in wire order, identifier taken off, follow-ups joined.
    Data(Vec<u8>),
    /// It refused; the line is in order.
    Refused(ErrorWord),
}

/// Reads items one after the other. The next question leaves as soon as an answer is complete.
#[derive(Debug)]
pub struct ReadItems {
    address: Address,
    edition: Edition,
    items: std::vec::IntoIter<u32>,
    /// What follows each identifier in its first question.
    tail: Vec<u8>,
    retry: Retry,
    timing: Timing,
    current: Option<(u32, Careful)>,
    /// Data so far, and the last sequence number asked for.
    partial: Option<(Vec<u8>, u8)>,
    restarts: u8,
    replies: Vec<(u32, Reply)>,
    answered_by: Option<Address>,
    doubtful: bool,
}

impl ReadItems {
    /// Reads `items` from a meter of 2007 at `address`, each retried as `retry` says.
    pub fn new(address: Address, items: Vec<u32>, timing: Timing, retry: Retry) -> Self {
        Self::of(Edition::V2007, address, items, timing, retry)
    }

    /// The same by either edition; identifiers of 1997 have four digits.
    pub fn of(
        edition: Edition,
        address: Address,
        items: Vec<u32>,
        timing: Timing,
        retry: Retry,
    ) -> Self {
        Self {
            address,
            edition,
            items: items.into_iter(),
            tail: Vec::new(),
            retry,
            timing,
            current: None,
            partial: None,
            restarts: 0,
            replies: Vec::new(),
            answered_by: None,
            doubtful: false,
        }
    }

    /// The line had trouble just before (a timeout of another dialogue): ask something of another
    /// shape first, so that a late answer is not taken for one of these.
    #[must_use]
    pub fn after_trouble(mut self) -> Self {
        self.doubtful = true;
        self
    }

    /// Each identifier is followed by these bytes when it is asked for: how many load records, and
    /// from when.
    #[must_use]
    pub fn with(mut self, tail: Vec<u8>) -> Self {
        self.tail = tail;
        self
    }

    /// What has been read so far; useful when the dialogue ended with an error.
    pub fn so_far(&self) -> &[(u32, Reply)] {
        &self.replies
    }

    /// The address field of the last answer: the meter's own, also to a wildcard question.
    pub fn answered_by(&self) -> Option<Address> {
        self.answered_by
    }

    fn question(&self, di: u32) -> Question {
        let data = 4 + items::expected_len(self.edition, di);
        let mut question = read_question(self.address, self.edition, di, data);
        question.frame.data.extend(&self.tail);
        question
    }

    fn begin(&mut self) -> bool {
        let Some(di) = self.items.next() else {
            return false;
        };
        self.partial = None;
        self.restarts = self.retry.reads;
        let doubtful = std::mem::take(&mut self.doubtful);
        let careful = Careful::new(self.question(di), self.timing, self.retry, doubtful);
        self.current = Some((di, careful));
        true
    }

    /// Takes an answer in. `Some` ends the dialogue.
    fn take(
        &mut self,
        di: u32,
        mut careful: Careful,
        answer: Answer,
        now: Tick,
    ) -> Option<ExchangeError> {
        let frame = match answer {
            Answer::Reply(frame) => frame,
            // A refusal in the middle of an answer leaves nothing complete.
            Answer::Refused(Some(word), _) => {
                self.replies.push((di, Reply::Refused(word)));
                return None;
            }
            Answer::Refused(None, _) => return Some(ExchangeError::Form),
            Answer::Failed(error) => return self.restart(di, careful, error),
        };
        self.answered_by = Some(frame.address);
        let more = frame.more_follows();
        let (mut data, asked) = self.partial.take().unwrap_or_default();
        match part(self.edition, &frame, asked) {
            Some(body) => data.extend(body),
            None => return Some(ExchangeError::Form),
        }
        if !more && asked > 0 && !self.is_whole(di, &data) {
            self.partial = Some((data, asked));
            return self.restart(di, careful, ExchangeError::Form);
        }
        if !more {
            self.replies.push((di, Reply::Data(data)));
            return None;
        }
        let seq = asked + 1;
        if seq > MOST_FOLLOW_UPS {
            return Some(ExchangeError::Endless);
        }
        self.partial = Some((data, seq));
        let mut data = di_bytes(self.edition, di);
        match self.edition {
            Edition::V2007 => {
                data.push(seq);
                let frame = request(self.address, 0x12, data);
                careful.ask_part(Question::new(frame, Want::Follow(di, seq), UNKNOWN_DATA));
            }
            // No number here: wait until the same part sent twice would be over.
            Edition::V1997 => {
                let again = frame.wire_len(PREAMBLE);
                let question = request(self.address, 0x02, data);
                let question = Question::v1997(question, Want::Di(di), UNKNOWN_DATA);
                let earliest = now + self.timing.slack + self.timing.wire(again);
                careful.ask_part_after(question, earliest);
            }
        }
        self.current = Some((di, careful));
        None
    }

    /// Whether an answer in parts has a length its item can have. Parts of 1997 carry no number:
    /// one taken twice shows here if at all.
    fn is_whole(&self, di: u32, data: &[u8]) -> bool {
        self.edition == Edition::V2007 || items::can_be_1997(di, data)
    }

    /// A part was lost: begin the item again, after a probe, while tries are left.
    fn restart(
        &mut self,
        di: u32,
        mut careful: Careful,
        error: ExchangeError,
    ) -> Option<ExchangeError> {
        let Some(left) = self.restarts.checked_sub(1).filter(|_| self.partial.is_some()) else {
            return Some(error);
        };
        self.restarts = left;
        self.partial = None;
        careful.again(self.question(di), Retry { reads: left });
        self.current = Some((di, careful));
        None
    }
}

/// The item bytes in one frame; `asked` is 0 for the first frame, which has no sequence number;
/// none has in 1997.
fn part(edition: Edition, frame: &Frame, asked: u8) -> Option<Vec<u8>> {
    if asked == 0 || edition == Edition::V1997 {
        split_di(edition, &frame.data).map(|(_, body)| body.to_vec())
    } else {
        follow_up_body(&frame.data, asked)
    }
}

impl Dialogue for ReadItems {
    type Output = Result<Vec<(u32, Reply)>, ExchangeError>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            let Some((di, mut careful)) = self.current.take() else {
                if self.begin() {
                    continue;
                }
                return Step::Done(Ok(self.replies.clone()));
            };
            let step = careful.step(now);
            let Step::Done(answer) = step else {
                self.current = Some((di, careful));
                // Not `Done`, so the result named here is never made.
                return map_done(step, |_| Err(ExchangeError::Form));
            };
            if let Some(error) = self.take(di, careful, answer, now) {
                self.items = Vec::new().into_iter();
                self.partial = None;
                return Step::Done(Err(error));
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        if let Some((_, careful)) = &mut self.current {
            careful.sent(end);
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if let Some((_, careful)) = &mut self.current {
            careful.feed(bytes, now);
        }
    }
}
