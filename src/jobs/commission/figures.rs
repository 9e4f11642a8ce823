//! Reading what the wiring check stands on, and writing it down.
//!
//! The currents are read before and after everything else: a load that changed in between makes
//! figures that do not belong together.

use super::steps::{Notes, note};
use super::wiring::{Confidence, Doubt, Fault, Figures, Finding, System, Verdict};
use crate::jobs::address::BusAddress;
use crate::jobs::lines::Stop;
use crate::jobs::readout::{self, Got};
use crate::jobs::views::Failure;
use crate::jobs::{Line, ask};
use crate::profile::{Item, Protocol};
use crate::protocol::value::{Value, read_bcd};

/// Blocks of DL/T 645-2007 (`reference/dlt645.md` 3.2): voltages, currents, active and reactive
/// powers with the total first, angles, status words, neutral current.
const VOLTS: u32 = 0x0201_FF00;
const AMPS: u32 = 0x0202_FF00;
const WATTS: u32 = 0x0203_FF00;
const VARS: u32 = 0x0204_FF00;
const ANGLES: u32 = 0x0207_FF00;
const STATUS: u32 = 0x0400_05FF;
const NEUTRAL: u32 = 0x0280_0001;
/// A current that moved by more than so many percent, and by more than so many mA, was not steady.
const MOVED: (i64, i64) = (10, 100);

/// Reads the figures of a meter.
///
/// # Errors
/// Line failures; a meter that gives neither voltages nor currents.
pub fn read(line: &mut Line<'_>, stop: &Stop) -> Result<Figures, Failure> {
    match BusAddress::of(line.profile, &stop.place, stop.meter)? {
        BusAddress::Dlt645(no) if line.profile.protocol == Protocol::Dlt645_2007 => {
            blocks(line, no)
        }
        address => named(line, &address),
    }
}

fn blocks(line: &mut Line<'_>, no: crate::units::MeterNo) -> Result<Figures, Failure> {
    let items = [AMPS, VOLTS, WATTS, VARS, ANGLES, STATUS, NEUTRAL];
    let answers = ask::read(line, no, &items, 2)?;
    let again = ask::read(line, no, &[AMPS], 1)?;
    let of = |di: u32, len, signed| values(answers.data(di).unwrap_or_default(), len, signed);
    let words = values_of_status(answers.data(STATUS).unwrap_or_default());
    let bit = |word: usize, bit: u8| words.get(word - 1).map(|word| word >> bit & 1 == 1);
    let (watts, vars) = (of(WATTS, 3, true), of(VARS, 3, true));
    let amps = three(&of(AMPS, 3, true), 0).map(|amps| amps.map(i64::abs));
    let later = values(again.data(AMPS).unwrap_or_default(), 3, true);
    let later = three(&later, 0).map(|amps| amps.map(i64::abs));
    Ok(Figures {
        volts: three(&of(VOLTS, 2, false), 0),
        amps,
        watts: three(&watts, 1),
        vars: three(&vars, 1),
        angles: three(&of(ANGLES, 2, false), 0),
        factors: [None; 3],
        total: watts.first().copied().flatten(),
        backwards: [0, 1, 2].map(|phase| bit(2, phase).unwrap_or(false)),
        order_reversed: bit(7, 0),
        neutral: of(NEUTRAL, 3, true).first().copied().flatten(),
        power_step: 1,
        unsteady: moved(amps, later),
    })
}

