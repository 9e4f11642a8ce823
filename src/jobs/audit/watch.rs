//! Checks 8, 9, 11 and 12: time, open recharges, operators, software.

use super::World;
use super::acts::Story;
use super::finding::{Findings, Reason};
use super::journal::Journal;
use super::tables::Program;
use crate::store::Withdrawal;
use crate::sync::wire::Event;
use crate::units::{Decision, MeterNo, UnixSeconds};
use std::collections::{BTreeMap, HashSet};

/// How much clocks may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// A handheld's, seconds.
    pub handheld_s: i64,
    /// A meter's, seconds.
    pub meter_s: i64,
    /// What meters' clocks show beyond UTC, seconds: they run on local civil time.
    pub zone_s: i64,
}

/// Check 8: time does not run backwards; whose clock is off is listed.
pub fn time(world: &World, clocks: Clocks, found: &mut Findings) {
    let mut meters: BTreeMap<MeterNo, (i64, String)> = BTreeMap::new();
    for journal in &world.journals {
        backwards(journal, clocks, found);
        for entry in &journal.entries {
            let Some(evidence) = entry.event.evidence() else { continue };
            let Some(clock) = evidence.meter_clock else { continue };
            let utc = clock.0.saturating_sub(clocks.zone_s);
            let off = utc.saturating_sub(evidence.read_at.0);
            let worst = meters.entry(evidence.meter).or_default();
            if off.saturating_abs() > worst.0.saturating_abs() {
                *worst = (off, journal.place(entry.seq));
            }
        }
        ahead(world, journal, clocks, found);
    }
    for (meter, (off, place)) in meters {
        if off.saturating_abs() > clocks.meter_s {
            found.add(Reason::MeterClock, meter, format!("{off:+} s at {place}"));
        }
    }
}

fn backwards(journal: &Journal, clocks: Clocks, found: &mut Findings) {
    let mut high = i64::MIN;
    for entry in &journal.entries {
        let at = entry.at.0;
        if high.saturating_sub(at) > clocks.handheld_s {
            let detail = format!("{} s", high.saturating_sub(at));
            found.add(Reason::Backwards, journal.place(entry.seq), detail);
            // One set clock is one finding, not one for every entry behind it.
            high = at;
        }
        high = high.max(at);
        // The office's time, signed: a clock that was ahead may now be put right.
        if let Event::TimeAnchor { server } = &entry.event {
            high = high.min(server.0);
        }
    }
}

/// An entry cannot be later than the receipt that covers it.
fn ahead(world: &World, journal: &Journal, clocks: Clocks, found: &mut Findings) {
    let whose = (journal.device.to_string(), journal.epoch);
    let Some(times) = world.receipt_times.get(&whose) else { return };
    let mut from = 0;
    for (until, office) in times {
        let to = journal.entries.partition_point(|entry| entry.seq <= *until).max(from);
        let latest = journal.entries[from..to].iter().max_by_key(|entry| entry.at);
        if let Some(entry) = latest {
            let off = entry.at.0.saturating_sub(office.0);
            if off > clocks.handheld_s {
                found.add(Reason::AheadOfOffice, journal.place(entry.seq), format!("{off} s"));
            }
        }
        from = to;
    }
}

/// Check 9: recharges that are open, or disputed, at the end.
pub fn open(world: &World, now: UnixSeconds, after_s: i64, found: &mut Findings) {
    for (id, fate) in &world.story.fates {
        let settled = fate.resolved.is_some() || fate.accepted.is_some();
        let back = matches!(fate.withdrawn, Some(Withdrawal::Voided | Withdrawal::Settled));
        if let Some(place) = fate.open.filter(|_| !settled && !back) {
            let age = now.0.saturating_sub(place.at.0);
            let reason = match fate.last {
                Some(Decision::TornWrite | Decision::Reset | Decision::Contradiction) => {
                    Reason::Disputed
                }
                _ if age > after_s => Reason::OpenOld,
                _ => Reason::OpenNew,
            };
            let where_ = world.journals.get(place.journal).map(|j| j.place(place.seq));
            let detail = format!("{} {} h", where_.unwrap_or_default(), age / 3600);
            found.add(reason, id, detail);
        }
    }
}

/// When an operator's failures are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// Percent of the recharges begun.
    pub percent: usize,
    /// Fewest recharges of which a ratio says anything.
    pub least: usize,
}

/// Check 11: how many of an operator's recharges were refused by the meter, or are not known.
pub fn people(story: &Story, ratio: Ratio, found: &mut Findings) {
    for (operator, tally) in &story.operators {
        let failed = tally.refused + tally.unknown();
        if tally.acts >= ratio.least && failed * 100 > tally.acts * ratio.percent {
            let refused = tally.refused;
            let detail =
                format!("{refused} refused, {} unknown of {}", tally.unknown(), tally.acts);
            found.add(Reason::Ratio, operator, detail);
        }
    }
}

/// Check 12: which program wrote each entry. Gives those that did.
pub fn software(
    journals: &[Journal],
    allowed: Option<&HashSet<Program>>,
    found: &mut Findings,
) -> BTreeMap<Program, usize> {
    let mut programs: BTreeMap<Program, usize> = BTreeMap::new();
    for journal in journals {
        let mut current: Option<Program> = None;
        let mut entries = 0;
        for entry in &journal.entries {
            match &entry.event {
                Event::Software { version, digest } => {
                    let program = (version.clone(), *digest);
                    if allowed.is_some_and(|list| !list.contains(&program)) {
                        let detail = format!("{version} {}", super::hex(digest));
                        found.add(Reason::SoftwareOther, journal.place(entry.seq), detail);
                    }
                    count(&mut programs, current.replace(program), entries);
                    entries = 0;
                }
                Event::Intent { .. } | Event::Resend { .. } if current.is_none() => {
                    found.add(Reason::SoftwareNone, journal.place(entry.seq), "");
                }
                _ => {}
            }
            entries += 1;
        }
        count(&mut programs, current, entries);
    }
    programs
}

fn count(programs: &mut BTreeMap<Program, usize>, program: Option<Program>, entries: usize) {
    if let Some(program) = program {
        *programs.entry(program).or_default() += entries;
    }
}
