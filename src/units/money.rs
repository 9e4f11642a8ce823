//! Money, energy, and what a token credits: one or the other, in integers.

use std::fmt;

/// Writes a number of hundredths as `-12.34`.
fn hundredths(value: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    f.pad(&format!("{sign}{}.{:02}", size / 100, size % 100))
}

/// Reads `12`, `12.3`, `-12.34` as hundredths; `None` for anything else.
fn parse_hundredths(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || part.len() > 2 || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    let value = whole.checked_mul(100)?.checked_add(part)?;
    Some(if negative { -value } else { value })
}

macro_rules! hundredths {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub i64);

        impl $name {
            /// Reads `12`, `12.3` or `-12.34`; `None` for anything else.
            pub fn parse(text: &str) -> Option<Self> {
                parse_hundredths(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hundredths(self.0, f)
            }
        }
    };
}

hundredths! {
    /// An amount of money in fen (0.01 CNY). Printed in yuan with two decimals.
    Money
}

hundredths! {
    /// An amount of energy in 0.01 kWh. Printed in kWh with two decimals.
    Energy
}

/// What a prepaid account is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CreditUnit {
    /// 0.01 CNY.
    Yuan,
    /// 0.01 kWh.
    Kwh,
}

impl CreditUnit {
    /// The symbol printed behind a number.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Yuan => "CNY",
            Self::Kwh => "kWh",
        }
    }
}

/// An amount of credit: hundredths of a yuan or of a kilowatt-hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Credit {
    /// Hundredths of `unit`.
    pub value: i64,
    /// What is counted.
    pub unit: CreditUnit,
}

impl Credit {
    /// The same unit, another value.
    pub fn with(self, value: i64) -> Self {
        Self { value, ..self }
    }
}

impl fmt::Display for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Money(self.value), self.unit.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundredths_read_back() {
        for (text, value) in [("0", 0), ("12", 1200), ("12.3", 1230), ("-0.05", -5)] {
            assert_eq!(Money::parse(text), Some(Money(value)), "{text}");
        }
        assert_eq!(Money(-5).to_string(), "-0.05");
        assert_eq!(format!("{:>8}", Energy(1234)), "   12.34");
        for bad in ["", ".5", "1.234", "1,2", "1e3", "--1", "99999999999999999999"] {
            assert_eq!(Money::parse(bad), None, "{bad:?} must not parse");
        }
    }
}
