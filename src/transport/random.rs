//! The one random source of simulated faults: `SplitMix64`, seeded, the same on every machine.
//!
//! Our own ten lines rather than a crate, because a failing seed printed by a test today must
//! replay in five years, and generators in crates change between versions. The constants are those
//! of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), as in
//! Sebastiano Vigna's public-domain `splitmix64.c`. Never use it for keys.

use std::time::Duration;

/// A seeded sequence of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// A sequence that depends on `seed` alone.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when `limit` is 0. The bias of the method is below `limit` / 2^64.
    pub fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// True `per_million` times in a million. 0 draws nothing, so a new kind of fault that is off
    /// leaves the runs of old seeds as they were.
    pub fn chance(&mut self, per_million: u32) -> bool {
        per_million != 0 && self.below(1_000_000) < u64::from(per_million)
    }

    /// A time from `shortest` to `longest`.
    pub fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let spread = longest.saturating_sub(shortest).as_micros();
        let spread = u64::try_from(spread).unwrap_or(u64::MAX - 1);
        shortest + Duration::from_micros(self.below(spread + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // First outputs of splitmix64.c for seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
        assert_eq!(random.bits(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn chances_are_what_they_say() {
        let mut random = Random::new(1);
        let hits = (0..100_000).filter(|_| random.chance(20_000)).count();
        assert!((1_800..2_200).contains(&hits), "{hits} of 100 000 at 2 %");
        assert!((0..1000).all(|_| !random.chance(0)));
        assert!((0..1000).all(|_| random.chance(1_000_000)));
        assert!((0..1000).all(|_| random.below(7) < 7));
        assert_eq!(random.below(0), 0);
    }
}
