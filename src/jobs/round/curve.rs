//! Load curve and daily freezes of a meter, by window: each piece is in the journal before the next
//! one is asked for, so that a reading that was stopped goes on at the block where it stopped.
//!
//! The rows are taken out of the journal's raw answers whenever they are wanted; nothing is stored
//! twice. DL/T 645-2007 only: of other protocols it is said that they do not offer it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::facts::READ;
use super::keep::Kept;
use super::list::date;
use super::{append, report, visit};
use crate::jobs::address::BusAddress;
use crate::jobs::errand::{self, Sheet, Site, Values};
use crate::jobs::failure::{self, fail};
use crate::jobs::lines::{self, Ended, Stop};
use crate::jobs::swap::back;
use crate::jobs::views::Failure;
use crate::jobs::{Line, ask, civil};
use crate::profile::Protocol;
use crate::protocol::dlt645::curve::{self, CLASSES, DAYS_MAX, RECORDS_MAX, Record};
use crate::protocol::dlt645::dialogue::{ReadItems, Reply};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::value::{CivilTime, read_bcd};
use crate::report::Code;
use crate::store::{Event, Reading, Store};
use crate::units::{ErrandKind, MeterNo, StepState, UnixSeconds, WorkId};

/// Longest window, s: a meter keeps less.
const WINDOW_MAX: i64 = 800 * 86_400;
/// The step that says where a meter's curve goes on.
const PLACE: &str = "place";
/// The note with the next time wanted.
const NEXT: &str = "next";
/// The note with the class of records, where they are read class by class.
const CLASS: &str = "class";
/// How far to go on over records that the meter itself marked as bad, s.
const OVER_BAD_S: i64 = 900;
/// Pieces in a row without a good record before the meter is given up.
const BAD_MAX: u32 = 200;
/// Entries of a meter's journal that are looked through for rows.
const LOOK_BACK: usize = 10_000;

/// From when to when, by the meter's clock; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: CivilTime,
    /// The last.
    pub to: CivilTime,
}

impl Window {
    /// As a form says it.
    ///
    /// # Errors
    /// [`Code::FieldOdd`]: not two times in order, or too long a window.
    pub fn of(values: &Values) -> Result<Self, Failure> {
        let time = |key: &str| -> Result<(UnixSeconds, bool), Failure> {
            let text = values.need(key)?;
            let day = !text.contains(':');
            let at = date(text).ok_or_else(|| fail(Code::FieldOdd, format!("{key}: {text}")))?;
            Ok((at, day))
        };
        let ((from, _), (to, day)) = (time("round-from")?, time("round-to")?);
        // A day without a time ends with its last minute.
        let to = UnixSeconds(to.0 + if day { 86_399 } else { 0 });
        let odd = || fail(Code::FieldOdd, "round-from, round-to");
        if from > to || to.0 - from.0 > WINDOW_MAX {
            return Err(odd());
        }
        let civil = |at| civil::of_seconds(at).ok_or_else(odd);
        Ok(Self { from: civil(from)?, to: civil(to)? })
    }

    fn holds(&self, at: CivilTime) -> bool {
        self.from <= at && at <= self.to
    }
}

/// One daily freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// When it was frozen, by the meter's clock.
    pub at: CivilTime,
    /// Forward active energy, total and rates, 0.01 kWh.
    pub energies: Vec<Option<i64>>,
    /// Remaining credit, hundredths, where the meter freezes it.
    pub credit: Option<i64>,
}

/// The load records of a meter in the journal, each once, in order.
pub fn records(store: &Store, meter: MeterNo, window: &Window) -> Vec<Record> {
    let mut rows: BTreeMap<CivilTime, Record> = BTreeMap::new();
    for entry in store.events_for(meter, true, LOOK_BACK) {
        let Event::Reading(reading) = entry.event else { continue };
        for (_, data) in reading.items.iter().filter(|(di, _)| curve::is_since(*di)) {
            // What was journaled has been checked; the newest reading of a moment counts, and
            // what it lacks another class has.
            let (found, _) = curve::records(data).unwrap_or_default();
            for record in found.into_iter().filter(|record| window.holds(record.at)) {
                rows.entry(record.at).and_modify(|known| known.fill(&record)).or_insert(record);
            }
        }
    }
    rows.into_values().collect()
}

