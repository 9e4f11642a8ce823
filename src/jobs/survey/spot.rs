//! Frames of every protocol in a stretch of bytes, and the questions a survey asks.
//!
//! A survey must know what it hears even where it asked for something else: a meter of another
//! protocol, the questions of a foreign master. Every frame here is proved by its own check; what
//! is left over is noise. The codecs are `protocol`'s; this file only tries them at every place.

use crate::jobs::views::SurveyProtocol;
use crate::protocol::dlt645::frame::{Address, Decoder, Frame, OVERHEAD};
use crate::protocol::modbus::frame::{Unit, open_rtu, rtu};
use crate::protocol::{cjt188, dlt698};

/// Wake-up bytes in front of a frame.
const WAKE: u8 = 0xFE;
/// What some meters send behind a frame (`reference/dlt645.md` 7).
const IDLE: u8 = 0xFF;
/// Wake-up bytes sent with questions that have them.
pub const PREAMBLE: usize = 4;

/// A whole frame somewhere in what was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Whose.
    pub protocol: SurveyProtocol,
    /// Its first byte, wake-up bytes not counted.
    pub from: usize,
    /// The byte behind its last.
    pub to: usize,
    /// Whether a master sent it.
    pub question: bool,
    /// The address of the meter it names or comes from.
    pub address: String,
    /// What identifies the contents: everything behind the address.
    pub body: Vec<u8>,
}

/// What was heard, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spotted {
    /// The whole frames in order.
    pub spots: Vec<Spot>,
    /// Bytes of no frame, and where they stood.
    pub noise: Vec<(usize, u8)>,
}

impl Spotted {
    /// The noise alone.
    pub fn noise_bytes(&self) -> Vec<u8> {
        self.noise.iter().map(|(_, byte)| *byte).collect()
    }

    /// Answers of one protocol.
    pub fn answers(&self, protocol: SurveyProtocol) -> impl Iterator<Item = &Spot> {
        self.spots.iter().filter(move |spot| spot.protocol == protocol && !spot.question)
    }
}

/// Takes bytes apart. `own` says which bytes are a question of ours.
pub fn spot(bytes: &[u8], own: &dyn Fn(&[u8]) -> bool) -> Spotted {
    let mut found = Spotted::default();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match at_start(rest) {
            Some(mut spot) => {
                let len = spot.to;
                if !(spot.question && own(rest.get(..len).unwrap_or_default())) {
                    (spot.from, spot.to) = (at, at + len);
                    found.spots.push(spot);
                }
                at += len;
            }
            None => {
                let byte = rest.first().copied().unwrap_or_default();
                found.noise.push((at, byte));
                at += 1;
            }
        }
    }
    quiet_wake(&mut found);
    found
}

/// Wake-up bytes in front of frames and idle bytes behind them are no noise.
fn quiet_wake(found: &mut Spotted) {
    let begins: Vec<usize> = found.spots.iter().map(|spot| spot.from).collect();
    let ends: Vec<usize> = found.spots.iter().map(|spot| spot.to).collect();
    let before = |noise: &[(usize, u8)], at: usize| {
        let next = begins.iter().copied().find(|begin| *begin > at);
        next.is_some_and(|next| {
            let between: Vec<u8> =
                noise.iter().filter(|(i, _)| *i >= at && *i < next).map(|(_, b)| *b).collect();
            between.len() == next - at && between.iter().all(|byte| *byte == WAKE)
        })
    };
    let behind = |noise: &[(usize, u8)], at: usize| {
        let last = ends.iter().copied().filter(|end| *end <= at).max();
        last.is_some_and(|last| {
            let between: Vec<u8> =
                noise.iter().filter(|(i, _)| *i >= last && *i <= at).map(|(_, b)| *b).collect();
            between.len() == at + 1 - last && between.iter().all(|byte| *byte == IDLE)
        })
    };
    let noise = found.noise.clone();
    found.noise.retain(|(at, _)| !before(&noise, *at) && !behind(&noise, *at));
}

