//! One question, one answer.
//!
//! The answer must come from the meter asked, carry the function asked and, where the protocol has
//! one, the identifier asked; anything else on the line is passed over in the same waiting time:
//! our own echo, late answers to earlier questions, other meters. The waiting time grows only to
//! the length an answer's header announces and never beyond a fixed end, so that neither a
//! dribbling nor an endless meter can hold the line.

use std::time::Duration;

use super::super::frame::{Address, Decoder, FROM_METER, Frame, MAX_FRAME, OVERHEAD};
use super::super::words::{Edition, ErrorWord};
use super::{ANSWER_PREAMBLE, ExchangeError, Timing};
use crate::protocol::{Dialogue, Step, Tick};

/// Header bytes up to and with the length.
const HEADER: usize = 10;
/// Wake-up bytes allowed in front of the longest answer.
const MOST_PREAMBLE: usize = 32;
/// What an adapter or a slow meter may put behind every character: some firmware waits 20 ms
/// (`reference/other-meters.md` 2.2).
const DRIBBLE: Duration = Duration::from_millis(25);
/// Most stray frames examined for one question; more than that is not a meter answering.
const MOST_STRAYS: usize = 64;

/// What makes a frame the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// An answer with this identifier first (reads and security commands).
    Di(u32),
    /// A follow-up with this identifier and sequence number.
    Follow(u32, u8),
    /// An answer of the same function; there is nothing else to tell it by.
    Function,
}

/// A question with what is known about its answer.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub frame: Frame,
    pub want: Want,
    /// Who may answer. Differs from the frame's address after a change of address.
    pub from: Address,
    /// Data bytes an answer will have, or the most it plausibly has.
    pub answer_data: usize,
    /// A security command: the meter may take longer.
    pub secure: bool,
    /// How long identifiers are, and what a refusal's bits mean.
    pub edition: Edition,
}

impl Question {
    pub fn new(frame: Frame, want: Want, answer_data: usize) -> Self {
        let (from, edition) = (frame.address, Edition::V2007);
        Self { from, frame, want, answer_data, secure: false, edition }
    }

    /// The same by the edition of 1997.
    pub fn v1997(frame: Frame, want: Want, answer_data: usize) -> Self {
        Self { edition: Edition::V1997, ..Self::new(frame, want, answer_data) }
    }

    fn turnaround(&self, timing: &Timing) -> Duration {
        if self.secure { timing.secure_turnaround } else { timing.turnaround }
    }

    /// How long to keep quiet once the waiting is over: an answer that has just begun must not meet
    /// the next question on the wire.
    pub fn quiet(&self, timing: &Timing) -> Duration {
        let characters = ANSWER_PREAMBLE + OVERHEAD + self.answer_data;
        timing.turnaround + timing.slack + timing.wire(characters)
    }
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Reply(Frame),
    Refused(Option<ErrorWord>, Frame),
    Failed(ExchangeError),
}

#[derive(Debug)]
enum Phase {
    Fresh,
    Sending,
    Listening {
        /// When an answer's header must be in.
        base: Tick,
        /// The same for one that has begun and dribbles.
        begun: Tick,
        /// When it is over, whatever comes.
        hard: Tick,
    },
    Over(Answer),
}

/// The state of one exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    timing: Timing,
    question: Question,
    decoder: Decoder,
    phase: Phase,
    last_byte: Tick,
    /// When the frame that is coming in must be complete.
    frame_due: Option<Tick>,
    strays: usize,
    heard: bool,
    stranger: Option<Address>,
}

impl Exchange {
    pub fn new(question: Question, timing: Timing) -> Self {
        Self {
            timing,
            question,
            decoder: Decoder::new(),
            phase: Phase::Fresh,
            last_byte: Tick::ZERO,
            frame_due: None,
            strays: 0,
            heard: false,
            stranger: None,
        }
    }

    /// Takes what the decoder found; ends the exchange if the answer is among it.
    fn sift(&mut self) {
        while let Some(found) = self.decoder.find_next() {
            let Ok(frame) = found.frame else {
                self.heard = true;
                continue;
            };
            self.frame_due = None;
            if !frame.from_meter() {
                continue; // our own echo, or another master
            }
            self.heard = true;
            self.strays += 1;
            if let Some(answer) = self.judge(frame) {
                self.phase = Phase::Over(answer);
                return;
            }
            if self.strays >= MOST_STRAYS {
                self.phase = Phase::Over(Answer::Failed(ExchangeError::Garbled));
                return;
            }
        }
    }

    /// The answer, if this frame is it.
    fn judge(&mut self, frame: Frame) -> Option<Answer> {
        if !is_from(frame.address, self.question.from) {
            self.stranger = Some(frame.address);
            return None;
        }
        if frame.function() != self.question.frame.function() {
            return None;
        }
        if frame.is_refusal() {
            let word = ErrorWord::read(self.question.edition, frame.function(), &frame.data);
            return Some(Answer::Refused(word, frame));
        }
        let fits = match self.question.want {
            Want::Function => true,
            Want::Di(di) => split_di(self.question.edition, &frame.data).is_some_and(|d| d.0 == di),
            Want::Follow(di, seq) => {
                frame.di() == Some(di) && follow_up_body(&frame.data, seq).is_some()
            }
        };
        fits.then_some(Answer::Reply(frame))
    }