/// The daily freezes of a meter in the journal, each once, in order.
pub fn days(store: &Store, meter: MeterNo, window: &Window) -> Vec<Day> {
    let mut rows: BTreeMap<CivilTime, Day> = BTreeMap::new();
    for entry in store.events_for(meter, true, LOOK_BACK) {
        let Event::Reading(reading) = entry.event else { continue };
        if let Some(day) = day_of(&reading).filter(|day| window.holds(day.at)) {
            rows.entry(day.at).or_insert(day);
        }
    }
    rows.into_values().collect()
}

fn day_of(reading: &Reading) -> Option<Day> {
    let data = |base: u32| {
        let found = reading.items.iter().find(|(di, _)| di & 0xFFFF_FF00 == base);
        found.map(|(_, data)| data.as_slice())
    };
    let [time, energies, credit] = curve::day(0);
    let credit = data(credit).filter(|data| data.iter().any(|byte| *byte != 0xFF));
    Some(Day {
        at: curve::stamp(data(time)?)?,
        energies: data(energies).map(curve::energies).unwrap_or_default(),
        credit: credit.and_then(|data| read_bcd(data, false)),
    })
}

/// Goes to every meter that has not given all of its window yet.
///
/// # Errors
/// Store failures.
pub fn pass(
    site: &Site<'_>,
    work: WorkId,
    values: &Values,
    tell: &mut dyn FnMut(&Sheet),
) -> Result<(), Failure> {
    let window = Window::of(values)?;
    let by_day = values.get("round-what") == Some("round-days");
    let kept = Kept::of(site.desk.store, work);
    let missing = kept.missing();
    let of = (work, ErrandKind::Round);
    let mut progress = report::Progress::of(work, &kept);
    let act = |line: &mut Line<'_>, stop: &Stop| {
        let mut reader = Reader::of(site, work, line, stop)?;
        if by_day { reader.days(line, &window) } else { reader.curve(line, &window) }
    };
    let mut written = Ok(());
    let mut each = |ended: Ended<usize>| {
        let stamp = ended.at.stamp(site.desk.session.operator());
        let port = ended.port.as_deref();
        let step = match &ended.result {
            Ok(rows) => {
                let mut notes = vec![("rows".to_owned(), rows.to_string())];
                let alarm = back::seen(site.desk.store, &stamp, ended.meter, None);
                notes.extend(alarm.map(|alarm| (report::BACK.to_owned(), alarm.detail)));
                Some((StepState::Done, notes))
            }
            Err(failure) if failure.code == Code::Cancelled => None,
            Err(failure) => Some((StepState::Failed, report::failure_notes(failure, port))),
        };
        if let Some((state, notes)) = step.filter(|_| written.is_ok()) {
            let (store, meter) = (site.desk.store, Some(ended.meter));
            written = errand::step(store, &stamp, of, meter, (READ, state), notes);
        }
        let facts = super::facts::Facts::default();
        tell(progress.add(ended.meter, ended.result.as_ref().map(|_| &facts)));
    };
    let mut refused = Vec::new();
    let stops = visit::stops(site, &missing, &mut |meter, failure| refused.push((meter, failure)));
    for (meter, failure) in refused {
        each(Ended { meter, port: None, result: Err(failure), at: site.moment() });
    }
    let routes = lines::routes(stops, site.chosen, site.forced);
    lines::visit(site.crew, &routes, &act, &mut each);
    written
}

/// Reads one meter, piece by piece.
struct Reader<'a> {
    site: &'a Site<'a>,
    work: WorkId,
    meter: MeterNo,
    /// What the line calls it.
    asked: MeterNo,
}

/// One answer.
struct Piece {
    items: Vec<(u32, Vec<u8>)>,
    digest: [u8; 32],
    took_ms: u64,
}

