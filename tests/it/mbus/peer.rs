//! pyMeterBus reads the golden frames: it shares no code with us.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use meterkit::cli::decode::{DecodeProtocol, Hints, explain_with};
use serde_json::Value;

const PACKAGE: &str = "pyMeterBus==0.8.5";

/// What the peer says of each frame, one JSON object a line.
const SCRIPT: &str = r#"
import json, sys, meterbus
for line in sys.stdin.read().split():
    print(json.dumps(json.loads(meterbus.load(bytes.fromhex(line)).to_JSON())))
"#;

fn output(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| format!("{error}"))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&done.stderr);
        Err(format!("{:?}: {}", done.status.code(), said.trim().lines().last().unwrap_or("")))
    }
}

/// A Python that has the package, made once and kept; `None` (and a word) where it cannot be had.
fn python() -> Option<PathBuf> {
    let kept = std::env::temp_dir().join("meterkit-peer-pymeterbus-0.8.5");
    let works = |home: &Path| {
        let python = home.join("bin/python");
        output(Command::new(&python).args(["-c", "import meterbus"])).is_ok().then_some(python)
    };
    if let Some(python) = works(&kept) {
        return Some(python);
    }
    // Made under a name of its own, so that a half-made one is never found.
    let own = kept.with_extension(std::process::id().to_string());
    let made = output(Command::new("python3").args(["-m", "venv"]).arg(&own)).and_then(|_| {
        let mut pip = Command::new(own.join("bin/python"));
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        output(pip.args(quiet).arg(PACKAGE))
    });
    if let Err(error) = made {
        let _ = std::fs::remove_dir_all(&own);
        println!("skipped: cannot install {PACKAGE}: {error}");
        return None;
    }
    let moved = std::fs::rename(&own, &kept).is_ok();
    works(if moved { &kept } else { &own })
}

/// The meters' answers among the golden frames that the peer can read: with a header, in clear.
fn answers() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/frames/mbus");
    let mut answers = Vec::new();
    for file in ["vectors.toml", "constructed.toml"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let table: toml::Table = text.parse().unwrap();
        for row in table["frame"].as_array().unwrap() {
            let hex = row["hex"].as_str().unwrap();
            let (objects, _) = explain_with([hex], DecodeProtocol::Mbus, &Hints::default());
            let [object] = &objects[..] else { continue };
            if object["ci"] == 0x72 && object["c"] == "RSP_UD" && object["encrypted"].is_null() {
                answers.push((hex.to_owned(), object.clone()));
            }
        }
    }
    answers
}

/// What one of our unit is in the peer's.
fn factor(ours: &str, peers: &str) -> Option<f64> {
    Some(match (ours, peers) {
        ("kWh", "MeasureUnit.WH") | ("kW", "MeasureUnit.W") => 1000.0,
        ("MJ", "MeasureUnit.J") => 1e6,
        ("m3", "MeasureUnit.M3")
        | ("m3/h", "MeasureUnit.M3_H")
        | ("C", "MeasureUnit.C")
        | ("K", "MeasureUnit.K")
        | ("V", "MeasureUnit.V")
        | ("A", "MeasureUnit.A")
        | ("", "MeasureUnit.NONE") => 1.0,
        ("d", "MeasureUnit.SECONDS") => 86_400.0,
        _ => return None,
    })
}

#[test]
fn pymeterbus_agrees() {
    let Some(python) = python() else { return };
    let answers = answers();
    assert!(answers.len() >= 6, "{} frames", answers.len());
    let mut command = Command::new(python);
    let piped = command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut peer = piped.spawn().unwrap();
    let frames: Vec<&str> = answers.iter().map(|(hex, _)| hex.as_str()).collect();
    peer.stdin.take().unwrap().write_all(frames.join("\n").as_bytes()).unwrap();
    let said = peer.wait_with_output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.lines().count(), answers.len(), "{said}");
    let mut compared = 0;
    for ((hex, ours), theirs) in answers.iter().zip(said.lines()) {
        let theirs: Value = serde_json::from_str(theirs).unwrap();
        let header = &theirs["body"]["header"];
        let id = header["identification"].as_str().unwrap().replace("0x", "").replace(", ", "");
        assert_eq!(ours["id"], id.as_str(), "{hex}");
        assert_eq!(ours["manufacturer"], header["manufacturer"], "{hex}");
        let version = format!("{:#x}", ours["version"].as_u64().unwrap());
        assert_eq!(version, header["version"].as_str().unwrap(), "{hex}");
        let records = theirs["body"]["records"].as_array().unwrap();
        for (our, their) in ours["records"].as_array().unwrap().iter().zip(records) {
            let (unit, peers) = (our["unit"].as_str().unwrap(), their["unit"].as_str().unwrap());
            let number = our["value"].as_str().and_then(|text| text.parse::<f64>().ok());
            let (Some(number), Some(value)) = (number, their["value"].as_f64()) else { continue };
            let Some(factor) = factor(unit, peers) else { panic!("{hex}: {our} {their}") };
            let close = (number * factor - value).abs() <= 1e-9 * value.abs().max(1.0);
            assert!(close, "{hex}: {our} {their}");
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared} values compared");
}
