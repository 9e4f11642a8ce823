//! `meterkit decode`: recorded bytes in, what they say out.
//!
//! One JSON object a frame, with the field names of the reference vectors, or a short table for
//! people. Needs no meter, no store and no configuration.

mod dlt645;
mod show;

use std::io::{self, BufRead, Read, Write};

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use crate::protocol::dlt645::explain::{Explained as Explained645, explain as explain_645};
use crate::protocol::dlt645::words::Edition;
use crate::protocol::explained::Explained;
use crate::protocol::{cjt188, dlms, dlt698, iec62056, mbus, modbus};

/// Longest input line; far beyond any recorded conversation on one line.
const MAX_LINE: u64 = 1 << 20;
/// Characters of a bad input line repeated in its error.
const SHOWN: usize = 40;

/// A protocol to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecodeProtocol {
    /// DL/T 645-2007 and DL/T 645-1997.
    Dlt645,
    /// Modbus on a serial line.
    ModbusRtu,
    /// Modbus TCP.
    ModbusTcp,
    /// Acrel's 4G meters: Modbus in frames of their own.
    #[value(name = "acrel-4g")]
    Acrel4g,
    /// IEC 62056-21, modes A to C.
    #[value(name = "iec62056-21")]
    Iec62056,
    /// DLMS/COSEM over HDLC.
    HdlcDlms,
    /// CJ/T 188: water, heat, gas.
    Cjt188,
    /// DL/T 698.45.
    #[value(name = "dlt698.45")]
    Dlt698,
    /// Wired M-Bus.
    Mbus,
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

/// Whose frames they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// Ours.
    Request,
    /// The meter's.
    Response,
}

/// Explain recorded frames.
///
/// Examples:
///   meterkit decode FEFEFEFE6843100011340068910633343435CA55EE16
///   meterkit decode --json --version-hint 1997 < frames.txt
///   meterkit decode --protocol modbus-rtu --after 010300000002C40B 0103040012D6874434
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct DecodeArgs {
    /// The protocol the bytes are in.
    #[arg(long, value_enum, default_value = "dlt645")]
    pub protocol: DecodeProtocol,
    /// One JSON object a frame instead of a table.
    #[arg(long)]
    pub json: bool,
    /// The edition to assume where the bytes cannot tell (dlt645).
    #[arg(long, value_enum)]
    pub version_hint: Option<VersionHint>,
    /// Whose frames they are, where the bytes cannot tell (modbus, hdlc-dlms).
    #[arg(long, value_enum)]
    pub direction: Option<Direction>,
    /// The unit that was asked: answers of others are faults (modbus).
    #[arg(long)]
    pub unit: Option<u8>,
    /// The request these bytes followed, in hex (modbus).
    #[arg(long, value_name = "HEX", value_parser = bytes_of)]
    pub after: Option<Bytes>,
    /// Bytes in hex, spaces and 0x allowed; several frames in one string are fine. Without any, one
    /// string a line is read from standard input.
    #[arg(value_name = "HEX")]
    pub hex: Vec<String>,
}

/// Bytes given in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

fn bytes_of(text: &str) -> Result<Bytes, &'static str> {
    parse_hex(text).map(Bytes).ok_or("not hex")
}

/// What is known about the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    /// Edition of DL/T 645.
    pub edition: Option<Edition>,
    /// Whose frames they are.
    pub direction: Option<Direction>,
    /// The Modbus unit asked.
    pub unit: Option<u8>,
    /// The request they followed.
    pub after: Option<Vec<u8>>,
}

impl DecodeArgs {
    fn hints(&self) -> Hints {
        Hints {
            edition: self.version_hint.map(Edition::from),
            direction: self.direction,
            unit: self.unit,
            after: self.after.clone().map(|bytes| bytes.0),
        }
    }
}

impl Hints {
    fn modbus(&self) -> modbus::explain::Hint {
        let direction = self.direction.map(|direction| match direction {
            Direction::Request => modbus::explain::Direction::Request,
            Direction::Response => modbus::explain::Direction::Response,
        });
        modbus::explain::Hint { direction, unit: self.unit, after: self.after.clone() }
    }

