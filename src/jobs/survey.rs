//! Survey: what hangs on a line whose settings and addresses nobody knows, and what is wrong with
//! it.
//!
//! It listens first, then asks protocol by protocol at the settings each usually has, and only with
//! frames that change nothing. It sends on the line it is given and on no other. Whatever happens,
//! a stop and a broken line included, what was found so far stays, and it can go on from there.
//!
//! | part | what |
//! |---|---|
//! | [`plan`] | which questions at which settings, in which order; the budget |
//! | [`ear`] | one question, and everything heard until the line is quiet |
//! | [`late`] | whether this machine listened at all |
//! | [`spot`] | frames of every protocol in a stretch of bytes |
//! | [`modbus`] | 247 addresses in two short passes |
//! | [`tree`] | DL/T 645 and 698.45 numbers by their low digits |
//! | [`tally`], [`doctor`] | evidence, and verdicts from it |
//! | [`terminals`] | boxes of many users among the meters found |
//! | [`saved`], [`book`] | to go on later; spreadsheets |

pub mod book;
pub mod doctor;
pub mod ear;
pub mod late;
pub mod modbus;
pub mod plan;
pub mod saved;
pub mod search;
pub mod spot;
pub mod tally;
pub mod terminals;
pub mod tree;

pub use saved::Saved;

use std::time::Duration;

use super::failure::fail;
use super::views::{
    Failure, Gap, SurveyEnd, SurveyMeter, SurveyPlan, SurveyProgress, SurveyProtocol, SurveyView,
};
use super::{Cancel, Wire};
use crate::profile::Terminal;
use crate::report::Code;
use crate::transport::{LineSettings, Link, Parity};
use ear::{Ear, Stop};
use plan::{CHATTER, Step, TURNAROUND, TURNAROUND_IEC};
use search::{Cursor, Search};

/// Where to survey.
pub struct Site<'a> {
    /// The line, open.
    pub link: &'a mut dyn Link,
    /// How it is set.
    pub opened: LineSettings,
    /// Ways in which users of one box are numbered ([`terminals::layouts`]).
    pub terminals: &'a [Terminal],
    /// Set to stop.
    pub cancel: &'a Cancel,
    /// Sees every byte.
    pub wire: &'a mut dyn FnMut(Wire<'_>),
}

/// A survey that ended, one way or another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// What it brought.
    pub view: SurveyView,
    /// To go on from here.
    pub saved: Saved,
}

/// Surveys the line. With `saved` it goes on where that one ended, with the plan it had.
///
/// # Errors
/// [`Code::Usage`] for a plan that makes no sense. A line that breaks is no error here: what was
/// found until then is in the result.
pub fn run(
    site: Site<'_>,
    plan: &SurveyPlan,
    progress: &mut dyn FnMut(&SurveyProgress),
    saved: Option<Saved>,
) -> Result<Survey, Failure> {
    let opened = site.opened;
    let mut saved = saved.unwrap_or_else(|| Saved::new(plan, opened.to_string()));
    let plan = saved.plan.clone();
    if plan.from > plan.to {
        return Err(fail(Code::Usage, format!("{} .. {}", plan.from, plan.to)));
    }
    let began = site.link.now();
    let tally = std::mem::take(&mut saved.tally);
    let ear = Ear::new(site.link, opened, site.cancel, site.wire, tally);
    let mut search = Search {
        ear,
        plan: &plan,
        found: std::mem::take(&mut saved.found),
        gaps: std::mem::take(&mut saved.gaps),
        terminals: site.terminals,
        boxes: std::mem::take(&mut saved.boxes),
        cursor: std::mem::take(&mut saved.cursor),
        progress,
        state: SurveyProgress::default(),
        later: Duration::ZERO,
    };
    let ended = Sweep { opened, saved: &mut saved }.run(&mut search);
    let end = match ended {
        Ok(end) => end,
        Err(Stop::Cancelled | Stop::Babble) => SurveyEnd::Stopped,
        Err(Stop::Broken(failure)) => SurveyEnd::Broken(failure),
    };
    let took = search.ear.now().saturating_sub(began).as_millis();
    saved.took_ms = saved.took_ms.saturating_add(u64::try_from(took).unwrap_or(u64::MAX));
    saved.tally = std::mem::take(&mut search.ear.tally);
    saved.cursor = std::mem::take(&mut search.cursor);
    saved.found = std::mem::take(&mut search.found);
    saved.gaps = std::mem::take(&mut search.gaps);
    saved.boxes = std::mem::take(&mut search.boxes);
    Ok(Survey { view: view(&saved, opened, end), saved })
}

