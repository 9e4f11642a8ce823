//! The HDLC link of a client: connect, send a message and get the answer, disconnect.
//!
//! Window one: every frame we send is answered by one frame. A frame from the meter counts only
//! with the number expected next and if it says that ours have come, so a late or repeated one is
//! never taken for the next answer. After silence the meter is polled (RR): it repeats its answer,
//! or says that it never got the question. Only a message that may be repeated is sent again.

mod budget;
mod params;

pub use budget::{Budget, MESSAGE_MAX};
pub use params::read as read_params;
use params::{Params, read_ua, snrm_info};

use std::collections::VecDeque;
use std::fmt;

use super::address::Address;
use super::ask::{Expect, Poll, UA_INFO_MAX, late_answer};
use super::frame::{Control, Frame};
use crate::protocol::exchange::{HEARD_MAX, Once, Question, Reply, Retry, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick};

/// In front of every message to a meter, and from it.
pub const LLC_TO: [u8; 3] = [0xE6, 0xE6, 0x00];
/// See [`LLC_TO`].
pub const LLC_FROM: [u8; 3] = [0xE6, 0xE7, 0x00];
/// How often a meter that has the question is asked whether it has the answer.
const POLLS_MAX: u8 = 8;

/// Why the link does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkTrouble {
    /// No usable answer.
    #[error(transparent)]
    Line(#[from] Trouble),
    /// The meter will not talk: DM.
    #[error("the meter is in disconnected mode")]
    Refused,
    /// The meter cannot make sense of a frame: FRMR, which ends a connection.
    #[error("the meter rejected a frame")]
    Rejected,
    /// The meter never got the message, and it must not be sent again.
    #[error("the meter did not get the message")]
    NotTaken,
    /// The meter has the message and gives no answer.
    #[error("the meter is busy")]
    Busy,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// UA to SNRM.
    Connected,
    /// The answer, without its LLC header.
    Message(Vec<u8>),
    /// UA or DM to DISC.
    Disconnected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errand {
    Connect,
    Talk { repeat: bool },
    Disconnect,
}

enum Phase {
    /// Nothing to do.
    Idle,
    /// Wait; then ask.
    Pause(Tick, Poll),
    Asking(Once<Poll>),
    /// Quiet after trouble; what comes late may still be the answer. Then ask the second.
    Holding {
        until: Tick,
        lost: Poll,
        heard: Vec<u8>,
        next: Poll,
    },
    Over(Result<Event, LinkTrouble>),
}

/// What comes next: a wait and a question, or the end.
enum Turn {
    Ask(Tick, Poll),
    Over(Result<Event, LinkTrouble>),
}

impl Turn {
    fn fail(trouble: impl Into<LinkTrouble>) -> Self {
        Self::Over(Err(trouble.into()))
    }
}

/// The client's end of a link.
pub struct Link {
    address: Address,
    timing: Timing,
    retry: Retry,
    offer: u16,
    params: Params,
    errand: Errand,
    phase: Phase,
    /// V(S): number of the next frame to send.
    send: u8,
    /// V(R): number of the frame expected.
    receive: u8,
    /// Parts of the message not acknowledged yet, first one first.
    parts: VecDeque<Vec<u8>>,
    incoming: Vec<u8>,
    budget: Budget,
    tries_left: u8,
    polls: u8,
    last_byte: Tick,
    /// Something was asked twice: until then the second answer may come.
    doubt: Tick,
    asked: Tick,
}

/// Without what is sent: there may be a password in it.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, errand, send, receive, .. } = self;
        write!(f, "Link({address}, {errand:?}, {send}, {receive})")
    }
}

impl Link {
    /// A link nobody has connected yet. `offer`: information bytes a frame may have, both ways.
    pub fn new(address: Address, timing: Timing, retry: Retry, offer: u16) -> Self {
        Self {
            address,
            timing,
            retry,
            offer,
            params: Params::default(),
            errand: Errand::Disconnect,
            phase: Phase::Idle,
            send: 0,
            receive: 0,
            parts: VecDeque::new(),
            incoming: Vec::new(),
            budget: Budget::new(MESSAGE_MAX),
            tries_left: 0,
            polls: 0,
            last_byte: Tick::ZERO,
            doubt: Tick::ZERO,
            asked: Tick::ZERO,
        }
    }

    /// The line runs at another speed now and was last busy at `last_byte`.
    pub fn retime(&mut self, timing: Timing, last_byte: Tick) {
        self.timing = timing;
        self.last_byte = last_byte;
    }

