//! The card of a meter whose profile lists its items: what has a place of its own there by its
//! name, the rest as a list behind it.

use sha2::{Digest, Sha256};

use super::read::{ALARMS, alarm_name};
use crate::jobs::address::BusAddress;
use crate::jobs::readout::{self, Got, Readout};
use crate::jobs::views::{Failure, QuickRead, Stage};
use crate::jobs::{Line, evidence};
use crate::profile::{Item, KNOWN_ITEMS, Profile, Protocol};
use crate::protocol::value::{Decimal, Value};
use crate::store::Reading;
use crate::units::{
    BusPlace, Credit, CreditUnit, Energy, MeterNo, PurchaseCount, RelayState, UnixSeconds,
};

/// How a clock's value is written by every form and table.
const CLOCK: &str = "%Y-%m-%d %H:%M:%S";

/// Reads everything the profile lists.
///
/// # Errors
/// As [`readout::readout`].
pub(super) fn read(
    line: &mut Line<'_>,
    meter: MeterNo,
    place: &BusPlace,
) -> Result<(QuickRead, Reading), Failure> {
    let address = BusAddress::of(line.profile, place, meter)?;
    let profile = line.profile;
    let of = u32::try_from(profile.items.len()).unwrap_or(u32::MAX);
    (line.progress)(Stage::Reading, 0, of);
    let found = readout::readout(line, &address, &profile.items)?;
    (line.progress)(Stage::Reading, of, of);
    let view = card(line, meter, &found);
    Ok((view.clone(), journaled(profile, &view, &found)))
}

/// Names of items that the nine questions have answered already.
const ASKED: [&str; 12] = [
    "energy",
    "balance",
    "overdraft",
    "count",
    "voltage-a",
    "voltage-b",
    "voltage-c",
    "current-a",
    "current-b",
    "current-c",
    "power",
    "clock",
];

/// Reads what a profile of DL/T 645-2007 lists beyond the card, and adds it.
///
/// # Errors
/// As [`readout::readout`].
pub(super) fn further(
    line: &mut Line<'_>,
    view: &mut QuickRead,
    reading: &mut Reading,
    asked: MeterNo,
) -> Result<(), Failure> {
    let profile = line.profile;
    let new = |item: &&Item| !ASKED.contains(&item.name.as_str()) && item.name != "status";
    let items: Vec<Item> = profile.items.iter().filter(new).cloned().collect();
    if items.is_empty() {
        return Ok(());
    }
    let found = readout::readout(line, &BusAddress::Dlt645(asked), &items)?;
    let named = found.values.iter().map(|got| (got.name.clone(), got.shown()));
    view.others.extend(named);
    view.missing.extend(found.missing.iter().cloned());
    let took = u64::try_from(found.took.as_millis()).unwrap_or(u64::MAX);
    view.took_ms = view.took_ms.saturating_add(took);
    view.read_at = line.now();
    let more = journaled(profile, view, &found);
    reading.items.extend(more.items);
    (reading.profile, reading.took_ms, reading.read_at) =
        (more.profile, view.took_ms, view.read_at);
    let mut digest = Sha256::new();
    digest.update(reading.frames_digest);
    digest.update(found.digest);
    reading.frames_digest = digest.finalize().into();
    Ok(())
}

/// What goes into the journal: identifiers of DL/T 645 as they came, everything else by name.
fn journaled(profile: &Profile, view: &QuickRead, found: &Readout) -> Reading {
    let dlt645 = matches!(profile.protocol, Protocol::Dlt645_2007 | Protocol::Dlt645_1997);
    let di = |got: &Got| match profile.items.iter().find(|item| item.name == got.name) {
        Some(Item { at: crate::profile::Place::Di(di), .. }) if dlt645 => Some(*di),
        _ => None,
    };
    let items = found.values.iter().filter_map(|got| Some((di(got)?, got.raw.clone())));
    let named = found.values.iter().filter(|got| di(got).is_none());
    Reading {
        meter: view.meter,
        items: items.collect(),
        profile: profile.id.clone(),
        values: named.map(|got| (got.name.clone(), got.shown())).collect(),
        evidence: None,
        shown: super::read::shown(view),
        read_at: view.read_at,
        took_ms: view.took_ms,
        frames_digest: found.digest,
    }
}

fn card(line: &Line<'_>, meter: MeterNo, found: &Readout) -> QuickRead {
    let mut values = Values { profile: line.profile, left: found.values.iter().collect() };
    let bits = values.bits();
    let clock = values.clock();
    let mut view = QuickRead {
        meter,
        profile: line.profile.id.clone(),
        energy: values.number("energy", &["kWh"], 2).map(Energy),
        balance: values.credit("balance"),
        overdraft: values.number("overdraft", &["yuan", "kWh", ""], 2),
        count: values.count(),
        voltage_dv: values.phases("voltage", "V", 1),
        current_ma: values.phases("current", "A", 3),
        power_dw: values.number("power", &["kW"], 4),
        clock,
        drift_s: evidence::drift(line, clock),
        relay: relay(&bits),
        status: [None; 7],
        alarms: bits.iter().filter_map(|(name, set)| alarm_name(name).filter(|_| *set)).collect(),
        missing: found.missing.clone(),
        others: Vec::new(),
        took_ms: u64::try_from(found.took.as_millis()).unwrap_or(u64::MAX),
        read_at: line.now(),
    };
    view.others = values.others();
    let damaged = found.damaged.iter();
    view.others.extend(damaged.map(|line| ("damaged".to_owned(), line.clone())));
    let own = |name: &str| ALARMS.iter().any(|(.., known)| *known == name);
    let bare = bits.iter().filter(|(name, set)| *set && !own(name));
    view.others.extend(bare.map(|(name, _)| ("status".to_owned(), name.clone())));
    view
}

