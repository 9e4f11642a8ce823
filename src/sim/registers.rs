//! What 11H can read: identifier to bytes (`reference/dlt645.md` 3.1 to 3.4, 3.7).

use super::bcd;
use super::meter::Meter;
use super::noise;
use super::purse::{RECORDS_MAX, Record};
use super::setup::Absent;
use super::wiring::Element;
use crate::units::CreditUnit;

/// Nominal values of the simulated supply.
const VOLTS_X10: u64 = 2_200;
const HERTZ_X100: u64 = 5_000;
/// cos phi 0.95, sin phi 0.312, tan phi 0.329, and the angle 18.2 degrees.
const COS_X1000: u64 = 950;
const TAN_X1000: u64 = 329;
const ANGLE_X10: u64 = 182;

impl Meter {
    /// The bytes of a data item, or `None` if this meter has none such.
    pub(super) fn register(&self, di: u32) -> Option<Vec<u8>> {
        match di >> 24 {
            _ if self.setup.lacks.contains(&di) => None,
            0x00 => self.energy_register(di),
            0x01 => self.demand(di),
            0x02 => self.instantaneous(di),
            0x03 if matches!(di >> 16, 0x0332 | 0x0333) => self.purchase(di),
            0x03 | 0x1D | 0x1E => self.events.get(di),
            0x04 => self.parameter(di),
            0x05 => self.events.frozen(di, self.rates()),
            _ => None,
        }
    }

    fn energy_register(&self, di: u32) -> Option<Vec<u8>> {
        let [_, kind, rate, day] = di.to_be_bytes();
        if kind == 0x90 {
            return self.remaining(rate, day);
        }
        if di == 0x000B_0000 || di == 0x000B_0001 {
            return Some(bcd::encode(self.month_energy(usize::from(day))?, 4));
        }
        let days: Vec<usize> = match day {
            0xFF => (0..=super::load::SETTLEMENTS).collect(),
            0..=0x0C => vec![usize::from(day)],
            _ => return None,
        };
        let mut bytes = Vec::new();
        for day in days {
            let readings = self.energy_of(kind, day)?;
            match rate {
                0xFF => readings.iter().for_each(|value| bytes.extend(bcd::encode(*value, 4))),
                rate => bytes.extend(bcd::encode(*readings.get(usize::from(rate))?, 4)),
            }
        }
        Some(bytes)
    }

    /// Total and rates of one kind now (0) or at a settlement (1..).
    pub(super) fn energy_of(&self, kind: u8, day: usize) -> Option<Vec<u64>> {
        let rates = self.rates();
        let active = match day {
            0 => self.energy.readings(rates),
            day => self.energy.settled.get(day - 1).cloned().unwrap_or_default(),
        };
        let mut active = active;
        active.resize(rates + 1, 0);
        let scaled = |per_mille: u64| active.iter().map(|v| v * per_mille / 1000).collect();
        match kind {
            // Combined active counts forward only here.
            0x00 | 0x01 => Some(active),
            // What flowed back counts in the total alone, and now alone.
            0x02 => {
                let total = if day == 0 { self.reverse_energy() } else { 0 };
                Some(std::iter::once(total).chain(std::iter::repeat_n(0, rates)).collect())
            }
            0x04 | 0x06..=0x08 | 0x0A => Some(vec![0; rates + 1]),
            0x03 | 0x05 => Some(scaled(TAN_X1000)),
            0x09 => Some(scaled(1_000_000 / COS_X1000)),
            _ => None,
        }
    }

    /// Energy since the last settlement (0), or between the last two (1).
    fn month_energy(&self, back: usize) -> Option<u64> {
        let total = |day: usize| self.energy_of(1, day).and_then(|r| r.first().copied());
        Some(total(back)?.saturating_sub(total(back + 1)?))
    }

    /// `0090uudd`: remaining credit and overdraft, in the unit this purse counts.
    fn remaining(&self, unit: u8, which: u8) -> Option<Vec<u8>> {
        let (own, balance_at, overdraft_at) = match self.setup.unit {
            CreditUnit::Kwh => (0x01, 0x00, 0x01),
            CreditUnit::Yuan => (0x02, 0x00, 0x01),
        };
        let value = match which {
            _ if unit != own => return None,
            at if at == balance_at => self.purse.balance(),
            at if at == overdraft_at => self.purse.overdraft(),
            _ => return None,
        };
        Some(bcd::encode(value.unsigned_abs(), 4))
    }

