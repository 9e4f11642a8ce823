//! Changing speed and characters on an open line, as IEC 62056-21 mode C does between two messages.

use std::time::Duration;

use meterkit::transport::bus::{Bus, Station};
use meterkit::transport::line::Wiring;
use meterkit::transport::pty::Follow;
use meterkit::transport::wrap::{Paced, Recorded, Traced};
use meterkit::transport::{
    Faults, Line, LineSettings, Link, LinkError, Server, VirtualLink, open, pipe,
};

use super::{Scripted, collect, ramp};

const MS: Duration = Duration::from_millis(1);
const START: LineSettings = LineSettings { data_bits: 7, ..LineSettings::even(300) };
const FAST: LineSettings = LineSettings { data_bits: 7, ..LineSettings::even(9600) };

/// A meter of mode C: says who it is at 300 baud, and answers the acknowledgement at 9600.
#[derive(Debug, Default)]
struct ModeC {
    heard: Vec<u8>,
    out: Option<(Duration, Vec<u8>)>,
    fast: bool,
    switch: bool,
}

impl Station for ModeC {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.heard.extend(bytes);
        if self.heard.ends_with(b"/?!") {
            self.out = Some((at + 200 * MS, b"/ABC5id".to_vec()));
        } else if self.heard.ends_with(b"\x06050") {
            // Switches first, then answers.
            self.switch = true;
            self.out = Some((at + 200 * MS, Vec::new()));
        } else if self.heard.ends_with(b"data?") {
            self.out = Some((at + 20 * MS, b"1.8.0(000123)".to_vec()));
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        if std::mem::take(&mut self.switch) {
            self.fast = true;
            let (start, _) = self.out.take()?;
            self.out = Some((start, b"\x02DATA\x03".to_vec()));
            return Some((start, Vec::new()));
        }
        self.out.take()
    }

    fn speed(&self) -> Option<u32> {
        self.fast.then_some(9600)
    }
}

fn sign_on(link: &mut dyn Link, wait: Duration) -> (Vec<u8>, Vec<u8>) {
    let end = link.send(b"/?!").unwrap();
    let name = collect(link, end + 600 * MS).0;
    link.send(b"\x06050").unwrap();
    assert_eq!(link.tune(&FAST), Ok(true));
    assert_eq!(link.timing().character, FAST.character());
    let deadline = link.now() + wait;
    let data = collect(link, deadline).0;
    (name, data)
}

#[test]
fn an_answer_after_the_switch_is_heard_at_the_new_speed() {
    let mut link = VirtualLink::new(ModeC::default(), Line::new(START, Faults::NONE));
    let before = link.now();
    let (name, data) = sign_on(&mut link, 300 * MS);
    assert_eq!((&name[..], &data[..]), (&b"/ABC5id"[..], &b"\x02DATA\x03"[..]));
    // 7 characters of ours at 300 baud were let out before the switch, and it is the line that
    // says when: 4 characters after the wait of 600 ms.
    assert_eq!(link.now() - before, START.wire(3) + 600 * MS + START.wire(4) + 300 * MS);
    // The meter stays at the new speed.
    link.send(b"data?").unwrap();
    let deadline = link.now() + 300 * MS;
    assert_eq!(collect(&mut link, deadline).0, b"1.8.0(000123)");
}

#[test]
fn without_the_switch_the_answer_is_noise() {
    let mut link = VirtualLink::new(ModeC::default(), Line::new(START, Faults::NONE));
    let end = link.send(b"/?!").unwrap();
    collect(&mut link, end + 600 * MS);
    link.send(b"\x06050").unwrap();
    let deadline = link.now() + 600 * MS;
    assert_ne!(collect(&mut link, deadline).0, b"\x02DATA\x03");
}

#[test]
fn a_switch_in_the_middle_of_an_answer_spoils_only_the_rest() {
    let station = Scripted::steady(1, 10 * MS, &ramp(12), 1);
    let mut link = VirtualLink::new(station, Line::new(LineSettings::even(1200), Faults::NONE));
    let end = link.send(&[0]).unwrap();
    link.advance(end + 10 * MS + LineSettings::even(1200).wire(5));
    assert_eq!(link.tune(&LineSettings::even(9600)), Ok(true));
    let deadline = link.now() + 500 * MS;
    let got = collect(&mut link, deadline).0;
    assert!(got.starts_with(&ramp(5)) && got != ramp(12), "{got:02X?}");
}

#[test]
fn wrappers_and_pipes_pass_it_on() {
    let line = Line::new(LineSettings::even(2400), Faults::NONE);
    let link = VirtualLink::new(Scripted::default(), line);
    let mut link = Recorded::new(Traced::new(link, |_, _, _: &[u8]| {}), Vec::new());
    assert_eq!(link.tune(&LineSettings::plain(19_200)), Ok(true));
    assert_eq!(link.timing().character, LineSettings::plain(19_200).character());
    let mut paced = Paced::new(pipe::pair().0, LineSettings::even(300));
    assert_eq!(paced.tune(&LineSettings::even(9600)), Ok(true));
    assert_eq!(paced.timing().character, LineSettings::even(9600).character());
}

#[test]
fn an_unplugged_adapter_cannot_be_tuned() {
    let line = Line::new(LineSettings::default(), Faults::NONE);
    let mut link = VirtualLink::new(Scripted::default(), line);
    link.unplug();
    assert_eq!(link.tune(&LineSettings::even(9600)), Err(LinkError::Gone));
}

#[cfg(feature = "serial")]
#[test]
fn a_serial_port_is_tuned_without_reopening_and_the_pty_hears_it() {
    let wiring = Wiring { tool: START, far: START, ..Wiring::even(START) };
    let bus = Bus::paced(Line::wired(wiring, Faults::NONE), ModeC::default());
    let server = Server::on_pty(bus, Follow::Baud).unwrap();
    let mut link = open(server.endpoint(), &START).unwrap();
    let (name, data) = sign_on(&mut *link, 1500 * MS);
    assert_eq!((&name[..], &data[..]), (&b"/ABC5id"[..], &b"\x02DATA\x03"[..]));
    // What no port can be set to changes nothing.
    let odd = LineSettings { data_bits: 5, ..FAST };
    assert!(matches!(link.tune(&odd), Err(LinkError::Io(_))));
    assert_eq!(link.timing().character, FAST.character());
    link.send(b"data?").unwrap();
    let deadline = link.now() + 1500 * MS;
    assert_eq!(collect(&mut *link, deadline).0, b"1.8.0(000123)");
}
