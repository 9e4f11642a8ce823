//! The simulator's own chance: seeded, so that a seed replays a whole day of faults.

use serde::{Deserialize, Serialize};

/// Step and mixing constants of SplitMix64 (Steele, Lea, Flood 2014; public domain reference code).
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A SplitMix64 generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// True in `per_mille` of a thousand calls. Every call draws, whatever the answer, so that one
    /// setting does not shift the chances of another.
    pub(super) fn chance(&mut self, per_mille: u16) -> bool {
        self.draw() % 1000 < u64::from(per_mille)
    }
}

/// A value from 0 to `below` - 1 that depends on the inputs alone: reading it changes nothing.
pub(super) fn still(seed: u64, moment: u64, place: u64, below: u64) -> u64 {
    let mixed = mix(seed ^ mix(moment.wrapping_mul(STEP) ^ mix(place.wrapping_add(STEP))));
    if below == 0 { 0 } else { mixed % below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_about_right_and_replay() {
        let count = |seed| {
            let mut noise = Noise::new(seed);
            (0..10_000).filter(|_| noise.chance(100)).count()
        };
        assert!((900..1100).contains(&count(1)), "{}", count(1));
        assert_eq!(count(7), count(7));
        assert_eq!(still(1, 2, 3, 10), still(1, 2, 3, 10));
        assert_eq!(still(1, 2, 3, 0), 0);
    }
}
