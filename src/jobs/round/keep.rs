//! A round in the journal: its list, in as many entries as it takes, and how each meter ended.

use std::collections::BTreeMap;

use super::facts::{Facts, MANUAL, READ};
use super::list::{Expected, Wanted};
use super::plausible::{Anomaly, Kind};
use crate::jobs::errand::Site;
use crate::jobs::views::Failure;
use crate::store::{StepRow, Store};
use crate::units::{Energy, ErrandKind, MeterNo, PurchaseCount, StepState, UnixSeconds, WorkId};

/// Meters in one entry: with the longest texts far below the 8 KiB of its notes.
const CHUNK_BYTES: usize = 6 * 1024;
/// The entries of the list.
const LIST: &str = "list-";
/// The note that says how many there are.
const OF: &str = "of";
/// The note of something odd.
const ODD: &str = "odd";

/// One meter of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub meter: MeterNo,
    /// What the list says of it.
    pub wanted: Wanted,
    /// How the last visit ended.
    pub read: Option<StepRow>,
    /// What a person typed.
    pub typed: Option<StepRow>,
}

impl Place {
    /// Whether the meter itself has answered.
    pub fn is_read(&self) -> bool {
        self.read.as_ref().is_some_and(|row| row.step.state == StepState::Done)
    }

    /// The entry that counts: the meter's own word before a typed one.
    pub fn counted(&self) -> Option<&StepRow> {
        match self.is_read() {
            true => self.read.as_ref(),
            false => self.typed.as_ref(),
        }
    }

    /// The figures that count.
    pub fn facts(&self) -> Option<Facts> {
        self.counted().map(|row| Facts::of_notes(&row.step.notes))
    }

    /// What is odd about them.
    pub fn odd(&self) -> Vec<Anomaly> {
        let notes = self.counted().map(|row| row.step.notes.as_slice()).unwrap_or_default();
        notes.iter().filter_map(anomaly).collect()
    }
}

/// A round as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its meters, in the order of the list.
    pub meters: Vec<Place>,
    /// Whether all of the list is there: it is written in several entries.
    pub whole: bool,
    /// Whether the round has ended.
    pub ended: bool,
    /// When it was begun.
    pub begun: Option<UnixSeconds>,
}

impl Kept {
    /// Reads it.
    pub fn of(store: &Store, work: WorkId) -> Self {
        let steps = store.steps(work);
        let mut chunks: BTreeMap<String, &StepRow> = BTreeMap::new();
        let mut ends: BTreeMap<(MeterNo, bool), &StepRow> = BTreeMap::new();
        for row in &steps {
            match (row.step.meter, row.step.name.as_str()) {
                (None, name) if name.starts_with(LIST) => {
                    chunks.insert(name.to_owned(), row);
                }
                (Some(meter), READ) => drop(ends.insert((meter, false), row)),
                (Some(meter), MANUAL) => drop(ends.insert((meter, true), row)),
                _ => {}
            }
        }
        let of = chunks.values().next().and_then(|row| note(row, OF)?.parse::<usize>().ok());
        let meters = chunks.values().flat_map(|row| &row.step.notes).filter_map(|(name, text)| {
            let meter: MeterNo = name.parse().ok()?;
            let end = |typed| ends.get(&(meter, typed)).map(|row| (*row).clone());
            Some(Place { meter, wanted: unpack(text), read: end(false), typed: end(true) })
        });
        let own = store.errand(work);
        Self {
            meters: meters.collect(),
            whole: of == Some(chunks.len()),
            ended: own.as_ref().is_some_and(|row| row.step.state != StepState::Begun),
            begun: own.map(|row| row.begun),
        }
    }

    /// The meters that neither answered nor were typed in.
    pub fn missing(&self) -> Vec<&Place> {
        self.meters.iter().filter(|place| place.counted().is_none()).collect()
    }
}

fn note<'a>(row: &'a StepRow, name: &str) -> Option<&'a str> {
    row.step.notes.iter().find(|(own, _)| own == name).map(|(_, text)| text.as_str())
}

