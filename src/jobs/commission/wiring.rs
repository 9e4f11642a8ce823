//! Is the meter wired right? Judged from its own figures, without a clamp or a second instrument.
//!
//! What a meter says of voltages, currents and powers gives the angle between current and voltage
//! at each element. Every wiring ([`super::guesses`]) turns that angle by fixed steps, so each
//! wiring explains the figures with another power factor of the load. What is assumed of the load
//! decides between them:
//!
//! * the load draws energy, it does not feed back: on that rests what is given as found;
//! * its power factor lies where a person says who looked at it ([`Load`]): heaters, motors,
//!   capacitors. No such range is wider than the 60 degrees between two wirings, so that at most
//!   one of them explains an angle. On that rests only what is given as likely.
//!
//! What is **found** ([`Verdict::finding`], [`Verdict::faults`]) holds with any load that draws
//! energy: one wiring alone explains the figures, or the right one does not. The word of a person
//! takes no part in it. Where several explain them, the word may single one out: one that explains
//! them as was said, with no simpler one that does with another power factor, alike in all phases.
//! That one is **likely** ([`Verdict::likely`]), beside "cannot tell" or "wrong" without a name.
//!
//! What makes a likely wiring a found one is not a better word but a measurement: with one phase
//! switched off ahead of the meter, the voltage and the current that go with it are a pair
//! ([`pair`]). With the pairs known ([`judge_paired`]) every current is at most turned by 180
//! degrees, and the sign of its power says whether it is, whatever the load.
//!
//! Angles are found with floating point and rounded to tenths of a degree; no money and no energy
//! is counted here, and what is kept is whole numbers.

use super::guesses::{self, Guess};
pub use super::verdict::{
    Confidence, Doubt, Element, Fault, Figures, Finding, Likely, Load, System, Verdict,
};

/// Below this a current says nothing, mA.
pub const CURRENT_FLOOR_MA: i64 = 50;
/// From here on a current is plenty, mA.
const CURRENT_PLENTY_MA: i64 = 500;
/// A voltage under so many percent of the highest one is missing.
const VOLTAGE_MISSING: i64 = 70;
/// Under this there is no voltage at all, 0.1 V: less than a 57.7 V transformer gives.
const VOLTAGE_FLOOR_DV: i64 = 300;
/// Error of an angle that is allowed for, 0.1 degree.
const TOLERANCE: i32 = 20;
/// Two ways to an angle that differ by more disagree, 0.1 degree.
const DISAGREE: i32 = 100;
/// Apparent power and current times voltage may differ by so many percent.
const UNSTEADY: i64 = 10;
/// How far inside the assumed power factors an angle must be for a sure verdict, 0.1 degree.
const MARGIN: i32 = 50;
/// A power is good for an angle when it is so many of its own smallest steps.
const STEPS_NEEDED: i64 = 60;
/// Loads whose angles differ no more than that from phase to phase are alike, 0.1 degree.
const ALIKE: i32 = 100;
/// A load without a neutral is taken as balanced within so much, 0.1 degree.
const BALANCED: i32 = 250;

/// What the words for loads reach from and to: 0.42 leading to 0.26 lagging, 0.1 degree.
const SPOKEN_OF: (i32, i32) = (-650, 750);

/// When a phase is switched off, its voltage falls under [`VOLTAGE_MISSING`] percent; the others
/// keep so many. Its current is that of an open conductor; the others may move, as loads between
/// phases do, but keep so many percent.
const VOLTAGE_STAYS: i64 = 85;
const CURRENT_GONE: i64 = 10;
const CURRENT_STAYS: i64 = 50;
/// A current whose going can be seen, mA.
const CURRENT_PAIRED_MA: i64 = 200;

/// An element that can be judged: its possible angles, 0.1 degree.
type Angles = Vec<i32>;

/// For each element's voltage the element that has its conductor's current.
pub type Pairs = [u8; 3];

/// Judges the wiring by one reading and what a person says of the load.
pub fn judge(system: System, figures: &Figures, load: Load) -> Verdict {
    judged(system, figures, load, None)
}

