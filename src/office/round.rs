//! Rounds the office makes: a list of meters to be read, signed for one handheld, with what the
//! ledger knows of each meter.
//!
//! Nothing is marked as delivered when it goes out: a round is repeated until the journal shows it.
//! It names the life of the handheld's journal it was made for; a handheld that was enrolled again
//! needs a new one.

use super::db::{Row, query};
use super::error::OfficeError;
use super::ledger::{self, Conn, transact};
use super::{Office, bundle, sales};
use crate::sync::wire::{
    Event, FilePart, MAX_FILE, MAX_ROUND_METERS, MAX_ROUND_NAME, MAX_ROUND_NOTE, MAX_ROUNDS, Round,
    RoundLine, Step, digest, read_entry,
};
use crate::table::list::{self, Wanted};
use crate::table::read::rows as table_rows;
use crate::units::{DeviceId, ErrandKind, MeterNo, StepState, TokenId, UnixSeconds};
use jiff::tz::TimeZone;
use meterkit_tokens::cbor;

const DAY: i64 = 86_400;
/// Longest time in which a round can be begun, days: as long as a bundle's signature.
const MAX_DAYS: i64 = 90;
/// Bytes of a signed document around its list, rounded up.
const SIGNED: usize = 512;
/// Faults of a file that are told at once.
const MAX_TOLD: usize = 20;
/// Entries of a meter looked at for its last reading.
const LOOK_BACK: i64 = 32;
/// The step of a round a reading is noted under, as the handheld writes it (`jobs/round/facts.rs`).
pub(super) const READ: &str = "read";

/// Which meters are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoundOf {
    /// All on the list.
    All,
    /// Those of an area.
    Area(String),
    /// These.
    Meters(Vec<MeterNo>),
    /// Those of a table with what it says of them: CSV or XLSX.
    File(Vec<u8>),
}

/// A round to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRound {
    /// For which handheld.
    pub device: DeviceId,
    /// What it is called.
    pub name: String,
    /// What the reader should know; may be empty.
    pub note: String,
    /// Which meters.
    pub of: RoundOf,
    /// By when it is to be read: a day (to its end), or a day and time, in the office's zone.
    pub due: Option<String>,
    /// For how many days it can be begun.
    pub days: i64,
}

/// A round in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundInfo {
    /// Its identity.
    pub id: TokenId,
    /// For which handheld.
    pub device: DeviceId,
    /// For which life of its journal.
    pub epoch: u32,
    /// What it is called.
    pub name: String,
    /// How many meters.
    pub meters: u64,
    /// When it was made.
    pub issued: UnixSeconds,
    /// By when it is to be read.
    pub due: Option<UnixSeconds>,
    /// From when on it can no longer be begun.
    pub expires: UnixSeconds,
    /// The entry of the journal that shows it.
    pub taken: Option<u64>,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
}

impl Office {
    /// What a round would say: the list with what the ledger knows. Nothing is kept.
    ///
    /// # Errors
    /// As [`Office::new_round`].
    pub async fn plan_round(&self, new: &NewRound) -> Result<Round, OfficeError> {
        let mut conn = self.ledger.snapshot().await?;
        let zone = sales::zone(&mut conn).await?;
        super::issue::enrolled(&mut conn, &new.device).await?;
        let row = ledger::device(&mut conn, &new.device).await?;
        let epoch = row.ok_or_else(|| OfficeError::NoDevice(new.device.clone()))?.epoch;
        let issued = self.now();
        let round = Round {
            id: self.new_id()?,
            device: new.device.clone(),
            epoch,
            name: text(&new.name, MAX_ROUND_NAME, "name")?,
            note: text(&new.note, MAX_ROUND_NOTE, "note")?,
            issued,
            due: new.due.as_deref().map(|due| moment(due, &zone)).transpose()?,
            expires: UnixSeconds(issued.0 + new.days * DAY),
            lines: lines(&mut conn, &new.of, &zone).await?,
        };
        conn.rollback().await?;
        check(new, &round)?;
        Ok(round)
    }

    /// Makes a round; its handheld gets it with the next exchange, over whatever medium.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] naming what is wrong with the list, row by row, or with its times;
    /// [`OfficeError::NoMeter`], [`OfficeError::NoDevice`], [`OfficeError::Quarantined`],
    /// [`OfficeError::KeysetOld`].
    pub async fn new_round(&self, new: &NewRound) -> Result<(RoundInfo, Vec<u8>), OfficeError> {
        let mut round = self.plan_round(new).await?;
        let bytes = transact!(self.ledger, |tx| self.keep_round(&mut tx, &mut round).await)?;
        Ok((info(&round), bytes))
    }