/// Writes the list down.
///
/// # Errors
/// Store failures; a list that is there in part belongs to a round that never began.
pub fn save(site: &Site<'_>, work: WorkId, meters: &[(MeterNo, Wanted)]) -> Result<(), Failure> {
    let mut chunks: Vec<Vec<(String, String)>> = Vec::new();
    let mut room = 0;
    for (meter, wanted) in meters {
        let pair = (meter.to_string(), pack(wanted));
        let size = pair.0.len() + pair.1.len() + 16;
        if room < size || chunks.is_empty() {
            chunks.push(Vec::new());
            room = CHUNK_BYTES;
        }
        room = room.saturating_sub(size);
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(pair);
        }
    }
    let of = chunks.len().to_string();
    for (nth, mut notes) in chunks.into_iter().enumerate() {
        notes.insert(0, (OF.to_owned(), of.clone()));
        let name = format!("{LIST}{nth:05}");
        site.step((work, ErrandKind::Round), None, &name, StepState::Done, notes)?;
    }
    Ok(())
}

/// What the list says of a meter, as one text: names and values between tabs.
fn pack(wanted: &Wanted) -> String {
    let Expected { energy, energy_at, count, ct, max_w } = &wanted.expected;
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let parts = [
        ("c", text(&wanted.customer)),
        ("p", text(&wanted.location)),
        ("l", text(&wanted.line)),
        ("e", energy.map(|energy| energy.0.to_string())),
        ("t", energy_at.map(|at| at.0.to_string())),
        ("n", count.map(|count| count.0.to_string())),
        ("r", ct.map(|ct| ct.to_string())),
        ("w", max_w.map(|watts| watts.to_string())),
    ];
    let known = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}{}", value?)));
    known.collect::<Vec<_>>().join("\t")
}

fn unpack(text: &str) -> Wanted {
    let part = |name: &str| text.split('\t').find_map(|part| part.strip_prefix(name));
    let number = |name: &str| part(name).and_then(|text| text.parse::<i64>().ok());
    let small = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
    let text = |name: &str| part(name).unwrap_or_default().to_owned();
    Wanted {
        customer: text("c"),
        location: text("p"),
        line: text("l"),
        expected: Expected {
            energy: number("e").map(Energy),
            energy_at: number("t").map(UnixSeconds),
            count: small("n").map(PurchaseCount),
            ct: small("r"),
            max_w: part("w").and_then(|text| text.parse().ok()),
        },
    }
}

/// Something odd as a note.
pub fn note_of(anomaly: &Anomaly) -> (String, String) {
    let Anomaly { kind, was, is, age_s } = anomaly;
    let age = age_s.map(|age| age.to_string()).unwrap_or_default();
    (ODD.to_owned(), format!("{}|{was}|{is}|{age}", kind.as_str()))
}

fn anomaly((name, text): &(String, String)) -> Option<Anomaly> {
    if name != ODD {
        return None;
    }
    let mut parts = text.split('|');
    let kind = Kind::named(parts.next()?)?;
    let (was, is) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    Some(Anomaly { kind, was, is, age_s: parts.next().and_then(|age| age.parse().ok()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_says_comes_back() {
        let wanted = Wanted {
            customer: "Wang, Li".into(),
            location: "A-1".into(),
            line: "tcp://10.0.0.7:4001".into(),
            expected: Expected {
                energy: Some(Energy(123_450)),
                energy_at: Some(UnixSeconds(1)),
                count: Some(PurchaseCount(3)),
                ct: Some(30),
                max_w: Some(22_000),
            },
        };
        assert_eq!(unpack(&pack(&wanted)), wanted);
        assert_eq!(unpack(&pack(&Wanted::default())), Wanted::default());
    }

    #[test]
    fn what_is_odd_comes_back() {
        for age_s in [None, Some(86_400)] {
            let own = Anomaly { kind: Kind::Jump, was: "1.00".into(), is: "9.00".into(), age_s };
            assert_eq!(anomaly(&note_of(&own)), Some(own));
        }
        assert_eq!(anomaly(&("odd".into(), "nothing-known|1|2|".into())), None);
    }
}
