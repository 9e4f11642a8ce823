//! One meter: what it holds, how it is spoken to, what it obeys.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::profile::{Place, Profile};
use crate::protocol::iec62056::data;
use crate::protocol::iec62056::frame::{BAD_BCC, BAD_PARITY, Ident, Mode, RATES, Telegram, scan};
use crate::sim::civil::Civil;
use crate::sim::noise;
use crate::units::MeterNo;

/// A session without a word ends by itself (the standard: 60 to 120 s).
const SESSION_MAX: Duration = Duration::from_secs(60);
/// Wrong passwords in one session before the meter ends it.
const WRONG_MAX: u8 = 3;
/// Watt-milliseconds in a watt-hour.
const WH: u64 = 3_600_000;
/// Nominal voltage, 0.1 V.
const VOLTS: u64 = 2200;
/// Writes kept as ghost truth.
const WRITES_MAX: usize = 4096;

const WRONG_PASSWORD: &str = "(ER01)";
const NO_ADDRESS: &str = "(ER02)";
const NOT_ALLOWED: &str = "(ER03)";
const NOT_UNDERSTOOD: &str = "(ER04)";

/// One thing going wrong with an answer, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IecFault {
    /// It is not sent; what was asked for is done.
    Lost,
    /// It comes so much later.
    Late(Duration),
    /// Its last character is wrong: the check character, where there is one.
    Garbled,
    /// One stray character is in front of it.
    Stray(u8),
}

/// What a meter is when it is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IecSetup {
    /// The number it carries.
    pub no: MeterNo,
    /// Its device address.
    pub address: String,
    /// What it says of itself; its baud rate character makes it a meter of mode A, B or C.
    pub ident: Ident,
    /// Speed of the sign-on, baud.
    pub start: u32,
    /// Pause before an answer.
    pub reaction: Duration,
    /// Energy, 0.01 kWh.
    pub energy: i64,
    /// Load, W.
    pub load_w: u32,
    /// Passwords of level 1 and 2; a level without one takes any.
    pub passwords: [Option<String>; 2],
    /// Reads need no password.
    pub open: bool,
    /// Answers to reads do not name the address.
    pub nameless: bool,
    /// Partial blocks are so long, characters.
    pub block: usize,
    /// After its table a meter of mode A or B waits, at the speed it has then, until it is
    /// programmed or told to stop. Without it the table ends the conversation.
    pub waits: bool,
    /// Says yes to a choice of speed and stays as slow as it is.
    pub keeps_speed: bool,
}

impl IecSetup {
    /// A meter of mode C that offers 9600 baud.
    pub fn new(no: MeterNo) -> Self {
        let (maker, text) = ("MTK".to_owned(), "meterkit-1".to_owned());
        Self {
            no,
            address: no.to_string(),
            ident: Ident { maker, rate: '5', enhanced: String::new(), text },
            start: 300,
            reaction: Duration::from_millis(200),
            energy: 0,
            load_w: 800,
            passwords: [None, None],
            open: true,
            nameless: false,
            block: 48,
            waits: false,
            keeps_speed: false,
        }
    }

    /// Reads an identification as it goes over the line, without `/` and line end.
    pub fn identification(text: &str) -> Option<Ident> {
        let found = scan(format!("/{text}\r\n").as_bytes());
        match <[_; 1]>::try_from(found).ok()?.map(|found| found.what) {
            [Ok(Telegram::Ident(ident))] => Some(ident),
            _ => None,
        }
    }
}

/// A message of a meter.
#[derive(Debug)]
pub(super) struct Spoken {
    pub start: Duration,
    pub bytes: Vec<u8>,
    /// The line's speed after it.
    pub then: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// Has identified itself and waits for a choice.
    Choosing,
    /// In programming mode, with the level of the password given.
    Session {
        level: u8,
        wrong: u8,
    },
}

/// One simulated meter.
#[derive(Debug)]
pub struct IecMeter {
    setup: IecSetup,
    /// Address, name and unit of its items, in the order of its table.
    items: Vec<(String, String, String)>,
    written: BTreeMap<String, String>,
    writes: Vec<(String, String)>,
    start: Civil,
    /// Watt-milliseconds.
    wms: u64,
    up: Duration,
    state: State,
    baud: u32,
    heard: Duration,
    /// Its last message, and the blocks that follow it.
    said: Vec<u8>,
    blocks: VecDeque<Telegram>,
    faults: VecDeque<IecFault>,
}

