//! What happens while nobody talks to the meter: the load draws energy, energy costs credit, the
//! clock turns minutes into settlements, freezes, tariff changes and trips.
//!
//! All sums are integers: energy in watt-milliseconds, cost in millionths of a yuan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bcd;
use super::civil::Civil;
use super::events::Freeze;
use super::meter::Meter;
use super::noise;
use super::params::RATES_MAX;
use crate::units::CreditUnit;

/// Longest time caught up at once: a call that comes later finds the meter as if only this had
/// gone.
pub const CATCH_UP_MAX: Duration = Duration::from_secs(400 * 86_400);
/// 0.01 kWh in watt-milliseconds.
const UNIT_WMS: u64 = 36_000_000;
/// A fen in millionths of a yuan, the price of 0.01 kWh at 0.0001 yuan a kWh.
const FEN: u64 = 10_000;
/// Settlements kept (3.1: ss 01 to 0C).
pub(super) const SETTLEMENTS: usize = 12;

/// The energy registers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Energy {
    /// Watt-milliseconds, by rate; their sum is the total.
    wms: Vec<u64>,
    /// Cost not yet taken from the purse, millionths of a yuan.
    owed: u64,
    /// Energy at the last settlements, newest first: total, then rates, 0.01 kWh.
    pub settled: Vec<Vec<u64>>,
    /// Highest one-minute power since it was cleared, W, and when (mm hh DD MM YY).
    pub peak_w: u64,
    pub peak_at: [u8; 5],
}

impl Energy {
    pub(super) fn new(start: i64) -> Self {
        let mut wms = vec![0; usize::from(RATES_MAX)];
        wms[0] = start.unsigned_abs().saturating_mul(UNIT_WMS);
        Self { wms, owed: 0, settled: Vec::new(), peak_w: 0, peak_at: [0; 5] }
    }

    /// 0.01 kWh, all rates.
    pub(super) fn total(&self) -> u64 {
        self.wms.iter().fold(0u64, |sum, wms| sum.saturating_add(*wms)) / UNIT_WMS
    }

    /// Total, then the rates.
    pub(super) fn readings(&self, rates: usize) -> Vec<u64> {
        let rates = self.wms.iter().take(rates).map(|wms| wms / UNIT_WMS);
        std::iter::once(self.total()).chain(rates).collect()
    }

    /// Puts the total here, as an exchanged register would; the rates keep no share.
    pub(super) fn set_total(&mut self, value: u64) {
        self.wms.fill(0);
        if let Some(first) = self.wms.first_mut() {
            *first = value.saturating_mul(UNIT_WMS);
        }
    }

    pub(super) fn clear(&mut self) {
        self.wms.fill(0);
        self.settled.clear();
        self.clear_peak();
    }

    pub(super) fn clear_peak(&mut self) {
        self.peak_w = 0;
        self.peak_at = [0; 5];
    }
}

impl Meter {
    /// Catches up with the simulation's time. Time that goes back is taken as standing still.
    pub fn advance(&mut self, now: Duration) {
        // Whole milliseconds; the rest waits for the next call.
        let now = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        let gone = now.saturating_sub(self.time.last).min(CATCH_UP_MAX);
        self.time.last = self.time.last.max(now);
        let end = self.time.up_ms.saturating_add(gone.as_millis() as u64);
        self.overload_due();
        while self.time.up_ms < end {
            let into_minute = self.time.clock_ms().rem_euclid(60_000) as u64;
            let to_minute = 60_000 - into_minute;
            let piece = to_minute.min(end - self.time.up_ms).min(self.until_overload_change());
            self.consume(piece);
            self.time.up_ms += piece;
            if piece == to_minute {
                self.minute();
            }
            self.relay_due();
            self.overload_due();
        }
    }

    /// Power drawn now, W: the load with up to 2 % of still noise, a new value each minute.
    pub(super) fn power_w(&self) -> u64 {
        if !self.relay.closed {
            return 0;
        }
        let load = u64::from(self.setup.load_w);
        let minute = self.time.up_ms / 60_000;
        load + noise::still(self.seed, minute, 1, load / 50 + 1)
    }

    fn consume(&mut self, ms: u64) {
        let power = self.counted_w();
        let rate = self.rate();
        let before = self.energy.total();
        if let Some(register) = self.energy.wms.get_mut(usize::from(rate) - 1) {
            *register = register.saturating_add(power.saturating_mul(ms));
        }
        if power > self.energy.peak_w {
            self.energy.peak_w = power;
            self.energy.peak_at = self.time.clock().short_stamp();
        }
        let units = self.energy.total() - before;
        if self.purse.account.is_none() || units == 0 {
            return;
        }
        let due = match self.setup.unit {
            CreditUnit::Kwh => units,
            CreditUnit::Yuan => {
                self.energy.owed += self.price(rate).saturating_mul(units);
                let fen = self.energy.owed / FEN;
                self.energy.owed %= FEN;
                fen
            }
        };
        self.purse.consume(i64::try_from(due).unwrap_or(i64::MAX));
    }