/// Judges a four-wire meter whose pairs were measured: `pairs` says of each element's voltage at
/// which element the current of the same conductor is. Nobody's word is needed.
pub fn judge_paired(figures: &Figures, pairs: Pairs) -> Verdict {
    judged(System::FourWire, figures, Load::Unknown, Some(pairs))
}

/// Which voltage went with which current when one phase was switched off ahead of the meter: the
/// elements at which each of them was, 0 to 2. `None` where not exactly one of each went, or where
/// the currents before were too small to see it.
pub fn pair(before: &Figures, off: &Figures) -> Option<(u8, u8)> {
    let gone = |values: fn(&Figures) -> [Option<i64>; 3], floor: i64, (gone, stays): (i64, i64)| {
        let mut found = None;
        for (at, (was, is)) in (0u8..).zip(values(before).into_iter().zip(values(off))) {
            let (was, is) = (was?.abs(), is?.abs());
            if was < floor {
                return None;
            }
            match is * 100 {
                share if share < was * gone && found.is_none() => found = Some(at),
                share if share >= was * stays => {}
                _ => return None,
            }
        }
        found
    };
    let volts = gone(|figures| figures.volts, VOLTAGE_FLOOR_DV, (VOLTAGE_MISSING, VOLTAGE_STAYS))?;
    let amps = gone(|figures| figures.amps, CURRENT_PAIRED_MA, (CURRENT_GONE, CURRENT_STAYS))?;
    Some((volts, amps))
}

fn judged(system: System, figures: &Figures, load: Load, pairs: Option<Pairs>) -> Verdict {
    let mut verdict = Verdict {
        finding: Finding::CannotTell,
        confidence: Confidence::None,
        faults: Vec::new(),
        likely: None,
        doubts: Vec::new(),
        twins: Vec::new(),
        elements: [Element::default(); 3],
        total_hides: total_hides(figures),
    };
    let used: &[u8] = match system {
        System::Single => &[0],
        System::ThreeWire => &[0, 2],
        System::FourWire => &[0, 1, 2],
    };
    let Some(dead) = voltages(system, used, figures, &mut verdict) else {
        return verdict;
    };
    if system == System::Single && bypassed(figures) {
        verdict.faults.push(Fault::Bypass);
    }
    let mut lit: [Option<Angles>; 3] = [None, None, None];
    for element in used.iter().copied().filter(|element| !dead.contains(element)) {
        let at = usize::from(element);
        match angles(element, figures) {
            Ok(found) => {
                if let (Some(slot), Some(place)) = (verdict.elements.get_mut(at), lit.get_mut(at)) {
                    slot.angle = found.0.first().map(|angle| angle.rem_euclid(3600));
                    verdict.doubts.extend(found.1);
                    *place = Some(found.0);
                }
            }
            Err(doubt) => verdict.doubts.push(doubt),
        }
    }
    let whole =
        used.iter().all(|element| lit.get(usize::from(*element)).is_some_and(Option::is_some));
    let seen = decide(&Case { system, load, lit: &lit, pairs }, figures, &mut verdict, whole);
    conclude(system, figures, (seen, whole), &mut verdict);
    verdict
}

/// Looks at the voltages alone: names those missing and hands them back; `None` when there is
/// nothing more to judge.
fn voltages(
    system: System,
    used: &[u8],
    figures: &Figures,
    verdict: &mut Verdict,
) -> Option<Vec<u8>> {
    let of = |element: u8| figures.volts.get(usize::from(element)).copied().flatten();
    let known: Vec<(u8, i64)> =
        used.iter().filter_map(|element| Some((*element, of(*element)?))).collect();
    let highest = known.iter().map(|(_, volts)| *volts).max().unwrap_or(0);
    if known.len() != used.len() || highest < VOLTAGE_FLOOR_DV {
        verdict.doubts.push(Doubt::NoVoltage);
        return None;
    }
    if system == System::FourWire
        && let Some(odd) = neutral_swapped(&known)
    {
        verdict.finding = Finding::Wrong;
        verdict.confidence = Confidence::High;
        verdict.faults.push(Fault::NeutralSwapped(odd));
        return None;
    }
    let low = |(_, volts): &&(u8, i64)| volts * 100 < highest * VOLTAGE_MISSING;
    let dead: Vec<u8> = known.iter().filter(low).map(|(element, _)| *element).collect();
    verdict.faults.extend(dead.iter().map(|element| Fault::VoltageMissing(*element)));
    Some(dead)
}

