//! One question of a survey: bytes out, and everything that is heard until the line is quiet.
//!
//! Unlike a reading, a survey does not know who will answer, or how many. So a question here has
//! no right answer: [`Ear::ask`] returns all characters with their times, our own echo taken out
//! and counted, and the search decides what they are.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::late::{self, Lateness};
use super::spot;
use super::tally::Tally;
use crate::jobs::drive::{self, DriveError};
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, Wire, failure};
use crate::protocol::{Dialogue, Framing, Step, Tick};
use crate::transport::echo::Habit;
use crate::transport::{LineSettings, Link, Parity};

/// Characters kept of one listening; a line that goes on is babbling.
const HEARD_MAX: usize = 2048;

/// Why a survey ends before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The operator stopped it.
    Cancelled,
    /// The line broke.
    Broken(Failure),
    /// Somebody talks without a pause: nothing can be asked at these settings.
    Babble,
}

/// How long to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// From the end of the question until something must have been heard.
    pub window: Duration,
    /// A pause after which nothing more belongs to what was heard. The window is waited out first.
    pub gap: Duration,
    /// Go on until the window is over even when something whole was heard.
    pub whole_window: bool,
}

/// What was heard after a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// When the first bit of the question left.
    pub begun: Tick,
    /// When its last bit had left.
    pub end: Tick,
    /// When listening ended.
    pub over: Tick,
    /// Every character with its arrival.
    pub chars: Vec<(Tick, u8)>,
    /// How much later than asked for the waits in it ended, all together.
    pub stolen: Duration,
}

impl Heard {
    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.chars.iter().map(|(_, byte)| *byte).collect()
    }

    /// Arrival of the first character.
    pub fn first(&self) -> Option<Tick> {
        self.chars.first().map(|(at, _)| *at)
    }
}

/// Sends once and listens: the only dialogue of a survey.
struct Probe<'a> {
    bytes: Vec<u8>,
    listen: Listen,
    hard: Duration,
    enough: &'a dyn Fn(&[u8]) -> bool,
    sent: bool,
    satisfied: bool,
    /// The line was looked at once more after the time was over.
    looked: bool,
    /// When the wait under way is over at the latest.
    due: Option<Tick>,
    heard: Heard,
}

impl Probe<'_> {
    fn until(&self) -> Tick {
        let window = self.heard.end + self.listen.window;
        let quiet = self.heard.chars.last().map(|(at, _)| *at + self.listen.gap);
        let until = quiet.map_or(window, |quiet| quiet.max(window));
        until.min(self.heard.end + self.hard)
    }

    /// A wait ended. One that ended late stole time in which nobody listened.
    fn woke(&mut self, now: Tick) {
        if let Some(due) = self.due.take() {
            self.heard.stolen += late::stolen(due, now);
        }
    }
}

impl Dialogue for Probe<'_> {
    type Output = Heard;

    fn step(&mut self, now: Tick) -> Step<Heard> {
        if !self.sent {
            self.sent = true;
            self.heard.begun = now;
            self.heard.end = now;
            if !self.bytes.is_empty() {
                return Step::Send(self.bytes.clone());
            }
        }
        self.woke(now);
        let until = self.until();
        let full = self.satisfied || self.heard.chars.len() >= HEARD_MAX;
        if now < until && !full {
            self.looked = false;
            self.due = Some(until.min(now + drive::SLICE));
            return Step::Wait(until);
        }
        // Who slept past the end has not listened to the end: an answer may lie in the port.
        if !full && !std::mem::replace(&mut self.looked, true) {
            return Step::Wait(now);
        }
        self.heard.over = now;
        Step::Done(std::mem::take(&mut self.heard))
    }

    fn sent(&mut self, end: Tick) {
        self.heard.end = end;
        self.due = Some(end + self.listen.window);
    }

    fn feed(&mut self, bytes: &[u8], now: Tick) {
        self.woke(now);
        self.looked = false;
        self.heard.chars.extend(bytes.iter().map(|byte| (now, *byte)));
        if !self.listen.whole_window {
            self.satisfied = (self.enough)(&self.heard.bytes());
        }
    }
}

