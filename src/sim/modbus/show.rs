//! What a unit shows: every item its profile names, the account, and the settings written.

use super::image::{Image, put};
use super::meter::{ModbusMeter, PRICE, UNIT_WMS};
use crate::profile::{Field, ModbusMoney, Place, StatusBit};
use crate::sim::noise;
use crate::sim::shown::Shown;

/// Nominal voltage, 0.1 V.
const VOLTS: i64 = 2200;

impl ModbusMeter {
    /// Everything there is to read now.
    pub(super) fn image(&self) -> Image {
        let mut image = Image::new();
        for item in &self.profile.items {
            let Place::Register { function, address } = item.at else { continue };
            let Some(form) = item.form else { continue };
            let words = item.len.unwrap_or(2).div_ceil(2);
            let mut decimals = item.decimals;
            if item.unit == "W" || item.unit == "var" {
                // Powers are kept in kilowatts here.
                decimals = decimals.saturating_add(3);
            }
            put(&mut image, (function, address), form, words, decimals, &self.shows(&item.name));
        }
        if let Some(money) = self.money() {
            self.money_image(money, &mut image);
        }
        for (register, word) in &self.written {
            image.insert((3, *register), *word);
        }
        image.extend(self.fixed.iter().map(|(at, word)| (*at, *word)));
        image
    }

    fn money_image(&self, money: &ModbusMoney, image: &mut Image) {
        let balance = if money.overdraft.is_some() { self.purse.balance() } else { self.purse.net };
        let account = self.purse.account.map_or([0; 6], |account| account.bcd());
        let newest = self.purse.records.first();
        let last = [
            newest.map_or(0, |record| i64::from(record.count)),
            newest.map_or(0, |record| record.amount),
        ];
        let number = |value| Shown::Number(value, 0);
        let mut rows = vec![
            (money.identity, Shown::Digits(self.setup.no.bcd())),
            (money.account, Shown::Digits(account)),
            (money.count, number(i64::from(self.purse.count))),
            (money.balance, number(balance)),
        ];
        rows.extend(money.overdraft.map(|field| (field, number(self.purse.overdraft()))));
        let records = money.last.into_iter().flatten().zip(last);
        rows.extend(records.map(|(field, value)| (field, number(value))));
        for (field, shown) in rows {
            put(image, (3, field.register), field.form, field.words, 0, &shown);
        }
    }

    /// What an item of a profile shows.
    fn shows(&self, name: &str) -> Shown {
        let load = i64::from(self.setup.load_w);
        let energy = i64::try_from(self.wms / UNIT_WMS).unwrap_or(i64::MAX);
        let jitter = |place: u64| {
            let minute = self.up.as_secs() / 60;
            noise::still(self.setup.seed, minute, place, 20).try_into().unwrap_or(0)
        };
        let hundredths = |value| Shown::Number(value, 2);
        match name {
            "energy" | "energy-tip" => hundredths(energy),
            "balance" => hundredths(self.purse.net),
            "overdraft" => hundredths(self.purse.overdraft()),
            "purchased" => hundredths(self.purse.cumulative),
            "count" => Shown::Number(i64::from(self.purse.count), 0),
            "voltage-a" | "voltage-b" | "voltage-c" => Shown::Number(VOLTS + jitter(1) - 10, 1),
            "current-a" => Shown::Number(load * 1000 / VOLTS, 2),
            "power" | "power-a" => Shown::Number(load, 3),
            "power-factor" => Shown::Number(1000 - jitter(2), 3),
            "frequency" => Shown::Number(5000, 2),
            "clock" => Shown::Clock(self.clock()),
            "number" => Shown::Digits(self.setup.no.bcd()),
            "account" => Shown::Digits(self.purse.account.map_or([0; 6], |a| a.bcd())),
            "alarm-1" => hundredths(2000),
            "alarm-2" => hundredths(1000),
            "price-tip" | "price-peak" | "price-flat" | "price-valley" => hundredths(PRICE),
            "ct" | "pt" => Shown::Number(1, 0),
            "model" => Shown::Text("meterkit"),
            "status" => Shown::Number(self.status(), 0),
            _ => Shown::Number(0, 0),
        }
    }

    /// The status bits the profile names.
    fn status(&self) -> i64 {
        let named = |bit: &&StatusBit| match bit.name.as_str() {
            "arrears" | "overdraft" => self.purse.net < 0,
            "alarm-1" => self.purse.net < 2000,
            "alarm-2" => self.purse.net < 1000,
            "not-opened" => self.purse.account.is_none(),
            _ => false,
        };
        let bits = self.profile.status.iter().filter(|bit| bit.item == "status").filter(named);
        bits.fold(0, |word, bit| word | 1i64.checked_shl(u32::from(bit.bit)).unwrap_or(0))
    }
}

/// Every field of the money rules.
pub(super) fn fields(money: &ModbusMoney) -> Vec<Field> {
    let mut fields = vec![money.identity, money.account, money.count, money.balance];
    fields.extend(money.overdraft);
    fields.extend(money.last.into_iter().flatten());
    fields
}
