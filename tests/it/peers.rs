//! Programs of others against ours: PyPI `python-dlt645` and `dlt645` read our simulator, and
//! `meterkit read` reads the meter simulator of `dlt645`.
//!
//! They share no code with us and none with each other. Each is installed into a virtual
//! environment below the temporary folder; where that cannot be done (no Python, no network) the
//! test says "skipped: ..." and ends. What they get wrong is noted beside the work-around.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// One meter with nothing moving, so that what is read does not depend on when.
const FLEET: &str = r#"
start = "2026-11-20T08:00:00"
[[meter]]
no = "000000000047"
account = "112233445566"
balance = "50.00"
count = 3
energy = "1234.56"
load_w = 0
"#;

/// Runs a command; what it printed, or why it failed.
fn output(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| format!("{error}"))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&done.stderr);
        Err(format!("{:?}: {}", done.status.code(), said.trim().lines().last().unwrap_or("")))
    }
}

/// Two tests must not make the same environment at once.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A Python that has `packages`, made once and kept; `None` (and a word) where it cannot be had.
fn python(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = std::env::temp_dir().join(format!("meterkit-peer-{name}"));
    let works = |home: &Path| {
        let python = home.join("bin/python");
        output(Command::new(&python).args(["-c", "import dlt645"])).is_ok().then_some(python)
    };
    if let Some(python) = works(&kept) {
        return Some(python);
    }
    // Made under a name of its own, so that a half-made one is never found.
    let own = std::env::temp_dir().join(format!("meterkit-peer-{name}-{}", std::process::id()));
    let made = output(Command::new("python3").args(["-m", "venv"]).arg(&own)).and_then(|_| {
        let mut pip = Command::new(own.join("bin/python"));
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        output(pip.args(quiet).args(packages))
    });
    if let Err(error) = made {
        let _ = std::fs::remove_dir_all(&own);
        println!("skipped: cannot install {packages:?}: {error}");
        return None;
    }
    let moved = std::fs::rename(&own, &kept).is_ok();
    works(if moved { &kept } else { &own })
}

/// A process that tells its first line and is killed when dropped.
struct Peer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

/// Our simulator, and where it is.
fn simulator(folder: &Path, arguments: &[&str]) -> (Peer, String) {
    let fleet = folder.join("fleet.toml");
    std::fs::write(&fleet, FLEET).unwrap();
    let mut peer = Peer::start(
        Command::new(env!("CARGO_BIN_EXE_meterkit"))
            .args(["--json", "sim", "serve"])
            .arg(fleet)
            .args(arguments),
    );
    let first: Value = serde_json::from_str(&peer.line()).unwrap();
    let endpoint = first["endpoint"].as_str().unwrap().to_owned();
    (peer, endpoint)
}

/// Runs a script; its last line as JSON.
fn run_script(python: &Path, script: &str, argument: &str) -> Value {
    let mut command = Command::new(python);
    let said = output(command.args(["-c", script, argument])).unwrap_or_else(|e| panic!("{e}"));
    serde_json::from_str(said.trim().lines().last().unwrap_or_default()).unwrap()
}

/// `python-dlt645` 0.1.4 over a pty at 2400 8E1. It cannot build identifiers with bytes above CC
/// (its bias overflows) and ends a frame at the first 16H, so blocks and 03H are beyond it.
#[test]
fn python_dlt645_reads_our_simulator() {
    const SCRIPT: &str = r#"
import sys, json, serial, dlt645
line = serial.Serial(sys.argv[1], baudrate=2400, bytesize=8, parity="E", stopbits=1, timeout=10)
address = dlt645.get_addr(line)
said = {"address": address, "energy": dlt645.get_active_energy(address, line)}
for name, item in [("balance", "00900200"), ("count", "03330201"), ("own", "04000401"),
                   ("customer", "0400040e"), ("missing", "00010900")]:
    frame = dlt645.Frame(address)
    frame.data = item
    dlt645.write_frame(line, frame)
    answer = dlt645.read_frame(dlt645.iogen(line))
    said[name] = answer.data
print(json.dumps(said))
"#;
    let Some(python) = python("python-dlt645-0.1.4", &["python-dlt645==0.1.4", "pyserial==3.5"])
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (_peer, path) = simulator(folder.path(), &[]);
    let said = run_script(&python, SCRIPT, &path);
    assert_eq!(said["address"], "000000000047");
    assert_eq!(said["energy"], 1234.56);
    // It shows data high byte first: value, then identifier.
    assert_eq!(said["balance"], "0000500000900200");
    assert_eq!(said["count"], "000303330201");
    assert_eq!(said["own"], "00000000004704000401");
    assert_eq!(said["customer"], "1122334455660400040e");
    // Its view of the control code is always zero, so a refusal shows only as its error word.
    assert_eq!(said["missing"], "02");
}

