//! Which registers to read together.
//!
//! A read costs its header, its reply's header, two silences and the meter's own time; a register
//! read in vain costs two characters. So two blocks are one when the gap between them is smaller
//! than that (`reference/other-meters.md` 6).

use std::ops::RangeInclusive;
use std::time::Duration;

use super::pdu::{MAX_READ, Table};
use crate::protocol::exchange::Timing;

/// Registers wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Where they are.
    pub table: Table,
    /// The first.
    pub start: u16,
    /// How many, at least one.
    pub count: u16,
}

/// Registers read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Where they are.
    pub table: Table,
    /// The first.
    pub start: u16,
    /// How many: 1 to 125.
    pub count: u16,
    /// Which wants are in it, by their place in the list.
    pub wants: Vec<usize>,
}

impl Block {
    pub(super) fn of(index: usize, want: Want) -> Self {
        let Want { table, start, count } = want;
        Self { table, start, count: count.clamp(1, MAX_READ), wants: vec![index] }
    }

    /// The bytes of one want in the block's data.
    pub fn part<'a>(&self, want: Want, data: &'a [u8]) -> Option<&'a [u8]> {
        let from = usize::from(want.start.checked_sub(self.start)?) * 2;
        data.get(from..from + usize::from(want.count) * 2)
    }
}

/// How many registers may lie between two wants so that reading them in vain is no dearer than a
/// second read: (13 t + 2 T35 + Td + L) / 2 t.
pub fn worth(timing: &Timing, turnaround: Duration) -> u16 {
    let per_register = timing.wire(2).as_nanos();
    let second = timing.wire(13) + timing.silence * 2 + turnaround + timing.slack;
    match second.as_nanos().checked_div(per_register) {
        Some(gap) => u16::try_from(gap).unwrap_or(MAX_READ).min(MAX_READ),
        // No line time at all: only the reads count.
        None => MAX_READ,
    }
}

/// Blocks for `wants`, in the order of their first want. `gap`: most registers read in vain between
/// two wants ([`worth`]). `apart`: ranges that must not be read together with anything outside
/// them. A want of more than 125 registers is cut there: ask for it in pieces.
pub fn plan(wants: &[Want], gap: u16, apart: &[RangeInclusive<u16>]) -> Vec<Block> {
    let mut order: Vec<(usize, Want)> = wants.iter().copied().enumerate().collect();
    order.sort_by_key(|(index, want)| (want.table, want.start, *index));
    let mut blocks: Vec<Block> = Vec::new();
    for (index, want) in order {
        let next = Block::of(index, want);
        let merged = blocks.last().and_then(|last| merge(last, &next, gap, apart));
        match (merged, blocks.last_mut()) {
            (Some(merged), Some(last)) => *last = merged,
            _ => blocks.push(next),
        }
    }
    // What is wanted first is read first.
    blocks.sort_by_key(|block| block.wants.iter().min().copied());
    blocks
}

fn merge(one: &Block, two: &Block, gap: u16, apart: &[RangeInclusive<u16>]) -> Option<Block> {
    let end = |block: &Block| u32::from(block.start) + u32::from(block.count);
    let between = u32::from(two.start).saturating_sub(end(one));
    let count = end(one).max(end(two)) - u32::from(one.start);
    let count = u16::try_from(count).ok().filter(|count| *count <= MAX_READ)?;
    if one.table != two.table || between > u32::from(gap) {
        return None;
    }
    let last = one.start.checked_add(count - 1)?;
    let walled = apart.iter().any(|range| {
        let inside = range.contains(&one.start) && range.contains(&last);
        let outside = *range.end() < one.start || *range.start() > last;
        !inside && !outside
    });
    if walled {
        return None;
    }
    let mut wants = one.wants.clone();
    wants.extend(&two.wants);
    Some(Block { table: one.table, start: one.start, count, wants })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(start: u16, count: u16) -> Want {
        Want { table: Table::Holding, start, count }
    }

    fn blocks(wants: &[Want], gap: u16, apart: &[RangeInclusive<u16>]) -> Vec<(u16, u16)> {
        plan(wants, gap, apart).iter().map(|block| (block.start, block.count)).collect()
    }

    #[test]
    fn the_break_even_is_that_of_the_table() {
        // Section 6: 10 registers by wire alone; 13, 20, 30 with a turnaround of 20 ms.
        for (baud, turnaround, gap) in
            [(9600, 0, 10), (2400, 20, 12), (9600, 20, 19), (19_200, 20, 29)]
        {
            let character = Duration::from_nanos(10_000_000_000 / baud);
            let silence = super::super::silence(baud as u32, Duration::ZERO);
            let timing = Timing { silence, ..Timing::new(character, Duration::ZERO) };
            assert_eq!(worth(&timing, Duration::from_millis(turnaround)), gap, "{baud}");
        }
        let none = Timing::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(worth(&none, Duration::ZERO), MAX_READ);
    }

    #[test]
    fn near_wants_become_one_read() {
        let adf = [want(0x0362, 2), want(0x0366, 1), want(0x0369, 1), want(0x0345, 4)];
        assert_eq!(blocks(&adf, 10, &[]), [(0x0362, 8), (0x0345, 4)]);
        assert_eq!(blocks(&adf, 25, &[]), [(0x0345, 0x25)]);
        assert_eq!(blocks(&adf, 0, &[]), [(0x0362, 2), (0x0366, 1), (0x0369, 1), (0x0345, 4)]);
        // Overlapping and doubled wants.
        assert_eq!(blocks(&[want(5, 4), want(6, 1), want(5, 4)], 0, &[]), [(5, 4)]);
        assert_eq!(blocks(&[want(0, 125), want(125, 1)], 10, &[]), [(0, 125), (125, 1)]);
        assert_eq!(blocks(&[want(65_535, 1), want(65_534, 1)], 9, &[]), [(65_534, 2)]);
        assert_eq!(blocks(&[], 9, &[]), []);
    }

    #[test]
    fn walls_are_not_crossed() {
        let wants = [want(10, 1), want(12, 1), want(14, 1)];
        assert_eq!(
            blocks(&wants, 9, std::slice::from_ref(&(12..=12))),
            [(10, 1), (12, 1), (14, 1)]
        );
        assert_eq!(blocks(&wants, 9, std::slice::from_ref(&(11..=20))), [(10, 1), (12, 3)]);
        // A wall in the gap: a register that must not be read at all in passing.
        assert_eq!(blocks(&wants, 9, std::slice::from_ref(&(13..=13))), [(10, 3), (14, 1)]);
        let input = Want { table: Table::Input, ..want(11, 1) };
        assert_eq!(plan(&[want(10, 1), input], 9, &[]).len(), 2, "two tables");
    }

    #[test]
    fn parts_are_cut_out_of_the_block() {
        let wants = [want(4, 1), want(2, 2)];
        let block = &plan(&wants, 9, &[])[0];
        let data = [0, 2, 0, 3, 0, 4];
        assert_eq!(block.part(wants[0], &data), Some(&[0, 4][..]));
        assert_eq!(block.part(wants[1], &data), Some(&[0, 2, 0, 3][..]));
        assert_eq!(block.part(want(1, 1), &data), None);
        assert_eq!(block.part(want(4, 2), &data), None);
    }
}
