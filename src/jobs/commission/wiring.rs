//! Is the meter wired right? Judged from its own figures, without a clamp or a second instrument.
//!
//! What a meter says of voltages, currents and powers gives the angle between current and voltage
//! at each element. Every wiring ([`super::guesses`]) turns that angle by fixed steps, so each
//! wiring explains the figures with another power factor of the load. What is assumed of the load
//! decides between them:
//!
//! * the load draws energy, it does not feed back;
//! * its power factor lies where the person says ([`Load`]): an ordinary load between 0.7 lagging
//!   and 0.98 leading. No such range is wider than the 60 degrees between two wirings, so that at
//!   most one of them explains an angle.
//!
//! A verdict is given only where one wiring alone explains the figures so, and no simpler one
//! explains them with another power factor, alike in all phases. All else is "cannot tell". What a
//! load outside the assumption could still hide behind a verdict is listed with it
//! ([`Verdict::twins`]).
//!
//! Angles are found with floating point and rounded to tenths of a degree; no money and no energy
//! is counted here, and what is kept is whole numbers.

use super::guesses::{self, Guess};

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

/// How the meter is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// One phase.
    Single,
    /// Three phases without neutral, two elements.
    ThreeWire,
    /// Three phases and neutral.
    FourWire,
}

/// What is known of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Nothing special: 0.7 lagging to 0.98 leading.
    Ordinary,
    /// Heaters, kettles, lamps: 0.96 lagging to 0.96 leading, and surely no worse than 0.77.
    Resistive,
    /// Motors, welders, transformers with little load: 0.94 to 0.26 lagging.
    Inductive,
    /// Capacitors, much electronics and little else: 0.98 to 0.42 leading.
    Capacitive,
    /// Anything.
    Unknown,
}

impl Load {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Ordinary, Self::Resistive, Self::Inductive, Self::Capacitive, Self::Unknown];
    /// Their stable names.
    pub const NAMES: &'static [&'static str] =
        &["ordinary", "resistive", "inductive", "capacitive", "unknown"];

    /// By its stable name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|load| load.name() == name)
    }

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Resistive => "resistive",
            Self::Inductive => "inductive",
            Self::Capacitive => "capacitive",
            Self::Unknown => "unknown",
        }
    }

    /// Angles it is assumed to have, 0.1 degree: leading (negative) to lagging. In one phase only
    /// the sign of the power matters.
    fn assumed(self, system: System) -> (i32, i32) {
        match self {
            _ if system == System::Single => (-850, 850),
            Self::Ordinary => (-120, 450),
            Self::Resistive => (-150, 150),
            Self::Inductive => (200, 750),
            Self::Capacitive => (-650, -100),
            Self::Unknown => (-900, 900),
        }
    }

    /// Angles it may have at all.
    fn conceivable(self) -> (i32, i32) {
        match self {
            Self::Resistive => (-400, 400),
            _ => (-900, 900),
        }
    }
}

/// What a meter says. Elements are phases A, B, C; a three-wire meter has the first and the third.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// 0.1 V.
    pub volts: [Option<i64>; 3],
    /// mA, without a sign.
    pub amps: [Option<i64>; 3],
    /// 0.1 W.
    pub watts: [Option<i64>; 3],
    /// 0.1 var.
    pub vars: [Option<i64>; 3],
    /// From current to voltage, 0.1 degree.
    pub angles: [Option<i64>; 3],
    /// Thousandths.
    pub factors: [Option<i64>; 3],
    /// Sum of the powers as the meter has it, 0.1 W.
    pub total: Option<i64>,
    /// What the meter says of the power's direction at each element, where it says it apart.
    pub backwards: [bool; 3],
    /// Whether the meter sees its voltages in the wrong order.
    pub order_reversed: Option<bool>,
    /// Current in the neutral, mA.
    pub neutral: Option<i64>,
    /// Smallest step of a power, 0.1 W; 0 counts as 1.
    pub power_step: i64,
    /// The currents moved while they were read.
    pub unsteady: bool,
}