impl SurveyPlan {
    /// How long it takes when nobody answers, seconds.
    pub fn budget_s(&self) -> u32 {
        u32::try_from(budget(self).as_secs()).unwrap_or(u32::MAX)
    }
}

/// How long the plan takes at most when nobody answers.
pub fn budget(plan: &SurveyPlan) -> Duration {
    let steps = plan::steps(plan);
    let changes = steps.windows(2).filter(|pair| settings_differ(pair)).count() + 1;
    let listening = CHATTER * u32::try_from(changes).unwrap_or(u32::MAX);
    steps.iter().map(|step| plan::budget(step, plan)).sum::<Duration>() + listening
}

fn settings_differ(pair: &[Step]) -> bool {
    matches!(pair, [first, second] if first.settings != second.settings)
}

fn view(saved: &Saved, opened: LineSettings, end: SurveyEnd) -> SurveyView {
    let opened = LineSettings::parse(&saved.opened).unwrap_or(opened);
    let busy = saved.gaps.iter().filter(|gap| gap.why == Gap::MachineBusy).count();
    let case = doctor::Case {
        tally: &saved.tally,
        meters: &saved.found,
        opened,
        fixed: saved.fixed,
        busy: u32::try_from(busy).unwrap_or(u32::MAX),
    };
    let mut meters: Vec<SurveyMeter> = saved.found.iter().map(tally::Found::view).collect();
    // Numbers of different length in the order of their value.
    let order = |m: &SurveyMeter| (m.protocol, m.line.clone(), m.address.len(), m.address.clone());
    meters.sort_by_key(order);
    SurveyView {
        boxes: terminals::boxes(&saved.boxes, &meters),
        meters,
        verdicts: doctor::verdicts(&case),
        not_searched: saved.gaps.clone(),
        end,
        frames: saved.tally.frames,
        took_ms: saved.took_ms,
        searched: saved.searched.clone(),
        swapped_back: Vec::new(),
    }
}

/// The steps of a plan, one after the other.
struct Sweep<'a> {
    opened: LineSettings,
    saved: &'a mut Saved,
}

