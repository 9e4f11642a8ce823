//! The engine behind the screens, over adapters that come and go: a made-up sysfs tree and
//! simulated meters behind pseudo terminals.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use meterkit::jobs::clock::TickClock;
use meterkit::jobs::engine::{Engine, EngineConfig};
use meterkit::jobs::opener::Opener;
use meterkit::jobs::views::{ErrandId, Failure, PortTrouble, PortView, Request, Stage, Update};
use meterkit::report::Code;
use meterkit::sim::serve::FleetStation;
use meterkit::sim::{Fleet, Meter, MeterSetup};
use meterkit::transport::pty::{Follow, Pty};
use meterkit::transport::{Bus, Faults, Line, LineSettings, Server};
use meterkit::units::UnixSeconds;

use super::METER;
use super::site::{BASE, Site};
use crate::support::adapters::{Adapters, CH340};

/// Nothing here takes as long; a test that hangs says so.
const PATIENCE: Duration = Duration::from_secs(60);

fn fleet() -> Fleet {
    let (meter, account) = (METER.parse().unwrap(), super::ACCOUNT.parse().unwrap());
    let setup = MeterSetup::opened(meter, account, 1_234, 6);
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    Fleet::new(vec![Meter::new(setup, start, 1)])
}

fn wires() -> Line {
    Line::new(LineSettings::even(2400), Faults::NONE)
}

struct Rig {
    engine: Engine,
    _folder: tempfile::TempDir,
}

impl Rig {
    /// The engine as `meterkit tui` starts it.
    fn new(opener: Opener, port: Option<String>) -> Rig {
        let (store, session, folder) = Site::new(fleet(), wires()).into_parts();
        let opener = Arc::new(opener);
        let opens = Arc::clone(&opener);
        let config = EngineConfig {
            port,
            clock: Arc::new(TickClock { base: UnixSeconds(BASE), offset_s: 0 }),
            session: Some((store, session)),
            opener: Some(opener),
            open_line: Box::new(move |port, settings, cancel| opens.open(port, settings, cancel)),
            ..EngineConfig::new(folder.path().join("store"), String::new()).unwrap()
        };
        Rig { engine: Engine::start(config).unwrap(), _folder: folder }
    }

    fn ask(&self, request: Request) {
        self.engine.requests.send(request).unwrap();
    }

    fn wait<T>(&self, mut pick: impl FnMut(Update) -> Option<T>) -> T {
        loop {
            let update = self.engine.updates.recv_timeout(PATIENCE).expect("an update");
            if let Some(picked) = pick(update) {
                return picked;
            }
        }
    }

    fn begin(&self, number: u64) {
        let meter = METER.parse().unwrap();
        self.ask(Request::Read { errand: ErrandId(number), meter });
    }

    fn ended(&self, number: u64) -> Result<(), Failure> {
        self.wait(|update| match update {
            Update::Read { errand, result } if errand == ErrandId(number) => Some(result.map(drop)),
            _ => None,
        })
    }

    /// Looks at the adapters until the list is as expected.
    fn ports(&self, expected: impl Fn(&[PortView]) -> bool) -> (Vec<PortView>, Option<String>) {
        self.ask(Request::Ports);
        self.wait(|update| match update {
            Update::Ports { rows, chosen } if expected(&rows) => Some((rows, chosen)),
            _ => None,
        })
    }
}

