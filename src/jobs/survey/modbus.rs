//! Modbus RTU: which of 247 addresses answer, in seconds.
//!
//! Waiting half a second for each of 247 silent addresses takes two minutes. So every address gets
//! a short time first: the question, the quiet the line needs, and 5 ms. A slower meter answers
//! while the next addresses are being asked; its answer names it, or runs into our next question
//! and is heard as noise. Then the search stops, lets the line become quiet, asks the addresses of
//! the last half second again, newest first, each with the time the noise points to, and goes on
//! with the patience it has learned: everything asked with less is asked again.
//!
//! One answer can stay unheard: a refusal (5 characters) of a slow meter that falls whole into our
//! next question (8 characters), for who sends is deaf. Therefore a second pass asks everybody who
//! has not answered for the exception status, in four characters: an answer to that is longer than
//! the question and sticks out. `tests/bench/survey.rs` prints the share that is found.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ear::{Heard, Listen, Stop};
use super::plan::TURNAROUND;
use super::search::{Cursor, Search};
use super::spot::{self, Spotted};
use super::tally::micros;
use crate::jobs::views::{Gap, SurveyProtocol};
use crate::protocol::Tick;
use crate::transport::LineSettings;

/// Patience with an address in the first pass beyond the silence between frames: most meters begin
/// within 2 to 10 ms (`stephane/libmodbus` 367: 4 ms).
const PATIENCE: Duration = Duration::from_millis(5);
/// The same in the second pass, which only wants to hear that somebody is there.
const GLANCE: Duration = Duration::from_micros(200);
/// Added to the time that noise points to.
const MARGIN: Duration = Duration::from_millis(30);
/// Longest answering time that is looked for, with room for the first character.
const LONGEST: Duration = Duration::from_millis(600);
/// Noises nobody owned up to, after which they are only counted.
const HUNTS_MAX: u32 = 6;
/// Quiet that must be heard before addresses are asked again.
const SETTLE: Duration = Duration::from_millis(60);

/// Addresses a meter can have (Modbus over serial line 1.02, 2.2): 0 is everybody, 248 and up are
/// reserved.
const USUAL: std::ops::RangeInclusive<u8> = 1..=247;

/// A pass over addresses.
struct Scan {
    /// How long each address is waited for.
    window: Duration,
    /// The slowest answer so far.
    learned: Duration,
    /// Noises nobody owned up to.
    unowned: u32,
    /// Addresses that answered spoilt, and how often.
    spoilt: Vec<(u8, u32)>,
    /// The questions a meter has answered, by the moment they ended.
    answered: BTreeSet<(u8, Tick)>,
}

/// What came while one address was being asked.
enum Came {
    /// Nothing, or its own answer.
    Expected,
    /// Something else: noise that began then, or a late answer.
    Odd(Tick),
}

/// How long the addresses take when nobody answers.
pub fn budget(settings: &LineSettings, from: u8, to: u8) -> Duration {
    let count = u32::from(to.saturating_sub(from)) + 1;
    let silence = silence(settings);
    let first = settings.wire(8) + silence + PATIENCE;
    let second = settings.wire(4) + silence + GLANCE;
    (first + second) * count + (settings.wire(8) + TURNAROUND) + TURNAROUND
}

fn silence(settings: &LineSettings) -> Duration {
    match settings.baud {
        0..=19_200 => settings.bit_time(77) / 2,
        _ => Duration::from_micros(1750),
    }
}

/// Searches one setting.
///
/// # Errors
/// [`Stop`]; the place is kept in the cursor.
pub fn search(search: &mut Search<'_, '_>) -> Result<(), Stop> {
    let all: Vec<u8> = (search.plan.from..=search.plan.to).collect();
    if !USUAL.contains(&search.plan.from) || !USUAL.contains(&search.plan.to) {
        let odd = all.iter().filter(|id| !USUAL.contains(id));
        let odd: Vec<String> = odd.map(u8::to_string).collect();
        search.gap(Gap::UnusualAddress, odd.join(" "));
    }
    let patience = search.ear.silence() + PATIENCE;
    let (mut left, window, mut second) = match std::mem::take(&mut search.cursor) {
        Cursor::Modbus { left, window_us, second } => {
            (left, Duration::from_micros(window_us.into()), second)
        }
        _ => (all.clone(), patience, false),
    };
    let mut scan = Scan {
        window: window.max(patience),
        learned: Duration::ZERO,
        unowned: 0,
        spoilt: Vec::new(),
        answered: BTreeSet::new(),
    };
    let walked = scan.walk(search, &all, &mut left, &mut second);
    if walked.is_err() {
        search.cursor = Cursor::Modbus { left, window_us: micros(scan.window), second };
        return walked;
    }
    scan.report_spoilt(search);
    search.check(SurveyProtocol::Modbus, 0)
}

