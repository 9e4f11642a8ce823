//! What every search shares: the ear, the meters found so far, what could not be searched, and how
//! far it is.

use std::time::Duration;

use super::ear::{Ear, Heard, Listen, Stop};
use super::plan::TURNAROUND;
use super::spot::{self, Spotted};
use super::tally::Found;
use super::tree::Tree;
use crate::jobs::views::{
    Gap, NotSearched, SurveyBox, SurveyPlan, SurveyProgress, SurveyProtocol, VerdictKind,
};
use crate::profile::Terminal;
use crate::protocol::Tick;
use crate::protocol::dlt645::frame::Address;
use crate::units::MeterNo;

use serde::{Deserialize, Serialize};

/// Times each meter found is asked alone to see whether it answers properly.
const CHECKS: u32 = 3;
/// Quiet that ends an answer, beside its own silence: some firmware waits 20 ms between characters
/// and an adapter may keep bytes back for 16 ms.
const PAUSE: Duration = Duration::from_millis(40);

/// Where a search was stopped, to go on from there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cursor {
    /// At its beginning.
    #[default]
    Start,
    /// In the Modbus addresses: those left, with which patience, and whether in the second pass.
    Modbus {
        /// Addresses not yet asked in this pass.
        left: Vec<u8>,
        /// Waiting time, microseconds.
        window_us: u32,
        /// The second pass.
        second: bool,
    },
    /// In the DL/T 645 numbers.
    Tree(Tree),
    /// Searched; so many of the meters found were looked at alone.
    Checks(usize),
}

/// A search under way.
pub struct Search<'a, 'b> {
    /// The line.
    pub ear: Ear<'a>,
    /// What was asked for.
    pub plan: &'b SurveyPlan,
    /// The meters so far.
    pub found: Vec<Found>,
    /// What was not searched.
    pub gaps: Vec<NotSearched>,
    /// Ways in which users of one box are numbered.
    pub terminals: &'b [Terminal],
    /// The boxes that said how many users they have.
    pub boxes: Vec<SurveyBox>,
    /// Where to go on after a stop.
    pub cursor: Cursor,
    /// Told how far it is.
    pub progress: &'b mut dyn FnMut(&SurveyProgress),
    /// The state told.
    pub state: SurveyProgress,
    /// Budget of the steps after this one.
    pub later: Duration,
}