/// A profile's own items, by their names.
fn named(line: &mut Line<'_>, address: &BusAddress) -> Result<Figures, Failure> {
    const NAMES: [&str; 4] = ["voltage", "current", "power", "reactive-power"];
    let wanted = |item: &&Item| {
        NAMES.iter().any(|name| {
            item.name.strip_prefix(name).is_some_and(|end| matches!(end, "" | "-a" | "-b" | "-c"))
        })
    };
    let items: Vec<Item> = line.profile.items.iter().filter(wanted).cloned().collect();
    let found = readout::readout(line, address, &items)?;
    let amps: Vec<Item> =
        items.iter().filter(|item| item.name.starts_with("current-")).cloned().collect();
    let later = readout::readout(line, address, &amps)?;
    let of = |found: &[Got], name: &str, decimals: u8| number(found, name, decimals);
    let three = |found: &[Got], name: &str, decimals: u8| {
        ["a", "b", "c"].map(|phase| of(found, &format!("{name}-{phase}"), decimals))
    };
    let amps = three(&found.values, "current", 3);
    let step = items.iter().filter(|item| item.name.starts_with("power-"));
    // Powers are kW; what has three decimals goes in steps of 1 W.
    let step = step.map(|item| 10i64.pow(4u32.saturating_sub(item.decimals.into()))).max();
    Ok(Figures {
        volts: three(&found.values, "voltage", 1),
        amps: amps.map(|amps| amps.map(i64::abs)),
        watts: three(&found.values, "power", 4),
        vars: three(&found.values, "reactive-power", 4),
        total: of(&found.values, "power", 4),
        power_step: step.unwrap_or(1),
        unsteady: moved(amps, three(&later.values, "current", 3)),
        ..Figures::default()
    })
}

fn number(found: &[Got], name: &str, decimals: u8) -> Option<i64> {
    let got = found.iter().find(|got| got.name == name)?;
    match got.value {
        Value::Number(number) => number.scaled(decimals),
        _ => None,
    }
}

/// Values of `len` bytes; all FF is a phase the meter does not have.
fn values(data: &[u8], len: usize, signed: bool) -> Vec<Option<i64>> {
    let there = |bytes: &&[u8]| bytes.iter().any(|byte| *byte != 0xFF);
    let one = |bytes: &[u8]| Some(bytes).filter(there).and_then(|bytes| read_bcd(bytes, signed));
    data.chunks_exact(len).map(one).collect()
}

fn values_of_status(data: &[u8]) -> Vec<u16> {
    let word = |pair: &[u8]| pair.try_into().map(u16::from_le_bytes).unwrap_or_default();
    data.chunks_exact(2).map(word).collect()
}

fn three(values: &[Option<i64>], from: usize) -> [Option<i64>; 3] {
    [0, 1, 2].map(|at| values.get(from + at).copied().flatten())
}

fn moved(before: [Option<i64>; 3], after: [Option<i64>; 3]) -> bool {
    before.iter().zip(after).any(|(before, after)| match (before, after) {
        (Some(before), Some(after)) => {
            let apart = (before.abs() - after.abs()).abs();
            apart > MOVED.1 && apart * 100 > before.abs() * MOVED.0
        }
        _ => false,
    })
}

/// How a meter is connected, by what it says of its voltages.
pub fn system(figures: &Figures) -> System {
    let there = |at: usize| figures.volts.get(at).copied().flatten().is_some_and(|volts| volts > 0);
    // A three-phase meter without a phase still shows its other two.
    if there(1) || there(2) { System::FourWire } else { System::Single }
}

/// The letter of a phase.
fn letter(phase: u8) -> char {
    char::from(b'a' + phase.min(2))
}

/// A stable word for a fault, its phases at the end.
pub fn fault_text(fault: Fault) -> String {
    match fault {
        Fault::VoltageMissing(phase) => format!("voltage-missing-{}", letter(phase)),
        Fault::NeutralSwapped(phase) => format!("neutral-swapped-{}", letter(phase)),
        Fault::VoltagesSwapped(a, b) => format!("voltages-swapped-{}{}", letter(a), letter(b)),
        Fault::VoltagesMoved(by) => format!("voltages-moved-{by}"),
        Fault::OrderReversed => "order-reversed".to_owned(),
        Fault::CurrentsSwapped(a, b) => format!("currents-swapped-{}{}", letter(a), letter(b)),
        Fault::CurrentsMoved(by) => format!("currents-moved-{by}"),
        Fault::CurrentReversed(phase) => format!("current-reversed-{}", letter(phase)),
        Fault::Bypass => "neutral-differs".to_owned(),
    }
}

