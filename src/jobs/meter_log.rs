//! What a meter wrote down of what happened to it: how often, and when last.
//!
//! Covers opened, supply gone, trips, clearings, programming, clock set (`reference/dlt645.md`
//! 3.7). DL/T 645-2007 has them at fixed identifiers; other kinds show what their profile lists,
//! which is on the card already. Reading them is good to have and never needed: a meter that gives
//! none has been read all the same, and no more than [`BUDGET`] is spent on it.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::address::BusAddress;
use super::failure::fail;
use super::lines::Stop;
use super::views::Failure;
use super::{Line, ask, civil};
use crate::jobs::errand::{Row, Sign};
use crate::profile::Protocol;
use crate::protocol::value::{CivilTime, read_bcd};
use crate::report::Code;
use crate::store::{Event, Reading, Recorded};
use crate::units::MeterNo;

/// Longest time on the line, with the question under way on top: at 2400 baud all counts and newest
/// records take about 8 s.
pub const BUDGET: Duration = Duration::from_secs(15);

/// One kind of event.
struct Kind {
    /// Stable name; `text::work` has the words.
    name: &'static str,
    /// Identifier of its count.
    count: u32,
    /// Identifier of its newest record.
    newest: u32,
    /// Where in the record its time is: ss mm hh DD MM YY.
    time: usize,
    /// Whether it is odd that it happened since the meter was last seen.
    odd: bool,
}

const fn kind(name: &'static str, count: u32, newest: u32, time: usize, odd: bool) -> Kind {
    Kind { name, count, newest, time, odd }
}

/// What is asked, the most telling first.
const KINDS: &[Kind] = &[
    kind("event-cover", 0x0330_0D00, 0x0330_0D01, 0, true),
    kind("event-terminal-cover", 0x0330_0E00, 0x0330_0E01, 0, true),
    kind("event-meter-clear", 0x0330_0100, 0x0330_0101, 0, true),
    kind("event-clear", 0x0330_0300, 0x0330_0301, 0, true),
    kind("event-demand-clear", 0x0330_0200, 0x0330_0201, 0, false),
    kind("event-programming", 0x0330_0000, 0x0330_0001, 0, false),
    // Operator, the time before, the time after.
    kind("event-clock-set", 0x0330_0400, 0x0330_0401, 10, false),
    kind("event-power-down", 0x0311_0000, 0x0311_0001, 0, false),
    kind("event-trip", 0x1D00_0001, 0x1D00_0101, 0, false),
    kind("event-close", 0x1E00_0001, 0x1E00_0101, 0, false),
];

/// The step's note that says how much of it was read, and what it can say.
pub const NOTE: &str = "events";
const WHOLE: &str = "events-read";
const PART: &str = "events-partly";
const NONE: &str = "events-unserved";
/// The note of a kind that is odd: name of the kind, count before, count now.
const ODD: &str = "events-odd";

/// What was read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// The items as they came.
    pub items: Vec<(u32, Vec<u8>)>,
    /// SHA-256 over the raw bytes of each question with its answer.
    frames: Vec<[u8; 32]>,
    took_ms: u64,
    /// Whether every item was answered, if only by a refusal.
    whole: bool,
}

