//! Load records (`06......`): what the meter stored every so many minutes, and how it gives it out.
//!
//! Layout of a record: `reference/dlt645.md` 2.1 (questions with a number, or with a number and a
//! time) and appendix B of DL/T 645-2007: `A0 A0`, length, time, six blocks each closed by `AA`,
//! sum, `E5`. A class by itself comes in the same frame with the other blocks empty.

use serde::{Deserialize, Serialize};

use super::bcd;
use super::meter::Meter;

/// Records kept: 62 days at a quarter of an hour.
const KEPT: usize = 62 * 96;
/// Records given out at once at most: what follow-up frames can carry.
const AT_ONCE: usize = 12;
/// cos phi and tan phi of the simulated load, as in `registers.rs`.
const COS_X1000: u64 = 950;
const TAN_X1000: u64 = 329;
const HERTZ_X100: u64 = 5_000;

/// What was stored at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sample {
    /// mm hh DD MM YY.
    time: [u8; 5],
    volts_x10: [u64; 3],
    watts: u64,
    /// Forward and reverse, 0.01 kWh.
    energy: [u64; 2],
}

impl Sample {
    /// The order in which they were stored, for comparison with a time asked for.
    fn order(&self) -> [u8; 5] {
        let mut order = self.time;
        order.reverse();
        order
    }
}

/// All that is kept, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Curve {
    samples: Vec<Sample>,
    /// Gives out damaged records, for tests of the reader.
    #[serde(default)]
    pub spoilt: Option<Spoilt>,
}

/// How a faulty meter gives out its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spoilt {
    /// Always the oldest ones, whatever time was asked for: a reader that goes on never ends.
    Stuck,
    /// One byte of the first record is not what the sum says.
    Sum,
    /// More records than were asked for.
    Flood,
    /// Bytes that are no records.
    Junk,
    /// The first record is marked as bad (`E0 E0`).
    Marked,
    /// No fault: voltages, powers and energies only, each class by itself; all at once (`06000001`)
    /// is refused, as by meters that know `06cc0001` alone.
    Classes,
}

impl Meter {
    /// Stores a record if one is due this minute.
    pub(super) fn record_curve(&mut self) {
        let every = i64::from(self.setup.curve_min);
        let minutes = self.time.clock_ms().div_euclid(60_000);
        if every == 0 || minutes.rem_euclid(every) != 0 {
            return;
        }
        let sample = Sample {
            time: self.time.clock().short_stamp(),
            volts_x10: [1, 2, 3].map(|phase| self.volts_x10(phase)),
            watts: self.power_w(),
            energy: [self.energy.total(), self.reverse_energy()],
        };
        self.curve.samples.push(sample);
        if self.curve.samples.len() > KEPT {
            self.curve.samples.remove(0);
        }
    }

    /// `06cc00nn`: class (0: all), which (0 earliest, 1 from a time on, 2 latest), and what stood
    /// behind the identifier. Nothing where no record fits.
    pub(super) fn load_records(&self, di: u32, tail: &[u8]) -> Option<Vec<u8>> {
        let [0x06, class @ 0..=6, 0, which] = di.to_be_bytes() else { return None };
        if self.curve.spoilt == Some(Spoilt::Classes) && !matches!(class, 1 | 2 | 4) {
            return None;
        }
        let (count, time) = tail.split_first()?;
        let count = usize::from(*count).clamp(1, AT_ONCE);
        let all = &self.curve.samples;
        let found: Vec<&Sample> = match (which, time) {
            (0, []) => all.iter().take(1).collect(),
            (2, []) => all.iter().rev().take(1).collect(),
            (1, time) if time.len() == 5 => {
                let mut from = <[u8; 5]>::try_from(time).ok()?;
                from.reverse();
                let late = all.iter().filter(|s| s.order() >= from);
                match self.curve.spoilt {
                    Some(Spoilt::Stuck) => all.iter().take(count).collect(),
                    Some(Spoilt::Flood) => late.take(count + 5).collect(),
                    _ => late.take(count).collect(),
                }
            }
            _ => return None,
        };
        let mut bytes: Vec<u8> = Vec::new();
        for (nth, sample) in found.iter().enumerate() {
            let marked = nth == 0 && self.curve.spoilt == Some(Spoilt::Marked);
            bytes.extend(self.record(sample, class, if marked { 0xE0 } else { 0xA0 }));
        }
        match self.curve.spoilt {
            Some(Spoilt::Sum) => bytes.iter_mut().skip(20).take(1).for_each(|byte| *byte ^= 1),
            Some(Spoilt::Junk) => bytes.fill(0x55),
            _ => {}
        }
        Some(bytes).filter(|bytes| !bytes.is_empty())
    }

    fn record(&self, sample: &Sample, class: u8, start: u8) -> Vec<u8> {
        let mut body = Vec::new();
        for (own, block) in (1u8..).zip(self.blocks(sample)) {
            if class == 0 || class == own {
                body.extend(block);
            }
            body.push(0xAA);
        }
        let length = u8::try_from(sample.time.len() + body.len()).unwrap_or(u8::MAX);
        let mut bytes = vec![start, start, length];
        bytes.extend(sample.time);
        bytes.extend(body);
        let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.extend([sum, 0xE5]);
        bytes
    }

    /// The six blocks; phases this meter does not have are FF.
    fn blocks(&self, sample: &Sample) -> [Vec<u8>; 6] {
        let phases = u64::from(self.setup.phases.clamp(1, 3));
        let has = |phase: u64| phase <= phases;
        let each = sample.watts / phases;
        let mut supply = Vec::new();
        for (phase, volts) in (1..).zip(sample.volts_x10) {
            supply.extend(if has(phase) { bcd::encode(volts, 2) } else { vec![0xFF; 2] });
        }
        for (phase, volts) in (1..).zip(sample.volts_x10) {
            let va = each * 1000 / COS_X1000;
            let current = va * 10_000 / volts.max(1);
            supply.extend(if has(phase) { bcd::encode(current, 3) } else { vec![0xFF; 3] });
        }
        supply.extend(bcd::encode(HERTZ_X100, 2));
        let power = |of: fn(u64) -> u64, len: usize| {
            let mut block = bcd::encode(of(sample.watts), len);
            for phase in 1..=3 {
                block.extend(if has(phase) { bcd::encode(of(each), len) } else { vec![0xFF; len] });
            }
            block
        };
        let active = power(|w| w * 10, 3);
        let reactive = power(|w| w * TAN_X1000 / 100, 3);
        let factor = power(|w| if w > 0 { COS_X1000 } else { 1_000 }, 2);
        let [forward, reverse] = sample.energy;
        let reactive_energy = forward * TAN_X1000 / 1000;
        let four = |values: [u64; 4]| values.iter().flat_map(|v| bcd::encode(*v, 4)).collect();
        let demand = [sample.watts * 10, sample.watts * TAN_X1000 / 100];
        [
            supply,
            [active, reactive].concat(),
            factor,
            four([forward, reverse, reactive_energy, 0]),
            four([reactive_energy, 0, 0, 0]),
            demand.iter().flat_map(|v| bcd::encode(*v, 3)).collect(),
        ]
    }
}
