//! `meterkit sim serve` as a process: a TCP port, a pty with a link, and a kill in between.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use meterkit::protocol::dlt645::frame::{Address, Decoder, Frame};
use meterkit::sim::Fleet;

use super::{CUSTOMER, RECHARGE, credit_data, number};

const FLEET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/meters/single.toml");
/// Only so that a broken server fails the test instead of stopping it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A served fleet; killed when dropped.
pub struct Served {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        Self::start_with(FLEET, arguments)
    }

    pub fn start_with(fleet: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_meterkit"))
            .args(["--json", "sim", "serve", fleet])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    pub fn endpoint(&mut self) -> String {
        let serving = self.line();
        assert_eq!(serving["event"], "serving");
        assert_eq!(serving["meters"], 1);
        serving["endpoint"].as_str().unwrap().to_owned()
    }
}

fn recharge() -> Vec<u8> {
    let data = credit_data(RECHARGE, 700, 4, CUSTOMER);
    Frame::new(Address::meter(number("47")), 0x03, data).encode(4)
}

fn answer(from: &mut dyn Read) -> Frame {
    let mut decoder = Decoder::new();
    loop {
        let mut chunk = [0; 64];
        let count = from.read(&mut chunk).unwrap();
        assert!(count > 0, "the server hung up");
        decoder.push(&chunk[..count]);
        if let Some(frame) = decoder.find_map(Result::ok) {
            return frame;
        }
    }
}

fn ask(endpoint: &str, bytes: &[u8]) -> Frame {
    let mut stream = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    answer(&mut stream)
}

#[test]
fn a_killed_simulator_remembers_what_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let arguments = ["--tcp", "127.0.0.1:0", "--unpaced", "--state", state.to_str().unwrap()];
    let mut first = Served::start(&arguments);
    let endpoint = first.endpoint();
    assert_eq!(ask(&endpoint, &recharge()).control, 0x83);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let kept = std::fs::read_to_string(&state).unwrap();
    let truth = Fleet::from_state(&kept).unwrap();
    assert_eq!(truth.meter(number("47")).unwrap().bookings()[0].amount, 700);
    let mut second = Served::start(&arguments);
    let endpoint = second.endpoint();
    let again = ask(&endpoint, &recharge());
    assert_eq!((again.control, again.data), (0xC3, vec![0x02, 0x00]));
}

#[test]
fn bookings_are_told_on_stdout_and_the_link_leads_to_the_pty() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("meter");
    let mut served = Served::start(&["--link", link.to_str().unwrap(), "--any-speed"]);
    let endpoint = served.endpoint();
    assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(&endpoint));
    let mut pty = std::fs::OpenOptions::new().read(true).write(true).open(&link).unwrap();
    pty.write_all(&recharge()).unwrap();
    assert_eq!(answer(&mut pty).control, 0x83);
    let told = served.line();
    assert_eq!(told["event"], "booked");
    assert_eq!((told["meter"].as_str(), told["count"].as_u64()), (Some("000000000047"), Some(4)));
    assert_eq!((told["amount"].as_i64(), told["unit"].as_str()), (Some(700), Some("CNY")));
    // A polite end takes the link away.
    let pid = served.child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    assert!(served.child.wait().unwrap().success());
    assert!(link.symlink_metadata().is_err());
}

/// A profile of one's own is tried against the simulator: from the folder, and named by itself.
#[test]
fn a_profile_of_ones_own_is_simulated() {
    let home = tempfile::tempdir().unwrap();
    let profiles = home.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    let text = "id = \"yard\"\nname = \"Yard\"\nprotocol = \"modbus-rtu\"\nsource = \"s\"\n\
                confidence = \"A\"\n[line]\nbaud = 9600\nparity = \"none\"\ndata_bits = 8\n\
                stop_bits = 1\n[timing]\nanswer_ms = 300\ngap_ms = 100\ntries = 2\n\
                [[item]]\nname = \"energy\"\nat = \"03:0456\"\nform = \"u32\"\n";
    let fleet = home.path().join("fleet.toml");
    std::fs::write(&fleet, "[[meter]]\nunit = 9\nno = \"9\"\nprofile = \"yard\"\n").unwrap();
    let fleet = fleet.to_str().unwrap();
    let named = home.path().join("yard.toml");
    std::fs::write(&named, text).unwrap();
    let mine = home.path().to_str().unwrap();
    let common = ["--home", mine, "--tcp", "127.0.0.1:0", "--unpaced"];
    let by_name = [&common[..], &["--profile", named.to_str().unwrap()]].concat();
    let ask = |served: &mut Served| {
        let endpoint = served.endpoint();
        let mut stream = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let question = meterkit::protocol::modbus::frame::rtu(
            meterkit::protocol::modbus::frame::Unit(9),
            &[3, 0x04, 0x56, 0, 2],
        );
        stream.write_all(&question).unwrap();
        let mut answer = [0; 9];
        stream.read_exact(&mut answer).unwrap();
        answer
    };
    assert_eq!(ask(&mut Served::start_with(fleet, &by_name))[..3], [9, 3, 4]);
    // Not in the folder and not named: nobody knows it.
    let unknown = Command::new(env!("CARGO_BIN_EXE_meterkit"))
        .args(["--home", mine, "sim", "serve", fleet])
        .output()
        .unwrap();
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("yard"));
    std::fs::copy(&named, profiles.join("yard.toml")).unwrap();
    assert_eq!(ask(&mut Served::start_with(fleet, &common))[..3], [9, 3, 4]);
    // A file with a fault is told with its line, and nothing is served.
    std::fs::write(&named, text.replace("9600", "96")).unwrap();
    let faulty = Command::new(env!("CARGO_BIN_EXE_meterkit"))
        .args(["sim", "serve", fleet])
        .args(&by_name)
        .output()
        .unwrap();
    assert!(!faulty.status.success());
    assert!(String::from_utf8_lossy(&faulty.stderr).contains("line.baud"), "{faulty:?}");
}

#[test]
fn a_bad_fleet_file_is_named() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_meterkit"))
            .args(["--lang", "en", "sim", "serve"])
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, said) = run(&["/nonexistent/fleet.toml"]);
    assert!(status != Some(0) && said.contains("/nonexistent/fleet.toml"), "{status:?} {said}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.toml");
    std::fs::write(&path, "[[meter]]\nno = \"1\"\nbalanse = \"2\"\n").unwrap();
    let (status, said) = run(&[path.to_str().unwrap()]);
    assert!(status != Some(0) && said.contains("balanse"), "{status:?} {said}");
}
