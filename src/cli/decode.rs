//! `meterkit decode`: recorded bytes in, what they say out.
//!
//! One JSON object a frame, with the field names of the reference vectors, or a short table for
//! people. Needs no meter, no store and no configuration. Numbers leave the program as the exact
//! decimals the meter sent: only here, at the edge, does a JSON number stand for them.

use std::io::{self, BufRead, Read, Write};

use clap::{Args, ValueEnum};
use serde_json::{Map, Number, Value as Json, json};

use crate::protocol::dlt645::explain::{Content, Explained, Line, explain, value_text};
use crate::protocol::dlt645::words::{Edition, ErrorKind};
use crate::protocol::value::{Decimal, Value, hex};

/// Longest input line; far beyond any recorded conversation on one line.
const MAX_LINE: u64 = 1 << 20;
/// Characters of a bad input line repeated in its error.
const SHOWN: usize = 40;

/// A protocol to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecodeProtocol {
    /// DL/T 645-2007 and DL/T 645-1997.
    Dlt645,
}

/// Which edition to assume where the bytes cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VersionHint {
    /// DL/T 645-1997.
    #[value(name = "1997")]
    V1997,
    /// DL/T 645-2007.
    #[value(name = "2007")]
    V2007,
}

impl From<VersionHint> for Edition {
    fn from(hint: VersionHint) -> Self {
        match hint {
            VersionHint::V1997 => Self::V1997,
            VersionHint::V2007 => Self::V2007,
        }
    }
}

/// Explain recorded frames.
///
/// Examples:
///   meterkit decode FEFEFEFE6843100011340068910633343435CA55EE16
///   meterkit decode --json --version-hint 1997 < frames.txt
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct DecodeArgs {
    /// The protocol the bytes are in.
    #[arg(long, value_enum, default_value = "dlt645")]
    pub protocol: DecodeProtocol,
    /// One JSON object a frame instead of a table.
    #[arg(long)]
    pub json: bool,
    /// The edition to assume where the bytes cannot tell.
    #[arg(long, value_enum)]
    pub version_hint: Option<VersionHint>,
    /// Bytes in hex, spaces and 0x allowed; several frames in one string are fine. Without any, one
    /// string a line is read from standard input.
    #[arg(value_name = "HEX")]
    pub hex: Vec<String>,
}

/// Explains strings of hex. Returns one JSON object a frame and whether any was bad.
pub fn explain_lines<S: AsRef<str>>(
    inputs: impl IntoIterator<Item = S>,
    protocol: DecodeProtocol,
    hint: Option<Edition>,
) -> (Vec<Json>, bool) {
    let mut objects = Vec::new();
    let mut any_bad = false;
    for input in inputs {
        for explained in explain_input(input.as_ref(), protocol, hint) {
            any_bad |= !matches!(&explained, Shown::Frame(Explained { frame: Ok(_), .. }));
            objects.push(explained.json());
        }
    }
    (objects, any_bad)
}

/// Runs the command. The result is the exit status: 0, or 1 if any frame was bad. A closed output
/// ends it quietly.
pub fn run(args: &DecodeArgs, stdin: &mut dyn BufRead, stdout: &mut dyn Write) -> u8 {
    let hint = args.version_hint.map(Edition::from);
    let mut any_bad = false;
    let mut show = |input: &str, out: &mut dyn Write| -> io::Result<()> {
        for shown in explain_input(input, args.protocol, hint) {
            any_bad |= !matches!(&shown, Shown::Frame(Explained { frame: Ok(_), .. }));
            match args.json {
                true => writeln!(out, "{}", shown.json())?,
                false => shown.table(out)?,
            }
        }
        Ok(())
    };
    let ended = if args.hex.is_empty() {
        each_line(stdin, |line| show(line, &mut *stdout))
    } else {
        arguments(&args.hex).iter().try_for_each(|input| show(input, &mut *stdout))
    };
    match ended.and_then(|()| stdout.flush()) {
        Ok(()) => u8::from(any_bad),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(_) => 1,
    }
}

/// Arguments as typed. Single bytes are one string: somebody left out the quotes.
fn arguments(args: &[String]) -> Vec<String> {
    let single_bytes = args.len() > 1 && args.iter().all(|arg| strip_prefix(arg).len() <= 2);
    if single_bytes { vec![args.join(" ")] } else { args.to_vec() }
}

/// Calls `each` with every line that is not blank. Never holds more than [`MAX_LINE`] bytes.
fn each_line(
    stdin: &mut dyn BufRead,
    mut each: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        if Read::take(&mut *stdin, MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line);
        if !line.trim().is_empty() {
            each(&line)?;
        }
    }
}

/// What there is to show for a piece of input.
enum Shown {
    Frame(Explained),
    BadHex(String),
}

fn explain_input(input: &str, protocol: DecodeProtocol, hint: Option<Edition>) -> Vec<Shown> {
    let Some(bytes) = parse_hex(input) else {
        return vec![Shown::BadHex(input.trim().chars().take(SHOWN).collect())];
    };
    match protocol {
        DecodeProtocol::Dlt645 => explain(&bytes, hint).into_iter().map(Shown::Frame).collect(),
    }
}

fn strip_prefix(word: &str) -> &str {
    word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word)
}

