//! Which questions at which settings, in which order, and how long that takes when nobody answers.

use std::time::Duration;

use super::{modbus, tree};
use crate::jobs::views::{SurveyPlan, SurveyProtocol};
use crate::transport::{LineSettings, Parity};

/// Listening before the first question.
pub const CHATTER: Duration = Duration::from_millis(300);
/// Longest time until a meter begins its answer (DL/T 645: 20 to 500 ms; CJ/T 188 and DL/T 698.45
/// meters are no slower).
pub const TURNAROUND: Duration = Duration::from_millis(500);
/// The same for IEC 62056-21: 200 to 1500 ms.
pub const TURNAROUND_IEC: Duration = Duration::from_millis(1500);

/// One protocol at one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What to look for.
    pub protocol: SurveyProtocol,
    /// How the line is to be set.
    pub settings: LineSettings,
}

/// The usual settings of each protocol in likely order (`reference/dlt645.md` 7,
/// `reference/other-meters.md` 1 and 4, `reference/transport.md` 5).
const USUAL: [(SurveyProtocol, &[LineSettings]); 6] = [
    (
        SurveyProtocol::Dlt645,
        &[
            LineSettings::even(2400),
            LineSettings::even(1200),
            LineSettings::even(9600),
            LineSettings::plain(9600),
            LineSettings::even(4800),
        ],
    ),
    (
        SurveyProtocol::Dlt645v1997,
        &[
            LineSettings::even(1200),
            LineSettings::even(2400),
            LineSettings::even(9600),
            LineSettings::plain(9600),
            LineSettings::even(4800),
        ],
    ),
    (SurveyProtocol::Cjt188, &[LineSettings::even(2400)]),
    (SurveyProtocol::Dlt698, &[LineSettings::even(9600)]),
    (
        SurveyProtocol::Modbus,
        &[
            LineSettings::plain(9600),
            LineSettings::even(9600),
            LineSettings::plain(2400),
            LineSettings::plain(4800),
            LineSettings::plain(19_200),
        ],
    ),
    (SurveyProtocol::Iec, &[SEVEN]),
];

/// 300 7E1, where every IEC 62056-21 conversation begins.
const SEVEN: LineSettings =
    LineSettings { baud: 300, parity: Parity::Even, data_bits: 7, stop_bits: 1 };

/// Settings that are tried as well when everything is asked for.
const RARE: [(SurveyProtocol, &[LineSettings]); 4] = [
    (
        SurveyProtocol::Modbus,
        &[
            LineSettings::even(19_200),
            LineSettings::even(2400),
            LineSettings::even(4800),
            LineSettings::plain(38_400),
            LineSettings::plain(1200),
            LineSettings::plain(115_200),
        ],
    ),
    (SurveyProtocol::Dlt645, &[LineSettings::plain(2400), LineSettings::even(19_200)]),
    (SurveyProtocol::Cjt188, &[LineSettings::even(9600), LineSettings::plain(2400)]),
    (SurveyProtocol::Dlt698, &[LineSettings::even(2400), LineSettings::even(115_200)]),
];

/// Whether a protocol was asked for. Naming DL/T 645 means both editions.
pub fn wanted(plan: &SurveyPlan, protocol: SurveyProtocol) -> bool {
    let named = |wanted| plan.protocols.contains(&wanted);
    plan.protocols.is_empty()
        || named(protocol)
        || protocol == SurveyProtocol::Dlt645v1997 && named(SurveyProtocol::Dlt645)
}

/// The steps of a plan in order. A speed or parity that was asked for and is not among the usual
/// ones is tried with every protocol.
pub fn steps(plan: &SurveyPlan) -> Vec<Step> {
    let rows = if plan.all { USUAL.iter().chain(&RARE) } else { USUAL.iter().chain(&[]) };
    let mut steps = Vec::new();
    for (protocol, settings) in rows.filter(|(protocol, _)| wanted(plan, *protocol)) {
        let fits = |settings: &&LineSettings| {
            plan.baud.is_none_or(|baud| baud == settings.baud)
                && plan.parity.is_none_or(|parity| parity == letter(settings.parity))
        };
        let fitting: Vec<LineSettings> = settings.iter().filter(fits).copied().collect();
        steps.extend(fitting.iter().map(|s| Step { protocol: *protocol, settings: *s }));
        if fitting.is_empty() && (plan.baud.is_some() || plan.parity.is_some()) {
            let asked = asked_for(plan, settings);
            let step = asked.map(|settings| Step { protocol: *protocol, settings });
            steps.extend(step.filter(|step| !steps.contains(step)));
        }
    }
    // The older edition right after the newer at each setting: one change of the line for both.
    let mut ordered: Vec<Step> = Vec::with_capacity(steps.len());
    for step in &steps {
        if step.protocol == SurveyProtocol::Dlt645v1997 && ordered.contains(step) {
            continue;
        }
        ordered.push(*step);
        let old = Step { protocol: SurveyProtocol::Dlt645v1997, ..*step };
        if step.protocol == SurveyProtocol::Dlt645 && steps.contains(&old) {
            ordered.push(old);
        }
    }
    ordered
}

fn asked_for(plan: &SurveyPlan, usual: &[LineSettings]) -> Option<LineSettings> {
    let usual = *usual.first()?;
    let parity = match plan.parity {
        Some('N') => Parity::None,
        Some('O') => Parity::Odd,
        Some(_) => Parity::Even,
        None => usual.parity,
    };
    Some(LineSettings { baud: plan.baud.unwrap_or(usual.baud), parity, ..usual })
}

/// The letter of a parity in `8E1`.
pub fn letter(parity: Parity) -> char {
    match parity {
        Parity::None => 'N',
        Parity::Even => 'E',
        Parity::Odd => 'O',
    }
}

/// How long a step takes when nobody answers.
pub fn budget(step: &Step, plan: &SurveyPlan) -> Duration {
    let settings = &step.settings;
    let ask = |count: usize, wait: Duration| settings.wire(count) + wait;
    match step.protocol {
        SurveyProtocol::Dlt645 => {
            let wildcard = ask(16, TURNAROUND) * tree::TRIES;
            if deep(plan) { wildcard + ask(20, TURNAROUND) * 100 } else { wildcard }
        }
        SurveyProtocol::Dlt645v1997 => ask(18, TURNAROUND) * 2,
        SurveyProtocol::Cjt188 => ask(20, TURNAROUND) * 5,
        SurveyProtocol::Dlt698 => ask(29, TURNAROUND),
        SurveyProtocol::Modbus => modbus::budget(settings, plan.from, plan.to),
        SurveyProtocol::Iec => ask(5, TURNAROUND_IEC),
    }
}

/// Whether DL/T 645 numbers are searched where nobody answers the wildcard: a minute for each
/// setting, so only when DL/T 645 alone was asked for.
pub fn deep(plan: &SurveyPlan) -> bool {
    let only = |p: &SurveyProtocol| *p == SurveyProtocol::Dlt645;
    plan.all && !plan.protocols.is_empty() && plan.protocols.iter().all(only)
}
