//! What a reading says, in figures that can be compared; and what was known of a meter before, out
//! of the journal.

use crate::jobs::evidence::DI_ENERGY;
use crate::jobs::views::QuickRead;
use crate::protocol::value::read_bcd;
use crate::store::{Event, Reading, Recorded};
use crate::units::{CreditUnit, Energy, ErrandKind, Evidence, RelayState, StepState, UnixSeconds};

/// Reverse active energy, total.
pub const DI_REVERSE: u32 = 0x0002_0000;
/// Current transformer ratio.
pub const DI_CT: u32 = 0x0400_0306;
/// Rated voltage and largest current, ASCII.
pub const DI_VOLTAGE: u32 = 0x0400_0404;
/// Largest current, ASCII.
pub const DI_CURRENT: u32 = 0x0400_0406;
/// How often the meter's cover was opened.
pub const DI_COVER: u32 = 0x0330_0D00;
/// How often the terminal cover was opened.
pub const DI_TERMINAL_COVER: u32 = 0x0330_0E00;
/// What a round reads beyond the card, in the order asked.
pub const EXTRA: [u32; 6] =
    [DI_REVERSE, DI_CT, DI_VOLTAGE, DI_CURRENT, DI_COVER, DI_TERMINAL_COVER];

/// The step a reading of a round is noted under, and the one of a typed figure.
pub const READ: &str = "read";
/// A figure typed by a person.
pub const MANUAL: &str = "manual";

/// What one reading says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// When, by the handheld's clock.
    pub at: UnixSeconds,
    /// Forward active energy, 0.01 kWh.
    pub energy: Option<i64>,
    /// Reverse active energy, 0.01 kWh.
    pub reverse: Option<i64>,
    /// Purchase count.
    pub count: Option<i64>,
    /// Balance less overdraft, hundredths.
    pub net: Option<i64>,
    /// Of what.
    pub unit: Option<CreditUnit>,
    /// Active power, 0.1 W.
    pub power_dw: Option<i64>,
    /// Meter clock minus handheld clock, s.
    pub drift_s: Option<i64>,
    /// Whether the load is cut off.
    pub relay_open: Option<bool>,
    /// Status words 1 to 7.
    pub status: [Option<u16>; 7],
    /// Current transformer ratio.
    pub ct: Option<i64>,
    /// Openings of the meter's cover.
    pub cover: Option<i64>,
    /// Openings of the terminal cover.
    pub terminal_cover: Option<i64>,
    /// Phases seen; 0 where none is known.
    pub phases: u8,
    /// Rated voltage, V.
    pub rated_v: Option<u64>,
    /// Largest current, A.
    pub rated_a: Option<u64>,
}

impl Facts {
    /// Of a card and what was read beyond it.
    pub fn of(card: &QuickRead, items: &[(u32, Vec<u8>)]) -> Self {
        let data = |di: u32| items.iter().find(|(own, _)| *own == di).map(|(_, data)| &data[..]);
        let number = |di: u32| data(di).and_then(|data| read_bcd(data, false));
        let other = |name: &str| {
            let found = card.others.iter().find(|(own, _)| own == name);
            found.and_then(|(_, text)| hundredths(text))
        };
        let net = card.balance.map(|b| b.value.saturating_sub(card.overdraft.unwrap_or(0)));
        Self {
            at: card.read_at,
            energy: card.energy.map(|energy| energy.0),
            reverse: number(DI_REVERSE).or_else(|| other("energy-reverse")),
            count: card.count.map(|count| i64::from(count.0)),
            net,
            unit: card.balance.map(|balance| balance.unit),
            power_dw: card.power_dw,
            drift_s: card.drift_s,
            relay_open: card.relay.map(|relay| relay == RelayState::Open),
            status: card.status,
            ct: number(DI_CT).or_else(|| other("ct").map(|ct| ct / 100)),
            cover: number(DI_COVER),
            terminal_cover: number(DI_TERMINAL_COVER),
            phases: card.voltage_dv.iter().flatten().filter(|volts| **volts > 0).count() as u8,
            rated_v: data(DI_VOLTAGE).and_then(rated).filter(|volts| (50..=1_000).contains(volts)),
            rated_a: data(DI_CURRENT).and_then(rated).filter(|amps| (1..=10_000).contains(amps)),
        }
    }