impl Sweep<'_> {
    fn run(&mut self, search: &mut Search<'_, '_>) -> Result<SurveyEnd, Stop> {
        let mut steps = self.steps(search);
        if self.saved.steps == 0 && search.cursor == Cursor::Start {
            search.later = budget(search.plan);
            search.tell(CHATTER);
            match self.overhear(search) {
                Err(Stop::Babble) => {}
                heard => heard?,
            }
        }
        while let Some(step) = steps.get(self.saved.steps).copied() {
            search.later = later(&steps, self.saved.steps, search.plan);
            self.begin(search, &step, steps.len());
            let before = search.ear.settings;
            if !search.ear.tune(step.settings)? {
                search.gap(Gap::Settings, settings_of(&steps));
                self.saved.fixed = true;
                self.saved.again.clear();
                steps = self.steps(search);
                self.saved.steps = 0;
                continue;
            }
            if before != step.settings {
                let heard = search.ear.listen(CHATTER)?;
                note_chatter(search, &heard.bytes());
            }
            let unjudged = search.ear.unjudged;
            match take(search, step.protocol) {
                Err(Stop::Babble) => search.gap(Gap::Babble, step.settings.to_string()),
                taken => taken?,
            }
            let done = format!("{} {}", step.protocol.as_str(), step.settings);
            if search.ear.unjudged > unjudged {
                self.once_more(search, &step, &mut steps);
            }
            if !self.saved.searched.contains(&done) {
                self.saved.searched.push(done);
            }
            let rest = steps.get(self.saved.steps + 1..).unwrap_or_default();
            let enough = if search.plan.all { Ok(false) } else { self.enough(search, &step, rest) };
            // Stopped in there, this step is done all the same.
            search.cursor = Cursor::Checks(usize::MAX);
            let enough = match enough {
                Err(Stop::Babble) => false,
                enough => enough?,
            };
            search.cursor = Cursor::Start;
            self.saved.steps += 1;
            if enough {
                search.later = Duration::ZERO;
                search.tell(Duration::ZERO);
                return Ok(SurveyEnd::Enough);
            }
        }
        search.later = Duration::ZERO;
        search.tell(Duration::ZERO);
        Ok(SurveyEnd::Whole)
    }

    fn steps(&self, search: &Search<'_, '_>) -> Vec<Step> {
        let mut steps = plan::steps(search.plan);
        if !self.saved.fixed {
            let again = self.saved.again.iter();
            steps.extend(again.filter_map(|(protocol, line)| {
                let settings = LineSettings::parse(line).ok()?;
                Some(Step { protocol: *protocol, settings })
            }));
            return steps;
        }
        let mut at_hand: Vec<Step> = Vec::new();
        for step in steps {
            let step = Step { settings: self.opened, ..step };
            if !at_hand.contains(&step) {
                at_hand.push(step);
            }
        }
        at_hand
    }

    /// This machine was too late to judge a step: once more when everything else is done, for it
    /// may have less to do by then; after that it is said.
    fn once_more(&mut self, search: &mut Search<'_, '_>, step: &Step, steps: &mut Vec<Step>) {
        let this = (step.protocol, step.settings.to_string());
        if self.saved.again.contains(&this) {
            search.gap(Gap::MachineBusy, settings_of(&[*step]));
        } else {
            self.saved.again.push(this);
            steps.push(*step);
        }
    }

    fn begin(&self, search: &mut Search<'_, '_>, step: &Step, of: usize) {
        search.state.protocol = Some(step.protocol);
        search.state.line = step.settings.to_string();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        search.state.steps = (count(self.saved.steps), count(of));
        search.tell(plan::budget(step, search.plan));
    }

    /// What goes on before anything is sent. Bytes of no frame may be frames at another parity.
    fn overhear(&self, search: &mut Search<'_, '_>) -> Result<(), Stop> {
        let heard = search.ear.listen(CHATTER)?;
        let noisy = note_chatter(search, &heard.bytes());
        if !noisy {
            return Ok(());
        }
        for parity in [Parity::None, Parity::Even, Parity::Odd] {
            let other = LineSettings { parity, ..self.opened };
            if other == self.opened || !search.ear.tune(other)? {
                continue;
            }
            let heard = search.ear.listen(CHATTER * 3)?;
            let spotted = spot::spot(&heard.bytes(), &|_| false);
            if !spotted.spots.is_empty() && spotted.noise.len() < heard.chars.len() / 4 {
                note_chatter(search, &heard.bytes());
                let mut seen = tally::Sight::default();
                seen.add(&heard.bytes());
                seen.count = u32::try_from(heard.chars.len()).unwrap_or(u32::MAX);
                search.ear.tally.other_parity = Some((seen, other.to_string()));
                break;
            }
        }
        search.ear.tune(self.opened)?;
        Ok(())
    }

    /// Whether what was found explains the line: then no more is sent than one question of each
    /// other protocol at the same settings, in case two share the pair.
    fn enough(
        &mut self,
        search: &mut Search<'_, '_>,
        step: &Step,
        rest: &[Step],
    ) -> Result<bool, Stop> {
        let here = search.line();
        let found = search.found.iter().any(|meter| meter.line == here);
        let foreign = search.ear.tally.foreign.count > 0;
        if !found && !foreign {
            return Ok(false);
        }
        if !foreign {
            for protocol in SurveyProtocol::ALL {
                if protocol != step.protocol && plan::wanted(search.plan, protocol) {
                    self.glance(search, protocol)?;
                }
            }
        }
        // Steps to be done once more are not "not needed": nobody knows what they would bring.
        let again = |step: &Step| {
            self.saved.again.contains(&(step.protocol, step.settings.to_string()))
                && self.saved.searched.contains(&settings_of(&[*step]))
        };
        let (unjudged, rest): (Vec<Step>, Vec<Step>) = rest.iter().partition(|step| again(step));
        if !unjudged.is_empty() {
            search.gap(Gap::MachineBusy, settings_of(&unjudged));
        }
        if !rest.is_empty() {
            search.gap(Gap::FoundEnough, settings_of(&rest));
        }
        Ok(true)
    }

    /// A short look for another protocol at the same settings.
    fn glance(
        &mut self,
        search: &mut Search<'_, '_>,
        protocol: SurveyProtocol,
    ) -> Result<(), Stop> {
        let done = format!("{} {}", protocol.as_str(), search.line());
        if self.saved.searched.contains(&done) {
            return Ok(());
        }
        search.state.protocol = Some(protocol);
        search.cursor = Cursor::Start;
        match protocol {
            SurveyProtocol::Iec => Ok(()),
            SurveyProtocol::Modbus => {
                let question = spot::modbus_read(search.plan.from);
                let (_, spotted) = search.call(&question, TURNAROUND)?;
                let answers = spotted.answers(SurveyProtocol::Modbus).count() > 0;
                let noise = spotted.noise_bytes();
                search.ear.tally.noise(&noise);
                if answers {
                    take(search, protocol)?;
                    self.saved.searched.push(done);
                }
                Ok(())
            }
            protocol => {
                take(search, protocol)?;
                self.saved.searched.push(done);
                Ok(())
            }
        }
    }
}