/// The frame that begins with the first byte, its length in `to`.
fn at_start(bytes: &[u8]) -> Option<Spot> {
    dlt645(bytes)
        .or_else(|| cjt188(bytes))
        .or_else(|| dlt698(bytes))
        .or_else(|| iec(bytes))
        .or_else(|| modbus(bytes))
}

fn dlt645(bytes: &[u8]) -> Option<Spot> {
    let [0x68, _, _, _, _, _, _, 0x68, _, len, ..] = *bytes else { return None };
    let len = OVERHEAD + usize::from(len);
    let mut decoder = Decoder::new();
    decoder.push(bytes.get(..len)?);
    let frame = decoder.next()?.ok()?;
    // The functions of 1997 are those below 11H; 03H and 08H are in both editions.
    let old = matches!(frame.function(), 0x01 | 0x02 | 0x04 | 0x0A | 0x0C | 0x0F | 0x10);
    let protocol = if old { SurveyProtocol::Dlt645v1997 } else { SurveyProtocol::Dlt645 };
    // A meter that answers the wildcard with the wildcard gives its number in the data.
    let given = |at: usize| -> Option<Address> {
        let wire: [u8; 6] = frame.data.get(at..at + 6)?.try_into().ok()?;
        Some(Address(wire))
    };
    let address = match frame.address {
        Address::ANY if frame.control == 0x93 => given(0).unwrap_or(frame.address),
        Address::ANY if frame.control == 0x91 => given(4).unwrap_or(frame.address),
        address => address,
    };
    let mut body = vec![frame.control];
    body.extend_from_slice(&frame.data);
    let question = !frame.from_meter();
    Some(Spot { protocol, from: 0, to: len, question, address: address.to_string(), body })
}

/// `68 T A0..A6 C L DATA CS 16`.
fn cjt188(bytes: &[u8]) -> Option<Spot> {
    let [0x68, _, _, _, _, _, _, _, _, _, len, ..] = *bytes else { return None };
    let to = 13 + usize::from(len);
    let found = cjt188::frame::find(bytes.get(..to)?).into_iter().next()?;
    let frame = found.what.ok().filter(|_| found.at == 0)?;
    let mut body = vec![frame.control];
    body.extend_from_slice(&frame.data);
    Some(Spot {
        protocol: SurveyProtocol::Cjt188,
        from: 0,
        to,
        question: !frame.from_meter(),
        address: frame.address.to_string(),
        body,
    })
}

/// `68 L L C SA CA HCS APDU FCS 16`.
fn dlt698(bytes: &[u8]) -> Option<Spot> {
    let [0x68, low, high, ..] = *bytes else { return None };
    // The upper two bits are no part of the length.
    let to = usize::from(u16::from_le_bytes([low, high]) & 0x3FFF) + 2;
    let found = dlt698::frame::find(bytes.get(..to)?).into_iter().next()?;
    let frame = found.what.ok().filter(|_| found.at == 0)?;
    Some(Spot {
        protocol: SurveyProtocol::Dlt698,
        from: 0,
        to,
        question: !frame.from_meter(),
        address: frame.address.to_string(),
        body: frame.message,
    })
}

/// `/XXXZident CR LF`, or the question `/?address! CR LF`.
fn iec(bytes: &[u8]) -> Option<Spot> {
    // The parity bit may be in it, where an adapter cannot do seven bits.
    let text: Vec<u8> = bytes.iter().take(64).map(|byte| byte & 0x7F).collect();
    let end = text.windows(2).position(|pair| pair == b"\r\n")?;
    let line = text.get(..end)?.strip_prefix(b"/")?;
    let question = line.first() == Some(&b'?');
    let maker = line.get(..3)?.iter().all(u8::is_ascii_alphabetic);
    let baud = line.get(3)?.is_ascii_alphanumeric();
    if !(question || maker && baud) || !line.iter().all(|c| matches!(c, 0x20..=0x7E)) {
        return None;
    }
    let address = String::from_utf8_lossy(line).into_owned();
    let body = line.to_vec();
    Some(Spot { protocol: SurveyProtocol::Iec, from: 0, to: end + 2, question, address, body })
}

