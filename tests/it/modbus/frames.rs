//! Golden frames field by field, mutants, and any bytes at all.

use std::fs;
use std::path::PathBuf;

use meterkit::protocol::explained::{Datum, Explained};
use meterkit::protocol::modbus::explain::{Direction, Hint, explain, explain_4g, explain_tcp};
use meterkit::protocol::modbus::frame::{self, Unit};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// One row of a fixture file.
struct Row {
    id: String,
    bytes: Vec<u8>,
    framing: String,
    hint: Hint,
    expect: Vec<Value>,
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn fixtures() -> Vec<Row> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/frames/modbus");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let table: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        let table = serde_json::to_value(table).unwrap();
        for frame in table["frame"].as_array().unwrap() {
            let text = |key: &str| frame.get(key).map(|v| v.as_str().unwrap().to_owned());
            rows.push(Row {
                id: text("id").unwrap(),
                bytes: bytes_of(&text("hex").unwrap()),
                framing: text("framing").unwrap_or("rtu".to_owned()),
                hint: Hint {
                    direction: text("direction").map(|name| match name.as_str() {
                        "request" => Direction::Request,
                        "response" => Direction::Response,
                        other => panic!("no such direction: {other}"),
                    }),
                    unit: frame.get("unit").map(|unit| unit.as_u64().unwrap() as u8),
                    after: text("after").map(|hex| bytes_of(&hex)),
                },
                expect: frame["expect"].as_array().unwrap().clone(),
            });
        }
    }
    rows
}

fn json_of(datum: &Datum) -> Value {
    match datum {
        Datum::Null => Value::Null,
        Datum::Bool(yes) => json!(yes),
        Datum::Int(number) => json!(number),
        Datum::Text(text) => json!(text),
        Datum::List(list) => list.iter().map(json_of).collect(),
        Datum::Map(fields) => {
            Value::Object(fields.iter().map(|(name, v)| (name.clone(), json_of(v))).collect())
        }
    }
}

fn object(explained: &Explained) -> Value {
    let mut object: Map<String, Value> =
        explained.fields.iter().map(|(name, v)| (name.clone(), json_of(v))).collect();
    assert_eq!(object.len(), explained.fields.len(), "a field twice: {explained:?}");
    if let Some(fault) = explained.fault {
        object.insert("error".to_owned(), json!(fault));
    }
    Value::Object(object)
}

fn told(framing: &str, bytes: &[u8], hint: &Hint) -> Vec<Explained> {
    match framing {
        "rtu" => explain(bytes, hint),
        "tcp" => explain_tcp(bytes, hint),
        "acrel-4g" => explain_4g(bytes, hint),
        other => panic!("no such framing: {other}"),
    }
}

/// Every key and element that is expected must be there and equal.
fn covers(got: &Value, want: &Value, at: &str, faults: &mut Vec<String>) {
    match (got, want) {
        (Value::Object(got), Value::Object(want)) => {
            for (key, want) in want {
                let at = format!("{at}.{key}");
                match got.get(key) {
                    Some(got) => covers(got, want, &at, faults),
                    None => faults.push(format!("{at}: missing, want {want}")),
                }
            }
        }
        (Value::Array(got), Value::Array(want)) if got.len() == want.len() => {
            for (index, (got, want)) in got.iter().zip(want).enumerate() {
                covers(got, want, &format!("{at}[{index}]"), faults);
            }
        }
        (Value::Null, Value::String(null)) if null == "<null>" => {}
        (got, want) if got == want => {}
        _ => faults.push(format!("{at}: got {got}, want {want}")),
    }
}

