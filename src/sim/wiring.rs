//! How a meter is wired: which phase is on which terminal, what its elements measure of the load
//! then, and the status bits that follow (`reference/dlt645.md` 3.2, 3.6).

use serde::{Deserialize, Serialize};

use super::meter::Meter;

/// Tenths of a degree in a full turn, and between two phases.
const TURN: i32 = 3600;
const PHASE: i32 = 1200;

/// Which phase each terminal has. As text: voltages, a space, currents; a minus before a current
/// that goes through backwards, a dot for a voltage that is missing: `"abc a-bc"`. After another
/// space the phase that is switched off ahead of the meter: `"abc acb b"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wiring {
    volts: [Option<u8>; 3],
    amps: [(u8, bool); 3],
    off: Option<u8>,
}

impl Wiring {
    /// As it should be.
    pub const STRAIGHT: Self = Self {
        volts: [Some(0), Some(1), Some(2)],
        amps: [(0, false), (1, false), (2, false)],
        off: None,
    };

    /// The same with a phase (0 to 2) switched off ahead of the meter, or with all of them on.
    pub fn without(self, off: Option<u8>) -> Self {
        Self { off, ..self }
    }
}

impl TryFrom<String> for Wiring {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("expected a wiring such as \"abc a-bc\", got {text:?}");
        let phase = |c: char| "abc".find(c).and_then(|at| u8::try_from(at).ok());
        let (volts, amps) = text.split_once(' ').ok_or_else(bad)?;
        let mut wiring = Self::STRAIGHT;
        if volts.chars().count() != 3 {
            return Err(bad());
        }
        for (slot, c) in wiring.volts.iter_mut().zip(volts.chars()) {
            *slot = if c == '.' { None } else { Some(phase(c).ok_or_else(bad)?) };
        }
        if let Some((_, off)) = amps.split_once(' ') {
            let mut letters = off.chars();
            wiring.off = Some(letters.next().and_then(phase).ok_or_else(bad)?);
            if letters.next().is_some() {
                return Err(bad());
            }
        }
        let mut rest = amps.split(' ').next().unwrap_or_default().chars();
        for slot in &mut wiring.amps {
            let mut c = rest.next().ok_or_else(bad)?;
            let back = c == '-';
            if back {
                c = rest.next().ok_or_else(bad)?;
            }
            *slot = (phase(c).ok_or_else(bad)?, back);
        }
        if rest.next().is_some() { Err(bad()) } else { Ok(wiring) }
    }
}

impl From<Wiring> for String {
    fn from(wiring: Wiring) -> Self {
        let letter = |phase: u8| char::from(b'a' + phase);
        let volts = wiring.volts.map(|phase| phase.map_or('.', letter));
        let mut text: Self = volts.iter().collect();
        text.push(' ');
        for (phase, back) in wiring.amps {
            text.extend(back.then_some('-'));
            text.push(letter(phase));
        }
        if let Some(off) = wiring.off {
            text.extend([' ', letter(off)]);
        }
        text
    }
}

/// What one element measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// 0.1 V.
    pub volts: u64,
    /// mA.
    pub amps: u64,
    /// 0.1 W, 0.1 var: with their signs.
    pub watts: i64,
    pub vars: i64,
    /// 0.1 VA.
    pub apparent: i64,
    /// From current to voltage, 0.1 degree, 0 to 3599.
    pub angle: i32,
}

impl Meter {
    /// Whether load and wiring are the plain ones: three equal phases at 0.95, all as it should be.
    pub(super) fn is_plain(&self) -> bool {
        self.setup.wiring == Wiring::STRAIGHT && self.setup.lag == 182
    }

    /// What an element, 0 to 2, measures. No vector is rounded before the end.
    pub(super) fn element(&self, at: usize) -> Element {
        let wiring = self.setup.wiring;
        let none = Element { volts: 0, amps: 0, watts: 0, vars: 0, apparent: 0, angle: 0 };
        let phases = u64::from(self.setup.phases.clamp(1, 3));
        let (Some(volt), Some((amp, back))) = (wiring.volts.get(at), wiring.amps.get(at)) else {
            return none;
        };
        let load = self.power_w() as f64 / phases as f64;
        let cos = (f64::from(self.setup.lag) / 10.0).to_radians().cos().max(0.01);
        let supply = self.volts_x10(at as u8 + 1);
        // mA of the load: W, divided by volts and power factor.
        let amps = (load / cos * 10_000.0 / supply as f64).round() as u64;
        // What is switched off ahead of the meter has neither voltage nor current.
        let amps = if wiring.off == Some(*amp) { 0 } else { amps };
        let Some(volt) = volt.filter(|volt| wiring.off != Some(*volt)) else {
            return Element { amps, ..none };
        };
        let angle = self.setup.lag
            + PHASE * (i32::from(*amp) - i32::from(volt))
            + if *back { TURN / 2 } else { 0 };
        let angle = angle.rem_euclid(TURN);
        let apparent = supply as f64 * amps as f64 / 1000.0;
        let turned = (f64::from(angle) / 10.0).to_radians();
        Element {
            volts: supply,
            amps,
            watts: (apparent * turned.cos()).round() as i64,
            vars: (apparent * turned.sin()).round() as i64,
            apparent: apparent.round() as i64,
            angle: if amps == 0 { 0 } else { angle },
        }
    }

    /// The elements that there are.
    pub(super) fn elements(&self) -> Vec<Element> {
        (0..usize::from(self.setup.phases.clamp(1, 3))).map(|at| self.element(at)).collect()
    }

    /// Power that is counted, W: both directions add (S0 4.2: reverse adds to the forward total).
    pub(super) fn counted_w(&self) -> u64 {
        if self.is_plain() {
            return self.power_w();
        }
        self.elements().iter().map(|element| element.watts.unsigned_abs()).sum::<u64>() / 10
    }

    /// Status word 2: bits 0 to 2 direction of active power A B C, 4 to 6 of reactive power.
    pub(super) fn word_2(&self) -> u16 {
        if self.is_plain() {
            return 0;
        }
        let elements = self.elements();
        let bits = |of: fn(&Element) -> i64| {
            let set = elements.iter().enumerate().filter(|(_, element)| of(element) < 0);
            set.fold(0u16, |word, (at, _)| word | 1 << at)
        };
        bits(|element| element.watts) | bits(|element| element.vars) << 4
    }

    /// Status words 4 to 6: bit 0 loss of voltage, 5 overload, 6 reverse.
    pub(super) fn phase_word(&self, at: usize) -> u16 {
        if at >= usize::from(self.setup.phases.clamp(1, 3)) {
            return 0;
        }
        let mut word = u16::from(self.relay.overloaded()) << 5;
        if !self.is_plain() {
            let element = self.element(at);
            word |= u16::from(element.volts == 0) | u16::from(element.watts < 0) << 6;
        }
        word
    }

    /// Of status word 7: bit 0 voltages, bit 1 currents in the wrong order.
    pub(super) fn sequence_bits(&self) -> u16 {
        let Wiring { volts, amps, .. } = self.setup.wiring;
        if self.setup.phases != 3 {
            return 0;
        }
        let odd = |order: [u8; 3]| matches!(order, [0, 2, 1] | [2, 1, 0] | [1, 0, 2]);
        let volts = match volts {
            [Some(a), Some(b), Some(c)] => odd([a, b, c]),
            _ => false,
        };
        u16::from(volts) | u16::from(odd(amps.map(|(phase, _)| phase))) << 1
    }
}
