//! One frame out, one frame back.
//!
//! `Poll` is a frame and what answers it by address, kind and sequence numbers. What was heard
//! may hold our own echo, noise, frames of others and late ones; none of them answers.
//! [`Knock`] is the question of a survey: is there a meter at this address.

use std::fmt;

use super::address::{Address, Server};
use super::frame::{Control, FLAG, Frame, scan};
use crate::protocol::exchange::{Heard, Question, Refusal};

/// Characters a frame may take beside its information: flags, lengths, addresses, checks.
const OVERHEAD: usize = 2 + 2 + 8 + 1 + 4;

/// What may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// UA or DM.
    Unnumbered,
    /// Information or a word about readiness.
    Numbered {
        /// N(S) information must have: the number expected next.
        next: u8,
        /// N(R) it must have: all that was sent has come.
        taken: u8,
        /// N(R) of a meter that has not got the last frame; `None` if nothing is outstanding.
        missed: Option<u8>,
    },
}

/// A frame for a meter and what answers it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Poll {
    address: Address,
    bytes: Vec<u8>,
    expect: Expect,
    /// Most information in the answer.
    info_max: usize,
}

/// Without the bytes: there may be a password in them.
impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poll({}, {:?}, {} bytes)", self.address, self.expect, self.bytes.len())
    }
}

impl Poll {
    /// Sends `control` with `info`.
    pub fn new(
        address: Address,
        control: Control,
        segmented: bool,
        info: &[u8],
        expect: Expect,
        info_max: usize,
    ) -> Self {
        let frame = Frame {
            to: address.server.wire(),
            from: vec![address.client_wire()],
            control: control.wire(),
            segmented,
            info: info.to_vec(),
        };
        Self { address, bytes: frame.encode(), expect, info_max }
    }

    /// Whether a frame from the meter to us answers.
    fn answers(&self, frame: &Frame) -> bool {
        match (self.expect, frame.control()) {
            (Expect::Unnumbered, control) => {
                matches!(control, Control::Ua | Control::Dm | Control::Frmr)
            }
            (Expect::Numbered { .. }, Control::Dm | Control::Frmr) => true,
            (Expect::Numbered { next, taken, .. }, Control::I { send, receive }) => {
                send == next && receive == taken
            }
            (Expect::Numbered { taken, missed, .. }, Control::Rr(n) | Control::Rnr(n)) => {
                n == taken || Some(n) == missed
            }
            (Expect::Numbered { .. }, _) => false,
        }
    }
}

impl Question for Poll {
    type Answer = Frame;

    fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn answer_len(&self) -> usize {
        // Our own echo may come first.
        self.bytes.len() + OVERHEAD + self.info_max
    }

    fn listen(&self, heard: &[u8]) -> Heard<Frame> {
        let scan = scan(heard, false);
        let (ours, meters) = ([self.address.client_wire()], self.address.server.wire());
        let mut stranger = None;
        let mut echo = true;
        for found in scan.found {
            let Ok(frame) = found.frame else { continue };
            if frame.to == ours && frame.from == meters {
                // With equal numbers for client and server our echo looks like the meter's word.
                let itself = frame.encode() == self.bytes && std::mem::take(&mut echo);
                if !itself && self.answers(&frame) {
                    return Heard::Answer(frame);
                }
            } else if frame.to == ours {
                stranger = frame.from_server().map(|server| server.to_string());
            }
        }
        match (scan.missing, stranger) {
            // Waiting is reckoned from the first character of a frame, before its length is known.
            (Some(_), _) => Heard::Begun(OVERHEAD + self.info_max),
            (None, Some(server)) => Heard::Stranger(server),
            (None, None) => Heard::Nothing,
        }
    }

    fn probe(&self) -> Option<Self> {
        // Sequence numbers tell answers apart.
        None
    }
}

/// Is there a meter? Asked by a survey with `Once`; a meter that says yes is connected then and
/// must be told [`Knock::Goodbye`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knock {
    /// SNRM.
    Hello(Address),
    /// DISC.
    Goodbye(Address),
}

impl Knock {
    fn poll(&self) -> Poll {
        let (address, control) = match self {
            Self::Hello(address) => (*address, Control::Snrm),
            Self::Goodbye(address) => (*address, Control::Disc),
        };
        Poll::new(address, control, false, &[], Expect::Unnumbered, UA_INFO_MAX)
    }
}

/// Information of a UA at most: four parameters of up to four bytes and their heads.
pub(super) const UA_INFO_MAX: usize = 32;

impl Question for Knock {
    /// Who answered.
    type Answer = Server;

    fn bytes(&self) -> Vec<u8> {
        self.poll().bytes
    }

    fn answer_len(&self) -> usize {
        self.poll().answer_len()
    }

    fn listen(&self, heard: &[u8]) -> Heard<Server> {
        let (Self::Hello(address) | Self::Goodbye(address)) = self;
        match self.poll().listen(heard) {
            Heard::Answer(frame) => match frame.control() {
                Control::Ua => Heard::Answer(address.server),
                Control::Dm => Heard::Refused(Refusal { code: 0x1F, name: "disconnected-mode" }),
                _ => Heard::Refused(Refusal { code: 0x97, name: "frame-reject" }),
            },
            Heard::Nothing => Heard::Nothing,
            Heard::Begun(missing) => Heard::Begun(missing),
            Heard::Stranger(who) => Heard::Stranger(who),
            Heard::Refused(refusal) => Heard::Refused(refusal),
            Heard::Bad(trouble) => Heard::Bad(trouble),
        }
    }

    fn probe(&self) -> Option<Self> {
        None
    }
}

/// What listening in holds came to: an answer that was late but is one.
pub(super) fn late_answer(poll: &Poll, heard: &[u8]) -> Option<Frame> {
    // A frame that only begins is of no use here; a lone flag is nothing.
    if heard.iter().all(|byte| *byte == FLAG) {
        return None;
    }
    match poll.listen(heard) {
        Heard::Answer(frame) => Some(frame),
        _ => None,
    }
}