impl IecMeter {
    /// A meter that shows what `profile` names. `start` is the simulation's first moment.
    pub(crate) fn new(setup: IecSetup, profile: &Profile, start: Civil) -> Self {
        let item = |item: &crate::profile::Item| match &item.at {
            Place::Iec(at) => Some((at.clone(), item.name.clone(), item.unit.clone())),
            _ => None,
        };
        Self {
            items: profile.items.iter().filter_map(item).collect(),
            written: BTreeMap::new(),
            writes: Vec::new(),
            start,
            wms: setup.energy.unsigned_abs().saturating_mul(10 * WH),
            up: Duration::ZERO,
            state: State::Idle,
            baud: setup.start,
            heard: Duration::ZERO,
            said: Vec::new(),
            blocks: VecDeque::new(),
            faults: VecDeque::new(),
            setup,
        }
    }

    /// The same, switched on at the simulator's usual first moment.
    pub fn usual(setup: IecSetup, profile: &Profile) -> Self {
        let start = crate::sim::fleet::DEFAULT_START.parse();
        Self::new(setup, profile, start.unwrap_or_else(|_| Civil::from_seconds(0)))
    }

    /// What it is.
    pub fn setup(&self) -> &IecSetup {
        &self.setup
    }

    /// What it is, to change it.
    pub fn setup_mut(&mut self) -> &mut IecSetup {
        &mut self.setup
    }

    /// Gives it another value at `address`, or one it did not have: anything that may stand between
    /// brackets, several values written as `a)(b`.
    pub fn put(&mut self, address: &str, value: &str) {
        if !self.items.iter().any(|(at, ..)| at == address) {
            self.items.push((address.to_owned(), String::new(), String::new()));
        }
        self.written.insert(address.to_owned(), value.to_owned());
    }

    /// Ghost truth: every write obeyed, address and value, in order.
    pub fn writes(&self) -> &[(String, String)] {
        &self.writes
    }

    /// Whether it is in programming mode.
    pub fn in_session(&self) -> bool {
        matches!(self.state, State::Session { .. })
    }

    /// Lets something go wrong with the next answer that has not been given one yet.
    pub fn arm(&mut self, fault: IecFault) {
        self.faults.push_back(fault);
    }

    pub(super) fn is_choosing(&self) -> bool {
        self.state == State::Choosing
    }

    fn advance(&mut self, now: Duration) {
        let gone = now.saturating_sub(self.up);
        let ms = u64::try_from(gone.as_millis()).unwrap_or(u64::MAX);
        self.up += Duration::from_millis(ms);
        self.wms = self.wms.saturating_add(ms.saturating_mul(u64::from(self.setup.load_w)));
    }

    /// The value at `address` as it stands between the brackets.
    pub fn value(&self, address: &str) -> Option<String> {
        let (_, name, unit) = self.items.iter().find(|(at, ..)| at == address)?;
        if let Some(written) = self.written.get(address) {
            return Some(written.clone());
        }
        let shown = self.shows(name);
        Some(if unit.is_empty() { shown } else { format!("{shown}*{unit}") })
    }

    fn shows(&self, name: &str) -> String {
        let clock = self.clock();
        let load = u64::from(self.setup.load_w);
        let jitter = noise::still(7, self.up.as_secs() / 60, 1, 20);
        let point = |value: u64, unit: u64, width: usize, places: usize| {
            format!("{:0width$}.{:0places$}", value / unit, value % unit)
        };
        match name {
            "energy" => point(self.wms / WH, 1000, 7, 3),
            "voltage-a" | "voltage-b" | "voltage-c" => point(VOLTS + jitter, 10, 3, 1),
            "current-a" => point(load * 1000 / VOLTS, 100, 3, 2),
            "power" => point(load, 1000, 3, 3),
            "power-factor" => point(1000, 1000, 1, 3),
            "frequency" => point(5000, 100, 2, 2),
            "date" => {
                let (year, month, day) = (clock.year % 100, clock.month, clock.day);
                format!("{year:02}-{month:02}-{day:02}")
            }
            "time" => format!("{:02}:{:02}:{:02}", clock.hour, clock.minute, clock.second),
            "number" => self.setup.no.to_string(),
            "status" => "00000000".to_owned(),
            _ => point(0, 1000, 4, 3),
        }
    }

    fn clock(&self) -> Civil {
        let up = i64::try_from(self.up.as_secs()).unwrap_or(i64::MAX);
        Civil::from_seconds(self.start.seconds().saturating_add(up))
    }

    fn table(&self) -> Telegram {
        let line =
            |(at, ..): &(String, String, String)| Some(format!("{at}({})\r\n", self.value(at)?));
        let lines: String = self.items.iter().filter_map(line).collect();
        Telegram::Data { text: format!("{lines}!\r\n"), more: false }
    }

