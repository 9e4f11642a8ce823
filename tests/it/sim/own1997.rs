//! A profile of 1997 of one's own: the simulated meter is made of its rows, and ours reads it.

use std::process::Command;

use meterkit::profile::{Profile, Profiles};
use meterkit::protocol::dlt645::frame::{Address, Frame};
use meterkit::sim::{Fleet, Meter, answer};
use serde_json::Value;

use super::served::Served;
use super::{number, wire};

/// Rows as no meter has them: other identifiers, lengths, orders, units, and a level of its own.
const ODD: &str = r#"
id = "odd"
name = "Odd old meter"
protocol = "dlt645-1997"
source = "made up for the test"
confidence = "A"
[line]
baud = 4800
parity = "none"
data_bits = 8
stop_bits = 1
preamble = 2
[timing]
answer_ms = 500
gap_ms = 500
tries = 2
[password]
level = 4
[[item]]
name = "energy"
at = "9A17"
form = "bcd-low"
len = 5
decimals = 3
unit = "kWh"
[[item]]
name = "reactive-energy"
at = "9110"
[[item]]
name = "voltage-a"
at = "B611"
[[item]]
name = "voltage-b"
at = "E002"
form = "u16"
decimals = 1
unit = "V"
[[item]]
name = "power"
at = "E003"
form = "bcd-low-signed"
len = 4
unit = "W"
[[item]]
name = "balance"
at = "D1F0"
form = "bcd"
len = 4
decimals = 2
unit = "yuan"
[[item]]
name = "count"
at = "D1F1"
form = "u32-swapped"
[[item]]
name = "number"
at = "C034"
[[item]]
name = "frequency"
at = "B660"
[[item]]
name = "tilt"
at = "E00A"
form = "bcd-low"
len = 2
decimals = 1
unit = "deg"
"#;

const FLEET: &str = r#"
start = "2026-11-20T08:00:00"
[[meter]]
no = "000000000047"
profile = "odd"
phases = 3
balance = "56.78"
count = 70000
energy = "1234.56"
load_w = 0
"#;

fn profiles() -> Profiles {
    Profiles::new(vec![("odd.toml".to_owned(), ODD.to_owned())]).0
}

fn fleet(text: &str) -> Fleet {
    let all = profiles();
    let find = |name: &str| all.get(name).cloned();
    Fleet::from_toml_with(text, "2026-11-20T08:00:00".parse().unwrap(), &find).unwrap()
}

/// Control code and data of the answer.
fn ask(meter: &mut Meter, control: u8, data: &[u8]) -> Option<(u8, Vec<u8>)> {
    let bytes = Frame::new(Address::meter(number("47")), control, data).encode(2);
    let reply = answer(meter, &bytes, std::time::Duration::from_secs(1))?;
    let mut decoder = meterkit::protocol::dlt645::frame::Decoder::new();
    decoder.push(&reply.bytes);
    decoder.finish();
    let frame = decoder.find_map(Result::ok)?;
    Some((frame.control, frame.data))
}

fn read(meter: &mut Meter, di: u16) -> Result<Vec<u8>, u8> {
    let (control, data) = ask(meter, 0x01, &di.to_le_bytes()).unwrap();
    if control == 0x81 { Ok(data[2..].to_vec()) } else { Err(data[0]) }
}

#[test]
fn it_has_the_profiles_rows_and_no_others() {
    let mut fleet = fleet(FLEET);
    assert_eq!(fleet.framing().map(|framing| framing.baud), Some(4800));
    let meter = &mut fleet.meters_mut()[0];
    assert_eq!(meter.baud(), 4800);
    assert_eq!(read(meter, 0x9A17), Ok(wire("0001234560")), "five bytes, three places");
    assert_eq!(read(meter, 0x9110).map(|bytes| bytes.len()), Ok(4), "as the tables say");
    assert_eq!(read(meter, 0xB611).map(|bytes| bytes.len()), Ok(2));
    let volts = read(meter, 0xE002).unwrap();
    assert!((2150..2250).contains(&u16::from_be_bytes([volts[0], volts[1]])), "{volts:?}");
    assert_eq!(read(meter, 0xE003), Ok(vec![0; 4]));
    assert_eq!(read(meter, 0xD1F0), Ok(vec![0x00, 0x00, 0x56, 0x78]), "high digits first");
    assert_eq!(read(meter, 0xD1F1), Ok(vec![0x11, 0x70, 0x00, 0x01]), "low word first");
    assert_eq!(read(meter, 0xC034), Ok(wire("000000000047")));
    assert_eq!(read(meter, 0xB660), Ok(wire("5000")), "an extension the tables have not");
    assert_eq!(read(meter, 0xE00A).map(|bytes| bytes.len()), Ok(2), "a value nobody counts");
    assert_eq!(read(meter, 0x911F).map(|bytes| bytes.len()), Ok(9), "the block of a row");
    for di in [0x9010, 0x901F, 0xB612, 0xC010, 0xC032, 0xC033, 0xD141, 0xB630, 0x9A1F] {
        assert_eq!(read(meter, di), Err(0x02), "{di:04X}");
    }
}