/// A mistake. Elements and phases are numbered 0 to 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No voltage there, though others have one.
    VoltageMissing(u8),
    /// A phase is where the neutral should be: two voltages are those between phases.
    NeutralSwapped(u8),
    /// Two voltages are swapped.
    VoltagesSwapped(u8, u8),
    /// All three voltages are so many places on.
    VoltagesMoved(u8),
    /// The phases come in the wrong order, currents with them.
    OrderReversed,
    /// Two currents are swapped.
    CurrentsSwapped(u8, u8),
    /// All three currents are so many places on: the second's is in the first's place, or the
    /// third's.
    CurrentsMoved(u8),
    /// A current goes through backwards.
    CurrentReversed(u8),
    /// The neutral carries another current than the phase: some of it goes around the meter.
    Bypass,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The wiring is right.
    Right,
    /// The wiring is wrong, as the faults say.
    Wrong,
    /// More than one wiring explains the figures, or none.
    CannotTell,
}

/// Why nothing can be told, or what weakens a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// No voltage, or none was given.
    NoVoltage,
    /// Nothing to judge by at this element: no load, or its current does not arrive.
    NoCurrent(u8),
    /// The element gives too little to find an angle.
    NoAngle(u8),
    /// The figures of this element do not fit each other: the load changed while it was read.
    Unsteady(u8),
    /// Two ways to this element's angle disagree.
    AnglesDisagree(u8),
    /// No wiring explains it: something feeds back, or figures are wrong.
    Nothing,
    /// Several wirings explain it.
    Several,
    /// As simple a wiring explains it with an unusual power factor.
    Unusual,
    /// The meter does not say in which order its phases come.
    NoOrder,
    /// Little load, or a power factor at the edge of what was assumed.
    Edge,
}

/// How sure a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// Load, angles and order leave no doubt.
    High,
    /// Right as far as can be seen; see the doubts.
    Fair,
    /// There is no verdict.
    None,
}

/// One element by the verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Element {
    /// Angle from current to voltage as measured, 0.1 degree, 0 to 3599.
    pub angle: Option<i32>,
    /// The load's own angle by the verdict, 0.1 degree; positive lags.
    pub load: Option<i32>,
}

/// The verdict with all it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was found.
    pub finding: Finding,
    /// How sure that is.
    pub confidence: Confidence,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What stands against a verdict, or weakens it.
    pub doubts: Vec<Doubt>,
    /// Other wirings with the same figures: where nothing can be told those between which it lies,
    /// else those that a load outside the assumed power factors could hide. Simplest first.
    pub twins: Vec<Vec<Fault>>,
    /// By element.
    pub elements: [Element; 3],
    /// The total the meter counts hides a negative element: it adds amounts.
    pub total_hides: bool,
}

/// An element that can be judged: its possible angles, 0.1 degree.
type Angles = Vec<i32>;

/// Judges the wiring.
pub fn judge(system: System, figures: &Figures, load: Load) -> Verdict {
    let mut verdict = Verdict {
        finding: Finding::CannotTell,
        confidence: Confidence::None,
        faults: Vec::new(),
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
    decide(&Case { system, load, lit: &lit }, figures, &mut verdict);
    conclude(system, figures, load, whole, &mut verdict);
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
    /// With a load as assumed; else with one that draws energy, but an unusual one.
    assumed: bool,
}

impl Fit {
    /// How far the phases' angles lie apart.
    fn spread(&self) -> i32 {
        let angles = self.own.iter().flatten();
        let (low, high) = (angles.clone().min(), angles.max());
        low.zip(high).map_or(0, |(low, high)| high - low)
    }

    /// Whether this one speaks against another: it is simpler, and takes no load that differs more
    /// from phase to phase.
    fn simpler_than(&self, other: &Self) -> bool {
        let alike = self.spread() <= other.spread() + ALIKE;
        self.guess.weight() < other.guess.weight() && alike
    }
}

/// What is judged.
struct Case<'a> {
    system: System,
    load: Load,
    lit: &'a [Option<Angles>; 3],
}

