//! Recorded bytes in words: every frame in them, in order, and what lies between.

use super::data::{self, Measured, Reading, UnitOrder};
use super::frame::{self, Address, Frame};
use super::names::{self, CURRENT, Kind, MONTHS, VALVE};
use crate::protocol::explained::{Datum, Explained, Fields, field};
use crate::protocol::scan::Fault;
use crate::protocol::value::{Value, hex};

/// What is known about the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hint {
    /// Where the meter puts its unit bytes; where not given, the bytes tell.
    pub units: Option<UnitOrder>,
}

/// Explains every frame in `bytes`.
pub fn explain(bytes: &[u8], hint: &Hint) -> Vec<Explained> {
    let told = |found: frame::Found<Frame>| match found.what {
        Ok(frame) => good(found.preamble, &frame, hint),
        Err(fault) => bad(found.preamble, fault),
    };
    frame::find(bytes).into_iter().map(told).collect()
}

fn bad(preamble: usize, fault: Fault) -> Explained {
    let mut fields = preamble_field(preamble);
    if let Some([computed, printed]) = fault.check {
        fields.push(field("computed", format!("{computed:02x}")));
        fields.push(field("printed", format!("{printed:02x}")));
    }
    let meaning = match fault.name {
        "bad_cs" => "wrong checksum",
        "bad_end" => "no end byte where the frame should end",
        "truncated" => "the bytes end before the frame does",
        _ => "bytes without a frame",
    };
    Explained::bad(fault.name, fields, meaning)
}

fn preamble_field(preamble: usize) -> Fields {
    vec![field("preamble", u32::try_from(preamble).unwrap_or(u32::MAX))]
}

fn good(preamble: usize, frame: &Frame, hint: &Hint) -> Explained {
    let mut fields = preamble_field(preamble);
    fields.push(field("type", frame.address.kind));
    fields.push(field("addr", address(frame.address)));
    fields.push(field("ctrl", frame.control));
    let function = names::function_name(frame.function());
    let kind = Kind::of(frame.address.kind).name();
    let way = if frame.from_meter() { "from" } else { "to" };
    let mut meaning = format!("{way} {kind} meter {}: {function}", address(frame.address));
    if frame.is_refusal() {
        fields.push(field("refused", true));
        fields.push(field("payload", lower(&frame.data)));
        meaning.push_str(" refused");
        return Explained::good(fields, meaning);
    }
    let (Some(wire), Some(ser)) = (frame.di(), frame.ser()) else {
        if !frame.data.is_empty() {
            fields.push(field("payload", lower(&frame.data)));
        }
        return Explained::good(fields, meaning);
    };
    fields.push(field("di_wire", lower(&wire)));
    let known = names::di_of(wire);
    if let Some((di, _)) = known {
        fields.push(field("di", format!("{di:04X}")));
        if let Some(name) = names::di_name(di) {
            meaning.push_str(", ");
            meaning.push_str(name);
        }
    }
    fields.push(field("ser", ser));
    let body = frame.data.get(3..).unwrap_or_default();
    contents(frame, known.map(|(di, _)| di), body, hint, &mut fields);
    Explained::good(fields, meaning)
}

fn address(address: Address) -> String {
    if address.is_wildcard() { "broadcast".to_owned() } else { address.digits() }
}

fn lower(bytes: &[u8]) -> String {
    hex(bytes).to_lowercase()
}

/// What follows the serial number.
fn contents(frame: &Frame, di: Option<u16>, body: &[u8], hint: &Hint, fields: &mut Fields) {
    let kind = Kind::of(frame.address.kind);
    let reading = match di {
        Some(CURRENT) if frame.from_meter() => data::current(kind, body, hint.units),
        Some(MONTHS..=0xD12B) if frame.from_meter() => data::settled_month(kind, body, hint.units),
        Some(VALVE) if !frame.from_meter() => {
            if let Some(command) = body.first() {
                let name = names::valve_name(*command);
                fields.push(field("valve", format!("0x{command:02X} {name}")));
            }
            return;
        }
        Some(VALVE) => {
            if let Some(status) = body.first_chunk() {
                status_fields(*status, fields);
            }
            return;
        }
        _ => None,
    };
    match reading {
        Some(reading) if kind == Kind::Heat => heat(&reading, fields),
        Some(reading) => volume(&reading, fields),
        None if body.is_empty() => {}
        None => fields.push(field("payload", lower(body))),
    }
}