    /// A figure typed by a person.
    pub fn typed(energy: Energy, at: UnixSeconds) -> Self {
        Self { at, energy: Some(energy.0), ..Self::default() }
    }

    /// A bit of a status word (1 to 7); not set where the word was not read.
    pub fn bit(&self, word: usize, bit: u8) -> bool {
        let word = self.status.get(word.wrapping_sub(1)).copied().flatten();
        word.is_some_and(|word| word >> bit & 1 == 1)
    }

    /// Whether the meter is in keep-power, by its own status; `None` where it showed none.
    pub fn keep_power(&self) -> Option<bool> {
        self.status[2].map(|_| self.bit(3, 12))
    }

    /// The figures that are kept with a round's step, by name.
    pub fn notes(&self) -> Vec<(String, String)> {
        let mut notes = vec![("at".to_owned(), self.at.0.to_string())];
        let relay = self.relay_open.map(i64::from);
        let figures = [
            ("energy", self.energy),
            ("reverse", self.reverse),
            ("count", self.count),
            ("net", self.net),
            ("power", self.power_dw),
            ("drift", self.drift_s),
            ("relay-open", relay),
            ("ct", self.ct),
            ("cover", self.cover),
            ("terminal-cover", self.terminal_cover),
        ];
        let known = figures.into_iter().filter_map(|(name, value)| Some((name, value?)));
        notes.extend(known.map(|(name, value)| (name.to_owned(), value.to_string())));
        if let Some(unit) = self.unit {
            notes.push(("unit".to_owned(), unit_name(unit).to_owned()));
        }
        notes
    }

    /// The same figures out of notes.
    pub fn of_notes(notes: &[(String, String)]) -> Self {
        let text = |name: &str| notes.iter().find(|(own, _)| own == name).map(|(_, text)| text);
        let number = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok());
        Self {
            at: UnixSeconds(number("at").unwrap_or(0)),
            energy: number("energy"),
            reverse: number("reverse"),
            count: number("count"),
            net: number("net"),
            unit: text("unit").and_then(|name| unit_named(name)),
            power_dw: number("power"),
            drift_s: number("drift"),
            relay_open: number("relay-open").map(|open| open != 0),
            ct: number("ct"),
            cover: number("cover"),
            terminal_cover: number("terminal-cover"),
            ..Self::default()
        }
    }
}

/// Stable name of a unit.
pub fn unit_name(unit: CreditUnit) -> &'static str {
    match unit {
        CreditUnit::Yuan => "yuan",
        CreditUnit::Kwh => "kWh",
    }
}

fn unit_named(name: &str) -> Option<CreditUnit> {
    [CreditUnit::Yuan, CreditUnit::Kwh].into_iter().find(|unit| unit_name(*unit) == name)
}

/// The whole number in a nameplate text (`220V`, `5(60)A`): the last one, which of a current with
/// its largest in brackets is the largest.
fn rated(data: &[u8]) -> Option<u64> {
    // The text comes low byte first, like every item.
    let text: String = data.iter().rev().map(|byte| char::from(*byte)).collect();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let last = numbers.rfind(|part| !part.is_empty())?;
    last.split('.').next().and_then(|whole| whole.parse().ok())
}

/// A figure with two decimals and perhaps a unit behind it, in hundredths.
fn hundredths(text: &str) -> Option<i64> {
    let number = text.split_whitespace().next()?;
    let short = number.split_once('.').map_or(number, |(whole, part)| {
        number.get(..whole.len() + 1 + part.len().min(2)).unwrap_or(number)
    });
    Energy::parse(short).map(|value| value.0)
}

/// A figure and when it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The figure.
    pub value: i64,
    /// When.
    pub at: UnixSeconds,
}