/// Hex with spaces, commas, colons or dashes between, and `0x` before any piece.
fn parse_hex(input: &str) -> Option<Vec<u8>> {
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-');
    let digits: String = input.split(between).map(strip_prefix).collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| {
        let (high, low) = (nibble(*pair.first()?)?, nibble(*pair.get(1)?)?);
        u8::try_from(high << 4 | low).ok()
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

impl Shown {
    fn json(&self) -> Json {
        match self {
            Self::BadHex(input) => json!({"error": "hex", "preamble_fe": 0, "input": input}),
            Self::Frame(Explained { preamble, frame: Err(fault) }) => json!({
                "preamble_fe": preamble,
                "error": fault.code(),
                "meaning": fault.to_string(),
            }),
            Self::Frame(Explained { preamble, frame: Ok(content) }) => {
                Json::Object(object(*preamble, content))
            }
        }
    }

    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let content = match self {
            Self::BadHex(input) => return writeln!(out, "bad    not hex: {input}"),
            Self::Frame(Explained { frame: Err(fault), .. }) => {
                return writeln!(out, "bad    {fault}");
            }
            Self::Frame(Explained { frame: Ok(content), .. }) => content,
        };
        let way = if content.frame.from_meter() { "from" } else { "to  " };
        writeln!(
            out,
            "{way}   {}  C={:02X} L={}  {}",
            content.frame.address,
            content.frame.control,
            content.frame.data.len(),
            content.meaning
        )?;
        for line in &content.items {
            let value = value_text(&line.value);
            writeln!(out, "       {:<8}  {value:>16} {:<9} {}", line.di, line.unit, line.meaning)?;
        }
        Ok(())
    }
}

/// The fields in the order of the reference vectors.
fn object(preamble: usize, content: &Content) -> Map<String, Json> {
    let frame = &content.frame;
    let mut out = Map::new();
    let mut put = |key: &str, value: Json| {
        out.insert(key.to_owned(), value);
    };
    put("preamble_fe", json!(preamble));
    put("version", json!(content.edition.year()));
    put("address", json!(frame.address.to_string()));
    put("control", json!(format!("{:02X}", frame.control)));
    put("function", json!(content.function));
    put("from_meter", json!(frame.from_meter()));
    put("error_reply", json!(frame.from_meter() && frame.is_refusal()));
    put("more_follows", json!(frame.from_meter() && frame.more_follows()));
    put("length", json!(frame.data.len()));
    put("data_unbiased", json!(hex(&frame.data)));
    let mut some = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            put(key, value);
        }
    };
    some("di", content.di.as_ref().map(|di| json!(di)));
    some("seq", content.seq.map(|seq| json!(seq)));
    some("payload", content.payload.as_ref().map(|payload| json!(hex(payload))));
    some("meter_address", content.meter_address.as_ref().map(|address| json!(address)));
    some("error_word", content.error_word.as_ref().map(|word| json!(hex(word))));
    let refusal = content.refusal;
    let serr = refusal.filter(|word| word.kind == ErrorKind::Serr);
    some("serr", serr.map(|word| json!(format!("{:04X}", word.raw))));
    some("error_names", refusal.map(|word| json!(word.names())));
    some("feature", content.feature.map(|feature| json!(format!("{feature:02X}"))));
    some("amount", content.amount.map(number));
    some("level", content.level.map(|level| json!(format!("{level:02X}"))));
    some("operator", content.operator.as_ref().map(|operator| json!(operator)));
    some("command", content.command.map(|command| json!(command)));
    some("n1", content.relay.map(|[n1, _]| json!(format!("{n1:02X}"))));
    some("n2", content.relay.map(|[_, n2]| json!(format!("{n2:02X}"))));
    some("valid_until", content.valid_until.map(|time| json!(time.to_string())));
    some("value", content.value.as_ref().map(|value| json!(value)));
    if content.read_by_table {
        let (key, value, unit) = values(&content.items);
        some(key, Some(value));
        some("unit", unit);
    }
    put("items", Json::Array(content.items.iter().map(item).collect()));
    put("meaning", json!(content.meaning));
    out
}

/// The values of an answer: one as `value`, several as `values`, with their unit if they share one.
fn values(items: &[Line]) -> (&'static str, Json, Option<Json>) {
    let unit = items.first().map_or("", |first| first.unit);
    let shared = !unit.is_empty() && items.iter().all(|line| line.unit == unit);
    let unit = shared.then(|| json!(unit));
    match items {
        [only] => ("value", value(&only.value), unit),
        several => ("values", several.iter().map(|line| value(&line.value)).collect(), unit),
    }
}

fn item(line: &Line) -> Json {
    let unit = if line.unit.is_empty() { Json::Null } else { json!(line.unit) };
    let mut item = json!({
        "di": line.di,
        "value": value(&line.value),
        "unit": unit,
        "meaning": line.meaning,
    });
    if let (Value::Invalid(_), Json::Object(fields)) = (&line.value, &mut item) {
        fields.insert("invalid".to_owned(), json!(true));
    }
    item
}

fn value(value: &Value) -> Json {
    match value {
        Value::Number(decimal) => number(*decimal),
        Value::Text(text) | Value::Invalid(text) => json!(text),
        Value::Missing => Json::Null,
    }
}

/// A decimal as a JSON number. The text is exact; reading it as a float and printing the shortest
/// text that reads back the same gives it again for the up to 12 digits that meters send.
fn number(decimal: Decimal) -> Json {
    if decimal.decimals == 0 {
        return json!(decimal.digits);
    }
    let text = decimal.to_string();
    let float = text.parse::<f64>().ok().and_then(Number::from_f64);
    float.map_or(Json::String(text), Json::Number)
}
