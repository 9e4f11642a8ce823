//! What 01H can read: two-byte identifier to bytes (section 4).

use super::super::bcd;
use super::super::meter::Meter;
use crate::units::CreditUnit;

/// Reactive against active energy: tan phi 0.329.
const TAN_X1000: u64 = 329;

impl Meter {
    /// The bytes of a data item, or `None` if this meter has none such.
    pub(super) fn register_1997(&self, di: u16) -> Option<Vec<u8>> {
        match &self.setup.rows {
            Some(rows) => self.row_1997(rows, di),
            None => self.table_1997(di),
        }
    }

    /// The same by the tables of section 4 alone.
    pub(super) fn table_1997(&self, di: u16) -> Option<Vec<u8>> {
        match di >> 12 {
            0x9 => self.energy_1997(di),
            0xA => self.demand_1997(di),
            0xB => match di >> 8 {
                0xB0 => self.demand_time_1997(di),
                0xB2 => self.counters_1997(di),
                0xB6 => self.instantaneous_1997(di),
                _ => None,
            },
            0xC => self.parameter_1997(di),
            0xD => self.purse_1997(di),
            _ => None,
        }
    }

    /// `9mkr`: m tells active or reactive, and the month; k the kind; r the rate.
    fn energy_1997(&self, di: u16) -> Option<Vec<u8>> {
        let (month, reactive) = (usize::from(di >> 10 & 3), di >> 8 & 3);
        // Kinds by the numbers of 2007, whose registers are the same counters.
        let kind = match (reactive, di >> 4 & 0xF) {
            (0, 0) => 0x00,
            (0, 1) => 0x01,
            (0, 2) => 0x02,
            (1, 1) => 0x03,
            (1, 2) => 0x04,
            // Quadrants I, IV, II, III stand in this order.
            (1, 3) => 0x05,
            (1, 4) => 0x08,
            (1, 5) => 0x06,
            (1, 6) => 0x07,
            _ => return None,
        };
        if month > 2 {
            return None;
        }
        let values: Vec<Vec<u8>> =
            self.energy_of(kind, month)?.into_iter().map(|value| bcd::encode(value, 4)).collect();
        self.pick(&values, di & 0xF)
    }

    /// One value of a total-and-rates row, or all of them for F.
    fn pick(&self, values: &[Vec<u8>], rate: u16) -> Option<Vec<u8>> {
        match rate {
            0xF => Some(self.block(values)),
            rate => values.get(usize::from(rate)).cloned(),
        }
    }

    /// Whether `di` is this month's forward active demand; its rate. Other demands are not kept.
    fn demand_rate(di: u16) -> Option<u16> {
        (di & 0x0FF0 == 0x0010).then_some(di & 0xF)
    }

    fn demand_1997(&self, di: u16) -> Option<Vec<u8>> {
        let rate = Self::demand_rate(di)?;
        let one = |nth: usize| bcd::encode(if nth == 0 { self.energy.peak_w * 10 } else { 0 }, 3);
        let values: Vec<Vec<u8>> = (0..=self.rates()).map(one).collect();
        self.pick(&values, rate)
    }

    /// MMDDhhmm of the maximum demand.
    fn demand_time_1997(&self, di: u16) -> Option<Vec<u8>> {
        let rate = Self::demand_rate(di)?;
        let [minute, hour, day, month, _] = self.energy.peak_at;
        let one = |nth| if nth == 0 { vec![minute, hour, day, month] } else { vec![0; 4] };
        let values: Vec<Vec<u8>> = (0..=self.rates()).map(one).collect();
        self.pick(&values, rate)
    }

    fn counters_1997(&self, di: u16) -> Option<Vec<u8>> {
        // Three bytes in 2007, two here.
        let count = |di| self.events.get(di).map(|bytes| bytes.into_iter().take(2).collect());
        match di {
            0xB212 => count(0x0330_0000),
            0xB213 => count(0x0330_0200),
            0xB214 => Some(bcd::encode(self.time.up_ms / 60_000, 3)),
            _ => None,
        }
    }

    /// `B6kp`: voltage without a decimal, current XX.XX, power XX.XXXX, reactive power XX.XX, power
    /// factor X.XXX. A phase the meter has not is refused alone and filled in a block.
    fn instantaneous_1997(&self, di: u16) -> Option<Vec<u8>> {
        let (kind, phase) = (di >> 4 & 0xF, di & 0xF);
        let first = if matches!(kind, 3..=5) { 0 } else { 1 };
        let has = |phase: u16| phase <= u16::from(self.setup.phases.clamp(1, 3));
        match phase {
            0xF => {
                let values: Option<Vec<Vec<u8>>> =
                    (first..=3).map(|phase| self.phase_1997(kind, phase, has(phase))).collect();
                values.map(|values| self.block(&values))
            }
            phase if (first..=3).contains(&phase) && has(phase) => {
                self.phase_1997(kind, phase, true)
            }
            _ => None,
        }
    }

    fn phase_1997(&self, kind: u16, phase: u16, there: bool) -> Option<Vec<u8>> {
        let len = match kind {
            1 | 2 | 4 | 5 => 2,
            3 => 3,
            _ => return None,
        };
        if !there {
            let missing = self.setup.absent_phase == super::super::setup::Absent::Missing;
            return Some(vec![if missing { 0xFF } else { 0 }; len]);
        }
        let phases = u64::from(self.setup.phases.clamp(1, 3));
        let watts = if phase == 0 { self.power_w() } else { self.power_w() / phases };
        let volts_x10 = self.volts_x10(u8::try_from(phase).unwrap_or(0));
        let value = match kind {
            1 => volts_x10 / 10,
            // Centiamperes from VA (cos phi 0.95) and decivolts.
            2 => watts * 1_000_000 / 950 / volts_x10,
            3 => watts * 10,
            4 => watts * TAN_X1000 / 1000 / 10,
            _ if watts > 0 => 950,
            _ => 1_000,
        };
        Some(bcd::encode(value, len))
    }

    fn parameter_1997(&self, di: u16) -> Option<Vec<u8>> {
        let now = self.time.clock();
        match di {
            0xC010 | 0xC011 if self.setup.no_clock => None,
            0xC010 => Some(now.date_bytes().to_vec()),
            0xC011 => Some(now.time_bytes().to_vec()),
            // Status bits of 1997 are not published: all in order.
            0xC020 | 0xC021 => Some(vec![0]),
            0xC033 => Some(self.customer_bytes().to_vec()),
            di => super::store::stored(di).and_then(|(in_2007, _)| self.params.get(in_2007)),
        }
    }

    /// Where concentrators find the purse: D141 money, D143 energy.
    fn purse_1997(&self, di: u16) -> Option<Vec<u8>> {
        let own = match self.setup.unit {
            CreditUnit::Yuan => 0xD141,
            CreditUnit::Kwh => 0xD143,
        };
        (di == own).then(|| bcd::encode(self.purse.balance().unsigned_abs(), 4))
    }
}
