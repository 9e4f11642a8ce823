//! Whether a reading can be true, and what it says about the meter: against the last one, the list
//! and what the meter itself reports. Pure.
//!
//! An anomaly is never a correction: the reading stays as the meter gave it. Every bound is written
//! once, here, with its reason, and tested on both sides.

use super::facts::{Facts, Past, Seen};
use super::list::Expected;
use crate::units::{CreditUnit, UnixSeconds};

/// A register of `XXXXXX.XX` begins again behind this, 0.01 kWh.
pub const REGISTER_END: i64 = 100_000_000;
/// Watt-seconds in 0.01 kWh.
const UNIT_WS: i128 = 36_000;
/// A register that stands still for less than a day says nothing.
pub const STILL_S: i64 = 86_400;
/// Power at which a register must move within a day, 0.1 W: 10 W are 0.24 kWh.
pub const MOVES_DW: i64 = 100;
/// Drift of a clock that is not worth a word, s.
pub const DRIFT_FINE_S: i64 = 60;
/// Up to here a clock may be set gently (`reference/field-work.md` P3), s.
pub const DRIFT_SMALL_S: i64 = 300;
/// Beyond this a clock is wrong, not late, s.
pub const DRIFT_LARGE_S: i64 = 900;
/// Balance and energy are cut to hundredths at different moments: so much they may differ, 0.01
/// kWh.
pub const BALANCE_SLACK_KWH: i64 = 2;
/// The same for money, fen.
pub const BALANCE_SLACK_FEN: i64 = 100;
/// No tariff of the seeds comes near it: more than this for a kilowatt-hour is another cause, fen.
pub const DEAREST_FEN: i64 = 1_000;
/// Current a directly connected meter carries at most, A, where nothing better is known.
pub const DIRECT_A: u64 = 100;
/// Nominal voltage, V, likewise.
pub const NOMINAL_V: u64 = 220;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// To be known.
    Notice,
    /// To be looked at.
    Warning,
    /// The reading or the meter cannot be relied on.
    Alarm,
}

impl Severity {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Notice, Self::Warning, Self::Alarm].into_iter().find(|own| own.as_str() == name)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $severity:ident;)*) => {
        /// What is odd.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Stable name; `text::work` has the words and the next step.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How much it matters.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

kinds! {
    /// The register shows less than before.
    Backwards = "register-backwards", Alarm;
    /// The register moved more than the connection can carry.
    Jump = "register-jump", Alarm;
    /// No use although there was use, or power flows now.
    ZeroUse = "zero-use", Warning;
    /// The purchase count went back.
    CountBehind = "count-behind", Alarm;
    /// The purchase count is ahead of what is known here.
    CountAhead = "count-ahead", Warning;
    /// The balance does not follow from use and purchases.
    Balance = "balance-mismatch", Alarm;
    /// The meter's cover was opened.
    Cover = "meter-cover-opened", Alarm;
    /// The terminal cover was opened.
    TerminalCover = "terminal-cover-opened", Warning;
    /// The clock is a little off.
    ClockDrift = "clock-drift", Notice;
    /// The clock is off.
    ClockOff = "clock-off", Warning;
    /// The clock is wrong, or the meter says so.
    ClockWrong = "clock-wrong", Alarm;
    /// Credit control is switched off.
    KeepPower = "keep-power-left-on", Warning;
    /// Another current transformer ratio than listed or before.
    Ratio = "ct-ratio-differs", Alarm;
    /// Energy flows backwards.
    Reverse = "reverse-energy", Warning;
    /// A battery is low.
    Battery = "battery-is-low", Warning;
}

impl Kind {
    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// Something odd, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// What.
    pub kind: Kind,
    /// The value before, or the one that was expected; a figure or a stable word.
    pub was: String,
    /// The value now.
    pub is: String,
    /// Seconds between the two, where they have times.
    pub age_s: Option<i64>,
}

/// What a reading is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Against<'a> {
    /// What was known of the meter before.
    pub past: &'a Past,
    /// What the list says.
    pub expected: &'a Expected,
    /// Since when this handheld remembers credit control to be off.
    pub kept_since: Option<UnixSeconds>,
}

/// Everything odd about a reading, in the order of [`Kind::ALL`].
pub fn judge(now: &Facts, against: &Against<'_>) -> Vec<Anomaly> {
    let Against { past, expected, kept_since } = *against;
    let mut found = Vec::new();
    found.extend(register(now, past, expected));
    found.extend(count(now, past, expected));
    found.extend(balance(now, past));
    found.extend(more(Kind::Cover, now.cover, past.cover, now.at));
    found.extend(terminal(now, past));
    found.extend(clock(now));
    found.extend(keep_power(now, kept_since));
    found.extend(ratio(now, past, expected));
    found.extend(reverse(now, past));
    found.extend(battery(now));
    found
}

