//! Reading what a profile names from a meter of any family.
//!
//! One way in for all of them: items go in, values with their units come out, each next to the
//! bytes it was made of. How a family is asked is in `readout/`, one file a family; the questions
//! themselves are the protocols'. What a meter refuses, or stays silent on while it answers the
//! rest, is listed as missing; only a meter that says nothing at all fails.

mod cjt188;
mod dlms;
mod dlt645;
mod dlt698;
mod iec62056;
mod mbus;
mod modbus;

pub(in crate::jobs) use modbus::{paced, target};

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::address::BusAddress;
use super::drive::DriveError;
use super::failure::{self, fail};
use super::views::Failure;
use super::{Line, ask};
use crate::profile::{Item, Place};
use crate::protocol::exchange::{Retry, Timing, Trouble};
use crate::protocol::value::{Value, hex};
use crate::protocol::{Dialogue, Step, Tick};
use crate::report::Code;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// The item's name.
    pub name: String,
    /// What it says.
    pub value: Value,
    /// Its unit, as it is written; may be empty.
    pub unit: String,
    /// The bytes it was made of, as the meter sent them.
    pub raw: Vec<u8>,
}

impl Got {
    /// The value with its unit, as people read it.
    pub fn shown(&self) -> String {
        match (&self.value, self.unit.as_str()) {
            (Value::Number(number), "") => number.to_string(),
            (Value::Number(number), unit) => format!("{number} {unit}"),
            (Value::Text(text), _) => text.clone(),
            (Value::Missing, _) => "-".to_owned(),
            (Value::Invalid(hex), _) => format!("? {hex}"),
        }
    }
}

/// What a meter said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readout {
    /// The values, in the order of the items.
    pub values: Vec<Got>,
    /// Names of the items it refused or stayed silent on.
    pub missing: Vec<String>,
    /// Lines of a table that came damaged, as sent: what they said may be wrong.
    pub damaged: Vec<String>,
    /// SHA-256 over the raw bytes, both directions, in order.
    pub digest: [u8; 32],
    /// From the first request to the last answer.
    pub took: Duration,
}

/// What a family's conversation brought: an entry for each item, `None` where nothing came.
type Found = Vec<Option<Got>>;

/// Reads `items` of the meter at `address`.
///
/// # Errors
/// Line failures; [`Code::MeterSilent`] and its kin when it gave no answer at all, or broke off
/// again and again; [`Code::ItemUnknown`] for an item that is not of the meter's protocol; a
/// cancel.
pub fn readout(
    line: &mut Line<'_>,
    address: &BusAddress,
    items: &[Item],
) -> Result<Readout, Failure> {
    let begun = line.link.now();
    let mut digest = Sha256::new();
    let mut damaged = Vec::new();
    let found = match address {
        BusAddress::Dlt645(no) => dlt645::read(line, *no, items, &mut digest)?,
        BusAddress::Modbus(unit) => modbus::read(line, *unit, items, &mut digest)?,
        BusAddress::Iec(address) => {
            let (found, lines) = iec62056::read(line, address, items, &mut digest)?;
            damaged = lines;
            found
        }
        BusAddress::Cjt188(address) => cjt188::read(line, *address, items, &mut digest)?,
        BusAddress::Dlt698(address) => dlt698::read(line, address, items, &mut digest)?,
        BusAddress::Dlms(address) => dlms::read(line, *address, items, &mut digest)?,
        BusAddress::Mbus(address) => mbus::read(line, *address, items, &mut digest)?,
    };
    let took = line.link.now().saturating_sub(begun);
    let lacking = items.iter().zip(&found).filter(|(_, got)| got.is_none());
    let missing = lacking.map(|(item, _)| item.name.clone()).collect();
    let values = found.into_iter().flatten().collect();
    Ok(Readout { values, missing, damaged, digest: digest.finalize().into(), took })
}

/// An item's value from its bytes, by the form the profile names.
fn by_form(item: &Item, raw: Vec<u8>) -> Got {
    let value = match item.form {
        _ if !raw.is_empty() && raw.iter().all(|byte| *byte == 0xFF) && item.form.is_none() => {
            Value::Missing
        }
        Some(form) => form.read(&raw, item.decimals),
        None => Value::Text(hex(&raw)),
    };
    Got { name: item.name.clone(), value, unit: item.unit.clone(), raw }
}

