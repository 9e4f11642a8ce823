//! The wiring check over a generated set: all permutations and reversals of currents and voltages,
//! many power factors, loads, and noise. What a verdict claims is undone, and the meter must be
//! right then; a wrong verdict is one after which it is not.
//!
//! The figures are made from vectors here, without a line of the check's own code.

use std::fmt::Write as _;

use meterkit::jobs::commission::wiring::{
    Confidence, Fault, Figures, Finding, Load, System, Verdict, judge, judge_paired,
};

/// Which phase is on each terminal, and which currents go through backwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wiring {
    pub volts: [usize; 3],
    pub amps: [usize; 3],
    back: [bool; 3],
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0], [1, 0, 2]];
const SIGNS: [[bool; 3]; 8] = [
    [false, false, false],
    [true, false, false],
    [false, true, false],
    [true, true, false],
    [false, false, true],
    [true, false, true],
    [false, true, true],
    [true, true, true],
];

/// A current under this is not judged, and its direction cannot be seen, A.
const SEEN: f64 = 0.05;

type Vector = (f64, f64);

fn vector(size: f64, degrees: f64) -> Vector {
    (size * degrees.to_radians().cos(), size * degrees.to_radians().sin())
}

/// A load: amperes and angle (lag positive) of each phase.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    pub amps: [f64; 3],
    pub lag: [f64; 3],
}

/// Whole numbers from a seed: the same every run.
pub struct Chance(pub u64);

impl Chance {
    /// -1 to 1.
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 / f64::from(1u32 << 30)) - 1.0
    }
}

fn odd(order: [usize; 3]) -> bool {
    ORDERS[3..].contains(&order)
}

/// What a four-wire meter so wired says, with so much noise in each figure.
pub fn figures(wiring: Wiring, drawn: Drawn, noise: f64, chance: &mut Chance) -> Figures {
    let mut figures = Figures { order_reversed: Some(odd(wiring.volts)), ..Figures::default() };
    for at in 0..3 {
        let voltage =
            vector(230.0 * (1.0 + 0.02 * chance.next()), -120.0 * wiring.volts[at] as f64);
        let phase = wiring.amps[at];
        let turn = if wiring.back[at] { 180.0 } else { 0.0 };
        let current = vector(drawn.amps[phase], -120.0 * phase as f64 - drawn.lag[phase] + turn);
        // S = U times conjugate I.
        let active = voltage.0 * current.0 + voltage.1 * current.1;
        let reactive = voltage.1 * current.0 - voltage.0 * current.1;
        let (size, angle) = (active.hypot(reactive), reactive.atan2(active));
        let angle = angle + (noise * chance.next()).to_radians();
        let noisy = |value: f64, chance: &mut Chance| value * (1.0 + 0.005 * noise * chance.next());
        figures.volts[at] = Some((noisy(voltage.0.hypot(voltage.1), chance) * 10.0) as i64);
        figures.amps[at] = Some((noisy(drawn.amps[phase], chance) * 1000.0) as i64);
        figures.watts[at] = Some((noisy(size, chance) * angle.cos() * 10.0).round() as i64);
        figures.vars[at] = Some((noisy(size, chance) * angle.sin() * 10.0).round() as i64);
    }
    figures
}

/// Undoes what a verdict names.
fn repaired(mut wiring: Wiring, faults: &[Fault]) -> Wiring {
    for fault in faults {
        if let Fault::CurrentReversed(at) = fault {
            wiring.back[usize::from(*at)] ^= true;
        }
    }
    for fault in faults {
        match *fault {
            Fault::OrderReversed => {
                wiring.volts.swap(1, 2);
                wiring.amps.swap(1, 2);
                wiring.back.swap(1, 2);
            }
            Fault::CurrentsSwapped(one, other) => {
                wiring.amps.swap(one.into(), other.into());
                wiring.back.swap(one.into(), other.into());
            }
            Fault::VoltagesSwapped(one, other) => wiring.volts.swap(one.into(), other.into()),
            Fault::CurrentsMoved(by) => {
                wiring.amps.rotate_right(by.into());
                wiring.back.rotate_right(by.into());
            }
            _ => {}
        }
    }
    wiring
}

