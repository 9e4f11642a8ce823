//! Parameters that two handhelds wrote to one meter without knowing of each other (C6).
//!
//! The end of a meter's visit names the bundle and says that it was read back: with the file the
//! office signed, that is what the meter holds. The later write is the truth, as it was read from
//! the meter; nobody is called for two bundles that are about different parameters. Where both
//! wrote the same parameter differently, a person is, unless the office meant the later one to
//! follow: it is a higher version of the same name, or was signed after the earlier write was known
//! here. The verdict on a pair does not depend on which of the two comes in first.

use super::book::Book;
use super::db::query;
use super::entry::{Source, flag_on};
use super::error::OfficeError;
use super::grounds::Grounds;
use super::ledger::{self, Conn};
use super::model::Class;
use crate::profile::bundle::Bundle;
use crate::sync::wire::{Entry, Event, Step, read_entry};
use crate::units::{DeviceId, ErrandKind, MeterNo, StepState, TokenId, UnixSeconds, WorkId};
use std::collections::BTreeMap;

/// The step that says how a meter ended, and the note that names its bundle, as the handheld's
/// errand writes them (`jobs/bundle.rs`).
pub(super) const END: &str = "end";
pub(super) const BUNDLE: &str = "bundle";
/// Before the name of what is not right, in a note.
const PROBLEM: &str = "problem ";
/// How many earlier errands are looked through for the bundle of an entry that does not name it:
/// those of programs before that note.
const ERRANDS: i64 = 500;
/// How many writes of others to one meter are compared, the newest: more than a meter sees.
const WRITES: i64 = 100;
/// Names of parameters that are said to a person.
const NAMED: usize = 6;
/// The item of a meter's password at level 0 (`reference/dlt645.md`); the next levels follow.
const PASSWORD: u32 = 0x0400_0C01;

/// What is said of it; a person reads it in both languages (`text/conflict.rs`).
const WHY: &str = "two handhelds wrote one parameter differently";

/// What a bundle leaves in a meter: each parameter's name, and its value where the office knows it.
type Values = BTreeMap<u32, (String, Option<Vec<u8>>)>;

/// One write of a bundle to the meter.
struct Write {
    device: DeviceId,
    epoch: u32,
    seq: u64,
    at: UnixSeconds,
    /// When the office heard of it.
    received: UnixSeconds,
    /// When its bundle was signed.
    issued: UnixSeconds,
    bundle: TokenId,
    name: String,
    version: u32,
    digest: [u8; 32],
    values: Values,
}

impl Write {
    fn place(&self) -> (UnixSeconds, &DeviceId, u32, u64) {
        (self.at, &self.device, self.epoch, self.seq)
    }
}

/// The bundle a step names among its notes.
pub(super) fn named(step: &Step) -> Option<TokenId> {
    let note = step.notes.iter().find(|(key, _)| key == BUNDLE);
    note.and_then(|(_, id)| id.parse().ok())
}

/// The meter of an entry that ends a visit: its row is held while writes to it are compared, so
/// that of two packs at once the second sees the first.
pub(super) fn meter_of(event: &Event) -> Option<MeterNo> {
    match event {
        Event::Step(step) if step.kind == ErrandKind::Bundle && step.name == END => step.meter,
        _ => None,
    }
}

/// Follows the end of a meter's visit; says what a person must look at.
pub(super) async fn follow(
    conn: &mut Conn,
    book: &mut Book,
    source: &Source<'_>,
    entry: &Entry,
) -> Result<Option<(Class, &'static str)>, OfficeError> {
    let Event::Step(step) = &entry.event else { return Ok(None) };
    let (ErrandKind::Bundle, END, Some(meter)) = (step.kind, step.name.as_str(), step.meter) else {
        return Ok(None);
    };
    let bundle = match named(step) {
        Some(bundle) => Some(bundle),
        None => {
            // The pack's own entries are asked for too.
            book.write(conn).await?;
            of_errand(conn, source, step.errand).await?
        }
    };
    // A visit that only set the clock has none.
    let Some(bundle) = bundle else { return Ok(None) };
    let wrong: Vec<&str> =
        step.notes.iter().filter_map(|(key, _)| key.strip_prefix(PROBLEM)).collect();
    let wrong = match step.state {
        StepState::Done => String::new(),
        _ => format!("\n{}\n", wrong.join("\n")),
    };
    keep(conn, source, (meter, bundle), (&wrong, entry.at)).await?;
    let Some(mine) = write_of(conn, source).await? else {
        let why = "a bundle we never gave that handheld";
        let id = format!("C1:bundle:{}:{}:{}", source.device, source.epoch, source.seq);
        let rests = Grounds::default().and_token(bundle);
        flag_on(book, source, (id, Class::C1, why), (Some(meter), None), rests);
        return Ok(Some((Class::C1, why)));
    };
    let mut found = None;
    for other in others(conn, meter, &mine).await? {
        let (earlier, later) =
            if other.place() < mine.place() { (&other, &mine) } else { (&mine, &other) };
        let both = differing(&earlier.values, &later.values);
        if both.is_empty() || follows(earlier, later) {
            continue;
        }
        raise(book, source, meter, ((earlier, later), &both));
        found = Some((Class::C6, WHY));
    }
    Ok(found)
}

