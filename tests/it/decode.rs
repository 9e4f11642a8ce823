//! `meterkit decode` over the golden frames of every family but DL/T 645 (see `frames`).

use std::path::{Path, PathBuf};

use meterkit::cli::decode::{
    Bytes, DecodeArgs, DecodeProtocol, Direction, Hints, explain_with, run,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Folder, protocol, and how many rows of the reference's `other.jsonl` are in it.
const FAMILIES: &[(&str, DecodeProtocol, usize)] = &[
    ("modbus", DecodeProtocol::ModbusRtu, 34),
    ("iec62056", DecodeProtocol::Iec62056, 17),
    ("dlms", DecodeProtocol::HdlcDlms, 14),
    ("cjt188", DecodeProtocol::Cjt188, 9),
    ("dlt698", DecodeProtocol::Dlt698, 5),
    ("mbus", DecodeProtocol::Mbus, 6),
];

/// One row of a fixture file.
struct Row {
    id: String,
    hex: String,
    protocol: DecodeProtocol,
    hints: Hints,
    expect: Vec<Value>,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn text<'a>(frame: &'a Value, key: &str) -> Option<&'a str> {
    frame.get(key).and_then(Value::as_str)
}

fn row(frame: &Value, protocol: DecodeProtocol) -> Row {
    let id = text(frame, "id").unwrap().to_owned();
    let direction = text(frame, "direction").map(|direction| match direction {
        "request" => Direction::Request,
        "response" => Direction::Response,
        other => panic!("{id}: {other}"),
    });
    let protocol = match text(frame, "framing") {
        None | Some("rtu") => protocol,
        Some("tcp") => DecodeProtocol::ModbusTcp,
        Some("4g" | "acrel-4g") => DecodeProtocol::Acrel4g,
        Some(other) => panic!("{id}: {other}"),
    };
    let unit = frame.get("unit").map(|unit| u8::try_from(unit.as_u64().unwrap()).unwrap());
    let after = text(frame, "after").map(bytes);
    let expect = frame["expect"].as_array().unwrap().clone();
    let hex = text(frame, "hex").unwrap().to_owned();
    Row { id, hex, protocol, hints: Hints { edition: None, direction, unit, after }, expect }
}

fn rows_of(folder: &str, protocol: DecodeProtocol) -> Vec<(PathBuf, Row)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/frames").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let table: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        let table = serde_json::to_value(table).unwrap();
        for frame in table["frame"].as_array().unwrap() {
            rows.push((file.clone(), row(frame, protocol)));
        }
    }
    rows
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
    let mut faults = Vec::new();
    let mut all = 0;
    for (folder, protocol, _) in FAMILIES {
        for (_, row) in rows_of(folder, *protocol) {
            all += 1;
            let (objects, any_bad) = explain_with([&row.hex], row.protocol, &row.hints);
            let wants_bad = row.expect.iter().any(|object| object.get("error").is_some());
            covers(&Value::Array(objects), &json!(row.expect), &row.id, &mut faults);
            if any_bad != wants_bad {
                faults.push(format!("{}: exit says bad = {any_bad}", row.id));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    assert!(all > 200, "{all} rows");
}

/// The one row where we differ from the reference on purpose: its frame announces 17 bytes (11H)
/// and holds 17, its text of them has one `30` more. The frame's own check says who is right.
#[test]
fn the_logical_device_name_is_as_long_as_its_frame_says() {
    let rows = rows_of("dlms", DecodeProtocol::HdlcDlms);
    let (_, row) = rows.iter().find(|(_, row)| row.id == "dlms-get-ldn-rsp").unwrap();
    let (objects, bad) = explain_with([&row.hex], row.protocol, &row.hints);
    assert!(!bad, "the frame is sound: {objects:?}");
    let told = objects[0]["data"]["octet_string"].as_str().unwrap();
    let frame = bytes(&row.hex);
    let at = frame.windows(2).position(|pair| pair == [0x09, 0x11]).unwrap();
    assert_eq!(bytes(told), frame[at + 2..at + 2 + 0x11]);
    assert_eq!(bytes(told), b"GRX0000000123456\0");
}

#[test]
fn all_85_vectors_of_the_reference_are_there() {
    const PREFIXES: &[&str] = &["mb-", "acrel4g-", "iec-", "dlms-", "cj-", "698-", "mbus-"];
    let mut total = 0;
    for (folder, protocol, count) in FAMILIES {
        let rows = rows_of(folder, *protocol);
        let vectors: std::collections::BTreeSet<&str> = rows
            .iter()
            .filter(|(file, _)| file.file_stem().is_some_and(|name| name == "vectors"))
            .map(|(_, row)| row.id.as_str())
            .collect();
        let known = |id: &&str| PREFIXES.iter().any(|prefix| id.starts_with(prefix));
        assert!(vectors.iter().all(known), "{folder}: {vectors:?}");
        assert_eq!(vectors.len(), *count, "{folder}");
        total += vectors.len();
    }
    assert_eq!(total, 85);
}

fn command(args: DecodeArgs, stdin: &str) -> (u8, String) {
    let mut out = Vec::new();
    let status = run(&args, &mut stdin.as_bytes(), &mut out);
    (status, String::from_utf8(out).unwrap())
}

fn args(protocol: DecodeProtocol, json: bool, hex: &[&str]) -> DecodeArgs {
    DecodeArgs {
        protocol,
        json,
        version_hint: None,
        direction: None,
        unit: None,
        after: None,
        hex: hex.iter().map(|hex| (*hex).to_owned()).collect(),
    }
}

#[test]
fn numbers_with_a_point_stay_text() {
    let water = "68104433221100337881161f9000007766552c007766552c3101221105152021841316";
    let (status, out) = command(args(DecodeProtocol::Cjt188, true, &[water]), "");
    assert_eq!(status, 0);
    assert!(out.contains("\"current\":\"556677.00\""), "{out}");
}

#[test]
fn flags_say_what_the_bytes_do_not() {
    let reply = "0203040012d6877734";
    let mut alone = args(DecodeProtocol::ModbusRtu, true, &[reply]);
    assert_eq!(command(args(DecodeProtocol::ModbusRtu, true, &[reply]), "").0, 0);
    alone.unit = Some(1);
    let (status, out) = command(alone, "");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &object["error"]), (1, &json!("unit_mismatch")));
    let mut echoed = args(DecodeProtocol::ModbusRtu, true, &["010300000002c40b0103040012d6874434"]);
    echoed.after = Some(Bytes(bytes("010300000002c40b")));
    let (status, out) = command(echoed, "");
    let object: Value = serde_json::from_str(out.lines().next_back().unwrap()).unwrap();
    assert_eq!((status, &object["reply"]), (0, &json!("0103040012d6874434")), "{out}");
}