    /// Until when it is worth listening, as things stand.
    fn due(&self, base: Tick, begun: Tick, hard: Tick) -> Tick {
        let pause = self.last_byte + self.timing.gap + self.timing.slack;
        let has_begun = self.decoder.is_inside() || self.decoder.preamble() > 0;
        match self.frame_due {
            Some(due) => due.max(base).min(pause),
            None if has_begun => begun.min(pause).max(base),
            None => base,
        }
        .min(hard)
    }

    fn failure(&self) -> ExchangeError {
        match self.stranger {
            Some(address) => ExchangeError::WrongAddress(address),
            None if self.heard => ExchangeError::Garbled,
            None => ExchangeError::Silent,
        }
    }
}

impl Dialogue for Exchange {
    type Output = Answer;

    fn step(&mut self, now: Tick) -> Step<Answer> {
        if let Phase::Listening { base, begun, hard } = self.phase {
            let due = self.due(base, begun, hard);
            if now < due {
                return Step::Wait(due);
            }
            self.heard |= self.decoder.is_inside() || self.decoder.preamble() > 0;
            self.decoder.finish();
            self.sift();
            if let Phase::Listening { .. } = self.phase {
                self.phase = Phase::Over(Answer::Failed(self.failure()));
            }
        }
        match &self.phase {
            Phase::Fresh => {
                self.phase = Phase::Sending;
                Step::Send(self.question.frame.encode(self.timing.preamble))
            }
            Phase::Over(answer) => Step::Done(answer.clone()),
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
        let base = begin + timing.wire(ANSWER_PREAMBLE + HEADER);
        let begun = begin + dribbled(timing, ANSWER_PREAMBLE + HEADER);
        let longest = timing.wire(MOST_PREAMBLE + MAX_FRAME);
        let expected = ANSWER_PREAMBLE + OVERHEAD + self.question.answer_data;
        let hard = begin + longest.max(dribbled(timing, expected)) + timing.gap;
        self.phase = Phase::Listening { base, begun, hard };
        self.sift();
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        if bytes.is_empty() || !matches!(self.phase, Phase::Sending | Phase::Listening { .. }) {
            return;
        }
        self.decoder.push(bytes);
        self.last_byte = now;
        if matches!(self.phase, Phase::Sending) {
            return; // looked at as soon as the driver says what was sent
        }
        self.sift();
        match self.decoder.missing() {
            // Set once a frame: later bytes do not buy it more time.
            Some(missing) if self.frame_due.is_none() => {
                let wire = dribbled(&self.timing, missing);
                self.frame_due = Some(now + wire + self.timing.slack + self.timing.gap);
            }
            Some(_) => {}
            None => self.frame_due = None,
        }
    }
}

/// Wire time of `count` characters with a pause behind each.
fn dribbled(timing: &Timing, count: usize) -> Duration {
    let each = timing.character + DRIBBLE;
    each.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Whether an answer from `seen` can be from the meter `asked`.
fn is_from(seen: Address, asked: Address) -> bool {
    if asked == Address::ANY || asked == Address::BROADCAST {
        // Several virtual meters answer a wildcard with the wildcard.
        return seen == Address::ANY || seen.meter_no().is_some();
    }
    if asked.meter_no().is_some() {
        return seen == asked;
    }
    // Shortened addressing: the given low digits must agree.
    seen == asked
        || seen.meter_no().is_some_and(|no| asked.matches(no) == super::super::frame::Match::Short)
}

/// The identifier at the head of data, and the rest: four bytes in 2007, two in 1997.
pub(super) fn split_di(edition: Edition, data: &[u8]) -> Option<(u32, &[u8])> {
    match edition {
        Edition::V2007 => {
            data.split_first_chunk().map(|(di, rest)| (u32::from_le_bytes(*di), rest))
        }
        Edition::V1997 => {
            data.split_first_chunk().map(|(di, rest)| (u16::from_le_bytes(*di).into(), rest))
        }
    }
}

/// An identifier as it is sent.
pub(super) fn di_bytes(edition: Edition, di: u32) -> Vec<u8> {
    let bytes = di.to_le_bytes();
    match edition {
        Edition::V2007 => bytes.to_vec(),
        Edition::V1997 => bytes[..2].to_vec(),
    }
}

/// The data of a follow-up without identifier and sequence number. The number stands last; one
/// virtual meter puts it right behind the identifier.
pub(super) fn follow_up_body(data: &[u8], seq: u8) -> Option<Vec<u8>> {
    let rest = data.get(4..)?;
    match (rest.split_last(), rest.split_first()) {
        (Some((last, body)), _) if *last == seq => Some(body.to_vec()),
        (_, Some((first, body))) if *first == seq => Some(body.to_vec()),
        _ => None,
    }
}

/// The control code's direction bit must be clear in what we send.
pub(super) fn request(address: Address, control: u8, data: Vec<u8>) -> Frame {
    Frame::new(address, control & !FROM_METER, data)
}
