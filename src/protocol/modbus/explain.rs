//! Recorded bytes in words: every frame in them, in order, and what lies between.
//!
//! Nothing says where an RTU frame ends but silence, which a recording has lost. So frames are
//! found by shape and CRC; where a request and a reply look alike (06) only a hint, or what came
//! before, tells them apart.

mod acrel;
mod words;

pub use acrel::explain_4g;

use super::frame::{self, MAX_RTU, Mbap, Unit};
use super::pdu::{EXCEPTION, MAX_READ};
use crate::protocol::explained::{Datum, Explained, Fields, field};
use crate::protocol::value::hex;
use words::{Said, say};

use std::cmp::Reverse;

/// Bits that may be asked for at once (Modbus application protocol 1.1b3, 6.1).
const MAX_READ_BITS: u16 = 2000;

/// Whose frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From us.
    Request,
    /// From a meter.
    Response,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// What is known about the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hint {
    /// Whose frames they are.
    pub direction: Option<Direction>,
    /// The unit that was asked.
    pub unit: Option<u8>,
    /// The request these bytes followed, as it was sent; it may stand in front of them, echoed.
    pub after: Option<Vec<u8>>,
}

/// A frame found in a stretch of bytes.
struct Found<'a> {
    unit: Unit,
    pdu: &'a [u8],
    direction: Option<Direction>,
    bytes: &'a [u8],
}

/// Explains every RTU frame in `bytes`.
pub fn explain(bytes: &[u8], hint: &Hint) -> Vec<Explained> {
    let mut bytes = bytes;
    let mut teller = Teller::new(hint);
    if let Some(after) = hint.after.as_deref().filter(|after| !after.is_empty()) {
        let reply = bytes.strip_prefix(after).filter(|reply| !reply.is_empty());
        teller.echoed = reply.is_some();
        bytes = reply.unwrap_or(bytes);
    }
    let mut noise = 0;
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        match find(rest, teller.expects()) {
            Some(found) => {
                teller.noise(bytes.get(noise..at).unwrap_or_default());
                at += found.bytes.len();
                noise = at;
                teller.frame(&found);
            }
            None => at += 1,
        }
    }
    teller.noise(bytes.get(noise..).unwrap_or_default());
    teller.told
}

/// Explains every Modbus TCP frame in `bytes`.
pub fn explain_tcp(bytes: &[u8], hint: &Hint) -> Vec<Explained> {
    let mut teller = Teller { tcp: true, ..Teller::new(hint) };
    let (mut noise, mut at) = (0, 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Mbap::Frame { transaction, unit, pdu, len } = frame::open_tcp(rest) else {
            at += 1;
            continue;
        };
        teller.noise(bytes.get(noise..at).unwrap_or_default());
        at += len;
        noise = at;
        let (direction, bytes) = (shape(pdu), rest.get(..len).unwrap_or_default());
        teller.transaction = Some(transaction);
        teller.frame(&Found { unit, pdu, direction, bytes });
        teller.transaction = None;
    }
    teller.noise(bytes.get(noise..).unwrap_or_default());
    teller.told
}

/// The lengths an RTU frame that begins so can have, as request and as response. A count that has
/// not come yet counts as a long one.
fn lengths(bytes: &[u8]) -> Vec<(usize, Direction)> {
    use Direction::{Request, Response};
    let Some(function) = bytes.get(1) else { return Vec::new() };
    let counted = |at: usize| bytes.get(at).map_or(MAX_RTU - 9, |count| usize::from(*count));
    match function {
        function if function & EXCEPTION != 0 => vec![(5, Response)],
        0x01..=0x04 => {
            let count = counted(2);
            let good = count > 0 && (*function < 0x03 || count % 2 == 0);
            let reply = good.then_some((count + 5, Response));
            std::iter::once((8, Request)).chain(reply).collect()
        }
        0x05 | 0x06 => vec![(8, Request), (8, Response)],
        0x0F | 0x10 => vec![(8, Response), (counted(6) + 9, Request)],
        _ => Vec::new(),
    }
}

