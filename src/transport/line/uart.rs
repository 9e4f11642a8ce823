//! Characters as levels in time, and a receiver that samples them at its own rate.
//!
//! ```text
//! idle 1 ___                             ___ stop 1
//!           |_start_| d0 | d1 | .. | d7 | parity |        bit i of the cell starts at i / baud
//! ```
//!
//! Several cells may lie on top of each other: on an RS-485 pair driven by two the outcome is not
//! defined electrically; here 0 wins, which spoils both, and that is what matters.

use std::time::Duration;

use crate::transport::{LineSettings, Parity, Random};

/// One character on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    start: Duration,
    end: Duration,
    settings: LineSettings,
    byte: u8,
    /// Levels, first bit lowest: start, data, parity, stop.
    levels: u16,
}

/// What a receiver makes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Parity and stop bit were right.
    Good(u8),
    /// The parity or the stop bit was wrong.
    Bad,
}

impl Cell {
    /// `byte` as the character number `slot` of a message that begins at `begin`, as a sender with
    /// `settings` shapes it. One character ends exactly where the next begins.
    pub fn in_row(byte: u8, begin: Duration, slot: usize, settings: &LineSettings) -> Cell {
        let (start, end) = (begin + settings.wire(slot), begin + settings.wire(slot + 1));
        let data = u16::from(byte) & data_mask(settings);
        let mut levels = data << 1;
        let mut next = 1 + settings.data_bits;
        if let Some(parity) = parity_bit(data, settings.parity) {
            levels |= parity << next;
            next += 1;
        }
        let stops = (1_u16 << settings.stop_bits) - 1;
        levels |= stops << next;
        Cell { start, end, settings: *settings, byte: data.to_le_bytes()[0], levels }
    }

    /// When the start bit begins.
    pub fn start(&self) -> Duration {
        self.start
    }

    /// When the last stop bit is over.
    pub fn end(&self) -> Duration {
        self.end
    }

    /// What the sender meant.
    pub fn byte(&self) -> u8 {
        self.byte
    }

    /// Flips one bit or two, never the start bit.
    pub fn flip(&mut self, random: &mut Random) {
        let places = u64::from(self.settings.bits()) - 1;
        let first = random.below(places);
        self.levels ^= 2 << first;
        if random.chance(500_000) {
            let other = (first + 1 + random.below(places - 1)) % places;
            self.levels ^= 2 << other;
        }
    }

    /// The level at `at`; idle is 1.
    fn level(&self, at: Duration) -> bool {
        let Some(since) = at.checked_sub(self.start) else { return true };
        // Bit i begins at floor(i * 1e9 / baud) ns, so this is its exact inverse.
        let bit = ((since.as_nanos() + 1) * u128::from(self.settings.baud) - 1) / 1_000_000_000;
        bit >= u128::from(self.settings.bits()) || (self.levels >> bit) & 1 == 1
    }
}

/// What a receiver with `settings` hears of `cells` (ordered by start), and when each character is
/// over for it. Sampling is in the middle of each bit, as every UART does.
pub fn receive(cells: &[Cell], settings: &LineSettings) -> Vec<(Duration, Received)> {
    let longest = cells.iter().map(|cell| cell.settings.character()).max().unwrap_or_default();
    let wave = Wave { cells, longest };
    // Half bits keep the arithmetic whole.
    let middle = |edge: Duration, bit: u64| edge + settings.bit_time(2 * bit + 1) / 2;
    let mut heard = Vec::new();
    let mut from = Duration::ZERO;
    for edge in wave.falling_edges() {
        if edge < from {
            continue;
        }
        if wave.level(middle(edge, 0)) {
            // A glitch shorter than half a bit.
            from = middle(edge, 0);
            continue;
        }
        let mut data = 0_u16;
        for bit in 0..settings.data_bits {
            data |= u16::from(wave.level(middle(edge, 1 + u64::from(bit)))) << bit;
        }
        let mut next = 1 + u64::from(settings.data_bits);
        let mut good = true;
        if let Some(parity) = parity_bit(data, settings.parity) {
            good = u16::from(wave.level(middle(edge, next))) == parity;
            next += 1;
        }
        // A receiver looks at the first stop bit only, and is ready for an edge right after it.
        from = middle(edge, next);
        good &= wave.level(from);
        let what = if good { Received::Good(data.to_le_bytes()[0]) } else { Received::Bad };
        heard.push((edge + settings.character(), what));
    }
    heard
}

/// All characters on a wire together, ordered by start.
struct Wave<'a> {
    cells: &'a [Cell],
    /// The length of the longest of them.
    longest: Duration,
}

impl Wave<'_> {
    fn level(&self, at: Duration) -> bool {
        let first = self.cells.partition_point(|cell| cell.start + self.longest < at);
        let mut around = self.cells[first..].iter().take_while(|cell| cell.start <= at);
        around.all(|cell| cell.level(at))
    }

    /// The moments the wire goes from 1 to 0.
    fn falling_edges(&self) -> Vec<Duration> {
        let mut moments = Vec::with_capacity(self.cells.len() * 12);
        for cell in self.cells {
            let bits = u64::from(cell.settings.bits());
            moments.extend((0..=bits).map(|bit| cell.start + cell.settings.bit_time(bit)));
        }
        moments.sort_unstable();
        moments.dedup();
        let mut before = true;
        moments.retain(|at| {
            let now = self.level(*at);
            std::mem::replace(&mut before, now) && !now
        });
        moments
    }
}

fn data_mask(settings: &LineSettings) -> u16 {
    (1 << settings.data_bits) - 1
}

/// The parity bit over `data`, if there is one.
fn parity_bit(data: u16, parity: Parity) -> Option<u16> {
    let odd = u16::from(data.count_ones() % 2 == 1);
    match parity {
        Parity::None => None,
        Parity::Even => Some(odd),
        Parity::Odd => Some(1 - odd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_bits_with_parity_look_like_eight_without() {
        // IEC 62056-21 on an 8N1 port, as every integrator sees it once: "/?!" comes as AF 3F 21.
        let seven = LineSettings { data_bits: 7, ..LineSettings::even(300) };
        let cells: Vec<Cell> = (0..)
            .zip(b"/?!")
            .map(|(slot, byte)| Cell::in_row(*byte, Duration::ZERO, slot, &seven))
            .collect();
        let good = |bytes: [u8; 3]| bytes.map(Received::Good).to_vec();
        for (settings, expected) in
            [(seven, good(*b"/?!")), (LineSettings::plain(300), good([0xAF, 0x3F, 0x21]))]
        {
            let heard = receive(&cells, &settings);
            assert_eq!(heard.iter().map(|(_, what)| *what).collect::<Vec<_>>(), expected);
            assert!(seven.wire(3) - heard[2].0 <= Duration::from_nanos(1), "rounding only");
        }
    }

    #[test]
    fn a_wire_held_low_is_one_bad_character_and_then_nothing() {
        // A break: 00 at a rate much lower than ours has no stop bit where we look for it.
        let cell = Cell::in_row(0, Duration::ZERO, 0, &LineSettings::even(300));
        let heard = receive(&[cell], &LineSettings::even(9600));
        assert_eq!(heard.iter().map(|(_, what)| *what).collect::<Vec<_>>(), [Received::Bad]);
    }
}