impl Search<'_, '_> {
    /// Asks and takes apart what comes.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn ask(
        &mut self,
        bytes: &[u8],
        listen: Listen,
        enough: &dyn Fn(&[u8]) -> bool,
    ) -> Result<(Heard, Spotted), Stop> {
        let heard = self.ear.ask(bytes, listen, enough)?;
        let spotted = {
            let ear = &self.ear;
            spot::spot(&heard.bytes(), &|frame| ear.is_own(frame))
        };
        self.ear.tally.spotted(&spotted);
        Ok((heard, spotted))
    }

    /// Asks everybody and listens to the end: several may answer.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn call(&mut self, bytes: &[u8], window: Duration) -> Result<(Heard, Spotted), Stop> {
        let gap = self.pause();
        self.ask(bytes, Listen { window, gap, whole_window: true }, &|_| false)
    }

    /// The quiet that ends an answer.
    pub fn pause(&self) -> Duration {
        self.ear.silence() + PAUSE
    }

    /// The settings now, as text.
    pub fn line(&self) -> String {
        self.ear.settings.to_string()
    }

    /// A meter, noted if it is new.
    pub fn meet(&mut self, protocol: SurveyProtocol, address: &str) -> &mut Found {
        let line = self.line();
        let known = self
            .found
            .iter()
            .position(|m| m.protocol == protocol && m.address == address && m.line == line);
        let at = known.unwrap_or_else(|| {
            self.found.push(Found {
                protocol,
                address: address.to_owned(),
                line,
                times_us: Vec::new(),
                answers: 0,
                doubled: 0,
                sample: Vec::new(),
            });
            self.found.len() - 1
        });
        // Found there, or just put there.
        &mut self.found[at]
    }

    /// Notes all answers heard after a question to everybody.
    pub fn meet_all(&mut self, heard: &Heard, spotted: &Spotted) {
        for spot in spotted.spots.iter().filter(|spot| !spot.question) {
            let at = heard.chars.get(spot.from).map(|(at, _)| *at);
            let time = at.and_then(|at| at.checked_sub(heard.end));
            let time = time.filter(|_| !self.ear.disturbed());
            if !spot.address.starts_with("AAAAAA") {
                self.meet(spot.protocol, &spot.address).answered(time);
            }
        }
    }

    /// Notes what was not searched.
    pub fn gap(&mut self, why: Gap, what: String) {
        let gap = NotSearched { why, what };
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    /// Says how far it is: `left` of the budget of this step remains.
    pub fn tell(&mut self, left: Duration) {
        self.state.frames = self.ear.tally.frames;
        self.state.found = u32::try_from(self.found.len()).unwrap_or(u32::MAX);
        let left = (left + self.later).as_millis().div_ceil(1000);
        self.state.left_s = u32::try_from(left).unwrap_or(u32::MAX);
        (self.progress)(&self.state);
    }

    /// Asks every meter found at these settings alone, a few times, and listens on: a second
    /// answer, or a spoilt one, means a second meter with the same address.
    ///
    /// # Errors
    /// [`Stop`]; the place is kept in the cursor.
    pub fn check(&mut self, protocol: SurveyProtocol, done: usize) -> Result<(), Stop> {
        let line = self.line();
        let mine: Vec<(String, Vec<u8>)> = self
            .found
            .iter()
            .filter(|m| m.protocol == protocol && m.line == line && m.answers > 0)
            .filter_map(|m| Some((m.address.clone(), question(protocol, &m.address)?)))
            .collect();
        let slowest = self.found.iter().flat_map(|m| &m.times_us).max().copied().unwrap_or(0);
        let slowest = Duration::from_micros(slowest.into());
        let window = (slowest + Duration::from_millis(100)).min(TURNAROUND * 2);
        for (at, (address, bytes)) in mine.iter().enumerate().skip(done) {
            self.cursor = Cursor::Checks(at);
            let left = u32::try_from(mine.len() - at).unwrap_or(u32::MAX);
            self.tell((window + self.ear.settings.wire(bytes.len() + 20)) * left * CHECKS);
            for _ in 0..CHECKS {
                self.check_once(protocol, address, bytes, window)?;
            }
        }
        self.cursor = Cursor::Checks(usize::MAX);
        Ok(())
    }

    fn check_once(
        &mut self,
        protocol: SurveyProtocol,
        address: &str,
        bytes: &[u8],
        window: Duration,
    ) -> Result<(), Stop> {
        let (heard, spotted) = self.call(bytes, window)?;
        // A late machine hears the answer to an earlier question, or half of one.
        if self.ear.disturbed() {
            return Ok(());
        }
        let answers: Vec<Tick> = spotted
            .answers(protocol)
            .filter(|spot| spot.address == address)
            .filter_map(|spot| heard.chars.get(spot.from).map(|(at, _)| *at))
            .collect();
        let noise = !spotted.noise.is_empty();
        let extra = answers.len().saturating_sub(1) + usize::from(noise && answers.is_empty());
        self.ear.tally.checked.0 += 1;
        self.ear.tally.checked.1 += u32::from(noise || answers.is_empty());
        let first = answers.first().and_then(|at| at.checked_sub(heard.end));
        let meter = self.meet(protocol, address);
        if first.is_some() {
            meter.answered(first);
        }
        if extra > 0 {
            meter.doubled += u32::try_from(extra).unwrap_or(u32::MAX);
            meter.sample = heard.bytes();
        }
        Ok(())
    }

    /// The slowest answer measured at these settings.
    pub fn slowest(&self) -> Duration {
        let line = self.line();
        let here = self.found.iter().filter(|m| m.line == line);
        let slowest = here.flat_map(|m| &m.times_us).max().copied().unwrap_or(0);
        Duration::from_micros(slowest.into())
    }
}

/// How often two answers, or a spoilt one, must have been seen for "two meters, one address".
pub const DOUBLED_LEAST: u32 = 2;

/// Which verdict a meter that is doubled belongs to.
pub fn doubled(meter: &Found) -> Option<VerdictKind> {
    (meter.doubled >= DOUBLED_LEAST).then_some(VerdictKind::DuplicateAddress)
}

/// A question to one meter whose answer differs from meter to meter.
fn question(protocol: SurveyProtocol, address: &str) -> Option<Vec<u8>> {
    let no = || address.parse::<MeterNo>().ok().map(Address::meter);
    match protocol {
        SurveyProtocol::Dlt645 => Some(spot::dlt645_read(no()?, ENERGY)),
        SurveyProtocol::Dlt645v1997 => Some(spot::dlt645_read_1997(no()?)),
        SurveyProtocol::Modbus => Some(spot::modbus_read(address.parse().ok()?)),
        SurveyProtocol::Dlt698 => Some(spot::dlt698_named(no()?.0)),
        SurveyProtocol::Cjt188 | SurveyProtocol::Iec => None,
    }
}

/// Forward active energy, which every meter has and no two show alike for long.
const ENERGY: u32 = 0x0001_0000;