#[test]
fn a_table_for_people_fits_the_screen() {
    for (folder, protocol, _) in FAMILIES {
        for (_, row) in rows_of(folder, *protocol) {
            let (status, out) = command(args(row.protocol, false, &[&row.hex]), "");
            let wide = out.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{}", row.id);
            assert!(!out.trim().is_empty(), "{}", row.id);
            assert_eq!(status == 1, out.lines().any(|l| l.starts_with("bad ")), "{}", row.id);
        }
    }
}

#[test]
fn lines_of_input_are_decoded_one_by_one() {
    let (status, out) =
        command(args(DecodeProtocol::Mbus, true, &[]), "e5\nzz\n\n1040fd3d16\nfd\n");
    let objects: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(status, 1);
    let errors: Vec<_> = objects.iter().map(|object| object["error"].clone()).collect();
    assert_eq!(errors, [json!(null), json!("hex"), json!(null), json!("collision_or_noise")]);
}

fn any_protocol() -> impl Strategy<Value = DecodeProtocol> {
    prop::sample::select(vec![
        DecodeProtocol::ModbusRtu,
        DecodeProtocol::ModbusTcp,
        DecodeProtocol::Acrel4g,
        DecodeProtocol::Iec62056,
        DecodeProtocol::HdlcDlms,
        DecodeProtocol::Cjt188,
        DecodeProtocol::Dlt698,
        DecodeProtocol::Mbus,
    ])
}

/// Golden frames, broken, cut and put together; so that more than the first byte is looked at.
fn near_frames() -> impl Strategy<Value = Vec<u8>> {
    let vectors: Vec<Vec<u8>> = FAMILIES
        .iter()
        .flat_map(|(folder, protocol, _)| rows_of(folder, *protocol))
        .map(|(_, row)| bytes(&row.hex))
        .collect();
    let broken = (
        prop::sample::select(vectors),
        any::<prop::sample::Index>(),
        any::<u8>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut bytes, at, with, end)| {
            let at = at.index(bytes.len());
            bytes[at] = with;
            bytes.truncate(end.index(bytes.len() * 2) + 1);
            bytes
        });
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    prop::collection::vec(prop_oneof![3 => broken, 1 => noise], 1..4).prop_map(|p| p.concat())
}

proptest! {
    #[test]
    fn nothing_panics_and_something_is_always_said(
        protocol in any_protocol(),
        bytes in near_frames(),
    ) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let (objects, any_bad) = explain_with([&hex], protocol, &Hints::default());
        prop_assert!(!objects.is_empty());
        let bad = objects.iter().any(|object| object.get("error").is_some());
        prop_assert_eq!(bad, any_bad);
        command(args(protocol, false, &[&hex]), "");
    }
}
