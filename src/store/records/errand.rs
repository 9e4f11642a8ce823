//! Entries of longer errands, and the rows they leave.

use super::{RecordError, parts};
use crate::store::event::{Event, Step};
use crate::store::rows::{MarkRow, StepRow};
use crate::store::schema::{MAX_INDEX_VALUE, MAX_NOTES, MAX_OPERATOR, MAX_STEP, MAX_TEXT};
use crate::units::{ErrandKind, Mark, MeterNo, StepState, UnixSeconds, WorkId};
use meterkit_tokens::cbor::{Fields, Limits, Value, decode, encode};

type Result<T> = std::result::Result<T, RecordError>;

/// Number of a step's entry.
pub const STEP: i64 = 22;
/// Number of a mark's entry.
pub const MARKED: i64 = 23;

const LIMITS: Limits = Limits { bytes: MAX_INDEX_VALUE, depth: 4 };

/// The kind and fields of an entry of an errand; kind 0, which nothing reads, for any other.
pub fn to_value(event: &Event) -> (i64, Vec<(i64, Value)>) {
    match event {
        Event::Step(step) => (STEP, step_fields(step)),
        Event::Marked { meter, mark, on, note } => {
            let mark = Value::Int(i64::from(mark.number()));
            let (on, note) = (Value::Bool(*on), Value::from(note.as_str()));
            (MARKED, vec![(1, parts::meter(*meter)), (2, mark), (3, on), (4, note)])
        }
        _ => (0, Vec::new()),
    }
}

/// A step: 1 errand, 2 kind, 3 meter, 4 name, 5 state, 6 notes as pairs in one array.
fn step_fields(step: &Step) -> Vec<(i64, Value)> {
    let text = |text: &String| Value::Text(text.clone());
    let notes = step.notes.iter().flat_map(|(name, value)| [text(name), text(value)]).collect();
    let mut fields = vec![
        (1, Value::bytes(step.errand.0)),
        (2, Value::Int(i64::from(step.kind.number()))),
        (4, text(&step.name)),
        (5, Value::Int(i64::from(step.state.number()))),
        (6, Value::Array(notes)),
    ];
    if let Some(meter) = step.meter {
        fields.insert(2, (3, parts::meter(meter)));
    }
    fields
}

/// Reads an entry of an errand.
///
/// # Errors
/// An unknown kind, an unknown or missing field, a value out of range.
pub fn from_fields(kind: i64, f: &mut Fields) -> Result<Event> {
    match kind {
        STEP => Ok(Event::Step(take_step(f)?)),
        MARKED => Ok(Event::Marked {
            meter: parts::take_meter(f, 1)?,
            mark: Mark::from_number(f.int(2)?).ok_or(RecordError::Value("mark"))?,
            on: f.bool(3)?,
            note: parts::take_text(f, 4, MAX_TEXT, "note")?,
        }),
        other => Err(RecordError::Kind(other)),
    }
}

fn take_step(f: &mut Fields) -> Result<Step> {
    let meter = f.opt_array_bytes(3)?;
    let meter = meter.map(|bcd| MeterNo::from_bcd(bcd).ok_or(RecordError::Value("meter")));
    Ok(Step {
        errand: WorkId(f.array_bytes(1)?),
        kind: ErrandKind::from_number(f.int(2)?).ok_or(RecordError::Value("kind"))?,
        meter: meter.transpose()?,
        name: parts::take_text(f, 4, MAX_STEP, "step")?,
        state: StepState::from_number(f.int(5)?).ok_or(RecordError::Value("state"))?,
        notes: take_notes(f.array(6)?)?,
    })
}

fn take_notes(list: Vec<Value>) -> Result<Vec<(String, String)>> {
    let bad = || RecordError::Value("notes");
    if !list.len().is_multiple_of(2) {
        return Err(bad());
    }
    let (mut notes, mut bytes) = (Vec::with_capacity(list.len() / 2), 0);
    let mut list = list.into_iter();
    while let (Some(name), Some(value)) = (list.next(), list.next()) {
        let (Value::Text(name), Value::Text(value)) = (name, value) else { return Err(bad()) };
        bytes += name.len() + value.len();
        notes.push((name, value));
    }
    if bytes <= MAX_NOTES { Ok(notes) } else { Err(bad()) }
}

/// A step's row: its fields, 7 when it was written, 8 by whom, 9 entry, 10 when it was first
/// written.
pub fn encode_step(row: &StepRow) -> Vec<u8> {
    let mut fields = step_fields(&row.step);
    fields.push((7, Value::Int(row.at.0)));
    fields.push((8, Value::Text(row.operator.clone())));
    fields.push((9, parts::number(row.seq)));
    fields.push((10, Value::Int(row.begun.0)));
    encode(&Value::Map(fields))
}

/// Reads a step's row.
pub fn decode_step(bytes: &[u8]) -> Result<StepRow> {
    let mut f = Fields::of(decode(bytes, LIMITS)?)?;
    let row = StepRow {
        step: take_step(&mut f)?,
        at: UnixSeconds(f.int(7)?),
        operator: parts::take_text(&mut f, 8, MAX_OPERATOR, "operator")?,
        seq: f.number(9)?,
        begun: UnixSeconds(f.int(10)?),
    };
    f.finish()?;
    Ok(row)
}

/// A mark's row: 1 meter, 2 mark, 3 note, 4 since when, 5 by whom, 6 entry.
pub fn encode_mark(row: &MarkRow) -> Vec<u8> {
    encode(&Value::Map(vec![
        (1, parts::meter(row.meter)),
        (2, Value::Int(i64::from(row.mark.number()))),
        (3, Value::Text(row.note.clone())),
        (4, Value::Int(row.since.0)),
        (5, Value::Text(row.operator.clone())),
        (6, parts::number(row.seq)),
    ]))
}

/// Reads a mark's row.
pub fn decode_mark(bytes: &[u8]) -> Result<MarkRow> {
    let mut f = Fields::of(decode(bytes, LIMITS)?)?;
    let row = MarkRow {
        meter: parts::take_meter(&mut f, 1)?,
        mark: Mark::from_number(f.int(2)?).ok_or(RecordError::Value("mark"))?,
        note: parts::take_text(&mut f, 3, MAX_TEXT, "note")?,
        since: UnixSeconds(f.int(4)?),
        operator: parts::take_text(&mut f, 5, MAX_OPERATOR, "operator")?,
        seq: f.number(6)?,
    };
    f.finish()?;
    Ok(row)
}
