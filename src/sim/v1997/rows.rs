//! The meter as a profile describes it: it has the identifiers the profile names and no others, and
//! each shows what its name says, in the row's own form.
//!
//! A row without a form lies as the tables of 1997 say. A block (`xxxF`) exists where a row without
//! a form names one value of it. Names of values that nothing here counts show a number that stands
//! still.

use serde::{Deserialize, Serialize};

use super::super::bcd;
use super::super::meter::Meter;
use super::super::noise;
use super::super::shown::Shown;
use crate::profile::{Place, Profile};
use crate::protocol::form::Form;
use crate::units::CreditUnit;

/// Bytes of a value where neither its row nor the tables say how long it is.
const LEN: u16 = 4;

/// An identifier a meter has, from a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    di: u16,
    name: String,
    form: Option<Form>,
    len: Option<u16>,
    decimals: u8,
    unit: String,
}

impl ProfileRow {
    /// The rows of a profile, in its order.
    pub(in crate::sim) fn all(profile: &Profile) -> Vec<Self> {
        let row = |item: &crate::profile::Item| match item.at {
            Place::Di(di) => Some(Self {
                di: u16::try_from(di).ok()?,
                name: item.name.clone(),
                form: item.form,
                len: item.len,
                decimals: item.decimals,
                unit: item.unit.clone(),
            }),
            _ => None,
        };
        profile.items.iter().filter_map(row).collect()
    }

    /// Whether it is this identifier as the tables have it.
    pub(super) fn is_table_row(&self, di: u16) -> bool {
        self.di == di && self.form.is_none()
    }
}

/// Where a meter of 2007 counts what a name means: identifier, places, and whether it has a sign.
/// Both editions' registers are the same counters here.
fn counted(name: &str) -> Option<(u32, u8, bool)> {
    Some(match name {
        "energy" => (0x0001_0000, 2, false),
        "energy-tip" => (0x0001_0100, 2, false),
        "energy-peak" => (0x0001_0200, 2, false),
        "energy-flat" => (0x0001_0300, 2, false),
        "energy-valley" => (0x0001_0400, 2, false),
        "energy-reverse" => (0x0002_0000, 2, false),
        "reactive-energy" => (0x0003_0000, 2, false),
        "voltage-a" => (0x0201_0100, 1, false),
        "voltage-b" => (0x0201_0200, 1, false),
        "voltage-c" => (0x0201_0300, 1, false),
        "current-a" => (0x0202_0100, 3, true),
        "current-b" => (0x0202_0200, 3, true),
        "current-c" => (0x0202_0300, 3, true),
        "power" => (0x0203_0000, 4, true),
        "power-a" => (0x0203_0100, 4, true),
        "power-b" => (0x0203_0200, 4, true),
        "power-c" => (0x0203_0300, 4, true),
        "reactive-power" => (0x0204_0000, 4, true),
        "power-factor" => (0x0206_0000, 3, true),
        "frequency" => (0x0280_0002, 2, false),
        "price-tip" => (0x0405_0101, 4, false),
        "price-peak" => (0x0405_0102, 4, false),
        "price-flat" => (0x0405_0103, 4, false),
        "price-valley" => (0x0405_0104, 4, false),
        "ct" => (0x0400_0306, 0, false),
        "pt" => (0x0400_0307, 0, false),
        _ => return None,
    })
}

/// Decimal digits, low byte first; a sign in the highest bit.
fn number(bytes: &[u8], signed: bool) -> Option<i64> {
    let mut digits = bytes.to_vec();
    let top = digits.last_mut()?;
    let negative = signed && *top & 0x80 != 0;
    if signed {
        *top &= 0x7F;
    }
    let value = i64::try_from(bcd::decode(&digits)?).ok()?;
    Some(if negative { -value } else { value })
}

impl Meter {
    /// The bytes of a data item of a meter that is made of these rows.
    pub(super) fn row_1997(&self, rows: &[ProfileRow], di: u16) -> Option<Vec<u8>> {
        if let Some(row) = rows.iter().find(|row| row.di == di) {
            return self.row_bytes(row);
        }
        let of_block = |row: &ProfileRow| row.form.is_none() && row.di & 0xFFF0 == di & 0xFFF0;
        let block = di & 0xF == 0xF && rows.iter().any(of_block);
        if block { self.table_1997(di) } else { None }
    }

    fn row_bytes(&self, row: &ProfileRow) -> Option<Vec<u8>> {
        let Some(form) = row.form else {
            return self.table_1997(row.di).or_else(|| self.untabled(row));
        };
        // Powers are kept in kilowatts.
        let more = if matches!(row.unit.as_str(), "W" | "var") { 3 } else { 0 };
        let decimals = row.decimals.saturating_add(more);
        let shown = self.named(row)?;
        let low = shown.scaled(decimals).to_le_bytes()[0];
        let tabled = || self.table_1997(row.di).and_then(|bytes| u16::try_from(bytes.len()).ok());
        let len = usize::from(row.len.or_else(tabled).unwrap_or(LEN));
        Some(match form {
            Form::High => vec![low, 0],
            Form::Low => vec![0, low],
            form => shown.bytes(form, len, decimals),
        })
    }

    /// A row without a form that the tables here do not have: as in 2007, where it is kept.
    fn untabled(&self, row: &ProfileRow) -> Option<Vec<u8>> {
        match counted(&row.name) {
            Some((di, decimals, signed)) => {
                let bytes = self.register(di)?;
                // A phase that is not there has no number.
                let value = number(&bytes, signed)?;
                Some(Shown::Number(value, decimals).bytes(Form::BcdLow, bytes.len(), decimals))
            }
            None => Some(self.named(row)?.bytes(Form::BcdLow, LEN.into(), row.decimals)),
        }
    }

    /// What a name means on this meter; `None` where it has none such.
    fn named(&self, row: &ProfileRow) -> Option<Shown> {
        let purse = |value: i64| {
            // A purse counts one thing; a row in the other unit does not exist on such a meter.
            let other = match self.setup.unit {
                CreditUnit::Yuan => "kWh",
                CreditUnit::Kwh => "yuan",
            };
            (row.unit != other).then_some(Shown::Number(value, 2))
        };
        let account = || self.purse.account.map_or([0; 6], |account| account.bcd());
        Some(match row.name.as_str() {
            "balance" => return purse(self.purse.balance()),
            "overdraft" => return purse(self.purse.overdraft()),
            "purchased" => return purse(self.purse.cumulative),
            "alarm-1" => return purse(self.setup.alarm1.0),
            "alarm-2" => return purse(self.setup.alarm2.0),
            "count" => Shown::Number(self.purse.count.into(), 0),
            "number" => Shown::Digits(self.no.bcd()),
            "account" => Shown::Digits(account()),
            "clock" => Shown::Clock(self.time.clock()),
            "model" => Shown::Text("meterkit"),
            "status" => Shown::Number(0, 0),
            name => match counted(name) {
                Some((di, decimals, signed)) => {
                    Shown::Number(number(&self.register(di)?, signed)?, decimals)
                }
                None => {
                    let still = noise::still(self.seed, 0, row.di.into(), 10_000);
                    Shown::Number(i64::try_from(still).unwrap_or(0), 0)
                }
            },
        })
    }
}
