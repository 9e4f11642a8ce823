//! A whole conversation: sign on (mode E), connect, associate, ask, release, disconnect.
//!
//! What reads may be asked again; SET and ACTION leave once. Whatever happens, a DISC is sent in
//! the end, so that the meter is free for the next client.

use std::fmt;

use super::acse::{self, Association, Auth};
use super::address::Address;
use super::apdu::{Apdu, Got};
use super::data::Data;
use super::entry::{ModeE, NotEntered, SigningOn, character};
use super::link::{Event, Link, LinkTrouble};
use super::names;
use super::object::Attribute;
use super::turn::{Current, Next};
use crate::protocol::exchange::{Refusal, Reply, Retry, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick};

/// Something to ask a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Read an attribute.
    Get(Attribute),
    /// Read several in one message; one by one where the meter cannot do that.
    GetList(Vec<Attribute>),
    /// Write an attribute. Sent once.
    Set(Attribute, Data),
    /// Run a method. Sent once.
    Action(Attribute, Option<Data>),
}

impl Request {
    /// Whether it leaves the meter as it is.
    pub fn reads(&self) -> bool {
        matches!(self, Self::Get(_) | Self::GetList(_))
    }
}

/// What a meter answers when it does not refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To `Get`.
    Value(Data),
    /// To `Get`: a value of a kind that is not read, with its name and bytes.
    Opaque(&'static str, Vec<u8>),
    /// To `GetList`, in the order asked.
    List(Vec<Got>),
    /// To `Set` and `Action`: done; what the method returned.
    Done(Option<Got>),
}

/// How the line comes to HDLC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It is there.
    Direct,
    /// By the sign-on of an optical head.
    ModeE(ModeE),
}

/// Why a conversation came to its end early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody signed on at 300 baud.
    #[error("sign-on: {0}")]
    SignOn(Trouble),
    /// The meter has no mode E; its identification.
    #[error("the meter {0} does not offer HDLC")]
    NoModeE(String),
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkTrouble),
    /// The meter does not associate. The code has the result in its high byte, the diagnostic in
    /// the low one.
    #[error("association refused: {0}")]
    Association(Refusal),
    /// The request is longer than the meter takes; it was not sent.
    #[error("request too long for the meter")]
    TooLong,
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Link(trouble.into())
    }
}

/// What a conversation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The meter's identification, after a sign-on.
    pub ident: Option<String>,
    /// What the meter granted.
    pub association: Option<Association>,
    /// Answers, in the order of the requests; fewer after a failure.
    pub replies: Vec<Reply<Answer>>,
    /// Why it ended early.
    pub failure: Option<Failure>,
    /// This SET or ACTION left and was not answered: whether it was done is not known.
    pub unknown: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Entering,
    Connecting,
    Associating,
    Asking,
    Releasing,
    Disconnecting,
    Over,
}

/// The conversation.
pub struct Session {
    auth: Auth,
    timing: Timing,
    retry: Retry,
    stage: Stage,
    entry: Option<SigningOn>,
    link: Link,
    requests: Vec<Request>,
    current: Option<Current>,
    invoke: u8,
    ended: Ended,
}

/// Without the password.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, {:?}, {:?})", self.link, self.auth, self.stage)
    }
}

/// Information bytes a frame may have where nothing else is asked for: the standard's default, and
/// the only size that needs no word in SNRM.
const OFFER: u16 = 128;

impl Session {
    /// Talks to one meter; `timing` is that of the HDLC line (after a sign-on its character is
    /// what the chosen rate makes it).
    pub fn new(
        address: Address,
        auth: Auth,
        requests: Vec<Request>,
        timing: Timing,
        retry: Retry,
        entry: Entry,
    ) -> Self {
        let mut this = Self {
            auth,
            timing,
            retry,
            stage: Stage::Entering,
            entry: None,
            link: Link::new(address, timing, retry, OFFER),
            requests,
            current: None,
            invoke: 0,
            ended: Ended {
                ident: None,
                association: None,
                replies: Vec::new(),
                failure: None,
                unknown: None,
            },
        };
        match entry {
            Entry::ModeE(mode) => this.entry = Some(SigningOn::new(mode, timing, retry)),
            Entry::Direct => this.connect(),
        }
        this
    }

    /// Offers the meter frames of so many information bytes (32 to 512) instead of 128.
    #[must_use]
    pub fn offering(mut self, info: u16) -> Self {
        self.link.offer(info);
        self
    }

    /// What has been answered so far.
    pub fn so_far(&self) -> &Ended {
        &self.ended
    }

    fn connect(&mut self) {
        self.stage = Stage::Connecting;
        self.link.connect();
    }

