//! What people and age do to a meter in the field: covers opened, energy fed back, batteries run
//! down, a register exchanged. Nothing of it comes over the line.

use serde::{Deserialize, Serialize};

use super::bcd;
use super::curve::Spoilt;
use super::events::Kind;
use super::meter::Meter;

/// Something that happens to a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The meter's cover is opened and closed again.
    Cover,
    /// The terminal cover is opened and stays open.
    TerminalCover,
    /// So much flows backwards, 0.01 kWh.
    Reverse(u64),
    /// The total register stands here from now on, 0.01 kWh.
    Register(u64),
    /// The clock's battery is low.
    ClockBattery,
    /// The battery for reading without supply is low.
    ReadingBattery,
    /// Somebody sets the current transformer's ratio.
    Ratio(u32),
    /// Its load records come out wrong.
    Curve(Spoilt),
}

/// What of it stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Marks {
    /// 0.01 kWh.
    pub reverse: u64,
    pub terminal_open: bool,
    pub clock_battery: bool,
    pub reading_battery: bool,
}

impl Meter {
    /// Lets something happen to the meter.
    pub fn suffer(&mut self, mishap: Mishap) {
        match mishap {
            Mishap::Cover => self.record_cover(Kind::MeterCover),
            Mishap::TerminalCover => {
                self.record_cover(Kind::TerminalCover);
                self.marks.terminal_open = true;
            }
            Mishap::Reverse(more) => {
                self.marks.reverse = self.marks.reverse.saturating_add(more);
            }
            Mishap::Register(value) => self.energy.set_total(value),
            Mishap::ClockBattery => self.marks.clock_battery = true,
            Mishap::ReadingBattery => self.marks.reading_battery = true,
            Mishap::Ratio(ratio) => {
                self.params.put(0x0400_0306, bcd::encode(u64::from(ratio), 3));
            }
            Mishap::Curve(spoilt) => self.curve.spoilt = Some(spoilt),
        }
    }

    /// Reverse active energy, 0.01 kWh.
    pub(super) fn reverse_energy(&self) -> u64 {
        self.marks.reverse
    }

    /// Start 6, end 6, 12 x 4 energies (3.7).
    fn record_cover(&mut self, kind: Kind) {
        let now = self.time.clock().stamp();
        let record = [&now[..], &now, &self.energies(12)].concat();
        self.events.add(kind, record);
    }
}
