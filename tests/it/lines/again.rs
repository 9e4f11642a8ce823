//! An adapter that is pulled out and comes back by another name, as the commands and the screens
//! open it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use meterkit::jobs::Cancel;
use meterkit::jobs::opener::Opener;
use meterkit::report::Code;
use meterkit::transport::discover::Identity;
use meterkit::transport::pty::{Follow, Pty};
use meterkit::transport::{LineSettings, Link, LinkError};

use crate::support::adapters::Adapters;

/// Long enough for any machine; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

fn open(opener: &Opener, name: &str) -> Result<Box<dyn Link>, (Code, String)> {
    let link = opener.open(Some(name), &LineSettings::even(2400), &Cancel::default());
    link.map_err(|failure| (failure.code, failure.detail))
}

/// Whether what is done on the link is done to this pty: its speed follows.
fn reaches(link: &mut dyn Link, pty: &Pty) -> bool {
    [4800, 2400].map(LineSettings::even).iter().all(|settings| {
        assert_eq!(link.tune(settings), Ok(true));
        pty.tool(Follow::Baud, &LineSettings::even(300)).unwrap().baud == settings.baud
    })
}

#[test]
fn an_adapter_is_found_again_under_another_name() {
    let adapters = Adapters::new();
    let opener = adapters.opener();
    let usb = |number| adapters.path(&format!("ttyUSB{number}"));
    let (first, other) = (Pty::open().unwrap(), Pty::open().unwrap());
    adapters.plug("ttyUSB0", "A50285BI", first.path());
    adapters.plug("ttyUSB1", "OTHER", other.path());
    let ports = opener.ports();
    let ours = ports.iter().find(|port| port.path == usb(0)).unwrap();
    let identity = ours.identity();
    let again: Identity = identity.to_string().parse().unwrap();
    assert_eq!(again, identity, "as a small file keeps it");
    let mut link = open(&opener, &usb(0)).unwrap();
    assert!(reaches(link.as_mut(), &first));
    // Pulled out while somebody listens.
    first.unplug();
    adapters.unplug("ttyUSB0");
    let deadline = link.now() + PATIENCE;
    assert_eq!(link.recv(&mut [0; 8], deadline), Err(LinkError::Gone));
    drop(link);
    // Not there yet: that is said at once.
    let (code, detail) = open(&opener, &usb(0)).map(|_| ()).unwrap_err();
    assert_eq!((code, detail), (Code::PortMissing, usb(0)));
    // It comes back by another name; the other adapter is left alone.
    let second = Pty::open().unwrap();
    adapters.plug("ttyUSB7", "A50285BI", second.path());
    let mut link = open(&opener, &usb(0)).unwrap();
    assert!(reaches(link.as_mut(), &second));
    assert_eq!(opener.now(&usb(0)), usb(7));
    drop(link);
    // The other one has got its name: its meters are others, and it is known by its own name.
    let _ = open(&opener, &usb(1)).unwrap();
    second.unplug();
    adapters.unplug("ttyUSB7");
    adapters.unplug("ttyUSB1");
    adapters.plug("ttyUSB0", "OTHER", other.path());
    let (code, detail) = open(&opener, &usb(0)).map(|_| ()).unwrap_err();
    assert_eq!(code, Code::PortMissing);
    assert!(detail.contains(&identity.to_string()), "{detail}");
    assert!(reaches(open(&opener, &usb(1)).unwrap().as_mut(), &other));
    // Unless somebody chooses it.
    opener.choose(&usb(0));
    assert!(reaches(open(&opener, &usb(0)).unwrap().as_mut(), &other));
}

#[test]
fn two_adapters_that_claim_to_be_the_same_are_not_guessed_at() {
    let adapters = Adapters::new();
    let opener = adapters.opener();
    let ptys = [Pty::open().unwrap(), Pty::open().unwrap()];
    let name = adapters.path("ttyUSB0");
    adapters.plug("ttyUSB0", "A50285BI", ptys[0].path());
    drop(open(&opener, &name).unwrap());
    adapters.unplug("ttyUSB0");
    for (name, socket, pty) in [("ttyUSB7", "1-7", &ptys[0]), ("ttyUSB8", "1-8", &ptys[1])] {
        adapters.appear(name, crate::support::adapters::FTDI, socket, Some("A50285BI"));
        adapters.node(name, pty.path());
    }
    let (code, detail) = open(&opener, &name).map(|_| ()).unwrap_err();
    assert_eq!((code, detail), (Code::PortMissing, name));
}

/// The kernel shows the adapter before udev has made its file.
#[test]
fn an_adapter_that_has_just_come_back_is_given_a_moment() {
    let adapters = Adapters::new();
    let opener = adapters.opener();
    let name = adapters.path("ttyUSB0");
    let (first, second) = (Pty::open().unwrap(), Pty::open().unwrap());
    adapters.plug("ttyUSB0", "A50285BI", first.path());
    drop(open(&opener, &name).unwrap());
    first.unplug();
    adapters.unplug("ttyUSB0");
    adapters.appear("ttyUSB1", crate::support::adapters::FTDI, "1-2", Some("A50285BI"));
    // Stopped, it does not wait.
    let stop = Cancel::default();
    stop.store(true, Ordering::Relaxed);
    let stopped = opener.open(Some(&name), &LineSettings::even(2400), &stop).map(|_| ());
    assert_eq!(stopped.unwrap_err().code, Code::PortMissing);
    let mut link = std::thread::scope(|scope| {
        scope.spawn(|| adapters.node("ttyUSB1", second.path()));
        open(&opener, &name).unwrap()
    });
    assert!(reaches(link.as_mut(), &second));
}

#[test]
fn a_line_is_remembered_when_a_meter_has_answered_and_not_before() {
    let adapters = Adapters::new();
    let opener = adapters.opener();
    let (name, settings) = (adapters.path("ttyUSB0"), LineSettings::even(1200));
    let pty = Pty::open().unwrap();
    adapters.plug("ttyUSB0", "A50285BI", pty.path());
    drop(open(&opener, &name).unwrap());
    let nobody = opener.open(None, &settings, &Cancel::default()).map(|_| ()).unwrap_err();
    assert_eq!(nobody.code, Code::PortNotChosen);
    assert_eq!(adapters.remembered(), "", "it was opened, and nobody answered");
    opener.answered(Some(&name), "dlt645-2007-c", &settings);
    assert!(adapters.remembered().contains("usb:0403:6001:A50285BI"), "{}", adapters.remembered());
    // Another day it has another name, and another adapter has its own.
    adapters.unplug("ttyUSB0");
    let other = Pty::open().unwrap();
    adapters.plug("ttyUSB0", "OTHER", other.path());
    adapters.plug("ttyUSB1", "A50285BI", pty.path());
    for asked in [Some(name.as_str()), None] {
        let opener = adapters.opener();
        let mut link = opener.open(asked, &settings, &Cancel::default()).unwrap();
        assert!(reaches(link.as_mut(), &pty), "{asked:?}");
        // Answering under its new name does not lose the old one.
        opener.answered(asked, "", &settings);
    }
    // A device server has no other name; it is listed from now on.
    opener.answered(Some("tcp://10.0.0.7:4001"), "tms", &LineSettings::plain(9600));
    assert_eq!(opener.saved()[0].endpoint, "tcp://10.0.0.7:4001");
    assert_eq!(adapters.opener().last().unwrap(), "tcp://10.0.0.7:4001");
    // Somebody who names what is there now means what is there now.
    let opener = adapters.opener();
    opener.choose(&name);
    assert!(reaches(open(&opener, &name).unwrap().as_mut(), &other));
}