impl<'a> Reader<'a> {
    fn of(site: &'a Site<'a>, work: WorkId, line: &Line<'_>, stop: &Stop) -> Result<Self, Failure> {
        let meter = stop.meter;
        if line.profile.protocol != Protocol::Dlt645_2007 {
            return Err(fail(Code::NotOffered, format!("{meter}: {}", line.profile.id)));
        }
        match BusAddress::of(line.profile, &stop.place, meter)? {
            BusAddress::Dlt645(asked) => Ok(Self { site, work, meter, asked }),
            _ => Err(fail(Code::BusAddress, stop.place.address.clone())),
        }
    }

    fn garbled(&self, what: impl std::fmt::Display) -> Failure {
        fail(Code::MeterGarbled, format!("{}: {what}", self.meter))
    }

    /// Writes a piece down, and where to go on.
    fn keep(
        &self,
        line: &Line<'_>,
        piece: Piece,
        next: Option<(u8, CivilTime)>,
    ) -> Result<(), Failure> {
        let store = self.site.desk.store;
        let stamp = self.site.desk.stamp(line);
        let reading = Reading {
            meter: self.meter,
            items: piece.items,
            profile: String::new(),
            values: Vec::new(),
            evidence: None,
            shown: None,
            read_at: line.now(),
            took_ms: piece.took_ms,
            frames_digest: piece.digest,
        };
        append(store, &stamp, Event::Reading(reading))?;
        let Some((class, next)) = next else { return Ok(()) };
        let of = (self.work, ErrandKind::Round);
        let mut notes = vec![(NEXT.to_owned(), next.to_string())];
        if class > 0 {
            notes.push((CLASS.to_owned(), class.to_string()));
        }
        errand::step(store, &stamp, of, Some(self.meter), (PLACE, StepState::Begun), notes)
    }

    /// Where it stopped last time: the class of records, and the next time.
    fn next(&self) -> Option<(u8, CivilTime)> {
        let row = self.site.desk.store.step(self.work, Some(self.meter), PLACE)?;
        let note = |wanted: &str| row.step.notes.iter().find(|(name, _)| name == wanted);
        let class = note(CLASS).and_then(|(_, text)| text.parse().ok()).unwrap_or(0);
        Some((class, civil::of_seconds(date(&note(NEXT)?.1)?)?))
    }

    /// The load records of the window; how many there are in the journal then. All classes at once
    /// where the meter gives them so, else class by class (`06cc0001`).
    fn curve(&mut self, line: &mut Line<'_>, window: &Window) -> Result<usize, Failure> {
        let place = self.next();
        let (mut class, mut from) = place.unwrap_or((0, window.from));
        // What it gave before, it gives at once: that there is no more is no refusal.
        let mut at_once = place.is_some() && class == 0;
        loop {
            at_once |= self.class(line, window, (class, from))? && class == 0;
            if at_once || class >= CLASSES {
                break;
            }
            (class, from) = (class + 1, window.from);
        }
        let rows = records(self.site.desk.store, self.meter, window).len();
        if rows == 0 {
            // Nothing in the window is an answer only where the meter has a curve at all.
            return Err(fail(Code::ItemUnknown, format!("{}: 06000001", self.meter)));
        }
        Ok(rows)
    }

    /// One class of the window, from a time on; whether the meter gave anything for it.
    fn class(
        &self,
        line: &mut Line<'_>,
        window: &Window,
        (class, from): (u8, CivilTime),
    ) -> Result<bool, Failure> {
        let mut from = from.max(window.from);
        let (mut bad_in_row, mut gave) = (0, false);
        while from <= window.to {
            let Some((data, piece)) = self.piece(line, (class, from))? else { break };
            let read = curve::records(&data).map_err(|error| self.garbled(error))?;
            let (found, bad) = read;
            self.in_order(&found, bad, from)?;
            let last = found.last().map(|record| record.at);
            bad_in_row = if last.is_some() { 0 } else { bad_in_row + 1 };
            if last.is_none() && bad == 0 {
                break;
            }
            if bad_in_row > BAD_MAX {
                return Err(self.garbled("E0 E0"));
            }
            let ahead = match last {
                Some(last) => civil::seconds(last).map(|at| UnixSeconds(at.0 + 60)),
                None => civil::seconds(from).map(|at| UnixSeconds(at.0 + OVER_BAD_S)),
            };
            let Some(next) = ahead.and_then(civil::of_seconds) else { break };
            self.keep(line, piece, Some((class, next)))?;
            gave = true;
            from = next;
        }
        Ok(gave)
    }

