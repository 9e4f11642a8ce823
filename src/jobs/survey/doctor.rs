//! From evidence to verdicts: what is wrong with a line, and what shows it. Pure.

use super::search::doubled;
use super::tally::{Found, Tally, median};
use crate::jobs::views::{SurveyProtocol, Verdict, VerdictKind};
use crate::transport::LineSettings;

/// Questions with noise behind them that make a garbled line: one may be chance.
const NOISE_LEAST: u32 = 2;
/// Edges after our own words that make a swapped pair, and their share of all questions, percent.
const EDGES_LEAST: u32 = 5;
const EDGES_PERCENT: u32 = 80;
/// Answers in lumps that make a slow adapter, and their share, percent.
const LUMPS_LEAST: u32 = 3;
const LUMPS_PERCENT: u32 = 80;
/// Less than this is no adapter's tick but the machine's, microseconds.
const TICK_LEAST_US: u32 = 4000;
/// Answers not in order, percent of those checked, that make a garbled line.
const BAD_PERCENT: u32 = 10;

/// What the verdicts are made from.
#[derive(Debug)]
pub struct Case<'a> {
    /// What was noticed.
    pub tally: &'a Tally,
    /// The meters.
    pub meters: &'a [Found],
    /// How the line was set before the survey.
    pub opened: LineSettings,
    /// The line keeps its settings.
    pub fixed: bool,
    /// Steps this machine was too late to judge.
    pub busy: u32,
}

/// Every verdict that applies, gravest first; [`VerdictKind::InOrder`] when none but harmless ones
/// do and meters were found.
pub fn verdicts(case: &Case<'_>) -> Vec<Verdict> {
    let answering = case.meters.iter().any(|meter| meter.answers > 0);
    let found = [
        foreign(case),
        swapped(case, answering),
        duplicates(case),
        two_protocols(case),
        parity(case),
        garbled(case, answering),
        slow(case),
        echo(case),
        fixed(case),
        busy(case),
    ];
    let mut found: Vec<Verdict> = found.into_iter().flatten().collect();
    let explained = found.iter().any(|verdict| !harmless(verdict.kind));
    if !answering && !explained {
        // Who did not listen cannot say that nobody spoke.
        if case.busy == 0 {
            found.insert(0, plain(VerdictKind::Silent, case.tally.frames));
        }
    } else if !explained {
        found.insert(0, in_order(case));
    }
    found
}

/// Worth saying, but nothing that keeps the line from working.
pub fn harmless(kind: VerdictKind) -> bool {
    use VerdictKind::{Echo, InOrder, LineFixed, MachineBusy};
    matches!(kind, Echo | LineFixed | InOrder | MachineBusy)
}

fn plain(kind: VerdictKind, count: u32) -> Verdict {
    Verdict { kind, count, time_us: None, about: String::new(), bytes: Vec::new() }
}

fn in_order(case: &Case<'_>) -> Verdict {
    let times: Vec<u32> = case.meters.iter().filter_map(|m| median(&m.times_us)).collect();
    let count = u32::try_from(case.meters.len()).unwrap_or(u32::MAX);
    Verdict { time_us: median(&times), ..plain(VerdictKind::InOrder, count) }
}

fn foreign(case: &Case<'_>) -> Option<Verdict> {
    let seen = &case.tally.foreign;
    let bytes = seen.bytes.clone();
    (seen.count > 0).then(|| Verdict { bytes, ..plain(VerdictKind::ForeignMaster, seen.count) })
}

fn swapped(case: &Case<'_>, answering: bool) -> Option<Verdict> {
    if answering {
        return None;
    }
    let (turned, edges) = (&case.tally.inverted, &case.tally.edges);
    if turned.count > 0 {
        let bytes = turned.bytes.clone();
        return Some(Verdict { bytes, ..plain(VerdictKind::PairSwapped, turned.count) });
    }
    let enough = edges.count >= EDGES_LEAST;
    let most = edges.count.saturating_mul(100) >= case.tally.frames * EDGES_PERCENT;
    let bytes = edges.bytes.clone();
    (enough && most).then(|| Verdict { bytes, ..plain(VerdictKind::PairSwapped, edges.count) })
}

fn duplicates(case: &Case<'_>) -> Option<Verdict> {
    let twice: Vec<&Found> = case.meters.iter().filter(|m| doubled(m).is_some()).collect();
    let first = twice.first()?;
    let about: Vec<&str> = twice.iter().map(|meter| meter.address.as_str()).collect();
    Some(Verdict {
        about: about.join(" "),
        bytes: first.sample.iter().copied().take(32).collect(),
        ..plain(VerdictKind::DuplicateAddress, u32::try_from(twice.len()).unwrap_or(u32::MAX))
    })
}

