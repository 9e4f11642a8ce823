//! Seven bits and parity in software on a line of eight bits.

use std::time::Duration;

use meterkit::protocol::exchange::Retry;
use meterkit::protocol::iec62056::ask::{Readout, Setup};
use meterkit::transport::bus::Station;
use meterkit::transport::line::Wiring;
use meterkit::transport::wrap::Seven;
use meterkit::transport::{Faults, Line, LineSettings, Link, Parity, VirtualLink, pipe};

use super::peer::{bus, ms, reads, timing};
use super::speed::{Far, START, drive};

const EIGHT: LineSettings = LineSettings::plain(300);

/// Says back what it hears.
#[derive(Debug, Default)]
struct Parrot(Vec<u8>, Duration);

impl Station for Parrot {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.0.extend(bytes);
        self.1 = at;
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        let ends = self.0.last() == Some(&b'\n');
        ends.then(|| (self.1 + ms(20), std::mem::take(&mut self.0)))
    }
}

fn collect(link: &mut dyn Link, count: usize) -> Vec<u8> {
    let mut buffer = [0; 64];
    let mut bytes = Vec::new();
    let until = link.now() + Duration::from_secs(20);
    while bytes.len() < count && link.now() < until {
        let read = link.recv(&mut buffer, until).unwrap();
        bytes.extend(&buffer[..read]);
    }
    bytes
}

#[test]
fn a_seven_bit_meter_understands_an_eight_bit_adapter() {
    for parity in [Parity::Even, Parity::Odd] {
        let seven = LineSettings { parity, ..START };
        assert_eq!(Seven::<VirtualLink<Parrot>>::below(&seven), EIGHT);
        let wiring = Wiring { tool: EIGHT, ..Wiring::even(seven) };
        let line = Line::wired(wiring, Faults::NONE);
        let mut link = Seven::new(VirtualLink::new(Parrot::default(), line), &seven);
        let all: Vec<u8> = (0..=127).filter(|byte| *byte != b'\n').chain(*b"\n").collect();
        link.send(&all).unwrap();
        assert_eq!(collect(&mut link, all.len()), all, "{parity:?}");
    }
}

#[test]
fn a_wrong_parity_reads_as_zero_and_reaches_no_meter() {
    let (near, mut far) = pipe::pair();
    let mut link = Seven::new(near, &START);
    link.send(b"A1C").unwrap();
    assert_eq!(collect(&mut far, 3), [0x41, 0xB1, 0xC3]);
    far.send(&[0x41, 0xC1, 0xB1, 0x31, 0xC3, 0x43]).unwrap();
    assert_eq!(collect(&mut link, 6), [b'A', 0, b'1', 0, b'C', 0]);

    // A meter of odd parity on a tool that works out even: every character is thrown away there.
    let odd = LineSettings { parity: Parity::Odd, ..START };
    let wiring = Wiring { tool: EIGHT, ..Wiring::even(odd) };
    let parrot = VirtualLink::new(Parrot::default(), Line::wired(wiring, Faults::NONE));
    let mut link = Seven::new(parrot, &START);
    link.send(b"A\n").unwrap();
    assert_eq!(collect(&mut link, 2), b"");
}

#[test]
fn whole_conversations_run_over_it_and_eight_bits_pass_untouched() {
    for ident in ["MTK5x", "mtk6x", "MTKEx", "MTK0x"] {
        let wiring = Wiring { tool: EIGHT, ..Wiring::even(START) };
        let mut far = Far(bus(ident));
        far.0.meters_mut()[0].setup_mut().waits = true;
        let virtual_link = VirtualLink::new(far, Line::wired(wiring, Faults::NONE));
        let mut link = Seven::new(virtual_link, &START);
        let mut readout = Readout::new(Setup::default(), timing(), Retry::NONE);
        let (table, tuned) = drive(&mut readout, &mut link);
        assert_eq!(table.unwrap().sets.len(), 16, "{ident}");
        assert!(ident == "MTK0x" || tuned.len() == 2, "{ident}");
        let (session, _) = drive(&mut reads(&["1.8.0"]), &mut link);
        assert!(session.is_ok(), "{ident}: {session:?}");
    }
    // 8N1 for HDLC behind a sign-on: no parity is worked out any more.
    let line = Line::new(EIGHT, Faults::NONE);
    let mut link = Seven::new(VirtualLink::new(Parrot::default(), line), &START);
    assert_eq!(link.tune(&LineSettings::plain(300)), Ok(true));
    let bytes = [0x7E, 0xA0, 0xFF, 0x00, b'\n'];
    link.send(&bytes).unwrap();
    assert_eq!(collect(&mut link, bytes.len()), bytes);
}