/// Reads a meter's counts, and the newest record of each kind that it has any of.
///
/// # Errors
/// A cancel alone: whatever else goes wrong makes less of it.
pub fn read(line: &mut Line<'_>, stop: &Stop) -> Result<Log, Failure> {
    let mut log = Log::default();
    if line.profile.protocol != Protocol::Dlt645_2007 {
        return Ok(log);
    }
    let Ok(BusAddress::Dlt645(meter)) = BusAddress::of(line.profile, &stop.place, stop.meter)
    else {
        return Ok(log);
    };
    let begun = line.link.now();
    let (mut silent, mut answered) = (0, true);
    let mut todo: Vec<u32> = KINDS.iter().rev().map(|kind| kind.count).collect();
    while let Some(di) = todo.pop() {
        let spent = line.link.now().saturating_sub(begun) >= BUDGET;
        if spent || silent > ask::MAX_SILENT {
            answered = false;
            break;
        }
        let answers = match ask::read(line, meter, &[di], 0) {
            Ok(answers) => answers,
            Err(failure) if failure.code == Code::Cancelled => return Err(failure),
            Err(_) => {
                answered = false;
                break;
            }
        };
        log.frames.push(answers.digest);
        let took = u64::try_from(answers.took.as_millis()).unwrap_or(u64::MAX);
        log.took_ms = log.took_ms.saturating_add(took);
        let heard = answers.replies.iter().any(|(_, reply)| reply.is_some());
        (silent, answered) = (silent + usize::from(!heard), answered && heard);
        let Some(data) = answers.data(di) else { continue };
        log.items.push((di, data.to_vec()));
        let any = read_bcd(data, false).is_some_and(|count| count > 0);
        let kind = KINDS.iter().find(|kind| kind.count == di && any);
        todo.extend(kind.map(|kind| kind.newest));
    }
    log.whole = answered;
    Ok(log)
}

impl Log {
    /// Puts it to a reading of the same visit.
    pub fn join(&self, reading: &mut Reading) {
        for frames in &self.frames {
            add(reading, Vec::new(), frames, 0);
        }
        reading.items.extend(self.items.iter().cloned());
        reading.took_ms = reading.took_ms.saturating_add(self.took_ms);
    }

    /// As notes of a step: how much was read, how often each kind happened and when last, by the
    /// meter's own clock, and which of them are odd by what was known `before`, in entries older
    /// than `until`.
    pub fn notes(&self, before: &[Recorded], until: u64) -> Vec<(String, String)> {
        let number = |di: u32| {
            let found = self.items.iter().find(|(own, _)| *own == di);
            found.and_then(|(_, data)| read_bcd(data, false))
        };
        let how = match (self.items.is_empty(), self.whole) {
            (true, _) => NONE,
            (false, true) => WHOLE,
            (false, false) => PART,
        };
        let mut notes = vec![(NOTE.to_owned(), how.to_owned())];
        for kind in KINDS {
            let Some(count) = number(kind.count) else { continue };
            notes.push((kind.name.to_owned(), count.to_string()));
            let record = self.items.iter().find(|(own, _)| *own == kind.newest);
            let time = record.and_then(|(_, data)| time(data, kind.time));
            notes.extend(time.map(|time| (format!("{}-at", kind.name), time.to_string())));
            if let Some(was) = known(before, kind.count, until)
                && kind.odd
                && was != count
            {
                notes.push((ODD.to_owned(), format!("{} {was} {count}", kind.name)));
            }
        }
        notes
    }
}

/// Adds what was read beside a reading to it: items, the digest of their frames, their time.
pub fn add(reading: &mut Reading, items: Vec<(u32, Vec<u8>)>, frames: &[u8; 32], took_ms: u64) {
    reading.items.extend(items);
    reading.took_ms = reading.took_ms.saturating_add(took_ms);
    let mut digest = Sha256::new();
    digest.update(reading.frames_digest);
    digest.update(frames);
    reading.frames_digest = digest.finalize().into();
}

/// A record's time; none in one that was never written.
fn time(record: &[u8], at: usize) -> Option<CivilTime> {
    let wire: [u8; 6] = record.get(at..at + 6)?.try_into().ok()?;
    civil::of_wire(wire)
}

/// A count as it was last seen before an entry, by the journal (newest entries first).
fn known(events: &[Recorded], di: u32, until: u64) -> Option<i64> {
    let readings = events.iter().filter_map(|entry| match &entry.event {
        Event::Reading(reading) if entry.seq < until => Some(reading),
        _ => None,
    });
    let mut counts = readings.filter_map(|reading| {
        let data = reading.items.iter().find(|(own, _)| *own == di).map(|(_, data)| data);
        data.filter(|data| data.iter().any(|byte| *byte != 0xFF))
            .and_then(|data| read_bcd(data, false))
    });
    counts.next()
}

