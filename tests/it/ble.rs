//! Bluetooth LE heads without Bluetooth: the real `BleLink`, btleplug and libdbus talk to a fake
//! `BlueZ` on a socket of ours (transport.md 3.2 B and 8). No adapter, no dbus-daemon, no root.
//!
//! libdbus reads the address of the bus from the environment, once a process; so the test runs
//! itself again as a child with that variable set. The fake lives in the parent.

mod fake;

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use meterkit::jobs::Cancel;
use meterkit::jobs::opener::Opener;
use meterkit::transport::ble::{self, BleLink, Patience};
use meterkit::transport::{HeadRow, LineSettings, Link, LinkError};

use fake::{Head, Kind};

const MS: Duration = Duration::from_millis(1);

/// Long enough for any machine; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Set in the child.
const CHILD: &str = "METERKIT_TEST_BLE_CHILD";

/// The heads of the fake; each has its own way.
fn heads() -> Vec<Head> {
    let reply: Vec<u8> = (0..200).collect();
    let nus = Head { number: 1, kind: Kind::Nordic, mtu: 23, reply, leaves_after: None };
    vec![
        nus.clone(),
        Head { number: 2, kind: Kind::Hm10, mtu: 517, ..nus.clone() },
        Head { number: 3, leaves_after: Some(3), ..nus.clone() },
        Head { number: 4, kind: Kind::Keyboard, ..nus.clone() },
        Head { number: 5, kind: Kind::NeverConnects, ..nus.clone() },
        Head { number: 6, kind: Kind::NeverResolves, ..nus.clone() },
        Head { number: 7, kind: Kind::ThirdTime, ..nus.clone() },
        Head { number: 8, kind: Kind::Swapped, ..nus.clone() },
        Head { number: 9, kind: Kind::Yard, mtu: 64, ..nus },
    ]
}

/// Heads that are written to: 100 bytes at least each.
const WRITTEN: [u8; 6] = [1, 2, 3, 7, 8, 9];

fn address(number: u8) -> String {
    format!("AA:BB:CC:00:00:{number:02X}")
}

/// Runs this test again in a child whose Bluetooth is the fake at `socket`.
fn again(test: &str, socket: &std::path::Path) {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", socket.display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{text}");
    assert!(text.contains("1 passed"), "the child ran nothing: {text}");
}

