//! DL/T 645 frames as JSON and as a table.
//!
//! This family had its shape before the others: numbers leave the program as JSON numbers, and the
//! field names are those of its own reference vectors.

use std::io::{self, Write};

use serde_json::{Map, Number, Value as Json, json};

use crate::protocol::dlt645::explain::{Content, Explained, Line, value_text};
use crate::protocol::dlt645::words::ErrorKind;
use crate::protocol::value::{Decimal, Value, hex};

/// As JSON.
pub(super) fn json(explained: &Explained) -> Json {
    let preamble = explained.preamble;
    match &explained.frame {
        Err(fault) => json!({
            "preamble_fe": preamble,
            "error": fault.code(),
            "meaning": fault.to_string(),
        }),
        Ok(content) => Json::Object(object(preamble, content)),
    }
}

/// As a table for people.
pub(super) fn table(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    let content = match &explained.frame {
        Err(fault) => return writeln!(out, "bad    {fault}"),
        Ok(content) => content,
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
