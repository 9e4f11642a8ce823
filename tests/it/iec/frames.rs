//! Golden frames field by field, mutants, and any bytes at all.

use std::fs;
use std::path::PathBuf;

use meterkit::protocol::explained::{Datum, Explained};
use meterkit::protocol::iec62056::explain::{Hint, explain};
use meterkit::protocol::iec62056::frame::{Address, Telegram, scan, with_parity};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// One row of a fixture file.
struct Row {
    id: String,
    bytes: Vec<u8>,
    expect: Vec<Value>,
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn fixtures() -> Vec<Row> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/frames/iec62056");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let table: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        let table = serde_json::to_value(table).unwrap();
        for frame in table["frame"].as_array().unwrap() {
            rows.push(Row {
                id: frame["id"].as_str().unwrap().to_owned(),
                bytes: bytes_of(frame["hex"].as_str().unwrap()),
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

fn told(bytes: &[u8]) -> Vec<Explained> {
    explain(bytes, &Hint::default())
}

#[test]
fn every_fixture_is_decoded_field_by_field() {
    let rows = fixtures();
    let vectors = rows.iter().filter(|row| row.id.starts_with("iec-")).count();
    assert_eq!(vectors, 17, "the reference has 17 vectors of IEC 62056-21");
    assert!(rows.len() > 70, "{} rows", rows.len());
    let mut faults = Vec::new();
    for row in &rows {
        let told = told(&row.bytes);
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
fn parity_delivered_as_an_eighth_bit_changes_nothing() {
    for row in fixtures().iter().filter(|row| row.bytes.iter().all(|byte| *byte < 0x80)) {
        let with = told(&with_parity(&row.bytes));
        let without = told(&row.bytes);
        let words = |told: &[Explained]| {
            told.iter().map(|told| (told.fault, told.meaning.clone())).collect::<Vec<_>>()
        };
        assert_eq!(words(&with), words(&without), "{}", row.id);
    }
}

#[test]
fn encoding_gives_the_same_bytes_back() {
    let mut good = 0;
    for row in fixtures() {
        for found in scan(&row.bytes) {
            let Ok(telegram) = found.what else { continue };
            let bytes = &row.bytes[found.start..found.end];
            let masked: Vec<u8> = bytes.iter().map(|byte| byte & 0x7F).collect();
            assert_eq!(telegram.encode(), masked, "{}", row.id);
            good += 1;
        }
    }
    assert!(good > 70, "{good}");
}

#[test]
fn a_damaged_checked_frame_is_never_shown_as_good() {
    let mut damaged = 0;
    for row in fixtures() {
        let found = scan(&row.bytes);
        let [only] = found.as_slice() else { continue };
        if only.what.is_err() || only.bcc.is_none() {
            continue;
        }
        for at in 0..row.bytes.len() * 8 {
            let mut bytes = row.bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            // Bit 7 is no part of the text; where it makes every character even it is parity.
            let same = at % 8 == 7 && told(&bytes) == told(&row.bytes);
            let told = told(&bytes);
            let found = told.iter().any(|told| told.fault.is_some());
            assert!(found || same, "{} bit {at}: {told:?}", row.id);
            damaged += 1;
        }
        for len in 1..row.bytes.len() {
            let told = told(&row.bytes[..len]);
            assert!(told.iter().any(|told| told.fault.is_some()), "{} cut to {len}", row.id);
        }
    }
    assert!(damaged > 2000, "{damaged}");
}

#[test]
fn a_password_is_shown_only_where_it_may_be() {
    let password = "S3CRET99";
    let hide = Hint { hide_secrets: true };
    for level in ["P1", "P2"] {
        let bytes = Telegram::command(level, Some(format!("({password})"))).encode();
        assert!(format!("{:?}", explain(&bytes, &Hint::default())).contains(password));
        // Whole, with parity, with any bit wrong, cut anywhere, with anything lost in front.
        let mut seen = vec![bytes.clone(), with_parity(&bytes)];
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            seen.push(bytes);
        }
        seen.extend((1..bytes.len()).map(|len| bytes[..len].to_vec()));
        seen.extend((1..6).map(|from| bytes[from..].to_vec()));
        for bytes in seen {
            let said = format!("{:?}", explain(&bytes, &hide));
            let hex: String = password.bytes().map(|byte| format!("{byte:02X}")).collect();
            let parity: String =
                with_parity(password.as_bytes()).iter().map(|b| format!("{b:02X}")).collect();
            for secret in [password, &hex, &parity] {
                assert!(!said.contains(secret), "{bytes:02X?}: {said}");
            }
        }
    }
}

#[test]
fn addresses_are_checked() {
    for good in ["", "1", "12345678", "ABC 12", &"9".repeat(32)] {
        assert_eq!(Address::parse(good).unwrap().to_string(), *good);
    }
    for bad in ["!", "12/3", "a?b", "1\r\n", "\u{7535}", &"9".repeat(33)] {
        assert_eq!(Address::parse(bad), None, "{bad:?}");
    }
}

/// Bytes that look enough like frames to reach deep: real frames, broken and mixed with noise.
fn near_frames() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(
        prop_oneof![
            prop::sample::select(b"\x00\x01\x02\x03\x04\x06\x15/?!()*\r\n05P1".to_vec()),
            any::<u8>()
        ],
        0..40,
    );
    let frames: Vec<Vec<u8>> = fixtures().into_iter().map(|row| row.bytes).collect();
    let frame = (prop::sample::select(frames), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut bytes, at, with)| {
            let at = at.index(bytes.len());
            bytes[at] = with;
            bytes
        },
    );
    prop::collection::vec(prop_oneof![noise, frame], 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn nothing_panics_and_no_byte_is_swallowed(bytes in near_frames(), hide_secrets: bool) {
        let mut at = 0;
        for found in scan(&bytes) {
            prop_assert_eq!(found.start, at);
            prop_assert!(found.end > at);
            at = found.end;
        }
        prop_assert_eq!(at, bytes.len());
        for told in explain(&bytes, &Hint { hide_secrets }) {
            object(&told);
            prop_assert!(!told.meaning.is_empty() && told.meaning.is_ascii());
        }
    }

    #[test]
    fn a_frame_after_garbage_is_found(
        garbage in prop::collection::vec(any::<u8>(), 0..60),
        value in "[0-9]{1,12}",
    ) {
        let data = Telegram::Data { text: format!("1.8.0({value}*kWh)"), more: false };
        let bytes = [garbage, data.encode()].concat();
        let found = scan(&bytes);
        let good = found.iter().any(|found| found.what.as_ref() == Ok(&data));
        // The one case where it cannot be told: a frame whose last characters are our first.
        let swallowed = found.iter().any(|f| f.end > bytes.len() - data.encode().len()
            && f.start < bytes.len() - data.encode().len());
        prop_assert!(good || swallowed, "{found:?}");
    }
}
