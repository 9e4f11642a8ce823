//! One meter: read what it has, write what differs, read it back, the switch times last.
//!
//! The meter is asked what it has at every visit; what is right is not written again. So a visit
//! goes on after any interruption at the item where it was left, whatever the journal knows.
//!
//! A meter keeps some tables twice, and only the standby set is written. It must never change
//! places while it is half written: a switch time that is still to come is put off before the first
//! table is touched, and the right one is written when every table has been read back right.

use sha2::Sha256;

use super::moments::{self, FAR_AWAY};
use super::{KIND, Problem, clock};
use crate::jobs::errand::{self, Site};
use crate::jobs::failure::{self, fail};
use crate::jobs::lines::Stop;
use crate::jobs::proven::{self, Rows};
use crate::jobs::views::Failure;
use crate::jobs::{Line, access, ask, civil, gate};
use crate::profile::Protocol;
use crate::profile::bundle::{Bundle, BundleItem, Set, Switch};
use crate::protocol::dlt645::dialogue::{Access, ExchangeError, Reply, Write};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::value::{CivilTime, from_bcd, hex};
use crate::report::Code;
use crate::store::Event;
use crate::units::{Mark, MeterNo, StepState, Verb, WorkId};

/// An item, and what the meter gave for it; none where it refused.
type Given = (u32, Option<Vec<u8>>);

/// How often an item is written before it is given up: a frame may be lost, and what was read back
/// then shows that it was.
const ROUNDS: u32 = 5;
/// How long before a switch time nothing is written for it any more, seconds of the meter's clock:
/// longer than the slowest line takes for what is left.
pub const MARGIN_S: i64 = 120;
/// Day and time in one item.
const DI_CLOCK: u32 = 0x0400_010C;

/// What is done at each meter.
pub(super) struct Task<'a> {
    /// Who works, and where.
    pub site: &'a Site<'a>,
    /// The errand; none for a dry run.
    pub work: Option<WorkId>,
    /// What is written; none where only the clock is set.
    pub bundle: Option<&'a Bundle>,
    /// Whether the clock is set.
    pub clock: bool,
    /// Whether a clock that is far off may be set.
    pub far: bool,
    /// What authorises a new password at the level the bundle names, once it is there.
    pub new_password: Option<&'a crate::jobs::access::MeterPassword>,
}

/// What differed: item, what the meter had, what it shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub name: String,
    pub di: u32,
    pub have: Option<Vec<u8>>,
    pub want: Vec<u8>,
}

/// How a visit ended.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Items, switch times included, and how many of them are right now.
    pub total: usize,
    pub right: usize,
    /// What differed when the visit began.
    pub changes: Vec<Change>,
    /// What is not as it shall be.
    pub problems: Vec<Problem>,
    /// What a person should know.
    pub notes: Vec<(String, String)>,
}

/// What the meter has.
struct Look {
    clock: CivilTime,
    have: Vec<(u32, Option<Vec<u8>>)>,
}

impl Look {
    fn get(&self, di: u32) -> Option<&[u8]> {
        let found = self.have.iter().find(|(known, _)| *known == di);
        found.and_then(|(_, bytes)| bytes.as_deref())
    }

    fn has(&self, item: &BundleItem) -> bool {
        self.get(item.di) == Some(item.value.as_slice())
    }

    fn at(&self, set: Set) -> Option<CivilTime> {
        moments::minute(self.get(set.switch())?)
    }
}

/// A meter in its visit.
pub(super) struct Visit<'v, 'l> {
    pub task: &'v Task<'v>,
    pub line: &'v mut Line<'l>,
    pub meter: MeterNo,
    pub access: Access,
}