    /// The rate in force, 1..: from the year's zones and the day's slots.
    pub(super) fn rate(&self) -> u8 {
        let now = self.time.clock();
        let zones = self.params.get(0x0401_0000).unwrap_or_default();
        let table = in_force(&zones, [now.day, now.month]).clamp(1, 8);
        let slots = self.params.get(0x0401_0000 + u32::from(table)).unwrap_or_default();
        in_force(&slots, [now.minute, now.hour]).clamp(1, RATES_MAX)
    }

    /// Price now, 0.0001 yuan a kWh: the rate's, plus the step's if steps are set. Steps count the
    /// energy since the last settlement.
    pub(super) fn price(&self, rate: u8) -> u64 {
        let base = self.params.number(0x0405_0100 + u32::from(rate));
        let steps = self.params.number(0x0400_0207).min(6) as u32;
        if steps == 0 {
            return base;
        }
        let settled = self.energy.settled.first().and_then(|s| s.first()).copied().unwrap_or(0);
        let used = self.energy.total().saturating_sub(settled);
        let passed = (1..=steps).filter(|n| used >= self.params.number(0x0406_0000 + n)).count();
        base + self.params.number(0x0406_0101 + passed as u32)
    }

    /// A minute begins.
    fn minute(&mut self) {
        let now = self.time.clock();
        let [minute, hour, day, ..] = now.short_stamp();
        let settles = self.params.get(0x0400_0B01).unwrap_or_default();
        // Settlement day DDhh, by default the first of the month at midnight.
        let due = if settles == [0, 0] { vec![0, 1] } else { settles };
        if minute == 0 && due == [hour, day] {
            let readings = self.energy.readings(self.rates());
            self.energy.settled.insert(0, readings);
            self.energy.settled.truncate(SETTLEMENTS);
        }
        if minute == 0 {
            self.freeze(Freeze::Hourly);
        }
        if minute == 0 && hour == 0 {
            self.freeze(Freeze::Daily);
        }
        self.record_curve();
        if self.events.timed_freeze_is_due(now) {
            self.freeze(Freeze::Timed);
        }
        if !self.setup.no_clock {
            self.switch_sets(now);
        }
    }

    /// At the minute of a switch time the standby set becomes the present one (3.4).
    fn switch_sets(&mut self, now: Civil) {
        let stamp = now.short_stamp();
        for (set, di) in (0..4).zip(0x0400_0106u32..) {
            if self.params.get(di).is_none_or(|at| at != stamp) {
                continue;
            }
            match set {
                0 => self.params.swap(0x0401_0000, 0x0402_0000, 1),
                1 => self.params.swap(0x0401_0001, 0x0402_0001, 8),
                2 => self.params.swap(0x0405_0101, 0x0405_0201, u32::from(RATES_MAX)),
                _ => {
                    self.params.swap(0x0406_0001, 0x0406_0201, 6);
                    self.params.swap(0x0406_0101, 0x0406_0301, 7);
                }
            }
            self.second_sets[set] = !self.second_sets[set];
            match set {
                2 => self.freeze(Freeze::Price),
                3 => self.freeze(Freeze::Step),
                _ => {}
            }
        }
    }

    pub(super) fn rates(&self) -> usize {
        (self.params.number(0x0400_0204) as usize).min(usize::from(RATES_MAX))
    }

    /// `count` energy registers of 4 bytes as event records carry them: forward and reverse active,
    /// then zeros.
    pub(super) fn energies(&self, count: usize) -> Vec<u8> {
        let mut bytes = bcd::encode(self.energy.total(), 4);
        bytes.resize(count * 4, 0);
        bytes
    }

    pub(super) fn overdraft_limit(&self) -> i64 {
        self.limit(0x0400_1003, 0x0400_0F04)
    }

    pub(super) fn hoard_limit(&self) -> i64 {
        self.limit(0x0400_1004, 0x0400_0F03)
    }

    pub(super) fn second_alarm(&self) -> i64 {
        self.limit(0x0400_1002, 0x0400_0F02)
    }

    pub(super) fn reclose_balance(&self) -> i64 {
        self.limit(0x0400_1005, 0x0400_1005)
    }

    fn limit(&self, yuan: u32, kwh: u32) -> i64 {
        let di = if self.setup.unit == CreditUnit::Yuan { yuan } else { kwh };
        i64::try_from(self.params.number(di)).unwrap_or(i64::MAX)
    }
}

/// The last entry of a table that has begun, where each is `[NN, low, high]` (day, month or minute,
/// hour). Before the first begins, yesterday's (or last year's) last one still holds.
fn in_force(table: &[u8], now: [u8; 2]) -> u8 {
    let entries = table.chunks_exact(3).filter_map(|entry| {
        let (number, low, high) =
            (bcd::plain(entry[0])?, bcd::plain(entry[1])?, bcd::plain(entry[2])?);
        Some(((high, low), number))
    });
    let entries: Vec<_> = entries.collect();
    let begun = entries.iter().filter(|(from, _)| *from <= (now[1], now[0])).max_by_key(|e| e.0);
    begun.or_else(|| entries.iter().max_by_key(|e| e.0)).map_or(1, |(_, number)| *number)
}