    /// `0101rr00`: maximum demand XX.XXXX kW and its time; all in the total.
    fn demand(&self, di: u32) -> Option<Vec<u8>> {
        let [_, kind, rate, day] = di.to_be_bytes();
        if !matches!(kind, 0x01 | 0x02) || day != 0 {
            return None;
        }
        let one = |rate: usize| {
            let live = kind == 0x01 && rate == 0;
            let watts = if live { self.energy.peak_w } else { 0 };
            let at = if live { self.energy.peak_at } else { [0; 5] };
            [bcd::encode(watts * 10, 3), at.to_vec()].concat()
        };
        match rate {
            0xFF => Some((0..=self.rates()).flat_map(one).collect()),
            rate if usize::from(rate) <= self.rates() => Some(one(usize::from(rate))),
            _ => None,
        }
    }

    /// `02....00`: per phase, or the block with FF.
    fn instantaneous(&self, di: u32) -> Option<Vec<u8>> {
        let [_, kind, phase, tail] = di.to_be_bytes();
        if kind == 0x80 && phase == 0x00 {
            return self.board(tail);
        }
        if tail != 0 {
            return None;
        }
        // Power and power factor have a total in front, the others begin with phase A.
        let first = if matches!(kind, 0x03..=0x06) { 0 } else { 1 };
        match phase {
            0xFF => {
                let parts: Option<Vec<_>> = (first..=3).map(|p| self.of_phase(kind, p)).collect();
                parts.map(|parts| parts.concat())
            }
            phase if (first..=3).contains(&phase) => self.of_phase(kind, phase),
            _ => None,
        }
    }

    fn of_phase(&self, kind: u8, phase: u8) -> Option<Vec<u8>> {
        let phases = u64::from(self.setup.phases.clamp(1, 3));
        let len = if matches!(kind, 0x02..=0x05) { 3 } else { 2 };
        if !(1..=9).contains(&kind) {
            return None;
        }
        if u64::from(phase) > phases {
            let fill = if self.setup.absent_phase == Absent::Missing { 0xFF } else { 0 };
            return Some(vec![fill; len]);
        }
        if !self.is_plain() && kind <= 7 {
            return Some(self.wired(kind, phase, len));
        }
        let watts = if phase == 0 { self.power_w() } else { self.power_w() / phases };
        let volts = self.volts_x10(phase);
        let var = watts * TAN_X1000 / 1000;
        let va = watts * 1000 / COS_X1000;
        let loaded = watts > 0;
        let value = match kind {
            0x01 => volts,
            // mA from VA and decivolts.
            0x02 => va * 10_000 / volts,
            0x03 => watts * 10,
            0x04 => var * 10,
            0x05 => va * 10,
            0x06 => {
                if loaded {
                    COS_X1000
                } else {
                    1_000
                }
            }
            0x07 => {
                if loaded {
                    ANGLE_X10
                } else {
                    0
                }
            }
            0x08 => 150 + self.still(10 + u64::from(phase), 30),
            _ => 420 + self.still(20 + u64::from(phase), 80),
        };
        let signed = matches!(kind, 0x02..=0x04 | 0x06);
        let value_signed = i64::try_from(value).unwrap_or(0);
        Some(if signed { bcd::encode_signed(value_signed, len) } else { bcd::encode(value, len) })
    }