/// The same for a doubt.
pub fn doubt_text(doubt: Doubt) -> String {
    match doubt {
        Doubt::NoVoltage => "no-voltage".to_owned(),
        Doubt::NoCurrent(phase) => format!("no-current-{}", letter(phase)),
        Doubt::NoAngle(phase) => format!("no-angle-{}", letter(phase)),
        Doubt::Unsteady(phase) => format!("unsteady-{}", letter(phase)),
        Doubt::AnglesDisagree(phase) => format!("angles-disagree-{}", letter(phase)),
        Doubt::Nothing => "explains-nothing".to_owned(),
        Doubt::Several => "explains-several".to_owned(),
        Doubt::Unusual => "unusual-load".to_owned(),
        Doubt::NoOrder => "no-order".to_owned(),
        Doubt::Edge => "at-the-edge".to_owned(),
    }
}

/// A stable word for what was found; what is only likely says so in its name.
pub fn finding_text(verdict: &Verdict) -> &'static str {
    match (verdict.finding, &verdict.likely) {
        (Finding::Right, _) => "wiring-right",
        (Finding::Wrong, _) => "wiring-wrong",
        (Finding::CannotTell, None) => "wiring-cannot-tell",
        (Finding::CannotTell, Some(likely)) if likely.faults.is_empty() => "wiring-likely-right",
        (Finding::CannotTell, Some(_)) => "wiring-likely-wrong",
    }
}

/// A stable word for how sure that is.
pub fn confidence_text(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "confidence-high",
        Confidence::Fair => "confidence-fair",
        Confidence::Word => "confidence-word",
        Confidence::None => "confidence-none",
    }
}

/// Most other wirings that are named.
const TWINS_NAMED: usize = 3;

/// Figures and verdict as notes of a step.
pub fn notes(figures: &Figures, verdict: &Verdict) -> Notes {
    let words = |texts: Vec<String>| texts.join(" ");
    let own = |of: fn(&super::wiring::Element) -> Option<i32>| {
        list(&verdict.elements.map(|element| of(&element).map(i64::from)))
    };
    let wiring = |faults: &[Fault]| match faults {
        [] => "wiring-right".to_owned(),
        _ => faults.iter().map(|fault| fault_text(*fault)).collect::<Vec<_>>().join("+"),
    };
    let twins = verdict.twins.iter().take(TWINS_NAMED).map(|twin| wiring(twin)).collect();
    let found = verdict.finding != Finding::CannotTell;
    let likely = verdict.likely.as_ref();
    let mut notes = vec![
        note("finding", finding_text(verdict)),
        note("basis", if found { "basis-measured" } else { "" }),
        note("confidence", confidence_text(verdict.confidence)),
        note("faults", words(verdict.faults.iter().copied().map(fault_text).collect())),
        note("likely-if", likely.map_or(String::new(), |own| format!("if-{}", own.load.name()))),
        note("likely", likely.map_or(String::new(), |own| wiring(&own.faults))),
        note("confirm", if likely.is_some() { "confirm-by-phases" } else { "" }),
        note("doubts", words(verdict.doubts.iter().copied().map(doubt_text).collect())),
        note("twins", words(twins)),
    ];
    notes.extend(plain(figures));
    notes.extend([
        note("angles", own(|element| element.angle)),
        note("load-angles", own(|element| element.load)),
        note("order", if figures.order_reversed == Some(true) { "reversed" } else { "" }),
        note("total-hides", if verdict.total_hides { "yes" } else { "" }),
    ]);
    notes
}

/// The figures alone.
pub fn plain(figures: &Figures) -> Notes {
    vec![
        note("volts-dv", list(&figures.volts)),
        note("amps-ma", list(&figures.amps)),
        note("watts-dw", list(&figures.watts)),
        note("vars-dvar", list(&figures.vars)),
    ]
}

/// Three figures with spaces between them; a dash for one that is not there.
fn list(values: &[Option<i64>; 3]) -> String {
    values.map(|value| value.map_or_else(|| "-".to_owned(), |v| v.to_string())).join(" ")
}
