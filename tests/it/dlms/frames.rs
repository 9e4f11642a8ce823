//! Frames in words: every row of the fixtures, and streams in pieces.

use std::fs;
use std::path::PathBuf;

use meterkit::protocol::dlms::explain::{Direction, Hint, explain};
use meterkit::protocol::dlms::frame::{Frame, scan};
use meterkit::protocol::dlms::{Data, Server};
use meterkit::protocol::explained::{Datum, Explained};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::meter::{fcs, frame};

struct Row {
    id: String,
    bytes: Vec<u8>,
    expect: Vec<Value>,
}

fn rows() -> Vec<Row> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/frames/dlms");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let table: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        let table = serde_json::to_value(table).unwrap();
        for row in table["frame"].as_array().unwrap() {
            let hex = row["hex"].as_str().unwrap();
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            rows.push(Row {
                id: row["id"].as_str().unwrap().to_owned(),
                bytes: (0..hex.len()).step_by(2).map(byte).collect(),
                expect: row["expect"].as_array().unwrap().clone(),
            });
        }
    }
    rows
}

fn datum(datum: &Datum) -> Value {
    match datum {
        Datum::Null => Value::Null,
        Datum::Bool(yes) => json!(yes),
        Datum::Int(number) => json!(number),
        Datum::Text(text) => json!(text),
        Datum::List(values) => values.iter().map(self::datum).collect(),
        Datum::Map(fields) => object(fields),
    }
}

fn object(fields: &[(String, Datum)]) -> Value {
    Value::Object(
        fields.iter().map(|(name, value)| (name.clone(), datum(value))).collect::<Map<_, _>>(),
    )
}