fn status_fields(status: [u8; 2], fields: &mut Fields) {
    let [first, _] = status;
    fields.push(field("status", lower(&status)));
    fields.push(field("valve_state", names::valve_state(first)));
    fields.push(field("battery_low", names::battery_low(first)));
}

/// `0x2C m3`.
fn unit_text(value: &Measured) -> Option<String> {
    let code = value.code?;
    let name = names::unit(code).map_or("unknown", |unit| unit.name);
    Some(format!("0x{code:02X} {name}"))
}

/// Clock, status, and all values in one unit of their quantity.
fn common(reading: &Reading, fields: &mut Fields) {
    if let Some(clock) = reading.clock {
        fields.push(field("clock", clock.to_string()));
    }
    if let Some(status) = reading.status {
        status_fields(status, fields);
    }
    if !reading.rest.is_empty() {
        fields.push(field("rest", lower(&reading.rest)));
    }
    let values: Vec<Datum> = reading.values.iter().map(value_fields).collect();
    fields.push(field("values", Datum::List(values)));
    let mut notes = Vec::new();
    if reading.units == UnitOrder::Before {
        notes.push("the unit byte stands before each value");
    }
    if reading.clock_reversed {
        notes.push("the clock is sent century first");
    }
    if !notes.is_empty() {
        fields.push(field("note", notes.join("; ")));
    }
}

fn value_fields(value: &Measured) -> Datum {
    let shown = match &value.value {
        Value::Number(number) => Datum::Text(number.to_string()),
        Value::Text(text) => Datum::Text(text.clone()),
        Value::Missing | Value::Invalid(_) => Datum::Null,
    };
    Datum::Map(vec![
        field("name", value.name),
        ("value".to_owned(), shown),
        field("unit", value.unit),
        field("raw", value.digits()),
    ])
}

fn volume(reading: &Reading, fields: &mut Fields) {
    let mut unit = None;
    for value in &reading.values {
        let name = if value.name == "volume" { "current" } else { "settlement" };
        if let Some(number) = value.in_own_unit() {
            fields.push(field(name, number.to_string()));
        }
        fields.push(field(&format!("{name}_raw"), value.digits()));
        let text = unit_text(value);
        match (&unit, text) {
            (None, Some(text)) => {
                fields.push(field("unit", text.clone()));
                unit = Some(text);
            }
            (Some(unit), Some(text)) if *unit != text => {
                fields.push(field(&format!("{name}_unit"), text));
            }
            _ => {}
        }
    }
    common(reading, fields);
}

/// Raw digits under a name that says the unit, `heat_kwh_raw`; temperatures and hours as they are.
fn heat(reading: &Reading, fields: &mut Fields) {
    for value in &reading.values {
        let name = match value.name {
            "heat-settled" => "settlement_heat",
            "heat" => "heat",
            "heat-power" => "power",
            "flow" => "flow_rate",
            "volume" => "flow",
            "volume-settled" => "settlement_flow",
            "temperature-in" => "temperature_in",
            "temperature-out" => "temperature_out",
            "work-hours" => "work_hours",
            other => other,
        };
        match value.code {
            Some(code) => {
                let unit = names::unit(code).map_or("unknown", |unit| unit.name);
                let unit = unit.to_lowercase().replace(['/', '*'], "_");
                fields.push(field(&format!("{name}_{unit}_raw"), value.digits()));
            }
            None if name == "work_hours" => fields.push(field(name, value.digits())),
            None => fields.push(field(name, value.in_own_unit().map(|n| n.to_string()))),
        }
    }
    common(reading, fields);
}