/// Whether the office meant the later one to come after the earlier.
fn follows(earlier: &Write, later: &Write) -> bool {
    let next = later.name == earlier.name && later.version > earlier.version;
    next || later.issued > earlier.received
}

/// The parameters both are about, and of which not both have one value.
fn differing<'v>(one: &'v Values, two: &Values) -> Vec<&'v str> {
    let differs = |(item, (name, value)): (&u32, &'v (String, Option<Vec<u8>>))| {
        let (_, other) = two.get(item)?;
        (value.is_none() || value != other).then_some(name.as_str())
    };
    one.iter().filter_map(differs).collect()
}

fn raise(
    book: &mut Book,
    source: &Source<'_>,
    meter: MeterNo,
    ((earlier, later), both): ((&Write, &Write), &[&str]),
) {
    let named = both.get(..NAMED).unwrap_or(both).join(", ");
    let more = both.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let who = |write: &Write| {
        let at = jiff::Timestamp::from_second(write.at.0);
        let at = at.map_or_else(|_| write.at.0.to_string(), |at| at.to_string());
        format!("{} wrote \"{}\" v{} at {at}", write.device, write.name, write.version)
    };
    let why = format!(
        "{WHY}: {named}{more}; {}, then {}: the meter has the latter",
        who(earlier),
        who(later)
    );
    let place = |write: &Write| format!("{}:{}:{}", write.device, write.epoch, write.seq);
    let id = format!("C6:{meter}:{}:{}", place(earlier), place(later));
    let rests = [earlier, later].into_iter().fold(Grounds::default(), |rests, write| {
        rests.and_entry(&write.device, write.epoch, write.seq).and_token(write.bundle)
    });
    flag_on(book, source, (id, Class::C6, &why), (Some(meter), None), rests);
}

/// The bundle an errand was begun with, for an entry that does not name it.
async fn of_errand(
    conn: &mut Conn,
    source: &Source<'_>,
    errand: WorkId,
) -> Result<Option<TokenId>, OfficeError> {
    let sql = "SELECT body FROM event WHERE device = $1 AND epoch = $2 AND seq < $3
               AND kind = 'step' AND meter IS NULL ORDER BY seq DESC LIMIT $4";
    let rows = query(sql)
        .bind(source.device.as_str())
        .bind(i64::from(source.epoch))
        .bind(ledger::number(source.seq))
        .bind(ERRANDS)
        .fetch_all(conn)
        .await?;
    for row in &rows {
        let body: Vec<u8> = row.try_get("body")?;
        let Ok(Entry { event: Event::Step(step), .. }) = read_entry(&body) else { continue };
        let bundle = named(&step).filter(|_| step.errand == errand && step.name == Step::WHOLE);
        if bundle.is_some() {
            return Ok(bundle);
        }
    }
    Ok(None)
}