    /// The same of a meter that is not wired as it should be, or whose load is not the usual one.
    fn wired(&self, kind: u8, phase: u8, len: usize) -> Vec<u8> {
        let elements = self.elements();
        let one = elements.get(usize::from(phase).wrapping_sub(1));
        let sum = |of: fn(&Element) -> i64| match one {
            Some(element) => of(element),
            None => elements.iter().map(of).sum(),
        };
        let (watts, vars) = (sum(|e| e.watts), sum(|e| e.vars));
        let apparent = sum(|e| e.apparent).max(1);
        match kind {
            0x01 => bcd::encode(one.map_or(0, |e| e.volts), len),
            0x02 => bcd::encode_signed(one.map_or(0, |e| e.amps as i64), len),
            0x03 => bcd::encode_signed(watts, len),
            0x04 => bcd::encode_signed(vars, len),
            0x05 => bcd::encode(sum(|e| e.apparent).unsigned_abs(), len),
            0x06 => bcd::encode_signed(watts * 1000 / apparent, len),
            _ => bcd::encode(one.map_or(0, |e| e.angle.unsigned_abs().into()), len),
        }
    }

    /// Noise that stands still for a second, so that two reads in a row agree.
    fn still(&self, place: u64, below: u64) -> u64 {
        noise::still(self.seed, self.time.up_ms / 1000, place, below)
    }

    pub(super) fn volts_x10(&self, phase: u8) -> u64 {
        VOLTS_X10 - 20 + self.still(u64::from(phase), 41)
    }

    /// `0280 00nn`.
    fn board(&self, nth: u8) -> Option<Vec<u8>> {
        let watts = self.power_w();
        let bytes = match nth {
            // Neutral current: all of it in a single-phase meter.
            0x01 if self.setup.phases == 1 => return self.of_phase(0x02, 1),
            0x01 => bcd::encode_signed(0, 3),
            0x02 => bcd::encode(HERTZ_X100 - 3 + self.still(30, 7), 2),
            0x03 | 0x04 => bcd::encode_signed(i64::try_from(watts * 10).unwrap_or(0), 3),
            0x05 => bcd::encode_signed((watts * TAN_X1000 / 100) as i64, 3),
            0x06 => bcd::encode(watts * 10_000 / COS_X1000, 3),
            0x07 => bcd::encode_signed(235 + self.still(31, 20) as i64, 2),
            0x08 => bcd::encode(if self.setup.no_clock { 180 } else { 362 }, 2),
            0x09 => bcd::encode(601, 2),
            0x0A => bcd::encode(self.time.up_ms / 60_000, 4),
            _ => return None,
        };
        Some(bytes)
    }

    /// `0332NNnn`, `0333NNnn`: purchases, of the purse this meter has.
    fn purchase(&self, di: u32) -> Option<Vec<u8>> {
        let [_, area, part, nth] = di.to_be_bytes();
        let own = match self.setup.unit {
            CreditUnit::Kwh => 0x32,
            CreditUnit::Yuan => 0x33,
        };
        let nth = usize::from(nth);
        if area != own || !(1..=RECORDS_MAX).contains(&nth) {
            return None;
        }
        let none = Record { date: [0; 5], count: 0, amount: 0, before: 0, after: 0, cumulative: 0 };
        let record = self.purse.records.get(nth - 1).copied().unwrap_or(none);
        let money = |value: i64| Some(bcd::encode(value.unsigned_abs(), 4));
        match part {
            0x01 => Some(record.date.to_vec()),
            0x02 => Some(bcd::encode(u64::from(record.count), 2)),
            0x03 => money(record.amount),
            0x04 => money(record.before),
            0x05 => money(record.after),
            0x06 => money(record.cumulative),
            _ => None,
        }
    }

    fn parameter(&self, di: u32) -> Option<Vec<u8>> {
        let now = self.time.clock();
        match di {
            0x0400_0101 | 0x0400_0102 | 0x0400_010C if self.setup.no_clock => None,
            0x0400_0101 => Some(now.date_bytes().to_vec()),
            0x0400_0102 => Some(now.time_bytes().to_vec()),
            0x0400_010C => Some([&now.time_bytes()[..], &now.date_bytes()].concat()),
            0x0400_0401 => Some(self.no.wire().to_vec()),
            0x0400_040E => Some(self.customer_bytes().to_vec()),
            0x0400_0703 => Some(vec![super::write::baud_bit(self.baud)]),
            0x0400_0500..=0x0400_05FF => self.status(di),
            // The refund is a command in a parameter's clothes: written, never read.
            super::access::REFUND => None,
            _ => self.params.get(di),
        }
    }
}