/// The phase that sits in the neutral's place: its voltage alone is that to neutral, the other two
/// are those between phases, higher by the root of three.
fn neutral_swapped(volts: &[(u8, i64)]) -> Option<u8> {
    let higher = |one: i64, other: i64| (160..=186).contains(&(one * 100 / other.max(1)));
    let odd = |(element, own): &(u8, i64)| {
        let mut others = volts.iter().filter(|(other, _)| other != element);
        others.all(|(_, volts)| higher(*volts, *own))
    };
    volts.iter().find(|one| odd(one)).map(|(element, _)| *element)
}

/// In one phase, live and neutral carry the same current, or some goes around the meter.
fn bypassed(figures: &Figures) -> bool {
    let (Some(live), Some(neutral)) = (figures.amps[0], figures.neutral) else { return false };
    let (live, neutral) = (live.abs(), neutral.abs());
    (live - neutral).abs() * 100 > live.max(neutral) * 15 && (live - neutral).abs() > 200
}

/// Whether the meter's total is the sum of amounts although one element runs backwards.
fn total_hides(figures: &Figures) -> bool {
    let watts: Vec<i64> = figures.watts.iter().flatten().copied().collect();
    let (sum, amounts): (i64, i64) = (watts.iter().sum(), watts.iter().map(|w| w.abs()).sum());
    let near = |one: i64, other: i64| (one - other).abs() * 50 <= amounts;
    figures.total.is_some_and(|total| near(total, amounts) && !near(total, sum))
}

/// The angles an element may have, the likeliest first, and what is doubtful about them.
fn angles(element: u8, figures: &Figures) -> Result<(Angles, Option<Doubt>), Doubt> {
    let at = usize::from(element);
    let of = |values: &[Option<i64>; 3]| values.get(at).copied().flatten();
    let (Some(volts), Some(amps)) = (of(&figures.volts), of(&figures.amps)) else {
        return Err(Doubt::NoCurrent(element));
    };
    let amps = amps.abs();
    if amps < CURRENT_FLOOR_MA {
        return Err(Doubt::NoCurrent(element));
    }
    // 0.1 V x 1 mA = 0.0001 W.
    let apparent = volts * amps / 1000;
    if apparent < STEPS_NEEDED * figures.power_step.max(1) {
        return Err(Doubt::NoCurrent(element));
    }
    if figures.unsteady {
        return Err(Doubt::Unsteady(element));
    }
    let given = of(&figures.angles).and_then(|angle| i32::try_from(angle).ok());
    let watts = of(&figures.watts).ok_or(Doubt::NoAngle(element))?;
    let told = figures.backwards.get(at).copied().unwrap_or(false) && watts > 0;
    let turned = |angle: i32| if told { 1800 - angle } else { angle };
    if let Some(vars) = of(&figures.vars) {
        let found = tenths((vars as f64).atan2(watts as f64));
        let size = (watts as f64).hypot(vars as f64) as i64;
        if (size - apparent).abs() * 100 > apparent * UNSTEADY {
            return Err(Doubt::Unsteady(element));
        }
        // A meter that gives amounts and the direction apart gives no sign of the reactive either.
        let mut all = vec![turned(found)];
        all.extend(told.then(|| 1800 + found));
        let other = given.filter(|given| apart(*given, found) > DISAGREE);
        all.extend(other);
        return Ok((all, other.map(|_| Doubt::AnglesDisagree(element))));
    }
    let bound = apparent.max(watts.abs());
    let side = tenths((watts as f64 / bound as f64).acos());
    match given {
        Some(given) if apart(given, side).min(apart(given, -side)) <= DISAGREE => {
            Ok((vec![turned(given)], None))
        }
        Some(given) => Ok((vec![given, side, -side], Some(Doubt::AnglesDisagree(element)))),
        // The power alone does not say to which side the current is off.
        None => Ok((vec![turned(side), turned(-side)], None)),
    }
}

/// Radians as tenths of a degree.
fn tenths(radians: f64) -> i32 {
    (radians.to_degrees() * 10.0).round() as i32
}

/// An angle between -180 and 180 degrees, in tenths.
fn folded(angle: i32) -> i32 {
    (angle + 1800).rem_euclid(3600) - 1800
}

