//! Stored parameters, `04......`: which exist, how long they are, who may write them, what is in
//! them.
//!
//! Lengths and rights are those of `reference/dlt645.md` 3.3 to 3.5. Items with a meaning of their
//! own (clock, address, customer number, status words) are not here but in `registers.rs` and
//! `write.rs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bcd;
use super::setup::MeterSetup;
use crate::units::CreditUnit;

/// Rates a meter has at most here; the standard allows 63.
pub(super) const RATES_MAX: u8 = 8;
/// Steps a meter has at most (GDW 2013: 6 values, 7 prices).
const STEPS_MAX: u8 = 6;

/// What may be done with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    Read,
    Write,
}

/// A range of identifiers of one length.
struct Row {
    first: u32,
    last: u32,
    len: usize,
    rights: Rights,
}

const fn rw(first: u32, last: u32, len: usize) -> Row {
    Row { first, last, len, rights: Rights::Write }
}

const fn ro(first: u32, last: u32, len: usize) -> Row {
    Row { first, last, len, rights: Rights::Read }
}

/// `reference/dlt645.md` 3.3, 3.4, 3.5, in order.
const ROWS: &[Row] = &[
    rw(0x0400_0103, 0x0400_0104, 1),
    rw(0x0400_0105, 0x0400_0105, 2),
    rw(0x0400_0106, 0x0400_0109, 5),
    rw(0x0400_0201, 0x0400_0204, 1),
    rw(0x0400_0205, 0x0400_0205, 2),
    rw(0x0400_0206, 0x0400_0207, 1),
    rw(0x0400_0301, 0x0400_0305, 1),
    rw(0x0400_0306, 0x0400_0307, 3),
    rw(0x0400_0402, 0x0400_0402, 6),
    rw(0x0400_0403, 0x0400_0403, 32),
    ro(0x0400_0404, 0x0400_0406, 6),
    ro(0x0400_0407, 0x0400_0408, 4),
    ro(0x0400_0409, 0x0400_040A, 3),
    ro(0x0400_040B, 0x0400_040C, 10),
    ro(0x0400_040D, 0x0400_040D, 16),
    rw(0x0400_0601, 0x0400_0603, 1),
    rw(0x0400_0701, 0x0400_0705, 1),
    rw(0x0400_0801, 0x0400_0802, 1),
    rw(0x0400_0901, 0x0400_0906, 1),
    rw(0x0400_0A01, 0x0400_0A01, 4),
    rw(0x0400_0A02, 0x0400_0A07, 2),
    rw(0x0400_0B01, 0x0400_0B03, 2),
    rw(0x0400_0D01, 0x0400_0D0C, 2),
    rw(0x0400_0E01, 0x0400_0E02, 3),
    rw(0x0400_0E03, 0x0400_0E04, 2),
    rw(0x0400_0F01, 0x0400_0F04, 4),
    rw(0x0400_1001, 0x0400_1005, 4),
    rw(0x0400_1101, 0x0400_1101, 1),
    rw(0x0400_1102, 0x0400_1103, 2),
    rw(0x0400_1104, 0x0400_1104, 8),
    rw(0x0400_1401, 0x0400_1401, 2),
    rw(0x0400_1402, 0x0400_1402, 3),
    rw(0x0400_1403, 0x0400_1403, 2),
    rw(0x0400_1404, 0x0400_1404, 1),
    ro(0x0480_0001, 0x0480_0003, 32),
    ro(0x0480_0004, 0x0480_0004, 8),
    rw(0x0401_0000, 0x0401_0008, 42),
    rw(0x0402_0000, 0x0402_0008, 42),
    rw(0x0403_0001, 0x0403_00FE, 4),
    ro(0x0405_0101, 0x0405_0100 + RATES_MAX as u32, 4),
    rw(0x0405_0201, 0x0405_0200 + RATES_MAX as u32, 4),
    ro(0x0406_0001, 0x0406_0000 + STEPS_MAX as u32, 4),
    ro(0x0406_0101, 0x0406_0101 + STEPS_MAX as u32, 4),
    rw(0x0406_0201, 0x0406_0200 + STEPS_MAX as u32, 4),
    rw(0x0406_0301, 0x0406_0301 + STEPS_MAX as u32, 4),
    rw(0x0406_0AFF, 0x0406_0BFF, 70),
    rw(0x0409_0101, 0x0409_0102, 2),
    rw(0x0409_0103, 0x0409_0103, 3),
    rw(0x0409_0104, 0x0409_0104, 1),
    rw(0x0409_0201, 0x0409_0201, 2),
    rw(0x0409_0202, 0x0409_0202, 1),
    rw(0x0409_0301, 0x0409_0301, 2),
    rw(0x0409_0302, 0x0409_0302, 1),
    rw(0x0409_0501, 0x0409_0501, 2),
    rw(0x0409_0502, 0x0409_0502, 1),
    rw(0x0409_0601, 0x0409_0601, 2),
    rw(0x0409_0602, 0x0409_0602, 1),
    rw(0x0409_0701, 0x0409_0701, 2),
    rw(0x0409_0702, 0x0409_0703, 3),
    rw(0x0409_0704, 0x0409_0704, 1),
    rw(0x0409_0801, 0x0409_0801, 2),
    rw(0x0409_0802, 0x0409_0802, 1),
    rw(0x0409_0A01, 0x0409_0A01, 3),
    rw(0x0409_0A02, 0x0409_0A02, 1),
    rw(0x0409_0B01, 0x0409_0B01, 3),
    rw(0x0409_0B02, 0x0409_0B02, 1),
    rw(0x0409_0C01, 0x0409_0C02, 2),
    rw(0x0409_0D01, 0x0409_0D02, 3),
    rw(0x0409_0D03, 0x0409_0D03, 1),
    rw(0x0409_0E01, 0x0409_0E01, 2),
    rw(0x0409_0E02, 0x0409_0E02, 1),
];

