//! A small generator (SplitMix64): the same seed makes the same mutants everywhere.

pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0..`most`; 0 where there is nothing to choose.
    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// Up to `most` bytes.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    /// A number of any size, near the places where its form changes.
    pub fn number(&mut self) -> u64 {
        let edges = [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, 1 << 63];
        match self.below(3) {
            0 => edges[self.below(edges.len())].wrapping_add(self.below(3) as u64),
            1 => self.next() >> self.below(64),
            _ => edges[self.below(edges.len())].wrapping_sub(self.below(3) as u64),
        }
    }
}
