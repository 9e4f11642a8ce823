//! Frames of IEC 62056-21: out of a stream of bytes, and into one.
//!
//! The characters have seven bits. Some heads deliver the parity as an eighth one, some have it
//! taken off; both are read. A frame whose characters all have bit 7 clear has had it taken off;
//! where any has it set it is parity, and then every character must be even.

use std::fmt;

/// Start of a command.
pub const SOH: u8 = 0x01;
/// Start of data.
pub const STX: u8 = 0x02;
/// End of data.
pub const ETX: u8 = 0x03;
/// End of a block of data that others follow.
pub const EOT: u8 = 0x04;
/// Understood; also in front of the choice of speed and mode.
pub const ACK: u8 = 0x06;
/// Not understood: repeat.
pub const NAK: u8 = 0x15;

/// The check character does not match.
pub const BAD_BCC: &str = "bad_bcc";
/// Parity is delivered, and wrong.
pub const BAD_PARITY: &str = "bad_parity";
/// The bytes end before the frame does.
pub const TRUNCATED: &str = "truncated";
/// A line that begins like an identification or a sign-on and is neither.
pub const BAD_FORM: &str = "bad_form";
/// Bytes that belong to no frame.
pub const NOISE: &str = "collision_or_noise";

/// Longest device address (5.3.1 of the standard).
const ADDRESS_MAX: usize = 32;
/// Characters of an identification behind `/XXXZ` that are waited for: sixteen by the standard,
/// some meters have more.
const IDENT_MAX: usize = 40;
/// NUL characters in a row that wake a meter on batteries; fewer are noise.
const WAKING: usize = 4;

/// Speeds by number: `Z` 0 to 6 of mode C, `Z` A to F (from 600) of mode B.
pub const RATES: [u32; 7] = [300, 600, 1200, 2400, 4800, 9600, 19200];

/// A device address; empty means whoever is in front of the head.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// Up to 32 letters, digits and blanks.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b' ';
        (text.len() <= ADDRESS_MAX && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a meter takes its turn after the identification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Sends its table at once, at the same speed.
    A,
    /// Changes to this speed by itself and sends its table.
    B(u32),
    /// Waits for our choice; offers this speed, by its place in [`RATES`].
    C(usize),
}

/// What a meter says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ident {
    /// Three letters of the maker; a small third one: 20 ms reaction time.
    pub maker: String,
    /// The baud rate character.
    pub rate: char,
    /// What the escape sequences name, `2` for mode E.
    pub enhanced: String,
    /// The rest: the maker's own.
    pub text: String,
}

impl Ident {
    /// What its baud rate character says. Reserved characters mean that the speed stays: 7 to 9
    /// still wait for a choice.
    pub fn mode(&self) -> Mode {
        match self.rate {
            '0'..='6' => Mode::C(usize::from(self.rate as u8 - b'0')),
            '7'..='9' => Mode::C(0),
            'A'..='F' => {
                let place = usize::from(self.rate as u8 - b'A') + 1;
                RATES.get(place).copied().map_or(Mode::A, Mode::B)
            }
            _ => Mode::A,
        }
    }

    /// The speed its baud rate character names, if it names one.
    pub fn baud(&self) -> Option<u32> {
        match self.mode() {
            Mode::A => None,
            Mode::B(baud) => Some(baud),
            Mode::C(place) => RATES.get(place).copied().filter(|_| self.rate <= '6'),
        }
    }

    /// Shortest time before either side answers, ms.
    pub fn reaction_ms(&self) -> u16 {
        if self.maker.ends_with(|c: char| c.is_ascii_lowercase()) { 20 } else { 200 }
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Telegram {
    /// NUL characters that wake a meter on batteries.
    Wake(usize),
    /// `/?address!`: who is there?
    SignOn(String),
    /// `/XXXZ...`: the answer.
    Ident(Ident),
    /// ACK V Z Y: the choice of protocol, speed and mode.
    Choice {
        /// V.
        protocol: char,
        /// Z.
        rate: char,
        /// Y.
        mode: char,
    },
    /// Understood.
    Ack,
    /// Repeat.
    Nak,
    /// SOH: a command; the meter's P0 as well.
    Command {
        /// Letter and digit.
        name: String,
        /// What stands behind STX, if there is one.
        data: Option<String>,
        /// Other blocks follow.
        more: bool,
    },
    /// STX: data.
    Data {
        /// All of it.
        text: String,
        /// Other blocks follow.
        more: bool,
    },
}

/// Something found in a string of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it begins.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// What it is, or its fault.
    pub what: Result<Telegram, &'static str>,
    /// Its check character, for those that have one.
    pub bcc: Option<u8>,
}

/// Everything in a string of bytes, in order; every byte belongs to something.
pub fn scan(bytes: &[u8]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let piece = Piece::first(rest);
        let end = at + piece.len.clamp(1, rest.len());
        let noise = piece.what == Err(NOISE);
        match found.last_mut() {
            Some(last) if noise && last.what == Err(NOISE) => last.end = end,
            _ => found.push(Found { start: at, end, what: piece.what, bcc: piece.bcc }),
        }
        at = end;
    }
    found
}

