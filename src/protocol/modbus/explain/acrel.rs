//! Frames of Acrel's 4G meters: `7B 7B | command | payload | CRC | 7D 7D`.
//!
//! The CRC is that of Modbus over command and payload, low byte first. Command 90 carries a Modbus
//! RTU frame (`reference/other-meters.md` 1.3).

use super::{Hint, explain, lower};
use crate::protocol::explained::{Explained, field};
use crate::protocol::modbus::frame::crc16;
use crate::protocol::value::hex;

const START: [u8; 2] = [0x7B, 0x7B];
const END: [u8; 2] = [0x7D, 0x7D];
/// Command, CRC and both marks.
const SHORTEST: usize = 7;
/// Longest frame looked for: an upload carries some hundred bytes.
const LONGEST: usize = 2048;
/// Carries a Modbus RTU frame.
const DOWNLINK: u8 = 0x90;

/// Explains every frame of an Acrel 4G meter in `bytes`.
pub fn explain_4g(bytes: &[u8], hint: &Hint) -> Vec<Explained> {
    let mut told = Vec::new();
    let (mut noise, mut at) = (0, 0);
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        match find(rest) {
            Some((command, payload, len)) => {
                told.extend(between(bytes.get(noise..at).unwrap_or_default()));
                told.push(frame(command, payload, hint));
                at += len;
                noise = at;
            }
            None => at += 1,
        }
    }
    told.extend(between(bytes.get(noise..).unwrap_or_default()));
    told
}

/// The frame at the beginning: the end mark may also be in the payload, so the CRC decides.
fn find(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let inside = bytes.strip_prefix(&START)?;
    let last = bytes.len().min(LONGEST);
    (SHORTEST..=last).find_map(|len| {
        let body = inside.get(..len - START.len())?.strip_suffix(&END)?;
        let (body, crc) = body.split_last_chunk::<2>()?;
        let (command, payload) = body.split_first()?;
        let good = u16::from_le_bytes(*crc) == crc16(body);
        good.then_some((*command, payload, len))
    })
}

fn frame(command: u8, payload: &[u8], hint: &Hint) -> Explained {
    let name = match command {
        0x84 => "register",
        0x90 => "downlink",
        0x91 => "upload",
        0x93 => "clock",
        0x94 => "heartbeat",
        _ => "unknown command",
    };
    let mut fields = vec![
        field("delim", "7B7B..7D7D"),
        field("cmd", command),
        field("payload", lower(payload)),
        field("crc", "CRC16/Modbus over cmd+payload, low byte first"),
        field("command", name),
    ];
    let inner = if command == DOWNLINK { explain(payload, hint) } else { Vec::new() };
    let fault = inner.iter().find_map(|inner| inner.fault);
    let mut meaning = name.to_owned();
    if let Some(inner) = inner.into_iter().next() {
        meaning = format!("{name}: {}", inner.meaning);
        fields.push(("modbus".to_owned(), crate::protocol::explained::Datum::Map(inner.fields)));
    }
    Explained { fault, fields, meaning }
}

/// What lies between frames.
fn between(bytes: &[u8]) -> Option<Explained> {
    let (first, _) = bytes.split_first()?;
    let marked = bytes.starts_with(&START);
    let (fault, meaning) = match (marked, bytes.ends_with(&END) && bytes.len() >= SHORTEST) {
        (true, true) => ("bad_crc", "the CRC does not fit"),
        (true, false) => ("truncated", "the bytes end before the frame does"),
        _ if START.contains(first) && bytes.len() == 1 => {
            ("truncated", "the bytes end before the frame does")
        }
        _ => ("collision_or_noise", "no frame in these bytes"),
    };
    Some(Explained::bad(fault, vec![field("bytes", hex(bytes))], meaning))
}