    fn entered(&mut self, ended: Result<super::entry::Entered, NotEntered>) {
        match ended {
            Ok(entered) => {
                let character = character(entered.baud);
                self.ended.ident = Some(entered.ident);
                self.link.retime(Timing { character, ..self.timing }, entered.ready);
                self.connect();
            }
            Err(why) => {
                self.ended.failure.get_or_insert(match why {
                    NotEntered::Line(trouble) => Failure::SignOn(trouble),
                    NotEntered::NotOffered(ident) => Failure::NoModeE(ident),
                });
                // There was no connection: nothing to end.
                self.stage = Stage::Over;
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.ended.failure.get_or_insert(failure);
        self.leave();
    }

    fn leave(&mut self) {
        self.stage = Stage::Disconnecting;
        self.link.disconnect();
    }

    /// The link has done what it was told to do.
    fn linked(&mut self, ended: Result<Event, LinkTrouble>) {
        match (self.stage, ended) {
            (Stage::Disconnecting, _) => self.stage = Stage::Over,
            // Released or not: the link is ended next anyway.
            (Stage::Releasing, _) => self.leave(),
            (Stage::Connecting, Ok(Event::Connected)) => {
                self.stage = Stage::Associating;
                self.link.talk(&acse::aarq(&self.auth), true);
            }
            (Stage::Connecting, Err(LinkTrouble::Line(trouble))) => self.not_connected(trouble),
            (Stage::Associating, Ok(Event::Message(message))) => self.associated(&message),
            (Stage::Asking, Ok(Event::Message(message))) => self.told(&message),
            (Stage::Asking, Err(trouble)) => {
                self.note_unknown();
                self.fail(trouble.into());
            }
            (_, Err(trouble)) => self.fail(trouble.into()),
            (_, Ok(_)) => self.fail(Trouble::Form("frame_kind").into()),
        }
    }

    /// Silence behind a sign-on: the rate may have been too much for the head.
    fn not_connected(&mut self, trouble: Trouble) {
        if self.entry.as_mut().is_some_and(SigningOn::slower) {
            self.stage = Stage::Entering;
        } else {
            self.fail(trouble.into());
        }
    }

    fn associated(&mut self, message: &[u8]) {
        let aare = match Apdu::read(message) {
            Ok(Apdu::Aare(aare)) => aare,
            Ok(Apdu::Exception(state, service)) => {
                return self.fail(Failure::Association(names::exception(state, service)));
            }
            Ok(_) => return self.fail(Trouble::Form("not_an_aare").into()),
            Err(fault) => return self.fail(Trouble::Form(fault.name()).into()),
        };
        let code = u16::from_be_bytes([aare.result, aare.diagnostic.1]);
        match (aare.result, aare.initiate) {
            (0, Some(granted)) => {
                self.ended.association = Some(granted);
                self.stage = Stage::Asking;
                self.next_request();
            }
            (0, None) => {
                self.fail(Failure::Association(Refusal { code, name: "initiate-error" }));
            }
            _ => {
                let name = aare.diagnostic_name();
                self.fail(Failure::Association(Refusal { code, name }));
            }
        }
    }

    /// Asks the next request, or ends the association.
    fn next_request(&mut self) {
        let index = self.ended.replies.len();
        let Some(request) = self.requests.get(index).cloned() else {
            self.current = None;
            self.stage = Stage::Releasing;
            // Harmless however often it comes, but not worth a second try.
            return self.link.talk(&acse::rlrq(), false);
        };
        let granted = self.ended.association.unwrap_or(Association::NOTHING);
        let current = Current::new(request, granted, self.retry);
        let invoke = self.fresh_invoke();
        self.current = Some(current);
        self.turn(|current| current.begin(invoke));
    }

    fn fresh_invoke(&mut self) -> u8 {
        // 1 to 15: 0 is what a meter that does not keep it sends.
        self.invoke = self.invoke % 15 + 1;
        self.invoke
    }

    fn told(&mut self, message: &[u8]) {
        let read = Apdu::read(message);
        let invoke = self.fresh_invoke();
        self.turn(|current| current.told(read, invoke));
    }

    fn turn(&mut self, make: impl FnOnce(&mut Current) -> Next) {
        let Some(current) = self.current.as_mut() else { return self.leave() };
        let reads = current.reads();
        match make(current) {
            Next::Say(message) => self.link.talk(&message, reads),
            Next::Reply(reply) => {
                self.ended.replies.push(reply);
                self.next_request();
            }
            Next::TooLong => self.fail(Failure::TooLong),
            Next::Astray(what) => {
                self.note_unknown();
                self.fail(Trouble::Form(what).into());
            }
            Next::Endless => {
                self.fail(Trouble::Endless.into());
            }
        }
    }

    /// A write on its way may have been done.
    fn note_unknown(&mut self) {
        if self.current.as_ref().is_some_and(|current| !current.reads()) {
            self.ended.unknown = Some(self.ended.replies.len());
        }
    }
}

impl Dialogue for Session {
    type Output = Ended;

    fn step(&mut self, now: Tick) -> Step<Ended> {
        loop {
            match (self.stage, self.entry.as_mut()) {
                (Stage::Over, _) => return Step::Done(self.ended.clone()),
                (Stage::Entering, Some(entry)) => match entry.step(now) {
                    Step::Done(ended) => self.entered(ended),
                    Step::Send(bytes) => return Step::Send(bytes),
                    Step::Tune(framing) => return Step::Tune(framing),
                    Step::Quarantine(until) => return Step::Quarantine(until),
                    Step::Wait(until) => return Step::Wait(until),
                },
                _ => match self.link.step(now) {
                    Step::Done(ended) => self.linked(ended),
                    Step::Send(bytes) => return Step::Send(bytes),
                    Step::Tune(framing) => return Step::Tune(framing),
                    Step::Quarantine(until) => return Step::Quarantine(until),
                    Step::Wait(until) => return Step::Wait(until),
                },
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        match (self.stage, self.entry.as_mut()) {
            (Stage::Entering, Some(entry)) => entry.sent(end),
            _ => self.link.sent(end),
        }
    }

    fn tuned(&mut self, changed: bool) {
        if let (Stage::Entering, Some(entry)) = (self.stage, self.entry.as_mut()) {
            entry.tuned(changed);
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        match (self.stage, self.entry.as_mut()) {
            (Stage::Entering, Some(entry)) => entry.feed(bytes, now),
            _ => self.link.feed(bytes, now),
        }
    }
}
