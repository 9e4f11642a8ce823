//! Through an optical head: sign on as IEC 62056-21 at 300 baud, choose mode E, switch the line.
//!
//! `/?!` brings the meter's identification; `ACK 2 Z 2` chooses HDLC at baud rate Z. The meter
//! confirms with the same six characters at the new rate, still with parity (IEC 62056-21 annex E);
//! some do not, so a missing confirmation is no fault. One character is ten bits both as 7E1 and as
//! 8N1: the line is switched to 8N1 at once and the parity bit is taken off here.

use std::time::Duration;

use crate::protocol::exchange::{HEARD_MAX, Heard, Once, Question, Reply, Retry, Timing, Trouble};
use crate::protocol::{Dialogue, Framing, Step, Tick};

/// Where every sign-on begins.
const SLOW: u32 = 300;
/// Longest time a meter may take, and longest pause between two characters.
const REACTION_MAX: Duration = Duration::from_millis(1500);
/// Shortest time before either side may speak; 20 ms where the maker's third letter is small.
const REACTION: Duration = Duration::from_millis(200);
const REACTION_FAST: Duration = Duration::from_millis(20);
/// Longest device address.
const ADDRESS_MAX: usize = 32;
/// Characters of an identification at most: `/XXXZ`, sixteen and a few more, CR LF.
const IDENT_MAX: usize = 40;
const ACK: u8 = 0x06;
/// Baud rates by Z.
const RATES: [u32; 7] = [300, 600, 1200, 2400, 4800, 9600, 19200];

/// How to sign on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeE {
    /// Device address: needed on a line with several meters, empty for the one in front of the
    /// head. Other characters than letters, digits and blanks are left out.
    pub address: String,
    /// Fastest rate to choose, whatever the meter offers.
    pub fastest: u32,
    /// The adapter cannot do 7E1: send the parity bit as an eighth one.
    pub software_parity: bool,
}

impl Default for ModeE {
    fn default() -> Self {
        Self { address: String::new(), fastest: 19200, software_parity: false }
    }
}

/// What signing on came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// The meter's identification, without `/` and line end.
    pub ident: String,
    /// The rate of the line now.
    pub baud: u32,
    /// When the meter may be spoken to.
    pub ready: Tick,
}

/// Why there is no HDLC behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotEntered {
    /// Nobody signed on.
    Line(Trouble),
    /// The meter does not offer mode E; its identification.
    NotOffered(String),
}

/// `/?ADDRESS!`.
#[derive(Debug, Clone)]
struct SignOn {
    address: String,
    parity: bool,
}

#[derive(Debug, Clone)]
struct Ident {
    text: String,
    rate: Option<usize>,
    fast: bool,
    echo: bool,
}

impl Question for SignOn {
    type Answer = Ident;

    fn bytes(&self) -> Vec<u8> {
        outgoing(&[b"/?", self.address.as_bytes(), b"!\r\n"].concat(), self.parity)
    }

    fn answer_len(&self) -> usize {
        IDENT_MAX + self.bytes().len()
    }

    fn listen(&self, heard: &[u8]) -> Heard<Ident> {
        let text: Vec<u8> = heard.iter().map(|byte| byte & 0x7F).collect();
        let mut echo = false;
        let mut begun = false;
        for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let line = text.get(at + 1..).unwrap_or_default();
            if line.first() == Some(&b'?') {
                echo = true;
                continue;
            }
            match line.windows(2).position(|pair| pair == b"\r\n") {
                Some(end) => {
                    let even = even(heard.get(at..at + end + 3).unwrap_or_default());
                    let line = line.get(..end).filter(|_| even);
                    if let Some(ident) = line.and_then(|line| read_ident(line, echo)) {
                        return Heard::Answer(ident);
                    }
                }
                None => begun = line.len() <= IDENT_MAX,
            }
        }
        if begun { Heard::Begun(IDENT_MAX) } else { Heard::Nothing }
    }

    fn probe(&self) -> Option<Self> {
        // An identification is the same whenever it comes.
        None
    }

    fn turnaround(&self, _timing: &Timing) -> Duration {
        REACTION_MAX
    }
}

