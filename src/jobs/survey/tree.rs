//! DL/T 645 and DL/T 698.45: finding every meter on a bus whose numbers nobody knows.
//!
//! A number has twelve digits, so asking each is out of the question. An address field may hold
//! `AA` in its high bytes, and then names every meter with the given low ones
//! (`reference/dlt645.md` 1). So: ask everybody; if more than one answered, ask for each value of
//! the lowest byte, and where answers still run into each other, for each value of the next. Whole
//! answers that came one after the other count at once. 32 meters with numbers at random take some
//! five hundred frames.
//!
//! DL/T 698.45 marks such an address as a wildcard in its head (`reference/other-meters.md` 4); its
//! digits are asked for in the same way.
//!
//! Limits: wildcards are whole bytes from the high end, two digits each; nibbles are no wildcards.
//! Firmware that takes at most three `AA` bytes, or none, cannot be found this way; the survey says
//! so.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ear::{Heard, Stop};
use super::plan::{self, TURNAROUND};
use super::search::{Cursor, Search};
use super::spot::{self, Spotted};
use super::tally::micros;
use crate::jobs::views::{Gap, SurveyProtocol};
use crate::protocol::dlt645::frame::Address;

/// Times the wildcard is asked while nobody answers: one spoilt frame must not hide a whole bus.
pub const TRIES: u32 = 2;
/// Frames one search sends at most: a quarter of an hour at 2400 baud.
pub const FRAMES_MAX: u32 = 4000;
/// Bytes of a number.
const BYTES: usize = 6;
/// The address of a meter as an item (04000401): the answer names the meter twice.
const ADDRESS_ITEM: u32 = 0x0400_0401;
/// Characters of an answer to 13H with four wake-up bytes.
const ADDRESS_ANSWER: usize = 22;
/// The same of an answer to the address probe of DL/T 698.45.
const ADDRESS_ANSWER_698: usize = 42;
/// What is added to the slowest answer heard: meters are not equally quick each time.
const MARGIN: Duration = Duration::from_millis(80);
/// Shortest patience with one question.
const WINDOW_MIN: Duration = Duration::from_millis(120);

/// The same where no answer to the wildcard was whole.
const WINDOW_CROWDED: Duration = Duration::from_millis(300);

/// Meters that must have answered before their times say something about the others.
const FEW: usize = 4;

/// What came back from the meters with some low digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody.
    Silent,
    /// Whole answers and nothing else.
    Clean,
    /// Answers that ran into each other.
    Crowded,
}

/// The search as pure state: which low bytes are to be asked next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Low bytes to ask, the next one last.
    pending: Vec<Vec<u8>>,
    /// Those asked a second time already.
    again: BTreeSet<Vec<u8>>,
    /// Those nobody answered.
    silent: Vec<Vec<u8>>,
    /// The silent ones are being asked once more.
    second: bool,
    /// Frames it took so far.
    pub frames: u32,
    /// Patience, microseconds.
    pub window_us: u32,
}

impl Tree {
    /// A search over all numbers.
    pub fn new(window: Duration) -> Self {
        let mut tree = Self { window_us: micros(window), ..Self::default() };
        tree.open(&[]);
        tree
    }

    /// The next low bytes to ask, low first; `None` when it is over or the frames are used up.
    pub fn ask(&mut self) -> Option<Vec<u8>> {
        if self.frames >= FRAMES_MAX {
            return None;
        }
        let next = self.pending.pop()?;
        self.frames += 1;
        Some(next)
    }

    /// What came back. `true` when these low bytes are a whole number and still crowded: two meters
    /// have it.
    pub fn heard(&mut self, low: &[u8], outcome: Outcome) -> bool {
        if outcome != Outcome::Crowded {
            if outcome == Outcome::Silent {
                self.silent.push(low.to_vec());
            }
            return false;
        }
        // Once more first: it may have been noise, and a hundred frames are at stake.
        if self.again.insert(low.to_vec()) {
            self.pending.push(low.to_vec());
            return false;
        }
        if low.len() == BYTES {
            return true;
        }
        self.open(low);
        false
    }