#[test]
fn every_fixture_is_decoded_field_by_field() {
    let rows = fixtures();
    let vectors = rows.iter().filter(|row| row.id.starts_with("mb-")).count();
    assert_eq!(vectors, 33, "the reference has 33 Modbus vectors");
    assert!(rows.len() > 80, "{} rows", rows.len());
    let mut faults = Vec::new();
    for row in &rows {
        let told = told(&row.framing, &row.bytes, &row.hint);
        let objects: Vec<Value> = told.iter().map(object).collect();
        covers(&json!(objects), &json!(row.expect), &row.id, &mut faults);
        for (got, want) in told.iter().zip(&row.expect) {
            if got.fault.is_some() != want.get("error").is_some() {
                faults.push(format!("{}: fault {:?}, want {want}", row.id, got.fault));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_damaged_frame_is_never_shown_as_good() {
    let mut damaged = 0;
    for row in fixtures().iter().filter(|row| row.framing == "rtu" && row.expect.len() == 1) {
        if row.expect[0].get("error").is_some() || row.hint.after.is_some() {
            continue;
        }
        for at in 0..row.bytes.len() * 8 {
            let mut bytes = row.bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            let told = explain(&bytes, &Hint { after: None, ..row.hint.clone() });
            assert!(told.iter().any(|told| told.fault.is_some()), "{} bit {at}: {told:?}", row.id);
            damaged += 1;
        }
        for len in 1..row.bytes.len() {
            let told = explain(&row.bytes[..len], &Hint::default());
            assert!(told.iter().any(|told| told.fault.is_some()), "{} cut to {len}", row.id);
        }
    }
    assert!(damaged > 3000, "{damaged}");
}

/// Bytes that look enough like frames to reach deep: real frames, broken and mixed with noise.
fn near_frames() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(
        prop_oneof![Just(1u8), Just(3), Just(0x10), Just(0x83), Just(0x7B), Just(0), any::<u8>()],
        0..40,
    );
    let vectors: Vec<Vec<u8>> = fixtures().into_iter().map(|row| row.bytes).collect();
    let vector = (prop::sample::select(vectors), any::<prop::sample::Index>(), any::<u8>())
        .prop_map(|(mut bytes, at, with)| {
            let at = at.index(bytes.len());
            bytes[at] = with;
            bytes
        });
    let pdu = prop::collection::vec(any::<u8>(), 1..260);
    let framed = (any::<u8>(), pdu).prop_map(|(unit, pdu)| frame::rtu(Unit(unit), &pdu));
    prop::collection::vec(prop_oneof![noise, vector, framed], 0..5).prop_map(|p| p.concat())
}

fn any_hint() -> impl Strategy<Value = Hint> {
    let direction = prop_oneof![Just(Direction::Request), Just(Direction::Response)];
    let after = prop::option::of(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        Just(frame::rtu(Unit(1), &[3, 9, 0x14, 0, 21])),
    ]);
    (prop::option::of(direction), prop::option::of(any::<u8>()), after)
        .prop_map(|(direction, unit, after)| Hint { direction, unit, after })
}

proptest! {
    #[test]
    fn nothing_panics_and_no_byte_is_swallowed(bytes in near_frames(), hint in any_hint()) {
        for framing in ["rtu", "tcp", "acrel-4g"] {
            let told = told(framing, &bytes, &hint);
            prop_assert!(bytes.is_empty() || !told.is_empty(), "{framing}");
            for told in &told {
                object(told);
                prop_assert!(!told.meaning.is_empty() && told.meaning.is_ascii());
            }
        }
    }

    #[test]
    fn a_frame_after_garbage_is_found(
        garbage in prop::collection::vec(any::<u8>(), 0..60),
        unit in 1u8..=247,
        words in prop::collection::vec(any::<u16>(), 1..20),
    ) {
        let mut pdu = vec![3, (words.len() * 2) as u8];
        pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        let mut bytes = garbage.clone();
        bytes.extend(frame::rtu(Unit(unit), &pdu));
        // One stretch in 65536 has a right CRC by chance. Where such a one begins in the garbage,
        // nobody can tell it from one that was sent.
        let chance = (0..garbage.len())
            .any(|from| (from..=bytes.len()).any(|to| frame::open_rtu(&bytes[from..to]).is_some()));
        prop_assume!(!chance);
        let found = explain(&bytes, &Hint::default());
        let want = json!({ "addr": unit, "fc": 3, "regs": words });
        let good = |told: &Explained| {
            let mut faults = Vec::new();
            covers(&object(told), &want, "", &mut faults);
            told.fault.is_none() && faults.is_empty()
        };
        prop_assert!(found.iter().any(good), "{found:?}");
    }
}
