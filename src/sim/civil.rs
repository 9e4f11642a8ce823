//! Civil date and time as a meter keeps it: no zones, years 2000 to 2099, no leap seconds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::bcd;

const DAY_S: i64 = 86_400;
/// Days from 2000-01-01 to 2100-01-01, the span a two-digit year can name.
const CENTURY_DAYS: i64 = 36_525;

/// A date and time of day, local to the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Civil {
    /// 0 to 99, from 2000.
    pub year: u8,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

/// A text that is no date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 2026-11-20T08:00:00, got {0:?}")]
pub struct CivilError(String);

fn days_in(year: u8, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Civil {
    /// Checks the fields; `None` if there is no such moment.
    pub fn new(date: (u8, u8, u8), time: (u8, u8, u8)) -> Option<Self> {
        let ((year, month, day), (hour, minute, second)) = (date, time);
        let date_good =
            year < 100 && (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month);
        let time_good = hour < 24 && minute < 60 && second < 60;
        (date_good && time_good).then_some(Self { year, month, day, hour, minute, second })
    }

    /// The moment so many seconds after 2000-01-01T00:00:00, kept within the century.
    pub fn from_seconds(seconds: i64) -> Self {
        let seconds = seconds.clamp(0, CENTURY_DAYS * DAY_S - 1);
        let (mut days, rest) = (seconds / DAY_S, seconds % DAY_S);
        let (mut year, mut month) = (0u8, 1u8);
        loop {
            let length = if year.is_multiple_of(4) { 366 } else { 365 };
            if days < length || year == 99 {
                break;
            }
            days -= length;
            year += 1;
        }
        while month < 12 && days >= i64::from(days_in(year, month)) {
            days -= i64::from(days_in(year, month));
            month += 1;
        }
        // All within small ranges after the clamp above, so the casts lose nothing.
        Self {
            year,
            month,
            day: days as u8 + 1,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
        }
    }

    /// Seconds since 2000-01-01T00:00:00.
    pub fn seconds(self) -> i64 {
        let years: i64 =
            (0..self.year).map(|year| if year.is_multiple_of(4) { 366 } else { 365 }).sum();
        let months: i64 = (1..self.month).map(|month| i64::from(days_in(self.year, month))).sum();
        let days = years + months + i64::from(self.day) - 1;
        days * DAY_S + self.second_of_day()
    }

    /// Seconds since midnight.
    pub fn second_of_day(self) -> i64 {
        i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second)
    }

    /// Day of the week, 0 = Sunday (DL/T 645-2007, 04000101).
    pub fn weekday(self) -> u8 {
        // 2000-01-01 was a Saturday.
        ((self.seconds() / DAY_S + 6) % 7) as u8
    }

    /// `YYMMDDWW` as sent: WW DD MM YY.
    pub(super) fn date_bytes(self) -> [u8; 4] {
        [
            bcd::byte(self.weekday()),
            bcd::byte(self.day),
            bcd::byte(self.month),
            bcd::byte(self.year),
        ]
    }

    /// `hhmmss` as sent: ss mm hh.
    pub(super) fn time_bytes(self) -> [u8; 3] {
        [bcd::byte(self.second), bcd::byte(self.minute), bcd::byte(self.hour)]
    }

    /// `YYMMDDhhmmss` as sent: ss mm hh DD MM YY.
    pub(super) fn stamp(self) -> [u8; 6] {
        let [s, m, h] = self.time_bytes();
        [s, m, h, bcd::byte(self.day), bcd::byte(self.month), bcd::byte(self.year)]
    }

    /// `YYMMDDhhmm` as sent: mm hh DD MM YY.
    pub(super) fn short_stamp(self) -> [u8; 5] {
        let [_, rest @ ..] = self.stamp();
        rest
    }

    /// Reads ss mm hh DD MM YY.
    pub(super) fn from_stamp(bytes: &[u8]) -> Option<Self> {
        let field = |at: usize| bytes.get(at).copied().and_then(bcd::plain);
        Self::new((field(5)?, field(4)?, field(3)?), (field(2)?, field(1)?, field(0)?))
    }
}

impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "20{year:02}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

impl FromStr for Civil {
    type Err = CivilError;
    fn from_str(text: &str) -> Result<Self, CivilError> {
        let parse = || {
            let (date, time) = text.trim().strip_prefix("20")?.split_once(['T', ' '])?;
            let mut date = date.splitn(3, '-').map(|part| part.parse::<u8>().ok());
            let mut time = time.splitn(3, ':').map(|part| part.parse::<u8>().ok());
            let date = (date.next()??, date.next()??, date.next()??);
            let time = (time.next()??, time.next()??, time.next()??);
            Self::new(date, time)
        };
        parse().ok_or_else(|| CivilError(text.to_owned()))
    }
}

impl TryFrom<String> for Civil {
    type Error = CivilError;
    fn try_from(text: String) -> Result<Self, CivilError> {
        text.parse()
    }
}

impl From<Civil> for String {
    fn from(civil: Civil) -> Self {
        civil.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_fields_agree_for_a_century() {
        let mut seconds = 0;
        while seconds < CENTURY_DAYS * DAY_S {
            let civil = Civil::from_seconds(seconds);
            assert_eq!(civil.seconds(), seconds, "{civil}");
            assert_eq!(civil.to_string().parse(), Ok(civil));
            assert_eq!(Civil::from_stamp(&civil.stamp()), Some(civil));
            seconds += 7 * DAY_S / 2 + 12_347;
        }
    }

    #[test]
    fn known_days() {
        for (text, weekday) in [
            ("2000-01-01T00:00:00", 6),
            ("2021-07-07T18:40:02", 3),
            ("2024-02-29T12:00:00", 4),
            ("2026-11-20T08:00:00", 5),
        ] {
            let civil: Civil = text.parse().unwrap();
            assert_eq!(civil.weekday(), weekday, "{text}");
        }
        for bad in ["2026-02-29T00:00:00", "2026-13-01T00:00:00", "2026-01-01", "", "20-1-1T1:1"] {
            assert!(bad.parse::<Civil>().is_err(), "{bad:?}");
        }
    }
}
