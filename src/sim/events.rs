//! Event records (`03......`, `1D`, `1E`) and freezes (`05......`): counted rings, newest first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bcd;
use super::civil::Civil;
use super::meter::Meter;

/// Records kept of each kind (nn 01 to 0A).
const RING: usize = 10;
/// Daily freezes kept (nn up to 3EH).
const DAYS: usize = 62;

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Kind {
    PowerDown,
    Programming,
    MeterClear,
    DemandClear,
    EventClear,
    ClockSet,
    MeterCover,
    TerminalCover,
    Trip,
    Close,
}

/// (kind, identifier of the count, identifier before record 1, length of a record): 3.7.
const TABLE: &[(Kind, u32, u32, usize)] = &[
    (Kind::PowerDown, 0x0311_0000, 0x0311_0000, 12),
    (Kind::Programming, 0x0330_0000, 0x0330_0000, 50),
    (Kind::MeterClear, 0x0330_0100, 0x0330_0100, 106),
    (Kind::DemandClear, 0x0330_0200, 0x0330_0200, 202),
    (Kind::EventClear, 0x0330_0300, 0x0330_0300, 14),
    (Kind::ClockSet, 0x0330_0400, 0x0330_0400, 16),
    (Kind::MeterCover, 0x0330_0D00, 0x0330_0D00, 60),
    (Kind::TerminalCover, 0x0330_0E00, 0x0330_0E00, 60),
    (Kind::Trip, 0x1D00_0001, 0x1D00_0100, 34),
    (Kind::Close, 0x1E00_0001, 0x1E00_0100, 34),
];

/// What a freeze was made by; the number is DI2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Freeze {
    Timed = 0,
    Instant = 1,
    Hourly = 4,
    Price = 5,
    Daily = 6,
    Step = 7,
}

const FREEZES: [Freeze; 6] =
    [Freeze::Timed, Freeze::Instant, Freeze::Hourly, Freeze::Price, Freeze::Daily, Freeze::Step];

impl Freeze {
    fn kept(self) -> usize {
        if self == Self::Daily { DAYS } else { RING }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Frozen {
    /// mm hh DD MM YY.
    time: [u8; 5],
    /// Total, then rates, 0.01 kWh.
    energies: Vec<u64>,
    balance: u64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Events {
    rings: BTreeMap<Kind, Ring>,
    freezes: BTreeMap<Freeze, Vec<Frozen>>,
    /// mm hh DD MM of the timed freeze, 99 for "every".
    schedule: Option<[u8; 4]>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Ring {
    count: u64,
    records: Vec<Vec<u8>>,
}

impl Events {
    pub(super) fn add(&mut self, kind: Kind, record: Vec<u8>) {
        let ring = self.rings.entry(kind).or_default();
        ring.count += 1;
        ring.records.insert(0, record);
        ring.records.truncate(RING);
    }

    /// The count or a record; zeros for a record that is not there yet.
    pub(super) fn get(&self, di: u32) -> Option<Vec<u8>> {
        let empty = Ring::default();
        TABLE.iter().find_map(|(kind, count, base, len)| {
            let ring = self.rings.get(kind).unwrap_or(&empty);
            if di == *count {
                return Some(bcd::encode(ring.count, 3));
            }
            let nth = di.checked_sub(*base)? as usize;
            if !(1..=RING).contains(&nth) {
                return None;
            }
            let mut record = ring.records.get(nth - 1).cloned().unwrap_or_default();
            record.resize(*len, 0);
            Some(record)
        })
    }

    /// 1BH: forgets every ring, or the one whose upper three identifier bytes are given. False if
    /// there is no such ring.
    pub(super) fn clear(&mut self, di: u32) -> bool {
        if di == 0xFFFF_FFFF {
            // The record of clearing itself stays.
            self.rings.retain(|kind, _| *kind == Kind::EventClear);
            return true;
        }
        let row = TABLE
            .iter()
            .find(|(_, count, base, _)| [*count, *base].map(|d| d >> 8).contains(&(di >> 8)));
        match row {
            Some((kind, ..)) if di & 0xFF == 0xFF => {
                self.rings.remove(kind);
                true
            }
            _ => false,
        }
    }

    /// Sets the timed freeze; false if the pattern makes no sense.
    pub(super) fn schedule(&mut self, pattern: [u8; 4]) -> bool {
        let [minute, hour, day, month] = pattern;
        let fits = |byte: u8, most: u8| byte == 0x99 || bcd::plain(byte).is_some_and(|n| n <= most);
        let good = fits(minute, 59) && fits(hour, 23) && fits(day, 31) && fits(month, 12);
        if good {
            self.schedule = Some(pattern);
        }
        good
    }

    pub(super) fn timed_freeze_is_due(&self, now: Civil) -> bool {
        let [minute, hour, day, month, _] = now.short_stamp();
        self.schedule.is_some_and(|pattern| {
            pattern.iter().zip([minute, hour, day, month]).all(|(p, n)| *p == 0x99 || *p == n)
        })
    }

    /// `05kk00nn` time, `05kk01nn` energies, `050802nn` remaining credit of the daily freezes.
    pub(super) fn frozen(&self, di: u32, rates: usize) -> Option<Vec<u8>> {
        let [area, kind, part, nth] = di.to_be_bytes();
        let nth = usize::from(nth);
        let kind = if kind == 0x08 && part == 0x02 { 0x06 } else { kind };
        let kind = FREEZES.into_iter().find(|freeze| *freeze as u8 == kind)?;
        if area != 0x05 || !(1..=kind.kept()).contains(&nth) {
            return None;
        }
        let frozen = self.freezes.get(&kind).and_then(|ring| ring.get(nth - 1));
        match part {
            0x00 => Some(frozen.map_or([0; 5], |f| f.time).to_vec()),
            0x01 => {
                let none = vec![0; rates + 1];
                let energies = frozen.map_or(&none, |f| &f.energies);
                Some(energies.iter().flat_map(|energy| bcd::encode(*energy, 4)).collect())
            }
            0x02 => Some(bcd::encode(frozen.map_or(0, |f| f.balance), 4)),
            _ => None,
        }
    }
}

impl Meter {
    pub(super) fn freeze(&mut self, kind: Freeze) {
        let frozen = Frozen {
            time: self.time.clock().short_stamp(),
            energies: self.energy.readings(self.rates()),
            balance: self.purse.balance().unsigned_abs(),
        };
        let ring = self.events.freezes.entry(kind).or_default();
        ring.insert(0, frozen);
        ring.truncate(kind.kept());
    }
}