    /// A meter that gives more than was asked for, or not what was asked for, has no end.
    fn in_order(&self, found: &[Record], bad: usize, from: CivilTime) -> Result<(), Failure> {
        if found.len() + bad > usize::from(RECORDS_MAX) {
            return Err(self.garbled(format!("{} > {RECORDS_MAX}", found.len() + bad)));
        }
        let first = CivilTime { second: 0, ..from };
        let mut least = None;
        for record in found {
            let late = least.is_some_and(|least| record.at <= least) || record.at < first;
            if late {
                return Err(self.garbled(format!("{} < {from}", record.at)));
            }
            least = Some(record.at);
        }
        Ok(())
    }

    /// Asks for the next records; none where the meter has no more.
    fn piece(
        &self,
        line: &mut Line<'_>,
        (class, from): (u8, CivilTime),
    ) -> Result<Option<(Vec<u8>, Piece)>, Failure> {
        let address = Address::meter(self.asked);
        let (timing, retry, begun) = (ask::timing(line), ask::retry(line), line.link.now());
        let mut dialogue = ReadItems::new(address, vec![curve::of_class(class)], timing, retry)
            .with(curve::since(RECORDS_MAX, from));
        if line.doubtful {
            dialogue = dialogue.after_trouble();
        }
        let mut digest = Sha256::new();
        let ended = ask::run(line, &mut dialogue, &mut digest);
        let ended = ended.map_err(|error| failure::drive(&error))?;
        line.doubtful = ended.is_err();
        let replies = ended.map_err(|error| ask::named(&error, self.asked))?;
        let took = line.link.now().saturating_sub(begun);
        match replies.into_iter().next() {
            Some((di, Reply::Data(data))) => {
                let items = vec![(di, data.clone())];
                let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                Ok(Some((data, Piece { items, digest: digest.finalize().into(), took_ms })))
            }
            // "No such data" at this time: there is none later either.
            Some((_, Reply::Refused(_))) | None => Ok(None),
        }
    }

    /// The daily freezes of the window, newest first; how many there are in the journal then.
    fn days(&mut self, line: &mut Line<'_>, window: &Window) -> Result<usize, Failure> {
        let store = self.site.desk.store;
        let mut known: Vec<CivilTime> =
            days(store, self.meter, window).iter().map(|day| day.at).collect();
        let mut least: Option<CivilTime> = None;
        for nth in 1..=DAYS_MAX {
            let [time, energies, credit] = curve::day(nth);
            let first = ask::read(line, self.asked, &[time], 1)?;
            let Some(at) = first.data(time).and_then(curve::stamp) else { break };
            // A freeze at midnight while we read moves every number by one: the same day again.
            if least.is_some_and(|least| at > least) {
                return Err(self.garbled(format!("{nth}: {at}")));
            }
            least = Some(at);
            if at < window.from {
                break;
            }
            if at > window.to || known.contains(&at) {
                continue;
            }
            let mut answers = first;
            answers.join(ask::read(line, self.asked, &[energies, credit], 0)?);
            let piece = Piece {
                items: answers.given(),
                digest: answers.digest,
                took_ms: u64::try_from(answers.took.as_millis()).unwrap_or(u64::MAX),
            };
            self.keep(line, piece, None)?;
            known.push(at);
        }
        if known.is_empty() {
            return Err(fail(Code::ItemUnknown, format!("{}: 05060001", self.meter)));
        }
        Ok(known.len())
    }
}