/// A value that came with its own unit; the profile's, if it names one, stands above it.
fn own_unit(item: &Item, value: Value, unit: &str, raw: Vec<u8>) -> Got {
    let unit = if item.unit.is_empty() { unit } else { item.unit.as_str() };
    Got { name: item.name.clone(), value, unit: unit.to_owned(), raw }
}

/// Where an item is, as its family writes it.
fn place<'a, T>(item: &'a Item, of: impl FnOnce(&'a Place) -> Option<T>) -> Result<T, Failure> {
    of(&item.at).ok_or_else(|| fail(Code::ItemUnknown, item.name.clone()))
}

/// The times of this line with this kind of meter.
fn timing(line: &Line<'_>) -> Timing {
    let (link, patience) = (line.link.timing(), line.profile.timing);
    let mut timing = Timing::new(link.character, link.slack);
    timing.turnaround = patience.answer;
    timing.gap = patience.gap;
    timing.silence = patience.silence;
    timing
}

/// A number for the next questions, for protocols that count them: another one than a moment ago.
fn number(line: &Line<'_>) -> u8 {
    // Every question takes longer than a millisecond.
    u8::try_from(line.link.now().as_millis() & 0xFF).unwrap_or(0)
}

/// Waits until an answer to an earlier conversation that broke off cannot come any more: for
/// dialogues that begin without a probe.
fn settle(line: &mut Line<'_>) -> Result<(), Failure> {
    if line.doubtful {
        let late = timing(line).late;
        pause(line, late)?;
        line.doubtful = false;
    }
    Ok(())
}

/// Keeps the line quiet for so long. What is heard meanwhile belongs to nobody.
pub(in crate::jobs) fn pause(line: &mut Line<'_>, long: Duration) -> Result<(), Failure> {
    let mut pause = Pause(line.link.now() + long);
    let ended = ask::run(line, &mut pause, &mut Sha256::new());
    ended.map_err(|error| failure::drive(&error))
}

/// Keeps the line quiet until a moment.
struct Pause(Tick);

impl Dialogue for Pause {
    type Output = ();

    fn step(&mut self, now: Tick) -> Step<()> {
        if now < self.0 { Step::Quarantine(self.0) } else { Step::Done(()) }
    }

    fn sent(&mut self, _end: Tick) {}

    fn feed(&mut self, _bytes: &[u8], _now: Tick) {}
}

/// How often a question is asked again.
fn retry(line: &Line<'_>) -> Retry {
    ask::retry(line)
}

/// Runs a dialogue; the line is doubtful after trouble.
fn run<D, T, E>(
    line: &mut Line<'_>,
    dialogue: &mut D,
    digest: &mut Sha256,
) -> Result<Result<T, E>, Failure>
where
    D: Dialogue<Output = Result<T, E>>,
{
    let ended = ask::run(line, dialogue, digest).map_err(|e: DriveError| failure::drive(&e))?;
    line.doubtful = ended.is_err();
    Ok(ended)
}

/// A meter's trouble as a failure, with its address in the detail.
pub fn trouble(trouble: &Trouble, address: &dyn std::fmt::Display) -> Failure {
    match trouble {
        Trouble::Silent => fail(Code::MeterSilent, address.to_string()),
        Trouble::Stranger(who) => fail(Code::MeterOther, format!("{who} / {address}")),
        Trouble::Garbled | Trouble::Form(_) | Trouble::Endless => {
            fail(Code::MeterGarbled, format!("{address}: {trouble}"))
        }
    }
}

/// What to do after an item stayed unanswered.
enum Pass {
    /// Go on with the next.
    One,
    /// Leave the rest.
    Rest,
    /// Give up.
    Fail,
}

/// How often items were passed over.
#[derive(Default)]
struct Passes(usize);

impl Passes {
    /// A silent item may be one the meter does not serve; a meter that has said nothing yet is
    /// silent itself, and garbage again and again is a bad line.
    fn after(&mut self, error: &Trouble, heard: bool) -> Pass {
        self.0 += 1;
        let silent = *error == Trouble::Silent;
        match (self.0 > ask::MAX_SILENT, heard) {
            (_, false) => Pass::Fail,
            (false, true) => Pass::One,
            (true, true) if silent => Pass::Rest,
            (true, true) => Pass::Fail,
        }
    }
}
