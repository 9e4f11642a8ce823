//! Meter models as data: which protocol, line settings, where the money stands, how a recharge
//! looks.
//!
//! A profile is a TOML file. The built-in ones are compiled in; an operator can add others without
//! a build. Reading one checks everything at once and names the key that is wrong, so that a
//! mistake shows when the profile is loaded and not in front of a meter. Nothing here knows a
//! protocol: identifiers are numbers, and `jobs` hands them to the protocol named.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::units::CreditUnit;

/// The profile used when nothing else is said.
pub const DEFAULT: &str = "dlt645-2007-c";

const BUILT_IN: &[&str] = &[
    include_str!("profile/dlt645-2007-c.toml"),
    include_str!("profile/dlt645-2007-c-kwh.toml"),
    include_str!("profile/dlt645-2007-b.toml"),
    include_str!("profile/tms.toml"),
];

/// Longest profile file that is read, bytes.
pub const MAX_FILE: usize = 64 * 1024;

/// A meter model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its stable name, as stored with a meter.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// Who verifies the money.
    pub class: Class,
    /// Where the facts come from.
    pub source: String,
    /// How sure they are: A the maker's manual .. D orientation only.
    pub confidence: char,
    /// Serial line settings.
    pub line: Line,
    /// How long things may take.
    pub timing: Patience,
    /// Password level (PA) for writes; the password itself is the operator's secret.
    pub password_level: u8,
    /// Where the money is.
    pub money: MoneyRules,
}

/// Protocols a profile can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// DL/T 645, edition 2007.
    #[serde(rename = "dlt645-2007")]
    Dlt645_2007,
}

/// Assurance class: who verifies a recharge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Class {
    /// The meter itself verifies the token.
    A,
    /// A security module; without one in the handheld the meter is read-only offline.
    B,
    /// Only the handheld; the meter arbitrates by its purchase count.
    C,
}

/// Serial line settings as numbers; `jobs` turns them into the transport's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Bits per second.
    pub baud: u32,
    /// Parity.
    pub parity: Parity,
    /// Data bits, 7 or 8.
    pub data_bits: u8,
    /// Stop bits, 1 or 2.
    pub stop_bits: u8,
    /// FE bytes before a request.
    pub preamble: u8,
}

/// Parity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// How long to wait, and how often to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until the first byte of an answer to a read.
    pub answer: Duration,
    /// Longest pause inside a frame.
    pub gap: Duration,
    /// Until the first byte of an answer to a recharge.
    pub money: Duration,
    /// How often a read is tried.
    pub tries: u8,
}

/// How a meter keeps its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoneyRules {
    /// What the account is kept in.
    pub unit: CreditUnit,
    /// The layout of the recharge frame.
    pub recharge: Layout,
    /// Identifier of the balance.
    pub balance: u32,
    /// Identifier of the overdraft.
    pub overdraft: u32,
    /// Identifier of the purchase count.
    pub count: u32,
    /// Identifiers of count, amount, balance before and after in the newest purchase record.
    pub record: [u32; 4],
    /// How many records the meter keeps.
    pub rows: u8,
    /// Identifier of the largest balance the meter takes, if it has one.
    pub hoard: Option<u32>,
    /// The dearest price, fen per kWh: bounds what consumption can take between two readings.
    pub price_fen_per_kwh: i64,
    /// The largest load, W: the same bound where energy cannot be read.
    pub power_w: i64,
}

impl MoneyRules {
    /// The identifiers of record row `row` (1 = newest), if the meter keeps that many.
    pub fn record_row(&self, row: u32) -> Option<[u32; 4]> {
        let kept = (1..=u32::from(self.rows)).contains(&row);
        kept.then(|| self.record.map(|di| di - 1 + row))
    }
}

/// Layouts of a recharge frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Amount, count, MAC, customer number, MAC (SGCC, CSG).
    Sgcc,
    /// Amount, order number, zero MAC, meter number, zero MAC (TMS).
    Tms,
}

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Longer than [`MAX_FILE`].
    #[error("profile is longer than {MAX_FILE} bytes")]
    TooLong,
    /// Not TOML, a key missing, unknown or of the wrong type; with the place.
    #[error("profile: {0}")]
    Syntax(String),
    /// A value that cannot be.
    #[error("profile {id}: {key} = {value}: expected {expected}")]
    Value { id: String, key: &'static str, value: String, expected: &'static str },
    /// No built-in profile has this name.
    #[error("no profile named {0:?}")]
    Unknown(String),
}

