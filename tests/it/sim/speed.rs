//! A change of speed (17H): answered at the speed before, then spoken at the new one.

use std::time::Duration;

use meterkit::protocol::dlt645::frame::{Address, Decoder, Frame};
use meterkit::sim::serve::FleetStation;
use meterkit::sim::{Fleet, Meter, MeterSetup};
use meterkit::transport::line::Side;
use meterkit::transport::{Faults, Line, LineSettings, Link, VirtualLink};

use super::number;

/// Feature byte of 9600 baud (bit 5).
const TO_9600: u8 = 0x20;
/// Longer than any answer takes at the speeds used here.
const PATIENCE: Duration = Duration::from_secs(2);

fn at(baud: u32) -> LineSettings {
    LineSettings { baud, ..LineSettings::default() }
}

fn ask(link: &mut VirtualLink<FleetStation>, frame: &Frame) -> Option<Frame> {
    link.send(&frame.encode(4)).unwrap();
    let deadline = link.now() + PATIENCE;
    let mut decoder = Decoder::new();
    let mut buffer = [0; 64];
    loop {
        let count = link.recv(&mut buffer, deadline).unwrap();
        if count == 0 {
            return None;
        }
        decoder.push(&buffer[..count]);
        if let Some(Ok(frame)) = decoder.next() {
            return Some(frame);
        }
    }
}

#[test]
fn the_line_follows_a_change_of_speed() {
    let setup = MeterSetup::new(number("47"));
    let start = meterkit::sim::DEFAULT_START.parse().unwrap();
    let station = FleetStation::new(Fleet::new(vec![Meter::new(setup, start, 1)]));
    let mut link = VirtualLink::new(station, Line::new(at(2400), Faults::NONE));
    let meter = Address::meter(number("47"));
    let read = Frame::new(meter, 0x11, 0x0001_0000_u32.to_le_bytes());
    assert_eq!(ask(&mut link, &read).map(|frame| frame.control), Some(0x91));
    let changed = ask(&mut link, &Frame::new(meter, 0x17, [TO_9600]));
    let changed = changed.expect("the answer still comes at 2400 baud");
    assert_eq!((changed.control, &changed.data[..]), (0x97, &[TO_9600][..]));
    assert_eq!(ask(&mut link, &read), None, "2400 baud is not understood any more");
    link.line_mut().unwrap().set(Side::Tool, at(9600));
    assert_eq!(ask(&mut link, &read).map(|frame| frame.control), Some(0x91));
}