impl Case<'_> {
    /// How a guess explains the figures, if it does.
    fn fit(&self, guess: Guess) -> Option<Fit> {
        let mut fit = Fit { guess, own: [None; 3], assumed: true };
        let (assumed, conceivable) = (self.load.assumed(self.system), self.load.conceivable());
        let within =
            |(low, high): (i32, i32), own: &i32| (low - TOLERANCE..=high + TOLERANCE).contains(own);
        for ((angles, step), own) in self.lit.iter().zip(fit.guess.steps).zip(&mut fit.own) {
            let Some(angles) = angles else { continue };
            let mut loads = angles.iter().map(|angle| folded(angle - step * 10));
            *own = loads.clone().find(|own| within(assumed, own));
            if own.is_none() {
                *own = Some(loads.find(|own| within(conceivable, own))?);
                fit.assumed = false;
            }
        }
        // Between two elements of a three-wire meter lies no neutral: one load for both.
        if self.system == System::ThreeWire && fit.spread() > BALANCED {
            fit.assumed = false;
        }
        Some(fit)
    }
}

/// Finds the one wiring that explains the figures.
fn decide(case: &Case<'_>, figures: &Figures, verdict: &mut Verdict) {
    if case.lit.iter().all(Option::is_none) {
        return;
    }
    let told = figures.order_reversed.filter(|_| case.system != System::Single);
    // A current that is not there cannot be seen to be reversed.
    let dark = |fault: &Fault| match fault {
        Fault::CurrentReversed(at) => case.lit.get(usize::from(*at)).is_none_or(Option::is_none),
        _ => false,
    };
    let mut fits: Vec<Fit> = Vec::new();
    for guess in guesses::all(case.system) {
        let possible = told.is_none_or(|odd| odd == guess.odd) && !guess.faults.iter().any(dark);
        // Where the meter does not say in which order its phases come, a wiring and its mirror
        // image look the same: the simpler of the two, which comes first, stands for both.
        let mirror = |fit: &Fit| told.is_none() && fit.guess.steps == guess.steps;
        if possible && !fits.iter().any(mirror) {
            fits.extend(case.fit(guess));
        }
    }
    let assumed: Vec<&Fit> = fits.iter().filter(|fit| fit.assumed).collect();
    let doubt = match assumed.as_slice() {
        [] if fits.is_empty() => Doubt::Nothing,
        [] => Doubt::Unusual,
        [own] if fits.iter().any(|fit| fit.simpler_than(own)) => Doubt::Unusual,
        [own] => {
            let others = fits.iter().filter(|fit| fit.guess != own.guess);
            verdict.twins = others.map(|fit| fit.guess.faults.clone()).collect();
            verdict.faults.extend(own.guess.faults.iter().copied());
            for (element, angle) in verdict.elements.iter_mut().zip(own.own) {
                element.load = angle;
            }
            verdict.finding = Finding::Right;
            return;
        }
        _ => Doubt::Several,
    };
    verdict.twins = fits.iter().map(|fit| fit.guess.faults.clone()).collect();
    verdict.doubts.push(doubt);
}

/// What the parts come to.
fn conclude(system: System, figures: &Figures, load: Load, whole: bool, verdict: &mut Verdict) {
    let told = verdict.finding == Finding::Right;
    verdict.finding = match (verdict.faults.is_empty(), told && whole) {
        (false, _) => Finding::Wrong,
        (true, true) => Finding::Right,
        (true, false) => Finding::CannotTell,
    };
    if verdict.finding == Finding::CannotTell {
        return;
    }
    if told && system != System::Single && figures.order_reversed.is_none() {
        verdict.doubts.push(Doubt::NoOrder);
    }
    let (low, high) = load.assumed(system);
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