#[test]
fn an_adapter_pulled_out_in_a_reading_just_works_under_its_new_name() {
    let adapters = Adapters::new();
    let meters = Arc::new(Mutex::new(fleet()));
    let station = || FleetStation::sharing(Arc::clone(&meters));
    let first = Server::on_pty(Bus::paced(wires(), station()), Follow::Nothing).unwrap();
    adapters.plug("ttyUSB0", "A50285BI", first.endpoint().device().unwrap());
    let port = adapters.path("ttyUSB0");
    let rig = Rig::new(adapters.opener(), Some(port.clone()));
    rig.begin(1);
    rig.wait(|update| match update {
        Update::Wire(piece) => (!piece.received).then_some(()),
        Update::Read { result, .. } => panic!("{result:?}"),
        _ => None,
    });
    adapters.unplug("ttyUSB0");
    drop(first);
    let gone = rig.ended(1).unwrap_err();
    assert_eq!((gone.code, gone.detail.as_str()), (Code::LinkGone, port.as_str()));
    assert_eq!(adapters.remembered(), "", "nothing answered to the end");
    // Still out.
    rig.begin(2);
    let missing = rig.ended(2).unwrap_err();
    assert_eq!((missing.code, missing.detail.as_str()), (Code::PortMissing, port.as_str()));
    // In again, by another name, while another adapter got the old one.
    let other = Pty::open().unwrap();
    adapters.plug("ttyUSB0", "OTHER", other.path());
    let second = Server::on_pty(Bus::unpaced(station()), Follow::Nothing).unwrap();
    adapters.plug("ttyUSB3", "A50285BI", second.endpoint().device().unwrap());
    rig.begin(3);
    rig.ended(3).unwrap();
    assert!(adapters.remembered().contains("usb:0403:6001:A50285BI"), "{}", adapters.remembered());
    // The list of adapters marks it where it is now.
    let (_, chosen) = rig.ports(|rows| rows.len() == 2);
    assert_eq!(chosen.unwrap(), adapters.path("ttyUSB3"));
    // And so does the next start, with nothing named.
    assert_eq!(adapters.opener().last(), Some(port));
}

#[test]
fn the_list_has_what_was_used_before_and_says_who_takes_an_adapter_away() {
    let adapters = Adapters::new();
    let pty = Pty::open().unwrap();
    adapters.plug("ttyUSB0", "A50285BI", pty.path());
    let opener = adapters.opener();
    opener.answered(Some("tcp://10.0.0.7:4001"), "tms", &LineSettings::plain(9600));
    let rig = Rig::new(opener, None);
    let (rows, _) = rig.ports(|_| true);
    let names: Vec<&str> = rows.iter().map(|row| row.endpoint.as_str()).collect();
    assert_eq!(names, [adapters.path("ttyUSB0").as_str(), "tcp://10.0.0.7:4001"]);
    assert!(rows.iter().all(|row| row.trouble.is_none()));
    let braille = adapters.path("ttyUSB1");
    adapters.appear("ttyUSB1", CH340, "1-3", None);
    let state = |rows: &[PortView]| {
        let row = rows.iter().find(|row| row.endpoint == braille);
        row.map(|row| (row.trouble, row.fix.clone()))
    };
    let (rows, _) = rig.ports(|rows| state(rows).is_some());
    let udev = (Some(PortTrouble::NoNode), Some("sudo udevadm trigger".to_owned()));
    assert_eq!(state(&rows), Some(udev), "the kernel is quicker than udev");
    adapters.node("ttyUSB1", pty.path());
    rig.ports(|rows| state(rows) == Some((None, None)));
    adapters.unplug("ttyUSB1");
    let taken = (Some(PortTrouble::Braille), Some("sudo apt remove brltty".to_owned()));
    rig.ports(|rows| state(rows) == Some(taken.clone()));
    // What is chosen is meant as it is called now.
    let (first, port) = (Pty::open().unwrap(), adapters.path("ttyUSB5"));
    adapters.plug("ttyUSB5", "NEW", first.path());
    rig.ask(Request::ChoosePort(port.clone()));
    let (_, chosen) = rig.ports(|rows| rows.iter().any(|row| row.endpoint == port));
    assert_eq!(chosen, Some(port));
    adapters.unplug("ttyUSB5");
    adapters.plug("ttyUSB6", "NEW", first.path());
    let moved = adapters.path("ttyUSB6");
    let (_, chosen) = rig.ports(|rows| rows.iter().any(|row| row.endpoint == moved));
    assert_eq!(chosen, Some(moved));
}

#[test]
fn waiting_for_a_device_server_that_calls_can_be_stopped() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let adapters = Adapters::new();
    let port = format!("tcp-listen://127.0.0.1:{free}");
    let rig = Rig::new(adapters.opener(), Some(port.clone()));
    rig.begin(1);
    rig.wait(|update| match update {
        Update::Progress { stage: Stage::Opening, .. } => Some(()),
        _ => None,
    });
    rig.ask(Request::Cancel(ErrandId(1)));
    let stopped = rig.ended(1).unwrap_err();
    assert_eq!((stopped.code, stopped.detail), (Code::Cancelled, port));
    assert_eq!(adapters.remembered(), "");
}
