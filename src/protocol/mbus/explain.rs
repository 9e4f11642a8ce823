//! Recorded bytes in words: every frame in them, in order, and what lies between.

use super::frame::{self, CI_SELECT, Frame, Mask, control_name, toggle};
use super::telegram::{CI_ERROR, CI_FIXED, Record, Telegram};
use crate::protocol::explained::{Datum, Explained, Fields, field};
use crate::protocol::scan::Fault;
use crate::protocol::value::{Value, hex};

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
        fields.push(field("computed", format!("{computed:02x}")));
        fields.push(field("printed", format!("{printed:02x}")));
    }
    let meaning = match fault.name {
        "bad_cs" => "wrong checksum",
        "bad_end" => "no end byte where the frame should end",
        "truncated" => "the bytes end before the frame does",
        _ => "several meters at once, or noise",
    };
    Explained::bad(fault.name, fields, meaning)
}

fn good(frame: &Frame) -> Explained {
    match frame {
        Frame::Ack => Explained::good(vec![field("frame", "ack")], "acknowledged"),
        Frame::Short { c, a } => {
            let mut fields = vec![field("frame", "short")];
            control_fields(*c, *a, &mut fields);
            Explained::good(fields, format!("to {a}: {}", control_name(*c)))
        }
        Frame::Long { c, a, ci, data } => {
            let kind = if data.is_empty() { "control" } else { "long" };
            let mut fields = vec![field("frame", kind)];
            control_fields(*c, *a, &mut fields);
            fields.push(field("ci", *ci));
            let meaning = long(*c, *a, *ci, data, &mut fields);
            Explained::good(fields, meaning)
        }
    }
}

fn control_fields(c: u8, a: u8, fields: &mut Fields) {
    fields.push(field("c", control_name(c)));
    if let Some(bit) = toggle(c) {
        fields.push(field("fcb", u8::from(bit)));
    }
    fields.push(field("a", a));
}

fn lower(bytes: &[u8]) -> String {
    hex(bytes).to_lowercase()
}

/// The data of a long frame, and one phrase.
fn long(c: u8, a: u8, ci: u8, data: &[u8], fields: &mut Fields) -> String {
    let name = control_name(c);
    if name != "RSP_UD" {
        if let (CI_SELECT, Ok(mask)) = (ci, <[u8; 8]>::try_from(data)) {
            let mask = Mask(mask).to_string();
            fields.push(field("mask", mask.clone()));
            return format!("select {mask}");
        }
        if !data.is_empty() {
            fields.push(field("payload", lower(data)));
        }
        return format!("to {a}: {name}, {}", command_name(ci));
    }
    if ci == CI_ERROR {
        fields.push(field("application_error", data.first().copied()));
        return format!("from {a}: application error");
    }
    let telegram = Telegram::read(a, ci, data);
    telegram_fields(&telegram, fields);
    match &telegram.header {
        Some(header) => format!("from {a}: {} meter {}", header.medium(), header.id()),
        None => format!("from {a}: {name}"),
    }
}

fn command_name(ci: u8) -> &'static str {
    match ci {
        0x50 => "application reset",
        0x51 => "data to meter",
        CI_SELECT => "select",
        0xB8..=0xBF => "set speed",
        _ => "other command",
    }
}

fn telegram_fields(telegram: &Telegram, fields: &mut Fields) {
    if let Some(header) = &telegram.header {
        fields.push(field("id", header.id()));
        if telegram.ci != CI_FIXED {
            fields.push(field("manufacturer", header.manufacturer()));
            fields.push(field("version", header.version()));
        }
        fields.push(field("medium", header.medium()));
        fields.push(field("access", header.access));
        fields.push(field("status", header.status));
        if header.encrypted {
            fields.push(field("encrypted", true));
        }
    }
    for (name, value) in current_values(&telegram.records) {
        // The first of a kind is the meter's own register.
        if !fields.iter().any(|(known, _)| *known == name) {
            fields.push((name, Datum::Text(value)));
        }
    }
    let records = telegram.records.iter().map(record_fields).collect();
    fields.push(("records".to_owned(), Datum::List(records)));
    if telegram.more_follows {
        fields.push(field("more_follows", true));
    }
    if !telegram.rest.is_empty() {
        fields.push(field("rest", lower(&telegram.rest)));
    }
}

/// Totals as they stand now, under names that say the unit: `volume_m3`.
fn current_values(records: &[Record]) -> Vec<(String, String)> {
    let named = |record: &Record| {
        let Value::Number(number) = &record.value else { return None };
        if !record.is_current() || record.name.is_empty() || record.unit.is_empty() {
            return None;
        }
        let unit = record.unit.to_lowercase().replace([' ', '/', '^'], "_");
        Some((format!("{}_{unit}", record.name), number.to_string()))
    };
    records.iter().filter_map(named).collect()
}

fn record_fields(record: &Record) -> Datum {
    let value = match &record.value {
        Value::Number(number) => Datum::Text(number.to_string()),
        Value::Text(text) => Datum::Text(text.clone()),
        Value::Missing | Value::Invalid(_) => Datum::Null,
    };
    let number = |number: u64| Datum::Int(i64::try_from(number).unwrap_or(i64::MAX));
    Datum::Map(vec![
        field("name", record.name.as_str()),
        ("value".to_owned(), value),
        field("unit", record.unit.as_str()),
        ("storage".to_owned(), number(record.storage)),
        ("tariff".to_owned(), number(record.tariff)),
        ("device".to_owned(), number(record.device)),
        field("function", record.function),
    ])
}