fn modbus(bytes: &[u8]) -> Option<Spot> {
    let (unit, function, third) = match *bytes {
        [unit, function, third, ..] => (unit, function, usize::from(third)),
        _ => return None,
    };
    // An answer of 01..04 says its length; the questions, and the answers of 05, 06, 0F and 10,
    // are eight long; a refusal is five.
    let lengths: &[(usize, bool)] = match function {
        0x01..=0x04 => &[(5 + third, false), (8, true)],
        0x05 | 0x06 => &[(8, false)],
        0x0F | 0x10 => &[(8, false), (9 + usize::from(*bytes.get(6).unwrap_or(&0)), true)],
        0x07 => &[(5, false), (4, true)],
        0x81..=0x90 => &[(5, false)],
        _ => &[],
    };
    let (to, question) = lengths
        .iter()
        .copied()
        .find(|(len, _)| bytes.get(..*len).is_some_and(|frame| open_rtu(frame).is_some()))?;
    Some(Spot {
        protocol: SurveyProtocol::Modbus,
        from: 0,
        to,
        question,
        address: unit.to_string(),
        body: bytes.get(1..to - 2)?.to_vec(),
    })
}

/// Registers asked for: with four the answer (13 characters) is longer than the question, so that
/// a late one cannot hide behind the next question.
const REGISTERS: u8 = 4;

/// Read the first registers of a unit: a meter that has none there refuses, which is an answer.
pub fn modbus_read(unit: u8) -> Vec<u8> {
    rtu(Unit(unit), &[0x03, 0, 0, 0, REGISTERS])
}

/// Read these holding registers of a unit.
pub fn modbus_registers(unit: u8, register: u16, count: u8) -> Vec<u8> {
    let [high, low] = register.to_be_bytes();
    rtu(Unit(unit), &[0x03, high, low, 0, count])
}

/// Read the exception status: the shortest question there is. Who does not know it refuses.
pub fn modbus_status(unit: u8) -> Vec<u8> {
    rtu(Unit(unit), &[0x07])
}

/// DL/T 645-2007: read the address (13H), for whoever is alone.
pub fn dlt645_address() -> Vec<u8> {
    Frame::new(Address::ANY, 0x13, []).encode(PREAMBLE)
}

/// DL/T 645-2007: read one item.
pub fn dlt645_read(address: Address, di: u32) -> Vec<u8> {
    Frame::new(address, 0x11, di.to_le_bytes()).encode(PREAMBLE)
}

/// DL/T 645-1997: read one item. 9010H is the forward active energy every meter has.
pub fn dlt645_read_1997(address: Address) -> Vec<u8> {
    Frame::new(address, 0x01, 0x9010_u16.to_le_bytes()).encode(PREAMBLE)
}

/// Types of CJ/T 188 meters asked for: any, water, heat, gas, electricity and others. Some firmware
/// answers its own type only.
pub const CJT188_KINDS: [u8; 5] = [0xAA, 0x10, 0x20, 0x30, 0x40];

/// CJ/T 188: read the address (03H, DI 810A) of one type of meter, any address.
pub fn cjt188_address(kind: u8) -> Vec<u8> {
    let address = cjt188::frame::Address { kind, number: [0xAA; 7] };
    let frame = cjt188::frame::Frame { address, control: 0x03, data: vec![0x81, 0x0A, 0x00] };
    frame.encode(PREAMBLE)
}

/// DL/T 698.45: read the address (4001-02-00) of any server. Safe to send anywhere.
pub fn dlt698_address() -> Vec<u8> {
    dlt698_probe(dlt698::frame::Address::any())
}

/// The same question to those with these digits, low byte first; `AA` stands for any two.
pub fn dlt698_named(wire: [u8; 6]) -> Vec<u8> {
    dlt698_probe(dlt698::frame::Address::of_wire(wire))
}

fn dlt698_probe(address: dlt698::frame::Address) -> Vec<u8> {
    let frame = dlt698::frame::Frame {
        control: 0x43,
        address,
        client: 0,
        message: vec![0x05, 0x01, 0x25, 0x40, 0x01, 0x02, 0x00, 0x00],
    };
    frame.encode(PREAMBLE)
}

/// IEC 62056-21: who is there?
pub fn iec_request() -> Vec<u8> {
    b"/?!\r\n".to_vec()
}