    /// Somebody with these low bytes answered late: ask again with the patience it needs.
    pub fn late(&mut self, low: Vec<u8>) {
        self.window_us = (self.window_us * 2).min(micros(TURNAROUND));
        if self.again.insert(low.clone()) {
            self.pending.push(low);
        }
    }

    /// How long to wait: as learned from the wildcard. Once a few meters have answered, what they
    /// took and half as much again; the second pass waits the whole time again.
    fn window(&self, slowest: Duration, found: usize) -> Duration {
        let whole = Duration::from_micros(self.window_us.into());
        if self.second || found < FEW {
            return whole;
        }
        (slowest * 3 / 2 + MARGIN).clamp(WINDOW_MIN, whole.max(WINDOW_MIN))
    }

    /// Once more for those nobody answered, for a question or an answer may have been lost: each
    /// value of the lowest byte, and deeper ones where a crowd turned out to be fewer than two
    /// (`thin`). `false` when that has been done.
    pub fn again(&mut self, thin: &dyn Fn(&[u8]) -> bool) -> bool {
        if std::mem::replace(&mut self.second, true) {
            return false;
        }
        let worth = |low: &Vec<u8>| match low.split_last() {
            Some((_, above)) => above.is_empty() || thin(above),
            None => false,
        };
        let silent = std::mem::take(&mut self.silent);
        self.pending = silent.into_iter().filter(worth).rev().collect();
        !self.pending.is_empty()
    }

    /// The low bytes not asked because the frames were used up.
    pub fn left(&self) -> &[Vec<u8>] {
        &self.pending
    }

    fn open(&mut self, low: &[u8]) {
        // Two digits a byte; the lowest value is asked first.
        for value in (0..=99_u8).rev() {
            let mut next = low.to_vec();
            next.push(value / 10 * 16 + value % 10);
            self.pending.push(next);
        }
    }
}

/// The address field that names every meter with these low bytes.
pub fn field(low: &[u8]) -> Address {
    let mut wire = [0xAA; BYTES];
    for (slot, byte) in wire.iter_mut().zip(low) {
        *slot = *byte;
    }
    Address(wire)
}

/// Low digits as they are written: `..12` or `..0512`.
pub fn written(low: &[u8]) -> String {
    let digits: String = low.iter().rev().map(|byte| format!("{byte:02X}")).collect();
    if low.len() == BYTES { digits } else { format!("..{digits}") }
}

/// Searches one setting for the newer edition.
///
/// # Errors
/// [`Stop`]; the place is kept in the cursor.
pub fn search(search: &mut Search<'_, '_>) -> Result<(), Stop> {
    let tree = match std::mem::take(&mut search.cursor) {
        Cursor::Tree(tree) => Some(tree),
        _ => begin(search, SurveyProtocol::Dlt645, &spot::dlt645_address(), TRIES)?,
    };
    walk(search, tree, SurveyProtocol::Dlt645)
}

/// Searches one setting for the older edition: it has no 13H, so an item is read that every meter
/// has, from everybody; `99` is the wildcard of some firmware.
///
/// # Errors
/// [`Stop`].
pub fn search_1997(search: &mut Search<'_, '_>) -> Result<(), Stop> {
    let old = SurveyProtocol::Dlt645v1997;
    let tree = match std::mem::take(&mut search.cursor) {
        Cursor::Tree(tree) => Some(tree),
        _ => {
            let question = spot::dlt645_read_1997(Address::ANY);
            let mut tree = begin(search, old, &question, 1)?;
            let quiet = tree.is_none() && !search.found.iter().any(|m| m.protocol == old);
            if quiet {
                let question = spot::dlt645_read_1997(Address::BROADCAST);
                tree = begin(search, old, &question, 1)?;
            }
            tree
        }
    };
    walk(search, tree, old)
}