/// Goes to one meter.
///
/// # Errors
/// What broke the visit off: line, journal, a cancel. It may be made again.
pub(super) fn visit(line: &mut Line<'_>, stop: &Stop, task: &Task<'_>) -> Result<Report, Failure> {
    let (meter, dry) = (stop.meter, task.work.is_none());
    if stop.profile.protocol != Protocol::Dlt645_2007 {
        return Err(fail(Code::BundleTarget, format!("{meter}: {}", stop.profile.id)));
    }
    access::parameters(&stop.profile)?;
    gate::change(task.site.desk, Verb::Parameters, meter, line.moment(), dry)?;
    accepted(task, line, meter)?;
    let access = match task.site.access(&stop.profile) {
        Ok(access) => access,
        // A plan needs no password: it only reads.
        Err(failure) if dry && failure.code == Code::PasswordMissing => super::NO_ACCESS,
        Err(failure) => return Err(failure),
    };
    let mut visit = Visit { task, line, meter, access };
    let mut report = Report::default();
    if task.clock {
        report.total += 1;
        match clock::set(&mut visit, dry)? {
            Ok(notes) => {
                report.right += 1;
                report.notes.extend(notes);
            }
            Err(problem) => report.problems.push(problem),
        }
    }
    if let Some(bundle) = task.bundle {
        visit.bundle(bundle, &mut report)?;
    }
    Ok(report)
}

/// A model whose rows are not proven is written to on somebody's word only, which is journaled.
fn accepted(task: &Task<'_>, line: &Line<'_>, meter: MeterNo) -> Result<(), Failure> {
    let (profile, desk) = (line.profile, task.site.desk);
    let rows = Rows { section: "profile", confidence: profile.confidence, source: &profile.source };
    let waiver = proven::proven(profile, rows, desk.accepted)?;
    let Some(waiver) = waiver.filter(|_| task.work.is_some()) else { return Ok(()) };
    let kept = desk.store.append(&desk.stamp(line), waiver.event(meter, Verb::Parameters));
    kept.map(drop).map_err(|error| failure::store(&error))
}

impl Visit<'_, '_> {
    fn bundle(&mut self, bundle: &Bundle, report: &mut Report) -> Result<(), Failure> {
        let dry = self.task.work.is_none();
        let mut look = self.look(bundle)?;
        report.changes = changes(bundle, &look);
        if !dry && self.put_off(bundle, &look, report)? {
            // A switch may have come between reading and putting it off.
            look = self.look(bundle)?;
        }
        report.total += bundle.items.len() + bundle.switches.len();
        report.total += usize::from(bundle.password.is_some());
        let mut held = held(bundle, &look);
        if !report.problems.is_empty() {
            // One that could not be put off may come at any time.
            held.extend(Set::ALL);
        }
        report.problems.extend(shape(bundle, &look));
        let late = late(bundle, &look);
        report.problems.extend(late.into_iter().map(|switch| too_late(switch, look.clock)));
        let right = |switch: &&Switch| look.get(switch.set.switch()) == Some(&switch.value()[..]);
        report.right += bundle.items.iter().filter(|item| look.has(item)).count();
        report.right += bundle.switches.iter().filter(right).count();
        if dry {
            return Ok(());
        }
        // Tables whose time has come, or that would not mean here what they say, are left alone.
        let open =
            |item: &&BundleItem| !look.has(item) && item.set.is_none_or(|set| !held.contains(&set));
        let wrong: Vec<&BundleItem> = bundle.items.iter().filter(open).collect();
        let waits = bundle.switches.iter().any(|s| !right(&s) && !held.contains(&s.set));
        if waits || wrong.iter().any(|item| item.set.is_some()) {
            self.mark(true, &bundle.name)?;
        }
        for item in wrong {
            match self.write(&item.name, item.di, &item.value)? {
                None => report.right += 1,
                Some(problem) => report.problems.push(problem),
            }
        }
        self.finish(bundle, &look, report)
    }