/// What `bytes` begin with.
pub fn first(bytes: &[u8]) -> Option<Found> {
    let Piece { what, len, bcc } = Piece::first(bytes);
    (!bytes.is_empty()).then(|| Found { start: 0, end: len.clamp(1, bytes.len()), what, bcc })
}

/// XOR of `bytes`: the check character, when these are those behind the first SOH or STX up to and
/// including ETX or EOT.
pub fn bcc(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ (byte & 0x7F))
}

struct Piece {
    what: Result<Telegram, &'static str>,
    len: usize,
    bcc: Option<u8>,
}

impl Piece {
    fn new(what: Result<Telegram, &'static str>, len: usize) -> Self {
        Self { what, len, bcc: None }
    }

    /// What `raw` begins with.
    fn first(raw: &[u8]) -> Self {
        let Some(first) = raw.first() else { return Self::new(Err(NOISE), 0) };
        let piece = match first & 0x7F {
            SOH | STX => checked(raw),
            b'/' => line(raw),
            ACK => choice(raw),
            NAK => Self::new(Ok(Telegram::Nak), 1),
            0 => {
                let nuls = raw.iter().take_while(|byte| **byte & 0x7F == 0).count();
                let what = if nuls < WAKING { Err(NOISE) } else { Ok(Telegram::Wake(nuls)) };
                Self::new(what, nuls)
            }
            _ => Self::new(Err(NOISE), 1),
        };
        let own = raw.get(..piece.len).unwrap_or(raw);
        let even = own.iter().all(|byte| *byte < 0x80)
            || own.iter().all(|byte| byte.count_ones() % 2 == 0);
        match piece.what {
            Ok(_) if !even => Self { what: Err(BAD_PARITY), ..piece },
            _ => piece,
        }
    }
}

fn masked(raw: &[u8]) -> Vec<u8> {
    raw.iter().map(|byte| byte & 0x7F).collect()
}

fn text(raw: &[u8]) -> String {
    raw.iter().map(|byte| char::from(byte & 0x7F)).collect()
}

/// SOH or STX up to the check character. Another control character means that the end got lost.
fn checked(raw: &[u8]) -> Piece {
    let command = raw.first().is_some_and(|byte| byte & 0x7F == SOH);
    // In a command STX stands behind letter and digit.
    let from = if command { 4 } else { 1 };
    let special = |byte: &u8| matches!(byte & 0x7F, SOH | STX | ETX | EOT | ACK | NAK);
    let short = raw.iter().take(from).skip(1).position(special).map(|at| at + 1);
    let at = match short {
        Some(3) if command && raw.get(3).is_some_and(|b| b & 0x7F == STX) => None,
        other => other,
    };
    let later = || raw.iter().skip(from).position(special).map(|at| at + from);
    let Some(end) = at.or_else(later) else { return Piece::new(Err(TRUNCATED), raw.len()) };
    let mark = raw.get(end).copied().unwrap_or_default() & 0x7F;
    if !matches!(mark, ETX | EOT) {
        return Piece::new(Err(TRUNCATED), end);
    }
    let Some(check) = raw.get(end + 1).map(|byte| byte & 0x7F) else {
        return Piece::new(Err(TRUNCATED), raw.len());
    };
    let body = raw.get(1..end).unwrap_or_default();
    if bcc(raw.get(1..=end).unwrap_or_default()) != check {
        // The check character may be missing, with the next frame right behind.
        let next = raw.get(end + 1..).unwrap_or_default();
        let begins = matches!(check, SOH | STX | b'/') && Piece::first(next).what.is_ok();
        let (fault, len) = if begins { (TRUNCATED, end + 1) } else { (BAD_BCC, end + 2) };
        return Piece { what: Err(fault), len, bcc: (!begins).then_some(check) };
    }
    let more = mark == EOT;
    let what = if command {
        named(body, more).ok_or(BAD_FORM)
    } else {
        Ok(Telegram::Data { text: text(body), more })
    };
    Piece { what, len: end + 2, bcc: Some(check) }
}

/// A command without SOH and end.
fn named(body: &[u8], more: bool) -> Option<Telegram> {
    let (name, data) = body.split_at_checked(2)?;
    if !name.iter().all(|byte| (byte & 0x7F).is_ascii_alphanumeric()) {
        return None;
    }
    let data = match data.split_first() {
        None => None,
        Some((first, rest)) if first & 0x7F == STX => Some(text(rest)),
        Some(_) => return None,
    };
    Some(Telegram::Command { name: text(name), data, more })
}

