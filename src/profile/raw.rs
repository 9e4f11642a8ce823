//! A profile as written in TOML, and what is checked when it is read.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::{
    Class, Dlt645Money, Layout, Line, MoneyAt, MoneyRules, Patience, Profile, ProfileError,
    Protocol,
};
use crate::protocol::{Framing, Parity};
use crate::units::CreditUnit;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    id: String,
    name: String,
    protocol: Protocol,
    class: Class,
    source: String,
    confidence: String,
    line: RawLine,
    timing: RawTiming,
    password: RawPassword,
    money: Option<RawMoney>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    baud: u32,
    parity: Parity,
    data_bits: u8,
    stop_bits: u8,
    preamble: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTiming {
    answer_ms: u64,
    gap_ms: u64,
    money_ms: u64,
    tries: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPassword {
    level: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMoney {
    unit: RawUnit,
    recharge: Layout,
    balance: String,
    overdraft: String,
    count: String,
    record: [String; 4],
    rows: u8,
    hoard: Option<String>,
    price_fen_per_kwh: i64,
    power_w: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawUnit {
    Yuan,
    Kwh,
}

/// Collects what every check needs: whose profile it is.
struct Checker<'a> {
    id: &'a str,
}

impl Checker<'_> {
    fn ensure(
        &self,
        good: bool,
        key: &'static str,
        value: impl fmt::Display,
        expected: &'static str,
    ) -> Result<(), ProfileError> {
        let (id, value) = (self.id.to_owned(), value.to_string());
        if good { Ok(()) } else { Err(ProfileError::Value { id, key, value, expected }) }
    }

    /// `digits` hexadecimal digits.
    fn di(&self, key: &'static str, text: &str, digits: usize) -> Result<u32, ProfileError> {
        let hex = text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
        let expected = if digits == 8 { "8 hexadecimal digits" } else { "6 hexadecimal digits" };
        self.ensure(hex, key, text, expected)?;
        u32::from_str_radix(text, 16).map_err(|e| ProfileError::Syntax(e.to_string()))
    }
}

impl Raw {
    pub(super) fn check(self) -> Result<Profile, ProfileError> {
        let checker = Checker { id: &self.id };
        let name_like = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let good_id = (1..=32).contains(&self.id.len()) && self.id.bytes().all(name_like);
        checker.ensure(good_id, "id", &self.id, "1 to 32 of a-z, 0-9 and '-'")?;
        checker.ensure(!self.name.is_empty(), "name", &self.name, "a name")?;
        let confidence = match self.confidence.as_bytes() {
            [letter @ b'A'..=b'D'] => char::from(*letter),
            _ => {
                checker.ensure(false, "confidence", &self.confidence, "A, B, C or D")?;
                'D'
            }
        };
        let RawLine { baud, parity, data_bits, stop_bits, preamble } = self.line;
        checker.ensure((300..=115_200).contains(&baud), "line.baud", baud, "300 to 115200")?;
        checker.ensure((7..=8).contains(&data_bits), "line.data_bits", data_bits, "7 or 8")?;
        checker.ensure((1..=2).contains(&stop_bits), "line.stop_bits", stop_bits, "1 or 2")?;
        checker.ensure(preamble <= 16, "line.preamble", preamble, "0 to 16")?;
        let level = self.password.level;
        checker.ensure(level <= 9, "password.level", level, "0 to 9")?;
        let timing = self.timing.check(&checker)?;
        let money = self.money.map(|money| money.check(&checker)).transpose()?;
        Ok(Profile {
            id: self.id,
            name: self.name,
            protocol: self.protocol,
            class: self.class,
            source: self.source,
            confidence,
            line: Line { framing: Framing { baud, data_bits, parity, stop_bits }, preamble },
            timing,
            password_level: level,
            terminal: None,
            items: Vec::new(),
            status: Vec::new(),
            money,
        })
    }
}

impl RawTiming {
    fn check(&self, checker: &Checker<'_>) -> Result<Patience, ProfileError> {
        let ms = |key, value: u64| {
            let good = (1..=60_000).contains(&value);
            checker.ensure(good, key, value, "1 to 60000 ms").map(|()| Duration::from_millis(value))
        };
        let good = (1..=10).contains(&self.tries);
        checker.ensure(good, "timing.tries", self.tries, "1 to 10")?;
        Ok(Patience {
            answer: ms("timing.answer_ms", self.answer_ms)?,
            gap: ms("timing.gap_ms", self.gap_ms)?,
            money: ms("timing.money_ms", self.money_ms)?,
            silence: Duration::ZERO,
            tries: self.tries,
        })
    }
}

impl RawMoney {
    fn check(&self, checker: &Checker<'_>) -> Result<MoneyRules, ProfileError> {
        checker.ensure((1..=10).contains(&self.rows), "money.rows", self.rows, "1 to 10")?;
        let (price, power) = (self.price_fen_per_kwh, self.power_w);
        let good = (1..=10_000).contains(&price);
        checker.ensure(good, "money.price_fen_per_kwh", price, "1 to 10000")?;
        checker.ensure(
            (1..=10_000_000).contains(&power),
            "money.power_w",
            power,
            "1 to 10000000",
        )?;
        let mut record = [0u32; 4];
        for (di, text) in record.iter_mut().zip(&self.record) {
            // Six digits name the column; the last two are the row, 01 = newest.
            *di = checker.di("money.record", text, 6)? << 8 | 1;
        }
        let at = MoneyAt::Dlt645(Dlt645Money {
            recharge: self.recharge,
            balance: checker.di("money.balance", &self.balance, 8)?,
            overdraft: checker.di("money.overdraft", &self.overdraft, 8)?,
            count: checker.di("money.count", &self.count, 8)?,
            record,
            rows: self.rows,
            hoard: self.hoard.as_deref().map(|t| checker.di("money.hoard", t, 8)).transpose()?,
        });
        let unit = match self.unit {
            RawUnit::Yuan => CreditUnit::Yuan,
            RawUnit::Kwh => CreditUnit::Kwh,
        };
        Ok(MoneyRules { unit, price_fen_per_kwh: price, power_w: power, at })
    }
}