/// Changes the line.
struct Tuning(Framing, Option<bool>);

impl Dialogue for Tuning {
    type Output = bool;

    fn step(&mut self, _now: Tick) -> Step<bool> {
        self.1.map_or(Step::Tune(self.0), Step::Done)
    }

    fn sent(&mut self, _end: Tick) {}

    fn tuned(&mut self, changed: bool) {
        self.1 = Some(changed);
    }

    fn feed(&mut self, _bytes: &[u8], _now: Tick) {}
}

/// A line being surveyed, and what has been noticed on it.
pub struct Ear<'a> {
    link: &'a mut dyn Link,
    cancel: &'a Cancel,
    wire: &'a mut dyn FnMut(Wire<'_>),
    /// How the line is set now.
    pub settings: LineSettings,
    /// What has been noticed.
    pub tally: Tally,
    own: BTreeSet<Vec<u8>>,
    /// The last questions with the ends of their last bits, newest last.
    recent: VecDeque<(Vec<u8>, Tick)>,
    quiet_from: Tick,
    babbles: u32,
    lateness: Lateness,
    disturbed: bool,
    /// Questions nothing can be said about: each time it was asked, this machine was late.
    pub unjudged: u32,
}

/// Listenings that never became quiet, after which nothing more is asked at these settings.
const BABBLES_MAX: u32 = 3;

/// Questions remembered: more than fit into the longest time a late answer takes.
const RECENT_MAX: usize = 256;

