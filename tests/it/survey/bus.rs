//! Buses for the survey: meters, and everything that can be wrong with a line, written from the
//! reference.

use std::collections::VecDeque;
use std::time::Duration;

use meterkit::protocol::dlt645::frame::{Decoder, Frame};
use meterkit::protocol::dlt698;
use meterkit::protocol::modbus::frame::{crc16, open_rtu};
use meterkit::transport::line::{Side, Wiring};
use meterkit::transport::{
    Faults, Line, LineSettings, Link, LinkError, Random, Station, Timing, VirtualLink,
};
use meterkit::units::MeterNo;

pub const MS: Duration = Duration::from_millis(1);

/// A meter that speaks Modbus.
#[derive(Debug, Clone)]
pub struct Modbus {
    pub unit: u8,
    pub turnaround: Duration,
    /// Refuses everything, as a meter without a register 0 does.
    pub refuses: bool,
    /// What its registers hold.
    pub value: u8,
}

impl Modbus {
    pub fn new(unit: u8, turnaround: Duration) -> Self {
        Self { unit, turnaround, refuses: false, value: unit }
    }

    fn answer(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let (unit, pdu) = open_rtu(frame)?;
        if unit.0 != self.unit {
            return None;
        }
        // A whole question: who waits for the silence behind it never sees a part of one.
        if frame.len() != (if pdu.first() == Some(&7) { 4 } else { 8 }) {
            return None;
        }
        let mut answer = match pdu {
            [0x03, _, _, _, count] if !self.refuses => {
                let mut answer = vec![unit.0, 3, count * 2];
                answer.extend((0..count * 2).map(|at| at.wrapping_add(self.value)));
                answer
            }
            [function, ..] => {
                vec![unit.0, function | 0x80, if *function == 3 { 2 } else { 1 }]
            }
            [] => return None,
        };
        let crc = crc16(&answer);
        answer.extend_from_slice(&crc.to_le_bytes());
        Some(answer)
    }
}

/// A meter that speaks DL/T 645-2007.
#[derive(Debug, Clone)]
pub struct Dlt645 {
    pub no: MeterNo,
    pub turnaround: Duration,
    pub energy: [u8; 4],
    /// Answers the all-AA wildcard.
    pub wildcard: bool,
    /// Answers shortened addresses.
    pub short: bool,
    /// The 1997 edition instead.
    pub old: bool,
}

impl Dlt645 {
    pub fn new(no: u64, turnaround: Duration) -> Self {
        let no: MeterNo = format!("{no:012}").parse().unwrap();
        let energy = [no.wire()[0], no.wire()[1], 0x12, 0x00];
        Self { no, turnaround, energy, wildcard: true, short: true, old: false }
    }

    fn named(&self, field: [u8; 6]) -> bool {
        let wire = self.no.wire();
        let low = field.iter().rposition(|byte| *byte != 0xAA).map_or(0, |at| at + 1);
        match low {
            0 => self.wildcard,
            6 => field == wire,
            low => self.short && field[..low] == wire[..low],
        }
    }

    fn answer(&self, frame: &Frame) -> Option<Vec<u8>> {
        let mine = meterkit::protocol::dlt645::frame::Address::meter(self.no);
        if frame.from_meter() || !self.named(frame.address.0) {
            return None;
        }
        let with = |control: u8, parts: &[&[u8]]| {
            let data: Vec<u8> = parts.concat();
            Some(Frame::new(mine, control, data).encode(4))
        };
        let di = frame.data.as_slice();
        match (self.old, frame.control) {
            (false, 0x13) => with(0x93, &[&self.no.wire()]),
            (false, 0x11) if frame.di() == Some(0x0400_0401) => with(0x91, &[di, &self.no.wire()]),
            (false, 0x11) if frame.di() == Some(0x0001_0000) => with(0x91, &[di, &self.energy]),
            (false, 0x11) => with(0xD1, &[&[0x02]]),
            (true, 0x01) => with(0x81, &[di, &self.energy]),
            _ => None,
        }
    }
}

/// A meter that speaks DL/T 698.45, and only tells its address.
#[derive(Debug, Clone)]
pub struct Dlt698 {
    pub no: MeterNo,
    pub turnaround: Duration,
}

impl Dlt698 {
    pub fn new(no: u64, turnaround: Duration) -> Self {
        Self { no: format!("{no:012}").parse().unwrap(), turnaround }
    }

    /// `68 L L C SA CA HCS APDU FCS 16`: the address head 05 is one meter's, 45 a wildcard in
    /// which a nibble A is any digit (`reference/other-meters.md` 4).
    fn answer(&self, heard: &[u8]) -> Option<Vec<u8>> {
        let start = heard.iter().position(|byte| *byte == 0x68)?;
        let frame = &heard[start..];
        // 4001-02-00 asked for, whole: 25 bytes.
        if frame.len() != 25 || frame[14..16] != [0x05, 0x01] || frame[17..21] != [0x40, 1, 2, 0] {
            return None;
        }
        let wire = self.no.wire();
        let (head, field) = (frame[4], &frame[5..11]);
        let digit = |want: u8, got: u8| want == got || want == 0x0A;
        let fits =
            |(want, got): (&u8, &u8)| digit(want >> 4, got >> 4) && digit(want & 0x0F, got & 0x0F);
        let named = match head {
            0x05 => field == wire,
            0x45 => field.iter().zip(&wire).all(fits),
            _ => false,
        };
        let mut message = vec![0x85, 0x01, frame[16], 0x40, 0x01, 0x02, 0x00, 0x01, 0x09, 0x06];
        message.extend(wire.iter().rev());
        message.extend([0, 0]);
        let address = dlt698::frame::Address::of_wire(wire);
        let answer = dlt698::frame::Frame { control: 0xC3, address, client: 0, message };
        named.then(|| answer.encode(4))
    }
}