impl Scan {
    fn walk(
        &mut self,
        search: &mut Search<'_, '_>,
        all: &[u8],
        left: &mut Vec<u8>,
        second: &mut bool,
    ) -> Result<(), Stop> {
        if left.len() == all.len()
            && !*second
            && let Some(first) = left.first().copied()
        {
            // Most lines have a meter at 1: with all the time there is, it teaches the pace.
            self.ask(search, first, TURNAROUND, &spot::modbus_read(first))?;
            self.grow();
        }
        loop {
            let began = self.window;
            self.pass(search, left, *second)?;
            if self.window > began && !*second {
                *left = all.to_vec();
                continue;
            }
            if *second {
                return Ok(());
            }
            (*second, *left) = (true, all.to_vec());
        }
    }

    /// One pass over `left`, in which what is done is taken off. Ends early when it turned out
    /// that more patience is needed.
    fn pass(
        &mut self,
        search: &mut Search<'_, '_>,
        left: &mut Vec<u8>,
        second: bool,
    ) -> Result<(), Stop> {
        while let Some(id) = left.first().copied() {
            self.tell(search, left.len(), second);
            if !known(search, id) {
                let (question, window) = match second {
                    false => (spot::modbus_read(id), self.window),
                    true => (spot::modbus_status(id), search.ear.silence() + GLANCE),
                };
                if let Came::Odd(at) = self.ask(search, id, window, &question)? {
                    self.hunt(search, at)?;
                    if self.grow() && !second {
                        return Ok(());
                    }
                }
            }
            left.remove(0);
        }
        if second {
            // Who is slow and was asked last has not answered yet.
            let heard = search.ear.listen(TURNAROUND)?;
            if let Came::Odd(at) = self.sort(search, &heard, None) {
                self.hunt(search, at)?;
            }
        }
        Ok(())
    }

    fn tell(&self, search: &mut Search<'_, '_>, left: usize, second: bool) {
        let settings = search.ear.settings;
        let last = settings.wire(4) + silence(&settings) + GLANCE;
        let first = settings.wire(8) + self.window;
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let all = u32::from(search.plan.to.saturating_sub(search.plan.from)) + 1;
        let more = if second { last * left } else { first * left + last * all };
        search.tell(more + TURNAROUND);
    }

    /// More patience, when a meter was slower than what it was given.
    fn grow(&mut self) -> bool {
        let needed = (self.learned + self.learned / 4 + PATIENCE).min(LONGEST);
        let grows = self.learned > self.window && needed > self.window;
        if grows {
            self.window = needed;
        }
        grows
    }

    fn ask(
        &mut self,
        search: &mut Search<'_, '_>,
        id: u8,
        window: Duration,
        question: &[u8],
    ) -> Result<Came, Stop> {
        let listen = Listen { window, gap: search.pause(), whole_window: false };
        let enough = |bytes: &[u8]| {
            let spotted = spot::spot(bytes, &|_| true);
            let mine = spotted
                .answers(SurveyProtocol::Modbus)
                .any(|spot| spot.address == id.to_string() && spot.to == bytes.len());
            mine && spotted.noise.is_empty()
        };
        let heard = search.ear.ask(question, listen, &enough)?;
        Ok(self.sort(search, &heard, Some(id)))
    }

    /// Attributes what was heard: an answer names its meter, whoever was being asked.
    fn sort(&mut self, search: &mut Search<'_, '_>, heard: &Heard, asked: Option<u8>) -> Came {
        let spotted = {
            let ear = &search.ear;
            spot::spot(&heard.bytes(), &|frame| ear.is_own(frame))
        };
        search.ear.tally.spotted(&spotted);
        let mut odd = self.answers(search, heard, &spotted, asked);
        if !spotted.noise.is_empty() {
            let first = spotted.noise.first().and_then(|(at, _)| heard.chars.get(*at));
            let first = first.map_or(heard.over, |(at, _)| *at);
            odd = Some(odd.map_or(first, |at| at.min(first)));
        }
        odd.map_or(Came::Expected, Came::Odd)
    }