/// Blocks: the items `first`, `first + 1`, .. one after the other; how many, a parameter says.
struct Block {
    di: u32,
    first: u32,
    counted_by: u32,
    /// Items beyond that count: a step table has one price more than values.
    extra: u8,
    most: u8,
    rights: Rights,
}

const RATES: u32 = 0x0400_0204;
const STEPS: u32 = 0x0400_0207;

const BLOCKS: &[Block] = &[
    block(0x0405_01FF, RATES, 0, RATES_MAX, Rights::Read),
    block(0x0405_02FF, RATES, 0, RATES_MAX, Rights::Write),
    block(0x0406_00FF, STEPS, 0, STEPS_MAX, Rights::Read),
    block(0x0406_01FF, STEPS, 1, STEPS_MAX + 1, Rights::Read),
    block(0x0406_02FF, STEPS, 0, STEPS_MAX, Rights::Write),
    block(0x0406_03FF, STEPS, 1, STEPS_MAX + 1, Rights::Write),
];

const fn block(di: u32, counted_by: u32, extra: u8, most: u8, rights: Rights) -> Block {
    Block { di, first: (di & 0xFFFF_FF00) + 1, counted_by, extra, most, rights }
}

/// The parameters of one meter. Only what differs from zero is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Params(BTreeMap<u32, Vec<u8>>);

/// Why a parameter cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteFault {
    /// There is none, or it is not to be written.
    Unknown,
    /// Wrong length, or digits that are none.
    Content,
}

impl Params {
    pub(super) fn new(setup: &MeterSetup) -> Self {
        let mut params = Self(BTreeMap::new());
        params.start_tariff(setup);
        let limits = match setup.unit {
            CreditUnit::Yuan => [0x0400_1001, 0x0400_1002, 0x0400_1003, 0x0400_1004],
            CreditUnit::Kwh => [0x0400_0F01, 0x0400_0F02, 0x0400_0F04, 0x0400_0F03],
        };
        let values = [setup.alarm1, setup.alarm2, setup.overdraft_limit, setup.hoard_limit];
        for (di, amount) in limits.into_iter().zip(values) {
            params.put_number(di, amount.0.unsigned_abs());
        }
        params.put_number(0x0400_1005, setup.reclose_balance.0.unsigned_abs());
        let mut number = setup.no.wire().to_vec();
        params.put(0x0400_0402, std::mem::take(&mut number));
        params.put_text(0x0400_0404, "220V");
        params.put_text(0x0400_0405, "5A");
        params.put_text(0x0400_0406, "60A");
        params.put_text(0x0400_040B, "DDZY-SIM");
        params.put_text(0x0400_040D, "DL/T645-2007");
        params.put_text(0x0480_0001, "meterkit simulated meter 1");
        params.put_number(0x0400_0409, 1_200);
        params.put_number(0x0400_0103, 15);
        params.put_number(0x0400_0104, 1);
        params.put_number(0x0400_0105, 80);
        params
    }

    /// One zone, one day table, prices for its rates.
    fn start_tariff(&mut self, setup: &MeterSetup) {
        let rates = setup.prices.len().clamp(1, usize::from(RATES_MAX)) as u8;
        for (di, value) in [(0x0400_0201, 1), (0x0400_0202, 1), (0x0400_0204, rates)] {
            self.put_number(di, u64::from(value));
        }
        // The day in as many equal slots as there are rates; the first begins at midnight.
        let slots: Vec<[u8; 3]> =
            (0..rates).map(|rate| [rate + 1, 0, bcd::byte(rate * (24 / rates))]).collect();
        self.put_number(0x0400_0203, u64::from(rates));
        for set in [0x0401_0000, 0x0402_0000] {
            self.put(set, [1, 1, 1].repeat(14));
            for table in 1..=8 {
                let last = [slots.last().copied().unwrap_or([1, 0, 0])];
                let filled = slots.iter().chain(last.iter().cycle()).take(14);
                self.put(set + table, filled.flatten().copied().collect());
            }
        }
        let last = setup.prices.last().copied().unwrap_or(0);
        for rate in 0..RATES_MAX {
            let price = setup.prices.get(usize::from(rate)).copied().unwrap_or(last);
            for set in [0x0405_0101, 0x0405_0201] {
                self.put_number(set + u32::from(rate), u64::from(price));
            }
        }
    }