/// What was known of a meter: each figure as last seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Forward active energy.
    pub energy: Option<Seen>,
    /// The energy before that one.
    pub energy_before: Option<Seen>,
    /// Reverse active energy.
    pub reverse: Option<Seen>,
    /// Purchase count.
    pub count: Option<Seen>,
    /// Balance less overdraft.
    pub net: Option<Seen>,
    /// Of what.
    pub unit: Option<CreditUnit>,
    /// Current transformer ratio.
    pub ct: Option<Seen>,
    /// Openings of the meter's cover.
    pub cover: Option<Seen>,
    /// Openings of the terminal cover.
    pub terminal_cover: Option<Seen>,
}

impl Past {
    /// Out of a meter's journal entries, newest first. Figures that people typed are no evidence
    /// for the meter's own and are left out.
    pub fn of(events: &[Recorded]) -> Self {
        let mut past = Self::default();
        for facts in events.iter().filter_map(|entry| facts_of(&entry.event)) {
            past.add(&facts);
        }
        past
    }

    /// Adds an older reading.
    pub fn add(&mut self, older: &Facts) {
        let seen = |value: Option<i64>| value.map(|value| Seen { value, at: older.at });
        match (self.energy, seen(older.energy)) {
            (None, energy) => self.energy = energy,
            // The same reading, noted twice.
            (Some(own), Some(energy)) if energy.at < own.at => {
                self.energy_before = self.energy_before.or(Some(energy));
            }
            _ => {}
        }
        self.reverse = self.reverse.or_else(|| seen(older.reverse));
        self.count = self.count.or_else(|| seen(older.count));
        if self.net.is_none() && older.net.is_some() {
            (self.net, self.unit) = (seen(older.net), older.unit);
        }
        self.ct = self.ct.or_else(|| seen(older.ct));
        self.cover = self.cover.or_else(|| seen(older.cover));
        self.terminal_cover = self.terminal_cover.or_else(|| seen(older.terminal_cover));
    }
}

/// What a journal entry says about its meter.
fn facts_of(event: &Event) -> Option<Facts> {
    match event {
        Event::Step(step) if step.kind == ErrandKind::Round && step.state == StepState::Done => {
            (step.name == READ).then(|| Facts::of_notes(&step.notes))
        }
        Event::Reading(reading) => Some(of_reading(reading)),
        Event::Intent { before, .. } => Some(of_evidence(before)),
        Event::Outcome { judgement, .. } => judgement.after.as_ref().map(of_evidence),
        _ => None,
    }
}

fn of_evidence(evidence: &Evidence) -> Facts {
    Facts {
        at: evidence.read_at,
        energy: evidence.energy.map(|energy| energy.0),
        count: Some(i64::from(evidence.count.0)),
        net: Some(evidence.balance.value.saturating_sub(evidence.overdraft)),
        unit: Some(evidence.balance.unit),
        ..Facts::default()
    }
}

/// A reading outside a round: what its identifiers and names tell without a profile.
fn of_reading(reading: &Reading) -> Facts {
    let mut facts = reading.evidence.as_ref().map(of_evidence).unwrap_or_default();
    facts.at = reading.read_at;
    let number = |di: u32| {
        let data = reading.items.iter().find(|(own, _)| *own == di).map(|(_, data)| data);
        data.filter(|data| data.iter().any(|byte| *byte != 0xFF))
            .and_then(|data| read_bcd(data, false))
    };
    let named = |name: &str| {
        let found = reading.values.iter().find(|(own, _)| own == name);
        found.and_then(|(_, text)| hundredths(text))
    };
    facts.energy = facts.energy.or_else(|| number(DI_ENERGY)).or_else(|| named("energy"));
    facts.reverse = number(DI_REVERSE).or_else(|| named("energy-reverse"));
    facts.ct = number(DI_CT).or_else(|| named("ct").map(|ct| ct / 100));
    facts.cover = number(DI_COVER);
    facts.terminal_cover = number(DI_TERMINAL_COVER);
    facts
}
