//! Frames in words: what the `decode` command and the live trace show.
//!
//! Plain structs, no output format. Everything that the tables know is named, everything else is
//! kept as hex; nothing is dropped. Which edition a frame follows is told by its control code where
//! that is possible (dlt645.md 2), else by a hint.

mod data_1997;
mod data_2007;
mod security;

use super::frame::{Decoder, Found, Frame, FrameError};
use super::items::Decoded;
use super::words::{Edition, ErrorWord};
use crate::protocol::value::{CivilTime, Decimal, Value, hex};

/// Bytes handed to the decoder at once; less than it keeps.
const PIECE: usize = 1024;
/// Values a one-line summary names before it only counts them.
const FEW: usize = 3;

/// Something found in a string of bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// `FE` bytes right before it.
    pub preamble: usize,
    /// What the frame says, or what is wrong with it.
    pub frame: Result<Content, FrameError>,
}

/// A good frame in words. Fields that a frame does not have are `None` or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Edition the data were read with.
    pub edition: Edition,
    /// The frame itself.
    pub frame: Frame,
    /// Name of the function, e.g. `read`.
    pub function: &'static str,
    /// Data identifier, 8 or 4 hex digits.
    pub di: Option<String>,
    /// Data without identifier and sequence number.
    pub payload: Option<Vec<u8>>,
    /// The values in it.
    pub items: Vec<Line>,
    /// Whether `items` are readings by a known table row, so that they make up the frame's value.
    pub read_by_table: bool,
    /// A value that is no item: the time of a broadcast.
    pub value: Option<String>,
    /// The address given in a 93H answer.
    pub meter_address: Option<String>,
    /// The data of a refusal.
    pub error_word: Option<Vec<u8>>,
    /// The refusal's word, read.
    pub refusal: Option<ErrorWord>,
    /// Sequence number of a follow-up.
    pub seq: Option<u8>,
    /// Line speed feature byte.
    pub feature: Option<u8>,
    /// Money or energy of a recharge, hundredths.
    pub amount: Option<Decimal>,
    /// Level (PA) of a command.
    pub level: Option<u8>,
    /// Operator code, high byte first.
    pub operator: Option<String>,
    /// Name of a relay command.
    pub command: Option<&'static str>,
    /// N1 and N2 of a relay command.
    pub relay: Option<[u8; 2]>,
    /// Until when a relay command is valid.
    pub valid_until: Option<CivilTime>,
    /// One phrase.
    pub meaning: String,
}

/// One value with its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// 8 or 4 hex digits.
    pub di: String,
    /// What it says.
    pub value: Value,
    /// Its unit, "" if it has none.
    pub unit: &'static str,
    /// A short phrase.
    pub meaning: String,
}

impl Content {
    fn new(frame: &Frame, edition: Edition, function: &'static str) -> Self {
        Self {
            edition,
            frame: frame.clone(),
            function,
            di: None,
            payload: None,
            items: Vec::new(),
            read_by_table: false,
            value: None,
            meter_address: None,
            error_word: None,
            refusal: None,
            seq: None,
            feature: None,
            amount: None,
            level: None,
            operator: None,
            command: None,
            relay: None,
            valid_until: None,
            meaning: String::new(),
        }
    }

    fn set_items(&mut self, decoded: Vec<Decoded>) {
        let width = if self.edition == Edition::V1997 { 4 } else { 8 };
        let line = |d: Decoded| Line {
            di: format!("{:0width$X}", d.di),
            value: d.value,
            unit: d.unit,
            meaning: d.meaning,
        };
        self.items = decoded.into_iter().map(line).collect();
    }

    fn set_payload(&mut self, payload: &[u8]) {
        self.payload = (!payload.is_empty()).then(|| payload.to_vec());
    }

    fn set_operator(&mut self, wire: &[u8]) {
        self.operator = Some(crate::protocol::value::hex_reversed(wire));
    }
}