    fn row(di: u32) -> Option<&'static Row> {
        ROWS.iter().find(|row| (row.first..=row.last).contains(&di))
    }

    /// The bytes of a parameter or block; `None` if the meter has no such.
    pub(super) fn get(&self, di: u32) -> Option<Vec<u8>> {
        if let Some(block) = BLOCKS.iter().find(|block| block.di == di) {
            let items = 0..u32::from(self.items_of(block));
            return Some(items.flat_map(|item| self.one(block.first + item, 4)).collect());
        }
        Self::row(di).map(|row| self.one(di, row.len))
    }

    fn items_of(&self, block: &Block) -> u8 {
        let count = self.number(block.counted_by).min(u64::from(block.most)) as u8;
        (count + block.extra).min(block.most)
    }

    fn one(&self, di: u32, len: usize) -> Vec<u8> {
        self.0.get(&di).cloned().unwrap_or_else(|| vec![0; len])
    }

    /// A decimal parameter; 0 for one the meter has not.
    pub(super) fn number(&self, di: u32) -> u64 {
        self.0.get(&di).and_then(|bytes| bcd::decode(bytes)).unwrap_or(0)
    }

    pub(super) fn put(&mut self, di: u32, bytes: Vec<u8>) {
        self.0.insert(di, bytes);
    }

    pub(super) fn put_number(&mut self, di: u32, value: u64) {
        if let Some(row) = Self::row(di) {
            self.put(di, bcd::encode(value, row.len));
        }
    }

    /// Text is stored like every other field: last character first on the wire.
    fn put_text(&mut self, di: u32, text: &str) {
        if let Some(row) = Self::row(di) {
            let mut bytes: Vec<u8> = text.bytes().take(row.len).collect();
            bytes.resize(row.len, b' ');
            bytes.reverse();
            self.put(di, bytes);
        }
    }

    /// Whether a write of these bytes would be taken.
    pub(super) fn check(&self, di: u32, bytes: &[u8]) -> Result<(), WriteFault> {
        let (len, rights) = match BLOCKS.iter().find(|block| block.di == di) {
            Some(block) => (4 * usize::from(self.items_of(block)), block.rights),
            None => Self::row(di).map(|row| (row.len, row.rights)).ok_or(WriteFault::Unknown)?,
        };
        if rights != Rights::Write {
            return Err(WriteFault::Unknown);
        }
        let decimal = is_opaque(di) || bcd::is_decimal(bytes);
        let sane = match di {
            RATES => bytes.first().and_then(|b| bcd::plain(*b)).is_some_and(|n| n <= RATES_MAX),
            STEPS => bytes.first().and_then(|b| bcd::plain(*b)).is_some_and(|n| n <= STEPS_MAX),
            _ => true,
        };
        if bytes.len() == len && decimal && sane { Ok(()) } else { Err(WriteFault::Content) }
    }

    /// Stores bytes that [`Self::check`] has passed.
    pub(super) fn store(&mut self, di: u32, bytes: &[u8]) {
        match BLOCKS.iter().find(|block| block.di == di) {
            Some(block) => {
                for (item, bytes) in (0u32..).zip(bytes.chunks_exact(4)) {
                    self.put(block.first + item, bytes.to_vec());
                }
            }
            None => self.put(di, bytes.to_vec()),
        }
    }

    /// The present and the standby set change places (3.4, "Switch").
    pub(super) fn swap(&mut self, present: u32, standby: u32, items: u32) {
        for item in 0..items {
            let (one, other) = (self.0.remove(&(present + item)), self.0.remove(&(standby + item)));
            if let Some(bytes) = one {
                self.put(standby + item, bytes);
            }
            if let Some(bytes) = other {
                self.put(present + item, bytes);
            }
        }
    }
}

/// Bit fields and text: any byte is good.
fn is_opaque(di: u32) -> bool {
    matches!(di >> 8, 0x04_0006 | 0x04_0007 | 0x04_0009 | 0x04_0011 | 0x04_0014)
        || matches!(di, 0x0400_0403 | 0x0400_0801)
        || matches!(di, 0x0406_0AFF | 0x0406_0BFF)
}