    /// Takes a message off the line; its own answers.
    pub(super) fn hear(
        &mut self,
        what: &Result<Telegram, &'static str>,
        at: Duration,
    ) -> Vec<Spoken> {
        self.advance(at);
        if at.saturating_sub(self.heard) > SESSION_MAX {
            self.state = State::Idle;
        }
        self.heard = at;
        match (self.state, what) {
            (State::Idle | State::Choosing, Ok(Telegram::SignOn(address))) => {
                self.signed_on(address, at)
            }
            (State::Choosing, Ok(Telegram::Choice { protocol: '0', rate, mode })) => {
                self.chosen(*rate, *mode, at)
            }
            // The table of mode A or B is over; whoever does not program it may ask again.
            (State::Session { level: 0, .. }, Ok(Telegram::SignOn(address)))
                if !matches!(self.setup.ident.mode(), Mode::C(_)) =>
            {
                self.signed_on(address, at)
            }
            (State::Session { .. }, Ok(Telegram::Command { name, data, .. })) => {
                self.command(name, data.as_deref(), at)
            }
            (State::Session { .. }, Ok(Telegram::Ack)) => match self.blocks.pop_front() {
                Some(block) => self.answer(&block, at),
                None => Vec::new(),
            },
            (State::Session { .. }, Ok(Telegram::Nak)) => {
                let said = self.said.clone();
                self.speak(said, at)
            }
            (State::Session { .. }, Err(BAD_BCC | BAD_PARITY)) => {
                self.speak(Telegram::Nak.encode(), at)
            }
            _ => Vec::new(),
        }
    }

    fn signed_on(&mut self, address: &str, at: Duration) -> Vec<Spoken> {
        let plain = |text: &str| text.trim_start_matches('0').to_owned();
        if !address.is_empty() && plain(address) != plain(&self.setup.address) {
            self.state = State::Idle;
            return Vec::new();
        }
        let ident = Telegram::Ident(self.setup.ident.clone());
        let mut spoken = self.answer(&ident, at);
        let end = spoken.last().map_or(at, |last| self.over(last));
        match self.setup.ident.mode() {
            Mode::C(_) => self.state = State::Choosing,
            Mode::A => spoken.extend(self.read_out(end, self.baud)),
            Mode::B(baud) => spoken.extend(self.read_out(end, baud)),
        }
        spoken
    }

    /// When a message is over.
    fn over(&self, spoken: &Spoken) -> Duration {
        let bits = u32::try_from(spoken.bytes.len()).unwrap_or(u32::MAX).saturating_mul(10);
        spoken.start + Duration::from_secs(1) * bits / self.baud.max(1)
    }

    /// The table at this speed, then back to the sign-on's.
    fn read_out(&mut self, at: Duration, baud: u32) -> Vec<Spoken> {
        self.state = State::Idle;
        let mut spoken = vec![Spoken { start: at, bytes: Vec::new(), then: Some(baud) }];
        spoken.extend(self.answer(&self.table(), at));
        if self.setup.waits && !matches!(self.setup.ident.mode(), Mode::C(_)) {
            // It may be programmed now, and does not ask for a password.
            self.state = State::Session { level: 0, wrong: 0 };
        }
        let start = spoken.last().map_or(at, |last| last.start);
        let back = if self.in_session() { baud } else { self.setup.start };
        self.baud = back;
        spoken.push(Spoken { start, bytes: Vec::new(), then: Some(back) });
        spoken
    }

    fn chosen(&mut self, rate: char, mode: char, at: Duration) -> Vec<Spoken> {
        let most = match self.setup.ident.mode() {
            Mode::C(most) => most,
            _ => 0,
        };
        let wanted = rate.to_digit(10).and_then(|z| usize::try_from(z).ok());
        let place = wanted.filter(|place| *place <= most && !self.setup.keeps_speed);
        let baud = place.and_then(|place| RATES.get(place)).copied().unwrap_or(self.baud);
        match mode {
            '0' => self.read_out(at, baud),
            '1' => {
                self.state = State::Session { level: 0, wrong: 0 };
                self.baud = baud;
                let mut spoken = vec![Spoken { start: at, bytes: Vec::new(), then: Some(baud) }];
                let seed = Telegram::command("P0", Some(format!("({})", self.setup.no)));
                spoken.extend(self.answer(&seed, at));
                spoken
            }
            _ => Vec::new(),
        }
    }

