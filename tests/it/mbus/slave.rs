//! A scripted M-Bus meter with a toggling bit, selection and several telegrams.

use meterkit::protocol::mbus::frame::{Frame, find};

/// A header: number, maker, version, medium; access, status, no encryption.
pub const HEADER: [u8; 12] = [0x78, 0x03, 0x49, 0x11, 0x77, 0x04, 0x0E, 0x16, 1, 0, 0, 0];
const MORE_FOLLOWS: u8 = 0x1F;

/// A meter at primary address 8 whose volume grows by a litre with every new telegram, and that
/// repeats a telegram when the toggling bit says so.
pub struct Slave {
    pub litres: u8,
    /// Telegrams of one reading.
    pub telegrams: u8,
    /// Telegrams sent since the reset.
    pub sent: u8,
    pub last_bit: Option<bool>,
    pub selected: bool,
    pub refuses: bool,
}

impl Slave {
    pub fn new(telegrams: u8) -> Self {
        Self { litres: 0, telegrams, sent: 0, last_bit: None, selected: false, refuses: false }
    }

    pub fn telegram(&self) -> Frame {
        let mut data = HEADER.to_vec();
        data.extend([0x04, 0x13, self.litres, 0, 0, 0]);
        if self.sent < self.telegrams {
            data.push(MORE_FOLLOWS);
        }
        Frame::Long { c: 0x08, a: 8, ci: 0x72, data }
    }

    pub fn say(&mut self, question: &[u8]) -> Option<Frame> {
        match find(question).remove(0).what.unwrap() {
            Frame::Short { c: 0x40, a: 8 } => {
                (self.sent, self.last_bit) = (0, None);
                Some(Frame::Ack)
            }
            Frame::Long { c: 0x53 | 0x73, a: 0xFD, ci: 0x52, data } => {
                let digit = |want: u8, got: u8| want == 0x0F || want == got;
                self.selected = data.iter().zip(&HEADER).all(|(want, got)| {
                    digit(want >> 4, got >> 4) && digit(want & 0x0F, got & 0x0F)
                });
                (self.sent, self.last_bit) = (0, None);
                self.selected.then_some(Frame::Ack)
            }
            Frame::Short { c: c @ (0x5B | 0x7B), a } if a == 8 || a == 0xFD && self.selected => {
                if self.refuses {
                    return Some(Frame::Long { c: 0x08, a: 8, ci: 0x70, data: vec![8] });
                }
                let bit = Some(c == 0x7B);
                if self.last_bit != bit {
                    self.litres += 1;
                    self.sent += 1;
                }
                self.last_bit = bit;
                Some(self.telegram())
            }
            _ => None,
        }
    }
}