fn anomaly(
    kind: Kind,
    was: impl ToString,
    is: impl ToString,
    age_s: Option<i64>,
) -> Option<Anomaly> {
    Some(Anomaly { kind, was: was.to_string(), is: is.to_string(), age_s })
}

/// What the connection carries at most, W: the list's figure, else the meter's nameplate, else a
/// direct connection of [`DIRECT_A`] on the phases it has.
pub fn limit_w(now: &Facts, expected: &Expected) -> u64 {
    let phases = u64::from(now.phases.clamp(1, 3));
    let (volts, amperes) = (now.rated_v.unwrap_or(NOMINAL_V), now.rated_a.unwrap_or(DIRECT_A));
    expected.max_w.unwrap_or_else(|| volts.saturating_mul(amperes).saturating_mul(phases))
}

/// The most 0.01 kWh that can flow in so many seconds at so many watts, with one for the rounding
/// of either reading.
pub fn most(watts: u64, seconds: i64) -> i64 {
    let units = i128::from(watts) * i128::from(seconds.max(0)) / UNIT_WS;
    i64::try_from(units.saturating_add(1)).unwrap_or(i64::MAX)
}

/// The last energy: of the list if that is newer, or nothing else is known.
fn last_energy(past: &Past, expected: &Expected) -> Option<(i64, Option<UnixSeconds>)> {
    let own = past.energy.map(|seen| (seen.value, Some(seen.at)));
    let listed = expected.energy.map(|energy| (energy.0, expected.energy_at));
    match (own, listed) {
        (Some((_, Some(at))), Some((_, Some(listed_at)))) if listed_at > at => listed,
        (None, listed) => listed,
        (own, _) => own,
    }
}

fn register(now: &Facts, past: &Past, expected: &Expected) -> Option<Anomaly> {
    let energy = now.energy?;
    let (last, at) = last_energy(past, expected)?;
    let age = at.map(|at| now.at.0.saturating_sub(at.0));
    let watts = limit_w(now, expected);
    let beyond = |used: i64| age.is_some_and(|age| used > most(watts, age));
    let shown = |kind| anomaly(kind, kwh(last), kwh(energy), age);
    let used = energy.saturating_sub(last);
    if used < 0 {
        // It began again at its end, if that much can have flowed.
        let wrapped = used.saturating_add(REGISTER_END);
        let can = age.is_some_and(|age| wrapped <= most(watts, age)) && wrapped < REGISTER_END / 2;
        return if can { None } else { shown(Kind::Backwards) };
    }
    if beyond(used) {
        return shown(Kind::Jump);
    }
    let before = past.energy_before.is_some_and(|seen| seen.value < last);
    let flows = now.power_dw.is_some_and(|power| power >= MOVES_DW);
    let still = used == 0 && age.is_some_and(|age| age >= STILL_S) && now.relay_open != Some(true);
    if still && (before || flows) { shown(Kind::ZeroUse) } else { None }
}

fn count(now: &Facts, past: &Past, expected: &Expected) -> Option<Anomaly> {
    let count = now.count?;
    let seen = past.count.map(|seen| (seen.value, Some(now.at.0.saturating_sub(seen.at.0))));
    // What the list expects is the office's word; what was seen cannot be undone either.
    let listed = expected.count.map(|count| (i64::from(count.0), None));
    let known = [seen, listed].into_iter().flatten().max_by_key(|(value, _)| *value);
    let (was, age) = known?;
    match count.cmp(&was) {
        std::cmp::Ordering::Less => anomaly(Kind::CountBehind, was, count, age),
        std::cmp::Ordering::Greater => anomaly(Kind::CountAhead, was, count, age),
        std::cmp::Ordering::Equal => None,
    }
}