    /// The switch times, the mark, the password: only when all that comes before is right.
    fn finish(&mut self, bundle: &Bundle, look: &Look, report: &mut Report) -> Result<(), Failure> {
        if !report.problems.is_empty() {
            return Ok(());
        }
        for switch in &bundle.switches {
            let di = switch.set.switch();
            let value = switch.value();
            if look.get(di) == Some(&value[..]) {
                continue;
            }
            // The meter's own clock decides, and it has gone on meanwhile.
            let now = self.clock()?;
            if moments::seconds(switch.at) - moments::seconds(now) < MARGIN_S {
                report.problems.push(too_late(switch, now));
                return Ok(());
            }
            let name = format!("switch.{}", switch.set.name());
            match self.write(&name, di, &value)? {
                None => report.right += 1,
                Some(problem) => {
                    report.problems.push(problem);
                    return Ok(());
                }
            }
        }
        self.mark(false, &bundle.name)?;
        if let Some(level) = bundle.password {
            match super::password::change(self, level)? {
                None => report.right += 1,
                Some(problem) => report.problems.push(problem),
            }
        }
        Ok(())
    }

    /// Reads everything the bundle is about.
    fn look(&mut self, bundle: &Bundle) -> Result<Look, Failure> {
        let mut dis: Vec<u32> = bundle.needs.iter().map(|need| need.di).collect();
        dis.extend(bundle.switches.iter().map(|switch| switch.set.switch()));
        for item in &bundle.items {
            if !dis.contains(&item.di) {
                dis.push(item.di);
            }
        }
        let clock = self.clock()?;
        let mut look = Look { clock, have: self.read(&dis)? };
        self.in_force(bundle, &mut look)?;
        Ok(look)
    }

    /// A set that has changed places already counts as written: what was standby is in force now.
    fn in_force(&mut self, bundle: &Bundle, look: &mut Look) -> Result<(), Failure> {
        for switch in &bundle.switches {
            let same = look.at(switch.set) == Some(switch.at);
            if !same || look.clock < switch.at {
                continue;
            }
            let mine = bundle.items.iter().filter(|item| item.set == Some(switch.set));
            let pairs: Vec<(u32, u32)> =
                mine.filter_map(|item| Some((item.di, active(item.di)?))).collect();
            let dis: Vec<u32> = pairs.iter().map(|(_, active)| *active).collect();
            let now = self.read(&dis)?;
            for ((standby, _), (_, bytes)) in pairs.iter().zip(now) {
                look.have.retain(|(di, _)| di != standby);
                look.have.push((*standby, bytes));
            }
        }
        Ok(())
    }

    /// Puts switches off that are still to come, so that none can fall into the writing. Whether
    /// there was one.
    fn put_off(
        &mut self,
        bundle: &Bundle,
        look: &Look,
        report: &mut Report,
    ) -> Result<bool, Failure> {
        let held = held(bundle, look);
        let of_a_set = |item: &&BundleItem| item.set.is_some_and(|set| !held.contains(&set));
        // All of them if one is touched: the sets of a tariff change places together.
        let touched = bundle.items.iter().filter(of_a_set).any(|item| !look.has(item));
        let mut any = false;
        for set in bundle.switches.iter().map(|switch| switch.set) {
            let touched = touched && !held.contains(&set);
            let pending = look.at(set).is_some_and(|at| look.clock <= at && at < FAR_AWAY);
            if !touched || !pending {
                continue;
            }
            any = true;
            self.mark(true, &bundle.name)?;
            let never = Switch { set, at: FAR_AWAY }.value();
            let name = format!("put-off.{}", set.name());
            report.problems.extend(self.write(&name, set.switch(), &never)?);
        }
        Ok(any)
    }

    /// Reads items; all must be answered, and a refusal is an answer.
    pub(super) fn read(&mut self, dis: &[u32]) -> Result<Vec<Given>, Failure> {
        let answers = ask::read(self.line, self.meter, dis, dis.len())?;
        let given = |(di, reply): (u32, Option<Reply>)| match reply {
            Some(Reply::Data(data)) => (di, Some(data)),
            _ => (di, None),
        };
        Ok(answers.replies.into_iter().map(given).collect())
    }

