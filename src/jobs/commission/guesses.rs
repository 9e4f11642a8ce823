//! All the ways in which a meter can be wired, and what each does to the angles it measures.
//!
//! An element measures the angle from its current to its voltage. On a right wiring that is the
//! load's own angle; every mistake adds a fixed step to it: 120 degrees for each phase a current is
//! off, 180 for a current led through backwards (60 and 300 for both). In a three-wire meter the
//! elements stand at +30 and -30 from the start. Wirings that add the same steps everywhere cannot
//! be told apart by any figure of the meter; they are one guess, named by its fewest mistakes.

use std::collections::BTreeMap;

use super::wiring::{Fault, System};

/// A wiring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// Its mistakes; none: the wiring is right.
    pub faults: Vec<Fault>,
    /// Degrees that it adds at each element.
    pub steps: [i32; 3],
    /// Whether the voltages follow each other the wrong way round.
    pub odd: bool,
    /// For each element's voltage the element that has its conductor's current. Told of four-wire
    /// meters only.
    pub pairs: [u8; 3],
}

impl Guess {
    /// How many mistakes it takes: to lead three wires one place on takes two, and so does to turn
    /// all currents (the supply came in where the load goes out).
    pub fn weight(&self) -> u32 {
        let turned = |fault: &&Fault| matches!(fault, Fault::CurrentReversed(_));
        let moved =
            |fault: &&Fault| matches!(fault, Fault::CurrentsMoved(_) | Fault::VoltagesMoved(_));
        let (turned, moved) =
            (self.faults.iter().filter(turned).count(), self.faults.iter().filter(moved).count());
        let others = self.faults.len() - turned - moved;
        u32::try_from(turned.min(2) + 2 * moved + others).unwrap_or(u32::MAX)
    }
}

/// Every wiring of such a meter, the simplest first.
pub fn all(system: System) -> Vec<Guess> {
    let mut guesses = match system {
        System::Single => single(),
        System::ThreeWire => three_wire(),
        System::FourWire => four_wire(),
    };
    guesses.sort_by_key(Guess::weight);
    guesses
}

/// Where pairs tell nothing: one element, or voltages between phases.
const UNTOLD: [u8; 3] = [0, 1, 2];

/// For each voltage the element with its conductor's current: the phases of the voltages follow
/// each other forwards or backwards, and each current is so many phases ahead of its voltage.
fn pairs(odd: bool, ahead: [i32; 3]) -> [u8; 3] {
    let volts = if odd { [0, 2, 1] } else { [0, 1, 2] };
    let amps: Vec<i32> = volts.iter().zip(ahead).map(|(own, n)| (own + n) % 3).collect();
    volts.map(|phase| {
        let at = amps.iter().position(|own| *own == phase).unwrap_or_default();
        u8::try_from(at).unwrap_or_default()
    })
}

fn single() -> Vec<Guess> {
    let reversed = vec![Fault::CurrentReversed(0)];
    vec![
        Guess { faults: Vec::new(), steps: [0; 3], odd: false, pairs: UNTOLD },
        Guess { faults: reversed, steps: [180, 0, 0], odd: false, pairs: UNTOLD },
    ]
}

/// Reversals of three currents, or of as many as there are.
fn reversals(elements: &[u8]) -> Vec<Vec<u8>> {
    (0..1u8 << elements.len())
        .map(|mask| {
            let set = |(bit, _): &(usize, &u8)| mask >> bit & 1 == 1;
            elements.iter().enumerate().filter(set).map(|(_, element)| *element).collect()
        })
        .collect()
}

/// By how many phases the current of each element is ahead of its voltage. The six patterns are all
/// that permutations of three voltages and three currents can give, for each sense of rotation.
fn four_wire() -> Vec<Guess> {
    let patterns: [(bool, [i32; 3], Vec<Fault>); 12] = [
        (false, [0, 0, 0], vec![]),
        (false, [1, 1, 1], vec![Fault::CurrentsMoved(1)]),
        (false, [2, 2, 2], vec![Fault::CurrentsMoved(2)]),
        (false, [0, 1, 2], vec![Fault::CurrentsSwapped(1, 2)]),
        (false, [1, 2, 0], vec![Fault::CurrentsSwapped(0, 1)]),
        (false, [2, 0, 1], vec![Fault::CurrentsSwapped(0, 2)]),
        (true, [0, 0, 0], vec![Fault::OrderReversed]),
        (true, [1, 1, 1], vec![Fault::OrderReversed, Fault::CurrentsMoved(1)]),
        (true, [2, 2, 2], vec![Fault::OrderReversed, Fault::CurrentsMoved(2)]),
        (true, [0, 2, 1], vec![Fault::VoltagesSwapped(1, 2)]),
        (true, [2, 1, 0], vec![Fault::VoltagesSwapped(0, 1)]),
        (true, [1, 0, 2], vec![Fault::VoltagesSwapped(0, 2)]),
    ];
    let mut guesses = Vec::new();
    for (odd, ahead, faults) in patterns {
        for turned in reversals(&[0, 1, 2]) {
            let (faults, steps) = (faults.clone(), ahead.map(|n| n * 120));
            let mut guess = Guess { faults, steps, odd, pairs: pairs(odd, ahead) };
            for element in turned {
                guess.faults.push(Fault::CurrentReversed(element));
                if let Some(step) = guess.steps.get_mut(usize::from(element)) {
                    *step = (*step + 180) % 360;
                }
            }
            guesses.push(guess);
        }
    }
    guesses
}

