//! Programming mode: single values read and written, behind a password.

use secrecy::SecretString;

use super::ask::Setup;
use super::data::DataSet;
use super::frame::Ident;
use super::talk::{Ended, Plan, Talk, Work};
use crate::protocol::exchange::{Refusal, Reply, Retry, Timing, Trouble};
use crate::protocol::{Dialogue, Step, Tick, map_done};

/// A password and the command it goes out with.
#[derive(Debug, Clone)]
pub struct Access {
    /// 1 (`P1`) or 2 (`P2`: the maker's own procedure, the answer to the seed worked out outside).
    pub level: u8,
    /// The password. It goes out as it is and is shown nowhere.
    pub password: SecretString,
}

/// A kind of read or write: the digit behind `R` and `W`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1: ASCII.
    Ascii,
    /// 2: formatted.
    Formatted,
    /// 3: ASCII in partial blocks.
    AsciiBlocks,
    /// 4: formatted in partial blocks.
    FormattedBlocks,
    /// 5: the maker's own, or a country's.
    Maker,
    /// 6: the same in partial blocks.
    MakerBlocks,
}

impl Kind {
    /// The digit.
    pub fn digit(self) -> char {
        match self {
            Self::Ascii => '1',
            Self::Formatted => '2',
            Self::AsciiBlocks => '3',
            Self::FormattedBlocks => '4',
            Self::Maker => '5',
            Self::MakerBlocks => '6',
        }
    }
}

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which command.
    pub kind: Kind,
    /// Whose value.
    pub address: String,
    /// What stands between the brackets: nothing, or the maker's own (how many elements).
    pub operand: String,
}

impl Order {
    /// `R1` of this address. `None` if it cannot be one: at most 16 characters, no brackets.
    pub fn new(kind: Kind, address: &str) -> Option<Self> {
        let good = |b: u8| b.is_ascii_graphic() && !b"()/!".contains(&b);
        let fits = (1..=16).contains(&address.len()) && address.bytes().all(good);
        fits.then(|| Self { kind, address: address.to_owned(), operand: String::new() })
    }

    /// The same with something between the brackets. `None` if it cannot stand there: at most 128
    /// printable characters, no brackets.
    pub fn with(mut self, operand: &str) -> Option<Self> {
        let good = |b: u8| (b.is_ascii_graphic() || b == b' ') && !b"()".contains(&b);
        let fits = operand.len() <= 128 && operand.bytes().all(good);
        operand.clone_into(&mut self.operand);
        fits.then_some(self)
    }
}

/// What a session came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who answered.
    pub ident: Ident,
    /// The speed it was held at.
    pub baud: u32,
    /// What the meter gave with the call for a password.
    pub seed: Option<String>,
    /// The answers, in the order asked.
    pub answers: Vec<Reply<Vec<DataSet>>>,
}

/// Opens a session, reads, and ends it. An answer that names another address than the one asked is
/// not taken. After trouble: break, quiet, a new session, and on with what is still missing.
#[derive(Debug)]
pub struct Read(Talk);

impl Read {
    /// Without `access` no password is sent.
    pub fn new(
        setup: Setup,
        access: Option<Access>,
        orders: Vec<Order>,
        timing: Timing,
        retry: Retry,
    ) -> Self {
        let work = Work { access, orders, write: None };
        Self(Talk::new(setup, Plan::Program(work), timing, retry))
    }
}

impl Dialogue for Read {
    /// Refused: the password was.
    type Output = Result<Reply<Session>, Trouble>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        map_done(self.0.step(now), |ended| match ended {
            Ended::Done(done) => Ok(Reply::Data(Session {
                ident: done.ident.ok_or(Trouble::Garbled)?,
                baud: done.baud,
                seed: done.seed,
                answers: done.answers,
            })),
            Ended::Refused(refusal) => Ok(Reply::Refused(refusal)),
            Ended::Failed(trouble) => Err(trouble),
        })
    }

    fn sent(&mut self, end: Tick) {
        self.0.sent(end);
    }

    fn tuned(&mut self, changed: bool) {
        self.0.tuned(changed);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.0.feed(bytes, now);
    }
}

/// What a write came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The meter took it.
    Done,
    /// The meter refused it, or the password before it. Nothing was written.
    Refused(Refusal),
    /// The write never left.
    NotSent(Trouble),
    /// It left, and no answer came that says what became of it: read back.
    Unknown(Trouble),
}

/// Opens a session, writes one value, and ends it. The write itself goes out once and never again
/// by itself; only what comes before it is tried again.
#[derive(Debug)]
pub struct Write(Talk);

impl Write {
    /// Writes `order.operand` to `order.address`.
    pub fn new(
        setup: Setup,
        access: Option<Access>,
        order: Order,
        timing: Timing,
        retry: Retry,
    ) -> Self {
        let work = Work { access, orders: Vec::new(), write: Some(order) };
        Self(Talk::new(setup, Plan::Program(work), timing, retry))
    }
}

impl Dialogue for Write {
    type Output = Written;

    fn step(&mut self, now: Tick) -> Step<Written> {
        let ended = self.0.step(now);
        let left = self.0.write_left();
        map_done(ended, |ended| match ended {
            Ended::Done(_) => Written::Done,
            Ended::Refused(refusal) => Written::Refused(refusal),
            Ended::Failed(trouble) if left => Written::Unknown(trouble),
            Ended::Failed(trouble) => Written::NotSent(trouble),
        })
    }

    fn sent(&mut self, end: Tick) {
        self.0.sent(end);
    }

    fn tuned(&mut self, changed: bool) {
        self.0.tuned(changed);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.0.feed(bytes, now);
    }
}