#[test]
fn heads_are_read_through_a_fake_bluez() {
    if std::env::var_os(CHILD).is_some() {
        child();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let bus = fake::serve(&socket, heads(), true);
    again("ble::heads_are_read_through_a_fake_bluez", &socket);
    // Every piece written was small enough for its head.
    for (head, pieces) in bus.pieces() {
        let most = usize::from(heads()[usize::from(head) - 1].mtu) - 3;
        assert!(pieces.iter().all(|piece| *piece <= most), "head {head}: {pieces:?}");
        assert!(pieces.iter().sum::<usize>() >= 100, "head {head}: {pieces:?}");
    }
    assert_eq!(bus.pieces().into_keys().collect::<Vec<_>>(), WRITTEN);
}

#[test]
fn a_machine_without_bluetooth_says_so() {
    if std::env::var_os(CHILD).is_some() {
        let error = open(1, PATIENCE).map(|_| ()).unwrap_err();
        assert!(matches!(&error, LinkError::Missing(why) if why.contains("no Bluetooth adapter")));
        assert!(matches!(ble::scan(MS, &[]), Err(LinkError::Missing(_))));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let _bus = fake::serve(&socket, heads(), false);
    again("ble::a_machine_without_bluetooth_says_so", &socket);
}

fn open(number: u8, limit: Duration) -> Result<BleLink, LinkError> {
    let patience = Patience { scan: limit, connect: limit, services: limit };
    let rows = [HeadRow::parse("Yard head ABCD AB02 AB01").unwrap()];
    BleLink::connect_within(&address(number), &LineSettings::default(), patience, &rows)
}

fn read(link: &mut BleLink, count: usize) -> Result<Vec<u8>, LinkError> {
    let deadline = link.now() + PATIENCE;
    let (mut all, mut buffer) = (Vec::new(), [0; 64]);
    while all.len() < count {
        match link.recv(&mut buffer, deadline)? {
            0 => break,
            got => all.extend(&buffer[..got]),
        }
    }
    Ok(all)
}

/// What runs in the child, one after another: they share one bus.
fn child() {
    let reply: Vec<u8> = (0..200).collect();
    for number in [1, 2, 7, 8, 9] {
        let mut link = open(number, PATIENCE).unwrap();
        for _ in 0..2 {
            let end = link.send(&[0x55; 100]).unwrap();
            // 100 characters at 2400 baud: the line behind the head has its own time.
            assert!(end > 450 * MS);
            assert_eq!(read(&mut link, 200).unwrap(), reply, "head {number}");
        }
        let deadline = link.now() + 50 * MS;
        assert_eq!(link.recv(&mut [0; 8], deadline), Ok(0), "nothing more comes");
        assert!(link.now() >= deadline);
        assert_eq!(link.tune(&LineSettings::even(9600)), Ok(false), "set in the head");
    }
    // Opened anew at once: the first connection is closed before the second is made.
    for _ in 0..3 {
        let mut link = open(1, PATIENCE).unwrap();
        link.send(&[0x55; 100]).unwrap();
        assert_eq!(read(&mut link, 200).unwrap(), reply);
    }
    // The head goes out of reach in the middle of its answer: what came is handed over, then Gone.
    let mut link = open(3, PATIENCE).unwrap();
    link.send(&[0x55; 100]).unwrap();
    assert_eq!(read(&mut link, 60).unwrap(), reply[..60]);
    assert_eq!(read(&mut link, 1), Err(LinkError::Gone));
    assert_eq!(link.send(&[1]), Err(LinkError::Gone));
    drop(link);
    // A device that is no head; those that never connect or never tell; one that is not there.
    let no_service = open(4, PATIENCE).map(|_| ()).unwrap_err();
    assert!(matches!(&no_service, LinkError::Io(why) if why.contains("no serial")), "{no_service}");
    for (number, words) in [(5, "does not answer"), (6, "does not answer"), (99, "not in reach")] {
        let start = Instant::now();
        let error = open(number, 500 * MS).map(|_| ()).unwrap_err();
        assert!(matches!(&error, LinkError::Missing(why) if why.contains(words)), "{error}");
        assert!(start.elapsed() < PATIENCE, "within our own limit, not the 30 s of the bus");
    }
    // The configuration's own rows, on the way every command and the screens open a line. Without
    // them the first pair of the service is taken, and that is not the line.
    let folder = tempfile::tempdir().unwrap();
    let rows = vec![HeadRow::parse("Yard head ABCD AB02 AB01").unwrap()];
    let opener = Opener::new(&folder.path().join("config.toml"), rows);
    let place = format!("ble:{}", address(9));
    let settings = LineSettings::default();
    let mut link = opener.open(Some(&place), &settings, &Cancel::default()).unwrap();
    link.send(&[0x55; 100]).unwrap();
    let deadline = link.now() + PATIENCE;
    assert!(link.recv(&mut [0; 64], deadline).unwrap() > 0);
    drop(link);
    let found = ble::scan(MS, &[]).unwrap();
    let addresses: Vec<String> = (1..=9).map(address).collect();
    let mut listed: Vec<String> = found.into_iter().map(|one| one.address).collect();
    listed.sort();
    assert_eq!(listed, addresses);
    // Stopped while it connects: at once, and that is what is said.
    let (stop, start) = (AtomicBool::new(true), Instant::now());
    let patience = Patience { scan: PATIENCE, connect: PATIENCE, services: PATIENCE };
    let stopped =
        BleLink::connect_until(&address(5), &LineSettings::default(), patience, &[], &stop);
    assert_eq!(stopped.map(|_| ()), Err(LinkError::Cancelled(format!("ble:{}", address(5)))));
    assert!(start.elapsed() < PATIENCE);
}