/// A line from `/` to CR LF. It has no other `/` in it.
fn line(raw: &[u8]) -> Piece {
    let longest = "/?!".len() + ADDRESS_MAX.max(IDENT_MAX + 2);
    let inside = |byte: &u8| (0x20..0x7F).contains(&(byte & 0x7F)) && byte & 0x7F != b'/';
    let len = 1 + raw.iter().take(longest).skip(1).take_while(|byte| inside(byte)).count();
    let line = masked(raw.get(1..len).unwrap_or_default());
    match raw.get(len..).unwrap_or_default() {
        [] if len < longest => Piece::new(Err(TRUNCATED), len),
        [cr] if cr & 0x7F == b'\r' => Piece::new(Err(TRUNCATED), len + 1),
        [cr, lf, ..] if (cr & 0x7F, lf & 0x7F) == (b'\r', b'\n') => {
            let what = signed_on(&line).or_else(|| identified(&line));
            Piece::new(what.ok_or(BAD_FORM), len + 2)
        }
        _ if line.len() < 4 => Piece::new(Err(NOISE), 1),
        _ => Piece::new(Err(BAD_FORM), len),
    }
}

fn signed_on(line: &[u8]) -> Option<Telegram> {
    let address = line.strip_prefix(b"?")?.strip_suffix(b"!")?;
    (address.len() <= ADDRESS_MAX).then(|| Telegram::SignOn(text(address)))
}

fn identified(line: &[u8]) -> Option<Telegram> {
    let (head, rest) = line.split_at_checked(4)?;
    let (maker, rate) = head.split_at_checked(3)?;
    let rate = char::from(*rate.first()?);
    if !maker.iter().all(u8::is_ascii_alphabetic) || "/!".contains(rate) {
        return None;
    }
    let mut rest = rest;
    let mut enhanced = String::new();
    while let [b'\\', which, tail @ ..] = rest {
        enhanced.push(char::from(*which));
        rest = tail;
    }
    let (maker, text) = (text(maker), text(rest));
    Some(Telegram::Ident(Ident { maker, rate, enhanced, text }))
}

/// ACK alone, or with a choice behind it.
fn choice(raw: &[u8]) -> Piece {
    let plain = masked(raw.get(1..6.min(raw.len())).unwrap_or_default());
    match plain.as_slice() {
        [v, z, y, b'\r', b'\n'] if [v, z, y].iter().all(|b| b.is_ascii_alphanumeric()) => {
            let [protocol, rate, mode] = [*v, *z, *y].map(char::from);
            Piece::new(Ok(Telegram::Choice { protocol, rate, mode }), 6)
        }
        // Nobody says a digit behind a bare ACK.
        [v, rest @ ..] if v.is_ascii_digit() && plain.len() < 5 => {
            let inside = |b: &u8| b.is_ascii_alphanumeric() || *b == b'\r';
            if rest.iter().all(inside) {
                return Piece::new(Err(TRUNCATED), raw.len());
            }
            Piece::new(Ok(Telegram::Ack), 1)
        }
        _ => Piece::new(Ok(Telegram::Ack), 1),
    }
}

impl Telegram {
    /// The bytes, without parity.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Wake(count) => vec![0; *count],
            Self::SignOn(address) => format!("/?{address}!\r\n").into_bytes(),
            Self::Ident(ident) => {
                let escapes: String = ident.enhanced.chars().flat_map(|c| ['\\', c]).collect();
                let Ident { maker, rate, text, .. } = ident;
                format!("/{maker}{rate}{escapes}{text}\r\n").into_bytes()
            }
            Self::Choice { protocol, rate, mode } => {
                format!("\x06{protocol}{rate}{mode}\r\n").into_bytes()
            }
            Self::Ack => vec![ACK],
            Self::Nak => vec![NAK],
            Self::Command { name, data, more } => {
                let mut bytes = [&[SOH], name.as_bytes()].concat();
                if let Some(data) = data {
                    bytes.push(STX);
                    bytes.extend(data.as_bytes());
                }
                ended(bytes, *more)
            }
            Self::Data { text, more } => ended([&[STX], text.as_bytes()].concat(), *more),
        }
    }

    /// A command of one block.
    pub fn command(name: &str, data: Option<String>) -> Self {
        Self::Command { name: name.to_owned(), data, more: false }
    }
}

fn ended(mut bytes: Vec<u8>, more: bool) -> Vec<u8> {
    bytes.push(if more { EOT } else { ETX });
    bytes.push(bcc(bytes.get(1..).unwrap_or_default()));
    bytes
}

/// The bytes with even parity as their eighth bit, for lines that carry eight.
pub fn with_parity(bytes: &[u8]) -> Vec<u8> {
    let even = |byte: &u8| if byte.count_ones() % 2 == 1 { byte ^ 0x80 } else { *byte };
    bytes.iter().map(even).collect()
}