/// Searches one setting for DL/T 698.45.
///
/// # Errors
/// [`Stop`].
pub fn search_698(search: &mut Search<'_, '_>) -> Result<(), Stop> {
    let tree = match std::mem::take(&mut search.cursor) {
        Cursor::Tree(tree) => Some(tree),
        _ => begin(search, SurveyProtocol::Dlt698, &spot::dlt698_address(), 1)?,
    };
    walk(search, tree, SurveyProtocol::Dlt698)
}

/// The question to every meter with these low bytes.
fn question(protocol: SurveyProtocol, low: &[u8]) -> Vec<u8> {
    let address = field(low);
    match protocol {
        SurveyProtocol::Dlt645v1997 => spot::dlt645_read_1997(address),
        SurveyProtocol::Dlt698 => spot::dlt698_named(address.0),
        _ => spot::dlt645_read(address, ADDRESS_ITEM),
    }
}

/// Asks everybody. A search is needed when more than one answered.
fn begin(
    search: &mut Search<'_, '_>,
    protocol: SurveyProtocol,
    question: &[u8],
    tries: u32,
) -> Result<Option<Tree>, Stop> {
    let each = search.ear.settings.wire(question.len()) + TURNAROUND;
    for left in (1..=tries).rev() {
        search.tell(each * left);
        let (heard, spotted) = search.call(question, TURNAROUND)?;
        search.meet_all(&heard, &spotted);
        let whole = spotted.answers(protocol).count();
        match (outcome(&spotted, protocol), whole) {
            (Outcome::Silent, _) => {}
            (Outcome::Clean, 1) => return Ok(None),
            // Noise without a whole answer: once more, and then see whether anything at all makes
            // this noise.
            (_, 0) if left > 1 => {}
            (_, 0) if noisy_anyway(search, protocol)? => {
                search.ear.tally.noise(&spotted.noise_bytes());
                return Ok(None);
            }
            _ => return Ok(Some(Tree::new(patience(&heard, search, (protocol, whole))))),
        }
    }
    if protocol == SurveyProtocol::Dlt698 {
        return Ok(None);
    }
    let deep = protocol == SurveyProtocol::Dlt645 && plan::deep(search.plan);
    if !deep {
        search.gap(Gap::ShortAddresses, format!("{} {}", protocol.as_str(), search.line()));
    }
    Ok(deep.then(|| Tree::new(TURNAROUND)))
}

/// Whether bytes follow a question that nobody answers: then those after the wildcard were no
/// answers. No meter has a number of `EE`.
fn noisy_anyway(search: &mut Search<'_, '_>, protocol: SurveyProtocol) -> Result<bool, Stop> {
    let nobody = match protocol {
        SurveyProtocol::Dlt698 => spot::dlt698_named([0xEE; BYTES]),
        _ => spot::dlt645_read(Address([0xEE; BYTES]), ADDRESS_ITEM),
    };
    let (_, spotted) = search.call(&nobody, TURNAROUND)?;
    search.ear.tally.noise(&spotted.noise_bytes());
    Ok(!spotted.noise.is_empty())
}

/// How long the slowest of those that answered took, and some more. All meters answered the
/// wildcard, so the end of the last answer tells; unless they all spoke at once: that many hold the
/// wire low, and nothing is heard of it but the beginning.
fn patience(
    heard: &Heard,
    search: &Search<'_, '_>,
    (protocol, whole): (SurveyProtocol, usize),
) -> Duration {
    let least = if whole == 0 { WINDOW_CROWDED } else { WINDOW_MIN };
    let last = heard.chars.last().map_or(heard.end, |(at, _)| *at);
    let characters = match protocol {
        SurveyProtocol::Dlt698 => ADDRESS_ANSWER_698,
        _ => ADDRESS_ANSWER,
    };
    let answer = search.ear.settings.wire(characters);
    let slowest = last.saturating_sub(heard.end).saturating_sub(answer);
    (slowest + MARGIN).clamp(least, TURNAROUND)
}