/// As `decode --json` shows it: the fields, and the fault as `error`.
fn shown(explained: &Explained) -> Value {
    let mut fields = object(&explained.fields);
    if let Some(fault) = explained.fault {
        fields["error"] = json!(fault);
    }
    fields
}

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
    let rows = rows();
    let vectors = rows.iter().filter(|row| row.id.starts_with("dlms-")).count();
    assert_eq!(vectors, 14, "the reference has 14 vectors");
    let mut faults = Vec::new();
    for row in &rows {
        let got: Vec<Value> = explain(&row.bytes, &Hint::default()).iter().map(shown).collect();
        let (got, want) = (Value::Array(got), Value::Array(row.expect.clone()));
        covers(&got, &want, &row.id, &mut faults);
        let bad = |value: &Value| value.get("error").is_some();
        for (got, want) in got.as_array().unwrap().iter().zip(&row.expect) {
            if bad(got) != bad(want) {
                faults.push(format!("{}: {got}", row.id));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_good_frame_is_built_again_to_the_same_bytes() {
    let mut seen = 0;
    for row in rows() {
        for found in scan(&row.bytes, true).found {
            let Ok(frame) = found.frame else { continue };
            let bytes = frame.encode();
            assert_eq!(row.bytes[found.at..found.at + bytes.len()], bytes, "{}", row.id);
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

/// Bytes come in pieces: nothing is lost or told too early, whatever the pieces are.
#[test]
fn a_stream_is_the_same_in_any_pieces() {
    for row in rows() {
        let whole = scan(&row.bytes, true).found;
        for cut in 0..row.bytes.len() {
            let early = scan(&row.bytes[..cut], false);
            let good = |found: &&meterkit::protocol::dlms::frame::Found| found.frame.is_ok();
            let count = early.found.iter().filter(good).count();
            let (early, later) = (early.found, whole.iter().filter(good).take(count));
            assert!(early.iter().filter(good).eq(later), "{} cut at {cut}", row.id);
        }
    }
}

#[test]
fn what_is_missing_is_known_once_the_length_is() {
    let bytes = frame(&[0x21], &[0x03], 0x52, false, &[1; 40]);
    for cut in 1..bytes.len() {
        let missing = scan(&bytes[..cut], false).missing.unwrap();
        let real = bytes.len() - cut;
        if cut >= 8 { assert_eq!(missing, real) } else { assert!(missing <= real.max(9), "{cut}") }
    }
}

#[test]
fn secrets_are_hidden_unless_asked_for() {
    let mut hidden = 0;
    for row in rows() {
        let plain = format!("{:?}", explain(&row.bytes, &Hint::default()));
        let open = format!("{:?}", explain(&row.bytes, &Hint { secrets: true, direction: None }));
        if plain != open {
            hidden += 1;
            assert!(plain.contains("***") && !open.contains("***"));
        }
    }
    assert_eq!(hidden, 2, "a password in an AARQ, a new one in a SET");
    // Even one that cannot be read does not come out.
    let broken = [0xE6, 0xE6, 0, 0x60, 4, 0xAC, 0x7F, 0x80, 0x31];
    let bytes = frame(&[0x03], &[0x21], 0x10, false, &broken);
    let explained = explain(&bytes, &Hint::default());
    assert_eq!(explained[0].fault, Some("apdu_truncated"));
    assert!(!format!("{explained:?}").contains("7F80"), "{explained:?}");
}

#[test]
fn a_hint_says_which_way_a_frame_goes() {
    let bytes = frame(&[0x03], &[0x21], 0x31, false, &[]);
    let one = |direction| shown(&explain(&bytes, &Hint { direction, secrets: false })[0]);
    assert_eq!(one(Some(Direction::Request))["client"], 16);
    assert_eq!(one(Some(Direction::Response))["client"], 1);
    assert_eq!(one(None)["to"], "1");
}

#[test]
fn nesting_and_counts_are_bounded() {
    let deep = [&[2, 1].repeat(17)[..], &[0]].concat();
    assert_eq!(Data::decode(&deep), Err("too_big"));
    let good = [&[2, 1].repeat(16)[..], &[0]].concat();
    assert!(Data::decode(&good).is_ok());
    assert_eq!(Data::decode(&[1, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0]), Err("apdu_truncated"));
    assert_eq!(Data::decode(&[9, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), Err("apdu_truncated"));
    assert_eq!(Data::decode(&[4, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), Err("apdu_truncated"));
    assert_eq!(Data::decode(&[9, 0x85, 0, 0, 0, 0, 1]), Err("bad_apdu_length"));
    assert_eq!(Data::decode(&[0, 0]), Err("bytes_left_over"));
    assert_eq!(Data::decode(&[99]), Err("bad_data_type"));
    assert_eq!(Data::decode(&[]), Err("apdu_truncated"));
}

fn any_data() -> impl Strategy<Value = Data> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let leaf = prop_oneof![
        Just(Data::Null),
        any::<bool>().prop_map(Data::Bool),
        any::<i8>().prop_map(|n| Data::Int(1, n.into())),
        any::<i16>().prop_map(|n| Data::Int(2, n.into())),
        any::<i32>().prop_map(|n| Data::Int(4, n.into())),
        any::<i64>().prop_map(|n| Data::Int(8, n)),
        any::<u8>().prop_map(|n| Data::Uint(1, n.into())),
        any::<u16>().prop_map(|n| Data::Uint(2, n.into())),
        any::<u32>().prop_map(|n| Data::Uint(4, n.into())),
        any::<u64>().prop_map(|n| Data::Uint(8, n)),
        bytes.clone().prop_map(Data::Octets),
        bytes.clone().prop_map(Data::Visible),
        bytes.prop_map(|bytes| Data::Bits(bytes.len() * 8, bytes)),
        any::<[u8; 12]>().prop_map(Data::DateTime),
        any::<[u8; 8]>().prop_map(Data::Float64),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let list = prop::collection::vec(inner, 0..6);
        prop_oneof![list.clone().prop_map(Data::Array), list.prop_map(Data::Structure)]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn data_reads_back_as_it_was_written(data in any_data()) {
        let mut bytes = Vec::new();
        data.encode(&mut bytes);
        prop_assert_eq!(Data::decode(&bytes), Ok(data));
    }

    #[test]
    fn frames_are_found_among_noise(
        before in prop::collection::vec(any::<u8>(), 0..60),
        after in prop::collection::vec(any::<u8>(), 0..60),
        info in prop::collection::vec(any::<u8>(), 0..300),
        server in prop::sample::select(vec![vec![3u8], vec![2, 0x23], vec![0, 2, 0, 0x23]]),
        control: u8,
        segmented: bool,
    ) {
        let made = Frame {
            to: vec![0x21], from: server.clone(), control, segmented, info: info.clone(),
        };
        let bytes = made.encode();
        prop_assert_eq!(&bytes, &frame(&[0x21], &server, control, segmented, &info));
        prop_assert_eq!(Server::from_wire(&server).map(Server::wire), Some(server));
        let stream = [&before[..], &bytes, &after].concat();
        let found = scan(&stream, true).found;
        prop_assert!(found.iter().any(|found| found.frame.as_ref() == Ok(&made)));
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        tag in prop::sample::select(vec![0x60u8, 0x61, 0x62, 0xC0, 0xC1, 0xC3, 0xC4, 0xC5, 0xC7,
            0xD8, 0x0E, 0x0F]),
        kind in 0u8..8,
        whole: bool,
    ) {
        let scanned = scan(&bytes, whole);
        prop_assert!(scanned.found.len() <= bytes.len());
        prop_assert!(!whole || scanned.missing.is_none());
        let _ = explain(&bytes, &Hint::default());
        let _ = Data::decode(&bytes);
        // The same bytes as a message of every kind, with right checks around it.
        let message = [&[0xE6, 0xE7, 0x00, tag, kind][..], &bytes].concat();
        let sound = frame(&[0x21], &[0x03], 0x30, false, &message);
        let explained = explain(&sound, &Hint::default());
        prop_assert_eq!(explained.len(), 1);
        prop_assert_eq!(fcs(&sound[1..sound.len() - 1]), [0x47, 0x0F], "a CRC's residue");
    }
}