fn apart(one: i32, other: i32) -> i32 {
    folded(one - other).abs()
}

/// A wiring that explains the figures.
struct Fit {
    guess: Guess,
    /// The load's own angle at each element by it, 0.1 degree.
    own: [Option<i32>; 3],
    by: By,
}

/// With what load a wiring explains the figures, the likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    /// As it was said to be, or usually is.
    Assumed,
    /// An unusual one of that kind.
    Unusual,
    /// One that draws energy, whatever was said of it.
    Any,
}

impl Fit {
    /// How far the phases' angles lie apart.
    fn spread(&self) -> i32 {
        let angles = self.own.iter().flatten();
        let (low, high) = (angles.clone().min(), angles.max());
        low.zip(high).map_or(0, |(low, high)| high - low)
    }

    /// Whether this one speaks against another, which a word about the load is for: it takes no
    /// load that differs more from phase to phase, and fewer mistakes; or as many, with a load that
    /// another word would have been for. Of two that are as simple only the word would decide, and
    /// the word can be untrue.
    fn contradicts(&self, other: &Self) -> bool {
        let alike = self.spread() <= other.spread() + ALIKE;
        let (own, others) = (self.guess.weight(), other.guess.weight());
        let (low, high) = SPOKEN_OF;
        let known = self.own.iter().flatten().all(|angle| (low..=high).contains(angle));
        let another = self.guess != other.guess;
        another && alike && (own < others || own == others && known)
    }
}

/// What is judged.
struct Case<'a> {
    system: System,
    load: Load,
    lit: &'a [Option<Angles>; 3],
    /// Where they were measured.
    pairs: Option<Pairs>,
}

impl Case<'_> {
    /// How a guess explains the figures, if it does.
    fn fit(&self, guess: Guess) -> Option<Fit> {
        let mut fit = Fit { guess, own: [None; 3], by: By::Assumed };
        let ranges = [
            (By::Assumed, self.load.assumed(self.system)),
            (By::Unusual, self.load.conceivable()),
            (By::Any, Load::Unknown.conceivable()),
        ];
        let within =
            |(low, high): (i32, i32), own: &i32| (low - TOLERANCE..=high + TOLERANCE).contains(own);
        for ((angles, step), own) in self.lit.iter().zip(fit.guess.steps).zip(&mut fit.own) {
            let Some(angles) = angles else { continue };
            let loads = angles.iter().map(|angle| folded(angle - step * 10));
            let explained = ranges.iter().find_map(|(by, range)| {
                loads.clone().find(|own| within(*range, own)).map(|own| (*by, own))
            });
            let (by, found) = explained?;
            *own = Some(found);
            fit.by = fit.by.max(by);
        }
        // Between two elements of a three-wire meter lies no neutral: one load for both.
        if self.system == System::ThreeWire && fit.spread() > BALANCED {
            fit.by = fit.by.max(By::Unusual);
        }
        Some(fit)
    }

    /// What a person's word singles out of several wirings: one that explains the figures as was
    /// said, and that none other of them speaks against.
    fn likely(&self, fits: &[Fit]) -> Result<usize, Doubt> {
        let assumed: Vec<usize> =
            (0..).zip(fits).filter(|(_, fit)| fit.by == By::Assumed).map(|(at, _)| at).collect();
        let mut known = fits.iter().filter(|fit| fit.by <= By::Unusual);
        match (assumed.as_slice(), assumed.first().and_then(|at| fits.get(*at))) {
            _ if !self.load.decides() => Err(Doubt::Several),
            ([], _) => Err(Doubt::Unusual),
            ([at], Some(own)) if !known.any(|fit| fit.contradicts(own)) => Ok(*at),
            ([_], _) => Err(Doubt::Unusual),
            _ => Err(Doubt::Several),
        }
    }
}

/// What the figures say of the wiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// One wiring, which is in the verdict.
    Named,
    /// Not the right one.
    NotRight,
    /// Nothing.
    Nothing,
}