/// Whether each element has a voltage and the current of the same phase, the right way round, in
/// the right order. A phase without load shows nothing of its current's direction.
fn is_right(wiring: Wiring, drawn: Drawn) -> bool {
    let back = |at: usize| wiring.back[at] && drawn.amps[wiring.amps[at]] >= SEEN;
    !odd(wiring.volts) && wiring.volts == wiring.amps && (0..3).all(|at| !back(at))
}

/// Every case is one of right, unnamed, cannot and wrong; a likely wiring comes with an unnamed one
/// or with "cannot tell".
#[derive(Debug, Default, Clone, Copy)]
pub struct Shares {
    /// The verdict, given without a condition, is this wiring.
    pub right: u32,
    /// The verdict is "wrong", without a name, and so it is.
    unnamed: u32,
    pub cannot: u32,
    /// Any other verdict without a condition, whatever it adds of twins and doubts.
    pub wrong: u32,
    /// A wiring is given as likely on the word about the load.
    pub likely: u32,
    /// Of those: it is another wiring.
    untrue: u32,
    /// Of those again: and the meter is wired right.
    accused: u32,
}

impl Shares {
    pub fn count(&mut self, wiring: Wiring, drawn: Drawn, verdict: &Verdict) {
        let right = |faults: &[Fault]| is_right(repaired(wiring, faults), drawn);
        let truly = is_right(wiring, drawn);
        let likely = verdict.likely.as_ref();
        match verdict.finding {
            Finding::CannotTell => self.cannot += 1,
            Finding::Wrong if verdict.faults.is_empty() => match truly {
                true => self.wrong += 1,
                // Between which wirings it lies is said, and this is one of them.
                false if verdict.twins.iter().any(|twin| right(twin)) => self.unnamed += 1,
                false if likely.is_some_and(|likely| right(&likely.faults)) => self.unnamed += 1,
                false => self.wrong += 1,
            },
            _ if right(&verdict.faults) => self.right += 1,
            _ => self.wrong += 1,
        }
        if let Some(likely) = likely {
            let untrue = !right(&likely.faults);
            self.likely += 1;
            self.untrue += u32::from(untrue);
            self.accused += u32::from(untrue && truly);
            // Nobody may take it for a finding.
            let found = matches!(verdict.finding, Finding::Right) || !verdict.faults.is_empty();
            assert!(!found, "{verdict:?}");
            let open = verdict.finding == Finding::CannotTell;
            assert!(!open || verdict.confidence == Confidence::Word, "{verdict:?}");
        }
    }

    pub fn all(&self) -> u32 {
        self.right + self.unnamed + self.cannot + self.wrong
    }

    pub fn line(&self, name: &str) -> String {
        let part = |count: u32, of: u32| f64::from(count) * 100.0 / f64::from(of.max(1));
        let of_all = |count: u32| part(count, self.all());
        format!(
            "{name:<44} {:>6} {:>7.2} {:>9.2} {:>7.2} {:>7.2} {:>9.2} {:>12.2}",
            self.all(),
            of_all(self.right),
            of_all(self.unnamed),
            of_all(self.cannot),
            of_all(self.wrong),
            of_all(self.likely),
            of_all(self.untrue),
        )
    }
}

pub fn all_wirings() -> Vec<Wiring> {
    let mut all = Vec::new();
    for volts in ORDERS {
        for amps in ORDERS {
            all.extend(SIGNS.map(|back| Wiring { volts, amps, back }));
        }
    }
    all
}