/// The direction a PDU's shape tells, where it does.
fn shape(pdu: &[u8]) -> Option<Direction> {
    let counted = |at: usize| pdu.get(at).map(|n| usize::from(*n));
    match pdu.first()? {
        function if function & EXCEPTION != 0 => Some(Direction::Response),
        0x03 | 0x04 if pdu.len().is_multiple_of(2) => Some(Direction::Response),
        0x01..=0x04 if pdu.len() == 5 && asks(pdu) => Some(Direction::Request),
        0x01 | 0x02 if counted(1).is_some_and(|n| n + 2 == pdu.len()) => Some(Direction::Response),
        0x01..=0x04 if pdu.len() == 5 => Some(Direction::Request),
        0x0F | 0x10 if counted(5).is_some_and(|n| n + 6 == pdu.len()) => Some(Direction::Request),
        0x0F | 0x10 if pdu.len() == 5 => Some(Direction::Response),
        // Questions without a body; answers have one.
        0x07 | 0x0B | 0x0C | 0x11 if pdu.len() == 1 => Some(Direction::Request),
        0x07 | 0x0B | 0x0C | 0x11 => Some(Direction::Response),
        0x17 if counted(9).is_some_and(|n| n + 10 == pdu.len()) => Some(Direction::Request),
        0x17 if counted(1).is_some_and(|n| n + 2 == pdu.len()) => Some(Direction::Response),
        0x2B if pdu.len() == 4 => Some(Direction::Request),
        0x2B => Some(Direction::Response),
        _ => None,
    }
}

/// Whether the five bytes of a reading ask for as many as one may: what begins so and does not is
/// the answer of eight bytes with three of data.
fn asks(pdu: &[u8]) -> bool {
    let most = if matches!(pdu.first(), Some(0x01 | 0x02)) { MAX_READ_BITS } else { MAX_READ };
    let count = pdu.get(3..5).and_then(|count| <[u8; 2]>::try_from(count).ok());
    count.map(u16::from_be_bytes).is_some_and(|count| (1..=most).contains(&count))
}

/// The frame at the beginning of `bytes`. `expects`: which kind to try first.
fn find(bytes: &[u8], expects: Option<Direction>) -> Option<Found<'_>> {
    let mut lengths = lengths(bytes);
    // Of two that fit, one CRC is right by chance; the longer leaves fewer bytes unexplained.
    // Where both are right they are of one length: the count tells.
    let unlikely = |direction: &Direction| {
        *direction == Direction::Request
            && matches!(bytes.get(1), Some(0x01..=0x04))
            && !bytes.get(1..6).is_some_and(asks)
    };
    lengths.sort_by_key(|(len, direction)| {
        (Some(*direction) != expects, unlikely(direction), Reverse(*len))
    });
    for (len, direction) in &lengths {
        let Some(frame) = bytes.get(..*len) else { continue };
        if let Some((unit, pdu)) = frame::open_rtu(frame) {
            // 05 and 06 look alike both ways.
            let alike = matches!(pdu.first(), Some(0x05 | 0x06));
            let direction = Some(*direction).filter(|_| !alike);
            return Some(Found { unit, pdu, direction, bytes: frame });
        }
    }
    // A function whose length nobody knows: only as the whole of what there is.
    let whole = (4..=MAX_RTU).contains(&bytes.len()) && lengths.is_empty();
    let (unit, pdu) = frame::open_rtu(bytes).filter(|_| whole)?;
    Some(Found { unit, pdu, direction: shape(pdu), bytes })
}

/// Tells what was found, in order, with what earlier frames say about later ones.
struct Teller {
    direction: Option<Direction>,
    unit: Option<u8>,
    /// The request last seen, as sent.
    after: Option<Vec<u8>>,
    /// What followed the request came behind its echo.
    echoed: bool,
    tcp: bool,
    transaction: Option<u16>,
    told: Vec<Explained>,
}

impl Teller {
    fn new(hint: &Hint) -> Self {
        let asked = hint.after.as_ref().and_then(|after| after.first().copied());
        Self {
            direction: hint.direction,
            unit: hint.unit.or(asked),
            after: hint.after.clone(),
            echoed: false,
            tcp: false,
            transaction: None,
            told: Vec::new(),
        }
    }

    /// What kind of frame is likely next.
    fn expects(&self) -> Option<Direction> {
        self.direction.or(self.after.as_ref().map(|_| Direction::Response))
    }

