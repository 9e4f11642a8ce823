//! Programs of others against ours: a pymodbus 3.16 server read and written by us, over Modbus TCP
//! and with RTU frames; mbpoll reads our simulator, over TCP and a pty.
//!
//! They share no code with us and none with each other. pymodbus goes into a virtual environment
//! below the temporary folder, mbpoll is Debian's; what cannot be had is skipped, and said so.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use meterkit::jobs::drive::{self, Cancel};
use meterkit::profile::Profile;
use meterkit::protocol::Dialogue;
use meterkit::protocol::exchange::{Reply, Retry, Series, Timing};
use meterkit::protocol::modbus::ask::{Ask, Numbers, Target};
use meterkit::protocol::modbus::frame::Unit;
use meterkit::protocol::modbus::pdu::Table;
use meterkit::protocol::modbus::write::{Guard, many, one};
use meterkit::sim::modbus::{ModbusBus, ModbusFraming, ModbusMeter, ModbusSetup};
use meterkit::sim::serve::BusStation;
use meterkit::transport::pty::Follow;
use meterkit::transport::{Bus, Endpoint, Faults, Line, LineSettings, Link, Server, open};

/// Runs a command; what it printed, or why it failed.
fn output(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| format!("{error}"))?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        Ok(said)
    } else {
        let error = String::from_utf8_lossy(&done.stderr);
        Err(format!("{:?}: {said}{}", done.status.code(), error.trim()))
    }
}