/// Everything on one pair.
#[derive(Debug, Default)]
pub struct Street {
    pub modbus: Vec<Modbus>,
    pub dlt645: Vec<Dlt645>,
    pub dlt698: Vec<Dlt698>,
    /// Every meter takes so much longer now, for whatever runs it has too much to do.
    pub stalled: Duration,
    /// After each question the line shows a single 00: wires A and B are exchanged.
    pub edges: bool,
    /// Questions in other words: other ways to answer a frame.
    pub canned: Vec<(Vec<u8>, Duration, Vec<u8>)>,
    /// One character of the line, for the silence that ends a frame.
    pub character: Duration,
    /// Frames heard.
    pub asked: u32,
    pub heard: Vec<u8>,
    pub last: Duration,
    pub decoder: Decoder,
    pub answers: VecDeque<(Duration, Vec<u8>)>,
}

impl Station for Street {
    fn hear(&mut self, bytes: &[u8], at: Duration) {
        if at > self.last + self.character * 7 / 2 {
            self.heard.clear();
        }
        self.last = at;
        self.heard.extend_from_slice(bytes);
        self.decoder.push(bytes);
        let at = at + self.stalled;
        for meter in &self.dlt698 {
            if let Some(answer) = meter.answer(&self.heard) {
                self.answers.push_back((at + meter.turnaround, answer));
            }
        }
        let asked: Vec<_> = self.modbus.iter().filter(|_| self.heard.len() >= 4).collect();
        for meter in asked {
            if let Some(answer) = meter.answer(&self.heard) {
                self.answers.push_back((at + meter.turnaround, answer));
            }
        }
        for frame in self.decoder.by_ref() {
            let Ok(frame) = frame else { continue };
            self.asked += 1;
            for meter in &self.dlt645 {
                if let Some(answer) = meter.answer(&frame) {
                    self.answers.push_back((at + meter.turnaround, answer));
                }
            }
        }
        for (question, turnaround, answer) in &self.canned {
            if self.heard.ends_with(question) {
                self.answers.push_back((at + *turnaround, answer.clone()));
            }
        }
        if self.edges && open_rtu(&self.heard).is_some() {
            self.answers.push_back((at + MS / 10, vec![0x00]));
        }
    }

    fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        self.answers.pop_front()
    }
}

/// A line with both ends set alike.
pub fn line(mut street: Street, settings: LineSettings) -> VirtualLink<Street> {
    street.character = settings.character();
    VirtualLink::new(street, Line::new(settings, Faults::NONE))
}

/// A line whose ends are set differently, with faults and an adapter's tick.
pub fn wired(
    mut street: Street,
    tool: LineSettings,
    far: LineSettings,
    latency: Duration,
    faults: Faults,
) -> VirtualLink<Street> {
    street.character = far.character();
    let wiring = Wiring { tool, far, half_duplex: true, latency };
    VirtualLink::new(street, Line::wired(wiring, faults))
}

/// Puts traffic of somebody else on the line: `bytes` every `every`, until `until`.
pub fn chatter(
    link: &mut VirtualLink<Street>,
    bytes: &[u8],
    first: Duration,
    every: Duration,
    until: Duration,
) {
    let mut at = first;
    while at < until {
        link.line_mut().unwrap().transmit(Side::Far, at, bytes);
        at += every;
    }
}

/// 32 numbers at random, all different.
pub fn random_numbers(seed: u64, count: usize) -> Vec<u64> {
    let mut random = Random::new(seed);
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let number = random.below(1_000_000_000_000);
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// A street of DL/T 645 meters with turnarounds from 20 to `slowest`.
pub fn meters_645(numbers: &[u64], seed: u64, slowest: Duration) -> Street {
    let mut random = Random::new(seed);
    let one = |no: &u64| Dlt645::new(*no, random.between(20 * MS, slowest));
    Street { dlt645: numbers.iter().map(one).collect(), ..Street::default() }
}

/// A line whose settings nobody can change from here.
pub struct Fixed<L>(pub L);

impl<L: Link> Link for Fixed<L> {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        self.0.send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.0.recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        self.0.timing()
    }
}

/// An adapter that gives back what it sends, without the first character.
pub struct ShortEcho<L> {
    inner: L,
    due: Option<(Duration, Vec<u8>)>,
}

impl<L> ShortEcho<L> {
    pub fn new(inner: L) -> Self {
        Self { inner, due: None }
    }
}

impl<L: Link> Link for ShortEcho<L> {
    fn now(&self) -> Duration {
        self.inner.now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        let end = self.inner.send(bytes)?;
        self.due = Some((end, bytes[1..].to_vec()));
        Ok(end)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        let Some((at, bytes)) = self.due.take() else {
            return self.inner.recv(buffer, deadline);
        };
        if deadline < at {
            self.due = Some((at, bytes));
            return self.inner.recv(buffer, deadline);
        }
        let count = self.inner.recv(buffer, at)?;
        if count > 0 {
            self.due = Some((at, bytes));
            return Ok(count);
        }
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn timing(&self) -> Timing {
        self.inner.timing()
    }

    fn tune(&mut self, settings: &LineSettings) -> Result<bool, LinkError> {
        self.inner.tune(settings)
    }
}