    fn frame(&mut self, found: &Found<'_>) {
        // Nobody answers from the address of all.
        let to_all = (found.unit == Unit::BROADCAST && !self.tcp).then_some(Direction::Request);
        let direction = found.direction.or(to_all).or(self.expects());
        let after = self.after.clone();
        let asked = after.as_deref().and_then(|after| self.request_pdu(after));
        let Said { mut fields, meaning, mut fault } = say(found.pdu, direction, asked);
        let mut head = vec![field("addr", found.unit.0)];
        if let Some(transaction) = self.transaction {
            head.insert(0, field("transaction", transaction));
        }
        head.append(&mut fields);
        head.push(field("direction", direction.map(Direction::name)));
        let to_whom = match direction {
            Some(Direction::Request) => "to ",
            Some(Direction::Response) => "from ",
            None => "",
        };
        if let Some(after) = after.filter(|_| direction == Some(Direction::Response)) {
            head.push(field("after_request", lower(&after)));
            head.push(field("reply", lower(found.bytes)));
            head.push(field("echo", self.echoed));
        }
        if let Some(expected) = self.unit.filter(|unit| *unit != found.unit.0) {
            head.push(field("expected_addr", expected));
            fault = Some("unit_mismatch");
        }
        let meaning = format!("{to_whom}unit {}: {meaning}", found.unit);
        self.told.push(Explained { fault, fields: head, meaning });
        // A request is what the next frame answers; an answered one is done with.
        self.after = (direction != Some(Direction::Response)).then(|| found.bytes.to_vec());
        self.echoed = false;
    }

    /// The PDU of an earlier frame of the same framing.
    fn request_pdu<'a>(&self, after: &'a [u8]) -> Option<&'a [u8]> {
        if self.tcp { after.get(frame::MBAP..) } else { frame::open_rtu(after).map(|(_, pdu)| pdu) }
    }

    /// Bytes in which no frame was found: what could be one is named bit by bit.
    fn noise(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let likely = self.likely(bytes);
            let whole = likely.iter().copied().find(|len| *len == bytes.len());
            let part = likely.iter().copied().rev().find(|len| *len < bytes.len());
            let (fault, meaning, len) = match whole.or(part) {
                Some(len) => ("bad_crc", "the CRC does not fit", len),
                None if !likely.is_empty() => {
                    ("truncated", "the bytes end before the frame does", bytes.len())
                }
                None => ("collision_or_noise", "no frame in these bytes", bytes.len()),
            };
            let (head, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
            let mut fields: Fields = Vec::new();
            if fault != "collision_or_noise" && !self.tcp {
                fields.push(field("addr", head.first().copied()));
                fields.push(field("fc", head.get(1).map(|function| function & !EXCEPTION)));
            }
            fields.push(field("bytes", Datum::Text(hex(head))));
            self.told.push(Explained::bad(fault, fields, meaning));
            bytes = rest;
        }
    }

    /// The lengths a frame can have that begins so, if one does: requests first.
    fn likely(&self, bytes: &[u8]) -> Vec<usize> {
        if self.tcp {
            return match frame::open_tcp(bytes) {
                Mbap::Short(missing) => vec![bytes.len() + missing],
                _ => Vec::new(),
            };
        }
        let [unit, function, rest @ ..] = bytes else { return Vec::new() };
        let exception = function & EXCEPTION != 0;
        let known = matches!(function & !EXCEPTION, 0x01..=0x06 | 0x0F | 0x10);
        let code = rest.first().is_none_or(|code| (0x01..=0x0B).contains(code));
        if !known || !Unit(*unit).is_usual() || (exception && !code) {
            return Vec::new();
        }
        let expects = self.expects();
        let count = rest.get(2..4).and_then(|count| <[u8; 2]>::try_from(count).ok());
        let asks = count.map(u16::from_be_bytes).is_none_or(|count| count <= MAX_READ);
        let fits = |(len, kind): &(usize, Direction)| {
            let read = matches!(function, 0x03 | 0x04) && *kind == Direction::Request;
            let wanted = expects.is_none_or(|expects| expects == *kind);
            *len <= MAX_RTU && wanted && (asks || !read)
        };
        lengths(bytes).into_iter().filter(fits).map(|(len, _)| len).collect()
    }
}

fn lower(bytes: &[u8]) -> String {
    hex(bytes).to_ascii_lowercase()
}
