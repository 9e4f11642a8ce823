//! How a round the office made stands, by the journal that comes back: which meters were read, what
//! is odd about them, and what a person typed.

use crate::office::Office;
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::ledger;
use crate::office::round::{self, READ, RoundInfo, note};
use crate::sync::wire::{Event, MAX_FILE, Round, RoundLine, Step, read_entry};
use crate::units::{CreditUnit, ErrandKind, StepState, TokenId, UnixSeconds, WorkId};
use meterkit_tokens::cbor::{self, Limits};
use std::collections::BTreeMap;

/// The notes and steps of a round as the handheld writes them (`jobs/round`).
const OFFICE: &str = "round-office";
const MANUAL: &str = "manual";
const ODD: &str = "odd";

/// How a round stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundState {
    /// Its handheld has not shown it.
    Waiting,
    /// Its handheld has it.
    Taken,
    /// It was begun.
    Begun,
    /// It has ended.
    Ended,
    /// It was withdrawn before it was begun.
    Withdrawn,
    /// Its time was over before it was begun.
    Over,
}

impl RoundState {
    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Taken => "taken",
            Self::Begun => "begun",
            Self::Ended => "ended",
            Self::Withdrawn => "withdrawn",
            Self::Over => "over",
        }
    }
}

/// How a meter of a round stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceState {
    /// The meter answered.
    Read,
    /// A person typed what its face showed.
    Typed,
    /// Neither.
    Missing,
}

impl PlaceState {
    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Typed => "typed",
            Self::Missing => "missing",
        }
    }
}

/// Something odd about a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundOdd {
    /// Its stable name.
    pub kind: String,
    /// What was expected.
    pub was: String,
    /// What was found.
    pub is: String,
}

/// A meter of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundPlace {
    /// What the list says of it.
    pub line: RoundLine,
    /// How it stands.
    pub state: PlaceState,
    /// When it was read or typed, by the handheld's clock.
    pub at: Option<UnixSeconds>,
    /// The energy, 0.01 kWh.
    pub energy: Option<i64>,
    /// The purchase count.
    pub count: Option<i64>,
    /// Balance less overdraft, hundredths, and of what.
    pub net: Option<(i64, CreditUnit)>,
    /// What is odd.
    pub odd: Vec<RoundOdd>,
    /// Why it was typed, or why it did not answer.
    pub why: String,
    /// Who read or typed it.
    pub by: String,
}

/// A round with all its meters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundSheet {
    /// The round.
    pub info: RoundInfo,
    /// What the reader was told.
    pub note: String,
    /// How it stands.
    pub state: RoundState,
    /// When it was begun, by the handheld's clock.
    pub begun: Option<UnixSeconds>,
    /// Its meters, in the order of the list.
    pub places: Vec<RoundPlace>,
}

impl RoundSheet {
    /// How many meters stand so.
    pub fn count(&self, state: PlaceState) -> u64 {
        self.places.iter().filter(|place| place.state == state).count() as u64
    }

    /// How many have something odd.
    pub fn odd(&self) -> u64 {
        self.places.iter().filter(|place| !place.odd.is_empty()).count() as u64
    }
}

/// What a journal tells of one meter of a round: the last of its readings, and of what was typed.
#[derive(Default)]
struct Told {
    read: Option<(Step, String)>,
    typed: Option<(Step, String)>,
}