async fn keep(
    conn: &mut Conn,
    source: &Source<'_>,
    (meter, bundle): (MeterNo, TokenId),
    (wrong, at): (&str, UnixSeconds),
) -> Result<(), OfficeError> {
    let sql = "INSERT INTO bundle_write (device, epoch, seq, meter, bundle, wrong, at, received)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    query(sql)
        .bind(source.device.as_str())
        .bind(i64::from(source.epoch))
        .bind(ledger::number(source.seq))
        .bind(meter.to_string())
        .bind(bundle.to_string())
        .bind(wrong)
        .bind(at.0)
        .bind(source.now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// The write of an entry that was just kept; none of a bundle this handheld was never given.
async fn write_of(conn: &mut Conn, source: &Source<'_>) -> Result<Option<Write>, OfficeError> {
    let sql = "SELECT w.*, d.name, d.version, d.issued, d.digest, f.body
               FROM bundle_write w JOIN bundle_doc d ON d.id = w.bundle AND d.device = w.device
               JOIN bundle_file f ON f.digest = d.digest
               WHERE w.device = $1 AND w.epoch = $2 AND w.seq = $3";
    let row = query(sql)
        .bind(source.device.as_str())
        .bind(i64::from(source.epoch))
        .bind(ledger::number(source.seq))
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(write).transpose()
}

/// What other handhelds wrote to the meter from other files.
async fn others(conn: &mut Conn, meter: MeterNo, mine: &Write) -> Result<Vec<Write>, OfficeError> {
    let sql = "SELECT w.*, d.name, d.version, d.issued, d.digest, f.body
               FROM bundle_write w JOIN bundle_doc d ON d.id = w.bundle AND d.device = w.device
               JOIN bundle_file f ON f.digest = d.digest
               WHERE w.meter = $1 AND w.device <> $2 AND d.digest <> $3
               ORDER BY w.at DESC, w.device, w.epoch, w.seq LIMIT $4";
    let rows = query(sql)
        .bind(meter.to_string())
        .bind(mine.device.as_str())
        .bind(mine.digest.as_slice())
        .bind(WRITES)
        .fetch_all(conn)
        .await?;
    rows.iter().map(write).collect()
}

fn write(row: &super::db::Row) -> Result<Write, OfficeError> {
    let body: Vec<u8> = row.try_get("body")?;
    let wrong: String = row.try_get("wrong")?;
    let text = std::str::from_utf8(&body).map_err(|_| OfficeError::Stored("bundle_file"))?;
    // It was checked before it was signed.
    let (bundle, _) = Bundle::check(text);
    let bundle = bundle.ok_or(OfficeError::Stored("bundle_file"))?;
    Ok(Write {
        device: ledger::parsed(row, "device")?,
        epoch: ledger::small(row, "epoch")?,
        seq: ledger::counter(row, "seq")?,
        at: UnixSeconds(row.try_get("at")?),
        received: UnixSeconds(row.try_get("received")?),
        issued: UnixSeconds(row.try_get("issued")?),
        bundle: ledger::parsed(row, "bundle")?,
        name: row.try_get("name")?,
        version: ledger::small(row, "version")?,
        digest: ledger::fixed(row, "digest")?,
        values: values(&bundle, &wrong),
    })
}

/// What a write left in the meter. `wrong`: empty where all of it reads right; otherwise the names
/// of what does not, one a line. Of such a visit, what is named is not in the meter, nor are the
/// tables of a set whose switch or shape is named; and what comes last of all was not reached.
fn values(bundle: &Bundle, wrong: &str) -> Values {
    let is = |name: &str| wrong.lines().any(|line| line == name);
    let whole = wrong.is_empty();
    let shape = wrong.lines().any(|line| line.starts_with("counts"));
    let mut values = Values::new();
    for item in &bundle.items {
        let left = item.set.is_some_and(|set| {
            let set = set.name();
            shape || is(&format!("switch.{set}")) || is(&format!("put-off.{set}"))
        });
        if !left && !is(&item.name) {
            values.insert(item.di, (item.name.clone(), Some(item.value.clone())));
        }
    }
    for switch in bundle.switches.iter().filter(|_| whole) {
        let name = format!("switch.{}", switch.set.name());
        values.insert(switch.set.switch(), (name, Some(switch.value().to_vec())));
    }
    if let Some(level) = bundle.password.filter(|_| whole) {
        // The office does not know the password itself: two that were set are two.
        let name = format!("password level {level}");
        values.insert(PASSWORD.saturating_add(u32::from(level)), (name, None));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::{Values, differing, values};
    use crate::profile::bundle::Bundle;

    fn bundle(text: &str) -> Bundle {
        let (bundle, faults) = Bundle::check(text);
        bundle.unwrap_or_else(|| panic!("{faults:?}"))
    }

    fn limits(lines: &str) -> Values {
        values(&bundle(&format!("name = \"x\"\nversion = 1\n[limits]\n{lines}\n")), "")
    }

    #[test]
    fn only_a_parameter_of_both_that_differs_is_one() {
        let one = limits("overload = \"6.0\"\ntrip-delay = \"3\"");
        assert_eq!(differing(&one, &limits("overload = \"7.0\"")), ["limits.overload"]);
        assert!(differing(&one, &limits("overload = \"6.0\"")).is_empty());
        assert!(differing(&one, &limits("reverse-delay = \"9\"")).is_empty());
    }

    #[test]
    fn what_a_visit_did_not_reach_is_not_in_the_meter() {
        let whole = bundle(include_str!("../../fixtures/bundles/summer.toml"));
        let all = values(&whole, "");
        assert_eq!(all.len(), whole.items.len() + whole.switches.len());
        let part = values(&whole, "\nlimits.overload\nswitch.prices\n");
        let names: Vec<&str> = part.values().map(|(name, _)| name.as_str()).collect();
        assert!(!names.contains(&"limits.overload") && names.contains(&"limits.alarm-1"));
        assert!(names.iter().all(|name| !name.starts_with("switch.")), "{names:?}");
        let of_prices = |item: &&crate::profile::bundle::BundleItem| {
            item.set == Some(crate::profile::bundle::Set::Prices)
        };
        assert!(whole.items.iter().filter(of_prices).count() > 0);
        for item in whole.items.iter().filter(of_prices) {
            assert!(!part.contains_key(&item.di), "{}", item.name);
        }
    }
}
