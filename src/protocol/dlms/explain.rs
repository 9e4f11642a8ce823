//! Frames in words: what `decode` and the live trace show.
//!
//! A message in several frames is put together; its last frame tells it. Passwords are hidden
//! unless asked for.

use super::address::Server;
use super::apdu::Apdu;
use super::frame::{Control, Frame, scan};
use super::link::{LLC_FROM, LLC_TO, read_params};
use super::wording;
use crate::protocol::explained::{Explained, Fields, field};
use crate::protocol::value::hex;

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From client to meter.
    Request,
    /// From meter to client.
    Response,
}

/// What is known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hint {
    /// Which way frames go that do not say so themselves: RR, and parts of messages.
    pub direction: Option<Direction>,
    /// Show passwords.
    pub secrets: bool,
}

/// Everything in a string of bytes, in order.
pub fn explain(bytes: &[u8], hint: &Hint) -> Vec<Explained> {
    let mut reader = Trace { hint: *hint, ends: None, parts: None };
    let scan = scan(bytes, true);
    let explained = |found: &super::frame::Found| match &found.frame {
        Ok(frame) => reader.frame(frame),
        Err(fault) => {
            let at = i64::try_from(found.at).unwrap_or(i64::MAX);
            Explained::bad(fault, vec![field("offset", at)], fault.replace('_', " "))
        }
    };
    scan.found.iter().map(explained).collect()
}

/// A message that goes on in the next frame.
struct Parts {
    from: Vec<u8>,
    /// N(S) of the last part: the same again is a repetition.
    number: Option<u8>,
    bytes: Vec<u8>,
}

/// What frames before tell about the next.
struct Trace {
    hint: Hint,
    /// Client and server, once known.
    ends: Option<(Vec<u8>, Vec<u8>)>,
    parts: Option<Parts>,
}

impl Trace {
    fn frame(&mut self, frame: &Frame) -> Explained {
        let control = frame.control();
        let mut fields = vec![field("frame", control.name())];
        let direction = self.direction(frame);
        ends(&mut fields, frame, direction);
        match control {
            Control::I { send, receive } => {
                fields.push(field("ns", send));
                fields.push(field("nr", receive));
            }
            Control::Rr(receive) | Control::Rnr(receive) => fields.push(field("nr", receive)),
            Control::Other(byte) => fields.push(field("control", byte)),
            _ => {}
        }
        if frame.segmented {
            fields.push(field("segmented", true));
        }
        let meaning = control.name().to_owned();
        match control {
            Control::Snrm | Control::Ua if !frame.info.is_empty() => parameters(fields, frame),
            Control::I { .. } | Control::Ui if !frame.info.is_empty() => {
                self.information(fields, frame, control)
            }
            _ => {
                if !frame.info.is_empty() {
                    fields.push(field("info", hex(&frame.info)));
                }
                Explained::good(fields, meaning)
            }
        }
    }

    /// Which way the frame goes, by what it says itself, the hint, or frames before.
    fn direction(&mut self, frame: &Frame) -> Option<Direction> {
        let own = match frame.control() {
            Control::Snrm | Control::Disc => Some(Direction::Request),
            Control::Ua | Control::Dm | Control::Frmr => Some(Direction::Response),
            _ if frame.info.starts_with(&LLC_TO) => Some(Direction::Request),
            _ if frame.info.starts_with(&LLC_FROM) => Some(Direction::Response),
            // Only a server's address has more than one byte.
            _ if frame.to.len() > frame.from.len() => Some(Direction::Request),
            _ if frame.to.len() < frame.from.len() => Some(Direction::Response),
            _ => None,
        };
        let known = self.ends.as_ref().and_then(|(client, server)| {
            match (frame.from == *client, frame.from == *server) {
                (true, false) if frame.to == *server => Some(Direction::Request),
                (false, true) if frame.to == *client => Some(Direction::Response),
                _ => None,
            }
        });
        match own {
            Some(Direction::Request) => self.ends = Some((frame.from.clone(), frame.to.clone())),
            Some(Direction::Response) => self.ends = Some((frame.to.clone(), frame.from.clone())),
            None => {}
        }
        own.or(self.hint.direction).or(known)
    }

    fn information(&mut self, mut fields: Fields, frame: &Frame, control: Control) -> Explained {
        let number = match control {
            Control::I { send, .. } => Some(send),
            _ => None,
        };
        let parts = self.parts.take().filter(|parts| parts.from == frame.from);
        let mut parts =
            parts.unwrap_or(Parts { from: frame.from.clone(), number: None, bytes: Vec::new() });
        if parts.bytes.is_empty() || parts.number != number {
            parts.bytes.extend_from_slice(&frame.info);
        }
        parts.number = number;
        if frame.segmented {
            fields.push(field("info", hex(&frame.info)));
            self.parts = Some(parts);
            return Explained::good(fields, "part of a message");
        }
        let bytes = parts.bytes;
        let message = bytes.strip_prefix(&LLC_TO).or_else(|| bytes.strip_prefix(&LLC_FROM));
        let Some(message) = message else {
            fields.push(field("info", hex(&bytes)));
            return Explained::good(fields, "information without a message's head");
        };
        match Apdu::read(message) {
            Ok(apdu) => {
                let meaning = wording::message(&mut fields, &apdu, message, self.hint.secrets);
                Explained::good(fields, meaning)
            }
            Err(fault) => {
                // An association request that cannot be read may still hold a password.
                let hidden = message.first() == Some(&0x60) && !self.hint.secrets;
                let shown = if hidden { "***".to_owned() } else { hex(message) };
                fields.push(field("apdu", wording::fault_name(fault)));
                fields.push(field("payload", shown));
                match fault {
                    super::reader::Fault::Unread(name) => Explained::good(fields, name),
                    _ => Explained::bad(fault.name(), fields, fault.name().replace('_', " ")),
                }
            }
        }
    }
}

/// Whose addresses these are. Where nothing tells, they are `to` and `from`.
fn ends(fields: &mut Fields, frame: &Frame, direction: Option<Direction>) {
    let (server, client) = match direction {
        Some(Direction::Request) => (frame.to_server(), frame.from_server()),
        Some(Direction::Response) => (frame.from_server(), frame.to_server()),
        None => {
            let shown = |server: Option<Server>| server.map(|server| server.to_string());
            fields.push(field("to", shown(frame.to_server())));
            fields.push(field("from", shown(frame.from_server())));
            return;
        }
    };
    match server {
        Some(Server::One(server)) => fields.push(field("server", server)),
        Some(server) => {
            fields.push(field("server_logical", server.logical()));
            fields.push(field("server_physical", server.physical()));
        }
        None => {}
    }
    match client {
        Some(Server::One(client)) => fields.push(field("client", client)),
        Some(other) => fields.push(field("client", other.to_string())),
        None => {}
    }
}

/// What SNRM proposes or UA grants.
fn parameters(mut fields: Fields, frame: &Frame) -> Explained {
    let Some(numbers) = read_params(&frame.info) else {
        fields.push(field("info", hex(&frame.info)));
        return Explained::bad("bad_parameters", fields, "link parameters that cannot be read");
    };
    for (name, number) in ["max_info_tx", "max_info_rx", "win_tx", "win_rx"].iter().zip(numbers) {
        if let Some(number) = number {
            fields.push(field(name, number));
        }
    }
    let name = frame.control().name();
    Explained::good(fields, format!("{name} with link parameters"))
}