/// Everything in a string of bytes, in order. Bytes that belong to no frame give an error of their
/// own; trailing FF and wake-up bytes before a frame do not.
pub fn explain(bytes: &[u8], hint: Option<Edition>) -> Vec<Explained> {
    let mut decoder = Decoder::new();
    let mut found: Vec<Found> = Vec::new();
    for piece in bytes.chunks(PIECE) {
        decoder.push(piece);
        found.extend(std::iter::from_fn(|| decoder.find_next()));
    }
    decoder.finish();
    found.extend(std::iter::from_fn(|| decoder.find_next()));
    if found.is_empty() && !bytes.is_empty() {
        // Only wake-up or idle bytes.
        let preamble = bytes.iter().take_while(|byte| **byte == 0xFE).count();
        found.push(Found { preamble, frame: Err(FrameError::NoStart) });
    }
    let explained = |found: Found| Explained {
        preamble: found.preamble,
        frame: found.frame.map(|frame| explain_frame(&frame, hint)),
    };
    found.into_iter().map(explained).collect()
}

/// One good frame in words.
pub fn explain_frame(frame: &Frame, hint: Option<Edition>) -> Content {
    let edition = edition_of(frame, hint);
    let function = match edition {
        Edition::V2007 => data_2007::function_name(frame.function()),
        Edition::V1997 => data_1997::function_name(frame.function()),
    };
    let mut content = Content::new(frame, edition, function);
    if frame.from_meter() && frame.is_refusal() {
        refusal(&mut content);
    } else {
        match edition {
            Edition::V2007 => data_2007::read(&mut content),
            Edition::V1997 => data_1997::read(&mut content),
        }
    }
    if frame.more_follows() {
        content.meaning.push_str(", more frames follow");
    }
    content
}

fn refusal(content: &mut Content) {
    let data = content.frame.data.clone();
    content.refusal = ErrorWord::read(content.edition, content.frame.function(), &data);
    content.meaning = match content.refusal {
        Some(word) => format!("{} refused: {word}", content.function),
        None => format!("{} refused without a reason", content.function),
    };
    content.error_word = (!data.is_empty()).then_some(data);
}

/// Which edition a frame follows. Only 03 and 08 exist in both; the hint decides there if the data
/// do not.
pub fn edition_of(frame: &Frame, hint: Option<Edition>) -> Edition {
    let len = frame.data.len();
    match frame.function() {
        0x11..=0x1E => Edition::V2007,
        0x03 if frame.from_meter() && frame.is_refusal() => hint.unwrap_or(Edition::V2007),
        // 1997: re-read, no data. 2007: identifier and operator code at least.
        0x03 if !frame.from_meter() && len == 0 => Edition::V1997,
        0x03 if !frame.from_meter() && len >= 8 => Edition::V2007,
        // Security identifiers begin with 07; some gateways write 04 parameters this way.
        0x03 if frame.from_meter() && matches!(frame.data.get(3), Some(0x07)) => Edition::V2007,
        0x03 => hint.unwrap_or(if len >= 8 { Edition::V2007 } else { Edition::V1997 }),
        0x08 => hint.unwrap_or(Edition::V2007),
        _ => Edition::V1997,
    }
}

/// One line about some traffic, for a live trace: who, what, the first values.
pub fn one_line(bytes: &[u8]) -> String {
    let parts: Vec<String> = explain(bytes, None).iter().map(summary).collect();
    parts.join(" | ")
}

fn summary(explained: &Explained) -> String {
    let content = match &explained.frame {
        Ok(content) => content,
        Err(fault) => return format!("bad: {fault}"),
    };
    let way = if content.frame.from_meter() { "from" } else { "to" };
    let mut line = format!("{way} {}: {}", content.frame.address, content.meaning);
    if !content.frame.from_meter() || !content.read_by_table {
        return line;
    }
    let values: Vec<String> = content.items.iter().take(FEW).map(value_with_unit).collect();
    line.push_str(" = ");
    line.push_str(&values.join(", "));
    if content.items.len() > FEW {
        line.push_str(&format!(", and {} more", content.items.len() - FEW));
    }
    line
}

fn value_with_unit(line: &Line) -> String {
    let value = value_text(&line.value);
    if line.unit.is_empty() { value } else { format!("{value} {}", line.unit) }
}

/// A value as text: exact decimals, `--` where the meter has none.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Missing => "--".to_owned(),
        Value::Invalid(hex) => format!("invalid {hex}"),
    }
}

/// Takes a name for an identifier: its meaning, or its digits.
fn named(known: Option<String>, digits: &str) -> String {
    known.unwrap_or_else(|| digits.to_owned())
}

/// What is left over of a frame that has no business having data.
fn unexpected(content: &mut Content, data: &[u8]) {
    if !data.is_empty() {
        content.set_payload(data);
        content.meaning.push_str(&format!(", with data {}", hex(data)));
    }
}