/// Finds the one wiring that explains the figures. `whole`: all elements can be judged.
fn decide(case: &Case<'_>, figures: &Figures, verdict: &mut Verdict, whole: bool) -> Told {
    if case.lit.iter().all(Option::is_none) {
        return Told::Nothing;
    }
    let told = figures.order_reversed.filter(|_| case.system != System::Single);
    // A current that is not there cannot be seen to be reversed.
    let dark = |fault: &Fault| match fault {
        Fault::CurrentReversed(at) => case.lit.get(usize::from(*at)).is_none_or(Option::is_none),
        _ => false,
    };
    let mut fits: Vec<Fit> = Vec::new();
    for guess in guesses::all(case.system) {
        let possible = told.is_none_or(|odd| odd == guess.odd)
            && case.pairs.is_none_or(|pairs| pairs == guess.pairs)
            && !guess.faults.iter().any(dark);
        // Where the meter does not say in which order its phases come, a wiring and its mirror
        // image look the same: the simpler of the two, which comes first, stands for both.
        let mirror = |fit: &Fit| told.is_none() && fit.guess.steps == guess.steps;
        if possible && !fits.iter().any(mirror) {
            fits.extend(case.fit(guess));
        }
    }
    // The likelier ones first; among these, as before, the simplest.
    fits.sort_by_key(|fit| fit.by);
    let angles_of = |own: [Option<i32>; 3], verdict: &mut Verdict| {
        for (element, angle) in verdict.elements.iter_mut().zip(own) {
            element.load = angle;
        }
    };
    let doubt = match fits.as_slice() {
        [] => Doubt::Nothing,
        [own] => {
            verdict.faults.extend(own.guess.faults.iter().copied());
            angles_of(own.own, verdict);
            return Told::Named;
        }
        // With a phase that shows nothing "right" is not even likely.
        several => match case.likely(several).map(|at| (at, several.get(at))) {
            Ok((_, Some(own))) if own.guess.faults.is_empty() && !whole => Doubt::Several,
            Ok((at, Some(own))) => {
                let likely = Likely { faults: own.guess.faults.clone(), load: case.load };
                verdict.likely = Some(likely);
                angles_of(own.own, verdict);
                let others = (0..).zip(several).filter(|(other, _)| *other != at);
                verdict.twins = others.map(|(_, fit)| fit.guess.faults.clone()).collect();
                Doubt::Several
            }
            Ok(_) => Doubt::Several,
            Err(doubt) => doubt,
        },
    };
    if verdict.likely.is_none() {
        verdict.twins = fits.iter().map(|fit| fit.guess.faults.clone()).collect();
    }
    verdict.doubts.push(doubt);
    // No load that draws energy makes these figures of a right wiring: that is so whatever was
    // said of it. Figures that nothing explains say nothing.
    let right = fits.iter().any(|fit| fit.guess.faults.is_empty());
    if fits.is_empty() || right { Told::Nothing } else { Told::NotRight }
}

/// What the parts come to. `seen`: what the angles say; `whole`: of all elements.
fn conclude(system: System, figures: &Figures, (seen, whole): (Told, bool), verdict: &mut Verdict) {
    let told = seen == Told::Named;
    verdict.finding = match (verdict.faults.is_empty(), seen) {
        (false, _) | (true, Told::NotRight) => Finding::Wrong,
        (true, Told::Named) if whole => Finding::Right,
        _ => Finding::CannotTell,
    };
    if verdict.finding == Finding::CannotTell {
        if verdict.likely.is_some() {
            verdict.confidence = Confidence::Word;
        }
        return;
    }
    if told && system != System::Single && figures.order_reversed.is_none() {
        verdict.doubts.push(Doubt::NoOrder);
    }
    let (low, high) = Load::Unknown.conceivable();
    let inside = |angle: i32| (low + MARGIN..=high - MARGIN).contains(&angle);
    let plenty = verdict.elements.iter().zip(figures.amps).all(|(element, amps)| {
        let enough = amps.is_some_and(|amps| amps.abs() >= CURRENT_PLENTY_MA);
        element.load.is_none_or(|angle| enough && (system == System::Single || inside(angle)))
    });
    if !plenty {
        verdict.doubts.push(Doubt::Edge);
    }
    let sure = verdict.doubts.is_empty() || !told && verdict.confidence == Confidence::High;
    verdict.confidence = if sure { Confidence::High } else { Confidence::Fair };
}
