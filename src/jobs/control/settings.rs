//! Alarm amounts and overload threshold at one meter: write what differs, read back, compare.
//!
//! These rows have no second set, and each stands for itself: an interruption leaves every one of
//! them either old or new. Prices and tariff tables have two sets and come as bundles.

use sha2::Digest;

use super::super::errand::{Sign, Site, Values, step};
use super::super::lines::Stop;
use super::super::views::Failure;
use super::super::{Line, access, ask, failure, gate};
use super::{ACT, failed, proven, seen};
use crate::jobs::failure::fail;
use crate::profile::Protocol;
use crate::protocol::dlt645::dialogue::{ExchangeError, Write};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::value::write_bcd;
use crate::report::Code;
use crate::units::{CreditUnit, ErrandKind, StepState, Verb, WorkId};

/// Alarm amounts 1 and 2 of a meter that counts money, and of one that counts energy: 4 bytes,
/// hundredths (reference/dlt645.md 3.3).
const ALARMS: [(CreditUnit, [u32; 2]); 2] =
    [(CreditUnit::Yuan, [0x0400_1001, 0x0400_1002]), (CreditUnit::Kwh, [0x0400_0F01, 0x0400_0F02])];
/// Overload threshold, 3 bytes, 0.0001 kW; and its delay, 1 byte, seconds (3.5).
const OVERLOAD: [u32; 2] = [0x0409_0B01, 0x0409_0B02];
/// Tenths of a watt in the threshold's last digit.
const PER_WATT: i64 = 10;

/// One row to write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// Its field in the form.
    key: &'static str,
    di: u32,
    bytes: Vec<u8>,
}

/// Checks the values, without a meter: at least one, and all in range.
pub(super) fn wanted(values: &Values) -> Result<(), Failure> {
    let yuan = rows(values, CreditUnit::Yuan)?;
    if yuan.is_empty() { Err(fail(Code::FieldOdd, "settings.alarm-1")) } else { Ok(()) }
}

fn rows(values: &Values, unit: CreditUnit) -> Result<Vec<Row>, Failure> {
    let alarms = ALARMS.iter().find(|(of, _)| *of == unit).map_or([0; 2], |(_, dis)| *dis);
    let hundredths = |key| values.money(key);
    let tenths = values.number("overload-w")?.map(|watts| watts.saturating_mul(PER_WATT));
    let all = [
        ("alarm-1", alarms[0], hundredths("alarm-1")?, 4),
        ("alarm-2", alarms[1], hundredths("alarm-2")?, 4),
        ("overload-w", OVERLOAD[0], tenths, 3),
        ("overload-s", OVERLOAD[1], values.number("overload-s")?, 1),
    ];
    let mut rows = Vec::new();
    for (key, di, value, len) in all {
        let Some(value) = value else { continue };
        let bytes = write_bcd(value, len).ok_or_else(|| fail(Code::FieldOdd, key))?;
        rows.push(Row { key, di, bytes });
    }
    Ok(rows)
}

/// The rows that differ from what the meter has.
fn differing(line: &mut Line<'_>, stop: &Stop, values: &Values) -> Result<Vec<Row>, Failure> {
    if line.profile.protocol != Protocol::Dlt645_2007 {
        return Err(fail(Code::ItemUnknown, line.profile.id.clone()));
    }
    access::parameters(line.profile)?;
    let unit = line.profile.money.as_ref().map_or(CreditUnit::Yuan, |money| money.unit);
    let rows = rows(values, unit)?;
    let items: Vec<u32> = rows.iter().map(|row| row.di).collect();
    let answers = ask::read(line, stop.meter, &items, items.len())?;
    let differs = |row: &Row| answers.data(row.di) != Some(row.bytes.as_slice());
    Ok(rows.into_iter().filter(differs).collect())
}

/// What would be written.
pub(super) fn plan(
    line: &mut Line<'_>,
    stop: &Stop,
    values: &Values,
) -> Result<(Sign, String), Failure> {
    let rows = differing(line, stop, values)?;
    match rows.is_empty() {
        true => Ok((Sign::Good, "settings-same".to_owned())),
        false => Ok((Sign::Todo, names(&rows))),
    }
}

/// The fields of rows, as their words are found.
fn names(rows: &[Row]) -> String {
    rows.iter().map(|row| row.key).collect::<Vec<_>>().join(" ")
}

/// Writes what differs. What was begun and interrupted is begun again: a row written twice with the
/// same value is the same row.
pub(super) fn act(
    site: &Site<'_>,
    line: &mut Line<'_>,
    stop: &Stop,
    (id, values): ((WorkId, ErrandKind), &Values),
) -> Result<(), Failure> {
    let (store, meter) = (site.desk.store, stop.meter);
    if store.step(id.0, Some(meter), ACT).is_none() {
        gate::change(site.desk, Verb::Parameters, meter, line.moment(), false)?;
    }
    let access = site.access(line.profile)?;
    proven(site, line, meter, Verb::Parameters)?;
    let rows = differing(line, stop, values)?;
    let stamp = site.desk.stamp(line);
    step(store, &stamp, id, Some(meter), (ACT, StepState::Begun), Vec::new())?;
    let mut refused = None;
    for row in &rows {
        let (to, timing) = (Address::meter(meter), ask::timing(line));
        let write = Write::new(to, row.di, &access, &row.bytes, timing);
        let mut write = write.map_err(|error| fail(Code::Internal, error.to_string()))?;
        let said = ask::run(line, &mut write, &mut sha2::Sha256::new());
        line.doubtful |= !matches!(said, Ok(Ok(_)));
        if let Ok(Err(error @ ExchangeError::Refused(_))) = &said {
            let why = failure::exchange(error);
            let detail = format!("{} {:08X}: {}", row.key, row.di, why.detail);
            refused.get_or_insert(fail(why.code, detail));
        }
    }
    let left = differing(line, stop, values);
    let (state, notes) = match (left, refused) {
        (Ok(left), _) if left.is_empty() => (StepState::Done, seen("settings-same")),
        (Ok(_), Some(why)) => (StepState::Refused, failed(&why)),
        (Ok(left), None) => (StepState::Failed, failed(&fail(Code::MeterRefused, names(&left)))),
        (Err(why), _) => (StepState::Unknown, failed(&why)),
    };
    step(store, &site.desk.stamp(line), id, Some(meter), (ACT, state), notes)
}
