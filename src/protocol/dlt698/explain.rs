//! Recorded bytes in words: every frame in them, in order, and what lies between.

use super::apdu::{self, Got};
use super::data;
use super::frame::{self, Address, AddressKind, Frame};
use super::reader::Reader;
use crate::protocol::explained::{Datum, Explained, Fields, field};
use crate::protocol::scan::Fault;
use crate::protocol::value::hex;

/// What is known about the bytes: nothing needs to be, frames say everything themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hint;

/// Explains every frame in `bytes`.
pub fn explain(bytes: &[u8], _hint: &Hint) -> Vec<Explained> {
    let told = |found: frame::Found<Frame>| match found.what {
        Ok(frame) => good(&frame),
        Err(fault) => bad(fault),
    };
    frame::find(bytes).into_iter().map(told).collect()
}

fn bad(fault: Fault) -> Explained {
    let mut fields = Fields::new();
    if let Some([computed, printed]) = fault.check {
        // As they lie on the wire, low byte first.
        fields.push(field("computed", lower(&computed.to_le_bytes())));
        fields.push(field("printed", lower(&printed.to_le_bytes())));
    }
    let meaning = match fault.name {
        "bad_hcs" => "wrong header check",
        "bad_fcs" => "wrong frame check",
        "bad_end" => "no end byte where the frame should end",
        "truncated" => "the bytes end before the frame does",
        _ => "bytes without a frame",
    };
    Explained::bad(fault.name, fields, meaning)
}

fn lower(bytes: &[u8]) -> String {
    hex(bytes).to_lowercase()
}

fn address(address: &Address) -> String {
    match address.kind {
        AddressKind::Single => address.to_string(),
        kind => format!("{} {address}", kind.name()),
    }
}

fn good(frame: &Frame) -> Explained {
    let mut fields = vec![
        field("ctrl", frame.control),
        field("sa", address(&frame.address)),
        field("ca", frame.client),
        field("direction", if frame.from_meter() { "response" } else { "request" }),
    ];
    if frame.address.logical != 0 {
        fields.push(field("logical", frame.address.logical));
    }
    let way = if frame.from_meter() { "from" } else { "to" };
    let who = address(&frame.address);
    if frame.is_segment() {
        let what = segment(&frame.message, &mut fields);
        return Explained::good(fields, format!("{way} {who}: {what}"));
    }
    let name = apdu::name(&frame.message);
    fields.push(field("apdu", name));
    let mut meaning = format!("{way} {who}: {}", name.unwrap_or("unknown message"));
    let read = read_message(&frame.message, &mut fields, &mut meaning);
    if read.is_none() {
        fields.push(field("payload", lower(&frame.message)));
    }
    Explained::good(fields, meaning)
}

/// A segment: two bytes with its number and place in front.
fn segment(message: &[u8], fields: &mut Fields) -> String {
    let Some((head, piece)) = message.split_first_chunk::<2>() else {
        return "segment without a head".to_owned();
    };
    let word = u16::from_le_bytes(*head);
    let place = match word >> 14 {
        0 => "first",
        1 => "last",
        2 => "confirmation",
        _ => "middle",
    };
    fields.push(field("segment", word & 0x0FFF));
    fields.push(field("segment_place", place));
    fields.push(field("payload", lower(piece)));
    format!("segment {}, {place}", word & 0x0FFF)
}

/// The fields of a message; `None` where its form is not one of those known here.
fn read_message(message: &[u8], fields: &mut Fields, meaning: &mut String) -> Option<()> {
    let mut r = Reader::new(message);
    let tag = r.u8()?;
    match tag {
        1 | 129 => link(tag, &mut r, fields, meaning),
        5 => get_request(&mut r, fields),
        133 => get_response(message, fields, meaning),
        238 => {
            let (piid, reason) = apdu::error_response(message)?;
            fields.push(field("piid", piid));
            fields.push(field("reason", reason));
            fields.push(field("reason_name", apdu::error_name(reason)));
            Some(())
        }
        // Others are named; their number stands at the same place.
        2 | 3 | 130 | 131 => number_and_rest(&mut r, fields),
        6..=9 | 134..=137 => {
            r.u8()?;
            number_and_rest(&mut r, fields)
        }
        _ => None,
    }
}