#[test]
fn writes_go_by_its_level_and_to_its_rows() {
    let mut fleet = fleet(FLEET);
    let meter = &mut fleet.meters_mut()[0];
    let number = wire("000000000099");
    let write =
        |level: u8, di: u16, data: &[u8]| [&di.to_le_bytes()[..], &[level, 0, 0, 0], data].concat();
    let mut asked = |level, di, data: &[u8]| ask(meter, 0x04, &write(level, di, data)).unwrap();
    assert_eq!(asked(2, 0xC034, &number), (0xC4, vec![0x04]), "level 2 is not the profile's");
    assert_eq!(asked(4, 0xC034, &number), (0x84, vec![]));
    assert_eq!(asked(4, 0xC010, &wire("26112005")), (0xC4, vec![0x02]), "not one of its rows");
    assert_eq!(asked(4, 0xD1F0, &[0; 4]), (0xC4, vec![0x02]), "no purse by this door");
    // A file that says otherwise is believed.
    let text = FLEET.replace("load_w = 0", "load_w = 0\nlevels = [1, 2]\nbaud = 600");
    let mut fleet = self::fleet(&text);
    let meter = &mut fleet.meters_mut()[0];
    assert_eq!(meter.baud(), 600);
    assert_eq!(ask(meter, 0x04, &write(2, 0xC034, &number)).unwrap().0, 0x84);
}

#[test]
fn it_is_the_same_after_a_restart_and_for_every_meter_of_a_street() {
    let street =
        "[defaults]\nprofile = \"odd\"\nload_w = 0\n[generate]\ncount = 3\nfirst = \"46\"\n";
    let state = fleet(street).to_state().unwrap();
    let mut again = Fleet::from_state(&state).unwrap();
    let meter = again.meter_mut(number("47")).unwrap();
    assert_eq!(read(meter, 0xC034), Ok(wire("000000000047")));
    assert_eq!(read(meter, 0xC032), Err(0x02));
    let all = profiles();
    let wrong = FLEET.replace("phases = 3", "edition = \"2007\"");
    let error = Fleet::from_toml_with(&wrong, "2026-11-20T08:00:00".parse().unwrap(), &|name| {
        all.get(name).cloned()
    });
    assert!(error.unwrap_err().to_string().contains("edition 1997"));
}

/// The built-in profile: what it names is there, phase by phase; what it does not is not.
#[test]
fn the_built_in_profile_is_answered_row_by_row() {
    let profile = Profile::built_in("dlt645-1997").unwrap();
    for (phases, absent) in [(1, 6), (3, 0)] {
        let text =
            format!("[[meter]]\nno = \"47\"\nprofile = \"dlt645-1997\"\nphases = {phases}\n");
        let mut fleet = Fleet::from_toml(&text).unwrap();
        let meter = &mut fleet.meters_mut()[0];
        let refused = profile.items.iter().filter(|item| {
            let meterkit::profile::Place::Di(di) = item.at else { panic!("{item:?}") };
            read(meter, u16::try_from(di).unwrap()).is_err()
        });
        assert_eq!(refused.count(), absent, "{phases}: B and C of three");
    }
}

#[test]
fn it_is_served_and_read_by_ours() {
    let home = tempfile::tempdir().unwrap();
    let (fleet, odd) = (home.path().join("fleet.toml"), home.path().join("odd.toml"));
    std::fs::write(&fleet, FLEET).unwrap();
    std::fs::write(&odd, ODD).unwrap();
    let own = home.path().join("profiles");
    std::fs::create_dir(&own).unwrap();
    std::fs::copy(&odd, own.join("odd.toml")).unwrap();
    let arguments = ["--profile", odd.to_str().unwrap(), "--tcp", "127.0.0.1:0", "--unpaced"];
    let mut served = Served::start_with(fleet.to_str().unwrap(), &arguments);
    let endpoint = served.endpoint();
    let card = |profile: &str| -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_meterkit"))
            .args(["--json", "--no-input", "--home", home.path().to_str().unwrap()])
            .args(["--port", &endpoint, "read", "--meter", "47", "--everything"])
            .args(["--profile", profile])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.find(|row| row["meter"].is_string()).unwrap()
    };
    let read = card("odd");
    assert_eq!(read["missing"], serde_json::json!([]), "{read}");
    let figures = [
        ("energy_hundredths_kwh", serde_json::json!(123_456)),
        ("count", serde_json::json!(70_000)),
        ("power_dw", serde_json::json!(0)),
        ("balance", serde_json::json!({ "hundredths": 5_678, "unit": "CNY" })),
    ];
    for (name, value) in figures {
        assert_eq!(read[name], value, "{name}: {read}");
    }
    let others = read["others"].as_array().unwrap().iter();
    let names: Vec<&str> = others.filter_map(|row| row["item"].as_str()).collect();
    assert_eq!(names, ["reactive-energy", "frequency", "number", "tilt"]);
    assert!(read["voltage_dv"][1].is_number(), "{read}");
}
