//! A program of others against ours: the client of PyPI `iec62056-21` reads and writes our
//! simulated meter over a pty, with its change of speed.
//!
//! It opens the port 7E1; the kernel takes data bits and parity out of a pty's settings without a
//! word, so what goes over is the seven bits without parity, and no shim is needed. It opens the
//! port anew for the new speed, half a second after its choice: the meter here waits longer than
//! that. Where it cannot be installed (no Python, no network) the test says "skipped: ...".

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use meterkit::sim::iec::IecBus;
use meterkit::sim::serve::BusStation;
use meterkit::transport::pty::Follow;
use meterkit::transport::{Bus, Endpoint, Faults, Line, Server};
use serde_json::{Value, json};

use super::peer::{meter, ms};
use super::speed::START;

/// Runs a command; what it printed, or why it failed.
fn output(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| format!("{error}"))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(format!("{:?}: {}", done.status.code(), String::from_utf8_lossy(&done.stderr).trim()))
    }
}

/// A Python that has the client, made once and kept; `None` (and a word) where it cannot be had.
fn python() -> Option<PathBuf> {
    let kept = std::env::temp_dir().join("meterkit-peer-iec62056-21-0.0.2");
    let works = |home: &Path| {
        let python = home.join("bin/python");
        output(Command::new(&python).args(["-c", "import iec62056_21"])).is_ok().then_some(python)
    };
    if let Some(python) = works(&kept) {
        return Some(python);
    }
    // Made under a name of its own, so that a half-made one is never found.
    let own = std::env::temp_dir().join(format!("meterkit-peer-iec-{}", std::process::id()));
    let made = output(Command::new("python3").args(["-m", "venv"]).arg(&own)).and_then(|_| {
        let mut pip = Command::new(own.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        output(pip.args(["iec62056-21==0.0.2", "pyserial==3.5"]))
    });
    if let Err(error) = made {
        let _ = std::fs::remove_dir_all(&own);
        println!("skipped: cannot install iec62056-21: {error}");
        return None;
    }
    let moved = std::fs::rename(&own, &kept).is_ok();
    works(if moved { &kept } else { &own })
}

const SCRIPT: &str = r#"
import sys, json
from iec62056_21 import messages
from iec62056_21.client import Iec6205621Client
said = {}
meter = Iec6205621Client.with_serial_transport(sys.argv[1], password="00000000")
meter.connect()
table = meter.standard_readout()
said["maker"], said["ident"] = meter.manufacturer_id, meter.identification
said["baud"] = meter.transport.port.baudrate
said["table"] = {s.address: [s.value, s.unit] for l in table.data_block.data_lines
                 for s in l.data_sets}
meter.disconnect()
meter.connect()
seed = meter.access_programming_mode()
said["call"] = [seed.command, str(seed.command_type), seed.data_set.value]
# Its own send_password forgets that a data set wants an address (0.0.2).
word = messages.DataSet(value="00000000", address="")
word = messages.CommandMessage(command="P", command_type=1, data_set=word)
meter.transport.send(word.to_bytes())
said["password"] = ord(meter._recv_ack())
value = meter.read_single_value("1.8.0")
said["value"] = [value.address, value.value, value.unit]
meter.write_single_value("0.9.1", "11:22:33")
said["written"] = meter.read_single_value("0.9.1").value
said["profile"] = meter.read_single_value("P.01").value
meter.send_break()
print(json.dumps(said))
"#;

#[test]
fn the_client_of_pypi_reads_and_writes_our_meter() {
    let Some(python) = python() else { return };
    let mut simulated = meter("MTK5meterkit-1");
    simulated.setup_mut().reaction = ms(1500);
    simulated.put("P.01", "0123456789");
    let bus = Bus::paced(Line::new(START, Faults::NONE), BusStation(IecBus::new(vec![simulated])));
    let server = Server::on_pty(bus, Follow::Baud).unwrap();
    let Endpoint::Serial(path) = server.endpoint().clone() else { panic!("no pty") };
    let said = output(Command::new(python).args(["-c", SCRIPT, &path])).unwrap();
    let said: Value = serde_json::from_str(said.trim()).unwrap();
    // It takes the sixth character for a separator that is not there.
    assert_eq!((&said["maker"], &said["ident"]), (&json!("MTK"), &json!("eterkit-1")));
    assert_eq!(said["baud"], 9600);
    assert_eq!(said["table"]["1.8.0"], json!(["0001234.560", "kWh"]));
    assert_eq!(said["table"]["0.0.0"], json!(["000000000047", null]));
    assert_eq!(said["table"].as_object().unwrap().len(), 17);
    assert_eq!(said["call"], json!(["P", "0", "000000000047"]));
    assert_eq!(said["password"], 6);
    assert_eq!(said["value"], json!(["1.8.0", "0001234.560", "kWh"]));
    assert_eq!(said["written"], "11:22:33");
    assert_eq!(said["profile"], "0123456789");
    let bus = server.stop().unwrap();
    let meter = &bus.station().0.meters()[0];
    assert_eq!(meter.writes(), [("0.9.1".to_owned(), "11:22:33".to_owned())]);
}