    /// Notes every whole answer; returns when one came that nobody waited for any more.
    fn answers(
        &mut self,
        search: &mut Search<'_, '_>,
        heard: &Heard,
        spotted: &Spotted,
        asked: Option<u8>,
    ) -> Option<Tick> {
        let mut odd = None;
        for spot in spotted.spots.iter().filter(|spot| !spot.question) {
            let at = heard.chars.get(spot.from).map_or(heard.over, |(at, _)| *at);
            let unit = spot.address.parse::<u8>().ok();
            let Some(unit) = unit.filter(|_| spot.protocol == SurveyProtocol::Modbus) else {
                search.meet(spot.protocol, &spot.address).answered(None);
                continue;
            };
            let to_it = |bytes: &[u8]| bytes.first() == Some(&unit);
            let ended = search.ear.asked(at, TURNAROUND * 2, &to_it);
            let time = ended.and_then(|end| at.checked_sub(end));
            let twice = ended.is_some_and(|end| !self.answered.insert((unit, end)));
            // On a late machine two answers may belong to two askings of one question.
            let disturbed = search.ear.disturbed();
            let (twice, time) = (twice && !disturbed, time.filter(|_| !disturbed));
            let meter = search.meet(SurveyProtocol::Modbus, &unit.to_string());
            if twice {
                meter.doubled += 1;
                meter.sample = heard.bytes();
            } else {
                meter.answered(time);
            }
            self.learned = self.learned.max(time.unwrap_or_default());
            if asked != Some(unit) && !twice {
                odd = odd.or(Some(at));
            }
        }
        odd
    }

    /// Something came out of turn at `at`. Lets the line become quiet and asks those who could
    /// have sent it.
    fn hunt(&mut self, search: &mut Search<'_, '_>, at: Tick) -> Result<(), Stop> {
        let heard = settle(search)?;
        self.sort(search, &heard, None);
        if self.learned > self.window {
            // A whole late answer has told already how much patience is needed.
            return Ok(());
        }
        if self.unowned >= HUNTS_MAX {
            return Ok(());
        }
        for (id, end) in search.ear.asked_since(at, LONGEST) {
            if known(search, id) {
                continue;
            }
            let window = (at.saturating_sub(end) + MARGIN).min(LONGEST);
            let question = spot::modbus_read(id);
            let listen = Listen { window, gap: search.pause(), whole_window: false };
            let whole = |bytes: &[u8]| {
                spot::spot(bytes, &|_| true)
                    .answers(SurveyProtocol::Modbus)
                    .any(|spot| spot.to == bytes.len())
            };
            let heard = search.ear.ask(&question, listen, &whole)?;
            let came = self.sort(search, &heard, Some(id));
            if known(search, id) {
                return Ok(());
            }
            if let Came::Odd(_) = came {
                self.spoil(search, id)?;
                return Ok(());
            }
        }
        self.unowned += 1;
        Ok(())
    }

    /// An address answers, but not in whole frames: twice more, to tell chance from a rule.
    fn spoil(&mut self, search: &mut Search<'_, '_>, id: u8) -> Result<(), Stop> {
        let mut times = 1;
        for _ in 0..2 {
            let heard = settle(search)?;
            self.sort(search, &heard, None);
            let gap = search.pause();
            let listen = Listen { window: TURNAROUND, gap, whole_window: false };
            let heard = search.ear.ask(&spot::modbus_read(id), listen, &|_| false)?;
            let came = self.sort(search, &heard, Some(id));
            if known(search, id) {
                return Ok(());
            }
            times += u32::from(matches!(came, Came::Odd(_)));
            search.ear.tally.noise(&heard.bytes());
        }
        self.spoilt.push((id, times));
        Ok(())
    }

    /// Spoilt answers at one address on a line where others answer well: two meters have it. Where
    /// nobody answers well, the line itself is garbled.
    fn report_spoilt(&self, search: &mut Search<'_, '_>) {
        if search.found.iter().all(|meter| meter.answers == 0) {
            return;
        }
        for (id, times) in &self.spoilt {
            let meter = search.meet(SurveyProtocol::Modbus, &id.to_string());
            meter.doubled += times;
        }
    }
}

/// Waits until the line is quiet; what was heard meanwhile.
fn settle(search: &mut Search<'_, '_>) -> Result<Heard, Stop> {
    search.ear.listen(SETTLE)
}

/// Whether the meter at this address has been found at these settings.
fn known(search: &Search<'_, '_>, id: u8) -> bool {
    let (line, id) = (search.line(), id.to_string());
    let is = |m: &super::tally::Found| {
        m.protocol == SurveyProtocol::Modbus && m.address == id && m.line == line
    };
    search.found.iter().any(is)
}