/// What was heard. Any byte of no frame may be all that is heard of a crowd.
fn outcome(spotted: &Spotted, protocol: SurveyProtocol) -> Outcome {
    let answers = spotted.answers(protocol).count();
    match spotted.noise.len() {
        0 if answers == 0 => Outcome::Silent,
        0 => Outcome::Clean,
        _ => Outcome::Crowded,
    }
}

fn walk(
    search: &mut Search<'_, '_>,
    tree: Option<Tree>,
    protocol: SurveyProtocol,
) -> Result<(), Stop> {
    if let Some(mut tree) = tree {
        let walked = steps(search, &mut tree, protocol);
        if walked.is_err() {
            search.cursor = Cursor::Tree(tree);
            return walked;
        }
        if !tree.left().is_empty() {
            let left: Vec<String> = tree.left().iter().rev().map(|low| written(low)).collect();
            let some: Vec<String> = left.iter().take(8).cloned().collect();
            search.gap(Gap::Budget, format!("{} ({})", some.join(" "), left.len()));
        }
        let here = search.line();
        let any = search.found.iter().any(|m| m.protocol == protocol && m.line == here);
        if !any {
            search.gap(Gap::WholeNumberOnly, format!("{} {here}", protocol.as_str()));
        }
    }
    search.check(protocol, 0)
}

fn steps(
    search: &mut Search<'_, '_>,
    tree: &mut Tree,
    protocol: SurveyProtocol,
) -> Result<(), Stop> {
    loop {
        let Some(low) = tree.ask() else {
            let thin = |low: &[u8]| with_low(search, protocol, low) < 2;
            if tree.left().is_empty() && tree.again(&thin) {
                continue;
            }
            return Ok(());
        };
        let window = tree.window(search.slowest(), search.found.len());
        let question = question(protocol, &low);
        let each = search.ear.settings.wire(question.len()) + window;
        let pending = u32::try_from(tree.left().len() + 1).unwrap_or(u32::MAX);
        search.tell(each * pending.min(FRAMES_MAX));
        let heard = match search.call(&question, window) {
            Ok((heard, spotted)) => {
                search.meet_all(&heard, &spotted);
                for late in strangers(&spotted, protocol, &low) {
                    tree.late(late);
                }
                let crowd = tree.heard(&low, outcome(&spotted, protocol));
                if crowd && !search.ear.disturbed() {
                    doubled(search, protocol, &low, &heard);
                }
                Ok(())
            }
            Err(stop) => {
                tree.pending.push(low);
                Err(stop)
            }
        };
        heard?;
    }
}

/// How many meters with these low bytes have been found.
fn with_low(search: &Search<'_, '_>, protocol: SurveyProtocol, low: &[u8]) -> usize {
    let end = written(low);
    let end = end.trim_start_matches('.');
    let here = search.line();
    let mine = search.found.iter().filter(|m| m.protocol == protocol && m.line == here);
    mine.filter(|meter| meter.address.ends_with(end)).count()
}

/// Low bytes of meters that answered although these were not theirs: answers to an earlier
/// question.
fn strangers(spotted: &Spotted, protocol: SurveyProtocol, low: &[u8]) -> Vec<Vec<u8>> {
    let wanted = written(low);
    let wanted = wanted.trim_start_matches('.');
    let others = spotted.answers(protocol).filter(|spot| !spot.address.ends_with(wanted));
    others
        .filter_map(|spot| {
            let wire = spot.address.parse::<crate::units::MeterNo>().ok()?.wire();
            Some(wire.get(..low.len())?.to_vec())
        })
        .collect()
}

/// A whole number, and still a crowd.
fn doubled(search: &mut Search<'_, '_>, protocol: SurveyProtocol, low: &[u8], heard: &Heard) {
    let meter = search.meet(protocol, &written(low));
    meter.doubled += super::search::DOUBLED_LEAST;
    meter.sample = heard.bytes();
}