    /// The meter's clock.
    pub(super) fn clock(&mut self) -> Result<CivilTime, Failure> {
        let read = self.read(&[DI_CLOCK])?;
        let shown = read.first().and_then(|(_, bytes)| civil::of_clock(bytes.as_deref()?));
        if let Some(time) = shown {
            return Ok(time);
        }
        // Day and time apart, on meters without the block.
        let read = self.read(&[0x0400_0101, 0x0400_0102])?;
        let bytes: Vec<u8> =
            read.iter().rev().filter_map(|(_, b)| b.as_deref()).flatten().copied().collect();
        let none = || fail(Code::ItemUnknown, self.meter.to_string());
        civil::of_clock(&bytes).ok_or_else(none)
    }

    /// Writes an item until it reads back right: each time once, with its step on disk before.
    pub(super) fn write(
        &mut self,
        name: &str,
        di: u32,
        value: &[u8],
    ) -> Result<Option<Problem>, Failure> {
        for _ in 0..ROUNDS {
            self.step(name, StepState::Begun, vec![("value".to_owned(), hex(value))])?;
            let address = Address::meter(self.meter);
            let timing = ask::timing(self.line);
            let mut dialogue = match Write::new(address, di, &self.access, value, timing) {
                Ok(dialogue) => dialogue,
                Err(error) => {
                    self.step(name, StepState::Refused, Vec::new())?;
                    return Ok(Some(Problem::new(name, Code::BundleBad, error.to_string())));
                }
            };
            let answer = self.send(&mut dialogue)?;
            let seen = match self.read(&[di]) {
                Ok(seen) => seen.into_iter().next().and_then(|(_, bytes)| bytes),
                Err(failure) => {
                    self.step(name, StepState::Unknown, Vec::new())?;
                    return Err(failure);
                }
            };
            if seen.as_deref() == Some(value) {
                self.step(name, StepState::Done, Vec::new())?;
                return Ok(None);
            }
            if let Err(ExchangeError::Refused(word)) = answer {
                let word = word.to_string();
                self.step(name, StepState::Refused, vec![("answer".to_owned(), word.clone())])?;
                return Ok(Some(Problem::new(name, Code::ItemRefused, word)));
            }
        }
        self.step(name, StepState::Failed, Vec::new())?;
        Ok(Some(Problem::new(name, Code::ItemDiffers, hex(value))))
    }

    /// Sends a command once. No answer leaves the line doubtful: a late one may come.
    pub(super) fn send<D>(&mut self, dialogue: &mut D) -> Result<D::Output, Failure>
    where
        D: crate::protocol::Dialogue<Output = Result<Vec<u8>, ExchangeError>>,
    {
        let mut digest = <Sha256 as sha2::Digest>::new();
        let answer = ask::run(self.line, dialogue, &mut digest).map_err(|e| failure::drive(&e))?;
        if !matches!(answer, Ok(_) | Err(ExchangeError::Refused(_))) {
            self.line.doubtful = true;
        }
        Ok(answer)
    }

    /// Writes down a step of this meter.
    pub(super) fn step(
        &self,
        name: &str,
        state: StepState,
        notes: Vec<(String, String)>,
    ) -> Result<(), Failure> {
        let Some(work) = self.task.work else { return Ok(()) };
        let desk = self.task.site.desk;
        let stamp = desk.stamp(self.line);
        let meter = Some(self.meter);
        errand::step(desk.store, &stamp, (work, KIND), meter, (name, state), notes)
    }

    /// Remembers that a tariff is on its way in this meter, or that it has arrived.
    fn mark(&self, on: bool, note: &str) -> Result<(), Failure> {
        let desk = self.task.site.desk;
        let marks = desk.store.marks_of(self.meter);
        if marks.iter().any(|row| row.mark == Mark::TariffPending) == on {
            return Ok(());
        }
        let (meter, note) = (self.meter, note.to_owned());
        let event = Event::Marked { meter, mark: Mark::TariffPending, on, note };
        let stamp = desk.stamp(self.line);
        desk.store.append(&stamp, event).map(drop).map_err(|error| failure::store(&error))
    }
}