    async fn keep_round(&self, conn: &mut Conn, round: &mut Round) -> Result<Vec<u8>, OfficeError> {
        super::issue::enrolled(conn, &round.device).await?;
        // It may have been enrolled again since the list was made.
        if let Some(row) = ledger::device(conn, &round.device).await? {
            round.epoch = row.epoch;
        }
        let bytes = self.keys().round(round.payload(), round.issued.0)?;
        let sql = "INSERT INTO round_doc (id, device, epoch, name, digest, meters, issued, due,
                                          expires, body, bytes)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        query(sql)
            .bind(round.id.to_string())
            .bind(round.device.as_str())
            .bind(i64::from(round.epoch))
            .bind(&round.name)
            .bind(digest(&bytes).as_slice())
            .bind(ledger::number(round.lines.len() as u64))
            .bind(round.issued.0)
            .bind(round.due.map(|due| due.0))
            .bind(round.expires.0)
            .bind(cbor::encode(&round.payload()))
            .bind(&bytes)
            .execute(conn)
            .await?;
        Ok(bytes)
    }

    /// The rounds that were made, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn rounds(&self) -> Result<Vec<RoundInfo>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT id, device, epoch, name, meters, issued, due, expires, taken, revoked
                   FROM round_doc ORDER BY issued DESC, id DESC";
        let rows = query(sql).fetch_all(&mut conn).await?;
        rows.iter().map(of_row).collect()
    }

    /// Withdraws a round: it does not go out any more, and with its next status its handheld does
    /// not begin it. One that was begun goes on.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for one that is not there, or was withdrawn.
    pub async fn withdraw_round(&self, id: TokenId) -> Result<(), OfficeError> {
        let now = self.now().0;
        transact!(self.ledger, |tx| {
            let sql = "UPDATE round_doc SET revoked = $2 WHERE id = $1 AND revoked IS NULL";
            let done = query(sql).bind(id.to_string()).bind(now).execute(&mut tx).await?;
            match done.rows_affected() {
                1 => Ok(()),
                _ => Err(OfficeError::Usage(format!("no round {id} that could be withdrawn"))),
            }
        })
    }
}

pub(super) fn of_row(row: &Row) -> Result<RoundInfo, OfficeError> {
    let taken: Option<i64> = row.try_get("taken")?;
    Ok(RoundInfo {
        id: ledger::parsed(row, "id")?,
        device: ledger::parsed(row, "device")?,
        epoch: ledger::small(row, "epoch")?,
        name: row.try_get("name")?,
        meters: ledger::counter(row, "meters")?,
        issued: UnixSeconds(row.try_get("issued")?),
        due: row.try_get::<Option<i64>, _>("due")?.map(UnixSeconds),
        expires: UnixSeconds(row.try_get("expires")?),
        taken: taken.and_then(|seq| u64::try_from(seq).ok()),
        withdrawn: row.try_get::<Option<i64>, _>("revoked")?.is_some(),
    })
}

fn info(round: &Round) -> RoundInfo {
    RoundInfo {
        id: round.id,
        device: round.device.clone(),
        epoch: round.epoch,
        name: round.name.clone(),
        meters: round.lines.len() as u64,
        issued: round.issued,
        due: round.due,
        expires: round.expires,
        taken: None,
        withdrawn: false,
    }
}

/// A text as a handheld takes it: in one line, no longer than it may be.
fn text(given: &str, most: usize, what: &str) -> Result<String, OfficeError> {
    let text: String = given.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.len() > most {
        let why = format!("the {what} has {} bytes, {most} fit", text.len());
        return Err(OfficeError::Usage(why));
    }
    Ok(text)
}

/// What is wrong with a round as a whole.
fn check(new: &NewRound, round: &Round) -> Result<(), OfficeError> {
    let usage = |why: String| Err(OfficeError::Usage(why));
    if !(1..=MAX_DAYS).contains(&new.days) {
        return usage(format!("a round can be begun for 1 to {MAX_DAYS} days"));
    }
    if round.name.is_empty() {
        return usage("a round has a name: --name".to_owned());
    }
    match round.due {
        Some(due) if due <= round.issued => return usage("it is due before now".to_owned()),
        Some(due) if due > round.expires => {
            return usage(format!("it is due after its {} days: --days", new.days));
        }
        _ => {}
    }
    let (count, size) = (round.lines.len(), cbor::encode(&round.payload()).len() + SIGNED);
    if count == 0 {
        return usage("no meter to be read".to_owned());
    }
    if count > MAX_ROUND_METERS || size > MAX_FILE {
        return usage(format!(
            "{count} meters, {size} bytes: {MAX_ROUND_METERS} meters and {MAX_FILE} bytes fit; \
             make several rounds"
        ));
    }
    Ok(())
}