    fn dlms(&self) -> dlms::explain::Hint {
        let direction = self.direction.map(|direction| match direction {
            Direction::Request => dlms::explain::Direction::Request,
            Direction::Response => dlms::explain::Direction::Response,
        });
        dlms::explain::Hint { direction, ..dlms::explain::Hint::default() }
    }
}

/// Explains strings of hex. Returns one JSON object a frame and whether any was bad.
pub fn explain_lines<S: AsRef<str>>(
    inputs: impl IntoIterator<Item = S>,
    protocol: DecodeProtocol,
    edition: Option<Edition>,
) -> (Vec<Json>, bool) {
    explain_with(inputs, protocol, &Hints { edition, ..Hints::default() })
}

/// Explains strings of hex with everything that is known about them.
pub fn explain_with<S: AsRef<str>>(
    inputs: impl IntoIterator<Item = S>,
    protocol: DecodeProtocol,
    hints: &Hints,
) -> (Vec<Json>, bool) {
    let mut objects = Vec::new();
    let mut any_bad = false;
    for input in inputs {
        for shown in explain_input(input.as_ref(), protocol, hints) {
            any_bad |= shown.is_bad();
            objects.push(shown.json());
        }
    }
    (objects, any_bad)
}

/// Runs the command. The result is the exit status: 0, or 1 if any frame was bad. A closed output
/// ends it quietly.
pub fn run(args: &DecodeArgs, stdin: &mut dyn BufRead, stdout: &mut dyn Write) -> u8 {
    let hints = args.hints();
    let mut any_bad = false;
    let mut show = |input: &str, out: &mut dyn Write| -> io::Result<()> {
        for shown in explain_input(input, args.protocol, &hints) {
            any_bad |= shown.is_bad();
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
    Dlt645(Explained645),
    Other(Explained),
    BadHex(DecodeProtocol, String),
}

impl Shown {
    fn is_bad(&self) -> bool {
        match self {
            Self::Dlt645(explained) => explained.frame.is_err(),
            Self::Other(explained) => explained.fault.is_some(),
            Self::BadHex(..) => true,
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Dlt645(explained) => dlt645::json(explained),
            Self::Other(explained) => show::json(explained),
            Self::BadHex(DecodeProtocol::Dlt645, input) => {
                json!({"error": "hex", "preamble_fe": 0, "input": input})
            }
            Self::BadHex(_, input) => json!({"error": "hex", "input": input}),
        }
    }

    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Dlt645(explained) => dlt645::table(explained, out),
            Self::Other(explained) => show::table(explained, out),
            Self::BadHex(_, input) => writeln!(out, "bad    not hex: {input}"),
        }
    }
}

fn explain_input(input: &str, protocol: DecodeProtocol, hints: &Hints) -> Vec<Shown> {
    let Some(bytes) = parse_hex(input) else {
        return vec![Shown::BadHex(protocol, input.trim().chars().take(SHOWN).collect())];
    };
    let mut told = match protocol {
        DecodeProtocol::Dlt645 => {
            let told = explain_645(&bytes, hints.edition);
            return told.into_iter().map(Shown::Dlt645).collect();
        }
        DecodeProtocol::ModbusRtu => modbus::explain::explain(&bytes, &hints.modbus()),
        DecodeProtocol::ModbusTcp => modbus::explain::explain_tcp(&bytes, &hints.modbus()),
        DecodeProtocol::Acrel4g => modbus::explain::explain_4g(&bytes, &hints.modbus()),
        DecodeProtocol::Iec62056 => {
            iec62056::explain::explain(&bytes, &iec62056::explain::Hint::default())
        }
        DecodeProtocol::HdlcDlms => dlms::explain::explain(&bytes, &hints.dlms()),
        DecodeProtocol::Cjt188 => {
            cjt188::explain::explain(&bytes, &cjt188::explain::Hint::default())
        }
        DecodeProtocol::Dlt698 => dlt698::explain::explain(&bytes, &dlt698::explain::Hint),
        DecodeProtocol::Mbus => mbus::explain::explain(&bytes, &mbus::explain::Hint),
    };
    if told.is_empty() {
        told.push(Explained::bad("no_frame", Vec::new(), "no frame in these bytes"));
    }
    told.into_iter().map(Shown::Other).collect()
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