impl Profile {
    /// Reads a profile and checks every value.
    ///
    /// # Errors
    /// [`ProfileError`] naming the key.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        if text.len() > MAX_FILE {
            return Err(ProfileError::TooLong);
        }
        let raw: Raw = toml::from_str(text).map_err(|e| ProfileError::Syntax(e.to_string()))?;
        raw.check()
    }

    /// The built-in profile of that name.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`].
    pub fn built_in(id: &str) -> Result<Self, ProfileError> {
        for text in BUILT_IN {
            let profile = Self::parse(text)?;
            if profile.id == id {
                return Ok(profile);
            }
        }
        Err(ProfileError::Unknown(id.to_owned()))
    }

    /// The names of the built-in profiles.
    pub fn built_in_ids() -> Vec<String> {
        BUILT_IN.iter().filter_map(|text| Self::parse(text).ok()).map(|p| p.id).collect()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: String,
    name: String,
    protocol: Protocol,
    class: Class,
    source: String,
    confidence: String,
    line: Line,
    timing: RawTiming,
    password: RawPassword,
    money: RawMoney,
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
    fn check(self) -> Result<Profile, ProfileError> {
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
        let Line { baud, data_bits, stop_bits, preamble, .. } = self.line;
        checker.ensure((300..=115_200).contains(&baud), "line.baud", baud, "300 to 115200")?;
        checker.ensure((7..=8).contains(&data_bits), "line.data_bits", data_bits, "7 or 8")?;
        checker.ensure((1..=2).contains(&stop_bits), "line.stop_bits", stop_bits, "1 or 2")?;
        checker.ensure(preamble <= 16, "line.preamble", preamble, "0 to 16")?;
        let level = self.password.level;
        checker.ensure(level <= 9, "password.level", level, "0 to 9")?;
        let timing = self.timing.check(&checker)?;
        let money = self.money.check(&checker)?;
        Ok(Profile {
            id: self.id,
            name: self.name,
            protocol: self.protocol,
            class: self.class,
            source: self.source,
            confidence,
            line: self.line,
            timing,
            password_level: level,
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
        Ok(MoneyRules {
            unit: match self.unit {
                RawUnit::Yuan => CreditUnit::Yuan,
                RawUnit::Kwh => CreditUnit::Kwh,
            },
            recharge: self.recharge,
            balance: checker.di("money.balance", &self.balance, 8)?,
            overdraft: checker.di("money.overdraft", &self.overdraft, 8)?,
            count: checker.di("money.count", &self.count, 8)?,
            record,
            rows: self.rows,
            hoard: self.hoard.as_deref().map(|t| checker.di("money.hoard", t, 8)).transpose()?,
            price_fen_per_kwh: price,
            power_w: power,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_are_sound_and_distinct() {
        let mut ids = Profile::built_in_ids();
        assert_eq!(ids.len(), BUILT_IN.len(), "one of the files does not parse");
        assert!(ids.contains(&DEFAULT.to_owned()));
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), BUILT_IN.len());
        let generic = Profile::built_in(DEFAULT).unwrap();
        assert_eq!(generic.class, Class::C);
        assert_eq!(generic.money.record_row(1).unwrap()[0], generic.money.count);
        assert_eq!(generic.money.record_row(10).unwrap()[1], 0x0333_030A);
        assert_eq!(generic.money.record_row(0), None);
        assert_eq!(generic.money.record_row(11), None);
        assert_eq!(Profile::built_in("dlt645-2007-b").unwrap().class, Class::B);
        assert_eq!(Profile::built_in("tms").unwrap().money.recharge, Layout::Tms);
        assert!(matches!(Profile::built_in("x"), Err(ProfileError::Unknown(_))));
    }

    #[test]
    fn a_mistake_is_named() {
        let good = BUILT_IN[0];
        for (from, to, expect) in [
            ("id = \"dlt645-2007-c\"", "id = \"A b\"", "id = A b"),
            ("baud = 2400", "baud = 24", "line.baud = 24: expected 300 to 115200"),
            ("data_bits = 8", "data_bits = 9", "line.data_bits = 9"),
            ("tries = 3", "tries = 0", "timing.tries = 0"),
            ("answer_ms = 500", "answer_ms = 0", "timing.answer_ms = 0"),
            ("level = 2", "level = 10", "password.level = 10"),
            ("\"00900200\"", "\"9002\"", "money.balance = 9002: expected 8 hexadecimal digits"),
            ("\"033303\"", "\"03330301\"", "money.record = 03330301"),
            ("rows = 10", "rows = 11", "money.rows = 11"),
            ("price_fen_per_kwh = 300", "price_fen_per_kwh = 0", "money.price_fen_per_kwh = 0"),
            ("confidence = \"B\"", "confidence = \"E\"", "confidence = E"),
            ("parity = \"even\"", "parity = \"both\"", "unknown variant `both`"),
            ("class = \"C\"", "clas = \"C\"", "unknown field `clas`"),
            ("unit = \"yuan\"", "", "missing field `unit`"),
            ("protocol = \"dlt645-2007\"", "protocol = \"x\"", "unknown variant `x`"),
        ] {
            assert!(good.contains(from), "{from}");
            let error = Profile::parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expect), "{from} -> {to}: {error}");
        }
        assert_eq!(Profile::parse(&" ".repeat(MAX_FILE + 1)), Err(ProfileError::TooLong));
    }
    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String, cut in 0usize..1000, put in ".{0,3}") {
            let _ = Profile::parse(&text);
            let mut near = BUILT_IN[0].to_owned();
            let at = (0..=cut.min(near.len())).rev().find(|at| near.is_char_boundary(*at));
            near.insert_str(at.unwrap_or(0), &put);
            let _ = Profile::parse(&near);
        }
    }
}