/// A day to its end, or a day and time, in a zone.
fn moment(given: &str, zone: &TimeZone) -> Result<UnixSeconds, OfficeError> {
    let odd = || OfficeError::Usage(format!("no day, nor day and time: {given:?}"));
    let civil = list::date(given).ok_or_else(odd)?;
    let end = if given.contains(':') { 0 } else { DAY };
    let civil = civil.0.checked_add(end).ok_or_else(odd)?;
    let civil = jiff::Timestamp::from_second(civil).map_err(|_| odd())?;
    let local = civil.to_zoned(TimeZone::UTC).datetime().to_zoned(zone.clone());
    Ok(UnixSeconds(local.map_err(|_| odd())?.timestamp().as_second()))
}

/// The lines of a list: what it says, and where it says nothing, what the ledger knows.
async fn lines(
    conn: &mut Conn,
    of: &RoundOf,
    zone: &TimeZone,
) -> Result<Vec<RoundLine>, OfficeError> {
    let wanted: Vec<(MeterNo, Wanted)> = match of {
        RoundOf::All => listed(conn, None).await?,
        RoundOf::Area(area) => listed(conn, Some(area)).await?,
        RoundOf::Meters(meters) => {
            let mut all: Vec<(MeterNo, Wanted)> = Vec::new();
            for meter in meters {
                if all.iter().all(|(known, _)| known != meter) {
                    all.push((*meter, Wanted::default()));
                }
            }
            all
        }
        RoundOf::File(bytes) => of_file(bytes)?,
    };
    if wanted.len() > MAX_ROUND_METERS {
        let why = format!("{} meters, {MAX_ROUND_METERS} fit: make several rounds", wanted.len());
        return Err(OfficeError::Usage(why));
    }
    let mut lines = Vec::with_capacity(wanted.len());
    for (meter, wanted) in wanted {
        lines.push(line(conn, meter, wanted, zone).await?);
    }
    Ok(lines)
}

/// The meters on the list, of an area or all.
async fn listed(
    conn: &mut Conn,
    area: Option<&String>,
) -> Result<Vec<(MeterNo, Wanted)>, OfficeError> {
    let sql = "SELECT meter FROM meter WHERE closed IS NULL AND ($1 <> 0 OR area = $2)
               ORDER BY bus_line, meter";
    let rows = query(sql).bind(i64::from(area.is_none())).bind(area.cloned().unwrap_or_default());
    let rows = rows.fetch_all(conn).await?;
    rows.iter().map(|row| Ok((ledger::parsed(row, "meter")?, Wanted::default()))).collect()
}

/// The meters of a table. All of its rows, or none: a meter that is left out is not missed.
fn of_file(bytes: &[u8]) -> Result<Vec<(MeterNo, Wanted)>, OfficeError> {
    let rows = table_rows(bytes).map_err(|error| OfficeError::Usage(error.detail))?;
    let found = list::list(&rows);
    if found.header.is_none() {
        return Err(OfficeError::Usage("no row of it names a column of meters".to_owned()));
    }
    if found.bad.is_empty() {
        return Ok(found.meters);
    }
    let told = found.bad.iter().take(MAX_TOLD);
    let told = told.map(|bad| format!("row {}: {} {}", bad.row, bad.fault.as_str(), bad.cell));
    let mut told: Vec<String> = told.collect();
    if found.bad.len() > MAX_TOLD {
        told.push(format!("and {} more", found.bad.len() - MAX_TOLD));
    }
    Err(OfficeError::Usage(told.join("\n")))
}