/// Runs all wirings over these loads; what the check is told of the load goes with it.
fn run(loads: &[Drawn], told: Load, noise: f64, order: bool) -> Shares {
    let mut shares = Shares::default();
    let mut chance = Chance(20_261_121);
    for drawn in loads {
        for wiring in all_wirings() {
            let mut figures = figures(wiring, *drawn, noise, &mut chance);
            if !order {
                figures.order_reversed = None;
            }
            let verdict = judge(System::FourWire, &figures, told);
            if order {
                shares.count(wiring, *drawn, &verdict);
            } else {
                // Without it a wiring and its mirror image cannot be told apart, which is said.
                let mirror = |faults: &Vec<Fault>| [&[Fault::OrderReversed], &faults[..]].concat();
                let mut mirrored = verdict.clone();
                if !verdict.faults.is_empty() || verdict.finding == Finding::Right {
                    mirrored.faults = mirror(&verdict.faults);
                }
                mirrored.twins.extend(verdict.twins.iter().map(mirror));
                let unnamed = verdict.finding == Finding::Wrong && verdict.faults.is_empty();
                let fits = unnamed || is_right(repaired(wiring, &mirrored.faults), *drawn);
                shares.count(wiring, *drawn, if fits { &mirrored } else { &verdict });
            }
        }
    }
    shares
}

pub fn balanced(amps: f64, lag: f64) -> Drawn {
    Drawn { amps: [amps; 3], lag: [lag; 3] }
}