fn number_and_rest(r: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    fields.push(field("piid", r.u8()?));
    fields.push(field("payload", lower(r.rest())));
    Some(())
}

/// A terminal that logs in, says it is alive, or leaves.
fn link(tag: u8, r: &mut Reader<'_>, fields: &mut Fields, meaning: &mut String) -> Option<()> {
    let before = fields.len();
    let mut told = || -> Option<()> {
        fields.push(field("piid", r.u8()?));
        if tag == 129 {
            fields.push(field("result", r.u8()?));
            for name in ["asked_at", "received_at", "answered_at"] {
                fields.push(field(name, data::date_time(r)?));
            }
            return Some(());
        }
        let kind = match r.u8()? {
            0 => "LOGIN",
            1 => "HEARTBEAT",
            2 => "LOGOUT",
            _ => "unknown",
        };
        fields.push(field("link", kind));
        meaning.push_str(&format!(" {kind}"));
        fields.push(field("heartbeat_s", r.u16()?));
        fields.push(field("time", data::date_time(r)?));
        Some(())
    };
    let read = told();
    if read.is_none() {
        fields.truncate(before);
    }
    read
}

fn get_request(r: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    let [kind, piid] = r.array()?;
    match kind {
        1 => {
            let oad = r.u32()?;
            fields.push(field("piid", piid));
            fields.push(field("oad", data::oad_text(oad)));
        }
        2 => {
            let count = r.count(4)?;
            let oads: Option<Vec<String>> =
                (0..count).map(|_| r.u32().map(data::oad_text)).collect();
            fields.push(field("piid", piid));
            fields.push(field("oads", oads?));
        }
        5 => {
            let block = r.u16()?;
            fields.push(field("piid", piid));
            fields.push(field("block", block));
        }
        _ => {
            fields.push(field("piid", piid));
            fields.push(field("payload", lower(r.rest())));
            return Some(());
        }
    }
    time_tag(r, fields);
    Some(())
}

fn get_response(message: &[u8], fields: &mut Fields, meaning: &mut String) -> Option<()> {
    if let Some(response) = apdu::get_response(message) {
        fields.push(field("piid", response.piid));
        return match response.results.as_slice() {
            [only] if !response.list => {
                fields.extend(result_fields(only));
                if let Err(code) = only.what {
                    meaning.push_str(&format!(" refused: {}", apdu::dar_name(code)));
                }
                Some(())
            }
            several => {
                let results = several.iter().map(|got| Datum::Map(result_fields(got)));
                fields.push(field("results", Datum::List(results.collect())));
                Some(())
            }
        };
    }
    let mut r = Reader::new(message);
    let [_, kind, piid] = r.array()?;
    match kind {
        5 => {
            let [last] = r.array()?;
            let block = r.u16()?;
            fields.push(field("piid", piid));
            fields.push(field("last", last != 0));
            fields.push(field("block", block));
        }
        3 => {
            let oad = r.u32()?;
            let columns = data::columns(&mut r)?;
            fields.push(field("piid", piid));
            fields.push(field("oad", data::oad_text(oad)));
            fields.push(("columns".to_owned(), columns));
        }
        _ => fields.push(field("piid", piid)),
    }
    fields.push(field("payload", lower(r.rest())));
    Some(())
}

fn result_fields(got: &Got) -> Fields {
    let mut fields = vec![field("oad", data::oad_text(got.oad))];
    match &got.what {
        Ok(data) => fields.push(("data".to_owned(), data.datum())),
        Err(code) => {
            fields.push(field("dar", *code));
            fields.push(field("dar_name", apdu::dar_name(*code)));
        }
    }
    fields
}

/// What follows a question: nothing, or a time tag.
fn time_tag(r: &mut Reader<'_>, fields: &mut Fields) {
    if r.u8() == Some(1) {
        fields.push(field("time_tag", lower(r.rest())));
    }
}