    fn command(&mut self, name: &str, data: Option<&str>, at: Duration) -> Vec<Spoken> {
        self.blocks.clear();
        if name == "B0" {
            self.state = State::Idle;
            self.baud = self.setup.start;
            return vec![Spoken { start: at, bytes: Vec::new(), then: Some(self.baud) }];
        }
        let State::Session { level, .. } = self.state else { return Vec::new() };
        let (sets, fault) = data::parse(data.unwrap_or_default());
        let first = sets.first().filter(|_| fault.is_none());
        let address = first.and_then(|set| set.address.clone()).unwrap_or_default();
        // Everything between the outermost brackets.
        let inside = data.and_then(|data| data.split_once('(')?.1.strip_suffix(')'));
        match (name.chars().next(), name.chars().nth(1), inside) {
            (Some('P'), Some(which @ '1'..='2'), Some(password)) => {
                self.password(which, password, at)
            }
            (Some('R'), Some(kind @ '1'..='6'), Some(_)) => {
                let allowed = self.setup.open || level > 0;
                match self.value(&address) {
                    _ if !allowed => self.refuse(NOT_ALLOWED, at),
                    Some(value) => self.value_in_blocks(&address, &value, kind, at),
                    None => self.refuse(NO_ADDRESS, at),
                }
            }
            (Some('W'), Some('1'..='6'), Some(value)) => match self.value(&address) {
                _ if level == 0 => self.refuse(NOT_ALLOWED, at),
                None => self.refuse(NO_ADDRESS, at),
                Some(_) => {
                    let value = value.to_owned();
                    if self.writes.len() < WRITES_MAX {
                        self.writes.push((address.clone(), value.clone()));
                    }
                    self.written.insert(address, value);
                    self.answer(&Telegram::Ack, at)
                }
            },
            _ => self.refuse(NOT_UNDERSTOOD, at),
        }
    }

    fn password(&mut self, which: char, password: &str, at: Duration) -> Vec<Spoken> {
        let State::Session { wrong, .. } = self.state else { return Vec::new() };
        let level = if which == '2' { 2 } else { 1 };
        let own = self.setup.passwords.get(usize::from(level) - 1).and_then(Option::as_deref);
        if own.is_none_or(|own| own == password) {
            self.state = State::Session { level, wrong };
            return self.answer(&Telegram::Ack, at);
        }
        self.state = State::Session { level: 0, wrong: wrong + 1 };
        if wrong + 1 < WRONG_MAX {
            return self.refuse(WRONG_PASSWORD, at);
        }
        let mut spoken = self.answer(&Telegram::command("B0", None), at);
        self.state = State::Idle;
        self.baud = self.setup.start;
        let start = spoken.last().map_or(at, |last| last.start);
        spoken.push(Spoken { start, bytes: Vec::new(), then: Some(self.baud) });
        spoken
    }

    fn refuse(&mut self, word: &str, at: Duration) -> Vec<Spoken> {
        self.answer(&Telegram::Data { text: word.to_owned(), more: false }, at)
    }

    /// Kinds 3, 4 and 6 come in blocks.
    fn value_in_blocks(
        &mut self,
        address: &str,
        value: &str,
        kind: char,
        at: Duration,
    ) -> Vec<Spoken> {
        let name = if self.setup.nameless { "" } else { address };
        let text = format!("{name}({value})");
        let size = if matches!(kind, '3' | '4' | '6') { self.setup.block } else { text.len() };
        let chars: Vec<char> = text.chars().collect();
        let mut parts: Vec<String> =
            chars.chunks(size.max(1)).map(|part| part.iter().collect()).collect();
        let last = parts.pop().unwrap_or_default();
        let more = |text| Telegram::Data { text, more: true };
        self.blocks = parts.into_iter().map(more).collect();
        self.blocks.push_back(Telegram::Data { text: last, more: false });
        let first = self.blocks.pop_front();
        first.map(|block| self.answer(&block, at)).unwrap_or_default()
    }

    fn answer(&mut self, telegram: &Telegram, at: Duration) -> Vec<Spoken> {
        self.said = telegram.encode();
        self.speak(self.said.clone(), at)
    }

    fn speak(&mut self, mut bytes: Vec<u8>, at: Duration) -> Vec<Spoken> {
        let mut start = at + self.setup.reaction;
        match self.faults.pop_front() {
            None => {}
            Some(IecFault::Lost) => return Vec::new(),
            Some(IecFault::Late(by)) => start += by,
            Some(IecFault::Garbled) => {
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
            }
            Some(IecFault::Stray(byte)) => bytes.insert(0, byte),
        }
        vec![Spoken { start, bytes, then: None }]
    }
}