#[test]
fn no_wiring_is_ever_judged_wrong() {
    let mut table = String::new();
    let head = "cases  right%  unnamed% cannot%  wrong%  on-word%  of it untrue%";
    let _ = writeln!(table, "{:<44} {head}", "load");
    let usual: Vec<Drawn> =
        [-11.5, -8.0, 0.0, 10.0, 18.2, 25.8, 31.8, 36.9, 45.0].map(|lag| balanced(5.0, lag)).into();
    let motors: Vec<Drawn> =
        [20.0, 36.9, 53.1, 60.0, 66.4, 72.5].map(|lag| balanced(5.0, lag)).into();
    let leading: Vec<Drawn> =
        [-11.5, -18.2, -25.8, -45.6, -60.0].map(|lag| balanced(5.0, lag)).into();
    let uneven: Vec<Drawn> = [
        Drawn { amps: [12.0, 0.8, 4.0], lag: [18.0, 5.0, 31.0] },
        Drawn { amps: [0.3, 25.0, 2.0], lag: [-10.0, 37.0, 20.0] },
        Drawn { amps: [60.0, 0.1, 60.0], lag: [26.0, 12.0, 44.0] },
    ]
    .into();
    let strange: Vec<Drawn> =
        [-89.0, -75.0, -60.0, -45.6, -36.9, -25.8, -18.2, 66.4, 72.5, 80.0, 87.0]
            .map(|l| balanced(5.0, l))
            .into();
    let mixed: Vec<Drawn> = [
        Drawn { amps: [5.0; 3], lag: [-60.0, 10.0, 20.0] },
        Drawn { amps: [5.0, 1.0, 9.0], lag: [75.0, -30.0, 0.0] },
        Drawn { amps: [2.0; 3], lag: [-20.0, -40.0, 85.0] },
    ]
    .into();
    let part: Vec<Drawn> = [
        Drawn { amps: [5.0, 5.0, 0.0], lag: [20.0; 3] },
        Drawn { amps: [5.0, 0.0, 0.0], lag: [20.0; 3] },
        Drawn { amps: [0.0, 3.0, 0.0], lag: [-40.0; 3] },
        Drawn { amps: [0.02, 3.0, 3.0], lag: [30.0; 3] },
    ]
    .into();
    let part_warm: Vec<Drawn> = part.iter().map(|d| Drawn { lag: [3.0; 3], ..*d }).collect();
    let none = vec![balanced(0.0, 0.0), balanced(0.03, 20.0)];
    let warm: Vec<Drawn> = [-12.0, 0.0, 12.0].map(|l| balanced(5.0, l)).into();
    // Whether what is said of the load is true: what nobody said cannot be untrue.
    let cases: [(&str, &[Drawn], Load, bool); 18] = [
        ("usual, nothing told", &usual, Load::Ordinary, true),
        ("usual, nothing told, nor the order", &usual, Load::Ordinary, false),
        ("usual, uneven, nothing told", &uneven, Load::Ordinary, true),
        ("heaters, told so", &warm, Load::Resistive, true),
        ("heaters, nothing told", &warm, Load::Ordinary, true),
        ("motors 0.94 to 0.3 lag, told so", &motors, Load::Inductive, true),
        ("0.98 to 0.5 lead, told so", &leading, Load::Capacitive, true),
        ("motors, nothing told", &motors, Load::Ordinary, true),
        ("leading, nothing told", &leading, Load::Ordinary, true),
        ("strange, nothing told", &strange, Load::Ordinary, true),
        ("strange and mixed", &mixed, Load::Ordinary, true),
        ("strange, told unknown", &strange, Load::Unknown, true),
        ("a phase or two without load", &part, Load::Ordinary, true),
        ("the same, heaters, told so", &part_warm, Load::Resistive, true),
        ("no load", &none, Load::Ordinary, true),
        ("UNTRUE: strange, told heaters", &strange, Load::Resistive, true),
        ("UNTRUE: leading, told motors", &leading, Load::Inductive, true),
        ("UNTRUE: motors, told capacitors", &motors, Load::Capacitive, true),
    ];
    let mut all = Vec::new();
    for (name, loads, told, order) in cases {
        for (noise, label) in [(0.0, ""), (1.5, ", noise")] {
            let shares = run(loads, told, noise, order);
            let _ = writeln!(table, "{}", shares.line(&format!("{name}{label}")));
            all.push((name, shares));
        }
    }
    println!("{table}");
    for (name, shares) in &all {
        // Whether a word is true or not: what is given as found is so.
        assert_eq!(shares.wrong, 0, "{name}");
        let untrue = name.starts_with("UNTRUE");
        if !untrue {
            assert_eq!(shares.untrue, 0, "{name}");
        }
        assert!(*name == "UNTRUE: strange, told heaters" || shares.accused == 0, "{name}");
        // An untrue word turns every angle by 60 degrees and leaves figures that a true one gives,
        // too: they cannot be told apart. Of two wirings as simple it must not make one likely.
        let motors = ["UNTRUE: leading, told motors", "UNTRUE: motors, told capacitors"];
        if motors.contains(name) {
            let all = shares.all();
            assert!(shares.untrue * 5 < all * 2, "{name}: {} of {all}", shares.untrue);
        }
        if *name == "heaters, told so" {
            assert_eq!((shares.likely, shares.right), (3 * 288, 0), "{name}");
        }
        if *name == "usual, nothing told" {
            assert!(shares.unnamed > 0, "{name}: nothing is ever called wrong");
            assert_eq!(shares.likely, 0, "{name}: nobody said anything");
        }
    }
}

fn plain(lag: f64, wiring: Wiring) -> Figures {
    figures(wiring, balanced(5.0, lag), 0.0, &mut Chance(1))
}

pub const STRAIGHT: Wiring = Wiring { volts: [0, 1, 2], amps: [0, 1, 2], back: [false; 3] };