    /// Offers frames of so many information bytes; to be said before connecting.
    pub fn offer(&mut self, info: u16) {
        self.offer = info;
        if matches!((self.errand, &self.phase), (Errand::Connect, Phase::Pause(..))) {
            self.connect();
        }
    }

    /// Sends SNRM.
    pub fn connect(&mut self) {
        self.begin(Errand::Connect);
        self.tries_left = self.retry.reads;
        let poll = self.unnumbered(Control::Snrm, &snrm_info(self.offer));
        self.phase = Phase::Pause(self.doubt, poll);
    }

    /// Sends DISC, once.
    pub fn disconnect(&mut self) {
        self.begin(Errand::Disconnect);
        let poll = self.unnumbered(Control::Disc, &[]);
        self.phase = Phase::Pause(self.doubt, poll);
    }

    /// Sends a message and gets the answer. `repeat`: it may reach the meter twice without harm.
    pub fn talk(&mut self, message: &[u8], repeat: bool) {
        self.begin(Errand::Talk { repeat });
        let whole = [&LLC_TO[..], message].concat();
        self.parts = whole.chunks(self.params.send_max()).map(<[u8]>::to_vec).collect();
        self.tries_left = self.retry.reads;
        self.phase = Phase::Pause(self.doubt, self.part());
    }

    fn begin(&mut self, errand: Errand) {
        self.errand = errand;
        self.parts.clear();
        self.incoming.clear();
        self.budget = Budget::new(MESSAGE_MAX);
        self.tries_left = 0;
        self.polls = 0;
    }

    fn unnumbered(&self, control: Control, info: &[u8]) -> Poll {
        Poll::new(self.address, control, false, info, Expect::Unnumbered, UA_INFO_MAX)
    }

    /// What answers now, given what is outstanding.
    fn expect(&self) -> Expect {
        let next = self.receive;
        if self.parts.is_empty() {
            return Expect::Numbered { next, taken: self.send, missed: None };
        }
        Expect::Numbered { next, taken: after(self.send), missed: Some(self.send) }
    }

    /// The first part not acknowledged, with its number.
    fn part(&self) -> Poll {
        let info = self.parts.front().map(Vec::as_slice).unwrap_or_default();
        let control = Control::I { send: self.send, receive: self.receive };
        let segmented = self.parts.len() > 1;
        let most = self.params.receive_max();
        Poll::new(self.address, control, segmented, info, self.expect(), most)
    }

    /// "I expect number N(R)": repeats an answer, or asks for the next part.
    fn ready(&self) -> Poll {
        let most = self.params.receive_max();
        Poll::new(self.address, Control::Rr(self.receive), false, &[], self.expect(), most)
    }

    fn ask(&mut self, poll: Poll) {
        let earliest = self.last_byte + self.timing.silence;
        self.phase = Phase::Asking(Once::new(poll, self.timing, earliest));
    }

    /// An attempt failed: quiet, then once more, or the end.
    fn failed(&mut self, now: Tick, lost: Poll, trouble: Trouble) {
        let Some(left) = self.tries_left.checked_sub(1) else {
            // What is still to come belongs to nobody.
            self.doubt = self.doubt.max(self.asked + self.timing.late);
            self.phase = Phase::Over(Err(trouble.into()));
            return;
        };
        let turn = self.retry.reads.saturating_sub(self.tries_left);
        self.tries_left = left;
        let next = match self.errand {
            Errand::Connect | Errand::Disconnect => lost.clone(),
            // First ask what the meter has; a meter deaf to that may have lost the question.
            Errand::Talk { repeat: true } if turn % 2 == 1 && !self.parts.is_empty() => self.part(),
            Errand::Talk { .. } => self.ready(),
        };
        let quiet = self.timing.turnaround + self.timing.slack;
        let until = now + quiet + self.timing.wire(lost.answer_len());
        self.phase = Phase::Holding { until, lost, heard: Vec::new(), next };
    }

    /// A frame that answers came.
    fn answered(&mut self, now: Tick, frame: &Frame) {
        let turn = match (self.errand, frame.control()) {
            (Errand::Connect, Control::Ua) => {
                self.params = read_ua(&frame.info, self.offer);
                (self.send, self.receive) = (0, 0);
                Turn::Over(Ok(Event::Connected))
            }
            (Errand::Disconnect, Control::Ua | Control::Dm) => Turn::Over(Ok(Event::Disconnected)),
            (_, Control::Dm) => Turn::fail(LinkTrouble::Refused),
            (_, Control::Frmr) => Turn::fail(LinkTrouble::Rejected),
            (Errand::Talk { .. }, Control::I { .. }) => self.information(frame),
            (Errand::Talk { repeat }, Control::Rr(n)) => self.ready_heard(now, n, repeat, false),
            (Errand::Talk { repeat }, Control::Rnr(n)) => self.ready_heard(now, n, repeat, true),
            _ => Turn::fail(Trouble::Form("frame_kind")),
        };
        self.phase = match turn {
            Turn::Ask(wait, poll) => Phase::Pause(wait, poll),
            Turn::Over(over) => Phase::Over(over),
        };
    }