/// What was heard without a question. `true` when there were bytes of no frame.
fn note_chatter(search: &mut Search<'_, '_>, bytes: &[u8]) -> bool {
    let spotted = spot::spot(bytes, &|_| false);
    search.ear.tally.spotted(&spotted);
    for spot in spotted.spots.iter().filter(|spot| !spot.question) {
        search.meet(spot.protocol, &spot.address).answered(None);
    }
    let noise = spotted.noise_bytes();
    search.ear.tally.noise(&noise);
    noise.len() > 1
}

/// One protocol at the settings the line has, and the boxes of many users in it.
fn take(search: &mut Search<'_, '_>, protocol: SurveyProtocol) -> Result<(), Stop> {
    meters(search, protocol)?;
    if protocol == SurveyProtocol::Modbus { terminals::ask(search) } else { Ok(()) }
}

fn meters(search: &mut Search<'_, '_>, protocol: SurveyProtocol) -> Result<(), Stop> {
    if let Cursor::Checks(done) = search.cursor {
        return search.check(protocol, done);
    }
    match protocol {
        SurveyProtocol::Dlt645 => tree::search(search),
        SurveyProtocol::Dlt645v1997 => tree::search_1997(search),
        SurveyProtocol::Modbus => modbus::search(search),
        SurveyProtocol::Cjt188 => {
            for kind in spot::CJT188_KINDS {
                everybody(search, protocol, &spot::cjt188_address(kind), TURNAROUND)?;
            }
            Ok(())
        }
        SurveyProtocol::Dlt698 => tree::search_698(search),
        SurveyProtocol::Iec => everybody(search, protocol, &spot::iec_request(), TURNAROUND_IEC),
    }
}

/// A question to everybody in a protocol that cannot ask some of them.
fn everybody(
    search: &mut Search<'_, '_>,
    protocol: SurveyProtocol,
    question: &[u8],
    window: Duration,
) -> Result<(), Stop> {
    search.tell(search.ear.settings.wire(question.len()) + window);
    let (heard, spotted) = search.call(question, window)?;
    search.meet_all(&heard, &spotted);
    let noise = spotted.noise_bytes();
    if noise.len() > 1 {
        search.gap(Gap::Together, format!("{} {}", protocol.as_str(), search.line()));
    }
    search.ear.tally.noise(&noise);
    Ok(())
}

fn later(steps: &[Step], at: usize, plan: &SurveyPlan) -> Duration {
    let rest = steps.get(at + 1..).unwrap_or_default();
    rest.iter().map(|step| plan::budget(step, plan)).sum()
}

/// Steps as they are named: `modbus-rtu 9600-8N1`; those of one protocol together, for the list is
/// long: `dlt645 2400-8E1 1200-8E1, modbus-rtu 9600-8N1`.
fn settings_of(steps: &[Step]) -> String {
    let mut named: Vec<(SurveyProtocol, String)> = Vec::new();
    for Step { protocol, settings } in steps {
        match named.iter_mut().find(|(known, _)| known == protocol) {
            Some((_, text)) => *text += &format!(" {settings}"),
            None => named.push((*protocol, format!("{} {settings}", protocol.as_str()))),
        }
    }
    let names: Vec<String> = named.into_iter().map(|(_, text)| text).collect();
    names.join(", ")
}
