//! Which sets of parameters are in which meters, by what the handhelds' journals tell of their
//! work: prices above all.

use crate::office::Office;
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::parallel::{END, named};
use crate::sync::wire::{Event, Step, read_entry};
use crate::units::{DeviceId, ErrandKind, MeterNo, StepState, TokenId, UnixSeconds, WorkId};
use std::collections::{BTreeMap, BTreeSet};

/// A version of a bundle that handhelds have or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleSeen {
    /// What it is called.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Handhelds that took it in.
    pub devices: Vec<DeviceId>,
    /// Meters in which all of it reads right, and that got no other of the name since.
    pub meters: u64,
    /// Meters in which it does not.
    pub partial: u64,
    /// When it was last written somewhere, by the handheld's clock.
    pub last: Option<UnixSeconds>,
}

/// What was last written to a meter of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterBundle {
    /// The meter.
    pub meter: MeterNo,
    /// What the bundle is called.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Whether all of it reads right.
    pub good: bool,
    /// When, by the handheld's clock.
    pub at: UnixSeconds,
    /// With which handheld.
    pub device: DeviceId,
}

/// All that journals tell of bundles.
#[derive(Default)]
struct Told {
    taken: BTreeMap<(String, u32), BTreeSet<DeviceId>>,
    /// By meter and name, the newest.
    written: BTreeMap<(MeterNo, String), MeterBundle>,
}

impl Office {
    /// Versions of bundles, by name, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn bundles(&self) -> Result<Vec<BundleSeen>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let told = told(&mut conn, None).await?;
        let mut seen: BTreeMap<(String, std::cmp::Reverse<u32>), BundleSeen> = BTreeMap::new();
        for ((name, version), devices) in told.taken {
            let place = (name.clone(), std::cmp::Reverse(version));
            let row = seen.entry(place).or_insert_with(|| BundleSeen::new(&name, version));
            row.devices = devices.into_iter().collect();
        }
        for one in told.written.values() {
            let place = (one.name.clone(), std::cmp::Reverse(one.version));
            let row = seen.entry(place).or_insert_with(|| BundleSeen::new(&one.name, one.version));
            row.meters += u64::from(one.good);
            row.partial += u64::from(!one.good);
            row.last = row.last.max(Some(one.at));
        }
        Ok(seen.into_values().collect())
    }

    /// What was last written to each meter, by name and meter; of one name with one given.
    ///
    /// # Errors
    /// The database failed.
    pub async fn meter_bundles(&self, name: Option<&str>) -> Result<Vec<MeterBundle>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let written = told(&mut conn, None).await?.written.into_values();
        let mut rows: Vec<_> =
            written.filter(|row| name.is_none_or(|name| name == row.name)).collect();
        rows.sort_by(|one, two| (&one.name, one.meter).cmp(&(&two.name, two.meter)));
        Ok(rows)
    }
}

impl BundleSeen {
    fn new(name: &str, version: u32) -> Self {
        let (name, devices) = (name.to_owned(), Vec::new());
        Self { name, version, devices, meters: 0, partial: 0, last: None }
    }
}

/// What was last written to one meter.
pub(super) async fn of_meter(
    conn: &mut Conn,
    meter: MeterNo,
) -> Result<Vec<MeterBundle>, OfficeError> {
    Ok(told(conn, Some(meter)).await?.written.into_values().collect())
}

/// Reads the journals' entries about bundles; of one meter, those that can concern it.
async fn told(conn: &mut Conn, meter: Option<MeterNo>) -> Result<Told, OfficeError> {
    let mut told = Told::default();
    let mut names: BTreeMap<TokenId, (String, u32)> = BTreeMap::new();
    let mut errands: BTreeMap<(DeviceId, WorkId), TokenId> = BTreeMap::new();
    let sql = "SELECT device, body FROM event
               WHERE kind = 'bundle-taken' OR kind = 'step' AND (meter IS NULL OR $1 = ''
                     OR meter = $1)
               ORDER BY device, epoch, seq";
    let only = meter.map(|meter| meter.to_string()).unwrap_or_default();
    for row in query(sql).bind(only).fetch_all(conn).await? {
        let body: Vec<u8> = row.try_get("body")?;
        let Ok(entry) = read_entry(&body) else { continue };
        let device: DeviceId = ledger::parsed(&row, "device")?;
        match entry.event {
            Event::BundleTaken(taken) => {
                let name = (taken.name, taken.version);
                told.taken.entry(name.clone()).or_default().insert(device);
                names.insert(taken.id, name);
            }
            Event::Step(step) if step.kind == ErrandKind::Bundle => {
                let errand = (device, step.errand);
                match (step.name.as_str(), step.meter) {
                    (Step::WHOLE, None) => {
                        if let Some(id) = named(&step) {
                            errands.insert(errand, id);
                        }
                    }
                    (END, Some(meter)) => {
                        // Journals before that note name it with the errand alone.
                        let id = named(&step).or_else(|| errands.get(&errand).copied());
                        let name = id.and_then(|id| names.get(&id));
                        let Some((name, version)) = name.cloned() else { continue };
                        let good = step.state == StepState::Done;
                        let (device, at) = (errand.0, entry.at);
                        let new = MeterBundle { meter, name, version, good, at, device };
                        let place = (meter, new.name.clone());
                        let newer = told.written.get(&place).is_none_or(|old| old.at <= new.at);
                        if newer {
                            told.written.insert(place, new);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(told)
}