    /// Information with the right numbers: everything sent has come.
    fn information(&mut self, frame: &Frame) -> Turn {
        if !self.parts.is_empty() {
            self.send = after(self.send);
        }
        if self.parts.len() > 1 {
            return Turn::fail(Trouble::Form("answer_before_end"));
        }
        self.parts.clear();
        self.receive = after(self.receive);
        self.tries_left = self.retry.reads;
        self.polls = 0;
        self.incoming.extend_from_slice(&frame.info);
        if !self.budget.take(self.incoming.len()) {
            return Turn::fail(Trouble::Endless);
        }
        if frame.segmented {
            return Turn::Ask(Tick::ZERO, self.ready());
        }
        let whole = std::mem::take(&mut self.incoming);
        match whole.strip_prefix(&LLC_FROM) {
            Some(message) => Turn::Over(Ok(Event::Message(message.to_vec()))),
            None => Turn::fail(Trouble::Form("llc")),
        }
    }

    /// The meter says what it expects next, and (`busy`) that it wants no more now.
    fn ready_heard(&mut self, now: Tick, number: u8, repeat: bool, busy: bool) -> Turn {
        self.polls += 1;
        if self.polls > POLLS_MAX {
            return Turn::fail(LinkTrouble::Busy);
        }
        let pause = now + self.timing.turnaround;
        if !self.parts.is_empty() && number == self.send {
            // It has not got the last frame.
            return match (repeat, busy) {
                (true, true) => Turn::Ask(pause, self.part()),
                (true, false) => Turn::Ask(now, self.part()),
                (false, true) => Turn::Ask(pause, self.ready()),
                (false, false) => Turn::fail(LinkTrouble::NotTaken),
            };
        }
        if self.parts.pop_front().is_some() {
            self.send = after(self.send);
            self.tries_left = self.retry.reads;
        }
        if self.parts.is_empty() || busy {
            // It is still at work.
            return Turn::Ask(pause, self.ready());
        }
        self.polls = 0;
        Turn::Ask(now, self.part())
    }
}

fn after(number: u8) -> u8 {
    (number + 1) & 7
}

impl Dialogue for Link {
    type Output = Result<Event, LinkTrouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            match &mut self.phase {
                Phase::Idle => return Step::Wait(now + self.timing.turnaround),
                Phase::Over(over) => return Step::Done(over.clone()),
                Phase::Pause(until, _) if now < *until => return Step::Quarantine(*until),
                Phase::Pause(_, poll) => {
                    let poll = poll.clone();
                    self.ask(poll);
                }
                Phase::Asking(once) => match once.step(now) {
                    Step::Done(ended) => {
                        let lost = once.question().clone();
                        self.last_byte = once.last_byte().unwrap_or(self.last_byte);
                        match ended {
                            Ok(Reply::Data(frame)) => self.answered(now, &frame),
                            // A poll has no refusals: every frame is an answer.
                            Ok(Reply::Refused(_)) => self.failed(now, lost, Trouble::Garbled),
                            Err(trouble) => self.failed(now, lost, trouble),
                        }
                    }
                    Step::Send(bytes) => return Step::Send(bytes),
                    Step::Tune(framing) => return Step::Tune(framing),
                    Step::Quarantine(until) => return Step::Quarantine(until),
                    Step::Wait(until) => return Step::Wait(until),
                },
                Phase::Holding { until, lost, heard, next } => {
                    if let Some(frame) = late_answer(lost, heard) {
                        self.answered(now, &frame);
                    } else if now < *until {
                        return Step::Wait(*until);
                    } else {
                        let next = next.clone();
                        // Two of the same may come now.
                        self.doubt = self.asked + self.timing.late;
                        self.ask(next);
                    }
                }
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        self.asked = end;
        if let Phase::Asking(once) = &mut self.phase {
            once.sent(end);
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        match &mut self.phase {
            Phase::Asking(once) => once.feed(bytes, now),
            Phase::Holding { heard, .. } => {
                let room = HEARD_MAX.saturating_sub(heard.len());
                heard.extend(bytes.iter().take(room));
                self.last_byte = now;
            }
            Phase::Idle | Phase::Pause(..) | Phase::Over(_) => {}
        }
    }
}