#[test]
fn voltages_alone_tell_a_missing_phase_and_a_swapped_neutral() {
    let mut missing = plain(8.0, STRAIGHT);
    (missing.volts[1], missing.watts[1], missing.vars[1]) = (Some(40), Some(0), Some(0));
    let verdict = judge(System::FourWire, &missing, Load::Ordinary);
    assert_eq!((verdict.finding, verdict.faults), (Finding::Wrong, vec![Fault::VoltageMissing(1)]));
    let mut swapped = plain(8.0, STRAIGHT);
    swapped.volts = [Some(3_980), Some(3_990), Some(2_300)];
    let verdict = judge(System::FourWire, &swapped, Load::Ordinary);
    assert_eq!((verdict.finding, verdict.faults), (Finding::Wrong, vec![Fault::NeutralSwapped(2)]));
    let dead = Figures { volts: [Some(0); 3], ..plain(8.0, STRAIGHT) };
    let verdict = judge(System::FourWire, &dead, Load::Ordinary);
    assert_eq!(verdict.finding, Finding::CannotTell);
}

#[test]
fn a_meter_that_adds_amounts_does_not_hide_a_reversed_current() {
    let mut figures = plain(8.0, Wiring { back: [false, false, true], ..STRAIGHT });
    let sum: i64 = figures.watts.iter().flatten().map(|watts| watts.abs()).sum();
    figures.total = Some(sum);
    let verdict = judge(System::FourWire, &figures, Load::Resistive);
    assert_eq!(verdict.likely.unwrap().faults, [Fault::CurrentReversed(2)]);
    assert!(verdict.total_hides);
    // The same where it shows amounts of each phase and says the direction apart.
    figures.watts = figures.watts.map(|watts| watts.map(i64::abs));
    figures.vars = figures.vars.map(|vars| vars.map(i64::abs));
    figures.backwards = [false, false, true];
    let verdict = judge(System::FourWire, &figures, Load::Resistive);
    assert_eq!(verdict.likely.unwrap().faults, [Fault::CurrentReversed(2)]);
}

#[test]
fn one_phase_is_told_by_the_sign_of_its_power() {
    let mut wrong = 0;
    for lag in (-88..=88).step_by(4) {
        for (back, amps) in [(false, 5.0), (true, 5.0), (false, 0.02)] {
            let wiring = Wiring { back: [back, false, false], ..STRAIGHT };
            let drawn = balanced(amps, f64::from(lag));
            let figures = figures(wiring, drawn, 0.0, &mut Chance(2));
            let verdict = judge(System::Single, &figures, Load::Ordinary);
            let told = match verdict.finding {
                Finding::CannotTell => continue,
                Finding::Right => false,
                Finding::Wrong => verdict.faults == [Fault::CurrentReversed(0)],
            };
            wrong += u32::from(told != back);
        }
    }
    assert_eq!(wrong, 0);
    let around = Figures { neutral: Some(9_000), ..plain(8.0, STRAIGHT) };
    assert_eq!(judge(System::Single, &around, Load::Ordinary).faults, [Fault::Bypass]);
}

#[test]
fn figures_that_do_not_fit_each_other_are_no_verdict() {
    let good = plain(8.0, STRAIGHT);
    let hurried = Figures { unsteady: true, ..good.clone() };
    assert_eq!(judge(System::FourWire, &hurried, Load::Ordinary).finding, Finding::CannotTell);
    let mut torn = good.clone();
    torn.amps[1] = Some(2_500);
    assert_eq!(judge(System::FourWire, &torn, Load::Ordinary).finding, Finding::CannotTell);
    // A current that does not arrive may be a load that is not there: not called right.
    let mut open = good.clone();
    (open.amps[2], open.watts[2], open.vars[2]) = (Some(0), Some(0), Some(0));
    assert_eq!(judge(System::FourWire, &open, Load::Ordinary).finding, Finding::CannotTell);
    // The same figures without the trouble: likely right on a word, and right by a measurement.
    let verdict = judge(System::FourWire, &good, Load::Resistive);
    assert_eq!(verdict.finding, Finding::CannotTell);
    assert_eq!(verdict.likely.map(|likely| likely.faults), Some(Vec::new()));
    assert_eq!(judge_paired(&good, [0, 1, 2]).finding, Finding::Right);
    assert_eq!(judge_paired(&hurried, [0, 1, 2]).finding, Finding::CannotTell);
}

