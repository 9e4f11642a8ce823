//! Meters left in keep-power, by what the handhelds' journals mark: put there by a handheld's
//! order, or found so in a round by the meter's own status. Supply without credit control is
//! nobody's to forget.

use crate::office::Office;
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::sync::wire::{Event, MeterLine, read_entry};
use crate::units::{DeviceId, Mark, MeterNo, UnixSeconds};
use std::collections::BTreeMap;

/// A meter in keep-power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMeter {
    /// Which.
    pub meter: MeterNo,
    /// Its line in the list; none for a meter that is not on it.
    pub line: Option<MeterLine>,
    /// Since when, by the handheld's clock.
    pub since: UnixSeconds,
    /// How long that is, seconds.
    pub age_s: i64,
    /// With which handheld.
    pub device: DeviceId,
    /// By whom.
    pub operator: String,
    /// Why, as he wrote it; or in which round it was found so.
    pub note: String,
}

impl Office {
    /// Meters in keep-power as far as journals are here, those longest in it first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn kept(&self) -> Result<Vec<KeptMeter>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let mut kept = marked(&mut conn).await?;
        let now = self.now().0;
        for row in &mut kept {
            row.line = ledger::meter(&mut conn, row.meter).await?;
            row.age_s = now.saturating_sub(row.since.0).max(0);
        }
        kept.sort_by_key(|row| (row.since, row.meter));
        Ok(kept)
    }
}

/// The marks that stand. Journals of several handhelds have no order but their clocks; at one
/// moment, what says that it ended counts.
async fn marked(conn: &mut Conn) -> Result<Vec<KeptMeter>, OfficeError> {
    let sql = "SELECT device, at, operator, body FROM event WHERE kind = 'marked'
               ORDER BY at, device, epoch, seq";
    let mut kept: BTreeMap<MeterNo, Option<KeptMeter>> = BTreeMap::new();
    for row in query(sql).fetch_all(conn).await? {
        let body: Vec<u8> = row.try_get("body")?;
        let Ok(entry) = read_entry(&body) else { continue };
        let Event::Marked { meter, mark: Mark::KeepPower, on, note } = entry.event else {
            continue;
        };
        let stands = kept.entry(meter).or_default();
        if !on {
            *stands = None;
        } else if stands.is_none() {
            *stands = Some(KeptMeter {
                meter,
                line: None,
                since: entry.at,
                age_s: 0,
                device: ledger::parsed(&row, "device")?,
                operator: entry.operator,
                note,
            });
        }
    }
    Ok(kept.into_values().flatten().collect())
}