impl Office {
    /// The newest rounds with their meters, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn round_sheets(&self, most: usize) -> Result<Vec<RoundSheet>, OfficeError> {
        let mut sheets = Vec::new();
        for info in self.rounds().await?.into_iter().take(most) {
            sheets.push(self.round(info.id).await?);
        }
        Ok(sheets)
    }

    /// One round, by its identity.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for one that is not there; the database failed.
    pub async fn round(&self, id: TokenId) -> Result<RoundSheet, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let row = query("SELECT * FROM round_doc WHERE id = $1").bind(id.to_string());
        let row = row.fetch_optional(&mut conn).await?;
        let row = row.ok_or_else(|| OfficeError::Usage(format!("no round {id}")))?;
        let info = round::of_row(&row)?;
        let body: Vec<u8> = row.try_get("body")?;
        let list = cbor::decode(&body, Limits { bytes: MAX_FILE, depth: 8 }).ok();
        let list = list.and_then(|list| Round::read(list).ok());
        let list = list.ok_or(OfficeError::Stored("round_doc"))?;
        let sql = "SELECT body FROM event WHERE device = $1 AND epoch = $2 AND seq > $3
                   AND kind = 'step' ORDER BY seq";
        let rows = query(sql)
            .bind(info.device.as_str())
            .bind(i64::from(info.epoch))
            .bind(info.taken.map_or(i64::MAX, ledger::number));
        let (mut work, mut begun, mut ended) = (None::<WorkId>, None, false);
        let mut told: BTreeMap<_, Told> = BTreeMap::new();
        for row in rows.fetch_all(&mut conn).await? {
            let body: Vec<u8> = row.try_get("body")?;
            let Ok(entry) = read_entry(&body) else { continue };
            let Event::Step(step) = entry.event else { continue };
            if step.kind != ErrandKind::Round {
                continue;
            }
            let whole = step.name == Step::WHOLE && step.meter.is_none();
            // Where the power failed over its list it is begun again, as another errand.
            let own = whole && step.state == StepState::Begun;
            if own && note(&step, OFFICE) == Some(&id.to_string()) {
                (work, begun, ended) = (Some(step.errand), Some(entry.at), false);
                told.clear();
            }
            if work != Some(step.errand) {
                continue;
            }
            ended |= whole && step.state != StepState::Begun;
            let Some(meter) = step.meter else { continue };
            let told = told.entry(meter).or_default();
            match step.name.as_str() {
                READ => told.read = Some((step, entry.operator)),
                MANUAL => told.typed = Some((step, entry.operator)),
                _ => {}
            }
        }
        let state = match (begun, info.taken) {
            (Some(_), _) if ended => RoundState::Ended,
            (Some(_), _) => RoundState::Begun,
            _ if info.withdrawn => RoundState::Withdrawn,
            _ if self.now() >= info.expires => RoundState::Over,
            (None, Some(_)) => RoundState::Taken,
            (None, None) => RoundState::Waiting,
        };
        let places = list.lines.into_iter().map(|line| {
            let told = told.remove(&line.meter).unwrap_or_default();
            place(line, &told)
        });
        Ok(RoundSheet { state, begun, note: list.note, places: places.collect(), info })
    }
}

/// The meter's own word counts before a typed one.
fn place(line: RoundLine, told: &Told) -> RoundPlace {
    let read = told.read.as_ref().filter(|(step, _)| round::reading(step).is_some());
    let (state, found) = match (read, &told.typed) {
        (Some(found), _) => (PlaceState::Read, Some(found)),
        (None, Some(found)) => (PlaceState::Typed, Some(found)),
        (None, None) => (PlaceState::Missing, None),
    };
    let figure = |name: &str| found.and_then(|(step, _)| note(step, name)?.parse::<i64>().ok());
    let unit = found.and_then(|(step, _)| match note(step, "unit")? {
        "kWh" => Some(CreditUnit::Kwh),
        _ => Some(CreditUnit::Yuan),
    });
    let odd = |(key, text): &(String, String)| {
        let mut parts = text.split('|');
        let mut part = || parts.next().map(str::to_owned);
        (key == ODD).then_some(())?;
        Some(RoundOdd { kind: part()?, was: part()?, is: part()? })
    };
    let odd = found.map(|(step, _)| step.notes.iter().filter_map(odd).collect());
    let failed = |(step, _): &(Step, String)| {
        let text = |name| note(step, name).unwrap_or_default();
        format!("{} {}", text("code"), text("detail")).trim().to_owned()
    };
    let why = match state {
        PlaceState::Read => None,
        PlaceState::Typed => found.and_then(|(step, _)| note(step, "reason")).map(str::to_owned),
        PlaceState::Missing => told.read.as_ref().map(failed),
    };
    RoundPlace {
        line,
        state,
        at: figure("at").map(UnixSeconds),
        energy: figure("energy"),
        count: figure("count"),
        net: figure("net").zip(unit),
        odd: odd.unwrap_or_default(),
        why: why.unwrap_or_default(),
        by: found.map(|(_, by)| by.clone()).unwrap_or_default(),
    }
}