/// The client of `dlt645` 3.2.0 over TCP: reads and a write with password. It wants addresses
/// in the order of the wire.
#[test]
fn dlt645_client_works_our_simulator() {
    const SCRIPT: &str = r#"
import sys, json
from dlt645 import MeterClientService
meter = MeterClientService.new_tcp_client("127.0.0.1", int(sys.argv[1]), timeout=10)
assert meter.connect()
found = meter.read_address()
meter.set_address("470000000000")
meter.set_password("02000000")
said = {"address": found.value}
said["energy"] = meter.read_00(0x00010000).value
said["volts"] = meter.read_02(0x02010100).value
said["hertz"] = meter.read_02(0x02800002).value
meter.write_04(0x04000103, "30", "02000000")
said["period"] = meter.read_04(0x04000103).value
print(json.dumps(said))
"#;
    let Some(python) = python("dlt645-3.2.0", &["dlt645==3.2.0"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_peer, endpoint) = simulator(folder.path(), &["--tcp", "127.0.0.1:0"]);
    let port = endpoint.rsplit(':').next().unwrap();
    let said = run_script(&python, SCRIPT, port);
    assert_eq!(said["address"], "470000000000");
    assert_eq!(said["energy"], 1234.56);
    let (volts, hertz) = (said["volts"].as_f64().unwrap(), said["hertz"].as_f64().unwrap());
    assert!((210.0..230.0).contains(&volts) && (49.5..50.5).contains(&hertz), "{said}");
    assert_eq!(said["period"], "30", "15 before the write");
}

/// `meterkit read` reads the simulator of `dlt645` 3.2.0. It knows no blocks, no purse and no
/// 0400010C; what it refuses has to be listed as missing and everything else read.
#[test]
fn meterkit_reads_the_dlt645_simulator() {
    const SCRIPT: &str = r#"
import sys
from dlt645 import MeterServerService
meter = MeterServerService.new_tcp_server("127.0.0.1", 0, 5.0)
meter.set_address(bytes.fromhex("470000000000"))
assert meter.set_00(0x00010000, 1234.56) and meter.set_02(0x02030000, 0.7654)
assert meter.set_04(0x04000101, "26112005") and meter.set_04(0x04000102, "080000")
assert meter.start()
print(meter.server.port, flush=True)
sys.stdin.read()
"#;
    let Some(python) = python("dlt645-3.2.0", &["dlt645==3.2.0"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::start(Command::new(python).args(["-c", SCRIPT]));
    let port = peer.line();
    let mut read = Command::new(env!("CARGO_BIN_EXE_meterkit"));
    read.env("METERKIT_HOME", folder.path()).args(["--json", "read", "--meter", "47"]);
    let said = output(read.args(["--port", &format!("tcp://127.0.0.1:{port}")]));
    let said = said.unwrap();
    // The stages come first, the card is the last line.
    let card: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(card["meter"], "000000000047");
    assert_eq!(card["energy_hundredths_kwh"], 123_456);
    assert_eq!(card["power_dw"], 7_654);
    assert_eq!(card["relay"], "closed");
    // Date and time one by one, because it refuses the block.
    assert_eq!(card["meter_clock_local_s"], 1_795_161_600);
    let missing = card["missing"].as_array().unwrap();
    assert!(missing.contains(&"balance".into()) && !missing.contains(&"energy".into()), "{card}");
}