/// Which terminals of a three-wire meter have which phase, which currents, and which way round.
fn three_wire(volts: [usize; 3], amps: [usize; 2], back: [bool; 2], lag: f64) -> Figures {
    let phase = |nth: usize| vector(230.0, -120.0 * nth as f64);
    let middle = phase(volts[1]);
    let mut figures = Figures { order_reversed: Some(odd(volts)), ..Figures::default() };
    for (element, at) in [(0usize, 0usize), (1, 2)] {
        let outer = phase(volts[at]);
        let voltage = (outer.0 - middle.0, outer.1 - middle.1);
        let turn = if back[element] { 180.0 } else { 0.0 };
        let current = vector(5.0, -120.0 * amps[element] as f64 - lag + turn);
        let active = voltage.0 * current.0 + voltage.1 * current.1;
        let reactive = voltage.1 * current.0 - voltage.0 * current.1;
        figures.volts[at] = Some((voltage.0.hypot(voltage.1) * 10.0) as i64);
        figures.amps[at] = Some(5_000);
        figures.watts[at] = Some((active * 10.0).round() as i64);
        figures.vars[at] = Some((reactive * 10.0).round() as i64);
    }
    figures
}

#[test]
fn three_wires_without_a_neutral_are_never_judged_wrong_either() {
    let [mut right, mut unnamed, mut cannot, mut wrong, mut likely, mut good] = [0u32; 6];
    let told_so = [-10.0, 0.0, 10.0].map(|lag| (lag, Load::Resistive));
    let not_told = [-80.0, -45.0, -10.0, 0.0, 20.0, 44.0, 70.0].map(|lag| (lag, Load::Ordinary));
    for (lag, told) in told_so.into_iter().chain(not_told) {
        for volts in ORDERS {
            for amps in [[0, 2], [2, 0]] {
                for back in [[false, false], [true, false], [false, true], [true, true]] {
                    let figures = three_wire(volts, amps, back, lag);
                    let verdict = judge(System::ThreeWire, &figures, told);
                    // What the verdict names must give these very figures.
                    let same = |faults: &[Fault]| {
                        let (mut own_volts, mut own_amps) = ([0, 1, 2], [0, 2]);
                        let mut own_back = [false; 2];
                        for fault in faults {
                            match *fault {
                                Fault::VoltagesSwapped(a, b) => own_volts.swap(a.into(), b.into()),
                                Fault::VoltagesMoved(by) => own_volts.rotate_left(by.into()),
                                Fault::CurrentsSwapped(..) => own_amps.swap(0, 1),
                                Fault::CurrentReversed(at) => own_back[usize::from(at / 2)] = true,
                                _ => panic!("{fault:?}"),
                            }
                        }
                        let own = three_wire(own_volts, own_amps, own_back, lag);
                        own.order_reversed == figures.order_reversed
                            && own.watts == figures.watts
                            && own.vars == figures.vars
                    };
                    let named = same(&verdict.faults);
                    match verdict.finding {
                        Finding::CannotTell => cannot += 1,
                        Finding::Wrong if verdict.faults.is_empty() && !named => unnamed += 1,
                        Finding::Wrong if verdict.faults.is_empty() => wrong += 1,
                        _ if named => right += 1,
                        _ => wrong += 1,
                    }
                    let straight = (volts, amps, back) == ([0, 1, 2], [0, 2], [false; 2]);
                    if let Some(own) = &verdict.likely {
                        likely += 1;
                        assert!(same(&own.faults), "{verdict:?}");
                        good += u32::from(straight && own.faults.is_empty());
                    }
                }
            }
        }
    }
    println!(
        "three-wire: right {right}, wrong without a name {unnamed}, cannot tell {cannot}, \
         wrong {wrong}, likely on a word {likely}, good among them {good}/3"
    );
    assert_eq!((wrong, good), (0, 3));
}