impl<'a> Ear<'a> {
    /// Listens on `link`, which is set to `settings`.
    pub fn new(
        link: &'a mut dyn Link,
        settings: LineSettings,
        cancel: &'a Cancel,
        wire: &'a mut dyn FnMut(Wire<'_>),
        tally: Tally,
    ) -> Self {
        let quiet_from = link.now();
        let (own, recent) = (BTreeSet::new(), VecDeque::new());
        let (lateness, disturbed, unjudged) = (Lateness::default(), false, 0);
        Self {
            link,
            cancel,
            wire,
            settings,
            tally,
            own,
            recent,
            quiet_from,
            babbles: 0,
            lateness,
            disturbed,
            unjudged,
        }
    }

    /// The line's clock.
    pub fn now(&self) -> Tick {
        self.link.now()
    }

    /// Sets the line. `false` where it is set elsewhere.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn tune(&mut self, settings: LineSettings) -> Result<bool, Stop> {
        if settings == self.settings {
            return Ok(true);
        }
        let parity = match settings.parity {
            Parity::None => crate::protocol::Parity::None,
            Parity::Even => crate::protocol::Parity::Even,
            Parity::Odd => crate::protocol::Parity::Odd,
        };
        let framing = Framing {
            baud: settings.baud,
            data_bits: settings.data_bits,
            parity,
            stop_bits: settings.stop_bits,
        };
        let changed = self.drive(&mut Tuning(framing, None))?;
        if changed {
            self.babbles = 0;
            self.settings = settings;
        }
        Ok(changed)
    }

    /// Three and a half characters: the quiet a Modbus line needs between frames. Above 19200 baud
    /// it is fixed (Modbus over serial line 1.02, 2.5.1.1).
    pub fn silence(&self) -> Duration {
        match self.settings.baud {
            0..=19_200 => self.settings.bit_time(77) / 2,
            _ => Duration::from_micros(1750),
        }
    }

    /// Sends `bytes` and listens. Ends early when `enough` says that what was heard is whole.
    ///
    /// When this machine was late meanwhile and nothing whole came, it listens longer and asks
    /// again: only who listened can say that a line is silent.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn ask(
        &mut self,
        bytes: &[u8],
        listen: Listen,
        enough: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Heard, Stop> {
        self.disturb(!self.lateness.allowed().is_zero());
        for _ in 1..late::ASKS_MAX {
            let mut heard = self.ask_late(bytes, listen, enough)?;
            if heard.stolen.is_zero() || bytes.is_empty() || self.whole(&heard) {
                return Ok(heard);
            }
            let more = self.ask_late(&[], self.lingering(listen), &|_| false)?;
            heard.over = more.over;
            heard.chars.extend(more.chars);
            if self.whole(&heard) {
                return Ok(heard);
            }
        }
        let heard = self.ask_late(bytes, listen, enough)?;
        self.unjudged += u32::from(!heard.stolen.is_zero() && !self.whole(&heard));
        Ok(heard)
    }

    /// Whether this machine was late during the last question: times and spoilt bytes then prove
    /// nothing.
    pub fn disturbed(&self) -> bool {
        self.disturbed
    }

    fn disturb(&mut self, disturbed: bool) {
        self.disturbed = disturbed;
        self.tally.unsure = disturbed;
    }

    /// One question with the patience a late machine needs. `stolen` is zero unless it was late.
    fn ask_late(
        &mut self,
        bytes: &[u8],
        listen: Listen,
        enough: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Heard, Stop> {
        let allowed = self.lateness.allowed();
        let patient =
            Listen { window: listen.window + allowed, gap: listen.gap + allowed, ..listen };
        let mut heard = self.ask_once(bytes, patient, enough)?;
        if self.lateness.note(heard.stolen) {
            self.disturb(true);
            self.tally.late_us = self.tally.late_us.max(super::tally::micros(heard.stolen));
        } else {
            heard.stolen = Duration::ZERO;
        }
        Ok(heard)
    }

    /// Listening on for an answer that may be late, too.
    fn lingering(&self, listen: Listen) -> Listen {
        Listen { window: self.lateness.allowed(), whole_window: true, ..listen }
    }

    /// Whether somebody was understood.
    fn whole(&self, heard: &Heard) -> bool {
        !spot::spot(&heard.bytes(), &|frame| self.is_own(frame)).spots.is_empty()
    }

    fn ask_once(
        &mut self,
        bytes: &[u8],
        listen: Listen,
        enough: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Heard, Stop> {
        // Nobody is interrupted: a frame begins after the quiet that ends the one before.
        let earliest = self.quiet_from + self.silence();
        let wait = earliest.saturating_sub(self.now());
        if !wait.is_zero() && !bytes.is_empty() {
            let listen = Listen { window: wait, gap: self.silence(), whole_window: true };
            let early = self.drive_probe(&[], listen, &|_| false)?;
            self.note_unasked(&early);
        }
        let mut heard = self.drive_probe(bytes, listen, enough)?;
        if !bytes.is_empty() {
            self.tally.frames += 1;
            self.own.insert(bytes.to_vec());
            if self.recent.len() == RECENT_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back((bytes.to_vec(), heard.end));
        }
        if heard.chars.len() >= HEARD_MAX {
            self.tally.noise.add(&heard.bytes());
            self.babbles += 1;
            if self.babbles >= BABBLES_MAX {
                return Err(Stop::Babble);
            }
        }
        let last = heard.chars.last().map(|(at, _)| *at);
        self.quiet_from = last.unwrap_or(heard.end).max(heard.end);
        // A machine that was late reads in lumps whatever the adapter does.
        if late::on_time(heard.stolen) {
            self.tally.lumps(&heard, self.settings.character());
        }
        self.strip(bytes, &mut heard);
        if !bytes.is_empty() {
            self.take_edge(&mut heard);
        }
        self.tally.hears_itself |= self.link_echoes();
        Ok(heard)
    }

    /// Only listens, `window` long and on until it is quiet.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn listen(&mut self, window: Duration) -> Result<Heard, Stop> {
        let gap = self.silence().max(Duration::from_millis(20));
        self.ask(&[], Listen { window, gap, whole_window: true }, &|_| false)
    }

    /// Whether exactly these bytes were sent by us.
    pub fn is_own(&self, bytes: &[u8]) -> bool {
        self.own.contains(bytes)
    }

    /// Whether these bytes could be the answer to somebody we asked up to `within` before `at`;
    /// when that question ended.
    pub fn asked(&self, at: Tick, within: Duration, fits: &dyn Fn(&[u8]) -> bool) -> Option<Tick> {
        let recent = self.recent.iter().rev().filter(|(_, end)| *end <= at);
        let mut young = recent.take_while(|(_, end)| *end + within >= at);
        young.find(|(bytes, _)| fits(bytes)).map(|(_, end)| *end)
    }

    /// The Modbus addresses asked up to `within` before `at`, newest first, and when each question
    /// ended. The one under way at `at` is among them: it may have been drowned.
    pub fn asked_since(&self, at: Tick, within: Duration) -> Vec<(u8, Tick)> {
        let mut seen = BTreeSet::new();
        let young = self.recent.iter().rev().filter(|(_, end)| *end + within >= at);
        young
            .filter_map(|(bytes, end)| Some((*bytes.first()?, *end)))
            .filter(|(id, _)| seen.insert(*id))
            .collect()
    }

    fn drive_probe(
        &mut self,
        bytes: &[u8],
        listen: Listen,
        enough: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Heard, Stop> {
        let hard = listen.window + self.settings.wire(HEARD_MAX) + Duration::from_secs(1);
        let mut probe = Probe {
            bytes: bytes.to_vec(),
            listen,
            hard,
            enough,
            sent: false,
            satisfied: false,
            looked: false,
            due: None,
            heard: Heard::default(),
        };
        self.drive(&mut probe)
    }

    fn drive<D: Dialogue>(&mut self, dialogue: &mut D) -> Result<D::Output, Stop> {
        drive::run(dialogue, self.link, self.cancel, self.wire).map_err(|error| match error {
            DriveError::Cancelled => Stop::Cancelled,
            error => Stop::Broken(failure::drive(&error)),
        })
    }

    fn link_echoes(&self) -> bool {
        self.link.echo() == Habit::Echoes
    }

    /// Something came before we asked.
    fn note_unasked(&mut self, early: &Heard) {
        if let Some((at, _)) = early.chars.last() {
            self.quiet_from = *at;
            self.tally.noise(&early.bytes());
        }
    }

    /// A single 00 or FF right behind our question is no word of anybody: the line fell to the
    /// wrong level when our transmitter let go.
    fn take_edge(&mut self, heard: &mut Heard) {
        let soon = heard.end + self.settings.character() * 2;
        if let [(at, byte @ (0x00 | 0xFF))] = heard.chars.as_slice()
            && *at <= soon
        {
            self.tally.edges.add(&[*byte]);
            heard.chars.clear();
        }
    }

    /// Takes our own words out. An adapter that hears itself gives them back, whole, or without
    /// the first or last character (`reference/other-meters.md` 5, epevermodbus 27).
    fn strip(&mut self, sent: &[u8], heard: &mut Heard) {
        let mut at = 0;
        while at < heard.chars.len() {
            let rest: Vec<u8> = heard.chars.iter().skip(at).map(|(_, byte)| *byte).collect();
            let whole = self.own.iter().filter(|own| rest.starts_with(own)).map(Vec::len).max();
            if let Some(len) = whole {
                self.tally.echoes += 1;
                heard.chars.drain(at..at + len);
                continue;
            }
            at += 1;
        }
        let Some((cut, least)) = sent.len().checked_sub(1).map(|cut| (cut, cut >= 4)) else {
            return;
        };
        let bytes = heard.bytes();
        let parts = [sent.get(1..), sent.get(..cut)];
        let short = parts.into_iter().flatten().any(|part| least && bytes.starts_with(part));
        if short {
            self.tally.short_echoes += 1;
            heard.chars.drain(..cut);
        }
    }
}
