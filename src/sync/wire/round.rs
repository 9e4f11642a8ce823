//! A round the office made: a list of meters to be read, for one handheld and one life of its
//! journal. The whole list is one signed document, asked for by its hash as a file.

use super::fields::{self, Reader, shape};
use super::{VERSION, VERSION_KEY, WireError};
use crate::units::{DeviceId, MeterNo, TokenId, UnixSeconds};
use meterkit_tokens::cbor::Value;

/// Most meters of a round; with long texts the size of a document ends it sooner.
pub const MAX_ROUND_METERS: usize = 1_000;
/// Longest name, bytes.
pub const MAX_ROUND_NAME: usize = 64;
/// Longest note for the reader, bytes.
pub const MAX_ROUND_NOTE: usize = 400;
/// Longest text of a meter, bytes: what a list in a file may have.
const MAX_TEXT: usize = 200;

/// One meter to be read, with what the office knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundLine {
    /// Its number.
    pub meter: MeterNo,
    /// Whose it is.
    pub customer: String,
    /// Where it hangs.
    pub location: String,
    /// On which line.
    pub line: String,
    /// The last reading, 0.01 kWh.
    pub energy: Option<i64>,
    /// When that was, the meters' local time in seconds since 1970.
    pub energy_at: Option<UnixSeconds>,
    /// The purchase count.
    pub count: Option<u32>,
    /// The current transformer's ratio.
    pub ct: Option<u32>,
    /// The most it can draw, W.
    pub max_w: Option<u64>,
}

/// The list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Its identity.
    pub id: TokenId,
    /// For which handheld.
    pub device: DeviceId,
    /// For which life of its journal.
    pub epoch: u32,
    /// What it is called.
    pub name: String,
    /// What the reader should know.
    pub note: String,
    /// When it was made.
    pub issued: UnixSeconds,
    /// By when it is to be read.
    pub due: Option<UnixSeconds>,
    /// From when on it can no longer be begun.
    pub expires: UnixSeconds,
    /// The meters, none twice, in the order they are to be shown.
    pub lines: Vec<RoundLine>,
}

/// A text that may be shown: no control character, no longer than it may be.
fn plain(text: String, most: usize) -> Result<String, WireError> {
    match text {
        text if text.len() > most => Err(WireError::Limit("round text")),
        text if text.chars().any(char::is_control) => Err(shape("a control character")),
        text => Ok(text),
    }
}

fn opt_text(r: &mut Reader, key: i64, most: usize) -> Result<String, WireError> {
    match r.opt_text(key)? {
        // What is not known is left out: an empty text would be a second spelling.
        Some(text) if text.is_empty() => Err(shape("an empty text")),
        text => plain(text.unwrap_or_default(), most),
    }
}

/// A number that may be left out and is never negative.
fn opt_number<T: TryFrom<i64>>(r: &mut Reader, key: i64) -> Result<Option<T>, WireError> {
    let odd = || shape("number out of range");
    let one = |number: i64| match number {
        0.. => T::try_from(number).map_err(|_| odd()),
        _ => Err(odd()),
    };
    r.opt_int(key)?.map(one).transpose()
}

fn known(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::Text(text.to_owned()))
}

impl RoundLine {
    fn value(&self) -> Value {
        Value::map_of([
            (1, Some(Value::Bytes(self.meter.bcd().to_vec()))),
            (2, known(&self.customer)),
            (3, known(&self.location)),
            (4, known(&self.line)),
            (5, self.energy.map(Value::Int)),
            (6, self.energy_at.map(|at| Value::Int(at.0))),
            (7, self.count.map(|count| Value::Int(count.into()))),
            (8, self.ct.map(|ct| Value::Int(ct.into()))),
            (9, self.max_w.map(fields::seq)),
        ])
    }

    fn read(value: Value) -> Result<Self, WireError> {
        let mut r = Reader::of(value)?;
        let line = Self {
            meter: r.meter(1)?,
            customer: opt_text(&mut r, 2, MAX_TEXT)?,
            location: opt_text(&mut r, 3, MAX_TEXT)?,
            line: opt_text(&mut r, 4, MAX_TEXT)?,
            energy: opt_number(&mut r, 5)?,
            energy_at: r.opt_int(6)?.map(UnixSeconds),
            count: opt_number(&mut r, 7)?,
            ct: opt_number(&mut r, 8)?,
            max_w: opt_number(&mut r, 9)?,
        };
        r.finish()?;
        Ok(line)
    }
}

