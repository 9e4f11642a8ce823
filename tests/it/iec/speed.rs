//! The change of speed on the line model, bit by bit and in virtual time; and what it costs.

use std::time::Duration;

use meterkit::protocol::exchange::Retry;
use meterkit::protocol::iec62056::ask::{Readout, Setup};
use meterkit::protocol::iec62056::frame::RATES;
use meterkit::protocol::{Dialogue, Framing, Parity as Bits, Step};
use meterkit::sim::bus::Bus;
use meterkit::sim::iec::IecBus;
use meterkit::transport::bus::Station;
use meterkit::transport::line::{Side, Wiring};
use meterkit::transport::{Faults, Line, LineSettings, Link, Parity, VirtualLink};

use super::peer::{Bad, bus, meter, ms, reads, talk, timing};

pub const START: LineSettings = LineSettings { data_bits: 7, ..LineSettings::even(300) };

/// A bus as a station.
pub struct Far(pub IecBus);

impl Station for Far {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        self.0.hear(bytes, at);
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.0.next()
    }

    fn speed(&self) -> Option<u32> {
        self.0.speed()
    }
}

fn settings(framing: Framing) -> LineSettings {
    let parity = match framing.parity {
        Bits::None => Parity::None,
        Bits::Even => Parity::Even,
        Bits::Odd => Parity::Odd,
    };
    let Framing { baud, data_bits, stop_bits, .. } = framing;
    LineSettings { baud, parity, data_bits, stop_bits }
}

/// Runs a dialogue over a link, as `jobs/drive.rs` does.
pub fn drive<D: Dialogue>(dialogue: &mut D, link: &mut dyn Link) -> (D::Output, Vec<u32>) {
    let mut buffer = [0; 256];
    let mut tuned = Vec::new();
    for _ in 0..1_000_000 {
        let (until, listen) = match dialogue.step(link.now()) {
            Step::Done(output) => return (output, tuned),
            Step::Send(bytes) => {
                let end = link.send(&bytes).unwrap();
                dialogue.sent(end);
                continue;
            }
            Step::Tune(framing) => {
                tuned.push(framing.baud);
                dialogue.tuned(link.tune(&settings(framing)).unwrap());
                continue;
            }
            Step::Wait(until) => (until, true),
            Step::Quarantine(until) => (until, false),
        };
        let count = link.recv(&mut buffer, until).unwrap();
        if count > 0 && listen {
            dialogue.feed(&buffer[..count], link.now());
        }
    }
    panic!("the conversation does not end");
}

fn link(ident: &str) -> VirtualLink<Far> {
    VirtualLink::new(Far(bus(ident)), Line::new(START, Faults::NONE))
}

#[test]
fn the_line_follows_every_meter_to_its_speed() {
    for rate in ["0", "1", "2", "3", "4", "5", "6", " ", "A", "B", "C", "D", "E", "F"] {
        let mut link = link(&format!("MTK{rate}x"));
        for _ in 0..3 {
            let (table, tuned) =
                drive(&mut Readout::new(Setup::default(), timing(), Retry::NONE), &mut link);
            let table = table.unwrap_or_else(|error| panic!("{rate:?}: {error}"));
            assert_eq!(table.sets.len(), 16, "{rate:?}");
            assert_eq!(tuned.last(), Some(&table.baud), "{rate:?}");
        }
        link.station_mut().0.meters_mut()[0].setup_mut().waits = true;
        let (session, _) = drive(&mut reads(&["1.8.0", "0.0.0"]), &mut link);
        assert!(session.is_ok(), "{rate:?}: {session:?}");
    }
}

#[test]
fn an_adapter_that_hears_itself_changes_nothing() {
    let faults = Faults { echo: Faults::ALWAYS, ..Faults::NONE };
    let line = Line::new(START, faults);
    let mut link = VirtualLink::new(Far(bus("MTK5x")), line);
    for _ in 0..4 {
        let (table, _) =
            drive(&mut Readout::new(Setup::default(), timing(), Retry::NONE), &mut link);
        assert_eq!(table.unwrap().sets.len(), 16);
        let (session, _) = drive(&mut reads(&["1.8.0", "0.0.0"]), &mut link);
        assert!(session.is_ok(), "{session:?}");
    }
    assert!(link.hits().echoed > 10);
}

#[test]
fn a_meter_that_ignores_the_speed_is_read_at_the_one_it_has() {
    let mut meter = meter("MTK5x");
    meter.setup_mut().keeps_speed = true;
    let mut link = VirtualLink::new(Far(IecBus::new(vec![meter])), Line::new(START, Faults::NONE));
    let (table, tuned) =
        drive(&mut Readout::new(Setup::default(), timing(), Retry::default()), &mut link);
    let table = table.unwrap();
    assert_eq!((table.baud, table.sets.len()), (300, 16));
    // As offered, one lower, and as it was; between them back to the sign-on's.
    let faster: Vec<u32> = tuned.into_iter().filter(|baud| *baud != 300).collect();
    assert_eq!(faster, [9600, 4800]);

    // And in programming mode, where it sits and waits at 300.
    let (session, _) = drive(&mut reads(&["1.8.0"]), &mut link);
    assert!(session.is_ok(), "{session:?}");
}