/// Two tests must not make the same environment at once.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A Python that has pymodbus, made once and kept; `None` (and a word) where it cannot be had.
fn python() -> Option<PathBuf> {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = std::env::temp_dir().join("meterkit-peer-pymodbus-3.16.1");
    let works = |home: &Path| {
        let python = home.join("bin/python");
        output(Command::new(&python).args(["-c", "import pymodbus"])).is_ok().then_some(python)
    };
    if let Some(python) = works(&kept) {
        return Some(python);
    }
    // Made under a name of its own, so that a half-made one is never found.
    let own = std::env::temp_dir().join(format!("meterkit-peer-pymodbus-{}", std::process::id()));
    let made = output(Command::new("python3").args(["-m", "venv"]).arg(&own)).and_then(|_| {
        let mut pip = Command::new(own.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        output(pip.arg("pymodbus==3.16.1"))
    });
    if let Err(error) = made {
        let _ = std::fs::remove_dir_all(&own);
        println!("skipped: cannot install pymodbus: {error}");
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

const SERVER: &str = r#"
import sys, asyncio
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.datastore import ModbusServerContext, ModbusDeviceContext, ModbusSequentialDataBlock

async def main():
    words = [0x0012, 0xD687] + list(range(2, 200))
    device = ModbusDeviceContext(hr=ModbusSequentialDataBlock(1, words),
                                 ir=ModbusSequentialDataBlock(1, [0xFFFF, 0xFBE6]))
    context = ModbusServerContext(devices={13: device}, single=False)
    server = ModbusTcpServer(context, framer=FramerType(sys.argv[1]), address=("127.0.0.1", 0))
    await server.listen()
    print(server.transport.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"#;

fn run<D: Dialogue>(link: &mut dyn Link, mut dialogue: D) -> D::Output {
    drive::run(&mut dialogue, link, &Cancel::default(), &mut |_| {}).unwrap()
}

/// Everything we do to a server of another's, with these frames.
fn read_and_write(framer: &str, target: &Target) {
    let Some(python) = python() else { return };
    let mut child =
        Command::new(python).args(["-c", SERVER, framer]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let mut peer = Peer { child, lines };
    let mut port = String::new();
    peer.lines.read_line(&mut port).unwrap();
    let endpoint = Endpoint::parse(&format!("tcp://127.0.0.1:{}", port.trim())).unwrap();
    let mut link = open(&endpoint, &LineSettings::plain(9600)).unwrap();
    let timing = Timing::new(Duration::from_micros(10), Duration::from_secs(2));
    let ask = |table, start, count| Ask::read(target, table, start, count);
    let replies = run(
        &mut *link,
        Series::new(
            vec![
                ask(Table::Holding, 0, 2),
                ask(Table::Input, 0, 2),
                ask(Table::Holding, 10, 125),
                ask(Table::Holding, 0x6000, 2),
            ],
            timing,
            Retry::default(),
        ),
    )
    .unwrap();
    assert_eq!(replies[0], Reply::Data(vec![0x00, 0x12, 0xD6, 0x87]));
    assert_eq!(replies[1], Reply::Data(vec![0xFF, 0xFF, 0xFB, 0xE6]));
    let Reply::Data(long) = &replies[2] else { panic!("{:?}", replies[2]) };
    assert_eq!((long.len(), &long[..4]), (250, &[0, 10, 0, 11][..]));
    assert!(matches!(&replies[3], Reply::Refused(no) if no.name == "illegal-data-address"));

    let none = Guard::default();
    let written = run(&mut *link, many(target, 20, &[7, 8, 9], &none, timing).unwrap()).unwrap();
    assert!(matches!(&written[..], [Reply::Data(_)]), "{written:?}");
    let wrote = run(&mut *link, one(target, 21, 60, &none, timing, Retry::NONE).unwrap()).unwrap();
    assert_eq!((wrote.refused, wrote.shows), (None, Ok(60)));
    let back = Series::new(vec![ask(Table::Holding, 20, 3)], timing, Retry::NONE);
    assert_eq!(run(&mut *link, back), Ok(vec![Reply::Data(vec![0, 7, 0, 60, 0, 9])]));
}

#[test]
fn we_read_and_write_pymodbus_over_tcp() {
    read_and_write("socket", &Target::tcp(Unit(13), &Numbers::from(0xFFFD)));
}

#[test]
fn we_read_and_write_pymodbus_with_rtu_frames() {
    read_and_write("rtu", &Target::rtu(Unit(13)));
}

/// One unit with an account, at the far end of a line of 9600 8N1.
fn simulator(framing: ModbusFraming) -> Bus<BusStation<ModbusBus>> {
    const SHOP: &str = include_str!("../../../fixtures/profiles/shop-modbus.toml");
    let setup = ModbusSetup {
        account: Some("112233445566".parse().unwrap()),
        balance: -1_050,
        count: 17,
        energy: 1_234_567,
        load_w: 0,
        ..ModbusSetup::new(13, "47".parse().unwrap())
    };
    let start = "2026-11-20T08:00:00".parse().unwrap();
    let meter = ModbusMeter::new(setup, Arc::new(Profile::parse(SHOP).unwrap()), start);
    let station = BusStation(ModbusBus::new(framing, vec![meter]));
    Bus::paced(Line::new(LineSettings::plain(9600), Faults::NONE), station)
}

/// What mbpoll reads: (register, value) pairs; `None` (and a word) where it cannot be had.
fn mbpoll(arguments: &[&str]) -> Option<Result<Vec<i64>, String>> {
    if output(Command::new("mbpoll").arg("-V")).is_err() {
        println!("skipped: mbpoll is not installed");
        return None;
    }
    let said = output(Command::new("mbpoll").args(["-0", "-1", "-a", "13"]).args(arguments));
    Some(said.map(|said| {
        let value = |line: &str| {
            let (_, value) = line.strip_prefix('[')?.split_once("]:")?;
            value.split_whitespace().next()?.parse().ok()
        };
        said.lines().filter_map(value).collect()
    }))
}

/// Reads balance, energy and count, and asks for what is not there.
fn polled(at: &[&str]) {
    let with = |more: &[&str]| mbpoll(&[at, more].concat());
    let (reference, tail) = (["-r", "778", "-c", "1", "-t", "4:int", "-B"], at);
    let Some(balance) = with(&reference) else { return };
    assert_eq!(balance, Ok(vec![-1_050]), "{tail:?}");
    assert_eq!(with(&["-r", "0", "-c", "1", "-t", "4:int", "-B"]), Some(Ok(vec![1_234_567])));
    assert_eq!(with(&["-r", "782", "-c", "1", "-t", "4"]), Some(Ok(vec![17])));
    let missing = with(&["-r", "24576", "-c", "2", "-t", "4"]).unwrap();
    let text = format!("{missing:?}");
    assert!(missing.is_err() && text.contains("Illegal data address"), "{text}");
}

#[test]
fn mbpoll_reads_our_simulator_over_tcp() {
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let server = Server::on_tcp(simulator(ModbusFraming::Tcp), address).unwrap();
    let Endpoint::Tcp { port, .. } = server.endpoint().clone() else { panic!("no TCP") };
    polled(&["-m", "tcp", "-p", &port.to_string(), "127.0.0.1"]);
    server.stop().unwrap();
}

#[test]
fn mbpoll_reads_our_simulator_over_a_pty() {
    let server = Server::on_pty(simulator(ModbusFraming::Rtu), Follow::Baud).unwrap();
    let path = server.endpoint().device().unwrap().to_owned();
    polled(&["-m", "rtu", "-b", "9600", "-P", "none", "-o", "2", &path]);
    server.stop().unwrap();
}