/// The item of the set in force that an item of the standby set becomes.
fn active(di: u32) -> Option<u32> {
    match di {
        0x0402_0000..=0x0402_0008 => Some(di - 0x0001_0000),
        0x0405_02FF => Some(0x0405_01FF),
        0x0406_02FF => Some(0x0406_00FF),
        0x0406_03FF => Some(0x0406_01FF),
        _ => None,
    }
}

/// Sets whose switch time has come, or nearly, and that are not in force by it.
fn late<'b>(bundle: &'b Bundle, look: &Look) -> Vec<&'b Switch> {
    let whole = |switch: &Switch| {
        let mine = bundle.items.iter().filter(|item| item.set == Some(switch.set));
        look.at(switch.set) == Some(switch.at) && mine.into_iter().all(|item| look.has(item))
    };
    let near =
        |switch: &Switch| moments::seconds(switch.at) - moments::seconds(look.clock) < MARGIN_S;
    bundle.switches.iter().filter(|switch| near(switch) && !whole(switch)).collect()
}

/// Sets that are left alone: their time has come, a switch that is still to come could not be put
/// off, or the meter's tables are others.
fn held(bundle: &Bundle, look: &Look) -> Vec<Set> {
    if !shape(bundle, look).is_empty() {
        return Set::ALL.to_vec();
    }
    late(bundle, look).into_iter().map(|switch| switch.set).collect()
}

fn too_late(switch: &Switch, now: CivilTime) -> Problem {
    let name = format!("switch.{}", switch.set.name());
    Problem::new(&name, Code::BundleLate, format!("{} / {now}", switch.at))
}

/// What the meter would have to be like for the tables to mean what they say. A number of entries
/// that the bundle itself raises counts as raised; lowering one would cut the tables in force.
fn shape(bundle: &Bundle, look: &Look) -> Vec<Problem> {
    let count = |bytes: Option<&[u8]>| match bytes {
        Some([byte]) => from_bcd(*byte),
        _ => None,
    };
    let wanted = |di: u32| {
        let item = bundle.items.iter().find(|item| item.di == di);
        count(item.map(|item| item.value.as_slice()))
    };
    let mut problems = Vec::new();
    for item in bundle.items.iter().filter(|item| item.name.starts_with("counts.")) {
        let (have, want) = (count(look.get(item.di)), wanted(item.di));
        if have > want {
            let detail = format!("{} > {}", shown(have), shown(want));
            problems.push(Problem::new(&item.name, Code::BundleShape, detail));
        }
    }
    for need in &bundle.needs {
        let have = wanted(need.di).or_else(|| count(look.get(need.di)));
        let fits = have.is_some_and(|have| match need.at_least {
            true => have >= need.count,
            false => have == need.count,
        });
        if !fits {
            let sign = if need.at_least { ">= " } else { "" };
            let detail = format!("{:08X}: {}, {sign}{}", need.di, shown(have), need.count);
            problems.push(Problem::new("counts", Code::BundleShape, detail));
        }
    }
    problems
}

fn shown(count: Option<u8>) -> String {
    count.map_or_else(|| "-".to_owned(), |count| count.to_string())
}

fn changes(bundle: &Bundle, look: &Look) -> Vec<Change> {
    let items = bundle.items.iter().filter(|item| !look.has(item)).map(|item| Change {
        name: item.name.clone(),
        di: item.di,
        have: look.get(item.di).map(<[u8]>::to_vec),
        want: item.value.clone(),
    });
    let switches = bundle.switches.iter().map(|switch| Change {
        name: format!("switch.{}", switch.set.name()),
        di: switch.set.switch(),
        have: look.get(switch.set.switch()).map(<[u8]>::to_vec),
        want: switch.value().to_vec(),
    });
    items.chain(switches.filter(|s| s.have.as_deref() != Some(s.want.as_slice()))).collect()
}