#[test]
fn a_fixed_line_stays_as_it_is() {
    // A head that does not follow: the choice says 300, and both stay there.
    for ident in ["MTK5x", "MTK0x", "MTK x"] {
        let bad = Bad { fixed: true, ..Bad::default() };
        let talk = talk(&mut super::peer::readout(), &mut bus(ident), &bad);
        assert_eq!(talk.output.unwrap().baud, 300, "{ident}");
        assert!(ident != "MTK5x" || talk.sent[1].1 == b"\x06000\r\n");
    }
    // One that follows by itself.
    let setup = Setup { head_follows: true, ..Setup::default() };
    let mut readout = Readout::new(setup, timing(), Retry::NONE);
    let bad = Bad { fixed: true, ..Bad::default() };
    let talk = talk(&mut readout, &mut bus("MTK5x"), &bad);
    assert_eq!((talk.output.unwrap().baud, &talk.sent[1].1[..]), (9600, &b"\x06050\r\n"[..]));
    // Mode B on a line that cannot follow: an error that says so.
    let wrong = super::peer::talk(&mut super::peer::readout(), &mut bus("MTKEx"), &bad);
    assert_eq!(wrong.output.unwrap_err().to_string(), "answer of the wrong form: speed");
}

#[test]
fn a_meter_on_a_bus_at_a_speed_of_its_own() {
    let mut meter = meter("MTK5x");
    meter.setup_mut().start = 9600;
    let start = LineSettings { baud: 9600, ..START };
    let mut link = VirtualLink::new(Far(IecBus::new(vec![meter])), Line::new(start, Faults::NONE));
    let setup = Setup { start: 9600, ..Setup::default() };
    let (table, tuned) = drive(&mut Readout::new(setup, timing(), Retry::NONE), &mut link);
    assert_eq!((table.unwrap().baud, tuned), (9600, vec![9600]));
}

#[test]
fn a_head_that_delivers_eight_bits_is_read_with_its_parity() {
    for parity in [false, true] {
        let bad = Bad { parity, ..Bad::default() };
        let table = talk(&mut super::peer::readout(), &mut bus("MTK5x"), &bad).output.unwrap();
        assert_eq!((table.sets.len(), table.faults.len()), (16, 0));
        let session = talk(&mut reads(&["1.8.0"]), &mut bus("MTK5x"), &bad).output;
        assert!(session.is_ok(), "{session:?}");
    }
}

/// `reference/other-meters.md` 6: (5 + ident + 6) characters at 300, three reaction times, and the
/// table at the speed chosen.
fn floor(ident: u32, bytes: u32, reaction: Duration, baud: u32) -> Duration {
    let slow = Duration::from_secs(10) * (5 + ident + 6) / 300;
    slow + 3 * reaction + Duration::from_secs(10) * bytes / baud
}

#[test]
fn a_readout_takes_what_it_must_and_no_more() {
    println!("baud   bytes  floor      measured");
    for (place, baud) in RATES.iter().enumerate() {
        let mut meter = meter(&format!("MTK{place}meterkit-10"));
        meter.put("P.01", &"0123456789".repeat(60));
        let ident = meter.setup().ident.text.len() as u32 + 7;
        assert_eq!(ident, 18);
        let mut bytes = 0;
        let mut bus = IecBus::new(vec![meter]);
        // What it says, found out by asking it.
        bus.hear(b"/?!\r\n\x06000\r\n", Duration::ZERO);
        while let Some((_, said)) = bus.next() {
            bytes = bytes.max(said.len() as u32);
        }
        let mut link = VirtualLink::new(Far(bus), Line::new(START, Faults::NONE));
        let before = link.now();
        let (table, _) =
            drive(&mut Readout::new(Setup::default(), timing(), Retry::NONE), &mut link);
        assert_eq!(table.unwrap().baud, *baud);
        let (took, floor) = (link.now() - before, floor(ident, bytes, ms(200), *baud));
        println!("{baud:5}  {bytes:5}  {floor:9.3?}  {took:9.3?}");
        assert!(took >= floor && took <= floor + ms(3), "{baud}: {took:?}, floor {floor:?}");
    }
}

#[test]
fn the_wrong_speed_on_the_line_is_silence_or_noise_never_a_table() {
    // A line whose far end stays at 300 whatever is said: nobody follows.
    let wiring = Wiring { half_duplex: true, ..Wiring::even(START) };
    let mut link = VirtualLink::new(Far(bus("MTK5x")), Line::wired(wiring, Faults::NONE));
    link.line_mut().unwrap().set(Side::Far, LineSettings { baud: 1200, ..START });
    let (table, _) = drive(&mut Readout::new(Setup::default(), timing(), Retry::NONE), &mut link);
    assert!(table.is_err());
}
