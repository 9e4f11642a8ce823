//! DL/T 645 from outside: golden frames, streams in pieces, and conversations over a scripted line.

mod bad_lines;
mod conversations;
mod peer;
mod six_cases;
mod v1997;

use std::fs;
use std::path::PathBuf;

use meterkit::cli::decode::{DecodeArgs, DecodeProtocol, VersionHint, explain_lines, run};
use meterkit::protocol::dlt645::explain::{explain, one_line};
use meterkit::protocol::dlt645::frame::{Address, Decoder, Found, Frame, FrameError};
use meterkit::protocol::dlt645::words::Edition;
use proptest::prelude::*;
use serde_json::{Value, json};

/// One row of a fixture file.
struct Row {
    id: String,
    hex: String,
    hint: Option<Edition>,
    expect: Vec<Value>,
}

fn fixtures() -> Vec<Row> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/frames/dlt645");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let table: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        let table = serde_json::to_value(table).unwrap();
        for frame in table["frame"].as_array().unwrap() {
            rows.push(Row {
                id: frame["id"].as_str().unwrap().to_owned(),
                hex: frame["hex"].as_str().unwrap().to_owned(),
                hint: frame.get("version_hint").map(|hint| match hint.as_i64() {
                    Some(1997) => Edition::V1997,
                    Some(2007) => Edition::V2007,
                    other => panic!("no such edition: {other:?}"),
                }),
                expect: frame["expect"].as_array().unwrap().clone(),
            });
        }
    }
    rows
}

/// Every key and element that is expected must be there and equal; numbers compare as numbers.
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
        (Value::Number(got), Value::Number(want)) if got.as_f64() == want.as_f64() => {}
        (got, want) if got == want => {}
        _ => faults.push(format!("{at}: got {got}, want {want}")),
    }
}