/// Degrees of a phase voltage, or of the current that belongs to it: B is 120 behind A.
fn phase(nth: usize) -> i32 {
    [0, 240, 120].get(nth % 3).copied().unwrap_or_default()
}

/// Degrees of the voltage between two phases: 30 ahead of the first, or 30 behind it.
fn line(from: usize, to: usize) -> i32 {
    phase(from) + if (to + 3 - from) % 3 == 1 { 30 } else { 330 }
}

/// Two elements: the voltages from the first and third terminal to the middle one, the currents of
/// the first and third phase.
fn three_wire() -> Vec<Guess> {
    let voltages: [([usize; 3], Option<Fault>); 6] = [
        ([0, 1, 2], None),
        ([1, 2, 0], Some(Fault::VoltagesMoved(1))),
        ([2, 0, 1], Some(Fault::VoltagesMoved(2))),
        ([0, 2, 1], Some(Fault::VoltagesSwapped(1, 2))),
        ([1, 0, 2], Some(Fault::VoltagesSwapped(0, 1))),
        ([2, 1, 0], Some(Fault::VoltagesSwapped(0, 2))),
    ];
    // By steps and sense of rotation: what no figure can tell apart is one guess.
    let mut classes: BTreeMap<([i32; 3], bool), Guess> = BTreeMap::new();
    for (at, moved) in voltages {
        let odd = matches!(moved, Some(Fault::VoltagesSwapped(..)));
        for currents in [[0, 2], [2, 0]] {
            for turned in reversals(&[0, 2]) {
                let back = |element| i32::from(turned.contains(&element)) * 180;
                let first = line(at[0], at[1]) - phase(currents[0]) + back(0);
                let third = line(at[2], at[1]) - phase(currents[1]) + back(2);
                let mut faults: Vec<Fault> = moved.into_iter().collect();
                if currents == [2, 0] {
                    faults.push(Fault::CurrentsSwapped(0, 2));
                }
                faults.extend(turned.iter().map(|element| Fault::CurrentReversed(*element)));
                let steps = [first.rem_euclid(360), 0, third.rem_euclid(360)];
                let guess = Guess { faults, steps, odd, pairs: UNTOLD };
                let known = classes.entry((steps, odd)).or_insert_with(|| guess.clone());
                if guess.weight() < known.weight() {
                    *known = guess;
                }
            }
        }
    }
    classes.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_guesses_look_alike() {
        for (system, count) in [(System::Single, 2), (System::FourWire, 96)] {
            let guesses = all(system);
            assert_eq!(guesses.len(), count);
            for (nth, one) in guesses.iter().enumerate() {
                let twin = |other: &Guess| (other.steps, other.odd) == (one.steps, one.odd);
                assert!(!guesses[nth + 1..].iter().any(twin), "{one:?}");
            }
            assert!(guesses[0].faults.is_empty());
        }
        let swapped = all(System::FourWire);
        let of = |fault| swapped.iter().find(|guess| guess.faults == [fault]).unwrap().pairs;
        assert_eq!(of(Fault::CurrentsSwapped(1, 2)), [0, 2, 1]);
        assert_eq!(of(Fault::VoltagesSwapped(0, 2)), [2, 1, 0]);
        // In A is current B, in B C, in C A: the conductor of voltage A has its current in C.
        assert_eq!(of(Fault::CurrentsMoved(1)), [2, 0, 1]);
        assert_eq!((of(Fault::OrderReversed), of(Fault::CurrentReversed(1))), (UNTOLD, UNTOLD));
        let three = all(System::ThreeWire);
        assert_eq!((three[0].steps, three[0].faults.len()), ([30, 0, 330], 0));
    }
}