fn two_protocols(case: &Case<'_>) -> Option<Verdict> {
    // Both editions of DL/T 645 share a line by design, and 2007 meters may answer 1997 questions.
    let kind = |meter: &Found| match meter.protocol {
        SurveyProtocol::Dlt645v1997 => SurveyProtocol::Dlt645,
        protocol => protocol,
    };
    let mut kinds: Vec<SurveyProtocol> = case.meters.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let about: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    (kinds.len() > 1).then(|| Verdict {
        about: about.join(" + "),
        ..plain(VerdictKind::TwoProtocols, u32::try_from(kinds.len()).unwrap_or(u32::MAX))
    })
}

/// The meters were found at the speed the line had, with another parity; or what was overheard
/// could be read with another parity only.
fn parity(case: &Case<'_>) -> Option<Verdict> {
    let told = |line: &str, count: u32| Verdict {
        about: format!("{} -> {line}", case.opened),
        ..plain(VerdictKind::WrongParity, count)
    };
    if let Some((seen, line)) = &case.tally.other_parity {
        return Some(Verdict { bytes: seen.bytes.clone(), ..told(line, seen.count) });
    }
    let opened = case.opened.to_string();
    let differs = |meter: &&Found| {
        let settings = LineSettings::parse(&meter.line).ok();
        settings.is_some_and(|s| {
            s.baud == case.opened.baud
                && s.data_bits == case.opened.data_bits
                && s.parity != case.opened.parity
        })
    };
    if case.meters.iter().any(|meter| meter.line == opened) {
        return None;
    }
    let meter = case.meters.iter().find(differs)?;
    let answers = case.meters.iter().filter(differs).map(|meter| meter.answers).sum();
    Some(told(&meter.line, answers))
}

fn garbled(case: &Case<'_>, answering: bool) -> Option<Verdict> {
    let tally = case.tally;
    if !answering {
        let noise = &tally.noise;
        let turned = tally.inverted.count > 0;
        return (noise.count >= NOISE_LEAST && !turned && tally.foreign.count == 0).then(|| {
            Verdict { bytes: noise.bytes.clone(), ..plain(VerdictKind::Garbled, noise.count) }
        });
    }
    // Meters with one address spoil each other's answers; that is said elsewhere.
    let twice = case.meters.iter().any(|meter| doubled(meter).is_some());
    let (asked, bad) = tally.checked;
    (bad >= NOISE_LEAST && bad * 100 > asked * BAD_PERCENT && !twice)
        .then(|| plain(VerdictKind::Garbled, bad))
}

fn slow(case: &Case<'_>) -> Option<Verdict> {
    let (long, lumped) = case.tally.lumped;
    if lumped < LUMPS_LEAST || lumped * 100 < long * LUMPS_PERCENT {
        return None;
    }
    let tick = median(&case.tally.pauses_us).or_else(|| spread(case.meters))?;
    (tick >= TICK_LEAST_US)
        .then(|| Verdict { time_us: Some(tick), ..plain(VerdictKind::SlowAdapter, lumped) })
}

/// How much the answering times of one meter differ: at most a tick.
fn spread(meters: &[Found]) -> Option<u32> {
    let spread = |meter: &Found| {
        let (least, most) = (meter.times_us.iter().min()?, meter.times_us.iter().max()?);
        (meter.times_us.len() > 1).then(|| most - least)
    };
    meters.iter().filter_map(spread).max()
}

fn echo(case: &Case<'_>) -> Option<Verdict> {
    let tally = case.tally;
    if tally.short_echoes > 1 && tally.short_echoes > tally.echoes {
        return Some(plain(VerdictKind::EchoShort, tally.short_echoes));
    }
    (tally.hears_itself || tally.echoes > 1).then(|| plain(VerdictKind::Echo, tally.echoes.max(1)))
}

fn fixed(case: &Case<'_>) -> Option<Verdict> {
    let about = case.opened.to_string();
    case.fixed.then(|| Verdict { about, ..plain(VerdictKind::LineFixed, 1) })
}

fn busy(case: &Case<'_>) -> Option<Verdict> {
    let time_us = Some(case.tally.late_us);
    (case.busy > 0).then(|| Verdict { time_us, ..plain(VerdictKind::MachineBusy, case.busy) })
}