/// Reads `XXXZ...`.
fn read_ident(line: &[u8], echo: bool) -> Option<Ident> {
    let [maker @ .., _] = line.first_chunk::<4>()?;
    let good = line.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if !good || !maker.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let offered = line.windows(2).any(|pair| pair == b"\\2");
    let rate = line.get(3).and_then(|z| usize::from(*z).checked_sub(usize::from(b'0')));
    Some(Ident {
        text: String::from_utf8_lossy(line).into_owned(),
        rate: rate.filter(|rate| offered && *rate < RATES.len()),
        fast: maker[2].is_ascii_lowercase(),
        echo,
    })
}

/// The character with its parity bit.
fn with_parity(byte: u8) -> u8 {
    if byte.count_ones() % 2 == 1 { byte | 0x80 } else { byte }
}

fn outgoing(text: &[u8], parity: bool) -> Vec<u8> {
    text.iter().map(|byte| if parity { with_parity(*byte) } else { *byte }).collect()
}

/// Whether the parity is right, where the adapter delivers it.
fn even(line: &[u8]) -> bool {
    line.iter().all(|byte| *byte < 0x80) || line.iter().all(|byte| byte.count_ones() % 2 == 0)
}

#[derive(Debug)]
enum Phase {
    /// The line goes to 300 baud.
    Slow,
    /// Quiet, then ask.
    Pause(Tick),
    Asking(Once<SignOn>),
    /// The reaction time before our choice.
    Before(Tick, Ident),
    /// Our choice is on the line until then.
    Choosing(Option<Tick>, Ident),
    Switching(Tick, Ident),
    Confirming(Tick, Ident),
    Over(Result<Entered, NotEntered>),
}

/// The conversation before the HDLC.
#[derive(Debug)]
pub struct SigningOn {
    mode: ModeE,
    timing: Timing,
    tries_left: u8,
    /// The highest rate still tried.
    most: usize,
    chosen: usize,
    /// The line's characters can be changed.
    tunable: bool,
    heard: Vec<u8>,
    phase: Phase,
}

/// Ten bits at `baud`.
pub fn character(baud: u32) -> Duration {
    Duration::from_nanos(10_000_000_000 / u64::from(baud.max(1)))
}

impl SigningOn {
    /// Signs on; `timing` is the HDLC's, of which the slack counts.
    pub fn new(mode: ModeE, timing: Timing, retry: Retry) -> Self {
        let most = RATES.iter().rposition(|rate| *rate <= mode.fastest).unwrap_or_default();
        let timing = Timing { character: character(SLOW), gap: REACTION_MAX, ..timing };
        Self {
            mode,
            timing,
            tries_left: retry.reads,
            most,
            chosen: 0,
            tunable: true,
            heard: Vec::new(),
            phase: Phase::Slow,
        }
    }

    /// The HDLC was silent: from the beginning with the next lower rate. `false`: no more tries.
    pub fn slower(&mut self) -> bool {
        let Some((left, most)) = self.tries_left.checked_sub(1).zip(self.chosen.checked_sub(1))
        else {
            return false;
        };
        (self.tries_left, self.most) = (left, most);
        self.phase = Phase::Slow;
        true
    }

    fn sign_on(&self) -> SignOn {
        let good = |c: &char| c.is_ascii_alphanumeric() || *c == ' ';
        SignOn {
            address: self.mode.address.chars().filter(good).take(ADDRESS_MAX).collect(),
            parity: self.mode.software_parity,
        }
    }

    fn identified(&mut self, now: Tick, ident: Ident) {
        self.phase = match ident.rate {
            None => Phase::Over(Err(NotEntered::NotOffered(ident.text))),
            Some(offered) => {
                // A line that cannot be switched stays as slow as it is.
                self.chosen = if self.tunable { offered.min(self.most) } else { 0 };
                Phase::Before(now + reaction(&ident), ident)
            }
        };
    }

    fn choice(&self) -> [u8; 6] {
        let z = b'0' + (self.chosen % RATES.len()) as u8;
        [ACK, b'2', z, b'2', b'\r', b'\n']
    }

    fn baud(&self) -> u32 {
        RATES.get(self.chosen).copied().unwrap_or(SLOW)
    }

    /// Whether the meter has confirmed; where the head echoes, the first copy is our own.
    fn confirmed(&self, ident: &Ident) -> bool {
        let choice = self.choice();
        let text: Vec<u8> = self.heard.iter().map(|byte| byte & 0x7F).collect();
        let copies = text.windows(choice.len()).filter(|part| **part == choice).count();
        copies > usize::from(ident.echo)
    }