async fn line(
    conn: &mut Conn,
    meter: MeterNo,
    wanted: Wanted,
    zone: &TimeZone,
) -> Result<RoundLine, OfficeError> {
    let own = ledger::meter(conn, meter).await?.ok_or(OfficeError::NoMeter(meter))?;
    let state = ledger::meter_state(conn, meter, own.account).await?;
    let count = state.filter(|(.., seen)| seen.0 > 0).map(|(count, ..)| count.0);
    let last = last(conn, meter).await?;
    let either = |given: String, known: String| if given.is_empty() { known } else { given };
    let expected = wanted.expected;
    let plain = |text: String| -> String {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    let known = last.energy.filter(|_| expected.energy.is_none());
    Ok(RoundLine {
        meter,
        customer: plain(either(wanted.customer, own.customer)),
        location: plain(either(wanted.location, own.location)),
        line: plain(either(wanted.line, own.place.line)),
        energy: expected.energy.map(|energy| energy.0).or(known.map(|(energy, _)| energy)),
        energy_at: match expected.energy {
            Some(_) => expected.energy_at,
            None => known.map(|(_, at)| civil(at, zone)),
        },
        count: expected.count.map(|count| count.0).or(count),
        ct: expected.ct.or(last.ct),
        max_w: expected.max_w,
    })
}

/// A moment as the clocks on the walls show it, seconds since 1970: so lists have it.
fn civil(at: UnixSeconds, zone: &TimeZone) -> UnixSeconds {
    let moment = jiff::Timestamp::from_second(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    UnixSeconds(at.0.saturating_add(zone.to_offset(moment).seconds().into()))
}

/// What is known of a meter by its last readings.
#[derive(Default)]
struct Last {
    energy: Option<(i64, UnixSeconds)>,
    ct: Option<u32>,
}

/// The last reading of a meter in any journal. What a person typed is no reading.
async fn last(conn: &mut Conn, meter: MeterNo) -> Result<Last, OfficeError> {
    let sql = "SELECT body FROM event WHERE meter = $1
               AND kind IN ('step', 'reading', 'intent', 'outcome')
               ORDER BY at DESC, seq DESC LIMIT $2";
    let rows = query(sql).bind(meter.to_string()).bind(LOOK_BACK).fetch_all(conn).await?;
    let mut last = Last::default();
    for row in rows {
        let body: Vec<u8> = row.try_get("body")?;
        let Ok(entry) = read_entry(&body) else { continue };
        if let Event::Step(step) = &entry.event {
            let Some(step) = reading(step) else { continue };
            let figure = |name: &str| note(step, name).and_then(|text| text.parse::<i64>().ok());
            let at = figure("at").map_or(entry.at, UnixSeconds);
            last.energy = last.energy.or(figure("energy").map(|energy| (energy, at)));
            let ct = figure("ct").and_then(|ct| u32::try_from(ct).ok()).filter(|ct| *ct > 0);
            last.ct = last.ct.or(ct);
        } else if let Some(evidence) = entry.event.evidence() {
            let energy = evidence.energy.map(|energy| (energy.0, evidence.read_at));
            last.energy = last.energy.or(energy);
        }
    }
    last.energy = last.energy.filter(|(energy, _)| *energy >= 0);
    Ok(last)
}

/// A step that is a reading of a round.
pub(super) fn reading(step: &Step) -> Option<&Step> {
    let read = step.kind == ErrandKind::Round && step.name == READ;
    (read && step.state == StepState::Done).then_some(step)
}

/// A note of a step.
pub(super) fn note<'a>(step: &'a Step, name: &str) -> Option<&'a str> {
    step.notes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The hashes of the rounds of a handheld which its journal has not shown, oldest first.
pub(super) async fn waiting(
    conn: &mut Conn,
    (device, epoch): (&DeviceId, u32),
    now: i64,
) -> Result<Vec<[u8; 32]>, OfficeError> {
    let sql = "SELECT digest FROM round_doc WHERE device = $1 AND epoch = $2 AND taken IS NULL
               AND revoked IS NULL AND expires > $3 ORDER BY issued, id LIMIT $4";
    let rows = query(sql)
        .bind(device.as_str())
        .bind(i64::from(epoch))
        .bind(now)
        .bind(ledger::number(MAX_ROUNDS as u64))
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| ledger::fixed(row, "digest")).collect()
}

/// The signed documents of the rounds that wait for a handheld, for a parcel.
pub(super) async fn files(
    conn: &mut Conn,
    (device, epoch): (&DeviceId, u32),
    now: i64,
) -> Result<Vec<Vec<u8>>, OfficeError> {
    let mut files = Vec::new();
    for digest in waiting(conn, (device, epoch), now).await? {
        files.extend(document(conn, device, &digest).await?);
    }
    Ok(files)
}

async fn document(
    conn: &mut Conn,
    device: &DeviceId,
    digest: &[u8; 32],
) -> Result<Option<Vec<u8>>, OfficeError> {
    let sql = "SELECT bytes FROM round_doc WHERE device = $1 AND digest = $2";
    let row = query(sql).bind(device.as_str()).bind(digest.as_slice()).fetch_optional(conn).await?;
    Ok(row.map(|row| row.try_get("bytes")).transpose()?)
}

/// A piece of a file a handheld was given by its hash: a round, or what a bundle pins.
pub(super) async fn part(
    conn: &mut Conn,
    device: &DeviceId,
    (wanted, offset): (&[u8; 32], u64),
) -> Result<FilePart, OfficeError> {
    match document(conn, device, wanted).await? {
        Some(bytes) => Ok(bundle::piece(&bytes, offset)),
        None => bundle::part(conn, device, (wanted, offset)).await,
    }
}

/// The journal shows a round; gives whether we made it for that handheld.
pub(super) async fn shown(
    conn: &mut Conn,
    id: TokenId,
    (device, epoch): (&DeviceId, u32),
    seq: u64,
) -> Result<bool, OfficeError> {
    let sql = "UPDATE round_doc SET taken = $4 WHERE id = $1 AND device = $2 AND epoch = $3";
    let shown = query(sql)
        .bind(id.to_string())
        .bind(device.as_str())
        .bind(i64::from(epoch))
        .bind(ledger::number(seq));
    Ok(shown.execute(conn).await?.rows_affected() > 0)
}