impl Round {
    /// The payload to sign.
    pub fn payload(&self) -> Value {
        Value::map_of([
            (VERSION_KEY, Some(Value::Int(VERSION))),
            (2, Some(Value::Bytes(self.id.0.to_vec()))),
            (3, Some(Value::Text(self.device.to_string()))),
            (4, Some(Value::Int(self.epoch.into()))),
            (5, Some(Value::Text(self.name.clone()))),
            (6, known(&self.note)),
            (7, Some(Value::Int(self.issued.0))),
            (8, self.due.map(|due| Value::Int(due.0))),
            (9, Some(Value::Int(self.expires.0))),
            (10, Some(Value::Array(self.lines.iter().map(RoundLine::value).collect()))),
        ])
    }

    /// Reads a payload whose signature was checked.
    ///
    /// # Errors
    /// [`WireError`]: it is none, its times are in no order, or it names no meter or one twice.
    pub fn read(payload: Value) -> Result<Self, WireError> {
        let mut r = Reader::versioned(payload)?;
        let (id, device, epoch) = (r.token(2)?, r.device(3)?, r.u32(4)?);
        let name = plain(r.text(5)?, MAX_ROUND_NAME)?;
        let note = opt_text(&mut r, 6, MAX_ROUND_NOTE)?;
        let (issued, expires) = (UnixSeconds(r.int(7)?), UnixSeconds(r.int(9)?));
        let due = r.opt_int(8)?.map(UnixSeconds);
        let lines = r.list(10, MAX_ROUND_METERS, "round lines")?.into_iter();
        let lines: Vec<RoundLine> = lines.map(RoundLine::read).collect::<Result<_, _>>()?;
        r.finish()?;
        let ordered = issued < expires && due.is_none_or(|due| issued < due && due <= expires);
        if name.trim().is_empty() || !ordered {
            return Err(shape("a round's name or times"));
        }
        let mut seen: Vec<MeterNo> = lines.iter().map(|line| line.meter).collect();
        seen.sort_unstable();
        if lines.is_empty() || seen.windows(2).any(|two| two[0] == two[1]) {
            return Err(shape("a round's meters"));
        }
        Ok(Self { id, device, epoch, name, note, issued, due, expires, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(meter: &str) -> RoundLine {
        RoundLine {
            meter: meter.parse().unwrap(),
            customer: "Wang, Li".into(),
            location: String::new(),
            line: "tcp://10.0.0.7:4001".into(),
            energy: Some(123_450),
            energy_at: Some(UnixSeconds(1_790_000_000)),
            count: Some(3),
            ct: None,
            max_w: Some(22_000),
        }
    }

    fn round() -> Round {
        Round {
            id: TokenId([7; 16]),
            device: "hh-1".parse().unwrap(),
            epoch: 2,
            name: "November, east".into(),
            note: "keys at the porter".into(),
            issued: UnixSeconds(1_790_000_000),
            due: Some(UnixSeconds(1_790_500_000)),
            expires: UnixSeconds(1_791_000_000),
            lines: vec![line("47"), RoundLine { energy: None, ..line("48") }],
        }
    }

    #[test]
    fn a_round_comes_back_as_it_was() {
        let sparse = Round { note: String::new(), due: None, ..round() };
        for round in [round(), sparse] {
            assert_eq!(Round::read(round.payload()), Ok(round));
        }
    }

    #[test]
    fn what_a_list_must_not_say_is_refused() {
        let late = Round { due: Some(UnixSeconds(1_791_000_001)), ..round() };
        let before = Round { expires: UnixSeconds(1_789_999_999), due: None, ..round() };
        let escape = RoundLine { customer: "Li\u{1b}[2J".into(), ..line("47") };
        let tab = RoundLine { line: "a\te5".into(), ..line("47") };
        let long = RoundLine { customer: "x".repeat(201), ..line("47") };
        let negative = RoundLine { energy: Some(-1), ..line("47") };
        let with = |lines: Vec<RoundLine>| Round { lines, ..round() };
        let many = |n: u64| (1..=n).map(|n| line(&n.to_string())).collect();
        assert!(Round::read(with(many(1_000)).payload()).is_ok());
        for odd in [
            late,
            before,
            Round { name: " ".into(), ..round() },
            Round { name: "a\nb".into(), ..round() },
            Round { note: "x".repeat(401), ..round() },
            with(vec![]),
            with(vec![line("47"), line("47")]),
            with(vec![escape]),
            with(vec![tab]),
            with(vec![long]),
            with(vec![negative]),
            with(many(1_001)),
        ] {
            assert!(Round::read(odd.payload()).is_err(), "{odd:?}");
        }
        let Value::Map(mut more) = round().payload() else { unreachable!() };
        more.push((99, Value::Int(1)));
        assert!(Round::read(Value::Map(more)).is_err(), "a key nobody knows");
    }
}