    fn entered(&mut self, now: Tick, ident: &Ident) {
        self.phase = Phase::Over(Ok(Entered {
            ident: ident.text.clone(),
            baud: self.baud(),
            ready: now + reaction(ident),
        }));
    }

    fn asked(&mut self, now: Tick, ended: Result<Reply<Ident>, Trouble>) {
        match ended {
            Ok(Reply::Data(ident)) => self.identified(now, ident),
            Ok(Reply::Refused(_)) => self.phase = Phase::Over(Err(garbled())),
            Err(trouble) => {
                self.phase = match self.tries_left.checked_sub(1) {
                    None => Phase::Over(Err(NotEntered::Line(trouble))),
                    Some(left) => {
                        self.tries_left = left;
                        let ident = self.timing.wire(IDENT_MAX);
                        Phase::Pause(now + REACTION_MAX + self.timing.slack + ident)
                    }
                };
            }
        }
    }
}

fn garbled() -> NotEntered {
    NotEntered::Line(Trouble::Garbled)
}

fn reaction(ident: &Ident) -> Duration {
    if ident.fast { REACTION_FAST } else { REACTION }
}

impl Dialogue for SigningOn {
    type Output = Result<Entered, NotEntered>;

    fn step(&mut self, now: Tick) -> Step<Self::Output> {
        loop {
            match &mut self.phase {
                Phase::Slow if self.mode.software_parity => {
                    return Step::Tune(Framing::plain(SLOW));
                }
                Phase::Slow => return Step::Tune(Framing::seven(SLOW)),
                Phase::Pause(until) if now < *until => return Step::Quarantine(*until),
                Phase::Pause(_) => {
                    self.phase = Phase::Asking(Once::new(self.sign_on(), self.timing, now));
                }
                Phase::Asking(once) => match once.step(now) {
                    Step::Done(ended) => self.asked(now, ended),
                    Step::Send(bytes) => return Step::Send(bytes),
                    Step::Tune(framing) => return Step::Tune(framing),
                    Step::Quarantine(until) => return Step::Quarantine(until),
                    Step::Wait(until) => return Step::Wait(until),
                },
                Phase::Before(until, _) if now < *until => return Step::Quarantine(*until),
                Phase::Before(_, ident) => {
                    let ident = ident.clone();
                    self.heard.clear();
                    self.phase = Phase::Choosing(None, ident);
                    return Step::Send(outgoing(&self.choice(), self.mode.software_parity));
                }
                // Not before the last stop bit: what is still leaving would be broken.
                Phase::Choosing(end, _) if end.is_none_or(|end| now < end) => {
                    return Step::Wait(end.unwrap_or(now + REACTION));
                }
                Phase::Choosing(_, ident) => {
                    let ident = ident.clone();
                    self.phase = Phase::Switching(now, ident);
                    return Step::Tune(Framing::plain(self.baud()));
                }
                Phase::Switching(until, _) => return Step::Wait(*until),
                Phase::Confirming(until, ident) => {
                    let (until, ident) = (*until, ident.clone());
                    if now < until && !self.confirmed(&ident) {
                        return Step::Wait(until);
                    }
                    self.entered(now, &ident);
                }
                Phase::Over(over) => return Step::Done(over.clone()),
            }
        }
    }

    fn sent(&mut self, end: Tick) {
        match &mut self.phase {
            Phase::Asking(once) => once.sent(end),
            Phase::Choosing(until, _) => *until = Some(end),
            _ => {}
        }
    }

    fn tuned(&mut self, changed: bool) {
        match &self.phase {
            Phase::Slow => {
                self.tunable = changed;
                self.phase = Phase::Pause(Tick::ZERO);
            }
            Phase::Switching(at, ident) => {
                let wire = character(self.baud()) * 8;
                let until = *at + REACTION_MAX + self.timing.slack + wire;
                self.phase = Phase::Confirming(until, ident.clone());
            }
            _ => {}
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        match &mut self.phase {
            Phase::Asking(once) => once.feed(bytes, now),
            Phase::Choosing(..) | Phase::Switching(..) | Phase::Confirming(..) => {
                let room = HEARD_MAX.saturating_sub(self.heard.len());
                self.heard.extend(bytes.iter().take(room));
            }
            _ => {}
        }
    }
}