/// Whether the load is connected, where a status bit tells.
fn relay(bits: &[(String, bool)]) -> Option<RelayState> {
    let told = |name: &str| bits.iter().find(|(bit, _)| bit == name).map(|(_, set)| *set);
    match (told("relay-open"), told("relay-closed")) {
        (Some(open), _) => Some(if open { RelayState::Open } else { RelayState::Closed }),
        (None, Some(closed)) => Some(if closed { RelayState::Closed } else { RelayState::Open }),
        (None, None) => None,
    }
}

/// Values not yet placed on the card.
struct Values<'a> {
    profile: &'a Profile,
    left: Vec<&'a Got>,
}

impl Values<'_> {
    /// Takes a number with `decimals` places, if it is there in one of the units; another unit
    /// stays in the list, said as it is.
    fn number(&mut self, name: &str, units: &[&str], decimals: u8) -> Option<i64> {
        let at = self.left.iter().position(|got| got.name == name)?;
        let got = self.left.get(at)?;
        let Value::Number(number) = got.value else { return None };
        let known = units.iter().any(|unit| got.unit.eq_ignore_ascii_case(unit));
        // A thousandth of a unit that is known: DLMS counts in Wh and W.
        let milli = units.iter().any(|unit| unit.strip_prefix('k') == Some(got.unit.as_str()));
        let number = match (known, milli, number.decimals.checked_add(3)) {
            (true, ..) => number,
            (false, true, Some(decimals)) => Decimal { decimals, ..number },
            _ => return None,
        };
        let value = rounded(number, decimals)?;
        self.left.remove(at);
        Some(value)
    }

    fn count(&mut self) -> Option<PurchaseCount> {
        let count = self.number("count", &["", "times"], 0)?;
        u32::try_from(count).ok().map(PurchaseCount)
    }

    fn credit(&mut self, name: &str) -> Option<Credit> {
        let unit = self.left.iter().find(|got| got.name == name).map(|got| got.unit.clone())?;
        let own = self.profile.money.as_ref().map(|money| money.unit);
        let unit = match unit.to_ascii_lowercase().as_str() {
            "kwh" => CreditUnit::Kwh,
            "yuan" => CreditUnit::Yuan,
            _ => own?,
        };
        let value = self.number(name, &["kWh", "yuan", ""], 2)?;
        Some(Credit { value, unit })
    }

    /// The three phases; a single-phase meter has the first alone.
    fn phases(&mut self, name: &str, unit: &str, decimals: u8) -> [Option<i64>; 3] {
        ["a", "b", "c"].map(|phase| self.number(&format!("{name}-{phase}"), &[unit], decimals))
    }

    fn clock(&mut self) -> Option<UnixSeconds> {
        let at = self.left.iter().position(|got| got.name == "clock")?;
        let Value::Text(text) = &self.left.get(at)?.value else { return None };
        let time = jiff::civil::DateTime::strptime(CLOCK, text).ok()?;
        let utc = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        self.left.remove(at);
        Some(UnixSeconds(utc.timestamp().as_second()))
    }

    /// The named bits of the status words, and whether they are set.
    fn bits(&mut self) -> Vec<(String, bool)> {
        let mut bits = Vec::new();
        for bit in &self.profile.status {
            let got = self.left.iter().find(|got| got.name == bit.item);
            let word = match got.map(|got| &got.value) {
                Some(Value::Number(Decimal { digits, decimals: 0 })) => *digits,
                Some(Value::Text(hex)) => match i64::from_str_radix(hex, 16) {
                    Ok(word) => word,
                    Err(_) => continue,
                },
                _ => continue,
            };
            let set = word.checked_shr(u32::from(bit.bit)).is_some_and(|rest| rest & 1 == 1);
            bits.push((bit.name.clone(), set));
        }
        // A word whose bits are said needs no number beside them.
        self.left.retain(|got| self.profile.status.iter().all(|bit| bit.item != got.name));
        bits
    }

    /// What has no place of its own, known names first and in their order.
    fn others(&self) -> Vec<(String, String)> {
        let rank = |got: &&Got| KNOWN_ITEMS.iter().position(|name| *name == got.name);
        let mut left: Vec<&Got> = self.left.clone();
        left.sort_by_key(|got| rank(got).unwrap_or(usize::MAX));
        left.into_iter().map(|got| (got.name.clone(), got.shown())).collect()
    }
}

/// The number with that many places: exact, or the nearest where the meter gives more.
fn rounded(number: Decimal, decimals: u8) -> Option<i64> {
    if let Some(exact) = number.scaled(decimals) {
        return Some(exact);
    }
    let spare = number.decimals.checked_sub(decimals)?;
    let unit = 10i64.checked_pow(u32::from(spare))?;
    let half = unit / 2 * number.digits.signum();
    number.digits.checked_add(half).map(|digits| digits / unit)
}
