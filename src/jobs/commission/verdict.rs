//! What goes into the wiring check ([`super::wiring`]) and what comes out: plain figures, what
//! is assumed of the load, faults, doubts, the verdict.

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
    /// Nobody looked. Most often 0.7 lagging to 0.98 leading, but that decides nothing: it only
    /// says which of several wirings is likelier.
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
    pub(super) fn assumed(self, system: System) -> (i32, i32) {
        match self {
            _ if system == System::Single => (-850, 850),
            Self::Ordinary => (-120, 450),
            Self::Resistive => (-150, 150),
            Self::Inductive => (200, 750),
            Self::Capacitive => (-650, -100),
            Self::Unknown => (-900, 900),
        }
    }

    /// Whether a person said something of the load that may decide between wirings. What is only
    /// usual must not: capacitors left on would make a wrong wiring look right.
    pub(super) fn decides(self) -> bool {
        matches!(self, Self::Resistive | Self::Inductive | Self::Capacitive)
    }

    /// Angles it may have at all.
    pub(super) fn conceivable(self) -> (i32, i32) {
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

/// What was found, whatever the load is that draws energy there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The wiring is right.
    Right,
    /// The wiring is wrong, as the faults say. Without a fault: it cannot be right, whatever the
    /// load, and which of the wirings named as twins it is cannot be told.
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
    /// Nothing is found; what is likely rests on a person's word about the load.
    Word,
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

/// The one wiring that fits what a person said of the load. Not a finding: an untrue word makes it
/// another one, and no figure of the meter shows that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likely {
    /// What would be wrong then; nothing: it would be right.
    pub faults: Vec<Fault>,
    /// The word that it rests on.
    pub load: Load,
}

/// The verdict with all it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was found.
    pub finding: Finding,
    /// How sure that is.
    pub confidence: Confidence,
    /// What is wrong, as far as that was found.
    pub faults: Vec<Fault>,
    /// Which of several wirings it would be if the load is as a person said.
    pub likely: Option<Likely>,
    /// What stands against a verdict, or weakens it.
    pub doubts: Vec<Doubt>,
    /// Wirings with the same figures between which it lies; beside a likely one, the others. The
    /// likelier and simpler ones first.
    pub twins: Vec<Vec<Fault>>,
    /// By element.
    pub elements: [Element; 3],
    /// The total the meter counts hides a negative element: it adds amounts.
    pub total_hides: bool,
}
