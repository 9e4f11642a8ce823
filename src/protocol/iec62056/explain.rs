//! Frames of IEC 62056-21 in words, for `decode`, the live trace and recordings.

use super::data::{self, DataSet};
use super::frame::{Found, Ident, NOISE, STX, Telegram, scan};
use crate::protocol::explained::{Datum, Explained, Fields, field};
use crate::protocol::value::hex;

/// What is shown instead of a password.
const HIDDEN: &str = "***";
/// What a frame with a fault is called.
const DAMAGED: &str = "damaged frame";

/// What is known about the bytes, or wanted of the words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hint {
    /// Show no passwords: for whatever is seen or kept without being asked for.
    pub hide_secrets: bool,
}

/// Every frame in `bytes`, in order, and whatever is wrong between them.
pub fn explain(bytes: &[u8], hint: &Hint) -> Vec<Explained> {
    scan(bytes).iter().map(|found| one(bytes, found, hint)).collect()
}

fn one(bytes: &[u8], found: &Found, hint: &Hint) -> Explained {
    match &found.what {
        Ok(telegram) => good(telegram, found.bcc, hint),
        Err(fault) => {
            let own = bytes.get(found.start..found.end).unwrap_or_default();
            bad(fault, own, found.bcc, hint)
        }
    }
}

fn bad(fault: &'static str, own: &[u8], bcc: Option<u8>, hint: &Hint) -> Explained {
    if hint.hide_secrets {
        // A password may be in it, whole or in part, and its command lost.
        return Explained::bad(fault, vec![field("bytes", HIDDEN)], DAMAGED);
    }
    let plain: Vec<u8> = own.iter().map(|byte| byte & 0x7F).collect();
    let mut fields = vec![field("bytes", hex(own))];
    // Of a data message with a wrong check character the rest can still be read.
    if let ([STX, body @ .., _, _], true) = (plain.as_slice(), bcc.is_some()) {
        let body: String = body.iter().map(|byte| char::from(*byte)).collect();
        fields.push(field("data", rows(&data::parse(&body).0)));
    }
    fields.extend(bcc.map(|bcc| field("bcc", check(bcc))));
    let meaning = if fault == NOISE { "no frame" } else { DAMAGED };
    Explained::bad(fault, fields, meaning)
}

fn good(telegram: &Telegram, bcc: Option<u8>, hint: &Hint) -> Explained {
    let kind = |name: &str| field("type", name);
    let told = |fields: Fields, meaning: &str| Explained::good(fields, meaning);
    match telegram {
        Telegram::Wake(count) => {
            let count = u32::try_from(*count).unwrap_or(u32::MAX);
            told(vec![kind("wake"), field("characters", count)], "wake-up")
        }
        Telegram::SignOn(address) => {
            told(vec![kind("request"), field("address", address.as_str())], "sign-on")
        }
        Telegram::Ident(ident) => told(identification(ident), "identification"),
        Telegram::Choice { protocol, rate, mode } => {
            let fields = vec![
                kind("ack"),
                field("protocol", protocol_name(*protocol)),
                field("baud_char", rate.to_string()),
                field("mode", mode_name(*mode)),
            ];
            told(fields, "choice of protocol, speed and mode")
        }
        Telegram::Ack => told(vec![kind("ack")], "understood"),
        Telegram::Nak => told(vec![kind("nak")], "not understood, repeat"),
        Telegram::Command { name, data, more } => command(name, data.as_deref(), *more, bcc, hint),
        Telegram::Data { text, more } => message(text, *more, bcc),
    }
}

fn identification(ident: &Ident) -> Fields {
    let mut fields = vec![
        field("type", "identification"),
        field("manufacturer", ident.maker.as_str()),
        field("baud_char", ident.rate.to_string()),
        field("baud", ident.baud()),
    ];
    if !ident.enhanced.is_empty() {
        fields.push(field("enhanced", ident.enhanced.as_str()));
    }
    fields.push(field("ident", ident.text.as_str()));
    fields.push(field("reaction_ms", ident.reaction_ms()));
    fields
}

fn protocol_name(protocol: char) -> String {
    match protocol {
        '2' => "2 (HDLC)".to_owned(),
        other => other.to_string(),
    }
}

fn mode_name(mode: char) -> String {
    match mode {
        '0' => "readout".to_owned(),
        '1' => "programming".to_owned(),
        '2' => "2 (binary, mode E)".to_owned(),
        other => other.to_string(),
    }
}

fn command(name: &str, data: Option<&str>, more: bool, bcc: Option<u8>, hint: &Hint) -> Explained {
    let mut fields = vec![field("type", "command"), field("cmd", name)];
    let (sets, fault) = data::parse(data.unwrap_or_default());
    let inside = || sets.iter().map(as_sent).collect::<Vec<_>>().join(")(");
    let address = || sets.first().and_then(|set| set.address.as_deref()).unwrap_or_default();
    let secret = name.starts_with('P') && name != "P0";
    let (fault, meaning) = match (name.chars().next(), data) {
        (Some('P'), Some(_)) => {
            let shown = if secret && hint.hide_secrets { HIDDEN.to_owned() } else { inside() };
            fields.push(field(if secret { "password" } else { "data" }, shown));
            (fault, if secret { "password" } else { "password wanted" })
        }
        (Some('R' | 'W' | 'E'), Some(_)) => {
            fields.push(field("address", address()));
            fields.push(field("data", inside()));
            let meaning = if name.starts_with('R') { "read" } else { "write" };
            (fault, if name.starts_with('E') { "execute" } else { meaning })
        }
        (Some('B'), _) => (None, "break"),
        (_, Some(text)) => {
            fields.push(field("data", text));
            (None, "command")
        }
        (_, None) => (None, "command"),
    };
    if more {
        fields.push(field("more", true));
    }
    fields.extend(bcc.map(|bcc| field("bcc", check(bcc))));
    Explained { fault, fields, meaning: meaning.to_owned() }
}

fn message(text: &str, more: bool, bcc: Option<u8>) -> Explained {
    let (sets, fault) = data::parse(text);
    let refused = data::refusal(text);
    let mut fields = vec![field("type", if refused.is_some() { "refusal" } else { "data" })];
    if let Some((says, _)) = refused {
        fields.push(field("refusal", says));
    }
    fields.push(field("data", rows(&sets)));
    if more {
        fields.push(field("more", true));
    }
    fields.extend(bcc.map(|bcc| field("bcc", check(bcc))));
    let meaning = match refused {
        Some(_) => "refusal",
        None if more => "data, more follows",
        None => "data",
    };
    Explained { fault, fields, meaning: meaning.to_owned() }
}

fn rows(sets: &[DataSet]) -> Vec<Datum> {
    let text = |text: &Option<String>| Datum::from(text.clone());
    let row = |set: &DataSet| {
        Datum::List(vec![text(&set.address), set.value.as_str().into(), text(&set.unit)])
    };
    sets.iter().map(row).collect()
}

/// Value and unit as they stand between the brackets.
fn as_sent(set: &DataSet) -> String {
    match &set.unit {
        Some(unit) => format!("{}*{unit}", set.value),
        None => set.value.clone(),
    }
}

fn check(bcc: u8) -> String {
    format!("{bcc:02x}")
}