/// Notes as rows: what happened to the meter, and what of it somebody has to look at.
pub fn rows(notes: &[(String, String)], meter: MeterNo) -> Vec<Row> {
    let of = |name: &str| notes.iter().find(|(own, _)| own == name).map(|(_, text)| text.as_str());
    let Some(how) = of(NOTE) else { return Vec::new() };
    let sign = if how == WHOLE { Sign::Info } else { Sign::Warn };
    let quiet = KINDS.iter().all(|kind| matches!(of(kind.name), None | Some("0")));
    let how = if how == WHOLE && quiet { "events-never" } else { how };
    let mut rows = vec![Row::new(sign, NOTE, how).at(meter)];
    rows.extend(lines(notes).map(|(name, value)| Row::info(name, value).at(meter)));
    for (_, text) in notes.iter().filter(|(name, _)| name == ODD) {
        let mut words = text.split(' ');
        let [name, was, is] = [0; 3].map(|_| words.next().unwrap_or_default());
        let why = fail(Code::MeterOpened, format!("{was} -> {is}"));
        rows.push(Row::new(Sign::Warn, ODD, name).at(meter).because(why));
    }
    rows
}

/// Each kind that happened at all, with its count and the time of the last one: for a certificate.
pub fn lines(notes: &[(String, String)]) -> impl Iterator<Item = (&'static str, String)> + '_ {
    let of = |name: &str| notes.iter().find(|(own, _)| own == name).map(|(_, text)| text.clone());
    KINDS.iter().filter_map(move |kind| {
        let count = of(kind.name).filter(|count| count != "0")?;
        let at = of(&format!("{}-at", kind.name)).map(|at| format!(", {at}"));
        Some((kind.name, format!("{count}{}", at.unwrap_or_default())))
    })
}

/// What a certificate says of it: how much was read, each kind, and what was odd.
pub fn paper(notes: &[(String, String)]) -> Vec<(String, String)> {
    let how = notes.iter().find(|(name, _)| name == NOTE).map(|(_, how)| how.clone());
    // A dead meter has none, and that is said.
    let how = how.unwrap_or_else(|| NONE.to_owned());
    let mut said = vec![(NOTE.to_owned(), how)];
    said.extend(lines(notes).map(|(name, value)| (name.to_owned(), value)));
    let odd = notes.iter().filter(|(name, _)| name == ODD);
    let names = odd.map(|(_, text)| text.split(' ').next().unwrap_or_default());
    said.extend(names.map(|name| (ODD.to_owned(), name.to_owned())));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_records_and_what_is_odd_become_notes_and_rows() {
        let cover = [0x05, 0x04, 0x03, 0x21, 0x11, 0x26].to_vec();
        let log = Log {
            items: vec![
                (0x0330_0D00, vec![2, 0, 0]),
                (0x0330_0D01, cover),
                (0x0330_0E00, vec![0, 0, 0]),
            ],
            whole: true,
            ..Log::default()
        };
        let notes = log.notes(&[], u64::MAX);
        let text: Vec<String> = notes.iter().map(|(name, text)| format!("{name}={text}")).collect();
        let at = "event-cover-at=2026-11-21 03:04:05";
        assert_eq!(text, ["events=events-read", "event-cover=2", at, "event-terminal-cover=0"]);
        let said: Vec<String> = lines(&notes).map(|(name, at)| format!("{name} {at}")).collect();
        assert_eq!(said, ["event-cover 2, 2026-11-21 03:04:05"], "what never happened has no line");
        let meter = "47".parse().unwrap();
        let odd = [notes, vec![(ODD.to_owned(), "event-cover 1 2".to_owned())]].concat();
        let rows = rows(&odd, meter);
        let codes: Vec<_> = rows.iter().filter_map(|row| row.failure.as_ref()).collect();
        assert_eq!(codes[0].code, Code::MeterOpened);
        assert_eq!((codes.len(), codes[0].detail.as_str()), (1, "1 -> 2"));
        // Nothing read is no line of zeros, and is said.
        let none = Log::default().notes(&[], 0);
        assert_eq!(none, [(NOTE.to_owned(), NONE.to_owned())]);
        assert_eq!(paper(&[]), [(NOTE.to_owned(), NONE.to_owned())]);
    }
}