#[test]
fn every_fixture_is_decoded_field_by_field() {
    let rows = fixtures();
    let vectors = rows.iter().filter(|row| row.id.starts_with("dlt645-p-")).count();
    assert_eq!(vectors, 82, "the reference has 82 vectors");
    assert!(rows.len() > 250, "{} rows", rows.len());
    let mut faults = Vec::new();
    for row in &rows {
        let (objects, any_bad) = explain_lines([&row.hex], DecodeProtocol::Dlt645, row.hint);
        let wants_bad = row.expect.iter().any(|object| object.get("error").is_some());
        covers(&Value::Array(objects), &json!(row.expect), &row.id, &mut faults);
        if any_bad != wants_bad {
            faults.push(format!("{}: exit says bad = {any_bad}", row.id));
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn encoding_a_decoded_frame_gives_its_bytes_back() {
    let mut good = 0;
    for row in fixtures().iter().filter(|row| row.id.starts_with("dlt645-p-")) {
        let bytes = bytes_of(&row.hex);
        for frame in frames_in(&bytes).into_iter().flatten() {
            assert_eq!(frame.encode(frame.preamble), bytes, "{}", row.id);
            good += 1;
        }
    }
    assert_eq!(good, 77, "82 vectors, five of them bad");
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn frames_in(bytes: &[u8]) -> Vec<Result<Frame, FrameError>> {
    in_pieces(bytes, bytes.len().max(1)).into_iter().map(|found| found.frame).collect()
}

fn in_pieces(bytes: &[u8], size: usize) -> Vec<Found> {
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.push(piece);
        found.extend(std::iter::from_fn(|| decoder.find_next()));
    }
    decoder.finish();
    found.extend(std::iter::from_fn(|| decoder.find_next()));
    assert!(!decoder.is_inside(), "finished, so nothing may stay behind");
    found
}

#[test]
fn a_whole_log_in_one_string_comes_apart_again() {
    let good: Vec<String> = fixtures()
        .into_iter()
        .filter(|row| row.id.starts_with("dlt645-p-") && row.expect[0].get("error").is_none())
        .map(|row| row.hex)
        .collect();
    let (objects, any_bad) = explain_lines([good.concat()], DecodeProtocol::Dlt645, None);
    assert_eq!((objects.len(), any_bad), (77, false));
}

#[test]
fn hex_may_be_written_in_many_ways() {
    let same = [
        "680100120119206817013B7016",
        "68 01 00 12 01 19 20 68 17 01 3b 70 16",
        "0x68,0x01,0x00,0x12,0x01,0x19,0x20,0x68,0x17,0x01,0x3B,0x70,0x16",
        "0x680100120119206817013B7016\r\n",
        "68:01:00:12-01-19-20 68 17 01 3B 70 16",
    ];
    for text in same {
        let (objects, any_bad) = explain_lines([text], DecodeProtocol::Dlt645, None);
        assert_eq!(objects.len(), 1, "{text}");
        assert_eq!((&objects[0]["feature"], any_bad), (&json!("08"), false), "{text}");
    }
    for text in ["6", "68zz", "hello", "0x", "68 0", "\u{ff16}\u{ff18}", "--"] {
        let (objects, any_bad) = explain_lines([text], DecodeProtocol::Dlt645, None);
        assert_eq!((&objects[0]["error"], any_bad), (&json!("hex"), true), "{text}");
    }
    for (text, preamble) in [("FEFEFE", 3), ("FFFF", 0), ("00", 0)] {
        let (objects, any_bad) = explain_lines([text], DecodeProtocol::Dlt645, None);
        let want = (&json!("no-start"), &json!(preamble), true);
        assert_eq!((&objects[0]["error"], &objects[0]["preamble_fe"], any_bad), want, "{text}");
    }
}

fn command(hex: &[&str], json: bool, hint: Option<VersionHint>, stdin: &str) -> (u8, String) {
    let args = DecodeArgs {
        protocol: DecodeProtocol::Dlt645,
        json,
        version_hint: hint,
        direction: None,
        unit: None,
        after: None,
        hex: hex.iter().map(|hex| (*hex).to_owned()).collect(),
    };
    let mut out = Vec::new();
    let status = run(&args, &mut stdin.as_bytes(), &mut out);
    (status, String::from_utf8(out).unwrap())
}

#[test]
fn the_command_reads_arguments_or_lines_and_says_if_any_was_bad() {
    let good = "6861010000000068910833333433593333338A16";
    let bad = "68129078563412681104333334335516";
    let (status, out) = command(&[good], true, None, "");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &object["value"]), (0, &json!(0.26)));
    assert!(out.contains("\"value\":0.26,"), "printed exactly: {out}");
    let (status, out) = command(&[], true, None, &format!("{good}\n\n{bad}\n{good}"));
    let errors: Vec<bool> = out.lines().map(|line| line.contains("\"error\"")).collect();
    assert_eq!((status, errors), (1, vec![false, true, false]));
    let spaced: Vec<String> = bytes_of(good).iter().map(|b| format!("{b:02x}")).collect();
    let spaced: Vec<&str> = spaced.iter().map(String::as_str).collect();
    assert_eq!(command(&spaced, false, None, "").0, 0, "quotes forgotten");
    let (status, table) = command(&[good, bad], false, None, "");
    assert_eq!(status, 1);
    assert!(table.contains("0.26 kWh") && table.contains("wrong checksum"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let (_, out) =
        command(&["684700000000006883043235343A7316"], true, Some(VersionHint::V1997), "");
    assert!(out.contains("\"version\":2007"), "the bytes tell, the hint does not matter: {out}");
}

#[test]
fn one_line_says_who_and_what() {
    let cases = [
        (
            "6861010000000068910833333433593333338A16",
            "from 000000000161: forward active energy total = 0.26 kWh",
        ),
        ("68AAAAAAAAAAAA681300DF16", "to AAAAAAAAAAAA: read address"),
        ("684700000000006811", "bad: the bytes end before the frame does"),
    ];
    for (hex, line) in cases {
        assert_eq!(one_line(&bytes_of(hex)), line);
    }
}

#[test]
fn a_bad_header_costs_one_byte_not_the_buffer() {
    let frame = Frame::new(Address::ANY, 0x13, []);
    // A start byte, six bytes, a start byte, and a length that swallows two whole frames.
    let mut bytes = vec![0x68, 1, 2, 3, 4, 5, 6, 0x68, 0x91, 40];
    bytes.extend(frame.encode(0));
    bytes.extend(frame.encode(0));
    let mut decoder = Decoder::new();
    decoder.push(&bytes);
    assert_eq!(decoder.next(), None, "the header might still come true");
    decoder.push(&frame.encode(0));
    decoder.push(&[0; 20]);
    let found: Vec<_> = decoder.collect();
    assert_eq!(found[0], Err(FrameError::Length));
    assert_eq!(found.iter().filter(|f| f.is_ok()).count(), 3, "{found:?}");
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let data = prop::collection::vec(any::<u8>(), 0..=255);
    (any::<[u8; 6]>(), any::<u8>(), data, 0usize..8).prop_map(
        |(address, control, data, preamble)| Frame {
            preamble,
            address: Address(address),
            control,
            data,
        },
    )
}

/// Bytes that look enough like frames to reach deep: real frames, broken and mixed with noise.
fn near_frames() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(
        prop_oneof![Just(0x68u8), Just(0xFE), Just(0x16), Just(0xAA), any::<u8>()],
        0..40,
    );
    let vectors: Vec<Vec<u8>> = fixtures().iter().map(|row| bytes_of(&row.hex)).collect();
    let vector = (prop::sample::select(vectors), any::<prop::sample::Index>(), any::<u8>())
        .prop_map(|(mut bytes, at, with)| {
            let at = at.index(bytes.len());
            bytes[at] = with;
            bytes
        });
    let piece = prop_oneof![noise, vector, any_frame().prop_map(|f| f.encode(f.preamble))];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn encode_and_decode_are_inverse(frame in any_frame()) {
        let found = frames_in(&frame.encode(frame.preamble));
        prop_assert_eq!(found, [Ok(frame)]);
    }

    #[test]
    fn pieces_make_no_difference(bytes in near_frames(), size in 1usize..30) {
        let whole = in_pieces(&bytes, bytes.len().max(1));
        prop_assert_eq!(&in_pieces(&bytes, 1), &whole);
        prop_assert_eq!(&in_pieces(&bytes, size), &whole);
    }

    #[test]
    fn nothing_panics_and_every_word_is_printable(
        bytes in near_frames(),
        hint in prop::option::of(prop_oneof![Just(Edition::V1997), Just(Edition::V2007)]),
    ) {
        explain(&bytes, hint);
        one_line(&bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let (objects, _) = explain_lines([hex], DecodeProtocol::Dlt645, hint);
        prop_assert!(!objects.is_empty());
    }

    #[test]
    fn good_checksums_around_any_data_never_panic(frame in any_frame()) {
        // A checksum that fits lets the data through to every table.
        for control in 0..=u8::MAX {
            let frame = Frame { control, ..frame.clone() };
            prop_assert_eq!(explain(&frame.encode(0), None).len(), 1);
        }
    }

    #[test]
    fn any_text_is_taken(text in ".{0,200}") {
        explain_lines([text], DecodeProtocol::Dlt645, None);
    }

    #[test]
    fn a_frame_after_garbage_is_found(
        garbage in prop::collection::vec(any::<u8>(), 0..60),
        frame in any_frame(),
    ) {
        let mut bytes = garbage;
        bytes.extend(frame.encode(0));
        let found = frames_in(&bytes);
        let same = |f: &Result<Frame, FrameError>| {
            let parts = |f: &Frame| (f.address, f.control, f.data.clone());
            f.as_ref().is_ok_and(|f| parts(f) == parts(&frame))
        };
        prop_assert!(found.iter().any(same), "{:?}", found);
    }
}