/// Without a purchase in between the balance can only fall, and by what the energy costs.
fn balance(now: &Facts, past: &Past) -> Option<Anomaly> {
    let (net, unit) = (now.net?, now.unit?);
    let was = past.net?;
    let same = past.count.is_some_and(|seen| Some(seen.value) == now.count && seen.at == was.at);
    if !same || past.unit != Some(unit) {
        return None;
    }
    let age = now.at.0.saturating_sub(was.at.0);
    let spent = was.value.saturating_sub(net);
    let energy = past.energy.filter(|seen| seen.at == was.at);
    let used = now.energy.zip(energy).map(|(now, then)| now.saturating_sub(then.value));
    let odd = match (unit, used) {
        (CreditUnit::Kwh, Some(used)) => {
            used >= 0 && (spent.saturating_sub(used)).abs() > BALANCE_SLACK_KWH
        }
        (CreditUnit::Kwh, None) => spent < -BALANCE_SLACK_KWH,
        (CreditUnit::Yuan, Some(used)) => {
            let dearest = used.max(0).saturating_mul(DEAREST_FEN) / 100 + BALANCE_SLACK_FEN;
            spent < 0 || spent > dearest
        }
        (CreditUnit::Yuan, None) => spent < 0,
    };
    let shown = |value: i64| format!("{} {}", kwh(value), unit.symbol());
    if odd { anomaly(Kind::Balance, shown(was.value), shown(net), Some(age)) } else { None }
}

/// A counter of events that only grows.
fn more(kind: Kind, now: Option<i64>, past: Option<Seen>, at: UnixSeconds) -> Option<Anomaly> {
    let (now, past) = (now?, past?);
    let age = at.0.saturating_sub(past.at.0);
    // A counter that went back was cleared, which is no better.
    if now == past.value { None } else { anomaly(kind, past.value, now, Some(age)) }
}

fn terminal(now: &Facts, past: &Past) -> Option<Anomaly> {
    let counted = more(Kind::TerminalCover, now.terminal_cover, past.terminal_cover, now.at);
    let open = now.bit(7, 10);
    counted.or_else(|| open.then(|| anomaly(Kind::TerminalCover, "closed", "open", None)).flatten())
}

fn clock(now: &Facts) -> Option<Anomaly> {
    if now.bit(1, 15) {
        return anomaly(Kind::ClockWrong, "-", "clock-error", None);
    }
    let drift = now.drift_s?;
    let kind = match drift.saturating_abs() {
        off if off <= DRIFT_FINE_S => return None,
        off if off <= DRIFT_SMALL_S => Kind::ClockDrift,
        off if off <= DRIFT_LARGE_S => Kind::ClockOff,
        _ => Kind::ClockWrong,
    };
    anomaly(kind, "0 s", format!("{drift:+} s"), None)
}

/// The status bit, or what this handheld remembers where the meter shows no status.
fn keep_power(now: &Facts, since: Option<UnixSeconds>) -> Option<Anomaly> {
    let age = since.map(|since| now.at.0.saturating_sub(since.0));
    match now.keep_power() {
        Some(true) => anomaly(Kind::KeepPower, "off", "on", age),
        None if since.is_some() => anomaly(Kind::KeepPower, "on", "unknown", age),
        _ => None,
    }
}

fn ratio(now: &Facts, past: &Past, expected: &Expected) -> Option<Anomaly> {
    let ct = now.ct?;
    // Unset is how a directly connected meter says one.
    let plain = |ct: i64| ct.max(1);
    let listed = expected.ct.map(|ct| (i64::from(ct), None));
    let seen = past.ct.map(|seen| (seen.value, Some(now.at.0.saturating_sub(seen.at.0))));
    let odd = |known: &(i64, Option<i64>)| plain(known.0) != plain(ct);
    let (was, age) = [listed, seen].into_iter().flatten().find(odd)?;
    anomaly(Kind::Ratio, was, ct, age)
}

fn reverse(now: &Facts, past: &Past) -> Option<Anomaly> {
    if let (Some(energy), Some(seen)) = (now.reverse, past.reverse)
        && energy > seen.value
    {
        let age = now.at.0.saturating_sub(seen.at.0);
        return anomaly(Kind::Reverse, kwh(seen.value), kwh(energy), Some(age));
    }
    let phases = now.status[1].is_some_and(|word| word & 0x0007 != 0);
    if now.bit(1, 4) || phases {
        return anomaly(Kind::Reverse, "-", "active-reverse", None);
    }
    None
}

fn battery(now: &Facts) -> Option<Anomaly> {
    let name = match (now.bit(1, 2), now.bit(1, 3)) {
        (true, _) => "clock-battery-low",
        (false, true) => "reading-battery-low",
        (false, false) => return None,
    };
    anomaly(Kind::Battery, "-", name, None)
}

/// Hundredths as a decimal number.
pub fn kwh(value: i64) -> String {
    crate::units::Energy(value).to_string()
}

#[cfg(test)]
#[path = "plausible_tests.rs"]
mod tests;
