//! The wiring check as a step: figures, verdict, and how what is only likely is confirmed.
//!
//! A verdict that rests on a person's word about the load does not end the step. He measures (one
//! phase off at a time, which shows what belongs together), or leaves it unconfirmed: then the step
//! counts as left out, and the certificate says on whose word.

use super::certificate::three;
use super::figures;
use super::steps::{
    Came, Here, LIKELY, LIKELY_TWO, LIKELY_WRONG, LOAD, MEASURE, Notes, PHASE_OFF, PHASES_ON, of,
    replaced, with,
};
use super::wiring::{self, Figures, Finding, Load, Pairs, System, Verdict};
use crate::jobs::errand::Answer;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::report::Code;

/// Reads the figures, judges, and asks for another load where nothing can be told.
///
/// # Errors
/// Line failures.
pub fn run(here: &Here<'_>, notes: &Notes, answer: Option<&Answer>) -> Result<Came, Failure> {
    let said = answer.and_then(Answer::text);
    match of(notes, "wait") {
        PHASE_OFF => return phase_off(here, notes),
        PHASES_ON => return phases_on(here, notes),
        _ => {}
    }
    let known = Some(of(notes, "load")).filter(|load| !load.is_empty());
    let load = said.and_then(Load::named).or_else(|| known.and_then(Load::named));
    let load = load.or_else(|| here.values.get("load").and_then(Load::named));
    let load = load.unwrap_or(Load::Ordinary);
    let seen = here.on(figures::read)?;
    let system = system(here, &seen);
    if said == Some(MEASURE) {
        let mut notes = figures::plain(&seen);
        notes.extend(with(&[("load", load.name())]));
        return Ok(match system {
            System::FourWire => Came::Wait(PHASE_OFF, notes),
            _ => unseen(notes),
        });
    }
    let verdict = wiring::judge(system, &seen, load);
    let mut notes = figures::notes(&seen, &verdict);
    notes.extend(with(&[("load", load.name())]));
    Ok(came(system, &verdict, notes))
}

fn system(here: &Here<'_>, seen: &Figures) -> System {
    named_system(here.values.get("system"), seen)
}

/// How the meter is connected: as it was said, else by its voltages.
pub fn named_system(named: Option<&str>, seen: &Figures) -> System {
    match named {
        Some("single") => System::Single,
        Some("three-wire") => System::ThreeWire,
        Some(_) => System::FourWire,
        None => figures::system(seen),
    }
}

/// What a verdict makes of the step.
fn came(system: System, verdict: &Verdict, notes: Notes) -> Came {
    let doubts = of(&notes, "doubts").to_owned();
    let likely = verdict.likely.as_ref().map(|likely| likely.faults.is_empty());
    match (verdict.finding, likely) {
        (Finding::Right, _) => Came::Done(notes),
        (Finding::CannotTell, Some(true)) => {
            let wait = if system == System::FourWire { LIKELY } else { LIKELY_TWO };
            Came::FailedAsking(fail(Code::WiringUnsure, "wiring-likely-right"), wait, notes)
        }
        (Finding::CannotTell, Some(false)) => {
            Came::FailedAsking(fail(Code::WiringUnsure, "wiring-likely-wrong"), LIKELY_WRONG, notes)
        }
        (Finding::Wrong, Some(_)) if verdict.faults.is_empty() => {
            Came::FailedAsking(fail(Code::WiringWrong, "wiring-likely-wrong"), LIKELY_WRONG, notes)
        }
        // Wrong without a name: another load tells which is likely, a measurement which it is.
        (Finding::Wrong, _) if verdict.faults.is_empty() => {
            Came::FailedAsking(fail(Code::WiringWrong, doubts), LOAD, notes)
        }
        (Finding::Wrong, _) => Came::Failed(fail(Code::WiringWrong, of(&notes, "faults")), notes),
        (Finding::CannotTell, None) => {
            Came::FailedAsking(fail(Code::WiringUnsure, doubts), LOAD, notes)
        }
    }
}

/// No pair could be seen: that says nothing of the wiring.
fn unseen(notes: Notes) -> Came {
    Came::FailedAsking(fail(Code::WiringUnsure, "pair-not-seen"), LOAD, notes)
}

/// A phase is off: what went with it is a pair. Two of them make the third.
fn phase_off(here: &Here<'_>, notes: &Notes) -> Result<Came, Failure> {
    let before = Figures {
        volts: three(notes, "volts-dv"),
        amps: three(notes, "amps-ma"),
        ..Figures::default()
    };
    let off = here.on(figures::read)?;
    let mut known = pairs(of(notes, "pairs"));
    let Some(pair) = wiring::pair(&before, &off) else { return Ok(unseen(notes.clone())) };
    match known.iter().find(|(volts, amps)| (*volts == pair.0) != (*amps == pair.1)) {
        Some(_) => return Ok(unseen(notes.clone())),
        None if known.contains(&pair) => return Ok(Came::Wait(PHASE_OFF, notes.clone())),
        None => known.push(pair),
    }
    let text: Vec<String> = known.iter().map(|(volts, amps)| format!("{volts}:{amps}")).collect();
    let notes = replaced(notes, "pairs", &text.join(" "));
    Ok(Came::Wait(if known.len() < 2 { PHASE_OFF } else { PHASES_ON }, notes))
}

/// All phases are on again: with the pairs known, the figures tell the wiring by themselves.
fn phases_on(here: &Here<'_>, notes: &Notes) -> Result<Came, Failure> {
    let Some(found) = whole(&pairs(of(notes, "pairs"))) else { return Ok(unseen(notes.clone())) };
    let seen = here.on(figures::read)?;
    let verdict = wiring::judge_paired(&seen, found);
    let mut told = figures::notes(&seen, &verdict);
    told.extend(with(&[("pairs", of(notes, "pairs")), ("load", of(notes, "load"))]));
    if verdict.finding != Finding::CannotTell {
        told = replaced(&told, "basis", "basis-pairs");
    }
    Ok(came(System::FourWire, &verdict, told))
}

/// Pairs as they are noted: `0:0 1:2`.
fn pairs(text: &str) -> Vec<(u8, u8)> {
    let one = |word: &str| {
        let (volts, amps) = word.split_once(':')?;
        Some((volts.parse().ok()?, amps.parse().ok()?))
    };
    text.split(' ').filter_map(one).collect()
}

/// Two pairs and the third that follows.
fn whole(known: &[(u8, u8)]) -> Option<Pairs> {
    let left = |taken: fn(&(u8, u8)) -> u8| {
        (0..3u8).find(|at| known.iter().all(|pair| taken(pair) != *at))
    };
    let third = (left(|pair| pair.0)?, left(|pair| pair.1)?);
    let all: Vec<(u8, u8)> = known.iter().copied().chain([third]).collect();
    let mut found = [0; 3];
    for (slot, volts) in found.iter_mut().zip(0u8..) {
        *slot = all.iter().find(|pair| pair.0 == volts)?.1;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pairs_make_the_third() {
        assert_eq!(whole(&pairs("0:0 1:2")), Some([0, 2, 1]));
        assert_eq!(whole(&pairs("2:0 0:1")), Some([1, 2, 0]));
        assert_eq!(whole(&pairs("0:0")), None, "one alone leaves two possible");
        assert_eq!(whole(&pairs("")), None);
    }
}
